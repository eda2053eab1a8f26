//! Bofan trackers.

use super::*;
use crate::simulate::tracker::{Dialect, Tracker, TrackerSetup};

const ID: &str = "86800000000021";

fn rig(dialect: Dialect) -> Rig<Tracker> {
    let setup = TrackerSetup { id: ID.to_owned(), dialect, picture: 2400, pace: Pace::real() };
    Rig::new(Tracker::new(setup, vehicle(), rng(), beginning()))
}

fn bytes(frames: &[Frame]) -> Vec<Vec<u8>> {
    frames
        .iter()
        .map(|frame| match frame {
            Frame::Other(bytes) => bytes.clone(),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Whole sentences, deltas applied; by means of this test's own.
fn sentences(frames: &[Frame]) -> (Vec<String>, usize) {
    let mut base: Vec<u8> = Vec::new();
    let mut deltas = 0;
    let mut told = Vec::new();
    for frame in bytes(frames) {
        if let [b'@', check, changes @ ..] = frame.as_slice() {
            assert_eq!(*check, base.iter().fold(0, |sum, byte| sum ^ byte), "made from another base");
            deltas += 1;
            base = apply(&base, changes);
        } else {
            base = frame;
        }
        told.push(String::from_utf8(base.clone()).unwrap());
    }
    (told, deltas)
}

fn apply(base: &[u8], mut changes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(base.to_vec()).unwrap();
    let marks: Vec<char> = text.chars().filter(|c| matches!(c, ',' | '/')).collect();
    let mut fields: Vec<String> = text.split([',', '/']).map(str::to_owned).collect();
    while let [number, offset, length, rest @ ..] = changes {
        let (new, rest) = rest.split_at(usize::from(*length));
        let field = &mut fields[usize::from(*number)];
        field.truncate(usize::from(*offset));
        field.push_str(std::str::from_utf8(new).unwrap());
        changes = rest;
    }
    let ends = marks.into_iter().map(String::from).chain([String::new()]);
    fields.into_iter().zip(ends).flat_map(|(field, end)| [field, end]).collect::<String>().into_bytes()
}

#[test]
fn deltas_make_the_sentences_that_whole_ones_would() {
    let (mut short, mut whole) = (rig(Dialect::Deltas), rig(Dialect::Bare));
    short.connect();
    whole.connect();
    let (short, deltas) = sentences(&short.run(secs(3000)));
    let (whole, none) = sentences(&whole.run(secs(3000)));
    assert!(deltas > 50 && none == 0, "{deltas} deltas");
    let without_end = |text: &String| text.trim_end().trim_end_matches('/').to_owned();
    assert_eq!(
        short.iter().map(without_end).collect::<Vec<_>>(),
        whole.iter().map(without_end).collect::<Vec<_>>()
    );
}

#[test]
fn alarms_carry_their_code_and_the_button_its_input() {
    let mut rig = rig(Dialect::Bare);
    rig.connect();
    rig.run(Duration::ZERO);
    for (fault, code) in [
        (Fault::Sos, "$IN1,"),
        (Fault::PowerCut, "$CPA,"),
        (Fault::HarshBraking, "$HDB,"),
        (Fault::Vibration, "$SKA,"),
        (Fault::LowBattery, "$LPA,"),
    ] {
        assert!(rig.fault(0, fault.clone()));
        let (told, _) = sentences(&rig.run(Duration::ZERO));
        assert!(told[0].starts_with(code), "{fault:?}: {told:?}");
        assert_eq!(told[0].contains("/10000,"), code == "$IN1,", "{told:?}");
    }
    assert!(!rig.fault(0, Fault::RopeCut));
}

#[test]
fn the_engine_relay_switches_once_and_shows_in_the_next_sentence() {
    let mut rig = rig(Dialect::Bare);
    rig.connect();
    rig.run(Duration::ZERO);
    let (told, _) = sentences(&rig.say("#OPC1,1\r\n"));
    assert!(told[0].contains(",10000/"), "{told:?}");
    rig.say("#OPC1,1\r\n");
    let state = rig.machine.state(rig.now(), 0);
    assert_eq!((state.output_on, state.output_changes), (Some(true), 1));
    rig.say("#OPC1,0\r\n");
    assert_eq!(rig.machine.state(rig.now(), 0).output_changes, 2);
    rig.fault(0, Fault::IgnoreCommands);
    assert!(rig.say("#OPC1,1\r\n").is_empty());
    assert_eq!(rig.machine.state(rig.now(), 0).output_on, Some(false));
}

#[test]
fn a_picture_is_offered_and_handed_over_in_chunks() {
    let mut rig = rig(Dialect::Framed);
    rig.connect();
    rig.run(Duration::ZERO);
    let offer = bytes(&rig.say("#PHO\r\n")).remove(0);
    let offer = String::from_utf8(offer[5..].to_vec()).unwrap();
    let size: usize = offer.strip_prefix("$PHO").unwrap().split_once("-1,").unwrap().0.parse().unwrap();
    let mut picture = Vec::new();
    while picture.len() < size {
        let chunk = bytes(&rig.say(format!("#PHD{},960\r\n", picture.len()))).remove(0);
        assert_eq!(chunk[3..5], (chunk.len() as u16).to_le_bytes());
        assert_eq!(chunk[5..].iter().fold(0, |sum, byte| sum ^ byte), chunk[2]);
        let head = format!("$PHD{},{},", picture.len(), 960.min(size - picture.len()));
        let body = chunk[5..].strip_prefix(head.as_bytes()).expect(&head);
        picture.extend(body.strip_suffix(b"\r\n").unwrap());
    }
    assert_eq!(picture.len(), size);
    assert!(picture.starts_with(&[0xff, 0xd8]) && picture.ends_with(&[0xff, 0xd9]));
    assert!(rig.say(format!("#PHD{size},960\r\n")).is_empty(), "nothing behind its end");
}

#[test]
fn pieces_get_lost_or_come_from_elsewhere_on_request() {
    let mut rig = rig(Dialect::Framed);
    rig.connect();
    rig.run(Duration::ZERO);
    rig.say("#PHO\r\n");
    assert!(rig.fault(0, Fault::LostPieces(1)));
    assert!(rig.say("#PHD0,960\r\n").is_empty());
    assert!(rig.fault(0, Fault::WrongPieces(1)));
    let wrong = bytes(&rig.say("#PHD0,960\r\n")).remove(0);
    assert!(wrong[5..].starts_with(b"$PHD480,960,"), "{}", wrong[5..20].escape_ascii());
    let right = bytes(&rig.say("#PHD0,960\r\n")).remove(0);
    assert!(right[5..].starts_with(b"$PHD0,960,\xff\xd8"));
    let picture = rig.machine.state(rig.now(), 0).picture;
    assert_eq!(right[15..right.len() - 2], picture[..960]);
}

#[test]
fn what_was_not_heard_is_told_later_as_stored() {
    let mut rig = rig(Dialect::Deltas);
    rig.run(secs(200));
    rig.connect();
    let frames = bytes(&rig.run(Duration::ZERO));
    assert!(frames[0].starts_with(b"$POS,") && frames[0].ends_with(b"\r\n"), "the live one first");
    let stored: Vec<u8> = frames[1..].iter().flat_map(|frame| frame[5..].to_vec()).collect();
    let stored = String::from_utf8(stored).unwrap();
    assert_eq!(stored.matches("#\n").count(), stored.matches("$POS,").count());
    assert!(stored.matches("#\n").count() >= 6, "{stored}");
    // The chain goes on from the last sentence of the last frame.
    let base = stored.rfind('$').map(|at| stored.as_bytes()[at..].to_vec()).unwrap();
    let next = bytes(&rig.run(secs(31)));
    assert_eq!(next[0][..2], [b'@', base.iter().fold(0, |sum, byte| sum ^ byte)]);
}

#[test]
fn a_clock_that_was_never_set_has_the_firmwares_first_day_and_no_place() {
    let mut rig = rig(Dialect::Bare);
    rig.connect();
    rig.fault(0, Fault::ClockUnset);
    rig.run(Duration::ZERO);
    let (told, _) = sentences(&rig.run(secs(31)));
    let head = format!("$POS,{ID},000000.000,V,,,,,,,140209,,,N/");
    assert!(told[0].starts_with(&head), "{told:?}");
}
