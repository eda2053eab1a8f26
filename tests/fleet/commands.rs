//! A command's life, step by step. Three facts, three fields: what left, what was answered, what moved.

use crate::scene::{Scene, at};
use crate::wire::*;
use lockyard::domain::alarm::AlarmKind as K;
use lockyard::domain::command::CommandStep::{Cancelled, FailedUnsent, Sent, Verdict, Withheld};
use lockyard::domain::command::UnlockMethod::{DynamicPassword, StaticPassword, SubLockRelay};
use lockyard::domain::{CommandId, DeviceKind, Evidence, Exchange};
use lockyard::fleet::commands::StepOutcome;

fn blocks(scene: &Scene, id: CommandId, second: i64) -> bool {
    scene.command(id).blocks(at(second), scene.state.times)
}

#[test]
fn what_was_sent_is_never_sent_again() {
    let mut scene = Scene::new();
    let id = scene.send(100, MASTER, StaticPassword);
    assert_eq!(scene.step(101, Sent { id, serial: None }), StepOutcome::NotNow);
    assert_eq!(scene.step(101, Cancelled { id, by: "op".into() }), StepOutcome::NotNow);
    assert_eq!(scene.step(101, Withheld { id, why: "x".into() }), StepOutcome::NotNow);
    assert_eq!(scene.command(id).exchange, Exchange::Sent);
}

#[test]
fn not_a_byte_left_counts_only_while_nothing_else_was_heard() {
    let mut scene = Scene::new();
    let id = scene.send(100, MASTER, StaticPassword);
    assert_eq!(scene.step(101, FailedUnsent { id }), StepOutcome::Done);
    assert_eq!(scene.command(id).exchange, Exchange::Queued);
    assert_eq!(scene.step(110, Sent { id, serial: None }), StepOutcome::Done);
    scene.hear(0, master(0, FINE).bytes());
    scene.hear(115, master(115, OPEN).bytes());
    assert_eq!(scene.command(id).evidence, Evidence::Opened);
    assert_eq!(scene.step(116, FailedUnsent { id }), StepOutcome::NotNow, "it moved");
    assert_ne!(scene.command(id).exchange, Exchange::Queued);
    // Over its time, it does not go back to the queue.
    let mut scene = Scene::new();
    let id = scene.propose(100, MASTER, StaticPassword);
    scene.step(2799, Sent { id, serial: None });
    scene.step(2800, FailedUnsent { id });
    assert_eq!(scene.command(id).exchange, Exchange::Expired);
}

#[test]
fn nothing_leaves_after_its_time_a_cancellation_or_a_failed_interlock() {
    for end in 0..3 {
        let mut scene = Scene::new();
        let id = scene.propose(100, MASTER, StaticPassword);
        let (second, wanted) = match end {
            0 => (2800, Exchange::Expired),
            1 => {
                scene.step(200, Cancelled { id, by: "op".into() });
                (201, Exchange::Cancelled)
            }
            _ => {
                scene.step(200, Withheld { id, why: "moving".into() });
                (201, Exchange::Withheld)
            }
        };
        assert_eq!(scene.step(second, Sent { id, serial: None }), StepOutcome::NotNow);
        assert_eq!(scene.command(id).exchange, wanted);
        assert!(scene.command(id).sent.is_none());
        assert!(scene.state.commands.queued_via(&crate::scene::key(MASTER)).next().is_none());
        assert!(!blocks(&scene, id, second));
    }
}

#[test]
fn one_command_per_lock_until_its_outcome_is_known() {
    let mut scene = Scene::new();
    let first = scene.propose(100, MASTER, StaticPassword);
    let refused = scene.propose(101, MASTER, StaticPassword);
    assert!(scene.state.commands.get(refused).is_none());
    scene.step(102, Sent { id: first, serial: None });
    scene.advance(162);
    assert_eq!(scene.command(first).exchange, Exchange::Uncertain);
    assert_eq!(scene.letter(MASTER, K::CommandUncertain), "B1");
    scene.advance(1_000_000);
    assert!(blocks(&scene, first, 1_000_000), "time resolves nothing");
    // A card in its window says nothing of it either.
    scene.hear(1_000_001, by_card(150, 1));
    assert_eq!(scene.command(first).evidence, Evidence::Contradicted);
    assert!(blocks(&scene, first, 1_000_001));
    let verdict = |id| Verdict { id, by: "chief".into(), opened: false, note: "driver looked".into() };
    assert_eq!(scene.step(1_000_002, verdict(first)), StepOutcome::Done);
    assert_eq!(scene.step(1_000_003, verdict(first)), StepOutcome::NotNow);
    assert!(!blocks(&scene, first, 1_000_003));
    assert_eq!(scene.letter(MASTER, K::CommandUncertain), "E1");
    assert_eq!(scene.command(first).exchange, Exchange::Uncertain, "the verdict does not rewrite it");
    let next = scene.propose(1_000_004, MASTER, StaticPassword);
    assert_eq!(scene.command(next).exchange, Exchange::Queued);
}

#[test]
fn evidence_that_comes_late_resolves_an_uncertain_outcome() {
    let mut scene = Scene::new();
    scene.hear(0, master(0, FINE).bytes());
    let id = scene.send(100, MASTER, StaticPassword);
    scene.restart(110);
    assert_eq!(scene.command(id).exchange, Exchange::Uncertain);
    assert_eq!(scene.letter(MASTER, K::CommandUncertain), "B1");
    scene.hear(3000, by_static(105, 1));
    assert_eq!(
        (scene.command(id).exchange, scene.command(id).evidence),
        (Exchange::Uncertain, Evidence::Opened)
    );
    assert!(!blocks(&scene, id, 3000));
    assert_eq!(scene.letter(MASTER, K::CommandUncertain), "E1");
    assert_eq!(scene.alarmed_openings(), []);
}

#[test]
fn a_restart_leaves_what_was_queued_and_what_is_over() {
    let mut scene = Scene::with_children();
    let queued = scene.propose(100, SUB, SubLockRelay);
    let answered = scene.send(100, MASTER, StaticPassword);
    scene.hear(101, text("P43,1,0"));
    scene.restart(110);
    assert_eq!(scene.command(queued).exchange, Exchange::Queued);
    assert_eq!(scene.command(answered).exchange, Exchange::AnsweredOk);
}

#[test]
fn answers_go_to_the_command_they_belong_to_or_to_none() {
    let mut scene = Scene::with_children();
    let id = scene.send(100, MASTER, StaticPassword);
    scene.hear(101, text("P52,3,1,0")); // another word
    scene.hear(101, text("P43,x,0")); // no verdict in it
    assert_eq!(scene.command(id).exchange, Exchange::Sent);
    scene.hear(102, text("P43,0,1"));
    assert_eq!(scene.command(id).exchange, Exchange::Refused);
    scene.hear(103, text("P43,1,0")); // a second answer changes nothing
    assert_eq!(scene.command(id).exchange, Exchange::Refused);
    assert_eq!(scene.device(MASTER).rejections, 1);

    let relay = scene.send(200, SUB, SubLockRelay);
    scene.hear(201, text("1,008,WLNET,8,0,E03B60000A"));
    assert_eq!(scene.command(relay).exchange, Exchange::Sent, "another serial");
    scene.hear(202, text("1,007,WLNET,8,0,E03B60000A"));
    assert_eq!(
        (scene.command(relay).exchange, scene.command(relay).evidence),
        (Exchange::Relayed, Evidence::None)
    );
}

#[test]
fn a_late_answer_is_recorded_beside_an_uncertain_outcome() {
    let mut scene = Scene::new();
    let id = scene.send(100, MASTER, StaticPassword);
    scene.advance(160);
    scene.hear(200, text("P43,1,0"));
    assert_eq!(scene.command(id).exchange, Exchange::Uncertain);
    assert_eq!(scene.command(id).answered, Some(at(200)));
    assert!(blocks(&scene, id, 200));
}

#[test]
fn a_command_nobody_ever_answered_does_not_spoil_the_answers_of_later_ones() {
    let mut scene = Scene::new();
    let first = scene.send(100, MASTER, StaticPassword);
    scene.advance(200);
    scene.step(300, Verdict { id: first, by: "chief".into(), opened: false, note: "no".into() });
    // Within minutes the answer could be either's: attached to none.
    let second = scene.send(310, MASTER, StaticPassword);
    scene.hear(311, text("P43,1,0"));
    assert_eq!((scene.command(first).answered, scene.command(second).answered), (None, None));
    scene.advance(400);
    scene.step(410, Verdict { id: second, by: "chief".into(), opened: false, note: "no".into() });
    let third = scene.send(5000, MASTER, StaticPassword);
    scene.hear(5001, text("P43,1,0"));
    assert_eq!(scene.command(third).exchange, Exchange::AnsweredOk);
}

#[test]
fn refusals_add_up_until_a_right_password_is_seen() {
    let mut scene = Scene::new();
    for n in 0..2 {
        scene.send(100 + n * 10, MASTER, StaticPassword);
        scene.hear(101 + n * 10, text("P43,0,0"));
    }
    assert_eq!(scene.device(MASTER).rejections, 2);
    scene.hear(500, by_card(490, 1));
    assert_eq!(scene.device(MASTER).rejections, 2, "a card is no password");
    scene.hear(600, p45(590, 7, 0, 1, 2));
    assert_eq!(scene.device(MASTER).rejections, 0);
    // The lock's own count is what it alarms by.
    scene.send(1000, MASTER, DynamicPassword);
    scene.hear(1001, text("P52,3,0,4"));
    assert_eq!(scene.device(MASTER).rejections, 4);
}

#[test]
fn serials_of_relays_never_repeat_running_and_survive_a_checkpoint() {
    let mut scene = Scene::with_children();
    let master = crate::scene::key(MASTER);
    let mut last = 0;
    for n in 0..600_i64 {
        let serial = scene.state.commands.next_serial(&master);
        assert!(serial != 0 && serial != last);
        let id = scene.propose(n * 1000, SUB, SubLockRelay);
        assert_eq!(scene.step(n * 1000, Sent { id, serial: Some(serial) }), StepOutcome::Done);
        scene.step(n * 1000 + 1, FailedUnsent { id });
        scene.step(n * 1000 + 2, Cancelled { id, by: "op".into() });
        last = serial;
    }
    let body = scene.state.checkpoint().unwrap();
    let read = lockyard::fleet::State::from_checkpoint(&body, scene.state.times).unwrap();
    assert_eq!(read.commands.next_serial(&master), scene.state.commands.next_serial(&master));
}

#[test]
fn finished_commands_are_kept_up_to_a_bound_and_open_ones_always() {
    let mut scene = Scene::empty();
    scene.enrol(0, MASTER, DeviceKind::MasterLock, "T", None);
    scene.enrol(0, "8000620012", DeviceKind::MasterLock, "T2", None);
    let open = scene.propose(0, "8000620012", StaticPassword);
    let mut last = open;
    for n in 0..1500 {
        last = scene.propose(n, MASTER, StaticPassword);
        scene.step(n, Cancelled { id: last, by: "op".into() });
    }
    assert_eq!(scene.state.commands.all().count(), 1000);
    assert!(scene.state.commands.get(open).is_some() && scene.state.commands.get(last).is_some());
}

#[test]
fn the_fold_itself_lets_only_one_at_a_time_go() {
    // Two sub-locks of one master.
    let mut scene = Scene::with_children();
    let first = scene.send(100, SUB, SubLockRelay);
    let second = scene.propose(101, VALVE, SubLockRelay);
    let go = Sent { id: second, serial: Some(8) };
    assert_eq!(scene.step(102, go.clone()), StepOutcome::NotNow);
    assert_eq!(scene.command(second).exchange, Exchange::Queued, "it waits");
    scene.hear(105, text("1,007,WLNET,8,0,E03B60000A"));
    assert_eq!(scene.step(106, go.clone()), StepOutcome::NotNow, "an echo is no outcome");
    scene.hear(110, sub(110, sub_event::LORA, SUB_MOTOR_OPEN).bytes());
    assert_eq!(scene.command(first).evidence, Evidence::Opened);
    assert_eq!(scene.step(120, go), StepOutcome::Done);

    // One lock: what seemed to be the outcome of the first was a card.
    let mut scene = Scene::new();
    scene.hear(0, master(0, FINE).bytes());
    let first = scene.send(100, MASTER, StaticPassword);
    scene.hear(110, master(110, OPEN).bytes());
    scene.restart(120);
    assert_eq!(scene.letter(MASTER, K::CommandUncertain), "A0", "it was seen to open");
    let second = scene.propose(130, MASTER, StaticPassword);
    scene.hear(140, by_card(109, 1));
    assert_eq!(scene.command(first).evidence, Evidence::Contradicted);
    assert_eq!(scene.letter(MASTER, K::CommandUncertain), "B1");
    assert_eq!(scene.step(150, Sent { id: second, serial: None }), StepOutcome::NotNow);
}
