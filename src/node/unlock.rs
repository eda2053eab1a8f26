//! Opening a lock from a console: propose, confirm, and the dispatcher's two sides (journal and sessions).

use super::core::{Node, lock};
use super::operator::Caller;
use crate::command::dispatch::{self, Bytes, CommandLog, DeviceLink, Recheck};
use crate::command::policy::{self, Assessment, Surroundings};
use crate::domain::command::{CommandStep, UnlockIntent, UnlockMethod, UnlockReason, Verdict};
use crate::domain::journal::Body;
use crate::domain::{CommandId, DeviceKey, Exchange, LockState, Priority, Utc};
use crate::fleet::commands::StepOutcome;
use crate::fleet::{Outcome, State};
use crate::ingest::Sent;
use crate::ipc::wire::{Answer, Proposal};
use crate::protocol::jointech::encode;
use crate::store::AuditRow;
use chrono::TimeDelta;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A proposal is void after this time.
const SELECT: TimeDelta = TimeDelta::seconds(30);

/// Proposals held; the oldest is void when one more comes.
const PROPOSALS: usize = 64;

/// What a proposal showed. If any of it changes before the confirmation, the proposal is void.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    lock: Option<LockState>,
    worst: Option<Priority>,
    method: Option<UnlockMethod>,
    asset_code: String,
    failing: Option<String>,
}

#[derive(Debug)]
struct Held {
    token: String,
    console: u64,
    target: DeviceKey,
    expires: Utc,
    shown: Shown,
}

#[derive(Debug, Default)]
pub(super) struct Proposals {
    next: u64,
    held: Vec<Held>,
}

impl Proposals {
    fn put(&mut self, held: impl FnOnce(String) -> Held, console: u64) -> String {
        self.next += 1;
        let token = format!("{console}-{}", self.next);
        if self.held.len() == PROPOSALS {
            self.held.remove(0);
        }
        self.held.push(held(token.clone()));
        token
    }

    /// Takes a proposal out: it is good for one try.
    fn take(&mut self, token: &str, console: u64) -> Option<Held> {
        let at = self.held.iter().position(|held| held.token == token && held.console == console)?;
        Some(self.held.remove(at))
    }

    /// A console is gone: so are its proposals.
    pub(super) fn void(&mut self, console: u64) {
        self.held.retain(|held| held.console != console);
    }
}

fn shown(state: &State, target: &DeviceKey, assessment: &Assessment) -> Shown {
    let asset = state.asset_of(target);
    Shown {
        lock: state.device(target).and_then(|device| device.lock).map(|held| held.value),
        worst: asset.and_then(|asset| state.worst_alarm(asset)),
        method: assessment.method,
        asset_code: asset.map(|asset| asset.code.clone()).unwrap_or_default(),
        failing: assessment.failing().map(|interlock| interlock.name.clone()),
    }
}

/// The last four characters of an asset's code.
fn last_four(code: &str) -> &str {
    code.get(code.len().saturating_sub(4)..).unwrap_or(code)
}

impl Node {
    fn surroundings(&self, state: &State, target: &DeviceKey, now: Utc) -> Option<Surroundings> {
        let device = state.device(target)?;
        let via = policy::via(device);
        Some(Surroundings {
            static_password: self.secrets.password(&via).is_some(),
            dynamic_password: lock(&self.dynamic).get(&via).map(|(_, told)| *told),
            in_contact: self.sessions.link(&via, now).is_some(),
            store_error: self.store.stats().error,
            proven_on_bench: device
                .wire_type
                .is_some_and(|wire| self.options.proven_on_bench.contains(&wire)),
        })
    }

    fn assess(&self, state: &State, target: &DeviceKey, own: Option<CommandId>) -> Option<Assessment> {
        let now = self.now();
        let around = self.surroundings(state, target, now)?;
        policy::assess(state, target, &around, self.options.rules, own, now)
    }

    /// Reads the interlocks and holds what they showed for 30 s. Nothing is sent.
    pub(super) fn propose(&self, caller: &Caller, target: &DeviceKey) -> Answer {
        let state = self.state();
        let now = self.now();
        let (Some(device), Some(assessment)) = (state.device(target), self.assess(&state, target, None))
        else {
            return Answer::Refused { why: format!("{target} is not enrolled") };
        };
        let Some(asset) = state.asset_of(target) else {
            return Answer::Refused { why: format!("{target} is on no asset: enrol it to one") };
        };
        let shown = shown(&state, target, &assessment);
        let expires = now + SELECT;
        let worst_alarm = shown.worst;
        let console = caller.console;
        let held = |token| Held { token, console, target: target.clone(), expires, shown };
        let token = lock(&self.proposals).put(held, console);
        Answer::Proposed {
            proposal: Box::new(Proposal {
                token,
                expires,
                target: target.clone(),
                target_kind: device.kind,
                asset: asset.name.clone(),
                asset_code: asset.code.clone(),
                method: assessment.method,
                via: assessment.via.clone(),
                in_contact: self.sessions.link(&assessment.via, now).is_some(),
                queue_until: now + self.options.validity,
                worst_alarm,
                allowed: assessment.allowed(),
                interlocks: assessment.interlocks,
            }),
        }
    }

    /// Makes a proposal an intent, if everything it showed still holds.
    pub(super) async fn confirm(
        &self,
        caller: &Caller,
        token: &str,
        typed: &str,
        reason: UnlockReason,
        note: &str,
    ) -> Answer {
        let Some(held) = lock(&self.proposals).take(token, caller.console) else {
            return Answer::Refused { why: "this proposal is void; begin again".into() };
        };
        let object = held.target.to_string();
        let checked = self.check(&held, typed);
        let (method, via) = match checked {
            Ok(checked) => checked,
            Err(why) => return self.refuse(caller, "unlock", object, why).await,
        };
        let note = super::desk::note(note);
        let intent = UnlockIntent {
            target: held.target,
            via,
            method,
            reason,
            note: note.clone(),
            by: caller.name.clone(),
            expires: self.now() + self.options.validity,
        };
        let words = format!("reason {}; {note}", reason.word());
        let audit = self.audit(caller, "unlock", object.clone(), &words);
        match self.act(Body::Command(CommandStep::Proposed(intent)), audit).await {
            Ok((seq, Some(Outcome::Command(StepOutcome::Done)))) => {
                Answer::Accepted { command: CommandId(seq.0) }
            }
            Ok((seq, _)) => {
                let why = "another command for this lock came first".to_owned();
                self.refuse_after(caller, "unlock", object, why, seq).await
            }
            Err(error) => Answer::Refused { why: error.to_string() },
        }
    }

    fn check(&self, held: &Held, typed: &str) -> Result<(UnlockMethod, DeviceKey), String> {
        if self.now() > held.expires {
            return Err("30 seconds are over; begin again".into());
        }
        let state = self.state();
        let Some(assessment) = self.assess(&state, &held.target, None) else {
            return Err("the lock is not enrolled any more".into());
        };
        if shown(&state, &held.target, &assessment) != held.shown {
            return Err("what the dialog showed has changed; look again".into());
        }
        if let Some(failing) = assessment.failing() {
            return Err(format!("{}: {}", failing.name, failing.value));
        }
        if !typed.trim().eq_ignore_ascii_case(last_four(&held.shown.asset_code)) {
            return Err("the typed characters are not the last four of the asset's code".into());
        }
        let method = assessment.method.ok_or("there is no way to open it")?;
        Ok((method, assessment.via))
    }

    /// Sends queued commands to devices that were heard, one attempt at a time for each device.
    pub(super) async fn dispatch(self: Arc<Self>, mut heard: mpsc::Receiver<DeviceKey>) {
        while let Some(via) = heard.recv().await {
            if !lock(&self.sending).insert(via.clone()) {
                continue;
            }
            let node = self.clone();
            tokio::spawn(async move {
                let mut tried = HashSet::new();
                while let Some(id) = node.next_to_send(&via, &tried) {
                    tried.insert(id);
                    let outcome = dispatch::attempt(id, &via, &*node, &*node).await;
                    tracing::info!(command = %id, %via, ?outcome, "tried to send");
                }
                lock(&node.sending).remove(&via);
                // One that was queued between the last look and now must not wait for the device's next frame.
                if node.next_to_send(&via, &tried).is_some() {
                    let _ = node.heard.try_send(via);
                }
            });
        }
    }

    /// The oldest queued command for this device that was not tried in this contact.
    fn next_to_send(&self, via: &DeviceKey, tried: &HashSet<CommandId>) -> Option<CommandId> {
        let state = self.state();
        state.commands.queued_via(via).map(|command| command.id).find(|id| !tried.contains(id))
    }
}

impl CommandLog for Node {
    fn recheck(&self, id: CommandId) -> Recheck {
        let state = self.state();
        let now = self.now();
        let Some(command) = state.commands.get(id).filter(|command| command.exchange == Exchange::Queued)
        else {
            return Recheck::Gone;
        };
        if now >= command.intent.expires {
            return Recheck::Gone;
        }
        let relay = state.commands.relay_outstanding(&command.intent.via, Some(id), now, state.times);
        if command.intent.method == UnlockMethod::SubLockRelay && relay.is_some() {
            return Recheck::Wait;
        }
        let Some(assessment) = self.assess(&state, &command.intent.target, Some(id)) else {
            return Recheck::Withhold("the lock is not enrolled any more".into());
        };
        if let Some(failing) = assessment.interlocks.iter().find(|i| i.verdict == Verdict::Fail) {
            return Recheck::Withhold(format!("{}: {}", failing.name, failing.value));
        }
        if assessment.interlocks.iter().any(|i| i.verdict == Verdict::AtWake) {
            return Recheck::Wait; // for the first fix since it woke; each frame asks again
        }
        Recheck::Go
    }

    async fn step(&self, step: CommandStep) -> bool {
        let (act, id, note) = match &step {
            CommandStep::Sent { id, .. } => ("command sent", *id, String::new()),
            CommandStep::FailedUnsent { id } => ("command not sent", *id, "the line dropped".to_owned()),
            CommandStep::Withheld { id, why } => ("command withheld", *id, why.clone()),
            _ => return false,
        };
        let audit = AuditRow {
            at: self.now(),
            who: "system".into(),
            uid: None,
            act: act.into(),
            object: format!("command {id}"),
            result: "done".into(),
            note,
            seq: None,
        };
        let outcome = self.act(Body::Command(step), audit).await;
        matches!(outcome, Ok((_, Some(Outcome::Command(StepOutcome::Done)))))
    }
}

impl DeviceLink for Node {
    fn in_contact(&self, via: &DeviceKey) -> bool {
        self.sessions.link(via, self.now()).is_some()
    }

    fn encode(&self, id: CommandId) -> Result<Bytes, String> {
        let state = self.state();
        let intent = &state.commands.get(id).ok_or("no such command")?.intent;
        let plain = |made: Result<Vec<u8>, encode::EncodeError>| {
            made.map(|bytes| Bytes { bytes, serial: None }).map_err(|error| error.to_string())
        };
        match intent.method {
            UnlockMethod::StaticPassword => {
                let password =
                    self.secrets.password(&intent.via).ok_or("its password is not in secrets.toml")?;
                plain(encode::unlock_static(password))
            }
            UnlockMethod::DynamicPassword => {
                let dynamic = lock(&self.dynamic);
                let (password, _) = dynamic.get(&intent.via).ok_or("its dynamic password is not known")?;
                plain(encode::unlock_dynamic(password))
            }
            UnlockMethod::SubLockRelay => {
                let serial = state.commands.next_serial(&intent.via);
                let item = self.memory.wlnet_item(&intent.via).unwrap_or_else(|| "1".into());
                let minutes = self.options.relay_minutes;
                encode::relay_unlock(&intent.via.id, &item, serial, minutes, &intent.target.id)
                    .map(|bytes| Bytes { bytes, serial: Some(serial) })
                    .map_err(|error| error.to_string())
            }
        }
    }

    async fn write(&self, via: &DeviceKey, bytes: Vec<u8>) -> bool {
        // Since the interlocks were read an entry was written: somebody else may have spoken meanwhile.
        if policy::in_doubt(&self.state(), via).is_some() {
            return false;
        }
        self.sessions.send(via, bytes, self.now()).await == Sent::Written
    }
}
