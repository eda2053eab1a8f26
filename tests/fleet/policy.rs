//! The interlocks with the fold behind them.

use crate::scene::{Scene, at, key};
use crate::wire::*;
use lockyard::command::policy::{Assessment, Rules, Surroundings, assess};
use lockyard::domain::command::UnlockMethod::{DynamicPassword, StaticPassword, SubLockRelay};
use lockyard::domain::command::{CommandStep, Verdict};
use lockyard::domain::order::Proof;
use lockyard::domain::{CommandId, DeviceKind};

fn around(in_contact: bool) -> Surroundings {
    let known = |method| (method, Proof::Documented);
    Surroundings {
        static_password: true,
        in_contact,
        proven_on_bench: true,
        unlock_words: vec![known(StaticPassword), known(DynamicPassword), known(SubLockRelay)],
        ..Surroundings::default()
    }
}

fn look(scene: &Scene, id: &str, in_contact: bool, own: Option<CommandId>, second: i64) -> Assessment {
    let rules = Rules { max_speed_kmh: 5.0 };
    assess(&scene.state, &key(id), &around(in_contact), rules, own, at(second)).unwrap()
}

fn verdict(assessment: &Assessment, name: &str) -> Verdict {
    assessment.interlocks.iter().find(|interlock| interlock.name == name).unwrap().verdict
}

const SOURCE: &str = "one source for this ID";
const PLACE: &str = "place known";
const SPEED: &str = "standing still";

#[test]
fn a_queued_opening_waits_for_the_first_fix_of_the_wake() {
    let mut scene = Scene::new();
    scene.hear(0, master(0, FINE).bytes());
    let id = scene.propose(3000, MASTER, StaticPassword);
    let asleep = look(&scene, MASTER, false, None, 3000);
    assert_eq!((verdict(&asleep, PLACE), verdict(&asleep, SPEED)), (Verdict::AtWake, Verdict::AtWake));
    // It wakes on the road, without a fix yet, with a record of when it stood.
    scene.hear(3600, text("@JT"));
    let woken = look(&scene, MASTER, true, Some(id), 3600);
    assert_eq!((verdict(&woken, PLACE), verdict(&woken, SPEED)), (Verdict::AtWake, Verdict::AtWake));
    scene.hear(3601, Master { fix: false, ..master(3601, FINE) }.bytes());
    scene.hear(3602, master(2000, FINE).stored().bytes());
    assert_eq!(verdict(&look(&scene, MASTER, true, Some(id), 3602), SPEED), Verdict::AtWake);
    scene.hear(3610, Master { knots: 40, ..master(3610, FINE) }.bytes());
    let moving = look(&scene, MASTER, true, Some(id), 3610);
    assert_eq!(verdict(&moving, SPEED), Verdict::Fail);
    assert_eq!(moving.failing().unwrap().name, SPEED);
    scene.hear(3640, master(3640, FINE).bytes());
    let stands = look(&scene, MASTER, true, Some(id), 3640);
    assert_eq!((verdict(&stands, PLACE), verdict(&stands, SPEED)), (Verdict::Pass, Verdict::Pass));
    assert!(stands.allowed());
}

#[test]
fn what_the_operator_saw_of_a_lock_in_contact_holds_until_it_is_heard_again() {
    let mut scene = Scene::new();
    scene.hear(0, Master { fix: false, ..master(0, FINE) }.bytes());
    let id = scene.propose(10, MASTER, StaticPassword);
    let seen = look(&scene, MASTER, true, Some(id), 10);
    assert_eq!(verdict(&seen, SPEED), Verdict::Warn);
    assert!(seen.allowed());
}

#[test]
fn a_slow_clock_does_not_keep_a_lock_waiting_for_ever() {
    let mut scene = Scene::new();
    let slow = |t: i64| master(t - 7200, FINE).bytes();
    for second in [0, 30, 60] {
        scene.hear(second, slow(second));
    }
    let id = scene.propose(3000, MASTER, StaticPassword);
    scene.hear(3600, text("@JT"));
    assert_eq!(verdict(&look(&scene, MASTER, true, Some(id), 3600), SPEED), Verdict::AtWake);
    scene.hear(3601, slow(3601));
    assert_eq!(verdict(&look(&scene, MASTER, true, Some(id), 3601), SPEED), Verdict::Warn);
}

#[test]
fn an_old_fix_never_says_that_it_stands() {
    let mut scene = Scene::new();
    scene.hear(0, master(0, FINE).bytes());
    assert_eq!(verdict(&look(&scene, MASTER, true, None, 300), SPEED), Verdict::Pass);
    assert_eq!(verdict(&look(&scene, MASTER, true, None, 301), SPEED), Verdict::Warn);
    scene.hear(400, Master { knots: 3, ..master(400, FINE) }.bytes());
    assert_eq!(verdict(&look(&scene, MASTER, true, None, 400), SPEED), Verdict::Fail, "5.6 km/h");
    // The children move with their master.
    scene.hear(410, sub(410, 0, 0).bytes());
    scene.enrol(420, SUB, DeviceKind::SubLock, "TRK-2041", Some(MASTER));
    scene.hear(430, Master { knots: 40, ..master(430, FINE) }.bytes());
    assert_eq!(verdict(&look(&scene, SUB, true, None, 430), SPEED), Verdict::Fail);
}

#[test]
fn only_the_way_that_was_confirmed_is_gone() {
    let mut scene = Scene::with_children();
    scene.enrol(0, "8000620012", DeviceKind::MasterLock, "TRK-2", None);
    let id = scene.propose(10, SUB, SubLockRelay);
    assert!(look(&scene, SUB, true, Some(id), 10).failing().is_none());
    scene.enrol(20, SUB, DeviceKind::SubLock, "TRK-2", Some("8000620012"));
    let failing = look(&scene, SUB, true, Some(id), 20);
    assert!(failing.failing().unwrap().value.contains("propose it anew"));
}

#[test]
fn one_relay_at_a_time_and_a_master_s_own_lock_is_none() {
    let mut scene = Scene::with_children();
    scene.hear(0, master(0, FINE).bytes());
    let relay = scene.propose(10, SUB, SubLockRelay);
    scene.step(10, CommandStep::Sent { id: relay, serial: Some(1) });
    const OTHER: &str = "no other command open";
    assert_eq!(verdict(&look(&scene, VALVE, true, None, 11), OTHER), Verdict::Fail);
    assert_eq!(verdict(&look(&scene, MASTER, true, None, 11), OTHER), Verdict::Pass);
    assert_eq!(verdict(&look(&scene, SUB, true, None, 11), OTHER), Verdict::Fail);
    assert_eq!(verdict(&look(&scene, SUB, true, Some(relay), 11), OTHER), Verdict::Pass, "itself");
}

#[test]
fn two_refused_passwords_end_it_until_a_right_one_was_seen() {
    let mut scene = Scene::new();
    const REFUSED: &str = "no refused passwords";
    for (n, wanted) in [(0, Verdict::Pass), (1, Verdict::Warn), (2, Verdict::Fail)] {
        assert_eq!(verdict(&look(&scene, MASTER, true, None, n * 100), REFUSED), wanted);
        if n < 2 {
            scene.send(n * 100, MASTER, StaticPassword);
            scene.hear(n * 100 + 1, text("P43,0,0"));
        }
    }
    scene.hear(500, p45(490, 7, 0, 1, 2));
    assert_eq!(verdict(&look(&scene, MASTER, true, None, 500), REFUSED), Verdict::Pass);
}

#[test]
fn what_cannot_be_opened_from_here_says_why() {
    let mut scene = Scene::new();
    assert!(!look(&scene, TRACKER, true, None, 0).allowed());
    scene.hear(100, sub(100, 0, 0).bytes());
    let unconfirmed = look(&scene, SUB, true, None, 100);
    assert_eq!(unconfirmed.failing().unwrap().name, "enrolled");
    assert!(
        assess(&scene.state, &key("9999999999"), &around(true), Rules { max_speed_kmh: 5.0 }, None, at(0))
            .is_none()
    );
    let full = Surroundings { store_error: Some("disk full".into()), ..around(true) };
    let rules = Rules { max_speed_kmh: 5.0 };
    assert!(!assess(&scene.state, &key(MASTER), &full, rules, None, at(0)).unwrap().allowed());
    let bare = Surroundings { in_contact: true, ..Surroundings::default() };
    assert!(!assess(&scene.state, &key(MASTER), &bare, rules, None, at(0)).unwrap().allowed());
}

#[test]
fn an_unlock_word_that_nobody_proved_needs_a_supervisor() {
    let mut scene = Scene::new();
    scene.hear(0, seal(0, 0, 0, &[]));
    let look = |words: Vec<_>, supervisor| {
        let around = Surroundings { unlock_words: words, supervisor, ..around(true) };
        assess(&scene.state, &key(SEAL), &around, Rules { max_speed_kmh: 5.0 }, None, at(1)).unwrap()
    };
    let without = look(vec![], true);
    let why = without.failing().unwrap();
    assert_eq!(why.value, "no unlock command known for this firmware; add one in a profile");
    assert!(!without.allowed());
    let unverified = vec![(StaticPassword, Proof::Unverified)];
    let alone = look(unverified.clone(), false);
    assert_eq!(alone.failing().unwrap().name, "unlock word");
    let supervised = look(unverified, true);
    assert!(supervised.allowed());
    assert_eq!(verdict(&supervised, "unlock word"), Verdict::Warn);
    let documented = look(vec![(StaticPassword, Proof::Documented)], false);
    assert_eq!(verdict(&documented, "unlock word"), Verdict::Pass);
    let other = look(vec![(DynamicPassword, Proof::Documented)], true);
    assert!(!other.allowed(), "a word for another way does not help");
}

#[test]
fn two_sources_stop_a_lock_and_all_that_hangs_on_it_until_somebody_decides() {
    use lockyard::command::policy::in_doubt;
    use lockyard::domain::identity::{IdentityDecision, Source};
    use lockyard::domain::journal::Transport;
    let source = |peer: &str| Source { transport: Transport::Tcp, peer: peer.parse().unwrap() };
    let (old, new) = (source("10.0.0.1:1"), source("10.0.0.2:2"));
    let mut scene = Scene::with_children();
    scene.hear_from(0, old, master(0, FINE).bytes());
    scene.hear_from(1, old, sub(1, sub_event::TIMED, 0).bytes());
    let id = scene.propose(5, MASTER, StaticPassword);
    scene.step(6, CommandStep::Cancelled { id, by: "op".into() });
    let value = |scene: &Scene, id: &str| {
        let rows = look(scene, id, true, None, 70).interlocks;
        rows.into_iter().find(|row| row.name == SOURCE).map(|row| (row.verdict, row.value)).unwrap()
    };
    for id in [MASTER, SUB] {
        let (verdict, text) = value(&scene, id);
        assert!(verdict == Verdict::Pass && text.starts_with("tcp 10.0.0.1:1"), "{id} {verdict:?} {text}");
        assert_eq!(in_doubt(&scene.state, &key(id)), None);
    }
    scene.hear_from(30, new, master(30, FINE).bytes());
    scene.hear_from(60, old, master(60, FINE).bytes());
    for id in [MASTER, SUB] {
        let (verdict, text) = value(&scene, id);
        assert_eq!(verdict, Verdict::Fail, "{id}");
        assert!(text.contains("tcp 10.0.0.1:1 and then tcp 10.0.0.2:2"), "{text}");
        assert_eq!(in_doubt(&scene.state, &key(id)), Some(text));
        assert!(!look(&scene, id, true, None, 70).allowed());
    }
    scene.decide(65, MASTER, IdentityDecision::Newest);
    for id in [MASTER, SUB] {
        let (verdict, text) = value(&scene, id);
        assert!(verdict == Verdict::Pass && text.contains("10.0.0.2:2, chosen by chief"), "{text}");
    }
}
