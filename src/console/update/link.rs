//! What the link to the node brings.

use super::unlock;
use crate::console::effect::Effect;
use crate::console::explain::Progress;
use crate::console::model::{Incoming, LinkView, Modal, Model, Pending, View};
use crate::console::rows::merge;
use crate::console::theme::Role;
use crate::console::told::{Told, outcome};
use crate::console::wizard::Wizard;
use crate::console::words;
use crate::domain::{Evidence, Exchange, Priority};
use crate::fleet::snapshot::{Delta, Snapshot};
use crate::ipc::client::LinkEvent;
use crate::ipc::wire::{Answer, Ask, Catalogue, FromNode};

pub(super) fn on_event(model: &mut Model, event: LinkEvent) -> Vec<Effect> {
    match event {
        LinkEvent::Up(hello) => {
            model.operator = hello.operator;
            up(model)
        }
        LinkEvent::Message(message) => on_message(model, message),
        LinkEvent::Down { why, retry_in } => {
            down(model, why, retry_in);
            Vec::new()
        }
    }
}

fn up(model: &mut Model) -> Vec<Effect> {
    model.link = LinkView::Loading;
    model.incoming = Some(Incoming::default());
    let mut effects = vec![Effect::Send(model.request(Ask::Subscribe, Pending::Quiet))];
    if let Some(device) = model.tail.as_ref().map(|tail| tail.device.clone()) {
        let pending = Pending::Tail(device.clone());
        effects.push(Effect::Send(model.request(Ask::Tail { device }, pending)));
    }
    if let Some(explained) = model.explained.as_mut().filter(|explained| explained.explanation().is_none()) {
        explained.progress = Progress::Asked;
        let raw = explained.raw.clone();
        effects.push(Effect::Send(model.request(Ask::Explain { raw: raw.clone() }, Pending::Explain(raw))));
    }
    effects
}

fn down(model: &mut Model, why: String, retry_in: Option<std::time::Duration>) {
    let since = match &model.link {
        LinkView::Down { since, .. } => *since,
        _ => model.now,
    };
    let retry_at =
        retry_in.and_then(|wait| chrono::TimeDelta::from_std(wait).ok()).map(|wait| model.now + wait);
    model.link = LinkView::Down { why, retry_at, since };
    model.incoming = None;
    unlock::recheck(model);
    not_explained(model, None, "the node is not connected");
    let unanswered = model.pending.drain().find_map(|(_, pending)| match pending {
        Pending::Act(what) => Some(what.to_owned()),
        Pending::Order(line) => Some(line),
        _ => None,
    });
    if let Some(what) = unanswered {
        model.say(
            Role::Uncertain,
            format!("no answer to: {what}. Look whether it happened when the node is back"),
        );
    }
}

/// An explanation that is waited for does not come; of these bytes, or whichever it is.
fn not_explained(model: &mut Model, raw: Option<&str>, why: &str) {
    if let Some(explained) = &mut model.explained
        && explained.progress == Progress::Asked
        && raw.is_none_or(|raw| raw == explained.raw)
    {
        explained.progress = Progress::Failed(why.to_owned());
    }
}

fn on_message(model: &mut Model, message: FromNode) -> Vec<Effect> {
    match message {
        FromNode::Reply { id, answer } => {
            on_reply(model, id, answer);
            Vec::new()
        }
        FromNode::Snapshot { part, last } => {
            on_snapshot(model, *part, last);
            Vec::new()
        }
        FromNode::Delta { delta } => on_delta(model, *delta),
        FromNode::Tail { device, lines } => {
            if let Some(tail) = model.tail.as_mut().filter(|tail| tail.device == device) {
                tail.push(lines);
            }
            Vec::new()
        }
        FromNode::Log { at, level, text } => vec![Effect::Log { at, level, text }],
        FromNode::Goodbye { why } => {
            model.say(Role::Warn, format!("the node says goodbye: {why}"));
            Vec::new()
        }
    }
}

fn on_snapshot(model: &mut Model, part: Snapshot, last: bool) {
    // A part without a beginning belongs to a connection that is gone.
    let Some(incoming) = &mut model.incoming else { return };
    incoming.rows.add(part);
    if !last {
        return;
    }
    let Incoming { rows, later } = model.incoming.take().unwrap_or_default();
    model.rows = rows;
    model.rows.apply(later);
    model.link = LinkView::Live;
    model.frozen = None;
    model.stale = true;
    model.counts = model.rows.counts();
    if !model.chosen {
        let view = if model.counts.unack > 0 { View::Alarms } else { View::Fleet };
        model.stack = vec![view];
    }
    unlock::recheck(model);
}

fn on_delta(model: &mut Model, delta: Delta) -> Vec<Effect> {
    if let Some(incoming) = &mut model.incoming {
        merge(&mut incoming.later, delta);
        return Vec::new();
    }
    let rings = news(model, &delta);
    order_news(model, &delta);
    let touched = model.rows.apply(delta);
    if let Some(frozen) = &mut model.frozen {
        frozen.waiting += touched;
    }
    model.stale = true;
    unlock::recheck(model);
    if rings { vec![Effect::Bell] } else { Vec::new() }
}

/// Whether the bell rings: once for new alarms, an opening seen, an outcome unknown. Says the worst on the status
/// line; selection and focus stay where they are.
fn news(model: &mut Model, delta: &Delta) -> bool {
    let is_new = |row: &&crate::fleet::snapshot::AlarmRow| {
        row.state.is_unacknowledged()
            && model.rows.alarms.get(&row.id).is_none_or(|old| {
                !old.state.is_unacknowledged() || row.priority < old.priority || row.count > old.count
            })
    };
    let alarm = delta.alarms.iter().filter(is_new).min_by_key(|row| row.priority);
    let outcome = delta.commands.iter().find(|row| {
        model.rows.commands.get(&row.id).is_some_and(|old| {
            let opened = row.evidence == Evidence::Opened && old.evidence != Evidence::Opened;
            opened || row.exchange == Exchange::Uncertain && old.exchange != Exchange::Uncertain
        })
    });
    let worst = alarm.map(|row| row.priority);
    let said = match (alarm, outcome) {
        (Some(row), _) => {
            let asset = row.asset.as_deref().unwrap_or("node");
            let role = words::priority(row.priority, true);
            Some((role, format!("new {} {asset}: {}", row.priority, words::kind(row.kind))))
        }
        (None, Some(row)) if row.evidence == Evidence::Opened => {
            Some((Role::Ok, format!("#{} {} OPENED", row.id, row.target)))
        }
        (None, Some(row)) => {
            Some((Role::Uncertain, format!("#{} {}: outcome UNCERTAIN", row.id, row.target)))
        }
        (None, None) => None,
    };
    let Some((role, text)) = said else { return false };
    model.say(role, text);
    model.options.bell && (model.silent_until.is_none() || worst == Some(Priority::P1))
}

/// Says what became of an order of this operator, and forgets what may have changed with it.
fn order_news(model: &mut Model, delta: &Delta) {
    for row in &delta.orders {
        let about = |catalogue: &Catalogue| *catalogue.device.id == *row.target;
        if row.answered.is_some() && model.modal.is_none() && model.catalogue.as_ref().is_some_and(about) {
            model.catalogue = None;
        }
    }
    let ended = delta.orders.iter().find(|row| {
        let old = model.rows.orders.get(&row.id);
        let is_news = old.is_none_or(|old| old.open || old.verified != row.verified);
        !row.open && row.part_of.is_none() && is_news && model.operator.as_deref() == Some(&row.by)
    });
    if let Some(row) = ended {
        let mark = Told::Order(row).exchange_mark(model.symbols);
        model.say(mark.role, format!("#{} {}: {}", row.id, row.kind, outcome(row)));
    }
}

fn on_reply(model: &mut Model, id: u64, answer: Answer) {
    let Some(pending) = model.pending.remove(&id) else { return };
    match (pending, answer) {
        (Pending::Propose(asked), Answer::Proposed { proposal }) => {
            unlock::proposed(model, &asked, *proposal)
        }
        (Pending::Confirm(_), Answer::Accepted { command }) => unlock::accepted(model, command),
        (Pending::Propose(_) | Pending::Confirm(_), Answer::Refused { why }) => unlock::refused(model, why),
        (Pending::Act(what), Answer::Refused { why }) => {
            model.say(Role::Bad, format!("{what}: refused, {why}"))
        }
        (Pending::Order(line), answer) => super::tell::answered(model, line, answer),
        (Pending::Catalogue(device), answer) => super::tell::catalogue_came(model, &device, answer),
        (Pending::Tail(device), Answer::Refused { why }) => {
            model.say(Role::Bad, format!("no live frames of {device}: {why}"));
        }
        (Pending::Act(_), Answer::Done { text }) => model.say(Role::Text, text),
        (Pending::Explain(raw), Answer::Explained { explanation }) => {
            // Of a frame that was left in the meantime it is not wanted any more.
            if let Some(explained) = model.explained.as_mut().filter(|explained| explained.raw == raw) {
                let explanation = explanation.of_the_first(explained.raw.len() / 2, explained.length);
                explained.progress = Progress::Told(explanation);
                explained.step(0);
            }
        }
        (Pending::Explain(raw), Answer::Refused { why }) => not_explained(model, Some(&raw), &why),
        (Pending::Explain(raw), _) => {
            not_explained(model, Some(&raw), "the node's answer did not fit the question");
        }
        (Pending::Quiet, Answer::Refused { why }) => model.say(Role::Bad, why),
        (Pending::Propose(_) | Pending::Confirm(_), _) => {
            unlock::refused(model, "the node's answer did not fit the question".into());
        }
        (Pending::Act(_) | Pending::Tail(_) | Pending::Quiet, _) => {}
    }
}

pub(super) fn on_not_sent(model: &mut Model, id: u64) {
    let pending = model.pending.remove(&id);
    let why = "not sent: the link to the node is full or gone";
    match pending {
        Some(Pending::Propose(_) | Pending::Confirm(_)) => {
            model.modal = Some(Modal::Unlock(Wizard::Void { why: why.into() }));
        }
        Some(Pending::Explain(raw)) => not_explained(model, Some(&raw), why),
        Some(_) => model.say(Role::Bad, why),
        None => {}
    }
}
