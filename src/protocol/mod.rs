//! Bytes in, messages out; commands in, bytes out. No sockets, no tokio, no clock, no logging of payloads.
//!
//! [`Connection`] is what an ingest session talks to: it takes bytes as they come, detects the protocol ([`detect`]),
//! cuts frames and decodes them. What must outlive a connection is in [`Memory`]. A protocol is one folder.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))]

pub mod bofan;
pub mod catalogue;
pub mod connection;
pub mod detect;
pub mod explain;
pub mod frame;
pub mod heard;
pub mod jointech;
pub mod json;
pub mod memory;
mod nearest;
mod refused;

pub use connection::{Connection, Heard};
pub use frame::Cut;
pub use heard::{Answer, AnswerBody, Aside, HeardFrame, PhotoChunk, TimeShape, When};
pub use memory::{Dialect, Memory, Settings};
pub use refused::SHOWN as REFUSED_SHOWN;

use crate::domain::{DeviceKind, Message, Protocol};

/// What hardware a message comes from, as far as it tells: for a sub-device report the sub-device.
#[must_use]
pub fn guess_kind(message: &Message) -> Option<DeviceKind> {
    if let Some(sub_device) = &message.sub_device {
        return match sub_device.type_code {
            1 => Some(DeviceKind::Sensor),
            4 => Some(DeviceKind::SubLock),
            5 | 6 | 9 => Some(DeviceKind::ValveLock),
            _ => None,
        };
    }
    match message.protocol {
        Protocol::JointechMaster => Some(DeviceKind::MasterLock),
        Protocol::JointechSeal => Some(DeviceKind::Seal),
        Protocol::JointechLegacy | Protocol::Bofan => Some(DeviceKind::Tracker),
        Protocol::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MessageKind, message::SubDevice};

    #[test]
    fn hardware_is_guessed_from_family_and_type() {
        let mut message = Message::new(Protocol::JointechMaster, MessageKind::Position);
        for (protocol, want) in [
            (Protocol::JointechMaster, Some(DeviceKind::MasterLock)),
            (Protocol::JointechSeal, Some(DeviceKind::Seal)),
            (Protocol::JointechLegacy, Some(DeviceKind::Tracker)),
            (Protocol::Bofan, Some(DeviceKind::Tracker)),
            (Protocol::Unknown, None),
        ] {
            message.protocol = protocol;
            assert_eq!(guess_kind(&message), want);
        }
        for (type_code, want) in [
            (1, Some(DeviceKind::Sensor)),
            (4, Some(DeviceKind::SubLock)),
            (5, Some(DeviceKind::ValveLock)),
            (6, Some(DeviceKind::ValveLock)),
            (9, Some(DeviceKind::ValveLock)),
            (7, None),
        ] {
            message.sub_device = Some(SubDevice { type_code, ..SubDevice::default() });
            assert_eq!(guess_kind(&message), want, "type {type_code}");
        }
    }
}
