//! What a message means for the state: which facts move, which alarms it raises, which it ends, which command it is
//! the answer to or the evidence of. One message at a time, nothing remembered here.

use super::alarms::default_priority;
use super::commands::Opening;
use super::device::{LevelChange, PartChanges, Unexplained};
use super::state::{State, Timer};
use crate::domain::alarm::AlarmKind;
use crate::domain::message::{Level, LockedBy, OpenedBy, RefusedWhy, UnlockReply};
use crate::domain::{
    DeviceEvent, DeviceKey, DeviceKind, Message, MessageKind, PartState, Parts, Priority, SealState, Utc,
    ValveState,
};
use chrono::TimeDelta;

/// A motor that opened without a told source is given this long for the report to come.
const REPORT_LAG: TimeDelta = TimeDelta::minutes(5);

/// Battery percentage below which a lock's low battery becomes more severe, and above which the alarm ends
/// (the device's default threshold of 30 % plus 5).
const BATTERY_SEVERE: u8 = 15;
const BATTERY_FINE: u8 = 35;

/// What the type number of a sub-device is.
fn sub_kind(type_code: u8) -> DeviceKind {
    match type_code {
        1 => DeviceKind::Sensor,
        5 | 6 | 9 => DeviceKind::ValveLock,
        _ => DeviceKind::SubLock,
    }
}

/// One message about one device, at one time.
struct Heard<'a> {
    target: &'a DeviceKey,
    message: &'a Message,
    /// Event time: the device's, never later than receipt.
    time: Utc,
    /// The same on our clock, for matching with commands.
    corrected: Utc,
    received: Utc,
    /// Whether this very record was heard before.
    known: bool,
}

impl State {
    /// Takes in one message of `sender` (for a sub-device report: its master).
    pub(super) fn hear_message(&mut self, sender: &DeviceKey, message: &Message, received: Utc) {
        if message.kind == MessageKind::Invalid {
            return;
        }
        self.hear_sender(sender, message, received);
        if let Some(child) = message.sub_device_key() {
            self.hear_child(sender, &child, message, received);
        } else {
            self.hear_target(sender, message, received);
        }
    }

    /// What a message says of the device that sent it, whomever else it is about.
    fn hear_sender(&mut self, sender: &DeviceKey, message: &Message, received: Utc) {
        let Some(device) = self.devices.get_mut(sender) else { return };
        device.protocol = Some(message.protocol);
        device.version = message.version.or(device.version);
        let told = match &message.sub_device {
            Some(sub) => sub.master_time,
            None => message.time,
        };
        if let Some(position) = &message.position
            && let Some(time) = device.event_time(told, message.replayed, received)
            && device.hold_place(position, time)
            && let Some(asset) = device.asset
        {
            self.changes.assets.insert(asset);
        }
        if message.kind == MessageKind::Firmware
            && let (Some(device), Some(command)) = (self.devices.get_mut(sender), &message.command)
        {
            device.firmware = Some(command.params.join(" "));
        }
        if let Some(reply) = message.command.as_ref().and_then(|command| command.unlock()) {
            self.hear_answer(sender, reply, message.serial, received);
        }
    }

    fn hear_answer(&mut self, via: &DeviceKey, reply: UnlockReply, serial: Option<u32>, received: Utc) {
        let Some(id) = self.commands.answer(via, reply, serial, received) else { return };
        if let (UnlockReply::Password { accepted, .. }, Some(device)) = (reply, self.devices.get_mut(via)) {
            device.rejections = if accepted { 0 } else { device.rejections.saturating_add(1) };
        }
        self.touch_command(id);
    }

    fn hear_child(&mut self, master: &DeviceKey, child: &DeviceKey, message: &Message, received: Utc) {
        let kind = message.sub_device.as_ref().map_or(DeviceKind::SubLock, |sub| sub_kind(sub.type_code));
        if !self.devices.contains_key(child) {
            self.meet_child(child, kind, master);
        }
        if let Some(device) = self.devices.get_mut(child) {
            device.last_received = Some(received);
            device.frames = device.frames.saturating_add(1);
            device.protocol = Some(message.protocol);
        }
        self.hear_target(child, message, received);
        self.touch_device(child);
    }

    /// What a message says of the device it is about.
    fn hear_target(&mut self, target: &DeviceKey, message: &Message, received: Utc) {
        let Some(device) = self.devices.get_mut(target) else { return };
        let Some(time) = device.event_time(message.time, message.replayed, received) else { return };
        let what = format!("{:?} {:?}", message.kind, message.events);
        let known = !device.first_time(&what, message.time, message.serial);
        let corrected = device.corrected(message.time, received);
        if let (Some(told), false) = (message.time, message.replayed) {
            device.clock.sample(received, told);
        }
        let heard = Heard { target, message, time, corrected, received, known };
        self.hear_events(&heard);
        self.hear_parts(&heard);
        self.hear_levels(&heard);
        self.hear_battery(&heard);
        self.end_conditions(&heard);
    }

    fn hear_parts(&mut self, heard: &Heard<'_>) {
        let Some(device) = self.devices.get_mut(heard.target) else { return };
        let contact_lost = heard.message.sub_device.as_ref().is_some_and(|s| s.contact_lost == Some(true));
        if contact_lost {
            device.lose_contact(heard.time);
            return;
        }
        let changes = device.hold_parts(heard.message.parts, heard.time);
        if let Some(valve) = heard.message.valve
            && valve != ValveState::Unknown
        {
            super::device::hold(&mut device.valve, valve, heard.time);
        }
        device.hold_extras(heard.message, heard.time);
        device.inputs = heard.message.inputs.clone().or_else(|| device.inputs.take());
        device.outputs = heard.message.outputs.clone().or_else(|| device.outputs.take());
        if let Some(inputs) = &heard.message.inputs
            && let Some(ignition) = inputs.as_bytes().get(3)
        {
            super::device::hold(&mut device.ignition, *ignition == b'1', heard.time);
        }
        self.motor_moved(heard, changes);
    }

    /// A motor bit that changed is evidence of a command's opening, or an opening somebody has to explain.
    fn motor_moved(&mut self, heard: &Heard<'_>, changes: PartChanges) {
        let (target, time, received) = (heard.target, heard.time, heard.received);
        let moved = heard.corrected;
        match changes.motor {
            Some((Some(PartState::Closed), PartState::Open)) => {
                let explained = self.devices.get(target).is_some_and(|device| device.is_explained(time));
                if explained {
                    return;
                }
                if let Opening::Ours(id) = self.commands.opened(target, None, moved, received, self.times) {
                    self.opened_by_command(target, id, time);
                } else if let Some(device) = self.devices.get_mut(target) {
                    let due = received + REPORT_LAG;
                    device.unexplained = Some(Unexplained { opened: time, received, due });
                    self.set_timer(due, Timer::OpeningCheck(target.clone()));
                }
            }
            Some((_, PartState::Closed)) => self.locked(target, false, moved, received),
            _ => {}
        }
    }

    fn opened_by_command(&mut self, target: &DeviceKey, id: crate::domain::CommandId, time: Utc) {
        if let Some(device) = self.devices.get_mut(target) {
            device.told_opening(time);
            device.unexplained = None;
        }
        self.over(Some(target), AlarmKind::CommandUncertain, self.now);
        self.touch_command(id);
    }

    fn locked(&mut self, target: &DeviceKey, auto: bool, time: Utc, received: Utc) {
        if let Some(id) = self.commands.locked(target, auto, time, received, self.times) {
            self.touch_command(id);
        }
    }

    /// The report that would have told who opened has not come.
    pub(super) fn check_opening(&mut self, key: &DeviceKey, now: Utc) {
        let Some(device) = self.devices.get_mut(key) else { return };
        let Some(open) = device.unexplained.filter(|open| open.due <= now) else { return };
        device.unexplained = None;
        if device.is_explained(open.opened) {
            return;
        }
        let closed_again = device
            .motor
            .is_some_and(|m| m.value == PartState::Closed && m.since > open.opened)
            .then_some(device.motor);
        let reason = "the motor opened and no report says how".to_owned();
        self.raise(Some(key), AlarmKind::OpenedUnknown, Priority::P2, open.opened, open.received, reason);
        if let Some(Some(motor)) = closed_again {
            self.over(Some(key), AlarmKind::OpenedUnknown, motor.as_of);
        }
        self.touch_device(key);
    }

    fn hear_events(&mut self, heard: &Heard<'_>) {
        for event in &heard.message.events {
            self.hear_event(heard, event);
        }
    }

    /// Parts that an event implies where the message itself does not report them.
    fn imply(&mut self, heard: &Heard<'_>, parts: Parts) {
        let told = heard.message.parts;
        let parts = Parts {
            motor: parts.motor.filter(|_| told.motor.is_none()),
            rope: parts.rope.filter(|_| told.rope.is_none()),
            cover: parts.cover.filter(|_| told.cover.is_none()),
        };
        if let Some(device) = self.devices.get_mut(heard.target) {
            device.hold_parts(parts, heard.time);
        }
    }

    fn hear_event(&mut self, heard: &Heard<'_>, event: &DeviceEvent) {
        use DeviceEvent as E;
        let motor = |state| Parts { motor: Some(state), ..Parts::default() };
        let rope = |state| Parts { rope: Some(state), ..Parts::default() };
        match event {
            E::Opened { by, card, .. } => {
                self.imply(heard, motor(PartState::Open));
                if !heard.known {
                    self.opening(heard, *by, card.as_deref());
                }
            }
            E::Locked { by } => {
                self.imply(heard, motor(PartState::Closed));
                self.locked(heard.target, *by == LockedBy::Auto, heard.corrected, heard.received);
            }
            E::RopePulled => self.imply(heard, rope(PartState::Open)),
            E::RopeInserted => self.imply(heard, rope(PartState::Closed)),
            _ if heard.known => {}
            E::BackCoverOpened => {
                self.imply(heard, Parts { cover: Some(PartState::Open), ..Parts::default() });
                self.event_alarm(
                    heard,
                    Level::BackCoverOpened,
                    AlarmKind::BackCoverOpened,
                    "back cover opened",
                );
            }
            E::OpenRefused { why, card, .. } => self.refusal(heard, *why, card.as_deref()),
            E::ValveOpened => self.valve_opened(heard),
            E::RopeCut => self.event_alarm(heard, Level::RopeCut, AlarmKind::RopeCut, "rope cut"),
            E::Tamper => self.event_alarm(heard, Level::Tamper, AlarmKind::Tamper, "anti-dismantle alarm"),
            E::MotorFault => {
                self.event_alarm(heard, Level::MotorFault, AlarmKind::MotorFault, "the motor is stuck");
            }
            E::UnlockedTooLong => {
                self.event_alarm(heard, Level::UnlockedTooLong, AlarmKind::UnlockedTooLong, "open too long");
            }
            E::WrongPasswordLimit => self.event_alarm(
                heard,
                Level::WrongPasswordLimit,
                AlarmKind::WrongPasswordLimit,
                "wrong password five times",
            ),
            E::IllegalCard => {
                self.event_alarm(
                    heard,
                    Level::IllegalCard,
                    AlarmKind::IllegalCard,
                    "a card that is not authorised",
                );
            }
            E::LowBattery => {
                self.event_alarm(heard, Level::LowBattery, AlarmKind::LowBattery, "low battery");
            }
            E::Vibration => self.event_alarm(heard, Level::Vibration, AlarmKind::Vibration, "vibration"),
            E::Overspeed => self.event_alarm(heard, Level::Overspeed, AlarmKind::Overspeed, "overspeed"),
            E::SignalLost => {
                self.event_alarm(
                    heard,
                    Level::SignalLost,
                    AlarmKind::SignalLost,
                    "the master lost its signal",
                );
            }
            // Raised by the code, ended by the input line: the two are one condition.
            E::Sos => self.event_alarm(heard, Level::Sos, AlarmKind::Sos, "SOS button"),
            E::PowerCut => self.momentary(heard, AlarmKind::PowerCut, "external power cut"),
            E::LowBackupBattery => self.momentary(heard, AlarmKind::LowBackupBattery, "backup battery low"),
            E::Tow => self.momentary(heard, AlarmKind::Tow, "towed"),
            E::Movement => self.momentary(heard, AlarmKind::Movement, "moved while parked"),
            E::HarshAcceleration => self.momentary(heard, AlarmKind::HarshAcceleration, "harsh acceleration"),
            E::HarshBraking => self.momentary(heard, AlarmKind::HarshBraking, "harsh braking"),
            E::Fatigue => self.momentary(heard, AlarmKind::Fatigue, "fatigue driving"),
            E::Custom { code } => self.momentary(heard, AlarmKind::Custom, &format!("unknown code {code}")),
            E::ValveClosed
            | E::Charging
            | E::Wake { .. }
            | E::VehicleCard { .. }
            | E::GeofenceEnter { .. }
            | E::GeofenceExit { .. }
            | E::Geofence { .. }
            | E::Input { .. }
            | E::IgnitionOn
            | E::IgnitionOff
            | E::Driver { .. }
            | E::Photo { .. }
            | E::Report { .. } => {}
        }
    }

    /// An alarm from an event, unless the message also says that it holds as a level: then the level's coming on
    /// decides, because a bit that stays set is one piece of evidence.
    fn event_alarm(&mut self, heard: &Heard<'_>, level: Level, kind: AlarmKind, reason: &str) {
        if heard.message.levels.get(level) != Some(true) {
            self.momentary(heard, kind, reason);
        }
    }

    fn momentary(&mut self, heard: &Heard<'_>, kind: AlarmKind, reason: &str) {
        let reason =
            if heard.message.replayed { format!("{reason} (stored record)") } else { reason.to_owned() };
        let severe =
            kind == AlarmKind::LowBattery && heard.message.battery_pct.is_some_and(|p| p < BATTERY_SEVERE);
        let priority = if severe { Priority::P2 } else { default_priority(kind) };
        self.raise(Some(heard.target), kind, priority, heard.time, heard.received, reason);
    }

    fn hear_levels(&mut self, heard: &Heard<'_>) {
        let Some(device) = self.devices.get_mut(heard.target) else { return };
        for (level, change) in device.hold_levels(heard.message.levels, heard.time, heard.message.replayed) {
            let Some((kind, reason)) = level_alarm(level) else { continue };
            match change {
                LevelChange::On => self.momentary(heard, kind, reason),
                LevelChange::WasOn => {
                    self.momentary(heard, kind, reason);
                    self.over(Some(heard.target), kind, heard.received);
                }
                LevelChange::Off => {}
            }
        }
    }

    /// An opening whose source was told: ours, authorised, or one to explain.
    fn opening(&mut self, heard: &Heard<'_>, by: OpenedBy, card: Option<&str>) {
        let (target, time, received) = (heard.target, heard.time, heard.received);
        if let Some(device) = self.devices.get_mut(target) {
            device.told_opening(time);
            device.unexplained = None;
        }
        match self.commands.opened(target, Some(by), heard.corrected, received, self.times) {
            Opening::Ours(id) => return self.opened_by_command(target, id, time),
            Opening::Contradicts(id) => self.touch_command(id),
            Opening::Nobodys => {}
        }
        let (kind, reason) = match by {
            // An authorised card: journal. (At which site and for which job is for the rules to come.)
            OpenedBy::Rfid => return,
            OpenedBy::RemoteStatic | OpenedBy::SmsStatic => {
                (AlarmKind::OpenedStaticUnexplained, "opened by static password, no command of ours")
            }
            OpenedBy::RemoteDynamic | OpenedBy::SmsDynamic => {
                (AlarmKind::OpenedDynamicUnexplained, "opened by dynamic password, no command of ours")
            }
            OpenedBy::Bluetooth | OpenedBy::AppStatic | OpenedBy::AppDynamic => {
                (AlarmKind::OpenedBluetoothUnexplained, "opened by a handheld, no grant known")
            }
            OpenedBy::Lora => (AlarmKind::OpenedLoraUnexplained, "opened over LoRa, no command of ours"),
            OpenedBy::Unknown => (AlarmKind::OpenedUnknown, "opened, the device does not say how"),
        };
        let reason = match card {
            Some(card) => format!("{reason}; card {card}"),
            None => reason.to_owned(),
        };
        self.momentary(heard, kind, &reason);
    }

    fn refusal(&mut self, heard: &Heard<'_>, why: RefusedWhy, card: Option<&str>) {
        let (kind, priority, reason) = match why {
            RefusedWhy::IllegalCard => {
                (AlarmKind::IllegalCard, Priority::P3, "a card that is not authorised".to_owned())
            }
            RefusedWhy::OutsideFence => {
                (AlarmKind::OpenRefused, Priority::P2, "refused: outside its fence".to_owned())
            }
            RefusedWhy::NoFix => (AlarmKind::OpenRefused, Priority::P3, "refused: no fix".to_owned()),
            RefusedWhy::NotVerified => {
                (AlarmKind::OpenRefused, Priority::P3, "refused: not verified".to_owned())
            }
            RefusedWhy::WrongPassword => {
                (AlarmKind::OpenRefused, Priority::P4, "refused: wrong password".to_owned())
            }
        };
        let reason = match card {
            Some(card) => format!("{reason}; card {card}"),
            None => reason,
        };
        self.raise(Some(heard.target), kind, priority, heard.time, heard.received, reason);
    }

    fn valve_opened(&mut self, heard: &Heard<'_>) {
        let ours = self.devices.get(heard.target).is_some_and(|device| {
            self.commands.all().any(|c| {
                c.intent.target == device.key
                    && c.opened_at.is_some_and(|opened| (heard.corrected - opened).abs() <= self.times.relay)
            })
        });
        if !ours && !self.opens_by_command(heard) {
            self.momentary(heard, AlarmKind::ValveOpened, "valve opened, no command of ours");
        }
    }

    /// A valve lock may tell of the valve before it tells of the opening, in one report.
    fn opens_by_command(&mut self, heard: &Heard<'_>) -> bool {
        let lora =
            heard.message.events.iter().any(|e| matches!(e, DeviceEvent::Opened { by: OpenedBy::Lora, .. }));
        let times = self.times;
        lora && matches!(
            self.commands.opened(heard.target, Some(OpenedBy::Lora), heard.corrected, heard.received, times),
            Opening::Ours(_)
        )
    }

    fn hear_battery(&mut self, heard: &Heard<'_>) {
        let Some(pct) = heard.message.battery_pct else { return };
        let key = Some(heard.target);
        let low = self
            .alarms
            .open_of(heard.target)
            .any(|a| a.key.kind == AlarmKind::LowBattery && a.state.is_active());
        // Falling below the severe mark is news of its own; the device's own flag in this very report is not twice.
        let severe = pct < BATTERY_SEVERE && heard.message.charging != Some(true);
        let open = self.alarms.open_of(heard.target).find(|a| a.key.kind == AlarmKind::LowBattery);
        let news = open.is_none_or(|alarm| alarm.priority > Priority::P2 && alarm.last < heard.time);
        if severe && news {
            let reason = format!("battery {pct} %");
            self.raise(key, AlarmKind::LowBattery, Priority::P2, heard.time, heard.received, reason);
        } else if low && pct >= BATTERY_FINE {
            self.over(key, AlarmKind::LowBattery, heard.time);
        }
    }

    /// Ends the conditions that this message is evidence against.
    fn end_conditions(&mut self, heard: &Heard<'_>) {
        let kinds: Vec<AlarmKind> = self
            .alarms
            .open_of(heard.target)
            .filter(|alarm| alarm.state.is_active() && heard.time > alarm.last)
            .map(|alarm| alarm.key.kind)
            .collect();
        for kind in kinds {
            if self.ends(kind, heard) {
                self.over(Some(heard.target), kind, heard.time);
            }
        }
    }

    fn ends(&self, kind: AlarmKind, heard: &Heard<'_>) -> bool {
        use AlarmKind as K;
        let message = heard.message;
        let level_off = |level| message.levels.get(level) == Some(false);
        let level_on = |level| message.levels.get(level) == Some(true);
        let event = |wanted: fn(&DeviceEvent) -> bool| message.events.iter().any(wanted);
        let closed = |part: Option<PartState>| part == Some(PartState::Closed);
        let relocked = closed(message.parts.motor) || event(|e| matches!(e, DeviceEvent::Locked { .. }));
        match kind {
            K::RopeCut => {
                closed(message.parts.rope)
                    && closed(message.parts.motor)
                    && !level_on(Level::RopeCut)
                    && !event(|e| matches!(e, DeviceEvent::RopeCut))
            }
            K::Tamper | K::BackCoverOpened => {
                closed(message.parts.cover)
                    && !level_on(Level::BackCoverOpened)
                    && !level_on(Level::Tamper)
                    && !event(|e| matches!(e, DeviceEvent::Tamper | DeviceEvent::BackCoverOpened))
            }
            K::UnlockedTooLong
            | K::OpenedBluetoothUnexplained
            | K::OpenedLoraUnexplained
            | K::OpenedUnknown => relocked && !level_on(Level::UnlockedTooLong),
            K::MotorFault => level_off(Level::MotorFault) && message.parts.motor.is_some(),
            K::LowBattery => {
                level_off(Level::LowBattery) && message.battery_pct.is_none_or(|p| p >= BATTERY_FINE)
            }
            K::Sos => level_off(Level::Sos),
            K::SignalLost => {
                message.sub_device.as_ref().is_some_and(|sub| sub.contact_lost != Some(true))
                    && !event(|e| matches!(e, DeviceEvent::SignalLost))
            }
            K::ValveOpened => {
                let motor = self.devices.get(heard.target).and_then(|device| device.motor);
                message.valve == Some(ValveState::Closed)
                    && motor.is_some_and(|m| m.value == PartState::Closed)
            }
            K::WrongPasswordLimit => event(
                |e| matches!(e, DeviceEvent::Opened { by, .. } if !matches!(by, OpenedBy::Rfid | OpenedBy::Unknown)),
            ),
            K::Vibration => level_off(Level::Vibration),
            K::Overspeed => level_off(Level::Overspeed),
            _ => false,
        }
    }

    /// Recomputes an asset's one word.
    pub(super) fn reseal(&mut self, id: crate::domain::AssetId) {
        let word = self.seal_word(id);
        let now = self.now;
        if let Some(asset) = self.assets.get_mut(&id) {
            if asset.seal != word {
                asset.seal = word;
                asset.seal_since = Some(now);
            }
            self.changes.assets.insert(id);
        }
    }

    fn seal_word(&self, id: crate::domain::AssetId) -> SealState {
        use crate::domain::LockState;
        let Some(asset) = self.assets.get(&id) else { return SealState::Unknown };
        let devices: Vec<_> = asset.devices.iter().filter_map(|key| self.devices.get(key)).collect();
        let tampered = devices.iter().any(|device| {
            device.cover.is_some_and(|cover| cover.value == PartState::Open)
                || self.alarms.open_of(&device.key).any(|alarm| {
                    matches!(
                        alarm.key.kind,
                        AlarmKind::RopeCut | AlarmKind::Tamper | AlarmKind::BackCoverOpened
                    )
                })
        });
        if tampered {
            return SealState::Tampered;
        }
        let locks: Vec<_> = devices.iter().filter(|device| device.kind.has_lock()).collect();
        let word = |device: &super::device::Device| device.lock.map_or(LockState::Unknown, |held| held.value);
        let valve_open =
            |device: &super::device::Device| device.valve.is_some_and(|v| v.value == ValveState::Open);
        if locks.iter().any(|device| word(device) == LockState::Unlocked || valve_open(device)) {
            return SealState::Open;
        }
        if locks.iter().any(|device| word(device) == LockState::Unseated) {
            return SealState::LockedNotSealed;
        }
        // A child nobody confirmed can make things worse, never better.
        let counted: Vec<_> =
            locks.iter().filter(|device| device.status != super::snapshot::DeviceStatus::New).collect();
        let unknown = |device: &super::device::Device| {
            word(device) == LockState::Unknown
                || (device.kind == DeviceKind::ValveLock && device.valve.is_none())
        };
        if counted.is_empty() || counted.iter().any(|device| unknown(device)) {
            return SealState::Unknown;
        }
        SealState::Sealed
    }
}

fn level_alarm(level: Level) -> Option<(AlarmKind, &'static str)> {
    Some(match level {
        Level::RopeCut => (AlarmKind::RopeCut, "rope cut"),
        Level::Vibration => (AlarmKind::Vibration, "vibration"),
        Level::UnlockedTooLong => (AlarmKind::UnlockedTooLong, "open too long"),
        Level::WrongPasswordLimit => (AlarmKind::WrongPasswordLimit, "wrong password five times"),
        Level::IllegalCard => (AlarmKind::IllegalCard, "a card that is not authorised"),
        Level::LowBattery => (AlarmKind::LowBattery, "low battery"),
        Level::BackCoverOpened => (AlarmKind::BackCoverOpened, "back cover open"),
        Level::MotorFault => (AlarmKind::MotorFault, "the motor is stuck"),
        Level::Overspeed => (AlarmKind::Overspeed, "overspeed"),
        Level::Sos => (AlarmKind::Sos, "SOS button"),
        Level::SignalLost => (AlarmKind::SignalLost, "the master lost its signal"),
        Level::Tamper => (AlarmKind::Tamper, "anti-dismantle alarm"),
        Level::GeofenceEnter | Level::GeofenceExit => return None,
    })
}
