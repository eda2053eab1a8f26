//! Words of the alarm list. The state machine is in `fleet::alarms`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// P1 critical … P4 low; the order is by severity, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Priority {
    P1,
    P2,
    P3,
    P4,
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
        })
    }
}

/// States after ISA-18.2; the letters are those of the standard's diagram. `A` (normal) rows leave the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// A: over and, where that is needed, acknowledged. Kept only as history.
    Normal,
    /// B: true, nobody acknowledged.
    UnackActive,
    /// C: true, acknowledged.
    AckActive,
    /// D: over, never acknowledged.
    UnackReturned,
    /// E: over, needs a reset, not acknowledged.
    LatchedUnack,
    /// F: over, acknowledged, waits for reset.
    LatchedAck,
}

impl AlarmState {
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Normal => 'A',
            Self::UnackActive => 'B',
            Self::AckActive => 'C',
            Self::UnackReturned => 'D',
            Self::LatchedUnack => 'E',
            Self::LatchedAck => 'F',
        }
    }

    #[must_use]
    pub fn is_unacknowledged(self) -> bool {
        matches!(self, Self::UnackActive | Self::UnackReturned | Self::LatchedUnack)
    }

    /// Whether the condition itself still holds.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::UnackActive | Self::AckActive)
    }
}

/// What an alarm is about, in one word. Where an event of that name exists it is the event's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    RopeCut,
    Tamper,
    BackCoverOpened,
    IllegalCard,
    WrongPasswordLimit,
    OpenRefused,
    UnlockedTooLong,
    MotorFault,
    LowBattery,
    LowBackupBattery,
    Sos,
    PowerCut,
    SignalLost,
    ValveOpened,
    OpenedStaticUnexplained,
    OpenedDynamicUnexplained,
    OpenedBluetoothUnexplained,
    OpenedLoraUnexplained,
    OpenedUnknown,
    Vibration,
    Overspeed,
    Tow,
    Movement,
    HarshAcceleration,
    HarshBraking,
    Fatigue,
    Custom,
    /// Two sources for one ID.
    DuplicateIdentity,
    CommandUncertain,
    DiskLow,
}

impl AlarmKind {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::RopeCut => "rope_cut",
            Self::Tamper => "tamper",
            Self::BackCoverOpened => "back_cover_opened",
            Self::IllegalCard => "illegal_card",
            Self::WrongPasswordLimit => "wrong_password_limit",
            Self::OpenRefused => "open_refused",
            Self::UnlockedTooLong => "unlocked_too_long",
            Self::MotorFault => "motor_fault",
            Self::LowBattery => "low_battery",
            Self::LowBackupBattery => "low_backup_battery",
            Self::Sos => "sos",
            Self::PowerCut => "power_cut",
            Self::SignalLost => "signal_lost",
            Self::ValveOpened => "valve_opened",
            Self::OpenedStaticUnexplained => "opened_static_unexplained",
            Self::OpenedDynamicUnexplained => "opened_dynamic_unexplained",
            Self::OpenedBluetoothUnexplained => "opened_bluetooth_unexplained",
            Self::OpenedLoraUnexplained => "opened_lora_unexplained",
            Self::OpenedUnknown => "opened_unknown",
            Self::Vibration => "vibration",
            Self::Overspeed => "overspeed",
            Self::Tow => "tow",
            Self::Movement => "movement",
            Self::HarshAcceleration => "harsh_acceleration",
            Self::HarshBraking => "harsh_braking",
            Self::Fatigue => "fatigue",
            Self::Custom => "custom",
            Self::DuplicateIdentity => "duplicate_identity",
            Self::CommandUncertain => "command_uncertain",
            Self::DiskLow => "disk_low",
        }
    }
}
