//! The encoders against captured frames: the same field values must give the very same bytes.

use super::{Fix, bofan, master, seal};
use chrono::{DateTime, Utc};

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The captured bytes of one corpus line: its `hex`, or the items of its `stream`.
fn captured(file: &str, id: &str) -> Vec<Vec<u8>> {
    let path = format!("{}/tests/vectors/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let line = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .find(|line| line["id"] == id)
        .unwrap_or_else(|| panic!("{id} is not in {path}"));
    match &line["stream"] {
        serde_json::Value::Array(items) => items.iter().map(|item| bytes(item.as_str().unwrap())).collect(),
        _ => vec![bytes(line["hex"].as_str().unwrap())],
    }
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

#[track_caller]
fn assert_bytes(made: &[u8], file: &str, id: &str) {
    let want = captured(file, id).concat();
    assert_eq!(hex::encode(made), hex::encode(&want), "{id}: {}", String::from_utf8_lossy(&want));
}

fn fix(lat: f64, lon: f64) -> Fix {
    Fix { lat, lon, valid: true, speed_kmh: 0.0, heading: 0.0 }
}

#[test]
fn master_binary_frame() {
    let position = master::Position {
        time: utc("2021-04-18T16:22:59Z"),
        fix: Fix { speed_kmh: 33.3, heading: 304.0, ..fix(22.580517, 113.917572) },
        mileage_km: 45,
        satellites: 6,
        status: master::status::COVER_CLOSED
            | master::status::MOTOR_LOCKED
            | master::status::ROPE_IN
            | master::status::ANSWER_WANTED,
        battery: 40,
        cell: master::Cell { mcc: 460, mnc: 1, lac: 0x2866, id: 0x1092 },
        signal: 31,
        fence: 0,
        wake_source: 1,
    };
    let made = master::position("8000620011", master::DataType::Live, 86, &position);
    assert_bytes(&made, "jointech-master", "jointech-master-22");
}

fn report(time: &str, fix: Fix, source: u8, verification: u8) -> master::LockReport {
    let time = utc(time);
    let (card, password_ok, wrong_count, mileage_km) = (0, true, 0, 58);
    master::LockReport { time, fix, source, verification, card, password_ok, wrong_count, mileage_km }
}

#[test]
fn lock_reports() {
    let opened = report("2021-01-06T08:12:57Z", fix(22.58047, 113.91753), 4, 1);
    assert_bytes(&master::lock_report("8000400055", 5, &opened), "jointech-master", "jointech-master-19");

    let locked = report("2021-01-06T08:10:12Z", fix(22.5808, 113.91751), 5, 0);
    let locked = master::LockReport { password_ok: false, ..locked };
    assert_bytes(&master::lock_report("8000400055", 3, &locked), "jointech-master", "jointech-master-20");

    let moving = Fix { speed_kmh: 36.0, heading: 270.0, ..fix(22.56035, 114.0164) };
    let by_card = report("2020-07-17T02:06:14Z", moving, 1, 1);
    let by_card = master::LockReport { card: 8_627_839, password_ok: false, mileage_km: 5, ..by_card };
    assert_bytes(&master::lock_report("8000620011", 24, &by_card), "jointech-master", "jointech-master-18");
}

#[test]
fn sub_lock_reports() {
    let old_firmware = master::SubReport {
        master_time: utc("2021-04-19T11:35:34Z"),
        fix: fix(22.580573, 113.917533),
        time: utc("2021-04-19T11:35:33Z"),
        id: [0xe0, 0x17, 0x26, 0x00, 0x04],
        voltage: 360,
        battery: 16,
        rssi: 87,
        body: master::SubBody::Lock { kind: 4, event: 0x0040, status: 0, cycles: 49, gateway: 0, card: None },
    };
    let made = master::sub_report("8130630001", 110, 18, &old_firmware);
    assert_bytes(&made, "jointech-master", "jointech-master-16");

    let with_card = master::SubReport {
        master_time: utc("2026-08-06T11:55:07Z"),
        fix: Fix { valid: false, ..fix(-0.0, -0.0) },
        time: utc("2026-08-06T11:55:07Z"),
        id: [0xe0, 0x3b, 0x60, 0x00, 0x0a],
        voltage: 312,
        battery: 99,
        rssi: 22,
        body: master::SubBody::Lock {
            kind: 4,
            event: 0x0004,
            status: 0x0004,
            cycles: 19,
            gateway: 0,
            card: Some(0),
        },
    };
    let made = master::sub_report("8055430364", 77, 131, &with_card);
    assert_bytes(&made, "jointech-master", "jointech-master-23");
}

#[test]
fn sensor_report_with_a_byte_that_must_be_hidden() {
    let report = master::SubReport {
        master_time: utc("2025-02-28T08:59:53Z"),
        fix: fix(-25.282147, -57.546567),
        time: utc("2025-02-28T08:59:55Z"),
        id: [0x10, 0x21, 0x22, 0x06, 0x18],
        voltage: 320,
        battery: 100,
        rssi: 71,
        body: master::SubBody::Climate { temperature_tenths: 285, humidity: 67, stored: 0, gateway: 0 },
    };
    let made = master::sub_report("8054201973", 168, 115, &report);
    assert!(made.windows(2).any(|pair| pair == [0x3d, 0x15]), "the day, BCD 28, looks like a bracket");
    assert_bytes(&made, "jointech-master", "jointech-master-01");
}

#[test]
fn hiding_and_finding_are_inverse_for_every_byte() {
    let all: Vec<u8> = (0..=255).collect();
    let hidden = master::escape(&all);
    assert!(!hidden.iter().any(|byte| matches!(byte, 0x28 | 0x29 | 0x2c)));
    let mut found = Vec::new();
    let mut rest = hidden.iter();
    while let Some(&byte) = rest.next() {
        found.push(if byte == 0x3d { rest.next().unwrap() ^ 0x3d } else { byte });
    }
    assert_eq!(found, all);
}

#[test]
fn seal_report() {
    use seal::{LockEvent, Tlv, status};
    let report = seal::Report {
        alarm: 0,
        status: status::FIX
            | status::SOUTH
            | status::WEST
            | status::GNSS
            | status::MOTOR_UNLOCKED
            | (2 << status::WAKE_SHIFT)
            | (1 << 6)
            | (1 << 19),
        lat: -25.269608,
        lon: -57.602956,
        altitude_m: 92,
        speed_kmh: 1.8,
        heading: 0,
        time: utc("2025-11-18T11:26:11Z"),
        extras: vec![
            Tlv::Battery(100),
            Tlv::Voltage(418),
            Tlv::Signal(29),
            Tlv::Satellites(12),
            Tlv::Other(0xf4, vec![4]),
            Tlv::Version(7),
            Tlv::MileageKm(144),
            Tlv::Cell { mcc: 744, mnc: 4, cell: 0x0004_4a15, lac: 0x0fe6 },
            Tlv::Other(0xef, vec![0x4a]),
            Tlv::Event(LockEvent::Card { code: 34, card: 6_437_449, result: Some(0x65) }),
        ],
    };
    let made = seal::frame(seal::REPORT, "794308010679", 0x0138, &seal::report(&report));
    assert_bytes(&made, "jointech-seal", "jointech-seal-01");
}

#[test]
fn seal_frames_survive_their_escapes() {
    for body in [vec![0x7e, 0x7d, 0x01, 0x7d, 0x02], vec![], (0..=255).collect()] {
        let frame = seal::frame(seal::BATCH, "7943080106", 0x7e7d, &body);
        let (first, rest) = frame.split_first().unwrap();
        let (last, inner) = rest.split_last().unwrap();
        assert_eq!((*first, *last), (0x7e, 0x7e));
        assert!(!inner.contains(&0x7e), "a delimiter inside");
        assert_eq!(seal::unwrap(inner), Some(seal::Heard { message: seal::BATCH, body }));
    }
    let mut broken = seal::frame(seal::HEARTBEAT, "794308010679", 1, &[]);
    broken[3] ^= 1;
    assert_eq!(seal::unwrap(&broken[1..broken.len() - 1]), None);
}

fn sentence(code: &str, id: &str, time: &str, fix: Fix) -> bofan::Sentence {
    bofan::Sentence {
        code: code.to_owned(),
        id: id.to_owned(),
        time: Some(utc(time)),
        fix,
        inputs: [false, false, false, true, false],
        outputs: [false; 5],
        adc: vec![0; 4],
        odometer_m: 0,
        state: 0xfd7,
        spec_group: true,
        stored: false,
    }
}

fn sailing(lat: f64, lon: f64, knots: f64, heading: f64) -> Fix {
    Fix { speed_kmh: knots * 1.852, heading, ..fix(lat, lon) }
}

#[test]
fn bofan_bare_sentences() {
    let made = bofan::Sentence {
        odometer_m: 250_161_300,
        ..sentence("POS", "0000001", "2021-04-29T11:27:42Z", sailing(9.015083, 38.751015, 13.12, 212.34))
    };
    assert_bytes(&made.bytes(), "bofan", "bofan-01");
    let braking = bofan::Sentence {
        adc: vec![0x23b, 0, 0, 0],
        odometer_m: 19_949_100,
        state: 0xfa4,
        ..sentence("HDB", "20007", "2016-10-04T13:47:08Z", sailing(6.436265, 3.50532, 26.55, 80.37))
    };
    assert_bytes(&braking.bytes(), "bofan", "bofan-05");
}

#[test]
fn bofan_frame_of_stored_sentences() {
    let rows = [
        ("2017-10-29T18:22:41Z", 8.76816, -75.869563, 13.58, 26.88, 0x142, 62_792_900, 0xf65),
        ("2017-10-29T18:22:51Z", 8.768747, -75.869242, 15.52, 36.93, 0x141, 62_793_000, 0xf68),
        ("2017-10-29T18:23:24Z", 8.77106, -75.867675, 18.94, 29.90, 0x13e, 62_793_300, 0xf97),
        ("2017-10-29T18:23:26Z", 8.771217, -75.86759, 19.12, 30.42, 0x140, 62_793_300, 0xf98),
    ];
    let body: Vec<u8> = rows
        .into_iter()
        .flat_map(|(time, lat, lon, knots, heading, fuel, odometer_m, state)| {
            let sentence = sentence("POS", "1360000277", time, sailing(lat, lon, knots, heading));
            let (inputs, adc, stored) = ([false; 5], vec![fuel, 0, 0, 0], true);
            bofan::Sentence { inputs, adc, odometer_m, state, stored, ..sentence }.bytes()
        })
        .collect();
    assert_bytes(&bofan::envelope(&body, true), "bofan-frames", "bofan-frame-01");
}

#[test]
fn bofan_delta_in_a_frame() {
    let outputs = [true, false, false, false, false];
    let first = bofan::Sentence {
        outputs,
        odometer_m: 15_986_500,
        state: 0xfb8,
        spec_group: false,
        ..sentence("POS", "1151000", "2014-08-17T20:53:26Z", sailing(9.021728, -79.471252, 48.79, 30.55))
    };
    let second = bofan::Sentence {
        outputs,
        odometer_m: 15_989_800,
        state: 0xfb7,
        spec_group: false,
        ..sentence("POS", "1151000", "2014-08-17T20:58:25Z", sailing(9.038772, -79.412485, 58.52, 79.14))
    };
    let delta = bofan::delta(&first.bytes(), &second.bytes()).unwrap();
    let made = [bofan::envelope(&first.bytes(), false), bofan::envelope(&delta, false)].concat();
    assert_bytes(&made, "bofan-delta", "bofan-delta-01");
}

/// Every delta of the second capture, made from the sentences its chain stands for.
#[test]
fn bofan_bare_delta_chain() {
    let stream = captured("bofan-delta", "bofan-delta-02");
    let sentence = |time: &str, course: &str| {
        format!(
            "$POS,3760971,{time}.000,A,2036.3883,N,10323.9836,W,0.0,{course},281117,,,A/00000,00000/0/0//\r\n"
        )
        .into_bytes()
    };
    let told = [
        sentence("145733", "119.5"),
        sentence("145748", "26815635"),
        sentence("145803", "119.5"),
        sentence("145818", "119.5"),
        sentence("145833", "119.5"),
    ];
    assert_eq!(told[0], stream[0]);
    for (pair, want) in told.windows(2).zip(&stream[1..]) {
        assert_eq!(bofan::delta(&pair[0], &pair[1]).as_ref(), Some(want));
    }
}

#[test]
fn what_a_delta_cannot_say_is_sent_whole() {
    assert_eq!(bofan::delta(b"$POS,1,2/3\r\n", b"$POS,1,/3\r\n"), None, "a field that became empty");
    assert_eq!(bofan::delta(b"$POS,1,2/3\r\n", b"$POS,1/3\r\n"), None, "a field less");
    let shorter = bofan::delta(b"$POS,1,12.5/3\r\n", b"$POS,1,12/3\r\n").unwrap();
    assert_eq!(shorter[2..], [2, 1, 1, b'2'], "a field that lost its tail repeats one character");
}

#[test]
fn photo_chunks_are_cut_to_the_picture() {
    let picture: Vec<u8> = (0..100).collect();
    let frame = bofan::photo_chunk(&picture, 96, 960).unwrap();
    assert_eq!(frame[5..], *b"$PHD96,4,\x60\x61\x62\x63\r\n");
    assert_eq!(bofan::photo_chunk(&picture, 100, 10), None);
    assert_eq!(bofan::photo_chunk(&picture, 500, 10), None);
}
