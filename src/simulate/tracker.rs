//! Virtual Bofan trackers: PT621 (whole sentences) and PT-600 (deltas between them).
//!
//! That a PT621 speaks like its older relatives is the papers' best guess; no capture of one exists.

use super::{
    Pace,
    downlink::Lines,
    encode::{
        Fix,
        bofan::{self, Sentence},
    },
    fault::Fault,
    parts::{DeviceState, Manners, Outbox},
    rng::Rng,
    time::{Agenda, DeviceClock, Now},
    unit::{Act, Machine},
    world::Vehicle,
};
use std::{collections::VecDeque, time::Duration};

/// Sentences kept while there is no connection; the oldest gives way and is counted as lost.
const CAPACITY: usize = 500;
/// Stored sentences in one frame, as captured.
const PER_FRAME: usize = 4;
/// A whole sentence after so many deltas. Our own rule (captures show none), so that a lost delta does not end the
/// chain for the rest of the connection.
const CHAIN: u32 = 25;
/// Lines of input: SOS button, door switch (where this vehicle has it), ignition.
const SOS: usize = 0;
const DOOR: usize = 1;
const IGNITION: usize = 3;
/// `OPC1` … `OPC5`; the first is the engine relay.
const ENGINE: usize = 0;

/// How a tracker wraps its sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Whole sentences, bare.
    Bare,
    /// Whole sentences in `BF FB` frames.
    Framed,
    /// Bare, and deltas where they can say it. Over UDP as `Bare`: a lost delta would break the chain.
    Deltas,
}

#[derive(Debug, Clone)]
enum Job {
    Report,
    Answer(Vec<u8>),
}

#[derive(Clone)]
pub(super) struct TrackerSetup {
    pub(super) id: String,
    pub(super) dialect: Dialect,
    /// Bytes of a picture, about.
    pub(super) picture: u32,
    pub(super) pace: Pace,
}

#[derive(Clone)]
pub(super) struct Tracker {
    setup: TrackerSetup,
    vehicle: Vehicle,
    rng: Rng,
    clock: DeviceClock,
    manners: Manners,
    no_fix: bool,
    inputs: [bool; 5],
    outputs: [bool; 5],
    output_changes: u32,
    battery: u8,
    fuel: u16,
    stored: VecDeque<Sentence>,
    lost: u64,
    base: Option<Vec<u8>>,
    chain: u32,
    announced: bool,
    picture: Vec<u8>,
    lost_pieces: u32,
    wrong_pieces: u32,
    connected: bool,
    reader: Lines,
    out: Outbox,
    agenda: Agenda<Job>,
}

impl Tracker {
    pub(super) fn new(setup: TrackerSetup, vehicle: Vehicle, mut rng: Rng, now: Now) -> Self {
        let mut tracker = Self {
            setup,
            vehicle,
            clock: DeviceClock::default(),
            manners: Manners::default(),
            no_fix: false,
            inputs: [false; 5],
            outputs: [false; 5],
            output_changes: 0,
            battery: 15,
            fuel: 0x120 + rng.below(0x100) as u16,
            stored: VecDeque::new(),
            lost: 0,
            base: None,
            chain: 0,
            announced: false,
            picture: Vec::new(),
            lost_pieces: 0,
            wrong_pieces: 0,
            connected: false,
            reader: Lines::default(),
            out: Outbox::default(),
            agenda: Agenda::new(),
            rng,
        };
        tracker.begin(now);
        tracker
    }

    fn begin(&mut self, now: Now) {
        let first = self.rng.between(Duration::ZERO, self.setup.pace.report);
        self.agenda.push(now.at + first, Job::Report);
    }

    fn sentence(&mut self, now: Now, code: &str) -> Sentence {
        let motion = self.vehicle.at(now.at);
        self.inputs[IGNITION] = !motion.stopped;
        let valid = !self.no_fix && self.clock.is_set();
        let satellites = if valid { 7 + self.rng.below(6) as u16 } else { 0 };
        // The fuel sender wobbles while driving.
        let wobble = if motion.stopped { 0 } else { self.rng.below(7) as u16 };
        Sentence {
            code: code.to_owned(),
            id: self.setup.id.clone(),
            time: self.clock.is_set().then(|| self.clock.time(now)),
            fix: Fix {
                lat: motion.lat,
                lon: motion.lon,
                valid,
                speed_kmh: motion.speed_kmh,
                heading: motion.heading,
            },
            inputs: self.inputs,
            outputs: self.outputs,
            adc: vec![self.fuel + wobble, 0, 0, 0],
            odometer_m: motion.odometer_m / 100 * 100,
            state: u16::from(self.battery) << 8 | 0xd0 | satellites,
            spec_group: self.setup.dialect != Dialect::Deltas,
            stored: false,
        }
    }

    /// Tells one sentence, or keeps it until there is somebody to tell.
    fn tell(&mut self, now: Now, code: &str) {
        let sentence = self.sentence(now, code);
        if self.connected {
            let plain = code == "POS";
            self.send(&sentence, plain);
        } else {
            self.keep(sentence);
        }
    }

    fn keep(&mut self, sentence: Sentence) {
        if self.stored.len() >= CAPACITY {
            self.stored.pop_front();
            self.lost += 1;
        }
        self.stored.push_back(Sentence { stored: true, ..sentence });
    }

    fn send(&mut self, sentence: &Sentence, may_shorten: bool) {
        let whole = sentence.bytes();
        let delta = match &self.base {
            Some(base) if may_shorten && self.chain < CHAIN => bofan::delta(base, &whole),
            _ => None,
        };
        self.chain = if delta.is_some() { self.chain + 1 } else { 0 };
        if self.setup.dialect == Dialect::Deltas {
            self.base = Some(whole.clone());
        }
        self.wrap(delta.unwrap_or(whole));
    }

    fn wrap(&mut self, body: Vec<u8>) {
        self.out.push(match self.setup.dialect {
            Dialect::Framed => bofan::envelope(&body, true),
            Dialect::Bare | Dialect::Deltas => body,
        });
    }

    /// What was kept goes in frames of several sentences; the last of them is the base of the next delta.
    fn replay(&mut self) {
        let stored: Vec<Vec<u8>> = self.stored.drain(..).map(|sentence| sentence.bytes()).collect();
        for group in stored.chunks(PER_FRAME) {
            self.out.push(bofan::envelope(&group.concat(), true));
        }
        if self.setup.dialect == Dialect::Deltas && !stored.is_empty() {
            self.base = stored.last().cloned();
        }
    }

    // Commands.

    fn command(&mut self, now: Now, line: &str) {
        if self.manners.ignore {
            return;
        }
        if let Some(chunk) = line.strip_prefix("PHD") {
            let asked = chunk.split_once(',').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
            if let Some((offset, length)) = asked {
                self.hand_over(now, offset, length);
            }
        } else if line == "PHO" {
            self.photograph(now);
        } else if let Some(output) = line.strip_prefix("OPC") {
            self.switch(now, output);
        } else if line == "RCP" {
            self.tell(now, "POS");
        }
    }

    fn hand_over(&mut self, now: Now, offset: usize, length: usize) {
        if self.lost_pieces > 0 {
            self.lost_pieces -= 1;
            return;
        }
        let shift = if self.wrong_pieces > 0 { length / 2 } else { 0 };
        self.wrong_pieces = self.wrong_pieces.saturating_sub(1);
        if let Some(frame) = bofan::photo_chunk(&self.picture, offset.saturating_add(shift), length) {
            self.answer(now, frame);
        }
    }

    fn answer(&mut self, now: Now, frame: Vec<u8>) {
        self.manners.answer(now.at, frame, &mut self.out, &mut self.agenda, Job::Answer);
    }

    /// `<n>,<0|1>`; the next sentence shows it.
    fn switch(&mut self, now: Now, text: &str) {
        let parsed = text.split_once(',').and_then(|(n, on)| Some((n.parse::<usize>().ok()?, on)));
        let Some((number @ 1..=5, on @ ("0" | "1"))) = parsed else { return };
        if self.manners.refuse || self.manners.stay {
            return;
        }
        let line = &mut self.outputs[number - 1];
        let changed = *line != (on == "1");
        *line = on == "1";
        self.output_changes += u32::from(changed && number - 1 == ENGINE);
        if !self.manners.mute {
            self.tell(now, "POS");
        }
    }

    /// Takes a picture and offers it. Not a real one: the markers of a JPEG around noise of a plausible size.
    fn photograph(&mut self, now: Now) {
        let mut picture = vec![0xff, 0xd8, 0xff, 0xdb, 0x00, 0x84];
        let about = self.setup.picture as usize;
        for _ in 0..about * 3 / 4 + self.rng.below(about / 2 + 1) {
            let byte = self.rng.byte();
            picture.push(byte);
            if byte == 0xff {
                picture.push(0);
            }
        }
        picture.extend([0xff, 0xd9]);
        self.picture = picture;
        let offer = format!("PHO{}-1", self.picture.len());
        self.tell(now, &offer);
    }

    fn fault(&mut self, now: Now, fault: &Fault) -> bool {
        match fault {
            Fault::Sos => {
                self.inputs[SOS] = true;
                self.tell(now, "IN1");
                self.inputs[SOS] = false;
            }
            Fault::PowerCut => {
                self.battery = 12;
                self.tell(now, "CPA");
            }
            Fault::HarshBraking => self.tell(now, "HDB"),
            Fault::Vibration => self.tell(now, "SKA"),
            Fault::LowBattery => {
                self.battery = 1;
                self.tell(now, "LPA");
            }
            Fault::LostPieces(count) => self.lost_pieces = *count,
            Fault::WrongPieces(count) => self.wrong_pieces = *count,
            Fault::NoFix => self.no_fix = true,
            Fault::ClockUnset => self.clock.unset(now),
            Fault::ClockWrong(offset) => self.clock.shift(*offset),
            Fault::Backlog(count) => self.backlog(now, (*count).min(CAPACITY as u16)),
            Fault::Heal => {
                self.manners = Manners::default();
                self.clock = DeviceClock::default();
                (self.no_fix, self.battery) = (false, 15);
                (self.lost_pieces, self.wrong_pieces) = (0, 0);
            }
            other => return self.manners.take(other),
        }
        true
    }

    fn backlog(&mut self, now: Now, count: u16) {
        let step = chrono::TimeDelta::minutes(30) / i32::from(count.max(1));
        for number in (1..=i32::from(count)).rev() {
            let past = Now { utc: now.utc - step * number, ..now };
            let sentence = self.sentence(past, "POS");
            self.keep(sentence);
        }
        if self.connected {
            self.replay();
        }
    }
}

impl Machine for Tracker {
    fn tick(&mut self, now: Now) {
        while let Some(job) = self.agenda.pop_due(now.at) {
            match job {
                Job::Report => {
                    self.tell(now, "POS");
                    let next = self.setup.pace.report.max(Duration::from_millis(1));
                    self.agenda.push(now.at + next, Job::Report);
                }
                Job::Answer(frame) if self.connected => self.out.push(frame),
                Job::Answer(_) => {}
            }
        }
    }

    fn due(&self) -> Option<Duration> {
        self.agenda.next()
    }

    fn wants_link(&self) -> bool {
        true
    }

    fn link_up(&mut self, now: Now) {
        self.connected = true;
        self.reader = Lines::default();
        self.base = None;
        if self.setup.dialect == Dialect::Framed && !self.announced {
            self.announced = true;
            self.out.push(bofan::announcement(&self.setup.id));
        }
        self.tell(now, "POS");
        self.replay();
    }

    fn link_down(&mut self) {
        self.connected = false;
        self.out.take();
    }

    fn receive(&mut self, now: Now, bytes: &[u8]) {
        for line in self.reader.read(bytes) {
            self.command(now, &line);
        }
    }

    fn take_frames(&mut self) -> Vec<Vec<u8>> {
        self.out.take()
    }

    fn act(&mut self, now: Now, part: usize, act: &Act) -> bool {
        match act {
            _ if part != 0 => return false,
            Act::Fault(fault) => return self.fault(now, fault),
            Act::Photo => self.photograph(now),
            Act::Door(open) if self.inputs[DOOR] != *open => {
                self.inputs[DOOR] = *open;
                self.tell(now, "POS");
            }
            _ => return false,
        }
        true
    }

    fn state(&self, now: Now, _part: usize) -> DeviceState {
        DeviceState {
            output_on: Some(self.outputs[ENGINE]),
            output_changes: self.output_changes,
            picture: self.picture.clone(),
            awake: true,
            connected: self.connected,
            unacknowledged: self.stored.len(),
            lost: self.lost,
            speed_kmh: self.vehicle.at(now.at).speed_kmh,
            ..DeviceState::default()
        }
    }

    fn twin(&self, now: Now) -> Box<dyn Machine> {
        let mut twin = self.clone();
        twin.vehicle = self.vehicle.elsewhere();
        twin.stored.clear();
        twin.manners.ignore = true;
        twin.connected = false;
        twin.agenda.clear();
        twin.begin(now);
        Box::new(twin)
    }
}
