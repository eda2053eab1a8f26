//! What is asked of which device, when: one picture at a time of each.

use crate::domain::{DeviceKey, PhotoId, Utc};
use chrono::TimeDelta;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// Bytes of one piece: what a real device was seen to answer.
const PIECE: u32 = 960;

/// Times a piece is asked for while the device speaks of other things. Then the picture is given up.
const TRIES: u8 = 4;

/// So long after its offer a picture is still worth asking for, and so long after its last piece worth going on with.
const YOUNG: TimeDelta = TimeDelta::minutes(30);

/// Pictures of one device that wait for the one being fetched. One more, and the oldest of them is given up: a device
/// hardly keeps it.
const QUEUE: usize = 8;

/// Bytes of all pictures being fetched at once, as offered; further ones wait.
const HELD: u64 = 64 << 20;

/// Settings.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Bytes of the largest picture that is fetched.
    pub limit: u64,
    /// A piece that has not come after this time is asked for again.
    pub retry: TimeDelta,
}

/// A picture a device has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub id: PhotoId,
    pub device: DeviceKey,
    /// When the offer was received.
    pub offered: Utc,
    pub size: u32,
    /// Where the device is now, if it is in contact.
    pub way: Option<SocketAddr>,
}

/// Why a picture is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    TooLarge,
    NoAnswer,
    TooOld,
    Crowded,
}

impl Why {
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::TooLarge => "larger than the limit of [photos]",
            Self::NoAnswer => "the device did not send it, asked 4 times",
            Self::TooOld => "nothing came for 30 minutes",
            Self::Crowded => "more photos were offered than can wait",
        }
    }
}

/// A picture that will not be asked for any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub offer: Offer,
    pub bytes: Vec<u8>,
    /// `None`: it is complete.
    pub why: Option<Why>,
    /// Another picture was offered meanwhile: if the device keeps only one, the parts are of both.
    pub mixed: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Ask the device for this piece. It only reads: asking twice does no harm.
    Ask {
        device: DeviceKey,
        offset: u32,
        length: u32,
    },
    End(Ended),
}

#[derive(Debug)]
enum Phase {
    /// Out of contact: asked for when the device is heard.
    Waiting,
    Asked {
        at: Utc,
        length: u32,
        tries: u8,
        /// The device said something else since it was first asked.
        heard: bool,
    },
}

#[derive(Debug)]
struct Transfer {
    offer: Offer,
    bytes: Vec<u8>,
    phase: Phase,
    /// When the last piece came, or it was first asked for.
    progress: Utc,
    /// Its newest piece was asked for more than once: a second answer may still come.
    asked_again: bool,
    mixed: bool,
}

impl Transfer {
    fn new(offer: Offer) -> Self {
        let progress = offer.offered;
        let bytes = Vec::new();
        Self { offer, bytes, phase: Phase::Waiting, progress, asked_again: false, mixed: false }
    }

    fn offset(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    fn ask(&mut self, now: Utc, tries: u8, heard: bool) -> Act {
        let offset = self.offset();
        let length = PIECE.min(self.offer.size.saturating_sub(offset));
        self.phase = Phase::Asked { at: now, length, tries, heard };
        self.asked_again = tries > 1;
        Act::Ask { device: self.offer.device.clone(), offset, length }
    }

    fn end(self, why: Option<Why>) -> Act {
        let Self { offer, bytes, mixed, .. } = self;
        Act::End(Ended { offer, bytes, why, mixed })
    }
}

/// The pictures of one device.
#[derive(Debug, Default)]
struct Line {
    now: Option<Transfer>,
    queue: VecDeque<Offer>,
    /// A late answer to the picture before must not be taken for a piece of the next.
    not_before: Option<Utc>,
}

/// Fetches the pictures of all devices. Every method tells what is to be done next.
#[derive(Debug)]
pub struct Fetcher {
    rules: Rules,
    lines: BTreeMap<DeviceKey, Line>,
    ignored: u64,
}

impl Fetcher {
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, lines: BTreeMap::new(), ignored: 0 }
    }

    /// Pieces that nobody had asked for, or that had come before.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// A picture is there to be fetched. One that is known already changes nothing.
    pub fn offer(&mut self, offer: Offer, now: Utc) -> Vec<Act> {
        let line = self.lines.entry(offer.device.clone()).or_default();
        let running = line.now.iter().map(|transfer| transfer.offer.id);
        if running.chain(line.queue.iter().map(|offer| offer.id)).any(|id| id == offer.id) {
            return Vec::new();
        }
        let mut acts = Vec::new();
        let refused = if u64::from(offer.size) > self.rules.limit {
            Some(Why::TooLarge)
        } else {
            (now - offer.offered > YOUNG).then_some(Why::TooOld)
        };
        if refused.is_some() {
            acts.push(Transfer::new(offer).end(refused));
        } else {
            if line.queue.len() >= QUEUE
                && let Some(oldest) = line.queue.pop_front()
            {
                acts.push(Transfer::new(oldest).end(Some(Why::Crowded)));
            }
            if let Some(running) = &mut line.now {
                running.mixed = true;
            }
            let device = offer.device.clone();
            line.queue.push_back(offer);
            acts.extend(self.begin(&device, now));
        }
        self.tidy();
        acts
    }

    /// A piece came. It counts only if it is the one asked for; it may be shorter.
    pub fn piece(&mut self, device: &DeviceKey, offset: u32, bytes: &[u8], now: Utc) -> Vec<Act> {
        let line = self.lines.get_mut(device);
        let Some((line, mut transfer)) = line.and_then(|line| line.now.take().map(|now| (line, now))) else {
            self.ignored = self.ignored.saturating_add(1);
            return Vec::new();
        };
        let asked = match transfer.phase {
            Phase::Asked { length, .. } => length as usize,
            Phase::Waiting => 0,
        };
        if offset != transfer.offset() || bytes.is_empty() || bytes.len() > asked {
            line.now = Some(transfer);
            self.ignored = self.ignored.saturating_add(1);
            return Vec::new();
        }
        transfer.bytes.extend_from_slice(bytes);
        transfer.progress = now;
        if transfer.offset() < transfer.offer.size {
            let act = transfer.ask(now, 1, false);
            line.now = Some(transfer);
            return vec![act];
        }
        self.over(transfer, None, now)
    }

    /// The device said something: it is in contact, and where. From elsewhere than before it has a new line: what was
    /// asked by the old one may not have arrived.
    pub fn heard(&mut self, device: &DeviceKey, way: Option<SocketAddr>, now: Utc) -> Vec<Act> {
        let Some(transfer) = self.lines.get_mut(device).and_then(|line| line.now.as_mut()) else {
            return Vec::new();
        };
        let before = transfer.offer.way;
        transfer.offer.way = way.or(before);
        let moved = before.is_some() && transfer.offer.way != before;
        match &mut transfer.phase {
            Phase::Waiting => vec![transfer.ask(now, 1, false)],
            Phase::Asked { .. } if moved => {
                let act = transfer.ask(now, 1, false);
                transfer.asked_again = true;
                vec![act]
            }
            Phase::Asked { heard, .. } => {
                *heard = true;
                Vec::new()
            }
        }
    }

    /// A request could not be sent: it was no try.
    pub fn unsent(&mut self, device: &DeviceKey) {
        if let Some(transfer) = self.lines.get_mut(device).and_then(|line| line.now.as_mut()) {
            transfer.phase = Phase::Waiting;
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Utc) -> Vec<Act> {
        let mut acts = Vec::new();
        let devices: Vec<DeviceKey> = self.lines.keys().cloned().collect();
        for device in devices {
            if let Some(transfer) = self.lines.get_mut(&device).and_then(|line| line.now.take()) {
                acts.extend(self.look_at(transfer, now));
            }
            if let Some(line) = self.lines.get_mut(&device) {
                while let Some(old) = line.queue.pop_front_if(|offer| now - offer.offered > YOUNG) {
                    acts.push(Transfer::new(old).end(Some(Why::TooOld)));
                }
            }
            acts.extend(self.begin(&device, now));
        }
        self.tidy();
        acts
    }

    fn look_at(&mut self, mut transfer: Transfer, now: Utc) -> Vec<Act> {
        let mut acts = Vec::new();
        match transfer.phase {
            _ if now - transfer.progress > YOUNG => {
                return self.over(transfer, Some(Why::TooOld), now);
            }
            Phase::Asked { at, tries, heard, .. } if now - at >= self.rules.retry => {
                if tries < TRIES {
                    acts.push(transfer.ask(now, tries.saturating_add(1), heard));
                } else if heard {
                    return self.over(transfer, Some(Why::NoAnswer), now);
                } else {
                    // Not a word at all: the line is lost, whatever TCP says.
                    transfer.phase = Phase::Waiting;
                }
            }
            Phase::Waiting | Phase::Asked { .. } => {}
        }
        if let Some(line) = self.lines.get_mut(&transfer.offer.device) {
            line.now = Some(transfer);
        }
        acts
    }

    /// A transfer, already taken out of its line, is over; the next may begin.
    fn over(&mut self, transfer: Transfer, why: Option<Why>, now: Utc) -> Vec<Act> {
        let device = transfer.offer.device.clone();
        if let Some(line) = self.lines.get_mut(&device)
            && transfer.asked_again
        {
            line.not_before = Some(now + self.rules.retry);
        }
        let mut acts = vec![transfer.end(why)];
        acts.extend(self.begin(&device, now));
        self.tidy();
        acts
    }

    fn begin(&mut self, device: &DeviceKey, now: Utc) -> Option<Act> {
        let line = self.lines.get_mut(device)?;
        if line.now.is_some() || line.not_before.is_some_and(|not_before| now < not_before) {
            return None;
        }
        line.not_before = None;
        if line.queue.is_empty() {
            return None;
        }
        let running = self.lines.values().filter_map(|line| line.now.as_ref());
        let held: u64 = running.map(|transfer| u64::from(transfer.offer.size)).sum();
        let line = self.lines.get_mut(device)?;
        // One alone is always fetched, whatever the limit is set to.
        let fits = |offer: &mut Offer| held == 0 || held.saturating_add(offer.size.into()) <= HELD;
        let mut transfer = Transfer::new(line.queue.pop_front_if(fits)?);
        transfer.progress = now;
        let act = transfer.ask(now, 1, false);
        line.now = Some(transfer);
        Some(act)
    }

    fn tidy(&mut self) {
        self.lines
            .retain(|_, line| line.now.is_some() || !line.queue.is_empty() || line.not_before.is_some());
    }
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
