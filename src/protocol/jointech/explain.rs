//! Jointech frames, field by field.

use crate::domain::explain::Explanation;
use crate::protocol::detect::Framing;

/// Explains one whole frame.
pub(crate) fn explain(_frame: &[u8], framing: Framing) -> Explanation {
    Explanation { frame: format!("{framing:?}"), ..Explanation::default() }
}
