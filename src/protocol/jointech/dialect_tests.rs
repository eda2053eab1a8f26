//! What a profile says of one device, in the reading of its frames and in the answers to them.

use super::seal_frame;
use crate::domain::message::WlnetAck;
use crate::domain::{DeviceKey, Message};
use crate::protocol::catalogue::{Profiles, ReportAck};
use crate::protocol::explain::{explain, explain_by};
use crate::protocol::memory::{Dialect, Settings};
use crate::protocol::{Connection, Heard, Memory};
use std::sync::Arc;

const ID: &str = "000794308010";
/// A position report's body up to its time, and the time: 2025-11-18 02:26:11 on the device's clock.
const BODY: &str = "000200000004000201819568036ef38c005c00120000251118022611";

fn key(id: &str) -> DeviceKey {
    DeviceKey::jointech(id)
}

fn zoned(text: &str) -> Arc<Memory> {
    let mut profiles = Profiles::shipped();
    let file = format!(
        "model = \"other\"\nkind = \"seal\"\nprotocol = \"jointech-seal\"\nclock = \"{text}\"\n\
         [match]\ndevices = [\"jointech/794308010\"]"
    );
    profiles.lay_over("other", &file).unwrap();
    let memory = Memory::default();
    memory.set_dialect(&key("794308010"), profiles.get("other").unwrap().dialect());
    Arc::new(memory)
}

fn heard(memory: &Arc<Memory>, frames: &[Vec<u8>]) -> (Vec<Message>, Vec<String>) {
    let mut connection = Connection::new(memory.clone());
    let (mut messages, mut answers) = (vec![], vec![]);
    for frame in frames {
        connection.push(frame);
        while let Some(heard) = connection.next() {
            let Heard::Frame(frame) = heard else { panic!("{heard:?}") };
            messages.extend(frame.messages);
            answers.extend(frame.answers.iter().map(|answer| answer.shown(false)));
        }
    }
    (messages, answers)
}

fn seal(id: &str, message: u16, body: &str) -> Vec<u8> {
    seal_frame::build(message, &hex::decode(id).unwrap(), true, &hex::decode(body).unwrap())
}

fn times(memory: &Arc<Memory>, frame: Vec<u8>) -> Vec<String> {
    let (messages, _) = heard(memory, &[frame]);
    messages.iter().map(|message| message.time.map_or("none".into(), |time| time.to_rfc3339())).collect()
}

#[test]
fn the_time_of_every_kind_of_record_is_read_in_the_zone_of_the_devices_clock() {
    let alarm_and = format!("00000000{}", &BODY[8..]);
    let batch = format!("000201001c{alarm_and}001c{alarm_and}");
    let frames = [
        (0x0200, alarm_and.clone(), 1),
        (0x0704, batch, 2),
        (0x0210, format!("1c{alarm_and}"), 1),
        (0x0210, "64251118022611".to_owned(), 1),
    ];
    for (zone, want) in [
        ("UTC", "2025-11-18T02:26:11+00:00"),
        ("+08:00", "2025-11-17T18:26:11+00:00"),
        ("-05:30", "2025-11-18T07:56:11+00:00"),
    ] {
        let memory = zoned(zone);
        for (message, body, count) in &frames {
            let told = times(&memory, seal(ID, *message, body));
            assert_eq!(told, vec![want; *count], "{zone} {message:#06x}");
            let others = times(&memory, seal("000794308011", *message, body));
            assert_eq!(others, vec!["2025-11-18T02:26:11+00:00"; *count], "another device");
        }
        let unset = times(&memory, seal(ID, 0x0210, "64000000000000"));
        assert_eq!(unset, ["none"], "a clock that was never set is no time in any zone");
    }
}

#[test]
fn an_explanation_names_the_zone_it_read_a_time_in() {
    let frame = seal(ID, 0x0210, "64251118022611");
    let field = |explanation: crate::domain::explain::Explanation| {
        let field = explanation.fields.into_iter().find(|field| field.name.starts_with("date and time"));
        field.map(|field| (field.name, field.value)).unwrap()
    };
    let (name, value) = field(explain(&frame));
    assert_eq!(name, "date and time");
    assert!(value.contains("02:26:11"), "{value}");
    let (name, value) = field(explain_by(&frame, &zoned("+08:00")));
    assert_eq!(name, "date and time (device clock +08:00)");
    assert!(value.contains("2025-11-17") && value.contains("18:26:11"), "{value}");
}

/// A sub-device's report with serial 18, in a frame with serial 110.
fn wlnet(master: &str) -> Vec<u8> {
    let payload =
        "2c352c322c19042111353422348344113550520f0000190421113533e0172600041201681057040040000000310029";
    [format!("({master},1,110,WLNET").into_bytes(), hex::decode(payload).unwrap()].concat()
}

#[test]
fn a_masters_profile_decides_which_serial_acknowledges_before_the_settings_do() {
    let (sub, frame) = ("(P69,0,18)", "(P69,0,110)");
    let with = |wlnet_ack| Dialect { wlnet_ack, ..Dialect::default() };
    for (settings, profile, want) in [
        (WlnetAck::SubDevice, None, vec![sub]),
        (WlnetAck::Frame, None, vec![frame]),
        (WlnetAck::SubDevice, Some(WlnetAck::Frame), vec![frame]),
        (WlnetAck::Frame, Some(WlnetAck::SubDevice), vec![sub]),
        (WlnetAck::SubDevice, Some(WlnetAck::Both), vec![sub, frame]),
    ] {
        let memory = Arc::new(Memory::new(Settings { wlnet_ack: settings }));
        memory.set_dialect(&key("8130630001"), with(profile));
        assert_eq!(heard(&memory, &[wlnet("8130630001")]).1, want, "{settings:?} {profile:?}");
        memory.set_dialect(&key("8130630001"), Dialect::default());
        let common = heard(&memory, &[wlnet("8130630001")]).1;
        assert_eq!(heard(&memory, &[wlnet("8130630002")]).1, common, "set back, as any other");
    }
}

#[test]
fn a_lock_report_is_acknowledged_by_version_then_by_profile_then_in_both_ways() {
    let report = "(8000400055,P45,070121,074116,22.58071,N,113.91734,E,A,0,0,8,0,0000000000,0,0,13,0)";
    for (version, profile, want) in [
        (None, None, vec!["(P46)", "(P69,0,13)"]),
        (None, Some(ReportAck::P69), vec!["(P69,0,13)"]),
        (None, Some(ReportAck::P35), vec!["(P46)"]),
        (Some(0x19), Some(ReportAck::P35), vec!["(P69,0,13)"]),
        (Some(0x17), Some(ReportAck::P69), vec!["(P46)"]),
    ] {
        let memory = Arc::new(Memory::default());
        memory.set_dialect(&key("8000400055"), Dialect { report_ack: profile, ..Dialect::default() });
        if let Some(version) = version {
            memory.learn_version(&key("8000400055"), version);
        }
        assert_eq!(heard(&memory, &[report.into()]).1, want, "{version:?} {profile:?}");
    }
}

#[test]
fn what_is_shipped_leaves_the_acknowledgements_to_version_and_settings() {
    for profile in Profiles::shipped().iter() {
        assert_eq!(profile.dialect(), Dialect::default(), "{}", profile.name);
    }
}
