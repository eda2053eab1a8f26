//! Deltas: a sentence told by what differs from the one before.
//!
//! `@`, the XOR of the whole sentence before (its end included), then edits: field number, offset, length and that
//! many bytes of text. Fields are numbered as the sentence is split on `,` and `/`; the end of the sentence is its
//! last field. The new field is the old one up to the offset, then the text. Worked out from captures; the result's
//! own XOR is confirmed by the next delta in each of twelve.
//!
//! The check is weak: sentences of one device differ in a few digits, so of those that are not the base one in some
//! sixteen fits. What else must agree is in [`super::session`].

use super::frame::{MAX_SENTENCE, is_printable, is_start, next_start, xor};
use crate::{
    domain::{Message, Position},
    protocol::Cut,
};

/// Where the edits begin.
const EDITS: usize = 2;

/// Field numbers and offsets are below this, and no text is longer: a sentence has some twenty fields of up to
/// fifteen characters.
const LIMIT: u8 = 0x20;

/// Faster than this between two fixes, the delta was built on another base.
const TOP_SPEED_KMH: f64 = 300.0;

/// How far two fixes may be apart at any speed: the error of a first fix.
const SLACK_KM: f64 = 0.5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edit<'a> {
    field: u8,
    offset: u8,
    text: &'a [u8],
}

enum Step<'a> {
    Edit(Edit<'a>, usize),
    /// The bytes end inside an edit.
    Short,
    /// Not an edit.
    Wrong,
}

/// The edit that begins at `at`, and where the next one would.
fn step(bytes: &[u8], at: usize) -> Step<'_> {
    let byte = |n: usize| bytes.get(at.saturating_add(n)).copied();
    let (field, offset, length) = (byte(0), byte(1), byte(2));
    let beyond = |value: Option<u8>, most: u8| value.is_some_and(|value| value > most);
    if beyond(field, LIMIT.saturating_sub(1))
        || beyond(offset, LIMIT.saturating_sub(1))
        || beyond(length, LIMIT)
    {
        return Step::Wrong;
    }
    let (Some(field), Some(offset), Some(length)) = (field, offset, length) else { return Step::Short };
    let from = at.saturating_add(3);
    let to = from.saturating_add(usize::from(length));
    match bytes.get(from..to) {
        Some(text) => Step::Edit(Edit { field, offset, text }, to),
        None => Step::Short,
    }
}

/// The delta at the start of `buf`. It has no end of its own: it ends before `$`, `@` or BF, or with the line quiet.
pub(super) fn cut(buf: &[u8]) -> Cut {
    let mut at = EDITS;
    // In a broken delta a text may have swallowed the start of what follows: look there again.
    let bad =
        |at: usize, reason| Cut::Bad { skip: next_start(buf.get(..at).unwrap_or(buf), EDITS).max(1), reason };
    loop {
        if at > MAX_SENTENCE {
            return bad(at.min(buf.len()), "a delta longer than 512 bytes");
        }
        let begun = at > EDITS;
        match buf.get(at) {
            None if begun && at == buf.len() => return Cut::Quiet(at),
            None => return Cut::NeedMore,
            Some(next) if begun && is_start(*next) => return Cut::Frame(at),
            Some(_) => {}
        }
        match step(buf, at) {
            Step::Edit(_, next) => at = next,
            Step::Short => return Cut::NeedMore,
            Step::Wrong => return bad(at, "a delta that breaks off"),
        }
    }
}

/// A delta, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delta<'a> {
    check: u8,
    edits: Vec<Edit<'a>>,
}

impl<'a> Delta<'a> {
    /// `None` unless all of `bytes` is one delta.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > MAX_SENTENCE {
            return None;
        }
        let (&[b'@', check], _) = bytes.split_first_chunk()? else { return None };
        let mut edits = Vec::new();
        let mut at = EDITS;
        while at < bytes.len() {
            let Step::Edit(edit, next) = step(bytes, at) else { return None };
            edits.push(edit);
            at = next;
        }
        (!edits.is_empty()).then_some(Self { check, edits })
    }

    /// The XOR of the sentence it was built on.
    pub(super) fn check(&self) -> u8 {
        self.check
    }

    /// Field number, offset and text of each edit.
    pub(super) fn edits(&self) -> impl Iterator<Item = (u8, u8, &'a [u8])> {
        self.edits.iter().map(|edit| (edit.field, edit.offset, edit.text))
    }

    /// Whether this may be the sentence the delta was built on. One wrong sentence in 256 passes.
    pub(super) fn fits(&self, base: &[u8]) -> bool {
        self.check == xor(base)
    }

    /// Whether each edit begins where the field begins to differ, as in every captured delta whose base is known: one
    /// that repeats what the field says was built on another base. (Of a field that only became shorter the last
    /// character may be repeated.)
    pub(super) fn is_exact(&self, base: &[u8]) -> bool {
        let fields: Vec<&[u8]> = base.split(is_separator).collect();
        self.edits.iter().all(|edit| {
            let old = fields.get(usize::from(edit.field)).copied().unwrap_or_default();
            let rest = old.get(usize::from(edit.offset)..).unwrap_or_default();
            rest.first() != edit.text.first() || rest.starts_with(edit.text)
        })
    }

    /// The sentence told. Whether it makes sense is for the caller to judge.
    pub(super) fn apply(&self, base: &[u8]) -> Result<Vec<u8>, &'static str> {
        let mut fields: Vec<Vec<u8>> = base.split_inclusive(is_separator).map(<[u8]>::to_vec).collect();
        if base.last().is_some_and(is_separator) {
            fields.push(Vec::new());
        }
        for edit in &self.edits {
            let field = fields.get_mut(usize::from(edit.field)).ok_or("it edits a field its base has not")?;
            edit.apply(field)?;
        }
        Ok(fields.concat())
    }
}

impl Edit<'_> {
    /// Edits a field, its separator kept.
    fn apply(&self, field: &mut Vec<u8>) -> Result<(), &'static str> {
        if !self.text.iter().all(|byte| (is_printable(*byte) && !is_separator(byte)) || is_line_end(*byte)) {
            return Err("it holds bytes that are not the text of a field");
        }
        let separator = field.pop_if(|byte| is_separator(byte));
        if usize::from(self.offset) > field.len() {
            return Err("it edits beyond the end of a field");
        }
        field.truncate(usize::from(self.offset));
        field.extend_from_slice(self.text);
        field.extend(separator);
        Ok(())
    }
}

fn is_separator(byte: &u8) -> bool {
    matches!(byte, b',' | b'/')
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Whether nothing on wheels gets from one fix to the other in the time between them. Without two fixes at
/// different times nobody can tell.
pub(super) fn too_fast(before: &Message, after: &Message) -> bool {
    let fix = |message: &Message| message.position.filter(|position| position.fix).zip(message.time);
    let (Some((from, left)), Some((to, came))) = (fix(before), fix(after)) else { return false };
    let hours = came.signed_duration_since(left).abs().as_seconds_f64() / 3600.0;
    hours > 0.0 && distance_km(&from, &to) > TOP_SPEED_KMH * hours + SLACK_KM
}

/// Along a great circle of the mean earth.
fn distance_km(from: &Position, to: &Position) -> f64 {
    let (lat1, lat2) = (from.lat.to_radians(), to.lat.to_radians());
    let half_lat = ((lat2 - lat1) / 2.0).sin();
    let half_lon = ((to.lon - from.lon).to_radians() / 2.0).sin();
    let chord = half_lat * half_lat + lat1.cos() * lat2.cos() * half_lon * half_lon;
    2.0 * 6371.0 * chord.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "a test that reads out of range has failed, as it should"
    )]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_worked_example_of_a_pt600x() {
        let base = b"$POS,1151000,205326.000,A,0901.3037,N,07928.2751,W,48.79,30.55,170814,,,A/00010,10000/0,0,0,0/15986500//fb8/\r\n";
        let delta = hex::decode("407a0203073832352e303030040306322e33323633060406342e3734393108000535382e353209000537392e31341404043938303016020137").unwrap();
        let delta = Delta::read(&delta).unwrap();
        assert!(delta.fits(base));
        let told = delta.apply(base).unwrap();
        assert_eq!(
            String::from_utf8(told).unwrap(),
            "$POS,1151000,205825.000,A,0902.3263,N,07924.7491,W,58.52,79.14,170814,,,A/00010,10000/0,0,0,0/15989800//fb7/\r\n"
        );
    }

    #[test]
    fn edits_that_cannot_be_are_refused() {
        let base = b"$POS,1/x/\r\n";
        let apply = |edits: &[u8]| Delta::read(&[b"@\0", edits].concat()).unwrap().apply(base);
        assert_eq!(apply(b"\x01\x01\x012").unwrap(), b"$POS,12/x/\r\n");
        assert_eq!(apply(b"\x03\x00\x02#\n").unwrap(), b"$POS,1/x/#\n");
        assert_eq!(apply(b"\x02\x00\x00").unwrap(), b"$POS,1//\r\n");
        assert!(apply(b"\x04\x00\x011").is_err());
        assert!(apply(b"\x01\x02\x011").is_err());
        for bad in [b',', b'/', 0x80, 0x00, 0x1B] {
            assert!(apply(&[1, 0, 1, bad]).is_err(), "{bad}");
        }
        assert_eq!(Delta::read(b"@\0"), None);
        assert_eq!(Delta::read(b"@\0\x01\x00\x05abc"), None);
        assert_eq!(Delta::read(b"@\0\x20\x00\x01a"), None);
    }

    proptest! {
        /// A delta made from random changes of fields does exactly these.
        #[test]
        fn a_delta_edits_fields(
            fields in prop::collection::vec(("[A-Z0-9.]{0,15}", prop::bool::ANY), 1..30),
            changes in prop::collection::vec((0_usize..30, 0_u8..16, "[A-Z0-9.]{0,32}"), 1..12),
        ) {
            let join = |fields: &[(String, bool)]| {
                let mut line = String::from("$");
                for (text, comma) in fields {
                    line.push_str(text);
                    line.push(if *comma { ',' } else { '/' });
                }
                line.push_str("\r\n");
                line.into_bytes()
            };
            let base = join(&fields);
            let mut edited = fields.clone();
            let mut delta = vec![b'@', xor(&base)];
            for (field, offset, text) in &changes {
                // Field 0 also holds the `$`.
                let field = field % edited.len();
                let shift = u8::from(field == 0);
                let old = &mut edited[field].0;
                let offset = (*offset).min(u8::try_from(old.len()).unwrap().min(30));
                old.truncate(usize::from(offset));
                old.push_str(text);
                delta.extend([u8::try_from(field).unwrap(), offset + shift, u8::try_from(text.len()).unwrap()]);
                delta.extend(text.as_bytes());
            }
            prop_assert_eq!(cut(&delta), Cut::Quiet(delta.len()));
            let delta = Delta::read(&delta).unwrap();
            prop_assert!(delta.fits(&base));
            prop_assert_eq!(delta.apply(&base).unwrap(), join(&edited));
        }
    }
}
