//! What a device is told that moves no lock: reading it, configuring it. (Openings are in [`super::command`].)
//!
//! An order is a journal fact before a byte leaves. Reads may be sent again by themselves; nothing else is.

use super::{CommandId, DeviceKey, Message, MessageKind, Protocol, Utc};
use serde::{Deserialize, Serialize};

/// What a command may do, and so who may send it and how carefully (C0 to C4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandClass {
    /// C0: asks. May be repeated.
    Read,
    /// C1: changes a setting; verified by reading it back where the device can.
    Configure,
    /// C2: passwords, cards, binding lists, servers, and whatever can shut us out or destroy evidence.
    Credential,
    /// C3: moves a lock.
    Physical,
    /// C4: cuts or resumes an engine, moves a door.
    Vehicle,
}

impl CommandClass {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Configure => "configure",
            Self::Credential => "credential",
            Self::Physical => "physical",
            Self::Vehicle => "vehicle",
        }
    }
}

/// How far it is proven that a model understands a command and does what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Inferred, or added by an installer: no paper and no capture.
    Unverified,
    /// The vendor's manual.
    Documented,
    /// Seen to work on the wire.
    Captured,
}

impl Proof {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Documented => "documented",
            Self::Captured => "captured",
        }
    }
}

/// What the answer to an order looks like, so that it can be told from everything else the device says. Written into
/// the journal with the sending: what counts as the answer never depends on a later program's tables.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Expect {
    /// `P04`, `WLNET`, `0x8103`, …: the word of the reply. `None`: any line that is no report (Bofan).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// The reply's parameters begin with these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leading: Vec<String>,
    /// The reply carries this serial (WLNET, JT/T 808).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u32>,
    #[serde(default)]
    pub success: Success,
    /// No answer is promised: silence is no failure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_be_silent: bool,
}

/// How a reply says yes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Success {
    /// The reply itself is the answer.
    #[default]
    Reply,
    /// Parameter `at` (0 = the first after the word) reads `ok`; another single character is a refusal, anything else
    /// says neither.
    Flag { at: usize, ok: String },
    /// The reply repeats these parameters, from parameter `at` on; anything else is a refusal.
    Echo { at: usize, params: Vec<String> },
    /// The reply ends with these parameters; anything else says neither yes nor no.
    Tail { params: Vec<String> },
    /// The next live position is the answer.
    Report,
    /// The next photo offered is the answer.
    Offer,
    /// A later report shows output line `line` (1 = the first) in this state.
    Output { line: u8, on: bool },
}

/// What a message says about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    /// The device says no, in these words.
    Refused {
        why: String,
    },
    /// It answered, but not so that yes could be told from no. What it said.
    Unclear {
        said: String,
    },
}

impl Expect {
    /// Whether `message`, of the device on the wire, answers an order that expects this, and how. `None`: it does
    /// not. Of several orders that expect the same word the oldest is meant: the order is the caller's.
    #[must_use]
    pub fn reads(&self, message: &Message) -> Option<Outcome> {
        self.reads_any(message, |serial| Some(serial) == self.serial)
    }

    /// The same for an order that was sent several times, each time with a serial of its own: `ours` tells them.
    #[must_use]
    pub fn reads_any(&self, message: &Message, ours: impl Fn(u32) -> bool) -> Option<Outcome> {
        match self.success {
            Success::Report => {
                let live = message.kind == MessageKind::Position && !message.replayed;
                return live.then_some(Outcome::Accepted);
            }
            Success::Offer if message.kind == MessageKind::PhotoOffer && !message.replayed => {
                return Some(Outcome::Accepted);
            }
            Success::Output { line, on } => {
                if let Some(shown) = message.outputs.as_deref().filter(|_| !message.replayed) {
                    let state = shown.chars().nth(usize::from(line).checked_sub(1)?)?;
                    return (state == if on { '1' } else { '0' }).then_some(Outcome::Accepted);
                }
            }
            _ => {}
        }
        let Some(word) = &self.word else { return line(&self.success, message) };
        let reply = message.command.as_ref().filter(|_| message.kind == MessageKind::CommandReply)?;
        let begins = reply.params.len() >= self.leading.len()
            && self.leading.iter().zip(&reply.params).all(|(want, is)| same(want, is));
        let ours = self.serial.is_none() || message.serial.is_some_and(ours);
        (reply.word == *word && begins && ours).then(|| self.success.judge(&reply.params))
    }
}

/// A Bofan line that is no report: it answers, whatever it says.
fn line(success: &Success, message: &Message) -> Option<Outcome> {
    // Not what a tracker announces of itself whenever it connects.
    let is_line = matches!(message.kind, MessageKind::CommandReply | MessageKind::Other);
    let reply = message.command.as_ref().filter(|_| is_line && message.protocol == Protocol::Bofan)?;
    Some(match success {
        Success::Reply | Success::Offer => Outcome::Accepted,
        _ => {
            let said = [std::slice::from_ref(&reply.word), reply.params.as_slice()].concat().join(",");
            Outcome::Unclear { said }
        }
    })
}

/// `007` is `7`, `on` is `on`.
fn same(want: &str, is: &str) -> bool {
    let number = |text: &str| text.parse::<i64>().ok();
    want == is || number(want).is_some_and(|want| number(is) == Some(want))
}

impl Success {
    fn judge(&self, params: &[String]) -> Outcome {
        let said = || if params.is_empty() { "nothing".to_owned() } else { params.join(",") };
        let echoes = |from: usize, want: &[String]| {
            params.get(from..).is_some_and(|rest| {
                rest.len() >= want.len() && want.iter().zip(rest).all(|(want, is)| same(want, is))
            })
        };
        match self {
            Self::Reply => Outcome::Accepted,
            Self::Flag { at, ok } => match params.get(*at) {
                Some(flag) if flag == ok => Outcome::Accepted,
                Some(flag) if flag.len() == 1 => {
                    let count = params.get(at.saturating_add(1)).filter(|count| !count.is_empty());
                    let count = count.map_or_else(String::new, |count| format!(", wrong count {count}"));
                    Outcome::Refused { why: format!("the device answers {flag}{count}") }
                }
                _ => Outcome::Unclear { said: said() },
            },
            Self::Echo { at, params: want } if echoes(*at, want) => Outcome::Accepted,
            Self::Echo { .. } => Outcome::Refused { why: format!("the device answers {}", said()) },
            Self::Tail { params: want } => match params.len().checked_sub(want.len()) {
                Some(from) if echoes(from, want) => Outcome::Accepted,
                _ => Outcome::Unclear { said: said() },
            },
            Self::Report | Self::Offer | Self::Output { .. } => Outcome::Unclear { said: said() },
        }
    }
}

/// An order as it was confirmed, before anything is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderIntent {
    /// The device it is about.
    pub target: DeviceKey,
    /// The device on the wire: the target itself, or the master that carries it.
    pub via: DeviceKey,
    /// Name in the catalogue: `wake_interval`, `firmware`, …
    pub command: String,
    pub class: CommandClass,
    /// Arguments by name, checked. Never a secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<(String, String)>,
    pub by: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Never sent after this moment.
    pub expires: Utc,
    /// The order this one is a step of (a binding list is read, changed, read back).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<CommandId>,
    /// It is carried out by orders of its own; no byte is sent for it itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_plan: bool,
}

/// A step of an order that is a fact of its own. Answers are read from the device's frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum OrderStep {
    /// Its id is the journal place of this entry.
    Ordered(OrderIntent),
    /// About to be written to the device's session. `shown` is what leaves, as text, secrets masked.
    Sent {
        id: CommandId,
        shown: String,
        serial: Option<u16>,
        expect: Expect,
    },
    /// Not a byte left: back to `queued` if still valid.
    FailedUnsent {
        id: CommandId,
    },
    Cancelled {
        id: CommandId,
        by: String,
    },
    Withheld {
        id: CommandId,
        why: String,
    },
    /// What reading back showed, or what became of a plan. `agrees`: the device holds what was asked; `None` if it
    /// cannot be told.
    Checked {
        id: CommandId,
        agrees: Option<bool>,
        words: String,
    },
}
