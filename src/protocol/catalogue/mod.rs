//! Everything a device can be told, as data: which commands there are, what they take, how a model words them, how far
//! that is proven, and what will answer.
//!
//! What a command *means* (class, parameters, widest ranges) is code ([`spec`], `table`); how a model *words* it is a
//! profile (`config/profiles/*.toml`, [`profile`]), which an installer may override. A profile can name a word nobody
//! here knows; it cannot send an opening under another name, widen a range, or claim a proof.

pub mod binding;
mod compose;
mod facts;
mod file;
mod numbered;
pub mod profile;
mod shipped;
pub mod spec;
mod table;
mod template;
mod value;

pub use compose::{Args, Around, Checked, ComposeError, Composed, check, compose};
pub use facts::{Fact, facts};
pub use file::{EVENTS, WrongProfile};
pub use profile::{About, Calibration, LineUse, Offered, Profile, Profiles, Reading, ReportAck};
pub use spec::{Command, Kind, Param};
pub use table::{NEVER, NeverSent, all, find};

#[cfg(test)]
mod tests;
