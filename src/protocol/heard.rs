//! What comes out of a connection: frames with their meaning and the answers they want.

use crate::domain::{Message, Protocol, Secret, Utc, secret::MASK};
use chrono::{Datelike, Timelike};

/// When an answer may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Heartbeats, registrations, time requests, dynamic passwords: the lock's wake window is short.
    AtOnce,
    /// Only after the frame is durable: the device deletes its record when it is answered.
    Durable,
}

/// How a server's time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeShape {
    /// `(P22,DDMMYYhhmmss)`
    P22,
    /// The leading items of a seal's text request, then `YYYYMMDDhhmmss`.
    Text14,
}

/// The bytes of an answer, or how to make them when the time is known.
#[derive(Debug, Clone)]
pub enum AnswerBody {
    /// Printable text, sent as it is.
    Text(String),
    /// Text around a secret: `before`, the secret, `after`.
    SecretText { before: String, secret: Secret, after: String },
    /// Text around the server's time.
    TimeText { before: String, shape: TimeShape, after: String },
    /// Binary, sent as it is.
    Binary(Vec<u8>),
    /// Binary whose framing needs the time inside it: made by `make(year, month, day, hour, minute, second)`, or
    /// with all zeros to be shown.
    TimeBinary { id: Vec<u8>, make: fn(id: &[u8], time: [u16; 6]) -> Vec<u8> },
}

/// One answer to a device.
#[derive(Debug, Clone)]
pub struct Answer {
    pub when: When,
    pub body: AnswerBody,
}

fn text14(now: Utc) -> String {
    now.format("%Y%m%d%H%M%S").to_string()
}

impl Answer {
    #[must_use]
    pub fn text(when: When, text: impl Into<String>) -> Self {
        Self { when, body: AnswerBody::Text(text.into()) }
    }

    /// The bytes to send.
    #[must_use]
    pub fn bytes(&self, now: Utc) -> Vec<u8> {
        match &self.body {
            AnswerBody::Text(text) => text.clone().into_bytes(),
            AnswerBody::SecretText { before, secret, after } => {
                format!("{before}{}{after}", secret.reveal()).into_bytes()
            }
            AnswerBody::TimeText { before, shape, after } => {
                let time = match shape {
                    TimeShape::P22 => now.format("%d%m%y%H%M%S").to_string(),
                    TimeShape::Text14 => text14(now),
                };
                format!("{before}{time}{after}").into_bytes()
            }
            AnswerBody::Binary(bytes) => bytes.clone(),
            AnswerBody::TimeBinary { id, make } => {
                let part = |n: u32| u16::try_from(n).unwrap_or(0);
                let year = u16::try_from(now.year()).unwrap_or(0);
                make(
                    id,
                    [
                        year,
                        part(now.month()),
                        part(now.day()),
                        part(now.hour()),
                        part(now.minute()),
                        part(now.second()),
                    ],
                )
            }
        }
    }

    /// How `decode`, the live tail and the log show it: text as text, binary as `hex:…`, a time as its shape, a
    /// secret masked unless asked for.
    #[must_use]
    pub fn shown(&self, show_secrets: bool) -> String {
        match &self.body {
            AnswerBody::Text(text) => text.clone(),
            AnswerBody::SecretText { before, secret, after } => {
                format!("{before}{}{after}", if show_secrets { secret.reveal() } else { MASK })
            }
            AnswerBody::TimeText { before, shape, after } => {
                let shape = match shape {
                    TimeShape::P22 => "DDMMYYhhmmss",
                    TimeShape::Text14 => "YYYYMMDDhhmmss",
                };
                format!("{before}{shape}{after}")
            }
            AnswerBody::Binary(bytes) => format!("hex:{}", hex::encode(bytes)),
            AnswerBody::TimeBinary { id, make } => format!("hex:{}", hex::encode(make(id, [0; 6]))),
        }
    }
}

/// A frame, whole and understood as far as it can be.
#[derive(Debug, Clone)]
pub struct HeardFrame {
    pub protocol: Protocol,
    /// The frame as received with secret bytes replaced in place by `*` (2A).
    pub raw: Vec<u8>,
    /// One a record, in the order of the frame; never empty.
    pub messages: Vec<Message>,
    /// In the order to be sent.
    pub answers: Vec<Answer>,
    /// A dynamic unlock password the frame told.
    pub password: Option<Secret>,
    /// Framing and checksum are right. A frame that is not sound is never answered.
    pub sound: bool,
    pub aside: Aside,
}

/// What a frame holds for the machine alone: no part of its meaning, never journalled, never shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aside {
    /// The sentence the next delta of its device builds on (Bofan), its end included.
    pub base: Option<Vec<u8>>,
    /// Pieces of a photo, as many as its `photo_chunk` messages.
    pub chunks: Vec<PhotoChunk>,
}

/// A piece of a photo. Whose it is and which photo it is of the wire does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoChunk {
    pub offset: u32,
    pub bytes: Vec<u8>,
}
