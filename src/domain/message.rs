//! What a device said: the message behind a frame, in the words of the vocabulary.

use super::{Details, DeviceKey, LockState, Maker, Parts, Unknown, Utc, ValveState};
use serde::{Deserialize, Serialize};

/// Which wire protocol a frame is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    JointechMaster,
    JointechSeal,
    JointechLegacy,
    Bofan,
    Unknown,
}

impl Protocol {
    /// The maker whose ID space the protocol's device IDs live in.
    #[must_use]
    pub fn maker(self) -> Option<Maker> {
        match self {
            Self::JointechMaster | Self::JointechSeal | Self::JointechLegacy => Some(Maker::Jointech),
            Self::Bofan => Some(Maker::Bofan),
            Self::Unknown => None,
        }
    }

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::JointechMaster => "jointech-master",
            Self::JointechSeal => "jointech-seal",
            Self::JointechLegacy => "jointech-legacy",
            Self::Bofan => "bofan",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    Position,
    LockReport,
    SubDevice,
    Heartbeat,
    TimeRequest,
    DynamicPassword,
    CommandReply,
    PhotoOffer,
    PhotoChunk,
    Firmware,
    Registration,
    Other,
    Invalid,
}

/// Where a device says it is. Degrees WGS 84 rounded to 6 places, speed in km/h rounded to 0.1, heading in degrees
/// true, altitude in metres.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Position {
    pub lat: f64,
    pub lon: f64,
    /// A real satellite fix. Without one the coordinates *and the speed* are stale: the asset must not be moved.
    pub fix: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_kmh: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading_deg: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altitude_m: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satellites: Option<u8>,
}

/// How a lock was opened or was refused to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenedBy {
    Rfid,
    RemoteStatic,
    RemoteDynamic,
    Bluetooth,
    AppStatic,
    AppDynamic,
    SmsStatic,
    SmsDynamic,
    Lora,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockedBy {
    Auto,
    Rope,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedWhy {
    WrongPassword,
    IllegalCard,
    OutsideFence,
    NoFix,
    NotVerified,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportWhy {
    Timed,
    Button,
    Bluetooth,
    Charging,
}

/// What woke a sleeping device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WakeSource {
    Restart,
    Timer,
    Vibration,
    BackCover,
    Rope,
    Charging,
    Rfid,
    Lora,
    SmsVip,
    SmsOther,
    Bluetooth,
    Button,
    Unknown,
}

/// Something that happened to a device. Serialised as `{"name": "opened", "by": "rfid", …}`.
///
/// Text inside has been cleaned of control characters by the decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum DeviceEvent {
    Locked {
        by: LockedBy,
    },
    Opened {
        by: OpenedBy,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        card: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fence: Option<u8>,
    },
    OpenRefused {
        by: OpenedBy,
        why: RefusedWhy,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        card: Option<String>,
    },
    ValveOpened,
    ValveClosed,
    RopePulled,
    RopeInserted,
    RopeCut,
    BackCoverOpened,
    Tamper,
    MotorFault,
    UnlockedTooLong,
    WrongPasswordLimit,
    IllegalCard,
    Vibration,
    LowBattery,
    Charging,
    SignalLost,
    Wake {
        source: WakeSource,
    },
    VehicleCard {
        card: String,
    },
    /// Cards were enrolled at the lock itself, unasked (`P42`).
    CardsEnrolled {
        cards: Vec<String>,
    },
    GeofenceEnter {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fence: Option<u8>,
    },
    GeofenceExit {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fence: Option<u8>,
    },
    Geofence {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fence: Option<u8>,
    },
    Sos,
    Overspeed,
    PowerCut,
    LowBackupBattery,
    Tow,
    HarshAcceleration,
    HarshBraking,
    Fatigue,
    Movement,
    Input {
        line: u8,
        on: bool,
    },
    IgnitionOn,
    IgnitionOff,
    Driver {
        id: String,
    },
    Photo {
        size: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        camera: Option<u8>,
    },
    Report {
        why: ReportWhy,
    },
    /// Any code we do not know: never dropped.
    Custom {
        code: String,
    },
}

/// Conditions that a device repeats in every report as long as they hold (status bits), as opposed to events that
/// it reports once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    RopeCut,
    Vibration,
    UnlockedTooLong,
    WrongPasswordLimit,
    IllegalCard,
    LowBattery,
    BackCoverOpened,
    MotorFault,
    GeofenceEnter,
    GeofenceExit,
    Overspeed,
    Sos,
    SignalLost,
    Tamper,
}

impl Level {
    pub const ALL: [Self; 14] = [
        Self::RopeCut,
        Self::Vibration,
        Self::UnlockedTooLong,
        Self::WrongPasswordLimit,
        Self::IllegalCard,
        Self::LowBattery,
        Self::BackCoverOpened,
        Self::MotorFault,
        Self::GeofenceEnter,
        Self::GeofenceExit,
        Self::Overspeed,
        Self::Sos,
        Self::SignalLost,
        Self::Tamper,
    ];

    fn bit(self) -> u32 {
        1 << (self as u8)
    }
}

/// The levels one message reports, and which of them hold. A level that the message does not report stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "(u32, u32)", into = "(u32, u32)")]
pub struct Levels {
    known: u32,
    set: u32,
}

impl Levels {
    /// Records that the message reports `level`, holding or not.
    pub fn report(&mut self, level: Level, holds: bool) {
        self.known |= level.bit();
        if holds {
            self.set |= level.bit();
        } else {
            self.set &= !level.bit();
        }
    }

    /// `Some(holds)` when the message reports this level.
    #[must_use]
    pub fn get(self, level: Level) -> Option<bool> {
        (self.known & level.bit() != 0).then_some(self.set & level.bit() != 0)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known == 0
    }
}

impl From<(u32, u32)> for Levels {
    fn from((known, set): (u32, u32)) -> Self {
        Self { known, set: set & known }
    }
}

impl From<Levels> for (u32, u32) {
    fn from(levels: Levels) -> Self {
        (levels.known, levels.set)
    }
}

/// Which serial acknowledges a sub-device's report. The manual's example and the vendor's SDK use the sub-device's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WlnetAck {
    #[default]
    SubDevice,
    Frame,
    /// A last resort: both numbers are one byte wide and the wrong one can clear another record.
    Both,
}

/// A device that reports through a master lock: JT709/JT709Ex sub-lock, JT801/JT802 valve lock, JT126 sensor.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SubDevice {
    /// Ten upper-case hex digits.
    pub id: String,
    /// Type number as on the wire: 1 JT126, 4 JT709/JT709Ex, 5 JT801, 6 JT802, 9 JT802 (newer manual).
    #[serde(rename = "type")]
    pub type_code: u8,
    /// The master's clock when it forwarded the report; the message's `time` is the sub-device's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master_time: Option<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rssi_dbm: Option<i16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_c: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub humidity_pct: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycles: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_lost: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_voltage: Option<bool>,
}

/// A reply to a command: its word and parameters. Secret parameters read `••••••`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CommandReply {
    pub word: String,
    pub params: Vec<String>,
}

/// A device's word about an unlock command of ours. It does not say that the lock moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnlockReply {
    /// `P43` / `P52,3`: accepted or refused, with the device's count of wrong passwords if it told one.
    Password { dynamic: bool, accepted: bool, wrong: Option<u8> },
    /// `WLNET,8` echoed by the master: it holds the relay. Names no outcome.
    RelayEcho,
}

impl CommandReply {
    /// Reads the reply to an unlock (JT701D manual V1.4; `WLNET,8` echo shape documented, outcome not).
    #[must_use]
    pub fn unlock(&self) -> Option<UnlockReply> {
        let item = |n: usize| self.params.get(n).map(String::as_str);
        let password = |dynamic, at: usize| match item(at) {
            Some(flag @ ("0" | "1")) => Some(UnlockReply::Password {
                dynamic,
                accepted: flag == "1",
                wrong: item(at.saturating_add(1)).and_then(|n| n.parse().ok()),
            }),
            _ => None,
        };
        match (self.word.as_str(), item(0)) {
            ("P43", _) => password(false, 0),
            ("P52", Some("3")) => password(true, 1),
            ("WLNET", Some("8")) => Some(UnlockReply::RelayEcho),
            _ => None,
        }
    }
}

/// One message: what a frame, or one record of a frame, means. The object that `lockyard decode` prints.
///
/// A field that the message does not carry is `None`; nothing is invented. In a `sub_device` message `device` and
/// `position` are the master's; lock, parts, valve, levels, events, battery, voltage, charging, serial, time and
/// `replayed` are the sub-device's. Secrets never enter a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub protocol: Protocol,
    pub kind: MessageKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Device clock in UTC; `None` if the message has none or the clock was never set (a date before 2005).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Utc>,
    /// Sent from the device's memory, not as it happened.
    #[serde(default)]
    pub replayed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<LockState>,
    #[serde(default, skip_serializing_if = "Parts::is_empty")]
    pub parts: Parts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valve: Option<ValveState>,
    #[serde(default, skip_serializing_if = "Levels::is_empty")]
    pub levels: Levels,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<DeviceEvent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_pct: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charging: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voltage_v: Option<f64>,
    /// GSM signal as the device gives it (0–31 on Jointech).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub odometer_m: Option<u64>,
    /// The device's own number for this record, the one to acknowledge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u32>,
    /// Tracker input lines, left to right = line 1, 2, 3 … (`0`/`1`), as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// Tracker output lines, the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_device: Option<SubDevice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandReply>,
    /// Jointech master: protocol version byte of a binary frame; decides how its other frames are acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u8>,
    /// What else it says, by name.
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
    /// What no paper names: kept, counted, never an error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Unknown>,
    /// For `invalid`: what is wrong, at which byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Message {
    #[must_use]
    pub fn new(protocol: Protocol, kind: MessageKind) -> Self {
        Self {
            protocol,
            kind,
            device: None,
            time: None,
            replayed: false,
            position: None,
            lock: None,
            parts: Parts::default(),
            valve: None,
            levels: Levels::default(),
            events: Vec::new(),
            battery_pct: None,
            charging: None,
            voltage_v: None,
            signal: None,
            odometer_m: None,
            serial: None,
            inputs: None,
            outputs: None,
            sub_device: None,
            command: None,
            version: None,
            details: Details::default(),
            unknown: Vec::new(),
            error: None,
        }
    }

    /// The key of the device that sent the frame (for a sub-device report: of the master).
    #[must_use]
    pub fn device_key(&self) -> Option<DeviceKey> {
        Some(DeviceKey::new(self.protocol.maker()?, self.device.as_deref()?))
    }

    /// The key of the sub-device the message is about, if it is about one.
    #[must_use]
    pub fn sub_device_key(&self) -> Option<DeviceKey> {
        Some(DeviceKey::new(self.protocol.maker()?, &self.sub_device.as_ref()?.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_read_like_the_vocabulary() {
        let event = DeviceEvent::Opened { by: OpenedBy::Rfid, card: Some("0012260888".into()), fence: None };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(json, r#"{"name":"opened","by":"rfid","card":"0012260888"}"#);
        assert_eq!(serde_json::from_str::<DeviceEvent>(&json).unwrap(), event);
        assert_eq!(serde_json::to_string(&DeviceEvent::RopeCut).unwrap(), r#"{"name":"rope_cut"}"#);
    }

    #[test]
    fn unlock_replies_are_read_by_word_and_flag() {
        let reply = |word: &str, params: &[&str]| {
            CommandReply { word: word.into(), params: params.iter().map(|p| (*p).into()).collect() }.unlock()
        };
        let told = |dynamic, accepted, wrong| Some(UnlockReply::Password { dynamic, accepted, wrong });
        assert_eq!(reply("P43", &["1", "0"]), told(false, true, Some(0)));
        assert_eq!(reply("P43", &["0", "2"]), told(false, false, Some(2)));
        assert_eq!(reply("P52", &["3", "1", "0"]), told(true, true, Some(0)));
        assert_eq!(reply("P52", &["1", "1", "0"]), None);
        assert_eq!(reply("P43", &["x"]), None);
        assert_eq!(reply("WLNET", &["8", "0", "E03B60000A"]), Some(UnlockReply::RelayEcho));
        assert_eq!(reply("WLNET", &["1", "0"]), None);
    }

    #[test]
    fn levels_keep_unreported_apart_from_off() {
        let mut levels = Levels::default();
        assert_eq!(levels.get(Level::RopeCut), None);
        levels.report(Level::RopeCut, false);
        levels.report(Level::Tamper, true);
        let text = serde_json::to_string(&levels).unwrap();
        let back: Levels = serde_json::from_str(&text).unwrap();
        assert_eq!(back.get(Level::RopeCut), Some(false));
        assert_eq!(back.get(Level::Tamper), Some(true));
        assert_eq!(back.get(Level::Vibration), None);
    }
}
