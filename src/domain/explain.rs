//! A frame, field by field, for the installer who must see why.

use serde::{Deserialize, Serialize};

/// How sure it is that a field means what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The vendor's manual or SDK says so.
    Documented,
    /// Confirmed by real frames.
    Captured,
    /// Fits the data; nobody states it.
    Inferred,
    /// No paper names it.
    Unknown,
    /// The frame breaks its own rules here.
    Wrong,
}

impl Certainty {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Captured => "captured",
            Self::Inferred => "inferred",
            Self::Unknown => "unknown",
            Self::Wrong => "WRONG",
        }
    }
}

/// One field of a frame. Fields come in the order of the frame; a field may be followed by its parts (the bits of a
/// status word), which repeat its place and are one `depth` deeper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Offset of its first byte in the raw frame.
    pub at: usize,
    /// Its raw bytes (escapes included), hex, secrets as `2a`. A long field is cut to 32 bytes; `length` is whole.
    pub bytes: String,
    /// Raw bytes it takes.
    pub length: usize,
    /// 0, or 1 for a part of the field before it, and so on.
    #[serde(default)]
    pub depth: u8,
    pub name: String,
    /// What it says, without its unit; secrets masked, text cleaned.
    pub value: String,
    /// `km/h`, `%`, …; empty without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    pub certainty: Certainty,
}

/// Name of bytes that are no frame.
pub const NO_FRAME: &str = "no known frame";

/// A frame explained.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// `master binary`, `seal 0x0200`, … or [`NO_FRAME`].
    pub frame: String,
    pub fields: Vec<Field>,
    /// What is wrong with it, if anything; for bytes that are no frame also which protocol comes nearest and what
    /// keeps them from being one.
    pub verdict: Option<String>,
}

impl Explanation {
    /// The explanation of the first `kept` bytes of `length`. That they end early is then our doing: what it makes of
    /// their end is no verdict on the frame.
    #[must_use]
    pub fn of_the_first(mut self, kept: usize, length: usize) -> Self {
        if length > kept && self.frame != NO_FRAME {
            self.fields.retain(|field| field.certainty != Certainty::Wrong || field.at + field.length < kept);
            self.verdict = Some(format!(
                "only its first {kept} of {length} bytes were kept: not enough to say what is wrong"
            ));
        }
        self
    }
}
