//! States of locks, valves, seals and links, and the rules that combine their parts.

use super::Utc;
use serde::{Deserialize, Serialize};

/// What a piece of hardware is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    Tracker,
    MasterLock,
    Seal,
    SubLock,
    ValveLock,
    Sensor,
}

impl DeviceKind {
    pub const ALL: [Self; 6] =
        [Self::Tracker, Self::MasterLock, Self::Seal, Self::SubLock, Self::ValveLock, Self::Sensor];

    /// The word in JSON and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tracker => "tracker",
            Self::MasterLock => "master_lock",
            Self::Seal => "seal",
            Self::SubLock => "sub_lock",
            Self::ValveLock => "valve_lock",
            Self::Sensor => "sensor",
        }
    }

    /// Whether it reports only through a master lock.
    #[must_use]
    pub fn is_bound(self) -> bool {
        matches!(self, Self::SubLock | Self::ValveLock | Self::Sensor)
    }

    /// Whether it has a motor that can be locked or open.
    #[must_use]
    pub fn has_lock(self) -> bool {
        matches!(self, Self::MasterLock | Self::Seal | Self::SubLock | Self::ValveLock)
    }
}

/// A lock's one word. Rule: motor open → `unlocked`; motor locked but rope out → `unseated`; both in → `locked`;
/// anything not reported → `unknown`. (The vendor's own open/closed rule is not used.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockState {
    Locked,
    Unlocked,
    Unseated,
    Unknown,
}

impl LockState {
    /// From the two parts as one message or one device holds them; `None` = not reported.
    #[must_use]
    pub fn from_parts(motor: Option<PartState>, rope: Option<PartState>) -> Self {
        match (motor, rope) {
            (Some(PartState::Open), _) => Self::Unlocked,
            (Some(PartState::Closed), Some(PartState::Open)) => Self::Unseated,
            (Some(PartState::Closed), Some(PartState::Closed)) => Self::Locked,
            _ => Self::Unknown,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValveState {
    Closed,
    Open,
    Unknown,
}

/// One part of a lock: the motor (closed = locked), the rope or shackle (closed = inserted), the back cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    Closed,
    Open,
}

impl PartState {
    #[must_use]
    pub fn open_if(open: bool) -> Self {
        if open { Self::Open } else { Self::Closed }
    }
}

/// What one message says of the parts of a lock; `None` where it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Parts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub motor: Option<PartState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope: Option<PartState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<PartState>,
}

impl Parts {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    #[must_use]
    pub fn lock(&self) -> LockState {
        LockState::from_parts(self.motor, self.rope)
    }
}

/// An asset's one word, from all parts of all its locks; the first that matches, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealState {
    /// An unreset cut, cover or tamper alarm, or a cover that is open now.
    Tampered,
    /// Two live sources disagree.
    Conflict,
    /// Any motor unlocked or valve open.
    Open,
    /// Any lock `unseated`.
    LockedNotSealed,
    /// Any enrolled part unknown or never heard, or no lock at all.
    Unknown,
    Sealed,
}

/// Whether we hear a device. `Online` = a frame within the expected interval; `Asleep` = up to twice the wake
/// interval + 5 min; `Silent` beyond; `Never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    Online,
    Asleep,
    Silent,
    Never,
}

impl LinkState {
    /// Link at `now`, from the receive time of the last frame and the wake plan of the device.
    #[must_use]
    pub fn at(now: Utc, last: Option<Utc>, expected: chrono::TimeDelta, wake: chrono::TimeDelta) -> Self {
        let Some(last) = last else { return Self::Never };
        let age = now - last;
        if age <= expected {
            Self::Online
        } else if age <= wake * 2 + chrono::TimeDelta::minutes(5) {
            Self::Asleep
        } else {
            Self::Silent
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PartState::{Closed, Open};

    #[test]
    fn a_lock_is_locked_only_when_both_parts_say_so() {
        let rows = [
            (Some(Open), None, LockState::Unlocked),
            (Some(Open), Some(Open), LockState::Unlocked),
            (Some(Open), Some(Closed), LockState::Unlocked),
            (Some(Closed), Some(Open), LockState::Unseated),
            (Some(Closed), Some(Closed), LockState::Locked),
            (Some(Closed), None, LockState::Unknown),
            (None, Some(Closed), LockState::Unknown),
            (None, Some(Open), LockState::Unknown),
            (None, None, LockState::Unknown),
        ];
        for (motor, rope, want) in rows {
            assert_eq!(LockState::from_parts(motor, rope), want, "{motor:?} {rope:?}");
        }
    }

    #[test]
    fn link_words_follow_the_wake_plan() {
        let now = Utc::UNIX_EPOCH + chrono::TimeDelta::days(1);
        let minutes = chrono::TimeDelta::minutes;
        let at = |age: i64| LinkState::at(now, Some(now - minutes(age)), minutes(5), minutes(30));
        assert_eq!(at(5), LinkState::Online);
        assert_eq!(at(6), LinkState::Asleep);
        assert_eq!(at(65), LinkState::Asleep);
        assert_eq!(at(66), LinkState::Silent);
        assert_eq!(LinkState::at(now, None, minutes(5), minutes(30)), LinkState::Never);
    }
}
