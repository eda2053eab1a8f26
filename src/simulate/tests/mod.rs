//! The machines under a hand-moved clock, and the whole fleet against small servers on real sockets.

mod fleet;
mod inverse;
mod master;
mod seal;
mod sub;
mod tracker;

use super::{
    Fault, Pace,
    rng::Rng,
    roads,
    time::Now,
    unit::{Act, Machine},
    world::Vehicle,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn vehicle() -> Vehicle {
    let [_, _, _, town] = roads::routes(secs(60));
    Vehicle::new(Arc::clone(&town), 0.0, 123_456_000)
}

fn rng() -> Rng {
    Rng::named(1, "test")
}

fn beginning() -> Now {
    Now { at: Duration::ZERO, utc: "2026-03-01T12:00:00Z".parse().unwrap() }
}

/// One machine and a clock moved by hand: nothing waits, nothing is random.
struct Rig<M> {
    machine: M,
    at: Duration,
}

impl<M: Machine> Rig<M> {
    fn new(machine: M) -> Self {
        Self { machine, at: Duration::ZERO }
    }

    /// The same, connected.
    fn connected(machine: M) -> Self {
        let mut rig = Self::new(machine);
        rig.connect();
        rig
    }

    fn now(&self) -> Now {
        let begin = beginning();
        Now { at: self.at, utc: begin.utc + chrono::TimeDelta::from_std(self.at).unwrap() }
    }

    fn connect(&mut self) {
        let now = self.now();
        self.machine.link_up(now);
    }

    /// Lets `span` pass, stopping wherever the machine has something to do.
    fn run(&mut self, span: Duration) -> Vec<Frame> {
        let end = self.at + span;
        let mut frames = Vec::new();
        loop {
            let now = self.now();
            self.machine.tick(now);
            frames.extend(self.machine.take_frames());
            if self.at >= end {
                return frames.iter().map(|frame| parse(frame)).collect();
            }
            self.at = self.machine.due().map_or(end, |due| due.clamp(self.at + millis(1), end));
        }
    }

    /// What the device says at once to `bytes`.
    fn say(&mut self, bytes: impl AsRef<[u8]>) -> Vec<Frame> {
        let now = self.now();
        self.machine.receive(now, bytes.as_ref());
        self.run(Duration::ZERO)
    }

    fn act(&mut self, part: usize, act: Act) -> bool {
        let now = self.now();
        self.machine.act(now, part, &act)
    }

    fn fault(&mut self, part: usize, fault: Fault) -> bool {
        self.act(part, Act::Fault(fault))
    }

    fn openings(&self, part: usize) -> (u32, u32) {
        let state = self.machine.state(self.now(), part);
        (state.openings, state.remote_openings)
    }

    fn motor_open(&self, part: usize) -> bool {
        self.machine.state(self.now(), part).motor_open.unwrap()
    }
}

/// A frame read back, by means of these tests' own.
#[derive(Debug, Clone, PartialEq)]
enum Frame {
    /// Data type, status, wake source, serial, year.
    Position {
        kind: u8,
        status: u16,
        wake: u8,
        serial: u8,
        year: u8,
    },
    Text(String),
    /// Of a WLNET,5: frame serial, sub-device, its serial, event, device status, gateway status.
    Sub {
        frame: u8,
        id: String,
        serial: u8,
        event: u16,
        status: u16,
        gateway: u8,
    },
    /// Message, serial, body.
    Seal(u16, u16, Vec<u8>),
    Other(Vec<u8>),
}

fn parse(frame: &[u8]) -> Frame {
    match frame {
        [0x24, _, _, _, _, _, 0x19, kind, 0, 52, body @ ..] => Frame::Position {
            kind: kind & 0x0f,
            status: u16::from_be_bytes([body[26], body[27]]),
            wake: body[35] & 0x0f,
            serial: body[51],
            year: (body[2] >> 4) * 10 + (body[2] & 0x0f),
        },
        [b'(', ..] if frame.windows(8).any(|part| part == b"WLNET,5,") => sub_report(frame),
        [b'(', inner @ .., b')'] => Frame::Text(String::from_utf8(inner.to_vec()).unwrap()),
        [0x7e, inner @ .., 0x7e] => {
            let plain = unescape(inner, 0x7d, |byte| if byte == 1 { 0x7d } else { 0x7e });
            let (_, covered) = plain.split_last().unwrap();
            assert_eq!(plain.iter().fold(0, |sum, byte| sum ^ byte), 0, "checksum");
            let word = |at: usize| u16::from_be_bytes([covered[at], covered[at + 1]]);
            assert_eq!(usize::from(word(2)), covered.len() - 12, "length");
            Frame::Seal(word(0), word(10), covered[12..].to_vec())
        }
        other => Frame::Other(other.to_vec()),
    }
}

fn sub_report(frame: &[u8]) -> Frame {
    let at = frame.windows(8).position(|part| part == b"WLNET,5,").unwrap();
    let head = String::from_utf8(frame[1..at].to_vec()).unwrap();
    let payload = unescape(&frame[at + 8..frame.len() - 1], 0x3d, |byte| byte ^ 0x3d);
    let word = |at: usize| u16::from_be_bytes([payload[at], payload[at + 1]]);
    let sensor = payload[35] == 1;
    Frame::Sub {
        frame: head.split(',').nth(2).unwrap().parse().unwrap(),
        id: hex::encode_upper(&payload[25..30]),
        serial: payload[30],
        event: if sensor { 0 } else { word(36) },
        status: if sensor { 0 } else { word(38) },
        gateway: payload[if sensor { 41 } else { 42 }],
    }
}

fn unescape(bytes: &[u8], mark: u8, meaning: impl Fn(u8) -> u8) -> Vec<u8> {
    let mut bytes = bytes.iter();
    let mut plain = Vec::new();
    while let Some(&byte) = bytes.next() {
        plain.push(if byte == mark { meaning(*bytes.next().unwrap()) } else { byte });
    }
    plain
}

fn texts(frames: &[Frame]) -> Vec<&str> {
    frames
        .iter()
        .filter_map(|frame| match frame {
            Frame::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// The P45 among `frames`, each once however often it was sent: source, verification, password ok, wrong count,
/// serial.
fn lock_reports(frames: &[Frame]) -> Vec<[u32; 5]> {
    let mut seen = std::collections::BTreeSet::new();
    let mut rows = all_lock_reports(frames);
    rows.retain(|row| seen.insert(row[4]));
    rows
}

fn all_lock_reports(frames: &[Frame]) -> Vec<[u32; 5]> {
    texts(frames)
        .iter()
        .filter(|text| text.contains(",P45,"))
        .map(|text| {
            let items: Vec<&str> = text.split(',').collect();
            [11, 12, 14, 15, 16].map(|index: usize| items[index].parse().unwrap())
        })
        .collect()
}

/// One server of a test. Everything waits at most ten seconds, then the test fails.
struct Server(TcpListener);

struct Line {
    stream: TcpStream,
    rest: Vec<u8>,
}

const PATIENCE: Duration = Duration::from_secs(10);

impl Server {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn addr(&self) -> std::net::SocketAddr {
        self.0.local_addr().unwrap()
    }

    async fn accept(&self) -> Line {
        let (stream, _) =
            tokio::time::timeout(PATIENCE, self.0.accept()).await.expect("nobody connects").unwrap();
        Line { stream, rest: Vec::new() }
    }
}

impl Line {
    async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next frame; `None` when the device hung up.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(length) = frame_length(&self.rest) {
                let frame: Vec<u8> = self.rest.drain(..length).collect();
                return Some(parse(&frame));
            }
            let mut buffer = [0; 1024];
            let read =
                tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer)).await.expect("nothing comes");
            match read {
                Ok(count) if count > 0 => self.rest.extend(&buffer[..count]),
                _ => return None,
            }
        }
    }

    /// Reads on until a frame for which `wanted` gives something.
    async fn until<T>(&mut self, wanted: impl Fn(&Frame) -> Option<T>) -> T {
        for _ in 0..2000 {
            let frame = self.next().await.expect("the device hung up");
            if let Some(found) = wanted(&frame) {
                return found;
            }
        }
        panic!("2000 frames and none is it");
    }

    async fn text(&mut self, part: &str) -> String {
        self.until(|frame| match frame {
            Frame::Text(text) if text.contains(part) => Some(text.clone()),
            _ => None,
        })
        .await
    }
}

/// How long the first frame of `bytes` is, once it is whole.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let end =
        |mark: u8, from: usize| bytes.iter().skip(from).position(|&b| b == mark).map(|at| at + from + 1);
    let length = match bytes {
        [0x24, _, _, _, _, _, 0x19, ..] if bytes.len() >= 10 => {
            10 + usize::from(u16::from_be_bytes([bytes[8], bytes[9]]))
        }
        [b'(', ..] => end(b')', 0)?,
        [0x7e, ..] => end(0x7e, 1)?,
        [0xbf, 0xfb, _, low, high, ..] => usize::from(u16::from_le_bytes([*low, *high])),
        [b'$', ..] => end(b'\n', 0)?,
        _ => return None,
    };
    (bytes.len() >= length).then_some(length)
}

/// Fast enough for a test, slow enough for a busy machine.
fn brisk() -> Pace {
    Pace {
        report: secs(20),
        heartbeat: secs(20),
        resend: millis(80),
        recent: millis(400),
        relock: millis(150),
        show_state: millis(10),
        lock_report: millis(20),
        sub_wake: millis(40),
        minute: secs(2),
        reconnect: (millis(5), millis(50)),
        ..Pace::real()
    }
}
