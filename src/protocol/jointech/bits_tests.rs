//! The walk over everything the protocol notes name: each bit, item and code, alone on a neutral frame, changes
//! exactly the thing it is named for, and each that the notes do not name adds exactly one unknown.

use super::{decode_binary, sub_device};
use crate::domain::message::Level;
use crate::domain::{LockState, Message, ValveState};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a message says, one text each: `path=value`, `event …`, `unknown …`, `level …`; but for `lock`, which follows
/// from the parts.
pub(super) fn facts(message: &Message) -> BTreeSet<String> {
    assert_eq!(message.error, None);
    let mut facts = BTreeSet::new();
    let Value::Object(object) = serde_json::to_value(message).unwrap() else { panic!("no object") };
    for (key, value) in object {
        match key.as_str() {
            "lock" | "levels" => {}
            "events" => facts.extend(value.as_array().unwrap().iter().map(|e| format!("event {e}"))),
            "unknown" => facts.extend(value.as_array().unwrap().iter().map(|u| {
                format!("unknown {} {}", u["what"].as_str().unwrap(), u["value"].as_str().unwrap_or_default())
                    .trim_end()
                    .to_owned()
            })),
            _ => flatten(&key, &value, &mut facts),
        }
    }
    let levels = Level::ALL.into_iter().filter(|level| message.levels.get(*level) == Some(true));
    facts.extend(levels.map(|level| format!("level {level:?}")));
    facts
}

fn flatten(path: &str, value: &Value, facts: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(key, value)| flatten(&format!("{path}.{key}"), value, facts));
        }
        Value::String(text) => drop(facts.insert(format!("{path}={text}"))),
        Value::Null => {}
        value => drop(facts.insert(format!("{path}={value}"))),
    }
}

/// What `changed` says otherwise than `base`: new facts, and `-path` where one is no longer told.
pub(super) fn changes(base: &BTreeSet<String>, changed: &BTreeSet<String>) -> Vec<String> {
    let path = |fact: &str| fact.split('=').next().unwrap().to_owned();
    let mut news: Vec<String> = changed.difference(base).cloned().collect();
    let gone = base.difference(changed).map(|fact| path(fact));
    let gone: Vec<String> = gone.filter(|gone| !news.iter().any(|new| path(new) == *gone)).collect();
    news.extend(gone.into_iter().map(|gone| format!("-{gone}")));
    news
}

pub(super) fn event(name: &str) -> String {
    format!(r#"event {{"name":"{name}"}}"#)
}

pub(super) fn wake(source: &str) -> String {
    format!(r#"event {{"name":"wake","source":"{source}"}}"#)
}

pub(super) fn custom(code: &str) -> String {
    format!(r#"event {{"code":"{code}","name":"custom"}}"#)
}

/// An alarm bit: its event and its level.
pub(super) fn alarm(name: &str, level: &str) -> Vec<String> {
    vec![event(name), format!("level {level}")]
}

/// A bit nobody names.
pub(super) fn nobody(what: &str) -> Vec<String> {
    vec![format!("unknown {what}")]
}

pub(super) fn one(fact: &str) -> Vec<String> {
    vec![fact.to_owned()]
}

#[track_caller]
pub(super) fn check(base: &BTreeSet<String>, changed: &BTreeSet<String>, mut want: Vec<String>, what: &str) {
    let mut told = changes(base, changed);
    // Of the base's own wake source nothing need be said when another one takes its place.
    told.retain(|fact| !fact.starts_with("-event {\"name\":\"wake\""));
    told.sort();
    want.sort();
    assert_eq!(told, want, "{what}");
}

// ---- master lock, binary ----

const MASTER: &str = concat!(
    "2480006200111711003418042116225922348310113550543f12980000002d0600000000",
    "0000",
    "28000000001f000100000f0f0f0f0f0f0f0f000000000056"
);

/// The neutral frame with bytes written over it.
fn master(patch: &[(usize, &[u8])]) -> BTreeSet<String> {
    let mut frame = hex::decode(MASTER).unwrap();
    for (at, bytes) in patch {
        frame[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    let heard = decode_binary(&frame, true);
    let mut facts = facts(&heard.messages[0]);
    facts.extend(heard.answers.iter().map(|answer| format!("answer {}", answer.shown(false))));
    facts
}

#[test]
fn master_status() {
    let base = master(&[]);
    for bit in 0..16_u32 {
        let want = match bit {
            0 => vec!["details.cell_position=true".into(), "position.fix=false".into()],
            1 => alarm("geofence_enter", "GeofenceEnter"),
            2 => alarm("geofence_exit", "GeofenceExit"),
            3 => alarm("rope_cut", "RopeCut"),
            4 => alarm("vibration", "Vibration"),
            5 => vec!["details.answer_wanted=true".into(), "answer (P35)".into()],
            6 => one("parts.rope=closed"),
            7 => one("parts.motor=closed"),
            8 => alarm("unlocked_too_long", "UnlockedTooLong"),
            9 => alarm("wrong_password_limit", "WrongPasswordLimit"),
            10 => alarm("illegal_card", "IllegalCard"),
            11 => alarm("low_battery", "LowBattery"),
            12 => alarm("back_cover_opened", "BackCoverOpened"),
            13 => one("parts.cover=closed"),
            14 => alarm("motor_fault", "MotorFault"),
            bit => nobody(&format!("status bit {bit}")),
        };
        check(&base, &master(&[(36, &(1_u16 << bit).to_be_bytes())]), want, &format!("bit {bit}"));
    }
}

#[test]
fn master_header() {
    let base = master(&[]);
    for code in 0..16_u8 {
        let data_type = |word: &str| format!("details.data_type={word}");
        let want = match code {
            1 => vec![],
            2 => vec![data_type("alarm")],
            3 => vec![data_type("blind_area"), "replayed=true".into()],
            4 => vec![data_type("backlog")],
            code => vec![format!("unknown data type {code}"), "-details.data_type".into()],
        };
        check(&base, &master(&[(7, &[0x10 | code])]), want, &format!("data type {code}"));
        let device = |word: String| vec![format!("details.product={code}"), word];
        let want = if code == 1 { vec![] } else { device(format!("unknown device type {code}")) };
        check(&base, &master(&[(7, &[code << 4 | 1])]), want, &format!("device type {code}"));
    }
    // Versions decide how it is answered and whether its open cover is believed.
    let version = |n: u8| vec![format!("version={n}"), "answer (P69,0,86)".into()];
    check(&base, &master(&[(6, &[0x19])]), version(0x19), "JT701D");
    let unknown = [version(0x1A), nobody("protocol version 0x1a")].concat();
    check(&base, &master(&[(6, &[0x1A])]), unknown, "newer");
    check(&base, &master(&[(6, &[0x16])]), vec!["version=22".into(), "-parts.cover".into()], "older");
}

#[test]
fn master_fields() {
    let base = master(&[]);
    let rows: [(usize, &[u8], &[&str]); 17] = [
        (24, &[0x3E], &["position.fix=false"]),
        (24, &[0x3D], &["position.lat=-22.580517"]),
        (24, &[0x3B], &["position.lon=-113.917572"]),
        (24, &[0x37], &[]),
        (31, &[7], &["position.satellites=7"]),
        (32, &[0, 0x83, 0xA5, 0x7F], &["details.vehicle_card=0008627583"]),
        (38, &[0xFF], &["charging=true", "-battery_pct"]),
        (38, &[0x65], &["-battery_pct", "unknown battery 0x65"]),
        (39, &[0x12, 0x34], &["details.cell.id=4660", "details.cell.lac=0"]),
        (41, &[0x12, 0x34], &["details.cell.id=0", "details.cell.lac=4660"]),
        (43, &[99], &["-signal"]),
        (44, &[7], &["details.fence=7"]),
        (48, &[0x86, 0x39, 0x77, 3, 0x90, 0x60, 0x81, 0x7F], &["details.imei=863977039060817"]),
        (48, &[1, 2, 3, 4, 5, 6, 7, 8], &["unknown IMEI field 0102030405060708"]),
        (56, &[0, 1], &["details.cell.id=65536"]),
        (58, &[1, 0xCC], &["details.cell.id=0", "details.cell.mcc=460", "details.cell.mnc=0"]),
        (0, b"$", &[]),
    ];
    for (at, bytes, want) in rows {
        let want = want.iter().map(|fact| (*fact).to_owned()).collect();
        check(&base, &master(&[(at, bytes)]), want, &format!("byte {at}"));
    }
    let network = master(&[(58, &[1, 0xCC])]);
    check(&network, &master(&[(58, &[1, 0xCC, 7])]), one("details.cell.mnc=7"), "MNC low");
    check(&network, &master(&[(58, &[1, 0xCC]), (46, &[1])]), one("details.cell.mnc=256"), "MNC high");
    check(&network, &master(&[(58, &[1, 0xCC]), (46, &[0x0F])]), vec![], "MNC high absent");
    let fenced =
        vec![r#"event {"fence":7,"name":"geofence_exit"}"#.to_owned(), "level GeofenceExit".to_owned()];
    check(&master(&[(44, &[7])]), &master(&[(44, &[7]), (36, &[0, 4])]), fenced, "fence of an event");
}

#[test]
fn master_extended_status() {
    let base = master(&[]);
    let sources = [
        "restart",
        "timer",
        "vibration",
        "back_cover",
        "rope",
        "charging",
        "rfid",
        "lora",
        "sms_vip",
        "sms_other",
        "bluetooth",
    ];
    for code in 0..16_u8 {
        let want = match sources.get(usize::from(code)) {
            Some(&"timer") => vec![],
            Some(source) => vec![wake(source)],
            None => vec![wake("unknown"), format!("unknown wake source {code}")],
        };
        check(&base, &master(&[(45, &[code])]), want, &format!("wake source {code}"));
    }
    for bit in 4..8 {
        let want = nobody(&format!("extended status 1 bit {bit}"));
        check(&base, &master(&[(45, &[1 | 1 << bit])]), want, "extended status 1");
    }
    for bit in 0..8 {
        let want = match bit {
            0 => one("charging=true"),
            2 => vec!["details.upper_cover=open".into(), custom("upper cover alarm")],
            3 => one("details.upper_cover=closed"),
            4 => vec!["details.lower_cover=open".into(), custom("lower cover alarm")],
            5 => one("details.lower_cover=closed"),
            bit => nobody(&format!("extended status 2 bit {bit}")),
        };
        check(&base, &master(&[(47, &[1 << bit])]), want, &format!("extended status 2 bit {bit}"));
    }
    check(&base, &master(&[(47, &[0x0F])]), vec![], "absent");
}

/// A frame with this extension instead of the full one.
fn extended(version: u8, extension: &[u8]) -> BTreeSet<String> {
    let mut frame = hex::decode(&MASTER[..88]).unwrap();
    frame[6] = version;
    frame[9] = u8::try_from(35 + extension.len()).unwrap();
    frame.extend(extension);
    frame.push(0x56);
    facts(&decode_binary(&frame, true).messages[0])
}

#[test]
fn master_extensions_of_other_lengths() {
    let base = extended(0x17, &[]);
    check(&base, &extended(0x17, &[5, 0, 0x0F, 0]), one("details.fence=5"), "fence and reserved");
    check(&base, &extended(0x17, &[0, 0, 9, 0]), one("unknown reserved bytes 000900"), "reserved");
    check(&base, &extended(0x17, &[1, 2, 3]), one("unknown extension of 3 bytes 010203"), "unknown length");
    let foreign = hex::decode("05 010203 0863977039060817 0102030405".replace(' ', "")).unwrap();
    let want = vec![
        "details.fence=5".into(),
        "details.imei=863977039060817".into(),
        "unknown extension before the IMEI 010203".into(),
        "unknown extension after the IMEI 0102030405".into(),
    ];
    check(&extended(1, &[]), &extended(1, &foreign), want, "another make");
}

#[test]
fn master_lock_word_needs_both_bits() {
    let lock = |status: u16| {
        let mut frame = hex::decode(MASTER).unwrap();
        frame[36..38].copy_from_slice(&status.to_be_bytes());
        decode_binary(&frame, true).messages[0].lock
    };
    assert_eq!(lock(0x00C0), Some(LockState::Locked));
    assert_eq!(lock(0x0080), Some(LockState::Unseated));
    assert_eq!(lock(0x0040), Some(LockState::Unlocked));
    assert_eq!(lock(0x0000), Some(LockState::Unlocked));
}

#[test]
fn an_old_masters_cover_is_unknown_until_it_speaks() {
    let cover = |version, status: u16| {
        let told = master(&[(6, &[version]), (36, &status.to_be_bytes())]);
        told.iter().find_map(|fact| fact.strip_prefix("parts.cover=").map(str::to_owned))
    };
    let (open, closed) = (Some("open".to_owned()), Some("closed".to_owned()));
    assert_eq!(cover(0x16, 0), None);
    assert_eq!(cover(0x01, 0), None);
    assert_eq!(cover(0x16, 1 << 12), open);
    assert_eq!(cover(0x16, 1 << 13), closed);
    assert_eq!(cover(0x17, 0), open);
}

// ---- sub-devices ----

fn sub_message(kind: u8, rest: &[u8]) -> Message {
    let mut payload = b"2,".to_vec();
    payload.extend(
        hex::decode("1904211135342234834411355052 0f0000190421113533e01726000412".replace(' ', "")).unwrap(),
    );
    payload.extend(hex::decode("01681057").unwrap());
    payload.push(kind);
    payload.extend(rest);
    sub_device::decode("8130630001", &payload, None)
}

fn sub(kind: u8, event: u16, status: u16, gateway: u8, card: Option<u32>) -> Message {
    let mut rest = event.to_be_bytes().to_vec();
    rest.extend(status.to_be_bytes());
    rest.extend([0, 49, gateway]);
    rest.extend(card.into_iter().flat_map(u32::to_be_bytes));
    sub_message(kind, &rest)
}

pub(super) fn opened(by: &str) -> Vec<String> {
    vec![format!(r#"event {{"by":"{by}","name":"opened"}}"#)]
}

pub(super) fn report(why: &str) -> Vec<String> {
    vec![format!(r#"event {{"name":"report","why":"{why}"}}"#)]
}

pub(super) fn locked(by: &str) -> Vec<String> {
    vec![format!(r#"event {{"by":"{by}","name":"locked"}}"#)]
}

#[test]
fn sub_device_events() {
    for kind in [4, 5, 6, 9] {
        let base = facts(&sub(kind, 0, 0, 0, Some(0)));
        for bit in 0..16 {
            let is_sub_lock = kind == 4;
            let want = match bit {
                15 => one("replayed=true"),
                14 => lost(),
                0 if is_sub_lock => locked("unknown"),
                1 if is_sub_lock => opened("bluetooth"),
                2 if is_sub_lock => vec![event("back_cover_opened")],
                3 if is_sub_lock => opened("lora"),
                4 if is_sub_lock => vec![event("rope_cut")],
                5 if is_sub_lock => report("button"),
                6 if is_sub_lock => report("timed"),
                7 if is_sub_lock => report("charging"),
                8 if is_sub_lock => vec![event("rope_pulled")],
                9 if is_sub_lock => opened("rfid"),
                0 => vec![event("valve_closed"), "valve=closed".into()],
                1 => vec![event("valve_opened"), "valve=open".into()],
                2 if !is_sub_lock => vec![event("low_battery")],
                3 => report("timed"),
                4 => vec![event("tamper")],
                5 => vec![event("back_cover_opened")],
                6 => opened("lora"),
                7 => locked("unknown"),
                8 => opened("bluetooth"),
                9 => vec![event("rope_pulled")],
                10 if !is_sub_lock => vec![event("rope_inserted")],
                11 if !is_sub_lock => report("bluetooth"),
                12 if !is_sub_lock => report("button"),
                bit => vec![custom(&format!("bit {bit}")), format!("unknown event bit {bit}")],
            };
            let told = facts(&sub(kind, 1 << bit, 0, 0, Some(0)));
            check(&base, &told, want, &format!("type {kind} event bit {bit}"));
        }
    }
    assert_eq!(sub(6, 0b11, 0, 0, None).valve, Some(ValveState::Unknown));
    let card = r#"event {"by":"rfid","card":"0008627839","name":"opened"}"#;
    assert!(facts(&sub(4, 1 << 9, 0, 0, Some(8_627_839))).contains(card));
}

/// Lost contact makes everything but the news itself stale.
fn lost() -> Vec<String> {
    let gone = ["-parts.motor", "-parts.rope", "-parts.cover", "-charging"].map(str::to_owned);
    let told = [event("signal_lost"), "level SignalLost".into(), "sub_device.contact_lost=true".into()];
    gone.into_iter().chain(told).collect()
}

#[test]
fn sub_device_status() {
    for kind in [4, 5, 6, 9] {
        let base = facts(&sub(kind, 0, 0, 0, Some(0)));
        let older = facts(&sub(kind, 0, 0, 0, None));
        for bit in 0..16 {
            let want = match bit {
                0 => one("parts.rope=open"),
                1 => one("parts.motor=open"),
                2 => one("parts.cover=open"),
                3 => one("charging=true"),
                bit => nobody(&format!("status bit {bit}")),
            };
            check(&base, &facts(&sub(kind, 0, 1 << bit, 0, Some(0))), want, &format!("status bit {bit}"));
            // Firmware without the card knows neither cover nor charging.
            let want = match bit {
                0 => one("parts.rope=open"),
                1 => one("parts.motor=open"),
                bit => nobody(&format!("status bit {bit}")),
            };
            check(&older, &facts(&sub(kind, 0, 1 << bit, 0, None)), want, &format!("older, bit {bit}"));
        }
        for bit in 0..8 {
            let want = match bit {
                0 => one("replayed=true"),
                1 => lost(),
                2 => one("sub_device.low_voltage=true"),
                bit => nobody(&format!("gateway status bit {bit}")),
            };
            check(&base, &facts(&sub(kind, 0, 0, 1 << bit, Some(0))), want, &format!("gateway bit {bit}"));
        }
        let card = facts(&sub(kind, 0, 0, 0, Some(8_627_839)));
        check(&base, &card, one("details.card=0008627839"), "card");
    }
    assert_eq!(sub(4, 0, 0b01, 0, None).lock, Some(LockState::Unseated));
    assert_eq!(sub(4, 0, 0b10, 0, None).lock, Some(LockState::Unlocked));
    assert_eq!(sub(4, 0, 0b1100, 0, None).lock, Some(LockState::Locked));
    assert_eq!(sub(4, 0, 0, 2, None).lock, Some(LockState::Unknown));
}

#[test]
fn sensor_and_unknown_types() {
    let sensor = |rest: &[u8]| facts(&sub_message(1, rest));
    let base = sensor(&[0xFF, 0xFF, 43, 0, 0, 0]);
    let warm = "sub_device.temperature_c=28.5";
    check(&base, &sensor(&[1, 0x1D, 43, 0, 0, 0]), one(warm), "temperature");
    check(&base, &sensor(&[0x11, 0x1D, 43, 0, 0, 0]), one("sub_device.temperature_c=-28.5"), "cold");
    check(&base, &sensor(&[0xFF, 0xFF, 44, 0, 0, 0]), one("sub_device.humidity_pct=44"), "humidity");
    check(&base, &sensor(&[0xFF, 0xFF, 43, 1, 0, 0]), one("details.records_stored=256"), "stored");
    check(&base, &sensor(&[0xFF, 0xFF, 43, 0, 0, 8]), nobody("gateway status bit 3"), "gateway");
    let more = one("unknown bytes after the report 0102");
    check(&base, &sensor(&[0xFF, 0xFF, 43, 0, 0, 0, 1, 2]), more, "further bytes");
    for kind in [0, 2, 3, 7, 8, 10, 255] {
        let told = facts(&sub_message(kind, &[1, 2]));
        assert!(told.contains(&format!("unknown sub-device type {kind} 0102")), "{told:?}");
        let told = facts(&sub_message(kind, &[]));
        assert!(told.contains(&format!("unknown sub-device type {kind}")), "{told:?}");
    }
}
