//! Bofan vehicle trackers (PT-600, PT600X, PT621 and relatives): ASCII sentences, `BF FB` frames and deltas.

use super::Cut;
use crate::domain::Message;

/// What stands at the start of `buf`, which begins with `$`, `@` or BF FB.
#[must_use]
pub fn cut(_buf: &[u8]) -> Cut {
    Cut::NeedMore
}

/// Where the last full sentence of each device is kept. It outlives connections: a delta on a new connection may
/// build on a sentence of the one before.
pub trait Bases {
    /// The last full sentence of a device, as received, terminator included. `None`: the device is not known.
    fn base(&self, device: &str) -> Option<Vec<u8>>;
    /// The last full sentence of a device is now this one.
    fn keep(&self, device: &str, base: &[u8]);
}

/// What a device said by one frame, or by a delta that had to wait for its base.
#[derive(Debug, Clone)]
pub enum Said {
    /// Understood: one message a sentence.
    Messages { raw: Vec<u8>, messages: Vec<Message> },
    /// Not understood, or not to be believed.
    Refused { reason: String, device: Option<String>, raw: Vec<u8> },
}

/// What must be remembered of one connection, or of one UDP peer.
#[derive(Debug, Default)]
pub struct Session {
    device: Option<String>,
}

impl Session {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one frame as [`cut`] delimits it.
    pub fn hear(&mut self, _frame: &[u8], _bases: &dyn Bases) -> Vec<Said> {
        Vec::new()
    }

    /// The stream has ended: the deltas that never found a base.
    pub fn give_up(&mut self) -> Vec<Said> {
        Vec::new()
    }

    /// The ID spoken last.
    #[must_use]
    pub fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }
}
