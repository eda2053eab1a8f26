//! Seals (JT709 family): JT/T 808 framing, section 2 of the Jointech notes.

use super::expect::{any, invalid, one_of, rounded, seal_frame};
use super::lock_event::lock_event;
use super::wire::{
    MASK, When, digits, heading, hex, lock, number, packed_position, parts, raw, signal, signed16,
    when_ddmmyy, when_yymmdd, xor,
};
use serde_json::{Value, json};

pub(crate) const PROTOCOL: &str = "jointech-seal";

/// 7D 01 → 7D, 7D 02 → 7E; another pair is no escape.
pub(crate) fn unescape(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            0x7d => match bytes.next()? {
                1 => 0x7d,
                2 => 0x7e,
                _ => return None,
            },
            _ => *byte,
        });
    }
    Some(out)
}

/// What stands before the body.
struct Head<'a> {
    message: u16,
    /// As on the wire, for the answer.
    id: Vec<u8>,
    device: String,
    serial: u16,
    /// Whether the device wants a 0x4401.
    wants_answer: bool,
    frame: &'a [u8],
    /// Stretches of the frame that are passwords.
    secret: Vec<std::ops::Range<usize>>,
}

impl Head<'_> {
    /// 0x8001: answered serial, answered message, 0.
    fn general_reply(&self) -> Value {
        let body = format!("{:04x}{:04x}00", self.serial, self.message);
        // A server serial is shown as 0.
        seal_frame(0x8001, &format!("{}0000", hex(&self.id)), &body, Some(5))
    }

    fn said(&self, kind: &str) -> Value {
        json!({
            "protocol": PROTOCOL, "kind": kind, "device": self.device, "serial": self.serial, "version": any(),
            "reply": self.general_reply(), "raw": raw(self.frame, &self.secret),
        })
    }
}

pub(crate) fn seal(frame: &[u8]) -> Vec<Value> {
    if frame[0] == b'(' {
        return vec![text(frame)];
    }
    // A bad checksum or length: the frame is dropped and not answered; whose it was cannot be trusted.
    let broken = || {
        let mut rest = invalid("unknown", any(), Value::Null);
        rest["protocol"] = any();
        // Its last 7E may be the first of the next, and bytes of its body may look like a head: what is left over may
        // be told, in as many pieces. One that looks like a whole frame of a master lock is answered like one.
        rest["reply"] = one_of([Value::Null, json!("(P35)")]);
        rest["$optional"] = json!(true);
        vec![invalid(PROTOCOL, any(), Value::Null), rest.clone(), rest.clone(), rest]
    };
    let Some(bytes) = unescape(&frame[1..frame.len() - 1]) else { return broken() };
    if bytes.len() < 13 || xor(&bytes) != 0 {
        return broken();
    }
    let message = number(&bytes[0..2]) as u16;
    let attributes = number(&bytes[2..4]) as u16;
    // 0x5501 and 0x5502 have a one-byte serial.
    let short = matches!(message, 0x5501 | 0x5502);
    let id_length = if attributes >> 14 & 1 == 1 { 11 } else { 6 };
    let serial_length = if short { 1 } else { 2 };
    let body_at = 4 + id_length + serial_length;
    let length = usize::from(attributes & 0x3ff);
    if bytes.len() != body_at + length + 1 {
        return broken();
    }
    let id = bytes[4..4 + id_length].to_vec();
    // The 2019 head has a version byte before ten bytes of ID.
    let Some(device) = digits(if id_length == 11 { &id[1..] } else { &id }) else { return broken() };
    let body = &bytes[body_at..body_at + length];
    let mut head = Head {
        message,
        id,
        device: device.trim_start_matches('0').to_string(),
        serial: number(&bytes[4 + id_length..body_at]) as u16,
        wants_answer: attributes >> 15 == 1,
        frame,
        secret: Vec::new(),
    };
    head.secret = super::lock_event::passwords(frame, message, body, body_at);
    match message {
        0x0200 => answered_once(report(&head, body)),
        0x0704 | 0x0210 => batch(&head, body),
        0x5501 | 0x5502 => vec![short_report(&head, body)],
        0x0002 => vec![head.said("heartbeat")],
        0x0100 => {
            let mut said = head.said("registration");
            // Serial, result 0, then an authentication code of the server's choice.
            let start = format!("{:04x}00", head.serial);
            said["reply"] = seal_frame(0x8100, &format!("{}0000", hex(&head.id)), &start, None);
            vec![said]
        }
        0x0109 => {
            let mut said = head.said("time_request");
            // The time is that of the answer: only its place is looked at (year 2, five bytes, 0).
            said["reply"] = seal_frame(0x8109, &format!("{}0000", hex(&head.id)), "", Some(8));
            vec![said]
        }
        0x0102 => {
            let mut said = head.said("registration");
            said["kind"] = one_of([json!("registration"), json!("other")]);
            vec![said]
        }
        _ => {
            let mut said = head.said("other");
            said["kind"] = one_of([json!("other"), json!("command_reply")]);
            if message == 0x0001 {
                // An answer to a command of ours. Its body is in no paper here, `serial` may be the answered one, and the
                // notes have "others" answered where the standard answers no answer.
                said["reply"] = one_of([said["reply"].clone(), Value::Null]);
                said["kind"] = any();
                said["serial"] = any();
            }
            said["command"] = any();
            said["may"] = json!([{"name": "custom", "code": any()}]);
            vec![said]
        }
    }
}

/// Splits `id, length, value` triples; `None` when one runs over the end.
pub(crate) fn items(mut bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let length = usize::from(*bytes.get(1)?);
        out.push((bytes[0], bytes.get(2..2 + length)?));
        bytes = &bytes[2 + length..];
    }
    Some(out)
}

/// One answer for the frame, told with its last message.
fn answered_once(mut said: Vec<Value>) -> Vec<Value> {
    let last = said.len() - 1;
    for one in &mut said[..last] {
        one["reply"] = one_of([Value::Null, one["reply"].clone()]);
    }
    said
}

/// §2.1: the report, and one message for each lock attached to the seal.
fn report(head: &Head<'_>, body: &[u8]) -> Vec<Value> {
    let senseless = || vec![invalid(PROTOCOL, json!(head.device), head.general_reply())];
    if body.len() < 28 {
        return senseless();
    }
    let alarm = number(&body[0..4]) as u32;
    let status = number(&body[4..8]) as u32;
    let is = |bit: u32| status >> bit & 1 == 1;
    let lat = number(&body[8..12]) as f64 / 1e6;
    let lon = number(&body[12..16]) as f64 / 1e6;
    let time = when_yymmdd(&body[22..28]);
    // A truncated item: sound framing, senseless content.
    let Some(items) = items(&body[28..]) else { return senseless() };
    if lat > 90.0 || lon > 180.0 || time == When::Senseless {
        return senseless();
    }

    let mut said = head.said("position");
    said["time"] = time.value();
    said["position"] = json!({
        "lat": rounded(if is(2) { -lat } else { lat }, 6), "lon": rounded(if is(3) { -lon } else { lon }, 6),
        "fix": is(1) || is(18), "altitude_m": signed16(&body[16..18]),
        "speed_kmh": rounded(number(&body[18..20]) as f64 / 10.0, 1),
        "heading_deg": heading(number(&body[20..22]) as f64),
    });
    let (motor_open, rope_out) = (Some(is(21)), Some(is(20)));
    said["lock"] = json!(lock(motor_open, rope_out));
    said["parts"] = parts(motor_open, rope_out, Some(is(7)));

    let mut events = Vec::new();
    let mut may = Vec::new();
    let fence = items.iter().find(|(id, _)| *id == 0xfc).map_or(Value::Null, |(_, value)| match value {
        [n] if *n != 0 => json!(n),
        _ => Value::Null,
    });
    for bit in 0..32 {
        if alarm >> bit & 1 == 0 {
            continue;
        }
        match bit {
            1 => events.push(json!({"name": "overspeed"})),
            7 => events.push(json!({"name": "low_battery"})),
            16 => events.push(json!({"name": "back_cover_opened"})),
            17 => events.push(json!({"name": "geofence_enter", "fence": fence})),
            18 => events.push(json!({"name": "geofence_exit", "fence": fence})),
            // "Any code we do not know": as an event or as a raw value.
            _ => may.push(json!({"name": "custom", "code": any()})),
        }
    }
    if is(7) {
        may.push(json!({"name": "back_cover_opened"}));
    }
    // The four bits have no table of their own here. 0–3 and 5 mean the same in both tables of the paper.
    match status >> 24 & 0x0f {
        n @ (0 | 1 | 2 | 3 | 5) => events.push(json!({"name": "wake", "source": wake_source(n as u8)})),
        _ => may.push(json!({"name": "wake", "source": any()})),
    }
    let mut attached = Vec::new();
    for (id, value) in items {
        match (id, value) {
            (0x0b, value) => events.extend(lock_event(value)),
            (0x30, [n]) => said["signal"] = signal(*n),
            (0x31, [n]) => said["position"]["satellites"] = json!(n),
            (0xd4, [n]) => battery(&mut said, *n, &[0xff]),
            (0xd5, [count, locks @ ..]) if value.len() > 2 && locks.len() == 13 * usize::from(*count) => {
                attached.extend(locks.chunks(13).map(|lock| attached_lock(head, lock)));
            }
            (0xd5, value @ [_, _]) => said["voltage_v"] = rounded(number(value) as f64 / 100.0, 2),
            (0xfe, value @ [_, _, _, _]) => said["odometer_m"] = json!(number(value) * 1000),
            _ => {}
        }
    }
    said["events"] = json!(events);
    said["may"] = json!(may);
    let mut all = vec![said];
    all.extend(attached);
    all
}

/// A lock in the list of item 0xD5: ID 5, card 5, battery 1, status 2 of which bit 5 says unlocked. Its rope is not told,
/// so it is never `locked`.
fn attached_lock(head: &Head<'_>, lock: &[u8]) -> Value {
    let mut said = head.said("sub_device");
    let open = number(&lock[11..13]) >> 5 & 1 == 1;
    said["sub_device"] = json!({"id": super::master::upper_hex(&lock[0..5]), "type": any()});
    said["lock"] = if open { json!("unlocked") } else { one_of([json!("unknown"), Value::Null]) };
    said["parts"] = if open { parts(Some(true), None, None) } else { any() };
    battery(&mut said, lock[10], &[]);
    // Whether place and time of the seal are told again is free.
    said["position"] = any();
    said["time"] = any();
    said["may"] = json!([{"name": "custom", "code": any()}]);
    said
}

/// A percentage, or one of the marks of charging. Above 100 and no mark: unknown.
fn battery(said: &mut Value, value: u8, charging: &[u8]) {
    if charging.contains(&value) {
        said["charging"] = json!(true);
    } else if value <= 100 {
        said["battery_pct"] = json!(value);
        // Not charging is implied at most.
        said["charging"] = one_of([json!(false), Value::Null]);
    } else {
        said["charging"] = any();
    }
}

/// 0x0704: count 2, type 1, then length 2 and a report each. 0x0210: length 1 and a report each, or a body of seven
/// bytes: battery and time.
fn batch(head: &Head<'_>, body: &[u8]) -> Vec<Value> {
    let mut said = Vec::new();
    if head.message == 0x0210 && body.len() == 7 {
        let time = when_yymmdd(&body[1..7]);
        let mut one = head.said("other");
        one["kind"] = one_of([json!("other"), json!("position"), json!("heartbeat")]);
        one["time"] = time.value();
        battery(&mut one, body[0], &[0xff]);
        return vec![one];
    }
    let width = if head.message == 0x0704 { 2 } else { 1 };
    let mut rest = if head.message == 0x0704 { &body[3..] } else { body };
    while !rest.is_empty() {
        let length = number(&rest[..width]) as usize;
        for mut one in report(head, &rest[width..width + length]) {
            one["replayed"] = json!(head.message == 0x0704 && body[2] == 1);
            said.push(one);
        }
        rest = &rest[width + length..];
    }
    answered_once(said)
}

/// §2.3
fn short_report(head: &Head<'_>, body: &[u8]) -> Value {
    // The serial of the answer is one byte; of the server or of the record is not written.
    let reply = if head.wants_answer {
        let with = |serial: u16| {
            seal_frame(
                0x4401,
                &format!("{}{serial:02x}", hex(&head.id)),
                &format!("{:04x}00", head.message),
                Some(3),
            )
        };
        one_of([with(0), with(head.serial)])
    } else {
        Value::Null
    };
    let senseless = || invalid(PROTOCOL, json!(head.device), reply.clone());
    if body.len() < 35 {
        return senseless();
    }
    let time = when_ddmmyy(&body[0..6]);
    let position = packed_position(&body[6..15], body[15], body[16]);
    let items = items(&body[35..]);
    let (Some(mut position), Some(items), true) = (position, items, time != When::Senseless) else {
        return senseless();
    };
    position["satellites"] = json!(body[18]);
    let product = body[30];
    let status = number(&body[31..33]) as u16;
    let alarm = number(&body[33..35]) as u16;
    let mut said = head.said("position");
    said["reply"] = reply;
    said["time"] = time.value();
    said["replayed"] = json!(head.message == 0x5502);
    said["signal"] = signal(body[17]);
    said["odometer_m"] = json!(number(&body[19..23]) * 1000);
    battery(&mut said, body[23], &[0xaa, 0xab]);

    let is = |bit: u16| status >> bit & 1 == 1;
    let mut events = Vec::new();
    let mut may = Vec::new();
    if product == 3 {
        let (motor_open, rope_out) = (Some(is(4)), Some(is(5)));
        said["lock"] = json!(lock(motor_open, rope_out));
        said["parts"] = parts(motor_open, rope_out, Some(is(2)));
        // The levels may be told as events as well.
        if is(1) {
            may.push(json!({"name": "low_battery"}));
        }
        if is(2) {
            may.push(json!({"name": "back_cover_opened"}));
        }
        if is(11) {
            may.push(json!({"name": "report", "why": "bluetooth"}));
        }
    }
    may.push(json!({"name": "custom", "code": any()}));
    let fence = items.iter().find(|(id, _)| *id == 0xfc).map_or(Value::Null, |(_, value)| match value {
        [n] if *n != 0 => json!(n),
        _ => Value::Null,
    });
    for (bit, event) in [
        (0, json!({"name": "overspeed"})),
        (1, json!({"name": "low_battery"})),
        (2, json!({"name": "vibration"})),
        // Deep sleep has no word of its own.
        (3, json!({"name": "custom", "code": any()})),
        (5, json!({"name": "geofence_enter", "fence": fence})),
        (6, json!({"name": "geofence_exit", "fence": fence})),
        (7, json!({"name": "wrong_password_limit"})),
    ] {
        if alarm >> bit & 1 == 1 {
            events.push(event);
        }
    }
    for (id, value) in items {
        match (id, value) {
            (0x02, value @ [_, _]) => position["altitude_m"] = json!(signed16(value)),
            (0x0b, value) => events.extend(lock_event(value)),
            (0x10, [7]) => {
                events.push(json!({"name": "wake", "source": one_of([json!("button"), json!("rope")])}))
            }
            (0x10, [n @ (0 | 1 | 2 | 3 | 5 | 6 | 8 | 10 | 11)]) => {
                events.push(json!({"name": "wake", "source": wake_source(*n)}));
            }
            (0x10, _) => may.push(json!({"name": "wake", "source": "unknown"})),
            _ => {}
        }
    }
    said["position"] = position;
    said["events"] = json!(events);
    said["may"] = json!(may);
    said
}

/// Wake sources of item 0x10.
fn wake_source(n: u8) -> &'static str {
    match n {
        0 => "restart",
        1 => "timer",
        2 => "vibration",
        3 => "back_cover",
        5 => "charging",
        6 => "bluetooth",
        8 => "sms_other",
        10 => "sms_vip",
        11 => "rfid",
        _ => "unknown",
    }
}

/// §2.4: `(ID,1,<serial>,WORD,<index>,…)`
fn text(frame: &[u8]) -> Value {
    let inner = String::from_utf8_lossy(&frame[1..frame.len() - 1]).into_owned();
    let items: Vec<&str> = inner.split(',').collect();
    let mut said = json!({"protocol": PROTOCOL, "device": items[0], "reply": null, "raw": raw(frame, &[])});
    // Both only on a connection that already speaks this family: a heartbeat, and an answer to provisioning.
    if items[1] == "@JT" {
        said["kind"] = json!("heartbeat");
        return said;
    }
    if items[2].starts_with('S') {
        said["kind"] = json!("command_reply");
        said["command"] = json!({"word": items[2], "params": items[3..]});
        return said;
    }
    said["serial"] = json!(items[2].parse::<u32>().unwrap());
    match items[3..] {
        ["BASE", "2", "TIME"] => {
            said["kind"] = json!("time_request");
            said["reply"] = json!(format!("({},{},{},BASE,2,YYYYMMDDhhmmss)", items[0], items[1], items[2]));
        }
        ["ELOCK", "3", _] => {
            said["kind"] = json!("dynamic_password");
            said["raw"] = super::master::raw_without(frame, &items, 5);
            said["command"] = one_of([Value::Null, json!({"word": "ELOCK", "params": ["3", MASK]})]);
        }
        [word, ref params @ ..] => {
            said["kind"] = json!("command_reply");
            said["command"] = json!({"word": word, "params": params});
        }
        [] => unreachable!("four items made it a seal's text"),
    }
    said
}
