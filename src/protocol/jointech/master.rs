//! The master lock's binary position and alarm frame (JT701D manual V1.4, vendor SDK; JT701E covers and wake source
//! 10 from a fleet's integration).

use super::fields::{Flaw, Reader, battery, gsm, is_set, metres, unknown_bits, unknown_code};
use super::reply;
use super::trace::{Bit, Hex, Or, Trace, Word, bit, documented, inferred, unknown};
use crate::domain::details::{Cell, DataType};
use crate::domain::message::{Level, WakeSource};
use crate::domain::{DeviceEvent, Message, MessageKind, PartState, Parts, Protocol, Unknown};
use crate::protocol::HeardFrame;

/// Units older than this may lack the cover switch: an open cover bit says nothing there.
const COVER_VERSION: u8 = 0x17;
/// Locks of another make that speak this protocol: of the extension only fence and IMEI mean what is said.
const FOREIGN_VERSION: u8 = 0x01;
/// "Not there" in the extension's one-byte fields.
const ABSENT: u8 = 0x0F;
/// Header, date to GSM signal, serial.
const SHORTEST: usize = 45;
/// Lengths of the extension between GSM signal and serial.
const SHORT_EXTENSION: usize = 4;
const FULL_EXTENSION: usize = 17;
/// Device type of a rechargeable JT701, the only one that is published.
const RECHARGEABLE: u8 = 1;

/// Status bits Byte1 0–7, then Byte2 0–7, as one word.
mod status {
    pub(super) const CELL_POSITION: u32 = 0;
    pub(super) const ANSWER_WANTED: u32 = 5;
    pub(super) const ROPE_IN: u32 = 6;
    pub(super) const MOTOR_LOCKED: u32 = 7;
    pub(super) const COVER_ALARM: u32 = 12;
    pub(super) const COVER_CLOSED: u32 = 13;
}

/// Every bit of the status word that is published.
const STATUS: [Bit; 15] = [
    bit(status::CELL_POSITION, "position", "found by cell towers, no fix", ""),
    bit(1, "enter fence alarm", "ALARM", ""),
    bit(2, "exit fence alarm", "ALARM", ""),
    bit(3, "rope cut alarm", "ALARM", ""),
    bit(4, "vibration alarm", "ALARM", ""),
    bit(status::ANSWER_WANTED, "answer", "wanted", "not asked for"),
    bit(status::ROPE_IN, "rope", "inserted", "OUT"),
    bit(status::MOTOR_LOCKED, "motor", "locked", "UNLOCKED"),
    bit(8, "unlocked too long alarm", "ALARM", ""),
    bit(9, "wrong password five times alarm", "ALARM", ""),
    bit(10, "illegal card alarm", "ALARM", ""),
    bit(11, "low battery alarm", "ALARM", ""),
    bit(status::COVER_ALARM, "back cover opened alarm", "ALARM", ""),
    bit(status::COVER_CLOSED, "back cover", "closed", "OPEN (units before 0x17 may have no switch)"),
    bit(14, "motor stuck alarm", "ALARM", ""),
];

/// Alarm bits of the status word.
const ALARMS: [(u32, Level); 10] = [
    (1, Level::GeofenceEnter),
    (2, Level::GeofenceExit),
    (3, Level::RopeCut),
    (4, Level::Vibration),
    (8, Level::UnlockedTooLong),
    (9, Level::WrongPasswordLimit),
    (10, Level::IllegalCard),
    (11, Level::LowBattery),
    (status::COVER_ALARM, Level::BackCoverOpened),
    (14, Level::MotorFault),
];

/// Extended status 2: charging, and the two compartment covers of a JT701E.
mod extended2 {
    pub(super) const CHARGING: u32 = 0;
    pub(super) const UPPER_ALARM: u32 = 2;
    pub(super) const UPPER_CLOSED: u32 = 3;
    pub(super) const LOWER_ALARM: u32 = 4;
    pub(super) const LOWER_CLOSED: u32 = 5;
}

const EXTENDED_2: [Bit; 5] = [
    bit(extended2::CHARGING, "charging", "yes", ""),
    bit(extended2::UPPER_ALARM, "upper cover alarm", "ALARM", "").inferred(),
    bit(extended2::UPPER_CLOSED, "upper cover", "closed", "").inferred(),
    bit(extended2::LOWER_ALARM, "lower cover alarm", "ALARM", "").inferred(),
    bit(extended2::LOWER_CLOSED, "lower cover", "closed", "").inferred(),
];

/// Decodes a whole frame (at least 11 bytes, as detected). Senseless content becomes an `invalid` message, answered
/// like a sound one: the framing is right and the device would send it for ever. `raw` is left to the caller, who may
/// yet find that it is no frame.
pub(super) fn decode(frame: &[u8]) -> HeardFrame {
    read(frame, None)
}

/// The same, telling each field.
pub(super) fn read(frame: &[u8], trace: Option<&Trace>) -> HeardFrame {
    let serial = frame.last().copied().map_or(0, u32::from);
    let (content, _) = frame.split_at(frame.len().saturating_sub(1));
    let (mut message, asked) = read_content(content, trace);
    message.serial = Some(serial);
    Reader::traced(frame, frame.len(), trace).tell(documented("data serial number", ""), serial);
    let version = message.version.unwrap_or(0);
    HeardFrame {
        protocol: Protocol::JointechMaster,
        raw: vec![],
        messages: vec![message],
        answers: reply::binary(version, serial, asked),
        password: None,
        sound: true,
        aside: Default::default(),
    }
}

/// All but the serial, which is the last byte of a frame that is whole; also whether an answer is asked for.
pub(super) fn read_content(content: &[u8], trace: Option<&Trace>) -> (Message, bool) {
    let mut message = Message::new(Protocol::JointechMaster, MessageKind::Position);
    message.device = content.get(1..6).map(hex::encode);
    message.version = content.get(6).copied();
    let mut asked = false;
    let reader = Reader::traced(content, 0, trace);
    if let Err(flaw) = fields(content, reader.clone(), &mut message, &mut asked) {
        reader.fail(&flaw);
        message = Message {
            device: message.device,
            version: message.version,
            error: Some(flaw.to_string()),
            ..Message::new(Protocol::JointechMaster, MessageKind::Invalid)
        };
    }
    (message, asked)
}

fn fields(
    content: &[u8],
    mut reader: Reader<'_>,
    message: &mut Message,
    asked: &mut bool,
) -> Result<(), Flaw> {
    header(&mut reader, message)?;
    // The status is read first: whether an answer is wanted does not depend on a sensible place.
    let word = u32::from(Reader::new(content, 36).u16()?);
    *asked = is_set(word, status::ANSWER_WANTED);
    if content.len() < SHORTEST.saturating_sub(1) {
        return Err(Flaw { at: content.len().saturating_add(1), what: "ends here, too short" });
    }
    let version = message.version.unwrap_or(0);

    message.time = reader.time_dmy(documented("date and time", "UTC"))?;
    let mut position = reader.place()?;
    reader.motion(&mut position)?;
    let mileage = reader.u32()?;
    reader.tell(documented("mileage", "km"), mileage);
    message.odometer_m = Some(metres(mileage));
    let satellites = reader.u8()?;
    reader.tell(documented("satellites", ""), satellites);
    position.satellites = Some(satellites);
    // A place from cell towers is no fix, whatever the indicator says.
    position.fix &= !is_set(word, status::CELL_POSITION);
    message.position = Some(position);
    message.details.vehicle_card = super::lock_event::card(reader.u32()?);
    reader.tell(documented("vehicle card", ""), Or(message.details.vehicle_card.as_deref(), "none"));
    reader.u16()?; // status, read above
    reader.word(documented("status", ""), "status bit", word, &STATUS, message);
    battery(&mut reader, message)?;
    let cell = reader.u16()?;
    reader.tell(documented("cell ID, low half", ""), cell);
    let lac = reader.u16()?;
    reader.tell(documented("LAC", ""), lac);
    if (cell, lac) != (0, 0) {
        message.details.cell = Some(Cell { lac: Some(lac), id: Some(cell.into()), ..Cell::default() });
    }
    let signal = reader.u8()?;
    message.signal = gsm(signal);
    reader.tell(documented("GSM signal", ""), Or(message.signal, "none"));
    message.details.cell_position = Some(is_set(word, status::CELL_POSITION));
    message.details.answer_wanted = Some(*asked);
    parts(word, version, message);
    match (reader.left(), version) {
        (0, _) => {}
        (SHORT_EXTENSION, _) => short_extension(&mut reader, message)?,
        (FULL_EXTENSION, FOREIGN_VERSION) => foreign_extension(&mut reader, message)?,
        (FULL_EXTENSION, _) => full_extension(&mut reader, cell, message)?,
        (n, _) => reader.rest(&format!("extension of {n} bytes"), message),
    }
    alarms(word, message.details.fence, message);
    Ok(())
}

/// `$`, ID, version, device type and data type, length.
fn header(reader: &mut Reader<'_>, message: &mut Message) -> Result<(), Flaw> {
    reader.take(1)?;
    reader.tell(documented("start", ""), "$");
    reader.take(5)?;
    reader.tell(documented("terminal ID", ""), Or(message.device.as_deref(), ""));
    let version = reader.u8()?;
    let model = match version {
        0x19 => "0x19 JT701D, JT701E",
        0x17 => "0x17 JT701",
        0x16 => "0x16 older JT701",
        FOREIGN_VERSION => "0x01 another make",
        _ => "",
    };
    if model.is_empty() {
        unknown_code(format_args!("protocol version {version:#04x}"), message);
        reader.tell(unknown("protocol version"), format_args!("{version:#04x}"));
    } else {
        reader.tell(documented("protocol version", ""), model);
    }
    let types = reader.u8()?;
    data_type(types >> 4, types & 0x0F, message);
    reader.tell(
        documented("device type and data type", ""),
        format_args!("{} and {}", types >> 4, types & 0x0F),
    );
    match types >> 4 {
        RECHARGEABLE => reader.part_of(documented("", ""), "device type", "1 rechargeable JT701"),
        other => reader.part_of(unknown(""), "device type", other),
    }
    match message.details.data_type {
        Some(data_type) => reader.part_of(documented("", ""), "data type", Word(data_type)),
        None => reader.part_of(unknown(""), "data type", types & 0x0F),
    }
    let length = reader.u16()?;
    reader.tell(documented("length of what follows", "bytes"), length);
    Ok(())
}

fn data_type(device: u8, code: u8, message: &mut Message) {
    message.details.product = Some(device);
    if device != RECHARGEABLE {
        unknown_code(format_args!("device type {device}"), message);
    }
    message.details.data_type = match code {
        1 => Some(DataType::Live),
        2 => Some(DataType::Alarm),
        3 => Some(DataType::BlindArea),
        4 => Some(DataType::Backlog),
        code => {
            unknown_code(format_args!("data type {code}"), message);
            None
        }
    };
    message.replayed = message.details.data_type == Some(DataType::BlindArea);
}

fn parts(word: u32, version: u8, message: &mut Message) {
    let cover = match (is_set(word, status::COVER_CLOSED), is_set(word, status::COVER_ALARM)) {
        (true, _) => Some(PartState::Closed),
        (false, true) => Some(PartState::Open),
        (false, false) => (version >= COVER_VERSION).then_some(PartState::Open),
    };
    message.parts = Parts {
        motor: Some(PartState::open_if(!is_set(word, status::MOTOR_LOCKED))),
        rope: Some(PartState::open_if(!is_set(word, status::ROPE_IN))),
        cover,
    };
    message.lock = Some(message.parts.lock());
}

fn alarms(word: u32, fence: Option<u8>, message: &mut Message) {
    let mut events = Vec::new();
    for (bit, level) in ALARMS {
        let holds = is_set(word, bit);
        message.levels.report(level, holds);
        if holds {
            events.extend(super::level_event(level, fence));
        }
    }
    message.events.splice(0..0, events);
}

fn fence(reader: &mut Reader<'_>, message: &mut Message) -> Result<(), Flaw> {
    message.details.fence = Some(reader.u8()?).filter(|fence| *fence != 0);
    reader.tell(documented("fence", ""), Or(message.details.fence, "none"));
    Ok(())
}

/// Fence, three reserved bytes (00 or 0F so far).
fn short_extension(reader: &mut Reader<'_>, message: &mut Message) -> Result<(), Flaw> {
    fence(reader, message)?;
    let reserved = reader.take(3)?;
    reader.tell(documented("reserved", ""), Hex(reserved));
    if reserved.iter().any(|byte| !matches!(*byte, 0 | ABSENT)) {
        message.unknown.push(Unknown { what: "reserved bytes".to_owned(), value: hex::encode(reserved) });
    }
    Ok(())
}

/// Fence · extended status 1 · MNC high · extended status 2 · IMEI · cell high · MCC · MNC low.
fn full_extension(reader: &mut Reader<'_>, cell_low: u16, message: &mut Message) -> Result<(), Flaw> {
    fence(reader, message)?;
    let first = reader.u8()?;
    let source = wake_source(first & 0x0F);
    reader.tell(
        documented("extended status 1: wake source", ""),
        format_args!("{} {}", first & 0x0F, Word(source)),
    );
    message.events.push(DeviceEvent::Wake { source });
    if source == WakeSource::Unknown {
        unknown_code(format_args!("wake source {}", first & 0x0F), message);
    }
    unknown_bits("extended status 1 bit", u32::from(first & 0xF0), message);
    let mnc_high = reader.u8()?;
    reader.tell(documented("MNC, high byte", ""), Or(Some(mnc_high).filter(|b| *b != ABSENT), "absent"));
    extended_status_2(reader, message)?;
    imei(reader, false, message)?;
    let cell_high = reader.u16()?;
    reader.tell(documented("cell ID, high half", ""), cell_high);
    let mcc = reader.u16()?;
    reader.tell(documented("MCC", ""), mcc);
    let mnc_low = reader.u8()?;
    reader.tell(documented("MNC, low byte", ""), mnc_low);
    if mcc != 0 || cell_high != 0 || message.details.cell.is_some() {
        let cell = message.details.cell.get_or_insert_default();
        cell.id = Some(u32::from(cell_high) << 16 | u32::from(cell_low));
        if mcc != 0 {
            let high = if mnc_high == ABSENT { 0 } else { mnc_high };
            cell.mcc = Some(mcc);
            cell.mnc = Some(u16::from(high) << 8 | u16::from(mnc_low));
        }
    }
    Ok(())
}

/// Of locks of another make: fence, three bytes, IMEI, five bytes.
fn foreign_extension(reader: &mut Reader<'_>, message: &mut Message) -> Result<(), Flaw> {
    fence(reader, message)?;
    reader.part(3)?.rest("extension before the IMEI", message);
    imei(reader, true, message)?;
    reader.rest("extension after the IMEI", message);
    Ok(())
}

fn extended_status_2(reader: &mut Reader<'_>, message: &mut Message) -> Result<(), Flaw> {
    let second = reader.u8()?;
    if second == ABSENT {
        reader.tell(documented("extended status 2", ""), "absent");
        return Ok(());
    }
    let word = u32::from(second);
    reader.word(documented("extended status 2", ""), "extended status 2 bit", word, &EXTENDED_2, message);
    if is_set(word, extended2::CHARGING) {
        message.charging = Some(true);
    }
    // A lock without these covers sends neither bit.
    let cover = |closed, alarm| match (is_set(word, closed), is_set(word, alarm)) {
        (true, _) => Some(PartState::Closed),
        (false, true) => Some(PartState::Open),
        (false, false) => None,
    };
    message.details.upper_cover = cover(extended2::UPPER_CLOSED, extended2::UPPER_ALARM);
    message.details.lower_cover = cover(extended2::LOWER_CLOSED, extended2::LOWER_ALARM);
    for (bit, code) in
        [(extended2::UPPER_ALARM, "upper cover alarm"), (extended2::LOWER_ALARM, "lower cover alarm")]
    {
        if is_set(word, bit) {
            message.events.push(DeviceEvent::Custom { code: code.to_owned() });
        }
    }
    Ok(())
}

/// Fifteen digits and a filler F, or (another make) a leading 0 and fifteen digits; all 0F is none.
fn imei(reader: &mut Reader<'_>, is_foreign: bool, message: &mut Message) -> Result<(), Flaw> {
    let bytes = reader.take(8)?;
    if let [first, rest @ ..] = bytes
        && matches!(*first, ABSENT | 0 | 0xFF)
        && rest.iter().all(|byte| byte == first)
    {
        reader.tell(documented("IMEI", ""), "absent");
        return Ok(());
    }
    let text = hex::encode(bytes);
    let digits = if is_foreign { text.strip_prefix('0') } else { text.strip_suffix('f') };
    message.details.imei = digits.filter(|d| d.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned);
    match &message.details.imei {
        Some(imei) => reader.tell(documented("IMEI", ""), imei),
        None => {
            reader.tell(inferred("IMEI", "").wrong(), "not fifteen digits");
            message.unknown.push(Unknown { what: "IMEI field".to_owned(), value: text });
        }
    }
    Ok(())
}

/// Documented 0–9; 10 from a fleet's integration.
pub(super) fn wake_source(code: u8) -> WakeSource {
    match code {
        0 => WakeSource::Restart,
        1 => WakeSource::Timer,
        2 => WakeSource::Vibration,
        3 => WakeSource::BackCover,
        4 => WakeSource::Rope,
        5 => WakeSource::Charging,
        6 => WakeSource::Rfid,
        7 => WakeSource::Lora,
        8 => WakeSource::SmsVip,
        9 => WakeSource::SmsOther,
        10 => WakeSource::Bluetooth,
        _ => WakeSource::Unknown,
    }
}
