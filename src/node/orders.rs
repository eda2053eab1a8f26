//! Orders: what an operator tells a device that moves no lock. Checked here, made durable with their audit row, sent by
//! the dispatcher.

use super::core::Node;
use super::desk::{note, refused};
use super::operator::Caller;
use crate::command::dispatch::{Bytes, Errands, Prepared};
use crate::command::policy;
use crate::domain::journal::Body;
use crate::domain::message::CommandReply;
use crate::domain::order::{CommandClass, Expect, OrderIntent, OrderStep};
use crate::domain::{CommandId, DeviceKey, EventSeq, text};
use crate::fleet::commands::StepOutcome;
use crate::fleet::device::Device;
use crate::fleet::orders::{OPEN_PER_DEVICE, Order, Sending};
use crate::fleet::snapshot::{DeviceStatus, OrderRow};
use crate::fleet::{Outcome, State};
use crate::ipc::server::Peer;
use crate::ipc::wire::{Answer, Catalogue, CommandHelp, KnownSetting, ParamHelp};
use crate::protocol::catalogue::profile::{Offered, Profile};
use crate::protocol::catalogue::{
    Args, Around, Command, Composed, Kind, Param, binding, check, compose, facts,
};
use crate::store::{AuditRow, StoreError};
use chrono::TimeDelta;

/// Commands that replace a master's whole list of sub-devices. Written only by a plan that has read it first.
const WHOLE_LIST: [&str; 2] = ["bind", "unbind_all"];

/// Longest name of a command or an argument; what is longer is none.
const NAME: usize = 64;

/// Most IDs of one change of a binding list.
const IDS: usize = 66;

/// What every act of this class says as long as roles are not configured.
const ALONE: &str = "two-person rule off: one person configured";

/// Why an order is not written.
#[derive(Debug)]
enum Denied {
    /// The question is wrong: there is no such command, or a value is out of range.
    Wrong(String),
    /// By rule, or by how things stand.
    Refused(String),
}

/// Whether this account is an administrator, and so a supervisor: the account the node runs as, and root. Roles of
/// persons are not configured yet.
pub(super) fn is_admin(uid: u32) -> bool {
    uid == 0 || uid == Peer::own().uid
}

/// Whether an account may give orders of a class. Administrators may; the others who may attach read.
fn may(class: CommandClass, is_admin: bool) -> Result<(), String> {
    match class {
        CommandClass::Read => Ok(()),
        _ if is_admin => Ok(()),
        _ => Err(format!(
            "a command of class {} needs the account the node runs as, or root; yours may read",
            class.word()
        )),
    }
}

/// Why a command of a profile is not sent as a plain order; `None`: it may be.
pub(super) fn not_here(spec: &Command) -> Option<String> {
    let name = spec.name;
    match spec.class {
        CommandClass::Physical => {
            return Some(format!("'{name}' moves a lock: it is sent by the unlock dialog only"));
        }
        CommandClass::Vehicle => {
            return Some(format!("'{name}' acts on a vehicle: it is not sent as a plain order"));
        }
        _ => {}
    }
    if WHOLE_LIST.contains(&name) && spec.params.iter().all(|param| param.name == "subs") {
        return Some(format!("'{name}' replaces a whole list: use bind, which reads it first"));
    }
    let secret = spec.params.iter().find(|param| param.kind.is_secret() && !param.kind.is_optional())?;
    Some(format!("'{name}' takes a secret ({}): it needs the encrypted store", secret.name))
}

/// How a setting is read back, if the model can tell it.
pub(super) fn reader_of<'a>(profile: &'a Profile, command: &str) -> Option<&'a Offered> {
    profile.command(&format!("read_{command}")).filter(|offered| offered.spec.class == CommandClass::Read)
}

/// Values of a setting as on the wire, in words: `30 s, 60 min`.
pub(super) fn words_of(spec: &Command, values: &[String]) -> String {
    let words = |(param, value): (&Param, &String)| match param.kind {
        Kind::Whole { unit, .. } | Kind::OffOr { unit, .. } if !unit.is_empty() => format!("{value} {unit}"),
        Kind::Switch => match value.as_str() {
            "1" => format!("{} on", param.name),
            "0" => format!("{} off", param.name),
            _ => value.clone(),
        },
        Kind::OneOf(known) => {
            let word = known.iter().find(|(_, wire)| wire == value).map_or(value.as_str(), |(word, _)| word);
            format!("{} {word}", param.name)
        }
        _ => value.clone(),
    };
    if spec.params.len() != values.len() {
        return values.join(",");
    }
    spec.params.iter().zip(values).map(words).collect::<Vec<_>>().join(", ")
}

/// The range of a parameter, for people.
fn range_words(offered: &Offered, param: &Param, firmware: Option<&str>) -> String {
    let between = |min: i64, max: i64, unit: &str| {
        let (min, max) = offered.range(param.name, firmware).unwrap_or((min, max));
        format!("{min} to {max} {unit}").trim_end().to_owned()
    };
    match param.kind {
        Kind::Whole { min, max, unit } => between(min, max, unit),
        Kind::OffOr { min, max, unit } => format!("0 (off) or {}", between(min, max, unit)),
        Kind::OneOf(words) => words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", "),
        Kind::Switch => "on or off".into(),
        Kind::Text { chars, min, max } => format!("{min} to {max} characters: {}", chars.words()),
        Kind::Host => "a host name or an IPv4 address".into(),
        Kind::Port => "1 to 65535".into(),
        Kind::Cards { most } => format!("1 to {most} cards of ten digits"),
        Kind::Subs { most } => format!("1 to {most} sub-device IDs of ten hex digits"),
        Kind::Points { most } => format!("3 to {most} corners 'lat lon; lat lon; …'"),
        Kind::Secret { .. } => "a secret".into(),
    }
}

fn param_help(offered: &Offered, param: &Param, firmware: Option<&str>) -> ParamHelp {
    let choices = match param.kind {
        Kind::OneOf(words) => words.iter().map(|(word, _)| (*word).to_owned()).collect(),
        Kind::Switch => vec!["on".to_owned(), "off".to_owned()],
        _ => Vec::new(),
    };
    ParamHelp {
        name: param.name.to_owned(),
        what: param.what.to_owned(),
        range: range_words(offered, param, firmware),
        optional: param.kind.is_optional(),
        choices,
    }
}

impl Node {
    /// The profile of a device.
    pub(super) fn profile_of(&self, device: &Device) -> Option<&Profile> {
        super::naming::profile_of(&self.profiles, device)
    }

    /// An enrolled device and its profile, or why there is none.
    pub(super) fn model_of<'a>(
        &'a self,
        state: &'a State,
        key: &DeviceKey,
    ) -> Result<(&'a Device, &'a Profile), String> {
        let device = state.device(key).filter(|device| device.status == DeviceStatus::Enrolled);
        let device = device.ok_or_else(|| format!("{key} is not enrolled"))?;
        let profile = self.profile_of(device).ok_or_else(|| {
            format!("no profile knows the model of {key}: add one, or wait until it is heard")
        })?;
        Ok((device, profile))
    }

    /// What a device can be told.
    pub(super) fn catalogue(&self, key: &DeviceKey) -> Answer {
        let state = self.state();
        let (device, profile) = match self.model_of(&state, key) {
            Ok(model) => model,
            Err(why) => return refused(why),
        };
        let firmware = device.firmware.as_deref();
        let help = |offered: &Offered| CommandHelp {
            name: offered.spec.name.to_owned(),
            purpose: offered.spec.purpose.to_owned(),
            class: offered.spec.class,
            proof: offered.proof,
            params: offered.spec.params.iter().map(|param| param_help(offered, param, firmware)).collect(),
            not_here: not_here(offered.spec),
            known: known(&state, key, offered.spec),
        };
        let commands = profile.commands().map(help).collect();
        let catalogue = Catalogue { device: key.clone(), model: profile.model.clone(), commands };
        Answer::Catalogue { catalogue: Box::new(catalogue) }
    }

    /// How long an order may wait for its device: one and a half wakes where the model sleeps.
    pub(super) fn order_validity(&self, profile: &Profile) -> TimeDelta {
        let wake = profile.wake.and_then(|wake| TimeDelta::from_std(wake).ok());
        wake.map_or(self.options.validity, |wake| wake + wake / 2)
    }

    /// Writes an order, if everything about it is in order.
    pub(super) async fn order(
        &self,
        caller: &Caller,
        target: &DeviceKey,
        command: &str,
        args: Vec<(String, String)>,
        remark: &str,
    ) -> Answer {
        let checked = {
            let state = self.state();
            self.checked(&state, caller, target, command, args, remark)
        };
        let (intent, read_back) = match checked {
            Ok(checked) => checked,
            Err(denied) => return self.deny(caller, "order", target, denied).await,
        };
        match self.place(caller, intent).await {
            Ok(command) => Answer::Ordered { command, read_back },
            Err(answer) => answer,
        }
    }

    async fn deny(&self, caller: &Caller, act: &str, target: &DeviceKey, denied: Denied) -> Answer {
        match denied {
            Denied::Refused(why) => self.refuse(caller, act, target.to_string(), why).await,
            Denied::Wrong(why) => {
                self.refuse(caller, act, target.to_string(), why.clone()).await;
                Answer::Wrong { why }
            }
        }
    }

    fn checked(
        &self,
        state: &State,
        caller: &Caller,
        target: &DeviceKey,
        command: &str,
        args: Vec<(String, String)>,
        remark: &str,
    ) -> Result<(OrderIntent, bool), Denied> {
        if command.len() > NAME || args.iter().any(|(name, _)| name.len() > NAME) {
            let why = format!("names of commands and arguments have at most {NAME} characters");
            return Err(Denied::Wrong(why));
        }
        let (device, profile) = self.model_of(state, target).map_err(Denied::Refused)?;
        let offered = profile.command(command);
        if let Some(why) = offered.and_then(|offered| not_here(offered.spec)) {
            return Err(Denied::Refused(why));
        }
        let takes_secret = |name: &str| {
            offered.is_some_and(|o| o.spec.params.iter().any(|p| p.name == name && p.kind.is_secret()))
        };
        if let Some((name, _)) = args.iter().find(|(name, _)| takes_secret(name)) {
            return Err(Denied::Refused(format!("{name} is a secret: it needs the encrypted store")));
        }
        let args: Args = args.into_iter().collect();
        let checked = check(profile, command, &args, device.firmware.as_deref())
            .map_err(|e| Denied::Wrong(e.to_string()))?;
        may(checked.class, is_admin(caller.uid)).map_err(Denied::Refused)?;
        let mut words = note(remark);
        if checked.class == CommandClass::Credential {
            words = format!("{words} ({ALONE})").trim_start().to_owned();
        }
        let intent = OrderIntent {
            target: target.clone(),
            via: policy::via(device),
            command: command.to_owned(),
            class: checked.class,
            args: checked.args,
            by: caller.name.clone(),
            note: words,
            expires: self.now() + self.order_validity(profile),
            part_of: None,
            is_plan: false,
        };
        let read_back = checked.class == CommandClass::Configure && reader_of(profile, command).is_some();
        Ok((intent, read_back))
    }

    /// Reads a master's list, changes it, writes it and reads it back: a plan, carried out step by step.
    pub(super) async fn bind(
        &self,
        caller: &Caller,
        master: &DeviceKey,
        add: &[String],
        remove: &[String],
        remark: &str,
    ) -> Answer {
        let planned = {
            let state = self.state();
            self.planned(&state, caller, master, add, remove, remark)
        };
        let intent = match planned {
            Ok(intent) => intent,
            Err(denied) => return self.deny(caller, "bind", master, denied).await,
        };
        match self.place(caller, intent).await {
            Ok(command) => Answer::Ordered { command, read_back: true },
            Err(answer) => answer,
        }
    }

    fn planned(
        &self,
        state: &State,
        caller: &Caller,
        master: &DeviceKey,
        add: &[String],
        remove: &[String],
        remark: &str,
    ) -> Result<OrderIntent, Denied> {
        let (_, profile) = self.model_of(state, master).map_err(Denied::Refused)?;
        if profile.command(binding::READ_COMMAND).is_none() || profile.command("bind").is_none() {
            return Err(Denied::Wrong(format!("a {} has no list of sub-devices", profile.model)));
        }
        let (add, remove) = (ids(add).map_err(Denied::Wrong)?, ids(remove).map_err(Denied::Wrong)?);
        if add.is_empty() && remove.is_empty() {
            let why = "say which IDs to add or remove; bound_list reads the list";
            return Err(Denied::Wrong(why.into()));
        }
        if let Some(both) = add.iter().find(|id| remove.contains(id)) {
            return Err(Denied::Wrong(format!("{both} cannot be added and removed at once")));
        }
        may(CommandClass::Credential, is_admin(caller.uid)).map_err(Denied::Refused)?;
        let open = |order: &&Order| order.is_open() && order.intent.is_plan && order.intent.target == *master;
        if let Some(other) = state.orders.all().find(open) {
            return Err(Denied::Refused(format!("plan {} for this master is not done yet", other.id)));
        }
        let args = [("add", add), ("remove", remove)];
        let args = args.into_iter().filter(|(_, ids)| !ids.is_empty());
        Ok(OrderIntent {
            target: master.clone(),
            via: master.clone(),
            command: "bind".into(),
            class: CommandClass::Credential,
            args: args.map(|(name, ids)| (name.to_owned(), ids.join(","))).collect(),
            by: caller.name.clone(),
            note: format!("{} ({ALONE})", note(remark)).trim_start().to_owned(),
            expires: self.now() + self.order_validity(profile),
            part_of: None,
            is_plan: true,
        })
    }

    /// Makes an order durable with its audit row.
    async fn place(&self, caller: &Caller, intent: OrderIntent) -> Result<CommandId, Answer> {
        let object = intent.target.to_string();
        let words = args_words(&intent);
        let act = format!("order {}", intent.command);
        let audit = self.audit(caller, &act, object.clone(), &format!("{words}; {}", intent.note));
        match self.act_order(OrderStep::Ordered(intent), audit).await {
            Ok((seq, StepOutcome::Done)) => Ok(CommandId(seq.0)),
            Ok((seq, _)) => {
                let why = format!(
                    "{OPEN_PER_DEVICE} orders for this device are open: wait for them or cancel some"
                );
                Err(self.refuse_after(caller, &act, object, why, seq).await)
            }
            Err(error) => Err(refused(error.to_string())),
        }
    }

    /// Writes a step and tells what the fold made of it.
    pub(super) async fn act_order(
        &self,
        step: OrderStep,
        audit: AuditRow,
    ) -> Result<(EventSeq, StepOutcome), StoreError> {
        let (seq, outcome) = self.act(Body::Order(step), audit).await?;
        let outcome = match outcome {
            Some(Outcome::Order(outcome)) => outcome,
            _ => StepOutcome::NotNow,
        };
        Ok((seq, outcome))
    }

    pub(super) async fn cancel_order(&self, caller: &Caller, id: CommandId) -> Answer {
        let class = self.state().orders.get(id).map_or(CommandClass::Read, |order| order.intent.class);
        let object = format!("command {id}");
        if let Err(why) = may(class, is_admin(caller.uid)) {
            return self.refuse(caller, "cancel", object, why).await;
        }
        let audit = self.audit(caller, "cancel", object.clone(), "");
        match self.act_order(OrderStep::Cancelled { id, by: caller.name.clone() }, audit).await {
            Ok((_, StepOutcome::Done)) => Answer::Done { text: "cancelled; it never left".into() },
            Ok((seq, _)) => {
                let why = "too late: the order is past that".to_owned();
                self.refuse_after(caller, "cancel", object, why, seq).await
            }
            Err(error) => refused(error.to_string()),
        }
    }

    fn composed(&self, state: &State, order: &Order) -> Result<Composed, String> {
        let intent = &order.intent;
        let (device, profile) = self.model_of(state, &intent.target)?;
        let via = policy::via(device);
        if via != intent.via {
            return Err(format!("ordered through {}, now bound to {}: order it anew", intent.via.id, via.id));
        }
        let args: Args = intent.args.iter().cloned().collect();
        let composed = self.compose(state, device, profile, &via, &intent.command, &args)?;
        let is_plain =
            matches!(composed.class, CommandClass::Read | CommandClass::Configure | CommandClass::Credential);
        if composed.class != intent.class || !is_plain {
            return Err(format!("its class is {} now: order it anew", composed.class.word()));
        }
        Ok(composed)
    }
}

impl Node {
    /// A command in the words of a device's model, with the next serial of the device that carries it.
    pub(super) fn compose(
        &self,
        state: &State,
        device: &Device,
        profile: &Profile,
        via: &DeviceKey,
        command: &str,
        args: &Args,
    ) -> Result<Composed, String> {
        let item = self.memory.wlnet_item(via).unwrap_or_else(|| "1".into());
        let around = Around {
            device: &via.id,
            item: &item,
            serial: state.commands.next_serial(via).into(),
            sub: device.kind.is_bound().then_some(&*device.key.id),
            firmware: device.firmware.as_deref(),
        };
        compose(profile, command, args, &around).map_err(|error| error.to_string())
    }
}

/// Arguments in one line.
fn args_words(intent: &OrderIntent) -> String {
    intent.args.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// Sub-device IDs as the wire has them, each once.
fn ids(given: &[String]) -> Result<Vec<String>, String> {
    if given.len() > IDS {
        return Err(format!("at most {IDS} sub-device IDs at once"));
    }
    let mut ids: Vec<String> = Vec::new();
    for id in given {
        let id = id.trim().to_ascii_uppercase();
        if id.len() != 10 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            let shown: String = text::clean(&id).chars().take(20).collect();
            return Err(format!("'{shown}' is no sub-device ID: ten hex digits"));
        }
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// What a device said last about a setting: a reading of it, or the setting verified.
fn known(state: &State, key: &DeviceKey, spec: &Command) -> Option<KnownSetting> {
    let reader = format!("read_{}", spec.name);
    let newest = state
        .orders
        .all()
        .filter(|order| order.intent.target == *key && order.intent.command == reader)
        .filter_map(|order| Some((order.answered?, order.reply.as_ref()?)))
        .max_by_key(|(at, _)| *at)?;
    let (at, reply) = newest;
    Some(KnownSetting { value: told(&reader, reply)?, at })
}

/// What a reply tells, in words; `None`: its shape is not known.
pub(super) fn told(command: &str, reply: &CommandReply) -> Option<String> {
    let facts = facts(command, reply);
    let words = facts.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>();
    (!words.is_empty()).then(|| words.join(", "))
}

/// Adds to the rows of orders what the devices' answers mean. The fold knows words, not what they say.
pub fn explain_answers(state: &State, rows: &mut [OrderRow]) {
    for row in rows {
        let reply = state.orders.get(row.id).and_then(|order| order.reply.as_ref());
        row.told = reply.and_then(|reply| told(&row.kind, reply));
    }
}

/// What the `sent` entry of an order tells.
#[derive(Debug)]
pub(super) struct Told {
    shown: String,
    serial: Option<u16>,
    expect: Expect,
}

/// Orders, as the dispatcher sees them.
pub(super) struct Telling<'a>(pub(super) &'a Node);

impl Errands for Telling<'_> {
    type Note = Told;

    fn prepare(&self, id: CommandId) -> Prepared<Told> {
        let node = self.0;
        let now = node.now();
        let state = node.state();
        let Some(order) = state.orders.get(id).filter(|order| order.is_due(now)) else {
            return Prepared::Gone;
        };
        let composed = match node.composed(&state, order) {
            Ok(composed) => composed,
            Err(why) => return Prepared::Withhold(why),
        };
        let sending = Sending { shown: &composed.shown, expect: &composed.expect };
        let via = &order.intent.via;
        // While two sources claim the ID, whoever answered would not be known.
        if policy::in_doubt(&state, via).is_some()
            || state.orders.hinders(id, sending, now, state.times).is_some()
            || (sending.is_wlnet() && state.commands.relay_outstanding(via, None, now, state.times).is_some())
        {
            return Prepared::Wait;
        }
        let Composed { bytes, shown, expect, serial, .. } = composed;
        Prepared::Go(Bytes { bytes, note: Told { shown, serial, expect } })
    }

    async fn sent(&self, id: CommandId, told: Told) -> bool {
        let audit = self.0.audit_of_sending("command sent", id, told.shown.clone());
        let Told { shown, serial, expect } = told;
        let step = OrderStep::Sent { id, shown, serial, expect };
        matches!(self.0.act_order(step, audit).await, Ok((_, StepOutcome::Done)))
    }

    async fn failed_unsent(&self, id: CommandId) {
        let audit = self.0.audit_of_sending("command not sent", id, "the line dropped".into());
        let written = self.0.act_order(OrderStep::FailedUnsent { id }, audit).await;
        // Not written: then it counts as sent, and ends as uncertain.
        if let Err(error) = written {
            tracing::warn!(command = %id, %error, "could not record that it was not sent");
        }
    }

    async fn withheld(&self, id: CommandId, why: String) {
        let audit = self.0.audit_of_sending("command withheld", id, why.clone());
        if let Err(error) = self.0.act_order(OrderStep::Withheld { id, why }, audit).await {
            tracing::warn!(command = %id, %error, "could not record that it was withheld");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_of_the_group_may_read_and_nothing_more() {
        for class in [CommandClass::Configure, CommandClass::Credential, CommandClass::Physical] {
            assert!(may(class, true).is_ok());
            assert!(may(class, false).unwrap_err().contains("may read"), "{class:?}");
        }
        assert!(may(CommandClass::Read, false).is_ok());
        let own = Peer::own().uid;
        assert!(is_admin(0) && is_admin(own));
        assert!(own == 0 || !is_admin(own + 1));
    }

    #[test]
    fn ids_are_normal_and_whole() {
        let given = |ids: &[&str]| super::ids(&ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        assert_eq!(given(&["e03b60000a", "E03B60000A"]).unwrap(), ["E03B60000A"]);
        for bad in ["E03B60000", "E03B60000AA", "E03B60000G", "a\u{1b}"] {
            assert!(given(&[bad]).is_err(), "{bad}");
        }
    }
}
