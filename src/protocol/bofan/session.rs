//! What one connection must remember: who speaks, the sentence that deltas build on, and deltas that came before it.
//!
//! A device builds each delta on the sentence it sent just before. So a delta is believed on
//! - the last sentence of its connection; but not while another waits that came after that sentence, because then a
//!   link of the chain is missing (unless this is the missing one, and what waits builds on it);
//! - the sentence kept of its device from another connection, if each edit begins where the field begins to differ;
//! - a sentence that came after the delta, under the same condition: one out of the device's memory, or one so close in
//!   time that the delta may have overtaken it on the way (UDP).
//!
//! A delta that waited does not lead back in time, and none leads faster than 300 km/h. What fits by chance all the
//! same is a place or a value a few records old, until the next full sentence.

use super::{
    Bases, Said,
    delta::{Delta, too_fast},
    frame::{ChunkHead, checksum_fits, pieces},
    sentence::{self, Line, Report, Senseless},
};
use crate::domain::{Message, MessageKind, Protocol, message::CommandReply};
use crate::protocol::{Aside, PhotoChunk};
use chrono::TimeDelta;
use std::collections::VecDeque;

/// Most deltas that wait for their base. One more, and the oldest is given up.
const MOST_PARKED: usize = 8;

/// A delta that does not fit any of this many bases is given up. It must not wait for ever: of 256 sentences that
/// are not its base, one seems to be.
const PATIENCE: u8 = 8;

/// Most deltas that may have overtaken one: each more that waits could fit by chance.
const MOST_OVERTAKING: usize = 2;

/// A delta may be this much younger than a sentence that it overtook.
const OVERTAKEN: TimeDelta = TimeDelta::minutes(1);

/// What must be remembered of one connection, or of one UDP peer. At most eight frames are held.
#[derive(Debug, Default)]
pub struct Session {
    device: Option<String>,
    /// The last full sentence here. [`Bases`] may keep none, or that of another connection.
    base: Option<Base>,
    parked: VecDeque<Parked>,
    /// Counts what came, to tell what came before what.
    clock: u64,
    /// When the newest delta came that is given up or refused: no chain leads over it.
    missing: u64,
}

#[derive(Debug, Clone)]
struct Base {
    line: Vec<u8>,
    /// When what made it came.
    came: u64,
}

/// The sentence a delta is believed to be built on.
struct Ground {
    line: Vec<u8>,
    /// When it came; 0 if by another connection, perhaps before this one began.
    came: u64,
}

/// A delta whose base has not come yet: after a reconnect a device may send it first.
#[derive(Debug)]
struct Parked {
    raw: Vec<u8>,
    delta: Vec<u8>,
    came: u64,
    /// Bases that came meanwhile and did not fit.
    missed: u8,
}

/// What one frame leads to.
#[derive(Default)]
struct Heard {
    messages: Vec<Message>,
    refused: Vec<Said>,
    /// Deltas that had waited for a sentence of this frame, or that waited in vain.
    late: Vec<Said>,
    chunks: Vec<PhotoChunk>,
    /// A sentence was made the base of the next delta.
    settled: bool,
}

/// Why something is not believed, and the device it names.
struct Refusal {
    reason: String,
    device: Option<String>,
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Self { reason: reason.to_owned(), device: None }
    }
}

impl From<Senseless> for Refusal {
    fn from(line: Senseless) -> Self {
        Self { reason: line.reason.to_owned(), device: line.device }
    }
}

impl Session {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one frame as [`cut`](super::cut) delimits it. A delta whose base has not come yet says nothing until it
    /// has, or until it is given up.
    ///
    /// The XOR of a BF FB frame does not decide whether it is read: what makes sense is said, see
    /// [`checksum_fits`]. Where it differs *and* the content makes no sense, the refusal says so.
    pub fn hear(&mut self, frame: &[u8], bases: &dyn Bases) -> Vec<Said> {
        let mut heard = Heard::default();
        self.clock = self.clock.saturating_add(1);
        self.catch_up(bases, &mut heard); // another connection may have brought a base
        let fits = checksum_fits(frame);
        let pieces = pieces(frame);
        if pieces.is_empty() {
            heard.refused.push(self.refused("an empty frame".into(), fits, frame));
        }
        for piece in &pieces {
            let raw = if pieces.len() == 1 { frame } else { piece.bytes };
            let outcome = match piece.wrong {
                Some(reason) => Err(Refusal::from(reason)),
                None => self.piece(piece.bytes, raw, bases, &mut heard),
            };
            if let Err(refusal) = outcome {
                heard.refused.push(self.refused(refusal, fits, raw));
            }
        }
        let Heard { messages, refused, late, chunks, settled } = heard;
        let aside = Aside { base: None, chunks };
        let understood =
            (!messages.is_empty()).then(|| Said::Messages { raw: frame.to_vec(), messages, aside });
        let mut said: Vec<Said> = understood.into_iter().chain(refused).chain(late).collect();
        if settled {
            self.lay_aside(&mut said);
        }
        said
    }

    /// The base goes with what is said last of its device, so that whoever keeps what is said, in this order, keeps
    /// the newest base.
    fn lay_aside(&self, said: &mut [Said]) {
        let kept = said.iter_mut().rev().find_map(|said| match said {
            Said::Messages { messages, aside, .. } => {
                let device = messages.first().and_then(|message| message.device.as_ref());
                (device == self.device.as_ref()).then_some(aside)
            }
            Said::Refused { .. } => None,
        });
        if let Some(aside) = kept {
            aside.base = self.base.as_ref().map(|base| base.line.clone());
        }
    }

    /// The stream has ended: the deltas that never found their base.
    pub fn give_up(&mut self) -> Vec<Said> {
        let parked = std::mem::take(&mut self.parked);
        parked.into_iter().map(|parked| self.without_base(parked)).collect()
    }

    /// The ID spoken last.
    #[must_use]
    pub fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    fn piece(
        &mut self,
        bytes: &[u8],
        raw: &[u8],
        bases: &dyn Bases,
        heard: &mut Heard,
    ) -> Result<(), Refusal> {
        self.clock = self.clock.saturating_add(1);
        if bytes.first() == Some(&b'@') {
            return self.delta(bytes, raw, bases, heard);
        }
        if let Some(chunk) = ChunkHead::read(bytes) {
            let content = chunk.content(bytes).ok_or("a piece of a photo shorter than it says")?;
            heard.chunks.push(PhotoChunk { offset: chunk.offset, bytes: content.to_vec() });
            heard.messages.push(self.chunk(chunk));
            return Ok(());
        }
        match sentence::read(bytes)? {
            Line::Report(report) => self.report(report, bytes, bases, heard),
            Line::Firmware { device, message } => {
                self.identify(&device, bases, heard);
                heard.messages.push(message);
            }
            Line::Other(mut message) => {
                message.device.clone_from(&self.device);
                heard.messages.push(message);
            }
        }
        Ok(())
    }

    /// A piece of a photo names no device: it is of the one that spoke last.
    fn chunk(&self, chunk: ChunkHead) -> Message {
        let mut message = Message::new(Protocol::Bofan, MessageKind::PhotoChunk);
        message.device.clone_from(&self.device);
        let params = vec![chunk.offset.to_string(), chunk.length.to_string()];
        message.command = Some(CommandReply { word: "PHD".to_owned(), params });
        message
    }

    fn report(&mut self, report: Report, line: &[u8], bases: &dyn Bases, heard: &mut Heard) {
        self.identify(&report.device, bases, heard);
        heard.messages.push(report.message);
        self.settle(&report.device, line.to_vec(), self.clock, heard);
        self.catch_up(bases, heard);
        self.lose_patience(heard);
    }

    /// Who speaks. Deltas that came before this was known may build on what was said on another connection.
    fn identify(&mut self, device: &str, bases: &dyn Bases, heard: &mut Heard) {
        if self.device.as_deref() != Some(device) {
            self.speaks(device);
            self.catch_up(bases, heard);
        }
    }

    fn delta(
        &mut self,
        bytes: &[u8],
        raw: &[u8],
        bases: &dyn Bases,
        heard: &mut Heard,
    ) -> Result<(), Refusal> {
        let delta = Delta::read(bytes).ok_or("a delta that breaks off")?;
        let came = self.clock;
        match self.ground(&delta, came, bases).filter(|ground| self.may_be_next(&delta, ground)) {
            Some(ground) => {
                let outcome = self.advance(&delta, &ground, came, bases, heard);
                let message = outcome.inspect_err(|_| self.missing = came)?;
                heard.messages.push(message);
                self.catch_up(bases, heard);
                self.lose_patience(heard);
            }
            None => self.park(Parked { raw: raw.to_vec(), delta: bytes.to_vec(), came, missed: 0 }, heard),
        }
        Ok(())
    }

    /// Whether no link of the chain is missing before it, or it is the missing one: then those that wait build on it,
    /// one on the other.
    fn may_be_next(&self, delta: &Delta<'_>, ground: &Ground) -> bool {
        if self.missing > ground.came {
            return false;
        }
        let waiting = self.parked.iter().filter(|parked| parked.came > ground.came);
        let mut waiting: Vec<Delta<'_>> = waiting.filter_map(|parked| Delta::read(&parked.delta)).collect();
        if waiting.is_empty() {
            return true;
        }
        if waiting.len() > MOST_OVERTAKING || !delta.is_exact(&ground.line) {
            return false;
        }
        let mut line = ground.line.clone();
        let mut next = delta.clone();
        loop {
            let Ok(told) = next.apply(&line) else { return false };
            let time = |line: &[u8]| read_report(line).and_then(|report| report.message.time);
            if time(&told) <= time(&line) {
                return false;
            }
            line = told;
            match waiting.iter().position(|delta| delta.fits(&line) && delta.is_exact(&line)) {
                Some(found) => next = waiting.swap_remove(found),
                None => return waiting.is_empty(),
            }
        }
    }

    /// Reads what `delta`, which came at `came`, tells over its ground, and makes it the next base. Nothing changes if
    /// it is refused.
    fn advance(
        &mut self,
        delta: &Delta<'_>,
        ground: &Ground,
        came: u64,
        bases: &dyn Bases,
        heard: &mut Heard,
    ) -> Result<Message, Refusal> {
        let line = delta.apply(&ground.line)?;
        if !line.ends_with(b"\r") && !line.ends_with(b"\n") {
            return Err("a delta that leaves the sentence without its end".into());
        }
        let Ok(Line::Report(report)) = sentence::read(&line) else {
            return Err("a delta that does not lead to a position sentence".into());
        };
        if let Some(odd) = report.odd {
            return Err(Refusal {
                reason: format!("a delta that makes nonsense of the {odd}"),
                device: None,
            });
        }
        let before = if self.device.as_ref() == Some(&report.device) {
            read_report(&ground.line)
        } else {
            let known = bases.base(&report.device).ok_or("a delta that names a device not known")?;
            read_report(&known)
        };
        if let Some(before) = before {
            if too_fast(&before.message, &report.message) {
                return Err("a delta that leads to a jump faster than 300 km/h".into());
            }
            let (from, to) = (before.message.time, report.message.time);
            if came != self.clock && from > to {
                return Err("a delta that leads back in time".into());
            }
            let soon = from.zip(to).is_some_and(|(from, to)| to.signed_duration_since(from) <= OVERTAKEN);
            if ground.came > came && !is_stored(&ground.line) && !soon {
                return Err("a delta that came before what it seems to be built on".into());
            }
        }
        self.settle(&report.device, line, came, heard);
        Ok(report.message)
    }

    /// The deltas that wait and fit the base now held, one after the other.
    fn catch_up(&mut self, bases: &dyn Bases, heard: &mut Heard) {
        while self.device.is_some() && !self.parked.is_empty() {
            let parked = std::mem::take(&mut self.parked);
            let waiting: Vec<u64> = parked.iter().map(|parked| parked.came).collect();
            let mut found = None;
            for parked in parked {
                let told =
                    if found.is_none() { self.advance_late(&parked, &waiting, bases, heard) } else { None };
                match told {
                    Some(message) => {
                        let (raw, messages, aside) = (parked.raw, vec![message], Aside::default());
                        found = Some(Said::Messages { raw, messages, aside });
                    }
                    None => self.parked.push_back(parked),
                }
            }
            match found {
                Some(said) => heard.late.push(said),
                None => return,
            }
        }
    }

    /// `None` if the sentence the delta was built on is not there, or a link between them still waits.
    fn advance_late(
        &mut self,
        parked: &Parked,
        waiting: &[u64],
        bases: &dyn Bases,
        heard: &mut Heard,
    ) -> Option<Message> {
        let delta = Delta::read(&parked.delta)?;
        let ground = self.ground(&delta, parked.came, bases)?;
        let between = ground.came.saturating_add(1)..parked.came;
        let overtook = ground.came > parked.came && !is_stored(&ground.line);
        if overtook && waiting.len() > MOST_OVERTAKING {
            return None;
        }
        if between.contains(&self.missing) || waiting.iter().any(|came| between.contains(came)) {
            return None;
        }
        self.advance(&delta, &ground, parked.came, bases, heard).ok()
    }

    fn park(&mut self, parked: Parked, heard: &mut Heard) {
        if self.parked.len() >= MOST_PARKED
            && let Some(oldest) = self.parked.pop_front()
        {
            heard.late.push(self.without_base(oldest));
        }
        self.parked.push_back(parked);
    }

    /// Another base has come and gone.
    fn lose_patience(&mut self, heard: &mut Heard) {
        for parked in &mut self.parked {
            parked.missed = parked.missed.saturating_add(1);
        }
        while let Some(parked) = self.parked.pop_front_if(|parked| parked.missed >= PATIENCE) {
            heard.late.push(self.without_base(parked));
        }
    }

    /// The sentence a delta that came at `came` was built on: the last one of this connection, or what was kept of the
    /// device from another.
    fn ground(&self, delta: &Delta<'_>, came: u64, bases: &dyn Bases) -> Option<Ground> {
        let own = self.base.as_ref().filter(|base| delta.fits(&base.line));
        if let Some(own) = own.filter(|own| own.came < came || delta.is_exact(&own.line)) {
            return Some(Ground { line: own.line.clone(), came: own.came });
        }
        let kept = bases.base(self.device.as_deref()?)?;
        (delta.fits(&kept) && delta.is_exact(&kept)).then_some(Ground { line: kept, came: 0 })
    }

    fn settle(&mut self, device: &str, line: Vec<u8>, came: u64, heard: &mut Heard) {
        self.speaks(device);
        self.base = Some(Base { line, came });
        heard.settled = true;
    }

    /// Another device does not build on the sentences of the one before.
    fn speaks(&mut self, device: &str) {
        if self.device.as_deref() != Some(device) {
            self.device = Some(device.to_owned());
            self.base = None;
        }
    }

    fn without_base(&mut self, parked: Parked) -> Said {
        self.missing = self.missing.max(parked.came);
        Said::Refused {
            reason: "delta without its base".to_owned(),
            device: self.device.clone(),
            raw: parked.raw,
        }
    }

    fn refused(&self, refusal: Refusal, fits: bool, raw: &[u8]) -> Said {
        let Refusal { reason, device } = refusal;
        let reason = if fits { reason } else { format!("checksum differs, and {reason}") };
        Said::Refused { reason, device: device.or_else(|| self.device.clone()), raw: raw.to_vec() }
    }
}

/// Out of the device's memory: then it may well be older than what came before it.
fn is_stored(line: &[u8]) -> bool {
    sentence::split_end(line).is_some_and(|(_, stored)| stored)
}

fn read_report(line: &[u8]) -> Option<Report> {
    match sentence::read(line) {
        Ok(Line::Report(report)) => Some(report),
        _ => None,
    }
}
