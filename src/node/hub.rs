//! Fan-out to consoles. Each has a set of rows that changed; a slow console's set grows no larger than the fleet, and
//! nobody ever waits for it.

use super::core::lock;
use crate::domain::{AlarmId, AssetId, CommandId, DeviceKey, PhotoId};
use crate::fleet::Changes;
use crate::ipc::wire::TailLine;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Tail lines waiting for one console; when it is too slow the oldest are dropped.
const TAIL: usize = 500;

/// Rows a console must get anew.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    pub assets: BTreeSet<AssetId>,
    pub devices: BTreeSet<DeviceKey>,
    pub alarms: BTreeSet<AlarmId>,
    pub commands: BTreeSet<CommandId>,
    pub orders: BTreeSet<CommandId>,
    pub photos: BTreeSet<(DeviceKey, PhotoId)>,
    pub quarantine: bool,
    pub refused: bool,
    pub node: bool,
}

impl Dirty {
    pub(super) fn is_empty(&self) -> bool {
        self.assets.is_empty()
            && self.devices.is_empty()
            && self.alarms.is_empty()
            && self.commands.is_empty()
            && self.orders.is_empty()
            && self.photos.is_empty()
            && !(self.quarantine || self.refused || self.node)
    }
}

#[derive(Debug, Default)]
struct Tail {
    device: Option<DeviceKey>,
    lines: VecDeque<TailLine>,
}

/// One console's share.
#[derive(Debug, Default)]
pub(super) struct Subscriber {
    dirty: Mutex<Dirty>,
    tail: Mutex<Tail>,
    pub(super) woken: Notify,
}

impl Subscriber {
    pub(super) fn take(&self) -> Dirty {
        std::mem::take(&mut lock(&self.dirty))
    }

    pub(super) fn set_tail(&self, device: Option<DeviceKey>, lines: Vec<TailLine>) {
        let mut lines = VecDeque::from(lines);
        lines.drain(..lines.len().saturating_sub(TAIL));
        *lock(&self.tail) = Tail { device, lines };
        self.woken.notify_one();
    }

    pub(super) fn take_tail(&self) -> Option<(DeviceKey, Vec<TailLine>)> {
        let mut tail = lock(&self.tail);
        let device = tail.device.clone()?;
        let lines: Vec<TailLine> = tail.lines.drain(..).collect();
        (!lines.is_empty()).then_some((device, lines))
    }
}

#[derive(Debug, Default)]
pub(super) struct Hub {
    subscribers: Mutex<Vec<Arc<Subscriber>>>,
}

impl Hub {
    pub(super) fn subscribe(&self) -> Arc<Subscriber> {
        let subscriber = Arc::new(Subscriber::default());
        lock(&self.subscribers).push(subscriber.clone());
        subscriber
    }

    pub(super) fn leave(&self, subscriber: &Arc<Subscriber>) {
        lock(&self.subscribers).retain(|other| !Arc::ptr_eq(other, subscriber));
    }

    pub(super) fn consoles(&self) -> usize {
        lock(&self.subscribers).len()
    }

    fn each(&self, change: impl Fn(&mut Dirty)) {
        for subscriber in lock(&self.subscribers).iter() {
            change(&mut lock(&subscriber.dirty));
            subscriber.woken.notify_one();
        }
    }

    pub(super) fn dirty(&self, changes: &Changes) {
        self.each(|dirty| {
            dirty.assets.extend(&changes.assets);
            dirty.devices.extend(changes.devices.iter().cloned());
            dirty.alarms.extend(&changes.alarms);
            dirty.commands.extend(&changes.commands);
            dirty.orders.extend(&changes.orders);
            dirty.photos.extend(changes.photos.iter().cloned());
        });
    }

    pub(super) fn links_changed(&self, devices: &[DeviceKey]) {
        self.each(|dirty| dirty.devices.extend(devices.iter().cloned()));
    }

    pub(super) fn quarantine_changed(&self) {
        self.each(|dirty| dirty.quarantine = true);
    }

    pub(super) fn refused_changed(&self) {
        self.each(|dirty| dirty.refused = true);
    }

    pub(super) fn node_changed(&self) {
        self.each(|dirty| dirty.node = true);
    }

    /// Whether somebody tails this device; lines need not be made otherwise.
    pub(super) fn is_tailed(&self, device: &DeviceKey) -> bool {
        lock(&self.subscribers).iter().any(|s| lock(&s.tail).device.as_ref() == Some(device))
    }

    pub(super) fn tail(&self, device: &DeviceKey, line: &TailLine) {
        for subscriber in lock(&self.subscribers).iter() {
            let mut tail = lock(&subscriber.tail);
            if tail.device.as_ref() == Some(device) {
                if tail.lines.len() >= TAIL {
                    tail.lines.pop_front();
                }
                tail.lines.push_back(line.clone());
                subscriber.woken.notify_one();
            }
        }
    }
}
