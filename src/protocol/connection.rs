//! One connection's bytes in, frames out. Sans-IO: an ingest session pushes what it read and asks for what it heard.

use super::detect::{Detected, Framing, LONGEST_PREFIX, detect, may_start};
use super::frame::{Cut, MAX_FRAME};
use super::heard::HeardFrame;
use super::jointech::{self, Progress};
use super::memory::Memory;
use super::{bofan, refused::Refusal};
use crate::domain::{DeviceKey, Maker, MessageKind, Protocol};
use std::collections::VecDeque;
use std::sync::Arc;

/// What came out of a connection.
#[derive(Debug, Clone)]
pub enum Heard {
    /// A whole frame.
    Frame(Box<HeardFrame>),
    /// Bytes that are no frame, or one that must not be believed. Never answered. A run of rubbish is one of these,
    /// or several if it came in several reads.
    Refused {
        reason: String,
        protocol: Protocol,
        /// The ID, if it could be read.
        device: Option<String>,
        /// The first [`REFUSED_SHOWN`](super::REFUSED_SHOWN) bytes, secrets masked as far as one can tell.
        bytes: Vec<u8>,
        /// How many bytes were refused; 0 for a message of which packets are missing (those that came were heard).
        /// A 7E shared with the frame before is among `bytes` but was counted there.
        length: usize,
    },
}

/// The bytes of one TCP connection, or of one UDP peer.
///
/// Call [`Connection::push`], then [`Connection::next`] until `None`. After 300 ms of quiet, if
/// [`Connection::waits_for_quiet`], call [`Connection::flush`] and `next` again. At the end of the stream call
/// [`Connection::close`] and `next` again.
///
/// One UDP datagram is one or more whole frames: push it, call `finish`, drain. The same connection may be used for
/// the peer's next datagram, or a new one made by [`Connection::with_family`]; no bytes are kept from one to the next,
/// but for the packets of messages that come in several and deltas whose base has not come.
///
/// The work is linear in the bytes, however they are split ([`Connection::steps`] counts it), and what is held of an
/// unfinished frame never exceeds [`MAX_FRAME`]; a longer one is refused.
#[derive(Debug)]
pub struct Connection {
    memory: Arc<Memory>,
    family: Option<Protocol>,
    /// Deltas are believed after Bofan was spoken, and held before anything was: captured, a tracker begins a new
    /// connection with one.
    knows_bofan: bool,
    bofan: bofan::Session,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that are done with.
    start: usize,
    /// The frame that begins at `start`, once detected.
    head: Option<Head>,
    /// The byte at `start` is the closing 7E of a seal frame: done with there, but it may open the next, too.
    borrowed: bool,
    /// The bytes before `start` were rubbish: blanks that follow belong to it.
    in_rubbish: bool,
    quiet: bool,
    ended: bool,
    waits: bool,
    refusal: Option<Refusal>,
    ready: VecDeque<Heard>,
    /// Messages that come in several packets.
    split: jointech::Packets,
    closed: bool,
    steps: u64,
}

/// A detected frame and how far it has been looked through.
#[derive(Debug, Clone, Copy)]
struct Head {
    framing: Framing,
    progress: Option<Progress>,
    /// Bytes that were there when a Bofan sentence was last looked through in vain.
    seen: usize,
    /// Bytes of a Bofan sentence that are known to hold no end.
    scanned: usize,
}

impl Head {
    fn new(framing: Framing) -> Self {
        let progress = match framing {
            Framing::JointechText => Some(Progress::text()),
            Framing::Seal => Some(Progress::seal()),
            _ => None,
        };
        Self { framing, progress, seen: 0, scanned: 1 }
    }
}

impl Connection {
    #[must_use]
    pub fn new(memory: Arc<Memory>) -> Self {
        Self::with_family(memory, None)
    }

    /// For a UDP peer that is known to speak `family`.
    #[must_use]
    pub fn with_family(memory: Arc<Memory>, family: Option<Protocol>) -> Self {
        Self {
            memory,
            family,
            knows_bofan: family == Some(Protocol::Bofan),
            bofan: bofan::Session::new(),
            buffer: Vec::new(),
            start: 0,
            head: None,
            borrowed: false,
            in_rubbish: false,
            quiet: false,
            ended: false,
            waits: false,
            refusal: None,
            ready: VecDeque::new(),
            split: jointech::Packets::default(),
            closed: false,
            steps: 0,
        }
    }

    /// Takes bytes as they were read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.quiet = false;
        self.ended = false;
        self.make_room();
        self.buffer.extend_from_slice(bytes);
    }

    /// What was heard next; `None` when more bytes are needed.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator that ends and goes on after a push would mislead"
    )]
    pub fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some(heard) = self.ready.pop_front() {
                return Some(heard);
            }
            if self.step() {
                continue;
            }
            self.tell_refusal();
            if self.closed {
                let said = self.bofan.give_up();
                self.said(said);
                self.split.close();
                self.tell_given_up();
            }
            if self.ready.is_empty() {
                return None;
            }
        }
    }

    /// The line was quiet for 300 ms: closes deltas and sentences that end in CR. Tells whether `next` may now have
    /// something.
    pub fn flush(&mut self) -> bool {
        self.quiet = true;
        self.waits
    }

    /// A datagram has ended: flushes, and `next` tells what is left over as refused. Deltas that wait for their base,
    /// and packets for their message, wait on: the next datagram may bring it.
    pub fn finish(&mut self) {
        self.quiet = true;
        self.ended = true;
    }

    /// The connection has ended for good: like `finish`, and deltas and messages of which a part is missing are given up.
    pub fn close(&mut self) {
        self.finish();
        self.closed = true;
    }

    /// Tells what time it is, in milliseconds since any moment of the caller's choice, before bytes are pushed and at
    /// the moment that [`Connection::due`] names. Only messages in several packets need it: what is not whole after
    /// 30 s is given up, and `next` tells so. Without it they wait until `close`.
    pub fn at(&mut self, now_ms: u64) {
        self.split.at(now_ms);
        self.tell_given_up();
    }

    /// When `at` must be called at the latest, if anything waits for time to pass.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        self.split.due()
    }

    fn tell_given_up(&mut self) {
        for jointech::GivenUp { device, reason } in self.split.given_up() {
            let refusal = Refusal::frame(reason, Protocol::JointechSeal, Some(device));
            self.ready.push_back(refusal.tell());
        }
    }

    /// Whether a frame is complete if nothing follows, as of the last `next`.
    #[must_use]
    pub fn waits_for_quiet(&self) -> bool {
        self.waits
    }

    /// Bytes held of an unfinished frame.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.rest().len().saturating_sub(usize::from(self.borrowed))
    }

    /// Forgets which family is spoken, so that the next frame is detected afresh. Bofan deltas stay believed.
    pub fn forget_family(&mut self) {
        self.family = None;
    }

    /// The family of the last frame.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        self.family
    }

    /// Bytes looked at so far, each as often as it was looked at: proof that the work is linear.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn count(&mut self, bytes: usize) {
        self.steps = self.steps.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Drops what is done with, when that is all or much: an idle connection holds next to nothing.
    fn make_room(&mut self) {
        if self.rest().is_empty() {
            self.start = 0;
            self.buffer.clear();
            self.buffer.shrink_to(MAX_FRAME / 4);
        } else if self.start >= MAX_FRAME {
            self.count(self.rest().len());
            self.buffer.drain(..self.start);
            self.start = 0;
        }
    }

    /// Handles what stands at the head of the buffer; false if nothing can be done until more is known.
    fn step(&mut self) -> bool {
        self.waits = false;
        self.skip_blanks();
        if self.rest().is_empty() {
            return false;
        }
        let head = match self.head {
            Some(head) => head,
            None => match self.detect() {
                Detected::Is(framing) => Head::new(framing),
                Detected::NeedMore if self.ended => {
                    if !self.return_borrowed() {
                        self.refuse(1, Refusal::rubbish("bytes that begin no frame"));
                    }
                    return true;
                }
                Detected::NeedMore => return false,
                Detected::Unknown => {
                    if !self.return_borrowed() {
                        self.skip_rubbish();
                    }
                    return true;
                }
            },
        };
        let (head, cut) = self.cut(head);
        self.head = Some(head);
        let there = self.rest().len();
        match cut {
            Cut::Frame(n) if (1..=there).contains(&n) => self.take_frame(head.framing, n),
            Cut::Quiet(n) if (1..=there).contains(&n) && (self.quiet || self.ended) => {
                self.take_frame(head.framing, n);
            }
            Cut::Quiet(_) => {
                self.waits = true;
                return false;
            }
            // A broken delta may have swallowed the start of the next one, which is looked for nowhere else.
            Cut::Bad { skip, reason } if head.framing == Framing::BofanDelta && self.knows_bofan => {
                self.refuse_frame(skip.clamp(1, there), reason.to_owned());
                self.in_rubbish = false;
            }
            // Whatever it says may be skipped: another family's frame may stand inside. Each framing's search ends at
            // the next start of its own kind, so looking again stays linear.
            Cut::Bad { reason, .. } => self.refuse_frame(1, reason.to_owned()),
            Cut::Frame(_) | Cut::NeedMore if self.ended => {
                let reason = self.ends_after();
                self.refuse_frame(1, reason);
            }
            Cut::Frame(_) | Cut::NeedMore if there > MAX_FRAME => {
                self.refuse_frame(1, format!("frame is longer than {MAX_FRAME} bytes"));
            }
            Cut::Frame(_) | Cut::NeedMore => return false,
        }
        true
    }

    /// Between frames CR, LF, NUL and space are nobody's.
    fn skip_blanks(&mut self) {
        if self.head.is_some() || self.in_rubbish {
            return;
        }
        let blanks = self.rest().iter().take_while(|b| matches!(**b, b'\r' | b'\n' | 0 | b' ')).count();
        self.count(blanks);
        self.start = self.start.saturating_add(blanks);
    }

    fn detect(&mut self) -> Detected {
        let prefix = self.rest().get(..LONGEST_PREFIX.min(self.rest().len())).unwrap_or_default();
        let detected = detect(prefix);
        let looked = prefix.len();
        let is_delta = prefix.first() == Some(&b'@');
        self.count(looked);
        let believed = (self.knows_bofan || self.family.is_none()) && !self.in_rubbish;
        if is_delta && !believed { Detected::Unknown } else { detected }
    }

    /// Leaves out the closing 7E of the frame before, if that is what stands here.
    fn return_borrowed(&mut self) -> bool {
        let borrowed = std::mem::take(&mut self.borrowed);
        if borrowed {
            self.start = self.start.saturating_add(1);
        }
        borrowed
    }

    fn skip_rubbish(&mut self) {
        let rest = self.rest();
        let n = rest.iter().skip(1).position(|b| may_start(*b)).map_or(rest.len(), |n| n.saturating_add(1));
        self.count(n);
        self.refuse(n, Refusal::rubbish("bytes that begin no frame"));
    }

    /// Whether and where the frame at the head ends.
    fn cut(&mut self, mut head: Head) -> (Head, Cut) {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let (looked, cut) = match (head.framing, &mut head.progress) {
            (_, Some(progress)) => {
                let before = progress.looked();
                let cut = progress.cut(rest);
                (progress.looked().saturating_sub(before).max(1), cut)
            }
            (Framing::MasterBinary, _) => (1, whole(rest, jointech::binary_length(rest, true))),
            (Framing::LegacyBinary, _) => (1, whole(rest, jointech::binary_length(rest, false))),
            _ => cut_bofan(rest, &mut head),
        };
        self.count(looked);
        (head, cut)
    }

    fn take_frame(&mut self, framing: Framing, n: usize) {
        // Out of `self` while it is read, so that a frame is copied once, when it is kept.
        let buffer = std::mem::take(&mut self.buffer);
        let bytes = buffer.get(self.start..self.start.saturating_add(n)).unwrap_or_default();
        let outcome = self.read_frame(framing, bytes);
        self.buffer = buffer;
        match outcome {
            Outcome::Heard(heard) => {
                self.count(n);
                self.consume(n);
                self.accept(*heard);
            }
            Outcome::Said(said) => {
                self.count(n);
                self.consume(n);
                self.knows_bofan |= framing == Framing::BofanFrame;
                self.said(said);
            }
            Outcome::Refused { refusal, length, looked } => {
                self.count(looked);
                self.refuse(length, refusal);
                self.in_rubbish = length < n;
            }
        }
        if framing == Framing::Seal {
            // The closing 7E may open the next frame.
            self.start = self.start.saturating_sub(1);
            self.borrowed = true;
            self.tell_given_up();
        }
    }

    fn read_frame(&mut self, framing: Framing, bytes: &[u8]) -> Outcome {
        let n = bytes.len();
        match framing {
            Framing::MasterBinary | Framing::LegacyBinary => read_binary(bytes, framing),
            Framing::JointechText => match jointech::decode_text(bytes, self.family, &self.memory) {
                Ok(heard) if !self.in_rubbish || self.names_itself(bytes) => Outcome::Heard(Box::new(heard)),
                told => {
                    let device = told.err().and_then(|jointech::NotOurs { device }| device);
                    let reason = "text of no known family".to_owned();
                    let refusal = Refusal::frame(reason, self.text_family(), self.unless_rubbish(device));
                    Outcome::Refused { refusal, length: n, looked: n }
                }
            },
            Framing::Seal => match jointech::decode_seal(bytes, &mut self.split, &self.memory) {
                Ok(heard) => Outcome::Heard(Box::new(heard)),
                Err(device) => {
                    let reason = format!("byte {}: wrong checksum", n.saturating_sub(2));
                    let refusal = Refusal::frame(reason, Protocol::JointechSeal, device);
                    Outcome::Refused { refusal, length: n, looked: n }
                }
            },
            Framing::BofanText | Framing::BofanFrame | Framing::BofanDelta => {
                Outcome::Said(self.bofan.hear(bytes, &*self.memory))
            }
        }
    }

    /// Done with `n` bytes that were a frame.
    fn consume(&mut self, n: usize) {
        self.start = self.start.saturating_add(n);
        self.head = None;
        self.borrowed = false;
        self.in_rubbish = false;
        self.tell_refusal();
    }

    fn accept(&mut self, heard: HeardFrame) {
        self.family = Some(heard.protocol);
        for message in heard.messages.iter().filter(|m| m.kind != MessageKind::Invalid) {
            if let (Some(version), Some(device)) = (message.version, &message.device) {
                self.memory.learn_version(&DeviceKey::jointech(device), version);
            }
        }
        self.ready.push_back(Heard::Frame(Box::new(heard)));
    }

    fn said(&mut self, said: Vec<bofan::Said>) {
        for said in said {
            match said {
                bofan::Said::Messages { raw, messages, aside } => {
                    self.knows_bofan = true;
                    self.accept(HeardFrame {
                        protocol: Protocol::Bofan,
                        sound: bofan::checksum_fits(&raw),
                        raw: bofan::masked(&raw),
                        messages,
                        answers: vec![],
                        password: None,
                        aside,
                    });
                }
                bofan::Said::Refused { reason, device, raw } => {
                    self.ready.push_back(
                        Refusal::whole(reason, Protocol::Bofan, device, &bofan::masked(&raw)).tell(),
                    );
                }
            }
        }
    }

    /// The family a text belongs to that does not say it itself.
    fn text_family(&self) -> Protocol {
        self.family.filter(|family| family.maker() == Some(Maker::Jointech)).unwrap_or(Protocol::Unknown)
    }

    /// Refuses `n` bytes of the frame at the head.
    fn refuse_frame(&mut self, n: usize, reason: String) {
        let Some(head) = self.head else { return };
        if self.return_borrowed() {
            // It closed the frame before and opens none.
            self.head = None;
            return;
        }
        let protocol = match head.framing {
            Framing::MasterBinary => Protocol::JointechMaster,
            Framing::LegacyBinary => Protocol::JointechLegacy,
            Framing::JointechText => self.text_family(),
            Framing::Seal => Protocol::JointechSeal,
            Framing::BofanText | Framing::BofanFrame | Framing::BofanDelta => Protocol::Bofan,
        };
        let device = self.unless_rubbish(jointech::peek_device(self.rest(), head.framing));
        self.refuse(n, Refusal::frame(reason, protocol, device));
    }

    fn refuse(&mut self, n: usize, refusal: Refusal) {
        let bytes = self.buffer.get(self.start..self.start.saturating_add(n)).unwrap_or_default();
        // A borrowed delimiter was counted where it closed a frame.
        let length = n.saturating_sub(usize::from(self.borrowed));
        let new = match &mut self.refusal {
            Some(running) if refusal.continues() => {
                running.add(bytes, length);
                None
            }
            _ => {
                let mut refusal = refusal;
                refusal.add(bytes, length);
                Some(refusal)
            }
        };
        if let Some(new) = new {
            self.tell_refusal();
            self.refusal = Some(new);
        }
        self.start = self.start.saturating_add(n);
        self.head = None;
        self.borrowed = false;
        self.in_rubbish = true;
    }

    /// Digits behind a bracket in the middle of refused bytes name nobody: they may be a password.
    fn unless_rubbish(&self, device: Option<String>) -> Option<String> {
        device.filter(|_| !self.in_rubbish)
    }

    /// Whether a text says by itself what it is, whatever its connection speaks.
    fn names_itself(&self, text: &[u8]) -> bool {
        jointech::decode_text(text, None, &self.memory).is_ok()
    }

    fn tell_refusal(&mut self) {
        if let Some(refusal) = self.refusal.take() {
            self.ready.push_back(refusal.tell());
        }
    }

    fn ends_after(&self) -> String {
        let rest = self.rest();
        let want = match self.head.map(|head| head.framing) {
            Some(Framing::MasterBinary) => jointech::binary_length(rest, true),
            Some(Framing::LegacyBinary) => jointech::binary_length(rest, false),
            Some(Framing::BofanFrame) => bofan_length(rest),
            _ => None,
        };
        match want {
            Some(want) => format!("ends after {} of {want} bytes", rest.len()),
            None => format!("ends after {} bytes, unfinished", rest.len()),
        }
    }
}

/// Bytes `bofan::cut` looks at, at most, before it wants more.
const BOFAN_LOOKS: usize = 513;

/// Longest head of a piece of a photo after its `$PHD`: an offset, a length, two commas.
const CHUNK_HEAD: usize = 20;

/// A frame of known length.
fn whole(rest: &[u8], length: Option<usize>) -> Cut {
    match length {
        Some(n) if n <= rest.len() => Cut::Frame(n),
        _ => Cut::NeedMore,
    }
}

fn bofan_length(rest: &[u8]) -> Option<usize> {
    rest.get(3..)?.first_chunk::<2>().map(|length| usize::from(u16::from_le_bytes(*length)))
}

/// Asks Bofan's framer, but only when its answer may have changed: a sentence that grows byte by byte is not read
/// again from its start each time. Tells how many bytes were looked at, too.
fn cut_bofan(rest: &[u8], head: &mut Head) -> (usize, Cut) {
    if head.framing == Framing::BofanFrame && bofan_length(rest).is_none_or(|n| rest.len() < n) {
        return (1, Cut::NeedMore);
    }
    let is_chunk = has_chunk_head(rest);
    let mut scanned = 1_usize;
    if head.framing == Framing::BofanText && !is_chunk {
        // No further than a sentence may reach: what stands behind is looked at when it comes to the head.
        let new = rest.get(head.scanned..BOFAN_LOOKS.min(rest.len())).unwrap_or_default();
        let end = new.iter().position(|b| !(0x20..=0x7E).contains(b) || *b == b'$');
        scanned = end.unwrap_or(new.len()).saturating_add(1);
        if end.is_none() && rest.len() < head.seen.saturating_mul(2) {
            // `seen` stays: the next look is due when the sentence has doubled.
            head.scanned = head.scanned.saturating_add(new.len());
            return (scanned, Cut::NeedMore);
        }
    }
    head.seen = rest.len();
    let cut = bofan::cut(rest);
    let looked = match cut {
        Cut::Frame(n) | Cut::Quiet(n) | Cut::Bad { skip: n, .. } => n.saturating_add(1),
        Cut::NeedMore if is_chunk => CHUNK_HEAD,
        Cut::NeedMore => rest.len().min(BOFAN_LOOKS),
    };
    (looked.saturating_add(scanned), cut)
}

/// Whether `$PHD<digits>,<digits>,` stands here: then its length tells the end, and only the head is looked at.
fn has_chunk_head(rest: &[u8]) -> bool {
    let Some(numbers) = rest.strip_prefix(b"$PHD") else { return false };
    let numbers = numbers.get(..CHUNK_HEAD.min(numbers.len())).unwrap_or_default();
    let mut items = numbers.split(|b| *b == b',');
    let mut is_number = || items.next().is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit));
    is_number() && is_number() && items.next().is_some()
}

/// A start that is hardly by chance: a lone bracket and a digit are common in binary.
fn surely_starts(bytes: &[u8]) -> bool {
    let prefix = bytes.get(..LONGEST_PREFIX.min(bytes.len())).unwrap_or_default();
    match detect(prefix) {
        Detected::Is(Framing::JointechText) => {
            bytes.get(1..7).is_some_and(|id| id.iter().all(u8::is_ascii_digit))
        }
        Detected::Is(Framing::BofanDelta) => false,
        Detected::Is(_) => true,
        Detected::NeedMore | Detected::Unknown => false,
    }
}

/// What a whole frame came to.
enum Outcome {
    Heard(Box<HeardFrame>),
    Said(Vec<bofan::Said>),
    /// The first `length` bytes are refused.
    Refused {
        refusal: Refusal,
        length: usize,
        looked: usize,
    },
}

/// A binary frame has no checksum: its length is the truth, unless its content makes no sense and another frame
/// starts inside it.
fn read_binary(bytes: &[u8], framing: Framing) -> Outcome {
    let decoded = jointech::decode_binary(bytes, framing == Framing::MasterBinary);
    let invalid = decoded.messages.iter().find(|message| message.kind == MessageKind::Invalid);
    if let Some(error) = invalid.and_then(|message| message.error.as_deref())
        && let Some(at) = (1..bytes.len()).find(|at| bytes.get(*at..).is_some_and(surely_starts))
    {
        let reason = format!("{error}, and another frame starts at byte {at}");
        let refusal = Refusal::frame(reason, decoded.protocol, None);
        return Outcome::Refused { refusal, length: at, looked: at };
    }
    Outcome::Heard(Box::new(HeardFrame { raw: bytes.to_vec(), ..decoded }))
}

impl bofan::Bases for Memory {
    fn base(&self, device: &str) -> Option<Vec<u8>> {
        Self::base(self, &DeviceKey::bofan(device))
    }
}
