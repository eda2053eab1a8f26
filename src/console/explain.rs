//! One frame of the live tail or of the quarantine, explained by the node.

use crate::domain::explain::{Certainty, Explanation};

/// Lines above the table of fields, at most: what is cut off there is told by the live frames and the quarantine as
/// well.
pub const MOST_ABOVE: usize = 7;
/// Lines of the selected field below the table, rule included.
pub const BELOW: u16 = 4;
/// Lines of the body that are not fields, at most, beyond the line of headings that every list has.
pub const MOST_AROUND: usize = MOST_ABOVE + BELOW as usize;

/// How far the node is with it.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    Asked,
    Told(Explanation),
    /// Why there is none.
    Failed(String),
}

/// The frame that is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// Whose frame, and when; or why it was refused.
    pub title: String,
    /// What is known of it besides its bytes: label and text.
    pub about: Vec<(&'static str, String)>,
    /// Hex, secrets masked.
    pub raw: String,
    /// It was refused, so something is wrong with it whatever its explanation finds.
    pub is_refused: bool,
    /// Bytes it had; of a refusal only the first are in `raw`.
    pub length: usize,
    pub progress: Progress,
    /// Number of the selected field.
    pub at: usize,
}

impl Explained {
    #[must_use]
    pub fn new(title: String, about: Vec<(&'static str, String)>, raw: String, is_refused: bool) -> Self {
        let length = raw.len() / 2;
        Self { title, about, raw, is_refused, length, progress: Progress::Asked, at: 0 }
    }

    /// What the node said, once it has.
    #[must_use]
    pub fn explanation(&self) -> Option<&Explanation> {
        match &self.progress {
            Progress::Told(explanation) => Some(explanation),
            Progress::Asked | Progress::Failed(_) => None,
        }
    }

    fn fields(&self) -> usize {
        self.explanation().map_or(0, |explanation| explanation.fields.len())
    }

    /// Moves by fields.
    pub fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.fields().saturating_sub(1));
    }

    /// Goes to the next or previous field that is wrong or unknown, round at the end; `false` if there is none.
    pub fn doubtful(&mut self, forward: bool) -> bool {
        let Some(explanation) = self.explanation() else { return false };
        let is_doubtful =
            |at: &usize| explanation.fields.get(*at).is_some_and(|field| needs_a_look(field.certainty));
        let count = explanation.fields.len();
        let (before, after) = (0..self.at, self.at + 1..count);
        let found = if forward {
            after.chain(before).find(is_doubtful)
        } else {
            before.rev().chain(after.rev()).find(is_doubtful)
        };
        let here = is_doubtful(&self.at);
        self.at = found.unwrap_or(self.at);
        found.is_some() || here
    }
}

/// Whether a field is one to look at first.
#[must_use]
pub fn needs_a_look(certainty: Certainty) -> bool {
    matches!(certainty, Certainty::Wrong | Certainty::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::explain::Field;

    #[test]
    fn the_eye_goes_round_what_needs_a_look() {
        let field = |certainty| Field {
            at: 0,
            bytes: String::new(),
            length: 0,
            depth: 0,
            name: String::new(),
            value: String::new(),
            unit: String::new(),
            certainty,
        };
        use Certainty::{Captured, Documented, Inferred, Unknown, Wrong};
        let fields = [Documented, Wrong, Captured, Inferred, Unknown].map(field).to_vec();
        let mut explained = Explained::new(String::new(), Vec::new(), String::new(), false);
        assert!(!explained.doubtful(true));
        explained.progress = Progress::Told(Explanation { fields, ..Explanation::default() });
        let mut walk = |forward| {
            assert!(explained.doubtful(forward));
            explained.at
        };
        assert_eq!([walk(true), walk(true), walk(true)], [1, 4, 1]);
        assert_eq!([walk(false), walk(false)], [4, 1]);
        explained.step(isize::MAX);
        assert_eq!(explained.at, 4);
        explained.step(isize::MIN);
        assert_eq!(explained.at, 0);
    }
}
