//! What is true now: a pure fold over the journal, and the rows consoles see of it.

pub mod alarms;
mod code;
pub mod commands;
pub mod device;
mod endings;
mod evidence;
pub mod identity;
mod openings;
pub mod orders;
mod past;
pub mod photos;
mod rows;
mod seal;
pub mod snapshot;
pub mod state;
mod tracks;
pub mod unknowns;

pub use commands::Times;
pub use rows::WakePlan;
pub use state::{Changes, FORMAT, Outcome, State};
