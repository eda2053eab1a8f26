//! A frame field by field, as a table for people.

use super::console::utf8_locale;
use crate::console::widget::text::{tidy, width, wrap};
use crate::domain::explain::{Certainty, Explanation, Field};
use std::io::IsTerminal;

/// Cells of a table where no terminal says otherwise, and the narrowest and widest one.
const WIDTH: usize = 80;
const NARROWEST: usize = 60;
const WIDEST: usize = 160;

/// Cells between two columns.
const GAP: usize = 2;
/// Cells of the offset, and of the certainty.
const AT: usize = 4;
const SURE: usize = 10;

/// How tables are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    width: usize,
    ascii: bool,
    colour: bool,
}

/// One frame, or bytes that were none.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) number: usize,
    /// Where it came from, if that tells more than its number.
    pub(super) from: Option<String>,
    /// Bytes of it.
    pub(super) length: usize,
    pub(super) explanation: &'a Explanation,
    /// Why it was refused.
    pub(super) refused: Option<&'a str>,
    /// What it means, a line each.
    pub(super) messages: &'a [String],
    /// What would be answered.
    pub(super) answer: Option<&'a str>,
}

/// What a piece of text is painted for. Every one of them is a word as well: colour only helps the eye.
#[derive(Clone, Copy)]
enum Paint {
    Plain,
    Heading,
    Faint,
    Doubt,
    Bad,
}

impl Style {
    /// For standard output as it is: as wide as its terminal, coloured only there and never against `NO_COLOR`, ASCII
    /// where the locale asks for it.
    pub(super) fn of_output() -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let size = if is_terminal { crossterm::terminal::size().ok() } else { None };
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            width: size.map_or(WIDTH, |(columns, _)| usize::from(columns)).clamp(NARROWEST, WIDEST),
            ascii: !utf8_locale(),
            colour: is_terminal && !no_color && !is_dumb,
        }
    }

    fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Plain => return text.to_owned(),
            _ if !self.colour || text.is_empty() => return text.to_owned(),
            Paint::Heading => "1",
            Paint::Faint => "36",
            Paint::Doubt => "35",
            Paint::Bad => "1;31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Cleaned word by word: a line of a message may be longer than a text that is cleaned at once.
    fn clean(self, text: &str) -> String {
        text.split(' ').map(|word| tidy(word, self.ascii)).collect::<Vec<_>>().join(" ")
    }

    /// The whole entry, with a line feed at its end.
    pub(super) fn entry(self, entry: &Entry<'_>) -> String {
        let mut out = String::new();
        let verb = if entry.refused.is_some() { "refused " } else { "" };
        let bytes = if entry.length == 1 { "byte" } else { "bytes" };
        let from = entry.from.as_deref().map(|from| format!(", {from}")).unwrap_or_default();
        let head =
            format!("{verb}{}  {}, {} {bytes}{from}", entry.number, entry.explanation.frame, entry.length);
        self.lines(&mut out, Paint::Heading, "", &head);
        self.table(&mut out, &entry.explanation.fields);
        if let Some(reason) = entry.refused {
            self.lines(&mut out, Paint::Bad, "refused", reason);
        }
        if let Some(verdict) = &entry.explanation.verdict {
            self.lines(&mut out, Paint::Bad, "verdict", verdict);
        }
        for message in entry.messages {
            self.lines(&mut out, Paint::Plain, "message", message);
        }
        if entry.refused.is_none() {
            self.lines(&mut out, Paint::Plain, "answer", entry.answer.unwrap_or("none"));
        }
        out
    }

    /// A label and text, wrapped below itself.
    fn lines(self, out: &mut String, paint: Paint, label: &str, text: &str) {
        let indent = if label.is_empty() { 0 } else { "message".len() + GAP };
        for (n, part) in wrap(&self.clean(text), self.width - indent).into_iter().enumerate() {
            let label = if n == 0 { label } else { "" };
            out.push_str(&self.paint(Paint::Faint, label));
            out.push_str(&" ".repeat(indent - label.len()));
            out.push_str(&self.paint(paint, &part));
            out.push('\n');
        }
    }

    fn table(self, out: &mut String, fields: &[Field]) {
        if fields.is_empty() {
            return;
        }
        let columns = Columns::of(self.width);
        let heads = ["at", "bytes", "name", "value", "certainty"].map(|head| vec![head.to_owned()]);
        self.row(out, columns, &heads, [Paint::Faint; 5]);
        let mut place = None;
        for field in fields {
            let here = (field.at, field.length, &field.bytes);
            // A part that repeats the place of its whole does not say it again.
            let again = field.depth > 0 && place == Some(here);
            place = Some(here);
            let at = if again { String::new() } else { field.at.to_string() };
            let bytes = if again { Vec::new() } else { self.bytes(field, columns.bytes) };
            let indent = usize::from(field.depth.min(8)) * 2;
            let name: Vec<String> = wrap(&self.clean(&field.name), columns.name.saturating_sub(indent))
                .into_iter()
                .map(|part| format!("{:indent$}{part}", ""))
                .collect();
            let unit = if field.unit.is_empty() { String::new() } else { format!(" {}", field.unit) };
            let value = wrap(&self.clean(&format!("{}{unit}", field.value)), columns.value);
            let paint = match field.certainty {
                Certainty::Wrong => Paint::Bad,
                Certainty::Unknown => Paint::Doubt,
                _ => Paint::Plain,
            };
            let cells = [vec![at], bytes, name, value, vec![field.certainty.word().to_owned()]];
            self.row(out, columns, &cells, [Paint::Plain, Paint::Plain, paint, paint, paint]);
        }
    }

    /// Hex in pairs, on as many lines as it takes; a field that was cut says how long it is.
    fn bytes(self, field: &Field, width: usize) -> Vec<String> {
        let hex: Vec<char> = tidy(&field.bytes, self.ascii).chars().collect();
        let pairs: Vec<String> = hex.chunks(2).map(|pair| pair.iter().collect()).collect();
        let mut lines: Vec<String> = pairs.chunks((width + 1) / 3).map(|line| line.join(" ")).collect();
        if field.length > pairs.len() {
            lines.push(format!("{} bytes in all", field.length));
        }
        lines
    }

    /// A row of the table, as many lines as its highest cell.
    fn row(self, out: &mut String, columns: Columns, cells: &[Vec<String>; 5], paints: [Paint; 5]) {
        let widths = [AT, columns.bytes, columns.name, columns.value, SURE];
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for n in 0..height {
            let mut line = String::new();
            let mut owed = 0;
            for (at, ((cell, cells), paint)) in widths.iter().zip(cells).zip(paints).enumerate() {
                let text = cells.get(n).map_or("", String::as_str);
                let pad = cell.saturating_sub(width(text));
                if text.is_empty() {
                    owed += cell + GAP;
                    continue;
                }
                let before = if at == 0 { pad } else { 0 };
                line.push_str(&" ".repeat(owed + before));
                line.push_str(&self.paint(paint, text));
                owed = pad - before + GAP;
            }
            out.push_str(&line);
            out.push('\n');
        }
    }
}

/// Widths of the columns that share what offset and certainty leave.
#[derive(Debug, Clone, Copy)]
struct Columns {
    bytes: usize,
    name: usize,
    value: usize,
}

impl Columns {
    fn of(width: usize) -> Self {
        // A byte takes three cells, the last one two.
        let bytes = match width {
            ..72 => 4 * 3 - 1,
            72..100 => 6 * 3 - 1,
            100..140 => 8 * 3 - 1,
            _ => 16 * 3 - 1,
        };
        let rest = width.saturating_sub(AT + bytes + SURE + 4 * GAP);
        let name = rest * 9 / 20;
        Self { bytes, name, value: rest - name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { width: WIDTH, ascii: false, colour: false };

    fn field(at: usize, bytes: &str, depth: u8, name: &str, value: &str, certainty: Certainty) -> Field {
        Field {
            at,
            bytes: bytes.into(),
            length: bytes.len() / 2,
            depth,
            name: name.into(),
            value: value.into(),
            unit: String::new(),
            certainty,
        }
    }

    fn explanation() -> Explanation {
        let mut speed = field(30, "17", 0, "speed", "42.6", Certainty::Captured);
        speed.unit = "km/h".into();
        let mut photo = field(61, &"ab".repeat(32), 0, "picture", "JPEG", Certainty::Documented);
        photo.length = 1_024;
        Explanation {
            frame: "master binary".into(),
            fields: vec![
                field(0, "24", 0, "start", "$", Certainty::Documented),
                field(1, "8000620011", 0, "device", "8000620011", Certainty::Documented),
                speed,
                field(36, "e060", 0, "status", "e060", Certainty::Documented),
                field(36, "e060", 1, "motor", "locked", Certainty::Documented),
                field(36, "e060", 1, "bit 15", "1", Certainty::Unknown),
                field(38, "0f", 1, "a part at a place of its own", "15", Certainty::Inferred),
                field(60, "63", 0, "month of the date", "63 is no month", Certainty::Wrong),
                photo,
            ],
            verdict: Some("byte 60: 63 is no month".into()),
        }
    }

    fn drawn(style: Style, explanation: &Explanation, refused: Option<&str>) -> String {
        let messages = ["position, lock locked, 51.90612,4.48346, 43 km/h, bat 71%, and a good deal more \
                         that does not fit into one line of a terminal"
            .to_owned()];
        style.entry(&Entry {
            number: 3,
            from: Some("tcp 198.51.100.7:40112".into()),
            length: 62,
            explanation,
            refused,
            messages: &messages,
            answer: Some("(P69,0,5)"),
        })
    }

    #[test]
    fn a_frame_reads_in_eighty_columns() {
        let text = drawn(PLAIN, &explanation(), None);
        assert!(text.lines().all(|line| width(line) <= WIDTH && line.trim_end() == line), "{text}");
        let want = "\
3  master binary, 62 bytes, tcp 198.51.100.7:40112
  at  bytes              name                value                    certainty
   0  24                 start               $                        documented
   1  80 00 62 00 11     device              8000620011               documented
  30  17                 speed               42.6 km/h                captured
  36  e0 60              status              e060                     documented
                           motor             locked                   documented
                           bit 15            1                        unknown
  38  0f                   a part at a       15                       inferred
                           place of its own
  60  63                 month of the date   63 is no month           WRONG
  61  ab ab ab ab ab ab  picture             JPEG                     documented
      ab ab ab ab ab ab
      ab ab ab ab ab ab
      ab ab ab ab ab ab
      ab ab ab ab ab ab
      ab ab
      1024 bytes in all
verdict  byte 60: 63 is no month
message  position, lock locked, 51.90612,4.48346, 43 km/h, bat 71%, and a good
         deal more that does not fit into one line of a terminal
answer   (P69,0,5)
";
        assert_eq!(text, want, "\n{text}");
    }

    #[test]
    fn every_width_is_kept() {
        for width_ in NARROWEST..=WIDEST {
            let style = Style { width: width_, ..PLAIN };
            let text = drawn(style, &explanation(), Some("wrong checksum"));
            assert!(text.lines().all(|line| width(line) <= width_), "{width_}\n{text}");
        }
    }

    #[test]
    fn refused_bytes_say_why_and_what_comes_nearest() {
        let explanation = Explanation {
            frame: "no known frame".into(),
            fields: vec![],
            verdict: Some("nearest: seal; the closing 7E is missing".into()),
        };
        let text = drawn(PLAIN, &explanation, Some("bytes that begin no frame"));
        assert!(text.starts_with("refused 3  no known frame, 62 bytes"), "{text}");
        assert!(text.contains("\nrefused  bytes that begin no frame\n"), "{text}");
        assert!(text.contains("\nverdict  nearest: seal; the closing 7E is missing\n"), "{text}");
        assert!(!text.contains("answer"), "refused bytes are never answered: {text}");
    }

    #[test]
    fn colour_changes_no_letter_and_ascii_is_ascii() {
        let plain = drawn(PLAIN, &explanation(), Some("x"));
        let coloured = drawn(Style { colour: true, ..PLAIN }, &explanation(), Some("x"));
        let mut stripped = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            stripped.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        stripped.push_str(rest);
        assert_eq!(stripped, plain);
        assert!(coloured.contains("\u{1b}[1;31mWRONG"), "{coloured:?}");
        let mut foreign = explanation();
        foreign.fields[0].value = "Häfen 7° … 港".into();
        let text = drawn(Style { ascii: true, ..PLAIN }, &foreign, None);
        assert!(text.is_ascii() && text.contains("H?fen 7o ~ ?"), "{text}");
    }

    #[test]
    fn nothing_from_a_device_steers_the_terminal() {
        const EVIL: &str = "x\u{1b}[2J\u{9b}31m\u{202e}gpj\r\n";
        let explanation = Explanation {
            frame: EVIL.into(),
            fields: vec![Field { unit: EVIL.into(), ..field(0, EVIL, 1, EVIL, EVIL, Certainty::Unknown) }],
            verdict: Some(EVIL.into()),
        };
        let messages = [EVIL.to_owned()];
        let text = PLAIN.entry(&Entry {
            number: 1,
            from: None,
            length: 1,
            explanation: &explanation,
            refused: Some(EVIL),
            messages: &messages,
            answer: Some(EVIL),
        });
        let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(bad), "{text:?}");
        assert_eq!(text.lines().count(), 8, "{text}");
    }
}
