//! Who is on what, and what stays when that changes.

use crate::scene::Scene;
use crate::wire::*;
use lockyard::domain::alarm::AlarmKind as K;
use lockyard::domain::{DeviceKind, LockState, SealState};
use lockyard::fleet::snapshot::DeviceStatus;
use std::collections::BTreeSet;

fn on(scene: &Scene, id: &str) -> String {
    scene.state.asset_of(&crate::scene::key(id)).unwrap().name.clone()
}

#[test]
fn an_unknown_child_is_bound_to_its_master_and_its_alarms_are_active() {
    let mut scene = Scene::new();
    scene.hear(100, sub(100, sub_event::ROPE_CUT, SUB_ROPE_OUT).bytes());
    let child = scene.device(SUB);
    assert_eq!(child.status, DeviceStatus::New);
    assert_eq!(child.bound_to, Some(crate::scene::key(MASTER)));
    assert_eq!(on(&scene, SUB), "TRK-2041");
    assert_eq!(scene.letter(SUB, K::RopeCut), "B1");
    assert_eq!(scene.seal("TRK-2041"), SealState::Tampered);
    let place = scene.state.place_for(scene.device(SUB)).unwrap();
    assert_eq!(place.from, MASTER, "its place is its master's");
}

#[test]
fn a_child_heard_by_another_master_is_not_moved() {
    let mut scene = Scene::with_children();
    scene.enrol(0, "8000620012", DeviceKind::MasterLock, "TRK-2", None);
    scene.hear(100, Sub { master: "8000620012", ..sub(100, 0, 0) }.bytes());
    assert_eq!(scene.device(SUB).bound_to, Some(crate::scene::key(MASTER)));
    assert_eq!(on(&scene, SUB), "TRK-2041");
    assert_eq!(scene.lock(SUB), LockState::Locked, "what it said counts");
    // The same report through its own master is the same report.
    scene.hear(110, Sub { master: "8000620012", ..sub(110, sub_event::ROPE_CUT, 1) }.bytes());
    scene.hear(111, sub(110, sub_event::ROPE_CUT, 1).bytes());
    assert_eq!(scene.letter(SUB, K::RopeCut), "B1");
}

#[test]
fn enrolling_again_moves_a_lock_with_its_state_and_its_open_alarms() {
    let mut scene = Scene::new();
    scene.hear(100, master(100, FINE | ROPE_CUT).bytes());
    scene.hear(110, sub(110, 0, 0).bytes()); // unconfirmed
    scene.enrol(200, MASTER, DeviceKind::MasterLock, "TRK-7", None);
    assert_eq!((on(&scene, MASTER), on(&scene, SUB)), ("TRK-7".into(), "TRK-7".into()));
    assert_eq!(scene.lock(MASTER), LockState::Locked);
    assert_eq!(scene.letter(MASTER, K::RopeCut), "B1");
    assert_eq!(scene.seal("TRK-7"), SealState::Tampered);
    assert_eq!(scene.seal("TRK-2041"), SealState::Unknown, "nothing is on it");
    let rows = scene.snapshot(200).devices;
    assert_eq!(rows.iter().filter(|row| row.id == MASTER).count(), 1);

    // What ends the alarm changes the asset that the lock is on now.
    scene.hear(300, master(300, FINE).bytes());
    let id = scene.alarm_id(MASTER, K::RopeCut);
    scene.ack(310, id, "anna");
    scene.reset(320, id);
    assert_eq!(scene.seal("TRK-7"), SealState::Sealed);
    // New evidence is the new asset's.
    scene.hear(400, master(400, FINE | ROPE_CUT).bytes());
    let named = scene.snapshot(400).alarms.into_iter().last().unwrap().asset;
    assert_eq!(named.as_deref(), Some("TRK-7"));
}

#[test]
fn a_confirmed_child_stays_where_it_was_confirmed() {
    let mut scene = Scene::with_children();
    scene.enrol(200, MASTER, DeviceKind::MasterLock, "TRK-7", None);
    assert_eq!(on(&scene, SUB), "TRK-2041");
}

#[test]
fn confirming_a_child_keeps_what_is_known_of_it() {
    let mut scene = Scene::new();
    scene.hear(90, master(90, FINE).bytes());
    scene.hear(100, sub(100, 0, 0).bytes());
    scene.enrol(200, SUB, DeviceKind::SubLock, "TRK-2041", Some(MASTER));
    assert_eq!(scene.device(SUB).status, DeviceStatus::Enrolled);
    assert_eq!(scene.lock(SUB), LockState::Locked);
    assert_eq!(scene.seal("TRK-2041"), SealState::Sealed);
}

#[test]
fn codes_are_unique_and_stay_so_over_a_checkpoint() {
    let mut scene = Scene::empty();
    let names = [
        "TRK 1",
        "TRK-1",
        "trk 1",
        "TRK--1",
        "港",
        "车",
        "",
        "A",
        "a very long name of a truck 1",
        "a very long name of a truck 2",
    ];
    for (n, name) in names.iter().enumerate() {
        scene.enrol(0, &format!("80006200{n:02}"), DeviceKind::MasterLock, name, None);
    }
    let body = scene.state.checkpoint().unwrap();
    scene.state = lockyard::fleet::State::from_checkpoint(&body, scene.state.times).unwrap();
    scene.enrol(0, "8000620050", DeviceKind::MasterLock, "TRK: 1", None);
    scene.enrol(0, "8000620051", DeviceKind::MasterLock, "TRK 1", None);
    let codes: Vec<_> = scene.state.assets().map(|asset| asset.code.clone()).collect();
    assert_eq!(codes.len(), names.len() + 1, "the last one was known");
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "{codes:?}");
    assert!(codes.iter().all(|code| code.is_ascii() && code.len() >= 4));
}

#[test]
fn what_an_unknown_device_says_moves_nothing() {
    let mut scene = Scene::empty();
    scene.hear(100, master(100, FINE | ROPE_CUT).bytes());
    assert_eq!(scene.state.devices().count(), 0);
    assert_eq!(scene.state.alarms.all().count(), 0);
}
