//! Whether one device speaks in the name of an ID, or two: derived from the journal alone, so that a replay comes to
//! what living came to.
//!
//! Nothing here may suspect an honest device. Mobile devices reconnect all the time and leave the old connection
//! dead, so a new source is no sign of anything; what counts is what one device cannot do:
//!
//! - **Two live sources**: a frame on an *older* connection after one on the newer. Bytes of the old connection that
//!   were already under way do not count: not within [`SETTLE`] of the take-over, and never those that our own reading
//!   found waiting after it was held up ([`Arrival::held`]). Datagrams of one IP address are one source.
//! - **Impossible jump** and **two counters**: what one device cannot tell of itself, see [`super::tracks`].
//!
//! An operator's choice of a source is a [`Pin`]. It holds until only one source was heard for [`ALONE`].

use super::alarms::{AlarmKey, default_priority};
use super::device::Device;
use super::state::{State, Timer};
use super::tracks::{Suspicion, Tracks};
use crate::domain::alarm::AlarmKind;
use crate::domain::identity::{
    ConflictKind, IdentityAct, IdentityDecision, IdentityEvent, IdentityNews, Pin, Source, Standing,
};
use crate::domain::journal::FrameRecord;
use crate::domain::{DeviceKey, MessageKind, Priority, Protocol, Utc};
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

/// What is known of who speaks for one device.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// Oldest first; the last one is the newest.
    voices: VecDeque<Voice>,
    /// Sources that an operator said are one device.
    same: Vec<Source>,
    tracks: Tracks,
    protocol: Option<(Protocol, Source)>,
    conflict: Option<Conflict>,
    events: VecDeque<IdentityEvent>,
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

    /// Whether an operator rejected this source before the conflict that is undecided now: a third one does not bring
    /// it back. Who shares the IP address of one of the two is not known by that address.
    fn was_rejected(&self, source: &Source) -> bool {
        let Some(conflict) = self.undecided() else { return false };
        let rejected: Vec<Source> = conflict.rejected.iter().copied().collect();
        [conflict.first, conflict.second].into_iter().all(|accepted| {
            let pin = Pin { accepted, rejected: rejected.clone() };
            pin.standing(source) == Standing::Rejected
        })
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
        if self.was_rejected(&source) {
            if let Some(conflict) = &mut self.conflict {
                conflict.ignored = conflict.ignored.saturating_add(1);
                conflict.last = conflict.last.max(at);
            }
            return Verdict::Ignored;
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

    /// Our own restart ended every connection; who speaks next begins anew. What was in conflict stays so.
    fn restarted(&mut self) {
        self.voices.clear();
    }
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
            suspicions.extend(device.identity.tracks.hear(message, moment, at, source));
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
        identity.tracks = Tracks::default();
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
        let words = format!(
            "{by} decided that {accepted} is the device ({note}); over once only it is heard for a day"
        );
        let (by, note) = (by.clone(), note.clone());
        let decided = Decided { decision: *decision, by, at, note, pin };
        let due = conflict.last.max(at) + ALONE;
        identity.conflict = Some(Conflict { ignored: 0, decided: Some(decided), ..conflict });
        self.set_timer(due, Timer::Identity(key.clone()));
        self.forget_told(key);
        for id in self.orders.distrust(key) {
            self.touch_order(id);
        }
        // Commands are not blocked any more: the alarm must not say so.
        let open = AlarmKey { device: Some(key.clone()), kind: AlarmKind::DuplicateIdentity };
        let reason =
            format!("{}: {} and then {}; {words}", conflict.kind.words(), conflict.first, conflict.second);
        if let Some(id) = self.alarms.reword(&open, reason) {
            self.touch_alarm(id);
        }
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
