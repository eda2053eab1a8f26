//! Rows that consoles and the command line receive. Field names are those of `lockyard list --json`: UTC, `null`
//! where absent. A change to a field here is a change of the public interface and of `ipc::wire::PROTOCOL`.

use crate::domain::alarm::AlarmKind;
use crate::domain::command::{Evidence, Exchange, UnlockMethod, UnlockReason};
use crate::domain::identity::{ConflictKind, IdentityDecision, IdentityEvent, Source};
use crate::domain::journal::Transport;
use crate::domain::order::CommandClass;
use crate::domain::{
    AlarmId, AlarmState, AssetId, CommandId, DeviceKey, DeviceKind, LinkState, LockState, PartState, PhotoId,
    Position, Priority, Protocol, SealState, Utc, ValveState,
};
use serde::{Deserialize, Serialize};

/// Where something is, and when and by whom that was learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub lat: f64,
    pub lon: f64,
    /// Always a satellite fix; a message without one never moves a place.
    pub fix: bool,
    pub speed_kmh: Option<f64>,
    pub heading_deg: Option<f64>,
    pub altitude_m: Option<i32>,
    pub satellites: Option<u8>,
    /// Event time of the fix.
    pub at: Utc,
    /// ID of the device that told it: another one when the place is borrowed from a master or paired tracker.
    pub from: String,
}

impl Place {
    /// The place a position with a fix tells; `None` without one.
    #[must_use]
    pub fn of(position: &Position, at: Utc, from: &str) -> Option<Self> {
        position.fix.then(|| Self {
            lat: position.lat,
            lon: position.lon,
            fix: true,
            speed_kmh: position.speed_kmh,
            heading_deg: position.heading_deg,
            altitude_m: position.altitude_m,
            satellites: position.satellites,
            at,
            from: from.to_owned(),
        })
    }
}

/// A part of a lock with its age.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PartRow {
    pub state: PartState,
    pub since: Utc,
    pub as_of: Utc,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PartsRow {
    pub motor: Option<PartRow>,
    pub rope: Option<PartRow>,
    pub cover: Option<PartRow>,
}

/// Standing of a device in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceStatus {
    Enrolled,
    /// Heard through an enrolled master, not confirmed by a person yet. Its alarms are active.
    New,
    Quarantined,
}

/// A bit, item, word or code of a device that no paper names, counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnknownRow {
    /// Firmware it came from, as far as that was known then.
    pub firmware: Option<String>,
    /// `status bit 15`, `item 0xE7`, `word P71`, …
    pub what: String,
    pub count: u64,
    /// The last value, hex or text; empty for a bit.
    pub value: String,
    /// Receive times.
    pub first: Utc,
    pub last: Utc,
}

/// An input or output whose profile says what it is wired to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRow {
    /// 1 the first.
    pub line: u8,
    pub output: bool,
    /// `door`, `ignition`, `engine_relay`, … as in the profile.
    pub wired: String,
    pub on: bool,
    /// `door open`.
    pub text: String,
}

/// An analogue input: the count as it was sent and, with a calibration, what it means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnalogRow {
    /// 1 the first.
    pub input: u8,
    pub count: u16,
    /// `fuel`; `None` without a calibration.
    pub name: Option<String>,
    /// `None` without a calibration, and outside its points.
    pub value: Option<f64>,
    pub unit: Option<String>,
    /// `fuel 63 % (AD1 0x1f8)`, `fuel below range (AD1 0x10)`, `AD1 0x1f8`.
    pub text: String,
}

impl AnalogRow {
    /// What is known without a calibration.
    #[must_use]
    pub fn raw(input: u8, count: u16) -> Self {
        Self { input, count, name: None, value: None, unit: None, text: format!("AD{input} {count:#x}") }
    }
}

/// One device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceRow {
    pub id: String,
    /// `maker/id`: unique where `id` alone might not be.
    pub key: DeviceKey,
    pub kind: DeviceKind,
    pub protocol: Option<Protocol>,
    /// Name of the asset it is on.
    pub asset: Option<String>,
    /// ID of the master that carries its reports.
    pub bound_to: Option<String>,
    pub status: DeviceStatus,
    pub lock: Option<LockState>,
    pub valve: Option<ValveState>,
    pub parts: PartsRow,
    /// When the lock word last changed, event time.
    pub since: Option<Utc>,
    /// Event time of the oldest evidence the lock word rests on.
    pub as_of: Option<Utc>,
    pub valve_since: Option<Utc>,
    pub valve_as_of: Option<Utc>,
    pub link: LinkState,
    pub battery_pct: Option<u8>,
    pub battery_as_of: Option<Utc>,
    pub charging: Option<bool>,
    pub voltage_v: Option<f64>,
    /// GSM signal (0–31) or, for a sub-device, the radio's dBm.
    pub signal: Option<i16>,
    pub temperature_c: Option<f64>,
    pub humidity_pct: Option<u8>,
    pub ignition: Option<bool>,
    /// Inputs and outputs as the tracker sent them, line 1 first: `00010`.
    pub inputs: Option<String>,
    pub outputs: Option<String>,
    /// Those of them that its profile names, in words.
    #[serde(default)]
    pub lines: Vec<LineRow>,
    /// Event time of inputs, outputs and `lines`.
    #[serde(default)]
    pub lines_as_of: Option<Utc>,
    /// Its analogue inputs.
    #[serde(default)]
    pub analog: Vec<AnalogRow>,
    #[serde(default)]
    pub analog_as_of: Option<Utc>,
    pub odometer_m: Option<u64>,
    pub position: Option<Place>,
    pub last_received: Option<Utc>,
    /// Our clock minus the device's, seconds, when they differ by more than two minutes.
    pub clock_off_s: Option<i64>,
    pub peer: Option<String>,
    pub transport: Option<Transport>,
    pub firmware: Option<String>,
    /// What it said that could not be understood, at most 64 kinds.
    #[serde(default)]
    pub unknown: Vec<UnknownRow>,
    /// How often it said something beyond those 64 kinds.
    #[serde(default)]
    pub unknown_others: u64,
    /// Frames of this device since the node started.
    pub frames: u64,
    /// Two sources for its ID; stays for a day after an operator decided.
    #[serde(default)]
    pub conflict: Option<ConflictRow>,
    /// What was noticed about its identity, newest last.
    #[serde(default)]
    pub identity: Vec<IdentityEvent>,
}

/// Two sources for one ID.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConflictRow {
    pub kind: ConflictKind,
    /// The source that was there before, and the one that came later.
    pub first: Source,
    pub second: Source,
    pub since: Utc,
    /// When there was evidence last, and how often.
    pub last: Utc,
    pub count: u32,
    /// Frames of a rejected source: stored and answered, but not believed.
    pub ignored: u64,
    /// `None`: physical commands are blocked until somebody decides.
    pub decided: Option<DecidedRow>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecidedRow {
    pub decision: IdentityDecision,
    pub accepted: Source,
    pub by: String,
    pub at: Utc,
    pub note: String,
}

impl DeviceRow {
    /// The row of a device nothing is known of but this.
    #[must_use]
    pub fn unheard(key: DeviceKey, kind: DeviceKind, status: DeviceStatus) -> Self {
        Self {
            id: key.id.to_string(),
            key,
            kind,
            protocol: None,
            asset: None,
            bound_to: None,
            status,
            lock: kind.has_lock().then_some(LockState::Unknown),
            valve: (kind == DeviceKind::ValveLock).then_some(ValveState::Unknown),
            parts: PartsRow::default(),
            since: None,
            as_of: None,
            valve_since: None,
            valve_as_of: None,
            link: LinkState::Never,
            battery_pct: None,
            battery_as_of: None,
            charging: None,
            voltage_v: None,
            signal: None,
            temperature_c: None,
            humidity_pct: None,
            ignition: None,
            inputs: None,
            outputs: None,
            lines: Vec::new(),
            lines_as_of: None,
            analog: Vec::new(),
            analog_as_of: None,
            odometer_m: None,
            position: None,
            last_received: None,
            clock_off_s: None,
            peer: None,
            transport: None,
            firmware: None,
            unknown: Vec::new(),
            unknown_others: 0,
            frames: 0,
            conflict: None,
            identity: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssetRow {
    pub id: AssetId,
    /// Unique ASCII code; an operator types its last four characters to confirm an opening.
    pub code: String,
    pub name: String,
    pub plate: Option<String>,
    pub seal: SealState,
    pub since: Option<Utc>,
    /// As of the oldest part.
    pub as_of: Option<Utc>,
    /// Worst open alarm.
    pub worst_alarm: Option<Priority>,
    pub position: Option<Place>,
    /// IDs of its devices, masters before what is bound to them.
    pub devices: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AckRow {
    pub by: String,
    pub at: Utc,
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmRow {
    pub id: AlarmId,
    /// `asset-code/device-id/kind`, or `node/kind`.
    pub key: String,
    pub kind: AlarmKind,
    pub asset: Option<String>,
    pub device: Option<String>,
    pub priority: Priority,
    /// The evidence in one line, for people.
    pub reason: String,
    pub state: AlarmState,
    /// Event time of the first and of the last evidence.
    pub first: Utc,
    pub last: Utc,
    pub count: u32,
    /// Receive time of the last evidence minus its event time exceeded ten minutes: it came late.
    pub late: bool,
    pub ack: Option<AckRow>,
    /// Whether a person may end it now (latched and over, or no evidence can end it), once acknowledged.
    pub can_reset: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandRow {
    pub id: CommandId,
    /// Always `unlock` so far.
    pub kind: String,
    pub method: UnlockMethod,
    /// ID of the lock that moves.
    pub target: String,
    /// ID of the device it is sent to.
    pub via: String,
    pub asset: Option<String>,
    pub exchange: Exchange,
    pub evidence: Evidence,
    pub by: String,
    pub reason: UnlockReason,
    pub note: String,
    pub created: Utc,
    pub expires: Utc,
    pub sent: Option<Utc>,
    pub answered: Option<Utc>,
    /// Event time (corrected device clock) of the evidence.
    pub evidence_at: Option<Utc>,
    /// What the device answered, why it was withheld, or the verdict, in words.
    pub detail: Option<String>,
    /// Whether it keeps another command for the same target waiting.
    pub blocks: bool,
}

/// A column that a row has only so that all rows of a list read alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum NotApplicable {
    #[default]
    #[serde(rename = "n/a")]
    Word,
}

/// What reading back a setting, or a list that was written, showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verified {
    /// The device holds what was asked.
    Yes,
    /// It holds something else.
    No,
    /// It could not be read back, or its answer cannot be compared.
    Unknown,
}

/// What a device is told that moves no lock. Stands in one list with the [`CommandRow`]s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderRow {
    pub id: CommandId,
    /// Name in the catalogue, or `bind` for a binding list read, changed and read back.
    pub kind: String,
    pub class: CommandClass,
    /// ID of the device it is about.
    pub target: String,
    /// ID of the device it is sent to.
    pub via: String,
    pub asset: Option<String>,
    /// Arguments by name.
    pub args: Vec<(String, String)>,
    pub exchange: Exchange,
    /// Nothing moves.
    pub evidence: NotApplicable,
    pub by: String,
    /// The note it was given.
    pub reason: Option<String>,
    pub created: Utc,
    pub expires: Utc,
    /// When it was sent last.
    pub sent: Option<Utc>,
    pub answered: Option<Utc>,
    pub evidence_at: Option<Utc>,
    /// Times it was sent.
    pub attempts: u8,
    /// What left, as text, secrets masked.
    pub shown: Option<String>,
    /// What the device said, secrets masked.
    pub answer: Option<String>,
    /// What that means, where its shape is known.
    pub told: Option<String>,
    /// What came of it, in words.
    pub detail: Option<String>,
    /// What reading back showed, once it did.
    pub verified: Option<Verified>,
    /// The order it is a step of.
    pub part_of: Option<CommandId>,
    /// Something is still to come of it.
    pub open: bool,
}

impl OrderRow {
    /// Whether nothing more comes of it by itself. `read_back`: it is a setting that is read back once it is answered.
    #[must_use]
    pub fn is_over(&self, read_back: bool) -> bool {
        let awaits_reading = read_back
            && self.verified.is_none()
            && self.answered.is_some()
            && matches!(self.exchange, Exchange::AnsweredOk | Exchange::Uncertain);
        !self.open && !awaits_reading
    }
}

/// How far a photo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoState {
    /// Being fetched, or waiting for it.
    Offered,
    Complete,
    /// A part of it came, or nothing; it will not be asked for again.
    Incomplete,
    /// The camera gave none.
    None,
    /// Its file gave way to newer ones.
    Removed,
}

impl PhotoState {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::None => "none",
            Self::Removed => "removed",
        }
    }
}

/// A photo a tracker offered. The last 20 of each device are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhotoRow {
    pub id: PhotoId,
    pub device: String,
    pub key: DeviceKey,
    pub asset: Option<String>,
    pub state: PhotoState,
    pub camera: Option<u8>,
    /// The device's own time of the picture.
    pub taken: Option<Utc>,
    /// When the offer was received.
    pub offered: Utc,
    /// Bytes as offered, and those that came.
    pub size: u32,
    pub received: Option<u32>,
    /// Of the bytes that came, hex.
    pub sha256: Option<String>,
    /// Below the node's data directory.
    pub file: Option<String>,
    pub position: Option<Place>,
    /// Why it is not complete, or what is doubtful about it.
    pub why: Option<String>,
}

/// A device ID that knocks and is not enrolled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuarantineRow {
    pub key: DeviceKey,
    pub protocol: Protocol,
    /// Best guess from what it says.
    pub kind: DeviceKind,
    pub peer: String,
    pub transport: Transport,
    pub first: Utc,
    pub last: Utc,
    pub frames: u64,
    pub position: Option<Place>,
    /// Why it is here, for people.
    pub why: String,
}

/// Frames or bytes that could not be read, counted by reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefusedRow {
    pub reason: String,
    pub count: u64,
    pub last: Utc,
    pub peer: String,
    /// First bytes of the last one, hex, at most 256 bytes.
    pub sample: String,
    /// Bytes it had.
    #[serde(default)]
    pub length: usize,
    /// Which protocol the sample comes nearest to, and what keeps it from being a frame of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
    /// ID it claimed, if one could be read.
    pub device: Option<String>,
}

/// The node's own health.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NodeRow {
    pub name: String,
    pub version: String,
    pub started: Option<Utc>,
    pub demo: bool,
    pub auto_enrol: bool,
    /// `tcp 0.0.0.0:8888`, …
    pub listening: Vec<String>,
    pub data_dir: String,
    pub connections: u64,
    /// Connections closed at once because a bound of `[limits]` was reached.
    pub turned_away: u64,
    pub frames: u64,
    pub frames_per_minute: u64,
    pub duplicates: u64,
    pub refused: u64,
    pub quarantined: u64,
    pub dropped_datagrams: u64,
    /// Pieces of photos that nobody had asked for.
    #[serde(default)]
    pub unasked_pieces: u64,
    pub journal_seq: i64,
    pub journal_bytes: u64,
    pub journal_limit_bytes: u64,
    pub disk_free_bytes: u64,
    /// Milliseconds the last commit took.
    pub commit_ms: f64,
    /// Set while the store cannot write: nothing is acknowledged to devices meanwhile.
    pub store_error: Option<String>,
    pub consoles: u64,
}

/// Everything, once, when a console attaches.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    pub assets: Vec<AssetRow>,
    pub devices: Vec<DeviceRow>,
    pub alarms: Vec<AlarmRow>,
    pub commands: Vec<CommandRow>,
    #[serde(default)]
    pub orders: Vec<OrderRow>,
    pub photos: Vec<PhotoRow>,
    pub quarantine: Vec<QuarantineRow>,
    pub refused: Vec<RefusedRow>,
    pub node: NodeRow,
}

/// Rows that changed since the last delta; a row replaces the one of the same id. Alarms in state `normal` leave the
/// list. `quarantine`, `refused` and `node` are whole lists when present.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Delta {
    pub assets: Vec<AssetRow>,
    pub devices: Vec<DeviceRow>,
    pub alarms: Vec<AlarmRow>,
    pub commands: Vec<CommandRow>,
    #[serde(default)]
    pub orders: Vec<OrderRow>,
    pub photos: Vec<PhotoRow>,
    pub quarantine: Option<Vec<QuarantineRow>>,
    pub refused: Option<Vec<RefusedRow>>,
    pub node: Option<NodeRow>,
}
