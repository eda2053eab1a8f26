//! The corpus and what a connection makes of it, for `vectors.rs` and `streams.rs`.

use lockyard::protocol::{Connection, Heard, Memory, Settings, json};
use serde_json::Value;
use std::sync::Arc;

/// One line of the corpus.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) id: String,
    /// Reads in order on one connection.
    pub(crate) reads: Vec<Vec<u8>>,
    pub(crate) expect: Option<Vec<Value>>,
}

impl Case {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.reads.concat()
    }
}

const FILES: [&str; 7] =
    ["jointech-master", "jointech-seal", "jointech-legacy", "ours", "bofan", "bofan-frames", "bofan-delta"];

/// Every line of every file under `tests/vectors` that this list names; a file that is there and not named fails.
pub(crate) fn corpus() -> Vec<Case> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors");
    let there = std::fs::read_dir(root).unwrap().filter_map(|entry| {
        entry.unwrap().file_name().into_string().unwrap().strip_suffix(".jsonl").map(str::to_owned)
    });
    for name in there {
        assert!(FILES.contains(&name.as_str()), "{name}.jsonl is not run by any test");
    }
    FILES
        .iter()
        .flat_map(|name| {
            let text = std::fs::read_to_string(format!("{root}/{name}.jsonl")).unwrap();
            text.lines().map(case).collect::<Vec<_>>()
        })
        .collect()
}

fn case(line: &str) -> Case {
    let line: Value = serde_json::from_str(line).unwrap();
    let id = line["id"].as_str().unwrap().to_owned();
    let read = |hex: &Value| hex::decode(hex.as_str().unwrap()).unwrap();
    let reads = match line.get("hex") {
        Some(hex) => vec![read(hex)],
        None => line["stream"].as_array().unwrap().iter().map(read).collect(),
    };
    Case { id, reads, expect: line.get("expect").map(|e| e.as_array().unwrap().clone()) }
}

/// What came out of a connection: objects of messages, and bytes refused.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) objects: Vec<Value>,
    pub(crate) refused: usize,
    pub(crate) refusals: Vec<String>,
}

impl Told {
    pub(crate) fn drain(&mut self, connection: &mut Connection) {
        while let Some(heard) = connection.next() {
            match heard {
                Heard::Frame(frame) => {
                    assert!(!frame.messages.is_empty(), "a frame without a message");
                    let answers: String = frame.answers.iter().map(|a| a.shown(false)).collect();
                    let reply = Some(answers).filter(|text| !text.is_empty());
                    let last = frame.messages.len() - 1;
                    for (n, message) in frame.messages.iter().enumerate() {
                        let reply = reply.clone().filter(|_| n == last);
                        self.objects.push(json::object(message, reply, &frame.raw));
                    }
                }
                Heard::Refused { reason, bytes, length, .. } => {
                    // A delimiter shared with the frame before is shown, and was counted there.
                    let shared = usize::from(bytes.first() == Some(&0x7E));
                    assert!(
                        length + shared >= bytes.len() && bytes.len() <= lockyard::protocol::REFUSED_SHOWN
                    );
                    let is_part = reason.starts_with("split message incomplete");
                    assert!(length > 0 || is_part, "nothing refused: {reason}");
                    self.refused += length;
                    self.refusals.push(reason);
                }
            }
        }
    }
}

/// A connection that knows nothing yet.
pub(crate) fn fresh() -> Connection {
    Connection::new(Arc::new(Memory::new(Settings::default())))
}

/// What a fresh connection makes of these reads, quiet between them if asked.
pub(crate) fn hear<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Told {
    let mut connection = fresh();
    let mut told = Told::default();
    for read in reads {
        connection.push(read);
        told.drain(&mut connection);
    }
    connection.close();
    told.drain(&mut connection);
    told
}
