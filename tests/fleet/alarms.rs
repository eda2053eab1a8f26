//! Every alarm of the first release: raised by the real frame, counted once, ended as the event table says.

use crate::scene::Scene;
use crate::wire::*;
use lockyard::domain::alarm::AlarmKind as K;
use lockyard::domain::{AlarmState, Priority};
use lockyard::fleet::alarms::ActOutcome;

/// A condition that a device repeats in each report as long as it holds.
struct Repeated {
    kind: K,
    device: &'static str,
    on: fn(i64) -> Vec<u8>,
    /// What ends it.
    off: fn(i64) -> Vec<u8>,
    /// What must not end it although it looks better.
    not_yet: fn(i64) -> Vec<u8>,
    latches: bool,
}

fn with(time: i64, bit: u16) -> Vec<u8> {
    master(time, FINE | bit).bytes()
}

fn fine(time: i64) -> Vec<u8> {
    master(time, FINE).bytes()
}

const REPEATED: [Repeated; 9] = [
    Repeated {
        kind: K::RopeCut,
        device: MASTER,
        on: |t| with(t, ROPE_CUT),
        off: fine,
        not_yet: |t| master(t, MOTOR_LOCKED | COVER_CLOSED).bytes(), // the bit is off, the rope out
        latches: true,
    },
    Repeated {
        kind: K::BackCoverOpened,
        device: MASTER,
        on: |t| master(t, ROPE_IN | MOTOR_LOCKED | COVER_ALARM).bytes(),
        off: fine,
        not_yet: |t| master(t, ROPE_IN | MOTOR_LOCKED).bytes(), // no alarm bit, still open
        latches: true,
    },
    Repeated {
        kind: K::UnlockedTooLong,
        device: MASTER,
        on: |t| master(t, OPEN | TOO_LONG).bytes(),
        off: fine,
        not_yet: |t| master(t, OPEN).bytes(),
        latches: false,
    },
    Repeated {
        kind: K::MotorFault,
        device: MASTER,
        on: |t| with(t, MOTOR_STUCK),
        off: fine,
        not_yet: |t| text("@JT").tap(t),
        latches: false,
    },
    Repeated {
        kind: K::LowBattery,
        device: MASTER,
        on: |t| Master { battery: 25, ..master(t, FINE | LOW_BATTERY) }.bytes(),
        off: fine,
        not_yet: |t| Master { battery: 32, ..master(t, FINE) }.bytes(), // within the dead band
        latches: false,
    },
    Repeated {
        kind: K::WrongPasswordLimit,
        device: MASTER,
        on: |t| with(t, WRONG_PASSWORDS),
        off: |t| p45(t, 7, 0, 1, 200),
        not_yet: fine, // the bit going off is no accepted password
        latches: false,
    },
    Repeated {
        kind: K::SignalLost,
        device: SUB,
        on: |t| Sub { lost: true, ..sub(t, sub_event::TIMED, 0) }.bytes(),
        off: |t| sub(t, sub_event::TIMED, 0).bytes(),
        not_yet: fine, // its master is well
        latches: false,
    },
    Repeated {
        kind: K::BackCoverOpened,
        device: SEAL,
        on: |t| seal(t, 1 << 16, 1 << 7, &[]),
        off: |t| seal(t, 0, 0, &[]),
        not_yet: |t| seal(t, 0, 1 << 7, &[]),
        latches: true,
    },
    Repeated {
        kind: K::Sos,
        device: TRACKER,
        on: |t| tracker("POS", t, "10010"),
        off: |t| tracker("POS", t, "00010"),
        not_yet: |t| format!("$POS,{TRACKER},000000.000,V,,,,,,,{},,,N\r\n", date(t)).into_bytes(),
        latches: true,
    },
];

fn date(second: i64) -> String {
    crate::scene::at(second).format("%d%m%y").to_string()
}

trait Tap {
    /// For frames that carry no time.
    fn tap(self, _: i64) -> Self;
}

impl Tap for Vec<u8> {
    fn tap(self, _: i64) -> Self {
        self
    }
}

#[test]
fn a_bit_that_stays_set_is_one_piece_of_evidence_and_only_the_right_one_ends_it() {
    for case in REPEATED {
        let (kind, device) = (case.kind, case.device);
        let mut scene = Scene::with_children();
        let letter = |scene: &Scene| scene.letter(device, kind);
        scene.hear(100, (case.on)(100));
        assert_eq!(letter(&scene), "B1", "{kind:?}");
        for second in [130, 160, 190] {
            scene.hear(second, (case.on)(second));
        }
        scene.hear(191, (case.on)(190)); // sent once more
        assert_eq!(letter(&scene), "B1", "{kind:?}: it only stayed on");
        scene.hear(200, (case.not_yet)(200));
        scene.advance(86_400);
        assert_eq!(letter(&scene), "B1", "{kind:?}: neither that nor time ends it");

        scene.hear(86_500, (case.off)(86_500));
        assert_eq!(letter(&scene), if case.latches { "E1" } else { "D1" }, "{kind:?}");
        scene.hear(86_510, (case.on)(150)); // an old report of it, once more
        assert_eq!(letter(&scene), if case.latches { "E1" } else { "D1" }, "{kind:?}: that was known");
        scene.hear(86_600, (case.on)(86_600));
        assert_eq!(letter(&scene), "B2", "{kind:?}: it came again");
        assert_eq!(scene.alarm(device, kind).unwrap().first, crate::scene::at(100), "{kind:?}");

        let id = scene.alarm_id(device, kind);
        assert_eq!(scene.ack(86_700, id, "anna"), ActOutcome::Done);
        assert_eq!(letter(&scene), "C2", "{kind:?}");
        scene.hear(86_710, (case.on)(86_710));
        assert_eq!(letter(&scene), "C2", "{kind:?}: it only stayed on");
        scene.hear(86_800, (case.off)(86_800));
        assert_eq!(letter(&scene), if case.latches { "F2" } else { "A0" }, "{kind:?}");
        if case.latches {
            assert_eq!(scene.reset(86_900, id), ActOutcome::Done);
            assert_eq!(letter(&scene), "A0", "{kind:?}");
        }
        assert_eq!(scene.alarm(device, kind), None);
    }
}

/// Something that is told once, as an event with a number or a time of its own.
struct Once {
    kind: K,
    device: &'static str,
    event: fn(i64) -> Vec<u8>,
    priority: Priority,
    /// Letter after `minutes` without anything more, unacknowledged.
    after: (i64, char),
}

const ONCE: [Once; 14] = [
    Once {
        kind: K::IllegalCard,
        device: MASTER,
        event: |t| p45(t, 2, 0, 0, 1),
        priority: Priority::P3,
        after: (61, 'D'),
    },
    Once {
        kind: K::IllegalCard,
        device: SEAL,
        event: |t| seal(t, 0, 0, &[0x0B, 5, 35, 0, 0x62, 0x3A, 0x49]),
        priority: Priority::P3,
        after: (61, 'D'),
    },
    Once {
        kind: K::OpenRefused,
        device: MASTER,
        event: |t| p45(t, 1, 99, 0, 1),
        priority: Priority::P2,
        after: (11, 'D'),
    },
    Once {
        kind: K::RopeCut,
        device: SEAL,
        event: |t| seal(t, 0, SEAL_ROPE_OUT, &[0x0B, 1, 12]),
        priority: Priority::P1,
        after: (600, 'B'),
    },
    Once {
        kind: K::RopeCut,
        device: SUB,
        event: |t| sub(t, sub_event::ROPE_CUT, SUB_ROPE_OUT).bytes(),
        priority: Priority::P1,
        after: (600, 'B'),
    },
    Once {
        kind: K::Tamper,
        device: VALVE,
        event: |t| valve(t, valve_event::TAMPER, 0).bytes(),
        priority: Priority::P1,
        after: (600, 'B'),
    },
    Once {
        kind: K::MotorFault,
        device: SEAL,
        event: |t| seal(t, 0, 0, &[0x0B, 1, 18]),
        priority: Priority::P2,
        after: (600, 'B'),
    },
    Once {
        kind: K::Sos,
        device: TRACKER,
        event: |t| tracker("IN1", t, "10010"),
        priority: Priority::P1,
        after: (600, 'B'),
    },
    Once {
        kind: K::PowerCut,
        device: TRACKER,
        event: |t| tracker("CPA", t, "00010"),
        priority: Priority::P2,
        after: (600, 'B'),
    },
    Once {
        kind: K::ValveOpened,
        device: VALVE,
        event: |t| valve(t, valve_event::OPENED, 0).bytes(),
        priority: Priority::P1,
        after: (600, 'B'),
    },
    Once {
        kind: K::OpenedStaticUnexplained,
        device: MASTER,
        event: |t| by_static(t, 1),
        priority: Priority::P1,
        after: (600, 'B'),
    },
    Once {
        kind: K::OpenedDynamicUnexplained,
        device: MASTER,
        event: |t| p45(t, 6, 98, 1, 1),
        priority: Priority::P1,
        after: (600, 'B'),
    },
    Once {
        kind: K::OpenedBluetoothUnexplained,
        device: MASTER,
        event: |t| p45(t, 7, 0, 1, 1),
        priority: Priority::P2,
        after: (600, 'B'),
    },
    Once {
        kind: K::OpenedLoraUnexplained,
        device: SUB,
        event: |t| sub(t, sub_event::LORA, SUB_MOTOR_OPEN).bytes(),
        priority: Priority::P1,
        after: (600, 'B'),
    },
];

#[test]
fn an_event_counts_once_however_often_it_is_sent() {
    for case in ONCE {
        let (kind, device) = (case.kind, case.device);
        let letter = |scene: &Scene| scene.letter(device, kind);
        let mut scene = Scene::with_children();
        scene.hear(10, master(10, FINE).bytes());
        scene.hear(100, (case.event)(100));
        assert_eq!(letter(&scene), "B1", "{kind:?}");
        assert_eq!(scene.alarm(device, kind).unwrap().priority, case.priority, "{kind:?}");
        scene.hear(101, (case.event)(100));
        scene.hear(500, (case.event)(100));
        assert_eq!(letter(&scene), "B1", "{kind:?}: sent again");
        let (minutes, wanted) = case.after;
        scene.advance(100 + minutes * 60);
        assert_eq!(letter(&scene), format!("{wanted}1"), "{kind:?} after {minutes} min");

        let later = 200_000;
        scene.hear(later, (case.event)(later));
        assert_eq!(letter(&scene), "B2", "{kind:?}: another one");
        // An awake lock reports twice a minute, each time with its wake reason and a bit that is set.
        for n in 1..400 {
            let second = later + n * 30;
            scene.hear(second, Master { battery: 25, ..master(second, OPEN | LOW_BATTERY) }.bytes());
        }
        let count = scene.alarm(device, kind).map(|alarm| alarm.count);
        scene.hear(later + 20_000, (case.event)(later));
        assert_eq!(scene.alarm(device, kind).map(|alarm| alarm.count), count, "{kind:?}: hours later");
    }
}

#[test]
fn an_alarm_nobody_can_see_the_end_of_is_ended_by_a_person_and_only_when_acknowledged() {
    for case in ONCE.iter().filter(|case| {
        matches!(
            case.kind,
            K::PowerCut | K::OpenedStaticUnexplained | K::OpenedDynamicUnexplained | K::MotorFault
        )
    }) {
        let mut scene = Scene::with_children();
        scene.hear(100, (case.event)(100));
        let id = scene.alarm_id(case.device, case.kind);
        assert_eq!(scene.reset(110, id), ActOutcome::NotNow("acknowledge it first"));
        scene.ack(120, id, "anna");
        assert_eq!(scene.reset(130, id), ActOutcome::Done, "{:?}", case.kind);
        assert_eq!(scene.letter(case.device, case.kind), "A0");
    }
}

#[test]
fn a_sub_lock_that_does_not_tell_of_its_cover_is_looked_at_by_a_person() {
    let mut scene = Scene::with_children();
    let opened = Sub { newer: false, ..sub(100, sub_event::COVER, 0) };
    scene.hear(100, opened.bytes());
    assert_eq!(scene.seal("TRK-2041"), lockyard::domain::SealState::Tampered);
    let id = scene.alarm_id(SUB, K::BackCoverOpened);
    scene.hear(200, Sub { newer: false, ..sub(200, sub_event::TIMED, 0) }.bytes());
    assert_eq!(scene.letter(SUB, K::BackCoverOpened), "B1");
    scene.ack(210, id, "anna");
    assert_eq!(scene.reset(220, id), ActOutcome::Done);
    assert_eq!(scene.device(SUB).cover, None, "nobody tells where its cover is");
    assert_ne!(scene.seal("TRK-2041"), lockyard::domain::SealState::Tampered);

    // One that tells of its cover must show it closed.
    let mut scene = Scene::with_children();
    scene.hear(100, sub(100, sub_event::COVER, 1 << 2).bytes());
    let id = scene.alarm_id(SUB, K::BackCoverOpened);
    scene.ack(110, id, "anna");
    assert!(matches!(scene.reset(120, id), ActOutcome::NotNow(_)), "the cover is open");
    scene.hear(130, sub(130, sub_event::TIMED, 0).bytes());
    assert_eq!(scene.letter(SUB, K::BackCoverOpened), "F1");
}

#[test]
fn of_two_operators_in_one_second_one_wins_and_the_other_is_told_who() {
    let mut scene = Scene::new();
    scene.hear(100, with(100, ROPE_CUT));
    let id = scene.alarm_id(MASTER, K::RopeCut);
    assert_eq!(scene.ack(110, id, "anna"), ActOutcome::Done);
    assert_eq!(scene.ack(110, id, "bert"), ActOutcome::AlreadyAcked { by: "anna".into() });
    assert_eq!(scene.alarm(MASTER, K::RopeCut).unwrap().ack.as_ref().unwrap().by, "anna");
    assert!(matches!(scene.reset(111, id), ActOutcome::NotNow(_)), "it is still cut");
    scene.hear(120, fine(120));
    assert_eq!(scene.reset(130, id), ActOutcome::Done);
    assert_eq!(scene.reset(130, id), ActOutcome::NotNow("it is over"));
    assert_eq!(scene.ack(131, id, "bert"), ActOutcome::NotNow("it is over"));
    assert_eq!(scene.ack(131, lockyard::domain::AlarmId(99), "bert"), ActOutcome::NoSuchAlarm);
}

#[test]
fn latched_rows_are_acknowledged_first_and_new_evidence_takes_the_acknowledgement_away() {
    let mut scene = Scene::new();
    scene.hear(100, with(100, ROPE_CUT));
    let id = scene.alarm_id(MASTER, K::RopeCut);
    scene.hear(200, fine(200));
    assert_eq!(scene.letter(MASTER, K::RopeCut), "E1");
    assert_eq!(scene.reset(210, id), ActOutcome::NotNow("acknowledge it first"));
    scene.ack(220, id, "anna");
    assert_eq!(scene.letter(MASTER, K::RopeCut), "F1");
    scene.hear(300, with(300, ROPE_CUT));
    let alarm = scene.alarm(MASTER, K::RopeCut).unwrap();
    assert_eq!((alarm.state, alarm.count, &alarm.ack), (AlarmState::UnackActive, 2, &None));
    assert_eq!(alarm.id, id, "the same row");
}

#[test]
fn the_sign_that_a_person_pressed_again_is_never_hidden_by_a_level_that_stayed_on() {
    let mut scene = Scene::new();
    scene.hear(100, tracker("IN1", 100, "10010"));
    assert_eq!(scene.letter(TRACKER, K::Sos), "B1", "code and line are one");
    scene.ack(110, scene.alarm_id(TRACKER, K::Sos), "anna");
    scene.hear(130, tracker("POS", 130, "10010"));
    assert_eq!(scene.letter(TRACKER, K::Sos), "C1");
    scene.hear(140, tracker("IN1", 140, "10010"));
    assert_eq!(scene.letter(TRACKER, K::Sos), "B2");
    scene.hear(150, tracker("IU1", 150, "00010"));
    assert_eq!(scene.letter(TRACKER, K::Sos), "E2");
}

#[test]
fn the_card_in_the_report_and_the_bit_in_the_status_are_one_row() {
    let mut scene = Scene::new();
    scene.hear(100, fine(100));
    scene.hear(110, p45(110, 2, 0, 0, 5));
    scene.hear(120, with(120, ILLEGAL_CARD));
    let open: Vec<_> = scene.state.alarms.open().map(|alarm| alarm.key.kind).collect();
    assert_eq!(open, [K::IllegalCard]);
}

#[test]
fn unknown_status_codes_count_when_they_appear_not_while_they_stay() {
    let mut scene = Scene::new();
    for second in [100, 130, 160] {
        scene.hear(second, seal(second, 1 << 5, 0, &[]));
    }
    assert_eq!(scene.letter(SEAL, K::Custom), "B1");
    scene.hear(190, seal(190, 0, 0, &[]));
    scene.hear(220, seal(220, 1 << 5, 0, &[]));
    assert_eq!(scene.letter(SEAL, K::Custom), "B2");
    // A tracker's codes are events.
    scene.hear(100, tracker("XYZ", 100, "00010"));
    scene.hear(110, tracker("XYZ", 110, "00010"));
    assert_eq!(scene.letter(TRACKER, K::Custom), "B2");
}

#[test]
fn a_battery_that_falls_further_is_told_again_and_one_that_is_charged_ends_it() {
    let mut scene = Scene::new();
    let told = |t, battery| Master { battery, ..master(t, FINE | LOW_BATTERY) }.bytes();
    scene.hear(100, told(100, 25));
    assert_eq!(scene.alarm(MASTER, K::LowBattery).unwrap().priority, Priority::P3);
    scene.ack(110, scene.alarm_id(MASTER, K::LowBattery), "anna");
    scene.hear(200, told(200, 14));
    assert_eq!(scene.letter(MASTER, K::LowBattery), "B2");
    assert_eq!(scene.alarm(MASTER, K::LowBattery).unwrap().priority, Priority::P2);
    scene.hear(230, told(230, 13));
    assert_eq!(scene.letter(MASTER, K::LowBattery), "B2");
    scene.hear(300, fine(300));
    assert_eq!(scene.letter(MASTER, K::LowBattery), "D2");
    // Records of the bad days change nothing.
    scene.hear(310, Master { kind: 3, ..Master { battery: 5, ..master(210, FINE) } }.bytes());
    assert_eq!(scene.letter(MASTER, K::LowBattery), "D2");
    assert_eq!(scene.device(MASTER).battery.unwrap().value, 80);
}

#[test]
fn closed_rows_are_kept_up_to_a_bound_and_open_ones_always() {
    let mut scene = Scene::new();
    for n in 0..1200 {
        let second = n * 100;
        scene.hear(second, with(second, VIBRATION));
        if let Some(alarm) = scene.alarm(MASTER, K::Vibration) {
            let id = alarm.id;
            scene.ack(second + 1, id, "anna");
        }
        scene.hear(second + 50, fine(second + 50));
    }
    let (all, open) = (scene.state.alarms.all().count(), scene.state.alarms.open().count());
    assert_eq!((all, open), (1000, 0));
    assert_eq!(scene.state.alarms.all().next().unwrap().id.0, 201, "the oldest left first");
}
