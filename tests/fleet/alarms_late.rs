//! Alarms in records that come late, in any order, or without a time.

use crate::scene::Scene;
use crate::wire::*;
use lockyard::domain::alarm::AlarmKind as K;
use lockyard::domain::{AlarmState, LockState};

fn stored(told: i64, status: u16) -> Vec<u8> {
    master(told, status).stored().bytes()
}

#[test]
fn a_cut_in_the_backlog_is_raised_once_and_marked_late() {
    let mut scene = Scene::new();
    scene.hear(0, master(0, FINE).bytes());
    scene.hear(10_000, master(10_000, FINE).bytes());
    let backlog = [(1000, FINE), (2000, FINE | ROPE_CUT), (3000, FINE | ROPE_CUT), (4000, FINE)];
    for _ in 0..3 {
        for (told, status) in backlog {
            scene.hear(10_001, stored(told, status));
        }
    }
    let alarm = scene.alarm(MASTER, K::RopeCut).unwrap().clone();
    assert_eq!((alarm.count, alarm.late, alarm.first), (1, true, crate::scene::at(2000)));
    assert!(alarm.reason.contains("stored"), "{}", alarm.reason);
    assert_eq!(scene.lock(MASTER), LockState::Locked);
    // A stored record of its end does not end it; the next report of how it is does.
    assert_eq!(alarm.state, AlarmState::UnackActive);
    scene.hear(10_030, master(10_030, FINE).bytes());
    assert_eq!(scene.letter(MASTER, K::RopeCut), "E1");
}

#[test]
fn seconds_old_frames_sent_newest_first_hide_no_alarm() {
    let mut scene = Scene::new();
    scene.hear(0, master(0, FINE).bytes());
    for told in [60, 50, 40, 30] {
        let status = if told == 40 || told == 50 { FINE | ROPE_CUT } else { FINE };
        scene.hear(61, Master { kind: 4, ..master(told, status) }.bytes());
    }
    assert_eq!(scene.letter(MASTER, K::RopeCut), "B1");
}

#[test]
fn an_old_alarm_does_not_end_a_newer_one_nor_take_its_place() {
    let mut scene = Scene::new();
    scene.hear(0, master(0, FINE).bytes());
    scene.hear(5000, master(5000, MOTOR_LOCKED | COVER_CLOSED | ROPE_CUT).bytes());
    scene.hear(5030, master(5030, MOTOR_LOCKED | COVER_CLOSED).bytes());
    assert_eq!(scene.letter(MASTER, K::RopeCut), "B1", "the rope is out");
    scene.hear(5040, stored(1000, FINE | ROPE_CUT));
    let alarm = scene.alarm(MASTER, K::RopeCut).unwrap();
    assert_eq!((alarm.state, alarm.count), (AlarmState::UnackActive, 2));
    assert_eq!((alarm.first, alarm.last), (crate::scene::at(1000), crate::scene::at(5000)));
    assert!(!alarm.late, "the newest evidence was not late");
    scene.hear(5050, stored(2000, FINE));
    assert_eq!(scene.letter(MASTER, K::RopeCut), "B2", "what was then is not what is now");
}

#[test]
fn a_stored_alarm_without_a_time_is_not_lost_and_moves_nothing() {
    let mut scene = Scene::new();
    scene.hear(0, master(0, OPEN).bytes());
    for serial in 1..20 {
        let frame = Master { told: None, serial, ..master(0, FINE | ROPE_CUT).stored() };
        scene.hear(100 + i64::from(serial), frame.bytes());
    }
    assert_eq!(scene.letter(MASTER, K::RopeCut), "B1");
    assert_eq!(scene.lock(MASTER), LockState::Unlocked);
}

#[test]
fn a_late_report_of_an_event_counts_whatever_came_before_it() {
    let mut scene = Scene::new();
    scene.hear(5000, master(5000, FINE).bytes());
    scene.hear(5001, by_static(1000, 9));
    let alarm = scene.alarm(MASTER, K::OpenedStaticUnexplained).unwrap();
    assert!(alarm.late);
    assert_eq!(scene.lock(MASTER), LockState::Locked);
}

#[test]
fn evidence_of_the_same_second_ends_nothing() {
    let mut scene = Scene::new();
    scene.hear(100, master(100, FINE | ROPE_CUT).bytes());
    scene.hear(100, Master { serial: 7, ..master(100, FINE) }.bytes());
    assert_eq!(scene.letter(MASTER, K::RopeCut), "B1");
}
