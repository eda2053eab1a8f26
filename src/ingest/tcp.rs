//! TCP: accepting, and one task per connection.

use super::sessions::{OUTBOX, Outgoing, Sent, Sessions};
use super::{Admission, EventSink, Limits, QUIET, Source, Ticket, Unread};
use crate::domain::DeviceKey;
use crate::domain::journal::Transport;
use crate::protocol::{Connection, Heard, HeardFrame, Memory, When};
use bytes::BytesMut;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A device that does not take its answer within this time is gone.
const WRITE: Duration = Duration::from_secs(10);

/// What all connections share.
#[derive(Debug)]
pub(super) struct Door<S> {
    pub sink: Arc<S>,
    pub sessions: Arc<Sessions>,
    pub memory: Arc<Memory>,
    pub limits: Limits,
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
    next: AtomicU64,
    open: AtomicUsize,
    refused: AtomicU64,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

impl<S> Door<S> {
    pub(super) fn new(
        sink: Arc<S>,
        sessions: Arc<Sessions>,
        memory: Arc<Memory>,
        limits: Limits,
        stop: CancellationToken,
    ) -> Self {
        Self {
            sink,
            sessions,
            memory,
            limits,
            stop,
            tasks: TaskTracker::new(),
            next: AtomicU64::new(1),
            open: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            by_address: Mutex::new(HashMap::new()),
        }
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub(super) fn turned_away(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Counts a connection in, if the bounds allow it.
    fn enter(&self, address: IpAddr) -> bool {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let here = by_address.entry(address).or_default();
        if self.open.load(Ordering::Relaxed) >= self.limits.connections || *here >= self.limits.per_address {
            if *here == 0 {
                by_address.remove(&address);
            }
            self.refused.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        *here += 1;
        self.open.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn leave(&self, address: IpAddr) {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = by_address.get_mut(&address) {
            *here -= 1;
            if *here == 0 {
                by_address.remove(&address);
            }
        }
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Accepts until told to stop. Errors of the system (out of descriptors) are waited out.
pub(super) async fn accept<S: EventSink>(listener: TcpListener, door: Arc<Door<S>>) {
    let mut wait = Duration::from_millis(10);
    loop {
        let accepted = tokio::select! {
            () = door.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                wait = Duration::from_millis(10);
                if door.enter(peer.ip()) {
                    let session = Session::new(stream, peer, door.clone());
                    door.tasks.spawn(session.run(peer.ip()));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; waiting");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(1));
            }
        }
    }
}

fn keep_alive(stream: &TcpStream) {
    let probe = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(20))
        .with_retries(3);
    let socket = socket2::SockRef::from(stream);
    let _ = socket.set_tcp_keepalive(&probe);
    let _ = socket.set_tcp_nodelay(true);
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("closed by the device")]
    Closed,
    #[error("the node stops")]
    Stopped,
    #[error("a newer connection speaks for the device")]
    Replaced,
    #[error("no valid frame in time")]
    NoFrame,
    #[error("silent for too long")]
    Idle,
    #[error("too many unreadable bytes")]
    Rubbish,
    #[error("{0}")]
    Broken(io::Error),
}

/// A frame whose answer waits for its ticket.
struct Pending {
    ticket: Ticket,
    device: DeviceKey,
    frame: HeardFrame,
}

struct Session<S> {
    stream: TcpStream,
    source: Source,
    door: Arc<Door<S>>,
    number: u64,
    connection: Connection,
    outbox: mpsc::Receiver<Outgoing>,
    way_in: mpsc::Sender<Outgoing>,
    replaced: CancellationToken,
    device: Option<DeviceKey>,
    valid: bool,
    rubbish: usize,
    since_valid: Instant,
}

impl<S: EventSink> Session<S> {
    fn new(stream: TcpStream, peer: SocketAddr, door: Arc<Door<S>>) -> Self {
        keep_alive(&stream);
        let (way_in, outbox) = mpsc::channel(OUTBOX);
        Self {
            stream,
            source: Source { transport: Transport::Tcp, peer },
            number: door.next.fetch_add(1, Ordering::Relaxed),
            connection: Connection::new(door.memory.clone()),
            outbox,
            way_in,
            replaced: door.stop.child_token(),
            device: None,
            valid: false,
            rubbish: 0,
            since_valid: Instant::now(),
            door,
        }
    }

    async fn run(mut self, address: IpAddr) {
        let end = self.talk().await;
        self.connection.finish();
        let left = self.take_in().await;
        drop(left);
        self.door.leave(address);
        let gone = self.door.sessions.ended(self.number);
        let who = self.device.as_ref().map_or_else(|| "nobody known".to_owned(), ToString::to_string);
        tracing::debug!(peer = %self.source.peer, device = who, held = gone.len(), why = %end, "connection ended");
    }

    async fn talk(&mut self) -> End {
        let mut buffer = BytesMut::with_capacity(512);
        loop {
            let deadline = if self.valid {
                self.since_valid + self.door.limits.idle
            } else {
                self.since_valid + self.door.limits.first_frame
            };
            tokio::select! {
                biased;
                () = self.door.stop.cancelled() => return End::Stopped,
                () = self.replaced.cancelled() => return End::Replaced,
                Some(outgoing) = self.outbox.recv() => {
                    if let Err(error) = self.write_command(outgoing).await {
                        return End::Broken(error);
                    }
                    continue;
                }
                read = self.stream.read_buf(&mut buffer) => match read {
                    Ok(0) => return End::Closed,
                    Ok(_) => {
                        self.connection.push(&buffer);
                        buffer.clear();
                    }
                    Err(error) => return End::Broken(error),
                },
                () = tokio::time::sleep(QUIET), if self.connection.waits_for_quiet() => {
                    self.connection.flush();
                }
                () = tokio::time::sleep_until(deadline) => {
                    return if self.valid { End::Idle } else { End::NoFrame };
                }
            }
            let pending = self.take_in().await;
            if let Err(error) = self.answer(pending).await {
                return End::Broken(error);
            }
            if self.rubbish > self.door.limits.rubbish_bytes {
                return End::Rubbish;
            }
        }
    }

    /// Everything the connection has understood so far: stored, quarantined or counted. What needs no store is
    /// answered at once.
    async fn take_in(&mut self) -> Vec<Pending> {
        let mut pending = Vec::new();
        while let Some(heard) = self.connection.next() {
            match heard {
                Heard::Frame(frame) => {
                    if let Some(waiting) = self.hear(*frame).await {
                        pending.push(waiting);
                    }
                }
                Heard::Refused { reason, protocol, device, bytes, length } => {
                    self.rubbish = self.rubbish.saturating_add(length);
                    let unread = Unread { reason, protocol, device, bytes, length };
                    self.door.sink.unread(&unread, self.device.as_ref(), self.source);
                }
            }
        }
        pending
    }

    async fn hear(&mut self, frame: HeardFrame) -> Option<Pending> {
        let told = frame.messages.first().and_then(crate::domain::Message::device_key);
        let Some(device) = told.or_else(|| self.device.clone()) else {
            let unread = super::nameless(&frame);
            self.door.sink.unread(&unread, None, self.source);
            return None;
        };
        self.valid = true;
        self.rubbish = 0;
        self.since_valid = Instant::now();
        self.device = Some(device.clone());
        match self.door.sink.admit(&device, &frame, self.source).await {
            Admission::Quarantined => {
                let answered = self.answer_at_once(&frame).await;
                self.door.sink.quarantine(&device, &frame, self.source);
                self.door.sink.fate(&device, &frame, self.source, "quarantined", answered);
                None
            }
            Admission::Enrolled => self.hear_enrolled(device, frame).await,
        }
    }

    async fn hear_enrolled(&mut self, device: DeviceKey, frame: HeardFrame) -> Option<Pending> {
        if let Some(old) =
            self.door.sessions.heard_tcp(&device, self.number, self.source, &self.way_in, &self.replaced)
        {
            tracing::info!(%device, old = %old.peer, new = %self.source.peer, "new connection replaces the old one");
        }
        self.door.sink.password(&device, &frame);
        self.answer_at_once(&frame).await;
        match self.door.sink.store(super::record(&device, &frame, self.source)).await {
            Ok(ticket) => Some(Pending { ticket, device, frame }),
            Err(why) => {
                let fate = format!("not stored: {why}");
                self.door.sink.fate(&device, &frame, self.source, &fate, false);
                None
            }
        }
    }

    async fn answer_at_once(&mut self, frame: &HeardFrame) -> bool {
        let bytes = super::answer_bytes(&frame.answers, When::AtOnce, self.door.sink.now());
        if bytes.is_empty() {
            return false;
        }
        self.write(&bytes).await.is_ok()
    }

    /// Waits for the commits, then writes all answers of one read in one piece.
    async fn answer(&mut self, pending: Vec<Pending>) -> io::Result<()> {
        let mut out = Vec::new();
        for Pending { ticket, device, frame } in pending {
            match ticket.await {
                Ok(()) => {
                    let bytes = super::answer_bytes(&frame.answers, When::Durable, self.door.sink.now());
                    self.door.sink.fate(&device, &frame, self.source, "stored", !frame.answers.is_empty());
                    out.extend(bytes);
                }
                Err(why) => {
                    let fate = format!("not stored: {why}");
                    self.door.sink.fate(&device, &frame, self.source, &fate, false);
                }
            }
        }
        if out.is_empty() { Ok(()) } else { self.write(&out).await }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match tokio::time::timeout(WRITE, self.stream.write_all(bytes)).await {
            Ok(result) => result,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Writes a command once. A part of it that left counts as all of it.
    async fn write_command(&mut self, outgoing: Outgoing) -> io::Result<()> {
        let Outgoing { bytes, done } = outgoing;
        let first = match tokio::time::timeout(WRITE, self.stream.write(&bytes)).await {
            Ok(Ok(n)) if n > 0 => n,
            Ok(Ok(_)) => {
                let _ = done.send(Sent::Unsent);
                return Err(io::ErrorKind::WriteZero.into());
            }
            Ok(Err(error)) => {
                let _ = done.send(Sent::Unsent);
                return Err(error);
            }
            Err(_) => {
                let _ = done.send(Sent::Unsent);
                return Err(io::ErrorKind::TimedOut.into());
            }
        };
        let _ = done.send(Sent::Written);
        match bytes.get(first..) {
            Some(rest) if !rest.is_empty() => self.write(rest).await,
            _ => Ok(()),
        }
    }
}
