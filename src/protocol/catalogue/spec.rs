//! What a command is: its name, its class, its parameters with their ranges, and what answers it.

use crate::domain::Protocol;
use crate::domain::order::CommandClass;

/// A command that lockyard knows. Its exact words stand in a profile; what it means, what it takes and how carefully
/// it is sent stand here and cannot be changed by a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Unique within its protocol: `wake_interval`.
    pub name: &'static str,
    pub protocol: Protocol,
    pub class: CommandClass,
    /// One line for people.
    pub purpose: &'static str,
    pub params: &'static [Param],
    pub reply: Reply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Param {
    /// As written before `=`; also the placeholder of the profile.
    pub name: &'static str,
    pub kind: Kind,
    /// What it means, for people.
    pub what: &'static str,
}

/// Type and widest range of a parameter. A profile may narrow a range, never widen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Whole {
        min: i64,
        max: i64,
        unit: &'static str,
    },
    /// 0 is off; otherwise as `Whole`.
    OffOr {
        min: i64,
        max: i64,
        unit: &'static str,
    },
    /// Word for people, word on the wire.
    OneOf(&'static [(&'static str, &'static str)]),
    /// `on` or `off`: 1 or 0.
    Switch,
    /// Length in characters; from 0 on it may be left out.
    Text {
        chars: Chars,
        min: usize,
        max: usize,
    },
    /// A host name or an IPv4 address.
    Host,
    Port,
    /// RFID cards of ten digits.
    Cards {
        most: usize,
    },
    /// Sub-device IDs of ten upper-case hex digits.
    Subs {
        most: usize,
    },
    /// Corners of a fence: `lat lon; lat lon`, degrees WGS 84; on the wire longitude first, degrees and minutes.
    Points {
        most: usize,
    },
    /// Given as a [`crate::domain::Secret`], never as plain text.
    Secret {
        chars: Chars,
        min: usize,
        max: usize,
    },
}

impl Kind {
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(self, Self::Cards { .. } | Self::Subs { .. } | Self::Points { .. })
    }

    #[must_use]
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Secret { .. })
    }

    /// Whether it may be left out.
    #[must_use]
    pub fn is_optional(self) -> bool {
        matches!(self, Self::Text { min: 0, .. } | Self::Secret { min: 0, .. })
    }
}

/// Which characters a text may have. None of them can end a frame, begin one or add an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chars {
    Digits,
    /// Letters and digits, ASCII.
    Alnum,
    /// Letters, digits and `. - _ @`: APNs and their users.
    Net,
    /// Digits and `+`.
    Phone,
    /// Letters, digits and `! % & * + - . / : ; = ? @ ^ _`: APN passwords.
    Password,
}

impl Chars {
    #[must_use]
    pub fn has(self, c: char) -> bool {
        match self {
            Self::Digits => c.is_ascii_digit(),
            Self::Alnum => c.is_ascii_alphanumeric(),
            Self::Net => c.is_ascii_alphanumeric() || ".-_@".contains(c),
            Self::Phone => c.is_ascii_digit() || c == '+',
            Self::Password => c.is_ascii_alphanumeric() || "!%&*+-./:;=?@^_".contains(c),
        }
    }

    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Digits => "digits",
            Self::Alnum => "letters and digits",
            Self::Net => "letters, digits and . - _ @",
            Self::Phone => "digits and +",
            Self::Password => "letters, digits and ! % & * + - . / : ; = ? @ ^ _",
        }
    }
}

/// What answers a command, beside its word (which the profile's text has).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The reply's parameters begin with these; `{page}` stands for that argument.
    pub leading: &'static [&'static str],
    pub yes: Yes,
    pub may_be_silent: bool,
}

/// How a reply says yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Yes {
    /// By being one.
    Reply,
    /// Parameter `at` reads 1; 0 is a refusal.
    Flag { at: usize },
    /// JT/T 808: its result reads 0.
    Result,
    /// It ends with the values sent, in their order.
    Tail,
    /// The next live position.
    Report,
    /// The next photo offered.
    Offer,
    /// A later report shows the output in the state asked for (arguments `line` and `state`).
    Output,
}

pub(super) const REPLY: Reply = Reply { leading: &[], yes: Yes::Reply, may_be_silent: false };
pub(super) const TAIL: Reply = Reply { leading: &[], yes: Yes::Tail, may_be_silent: false };
/// No paper promises an answer.
pub(super) const SILENT: Reply = Reply { leading: &[], yes: Yes::Reply, may_be_silent: true };
pub(super) const OFFER: Reply = Reply { leading: &[], yes: Yes::Offer, may_be_silent: true };
pub(super) const POSITION: Reply = Reply { leading: &[], yes: Yes::Report, may_be_silent: true };

pub(super) const fn leading(leading: &'static [&'static str]) -> Reply {
    Reply { leading, yes: Yes::Reply, may_be_silent: false }
}

pub(super) const fn whole(
    name: &'static str,
    min: i64,
    max: i64,
    unit: &'static str,
    what: &'static str,
) -> Param {
    Param { name, kind: Kind::Whole { min, max, unit }, what }
}

pub(super) const fn off_or(
    name: &'static str,
    min: i64,
    max: i64,
    unit: &'static str,
    what: &'static str,
) -> Param {
    Param { name, kind: Kind::OffOr { min, max, unit }, what }
}

pub(super) const fn switch(name: &'static str, what: &'static str) -> Param {
    Param { name, kind: Kind::Switch, what }
}

pub(super) const fn text(
    name: &'static str,
    chars: Chars,
    min: usize,
    max: usize,
    what: &'static str,
) -> Param {
    Param { name, kind: Kind::Text { chars, min, max }, what }
}

pub(super) const fn secret(
    name: &'static str,
    chars: Chars,
    min: usize,
    max: usize,
    what: &'static str,
) -> Param {
    Param { name, kind: Kind::Secret { chars, min, max }, what }
}

pub(super) const fn one_of(
    name: &'static str,
    words: &'static [(&'static str, &'static str)],
    what: &'static str,
) -> Param {
    Param { name, kind: Kind::OneOf(words), what }
}
