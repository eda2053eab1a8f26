//! A profile: what one model says and can be told, as far as it is known.

use super::spec::Command;
use super::template::Template;
use crate::domain::command::UnlockMethod;
use crate::domain::message::WlnetAck;
use crate::domain::order::Proof;
use crate::domain::{DeviceKey, DeviceKind, Protocol};
use crate::protocol::memory::Dialect;
use chrono::FixedOffset;
use std::collections::BTreeMap;
use std::time::Duration;

/// One model (or a few that behave alike).
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Name of its file, without `.toml`.
    pub name: String,
    /// What people call it: `JT701D/E`.
    pub model: String,
    pub kind: DeviceKind,
    pub protocol: Protocol,
    pub matching: Matching,
    /// Names of the events it is known to send.
    pub events: Vec<String>,
    /// How often it wakes by itself as delivered; `None`: it speaks when moved, or always.
    pub wake: Option<Duration>,
    /// Zone of the times in its reports (seals).
    pub clock: FixedOffset,
    /// Which serial acknowledges its sub-devices (masters); `None`: as the settings say.
    pub wlnet_ack: Option<WlnetAck>,
    /// How its lock reports are acknowledged while no frame told its version (masters); `None`: with both words.
    pub report_ack: Option<ReportAck>,
    /// What its inputs are wired to, by line, 1 the first.
    pub inputs: BTreeMap<u8, LineUse>,
    pub outputs: BTreeMap<u8, LineUse>,
    pub calibrations: Vec<Calibration>,
    pub(super) commands: BTreeMap<&'static str, Offered>,
}

/// Which devices a profile is for. What is empty does not matter; everything else must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matching {
    /// Exactly these devices, before any other rule.
    pub devices: Vec<DeviceKey>,
    /// Protocol version bytes.
    pub versions: Vec<u8>,
    /// Type numbers of sub-devices.
    pub wire_types: Vec<u8>,
    pub firmware: Vec<Pattern>,
    /// Also for devices of this kind and protocol that did not tell yet what the rules ask for.
    pub fallback: bool,
}

/// Text with `*` for anything; capitals and small letters count as the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(pub(super) String);

impl Pattern {
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            match rest.split_once(part) {
                Some((_, behind)) => rest = behind,
                None => return false,
            }
        }
        false
    }
}

/// How a master's reports are acknowledged. The version in its binary frames tells; a profile is asked where none came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportAck {
    /// `P69` for every report (version 0x19 and newer).
    P69,
    /// `P35` where asked for, `P46` for lock reports (older).
    P35,
}

/// What a line is wired to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineUse {
    Sos,
    Ignition,
    Door,
    /// An output that stops the engine while it is on.
    EngineRelay,
    DoorLock,
    Buzzer,
    Other,
}

impl LineUse {
    /// As in a profile.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sos => "sos",
            Self::Ignition => "ignition",
            Self::Door => "door",
            Self::EngineRelay => "engine_relay",
            Self::DoorLock => "door_lock",
            Self::Buzzer => "buzzer",
            Self::Other => "other",
        }
    }

    /// What it reads as: `door open`. An `other` line is named by its number.
    #[must_use]
    pub fn text(self, line: u8, output: bool, on: bool) -> String {
        let state = match (self, on) {
            (Self::Door, true) => "open",
            (Self::Door, false) => "closed",
            (Self::Sos, true) => "pressed",
            (Self::Sos, false) => "not pressed",
            (_, true) => "on",
            (_, false) => "off",
        };
        match self {
            Self::Sos => format!("SOS {state}"),
            Self::Other if output => format!("output {line} {state}"),
            Self::Other => format!("input {line} {state}"),
            _ => format!("{} {state}", self.word().replace('_', " ")),
        }
    }

    /// Whether an input may be it. The protocol itself has the SOS button on line 1 and the ignition on line 4: alarms
    /// and the ignition's word follow those lines, whatever a profile would call them.
    #[must_use]
    pub fn fits_input(self, line: u8) -> bool {
        match line {
            1 => self == Self::Sos,
            4 => self == Self::Ignition,
            _ => matches!(self, Self::Door | Self::DoorLock | Self::Other),
        }
    }

    #[must_use]
    pub fn fits_output(self) -> bool {
        matches!(self, Self::EngineRelay | Self::DoorLock | Self::Buzzer | Self::Other)
    }
}

/// Where a count lies against the points of its calibration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    Below,
    Value(f64),
    Above,
}

/// Raw counts of one analogue input and what they mean: two or more points, straight lines between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// 1 the first.
    pub input: u8,
    /// `fuel`, `temperature`, …
    pub name: String,
    pub unit: String,
    /// Counts rising.
    pub points: Vec<(u16, f64)>,
}

impl Calibration {
    /// What `count` means: nothing is guessed beyond what was measured.
    #[must_use]
    pub fn reading(&self, count: u16) -> Reading {
        let pairs = self.points.iter().zip(self.points.iter().skip(1));
        for ((low, at_low), (high, at_high)) in pairs {
            if (*low..=*high).contains(&count) {
                let share =
                    f64::from(count.saturating_sub(*low)) / f64::from(high.saturating_sub(*low).max(1));
                return Reading::Value(at_low + (at_high - at_low) * share);
            }
        }
        if self.points.first().is_some_and(|(first, _)| count < *first) {
            Reading::Below
        } else {
            Reading::Above
        }
    }
}

/// A command as one model takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Offered {
    pub spec: &'static Command,
    pub proof: Proof,
    pub(super) template: Template,
    /// Words that are not ours but of an installer's file: what they do nobody here has read.
    pub(super) foreign: bool,
    /// Narrower ranges, the first that fits the firmware counts.
    pub(super) limits: Vec<Limits>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limits {
    /// `None`: any firmware.
    pub(super) firmware: Option<Pattern>,
    pub(super) ranges: BTreeMap<String, (i64, i64)>,
}

impl Offered {
    /// The words as the profile has them: `(P04,1,{seconds},{minutes})`.
    #[must_use]
    pub fn words(&self) -> &str {
        self.template.source()
    }

    /// Whether it is about one sub-device.
    #[must_use]
    pub fn needs_sub(&self) -> bool {
        self.template.has("sub")
    }

    /// Whether it carries a serial of ours.
    #[must_use]
    pub fn needs_serial(&self) -> bool {
        self.template.has("serial")
    }

    /// The profile's own range of a number, if it narrows the catalogue's.
    #[must_use]
    pub fn range(&self, param: &str, firmware: Option<&str>) -> Option<(i64, i64)> {
        self.limits
            .iter()
            .filter(|limits| match &limits.firmware {
                None => true,
                Some(pattern) => firmware.is_some_and(|firmware| pattern.fits(firmware)),
            })
            .find_map(|limits| limits.ranges.get(param).copied())
    }
}

impl Profile {
    #[must_use]
    pub fn command(&self, name: &str) -> Option<&Offered> {
        self.commands.get(name)
    }

    /// How its devices are read and answered.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        Dialect { clock: self.clock, wlnet_ack: self.wlnet_ack, report_ack: self.report_ack }
    }

    /// All its commands, by name.
    pub fn commands(&self) -> impl Iterator<Item = &Offered> {
        self.commands.values()
    }

    /// The ways to open it, with how far each is proven; empty: no unlock command is known for this model.
    #[must_use]
    pub fn unlocks(&self) -> Vec<(UnlockMethod, Proof)> {
        [
            (UnlockMethod::StaticPassword, "open_static"),
            (UnlockMethod::DynamicPassword, "open_dynamic"),
            (UnlockMethod::SubLockRelay, "open_relay"),
        ]
        .into_iter()
        .filter_map(|(method, name)| Some((method, self.command(name)?.proof)))
        .collect()
    }

    /// The first of [`Self::unlocks`].
    #[must_use]
    pub fn unlock(&self) -> Option<(UnlockMethod, Proof)> {
        self.unlocks().into_iter().next()
    }
}

/// What is known of a device, to find its profile.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    pub key: &'a DeviceKey,
    pub kind: DeviceKind,
    /// `None`: never heard, or a sub-device that speaks through its master.
    pub protocol: Option<Protocol>,
    pub version: Option<u8>,
    pub wire_type: Option<u8>,
    pub firmware: Option<&'a str>,
}

impl Profile {
    /// How well it fits; `None`: not at all. A higher number fits more closely.
    fn fit(&self, about: &About<'_>) -> Option<u32> {
        let rules = &self.matching;
        if rules.devices.contains(about.key) {
            return Some(1000);
        }
        let ours = self.kind == about.kind
            && self.protocol.maker() == Some(about.key.maker)
            && about.protocol.is_none_or(|protocol| protocol == self.protocol);
        let only_named = rules.versions.is_empty()
            && rules.wire_types.is_empty()
            && rules.firmware.is_empty()
            && !rules.fallback;
        if !ours || only_named {
            return None;
        }
        let holds = |empty: bool, fits: Option<bool>| if empty { Some(true) } else { fits };
        let version = holds(rules.versions.is_empty(), about.version.map(|v| rules.versions.contains(&v)));
        let wire = holds(rules.wire_types.is_empty(), about.wire_type.map(|w| rules.wire_types.contains(&w)));
        let firmware = holds(
            rules.firmware.is_empty(),
            about.firmware.map(|text| rules.firmware.iter().any(|pattern| pattern.fits(text))),
        );
        let told = [(version, &rules.versions), (wire, &rules.wire_types)];
        let points = told.iter().filter(|(fits, rule)| *fits == Some(true) && !rule.is_empty()).count();
        let by_firmware = firmware == Some(true) && !rules.firmware.is_empty();
        let close = u32::try_from(points).unwrap_or_default().saturating_mul(10);
        if [version, wire, firmware].iter().all(|fits| *fits == Some(true)) {
            return Some(close.saturating_add(if by_firmware { 100 } else { 0 }).saturating_add(1));
        }
        let denied = [version, wire, firmware].contains(&Some(false));
        (rules.fallback && !denied).then_some(0)
    }
}

/// All profiles, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Profiles {
    pub(super) all: BTreeMap<String, Profile>,
}

impl Profiles {
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.all.get(name)
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.all.values()
    }

    /// The profile of a device: the one that names it, else the one that fits most closely, else the fallback of its
    /// kind and protocol. Of two that fit alike the first by name.
    #[must_use]
    pub fn of(&self, about: &About<'_>) -> Option<&Profile> {
        let mut best: Option<(u32, &Profile)> = None;
        for profile in self.all.values() {
            if let Some(fit) = profile.fit(about).filter(|fit| best.is_none_or(|(held, _)| *fit > held)) {
                best = Some((fit, profile));
            }
        }
        best.map(|(_, profile)| profile)
    }
}
