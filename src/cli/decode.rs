//! `lockyard decode`: what frames mean, one JSON object per message; or, explained, each frame field by field.

use super::Failure;
use super::explain::{Entry, Style};
use super::input::{self, Captured, Input, Source};
use super::setup::tell;
use crate::console::tail::summary;
use crate::domain::explain::Explanation;
use crate::domain::{MessageKind, Protocol};
use crate::protocol::explain::explain;
use crate::protocol::{Connection, Heard, HeardFrame, Memory, Settings, json};
use serde_json::{Value, json};
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::sync::Arc;

/// What is wanted of `decode`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    /// Show passwords in the replies.
    pub(super) show_secrets: bool,
    /// Field by field.
    pub(super) explain: bool,
    /// Objects rather than tables, when explaining.
    pub(super) json: bool,
    /// The input is raw bytes, whatever it looks like.
    pub(super) raw: bool,
    /// Port of the devices in a capture.
    pub(super) port: u16,
}

/// How what was heard is written.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// An object a message.
    Messages,
    /// An object a frame, with its fields.
    Explanations,
    Tables(Style),
}

/// The verb: frames from a file or standard input, objects or tables to standard output.
pub(super) fn command(file: Option<&Path>, wish: Wish) -> Result<(), Failure> {
    let form = match (wish.explain, wish.json) {
        (false, _) => Form::Messages,
        (true, true) => Form::Explanations,
        (true, false) => Form::Tables(Style::of_output()),
    };
    let input = input::open(file, wish.raw, wish.port)?;
    let out = io::BufWriter::new(io::stdout().lock());
    let any_invalid = Decoder::new(out, form, wish.show_secrets)
        .run(input)
        .or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(false) } else { Err(error) })
        .map_err(Failure::failed)?;
    if any_invalid { Err(Failure::Failed("some of it is invalid, see above".into())) } else { Ok(()) }
}

/// Longest line of input; a longer one is told as invalid and left out.
const LONGEST_LINE: u64 = 1 << 20;

/// Raw bytes are read in pieces of this size.
const CHUNK: usize = 16 * 1024;

/// Reads lines of hex (spaces inside are allowed; blank lines and `#` comments are skipped) as consecutive reads of
/// one connection and writes one JSON object per message. The end of the input ends the connection. Tells whether
/// any object is `invalid`. Passwords are shown in `reply`, and nowhere else, if `show_secrets`.
///
/// # Errors
/// Reading or writing failed.
pub fn run(input: impl BufRead, out: impl Write, show_secrets: bool) -> io::Result<bool> {
    let mut decoder = Decoder::new(out, Form::Messages, show_secrets);
    decoder.lines(input)?;
    decoder.out.flush()?;
    Ok(decoder.any_invalid)
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let available = input.fill_buf()?;
        let end = available.iter().position(|b| *b == b'\n');
        let n = end.map_or(available.len(), |n| n.saturating_add(1));
        input.consume(n);
        if end.is_some() || n == 0 {
            return Ok(());
        }
    }
}

fn bytes_of(line: &[u8]) -> Result<Vec<u8>, hex::FromHexError> {
    let digits: Vec<u8> = line.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    if digits.starts_with(b"#") { Ok(Vec::new()) } else { hex::decode(digits) }
}

struct Decoder<W> {
    out: W,
    form: Form,
    show_secrets: bool,
    /// What devices told before: shared by all connections, as in a node.
    memory: Arc<Memory>,
    /// Frames and refused bytes told so far.
    told: usize,
    any_invalid: bool,
}

impl<W: Write> Decoder<W> {
    fn new(out: W, form: Form, show_secrets: bool) -> Self {
        let memory = Arc::new(Memory::new(Settings::default()));
        Self { out, form, show_secrets, memory, told: 0, any_invalid: false }
    }

    /// Reads all of it; tells whether anything is invalid.
    fn run(mut self, input: Input) -> io::Result<bool> {
        match input {
            Input::Lines(input) => self.lines(input)?,
            Input::Raw(input) => self.raw(input)?,
            Input::Captured(captured) => self.captured(captured)?,
        }
        self.out.flush()?;
        Ok(self.any_invalid)
    }

    fn connection(&self) -> Connection {
        Connection::new(self.memory.clone())
    }

    fn lines(&mut self, mut input: impl BufRead) -> io::Result<()> {
        let mut connection = self.connection();
        let mut line = Vec::new();
        let mut number = 0_u64;
        loop {
            line.clear();
            if (&mut input).take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            number = number.saturating_add(1);
            let is_whole = line.ends_with(b"\n") || (line.len() as u64) < LONGEST_LINE;
            if !is_whole {
                skip_line(&mut input)?;
            }
            match is_whole.then(|| bytes_of(&line)) {
                None => self.bad_line(format!("line {number}: longer than 1 MiB, left out"))?,
                Some(Err(error)) => self.bad_line(format!(
                    "line {number}: not hex: {error}; bytes as a device sends them: --raw"
                ))?,
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => {
                    if connection.buffered() == 0 {
                        connection.forget_family();
                    }
                    connection.push(&bytes);
                    self.drain(&mut connection, None)?;
                }
            }
        }
        connection.close();
        self.drain(&mut connection, None)
    }

    /// All bytes as one connection.
    fn raw(&mut self, mut input: impl Read) -> io::Result<()> {
        let mut connection = self.connection();
        let mut chunk = vec![0; CHUNK];
        loop {
            match input.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => connection.push(chunk.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            self.drain(&mut connection, None)?;
        }
        connection.close();
        self.drain(&mut connection, None)
    }

    /// Flow after flow; a datagram is whole frames, as a node takes it.
    fn captured(&mut self, captured: Captured) -> io::Result<()> {
        for warning in &captured.warnings {
            tell(warning);
        }
        for flow in &captured.flows {
            let mut connection = self.connection();
            for piece in &flow.pieces {
                connection.push(&piece.bytes);
                if matches!(flow.source, Source::Udp(_)) {
                    connection.finish();
                }
                self.drain(&mut connection, Some(flow.source))?;
            }
            connection.close();
            self.drain(&mut connection, Some(flow.source))?;
        }
        Ok(())
    }

    fn drain(&mut self, connection: &mut Connection, from: Option<Source>) -> io::Result<()> {
        while let Some(heard) = connection.next() {
            match heard {
                Heard::Frame(frame) => self.frame(&frame, from)?,
                Heard::Refused { reason, protocol, device, bytes, length } => {
                    let error = if length > bytes.len() {
                        format!("{reason} (the first {} of {length} bytes are shown)", bytes.len())
                    } else {
                        reason
                    };
                    let object = json::refused(protocol, device, error.clone(), &bytes);
                    self.invalid(&bytes, length, &error, object, from)?;
                }
            }
        }
        Ok(())
    }

    fn bad_line(&mut self, error: String) -> io::Result<()> {
        let object = json::refused(Protocol::Unknown, None, error.clone(), &[]);
        self.invalid(&[], 0, &error, object, None)
    }

    fn frame(&mut self, frame: &HeardFrame, from: Option<Source>) -> io::Result<()> {
        self.told += 1;
        self.any_invalid |= frame.messages.iter().any(|m| m.kind == MessageKind::Invalid);
        let answers: String = frame.answers.iter().map(|a| a.shown(self.show_secrets)).collect();
        let reply = Some(answers).filter(|text| !text.is_empty());
        let last = frame.messages.len().saturating_sub(1);
        let object = |(n, message)| json::object(message, reply.clone().filter(|_| n == last), &frame.raw);
        let objects: Vec<Value> = frame.messages.iter().enumerate().map(object).collect();
        match self.form {
            Form::Messages => objects.iter().try_for_each(|object| writeln!(self.out, "{object}")),
            Form::Explanations => self.explanation(&explain(&frame.raw), objects, from),
            Form::Tables(style) => {
                let messages: Vec<String> = objects.iter().map(summary).collect();
                let text = style.entry(&Entry {
                    number: self.told,
                    from: from.map(|from| from.to_string()),
                    length: frame.raw.len(),
                    explanation: &explain(&frame.raw),
                    refused: None,
                    messages: &messages,
                    answer: reply.as_deref(),
                });
                writeln!(self.out, "{text}")
            }
        }
    }

    /// Bytes that are no frame, or input that is no bytes.
    fn invalid(
        &mut self,
        bytes: &[u8],
        length: usize,
        error: &str,
        object: Value,
        from: Option<Source>,
    ) -> io::Result<()> {
        self.told += 1;
        self.any_invalid = true;
        let explanation = || match bytes {
            [] => Explanation { frame: "nothing to read".into(), ..Explanation::default() },
            bytes => explain(bytes).of_the_first(bytes.len(), length),
        };
        match self.form {
            Form::Messages => writeln!(self.out, "{object}"),
            Form::Explanations => self.explanation(&explanation(), vec![object], from),
            Form::Tables(style) => {
                let text = style.entry(&Entry {
                    number: self.told,
                    from: from.map(|from| from.to_string()),
                    length,
                    explanation: &explanation(),
                    refused: Some(error),
                    messages: &[],
                    answer: None,
                });
                writeln!(self.out, "{text}")
            }
        }
    }

    fn explanation(
        &mut self,
        explanation: &Explanation,
        messages: Vec<Value>,
        from: Option<Source>,
    ) -> io::Result<()> {
        let mut object = json!(explanation);
        object["messages"] = Value::Array(messages);
        if let Some(from) = from {
            object["from"] = json!(from.to_string());
        }
        writeln!(self.out, "{object}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::MASK;

    fn decode(input: &str, show_secrets: bool) -> (Vec<Value>, bool) {
        let mut out = Vec::new();
        let any_invalid = run(input.as_bytes(), &mut out, show_secrets).unwrap();
        let text = String::from_utf8(out).unwrap();
        (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), any_invalid)
    }

    fn lines(frames: &[&str]) -> String {
        frames.iter().map(|frame| format!("{}\n", hex::encode(frame))).collect()
    }

    #[test]
    fn comments_blanks_and_spaces_are_allowed() {
        let input = "# a heartbeat\n\n28 38 30 30 30 36 32 30 30 31 31\r\n  2c 40 4A 54 29  \n";
        let (objects, any_invalid) = decode(input, false);
        assert!(!any_invalid);
        assert_eq!(objects.len(), 1);
        assert_eq!(objects[0]["kind"], "heartbeat");
        assert_eq!(objects[0]["events"], serde_json::json!([]));
        for key in
            ["time", "position", "lock", "valve", "battery_pct", "sub_device", "command", "reply", "error"]
        {
            assert!(objects[0][key].is_null() && objects[0].get(key).is_some(), "{key}");
        }
    }

    #[test]
    fn a_line_that_is_no_hex_is_told_by_its_number_and_the_rest_goes_on() {
        let input = format!("# one\nzz\nabc\n{}", lines(&["(8000620011,@JT)"]));
        let (objects, any_invalid) = decode(&input, false);
        assert!(any_invalid);
        assert_eq!(objects.len(), 3);
        assert!(objects[0]["error"].as_str().unwrap().starts_with("line 2: not hex"));
        assert!(objects[1]["error"].as_str().unwrap().starts_with("line 3: not hex"));
        assert_eq!(objects[0]["kind"], "invalid");
        assert_eq!(objects[2]["kind"], "heartbeat");
    }

    #[test]
    fn a_line_without_end_is_left_out() {
        let long = "0".repeat(usize::try_from(LONGEST_LINE).unwrap() * 2 + 1);
        let (objects, any_invalid) = decode(&format!("{long}\n{}", lines(&["(8000620011,@JT)"])), false);
        assert!(any_invalid);
        assert_eq!(objects[0]["error"], "line 1: longer than 1 MiB, left out");
        assert_eq!((objects.len(), &objects[1]["kind"]), (2, &Value::from("heartbeat")));
    }

    #[test]
    fn lines_are_reads_of_one_connection_and_each_is_detected_afresh() {
        // A frame over two lines; a seal's text; then a heartbeat, which belongs to no family any more.
        let input =
            lines(&["(800062", "0011,P22,2)", "(794104004140,1,001,BASE,2,TIME)", "(8000620011,@JT)"]);
        let (objects, any_invalid) = decode(&input, false);
        assert!(!any_invalid);
        let protocols: Vec<_> = objects.iter().map(|o| o["protocol"].as_str().unwrap()).collect();
        assert_eq!(protocols, ["jointech-master", "jointech-seal", "jointech-master"]);
    }

    #[test]
    fn what_is_left_at_the_end_is_invalid() {
        let (objects, any_invalid) = decode(&lines(&["(8000620011,@J"]), false);
        assert!(any_invalid);
        assert_eq!(objects.len(), 1);
        assert_eq!(objects[0]["device"], "8000620011");
        assert_eq!(objects[0]["error"], "ends after 14 bytes, unfinished");
        assert_eq!(objects[0]["raw"], hex::encode("(8000620011,@J"));
    }

    #[test]
    fn the_reply_stands_at_the_last_message_of_a_frame() {
        let body = "0000000000040002018195 68036ef38c005c00120000251118112611".replace(' ', "");
        let plain = hex::decode(format!("0210003a0007943080100001{}1c{body}1c{body}", "")).unwrap();
        let sum = plain.iter().fold(0, |sum, b| sum ^ b);
        let (objects, any_invalid) = decode(&format!("7e{}{sum:02x}7e", hex::encode(plain)), false);
        assert!(!any_invalid, "{objects:?}");
        assert_eq!(objects.len(), 2);
        assert!(objects[0]["reply"].is_null());
        assert!(objects[1]["reply"].as_str().unwrap().starts_with("hex:7e8001"));
        assert_eq!(objects[0]["raw"], objects[1]["raw"]);
    }

    /// Frames that carry 735912, in every way one can.
    fn secret_frames() -> Vec<String> {
        let texts = [
            "(8000620011,P52,2,735912)",
            "(8000620011,P52,0,000000,735912)",
            "(8000620011,P52,3,735912)",
            "(8000620011,P44,735912)",
            "(8000620011,P44,735912,888888)",
            "(8000620011,P43,735912)",
            "(8000620011,P06,host,8888,apn,user,735912,0)",
            "(740190311185,1,001,ELOCK,3,735912)",
            "(740190311185,1,001,ELOCK,1,735912)",
            "(8000620011,P52,2,735912",
            "(P52,2,735912)",
            "xx,P52,2,735912)",
            "2,735912)",
        ];
        let mut frames: Vec<String> = texts.iter().map(hex::encode).collect();
        let body = "0000000000040002018195 68036ef38c005c00120000251118112611".replace(' ', "");
        for kind in ["01", "02", "03", "05", "06", "07", "08", "10", "18", "1e", "1f", "20", "28", "29", "63"]
        {
            let item = format!("0b08{kind}{}07", hex::encode("735912"));
            let plain = hex::decode(format!("020000260007943080100001{body}{item}")).unwrap();
            let sum = plain.iter().fold(0, |sum, b| sum ^ b);
            let frame = |sum: u8| format!("7e{}{sum:02x}7e", hex::encode(&plain));
            frames.extend([frame(sum), frame(sum ^ 1)]);
        }
        frames
    }

    #[test]
    fn passwords_are_nowhere_but_in_a_reply_that_was_asked_to_show_them() {
        for frame in secret_frames() {
            for show in [false, true] {
                let (objects, _) = decode(&frame, show);
                assert!(!objects.is_empty(), "{frame}");
                for mut object in objects {
                    let reply = object.as_object_mut().unwrap().remove("reply").unwrap();
                    let rest = object.to_string();
                    let told = rest.contains("735912") || rest.contains(&hex::encode("735912"));
                    assert!(!told, "{frame}: {rest}");
                    assert!(show || !reply.to_string().contains("735912"), "{frame}: {reply}");
                }
            }
        }
    }

    #[test]
    fn show_secrets_shows_the_reply_as_it_is_sent() {
        let frame = lines(&["(8000620011,P52,2,735912)"]);
        assert_eq!(decode(&frame, false).0[0]["reply"], format!("(P52,2,{MASK})"));
        assert_eq!(decode(&frame, true).0[0]["reply"], "(P52,2,735912)");
    }
}
