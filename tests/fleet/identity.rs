//! Two devices with one number: what shows it, what must never be taken for it, and what an operator's word does.

use crate::scene::{Scene, at, decode, key, plan};
use crate::wire::*;
use lockyard::domain::alarm::AlarmKind::DuplicateIdentity;
use lockyard::domain::command::UnlockMethod::StaticPassword;
use lockyard::domain::identity::{
    Arrival, ConflictKind, IdentityAct, IdentityDecision, IdentityNews, Source, Standing,
};
use lockyard::domain::journal::{Body, Transport};
use lockyard::domain::{Exchange, LockState, PartState, Priority, SealState};
use lockyard::fleet::identity::{Conflict, IdentityOutcome};
use lockyard::fleet::{Outcome, State, Times};
use proptest::prelude::*;

/// A connection or a sender of datagrams: `tcp A 1` is port 1 of the first address.
fn source(transport: Transport, host: u8, port: u16) -> Source {
    Source { transport, peer: format!("10.0.0.{host}:{port}").parse().unwrap() }
}

fn tcp(host: u8, port: u16) -> Source {
    source(Transport::Tcp, host, port)
}

fn udp(host: u8, port: u16) -> Source {
    source(Transport::Udp, host, port)
}

impl Scene {
    pub(crate) fn hear_by(&mut self, second: i64, by: Source, arrival: Arrival, bytes: impl AsRef<[u8]>) {
        for mut record in decode(bytes.as_ref()) {
            (record.transport, record.peer, record.arrival) = (by.transport, by.peer, arrival);
            self.apply(second, Body::Frame(record));
        }
    }

    pub(crate) fn hear_from(&mut self, second: i64, by: Source, bytes: impl AsRef<[u8]>) {
        self.hear_by(second, by, Arrival::default(), bytes);
    }

    fn conflict(&self, id: &str) -> Option<&Conflict> {
        self.device(id).identity.conflict()
    }

    pub(crate) fn decide(&mut self, second: i64, id: &str, decision: IdentityDecision) -> IdentityOutcome {
        let (device, by, note) = (key(id), "chief".to_owned(), "called the driver".to_owned());
        match self.apply(second, Body::Identity(IdentityAct::Decide { device, decision, by, note })) {
            Some(Outcome::Identity(outcome)) => outcome,
            other => panic!("{other:?}"),
        }
    }
}

fn fine(told: i64) -> Vec<u8> {
    master(told, FINE).bytes()
}

/// Two devices on the same number: the first on connection 1, the second on connection 2 since second 30.
fn two() -> (Scene, Source, Source) {
    let mut scene = Scene::with_children();
    let (a, b) = (tcp(1, 40_001), tcp(2, 40_002));
    scene.hear_from(0, a, fine(0));
    scene.hear_from(30, b, fine(30));
    scene.hear_from(60, a, fine(60));
    (scene, a, b)
}

#[test]
fn an_older_connection_that_goes_on_speaking_is_a_conflict() {
    let mut scene = Scene::with_children();
    let (a, b) = (tcp(1, 40_001), tcp(2, 40_002));
    scene.hear_from(0, a, fine(0));
    scene.hear_from(30, b, fine(30));
    assert_eq!(scene.conflict(MASTER), None, "a reconnect is no conflict");
    assert_eq!(scene.seal("TRK-2041"), SealState::Unknown, "its children were never heard");
    scene.hear_from(60, a, fine(60));
    let conflict = scene.conflict(MASTER).unwrap().clone();
    assert_eq!((conflict.kind, conflict.first, conflict.second), (ConflictKind::TwoSources, a, b));
    assert_eq!((conflict.since, conflict.decided), (at(60), None));
    let alarm = scene.alarm(MASTER, DuplicateIdentity).unwrap();
    assert_eq!((alarm.priority, alarm.count), (Priority::P2, 1));
    let told = ["tcp 10.0.0.1:40001", "tcp 10.0.0.2:40002", "newest|older|same"];
    assert!(told.iter().all(|part| alarm.reason.contains(part)), "{}", alarm.reason);
    assert_eq!(scene.seal("TRK-2041"), SealState::Conflict);
    let row = scene.state.device_row_of(&key(MASTER), &plan(), at(60)).unwrap();
    assert_eq!(row.conflict.map(|row| (row.first, row.second)), Some((a, b)));
    assert_eq!(row.identity.iter().map(|event| event.what).collect::<Vec<_>>(), [IdentityNews::TwoSources]);
    // It goes on: one alarm, counted evidence, nothing forgotten by time.
    for second in [90, 150, 210] {
        scene.hear_from(second, b, fine(second));
        scene.hear_from(second + 30, a, fine(second + 30));
    }
    let conflict = scene.conflict(MASTER).unwrap();
    assert_eq!((conflict.since, conflict.last, conflict.count), (at(60), at(240), 4));
    scene.advance(10 * 86_400);
    assert!(scene.device(MASTER).identity.undecided().is_some());
    assert_eq!(scene.letter(MASTER, DuplicateIdentity), "B1");
}

#[test]
fn what_was_under_way_when_the_newer_connection_began_is_no_conflict() {
    let mut scene = Scene::new();
    let (a, b) = (tcp(1, 40_001), tcp(1, 40_002));
    scene.hear_from(0, a, fine(0));
    scene.hear_from(30, b, fine(30));
    // Glued frames in the old socket, read after the new one's first; then our disk was slow for a minute.
    scene.hear_from(30, a, [fine(28), fine(29)].concat());
    scene.hear_from(34, a, fine(31));
    scene.hear_by(95, a, Arrival { held: true, ..Arrival::default() }, fine(33));
    assert_eq!(scene.conflict(MASTER), None);
    scene.hear_from(100, b, fine(100));
    scene.hear_from(101, a, fine(101));
    assert!(scene.conflict(MASTER).is_some());
}

#[test]
fn an_address_that_comes_back_as_a_new_connection_is_no_older_one() {
    let mut scene = Scene::new();
    let opens = Arrival { opens: true, ..Arrival::default() };
    // A modem that counts its ports anew after each of its restarts.
    for (n, second) in (0_i64..40).map(|n| (n, n * 60)) {
        scene.hear_by(second, tcp(1, 1025 + u16::try_from(n % 3).unwrap()), opens, fine(second));
        scene.hear_from(second + 20, tcp(1, 1025 + u16::try_from(n % 3).unwrap()), fine(second + 20));
    }
    assert_eq!(scene.conflict(MASTER), None);
    assert!(scene.device(MASTER).identity.older().count() <= 2);
}

#[test]
fn datagrams_conflict_by_address_not_by_port() {
    let mut scene = Scene::new();
    for n in 0..20_u16 {
        scene.hear_from(i64::from(n) * 30, udp(1, 5000 + n % 2), fine(i64::from(n) * 30));
    }
    assert_eq!(scene.conflict(MASTER), None, "address translation changes ports");
    scene.hear_from(700, udp(2, 5000), fine(700));
    scene.hear_from(730, udp(1, 5000), fine(730));
    let conflict = scene.conflict(MASTER).unwrap();
    assert_eq!((conflict.first, conflict.second), (udp(1, 5000), udp(2, 5000)));
}

#[test]
fn a_source_long_silent_is_forgotten() {
    let mut scene = Scene::new();
    // A vehicle that roams between two networks keeps its own port.
    for (n, second) in (0_i64..10).map(|n| (n, n * 900)) {
        scene.hear_from(second, udp(u8::try_from(n % 2).unwrap() + 1, 8888), fine(second));
    }
    assert_eq!(scene.conflict(MASTER), None);
}

#[test]
fn the_blocked_lock_is_raised_higher_while_a_command_is_open() {
    let mut scene = Scene::with_children();
    scene.hear_from(0, tcp(1, 1), fine(0));
    scene.propose(10, MASTER, StaticPassword);
    scene.hear_from(30, tcp(2, 2), fine(30));
    scene.hear_from(60, tcp(1, 1), fine(60));
    assert_eq!(scene.alarm(MASTER, DuplicateIdentity).unwrap().priority, Priority::P1);
}

#[test]
fn the_accepted_source_is_believed_anew_and_the_other_one_never() {
    let (mut scene, a, b) = two();
    scene.hear_from(61, b, sub(61, sub_event::TIMED, 0).bytes());
    assert_eq!((scene.lock(MASTER), scene.lock(SUB)), (LockState::Locked, LockState::Locked));
    assert_eq!(scene.decide(70, MASTER, IdentityDecision::Older), IdentityOutcome::Done);
    // What the other one may have told is forgotten, also of what hangs on the master.
    assert_eq!((scene.lock(MASTER), scene.lock(SUB)), (LockState::Unknown, LockState::Unknown));
    assert_eq!(scene.seal("TRK-2041"), SealState::Unknown);
    let frames = scene.device(MASTER).frames;
    scene.hear_from(80, b, fine(80));
    scene.hear_from(81, b, sub(81, sub_event::TIMED, 0).bytes());
    assert_eq!((scene.lock(MASTER), scene.lock(SUB)), (LockState::Unknown, LockState::Unknown));
    assert_eq!(scene.device(MASTER).frames, frames);
    assert_eq!(scene.conflict(MASTER).unwrap().ignored, 2);
    scene.hear_from(85, a, master(85, OPEN).bytes());
    assert_eq!(scene.device(MASTER).motor.map(|held| held.value), Some(PartState::Open));
    assert_eq!(scene.seal("TRK-2041"), SealState::Open);
    let reason = &scene.alarm(MASTER, DuplicateIdentity).unwrap().reason;
    assert!(reason.contains("chief decided that tcp 10.0.0."), "{reason}");
    assert!(!reason.contains("blocked"), "commands are not blocked any more: {reason}");
    let pin = scene.device(MASTER).identity.pin().unwrap();
    assert_eq!((pin.standing(&a), pin.standing(&b)), (Standing::Accepted, Standing::Rejected));
    assert_eq!(scene.decide(90, MASTER, IdentityDecision::Same), IdentityOutcome::NoConflict);
    assert_eq!(scene.decide(90, SUB, IdentityDecision::Same), IdentityOutcome::NoConflict);
}

#[test]
fn the_newest_may_be_accepted_and_its_reconnects_with_it() {
    let (mut scene, a, _) = two();
    assert_eq!(scene.decide(70, MASTER, IdentityDecision::Newest), IdentityOutcome::Done);
    scene.hear_from(80, a, fine(80));
    scene.hear_from(90, tcp(2, 50_000), fine(90));
    scene.hear_from(100, tcp(1, 50_000), master(100, OPEN).bytes());
    assert_eq!(scene.lock(MASTER), LockState::Locked, "the other one comes by a new connection in vain");
    assert!(scene.device(MASTER).identity.undecided().is_none());
    // A third one is neither.
    scene.hear_from(110, tcp(3, 1), fine(110));
    let conflict = scene.device(MASTER).identity.undecided().unwrap();
    assert_eq!((conflict.first, conflict.second), (tcp(2, 40_002), tcp(3, 1)));
    assert_eq!(scene.letter(MASTER, DuplicateIdentity), "B2");
}

#[test]
fn a_third_source_does_not_bring_the_rejected_one_back() {
    let (mut scene, a, b) = two();
    scene.decide(70, MASTER, IdentityDecision::Older);
    scene.hear_from(80, a, fine(80));
    scene.hear_from(90, tcp(3, 1), fine(90));
    assert!(scene.device(MASTER).identity.undecided().is_some());
    let frames = scene.device(MASTER).frames;
    scene.hear_from(100, b, master(100, OPEN).bytes());
    scene.hear_from(110, tcp(2, 50_000), master(110, OPEN).bytes());
    assert_eq!(scene.device(MASTER).motor.map(|held| held.value), Some(PartState::Closed));
    assert_eq!(scene.device(MASTER).frames, frames);
    let conflict = scene.device(MASTER).identity.undecided().unwrap();
    assert_eq!((conflict.first, conflict.second, conflict.ignored), (a, tcp(3, 1), 2));
    // It is one device with the third after all: then nobody is rejected any more.
    scene.decide(120, MASTER, IdentityDecision::Same);
    scene.hear_from(130, b, master(130, OPEN).bytes());
    assert_eq!(scene.device(MASTER).motor.map(|held| held.value), Some(PartState::Open));
}

#[test]
fn no_answer_closes_anything_while_two_speak() {
    let (mut scene, a, _) = two();
    scene.decide(61, MASTER, IdentityDecision::Same);
    let order = scene.order(62, MASTER, &crate::orders::list(7));
    scene.tell(62, order, &crate::orders::list(7));
    let opening = scene.send(62, MASTER, StaticPassword);
    scene.hear_from(63, tcp(3, 1), fine(63));
    scene.hear_from(69, a, fine(69));
    assert!(scene.device(MASTER).identity.undecided().is_some());
    scene.hear_from(70, tcp(3, 1), text("P43,1,0"));
    scene.hear_from(71, tcp(3, 1), format!("({MASTER},1,007,WLNET,1,0,1,E03B60000A)"));
    let exchange = |scene: &Scene| {
        (scene.state.orders.get(order).unwrap().exchange, scene.state.commands.get(opening).unwrap().exchange)
    };
    assert_eq!(exchange(&scene), (Exchange::Sent, Exchange::Sent));
    scene.decide(72, MASTER, IdentityDecision::Older);
    scene.hear_from(73, tcp(3, 1), text("P43,1,0"));
    assert_eq!(exchange(&scene), (Exchange::Sent, Exchange::Sent));
    scene.hear_from(74, a, format!("({MASTER},1,007,WLNET,1,0,1,E03B60000A)"));
    assert_eq!(exchange(&scene).0, Exchange::AnsweredOk);
}

#[test]
fn behind_one_address_a_new_connection_is_a_stranger() {
    let mut scene = Scene::new();
    let (a, b) = (tcp(1, 1), tcp(1, 2));
    for (second, by) in [(0, a), (30, b), (60, a)] {
        scene.hear_from(second, by, fine(second));
    }
    scene.decide(70, MASTER, IdentityDecision::Older);
    scene.hear_from(80, a, fine(80));
    assert!(scene.device(MASTER).identity.undecided().is_none());
    scene.hear_from(90, tcp(1, 3), fine(90));
    assert!(scene.device(MASTER).identity.undecided().is_some());
}

#[test]
fn one_source_for_a_day_after_the_decision_ends_it() {
    const DAY: i64 = 86_400;
    let (mut scene, a, b) = two();
    let id = scene.alarm_id(MASTER, DuplicateIdentity);
    scene.ack(65, id, "anna");
    scene.decide(70, MASTER, IdentityDecision::Older);
    scene.hear_from(80, a, fine(80));
    scene.hear_from(DAY - 100, b, fine(DAY - 100)); // it still tries
    scene.advance(DAY + 100);
    assert_eq!(scene.letter(MASTER, DuplicateIdentity), "C1");
    scene.advance(2 * DAY - 101);
    assert_eq!(scene.letter(MASTER, DuplicateIdentity), "C1");
    scene.advance(2 * DAY - 100);
    assert_eq!(scene.letter(MASTER, DuplicateIdentity), "F1", "over; somebody still has to say that it is");
    assert_eq!(scene.conflict(MASTER), None);
    assert_eq!(scene.device(MASTER).identity.pin(), None);
    scene.hear_from(2 * DAY, b, fine(2 * DAY));
    assert_eq!(scene.conflict(MASTER), None, "whoever comes now is new");
}

#[test]
fn one_device_after_all_is_not_asked_about_again() {
    let (mut scene, a, b) = two();
    assert_eq!(scene.decide(70, MASTER, IdentityDecision::Same), IdentityOutcome::Done);
    assert_eq!(scene.lock(MASTER), LockState::Locked, "what it told stays");
    assert_eq!(scene.letter(MASTER, DuplicateIdentity), "E1");
    for second in (80..400).step_by(20) {
        scene.hear_from(second, if second % 40 == 0 { a } else { b }, fine(second));
    }
    assert_eq!(scene.conflict(MASTER), None);
    scene.hear_from(400, tcp(3, 3), fine(400));
    scene.hear_from(420, a, fine(420));
    assert!(scene.conflict(MASTER).is_some(), "but about a third one it is");
}

#[test]
fn a_restart_of_ours_keeps_the_conflict_and_forgets_the_connections() {
    let (mut scene, ..) = two();
    scene.restart(100);
    assert!(scene.device(MASTER).identity.undecided().is_some());
    assert_eq!(scene.device(MASTER).identity.newest(), None);
    let mut calm = Scene::new();
    calm.hear_from(0, tcp(1, 1), fine(0));
    calm.hear_from(30, tcp(1, 2), fine(30));
    calm.restart(40);
    calm.hear_from(60, tcp(1, 1), fine(60));
    assert_eq!(calm.conflict(MASTER), None);
}

fn far(told: i64, lat: u8) -> Vec<u8> {
    Master { lat, ..master(told, FINE) }.bytes()
}

#[test]
fn two_places_at_once_are_a_conflict_and_one_wild_fix_is_none() {
    let mut scene = Scene::new();
    let (a, b) = (tcp(1, 1), tcp(2, 2));
    for second in [-90, -60, -30, 0] {
        scene.hear_from(second, a, far(second, 22));
    }
    scene.hear_from(30, a, far(30, 50)); // a cold receiver
    scene.hear_from(50, a, far(50, 22));
    scene.hear_from(60, a, far(60, 22));
    scene.hear_from(90, b, far(90, 50));
    scene.hear_from(120, b, far(120, 50));
    assert_eq!(scene.conflict(MASTER), None);
    scene.hear_from(150, b, far(150, 50));
    let conflict = scene.conflict(MASTER).unwrap();
    assert_eq!((conflict.kind, conflict.first, conflict.second), (ConflictKind::ImpossibleJump, a, b));
}

#[test]
fn a_place_of_long_ago_or_out_of_memory_is_no_jump() {
    let mut scene = Scene::new();
    for n in 0..5 {
        scene.hear_from(n, tcp(1, 1), far(n, 22));
    }
    for n in 0..5 {
        scene.hear_from(60 + n, tcp(1, 1), Master { lat: 50, ..master(50 + n, FINE) }.stored().bytes());
    }
    // 8 degrees are 890 km: three hours.
    for n in 0..5 {
        scene.hear_from(11_000 + 30 * n, tcp(1, 2), far(11_000 + 30 * n, 30));
    }
    // A clock that was set: by ours it took as long as it had to.
    for n in 0..5 {
        scene.hear_from(30_000 + 30 * n, tcp(1, 3), far(11_200 + 30 * n, 22));
    }
    assert_eq!(scene.conflict(MASTER), None);
}

fn numbered(told: i64, serial: u8) -> Vec<u8> {
    Master { serial, ..master(told, FINE) }.bytes()
}

#[test]
fn two_counters_that_take_turns_are_two_devices() {
    let mut scene = Scene::new();
    // Behind one translated address, so that only the numbers tell.
    let by = udp(1, 1);
    let mut second = 0;
    for n in 0..4_u8 {
        for serial in [10 + 2 * n, 11 + 2 * n, 100 + 2 * n, 101 + 2 * n] {
            assert_eq!(scene.conflict(MASTER), None, "{second} {serial}");
            scene.hear_from(second, by, numbered(second, serial));
            second += 10;
            if scene.conflict(MASTER).is_some() {
                let conflict = scene.conflict(MASTER).unwrap();
                assert_eq!((conflict.kind, second), (ConflictKind::TwoCounters, 90));
                assert_eq!(
                    scene.decide(second, MASTER, IdentityDecision::Newest),
                    IdentityOutcome::OneSource
                );
                assert_eq!(scene.decide(second, MASTER, IdentityDecision::Same), IdentityOutcome::Done);
                return;
            }
        }
    }
    panic!("never noticed");
}

#[test]
fn a_family_change_is_an_event_and_no_conflict() {
    let mut scene = Scene::new();
    scene.hear_from(0, tcp(1, 1), fine(0));
    for mut record in decode(fine(60).as_slice()) {
        record.peer = tcp(1, 2).peer;
        record.messages[0].protocol = lockyard::domain::Protocol::JointechLegacy;
        scene.apply(60, Body::Frame(record));
    }
    assert_eq!(scene.conflict(MASTER), None);
    let events: Vec<_> = scene.device(MASTER).identity.events().cloned().collect();
    assert_eq!(events.len(), 1);
    assert_eq!(
        (events[0].what, events[0].first, events[0].second),
        (IdentityNews::ProtocolChange, tcp(1, 1), tcp(1, 2))
    );
}

/// What an honest device with one modem does, second by second.
#[derive(Debug, Clone, Copy)]
enum Honest {
    /// Reports so many records, this far apart.
    Reports(u8, u16),
    /// Reconnects by a new connection (or from a new port); the old one may be dead or still hold frames.
    Reconnects {
        late: u8,
        roams: bool,
    },
    /// Has been out of coverage: its live frames come newest first, its records oldest first.
    Blind(u8),
    Restarts {
        first: u8,
    },
    /// Its next records are lost on the way.
    Loses(u8),
    WildFix,
}

fn honest() -> impl Strategy<Value = Honest> {
    prop_oneof![
        4 => (1_u8..20, 1_u16..400).prop_map(|(n, gap)| Honest::Reports(n, gap)),
        3 => (0_u8..4, any::<bool>()).prop_map(|(late, roams)| Honest::Reconnects { late, roams }),
        1 => (1_u8..120).prop_map(Honest::Blind),
        1 => (0_u8..=3).prop_map(|first| Honest::Restarts { first }),
        1 => (1_u8..250).prop_map(Honest::Loses),
        1 => Just(Honest::WildFix),
    ]
}

struct Truck {
    scene: Scene,
    now: i64,
    serial: u8,
    by: Source,
    port: u16,
    opens: bool,
    /// Degrees north, which it crosses no faster than it may.
    lat: f64,
    clock: i64,
}

impl Truck {
    fn bytes(&self, told: i64, serial: u8, kind: u8) -> Vec<u8> {
        Master { serial, kind, ..master(told + self.clock, FINE) }.bytes()
    }

    /// Frames in the tests' encoding have whole degrees; a truck moves less.
    fn say_by(&mut self, by: Source, arrival: Arrival, bytes: &[u8]) {
        for mut record in decode(bytes) {
            (record.transport, record.peer, record.arrival) = (by.transport, by.peer, arrival);
            for place in record.messages.iter_mut().filter_map(|message| message.position.as_mut()) {
                let error = f64::from(self.serial % 3) * 0.01;
                place.lat = if place.lat < 10.0 { place.lat } else { self.lat + error };
            }
            self.scene.apply(self.now, Body::Frame(record));
        }
    }

    fn say(&mut self, by: Source, bytes: &[u8]) {
        let arrival = Arrival { opens: std::mem::take(&mut self.opens), ..Arrival::default() };
        self.say_by(by, arrival, bytes);
    }

    fn live(&mut self, deed: Honest) {
        match deed {
            Honest::Reports(n, gap) => {
                for _ in 0..n {
                    self.now += i64::from(gap);
                    // 100 km/h.
                    self.lat = (self.lat + f64::from(gap) * 100.0 / 111.0 / 3600.0).min(59.0);
                    self.serial = self.serial.wrapping_add(1);
                    let bytes = self.bytes(self.now, self.serial, 1);
                    self.say(self.by, &bytes);
                }
            }
            Honest::Reconnects { late, roams } => {
                let (old, mut never_heard) = (self.by, self.opens);
                self.now += if roams { 700 } else { 3 }; // a network is not left and joined again within minutes
                let host = if old.peer.ip() == tcp(1, 1).peer.ip() { 1 } else { 2 };
                let host = if roams { 3 - host } else { host };
                self.port = 1025 + (self.port + 1) % 4;
                self.by = match old.transport {
                    Transport::Tcp => tcp(host, self.port),
                    Transport::Udp => udp(host, self.port),
                };
                self.opens = old.transport == Transport::Tcp;
                let stuck: Vec<Vec<u8>> = (0..late)
                    .map(|_| {
                        self.serial = self.serial.wrapping_add(1);
                        self.bytes(self.now - 2, self.serial, 1)
                    })
                    .collect();
                self.serial = self.serial.wrapping_add(1);
                let bytes = self.bytes(self.now, self.serial, 1);
                self.say(self.by, &bytes);
                for bytes in stuck {
                    let overtaken = std::mem::take(&mut never_heard);
                    self.say_by(old, Arrival { overtaken, ..Arrival::default() }, &bytes);
                }
            }
            Honest::Blind(n) => {
                let from = (self.now, self.serial);
                self.now += i64::from(n) * 30;
                self.serial = self.serial.wrapping_add(n);
                self.live(Honest::Reconnects { late: 0, roams: false });
                for back in 0..n.min(40) {
                    let (told, serial) = (self.now - 30 * i64::from(back), self.serial.wrapping_sub(back));
                    let newest_first = self.bytes(told, serial, 4);
                    self.say(self.by, &newest_first);
                    let step = back + 1;
                    let (told, serial) = (from.0 + 30 * i64::from(step), from.1.wrapping_add(step));
                    let oldest_first = self.bytes(told, serial, if back % 2 == 0 { 2 } else { 3 });
                    self.say(self.by, &oldest_first);
                }
            }
            Honest::Restarts { first } => {
                self.now += 40;
                self.serial = first.wrapping_sub(1);
                self.live(Honest::Reconnects { late: 0, roams: false });
            }
            Honest::Loses(n) => {
                self.now += i64::from(n) * 30;
                self.serial = self.serial.wrapping_add(n);
            }
            Honest::WildFix => {
                self.now += 30;
                self.serial = self.serial.wrapping_add(1);
                let wild = Master { serial: self.serial, lat: 3, ..master(self.now + self.clock, FINE) };
                self.say(self.by, &wild.bytes());
                self.live(Honest::Reports(1, 30)); // three in a row would be a place
            }
        }
    }
}

#[test]
fn a_wild_fix_after_hours_of_silence_is_no_place() {
    let by = tcp(1, 1025);
    let scene = Scene::new();
    let mut truck = Truck { scene, now: 0, serial: 40, by, port: 0, opens: true, lat: 12.0, clock: 0 };
    let silent = [Honest::Loses(133), Honest::Loses(235)];
    let deeds = [Honest::Reports(2, 1), silent[0], silent[1], Honest::WildFix, Honest::Reports(5, 1)];
    for deed in deeds {
        truck.live(deed);
        assert_eq!(truck.scene.conflict(MASTER), None, "after {deed:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_honest_device_is_never_suspected(
        deeds in prop::collection::vec(honest(), 1..60),
        datagrams in any::<bool>(),
        clock in -7200_i64..7200,
        serial in any::<u8>(),
    ) {
        let by = if datagrams { udp(1, 1025) } else { tcp(1, 1025) };
        let mut truck =
            Truck { scene: Scene::new(), now: 0, serial, by, port: 0, opens: true, lat: 12.0, clock };
        for deed in deeds {
            truck.live(deed);
            prop_assert_eq!(truck.scene.conflict(MASTER), None, "after {:?}", deed);
        }
        let mut replayed = State::new(Times::default());
        for entry in &truck.scene.entries {
            replayed.apply(entry);
        }
        prop_assert!(replayed.device(&key(MASTER)).unwrap().identity.conflict().is_none());
    }
}
