//! The room as its caller sees it: streams in, messages out.
#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that reads out of range has failed, as it should"
)]

use super::{Bases, Said, checksum_fits, cut, frame::xor};
use crate::{
    domain::{DeviceEvent, Message, MessageKind, message::Level},
    protocol::Cut,
};
use proptest::prelude::*;
use serde_json::Value;
use std::{cell::RefCell, collections::HashMap};

mod chains;
mod deltas;
mod names;
mod sentences;
mod streams;

/// Bases in memory; every device that spoke is known.
#[derive(Default)]
struct Memory(RefCell<HashMap<String, Vec<u8>>>);

impl Bases for Memory {
    fn base(&self, device: &str) -> Option<Vec<u8>> {
        self.0.borrow().get(device).cloned()
    }
}

/// Whoever admits devices.
trait Keeper: Bases {
    fn keep(&self, device: &str, base: &[u8]);
}

impl Keeper for Memory {
    fn keep(&self, device: &str, base: &[u8]) {
        self.0.borrow_mut().insert(device.to_owned(), base.to_vec());
    }
}

/// A session whose caller admits every device.
#[derive(Default)]
struct Session(super::Session);

impl Session {
    fn new() -> Self {
        Self::default()
    }

    fn hear(&mut self, frame: &[u8], bases: &dyn Keeper) -> Vec<Said> {
        let said = self.0.hear(frame, &Seen(bases));
        for said in &said {
            if let Said::Messages { messages, aside, .. } = said
                && let Some(base) = &aside.base
            {
                bases.keep(messages[0].device.as_deref().unwrap(), base);
            }
        }
        said
    }

    fn give_up(&mut self) -> Vec<Said> {
        self.0.give_up()
    }

    fn device(&self) -> Option<&str> {
        self.0.device()
    }
}

struct Seen<'a>(&'a dyn Keeper);

impl Bases for Seen<'_> {
    fn base(&self, device: &str) -> Option<Vec<u8>> {
        self.0.base(device)
    }
}

/// A connection as the caller runs it: bytes come in parts, frames are cut off and heard.
#[derive(Default)]
struct Line {
    session: Session,
    buffer: Vec<u8>,
    skipped: usize,
}

impl Line {
    fn push(&mut self, bytes: &[u8], bases: &Memory) -> Vec<Said> {
        self.buffer.extend_from_slice(bytes);
        self.drain(false, bases)
    }

    /// The line was quiet.
    fn flush(&mut self, bases: &Memory) -> Vec<Said> {
        self.drain(true, bases)
    }

    fn drain(&mut self, quiet: bool, bases: &Memory) -> Vec<Said> {
        let mut said = Vec::new();
        while !self.buffer.is_empty() {
            match cut(&self.buffer) {
                Cut::Frame(length) => said.extend(self.hear(length, bases)),
                Cut::Quiet(length) if quiet => said.extend(self.hear(length, bases)),
                Cut::Quiet(_) | Cut::NeedMore => break,
                Cut::Bad { skip, .. } => {
                    assert!(skip >= 1);
                    self.skipped += skip;
                    self.buffer.drain(..skip);
                }
            }
        }
        said
    }

    fn hear(&mut self, length: usize, bases: &Memory) -> Vec<Said> {
        let frame: Vec<u8> = self.buffer.drain(..length).collect();
        self.session.hear(&frame, bases)
    }
}

/// One whole stream on a fresh connection with nothing known before.
fn hear(stream: &[u8]) -> Vec<Said> {
    let (mut line, bases) = (Line::default(), Memory::default());
    let mut said = line.push(stream, &bases);
    said.extend(line.flush(&bases));
    assert_eq!((line.skipped, line.buffer.len()), (0, 0), "{}", String::from_utf8_lossy(stream));
    said
}

fn messages(said: &[Said]) -> Vec<Message> {
    let of = |said: &Said| match said {
        Said::Messages { messages, .. } => messages.clone(),
        Said::Refused { .. } => Vec::new(),
    };
    said.iter().flat_map(of).collect()
}

fn reasons(said: &[Said]) -> Vec<&str> {
    said.iter()
        .filter_map(|said| match said {
            Said::Refused { reason, .. } => Some(reason.as_str()),
            Said::Messages { .. } => None,
        })
        .collect()
}

/// The one message of a stream that says nothing else.
fn only(stream: &[u8]) -> Message {
    let said = hear(stream);
    assert!(reasons(&said).is_empty(), "{said:?}");
    let mut messages = messages(&said);
    assert_eq!(messages.len(), 1, "{}", String::from_utf8_lossy(stream));
    messages.remove(0)
}

fn line(text: &str) -> Message {
    only(format!("{text}\r\n").as_bytes())
}

/// A BF FB frame with its XOR.
fn framed(body: &[u8]) -> Vec<u8> {
    let [low, high] = u16::try_from(body.len() + 5).unwrap().to_le_bytes();
    [&[0xBF, 0xFB, xor(body), low, high], body].concat()
}

fn delta(base: &[u8], edits: &[(u8, u8, &str)]) -> Vec<u8> {
    let mut delta = vec![b'@', xor(base)];
    for (field, offset, text) in edits {
        delta.extend([*field, *offset, u8::try_from(text.len()).unwrap()]);
        delta.extend(text.as_bytes());
    }
    delta
}

fn time(message: &Message) -> String {
    message.time.map_or_else(|| "-".to_owned(), |time| time.format("%H%M%S").to_string())
}

/// Every line of the corpus: its frames on the wire and what they must mean.
fn corpus() -> Vec<(String, Vec<Vec<u8>>, Vec<Value>)> {
    let files = [
        include_str!("../../../tests/vectors/bofan.jsonl"),
        include_str!("../../../tests/vectors/bofan-frames.jsonl"),
        include_str!("../../../tests/vectors/bofan-delta.jsonl"),
    ];
    let entry = |text: &str| {
        let value: Value = serde_json::from_str(text).unwrap();
        let bytes = |hex: &Value| hex::decode(hex.as_str().unwrap()).unwrap();
        let reads = match value.get("stream") {
            Some(stream) => stream.as_array().unwrap().iter().map(bytes).collect(),
            None => vec![bytes(&value["hex"])],
        };
        (value["id"].as_str().unwrap().to_owned(), reads, value["expect"].as_array().unwrap().clone())
    };
    let entries: Vec<_> = files.iter().flat_map(|file| file.lines()).map(entry).collect();
    assert_eq!(entries.len(), 15);
    entries
}
