//! Orders as the fold sees them: what a device is told that moves no lock. The life cycle is a pure state machine driven
//! by journal entries, by the device's own frames and by the clock, and it is the arbiter: bytes are written only after
//! a `sent` entry was accepted here.
//!
//! Reads whose answer stays away go back to the queue, a few times; nothing else is ever sent twice.

use super::commands::{StepOutcome, Times};
use super::snapshot::{NotApplicable, OrderRow, Verified};
use crate::domain::message::CommandReply;
use crate::domain::order::{CommandClass, Expect, OrderIntent, OrderStep, Outcome, Success};
use crate::domain::{CommandId, DeviceKey, Exchange, Message, Utc};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Finished orders kept for `list commands --all`; the journal keeps them for good. The oldest leaves first.
const FINISHED_KEPT: usize = 1000;

/// Open orders one device may have; one more is refused.
pub const OPEN_PER_DEVICE: usize = 16;

/// A read is sent this often, the first time included.
pub const ATTEMPTS: u8 = 3;

/// After the time an answer is waited for, one that comes late is still taken for this long. Until then no other
/// order may be sent whose answer could be mistaken for it.
const LATE: TimeDelta = TimeDelta::minutes(1);

/// Wait before an order whose line dropped is tried again.
const UNSENT: TimeDelta = TimeDelta::seconds(15);

/// Wait before the next attempt of a read.
fn back_off(attempts: u8) -> TimeDelta {
    match attempts {
        0 | 1 => TimeDelta::seconds(15),
        _ => TimeDelta::seconds(60),
    }
}

/// What reading back showed, or what became of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub at: Utc,
    pub agrees: Option<bool>,
    pub words: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub id: CommandId,
    pub intent: OrderIntent,
    pub created: Utc,
    pub exchange: Exchange,
    /// Times it was sent.
    pub attempts: u8,
    /// A read that is asked again waits until then.
    pub not_before: Option<Utc>,
    /// When it was sent last.
    pub sent: Option<Utc>,
    /// What left, as text, secrets masked.
    pub shown: Option<String>,
    /// What counts as the answer to each of its attempts, the last one last: the answer to any of them is its answer.
    expects: Vec<Expect>,
    pub answered: Option<Utc>,
    /// The device's words. Their length is bounded by the longest frame.
    pub reply: Option<CommandReply>,
    pub detail: Option<String>,
    pub check: Option<Check>,
}

impl Order {
    fn new(intent: &OrderIntent, id: CommandId, at: Utc) -> Self {
        Self {
            id,
            intent: intent.clone(),
            created: at,
            exchange: Exchange::Queued,
            attempts: 0,
            not_before: None,
            sent: None,
            shown: None,
            expects: Vec::new(),
            answered: None,
            reply: None,
            detail: None,
            check: None,
        }
    }

    /// Whether something is still to come of it by itself.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.exchange, Exchange::Queued | Exchange::Sent)
    }

    /// Whether it may be sent now, as far as it alone is concerned.
    #[must_use]
    pub fn is_due(&self, now: Utc) -> bool {
        self.exchange == Exchange::Queued
            && !self.intent.is_plan
            && now < self.intent.expires
            && self.not_before.is_none_or(|moment| moment <= now)
    }

    /// Until when an answer that comes is taken for its answer.
    fn listens_until(&self, times: Times) -> Option<Utc> {
        self.sent.map(|sent| sent + times.answer_wait + LATE)
    }

    /// Whether an answer that comes now could be its answer.
    fn listens(&self, now: Utc, times: Times) -> bool {
        self.answered.is_none()
            && self.sent.is_some_and(|sent| sent <= now)
            && self.listens_until(times).is_some_and(|until| now <= until)
            && matches!(
                self.exchange,
                Exchange::Queued | Exchange::Sent | Exchange::SentOnly | Exchange::Uncertain
            )
    }

    /// Whether the device may still say something that is the answer to this order, or to a repetition of it.
    fn may_be_answered(&self, now: Utc, times: Times) -> bool {
        let repeated = self.attempts > 1 && self.answered.is_some();
        self.listens(now, times) || (repeated && self.listens_until(times).is_some_and(|until| now <= until))
    }

    /// When the clock changes something, if it does.
    #[must_use]
    pub fn due(&self, now: Utc, times: Times) -> Option<Utc> {
        match self.exchange {
            _ if self.intent.is_plan => None,
            Exchange::Queued => {
                let again = self.not_before.filter(|moment| *moment > now);
                Some(again.map_or(self.intent.expires, |moment| moment.min(self.intent.expires)))
            }
            Exchange::Sent => self.sent.map(|sent| sent + times.answer_wait),
            _ => None,
        }
    }

    /// What counts as the answer to what was sent last.
    #[must_use]
    pub fn expect(&self) -> Option<&Expect> {
        self.expects.last()
    }

    /// What a message of the device on the wire says about it.
    fn reads(&self, message: &Message) -> Option<Outcome> {
        self.expects.iter().rev().find_map(|expect| expect.reads(message))
    }

    /// Takes the answer in.
    fn answer(&mut self, outcome: Outcome, message: &Message, received: Utc) {
        let late = if self.exchange == Exchange::Uncertain { "late answer: " } else { "" };
        let by_output = self.expect().is_some_and(|e| matches!(e.success, Success::Output { .. }));
        if message.command.is_some() {
            self.reply = message.command.clone();
        }
        let (exchange, words) = match outcome {
            Outcome::Accepted if self.reply.is_none() => {
                (Exchange::AnsweredOk, "its next report shows it".to_owned())
            }
            Outcome::Accepted => (Exchange::AnsweredOk, "the device answered".to_owned()),
            Outcome::Refused { why } => (Exchange::Refused, why),
            Outcome::Unclear { .. } if by_output => {
                self.detail = Some("the device answered; its next report shows the output".into());
                return;
            }
            Outcome::Unclear { said } => {
                (Exchange::Uncertain, format!("it answered {said}: that says neither yes nor no"))
            }
        };
        self.exchange = exchange;
        self.answered = Some(received);
        self.detail = Some(format!("{late}{words}"));
    }

    /// The row as consoles see it.
    #[must_use]
    pub fn row(&self, asset: Option<String>) -> OrderRow {
        let intent = &self.intent;
        OrderRow {
            id: self.id,
            kind: intent.command.clone(),
            class: intent.class,
            target: intent.target.id.to_string(),
            via: intent.via.id.to_string(),
            asset,
            args: intent.args.clone(),
            exchange: self.exchange,
            evidence: NotApplicable::Word,
            by: intent.by.clone(),
            reason: Some(intent.note.clone()).filter(|note| !note.is_empty()),
            created: self.created,
            expires: intent.expires,
            sent: self.sent,
            answered: self.answered,
            evidence_at: None,
            attempts: self.attempts,
            shown: self.shown.clone(),
            answer: self.reply.as_ref().map(words_of),
            told: None, // who knows the catalogue adds it
            detail: self.check.as_ref().map(|check| check.words.clone()).or_else(|| self.detail.clone()),
            verified: self.check.as_ref().map(|check| match check.agrees {
                Some(true) => Verified::Yes,
                Some(false) => Verified::No,
                None => Verified::Unknown,
            }),
            part_of: intent.part_of,
            open: self.is_open(),
        }
    }
}

/// `P04 30,60`: the answer as the device gave it, secrets masked by the decoder.
fn words_of(reply: &CommandReply) -> String {
    format!("{} {}", reply.word, reply.params.join(",")).trim().to_owned()
}

/// What is about to be sent, as far as it decides what may go beside it.
#[derive(Debug, Clone, Copy)]
pub struct Sending<'a> {
    pub shown: &'a str,
    pub expect: &'a Expect,
}

impl Sending<'_> {
    /// Whether the answer to `other` could be taken for the answer to this.
    fn is_like(&self, other: &Expect) -> bool {
        if self.expect.serial.is_some() && other.serial.is_some() {
            return false;
        }
        match (&self.expect.word, &other.word) {
            (Some(ours), Some(theirs)) => ours == theirs,
            // One of the two takes any line for its answer.
            _ => true,
        }
    }

    /// Whether it takes the radio of a master, as the relay of an opening does.
    #[must_use]
    pub fn is_wlnet(&self) -> bool {
        self.expect.word.as_deref() == Some(WLNET)
    }
}

const WLNET: &str = "WLNET";

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Orders {
    rows: BTreeMap<CommandId, Order>,
    /// Derived: orders of each carrier that are open, or whose outcome is uncertain. Asked for with every frame.
    live: BTreeMap<DeviceKey, BTreeSet<CommandId>>,
}

/// What a checkpoint holds of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    rows: BTreeMap<CommandId, Order>,
}

impl From<Stored> for Orders {
    fn from(stored: Stored) -> Self {
        let ids: Vec<CommandId> = stored.rows.keys().copied().collect();
        let mut orders = Self { rows: stored.rows, live: BTreeMap::new() };
        for id in ids {
            orders.index(id);
        }
        orders
    }
}

impl From<Orders> for Stored {
    fn from(orders: Orders) -> Self {
        Self { rows: orders.rows }
    }
}

impl Orders {
    /// Keeps `live` true after a change of this order.
    fn index(&mut self, id: CommandId) {
        let Some(order) = self.rows.get(&id) else { return };
        let (via, answered) = (&order.intent.via, order.answered.is_some());
        // An answered order stays while a repetition of its answer could be taken for another's.
        let is_live = order.is_open()
            || matches!(order.exchange, Exchange::Uncertain | Exchange::SentOnly)
            || (answered && order.attempts > 1);
        if is_live {
            self.live.entry(via.clone()).or_default().insert(id);
        } else {
            Self::unlist(&mut self.live, via, id);
        }
    }

    fn unlist(live: &mut BTreeMap<DeviceKey, BTreeSet<CommandId>>, via: &DeviceKey, id: CommandId) {
        if let Some(ids) = live.get_mut(via) {
            ids.remove(&id);
            if ids.is_empty() {
                live.remove(via);
            }
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &Order> {
        self.rows.values()
    }

    #[must_use]
    pub fn get(&self, id: CommandId) -> Option<&Order> {
        self.rows.get(&id)
    }

    /// The steps of an order, oldest first.
    pub fn steps_of(&self, id: CommandId) -> impl Iterator<Item = &Order> {
        self.rows.range(id..).map(|(_, order)| order).filter(move |order| order.intent.part_of == Some(id))
    }

    fn live_of<'a>(&'a self, via: &DeviceKey) -> impl Iterator<Item = &'a Order> + use<'a> {
        self.live.get(via).into_iter().flatten().filter_map(|id| self.rows.get(id))
    }

    /// Orders that may go to this device now, oldest first.
    pub fn due_via<'a>(&'a self, via: &DeviceKey, now: Utc) -> impl Iterator<Item = &'a Order> + use<'a> {
        self.live_of(via).filter(move |order| order.is_due(now))
    }

    /// Devices to which an order may go now, as far as it alone is concerned.
    pub fn carriers_due(&self, now: Utc) -> impl Iterator<Item = &DeviceKey> {
        let is_due = move |id: &CommandId| self.rows.get(id).is_some_and(|order| order.is_due(now));
        self.live.iter().filter(move |(_, ids)| ids.iter().any(is_due)).map(|(via, _)| via)
    }

    /// Open orders of one device, plans included.
    #[must_use]
    pub fn open_via(&self, via: &DeviceKey) -> usize {
        self.live_of(via).filter(|order| order.is_open()).count()
    }

    /// An order that takes the radio of this master and is not answered yet.
    #[must_use]
    pub fn wlnet_outstanding(&self, master: &DeviceKey) -> Option<&Order> {
        self.live_of(master).find(|order| {
            order.exchange == Exchange::Sent
                && order.expect().is_some_and(|expect| expect.word.as_deref() == Some(WLNET))
        })
    }

    /// An order whose answer could be mistaken for the answer to `sending`, so that it has to wait.
    #[must_use]
    pub fn hinders(&self, id: CommandId, sending: Sending<'_>, now: Utc, times: Times) -> Option<CommandId> {
        let via = &self.rows.get(&id)?.intent.via;
        let in_the_way = |other: &&Order| {
            let Some(expect) = other.expect() else { return false };
            // The same once more: whichever is answered, the answer says the same.
            let same = other.shown.as_deref() == Some(sending.shown);
            other.id != id
                && sending.is_like(expect)
                && (other.exchange == Exchange::Sent || (!same && other.may_be_answered(now, times)))
        };
        self.live_of(via).find(in_the_way).map(|other| other.id)
    }

    /// Takes in a step from the journal.
    pub fn step(&mut self, step: &OrderStep, entry: CommandId, at: Utc, times: Times) -> StepOutcome {
        let id = match step {
            OrderStep::Ordered(intent) => return self.order(intent, entry, at),
            OrderStep::Sent { id, .. }
            | OrderStep::FailedUnsent { id }
            | OrderStep::Cancelled { id, .. }
            | OrderStep::Withheld { id, .. }
            | OrderStep::Checked { id, .. } => *id,
        };
        if let OrderStep::Sent { shown, expect, .. } = step
            && self.hinders(id, Sending { shown, expect }, at, times).is_some()
        {
            return StepOutcome::NotNow;
        }
        let outcome = self.step_of(id, step, at);
        self.index(id);
        if outcome == StepOutcome::Done {
            self.follow(id, step, at);
        }
        outcome
    }

    /// What a step of one order means for the plan it belongs to, or for the steps of its own.
    fn follow(&mut self, id: CommandId, step: &OrderStep, at: Utc) {
        match step {
            OrderStep::Sent { .. } => {
                let whole = self.rows.get(&id).and_then(|order| order.intent.part_of);
                if let Some(plan) = whole.and_then(|whole| self.rows.get_mut(&whole))
                    && plan.intent.is_plan
                    && plan.exchange == Exchange::Queued
                {
                    (plan.exchange, plan.sent) = (Exchange::Sent, Some(at));
                }
            }
            OrderStep::Cancelled { .. } => {
                let waiting = self.steps_of(id).filter(|order| order.exchange == Exchange::Queued);
                let waiting: Vec<CommandId> = waiting.map(|order| order.id).collect();
                for id in waiting {
                    self.step_of(id, step, at);
                    self.index(id);
                }
            }
            _ => {}
        }
    }

    fn order(&mut self, intent: &OrderIntent, id: CommandId, at: Utc) -> StepOutcome {
        // A step of a plan was counted with its plan.
        if intent.part_of.is_none() && self.open_via(&intent.via) >= OPEN_PER_DEVICE {
            return StepOutcome::NotNow;
        }
        if let Some(whole) = intent.part_of
            && self.rows.get(&whole).is_none_or(|whole| whole.intent.is_plan && !whole.is_open())
        {
            return StepOutcome::NotNow;
        }
        self.rows.insert(id, Order::new(intent, id, at));
        self.index(id);
        if self.rows.len() > FINISHED_KEPT {
            self.forget_oldest();
        }
        StepOutcome::Done
    }

    fn forget_oldest(&mut self) {
        let is_over = |order: &Order| !order.is_open();
        let whole_is_over =
            |order: &Order| order.intent.part_of.and_then(|whole| self.rows.get(&whole)).is_none_or(is_over);
        let Some(old) = self.rows.values().find(|order| is_over(order) && whole_is_over(order)) else {
            return;
        };
        let (id, via) = (old.id, old.intent.via.clone());
        self.rows.remove(&id);
        Self::unlist(&mut self.live, &via, id);
    }

    fn step_of(&mut self, id: CommandId, step: &OrderStep, at: Utc) -> StepOutcome {
        let Some(order) = self.rows.get_mut(&id) else { return StepOutcome::NoSuchCommand };
        match step {
            OrderStep::Sent { shown, expect, .. } if order.is_due(at) => {
                order.exchange = Exchange::Sent;
                order.attempts = order.attempts.saturating_add(1);
                order.sent = Some(at);
                order.shown = Some(shown.clone());
                order.expects.push(expect.clone());
                order.detail = None;
            }
            OrderStep::FailedUnsent { .. } if order.exchange == Exchange::Sent && order.reply.is_none() => {
                order.attempts = order.attempts.saturating_sub(1);
                order.expects.pop();
                order.exchange = if at < order.intent.expires { Exchange::Queued } else { Exchange::Expired };
                order.detail = Some("the line dropped before the first byte".into());
                order.not_before = Some(at + UNSENT);
                if order.attempts == 0 {
                    order.sent = None;
                }
            }
            OrderStep::Cancelled { by, .. } if order.exchange == Exchange::Queued && order.attempts == 0 => {
                order.exchange = Exchange::Cancelled;
                order.detail = Some(format!("cancelled by {by}"));
            }
            OrderStep::Withheld { why, .. } if order.exchange == Exchange::Queued => {
                // Once it was asked, only the answer is missing.
                order.exchange = if order.attempts == 0 { Exchange::Withheld } else { Exchange::Uncertain };
                order.detail = Some(why.clone());
            }
            OrderStep::Checked { agrees, words, .. } if order.check.is_none() => {
                if order.intent.is_plan {
                    if !order.is_open() {
                        return StepOutcome::NotNow;
                    }
                    order.exchange = match agrees {
                        Some(true) => Exchange::AnsweredOk,
                        Some(false) => Exchange::Refused,
                        None => Exchange::Uncertain,
                    };
                } else if order.answered.is_none() {
                    return StepOutcome::NotNow;
                } else if order.exchange == Exchange::Uncertain && *agrees == Some(true) {
                    // It answered neither yes nor no; reading back says yes.
                    order.exchange = Exchange::AnsweredOk;
                }
                order.check = Some(Check { at, agrees: *agrees, words: words.clone() });
            }
            _ => return StepOutcome::NotNow,
        }
        StepOutcome::Done
    }

    /// The node began anew: nobody knows what became of what was sent. Who wants to know asks again.
    pub fn restarted(&mut self) -> Vec<CommandId> {
        let mut touched = Vec::new();
        for order in self.rows.values_mut() {
            // A read between two attempts was sent, too.
            let was_sent = order.exchange == Exchange::Sent
                || (order.exchange == Exchange::Queued && order.attempts > 0);
            // A plan is carried on from what its steps came to.
            if was_sent && !order.intent.is_plan {
                order.exchange = Exchange::Uncertain;
                order.detail = Some("the node restarted before the answer".into());
                touched.push(order.id);
            }
        }
        for id in &touched {
            self.index(*id);
        }
        touched
    }

    /// An operator chose one of two sources: what a plan would write now may rest on what the other one told. Whoever
    /// still wants it reads anew.
    pub fn distrust(&mut self, via: &DeviceKey) -> Vec<CommandId> {
        let rests_on_a_reading = |order: &&Order| {
            order.exchange == Exchange::Queued
                && order.intent.part_of.is_some()
                && order.intent.class != CommandClass::Read
        };
        let ids: Vec<CommandId> =
            self.live_of(via).filter(rests_on_a_reading).map(|order| order.id).collect();
        for id in &ids {
            if let Some(order) = self.rows.get_mut(id) {
                order.exchange = Exchange::Withheld;
                order.detail = Some("another source may have told what it rests on".into());
            }
            self.index(*id);
        }
        ids
    }

    /// The clock reached `due`. Whether anything changed or may be done now.
    pub fn fire(&mut self, id: CommandId, now: Utc, times: Times) -> bool {
        let Some(order) = self.rows.get_mut(&id).filter(|order| !order.intent.is_plan) else { return false };
        match order.exchange {
            Exchange::Queued if order.intent.expires <= now => {
                // A read that was asked and never answered did leave.
                (order.exchange, order.detail) = if order.attempts == 0 {
                    (Exchange::Expired, None)
                } else {
                    (Exchange::Uncertain, Some(unanswered(order.attempts)))
                };
            }
            Exchange::Queued => {
                if order.not_before.is_none_or(|moment| moment > now) {
                    return false;
                }
            }
            Exchange::Sent if order.sent.is_some_and(|sent| sent + times.answer_wait <= now) => {
                order.unanswered(now);
            }
            _ => return false,
        }
        self.index(id);
        true
    }

    /// What a device said, held against what it was asked. Returns the orders it is the answer to: one for a reply,
    /// any number for a report that shows what several were waiting for.
    pub fn hear(
        &mut self,
        via: &DeviceKey,
        message: &Message,
        received: Utc,
        times: Times,
    ) -> Vec<CommandId> {
        let mut read: Vec<(CommandId, Outcome)> = self
            .live_of(via)
            .filter(|order| order.listens(received, times))
            .filter_map(|order| Some((order.id, order.reads(message)?)))
            .collect();
        if message.command.is_some() {
            let whose = self.whose(read.iter().map(|(id, _)| *id));
            read.retain(|(id, _)| Some(*id) == whose);
        }
        let ids = read.iter().map(|(id, _)| *id).collect();
        for (id, outcome) in read {
            if let Some(order) = self.rows.get_mut(&id) {
                order.answer(outcome, message, received);
            }
            self.index(id);
        }
        ids
    }

    /// Of the orders a reply could answer the one that waits for it, the oldest first; none if it could answer two
    /// that differ.
    fn whose(&self, fitting: impl Iterator<Item = CommandId>) -> Option<CommandId> {
        let mut fitting: Vec<&Order> = fitting.filter_map(|id| self.rows.get(&id)).collect();
        fitting.sort_by_key(|order| (order.exchange != Exchange::Sent, order.id));
        let (first, rest) = fitting.split_first()?;
        rest.iter().all(|other| other.shown == first.shown).then_some(first.id)
    }
}

fn unanswered(attempts: u8) -> String {
    match attempts {
        1 => "no answer".into(),
        n => format!("no answer to {n} attempts"),
    }
}

impl Order {
    /// The time for its answer is over.
    fn unanswered(&mut self, now: Utc) {
        let may_be_silent = self.expect().is_some_and(|expect| expect.may_be_silent);
        let again = now + back_off(self.attempts);
        if may_be_silent {
            self.exchange = Exchange::SentOnly;
            self.detail = Some("sent; no answer is promised".into());
        } else if self.intent.class == CommandClass::Read
            && self.attempts < ATTEMPTS
            && again < self.intent.expires
        {
            self.exchange = Exchange::Queued;
            self.not_before = Some(again);
            self.detail = Some(format!("no answer to attempt {}; asked again", self.attempts));
        } else {
            self.exchange = Exchange::Uncertain;
            self.detail = Some(match &self.reply {
                Some(_) => "it answered, but no report shows the output as told".into(),
                None => unanswered(self.attempts),
            });
        }
    }
}
