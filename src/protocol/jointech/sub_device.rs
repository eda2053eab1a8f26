//! `WLNET,5`: the report of a sub-lock, valve lock or sensor, forwarded by its master (JT701D manual V1.4, vendor
//! SDK, captures).

use super::fields::{Flaw, Reader, bits, percent};
use super::lock_event::card;
use crate::domain::message::{Level, LockedBy, OpenedBy, ReportWhy, SubDevice};
use crate::domain::{DeviceEvent, LockState, Message, MessageKind, PartState, Parts, Protocol, ValveState};

const SENSOR: u8 = 1;
const SUB_LOCK: u8 = 4;

const REPLAYED_EVENT: u32 = 15;
const SIGNAL_LOST_EVENT: u32 = 14;

/// Offset of the sub-device's serial in the payload, the number to acknowledge.
const SERIAL: usize = 30;

/// Undoes the escapes of a payload in one pass from left to right: 3D and a byte mean that byte XOR 3D. An unknown
/// pair is kept as two bytes.
pub(super) fn unescape(payload: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(payload.len());
    let mut bytes = payload.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        plain.push(match (byte, bytes.peek()) {
            (0x3D, Some(&code @ (0x15 | 0x14 | 0x11 | 0x00))) => {
                bytes.next();
                code ^ 0x3D
            }
            _ => byte,
        });
    }
    plain
}

/// Decodes an unescaped payload, which begins with `2,`. Senseless content becomes an `invalid` message with the
/// sub-device's serial, if that could be read.
pub(super) fn decode(master: &str, payload: &[u8]) -> Message {
    let mut message = Message::new(Protocol::JointechMaster, MessageKind::SubDevice);
    message.device = Some(master.to_owned());
    message.serial = payload.get(SERIAL).copied().map(u32::from);
    let blank = message.clone();
    match content(payload, &mut message) {
        Ok(()) => message,
        Err(flaw) => Message { kind: MessageKind::Invalid, error: Some(format!("payload {flaw}")), ..blank },
    }
}

fn content(payload: &[u8], message: &mut Message) -> Result<(), Flaw> {
    let mut reader = Reader::new(payload, 0);
    if reader.take(2)? != b"2," {
        return Err(Flaw { at: 0, what: "not a report" });
    }
    let mut sub = SubDevice { master_time: reader.time_dmy()?, ..SubDevice::default() };
    let mut position = reader.place()?;
    reader.motion(&mut position)?;
    message.position = Some(position);
    message.time = reader.time_dmy()?;
    sub.id = hex::encode_upper(reader.take(5)?);
    reader.u8()?; // serial, read already
    message.voltage_v = Some(f64::from(reader.u16()?) / 100.0);
    message.battery_pct = percent(reader.u8()?);
    sub.rssi_dbm = Some(i16::from(reader.u8()?).saturating_neg());
    sub.type_code = reader.u8()?;
    match sub.type_code {
        SENSOR => sensor(reader, message, &mut sub)?,
        SUB_LOCK | 5 | 6 | 9 => lock(reader, message, &mut sub)?,
        // A type we do not know: what is common to all is told, the rest is in raw.
        _ => {}
    }
    message.sub_device = Some(sub);
    Ok(())
}

/// JT126: temperature, humidity, stored records, gateway status.
fn sensor(mut reader: Reader<'_>, message: &mut Message, sub: &mut SubDevice) -> Result<(), Flaw> {
    let temperature = reader.u16()?;
    if temperature != 0xFFFF {
        let tenths = f64::from(temperature & 0x0FFF) / 10.0;
        sub.temperature_c = Some(if temperature >> 12 == 0 { tenths } else { -tenths });
    }
    sub.humidity_pct = percent(reader.u8()?);
    reader.u16()?; // stored records
    gateway(reader.u8()?, 0, message, sub);
    Ok(())
}

/// Event, status, lock cycles, gateway status, and on firmware from 2023-07-03 the card. That firmware also knows
/// cover and charging.
fn lock(mut reader: Reader<'_>, message: &mut Message, sub: &mut SubDevice) -> Result<(), Flaw> {
    let events = u32::from(reader.u16()?);
    let status = u32::from(reader.u16()?);
    sub.cycles = Some(reader.u16()?);
    let gateway_status = reader.u8()?;
    let newer = reader.u32().ok();
    let is_set = |bit| bits(status).any(|b| b == bit);
    message.parts = Parts {
        motor: Some(PartState::open_if(is_set(1))),
        rope: Some(PartState::open_if(is_set(0))),
        cover: newer.map(|_| PartState::open_if(is_set(2))),
    };
    message.lock = Some(message.parts.lock());
    message.charging = newer.map(|_| is_set(3));
    for bit in bits(events).filter(|bit| !matches!(*bit, REPLAYED_EVENT | SIGNAL_LOST_EVENT)) {
        let event = if sub.type_code == SUB_LOCK {
            sub_lock_event(bit, newer.and_then(card))
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
