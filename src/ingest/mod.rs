//! Sockets and device sessions: bytes from the port to messages, answers back, commands out. What may be stored and
//! answered is decided behind [`EventSink`], which the node implements.

mod listener;
mod senders;
mod sessions;
mod tcp;
mod udp;

pub use listener::{ListenError, Listeners, bind};
pub use sessions::{LinkInfo, Outgoing, Sent, Sessions};

use crate::domain::identity::Arrival;
pub use crate::domain::identity::Source;
use crate::domain::journal::FrameRecord;
use crate::domain::{DeviceKey, Protocol, Utc};
use crate::protocol::{Answer, HeardFrame, REFUSED_SHOWN, When};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// What may be done with the frames of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Stored, and answered once durable.
    Enrolled,
    /// Held in memory for the operator; only registrations, heartbeats and time requests are answered, so that the
    /// device keeps its records until somebody enrols it.
    Quarantined,
}

/// Bytes that could not be read as a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Unread {
    pub reason: String,
    pub protocol: Protocol,
    pub device: Option<String>,
    /// The first of them, secrets masked.
    pub bytes: Vec<u8>,
    pub length: usize,
}

/// How a frame came to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    New,
    /// The very same frame was stored before and is not stored again; the device did not get its answer.
    Before,
}

impl Durable {
    fn fate(self) -> &'static str {
        match self {
            Self::New => "stored",
            Self::Before => "duplicate",
        }
    }
}

/// Resolves when a frame is durable. An error means: not stored, so it must not be answered.
pub type Ticket = Pin<Box<dyn Future<Output = Result<Durable, String>> + Send>>;

/// Where frames go.
pub trait EventSink: Send + Sync + 'static {
    /// Decides about a frame's device; with auto-enrolment it enrols it first.
    fn admit(
        &self,
        device: &DeviceKey,
        frame: &HeardFrame,
        source: Source,
    ) -> impl Future<Output = Admission> + Send;

    /// Hands a frame to the store. Waits while the store's queue is full: the session stops reading meanwhile.
    fn store(&self, record: FrameRecord) -> impl Future<Output = Result<Ticket, String>> + Send;

    /// The same without waiting, for datagrams: an error when the queue is full (counted as dropped).
    fn try_store(&self, record: FrameRecord) -> Result<Ticket, String>;

    /// A frame of a device that is not enrolled.
    fn quarantine(&self, device: &DeviceKey, frame: &HeardFrame, source: Source);

    /// Bytes that could not be read; `device` is the session's, if it has one.
    fn unread(&self, unread: &Unread, device: Option<&DeviceKey>, source: Source);

    /// Pieces of a photo in a frame of an enrolled device. Tells whether the frame is nothing else: then it is not
    /// stored, the whole photo is. A piece counts only from where the device was asked for it.
    fn pieces(&self, device: &DeviceKey, frame: &HeardFrame, source: Source) -> bool;

    /// A dynamic unlock password the device told.
    fn password(&self, device: &DeviceKey, frame: &HeardFrame);

    /// Whether this very frame was taken in before.
    fn is_repeat(&self, record: &FrameRecord) -> bool;

    /// A datagram that was not read, because its address sent too many.
    fn dropped(&self, source: Source);

    /// For the live tail: what became of a frame, and what was answered.
    fn fate(&self, device: &DeviceKey, frame: &HeardFrame, source: Source, fate: &str, answered: bool);

    fn now(&self) -> Utc;
}

/// Bounds at the door. What happens when one is reached stands beside it.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections in all: one more is closed at once and counted.
    pub connections: usize,
    /// Connections of one address: the same.
    pub per_address: usize,
    /// Without a valid frame for this long after the start: closed.
    pub first_frame: Duration,
    /// Silent for this long: closed.
    pub idle: Duration,
    /// Unreadable bytes since the last valid frame: closed.
    pub rubbish_bytes: usize,
    /// Datagrams of one IP address in a second: more are dropped unread and counted, see `senders`.
    pub datagrams: u32,
    /// A connection that is only a witness, because a newer one speaks for its device, and quiet for this long: closed.
    pub witness: Duration,
}

/// A line that was quiet this long ends a frame that only what follows could end.
const QUIET: Duration = Duration::from_millis(300);

/// Fate of a frame that is nothing but pieces of a photo.
const PIECE: &str = "piece of a photo";

/// How long a superseded connection is listened to. The dead ones that mobile devices leave behind say nothing more; a
/// second device with the same number reports or beats within it.
pub const WITNESS: Duration = Duration::from_secs(120);

/// After so long without reading, what is found waiting may have come any time before: see [`Arrival::held`].
const HELD_UP: Duration = Duration::from_secs(2);

/// The journal's record of a frame.
fn record(device: &DeviceKey, frame: &HeardFrame, source: Source) -> FrameRecord {
    FrameRecord {
        device: device.clone(),
        transport: source.transport,
        peer: source.peer,
        arrival: Arrival::default(),
        messages: frame.messages.clone(),
        raw: frame.raw.clone(),
        base: frame.aside.base.clone(),
    }
}

/// What a source that an operator rejected says is journalled, but no delta of the accepted one builds on it.
fn without_base(record: &mut FrameRecord, is_rejected: bool) {
    if is_rejected {
        record.base = None;
    }
}

/// A frame that names no device, on a connection that has not named one either.
fn nameless(frame: &HeardFrame) -> Unread {
    Unread {
        reason: "a frame that names no device".into(),
        protocol: frame.protocol,
        device: None,
        bytes: frame.raw.iter().copied().take(REFUSED_SHOWN).collect(),
        length: frame.raw.len(),
    }
}

/// The bytes of what a device in quarantine is answered. Not a password: answered, it is never told again.
fn greeting_bytes(frame: &HeardFrame, now: Utc) -> Vec<u8> {
    if frame.password.is_some() { Vec::new() } else { answer_bytes(&frame.answers, When::AtOnce, now) }
}

/// The bytes of the answers that may be sent now, in order.
fn answer_bytes(answers: &[Answer], when: When, now: Utc) -> Vec<u8> {
    answers.iter().filter(|answer| answer.when == when).flat_map(|answer| answer.bytes(now)).collect()
}

/// The running door: every listener's tasks.
#[derive(Debug)]
pub struct Ingest<S> {
    door: std::sync::Arc<tcp::Door<S>>,
}

/// Starts serving devices.
pub fn start<S: EventSink>(
    listeners: Listeners,
    sink: std::sync::Arc<S>,
    sessions: std::sync::Arc<Sessions>,
    memory: std::sync::Arc<crate::protocol::Memory>,
    limits: Limits,
) -> Ingest<S> {
    let stop = tokio_util::sync::CancellationToken::new();
    let door = std::sync::Arc::new(tcp::Door::new(sink, sessions, memory, limits, stop));
    for listener in listeners.tcp {
        door.tasks.spawn(tcp::accept(listener, door.clone()));
    }
    for socket in listeners.udp {
        door.tasks.spawn(udp::receive(socket, door.clone()));
    }
    Ingest { door }
}

impl<S> Ingest<S> {
    /// Reads the number of open connections, and of those turned away at the bounds.
    pub fn counter(&self) -> impl Fn() -> (usize, u64) + Send + use<S>
    where
        S: EventSink,
    {
        let door = self.door.clone();
        move || (door.open(), door.turned_away())
    }

    /// Stops reading, lets every session finish the answers it owes, and returns when all have ended.
    pub async fn stop(&self) {
        self.door.stop.cancel();
        self.door.tasks.close();
        self.door.tasks.wait().await;
    }
}
