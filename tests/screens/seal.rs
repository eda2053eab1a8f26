//! What an asset's word says about itself, and names of any width beside it.

use super::fixture::{Console, ago, alarm, asset, device, empty, node};
use lockyard::domain::alarm::AlarmKind;
use lockyard::domain::*;
use lockyard::fleet::snapshot::*;

const SIZE: (u16, u16) = (80, 24);

/// A tanker with a master, a valve lock and a sub-lock, all in order.
fn tanker() -> (AssetRow, Vec<DeviceRow>) {
    let name = "Tanker 7";
    let devices = vec![
        device("8000620011", DeviceKind::MasterLock, name, 5),
        device("E0FA000001", DeviceKind::ValveLock, name, 6),
        device("E03B60000A", DeviceKind::SubLock, name, 7),
    ];
    let ids: Vec<&str> = devices.iter().map(|d| d.id.as_str()).collect();
    let row = asset(1, name, "TRK-0007", SealState::Sealed, 7, &ids);
    (row, devices)
}

/// The fleet with this one asset, as drawn.
fn fleet(asset: AssetRow, devices: Vec<DeviceRow>, alarms: Vec<AlarmRow>) -> String {
    let snapshot = Snapshot { assets: vec![asset], devices, alarms, node: node(), ..empty() };
    let mut console = Console::with(snapshot, SIZE);
    console.press("2");
    console.text()
}

fn because(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(" because"))?;
    Some(line.trim_start_matches(" because").trim().to_owned())
}

#[test]
fn sealed_needs_no_explanation() {
    let (row, devices) = tanker();
    let text = fleet(row, devices, Vec::new());
    assert!(text.contains("■ SEALED") && because(&text).is_none(), "{text}");
}

#[test]
fn unknown_says_which_part_is_not_known() {
    let cases: [(usize, Spoil, &str); 4] = [
        (
            1,
            |d| (d.valve, d.valve_as_of) = (Some(ValveState::Unknown), None),
            "E0FA000001 has not told its valve yet",
        ),
        (1, |d| d.valve = Some(ValveState::Unknown), "E0FA000001 valve not known"),
        (2, |d| d.lock = Some(LockState::Unknown), "E03B60000A contact lost"),
        (
            0,
            |d| {
                d.lock = Some(LockState::Unknown);
                d.last_received = None;
            },
            "8000620011 never heard",
        ),
    ];
    for (at, spoil, want) in cases {
        let (mut row, mut devices) = tanker();
        row.seal = SealState::Unknown;
        spoil(&mut devices[at]);
        let text = fleet(row, devices, Vec::new());
        assert_eq!(because(&text).as_deref(), Some(want), "{text}");
    }
}

#[test]
fn open_unsealed_and_tampered_say_where() {
    let (mut row, mut devices) = tanker();
    row.seal = SealState::Open;
    devices[1].valve = Some(ValveState::Open);
    devices[2].lock = Some(LockState::Unlocked);
    let text = fleet(row.clone(), devices, Vec::new());
    assert_eq!(because(&text).as_deref(), Some("E0FA000001 valve open, E03B60000A unlocked"));

    let (_, mut devices) = tanker();
    row.seal = SealState::LockedNotSealed;
    devices[2].lock = Some(LockState::Unseated);
    let text = fleet(row.clone(), devices, Vec::new());
    assert_eq!(because(&text).as_deref(), Some("E03B60000A locked with its rope out"));

    // Every lock looks well again; an alarm that nobody has reset still says what happened.
    let (_, devices) = tanker();
    row.seal = SealState::Tampered;
    let cut = alarm(1, AlarmKind::RopeCut, Priority::P1, AlarmState::LatchedUnack, "Tanker 7", 60);
    let text = fleet(row, devices, vec![cut]);
    assert_eq!(because(&text).as_deref(), Some("8000620011 rope cut"));
}

#[test]
fn an_asset_without_a_lock_is_no_worry() {
    let van = asset(1, "Van 3", "VAN-0003", SealState::Unknown, 5, &["0000009"]);
    let mut tracker = device("0000009", DeviceKind::Tracker, "Van 3", 5);
    tracker.key = DeviceKey::bofan("0000009");
    let text = fleet(van, vec![tracker], Vec::new());
    assert!(text.contains("– no lock") && !text.contains("UNKNOWN"), "{text}");
}

#[test]
fn ids_are_cut_at_their_beginning() {
    let name = "Yard";
    let devices = vec![
        device("794308000011", DeviceKind::Seal, name, 5),
        device("794308000012", DeviceKind::Seal, name, 5),
    ];
    let row = asset(1, name, "YRD-0001", SealState::Sealed, 5, &["794308000011", "794308000012"]);
    let mut console = Console::with(Snapshot { assets: vec![row], devices, node: node(), ..empty() }, SIZE);
    for keys in ["2", "<Enter>"] {
        console.press(keys);
        let text = console.text();
        assert!(text.contains("000011 ") && text.contains("000012 "), "{text}");
    }
}

/// Makes one fact of a device unknown.
type Spoil = fn(&mut DeviceRow);

/// Below header, title and headings.
const FIRST_ROW: u16 = 4;

#[test]
fn wide_and_combined_names_break_no_column() {
    let names = [
        "Tanker 7",
        "港区タンク車七号",
        "Ta\u{308}nker e\u{301}te\u{301}",
        "🚛 Lkw 9",
        "港区タンク車七号港区タンク車七号",
    ];
    let mut snapshot = Snapshot { node: node(), ..empty() };
    for (n, name) in names.into_iter().enumerate() {
        let id = format!("80006200{n:02}");
        snapshot.assets.push(asset(n as i64, name, &format!("AST-{n:04}"), SealState::Sealed, 5, &[&id]));
        snapshot.devices.push(device(&id, DeviceKind::MasterLock, name, 5));
        let mut row =
            alarm(n as i64 + 1, AlarmKind::RopeCut, Priority::P1, AlarmState::UnackActive, name, 60);
        row.device = Some(id.as_str().into());
        row.first = ago(60 + n as i64);
        snapshot.alarms.push(row);
    }
    for size in [(80, 24), (120, 40), (200, 60)] {
        for (keys, first, last) in [("2", "■", "● online"), ("1", "rope cut", "80006200")] {
            let mut console = Console::with(snapshot.clone(), size);
            console.press(keys);
            let buffer = console.buffer();
            let cells =
                |y: u16| -> Vec<String> { (0..size.0).map(|x| buffer[(x, y)].symbol().to_owned()).collect() };
            let column = |y: u16, text: &str| {
                (0..usize::from(size.0)).find(|&x| {
                    let row = cells(y);
                    row[x..].concat().starts_with(text)
                })
            };
            let want = (column(FIRST_ROW, first), column(FIRST_ROW, last));
            assert!(want.0.is_some() && want.1.is_some(), "{size:?} {:?}", cells(FIRST_ROW).concat());
            for y in FIRST_ROW..FIRST_ROW + 5 {
                assert_eq!((column(y, first), column(y, last)), want, "{:?}", cells(y).concat());
            }
        }
    }
}
