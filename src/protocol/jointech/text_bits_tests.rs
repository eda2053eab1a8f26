//! The walk over everything the notes name of text frames and of the legacy trackers. See `bits_tests`.

use super::bits_tests::*;
use super::{decode_binary, decode_text};
use crate::protocol::{HeardFrame, Memory};
use std::collections::BTreeSet;

fn text(frame: &str) -> HeardFrame {
    decode_text(frame.as_bytes(), None, &Memory::default()).unwrap()
}

fn text_facts(frame: &str) -> BTreeSet<String> {
    facts(&text(frame).messages[0])
}

fn p45(happened: &str, tail: &str) -> BTreeSet<String> {
    text_facts(&format!("(8000400055,P45,070121,074116,22.58071,N,113.91734,E,A,0,0,{happened},13,0{tail})"))
}

#[test]
fn lock_report_codes() {
    let base = p45("8,0,0000000000,0,0", "");
    let codes = |fact: String, unknown: &str| {
        vec!["-event {\"name\":\"rope_pulled\"}".into(), fact, format!("unknown {unknown}")]
    };
    let rows = [
        ("9,0,0000000000,0,0", codes(custom("P45 source 9"), "P45 source 9")),
        ("1,11,0000000000,0,0", codes(custom("P45 source 1 verification 11"), "P45 verification 11")),
        ("6,97,0000000000,1,0", codes(custom("P45 source 6 verification 97"), "P45 verification 97")),
        ("4,1,0000000000,2,0", codes(custom("P45 source 4 password 2"), "P45 password flag 2")),
    ];
    for (happened, want) in rows {
        check(&base, &p45(happened, ""), want, happened);
    }
    check(&base, &p45("8,0,0000000000,0,3", ""), one("details.wrong_passwords=3"), "wrong passwords");
}

#[test]
fn lock_report_tails_are_taken_by_shape() {
    let happened = "8,0,0000000000,0,0";
    let base = p45(happened, "");
    let rows: [(&str, &[&str]); 7] = [
        (",863977039060817", &["details.imei=863977039060817"]),
        (",7", &["details.fence=7"]),
        (
            ",460:0:19526:584115",
            &[
                "details.cell.id=584115",
                "details.cell.lac=19526",
                "details.cell.mcc=460",
                "details.cell.mnc=0",
            ],
        ),
        (",1757000000", &["details.tail_items=1"]),
        (",1757000000,13800138000,some name", &["details.tail_items=3"]),
        (",,", &[]),
        (",7,8", &["details.fence=7", "details.tail_items=1"]),
    ];
    for (tail, want) in rows {
        let want = want.iter().map(|fact| (*fact).to_owned()).collect();
        check(&base, &p45(happened, tail), want, tail);
    }
}

#[test]
fn replies_carry_facts() {
    let said = |frame: &str| {
        let message = text(frame).messages.remove(0);
        (message.details, message.battery_pct, message.unknown, message.events)
    };
    let (details, battery, ..) = said("(8130630001,P01,JT701D_20210311_R1.2.7,41%)");
    assert_eq!((details.firmware.as_deref(), battery), (Some("JT701D_20210311_R1.2.7"), Some(41)));
    assert_eq!(said("(8130630001,P14,863977039060817)").0.imei.as_deref(), Some("863977039060817"));
    assert_eq!(said("(8130630001,P68,1,460001234567890)").0.imsi.as_deref(), Some("460001234567890"));
    assert_eq!(
        said("(8130630001,P68,2,89860012345678901234)").0.iccid.as_deref(),
        Some("89860012345678901234")
    );
    assert_eq!(said("(8130630001,P22,0)").0.prefers_fix, Some(true));
    let enrolled = said("(8130630001,P42,2,0008627839,0008627840)").3;
    let want = vec!["0008627839".to_owned(), "0008627840".to_owned()];
    assert_eq!(enrolled, [crate::domain::DeviceEvent::CardsEnrolled { cards: want }]);
}

#[test]
fn every_word_of_the_notes_is_known_and_no_other() {
    let p_words = [
        1, 2, 3, 4, 6, 10, 11, 12, 13, 14, 15, 22, 23, 24, 29, 30, 31, 32, 37, 38, 39, 40, 41, 42, 43, 44,
        50, 54, 58, 59, 61, 62, 63, 65, 68, 70, 83, 94, 97, 98, 99,
    ];
    for n in (0..=99).filter(|n| ![45, 52].contains(n)) {
        let unknown = text(&format!("(8130630001,P{n:02},1)")).messages.remove(0).unknown;
        let told: Vec<_> = unknown.iter().map(|u| (u.what.as_str(), u.value.as_str())).collect();
        let word = format!("word P{n:02}");
        assert_eq!(told, if p_words.contains(&n) { vec![] } else { vec![(word.as_str(), "1")] }, "P{n:02}");
    }
    let unknown = |frame: &str| {
        let unknown = text(frame).messages.remove(0).unknown;
        unknown.iter().map(|u| format!("{} = {}", u.what, u.value)).collect::<Vec<_>>().join("; ")
    };
    for index in [1, 2, 4, 8, 18] {
        assert_eq!(unknown(&format!("(8130630001,1,001,WLNET,{index},1)")), "");
    }
    assert_eq!(unknown("(8130630001,1,001,WLNET,9,1)"), "word WLNET,9 = 9,1");
    assert_eq!(unknown("(8130630001,1,001,WLNET,7,abc)"), "content of a gateway upload = 616263");
    assert_eq!(unknown("(8130630001,1,001,OTA,9,1)"), "");
    assert_eq!(unknown("(794104004140,1,001,BASE,2,TIME)"), "");
    assert_eq!(unknown("(794104004140,1,001,NEWS,2,735912)"), "word NEWS = 2,******");
    assert_eq!(unknown("(740190311185,1,001,ELOCK,1,12345)"), "word ELOCK,1 = 1,******");
    assert_eq!(unknown("(8130630001,@JT)"), "");
    assert_eq!(unknown("(8130630001,@JT,5)"), "further item = 5");
    assert_eq!(unknown("(3301210003,S07,1)"), "");
    assert_eq!(unknown("(3301210003,S55,1)"), "word S55 = 1");
    assert_eq!(unknown("(3301210003,U04,1,2)"), "word U04 = 1,2");
    assert_eq!(unknown("(3301210003,U09,1,2)"), "word U09 = 1,2");
    let trip = text("(3301210003,U09,1,2)").messages.remove(0).details.message;
    assert_eq!(trip.as_deref(), Some("trip"));
}

// ---- legacy ----

#[test]
fn legacy_texts() {
    let u01 = |bits: &str, cell: &str, more: &str| {
        text_facts(&format!(
            "(3301210003,U01,040812,185302,T,22.564025,N,113.242329,E,5.21,152,9,32%,{bits},{cell},22,100,1{more})"
        ))
    };
    let base = u01("00000000000000", "0,0", "");
    for bit in 0..14 {
        let bits = format!("{:014b}", 1 << bit);
        let want = vec![format!("details.status_bits={bits}"), format!("unknown status bit {bit}")];
        check(&base, &u01(&bits, "0,0", ""), want, &bits);
    }
    let cell = vec!["details.cell.id=10133".into(), "details.cell.lac=5173".into()];
    check(&base, &u01("00000000000000", "10133,5173", ""), cell, "cell");
    check(&base, &u01("00000000000000", "0,0", ",33"), vec![], "checksum");
    check(&base, &u01("00000000000000", "0,0", ",33,4"), one("unknown U01 further item 1 4"), "further");
    let w01 = |alert: &str| {
        text_facts(&format!("(3120820029,W01,02553.3555,E,2438.0997,S,A,171012,053339,0,8,20,6,31,{alert})"))
    };
    let want = vec![custom("W01 alert 5"), "unknown W01 alert 5".into()];
    check(&w01("0"), &w01("5"), want, "alert");
    check(&w01("0"), &w01("0,20"), one("unknown W01 further item 1 20"), "further");
}

fn record(version: u8, data_type: u8, tail: &str) -> BTreeSet<String> {
    let tail = tail.replace(' ', "");
    let frame = format!("244081118888{version:x}{data_type:x}001b09060908045322564025113242329f0598{tail}00");
    facts(&decode_binary(&hex::decode(frame).unwrap(), false).messages[0])
}

#[test]
fn legacy_records() {
    let base = record(1, 1, "07 00 00 0000 0000 0000 1f");
    let rows = [
        ("07 19 00 0000 0000 0000 1f", one("details.power=25")),
        ("07 00 02 0000 0000 0000 1f", vec!["details.flags=2".into(), "unknown flag 1".into()]),
        ("07 00 00 0010 0000 0000 1f", one("position.altitude_m=16")),
        ("07 00 00 0000 0001 0002 1f", vec!["details.cell.id=1".into(), "details.cell.lac=2".into()]),
        ("07 00 00 0000 0000 0000 63", one("-signal")),
    ];
    for (tail, want) in rows {
        check(&base, &record(1, 1, tail), want, tail);
    }
    let base = record(2, 1, "00 00000000 00000000 00");
    check(&base, &record(2, 1, "01 00000000 00000000 02"), one("details.fuel=[258]"), "fuel");
    check(&base, &record(2, 1, "00 00000000 0000002d 00"), one("odometer_m=45000"), "mileage");
    for bit in 0..32 {
        let word = format!("{:08x}", 1_u32 << bit);
        let want = vec![format!("details.status_bits={word}"), format!("unknown status bit {bit}")];
        check(&base, &record(2, 1, &format!("00 {word} 00000000 00")), want, &word);
    }
    let base = record(3, 1, "000 000 000 00000 000000");
    check(&base, &record(3, 1, "001 002 003 00000 000000"), one("details.fuel=[1,2,3]"), "fuel");
    check(&base, &record(3, 1, "000 000 000 0002d 000000"), one("odometer_m=45000"), "mileage");
    let want = vec!["details.status_bits=000004".into(), "unknown status bit 2".into()];
    check(&base, &record(3, 1, "000 000 000 00000 000004"), want, "status");
    let told = record(7, 1, "01020304050607080900");
    assert!(told.contains("unknown record of version 7 01020304050607080900"), "{told:?}");
    let base = record(1, 1, "07 00 00 0000 0000 0000 1f");
    for (code, want) in [
        (2, one("details.data_type=alarm")),
        (3, vec!["details.data_type=blind_area".into(), "replayed=true".into()]),
        (4, one("details.data_type=backlog")),
        (9, vec!["-details.data_type".into(), "unknown data type 9".into()]),
    ] {
        check(&base, &record(1, code, "07 00 00 0000 0000 0000 1f"), want, "data type");
    }
}
