//! Whether one device speaks in the name of an ID, or two: derived from the journal alone, so that a replay comes to
//! what living came to.
//!
//! Nothing here may suspect an honest device. Mobile devices reconnect all the time and leave the old connection
//! dead, so a new source is no sign of anything; what counts is what one device cannot do:
//!
//! - **Two live sources**: a frame on an *older* connection after one on the newer. Bytes of the old connection that
//!   were already under way do not count: not within [`SETTLE`] of the take-over, and never those that our own reading
//!   found waiting after it was held up ([`Arrival::held`]). Datagrams of one IP address are one source.
//! - **Impossible jump**: [`AFFIRMED`] fixes in a row, each too far from where it was before for [`FASTEST`] with
//!   [`FIX_SLACK`] and [`CLOCK_SLACK`], and each near the last of them; and as many that affirmed where it was before.
//!   One wild fix of a cold receiver is none.
//! - **Two counters**: records numbered by two counters that take turns, [`TURNS`] times, faster than one could count
//!   through. Only records that are the newest by the device's clock are looked at, because backlogs come in any
//!   order; a device that begins again at 0 to [`RESTART`] has restarted.
//!
//! An operator's choice of a source is a [`Pin`]. It holds until only one source was heard for [`ALONE`].

use super::alarms::default_priority;
use super::device::{Device, Moment, Order};
use super::state::{State, Timer};
use crate::domain::alarm::AlarmKind;
use crate::domain::identity::{
    ConflictKind, IdentityAct, IdentityDecision, IdentityEvent, IdentityNews, Pin, Source, Standing,
};
use crate::domain::journal::FrameRecord;
use crate::domain::{DeviceKey, Message, MessageKind, Position, Priority, Protocol, Utc};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Frames of the older connection this soon after the newer one's first may have been sent before it.
pub const SETTLE: TimeDelta = TimeDelta::seconds(5);

/// An older source not heard for this long is forgotten: its address may be somebody else's by now. (The door closes
/// an older connection that is quiet much sooner.)
const FORGET: TimeDelta = TimeDelta::minutes(10);

/// Sources remembered of each device; of more the oldest is forgotten.
const SOURCES: usize = 8;

/// Sources an operator rejected, of each device; the one rejected first is forgotten first, and asked about anew.
const REJECTED: usize = 8;

/// Events remembered of each device; the oldest leaves first. The journal keeps what they were made of.
const EVENTS: usize = 8;

/// With one source alone for this long, and a person's decision, a conflict is over.
const ALONE: TimeDelta = TimeDelta::hours(24);

/// Kilometres an hour that no cargo reaches.
const FASTEST: f64 = 300.0;
/// Kilometres that two fixes of one place may differ by: far more than any receiver's error.
const FIX_SLACK: f64 = 5.0;
/// Two devices' clocks, or one that was set between two fixes.
const CLOCK_SLACK: TimeDelta = TimeDelta::minutes(2);
/// Fixes that affirm a jump.
const AFFIRMED: u8 = 3;

/// Times that two counters must have taken turns, and within which time.
const TURNS: u8 = 3;
const TURNS_WITHIN: TimeDelta = TimeDelta::minutes(30);
/// A counter is the same one if it went on by no more than this.
const STEP: u8 = 8;
/// No device sends more than a record a second on and on; this many more may come at once.
const BURST: i64 = 16;
/// A counter that begins at most here has been reset.
const RESTART: u8 = 3;

/// One source of a device, as long as it is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Voice {
    source: Source,
    heard: Utc,
    /// When a newer one began.
    superseded: Option<Utc>,
}

/// Two sources for one ID.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    pub kind: ConflictKind,
    /// The source that was there before, and the one that came later.
    pub first: Source,
    pub second: Source,
    pub since: Utc,
    /// When there was evidence last.
    pub last: Utc,
    pub count: u32,
    /// Frames of rejected sources since the decision: stored and answered, but not believed.
    pub ignored: u64,
    /// Sources that were rejected before this began.
    rejected: VecDeque<Source>,
    pub decided: Option<Decided>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    pub decision: IdentityDecision,
    pub by: String,
    pub at: Utc,
    pub note: String,
    pub pin: Pin,
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

/// What is known of who speaks for one device.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// Oldest first; the last one is the newest.
    voices: VecDeque<Voice>,
    /// Sources that an operator said are one device.
    same: Vec<Source>,
    /// Where it is, and where it would be if a jump were true.
    base: Option<Track>,
    far: Option<Track>,
    counters: Counters,
    protocol: Option<(Protocol, Source)>,
    conflict: Option<Conflict>,
    events: VecDeque<IdentityEvent>,
}

/// A suspicion that just arose.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Suspicion {
    kind: ConflictKind,
    first: Source,
    second: Source,
}

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    Believed,
    Suspect(Suspicion),
    /// Of a source that an operator rejected.
    Ignored,
}

/// What came of an operator's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityOutcome {
    Done,
    /// There is nothing to decide.
    NoConflict,
    /// All of it came by one source: there is nobody to choose from.
    OneSource,
    NoSuchDevice,
}

impl IdentityOutcome {
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NoConflict => "there is no conflict about this device",
            Self::OneSource => {
                "all of it came by one source: only `same` can be decided; if it is not one device, have it looked at"
            }
            Self::NoSuchDevice => "no such device is enrolled",
        }
    }
}

impl Identity {
    /// Two sources, decided or not.
    #[must_use]
    pub fn conflict(&self) -> Option<&Conflict> {
        self.conflict.as_ref()
    }

    /// Two sources, and nobody has decided: what this device says is in doubt, and nothing physical is sent to it.
    #[must_use]
    pub fn undecided(&self) -> Option<&Conflict> {
        self.conflict.as_ref().filter(|conflict| conflict.decided.is_none())
    }

    /// The operator's choice that holds now.
    #[must_use]
    pub fn pin(&self) -> Option<&Pin> {
        let decided = self.conflict.as_ref()?.decided.as_ref()?;
        Some(&decided.pin)
    }

    /// Newest last.
    pub fn events(&self) -> impl Iterator<Item = &IdentityEvent> {
        self.events.iter()
    }

    /// The source heard last of those that began last.
    #[must_use]
    pub fn newest(&self) -> Option<Source> {
        self.voices.back().map(|voice| voice.source)
    }

    /// Other sources that were heard lately.
    pub fn older(&self) -> impl Iterator<Item = Source> {
        self.voices.iter().rev().skip(1).map(|voice| voice.source)
    }

    fn note(&mut self, at: Utc, what: IdentityNews, first: Source, second: Source) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(IdentityEvent { at, what, first, second });
    }

    /// A frame came from `source`.
    fn hear(&mut self, record: &FrameRecord, at: Utc) -> Verdict {
        let source = record.source();
        match self.pin().map(|pin| pin.standing(&source)) {
            Some(Standing::Rejected) => {
                if let Some(conflict) = &mut self.conflict {
                    conflict.ignored = conflict.ignored.saturating_add(1);
                    conflict.last = conflict.last.max(at);
                }
                return Verdict::Ignored;
            }
            Some(Standing::Accepted) => {
                self.speak(record, at);
                return Verdict::Believed;
            }
            // Neither the one nor the other: who this is nobody has decided.
            Some(Standing::Stranger) => {
                let accepted = self.pin().map_or(source, |pin| pin.accepted);
                self.speak(record, at);
                let kind = ConflictKind::TwoSources;
                return Verdict::Suspect(Suspicion { kind, first: accepted, second: source });
            }
            None => {}
        }
        match self.speak(record, at) {
            Some(newer) => {
                let kind = ConflictKind::TwoSources;
                Verdict::Suspect(Suspicion { kind, first: source, second: newer })
            }
            None => Verdict::Believed,
        }
    }

    /// Remembers who spoke. Returns the newer source, if an older one spoke that should be silent.
    fn speak(&mut self, record: &FrameRecord, at: Utc) -> Option<Source> {
        let source = record.source();
        let is_lately = |voice: &Voice| {
            voice.superseded.is_none_or(|superseded| at - superseded.max(voice.heard) <= FORGET)
        };
        self.voices.retain(is_lately);
        if record.arrival.opens {
            // The address of an old connection, taken again by a new one.
            self.voices.retain(|voice| voice.source != source || voice.superseded.is_none());
        }
        let known = self.voices.iter().rposition(|voice| voice.source.is_same_sender(&source));
        let newest = self.voices.len().checked_sub(1);
        match known {
            Some(n) if Some(n) == newest => {
                if let Some(voice) = self.voices.back_mut() {
                    voice.source = source; // a sender of datagrams may have another port
                    voice.heard = voice.heard.max(at);
                }
                None
            }
            Some(n) => self.older_speaks(n, record, at),
            None => {
                self.begin(source, at, record.arrival.overtaken);
                None
            }
        }
    }

    fn older_speaks(&mut self, n: usize, record: &FrameRecord, at: Utc) -> Option<Source> {
        let newer = self.voices.back()?.source;
        let voice = self.voices.get_mut(n)?;
        let source = voice.source;
        if record.arrival.held || voice.superseded.is_some_and(|then| at - then < SETTLE) {
            return None;
        }
        voice.heard = voice.heard.max(at);
        if self.is_same(&source) && self.is_same(&newer) {
            self.voices.remove(n);
            self.begin(source, at, false);
            return None;
        }
        Some(newer)
    }

    fn is_same(&self, source: &Source) -> bool {
        self.same.iter().any(|same| same.is_same_sender(source))
    }

    /// A source that was not heard before: it takes over, unless its connection is older than that of the newest.
    fn begin(&mut self, source: Source, at: Utc, overtaken: bool) {
        let newest = self.voices.pop_back();
        if self.voices.len() + 1 >= SOURCES {
            self.voices.pop_front();
        }
        let voice = |superseded| Voice { source, heard: at, superseded };
        match newest {
            Some(newest) if overtaken => self.voices.extend([voice(Some(at)), newest]),
            Some(newest) => self.voices.extend([Voice { superseded: Some(at), ..newest }, voice(None)]),
            None => self.voices.push_back(voice(None)),
        }
    }

    /// The protocol of a frame: a change between the families of one maker is worth a line, no more.
    fn spoken(&mut self, protocol: Protocol, source: Source, at: Utc) {
        if let Some((before, by)) = self.protocol.replace((protocol, source))
            && before != protocol
        {
            self.note(at, IdentityNews::ProtocolChange, by, source);
        }
    }

    /// A live fix at the device's own time.
    fn place(&mut self, fix: Fix) -> Option<Suspicion> {
        let Some(base) = self.base.as_mut() else {
            self.base = Some(Track { last: fix, seen: 1 });
            return None;
        };
        if is_possible(&base.last, &fix) {
            *base = Track { last: fix, seen: base.seen.saturating_add(1) };
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

    /// Our own restart ended every connection; who speaks next begins anew. What was in conflict stays so.
    fn restarted(&mut self) {
        self.voices.clear();
    }

    /// What is remembered of places and counters is in doubt, too.
    fn forget_tracks(&mut self) {
        (self.base, self.far) = (None, None);
        self.counters = Counters::default();
    }
}

/// Whether something on wheels can have gone from one fix to the other. The longer of the two times counts, by the
/// devices' clocks or by ours: frames are delayed, and clocks are set.
fn is_possible(a: &Fix, b: &Fix) -> bool {
    let passed = (b.at - a.at).abs().max((b.received - a.received).abs()) + CLOCK_SLACK;
    #[expect(clippy::cast_precision_loss, reason = "minutes and days, not ages of the universe")]
    let hours = passed.num_seconds() as f64 / 3600.0;
    kilometres((a.lat, a.lon), (b.lat, b.lon)) <= FASTEST * hours + FIX_SLACK
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

impl State {
    /// Judges who sent a frame. `false` if it must not move any state.
    pub(super) fn identify(&mut self, record: &FrameRecord, at: Utc) -> bool {
        let Some(device) = self.devices.get_mut(&record.device) else { return true };
        let verdict = device.identity.hear(record, at);
        if verdict == Verdict::Ignored {
            self.changes.devices.insert(record.device.clone());
            return false;
        }
        let source = record.source();
        let mut suspicions: Vec<Suspicion> = match verdict {
            Verdict::Suspect(suspicion) => vec![suspicion],
            _ => vec![],
        };
        for message in record.messages.iter().filter(|message| message.kind != MessageKind::Invalid) {
            device.identity.spoken(message.protocol, source, at);
            let moment = device.moment(message.time, message.replayed, at);
            let fix = live_fix(message, moment, at, source);
            suspicions.extend(fix.and_then(|fix| device.identity.place(fix)));
            let serial = live_serial(message, moment, at, source);
            suspicions.extend(serial.and_then(|serial| device.identity.count(serial)));
        }
        for suspicion in suspicions {
            self.suspect(&record.device, suspicion, at);
        }
        true
    }

    fn suspect(&mut self, key: &DeviceKey, suspicion: Suspicion, at: Utc) {
        let Suspicion { kind, first, second } = suspicion;
        let Some(device) = self.devices.get_mut(key) else { return };
        let identity = &mut device.identity;
        let goes_on = |conflict: &Conflict| {
            conflict.decided.is_none()
                && [first, second].iter().all(|source| {
                    source.is_same_sender(&conflict.first) || source.is_same_sender(&conflict.second)
                })
        };
        if let Some(conflict) = identity.conflict.as_mut().filter(|conflict| goes_on(conflict)) {
            conflict.last = at;
            conflict.count = conflict.count.saturating_add(1);
            return;
        }
        let before = identity.conflict.as_ref().filter(|conflict| conflict.decided.is_none());
        let (since, count) = before.map_or((at, 1), |old| (old.since, old.count.saturating_add(1)));
        let rejected = identity.conflict.take().map_or_else(VecDeque::new, |old| {
            old.decided.map_or(old.rejected, |decided| decided.pin.rejected.into())
        });
        let conflict =
            Conflict { kind, first, second, since, last: at, count, ignored: 0, rejected, decided: None };
        identity.conflict = Some(conflict);
        identity.note(at, kind.into(), first, second);
        let open = self.commands.all().any(|command| {
            (command.intent.via == *key || command.intent.target == *key) && command.blocks(at, self.times)
        });
        const KIND: AlarmKind = AlarmKind::DuplicateIdentity;
        let priority = if open { Priority::P1 } else { default_priority(KIND) };
        let reason = format!(
            "{}: {first} and then {second}; physical commands are blocked until somebody decides: \
             :identity {key} newest|older|same NOTE",
            kind.words()
        );
        self.raise(Some(key), KIND, priority, at, at, reason);
        self.changes.identities.insert(key.clone());
        self.touch_device(key);
    }

    /// What an operator decided about a device.
    pub(super) fn identity_act(&mut self, act: &IdentityAct, at: Utc) -> IdentityOutcome {
        let IdentityAct::Decide { device: key, decision, by, note } = act;
        let outcome = self.identity_outcome(key, *decision);
        let (IdentityOutcome::Done, Some(device)) = (&outcome, self.devices.get_mut(key)) else {
            return outcome;
        };
        let identity = &mut device.identity;
        let Some(conflict) = identity.conflict.take() else { return outcome };
        identity.note(at, IdentityNews::Decided, conflict.first, conflict.second);
        identity.forget_tracks();
        let (accepted, other) = match decision {
            IdentityDecision::Newest => (conflict.second, conflict.first),
            IdentityDecision::Older => (conflict.first, conflict.second),
            IdentityDecision::Same => {
                for source in [conflict.second, conflict.first] {
                    identity.same.retain(|same| !same.is_same_sender(&source));
                    identity.same.insert(0, source);
                }
                identity.same.truncate(SOURCES);
                self.end_alarm(Some(key), AlarmKind::DuplicateIdentity);
                return self.decided(key, outcome);
            }
        };
        let mut rejected = conflict.rejected.clone();
        rejected.retain(|source| !source.is_same_sender(&accepted) && !source.is_same_sender(&other));
        rejected.push_front(other);
        rejected.truncate(REJECTED);
        let pin = Pin { accepted, rejected: rejected.into() };
        identity.voices.retain(|voice| pin.standing(&voice.source) == Standing::Accepted);
        identity.same.clear();
        let (by, note) = (by.clone(), note.clone());
        let decided = Decided { decision: *decision, by, at, note, pin };
        let due = conflict.last.max(at) + ALONE;
        identity.conflict = Some(Conflict { ignored: 0, decided: Some(decided), ..conflict });
        self.set_timer(due, Timer::Identity(key.clone()));
        self.forget_told(key);
        self.decided(key, outcome)
    }

    fn decided(&mut self, key: &DeviceKey, outcome: IdentityOutcome) -> IdentityOutcome {
        self.changes.identities.insert(key.clone());
        self.touch_device(key);
        outcome
    }

    /// What a decision would come to.
    #[must_use]
    pub fn identity_outcome(&self, key: &DeviceKey, decision: IdentityDecision) -> IdentityOutcome {
        let Some(device) = self.devices.get(key) else { return IdentityOutcome::NoSuchDevice };
        match device.identity.undecided() {
            None => IdentityOutcome::NoConflict,
            Some(conflict)
                if decision != IdentityDecision::Same && conflict.first.is_same_sender(&conflict.second) =>
            {
                IdentityOutcome::OneSource
            }
            Some(_) => IdentityOutcome::Done,
        }
    }

    /// What was shown of a device may have been told by the source that is rejected now: it, and what hangs on it,
    /// is unknown until the accepted one tells it anew.
    fn forget_told(&mut self, key: &DeviceKey) {
        let its = |device: &&mut Device| device.key == *key || device.bound_to.as_ref() == Some(key);
        let mut touched: Vec<DeviceKey> = Vec::new();
        for device in self.devices.values_mut().filter(its) {
            device.forget_told();
            touched.push(device.key.clone());
        }
        touched.sort();
        touched.iter().for_each(|key| self.touch_device(key));
    }

    /// A decided conflict is over once only one source was heard for a day.
    pub(super) fn identity_due(&mut self, key: &DeviceKey, now: Utc) {
        let Some(device) = self.devices.get_mut(key) else { return };
        let Some(conflict) = &device.identity.conflict else { return };
        let Some(decided) = &conflict.decided else { return }; // another one began: it will have its own timer
        let due = conflict.last.max(decided.at) + ALONE;
        if due > now {
            return self.set_timer(due, Timer::Identity(key.clone()));
        }
        device.identity.conflict = None;
        self.end_alarm(Some(key), AlarmKind::DuplicateIdentity);
        self.changes.identities.insert(key.clone());
        self.touch_device(key);
    }

    /// Every connection ended with our own restart.
    pub(super) fn connections_ended(&mut self) {
        self.devices.values_mut().for_each(|device| device.identity.restarted());
    }

    /// The conflict about who carries a command to this lock, if nobody has decided it: the lock's own, or that of the
    /// master it hangs on.
    #[must_use]
    pub fn undecided_identity(&self, key: &DeviceKey) -> Option<(&Device, &Conflict)> {
        let device = self.device(key)?;
        let carrier = device.bound_to.as_ref().filter(|_| device.kind.is_bound());
        let carrier = carrier.and_then(|master| self.device(master));
        [Some(device), carrier]
            .into_iter()
            .flatten()
            .find_map(|device| Some((device, device.identity.undecided()?)))
    }
}
