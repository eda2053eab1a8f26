//! What one device cannot tell of itself: to be at two places, and to count by two counters.
//!
//! - **Impossible jump**: [`AFFIRMED`] fixes in a row, each too far from where it was before for [`FASTEST`] with
//!   [`FIX_SLACK`] and [`CLOCK_SLACK`], and each near the last of them; and as many that affirmed where it was before.
//!   One wild fix of a cold receiver is none.
//! - **Two counters**: records numbered by two counters that take turns, [`TURNS`] times, faster than one could count
//!   through. Only records that are the newest by the device's clock are looked at, because backlogs come in any
//!   order; a device that begins again at 0 to [`RESTART`] has restarted.

use super::device::{Moment, Order};
use crate::domain::identity::{ConflictKind, Source};
use crate::domain::{Message, MessageKind, Position, Utc};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// Kilometres an hour that no cargo reaches.
const FASTEST: f64 = 300.0;
/// Kilometres that two fixes of one place may differ by: far more than any receiver's error.
const FIX_SLACK: f64 = 5.0;
/// Two devices' clocks, or one that was set between two fixes.
const CLOCK_SLACK: TimeDelta = TimeDelta::minutes(2);
/// Fixes that affirm a jump.
const AFFIRMED: u8 = 3;

/// Kilometres between two fixes in a row beyond which the later one begins a place of its own, however possible the way
/// was: after hours of silence a wild fix is possible too, and must not inherit what affirmed the place before.
const STRETCH: f64 = 50.0;

/// Times that two counters must have taken turns, and within which time.
const TURNS: u8 = 3;
const TURNS_WITHIN: TimeDelta = TimeDelta::minutes(30);
/// A counter is the same one if it went on by no more than this.
const STEP: u8 = 8;
/// No device sends more than a record a second on and on; this many more may come at once.
const BURST: i64 = 16;
/// A counter that begins at most here has been reset.
const RESTART: u8 = 3;

/// A suspicion that just arose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Suspicion {
    pub(super) kind: ConflictKind,
    pub(super) first: Source,
    pub(super) second: Source,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Fix {
    lat: f64,
    lon: f64,
    at: Utc,
    received: Utc,
    source: Source,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Track {
    last: Fix,
    seen: u8,
}

/// A counter of records.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Counter {
    serial: u8,
    told: Utc,
    received: Utc,
    source: Source,
}

impl Counter {
    /// How many records forward to `serial`, modulo 256.
    fn forward(&self, serial: u8) -> u8 {
        serial.wrapping_sub(self.serial)
    }

    fn goes_on(&self, serial: u8) -> bool {
        (1..=STEP).contains(&self.forward(serial))
    }

    /// Whether one device could have counted as far in the meantime.
    fn could_reach(&self, next: &Self) -> bool {
        let passed = (next.told - self.told).max(next.received - self.received);
        i64::from(self.forward(next.serial)) <= passed.num_seconds().saturating_add(BURST)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Counters {
    now: Option<Counter>,
    other: Option<Counter>,
    turns: u8,
    /// Of the first turn.
    since: Option<Utc>,
}

/// Where a device says that it is, and how it counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Tracks {
    /// Where it is, and where it would be if a jump were true.
    base: Option<Track>,
    far: Option<Track>,
    counters: Counters,
}

impl Tracks {
    /// Takes in a message that came from `source`. At most one suspicion of each kind.
    pub(super) fn hear(
        &mut self,
        message: &Message,
        moment: Moment,
        received: Utc,
        source: Source,
    ) -> impl Iterator<Item = Suspicion> + use<> {
        let jump = live_fix(message, moment, received, source).and_then(|fix| self.place(fix));
        let count = live_serial(message, moment, received, source).and_then(|serial| self.count(serial));
        jump.into_iter().chain(count)
    }

    /// A live fix at the device's own time.
    fn place(&mut self, fix: Fix) -> Option<Suspicion> {
        let Some(base) = self.base.as_mut() else {
            self.base = Some(Track { last: fix, seen: 1 });
            return None;
        };
        if is_possible(&base.last, &fix) {
            let seen = if distance(&base.last, &fix) > STRETCH { 1 } else { base.seen.saturating_add(1) };
            *base = Track { last: fix, seen };
            self.far = None;
            return None;
        }
        if base.seen < AFFIRMED {
            base.seen = 0; // in a row
        }
        let seen = match &self.far {
            Some(far) if is_possible(&far.last, &fix) => far.seen.saturating_add(1),
            _ => 1,
        };
        let far = Track { last: fix, seen };
        if seen < AFFIRMED {
            self.far = Some(far);
            return None;
        }
        self.far = None;
        // Where it was before must have been affirmed as well: the first fix of all may have been the wild one.
        let before = self.base.replace(far).filter(|before| before.seen >= AFFIRMED)?;
        let (first, second) = (before.last.source, self.base.as_ref()?.last.source);
        Some(Suspicion { kind: ConflictKind::ImpossibleJump, first, second })
    }

    /// A live record that is the newest by the device's clock has this number.
    fn count(&mut self, next: Counter) -> Option<Suspicion> {
        let counters = &mut self.counters;
        let Some(now) = counters.now else {
            counters.now = Some(next);
            return None;
        };
        if next.told <= now.told || next.serial == now.serial {
            return None;
        }
        if next.serial <= RESTART {
            *counters = Counters { now: Some(next), ..Counters::default() };
            return None;
        }
        if now.goes_on(next.serial) {
            counters.now = Some(next);
            return None;
        }
        let turn = counters.other.filter(|other| other.goes_on(next.serial) && !now.could_reach(&next));
        counters.other = Some(now);
        counters.now = Some(next);
        let Some(other) = turn else {
            // One jump: records were lost, or it counts anew.
            (counters.turns, counters.since) = (0, None);
            return None;
        };
        let since = *counters.since.get_or_insert(now.received);
        counters.turns = if next.received - since > TURNS_WITHIN {
            counters.since = Some(now.received);
            1
        } else {
            counters.turns.saturating_add(1)
        };
        if counters.turns < TURNS {
            return None;
        }
        *counters = Counters { now: Some(next), ..Counters::default() };
        let (first, second) = (other.source, now.source);
        Some(Suspicion { kind: ConflictKind::TwoCounters, first, second })
    }
}

/// Whether something on wheels can have gone from one fix to the other. The longer of the two times counts, by the
/// devices' clocks or by ours: frames are delayed, and clocks are set.
fn is_possible(a: &Fix, b: &Fix) -> bool {
    let passed = (b.at - a.at).abs().max((b.received - a.received).abs()) + CLOCK_SLACK;
    #[expect(clippy::cast_precision_loss, reason = "minutes and days, not ages of the universe")]
    let hours = passed.num_seconds() as f64 / 3600.0;
    distance(a, b) <= FASTEST * hours + FIX_SLACK
}

/// Kilometres.
fn distance(a: &Fix, b: &Fix) -> f64 {
    kilometres((a.lat, a.lon), (b.lat, b.lon))
}

/// Along the great circle.
fn kilometres((lat_a, lon_a): (f64, f64), (lat_b, lon_b): (f64, f64)) -> f64 {
    const EARTH: f64 = 6371.0;
    let (phi_a, phi_b) = (lat_a.to_radians(), lat_b.to_radians());
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let h = half(lat_a, lat_b) + phi_a.cos() * phi_b.cos() * half(lon_a, lon_b);
    2.0 * EARTH * h.clamp(0.0, 1.0).sqrt().asin()
}

/// A live fix, if the message has one that a place can be judged by.
fn live_fix(message: &Message, moment: Moment, received: Utc, source: Source) -> Option<Fix> {
    let Position { lat, lon, fix, .. } = *message.position.as_ref()?;
    let counts = fix && message.time.is_some() && (lat, lon) != (0.0, 0.0) && is_live(message, moment);
    counts.then_some(Fix { lat, lon, at: moment.time, received, source })
}

fn live_serial(message: &Message, moment: Moment, received: Utc, source: Source) -> Option<Counter> {
    let (serial, told) = (message.serial?, message.time?);
    let counts = message.kind == MessageKind::Position && is_live(message, moment);
    counts.then_some(Counter { serial: serial.to_le_bytes()[0], told, received, source })
}

/// As it happened, told by the device itself, and not older than what it told before.
fn is_live(message: &Message, moment: Moment) -> bool {
    !message.replayed && message.sub_device.is_none() && moment.order == Order::Known
}
