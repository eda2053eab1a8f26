//! What a console and a node say to each other: JSON, one object a line, each at most [`MAX_LINE`] bytes.
//!
//! Both sides begin with [`Hello`]. Then the console sends [`Request`]s, each answered by one
//! [`FromNode::Reply`] of the same `id`; after [`Ask::Subscribe`] the node also sends [`FromNode::Snapshot`] chunks
//! and [`FromNode::Delta`]s. No tokio here: this is only the words.

use crate::domain::alarm::Priority;
pub use crate::domain::command::{Interlock, Verdict};
use crate::domain::command::{UnlockMethod, UnlockReason};
use crate::domain::explain::Explanation;
pub use crate::domain::identity::IdentityDecision;
use crate::domain::order::{CommandClass, Proof};
use crate::domain::{AlarmId, CommandId, DeviceKey, DeviceKind, Utc};
use crate::fleet::snapshot::{Delta, Snapshot};
use serde::{Deserialize, Serialize};

/// Version of this file's words. A console of another version is told so and turned away.
pub const PROTOCOL: u32 = 2;

/// Longest line either side accepts. Snapshots come in chunks of [`CHUNK`] rows to stay far below it.
pub const MAX_LINE: usize = 4 * 1024 * 1024;

/// Rows of one kind in one snapshot chunk.
pub const CHUNK: usize = 500;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    pub lockyard: u32,
    pub build: String,
    pub time: Utc,
    /// Node → console: the operator's name as the node knows it from the socket's credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub id: u64,
    pub ask: Ask,
}

/// What a console may ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Snapshot now, deltas from then on.
    Subscribe,
    /// One whole snapshot in its parts, before the answer. `all` adds closed alarms and finished commands.
    List {
        all: bool,
    },
    /// Enrol a device, or change the asset or kind of one. Without `asset` the asset is named by the ID; without
    /// `kind` it is guessed from what the device says.
    Enrol {
        device: DeviceKey,
        #[serde(default)]
        asset: Option<String>,
        #[serde(default)]
        kind: Option<DeviceKind>,
        #[serde(default)]
        bind_to: Option<DeviceKey>,
    },
    Ack {
        alarm: AlarmId,
        note: String,
    },
    Reset {
        alarm: AlarmId,
        note: String,
    },
    /// Decides which of two sources is the device. The note says why.
    Identity {
        device: DeviceKey,
        decision: IdentityDecision,
        note: String,
    },
    /// Asks what opening this lock would mean, now. Sends nothing to the device.
    Propose {
        target: DeviceKey,
    },
    /// Executes a proposal. `typed` must be the last four characters of the asset's code.
    Confirm {
        token: String,
        typed: String,
        reason: UnlockReason,
        note: String,
    },
    Cancel {
        command: CommandId,
    },
    Verdict {
        command: CommandId,
        opened: bool,
        note: String,
    },
    /// What this device can be told, by its profile.
    Catalogue {
        device: DeviceKey,
    },
    /// Tells a device something that moves no lock. Arguments by name, never a secret.
    Order {
        target: DeviceKey,
        command: String,
        #[serde(default)]
        args: Vec<(String, String)>,
        #[serde(default)]
        note: String,
    },
    /// Reads a master's list of bound sub-devices, changes it, writes it and reads it back.
    Bind {
        master: DeviceKey,
        #[serde(default)]
        add: Vec<String>,
        #[serde(default)]
        remove: Vec<String>,
        #[serde(default)]
        note: String,
    },
    /// Live frames of one device ID, until `Untail` or another `Tail`.
    Tail {
        device: DeviceKey,
    },
    Untail,
    /// Explains a frame of the live tail or of the quarantine, given as hex, field by field.
    Explain {
        raw: String,
    },
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Answer {
    /// Done; one sentence says what.
    Done {
        text: String,
    },
    /// Not done; one sentence says why and what would help.
    Refused {
        why: String,
    },
    /// Not done: the question itself is wrong (no such command, a value out of range). One sentence says what is right.
    Wrong {
        why: String,
    },
    Proposed {
        proposal: Box<Proposal>,
    },
    /// The intent is durable. Watch its row.
    Accepted {
        command: CommandId,
    },
    /// The order is durable. Watch its row. With `read_back` the setting is read back once the device has answered.
    Ordered {
        command: CommandId,
        read_back: bool,
    },
    Catalogue {
        catalogue: Box<Catalogue>,
    },
    Explained {
        explanation: Box<Explanation>,
    },
}

/// What one device can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    pub device: DeviceKey,
    /// Model of its profile.
    pub model: String,
    pub commands: Vec<CommandHelp>,
}

/// A command of a device's profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandHelp {
    pub name: String,
    pub purpose: String,
    pub class: CommandClass,
    pub proof: Proof,
    pub params: Vec<ParamHelp>,
    /// Why it is not sent as a plain order; `None`: it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_here: Option<String>,
    /// What the device said last about this setting, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<KnownSetting>,
}

/// An argument of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParamHelp {
    pub name: String,
    pub what: String,
    /// `5 to 600 s`, `on or off`, …
    pub range: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// The words it takes, if it takes only some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// A setting as the device told it last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnownSetting {
    pub value: String,
    pub at: Utc,
}

/// What the operator must see before a lock is told to open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Valid once, until `expires`, for the console that asked.
    pub token: String,
    pub expires: Utc,
    pub target: DeviceKey,
    pub target_kind: DeviceKind,
    pub asset: String,
    pub asset_code: String,
    /// How it would be opened; `None` when it cannot be (an interlock says why).
    pub method: Option<UnlockMethod>,
    /// The device it would be sent to, and whether that one is in contact now.
    pub via: DeviceKey,
    pub in_contact: bool,
    /// If it has to wait: until when it may be sent.
    pub queue_until: Utc,
    pub interlocks: Vec<Interlock>,
    /// Worst open alarm on the asset.
    pub worst_alarm: Option<Priority>,
    /// Whether every interlock allows it.
    pub allowed: bool,
}

/// One frame of a tailed device, as it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TailLine {
    pub at: Utc,
    pub peer: String,
    /// `stored`, `quarantined`, `duplicate`, `refused: …`, `not stored: …`, `piece of a photo`.
    pub fate: String,
    /// Hex, secrets masked.
    pub raw: String,
    /// What was decoded: the objects `lockyard decode` prints, one a message.
    pub decoded: Vec<serde_json::Value>,
    /// What was answered, secrets masked; `None` if nothing.
    pub reply: Option<String>,
}

/// What a node sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum FromNode {
    Reply {
        id: u64,
        answer: Answer,
    },
    /// A part of the snapshot; `last` ends it. The console swaps its rows when the last part is there.
    Snapshot {
        part: Box<Snapshot>,
        last: bool,
    },
    Delta {
        delta: Box<Delta>,
    },
    Tail {
        device: DeviceKey,
        lines: Vec<TailLine>,
    },
    /// A line of the node's own log.
    Log {
        at: Utc,
        level: String,
        text: String,
    },
    /// The node is going down in order.
    Goodbye {
        why: String,
    },
}
