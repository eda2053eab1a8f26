//! 0x5501 and 0x5502, the report of the JT705A and its kin (Traccar's decoder, corrected by captures).

use super::fields::{Flaw, Reader, bits, gsm, is_set, metres, percent, unknown_code};
use super::lock_event;
use super::seal_position::{common_item, item, name_fence};
use super::trace::{Bit, Or, Word, bit, documented, unknown};
use crate::domain::details::Cell;
use crate::domain::message::{Level, WakeSource};
use crate::domain::{DeviceEvent, Message, PartState, Parts, Position};

/// A lock, as opposed to other hardware that sends the same report.
const LOCK: u8 = 3;

/// Alarm bits. 0, 5 and 6 are documented, the others inferred.
const ALARMS: [(u32, Level); 6] = [
    (0, Level::Overspeed),
    (1, Level::LowBattery),
    (2, Level::Vibration),
    (5, Level::GeofenceEnter),
    (6, Level::GeofenceExit),
    (7, Level::WrongPasswordLimit),
];
/// The unit goes silent.
const DEEP_SLEEP: u32 = 3;

const ALARM_BITS: [Bit; 7] = [
    bit(0, "overspeed alarm", "ALARM", ""),
    bit(1, "low battery alarm", "ALARM", "").inferred(),
    bit(2, "vibration alarm", "ALARM", "").inferred(),
    bit(DEEP_SLEEP, "deep sleep", "the unit goes silent", "").inferred(),
    bit(5, "enter fence alarm", "ALARM", ""),
    bit(6, "exit fence alarm", "ALARM", ""),
    bit(7, "wrong password alarm", "ALARM", "").inferred(),
];

/// Status bits of a lock.
mod status {
    pub(super) const LOW_BATTERY: u32 = 1;
    pub(super) const COVER_OPEN: u32 = 2;
    pub(super) const MOTOR_UNLOCKED: u32 = 4;
    pub(super) const ROPE_OUT: u32 = 5;
    pub(super) const BLUETOOTH: u32 = 11;
}

const STATUS: [Bit; 5] = [
    bit(status::LOW_BATTERY, "battery", "LOW", "sufficient"),
    bit(status::COVER_OPEN, "back cover", "OPEN", "closed"),
    bit(status::MOTOR_UNLOCKED, "motor", "UNLOCKED", "locked").captured(),
    bit(status::ROPE_OUT, "rope", "OUT (or unlock button)", "inserted"),
    bit(status::BLUETOOTH, "Bluetooth", "connected", "").captured(),
];

/// Decodes the body. `message` holds device and serial already.
pub(super) fn decode(
    mut reader: Reader<'_>,
    mut message: Message,
    replayed: bool,
    secrets: &mut Vec<usize>,
) -> Result<Message, Flaw> {
    message.replayed = replayed;
    message.time = reader.time_dmy(documented("date and time", "UTC"))?;
    let mut position = reader.place()?;
    reader.motion(&mut position)?;
    message.signal = gsm(reader.u8()?);
    reader.tell(documented("GSM signal", ""), Or(message.signal, "none"));
    let satellites = reader.u8()?;
    reader.tell(documented("satellites", ""), satellites);
    position.satellites = Some(satellites);
    let mileage = reader.u32()?;
    reader.tell(documented("mileage", "km"), mileage);
    message.odometer_m = Some(metres(mileage));
    battery(&mut reader, &mut message)?;
    let cell = reader.u32()?;
    reader.tell(documented("cell ID", ""), cell);
    let lac = reader.u16()?;
    reader.tell(documented("LAC", ""), lac);
    if (cell, lac) != (0, 0) {
        message.details.cell = Some(Cell { lac: Some(lac), id: Some(cell), ..Cell::default() });
    }
    let product = reader.u8()?;
    let product_name = documented("product", "");
    reader.tell(product_name, format_args!("{product}{}", if product == LOCK { " lock" } else { "" }));
    message.details.product = Some(product);
    let word = u32::from(reader.u16()?);
    let table: &[Bit] = if product == LOCK { &STATUS } else { &[] };
    let what =
        if product == LOCK { "status bit".to_owned() } else { format!("product {product} status bit") };
    reader.word(documented("status", ""), &what, word, table, &mut message);
    let alarm = u32::from(reader.u16()?);
    reader.word(documented("alarm", ""), "alarm bit", alarm, &ALARM_BITS, &mut message);
    let mut low_battery = false;
    if product == LOCK {
        low_battery = is_set(word, status::LOW_BATTERY);
        message.parts = Parts {
            motor: Some(PartState::open_if(is_set(word, status::MOTOR_UNLOCKED))),
            rope: Some(PartState::open_if(is_set(word, status::ROPE_OUT))),
            cover: Some(PartState::open_if(is_set(word, status::COVER_OPEN))),
        };
        message.lock = Some(message.parts.lock());
        message.details.bluetooth_connected = Some(is_set(word, status::BLUETOOTH));
        report(&mut message, Level::BackCoverOpened, is_set(word, status::COVER_OPEN));
    }
    for (bit, level) in ALARMS {
        let also = level == Level::LowBattery && low_battery;
        report(&mut message, level, also || is_set(alarm, bit));
    }
    for bit in bits(alarm).filter(|bit| !ALARMS.iter().any(|(known, _)| known == bit)) {
        let code = if bit == DEEP_SLEEP { "deep sleep".to_owned() } else { format!("alarm bit {bit}") };
        message.events.push(DeviceEvent::Custom { code });
    }
    message.position = Some(position);
    items(reader, &mut message, secrets)?;
    Ok(message)
}

/// Percent; AA and AB while charging.
fn battery(reader: &mut Reader<'_>, message: &mut Message) -> Result<(), Flaw> {
    let battery = reader.u8()?;
    message.battery_pct = percent(battery);
    message.charging = Some(matches!(battery, 0xAA | 0xAB));
    match (message.battery_pct, message.charging) {
        (Some(battery), _) => reader.tell(documented("battery", "%"), battery),
        (None, Some(true)) => reader.tell(documented("battery", ""), "charging"),
        (None, _) => {
            reader.tell(unknown("battery"), battery);
            unknown_code(format_args!("battery {battery:#04x}"), message);
        }
    }
    Ok(())
}

fn report(message: &mut Message, level: Level, holds: bool) {
    message.levels.report(level, holds);
    if holds {
        message.events.extend(super::level_event(level, None));
    }
}

fn items(mut reader: Reader<'_>, message: &mut Message, secrets: &mut Vec<usize>) -> Result<(), Flaw> {
    while reader.left() > 0 {
        let (id, mut value) = item(&mut reader)?;
        match (id, value.left()) {
            (0x02, 2) => {
                let altitude = value.i16()?;
                value.tell(documented("altitude", "m"), altitude);
                let altitude_m = Some(i32::from(altitude));
                message.position = message.position.map(|place| Position { altitude_m, ..place });
            }
            (0x0A, length @ (3 | 4)) => {
                let mcc = value.u16()?;
                value.tell(documented("MCC", ""), mcc);
                let mnc = if length == 4 { value.u16()? } else { value.u8()?.into() };
                value.tell(documented("MNC", ""), mnc);
                if mcc != 0 {
                    let cell = message.details.cell.get_or_insert_default();
                    (cell.mcc, cell.mnc) = (Some(mcc), Some(mnc));
                }
            }
            (0x0B, _) => lock_event::decode(value.clone(), secrets, message),
            (0x0C, 6) => {
                let tilt = [value.i16()?, value.i16()?, value.i16()?];
                value.tell(documented("tilt", ""), format_args!("{} {} {}", tilt[0], tilt[1], tilt[2]));
                message.details.tilt = Some(tilt);
            }
            (0x10, 1) => {
                let code = value.u8()?;
                let source = wake_source(code);
                value.tell(documented("wake source", ""), format_args!("{code} {}", Word(source)));
                message.events.push(DeviceEvent::Wake { source });
                if source == WakeSource::Unknown {
                    unknown_code(format_args!("wake source {code}"), message);
                }
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

fn wake_source(code: u8) -> WakeSource {
    match code {
        0 => WakeSource::Restart,
        1 => WakeSource::Timer,
        2 => WakeSource::Vibration,
        3 => WakeSource::BackCover,
        5 => WakeSource::Charging,
        6 => WakeSource::Bluetooth,
        7 => WakeSource::Button,
        8 => WakeSource::SmsOther,
        10 => WakeSource::SmsVip,
        11 => WakeSource::Rfid,
        _ => WakeSource::Unknown,
    }
}
