//! Legacy trackers (JT600 and kin): the short binary header and `U`/`W` texts (Traccar's decoder and captures).

use super::fields::{
    Flaw, Reader, decimal, gsm, metres, percent, text_place, text_speed, unknown_bits, unknown_code, whole,
};
use super::items::{Items, Walk};
use super::secrets::shown_text;
use super::trace::{Or, Trace, Word, documented, inferred, unknown};
use crate::domain::details::{Cell, DataType};
use crate::domain::{DeviceEvent, Message, MessageKind, Position, Protocol, Unknown, text};
use crate::protocol::HeardFrame;
use crate::protocol::heard::{Answer, When};

/// Bytes of a record, whatever its version.
const RECORD: usize = 27;

/// Decodes a whole frame with the short header. Senseless content becomes one `invalid` message. `raw` is left to the
/// caller.
pub(super) fn binary(frame: &[u8]) -> HeardFrame {
    read(frame, None)
}

/// The same, telling each field.
pub(super) fn read(frame: &[u8], trace: Option<&Trace>) -> HeardFrame {
    let (content, _) = frame.split_at(frame.len().saturating_sub(1));
    let index = frame.last().copied().map(u32::from);
    let mut messages = read_content(content, trace);
    for message in &mut messages {
        message.serial = index;
    }
    Reader::traced(frame, frame.len(), trace).tell(documented("index", ""), Or(index, ""));
    HeardFrame {
        protocol: Protocol::JointechLegacy,
        raw: vec![],
        messages,
        answers: vec![],
        password: None,
        sound: true,
        aside: Default::default(),
    }
}

/// All but the index, which is the last byte of a frame that is whole.
pub(super) fn read_content(content: &[u8], trace: Option<&Trace>) -> Vec<Message> {
    let mut blank = Message::new(Protocol::JointechLegacy, MessageKind::Position);
    blank.device = content.get(1..6).map(hex::encode);
    let reader = Reader::traced(content, 0, trace);
    records(reader.clone(), &mut blank).unwrap_or_else(|flaw| {
        reader.fail(&flaw);
        let invalid = Message::new(Protocol::JointechLegacy, MessageKind::Invalid);
        vec![Message {
            device: blank.device,
            replayed: blank.replayed,
            error: Some(flaw.to_string()),
            ..invalid
        }]
    })
}

fn records(mut reader: Reader<'_>, blank: &mut Message) -> Result<Vec<Message>, Flaw> {
    reader.take(1)?;
    reader.tell(documented("start", ""), "$");
    reader.take(5)?;
    reader.tell(documented("terminal ID", ""), Or(blank.device.as_deref(), ""));
    let kind = reader.u8()?;
    let (version, code) = (kind >> 4, kind & 0x0F);
    reader.tell(documented("version and data type", ""), format_args!("{version} and {code}"));
    // The codes are those of the master lock (inferred).
    blank.details.data_type = match code {
        1 => Some(DataType::Live),
        2 => Some(DataType::Alarm),
        3 => Some(DataType::BlindArea),
        4 => Some(DataType::Backlog),
        _ => None,
    };
    match blank.details.data_type {
        Some(data_type) => reader.part_of(inferred("", ""), "data type", Word(data_type)),
        None => unknown_code(format_args!("data type {code}"), blank),
    }
    blank.replayed = blank.details.data_type == Some(DataType::BlindArea);
    let length = reader.u16()?;
    reader.tell(documented("length of what follows", "bytes"), length);
    let mut messages = vec![];
    while reader.left() > 0 {
        messages.push(record(reader.part(RECORD)?, version, blank)?);
    }
    if messages.is_empty() { reader.flaw("no record") } else { Ok(messages) }
}

fn record(mut reader: Reader<'_>, version: u8, blank: &Message) -> Result<Message, Flaw> {
    let mut message = blank.clone();
    message.time = reader.time_dmy(documented("date and time", "UTC"))?;
    let mut position = reader.place()?;
    reader.motion(&mut position)?;
    match version {
        1 => first_tail(&mut reader, &mut position, &mut message)?,
        2 => second_tail(&mut reader, &mut message)?,
        3 => third_tail(&mut reader, &mut message)?,
        version => reader.rest(&format!("record of version {version}"), &mut message),
    }
    message.position = Some(position);
    Ok(message)
}

/// Satellites, power in an unknown unit, flags, altitude, cell, LAC, signal.
fn first_tail(reader: &mut Reader<'_>, position: &mut Position, message: &mut Message) -> Result<(), Flaw> {
    let satellites = reader.u8()?;
    reader.tell(documented("satellites", ""), satellites);
    position.satellites = Some(satellites);
    let power = reader.u8()?;
    reader.tell(documented("power, raw", ""), power);
    message.details.power = Some(power);
    let flags = reader.u8()?;
    reader.word(documented("flags", ""), "flag", flags.into(), &[], message);
    message.details.flags = Some(flags);
    let altitude = reader.u16()?;
    reader.tell(documented("altitude", "m"), altitude);
    position.altitude_m = Some(altitude.into());
    let cell = reader.u16()?;
    reader.tell(documented("cell ID", ""), cell);
    let lac = reader.u16()?;
    reader.tell(documented("LAC", ""), lac);
    set_cell(cell.into(), lac, message);
    message.signal = gsm(reader.u8()?);
    reader.tell(documented("GSM signal", ""), Or(message.signal, "none"));
    Ok(())
}

/// Fuel high, status, mileage, fuel low.
fn second_tail(reader: &mut Reader<'_>, message: &mut Message) -> Result<(), Flaw> {
    let high = reader.u8()?;
    reader.tell(documented("fuel, high byte", ""), high);
    let status = reader.u32()?;
    reader.word(documented("status", ""), "status bit", status, &[], message);
    message.details.status_bits = Some(format!("{status:08x}"));
    let mileage = reader.u32()?;
    reader.tell(documented("mileage", "km"), mileage);
    message.odometer_m = Some(metres(mileage));
    let low = reader.u8()?;
    reader.tell(documented("fuel, low byte", ""), low);
    message.details.fuel = vec![u16::from_be_bytes([high, low])];
    Ok(())
}

/// Three fuel values of 12 bits, 20 bits of mileage, 24 bits of status.
fn third_tail(reader: &mut Reader<'_>, message: &mut Message) -> Result<(), Flaw> {
    let fuel = reader.take(3)?;
    let word = reader.u32()?;
    let number = fuel.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)) << 32 | u64::from(word);
    let twelve = |shift: u32| u16::try_from(number >> shift & 0x0FFF).unwrap_or(0);
    message.details.fuel = vec![twelve(44), twelve(32), twelve(20)];
    let mileage = word & 0x000F_FFFF;
    reader.tell(
        documented("fuel values and mileage", ""),
        format_args!("{:?}, {mileage} km", message.details.fuel),
    );
    message.odometer_m = Some(metres(mileage));
    let status = reader.take(3)?.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    reader.word(documented("status", ""), "status bit", status, &[], message);
    message.details.status_bits = Some(format!("{status:06x}"));
    Ok(())
}

fn set_cell(id: u32, lac: u16, message: &mut Message) {
    if (id, lac) != (0, 0) {
        message.details.cell = Some(Cell { lac: Some(lac), id: Some(id), ..Cell::default() });
    }
}

/// `U` and `W` texts that report something, with their answers; `None` for the others.
pub(super) fn text(items: &Items<'_>) -> Option<(Message, Vec<Answer>)> {
    let word = items.text(1);
    let mut message = Message::new(Protocol::JointechLegacy, MessageKind::Position);
    message.device = Some(items.id.to_owned());
    let answer = |text: &str| vec![Answer::text(When::Durable, text)];
    let mut walk = items.walk(2);
    let tell_word = |name: &str| {
        let mut walk = items.walk(1);
        walk.take();
        walk.tell(documented("word", ""), format_args!("{word} {name}"));
    };
    let answers = match word {
        "W01" => {
            tell_word("position");
            w01(&mut walk, &mut message);
            vec![]
        }
        "U01" | "U02" | "U03" => {
            tell_word("report");
            status(&mut walk, false, &mut message);
            answer("(S39)")
        }
        "U06" => {
            tell_word("alarm");
            let code = walk.take();
            custom("U06 alarm", code, &walk, &mut message);
            status(&mut walk, true, &mut message);
            answer("(S20)")
        }
        _ if word.starts_with('U') => {
            message.kind = MessageKind::Other;
            if word == "U09" {
                tell_word("trip");
                message.details.message = Some("trip".to_owned());
            } else {
                tell_word("");
            }
            let value = shown_text(&items.from(2).join(&b','));
            message.unknown.push(Unknown { what: format!("word {word}"), value });
            while walk.left() > 0 {
                walk.named(unknown("item"));
            }
            vec![]
        }
        _ => return None,
    };
    rest(&mut walk, word, &mut message);
    if message.kind == MessageKind::Position && message.position.is_none() {
        message = placeless(items, &walk, message);
    }
    Some((message, answers))
}

/// A report whose place cannot be read: with a time it still tells what happened, without it is none.
fn placeless(items: &Items<'_>, walk: &Walk<'_>, mut message: Message) -> Message {
    let error = format!("byte {}: no place in this report", items.id.len().saturating_add(6));
    walk.verdict(&error);
    if message.time.is_some() || !message.events.is_empty() {
        message.unknown.push(Unknown { what: "place that is none".to_owned(), value: String::new() });
        return message;
    }
    let blank = Message::new(message.protocol, MessageKind::Invalid);
    Message { device: message.device, serial: message.serial, error: Some(error), ..blank }
}

/// Items behind those that are known.
fn rest(walk: &mut Walk<'_>, word: &str, message: &mut Message) {
    let mut number = 1_u8;
    while walk.left() > 0 {
        let value = walk.named(unknown("further item"));
        message.unknown.push(Unknown {
            what: format!("{word} further item {number}"),
            value: shown_text(value.as_bytes()),
        });
        number = number.saturating_add(1);
    }
}

/// A code whose meanings are not published: an event as it stands.
fn custom(what: &str, code: &str, walk: &Walk<'_>, message: &mut Message) {
    if code == "0" || code.is_empty() {
        walk.tell(documented("alarm code", ""), "none");
        return;
    }
    walk.tell(unknown("alarm code"), code);
    message.events.push(DeviceEvent::Custom { code: text::clean(&format!("{what} {code}")) });
    if code.len() <= 3 {
        unknown_code(text::clean(&format!("{what} {code}")), message);
    } else {
        message.unknown.push(Unknown { what: what.to_owned(), value: shown_text(code.as_bytes()) });
    }
}

/// Date, time, T/F, lat, N/S, lon, E/W, speed, course, satellites, battery, status bits, cell, LAC, GSM, odometer
/// km, serial; decimal degrees, km/h. Then a checksum, or (U06) three numbers.
fn status(walk: &mut Walk<'_>, is_alarm: bool, message: &mut Message) {
    message.time = walk.date_and_time();
    let fix = walk.fix("T");
    let (lat, after_lat) = ((walk.take(), walk.take()), walk.clone());
    let lon = (walk.take(), walk.take());
    let place = text_place(lat, lon);
    tell_place(&after_lat, walk, place, ["latitude", "longitude"]);
    let motion = motion(walk);
    let satellites = whole(walk.named(documented("satellites", "")));
    message.position = place.map(|(lat, lon)| Position { lat, lon, fix, satellites, ..motion });
    let battery = walk.take().strip_suffix('%').and_then(whole).and_then(percent);
    message.battery_pct = battery;
    walk.tell(documented("battery", "%"), Or(battery, "none"));
    status_text(walk, message);
    let (cell, lac) = (walk.named(documented("cell ID", "")), walk.named(documented("LAC", "")));
    if let (Some(cell), Some(lac)) = (whole(cell), whole(lac)) {
        set_cell(cell, lac, message);
    }
    message.signal = whole(walk.named(documented("GSM signal", ""))).and_then(gsm);
    message.odometer_m = whole(walk.named(documented("odometer", "km"))).map(metres);
    message.serial = whole(walk.named(documented("serial", "")));
    if !is_alarm && walk.left() > 0 {
        walk.named(documented("checksum, not verified", ""));
    }
}

/// Bits as a text of 0 and 1, the lowest last; what they mean is not published.
fn status_text(walk: &mut Walk<'_>, message: &mut Message) {
    let bits = walk.take();
    let is_bits = !bits.is_empty() && bits.len() <= 32 && bits.bytes().all(|b| matches!(b, b'0' | b'1'));
    walk.tell(documented("status bits", "").wrong_unless(is_bits), bits);
    match u32::from_str_radix(bits, 2) {
        Ok(word) if is_bits => {
            for bit in super::fields::bits(word) {
                walk.part_of(unknown(""), format_args!("bit {bit}"), "set, meaning not known");
            }
            unknown_bits("status bit", word, message);
            message.details.status_bits = Some(bits.to_owned());
        }
        _ if bits.is_empty() => {}
        _ => {
            let value = shown_text(bits.as_bytes());
            message.unknown.push(Unknown { what: "status bits".to_owned(), value });
        }
    }
}

/// lon, E/W, lat, N/S, A/V, date, time, speed, course, power, GPS, GSM, alert; degrees and minutes.
fn w01(walk: &mut Walk<'_>, message: &mut Message) {
    let (lon, after_lon) = ((walk.take(), walk.take()), walk.clone());
    let lat = (walk.take(), walk.take());
    let place = text_place(lat, lon);
    tell_place(&after_lon, walk, place.map(|(lat, lon)| (lon, lat)), ["longitude", "latitude"]);
    let fix = walk.fix("A");
    message.time = walk.date_and_time();
    let motion = motion(walk);
    message.battery_pct = whole(walk.named(documented("power", "%"))).and_then(percent);
    let satellites = whole(walk.named(documented("satellites", "")));
    message.position = place.map(|(lat, lon)| Position { lat, lon, fix, satellites, ..motion });
    message.signal = whole(walk.named(documented("GSM signal", ""))).and_then(gsm);
    let alert = walk.take();
    custom("W01 alert", alert, walk, message);
}

fn tell_place(first: &Walk<'_>, second: &Walk<'_>, place: Option<(f64, f64)>, names: [&'static str; 2]) {
    let name = |n: &'static str| documented(n, "°").wrong_unless(place.is_some());
    first.tell(name(names[0]), Or(place.map(|p| p.0), "no place"));
    second.tell(name(names[1]), Or(place.map(|p| p.1), "no place"));
}

fn motion(walk: &mut Walk<'_>) -> Position {
    let speed = walk.named(documented("speed", "km/h"));
    let course = walk.named(documented("course", "°"));
    Position {
        speed_kmh: text_speed(speed),
        heading_deg: decimal(course).filter(|degrees| (0.0..=360.0).contains(degrees)),
        ..Position::default()
    }
}
