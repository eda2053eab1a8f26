//! 0x5501 and 0x5502, the report of the JT705A and its kin (Traccar's decoder, corrected by captures).

use super::fields::{Flaw, Reader, bits, gsm, metres, percent};
use super::lock_event;
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

/// Decodes the body. `message` holds device and serial already.
pub(super) fn decode(
    mut reader: Reader<'_>,
    mut message: Message,
    replayed: bool,
    secrets: &mut Vec<usize>,
) -> Result<Message, Flaw> {
    message.replayed = replayed;
    message.time = reader.time_dmy()?;
    let mut position = reader.place()?;
    reader.motion(&mut position)?;
    message.signal = gsm(reader.u8()?);
    position.satellites = Some(reader.u8()?);
    message.odometer_m = Some(metres(reader.u32()?));
    let battery = reader.u8()?;
    message.battery_pct = percent(battery);
    message.charging = Some(matches!(battery, 0xAA | 0xAB));
    reader.take(6)?; // cell, LAC
    let product = reader.u8()?;
    let status = u32::from(reader.u16()?);
    let alarm = u32::from(reader.u16()?);
    let is_set = |bit| bits(status).any(|b| b == bit);
    let mut low_battery = false;
    if product == LOCK {
        low_battery = is_set(1);
        message.parts = Parts {
            motor: Some(PartState::open_if(is_set(4))),
            rope: Some(PartState::open_if(is_set(5))),
            cover: Some(PartState::open_if(is_set(2))),
        };
        message.lock = Some(message.parts.lock());
        report(&mut message, Level::BackCoverOpened, is_set(2));
    }
    for (bit, level) in ALARMS {
        let also = level == Level::LowBattery && low_battery;
        report(&mut message, level, also || bits(alarm).any(|b| b == bit));
    }
    for bit in bits(alarm).filter(|bit| !ALARMS.iter().any(|(known, _)| known == bit)) {
        let code = if bit == DEEP_SLEEP { "deep sleep".to_owned() } else { format!("alarm bit {bit}") };
        message.events.push(DeviceEvent::Custom { code });
    }
    message.position = Some(position);
    items(reader, &mut message, secrets)?;
    Ok(message)
}

fn report(message: &mut Message, level: Level, holds: bool) {
    message.levels.report(level, holds);
    if holds {
        message.events.extend(super::level_event(level, None));
    }
}

fn items(mut reader: Reader<'_>, message: &mut Message, secrets: &mut Vec<usize>) -> Result<(), Flaw> {
    let mut fence = None;
    while reader.left() > 0 {
        let (id, length) = (reader.u8()?, reader.u8()?);
        let mut value = reader.part(length.into())?;
        match (id, length) {
            (0x02, 2) => {
                let altitude_m = Some(i32::from(value.i16()?));
                message.position = message.position.map(|place| Position { altitude_m, ..place });
            }
            (0x0B, _) => message.events.extend(lock_event::decode(value, secrets)?),
            (0x10, 1) => message.events.push(DeviceEvent::Wake { source: wake_source(value.u8()?) }),
            (0xFC, 1) => fence = Some(value.u8()?).filter(|fence| *fence != 0),
            _ => {}
        }
    }
    super::seal::name_fence(&mut message.events, fence);
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
