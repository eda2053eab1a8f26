//! The comma-separated items of a text frame `(ID,…)`.

use super::fields::text_clock;
use super::trace::{Moment, Name, Trace, documented};
use crate::domain::Utc;
use std::fmt::Display;

/// Longest ID.
const ID: usize = 20;

/// The items of a frame, ID first, without the brackets.
#[derive(Debug)]
pub(super) struct Items<'a> {
    pub(super) id: &'a str,
    pub(super) raw: Vec<&'a [u8]>,
    pub(super) trace: Option<&'a Trace>,
}

impl<'a> Items<'a> {
    /// `None` if it is no text frame or begins with no ID.
    pub(super) fn read(frame: &'a [u8], trace: Option<&'a Trace>) -> Option<Self> {
        let inside = frame.strip_prefix(b"(")?.strip_suffix(b")")?;
        let raw: Vec<&[u8]> = inside.split(|b| *b == b',').collect();
        let id = std::str::from_utf8(raw.first()?).ok()?;
        let is_id = (1..=ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit());
        if !is_id {
            return None;
        }
        let items = Self { id, raw, trace };
        if let Some(trace) = trace {
            trace.field(1, documented("start", ""), "(");
        }
        items.walk(1).tell(documented("terminal ID", ""), id);
        Some(items)
    }

    /// Item as text; empty if it is missing or holds other bytes than text.
    pub(super) fn text(&self, n: usize) -> &'a str {
        self.raw.get(n).and_then(|item| std::str::from_utf8(item).ok()).unwrap_or_default()
    }

    pub(super) fn from(&self, n: usize) -> &[&'a [u8]] {
        self.raw.get(n..).unwrap_or_default()
    }

    /// Offset in the frame of what follows item `n` and its comma.
    pub(super) fn after(&self, n: usize) -> usize {
        self.raw
            .iter()
            .take(n.saturating_add(1))
            .fold(1, |at, item| at.saturating_add(item.len()).saturating_add(1))
    }

    /// Walks over the items from `n` on.
    pub(super) fn walk(&'a self, n: usize) -> Walk<'a> {
        Walk { items: self, next: n }
    }
}

/// Walks over items. What was read is named right after the reading; without a trace that does nothing.
#[derive(Debug, Clone)]
pub(super) struct Walk<'a> {
    items: &'a Items<'a>,
    next: usize,
}

impl<'a> Walk<'a> {
    /// The next item; empty if there is none or it is no text.
    pub(super) fn take(&mut self) -> &'a str {
        let item = self.items.text(self.next);
        self.next = self.next.saturating_add(1);
        item
    }

    /// The next item, named and shown as it stands.
    pub(super) fn named(&mut self, name: Name) -> &'a str {
        let item = self.take();
        self.tell(name, item);
        item
    }

    /// The next two items: DDMMYY and hhmmss. `None` if the clock was never set or they are no time.
    pub(super) fn date_and_time(&mut self) -> Option<Utc> {
        let (date, time) = (self.take(), self.take());
        let clock = text_clock(date, time);
        match clock {
            Some(time) => self.tell(documented("date and time", "UTC"), Moment(time)),
            None => self.tell(documented("date and time", "").wrong(), "no date and time"),
        }
        clock.flatten()
    }

    /// The next item: `yes` where the place is a real fix.
    pub(super) fn fix(&mut self, yes: &str) -> bool {
        let fix = self.take() == yes;
        match fix {
            true => self.tell(documented("fix", ""), format_args!("{yes} yes")),
            false => self.tell(documented("fix", ""), "no: place and speed are stale"),
        }
        fix
    }

    pub(super) fn left(&self) -> usize {
        self.items.raw.len().saturating_sub(self.next)
    }

    /// Names what was taken since the last name, with the comma behind it.
    #[inline]
    pub(super) fn tell(&self, name: Name, value: impl Display) {
        if let Some(trace) = self.items.trace {
            trace.field(self.end(), name, value);
        }
    }

    /// A part of what was named last.
    #[inline]
    pub(super) fn part_of(&self, name: Name, text: impl Display, value: impl Display) {
        if let Some(trace) = self.items.trace {
            trace.part(name, text, value);
        }
    }

    /// Says what is wrong with the frame, in a field that has its name already.
    pub(super) fn verdict(&self, what: &str) {
        if let Some(trace) = self.items.trace {
            trace.verdict(what);
        }
    }

    /// Behind the comma of the item taken last; the closing bracket is a field of its own.
    fn end(&self) -> usize {
        let end = self.items.after(self.next.saturating_sub(1));
        if self.next >= self.items.raw.len() { end.saturating_sub(1) } else { end }
    }
}
