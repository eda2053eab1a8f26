//! What is shown of a lock: never newer, never better than the evidence.

use crate::scene::{Scene, at};
use crate::wire::*;
use lockyard::domain::{LockState, PartState, SealState, ValveState};

const TRUCK: &str = "TRK-2041";

fn all_closed(scene: &mut Scene, second: i64) {
    scene.hear(second, master(second, FINE).bytes());
    scene.hear(second, sub(second, sub_event::TIMED, 0).bytes());
    scene.hear(second, valve(second, valve_event::CLOSED | valve_event::LOCKED, 0).bytes());
}

#[test]
fn late_data_never_moves_parts_place_battery_or_anything_else_back() {
    let mut scene = Scene::new();
    scene.hear(1000, Master { lat: 30, battery: 50, ..master(1000, OPEN) }.bytes());
    let before = scene.snapshot(1000);
    let old = Master { lat: 40, battery: 99, knots: 60, ..master(500, FINE) };
    scene.hear(1001, old.clone().stored().bytes());
    scene.hear(1001, Master { kind: 4, ..old.clone() }.bytes());
    scene.hear(1001, old.bytes());
    scene.hear(1002, auto_locked(900, 3));
    let after = scene.snapshot(1000);
    let (a, b) = (&before.devices[1], &after.devices[1]);
    assert_eq!(a.id, MASTER);
    assert_eq!((a.lock, a.parts, &a.position), (b.lock, b.parts, &b.position));
    assert_eq!((a.battery_pct, a.charging, a.signal), (b.battery_pct, b.charging, b.signal));
    assert_eq!((a.since, a.as_of), (b.since, b.as_of));
    assert_eq!(scene.lock(MASTER), LockState::Unlocked);
}

#[test]
fn a_fast_clock_does_not_turn_old_frames_into_new_ones() {
    // Newest first, as locks send seconds-old frames: the live one says open, those before it closed.
    for ahead in [0, 5, 60, 119, 200, 3 * 3600] {
        let mut scene = Scene::new();
        scene.hear(0, master(ahead, FINE).bytes());
        scene.hear(100, master(100 + ahead, OPEN).bytes());
        for (n, told) in [98, 95, 40].into_iter().enumerate() {
            let frame = Master { kind: 4, lat: 50, ..master(told + ahead, FINE) };
            scene.hear(100 + n as i64, frame.bytes());
        }
        // Events of before, told late, and stored records of a clock that is ahead.
        scene.hear(103, auto_locked(50 + ahead, 4));
        scene.hear(104, master(60 + ahead, FINE).stored().bytes());
        assert_eq!(scene.lock(MASTER), LockState::Unlocked, "{ahead} s ahead");
        assert!(scene.device(MASTER).place.as_ref().unwrap().lat < 23.0, "{ahead} s ahead");
        // The next report is believed.
        scene.hear(130, master(130 + ahead, FINE).bytes());
        assert_eq!(scene.lock(MASTER), LockState::Locked, "{ahead} s ahead");
    }
}

#[test]
fn a_clock_that_was_set_right_is_believed_at_once_when_the_lock_opens() {
    for ahead in [100, 1000, 10 * 3600] {
        let mut scene = Scene::new();
        scene.hear(0, master(ahead, FINE).bytes());
        scene.hear(30, master(30, OPEN).bytes());
        assert_eq!(scene.lock(MASTER), LockState::Unlocked, "{ahead} s");
        scene.hear(700, master(700, FINE).bytes());
        assert_eq!(scene.lock(MASTER), LockState::Locked, "{ahead} s");
    }
}

#[test]
fn an_unset_clock_counts_as_receipt_and_a_date_far_ahead_too() {
    let mut scene = Scene::new();
    scene.hear(100, Master { told: None, ..master(0, FINE) }.bytes());
    assert_eq!(scene.device(MASTER).lock.unwrap().as_of, at(100));
    scene.hear(200, master(200 + 86_400, OPEN).bytes());
    let lock = scene.device(MASTER).lock.unwrap();
    assert_eq!((lock.value, lock.as_of), (LockState::Unlocked, at(200)));
    assert!(scene.device(MASTER).clock.offset().is_zero(), "one frame proves nothing");
    scene.hear(230, master(230 + 86_400, OPEN).bytes());
    assert_eq!(scene.device(MASTER).clock.offset().num_seconds(), -86_400);
    // What closed at a time nobody knows is not shown as closed.
    let undated = String::from_utf8(auto_locked(0, 5)).unwrap().replace("201126,", "000000,");
    scene.hear(240, undated);
    assert_eq!(scene.lock(MASTER), LockState::Unlocked);
}

#[test]
fn of_two_frames_of_one_second_the_worse_is_shown_in_either_order() {
    for order in [[OPEN, FINE], [FINE, OPEN]] {
        let mut scene = Scene::new();
        for (n, status) in order.into_iter().enumerate() {
            scene.hear(100 + n as i64, Master { serial: n as u8, ..master(100, status) }.bytes());
        }
        assert_eq!(scene.lock(MASTER), LockState::Unlocked);
        assert_eq!(scene.device(MASTER).rope.unwrap().value, PartState::Open);
    }
}

#[test]
fn a_position_without_a_fix_never_moves_the_place() {
    let mut scene = Scene::new();
    scene.hear(100, Master { fix: false, lat: 40, ..master(100, FINE) }.bytes());
    assert_eq!(scene.device(MASTER).place, None);
    scene.hear(130, master(130, FINE).bytes());
    scene.hear(160, Master { fix: false, lat: 40, ..master(160, FINE) }.bytes());
    // A place from cell towers is none, whatever its indicator says.
    scene.hear(190, Master { lat: 40, ..master(190, FINE | 1) }.bytes());
    let place = scene.device(MASTER).place.clone().unwrap();
    assert!(place.lat < 23.0 && place.at == at(130));
}

#[test]
fn a_part_that_is_not_reported_is_unknown_and_a_heartbeat_says_nothing() {
    let mut scene = Scene::new();
    scene.hear(100, text("@JT"));
    assert_eq!(scene.lock(MASTER), LockState::Unknown);
    scene.hear(110, auto_locked(110, 1));
    assert_eq!(scene.lock(MASTER), LockState::Unknown, "the rope is not known");
    scene.hear(120, master(120, FINE).bytes());
    assert_eq!(scene.lock(MASTER), LockState::Locked);
    scene.hear(9000, text("@JT"));
    assert_eq!(scene.device(MASTER).lock.unwrap().as_of, at(120), "no newer than its evidence");
    scene.hear(9001, master(9000, OPEN).bytes());
    assert_eq!(scene.lock(MASTER), LockState::Unlocked, "a heartbeat makes no report look old");
}

#[test]
fn lock_words_follow_motor_and_rope() {
    let mut scene = Scene::new();
    for (n, (status, word)) in [
        (FINE, LockState::Locked),
        (MOTOR_LOCKED | COVER_CLOSED, LockState::Unseated),
        (ROPE_IN | COVER_CLOSED, LockState::Unlocked),
        (COVER_CLOSED, LockState::Unlocked),
    ]
    .into_iter()
    .enumerate()
    {
        let second = 100 * n as i64;
        scene.hear(second, master(second, status).bytes());
        assert_eq!(scene.lock(MASTER), word);
        assert_eq!(scene.device(MASTER).lock.unwrap().as_of, at(second));
    }
}

#[test]
fn an_asset_is_sealed_only_when_every_part_of_every_lock_is_known_to_be() {
    let mut scene = Scene::with_children();
    assert_eq!(scene.seal(TRUCK), SealState::Unknown, "never heard");
    scene.hear(100, master(100, FINE).bytes());
    scene.hear(100, sub(100, sub_event::TIMED, 0).bytes());
    assert_eq!(scene.seal(TRUCK), SealState::Unknown, "the valve lock was never heard");
    scene.hear(100, valve(100, valve_event::TIMED, 0).bytes());
    assert_eq!(scene.seal(TRUCK), SealState::Unknown, "its valve was not told");
    scene.hear(110, valve(110, valve_event::CLOSED | valve_event::LOCKED, 0).bytes());
    assert_eq!(scene.seal(TRUCK), SealState::Sealed);
    let row = scene.snapshot(200).assets[0].clone();
    assert_eq!((row.as_of, row.since), (Some(at(100)), Some(at(110))), "as of its oldest part");

    scene.hear(200, sub(200, sub_event::TIMED, SUB_ROPE_OUT).bytes());
    assert_eq!(scene.seal(TRUCK), SealState::LockedNotSealed);
    scene.hear(210, valve(210, valve_event::OPENED, 0).bytes());
    assert_eq!(scene.seal(TRUCK), SealState::Open);
    scene.hear(220, sub(220, sub_event::COVER, 1 << 2).bytes());
    assert_eq!(scene.seal(TRUCK), SealState::Tampered);
    scene.hear(230, sub(230, sub_event::TIMED, 0).bytes());
    scene.hear(230, valve(230, valve_event::CLOSED, 0).bytes());
    assert_eq!(scene.seal(TRUCK), SealState::Tampered, "until it is reset");
    let id = scene.alarm_id(SUB, lockyard::domain::alarm::AlarmKind::BackCoverOpened);
    scene.ack(240, id, "anna");
    scene.reset(250, id);
    assert_eq!(scene.seal(TRUCK), SealState::Sealed);
}

#[test]
fn a_child_nobody_confirmed_makes_it_worse_but_never_better() {
    const STRANGER: &str = "E03B60000C";
    let mut scene = Scene::new();
    let stranger = |t, status| Sub { id: STRANGER, ..sub(t, sub_event::TIMED, status) }.bytes();
    scene.hear(100, stranger(100, 0));
    assert_eq!(scene.seal(TRUCK), SealState::Unknown, "the master itself is not known");
    scene.hear(110, master(110, FINE).bytes());
    assert_eq!(scene.seal(TRUCK), SealState::Sealed);
    scene.hear(120, stranger(120, SUB_MOTOR_OPEN));
    assert_eq!(scene.seal(TRUCK), SealState::Open);
    scene.hear(130, stranger(130, SUB_ROPE_OUT));
    assert_eq!(scene.seal(TRUCK), SealState::LockedNotSealed);
    scene.hear(140, Sub { lost: true, ..sub(140, 0, 0) }.bytes());
    scene.hear(150, stranger(150, 0));
    assert_eq!(scene.seal(TRUCK), SealState::Sealed, "an unknown one does not count until confirmed");
}

#[test]
fn contact_lost_makes_lock_and_valve_unknown_until_there_is_newer_news() {
    let mut scene = Scene::with_children();
    all_closed(&mut scene, 100);
    assert_eq!(scene.seal(TRUCK), SealState::Sealed);
    // It repeats what was heard last, with the time of then.
    scene.hear(5000, Sub { lost: true, stamped: 5000, ..valve(100, 0, 0) }.bytes());
    let row = scene.snapshot(5000).devices.into_iter().find(|d| d.id == VALVE).unwrap();
    assert_eq!((row.lock, row.valve), (Some(LockState::Unknown), Some(ValveState::Unknown)));
    assert_eq!(scene.seal(TRUCK), SealState::Unknown);
    scene.hear(5001, valve(100, valve_event::CLOSED | valve_event::LOCKED, 0).bytes());
    assert_eq!(scene.lock(VALVE), LockState::Unknown, "the report of before, once more");
    assert_eq!(scene.seal(TRUCK), SealState::Unknown);
    scene.hear(6000, valve(6000, valve_event::TIMED, 0).bytes());
    assert_eq!(scene.seal(TRUCK), SealState::Sealed);
    // An opening told together with the loss is not lost.
    scene.hear(7000, Sub { lost: true, ..valve(7000, valve_event::OPENED, 0) }.bytes());
    assert_eq!(scene.seal(TRUCK), SealState::Open);
}

#[test]
fn a_valve_that_was_opened_and_closed_in_one_report_is_unknown() {
    let mut scene = Scene::with_children();
    all_closed(&mut scene, 100);
    scene.hear(200, valve(200, valve_event::CLOSED | valve_event::OPENED, 0).bytes());
    assert_eq!(scene.device(VALVE).valve.unwrap().value, ValveState::Unknown);
    assert_eq!(scene.seal(TRUCK), SealState::Unknown);
}

#[test]
fn a_seal_word_is_no_younger_than_the_evidence_it_rests_on() {
    let mut scene = Scene::new();
    scene.hear(5000, master(100, FINE).bytes());
    let asset = scene.state.assets().find(|asset| asset.name == TRUCK).unwrap();
    assert_eq!((asset.seal, asset.seal_since), (SealState::Sealed, Some(at(100))));
}

#[test]
fn what_has_no_modem_cannot_speak_for_itself_and_is_still_heard_through_its_master() {
    const DIGITS: &str = "1021220618";
    let mut scene = Scene::new();
    scene.enrol(50, DIGITS, lockyard::domain::DeviceKind::SubLock, "TRK-2041", Some(MASTER));
    scene.hear(100, Sub { id: DIGITS, ..sub(100, 0, 0) }.bytes());
    assert_eq!(scene.lock(DIGITS), LockState::Locked);
    scene.hear(200, format!("({DIGITS},@JT)").into_bytes());
    assert_eq!(scene.device(DIGITS).peer, None);
    scene.hear(300, Sub { id: DIGITS, ..sub(300, 0, 0b10) }.bytes());
    assert_eq!(scene.lock(DIGITS), LockState::Unlocked, "the forged line did not silence its master");
}

#[test]
fn a_device_that_speaks_for_itself_is_not_described_by_another() {
    let mut scene = Scene::new();
    scene.hear(100, master(100, OPEN).bytes());
    scene.enrol(110, "8000620012", lockyard::domain::DeviceKind::MasterLock, "TRK-2", None);
    scene.hear(120, Sub { id: MASTER, master: "8000620012", ..sub(120, 0, 0) }.bytes());
    assert_eq!(scene.lock(MASTER), LockState::Unlocked);
}
