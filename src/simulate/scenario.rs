//! What happens by itself: locks are used where vehicles stop, and now and then something goes wrong.

use super::{
    DeviceHandle, Fault,
    pace::faster,
    rng::Rng,
    time::{Agenda, FleetClock},
    unit::Act,
};
use std::{collections::HashMap, time::Duration};

/// How long the story sleeps between two looks at its fleet.
const STEP: Duration = Duration::from_millis(500);

/// Runs until it is dropped.
pub(super) async fn run(devices: Vec<DeviceHandle>, rng: Rng, speed_up: f64, clock: FleetClock) {
    let mut story = Story::new(devices, rng, speed_up);
    loop {
        story.step(clock.now().at);
        tokio::time::sleep(faster(STEP, speed_up)).await;
    }
}

struct Story {
    devices: Vec<DeviceHandle>,
    rng: Rng,
    speed_up: f64,
    next_mishap: Duration,
    /// What follows later: a device of the list and what is done to it.
    agenda: Agenda<(usize, Act)>,
    /// Assets, and whether they stood still at the last look.
    stopped: HashMap<String, bool>,
}

impl Story {
    fn new(devices: Vec<DeviceHandle>, rng: Rng, speed_up: f64) -> Self {
        let next_mishap = faster(Duration::from_secs(12), speed_up);
        let (agenda, stopped) = (Agenda::new(), HashMap::new());
        let mut story = Self { devices, rng, speed_up, next_mishap, agenda, stopped };
        story.begin_the_day();
        story
    }

    /// Before driving off, drivers have closed their valves and pressed the buttons of what is bound to the master:
    /// each tells its state once. A valve's is known from its events alone.
    fn begin_the_day(&mut self) {
        for index in 0..self.devices.len() {
            let act = match self.devices[index].info().kind {
                "valve_lock" => Act::TellSealed,
                "sub_lock" | "sensor" => Act::WakeButton,
                _ => continue,
            };
            self.later(Duration::ZERO, 1, index, act);
        }
        // A container that stands is still being loaded, and closed in a hurry.
        let loaded = (0..self.devices.len()).find(|&index| {
            self.devices[index].info().kind == "seal" && self.devices[index].look().speed_kmh < 0.5
        });
        if let Some(lock) = loaded {
            let scene = [(8, Act::Card), (12, Act::PullRope), (30, Act::CloseBadly), (100, Act::InsertRope)];
            for (second, act) in scene {
                self.later(Duration::ZERO, second, lock, act);
            }
        }
    }

    fn step(&mut self, at: Duration) {
        while let Some((device, act)) = self.agenda.pop_due(at) {
            self.devices[device].act(&act);
        }
        self.watch_stops(at);
        if at >= self.next_mishap {
            let (low, high) = (Duration::from_secs(20), Duration::from_secs(40));
            self.next_mishap = at + faster(self.rng.between(low, high), self.speed_up);
            self.mishap(at);
        }
    }

    fn later(&mut self, at: Duration, seconds: u64, device: usize, act: Act) {
        self.agenda.push(at + faster(Duration::from_secs(seconds), self.speed_up), (device, act));
    }

    fn watch_stops(&mut self, at: Duration) {
        for index in 0..self.devices.len() {
            let info = self.devices[index].info();
            if info.bound_to.is_some() || !info.enrol {
                continue;
            }
            let (asset, stands) = (info.asset.clone(), self.devices[index].look().speed_kmh < 0.5);
            let before = self.stopped.insert(asset.clone(), stands);
            if stands && before == Some(false) {
                self.work_at_stop(at, &asset);
            }
        }
    }

    /// Someone with a right to it opens one lock of the vehicle, unloads, and closes.
    fn work_at_stop(&mut self, at: Duration, asset: &str) {
        let of_asset: Vec<usize> =
            (0..self.devices.len()).filter(|&index| self.devices[index].info().asset == asset).collect();
        let locks: Vec<usize> = of_asset
            .iter()
            .copied()
            .filter(|&index| matches!(self.devices[index].info().kind, "master_lock" | "seal" | "sub_lock"))
            .collect();
        if !locks.is_empty() {
            let lock = locks[self.rng.below(locks.len())];
            self.later(at, 5, lock, Act::Card);
            // Every third time nobody pulls the rope, and the lock closes by itself.
            if self.rng.below(3) > 0 {
                self.later(at, 12, lock, Act::PullRope);
                // Now and then it is closed in a hurry, and properly only when somebody noticed.
                let hurry = self.rng.below(3) == 0;
                if hurry {
                    self.later(at, 35, lock, Act::CloseBadly);
                }
                self.later(at, if hurry { 65 } else { 45 }, lock, Act::InsertRope);
            }
        }
        let valve = of_asset.iter().copied().find(|&index| self.devices[index].info().kind == "valve_lock");
        if let Some(valve) = valve.filter(|_| self.rng.below(4) == 0) {
            self.later(at, 15, valve, Act::Phone);
        }
        for index in of_asset {
            if self.devices[index].info().kind == "tracker" {
                self.later(at, 3, index, Act::Door(true));
                self.later(at, 50, index, Act::Door(false));
                self.later(at, 20, index, Act::Photo);
            }
        }
    }

    /// One thing goes wrong with one device that can suffer it, and is put right later.
    fn mishap(&mut self, at: Duration) {
        for _ in 0..8 {
            let device = self.rng.below(self.devices.len());
            let Some(handle) = self.devices.get(device).filter(|handle| handle.info().enrol) else {
                continue;
            };
            let choices = mishaps(handle.info().kind);
            if choices.is_empty() {
                continue;
            }
            let (fault, heal) = choices[self.rng.below(choices.len())].clone();
            if handle.fault(fault) {
                if let Some(seconds) = heal {
                    self.later(at, seconds, device, Act::Fault(Fault::Heal));
                }
                return;
            }
        }
    }
}

/// What may happen to a device of this kind, and after how many seconds it is put right.
fn mishaps(kind: &str) -> Vec<(Fault, Option<u64>)> {
    let silence = Fault::Silence(Duration::from_secs(30));
    match kind {
        "master_lock" => vec![
            (Fault::RopeCut, Some(60)),
            (Fault::IllegalCard, None),
            (Fault::WrongPasswords, None),
            (Fault::BackCover, Some(45)),
            (Fault::OpenedElsewhere, None),
            (Fault::LowBattery, Some(120)),
            (Fault::Vibration, None),
            (Fault::Backlog(12), None),
            (Fault::DropMidFrame, None),
            (silence, None),
        ],
        "sub_lock" => vec![
            (Fault::RopeCut, None),
            (Fault::BackCover, Some(45)),
            (Fault::SignalLost, Some(60)),
            (Fault::OpenedElsewhere, None),
            (Fault::LowBattery, Some(120)),
        ],
        "valve_lock" => vec![
            (Fault::Tamper, None),
            (Fault::ValveOpened, Some(40)),
            (Fault::SignalLost, Some(60)),
            (Fault::BackCover, Some(45)),
        ],
        "sensor" => vec![(Fault::SignalLost, Some(60))],
        "seal" => vec![
            (Fault::RopeCut, None),
            (Fault::IllegalCard, None),
            (Fault::WrongPasswords, None),
            (Fault::OpenedElsewhere, None),
            (Fault::MotorStuck, Some(60)),
            (Fault::LowBattery, Some(120)),
            (Fault::BadChecksum(2), None),
        ],
        "tracker" => vec![
            (Fault::Sos, None),
            (Fault::PowerCut, Some(60)),
            (Fault::HarshBraking, None),
            (Fault::Vibration, None),
            (Fault::LowBattery, Some(120)),
        ],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{Fleet, FleetPlan};

    /// The demo's devices with nothing running: they can be acted on, and nothing else happens.
    async fn at_rest() -> Vec<DeviceHandle> {
        let nobody = ([127, 0, 0, 1], 9).into();
        let fleet = Fleet::start(FleetPlan::default().scenario(false), nobody, nobody).await;
        let devices = fleet.devices().to_vec();
        fleet.stop().await;
        devices
    }

    #[tokio::test]
    async fn everything_in_the_list_can_happen_to_a_device_of_its_kind() {
        for kind in ["master_lock", "sub_lock", "valve_lock", "sensor", "seal", "tracker"] {
            let choices = mishaps(kind);
            assert!(!choices.is_empty(), "{kind}");
            for (fault, _) in choices {
                let devices = at_rest().await;
                let device = devices.iter().find(|device| device.info().kind == kind).unwrap();
                assert!(device.fault(fault.clone()), "{fault:?} to a {kind}");
            }
        }
        assert!(mishaps("ship").is_empty());
    }

    #[tokio::test]
    async fn something_goes_wrong_every_twenty_to_forty_seconds_and_is_put_right() {
        let mut story = Story::new(at_rest().await, Rng::named(1, "story"), 1.0);
        let mut times = vec![story.next_mishap];
        let mut most = 0;
        for half_second in 0..7200 {
            story.step(STEP * half_second);
            if times.last() != Some(&story.next_mishap) {
                times.push(story.next_mishap);
            }
            most = most.max(story.agenda.len());
        }
        assert!((100..=180).contains(&times.len()), "{} in an hour", times.len());
        for pair in times.windows(2) {
            let gap = pair[1] - pair[0];
            assert!(gap >= Duration::from_secs(20) && gap <= Duration::from_secs(41), "{gap:?}");
        }
        assert!((1..50).contains(&most), "{most} things waiting");
    }

    #[tokio::test]
    async fn a_day_begins_with_every_bound_device_telling_its_state() {
        let devices = at_rest().await;
        let bound = devices.iter().filter(|device| device.info().bound_to.is_some()).count();
        let mut story = Story::new(devices.clone(), Rng::named(1, "story"), 1.0);
        story.next_mishap = Duration::MAX;
        let scene = 4;
        assert_eq!((story.agenda.len(), bound), (bound + scene, 14));
        story.step(Duration::from_secs(2));
        assert_eq!(story.agenda.len(), scene, "everybody has told");
        assert!(devices.iter().all(|device| device.look().openings == 0), "and nothing moved");
        for second in 3..=71 {
            story.step(Duration::from_secs(second));
        }
        let hurried = devices.iter().filter(|device| {
            let state = device.look();
            state.motor_open == Some(false) && state.rope_in == Some(false)
        });
        assert_eq!(hurried.map(|device| device.info().asset.as_str()).collect::<Vec<_>>(), ["Container 12"]);
    }

    #[tokio::test]
    async fn someone_opens_a_lock_where_a_vehicle_stops() {
        let devices = at_rest().await;
        let mut story = Story::new(devices.clone(), Rng::named(2, "story"), 1.0);
        story.next_mishap = Duration::MAX;
        story.agenda = Agenda::new();
        story.work_at_stop(Duration::ZERO, "Tanker 01");
        let opened = |devices: &[DeviceHandle]| -> u32 { devices.iter().map(|d| d.look().openings).sum() };
        assert_eq!(opened(&devices), 0);
        for second in 0..=20 {
            story.step(Duration::from_secs(second));
        }
        assert!(opened(&devices) >= 1);
        let elsewhere = devices.iter().filter(|device| device.info().asset != "Tanker 01");
        assert_eq!(elsewhere.map(|device| device.look().openings).sum::<u32>(), 0);
    }
}
