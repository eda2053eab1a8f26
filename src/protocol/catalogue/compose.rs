//! From a command's name and arguments to the bytes for one device, and what will answer them.

use super::numbered;
use super::profile::{Offered, Profile};
use super::spec::{Param, Yes};
use super::value::{self, Written};
use crate::domain::order::{CommandClass, Expect, Proof, Success};
use crate::domain::secret::MASK;
use crate::domain::text::clean;
use crate::domain::{Protocol, Secret};
use crate::protocol::jointech::encode;
use std::collections::BTreeMap;

/// Arguments by name. Secrets are kept apart from the rest: they have no other way in.
#[derive(Debug, Clone, Default)]
pub struct Args {
    given: Vec<(String, Given)>,
}

#[derive(Debug, Clone)]
enum Given {
    Plain(String),
    Secret(Secret),
}

impl Args {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more plain argument.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.given.push((name.into(), Given::Plain(value.into())));
        self
    }

    /// With one more secret argument.
    #[must_use]
    pub fn with_secret(mut self, name: impl Into<String>, value: Secret) -> Self {
        self.given.push((name.into(), Given::Secret(value)));
        self
    }

    fn get(&self, name: &str) -> Option<&Given> {
        self.given.iter().find(|(given, _)| given == name).map(|(_, value)| value)
    }
}

impl FromIterator<(String, String)> for Args {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(plain: T) -> Self {
        Self { given: plain.into_iter().map(|(name, value)| (name, Given::Plain(value))).collect() }
    }
}

/// What a command needs beside its arguments.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// ID of the device on the wire: the target, or the master that carries the command.
    pub device: &'a str,
    /// Second item of the device's own `WLNET` frames; `1` where it never sent one.
    pub item: &'a str,
    /// Serial for commands that carry one: 1 to 255 (1 to 65535 in JT/T 808 messages), never that of the command
    /// before (the caller keeps count).
    pub serial: u16,
    /// The sub-device meant, for commands about one.
    pub sub: Option<&'a str>,
    /// What the device calls its firmware, for ranges that depend on it.
    pub firmware: Option<&'a str>,
}

/// A command ready to be sent.
#[derive(Clone, PartialEq)]
pub struct Composed {
    /// What goes on the wire: exactly one frame. Holds the secrets.
    pub bytes: Vec<u8>,
    /// The same as text, secrets masked, without its line end; a JT/T 808 message as its profile words it.
    pub shown: String,
    pub class: CommandClass,
    pub proof: Proof,
    pub expect: Expect,
    /// The serial it carries, if it carries one.
    pub serial: Option<u16>,
}

/// Without the bytes, which hold secrets.
impl std::fmt::Debug for Composed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Composed")
            .field("shown", &self.shown)
            .field("expect", &self.expect)
            .finish_non_exhaustive()
    }
}

/// A command whose arguments are right: what may be written into the journal before it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Arguments by name, as they were understood; none of them secret.
    pub args: Vec<(String, String)>,
    pub class: CommandClass,
    pub proof: Proof,
}

/// A command that cannot be written as asked. Never shows a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    #[error("{model} has no command '{command}'; it has {has}")]
    Unknown { model: String, command: String, has: String },
    #[error("'{command}' needs {name}: {what}")]
    Missing { command: &'static str, name: &'static str, what: &'static str },
    #[error("'{command}' takes no '{name}'; it takes {takes}")]
    Extra { command: &'static str, name: String, takes: String },
    #[error("'{name}' is given twice")]
    Twice { name: &'static str },
    /// `rule` continues "{name} must …".
    #[error("{name} must {rule}")]
    Bad { name: &'static str, rule: String },
    #[error("the serial must be 1 to 255 (65535 in JT/T 808), not {0}")]
    Serial(u16),
    #[error("the device's ID must be 1 to 20 decimal digits; check the registry")]
    Device,
    #[error("the second WLNET item must be 1 to 3 decimal digits, as the device's own frames carry it")]
    Item,
    #[error("the sub-device's ID must be 10 upper-case hex digits; check the registry")]
    Sub,
    #[error("the words of '{0}' cannot be filled; correct its profile")]
    Words(&'static str),
}

/// Reads the arguments without making bytes: before an order is written into the journal. Secret arguments may still
/// be missing; they come when it is sent.
///
/// # Errors
/// The first argument that is wrong, with its range and unit.
pub fn check(
    profile: &Profile,
    command: &str,
    args: &Args,
    firmware: Option<&str>,
) -> Result<Checked, ComposeError> {
    let offered = offered(profile, command)?;
    no_others(offered, args)?;
    let mut plain = Vec::new();
    for param in offered.spec.params {
        match args.get(param.name) {
            Some(Given::Plain(given)) => {
                read_plain(offered, param, given, firmware)?;
                plain.push((param.name.to_owned(), given.trim_matches(' ').to_owned()));
            }
            Some(Given::Secret(given)) => read_secret(param, given)?,
            None if param.kind.is_optional() || param.kind.is_secret() => {}
            None => return Err(missing(offered, param)),
        }
    }
    Ok(Checked { args: plain, class: offered.spec.class, proof: offered.proof })
}

/// Writes a command for one device.
///
/// # Errors
/// The first thing that is wrong, with what is allowed.
pub fn compose(
    profile: &Profile,
    command: &str,
    args: &Args,
    around: &Around<'_>,
) -> Result<Composed, ComposeError> {
    let offered = offered(profile, command)?;
    no_others(offered, args)?;
    let mut values = ours(offered, around)?;
    let mut masked: Vec<&str> = Vec::new();
    for param in offered.spec.params {
        let written = match args.get(param.name) {
            Some(Given::Plain(given)) => read_plain(offered, param, given, around.firmware)?,
            Some(Given::Secret(given)) => {
                read_secret(param, given)?;
                masked.push(param.name);
                Written::One(given.reveal().to_owned())
            }
            None if param.kind.is_optional() => Written::One(String::new()),
            None => return Err(missing(offered, param)),
        };
        if let Written::Many { count, .. } = &written {
            values.insert("count", Written::One(count.to_string()));
        }
        values.insert(param.name, written);
    }
    let words = || ComposeError::Words(offered.spec.name);
    let text = offered.template.fill(&values).ok_or_else(words)?;
    let numbered = offered.template.is_numbered().then(|| message(&text, around)).transpose()?;
    for name in &masked {
        values.insert(name, Written::One(MASK.to_owned()));
    }
    let shown = offered.template.fill(&values).ok_or_else(words)?;
    let serial = offered.template.has("serial").then_some(around.serial);
    let expect = expect(offered, &values, &masked, serial);
    let bytes = match numbered {
        Some(bytes) => bytes,
        None if profile.protocol == Protocol::Bofan => [text.as_bytes(), b"\r\n"].concat(),
        None => text.into_bytes(),
    };
    Ok(Composed { bytes, shown, class: offered.spec.class, proof: offered.proof, expect, serial })
}

/// The frame of a JT/T 808 message.
fn message(text: &str, around: &Around<'_>) -> Result<Vec<u8>, ComposeError> {
    let (message, body) = numbered::read(text)
        .map_err(|rule| ComposeError::Bad { name: "the message", rule: format!("be right: {rule}") })?;
    encode::jtt808(message, around.device, around.serial, &body).ok_or(ComposeError::Device)
}

fn offered<'a>(profile: &'a Profile, command: &str) -> Result<&'a Offered, ComposeError> {
    profile.command(command).ok_or_else(|| {
        let names: Vec<&str> = profile.commands().map(|offered| offered.spec.name).collect();
        let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        ComposeError::Unknown { model: profile.model.clone(), command: clean(command), has }
    })
}

fn missing(offered: &Offered, param: &Param) -> ComposeError {
    ComposeError::Missing { command: offered.spec.name, name: param.name, what: param.what }
}

fn no_others(offered: &Offered, args: &Args) -> Result<(), ComposeError> {
    for (at, (name, _)) in args.given.iter().enumerate() {
        let Some(param) = offered.spec.params.iter().find(|param| param.name == name) else {
            let takes: Vec<&str> = offered.spec.params.iter().map(|param| param.name).collect();
            let takes = if takes.is_empty() { "nothing".to_owned() } else { takes.join(", ") };
            return Err(ComposeError::Extra { command: offered.spec.name, name: clean(name), takes });
        };
        if args.given.iter().skip(at.saturating_add(1)).any(|(other, _)| other == name) {
            return Err(ComposeError::Twice { name: param.name });
        }
    }
    Ok(())
}

fn read_plain(
    offered: &Offered,
    param: &Param,
    given: &str,
    firmware: Option<&str>,
) -> Result<Written, ComposeError> {
    let bad = |rule| ComposeError::Bad { name: param.name, rule };
    value::plain(param.kind, offered.range(param.name, firmware), given).map_err(bad)
}

fn read_secret(param: &Param, given: &Secret) -> Result<(), ComposeError> {
    value::secret(param, given).map_err(|rule| ComposeError::Bad { name: param.name, rule })
}

/// The places that are no arguments, as far as the words have them.
fn ours<'a>(offered: &Offered, around: &Around<'_>) -> Result<BTreeMap<&'a str, Written>, ComposeError> {
    let is_number = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    let mut values = BTreeMap::new();
    let mut put = |name, text: String| values.insert(name, Written::One(text));
    if offered.template.has("id") {
        if !is_number(around.device, 20) {
            return Err(ComposeError::Device);
        }
        put("id", around.device.to_owned());
    }
    if offered.template.has("item") {
        if !is_number(around.item, 3) {
            return Err(ComposeError::Item);
        }
        put("item", around.item.to_owned());
    }
    if offered.template.has("serial") {
        let most = if offered.template.is_numbered() { u16::MAX } else { 255 };
        if !(1..=most).contains(&around.serial) {
            return Err(ComposeError::Serial(around.serial));
        }
        put("serial", format!("{:03}", around.serial));
    }
    if offered.template.has("sub") {
        let sub = around.sub.filter(|sub| value::is_sub(sub)).ok_or(ComposeError::Sub)?;
        put("sub", sub.to_owned());
    }
    Ok(values)
}

fn expect(
    offered: &Offered,
    values: &BTreeMap<&str, Written>,
    masked: &[&str],
    serial: Option<u16>,
) -> Expect {
    let value = |name: &str| match values.get(name) {
        Some(Written::One(text)) => text.clone(),
        _ => String::new(),
    };
    let reply = offered.spec.reply;
    let leading = reply.leading.iter().map(|item| {
        let place = item.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        place.map_or_else(|| (*item).to_owned(), value)
    });
    let success = match reply.yes {
        Yes::Reply => Success::Reply,
        Yes::Report => Success::Report,
        Yes::Offer => Success::Offer,
        Yes::Flag { at } => Success::Flag { at, ok: "1".into() },
        Yes::Result => Success::Flag { at: 0, ok: "0".into() },
        Yes::Tail => {
            let names = offered.template.places().filter(|name| {
                !masked.contains(name) && offered.spec.params.iter().any(|param| param.name == *name)
            });
            Success::Tail { params: names.map(value).collect() }
        }
        Yes::Output => {
            Success::Output { line: value("line").parse().unwrap_or_default(), on: value("state") == "1" }
        }
    };
    Expect {
        word: (offered.spec.protocol != Protocol::Bofan).then(|| offered.template.word().to_owned()),
        leading: leading.collect(),
        serial: serial.map(u32::from),
        success,
        // A reading that stays unanswered is asked again. Not in words of which nobody here knows that they only read.
        may_be_silent: reply.may_be_silent || (offered.foreign && offered.spec.class == CommandClass::Read),
    }
}
