//! When the terminal is gone and the program stays.

use nix::fcntl::OFlag;
use nix::unistd::{dup2_stdin, pipe2};

/// Puts a line that stays open and silent in the place of a terminal that hung up.
///
/// The reader of keys (crossterm 0.29) does not take end-of-file for an end: on a terminal that is gone it would look
/// again for ever and burn a processor in a node that goes on.
///
/// # Errors
/// If the system gives no pipe.
pub fn replace_terminal() -> nix::Result<()> {
    let (reader, writer) = pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC)?;
    dup2_stdin(&reader)?;
    // Closed, it would be an end-of-file again.
    std::mem::forget(writer);
    Ok(())
}
