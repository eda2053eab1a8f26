//! Bofan vehicle trackers (PT-600, PT600X, PT502, PT621 and relatives).
//!
//! The vendor's own paper is not public; what is known comes from captures, the vendor's words quoted in public
//! issue threads, and arithmetic over the captured bytes (checksums, lengths and twelve deltas check out). One
//! connection mixes three shapes freely:
//!
//! - a **sentence**: `$POS,<id>,<time>,A,…/<inputs>,<outputs>/<adc>/<odometer>/<driver>/<state>/` and its end;
//!   every alarm is the same sentence under another three-letter code ([`sentence`], [`codes`]);
//! - a **frame**: BF FB, XOR, length (little-endian, header included), then sentences, a delta or a piece of a photo
//!   ([`frame`]);
//! - a **delta**: `@`, the XOR of the sentence before it, and the fields that changed ([`delta`]).
//!
//! A [`Session`] holds what one connection must remember to read them. Nothing here is ever answered.
#![warn(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

mod codes;
mod delta;
mod explain;
mod fields;
mod frame;
mod secrets;
mod sentence;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use explain::explain;
pub use frame::{checksum_fits, cut};
pub(crate) use secrets::masked;
pub use session::Session;

use super::heard::Aside;
use crate::domain::Message;

/// Where the last full sentence of each admitted device is kept. It outlives connections: a delta on a new connection
/// may build on a sentence of the one before. It is kept by whoever admits the device, from [`Aside::base`].
pub trait Bases {
    /// The last full sentence of a device, as received, its end included. `None`: the device is not known.
    fn base(&self, device: &str) -> Option<Vec<u8>>;
}

/// The request for a piece of a photo: it may be sent again (documented; no reply but the piece).
#[must_use]
pub fn ask_for_piece(offset: u32, length: u32) -> Vec<u8> {
    format!("#PHD{offset},{length}\r\n").into_bytes()
}

/// What a device said by one frame, or by a delta that had to wait for its base.
#[derive(Debug, Clone)]
pub enum Said {
    /// Understood: one message a sentence, in the order of the frame.
    Messages { raw: Vec<u8>, messages: Vec<Message>, aside: Aside },
    /// Not understood, or not to be believed. `raw` is the whole frame, or the part of it that is refused if other
    /// parts were understood. `device` is the one it names, else the one that spoke last.
    Refused { reason: String, device: Option<String>, raw: Vec<u8> },
}
