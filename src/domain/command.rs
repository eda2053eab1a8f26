//! Words of the command life cycle. Three facts never share a field: bytes sent, device answered, lock moved. The
//! first two are [`Exchange`], the third is [`Evidence`].

use super::{CommandId, DeviceKey, Utc};
use serde::{Deserialize, Serialize};

/// What passed between us and the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exchange {
    /// Durable, not sent: waits for the device to be in contact.
    Queued,
    /// Handed to the device's session. From here on it is never sent again.
    Sent,
    /// Sent, and no answer was ever promised: final, and no failure. Never an opening.
    SentOnly,
    /// The device says yes. It does *not* say that the lock moved.
    AnsweredOk,
    /// The master echoed a relay; the echo names no outcome.
    Relayed,
    /// The device says no.
    Refused,
    /// No answer, the link was lost, or we restarted: nobody knows whether it acted.
    Uncertain,
    /// Its time was over before it was sent. It never left.
    Expired,
    /// Taken back by a person before it was sent.
    Cancelled,
    /// A fact it depended on no longer held when the device was in contact. It never left.
    Withheld,
}

impl Exchange {
    /// Whether a new physical command for the same target must wait for this one, evidence aside.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sent | Self::Uncertain)
    }

    /// What the operator reads.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::SentOnly => "sent only",
            Self::AnsweredOk => "lock accepted",
            Self::Relayed => "relayed",
            Self::Refused => "refused",
            Self::Uncertain => "UNCERTAIN",
            Self::Expired => "expired unsent",
            Self::Cancelled => "cancelled",
            Self::Withheld => "withheld",
        }
    }
}

/// What the device's own reports show of the movement, received after the sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    #[default]
    None,
    /// The motor opened in the command's window.
    Opened,
    /// It closed again after having opened.
    Relocked,
    /// It locked again by itself without an opening having been seen.
    NotUsed,
    /// The lock opened, but by another source (a card, a telephone): that opening is not ours.
    Contradicted,
}

impl Evidence {
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Opened => "OPENED",
            Self::Relocked => "relocked",
            Self::NotUsed => "not used",
            Self::Contradicted => "CONTRADICTED",
        }
    }
}

/// How a lock is told to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnlockMethod {
    /// `P43` with the static password of the secrets file.
    StaticPassword,
    /// `P52,3` with the dynamic password the lock told last.
    DynamicPassword,
    /// `WLNET,8` through the master; no password.
    SubLockRelay,
}

/// Why an operator opens a lock; a note may say more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnlockReason {
    Delivery,
    Loading,
    Inspection,
    Emergency,
    Test,
}

impl UnlockReason {
    pub const ALL: [Self; 5] = [Self::Delivery, Self::Loading, Self::Inspection, Self::Emergency, Self::Test];

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Loading => "loading",
            Self::Inspection => "inspection",
            Self::Emergency => "emergency",
            Self::Test => "test",
        }
    }
}

/// How one interlock reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    /// Shown, does not stop.
    Warn,
    /// Stops the opening.
    Fail,
    /// Nothing is configured to check it against.
    NotConfigured,
    /// Cannot be known until the sleeping device wakes; evaluated again before the first byte.
    AtWake,
}

/// One interlock, with its value and age in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interlock {
    pub name: String,
    pub verdict: Verdict,
    pub value: String,
}

/// A confirmed intent to open one lock, as written to the journal before anything is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnlockIntent {
    /// The lock that moves: a master or one sub-lock.
    pub target: DeviceKey,
    /// The device on the wire: the target itself, or the master that relays.
    pub via: DeviceKey,
    pub method: UnlockMethod,
    pub reason: UnlockReason,
    pub note: String,
    pub by: String,
    /// Never sent after this moment.
    pub expires: Utc,
}

/// A step of a command that is a fact of its own. Answers and evidence are read from the device's frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum CommandStep {
    /// The intent; its command id is the journal place of this entry.
    Proposed(UnlockIntent),
    /// About to be written to the device's session. `serial` is the WLNET serial used, if any.
    Sent {
        id: CommandId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        serial: Option<u8>,
    },
    /// The session ended before the first byte was written: back to `queued` if still valid.
    FailedUnsent {
        id: CommandId,
    },
    Cancelled {
        id: CommandId,
        by: String,
    },
    Withheld {
        id: CommandId,
        why: String,
    },
    /// A person's verdict on an uncertain command: it did or did not open.
    Verdict {
        id: CommandId,
        by: String,
        opened: bool,
        note: String,
    },
}
