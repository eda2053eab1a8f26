//! Where a frame ends: bare sentences, bare photo chunks, bare deltas and BF FB frames.
//!
//! [`cut`] looks at 512 bytes at most, however long its buffer is, so calling it again after every read is cheap.

use super::delta;
use crate::protocol::{Cut, frame::MAX_FRAME};

/// Longest bare sentence or delta, its end not counted. The longest seen has 133 bytes; a longer one is refused.
pub(super) const MAX_SENTENCE: usize = 512;

/// BF FB, XOR, length.
pub(super) const HEADER: usize = 5;

/// In the place of the XOR: not computed (PT600X firmware of 2014).
pub(super) const NOT_COMPUTED: u8 = 0xFF;

/// What stands at the start of `buf`, which begins with `$`, `@` or BF FB.
///
/// [`Cut::Quiet`]: a sentence that ends in a lone CR so far, or a bare delta that ends with one of its edits.
/// A longer buffer never contradicts a [`Cut::Frame`].
#[must_use]
pub fn cut(buf: &[u8]) -> Cut {
    match buf.first() {
        None => Cut::NeedMore,
        Some(b'$') => cut_sentence(buf),
        Some(b'@') => delta::cut(buf),
        Some(0xBF) => cut_framed(buf),
        Some(_) => {
            Cut::Bad { skip: next_start(head(buf, MAX_SENTENCE), 1), reason: "no start of a Bofan frame" }
        }
    }
}

/// Whether the XOR of a frame is that of its body, or was not computed. Bare sentences and deltas have none.
///
/// A frame whose XOR differs is still read (one byte of XOR says less than a sentence that makes sense), but it is
/// not sound.
#[must_use]
pub fn checksum_fits(frame: &[u8]) -> bool {
    match frame {
        [0xBF, 0xFB, check, _, _, body @ ..] => *check == NOT_COMPUTED || *check == xor(body),
        _ => true,
    }
}

pub(super) fn xor(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// Whether a frame can begin with this byte.
pub(super) fn is_start(byte: u8) -> bool {
    matches!(byte, b'$' | b'@' | 0xBF)
}

/// The first place at or after `from` where a frame may begin; the end of `buf` if there is none.
pub(super) fn next_start(buf: &[u8], from: usize) -> usize {
    buf.iter().enumerate().skip(from).find(|(_, byte)| is_start(**byte)).map_or(buf.len(), |(at, _)| at)
}

/// The first `most` bytes.
fn head(buf: &[u8], most: usize) -> &[u8] {
    buf.get(..most).unwrap_or(buf)
}

fn cut_framed(buf: &[u8]) -> Cut {
    let bad = |reason| Cut::Bad { skip: next_start(head(buf, HEADER), 1), reason };
    match *buf {
        [_, second, ..] if second != 0xFB => bad("BF without FB"),
        [_, _, _, low, high, ..] => {
            let total = usize::from(u16::from_le_bytes([low, high]));
            if total <= HEADER || total > MAX_FRAME {
                return bad("the length of the frame is not 6 to 4096");
            }
            match buf.get(HEADER) {
                Some(first) if !is_printable(*first) => bad("no text in the frame"),
                _ if buf.len() < total => Cut::NeedMore,
                _ => Cut::Frame(total),
            }
        }
        _ => Cut::NeedMore,
    }
}

fn cut_sentence(buf: &[u8]) -> Cut {
    if let Some(chunk) = ChunkHead::read(buf) {
        return chunk.cut(buf);
    }
    // A second `$` means that the end of the first sentence was lost.
    let stop = buf
        .iter()
        .enumerate()
        .skip(1)
        .take(MAX_SENTENCE)
        .find(|(_, byte)| !is_printable(**byte) || **byte == b'$');
    match stop {
        Some((at, b'\r' | b'\n')) => cut_at_line_end(buf, at),
        Some((at, b'$')) => Cut::Bad { skip: at, reason: "a sentence without its end" },
        Some((at, _)) => Cut::Bad { skip: at, reason: "a byte in a sentence that is not text" },
        None if buf.len() > MAX_SENTENCE => {
            Cut::Bad { skip: MAX_SENTENCE, reason: "a sentence longer than 512 bytes" }
        }
        None => Cut::NeedMore,
    }
}

/// With the first CR or LF at `at`: the end is CR LF, CR CR (seen after `$FUS`), LF or CR.
fn cut_at_line_end(buf: &[u8], at: usize) -> Cut {
    let one = at.saturating_add(1);
    match (buf.get(at), buf.get(one)) {
        (Some(b'\r'), None) => Cut::Quiet(one),
        (Some(b'\r'), Some(b'\r' | b'\n')) => Cut::Frame(one.saturating_add(1)),
        _ => Cut::Frame(one),
    }
}

/// Printable ASCII.
pub(super) fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7E)
}

/// The head of a photo chunk, `$PHD<offset>,<length>,`: so many raw bytes follow, then the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkHead {
    pub(super) offset: u32,
    pub(super) length: u32,
    /// Where the raw bytes begin.
    at: usize,
}

impl ChunkHead {
    /// `None` if the head is not whole or not one.
    pub(super) fn read(buf: &[u8]) -> Option<Self> {
        let (offset, rest) = number_and_comma(buf.strip_prefix(b"$PHD")?, 8)?;
        let (length, rest) = number_and_comma(rest, 4)?;
        Some(Self { offset, length, at: buf.len().checked_sub(rest.len())? })
    }

    /// Where the raw bytes begin.
    pub(super) fn at(self) -> usize {
        self.at
    }

    /// The end of the raw bytes as the head tells it.
    fn end(self) -> usize {
        usize::try_from(self.length).map_or(usize::MAX, |length| self.at.saturating_add(length))
    }

    fn cut(self, buf: &[u8]) -> Cut {
        // Only the head is skipped: what it wrongly claims may be sentences.
        let bad = |reason| Cut::Bad { skip: self.at, reason };
        if self.end() > MAX_FRAME.saturating_sub(2) {
            return bad("a piece of a photo longer than a frame");
        }
        match buf.get(self.end()) {
            None => Cut::NeedMore,
            Some(b'\r' | b'\n') => cut_at_line_end(buf, self.end()),
            Some(_) => bad("a piece of a photo without its end"),
        }
    }

    /// The raw bytes; `None` if `piece` does not hold all that the head tells of.
    pub(super) fn content(self, piece: &[u8]) -> Option<&[u8]> {
        piece.get(self.at..self.end())
    }
}

/// Up to `most` digits and a comma; the rest.
fn number_and_comma(bytes: &[u8], most: usize) -> Option<(u32, &[u8])> {
    let comma = bytes.iter().take(most.saturating_add(1)).position(|byte| *byte == b',')?;
    let (digits, rest) = bytes.split_at_checked(comma)?;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some((str::from_utf8(digits).ok()?.parse().ok()?, rest.get(1..)?))
}

/// A part of a frame: a sentence, a delta, a photo chunk; or bytes that are none of them, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) wrong: Option<&'static str>,
}

/// The parts of a frame as [`cut`] delimits it, in order; the header of a BF FB frame left out. The end of the frame
/// ends the last part. Neighbouring bytes that make no sense are one part.
pub(super) fn pieces(frame: &[u8]) -> Vec<Piece<'_>> {
    let mut rest = match frame {
        [0xBF, 0xFB, _, _, _, body @ ..] => body,
        bare => bare,
    };
    let mut pieces = Vec::new();
    let mut wrong: Option<(&[u8], &'static str)> = None; // from where on, and the first reason
    while !rest.is_empty() {
        let (length, reason) = match cut(rest) {
            Cut::Frame(length) | Cut::Quiet(length) if rest.first() != Some(&0xBF) => (length, None),
            Cut::Frame(length) | Cut::Quiet(length) => (length, Some("a frame inside a frame")),
            Cut::NeedMore => (rest.len(), None),
            Cut::Bad { skip, reason } => (skip, Some(reason)),
        };
        let (bytes, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        match reason {
            Some(reason) => wrong = wrong.or(Some((rest, reason))),
            None => {
                pieces.extend(take_wrong(&mut wrong, rest));
                pieces.push(Piece { bytes, wrong: None });
            }
        }
        rest = after;
    }
    pieces.extend(take_wrong(&mut wrong, rest));
    pieces
}

/// The senseless bytes up to where `rest` begins.
fn take_wrong<'a>(wrong: &mut Option<(&'a [u8], &'static str)>, rest: &[u8]) -> Option<Piece<'a>> {
    let (from, reason) = wrong.take()?;
    let bytes = from.get(..from.len().checked_sub(rest.len())?)?;
    Some(Piece { bytes, wrong: Some(reason) })
}
