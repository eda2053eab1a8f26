//! A tracker's inputs and counts in the words of its profile, each where an operator looks for them.

use super::fixture::{Console, ago, asset, device, empty, node};
use lockyard::domain::*;
use lockyard::fleet::snapshot::*;

const TRACKER: &str = "0000001";

fn line(line: u8, wired: &str, on: bool, text: &str) -> LineRow {
    LineRow { line, output: false, wired: wired.into(), on, text: text.into() }
}

fn console(lines: Vec<LineRow>) -> Console {
    let name = "Tanker 7";
    let fuel = AnalogRow {
        name: Some("fuel".into()),
        text: "fuel 63 % (AD1 0x1f8)".into(),
        ..AnalogRow::raw(1, 0x1f8)
    };
    let row = DeviceRow {
        lines,
        lines_as_of: Some(ago(240)),
        analog: vec![fuel, AnalogRow::raw(2, 7), AnalogRow::raw(3, 0)],
        analog_as_of: Some(ago(240)),
        inputs: Some("01010".into()),
        ignition: Some(true),
        ..device(TRACKER, DeviceKind::Tracker, name, 5)
    };
    let fleet = asset(1, name, "TRK-0007", SealState::Unknown, 7, &[TRACKER]);
    Console::with(Snapshot { assets: vec![fleet], devices: vec![row], node: node(), ..empty() }, (120, 40))
}

/// The screen's words in one line, however they were wrapped.
fn words(console: &mut Console) -> String {
    console.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_door_reads_open_on_its_asset_and_all_lines_on_its_device() {
    let named = vec![
        line(1, "sos", false, "SOS not pressed"),
        line(2, "door", true, "door open"),
        line(4, "ignition", true, "ignition on"),
    ];
    let mut console = console(named);
    console.press("2");
    let fleet = words(&mut console);
    assert!(fleet.contains("door open") && !fleet.contains("SOS not pressed"), "{fleet}");
    console.press("<Enter>j");
    let told = words(&mut console);
    assert!(told.contains("SOS not pressed · door open · ignition on · 4m"), "{told}");
    assert!(told.contains("fuel 63 % (AD1 0x1f8) · AD2 0x7 · 4m") && !told.contains("AD3"), "{told}");
    assert!(told.contains("inputs 01010"), "the string as it was sent stays: {told}");
    assert_eq!(told.matches("ignition on").count(), 1, "{told}");
}

#[test]
fn lines_that_no_profile_names_stay_as_they_were_sent() {
    let mut console = console(vec![]);
    console.press("2<Enter>j");
    let told = words(&mut console);
    assert!(told.contains("inputs 01010") && told.contains("ignition on"), "{told}");
    assert!(!told.contains("door"), "{told}");
}
