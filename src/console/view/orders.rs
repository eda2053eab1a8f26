//! Everything about one order.

use super::details::{Desk, Details};
use crate::console::theme::Role;
use crate::console::told::{Told, order_words, outcome};
use crate::console::widget::panel::{field, flow};
use crate::domain::Exchange;
use crate::fleet::snapshot::{OrderRow, Verified};

pub(super) fn details(desk: Desk<'_>, row: &OrderRow) -> Details {
    let Desk { pen, room, .. } = desk;
    let asset = row.asset.as_deref().unwrap_or("no asset");
    let title = pen.line(Role::Strong, format!("#{} {} {} on {asset}", row.id, row.kind, row.target));
    let mark = Told::Order(row).exchange_mark(pen.sy);
    let mut steps = vec![pen.span(Role::Muted, format!("queued {}", desk.clock(row.created)))];
    if let Some(at) = row.sent {
        let times = if row.attempts > 1 { format!(", {} times", row.attempts) } else { String::new() };
        steps.push(pen.span(Role::Muted, format!("{} sent {}{times}", pen.sy.to, desk.clock(at))));
    }
    if !row.open {
        let at = row.answered.map(|at| format!(" {}", desk.clock(at))).unwrap_or_default();
        steps.push(pen.span(mark.role, format!("{} {}{at}", pen.sy.to, mark.word)));
    }
    let mut lines = flow(pen, "exchange", steps, room);
    lines.extend(field(pen, "so", Role::Strong, &meaning(desk, row), room));
    lines.extend(field(pen, "says", Role::Text, &outcome(row), room));
    if let Some(answer) = &row.answer {
        lines.extend(field(pen, "answer", Role::Muted, answer, room));
    }
    let note = row.reason.as_ref().map(|note| format!(" · {note}")).unwrap_or_default();
    lines.extend(field(pen, "who", Role::Text, &format!("{} · {}{note}", row.by, row.class.word()), room));
    let words = row.shown.clone().unwrap_or_else(|| order_words(row));
    lines.extend(field(pen, "how", Role::Muted, &format!("{words} · sent to {}", row.via), room));
    if let Some(whole) = row.part_of {
        lines.extend(field(pen, "part of", Role::Muted, &format!("#{whole}"), room));
    }
    (title, lines)
}

/// What the state means, in one sentence.
fn meaning(desk: Desk<'_>, row: &OrderRow) -> String {
    match (row.exchange, row.verified) {
        (Exchange::Refused, Some(_)) => "it was stopped: what it says is where".into(),
        (_, Some(Verified::Yes)) => "the device holds what was asked".into(),
        (_, Some(Verified::No)) => "the device does not hold what was asked: look".into(),
        (Exchange::Queued, _) => {
            format!("waits for the device; never sent after {}", desk.clock(row.expires))
        }
        (Exchange::Sent, _) => "sent, no answer yet".into(),
        (Exchange::SentOnly, _) => "sent; no answer is promised".into(),
        (Exchange::AnsweredOk | Exchange::Relayed, _) => "the device answered".into(),
        (Exchange::Refused, _) => "it was not done".into(),
        (Exchange::Uncertain, _) => "nobody knows whether the device did it: read it".into(),
        (Exchange::Expired | Exchange::Cancelled | Exchange::Withheld, _) => "it never left this node".into(),
    }
}
