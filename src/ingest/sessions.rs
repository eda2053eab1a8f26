//! Which connections speak for which device, and the one way by which it may be written to.
//!
//! A command goes by the newest way that proved itself: by a valid frame that is not the repetition of one that was
//! heard before (anybody may have overheard that). Older TCP connections stay open as witnesses: if one of them speaks
//! again, two devices use one number, which the fold finds out. They are closed when they have been quiet for a while.
//!
//! - A **TCP connection** takes over with its first such frame: its sender can at least be reached there. Until then
//!   the device has no way at all, unless the older connection goes on speaking.
//! - A **datagram** proves less, anybody can write any sender's address on it. It takes over only while the present way
//!   is stale (not heard for [`FRESH`]), or from another port of the same IP address.
//! - Where an operator chose a source ([`Pin`]) no other is written to.

use super::Source;
use crate::domain::identity::{Pin, Standing};
use crate::domain::journal::Transport;
use crate::domain::{DeviceKey, Utc};
use chrono::TimeDelta;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Commands waiting in one session; a ninth is refused as busy.
pub(super) const OUTBOX: usize = 8;

/// A UDP address is written to only if the device was heard from it this recently: address translation forgets. And a
/// way not heard for this long gives way to a datagram from elsewhere.
const FRESH: TimeDelta = TimeDelta::minutes(2);

/// Ways remembered of one device: the newest, and witnesses. When one more comes the oldest ends.
const WAYS: usize = 4;

/// What became of bytes for a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Handed to the system whole, or in part before the line broke: they may arrive.
    Written,
    /// Not a byte left.
    Unsent,
}

/// A command that its session could not begin to write within this time never leaves: whoever sent it must not see it
/// leave when they have long given it up.
const LEAVE: Duration = Duration::from_secs(5);

/// Bytes for a device, and where to say what became of them.
#[derive(Debug)]
pub struct Outgoing {
    pub bytes: Vec<u8>,
    /// Not one byte may leave later.
    pub leave_by: Instant,
    pub done: oneshot::Sender<Sent>,
}

/// The session's end of a TCP way.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub number: u64,
    pub source: Source,
    pub outbox: mpsc::Sender<Outgoing>,
    /// A newer one speaks for the device: this one is a witness from now on.
    pub superseded: Arc<Notify>,
    /// There are too many: this one must end.
    pub end: CancellationToken,
}

#[derive(Debug, Clone)]
enum Way {
    Tcp(Line),
    Udp(Arc<UdpSocket>),
}

#[derive(Debug, Clone)]
struct Live {
    source: Source,
    way: Way,
    began: Utc,
    heard: Utc,
    /// It sent more than repetitions.
    proven: bool,
}

impl Live {
    fn number(&self) -> Option<u64> {
        match &self.way {
            Way::Tcp(line) => Some(line.number),
            Way::Udp(_) => None,
        }
    }

    fn is_fresh(&self, now: Utc) -> bool {
        now - self.heard <= FRESH
    }
}

/// Where a device is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkInfo {
    pub transport: Transport,
    pub peer: SocketAddr,
}

/// What a frame by a TCP connection came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Heard {
    /// The first frame, repetitions aside, of this device by this connection.
    pub opens: bool,
    /// A connection that was opened later spoke before.
    pub overtaken: bool,
    /// The way that it superseded.
    pub superseded: Option<Source>,
}

/// All ways of one device, oldest first.
#[derive(Debug, Default)]
struct Ways {
    live: Vec<Live>,
    pin: Option<Pin>,
}

impl Ways {
    fn is_empty(&self) -> bool {
        self.live.is_empty() && self.pin.is_none()
    }

    /// The one that may be written to.
    fn current(&self, now: Utc) -> Option<&Live> {
        let accepted = |live: &&Live| {
            self.pin.as_ref().is_none_or(|pin| pin.standing(&live.source) == Standing::Accepted)
        };
        let newest = self.live.iter().rev().find(accepted)?;
        let way = if newest.proven {
            newest
        } else {
            // Somebody repeats what was heard before. Only who went on speaking since is known to be there.
            let went_on = |live: &&Live| live.proven && live.heard > newest.began;
            self.live.iter().rev().filter(accepted).find(went_on)?
        };
        let usable = matches!(way.way, Way::Tcp(_)) || way.is_fresh(now);
        usable.then_some(way)
    }

    /// Puts a way behind all others, as the newest; what was newest is a witness from now on.
    fn push(&mut self, live: Live) -> Option<Source> {
        let before = self.live.last().map(|before| {
            if let Way::Tcp(line) = &before.way {
                line.superseded.notify_one();
            }
            before.source
        });
        self.live.push(live);
        self.trim();
        before
    }

    fn trim(&mut self) {
        if self.live.len() > WAYS
            && let Way::Tcp(line) = self.live.remove(0).way
        {
            line.end.cancel();
        }
    }

    fn others_are_witnesses(&self, number: u64) {
        for live in &self.live {
            if let Way::Tcp(line) = &live.way
                && line.number != number
            {
                line.superseded.notify_one();
            }
        }
    }

    /// A way that was superseded speaks: it is the newest again if the one that is has fallen silent.
    fn speaks(&mut self, at: usize, now: Utc) {
        let stale = self.live.last().is_some_and(|newest| match newest.way {
            Way::Udp(_) => !newest.is_fresh(now),
            Way::Tcp(_) => false,
        });
        if stale && at + 1 < self.live.len() {
            let live = self.live.remove(at);
            self.push(live);
        }
    }

    fn hear_tcp(&mut self, line: &Line, again: bool, now: Utc) -> Heard {
        if let Some(at) = self.live.iter().position(|live| live.number() == Some(line.number)) {
            let opens = self.live.get_mut(at).is_some_and(|live| {
                live.heard = now;
                let was_proven = live.proven;
                live.proven |= !again;
                !was_proven && !again
            });
            let overtaken = opens && self.live.iter().any(|other| other.number() > Some(line.number));
            if opens && !overtaken {
                self.others_are_witnesses(line.number);
            }
            self.speaks(at, now);
            return Heard { opens, overtaken, superseded: None };
        }
        let live =
            Live { source: line.source, way: Way::Tcp(line.clone()), began: now, heard: now, proven: !again };
        let newer = self.live.iter().position(|other| other.number() > Some(line.number));
        match newer {
            Some(at) => {
                self.live.insert(at, live);
                self.trim();
                line.superseded.notify_one();
                Heard { opens: !again, overtaken: !again, superseded: None }
            }
            None => Heard { opens: !again, overtaken: false, superseded: self.push(live) },
        }
    }

    fn hear_udp(&mut self, source: Source, socket: &Arc<UdpSocket>, again: bool, now: Utc) {
        if let Some(at) = self.live.iter().position(|live| live.source.is_same_sender(&source)) {
            if let Some(live) = self.live.get_mut(at) {
                live.heard = now;
                // Another port of the same IP address.
                live.source = if again { live.source } else { source };
            }
            self.speaks(at, now);
            return;
        }
        if again || self.live.last().is_some_and(|newest| newest.is_fresh(now)) {
            return; // nobody knows who that is, and somebody else is there
        }
        let way = Way::Udp(socket.clone());
        self.push(Live { source, way, began: now, heard: now, proven: true });
    }
}

/// The devices in contact.
#[derive(Debug, Default)]
pub struct Sessions {
    devices: Mutex<HashMap<DeviceKey, Ways>>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceKey, Ways>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A valid frame of `device` came by this TCP connection; `again` if that very frame was heard before.
    pub(super) fn heard_tcp(&self, device: &DeviceKey, line: &Line, again: bool, now: Utc) -> Heard {
        self.lock().entry(device.clone()).or_default().hear_tcp(line, again, now)
    }

    /// A valid datagram of `device` came from this address.
    pub(super) fn heard_udp(
        &self,
        device: &DeviceKey,
        source: Source,
        socket: &Arc<UdpSocket>,
        again: bool,
        now: Utc,
    ) {
        self.lock().entry(device.clone()).or_default().hear_udp(source, socket, again, now);
    }

    /// Whether this connection is only a witness now: a newer one speaks for its device.
    pub(super) fn is_witness(&self, device: &DeviceKey, number: u64, now: Utc) -> bool {
        let devices = self.lock();
        let current = devices.get(device).and_then(|ways| ways.current(now));
        current.is_some_and(|live| live.number() != Some(number))
    }

    /// A TCP connection ended: its devices are out of contact unless another way leads to them.
    pub(super) fn ended(&self, number: u64) -> Vec<DeviceKey> {
        let mut gone = Vec::new();
        self.lock().retain(|key, ways| {
            let before = ways.live.len();
            ways.live.retain(|live| live.number() != Some(number));
            if ways.live.len() < before {
                gone.push(key.clone());
            }
            !ways.is_empty()
        });
        gone
    }

    /// An operator's choice between the sources of a device, or that there is none any more. Only the chosen one is
    /// written to from now on.
    pub fn pin(&self, device: &DeviceKey, pin: Option<Pin>) {
        let mut devices = self.lock();
        let ways = devices.entry(device.clone()).or_default();
        ways.pin = pin;
        for live in &ways.live {
            if let Way::Tcp(line) = &live.way {
                line.superseded.notify_one(); // each looks whether it is
            }
        }
        if ways.is_empty() {
            devices.remove(device);
        }
    }

    /// Whether what this source tells is to be believed at all.
    pub(super) fn is_rejected(&self, device: &DeviceKey, source: &Source) -> bool {
        let devices = self.lock();
        let pin = devices.get(device).and_then(|ways| ways.pin.as_ref());
        pin.is_some_and(|pin| pin.standing(source) == Standing::Rejected)
    }

    /// Where a device is in contact now, if it is.
    #[must_use]
    pub fn link(&self, device: &DeviceKey, now: Utc) -> Option<LinkInfo> {
        let devices = self.lock();
        let Source { transport, peer } = devices.get(device)?.current(now)?.source;
        Some(LinkInfo { transport, peer })
    }

    /// Number of devices with a live TCP connection.
    #[must_use]
    pub fn connected(&self) -> usize {
        let has_line = |ways: &&Ways| ways.live.iter().any(|live| live.number().is_some());
        self.lock().values().filter(has_line).count()
    }

    /// Writes to a device, once. Never waits for room: a full outbox is `Unsent`.
    pub async fn send(&self, device: &DeviceKey, bytes: Vec<u8>, now: Utc) -> Sent {
        let live = self.lock().get(device).and_then(|ways| ways.current(now)).cloned();
        let Some(live) = live else { return Sent::Unsent };
        match live.way {
            Way::Tcp(line) => {
                let (done, outcome) = oneshot::channel();
                let leave_by = Instant::now() + LEAVE;
                if line.outbox.try_send(Outgoing { bytes, leave_by, done }).is_err() {
                    return Sent::Unsent;
                }
                // A session that ends drops its outbox and with it `done`: what it had not begun never left.
                outcome.await.unwrap_or(Sent::Unsent)
            }
            Way::Udp(socket) => match socket.send_to(&bytes, live.source.peer).await {
                Ok(_) => Sent::Written,
                Err(_) => Sent::Unsent,
            },
        }
    }
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
