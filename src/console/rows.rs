//! The rows the node told, by identity.

use crate::domain::{AlarmId, AssetId, CommandId, DeviceKey, LinkState, Maker, PhotoId, Priority, Utc};
use crate::fleet::snapshot::{
    AlarmRow, AssetRow, CommandRow, Delta, DeviceRow, NodeRow, OrderRow, PhotoRow, QuarantineRow, RefusedRow,
    Snapshot,
};
use std::collections::{BTreeMap, HashMap};

/// Finished commands kept for the eye; the oldest beyond it leave the screen (not the node).
pub const COMMANDS: usize = 500;

/// Photos kept of each device, as many as the node tells.
const PHOTOS: usize = 20;

/// A row by identity: what a selection is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowId {
    Asset(AssetId),
    Device(DeviceKey),
    Alarm(AlarmId),
    Command(CommandId),
    Quarantined(DeviceKey),
    /// Refused frames of one reason.
    Refused(String),
}

#[derive(Debug, Clone, Default)]
pub struct Rows {
    pub assets: HashMap<AssetId, AssetRow>,
    asset_by_name: HashMap<String, AssetId>,
    pub devices: HashMap<DeviceKey, DeviceRow>,
    pub alarms: BTreeMap<AlarmId, AlarmRow>,
    pub commands: BTreeMap<CommandId, CommandRow>,
    /// Ids are journal places: an order and a command never share one.
    pub orders: BTreeMap<CommandId, OrderRow>,
    photos: HashMap<DeviceKey, BTreeMap<PhotoId, PhotoRow>>,
    pub quarantine: Vec<QuarantineRow>,
    pub refused: Vec<RefusedRow>,
    pub node: NodeRow,
}

/// Figures of the header.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Counts {
    /// Open alarms by priority.
    pub by_priority: [usize; 4],
    /// Unacknowledged ones by priority.
    pub unack_by_priority: [usize; 4],
    pub unack: usize,
    /// First evidence of the oldest unacknowledged alarm.
    pub oldest: Option<Utc>,
    pub open_commands: usize,
    pub uncertain_commands: usize,
}

impl Rows {
    /// Adds a part of a snapshot.
    pub fn add(&mut self, part: Snapshot) {
        let Snapshot { assets, devices, alarms, commands, orders, photos, quarantine, refused, node } = part;
        self.quarantine.extend(quarantine);
        self.refused.extend(refused);
        // Every part carries a node row; an empty one says nothing.
        if node != NodeRow::default() {
            self.node = node;
        }
        self.put(assets, devices, alarms, commands);
        self.put_orders(orders);
        self.put_photos(photos);
    }

    /// Applies a change; returns how many rows it touched.
    pub fn apply(&mut self, delta: Delta) -> usize {
        let Delta { assets, devices, alarms, commands, orders, photos, quarantine, refused, node } = delta;
        let touched =
            assets.len() + devices.len() + alarms.len() + commands.len() + orders.len() + photos.len();
        if let Some(rows) = quarantine {
            self.quarantine = rows;
        }
        if let Some(rows) = refused {
            self.refused = rows;
        }
        if let Some(row) = node {
            self.node = row;
        }
        self.put(assets, devices, alarms, commands);
        self.put_orders(orders);
        self.put_photos(photos);
        touched
    }

    fn put(
        &mut self,
        assets: Vec<AssetRow>,
        devices: Vec<DeviceRow>,
        alarms: Vec<AlarmRow>,
        commands: Vec<CommandRow>,
    ) {
        for row in assets {
            if let Some(old) = self.assets.get(&row.id)
                && old.name != row.name
            {
                self.asset_by_name.remove(&old.name);
            }
            self.asset_by_name.insert(row.name.clone(), row.id);
            self.assets.insert(row.id, row);
        }
        for row in devices {
            self.devices.insert(row.key.clone(), row);
        }
        for row in alarms {
            if row.state == crate::domain::AlarmState::Normal {
                self.alarms.remove(&row.id);
            } else {
                self.alarms.insert(row.id, row);
            }
        }
        for row in commands {
            self.commands.insert(row.id, row);
        }
        self.forget_old_commands();
    }

    fn put_orders(&mut self, orders: Vec<OrderRow>) {
        self.orders.extend(orders.into_iter().map(|row| (row.id, row)));
        while self.orders.len() > COMMANDS {
            let Some(id) = self.orders.values().find(|row| !row.open).map(|row| row.id) else { return };
            self.orders.remove(&id);
        }
    }

    /// Of each device the newest, as the node has them.
    fn put_photos(&mut self, photos: Vec<PhotoRow>) {
        for row in photos {
            let of_device = self.photos.entry(row.key.clone()).or_default();
            of_device.insert(row.id, row);
            if of_device.len() > PHOTOS {
                of_device.pop_first();
            }
        }
    }

    /// The newest photos of an asset, newest first.
    #[must_use]
    pub fn photos_of(&self, asset: &AssetRow, most: usize) -> Vec<&PhotoRow> {
        let devices = self.devices_of(asset).into_iter().filter_map(|device| self.photos.get(&device.key));
        let mut photos: Vec<&PhotoRow> = devices.flat_map(BTreeMap::values).collect();
        photos.sort_by_key(|row| std::cmp::Reverse(row.id));
        photos.truncate(most);
        photos
    }

    fn forget_old_commands(&mut self) {
        while self.commands.len() > COMMANDS {
            let Some(id) = self.commands.values().find(|row| !is_open(row)).map(|row| row.id) else { return };
            self.commands.remove(&id);
        }
    }

    #[must_use]
    pub fn asset_named(&self, name: &str) -> Option<&AssetRow> {
        self.assets.get(self.asset_by_name.get(name)?)
    }

    /// The devices of an asset, in the row's order. Rows name devices by ID alone; the asset's name tells two makers'
    /// equal IDs apart.
    #[must_use]
    pub fn devices_of(&self, asset: &AssetRow) -> Vec<&DeviceRow> {
        asset.devices.iter().filter_map(|id| self.device_on(id, Some(&asset.name))).collect()
    }

    /// The device of that ID, on that asset if one is given.
    #[must_use]
    pub fn device_on(&self, id: &str, asset: Option<&str>) -> Option<&DeviceRow> {
        let find = |maker| self.devices.get(&DeviceKey::new(maker, id));
        let both = [find(Maker::Jointech), find(Maker::Bofan)];
        let fits = |row: &&DeviceRow| asset.is_none() || row.asset.as_deref() == asset;
        both.into_iter().flatten().find(fits)
    }

    /// Unacknowledged alarms, worst first: priority, then the longest waiting.
    #[must_use]
    pub fn unacknowledged(&self) -> Vec<AlarmId> {
        let mut rows: Vec<_> = self.alarms.values().filter(|row| row.state.is_unacknowledged()).collect();
        rows.sort_by_key(|row| (row.priority, row.first, row.id));
        rows.into_iter().map(|row| row.id).collect()
    }

    #[must_use]
    pub fn alarms_of(&self, asset: &str) -> Vec<&AlarmRow> {
        let mut rows: Vec<_> =
            self.alarms.values().filter(|row| row.asset.as_deref() == Some(asset)).collect();
        rows.sort_by_key(|row| (!row.state.is_unacknowledged(), row.priority, row.first, row.id));
        rows
    }

    /// The newest command that still keeps each asset waiting, by asset name.
    #[must_use]
    pub fn open_commands(&self) -> HashMap<&str, &CommandRow> {
        let open = self.commands.values().filter(|row| is_open(row));
        open.filter_map(|row| Some((row.asset.as_deref()?, row))).collect()
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for row in self.alarms.values() {
            let at = match row.priority {
                Priority::P1 => 0,
                Priority::P2 => 1,
                Priority::P3 => 2,
                Priority::P4 => 3,
            };
            counts.by_priority[at] += 1;
            if row.state.is_unacknowledged() {
                counts.unack += 1;
                counts.unack_by_priority[at] += 1;
                counts.oldest = Some(counts.oldest.map_or(row.first, |oldest| oldest.min(row.first)));
            }
        }
        for row in self.commands.values().filter(|row| is_open(row)) {
            counts.open_commands += 1;
            counts.uncertain_commands += usize::from(row.exchange == crate::domain::Exchange::Uncertain);
        }
        counts
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.assets.is_empty() && self.devices.is_empty()
    }
}

/// Adds a later change to an earlier one that has not been applied yet; the later row of an identity wins.
pub fn merge(earlier: &mut Delta, later: Delta) {
    let Delta { assets, devices, alarms, commands, orders, photos, quarantine, refused, node } = later;
    earlier.assets.retain(|old| assets.iter().all(|new| new.id != old.id));
    earlier.assets.extend(assets);
    earlier.devices.retain(|old| devices.iter().all(|new| new.key != old.key));
    earlier.devices.extend(devices);
    earlier.alarms.retain(|old| alarms.iter().all(|new| new.id != old.id));
    earlier.alarms.extend(alarms);
    earlier.commands.retain(|old| commands.iter().all(|new| new.id != old.id));
    earlier.commands.extend(commands);
    earlier.orders.retain(|old| orders.iter().all(|new| new.id != old.id));
    earlier.orders.extend(orders);
    earlier.photos.retain(|old| photos.iter().all(|new| (&new.key, new.id) != (&old.key, old.id)));
    earlier.photos.extend(photos);
    earlier.quarantine = quarantine.or(earlier.quarantine.take());
    earlier.refused = refused.or(earlier.refused.take());
    earlier.node = node.or(earlier.node.take());
}

/// Whether a command is not over: it waits, or it keeps another one waiting.
#[must_use]
pub fn is_open(row: &CommandRow) -> bool {
    row.exchange.is_open() || row.blocks
}

/// The least alive link among devices: `silent`, then `never`, `asleep`, `online`.
#[must_use]
pub fn worst_link<'a>(devices: impl IntoIterator<Item = &'a DeviceRow>) -> Option<LinkState> {
    let rank = |link: &LinkState| match link {
        LinkState::Silent => 0,
        LinkState::Never => 1,
        LinkState::Asleep => 2,
        LinkState::Online => 3,
    };
    devices.into_iter().map(|row| row.link).min_by_key(rank)
}

/// Whether a device has not been heard when it should have been.
#[must_use]
pub fn is_silent(link: LinkState) -> bool {
    matches!(link, LinkState::Silent | LinkState::Never)
}
