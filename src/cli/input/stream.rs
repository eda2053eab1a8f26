//! The bytes of one direction of a TCP connection, put together from its packets: repeated ones count once, those out
//! of order wait for what belongs before them.

use super::Piece;
use std::collections::BTreeMap;
use std::time::Duration;

/// A packet of the stream.
#[derive(Debug, Clone)]
pub(super) struct Segment<'a> {
    /// Place in the capture, and time since its beginning.
    pub(super) order: usize,
    pub(super) at: Duration,
    /// Sequence number of its first byte.
    pub(super) first: u32,
    pub(super) opens: bool,
    pub(super) bytes: &'a [u8],
}

/// Bytes that the capture does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) missing: u64,
    /// Bytes behind it. They are left out: what stands behind a gap begins no frame one could trust.
    pub(super) left_out: u64,
}

/// How far `to` lies behind `from` in sequence numbers, which wrap.
pub(super) fn distance(from: u32, to: u32) -> i64 {
    i64::from(to.wrapping_sub(from).cast_signed())
}

/// The stream up to its first gap. It begins behind its SYN, or with the first byte that was captured.
pub(super) fn assemble(segments: &[Segment<'_>]) -> (Vec<Piece>, Option<Gap>) {
    let Some(start) = start(segments) else { return (Vec::new(), None) };
    let mut pieces: Vec<Piece> = Vec::new();
    let mut next = 0_u64;
    let mut early: BTreeMap<u64, &[u8]> = BTreeMap::new();
    for segment in segments.iter().filter(|segment| !segment.bytes.is_empty()) {
        // The number is read near what is awaited, so that a long stream may wrap.
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers are the low 32 bits")]
        let awaited = start.wrapping_add(next as u32);
        let (at, new) = match next.checked_add_signed(distance(awaited, segment.first)) {
            Some(at) => (at, segment.bytes),
            // It begins before the beginning: at most its end is new.
            None => {
                let before = usize::try_from(distance(segment.first, start)).unwrap_or(usize::MAX);
                (0, segment.bytes.get(before..).unwrap_or_default())
            }
        };
        keep_longest(&mut early, at, new);
        let mut bytes = Vec::new();
        take_ready(&mut early, &mut next, &mut bytes);
        if !bytes.is_empty() {
            pieces.push(Piece { order: segment.order, at: segment.at, bytes });
        }
    }
    (pieces, gap(&early, next))
}

/// Sequence number of the stream's first byte.
fn start(segments: &[Segment<'_>]) -> Option<u32> {
    let opening = segments.iter().find(|segment| segment.opens);
    if let Some(opening) = opening {
        return Some(opening.first);
    }
    let first = segments.iter().find(|segment| !segment.bytes.is_empty())?.first;
    let with_bytes = segments.iter().filter(|segment| !segment.bytes.is_empty());
    with_bytes.map(|segment| segment.first).min_by_key(|number| distance(first, *number))
}

/// Of two packets that begin at one place the longer one says more.
fn keep_longest<'a>(early: &mut BTreeMap<u64, &'a [u8]>, at: u64, bytes: &'a [u8]) {
    let there = early.entry(at).or_insert(bytes);
    if there.len() < bytes.len() {
        *there = bytes;
    }
}

/// Moves what follows without a gap; bytes that were there already are not taken again.
fn take_ready(early: &mut BTreeMap<u64, &[u8]>, next: &mut u64, into: &mut Vec<u8>) {
    while let Some(entry) = early.first_entry() {
        if *entry.key() > *next {
            return;
        }
        let (at, bytes) = entry.remove_entry();
        let known = usize::try_from(*next - at).unwrap_or(usize::MAX);
        let new = bytes.get(known..).unwrap_or_default();
        into.extend_from_slice(new);
        *next += new.len() as u64;
    }
}

fn gap(early: &BTreeMap<u64, &[u8]>, next: u64) -> Option<Gap> {
    let (first, _) = early.first_key_value()?;
    let mut left_out = 0;
    let mut end = *first;
    for (at, bytes) in early {
        let after = at + bytes.len() as u64;
        left_out += after.saturating_sub(end.max(*at));
        end = end.max(after);
    }
    Some(Gap { missing: first - next, left_out })
}
