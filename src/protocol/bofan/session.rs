//! What one connection must remember: who speaks, the sentence that deltas build on, and deltas that came before it.

use super::{
    Bases, Said,
    delta::{Delta, too_fast},
    frame::{ChunkHead, checksum_fits, pieces},
    sentence::{self, Line, Report, Senseless},
};
use crate::domain::{Message, MessageKind, Protocol, message::CommandReply};
use std::collections::VecDeque;

/// Most deltas that wait for their base. One more, and the oldest is given up.
const MOST_PARKED: usize = 8;

/// A delta that does not fit any of this many bases is given up. It must not wait for ever: of 256 sentences that
/// are not its base, one seems to be.
const PATIENCE: u8 = 8;

/// What must be remembered of one connection, or of one UDP peer. At most eight frames are held.
#[derive(Debug, Default)]
pub struct Session {
    device: Option<String>,
    /// The last full sentence here, in case that [`Bases`] keeps none.
    base: Option<Vec<u8>>,
    parked: VecDeque<Parked>,
}

/// A delta whose base has not come yet: after a reconnect a device may send it first.
#[derive(Debug)]
struct Parked {
    raw: Vec<u8>,
    delta: Vec<u8>,
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
        let Heard { messages, refused, late } = heard;
        let understood = (!messages.is_empty()).then(|| Said::Messages { raw: frame.to_vec(), messages });
        understood.into_iter().chain(refused).chain(late).collect()
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
        if bytes.first() == Some(&b'@') {
            return self.delta(bytes, raw, bases, heard);
        }
        if let Some(chunk) = ChunkHead::read(bytes) {
            if !chunk.is_whole(bytes) {
                return Err("a piece of a photo shorter than it says".into());
            }
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
        self.settle(&report.device, line.to_vec(), bases);
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
        match self.base(bases).filter(|base| delta.fits(base)) {
            Some(base) => {
                let message = self.advance(&delta, &base, false, bases)?;
                heard.messages.push(message);
                self.catch_up(bases, heard);
                self.lose_patience(heard);
            }
            None => self.park(Parked { raw: raw.to_vec(), delta: bytes.to_vec(), missed: 0 }, heard),
        }
        Ok(())
    }

    /// Reads what `delta` tells over `base`, and makes it the next base. Nothing changes if it is refused.
    ///
    /// `late`: it waited, and `base` was found by the XOR alone; then it must not lead back in time either.
    fn advance(
        &mut self,
        delta: &Delta<'_>,
        base: &[u8],
        late: bool,
        bases: &dyn Bases,
    ) -> Result<Message, Refusal> {
        let line = delta.apply(base)?;
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
            read_report(base)
        } else {
            let known = bases.base(&report.device).ok_or("a delta that names a device not known")?;
            read_report(&known)
        };
        if let Some(before) = before {
            if too_fast(&before.message, &report.message) {
                return Err("a delta that leads to a jump faster than 300 km/h".into());
            }
            if late && before.message.time > report.message.time {
                return Err("a delta that leads back in time".into());
            }
        }
        self.settle(&report.device, line, bases);
        Ok(report.message)
    }

    /// The deltas that wait and fit the base now held, one after the other.
    fn catch_up(&mut self, bases: &dyn Bases, heard: &mut Heard) {
        while let Some(base) = self.base(bases).filter(|_| !self.parked.is_empty()) {
            let parked = std::mem::take(&mut self.parked);
            let mut found = None;
            for parked in parked {
                let told = if found.is_none() { self.advance_late(&parked, &base, bases) } else { None };
                match told {
                    Some(message) => {
                        found = Some(Said::Messages { raw: parked.raw, messages: vec![message] })
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

    /// `None` if `base` is not the one the delta was built on.
    fn advance_late(&mut self, parked: &Parked, base: &[u8], bases: &dyn Bases) -> Option<Message> {
        let delta = Delta::read(&parked.delta).filter(|delta| delta.fits(base))?;
        self.advance(&delta, base, true, bases).ok()
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

    /// The sentence the next delta builds on. Another connection of the device may have brought a newer one.
    fn base(&self, bases: &dyn Bases) -> Option<Vec<u8>> {
        bases.base(self.device.as_deref()?).or_else(|| self.base.clone())
    }

    fn settle(&mut self, device: &str, base: Vec<u8>, bases: &dyn Bases) {
        self.speaks(device);
        bases.keep(device, &base);
        self.base = Some(base);
    }

    /// Another device does not build on the sentences of the one before.
    fn speaks(&mut self, device: &str) {
        if self.device.as_deref() != Some(device) {
            self.device = Some(device.to_owned());
            self.base = None;
        }
    }

    fn without_base(&self, parked: Parked) -> Said {
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

fn read_report(line: &[u8]) -> Option<Report> {
    match sentence::read(line) {
        Ok(Line::Report(report)) => Some(report),
        _ => None,
    }
}
