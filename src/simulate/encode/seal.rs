//! Frames of the JT709C seal: JT/T 808 framing with Jointech's bits and TLVs.

use super::bcd;
use chrono::{DateTime, Utc};

pub(crate) const REGISTER: u16 = 0x0100;
pub(crate) const AUTHENTICATE: u16 = 0x0102;
pub(crate) const HEARTBEAT: u16 = 0x0002;
pub(crate) const ASK_TIME: u16 = 0x0109;
pub(crate) const REPORT: u16 = 0x0200;
pub(crate) const BATCH: u16 = 0x0704;

/// Alarm bits of a report.
pub(crate) mod alarm {
    pub(crate) const LOW_BATTERY: u32 = 1 << 7;
    pub(crate) const COVER_OPENED: u32 = 1 << 16;
}

/// Status bits of a report.
pub(crate) mod status {
    pub(crate) const FIX: u32 = 1 << 1;
    pub(crate) const SOUTH: u32 = 1 << 2;
    pub(crate) const WEST: u32 = 1 << 3;
    pub(crate) const COVER_OPEN: u32 = 1 << 7;
    pub(crate) const GNSS: u32 = 1 << 18;
    pub(crate) const ROPE_OUT: u32 = 1 << 20;
    pub(crate) const MOTOR_UNLOCKED: u32 = 1 << 21;
    pub(crate) const WAKE_SHIFT: u32 = 24;
}

/// Wraps a body: header, XOR, escapes, delimiters. `id` is up to twelve decimal digits.
pub(crate) fn frame(message: u16, id: &str, serial: u16, body: &[u8]) -> Vec<u8> {
    let mut plain = message.to_be_bytes().to_vec();
    plain.extend((body.len() as u16 & 0x03ff).to_be_bytes());
    plain.extend(bcd(&format!("{id:0>12}")));
    plain.extend(serial.to_be_bytes());
    plain.extend(body);
    plain.push(plain.iter().fold(0, |sum, byte| sum ^ byte));
    let mut out = vec![0x7e];
    for byte in plain {
        match byte {
            0x7d => out.extend([0x7d, 0x01]),
            0x7e => out.extend([0x7d, 0x02]),
            other => out.push(other),
        }
    }
    out.push(0x7e);
    out
}

/// The body of 0x0200.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    pub(crate) alarm: u32,
    pub(crate) status: u32,
    pub(crate) lat: f64,
    pub(crate) lon: f64,
    pub(crate) altitude_m: i16,
    pub(crate) speed_kmh: f64,
    pub(crate) heading: u16,
    pub(crate) time: DateTime<Utc>,
    pub(crate) extras: Vec<Tlv>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tlv {
    /// Percent, 255 = charging.
    Battery(u8),
    /// 1/100 V.
    Voltage(u16),
    Signal(u8),
    Satellites(u8),
    MileageKm(u32),
    Version(u16),
    Cell {
        mcc: u16,
        mnc: u16,
        cell: u32,
        lac: u16,
    },
    RopeCuts(u16),
    Event(LockEvent),
    /// Anything else a firmware sends.
    #[cfg_attr(not(test), expect(dead_code, reason = "captured frames carry TLVs nobody documents"))]
    Other(u8, Vec<u8>),
}

/// TLV 0x0B.
#[derive(Clone, PartialEq)]
pub(crate) enum LockEvent {
    /// Codes without anything more: 11, 12, 13, 16, 17, 18, 28.
    Plain(u8),
    /// Codes 34 (with a result), 35, 42, 43.
    Card { code: u8, card: u32, result: Option<u8> },
    /// Six characters, and the result where the code has one.
    Password { code: u8, password: String, result: Option<u8> },
}

/// The password stays out of logs and of failed assertions.
impl std::fmt::Debug for LockEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plain(code) => write!(f, "Plain({code})"),
            Self::Card { code, card, result } => write!(f, "Card({code}, {card}, {result:?})"),
            Self::Password { code, result, .. } => write!(f, "Password({code}, {result:?})"),
        }
    }
}

impl LockEvent {
    fn bytes(&self) -> Vec<u8> {
        let (mut bytes, result) = match self {
            Self::Plain(code) => (vec![*code], None),
            Self::Card { code, card, result } => ([&[*code][..], &card.to_be_bytes()].concat(), *result),
            Self::Password { code, password, result } => {
                let mut bytes = vec![*code];
                bytes.extend(password.bytes().chain(std::iter::repeat(b'0')).take(6));
                (bytes, *result)
            }
        };
        bytes.extend(result);
        bytes
    }
}

impl Tlv {
    fn bytes(&self) -> Vec<u8> {
        let (id, value) = match self {
            Self::Battery(percent) => (0xd4, vec![*percent]),
            Self::Voltage(hundredths) => (0xd5, hundredths.to_be_bytes().to_vec()),
            Self::Signal(signal) => (0x30, vec![*signal]),
            Self::Satellites(count) => (0x31, vec![*count]),
            Self::MileageKm(km) => (0xfe, km.to_be_bytes().to_vec()),
            Self::Version(version) => (0xf9, version.to_be_bytes().to_vec()),
            Self::Cell { mcc, mnc, cell, lac } => {
                let mut value = mcc.to_be_bytes().to_vec();
                value.extend(mnc.to_be_bytes());
                value.extend(cell.to_be_bytes());
                value.extend(lac.to_be_bytes());
                (0xfd, value)
            }
            Self::RopeCuts(count) => (0xda, [&count.to_be_bytes()[..], &[0]].concat()),
            Self::Event(event) => (0x0b, event.bytes()),
            Self::Other(id, value) => (*id, value.clone()),
        };
        [&[id, value.len() as u8], value.as_slice()].concat()
    }
}

pub(crate) fn report(report: &Report) -> Vec<u8> {
    let micro = |degrees: f64| (degrees.abs() * 1e6).round() as u32;
    let mut body = report.alarm.to_be_bytes().to_vec();
    body.extend(report.status.to_be_bytes());
    body.extend(micro(report.lat).to_be_bytes());
    body.extend(micro(report.lon).to_be_bytes());
    body.extend(report.altitude_m.to_be_bytes());
    body.extend(((report.speed_kmh * 10.0).round() as u16).to_be_bytes());
    body.extend(report.heading.to_be_bytes());
    body.extend(bcd(&report.time.format("%y%m%d%H%M%S").to_string()));
    body.extend(report.extras.iter().flat_map(Tlv::bytes));
    body
}

/// The body of 0x0704 with stored reports.
pub(crate) fn batch(bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut out = (bodies.len() as u16).to_be_bytes().to_vec();
    out.push(1); // replayed
    for body in bodies {
        out.extend((body.len() as u16).to_be_bytes());
        out.extend(body);
    }
    out
}

/// The body of 0x0100: region, maker, model, serial number, no plate (JT/T 808; what a JT709C puts there is in no
/// public source).
pub(crate) fn registration(id: &str) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend(*b"JOINT");
    body.extend(*b"JT709C\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let tail: Vec<u8> = id.bytes().rev().take(7).collect();
    body.extend(tail.iter().rev());
    body.extend(std::iter::repeat_n(0, 7 - tail.len()));
    body.push(0);
    body
}

/// One frame from the server, unescaped and checked.
#[derive(Debug, PartialEq)]
pub(crate) struct Heard {
    pub(crate) message: u16,
    pub(crate) body: Vec<u8>,
}

/// Reads what stands between two delimiters; `None` for anything that is not a sound frame.
pub(crate) fn unwrap(escaped: &[u8]) -> Option<Heard> {
    let mut plain = Vec::with_capacity(escaped.len());
    let mut bytes = escaped.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            0x7d => match bytes.next()? {
                1 => 0x7d,
                2 => 0x7e,
                _ => return None,
            },
            other => other,
        });
    }
    let (sum, covered) = plain.split_last()?;
    let sound = covered.iter().fold(0, |acc, byte| acc ^ byte) == *sum;
    if !sound || covered.len() < 12 {
        return None;
    }
    let message = u16::from_be_bytes([covered[0], covered[1]]);
    let length = usize::from(u16::from_be_bytes([covered[2], covered[3]]) & 0x03ff);
    let body = covered[12..].to_vec();
    (body.len() == length).then_some(Heard { message, body })
}
