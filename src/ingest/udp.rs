//! UDP: one task reads, a bounded number of datagrams wait for their commit, answers go to the sender's address.
//!
//! A forged sender makes us write to whomever the forger likes: so what is answered to one datagram is never longer than
//! the datagram, but for [`MORE`] bytes (a seal's heartbeat of 15 bytes is answered by 20, its registration and its
//! time request by a little more), and an address is heard only so often (`senders`). A longer answer is not sent: the
//! device keeps its record and sends again.

use super::senders::Senders;
use super::tcp::Door;
use super::{Admission, EventSink, HELD_UP, Source, Ticket, Unread};
use crate::domain::DeviceKey;
use crate::domain::identity::Arrival;
use crate::domain::journal::Transport;
use crate::protocol::{Connection, Heard, HeardFrame, Memory, When};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::time::Instant;

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
struct Peers {
    clock: u64,
    started: Instant,
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
        peer.connection.at(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX));
        peer
    }
}

/// Bytes by which the answers to a datagram may be longer than the datagram.
const MORE: usize = 32;

/// Largest datagram taken; longer ones are cut by the system and fail their framing.
const LARGEST: usize = 4096;

pub(super) async fn receive<S: EventSink>(socket: UdpSocket, door: Arc<Door<S>>) {
    let socket = Arc::new(socket);
    let waiting = Arc::new(Semaphore::new(WAITING));
    let mut buffer = vec![0; LARGEST];
    let mut peers = Peers { clock: 0, started: Instant::now(), by_address: HashMap::new() };
    let mut senders = Senders::new(door.limits.datagrams);
    let mut held = false;
    loop {
        let resumed = Instant::now();
        let Ok(permit) = waiting.clone().acquire_owned().await else { return };
        held |= resumed.elapsed() > HELD_UP;
        let received = tokio::select! {
            () = door.stop.cancelled() => return,
            received = read(&socket, &mut buffer, &mut held) => received,
        };
        let Ok((length, peer)) = received else { continue }; // an ICMP error of an earlier answer
        let Some(bytes) = buffer.get(..length) else { continue };
        let source = Source { transport: Transport::Udp, peer };
        if !senders.admit(peer.ip(), Instant::now()) {
            door.sink.dropped(source);
            continue;
        }
        let mut hearing = Hearing {
            source,
            socket: &socket,
            door: &door,
            room: length.saturating_add(MORE),
            held,
            pending: Vec::new(),
        };
        hearing.take_in(bytes, peers.at(peer, &door.memory)).await;
        let Hearing { pending, room, .. } = hearing;
        if pending.is_empty() {
            continue;
        }
        let (socket, door2) = (socket.clone(), door.clone());
        door.tasks.spawn(async move {
            answer(pending, room, source, &socket, &door2).await;
            drop(permit);
        });
    }
}

/// Takes the datagram that is there, or waits for one: see [`Arrival::held`].
async fn read(
    socket: &UdpSocket,
    buffer: &mut [u8],
    held: &mut bool,
) -> std::io::Result<(usize, SocketAddr)> {
    if *held {
        match socket.try_recv_from(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => *held = false,
            there => return there,
        }
    }
    socket.recv_from(buffer).await
}

struct Pending {
    ticket: Ticket,
    device: DeviceKey,
    frame: HeardFrame,
}

/// Hearing one datagram.
struct Hearing<'a, S> {
    source: Source,
    socket: &'a Arc<UdpSocket>,
    door: &'a Arc<Door<S>>,
    /// Bytes that may still be answered.
    room: usize,
    held: bool,
    pending: Vec<Pending>,
}

impl<S: EventSink> Hearing<'_, S> {
    async fn take_in(&mut self, bytes: &[u8], peer: &mut Peer) {
        let Peer { connection, device, .. } = peer;
        connection.push(bytes);
        connection.finish();
        while let Some(heard) = connection.next() {
            match heard {
                Heard::Frame(frame) => self.hear(*frame, device).await,
                Heard::Refused { reason, protocol, device: told, bytes, length } => {
                    let unread = Unread { reason, protocol, device: told, bytes, length };
                    self.door.sink.unread(&unread, device.as_ref(), self.source);
                }
            }
        }
    }

    async fn hear(&mut self, frame: HeardFrame, session: &mut Option<DeviceKey>) {
        let sink = &self.door.sink;
        let told = frame.messages.first().and_then(crate::domain::Message::device_key);
        let Some(device) = told.or_else(|| session.clone()) else {
            return sink.unread(&super::nameless(&frame), None, self.source);
        };
        *session = Some(device.clone());
        let admission = sink.admit(&device, &frame, self.source).await;
        let now = sink.now();
        let at_once = match admission {
            Admission::Enrolled => super::answer_bytes(&frame.answers, When::AtOnce, now),
            Admission::Quarantined => super::greeting_bytes(&frame, now),
        };
        let answered = send(&at_once, &mut self.room, self.source, self.socket).await;
        if admission == Admission::Quarantined {
            sink.quarantine(&device, &frame, self.source);
            sink.fate(&device, &frame, self.source, "quarantined", answered);
            return;
        }
        let mut record = super::record(&device, &frame, self.source);
        record.arrival = Arrival { held: self.held, ..Arrival::default() };
        self.door.sessions.heard_udp(&device, self.source, self.socket, sink.is_repeat(&record), now);
        if sink.pieces(&device, &frame, self.source) {
            return sink.fate(&device, &frame, self.source, super::PIECE, false);
        }
        let is_rejected = self.door.sessions.is_rejected(&device, &self.source);
        super::without_base(&mut record, is_rejected);
        if !is_rejected {
            sink.password(&device, &frame);
        }
        match sink.try_store(record) {
            Ok(ticket) => self.pending.push(Pending { ticket, device, frame }),
            Err(why) => sink.fate(&device, &frame, self.source, &format!("not stored: {why}"), false),
        }
    }
}

/// Sends an answer if there is one and room for it. Tells whether it went.
async fn send(bytes: &[u8], room: &mut usize, to: Source, socket: &UdpSocket) -> bool {
    if bytes.is_empty() || bytes.len() > *room {
        return false;
    }
    *room -= bytes.len();
    socket.send_to(bytes, to.peer).await.is_ok()
}

async fn answer<S: EventSink>(
    pending: Vec<Pending>,
    mut room: usize,
    source: Source,
    socket: &UdpSocket,
    door: &Door<S>,
) {
    for Pending { ticket, device, frame } in pending {
        match ticket.await {
            Ok(durable) => {
                let bytes = super::answer_bytes(&frame.answers, When::Durable, door.sink.now());
                let sent = send(&bytes, &mut room, source, socket).await;
                // What was answered at once counts, too.
                let answered = sent || (bytes.is_empty() && !frame.answers.is_empty());
                door.sink.fate(&device, &frame, source, durable.fate(), answered);
            }
            Err(why) => door.sink.fate(&device, &frame, source, &format!("not stored: {why}"), false),
        }
    }
}
