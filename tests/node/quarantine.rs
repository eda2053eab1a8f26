//! IDs that nobody enrolled: heard, seen, not believed; and how they become part of the fleet.

use super::lab::{Lab, Node, Report};
use serde_json::json;

const STRANGER: &str = "8000620401";

fn heard_and_not_believed(lab: &Lab, node: &Node) {
    let mut device = node.connect();
    device.ask(format!("({STRANGER},P22,2)"), "(P22,");
    let mut rest = [0; 13];
    std::io::Read::read_exact(&mut device.0, &mut rest).unwrap();
    device.send(format!("({STRANGER},@JT)"));
    device.send(Report::new(STRANGER).number(5).bytes());
    device.send(format!("({STRANGER},P45,071124,074116,9.861502,N,83.950336,W,A,1,0,1,98,0012260888,1,0,3)"));
    device.hears_nothing();
    assert!(lab.list(&["devices"]).is_empty());
    let row = lab.device(STRANGER).unwrap();
    assert_eq!(row["status"], "quarantined", "{row:#}");
    assert_eq!(row["kind"], "master_lock", "{row:#}");
    assert_eq!(row["asset"], json!(null));
    assert!(lab.journal().is_empty());
}

/// Registration and heartbeat of a seal are answered, its report is not.
#[test]
fn a_seal_in_quarantine_is_greeted_and_keeps_its_data() {
    let lab = Lab::new();
    let node = lab.serve_with(&[]);
    let hex = |text: &str| hex::decode(text).unwrap();
    let mut seal = node.connect();
    let mut answer = |ask: &str, length: usize| {
        seal.send(hex(ask));
        let mut got = vec![0; length];
        std::io::Read::read_exact(&mut seal.0, &mut got).unwrap();
        hex::encode(got)
    };
    let told = answer("7e0100000a0007943080107d027d01000000000000000000003b7e", 29);
    assert_eq!(told, "7e8100000c00079430801000007d027d01003739343330383031308d7e");
    let told = answer("7e000200000007943080100001307e", 20);
    assert_eq!(told, "7e8001000500079430801000000001000200b47e");
    seal.send(hex("7e02100007000794308010000164251118112611497e"));
    seal.send(hex(
        "7e020000320007943080100001000200000004000201819568036ef38c005c00120000251118112611d401ffd50201a2fe04000000\
         90300163310109fc01058a7e",
    ));
    seal.hears_nothing();
    assert_eq!(lab.device("794308010").unwrap()["status"], "quarantined");
    assert!(lab.list(&["devices"]).is_empty());
    node.stop();
}

/// An answered password is never sent again: unless it is kept, it must not be answered.
#[test]
fn a_password_told_in_quarantine_is_not_taken() {
    let lab = Lab::new();
    let node = lab.serve_with(&[]);
    let mut device = node.connect();
    device.send(format!("({STRANGER},P52,2,264197)"));
    device.hears_nothing();
    lab.ok(&["enrol", STRANGER]);
    device.ask(format!("({STRANGER},P52,2,264197)"), "(P52,2,264197)");
    node.stop();
}

#[test]
fn enrolled_through_the_node_the_same_frame_is_answered() {
    let lab = Lab::new();
    let node = lab.serve_with(&[]);
    heard_and_not_believed(&lab, &node);
    let said = lab.ok(&["enrol", STRANGER, "--asset", "Tanker 12"]);
    assert!(said.contains(STRANGER) && said.contains("Tanker 12"), "{said}");
    node.connect().ask(Report::new(STRANGER).number(5).bytes(), "(P69,0,5)");
    let row = &lab.list(&["devices"])[0];
    assert_eq!((&row["status"], &row["asset"]), (&json!("enrolled"), &json!("Tanker 12")));
    assert_eq!(row["lock"], "locked");
    node.stop();
}

#[test]
fn enrolled_without_a_node_the_same_frame_is_answered() {
    let lab = Lab::new();
    let node = lab.serve_with(&[]);
    heard_and_not_believed(&lab, &node);
    node.kill();
    lab.ok(&["enrol", STRANGER, "--asset", "Tanker 12"]);
    assert_eq!(lab.list(&["devices"])[0]["link"], "never");
    let node = lab.serve_with(&[]);
    node.connect().ask(Report::new(STRANGER).number(5).bytes(), "(P69,0,5)");
    assert_eq!(lab.list(&["devices"])[0]["lock"], "locked");
    node.stop();
    let said = lab.fails(5, &["enrol", "E03B600099", "--kind", "sub_lock"]);
    assert!(said.contains("--bind-to"), "{said}");
    lab.fails(5, &["enrol", "E03B600099", "--kind", "sub_lock", "--bind-to", "8000620499"]);
    assert_eq!(lab.list(&["devices"]).len(), 1);
}

#[test]
fn children_of_an_enrolled_master_are_new_until_a_person_confirms() {
    let lab = Lab::new();
    let node = lab.serve_with(&[]);
    lab.ok(&["enrol", "8054201973", "--asset", "Tanker 3"]);
    let report = "28383035343230313937332c312c3136382c574c4e45542c352c322c3d15022508595325169288057327940f0a053d150225\
                  085955e03b60000a3d110138633d0006804200000013000000000029";
    node.connect().ask(hex::decode(report).unwrap(), "(P69,0,44)");
    let child = lab.device("E03B60000A").unwrap();
    assert_eq!((&child["status"], &child["bound_to"]), (&json!("new"), &json!("8054201973")), "{child:#}");
    lab.ok(&["enrol", "E03B60000A"]);
    let child = lab.device("E03B60000A").unwrap();
    assert_eq!((&child["status"], &child["asset"]), (&json!("enrolled"), &json!("Tanker 3")), "{child:#}");
    assert_eq!(child["valve"], "open");
    node.stop();
}

/// A sub-device's ID may look like a master's: heard of by another is not enrolled.
#[test]
fn a_new_child_that_calls_itself_is_in_quarantine() {
    let lab = Lab::new();
    let node = lab.serve_with(&[]);
    lab.ok(&["enrol", "8054201973"]);
    let report = "28383035343230313937332c312c3136382c574c4e45542c352c322c3d15022508595325169288057327940900003d1502250859\
                  551021220618730140644701011d4300000029";
    node.connect().ask(hex::decode(report).unwrap(), "(P69,0,115)");
    assert_eq!(lab.device("1021220618").unwrap()["status"], "new");
    let mut alone = node.connect();
    alone.send(Report::new("1021220618").bytes());
    alone.hears_nothing();
    let rows = lab.list(&["devices"]);
    assert_eq!(rows.len(), 2, "{rows:#?}");
    assert!(rows.iter().all(|row| row["lock"] != "locked"), "{rows:#?}");
    node.stop();
}
