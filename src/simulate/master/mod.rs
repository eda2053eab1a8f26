//! A virtual JT701D: binary positions, text reports, sub-devices, sleep, and a motor.

mod acts;
mod commands;
mod flash;
mod settings;
mod sub;

pub(crate) use sub::SubKind;

use super::{
    Pace,
    downlink::Brackets,
    encode::{
        Fix,
        master::{self, Cell, LockReport, Position, status},
    },
    parts::{Bolt, By, DeviceState, Manners, Outbox},
    rng::Rng,
    time::{Agenda, DeviceClock, Now},
    unit::{Act, Machine},
    world::Vehicle,
};
use flash::{Flash, Ready, What};
use settings::Settings;
use std::time::Duration;
use sub::{Sub, Told};

/// Wake sources of extended status 1.
mod wake {
    pub(super) const RESTART: u8 = 0;
    pub(super) const TIMER: u8 = 1;
    pub(super) const VIBRATION: u8 = 2;
    pub(super) const COVER: u8 = 3;
    pub(super) const ROPE: u8 = 4;
    pub(super) const CARD: u8 = 6;
    pub(super) const LORA: u8 = 7;
    pub(super) const SMS: u8 = 8;
    pub(super) const BLUETOOTH: u8 = 10;
}

/// Sources of a P45.
mod source {
    pub(super) const CARD: u8 = 1;
    pub(super) const ILLEGAL_CARD: u8 = 2;
    pub(super) const STATIC_PASSWORD: u8 = 4;
    pub(super) const LOCKED: u8 = 5;
    pub(super) const DYNAMIC_PASSWORD: u8 = 6;
    pub(super) const BLUETOOTH: u8 = 7;
    pub(super) const ROPE_PULLED: u8 = 8;
}

/// Alarm bits that pass by themselves.
const PASSING: u16 = status::VIBRATION | status::ILLEGAL_CARD | status::WRONG_PASSWORDS;

#[derive(Debug, Clone)]
enum Job {
    Report,
    Heartbeat,
    Resend,
    OfferPassword,
    /// Carries the number of the wake it belongs to.
    FallAsleep(u32),
    WakeUp(u32),
    ShowState,
    Tell(Box<LockReport>),
    /// Carries the number of the opening it belongs to.
    Relock(u32),
    OpenTooLong(u32),
    ClearAlarm(u16),
    Answer(Vec<u8>),
}

/// What makes one master lock.
#[derive(Clone)]
pub(super) struct MasterSetup {
    pub(super) id: String,
    pub(super) password: String,
    pub(super) dynamic: bool,
    pub(super) pace: Pace,
    pub(super) subs: Vec<(String, SubKind)>,
}

#[derive(Clone)]
struct DynamicPassword {
    current: String,
    answered: bool,
}

/// The machine. Cloned only to make a twin.
#[derive(Clone)]
pub(super) struct Master {
    id: String,
    password: String,
    dynamic: Option<DynamicPassword>,
    pace: Pace,
    vehicle: Vehicle,
    rng: Rng,
    clock: DeviceClock,
    manners: Manners,
    bolt: Bolt,
    alarms: u16,
    wrong_count: u8,
    battery: u8,
    no_fix: bool,
    flash: Flash,
    serial: u8,
    frame_serial: u8,
    awake: bool,
    wakes: u32,
    wake_source: u8,
    connected: bool,
    last_wlnet: Option<String>,
    settings: Settings,
    subs: Vec<Sub>,
    reader: Brackets,
    out: Outbox,
    agenda: Agenda<Job>,
}

impl Master {
    pub(super) fn new(setup: MasterSetup, vehicle: Vehicle, mut rng: Rng, now: Now) -> Self {
        let settings = Settings::new(setup.subs.iter().map(|(id, _)| id.clone()).collect());
        let subs =
            setup.subs.iter().map(|(id, kind)| Sub::new(id, *kind, Rng::named(rng.next(), id))).collect();
        let dynamic = setup.dynamic.then(|| DynamicPassword { current: rng.digits(6), answered: false });
        let mut master = Self {
            id: setup.id,
            password: setup.password,
            dynamic,
            pace: setup.pace,
            vehicle,
            clock: DeviceClock::default(),
            manners: Manners::default(),
            bolt: Bolt::locked(),
            alarms: 0,
            wrong_count: 0,
            battery: 60 + rng.below(40) as u8,
            no_fix: false,
            flash: Flash::default(),
            serial: rng.byte(),
            frame_serial: 0,
            awake: true,
            wakes: 0,
            wake_source: wake::RESTART,
            connected: false,
            last_wlnet: None,
            settings,
            subs,
            reader: Brackets::default(),
            out: Outbox::default(),
            agenda: Agenda::new(),
            rng,
        };
        master.begin(now);
        master
    }

    /// Sets the repeating work going.
    fn begin(&mut self, now: Now) {
        let first = self.rng.between(Duration::ZERO, self.pace.report);
        self.agenda.push(now.at + first, Job::Report);
        self.agenda.push(now.at + self.pace.heartbeat, Job::Heartbeat);
        self.agenda.push(now.at + self.pace.resend / 4, Job::Resend);
        self.agenda.push(now.at + self.pace.minute, Job::OfferPassword);
        self.sleep_after_a_while(now);
        for sub in &mut self.subs {
            sub.first_wake(self.pace.sub_wake);
        }
    }

    fn run(&mut self, now: Now, job: Job) {
        match job {
            Job::Report => {
                if self.awake {
                    self.store_position(now, false);
                }
                self.again(now, self.pace.report, Job::Report);
            }
            Job::Heartbeat => {
                if self.connected {
                    self.out.push(format!("({},@JT)", self.id).into_bytes());
                }
                self.again(now, self.pace.heartbeat, Job::Heartbeat);
            }
            Job::Resend => {
                self.pump(now);
                self.again(now, self.pace.resend / 4, Job::Resend);
            }
            Job::OfferPassword => {
                self.offer_password();
                self.again(now, self.pace.minute, Job::OfferPassword);
            }
            Job::FallAsleep(wake) if wake == self.wakes => self.fall_asleep(now),
            Job::WakeUp(wake) if wake == self.wakes => self.wake_up(now, wake::TIMER),
            Job::ShowState if self.awake => self.store_position(now, false),
            Job::Tell(report) => self.store(now, What::Lock(*report)),
            Job::Relock(opening) if opening == self.bolt.openings() && self.bolt.rope_in => self.lock(now),
            Job::OpenTooLong(opening) if opening == self.bolt.openings() && self.bolt.is_open() => {
                self.raise(now, status::OPEN_TOO_LONG, wake::TIMER);
            }
            Job::ClearAlarm(bits) => self.alarms &= !bits,
            Job::Answer(frame) if self.connected => self.out.push(frame),
            Job::FallAsleep(_)
            | Job::WakeUp(_)
            | Job::ShowState
            | Job::Relock(_)
            | Job::OpenTooLong(_)
            | Job::Answer(_) => {}
        }
    }

    fn again(&mut self, now: Now, after: Duration, job: Job) {
        self.agenda.push(now.at + after.max(Duration::from_millis(1)), job);
    }

    // Sleep and wake.

    fn sleep_after_a_while(&mut self, now: Now) {
        if self.pace.asleep.is_some() {
            self.agenda.push(now.at + self.pace.awake, Job::FallAsleep(self.wakes));
        }
    }

    fn fall_asleep(&mut self, now: Now) {
        let Some(asleep) = self.pace.asleep else { return };
        self.awake = false;
        self.agenda.push(now.at + asleep, Job::WakeUp(self.wakes));
    }

    fn wake_up(&mut self, now: Now, source: u8) {
        if self.awake {
            return;
        }
        self.awake = true;
        self.wakes = self.wakes.wrapping_add(1);
        self.wake_source = source;
        self.sleep_after_a_while(now);
    }

    // Records.

    fn fix(&self, now: Now) -> Fix {
        let motion = self.vehicle.at(now.at);
        Fix {
            lat: motion.lat,
            lon: motion.lon,
            valid: !self.no_fix && self.clock.is_set(),
            speed_kmh: motion.speed_kmh,
            heading: motion.heading,
        }
    }

    fn status(&self) -> u16 {
        let bit = |on: bool, bit: u16| if on { bit } else { 0 };
        status::ANSWER_WANTED
            | self.alarms
            | bit(self.bolt.rope_in, status::ROPE_IN)
            | bit(!self.bolt.is_open(), status::MOTOR_LOCKED)
            | bit(!self.bolt.cover_open, status::COVER_CLOSED)
    }

    fn store_position(&mut self, now: Now, alarm: bool) {
        let position = Position {
            time: self.clock.time(now),
            fix: self.fix(now),
            mileage_km: (self.vehicle.at(now.at).odometer_m / 1000) as u32,
            satellites: if self.no_fix { 0 } else { 7 + self.rng.below(6) as u8 },
            status: self.status(),
            battery: self.battery,
            cell: Cell { mcc: 204, mnc: 4, lac: 0x2866, id: 0x0001_1092 },
            signal: 15 + self.rng.below(16) as u8,
            fence: 0,
            wake_source: self.wake_source,
        };
        self.store(now, What::Position { position, alarm });
    }

    /// Keeps a record until it is acknowledged, and sends it if it can.
    fn store(&mut self, now: Now, what: What) {
        self.serial = self.serial.wrapping_add(1);
        self.flash.store(now.at, self.serial, !self.connected, what);
        self.pump(now);
    }

    fn store_sub(&mut self, now: Now, told: Told, offline: bool) {
        self.flash.store(now.at, told.serial, offline, What::Sub(told.report));
    }

    fn pump(&mut self, now: Now) {
        if !self.connected {
            return;
        }
        for ready in self.flash.send(now.at, self.pace.resend, self.pace.recent) {
            let frame = match ready {
                Ready::Position(serial, kind, position) => {
                    master::position(&self.id, kind, serial, &position)
                }
                Ready::Lock(serial, report) => master::lock_report(&self.id, serial, &report),
                Ready::Sub(serial, report) => {
                    self.frame_serial = self.frame_serial % 255 + 1;
                    master::sub_report(&self.id, self.frame_serial, serial, &report)
                }
            };
            self.out.push(frame);
        }
    }

    /// Takes over what its sub-devices have to tell.
    fn collect(&mut self, now: Now) {
        let (time, fix, connected) = (self.clock.time(now), self.fix(now), self.connected);
        let (mut urgent, mut new) = (false, Vec::new());
        for sub in &mut self.subs {
            sub.tick(now, &self.pace);
            let (told, wakes) = sub.take_told(now, time, fix);
            if !self.settings.is_bound(sub.id()) {
                continue; // the master does not listen to it
            }
            urgent |= wakes;
            new.extend(told);
        }
        if urgent {
            self.wake_up(now, wake::LORA);
        }
        let any = !new.is_empty();
        for told in new {
            self.store_sub(now, told, !connected);
        }
        if any {
            self.pump(now);
        }
    }

    // The lock.

    /// Opens, and has everything follow that follows an opening. `false` if the motor did not move.
    fn open(&mut self, now: Now, by: By, source: u8, card: u32) -> bool {
        if !self.bolt.open(by) {
            return false;
        }
        self.wrong_count = 0;
        self.alarms &= !status::WRONG_PASSWORDS;
        let opening = self.bolt.openings();
        self.agenda.push(now.at + self.pace.show_state, Job::ShowState);
        self.agenda.push(now.at + self.pace.relock, Job::Relock(opening));
        self.agenda.push(now.at + self.pace.open_too_long, Job::OpenTooLong(opening));
        let verified = matches!(source, source::CARD | source::DYNAMIC_PASSWORD);
        self.report(now, source, if verified { 98 } else { 0 }, card, source != source::CARD);
        true
    }

    fn lock(&mut self, now: Now) {
        if self.bolt.close() {
            self.alarms &= !status::OPEN_TOO_LONG;
            self.agenda.push(now.at + self.pace.show_state, Job::ShowState);
            self.report(now, source::LOCKED, 0, 0, false);
            self.renew_password();
        }
    }

    /// A P45, told later with the time and place of now.
    fn report(&mut self, now: Now, source: u8, verification: u8, card: u32, password_ok: bool) {
        let report = LockReport {
            time: self.clock.time(now),
            fix: self.fix(now),
            source,
            verification,
            card,
            password_ok,
            wrong_count: self.wrong_count,
            mileage_km: (self.vehicle.at(now.at).odometer_m / 1000) as u32,
        };
        self.agenda.push(now.at + self.pace.lock_report, Job::Tell(Box::new(report)));
    }

    /// Sets alarm bits and tells at once; passing ones clear themselves.
    fn raise(&mut self, now: Now, bits: u16, source: u8) {
        self.wake_up(now, source);
        self.alarms |= bits;
        self.store_position(now, true);
        if bits & PASSING != 0 {
            self.agenda.push(now.at + self.pace.alarm_hold, Job::ClearAlarm(bits & PASSING));
        }
    }
}

impl Machine for Master {
    fn tick(&mut self, now: Now) {
        while let Some(job) = self.agenda.pop_due(now.at) {
            self.run(now, job);
        }
        self.collect(now);
    }

    fn due(&self) -> Option<Duration> {
        self.agenda.next().into_iter().chain(self.subs.iter().map(Sub::due)).min()
    }

    fn wants_link(&self) -> bool {
        self.awake
    }

    fn link_up(&mut self, now: Now) {
        self.connected = true;
        self.reader = Brackets::default();
        self.flash.forget_flight();
        self.out.push(format!("({},P22,2)", self.id).into_bytes());
        self.offer_password();
        self.store_position(now, false);
    }

    fn link_down(&mut self) {
        self.connected = false;
        self.out.take();
    }

    fn receive(&mut self, now: Now, bytes: &[u8]) {
        for items in self.reader.read(bytes) {
            self.command(now, &items);
        }
    }

    fn take_frames(&mut self) -> Vec<Vec<u8>> {
        self.out.take()
    }

    fn act(&mut self, now: Now, part: usize, act: &Act) -> bool {
        match part.checked_sub(1) {
            None => self.act_here(now, act),
            Some(index) => self.act_sub(now, index, act),
        }
    }

    fn state(&self, now: Now, part: usize) -> DeviceState {
        let mut state = DeviceState {
            awake: self.awake,
            connected: self.connected,
            unacknowledged: self.flash.len(),
            lost: self.flash.lost(),
            speed_kmh: self.vehicle.at(now.at).speed_kmh,
            ..DeviceState::default()
        };
        match part.checked_sub(1).and_then(|index| self.subs.get(index)) {
            None => self.bolt.describe(&mut state),
            Some(sub) => sub.describe(&mut state),
        }
        state
    }

    fn twin(&self, now: Now) -> Box<dyn Machine> {
        let mut twin = self.clone();
        twin.vehicle = self.vehicle.elsewhere();
        twin.subs.clear();
        twin.flash = Flash::default();
        twin.manners.ignore = true;
        twin.dynamic = None;
        twin.connected = false;
        twin.agenda.clear();
        twin.begin(now);
        Box::new(twin)
    }
}
