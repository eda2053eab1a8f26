//! A profile's file: read strictly, checked against the catalogue, laid over the built-in one of its name.

use super::profile::{Calibration, Limits, LineUse, Matching, Offered, Pattern, Profile, ReportAck};
use super::spec::{Command, Kind};
use super::table;
use super::template::Template;
use crate::domain::message::WlnetAck;
use crate::domain::order::{CommandClass, Proof};
use crate::domain::text::clean;
use crate::domain::{DeviceKey, DeviceKind, Protocol};
use chrono::FixedOffset;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use toml::Spanned;

/// What is wrong with a profile's file, and the byte where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct WrongProfile {
    pub at: usize,
    pub what: String,
}

impl WrongProfile {
    fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }
}

/// Names of events a device may send, as in `decode`.
pub const EVENTS: &[&str] = &[
    "locked",
    "opened",
    "open_refused",
    "valve_opened",
    "valve_closed",
    "rope_pulled",
    "rope_inserted",
    "rope_cut",
    "back_cover_opened",
    "tamper",
    "motor_fault",
    "unlocked_too_long",
    "wrong_password_limit",
    "illegal_card",
    "vibration",
    "low_battery",
    "charging",
    "signal_lost",
    "wake",
    "vehicle_card",
    "geofence_enter",
    "geofence_exit",
    "geofence",
    "sos",
    "overspeed",
    "power_cut",
    "low_backup_battery",
    "tow",
    "harsh_acceleration",
    "harsh_braking",
    "fatigue",
    "movement",
    "input",
    "ignition_on",
    "ignition_off",
    "driver",
    "photo",
    "report",
    "custom",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    model: Option<Spanned<String>>,
    kind: Option<Spanned<DeviceKind>>,
    protocol: Option<Spanned<Protocol>>,
    #[serde(rename = "match", default)]
    matching: Option<MatchTable>,
    events: Option<Vec<Spanned<String>>>,
    wake: Option<Spanned<String>>,
    clock: Option<Spanned<String>>,
    wlnet_ack: Option<Spanned<WlnetAck>>,
    report_ack: Option<Spanned<ReportAck>>,
    inputs: Option<Spanned<Lines>>,
    outputs: Option<Spanned<Lines>>,
    calibration: Option<Vec<Spanned<CalibrationTable>>>,
    #[serde(default)]
    commands: BTreeMap<Spanned<String>, Spanned<CommandTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MatchTable {
    devices: Option<Vec<Spanned<String>>>,
    versions: Option<Vec<u8>>,
    wire_types: Option<Vec<u8>>,
    firmware: Option<Vec<Spanned<String>>>,
    fallback: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalibrationTable {
    input: u8,
    name: String,
    unit: String,
    points: Vec<(u16, f64)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandTable {
    send: Spanned<String>,
    proof: Proof,
    #[serde(default)]
    limits: Ranges,
    #[serde(default)]
    firmware: Vec<FirmwareTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirmwareTable {
    pattern: Spanned<String>,
    limits: Ranges,
}

type Lines = BTreeMap<Spanned<String>, LineUse>;

type Ranges = BTreeMap<Spanned<String>, Spanned<(i64, i64)>>;

/// Reads the file of profile `name`. `below` is the built-in profile of that name: what the file leaves out stays as
/// it is there. With `trusted` (a file compiled in) proofs are as written; otherwise whatever the file adds or changes
/// is `unverified`, whatever it claims.
pub(super) fn read(
    name: &str,
    text: &str,
    below: Option<&Profile>,
    trusted: bool,
) -> Result<Profile, WrongProfile> {
    let file: File = toml::from_str(text)
        .map_err(|error| WrongProfile::new(error.span().unwrap_or(0..0).start, error.message()))?;
    let mut profile = match below {
        Some(below) => below.clone(),
        None => whole(name, &file)?,
    };
    stays(&file, &profile)?;
    applies(&file, profile.protocol)?;
    lay_over(&mut profile, &file)?;
    if !trusted {
        doubt_other_hardware(&mut profile, below);
    }
    for (key, table) in &file.commands {
        let spec = command(&profile, key)?;
        let mut offered = offered(spec, table.get_ref())?;
        if !trusted {
            let before = profile.commands.get(spec.name);
            let same = before
                .is_some_and(|before| before.template == offered.template && before.limits == offered.limits);
            offered.foreign = !same || before.is_some_and(|before| before.foreign);
            offered.proof =
                before.filter(|_| same).map_or(Proof::Unverified, |before| before.proof.min(offered.proof));
        }
        profile.commands.insert(spec.name, offered);
    }
    Ok(profile)
}

/// A profile with nothing under it must say what it is.
fn whole(name: &str, file: &File) -> Result<Profile, WrongProfile> {
    let needs = |key: &str| WrongProfile::new(0, format!("'{key}' is missing: a new profile needs it"));
    Ok(Profile {
        name: name.to_owned(),
        model: file.model.as_ref().ok_or_else(|| needs("model"))?.get_ref().clone(),
        kind: *file.kind.as_ref().ok_or_else(|| needs("kind"))?.get_ref(),
        protocol: *file.protocol.as_ref().ok_or_else(|| needs("protocol"))?.get_ref(),
        matching: Matching::default(),
        events: Vec::new(),
        wake: None,
        clock: zone(0, "UTC")?,
        wlnet_ack: None,
        report_ack: None,
        inputs: BTreeMap::new(),
        outputs: BTreeMap::new(),
        calibrations: Vec::new(),
        commands: BTreeMap::new(),
    })
}

/// What the hardware is does not change by an override.
fn stays(file: &File, profile: &Profile) -> Result<(), WrongProfile> {
    if let Some(kind) = file.kind.as_ref().filter(|kind| *kind.get_ref() != profile.kind) {
        let what =
            format!("the built-in profile is a {}: an override cannot change that", profile.kind.word());
        return Err(WrongProfile::new(kind.span().start, what));
    }
    if let Some(protocol) = file.protocol.as_ref().filter(|protocol| *protocol.get_ref() != profile.protocol)
    {
        let what = format!(
            "the built-in profile speaks {}: an override cannot change that",
            profile.protocol.word()
        );
        return Err(WrongProfile::new(protocol.span().start, what));
    }
    if let Some(protocol) = file.protocol.as_ref().filter(|protocol| *protocol.get_ref() == Protocol::Unknown)
    {
        return Err(WrongProfile::new(protocol.span().start, "a profile needs a protocol"));
    }
    Ok(())
}

/// What would be read and used by nothing is refused: whoever wrote it meant something.
fn applies(file: &File, protocol: Protocol) -> Result<(), WrongProfile> {
    let of = |wanted: Protocol, given: Option<usize>, what: &str| match given.filter(|_| protocol != wanted) {
        Some(at) => {
            let (wanted, told) = (wanted.word(), protocol.word());
            Err(WrongProfile::new(at, format!("only {wanted} has {what}; this profile speaks {told}")))
        }
        None => Ok(()),
    };
    let (seal, master) = (Protocol::JointechSeal, Protocol::JointechMaster);
    of(seal, file.clock.as_ref().map(|given| given.span().start), "clocks of different zones")?;
    of(master, file.wlnet_ack.as_ref().map(|given| given.span().start), "WLNET acknowledgements")?;
    of(master, file.report_ack.as_ref().map(|given| given.span().start), "P words that acknowledge")?;
    of(Protocol::Bofan, file.inputs.as_ref().map(|given| given.span().start), "an input string")?;
    of(Protocol::Bofan, file.outputs.as_ref().map(|given| given.span().start), "an output string")?;
    let calibration = file.calibration.as_ref().and_then(|tables| tables.first());
    of(Protocol::Bofan, calibration.map(|given| given.span().start), "raw counts")
}

fn lay_over(profile: &mut Profile, file: &File) -> Result<(), WrongProfile> {
    if let Some(model) = &file.model {
        profile.model = label(model.span().start, model.get_ref())?;
    }
    if let Some(table) = &file.matching {
        profile.matching = matching(table, &profile.matching)?;
    }
    if let Some(events) = &file.events {
        profile.events = known_events(events)?;
    }
    if let Some(wake) = &file.wake {
        profile.wake = Some(interval(wake)?);
    }
    if let Some(clock) = &file.clock {
        profile.clock = zone(clock.span().start, clock.get_ref())?;
    }
    profile.wlnet_ack = file.wlnet_ack.as_ref().map(|ack| *ack.get_ref()).or(profile.wlnet_ack);
    profile.report_ack = file.report_ack.as_ref().map(|ack| *ack.get_ref()).or(profile.report_ack);
    if let Some(inputs) = &file.inputs {
        profile.inputs.extend(lines(inputs.get_ref(), false)?);
    }
    if let Some(outputs) = &file.outputs {
        profile.outputs.extend(lines(outputs.get_ref(), true)?);
    }
    if let Some(tables) = &file.calibration {
        profile.calibrations = calibrations(tables)?;
    }
    Ok(())
}

/// Rules that fit other devices than before carry words to hardware they were never proven on: what moves something
/// is unverified there. Devices that are named one by one are the installer's word on what they are.
fn doubt_other_hardware(profile: &mut Profile, below: Option<&Profile>) {
    let rules = |matching: &Matching| Matching { devices: Vec::new(), ..matching.clone() };
    if below.is_some_and(|below| rules(&below.matching) != rules(&profile.matching)) {
        for offered in profile.commands.values_mut().filter(|o| o.spec.class >= CommandClass::Physical) {
            offered.proof = Proof::Unverified;
        }
    }
}

/// A short text that is shown.
fn label(at: usize, text: &str) -> Result<String, WrongProfile> {
    let fits = clean(text) == text && text.trim() == text && (1..=40).contains(&text.chars().count());
    fits.then(|| text.to_owned())
        .ok_or_else(|| WrongProfile::new(at, "a name has 1 to 40 visible characters, no space around them"))
}

/// What the table leaves out stays.
fn matching(table: &MatchTable, below: &Matching) -> Result<Matching, WrongProfile> {
    let device = |key: &Spanned<String>| {
        key.get_ref()
            .parse::<DeviceKey>()
            .map_err(|error| WrongProfile::new(key.span().start, error.to_string()))
    };
    let mut rules = below.clone();
    if let Some(devices) = &table.devices {
        rules.devices = devices.iter().map(device).collect::<Result<_, _>>()?;
    }
    if let Some(firmware) = &table.firmware {
        rules.firmware = firmware.iter().map(pattern).collect::<Result<_, _>>()?;
    }
    rules.versions = table.versions.clone().unwrap_or(rules.versions);
    rules.wire_types = table.wire_types.clone().unwrap_or(rules.wire_types);
    rules.fallback = table.fallback.unwrap_or(rules.fallback);
    Ok(rules)
}

fn pattern(text: &Spanned<String>) -> Result<Pattern, WrongProfile> {
    let given = text.get_ref();
    let fits = |c: char| c.is_ascii_alphanumeric() || " *_-./,:+".contains(c);
    let solid = given.chars().any(|c| c.is_ascii_alphanumeric());
    if given.len() <= 64 && given.chars().all(fits) && solid && !given.contains("**") {
        return Ok(Pattern(given.to_ascii_lowercase()));
    }
    let what = format!(
        "'{}' is no pattern: letters, digits and _ - . / , : + with * for anything, at most 64",
        clean(given)
    );
    Err(WrongProfile::new(text.span().start, what))
}

fn known_events(events: &[Spanned<String>]) -> Result<Vec<String>, WrongProfile> {
    let mut known: Vec<String> = Vec::with_capacity(events.len());
    for event in events {
        let (at, name) = (event.span().start, event.get_ref());
        if !EVENTS.contains(&name.as_str()) {
            return Err(WrongProfile::new(at, format!("there is no event '{}'", clean(name))));
        }
        if known.contains(name) {
            return Err(WrongProfile::new(at, format!("the event '{name}' is listed twice")));
        }
        known.push(name.clone());
    }
    Ok(known)
}

fn interval(text: &Spanned<String>) -> Result<Duration, WrongProfile> {
    const WEEK: Duration = Duration::from_secs(7 * 86_400);
    humantime::parse_duration(text.get_ref())
        .ok()
        .filter(|wake| (Duration::from_secs(60)..=WEEK).contains(wake))
        .ok_or_else(|| WrongProfile::new(text.span().start, "a wake interval is 1m to 7d, such as 30m"))
}

/// `UTC`, `+08:00`, `-05:30`: quarters of an hour from -12:00 to +14:00, as zones of the earth are.
fn zone(at: usize, text: &str) -> Result<FixedOffset, WrongProfile> {
    const QUARTER: i32 = 15 * 60;
    const ZONES: std::ops::RangeInclusive<i32> = -12 * 3600..=14 * 3600;
    let text = if text == "UTC" { "+00:00" } else { text };
    let wrong = || {
        let what =
            "a device's clock is UTC or an offset such as +08:00, quarters of an hour from -12:00 to +14:00";
        WrongProfile::new(at, what)
    };
    let shape = text.len() == 6 && text.starts_with(['+', '-']) && text.as_bytes().get(3) == Some(&b':');
    let is_zone = |zone: &FixedOffset| {
        let seconds = zone.local_minus_utc();
        shape && ZONES.contains(&seconds) && seconds % QUARTER == 0
    };
    text.parse::<FixedOffset>().ok().filter(is_zone).ok_or_else(wrong)
}

fn lines(table: &Lines, output: bool) -> Result<BTreeMap<u8, LineUse>, WrongProfile> {
    let line = |key: &Spanned<String>| {
        key.get_ref()
            .parse::<u8>()
            .ok()
            .filter(|line| (1..=8).contains(line) && key.get_ref().len() == 1)
            .ok_or_else(|| WrongProfile::new(key.span().start, "a line is 1 to 8"))
    };
    let checked = |(key, wired): (&Spanned<String>, &LineUse)| {
        let (line, what) = (line(key)?, wired.word());
        if output && !wired.fits_output() {
            let what = format!("no output is '{what}': engine_relay, door_lock, buzzer or other");
            return Err(WrongProfile::new(key.span().start, what));
        }
        if !output && !wired.fits_input(line) {
            let what = format!(
                "input {line} cannot be '{what}': input 1 is sos, input 4 ignition, others are door, door_lock or other"
            );
            return Err(WrongProfile::new(key.span().start, what));
        }
        Ok((line, *wired))
    };
    table.iter().map(checked).collect()
}

fn calibrations(tables: &[Spanned<CalibrationTable>]) -> Result<Vec<Calibration>, WrongProfile> {
    let mut all: Vec<Calibration> = Vec::with_capacity(tables.len());
    for spanned in tables {
        let (at, table) = (spanned.span().start, spanned.get_ref());
        let rising = table.points.iter().zip(table.points.iter().skip(1)).all(|(a, b)| a.0 < b.0);
        if !(2..=64).contains(&table.points.len()) || !rising {
            let what = "a calibration has 2 to 64 points [count, value], counts rising";
            return Err(WrongProfile::new(at, what));
        }
        if table.points.iter().any(|(_, value)| !value.is_finite()) {
            return Err(WrongProfile::new(at, "a calibrated value must be a number"));
        }
        if !(1..=16).contains(&table.input) || all.iter().any(|other| other.input == table.input) {
            return Err(WrongProfile::new(at, "a calibration is for one input, 1 to 16, each once"));
        }
        all.push(Calibration {
            input: table.input,
            name: label(at, &table.name)?,
            unit: label(at, &table.unit)?,
            points: table.points.clone(),
        });
    }
    Ok(all)
}

fn command(profile: &Profile, key: &Spanned<String>) -> Result<&'static Command, WrongProfile> {
    table::find(profile.protocol, key.get_ref()).ok_or_else(|| {
        let what = format!("there is no command '{}' for {}", clean(key.get_ref()), profile.protocol.word());
        WrongProfile::new(key.span().start, what)
    })
}

fn offered(spec: &'static Command, table: &CommandTable) -> Result<Offered, WrongProfile> {
    let wrong = |what| WrongProfile::new(table.send.span().start, what);
    let template = Template::read(spec, table.send.get_ref()).map_err(wrong)?;
    let mut limits = Vec::new();
    for by_firmware in &table.firmware {
        let firmware = Some(pattern(&by_firmware.pattern)?);
        limits.push(Limits { firmware, ranges: ranges(spec, &by_firmware.limits)? });
    }
    if !table.limits.is_empty() {
        limits.push(Limits { firmware: None, ranges: ranges(spec, &table.limits)? });
    }
    Ok(Offered { spec, proof: table.proof, template, foreign: false, limits })
}

/// A profile's range must lie within the catalogue's.
fn ranges(spec: &Command, given: &Ranges) -> Result<BTreeMap<String, (i64, i64)>, WrongProfile> {
    let mut all = BTreeMap::new();
    for (key, range) in given {
        let name = key.get_ref();
        let kind = spec.params.iter().find(|param| param.name == name).map(|param| param.kind);
        let Some(Kind::Whole { min, max, unit } | Kind::OffOr { min, max, unit }) = kind else {
            let what = format!("'{}' has no number '{}'", spec.name, clean(name));
            return Err(WrongProfile::new(key.span().start, what));
        };
        let (from, to) = *range.get_ref();
        if from > to || from < min || to > max {
            let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
            let what = format!(
                "{name} must stay within {min} to {max}{unit}, the smaller first, not [{from}, {to}]"
            );
            return Err(WrongProfile::new(range.span().start, what));
        }
        all.insert(name.clone(), (from, to));
    }
    Ok(all)
}
