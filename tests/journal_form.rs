//! The short form in which the journal writes frames: nothing is lost by it, and the long form is still read.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

#[expect(dead_code, reason = "only the corpus is needed here")]
mod frames;

use lockyard::domain::identity::Arrival;
use lockyard::domain::journal::{Body, FrameRecord, Transport};
use lockyard::domain::message::{Level, Levels, SubDevice};
use lockyard::domain::{
    Details, DeviceEvent, DeviceKey, LockState, Message, MessageKind, PartState, Parts, Position, Protocol,
    ValveState,
};
use lockyard::protocol::Heard;
use proptest::prelude::*;
use serde_json::{Value, json};

fn record(messages: Vec<Message>) -> FrameRecord {
    FrameRecord {
        device: DeviceKey::jointech("8000620011"),
        transport: Transport::Tcp,
        peer: "192.0.2.1:40000".parse().unwrap(),
        arrival: Arrival::default(),
        messages,
        raw: Vec::new(),
        base: None,
    }
}

fn there_and_back(record: &FrameRecord) -> String {
    let text = serde_json::to_string(&Body::Frame(record.clone())).unwrap();
    assert!(!text.contains("null"), "{text}");
    assert_eq!(serde_json::from_str::<Body>(&text).unwrap(), Body::Frame(kept(record)), "{text}");
    text
}

/// What the journal keeps of a record: all, but of the details of other messages than Bofan's only the firmware. The
/// raw frame tells them again.
fn kept(record: &FrameRecord) -> FrameRecord {
    let mut record = record.clone();
    for message in record.messages.iter_mut().filter(|message| message.protocol != Protocol::Bofan) {
        let firmware = message.details.firmware.take();
        message.details = Details { firmware, ..Details::default() };
    }
    record
}

/// As records were written before.
fn long_form(record: &FrameRecord) -> Value {
    json!({
        "entry": "frame", "device": record.device, "transport": record.transport, "peer": record.peer,
        "messages": record.messages,
    })
}

fn corpus() -> Vec<Message> {
    let mut messages = Vec::new();
    for case in frames::corpus() {
        let mut connection = frames::fresh();
        for read in &case.reads {
            connection.push(read);
        }
        connection.close();
        while let Some(heard) = connection.next() {
            if let Heard::Frame(frame) = heard {
                messages.extend(frame.messages);
            }
        }
    }
    assert!(messages.len() > 70);
    messages
}

#[test]
fn every_frame_of_the_corpus_comes_back_as_it_was() {
    for message in corpus() {
        there_and_back(&record(vec![message]));
    }
    there_and_back(&record(corpus()));
}

#[test]
fn the_long_form_is_still_read() {
    for message in corpus() {
        let record = record(vec![message]);
        let read: Body = serde_json::from_value(long_form(&record)).unwrap();
        assert_eq!(read, Body::Frame(record));
    }
}

#[test]
fn a_usual_frame_takes_less_than_half_of_the_long_form() {
    let usual = "2480006200111911003418042116225922348310113550543f12980000002d060000000020e028109228661f000100000f0f0f0f0f0f0f0f000001cc0156";
    let mut connection = frames::fresh();
    connection.push(&hex::decode(usual).unwrap());
    let Some(Heard::Frame(frame)) = connection.next() else { panic!("the manual's own frame") };
    let record = record(frame.messages);
    let (short, long) = (there_and_back(&record), long_form(&record).to_string());
    assert!(short.len() * 2 < long.len(), "{} of {}: {short}", short.len(), long.len());
}

#[test]
fn what_makes_no_sense_is_refused_and_not_read_as_something_else() {
    let read = |message: Value| {
        serde_json::from_value::<Body>(json!({
            "entry": "frame", "d": "jointech/1", "n": "tcp", "a": "192.0.2.1:1", "m": [message],
        }))
    };
    assert!(read(json!({})).is_ok());
    for bad in [
        json!({"s": "cc"}),
        json!({"s": "cxc"}),
        json!({"t": i64::MAX}),
        json!({"zz": 1}),
        json!({"w": {"y": 1}}),
    ] {
        assert!(read(bad.clone()).is_err(), "{bad}");
    }
}

fn part() -> impl Strategy<Value = Option<PartState>> {
    prop::option::of(prop_oneof![Just(PartState::Closed), Just(PartState::Open)])
}

fn lock() -> impl Strategy<Value = Option<LockState>> {
    prop::option::of(prop_oneof![
        Just(LockState::Locked),
        Just(LockState::Unlocked),
        Just(LockState::Unseated),
        Just(LockState::Unknown)
    ])
}

prop_compose! {
    fn message()(
        parts in (part(), part(), part()), lock in lock(), follows in any::<bool>(),
        device in prop::option::of("[0-9]{1,12}"), millis in prop::option::of(1_104_537_600_000_i64..4_000_000_000_000),
        place in prop::option::of((-90.0..90.0, -180.0..180.0, any::<bool>(), prop::option::of(0.0..900.0))),
        levels in prop::collection::vec((0..14_usize, any::<bool>()), 0..14), replayed in any::<bool>(),
        battery in any::<Option<u8>>(), charging in any::<Option<bool>>(), serial in any::<Option<u32>>(),
        volts in prop::option::of(0.0..20.0), odometer in any::<Option<u64>>(), text in prop::option::of("[ -~é港]{0,20}"),
        sub in any::<Option<u8>>(),
    ) -> Message {
        let mut message = Message::new(Protocol::Bofan, MessageKind::Other);
        if replayed { message.protocol = Protocol::JointechMaster; message.kind = MessageKind::Position }
        message.parts = Parts { motor: parts.0, rope: parts.1, cover: parts.2 };
        message.lock = if follows { Some(message.parts.lock()) } else { lock };
        message.device = device;
        message.time = millis.map(|millis| chrono::DateTime::from_timestamp_millis(millis).unwrap());
        message.position = place.map(|(lat, lon, fix, speed_kmh)| Position { lat, lon, fix, speed_kmh, ..Position::default() });
        let mut told = Levels::default();
        for (n, holds) in levels { told.report(Level::ALL[n], holds) }
        message.levels = told;
        message.replayed = replayed;
        (message.battery_pct, message.charging, message.serial) = (battery, charging, serial);
        (message.voltage_v, message.odometer_m) = (volts, odometer);
        message.events = text.iter().map(|code| DeviceEvent::Custom { code: code.clone() }).collect();
        (message.inputs, message.outputs, message.error) = (text.clone(), text.clone(), text);
        message.sub_device = sub.map(|type_code| SubDevice { type_code, id: "E0".into(), ..SubDevice::default() });
        message.valve = sub.map(|n| if n % 2 == 0 { ValveState::Closed } else { ValveState::Unknown });
        message
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_message_comes_back_as_it_was(messages in prop::collection::vec(message(), 0..4)) {
        let record = record(messages);
        there_and_back(&record);
        prop_assert_eq!(serde_json::from_value::<Body>(long_form(&record)).unwrap(), Body::Frame(record));
    }
}
