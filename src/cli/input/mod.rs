//! What `decode` and `replay` read: hex lines, raw binary, network captures. What a file holds is told by its content,
//! never by its name.

mod capture;
mod packet;
mod stream;
#[cfg(test)]
mod tests;

use super::Failure;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Port of the devices in a capture, if none is named.
pub(super) const PORT: u16 = 8888;

/// Largest file that is read into memory. A larger one is refused; captures can be cut before.
const LARGEST: u64 = 256 << 20;

/// Where bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A line of a file of hex lines.
    Line(usize),
    /// A whole file of raw bytes.
    File,
    Tcp(SocketAddr),
    Udp(SocketAddr),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::File => f.write_str("raw bytes"),
            Self::Tcp(from) => write!(f, "tcp {from}"),
            Self::Udp(from) => write!(f, "udp {from}"),
        }
    }
}

/// Bytes that became known at one moment: a datagram, or what a packet added to a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Place among all pieces of the file.
    pub(super) order: usize,
    /// Since the file's first packet; zero where nothing tells time.
    pub(super) at: Duration,
    pub(super) bytes: Vec<u8>,
}

/// What one device said by one connection, or by datagrams from one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) source: Source,
    pub(super) pieces: Vec<Piece>,
}

/// What a capture holds for the port of the devices.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Captured {
    /// In the order of their first bytes; none is empty.
    pub(super) flows: Vec<Flow>,
    /// What was left out and why, a sentence each.
    pub(super) warnings: Vec<String>,
}

/// An opened input.
pub(super) enum Input {
    /// Lines of text: hex, comments, blanks.
    Lines(Box<dyn BufRead>),
    /// Bytes as a device sends them.
    Raw(Box<dyn BufRead>),
    Captured(Captured),
}

/// What the beginning of an input says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lines,
    Raw,
    Capture,
    Packed(&'static str),
}

/// Opens a file, or standard input. `raw` says that it is raw bytes whatever it looks like; `port` is the one that
/// devices speak to in a capture.
///
/// # Errors
/// One sentence that names the input.
pub(super) fn open(file: Option<&Path>, raw: bool, port: u16) -> Result<Input, Failure> {
    let name = file.map_or_else(|| "standard input".to_owned(), |path| path.display().to_string());
    let named = |why: &dyn fmt::Display| Failure::Failed(format!("{name}: {why}"));
    let input: Box<dyn BufRead> = match file {
        Some(path) => Box::new(BufReader::new(File::open(path).map_err(|e| named(&e))?)),
        None => Box::new(BufReader::new(io::stdin())),
    };
    read(input, raw, port).map_err(|why| named(&why))
}

fn read(mut input: Box<dyn BufRead>, raw: bool, port: u16) -> Result<Input, String> {
    let head = beginning(&mut input).map_err(|error| error.to_string())?;
    let kind = if raw { Kind::Raw } else { kind(&head) };
    let rest: Box<dyn BufRead> = Box::new(Cursor::new(head).chain(input));
    match kind {
        Kind::Lines => Ok(Input::Lines(rest)),
        Kind::Raw => Ok(Input::Raw(rest)),
        Kind::Capture => capture::read(&whole(rest)?, port).map(Input::Captured),
        Kind::Packed(with) => Err(format!("packed with {with}; unpack it first")),
    }
}

/// Everything that is left, if it is not too much.
///
/// # Errors
/// One sentence.
pub(super) fn whole(input: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    input.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("larger than {} MiB; cut it into parts first", LARGEST >> 20));
    }
    Ok(bytes)
}

/// The first bytes: enough to know what it is, but a line that is typed is not waited beyond.
fn beginning(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let more = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            more => more?,
        };
        let n = more.len();
        head.extend_from_slice(more);
        input.consume(n);
        if n == 0 || head.len() >= 4 || head.contains(&b'\n') {
            return Ok(head);
        }
    }
}

fn kind(head: &[u8]) -> Kind {
    if let Some(magic) = head.first_chunk::<4>() {
        match magic {
            // Microseconds and nanoseconds in both byte orders, and the format with longer records of old Linux.
            [0xA1, 0xB2, 0xC3, 0xD4] | [0xD4, 0xC3, 0xB2, 0xA1] => return Kind::Capture,
            [0xA1, 0xB2, 0x3C, 0x4D] | [0x4D, 0x3C, 0xB2, 0xA1] => return Kind::Capture,
            [0x34, 0xCD, 0xB2, 0xA1] | [0x0A, 0x0D, 0x0D, 0x0A] => return Kind::Capture,
            [0x1F, 0x8B, ..] => return Kind::Packed("gzip"),
            [0x28, 0xB5, 0x2F, 0xFD] => return Kind::Packed("zstd"),
            [0xFD, 0x37, 0x7A, 0x58] => return Kind::Packed("xz"),
            _ => {}
        }
    }
    if is_text(head) && !begins_a_frame(head) { Kind::Lines } else { Kind::Raw }
}

/// Text, as far as one sees: a character may be cut at the end.
fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    whole && head.iter().all(|b| !b.is_ascii_control() || b.is_ascii_whitespace())
}

/// Whether the first line that is no comment starts like a frame in text rather than like hex.
fn begins_a_frame(head: &[u8]) -> bool {
    let mut lines = head.split(|b| *b == b'\n').map(|line| line.trim_ascii());
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    first.is_some_and(|line| matches!(line, [b'$' | b'(' | b'~' | b'@', ..]))
}
