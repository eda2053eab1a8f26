//! The fold: `apply(entry)` for what happened, `advance(now)` for what only time does. Replaying the journal gives the
//! state that running live gave; nothing here reads a clock or a socket.

use super::alarms::{ActOutcome, AlarmKey, Alarms, Ending, Sign, ending};
use super::commands::{Commands, StepOutcome, Times};
use super::device::Device;
use super::snapshot::DeviceStatus;
use crate::domain::alarm::AlarmKind;
use crate::domain::command::CommandStep;
use crate::domain::journal::{AlarmAct, Body, Entry, FrameRecord, NodeNote, RegistryAct};
use crate::domain::{
    AlarmId, AssetId, CommandId, DeviceKey, DeviceKind, EventSeq, Exchange, Priority, SealState, Utc,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Version of the serialised fold. A checkpoint of another version is not read: the journal is folded anew.
pub const FORMAT: u32 = 1;

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
        self.heard.extend(other.heard);
    }
}

/// What the fold made of an operator's act, by the journal place of its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Alarm(ActOutcome),
    Command(StepOutcome),
    Enrolled(AssetId),
}

/// A moment at which something changes by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Timer {
    AlarmHold(AlarmId),
    Command(CommandId),
    OpeningCheck(DeviceKey),
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    #[serde(skip)]
    pub times: Times,
    /// The fold's clock: the latest `at` or `now` it was given.
    pub now: Utc,
    pub seq: Option<EventSeq>,
    pub(super) assets: BTreeMap<AssetId, Asset>,
    pub(super) devices: HashMap<DeviceKey, Device>,
    pub alarms: Alarms,
    pub commands: Commands,
    timers: BTreeSet<(Utc, Timer)>,
    #[serde(skip)]
    pub(super) changes: Changes,
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

    /// Lets time pass: timers fire in their order, each at its own moment.
    pub fn advance(&mut self, now: Utc) -> Changes {
        while let Some((due, _)) = self.timers.first()
            && *due <= now
            && let Some((due, timer)) = self.timers.pop_first()
        {
            self.now = self.now.max(due);
            self.fire(timer, due);
        }
        self.now = self.now.max(now);
        std::mem::take(&mut self.changes)
    }

    /// Takes in a committed entry.
    pub fn apply(&mut self, entry: &Entry) -> (Changes, Option<Outcome>) {
        let mut changes = self.advance(entry.at);
        self.seq = Some(entry.seq);
        let outcome = match &entry.body {
            Body::Frame(record) => {
                self.hear(record, entry.at);
                None
            }
            Body::Registry(act) => Some(Outcome::Enrolled(self.register(act, entry))),
            Body::Alarm(act) => Some(Outcome::Alarm(self.alarm_act(act, entry.at))),
            Body::Command(step) => Some(Outcome::Command(self.command_step(step, entry))),
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
                if self.alarms.hold_over(id, now) {
                    self.touch_alarm(id);
                } else if let Some(until) = self.alarms.get(id).and_then(|a| a.held_until)
                    && until > now
                {
                    self.set_timer(until, Timer::AlarmHold(id));
                }
            }
            Timer::Command(id) => self.command_due(id, now),
            Timer::OpeningCheck(key) => self.check_opening(&key, now),
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
        let asset = device.and_then(|key| self.devices.get(key)).and_then(|d| d.asset);
        let key = AlarmKey { device: device.cloned(), kind };
        let (id, _) = self.alarms.raise(Sign { key, asset, priority, time, received, reason });
        if let (Ending::After(_), Some(until)) =
            (ending(kind), self.alarms.get(id).and_then(|alarm| alarm.held_until))
        {
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

    pub(super) fn touch_alarm(&mut self, id: AlarmId) {
        self.changes.alarms.insert(id);
        if let Some(asset) = self.alarms.get(id).and_then(|alarm| alarm.asset) {
            self.reseal(asset);
        }
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
        let Some(became) = self.commands.fire(id, now, self.times) else { return };
        if became == Exchange::Uncertain {
            self.command_uncertain(id, now);
        }
        self.touch_command(id);
    }

    fn command_uncertain(&mut self, id: CommandId, now: Utc) {
        let Some(target) = self.commands.get(id).map(|c| c.intent.target.clone()) else { return };
        let reason = format!("command {id}: outcome unknown, do not repeat");
        self.raise(Some(&target), AlarmKind::CommandUncertain, Priority::P2, now, now, reason);
    }

    fn command_step(&mut self, step: &CommandStep, entry: &Entry) -> StepOutcome {
        let outcome = self.commands.step(step, CommandId(entry.seq.0), entry.at, self.times);
        if outcome != StepOutcome::Done {
            return outcome;
        }
        let id = match step {
            CommandStep::Proposed(_) => CommandId(entry.seq.0),
            CommandStep::Sent { id, .. }
            | CommandStep::FailedUnsent { id }
            | CommandStep::Cancelled { id, .. }
            | CommandStep::Withheld { id, .. } => *id,
            CommandStep::Verdict { id, .. } => {
                if let Some(target) = self.commands.get(*id).map(|c| c.intent.target.clone()) {
                    self.over(Some(&target), AlarmKind::CommandUncertain, entry.at);
                }
                *id
            }
        };
        self.touch_command(id);
        outcome
    }

    fn alarm_act(&mut self, act: &AlarmAct, at: Utc) -> ActOutcome {
        let (id, outcome) = match act {
            AlarmAct::Ack { id, by, note } => (*id, self.alarms.ack(*id, by, note, at)),
            AlarmAct::Reset { id, .. } => (*id, self.alarms.reset(*id)),
        };
        if outcome == ActOutcome::Done {
            self.touch_alarm(id);
        }
        outcome
    }

    fn node_note(&mut self, note: &NodeNote, at: Utc) {
        match note {
            NodeNote::Started { .. } => {
                for id in self.commands.restarted() {
                    self.command_uncertain(id, at);
                    self.touch_command(id);
                }
            }
            NodeNote::DiskUse { percent } if *percent >= 90 => {
                let priority = if *percent >= 97 { Priority::P2 } else { Priority::P3 };
                let reason = format!("the journal fills {percent} % of its allowance");
                self.raise(None, AlarmKind::DiskLow, priority, at, at, reason);
            }
            NodeNote::DiskUse { .. } => self.over(None, AlarmKind::DiskLow, at),
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
            if let Some(old) = before.and_then(|id| self.assets.get_mut(&id)) {
                old.devices.retain(|d| d != key);
            }
            self.add_to_asset(asset, key);
            if let Some(old) = before {
                self.reseal(old);
            }
        }
        if let (Some(plate), Some(asset)) = (plate, self.assets.get_mut(&asset)) {
            asset.plate = Some(plate.clone());
        }
        self.touch_device(key);
        asset
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
        if let Some(asset) = self.assets.values().find(|asset| asset.name == name) {
            return asset.id;
        }
        let id = AssetId(entry.seq.0);
        let taken: BTreeSet<&str> = self.assets.values().map(|a| a.code.as_str()).collect();
        let code = super::code::code_for(name, id, |code| taken.contains(code));
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

    fn hear(&mut self, record: &FrameRecord, at: Utc) {
        let Some(device) = self.devices.get_mut(&record.device) else { return };
        device.last_received = Some(at);
        device.peer = Some(record.peer.to_string());
        device.transport = Some(record.transport);
        device.frames = device.frames.saturating_add(1);
        for message in &record.messages {
            self.hear_message(&record.device, message, at);
        }
        self.changes.heard.insert(record.device.clone());
        self.touch_device(&record.device);
    }
}
