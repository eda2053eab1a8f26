//! The fold: `apply(entry)` for what happened, `advance(now)` for what only time does. Replaying the journal gives the
//! state that running live gave; nothing here reads a clock or a socket.

use super::alarms::{ActOutcome, AlarmKey, Alarms, Sign, default_priority};
use super::commands::{Commands, StepOutcome, Times};
use super::device::Device;
use super::identity::IdentityOutcome;
use super::orders::{Orders, Sending};
use super::photos::Photos;
use super::snapshot::DeviceStatus;
use crate::domain::alarm::AlarmKind;
use crate::domain::command::{CommandStep, UnlockMethod};
use crate::domain::journal::{AlarmAct, Body, Entry, FrameRecord, NodeNote, RegistryAct};
use crate::domain::message::{Level, Message};
use crate::domain::order::OrderStep;
use crate::domain::{
    AlarmId, AssetId, CommandId, DeviceKey, DeviceKind, EventSeq, PhotoId, Priority, SealState, Utc,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Version of the serialised fold. A checkpoint of another version is not read: the journal is folded anew.
pub const FORMAT: u32 = 2;

/// Something an operator cares about: a truck, a tanker, a container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Asset {
    pub id: AssetId,
    pub code: String,
    pub name: String,
    pub plate: Option<String>,
    /// In the order of enrolment.
    pub devices: Vec<DeviceKey>,
    pub seal: SealState,
    pub seal_since: Option<Utc>,
}

/// What a fold step touched: the rows consoles must get anew.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    pub assets: BTreeSet<AssetId>,
    pub devices: BTreeSet<DeviceKey>,
    pub alarms: BTreeSet<AlarmId>,
    pub commands: BTreeSet<CommandId>,
    /// Devices whose identity came into doubt, or was decided.
    pub identities: BTreeSet<DeviceKey>,
    pub orders: BTreeSet<CommandId>,
    pub photos: BTreeSet<(DeviceKey, PhotoId)>,
    /// Devices heard from in this step: queued commands may go.
    pub heard: BTreeSet<DeviceKey>,
}

impl Changes {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn merge(&mut self, other: Self) {
        self.assets.extend(other.assets);
        self.devices.extend(other.devices);
        self.alarms.extend(other.alarms);
        self.commands.extend(other.commands);
        self.identities.extend(other.identities);
        self.orders.extend(other.orders);
        self.photos.extend(other.photos);
        self.heard.extend(other.heard);
    }
}

/// What the fold made of an operator's act, by the journal place of its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Alarm(ActOutcome),
    Identity(IdentityOutcome),
    Command(StepOutcome),
    Order(StepOutcome),
    Enrolled(AssetId),
}

/// A moment at which something changes by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Timer {
    AlarmHold(AlarmId),
    Command(CommandId),
    OpeningCheck(DeviceKey),
    Identity(DeviceKey),
    Order(CommandId),
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    #[serde(skip)]
    pub times: Times,
    /// The fold's clock: the latest `at` or `now` it was given.
    pub now: Utc,
    /// The time of what is being taken in: of the entry, or of the timer that fires. What is kept is dated by this
    /// and never by `now`, which runs differently live and in a replay.
    moment: Utc,
    pub seq: Option<EventSeq>,
    pub(super) assets: BTreeMap<AssetId, Asset>,
    pub(super) devices: HashMap<DeviceKey, Device>,
    pub alarms: Alarms,
    pub commands: Commands,
    /// Absent from checkpoints of programs that had none.
    #[serde(default)]
    pub orders: Orders,
    #[serde(default)]
    pub photos: Photos,
    timers: BTreeSet<(Utc, Timer)>,
    #[serde(skip)]
    pub(super) changes: Changes,
    /// Derived: assets by name, and the codes in use.
    #[serde(skip)]
    names: HashMap<String, AssetId>,
    #[serde(skip)]
    codes: HashSet<String>,
}

impl State {
    #[must_use]
    pub fn new(times: Times) -> Self {
        Self { times, ..Self::default() }
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// If it is not one of this format.
    pub fn from_checkpoint(body: &[u8], times: Times) -> Result<Self, serde_json::Error> {
        let mut state: Self = serde_json::from_slice(body)?;
        state.times = times;
        state.names = state.assets.values().map(|asset| (asset.name.clone(), asset.id)).collect();
        state.codes = state.assets.values().map(|asset| asset.code.clone()).collect();
        Ok(state)
    }

    /// The whole fold, for a checkpoint at `self.seq`.
    ///
    /// # Errors
    /// Never in practice: every part of it has a JSON form.
    pub fn checkpoint(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    #[must_use]
    pub fn device(&self, key: &DeviceKey) -> Option<&Device> {
        self.devices.get(key)
    }

    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.values()
    }

    #[must_use]
    pub fn asset(&self, id: AssetId) -> Option<&Asset> {
        self.assets.get(&id)
    }

    pub fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.assets.values()
    }

    #[must_use]
    pub fn asset_of(&self, key: &DeviceKey) -> Option<&Asset> {
        self.assets.get(&self.devices.get(key)?.asset?)
    }

    /// Lets time pass: timers fire in their order, each at its own moment. `now` must not be later than the `at` of an
    /// entry that is still to be applied, or a replay comes to another end than living through it did.
    pub fn advance(&mut self, now: Utc) -> Changes {
        while let Some((due, _)) = self.timers.first()
            && *due <= now
            && let Some((due, timer)) = self.timers.pop_first()
        {
            self.now = self.now.max(due);
            self.moment = due;
            self.fire(timer, due);
        }
        self.now = self.now.max(now);
        std::mem::take(&mut self.changes)
    }

    /// Takes in a committed entry.
    pub fn apply(&mut self, entry: &Entry) -> (Changes, Option<Outcome>) {
        let mut changes = self.advance(entry.at);
        self.moment = entry.at;
        self.seq = Some(entry.seq);
        let outcome = match &entry.body {
            Body::Frame(record) => {
                if self.hear(record, entry.at) {
                    self.hear_offers(record, entry.seq, entry.at);
                }
                None
            }
            Body::Registry(act) => Some(Outcome::Enrolled(self.register(act, entry))),
            Body::Alarm(act) => Some(Outcome::Alarm(self.alarm_act(act, entry.at))),
            Body::Identity(act) => Some(Outcome::Identity(self.identity_act(act, entry.at))),
            Body::Command(step) => Some(Outcome::Command(self.command_step(step, entry))),
            Body::Order(step) => Some(Outcome::Order(self.order_step(step, entry))),
            Body::Photo(note) => {
                self.photo_note(note);
                None
            }
            Body::Node(note) => {
                self.node_note(note, entry.at);
                None
            }
        };
        changes.merge(std::mem::take(&mut self.changes));
        (changes, outcome)
    }

    pub(super) fn set_timer(&mut self, due: Utc, timer: Timer) {
        self.timers.insert((due, timer));
    }

    fn fire(&mut self, timer: Timer, now: Utc) {
        match timer {
            Timer::AlarmHold(id) => {
                let (changed, again) = self.alarms.hold_over(id, now);
                if changed {
                    self.touch_alarm(id);
                }
                if let Some(until) = again {
                    self.set_timer(until, Timer::AlarmHold(id));
                }
            }
            Timer::Command(id) => self.command_due(id, now),
            Timer::OpeningCheck(key) => self.check_opening(&key, now),
            Timer::Identity(key) => self.identity_due(&key, now),
            Timer::Order(id) => {
                if self.orders.fire(id, now, self.times) {
                    self.touch_order(id);
                }
            }
        }
    }

    /// Raises an alarm about a device (or, without one, about the node).
    pub(super) fn raise(
        &mut self,
        device: Option<&DeviceKey>,
        kind: AlarmKind,
        priority: Priority,
        time: Utc,
        received: Utc,
        reason: String,
    ) {
        let known = device.and_then(|key| self.devices.get(key));
        let asset = known.and_then(|d| d.asset);
        // An event told of it, and no report of this device will ever tell that it is over.
        let unobservable = known.is_some_and(|device| match kind {
            AlarmKind::BackCoverOpened | AlarmKind::Tamper => !device.tells_cover,
            AlarmKind::MotorFault => !device.tells(Level::MotorFault),
            AlarmKind::Sos => !device.tells(Level::Sos),
            _ => false,
        });
        let key = AlarmKey { device: device.cloned(), kind };
        let sign = Sign { key, asset, priority, time, received, reason, unobservable };
        let (id, timer) = self.alarms.raise(sign);
        if let Some(until) = timer {
            self.set_timer(until, Timer::AlarmHold(id));
        }
        self.touch_alarm(id);
    }

    /// The condition of an alarm is over, by evidence of this event time.
    pub(super) fn over(&mut self, device: Option<&DeviceKey>, kind: AlarmKind, time: Utc) {
        let key = AlarmKey { device: device.cloned(), kind };
        if let Some(id) = self.alarms.condition_over(&key, time) {
            self.touch_alarm(id);
        }
    }

    /// The condition of an alarm is over for certain.
    pub(super) fn end_alarm(&mut self, device: Option<&DeviceKey>, kind: AlarmKind) {
        let key = AlarmKey { device: device.cloned(), kind };
        if let Some(id) = self.alarms.end(&key) {
            self.touch_alarm(id);
        }
    }

    pub(super) fn touch_alarm(&mut self, id: AlarmId) {
        self.changes.alarms.insert(id);
        let Some(alarm) = self.alarms.get(id) else { return };
        // The device may have been moved to another asset since; its seal is that asset's now.
        let now_on = alarm.key.device.as_ref().and_then(|key| self.devices.get(key)).and_then(|d| d.asset);
        let was_on = alarm.asset.filter(|asset| Some(*asset) != now_on);
        for asset in was_on.into_iter().chain(now_on) {
            self.reseal(asset);
        }
    }

    /// The time of what is being taken in.
    pub(super) fn moment(&self) -> Utc {
        self.moment
    }

    pub(super) fn touch_device(&mut self, key: &DeviceKey) {
        self.changes.devices.insert(key.clone());
        if let Some(asset) = self.devices.get(key).and_then(|device| device.asset) {
            self.reseal(asset);
        }
    }

    pub(super) fn touch_command(&mut self, id: CommandId) {
        self.changes.commands.insert(id);
        if let Some(due) = self.commands.get(id).and_then(|command| command.due(self.times)) {
            self.set_timer(due, Timer::Command(id));
        }
        let asset = self.commands.get(id).and_then(|c| self.devices.get(&c.intent.target)?.asset);
        self.changes.assets.extend(asset);
    }

    fn command_due(&mut self, id: CommandId, now: Utc) {
        if self.commands.fire(id, now, self.times).is_some() {
            self.judge_uncertain(id);
            self.touch_command(id);
        }
    }

    /// Raises or ends the alarm about an unknown outcome: it holds as long as the outcome of some command for the
    /// target is open.
    pub(super) fn judge_uncertain(&mut self, id: CommandId) {
        const KIND: AlarmKind = AlarmKind::CommandUncertain;
        let Some(target) = self.commands.get(id).map(|c| c.intent.target.clone()) else { return };
        let now = self.moment;
        if !self.commands.is_uncertain(&target, now, self.times) {
            return self.end_alarm(Some(&target), KIND);
        }
        let key = AlarmKey { device: Some(target.clone()), kind: KIND };
        if !self.alarms.open_with(&key).is_some_and(|alarm| alarm.state.is_active()) {
            let reason = format!("command {id}: outcome unknown, do not repeat");
            self.raise(Some(&target), KIND, default_priority(KIND), now, now, reason);
        }
    }

    fn command_step(&mut self, step: &CommandStep, entry: &Entry) -> StepOutcome {
        if let CommandStep::Sent { id, .. } = step
            && self.commands.get(*id).is_some_and(|c| {
                c.intent.method == UnlockMethod::SubLockRelay
                    && self.orders.wlnet_outstanding(&c.intent.via).is_some()
            })
        {
            return StepOutcome::NotNow;
        }
        let outcome = self.commands.step(step, CommandId(entry.seq.0), entry.at, self.times);
        if outcome != StepOutcome::Done {
            return outcome;
        }
        let id = match step {
            CommandStep::Proposed(intent) => {
                let id = CommandId(entry.seq.0);
                let heard = self.devices.get(&intent.via).and_then(|carrier| carrier.last_received);
                self.commands.note_carrier(id, heard);
                id
            }
            CommandStep::Sent { id, .. }
            | CommandStep::FailedUnsent { id }
            | CommandStep::Cancelled { id, .. }
            | CommandStep::Withheld { id, .. } => *id,
            CommandStep::Verdict { id, .. } => *id,
        };
        self.judge_uncertain(id);
        self.touch_command(id);
        outcome
    }

    fn order_step(&mut self, step: &OrderStep, entry: &Entry) -> StepOutcome {
        if let OrderStep::Sent { id, serial, shown, expect } = step {
            let Some(via) = self.orders.get(*id).map(|order| order.intent.via.clone()) else {
                return StepOutcome::NoSuchCommand;
            };
            if self.order_must_wait(&via, Sending { shown, expect }, *serial, entry.at) {
                return StepOutcome::NotNow;
            }
        }
        let outcome = self.orders.step(step, CommandId(entry.seq.0), entry.at, self.times);
        if outcome != StepOutcome::Done {
            return outcome;
        }
        let id = match step {
            OrderStep::Ordered(_) => CommandId(entry.seq.0),
            OrderStep::Sent { id, .. }
            | OrderStep::FailedUnsent { id }
            | OrderStep::Cancelled { id, .. }
            | OrderStep::Withheld { id, .. }
            | OrderStep::Checked { id, .. } => *id,
        };
        if let (OrderStep::Sent { serial: Some(serial), .. }, Some(order)) = (step, self.orders.get(id)) {
            self.commands.use_serial(&order.intent.via, *serial);
        }
        self.touch_order(id);
        outcome
    }

    /// Whether an opening through the same master, or the serial it would go with, keeps an order from being sent.
    fn order_must_wait(&self, via: &DeviceKey, sending: Sending<'_>, serial: Option<u16>, now: Utc) -> bool {
        serial.is_some_and(|serial| !self.commands.is_new_serial(via, serial))
            || (sending.is_wlnet() && self.commands.relay_outstanding(via, None, now, self.times).is_some())
    }

    /// The order, the one it is a step of and its own steps have other rows now.
    pub(super) fn touch_order(&mut self, id: CommandId) {
        self.changes.orders.insert(id);
        let Some(order) = self.orders.get(id) else { return };
        self.changes.orders.extend(order.intent.part_of);
        self.changes.orders.extend(self.orders.steps_of(id).map(|step| step.id));
        if let Some(due) = order.due(self.moment, self.times) {
            self.set_timer(due, Timer::Order(id));
        }
    }

    /// Holds what a device said against what it was asked.
    pub(super) fn hear_order(&mut self, sender: &DeviceKey, message: &Message, received: Utc) {
        for id in self.orders.hear(sender, message, received, self.times) {
            self.touch_order(id);
        }
    }

    fn alarm_act(&mut self, act: &AlarmAct, at: Utc) -> ActOutcome {
        let (id, outcome) = match act {
            AlarmAct::Ack { id, by, note } => (*id, self.alarms.ack(*id, by, note, at)),
            AlarmAct::Reset { id, .. } => (*id, self.alarms.reset(*id)),
        };
        if outcome == ActOutcome::Done {
            if let AlarmAct::Reset { .. } = act {
                self.cover_seen(id);
            }
            self.touch_alarm(id);
        }
        outcome
    }

    /// A person reset a cover alarm that no report could have ended: where its cover is nobody tells.
    fn cover_seen(&mut self, id: AlarmId) {
        if let Some(alarm) = self.alarms.get(id)
            && matches!(alarm.key.kind, AlarmKind::BackCoverOpened | AlarmKind::Tamper)
            && let Some(key) = alarm.key.device.clone()
            && let Some(device) = self.devices.get_mut(&key)
            && !device.tells_cover
        {
            device.cover = None;
            self.touch_device(&key);
        }
    }

    fn node_note(&mut self, note: &NodeNote, at: Utc) {
        match note {
            NodeNote::Started { .. } => {
                self.connections_ended();
                for id in self.commands.restarted() {
                    self.judge_uncertain(id);
                    self.touch_command(id);
                }
                for id in self.orders.restarted() {
                    self.touch_order(id);
                }
            }
            NodeNote::DiskUse { percent } if *percent >= 90 => {
                let priority = if *percent >= 97 { Priority::P2 } else { Priority::P3 };
                let reason = format!("the journal fills {percent} % of its allowance");
                self.raise(None, AlarmKind::DiskLow, priority, at, at, reason);
            }
            NodeNote::DiskUse { .. } => self.end_alarm(None, AlarmKind::DiskLow),
            NodeNote::Purged { .. } => {}
        }
    }

    fn register(&mut self, act: &RegistryAct, entry: &Entry) -> AssetId {
        let RegistryAct::Enrol { device: key, kind, asset: name, bound_to, plate, .. } = act;
        let asset = self.asset_named(name, entry);
        let device = self
            .devices
            .entry(key.clone())
            .or_insert_with(|| Device::new(key.clone(), *kind, DeviceStatus::Enrolled));
        device.kind = *kind;
        device.status = DeviceStatus::Enrolled;
        device.bound_to = bound_to.clone().or_else(|| device.bound_to.take());
        let before = device.asset.replace(asset);
        if before != Some(asset) {
            self.move_device(key, before, asset);
        }
        if let (Some(plate), Some(asset)) = (plate, self.assets.get_mut(&asset)) {
            asset.plate = Some(plate.clone());
        }
        self.touch_device(key);
        asset
    }

    /// Moves a device from one asset to another, and with it the children that nobody has confirmed: they are where
    /// their master is.
    fn move_device(&mut self, key: &DeviceKey, from: Option<AssetId>, to: AssetId) {
        let left = from.and_then(|id| self.assets.get_mut(&id));
        let mut moving = vec![key.clone()];
        if let Some(left) = left {
            let devices = &self.devices;
            moving.extend(
                left.devices
                    .iter()
                    .filter(|other| {
                        devices.get(*other).is_some_and(|d| {
                            d.status == DeviceStatus::New && d.bound_to.as_ref() == Some(key)
                        })
                    })
                    .cloned(),
            );
            left.devices.retain(|device| !moving.contains(device));
        }
        for key in &moving {
            if let Some(device) = self.devices.get_mut(key) {
                device.asset = Some(to);
            }
            self.add_to_asset(to, key);
            self.touch_device(key);
        }
        if let Some(from) = from {
            self.reseal(from);
        }
    }

    /// Adds a device to an asset: sub-devices right behind their master.
    fn add_to_asset(&mut self, id: AssetId, key: &DeviceKey) {
        let bound = self.devices.get(key).and_then(|d| d.bound_to.clone());
        let devices = &self.devices;
        let Some(asset) = self.assets.get_mut(&id) else { return };
        if asset.devices.contains(key) {
            return;
        }
        let family = |other: &DeviceKey| {
            Some(other) == bound.as_ref() || devices.get(other).is_some_and(|d| d.bound_to == bound)
        };
        let at = match bound {
            Some(_) => asset.devices.iter().rposition(family).map(|at| at + 1),
            None => None,
        };
        asset.devices.insert(at.unwrap_or(asset.devices.len()), key.clone());
    }

    fn asset_named(&mut self, name: &str, entry: &Entry) -> AssetId {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let id = AssetId(entry.seq.0);
        let code = super::code::code_for(name, id, |code| self.codes.contains(code));
        self.names.insert(name.to_owned(), id);
        self.codes.insert(code.clone());
        self.assets.insert(
            id,
            Asset {
                id,
                code,
                name: name.to_owned(),
                plate: None,
                devices: Vec::new(),
                seal: SealState::Unknown,
                seal_since: None,
            },
        );
        self.changes.assets.insert(id);
        id
    }

    /// A sub-device that an enrolled master carries and nobody has confirmed.
    pub(super) fn meet_child(&mut self, key: &DeviceKey, kind: DeviceKind, master: &DeviceKey) {
        let asset = self.devices.get(master).and_then(|device| device.asset);
        let mut child = Device::new(key.clone(), kind, DeviceStatus::New);
        child.bound_to = Some(master.clone());
        child.asset = asset;
        self.devices.insert(key.clone(), child);
        if let Some(asset) = asset {
            self.add_to_asset(asset, key);
        }
    }

    /// Takes in a frame. `false` if its source is not believed.
    fn hear(&mut self, record: &FrameRecord, at: Utc) -> bool {
        // What hangs on a master has no modem: whoever speaks in its name on a line of its own is somebody else.
        if self.devices.get(&record.device).is_none_or(|device| device.kind.is_bound())
            || !self.identify(record, at)
        {
            return false;
        }
        let Some(device) = self.devices.get_mut(&record.device) else { return false };
        device.last_received = Some(at);
        device.peer = Some(record.peer.to_string());
        device.transport = Some(record.transport);
        device.frames = device.frames.saturating_add(1);
        for message in &record.messages {
            self.hear_message(&record.device, message, at);
        }
        self.changes.heard.insert(record.device.clone());
        self.touch_device(&record.device);
        true
    }
}
