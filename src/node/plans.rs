//! What follows an order by itself: a setting is read back and compared, a binding list is read, changed, written whole
//! and read back. Each step is an order of its own; what comes next is read from the fold alone, so that a plan goes
//! on after a restart where it stood. It stops at the first surprise and says where.

use super::core::{Node, lock};
use super::orders::{reader_of, words_of};
use crate::domain::order::{CommandClass, OrderIntent, OrderStep, Success};
use crate::domain::{CommandId, DeviceKey, DeviceKind, Exchange, Utc};
use crate::fleet::State;
use crate::fleet::device::Device;
use crate::fleet::orders::Order;
use crate::fleet::snapshot::DeviceStatus;
use crate::protocol::catalogue::Profile;
use crate::protocol::catalogue::binding::{self, BindChange, BindError, BindLimits};
use chrono::TimeDelta;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// A list that was read longer ago may have changed: it is not written any more.
const FRESH_LIST: TimeDelta = TimeDelta::minutes(2);

/// Orders that changed and were not looked at yet. Never more than the fold holds.
#[derive(Debug, Default)]
pub(super) struct Plans {
    changed: Mutex<BTreeSet<CommandId>>,
    woken: Notify,
}

impl Plans {
    pub(super) fn changed(&self, ids: &BTreeSet<CommandId>) {
        if !ids.is_empty() {
            lock(&self.changed).extend(ids);
            self.woken.notify_one();
        }
    }

    fn take(&self) -> BTreeSet<CommandId> {
        std::mem::take(&mut lock(&self.changed))
    }
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
enum Next {
    Nothing,
    /// One more step.
    Order(Box<OrderIntent>),
    /// It is over.
    Check {
        agrees: Option<bool>,
        words: String,
    },
}

impl Next {
    fn check(agrees: Option<bool>, words: impl Into<String>) -> Self {
        Self::Check { agrees, words: words.into() }
    }
}

impl Node {
    /// Carries on with plans and readings, one after the other, as long as the node runs.
    pub(super) async fn carry_on(self: Arc<Self>) {
        self.stir_plans();
        loop {
            self.plans.woken.notified().await;
            let wholes: BTreeSet<CommandId> = {
                let state = self.state();
                let whole = |id: CommandId| Some(state.orders.get(id)?.intent.part_of.unwrap_or(id));
                self.plans.take().into_iter().filter_map(whole).collect()
            };
            for id in wholes {
                self.carry_on_with(id).await;
            }
        }
    }

    /// Looks at every open plan again: after a start, and now and then, in case a step could not be written.
    pub(super) fn stir_plans(&self) {
        let open: BTreeSet<CommandId> = {
            let state = self.state();
            let plans = state.orders.all().filter(|order| order.intent.is_plan && order.is_open());
            plans.map(|order| order.id).collect()
        };
        self.plans.changed(&open);
    }

    async fn carry_on_with(&self, id: CommandId) {
        let next = {
            let state = self.state();
            let Some(order) = state.orders.get(id) else { return };
            match self.model_of(&state, &order.intent.target) {
                Ok((_, profile)) => next(&state, profile, order, self.now()),
                Err(why) if order.intent.is_plan && order.is_open() => {
                    Next::check(None, format!("stopped: {why}"))
                }
                Err(_) => return,
            }
        };
        let (step, act, note) = match next {
            Next::Nothing => return,
            Next::Order(intent) => {
                let act = format!("order {}", intent.command);
                (OrderStep::Ordered(*intent), act, format!("part of {id}"))
            }
            Next::Check { agrees, words } => {
                let note = words.clone();
                (OrderStep::Checked { id, agrees, words }, "command checked".to_owned(), note)
            }
        };
        let audit = self.audit_of_sending(&act, id, note);
        if let Err(error) = self.act_order(step, audit).await {
            tracing::warn!(command = %id, %error, "could not carry on");
        }
    }
}

fn next(state: &State, profile: &Profile, order: &Order, now: Utc) -> Next {
    let steps: Vec<&Order> = state.orders.steps_of(order.id).collect();
    if order.intent.is_plan {
        if order.is_open() { next_of_binding(state, order, &steps, now) } else { Next::Nothing }
    } else {
        next_of_reading(profile, order, &steps, now)
    }
}

/// A step of `whole`.
fn step(whole: &Order, command: &str, class: CommandClass, expires: Utc) -> OrderIntent {
    let OrderIntent { target, via, by, .. } = &whole.intent;
    OrderIntent {
        target: target.clone(),
        via: via.clone(),
        command: command.to_owned(),
        class,
        args: Vec::new(),
        by: by.clone(),
        note: String::new(),
        expires,
        part_of: Some(whole.id),
        is_plan: false,
    }
}

/// Why a step came to nothing, in words.
fn ended(order: &Order) -> String {
    let detail = order.detail.as_deref().unwrap_or(match order.exchange {
        Exchange::Expired => "the device was not in contact in time",
        other => other.words(),
    });
    detail.to_owned()
}

/// A setting that the device said yes to, or neither yes nor no, is read back where the model can.
fn next_of_reading(profile: &Profile, order: &Order, steps: &[&Order], now: Utc) -> Next {
    let answered = order.answered.is_some() && order.exchange != Exchange::Refused;
    if !answered || order.check.is_some() || order.intent.class != CommandClass::Configure {
        return Next::Nothing;
    }
    let Some(reader) = reader_of(profile, &order.intent.command) else { return Next::Nothing };
    match steps {
        [] => {
            // Awake as it is now, or it is not worth a wake of its own.
            let expires = now + FRESH_LIST;
            Next::Order(Box::new(step(order, reader.spec.name, CommandClass::Read, expires)))
        }
        [.., read] if read.is_open() => Next::Nothing,
        [.., read] if read.exchange != Exchange::AnsweredOk => {
            Next::check(None, format!("not verified, reading back: {}", ended(read)))
        }
        [.., read] => compare(profile, order, read),
    }
}

fn compare(profile: &Profile, order: &Order, read: &Order) -> Next {
    let Some(offered) = profile.command(&order.intent.command) else { return Next::Nothing };
    let said = read.reply.as_ref().map(|reply| reply.params.as_slice()).unwrap_or_default();
    let asked = match order.expect().map(|expect| &expect.success) {
        Some(Success::Tail { params } | Success::Echo { params, .. }) => params.as_slice(),
        _ => &[],
    };
    let told = said.len().checked_sub(asked.len()).and_then(|from| said.get(from..)).unwrap_or_default();
    if asked.is_empty() || told.is_empty() {
        return Next::check(None, format!("not verified: the device says {}", said.join(",")));
    }
    let number = |text: &str| text.parse::<i64>().ok();
    let same = |(told, asked): (&String, &String)| {
        told == asked || number(told).is_some_and(|told| number(asked) == Some(told))
    };
    let (told_words, asked_words) = (words_of(offered.spec, told), words_of(offered.spec, asked));
    if told.iter().zip(asked).all(same) {
        Next::check(Some(true), format!("verified: {told_words}"))
    } else {
        Next::check(Some(false), format!("CONTRADICTED: device says {told_words}; asked {asked_words}"))
    }
}

/// The IDs in the answer to a list reading.
fn list_of(order: &Order) -> Result<Vec<String>, String> {
    let Some(reply) = &order.reply else { return Err("nothing was told".into()) };
    binding::bound(reply)
        .ok_or_else(|| format!("the list was not understood: {} {}", reply.word, reply.params.join(",")))
}

fn joined(ids: &[String]) -> String {
    if ids.is_empty() { "none".into() } else { ids.join(", ") }
}

/// IDs of an argument.
fn arg(order: &Order, name: &str) -> Vec<String> {
    let value = order.intent.args.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    value.unwrap_or_default().split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// A list that was told without its count may be a part of it, and what is not in what is written is unbound. So it
/// must at least hold what is enrolled under this master, but for what the plan itself names.
fn is_whole(state: &State, plan: &Order, read: &Order, list: &[String]) -> Result<(), String> {
    if read.reply.as_ref().is_some_and(|reply| binding::is_counted(reply, list)) {
        return Ok(());
    }
    let named = [arg(plan, "add"), arg(plan, "remove")].concat();
    let missing: BTreeSet<String> = enrolled_under(state, &plan.intent.target)
        .filter(|id| !list.contains(id) && !named.contains(id))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.into_iter().collect::<Vec<_>>().join(", ");
    Err(format!(
        "the list was told without a count and lacks {missing}, enrolled under this master: it may be a part only; \
         bound are {}; name {missing} among those to add if it is not bound",
        joined(list)
    ))
}

/// IDs of the sub-devices enrolled under a master.
fn enrolled_under<'a>(state: &'a State, master: &'a DeviceKey) -> impl Iterator<Item = String> + use<'a> {
    let is_its = move |d: &&Device| d.bound_to.as_ref() == Some(master) && d.status == DeviceStatus::Enrolled;
    state.devices().filter(is_its).map(|device| device.key.id.to_string())
}

/// The list as it is to be: in its order, what is added at the end. `None`: it is so already.
fn changed(state: &State, plan: &Order, list: &[String]) -> Result<Option<Vec<String>>, String> {
    let (add, remove) = (arg(plan, "add"), arg(plan, "remove"));
    if let Some(absent) = remove.iter().find(|id| !list.contains(id)) {
        return Err(format!("{absent} is not bound; bound are {}", joined(list)));
    }
    let kept = list.iter().filter(|id| !remove.contains(id));
    let new = add.iter().filter(|id| !list.contains(id));
    let wanted = kept.chain(new).cloned().collect();
    // What nobody has enrolled may be a sensor, of which a master holds more: it has the last word.
    let is_sensor = |id: &str| {
        let device = state.device(&DeviceKey::new(plan.intent.target.maker, id));
        device.is_none_or(|device| device.kind == DeviceKind::Sensor)
    };
    match binding::bind_plan(list, &BindChange::Replace(wanted), BindLimits::NEWER, is_sensor) {
        Ok(wanted) => Ok(Some(wanted)),
        Err(BindError::Same) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn next_of_binding(state: &State, plan: &Order, steps: &[&Order], now: Utc) -> Next {
    let read =
        |expires| Next::Order(Box::new(step(plan, binding::READ_COMMAND, CommandClass::Read, expires)));
    match steps {
        [] => read(plan.intent.expires),
        [.., last] if last.is_open() => Next::Nothing,
        [list] if list.exchange != Exchange::AnsweredOk => {
            Next::check(Some(false), format!("stopped at reading the list, nothing changed: {}", ended(list)))
        }
        [list] => write(state, plan, list, now),
        [_, write] => match write.exchange {
            Exchange::AnsweredOk => read(now + FRESH_LIST),
            Exchange::Refused => {
                Next::check(Some(false), format!("stopped, the master refused the list: {}", ended(write)))
            }
            Exchange::Expired | Exchange::Cancelled | Exchange::Withheld => {
                Next::check(Some(false), format!("stopped before writing, nothing changed: {}", ended(write)))
            }
            _ => Next::check(
                None,
                format!("stopped, the list was sent: {}; read bound_list before anything else", ended(write)),
            ),
        },
        [_, write, back, ..] if back.exchange != Exchange::AnsweredOk => {
            let sent = joined(&arg(write, "subs"));
            Next::check(None, format!("sent the list {sent}; reading back: {}", ended(back)))
        }
        [_, write, back, ..] => match list_of(back) {
            Ok(list) => verify(state, plan, &arg(write, "subs"), &list),
            Err(why) => Next::check(None, format!("sent the list, reading back: {why}")),
        },
    }
}

/// From the list that was read to the list that is written.
fn write(state: &State, plan: &Order, list: &Order, now: Utc) -> Next {
    let planned = list_of(list).and_then(|is| {
        is_whole(state, plan, list, &is)?;
        Ok((changed(state, plan, &is)?, is))
    });
    let wanted = match planned {
        Ok((Some(wanted), _)) => wanted,
        Ok((None, is)) => {
            let words = format!("nothing to change; bound are {}{}", joined(&is), registry(state, plan, &is));
            return Next::check(Some(true), words);
        }
        Err(why) => {
            return Next::check(Some(false), format!("stopped after reading, nothing changed: {why}"));
        }
    };
    let fresh = list.answered.unwrap_or(now) + FRESH_LIST;
    let (command, _) = binding::bind_command(&wanted);
    let mut intent = step(plan, command, CommandClass::Credential, fresh);
    if !wanted.is_empty() {
        intent.args = vec![("subs".into(), wanted.join(","))];
    }
    Next::Order(Box::new(intent))
}

/// Holds the list that was read back against the one that was written.
fn verify(state: &State, plan: &Order, wanted: &[String], is: &[String]) -> Next {
    if binding::is_bound_as(is, wanted) {
        return Next::check(
            Some(true),
            format!("verified: bound are {}{}", joined(is), registry(state, plan, is)),
        );
    }
    Next::check(
        Some(false),
        format!("CONTRADICTED: the master says {}; written were {}", joined(is), joined(wanted)),
    )
}

/// Where the registry says something else than the master's list. It is never changed silently.
fn registry(state: &State, plan: &Order, list: &[String]) -> String {
    let master: &DeviceKey = &plan.intent.target;
    let enrolled: BTreeSet<String> = enrolled_under(state, master).collect();
    let list: BTreeSet<String> = list.iter().cloned().collect();
    let only = |here: &BTreeSet<String>, there: &BTreeSet<String>| {
        here.difference(there).cloned().collect::<Vec<_>>().join(", ")
    };
    let (unbound, unknown) = (only(&enrolled, &list), only(&list, &enrolled));
    let mut words = String::new();
    if !unbound.is_empty() {
        words.push_str(&format!("; enrolled under it but not bound: {unbound}"));
    }
    if !unknown.is_empty() {
        words.push_str(&format!("; bound but not enrolled: {unknown}"));
    }
    words
}
