//! Between a node and its consoles.
pub mod client;
pub mod wire;
