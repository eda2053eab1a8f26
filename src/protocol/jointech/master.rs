//! The master lock's binary position and alarm frame (JT701D manual V1.4, vendor SDK; JT701E covers and wake source
//! 10 from a fleet's integration).

use super::fields::{Flaw, Reader, bits, gsm, metres, percent};
use super::reply;
use crate::domain::message::{Level, WakeSource};
use crate::domain::{DeviceEvent, Message, MessageKind, PartState, Parts, Protocol};
use crate::protocol::HeardFrame;

/// Units older than this may lack the cover switch: an open cover bit says nothing there.
const COVER_VERSION: u8 = 0x17;
/// Locks of another make that speak this protocol: of the extension only fence and IMEI mean what is said.
const FOREIGN_VERSION: u8 = 0x01;
/// "Not there" in the extension's one-byte fields.
const ABSENT: u8 = 0x0F;
/// Header, date to GSM signal, serial.
const SHORTEST: usize = 45;
/// Stored while out of coverage, as opposed to 1 live, 2 alarm, 4 seconds late.
const BLIND_AREA: u8 = 3;

/// Status bits Byte1 0–7, then Byte2 0–7, as one word.
mod status {
    pub(super) const CELL_POSITION: u32 = 0;
    pub(super) const ANSWER_WANTED: u32 = 5;
    pub(super) const ROPE_IN: u32 = 6;
    pub(super) const MOTOR_LOCKED: u32 = 7;
    pub(super) const COVER_ALARM: u32 = 12;
    pub(super) const COVER_CLOSED: u32 = 13;
}

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

/// Decodes a whole frame (at least 11 bytes, as detected). Senseless content becomes an `invalid` message, answered
/// like a sound one: the framing is right and the device would send it for ever. `raw` is left to the caller, who may
/// yet find that it is no frame.
pub(super) fn decode(frame: &[u8]) -> HeardFrame {
    let version = frame.get(6).copied().unwrap_or(0);
    let serial = frame.last().copied().map_or(0, u32::from);
    let mut message = Message::new(Protocol::JointechMaster, MessageKind::Position);
    message.device = frame.get(1..6).map(hex::encode);
    message.serial = Some(serial);
    message.version = Some(version);
    let blank = message.clone();
    let mut asked = false;
    if let Err(flaw) = content(frame, version, &mut message, &mut asked) {
        message = Message { kind: MessageKind::Invalid, error: Some(flaw.to_string()), ..blank };
    }
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

fn content(frame: &[u8], version: u8, message: &mut Message, asked: &mut bool) -> Result<(), Flaw> {
    // The status is read first: whether an answer is wanted does not depend on a sensible place.
    let word = u32::from(Reader::new(frame, 36).u16()?);
    *asked = is_set(word, status::ANSWER_WANTED);
    if frame.len() < SHORTEST {
        return Err(Flaw { at: frame.len(), what: "ends here, too short" });
    }

    message.replayed = frame.get(7).is_some_and(|b| b & 0x0F == BLIND_AREA);
    let mut reader = Reader::new(frame, 10);
    message.time = reader.time_dmy()?;
    let mut position = reader.place()?;
    reader.motion(&mut position)?;
    message.odometer_m = Some(metres(reader.u32()?));
    position.satellites = Some(reader.u8()?);
    // A place from cell towers is no fix, whatever the indicator says.
    position.fix &= !is_set(word, status::CELL_POSITION);
    message.position = Some(position);
    reader.take(4)?; // bound vehicle card
    reader.take(2)?; // status, read above
    let battery = reader.u8()?;
    message.battery_pct = percent(battery);
    message.charging = Some(battery == 0xFF);
    reader.take(4)?; // cell ID, LAC
    message.signal = gsm(reader.u8()?);

    let extension = frame.get(reader.at()..frame.len().saturating_sub(1)).unwrap_or_default();
    let fence = extension.first().copied().filter(|_| matches!(extension.len(), 4 | 17)).filter(|f| *f != 0);
    parts(word, version, message);
    alarms(word, fence, message);
    if extension.len() == 17 && version != FOREIGN_VERSION {
        extended(extension, message);
    }
    Ok(())
}

fn is_set(word: u32, bit: u32) -> bool {
    bits(word).any(|b| b == bit)
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
    for (bit, level) in ALARMS {
        let holds = is_set(word, bit);
        message.levels.report(level, holds);
        if holds {
            message.events.extend(super::level_event(level, fence));
        }
    }
}

/// Fence · extended status 1 · MNC high · extended status 2 · IMEI · cell high · MCC · MNC low.
fn extended(extension: &[u8], message: &mut Message) {
    if let Some(wake) = extension.get(1) {
        message.events.push(DeviceEvent::Wake { source: wake_source(wake & 0x0F) });
    }
    let Some(&second) = extension.get(3).filter(|b| **b != ABSENT) else { return };
    if second & 1 != 0 {
        message.charging = Some(true);
    }
    for (bit, code) in [(2, "upper cover alarm"), (4, "lower cover alarm")] {
        if is_set(second.into(), bit) {
            message.events.push(DeviceEvent::Custom { code: code.to_owned() });
        }
    }
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
