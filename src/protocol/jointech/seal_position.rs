//! The position report 0x0200 of the seal family and its items (vendor's SDK, Traccar's captures).

use super::fields::{
    Flaw, Reader, battery, bits, gsm, is_set, metres, percent, round1, signed, unknown_code,
};
use super::lock_event;
use super::master::wake_source;
use super::seal::Secrets;
use super::trace::{Bit, Hex, Or, Word, bit, captured, documented, inferred, unknown};
use crate::domain::details::Cell;
use crate::domain::message::{Level, SubDevice, WakeSource};
use crate::domain::{DeviceEvent, Message, MessageKind, PartState, Parts, Position, Protocol};

/// Alarm bits of 0x0200.
const ALARMS: [(u32, Level); 5] = [
    (1, Level::Overspeed),
    (7, Level::LowBattery),
    (16, Level::BackCoverOpened),
    (17, Level::GeofenceEnter),
    (18, Level::GeofenceExit),
];

const ALARM_BITS: [Bit; 5] = [
    bit(1, "overspeed alarm", "ALARM", ""),
    bit(7, "low battery alarm", "ALARM", ""),
    bit(16, "back cover opened alarm", "ALARM", ""),
    bit(17, "enter fence alarm", "ALARM", ""),
    bit(18, "exit fence alarm", "ALARM", ""),
];

/// Status bits of 0x0200; those from 18 on mean this only on Jointech's devices.
mod status {
    pub(super) const FIX: u32 = 1;
    pub(super) const SOUTH: u32 = 2;
    pub(super) const WEST: u32 = 3;
    pub(super) const CELL_POSITION: u32 = 6;
    pub(super) const COVER_OPEN: u32 = 7;
    pub(super) const GNSS: u32 = 18;
    pub(super) const ROPE_OUT: u32 = 20;
    pub(super) const MOTOR_UNLOCKED: u32 = 21;
    /// First of the four bits of the wake source.
    pub(super) const WAKE: u32 = 24;
}

const STATUS: [Bit; 13] = [
    bit(status::FIX, "fix", "yes", "no"),
    bit(status::SOUTH, "latitude", "south", "north"),
    bit(status::WEST, "longitude", "west", "east"),
    bit(status::CELL_POSITION, "position", "found by cell towers or Wi-Fi", ""),
    bit(status::COVER_OPEN, "back cover", "OPEN", "closed").inferred(),
    bit(status::GNSS, "GNSS position", "yes", "no"),
    bit(19, "", "ignored", ""),
    bit(status::ROPE_OUT, "rope", "OUT", "inserted"),
    bit(status::MOTOR_UNLOCKED, "motor", "UNLOCKED", "locked"),
    bit(status::WAKE, "wake source", "", ""),
    bit(25, "wake source", "", ""),
    bit(26, "wake source", "", ""),
    bit(27, "wake source", "", ""),
];

/// The body: 28 bytes, then type-length-value items. First the seal's own message, then one for each lock attached to
/// it.
pub(super) fn report(
    mut reader: Reader<'_>,
    blank: &Message,
    secrets: &mut Secrets,
) -> Result<Vec<Message>, Flaw> {
    let mut message = blank.clone();
    let alarm = reader.u32()?;
    reader.word(documented("alarm", ""), "alarm bit", alarm, &ALARM_BITS, &mut message);
    let word = reader.u32()?;
    reader.word(documented("status", ""), "status bit", word, &STATUS, &mut message);
    let wake = u8::try_from(word >> status::WAKE & 0x0F).unwrap_or(0);
    let source = report_wake(wake);
    if source == WakeSource::Unknown {
        reader.part_of(unknown(""), "bits 24-27 wake source", wake);
        unknown_code(format_args!("wake source {wake}"), &mut message);
    } else {
        reader.part_of(inferred("", ""), "bits 24-27 wake source", format_args!("{wake} {}", Word(source)));
    }
    place(&mut reader, word, &mut message)?;
    message.time = reader.time_ymd()?;
    message.details.cell_position = Some(is_set(word, status::CELL_POSITION));
    message.parts = Parts {
        motor: Some(PartState::open_if(is_set(word, status::MOTOR_UNLOCKED))),
        rope: Some(PartState::open_if(is_set(word, status::ROPE_OUT))),
        // 1 = open: inferred from the other parts and a captured frame.
        cover: Some(PartState::open_if(is_set(word, status::COVER_OPEN))),
    };
    message.lock = Some(message.parts.lock());
    alarms(alarm, &mut message);
    message.events.push(DeviceEvent::Wake { source });
    let mut attached = vec![];
    items(reader, &mut message, &mut attached, secrets)?;
    let mut messages = vec![message];
    messages.append(&mut attached);
    Ok(messages)
}

/// Latitude, longitude, altitude, speed, heading.
fn place(reader: &mut Reader<'_>, word: u32, message: &mut Message) -> Result<(), Flaw> {
    let at = reader.at();
    let (mut after_lat, lat, lon) = (reader.clone(), reader.u32()?, reader.u32()?);
    if lat > 90_000_000 || lon > 180_000_000 {
        return Err(Flaw { at, what: "no such place" });
    }
    let (lat, lon) = (
        signed(f64::from(lat) / 1e6, is_set(word, status::SOUTH)),
        signed(f64::from(lon) / 1e6, is_set(word, status::WEST)),
    );
    after_lat.u32()?;
    after_lat.tell(documented("latitude", "°"), lat);
    reader.tell(documented("longitude", "°"), lon);
    let altitude = reader.i16()?;
    reader.tell(documented("altitude", "m"), altitude);
    let speed = round1(f64::from(reader.u16()?) / 10.0);
    reader.tell(documented("speed", "km/h"), speed);
    let heading = reader.u16()?;
    reader.tell(documented("heading", "°").wrong_unless(heading <= 360), heading);
    message.position = Some(Position {
        lat,
        lon,
        fix: is_set(word, status::FIX) || is_set(word, status::GNSS),
        speed_kmh: Some(speed),
        heading_deg: (heading <= 360).then(|| f64::from(heading)),
        altitude_m: Some(altitude.into()),
        satellites: None,
    });
    Ok(())
}

/// The codes of 0x0200 are published for other models only; those on which they disagree are not named.
fn report_wake(code: u8) -> WakeSource {
    match code {
        6..=8 | 10..=11 => WakeSource::Unknown,
        code => wake_source(code),
    }
}

/// An unknown alarm is an event, too: an operator must hear of it.
fn alarms(word: u32, message: &mut Message) {
    for (bit, level) in ALARMS {
        message.levels.report(level, is_set(word, bit));
    }
    for bit in bits(word) {
        let known = ALARMS.iter().find(|(b, _)| *b == bit);
        let event = known.and_then(|(_, level)| super::level_event(*level, None));
        message
            .events
            .push(event.unwrap_or_else(|| DeviceEvent::Custom { code: format!("alarm bit {bit}") }));
    }
}

/// Items after the fixed part: id, length, value.
fn items(
    mut reader: Reader<'_>,
    message: &mut Message,
    attached: &mut Vec<Message>,
    secrets: &mut Secrets,
) -> Result<(), Flaw> {
    while reader.left() > 0 {
        let (id, mut value) = item(&mut reader)?;
        let length = value.left();
        match (id, length) {
            (0x0B, _) => lock_event::decode(value.clone(), secrets, message),
            (0x0F, 2) => {
                let raw = value.u16()?;
                value.tell(documented("temperature, scale not published", ""), raw);
                message.details.temperature_raw = Some(raw);
            }
            (0x30, 1) => {
                message.signal = gsm(value.u8()?);
                value.tell(documented("GSM signal", ""), Or(message.signal, "none"));
            }
            (0x31, 1) => {
                let satellites = value.u8()?;
                value.tell(documented("satellites", ""), satellites);
                message.position =
                    message.position.map(|place| Position { satellites: Some(satellites), ..place });
            }
            (0xD4, 1) => battery(&mut value, message)?,
            (0xD5, 2) => {
                let volts = f64::from(value.u16()?) / 100.0;
                value.tell(documented("battery voltage", "V"), volts);
                message.voltage_v = Some(volts);
            }
            (0xD5, 3..) if is_list(value.clone()) => attached.append(&mut locks(&mut value, message)?),
            (0xDA, 3) => rope(&mut value, message)?,
            (0xDB, 1..=4) => {
                let bytes = value.take(length)?;
                let sent = bytes.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
                value.tell(documented("records sent", ""), sent);
                message.details.records_sent = Some(sent);
            }
            (0xF8, 2) => {
                let raw = value.u16()?;
                let celsius = (raw != 0xFFFF).then(|| round1(f64::from(raw) / 10.0 - 50.0));
                value.tell(documented("temperature", "°C"), Or(celsius, "none"));
                message.details.temperature_c = celsius;
            }
            (0xF9, 1 | 2) => {
                let bytes = value.take(length)?;
                let version = bytes.iter().fold(0_u16, |sum, byte| sum << 8 | u16::from(*byte));
                value.tell(documented("protocol version", ""), version);
                message.details.firmware = Some(format!("protocol {version}"));
            }
            (0xFD, 9 | 10) => {
                let mcc = value.u16()?;
                let mnc = if length == 10 { value.u16()? } else { value.u8()?.into() };
                let (cell, lac) = (value.u32()?, value.u16()?);
                let cell = Cell { mcc: Some(mcc), mnc: Some(mnc), lac: Some(lac), id: Some(cell) };
                value.tell(documented("cell", ""), Word(cell));
                message.details.cell = Some(cell);
            }
            (0xFE, 4) => {
                let mileage = value.u32()?;
                value.tell(documented("mileage", "km"), mileage);
                message.odometer_m = Some(metres(mileage));
            }
            _ => common_item(id, &mut value, message)?,
        }
        if id != 0x0B {
            value.rest(&format!("bytes after item 0x{id:02X}"), message);
        }
    }
    let fence = message.details.fence;
    name_fence(&mut message.events, fence);
    Ok(())
}

/// Head of an item, and a reader over its value.
pub(super) fn item<'a>(reader: &mut Reader<'a>) -> Result<(u8, Reader<'a>), Flaw> {
    let id = reader.u8()?;
    let length = reader.u8()?;
    if reader.left() >= usize::from(length) {
        reader.tell(documented("item", ""), format_args!("0x{id:02X} of {length} bytes"));
    }
    Ok((id, reader.part(length.into())?))
}

/// Items that all reports share, and those that nobody knows.
pub(super) fn common_item(id: u8, value: &mut Reader<'_>, message: &mut Message) -> Result<(), Flaw> {
    match (id, value.left()) {
        (0xF4, 1) => {
            let generation = value.u8()?;
            value.tell(captured("network generation", ""), generation);
            message.details.network = Some(generation);
        }
        (0xFC, 1) => {
            message.details.fence = Some(value.u8()?).filter(|fence| *fence != 0);
            value.tell(documented("fence", ""), Or(message.details.fence, "none"));
        }
        (_, 0) => unknown_code(format_args!("item 0x{id:02X}"), message),
        _ => value.rest(&format!("item 0x{id:02X}"), message),
    }
    Ok(())
}

/// 0xDA: how often the rope was cut, and a status whose bits the sources read differently.
fn rope(value: &mut Reader<'_>, message: &mut Message) -> Result<(), Flaw> {
    let cuts = value.u16()?;
    value.tell(documented("rope cut, times", ""), cuts);
    let raw = value.u8()?;
    value.tell(documented("rope status, raw", ""), Hex(&[raw]));
    for (bit, reading) in [
        (0, "rope"),
        (1, "motion (JT707 SDK)"),
        (2, "motion (Traccar) or SIM (JT707 SDK)"),
        (3, "cover (Traccar) or wake source (JT707 SDK)"),
    ] {
        if is_set(raw.into(), bit) {
            value.part_of(inferred("", ""), format_args!("bit {bit}"), reading);
        }
    }
    message.details.rope_cuts = Some(cuts);
    message.details.rope_status = Some(raw);
    Ok(())
}

/// Writes the fence into the fence events of the same message.
pub(super) fn name_fence(events: &mut [DeviceEvent], told: Option<u8>) {
    for event in events {
        if let DeviceEvent::GeofenceEnter { fence } | DeviceEvent::GeofenceExit { fence } = event {
            *fence = told;
        }
    }
}

/// Status of an attached lock.
const ATTACHED: [Bit; 1] = [bit(5, "motor", "UNLOCKED", "locked").inferred()];

/// Bytes of one attached lock.
const ATTACHED_LOCK: usize = 13;

/// Whether the count fits the length: otherwise the locks are of another shape, and no bit of theirs may be read.
fn is_list(mut value: Reader<'_>) -> bool {
    value.u8().is_ok_and(|count| usize::from(count).saturating_mul(ATTACHED_LOCK) == value.left())
}

/// 0xD5 of more than two bytes: count, then ID 5, card 5, battery 1, status 2 (bit 5 = unlocked) each (Traccar only).
/// The rope is not told, so a locked motor alone never reads as `locked`.
fn locks(value: &mut Reader<'_>, seal: &Message) -> Result<Vec<Message>, Flaw> {
    let mut messages = vec![];
    let count = value.u8()?;
    value.tell(inferred("attached locks", ""), count);
    for _ in 0..count {
        let id = hex::encode_upper(value.take(5)?);
        value.tell(inferred("lock ID", ""), &id);
        let mut message = Message::new(Protocol::JointechSeal, MessageKind::SubDevice);
        let card = value.take(5)?;
        message.details.card = card.iter().any(|byte| *byte != 0).then(|| hex::encode_upper(card));
        value.tell(inferred("lock's card", ""), Or(message.details.card.as_deref(), "none"));
        let battery = value.u8()?;
        value.tell(inferred("lock's battery", "%").wrong_unless(battery <= 100), battery);
        let word = u32::from(value.u16()?);
        value.word(inferred("lock's status", ""), "status bit", word, &ATTACHED, &mut message);
        message.device.clone_from(&seal.device);
        message.time = seal.time;
        message.replayed = seal.replayed;
        message.position = seal.position;
        message.serial = seal.serial;
        message.battery_pct = percent(battery);
        message.parts.motor = Some(PartState::open_if(is_set(word, 5)));
        message.lock = Some(message.parts.lock());
        message.sub_device = Some(SubDevice { id, ..SubDevice::default() });
        messages.push(message);
    }
    Ok(messages)
}
