//! Entries of the journal: the append-only, ordered, durable record all state is a fold of.

use super::command::CommandStep;
use super::identity::{Arrival, IdentityAct, Source};
use super::order::OrderStep;
use super::photo::PhotoNote;
use super::{AlarmId, DeviceKey, DeviceKind, EventSeq, Message, Utc};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Which kind of socket a frame came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    Tcp,
    Udp,
}

impl Transport {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A frame of an enrolled device: what it meant and what it was. `raw` has its secrets masked. Its JSON is the
/// journal's own short form, see `domain::stored`.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameRecord {
    pub device: DeviceKey,
    pub transport: Transport,
    pub peer: SocketAddr,
    pub arrival: Arrival,
    pub messages: Vec<Message>,
    /// Stored in a column of its own, not in the JSON.
    pub raw: Vec<u8>,
    /// The sentence the device's next delta builds on (Bofan). Not journalled: the store keeps the last of each
    /// device, in the transaction of the frame that made it.
    pub base: Option<Vec<u8>>,
}

impl FrameRecord {
    #[must_use]
    pub fn source(&self) -> Source {
        Source { transport: self.transport, peer: self.peer }
    }
}

/// A change of the registry. `by` is the operator, `config` or `system`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum RegistryAct {
    /// Enrols a device, creating the asset of that name if there is none. Repeating it changes the asset or kind.
    Enrol {
        device: DeviceKey,
        kind: DeviceKind,
        asset: String,
        /// For a device that reports through a master lock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bound_to: Option<DeviceKey>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plate: Option<String>,
        by: String,
    },
}

/// What an operator did to an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum AlarmAct {
    Ack {
        id: AlarmId,
        by: String,
        note: String,
    },
    /// Ends a latched alarm whose condition is over, or one that no evidence can end.
    Reset {
        id: AlarmId,
        by: String,
        note: String,
    },
}

/// Facts about the node itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum NodeNote {
    /// The node began; every command that was `sent` becomes `uncertain`.
    Started { version: String },
    /// The journal's share of its disk allowance, in percent, crossed a limit.
    DiskUse { percent: u8 },
    /// The oldest frames were removed to stay below the allowance.
    Purged { frames: u64, before: EventSeq },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Body {
    Frame(FrameRecord),
    Registry(RegistryAct),
    Alarm(AlarmAct),
    /// Who of two sources is the device.
    Identity(IdentityAct),
    Command(CommandStep),
    /// What a device is told that moves no lock.
    Order(OrderStep),
    /// What became of a photo a tracker offered.
    Photo(PhotoNote),
    Node(NodeNote),
}

/// One committed entry. `at` is our clock: the receive time of a frame, the time of an act.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub seq: EventSeq,
    pub at: Utc,
    pub body: Body,
}
