//! lockyard: one port for cargo locks, valve locks and vehicle trackers, and a console for the people who watch them.
//!
//! ```text
//! TCP/UDP bytes                                                       operator's terminal
//!      |                                                                     ^
//!   ingest  -> protocol (detect, frame, decode)          console <- keys, updates
//!      |  ^ reply after commit   |                           |  ^
//!      |  |                 domain::Message                  v  |
//!      +--+--> store (journal) --> fleet (fold) --> node --> ipc/wire
//!                                     ^                |
//!                                command <-------------+
//! ```
//!
//! Arrows point inwards: outside rooms know `domain`, `domain` knows nobody. `tests/architecture.rs` holds everyone
//! to it.

pub mod cli;
pub mod command;
pub mod config;
pub mod console;
pub mod domain;
pub mod fleet;
pub mod ingest;
pub mod ipc;
pub mod node;
pub mod photo;
pub mod profile;
pub mod protocol;
pub mod simulate;
pub mod store;
pub mod telemetry;
