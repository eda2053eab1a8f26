//! Which connection holds which device, and the way to write to it.

use super::Source;
use crate::domain::journal::Transport;
use crate::domain::{DeviceKey, Utc};
use chrono::TimeDelta;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Commands waiting in one session; a ninth is refused as busy.
pub(super) const OUTBOX: usize = 8;

/// A UDP address is written to only if the device was heard from it this recently: address translation forgets.
const FRESH: TimeDelta = TimeDelta::minutes(2);

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

/// One way to a device.
#[derive(Debug, Clone)]
enum Way {
    Tcp { outbox: mpsc::Sender<Outgoing>, replaced: CancellationToken },
    Udp { socket: Arc<UdpSocket>, heard: Utc },
}

#[derive(Debug, Clone)]
struct Live {
    connection: u64,
    source: Source,
    way: Way,
}

/// Where a device is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkInfo {
    pub transport: Transport,
    pub peer: SocketAddr,
}

/// The devices in contact. One way for each; the newest wins, and the older connection is told to end.
#[derive(Debug, Default)]
pub struct Sessions {
    live: Mutex<HashMap<DeviceKey, Live>>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceKey, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A valid frame of `device` came by this TCP connection. Returns the connection it replaces, if any.
    pub(super) fn heard_tcp(
        &self,
        device: &DeviceKey,
        connection: u64,
        source: Source,
        outbox: &mpsc::Sender<Outgoing>,
        replaced: &CancellationToken,
    ) -> Option<Source> {
        let mut live = self.lock();
        if let Some(known) = live.get(device)
            && known.connection >= connection
        {
            return None; // this one, or a newer one that speaks for the device
        }
        let way = Way::Tcp { outbox: outbox.clone(), replaced: replaced.clone() };
        let old = live.insert(device.clone(), Live { connection, source, way })?;
        if let Way::Tcp { replaced, .. } = &old.way {
            replaced.cancel();
            return Some(old.source);
        }
        None
    }

    /// A valid datagram of `device` came from this address.
    pub(super) fn heard_udp(&self, device: &DeviceKey, source: Source, socket: &Arc<UdpSocket>, now: Utc) {
        let mut live = self.lock();
        // A TCP connection that is alive is a better proof than a datagram anybody can forge.
        if matches!(live.get(device), Some(Live { way: Way::Tcp { .. }, .. })) {
            return;
        }
        let way = Way::Udp { socket: socket.clone(), heard: now };
        live.insert(device.clone(), Live { connection: 0, source, way });
    }

    /// A TCP connection ended: its devices are out of contact unless a newer one holds them.
    pub(super) fn ended(&self, connection: u64) -> Vec<DeviceKey> {
        let mut gone = Vec::new();
        self.lock().retain(|key, live| {
            let stays = live.connection != connection;
            if !stays {
                gone.push(key.clone());
            }
            stays
        });
        gone
    }

    /// Where a device is in contact now, if it is.
    #[must_use]
    pub fn link(&self, device: &DeviceKey, now: Utc) -> Option<LinkInfo> {
        let live = self.lock();
        let live = live.get(device)?;
        if let Way::Udp { heard, .. } = live.way
            && now - heard > FRESH
        {
            return None;
        }
        Some(LinkInfo { transport: live.source.transport, peer: live.source.peer })
    }

    /// Number of devices with a live TCP connection.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.lock().values().filter(|live| matches!(live.way, Way::Tcp { .. })).count()
    }

    /// Writes to a device, once. Never waits for room: a full outbox is `Unsent`.
    pub async fn send(&self, device: &DeviceKey, bytes: Vec<u8>, now: Utc) -> Sent {
        if self.link(device, now).is_none() {
            return Sent::Unsent;
        }
        let Some(live) = self.lock().get(device).cloned() else { return Sent::Unsent };
        match live.way {
            Way::Tcp { outbox, .. } => {
                let (done, outcome) = oneshot::channel();
                let leave_by = Instant::now() + LEAVE;
                if outbox.try_send(Outgoing { bytes, leave_by, done }).is_err() {
                    return Sent::Unsent;
                }
                // A session that ends drops its outbox and with it `done`: what it had not begun never left.
                outcome.await.unwrap_or(Sent::Unsent)
            }
            Way::Udp { socket, .. } => match socket.send_to(&bytes, live.source.peer).await {
                Ok(_) => Sent::Written,
                Err(_) => Sent::Unsent,
            },
        }
    }
}
