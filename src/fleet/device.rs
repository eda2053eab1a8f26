//! What is known of one device: each fact with the event time it rests on. Facts only move forward in event time.

use super::identity::Identity;
use super::openings::Openings;
use super::past::{Late, Past};
use super::snapshot::{DeviceStatus, PartRow, PartsRow, Place};
use super::unknowns::Unknowns;
use crate::domain::journal::Transport;
use crate::domain::message::{Level, Levels};
use crate::domain::{
    AssetId, DeviceKey, DeviceKind, LockState, Message, PartState, Parts, Position, Protocol, Utc, ValveState,
};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A device clock this far ahead of ours is not believed: the event counts as of its receipt.
const AHEAD: TimeDelta = TimeDelta::minutes(2);

/// A clock that differs by more than this is shown.
pub const DRIFT: TimeDelta = TimeDelta::minutes(2);

/// Live frames the clock offset is learnt from.
const CLOCK_SAMPLES: usize = 16;

/// Events remembered so that a repeated or replayed record is not news.
const SEEN: usize = 128;

/// An event without a device time is taken for a repeated one only this long: serials are one byte, and begin anew
/// when a device without a set clock loses its power.
const TIMELESS: TimeDelta = TimeDelta::minutes(5);

/// The order of a device's own clock is held against it this long, and over no greater difference: beyond, the clock
/// was set anew.
const ORDER_FOR: TimeDelta = TimeDelta::minutes(10);
const ORDER_OVER: TimeDelta = TimeDelta::hours(1);

/// Subject of the motor among the late records; levels have their own numbers, from 0.
const MOTOR: u8 = u8::MAX;

/// A fact with its ages.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Held<T> {
    pub value: T,
    /// Event time since which it has had this value, as far as we heard.
    pub since: Utc,
    /// Event time of the newest evidence.
    pub as_of: Utc,
}

/// Where in time a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The device's own time, but never later than receipt.
    pub time: Utc,
    pub order: Order,
}

/// How far a message's place in time can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Facts move forward by it.
    Known,
    /// By the device's own clock it is older than something heard before, although both may have been clamped to
    /// their receipt: it may show things worse than they are, never better.
    Behind,
    /// A stored record whose time is missing or lies in the future: it happened at nobody knows when. It moves no
    /// fact, but what it alarms about is not lost.
    Nowhen,
}

impl Order {
    /// The same, but no better than "may show worse only".
    #[must_use]
    pub fn at_worst(self) -> Self {
        match self {
            Self::Nowhen => Self::Nowhen,
            Self::Known | Self::Behind => Self::Behind,
        }
    }
}

/// The newest time a device told, as it told it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Told {
    told: Utc,
    received: Utc,
}

/// Moves a fact forward. Returns whether its value changed; older evidence changes nothing.
pub fn hold<T: PartialEq + Copy>(slot: &mut Option<Held<T>>, value: T, time: Utc) -> bool {
    match slot {
        Some(held) if time < held.as_of => false,
        Some(held) if held.value == value => {
            held.as_of = time;
            false
        }
        _ => {
            *slot = Some(Held { value, since: time, as_of: time });
            true
        }
    }
}

/// A device's clock against ours, from its live frames. The least difference seen is the offset: delays only add.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Clock {
    /// Our receive time minus its time, milliseconds.
    samples: VecDeque<i64>,
}

impl Clock {
    pub fn sample(&mut self, received: Utc, told: Utc) {
        if self.samples.len() == CLOCK_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((received - told).num_milliseconds());
    }

    /// Whether enough live frames were heard to know the offset.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.samples.len() >= 2
    }

    /// Offset to add to the device's times; zero while it is within two minutes, and until two live frames were
    /// heard: one alone may as well be an old record.
    #[must_use]
    pub fn offset(&self) -> TimeDelta {
        if !self.is_known() {
            return TimeDelta::zero();
        }
        let least = self.samples.iter().min().copied().unwrap_or(0);
        let offset = TimeDelta::milliseconds(least);
        if offset.abs() > DRIFT { offset } else { TimeDelta::zero() }
    }
}

/// An event heard before: a hash of what it was, device time (milliseconds), serial, receive time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Seen(u64, Option<i64>, Option<u32>, Utc);

/// FNV-1a: the same in every build, because it is written into checkpoints.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Device {
    pub key: DeviceKey,
    pub kind: DeviceKind,
    pub status: DeviceStatus,
    pub asset: Option<AssetId>,
    pub bound_to: Option<DeviceKey>,
    pub protocol: Option<Protocol>,
    pub motor: Option<Held<PartState>>,
    pub rope: Option<Held<PartState>>,
    pub cover: Option<Held<PartState>>,
    pub valve: Option<Held<ValveState>>,
    /// The combined word; `as_of` is that of its older part.
    pub lock: Option<Held<LockState>>,
    pub battery: Option<Held<u8>>,
    pub charging: Option<bool>,
    pub voltage_v: Option<f64>,
    pub signal: Option<i16>,
    pub temperature_c: Option<f64>,
    pub humidity_pct: Option<u8>,
    pub ignition: Option<Held<bool>>,
    pub inputs: Option<String>,
    pub outputs: Option<String>,
    /// Event time of what is held of the two.
    #[serde(default)]
    pub lines_at: Option<Utc>,
    /// Raw counts of the analogue inputs, and their event time.
    #[serde(default)]
    pub adc: Vec<u16>,
    #[serde(default)]
    pub adc_at: Option<Utc>,
    pub odometer_m: Option<u64>,
    pub place: Option<Place>,
    pub last_received: Option<Utc>,
    pub clock: Clock,
    pub peer: Option<String>,
    pub transport: Option<Transport>,
    pub firmware: Option<String>,
    /// Jointech protocol version, so that its text frames are answered in its own way after a restart.
    pub version: Option<u8>,
    /// Type number of a sub-device: tells models apart whose opening is proven one by one.
    pub wire_type: Option<u8>,
    pub frames: u64,
    /// Its reports tell of its cover (older sub-locks' do not).
    pub tells_cover: bool,
    /// Its master lost contact with it, as of then; ends with newer news of its parts.
    lost: Option<Utc>,
    /// Event time of the newest message whose lesser facts (voltage, signal …) are shown.
    extras_at: Option<Utc>,
    newest: Option<Told>,
    levels: Vec<Option<Held<bool>>>,
    past: Past,
    seen: VecDeque<Seen>,
    /// Codes without a name that the newest status word held.
    pub(super) codes: Vec<String>,
    pub(super) openings: Openings,
    /// Who speaks for it.
    #[serde(default)]
    pub identity: Identity,
    /// What it said that no paper names.
    #[serde(default, skip_serializing_if = "Unknowns::is_empty")]
    pub unknowns: Unknowns,
    /// Refused unlock passwords since the last accepted one, as far as we know.
    pub rejections: u32,
}

impl Device {
    #[must_use]
    pub fn new(key: DeviceKey, kind: DeviceKind, status: DeviceStatus) -> Self {
        Self {
            key,
            kind,
            status,
            asset: None,
            bound_to: None,
            protocol: None,
            motor: None,
            rope: None,
            cover: None,
            valve: None,
            lock: None,
            battery: None,
            charging: None,
            voltage_v: None,
            signal: None,
            temperature_c: None,
            humidity_pct: None,
            ignition: None,
            inputs: None,
            outputs: None,
            lines_at: None,
            adc: Vec::new(),
            adc_at: None,
            odometer_m: None,
            place: None,
            last_received: None,
            clock: Clock::default(),
            peer: None,
            transport: None,
            firmware: None,
            version: None,
            wire_type: None,
            frames: 0,
            tells_cover: false,
            lost: None,
            extras_at: None,
            newest: None,
            levels: vec![None; Level::ALL.len()],
            past: Past::default(),
            seen: VecDeque::new(),
            codes: Vec::new(),
            openings: Openings::default(),
            identity: Identity::default(),
            unknowns: Unknowns::default(),
            rejections: 0,
        }
    }

    /// Forgets what it told of its state, but not which of its events were heard before: another may have told it.
    pub(super) fn forget_told(&mut self) {
        let blank = Self::new(self.key.clone(), self.kind, self.status);
        let told = std::mem::replace(self, blank);
        self.asset = told.asset;
        self.bound_to = told.bound_to;
        self.protocol = told.protocol;
        self.last_received = told.last_received;
        self.peer = told.peer;
        self.transport = told.transport;
        self.firmware = told.firmware;
        self.version = told.version;
        self.wire_type = told.wire_type;
        self.frames = told.frames;
        self.tells_cover = told.tells_cover;
        self.past = told.past;
        self.seen = told.seen;
        self.openings = told.openings;
        self.identity = told.identity;
        self.rejections = told.rejections;
    }

    /// Where a message stands in time: at the device's own time, but never later than its receipt. A clock that was
    /// never set, or that is more than two minutes ahead, counts as receipt. A slow clock is *not* corrected here:
    /// what is shown must not look newer than the device says.
    #[must_use]
    pub fn moment(&self, told: Option<Utc>, replayed: bool, received: Utc) -> Moment {
        let usable = told.filter(|told| *told <= received + AHEAD);
        let order = match (told, usable) {
            (_, None) if replayed => Order::Nowhen,
            (Some(told), _) if self.is_behind(told, received) => Order::Behind,
            _ => Order::Known,
        };
        Moment { time: usable.map_or(received, |told| told.min(received)), order }
    }

    /// Whether its own clock says that it told something newer before. Needed where times were clamped: of two
    /// frames of a clock that is five seconds ahead, sent newest first, the older would count as the newer.
    fn is_behind(&self, told: Utc, received: Utc) -> bool {
        self.newest.is_some_and(|newest| {
            told < newest.told && received - newest.received < ORDER_FOR && newest.told - told < ORDER_OVER
        })
    }

    /// Remembers what the device's clock said; stored records do not count.
    pub fn note_clock(&mut self, told: Utc, received: Utc) {
        self.clock.sample(received, told);
        if !self.is_behind(told, received) {
            self.newest = Some(Told { told, received });
        }
    }

    /// The same moment on our clock, by the offset learnt from earlier live frames: only to match an opening with the
    /// command that caused it.
    #[must_use]
    pub fn corrected(&self, told: Option<Utc>, received: Utc) -> Utc {
        told.map_or(received, |told| (told + self.clock.offset()).min(received))
    }

    /// Whether this event is new; remembers it. `what` tells it from others of the same time and serial.
    pub fn first_time(&mut self, what: &str, told: Option<Utc>, serial: Option<u32>, received: Utc) -> bool {
        let (what, told) = (hash(what), told.map(|told| told.timestamp_millis()));
        if told.is_none() && serial.is_none() {
            return true;
        }
        let is_it = |seen: &&Seen| {
            (seen.0, seen.1, seen.2) == (what, told, serial)
                && (told.is_some() || received - seen.3 < TIMELESS)
        };
        if self.seen.iter().any(|seen| is_it(&seen)) {
            return false;
        }
        if self.seen.len() == SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(Seen(what, told, serial, received));
        true
    }

    /// Moves the parts; returns what happened to the motor.
    pub fn hold_parts(&mut self, parts: Parts, moment: Moment) -> MotorChange {
        let motor = match parts.motor {
            Some(state) => self.hold_motor(state, moment),
            None => MotorChange::Same,
        };
        if let Some(rope) = parts.rope {
            hold_state(&mut self.rope, rope, rope == PartState::Open, moment);
        }
        if let Some(cover) = parts.cover {
            hold_state(&mut self.cover, cover, cover == PartState::Open, moment);
        }
        self.combine();
        motor
    }

    fn hold_motor(&mut self, state: PartState, moment: Moment) -> MotorChange {
        let was = self.motor;
        let time = moment.time;
        let changed = hold_state(&mut self.motor, state, state == PartState::Open, moment);
        match (was, state) {
            (Some(was), PartState::Open) if changed => MotorChange::Opened { after: was.as_of },
            (_, PartState::Closed) if changed => {
                if let Some(was) = was {
                    self.past.lived(MOTOR, was.since, time);
                }
                MotorChange::Closed
            }
            (Some(was), _) if time < was.as_of && moment.order != Order::Nowhen => {
                self.late_motor(was, state, time)
            }
            _ => MotorChange::Same,
        }
    }

    /// A record older than what is held: did it see an opening that nobody knew of?
    fn late_motor(&mut self, held: Held<PartState>, state: PartState, time: Utc) -> MotorChange {
        let closed_since = (held.value == PartState::Closed).then_some(held.since);
        let inside = held.value == PartState::Open && held.since <= time;
        let late = self.past.hear(MOTOR, state == PartState::Open, time, closed_since);
        let after = match late {
            Late::News { off: Some(off) } => {
                Some(closed_since.map_or(off, |since| if since <= time { off.max(since) } else { off }))
            }
            // Nothing says since when: news only if it contradicts "closed since".
            Late::News { off: None } => closed_since.filter(|since| *since <= time),
            Late::Known | Late::Off => None,
        };
        match after {
            Some(after) if !inside => MotorChange::OpenedLate { after },
            _ => MotorChange::Same,
        }
    }

    /// Moves the valve. `unknown` (both of its events in one report) makes a closed valve unknown.
    pub fn hold_valve(&mut self, valve: ValveState, moment: Moment) {
        hold_state(&mut self.valve, valve, valve != ValveState::Closed, moment);
    }

    /// The valve's word: nobody knows that it is closed while contact is lost.
    #[must_use]
    pub fn valve_word(&self) -> Option<Held<ValveState>> {
        let held = self.valve?;
        match self.lost {
            Some(lost) if held.value == ValveState::Closed => {
                Some(Held { value: ValveState::Unknown, since: lost, as_of: held.as_of })
            }
            _ => Some(held),
        }
    }

    /// Recomputes the lock word from motor and rope.
    fn combine(&mut self) {
        let parts = [self.motor, self.rope];
        let newest = parts.iter().flatten().map(|p| p.as_of).max();
        let oldest = parts.iter().flatten().map(|p| p.as_of).min();
        let (Some(newest), Some(oldest)) = (newest, oldest) else { return };
        if self.lost.is_some_and(|lost| lost < newest) {
            self.lost = None;
        }
        let told = LockState::from_parts(self.motor.map(|p| p.value), self.rope.map(|p| p.value));
        // An open motor needs no rope to be known, so its own age counts alone.
        let (word, since, as_of) = match (self.lost, told, self.motor) {
            (Some(lost), ..) => (LockState::Unknown, lost, lost),
            (_, LockState::Unlocked, Some(motor)) => (told, motor.since, motor.as_of),
            _ => (told, newest, oldest),
        };
        match &mut self.lock {
            Some(held) if held.value == word => held.as_of = as_of,
            slot => *slot = Some(Held { value: word, since, as_of }),
        }
    }

    /// The parts are no longer known (contact lost): the lock word becomes `unknown` until there is newer news of
    /// the parts; what was last heard stays visible in them with its age. Such a report carries the time of what was
    /// heard last, so only a stored one can be too old to count.
    pub fn lose_contact(&mut self, moment: Moment, replayed: bool) {
        let newest = [self.motor, self.rope].iter().flatten().map(|p| p.as_of).max();
        if moment.order == Order::Nowhen || (replayed && newest.is_some_and(|newest| moment.time <= newest)) {
            return;
        }
        let lost = newest.map_or(moment.time, |newest| newest.max(moment.time));
        self.lost = Some(self.lost.map_or(lost, |before| before.max(lost)));
        self.combine();
    }

    /// Takes in the levels of a message; returns those that came on, and those that a late record says were on.
    pub fn hold_levels(&mut self, levels: Levels, moment: Moment) -> Vec<(Level, LevelChange)> {
        let mut changes = Vec::new();
        for level in Level::ALL {
            let Some(holds) = levels.get(level) else { continue };
            changes.extend(self.hold_level(level, holds, moment).map(|change| (level, change)));
        }
        changes
    }

    fn hold_level(&mut self, level: Level, holds: bool, moment: Moment) -> Option<LevelChange> {
        let slot = self.levels.get_mut(level as usize)?;
        let was = *slot;
        let is_late = moment.order != Order::Known || was.is_some_and(|held| moment.time < held.as_of);
        if is_late {
            let off_since = was.filter(|held| !held.value).map(|held| held.since);
            let is_on_now = was.is_some_and(|held| held.value);
            let late = self.past.hear(level as u8, holds, moment.time, off_since);
            return (matches!(late, Late::News { .. }) && !is_on_now).then_some(LevelChange::WasOn);
        }
        if !hold(slot, holds, moment.time) {
            return None;
        }
        if let Some(was) = was.filter(|was| was.value) {
            self.past.lived(level as u8, was.since, moment.time);
        }
        holds.then_some(LevelChange::On)
    }

    /// Whether the newest that is known of a level is that it ended just then.
    #[must_use]
    pub fn is_off_at(&self, level: Level, time: Utc) -> bool {
        let held = self.levels.get(level as usize).copied().flatten();
        held.is_some_and(|held| !held.value && held.as_of == time)
    }

    /// Whether its reports tell of a level at all.
    #[must_use]
    pub fn tells(&self, level: Level) -> bool {
        self.levels.get(level as usize).is_some_and(Option::is_some)
    }

    /// Whether a level holds, as far as is known.
    #[must_use]
    pub fn is_on(&self, level: Level) -> bool {
        self.levels.get(level as usize).copied().flatten().is_some_and(|held| held.value)
    }

    /// Moves the place, if the message has a real fix that is newer than what is held.
    pub fn hold_place(&mut self, position: &Position, moment: Moment) -> bool {
        let is_older = self.place.as_ref().is_some_and(|place| moment.time < place.at);
        if is_older || moment.order != Order::Known {
            return false;
        }
        let Some(place) = Place::of(position, moment.time, &self.key.id) else { return false };
        self.place = Some(place);
        true
    }

    /// Facts that come along in most messages; returns whether the message was the newest to tell of them.
    pub fn hold_extras(&mut self, message: &Message, moment: Moment) -> bool {
        let is_older = self.extras_at.is_some_and(|at| moment.time < at);
        if is_older || moment.order != Order::Known || !has_extras(message) {
            return false;
        }
        self.extras_at = Some(moment.time);
        if let Some(pct) = message.battery_pct {
            hold(&mut self.battery, pct, moment.time);
        }
        self.charging = message.charging.or(self.charging);
        self.voltage_v = message.voltage_v.or(self.voltage_v);
        self.odometer_m = message.odometer_m.or(self.odometer_m);
        self.signal = message.signal.map(i16::from).or(self.signal);
        if let Some(sub) = &message.sub_device {
            self.signal = sub.rssi_dbm.or(self.signal);
            self.temperature_c = sub.temperature_c.or(self.temperature_c);
            self.humidity_pct = sub.humidity_pct.or(self.humidity_pct);
        }
        self.outputs = message.outputs.clone().or_else(|| self.outputs.take());
        if message.inputs.is_some() || message.outputs.is_some() {
            self.lines_at = Some(moment.time);
        }
        if !message.details.adc.is_empty() {
            self.adc.clone_from(&message.details.adc);
            self.adc_at = Some(moment.time);
        }
        if let Some(inputs) = &message.inputs {
            self.inputs = Some(inputs.clone());
            if let Some(ignition) = inputs.as_bytes().get(3) {
                hold(&mut self.ignition, *ignition == b'1', moment.time);
            }
        }
        true
    }

    /// Counts what a message could not name. A sub-lock never tells its firmware, but that of 2023-07-03 was the first
    /// to tell of the cover.
    pub fn hear_unknown(&mut self, message: &Message, received: Utc) {
        if message.unknown.is_empty() {
            return;
        }
        let told = self.firmware.as_deref();
        let firmware = told.or_else(|| match self.wire_type {
            Some(4 | 5 | 6 | 9) if self.tells_cover => Some("from 2023-07-03"),
            Some(4 | 5 | 6 | 9) if self.motor.is_some() => Some("before 2023-07-03"),
            _ => None,
        });
        self.unknowns.hear(&message.unknown, firmware, received);
    }

    #[must_use]
    pub fn parts_row(&self) -> PartsRow {
        let row = |held: Option<Held<PartState>>| {
            held.map(|h| PartRow { state: h.value, since: h.since, as_of: h.as_of })
        };
        PartsRow { motor: row(self.motor), rope: row(self.rope), cover: row(self.cover) }
    }
}

/// Whether a message tells anything of what [`Device::hold_extras`] keeps. One that does not, such as a heartbeat,
/// has no device time and must not make the next report look old.
fn has_extras(message: &Message) -> bool {
    message.battery_pct.is_some()
        || message.charging.is_some()
        || message.voltage_v.is_some()
        || message.odometer_m.is_some()
        || message.signal.is_some()
        || message.sub_device.is_some()
        || message.inputs.is_some()
        || message.outputs.is_some()
        || !message.details.adc.is_empty()
}

/// Moves a part forward. Of two reports of the same second, and of what the device's own clock calls older, the
/// worse is believed: the order in which they came proves nothing.
fn hold_state<T: PartialEq + Copy>(
    slot: &mut Option<Held<T>>,
    value: T,
    is_worse: bool,
    moment: Moment,
) -> bool {
    let same_time = slot.as_ref().is_some_and(|held| held.as_of == moment.time && held.value != value);
    match moment.order {
        Order::Nowhen => false,
        Order::Behind if !is_worse => false,
        _ if same_time && !is_worse => false,
        _ => hold(slot, value, moment.time),
    }
}

/// What a message did to the motor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MotorChange {
    Same,
    /// It was known to be closed, last at `after`, and is open.
    Opened {
        after: Utc,
    },
    /// A late record saw it open although it was believed closed; it was closed at `after`.
    OpenedLate {
        after: Utc,
    },
    Closed,
}

/// How a level changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LevelChange {
    On,
    /// A late record says it was on; newer evidence says it is off.
    WasOn,
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
