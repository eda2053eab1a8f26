//! Each documented bit, set alone, changes exactly what it is named for.

use super::{decode_binary, decode_seal, seal_frame, sub_device};
use crate::domain::message::Level;
use crate::domain::{LockState, Message};
use crate::protocol::HeardFrame;
use std::collections::BTreeSet;

/// What a message says, one text each, but for `lock`, which follows from the parts.
fn facts(message: &Message) -> BTreeSet<String> {
    assert_eq!(message.error, None);
    let mut facts: BTreeSet<String> = message.events.iter().map(|e| format!("event {e:?}")).collect();
    let parts = message.parts;
    facts.insert(format!("motor {:?}", parts.motor));
    facts.insert(format!("rope {:?}", parts.rope));
    facts.insert(format!("cover {:?}", parts.cover));
    facts.insert(format!("fix {:?}", message.position.map(|p| p.fix)));
    facts.insert(format!("place {:?}", message.position.map(|p| (p.lat, p.lon))));
    facts.insert(format!("valve {:?}", message.valve));
    facts.insert(format!("replayed {}", message.replayed));
    facts.insert(format!("charging {:?}", message.charging));
    facts.insert(format!("sub {:?}", message.sub_device));
    for level in Level::ALL {
        facts.insert(format!("level {level:?} {:?}", message.levels.get(level)));
    }
    facts
}

/// What `changed` says that `base` does not.
fn news(base: &BTreeSet<String>, changed: &BTreeSet<String>) -> Vec<String> {
    changed.difference(base).cloned().collect()
}

fn master(version: u8, status: u16) -> HeardFrame {
    let mut frame = hex::decode(concat!(
        "2480006200111911003418042116225922348310113550543f12980000002d0600000000",
        "0000",
        "28109228661f000100000f0f0f0f0f0f0f0f000001cc0156"
    ))
    .unwrap();
    frame[6] = version;
    frame[36..38].copy_from_slice(&status.to_be_bytes());
    decode_binary(&frame, true)
}

fn master_facts(version: u8, status: u16) -> BTreeSet<String> {
    let heard = master(version, status);
    let mut facts = facts(&heard.messages[0]);
    facts.insert(format!("answers {:?}", heard.answers.iter().map(|a| a.shown(false)).collect::<Vec<_>>()));
    facts
}

#[test]
fn master_status() {
    let base = master_facts(0x17, 0);
    let alarm =
        |level: &str, event: &str| vec![format!("event {event}"), format!("level {level} Some(true)")];
    let both = |name: &str| alarm(name, name);
    let rows = [
        (0, vec!["fix Some(false)".to_owned()]),
        (1, alarm("GeofenceEnter", "GeofenceEnter { fence: None }")),
        (2, alarm("GeofenceExit", "GeofenceExit { fence: None }")),
        (3, both("RopeCut")),
        (4, both("Vibration")),
        (5, vec![r#"answers ["(P35)"]"#.to_owned()]),
        (6, vec!["rope Some(Closed)".to_owned()]),
        (7, vec!["motor Some(Closed)".to_owned()]),
        (8, both("UnlockedTooLong")),
        (9, both("WrongPasswordLimit")),
        (10, both("IllegalCard")),
        (11, both("LowBattery")),
        (12, both("BackCoverOpened")),
        (13, vec!["cover Some(Closed)".to_owned()]),
        (14, both("MotorFault")),
        (15, vec![]),
    ];
    for (bit, want) in rows {
        assert_eq!(news(&base, &master_facts(0x17, 1 << bit)), want, "bit {bit}");
    }
}

#[test]
fn master_lock_word_needs_both_bits() {
    let lock = |status| master(0x19, status).messages[0].lock;
    assert_eq!(lock(0x00C0), Some(LockState::Locked));
    assert_eq!(lock(0x0080), Some(LockState::Unseated));
    assert_eq!(lock(0x0040), Some(LockState::Unlocked));
    assert_eq!(lock(0x0000), Some(LockState::Unlocked));
}

#[test]
fn an_old_masters_cover_is_unknown_until_it_speaks() {
    let cover = |version, status| master(version, status).messages[0].parts.cover;
    use crate::domain::PartState::{Closed, Open};
    assert_eq!(cover(0x16, 0), None);
    assert_eq!(cover(0x01, 0), None);
    assert_eq!(cover(0x16, 1 << 12), Some(Open));
    assert_eq!(cover(0x16, 1 << 13), Some(Closed));
    assert_eq!(cover(0x17, 0), Some(Open));
}

#[test]
fn masters_of_all_versions_are_answered_as_they_expect() {
    let answers = |version, status| {
        master(version, status).answers.iter().map(|a| a.shown(false)).collect::<Vec<_>>().concat()
    };
    assert_eq!(answers(0x19, 0), "(P69,0,86)");
    assert_eq!(answers(0x1A, 1 << 5), "(P69,0,86)");
    assert_eq!(answers(0x17, 1 << 5), "(P35)");
    assert_eq!(answers(0x17, 0), "");
}

fn sub(kind: u8, event: u16, status: u16, gateway: u8, newer: bool) -> Message {
    let mut payload = b"2,".to_vec();
    payload.extend(
        hex::decode("1904211135342234834411355052 0f0000190421113533e01726000412".replace(' ', "")).unwrap(),
    );
    payload.extend(hex::decode("01681057").unwrap());
    payload.push(kind);
    payload.extend(event.to_be_bytes());
    payload.extend(status.to_be_bytes());
    payload.extend([0, 49, gateway]);
    if newer {
        payload.extend(8_627_839_u32.to_be_bytes());
    }
    sub_device::decode("8130630001", &payload)
}

#[test]
fn sub_lock_events() {
    let base = facts(&sub(4, 0, 0, 0, true));
    let names = [
        "Locked { by: Unknown }",
        "Opened { by: Bluetooth, card: None, fence: None }",
        "BackCoverOpened",
        "Opened { by: Lora, card: None, fence: None }",
        "RopeCut",
        "Report { why: Button }",
        "Report { why: Timed }",
        "Report { why: Charging }",
        "RopePulled",
        r#"Opened { by: Rfid, card: Some("0008627839"), fence: None }"#,
        r#"Custom { code: "bit 10" }"#,
        r#"Custom { code: "bit 11" }"#,
        r#"Custom { code: "bit 12" }"#,
        r#"Custom { code: "bit 13" }"#,
    ];
    for (bit, name) in names.iter().enumerate() {
        let told = news(&base, &facts(&sub(4, 1 << bit, 0, 0, true)));
        assert_eq!(told, [format!("event {name}")], "bit {bit}");
    }
    replay_and_signal(4, &base);
}

#[test]
fn valve_lock_events() {
    for kind in [5, 6, 9] {
        let base = facts(&sub(kind, 0, 0, 0, true));
        let names = [
            "ValveClosed",
            "ValveOpened",
            "LowBattery",
            "Report { why: Timed }",
            "Tamper",
            "BackCoverOpened",
            "Opened { by: Lora, card: None, fence: None }",
            "Locked { by: Unknown }",
            "Opened { by: Bluetooth, card: None, fence: None }",
            "RopePulled",
            "RopeInserted",
            "Report { why: Bluetooth }",
            "Report { why: Button }",
            r#"Custom { code: "bit 13" }"#,
        ];
        for (bit, name) in names.iter().enumerate() {
            let mut want = vec![format!("event {name}")];
            want.extend(match bit {
                0 => Some("valve Some(Closed)".to_owned()),
                1 => Some("valve Some(Open)".to_owned()),
                _ => None,
            });
            let told = news(&base, &facts(&sub(kind, 1 << bit, 0, 0, true)));
            assert_eq!(told, want, "type {kind} bit {bit}");
        }
        replay_and_signal(kind, &base);
    }
    let both = sub(6, 0b11, 0, 0, true);
    assert_eq!(both.valve, Some(crate::domain::ValveState::Unknown));
}

/// Lost contact makes everything but the news itself stale.
fn replay_and_signal(kind: u8, base: &BTreeSet<String>) {
    assert_eq!(news(base, &facts(&sub(kind, 1 << 15, 0, 0, true))), ["replayed true"]);
    assert_eq!(news(base, &facts(&sub(kind, 0, 0, 1, true))), ["replayed true"]);
    for lost in [sub(kind, 1 << 14, 0, 0, true), sub(kind, 0, 0, 2, true)] {
        let told = news(base, &facts(&lost));
        assert!(told.contains(&"event SignalLost".to_owned()), "{told:?}");
        assert!(told.contains(&"level SignalLost Some(true)".to_owned()), "{told:?}");
        assert!(lost.parts.is_empty());
        assert_eq!(lost.lock, Some(LockState::Unknown));
        assert_eq!(lost.sub_device.unwrap().contact_lost, Some(true));
    }
    let low = sub(kind, 0, 0, 4, true);
    assert_eq!(low.sub_device.unwrap().low_voltage, Some(true));
}

#[test]
fn sub_lock_status() {
    let base = facts(&sub(4, 0, 0, 0, true));
    let rows = [
        (0, "rope Some(Open)"),
        (1, "motor Some(Open)"),
        (2, "cover Some(Open)"),
        (3, "charging Some(true)"),
    ];
    for (bit, want) in rows {
        assert_eq!(news(&base, &facts(&sub(4, 0, 1 << bit, 0, true))), [want]);
    }
    let older = sub(4, 0, 0b1100, 0, false);
    assert_eq!((older.parts.cover, older.charging), (None, None), "firmware that knows neither");
    assert_eq!(older.lock, Some(LockState::Locked));
    assert_eq!(sub(4, 0, 0b01, 0, true).lock, Some(LockState::Unseated));
    assert_eq!(sub(4, 0, 0b10, 0, true).lock, Some(LockState::Unlocked));
}

fn seal(alarm: u32, status: u32) -> BTreeSet<String> {
    let mut body = alarm.to_be_bytes().to_vec();
    body.extend(status.to_be_bytes());
    body.extend(hex::decode("01819568036ef38c005c00120000251118112611").unwrap());
    let frame = seal_frame::build(0x0200, &hex::decode("794308010679").unwrap(), true, &body);
    facts(&decode_seal(&frame, &mut super::Packets::default()).unwrap().messages[0])
}

#[test]
fn seal_alarm_and_status() {
    let base = seal(0, 0);
    let alarm =
        |level: &str, event: &str| vec![format!("event {event}"), format!("level {level} Some(true)")];
    for bit in 0..32 {
        let want = match bit {
            1 => alarm("Overspeed", "Overspeed"),
            7 => alarm("LowBattery", "LowBattery"),
            16 => alarm("BackCoverOpened", "BackCoverOpened"),
            17 => alarm("GeofenceEnter", "GeofenceEnter { fence: None }"),
            18 => alarm("GeofenceExit", "GeofenceExit { fence: None }"),
            bit => vec![format!(r#"event Custom {{ code: "alarm bit {bit}" }}"#)],
        };
        assert_eq!(news(&base, &seal(1 << bit, 0)), want, "alarm bit {bit}");
    }
    for bit in 0..32 {
        let want = match bit {
            1 | 18 => Some("fix Some(true)"),
            2 => Some("place Some((-25.269608, 57.602956))"),
            3 => Some("place Some((25.269608, -57.602956))"),
            7 => Some("cover Some(Open)"),
            20 => Some("rope Some(Open)"),
            21 => Some("motor Some(Open)"),
            24 => Some("event Wake { source: Timer }"),
            25 => Some("event Wake { source: Vibration }"),
            26 => Some("event Wake { source: Rope }"),
            27 => Some("event Wake { source: Unknown }"),
            _ => None,
        };
        let told = news(&base, &seal(0, 1 << bit));
        assert_eq!(told, want.map(str::to_owned).into_iter().collect::<Vec<_>>(), "status bit {bit}");
    }
}

fn report(product: u8, status: u16, alarm: u16) -> BTreeSet<String> {
    // Head with a one-byte serial, then date to LAC: a body of 35 bytes.
    let mut frame = hex::decode("5501002385001100020001").unwrap();
    frame.extend(hex::decode("08052106305122348621113550170700001e080000000a64000000000000").unwrap());
    frame.push(product);
    frame.extend(status.to_be_bytes());
    frame.extend(alarm.to_be_bytes());
    let sum = frame.iter().fold(0, |sum, b| sum ^ b);
    frame.push(sum);
    let mut raw = vec![0x7E];
    for byte in frame {
        match byte {
            0x7D => raw.extend([0x7D, 1]),
            0x7E => raw.extend([0x7D, 2]),
            _ => raw.push(byte),
        }
    }
    raw.push(0x7E);
    facts(&decode_seal(&raw, &mut super::Packets::default()).unwrap().messages[0])
}

#[test]
fn short_report_alarm_and_status() {
    let base = report(3, 0, 0);
    let alarm =
        |level: &str, event: &str| vec![format!("event {event}"), format!("level {level} Some(true)")];
    let both = |name: &str| alarm(name, name);
    for bit in 0..16 {
        let want = match bit {
            0 => both("Overspeed"),
            1 => both("LowBattery"),
            2 => both("Vibration"),
            3 => vec![r#"event Custom { code: "deep sleep" }"#.to_owned()],
            5 => alarm("GeofenceEnter", "GeofenceEnter { fence: None }"),
            6 => alarm("GeofenceExit", "GeofenceExit { fence: None }"),
            7 => both("WrongPasswordLimit"),
            bit => vec![format!(r#"event Custom {{ code: "alarm bit {bit}" }}"#)],
        };
        assert_eq!(news(&base, &report(3, 0, 1 << bit)), want, "alarm bit {bit}");
    }
    for bit in 0..16 {
        let want = match bit {
            1 => both("LowBattery"),
            2 => [vec!["cover Some(Open)".to_owned()], both("BackCoverOpened")].concat(),
            4 => vec!["motor Some(Open)".to_owned()],
            5 => vec!["rope Some(Open)".to_owned()],
            _ => vec![],
        };
        assert_eq!(news(&base, &report(3, 1 << bit, 0)), want, "status bit {bit}");
        assert_eq!(news(&report(1, 0, 0), &report(1, 1 << bit, 0)), Vec::<String>::new(), "not a lock");
    }
}
