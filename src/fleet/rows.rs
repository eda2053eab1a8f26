//! From the fold to the rows that consoles and `list` show.

use super::alarms::{Alarm, Alarms};
use super::commands::Commands;
use super::device::Device;
use super::identity::Conflict;
use super::snapshot::{
    AlarmRow, AnalogRow, AssetRow, CommandRow, ConflictRow, DecidedRow, DeviceRow, OrderRow, Place, Snapshot,
};
use super::state::{Asset, State};
use crate::domain::{AlarmId, AssetId, CommandId, DeviceKey, DeviceKind, LinkState, Priority, Utc};
use chrono::TimeDelta;

/// How often each kind of device is expected to be heard, and how long it may sleep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WakePlan {
    expected: [TimeDelta; DeviceKind::ALL.len()],
    wake: [TimeDelta; DeviceKind::ALL.len()],
}

impl WakePlan {
    /// From the settings: for each kind the expected interval and the wake interval.
    #[must_use]
    pub fn new(of: impl Fn(DeviceKind) -> (TimeDelta, TimeDelta)) -> Self {
        let mut plan = Self { expected: Default::default(), wake: Default::default() };
        for kind in DeviceKind::ALL {
            (plan.expected[kind as usize], plan.wake[kind as usize]) = of(kind);
        }
        plan
    }

    #[must_use]
    pub fn wake(&self, kind: DeviceKind) -> TimeDelta {
        self.wake[kind as usize]
    }

    /// The link word of a device of this kind.
    #[must_use]
    pub fn link(&self, kind: DeviceKind, last: Option<Utc>, now: Utc) -> LinkState {
        LinkState::at(now, last, self.expected[kind as usize], self.wake[kind as usize])
    }
}

fn conflict_row(conflict: &Conflict) -> ConflictRow {
    ConflictRow {
        kind: conflict.kind,
        first: conflict.first,
        second: conflict.second,
        since: conflict.since,
        last: conflict.last,
        count: conflict.count,
        ignored: conflict.ignored,
        decided: conflict.decided.as_ref().map(|decided| DecidedRow {
            decision: decided.decision,
            accepted: decided.pin.accepted,
            by: decided.by.clone(),
            at: decided.at,
            note: decided.note.clone(),
        }),
    }
}

impl State {
    /// Everything, once. `all` adds closed alarms and finished commands.
    #[must_use]
    pub fn snapshot(&self, plan: &WakePlan, now: Utc, all: bool) -> Snapshot {
        let mut devices: Vec<&Device> =
            self.assets().flat_map(|a| a.devices.iter()).filter_map(|k| self.device(k)).collect();
        devices.extend(self.devices().filter(|device| device.asset.is_none()));
        Snapshot {
            assets: self.assets().map(|asset| self.asset_row(asset)).collect(),
            devices: devices.into_iter().map(|device| self.device_row(device, plan, now)).collect(),
            alarms: self
                .alarms
                .all()
                .filter(|alarm| all || alarm.state != crate::domain::AlarmState::Normal)
                .map(|alarm| self.alarm_row(alarm))
                .collect(),
            commands: self
                .commands
                .all()
                .filter(|command| {
                    all || command.blocks(now, self.times) || now - command.created < TimeDelta::days(1)
                })
                .filter_map(|command| self.command_row(command.id, now))
                .collect(),
            orders: self
                .orders
                .all()
                .filter(|order| all || order.is_open() || now - order.created < TimeDelta::days(1))
                .filter_map(|order| self.order_row(order.id))
                .collect(),
            photos: self.photos.all().map(|photo| self.photo_row(photo)).collect(),
            ..Snapshot::default()
        }
    }

    #[must_use]
    pub fn asset_row_of(&self, id: AssetId) -> Option<AssetRow> {
        self.asset(id).map(|asset| self.asset_row(asset))
    }

    #[must_use]
    pub fn device_row_of(&self, key: &DeviceKey, plan: &WakePlan, now: Utc) -> Option<DeviceRow> {
        self.device(key).map(|device| self.device_row(device, plan, now))
    }

    #[must_use]
    pub fn alarm_row_of(&self, id: AlarmId) -> Option<AlarmRow> {
        self.alarms.get(id).map(|alarm| self.alarm_row(alarm))
    }

    /// Where an asset is: the newest place any of its devices told.
    #[must_use]
    pub fn place_of(&self, asset: &Asset) -> Option<&Place> {
        asset.devices.iter().filter_map(|key| self.device(key)?.place.as_ref()).max_by_key(|place| place.at)
    }

    /// Priority of the worst open alarm on an asset.
    #[must_use]
    pub fn worst_alarm(&self, asset: &Asset) -> Option<Priority> {
        asset.devices.iter().flat_map(|key| self.alarms.open_of(key)).map(|alarm| alarm.priority).min()
    }

    fn asset_row(&self, asset: &Asset) -> AssetRow {
        let locks = asset.devices.iter().filter_map(|key| self.device(key)).filter(|d| d.kind.has_lock());
        let as_of = locks
            .flat_map(|device| [device.lock.map(|held| held.as_of), device.valve.map(|held| held.as_of)])
            .flatten()
            .min();
        AssetRow {
            id: asset.id,
            code: asset.code.clone(),
            name: asset.name.clone(),
            plate: asset.plate.clone(),
            seal: asset.seal,
            since: asset.seal_since,
            as_of,
            worst_alarm: self.worst_alarm(asset),
            position: self.place_of(asset).cloned(),
            devices: asset.devices.iter().map(|key| key.id.to_string()).collect(),
        }
    }

    /// A device's own place, else its master's, else the newest on its asset.
    #[must_use]
    pub fn place_for<'a>(&'a self, device: &'a Device) -> Option<&'a Place> {
        let own = device.place.as_ref();
        let master = || device.bound_to.as_ref().and_then(|key| self.device(key)?.place.as_ref());
        let paired = || device.asset.and_then(|id| self.place_of(self.asset(id)?));
        own.or_else(master).or_else(paired)
    }

    fn device_row(&self, device: &Device, plan: &WakePlan, now: Utc) -> DeviceRow {
        let offset = device.clock.offset();
        let unheard = DeviceRow::unheard(device.key.clone(), device.kind, device.status);
        DeviceRow {
            id: device.key.id.to_string(),
            key: device.key.clone(),
            kind: device.kind,
            protocol: device.protocol,
            asset: device.asset.and_then(|id| self.asset(id)).map(|asset| asset.name.clone()),
            bound_to: device.bound_to.as_ref().map(|key| key.id.to_string()),
            status: device.status,
            lock: device.lock.map(|held| held.value).or(unheard.lock),
            valve: device.valve_word().map(|held| held.value).or(unheard.valve),
            parts: device.parts_row(),
            since: device.lock.map(|held| held.since),
            as_of: device.lock.map(|held| held.as_of),
            valve_since: device.valve_word().map(|held| held.since),
            valve_as_of: device.valve.map(|held| held.as_of),
            link: plan.link(device.kind, device.last_received, now),
            battery_pct: device.battery.map(|held| held.value),
            battery_as_of: device.battery.map(|held| held.as_of),
            charging: device.charging,
            voltage_v: device.voltage_v,
            signal: device.signal,
            temperature_c: device.temperature_c,
            humidity_pct: device.humidity_pct,
            ignition: device.ignition.map(|held| held.value),
            inputs: device.inputs.clone(),
            outputs: device.outputs.clone(),
            lines: Vec::new(),
            lines_as_of: device.lines_at,
            analog: (1..).zip(&device.adc).map(|(input, count)| AnalogRow::raw(input, *count)).collect(),
            analog_as_of: device.adc_at,
            odometer_m: device.odometer_m,
            position: self.place_for(device).cloned(),
            last_received: device.last_received,
            clock_off_s: (!offset.is_zero()).then(|| offset.num_seconds()),
            peer: device.peer.clone(),
            transport: device.transport,
            firmware: device.firmware.clone(),
            unknown: device.unknowns.rows().to_vec(),
            unknown_others: device.unknowns.others(),
            frames: device.frames,
            conflict: device.identity.conflict().map(conflict_row),
            identity: device.identity.events().cloned().collect(),
        }
    }

    fn alarm_row(&self, alarm: &Alarm) -> AlarmRow {
        let asset = alarm.asset.and_then(|id| self.asset(id));
        Alarms::row(alarm, asset.map(|a| a.code.as_str()), asset.map(|a| a.name.clone()))
    }

    #[must_use]
    pub fn command_row(&self, id: CommandId, now: Utc) -> Option<CommandRow> {
        let command = self.commands.get(id)?;
        let asset = self.asset_of(&command.intent.target).map(|asset| asset.name.clone());
        Some(Commands::row(command, asset, now, self.times))
    }

    #[must_use]
    pub fn order_row(&self, id: CommandId) -> Option<OrderRow> {
        let order = self.orders.get(id)?;
        Some(order.row(self.asset_of(&order.intent.target).map(|asset| asset.name.clone())))
    }
}
