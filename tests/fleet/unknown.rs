//! What no paper names is counted by device and firmware, and nothing else comes of it.

use crate::scene::{Scene, at, key, plan};
use crate::wire::{MASTER, SUB};
use lockyard::domain::alarm::AlarmKind;
use lockyard::fleet::{State, Times};

fn told(state: &State, id: &str) -> Vec<(Option<String>, String, u64, String)> {
    let row = state.device_row_of(&key(id), &plan(), at(1000)).unwrap();
    row.unknown.into_iter().map(|row| (row.firmware, row.what, row.count, row.value)).collect()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn unknown_words_are_counted_by_firmware_and_survive_a_checkpoint() {
    let mut scene = Scene::new();
    scene.hear(0, format!("({MASTER},P71,5)"));
    scene.hear(1, format!("({MASTER},P71,6)"));
    scene.hear(2, format!("({MASTER},P01,JT701D_20210311_R1.2.7,41%)"));
    scene.hear(3, format!("({MASTER},P71,7)"));
    let want = [
        (None, "word P71".to_owned(), 2, "6".to_owned()),
        (some("JT701D_20210311_R1.2.7"), "word P71".to_owned(), 1, "7".to_owned()),
    ];
    assert_eq!(told(&scene.state, MASTER), want);
    let row = scene.state.device_row_of(&key(MASTER), &plan(), at(1000)).unwrap();
    assert_eq!((row.firmware.as_deref(), row.battery_pct), (Some("JT701D_20210311_R1.2.7"), Some(41)));
    assert_eq!((row.unknown[0].first, row.unknown[0].last), (at(0), at(1)));

    let checkpoint = scene.state.checkpoint().unwrap();
    assert_eq!(told(&State::from_checkpoint(&checkpoint, Times::default()).unwrap(), MASTER), want);
    // One written before there were such counts.
    let mut older: serde_json::Value = serde_json::from_slice(&checkpoint).unwrap();
    let removed = remove(&mut older, "unknowns");
    assert_eq!(removed, 1, "only a device that said something has counts");
    let older = State::from_checkpoint(&serde_json::to_vec(&older).unwrap(), Times::default()).unwrap();
    assert!(told(&older, MASTER).is_empty());
}

/// Removes every member of this name, and tells how many there were.
fn remove(value: &mut serde_json::Value, name: &str) -> usize {
    match value {
        serde_json::Value::Object(object) => {
            let own = usize::from(object.remove(name).is_some());
            own + object.values_mut().map(|value| remove(value, name)).sum::<usize>()
        }
        serde_json::Value::Array(values) => values.iter_mut().map(|value| remove(value, name)).sum(),
        _ => 0,
    }
}

/// A sub-lock's report with this status word, from firmware with or without the card.
fn report(status: u16, has_card: bool) -> Vec<u8> {
    let mut payload = b"2,".to_vec();
    payload.extend(hex::decode("2011260000012234834411355052").unwrap());
    payload.extend([0x0F, 0, 0]);
    payload.extend(hex::decode("201126000001").unwrap());
    payload.extend(hex::decode(SUB).unwrap());
    payload.extend([18, 1, 0x68, 90, 0x57, 4, 0, 0x40]);
    payload.extend(status.to_be_bytes());
    payload.extend([0, 49, 0]);
    payload.extend(if has_card { vec![0; 4] } else { vec![] });
    let mut frame = format!("({MASTER},1,110,WLNET,5,").into_bytes();
    for byte in payload {
        match byte {
            0x28 | 0x29 | 0x2C | 0x3D => frame.extend([0x3D, byte ^ 0x3D]),
            byte => frame.push(byte),
        }
    }
    // The comma behind the function digit is one of the frame's own.
    let comma = frame.windows(3).position(|three| three == [b'2', 0x3D, 0x11]).unwrap();
    frame.splice(comma + 1..comma + 3, *b",");
    frame.push(b')');
    frame
}

#[test]
fn a_sub_locks_bits_are_counted_by_what_its_reports_tell_of_its_firmware() {
    let mut scene = Scene::with_children();
    scene.hear(0, report(0, false));
    scene.hear(1, report(1 << 9, false));
    scene.hear(2, report(1 << 9, true));
    let bit = "status bit 9".to_owned();
    let want = [
        (some("before 2023-07-03"), bit.clone(), 1, String::new()),
        (some("from 2023-07-03"), bit, 1, String::new()),
    ];
    assert_eq!(told(&scene.state, SUB), want);
    assert!(told(&scene.state, MASTER).is_empty());
    assert!(scene.alarm(SUB, AlarmKind::Custom).is_none(), "a status bit is no event");
}

#[test]
fn cards_enrolled_at_the_lock_are_an_alarm() {
    let mut scene = Scene::new();
    scene.hear(0, format!("({MASTER},P42,1,0008627839)"));
    let alarm = scene.alarm(MASTER, AlarmKind::Custom).unwrap();
    assert_eq!(alarm.reason, "cards enrolled at the lock itself: 0008627839");
}
