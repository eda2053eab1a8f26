//! TCP: accepting, and one task per connection.

use super::sessions::{Line, OUTBOX, Outgoing, Sent, Sessions};
use super::{Admission, EventSink, HELD_UP, Limits, QUIET, Source, Ticket, Unread};
use crate::domain::DeviceKey;
use crate::domain::identity::Arrival;
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
    #[error("quiet since a newer connection speaks for the device")]
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
    connection: Connection,
    outbox: mpsc::Receiver<Outgoing>,
    line: Line,
    /// A newer connection speaks for its device since then.
    witness_since: Option<Instant>,
    /// What is read may have waited for long.
    held: bool,
    device: Option<DeviceKey>,
    valid: bool,
    rubbish: usize,
    started: Instant,
    since_valid: Instant,
    /// Writing failed: nothing more is written, what was understood is still stored.
    broken: Option<io::Error>,
}

impl<S: EventSink> Session<S> {
    fn new(stream: TcpStream, peer: SocketAddr, door: Arc<Door<S>>) -> Self {
        keep_alive(&stream);
        let (way_in, outbox) = mpsc::channel(OUTBOX);
        let source = Source { transport: Transport::Tcp, peer };
        let line = Line {
            number: door.next.fetch_add(1, Ordering::Relaxed),
            source,
            outbox: way_in,
            superseded: Arc::default(),
            end: door.stop.child_token(),
        };
        Self {
            stream,
            source,
            connection: Connection::new(door.memory.clone()),
            outbox,
            line,
            witness_since: None,
            held: false,
            device: None,
            valid: false,
            rubbish: 0,
            started: Instant::now(),
            since_valid: Instant::now(),
            broken: None,
            door,
        }
    }

    async fn run(mut self, address: IpAddr) {
        let end = self.talk().await;
        self.connection.close();
        let left = self.take_in().await;
        // It says no more but may still listen. In any other case what is left is stored and not answered.
        if matches!(end, End::Closed) {
            self.answer(left).await;
        }
        self.door.leave(address);
        let gone = self.door.sessions.ended(self.line.number);
        let who = self.device.as_ref().map_or_else(|| "nobody known".to_owned(), ToString::to_string);
        tracing::debug!(peer = %self.source.peer, device = who, held = gone.len(), why = %end, "connection ended");
    }

    async fn talk(&mut self) -> End {
        let mut buffer = BytesMut::with_capacity(512);
        let mut last_read = Instant::now();
        loop {
            self.held |= last_read.elapsed() > HELD_UP;
            let deadline = self.deadline();
            tokio::select! {
                biased;
                () = self.door.stop.cancelled() => return End::Stopped,
                () = self.line.end.cancelled() => return End::Replaced,
                () = self.line.superseded.notified() => {
                    self.witness_since = Some(Instant::now());
                }
                Some(outgoing) = self.outbox.recv() => {
                    self.write_command(outgoing).await;
                }
                read = read(&mut self.stream, &mut buffer, &mut self.held) => match read {
                    Ok(0) => return End::Closed,
                    Ok(_) => {
                        self.connection.at(self.age());
                        self.connection.push(&buffer);
                        buffer.clear();
                    }
                    Err(error) => return End::Broken(error),
                },
                () = tokio::time::sleep(QUIET), if self.connection.waits_for_quiet() => {
                    self.connection.flush();
                }
                () = until(self.started, self.connection.due()) => self.connection.at(self.age()),
                () = tokio::time::sleep_until(deadline) => match self.overdue() {
                    Some(end) => return end,
                    None => self.witness_since = None,
                }
            }
            last_read = Instant::now();
            let pending = self.take_in().await;
            self.answer(pending).await;
            if let Some(error) = self.broken.take() {
                return End::Broken(error);
            }
            if self.rubbish > self.door.limits.rubbish_bytes {
                return End::Rubbish;
            }
        }
    }

    /// Milliseconds since it began.
    fn age(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// When this connection has been quiet for too long.
    fn deadline(&self) -> Instant {
        let limits = &self.door.limits;
        let quiet = if self.valid { limits.idle } else { limits.first_frame };
        let as_witness = self.witness_since.map(|since| since.max(self.since_valid) + limits.witness);
        let deadline = self.since_valid + quiet;
        as_witness.map_or(deadline, |sooner| sooner.min(deadline))
    }

    /// Why it ends now that its time is over; `None` if it has only ceased to be a witness.
    fn overdue(&self) -> Option<End> {
        let limits = &self.door.limits;
        if !self.valid {
            return Some(End::NoFrame);
        }
        if Instant::now() >= self.since_valid + limits.idle {
            return Some(End::Idle);
        }
        let now = self.door.sink.now();
        let is_witness = |device: &DeviceKey| self.door.sessions.is_witness(device, self.line.number, now);
        self.device.as_ref().filter(|device| is_witness(device)).map(|device| {
            tracing::info!(%device, peer = %self.source.peer, "a superseded connection was quiet and is closed");
            End::Replaced
        })
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
                let bytes = super::greeting_bytes(&frame, self.door.sink.now());
                let answered = self.write(&bytes).await;
                self.door.sink.quarantine(&device, &frame, self.source);
                self.door.sink.fate(&device, &frame, self.source, "quarantined", answered);
                None
            }
            Admission::Enrolled => self.hear_enrolled(device, frame).await,
        }
    }

    async fn hear_enrolled(&mut self, device: DeviceKey, frame: HeardFrame) -> Option<Pending> {
        let mut record = super::record(&device, &frame, self.source);
        let (sink, sessions) = (&self.door.sink, &self.door.sessions);
        let heard = sessions.heard_tcp(&device, &self.line, sink.is_repeat(&record), sink.now());
        if let Some(old) = heard.superseded {
            tracing::info!(%device, %old, new = %self.source, "a new connection supersedes the old one, which is kept as a witness");
        }
        if self.door.sink.pieces(&device, &frame, self.source) {
            self.door.sink.fate(&device, &frame, self.source, super::PIECE, false);
            return None;
        }
        record.arrival = Arrival { opens: heard.opens, overtaken: heard.overtaken, held: self.held };
        let is_rejected = self.door.sessions.is_rejected(&device, &self.source);
        super::without_base(&mut record, is_rejected);
        if !is_rejected {
            self.door.sink.password(&device, &frame);
        }
        let bytes = super::answer_bytes(&frame.answers, When::AtOnce, self.door.sink.now());
        self.write(&bytes).await;
        match self.door.sink.store(record).await {
            Ok(ticket) => Some(Pending { ticket, device, frame }),
            Err(why) => {
                let fate = format!("not stored: {why}");
                self.door.sink.fate(&device, &frame, self.source, &fate, false);
                None
            }
        }
    }

    /// Waits for the commits, then writes all answers of one read in one piece.
    async fn answer(&mut self, pending: Vec<Pending>) {
        let mut out = Vec::new();
        for Pending { ticket, device, frame } in pending {
            match ticket.await {
                Ok(durable) => {
                    let bytes = super::answer_bytes(&frame.answers, When::Durable, self.door.sink.now());
                    let answered = self.broken.is_none() && !frame.answers.is_empty();
                    self.door.sink.fate(&device, &frame, self.source, durable.fate(), answered);
                    out.extend(bytes);
                }
                Err(why) => {
                    let fate = format!("not stored: {why}");
                    self.door.sink.fate(&device, &frame, self.source, &fate, false);
                }
            }
        }
        self.write(&out).await;
    }

    /// Writes an answer, if there is one. Tells whether it was written; after a failure nothing is any more, because
    /// a part of it may have left.
    async fn write(&mut self, bytes: &[u8]) -> bool {
        if bytes.is_empty() || self.broken.is_some() {
            return false;
        }
        let written = tokio::time::timeout(WRITE, self.stream.write_all(bytes)).await;
        self.broken = written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).err();
        self.broken.is_none()
    }

    /// Writes a command once. A part of it that left counts as all of it.
    async fn write_command(&mut self, outgoing: Outgoing) {
        let Outgoing { bytes, leave_by, done } = outgoing;
        if Instant::now() > leave_by {
            let _ = done.send(Sent::Unsent);
            return;
        }
        let first = match tokio::time::timeout_at(leave_by, self.stream.write(&bytes)).await {
            Ok(Ok(0)) => Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        match first {
            Ok(first) => {
                let _ = done.send(Sent::Written);
                self.write(bytes.get(first..).unwrap_or_default()).await;
            }
            Err(error) => {
                let _ = done.send(Sent::Unsent);
                self.broken = Some(error);
            }
        }
    }
}

/// Waits until so many milliseconds after `start`, or for ever.
async fn until(start: Instant, due: Option<u64>) {
    match due {
        Some(due) => tokio::time::sleep_until(start + Duration::from_millis(due)).await,
        None => std::future::pending().await,
    }
}

/// Reads what is there, or waits for it. Where it had to wait nothing can have waited for us: `held` ends.
async fn read(stream: &mut TcpStream, buffer: &mut BytesMut, held: &mut bool) -> io::Result<usize> {
    if *held {
        match stream.try_read_buf(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => *held = false,
            there => return there,
        }
    }
    stream.read_buf(buffer).await
}

#[cfg(test)]
#[path = "tcp_tests.rs"]
mod tests;
