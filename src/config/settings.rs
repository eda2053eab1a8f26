//! All settings with their defaults. `config/default.toml` explains each; the two are held equal by test.

use super::device::{self, Device};
use super::values::{self, Listen};
use crate::domain::DeviceKind;
use crate::domain::message::WlnetAck;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;
use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    #[serde(deserialize_with = "values::listen_list")]
    pub listen: Vec<Listen>,
    /// Empty: `lockyard` in the XDG data directory, see [`super::data_dir`].
    pub data: PathBuf,
    #[serde(deserialize_with = "values::zone", serialize_with = "values::write_zone")]
    pub zone: chrono_tz::Tz,
    pub auto_enrol: bool,
    pub socket: SocketSettings,
    pub store: StoreSettings,
    pub photos: PhotoSettings,
    pub limits: Limits,
    pub jointech: JointechSettings,
    pub link: Links,
    pub commands: Commands,
    pub console: ConsoleSettings,
    #[serde(rename = "device", deserialize_with = "device::list", skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![Listen { ip: None, port: 8888 }],
            data: PathBuf::new(),
            zone: chrono_tz::Tz::UTC,
            auto_enrol: false,
            socket: SocketSettings::default(),
            store: StoreSettings::default(),
            photos: PhotoSettings::default(),
            limits: Limits::default(),
            jointech: JointechSettings::default(),
            link: Links::default(),
            commands: Commands::default(),
            console: ConsoleSettings::default(),
            devices: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SocketSettings {
    /// Operating-system group whose members may attach; empty: only the node's own user.
    pub group: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// Bytes of disk the database may use.
    #[serde(deserialize_with = "values::size", serialize_with = "values::write_size")]
    pub limit: u64,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { limit: 10_000_000_000 }
    }
}

/// Photos that trackers offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhotoSettings {
    /// Bytes of the largest one that is fetched.
    #[serde(deserialize_with = "values::photo_size", serialize_with = "values::write_size")]
    pub limit: u64,
    /// Bytes of all of them on disk.
    #[serde(deserialize_with = "values::photos_size", serialize_with = "values::write_size")]
    pub keep: u64,
    /// A piece that has not come after this time is asked for again.
    #[serde(
        deserialize_with = "values::duration::<_, 1, { 2 * MINUTE }>",
        serialize_with = "values::write_duration"
    )]
    pub retry: Duration,
}

impl Default for PhotoSettings {
    fn default() -> Self {
        Self { limit: 1_000_000, keep: 500_000_000, retry: Duration::from_secs(12) }
    }
}

/// Limits at the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    #[serde(deserialize_with = "values::number::<_, 1, 1_000_000>")]
    pub connections: u32,
    /// Of one address; a mobile carrier puts many devices behind one.
    #[serde(deserialize_with = "values::number::<_, 1, 1_000_000>")]
    pub per_address: u32,
    #[serde(
        deserialize_with = "values::duration::<_, 1, { 10 * MINUTE }>",
        serialize_with = "values::write_duration"
    )]
    pub first_frame: Duration,
    #[serde(
        deserialize_with = "values::duration::<_, MINUTE, DAY>",
        serialize_with = "values::write_duration"
    )]
    pub idle: Duration,
    #[serde(deserialize_with = "values::number::<_, 64, 65_536>")]
    pub rubbish_bytes: u32,
    /// Datagrams of one IP address in a second.
    #[serde(deserialize_with = "values::number::<_, 1, 1_000_000>")]
    pub datagrams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            per_address: 2_000,
            first_frame: Duration::from_secs(30),
            idle: Duration::from_secs(45 * MINUTE),
            rubbish_bytes: 4096,
            datagrams: 500,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JointechSettings {
    pub wlnet_ack: WlnetAck,
}

/// How often a kind of device is heard; decides the word of its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LinkPlan {
    /// `online` while the last frame is no older.
    #[serde(serialize_with = "values::write_duration")]
    pub expected: Duration,
    /// `asleep` up to twice this and five minutes, `silent` beyond.
    #[serde(serialize_with = "values::write_duration")]
    pub wake: Duration,
}

impl LinkPlan {
    const fn minutes(expected: u64, wake: u64) -> Self {
        Self { expected: Duration::from_secs(expected * MINUTE), wake: Duration::from_secs(wake * MINUTE) }
    }

    /// What a table leaves out stays as in `self`.
    fn overlaid<'de, D: Deserializer<'de>>(self, from: D) -> Result<Self, D::Error> {
        let part = PlanTable::deserialize(from)?;
        Ok(Self { expected: part.expected.unwrap_or(self.expected), wake: part.wake.unwrap_or(self.wake) })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanTable {
    #[serde(default, deserialize_with = "some_duration")]
    expected: Option<Duration>,
    #[serde(default, deserialize_with = "some_duration")]
    wake: Option<Duration>,
}

fn some_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    values::duration::<D, 1, { 30 * DAY }>(from).map(Some)
}

/// A plan for each kind of device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Links {
    #[serde(deserialize_with = "tracker_plan")]
    pub tracker: LinkPlan,
    #[serde(deserialize_with = "master_plan")]
    pub master_lock: LinkPlan,
    #[serde(deserialize_with = "seal_plan")]
    pub seal: LinkPlan,
    #[serde(deserialize_with = "sub_lock_plan")]
    pub sub_lock: LinkPlan,
    #[serde(deserialize_with = "valve_lock_plan")]
    pub valve_lock: LinkPlan,
    #[serde(deserialize_with = "sensor_plan")]
    pub sensor: LinkPlan,
}

/// Trackers report while driving every 10 s to 20 min and are quiet when parked. A JT701D wakes every 30 minutes
/// (its manual); seals are set alike. Sub-locks and valve locks have no heartbeat: they speak when moved.
impl Default for Links {
    fn default() -> Self {
        Self {
            tracker: LinkPlan::minutes(5, 30),
            master_lock: LinkPlan::minutes(5, 30),
            seal: LinkPlan::minutes(5, 30),
            sub_lock: LinkPlan::minutes(12 * 60, 12 * 60),
            valve_lock: LinkPlan::minutes(12 * 60, 12 * 60),
            sensor: LinkPlan::minutes(30, 60),
        }
    }
}

impl Links {
    #[must_use]
    pub fn of(&self, kind: DeviceKind) -> LinkPlan {
        match kind {
            DeviceKind::Tracker => self.tracker,
            DeviceKind::MasterLock => self.master_lock,
            DeviceKind::Seal => self.seal,
            DeviceKind::SubLock => self.sub_lock,
            DeviceKind::ValveLock => self.valve_lock,
            DeviceKind::Sensor => self.sensor,
        }
    }
}

fn tracker_plan<'de, D: Deserializer<'de>>(from: D) -> Result<LinkPlan, D::Error> {
    Links::default().tracker.overlaid(from)
}

fn master_plan<'de, D: Deserializer<'de>>(from: D) -> Result<LinkPlan, D::Error> {
    Links::default().master_lock.overlaid(from)
}

fn seal_plan<'de, D: Deserializer<'de>>(from: D) -> Result<LinkPlan, D::Error> {
    Links::default().seal.overlaid(from)
}

fn sub_lock_plan<'de, D: Deserializer<'de>>(from: D) -> Result<LinkPlan, D::Error> {
    Links::default().sub_lock.overlaid(from)
}

fn valve_lock_plan<'de, D: Deserializer<'de>>(from: D) -> Result<LinkPlan, D::Error> {
    Links::default().valve_lock.overlaid(from)
}

fn sensor_plan<'de, D: Deserializer<'de>>(from: D) -> Result<LinkPlan, D::Error> {
    Links::default().sensor.overlaid(from)
}

/// Models whose opening through a master was proven on a bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BenchModel {
    #[serde(rename = "JT709")]
    Jt709,
    #[serde(rename = "JT709Ex")]
    Jt709Ex,
    #[serde(rename = "JT801")]
    Jt801,
    #[serde(rename = "JT802")]
    Jt802,
}

/// Opening a lock: times and limits, see the life cycle of commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Commands {
    #[serde(
        deserialize_with = "values::duration::<_, MINUTE, { 4 * HOUR }>",
        serialize_with = "values::write_duration"
    )]
    pub validity: Duration,
    #[serde(
        deserialize_with = "values::duration::<_, 30, { 5 * MINUTE }>",
        serialize_with = "values::write_duration"
    )]
    pub answer_wait: Duration,
    #[serde(
        deserialize_with = "values::duration::<_, { 3 * MINUTE }, { 15 * MINUTE }>",
        serialize_with = "values::write_duration"
    )]
    pub evidence_watch: Duration,
    /// How long a master offers an opening to a sub-lock.
    #[serde(deserialize_with = "values::number::<_, 1, 5>")]
    pub relay_minutes: u32,
    /// Faster, and nothing is opened.
    #[serde(deserialize_with = "values::number::<_, 0, 10>")]
    pub max_speed_kmh: u32,
    pub proven_on_bench: Vec<BenchModel>,
}

impl Default for Commands {
    fn default() -> Self {
        Self {
            validity: Duration::from_secs(45 * MINUTE),
            answer_wait: Duration::from_secs(60),
            evidence_watch: Duration::from_secs(5 * MINUTE),
            relay_minutes: 5,
            max_speed_kmh: 5,
            proven_on_bench: Vec::new(),
        }
    }
}

/// When to draw with ASCII characters only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ascii {
    /// Where the locale is not UTF-8.
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsoleSettings {
    #[serde(deserialize_with = "values::name")]
    pub theme: String,
    pub ascii: Ascii,
    pub bell: bool,
    #[serde(deserialize_with = "values::number::<_, 1, 10>")]
    pub fps: u32,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        Self { theme: "default".into(), ascii: Ascii::Auto, bell: true, fps: 10 }
    }
}
