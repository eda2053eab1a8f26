//! The photos of an asset's trackers.

use super::fixture::{Console, ago, asset, device, empty, node};
use lockyard::domain::*;
use lockyard::fleet::snapshot::*;

fn photo(n: i64, state: PhotoState) -> PhotoRow {
    let device = "86800000000021";
    PhotoRow {
        id: PhotoId(EventSeq(n), 0),
        device: device.into(),
        key: DeviceKey::bofan(device),
        asset: Some("Truck 1".into()),
        state,
        camera: Some(2),
        taken: Some(ago(60)),
        offered: ago(58),
        size: 20_480,
        received: None,
        sha256: None,
        file: None,
        position: None,
        why: None,
    }
}

fn lines(photos: Vec<PhotoRow>) -> Vec<String> {
    let mut tracker = device("86800000000021", DeviceKind::Tracker, "Truck 1", 5);
    tracker.key = DeviceKey::bofan("86800000000021");
    let asset = asset(1, "Truck 1", "TRK-0001", SealState::Sealed, 7, &["86800000000021"]);
    let snapshot = Snapshot { assets: vec![asset], devices: vec![tracker], photos, node: node(), ..empty() };
    let mut console = Console::with(snapshot, (160, 40));
    console.press("2<Enter>");
    let text = console.text();
    text.lines()
        .filter(|line| line.contains("photos") || line.contains("camera 2"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_last_photos_of_an_asset_are_shown_with_what_became_of_them() {
    let complete = PhotoRow {
        received: Some(20_480),
        file: Some("photos/86800000000021/20261120T100001.000Z-2.jpg".into()),
        ..photo(3, PhotoState::Complete)
    };
    let incomplete = PhotoRow {
        received: Some(960),
        why: Some("the device did not send it\u{1b}[2J".into()),
        ..photo(2, PhotoState::Incomplete)
    };
    let lines = lines(vec![photo(1, PhotoState::Offered), complete, incomplete]);
    let has = |n: usize, words: &[&str]| {
        let line: &str = &lines[n];
        assert!(words.iter().all(|word| line.contains(word)), "{words:?} in {lines:#?}");
    };
    has(0, &["photos"]);
    has(1, &["complete", "20480 B", "photos/86800000000021/20261120T100001.000Z-2.jpg"]);
    has(2, &["incomplete", "960 of 20480 B", "the device did not send it·[2J"]);
    has(3, &["offered", "20480 B"]);
}

#[test]
fn without_photos_there_is_no_word_of_them() {
    assert!(lines(Vec::new()).is_empty());
}
