//! Opening a lock from a console: propose, confirm, and the dispatcher's two sides (journal and sessions).

use super::core::{Node, lock};
use super::operator::Caller;
use super::orders::is_admin;
use crate::command::dispatch::{Bytes, Errands, Prepared};
use crate::command::policy::{self, Assessment, Surroundings};
use crate::domain::command::{CommandStep, UnlockIntent, UnlockMethod, UnlockReason, Verdict};
use crate::domain::journal::Body;
use crate::domain::{CommandId, DeviceKey, Exchange, LockState, Priority, Utc};
use crate::fleet::commands::{Command, StepOutcome};
use crate::fleet::{Outcome, State};
use crate::ipc::wire::{Answer, Proposal};
use crate::protocol::catalogue::{Args, Profile};
use chrono::TimeDelta;

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
    /// `supervisor`: whoever asks may answer for an unlock word that is not proven.
    fn surroundings(
        &self,
        state: &State,
        target: &DeviceKey,
        supervisor: bool,
        now: Utc,
    ) -> Option<Surroundings> {
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
            unlock_words: self.profile_of(device).map(Profile::unlocks).unwrap_or_default(),
            supervisor,
        })
    }

    fn assess(
        &self,
        state: &State,
        target: &DeviceKey,
        supervisor: bool,
        own: Option<CommandId>,
    ) -> Option<Assessment> {
        let now = self.now();
        let around = self.surroundings(state, target, supervisor, now)?;
        policy::assess(state, target, &around, self.options.rules, own, now)
    }

    /// Reads the interlocks and holds what they showed for 30 s. Nothing is sent.
    pub(super) fn propose(&self, caller: &Caller, target: &DeviceKey) -> Answer {
        let state = self.state();
        let now = self.now();
        let supervisor = is_admin(caller.uid);
        let assessment = self.assess(&state, target, supervisor, None);
        let (Some(device), Some(assessment)) = (state.device(target), assessment) else {
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
        let checked = self.check(caller, &held, typed);
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

    fn check(&self, caller: &Caller, held: &Held, typed: &str) -> Result<(UnlockMethod, DeviceKey), String> {
        if self.now() > held.expires {
            return Err("30 seconds are over; begin again".into());
        }
        let state = self.state();
        let Some(assessment) = self.assess(&state, &held.target, is_admin(caller.uid), None) else {
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
}

/// Openings, as the dispatcher sees them.
pub(super) struct Openings<'a>(pub(super) &'a Node);

impl Openings<'_> {
    /// Whether it may be sent now; `None`: yes.
    fn recheck(&self, state: &State, id: CommandId) -> Option<Prepared<Option<u8>>> {
        let node = self.0;
        let now = node.now();
        let queued = |command: &&Command| command.exchange == Exchange::Queued;
        let Some(command) = state.commands.get(id).filter(queued).filter(|c| now < c.intent.expires) else {
            return Some(Prepared::Gone);
        };
        let via = &command.intent.via;
        if command.intent.method == UnlockMethod::SubLockRelay
            && (state.commands.relay_outstanding(via, Some(id), now, state.times).is_some()
                || state.orders.wlnet_outstanding(via).is_some())
        {
            return Some(Prepared::Wait);
        }
        // Who confirmed it was held against the word's proof then; here everything else is read again.
        let Some(assessment) = node.assess(state, &command.intent.target, true, Some(id)) else {
            return Some(Prepared::Withhold("the lock is not enrolled any more".into()));
        };
        if let Some(failing) = assessment.failing() {
            return Some(Prepared::Withhold(format!("{}: {}", failing.name, failing.value)));
        }
        // For the first fix since it woke; each frame asks again.
        let waits = assessment.interlocks.iter().any(|i| i.verdict == Verdict::AtWake);
        waits.then_some(Prepared::Wait)
    }

    /// Its bytes, in the words of its model.
    fn encode(&self, state: &State, id: CommandId) -> Result<Bytes<Option<u8>>, String> {
        let node = self.0;
        let intent = &state.commands.get(id).ok_or("no such command")?.intent;
        let (device, profile) = node.model_of(state, &intent.target)?;
        let (word, args) = match intent.method {
            UnlockMethod::StaticPassword => {
                let password =
                    node.secrets.password(&intent.via).ok_or("its password is not in secrets.toml")?;
                ("open_static", Args::new().with_secret("password", password.clone()))
            }
            UnlockMethod::DynamicPassword => {
                let dynamic = lock(&node.dynamic);
                let (password, _) = dynamic.get(&intent.via).ok_or("its dynamic password is not known")?;
                ("open_dynamic", Args::new().with_secret("password", password.clone()))
            }
            UnlockMethod::SubLockRelay => {
                ("open_relay", Args::new().with("minutes", node.options.relay_minutes.to_string()))
            }
        };
        let composed = node.compose(state, device, profile, &intent.via, word, &args)?;
        let serial = composed.serial.map(u8::try_from).transpose().map_err(|_| "its serial is too long")?;
        Ok(Bytes { bytes: composed.bytes, note: serial })
    }

    async fn step(&self, step: CommandStep, act: &str, id: CommandId, note: String) -> bool {
        let audit = self.0.audit_of_sending(act, id, note);
        let outcome = self.0.act(Body::Command(step), audit).await;
        matches!(outcome, Ok((_, Some(Outcome::Command(StepOutcome::Done)))))
    }
}

impl Errands for Openings<'_> {
    /// The WLNET serial used, if any.
    type Note = Option<u8>;

    fn prepare(&self, id: CommandId) -> Prepared<Option<u8>> {
        let state = self.0.state();
        if let Some(not_now) = self.recheck(&state, id) {
            return not_now;
        }
        self.encode(&state, id).map_or_else(Prepared::Withhold, Prepared::Go)
    }

    async fn sent(&self, id: CommandId, serial: Option<u8>) -> bool {
        self.step(CommandStep::Sent { id, serial }, "command sent", id, String::new()).await
    }

    async fn failed_unsent(&self, id: CommandId) {
        let note = "the line dropped".to_owned();
        self.step(CommandStep::FailedUnsent { id }, "command not sent", id, note).await;
    }

    async fn withheld(&self, id: CommandId, why: String) {
        let note = why.clone();
        self.step(CommandStep::Withheld { id, why }, "command withheld", id, note).await;
    }
}
