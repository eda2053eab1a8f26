//! Which profile a device gets.

use super::*;
use crate::domain::{DeviceKey, DeviceKind, Protocol};

fn about<'a>(key: &'a DeviceKey, kind: DeviceKind, protocol: Protocol) -> About<'a> {
    About { key, kind, protocol: Some(protocol), version: None, wire_type: None, firmware: None }
}

fn name(profiles: &Profiles, about: &About<'_>) -> Option<String> {
    profiles.of(about).map(|profile| profile.name.clone())
}

#[test]
fn a_device_is_known_by_what_it_tells() {
    let profiles = Profiles::shipped();
    let lock = DeviceKey::jointech("8000620011");
    let tracker = DeviceKey::bofan("65328026243864");
    let master = about(&lock, DeviceKind::MasterLock, Protocol::JointechMaster);
    let seal = about(&lock, DeviceKind::Seal, Protocol::JointechSeal);
    let bofan = about(&tracker, DeviceKind::Tracker, Protocol::Bofan);
    let sub = |kind, wire| About { protocol: None, wire_type: wire, ..about(&lock, kind, Protocol::Unknown) };
    let rows = [
        (About { version: Some(0x19), ..master }, Some("jt701d")),
        (About { version: Some(0x17), ..master }, Some("jt701")),
        (About { version: Some(0x01), ..master }, Some("jt701")),
        (master, Some("jt701d")),                        // did not tell yet
        (About { version: Some(0x42), ..master }, None), // told, and nobody knows it
        (seal, Some("jt709a")),
        (About { firmware: Some("JT705A_V1.2"), ..seal }, Some("jt705a")),
        (About { firmware: Some("Jt709c-1"), ..seal }, Some("jt709c")),
        (About { firmware: Some("JT707"), ..seal }, Some("jt709a")),
        (bofan, Some("pt600")),
        (About { firmware: Some("510-V1.12"), ..bofan }, Some("pt600")),
        (About { firmware: Some("621-V2.0"), ..bofan }, Some("pt621")),
        (About { firmware: Some("502-V1.0"), ..bofan }, Some("pt502")),
        (about(&lock, DeviceKind::Tracker, Protocol::JointechLegacy), Some("jt600")),
        (sub(DeviceKind::SubLock, Some(4)), Some("jt709ex")),
        (sub(DeviceKind::ValveLock, Some(5)), Some("jt801")),
        (sub(DeviceKind::ValveLock, Some(6)), Some("jt802")),
        (sub(DeviceKind::ValveLock, Some(9)), Some("jt802")),
        (sub(DeviceKind::Sensor, Some(1)), Some("jt126")),
        (sub(DeviceKind::SubLock, None), None),
        (sub(DeviceKind::SubLock, Some(6)), None),
    ];
    for (about, want) in rows {
        assert_eq!(name(&profiles, &about).as_deref(), want, "{about:?}");
    }
}

#[test]
fn a_profile_that_names_a_device_wins() {
    let mut profiles = Profiles::shipped();
    let key = DeviceKey::jointech("740190311185");
    profiles.lay_over("jt705a", "[match]\ndevices = [\"jointech/740190311185\"]").unwrap();
    let seal = about(&key, DeviceKind::Seal, Protocol::JointechSeal);
    assert_eq!(name(&profiles, &seal).as_deref(), Some("jt705a"));
    let other = DeviceKey::jointech("740190311186");
    let seal = about(&other, DeviceKind::Seal, Protocol::JointechSeal);
    assert_eq!(name(&profiles, &seal).as_deref(), Some("jt709a"));
}

#[test]
fn words_carried_to_other_hardware_are_not_proven_there() {
    use crate::domain::order::Proof;
    let mut profiles = Profiles::shipped();
    profiles.lay_over("jt701d", "[match]\ndevices = [\"jointech/1\"]").unwrap();
    let jt701d = profiles.get("jt701d").unwrap();
    assert_eq!(jt701d.unlock().unwrap().1, Proof::Documented);
    assert_eq!(jt701d.matching.versions, [0x19], "what a file leaves out stays");
    profiles.lay_over("jt701d", "[match]\nversions = [0x19, 0x42]").unwrap();
    let jt701d = profiles.get("jt701d").unwrap();
    assert!(jt701d.unlocks().iter().all(|(_, proof)| *proof == Proof::Unverified));
    assert_eq!(jt701d.command("firmware").unwrap().proof, Proof::Documented);
}

#[test]
fn patterns_fit_from_end_to_end() {
    let fits = |pattern: &str, text: &str| {
        let text_of = format!(
            "model = \"X\"\nkind = \"tracker\"\nprotocol = \"bofan\"\n[match]\nfirmware = [\"{pattern}\"]"
        );
        let mut profiles = Profiles::shipped();
        profiles.lay_over("x", &text_of).unwrap();
        profiles.get("x").unwrap().matching.firmware[0].fits(text)
    };
    for (pattern, text) in [
        ("*V1.9.5*", "JT701D_v1.9.5_x"),
        ("621*", "621-V1"),
        ("*621", "PT621"),
        ("a*b*c", "aXbYc"),
        ("abc", "ABC"),
    ] {
        assert!(fits(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in
        [("621*", "x621"), ("*621", "621x"), ("a*b*c", "acb"), ("abc", "abcd"), ("ab*ba", "aba")]
    {
        assert!(!fits(pattern, text), "{pattern} {text}");
    }
}

#[test]
fn events_are_names_that_decode_uses() {
    use crate::domain::DeviceEvent;
    for name in EVENTS {
        let fields = |why: &str| {
            serde_json::json!({"name": name, "by": "unknown", "why": why, "card": "1", "source": "timer", "line": 1,
                "on": true, "id": "1", "size": 1, "code": "X"})
        };
        let known =
            ["no_fix", "timed"].iter().any(|why| serde_json::from_value::<DeviceEvent>(fields(why)).is_ok());
        assert!(known, "{name}");
    }
}

#[test]
fn what_a_profile_says_of_its_lines_clock_and_values() {
    use crate::protocol::catalogue::{LineUse, Reading};
    let mut profiles = Profiles::shipped();
    let pt600 = profiles.get("pt600").unwrap();
    assert_eq!(pt600.inputs.get(&4), Some(&LineUse::Ignition));
    assert_eq!(pt600.outputs.get(&1), Some(&LineUse::EngineRelay));
    assert!(pt600.calibrations.is_empty());
    let text = "inputs = { 2 = \"door\" }\n[[calibration]]\ninput = 1\nname = \"fuel\"\n\
                unit = \"l\"\npoints = [[100, 0.0], [600, 250.0], [1000, 300.0]]";
    profiles.lay_over("pt600", text).unwrap();
    let pt600 = profiles.get("pt600").unwrap();
    assert_eq!(pt600.inputs.keys().copied().collect::<Vec<_>>(), [1, 2, 4], "the lines it leaves out stay");
    assert!(pt600.command("output").is_some(), "what a file leaves out stays");
    let fuel = &pt600.calibrations[0];
    for (count, want) in [(100, 0.0), (350, 125.0), (600, 250.0), (1000, 300.0)] {
        assert_eq!(fuel.reading(count), Reading::Value(want), "{count}");
    }
    assert_eq!((fuel.reading(99), fuel.reading(1001)), (Reading::Below, Reading::Above));
}
