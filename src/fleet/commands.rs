//! Commands as the fold sees them: the life cycle is a pure state machine driven by journal entries, by the device's
//! own frames and by the clock. It is the arbiter: bytes are written only after a `sent` entry was accepted here.

use super::snapshot::CommandRow;
use crate::domain::command::{CommandStep, Evidence, Exchange, UnlockIntent, UnlockMethod};
use crate::domain::message::{OpenedBy, UnlockReply};
use crate::domain::{CommandId, DeviceKey, Utc};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Finished commands kept for `list commands --all`; the journal keeps them for good.
const FINISHED_KEPT: usize = 1000;

/// Evidence may be this much older, by corrected device clock, than the sending.
const BEFORE: TimeDelta = TimeDelta::seconds(30);

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
    pub exchange: Exchange,
    pub evidence: Evidence,
    pub sent: Option<Utc>,
    /// WLNET serial it was sent with.
    pub serial: Option<u8>,
    pub answered: Option<Utc>,
    pub opened_at: Option<Utc>,
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
            Exchange::Uncertain => !self.verdict && matches!(self.evidence, Evidence::None),
            // Accepted, nothing seen to move: it may still open until its window is over.
            Exchange::AnsweredOk | Exchange::Relayed => {
                matches!(self.evidence, Evidence::None) && now < self.window_end(times)
            }
            _ => false,
        }
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
pub struct Commands {
    rows: BTreeMap<CommandId, Command>,
    /// Last WLNET serial used with each master: never the same twice running.
    serials: BTreeMap<DeviceKey, u8>,
}

impl Commands {
    pub fn all(&self) -> impl Iterator<Item = &Command> {
        self.rows.values()
    }

    #[must_use]
    pub fn get(&self, id: CommandId) -> Option<&Command> {
        self.rows.get(&id)
    }

    /// Queued commands that go through this device, oldest first.
    pub fn queued_via<'a>(&'a self, via: &'a DeviceKey) -> impl Iterator<Item = &'a Command> {
        self.rows.values().filter(move |c| c.exchange == Exchange::Queued && c.intent.via == *via)
    }

    /// The command that keeps a new one for `target` waiting, if there is one.
    #[must_use]
    pub fn blocker(&self, target: &DeviceKey, now: Utc, times: Times) -> Option<&Command> {
        self.rows.values().find(|c| c.intent.target == *target && c.blocks(now, times))
    }

    /// A relay through `master` whose echo or movement is still awaited: at most one at a time.
    #[must_use]
    pub fn relay_outstanding(&self, master: &DeviceKey, now: Utc, times: Times) -> Option<&Command> {
        self.rows.values().find(|c| {
            c.intent.method == UnlockMethod::SubLockRelay
                && c.intent.via == *master
                && c.sent.is_some()
                && c.blocks(now, times)
        })
    }

    /// The serial for the next WLNET command to this master: 1–255, another than the last.
    #[must_use]
    pub fn next_serial(&self, master: &DeviceKey) -> u8 {
        match self.serials.get(master) {
            None | Some(255) => 1,
            Some(last) => last.saturating_add(1),
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
            (CommandStep::FailedUnsent { .. }, Exchange::Sent) => {
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
        if self.blocker(&intent.target, at, times).is_some() {
            return StepOutcome::NotNow;
        }
        let command = Command {
            id,
            intent: intent.clone(),
            created: at,
            exchange: Exchange::Queued,
            evidence: Evidence::None,
            sent: None,
            serial: None,
            answered: None,
            opened_at: None,
            evidence_at: None,
            detail: None,
            verdict: false,
        };
        self.rows.insert(id, command);
        if self.rows.len() > FINISHED_KEPT
            && let Some(old) = self.rows.values().find(|c| !c.blocks(at, times)).map(|c| c.id)
        {
            self.rows.remove(&old);
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

    /// The clock reached `due`. Returns whether the command is now uncertain (`Some(true)`), or expired.
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
        Some(command.exchange)
    }

    /// The device's reply. Attached to the one command it can belong to: by method for passwords, by serial for
    /// relays. Returns the command and whether a password was refused (`Some(true)`) or accepted.
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
                && c.sent.is_some_and(|sent| received >= sent)
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

    /// An opening of `target`. `by` is its told source, or `None` for a motor bit.
    pub fn opened(
        &mut self,
        target: &DeviceKey,
        by: Option<OpenedBy>,
        time: Utc,
        received: Utc,
        times: Times,
    ) -> Opening {
        let mut covering: Vec<&mut Command> = self
            .rows
            .values_mut()
            .filter(|c| c.intent.target == *target && c.covers(time, received, times))
            .filter(|c| !matches!(c.exchange, Exchange::Refused))
            .collect();
        let [command] = covering.as_mut_slice() else { return Opening::Nobodys };
        let ours = match by {
            None => true,
            Some(by) => matches!(
                (by, command.intent.method),
                (OpenedBy::RemoteStatic, UnlockMethod::StaticPassword)
                    | (OpenedBy::RemoteDynamic, UnlockMethod::DynamicPassword)
                    | (OpenedBy::Lora, UnlockMethod::SubLockRelay)
            ),
        };
        if !ours {
            // A card or a handheld opened it in our window: the movement is not ours to claim.
            if matches!(command.evidence, Evidence::None | Evidence::Opened) {
                command.evidence = Evidence::Contradicted;
                command.evidence_at = Some(time);
            }
            return Opening::Contradicts(command.id);
        }
        match command.evidence {
            Evidence::None => {
                command.evidence = Evidence::Opened;
                command.opened_at = Some(time);
                command.evidence_at = Some(time);
            }
            Evidence::NotUsed => {
                command.evidence = Evidence::Relocked;
                command.opened_at = Some(time);
            }
            _ => {}
        }
        Opening::Ours(command.id)
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
        let command = self.rows.values_mut().rev().find(|c| {
            c.intent.target == *target && c.sent.is_some_and(|sent| received >= sent && time >= sent)
        })?;
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
