//! What a master forwards from its sub-locks, valve locks and sensors: `WLNET,5`, section 1.4 of the Jointech notes.

use super::expect::{any, invalid, one_of, rounded};
use super::master::{PROTOCOL, upper_hex};
use super::wire::{When, card, lock, number, packed_position, parts, raw, when_ddmmyy};
use serde_json::{Value, json};

/// 3D 15, 3D 14, 3D 11, 3D 00 stand for 28 29 2C 3D; any other pair stays two bytes.
fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at..] {
            [0x3d, next @ (0x15 | 0x14 | 0x11 | 0x00), ..] => {
                out.push(next ^ 0x3d);
                at += 2;
            }
            [byte, ..] => {
                out.push(byte);
                at += 1;
            }
            [] => break,
        }
    }
    out
}

pub(crate) fn sub_device(frame: &[u8], device: &str, version: Option<u8>) -> Value {
    let inner = &frame[1..frame.len() - 1];
    // ID, n, serial, WLNET, 5: the payload begins behind the fifth comma.
    let fifth = inner.iter().enumerate().filter(|(_, b)| **b == b',').nth(4).unwrap().0;
    let payload = unescape(&inner[fifth + 1..]);
    if payload.len() < 36 {
        let reply = match payload.get(30) {
            Some(serial) if version.is_none_or(|v| v >= 0x19) => json!(format!("(P69,0,{serial})")),
            _ => any(),
        };
        return invalid(PROTOCOL, json!(device), reply);
    }
    let serial = payload[30];
    // What a master below version 0x19 is answered here, the paper leaves open.
    let reply = match version {
        Some(version) if version < 0x19 => any(),
        _ => json!(format!("(P69,0,{serial})")),
    };
    let master_time = when_ddmmyy(&payload[2..8]);
    let time = when_ddmmyy(&payload[19..25]);
    let position = packed_position(&payload[8..17], payload[17], payload[18]);
    let kind = payload[35];
    let rest = &payload[36..];
    let needed = match kind {
        1 => 6,
        4 | 5 | 6 | 9 => 7,
        _ => 0,
    };
    if master_time == When::Senseless || time == When::Senseless || position.is_none() || rest.len() < needed
    {
        return invalid(PROTOCOL, json!(device), reply);
    }
    let mut said = json!({
        "protocol": PROTOCOL, "kind": "sub_device", "device": device, "time": time.value(), "position": position,
        "voltage_v": rounded(number(&payload[31..33]) as f64 / 100.0, 2),
        "battery_pct": if payload[33] <= 100 { json!(payload[33]) } else { Value::Null },
        "serial": serial, "version": any(), "reply": reply, "raw": raw(frame, &[]),
    });
    said["sub_device"] = json!({
        "id": upper_hex(&payload[25..30]), "type": kind, "master_time": master_time.value(),
        "rssi_dbm": -i32::from(payload[34]),
    });
    match kind {
        1 => sensor(&mut said, rest),
        4 | 5 | 6 | 9 => sub_lock(&mut said, kind, rest),
        // A type that no paper names: what stands before the type is as sure as ever, the rest is raw.
        _ => said["may"] = json!([{"name": "custom", "code": any()}]),
    }
    said
}

/// The gateway's own status: replayed, contact lost, low voltage.
fn gateway(said: &mut Value, status: u8) -> bool {
    let lost = status & 2 != 0;
    said["sub_device"]["contact_lost"] = json!(lost);
    said["sub_device"]["low_voltage"] = json!(status & 4 != 0);
    // The bits may be told as events too: the vocabulary names those words for "alarm bits, events".
    said["may"] = json!([]);
    if lost {
        said["may"].as_array_mut().unwrap().push(json!({"name": "signal_lost"}));
    }
    if status & 4 != 0 {
        said["may"].as_array_mut().unwrap().push(json!({"name": "low_battery"}));
    }
    status & 1 != 0
}

fn sensor(said: &mut Value, rest: &[u8]) {
    let temperature = number(&rest[0..2]);
    let tenths = (temperature & 0x0fff) as f64;
    said["sub_device"]["temperature_c"] = match temperature {
        0xffff => Value::Null,
        _ if temperature >> 12 != 0 => rounded(-tenths / 10.0, 1),
        _ => rounded(tenths / 10.0, 1),
    };
    // More than all of it is no humidity.
    said["sub_device"]["humidity_pct"] = if rest[2] <= 100 { json!(rest[2]) } else { Value::Null };
    said["replayed"] = json!(gateway(said, rest[5]));
}

fn sub_lock(said: &mut Value, kind: u8, rest: &[u8]) {
    let event = number(&rest[0..2]) as u16;
    let status = number(&rest[2..4]) as u16;
    let replayed = gateway(said, rest[6]);
    if event >> 14 & 1 == 1 && rest[6] & 2 == 0 {
        // "Signal lost" without the gateway's own sign of it: one contact or two.
        said["sub_device"]["contact_lost"] = any();
    }
    let rfid = (rest.len() >= 11).then(|| &rest[7..11]);
    said["sub_device"]["cycles"] = json!(number(&rest[4..6]));
    said["replayed"] = json!(replayed || event >> 15 == 1);

    let has = |bit: u16| event >> bit & 1 == 1;
    let mut events = Vec::new();
    for bit in 0..15 {
        if has(bit) {
            events.push(if kind == 4 { sub_lock_event(bit, rfid) } else { valve_event(bit) });
        }
    }
    said["events"] = json!(events);
    if kind != 4 {
        said["valve"] = match (has(0), has(1)) {
            (true, false) => json!("closed"),
            (false, true) => json!("open"),
            (true, true) => json!("unknown"),
            (false, false) => Value::Null,
        };
    }

    let bit = |bit: u16| status >> bit & 1 == 1;
    // Cover and charging are told only by the firmware that adds the RFID field.
    let cover_open = rfid.map(|_| bit(2));
    said["charging"] = json!(rfid.map(|_| bit(3)));
    let (motor_open, rope_out) = (Some(bit(1)), Some(bit(0)));
    if rest[6] & 2 != 0 || has(14) {
        // The master has lost it: the status is the last one known. "No report is unknown, never locked": it must not
        // read as a lock that is locked now.
        said["lock"] = one_of([json!("unknown"), Value::Null]);
        said["parts"] = any();
        said["charging"] = any();
        if kind != 4 {
            said["valve"] = one_of([said["valve"].clone(), json!("unknown"), Value::Null]);
        }
    } else {
        said["lock"] = json!(lock(motor_open, rope_out));
        said["parts"] = parts(motor_open, rope_out, cover_open);
    }
}

/// Type 4. `by` of a lock that closed is not told: its rope or anything else.
fn sub_lock_event(bit: u16, rfid: Option<&[u8]>) -> Value {
    match bit {
        0 => json!({"name": "locked", "by": any()}),
        1 => json!({"name": "opened", "by": "bluetooth"}),
        2 => json!({"name": "back_cover_opened"}),
        3 => json!({"name": "opened", "by": "lora"}),
        4 => json!({"name": "rope_cut"}),
        5 => json!({"name": "report", "why": "button"}),
        6 => json!({"name": "report", "why": "timed"}),
        7 => json!({"name": "report", "why": "charging"}),
        8 => json!({"name": "rope_pulled"}),
        9 => json!({"name": "opened", "by": "rfid", "card": rfid.map_or(Value::Null, card)}),
        14 => json!({"name": "signal_lost"}),
        _ => json!({"name": "custom", "code": any()}),
    }
}

/// Types 5, 6 and 9.
fn valve_event(bit: u16) -> Value {
    match bit {
        0 => json!({"name": "valve_closed"}),
        1 => json!({"name": "valve_opened"}),
        2 => json!({"name": "low_battery"}),
        3 => json!({"name": "report", "why": "timed"}),
        4 => json!({"name": "tamper"}),
        5 => json!({"name": "back_cover_opened"}),
        6 => json!({"name": "opened", "by": "lora"}),
        7 => json!({"name": "locked", "by": any()}),
        8 => json!({"name": "opened", "by": "bluetooth"}),
        9 => json!({"name": "rope_pulled"}),
        10 => json!({"name": "rope_inserted"}),
        11 => json!({"name": "report", "why": "bluetooth"}),
        12 => json!({"name": "report", "why": "button"}),
        14 => json!({"name": "signal_lost"}),
        _ => json!({"name": "custom", "code": any()}),
    }
}
