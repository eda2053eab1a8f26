//! An asset's one word, from all parts of all its locks.

use super::device::Device;
use super::snapshot::DeviceStatus;
use super::state::State;
use crate::domain::alarm::AlarmKind;
use crate::domain::{AssetId, DeviceKind, LockState, PartState, SealState, Utc, ValveState};

fn lock(device: &Device) -> LockState {
    device.lock.map_or(LockState::Unknown, |held| held.value)
}

fn valve(device: &Device) -> ValveState {
    device.valve_word().map_or(ValveState::Unknown, |held| held.value)
}

fn is_unknown(device: &Device) -> bool {
    lock(device) == LockState::Unknown
        || (device.kind == DeviceKind::ValveLock && valve(device) == ValveState::Unknown)
}

impl State {
    /// Recomputes an asset's word after something on it changed.
    pub(super) fn reseal(&mut self, id: AssetId) {
        let word = self.seal_word(id);
        let since = self.seal_since(id, word);
        if let Some(asset) = self.assets.get_mut(&id) {
            if asset.seal != word {
                asset.seal = word;
                asset.seal_since = Some(since);
            }
            self.changes.assets.insert(id);
        }
    }

    /// Since when a word that is new holds: what the locks' parts say is as old as the part that moved last by event
    /// time; what alarms and missing reports say is as old as what is being taken in.
    fn seal_since(&self, id: AssetId, word: SealState) -> Utc {
        let moment = self.moment();
        let told_by_parts = matches!(word, SealState::Sealed | SealState::Open | SealState::LockedNotSealed);
        let Some(asset) = self.assets.get(&id).filter(|_| told_by_parts) else { return moment };
        let locks = asset.devices.iter().filter_map(|key| self.devices.get(key));
        let moved = locks
            .filter(|device| device.kind.has_lock())
            .flat_map(|device| [device.lock.map(|held| held.since), device.valve.map(|held| held.since)]);
        moved.flatten().max().map_or(moment, |moved| moved.min(moment))
    }

    /// The first word that matches, worst first.
    fn seal_word(&self, id: AssetId) -> SealState {
        let Some(asset) = self.assets.get(&id) else { return SealState::Unknown };
        let devices: Vec<&Device> = asset.devices.iter().filter_map(|key| self.devices.get(key)).collect();
        if devices.iter().any(|device| self.is_tampered(device)) {
            return SealState::Tampered;
        }
        if devices.iter().any(|device| device.kind.has_lock() && device.identity.undecided().is_some()) {
            return SealState::Conflict;
        }
        let locks: Vec<&Device> = devices.into_iter().filter(|device| device.kind.has_lock()).collect();
        if locks.iter().any(|device| lock(device) == LockState::Unlocked || valve(device) == ValveState::Open)
        {
            return SealState::Open;
        }
        if locks.iter().any(|device| lock(device) == LockState::Unseated) {
            return SealState::LockedNotSealed;
        }
        // A child nobody confirmed can make things worse, never better.
        let mut counted = locks.iter().filter(|device| device.status != DeviceStatus::New).peekable();
        if counted.peek().is_none() || counted.any(|device| is_unknown(device)) {
            return SealState::Unknown;
        }
        SealState::Sealed
    }

    /// A cover that is open now, or an alarm of that kind that nobody has reset.
    fn is_tampered(&self, device: &Device) -> bool {
        device.cover.is_some_and(|cover| cover.value == PartState::Open)
            || self.alarms.open_of(&device.key).any(|alarm| {
                matches!(alarm.key.kind, AlarmKind::RopeCut | AlarmKind::Tamper | AlarmKind::BackCoverOpened)
            })
    }
}
