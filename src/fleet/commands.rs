//! Commands as the fold sees them: the life cycle is a pure state machine driven by journal entries, by the device's
//! own frames and by the clock. It is the arbiter: bytes are written only after a `sent` entry was accepted here.

use super::snapshot::CommandRow;
use crate::domain::command::{CommandStep, Evidence, Exchange, UnlockIntent, UnlockMethod};
use crate::domain::message::{OpenedBy, UnlockReply};
use crate::domain::{CommandId, DeviceKey, Utc};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Finished commands kept for `list commands --all`; the journal keeps them for good.
const FINISHED_KEPT: usize = 1000;

/// Evidence may be this much older, by corrected device clock, than the sending.
const BEFORE: TimeDelta = TimeDelta::seconds(30);

/// A reply is taken for a command this long after its sending. It came by the connection the command went by, or not
/// at all: a command that was never answered must not make every later answer ambiguous.
const LATE_REPLY: TimeDelta = TimeDelta::minutes(10);

/// A valve may be turned this long after our opening while its lock has not told that it locked again.
const VALVE_USE: TimeDelta = TimeDelta::minutes(30);

/// Times of the life cycle, from the settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// Sent and no answer for this long → uncertain.
    pub answer_wait: TimeDelta,
    /// After the answer, an opening within this time is this command's.
    pub evidence_watch: TimeDelta,
    /// How long a master offers a relayed opening to its sub-lock.
    pub relay: TimeDelta,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            answer_wait: TimeDelta::seconds(60),
            evidence_watch: TimeDelta::minutes(5),
            relay: TimeDelta::minutes(5),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    pub id: CommandId,
    pub intent: UnlockIntent,
    pub created: Utc,
    /// When its carrier had been heard last when it was proposed: heard again, it may have moved.
    #[serde(default)]
    pub carrier_heard: Option<Utc>,
    pub exchange: Exchange,
    pub evidence: Evidence,
    pub sent: Option<Utc>,
    /// WLNET serial it was sent with.
    pub serial: Option<u8>,
    pub answered: Option<Utc>,
    pub opened_at: Option<Utc>,
    /// Time of the report that named our way of opening as its source. Without it an opening is claimed by the motor
    /// alone, and another source that is told later takes it away.
    #[serde(default)]
    pub told_at: Option<Utc>,
    pub evidence_at: Option<Utc>,
    pub detail: Option<String>,
    /// A person closed it by a verdict.
    pub verdict: bool,
}

impl Command {
    fn window_end(&self, times: Times) -> Utc {
        let reply = self.answered.or(self.sent).unwrap_or(self.created);
        let watch = match self.intent.method {
            UnlockMethod::SubLockRelay => times.relay + times.evidence_watch,
            _ => times.evidence_watch,
        };
        reply + watch
    }

    /// Whether an opening at this (corrected) time can be this command's. `received` must be after the sending.
    fn covers(&self, time: Utc, received: Utc, times: Times) -> bool {
        self.sent.is_some_and(|sent| received >= sent && time >= sent - BEFORE)
            && time <= self.window_end(times)
    }

    /// Whether another command for the same target must wait for this one.
    #[must_use]
    pub fn blocks(&self, now: Utc, times: Times) -> bool {
        match self.exchange {
            Exchange::Queued | Exchange::Sent => true,
            Exchange::Uncertain => !self.verdict && !self.is_resolved(),
            // Accepted, nothing seen to move: it may still open until its window is over.
            Exchange::AnsweredOk | Exchange::Relayed => !self.is_resolved() && now < self.window_end(times),
            _ => false,
        }
    }

    /// Whether evidence says what became of it. That another source opened the lock says nothing of this command.
    fn is_resolved(&self) -> bool {
        matches!(self.evidence, Evidence::Opened | Evidence::Relocked | Evidence::NotUsed)
    }

    /// An opening that the motor shows and nobody tells of.
    fn motor_opened(&mut self, time: Utc) -> Opening {
        match self.evidence {
            Evidence::None => {
                self.evidence = Evidence::Opened;
                (self.opened_at, self.evidence_at) = (Some(time), Some(time));
            }
            // The automatic locking was told before the opening it ended.
            Evidence::NotUsed if self.evidence_at.is_some_and(|locked| time <= locked) => {
                self.evidence = Evidence::Relocked;
                self.opened_at = Some(time);
            }
            Evidence::Opened => {}
            // It locked after our opening: this is another one.
            Evidence::NotUsed | Evidence::Relocked | Evidence::Contradicted => return Opening::Nobodys,
        }
        Opening::Ours(self.id)
    }

    /// An opening whose source is told to be our way of opening.
    fn told_ours(&mut self, time: Utc) -> Opening {
        if self.told_at.is_some_and(|told| told != time) {
            // One command opens once: which of the two was ours nobody knows.
            self.evidence = Evidence::Contradicted;
            self.evidence_at = Some(time);
            return Opening::Contradicts(self.id);
        }
        let locked = self.evidence_at.filter(|_| self.evidence == Evidence::NotUsed);
        if self.told_at.is_none() && self.evidence != Evidence::Relocked {
            self.evidence = match locked {
                Some(locked) if time <= locked => Evidence::Relocked,
                _ => Evidence::Opened,
            };
            self.evidence_at = Some(locked.map_or(time, |locked| locked.max(time)));
            self.opened_at = Some(time);
        }
        self.told_at = Some(time);
        Opening::Ours(self.id)
    }

    /// A card, a telephone or a handheld opened it in our window: the movement is not ours to claim.
    fn told_other(&mut self, time: Utc) -> Opening {
        if self.told_at.is_some() {
            return Opening::Nobodys; // ours was told too: two openings, each with its source
        }
        self.evidence = Evidence::Contradicted;
        self.evidence_at = Some(time);
        Opening::Contradicts(self.id)
    }

    /// When the clock changes something, if it does.
    #[must_use]
    pub fn due(&self, times: Times) -> Option<Utc> {
        match self.exchange {
            Exchange::Queued => Some(self.intent.expires),
            Exchange::Sent => self.sent.map(|sent| sent + times.answer_wait),
            _ => None,
        }
    }
}

/// Whose an opening is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The evidence of this command.
    Ours(CommandId),
    /// Somebody else's, in the window of this command.
    Contradicts(CommandId),
    /// No command's, or it could be two commands': attached to none.
    Nobodys,
}

/// What a step of a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    Done,
    /// The command is in no state for that: it expired, was cancelled, or was already sent.
    NotNow,
    NoSuchCommand,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Commands {
    rows: BTreeMap<CommandId, Command>,
    /// Last WLNET serial used with each master: never the same twice running.
    serials: BTreeMap<DeviceKey, u8>,
    /// Derived: the commands of each target, oldest first.
    by_target: HashMap<DeviceKey, Vec<CommandId>>,
    /// Derived: the queued commands of each carrier. Asked for with every frame.
    queued: BTreeMap<DeviceKey, BTreeSet<CommandId>>,
}

/// What a checkpoint holds of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    rows: BTreeMap<CommandId, Command>,
    serials: BTreeMap<DeviceKey, u8>,
}

impl From<Stored> for Commands {
    fn from(stored: Stored) -> Self {
        let mut commands = Self { serials: stored.serials, ..Self::default() };
        for command in stored.rows.into_values() {
            commands.put(command);
        }
        commands
    }
}

impl From<Commands> for Stored {
    fn from(commands: Commands) -> Self {
        Self { rows: commands.rows, serials: commands.serials }
    }
}

impl Commands {
    fn put(&mut self, command: Command) {
        let id = command.id;
        self.by_target.entry(command.intent.target.clone()).or_default().push(id);
        self.rows.insert(id, command);
        self.index(id);
    }

    fn remove(&mut self, id: CommandId) {
        let Some(command) = self.rows.remove(&id) else { return };
        if let Some(ids) = self.by_target.get_mut(&command.intent.target) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_target.remove(&command.intent.target);
            }
        }
    }

    /// Keeps `queued` true after a change of this command's exchange.
    fn index(&mut self, id: CommandId) {
        let Some(command) = self.rows.get(&id) else { return };
        let via = &command.intent.via;
        if command.exchange == Exchange::Queued {
            self.queued.entry(via.clone()).or_default().insert(id);
        } else if let Some(ids) = self.queued.get_mut(via) {
            ids.remove(&id);
            if ids.is_empty() {
                self.queued.remove(via);
            }
        }
    }

    /// The commands for one target, newest first.
    fn of<'a>(&'a self, target: &DeviceKey) -> impl Iterator<Item = &'a Command> {
        let ids = self.by_target.get(target).map(Vec::as_slice).unwrap_or_default();
        ids.iter().rev().filter_map(|id| self.rows.get(id))
    }

    pub fn all(&self) -> impl Iterator<Item = &Command> {
        self.rows.values()
    }

    #[must_use]
    pub fn get(&self, id: CommandId) -> Option<&Command> {
        self.rows.get(&id)
    }

    /// Queued commands that go through this device, oldest first.
    pub fn queued_via<'a>(&'a self, via: &'a DeviceKey) -> impl Iterator<Item = &'a Command> {
        self.queued.get(via).into_iter().flatten().filter_map(|id| self.rows.get(id))
    }

    /// A command that keeps another for `target` waiting: a new one, or `own`.
    #[must_use]
    pub fn blocker(
        &self,
        target: &DeviceKey,
        own: Option<CommandId>,
        now: Utc,
        times: Times,
    ) -> Option<&Command> {
        self.of(target).find(|c| Some(c.id) != own && c.blocks(now, times))
    }

    /// A relay through `master` whose echo or movement is still awaited, other than `own`: at most one at a time.
    #[must_use]
    pub fn relay_outstanding(
        &self,
        master: &DeviceKey,
        own: Option<CommandId>,
        now: Utc,
        times: Times,
    ) -> Option<&Command> {
        self.rows.values().find(|c| {
            Some(c.id) != own
                && c.intent.method == UnlockMethod::SubLockRelay
                && c.intent.via == *master
                && c.sent.is_some()
                && c.blocks(now, times)
        })
    }

    /// Whether the outcome of some command for `target` is still open.
    #[must_use]
    pub fn is_uncertain(&self, target: &DeviceKey, now: Utc, times: Times) -> bool {
        self.of(target).any(|c| c.exchange == Exchange::Uncertain && c.blocks(now, times))
    }

    /// Whether a valve turned at `time` was turned while its lock stood open by a command of ours.
    #[must_use]
    pub fn covers_valve(&self, target: &DeviceKey, time: Utc) -> bool {
        self.of(target).any(|c| {
            c.opened_at.is_some_and(|opened| {
                let locked = c.evidence_at.filter(|_| c.evidence == Evidence::Relocked);
                matches!(c.evidence, Evidence::Opened | Evidence::Relocked)
                    && time >= opened - BEFORE
                    && time <= opened + VALVE_USE
                    && locked.is_none_or(|locked| time <= locked)
            })
        })
    }

    /// The serial for whatever is sent to this device next and carries one: 1–255, another than the last. Openings and
    /// orders count together, and the count is part of the fold: it survives a restart.
    #[must_use]
    pub fn next_serial(&self, master: &DeviceKey) -> u8 {
        match self.serials.get(master) {
            None | Some(255) => 1,
            Some(last) => last.saturating_add(1),
        }
    }

    /// Whether a serial differs from the one used last with this master, which drops a repeated one as a duplicate.
    #[must_use]
    pub fn is_new_serial(&self, master: &DeviceKey, serial: u16) -> bool {
        self.serials.get(master).is_none_or(|last| u16::from(*last) != serial)
    }

    /// Notes the serial of an order: openings and orders count together. Those of more than a byte are no WLNET's.
    pub(super) fn use_serial(&mut self, master: &DeviceKey, serial: u16) {
        if let Ok(serial) = u8::try_from(serial) {
            self.serials.insert(master.clone(), serial);
        }
    }

    /// Notes when the carrier of a new command had been heard last.
    pub fn note_carrier(&mut self, id: CommandId, heard: Option<Utc>) {
        if let Some(command) = self.rows.get_mut(&id) {
            command.carrier_heard = heard;
        }
    }

    /// Takes in a step from the journal.
    pub fn step(&mut self, step: &CommandStep, entry: CommandId, at: Utc, times: Times) -> StepOutcome {
        if let CommandStep::Proposed(intent) = step {
            return self.propose(intent, entry, at, times);
        }
        let id = match step {
            CommandStep::Proposed(_) => entry,
            CommandStep::Sent { id, .. }
            | CommandStep::FailedUnsent { id }
            | CommandStep::Cancelled { id, .. }
            | CommandStep::Withheld { id, .. }
            | CommandStep::Verdict { id, .. } => *id,
        };
        if let CommandStep::Sent { serial, .. } = step
            && (self.must_wait(id, at, times) || self.is_repeated(id, *serial))
        {
            return StepOutcome::NotNow;
        }
        let outcome = self.step_of(id, step, at);
        self.index(id);
        outcome
    }

    /// Whether another command keeps this one from being sent: for the same lock, or the same master's one relay.
    fn must_wait(&self, id: CommandId, now: Utc, times: Times) -> bool {
        let Some(UnlockIntent { target, via, method, .. }) = self.rows.get(&id).map(|c| &c.intent) else {
            return false;
        };
        let is_relay = *method == UnlockMethod::SubLockRelay;
        self.blocker(target, Some(id), now, times).is_some()
            || (is_relay && self.relay_outstanding(via, Some(id), now, times).is_some())
    }

    /// Whether it would go with the serial its carrier was sent last.
    fn is_repeated(&self, id: CommandId, serial: Option<u8>) -> bool {
        let via = self.rows.get(&id).map(|command| &command.intent.via);
        via.zip(serial).is_some_and(|(via, serial)| !self.is_new_serial(via, serial.into()))
    }

    fn step_of(&mut self, id: CommandId, step: &CommandStep, at: Utc) -> StepOutcome {
        let Some(command) = self.rows.get_mut(&id) else { return StepOutcome::NoSuchCommand };
        match (step, command.exchange) {
            (CommandStep::Sent { serial, .. }, Exchange::Queued) if at < command.intent.expires => {
                command.exchange = Exchange::Sent;
                command.sent = Some(at);
                command.serial = *serial;
                if let Some(serial) = serial {
                    self.serials.insert(command.intent.via.clone(), *serial);
                }
            }
            // Once something was heard of it, "not a byte left" cannot be: then it is never queued again.
            (CommandStep::FailedUnsent { .. }, Exchange::Sent)
                if command.answered.is_none() && command.evidence == Evidence::None =>
            {
                command.sent = None;
                command.exchange =
                    if at < command.intent.expires { Exchange::Queued } else { Exchange::Expired };
                command.detail = Some("the line dropped before the first byte".into());
            }
            (CommandStep::Cancelled { by, .. }, Exchange::Queued) => {
                command.exchange = Exchange::Cancelled;
                command.detail = Some(format!("cancelled by {by}"));
            }
            (CommandStep::Withheld { why, .. }, Exchange::Queued) => {
                command.exchange = Exchange::Withheld;
                command.detail = Some(why.clone());
            }
            (CommandStep::Verdict { by, opened, note, .. }, Exchange::Uncertain) if !command.verdict => {
                command.verdict = true;
                let word = if *opened { "it opened" } else { "it did not open" };
                command.detail = Some(format!("verdict of {by}: {word}; {note}"));
            }
            _ => return StepOutcome::NotNow,
        }
        StepOutcome::Done
    }

    fn propose(&mut self, intent: &UnlockIntent, id: CommandId, at: Utc, times: Times) -> StepOutcome {
        if self.blocker(&intent.target, None, at, times).is_some() {
            return StepOutcome::NotNow;
        }
        let command = Command {
            id,
            intent: intent.clone(),
            created: at,
            carrier_heard: None,
            exchange: Exchange::Queued,
            evidence: Evidence::None,
            sent: None,
            serial: None,
            answered: None,
            opened_at: None,
            told_at: None,
            evidence_at: None,
            detail: None,
            verdict: false,
        };
        self.put(command);
        if self.rows.len() > FINISHED_KEPT
            && let Some(old) = self.rows.values().find(|c| !c.blocks(at, times)).map(|c| c.id)
        {
            self.remove(old);
        }
        StepOutcome::Done
    }

    /// The node began anew: nobody knows what became of what was sent.
    pub fn restarted(&mut self) -> Vec<CommandId> {
        let mut touched = Vec::new();
        for command in self.rows.values_mut().filter(|c| c.exchange == Exchange::Sent) {
            command.exchange = Exchange::Uncertain;
            command.detail = Some("the node restarted before the answer".into());
            touched.push(command.id);
        }
        touched
    }

    /// The clock reached `due`. Returns what the exchange became, if anything.
    pub fn fire(&mut self, id: CommandId, now: Utc, times: Times) -> Option<Exchange> {
        let command = self.rows.get_mut(&id)?;
        if command.due(times)? > now {
            return None;
        }
        match command.exchange {
            Exchange::Queued => command.exchange = Exchange::Expired,
            Exchange::Sent => {
                command.exchange = Exchange::Uncertain;
                command.detail = Some("no answer".into());
            }
            _ => return None,
        }
        let became = command.exchange;
        self.index(id);
        Some(became)
    }

    /// The device's reply. Attached to the one command it can belong to: by method for passwords, by serial for
    /// relays. Returns that command.
    pub fn answer(
        &mut self,
        via: &DeviceKey,
        reply: UnlockReply,
        serial: Option<u32>,
        received: Utc,
    ) -> Option<CommandId> {
        let fits = |c: &&mut Command| {
            c.intent.via == *via
                && c.answered.is_none()
                && matches!(c.exchange, Exchange::Sent | Exchange::Uncertain)
                && c.sent.is_some_and(|sent| received >= sent && received - sent <= LATE_REPLY)
                && match (reply, c.intent.method) {
                    (UnlockReply::Password { dynamic, .. }, UnlockMethod::DynamicPassword) => dynamic,
                    (UnlockReply::Password { dynamic, .. }, UnlockMethod::StaticPassword) => !dynamic,
                    (UnlockReply::RelayEcho, UnlockMethod::SubLockRelay) => c.serial.map(u32::from) == serial,
                    _ => false,
                }
        };
        let mut fitting = self.rows.values_mut().filter(fits);
        let command = fitting.next()?;
        if fitting.next().is_some() {
            return None; // two could be meant: attach it to none
        }
        command.answered = Some(received);
        let (exchange, words) = match reply {
            UnlockReply::RelayEcho => (Exchange::Relayed, "the master holds it".to_owned()),
            UnlockReply::Password { accepted: true, .. } => {
                (Exchange::AnsweredOk, "the lock accepted the command".to_owned())
            }
            UnlockReply::Password { accepted: false, wrong, .. } => (
                Exchange::Refused,
                match wrong {
                    Some(n) => format!("wrong password, {n} counted by the lock"),
                    None => "wrong password".to_owned(),
                },
            ),
        };
        if command.exchange == Exchange::Uncertain {
            command.detail = Some(format!("late answer: {words}"));
        } else {
            command.exchange = exchange;
            command.detail = Some(words);
        }
        Some(command.id)
    }

    /// An opening of `target`. `by` is its told source; `None` and "unknown" is a motor that was seen open.
    pub fn opened(
        &mut self,
        target: &DeviceKey,
        by: Option<OpenedBy>,
        time: Utc,
        received: Utc,
        times: Times,
    ) -> Opening {
        let could_be =
            |c: &&Command| c.covers(time, received, times) && !matches!(c.exchange, Exchange::Refused);
        let covering: Vec<CommandId> = self.of(target).filter(could_be).map(|c| c.id).take(2).collect();
        let [id] = covering.as_slice() else { return Opening::Nobodys };
        let Some(command) = self.rows.get_mut(id) else { return Opening::Nobodys };
        match by {
            None | Some(OpenedBy::Unknown) => command.motor_opened(time),
            Some(by) if is_way_of(by, command.intent.method) => command.told_ours(time),
            Some(_) => command.told_other(time),
        }
    }

    /// `target` locked. `auto` = it told that it locked by itself.
    pub fn locked(
        &mut self,
        target: &DeviceKey,
        auto: bool,
        time: Utc,
        received: Utc,
        times: Times,
    ) -> Option<CommandId> {
        let after = |c: &&Command| c.sent.is_some_and(|sent| received >= sent && time >= sent);
        let id = self.of(target).find(after)?.id;
        let command = self.rows.get_mut(&id)?;
        match command.evidence {
            Evidence::Opened if command.opened_at.is_some_and(|opened| time > opened) => {
                command.evidence = Evidence::Relocked;
            }
            Evidence::None
                if auto && command.exchange == Exchange::AnsweredOk && time <= command.window_end(times) =>
            {
                command.evidence = Evidence::NotUsed;
            }
            _ => return None,
        }
        command.evidence_at = Some(time);
        Some(command.id)
    }

    /// The row as consoles see it.
    #[must_use]
    pub fn row(command: &Command, asset: Option<String>, now: Utc, times: Times) -> CommandRow {
        CommandRow {
            id: command.id,
            kind: "unlock".into(),
            method: command.intent.method,
            target: command.intent.target.id.to_string(),
            via: command.intent.via.id.to_string(),
            asset,
            exchange: command.exchange,
            evidence: command.evidence,
            by: command.intent.by.clone(),
            reason: command.intent.reason,
            note: command.intent.note.clone(),
            created: command.created,
            expires: command.intent.expires,
            sent: command.sent,
            answered: command.answered,
            evidence_at: command.evidence_at,
            detail: command.detail.clone(),
            blocks: command.blocks(now, times),
        }
    }
}

/// Whether an opening told to come from this source is what a command of this method does.
fn is_way_of(by: OpenedBy, method: UnlockMethod) -> bool {
    matches!(
        (by, method),
        (OpenedBy::RemoteStatic, UnlockMethod::StaticPassword)
            | (OpenedBy::RemoteDynamic, UnlockMethod::DynamicPassword)
            | (OpenedBy::Lora, UnlockMethod::SubLockRelay)
    )
}
