//! What answers a command, and what does not.

use super::*;
use crate::domain::message::CommandReply;
use crate::domain::order::{Expect, Outcome, Success};
use crate::domain::{Message, MessageKind, Protocol};

fn reply(protocol: Protocol, word: &str, params: &[&str], serial: Option<u32>) -> Message {
    let mut message = Message::new(protocol, MessageKind::CommandReply);
    let params = params.iter().map(|p| (*p).to_owned()).collect();
    message.command = Some(CommandReply { word: word.into(), params });
    message.serial = serial;
    message
}

fn expect(profile: &str, command: &str) -> Expect {
    let profiles = Profiles::shipped();
    let profile = profiles.get(profile).unwrap();
    let offered = profile.command(command).unwrap();
    compose(profile, command, &args(offered, None), &AROUND).unwrap().expect
}

fn master(expect: &Expect, word: &str, params: &str, serial: Option<u32>) -> Option<Outcome> {
    let params: Vec<&str> = params.split(',').collect();
    expect.reads(&reply(Protocol::JointechMaster, word, &params, serial))
}

const YES: Option<Outcome> = Some(Outcome::Accepted);

#[test]
fn p_words_are_told_by_word_and_first_items() {
    let wake = expect("jt701d", "wake_interval");
    assert_eq!(wake.word.as_deref(), Some("P04"));
    assert_eq!(master(&wake, "P04", "302,722", None), YES); // mid range of 5–600 s and 5–1440 min
    assert_eq!(master(&wake, "P04", "1,0302,722", None), YES);
    assert_eq!(master(&wake, "P04", "30,30", None), Some(Outcome::Unclear { said: "30,30".into() }));
    assert_eq!(master(&wake, "P39", "302,722", None), None);
    let page = expect("jt701d", "card_list");
    assert_eq!(master(&page, "P41", "13,0", None), YES);
    assert_eq!(master(&page, "P41", "2,0", None), None);
    assert_eq!(master(&expect("jt701d", "imsi"), "P68", "2,x", None), None);
    assert_eq!(master(&expect("jt701d", "iccid"), "P68", "2,x", None), YES);
    let dynamic = expect("jt701d", "dynamic_password");
    assert_eq!(master(&dynamic, "P52", "3,1,0", None), None);
    assert_eq!(master(&dynamic, "P52", "1,1,1", None), YES);
}

#[test]
fn flags_say_yes_no_or_neither() {
    let open = expect("jt701d", "open_static");
    assert_eq!(master(&open, "P43", "1,0", None), YES);
    let why = "the device answers 0, wrong count 2".to_owned();
    assert_eq!(master(&open, "P43", "0,2", None), Some(Outcome::Refused { why }));
    assert!(matches!(master(&open, "P43", "", None), Some(Outcome::Unclear { .. })));
    assert!(matches!(master(&open, "P43", "••••••", None), Some(Outcome::Unclear { .. })));
    let dynamic = expect("jt701d", "open_dynamic");
    assert_eq!(master(&dynamic, "P52", "3,1,0", None), YES);
    assert_eq!(master(&dynamic, "P52", "2,1,0", None), None);
    let change = expect("jt701d", "change_password");
    assert_eq!(master(&change, "P44", "1", None), YES);
    assert!(matches!(master(&change, "P44", "0", None), Some(Outcome::Refused { .. })));
}

#[test]
fn wlnet_is_told_by_its_serial() {
    let list = expect("jt701d", "bound_list");
    assert_eq!(list.serial, Some(7));
    assert_eq!(master(&list, "WLNET", "1,0,0", Some(7)), YES);
    assert_eq!(master(&list, "WLNET", "1,0,0", Some(8)), None);
    assert_eq!(master(&list, "WLNET", "1,0,0", None), None);
    assert_eq!(master(&list, "WLNET", "8,0,E03B60000A", Some(7)), None);
    let relay = expect("jt802", "open_relay");
    assert_eq!(master(&relay, "WLNET", "8,0,E03B60000A", Some(7)), YES);
    let ours = |serial| serial == 7 || serial == 9;
    let late = reply(Protocol::JointechMaster, "WLNET", &["1", "0", "0"], Some(9));
    assert_eq!(list.reads_any(&late, ours), YES);
}

#[test]
fn jtt_808_is_told_by_the_answered_message_and_serial() {
    let interval = expect("jt709a", "interval");
    assert_eq!((interval.word.as_deref(), interval.serial), (Some("0x8103"), Some(7)));
    let answer =
        |word, result, serial| interval.reads(&reply(Protocol::JointechSeal, word, &[result], Some(serial)));
    assert_eq!(answer("0x8103", "0", 7), YES);
    let why = "the device answers 3".to_owned();
    assert_eq!(answer("0x8103", "3", 7), Some(Outcome::Refused { why }));
    assert_eq!(answer("0x8103", "0", 8), None);
    assert_eq!(answer("0x8105", "0", 7), None);
}

#[test]
fn a_tracker_proves_an_output_by_its_report() {
    let on = expect("pt600", "output"); // line 4 in the middle of 1 to 8
    assert_eq!(on.success, Success::Output { line: 4, on: false });
    let mut report = Message::new(Protocol::Bofan, MessageKind::Position);
    report.outputs = Some("00010".into());
    assert_eq!(on.reads(&report), None);
    report.outputs = Some("11101".into());
    assert_eq!(on.reads(&report), YES);
    report.replayed = true;
    assert_eq!(on.reads(&report), None);
    report.replayed = false;
    report.outputs = Some("000".into());
    assert_eq!(on.reads(&report), None);
    let line = reply(Protocol::Bofan, "OPC", &["OK"], None);
    assert_eq!(on.reads(&line), Some(Outcome::Unclear { said: "OPC,OK".into() }));
}

#[test]
fn a_photo_is_answered_by_its_offer() {
    let photo = expect("pt600", "photo");
    let mut offer = Message::new(Protocol::Bofan, MessageKind::PhotoOffer);
    assert_eq!(photo.reads(&offer), YES);
    offer.replayed = true;
    assert_eq!(photo.reads(&offer), None, "an old one");
    assert_eq!(photo.reads(&Message::new(Protocol::Bofan, MessageKind::Position)), None);
}

#[test]
fn any_line_of_a_tracker_that_is_no_report_answers_a_read() {
    let version = expect("pt600", "firmware");
    assert_eq!(version.word, None);
    assert!(version.may_be_silent);
    assert_eq!(version.reads(&reply(Protocol::Bofan, "VER", &["510-V1.12"], None)), YES);
    assert_eq!(version.reads(&Message::new(Protocol::Bofan, MessageKind::Position)), None);
    assert_eq!(version.reads(&reply(Protocol::JointechMaster, "P01", &["x"], None)), None);
    let mut chunk = reply(Protocol::Bofan, "PHD", &["0", "960"], None);
    chunk.kind = MessageKind::PhotoChunk;
    assert_eq!(version.reads(&chunk), None);
}

#[test]
fn a_position_is_answered_by_the_next_live_one() {
    let ask = expect("jt701d", "position");
    assert!(ask.may_be_silent);
    let mut position = Message::new(Protocol::JointechMaster, MessageKind::Position);
    assert_eq!(ask.reads(&position), YES);
    position.replayed = true;
    assert_eq!(ask.reads(&position), None);
}

/// A reply made after the shape of the catalogue says yes to its own command, and to no other that is sent with
/// another word.
#[test]
fn every_command_is_answered_by_its_own_reply() {
    let profiles = Profiles::shipped();
    for (profile, offered) in offers(&profiles) {
        let composed = compose(profile, offered.spec.name, &args(offered, None), &AROUND).unwrap();
        let expect = &composed.expect;
        let json = serde_json::to_string(expect).unwrap();
        assert_eq!(serde_json::from_str::<Expect>(&json).unwrap(), *expect, "it survives the journal");
        let Some(word) = &expect.word else { continue };
        let mut params = expect.leading.clone();
        match &expect.success {
            Success::Tail { params: tail } => params.extend(tail.clone()),
            Success::Flag { at, ok } => {
                params.resize(*at, String::new());
                params.push(ok.clone());
            }
            Success::Report => continue,
            _ => params.push("x".into()),
        }
        let params: Vec<&str> = params.iter().map(String::as_str).collect();
        let answer = reply(profile.protocol, word, &params, expect.serial);
        assert_eq!(expect.reads(&answer), YES, "{} {}", profile.name, offered.spec.name);
        let other = reply(profile.protocol, "P00", &params, expect.serial);
        assert_eq!(expect.reads(&other), None, "{} {}", profile.name, offered.spec.name);
    }
}
