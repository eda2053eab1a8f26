//! Whose was an opening: nobody's is claimed by us, and none goes without a word.

use crate::scene::{Scene, at};
use crate::wire::*;
use lockyard::domain::alarm::AlarmKind as K;
use lockyard::domain::command::UnlockMethod::{DynamicPassword, StaticPassword, SubLockRelay};
use lockyard::domain::{Evidence, Exchange, LockState};

/// A truck with everything closed at second 0.
fn closed() -> Scene {
    let mut scene = Scene::with_children();
    scene.hear(0, master(0, FINE).bytes());
    scene.hear(0, sub(0, sub_event::TIMED, 0).bytes());
    scene.hear(0, valve(0, valve_event::CLOSED, 0).bytes());
    scene.hear(0, seal(0, 0, 0, &[]));
    scene
}

#[test]
fn a_motor_that_opens_and_nobody_says_how_is_an_alarm_after_five_minutes() {
    type Frame = fn(i64) -> Vec<u8>;
    let cases: [(&str, Frame, Frame); 4] = [
        (MASTER, |t| master(t, OPEN).bytes(), |t| master(t, FINE).bytes()),
        (SEAL, |t| seal(t, 0, SEAL_OPEN, &[]), |t| seal(t, 0, 0, &[])),
        (SUB, |t| sub(t, 0, SUB_MOTOR_OPEN).bytes(), |t| sub(t, 0, 0).bytes()),
        (VALVE, |t| valve(t, 0, SUB_MOTOR_OPEN).bytes(), |t| valve(t, 0, 0).bytes()),
    ];
    for (device, open, shut) in cases {
        let mut scene = closed();
        scene.hear(100, open(100));
        scene.hear(130, open(130));
        scene.advance(399);
        assert_eq!(scene.letter(device, K::OpenedUnknown), "A0", "{device}");
        scene.advance(400);
        assert_eq!(scene.letter(device, K::OpenedUnknown), "B1", "{device}");
        assert_eq!(scene.alarm(device, K::OpenedUnknown).unwrap().last, at(100));
        scene.hear(500, shut(500));
        assert_eq!(scene.letter(device, K::OpenedUnknown), "D1", "{device}");
        // Open and shut again before anybody asks: it was open all the same.
        scene.hear(600, open(600));
        scene.hear(630, shut(630));
        scene.advance(900);
        assert_eq!(scene.letter(device, K::OpenedUnknown), "D2", "{device}");
    }
}

#[test]
fn an_old_card_swipe_does_not_explain_an_opening_of_today() {
    let mut scene = closed();
    scene.hear(100_000, master(100_000, FINE).bytes());
    scene.hear(100_030, master(100_030, OPEN).bytes());
    scene.hear(100_040, by_card(50_000, 1));
    scene.advance(100_400);
    assert_eq!(scene.letter(MASTER, K::OpenedUnknown), "B1");
}

#[test]
fn a_card_swipe_explains_the_opening_it_made_before_and_after_it_was_seen() {
    // Told first; told after; opened out of contact and first seen an hour later.
    let mut scene = closed();
    scene.hear(110, by_card(100, 1));
    scene.hear(130, master(130, OPEN).bytes());
    scene.advance(10_000);
    assert_eq!(scene.alarmed_openings(), []);

    let mut scene = closed();
    scene.hear(130, master(130, OPEN).bytes());
    scene.hear(300, by_card(100, 1));
    scene.advance(10_000);
    assert_eq!(scene.alarmed_openings(), []);

    let mut scene = closed();
    scene.hear(7200, master(7200, OPEN).bytes());
    scene.hear(7210, by_card(3600, 1));
    scene.advance(20_000);
    assert_eq!(scene.alarmed_openings(), []);

    for ahead in [60, 3 * 3600] {
        let mut scene = Scene::new();
        scene.hear(0, master(ahead, FINE).bytes());
        scene.hear(3600, master(3600 + ahead, OPEN).bytes());
        scene.hear(3780, by_card(3598 + ahead, 1));
        scene.advance(20_000);
        assert_eq!(scene.alarmed_openings(), [], "{ahead} s ahead");
        scene.hear(20_000, master(20_000 + ahead, FINE).bytes());
        scene.hear(30_000, master(30_000 + ahead, OPEN).bytes());
        scene.hear(30_001, by_card(10_000 + ahead, 2));
        scene.advance(40_000);
        assert_eq!(scene.alarmed_openings(), [K::OpenedUnknown], "{ahead} s ahead");
    }
}

#[test]
fn one_swipe_does_not_explain_two_openings() {
    let mut scene = closed();
    scene.hear(100, by_card(100, 1));
    scene.hear(101, master(101, OPEN).bytes());
    scene.hear(160, master(160, FINE).bytes());
    scene.hear(200, master(200, OPEN).bytes());
    scene.advance(500);
    assert_eq!(scene.letter(MASTER, K::OpenedUnknown), "B1");
}

#[test]
fn two_unexplained_openings_do_not_hide_one_another() {
    let mut scene = closed();
    scene.hear(100, master(100, OPEN).bytes());
    scene.hear(150, master(150, FINE).bytes());
    scene.hear(200, master(200, OPEN).bytes());
    scene.hear(210, by_card(199, 1)); // the second one only
    scene.hear(260, master(260, FINE).bytes());
    scene.advance(1000);
    assert_eq!(scene.letter(MASTER, K::OpenedUnknown), "D1");
    assert_eq!(scene.alarm(MASTER, K::OpenedUnknown).unwrap().last, at(100));
}

#[test]
fn an_opening_that_only_stored_records_saw_is_told() {
    let mut scene = closed();
    scene.hear(10_000, master(10_000, FINE).bytes());
    for (told, status) in [(1000, FINE), (2000, OPEN), (3000, OPEN), (4000, FINE)] {
        scene.hear(10_001, master(told, status).stored().bytes());
        scene.hear(10_002, master(told, status).stored().bytes());
    }
    scene.advance(10_400);
    let alarm = scene.alarm(MASTER, K::OpenedUnknown).unwrap();
    assert_eq!((alarm.count, alarm.first, alarm.late), (1, at(2000), true));
    assert_eq!(scene.lock(MASTER), LockState::Locked);

    // The same story with its swipe, in storage order.
    let mut scene = closed();
    scene.hear(10_000, master(10_000, FINE).bytes());
    scene.hear(10_001, by_card(1990, 4));
    for (told, status) in [(1000, FINE), (2000, OPEN), (3000, OPEN), (4000, FINE)] {
        scene.hear(10_002, master(told, status).stored().bytes());
    }
    scene.advance(20_000);
    assert_eq!(scene.alarmed_openings(), []);
}

#[test]
fn a_seal_that_tells_of_its_rope_after_a_told_opening_raises_nothing() {
    let told_by_card = [0x0B, 6, 34, 0, 0x62, 0x3A, 0x49, 0x65];
    let rope_pulled = [0x0B, 1, 28];
    let mut scene = closed();
    scene.hear(100, seal(100, 0, SEAL_OPEN, &told_by_card));
    scene.hear(120, seal(120, 0, SEAL_OPEN | SEAL_ROPE_OUT, &rope_pulled));
    scene.advance(1000);
    assert_eq!(scene.alarmed_openings(), []);
    // The same without a source is an opening nobody accounts for; once, although event and motor both tell it.
    scene.hear(5000, seal(5000, 0, 0, &[]));
    scene.hear(6000, seal(6000, 0, SEAL_OPEN | SEAL_ROPE_OUT, &rope_pulled));
    scene.advance(7000);
    assert_eq!(scene.letter(SEAL, K::OpenedUnknown), "B1");
    // … and again while it stood open, hours later.
    scene.hear(20_000, seal(20_000, 0, SEAL_OPEN | SEAL_ROPE_OUT, &rope_pulled));
    scene.advance(21_000);
    assert_eq!(scene.letter(SEAL, K::OpenedUnknown), "B2");
}

#[test]
fn a_remote_opening_in_our_window_is_ours_and_raises_nothing() {
    let mut scene = closed();
    let id = scene.send(100, MASTER, StaticPassword);
    scene.hear(101, text("P43,1,0"));
    scene.hear(130, master(110, OPEN).bytes());
    assert_eq!(scene.command(id).evidence, Evidence::Opened);
    scene.hear(300, by_static(105, 1));
    scene.hear(330, auto_locked(170, 2));
    assert_eq!(scene.command(id).evidence, Evidence::Relocked);
    scene.hear(360, master(360, FINE).bytes());
    assert_eq!(scene.command(id).evidence, Evidence::Relocked);
    scene.advance(10_000);
    assert_eq!(scene.alarmed_openings(), []);
    assert_eq!(scene.command(id).exchange, Exchange::AnsweredOk);
}

#[test]
fn a_card_in_our_window_is_never_claimed_by_us_however_late_it_is_told() {
    // Before anything else; after the motor was seen open; after it was seen shut again.
    for told_at in [112, 130, 400] {
        let mut scene = closed();
        let id = scene.send(100, MASTER, StaticPassword);
        scene.hear(101, text("P43,1,0"));
        let mut frames =
            [(112, by_card(110, 1)), (120, master(112, OPEN).bytes()), (180, master(172, FINE).bytes())];
        frames[0].0 = told_at;
        frames.sort_by_key(|(second, _)| *second);
        for (second, frame) in frames {
            scene.hear(second, frame);
        }
        assert_eq!(scene.command(id).evidence, Evidence::Contradicted, "told at {told_at}");
        // Our own report, later still, does belong to us.
        scene.hear(500, by_static(105, 2));
        assert_eq!(scene.command(id).evidence, Evidence::Opened);
        assert_eq!(scene.alarmed_openings(), []);
    }
}

#[test]
fn a_card_after_our_told_opening_takes_nothing_from_it() {
    let mut scene = closed();
    let id = scene.send(100, MASTER, StaticPassword);
    scene.hear(110, by_static(103, 1));
    scene.hear(200, by_card(190, 2));
    assert_eq!(scene.command(id).evidence, Evidence::Opened);
}

#[test]
fn the_same_password_twice_for_one_command_is_shown_as_what_it_is() {
    let mut scene = closed();
    let id = scene.send(100, MASTER, StaticPassword);
    scene.hear(110, by_static(103, 1));
    scene.hear(200, by_static(190, 2)); // a text message with the same password
    assert_eq!(scene.command(id).evidence, Evidence::Contradicted);
    assert_eq!(scene.letter(MASTER, K::OpenedStaticUnexplained), "B1");
}

#[test]
fn a_second_opening_of_the_motor_in_our_window_is_not_ours() {
    let mut scene = closed();
    let id = scene.send(100, MASTER, StaticPassword);
    for (second, status) in [(110, OPEN), (170, FINE), (200, OPEN), (230, FINE)] {
        scene.hear(second, master(second, status).bytes());
    }
    assert_eq!(scene.command(id).evidence, Evidence::Relocked);
    scene.advance(1000);
    assert_eq!(scene.letter(MASTER, K::OpenedUnknown), "D1");
}

#[test]
fn an_opening_outside_the_window_or_by_another_way_or_after_a_refusal_is_not_ours() {
    let mut scene = closed();
    scene.send(100, MASTER, StaticPassword);
    scene.hear(110, by_static(69, 1));
    assert_eq!(scene.letter(MASTER, K::OpenedStaticUnexplained), "B1", "31 s before");

    let mut scene = closed();
    scene.send(100, MASTER, StaticPassword);
    scene.hear(500, by_static(401, 1));
    assert_eq!(scene.letter(MASTER, K::OpenedStaticUnexplained), "B1", "after the window");

    let mut scene = closed();
    scene.send(100, MASTER, DynamicPassword);
    scene.hear(120, by_static(110, 1));
    assert_eq!(scene.letter(MASTER, K::OpenedStaticUnexplained), "B1", "another password");

    let mut scene = closed();
    let id = scene.send(100, MASTER, StaticPassword);
    scene.hear(101, text("P43,0,1"));
    scene.hear(120, by_static(110, 1));
    assert_eq!(scene.letter(MASTER, K::OpenedStaticUnexplained), "B1", "ours was refused");
    assert_eq!((scene.command(id).exchange, scene.command(id).evidence), (Exchange::Refused, Evidence::None));
}

#[test]
fn what_was_received_before_the_sending_is_no_evidence() {
    let mut scene = closed();
    let id = scene.propose(90, MASTER, StaticPassword);
    scene.hear(95, by_static(94, 1));
    let sent = lockyard::domain::command::CommandStep::Sent { id, serial: None };
    scene.step(100, sent);
    assert_eq!(scene.command(id).evidence, Evidence::None);
    scene.hear(110, by_static(94, 1)); // the same report, sent again
    assert_eq!(scene.command(id).evidence, Evidence::None);
    assert_eq!(scene.letter(MASTER, K::OpenedStaticUnexplained), "B1");
}

#[test]
fn a_sub_lock_whose_clock_is_hours_off_still_proves_its_relay() {
    for off in [-5 * 3600, 0, 5 * 3600] {
        let mut scene = Scene::with_children();
        let report = |t: i64, events, status| Sub { stamped: t, ..sub(t + off, events, status) }.bytes();
        let id = scene.send(1000, SUB, SubLockRelay);
        scene.hear(1001, text("1,007,WLNET,8,0,E03B60000A"));
        assert_eq!(scene.command(id).exchange, Exchange::Relayed);
        // Its very first report ever: no offset was learnt.
        scene.hear(1060, report(1058, sub_event::LORA, SUB_MOTOR_OPEN));
        assert_eq!(scene.command(id).evidence, Evidence::Opened, "{off} s off");
        scene.hear(1120, report(1118, sub_event::LOCKED, 0));
        assert_eq!(scene.command(id).evidence, Evidence::Relocked, "{off} s off");
        scene.advance(5000);
        assert_eq!(scene.alarmed_openings(), [], "{off} s off");
        // An old report from its memory is not this command's.
        scene.hear(
            1130,
            Sub { stamped: 1130, ..sub(500 + off, sub_event::LORA | sub_event::STORED, 0) }.bytes(),
        );
        assert_eq!(scene.letter(SUB, K::OpenedLoraUnexplained), "B1", "{off} s off");
        assert_eq!(scene.command(id).evidence, Evidence::Relocked);
    }
}

#[test]
fn a_valve_turned_while_our_opening_lasts_is_ours_and_later_is_not() {
    let open_by_us = || {
        let mut scene = closed();
        let id = scene.send(1000, VALVE, SubLockRelay);
        scene.hear(1001, text("1,007,WLNET,8,0,E03B60000B"));
        scene.hear(1060, valve(1060, valve_event::LORA, SUB_MOTOR_OPEN).bytes());
        assert_eq!(scene.command(id).evidence, Evidence::Opened);
        scene
    };
    let mut scene = open_by_us();
    scene.hear(1600, valve(1600, valve_event::OPENED, SUB_MOTOR_OPEN).bytes());
    assert_eq!(scene.alarmed_openings(), [], "ten minutes on, still open by us");

    let mut scene = open_by_us();
    scene.hear(1100, valve(1100, valve_event::LOCKED, 0).bytes());
    scene.hear(1200, valve(1200, valve_event::OPENED, SUB_MOTOR_OPEN).bytes());
    assert_eq!(scene.letter(VALVE, K::ValveOpened), "B1", "it had locked again");

    // One report that tells of both.
    let mut scene = closed();
    scene.send(1000, VALVE, SubLockRelay);
    scene.hear(1060, valve(1060, valve_event::OPENED | valve_event::LORA, SUB_MOTOR_OPEN).bytes());
    assert_eq!(scene.alarmed_openings(), []);
}

#[test]
fn a_valve_alarm_ends_when_valve_and_motor_are_closed_though_told_apart() {
    let mut scene = closed();
    scene.hear(100, valve(100, valve_event::OPENED, SUB_MOTOR_OPEN).bytes());
    scene.hear(200, valve(200, valve_event::CLOSED, SUB_MOTOR_OPEN).bytes());
    assert_eq!(scene.letter(VALVE, K::ValveOpened), "B1");
    scene.hear(300, valve(300, valve_event::LOCKED, 0).bytes());
    assert_eq!(scene.letter(VALVE, K::ValveOpened), "E1");
}

#[test]
fn a_handheld_and_a_stranger_s_relay_are_alarms_until_it_locks_again() {
    let mut scene = closed();
    scene.hear(100, sub(100, sub_event::BLUETOOTH, SUB_MOTOR_OPEN).bytes());
    assert_eq!(scene.letter(SUB, K::OpenedBluetoothUnexplained), "B1");
    scene.hear(200, sub(200, sub_event::LOCKED, 0).bytes());
    assert_eq!(scene.letter(SUB, K::OpenedBluetoothUnexplained), "D1");
    scene.advance(2000);
    assert_eq!(scene.letter(SUB, K::OpenedUnknown), "A0", "the source was told");
}
