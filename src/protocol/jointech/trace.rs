//! What a decoder reads, field by field, kept while it reads: an explanation is made by the very reading that decodes.
//! Where nobody asks, a reader holds no trace and telling it something costs one comparison.

use crate::domain::explain::{Certainty, Field};
use crate::domain::text::clean;
use std::cell::RefCell;
use std::fmt::{Display, Write as _};

/// Fields kept at most, far more than a frame of 4096 bytes has. Of longer input what comes later reads `not read`.
const FIELDS: usize = 8192;
/// Raw bytes shown of one field.
const SHOWN: usize = 32;

/// What a field is called, its unit and how sure that is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    name: &'static str,
    unit: &'static str,
    certainty: Certainty,
}

impl Name {
    /// The same name, for a value that breaks the frame's own rules.
    pub(super) fn wrong(self) -> Self {
        Self { certainty: Certainty::Wrong, ..self }
    }

    pub(super) fn wrong_unless(self, sound: bool) -> Self {
        if sound { self } else { self.wrong() }
    }
}

/// The vendor's manual or SDK says so.
pub(super) const fn documented(name: &'static str, unit: &'static str) -> Name {
    Name { name, unit, certainty: Certainty::Documented }
}

/// Confirmed by real frames.
pub(super) const fn captured(name: &'static str, unit: &'static str) -> Name {
    Name { name, unit, certainty: Certainty::Captured }
}

/// Fits the data; nobody states it.
pub(super) const fn inferred(name: &'static str, unit: &'static str) -> Name {
    Name { name, unit, certainty: Certainty::Inferred }
}

/// No paper names it.
pub(super) const fn unknown(name: &'static str) -> Name {
    Name { name, unit: "", certainty: Certainty::Unknown }
}

/// A named bit of a word: what it says when it is set and when it is clear (empty: not worth a line).
#[derive(Debug, Clone, Copy)]
pub(super) struct Bit {
    pub(super) bit: u32,
    pub(super) name: &'static str,
    set: &'static str,
    clear: &'static str,
    certainty: Certainty,
}

/// A documented bit.
pub(super) const fn bit(bit: u32, name: &'static str, set: &'static str, clear: &'static str) -> Bit {
    Bit { bit, name, set, clear, certainty: Certainty::Documented }
}

impl Bit {
    pub(super) const fn captured(self) -> Self {
        Self { certainty: Certainty::Captured, ..self }
    }

    pub(super) const fn inferred(self) -> Self {
        Self { certainty: Certainty::Inferred, ..self }
    }
}

/// The bits of `word` that no entry of `table` names.
pub(super) fn unnamed(word: u32, table: &[Bit]) -> u32 {
    table.iter().fold(word, |left, bit| left & !(1_u32 << (bit.bit & 31)))
}

/// A field as it was told; places are those of the raw frame.
#[derive(Debug)]
struct Note {
    at: usize,
    end: usize,
    depth: u8,
    name: String,
    value: String,
    unit: &'static str,
    certainty: Certainty,
}

/// The fields told so far.
#[derive(Debug, Default)]
pub(super) struct Trace {
    inner: RefCell<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    notes: Vec<Note>,
    /// Where the next field begins, in the reader's bytes.
    mark: usize,
    /// Raw place of each of the reader's bytes, and of the end; empty where they are the same.
    places: Vec<usize>,
    wrong: Vec<String>,
}

impl Inner {
    fn raw(&self, at: usize) -> usize {
        if self.places.is_empty() {
            at
        } else {
            self.places.get(at).or(self.places.last()).copied().unwrap_or(at)
        }
    }

    fn push(&mut self, note: Note) {
        if self.notes.len() < FIELDS {
            self.notes.push(note);
        }
    }
}

impl Trace {
    /// What follows is read from bytes of which each stood at `places` in the raw frame (one more for the end).
    pub(super) fn enter(&self, places: Vec<usize>, mark: usize) {
        let mut inner = self.inner.borrow_mut();
        inner.places = places;
        inner.mark = mark;
    }

    /// What follows is read from raw bytes again, from `mark` on.
    pub(super) fn leave(&self, mark: usize) {
        self.enter(Vec::new(), mark);
    }

    /// A field from the mark up to `end`; nothing if there are no such bytes.
    pub(super) fn field(&self, end: usize, name: Name, value: impl Display) {
        self.named(end, name, name.name, value);
    }

    /// The same with a name made for it.
    pub(super) fn named(&self, end: usize, name: Name, text: impl Display, value: impl Display) {
        let mut inner = self.inner.borrow_mut();
        if end <= inner.mark {
            return;
        }
        let note = Note {
            at: inner.raw(inner.mark),
            end: inner.raw(end),
            depth: 0,
            name: text.to_string(),
            value: shown(value),
            unit: name.unit,
            certainty: name.certainty,
        };
        inner.mark = end;
        inner.push(note);
    }

    /// A part of the field told last.
    pub(super) fn part(&self, name: Name, text: impl Display, value: impl Display) {
        let mut inner = self.inner.borrow_mut();
        let Some(whole) = inner.notes.iter().rfind(|note| note.depth == 0) else { return };
        let note = Note {
            at: whole.at,
            end: whole.end,
            depth: 1,
            name: text.to_string(),
            value: shown(value),
            unit: name.unit,
            certainty: name.certainty,
        };
        inner.push(note);
    }

    /// The bits of `word`, the field told last, after `table`.
    pub(super) fn bits(&self, word: u32, table: &[Bit]) {
        for bit in table {
            let is_set = word >> (bit.bit & 31) & 1 == 1;
            let says = if is_set { bit.set } else { bit.clear };
            if !says.is_empty() {
                let name = Name { name: bit.name, unit: "", certainty: bit.certainty };
                self.part(name, format_args!("bit {} {}", bit.bit, bit.name), says);
            }
        }
        for n in super::fields::bits(unnamed(word, table)) {
            self.part(unknown(""), format_args!("bit {n}"), "set, meaning not known");
        }
    }

    /// The frame breaks its rules between the mark and `end`.
    pub(super) fn wrong(&self, end: usize, what: &str) {
        self.field(end, unknown("cannot be read").wrong(), what);
        self.verdict(what);
    }

    /// The frame breaks its rules somewhere that has its field already.
    pub(super) fn verdict(&self, what: &str) {
        self.inner.borrow_mut().wrong.push(what.to_owned());
    }

    /// The fields of `raw`, whose secrets are masked, and what is wrong. Bytes that nothing told of become fields that
    /// say so: the fields of depth 0 cover every byte once, in order.
    pub(super) fn finish(self, raw: &[u8]) -> (Vec<Field>, Vec<String>) {
        let inner = self.inner.into_inner();
        let mut fields = Vec::with_capacity(inner.notes.len().saturating_add(1));
        let mut covered = 0;
        for note in inner.notes {
            let end = note.end.min(raw.len());
            if note.depth > 0 {
                fields.push(field(raw, &note, note.at.min(end), end));
                continue;
            }
            if note.at > covered {
                fields.push(unread(raw, covered, note.at.min(raw.len())));
            }
            let at = note.at.max(covered);
            if end > at {
                fields.push(field(raw, &note, at, end));
                covered = end;
            }
        }
        if covered < raw.len() {
            fields.push(unread(raw, covered, raw.len()));
        }
        let mut wrong = inner.wrong;
        if wrong.is_empty() {
            let senseless = fields.iter().filter(|field| field.certainty == Certainty::Wrong);
            wrong.extend(senseless.map(|f| format!("byte {}: {} makes no sense", f.at, f.name)));
        }
        (fields, wrong)
    }
}

fn shown(value: impl Display) -> String {
    clean(&value.to_string())
}

fn unread(raw: &[u8], at: usize, end: usize) -> Field {
    let note = Note {
        at,
        end,
        depth: 0,
        name: "not read".to_owned(),
        value: String::new(),
        unit: "",
        certainty: Certainty::Unknown,
    };
    field(raw, &note, at, end)
}

fn field(raw: &[u8], note: &Note, at: usize, end: usize) -> Field {
    let bytes = raw.get(at..end).unwrap_or_default();
    Field {
        at,
        bytes: hex::encode(bytes.get(..SHOWN.min(bytes.len())).unwrap_or_default()),
        length: bytes.len(),
        depth: note.depth,
        name: note.name.clone(),
        value: note.value.clone(),
        unit: note.unit.to_owned(),
        certainty: note.certainty,
    }
}

/// An optional value, or a word where there is none.
#[derive(Debug)]
pub(super) struct Or<T>(pub(super) Option<T>, pub(super) &'static str);

impl<T: Display> Display for Or<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str(self.1),
        }
    }
}

/// Bytes in hex.
#[derive(Debug)]
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A moment as it is printed, or that the clock was never set.
#[derive(Debug)]
pub(super) struct Moment(pub(super) Option<crate::domain::Utc>);

impl Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(time) => write!(f, "{}", time.format("%Y-%m-%d %H:%M:%S")),
            None => f.write_str("never set"),
        }
    }
}

/// A word of the JSON form (`rope_cut`, `live`), as it is told there.
#[derive(Debug)]
pub(super) struct Word<T>(pub(super) T);

impl<T: serde::Serialize> Display for Word<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match serde_json::to_value(&self.0) {
            Ok(serde_json::Value::String(text)) => f.write_str(&text),
            Ok(value) => flat(&value, f),
            Err(_) => f.write_char('-'),
        }
    }
}

/// An object without brackets and quotes, its name first.
fn flat(value: &serde_json::Value, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    let Some(object) = value.as_object() else { return write!(f, "{value}") };
    let mut is_first = true;
    if let Some(name) = object.get("name").and_then(serde_json::Value::as_str) {
        f.write_str(name)?;
        is_first = false;
    }
    for (key, value) in object.iter().filter(|(key, _)| *key != "name") {
        if !std::mem::take(&mut is_first) {
            f.write_str(", ")?;
        }
        match value.as_str() {
            Some(text) => write!(f, "{key} {text}")?,
            None => write!(f, "{key} {value}")?,
        }
    }
    Ok(())
}
