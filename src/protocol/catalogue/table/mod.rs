//! Every command lockyard knows, by protocol, and the words that are never sent.

mod bofan;
mod legacy;
mod master;
mod refused;
mod seal;

pub(super) use refused::never;
pub use refused::{NEVER, NeverSent};

use super::spec::Command;
use crate::domain::Protocol;

/// All commands, protocol by protocol.
pub fn all() -> impl Iterator<Item = &'static Command> {
    [master::COMMANDS, seal::COMMANDS, legacy::COMMANDS, bofan::COMMANDS].into_iter().flatten()
}

#[must_use]
pub fn find(protocol: Protocol, name: &str) -> Option<&'static Command> {
    all().find(|command| command.protocol == protocol && command.name == name)
}
