//! `WLNET,5`: the report of a sub-lock, valve lock or sensor, forwarded by its master (JT701D manual V1.4, vendor
//! SDK, captures).

use super::fields::{Flaw, Reader, bits, is_set, percent, unknown_code};
use super::lock_event::card;
use super::trace::{Bit, Or, Trace, bit, documented, inferred, unknown};
use crate::domain::message::{Level, LockedBy, OpenedBy, ReportWhy, SubDevice};
use crate::domain::{DeviceEvent, LockState, Message, MessageKind, PartState, Parts, Protocol, ValveState};

const SENSOR: u8 = 1;
const SUB_LOCK: u8 = 4;
/// A JT802 by the newer manual; that its events are those of types 5 and 6 is inferred.
const NEWER_VALVE_LOCK: u8 = 9;

const REPLAYED_EVENT: u32 = 15;
const SIGNAL_LOST_EVENT: u32 = 14;

/// Offset of the sub-device's serial in the payload, the number to acknowledge.
const SERIAL: usize = 30;

/// Event word of type 4 (documented).
const SUB_LOCK_EVENTS: [Bit; 12] = [
    bit(0, "locked", "happened", ""),
    bit(1, "unlocked by Bluetooth", "happened", ""),
    bit(2, "back cover opened", "ALARM", ""),
    bit(3, "unlocked over LoRa", "happened", ""),
    bit(4, "rope cut", "ALARM", ""),
    bit(5, "woken by button", "happened", ""),
    bit(6, "timed report", "happened", ""),
    bit(7, "charging report", "happened", ""),
    bit(8, "rope pulled out", "happened", ""),
    bit(9, "unlocked by RFID card", "happened", ""),
    bit(SIGNAL_LOST_EVENT, "signal lost", "ALARM", ""),
    bit(REPLAYED_EVENT, "replayed", "from memory", "live"),
];

/// Event word of types 5 and 6 (documented) and 9 (inferred).
const VALVE_LOCK_EVENTS: [Bit; 15] = [
    bit(0, "valve closed", "happened", ""),
    bit(1, "valve opened", "happened", ""),
    bit(2, "low battery", "ALARM", ""),
    bit(3, "timed report", "happened", ""),
    bit(4, "anti-dismantle", "ALARM", ""),
    bit(5, "back cover removed", "ALARM", ""),
    bit(6, "unlocked over LoRa", "happened", ""),
    bit(7, "locked", "happened", ""),
    bit(8, "unlocked by Bluetooth", "happened", ""),
    bit(9, "rope pulled out", "happened", ""),
    bit(10, "rope inserted", "happened", ""),
    bit(11, "Bluetooth connected", "happened", ""),
    bit(12, "woken by button", "happened", ""),
    bit(SIGNAL_LOST_EVENT, "signal lost", "ALARM", "").inferred(),
    bit(REPLAYED_EVENT, "replayed", "from memory", "live"),
];

/// Status word: rope and motor.
const OLDER_STATUS: [Bit; 2] = [bit(0, "rope", "OUT", "inserted"), bit(1, "motor", "UNLOCKED", "locked")];

/// Firmware from 2023-07-03, which adds the card, also knows these.
const NEWER_STATUS: [Bit; 4] = [
    bit(0, "rope", "OUT", "inserted"),
    bit(1, "motor", "UNLOCKED", "locked"),
    bit(2, "back cover", "OPEN", "closed"),
    bit(3, "charging", "yes", "no"),
];

const GATEWAY_STATUS: [Bit; 3] = [
    bit(0, "replayed", "from memory", "live"),
    bit(1, "contact", "LOST", "there"),
    bit(2, "voltage", "LOW", "sufficient"),
];

/// Undoes the escapes of a payload in one pass from left to right: 3D and a byte mean that byte XOR 3D. An unknown
/// pair is kept as two bytes. The second list tells where each byte stood, and where the payload ended.
pub(super) fn unescape(payload: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let mut plain = Vec::with_capacity(payload.len());
    let mut places = Vec::with_capacity(payload.len().saturating_add(1));
    let mut bytes = payload.iter().copied().enumerate().peekable();
    while let Some((place, byte)) = bytes.next() {
        places.push(place);
        plain.push(match (byte, bytes.peek()) {
            (0x3D, Some(&(_, code @ (0x15 | 0x14 | 0x11 | 0x00)))) => {
                bytes.next();
                code ^ 0x3D
            }
            _ => byte,
        });
    }
    places.push(payload.len());
    (plain, places)
}

/// Decodes an unescaped payload, which begins with `2,`. Senseless content becomes an `invalid` message with the
/// sub-device's serial, if that could be read.
pub(super) fn decode(master: &str, payload: &[u8], trace: Option<&Trace>) -> Message {
    let mut message = Message::new(Protocol::JointechMaster, MessageKind::SubDevice);
    message.device = Some(master.to_owned());
    message.serial = payload.get(SERIAL).copied().map(u32::from);
    let blank = message.clone();
    let reader = Reader::traced(payload, 0, trace);
    match content(reader.clone(), &mut message) {
        Ok(()) => message,
        Err(flaw) => {
            reader.fail(&flaw);
            Message { kind: MessageKind::Invalid, error: Some(format!("payload {flaw}")), ..blank }
        }
    }
}

fn content(mut reader: Reader<'_>, message: &mut Message) -> Result<(), Flaw> {
    if reader.take(2)? != b"2," {
        return Err(Flaw { at: 0, what: "not a report" });
    }
    reader.tell(documented("function", ""), "2");
    let master_time = reader.time_dmy(documented("master's date and time", "UTC"))?;
    let mut sub = SubDevice { master_time, ..SubDevice::default() };
    let mut position = reader.place()?;
    reader.motion(&mut position)?;
    message.position = Some(position);
    message.time = reader.time_dmy(documented("sub-device's date and time", "UTC"))?;
    sub.id = hex::encode_upper(reader.take(5)?);
    reader.tell(documented("sub-device ID", ""), &sub.id);
    let serial = reader.u8()?; // in the message already
    reader.tell(documented("sub-device data serial", ""), serial);
    let volts = f64::from(reader.u16()?) / 100.0;
    reader.tell(documented("battery voltage", "V"), volts);
    message.voltage_v = Some(volts);
    let battery = reader.u8()?;
    message.battery_pct = percent(battery);
    reader.tell(documented("battery", "%").wrong_unless(battery <= 100), battery);
    let rssi = i16::from(reader.u8()?).saturating_neg();
    reader.tell(documented("RSSI", "dBm"), rssi);
    sub.rssi_dbm = Some(rssi);
    sub.type_code = reader.u8()?;
    match sub.type_code {
        SENSOR => {
            reader.tell(documented("sub-device type", ""), "1 temperature and humidity sensor JT126");
            sensor(&mut reader, message, &mut sub)?;
        }
        SUB_LOCK => {
            reader.tell(documented("sub-device type", ""), "4 sub-lock JT709, JT709Ex");
            lock(&mut reader, message, &mut sub)?;
        }
        5 | 6 | NEWER_VALVE_LOCK => {
            let model = if sub.type_code == 5 { "JT801" } else { "JT802" };
            let name = if sub.type_code == NEWER_VALVE_LOCK { inferred } else { documented };
            let name = name("sub-device type", "");
            reader.tell(name, format_args!("{} valve lock {model}", sub.type_code));
            lock(&mut reader, message, &mut sub)?;
        }
        // What is common to all types is told.
        code => {
            reader.tell(unknown("sub-device type"), code);
            let what = format!("sub-device type {code}");
            if reader.left() == 0 {
                unknown_code(&what, message);
            }
            reader.rest(&what, message);
        }
    }
    reader.rest("bytes after the report", message);
    message.sub_device = Some(sub);
    Ok(())
}

/// JT126: temperature, humidity, stored records, gateway status.
fn sensor(reader: &mut Reader<'_>, message: &mut Message, sub: &mut SubDevice) -> Result<(), Flaw> {
    let temperature = reader.u16()?;
    if temperature != 0xFFFF {
        let tenths = f64::from(temperature & 0x0FFF) / 10.0;
        sub.temperature_c = Some(if temperature >> 12 == 0 { tenths } else { -tenths });
    }
    reader.tell(documented("temperature", "°C"), Or(sub.temperature_c, "no reading"));
    let humidity = reader.u8()?;
    sub.humidity_pct = percent(humidity);
    reader.tell(documented("humidity", "%").wrong_unless(matches!(humidity, 0..=100 | 0xFF)), humidity);
    let stored = reader.u16()?;
    reader.tell(documented("stored records", ""), stored);
    message.details.records_stored = Some(stored.into());
    let status = gateway_status(reader, message)?;
    gateway(status, 0, message, sub);
    Ok(())
}

fn gateway_status(reader: &mut Reader<'_>, message: &mut Message) -> Result<u8, Flaw> {
    let status = reader.u8()?;
    let word = u32::from(status);
    reader.word(documented("gateway status", ""), "gateway status bit", word, &GATEWAY_STATUS, message);
    Ok(status)
}

/// Event, status, lock cycles, gateway status, and on firmware from 2023-07-03 the card. That firmware also knows
/// cover and charging.
fn lock(reader: &mut Reader<'_>, message: &mut Message, sub: &mut SubDevice) -> Result<(), Flaw> {
    // Event 2, status 2, cycles 2, gateway status 1, then the card.
    const BEFORE_CARD: usize = 7;
    const CARD: usize = 4;
    let is_newer = reader.left() >= BEFORE_CARD.saturating_add(CARD);
    let events = u32::from(reader.u16()?);
    match sub.type_code {
        SUB_LOCK => reader.word(documented("events", ""), "event bit", events, &SUB_LOCK_EVENTS, message),
        NEWER_VALVE_LOCK => {
            let table = VALVE_LOCK_EVENTS.map(Bit::inferred);
            reader.word(inferred("events", ""), "event bit", events, &table, message);
        }
        _ => reader.word(documented("events", ""), "event bit", events, &VALVE_LOCK_EVENTS, message),
    }
    let status = u32::from(reader.u16()?);
    // Of valve locks only the rope is documented.
    let sure = |bit: Bit| if sub.type_code == SUB_LOCK || bit.bit == 0 { bit } else { bit.inferred() };
    let (newer, older) = (NEWER_STATUS.map(sure), OLDER_STATUS.map(sure));
    let table: &[Bit] = if is_newer { &newer } else { &older };
    reader.word(documented("device status", ""), "status bit", status, table, message);
    let cycles = reader.u16()?;
    reader.tell(documented("lock cycles", ""), cycles);
    sub.cycles = Some(cycles);
    let gateway_status = gateway_status(reader, message)?;
    if is_newer {
        message.details.card = card(reader.u32()?);
        reader.tell(documented("RFID card", ""), Or(message.details.card.as_deref(), "none"));
    }
    message.parts = Parts {
        motor: Some(PartState::open_if(is_set(status, 1))),
        rope: Some(PartState::open_if(is_set(status, 0))),
        cover: is_newer.then(|| PartState::open_if(is_set(status, 2))),
    };
    message.lock = Some(message.parts.lock());
    message.charging = is_newer.then(|| is_set(status, 3));
    for bit in bits(events).filter(|bit| !matches!(*bit, REPLAYED_EVENT | SIGNAL_LOST_EVENT)) {
        let event = if sub.type_code == SUB_LOCK {
            sub_lock_event(bit, message.details.card.clone())
        } else {
            valve_lock_event(bit)
        };
        message.events.push(event);
    }
    if sub.type_code != SUB_LOCK {
        message.valve = valve(events);
    }
    gateway(gateway_status, events, message, sub);
    Ok(())
}

/// Only the events tell a valve's state; the knob's place in the status word is not published.
fn valve(events: u32) -> Option<ValveState> {
    match events & 0b11 {
        0b01 => Some(ValveState::Closed),
        0b10 => Some(ValveState::Open),
        0b11 => Some(ValveState::Unknown),
        _ => None,
    }
}

/// What the master says of its contact. Contact lost makes the rest stale: no part is told then.
fn gateway(status: u8, events: u32, message: &mut Message, sub: &mut SubDevice) {
    let is_event = |bit| bits(events).any(|b| b == bit);
    message.replayed = status & 0b001 != 0 || is_event(REPLAYED_EVENT);
    let lost = status & 0b010 != 0 || is_event(SIGNAL_LOST_EVENT);
    sub.contact_lost = Some(lost);
    sub.low_voltage = Some(status & 0b100 != 0);
    message.levels.report(Level::SignalLost, lost);
    if lost {
        message.events.push(DeviceEvent::SignalLost);
        if message.lock.is_some() {
            message.lock = Some(LockState::Unknown);
            message.parts = Parts::default();
            message.charging = None;
        }
        // An opening is worth telling late; that a valve is closed is not known any more.
        if message.valve == Some(ValveState::Closed) {
            message.valve = Some(ValveState::Unknown);
        }
    }
}

fn opened(by: OpenedBy, card: Option<String>) -> DeviceEvent {
    DeviceEvent::Opened { by, card, fence: None }
}

fn custom(bit: u32) -> DeviceEvent {
    DeviceEvent::Custom { code: format!("bit {bit}") }
}

/// Type 4 (documented).
fn sub_lock_event(bit: u32, card: Option<String>) -> DeviceEvent {
    match bit {
        0 => DeviceEvent::Locked { by: LockedBy::Unknown },
        1 => opened(OpenedBy::Bluetooth, None),
        2 => DeviceEvent::BackCoverOpened,
        3 => opened(OpenedBy::Lora, None),
        4 => DeviceEvent::RopeCut,
        5 => DeviceEvent::Report { why: ReportWhy::Button },
        6 => DeviceEvent::Report { why: ReportWhy::Timed },
        7 => DeviceEvent::Report { why: ReportWhy::Charging },
        8 => DeviceEvent::RopePulled,
        9 => opened(OpenedBy::Rfid, card),
        bit => custom(bit),
    }
}

/// Types 5 and 6 (documented), 9 (inferred).
fn valve_lock_event(bit: u32) -> DeviceEvent {
    match bit {
        0 => DeviceEvent::ValveClosed,
        1 => DeviceEvent::ValveOpened,
        2 => DeviceEvent::LowBattery,
        3 => DeviceEvent::Report { why: ReportWhy::Timed },
        4 => DeviceEvent::Tamper,
        5 => DeviceEvent::BackCoverOpened,
        6 => opened(OpenedBy::Lora, None),
        7 => DeviceEvent::Locked { by: LockedBy::Unknown },
        8 => opened(OpenedBy::Bluetooth, None),
        9 => DeviceEvent::RopePulled,
        10 => DeviceEvent::RopeInserted,
        11 => DeviceEvent::Report { why: ReportWhy::Bluetooth },
        12 => DeviceEvent::Report { why: ReportWhy::Button },
        bit => custom(bit),
    }
}
