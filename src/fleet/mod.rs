//! What is true now: a pure fold over the journal.
pub mod snapshot;
