//! Jointech frames, field by field: the decoders read once more and tell what they read.

use super::fields::Reader;
use super::seal_frame::{self, Header, unescape};
use super::trace::{Trace, documented, unknown};
use super::{binary_length, legacy, master, seal, secrets, text, words};
use crate::domain::explain::Explanation;
use crate::domain::{DeviceKey, Message, MessageKind, Protocol};
use crate::protocol::Memory;
use crate::protocol::detect::Framing;
use crate::protocol::frame::Cut;
use chrono::FixedOffset;

/// Explains one frame. It may be cut short, be followed by other bytes or break its rules: every byte gets its field
/// all the same. `memory` tells the zone of a seal's clock.
pub(crate) fn explain(frame: &[u8], framing: Framing, memory: &Memory) -> Explanation {
    match framing {
        Framing::MasterBinary | Framing::LegacyBinary => binary(frame, framing == Framing::MasterBinary),
        Framing::JointechText => text_frame(frame),
        Framing::Seal => seal_frame(frame, memory),
        Framing::BofanText | Framing::BofanFrame | Framing::BofanDelta => Explanation::default(),
    }
}

fn explanation(name: String, trace: Trace, raw: &[u8]) -> Explanation {
    let (fields, wrong) = trace.finish(raw);
    Explanation { frame: name, fields, verdict: (!wrong.is_empty()).then(|| wrong.join("; ")) }
}

/// What stands behind the frame.
fn after(trace: &Trace, frame: &[u8], length: usize) {
    if frame.len() > length {
        trace.leave(length);
        trace.field(frame.len(), unknown("after the frame"), "not part of it");
    }
}

fn binary(bytes: &[u8], long: bool) -> Explanation {
    let trace = Trace::default();
    let length = binary_length(bytes, long).unwrap_or(usize::MAX);
    match bytes.get(..length) {
        Some(frame) if long => drop(master::read(frame, Some(&trace))),
        Some(frame) => drop(legacy::read(frame, Some(&trace))),
        None => {
            if long {
                master::read_content(bytes, Some(&trace));
            } else {
                legacy::read_content(bytes, Some(&trace));
            }
            trace.verdict(&format!("ends after {} bytes, its header says {length}", bytes.len()));
        }
    }
    after(&trace, bytes, length);
    explanation(if long { "master binary" } else { "legacy binary" }.to_owned(), trace, bytes)
}

fn text_frame(bytes: &[u8]) -> Explanation {
    match text::cut(bytes, &mut text::Progress::default()) {
        Cut::Frame(n) | Cut::Quiet(n) => whole_text(bytes, bytes.get(..n).unwrap_or_default(), None),
        // Read as if the bracket stood there: the names of the items there are help.
        Cut::NeedMore => {
            let closed = [bytes, b")"].concat();
            whole_text(bytes, &closed, Some("ends before its closing bracket"))
        }
        Cut::Bad { reason, .. } => {
            let mut raw = bytes.to_vec();
            secrets::mask_refused(&mut raw);
            let trace = Trace::default();
            trace.wrong(raw.len(), reason);
            explanation("text".to_owned(), trace, &raw)
        }
    }
}

/// Explains `bytes`, which hold the text `frame` or (with a flaw) its beginning.
fn whole_text(bytes: &[u8], frame: &[u8], flaw: Option<&str>) -> Explanation {
    let trace = Trace::default();
    let mut raw = bytes.to_vec();
    let mut name = "text".to_owned();
    match text::read(frame, None, &Memory::default(), Some(&trace)) {
        Ok(heard) => {
            let masked = heard.raw.get(..frame.len().min(raw.len())).unwrap_or_default();
            raw.splice(..masked.len(), masked.iter().copied());
            name = title(frame);
        }
        Err(_) => {
            secrets::mask_refused(&mut raw);
            let end = frame.len().saturating_sub(1);
            trace.field(end, unknown("items"), "no word of any family at its place");
            trace.verdict("a text in brackets, but no word of any family stands where one should");
        }
    }
    if let Some(flaw) = flaw {
        trace.verdict(flaw);
    } else {
        trace.leave(frame.len().saturating_sub(1));
        trace.field(frame.len(), documented("end", ""), ")");
        after(&trace, bytes, frame.len());
    }
    explanation(name, trace, &raw)
}

/// `text P45 lock report`.
fn title(frame: &[u8]) -> String {
    let inside = frame.strip_prefix(b"(").and_then(|f| f.strip_suffix(b")")).unwrap_or_default();
    let items: Vec<&str> = inside
        .split(|b| *b == b',')
        .take(6)
        .map(|item| std::str::from_utf8(item).unwrap_or_default())
        .collect();
    let word = |n: usize| {
        let (word, index) = (items.get(n)?, items.get(n.saturating_add(1)).copied().unwrap_or_default());
        Some(format!("text {word} {}", words::name(word, index)?))
    };
    match items.get(1) {
        Some(&"@JT") => "text @JT heartbeat".to_owned(),
        Some(second) => word(1).or_else(|| word(3)).or_else(|| word(2)).unwrap_or_else(|| {
            if second.starts_with(['U', 'W']) { format!("text {second}") } else { "text".to_owned() }
        }),
        None => "text".to_owned(),
    }
}

fn seal_frame(bytes: &[u8], memory: &Memory) -> Explanation {
    let trace = Trace::default();
    let (plain, mut places) = unescape(bytes);
    let closing = bytes.iter().skip(1).position(|b| *b == 0x7E).map(|n| n.saturating_add(1));
    places.push(closing.unwrap_or(bytes.len()));
    trace.enter(places.clone(), 0);
    trace.field(1, documented("start", ""), "7E");
    let mut reader = Reader::traced(&plain, 1, Some(&trace));
    let mut hidden = Vec::new();
    let mut is_sound = false;
    let name = match Header::read_from(&mut reader) {
        Ok(header) => {
            let zone = memory.dialect(&DeviceKey::jointech(&header.device())).clock;
            is_sound = seal_content(&trace, &plain, &header, zone, closing.is_some(), &mut hidden);
            format!("seal 0x{:04X} {}", header.message, seal::message_name(header.message))
                .trim_end()
                .to_owned()
        }
        Err(flaw) => {
            reader.fail(&flaw);
            "seal".to_owned()
        }
    };
    if let Some(closing) = closing {
        trace.leave(closing);
        trace.field(closing.saturating_add(1), documented("end", ""), "7E");
        after(&trace, bytes, closing.saturating_add(1));
    } else {
        trace.verdict(&format!("ends after {} bytes without its closing 7E", bytes.len()));
    }
    let mut raw = bytes.to_vec();
    seal_frame::mask(&mut raw, &places, &hidden);
    if !is_sound {
        secrets::mask_refused(&mut raw);
    }
    explanation(name, trace, &raw)
}

/// Body and checksum; whether the frame keeps the rules.
fn seal_content(
    trace: &Trace,
    plain: &[u8],
    header: &Header,
    zone: FixedOffset,
    is_closed: bool,
    hidden: &mut Vec<usize>,
) -> bool {
    // Without its end a frame may lack its checksum, too.
    let has_sum = is_closed || plain.len() >= header.length();
    let end = plain.len().saturating_sub(usize::from(has_sum)).max(header.body_at).min(plain.len());
    let content = plain.get(..end).unwrap_or_default();
    let reader = Reader::traced(content, header.body_at, Some(trace)).in_zone(zone);
    let there = end.saturating_sub(header.body_at);
    let is_whole = plain.len() == header.length();
    if !is_whole {
        trace.verdict(&format!("the body has {there} bytes, its head says {}", header.body_length()));
    }
    if header.split.is_some_and(|(_, count)| count > 1) {
        trace.field(end, documented("part of a message in several packets", ""), "");
    } else {
        let mut blank = Message::new(Protocol::JointechSeal, MessageKind::Other);
        blank.device = Some(header.device());
        drop(seal::body(reader, header, &blank, hidden));
    }
    // What the message did not read.
    trace.field(end, unknown("not read"), "");
    if !has_sum || plain.len() <= end {
        return false;
    }
    let told = plain.last().copied().unwrap_or(0);
    let sum = content.iter().skip(1).fold(0, |sum, byte| sum ^ byte);
    let is_masked = !hidden.is_empty() && hidden.iter().all(|at| plain.get(*at) == Some(&b'*'));
    let name = documented("checksum", "");
    if told == sum {
        trace.field(plain.len(), name, format_args!("{told:#04x} right"));
    } else if is_masked {
        trace.field(plain.len(), name, format_args!("{told:#04x}, cannot be checked: secrets are masked"));
    } else {
        trace.field(plain.len(), name.wrong(), format_args!("{told:#04x}, should be {sum:#04x}"));
        trace.verdict(&format!("the checksum is {told:#04x}, should be {sum:#04x}"));
    }
    is_whole && (told == sum || is_masked)
}
