//! A fold, and a short way to tell it things. Every entry is kept, so that the whole story can be told again.

use crate::wire::{MASTER, SEAL, SUB, TRACKER, VALVE};
use chrono::{DateTime, TimeDelta, Utc};
use lockyard::domain::alarm::AlarmKind;
use lockyard::domain::command::{CommandStep, UnlockIntent, UnlockMethod, UnlockReason};
use lockyard::domain::identity::Arrival;
use lockyard::domain::journal::{AlarmAct, Body, Entry, FrameRecord, NodeNote, RegistryAct, Transport};
use lockyard::domain::order::OrderStep;
use lockyard::domain::{
    AlarmId, AlarmState, CommandId, DeviceKey, DeviceKind, EventSeq, LockState, SealState,
};
use lockyard::fleet::alarms::{ActOutcome, Alarm, AlarmKey};
use lockyard::fleet::commands::{Command, StepOutcome};
use lockyard::fleet::device::Device;
use lockyard::fleet::snapshot::Snapshot;
use lockyard::fleet::{Outcome, State, Times, WakePlan};
use lockyard::protocol::{Connection, Heard, Memory, Settings};
use std::sync::Arc;

/// Second 0 is 2026-11-20 00:00:00 UTC.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_132_800 + seconds, 0).unwrap()
}

pub(crate) fn plan() -> WakePlan {
    WakePlan::new(|_| (TimeDelta::minutes(5), TimeDelta::minutes(30)))
}

pub(crate) fn key(id: &str) -> DeviceKey {
    if id == TRACKER { DeviceKey::bofan(id) } else { DeviceKey::jointech(id) }
}

/// What a connection makes of bytes, as the journal keeps it.
pub(crate) fn decode(bytes: &[u8]) -> Vec<FrameRecord> {
    let mut connection = Connection::new(Arc::new(Memory::new(Settings::default())));
    connection.push(bytes);
    connection.finish();
    let mut records = Vec::new();
    while let Some(heard) = connection.next() {
        let Heard::Frame(frame) = heard else { panic!("not readable: {heard:?}") };
        let device = frame.messages[0].device_key().unwrap();
        records.push(FrameRecord {
            device,
            transport: Transport::Tcp,
            peer: "192.0.2.1:40000".parse().unwrap(),
            arrival: Arrival::default(),
            messages: frame.messages,
            raw: frame.raw,
            base: frame.aside.base,
        });
    }
    assert!(!records.is_empty());
    records
}

pub(crate) struct Scene {
    pub(crate) state: State,
    pub(crate) entries: Vec<Entry>,
}

impl Scene {
    /// A fold that knows of nothing.
    pub(crate) fn empty() -> Self {
        Self { state: State::new(Times::default()), entries: Vec::new() }
    }

    /// One truck with a master, its sub-lock and valve lock; a container with a seal; a car with a tracker.
    pub(crate) fn new() -> Self {
        let mut scene = Self::empty();
        scene.enrol(-10_000, MASTER, DeviceKind::MasterLock, "TRK-2041", None);
        scene.enrol(-10_000, SEAL, DeviceKind::Seal, "CONT-1", None);
        scene.enrol(-10_000, TRACKER, DeviceKind::Tracker, "CAR-1", None);
        scene
    }

    pub(crate) fn with_children() -> Self {
        let mut scene = Self::new();
        scene.enrol(-10_000, SUB, DeviceKind::SubLock, "TRK-2041", Some(MASTER));
        scene.enrol(-10_000, VALVE, DeviceKind::ValveLock, "TRK-2041", Some(MASTER));
        scene
    }

    pub(crate) fn apply(&mut self, second: i64, body: Body) -> Option<Outcome> {
        let seq = EventSeq(i64::try_from(self.entries.len()).unwrap() + 1);
        let entry = Entry { seq, at: at(second), body };
        let (_, outcome) = self.state.apply(&entry);
        self.entries.push(entry);
        outcome
    }

    pub(crate) fn enrol(
        &mut self,
        second: i64,
        id: &str,
        kind: DeviceKind,
        asset: &str,
        master: Option<&str>,
    ) {
        let act = RegistryAct::Enrol {
            device: key(id),
            kind,
            asset: asset.into(),
            bound_to: master.map(key),
            plate: None,
            by: "op".into(),
        };
        self.apply(second, Body::Registry(act));
    }

    /// Bytes received at this second of ours.
    pub(crate) fn hear(&mut self, second: i64, bytes: impl AsRef<[u8]>) {
        for record in decode(bytes.as_ref()) {
            self.apply(second, Body::Frame(record));
        }
    }

    /// Bytes received when the device's clock agrees with ours.
    pub(crate) fn advance(&mut self, second: i64) {
        self.state.advance(at(second));
    }

    pub(crate) fn restart(&mut self, second: i64) {
        self.apply(second, Body::Node(NodeNote::Started { version: "1".into() }));
    }

    pub(crate) fn device(&self, id: &str) -> &Device {
        self.state.device(&key(id)).unwrap()
    }

    pub(crate) fn lock(&self, id: &str) -> LockState {
        self.device(id).lock.map_or(LockState::Unknown, |held| held.value)
    }

    pub(crate) fn seal(&self, name: &str) -> SealState {
        self.state.assets().find(|asset| asset.name == name).unwrap().seal
    }

    pub(crate) fn alarm(&self, id: &str, kind: AlarmKind) -> Option<&Alarm> {
        self.state.alarms.open_with(&AlarmKey { device: Some(key(id)), kind })
    }

    /// Letter of its state and count; `A0` if there is none.
    pub(crate) fn letter(&self, id: &str, kind: AlarmKind) -> String {
        self.alarm(id, kind).map_or("A0".into(), |alarm| format!("{}{}", alarm.state.letter(), alarm.count))
    }

    pub(crate) fn alarm_id(&self, id: &str, kind: AlarmKind) -> AlarmId {
        self.alarm(id, kind).unwrap().id
    }

    pub(crate) fn ack(&mut self, second: i64, id: AlarmId, by: &str) -> ActOutcome {
        let act = AlarmAct::Ack { id, by: by.into(), note: "seen".into() };
        match self.apply(second, Body::Alarm(act)) {
            Some(Outcome::Alarm(outcome)) => outcome,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn reset(&mut self, second: i64, id: AlarmId) -> ActOutcome {
        let act = AlarmAct::Reset { id, by: "chief".into(), note: "seen on site".into() };
        match self.apply(second, Body::Alarm(act)) {
            Some(Outcome::Alarm(outcome)) => outcome,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn step(&mut self, second: i64, step: CommandStep) -> StepOutcome {
        match self.apply(second, Body::Command(step)) {
            Some(Outcome::Command(outcome)) => outcome,
            other => panic!("{other:?}"),
        }
    }

    /// Proposes and returns the command; its place in the journal is its id even when it was refused.
    pub(crate) fn propose(&mut self, second: i64, target: &str, method: UnlockMethod) -> CommandId {
        let via = if method == UnlockMethod::SubLockRelay { MASTER } else { target };
        let intent = UnlockIntent {
            target: key(target),
            via: key(via),
            method,
            reason: UnlockReason::Delivery,
            note: String::new(),
            by: "op".into(),
            expires: at(second + 2700),
        };
        self.step(second, CommandStep::Proposed(intent));
        CommandId(i64::try_from(self.entries.len()).unwrap())
    }

    pub(crate) fn order_step(&mut self, second: i64, step: OrderStep) -> StepOutcome {
        match self.apply(second, Body::Order(step)) {
            Some(Outcome::Order(outcome)) => outcome,
            other => panic!("{other:?}"),
        }
    }

    /// A command proposed and sent in the same second.
    pub(crate) fn send(&mut self, second: i64, target: &str, method: UnlockMethod) -> CommandId {
        let id = self.propose(second, target, method);
        let serial = if self.state.commands.is_new_serial(&key(MASTER), 7) { 7 } else { 8 };
        let serial = (method == UnlockMethod::SubLockRelay).then_some(serial);
        assert_eq!(self.step(second, CommandStep::Sent { id, serial }), StepOutcome::Done);
        id
    }

    pub(crate) fn command(&self, id: CommandId) -> &Command {
        self.state.commands.get(id).unwrap()
    }

    pub(crate) fn snapshot(&self, second: i64) -> Snapshot {
        let mut snapshot = self.state.snapshot(&plan(), at(second), true);
        // Devices without an asset come in the order of a hash map.
        snapshot.devices.sort_by(|a, b| a.key.cmp(&b.key));
        snapshot
    }

    /// Whether any open row says that an opening is not accounted for.
    pub(crate) fn alarmed_openings(&self) -> Vec<AlarmKind> {
        use AlarmKind as K;
        self.state
            .alarms
            .open()
            .filter(|alarm| alarm.state != AlarmState::Normal)
            .map(|alarm| alarm.key.kind)
            .filter(|kind| {
                matches!(
                    kind,
                    K::OpenedUnknown
                        | K::OpenedStaticUnexplained
                        | K::OpenedDynamicUnexplained
                        | K::OpenedBluetoothUnexplained
                        | K::OpenedLoraUnexplained
                        | K::ValveOpened
                )
            })
            .collect()
    }
}
