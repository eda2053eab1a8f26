//! One device with a modem, running: a machine that knows no sockets, and the loop that gives it time and a wire.

use super::{
    Fault,
    parts::DeviceState,
    rng::Rng,
    time::{Backoff, FleetClock, Now},
    wire::{Door, Step, Wire, WireFaults},
};
use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Something done to a device from outside.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Act {
    Fault(Fault),
    WakeButton,
    PullRope,
    InsertRope,
    /// Somebody closes an open lock with the rope beside it: the motor locks, the rope is out.
    CloseBadly,
    /// A valve lock that is locked and shut tells so, as it does when its driver has just closed it.
    TellSealed,
    /// An authorised card at the reader.
    Card,
    /// An authorised phone near it.
    Phone,
    Valve(bool),
    Door(bool),
    Photo,
}

/// The inside of a device: time and bytes in, frames out; no sockets, no waiting. `part` 0 is the device itself,
/// 1 and up are what is bound to it.
pub(super) trait Machine: Send {
    /// Does everything that is due.
    fn tick(&mut self, now: Now);
    /// When `tick` wants to be called next.
    fn due(&self) -> Option<Duration>;
    /// `false` while it sleeps.
    fn wants_link(&self) -> bool;
    fn link_up(&mut self, now: Now);
    fn link_down(&mut self);
    fn receive(&mut self, now: Now, bytes: &[u8]);
    fn take_frames(&mut self) -> Vec<Vec<u8>>;
    /// `false` if it has no such part or is in no state for it.
    fn act(&mut self, now: Now, part: usize, act: &Act) -> bool;
    fn state(&self, now: Now, part: usize) -> DeviceState;
    /// A second unit with the same ID, elsewhere, with nothing bound and deaf to commands.
    fn twin(&self, now: Now) -> Box<dyn Machine>;
}

/// What the handles of a device and its task share.
pub(super) struct Unit {
    inner: Mutex<Inner>,
    poke: Notify,
    clock: FleetClock,
    datagrams: bool,
}

struct Inner {
    machine: Box<dyn Machine>,
    wire: WireFaults,
    twin: Twin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Twin {
    None,
    Wanted,
    Running,
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unit").finish_non_exhaustive()
    }
}

/// What running a unit needs besides the unit.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    pub(super) door: Door,
    pub(super) reconnect: (Duration, Duration),
    pub(super) rng: Rng,
    pub(super) tracker: TaskTracker,
    pub(super) cancel: CancellationToken,
}

impl Unit {
    pub(super) fn new(machine: Box<dyn Machine>, clock: FleetClock, rng: Rng, datagrams: bool) -> Arc<Self> {
        let inner = Mutex::new(Inner { machine, wire: WireFaults::new(rng), twin: Twin::None });
        Arc::new(Self { inner, poke: Notify::new(), clock, datagrams })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner, Now) -> T) -> T {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut inner, self.clock.now())
    }

    pub(super) fn act(&self, part: usize, act: &Act) -> bool {
        let done = self.with(|inner, now| {
            let Act::Fault(fault) = act else { return inner.machine.act(now, part, act) };
            if part == 0 {
                match fault {
                    Fault::Twin => {
                        let new = inner.twin == Twin::None;
                        if new {
                            inner.twin = Twin::Wanted;
                        }
                        return new;
                    }
                    Fault::Heal => inner.wire.heal(),
                    fault if inner.wire.take(fault, now.at, self.datagrams) => return true,
                    _ => {}
                }
            }
            inner.machine.act(now, part, act)
        });
        self.poke.notify_one();
        done
    }

    pub(super) fn state(&self, part: usize) -> DeviceState {
        self.with(|inner, now| inner.machine.state(now, part))
    }

    /// Does what is due; says what to write, when to look again and whether to stay connected.
    fn turn(&self, connected: bool) -> Turn {
        self.with(|inner, now| {
            inner.machine.tick(now);
            let frames = inner.machine.take_frames();
            let silent = inner.wire.silent_until(now.at);
            let steps = if connected { inner.wire.steps(frames, now.at, self.datagrams) } else { Vec::new() };
            let due = [inner.machine.due(), silent].into_iter().flatten().min();
            Turn { steps, due, silent: silent.is_some(), wants_link: inner.machine.wants_link() }
        })
    }

    fn take_twin(&self) -> Option<Box<dyn Machine>> {
        self.with(|inner, now| {
            (inner.twin == Twin::Wanted).then(|| {
                inner.twin = Twin::Running;
                inner.machine.twin(now)
            })
        })
    }

    /// Waits until something is due, somebody acts, or `limit` has passed.
    async fn pause(&self, due: Option<Duration>, limit: Duration) {
        let now = self.clock.now().at;
        let until = due.map_or(now + limit, |due| due.min(now + limit));
        tokio::select! {
            () = tokio::time::sleep_until(self.clock.instant(until)) => {}
            () = self.poke.notified() => {}
        }
    }
}

struct Turn {
    steps: Vec<Step>,
    due: Option<Duration>,
    silent: bool,
    wants_link: bool,
}

/// Why a connection ended.
enum End {
    Asleep,
    Lost,
}

/// Starts the unit's task; it ends when the surroundings are cancelled.
pub(super) fn spawn(unit: Arc<Unit>, around: Surroundings) {
    let tracker = around.tracker.clone();
    let cancel = around.cancel.clone();
    tracker.spawn(async move {
        // Everything inside may be dropped at any await: the unit holds all its state.
        cancel.run_until_cancelled_owned(boxed_run(unit, around)).await;
    });
}

/// Boxed because a running unit may start its twin.
fn boxed_run(unit: Arc<Unit>, around: Surroundings) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(run(unit, around))
}

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_secs(60);

async fn run(unit: Arc<Unit>, around: Surroundings) {
    let (low, high) = around.reconnect;
    let mut backoff = Backoff::new(around.rng.clone(), low, high);
    // Not all at the same instant.
    wait_off_line(&unit, &around, backoff.next() / 2).await;
    loop {
        while !unit.turn(false).wants_link {
            wait_off_line(&unit, &around, LOOK_AGAIN).await;
        }
        let opened = tokio::time::timeout(CONNECT_LIMIT, Wire::open(&around.door)).await;
        if let Ok(Ok(mut wire)) = opened {
            let since = unit.clock.now().at;
            unit.with(|inner, now| inner.machine.link_up(now));
            let end = talk(&unit, &around, &mut wire).await;
            unit.with(|inner, _| inner.machine.link_down());
            let lasted = unit.clock.now().at.saturating_sub(since) > high;
            if lasted || matches!(end, End::Asleep) {
                backoff.reset();
            }
            if matches!(end, End::Asleep) {
                continue;
            }
        }
        wait_off_line(&unit, &around, backoff.next()).await;
    }
}

/// Lives on without a connection for `span`, or until the device falls asleep or wakes.
async fn wait_off_line(unit: &Arc<Unit>, around: &Surroundings, span: Duration) {
    let end = unit.clock.now().at + span;
    let wanted = unit.turn(false).wants_link;
    loop {
        start_twin(unit, around);
        let turn = unit.turn(false);
        let now = unit.clock.now().at;
        if now >= end || turn.wants_link != wanted {
            return;
        }
        unit.pause(turn.due, end - now).await;
    }
}

async fn talk(unit: &Arc<Unit>, around: &Surroundings, wire: &mut Wire) -> End {
    let mut buffer = vec![0; 4096];
    loop {
        start_twin(unit, around);
        let turn = unit.turn(true);
        for step in turn.steps {
            if wire.write(step).await.is_err() {
                return End::Lost;
            }
        }
        if !turn.wants_link {
            return End::Asleep;
        }
        tokio::select! {
            () = unit.pause(turn.due, LOOK_AGAIN) => {}
            read = wire.read(&mut buffer), if !turn.silent => match read {
                Ok(count) if count > 0 => {
                    unit.with(|inner, now| inner.machine.receive(now, &buffer[..count]));
                }
                _ => return End::Lost,
            },
        }
    }
}

fn start_twin(unit: &Arc<Unit>, around: &Surroundings) {
    if let Some(machine) = unit.take_twin() {
        let twin = Unit::new(machine, unit.clock, around.rng.clone(), unit.datagrams);
        spawn(twin, around.clone());
    }
}
