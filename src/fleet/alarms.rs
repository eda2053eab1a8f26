//! The alarm list: a pure state machine after ISA-18.2. What raises an alarm is decided in `evidence`; here is what
//! becomes of it.

use super::snapshot::{AckRow, AlarmRow};
use crate::domain::alarm::AlarmKind;
use crate::domain::{AlarmId, AlarmState, AssetId, DeviceKey, Priority, Utc};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Closed alarms kept for `list alarms --all`; the oldest leaves first. The journal keeps the evidence itself.
const CLOSED_KEPT: usize = 1000;

/// An event this much older than its receipt came late.
const LATE: TimeDelta = TimeDelta::minutes(10);

/// Whether an alarm whose condition is over waits for a person's reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Latch {
    No,
    AtP1,
    Always,
}

/// How the condition of an alarm ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Evidence from the device; never time.
    Evidence,
    /// Evidence, or a person's reset.
    EvidenceOrPerson,
    /// No evidence is known that could end it: only a person's reset.
    Person,
    /// A momentary event counts as true for this long.
    After(TimeDelta),
}

/// The rows of the event table that this program raises today.
struct Rule {
    priority: Priority,
    latch: Latch,
    ending: Ending,
}

fn rule(kind: AlarmKind) -> Rule {
    use AlarmKind as K;
    use Ending::{After, Evidence, EvidenceOrPerson, Person};
    use Latch::{Always, AtP1, No};
    use Priority::{P1, P2, P3, P4};
    const HOLD: TimeDelta = TimeDelta::minutes(10);
    const CARD: TimeDelta = TimeDelta::minutes(60);
    let (priority, latch, ending) = match kind {
        K::RopeCut | K::Tamper | K::BackCoverOpened | K::Sos => (P1, Always, Evidence),
        K::OpenedStaticUnexplained | K::OpenedDynamicUnexplained => (P1, Always, Person),
        K::OpenedLoraUnexplained | K::ValveOpened => (P1, AtP1, Evidence),
        K::OpenedBluetoothUnexplained | K::OpenedUnknown => (P2, AtP1, Evidence),
        K::WrongPasswordLimit => (P1, No, EvidenceOrPerson),
        K::UnlockedTooLong | K::MotorFault => (P2, No, Evidence),
        K::PowerCut => (P2, No, Person),
        // Priority P1 while a command is open; ends after a day with one source and a person's decision.
        K::DuplicateIdentity | K::CommandUncertain => (P2, Always, Evidence),
        K::Tow | K::Movement | K::OpenRefused => (P2, No, After(HOLD)),
        K::IllegalCard => (P3, No, After(CARD)),
        K::LowBattery | K::SignalLost | K::DiskLow => (P3, No, Evidence),
        K::LowBackupBattery => (P3, No, Person),
        K::Fatigue | K::Custom => (P3, No, After(HOLD)),
        // A level on locks (ends with its bit), an event on trackers (held).
        K::Vibration => (P4, No, After(HOLD)),
        K::Overspeed => (P3, No, After(HOLD)),
        K::HarshAcceleration | K::HarshBraking => (P4, No, After(HOLD)),
    };
    Rule { priority, latch, ending }
}

/// Default priority of a kind; evidence may bring a more severe one.
#[must_use]
pub fn default_priority(kind: AlarmKind) -> Priority {
    rule(kind).priority
}

/// How a kind ends.
#[must_use]
pub fn ending(kind: AlarmKind) -> Ending {
    rule(kind).ending
}

/// One open row per key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlarmKey {
    /// The device it is about, or `None` for the node itself.
    pub device: Option<DeviceKey>,
    pub kind: AlarmKind,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    pub id: AlarmId,
    pub key: AlarmKey,
    pub asset: Option<AssetId>,
    pub priority: Priority,
    pub reason: String,
    pub state: AlarmState,
    pub first: Utc,
    pub last: Utc,
    pub count: u32,
    pub late: bool,
    pub ack: Option<AckRow>,
    /// When a momentary condition ends.
    pub held_until: Option<Utc>,
    /// The device does not report what would end it: only a person can.
    #[serde(default)]
    pub unobservable: bool,
}

impl Alarm {
    fn latches(&self) -> bool {
        match rule(self.key.kind).latch {
            Latch::No => false,
            Latch::AtP1 => self.priority == Priority::P1,
            Latch::Always => true,
        }
    }

    /// Whether a person may end it now.
    #[must_use]
    pub fn can_reset(&self) -> bool {
        let by_person = matches!(rule(self.key.kind).ending, Ending::Person | Ending::EvidenceOrPerson)
            || self.unobservable;
        self.state == AlarmState::LatchedAck || (self.state == AlarmState::AckActive && by_person)
    }
}

/// New evidence of a condition.
#[derive(Debug, Clone)]
pub struct Sign {
    pub key: AlarmKey,
    pub asset: Option<AssetId>,
    pub priority: Priority,
    /// Event time, clamped.
    pub time: Utc,
    pub received: Utc,
    pub reason: String,
    /// See [`Alarm::unobservable`].
    pub unobservable: bool,
}

/// What came of an operator's act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActOutcome {
    Done,
    /// Somebody was first.
    AlreadyAcked {
        by: String,
    },
    /// The row is not in a state where that means anything.
    NotNow(&'static str),
    NoSuchAlarm,
}

/// All alarms.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Alarms {
    next: i64,
    rows: BTreeMap<AlarmId, Alarm>,
    #[serde(with = "open_as_list")]
    open: BTreeMap<AlarmKey, AlarmId>,
    /// In the order they were closed.
    closed: VecDeque<AlarmId>,
}

/// JSON has no structured map keys.
mod open_as_list {
    use super::{AlarmId, AlarmKey, BTreeMap};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<AlarmKey, AlarmId>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<BTreeMap<AlarmKey, AlarmId>, D::Error> {
        Ok(Vec::<(AlarmKey, AlarmId)>::deserialize(d)?.into_iter().collect())
    }
}

impl Alarms {
    /// Open rows, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Alarm> {
        let mut ids: Vec<AlarmId> = self.open.values().copied().collect();
        ids.sort_unstable();
        ids.into_iter().filter_map(|id| self.rows.get(&id))
    }

    /// All rows kept, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Alarm> {
        self.rows.values()
    }

    #[must_use]
    pub fn get(&self, id: AlarmId) -> Option<&Alarm> {
        self.rows.get(&id)
    }

    #[must_use]
    pub fn open_with(&self, key: &AlarmKey) -> Option<&Alarm> {
        self.rows.get(self.open.get(key)?)
    }

    /// Open rows about one device.
    pub fn open_of<'a>(&'a self, device: &'a DeviceKey) -> impl Iterator<Item = &'a Alarm> {
        // Keys are ordered by device first, then by kind.
        let from = AlarmKey { device: Some(device.clone()), kind: AlarmKind::RopeCut };
        self.open
            .range(from..)
            .take_while(move |(key, _)| key.device.as_ref() == Some(device))
            .filter_map(|(_, id)| self.rows.get(id))
    }

    /// What is to be said of an open alarm from now on.
    pub fn reword(&mut self, key: &AlarmKey, reason: String) -> Option<AlarmId> {
        let id = self.open.get(key).copied()?;
        self.rows.get_mut(&id)?.reason = reason;
        Some(id)
    }

    /// Takes in new evidence. Returns the row, and the moment to call [`Alarms::hold_over`] if none is set yet.
    pub fn raise(&mut self, sign: Sign) -> (AlarmId, Option<Utc>) {
        let held_until = match ending(sign.key.kind) {
            Ending::After(hold) => Some(sign.received + hold),
            _ => None,
        };
        let late = sign.received - sign.time > LATE;
        if let Some(id) = self.open.get(&sign.key).copied()
            && let Some(alarm) = self.rows.get_mut(&id)
        {
            // A timer that is set already finds the new end when it fires.
            let timer = held_until.filter(|_| alarm.held_until.is_none());
            alarm.state = AlarmState::UnackActive;
            alarm.ack = None;
            alarm.priority = alarm.priority.min(sign.priority);
            alarm.count = alarm.count.saturating_add(1);
            alarm.first = alarm.first.min(sign.time);
            if sign.time >= alarm.last {
                alarm.last = sign.time;
                alarm.reason = sign.reason;
                alarm.late = late;
                alarm.unobservable = sign.unobservable;
                alarm.asset = sign.asset;
            }
            alarm.held_until = alarm.held_until.max(held_until);
            return (id, timer);
        }
        self.next += 1;
        let id = AlarmId(self.next);
        let alarm = Alarm {
            id,
            asset: sign.asset,
            priority: sign.priority,
            reason: sign.reason,
            state: AlarmState::UnackActive,
            first: sign.time,
            last: sign.time,
            count: 1,
            late,
            ack: None,
            held_until,
            unobservable: sign.unobservable,
            key: sign.key.clone(),
        };
        self.rows.insert(id, alarm);
        self.open.insert(sign.key, id);
        (id, held_until)
    }

    /// Evidence, newer by event time than the raising one, that the condition is over.
    pub fn condition_over(&mut self, key: &AlarmKey, time: Utc) -> Option<AlarmId> {
        self.open_with(key).filter(|alarm| time > alarm.last)?;
        self.end(key)
    }

    /// The condition is over for certain, whatever the clocks say: we know it ourselves, or a person says so.
    pub fn end(&mut self, key: &AlarmKey) -> Option<AlarmId> {
        let id = *self.open.get(key)?;
        let alarm = self.rows.get_mut(&id).filter(|alarm| alarm.state.is_active())?;
        Self::settle(alarm);
        self.close_if_normal(id);
        Some(id)
    }

    /// The hold time of a momentary condition may be over. Returns whether the row changed, and when to ask again.
    pub fn hold_over(&mut self, id: AlarmId, now: Utc) -> (bool, Option<Utc>) {
        let Some(alarm) = self.rows.get_mut(&id) else { return (false, None) };
        match alarm.held_until {
            Some(until) if until > now => return (false, Some(until)),
            _ => alarm.held_until = None,
        }
        let changes = alarm.state.is_active();
        Self::settle(alarm);
        self.close_if_normal(id);
        (changes, None)
    }

    fn settle(alarm: &mut Alarm) {
        alarm.state = match (alarm.state, alarm.latches()) {
            (AlarmState::UnackActive, true) => AlarmState::LatchedUnack,
            (AlarmState::UnackActive, false) => AlarmState::UnackReturned,
            (AlarmState::AckActive, true) => AlarmState::LatchedAck,
            (AlarmState::AckActive, false) => AlarmState::Normal,
            (other, _) => other,
        };
    }

    /// `may_ack` without doing it: what an acknowledgement would come to.
    #[must_use]
    pub fn ack_outcome(&self, id: AlarmId) -> ActOutcome {
        match self.rows.get(&id) {
            None => ActOutcome::NoSuchAlarm,
            Some(alarm) if alarm.state.is_unacknowledged() => ActOutcome::Done,
            Some(Alarm { state: AlarmState::Normal, .. }) => ActOutcome::NotNow("it is over"),
            Some(Alarm { ack: Some(ack), .. }) => ActOutcome::AlreadyAcked { by: ack.by.clone() },
            Some(_) => ActOutcome::NotNow("it is acknowledged"),
        }
    }

    /// A named person has seen it.
    pub fn ack(&mut self, id: AlarmId, by: &str, note: &str, at: Utc) -> ActOutcome {
        let outcome = self.ack_outcome(id);
        if outcome == ActOutcome::Done
            && let Some(alarm) = self.rows.get_mut(&id)
        {
            alarm.ack = Some(AckRow { by: by.to_owned(), at, note: note.to_owned() });
            alarm.state = match alarm.state {
                AlarmState::UnackActive => AlarmState::AckActive,
                AlarmState::LatchedUnack => AlarmState::LatchedAck,
                _ => AlarmState::Normal,
            };
            self.close_if_normal(id);
        }
        outcome
    }

    /// What a reset would come to.
    #[must_use]
    pub fn reset_outcome(&self, id: AlarmId) -> ActOutcome {
        match self.rows.get(&id) {
            None => ActOutcome::NoSuchAlarm,
            Some(alarm) if alarm.can_reset() => ActOutcome::Done,
            Some(alarm) if alarm.state.is_unacknowledged() => ActOutcome::NotNow("acknowledge it first"),
            Some(alarm) if alarm.state == AlarmState::AckActive => {
                ActOutcome::NotNow("its condition still holds: only evidence from the device ends it")
            }
            Some(_) => ActOutcome::NotNow("it is over"),
        }
    }

    /// A named person ends it.
    pub fn reset(&mut self, id: AlarmId) -> ActOutcome {
        let outcome = self.reset_outcome(id);
        if outcome == ActOutcome::Done
            && let Some(alarm) = self.rows.get_mut(&id)
        {
            alarm.state = AlarmState::Normal;
            self.close_if_normal(id);
        }
        outcome
    }

    fn close_if_normal(&mut self, id: AlarmId) {
        let Some(alarm) = self.rows.get(&id).filter(|alarm| alarm.state == AlarmState::Normal) else {
            return;
        };
        if self.open.get(&alarm.key) != Some(&id) {
            return; // closed before
        }
        self.open.remove(&alarm.key);
        self.closed.push_back(id);
        if self.closed.len() > CLOSED_KEPT
            && let Some(oldest) = self.closed.pop_front()
        {
            self.rows.remove(&oldest);
        }
    }

    /// The row as consoles see it; `code` and `name` are the asset's.
    #[must_use]
    pub fn row(alarm: &Alarm, code: Option<&str>, name: Option<String>) -> AlarmRow {
        let place = code.unwrap_or("node");
        let key = match &alarm.key.device {
            Some(device) => format!("{place}/{}/{}", device.id, alarm.key.kind.word()),
            None => format!("{place}/{}", alarm.key.kind.word()),
        };
        AlarmRow {
            id: alarm.id,
            key,
            kind: alarm.key.kind,
            asset: name,
            device: alarm.key.device.as_ref().map(|device| device.id.to_string()),
            priority: alarm.priority,
            reason: alarm.reason.clone(),
            state: alarm.state,
            first: alarm.first,
            last: alarm.last,
            count: alarm.count,
            late: alarm.late,
            ack: alarm.ack.clone(),
            can_reset: alarm.can_reset(),
        }
    }
}
