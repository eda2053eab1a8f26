//! `list`: the same rows from a running node, from its data directory when none runs, and after a restart.

use super::lab::{Lab, Report};
use chrono::{SubsecRound, TimeDelta, Utc};
use serde_json::{Value, json};

const MASTER: &str = "8000620201";
/// A JT802's report through a master lock: valve open, locked, fully charged.
const VALVE_OPEN: &str = "28383035343230313937332c312c3136382c574c4e45542c352c322c3d15022508595325169288057327940f0a05\
                          3d150225085955e03b60000a3d110138633d0006804200000013000000000029";
const TRACKER: &str =
    "$POS,6002,{time},A,0931.0430,N,06912.8707,W,0.05,146.98,{date},,,A/00010,00000/0,/5360872\r\n";

/// Rows without what may differ between two moments or two processes: words of the link.
fn lasting(mut rows: Vec<Value>) -> Vec<Value> {
    for row in &mut rows {
        row.as_object_mut().unwrap().remove("link");
    }
    rows
}

fn everything(lab: &Lab) -> Vec<(&'static str, Vec<Value>)> {
    ["devices", "assets", "alarms", "commands"].map(|what| (what, lasting(lab.list(&[what, "--all"])))).into()
}

#[test]
fn rows_are_the_same_while_it_runs_after_it_stopped_and_when_it_runs_again() {
    let lab = Lab::new();
    let node = lab.serve();
    let now = Utc::now().trunc_subsecs(0);
    let closed = Report::new(MASTER).number(1).at(now - TimeDelta::seconds(50));
    let cut = Report::new(MASTER).number(2).at(now - TimeDelta::seconds(20)).status(Report::ROPE_CUT);
    node.connect().ask([closed.bytes(), cut.bytes()].concat(), "(P69,0,1)(P69,0,2)");
    node.connect().ask(hex::decode(VALVE_OPEN).unwrap(), "(P69,0,44)");
    let (time, date) = (now.format("%H%M%S.000").to_string(), now.format("%d%m%y").to_string());
    let mut tracker = node.connect();
    tracker.send(TRACKER.replace("{time}", &time).replace("{date}", &date));
    drop(tracker.finish());

    let running = everything(&lab);
    let device = |id: &str| running[0].1.iter().find(|row| row["id"] == id).unwrap().clone();
    let stamp = |at: chrono::DateTime<Utc>| json!(at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));

    let master = device(MASTER);
    assert_eq!(master["lock"], "locked", "{master:#}");
    assert_eq!(master["kind"], "master_lock");
    assert_eq!(master["protocol"], "jointech-master");
    assert_eq!(master["status"], "enrolled");
    assert_eq!(master["asset"], MASTER);
    assert_eq!(master["parts"]["motor"]["state"], "closed");
    assert_eq!(master["parts"]["rope"]["state"], "closed");
    assert_eq!(master["parts"]["cover"]["state"], "closed");
    assert_eq!(master["since"], stamp(closed.at), "{master:#}");
    assert_eq!(master["as_of"], stamp(cut.at), "{master:#}");
    assert_eq!(master["battery_pct"], 40);
    assert!((master["position"]["lat"].as_f64().unwrap() - 22.580_517).abs() < 1e-6, "{master:#}");
    assert!((master["position"]["lon"].as_f64().unwrap() - 113.917_572).abs() < 1e-6, "{master:#}");
    assert_eq!(master["position"]["at"], stamp(cut.at));
    assert!(master["last_received"].is_string());

    let valve = device("E03B60000A");
    assert_eq!((&valve["bound_to"], &valve["asset"]), (&json!("8054201973"), &json!("8054201973")));
    assert_eq!(valve["kind"], "valve_lock");
    assert_eq!(valve["valve"], "open", "{valve:#}");
    assert_eq!(valve["battery_pct"], 99);
    assert_eq!(device("8054201973")["lock"], "unknown", "its master said nothing of itself");
    let tracker = device("6002");
    assert_eq!(tracker["key"], "bofan/6002");
    assert_eq!(tracker["lock"], Value::Null);
    assert!((tracker["position"]["lat"].as_f64().unwrap() - 9.517_383).abs() < 1e-6, "{tracker:#}");

    let alarms = &running[2].1;
    let rope = alarms.iter().find(|row| row["kind"] == "rope_cut").unwrap_or_else(|| panic!("{alarms:#?}"));
    assert_eq!((&rope["device"], &rope["state"]), (&json!(MASTER), &json!("unack_active")), "{rope:#}");
    assert_eq!((&rope["first"], &rope["count"]), (&stamp(cut.at), &json!(1)), "{rope:#}");
    let asset = running[1].1.iter().find(|row| row["name"] == MASTER).unwrap();
    assert_eq!(asset["seal"], "tampered", "{asset:#}");

    node.stop();
    assert_same(&running, &everything(&lab), "after it stopped");
    let node = lab.serve();
    assert_same(&running, &everything(&lab), "when it runs again");
    node.kill();
    assert_same(&running, &everything(&lab), "after it was killed");
}

fn assert_same(a: &[(&str, Vec<Value>)], b: &[(&str, Vec<Value>)], when: &str) {
    for ((what, a), (_, b)) in a.iter().zip(b) {
        assert_eq!(a.len(), b.len(), "{what} {when}");
        for (a, b) in a.iter().zip(b) {
            for (key, value) in a.as_object().unwrap() {
                assert_eq!(value, &b[key], "{what} {when}: {key} of {a:#}");
            }
        }
    }
}

#[test]
fn late_data_never_moves_live_state_backwards_and_a_fast_clock_is_not_believed() {
    let lab = Lab::new();
    let node = lab.serve();
    let id = "8000620202";
    let now = Utc::now();
    let mut device = node.connect();
    let open = Report::new(id).number(1).at(now - TimeDelta::seconds(5)).status(Report::MOTOR_OPEN);
    device.ask(open.bytes(), "(P69,0,1)");
    let old = Report::new(id).number(2).at(now - TimeDelta::hours(3));
    device.ask(old.bytes(), "(P69,0,2)");
    assert_eq!(lab.device(id).unwrap()["lock"], "unlocked");

    // A frame of the year after next counts from when it came, and what comes after it still counts.
    let future = Report::new(id).number(3).at(now + TimeDelta::days(700));
    device.ask(future.bytes(), "(P69,0,3)");
    let row = lab.device(id).unwrap();
    assert_eq!(row["lock"], "locked", "{row:#}");
    let as_of: chrono::DateTime<Utc> = row["as_of"].as_str().unwrap().parse().unwrap();
    assert!(as_of <= Utc::now(), "{row:#}");
    let open = Report::new(id).number(4).at(now + TimeDelta::days(700)).status(Report::MOTOR_OPEN);
    device.ask(open.bytes(), "(P69,0,4)");
    assert_eq!(lab.device(id).unwrap()["lock"], "unlocked");
    node.stop();
}

/// Rows of a large fleet do not fit into one line of the operator protocol.
#[test]
fn a_fleet_of_thousands_is_listed_while_the_node_runs() {
    use lockyard::domain::DeviceKind;
    use lockyard::domain::journal::{Body, RegistryAct};
    use lockyard::store::{NewEntry, Options, Store};
    const FLEET: usize = 6000;

    let lab = Lab::new();
    super::lab::runtime().block_on(async {
        let mut opened = Store::open(&lab.data(), Options { limit_bytes: 1 << 30 }).unwrap();
        let mut tickets = Vec::new();
        for n in 0..FLEET {
            let id = format!("81{n:08}");
            let act = RegistryAct::Enrol {
                device: lockyard::domain::DeviceKey::jointech(&id),
                kind: DeviceKind::MasterLock,
                asset: id,
                bound_to: None,
                plate: None,
                by: "test".into(),
            };
            tickets.push(opened.store.submit(NewEntry::new(Utc::now(), Body::Registry(act))).await.unwrap());
            while opened.committed.try_recv().is_ok() {}
        }
        for ticket in tickets {
            ticket.await.unwrap();
        }
        drop(opened.committed);
        opened.store.close().await;
    });
    let node = lab.serve();
    assert_eq!(lab.list(&["devices"]).len(), FLEET);
    assert_eq!(lab.list(&["assets"]).len(), FLEET);
    lab.ok(&["status"]);
    lab.ok(&["enrol", "8100000007", "--asset", "Tanker 7"]);
    assert_eq!(lab.device("8100000007").unwrap()["asset"], "Tanker 7");
    node.stop();
    assert_eq!(lab.list(&["devices"]).len(), FLEET);
}

#[test]
fn a_reader_that_closes_its_pipe_is_no_failure() {
    use std::process::Stdio;
    let lab = Lab::new();
    let node = lab.serve();
    node.connect().ask(Report::new("8000620203").bytes(), "(P69,0,1)");
    for args in [["list", "devices"], ["list", "assets"], ["status", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = lab.command(&args);
        let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked"), "{args:?}: {said}");
        assert_ne!(output.status.code(), Some(101), "{args:?}: {said}");
    }
    node.stop();
}
