//! Jointech locks and seals: three unrelated framings of one maker, whose devices share one ID space.
//!
//! `fields` reads numbers, times and places; `master`, `lock_report` and `sub_device` are the master lock family,
//! `seal*` and `lock_event` the seal family, `legacy` the oldest trackers, `text` sorts the `(…)` frames that all of
//! them send, `items` walks over their items and `words` names their words. `trace` keeps what was read when a frame
//! is to be explained. `reply` makes the answers; commands are `protocol::catalogue`.

pub mod encode;
mod explain;
mod fields;
mod items;
mod legacy;
mod lock_event;
mod lock_report;
mod master;
mod packets;
mod reply;
mod seal;
mod seal_frame;
mod seal_position;
mod seal_report;
mod secrets;
mod sub_device;
mod text;
mod trace;
mod words;

#[cfg(test)]
mod bits_tests;
#[cfg(test)]
mod dialect_tests;
#[cfg(test)]
mod seal_bits_tests;
#[cfg(test)]
mod text_bits_tests;

use super::HeardFrame;
use super::detect::Framing;
use super::frame::Cut;
use super::memory::Memory;
use crate::domain::message::Level;
use crate::domain::{DeviceEvent, Protocol};

pub(super) use explain::explain;
pub(super) use packets::{GivenUp, Packets};
pub(super) use secrets::{mask_refused, mask_refused_piece};
pub(super) use text::NotOurs;

/// How far an unfinished frame of unknown length has been looked through.
#[derive(Debug, Clone, Copy)]
pub(super) enum Progress {
    Text(text::Progress),
    Seal(seal_frame::Progress),
}

impl Progress {
    pub(super) fn text() -> Self {
        Self::Text(text::Progress::default())
    }

    pub(super) fn seal() -> Self {
        Self::Seal(seal_frame::Progress::default())
    }

    /// Bytes looked at so far.
    pub(super) fn looked(&self) -> usize {
        match self {
            Self::Text(progress) => progress.looked,
            Self::Seal(progress) => progress.looked,
        }
    }

    pub(super) fn cut(&mut self, bytes: &[u8]) -> Cut {
        match self {
            Self::Text(progress) => text::cut(bytes, progress),
            Self::Seal(progress) => seal_frame::cut(bytes, progress),
        }
    }
}

/// Whole length of a `$` frame, from its length field at byte 8 (long header) or 7 (short header).
pub(super) fn binary_length(bytes: &[u8], long: bool) -> Option<usize> {
    let at = if long { 8 } else { 7 };
    let field = bytes.get(at..)?.first_chunk::<2>()?;
    Some(usize::from(u16::from_be_bytes(*field)).saturating_add(10))
}

/// Without `raw`: the caller fills it in when it keeps the frame.
pub(super) fn decode_binary(frame: &[u8], long: bool) -> HeardFrame {
    if long { master::decode(frame) } else { legacy::binary(frame) }
}

pub(super) fn decode_text(
    frame: &[u8],
    family: Option<Protocol>,
    memory: &Memory,
) -> Result<HeardFrame, NotOurs> {
    text::decode(frame, family, memory)
}

/// The ID in the head of a frame that could not be read whole.
pub(super) fn peek_device(bytes: &[u8], framing: Framing) -> Option<String> {
    match framing {
        Framing::MasterBinary | Framing::LegacyBinary => bytes.get(1..6).map(hex::encode),
        Framing::JointechText => {
            let id = bytes.get(1..24.min(bytes.len()))?.split(|b| !b.is_ascii_digit()).next()?;
            (id.len() >= 4).then(|| String::from_utf8_lossy(id).into_owned())
        }
        Framing::Seal => {
            let (plain, _) = seal_frame::unescape(bytes.get(..bytes.len().min(48))?);
            seal_frame::Header::read(&plain).ok().map(|header| header.device())
        }
        Framing::BofanText | Framing::BofanFrame | Framing::BofanDelta => None,
    }
}

/// `Err` holds the ID of a frame whose sum is wrong. `split` are the split messages of its connection.
pub(super) fn decode_seal(
    frame: &[u8],
    split: &mut Packets,
    memory: &Memory,
) -> Result<HeardFrame, Option<String>> {
    seal::decode(frame, split, memory)
}

/// The event of a level that holds.
fn level_event(level: Level, fence: Option<u8>) -> Option<DeviceEvent> {
    Some(match level {
        Level::RopeCut => DeviceEvent::RopeCut,
        Level::Vibration => DeviceEvent::Vibration,
        Level::UnlockedTooLong => DeviceEvent::UnlockedTooLong,
        Level::WrongPasswordLimit => DeviceEvent::WrongPasswordLimit,
        Level::IllegalCard => DeviceEvent::IllegalCard,
        Level::LowBattery => DeviceEvent::LowBattery,
        Level::BackCoverOpened => DeviceEvent::BackCoverOpened,
        Level::MotorFault => DeviceEvent::MotorFault,
        Level::GeofenceEnter => DeviceEvent::GeofenceEnter { fence },
        Level::GeofenceExit => DeviceEvent::GeofenceExit { fence },
        Level::Overspeed => DeviceEvent::Overspeed,
        // No Jointech frame reports these two as levels; a lost signal is told by `sub_device`.
        Level::Sos | Level::Tamper | Level::SignalLost => return None,
    })
}
