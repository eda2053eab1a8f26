//! How the journal writes frames: what `Message` says, with short keys and without what is the default. Frames are
//! nearly all of a journal, so every byte counts; the words of `decode` and `list` are not touched by it.
//!
//! A record: `d` device, `n` transport, `a` peer, `o` first of its connection (no), `l` overtaken
//! (no), `h` held up (no), `m` messages. A message, each key left out where it would say the
//! default in brackets: `p` protocol (jointech-master), `k` kind (position), `d` device (the record's; `nd` = none),
//! `t` time in milliseconds since 1970 (none), `r` replayed (no), `w` where, `s` parts as motor, rope, cover with
//! `c`losed, `o`pen or `-` (nothing), `l` lock (what the parts say; `nl` = none), `v` valve, `i` levels as [known,
//! set], `e` events, `b` battery, `c` charging, `u` volts, `g` signal, `o` odometer, `q` serial, `in` inputs, `out`
//! outputs, `sub` sub-device, `cmd` command, `ver` version, `x` details (Bofan only), `fw` firmware
//! (all others), `un` unknown, `err` error. A place: `y` latitude, `x` longitude, `f` fix
//! (yes), `s` speed, `h` heading, `z` altitude, `n` satellites.
//!
//! Records with the long names (`device`, `transport`, `peer`, `messages`) are read, too.

use super::identity::Arrival;
use super::journal::{FrameRecord, Transport};
use super::message::{CommandReply, Levels, SubDevice};
use super::{
    Details, DeviceEvent, DeviceKey, LockState, Message, MessageKind, PartState, Parts, Position, Protocol,
    Unknown, Utc, ValveState,
};
use chrono::DateTime;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::net::SocketAddr;

impl Serialize for FrameRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Raw bytes have a column of their own, bases a table.
        let Self { device, transport, peer, arrival, messages, raw: _, base: _ } = self;
        let stored: Vec<Short<'_>> = messages.iter().map(|message| Short::of(message, &device.id)).collect();
        let mut record = serializer.serialize_struct("FrameRecord", 7)?;
        record.serialize_field("d", device)?;
        record.serialize_field("n", transport)?;
        record.serialize_field("a", peer)?;
        if arrival.opens {
            record.serialize_field("o", &true)?;
        }
        if arrival.overtaken {
            record.serialize_field("l", &true)?;
        }
        if arrival.held {
            record.serialize_field("h", &true)?;
        }
        record.serialize_field("m", &stored)?;
        record.end()
    }
}

impl<'de> Deserialize<'de> for FrameRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Record { device, transport, peer, opens, overtaken, held, messages } =
            Record::deserialize(deserializer)?;
        let messages = messages
            .into_iter()
            .map(|message| match message {
                Either::Long(message) => *message,
                Either::Short(message) => message.whole(&device.id),
            })
            .collect();
        let arrival = Arrival { opens, overtaken, held };
        Ok(Self { device, transport, peer, arrival, messages, raw: Vec::new(), base: None })
    }
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "d", alias = "device")]
    device: DeviceKey,
    #[serde(rename = "n", alias = "transport")]
    transport: Transport,
    #[serde(rename = "a", alias = "peer")]
    peer: SocketAddr,
    #[serde(rename = "o", default)]
    opens: bool,
    #[serde(rename = "l", default)]
    overtaken: bool,
    #[serde(rename = "h", default)]
    held: bool,
    #[serde(rename = "m", alias = "messages")]
    messages: Vec<Either>,
}

/// The long form cannot be taken for the short one, nor the other way round: only the long one has `protocol`, and
/// the short one refuses keys it does not know.
#[derive(Deserialize)]
#[serde(untagged)]
enum Either {
    Short(Box<Short<'static>>),
    Long(Box<Message>),
}

fn is_master(protocol: &Protocol) -> bool {
    *protocol == Protocol::JointechMaster
}

fn master() -> Protocol {
    Protocol::JointechMaster
}

fn is_position(kind: &MessageKind) -> bool {
    *kind == MessageKind::Position
}

fn position() -> MessageKind {
    MessageKind::Position
}

fn is_no(flag: &bool) -> bool {
    !flag
}

fn is_yes(flag: &bool) -> bool {
    *flag
}

fn yes() -> bool {
    true
}

fn no_unknown(unknown: &[Unknown]) -> bool {
    unknown.is_empty()
}

fn no_events(events: &[DeviceEvent]) -> bool {
    events.is_empty()
}

/// One message.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Short<'a> {
    #[serde(rename = "p", default = "master", skip_serializing_if = "is_master")]
    protocol: Protocol,
    #[serde(rename = "k", default = "position", skip_serializing_if = "is_position")]
    kind: MessageKind,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    device: Option<Cow<'a, str>>,
    #[serde(rename = "nd", default, skip_serializing_if = "is_no")]
    no_device: bool,
    #[serde(rename = "t", default, with = "millis", skip_serializing_if = "Option::is_none")]
    time: Option<Utc>,
    #[serde(rename = "r", default, skip_serializing_if = "is_no")]
    replayed: bool,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    position: Option<Where>,
    #[serde(rename = "s", default, with = "letters", skip_serializing_if = "Parts::is_empty")]
    parts: Parts,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    lock: Option<LockState>,
    #[serde(rename = "nl", default, skip_serializing_if = "is_no")]
    no_lock: bool,
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    valve: Option<ValveState>,
    #[serde(rename = "i", default, skip_serializing_if = "Levels::is_empty")]
    levels: Levels,
    #[serde(rename = "e", default, skip_serializing_if = "no_events")]
    events: Cow<'a, [DeviceEvent]>,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    battery_pct: Option<u8>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    charging: Option<bool>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    voltage_v: Option<f64>,
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    signal: Option<u8>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    odometer_m: Option<u64>,
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    serial: Option<u32>,
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    inputs: Option<Cow<'a, str>>,
    #[serde(rename = "out", default, skip_serializing_if = "Option::is_none")]
    outputs: Option<Cow<'a, str>>,
    #[serde(rename = "sub", default, skip_serializing_if = "Option::is_none")]
    sub_device: Option<Cow<'a, SubDevice>>,
    #[serde(rename = "cmd", default, skip_serializing_if = "Option::is_none")]
    command: Option<Cow<'a, CommandReply>>,
    #[serde(rename = "ver", default, skip_serializing_if = "Option::is_none")]
    version: Option<u8>,
    /// Only of a Bofan tracker: a delta's raw frame does not tell them. Those of the others are read from raw again.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    details: Option<Cow<'a, Details>>,
    #[serde(rename = "fw", default, skip_serializing_if = "Option::is_none")]
    firmware: Option<Cow<'a, str>>,
    #[serde(rename = "un", default, skip_serializing_if = "no_unknown")]
    unknown: Cow<'a, [Unknown]>,
    #[serde(rename = "err", default, skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'a, str>>,
}

/// What the parts alone say of the lock.
fn lock_of(parts: Parts) -> Option<LockState> {
    (!parts.is_empty()).then(|| parts.lock())
}

impl<'a> Short<'a> {
    fn of(message: &'a Message, record: &str) -> Self {
        // Every field by its name: one that is added to a message must find its place here.
        let Message {
            protocol,
            kind,
            device,
            time,
            replayed,
            position,
            lock,
            parts,
            valve,
            levels,
            events,
            battery_pct,
            charging,
            voltage_v,
            signal,
            odometer_m,
            serial,
            inputs,
            outputs,
            sub_device,
            command,
            version,
            details,
            unknown,
            error,
        } = message;
        let keeps = *protocol == Protocol::Bofan && !details.is_empty();
        let as_told = *lock == lock_of(*parts);
        Self {
            protocol: *protocol,
            kind: *kind,
            device: device.as_deref().filter(|device| *device != record).map(Cow::Borrowed),
            no_device: device.is_none(),
            time: *time,
            replayed: *replayed,
            position: position.map(Where::of),
            parts: *parts,
            lock: lock.filter(|_| !as_told),
            no_lock: lock.is_none() && !as_told,
            valve: *valve,
            levels: *levels,
            events: Cow::Borrowed(events),
            battery_pct: *battery_pct,
            charging: *charging,
            voltage_v: *voltage_v,
            signal: *signal,
            odometer_m: *odometer_m,
            serial: *serial,
            inputs: inputs.as_deref().map(Cow::Borrowed),
            outputs: outputs.as_deref().map(Cow::Borrowed),
            sub_device: sub_device.as_ref().map(Cow::Borrowed),
            command: command.as_ref().map(Cow::Borrowed),
            version: *version,
            details: keeps.then_some(Cow::Borrowed(details)),
            firmware: details.firmware.as_deref().filter(|_| !keeps).map(Cow::Borrowed),
            unknown: Cow::Borrowed(unknown),
            error: error.as_deref().map(Cow::Borrowed),
        }
    }

    fn whole(self, record: &str) -> Message {
        let device = self.device.map_or_else(|| record.to_owned(), Cow::into_owned);
        let firmware = self.firmware.map(Cow::into_owned);
        let kept = self.details.map(Cow::into_owned);
        let details = kept.unwrap_or_else(|| Details { firmware, ..Details::default() });
        Message {
            protocol: self.protocol,
            kind: self.kind,
            device: (!self.no_device).then_some(device),
            time: self.time,
            replayed: self.replayed,
            position: self.position.map(Where::whole),
            lock: if self.no_lock { None } else { self.lock.or_else(|| lock_of(self.parts)) },
            parts: self.parts,
            valve: self.valve,
            levels: self.levels,
            events: self.events.into_owned(),
            battery_pct: self.battery_pct,
            charging: self.charging,
            voltage_v: self.voltage_v,
            signal: self.signal,
            odometer_m: self.odometer_m,
            serial: self.serial,
            inputs: self.inputs.map(Cow::into_owned),
            outputs: self.outputs.map(Cow::into_owned),
            sub_device: self.sub_device.map(Cow::into_owned),
            command: self.command.map(Cow::into_owned),
            version: self.version,
            details,
            unknown: self.unknown.into_owned(),
            error: self.error.map(Cow::into_owned),
        }
    }
}

/// A place.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    #[serde(rename = "y")]
    lat: f64,
    #[serde(rename = "x")]
    lon: f64,
    #[serde(rename = "f", default = "yes", skip_serializing_if = "is_yes")]
    fix: bool,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    speed_kmh: Option<f64>,
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    heading_deg: Option<f64>,
    #[serde(rename = "z", default, skip_serializing_if = "Option::is_none")]
    altitude_m: Option<i32>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    satellites: Option<u8>,
}

impl Where {
    fn of(position: Position) -> Self {
        let Position { lat, lon, fix, speed_kmh, heading_deg, altitude_m, satellites } = position;
        Self { lat, lon, fix, speed_kmh, heading_deg, altitude_m, satellites }
    }

    fn whole(self) -> Position {
        let Self { lat, lon, fix, speed_kmh, heading_deg, altitude_m, satellites } = self;
        Position { lat, lon, fix, speed_kmh, heading_deg, altitude_m, satellites }
    }
}

/// Device times are of whole milliseconds at most.
mod millis {
    use super::{DateTime, Deserialize, Deserializer, Serializer, Utc};

    pub(super) fn serialize<S: Serializer>(time: &Option<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_i64(time.timestamp_millis()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Utc>, D::Error> {
        let Some(millis) = Option::<i64>::deserialize(deserializer)? else { return Ok(None) };
        let time = DateTime::from_timestamp_millis(millis);
        time.map(Some).ok_or_else(|| serde::de::Error::custom(format!("{millis} ms is no time")))
    }
}

/// Parts as three letters.
mod letters {
    use super::{Deserialize, Deserializer, PartState, Parts, Serializer};

    pub(super) fn serialize<S: Serializer>(parts: &Parts, serializer: S) -> Result<S::Ok, S::Error> {
        let letter = |part: Option<PartState>| match part {
            Some(PartState::Closed) => 'c',
            Some(PartState::Open) => 'o',
            None => '-',
        };
        let letters: String = [parts.motor, parts.rope, parts.cover].map(letter).iter().collect();
        serializer.serialize_str(&letters)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Parts, D::Error> {
        let letters = String::deserialize(deserializer)?;
        let part = |letter: u8| match letter {
            b'c' => Some(Some(PartState::Closed)),
            b'o' => Some(Some(PartState::Open)),
            b'-' => Some(None),
            _ => None,
        };
        let parts = match letters.as_bytes() {
            [motor, rope, cover] => part(*motor).zip(part(*rope)).zip(part(*cover)),
            _ => None,
        };
        let Some(((motor, rope), cover)) = parts else {
            return Err(serde::de::Error::custom("parts are three letters of c, o and -"));
        };
        Ok(Parts { motor, rope, cover })
    }
}
