//! A text that must never be shown, logged or stored in the clear.

use std::fmt;

/// What stands wherever a secret would.
pub const MASK: &str = "••••••";

/// An unlock password. It has no `Display`, and its `Debug` is the mask: the only way out is [`Secret::reveal`],
/// which is called where bytes for a device are made and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_tells() {
        assert_eq!(format!("{:?}", Some(Secret::new("888888"))), format!("Some({MASK})"));
    }
}
