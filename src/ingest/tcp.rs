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
    /// Writing failed: nothing more is written, what was understood is still stored.
    broken: Option<io::Error>,
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
            broken: None,
            door,
        }
    }

    async fn run(mut self, address: IpAddr) {
        let end = self.talk().await;
        self.connection.finish();
        let left = self.take_in().await;
        // It says no more but may still listen. In any other case what is left is stored and not answered.
        if matches!(end, End::Closed) {
            self.answer(left).await;
        }
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
                    self.write_command(outgoing).await;
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
            self.answer(pending).await;
            if let Some(error) = self.broken.take() {
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
        if let Some(old) =
            self.door.sessions.heard_tcp(&device, self.number, self.source, &self.way_in, &self.replaced)
        {
            tracing::info!(%device, old = %old.peer, new = %self.source.peer, "new connection replaces the old one");
        }
        if self.door.sink.pieces(&device, &frame) {
            self.door.sink.fate(&device, &frame, self.source, super::PIECE, false);
            return None;
        }
        self.door.sink.password(&device, &frame);
        let bytes = super::answer_bytes(&frame.answers, When::AtOnce, self.door.sink.now());
        self.write(&bytes).await;
        match self.door.sink.store(super::record(&device, &frame, self.source)).await {
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

#[cfg(test)]
mod tests {
    use super::super::{Admission, FrameRecord};
    use super::*;
    use crate::domain::Utc;
    use tokio::sync::oneshot;

    /// For a session that hears nothing.
    struct Nobody;

    impl EventSink for Nobody {
        async fn admit(&self, _: &DeviceKey, _: &HeardFrame, _: Source) -> Admission {
            unreachable!("nothing is heard")
        }
        async fn store(&self, _: FrameRecord) -> Result<Ticket, String> {
            unreachable!("nothing is heard")
        }
        fn try_store(&self, _: FrameRecord) -> Result<Ticket, String> {
            unreachable!("nothing is heard")
        }
        fn quarantine(&self, _: &DeviceKey, _: &HeardFrame, _: Source) {}
        fn unread(&self, _: &Unread, _: Option<&DeviceKey>, _: Source) {}
        fn pieces(&self, _: &DeviceKey, _: &HeardFrame) -> bool {
            unreachable!("nothing is heard")
        }
        fn password(&self, _: &DeviceKey, _: &HeardFrame) {}
        fn fate(&self, _: &DeviceKey, _: &HeardFrame, _: Source, _: &str, _: bool) {}
        fn now(&self) -> Utc {
            Utc::UNIX_EPOCH
        }
    }

    /// A session held up (by a store that is slow, by a device that does not read) must not let an opening leave that
    /// somebody has long taken for lost.
    #[tokio::test]
    async fn a_command_that_waited_too_long_in_its_session_never_leaves() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (device, accepted) =
            tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (mut device, (stream, peer)) = (device.unwrap(), accepted.unwrap());
        let limits = Limits {
            connections: 1,
            per_address: 1,
            first_frame: Duration::from_secs(9),
            idle: Duration::from_secs(9),
            rubbish_bytes: 99,
        };
        let stop = CancellationToken::new();
        let door = Door::new(Arc::new(Nobody), Arc::default(), Arc::default(), limits, stop.clone());
        let session = Session::new(stream, peer, Arc::new(door));
        let way_in = session.way_in.clone();
        let running = tokio::spawn(session.run(peer.ip()));
        let send = |bytes: &[u8], leave_by| {
            let (done, outcome) = oneshot::channel();
            way_in.try_send(Outgoing { bytes: bytes.to_vec(), leave_by, done }).unwrap();
            outcome
        };
        let late = send(b"(late)", Instant::now() - Duration::from_millis(1));
        let soon = send(b"(soon)", Instant::now() + Duration::from_secs(5));
        assert_eq!((late.await, soon.await), (Ok(Sent::Unsent), Ok(Sent::Written)));
        stop.cancel();
        running.await.unwrap();
        let mut all = String::new();
        device.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "(soon)");
    }
}
