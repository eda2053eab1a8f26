//! The lines of the commands list: openings, and orders that move nothing. Their ids are journal places, so that one
//! never stands for both.

use super::rows::{Rows, is_open};
use super::symbols::Symbols;
use super::theme::Role;
use super::words::{self, Mark};
use crate::domain::{CommandId, Exchange, Utc};
use crate::fleet::snapshot::{CommandRow, OrderRow, Verified};

/// A line of the commands list.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    Opening(&'a CommandRow),
    Order(&'a OrderRow),
}

macro_rules! of_both {
    ($($name:ident: $type:ty = $row:ident => $value:expr;)*) => {
        $(#[must_use]
        pub fn $name(&self) -> $type {
            match self {
                Self::Opening($row) => $value,
                Self::Order($row) => $value,
            }
        })*
    };
}

impl<'a> Told<'a> {
    of_both! {
        id: CommandId = row => row.id;
        asset: Option<&'a str> = row => row.asset.as_deref();
        target: &'a str = row => &row.target;
        by: &'a str = row => &row.by;
        created: Utc = row => row.created;
        sent: Option<Utc> = row => row.sent;
        answered: Option<Utc> = row => row.answered;
        evidence_at: Option<Utc> = row => row.evidence_at;
        exchange: Exchange = row => row.exchange;
        detail: Option<&'a str> = row => row.detail.as_deref();
    }

    /// Whether it is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self {
            Self::Opening(row) => is_open(row),
            Self::Order(row) => row.open,
        }
    }

    /// What passed between us and the device.
    #[must_use]
    pub fn exchange_mark(&self, sy: &Symbols) -> Mark {
        match self {
            Self::Opening(row) => words::exchange(row.exchange, sy),
            Self::Order(row) => order_mark(row, sy),
        }
    }

    /// What the lock showed, in words.
    #[must_use]
    pub fn evidence_words(&self) -> &'static str {
        match self {
            Self::Opening(row) => row.evidence.words(),
            Self::Order(_) => "n/a",
        }
    }

    /// Why it was asked for, and for an order what came of it.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Opening(row) if row.note.is_empty() => row.reason.word().to_owned(),
            Self::Opening(row) => format!("{}: {}", row.reason.word(), row.note),
            Self::Order(row) => format!("{}: {}", order_words(row), outcome(row)),
        }
    }
}

/// The command with its arguments.
#[must_use]
pub fn order_words(row: &OrderRow) -> String {
    let args = row.args.iter().map(|(name, value)| format!(" {name}={value}"));
    format!("{}{}", row.kind, args.collect::<String>())
}

/// What came of an order, the answer in words where its shape is known.
#[must_use]
pub fn outcome(row: &OrderRow) -> String {
    let answer = row.told.as_deref().or(row.answer.as_deref());
    match (row.verified, answer, row.detail.as_deref()) {
        // Reading back says it better than the answer did.
        (Some(_), _, Some(detail)) => detail.to_owned(),
        (_, Some(answer), _) if row.exchange == Exchange::AnsweredOk => answer.to_owned(),
        (_, _, Some(detail)) => detail.to_owned(),
        (_, _, None) => row.exchange.words().to_owned(),
    }
}

/// The state of an order. Never green: that is for locks that are seen to be as they should.
fn order_mark(row: &OrderRow, sy: &Symbols) -> Mark {
    let mark = words::exchange(row.exchange, sy);
    match (row.exchange, row.verified) {
        (Exchange::Refused, Some(_)) => Mark::new(mark.shape, "stopped", mark.role),
        (_, Some(Verified::No)) => Mark::new(sy.uncertain, "CONTRADICTED", Role::Uncertain),
        (Exchange::AnsweredOk, Some(Verified::Yes)) => Mark::new(mark.shape, "verified", mark.role),
        (Exchange::AnsweredOk, _) => Mark::new(mark.shape, "answered", mark.role),
        _ => mark,
    }
}

impl Rows {
    /// The line of this id.
    #[must_use]
    pub fn told(&self, id: CommandId) -> Option<Told<'_>> {
        let opening = self.commands.get(&id).map(Told::Opening);
        opening.or_else(|| self.orders.get(&id).map(Told::Order))
    }

    /// All lines, openings first.
    pub fn all_told(&self) -> impl Iterator<Item = Told<'_>> {
        self.commands.values().map(Told::Opening).chain(self.orders.values().map(Told::Order))
    }

    /// The lines of an asset, newest first.
    #[must_use]
    pub fn told_of(&self, asset: &str) -> Vec<Told<'_>> {
        let mut lines: Vec<_> = self.all_told().filter(|told| told.asset() == Some(asset)).collect();
        lines.sort_by_key(|told| std::cmp::Reverse(told.id()));
        lines
    }
}
