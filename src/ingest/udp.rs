//! UDP: one task reads, a bounded number of datagrams wait for their commit, answers go to the sender's address.

use super::tcp::Door;
use super::{Admission, EventSink, Source, Ticket, Unread};
use crate::domain::DeviceKey;
use crate::domain::journal::Transport;
use crate::protocol::{Connection, Heard, HeardFrame, Memory, When};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;

/// Datagrams whose commit is awaited; one more is read only when one of them is done.
const WAITING: usize = 1024;

/// Senders whose dialect is remembered, so that a tracker's delta finds its base; beyond that the half not heard for
/// longest is forgotten, and their deltas wait for the next full sentence.
const PEERS: usize = 4096;

/// What one sender has said so far.
struct Peer {
    connection: Connection,
    device: Option<DeviceKey>,
    heard: u64,
}

/// The senders of one socket, by address.
#[derive(Default)]
struct Peers {
    clock: u64,
    by_address: HashMap<SocketAddr, Peer>,
}

impl Peers {
    fn at(&mut self, address: SocketAddr, memory: &Arc<Memory>) -> &mut Peer {
        self.clock = self.clock.saturating_add(1);
        if self.by_address.len() >= PEERS && !self.by_address.contains_key(&address) {
            let mut heard: Vec<u64> = self.by_address.values().map(|peer| peer.heard).collect();
            let (_, middle, _) = heard.select_nth_unstable(PEERS / 2);
            let middle = *middle;
            self.by_address.retain(|_, peer| peer.heard > middle);
        }
        let peer = self.by_address.entry(address).or_insert_with(|| Peer {
            connection: Connection::new(memory.clone()),
            device: None,
            heard: 0,
        });
        peer.heard = self.clock;
        peer
    }
}

/// Largest datagram taken; longer ones are cut by the system and fail their framing.
const LARGEST: usize = 4096;

pub(super) async fn receive<S: EventSink>(socket: UdpSocket, door: Arc<Door<S>>) {
    let socket = Arc::new(socket);
    let waiting = Arc::new(Semaphore::new(WAITING));
    let mut buffer = vec![0; LARGEST];
    let mut peers = Peers::default();
    loop {
        let Ok(permit) = waiting.clone().acquire_owned().await else { return };
        let received = tokio::select! {
            () = door.stop.cancelled() => return,
            received = socket.recv_from(&mut buffer) => received,
        };
        let Ok((length, peer)) = received else { continue }; // an ICMP error of an earlier answer
        let Some(bytes) = buffer.get(..length) else { continue };
        let pending = take_in(bytes, peer, peers.at(peer, &door.memory), &socket, &door).await;
        if pending.is_empty() {
            continue;
        }
        let (socket, door2) = (socket.clone(), door.clone());
        door.tasks.spawn(async move {
            answer(pending, peer, &socket, &door2).await;
            drop(permit);
        });
    }
}

struct Pending {
    ticket: Ticket,
    device: DeviceKey,
    frame: HeardFrame,
}

async fn take_in<S: EventSink>(
    bytes: &[u8],
    address: SocketAddr,
    peer: &mut Peer,
    socket: &Arc<UdpSocket>,
    door: &Arc<Door<S>>,
) -> Vec<Pending> {
    let source = Source { transport: Transport::Udp, peer: address };
    let Peer { connection, device, .. } = peer;
    connection.push(bytes);
    connection.finish();
    let mut pending = Vec::new();
    while let Some(heard) = connection.next() {
        match heard {
            Heard::Frame(frame) => {
                pending.extend(hear(*frame, source, device, socket, door).await);
            }
            Heard::Refused { reason, protocol, device: told, bytes, length } => {
                let unread = Unread { reason, protocol, device: told, bytes, length };
                door.sink.unread(&unread, device.as_ref(), source);
            }
        }
    }
    pending
}

async fn hear<S: EventSink>(
    frame: HeardFrame,
    source: Source,
    session: &mut Option<DeviceKey>,
    socket: &Arc<UdpSocket>,
    door: &Arc<Door<S>>,
) -> Option<Pending> {
    let told = frame.messages.first().and_then(crate::domain::Message::device_key);
    let Some(device) = told.or_else(|| session.clone()) else {
        door.sink.unread(&super::nameless(&frame), None, source);
        return None;
    };
    *session = Some(device.clone());
    let admission = door.sink.admit(&device, &frame, source).await;
    let now = door.sink.now();
    let at_once = match admission {
        Admission::Enrolled => super::answer_bytes(&frame.answers, When::AtOnce, now),
        Admission::Quarantined => super::greeting_bytes(&frame, now),
    };
    if !at_once.is_empty() {
        let _ = socket.send_to(&at_once, source.peer).await;
    }
    if admission == Admission::Quarantined {
        door.sink.quarantine(&device, &frame, source);
        door.sink.fate(&device, &frame, source, "quarantined", !at_once.is_empty());
        return None;
    }
    door.sessions.heard_udp(&device, source, socket, now);
    if door.sink.pieces(&device, &frame) {
        door.sink.fate(&device, &frame, source, super::PIECE, false);
        return None;
    }
    door.sink.password(&device, &frame);
    match door.sink.try_store(super::record(&device, &frame, source)) {
        Ok(ticket) => Some(Pending { ticket, device, frame }),
        Err(why) => {
            door.sink.fate(&device, &frame, source, &format!("not stored: {why}"), false);
            None
        }
    }
}

async fn answer<S: EventSink>(pending: Vec<Pending>, peer: SocketAddr, socket: &UdpSocket, door: &Door<S>) {
    let source = Source { transport: Transport::Udp, peer };
    for Pending { ticket, device, frame } in pending {
        match ticket.await {
            Ok(durable) => {
                let bytes = super::answer_bytes(&frame.answers, When::Durable, door.sink.now());
                if !bytes.is_empty() {
                    let _ = socket.send_to(&bytes, peer).await;
                }
                door.sink.fate(&device, &frame, source, durable.fate(), !frame.answers.is_empty());
            }
            Err(why) => door.sink.fate(&device, &frame, source, &format!("not stored: {why}"), false),
        }
    }
}
