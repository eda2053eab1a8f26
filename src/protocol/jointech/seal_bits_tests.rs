//! The walk over everything the notes name of the seal family. See `bits_tests`.

use super::bits_tests::*;
use super::{Memory, Packets, decode_seal, seal_frame};
use crate::domain::{DeviceEvent, LockState, Message, MessageKind};
use std::collections::BTreeSet;

const SEAL: &str = "794308010679";

fn seal_frame_of(message: u16, body: &[u8]) -> Vec<Message> {
    let frame = seal_frame::build(message, &hex::decode(SEAL).unwrap(), true, body);
    decode_seal(&frame, &mut Packets::default(), &Memory::default()).unwrap().messages
}

fn seal(alarm: u32, status: u32, items: &[u8]) -> BTreeSet<String> {
    let mut body = alarm.to_be_bytes().to_vec();
    body.extend(status.to_be_bytes());
    body.extend(hex::decode("01819568036ef38c005c00120000251118112611").unwrap());
    body.extend(items);
    facts(&seal_frame_of(0x0200, &body)[0])
}

#[test]
fn seal_alarm_and_status() {
    let base = seal(0, 0, &[]);
    for bit in 0..32 {
        let want = match bit {
            1 => alarm("overspeed", "Overspeed"),
            7 => alarm("low_battery", "LowBattery"),
            16 => alarm("back_cover_opened", "BackCoverOpened"),
            17 => alarm("geofence_enter", "GeofenceEnter"),
            18 => alarm("geofence_exit", "GeofenceExit"),
            bit => vec![custom(&format!("alarm bit {bit}")), format!("unknown alarm bit {bit}")],
        };
        check(&base, &seal(1 << bit, 0, &[]), want, &format!("alarm bit {bit}"));
        let want = match bit {
            1 | 18 => one("position.fix=true"),
            2 => one("position.lat=-25.269608"),
            3 => one("position.lon=-57.602956"),
            6 => one("details.cell_position=true"),
            7 => one("parts.cover=open"),
            19 => vec![],
            20 => one("parts.rope=open"),
            21 => one("parts.motor=open"),
            24 => vec![wake("timer")],
            25 => vec![wake("vibration")],
            26 => vec![wake("rope")],
            27 => vec![wake("unknown"), "unknown wake source 8".into()],
            bit => nobody(&format!("status bit {bit}")),
        };
        check(&base, &seal(0, 1 << bit, &[]), want, &format!("status bit {bit}"));
    }
    let sources = ["restart", "timer", "vibration", "back_cover", "rope", "charging"];
    for code in 0..16_u32 {
        let want = match (usize::try_from(code).ok().and_then(|n| sources.get(n)), code) {
            (Some(&"restart"), _) => vec![],
            (Some(source), _) => vec![wake(source)],
            (None, 9) => vec![wake("sms_other")],
            (None, code) => vec![wake("unknown"), format!("unknown wake source {code}")],
        };
        check(&base, &seal(0, code << 24, &[]), want, &format!("wake source {code}"));
    }
}

#[test]
fn seal_items() {
    let base = seal(0, 0, &[]);
    let rows: [(&str, &[&str]); 26] = [
        ("0f020123", &["details.temperature_raw=291"]),
        ("30011d", &["signal=29"]),
        ("300163", &[]),
        ("31010c", &["position.satellites=12"]),
        ("d40164", &["battery_pct=100", "charging=false"]),
        ("d401ff", &["charging=true"]),
        ("d50201a2", &["voltage_v=4.18"]),
        ("da03000201", &["details.rope_cuts=2", "details.rope_status=1"]),
        ("db020102", &["details.records_sent=258"]),
        ("db0400010002", &["details.records_sent=65538"]),
        ("f40104", &["details.network=4"]),
        ("f8020258", &["details.temperature_c=10.0"]),
        ("f802ffff", &[]),
        ("f9020007", &["details.firmware=protocol 7"]),
        ("fc0105", &["details.fence=5"]),
        ("fc0100", &[]),
        (
            "fd0a02e8000400044a150fe6",
            &[
                "details.cell.id=281109",
                "details.cell.lac=4070",
                "details.cell.mcc=744",
                "details.cell.mnc=4",
            ],
        ),
        (
            "fd0902e80400044a150fe6",
            &[
                "details.cell.id=281109",
                "details.cell.lac=4070",
                "details.cell.mcc=744",
                "details.cell.mnc=4",
            ],
        ),
        ("fe0400000090", &["odometer_m=144000"]),
        ("ef014a", &["unknown item 0xEF 4a"]),
        ("ef00", &["unknown item 0xEF"]),
        ("d4020102", &["unknown item 0xD4 0102"]),
        ("ef06373335393132", &["unknown item 0xEF 2a2a2a2a2a2a"]),
        ("0c06003bffa8ffc3", &["unknown item 0x0C 003bffa8ffc3"]),
        ("0b010c", &[r#"event {"name":"rope_cut"}"#]),
        (
            "0b07633733353931 32",
            &[r#"event {"code":"lock event 99","name":"custom"}"#, "unknown lock event 99"],
        ),
    ];
    for (item, want) in rows {
        let bytes = hex::decode(item.replace(' ', "")).unwrap();
        let want = want.iter().map(|fact| (*fact).to_owned()).collect();
        check(&base, &seal(0, 0, &bytes), want, item);
    }
}

#[test]
fn seal_lock_events() {
    let base = seal(0, 0, &[]);
    let by_password = [
        (1, "remote_static"),
        (2, "remote_dynamic"),
        (3, "app_dynamic"),
        (5, "app_static"),
        (30, "sms_static"),
        (31, "sms_dynamic"),
    ];
    let wrong = [
        (6, "remote_static"),
        (7, "remote_dynamic"),
        (8, "app_dynamic"),
        (32, "sms_dynamic"),
        (40, "app_static"),
        (41, "sms_static"),
    ];
    let refused =
        |by: &str, why: &str| vec![format!(r#"event {{"by":"{by}","name":"open_refused","why":"{why}"}}"#)];
    for code in 0..=255_u8 {
        let (content, want): (&[u8], _) = match code {
            _ if by_password.iter().any(|(c, _)| *c == code) => {
                let by = by_password.iter().find(|(c, _)| *c == code).unwrap().1;
                (b"735912\0", opened(by))
            }
            _ if wrong.iter().any(|(c, _)| *c == code) => {
                let by = wrong.iter().find(|(c, _)| *c == code).unwrap().1;
                (b"735912", refused(by, "wrong_password"))
            }
            11 => (b"", vec![event("unlocked_too_long")]),
            12 => (b"", vec![event("rope_cut")]),
            13 => (b"", locked("auto")),
            16 => (b"735912", refused("unknown", "no_fix")),
            17 => (b"735912", refused("unknown", "outside_fence")),
            18 => (b"", vec![event("motor_fault")]),
            24 => (b"735912", refused("bluetooth", "no_fix")),
            25 => (b"735912", refused("bluetooth", "outside_fence")),
            28 => (b"", [opened("unknown"), vec![event("rope_pulled")]].concat()),
            34 => (b"\0\0\0\0\0", opened("rfid")),
            35 => (b"\0\0\0\0", refused("rfid", "illegal_card")),
            42 => (b"\0\0\0\0", refused("rfid", "no_fix")),
            43 => (b"\0\0\0\0", refused("rfid", "outside_fence")),
            code => {
                (b"735912", vec![custom(&format!("lock event {code}")), format!("unknown lock event {code}")])
            }
        };
        let mut item = vec![0x0B, u8::try_from(content.len() + 1).unwrap(), code];
        item.extend(content);
        let told = seal(0, 0, &item);
        check(&base, &told, want, &format!("lock event {code}"));
        assert!(!told.iter().any(|fact| fact.contains("735912")), "{told:?}");
    }
}

#[test]
fn attached_locks() {
    let locks = |status: u16, card: u8| {
        let mut body = vec![0; 8];
        body.extend(hex::decode("01819568036ef38c005c00120000251118112611").unwrap());
        body.extend([0xD5, 14, 1, 0xE0, 0x3B, 0x60, 0, 0x0A, 0, 0, 0, 0, card, 80]);
        body.extend(status.to_be_bytes());
        facts(&seal_frame_of(0x0200, &body)[1])
    };
    let base = locks(0, 0);
    check(&base, &locks(0, 7), one("details.card=0000000007"), "card");
    for bit in 0..16 {
        let want = if bit == 5 { one("parts.motor=open") } else { nobody(&format!("status bit {bit}")) };
        check(&base, &locks(1 << bit, 0), want, &format!("status bit {bit}"));
    }
}

/// An item of the wrong length costs itself only: the state and the alarms of its report stay.
#[test]
fn items_of_another_shape_lose_nothing_else() {
    let one_lock = "d50e01e03b60000a0000000000500020";
    for (items, what) in [
        ("0b00", "item 0x0B"),
        ("0b03010203", "lock event 1 of 3 bytes"),
        ("0b03220102", "lock event 34 of 3 bytes"),
        ("d5050102030405", "item 0xD5"),
        ("d50e02e03b60000a0000000000500020", "item 0xD5"),
    ] {
        let mut body = (1_u32 << 16).to_be_bytes().to_vec();
        body.extend((1_u32 << 21).to_be_bytes());
        body.extend(hex::decode("01819568036ef38c005c00120000251118112611").unwrap());
        body.extend(hex::decode([items, "d40150", one_lock, one_lock].concat()).unwrap());
        let messages = seal_frame_of(0x0200, &body);
        assert_eq!(messages.len(), 3, "{items}: the lists of both items");
        let seal = &messages[0];
        assert_eq!((seal.kind, seal.lock), (MessageKind::Position, Some(LockState::Unlocked)), "{items}");
        assert!(seal.events.contains(&DeviceEvent::BackCoverOpened), "{items}");
        assert_eq!(seal.battery_pct, Some(80), "{items}: what follows");
        assert!(seal.unknown.iter().any(|unknown| unknown.what == what), "{items}: {:?}", seal.unknown);
    }
}

#[test]
fn seal_messages_without_a_position() {
    let told = |message: u16, body: &[u8]| facts(&seal_frame_of(message, body)[0]);
    let base = told(0x0900, &[]);
    let of = |kind: MessageKind, more: &[&str]| -> BTreeSet<String> {
        let kind = serde_json::to_value(kind).unwrap();
        let fixed = ["device=794308010679", "protocol=jointech-seal", "replayed=false", "serial=0"];
        let all = fixed.iter().chain(more).map(|fact| (*fact).to_owned());
        all.chain([format!("kind={}", kind.as_str().unwrap())]).collect()
    };
    assert_eq!(base, of(MessageKind::Other, &["unknown message 0x0900"]));
    assert_eq!(told(0x0900, &[1, 2]), of(MessageKind::Other, &["unknown message 0x0900 0102"]));
    assert_eq!(told(0x0003, &[]), of(MessageKind::Other, &["details.message=logout"]));
    let properties = ["details.message=properties", "unknown content of properties 010203"];
    assert_eq!(told(0x0107, &[1, 2, 3]), of(MessageKind::Other, &properties));
    let event = ["details.message=multimedia event", "unknown content of multimedia event 01"];
    assert_eq!(told(0x0800, &[1]), of(MessageKind::Other, &event));
    let data = ["details.message=multimedia data", "unknown content of multimedia data 02"];
    assert_eq!(told(0x0801, &[2]), of(MessageKind::Other, &data));
    assert_eq!(told(0x0002, &[]), of(MessageKind::Heartbeat, &[]));
    assert_eq!(told(0x0002, &[9]), of(MessageKind::Heartbeat, &["unknown bytes after the header 09"]));
    assert_eq!(told(0x0102, b"123"), of(MessageKind::Registration, &[]));
    let register = ["unknown content of register 01"];
    assert_eq!(told(0x0100, &[1]), of(MessageKind::Registration, &register));

    let answer = &seal_frame_of(0x0001, &[0x12, 0x34, 0x81, 0x03, 2])[0];
    assert_eq!((answer.kind, answer.serial), (MessageKind::CommandReply, Some(0x1234)));
    let command = answer.command.as_ref().unwrap();
    assert_eq!((command.word.as_str(), command.params.as_slice()), ("0x8103", ["2".to_owned()].as_slice()));
    let frame = seal_frame::build(0x0001, &hex::decode(SEAL).unwrap(), true, &[0, 0, 0x81, 3, 0]);
    assert!(
        decode_seal(&frame, &mut Packets::default(), &Memory::default()).unwrap().answers.is_empty(),
        "an answer is not answered"
    );
}

#[test]
fn batches_of_unknown_type_are_told() {
    let mut body = vec![0, 1, 7, 0, 28];
    body.extend([0; 8]);
    body.extend(hex::decode("01819568036ef38c005c00120000251118112611").unwrap());
    let told = facts(&seal_frame_of(0x0704, &body)[0]);
    check(&seal(0, 0, &[]), &told, nobody("batch type 7"), "type 7");
}

/// 0x5501 with a one-byte serial.
fn short(product: u8, status: u16, alarm: u16, items: &[u8]) -> BTreeSet<String> {
    let mut body = hex::decode("08052106305122348621113550170700001e080000000a64000000000000").unwrap();
    body.push(product);
    body.extend(status.to_be_bytes());
    body.extend(alarm.to_be_bytes());
    body.extend(items);
    let frame = seal_frame::build(0x5501, &hex::decode("850011000200").unwrap(), false, &body);
    facts(&decode_seal(&frame, &mut Packets::default(), &Memory::default()).unwrap().messages[0])
}

#[test]
fn short_report_alarm_and_status() {
    let base = short(3, 0, 0, &[]);
    let other = short(1, 0, 0, &[]);
    for bit in 0..16 {
        let want = match bit {
            0 => alarm("overspeed", "Overspeed"),
            1 => alarm("low_battery", "LowBattery"),
            2 => alarm("vibration", "Vibration"),
            3 => vec![custom("deep sleep")],
            5 => alarm("geofence_enter", "GeofenceEnter"),
            6 => alarm("geofence_exit", "GeofenceExit"),
            7 => alarm("wrong_password_limit", "WrongPasswordLimit"),
            bit => vec![custom(&format!("alarm bit {bit}")), format!("unknown alarm bit {bit}")],
        };
        check(&base, &short(3, 0, 1 << bit, &[]), want, &format!("alarm bit {bit}"));
        let want = match bit {
            1 => alarm("low_battery", "LowBattery"),
            2 => [one("parts.cover=open"), alarm("back_cover_opened", "BackCoverOpened")].concat(),
            4 => one("parts.motor=open"),
            5 => one("parts.rope=open"),
            11 => one("details.bluetooth_connected=true"),
            bit => nobody(&format!("status bit {bit}")),
        };
        check(&base, &short(3, 1 << bit, 0, &[]), want, &format!("status bit {bit}"));
        let want = nobody(&format!("product 1 status bit {bit}"));
        check(&other, &short(1, 1 << bit, 0, &[]), want, "not a lock");
    }
}

#[test]
fn short_report_items() {
    let base = short(3, 0, 0, &[]);
    let rows: [(&str, &[&str]); 9] = [
        ("02020014", &["position.altitude_m=20"]),
        ("0202ffec", &["position.altitude_m=-20"]),
        ("0a0301cc07", &["details.cell.mcc=460", "details.cell.mnc=7"]),
        ("0a0401cc0107", &["details.cell.mcc=460", "details.cell.mnc=263"]),
        ("0c06003bffa8ffc3", &["details.tilt=[59,-88,-61]"]),
        ("f40104", &["details.network=4"]),
        ("fc0105", &["details.fence=5"]),
        ("0b010d", &[r#"event {"by":"auto","name":"locked"}"#]),
        ("e7020102", &["unknown item 0xE7 0102"]),
    ];
    for (item, want) in rows {
        let want = want.iter().map(|fact| (*fact).to_owned()).collect();
        check(&base, &short(3, 0, 0, &hex::decode(item).unwrap()), want, item);
    }
    let sources = [
        "restart",
        "timer",
        "vibration",
        "back_cover",
        "unknown",
        "charging",
        "bluetooth",
        "button",
        "sms_other",
        "unknown",
        "sms_vip",
        "rfid",
        "unknown",
    ];
    for (code, source) in (0_u8..).zip(sources) {
        let mut want = vec![wake(source)];
        want.extend((source == "unknown").then(|| format!("unknown wake source {code}")));
        check(&base, &short(3, 0, 0, &[0x10, 1, code]), want, &format!("wake source {code}"));
    }
}
