//! Every field has a name: changed alone, it changes what that name says and nothing else.

use super::*;
use crate::domain::Unknown;
use std::collections::BTreeSet;

/// A sentence with all fields in their order, nothing filled that can be empty.
const PLAIN: [&str; 20] = [
    "$POS",
    "6094",
    "205523.000",
    "A",
    "1013.6223",
    "N",
    "06728.4248",
    "W",
    "0.0",
    "99.3",
    "011112",
    "",
    "",
    "",
    "/00000",
    "000000",
    "/",
    "/1",
    "/",
    "/",
];

fn sentence(fields: &[&str]) -> String {
    fields.join(",").replace(",/", "/") + "/"
}

/// The plain sentence with one field filled in another way.
fn with(place: usize, text: &str) -> Message {
    let mut fields = PLAIN;
    fields[place] = text;
    line(&sentence(&fields))
}

/// What differs between two messages, as paths into their JSON.
fn changed(from: &Message, to: &Message) -> Vec<String> {
    fn flat(path: &str, value: &Value, into: &mut BTreeSet<(String, String)>) {
        match value {
            Value::Object(map) if path != "events" => {
                map.iter().for_each(|(key, value)| flat(&format!("{path}.{key}"), value, into));
            }
            value => _ = into.insert((path.trim_start_matches('.').to_owned(), value.to_string())),
        }
    }
    let of = |message: &Message| {
        let mut all = BTreeSet::new();
        flat("", &serde_json::to_value(message).unwrap(), &mut all);
        all
    };
    let (from, to) = (of(from), of(to));
    let paths: BTreeSet<String> = from.symmetric_difference(&to).map(|(path, _)| path.clone()).collect();
    paths.into_iter().collect()
}

#[test]
fn each_field_alone_changes_one_named_thing() {
    let plain = line(&sentence(&PLAIN));
    for (place, text, names) in [
        (0, "$SPD", &["events"][..]),
        (1, "6095", &["device"]),
        (2, "205524.000", &["time"]),
        (3, "V", &["position.fix"]),
        (4, "1014.6223", &["position.lat"]),
        (5, "S", &["position.lat"]),
        (6, "06729.4248", &["position.lon"]),
        (7, "E", &["position.lon"]),
        (8, "10.0", &["position.speed_kmh"]),
        (9, "99.4", &["position.heading_deg"]),
        (10, "021112", &["time"]),
        (11, "1.2", &["unknown"]),
        (12, "E", &["unknown"]),
        (13, "D", &["details.mode"]),
        (14, "/01000", &["inputs"]),
        (15, "010000", &["outputs"]),
        (16, "/1f8", &["details.adc"]),
        (17, "/2", &["odometer_m"]),
        // A driver is told twice on purpose: as what is there, and as the event it means.
        (18, "/0012AB", &["details.driver", "events"]),
        // The third digit is also the satellites of a position.
        (19, "/fb7", &["details.state_digits", "position.satellites"]),
        (19, "/fb7/x,1", &["details.spec", "details.state_digits", "position.satellites"]),
    ] {
        assert_eq!(changed(&plain, &with(place, text)), names, "{place} {text}");
    }
}

/// Of a tracker with more lines than any capture shows.
#[test]
fn each_input_and_output_line_changes_itself() {
    let (plain, dark) = (with(14, "/00000000"), with(15, "00000000"));
    for at in 0..8 {
        let string: String = (0..8).map(|n| if n == at { '1' } else { '0' }).collect();
        let message = with(14, &format!("/{string}"));
        // Line 1 is the SOS button: a level as well.
        let names: &[&str] = if at == 0 { &["inputs", "levels"] } else { &["inputs"] };
        assert_eq!(changed(&plain, &message), names, "{string}");
        assert_eq!(message.inputs, Some(string.clone()));
        assert_eq!(changed(&dark, &with(15, &string)), ["outputs"], "{string}");
    }
}

#[test]
fn each_state_digit_is_told_raw() {
    for (state, digits) in [("f00", [15, 0, 0]), ("0A0", [0, 10, 0]), ("00b", [0, 0, 11])] {
        let message = with(19, &format!("/{state}"));
        assert_eq!(message.details.state_digits, Some(digits));
        assert_eq!(message.position.unwrap().satellites, Some(digits[2]));
        assert_eq!((message.battery_pct, message.signal), (None, None), "their scale is unknown");
    }
}

#[test]
fn analogue_inputs_are_raw_counts_as_many_as_there_are() {
    for (text, counts) in [
        ("/0", vec![0]),
        ("/1,0", vec![1, 0]),
        ("/142,0,0,3ff", vec![0x142, 0, 0, 0x3FF]),
        ("/1,2,3,4,5,6,7", vec![1, 2, 3, 4, 5, 6, 7]),
        ("/", vec![]),
    ] {
        let message = with(16, text);
        assert_eq!((message.details.adc, message.unknown), (counts, vec![]), "{text}");
    }
}

#[test]
fn a_filled_pt621_sentence_has_a_name_for_everything() {
    let message = line(
        "$POS,86532802624386,151105.000,A,1332.7096,N,00204.6787,E,10.0,10.00,050517,,,D/0100011,1000000/1,2,3,4,5/234/E2001A/FD9/1.0,23.5/",
    );
    assert!(message.unknown.is_empty(), "{:?}", message.unknown);
    let details = &message.details;
    assert_eq!((message.inputs.as_deref(), message.outputs.as_deref()), (Some("0100011"), Some("1000000")));
    assert_eq!((&details.adc[..], details.mode), (&[1, 2, 3, 4, 5][..], Some('D')));
    assert_eq!((details.driver.as_deref(), details.spec.as_deref()), (Some("E2001A"), Some("1.0,23.5")));
    assert_eq!(details.state_digits, Some([15, 13, 9]));
    assert_eq!(message.events, [DeviceEvent::Driver { id: "E2001A".into() }]);
}

fn one_unknown(message: &Message) -> (&str, &str) {
    let [Unknown { what, value }] = &message.unknown[..] else { panic!("{:?}", message.unknown) };
    (what, value)
}

#[test]
fn what_cannot_be_read_is_kept_under_its_name() {
    for (place, text, what, value) in [
        (2, "995523.000", "odd time", "995523.000"),
        (4, "xx", "odd coordinates", "xx,N,06728.4248,W"),
        (4, "", "odd coordinates", ",N,06728.4248,W"),
        (8, "-1", "odd speed", "-1"),
        (9, "26815635", "odd course", "26815635"),
        (9, "west", "odd course", "west"),
        (10, "320112", "odd date", "320112"),
        (11, "1.2", "magnetic variation", "1.2"),
        (12, "E", "side of the variation", "E"),
        (13, "AD", "odd mode", "AD"),
        (13, "A,7,8", "extra field of the head", "7,8"),
        (14, "/0?000", "odd inputs", "0?000"),
        (15, "2", "odd outputs", "2"),
        (15, "00000,9", "extra lines", "9"),
        (16, "/zz,1", "odd adc", "zz,1"),
        (16, "/12345", "odd adc", "12345"),
        (17, "/1x", "odd odometer", "1x"),
        (19, "/fffff", "odd state", "fffff"),
        (19, "/fff/spec/more/yet", "extra group", "more/yet"),
    ] {
        let message = with(place, text);
        assert_eq!(one_unknown(&message), (what, value), "{text}");
        assert_eq!(message.device.as_deref(), Some("6094"), "the rest is read");
    }
    // As many values as fit a line: one name, 64 characters.
    let many = with(16, &format!("/{}", "1,".repeat(100)));
    assert_eq!(one_unknown(&many).0, "odd adc");
    assert_eq!(one_unknown(&many).1.chars().count(), 64);
}

/// User-defined alarms exist: any code is an event. Those that no paper names are counted, too.
#[test]
fn codes_without_a_name_are_events_and_counted() {
    for code in ["DFR", "OIL", "X42", "IN0"] {
        let message = with(0, &format!("${code}"));
        assert_eq!(message.events, [DeviceEvent::Custom { code: code.into() }]);
        assert_eq!(one_unknown(&message), (format!("code {code}").as_str(), ""));
    }
    for code in ["POS", "PHO", "MLA", "IN1", "IN4", "IU5", "FDA", "PHO12-1"] {
        assert!(with(0, &format!("${code}")).unknown.is_empty(), "{code}");
    }
    // A type with more than five inputs counts on.
    assert_eq!(with(0, "$IN7").events, [DeviceEvent::Input { line: 7, on: true }]);
    assert_eq!(with(0, "$IU9").events, [DeviceEvent::Input { line: 9, on: false }]);
}

#[test]
fn an_announcement_tells_model_firmware_and_hardware() {
    let message = only(b"$FUS865328026243864,510-V1.12,A11-V3.0\r\r");
    let details = &message.details;
    let told = [&details.model, &details.firmware, &details.hardware].map(|text| text.as_deref().unwrap());
    assert_eq!(told, ["510", "V1.12", "A11-V3.0"]);
    assert!(message.unknown.is_empty());
    let odd = line("$FUS1234,V7,,more,yet");
    assert_eq!((odd.details.model.as_deref(), odd.details.firmware.as_deref()), (None, Some("V7")));
    assert_eq!(
        (odd.details.hardware.as_deref(), one_unknown(&odd)),
        (None, ("extra field of FUS", "more,yet"))
    );
}

#[test]
fn lines_without_a_name_are_counted_by_their_word() {
    assert_eq!(one_unknown(&line("$XYZ,ok")), ("word XYZ", ""));
    assert_eq!(one_unknown(&line("$ABCDEFGHIJ,ok")), ("a word longer than 8", "ABCDEFGHIJ"));
    assert!(line("$OPC1,1").unknown.is_empty(), "a word of a command");
}
