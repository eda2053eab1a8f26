//! A virtual JT709C: a seal with a modem of its own, JT/T 808 framing.
//!
//! Nobody can open it from a server: the remote-unlock words of its firmware are in no public source. It is opened by
//! card, phone or SMS.

mod acts;

use super::{
    Pace,
    downlink::Delimited,
    encode::seal::{self, Heard, LockEvent, Report, Tlv, alarm, status},
    parts::{Bolt, By, DeviceState, Outbox},
    rng::Rng,
    time::{Agenda, DeviceClock, Now},
    unit::{Act, Machine},
    world::Vehicle,
};
use std::{collections::VecDeque, time::Duration};

/// Reports kept at most; the oldest gives way and is counted as lost.
const CAPACITY: usize = 1000;
/// Stored reports in one batch, and batches in flight.
const BATCH: usize = 5;
/// A seal that gets no answer to its registration reports all the same after so many tries.
const TRIES: u32 = 3;

/// Codes of TLV 0x0B.
mod code {
    pub(super) const PHONE_OPENED: u8 = 5;
    pub(super) const PHONE_REFUSED: u8 = 40;
    pub(super) const ROPE_CUT: u8 = 12;
    pub(super) const LOCKED: u8 = 13;
    pub(super) const MOTOR_FAULT: u8 = 18;
    pub(super) const ROPE_PULLED: u8 = 28;
    pub(super) const SMS_OPENED: u8 = 30;
    pub(super) const CARD_OPENED: u8 = 34;
    pub(super) const CARD_REFUSED: u8 = 35;
    pub(super) const OPEN_TOO_LONG: u8 = 11;
}

/// The seal has its own numbers for wake sources; only the timer's is known to differ from zero.
const WAKE_TIMER: u32 = 1;
const WAKE_VIBRATION: u32 = 2;

#[derive(Debug, Clone)]
enum Job {
    Report,
    Heartbeat,
    Resend,
    FallAsleep(u32),
    WakeUp(u32),
    Relock(u32),
    OpenTooLong(u32),
}

#[derive(Debug, Clone)]
struct Record {
    body: Vec<u8>,
    made: Duration,
    stored: bool,
    /// Serial of the message that carried it last, and when.
    sent: Option<(u16, Duration)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    Registering(u32),
    Authenticating(u32),
    Done,
}

#[derive(Clone)]
pub(super) struct SealSetup {
    pub(super) id: String,
    pub(super) password: String,
    pub(super) pace: Pace,
}

#[derive(Clone)]
pub(super) struct Seal {
    setup: SealSetup,
    vehicle: Vehicle,
    rng: Rng,
    clock: DeviceClock,
    bolt: Bolt,
    rope_cuts: u16,
    battery: u8,
    no_fix: bool,
    records: VecDeque<Record>,
    lost: u64,
    serial: u16,
    login: Login,
    auth_code: Option<Vec<u8>>,
    awake: bool,
    wakes: u32,
    wake_source: u32,
    connected: bool,
    reader: Delimited,
    out: Outbox,
    agenda: Agenda<Job>,
}

impl Seal {
    pub(super) fn new(setup: SealSetup, vehicle: Vehicle, mut rng: Rng, now: Now) -> Self {
        let mut seal = Self {
            setup,
            vehicle,
            clock: DeviceClock::default(),
            bolt: Bolt::locked(),
            rope_cuts: 0,
            battery: 60 + rng.below(40) as u8,
            no_fix: false,
            records: VecDeque::new(),
            lost: 0,
            serial: 0,
            login: Login::Registering(0),
            auth_code: None,
            awake: true,
            wakes: 0,
            wake_source: 0,
            connected: false,
            reader: Delimited::default(),
            out: Outbox::default(),
            agenda: Agenda::new(),
            rng,
        };
        seal.begin(now);
        seal
    }

    fn begin(&mut self, now: Now) {
        let first = self.rng.between(Duration::ZERO, self.setup.pace.report);
        self.agenda.push(now.at + first, Job::Report);
        self.agenda.push(now.at + self.setup.pace.heartbeat, Job::Heartbeat);
        self.agenda.push(now.at + self.setup.pace.resend / 4, Job::Resend);
        self.sleep_after_a_while(now);
    }

    fn run(&mut self, now: Now, job: Job) {
        match job {
            Job::Report => {
                if self.awake {
                    self.store(now, None);
                }
                self.again(now, self.setup.pace.report, Job::Report);
            }
            Job::Heartbeat => {
                if self.connected {
                    self.send(seal::HEARTBEAT, &[]);
                }
                self.again(now, self.setup.pace.heartbeat, Job::Heartbeat);
            }
            Job::Resend => {
                self.knock();
                self.pump(now);
                self.again(now, self.setup.pace.resend / 4, Job::Resend);
            }
            Job::FallAsleep(wake) if wake == self.wakes => self.fall_asleep(now),
            Job::WakeUp(wake) if wake == self.wakes => self.wake_up(now, WAKE_TIMER),
            Job::Relock(opening) if opening == self.bolt.openings() && self.bolt.rope_in => self.lock(now),
            Job::OpenTooLong(opening) if opening == self.bolt.openings() && self.bolt.is_open() => {
                self.tell(now, LockEvent::Plain(code::OPEN_TOO_LONG));
            }
            Job::FallAsleep(_) | Job::WakeUp(_) | Job::Relock(_) | Job::OpenTooLong(_) => {}
        }
    }

    fn again(&mut self, now: Now, after: Duration, job: Job) {
        self.agenda.push(now.at + after.max(Duration::from_millis(1)), job);
    }

    // Sleep and wake.

    fn sleep_after_a_while(&mut self, now: Now) {
        if self.setup.pace.asleep.is_some() {
            self.agenda.push(now.at + self.setup.pace.awake, Job::FallAsleep(self.wakes));
        }
    }

    fn fall_asleep(&mut self, now: Now) {
        let Some(asleep) = self.setup.pace.asleep else { return };
        self.awake = false;
        self.agenda.push(now.at + asleep, Job::WakeUp(self.wakes));
    }

    fn wake_up(&mut self, now: Now, source: u32) {
        if !self.awake {
            self.awake = true;
            self.wakes = self.wakes.wrapping_add(1);
            self.wake_source = source;
            self.sleep_after_a_while(now);
        }
    }

    // Messages.

    fn send(&mut self, message: u16, body: &[u8]) -> u16 {
        self.serial = self.serial.wrapping_add(1);
        self.out.push(seal::frame(message, &self.setup.id, self.serial, body));
        self.serial
    }

    /// Registers once in its life, authenticates on every connection, again until answered.
    fn knock(&mut self) {
        if !self.connected {
            return;
        }
        self.login = match self.login {
            Login::Registering(tries) | Login::Authenticating(tries) if tries >= TRIES => Login::Done,
            Login::Registering(tries) => {
                let body = seal::registration(&self.setup.id);
                self.send(seal::REGISTER, &body);
                Login::Registering(tries + 1)
            }
            Login::Authenticating(tries) => {
                let code = self.auth_code.clone().unwrap_or_default();
                self.send(seal::AUTHENTICATE, &code);
                Login::Authenticating(tries + 1)
            }
            Login::Done => Login::Done,
        };
    }

    fn heard(&mut self, now: Now, heard: &Heard) {
        match (heard.message, heard.body.as_slice()) {
            (0x8100, [_, _, 0, code @ ..]) => {
                self.auth_code = Some(code.to_vec());
                if matches!(self.login, Login::Registering(_)) {
                    self.login = Login::Authenticating(0);
                    self.knock();
                }
            }
            (0x8001, [high, low, message_high, message_low, 0]) => {
                let serial = u16::from_be_bytes([*high, *low]);
                match u16::from_be_bytes([*message_high, *message_low]) {
                    seal::AUTHENTICATE => self.let_in(now),
                    seal::REPORT | seal::BATCH => {
                        self.records.retain(|record| record.sent.is_none_or(|(sent, _)| sent != serial));
                        self.pump(now);
                    }
                    _ => {}
                }
            }
            (0x8109, [y1, y2, month, day, hour, minute, second, ..]) => {
                let year = i32::from(u16::from_be_bytes([*y1, *y2]));
                let told = chrono::NaiveDate::from_ymd_opt(year, (*month).into(), (*day).into())
                    .and_then(|date| date.and_hms_opt((*hour).into(), (*minute).into(), (*second).into()));
                if let (Some(told), false) = (told, self.clock.is_set()) {
                    self.clock.set(now, told.and_utc());
                }
            }
            _ => {}
        }
    }

    fn let_in(&mut self, now: Now) {
        if self.login != Login::Done {
            self.login = Login::Done;
            self.send(seal::ASK_TIME, &[]);
            self.pump(now);
        }
    }

    // Records.

    fn report(&mut self, now: Now, event: Option<LockEvent>) -> Report {
        let motion = self.vehicle.at(now.at);
        let bit = |on: bool, bit: u32| if on { bit } else { 0 };
        let fix = !self.no_fix && self.clock.is_set();
        let mut extras = vec![
            Tlv::Battery(self.battery),
            Tlv::Voltage(320 + u16::from(self.battery)),
            Tlv::Signal(15 + self.rng.below(16) as u8),
            Tlv::Satellites(if fix { 7 + self.rng.below(6) as u8 } else { 0 }),
            Tlv::Version(7),
            Tlv::MileageKm((motion.odometer_m / 1000) as u32),
            Tlv::Cell { mcc: 204, mnc: 4, cell: 0x0004_4a15, lac: 0x0fe6 },
            Tlv::RopeCuts(self.rope_cuts),
        ];
        extras.extend(event.map(Tlv::Event));
        Report {
            alarm: bit(self.battery < 15, alarm::LOW_BATTERY)
                | bit(self.bolt.cover_open, alarm::COVER_OPENED),
            status: bit(fix, status::FIX | status::GNSS)
                | bit(motion.lat < 0.0, status::SOUTH)
                | bit(motion.lon < 0.0, status::WEST)
                | bit(self.bolt.cover_open, status::COVER_OPEN)
                | bit(!self.bolt.rope_in, status::ROPE_OUT)
                | bit(self.bolt.is_open(), status::MOTOR_UNLOCKED)
                | self.wake_source << status::WAKE_SHIFT,
            lat: motion.lat,
            lon: motion.lon,
            altitude_m: 3,
            speed_kmh: motion.speed_kmh,
            heading: motion.heading as u16,
            time: self.clock.time(now),
            extras,
        }
    }

    fn store(&mut self, now: Now, event: Option<LockEvent>) {
        let body = seal::report(&self.report(now, event));
        self.keep(now, body, !self.connected);
        self.pump(now);
    }

    fn keep(&mut self, now: Now, body: Vec<u8>, stored: bool) {
        if self.records.len() >= CAPACITY {
            self.records.pop_front();
            self.lost += 1;
        }
        self.records.push_back(Record { body, made: now.at, stored, sent: None });
    }

    /// Sends what is due: live reports each by itself, stored ones in batches, one batch in flight at a time.
    fn pump(&mut self, now: Now) {
        if !self.connected || self.login != Login::Done {
            return;
        }
        let resend = self.setup.pace.resend;
        let recent = self.setup.pace.recent;
        let due = |record: &Record| record.sent.is_none_or(|(_, sent)| sent + resend <= now.at);
        let old = |record: &Record| record.stored || record.made + recent < now.at;
        for index in 0..self.records.len() {
            if due(&self.records[index]) && !old(&self.records[index]) {
                let body = self.records[index].body.clone();
                let serial = self.send(seal::REPORT, &body);
                self.records[index].sent = Some((serial, now.at));
            }
        }
        let in_flight = self.records.iter().any(|record| old(record) && !due(record));
        let batch: Vec<usize> = (0..self.records.len())
            .filter(|&index| old(&self.records[index]) && due(&self.records[index]))
            .take(if in_flight { 0 } else { BATCH })
            .collect();
        if !batch.is_empty() {
            let bodies: Vec<Vec<u8>> = batch.iter().map(|&index| self.records[index].body.clone()).collect();
            let serial = self.send(seal::BATCH, &seal::batch(&bodies));
            for index in batch {
                self.records[index].sent = Some((serial, now.at));
            }
        }
    }

    // The lock.

    fn tell(&mut self, now: Now, event: LockEvent) {
        self.wake_up(now, WAKE_VIBRATION);
        self.store(now, Some(event));
    }

    fn open(&mut self, now: Now, event: LockEvent) -> bool {
        if !self.bolt.open(By::Local) {
            return false;
        }
        let opening = self.bolt.openings();
        self.agenda.push(now.at + self.setup.pace.relock, Job::Relock(opening));
        self.agenda.push(now.at + self.setup.pace.open_too_long, Job::OpenTooLong(opening));
        self.tell(now, event);
        true
    }

    fn lock(&mut self, now: Now) {
        if self.bolt.close() {
            self.tell(now, LockEvent::Plain(code::LOCKED));
        }
    }
}

impl Machine for Seal {
    fn tick(&mut self, now: Now) {
        while let Some(job) = self.agenda.pop_due(now.at) {
            self.run(now, job);
        }
    }

    fn due(&self) -> Option<Duration> {
        self.agenda.next()
    }

    fn wants_link(&self) -> bool {
        self.awake
    }

    fn link_up(&mut self, now: Now) {
        self.connected = true;
        self.reader = Delimited::default();
        for record in &mut self.records {
            record.sent = None;
        }
        let known = self.auth_code.is_some();
        self.login = if known { Login::Authenticating(0) } else { Login::Registering(0) };
        self.knock();
        self.store(now, None);
    }

    fn link_down(&mut self) {
        self.connected = false;
        self.out.take();
    }

    fn receive(&mut self, now: Now, bytes: &[u8]) {
        for heard in self.reader.read(bytes) {
            self.heard(now, &heard);
        }
    }

    fn take_frames(&mut self) -> Vec<Vec<u8>> {
        self.out.take()
    }

    fn act(&mut self, now: Now, part: usize, act: &Act) -> bool {
        part == 0 && self.act_here(now, act)
    }

    fn state(&self, now: Now, _part: usize) -> DeviceState {
        let mut state = DeviceState {
            awake: self.awake,
            connected: self.connected,
            unacknowledged: self.records.len(),
            lost: self.lost,
            speed_kmh: self.vehicle.at(now.at).speed_kmh,
            ..DeviceState::default()
        };
        self.bolt.describe(&mut state);
        state
    }

    fn twin(&self, now: Now) -> Box<dyn Machine> {
        let mut twin = self.clone();
        twin.vehicle = self.vehicle.elsewhere();
        twin.records.clear();
        twin.connected = false;
        twin.agenda.clear();
        twin.begin(now);
        Box::new(twin)
    }
}
