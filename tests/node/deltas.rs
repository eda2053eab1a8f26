//! A tracker that tells only what changed is understood over reconnects, kills and restarts.

use super::lab::{Lab, Node, wait_for};

const ID: &str = "00001360000277";

fn sentence(id: &str, clock: &str, course: &str) -> Vec<u8> {
    let day = chrono::Utc::now().format("%d%m%y");
    format!("$POS,{id},{clock}.000,A,0846.0896,N,07552.1738,W,0.0,{course},{day},,,A/00010,00000/142,0,0,0/62792900//f65//\r\n")
        .into_bytes()
}

/// Time (field 2, from `at` on) and course (field 9) differ.
fn delta(base: &[u8], at: u8, clock: &str, course: &str) -> Vec<u8> {
    let check = base.iter().fold(0, |sum, byte| sum ^ byte);
    let mut delta = vec![b'@', check];
    for (field, offset, text) in [(2, at, clock), (9, 0, course)] {
        delta.extend([field, offset, u8::try_from(text.len()).unwrap()]);
        delta.extend(text.as_bytes());
    }
    delta
}

fn heading(lab: &Lab, id: &str) -> Option<f64> {
    lab.device(id)?["position"]["heading_deg"].as_f64()
}

fn until_heading(lab: &Lab, id: &str, want: f64) {
    wait_for("the heading to show", || (heading(lab, id) == Some(want)).then_some(()));
}

fn announce(id: &str) -> String {
    format!("$FUS{id},600-V1.0,A1\r\n")
}

/// Enrolled by name, so that others stay outside.
fn serve(lab: &Lab) -> Node {
    let config = lab.file("config.toml", &format!("[[device]]\nid = \"bofan/{ID}\"\nasset = \"Truck\"\n"));
    lab.serve_with(&["--config", config.to_str().unwrap()])
}

#[test]
fn the_chain_survives_reconnects_and_a_kill() {
    let lab = Lab::new();
    let node = serve(&lab);
    let mut device = node.connect();
    let first = sentence(ID, "000100", "10.0");
    device.send(&first);
    until_heading(&lab, ID, 10.0);
    device.send(delta(&first, 3, "200.000", "20.0"));
    until_heading(&lab, ID, 20.0);

    // A new connection: who it is comes after its first delta.
    drop(device);
    let mut device = node.connect();
    let second = sentence(ID, "000200", "20.0");
    device.send(announce(ID));
    device.send(delta(&second, 3, "300.000", "30.0"));
    until_heading(&lab, ID, 30.0);
    node.kill();

    let node = serve(&lab);
    let mut device = node.connect();
    let third = sentence(ID, "000300", "30.0");
    device.send(delta(&third, 3, "400.000", "40.0"));
    device.send(announce(ID));
    until_heading(&lab, ID, 40.0);
    let fourth = sentence(ID, "000400", "40.0");
    device.send(delta(&fourth, 3, "500.000", "50.0"));
    until_heading(&lab, ID, 50.0);
    node.stop();
}

/// What somebody says in the name of a device that is not enrolled makes no base, in memory or on disk.
#[test]
fn what_is_not_stored_is_no_base() {
    let lab = Lab::new();
    let node = serve(&lab);
    let stranger = "00009999999999";
    let mut device = node.connect();
    device.send(sentence(stranger, "000100", "10.0"));
    device.send(sentence(ID, "000100", "10.0"));
    until_heading(&lab, ID, 10.0);
    wait_for("the stranger to wait", || (lab.device(stranger)?["status"] == "quarantined").then_some(()));
    node.kill();
    let reader = lockyard::store::Reader::open(&lab.data()).unwrap();
    let bases = reader.delta_bases().unwrap();
    let [(key, base)] = &bases[..] else { panic!("{bases:?}") };
    assert_eq!((key.to_string(), base), (format!("bofan/{ID}"), &sentence(ID, "000100", "10.0")));
}

/// Deltas that lead to what cannot be are counted where the operator looks.
#[test]
fn implausible_deltas_are_refused_and_counted() {
    let lab = Lab::new();
    let node = serve(&lab);
    let mut device = node.connect();
    let base = sentence(ID, "000100", "10.0");
    device.send(&base);
    until_heading(&lab, ID, 10.0);
    let check = base.iter().fold(0, |sum, byte| sum ^ byte);
    // Half a degree north in a minute.
    device.send([&[b'@', check, 2, 3, 7][..], b"200.000", &[4, 2, 7], b"16.0896"].concat());
    device.send(sentence(ID, "000300", "30.0"));
    until_heading(&lab, ID, 30.0);
    wait_for("the refusal", || {
        let status: serde_json::Value = serde_json::from_str(&lab.ok(&["status", "--json"])).unwrap();
        (status["refused"] == 1).then_some(())
    });
    node.stop();
}

/// What a source that an operator rejected says makes no base either: the accepted one's next delta would not fit.
#[test]
fn what_a_rejected_source_says_is_no_base() {
    let lab = Lab::new();
    let node = serve(&lab);
    let (mut old, mut new) = (node.connect(), node.connect_from(2));
    old.send(sentence(ID, "000100", "10.0"));
    until_heading(&lab, ID, 10.0);
    new.send(sentence(ID, "000101", "11.0"));
    until_heading(&lab, ID, 11.0);
    let mut second = 200;
    wait_for("the conflict", || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        second += 1;
        old.send(sentence(ID, &format!("000{second}"), "20.0"));
        lab.device(ID).filter(|row| !row["conflict"].is_null())
    });
    lab.ok(&["identity", ID, "--accept", "older", "--note", "called the driver"]);
    let accepted = sentence(ID, "000400", "40.0");
    old.send(&accepted);
    until_heading(&lab, ID, 40.0);
    new.send(sentence(ID, "000500", "50.0"));
    wait_for("it to be ignored", || (lab.device(ID)?["conflict"]["ignored"] == 1).then_some(()));
    let bases = lockyard::store::Reader::open(&lab.data()).unwrap().delta_bases().unwrap();
    assert_eq!(bases[0].1, accepted);
    drop(old);
    let mut again = node.connect();
    again.send(announce(ID));
    again.send(delta(&accepted, 3, "600.000", "60.0"));
    until_heading(&lab, ID, 60.0);
    node.stop();
}
