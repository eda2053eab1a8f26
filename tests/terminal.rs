//! The built program in a pseudo-terminal: what its user sees, types and gets back when it ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

#[path = "terminal/attached.rs"]
mod attached;
#[path = "terminal/demo.rs"]
mod demo;
#[path = "terminal/leaving.rs"]
mod leaving;
#[path = "terminal/pty.rs"]
mod pty;
