//! Everything that can happen to a console.

use crate::domain::Utc;
use crate::ipc::client::LinkEvent;
use crossterm::event::KeyEvent;

#[derive(Debug, Clone, PartialEq)]
pub enum Msg {
    Key(KeyEvent),
    /// Text pasted into the terminal: data for a text field, never keys.
    Paste(String),
    Resize(u16, u16),
    Link(LinkEvent),
    /// Time goes on.
    Tick(Utc),
    /// A request could not even be handed to the link.
    NotSent(u64),
    /// The screen is about to be drawn: bring lists and scroll positions up to date.
    Frame(Utc),
}
