//! What is remembered of devices from one connection to the next.

use super::catalogue::ReportAck;
use crate::domain::DeviceKey;
use crate::domain::message::WlnetAck;
use chrono::{FixedOffset, Offset};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How devices are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    pub wlnet_ack: WlnetAck,
}

/// How one device is read and answered, as its profile has it; what the profile leaves open is as for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// Zone of the times in a seal's reports.
    pub clock: FixedOffset,
    /// For the sub-devices of a master; `None`: as [`Settings`] say.
    pub wlnet_ack: Option<WlnetAck>,
    /// For the lock reports of a master whose version is not known; `None`: both words.
    pub report_ack: Option<ReportAck>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { clock: chrono::Utc.fix(), wlnet_ack: None, report_ack: None }
    }
}

/// Devices remembered at most.
const DEVICES: usize = 32_768;
/// Longest delta base kept; a Bofan sentence is about 150 bytes.
const BASE: usize = 1024;

#[derive(Debug, Default)]
struct Known {
    used: u64,
    version: Option<u8>,
    wlnet_item: Option<String>,
    base: Option<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Table {
    clock: u64,
    devices: HashMap<DeviceKey, Known>,
    /// Those that differ from the default.
    dialects: HashMap<DeviceKey, Dialect>,
}

/// What is remembered of devices across connections, shared by all of them: a master lock's protocol version (it is
/// only in binary frames and decides how its texts are acknowledged), the second item of its `WLNET` frames, and the
/// sentence a Bofan tracker's next delta builds on.
///
/// At most 32,768 devices. When one more is learned, the eighth that was not learned from for longest is forgotten.
/// Nothing is lost by that: an unknown version is answered in both ways, a delta without base waits for the next
/// full sentence.
///
/// Dialects are not learned from devices: the node sets them from the profiles, for enrolled devices and those that a
/// profile names. They are never forgotten, or a time would be read in another zone from one frame to the next.
#[derive(Debug, Default)]
pub struct Memory {
    settings: Settings,
    table: Mutex<Table>,
}

impl Memory {
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, table: Mutex::default() }
    }

    /// How a device is read and answered.
    #[must_use]
    pub fn dialect(&self, device: &DeviceKey) -> Dialect {
        self.table().dialects.get(device).copied().unwrap_or_default()
    }

    /// From now on; for whoever knows the registry to call.
    pub fn set_dialect(&self, device: &DeviceKey, dialect: Dialect) {
        let mut table = self.table();
        if dialect == Dialect::default() {
            table.dialects.remove(device);
        } else {
            table.dialects.insert(device.clone(), dialect);
        }
    }

    /// Which serial acknowledges the reports of a master's sub-devices: as the master's profile says, else the settings.
    #[must_use]
    pub fn wlnet_ack(&self, master: &DeviceKey) -> WlnetAck {
        self.dialect(master).wlnet_ack.unwrap_or(self.settings.wlnet_ack)
    }

    /// Protocol version of a master lock, if a binary frame told it.
    #[must_use]
    pub fn version(&self, device: &DeviceKey) -> Option<u8> {
        self.table().devices.get(device)?.version
    }

    pub fn learn_version(&self, device: &DeviceKey, version: u8) {
        self.table().learn(device).version = Some(version);
    }

    /// Second item of the master's own `WLNET` frames, to be repeated in commands (1 on JT701D, 23 on JT701T).
    #[must_use]
    pub fn wlnet_item(&self, device: &DeviceKey) -> Option<String> {
        self.table().devices.get(device)?.wlnet_item.clone()
    }

    pub fn learn_wlnet_item(&self, device: &DeviceKey, item: &str) {
        self.table().learn(device).wlnet_item = Some(item.to_owned());
    }

    /// The last full sentence of a Bofan tracker, terminator included. `None`: the device is not known.
    #[must_use]
    pub fn base(&self, device: &DeviceKey) -> Option<Vec<u8>> {
        self.table().devices.get(device)?.base.clone()
    }

    /// Keeps the sentence the next delta of a tracker builds on. For whoever admits devices to call: what is said in
    /// the name of a device that is not enrolled is remembered by its own connection only.
    ///
    /// Longer sentences than 1024 bytes are not kept: deltas on them will find no base.
    pub fn keep_base(&self, device: &DeviceKey, base: &[u8]) {
        let kept = (base.len() <= BASE).then(|| base.to_vec());
        self.table().learn(device).base = kept;
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Each change is a single assignment: a panic elsewhere leaves nothing half done.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn learn(&mut self, device: &DeviceKey) -> &mut Known {
        self.clock = self.clock.saturating_add(1);
        if self.devices.len() >= DEVICES && !self.devices.contains_key(device) {
            self.forget_oldest();
        }
        let known = self.devices.entry(device.clone()).or_default();
        known.used = self.clock;
        known
    }

    fn forget_oldest(&mut self) {
        let mut used: Vec<u64> = self.devices.values().map(|known| known.used).collect();
        let (_, limit, _) = used.select_nth_unstable(DEVICES / 8);
        let limit = *limit;
        self.devices.retain(|_, known| known.used > limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unheard_are_forgotten_first() {
        let memory = Memory::default();
        let key = |n: usize| DeviceKey::jointech(&format!("{n:010}"));
        for n in 0..DEVICES {
            memory.learn_version(&key(n), 0x19);
        }
        memory.learn_version(&key(0), 0x17);
        memory.learn_version(&key(DEVICES), 0x19);
        assert_eq!(memory.version(&key(0)), Some(0x17), "heard again, so kept");
        assert_eq!(memory.version(&key(1)), None);
        assert_eq!(memory.version(&key(DEVICES - 1)), Some(0x19));
        assert!(memory.table().devices.len() <= DEVICES);
    }

    #[test]
    fn makers_do_not_share_ids() {
        let memory = Memory::default();
        memory.keep_base(&DeviceKey::bofan("1"), b"$POS");
        assert_eq!(memory.base(&DeviceKey::jointech("1")), None);
        memory.keep_base(&DeviceKey::bofan("1"), &[b'x'; BASE + 1]);
        assert_eq!(memory.base(&DeviceKey::bofan("1")), None);
    }
}
