//! Ten thousand devices, a hundred thousand entries. What is counted is what grows; nothing is timed.

use crate::scene::{Scene, at, decode, key};
use crate::wire::*;
use lockyard::domain::command::CommandStep;
use lockyard::domain::command::UnlockMethod::StaticPassword;
use lockyard::domain::journal::{Body, Entry, FrameRecord, RegistryAct};
use lockyard::domain::{DeviceKey, DeviceKind, EventSeq};
use lockyard::fleet::{State, Times};

fn enrolment(n: usize) -> Body {
    Body::Registry(RegistryAct::Enrol {
        device: DeviceKey::jointech(&format!("{n:010}")),
        kind: DeviceKind::MasterLock,
        asset: format!("TRK {n}"),
        bound_to: None,
        plate: None,
        by: "system".into(),
    })
}

struct Fleet {
    state: State,
    seq: i64,
}

impl Fleet {
    fn new(devices: usize) -> Self {
        let mut fleet = Self { state: State::new(Times::default()), seq: 0 };
        for n in 0..devices {
            fleet.apply(0, enrolment(n));
        }
        fleet
    }

    fn apply(&mut self, second: i64, body: Body) {
        self.seq += 1;
        self.state.apply(&Entry { seq: EventSeq(self.seq), at: at(second), body });
    }

    fn hear(&mut self, second: i64, n: usize, pattern: &FrameRecord) {
        let device = DeviceKey::jointech(&format!("{n:010}"));
        self.apply(second, Body::Frame(FrameRecord { device, ..pattern.clone() }));
    }

    /// Bytes of a checkpoint: all that is held.
    fn size(&self) -> usize {
        self.state.checkpoint().unwrap().len()
    }
}

fn pattern(frame: &[u8]) -> FrameRecord {
    decode(frame).remove(0)
}

#[test]
fn ten_thousand_devices_and_a_hundred_thousand_entries_hold_no_more_than_their_state() {
    const DEVICES: usize = 10_000;
    let mut fleet = Fleet::new(DEVICES);
    let mut sizes = Vec::new();
    for round in 0..9 {
        let second = round * 1000;
        let status = if round % 2 == 0 { FINE } else { OPEN | ROPE_CUT | LOW_BATTERY | VIBRATION };
        let frame = pattern(&master(second, status).bytes());
        for n in 0..DEVICES {
            fleet.hear(second, n, &frame);
        }
        if round % 4 == 0 {
            sizes.push(fleet.size());
        }
    }
    assert_eq!(fleet.seq, 100_000);
    let per_device = sizes[2] / DEVICES;
    assert!(per_device < 8_000, "{per_device} bytes a device in JSON");
    // From the fifth round on nothing is new but ages.
    assert!(sizes[2] < sizes[1] + sizes[1] / 3, "{sizes:?}");
    assert_eq!(fleet.state.assets().count(), DEVICES);
}

#[test]
fn what_a_device_may_say_again_and_again_is_not_kept_again_and_again() {
    let mut fleet = Fleet::new(1);
    let mut sizes = Vec::new();
    for n in 0..4000_i64 {
        let second = n * 40;
        let frames = [
            master(second, if n % 2 == 0 { OPEN | VIBRATION | ILLEGAL_CARD } else { FINE }).bytes(),
            by_card(second + 1, (n % 256) as u32),
            p45(second + 2, 2, 0, 0, (n % 256) as u32),
            master(second - 100_000, if n % 2 == 0 { OPEN | ROPE_CUT } else { FINE }).stored().bytes(),
        ];
        for frame in frames {
            let frame = pattern(&frame);
            fleet.hear(second + 3, 0, &frame);
        }
        if n % 1000 == 999 {
            sizes.push(fleet.size());
        }
    }
    let (first, last) = (sizes[0], sizes[3]);
    assert!(last < first + first / 20, "it grows: {sizes:?}");
    assert!(last < 40_000, "{last} bytes for one device");
}

#[test]
fn timers_do_not_pile_up() {
    let timers = |scene: &Scene| {
        let body: serde_json::Value = serde_json::from_slice(&scene.state.checkpoint().unwrap()).unwrap();
        body["timers"].as_array().unwrap().len()
    };
    let mut scene = Scene::new();
    for n in 0..500 {
        scene.hear(n, p45(n, 2, 0, 0, (n % 256) as u32));
        scene.hear(n, tracker("TOW", n, "00010"));
    }
    assert_eq!(timers(&scene), 2, "one for each row that is held");
    let id = scene.propose(600, MASTER, StaticPassword);
    for n in 0..200 {
        scene.step(601 + n, CommandStep::Sent { id, serial: None });
        scene.step(601 + n, CommandStep::FailedUnsent { id });
    }
    scene.step(900, CommandStep::Cancelled { id, by: "op".into() });
    scene.advance(100_000);
    assert_eq!(timers(&scene), 0);
}

/// A journal that was closed a thousand times must not make the next alarm dearer: rows are found by key.
#[test]
fn old_open_alarms_do_not_stand_in_the_way_of_new_ones() {
    let mut fleet = Fleet::new(3000);
    let cut = pattern(&master(0, FINE | ROPE_CUT).bytes());
    for n in 0..3000 {
        fleet.hear(0, n, &cut);
    }
    // Another device comes and goes; the open ones stay, the closed ones are bounded.
    let key = DeviceKey::jointech("0000000000");
    for n in 1..2500_i64 {
        let swipe = pattern(&p45(n * 4000, 2, 0, 0, (n % 256) as u32));
        fleet.hear(n * 4000, 0, &swipe);
        let id = fleet.state.alarms.open_of(&key).last().unwrap().id;
        let act = lockyard::domain::journal::AlarmAct::Ack { id, by: "op".into(), note: String::new() };
        fleet.apply(n * 4000 + 1, Body::Alarm(act));
    }
    fleet.state.advance(at(20_000_000));
    assert_eq!(fleet.state.alarms.open().count(), 3000);
    assert_eq!(fleet.state.alarms.all().count(), 4000);
}

#[test]
fn queued_commands_are_found_without_looking_at_the_others() {
    let mut scene = Scene::new();
    for n in 0..900 {
        let id = scene.propose(n, MASTER, StaticPassword);
        scene.step(n, CommandStep::Cancelled { id, by: "op".into() });
    }
    let id = scene.propose(1000, MASTER, StaticPassword);
    let queued: Vec<_> = scene.state.commands.queued_via(&key(MASTER)).map(|command| command.id).collect();
    assert_eq!(queued, [id]);
    let body = scene.state.checkpoint().unwrap();
    let read = State::from_checkpoint(&body, Times::default()).unwrap();
    assert_eq!(read.commands.queued_via(&key(MASTER)).count(), 1, "also after a checkpoint");
    assert!(read.commands.blocker(&key(MASTER), None, at(1001), Times::default()).is_some());
}
