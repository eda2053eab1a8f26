//! `lockyard decode`: explains frames given as hex, one JSON object per message.

use super::Failure;
use crate::domain::{MessageKind, Protocol};
use crate::protocol::{Connection, Heard, Memory, Settings, json};
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::sync::Arc;

/// The verb: frames from a file or standard input, objects to standard output.
pub(super) fn command(file: Option<&Path>, show_secrets: bool) -> Result<(), Failure> {
    let out = io::BufWriter::new(io::stdout().lock());
    let any_invalid = match file {
        None => run(io::stdin().lock(), out, show_secrets),
        Some(path) => {
            let file = File::open(path).map_err(|e| Failure::Failed(format!("{}: {e}", path.display())))?;
            run(io::BufReader::new(file), out, show_secrets)
        }
    }
    .map_err(Failure::failed)?;
    if any_invalid { Err(Failure::Failed("some of it is invalid, see above".into())) } else { Ok(()) }
}

/// Longest line of input; a longer one is told as invalid and left out.
const LONGEST_LINE: u64 = 1 << 20;

/// Reads lines of hex (spaces inside are allowed; blank lines and `#` comments are skipped) as consecutive reads of
/// one connection and writes one JSON object per message. The end of the input ends the connection. Tells whether
/// any object is `invalid`. Passwords are shown in `reply`, and nowhere else, if `show_secrets`.
///
/// # Errors
/// Reading or writing failed.
pub fn run(mut input: impl BufRead, mut out: impl Write, show_secrets: bool) -> io::Result<bool> {
    let memory = Arc::new(Memory::new(Settings::default()));
    let mut decoder = Decoder { connection: Connection::new(memory), show_secrets, any_invalid: false };
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
            None => decoder.bad_line(&mut out, format!("line {number}: longer than 1 MiB, left out"))?,
            Some(Err(error)) => decoder.bad_line(&mut out, format!("line {number}: not hex: {error}"))?,
            Some(Ok(bytes)) if bytes.is_empty() => {}
            Some(Ok(bytes)) => {
                if decoder.connection.buffered() == 0 {
                    decoder.connection.forget_family();
                }
                decoder.connection.push(&bytes);
                decoder.drain(&mut out)?;
            }
        }
    }
    decoder.connection.finish();
    decoder.drain(&mut out)?;
    out.flush()?;
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

struct Decoder {
    connection: Connection,
    show_secrets: bool,
    any_invalid: bool,
}

impl Decoder {
    fn drain(&mut self, out: &mut impl Write) -> io::Result<()> {
        while let Some(heard) = self.connection.next() {
            for object in self.objects(heard) {
                writeln!(out, "{object}")?;
            }
        }
        Ok(())
    }

    fn bad_line(&mut self, out: &mut impl Write, error: String) -> io::Result<()> {
        self.any_invalid = true;
        writeln!(out, "{}", json::refused(Protocol::Unknown, None, error, &[]))
    }

    fn objects(&mut self, heard: Heard) -> Vec<Value> {
        match heard {
            Heard::Frame(frame) => {
                let answers: String = frame.answers.iter().map(|a| a.shown(self.show_secrets)).collect();
                let reply = Some(answers).filter(|text| !text.is_empty());
                let last = frame.messages.len().saturating_sub(1);
                let object =
                    |(n, message)| json::object(message, reply.clone().filter(|_| n == last), &frame.raw);
                self.any_invalid |= frame.messages.iter().any(|m| m.kind == MessageKind::Invalid);
                frame.messages.iter().enumerate().map(object).collect()
            }
            Heard::Refused { reason, protocol, device, bytes, length } => {
                self.any_invalid = true;
                let error = if length > bytes.len() {
                    format!("{reason} (the first {} of {length} bytes are shown)", bytes.len())
                } else {
                    reason
                };
                vec![json::refused(protocol, device, error, &bytes)]
            }
        }
    }
}
