//! An asset's one word on the screen, and what makes it so.

use super::rows::{Rows, is_silent};
use super::symbols::Symbols;
use super::words::{self, Mark};
use crate::domain::alarm::AlarmKind;
use crate::domain::{DeviceKind, LockState, PartState, SealState, ValveState};
use crate::fleet::snapshot::{AssetRow, DeviceRow, DeviceStatus};

/// Causes named one by one; of more only the number is said.
const NAMED: usize = 2;

/// The word with its shape. An asset without any lock has nothing that could be sealed: that is no worry.
#[must_use]
pub fn mark(rows: &Rows, asset: &AssetRow, sy: &Symbols) -> Mark {
    let devices = rows.devices_of(asset);
    let mut locks = devices.iter().filter(|device| device.kind.has_lock()).peekable();
    if locks.peek().is_none() && asset.seal == SealState::Unknown {
        return words::no_lock(sy);
    }
    words::seal(asset.seal, locks.any(|device| is_silent(device.link)), sy)
}

/// Which devices and parts make the word what it is; `None` where it needs no explanation.
#[must_use]
pub fn why(rows: &Rows, asset: &AssetRow) -> Option<String> {
    let devices = rows.devices_of(asset);
    let locks = || devices.iter().copied().filter(|device| device.kind.has_lock());
    let each = |say: fn(&DeviceRow) -> Option<&'static str>| -> Vec<String> {
        locks().filter_map(|device| Some(format!("{} {}", device.id, say(device)?))).collect()
    };
    let causes = match asset.seal {
        SealState::Sealed => return None,
        SealState::Conflict => {
            let doubted = locks().filter_map(|device| {
                let conflict = device.conflict.as_ref().filter(|conflict| conflict.decided.is_none())?;
                Some(format!("{}: {} and {}", device.id, conflict.first, conflict.second))
            });
            doubted.collect()
        }
        SealState::Tampered => tampered(rows, asset, &devices),
        SealState::Open => each(opened),
        SealState::LockedNotSealed => {
            each(|device| (device.lock == Some(LockState::Unseated)).then_some("locked with its rope out"))
        }
        SealState::Unknown if locks().next().is_none() => return None,
        SealState::Unknown => each(unknown),
    };
    match causes.len() {
        0 => None,
        count if count > NAMED => Some(format!("{}, {} more", causes[..NAMED].join(", "), count - NAMED)),
        _ => Some(causes.join(", ")),
    }
}

fn tampered(rows: &Rows, asset: &AssetRow, devices: &[&DeviceRow]) -> Vec<String> {
    let cut = [AlarmKind::RopeCut, AlarmKind::Tamper, AlarmKind::BackCoverOpened];
    let mut causes: Vec<String> = rows
        .alarms_of(&asset.name)
        .into_iter()
        .filter(|alarm| cut.contains(&alarm.kind))
        .map(|alarm| format!("{} {}", alarm.device.as_deref().unwrap_or(""), words::kind(alarm.kind)))
        .collect();
    for device in devices {
        let open = device.parts.cover.is_some_and(|cover| cover.state == PartState::Open);
        if open && !causes.iter().any(|cause| cause.starts_with(&device.id)) {
            causes.push(format!("{} cover open", device.id));
        }
    }
    causes
}

fn opened(device: &DeviceRow) -> Option<&'static str> {
    match (device.lock, device.valve) {
        (Some(LockState::Unlocked), Some(ValveState::Open)) => Some("unlocked, valve open"),
        (Some(LockState::Unlocked), _) => Some("unlocked"),
        (_, Some(ValveState::Open)) => Some("valve open"),
        _ => None,
    }
}

fn unknown(device: &DeviceRow) -> Option<&'static str> {
    // A child nobody confirmed can make things worse, never better.
    if device.status == DeviceStatus::New {
        return None;
    }
    let lock = !matches!(device.lock, None | Some(LockState::Unknown));
    let valve =
        device.kind != DeviceKind::ValveLock || !matches!(device.valve, None | Some(ValveState::Unknown));
    match (lock, valve) {
        (true, true) => None,
        _ if device.last_received.is_none() => Some("never heard"),
        (true, false) if device.valve_as_of.is_none() => Some("has not told its valve yet"),
        (true, false) => Some("valve not known"),
        (false, _) if device.as_of.is_none() => Some("has not told its lock yet"),
        (false, _) if device.parts.motor.is_some() && device.parts.rope.is_some() => Some("contact lost"),
        (false, _) => Some("has told only a part of its lock"),
    }
}
