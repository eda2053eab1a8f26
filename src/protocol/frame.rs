//! Cutting frames from a buffer: the shape every protocol's framer has.

/// Longest frame of any protocol but for pictures; a header that promises more is refused before its body is read.
pub const MAX_FRAME: usize = 4096;

/// What stands at the start of a buffer, as far as its bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// A frame of this many bytes.
    Frame(usize),
    /// A frame of this many bytes, if nothing follows: cut it when more bytes have come and the answer is
    /// [`Cut::Frame`], or when the line was quiet or ended.
    Quiet(usize),
    /// Not yet decidable.
    NeedMore,
    /// Not a frame: skip this many bytes (at least one) and look again. The reason is counted.
    Bad { skip: usize, reason: &'static str },
}
