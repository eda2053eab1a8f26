//! Who speaks for a device: the address its frames come from, and what is said of it when two addresses do.
//!
//! A device proves nothing but its number. What can be known is by which socket its frames came, and whether two
//! sockets speak in its name at the same time.

use super::journal::Transport;
use super::{DeviceKey, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;

/// Where bytes came from: one TCP connection as long as it lives, or the sender of datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    pub transport: Transport,
    pub peer: SocketAddr,
}

impl Source {
    /// Whether both are one sender as far as can be told. Address translation gives the datagrams of one device
    /// another port whenever it was quiet for a while, so of those only the IP address counts.
    #[must_use]
    pub fn is_same_sender(&self, other: &Self) -> bool {
        match (self.transport, other.transport) {
            (Transport::Udp, Transport::Udp) => self.peer.ip() == other.peer.ip(),
            _ => self == other,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.transport.word(), self.peer)
    }
}

/// What the door knows of how a frame came, beyond its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arrival {
    /// The first frame of this device by its connection: an address that was seen before is a new connection all the
    /// same (modems begin again with the same port).
    pub opens: bool,
    /// Its connection is older than one that spoke for the device before it did.
    pub overtaken: bool,
    /// Found waiting after our own reading had been held up (by a slow disk): when it came, and whether before or
    /// after another connection's frames, is not known.
    pub held: bool,
}

/// Why one ID is suspected to be used by two devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// An older connection went on speaking after a newer one had begun.
    TwoSources,
    /// It was at two places between which nothing on wheels travels in that time.
    ImpossibleJump,
    /// Its records are numbered by two counters that take turns.
    TwoCounters,
}

impl ConflictKind {
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::TwoSources => "two live sources",
            Self::ImpossibleJump => "impossible jump",
            Self::TwoCounters => "serial runs backwards",
        }
    }
}

/// What an operator decides about two sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityDecision {
    /// The source that came later is the device.
    Newest,
    /// The source that was there before is the device.
    Older,
    /// Both are the one device: a false alarm.
    Same,
}

impl IdentityDecision {
    pub const ALL: [Self; 3] = [Self::Newest, Self::Older, Self::Same];

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Older => "older",
            Self::Same => "same",
        }
    }
}

/// What an operator did about the identity of a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum IdentityAct {
    Decide { device: DeviceKey, decision: IdentityDecision, by: String, note: String },
}

/// Something about a device's identity that an operator may want to look back at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityEvent {
    pub at: Utc,
    pub what: IdentityNews,
    /// Who spoke before, and who now.
    pub first: Source,
    pub second: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityNews {
    TwoSources,
    ImpossibleJump,
    TwoCounters,
    /// It speaks another protocol of the same maker. No alarm: the families of one maker share their IDs.
    ProtocolChange,
    Decided,
}

impl From<ConflictKind> for IdentityNews {
    fn from(kind: ConflictKind) -> Self {
        match kind {
            ConflictKind::TwoSources => Self::TwoSources,
            ConflictKind::ImpossibleJump => Self::ImpossibleJump,
            ConflictKind::TwoCounters => Self::TwoCounters,
        }
    }
}

/// An operator's choice between sources, as long as it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    pub accepted: Source,
    pub rejected: Vec<Source>,
}

/// What a source is to a device whose operator has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Accepted,
    Rejected,
    /// Nobody has seen it before.
    Stranger,
}

impl Pin {
    /// The accepted source may come back by a new connection, and so may a rejected one. Who is who is told by the IP
    /// address where the two had different ones, else only by the very connection.
    #[must_use]
    pub fn standing(&self, source: &Source) -> Standing {
        let ip = source.peer.ip();
        if self.accepted.is_same_sender(source) {
            return Standing::Accepted;
        }
        if self.rejected.iter().any(|rejected| rejected.is_same_sender(source)) {
            return Standing::Rejected;
        }
        let is_rejected_ip = self.rejected.iter().any(|rejected| rejected.peer.ip() == ip);
        match (self.accepted.peer.ip() == ip, is_rejected_ip) {
            (true, false) => Standing::Accepted,
            (false, true) => Standing::Rejected,
            _ => Standing::Stranger,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(peer: &str) -> Source {
        Source { transport: Transport::Tcp, peer: peer.parse().unwrap() }
    }

    fn udp(peer: &str) -> Source {
        Source { transport: Transport::Udp, ..tcp(peer) }
    }

    #[test]
    fn datagrams_of_one_address_are_one_sender_and_connections_are_not() {
        assert!(udp("10.0.0.1:1").is_same_sender(&udp("10.0.0.1:2")));
        assert!(!udp("10.0.0.1:1").is_same_sender(&udp("10.0.0.2:1")));
        assert!(!tcp("10.0.0.1:1").is_same_sender(&tcp("10.0.0.1:2")));
        assert!(!tcp("10.0.0.1:1").is_same_sender(&udp("10.0.0.1:1")));
        assert_eq!(tcp("[::1]:8").to_string(), "tcp [::1]:8");
    }

    #[test]
    fn who_comes_back_is_known_by_ip_only_where_the_ips_differ() {
        let apart = Pin { accepted: tcp("10.0.0.1:1"), rejected: vec![tcp("10.0.0.2:1")] };
        assert_eq!(apart.standing(&tcp("10.0.0.1:1")), Standing::Accepted);
        assert_eq!(apart.standing(&tcp("10.0.0.1:9")), Standing::Accepted);
        assert_eq!(apart.standing(&udp("10.0.0.2:9")), Standing::Rejected);
        assert_eq!(apart.standing(&tcp("10.0.0.3:1")), Standing::Stranger);
        let behind_one = Pin { accepted: tcp("10.0.0.1:1"), rejected: vec![tcp("10.0.0.1:2")] };
        assert_eq!(behind_one.standing(&tcp("10.0.0.1:1")), Standing::Accepted);
        assert_eq!(behind_one.standing(&tcp("10.0.0.1:2")), Standing::Rejected);
        assert_eq!(behind_one.standing(&tcp("10.0.0.1:3")), Standing::Stranger);
    }
}
