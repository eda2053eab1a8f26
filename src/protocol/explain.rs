//! A frame explained field by field, from the very reading that decodes it.

use super::detect::{Detected, Framing, LONGEST_PREFIX, detect};
use super::memory::Memory;
use super::nearest::nearest;
use super::{bofan, jointech};
use crate::domain::explain::Explanation;

/// Explains the frame at the start of `bytes`, which is one whole frame as it was received (or as it was kept, with
/// its secrets as `*`). Work and size of the answer are linear in the bytes.
#[must_use]
pub fn explain(bytes: &[u8]) -> Explanation {
    explain_by(bytes, &Memory::default())
}

/// The same, with times in the zone of the device's clock, as far as `memory` knows it. Nothing is learned.
#[must_use]
pub fn explain_by(bytes: &[u8], memory: &Memory) -> Explanation {
    match detect(bytes.get(..LONGEST_PREFIX.min(bytes.len())).unwrap_or_default()) {
        Detected::Is(framing @ (Framing::BofanText | Framing::BofanFrame | Framing::BofanDelta)) => {
            bofan::explain(bytes, framing)
        }
        Detected::Is(framing) => jointech::explain(bytes, framing, memory),
        Detected::NeedMore | Detected::Unknown => nearest(bytes),
    }
}
