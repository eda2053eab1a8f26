//! Refused bytes while they run.

use super::connection::Heard;
use super::jointech::mask_refused_piece;
use crate::domain::Protocol;

/// Bytes shown of what was refused: every frame with one report fits, so that its explanation is that of the whole.
pub const SHOWN: usize = 256;

/// A run of bytes that are refused: it begins with a frame that must not be believed, or with rubbish, and goes on
/// with rubbish.
#[derive(Debug)]
pub(super) struct Refusal {
    reason: String,
    protocol: Protocol,
    device: Option<String>,
    bytes: Vec<u8>,
    length: usize,
}

impl Refusal {
    pub(super) fn rubbish(reason: &str) -> Self {
        Self::frame(reason.to_owned(), Protocol::Unknown, None)
    }

    pub(super) fn frame(reason: String, protocol: Protocol, device: Option<String>) -> Self {
        Self { reason, protocol, device, bytes: Vec::new(), length: 0 }
    }

    pub(super) fn whole(reason: String, protocol: Protocol, device: Option<String>, bytes: &[u8]) -> Self {
        let mut refusal = Self::frame(reason, protocol, device);
        refusal.add(bytes, bytes.len());
        refusal
    }

    /// Whether it only lengthens the run before it: it names nobody.
    pub(super) fn continues(&self) -> bool {
        self.device.is_none()
    }

    /// Goes on with `bytes`, of which `length` were not counted before.
    pub(super) fn add(&mut self, bytes: &[u8], length: usize) {
        let room = SHOWN.saturating_sub(self.bytes.len());
        self.bytes.extend(bytes.iter().take(room));
        self.length = self.length.saturating_add(length);
    }

    pub(super) fn tell(mut self) -> Heard {
        mask_refused_piece(&mut self.bytes);
        Heard::Refused {
            reason: self.reason,
            protocol: self.protocol,
            device: self.device,
            bytes: self.bytes,
            length: self.length,
        }
    }
}
