//! What is known of one device: each fact with the event time it rests on. Facts only move forward in event time.

use super::snapshot::{DeviceStatus, PartRow, PartsRow, Place};
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
const DRIFT: TimeDelta = TimeDelta::minutes(2);

/// Live frames the clock offset is learnt from.
const CLOCK_SAMPLES: usize = 16;

/// Evidence remembered so that a repeated or replayed record is not news.
const SEEN: usize = 128;

/// A fact with its ages.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Held<T> {
    pub value: T,
    /// Event time since which it has had this value, as far as we heard.
    pub since: Utc,
    /// Event time of the newest evidence.
    pub as_of: Utc,
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

    /// Offset to add to the device's times; zero while it is within two minutes, and until two live frames were
    /// heard: one alone may as well be an old record.
    #[must_use]
    pub fn offset(&self) -> TimeDelta {
        if self.samples.len() < 2 {
            return TimeDelta::zero();
        }
        let least = self.samples.iter().min().copied().unwrap_or(0);
        let offset = TimeDelta::milliseconds(least);
        if offset.abs() > DRIFT { offset } else { TimeDelta::zero() }
    }
}

/// What makes one piece of evidence the same as another: kind word, device time, serial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint(pub String, pub Option<i64>, pub Option<u32>);

/// A motor that opened and nobody said how, yet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Unexplained {
    pub opened: Utc,
    pub received: Utc,
    pub due: Utc,
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
    pub odometer_m: Option<u64>,
    pub place: Option<Place>,
    pub last_received: Option<Utc>,
    pub clock: Clock,
    pub peer: Option<String>,
    pub transport: Option<Transport>,
    pub firmware: Option<String>,
    /// Jointech protocol version, so that its text frames are answered in its own way after a restart.
    pub version: Option<u8>,
    pub frames: u64,
    levels: Vec<Option<Held<bool>>>,
    replayed_levels: Vec<Option<Held<bool>>>,
    seen: VecDeque<Fingerprint>,
    /// Event times of the latest openings whose source was told, ours or not.
    pub told_openings: VecDeque<Utc>,
    pub unexplained: Option<Unexplained>,
    /// Refused unlock passwords of ours since the last accepted one.
    pub rejections: u32,
}

/// Openings remembered to explain a motor bit.
const OPENINGS: usize = 16;

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
            odometer_m: None,
            place: None,
            last_received: None,
            clock: Clock::default(),
            peer: None,
            transport: None,
            firmware: None,
            version: None,
            frames: 0,
            levels: vec![None; Level::ALL.len()],
            replayed_levels: vec![None; Level::ALL.len()],
            seen: VecDeque::new(),
            told_openings: VecDeque::new(),
            unexplained: None,
            rejections: 0,
        }
    }

    /// Event time of a message: the device's own, but never later than receipt. A clock that was never set counts as
    /// receipt; `None` for stored records without a time, which happened at nobody knows when. A slow clock is *not*
    /// corrected here: what is shown must not look newer than the device says.
    #[must_use]
    pub fn event_time(&self, told: Option<Utc>, replayed: bool, received: Utc) -> Option<Utc> {
        match told {
            None if replayed => None,
            None => Some(received),
            Some(told) if told > received + AHEAD => Some(received),
            Some(told) => Some(told.min(received)),
        }
    }

    /// The same moment on our clock, by the offset learnt from earlier live frames: only to match an opening with the
    /// command that caused it.
    #[must_use]
    pub fn corrected(&self, told: Option<Utc>, received: Utc) -> Utc {
        told.map_or(received, |told| (told + self.clock.offset()).min(received))
    }

    /// Whether this evidence is new; remembers it.
    pub fn first_time(&mut self, what: &str, told: Option<Utc>, serial: Option<u32>) -> bool {
        let print = Fingerprint(what.to_owned(), told.map(|t| t.timestamp_millis()), serial);
        if print.1.is_none() && print.2.is_none() {
            return true;
        }
        if self.seen.contains(&print) {
            return false;
        }
        if self.seen.len() == SEEN {
            self.seen.pop_front();
        }
        self.seen.push_back(print);
        true
    }

    /// Moves the parts; returns what changed.
    pub fn hold_parts(&mut self, parts: Parts, time: Utc) -> PartChanges {
        let mut changes = PartChanges::default();
        if let Some(motor) = parts.motor {
            let was = self.motor.map(|held| held.value);
            if hold(&mut self.motor, motor, time) {
                changes.motor = Some((was, motor));
            }
        }
        if let Some(rope) = parts.rope {
            let was = self.rope.map(|held| held.value);
            if hold(&mut self.rope, rope, time) {
                changes.rope = Some((was, rope));
            }
        }
        if let Some(cover) = parts.cover {
            hold(&mut self.cover, cover, time);
        }
        self.combine();
        changes
    }

    /// Recomputes the lock word from motor and rope.
    fn combine(&mut self) {
        if self.motor.is_none() && self.rope.is_none() {
            return;
        }
        let word = LockState::from_parts(self.motor.map(|p| p.value), self.rope.map(|p| p.value));
        let newest = [self.motor, self.rope].iter().flatten().map(|p| p.as_of).max();
        let oldest = [self.motor, self.rope].iter().flatten().map(|p| p.as_of).min();
        let (Some(newest), Some(oldest)) = (newest, oldest) else { return };
        // An open motor needs no rope to be known, so its own age counts alone.
        let as_of = match (word, self.motor) {
            (LockState::Unlocked, Some(motor)) => motor.as_of,
            _ => oldest,
        };
        match &mut self.lock {
            Some(held) if held.value == word => held.as_of = as_of,
            slot => *slot = Some(Held { value: word, since: newest, as_of }),
        }
    }

    /// The parts are no longer known (contact lost): the lock word becomes `unknown`, what was last heard stays
    /// visible in the parts with its age.
    pub fn lose_contact(&mut self, time: Utc) {
        if let Some(held) = self.lock {
            hold(&mut self.lock, LockState::Unknown, time.max(held.as_of));
        }
    }

    /// Takes in the levels of a message; returns those that came on or went off, by event time.
    pub fn hold_levels(&mut self, levels: Levels, time: Utc, replayed: bool) -> Vec<(Level, LevelChange)> {
        let mut changes = Vec::new();
        for level in Level::ALL {
            let Some(holds) = levels.get(level) else { continue };
            let at = level as usize;
            let live_is_newer = self.levels[at].is_some_and(|held| time < held.as_of);
            if replayed && live_is_newer {
                let was = self.replayed_levels[at].map(|held| held.value);
                hold(&mut self.replayed_levels[at], holds, time);
                let over = self.levels[at].is_some_and(|held| !held.value);
                if holds && was != Some(true) && over {
                    changes.push((level, LevelChange::WasOn));
                }
                continue;
            }
            let was = self.levels[at].map(|held| held.value);
            if hold(&mut self.levels[at], holds, time) {
                match (was, holds) {
                    (_, true) => changes.push((level, LevelChange::On)),
                    (Some(true), false) => changes.push((level, LevelChange::Off)),
                    _ => {}
                }
            }
        }
        changes
    }

    /// Moves the place, if the message has a real fix that is newer than what is held.
    pub fn hold_place(&mut self, position: &Position, time: Utc) -> bool {
        if self.place.as_ref().is_some_and(|place| time < place.at) {
            return false;
        }
        let Some(place) = Place::of(position, time, &self.key.id) else { return false };
        self.place = Some(place);
        true
    }

    /// Facts that come along in most messages.
    pub fn hold_extras(&mut self, message: &Message, time: Utc) {
        if let Some(pct) = message.battery_pct {
            hold(&mut self.battery, pct, time);
        }
        let newest = self.battery.is_none_or(|held| time >= held.as_of);
        if newest && message.charging.is_some() {
            self.charging = message.charging;
        }
        self.voltage_v = message.voltage_v.or(self.voltage_v);
        self.odometer_m = message.odometer_m.or(self.odometer_m);
        if let Some(signal) = message.signal {
            self.signal = Some(signal.into());
        }
        if let Some(sub) = &message.sub_device {
            self.signal = sub.rssi_dbm.or(self.signal);
            self.temperature_c = sub.temperature_c.or(self.temperature_c);
            self.humidity_pct = sub.humidity_pct.or(self.humidity_pct);
        }
    }

    pub fn told_opening(&mut self, time: Utc) {
        if self.told_openings.len() == OPENINGS {
            self.told_openings.pop_front();
        }
        self.told_openings.push_back(time);
    }

    /// Whether some opening with a told source explains a motor that opened at `time`.
    #[must_use]
    pub fn is_explained(&self, time: Utc) -> bool {
        self.told_openings.iter().any(|told| (*told - time).abs() <= TimeDelta::minutes(5))
    }

    #[must_use]
    pub fn parts_row(&self) -> PartsRow {
        let row = |held: Option<Held<PartState>>| {
            held.map(|h| PartRow { state: h.value, since: h.since, as_of: h.as_of })
        };
        PartsRow { motor: row(self.motor), rope: row(self.rope), cover: row(self.cover) }
    }
}

/// Parts whose value changed: what it was, what it is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PartChanges {
    pub motor: Option<(Option<PartState>, PartState)>,
    pub rope: Option<(Option<PartState>, PartState)>,
}

/// How a level changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LevelChange {
    On,
    Off,
    /// A stored record says it was on; newer evidence says it is off.
    WasOn,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Utc {
        Utc::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
    }

    fn device() -> Device {
        Device::new(DeviceKey::jointech("1"), DeviceKind::MasterLock, DeviceStatus::Enrolled)
    }

    #[test]
    fn facts_never_move_backwards() {
        let mut slot = None;
        assert!(hold(&mut slot, 1, at(10)));
        assert!(!hold(&mut slot, 2, at(5)));
        assert!(!hold(&mut slot, 1, at(20)));
        assert_eq!(slot, Some(Held { value: 1, since: at(10), as_of: at(20) }));
        assert!(!hold(&mut slot, 2, at(15)));
        assert!(hold(&mut slot, 2, at(21)));
    }

    #[test]
    fn a_lock_word_is_as_old_as_its_older_part() {
        let mut device = device();
        let both = Parts { motor: Some(PartState::Closed), rope: Some(PartState::Closed), cover: None };
        device.hold_parts(both, at(0));
        device.hold_parts(Parts { motor: Some(PartState::Closed), ..Parts::default() }, at(60));
        let lock = device.lock.unwrap();
        assert_eq!((lock.value, lock.as_of, lock.since), (LockState::Locked, at(0), at(0)));
        device.hold_parts(Parts { motor: Some(PartState::Open), ..Parts::default() }, at(70));
        let lock = device.lock.unwrap();
        assert_eq!((lock.value, lock.as_of, lock.since), (LockState::Unlocked, at(70), at(70)));
    }

    #[test]
    fn times_from_the_future_or_from_an_unset_clock_are_not_believed() {
        let device = device();
        assert_eq!(device.event_time(Some(at(121)), false, at(0)), Some(at(0)));
        assert_eq!(device.event_time(Some(at(60)), false, at(0)), Some(at(0)));
        assert_eq!(device.event_time(Some(at(-60)), false, at(0)), Some(at(-60)));
        assert_eq!(device.event_time(None, false, at(0)), Some(at(0)));
        assert_eq!(device.event_time(None, true, at(0)), None);
    }

    #[test]
    fn a_slow_clock_is_corrected_by_the_least_delay_seen_and_only_for_matching() {
        let mut device = device();
        device.clock.sample(at(3700), at(0));
        assert_eq!(device.corrected(Some(at(10)), at(4000)), at(10), "one frame proves no offset");
        device.clock.sample(at(3600), at(0));
        assert_eq!(device.corrected(Some(at(10)), at(4000)), at(3610));
        assert_eq!(device.event_time(Some(at(10)), false, at(4000)), Some(at(10)));
    }

    #[test]
    fn a_level_counts_when_it_comes_on_and_replays_of_the_past_do_not_turn_it_on() {
        let mut device = device();
        let mut on = Levels::default();
        on.report(Level::RopeCut, true);
        let mut off = Levels::default();
        off.report(Level::RopeCut, false);
        assert!(device.hold_levels(off, at(0), false).is_empty());
        assert_eq!(device.hold_levels(on, at(10), false), [(Level::RopeCut, LevelChange::On)]);
        assert!(device.hold_levels(on, at(20), false).is_empty());
        assert_eq!(device.hold_levels(off, at(30), false), [(Level::RopeCut, LevelChange::Off)]);
        assert_eq!(device.hold_levels(on, at(5), true), [(Level::RopeCut, LevelChange::WasOn)]);
        assert!(device.hold_levels(on, at(6), true).is_empty());
        assert!(device.hold_levels(off, at(40), false).is_empty());
    }
}
