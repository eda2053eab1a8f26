//! Answers what consoles ask. Every act is checked here, made durable with its audit row, and judged by the fold: of
//! two operators in the same second one wins and the other is told who.

use super::core::{Node, lock};
use super::naming::name_lines;
use super::operator::Caller;
use super::orders::explain_answers;
use crate::domain::command::CommandStep;
use crate::domain::identity::{IdentityAct, IdentityDecision};
use crate::domain::journal::{AlarmAct, Body, RegistryAct};
use crate::domain::{AlarmId, CommandId, DeviceKey, DeviceKind, EventSeq, text};
use crate::fleet::alarms::ActOutcome;
use crate::fleet::commands::StepOutcome;
use crate::fleet::identity::IdentityOutcome;
use crate::fleet::snapshot::Snapshot;
use crate::fleet::{Outcome, State};
use crate::ipc::wire::{Answer, Ask};
use crate::protocol::Memory;
use crate::protocol::explain::explain_by;
use crate::protocol::frame::MAX_FRAME;
use crate::store::AuditRow;

/// Longest note, in characters; the rest is cut.
const NOTE: usize = 500;

/// Longest asset name.
const NAME: usize = 60;

pub(super) fn refused(why: impl Into<String>) -> Answer {
    Answer::Refused { why: why.into() }
}

fn done(text: impl Into<String>) -> Answer {
    Answer::Done { text: text.into() }
}

/// A note as it is kept: cleaned and bounded.
pub(super) fn note(text: &str) -> String {
    text::clean(text).trim().chars().take(NOTE).collect()
}

impl Node {
    /// Answers one request. `Subscribe`, `List`, `Tail` and `Untail` are the session's own.
    pub(super) async fn answer(&self, caller: &Caller, ask: Ask) -> Answer {
        match ask {
            Ask::Enrol { device, asset, kind, bind_to } => {
                self.enrol(caller, device, asset, kind, bind_to).await
            }
            Ask::Ack { alarm, note } => self.ack(caller, alarm, &note).await,
            Ask::Reset { alarm, note } => self.reset(caller, alarm, &note).await,
            Ask::Identity { device, decision, note } => {
                self.decide_identity(caller, device, decision, &note).await
            }
            Ask::Propose { target } => self.propose(caller, &target),
            Ask::Confirm { token, typed, reason, note } => {
                self.confirm(caller, &token, &typed, reason, &note).await
            }
            Ask::Cancel { command } => self.cancel(caller, command).await,
            Ask::Verdict { command, opened, note } => self.verdict(caller, command, opened, &note).await,
            Ask::Catalogue { device } => self.catalogue(&device),
            Ask::Order { target, command, args, note } => {
                self.order(caller, &target, &command, args, &note).await
            }
            Ask::Bind { master, add, remove, note } => self.bind(caller, &master, &add, &remove, &note).await,
            Ask::Explain { raw } => explained(&raw, &self.memory),
            Ask::Subscribe | Ask::List { .. } | Ask::Tail { .. } | Ask::Untail => {
                refused("not in this place")
            }
        }
    }

    /// Everything a console shows.
    pub(super) fn snapshot(&self, all: bool) -> Snapshot {
        let state = self.state();
        let mut snapshot = state.snapshot(&self.options.plan, self.now(), all);
        explain_answers(&state, &mut snapshot.orders);
        name_lines(&state, &self.profiles, &mut snapshot.devices);
        drop(state);
        let mut quarantine = lock(&self.quarantine);
        snapshot.quarantine = quarantine.rows();
        snapshot.refused = quarantine.refused_rows();
        drop(quarantine);
        snapshot.node = self.node_row();
        snapshot
    }

    pub(super) fn audit(&self, caller: &Caller, act: &str, object: String, note: &str) -> AuditRow {
        AuditRow {
            at: self.now(),
            who: caller.name.clone(),
            uid: Some(caller.uid),
            act: act.into(),
            object,
            result: "done".into(),
            note: note.into(),
            seq: None,
        }
    }

    /// A refusal is an act too. If even that cannot be written the refusal stands all the same.
    pub(super) async fn refuse(&self, caller: &Caller, act: &str, object: String, why: String) -> Answer {
        let mut row = self.audit(caller, act, object, &why);
        row.result = "refused".into();
        self.book(row).await;
        refused(why)
    }

    /// An act that is in the journal and came too late there: its own row tells what was tried, this one what became
    /// of it.
    pub(super) async fn refuse_after(
        &self,
        caller: &Caller,
        act: &str,
        object: String,
        why: String,
        seq: EventSeq,
    ) -> Answer {
        let mut row = self.audit(caller, act, object, &why);
        row.result = "refused".into();
        row.seq = Some(seq);
        self.book(row).await;
        refused(why)
    }

    async fn book(&self, row: AuditRow) {
        if let Err(error) = self.store.audit(row).await {
            tracing::warn!(%error, "a refusal could not be recorded");
        }
    }

    async fn enrol(
        &self,
        caller: &Caller,
        device: DeviceKey,
        asset: Option<String>,
        kind: Option<DeviceKind>,
        bind_to: Option<DeviceKey>,
    ) -> Answer {
        let heard = lock(&self.quarantine).kind(&device);
        let planned = {
            let wanted = Enrolment { device: &device, asset, kind, bind_to, by: &caller.name };
            plan_enrolment(&self.state(), heard, &wanted)
        };
        let act = match planned {
            Ok(act) => act,
            Err(why) => return self.refuse(caller, "enrol", device.to_string(), why).await,
        };
        let RegistryAct::Enrol { asset, kind, .. } = &act;
        let said = format!("{} enrolled as {} on {asset}", device.id, kind.word());
        let audit = self.audit(caller, "enrol", device.to_string(), &said);
        match self.act(Body::Registry(act), audit).await {
            Ok(_) => {
                lock(&self.quarantine).release(&device);
                self.hub.quarantine_changed();
                done(said)
            }
            Err(error) => refused(error.to_string()),
        }
    }

    async fn ack(&self, caller: &Caller, id: AlarmId, text: &str) -> Answer {
        let object = format!("alarm {id}");
        let outcome = self.state().alarms.ack_outcome(id);
        if outcome != ActOutcome::Done {
            return self.refuse(caller, "ack", object, act_words(&outcome)).await;
        }
        let note = note(text);
        let audit = self.audit(caller, "ack", object, &note);
        let act = AlarmAct::Ack { id, by: caller.name.clone(), note };
        self.alarm_act(caller, act, audit, "acknowledged").await
    }

    async fn reset(&self, caller: &Caller, id: AlarmId, text: &str) -> Answer {
        let object = format!("alarm {id}");
        let note = note(text);
        if note.is_empty() {
            return self.refuse(caller, "reset", object, "a reset needs a note".into()).await;
        }
        let outcome = self.state().alarms.reset_outcome(id);
        if outcome != ActOutcome::Done {
            return self.refuse(caller, "reset", object, act_words(&outcome)).await;
        }
        let audit = self.audit(caller, "reset", object, &note);
        let act = AlarmAct::Reset { id, by: caller.name.clone(), note };
        self.alarm_act(caller, act, audit, "reset").await
    }

    async fn alarm_act(&self, caller: &Caller, act: AlarmAct, audit: AuditRow, word: &str) -> Answer {
        let (what, object) = (audit.act.clone(), audit.object.clone());
        match self.act(Body::Alarm(act), audit).await {
            Ok((_, Some(Outcome::Alarm(ActOutcome::Done)))) => done(word),
            Ok((seq, Some(Outcome::Alarm(other)))) => {
                self.refuse_after(caller, &what, object, act_words(&other), seq).await
            }
            Ok(_) => refused("written, but what became of it is not known; look at the alarm"),
            Err(error) => refused(error.to_string()),
        }
    }

    async fn decide_identity(
        &self,
        caller: &Caller,
        device: DeviceKey,
        decision: IdentityDecision,
        text: &str,
    ) -> Answer {
        const ACT: &str = "identity";
        let (object, note) = (device.to_string(), note(text));
        if note.is_empty() {
            let why = "a decision about an identity needs a note: how do you know?".to_owned();
            return self.refuse(caller, ACT, object, why).await;
        }
        let outcome = self.state().identity_outcome(&device, decision);
        if outcome != IdentityOutcome::Done {
            return self.refuse(caller, ACT, object, outcome.words().into()).await;
        }
        let said = format!("{}: {}", device.id, identity_words(decision));
        let audit = self.audit(caller, ACT, object.clone(), &format!("{}; {note}", decision.word()));
        let act = IdentityAct::Decide { device, decision, by: caller.name.clone(), note };
        match self.act(Body::Identity(act), audit).await {
            Ok((_, Some(Outcome::Identity(IdentityOutcome::Done)))) => done(said),
            Ok((seq, Some(Outcome::Identity(other)))) => {
                self.refuse_after(caller, ACT, object, other.words().into(), seq).await
            }
            Ok(_) => refused("written, but what became of it is not known; look at the device"),
            Err(error) => refused(error.to_string()),
        }
    }

    async fn cancel(&self, caller: &Caller, id: CommandId) -> Answer {
        if self.state().orders.get(id).is_some() {
            return self.cancel_order(caller, id).await;
        }
        let step = CommandStep::Cancelled { id, by: caller.name.clone() };
        let audit = self.audit(caller, "cancel", format!("command {id}"), "");
        self.command_act(caller, step, audit, "cancelled; it never left").await
    }

    async fn verdict(&self, caller: &Caller, id: CommandId, opened: bool, text: &str) -> Answer {
        let note = note(text);
        if note.is_empty() {
            let why = "a verdict needs a note: who saw what".to_owned();
            return self.refuse(caller, "verdict", format!("command {id}"), why).await;
        }
        let audit = self.audit(caller, "verdict", format!("command {id}"), &note);
        let step = CommandStep::Verdict { id, by: caller.name.clone(), opened, note };
        self.command_act(caller, step, audit, "verdict recorded").await
    }

    async fn command_act(&self, caller: &Caller, step: CommandStep, audit: AuditRow, word: &str) -> Answer {
        let (what, object) = (audit.act.clone(), audit.object.clone());
        let (seq, why) = match self.act(Body::Command(step), audit).await {
            Ok((_, Some(Outcome::Command(StepOutcome::Done)))) => return done(word),
            Ok((seq, Some(Outcome::Command(StepOutcome::NoSuchCommand)))) => (seq, "no such command"),
            Ok((seq, _)) => (seq, "too late: the command is past that"),
            Err(error) => return refused(error.to_string()),
        };
        self.refuse_after(caller, &what, object, why.to_owned(), seq).await
    }
}

fn identity_words(decision: IdentityDecision) -> &'static str {
    match decision {
        IdentityDecision::Newest => "the newest source is the device; others are not believed",
        IdentityDecision::Older => "the older source is the device; others are not believed",
        IdentityDecision::Same => "both are one device",
    }
}

/// Any frame may be explained: what a console has as hex is masked already.
fn explained(raw: &str, memory: &Memory) -> Answer {
    match hex::decode(raw) {
        Ok(bytes) if bytes.len() <= MAX_FRAME => {
            Answer::Explained { explanation: Box::new(explain_by(&bytes, memory)) }
        }
        Ok(_) => refused(format!("a frame has at most {MAX_FRAME} bytes")),
        Err(_) => refused("the frame is not hex"),
    }
}

fn act_words(outcome: &ActOutcome) -> String {
    match outcome {
        ActOutcome::Done => "done".into(),
        ActOutcome::AlreadyAcked { by } => format!("{by} acknowledged it before"),
        ActOutcome::NotNow(why) => (*why).into(),
        ActOutcome::NoSuchAlarm => "no such alarm".into(),
    }
}

/// What somebody wants enrolled.
#[derive(Debug)]
pub struct Enrolment<'a> {
    pub device: &'a DeviceKey,
    pub asset: Option<String>,
    pub kind: Option<DeviceKind>,
    pub bind_to: Option<DeviceKey>,
    pub by: &'a str,
}

/// The registry act for an enrolment: what is not said is taken from what is known, then from the ID's shape.
///
/// # Errors
/// One sentence: what is missing or does not fit.
pub fn plan_enrolment(
    state: &State,
    heard: Option<DeviceKind>,
    wanted: &Enrolment<'_>,
) -> Result<RegistryAct, String> {
    let known = state.device(wanted.device);
    let kind = wanted
        .kind
        .or_else(|| known.map(|device| device.kind))
        .or(heard)
        .unwrap_or_else(|| kind_of_id(wanted.device));
    let bound_to = wanted.bind_to.clone().or_else(|| known.and_then(|device| device.bound_to.clone()));
    if let Some(master) = &bound_to {
        if !kind.is_bound() {
            return Err(format!("a {} is not bound to a master; leave --bind-to out", kind.word()));
        }
        if state.device(master).is_none() {
            return Err(format!("its master {master} is not enrolled; enrol the master first"));
        }
    } else if kind.is_bound() {
        return Err(format!("a {} reports through a master lock: say which with --bind-to", kind.word()));
    }
    let current = known
        .and_then(|_| state.asset_of(wanted.device))
        .or_else(|| bound_to.as_ref().and_then(|master| state.asset_of(master)))
        .map(|asset| asset.name.clone());
    let name = match &wanted.asset {
        Some(name) => text::clean(name).trim().chars().take(NAME).collect(),
        None => current.unwrap_or_else(|| wanted.device.id.to_string()),
    };
    if name.is_empty() {
        return Err("an asset needs a name".into());
    }
    Ok(RegistryAct::Enrol {
        device: wanted.device.clone(),
        kind,
        asset: name,
        bound_to,
        plate: None,
        by: wanted.by.to_owned(),
    })
}

/// What an ID looks like, when nothing was heard of it: masters have 10 digits, seals 11 or 12, sub-devices hex.
fn kind_of_id(device: &DeviceKey) -> DeviceKind {
    match device.maker {
        crate::domain::Maker::Bofan => DeviceKind::Tracker,
        crate::domain::Maker::Jointech if device.id.bytes().any(|b| !b.is_ascii_digit()) => {
            DeviceKind::SubLock
        }
        crate::domain::Maker::Jointech if device.id.len() > 10 => DeviceKind::Seal,
        crate::domain::Maker::Jointech => DeviceKind::MasterLock,
    }
}
