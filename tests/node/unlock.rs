//! Opening a lock, from the operator socket to the lock and back: once, by the right person, or not at all.

use super::lab::{Console, Device, Lab, Node, PATIENCE, Report, runtime, wait_for};
use chrono::{TimeDelta, Utc};
use lockyard::domain::command::{CommandStep, UnlockIntent, UnlockMethod, UnlockReason};
use lockyard::domain::journal::Body;
use lockyard::domain::{CommandId, DeviceKey};
use lockyard::ipc::wire::{Answer, Ask, Proposal};
use lockyard::simulate::{DeviceHandle, Fault, Fleet, MasterLock, Pace};
use lockyard::store::{NewEntry, Options, Store};
use serde_json::Value;
use std::time::Duration;

const LOCK: &str = "8000620701";
const VALVE: &str = "E0FA000001";
const SECRETS: &str = "[device.\"8000620701\"]\npassword = \"471108\"\n";
const P43: &str = "(P43,471108)";

/// Quick, but a lock stays open long enough to be seen open.
fn pace() -> Pace {
    Pace {
        report: Duration::from_millis(200),
        resend: Duration::from_secs(2),
        relock: Duration::from_secs(3),
        lock_report: Duration::from_millis(600),
        sub_wake: Duration::from_secs(600),
        minute: Duration::from_secs(5),
        // Time to take its satellites away before it says a word: a simulated vehicle drives, and so is not opened.
        reconnect: (Duration::from_secs(1), Duration::from_secs(2)),
        ..Pace::quick()
    }
}

/// Runs the lock, and what is bound to it, without a fix.
fn simulate(runtime: &tokio::runtime::Runtime, node: &Node, plan: MasterLock) -> Fleet {
    let fleet = runtime.block_on(plan.pace(pace()).connect(node.tcp));
    assert!(fleet.device(LOCK).unwrap().fault(Fault::NoFix));
    fleet
}

fn confirm(proposal: &Proposal) -> Ask {
    let code = &proposal.asset_code;
    confirm_typing(proposal, &code[code.len() - 4..])
}

fn confirm_typing(proposal: &Proposal, typed: &str) -> Ask {
    Ask::Confirm {
        token: proposal.token.clone(),
        typed: typed.to_owned(),
        reason: UnlockReason::Delivery,
        note: "at the depot".into(),
    }
}

fn accepted(answer: &Answer) -> CommandId {
    let Answer::Accepted { command } = answer else { panic!("not accepted: {answer:?}") };
    *command
}

fn command(lab: &Lab, id: CommandId) -> Value {
    let rows = lab.list(&["commands", "--all"]);
    rows.into_iter().find(|row| row["id"] == id.0).unwrap_or_else(|| panic!("command {id} is gone"))
}

/// Waits until the command's row has these two words.
fn becomes(lab: &Lab, id: CommandId, exchange: &str, evidence: &str) -> Value {
    let mut last = Value::Null;
    let end = std::time::Instant::now() + PATIENCE;
    while std::time::Instant::now() < end {
        last = command(lab, id);
        if last["exchange"] == exchange && last["evidence"] == evidence {
            return last;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("never {exchange}, {evidence}: {last:#}")
}

fn is_locked(lab: &Lab, id: &str) -> Option<()> {
    (lab.device(id)?["lock"] == "locked").then_some(())
}

#[test]
fn from_the_dialog_to_opened_through_a_lock_that_counts() {
    let lab = Lab::new();
    lab.secrets(SECRETS);
    let node = lab.serve();
    let runtime = runtime();
    let plan = MasterLock::new(LOCK).unwrap().password("471108");
    let fleet = simulate(&runtime, &node, plan);
    lab.until_locked(LOCK);

    runtime.block_on(async {
        let mut console = Console::attach(&lab.socket()).await;
        let proposal = console.propose(LOCK).await;
        assert!(proposal.allowed && proposal.in_contact, "{proposal:#?}");
        assert_eq!(proposal.method, Some(UnlockMethod::StaticPassword));
        assert_eq!(proposal.asset, LOCK);

        let why = console.refused(confirm_typing(&proposal, "nope")).await;
        assert!(why.contains("last four"), "{why}");
        let why = console.refused(confirm(&proposal)).await;
        assert!(why.contains("void"), "a proposal is good for one try: {why}");
        assert!(lab.list(&["commands", "--all"]).is_empty());

        let proposal = console.propose(LOCK).await;
        let mut other = Console::attach(&lab.socket()).await;
        let why = other.refused(confirm(&proposal)).await;
        assert!(why.contains("void"), "a token of another console: {why}");

        let id = accepted(&console.ask(confirm(&proposal)).await);
        let second = other.propose(LOCK).await;
        assert!(!second.allowed, "{second:#?}");
        let why = other.refused(confirm(&second)).await;
        assert!(why.contains("no other command open"), "{why}");

        let row = becomes(&lab, id, "answered_ok", "opened");
        assert_eq!((&row["target"], &row["asset"]), (&LOCK.into(), &LOCK.into()));
        assert_eq!((&row["reason"], &row["note"]), (&"delivery".into(), &"at the depot".into()));
        assert!(row["sent"].is_string() && row["answered"].is_string() && row["evidence_at"].is_string());
        becomes(&lab, id, "answered_ok", "relocked");
    });
    let state = runtime.block_on(fleet.device(LOCK).unwrap().state());
    assert_eq!((state.openings, state.remote_openings, state.commands_taken), (1, 1, 1), "{state:?}");
    assert_eq!(state.commands_refused, 0);
    let alarms = lab.list(&["alarms", "--all"]);
    let unasked = alarms.iter().find(|row| row["kind"].as_str().unwrap().contains("unexplained"));
    assert!(unasked.is_none(), "our own opening raised {unasked:#?}");
    runtime.block_on(fleet.stop());
    node.stop();
}

#[test]
fn two_consoles_at_once_open_it_once() {
    let lab = Lab::new();
    lab.secrets(SECRETS);
    let node = lab.serve();
    let mut device = node.connect();
    device.ask(Report::new(LOCK).bytes(), "(P69,0,1)");
    let answers = runtime().block_on(async {
        let mut one = Console::attach(&lab.socket()).await;
        let mut two = Console::attach(&lab.socket()).await;
        let (first, second) = tokio::join!(one.propose(LOCK), two.propose(LOCK));
        assert!(first.allowed && second.allowed);
        tokio::join!(one.ask(confirm(&first)), two.ask(confirm(&second)))
    });
    let won = [&answers.0, &answers.1].into_iter().filter(|a| matches!(a, Answer::Accepted { .. })).count();
    assert_eq!(won, 1, "{answers:?}");
    device.expect(P43);
    device.hears_nothing();
    let refused = lab.audit().into_iter().filter(|row| row == &format!("unlock jointech/{LOCK} refused"));
    assert_eq!(refused.count(), 1, "{:?}", lab.audit());
    assert_eq!(lab.list(&["commands", "--all"]).len(), 1);
    node.stop();
}

#[test]
fn a_valve_lock_is_opened_through_its_master() {
    let lab = Lab::new();
    let config = lab.file("config.toml", "[commands]\nproven_on_bench = [\"JT802\"]\n");
    let node = lab.serve_with(&["--auto-enrol", "--config", config.to_str().unwrap()]);
    let runtime = runtime();
    let plan = MasterLock::new(LOCK).unwrap().valve_lock(VALVE).unwrap();
    let fleet = simulate(&runtime, &node, plan);
    let valve = fleet.device(VALVE).unwrap();
    wait_for("the valve lock", || {
        valve.press_wake_button();
        is_locked(&lab, VALVE)
    });
    runtime.block_on(async {
        let mut console = Console::attach(&lab.socket()).await;
        let proposal = console.propose(VALVE).await;
        assert!(proposal.allowed, "{proposal:#?}");
        assert_eq!(proposal.via, DeviceKey::jointech(LOCK));
        let id = accepted(&console.ask(confirm(&proposal)).await);
        becomes(&lab, id, "relayed", "none");
        valve.press_wake_button();
        becomes(&lab, id, "relayed", "opened");
    });
    let opened = |device: &DeviceHandle| runtime.block_on(device.state()).openings;
    assert_eq!((opened(valve), opened(fleet.device(LOCK).unwrap())), (1, 0));
    runtime.block_on(fleet.stop());
    node.stop();
}

#[test]
fn a_sub_lock_that_was_never_proven_is_not_opened() {
    let lab = Lab::new();
    let node = lab.serve();
    let runtime = runtime();
    let plan = MasterLock::new(LOCK).unwrap().sub_lock("E03B600001").unwrap();
    let fleet = simulate(&runtime, &node, plan);
    let sub = fleet.device("E03B600001").unwrap();
    wait_for("the sub-lock", || {
        sub.press_wake_button();
        is_locked(&lab, "E03B600001")
    });
    runtime.block_on(async {
        let mut console = Console::attach(&lab.socket()).await;
        let proposal = console.propose("E03B600001").await;
        assert!(!proposal.allowed && proposal.method.is_none());
        let why = console.refused(confirm(&proposal)).await;
        assert!(why.contains("proven"), "{why}");
    });
    assert!(lab.list(&["commands", "--all"]).is_empty());
    runtime.block_on(fleet.stop());
    node.stop();
}

/// Known, locked, out of contact; and a command for it, queued.
fn queued_for_an_absent_lock(lab: &Lab, node: &Node) -> CommandId {
    let mut device = node.connect();
    device.ask(Report::new(LOCK).bytes(), "(P69,0,1)");
    drop(device.finish());
    lab.until_locked(LOCK);
    runtime().block_on(async {
        let mut console = Console::attach(&lab.socket()).await;
        let proposal = console.propose(LOCK).await;
        assert!(proposal.allowed && !proposal.in_contact, "{proposal:#?}");
        let id = accepted(&console.ask(confirm(&proposal)).await);
        assert_eq!(command(lab, id)["exchange"], "queued");
        id
    })
}

#[test]
fn queued_for_an_absent_lock_it_leaves_once_when_the_lock_calls() {
    let lab = Lab::new();
    lab.secrets(SECRETS);
    let node = lab.serve();
    let id = queued_for_an_absent_lock(&lab, &node);
    // A restart in between changes nothing.
    node.stop();
    let node = lab.serve();
    assert_eq!(command(&lab, id)["exchange"], "queued");
    let mut device = node.connect();
    device.ask(Report::new(LOCK).number(2).bytes(), &format!("(P69,0,2){P43}"));
    let sent = command(&lab, id);
    assert_eq!((&sent["exchange"], &sent["evidence"]), (&"sent".into(), &"none".into()), "{sent:#}");
    device.send(format!("({LOCK},P43,1,0)"));
    becomes(&lab, id, "answered_ok", "none");
    // Neither its answer nor its next frames make it leave again.
    device.ask(Report::new(LOCK).number(3).bytes(), "(P69,0,3)");
    let mut again = node.connect();
    again.ask(Report::new(LOCK).number(4).bytes(), "(P69,0,4)");
    again.hears_nothing();
    let open = Report::new(LOCK).number(5).status(Report::MOTOR_OPEN);
    again.ask(open.bytes(), "(P69,0,5)");
    becomes(&lab, id, "answered_ok", "opened");
    node.stop();
}

#[test]
fn what_no_longer_holds_when_the_lock_calls_withholds_it() {
    let lab = Lab::new();
    lab.secrets(SECRETS);
    let node = lab.serve();
    let id = queued_for_an_absent_lock(&lab, &node);
    let mut moving = Report::new(LOCK).number(2);
    moving.knots = 30;
    let mut device = node.connect();
    device.ask(moving.bytes(), "(P69,0,2)");
    let row = becomes(&lab, id, "withheld", "none");
    assert!(row["detail"].as_str().unwrap().contains("km/h"), "{row:#}");
    // It stands again: what was withheld stays withheld.
    device.ask(Report::new(LOCK).number(3).bytes(), "(P69,0,3)");
    device.hears_nothing();
    node.stop();
}

#[test]
fn what_was_not_sent_in_its_time_is_never_sent() {
    let lab = Lab::new();
    lab.secrets(SECRETS);
    let node = lab.serve();
    node.connect().ask(Report::new(LOCK).bytes(), "(P69,0,1)");
    node.stop();
    // The shortest validity is a minute: one is written as it would have been, a minute ago.
    let expires = Utc::now() + TimeDelta::milliseconds(1500);
    let id = runtime().block_on(async {
        let opened = Store::open(&lab.data(), Options { limit_bytes: 1 << 30 }).unwrap();
        let intent = UnlockIntent {
            target: DeviceKey::jointech(LOCK),
            via: DeviceKey::jointech(LOCK),
            method: UnlockMethod::StaticPassword,
            reason: UnlockReason::Test,
            note: String::new(),
            by: "test".into(),
            expires,
        };
        let at = expires - TimeDelta::minutes(1);
        let entry = NewEntry::new(at, Body::Command(CommandStep::Proposed(intent)));
        let seq = opened.store.append(entry).await.unwrap();
        drop(opened.committed);
        opened.store.close().await;
        CommandId(seq.0)
    });
    let node = lab.serve();
    wait_for("its time to be over", || (Utc::now() > expires).then_some(()));
    let mut device = node.connect();
    device.ask(Report::new(LOCK).number(2).bytes(), "(P69,0,2)");
    device.hears_nothing();
    becomes(&lab, id, "expired", "none");
    device.ask(Report::new(LOCK).number(3).bytes(), "(P69,0,3)");
    device.hears_nothing();
    node.stop();
}

#[test]
fn killed_between_sending_and_answer_it_is_uncertain_and_never_sent_again() {
    let lab = Lab::new();
    lab.secrets(SECRETS);
    let node = lab.serve();
    let mut device = node.connect();
    device.ask(Report::new(LOCK).bytes(), "(P69,0,1)");
    lab.until_locked(LOCK);
    let id = runtime().block_on(async {
        let mut console = Console::attach(&lab.socket()).await;
        let proposal = console.propose(LOCK).await;
        accepted(&console.ask(confirm(&proposal)).await)
    });
    device.expect(P43);
    node.kill();

    let node = lab.serve();
    let row = becomes(&lab, id, "uncertain", "none");
    assert_eq!(row["blocks"], true, "{row:#}");
    for n in 2..5 {
        let mut device: Device = node.connect();
        device.ask(Report::new(LOCK).number(n).bytes(), &format!("(P69,0,{n})"));
        device.hears_nothing();
    }
    runtime().block_on(async {
        let mut console = Console::attach(&lab.socket()).await;
        let proposal = console.propose(LOCK).await;
        assert!(!proposal.allowed, "an uncertain one keeps the next waiting");
        let verdict = |note: &str| Ask::Verdict { command: id, opened: false, note: note.into() };
        let why = console.refused(verdict("  ")).await;
        assert!(why.contains("note"), "{why}");
        let answer = console.ask(verdict("driver looked, closed")).await;
        assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
        assert!(console.propose(LOCK).await.allowed);
    });
    node.stop();
}

#[test]
fn cancelled_before_it_left_it_never_leaves() {
    let lab = Lab::new();
    lab.secrets(SECRETS);
    let node = lab.serve();
    let id = queued_for_an_absent_lock(&lab, &node);
    runtime().block_on(async {
        let mut console = Console::attach(&lab.socket()).await;
        let answer = console.ask(Ask::Cancel { command: id }).await;
        assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
        let why = console.refused(Ask::Cancel { command: id }).await;
        assert!(why.contains("too late"), "{why}");
    });
    let mut device = node.connect();
    device.ask(Report::new(LOCK).number(2).bytes(), "(P69,0,2)");
    device.hears_nothing();
    becomes(&lab, id, "cancelled", "none");
    node.stop();
}

#[test]
fn a_dynamic_password_opens_and_a_refusal_is_told() {
    let lab = Lab::new();
    let node = lab.serve();
    let mut device = node.connect();
    device.ask(Report::new(LOCK).bytes(), "(P69,0,1)");
    device.ask(format!("({LOCK},P52,2,264197)"), "(P52,2,264197)");
    lab.until_locked(LOCK);
    let id = runtime().block_on(async {
        let mut console = Console::attach(&lab.socket()).await;
        let proposal = console.propose(LOCK).await;
        assert_eq!(proposal.method, Some(UnlockMethod::DynamicPassword), "{proposal:#?}");
        accepted(&console.ask(confirm(&proposal)).await)
    });
    device.expect("(P52,3,264197)");
    device.send(format!("({LOCK},P52,3,0,1)"));
    let row = becomes(&lab, id, "refused", "none");
    assert!(row["detail"].as_str().unwrap().contains("wrong password"), "{row:#}");
    device.hears_nothing();
    node.stop();
}
