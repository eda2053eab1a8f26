//! Telling devices what moves no lock: from the operator socket to the device and back, its answer read, its setting
//! read back, its list never written blind.

use super::lab::{Console, Device, Lab, Node, PATIENCE, Report, runtime, wait_for};
use chrono::{TimeDelta, Utc};
use lockyard::domain::{CommandId, DeviceKey};
use lockyard::ipc::wire::{Answer, Ask, Catalogue, FromNode};
use lockyard::simulate::{Fault, MasterLock, Pace};
use serde_json::Value;

const LOCK: &str = "8000620701";
const SUB_A: &str = "E03B60000A";
const SUB_B: &str = "E03B60000B";

fn key(id: &str) -> DeviceKey {
    DeviceKey::jointech(id)
}

fn order(command: &str, args: &[(&str, &str)]) -> Ask {
    Ask::Order {
        target: key(LOCK),
        command: command.into(),
        args: args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        note: "by the book".into(),
    }
}

fn bind(add: &[&str], remove: &[&str]) -> Ask {
    let all = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    Ask::Bind { master: key(LOCK), add: all(add), remove: all(remove), note: String::new() }
}

fn ordered(answer: &Answer) -> CommandId {
    let Answer::Ordered { command, .. } = answer else { panic!("not ordered: {answer:?}") };
    *command
}

fn row(lab: &Lab, id: CommandId) -> Value {
    let rows = lab.list(&["commands", "--all"]);
    rows.into_iter().find(|row| row["id"] == id.0).unwrap_or_else(|| panic!("order {id} is gone"))
}

/// Waits until a field of the order's row has this value.
fn becomes(lab: &Lab, id: CommandId, field: &str, value: &str) -> Value {
    let mut last = Value::Null;
    let end = std::time::Instant::now() + PATIENCE;
    while std::time::Instant::now() < end {
        last = row(lab, id);
        if last[field] == value {
            return last;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{field} was never {value}: {last:#}")
}

/// A lock in contact: it has reported and was answered.
fn in_contact(node: &Node, number: u32) -> Device {
    let mut device = node.connect();
    let report = Report::new(LOCK).number(number);
    device.ask(report.bytes(), &report.answer());
    device
}

fn says(device: &mut Device, text: &str) {
    device.send(format!("({LOCK},{text})"));
}

/// The whole set: a node, its lock on the line, a console.
fn scene(lab: &Lab) -> (Node, Device) {
    let node = lab.serve();
    let device = in_contact(&node, 1);
    (node, device)
}

fn ask(lab: &Lab, ask: Ask) -> Answer {
    runtime().block_on(async { Console::attach(&lab.socket()).await.ask(ask).await })
}

fn refused(lab: &Lab, ask: Ask) -> String {
    match self::ask(lab, ask) {
        Answer::Refused { why } | Answer::Wrong { why } => why,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_reading_is_sent_answered_and_shown() {
    let lab = Lab::new();
    let (node, mut device) = scene(&lab);
    let id = ordered(&ask(&lab, order("firmware", &[])));
    device.expect("(P01)");
    says(&mut device, "P01,JT701D_20240101,87%");
    let row = becomes(&lab, id, "exchange", "answered_ok");
    assert_eq!(row["answer"], "P01 JT701D_20240101,87%");
    assert_eq!(row["told"], "firmware JT701D_20240101, battery 87 %");
    assert_eq!(
        (&row["kind"], &row["class"], &row["evidence"]),
        (&"firmware".into(), &"read".into(), &"n/a".into())
    );
    assert_eq!(
        (&row["target"], &row["asset"], &row["reason"]),
        (&LOCK.into(), &LOCK.into(), &"by the book".into())
    );
    assert_eq!((&row["shown"], &row["attempts"]), (&"(P01)".into(), &1.into()));
    assert!(row["sent"].is_string() && row["answered"].is_string() && row["evidence_at"].is_null());
    let audit = lab.audit();
    assert!(audit.contains(&format!("order firmware jointech/{LOCK} done")), "{audit:?}");
    assert!(audit.contains(&format!("command sent command {id} done")), "{audit:?}");
    device.hears_nothing();
    node.stop();
}

#[test]
fn a_setting_is_read_back_and_compared() {
    let lab = Lab::new();
    let (node, mut device) = scene(&lab);
    for (read_back, verified, words) in [
        ("P04,0,30,60", "yes", "verified: 30 s, 60 min"),
        ("P04,0,600,60", "no", "CONTRADICTED: device says 600 s, 60 min; asked 30 s, 60 min"),
    ] {
        let answer = ask(&lab, order("wake_interval", &[("seconds", "30"), ("minutes", "60")]));
        assert!(matches!(answer, Answer::Ordered { read_back: true, .. }), "{answer:?}");
        let id = ordered(&answer);
        device.expect("(P04,1,30,60)");
        says(&mut device, "P04,1,30,60");
        device.expect("(P04,0)");
        says(&mut device, read_back);
        let row = becomes(&lab, id, "verified", verified);
        assert_eq!((&row["exchange"], &row["detail"]), (&"answered_ok".into(), &words.into()));
        let step = lab.list(&["commands", "--all"]).into_iter().find(|row| row["part_of"] == id.0).unwrap();
        assert_eq!((&step["kind"], &step["class"]), (&"read_wake_interval".into(), &"read".into()));
    }
    // The catalogue tells what the device said last.
    let Answer::Catalogue { catalogue } = ask(&lab, Ask::Catalogue { device: key(LOCK) }) else { panic!() };
    let Catalogue { commands, .. } = *catalogue;
    let interval = commands.iter().find(|command| command.name == "wake_interval").unwrap();
    assert_eq!(interval.known.as_ref().unwrap().value, "report interval 600 s, wake interval 60 min");
    assert!(interval.params[0].range.contains("5 to 600 s"), "{:?}", interval.params);
    node.stop();
}

#[test]
fn what_must_not_be_sent_is_refused_in_one_sentence_and_nothing_leaves() {
    let lab = Lab::new();
    let (node, mut device) = scene(&lab);
    for (ask, word) in [
        (
            order("wake_interval", &[("seconds", "601"), ("minutes", "60")]),
            "seconds must be 5 to 600 s, not 601",
        ),
        (order("wake_interval", &[("seconds", "30")]), "needs minutes"),
        (order("wake_interval", &[("hours", "1")]), "takes no 'hours'"),
        (order("format_disk", &[]), "has no command 'format_disk'"),
        (order("open_static", &[("password", "888888")]), "unlock dialog"),
        (order("change_password", &[("new", "111111"), ("old", "888888")]), "encrypted store"),
        (order("bind", &[("subs", SUB_A)]), "use bind"),
        (order("unbind_all", &[]), "use bind"),
        (bind(&[], &[]), "which IDs"),
        (bind(&["nonsense"], &[]), "ten hex digits"),
        (bind(&[SUB_A], &[SUB_A]), "at once"),
        (
            Ask::Order {
                target: key("8000999999"),
                command: "firmware".into(),
                args: vec![],
                note: String::new(),
            },
            "not enrolled",
        ),
    ] {
        let shown = format!("{ask:?}");
        let why = refused(&lab, ask);
        assert!(why.contains(word), "{shown}: {why}");
    }
    device.hears_nothing();
    assert!(lab.list(&["commands", "--all"]).is_empty());
    let told =
        std::fs::read_dir(lab.data()).unwrap().filter_map(|entry| std::fs::read(entry.unwrap().path()).ok());
    let told: Vec<u8> = told.flatten().collect();
    assert!(!told.windows(6).any(|bytes| bytes == b"888888"), "a secret was written down");
    assert!(lab.audit().iter().all(|row| row.ends_with("refused") || row.starts_with("enrol")));
    node.stop();
}

#[test]
fn an_order_waits_until_its_device_wakes_and_may_be_taken_back_until_then() {
    let lab = Lab::new();
    let node = lab.serve();
    drop(in_contact(&node, 1));
    wait_for("the line to be gone", || {
        runtime().block_on(async {
            let proposal = Console::attach(&lab.socket()).await.propose(LOCK).await;
            (!proposal.in_contact).then_some(())
        })
    });
    let waits = ordered(&ask(&lab, order("imei", &[])));
    let back = ordered(&ask(&lab, order("firmware", &[])));
    let row = row(&lab, waits);
    assert_eq!((&row["exchange"], &row["sent"]), (&"queued".into(), &Value::Null));
    // One and a half wakes of its model.
    let expires: chrono::DateTime<Utc> = row["expires"].as_str().unwrap().parse().unwrap();
    let left = expires - Utc::now();
    assert!(left > TimeDelta::minutes(44) && left <= TimeDelta::minutes(45), "{left}");
    let answer = ask(&lab, Ask::Cancel { command: back });
    assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");

    let mut device = node.connect();
    let report = Report::new(LOCK).number(2);
    device.send(report.bytes());
    let mut heard = Vec::new();
    while !heard.ends_with(b"(P14)") {
        let mut byte = [0];
        std::io::Read::read_exact(&mut device.0, &mut byte).unwrap();
        heard.push(byte[0]);
    }
    says(&mut device, "P14,860000000000001");
    becomes(&lab, waits, "exchange", "answered_ok");
    becomes(&lab, back, "exchange", "cancelled");
    let why = refused(&lab, Ask::Cancel { command: waits });
    assert!(why.contains("too late"), "{why}");
    device.hears_nothing();
    node.stop();
}

#[test]
fn after_a_restart_it_is_uncertain_and_no_serial_is_used_twice() {
    let lab = Lab::new();
    let (node, mut device) = scene(&lab);
    let list = ordered(&ask(&lab, order("bound_list", &[])));
    device.expect(&format!("({LOCK},1,001,WLNET,1,0)"));
    let setting = ordered(&ask(&lab, order("awake_time", &[("minutes", "5")])));
    device.expect("(P39,1,5)");
    node.kill();
    drop(device);

    let node = lab.serve();
    becomes(&lab, list, "exchange", "uncertain");
    let row = becomes(&lab, setting, "exchange", "uncertain");
    assert!(row["detail"].as_str().unwrap().contains("restarted"), "{row:#}");
    let mut device = in_contact(&node, 2);
    device.hears_nothing();
    let again = ordered(&ask(&lab, order("bound_list", &[])));
    device.expect(&format!("({LOCK},1,002,WLNET,1,0)"));
    says(&mut device, "1,001,WLNET,1,0");
    device.send(Report::new(LOCK).number(3).bytes());
    device.expect("(P69,0,3)");
    assert_eq!(self::row(&lab, again)["exchange"], "sent", "another's serial");
    says(&mut device, "1,002,WLNET,1,0");
    becomes(&lab, again, "exchange", "answered_ok");
    node.stop();
}

#[test]
fn a_binding_list_is_read_changed_written_and_read_back() {
    let lab = Lab::new();
    let (node, mut device) = scene(&lab);
    let plan = ordered(&ask(&lab, bind(&[&SUB_B.to_lowercase()], &[])));
    device.expect(&format!("({LOCK},1,001,WLNET,1,0)"));
    let why = refused(&lab, bind(&[], &[SUB_A]));
    assert!(why.contains("not done yet"), "one plan at a time: {why}");
    says(&mut device, &format!("1,001,WLNET,1,0,1,{SUB_A}"));
    device.expect(&format!("({LOCK},1,002,WLNET,1,1,2,{SUB_A},{SUB_B})"));
    says(&mut device, &format!("1,002,WLNET,1,1,2,{SUB_A},{SUB_B}"));
    device.expect(&format!("({LOCK},1,003,WLNET,1,0)"));
    says(&mut device, &format!("1,003,WLNET,1,0,2,{SUB_B},{SUB_A}"));
    let row = becomes(&lab, plan, "verified", "yes");
    assert_eq!((&row["exchange"], &row["kind"]), (&"answered_ok".into(), &"bind".into()));
    let words = row["detail"].as_str().unwrap();
    assert!(words.contains(&format!("bound are {SUB_B}, {SUB_A}")), "{words}");
    assert!(words.contains("bound but not enrolled"), "the registry is not changed silently: {words}");
    assert!(row["reason"].as_str().unwrap().contains("two-person rule off"), "{row:#}");
    let steps = lab.list(&["commands", "--all"]).into_iter().filter(|row| row["part_of"] == plan.0);
    assert_eq!(steps.count(), 3);

    // Taking the last away empties the list by its own word.
    let plan = ordered(&ask(&lab, bind(&[], &[SUB_A])));
    device.expect(&format!("({LOCK},1,004,WLNET,1,0)"));
    says(&mut device, &format!("1,004,WLNET,1,{SUB_A}"));
    device.expect(&format!("({LOCK},1,005,WLNET,1,1,0)"));
    says(&mut device, "1,005,WLNET,1,1,0");
    device.expect(&format!("({LOCK},1,006,WLNET,1,0)"));
    says(&mut device, "1,006,WLNET,1,0,0");
    becomes(&lab, plan, "verified", "yes");
    node.stop();
}

#[test]
fn a_plan_stops_at_the_first_surprise_and_says_where() {
    let lab = Lab::new();
    let (node, mut device) = scene(&lab);
    let surprise = |device: &mut Device, n: u32, list: &str, remove: &[&str], word: &str| {
        let plan = ordered(&ask(&lab, bind(if remove.is_empty() { &[SUB_B] } else { &[] }, remove)));
        device.expect(&format!("({LOCK},1,{n:03},WLNET,1,0)"));
        says(device, &format!("1,{n:03},WLNET,1,{list}"));
        let row = becomes(&lab, plan, "verified", "no");
        let words = row["detail"].as_str().unwrap();
        assert!(words.contains("nothing changed") && words.contains(word), "{words}");
        device.hears_nothing();
    };
    surprise(&mut device, 1, &format!("0,2,{SUB_A}"), &[], "not understood");
    surprise(&mut device, 2, "0,ERROR", &[], "not understood");
    surprise(&mut device, 3, &format!("0,1,{SUB_A}"), &[SUB_B], "is not bound");

    // A master that says yes and does something else.
    let plan = ordered(&ask(&lab, bind(&[SUB_B], &[])));
    device.expect(&format!("({LOCK},1,004,WLNET,1,0)"));
    says(&mut device, &format!("1,004,WLNET,1,0,1,{SUB_A}"));
    device.expect(&format!("({LOCK},1,005,WLNET,1,1,2,{SUB_A},{SUB_B})"));
    says(&mut device, &format!("1,005,WLNET,1,1,2,{SUB_A},{SUB_B}"));
    device.expect(&format!("({LOCK},1,006,WLNET,1,0)"));
    says(&mut device, &format!("1,006,WLNET,1,0,1,{SUB_B}"));
    let row = becomes(&lab, plan, "verified", "no");
    let words = row["detail"].as_str().unwrap();
    assert!(words.contains("CONTRADICTED") && words.contains(&format!("says {SUB_B}")), "{words}");
    device.hears_nothing();
    node.stop();
}

#[test]
fn a_list_that_may_be_a_part_is_not_written() {
    let lab = Lab::new();
    let (node, mut device) = scene(&lab);
    lab.ok(&[
        "enrol",
        &format!("jointech/{SUB_A}"),
        "--kind",
        "sub_lock",
        "--bind-to",
        LOCK,
        "--asset",
        "Truck",
    ]);
    let plan = ordered(&ask(&lab, bind(&[SUB_B], &[])));
    device.expect(&format!("({LOCK},1,001,WLNET,1,0)"));
    says(&mut device, "1,001,WLNET,1,E03B6000FF");
    let row = becomes(&lab, plan, "verified", "no");
    let words = row["detail"].as_str().unwrap();
    assert!(words.contains("nothing changed") && words.contains(&format!("lacks {SUB_A}")), "{words}");
    device.hears_nothing();
    // With its count it is whole, whatever the registry says.
    ordered(&ask(&lab, bind(&[SUB_B], &[])));
    device.expect(&format!("({LOCK},1,002,WLNET,1,0)"));
    says(&mut device, "1,002,WLNET,1,0,1,E03B6000FF");
    device.expect(&format!("({LOCK},1,003,WLNET,1,1,2,E03B6000FF,{SUB_B})"));
    node.stop();
}

#[test]
fn a_plan_goes_on_after_a_restart_where_it_stood() {
    let lab = Lab::new();
    let node = lab.serve();
    drop(in_contact(&node, 1));
    let plan = loop {
        // Only a plan that nothing was sent of: the node may still hold the closed line for a moment.
        let id = ordered(&ask(&lab, bind(&[SUB_B], &[])));
        if row(&lab, id)["exchange"] == "queued" {
            break id;
        }
        becomes(&lab, id, "exchange", "refused");
    };
    node.kill();
    let node = lab.serve();
    let mut device = node.connect();
    device.send(Report::new(LOCK).number(2).bytes());
    let mut heard = String::new();
    while !heard.ends_with("WLNET,1,0)") {
        let mut byte = [0];
        std::io::Read::read_exact(&mut device.0, &mut byte).unwrap();
        heard.push(char::from(byte[0]));
    }
    let serial = heard.rsplit(',').nth(3).unwrap().to_owned();
    says(&mut device, &format!("1,{serial},WLNET,1,0,1,{SUB_B}"));
    let row = becomes(&lab, plan, "verified", "yes");
    assert!(row["detail"].as_str().unwrap().contains("nothing to change"), "{row:#}");
    node.stop();
}

#[test]
fn two_consoles_see_one_order_and_its_answer() {
    let lab = Lab::new();
    let (node, mut device) = scene(&lab);
    runtime().block_on(async {
        let mut one = Console::attach(&lab.socket()).await;
        let mut two = Console::attach(&lab.socket()).await;
        assert!(matches!(two.ask(Ask::Subscribe).await, Answer::Done { .. }));
        let id = ordered(&one.ask(order("firmware", &[])).await);
        device.expect("(P01)");
        says(&mut device, "P01,JT701D,87%");
        loop {
            let FromNode::Delta { delta } = two.message().await else { continue };
            if let Some(row) = delta.orders.iter().find(|row| row.id == id && row.answer.is_some()) {
                assert_eq!(row.detail.as_deref(), Some("the device answered"));
                break;
            }
        }
        // Both ask for the same at once: each gets its own answer, one after the other.
        let (first, second) = tokio::join!(one.ask(order("imei", &[])), two.ask(order("imei", &[])));
        let ids = [ordered(&first), ordered(&second)];
        device.expect("(P14)");
        device.hears_nothing();
        says(&mut device, "P14,860000000000001");
        device.expect("(P14)");
        says(&mut device, "P14,860000000000001");
        for id in ids {
            becomes(&lab, id, "exchange", "answered_ok");
        }
    });
    node.stop();
}

#[test]
fn the_command_line_says_what_became_of_it_by_its_exit_code() {
    let lab = Lab::new();
    let why = lab.fails(4, &["send", &format!("jointech/{LOCK}"), "firmware"]);
    assert!(why.contains("no node runs"), "{why}");
    let (node, mut device) = scene(&lab);
    let list = lab.ok(&["send", LOCK, "--list"]);
    let line = list.lines().find(|line| line.starts_with("wake_interval")).unwrap();
    assert!(line.contains("configure") && line.contains("seconds=5 to 600 s"), "{line}");
    assert!(line.contains("documented"), "{line}");
    let open = list.lines().find(|line| line.starts_with("open_static")).unwrap();
    assert!(open.contains("not sent from here"), "{open}");

    let why = lab.fails(2, &["send", LOCK, "wake_interval", "seconds=4", "minutes=60"]);
    assert!(why.contains("seconds must be 5 to 600 s, not 4"), "{why}");
    lab.fails(2, &["send", LOCK, "wake_interval", "seconds"]);
    lab.fails(2, &["bind", LOCK]);
    let why = lab.fails(5, &["send", LOCK, "open_static"]);
    assert!(why.contains("unlock dialog"), "{why}");

    let run = |args: &[&str]| lab.command(args).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let ended = |child: std::process::Child| {
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let child = run(&["send", LOCK, "firmware", "--wait", "30s"]);
    device.expect("(P01)");
    says(&mut device, "P01,JT701D,87%");
    let (code, said) = ended(child);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the device answered: firmware JT701D, battery 87 %"), "{said}");

    for (read_back, wanted) in [("P04,0,30,60", 0), ("P04,0,600,60", 1)] {
        let args = ["send", LOCK, "wake_interval", "seconds=30", "minutes=60", "--wait", "30s", "--json"];
        let child = run(&args);
        device.expect("(P04,1,30,60)");
        says(&mut device, "P04,1,30,60");
        device.expect("(P04,0)");
        says(&mut device, read_back);
        let (code, said) = ended(child);
        assert_eq!(code, Some(wanted), "{said}");
        let row: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(row["verified"], if wanted == 0 { "yes" } else { "no" });
    }

    let child = run(&["bind", LOCK, "--add", SUB_A, "--wait", "30s"]);
    device.expect(&format!("({LOCK},1,001,WLNET,1,0)"));
    says(&mut device, &format!("1,001,WLNET,1,0,1,{SUB_A}"));
    let (code, said) = ended(child);
    assert!(code == Some(0) && said.contains("nothing to change"), "{said}");

    let said = lab.ok(&["send", LOCK, "imei", "--json"]);
    assert!(serde_json::from_str::<Value>(&said).unwrap()["id"].is_i64(), "{said}");
    device.expect("(P14)");
    let why = lab.fails(6, &["send", LOCK, "iccid", "--wait", "1s"]);
    assert!(why.contains("no answer within 1 s"), "{why}");
    node.stop();
}

#[test]
fn a_simulated_lock_keeps_what_it_is_told_and_a_liar_is_found_out() {
    let lab = Lab::new();
    let node = lab.serve();
    let runtime = runtime();
    let plan = MasterLock::new(LOCK).unwrap().sub_lock(SUB_A).unwrap();
    let fleet = runtime.block_on(plan.pace(Pace::quick()).connect(node.tcp));
    lab.until_locked(LOCK);
    let give = |ask: Ask| ordered(&self::ask(&lab, ask));
    let read = give(order("firmware", &[]));
    let row = becomes(&lab, read, "exchange", "answered_ok");
    assert!(row["told"].as_str().unwrap().starts_with("firmware JT701D_20210311_SIMULATED"), "{row:#}");
    let set = give(order("wake_interval", &[("seconds", "60"), ("minutes", "45")]));
    assert_eq!(becomes(&lab, set, "verified", "yes")["detail"], "verified: 60 s, 45 min");
    let beats = give(order("sub_heartbeat", &[("beat", "0"), ("alarm", "600")]));
    becomes(&lab, beats, "exchange", "answered_ok");
    let bound = give(bind(&[SUB_B], &[]));
    let row = becomes(&lab, bound, "verified", "yes");
    assert!(row["detail"].as_str().unwrap().contains(&format!("bound are {SUB_A}, {SUB_B}")), "{row:#}");

    assert!(fleet.device(LOCK).unwrap().fault(Fault::AcceptButStay));
    let set = give(order("wake_interval", &[("seconds", "300"), ("minutes", "45")]));
    let row = becomes(&lab, set, "verified", "no");
    assert_eq!(row["detail"], "CONTRADICTED: device says 60 s, 45 min; asked 300 s, 45 min");
    let bound = give(bind(&[], &[SUB_A]));
    let row = becomes(&lab, bound, "verified", "no");
    assert!(row["detail"].as_str().unwrap().contains("CONTRADICTED"), "{row:#}");
    runtime.block_on(fleet.stop());
    node.stop();
}
