//! The interlocks: what must hold before a lock is told to open, each printed with its value and age. Pure; read
//! fresh when proposed, when confirmed, and once more just before the first byte.

use crate::domain::command::{Interlock, UnlockMethod, Verdict};
use crate::domain::order::Proof;
use crate::domain::{CommandId, DeviceKey, DeviceKind, Utc};
use crate::fleet::State;
use crate::fleet::commands::Command;
use crate::fleet::device::Device;
use crate::fleet::snapshot::{DeviceStatus, Place};
use chrono::TimeDelta;

/// A fix older than this says nothing of where the vehicle is now.
const FRESH_FIX: TimeDelta = TimeDelta::minutes(5);

/// Clocks that differ by no more than this count as one.
const CLOCKS: TimeDelta = TimeDelta::minutes(2);

/// Rejections by the device after which nobody tries again (the lock itself alarms at five).
const REJECTIONS: u32 = 2;

/// What the fold does not know.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// A static password stands in the secrets file.
    pub static_password: bool,
    /// The lock told a dynamic password, at this time.
    pub dynamic_password: Option<Utc>,
    /// The device on the wire is in contact now.
    pub in_contact: bool,
    /// The store writes.
    pub store_error: Option<String>,
    /// Opening of sub-locks of this model was proven on a bench here.
    pub proven_on_bench: bool,
    /// The ways to open it that its profile has words for, and how far each word is proven.
    pub unlock_words: Vec<(UnlockMethod, Proof)>,
    /// Whoever confirms may take the responsibility for a word that is not proven.
    pub supervisor: bool,
}

/// Settings of the policy.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub max_speed_kmh: f64,
}

/// How an opening stands.
#[derive(Debug, Clone)]
pub struct Assessment {
    pub method: Option<UnlockMethod>,
    pub via: DeviceKey,
    pub interlocks: Vec<Interlock>,
}

impl Assessment {
    #[must_use]
    pub fn allowed(&self) -> bool {
        self.method.is_some() && self.failing().is_none()
    }

    /// The first interlock that forbids it.
    #[must_use]
    pub fn failing(&self) -> Option<&Interlock> {
        self.interlocks.iter().find(|interlock| interlock.verdict == Verdict::Fail)
    }
}

/// The device that carries the command to `target`.
#[must_use]
pub fn via(device: &Device) -> DeviceKey {
    device.bound_to.clone().filter(|_| device.kind.is_bound()).unwrap_or_else(|| device.key.clone())
}

fn row(name: &str, verdict: Verdict, value: impl Into<String>) -> Interlock {
    Interlock { name: name.into(), verdict, value: value.into() }
}

/// An age as people say it: `45 s`, `12 min`, `3 h`, `2 d`.
fn age(now: Utc, then: Utc) -> String {
    let seconds = (now - then).num_seconds().max(0);
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5999 => format!("{} min", seconds / 60),
        6000..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Reads every interlock for an opening of `target`. `own` is the command being sent, when it is read again before
/// the first byte. `None` if there is no such device.
#[must_use]
pub fn assess(
    state: &State,
    target: &DeviceKey,
    around: &Surroundings,
    rules: Rules,
    own: Option<CommandId>,
    now: Utc,
) -> Option<Assessment> {
    let device = state.device(target)?;
    let via = via(device);
    let own = own.and_then(|id| state.commands.get(id));
    let (method, how) = method(device, around);
    let how = same_way(own, &via).unwrap_or(how);
    let place = state.place_for(device);
    let wakes = own.is_some_and(|command| awaits_fix(state, command, place));
    let in_contact = around.in_contact && !wakes;
    let interlocks = vec![
        registry(state, device),
        how,
        unlock_word(method, around),
        identity(state, target, &via, now),
        fix(place, in_contact, now),
        speed(place, in_contact, rules, now),
        row("at an approved site", Verdict::NotConfigured, "no sites"),
        row("trip allows opening", Verdict::NotConfigured, "no trips"),
        row("no hold", Verdict::NotConfigured, "no holds"),
        rejections(state, device, &via),
        no_open_intent(state, target, method, &via, own.map(|command| command.id), now),
        clock(device),
        row("channel enabled in the device", Verdict::Warn, "not read back"),
        store(around),
        contact(around, device),
    ];
    Some(Assessment { method, via, interlocks })
}

/// A command goes the way that was confirmed, or not at all.
fn same_way(own: Option<&Command>, via: &DeviceKey) -> Option<Interlock> {
    let other = own.map(|command| &command.intent.via).filter(|confirmed| *confirmed != via)?;
    let text = format!("confirmed through {}, now bound to {}: propose it anew", other.id, via.id);
    Some(row("way to open it", Verdict::Fail, text))
}

/// Whether a command still has to wait for the first fix of its carrier's wake. What the operator saw holds until
/// the carrier is heard again; from then on only a fix made since the command was confirmed says where the lock is
/// and whether it stands still.
fn awaits_fix(state: &State, own: &Command, place: Option<&Place>) -> bool {
    let Some(carrier) = state.device(&own.intent.via) else { return true };
    let since = own.created - CLOCKS;
    let is_new = |place: &Place| {
        // A slow clock is shown as it is; here its correction counts.
        let ours = if place.from == *carrier.key.id { carrier.clock.offset() } else { TimeDelta::zero() };
        place.at + ours >= since
    };
    carrier.last_received != own.carrier_heard && !place.is_some_and(is_new)
}

fn registry(state: &State, device: &Device) -> Interlock {
    const NAME: &str = "enrolled";
    if device.status != DeviceStatus::Enrolled {
        return row(NAME, Verdict::Fail, "heard through its master, not confirmed yet: enrol it first");
    }
    match state.asset_of(&device.key) {
        Some(asset) => row(NAME, Verdict::Pass, format!("{} on {}", device.kind.word(), asset.name)),
        None => row(NAME, Verdict::Fail, "on no asset: enrol it to one"),
    }
}

/// Who speaks for a device. Nothing proves it but that nobody else does.
fn identity(state: &State, target: &DeviceKey, via: &DeviceKey, now: Utc) -> Interlock {
    const NAME: &str = "one source for this ID";
    if let Some(why) = in_doubt(state, target) {
        return row(NAME, Verdict::Fail, why);
    }
    let Some(carrier) = state.device(via) else { return row(NAME, Verdict::Warn, "never heard") };
    let decided = carrier.identity.conflict().and_then(|conflict| conflict.decided.as_ref());
    match (decided, carrier.identity.newest()) {
        (Some(decided), _) => {
            let (who, age) = (&decided.by, age(now, decided.at));
            row(NAME, Verdict::Pass, format!("{}, chosen by {who} {age} ago", decided.pin.accepted))
        }
        (None, Some(source)) => row(NAME, Verdict::Pass, format!("{source}; only the number names it")),
        (None, None) => row(NAME, Verdict::Pass, "not heard since the node began"),
    }
}

/// Why nothing physical may be sent to this device: two sources speak for it, or for the master that would carry it,
/// and nobody has decided which of them it is. Read again just before the first byte.
#[must_use]
pub fn in_doubt(state: &State, target: &DeviceKey) -> Option<String> {
    let (device, conflict) = state.undecided_identity(target)?;
    let (kind, first, second) = (conflict.kind.words(), conflict.first, conflict.second);
    Some(format!(
        "{kind}: {first} and then {second}; decide with :identity {} newest|older|same NOTE",
        device.key
    ))
}

/// How this lock can be opened, and the interlock that says so.
fn method(device: &Device, around: &Surroundings) -> (Option<UnlockMethod>, Interlock) {
    const NAME: &str = "way to open it";
    let fail = |value: &str| (None, row(NAME, Verdict::Fail, value));
    let pass = |method, value: &str| (Some(method), row(NAME, Verdict::Pass, value));
    let has = |method| around.unlock_words.iter().any(|(known, _)| *known == method);
    match device.kind {
        DeviceKind::Tracker | DeviceKind::Sensor => fail("it is no lock"),
        _ if around.unlock_words.is_empty() => {
            fail("no unlock command known for this firmware; add one in a profile")
        }
        DeviceKind::MasterLock | DeviceKind::Seal => {
            if around.dynamic_password.is_some() && has(UnlockMethod::DynamicPassword) {
                pass(UnlockMethod::DynamicPassword, "dynamic password the lock told")
            } else if around.static_password && has(UnlockMethod::StaticPassword) {
                pass(UnlockMethod::StaticPassword, "static password of secrets.toml")
            } else {
                fail("no password: put one into secrets.toml in the data directory")
            }
        }
        DeviceKind::SubLock | DeviceKind::ValveLock if device.bound_to.is_none() => {
            fail("bound to no master that could relay")
        }
        DeviceKind::SubLock | DeviceKind::ValveLock if around.proven_on_bench => {
            pass(UnlockMethod::SubLockRelay, "relayed by its master; the driver must press its wake button")
        }
        DeviceKind::SubLock | DeviceKind::ValveLock => {
            fail("not proven on a bench here: an admin sets commands.proven_on_bench")
        }
    }
}

/// How far it is proven that the model understands the word it would be told.
fn unlock_word(method: Option<UnlockMethod>, around: &Surroundings) -> Interlock {
    const NAME: &str = "unlock word";
    let Some(method) = method else { return row(NAME, Verdict::NotConfigured, "none to send") };
    match around.unlock_words.iter().find(|(known, _)| *known == method).map(|(_, proof)| *proof) {
        None => row(NAME, Verdict::Fail, "the profile of this model has none for this way"),
        Some(Proof::Unverified) if !around.supervisor => {
            row(NAME, Verdict::Fail, "unverified for this model: needs a supervisor")
        }
        Some(Proof::Unverified) => {
            row(NAME, Verdict::Warn, "unverified for this model: no paper and no capture; watch the lock")
        }
        Some(proof) => row(NAME, Verdict::Pass, format!("{} for this model", proof.word())),
    }
}

fn fix(place: Option<&Place>, in_contact: bool, now: Utc) -> Interlock {
    const NAME: &str = "place known";
    match place {
        Some(place) if now - place.at <= FRESH_FIX => {
            row(NAME, Verdict::Pass, format!("{:.5} {:.5}, {} old", place.lat, place.lon, age(now, place.at)))
        }
        _ if !in_contact => row(NAME, Verdict::AtWake, "checked when the device wakes"),
        Some(place) => row(NAME, Verdict::Warn, format!("last fix {} old", age(now, place.at))),
        None => row(NAME, Verdict::Warn, "never had a fix"),
    }
}

fn speed(place: Option<&Place>, in_contact: bool, rules: Rules, now: Utc) -> Interlock {
    const NAME: &str = "standing still";
    let fresh = place.filter(|place| now - place.at <= FRESH_FIX);
    match fresh.map(|place| (place.speed_kmh, age(now, place.at))) {
        Some((Some(speed), age)) if speed > rules.max_speed_kmh => row(
            NAME,
            Verdict::Fail,
            format!("{speed:.0} km/h, {age} old; at most {:.0}", rules.max_speed_kmh),
        ),
        Some((Some(speed), age)) => row(NAME, Verdict::Pass, format!("{speed:.0} km/h, {age} old")),
        _ if !in_contact => row(NAME, Verdict::AtWake, "checked when the device wakes"),
        _ => row(NAME, Verdict::Warn, "speed not known: make sure that it stands"),
    }
}

fn rejections(state: &State, device: &Device, via: &DeviceKey) -> Interlock {
    const NAME: &str = "no refused passwords";
    let count = state.device(via).map_or(device.rejections, |carrier| carrier.rejections);
    if count >= REJECTIONS {
        let text =
            format!("{count} refused by the lock; it alarms at five: check the stored password on site");
        return row(NAME, Verdict::Fail, text);
    }
    row(NAME, if count == 0 { Verdict::Pass } else { Verdict::Warn }, format!("{count} refused"))
}

fn no_open_intent(
    state: &State,
    target: &DeviceKey,
    method: Option<UnlockMethod>,
    via: &DeviceKey,
    own: Option<CommandId>,
    now: Utc,
) -> Interlock {
    const NAME: &str = "no other command open";
    let other = state.commands.blocker(target, own, now, state.times);
    let relay = state.commands.relay_outstanding(via, own, now, state.times);
    // Only relays share the master's one place; its own lock does not.
    let relay = relay.filter(|_| method == Some(UnlockMethod::SubLockRelay));
    match (other, relay) {
        (Some(command), _) => {
            let text =
                format!("command {} by {} is {}", command.id, command.intent.by, command.exchange.words());
            row(NAME, Verdict::Fail, text)
        }
        (None, Some(relay)) => {
            row(NAME, Verdict::Fail, format!("command {} is being relayed by the same master", relay.id))
        }
        (None, None) => row(NAME, Verdict::Pass, "none"),
    }
}

fn clock(device: &Device) -> Interlock {
    const NAME: &str = "device clock known";
    if device.last_received.is_none() {
        return row(NAME, Verdict::Warn, "never heard");
    }
    let offset = device.clock.offset();
    if offset.is_zero() {
        row(NAME, Verdict::Pass, "within 2 min of ours")
    } else {
        let (seconds, side) =
            (offset.num_seconds(), if offset > TimeDelta::zero() { "behind" } else { "ahead of" });
        row(NAME, Verdict::Warn, format!("{} s {side} ours; corrected", seconds.abs()))
    }
}

fn store(around: &Surroundings) -> Interlock {
    const NAME: &str = "journal and audit writable";
    match &around.store_error {
        None => row(NAME, Verdict::Pass, "yes"),
        Some(error) => row(NAME, Verdict::Fail, error.clone()),
    }
}

fn contact(around: &Surroundings, device: &Device) -> Interlock {
    const NAME: &str = "in contact";
    let carrier = if device.kind.is_bound() { "its master" } else { "the lock" };
    if around.in_contact {
        row(NAME, Verdict::Pass, format!("{carrier} is connected: sent at once"))
    } else {
        row(NAME, Verdict::AtWake, format!("{carrier} sleeps: sent when it wakes, or never"))
    }
}
