//! The front door: one file per verb, no logic of its own.

pub mod decode;
