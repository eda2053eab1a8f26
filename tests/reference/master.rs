//! Master lock (JT701 family), from section 1 of the Jointech notes.

use super::expect::{any, invalid, one_of, rounded};
use super::sub_device::sub_device;
use super::wire::{
    MASK, When, degrees, digits, hex, lock, number, packed_position, parts, raw, signal, when, when_ddmmyy,
};
use serde_json::{Value, json};
use std::collections::HashMap;

pub(crate) const PROTOCOL: &str = "jointech-master";

/// Protocol versions heard on one connection, by device: they decide how a P45 is answered.
pub(crate) type Versions = HashMap<String, u8>;

pub(crate) fn master(frame: &[u8], versions: &mut Versions, secrets: bool) -> Value {
    if frame[0] == b'$' { binary(frame, versions) } else { text(frame, versions, secrets) }
}

/// §1.1
fn binary(frame: &[u8], versions: &mut Versions) -> Value {
    let device = digits(&frame[1..6]).unwrap();
    let version = frame[6];
    let data_type = frame[7] & 0x0f;
    let length = number(&frame[8..10]) as usize;
    let serial = frame[frame.len() - 1];
    assert_eq!(frame.len(), 10 + length, "a whole frame");
    versions.insert(device.clone(), version);

    if length < 35 {
        // Too short to hold what every position holds; whether the status is in it decides if it can be asked for.
        let reply = if version >= 0x19 { json!(format!("(P69,0,{serial})")) } else { any() };
        return invalid(PROTOCOL, json!(device), reply);
    }

    let byte2 = frame[36];
    let byte1 = frame[37];
    let low = |bit: u8| byte1 >> bit & 1 == 1;
    let high = |bit: u8| byte2 >> bit & 1 == 1;
    // §1.5
    let reply = if version >= 0x19 {
        json!(format!("(P69,0,{serial})"))
    } else if low(5) {
        json!("(P35)")
    } else {
        Value::Null
    };
    let time = when_ddmmyy(&frame[10..16]);
    let position = packed_position(&frame[16..25], frame[25], frame[26]);
    // Sound framing, senseless content: acknowledged, nothing read from it (decisions, At the door).
    let (Some(mut position), true) = (position, time != When::Senseless) else {
        return invalid(PROTOCOL, json!(device), reply);
    };
    position["satellites"] = json!(frame[31]);
    if low(0) && position["fix"] == json!(true) {
        // Found by cell towers and by satellites at once: the paper does not say which mark wins.
        position["fix"] = any();
    }

    let extension = &frame[44..frame.len() - 1];
    let fence = match extension.len() {
        4 | 17 if extension[0] != 0 => json!(extension[0]),
        _ => Value::Null,
    };
    let mut events = Vec::new();
    let mut may = Vec::new();
    for (bit, event) in [
        (1, json!({"name": "geofence_enter", "fence": fence})),
        (2, json!({"name": "geofence_exit", "fence": fence})),
        (3, json!({"name": "rope_cut"})),
        (4, json!({"name": "vibration"})),
    ] {
        if low(bit) {
            events.push(event);
        }
    }
    for (bit, name) in [
        (0, "unlocked_too_long"),
        (1, "wrong_password_limit"),
        (2, "illegal_card"),
        (3, "low_battery"),
        (4, "back_cover_opened"),
        (6, "motor_fault"),
    ] {
        if high(bit) {
            events.push(json!({ "name": name }));
        }
    }
    if high(7) {
        // Reserved: may surface as an unknown code.
        may.push(json!({"name": "custom", "code": any()}));
    }

    let mut charging = frame[38] == 0xff;
    // With version 0x01 only fence ID and IMEI of a full extension mean what the paper says.
    if extension.len() == 17 && version != 0x01 {
        match wake_source(extension[1] & 0x0f) {
            Some(source) => events.push(json!({"name": "wake", "source": source})),
            None => may.push(json!({"name": "wake", "source": "unknown"})),
        }
        let status2 = extension[3];
        if status2 != 0x0f {
            charging |= status2 & 1 == 1;
            // Compartment covers have no word of their own: an unknown code each.
            for bit in [2, 4] {
                if status2 >> bit & 1 == 1 {
                    events.push(json!({"name": "custom", "code": any()}));
                }
            }
        }
    }

    let cover_open = match (high(4), high(5)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        // Before version 0x17 the switch may not exist.
        (false, false) => (version >= 0x17).then_some(true),
        (true, true) => None,
    };
    let motor_open = Some(!low(7));
    let rope_out = Some(!low(6));
    let mut told = parts(motor_open, rope_out, cover_open);
    if high(4) && high(5) {
        // Alarm of an open cover and a closed cover at once.
        told["cover"] = any();
    }
    json!({
        "protocol": PROTOCOL, "kind": "position", "device": device, "time": time.value(), "replayed": data_type == 3,
        "position": position, "lock": lock(motor_open, rope_out), "parts": told, "events": events, "may": may,
        "battery_pct": if frame[38] <= 100 { json!(frame[38]) } else { Value::Null },
        // 101–254 is no percentage; what it says of charging is not written.
        "charging": if (101..255).contains(&frame[38]) && !charging { any() } else { json!(charging) },
        "signal": signal(frame[43]), "odometer_m": number(&frame[27..31]) * 1000, "serial": serial,
        "version": version, "reply": reply, "raw": raw(frame, &[]),
    })
}

fn wake_source(nibble: u8) -> Option<&'static str> {
    Some(match nibble {
        0 => "restart",
        1 => "timer",
        2 => "vibration",
        3 => "back_cover",
        4 => "rope",
        5 => "charging",
        6 => "rfid",
        7 => "lora",
        8 => "sms_vip",
        9 => "sms_other",
        10 => "bluetooth",
        _ => return None,
    })
}

/// §1.3
fn text(frame: &[u8], versions: &Versions, secrets: bool) -> Value {
    let inner = &frame[1..frame.len() - 1];
    let items: Vec<String> =
        inner.split(|b| *b == b',').map(|item| String::from_utf8_lossy(item).into_owned()).collect();
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let device = items[0];
    let simple = |kind: &str, reply: Value| json!({"protocol": PROTOCOL, "kind": kind, "device": device, "reply": reply, "raw": raw(frame, &[])});
    match items[1..] {
        ["@JT"] => simple("heartbeat", Value::Null),
        ["P22", "2"] => simple("time_request", json!("(P22,DDMMYYhhmmss)")),
        ["P45", ..] => lock_report(frame, &items, versions),
        ["P52", "2", password] => {
            let shown = if secrets { password } else { MASK };
            let mut said = simple("dynamic_password", json!(format!("(P52,2,{shown})")));
            said["command"] = any();
            said["raw"] = raw_without(frame, &items, 3);
            said
        }
        [_, _, "WLNET", "5", ..] => sub_device(frame, device, versions.get(device).copied()),
        [_, serial, "WLNET", "7", ..] => {
            // A second upload that is kept raw: not more is promised.
            let mut said = simple("other", Value::Null);
            said["kind"] = one_of([json!("other"), json!("command_reply")]);
            said["serial"] = one_of([json!(serial.parse::<u32>().ok()), Value::Null]);
            said["command"] = any();
            said
        }
        [_, serial, word @ ("WLNET" | "OTA"), ref params @ ..] => {
            let mut said = simple("command_reply", Value::Null);
            // The serial correlates a WLNET reply; of OTA nothing is written.
            said["serial"] = if word == "WLNET" { json!(serial.parse::<u32>().ok()) } else { any() };
            said["command"] = json!({"word": word, "params": params});
            said
        }
        [word, ref params @ ..] => {
            let mut said = simple("command_reply", Value::Null);
            let mut shown: Vec<Value> = params.iter().map(|p| json!(p)).collect();
            // What of a reply is a password (§1.6): P44 answers a query with it, P52,0 and P06 carry one.
            let secret = match (word, params) {
                ("P44", [value]) if !matches!(*value, "0" | "1" | "") => Some(0),
                ("P52", ["0", _, password]) if !password.is_empty() => Some(2),
                ("P06", [_, _, _, _, password, _]) if !password.is_empty() => Some(4),
                _ => None,
            };
            if let Some(at) = secret {
                shown[at] = json!(MASK);
                said["raw"] = raw_without(frame, &items, 2 + at);
                if word == "P52" {
                    // The zeros before it may be masked too.
                    shown[1] = one_of([shown[1].clone(), json!(MASK)]);
                    said["raw"] = any();
                }
            }
            said["command"] = json!({"word": word, "params": shown});
            if let ("P01", [.., percent]) = (word, params) {
                // "Firmware + battery": told as a parameter, and as what it is or not.
                said["battery_pct"] =
                    one_of([json!(percent.trim_end_matches('%').parse::<u8>().ok()), Value::Null]);
            }
            if word == "P42" {
                // Cards enrolled at the lock: "a security event", without a word in the vocabulary.
                said["kind"] = one_of([json!("command_reply"), json!("other")]);
                said["may"] = json!([any()]);
            }
            said
        }
        [] => unreachable!("a text frame has a word"),
    }
}

/// `raw` with item `at` replaced.
pub(crate) fn raw_without(frame: &[u8], items: &[&str], at: usize) -> Value {
    let start = 1 + items[..at].iter().map(|item| item.len() + 1).sum::<usize>();
    raw(frame, std::slice::from_ref(&(start..start + items[at].len())))
}

/// `P45`: items counted from the front, the ID being item 0.
fn lock_report(frame: &[u8], items: &[&str], versions: &Versions) -> Value {
    let device = items[0];
    let (date, time) = (items[2], items[3]);
    let (latitude, north_south, longitude, east_west) = (items[4], items[5], items[6], items[7]);
    let fix = items[8] == "A";
    let (speed, course) = (items[9], items[10]);
    let source: u32 = items[11].parse().unwrap();
    let verification: u32 = items[12].parse().unwrap();
    let card = if items[13] == "0000000000" { Value::Null } else { json!(items[13]) };
    let password_ok = items[14] == "1";
    let serial: u32 = items[16].parse().unwrap();
    // The mileage stands behind the serial; what follows is told by its shape (fifteen digits are an IMEI).
    let mileage = items.get(17).filter(|item| item.len() <= 10).and_then(|item| item.parse::<u64>().ok());

    // So many digits may as well be a telephone or a Unix time of a customised firmware.
    let odometer = match mileage {
        Some(km) if km >= 10_000_000 => one_of([json!(km * 1000), Value::Null]),
        mileage => json!(mileage.map(|km| km * 1000)),
    };

    let reply = match versions.get(device) {
        Some(version) if *version >= 0x19 => format!("(P69,0,{serial})"),
        Some(_) => "(P46)".into(),
        None => format!("(P46)(P69,0,{serial})"),
    };
    let time = when(&date[0..2], &date[2..4], &date[4..6], time);
    let place = place(latitude, longitude).map(|(lat, lon)| {
        let lat = if north_south == "S" { -lat } else { lat };
        let lon = if east_west == "W" { -lon } else { lon };
        json!({
            "lat": rounded(lat, 6), "lon": rounded(lon, 6), "fix": fix,
            "speed_kmh": rounded(speed.parse().unwrap(), 1),
            "heading_deg": super::wire::heading(course.parse().unwrap()),
        })
    });

    let said = json!({
        "protocol": PROTOCOL, "kind": "lock_report", "device": device, "time": time.value(),
        "position": place, "events": [what_happened(source, verification, &card, password_ok)],
        "odometer_m": odometer, "serial": serial,
        // A remembered version may be told or not.
        "version": any(), "reply": reply, "raw": raw(frame, &[]),
    });
    if time == When::Senseless || place.is_none() {
        // Acknowledged in any case; whether the lock's word is still believed beside a senseless date is not written.
        return json!({"$or": [said, invalid(PROTOCOL, json!(device), json!(reply))]});
    }
    said
}

/// Decimal degrees, or packed DDMM.MMMM: packed if an integer part has four (five) digits or a value is out of range.
fn place(latitude: &str, longitude: &str) -> Option<(f64, f64)> {
    let whole = |text: &str| text.split('.').next().unwrap_or("").len();
    let (lat, lon): (f64, f64) = (latitude.parse().ok()?, longitude.parse().ok()?);
    let packed = whole(latitude) == 4 || whole(longitude) == 5 || lat > 90.0 || lon > 180.0;
    let (lat, lon) = if packed { (degrees(latitude)?, degrees(longitude)?) } else { (lat, lon) };
    (lat <= 90.0 && lon <= 180.0).then_some((lat, lon))
}

/// The event of a P45: an opening only if the verification or the password says so.
fn what_happened(source: u32, verification: u32, card: &Value, password_ok: bool) -> Value {
    let by_fence = |by: &str| match verification {
        0 => json!({"name": "open_refused", "by": by, "why": "not_verified"}),
        1..=10 => json!({"name": "opened", "by": by, "fence": verification}),
        98 => json!({"name": "opened", "by": by}),
        99 => json!({"name": "open_refused", "by": by, "why": "outside_fence"}),
        // No meaning is written: anything but an opening.
        _ => one_of([
            json!({"name": "custom", "code": any()}),
            json!({"name": "open_refused", "by": by, "why": any(), "card": any()}),
        ]),
    };
    let by_password = |by: &str| {
        if password_ok {
            json!({"name": "opened", "by": by, "fence": any(), "card": any()})
        } else {
            json!({"name": "open_refused", "by": by, "why": "wrong_password", "card": any()})
        }
    };
    match source {
        1 => {
            let mut event = by_fence("rfid");
            if event.get("name").is_some() {
                event["card"] = card.clone();
            }
            event
        }
        2 => json!({"name": "open_refused", "by": "rfid", "why": "illegal_card", "card": card}),
        3 => json!({"name": "vehicle_card", "card": card}),
        4 => by_password("remote_static"),
        5 => json!({"name": "locked", "by": "auto"}),
        6 => {
            // The verification decides. Where the password item says no as well, the reason may be either; where it
            // says no against a verification of yes, the paper does not say which of them wins.
            let refused =
                json!({"name": "open_refused", "by": "remote_dynamic", "why": any(), "card": any()});
            let mut event = by_fence("remote_dynamic");
            if event.get("name").is_some() {
                event["card"] = any();
            }
            match (password_ok, verification) {
                (true, _) => event,
                (false, 0) => refused,
                (false, _) => one_of([event, refused]),
            }
        }
        7 => by_password("bluetooth"),
        8 => json!({"name": "rope_pulled"}),
        _ => json!({"name": "custom", "code": any()}),
    }
}

/// The hex of an ID as it stands in a text.
pub(crate) fn upper_hex(bytes: &[u8]) -> String {
    hex(bytes).to_uppercase()
}
