//! Legacy trackers (JT600 and kin): the short binary header and `U`/`W` texts (Traccar's decoder and captures).

use super::fields::{Flaw, Reader, decimal, gsm, metres, percent, text_place, text_speed, text_time, whole};
use crate::domain::{DeviceEvent, Message, MessageKind, Position, Protocol, text};
use crate::protocol::HeardFrame;
use crate::protocol::heard::{Answer, When};

/// Bytes of a record, whatever its version.
const RECORD: usize = 27;
const HEADER: usize = 9;
const BLIND_AREA: u8 = 3;

/// Decodes a whole frame with the short header. Senseless content becomes one `invalid` message. `raw` is left to the
/// caller.
pub(super) fn binary(frame: &[u8]) -> HeardFrame {
    let mut blank = Message::new(Protocol::JointechLegacy, MessageKind::Position);
    blank.device = frame.get(1..6).map(hex::encode);
    blank.serial = frame.last().copied().map(u32::from);
    let kind = frame.get(6).copied().unwrap_or(0);
    blank.replayed = kind & 0x0F == BLIND_AREA;
    let messages = records(frame, kind >> 4, &blank).unwrap_or_else(|flaw| {
        vec![Message { kind: MessageKind::Invalid, error: Some(flaw.to_string()), ..blank }]
    });
    HeardFrame {
        protocol: Protocol::JointechLegacy,
        raw: vec![],
        messages,
        answers: vec![],
        password: None,
        sound: true,
    }
}

fn records(frame: &[u8], version: u8, blank: &Message) -> Result<Vec<Message>, Flaw> {
    let end = frame.len().saturating_sub(1);
    let content = frame.get(..end).unwrap_or_default();
    let mut reader = Reader::new(content, HEADER);
    let mut messages = vec![];
    while reader.left() > 0 {
        messages.push(record(reader.part(RECORD)?, version, blank)?);
    }
    if messages.is_empty() { reader.flaw("no record") } else { Ok(messages) }
}

fn record(mut reader: Reader<'_>, version: u8, blank: &Message) -> Result<Message, Flaw> {
    let mut message = blank.clone();
    message.time = reader.time_dmy()?;
    let mut position = reader.place()?;
    reader.motion(&mut position)?;
    match version {
        1 => {
            position.satellites = Some(reader.u8()?);
            reader.take(2)?; // power in an unknown unit, flags
            position.altitude_m = Some(reader.u16()?.into());
            reader.take(4)?; // cell, LAC
            message.signal = gsm(reader.u8()?);
        }
        2 => {
            reader.take(5)?; // fuel, status
            message.odometer_m = Some(metres(reader.u32()?));
        }
        3 => {
            // Three fuel values of 12 bits, then 20 bits of mileage.
            reader.take(3)?;
            message.odometer_m = Some(metres(reader.u32()? & 0x000F_FFFF));
        }
        // The rest of a record we do not know stays in raw.
        _ => {}
    }
    message.position = Some(position);
    Ok(message)
}

/// `U` and `W` texts that report something, with their answers; `None` for the others.
pub(super) fn text(device: &str, items: &[&str]) -> Option<(Message, Vec<Answer>)> {
    let word = items.get(1).copied()?;
    let mut message = Message::new(Protocol::JointechLegacy, MessageKind::Position);
    message.device = Some(device.to_owned());
    let answer = |text: &str| vec![Answer::text(When::Durable, text)];
    let rest = items.get(2..).unwrap_or_default();
    let answers = match word {
        "W01" => {
            w01(rest, &mut message);
            vec![]
        }
        "U01" | "U02" | "U03" => {
            status(rest, &mut message);
            answer("(S39)")
        }
        "U06" => {
            custom("U06 alarm", rest.first().copied(), &mut message);
            status(rest.get(1..).unwrap_or_default(), &mut message);
            answer("(S20)")
        }
        _ if word.starts_with('U') => {
            message.kind = MessageKind::Other;
            vec![]
        }
        _ => return None,
    };
    if message.kind == MessageKind::Position && message.position.is_none() {
        message.kind = MessageKind::Invalid;
        message.error = Some(format!("byte {}: no place in this report", device.len().saturating_add(6)));
    }
    Some((message, answers))
}

fn custom(what: &str, code: Option<&str>, message: &mut Message) {
    if let Some(code) = code.filter(|code| *code != "0" && !code.is_empty()) {
        message.events.push(DeviceEvent::Custom { code: text::clean(&format!("{what} {code}")) });
    }
}

/// Date, time, T/F, lat, N/S, lon, E/W, speed, course, satellites, battery, status bits, cell, LAC, GSM, odometer
/// km, serial; decimal degrees, km/h.
fn status(items: &[&str], message: &mut Message) {
    let item = |n: usize| items.get(n).copied().unwrap_or_default();
    message.time = text_time(item(0), item(1));
    message.position = text_place((item(3), item(4)), (item(5), item(6))).map(|(lat, lon)| Position {
        lat,
        lon,
        fix: item(2) == "T",
        satellites: whole(item(9)),
        ..motion(item(7), item(8))
    });
    message.battery_pct = item(10).strip_suffix('%').and_then(whole).and_then(percent);
    message.signal = whole(item(14)).and_then(gsm);
    message.odometer_m = whole(item(15)).map(metres);
    message.serial = whole(item(16));
}

/// lon, E/W, lat, N/S, A/V, date, time, speed, course, power, GPS, GSM, alert; degrees and minutes.
fn w01(items: &[&str], message: &mut Message) {
    let item = |n: usize| items.get(n).copied().unwrap_or_default();
    message.time = text_time(item(5), item(6));
    message.position = text_place((item(2), item(3)), (item(0), item(1))).map(|(lat, lon)| Position {
        lat,
        lon,
        fix: item(4) == "A",
        satellites: whole(item(10)),
        ..motion(item(7), item(8))
    });
    message.battery_pct = whole(item(9)).and_then(percent);
    message.signal = whole(item(11)).and_then(gsm);
    custom("W01 alert", items.get(12).copied(), message);
}

fn motion(speed: &str, course: &str) -> Position {
    Position {
        speed_kmh: text_speed(speed),
        heading_deg: decimal(course).filter(|degrees| (0.0..=360.0).contains(degrees)),
        ..Position::default()
    }
}
