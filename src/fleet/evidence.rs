//! What a message means for the state: which facts move, which alarms it raises, which it ends, which command it is
//! the answer to or the evidence of. One message at a time, nothing remembered here.

use super::alarms::default_priority;
use super::commands::Opening;
use super::device::{DRIFT, Device, Held, LevelChange, Moment, MotorChange, Order};
use super::openings::Unexplained;
use super::state::{State, Timer};
use crate::domain::alarm::AlarmKind;
use crate::domain::message::{Level, LockedBy, OpenedBy, RefusedWhy, UnlockReply};
use crate::domain::{
    CommandId, DeviceEvent, DeviceKey, DeviceKind, Message, MessageKind, PartState, Parts, Priority,
    Protocol, Utc,
};
use chrono::TimeDelta;

/// A motor that opened without a told source is given this long for the report to come.
const REPORT_LAG: TimeDelta = TimeDelta::minutes(5);

/// Battery percentage below which a lock's low battery becomes more severe, and above which the alarm ends
/// (the device's default threshold of 30 % plus 5).
pub(super) const BATTERY_SEVERE: u8 = 15;
pub(super) const BATTERY_FINE: u8 = 35;

/// What the type number of a sub-device is.
fn sub_kind(type_code: u8) -> DeviceKind {
    match type_code {
        1 => DeviceKind::Sensor,
        5 | 6 | 9 => DeviceKind::ValveLock,
        _ => DeviceKind::SubLock,
    }
}

/// One message about one device, at one time.
#[derive(Debug)]
pub(super) struct Heard<'a> {
    pub(super) target: &'a DeviceKey,
    pub(super) message: &'a Message,
    /// Where it stands in time, by the device's clock.
    pub(super) moment: Moment,
    /// The same on our clock, for matching with commands.
    corrected: Utc,
    pub(super) received: Utc,
    /// Whether its events were heard before.
    known: bool,
}

impl Heard<'_> {
    /// The time as the device told it, believable or not: it orders the device's own reports.
    fn told(&self) -> Utc {
        self.message.time.unwrap_or(self.moment.time)
    }
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
        let moment = device.moment(told, message.replayed, received);
        if let Some(position) = &message.position
            && device.hold_place(position, moment)
            && let Some(asset) = device.asset
        {
            self.changes.assets.insert(asset);
        }
        if let (Some(firmware), None, Some(device)) =
            (&message.details.firmware, &message.sub_device, self.devices.get_mut(sender))
        {
            device.firmware = Some(firmware.clone());
        }
        if message.kind == MessageKind::Firmware
            && let (Some(device), Some(command)) = (self.devices.get_mut(sender), &message.command)
        {
            device.firmware = Some(command.params.join(" "));
        }
        // While two sources speak in its name nobody knows which of them answers: a yes of the wrong one would close what
        // the right one never heard of. That a password was refused is believed of anybody.
        let in_doubt = self.undecided_identity(sender).is_some();
        if let Some(reply) = message.command.as_ref().and_then(|command| command.unlock())
            && (!in_doubt || matches!(reply, UnlockReply::Password { accepted: false, .. }))
        {
            self.hear_answer(sender, reply, message.serial, received);
        }
        if !in_doubt {
            self.hear_order(sender, message, received);
        }
    }

    fn hear_answer(&mut self, via: &DeviceKey, reply: UnlockReply, serial: Option<u32>, received: Utc) {
        let Some(id) = self.commands.answer(via, reply, serial, received) else { return };
        if let (UnlockReply::Password { accepted, wrong, .. }, Some(device)) =
            (reply, self.devices.get_mut(via))
        {
            // The lock counts everybody's mistakes and alarms at five: its own count is what matters.
            let counted = u32::from(wrong.unwrap_or(0)).max(device.rejections.saturating_add(1));
            device.rejections = if accepted { 0 } else { counted };
        }
        self.touch_command(id);
    }

    fn hear_child(&mut self, master: &DeviceKey, child: &DeviceKey, message: &Message, received: Utc) {
        let kind = message.sub_device.as_ref().map_or(DeviceKind::SubLock, |sub| sub_kind(sub.type_code));
        if !self.devices.contains_key(child) {
            self.meet_child(child, kind, master);
        }
        let Some(device) = self.devices.get_mut(child) else { return };
        if device.peer.is_some() && !device.kind.is_bound() {
            return; // a lock with a line of its own speaks for itself: no master is asked about it
        }
        device.wire_type = message.sub_device.as_ref().map(|sub| sub.type_code).or(device.wire_type);
        device.last_received = Some(received);
        device.frames = device.frames.saturating_add(1);
        device.protocol = Some(message.protocol);
        self.hear_target(child, message, received);
        self.touch_device(child);
    }

    /// What a message says of the device it is about.
    fn hear_target(&mut self, target: &DeviceKey, message: &Message, received: Utc) {
        let corrected = self.on_our_clock(target, message, received);
        let Some(device) = self.devices.get_mut(target) else { return };
        let moment = device.moment(message.time, message.replayed, received);
        let known = !is_first_time(device, message, received);
        if let (Some(told), false) = (message.time, message.replayed) {
            device.note_clock(told, received);
        }
        device.tells_cover |= message.parts.cover.is_some();
        device.hear_unknown(message, received);
        let levels = device.hold_levels(message.levels, moment);
        let heard = Heard { target, message, moment, corrected, received, known };
        self.hear_events(&heard);
        self.hear_codes(&heard);
        self.hear_parts(&heard);
        self.hear_levels(&heard, &levels);
        let is_newest =
            self.devices.get_mut(target).is_some_and(|device| device.hold_extras(message, moment));
        if is_newest {
            self.hear_battery(&heard);
        }
        self.end_conditions(&heard);
    }

    /// When it happened on our clock, as well as can be known. A sub-device has a clock of its own that may be hours
    /// off; until its offset is known, the master's stamp on a fresh report is the better word.
    fn on_our_clock(&self, target: &DeviceKey, message: &Message, received: Utc) -> Utc {
        let Some(device) = self.devices.get(target) else { return received };
        if let (Some(told), Some(stamp), false) =
            (message.time, message.sub_device.as_ref().and_then(|sub| sub.master_time), message.replayed)
            && !device.clock.is_known()
            && (stamp - told).abs() > DRIFT
        {
            let master = device.bound_to.as_ref().and_then(|key| self.devices.get(key)).unwrap_or(device);
            return master.corrected(Some(stamp), received);
        }
        device.corrected(message.time, received)
    }

    fn hear_parts(&mut self, heard: &Heard<'_>) {
        let Some(device) = self.devices.get_mut(heard.target) else { return };
        if let Some(valve) = heard.message.valve {
            device.hold_valve(valve, heard.moment);
        }
        if heard.message.sub_device.as_ref().is_some_and(|s| s.contact_lost == Some(true)) {
            device.lose_contact(heard.moment, heard.message.replayed);
            return;
        }
        match device.hold_parts(heard.message.parts, heard.moment) {
            MotorChange::Opened { after } | MotorChange::OpenedLate { after } => {
                self.motor_opened(heard, after);
            }
            MotorChange::Closed => self.locked(heard, false),
            MotorChange::Same => {}
        }
    }

    /// A motor that was closed, last at `after`, is open: told by somebody, or the evidence of a command, or an
    /// opening that somebody has to explain.
    fn motor_opened(&mut self, heard: &Heard<'_>, after: Utc) {
        let (target, received) = (heard.target, heard.received);
        let due = received + REPORT_LAG;
        let opened = heard.moment.time;
        let after = after + (heard.told() - opened);
        let opening = Unexplained { after, told: heard.told(), opened, received, due };
        if self.devices.get(target).is_some_and(|device| device.openings.explain(&opening)) {
            return;
        }
        let whose = self.commands.opened(target, None, heard.corrected, received, self.times);
        if let Opening::Ours(id) = whose {
            return self.opened_by_command(heard, id);
        }
        let Some(device) = self.devices.get_mut(target) else { return };
        let pushed_out = device.openings.wait(opening);
        self.set_timer(due, Timer::OpeningCheck(target.clone()));
        if let Some(opening) = pushed_out {
            self.unexplained(target, opening);
        }
    }

    fn opened_by_command(&mut self, heard: &Heard<'_>, id: CommandId) {
        if let Some(device) = self.devices.get_mut(heard.target) {
            device.openings.tell(heard.told());
        }
        self.judge_uncertain(id);
        self.touch_command(id);
    }

    fn locked(&mut self, heard: &Heard<'_>, auto: bool) {
        let (time, received) = (heard.corrected, heard.received);
        if let Some(id) = self.commands.locked(heard.target, auto, time, received, self.times) {
            self.touch_command(id);
        }
    }

    /// Reports that would have told who opened have not come.
    pub(super) fn check_opening(&mut self, key: &DeviceKey, now: Utc) {
        while let Some(opening) = self.devices.get_mut(key).and_then(|device| device.openings.overdue(now)) {
            self.unexplained(key, opening);
        }
    }

    fn unexplained(&mut self, key: &DeviceKey, open: Unexplained) {
        const KIND: AlarmKind = AlarmKind::OpenedUnknown;
        let reason = "the motor opened and no report says how".to_owned();
        self.raise(Some(key), KIND, default_priority(KIND), open.opened, open.received, reason);
        let Some(device) = self.devices.get(key) else { return };
        let closed_since = |part: Option<Held<PartState>>| {
            part.filter(|held| held.value == PartState::Closed && held.as_of > open.opened)
        };
        if let (Some(motor), Some(rope)) = (closed_since(device.motor), closed_since(device.rope)) {
            self.over(Some(key), KIND, motor.as_of.min(rope.as_of));
        }
        self.touch_device(key);
    }

    fn hear_events(&mut self, heard: &Heard<'_>) {
        for event in &heard.message.events {
            self.hear_event(heard, event);
        }
    }

    /// Parts that an event implies where the message itself does not report them. That something closed is believed
    /// only at a time the device itself told: such reports come late, and it may be open again.
    fn imply(&mut self, heard: &Heard<'_>, parts: Parts) {
        let told = heard.message.parts;
        let parts = Parts {
            motor: parts.motor.filter(|_| told.motor.is_none()),
            rope: parts.rope.filter(|_| told.rope.is_none()),
            cover: parts.cover.filter(|_| told.cover.is_none()),
        };
        let dated = heard.message.time.is_some_and(|told| told <= heard.received + DRIFT);
        let moment = if dated {
            heard.moment
        } else {
            Moment { order: heard.moment.order.at_worst(), ..heard.moment }
        };
        if let Some(device) = self.devices.get_mut(heard.target) {
            device.hold_parts(parts, moment);
        }
    }

    fn hear_event(&mut self, heard: &Heard<'_>, event: &DeviceEvent) {
        use DeviceEvent as E;
        let motor = |state| Parts { motor: Some(state), ..Parts::default() };
        let rope = |state| Parts { rope: Some(state), ..Parts::default() };
        match event {
            E::Opened { by, card, .. } => {
                let before = self.devices.get(heard.target).and_then(|device| device.motor);
                self.imply(heard, motor(PartState::Open));
                match by {
                    _ if heard.known => {}
                    OpenedBy::Unknown => self.opening_of_unknown(heard, before),
                    by => self.opening(heard, *by, card.as_deref()),
                }
            }
            E::Locked { by } => {
                self.imply(heard, motor(PartState::Closed));
                self.locked(heard, *by == LockedBy::Auto);
            }
            E::RopePulled => self.imply(heard, rope(PartState::Open)),
            E::RopeInserted => self.imply(heard, rope(PartState::Closed)),
            _ if heard.known => {}
            E::BackCoverOpened => {
                self.imply(heard, Parts { cover: Some(PartState::Open), ..Parts::default() });
                if !holds(heard.message, Level::BackCoverOpened) {
                    self.momentary(heard, AlarmKind::BackCoverOpened, "back cover opened");
                }
            }
            E::OpenRefused { why, card, .. } => self.refusal(heard, *why, card.as_deref()),
            E::ValveOpened => self.valve_opened(heard),
            E::RopeCut
            | E::Tamper
            | E::MotorFault
            | E::UnlockedTooLong
            | E::WrongPasswordLimit
            | E::IllegalCard
            | E::LowBattery
            | E::Vibration
            | E::Overspeed
            | E::SignalLost => self.event_alarm(heard, event),
            // Raised by the code each time it is pressed, ended by the input line: the two are one condition.
            E::Sos => self.momentary(heard, AlarmKind::Sos, "SOS button"),
            E::PowerCut => self.momentary(heard, AlarmKind::PowerCut, "external power cut"),
            E::LowBackupBattery => self.momentary(heard, AlarmKind::LowBackupBattery, "backup battery low"),
            E::Tow => self.momentary(heard, AlarmKind::Tow, "towed"),
            E::Movement => self.momentary(heard, AlarmKind::Movement, "moved while parked"),
            E::HarshAcceleration => self.momentary(heard, AlarmKind::HarshAcceleration, "harsh acceleration"),
            E::HarshBraking => self.momentary(heard, AlarmKind::HarshBraking, "harsh braking"),
            E::Fatigue => self.momentary(heard, AlarmKind::Fatigue, "fatigue driving"),
            E::CardsEnrolled { cards } => {
                let reason = format!("cards enrolled at the lock itself: {}", cards.join(" "));
                self.momentary(heard, AlarmKind::Custom, &reason);
            }
            E::Custom { code } if !is_status_code(heard.message) => self.custom(heard, code),
            E::Custom { .. }
            | E::ValveClosed
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

    /// The alarm of an event that may also be a level, unless the message says that it holds as one: then the level's
    /// coming on decides, because a bit that stays set is one piece of evidence.
    fn event_alarm(&mut self, heard: &Heard<'_>, event: &DeviceEvent) {
        let level = level_of(event).filter(|level| !holds(heard.message, *level));
        if let Some((kind, reason)) = level.and_then(level_alarm) {
            self.momentary(heard, kind, reason);
        }
    }

    fn momentary(&mut self, heard: &Heard<'_>, kind: AlarmKind, reason: &str) {
        let reason =
            if heard.message.replayed { format!("{reason} (stored record)") } else { reason.to_owned() };
        let severe =
            kind == AlarmKind::LowBattery && heard.message.battery_pct.is_some_and(|p| p < BATTERY_SEVERE);
        let priority = if severe { Priority::P2 } else { default_priority(kind) };
        self.raise(Some(heard.target), kind, priority, heard.moment.time, heard.received, reason);
    }

    fn hear_levels(&mut self, heard: &Heard<'_>, changes: &[(Level, LevelChange)]) {
        for (level, _) in changes {
            // Its button's event was counted already.
            let by_event = *level == Level::Sos && heard.message.events.contains(&DeviceEvent::Sos);
            if let Some((kind, reason)) = level_alarm(*level).filter(|_| !by_event) {
                self.momentary(heard, kind, reason);
            }
        }
    }

    fn custom(&mut self, heard: &Heard<'_>, code: &str) {
        self.momentary(heard, AlarmKind::Custom, &format!("unknown code {code}"));
    }

    /// Codes without a name in a status word are repeated as long as they hold, like levels: only new ones count.
    fn hear_codes(&mut self, heard: &Heard<'_>) {
        if !is_status_code(heard.message) || heard.moment.order != Order::Known {
            return;
        }
        let Some(device) = self.devices.get_mut(heard.target) else { return };
        if device.motor.is_some_and(|held| heard.moment.time < held.as_of) {
            return;
        }
        let codes: Vec<String> = heard
            .message
            .events
            .iter()
            .filter_map(|event| match event {
                DeviceEvent::Custom { code } => Some(code.clone()),
                _ => None,
            })
            .take(CODES)
            .collect();
        let before = std::mem::replace(&mut device.codes, codes.clone());
        for code in codes.iter().filter(|code| !before.contains(code)) {
            self.custom(heard, code);
        }
    }

    /// "Opened", and the device does not say how: like a motor that was seen open. A seal also tells so when the rope
    /// is pulled after an opening whose source it told just before.
    fn opening_of_unknown(&mut self, heard: &Heard<'_>, before: Option<Held<PartState>>) {
        let was_closed =
            before.is_some_and(|held| held.value == PartState::Closed && held.as_of <= heard.moment.time);
        if was_closed && heard.message.parts.motor == Some(PartState::Open) {
            return; // its motor is about to tell
        }
        self.motor_opened(heard, heard.moment.time - REPORT_LAG);
    }

    /// An opening whose source was told: ours, authorised, or one to explain.
    fn opening(&mut self, heard: &Heard<'_>, by: OpenedBy, card: Option<&str>) {
        let (target, received) = (heard.target, heard.received);
        if let Some(device) = self.devices.get_mut(target) {
            device.openings.tell(heard.told());
            if by != OpenedBy::Rfid {
                device.rejections = 0; // a right password: the lock counts from nought again
            }
        }
        match self.commands.opened(target, Some(by), heard.corrected, received, self.times) {
            Opening::Ours(id) => return self.opened_by_command(heard, id),
            // What was taken for its outcome was another's: it may be unknown again.
            Opening::Contradicts(id) => {
                self.judge_uncertain(id);
                self.touch_command(id);
            }
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
        self.raise(Some(heard.target), kind, priority, heard.moment.time, heard.received, reason);
    }

    fn valve_opened(&mut self, heard: &Heard<'_>) {
        if !self.commands.covers_valve(heard.target, heard.corrected) && !self.opens_by_command(heard) {
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
}

/// Codes of one status word that are compared with the next.
const CODES: usize = 32;

/// Whether the codes without a name in this message come from a status word, which is repeated, and not from an
/// event. A tracker's code is an event.
fn is_status_code(message: &Message) -> bool {
    message.kind == MessageKind::Position && message.protocol != Protocol::Bofan
}

/// Whether the message tells of something that was not told before in this very record. Only what counts by itself
/// is compared: wake reasons and level bits come with every report and would push the rest out of memory.
fn is_first_time(device: &mut Device, message: &Message, received: Utc) -> bool {
    let counts = |event: &&DeviceEvent| counts_by_itself(event, message);
    let events: Vec<&DeviceEvent> = message.events.iter().filter(counts).collect();
    events.is_empty()
        || device.first_time(
            &format!("{:?} {events:?}", message.kind),
            message.time,
            message.serial,
            received,
        )
}

fn counts_by_itself(event: &DeviceEvent, message: &Message) -> bool {
    use DeviceEvent as E;
    match event {
        E::Wake { .. }
        | E::Report { .. }
        | E::Charging
        | E::VehicleCard { .. }
        | E::GeofenceEnter { .. }
        | E::GeofenceExit { .. }
        | E::Geofence { .. }
        | E::Input { .. }
        | E::IgnitionOn
        | E::IgnitionOff
        | E::Driver { .. }
        | E::Photo { .. } => false,
        E::Custom { .. } => !is_status_code(message),
        event => level_of(event).is_none_or(|level| !holds(message, level)),
    }
}

/// Whether the message says that the level holds.
fn holds(message: &Message, level: Level) -> bool {
    message.levels.get(level) == Some(true)
}

/// The level that an event is told as where the device repeats it. (SOS is not among them: each press counts.)
fn level_of(event: &DeviceEvent) -> Option<Level> {
    use DeviceEvent as E;
    Some(match event {
        E::RopeCut => Level::RopeCut,
        E::Vibration => Level::Vibration,
        E::UnlockedTooLong => Level::UnlockedTooLong,
        E::WrongPasswordLimit => Level::WrongPasswordLimit,
        E::IllegalCard => Level::IllegalCard,
        E::LowBattery => Level::LowBattery,
        E::BackCoverOpened => Level::BackCoverOpened,
        E::MotorFault => Level::MotorFault,
        E::Overspeed => Level::Overspeed,
        E::SignalLost => Level::SignalLost,
        E::Tamper => Level::Tamper,
        _ => return None,
    })
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
