//! What must hold of a connection, whatever it is fed. Everything here panics when it does not.

use lockyard::domain::message::Message;
use lockyard::domain::{DeviceEvent, LockState, MessageKind, PartState, Protocol};
use lockyard::protocol::frame::MAX_FRAME;
use lockyard::protocol::{Connection, Heard, HeardFrame, Memory, json};
use std::sync::Arc;

/// Steps a byte may cost. Detection looks at 32 bytes at most for each byte that may begin a frame, and on every read;
/// a delta is looked through again on every read, up to its longest of 512 bytes.
const STEPS: u64 = 80;
const STEPS_WITH_DELTAS: u64 = 640;

/// How much is checked of each message. Texts are looked through by way of JSON, which takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    Quick,
    Whole,
}

/// Something a connection told.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    Frame { raw: Vec<u8>, bofan: bool, seal: bool },
    Refused { sample: Vec<u8>, length: usize, bofan: bool },
}

/// What came of a stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// One text a frame: its messages, its raw bytes, its answers.
    pub frames: Vec<String>,
    pub count: usize,
    pub refused: usize,
    pub refusals: usize,
    pub bytes: usize,
    pub steps: u64,
}

/// A connection that is watched.
#[derive(Debug)]
pub struct Session {
    pub connection: Connection,
    depth: Depth,
    stream: Vec<u8>,
    items: Vec<Item>,
    told: Told,
}

impl Session {
    #[must_use]
    pub fn new(memory: Arc<Memory>, family: Option<Protocol>, depth: Depth) -> Self {
        Self {
            connection: Connection::with_family(memory, family),
            depth,
            stream: Vec::new(),
            items: Vec::new(),
            told: Told::default(),
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.stream.extend_from_slice(bytes);
        self.connection.push(bytes);
        self.drain();
    }

    /// The line is quiet for a while.
    pub fn quiet(&mut self) {
        if self.connection.flush() {
            self.drain();
        }
    }

    /// Ends the stream and holds what was told against it.
    #[must_use]
    pub fn finish(mut self) -> Told {
        self.connection.close();
        self.drain();
        assert_eq!(self.connection.buffered(), 0, "the stream has ended and something is kept");
        self.told.bytes = self.stream.len();
        self.told.steps = self.connection.steps();
        let a_byte = if self.stream.contains(&b'@') { STEPS_WITH_DELTAS } else { STEPS };
        let most = a_byte * (self.stream.len() as u64 + 1);
        assert!(self.told.steps <= most, "{} steps for {} bytes", self.told.steps, self.stream.len());
        self.account();
        self.told
    }

    fn drain(&mut self) {
        while let Some(heard) = self.connection.next() {
            match heard {
                Heard::Frame(frame) => self.frame(&frame),
                Heard::Refused { reason, bytes, length, protocol, .. } => {
                    if reason.starts_with("split message") {
                        assert_eq!(
                            (length, bytes.len()),
                            (0, 0),
                            "its packets were frames, and counted as such"
                        );
                        continue;
                    }
                    assert!(length > 0, "nothing refused: {reason}");
                    assert!(
                        bytes.len() <= lockyard::protocol::REFUSED_SHOWN && bytes.len() <= length + 1,
                        "{reason}"
                    );
                    self.told.refused += length;
                    self.told.refusals += 1;
                    let bofan = protocol == Protocol::Bofan;
                    self.items.push(Item::Refused { sample: bytes, length, bofan });
                }
            }
        }
        assert!(self.connection.next().is_none(), "more was told than was asked for");
        assert!(self.connection.buffered() <= MAX_FRAME, "{} bytes held", self.connection.buffered());
    }

    fn frame(&mut self, frame: &HeardFrame) {
        assert!(!frame.raw.is_empty() && frame.raw.len() <= MAX_FRAME, "{} raw bytes", frame.raw.len());
        assert!(!frame.messages.is_empty(), "a frame without a message");
        assert!(frame.sound || frame.answers.is_empty(), "an unsound frame is answered");
        assert!(self.answered(frame) <= 2 * frame.raw.len() + 64, "an answer that invites reflection");
        for message in &frame.messages {
            check(message);
        }
        self.told.count += 1;
        if self.depth == Depth::Whole {
            self.told.frames.push(shown(frame));
        }
        let bofan = frame.protocol == Protocol::Bofan;
        let seal = frame.raw.first() == Some(&0x7E);
        self.items.push(Item::Frame { raw: frame.raw.clone(), bofan, seal });
    }

    fn answered(&self, frame: &HeardFrame) -> usize {
        frame.answers.iter().map(|answer| answer.shown(true).len() / 2).sum()
    }

    /// Every byte is told of once, in order: as part of a frame, or refused, or as a blank between frames.
    fn account(&self) {
        let is_bofan = |item: &Item| match item {
            Item::Frame { bofan, .. } | Item::Refused { bofan, .. } => *bofan,
        };
        if self.items.iter().any(is_bofan) {
            self.account_roughly();
        } else {
            self.account_in_order();
        }
    }

    /// Where Bofan is spoken a delta may be told late, and a part of a frame that is refused is told beside the frame:
    /// a byte may be told of twice. The head of a frame of which no part is understood is not told of.
    fn account_roughly(&self) {
        let (mut sum, mut shared) = (0, 0);
        for item in &self.items {
            match item {
                Item::Frame { raw, seal, .. } => {
                    sum += raw.len();
                    shared += usize::from(*seal);
                }
                Item::Refused { length, .. } => sum += length,
            }
        }
        let blanks = self.stream.iter().filter(|byte| is_blank(**byte)).count();
        let least = self.stream.len().saturating_sub(blanks + 5 * self.items.len());
        assert!(sum >= least, "{sum} bytes told of {}", self.stream.len());
        assert!(sum <= 2 * self.stream.len() + shared, "{sum} bytes told of {}", self.stream.len());
    }

    fn account_in_order(&self) {
        let mut at = 0;
        // Blanks that may have been left out within what was refused, when not all of it is shown as it was.
        let mut slack = 0;
        for item in &self.items {
            let (shown, length) = match item {
                Item::Frame { raw, .. } => (raw, raw.len()),
                Item::Refused { sample, length, .. } => (sample, *length),
            };
            let gaps = matches!(item, Item::Refused { .. });
            let found = self.find(at, slack, shown, gaps);
            let Some((start, left_out)) = found else {
                panic!("not in the stream at {at}: {}\n{}", hex(shown), hex(&self.stream));
            };
            // What is refused counts no delimiter that a frame before it counted.
            let shared = usize::from(start < at);
            at = match item {
                Item::Frame { .. } => start + length,
                Item::Refused { .. } => start + shared + length + left_out,
            };
            let unsure = gaps && (length > shown.len() || shown.contains(&b'*'));
            slack = if unsure { self.blanks_from(start) } else { 0 };
            assert!(at <= self.stream.len() + slack, "more told than sent");
        }
        let rest = self.stream.get(at..).unwrap_or_default();
        let left = rest.iter().filter(|byte| !is_blank(**byte)).count();
        assert!(left <= slack, "{left} bytes not told of: {}\n{}", hex(rest), hex(&self.stream));
    }

    fn blanks_from(&self, at: usize) -> usize {
        self.stream.get(at..).unwrap_or_default().iter().filter(|byte| is_blank(**byte)).count()
    }

    /// Where `shown` stands at or after `at`, blanks before it left out, and how many blanks were left out inside it
    /// if that may be. A closing delimiter may be shared.
    fn find(&self, at: usize, slack: usize, shown: &[u8], gaps: bool) -> Option<(usize, usize)> {
        let before = at.checked_sub(1).filter(|before| self.stream.get(*before) == Some(&0x7E));
        // Nothing but a whole frame is told together with the delimiter of the one before.
        let is_frame = shown.len() > 12 && shown.first() == Some(&0x7E) && shown.get(1) != Some(&0x7E);
        if let Some(before) = before.filter(|_| is_frame)
            && let Some(left_out) = self.matches(before, shown, gaps)
        {
            return Some((before, left_out));
        }
        let mut start = at;
        let mut strides = slack;
        loop {
            if let Some(left_out) = self.matches(start, shown, gaps) {
                return Some((start, left_out));
            }
            if !is_blank(*self.stream.get(start)?) {
                strides = strides.checked_sub(1)?;
            }
            start += 1;
        }
    }

    /// How many blanks were left out at least, if `shown` stands at `start`. A star may stand for a masked byte, also
    /// for a blank, so there may be several ways to read it.
    fn matches(&self, start: usize, shown: &[u8], gaps: bool) -> Option<usize> {
        let rest = self.stream.get(start..)?;
        // Nothing that is masked begins with a blank.
        if shown.first() != rest.first() && (shown.first() != Some(&b'*') || is_blank(*rest.first()?)) {
            return None;
        }
        if !gaps || !rest.iter().take(shown.len()).any(|byte| is_blank(*byte)) {
            let mut pairs = rest.get(..shown.len())?.iter().zip(shown);
            return pairs.all(|(byte, want)| byte == want || *want == b'*').then_some(0);
        }
        let mut ends = vec![1];
        for want in shown.get(1..).unwrap_or_default() {
            let mut next = Vec::new();
            for end in ends {
                for (at, byte) in rest.iter().enumerate().skip(end) {
                    if (byte == want || *want == b'*') && !next.contains(&(at + 1)) {
                        next.push(at + 1);
                    }
                    if !gaps || !is_blank(*byte) {
                        break;
                    }
                }
            }
            ends = next;
        }
        ends.into_iter().min()?.checked_sub(shown.len())
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0 | b' ')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What must hold of every message.
fn check(message: &Message) {
    assert_eq!(message.kind == MessageKind::Invalid, message.error.is_some(), "{message:?}");
    if let Some(place) = &message.position {
        assert!(place.lat.abs() <= 90.0 && place.lon.abs() <= 180.0, "{place:?}");
        assert!(place.speed_kmh.is_none_or(|v| (0.0..7000.0).contains(&v)), "{place:?}");
        assert!(place.heading_deg.is_none_or(|v| (0.0..=360.0).contains(&v)), "{place:?}");
    }
    assert!(message.battery_pct.is_none_or(|v| v <= 100), "{message:?}");
    assert!(message.time.is_none_or(|time| time.timestamp() >= 1_104_537_600), "before 2005: {message:?}");
    // A wrong word about a lock is worse than none.
    if message.lock == Some(LockState::Locked) {
        let closed = Some(PartState::Closed);
        assert!(message.parts.motor == closed && message.parts.rope == closed, "{message:?}");
    }
    if message.kind == MessageKind::Invalid {
        let moves = |event: &DeviceEvent| {
            matches!(
                event,
                DeviceEvent::Opened { .. } | DeviceEvent::Locked { .. } | DeviceEvent::ValveClosed
            )
        };
        assert!(message.lock.is_none() && !message.events.iter().any(moves), "{message:?}");
    }
}

/// A frame as text: the objects of its messages. No text in them steers a terminal.
fn shown(frame: &HeardFrame) -> String {
    let answers: String = frame.answers.iter().map(|answer| answer.shown(false)).collect();
    let mut text = String::new();
    for message in &frame.messages {
        let object = json::object(message, Some(answers.clone()), &frame.raw);
        no_control(&object);
        text.push_str(&object.to_string());
    }
    text
}

fn no_control(value: &serde_json::Value) {
    match value {
        serde_json::Value::String(text) => {
            assert!(!text.chars().any(char::is_control), "control characters in {text:?}");
        }
        serde_json::Value::Array(values) => values.iter().for_each(no_control),
        serde_json::Value::Object(values) => values.values().for_each(no_control),
        _ => {}
    }
}
