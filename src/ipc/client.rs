//! The console's end of a node: the same words over an in-memory duplex or over the socket.

use super::wire::{FromNode, Hello, Request};
use std::time::Duration;
use tokio::sync::mpsc;

/// What happens on the link to the node.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkEvent {
    /// Connected; the node greeted. Everything known before is stale until the next snapshot.
    Up(Hello),
    Message(FromNode),
    /// The node is out of reach; the next try comes in `retry_in`, or never when `None`.
    Down {
        why: String,
        retry_in: Option<Duration>,
    },
}

/// Requests in flight that have not been written yet; a console that outruns this waits.
pub const REQUESTS: usize = 32;

/// Two ends of a running link. Dropping `to_node` ends it.
#[derive(Debug)]
pub struct Link {
    pub to_node: mpsc::Sender<Request>,
    pub from_node: mpsc::Receiver<LinkEvent>,
}
