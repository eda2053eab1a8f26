//! Sentences from captures and vendor papers, and what must become of damaged ones.

use super::*;

/// Every position sentence known, as captured but for the end where the capture lacks it; with what must come out:
/// ID, time of day, fix, km/h, heading, odometer, satellites.
type Wanted = (&'static str, &'static str, bool, Option<f64>, Option<f64>, Option<u64>, Option<u8>);

fn samples() -> Vec<(&'static str, Wanted)> {
    vec![
        (
            "$POS,0000001,112742.000,A,0900.9050,N,03845.0609,E,13.12,212.34,290421,,,A/00010,00000/0,0,0,0/250161300//fd7//",
            ("0000001", "112742", true, Some(24.3), Some(212.34), Some(250_161_300), Some(7)),
        ),
        (
            "$POS,718005258,121930.000,V,0514.0960,S,14547.3245,E,0.0,0.0,151020,,/00000,00000/0,0,0,0/106945600//f00//",
            ("718005258", "121930", false, Some(0.0), Some(0.0), Some(106_945_600), Some(0)),
        ),
        (
            "$PHO3821-1,1156802639,022125.000,A,0707.0014,N,07307.3725,W,0.0,0.1,110418,,,A/00000,00000/0,0,0,0/500//fd4//",
            ("1156802639", "022125", true, Some(0.0), Some(0.1), Some(500), Some(4)),
        ),
        (
            "$POS,1360000277,182241.000,A,0846.0896,N,07552.1738,W,13.58,26.88,291017,,,A/00000,00000/142,0,0,0/62792900//f65//#",
            ("1360000277", "182241", true, Some(25.2), Some(26.88), Some(62_792_900), Some(5)),
        ),
        (
            "$PHO0-1,1360000260,123012.000,A,0913.9644,N,07548.8345,W,0.0,309.8,111017,,,A/00000,10000/0,0,0,0/64551600//f98//",
            ("1360000260", "123012", true, Some(0.0), Some(309.8), Some(64_551_600), Some(8)),
        ),
        (
            "$POS,865328026243864,151105.000,A,1332.7096,N,204.6787,E,0.0,10.00,050517,,,A/00000,10/1,0/234//FD9/",
            ("865328026243864", "151105", true, Some(0.0), Some(10.0), Some(234), Some(9)),
        ),
        (
            "$HDA,20007,134657.000,A,0626.1607,N,00330.2245,E,33.38,81.79,041016,,,A/00010,00000/270,0,0,0/19948900//fa4//",
            ("20007", "134657", true, Some(61.8), Some(81.79), Some(19_948_900), Some(4)),
        ),
        (
            "$HDB,20007,134708.000,A,0626.1759,N,00330.3192,E,26.55,80.37,041016,,,A/00010,00000/23b,0,0,0/19949100//fa4//",
            ("20007", "134708", true, Some(49.2), Some(80.37), Some(19_949_100), Some(4)),
        ),
        (
            "$POS,20007,134704.000,A,0626.1698,N,00330.2870,E,31.23,79.58,041016,,,A/00010,00000/26c,0,0,0/19949100//fa4//#",
            ("20007", "134704", true, Some(57.8), Some(79.58), Some(19_949_100), Some(4)),
        ),
        (
            "$PHO6608,115099,133140.000,A,1307.1238,N,05936.4194,W,0.00,21.50,290816,,,A/00010,00000/0,0,0,0/185100//f59/",
            ("115099", "133140", true, Some(0.0), Some(21.5), Some(185_100), Some(9)),
        ),
        (
            "$DFR,40456789,083125.000,A,2232.0971,N,11400.9504,E,0.0,5.00,090714,,,A/00000,00/0,0/200076//FE7/",
            ("40456789", "083125", true, Some(0.0), Some(5.0), Some(200_076), Some(7)),
        ),
        (
            "$FDA,40456789,083125.000,A,2232.0971,N,11400.9504,E,0.0,5.00,090714,,,A/00000,00/0,0/200076//FE7/",
            ("40456789", "083125", true, Some(0.0), Some(5.0), Some(200_076), Some(7)),
        ),
        (
            "$CPA,40456789,083125.000,A,2232.0971,N,11400.9504,E,7.62,265.24,291117,,,A/00000,00000/0/1200//#",
            ("40456789", "083125", true, Some(14.1), Some(265.24), Some(1200), None),
        ),
        (
            "$POS,216769295715,163237.000,A,3258.1738,S,02755.4350,E,0.00,215.88,100915,,,A/0000,0//232300//5b3/",
            ("216769295715", "163237", true, Some(0.0), Some(215.88), Some(232_300), Some(3)),
        ),
        (
            "$POS,11023456,033731.000,A,0335.2617,N,09841.1587,E,0.00,88.12,210615,,,A/0000,0/1f8/388900//f33//",
            ("11023456", "033731", true, Some(0.0), Some(88.12), Some(388_900), Some(3)),
        ),
        (
            "$POS,6094,205523.000,A,1013.6223,N,06728.4248,W,0.0,99.3,011112,,,A/00000,00000/0/23895000//",
            ("6094", "205523", true, Some(0.0), Some(99.3), Some(23_895_000), None),
        ),
        (
            "$POS,6094,210722.000,A,1013.6223,N,06728.4248,W,0.0,99.3,011112,,,A/00000,00000/0/23895000//",
            ("6094", "210722", true, Some(0.0), Some(99.3), Some(23_895_000), None),
        ),
        (
            "$POS,6094,222537.000,A,1012.4660,N,06728.5809,W,6.06,133.30,011112,,,A/00000,00000/0/23900300//",
            ("6094", "222537", true, Some(11.2), Some(133.3), Some(23_900_300), None),
        ),
        (
            "$POS,6120,233326.000,V,0935.1201,N,06914.6933,W,0.00,,151112,,,A/00000,00000/0/0/",
            ("6120", "233326", false, Some(0.0), None, Some(0), None),
        ),
        (
            "$POS,6002,233257.000,A,0931.0430,N,06912.8707,W,0.05,146.98,141112,,,A/00010,00000/0/5360872",
            ("6002", "233257", true, Some(0.1), Some(146.98), Some(5_360_872), None),
        ),
        (
            "$POS,6095,233344.000,V,0933.0451,N,06912.3360,W,,,151112,,,N/00000,00000/0/1677600/",
            ("6095", "233344", false, None, None, Some(1_677_600), None),
        ),
        (
            "$PHO0,6091,233606.000,A,0902.9855,N,06944.3654,W,0.0,43.8,141112,,,A/00010,00000/0/224000//",
            ("6091", "233606", true, Some(0.0), Some(43.8), Some(224_000), None),
        ),
        (
            "$POS,353451000164,082405.000,A,1254.8501,N,10051.6752,E,0.00,237.99,160513,,,A/0000,0/0/55000//a71/",
            ("353451000164", "082405", true, Some(0.0), Some(237.99), Some(55_000), Some(1)),
        ),
        (
            "$POS,10000,102215.000,V,2233.8171,N,14205.6367,W,0.0,0.0,250411",
            ("10000", "102215", false, Some(0.0), Some(0.0), None, None),
        ),
    ]
}

#[test]
fn every_sample_is_read() {
    for (text, (device, clock, fix, speed, heading, odometer, satellites)) in samples() {
        let message = line(text);
        let position = message.position.unwrap();
        assert_eq!(message.device.as_deref(), Some(device), "{text}");
        assert_eq!(time(&message), clock, "{text}");
        assert_eq!(message.replayed, text.ends_with('#'), "{text}");
        assert_eq!((position.fix, position.satellites), (fix, satellites), "{text}");
        assert_eq!((position.speed_kmh, position.heading_deg), (speed, heading), "{text}");
        assert_eq!(message.odometer_m, odometer, "{text}");
        assert_eq!((message.battery_pct, message.signal), (None, None), "their scale is unknown");
    }
}

#[test]
fn a_short_longitude_and_the_four_quarters() {
    let at = |lat: &str, lon: &str| {
        let message =
            line(&format!("$POS,6094,205523.000,A,{lat},{lon},0.0,99.3,011112,,,A/00000,00000/0/1//"));
        message.position.map(|position| (position.lat, position.lon))
    };
    assert_eq!(at("1332.7096,N", "204.6787,E"), Some((13.545_160, 2.077_978)));
    assert_eq!(at("1332.7096,S", "00204.6787,W"), Some((-13.545_160, -2.077_978)));
    assert_eq!(at("0000.0000,S", "00000.0000,W"), Some((0.0, 0.0)));
    assert!(at("0000.0000,S", "00000.0000,W").unwrap().0.is_sign_positive());
    assert_eq!(at("9000.0000,N", "18000.0000,E"), Some((90.0, 180.0)));
    for (lat, lon) in [
        ("9000.0001,N", "00000.0000,E"),
        ("0000.0000,N", "18000.0001,E"),
        ("0060.0000,N", "00000.0000,E"),
        ("0000.0000,X", "00000.0000,E"),
        ("0000.0000,N", ",E"),
        ("-000.0000,N", "00000.0000,E"),
        ("1e1,N", "00000.0000,E"),
        (",", ","),
    ] {
        assert_eq!(at(lat, lon), None, "{lat} {lon}");
    }
}

#[test]
fn a_device_that_never_saw_the_sky_still_speaks() {
    let message = line("$POS,7210285832,184655.000,V,,,,,,,140209,,,N/00000,00000/6/0/");
    assert_eq!((message.kind, message.device.as_deref()), (MessageKind::Position, Some("7210285832")));
    assert_eq!((message.time, message.position), (None, None));
    assert_eq!(message.inputs.as_deref(), Some("00000"));
    let alarm = line("$IN1,7210285832,184655.000,V,,,,,,,140209,,,N/10000,00000/6/0/");
    assert_eq!(alarm.events, [DeviceEvent::Sos]);
    assert_eq!(alarm.levels.get(Level::Sos), Some(true));
    // The same day with a fix is a day; before 2005 none is.
    let dated = |flag: &str, date: &str| {
        let text =
            format!("$POS,6094,205523.250,{flag},1013.6223,N,06728.4248,W,0.0,99.3,{date},,,A/0/0/1//");
        line(&text).time.map(|time| time.format("%F %T%.3f").to_string())
    };
    assert_eq!(dated("A", "140209").as_deref(), Some("2009-02-14 20:55:23.250"));
    assert_eq!(dated("V", "140209"), None);
    assert_eq!(dated("A", "311204"), None);
    assert_eq!(dated("A", "010105").as_deref(), Some("2005-01-01 20:55:23.250"));
}

#[test]
fn inputs_outputs_driver_and_sos() {
    let message =
        line("$IN4,6094,205523.000,A,1013.6223,N,06728.4248,W,0.0,99.3,011112,,,A/00010,01/0/1/0012AF/f12/");
    assert_eq!((message.inputs.as_deref(), message.outputs.as_deref()), (Some("00010"), Some("01")));
    assert_eq!(message.events, [DeviceEvent::IgnitionOn, DeviceEvent::Driver { id: "0012AF".into() }]);
    assert_eq!(message.levels.get(Level::Sos), Some(false));
    let bare = line("$IN4,6094,205523.000,A,1013.6223,N,06728.4248,W,0.0,99.3,011112");
    assert_eq!((bare.inputs, bare.outputs, bare.events.len()), (None, None, 0));
    assert!(bare.levels.is_empty());
    let custom = line(
        "$DFR,40456789,083125.000,A,2232.0971,N,11400.9504,E,0.0,5.00,090714,,,A/00000,00/0,0/200076//FE7/",
    );
    assert_eq!(custom.events, [DeviceEvent::Custom { code: "DFR".into() }]);
}

/// A field that makes no sense is left out; the alarm is not lost for it.
#[test]
fn an_alarm_survives_an_odd_field() {
    for odd in [
        "$IN1,6094,995523.000,A,1013.6223,N,06728.4248,W,0.0,99.3,011112,,,A/10000,00000/0/1//",
        "$IN1,6094,205523.000,A,1013.6223,N,06728.4248,W,0.0,99.3,320112,,,A/10000,00000/0/1//",
        "$IN1,6094,205523.000,A,xx,N,06728.4248,W,0.0,99.3,011112,,,A/10000,00000/0/1//",
        "$IN1,6094,205523.000,A,1013.6223,N,06728.4248,W,-1,99.3,011112,,,A/10000,00000/0/1//",
        "$IN1,6094,205523.000,A,1013.6223,N,06728.4248,W,99999,99.3,011112,,,A/10000,00000/0/1//",
        "$IN1,6094,205523.000,A,1013.6223,N,06728.4248,W,0.0,26815635,011112,,,A/1?000,00000/0/1x//",
    ] {
        let message = line(odd);
        assert_eq!(message.events, [DeviceEvent::Sos], "{odd}");
        let whole = message.time.is_some()
            && message.position.is_some_and(|position| position.speed_kmh.is_some())
            && message.odometer_m.is_some();
        assert!(!whole, "{odd}");
    }
}

#[test]
fn lines_that_are_no_positions() {
    let firmware = only(b"$FUS865328026243864,510-V1.12,A11-V3.0\r\r");
    assert_eq!((firmware.kind, firmware.device.as_deref()), (MessageKind::Firmware, Some("865328026243864")));
    let command = firmware.command.unwrap();
    assert_eq!((command.word.as_str(), command.params.join(" ")), ("FUS", "510-V1.12 A11-V3.0".to_owned()));

    // Replies were never captured; the line keeps its words and is of the device that spoke last.
    let said = hear(b"$POS,6094,205523.000,A,1013.6223,N,06728.4248,W,0.0,99.3,011112,,,A/0/0/1//\r\n$OPC1,1\r\n$XYZ,ok\r\n");
    let messages = messages(&said);
    let told: Vec<_> = messages[1..].iter().map(|m| (m.kind, m.command.clone().unwrap().word)).collect();
    assert_eq!(
        told,
        [(MessageKind::CommandReply, "OPC1".to_owned()), (MessageKind::Other, "XYZ".to_owned())]
    );
    assert!(messages.iter().all(|message| message.device.as_deref() == Some("6094")));
    assert_eq!(line("$VER,510-V1.12").device, None);
}

#[test]
fn senseless_lines_are_refused_with_their_device() {
    for (text, device) in [
        ("$POS,6094,205523.000,X,1013.6223,N,06728.4248,W,0.0,99.3,011112,,,A/0/0/1//", Some("6094")),
        ("$IN1,6094,205523.000,A,1013.6223,N", Some("6094")),
        ("$,6094,1", None),
        ("$", None),
        ("$P\"S,1", None),
    ] {
        let said = hear(format!("{text}\r\n").as_bytes());
        let [Said::Refused { device: named, raw, .. }] = &said[..] else { panic!("{text}: {said:?}") };
        assert_eq!((named.as_deref(), raw.len()), (device, text.len() + 2), "{text}");
    }
}
