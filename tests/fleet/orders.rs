//! An order's life: sent once or, if it only asks, a few times; its answer is its own or nobody's.

use crate::scene::{Scene, at, key};
use crate::wire::*;
use lockyard::domain::command::{CommandStep, UnlockMethod};
use lockyard::domain::order::{CommandClass, Expect, OrderIntent, OrderStep, Success};
use lockyard::domain::{CommandId, Exchange};
use lockyard::fleet::commands::StepOutcome;
use lockyard::fleet::identity::IdentityOutcome;
use lockyard::fleet::orders::{ATTEMPTS, OPEN_PER_DEVICE, Order};
use lockyard::fleet::snapshot::Verified;
use lockyard::fleet::{State, Times};

/// Something to say, and how it is answered.
#[derive(Clone)]
pub(crate) struct Words {
    command: &'static str,
    class: CommandClass,
    shown: String,
    serial: Option<u16>,
    expect: Expect,
}

fn word(word: &str) -> Expect {
    Expect { word: Some(word.into()), ..Expect::default() }
}

pub(crate) fn read() -> Words {
    let expect = Expect { leading: vec!["0".into()], ..word("P04") };
    Words { command: "read", class: CommandClass::Read, shown: "(P04,0)".into(), serial: None, expect }
}

pub(crate) fn configure(seconds: u16) -> Words {
    let success = Success::Echo { at: 1, params: vec![seconds.to_string(), "60".into()] };
    Words {
        command: "wake_interval",
        class: CommandClass::Configure,
        shown: format!("(P04,1,{seconds},60)"),
        serial: None,
        expect: Expect { success, ..word("P04") },
    }
}

pub(crate) fn list(serial: u16) -> Words {
    Words {
        command: "bound_list",
        class: CommandClass::Read,
        shown: format!("(8000620011,1,{serial:03},WLNET,1,0)"),
        serial: Some(serial),
        expect: Expect { leading: vec!["1".into()], serial: Some(serial.into()), ..word("WLNET") },
    }
}

fn switch() -> Words {
    let expect =
        Expect { success: Success::Output { line: 2, on: true }, may_be_silent: false, ..Expect::default() };
    Words { command: "output", class: CommandClass::Configure, shown: "#OPC2,1".into(), serial: None, expect }
}

impl Scene {
    pub(crate) fn order(&mut self, second: i64, device: &str, words: &Words) -> CommandId {
        self.order_as(second, device, words, None, false)
    }

    pub(crate) fn order_as(
        &mut self,
        second: i64,
        device: &str,
        words: &Words,
        part_of: Option<CommandId>,
        is_plan: bool,
    ) -> CommandId {
        let intent = OrderIntent {
            target: key(device),
            via: key(device),
            command: words.command.into(),
            class: words.class,
            args: vec![("seconds".into(), "30".into())],
            by: "op".into(),
            note: String::new(),
            expires: at(second + 2700),
            part_of,
            is_plan,
        };
        self.order_step(second, OrderStep::Ordered(intent));
        CommandId(i64::try_from(self.entries.len()).unwrap())
    }

    pub(crate) fn tell(&mut self, second: i64, id: CommandId, words: &Words) -> StepOutcome {
        let (shown, expect) = (words.shown.clone(), words.expect.clone());
        self.order_step(second, OrderStep::Sent { id, shown, serial: words.serial, expect })
    }

    /// Ordered and sent in the same second.
    fn told(&mut self, second: i64, device: &str, words: &Words) -> CommandId {
        let id = self.order(second, device, words);
        assert_eq!(self.tell(second, id, words), StepOutcome::Done);
        id
    }

    fn order_of(&self, id: CommandId) -> &Order {
        self.state.orders.get(id).unwrap()
    }

    fn exchange(&self, id: CommandId) -> Exchange {
        self.order_of(id).exchange
    }
}

#[test]
fn an_answer_is_the_orders_own_and_is_taken_once() {
    let mut scene = Scene::new();
    let id = scene.told(100, MASTER, &read());
    assert_eq!(scene.tell(101, id, &read()), StepOutcome::NotNow, "sent once");
    scene.hear(102, text("P04,1,30,60"));
    assert_eq!(scene.exchange(id), Exchange::Sent, "another function of the same word");
    scene.hear(103, text("P61,0,30"));
    scene.hear(104, text("P04,0,30,60"));
    assert_eq!(scene.exchange(id), Exchange::AnsweredOk);
    let row = scene.state.order_row(id).unwrap();
    assert_eq!(row.answer.as_deref(), Some("P04 0,30,60"));
    assert_eq!(
        (row.sent, row.answered, row.asset.as_deref()),
        (Some(at(100)), Some(at(104)), Some("TRK-2041"))
    );
    scene.hear(105, text("P04,0,600,60"));
    assert_eq!(scene.state.order_row(id).unwrap().answer.as_deref(), Some("P04 0,30,60"));
    assert_eq!(scene.order_step(106, OrderStep::FailedUnsent { id }), StepOutcome::NotNow);
}

#[test]
fn what_is_not_echoed_as_told_is_a_refusal() {
    for (reply, wanted) in [
        ("P04,1,30,60", Exchange::AnsweredOk),
        ("P04,1,030,60", Exchange::AnsweredOk),
        ("P04,1,600,60", Exchange::Refused),
        ("P04,1,30", Exchange::Refused),
        ("P04", Exchange::Refused),
    ] {
        let mut scene = Scene::new();
        let id = scene.told(100, MASTER, &configure(30));
        scene.hear(101, text(reply));
        assert_eq!(scene.exchange(id), wanted, "{reply}");
    }
    let mut flag = configure(30);
    flag.expect.success = Success::Flag { at: 0, ok: "1".into() };
    for (reply, wanted) in [("P04,1", Exchange::AnsweredOk), ("P04,0", Exchange::Refused)] {
        let mut scene = Scene::new();
        let id = scene.told(100, MASTER, &flag);
        scene.hear(101, text(reply));
        assert_eq!(scene.exchange(id), wanted, "{reply}");
    }
}

#[test]
fn a_read_is_asked_again_and_nothing_else_is() {
    let mut scene = Scene::new();
    let id = scene.told(100, MASTER, &read());
    scene.advance(159);
    assert_eq!(scene.exchange(id), Exchange::Sent);
    scene.advance(160);
    assert_eq!(scene.exchange(id), Exchange::Queued, "no answer: asked again, but not at once");
    assert_eq!(scene.tell(161, id, &read()), StepOutcome::NotNow);
    assert!(scene.state.orders.due_via(&key(MASTER), at(174)).next().is_none());
    assert_eq!(scene.state.orders.due_via(&key(MASTER), at(175)).count(), 1);
    assert_eq!(scene.tell(175, id, &read()), StepOutcome::Done);
    assert_eq!(scene.order_step(176, OrderStep::Cancelled { id, by: "op".into() }), StepOutcome::NotNow);
    scene.advance(295);
    assert_eq!(scene.tell(295, id, &read()), StepOutcome::Done);
    assert_eq!(scene.order_of(id).attempts, ATTEMPTS);
    scene.advance(355);
    assert_eq!(scene.exchange(id), Exchange::Uncertain);
    assert_eq!(scene.order_of(id).detail.as_deref(), Some("no answer to 3 attempts"));
    assert_eq!(scene.tell(500, id, &read()), StepOutcome::NotNow);

    let mut scene = Scene::new();
    let id = scene.told(100, MASTER, &configure(30));
    scene.advance(160);
    assert_eq!(scene.exchange(id), Exchange::Uncertain);
    assert_eq!(scene.tell(161, id, &configure(30)), StepOutcome::NotNow);
    // It comes late: then it is known after all.
    scene.hear(170, text("P04,1,30,60"));
    assert_eq!(scene.exchange(id), Exchange::AnsweredOk);
    assert!(scene.order_of(id).detail.as_deref().unwrap().starts_with("late answer"));
}

#[test]
fn an_answer_between_two_attempts_ends_the_asking() {
    let mut scene = Scene::new();
    let id = scene.told(100, MASTER, &read());
    scene.hear(165, text("P04,0,30,60"));
    assert_eq!(scene.exchange(id), Exchange::AnsweredOk);
    assert_eq!(scene.tell(180, id, &read()), StepOutcome::NotNow);
}

#[test]
fn where_no_answer_is_promised_silence_is_no_failure() {
    let mut scene = Scene::new();
    let mut words = read();
    words.expect.may_be_silent = true;
    let id = scene.told(100, MASTER, &words);
    scene.advance(160);
    assert_eq!(scene.exchange(id), Exchange::SentOnly);
    assert_eq!(scene.tell(200, id, &words), StepOutcome::NotNow);
    scene.hear(170, text("P04,0,30,60"));
    assert_eq!(scene.exchange(id), Exchange::AnsweredOk, "and an answer is still welcome");
}

#[test]
fn two_whose_answers_could_be_mistaken_for_each_other_go_one_after_the_other() {
    let mut scene = Scene::new();
    let first = scene.told(100, MASTER, &configure(30));
    let second = scene.order(101, MASTER, &configure(600));
    assert_eq!(scene.tell(102, second, &configure(600)), StepOutcome::NotNow);
    let other = Words { shown: "(P61,0)".into(), expect: word("P61"), ..read() };
    let other_id = scene.order(102, MASTER, &other);
    assert_eq!(scene.tell(102, other_id, &other), StepOutcome::Done, "another word is not mistaken");
    scene.advance(160);
    assert_eq!(scene.exchange(first), Exchange::Uncertain);
    assert_eq!(scene.tell(200, second, &configure(600)), StepOutcome::NotNow, "it may still be answered");
    // The same once more is not mistaken: the answer says the same.
    let again = scene.order(200, MASTER, &configure(30));
    assert_eq!(scene.tell(200, again, &configure(30)), StepOutcome::Done);
    scene.hear(201, text("P04,1,30,60"));
    assert_eq!((scene.exchange(first), scene.exchange(again)), (Exchange::Uncertain, Exchange::AnsweredOk));
    assert_eq!(scene.tell(221, second, &configure(600)), StepOutcome::Done);
}

#[test]
fn serials_tell_answers_apart_and_never_repeat() {
    let mut scene = Scene::new();
    let first = scene.told(100, MASTER, &list(1));
    let second = scene.order(100, MASTER, &list(1));
    assert_eq!(scene.tell(101, second, &list(1)), StepOutcome::NotNow, "the same serial twice running");
    assert_eq!(scene.tell(101, second, &list(2)), StepOutcome::Done);
    scene.hear(102, text("1,002,WLNET,1,E03B60000A"));
    assert_eq!((scene.exchange(first), scene.exchange(second)), (Exchange::Sent, Exchange::AnsweredOk));
    scene.hear(103, text("1,001,WLNET,1"));
    assert_eq!(scene.exchange(first), Exchange::AnsweredOk);
    let master = key(MASTER);
    assert_eq!(scene.state.commands.next_serial(&master), 3);
    let body = scene.state.checkpoint().unwrap();
    let resumed = State::from_checkpoint(&body, Times::default()).unwrap();
    assert_eq!(resumed.commands.next_serial(&master), 3);
    assert!(!resumed.commands.is_new_serial(&master, 2));
}

#[test]
fn a_master_does_one_thing_with_its_radio_at_a_time() {
    let mut scene = Scene::with_children();
    scene.send(100, SUB, UnlockMethod::SubLockRelay);
    let id = scene.order(101, MASTER, &list(9));
    assert_eq!(scene.tell(101, id, &list(9)), StepOutcome::NotNow);
    let plain = scene.order(101, MASTER, &read());
    assert_eq!(scene.tell(101, plain, &read()), StepOutcome::Done, "its other words are free");

    let mut scene = Scene::with_children();
    let order = scene.told(100, MASTER, &list(9));
    let relay = scene.propose(101, SUB, UnlockMethod::SubLockRelay);
    let go = |serial| CommandStep::Sent { id: relay, serial: Some(serial) };
    assert_eq!(scene.step(102, go(10)), StepOutcome::NotNow);
    scene.hear(103, text("1,009,WLNET,1"));
    assert_eq!(scene.exchange(order), Exchange::AnsweredOk);
    assert_eq!(scene.step(104, go(9)), StepOutcome::NotNow, "an opening does not repeat an order's serial");
    assert_eq!(scene.step(104, go(10)), StepOutcome::Done);
}

#[test]
fn an_output_is_switched_when_a_report_shows_it() {
    let mut scene = Scene::new();
    let id = scene.told(100, TRACKER, &switch());
    let outputs = |scene: &mut Scene, second, outputs: &str| {
        let mut records = crate::scene::decode(&tracker("POS", second, "10010"));
        records[0].messages[0].outputs = Some(outputs.into());
        scene.apply(second, lockyard::domain::journal::Body::Frame(records.remove(0)));
    };
    outputs(&mut scene, 110, "10000");
    assert_eq!(scene.exchange(id), Exchange::Sent);
    outputs(&mut scene, 120, "11000");
    assert_eq!(scene.exchange(id), Exchange::AnsweredOk);
}

#[test]
fn what_a_tracker_announces_when_it_connects_is_no_answer() {
    let mut scene = Scene::new();
    let words = Words { expect: Expect { may_be_silent: true, ..Expect::default() }, ..switch() };
    let id = scene.told(100, TRACKER, &words);
    scene.hear(110, format!("$FUS{TRACKER},600-V1.0,A1\r\n"));
    assert_eq!(scene.exchange(id), Exchange::Sent);
    scene.advance(300);
    assert_eq!(scene.exchange(id), Exchange::SentOnly);
}

#[test]
fn after_a_restart_nobody_knows_what_became_of_what_was_sent() {
    let mut scene = Scene::new();
    let sent = scene.told(100, MASTER, &configure(30));
    let queued = scene.order(100, MASTER, &read());
    let asked = scene.told(100, SEAL, &read());
    scene.advance(165);
    assert_eq!(scene.exchange(asked), Exchange::Queued);
    let fresh = scene.told(166, TRACKER, &configure(30));
    scene.restart(170);
    assert_eq!(scene.exchange(fresh), Exchange::Uncertain);
    assert_eq!(scene.exchange(sent), Exchange::Uncertain);
    assert_eq!(scene.exchange(asked), Exchange::Uncertain, "between two attempts is sent, too");
    assert_eq!(scene.exchange(queued), Exchange::Queued);
    scene.advance(2800);
    assert_eq!(scene.exchange(queued), Exchange::Expired);
    assert_eq!(scene.tell(2801, queued, &read()), StepOutcome::NotNow);
}

#[test]
fn a_plan_is_its_steps() {
    let plan = Words { command: "bind", class: CommandClass::Credential, ..list(0) };
    let mut scene = Scene::new();
    let whole = scene.order_as(100, MASTER, &plan, None, true);
    assert!(scene.state.orders.due_via(&key(MASTER), at(101)).next().is_none(), "it is not sent itself");
    assert_eq!(scene.tell(101, whole, &plan), StepOutcome::NotNow);
    let step = scene.order_as(101, MASTER, &list(1), Some(whole), false);
    assert_eq!(scene.state.orders.steps_of(whole).map(|s| s.id).collect::<Vec<_>>(), [step]);
    let cancel = |id| OrderStep::Cancelled { id, by: "op".into() };
    assert_eq!(scene.order_step(102, cancel(whole)), StepOutcome::Done);
    assert_eq!((scene.exchange(whole), scene.exchange(step)), (Exchange::Cancelled, Exchange::Cancelled));
    let after = scene.order_as(103, MASTER, &list(1), Some(whole), false);
    assert!(scene.state.orders.get(after).is_none(), "no step of a plan that is over");

    let whole = scene.order_as(200, MASTER, &plan, None, true);
    let step = scene.order_as(200, MASTER, &list(1), Some(whole), false);
    scene.tell(201, step, &list(1));
    assert_eq!(scene.exchange(whole), Exchange::Sent);
    assert_eq!(scene.order_step(202, cancel(whole)), StepOutcome::NotNow);
    let checked = |agrees| OrderStep::Checked { id: whole, agrees, words: "the list is as asked".into() };
    assert_eq!(scene.order_step(203, checked(Some(true))), StepOutcome::Done);
    assert_eq!(scene.exchange(whole), Exchange::AnsweredOk);
    assert_eq!(scene.order_step(204, checked(Some(false))), StepOutcome::NotNow);
    assert_eq!(scene.state.order_row(whole).unwrap().verified, Some(Verified::Yes));
}

#[test]
fn what_a_plan_would_write_does_not_outlive_the_choice_of_a_source() {
    use lockyard::domain::identity::{Arrival, IdentityDecision, Source};
    use lockyard::domain::journal::Transport;
    let from =
        |host: u8| Source { transport: Transport::Tcp, peer: format!("10.0.0.{host}:1").parse().unwrap() };
    let mut scene = Scene::new();
    let say = |scene: &mut Scene, second: i64, host: u8| {
        scene.hear_by(second, from(host), Arrival::default(), master(second, FINE).bytes());
    };
    say(&mut scene, 0, 1);
    say(&mut scene, 30, 2);
    let plan = scene.order_as(40, MASTER, &list(7), None, true);
    let write = Words { class: CommandClass::Credential, ..list(8) };
    let step = scene.order_as(45, MASTER, &write, Some(plan), false);
    let alone = scene.order(45, MASTER, &configure(30));
    say(&mut scene, 60, 1);
    assert_eq!(scene.decide(70, MASTER, IdentityDecision::Older), IdentityOutcome::Done);
    assert_eq!((scene.exchange(step), scene.exchange(alone)), (Exchange::Withheld, Exchange::Queued));
    assert_eq!(scene.tell(71, step, &write), StepOutcome::NotNow);
}

#[test]
fn open_orders_of_a_device_are_bounded() {
    let mut scene = Scene::new();
    for _ in 0..OPEN_PER_DEVICE {
        let id = scene.order(100, MASTER, &read());
        assert!(scene.state.orders.get(id).is_some());
    }
    let more = scene.order(100, MASTER, &read());
    assert!(scene.state.orders.get(more).is_none());
    let elsewhere = scene.order(100, SEAL, &read());
    assert!(scene.state.orders.get(elsewhere).is_some());
    for n in 0..2000 {
        let id = scene.order(3000 + n * 10, SEAL, &read());
        scene.order_step(3001 + n * 10, OrderStep::Cancelled { id, by: "op".into() });
    }
    assert!(scene.state.orders.all().count() <= 1001);
}

#[test]
fn an_old_checkpoint_without_orders_is_read() {
    let scene = Scene::with_children();
    let mut json: serde_json::Value = serde_json::from_slice(&scene.state.checkpoint().unwrap()).unwrap();
    json.as_object_mut().unwrap().remove("orders").unwrap();
    let body = serde_json::to_vec(&json).unwrap();
    let state = State::from_checkpoint(&body, Times::default()).unwrap();
    assert_eq!(state.orders.all().count(), 0);
}
