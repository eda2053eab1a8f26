//! UDP: one task reads, a bounded number of datagrams wait for their commit, answers go to the sender's address.

use super::tcp::Door;
use super::{Admission, EventSink, Source, Ticket, Unread};
use crate::domain::DeviceKey;
use crate::domain::journal::Transport;
use crate::protocol::{Connection, Heard, HeardFrame, When};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;

/// Datagrams whose commit is awaited; one more is read only when one of them is done.
const WAITING: usize = 1024;

/// Largest datagram taken; longer ones are cut by the system and fail their framing.
const LARGEST: usize = 4096;

pub(super) async fn receive<S: EventSink>(socket: UdpSocket, door: Arc<Door<S>>) {
    let socket = Arc::new(socket);
    let waiting = Arc::new(Semaphore::new(WAITING));
    let mut buffer = vec![0; LARGEST];
    loop {
        let Ok(permit) = waiting.clone().acquire_owned().await else { return };
        let received = tokio::select! {
            () = door.stop.cancelled() => return,
            received = socket.recv_from(&mut buffer) => received,
        };
        let Ok((length, peer)) = received else { continue }; // an ICMP error of an earlier answer
        let Some(bytes) = buffer.get(..length) else { continue };
        let pending = take_in(bytes, peer, &socket, &door).await;
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
    peer: SocketAddr,
    socket: &Arc<UdpSocket>,
    door: &Arc<Door<S>>,
) -> Vec<Pending> {
    let source = Source { transport: Transport::Udp, peer };
    let mut connection = Connection::new(door.memory.clone());
    connection.push(bytes);
    connection.finish();
    let mut device = None;
    let mut pending = Vec::new();
    while let Some(heard) = connection.next() {
        match heard {
            Heard::Frame(frame) => {
                pending.extend(hear(*frame, source, &mut device, socket, door).await);
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
