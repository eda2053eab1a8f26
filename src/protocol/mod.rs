//! Bytes in, messages out; commands in, bytes out. No sockets, no tokio, no clock, no logging of payloads.
//!
//! `Connection` is what an ingest session talks to: it takes bytes as they come, detects the protocol, cuts frames
//! and decodes them. A protocol is one folder with `frame` (cut), `decode` (mean), `reply` (answer), `encode`
//! (commands).

pub mod bofan;
pub mod frame;
pub mod heard;

pub use frame::Cut;
pub use heard::{Answer, AnswerBody, HeardFrame, TimeShape, When};
