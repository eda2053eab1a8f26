//! A running fleet and the handles of its devices.

use super::{
    DeviceState, Fault, FleetPlan,
    master::{Master, MasterSetup, SubKind},
    noise::Noise,
    pace::faster,
    plan::{AssetPlan, DevicePlan, Hidden, MasterLock},
    rng::Rng,
    roads, scenario,
    seal::{Seal as SealMachine, SealSetup},
    time::FleetClock,
    tracker::{Dialect, Tracker as TrackerMachine, TrackerSetup},
    unit::{self, Act, Machine, Surroundings, Unit},
    wire::Door,
    world::Vehicle,
};
use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// How long vehicles wait at a stop, before any speed-up.
const DWELL: Duration = Duration::from_secs(75);

/// What an installer would know about a device: enough to enrol it and to write a secrets file.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    pub id: String,
    /// `JT701D`, `JT709Ex`, `JT802`, `JT126`, `JT709C`, `PT621`, `PT-600`.
    pub model: &'static str,
    /// `tracker`, `master_lock`, `seal`, `sub_lock`, `valve_lock` or `sensor`.
    pub kind: &'static str,
    /// `jointech` or `bofan`.
    pub maker: &'static str,
    pub asset: String,
    pub plate: Option<String>,
    /// The master that carries it.
    pub bound_to: Option<String>,
    /// Static unlock password. A seal has one too, though no server command is known that takes it.
    pub unlock_password: Option<String>,
    /// `false`: a stranger that is to stay in quarantine.
    pub enrol: bool,
}

/// Everything but the password.
impl fmt::Debug for DeviceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceInfo")
            .field("id", &self.id)
            .field("model", &self.model)
            .field("asset", &self.asset)
            .field("bound_to", &self.bound_to)
            .field("unlock_password", &Hidden(self.unlock_password.clone()))
            .finish_non_exhaustive()
    }
}

/// One device of a running fleet. Cheap to clone; works after the fleet has stopped, but then nothing moves.
#[derive(Debug, Clone)]
pub struct DeviceHandle {
    info: Arc<DeviceInfo>,
    unit: Arc<Unit>,
    part: usize,
}

impl DeviceHandle {
    #[must_use]
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// Makes something go wrong, or right again. `false`: this device has no such part, or it is in no state for it
    /// (a lock that is open cannot be opened); then nothing happened.
    pub fn fault(&self, fault: Fault) -> bool {
        self.act(&Act::Fault(fault))
    }

    /// The device as it really is.
    pub async fn state(&self) -> DeviceState {
        self.look()
    }

    /// Wakes it: a sub-lock has a button, anything else is shaken.
    pub fn press_wake_button(&self) -> bool {
        self.act(&Act::WakeButton)
    }

    /// Takes the rope or shackle out; only of an open lock.
    pub fn pull_rope(&self) -> bool {
        self.act(&Act::PullRope)
    }

    /// Puts it back; an open lock then locks. Also replaces a cut rope.
    pub fn insert_rope(&self) -> bool {
        self.act(&Act::InsertRope)
    }

    /// Opens with an authorised card. Valve locks read none.
    pub fn swipe_card(&self) -> bool {
        self.act(&Act::Card)
    }

    /// Opens with an authorised phone next to it.
    pub fn use_phone(&self) -> bool {
        self.act(&Act::Phone)
    }

    /// Turns the knob of a valve lock.
    pub fn turn_valve(&self, open: bool) -> bool {
        self.act(&Act::Valve(open))
    }

    /// The vehicle's door, where a tracker has its switch on input 2.
    pub fn set_door(&self, open: bool) -> bool {
        self.act(&Act::Door(open))
    }

    /// A tracker takes a picture and offers it.
    pub fn take_photo(&self) -> bool {
        self.act(&Act::Photo)
    }

    pub(super) fn act(&self, act: &Act) -> bool {
        self.unit.act(self.part, act)
    }

    pub(super) fn look(&self) -> DeviceState {
        self.unit.state(self.part)
    }
}

/// A running fleet. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Fleet {
    devices: Vec<DeviceHandle>,
    tracker: TaskTracker,
    cancel: DropGuard,
}

impl Fleet {
    /// Starts every device of `plan`; each connects by itself and keeps trying while nobody answers at `tcp` or
    /// `udp`.
    pub async fn start(plan: FleetPlan, tcp: SocketAddr, udp: SocketAddr) -> Self {
        let builder = Builder::new(&plan, tcp, udp);
        builder.build(&plan)
    }

    pub(super) async fn alone(device: DevicePlan, server: SocketAddr) -> Self {
        let asset =
            AssetPlan { name: "Bench".to_owned(), plate: None, road: 0, parked: None, devices: vec![device] };
        Self::start(FleetPlan::empty(1).with(asset), server, server).await
    }

    /// All devices, sub-devices after their master. The source of rubbish is none.
    #[must_use]
    pub fn devices(&self) -> &[DeviceHandle] {
        &self.devices
    }

    /// The device with this ID (the first, should the plan have given it twice).
    #[must_use]
    pub fn device(&self, id: &str) -> Option<&DeviceHandle> {
        self.devices.iter().find(|device| device.info.id == id)
    }

    /// Ends every task, and returns when the last has ended.
    pub async fn stop(self) {
        drop(self.cancel);
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Puts a fleet together.
struct Builder {
    seed: u64,
    speed_up: f64,
    clock: FleetClock,
    tcp: SocketAddr,
    udp: SocketAddr,
    tracker: TaskTracker,
    cancel: CancellationToken,
    devices: Vec<DeviceHandle>,
}

impl Builder {
    fn new(plan: &FleetPlan, tcp: SocketAddr, udp: SocketAddr) -> Self {
        Self {
            seed: plan.seed,
            speed_up: plan.speed_up,
            clock: FleetClock::start(),
            tcp,
            udp,
            tracker: TaskTracker::new(),
            cancel: CancellationToken::new(),
            devices: Vec::new(),
        }
    }

    fn build(mut self, plan: &FleetPlan) -> Fleet {
        let roads = roads::routes(faster(DWELL, self.speed_up));
        for asset in &plan.assets {
            let mut rng = Rng::named(self.seed, &asset.name);
            let phase = rng.below(1000) as f64 / 1000.0;
            let odometer = 20_000_000 + rng.below(300_000_000) as u64;
            let road = Arc::clone(&roads[asset.road % roads.len()]);
            let vehicle = match asset.parked {
                Some(wait) => Vehicle::parked(road, faster(wait, self.speed_up), odometer),
                None => Vehicle::new(road, phase, odometer),
            };
            for device in &asset.devices {
                self.device(asset, device, &vehicle);
            }
        }
        if plan.noise {
            let every = faster(Duration::from_secs(12), self.speed_up);
            let noise = Noise::new(Rng::named(self.seed, "noise"), every, self.clock.now());
            let reconnect = (every, every * 4);
            self.run("noise", Box::new(noise), false, reconnect);
        }
        if plan.scenario {
            let rng = Rng::named(self.seed, "scenario");
            let story = scenario::run(self.devices.clone(), rng, self.speed_up, self.clock);
            let cancel = self.cancel.clone();
            self.tracker.spawn(async move {
                cancel.run_until_cancelled_owned(story).await;
            });
        }
        Fleet { devices: self.devices, tracker: self.tracker, cancel: self.cancel.drop_guard() }
    }

    fn run(
        &self,
        name: &str,
        machine: Box<dyn Machine>,
        udp: bool,
        reconnect: (Duration, Duration),
    ) -> Arc<Unit> {
        let rng = |what: &str| Rng::named(self.seed, &format!("{name} {what}"));
        let unit = Unit::new(machine, self.clock, rng("wire"), udp);
        let around = Surroundings {
            door: if udp { Door::Udp(self.udp) } else { Door::Tcp(self.tcp) },
            reconnect,
            rng: rng("reconnect"),
            tracker: self.tracker.clone(),
            cancel: self.cancel.clone(),
        };
        unit::spawn(Arc::clone(&unit), around);
        unit
    }

    fn password(&self, id: &str, given: &Hidden) -> String {
        given.0.clone().unwrap_or_else(|| Rng::named(self.seed, &format!("{id} password")).digits(6))
    }

    fn device(&mut self, asset: &AssetPlan, device: &DevicePlan, vehicle: &Vehicle) {
        let (now, vehicle) = (self.clock.now(), vehicle.clone());
        let info = |id: &str, model, kind, maker| DeviceInfo {
            id: id.to_owned(),
            model,
            kind,
            maker,
            asset: asset.name.clone(),
            plate: asset.plate.clone(),
            bound_to: None,
            unlock_password: None,
            enrol: true,
        };
        match device {
            DevicePlan::Master(plan) => {
                let pace = plan.pace.sped_up(self.speed_up);
                let password = self.password(&plan.id, &plan.password);
                let setup = MasterSetup {
                    id: plan.id.clone(),
                    password: password.clone(),
                    dynamic: plan.dynamic,
                    pace: pace.clone(),
                    subs: plan.subs.clone(),
                };
                let machine = Master::new(setup, vehicle, Rng::named(self.seed, &plan.id), now);
                let unit = self.run(&plan.id, Box::new(machine), false, pace.reconnect);
                let base = info(&plan.id, "JT701D", "master_lock", "jointech");
                let base = DeviceInfo { unlock_password: Some(password), enrol: plan.enrol, ..base };
                self.devices.push(DeviceHandle { info: Arc::new(base), unit: Arc::clone(&unit), part: 0 });
                self.bound(plan, &unit, info);
            }
            DevicePlan::Seal(plan) => {
                let pace = plan.pace.sped_up(self.speed_up);
                let password = self.password(&plan.id, &plan.password);
                let setup = SealSetup { id: plan.id.clone(), password: password.clone(), pace: pace.clone() };
                let machine = SealMachine::new(setup, vehicle, Rng::named(self.seed, &plan.id), now);
                let unit = self.run(&plan.id, Box::new(machine), plan.udp, pace.reconnect);
                let base = info(&plan.id, "JT709C", "seal", "jointech");
                let info = Arc::new(DeviceInfo { unlock_password: Some(password), ..base });
                self.devices.push(DeviceHandle { info, unit, part: 0 });
            }
            DevicePlan::Tracker(plan) => {
                let pace = plan.pace.sped_up(self.speed_up);
                let whole = plan.udp && plan.dialect == Dialect::Deltas;
                let dialect = if whole { Dialect::Bare } else { plan.dialect };
                let setup =
                    TrackerSetup { id: plan.id.clone(), dialect, picture: plan.picture, pace: pace.clone() };
                let machine = TrackerMachine::new(setup, vehicle, Rng::named(self.seed, &plan.id), now);
                let unit = self.run(&plan.id, Box::new(machine), plan.udp, pace.reconnect);
                let base = info(&plan.id, plan.model, "tracker", "bofan");
                let info = Arc::new(DeviceInfo { enrol: plan.enrol, ..base });
                self.devices.push(DeviceHandle { info, unit, part: 0 });
            }
        }
    }

    fn bound(
        &mut self,
        plan: &MasterLock,
        unit: &Arc<Unit>,
        info: impl Fn(&str, &'static str, &'static str, &'static str) -> DeviceInfo,
    ) {
        for (index, (id, kind)) in plan.subs.iter().enumerate() {
            let (model, kind) = match kind {
                SubKind::SubLock => ("JT709Ex", "sub_lock"),
                SubKind::ValveLock => ("JT802", "valve_lock"),
                SubKind::Sensor => ("JT126", "sensor"),
            };
            let base = info(id, model, kind, "jointech");
            let info = DeviceInfo { bound_to: Some(plan.id.clone()), enrol: plan.enrol, ..base };
            self.devices.push(DeviceHandle { info: Arc::new(info), unit: Arc::clone(unit), part: index + 1 });
        }
    }
}
