//! Devices without a modem: JT709Ex sub-locks, JT802 valve locks, JT126 sensors. They wake, tell their master one
//! thing, take what it holds for them, and sleep again.

use crate::simulate::{
    Pace,
    encode::{
        Fix,
        master::{SubBody, SubReport},
    },
    fault::Fault,
    parts::{Bolt, By, DeviceState, Manners},
    rng::Rng,
    time::{DeviceClock, Now},
    unit::Act,
};
use chrono::{DateTime, Utc};
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubKind {
    SubLock,
    ValveLock,
    Sensor,
}

/// What a lock has to tell; each kind has its own bit for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Locked,
    OpenedByPhone,
    OpenedByRadio,
    OpenedByCard,
    CoverOpened,
    RopeCut,
    Tamper,
    LowBattery,
    Button,
    Timed,
    RopePulled,
    RopeInserted,
    SignalLost,
    ValveOpened,
    ValveClosed,
}

impl Event {
    fn word(self, kind: SubKind) -> u16 {
        let (sub_lock, valve_lock) = match self {
            Self::Locked => (1 << 0, 1 << 7 | 1 << 0),
            Self::OpenedByPhone => (1 << 1, 1 << 8 | 1 << 1),
            Self::OpenedByRadio => (1 << 3, 1 << 6 | 1 << 1),
            Self::OpenedByCard => (1 << 9, 0),
            Self::CoverOpened => (1 << 2, 1 << 5),
            Self::RopeCut => (1 << 4, 0),
            Self::Tamper => (0, 1 << 4),
            Self::LowBattery => (0, 1 << 2),
            Self::Button => (1 << 5, 1 << 12),
            Self::Timed => (1 << 6, 1 << 3),
            Self::RopePulled => (1 << 8, 1 << 9),
            Self::RopeInserted => (0, 1 << 10),
            Self::SignalLost => (1 << 14, 1 << 14),
            Self::ValveOpened => (0, 1 << 1),
            Self::ValveClosed => (0, 1 << 0),
        };
        if kind == SubKind::ValveLock { valve_lock } else { sub_lock }
    }
}

/// An unlock the master holds for a sub-device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    since: Duration,
    until: Duration,
}

#[derive(Debug, Clone)]
pub(super) struct Sub {
    id: String,
    wire_id: [u8; 5],
    kind: SubKind,
    rng: Rng,
    clock: DeviceClock,
    manners: Manners,
    bolt: Bolt,
    valve_open: bool,
    battery: u8,
    contact_lost: bool,
    serial: u8,
    cycles: u16,
    card: u32,
    held: Option<Held>,
    /// Reports not yet fetched by the master's next look; one step makes at most a few.
    told: Vec<Event>,
    /// Whether something among `told` wakes a sleeping master.
    urgent: bool,
    /// When an opened lock wants to lock again.
    relock_at: Option<Duration>,
    next_wake: Duration,
}

/// What a master forwards, with the sub-device's own serial.
pub(super) struct Told {
    pub(super) serial: u8,
    pub(super) report: SubReport,
}

impl Sub {
    /// `id` is ten hex digits.
    pub(super) fn new(id: &str, kind: SubKind, mut rng: Rng) -> Self {
        let mut wire_id = [0; 5];
        for (byte, place) in wire_id.iter_mut().zip((0..id.len()).step_by(2)) {
            *byte = id.get(place..place + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0);
        }
        Self {
            id: id.to_ascii_uppercase(),
            wire_id,
            kind,
            clock: DeviceClock::default(),
            manners: Manners::default(),
            bolt: Bolt::locked(),
            valve_open: false,
            battery: 70 + rng.below(30) as u8,
            contact_lost: false,
            serial: rng.byte(),
            cycles: rng.below(400) as u16,
            card: 0,
            held: None,
            told: Vec::new(),
            urgent: false,
            relock_at: None,
            next_wake: Duration::ZERO,
            rng,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn first_wake(&mut self, within: Duration) {
        self.next_wake = self.rng.between(Duration::ZERO, within);
    }

    pub(super) fn due(&self) -> Duration {
        self.relock_at.map_or(self.next_wake, |relock| relock.min(self.next_wake))
    }

    /// The master holds an unlock from now on. A later one takes the place of one still held.
    pub(super) fn hold(&mut self, at: Duration, window: Duration) {
        if self.kind != SubKind::Sensor {
            self.held = Some(Held { since: at, until: at + window });
            self.bolt.count_command(true);
        }
    }

    pub(super) fn tick(&mut self, now: Now, pace: &Pace) {
        if self.relock_at.is_some_and(|relock| relock <= now.at) {
            self.relock_at = None;
            self.lock();
        }
        if self.next_wake <= now.at {
            self.next_wake = now.at + self.rng.about(pace.sub_wake);
            self.wake(now, pace, Event::Timed);
        }
    }

    /// A wake: takes an unlock that was held *before* it began and is still valid, else reports.
    fn wake(&mut self, now: Now, pace: &Pace, why: Event) {
        if self.contact_lost {
            return;
        }
        match self.held.filter(|held| held.since < now.at && !self.manners.ignore) {
            Some(held) => {
                self.held = None;
                let obeys = now.at <= held.until && !self.manners.refuse && !self.manners.stay;
                if obeys && self.open(now, pace, By::Command) {
                    self.tell(Event::OpenedByRadio);
                    return;
                }
                self.tell(why);
            }
            None => self.tell(why),
        }
    }

    fn open(&mut self, now: Now, pace: &Pace, by: By) -> bool {
        if self.kind == SubKind::Sensor || !self.bolt.open(by) {
            return false;
        }
        self.cycles = self.cycles.wrapping_add(1);
        self.valve_open |= self.kind == SubKind::ValveLock;
        self.relock_at = Some(now.at + pace.relock);
        true
    }

    fn open_by_phone(&mut self, now: Now, pace: &Pace) -> bool {
        let moved = self.open(now, pace, By::Local);
        if moved {
            self.tell(Event::OpenedByPhone);
        }
        moved
    }

    fn lock(&mut self) {
        if self.bolt.rope_in {
            self.close();
        }
    }

    fn close(&mut self) {
        if self.bolt.close() {
            self.valve_open = false;
            self.tell(Event::Locked);
        }
    }

    /// Something to report; a lock says nothing where its kind has no word for it.
    fn tell(&mut self, event: Event) {
        if self.kind != SubKind::Sensor && event.word(self.kind) == 0 {
            return;
        }
        self.urgent |= !matches!(event, Event::Timed);
        self.told.push(event);
    }

    /// What there is to forward, and whether it wakes the master.
    pub(super) fn take_told(&mut self, now: Now, master_time: DateTime<Utc>, fix: Fix) -> (Vec<Told>, bool) {
        let events = std::mem::take(&mut self.told);
        let told = events.into_iter().map(|event| self.report(event, now, master_time, fix)).collect();
        (told, std::mem::take(&mut self.urgent))
    }

    fn report(&mut self, event: Event, now: Now, master_time: DateTime<Utc>, fix: Fix) -> Told {
        self.serial = self.serial.wrapping_add(1);
        let gateway = u8::from(event == Event::SignalLost) << 1 | u8::from(self.battery < 15) << 2;
        let body = match self.kind {
            SubKind::Sensor => SubBody::Climate {
                temperature_tenths: 40 + self.rng.below(30) as i16,
                humidity: 55 + self.rng.below(10) as u8,
                stored: 0,
                gateway,
            },
            SubKind::SubLock | SubKind::ValveLock => SubBody::Lock {
                kind: if self.kind == SubKind::ValveLock { 6 } else { 4 },
                event: event.word(self.kind),
                status: u16::from(!self.bolt.rope_in)
                    | u16::from(self.bolt.is_open()) << 1
                    | u16::from(self.bolt.cover_open) << 2,
                cycles: self.cycles,
                gateway,
                card: Some(std::mem::take(&mut self.card)),
            },
        };
        let report = SubReport {
            master_time,
            fix,
            time: self.clock.time(now),
            id: self.wire_id,
            voltage: 300 + u16::from(self.battery),
            battery: self.battery,
            rssi: 40 + self.rng.below(40) as u8,
            body,
        };
        Told { serial: self.serial, report }
    }

    /// Reports from the past half hour that the sub-device kept and now delivers late.
    pub(super) fn backlog(
        &mut self,
        now: Now,
        count: u16,
        master_time: DateTime<Utc>,
        fix: Fix,
    ) -> Vec<Told> {
        let step = chrono::TimeDelta::minutes(30) / i32::from(count.max(1));
        let mut rows = Vec::new();
        for number in (1..=i32::from(count)).rev() {
            let mut told = self.report(Event::Timed, now, master_time, fix);
            told.report.time -= step * number;
            told.report.body.mark_replayed();
            rows.push(told);
        }
        rows
    }

    pub(super) fn act(&mut self, now: Now, pace: &Pace, act: &Act) -> bool {
        let lock = self.kind != SubKind::Sensor;
        match act {
            Act::Fault(fault) => return self.fault(now, pace, fault),
            Act::WakeButton if !self.contact_lost => self.wake(now, pace, Event::Button),
            Act::PullRope if lock && self.bolt.is_open() && self.bolt.rope_in => {
                self.bolt.rope_in = false;
                self.tell(Event::RopePulled);
            }
            Act::InsertRope if lock && !self.bolt.rope_in => {
                self.bolt.rope_in = true;
                self.tell(Event::RopeInserted);
                self.lock();
            }
            Act::CloseBadly if lock && self.bolt.is_open() && !self.bolt.rope_in => self.close(),
            Act::TellSealed
                if self.kind == SubKind::ValveLock
                    && !self.contact_lost
                    && !self.valve_open
                    && !self.bolt.is_open() =>
            {
                self.tell(Event::Locked);
            }
            Act::Card if self.kind == SubKind::SubLock => {
                if !self.open(now, pace, By::Local) {
                    return false;
                }
                self.card = 6_400_000 + self.rng.below(90_000) as u32;
                self.tell(Event::OpenedByCard);
            }
            Act::Phone if lock => return self.open_by_phone(now, pace),
            Act::Valve(open) if self.kind == SubKind::ValveLock && *open != self.valve_open => {
                self.valve_open = *open;
                self.tell(if *open { Event::ValveOpened } else { Event::ValveClosed });
            }
            _ => return false,
        }
        true
    }

    fn fault(&mut self, now: Now, pace: &Pace, fault: &Fault) -> bool {
        let valve = self.kind == SubKind::ValveLock;
        let lock = self.kind != SubKind::Sensor;
        match fault {
            Fault::RopeCut if self.kind == SubKind::SubLock => self.tell(Event::RopeCut),
            Fault::BackCover if lock => {
                self.bolt.cover_open = true;
                self.tell(Event::CoverOpened);
            }
            Fault::Tamper if valve => self.tell(Event::Tamper),
            Fault::LowBattery => {
                self.battery = 8;
                self.tell(if valve { Event::LowBattery } else { Event::Timed });
            }
            Fault::SignalLost => {
                self.contact_lost = true;
                self.tell(Event::SignalLost);
            }
            Fault::ValveOpened if valve => {
                self.valve_open = true;
                self.tell(Event::ValveOpened);
            }
            Fault::OpenedElsewhere if lock => return self.open_by_phone(now, pace),
            Fault::MotorStuck if lock => self.bolt.stuck = true,
            Fault::ClockUnset => self.clock.unset(now),
            Fault::ClockWrong(offset) => self.clock.shift(*offset),
            Fault::Heal => self.heal(),
            other => return lock && self.manners.take(other),
        }
        true
    }

    fn heal(&mut self) {
        self.manners = Manners::default();
        self.clock = DeviceClock::default();
        self.contact_lost = false;
        self.bolt.heal();
        self.battery = self.battery.max(80);
        if self.valve_open && !self.bolt.is_open() {
            self.valve_open = false;
            self.tell(Event::ValveClosed);
        }
        if self.bolt.is_open() && self.relock_at.is_none() {
            self.lock();
        }
    }

    pub(super) fn describe(&self, state: &mut DeviceState) {
        if self.kind != SubKind::Sensor {
            self.bolt.describe(state);
        }
        if self.kind == SubKind::ValveLock {
            state.valve_open = Some(self.valve_open);
        }
        state.awake = !self.contact_lost;
    }
}
