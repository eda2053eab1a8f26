//! IDs that knock and are not enrolled, and bytes that could not be read. In memory only, bounded: nobody outside can
//! make it grow.

use super::traces::Trace;
use crate::domain::explain::{Explanation, NO_FRAME};
use crate::domain::{DeviceKey, DeviceKind, Maker, Message, Protocol, Utc, text};
use crate::fleet::snapshot::{Place, QuarantineRow, RefusedRow};
use crate::ingest::{Source, Unread};
use crate::ipc::wire::TailLine;
use crate::protocol;
use crate::protocol::explain::explain;
use std::collections::{BTreeMap, VecDeque};

/// IDs held; for one more the one not heard for longest leaves.
const IDS: usize = 500;

/// Frames held of each.
const FRAMES: usize = 200;

/// Records held of all together (a frame of a batch has dozens): a flood of IDs shares them.
const RECORDS_IN_ALL: usize = 5000;

/// Reasons counted apart; further ones are counted as `other reasons`.
const REASONS: usize = 100;

#[derive(Debug)]
struct Waiting {
    protocol: Protocol,
    kind: DeviceKind,
    source: Source,
    first: Utc,
    last: Utc,
    frames: u64,
    place: Option<Place>,
    /// An enrolled device of another maker with the same digits.
    namesake: Option<DeviceKey>,
    kept: VecDeque<Trace>,
}

#[derive(Debug, Default)]
pub(super) struct Quarantine {
    ids: BTreeMap<DeviceKey, Waiting>,
    held: usize,
    refused: BTreeMap<String, Refused>,
}

/// Refused bytes of one reason.
#[derive(Debug)]
struct Refused {
    row: RefusedRow,
    /// Whether `nearest` is that of the sample. It is found when somebody looks: a flood costs no explanations.
    explained: bool,
}

fn place(message: &Message, now: Utc) -> Option<Place> {
    let from = message.device.as_deref().unwrap_or_default();
    Place::of(message.position.as_ref()?, message.time.unwrap_or(now), from)
}

/// Jointech devices keep what is not acknowledged; Bofan trackers are never answered and keep nothing for us.
fn why(maker: Maker) -> &'static str {
    match maker {
        Maker::Jointech => "not enrolled; it keeps its records until it is",
        Maker::Bofan => "not enrolled; what it says is lost until it is",
    }
}

impl Quarantine {
    /// A frame of a device that is not enrolled.
    pub(super) fn knock(&mut self, trace: Trace) {
        let first = trace.frame.messages.first();
        let kind = first.and_then(protocol::guess_kind).unwrap_or(DeviceKind::Tracker);
        if !self.ids.contains_key(&trace.device) && self.ids.len() >= IDS {
            self.forget_oldest();
        }
        let waiting = self.ids.entry(trace.device.clone()).or_insert_with(|| Waiting {
            protocol: trace.frame.protocol,
            kind,
            source: trace.source,
            first: trace.at,
            last: trace.at,
            frames: 0,
            place: None,
            namesake: None,
            kept: VecDeque::new(),
        });
        waiting.protocol = trace.frame.protocol;
        waiting.source = trace.source;
        waiting.last = trace.at;
        waiting.frames = waiting.frames.saturating_add(1);
        if let Some(place) = trace.frame.messages.iter().rev().find_map(|m| place(m, trace.at)) {
            waiting.place = Some(place);
        }
        let records = trace.records();
        while waiting.kept.len() >= FRAMES || self.held + records > RECORDS_IN_ALL {
            let Some(oldest) = waiting.kept.pop_front() else { return };
            self.held -= oldest.records();
        }
        self.held += records;
        waiting.kept.push_back(trace);
    }

    /// Remembers that another maker's device with the same digits is enrolled, or not any more.
    pub(super) fn note_namesake(&mut self, device: &DeviceKey, namesake: Option<DeviceKey>) {
        if let Some(waiting) = self.ids.get_mut(device) {
            waiting.namesake = namesake;
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(key) = self.ids.iter().min_by_key(|(_, w)| w.last).map(|(key, _)| key.clone()) {
            self.release(&key);
        }
    }

    /// A device was enrolled: it waits no longer.
    pub(super) fn release(&mut self, device: &DeviceKey) -> bool {
        let Some(waiting) = self.ids.remove(device) else { return false };
        self.held -= waiting.kept.iter().map(Trace::records).sum::<usize>();
        true
    }

    pub(super) fn kind(&self, device: &DeviceKey) -> Option<DeviceKind> {
        self.ids.get(device).map(|waiting| waiting.kind)
    }

    pub(super) fn lines(&self, device: &DeviceKey) -> Vec<TailLine> {
        self.ids.get(device).map(|w| w.kept.iter().map(Trace::line).collect()).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn rows(&self) -> Vec<QuarantineRow> {
        let row = |(key, waiting): (&DeviceKey, &Waiting)| QuarantineRow {
            key: key.clone(),
            protocol: waiting.protocol,
            kind: waiting.kind,
            peer: waiting.source.peer.to_string(),
            transport: waiting.source.transport,
            first: waiting.first,
            last: waiting.last,
            frames: waiting.frames,
            position: waiting.place.clone(),
            why: match &waiting.namesake {
                Some(other) => format!("{}; same digits as the enrolled {other}", why(key.maker)),
                None => why(key.maker).into(),
            },
        };
        self.ids.iter().map(row).collect()
    }

    /// Counts bytes that could not be read.
    pub(super) fn refuse(&mut self, unread: &Unread, device: Option<&DeviceKey>, source: Source, now: Utc) {
        let protocol = unread.protocol.word();
        let mut reason = format!("{protocol}: {}", general(&unread.reason));
        if !self.refused.contains_key(&reason) && self.refused.len() >= REASONS {
            reason = "other reasons".into();
        }
        let refused = self.refused.entry(reason.clone()).or_insert_with(|| Refused {
            row: RefusedRow {
                reason,
                count: 0,
                last: now,
                peer: String::new(),
                sample: String::new(),
                length: 0,
                nearest: None,
                device: None,
            },
            explained: false,
        });
        let row = &mut refused.row;
        row.count = row.count.saturating_add(1);
        row.last = now;
        row.peer = format!("{} {}", source.transport.word(), source.peer);
        let sample = hex::encode(&unread.bytes);
        refused.explained &= row.sample == sample && row.length == unread.length;
        row.sample = sample;
        row.length = unread.length;
        row.device = unread.device.clone().or_else(|| device.map(|key| key.id.to_string()));
    }

    /// Most frequent first.
    pub(super) fn refused_rows(&mut self) -> Vec<RefusedRow> {
        for refused in self.refused.values_mut().filter(|refused| !refused.explained) {
            refused.row.nearest = nearest(&refused.row.sample, refused.row.length);
            refused.explained = true;
        }
        let mut rows: Vec<RefusedRow> = self.refused.values().map(|refused| refused.row.clone()).collect();
        rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
        rows
    }
}

/// What refused bytes come nearest to, and what is wrong with them as that.
fn nearest(sample: &str, length: usize) -> Option<String> {
    let bytes = hex::decode(sample).ok()?;
    let Explanation { frame, verdict, .. } = explain(&bytes).of_the_first(bytes.len(), length);
    let text = match verdict {
        Some(verdict) if frame == NO_FRAME => verdict,
        Some(verdict) => format!("{frame}: {verdict}"),
        None if frame == NO_FRAME => return None,
        None => frame,
    };
    Some(text::clean(&text))
}

/// A reason without its numbers, so that `byte 12` and `byte 40` are counted together.
fn general(reason: &str) -> String {
    let mut out = String::with_capacity(reason.len());
    for c in reason.chars() {
        match c {
            '0'..='9' if out.ends_with('#') => {}
            '0'..='9' => out.push('#'),
            c => out.push(c),
        }
    }
    text::clean(&out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MessageKind;
    use crate::domain::journal::Transport;
    use crate::protocol::HeardFrame;

    fn trace(id: usize, n: i64) -> Trace {
        Trace {
            device: DeviceKey::jointech(&format!("{id:010}")),
            at: Utc::UNIX_EPOCH + chrono::TimeDelta::seconds(n),
            source: Source { transport: Transport::Tcp, peer: "127.0.0.1:1".parse().unwrap() },
            fate: "quarantined".into(),
            answered: false,
            frame: HeardFrame {
                protocol: Protocol::JointechMaster,
                raw: vec![1],
                messages: vec![Message::new(Protocol::JointechMaster, MessageKind::Position)],
                answers: vec![],
                password: None,
                sound: true,
                aside: Default::default(),
            },
        }
    }

    #[test]
    fn a_flood_of_ids_is_bounded_and_the_oldest_leaves() {
        let mut quarantine = Quarantine::default();
        let mut clock = 0;
        for id in 0..IDS + 100 {
            for _ in 0..20 {
                clock += 1;
                quarantine.knock(trace(id, clock));
            }
        }
        assert_eq!(quarantine.len(), IDS);
        assert!(quarantine.held <= RECORDS_IN_ALL);
        assert_eq!(quarantine.kind(&DeviceKey::jointech("0000000000")), None);
        assert_eq!(
            quarantine.held,
            quarantine.ids.values().flat_map(|w| &w.kept).map(Trace::records).sum::<usize>()
        );
        assert!(quarantine.release(&DeviceKey::jointech(&format!("{:010}", IDS + 99))));
    }

    #[test]
    fn a_frame_of_many_records_counts_as_many() {
        let mut quarantine = Quarantine::default();
        for n in 0..FRAMES as i64 {
            let mut batch = trace(1, n);
            batch.frame.messages = vec![batch.frame.messages[0].clone(); 80];
            quarantine.knock(batch);
        }
        let key = DeviceKey::jointech(&format!("{:010}", 1));
        assert_eq!(quarantine.held, quarantine.ids[&key].kept.len() * 80);
        assert!(quarantine.held <= RECORDS_IN_ALL && quarantine.held > RECORDS_IN_ALL - 80);
        assert!(quarantine.release(&key));
        assert_eq!(quarantine.held, 0);
    }

    fn unread(bytes: &[u8]) -> Unread {
        Unread {
            reason: "bytes that begin no frame".into(),
            protocol: Protocol::Unknown,
            device: None,
            bytes: bytes.to_vec(),
            length: bytes.len(),
        }
    }

    #[test]
    fn what_comes_nearest_belongs_to_the_sample_beside_it() {
        let mut quarantine = Quarantine::default();
        let source = Source { transport: Transport::Tcp, peer: "127.0.0.1:1".parse().unwrap() };
        for bytes in [&b"GET / HTTP/1.1"[..], b"(8000620011,@JT)", b"~~", b"(8000620011,@JT"] {
            quarantine.refuse(&unread(bytes), None, source, Utc::UNIX_EPOCH);
            let [row] = <[RefusedRow; 1]>::try_from(quarantine.refused_rows()).unwrap();
            assert_eq!(row.sample, hex::encode(bytes));
            let explanation = explain(bytes);
            let verdict = explanation.verdict.unwrap_or_default();
            let told = row.nearest.unwrap_or_default();
            assert!(told.contains(&text::clean(&verdict)), "{told} / {verdict}");
            assert_eq!(told.contains(&explanation.frame), explanation.frame != NO_FRAME, "{told}");
        }
    }

    #[test]
    fn a_sample_that_was_cut_is_not_told_to_have_ended_early() {
        let mut quarantine = Quarantine::default();
        let source = Source { transport: Transport::Tcp, peer: "127.0.0.1:1".parse().unwrap() };
        let mut cut = unread(&hex::decode("7e0200004d794308010679013800000000022c004e").unwrap());
        cut.length = 92;
        quarantine.refuse(&cut, None, source, Utc::UNIX_EPOCH);
        let nearest = quarantine.refused_rows()[0].nearest.clone().unwrap();
        assert!(
            nearest.starts_with("seal 0x0200 position report: only its first 21 of 92 bytes"),
            "{nearest}"
        );
        assert!(!nearest.contains("without its closing"), "{nearest}");
    }

    #[test]
    fn reasons_are_counted_together_whatever_their_numbers_are() {
        assert_eq!(general("ends after 12 of 62 bytes"), "ends after # of # bytes");
    }
}
