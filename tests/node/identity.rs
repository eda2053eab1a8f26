//! Two devices on one number, over real sockets: what is said, what is blocked, and who decides.

use super::lab::{Console, Device, Lab, Node, PATIENCE, Report, runtime, wait_for};
use chrono::Utc;
use lockyard::domain::command::{UnlockReason, Verdict};
use lockyard::ipc::wire::{Answer, Ask, IdentityDecision, Proposal};
use std::io::Read;

const LOCK: &str = "8000620801";
const SECRETS: &str = "[device.\"8000620801\"]\npassword = \"471108\"\n";
const P43: &str = "(P43,471108)";

/// A lock that reports, each time something new.
struct Lock {
    line: Device,
    number: u32,
}

impl Lock {
    fn new(line: Device, number: u32) -> Self {
        Self { line, number }
    }

    fn report(&mut self) {
        self.say(|bytes| bytes);
    }

    /// A report from where no satellite is seen.
    fn report_blindly(&mut self) {
        self.say(|mut bytes| {
            let at = bytes.windows(5).position(|w| w == [0x11, 0x35, 0x50, 0x54, 0x3F]).unwrap();
            bytes[at + 4] = 0x3E;
            bytes
        });
    }

    fn say(&mut self, change: impl Fn(Vec<u8>) -> Vec<u8>) {
        self.number += 1;
        let report = Report::new(LOCK).at(Utc::now()).number(self.number);
        self.line.ask(change(report.bytes()), &report.answer());
    }
}

fn conflict(lab: &Lab) -> Option<serde_json::Value> {
    lab.device(LOCK).map(|row| row["conflict"].clone()).filter(|conflict| !conflict.is_null())
}

/// Both go on speaking until it is noticed: not at once, because frames may have been under way.
fn until_noticed(lab: &Lab, old: &mut Lock, new: &mut Lock) -> serde_json::Value {
    new.report_blindly();
    wait_for("the conflict", || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        old.report_blindly();
        conflict(lab)
    })
}

fn confirm(proposal: &Proposal) -> Ask {
    let code = &proposal.asset_code;
    Ask::Confirm {
        token: proposal.token.clone(),
        typed: code[code.len() - 4..].to_owned(),
        reason: UnlockReason::Delivery,
        note: "at the depot".into(),
    }
}

fn interlock(proposal: &Proposal) -> (Verdict, String) {
    let row = proposal.interlocks.iter().find(|row| row.name == "one source for this ID").unwrap();
    (row.verdict, row.value.clone())
}

fn decide(decision: IdentityDecision, note: &str) -> Ask {
    let device = format!("jointech/{LOCK}").parse().unwrap();
    Ask::Identity { device, decision, note: note.into() }
}

/// Two locks in conflict: the first from 127.0.0.1, the second from 127.0.0.2.
fn two(lab: &Lab, node: &Node) -> (Lock, Lock, serde_json::Value) {
    let mut old = Lock::new(node.connect(), 0);
    old.report();
    lab.until_locked(LOCK);
    let mut new = Lock::new(node.connect_from(2), 100);
    let conflict = until_noticed(lab, &mut old, &mut new);
    (old, new, conflict)
}

#[test]
fn two_sources_block_the_lock_until_somebody_decides_across_a_restart() {
    let lab = Lab::new();
    lab.secrets(SECRETS);
    let node = lab.serve();
    let (old, new, row) = two(&lab, &node);
    let peers = [&row["first"]["peer"], &row["second"]["peer"]].map(|peer| peer.as_str().unwrap().to_owned());
    assert!(peers[0].starts_with("127.0.0.1:") && peers[1].starts_with("127.0.0.2:"), "{row:#}");
    assert_eq!(row["kind"], "two_sources");
    let alarms = lab.list(&["alarms"]);
    let alarm = alarms.iter().find(|row| row["kind"] == "duplicate_identity").unwrap();
    let reason = alarm["reason"].as_str().unwrap();
    assert!(peers.iter().all(|peer| reason.contains(peer.as_str())), "{reason}");
    assert_eq!(lab.list(&["assets"])[0]["seal"], "conflict");

    let runtime = runtime();
    let refused = |lab: &Lab| {
        runtime.block_on(async {
            let mut console = Console::attach(&lab.socket()).await;
            let proposal = console.propose(LOCK).await;
            assert!(!proposal.allowed);
            let (verdict, value) = interlock(&proposal);
            assert_eq!(verdict, Verdict::Fail);
            assert!(peers.iter().all(|peer| value.contains(peer.as_str())), "{value}");
            let why = console.refused(confirm(&proposal)).await;
            assert!(why.starts_with("one source for this ID: two live sources"), "{why}");
        });
    };
    refused(&lab);
    drop((old, new));
    node.kill();
    let node = lab.serve();
    let mut again = Lock::new(node.connect(), 1000);
    again.report();
    refused(&lab);
    assert_eq!(conflict(&lab).unwrap()["since"], row["since"]);

    let said = lab.fails(5, &["identity", LOCK, "--accept", "older", "--note", " "]);
    assert!(said.contains("needs a note"), "{said}");
    let said = lab.ok(&["identity", LOCK, "--accept", "older", "--note", "called the driver"]);
    assert!(said.contains("older source is the device"), "{said}");
    lab.fails(5, &["identity", LOCK, "--accept", "same", "--note", "twice"]);
    let row = conflict(&lab).unwrap();
    assert_eq!(row["decided"]["note"], "called the driver");
    assert!(lab.audit().iter().any(|row| row == &format!("identity jointech/{LOCK} done")));
    again.report();
    lab.until_locked(LOCK);

    // By its address the accepted one is known; the other one is answered, and that is all.
    let mut other = Lock::new(node.connect_from(2), 2000);
    other.report();
    other.report();
    wait_for("its frames to be counted", || (conflict(&lab)?["ignored"].as_u64()? >= 2).then_some(()));
    runtime.block_on(async {
        let mut console = Console::attach(&lab.socket()).await;
        let proposal = console.propose(LOCK).await;
        let (verdict, value) = interlock(&proposal);
        assert!(verdict == Verdict::Pass && value.contains("chosen by"), "{verdict:?} {value}");
        assert!(proposal.allowed && proposal.in_contact, "{proposal:#?}");
        let answer = console.ask(confirm(&proposal)).await;
        assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
    });
    again.line.expect(P43);
    other.line.hears_nothing();
    node.stop();
}

#[test]
fn an_opening_that_was_queued_before_the_conflict_never_leaves() {
    let lab = Lab::new();
    lab.secrets(SECRETS);
    let node = lab.serve();
    // Its last fix is too old to say that it stands still.
    let report = Report::new(LOCK).at(Utc::now() - chrono::TimeDelta::minutes(10));
    let mut first = node.connect();
    first.ask(report.bytes(), &report.answer());
    lab.until_locked(LOCK);
    drop(first.finish());
    let runtime = runtime();
    let mut console = runtime.block_on(Console::attach(&lab.socket()));
    wait_for("the lock to be out of contact", || {
        (!runtime.block_on(console.propose(LOCK)).in_contact).then_some(())
    });
    let answer = runtime.block_on(async {
        let proposal = console.propose(LOCK).await;
        assert!(proposal.allowed, "{proposal:#?}");
        console.ask(confirm(&proposal)).await
    });
    assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");

    // Two wake, neither with a fix yet: the opening waits, and then it is too late for it.
    let mut old = Lock::new(node.connect(), 1000);
    old.report_blindly();
    let mut new = Lock::new(node.connect_from(2), 2000);
    until_noticed(&lab, &mut old, &mut new);
    old.report();
    new.report();
    let row = wait_for("the opening to be withheld", || {
        lab.list(&["commands", "--all"]).into_iter().find(|row| row["exchange"] == "withheld")
    });
    let detail = row["detail"].as_str().unwrap();
    assert!(detail.contains("two live sources") && detail.contains("127.0.0.2:"), "{detail}");
    old.line.hears_nothing();
    new.line.hears_nothing();
    // One device after all: it may be opened again.
    let answer = runtime.block_on(console.ask(decide(IdentityDecision::Same, "the depot says so")));
    assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
    let proposal = runtime.block_on(console.propose(LOCK));
    assert_eq!(interlock(&proposal).0, Verdict::Pass);
    node.stop();
}

#[test]
fn an_overheard_frame_gets_no_command() {
    let lab = Lab::new();
    lab.secrets(SECRETS);
    let node = lab.serve();
    let mut lock = Lock::new(node.connect(), 0);
    lock.report();
    lab.until_locked(LOCK);
    let overheard = lab.journal().pop().unwrap();
    let mut thief = node.connect_from(3);
    thief.ask(&overheard, "(P69,0,1)");
    let runtime = runtime();
    let mut console = runtime.block_on(Console::attach(&lab.socket()));
    let proposal = runtime.block_on(console.propose(LOCK));
    assert!(!proposal.in_contact, "who of the two is there is not known");
    lock.report();
    wait_for("the lock to be the way again", || {
        runtime.block_on(console.propose(LOCK)).in_contact.then_some(())
    });
    let proposal = runtime.block_on(console.propose(LOCK));
    assert!(matches!(runtime.block_on(console.ask(confirm(&proposal))), Answer::Accepted { .. }));
    lock.line.expect(P43);
    thief.hears_nothing();
    thief.0.set_read_timeout(Some(PATIENCE)).unwrap();
    node.stop();
    let mut rest = Vec::new();
    thief.0.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
}

#[test]
fn the_same_digits_of_another_maker_are_said_to_be_so() {
    let lab = Lab::new();
    let node = lab.serve_with(&[]);
    lab.ok(&["enrol", &format!("jointech/{LOCK}"), "--kind", "master_lock"]);
    let mut other = node.connect();
    other.send(format!(
        "$POS,{LOCK},112742.000,A,0900.0000,N,07900.0000,W,0.0,0.0,010124,,,A/00000,0/0,0,0,0/0//f8/\r\n"
    ));
    drop(other.finish());
    let runtime = runtime();
    let rows = runtime
        .block_on(async { lockyard::ipc::client::list(&lab.socket(), true).await.unwrap().quarantine });
    assert!(rows[0].why.contains(&format!("same digits as the enrolled jointech/{LOCK}")), "{}", rows[0].why);
    node.stop();
}
