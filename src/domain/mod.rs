//! The words everybody shares: plain data, no I/O, no clock.
//!
//! A **frame** is one protocol unit as received, a **[`Message`]** what it means, a **[`DeviceEvent`]** something
//! that happened to a device. The **journal** is the ordered, durable record of [`journal::Entry`]s from which all
//! state is derived. Field names in JSON are those of `lockyard decode` and `lockyard list`.

pub mod alarm;
pub mod command;
pub mod details;
pub mod explain;
pub mod identity;
pub mod ids;
pub mod journal;
pub mod lock;
pub mod message;
pub mod order;
pub mod photo;
pub mod secret;
mod stored;
pub mod text;

pub use alarm::{AlarmState, Priority};
pub use command::{Evidence, Exchange};
pub use details::{Details, Unknown};
pub use ids::{AlarmId, AssetId, CommandId, DeviceKey, EventSeq, Maker};
pub use lock::{DeviceKind, LinkState, LockState, PartState, Parts, SealState, ValveState};
pub use message::{DeviceEvent, Message, MessageKind, Position, Protocol};
pub use photo::PhotoId;
pub use secret::Secret;

/// Time of an event, always UTC inside the program; the configured zone is applied only when drawn.
pub type Utc = chrono::DateTime<chrono::Utc>;
