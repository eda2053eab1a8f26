//! Bofan frames, field by field: the same tables and readings as the decoder's.
//!
//! What stands side by side tiles the frame: every byte is in exactly one field of depth 0.

use super::codes::{Code, is_documented, line_is_on, number};
use super::delta::Delta;
use super::fields::{Slot, Slots, What};
use super::frame::{ChunkHead, HEADER, NOT_COMPUTED, checksum_fits, cut, pieces, xor};
use super::secrets;
use super::sentence::{
    self, Line, calendar, clock, counts, decimal, digits, kmh, latitude, letter, longitude,
};
use crate::domain::MessageKind;
use crate::domain::explain::{Certainty, Explanation, Field};
use crate::domain::text::{clean, clean_bytes};
use crate::protocol::Cut;
use crate::protocol::detect::Framing;

/// Bytes of one field that are shown.
const SHOWN: usize = 32;

/// Most fields of one explanation; what is left of the frame is one last field.
const MOST: usize = 1000;

/// Explains one frame as [`cut`](super::cut) delimits it.
pub(crate) fn explain(frame: &[u8], framing: Framing) -> Explanation {
    let original = frame;
    let masked = secrets::masked(frame);
    let frame = masked.as_slice();
    let mut out = Writer { frame, at: 0, fields: Vec::new(), verdict: None };
    if framing == Framing::BofanFrame {
        out.header(original);
    } else if !matches!(cut(frame), Cut::Frame(n) | Cut::Quiet(n) if n == frame.len()) {
        out.wrong(match cut(frame) {
            Cut::Bad { reason, .. } => reason.to_owned(),
            Cut::NeedMore => "it ends too early".to_owned(),
            Cut::Frame(n) | Cut::Quiet(n) => format!("more follows after its {n} bytes"),
        });
    }
    for piece in pieces(frame) {
        match piece.wrong {
            Some(reason) => {
                out.wrong(reason.to_owned());
                out.field(piece.bytes.len(), "unreadable", reason.to_owned(), "", Certainty::Wrong);
            }
            None => out.piece(piece.bytes),
        }
    }
    let left = frame.len().saturating_sub(out.at);
    out.field(left, "rest", "not looked at any more".to_owned(), "", Certainty::Unknown);
    Explanation { frame: name(frame, framing), fields: out.fields, verdict: out.verdict }
}

fn name(frame: &[u8], framing: Framing) -> String {
    let body = if framing == Framing::BofanFrame { frame.get(HEADER..).unwrap_or_default() } else { frame };
    let what = match body {
        [b'@', ..] => "delta",
        _ if ChunkHead::read(body).is_some() => "piece of a photo",
        _ if body.starts_with(b"$FUS") => "firmware announcement",
        _ => "sentence",
    };
    let framed = if framing == Framing::BofanFrame { " in a BF FB frame" } else { "" };
    format!("Bofan {what}{framed}")
}

struct Writer<'a> {
    frame: &'a [u8],
    at: usize,
    fields: Vec<Field>,
    verdict: Option<String>,
}

impl Writer<'_> {
    /// The first thing wrong is the verdict.
    fn wrong(&mut self, reason: String) {
        self.verdict.get_or_insert(reason);
    }

    /// The next `length` bytes. None of them: no field.
    fn field(&mut self, length: usize, name: &str, value: String, unit: &str, certainty: Certainty) {
        let full = self.fields.len() >= MOST;
        let to = if full { self.frame.len() } else { self.at.saturating_add(length) };
        if to > self.at && self.fields.len() <= MOST {
            self.put(self.at, to, 0, name, value, unit, certainty);
            self.at = to;
        }
    }

    /// A part of the field before it, `length` bytes from its byte `from` on.
    fn part(&mut self, from: usize, length: usize, name: &str, value: String, certainty: Certainty) {
        if self.fields.len() < MOST {
            self.put(from, from.saturating_add(length), 1, name, value, "", certainty);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "they are the columns of one row")]
    fn put(
        &mut self,
        at: usize,
        to: usize,
        depth: u8,
        name: &str,
        value: String,
        unit: &str,
        certainty: Certainty,
    ) {
        let bytes = self.frame.get(at..to.min(self.frame.len())).unwrap_or_default();
        self.fields.push(Field {
            at,
            bytes: hex::encode(bytes.get(..SHOWN).unwrap_or(bytes)),
            length: bytes.len(),
            depth,
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            certainty,
        });
    }

    /// `frame`: as it was received, because secrets count in its check.
    fn header(&mut self, frame: &[u8]) {
        self.field(2, "start", "BF FB".to_owned(), "", Certainty::Documented);
        let check = frame.get(2).copied().unwrap_or_default();
        let body = frame.get(HEADER..).unwrap_or_default();
        let (value, certainty) = if check == NOT_COMPUTED && check != xor(body) {
            ("FF: not computed".to_owned(), Certainty::Inferred)
        } else if checksum_fits(frame) {
            (format!("{check:02X}, right"), Certainty::Captured)
        } else {
            self.wrong(format!("the check is {check:02X}, the XOR of the body {:02X}", xor(body)));
            (format!("{check:02X}, wrong: {:02X}", xor(body)), Certainty::Wrong)
        };
        self.field(1, "check (XOR of the body)", value, "", certainty);
        let told = match frame {
            [_, _, _, low, high, ..] => usize::from(u16::from_le_bytes([*low, *high])),
            _ => 0,
        };
        let (value, certainty) = if told == frame.len() {
            (told.to_string(), Certainty::Documented)
        } else {
            self.wrong(format!("the length says {told} of {} bytes", frame.len()));
            (format!("{told}, but there are {}", frame.len()), Certainty::Wrong)
        };
        self.field(2, "length of the whole frame", value, "bytes", certainty);
    }

    fn piece(&mut self, bytes: &[u8]) {
        if bytes.first() == Some(&b'@') {
            return self.delta(bytes);
        }
        if let Some(head) = ChunkHead::read(bytes) {
            return self.chunk(head, bytes);
        }
        let Some((text, stored)) = sentence::split_end(bytes) else {
            self.wrong("not a line of text of up to 512 bytes".to_owned());
            return self.field(bytes.len(), "unreadable", clean_bytes(bytes), "", Certainty::Wrong);
        };
        match sentence::read(bytes) {
            Ok(Line::Report(_)) => self.sentence(text),
            Ok(Line::Firmware { message, .. }) => self.firmware(text, &message.details),
            Ok(Line::Other(message)) => self.other(text, message.kind),
            Err(senseless) => {
                self.wrong(senseless.reason.to_owned());
                self.sentence(text);
            }
        }
        self.end(bytes.len().saturating_sub(text.len()), stored);
    }

    fn end(&mut self, length: usize, stored: bool) {
        let (value, certainty) = if stored {
            ("# : a record out of the device's memory", Certainty::Inferred)
        } else {
            ("live", Certainty::Captured)
        };
        self.field(length, "end", value.to_owned(), "", certainty);
    }

    fn sentence(&mut self, text: &str) {
        let slots = Slots::of(text);
        let begin = self.at;
        let all = slots.all();
        for (n, slot) in all.iter().enumerate() {
            let next = all.get(n.saturating_add(1)).map_or(text.len(), |next| next.at);
            let length = begin.saturating_add(next).saturating_sub(self.at);
            let first_of_kind = n.checked_sub(1).and_then(|n| all.get(n)).is_none_or(|b| b.what != slot.what);
            let number = all.iter().take(n).filter(|before| before.what == slot.what).count();
            let Told { name, value, unit, certainty } = told(slot, &slots, number);
            if certainty == Certainty::Wrong {
                self.wrong(format!("{name} cannot be read"));
            }
            self.field(length, &name, value, unit, certainty);
            if first_of_kind {
                self.parts(slot, begin.saturating_add(slot.at));
            }
        }
    }

    /// Lines and digits one by one.
    fn parts(&mut self, slot: &Slot<'_>, at: usize) {
        let each = |byte: u8| if byte == b'1' { "on" } else { "off" }.to_owned();
        match slot.what {
            What::Inputs | What::Outputs if sentence::lines(slot.text).is_some() => {
                for (n, byte) in slot.text.bytes().enumerate() {
                    let line = n.saturating_add(1);
                    let name = match (slot.what, line) {
                        (What::Inputs, 1) => "input 1 (SOS button)".to_owned(),
                        (What::Inputs, 4) => "input 4 (ignition)".to_owned(),
                        (What::Inputs, _) => format!("input {line}"),
                        (_, 1) => "output 1 (engine relay)".to_owned(),
                        _ => format!("output {line}"),
                    };
                    self.part(at.saturating_add(n), 1, &name, each(byte), Certainty::Inferred);
                }
            }
            What::State => {
                let names = ["battery", "signal", "satellites"];
                for (n, (name, digit)) in
                    names.iter().zip(digits(slot.text).into_iter().flatten()).enumerate()
                {
                    self.part(at.saturating_add(n), 1, name, format!("{digit} of 15"), Certainty::Inferred);
                }
            }
            _ => {}
        }
    }

    fn firmware(&mut self, text: &str, details: &crate::domain::Details) {
        let shown = |text: &Option<String>| text.clone().unwrap_or_default();
        self.field(4, "code", "FUS: firmware announcement".to_owned(), "", Certainty::Inferred);
        let rest = text.get(4..).unwrap_or_default();
        for (n, item) in rest.split_inclusive(',').enumerate() {
            let plain = clean(item.trim_end_matches(','));
            let (name, value, certainty) = match n {
                0 => ("device ID", plain, Certainty::Captured),
                1 => {
                    let value =
                        format!("model {}, firmware {}", shown(&details.model), shown(&details.firmware));
                    ("model and firmware", value, Certainty::Inferred)
                }
                2 => ("hardware", plain, Certainty::Inferred),
                _ => ("extra field of FUS", plain, Certainty::Unknown),
            };
            self.field(item.len(), name, value, "", certainty);
        }
    }

    /// A line that is no report: perhaps a reply.
    fn other(&mut self, text: &str, kind: MessageKind) {
        for (n, item) in text.split_inclusive(',').enumerate() {
            let plain = clean(item.trim_end_matches(','));
            let reply = kind == MessageKind::CommandReply;
            let (name, certainty) = match n {
                0 if reply => ("word of a reply", Certainty::Inferred),
                0 => ("word", Certainty::Unknown),
                _ => ("parameter", Certainty::Unknown),
            };
            self.field(item.len(), name, plain, "", certainty);
        }
    }

    fn chunk(&mut self, head: ChunkHead, bytes: &[u8]) {
        let numbers = bytes.get(4..).unwrap_or_default().split(|byte| *byte == b',').map(<[u8]>::len);
        let lengths: Vec<usize> = numbers.take(2).map(|length| length.saturating_add(1)).collect();
        self.field(4, "code", "PHD: piece of a photo".to_owned(), "", Certainty::Documented);
        for ((name, value), length) in [("offset", head.offset), ("length", head.length)].iter().zip(lengths)
        {
            self.field(length, name, value.to_string(), "bytes", Certainty::Documented);
        }
        let Some(content) = head.content(bytes) else {
            self.wrong("a piece of a photo shorter than it says".to_owned());
            let left = bytes.len().saturating_sub(head.at());
            return self.field(
                left,
                "photo",
                format!("only {left} of {} bytes", head.length),
                "",
                Certainty::Wrong,
            );
        };
        let value = if content.starts_with(&[0xFF, 0xD8]) { "begins a JPEG" } else { "raw" };
        self.field(content.len(), "photo", value.to_owned(), "", Certainty::Documented);
        let end = bytes.len().saturating_sub(head.at()).saturating_sub(content.len());
        self.field(end, "end", "live".to_owned(), "", Certainty::Captured);
    }

    fn delta(&mut self, bytes: &[u8]) {
        self.field(
            1,
            "start",
            "@: only what changed since the sentence before".to_owned(),
            "",
            Certainty::Captured,
        );
        let Some(delta) = Delta::read(bytes) else {
            self.wrong("a delta that breaks off".to_owned());
            let left = bytes.len().saturating_sub(1);
            return self.field(left, "changes", "cannot be read".to_owned(), "", Certainty::Wrong);
        };
        let check = format!("{:02X}", delta.check());
        self.field(1, "check (XOR of the sentence before)", check, "", Certainty::Captured);
        for (field, offset, text) in delta.edits() {
            let at = self.at;
            let name = format!("change of field {field}: {}", numbered(field));
            let value = format!("'{}' from character {offset} on", clean_bytes(text).escape_debug());
            self.field(text.len().saturating_add(3), &name, value, "", Certainty::Captured);
            self.part(at, 1, "field", field.to_string(), Certainty::Captured);
            self.part(at.saturating_add(1), 1, "offset", offset.to_string(), Certainty::Captured);
            self.part(at.saturating_add(2), 1, "length", text.len().to_string(), Certainty::Captured);
            let shown = clean_bytes(text);
            self.part(at.saturating_add(3), text.len(), "text", shown, Certainty::Captured);
        }
    }
}

/// The name of a field by its number in deltas. Behind the outputs it depends on how many analogue inputs the
/// sentence has.
fn numbered(number: u8) -> String {
    match What::of_head(usize::from(number)) {
        Some(what) => plain_name(what).to_owned(),
        None => match number {
            14 => plain_name(What::Inputs).to_owned(),
            15 => plain_name(What::Outputs).to_owned(),
            16 => format!("{} 1", plain_name(What::Adc)),
            _ => "behind the first analogue input, as many as the sentence has".to_owned(),
        },
    }
}

fn plain_name(what: What) -> &'static str {
    match what {
        What::Code => "code",
        What::Id => "device ID",
        What::Time => "time (UTC)",
        What::Fix => "fix",
        What::Latitude => "latitude",
        What::NorthSouth => "north or south",
        What::Longitude => "longitude",
        What::EastWest => "east or west",
        What::Speed => "speed",
        What::Course => "course",
        What::Date => "date",
        What::Variation => "magnetic variation",
        What::VariationSide => "side of the variation",
        What::Mode => "mode",
        What::ExtraHead => "extra field of the head",
        What::Inputs => "inputs",
        What::Outputs => "outputs",
        What::ExtraLines => "extra lines",
        What::Adc => "analogue input",
        What::Odometer => "odometer",
        What::Driver => "driver",
        What::State => "state: battery, signal, satellites",
        What::Spec => "spec",
        What::ExtraGroup => "extra group",
    }
}

struct Told {
    name: String,
    value: String,
    unit: &'static str,
    certainty: Certainty,
}

/// One field of a sentence. `number`: how many of its kind stand before it.
fn told(slot: &Slot<'_>, slots: &Slots<'_>, number_before: usize) -> Told {
    use Certainty::{Captured, Documented, Inferred, Unknown};
    let text = slot.text;
    let name = match slot.what {
        What::Adc => format!("{} {}", plain_name(What::Adc), number_before.saturating_add(1)),
        what => plain_name(what).to_owned(),
    };
    let mut unit = "";
    let mut with = |value: Option<String>, of: &'static str| {
        unit = of;
        value
    };
    let (value, sure) = match slot.what {
        What::Code => (code(text, slots), code_certainty(text)),
        What::Id => (number::<u128>(text, 20).map(|_| text.to_owned()), Documented),
        What::Time => (clock(text).map(|time| time.format("%H:%M:%S%.3f").to_string()), Captured),
        What::Fix => {
            let word = match text {
                "A" => Some("a fix"),
                "V" => Some("no fix: the place is the last one known"),
                _ => None,
            };
            (word.map(str::to_owned), Documented)
        }
        What::Latitude => {
            let value = latitude(text, slots.text(What::NorthSouth)).map(|degrees| format!("{degrees:.6}"));
            (with(value, "°"), Documented)
        }
        What::Longitude => {
            let value = longitude(text, slots.text(What::EastWest)).map(|degrees| format!("{degrees:.6}"));
            (with(value, "°"), Documented)
        }
        What::NorthSouth => (matches!(text, "N" | "S").then(|| text.to_owned()), Documented),
        What::EastWest => (matches!(text, "E" | "W").then(|| text.to_owned()), Documented),
        What::Speed => (with(kmh(text).map(|kmh| format!("{kmh} ({text} knots)")), "km/h"), Documented),
        What::Course => {
            let value = decimal(text).filter(|course| *course <= 360.0).map(|course| course.to_string());
            (with(value, "°"), Documented)
        }
        What::Date => (calendar(text).map(|date| date.to_string()), Documented),
        What::Mode => (letter(text).map(|letter| mode(letter).to_owned()), Inferred),
        What::Inputs | What::Outputs => (sentence::lines(text), Inferred),
        What::Adc => {
            let value = counts(text).and_then(|counts| counts.first().copied());
            (with(value.map(|count| count.to_string()), "counts"), Inferred)
        }
        What::Odometer => (with(number::<u64>(text, 12).map(|metres| metres.to_string()), "m"), Inferred),
        What::Driver => (Some(clean(text)), Documented),
        What::State => (digits(text).map(|_| text.to_owned()), Inferred),
        What::Spec
        | What::Variation
        | What::VariationSide
        | What::ExtraHead
        | What::ExtraLines
        | What::ExtraGroup => (Some(clean(text)), Unknown),
    };
    let (value, certainty) = match value {
        _ if text.is_empty() => ("-".to_owned(), sure),
        Some(value) => (value, sure),
        None => (format!("{} (odd)", clean(text)), Certainty::Wrong),
    };
    Told {
        name,
        value,
        unit: if certainty == Certainty::Wrong || text.is_empty() { "" } else { unit },
        certainty,
    }
}

fn code(text: &str, slots: &Slots<'_>) -> Option<String> {
    let code = Code::read(text)?;
    let inputs = slots.text(What::Inputs);
    let event = code.event(Some(inputs).filter(|inputs| line_is_on(Some(inputs), 1).is_some()));
    let word = event.and_then(|event| serde_json::to_value(event).ok());
    let word = word.as_ref().and_then(|event| event.get("name")?.as_str());
    Some(match (code, word) {
        (Code::Photo { size, camera }, _) => {
            let camera = camera.map(|camera| format!(" of camera {camera}")).unwrap_or_default();
            format!("{text}: offers a photo{camera}, {size} bytes")
        }
        (_, Some("custom")) => format!("{text}: a code without a name here"),
        (_, Some(word)) => format!("{text}: {word}"),
        (_, None) => format!("{text}: position"),
    })
}

fn code_certainty(text: &str) -> Certainty {
    match Code::read(text) {
        Some(Code::Photo { .. }) => Certainty::Documented,
        Some(Code::Plain("MLA" | "IN4" | "IN5" | "GEO")) => Certainty::Inferred,
        Some(Code::Plain(code)) if code.starts_with("IU") => Certainty::Inferred,
        Some(Code::Plain(code)) if is_documented(code) => Certainty::Documented,
        _ => Certainty::Unknown,
    }
}

fn mode(letter: char) -> &'static str {
    match letter {
        'A' => "A: autonomous",
        'D' => "D: differential",
        'E' => "E: estimated",
        'N' => "N: no fix",
        _ => "another letter of RMC",
    }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
