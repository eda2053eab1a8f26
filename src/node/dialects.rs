//! The profiles' word on how devices are read and answered, brought to those who read and answer.

use super::core::Node;
use crate::domain::DeviceKey;
use crate::fleet::snapshot::DeviceStatus;
use crate::protocol::catalogue::{About, Profile};

impl Node {
    /// At the start, before anything is heard: for all enrolled devices, and for those that a profile names one by one,
    /// so that even the frame that enrols one of them is read as it is meant.
    pub(super) fn set_dialects(&self) {
        for profile in self.profiles.iter() {
            for key in &profile.matching.devices {
                let kind = profile.kind;
                let about =
                    About { key, kind, protocol: None, version: None, wire_type: None, firmware: None };
                if let Some(profile) = self.profiles.of(&about) {
                    self.memory.set_dialect(key, profile.dialect());
                }
            }
        }
        let enrolled: Vec<DeviceKey> = self.state().devices().map(|device| device.key.clone()).collect();
        self.renew_dialects(enrolled.iter());
    }

    /// For devices of which something changed: they were enrolled, or told the version or firmware that decides.
    pub(super) fn renew_dialects<'a>(&self, devices: impl Iterator<Item = &'a DeviceKey>) {
        let state = self.state();
        for key in devices {
            let device = state.device(key).filter(|device| device.status == DeviceStatus::Enrolled);
            if let Some(profile) = device.and_then(|device| self.profile_of(device)) {
                self.memory.set_dialect(key, Profile::dialect(profile));
            }
        }
    }
}
