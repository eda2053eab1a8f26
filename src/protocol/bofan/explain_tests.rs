#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that reads out of range has failed, as it should"
)]

use super::*;
use crate::protocol::explain::explain as whole;
use proptest::prelude::*;

const SENTENCE: &[u8] =
    b"$CPA,1151000,205326.000,A,0901.3037,N,07928.2751,W,48.79,30.55,170814,,,A/00010,10000/1f8,0,0,0/15986500//fb8/\r\n";

fn framed(body: &[u8]) -> Vec<u8> {
    let [low, high] = u16::try_from(body.len() + 5).unwrap().to_le_bytes();
    [&[0xBF, 0xFB, xor(body), low, high], body].concat()
}

/// Every byte is in exactly one field of depth 0, in order; parts lie within the field before them.
fn assert_tiles(frame: &[u8], explanation: &Explanation) {
    let (mut at, mut within) = (0, 0..0);
    for field in &explanation.fields {
        assert_eq!(field.length.min(SHOWN) * 2, field.bytes.len(), "{field:?}");
        if field.depth == 0 {
            assert_eq!(field.at, at, "{field:?}");
            at += field.length;
            within = field.at..at;
        } else {
            assert!(within.start <= field.at && field.at + field.length <= within.end, "{field:?}");
        }
    }
    assert_eq!(at, frame.len());
}

fn value<'a>(explanation: &'a Explanation, name: &str) -> (&'a str, Certainty) {
    let field = explanation.fields.iter().find(|field| field.name == name);
    let field = field.unwrap_or_else(|| panic!("no {name}: {:#?}", explanation.fields));
    (&field.value, field.certainty)
}

#[test]
fn a_sentence_is_told_field_by_field() {
    let told = whole(SENTENCE);
    assert_tiles(SENTENCE, &told);
    assert_eq!((told.frame.as_str(), &told.verdict), ("Bofan sentence", &None));
    for (name, want, certainty) in [
        ("code", "CPA: power_cut", Certainty::Documented),
        ("device ID", "1151000", Certainty::Documented),
        ("time (UTC)", "20:53:26.000", Certainty::Captured),
        ("fix", "a fix", Certainty::Documented),
        ("latitude", "9.021728", Certainty::Documented),
        ("longitude", "-79.471252", Certainty::Documented),
        ("speed", "90.4 (48.79 knots)", Certainty::Documented),
        ("date", "2014-08-17", Certainty::Documented),
        ("mode", "A: autonomous", Certainty::Inferred),
        ("input 4 (ignition)", "on", Certainty::Inferred),
        ("output 1 (engine relay)", "on", Certainty::Inferred),
        ("analogue input 1", "504", Certainty::Inferred),
        ("odometer", "15986500", Certainty::Inferred),
        ("driver", "-", Certainty::Documented),
        ("satellites", "8 of 15", Certainty::Inferred),
    ] {
        assert_eq!(value(&told, name), (want, certainty), "{name}");
    }
}

#[test]
fn the_header_says_whether_it_is_right() {
    let frame = framed(&[SENTENCE, SENTENCE].concat());
    let told = whole(&frame);
    assert_tiles(&frame, &told);
    assert_eq!((told.frame.as_str(), &told.verdict), ("Bofan sentence in a BF FB frame", &None));
    assert_eq!(value(&told, "check (XOR of the body)").1, Certainty::Captured);
    assert_eq!(told.fields.iter().filter(|field| field.name == "device ID").count(), 2);

    let mut wrong = frame.clone();
    wrong[2] ^= 0x11;
    let told = whole(&wrong);
    assert_eq!(value(&told, "check (XOR of the body)").1, Certainty::Wrong);
    assert!(told.verdict.unwrap().contains("the XOR of the body"));
    wrong[2] = 0xFF;
    assert_eq!(value(&whole(&wrong), "check (XOR of the body)").0, "FF: not computed");
    let short = &frame[..frame.len() - 10];
    assert_eq!(value(&whole(short), "length of the whole frame").1, Certainty::Wrong);
    assert_tiles(short, &whole(short));
}

#[test]
fn a_delta_names_each_change() {
    let delta = hex::decode("407a0203073832352e303030040306322e33323633").unwrap();
    for frame in [delta.clone(), framed(&delta)] {
        let told = whole(&frame);
        assert_tiles(&frame, &told);
        assert_eq!(value(&told, "check (XOR of the sentence before)").0, "7A");
        assert_eq!(value(&told, "change of field 2: time (UTC)").0, "'825.000' from character 3 on");
        assert_eq!(value(&told, "change of field 4: latitude").0, "'2.3263' from character 3 on");
        assert_eq!((value(&told, "offset").0, value(&told, "length").0), ("3", "7"));
        assert_eq!(told.verdict, None);
    }
}

#[test]
fn photos_announcements_and_replies() {
    let chunk = [&b"$PHD960,6,"[..], &[0xFF, 0xD8, 1, 2, 3, 4], b"\r\n"].concat();
    let frame = framed(&chunk);
    let told = whole(&frame);
    assert_tiles(&frame, &told);
    assert_eq!(told.frame, "Bofan piece of a photo in a BF FB frame");
    assert_eq!((value(&told, "offset").0, value(&told, "length").0), ("960", "6"));
    assert_eq!(value(&told, "photo").0, "begins a JPEG");

    let told = whole(b"$FUS865328026243864,510-V1.12,A11-V3.0\r\r");
    assert_eq!(value(&told, "model and firmware").0, "model 510, firmware V1.12");
    assert_eq!(value(&told, "hardware").0, "A11-V3.0");

    let secret = framed(b"$PWD471108,ok\r\n");
    let told = whole(&secret);
    assert_tiles(&secret, &told);
    let text = format!("{told:?}");
    assert!(!text.contains("471108") && !text.contains(&hex::encode("471108")), "{text}");
}

#[test]
fn what_is_wrong_is_said() {
    let odd = b"$POS,6094,995523.000,A,1013.6223,N,06728.4248,W,0.0,26815635,011112,,,A/0x/0/1//\r\n";
    let told = whole(odd);
    assert_tiles(odd, &told);
    assert_eq!(told.verdict.as_deref(), Some("time (UTC) cannot be read"));
    assert_eq!(value(&told, "course"), ("26815635 (odd)", Certainty::Wrong));
    let damaged = b"$POS,6094,205523.000,X,1013.6223,N,06728.4248,W,0.0,99.3,011112,,,A/0/0/1//\r\n";
    assert!(whole(damaged).verdict.is_some());
}

/// The explanation and the decoder read the same: what one cannot read the other calls odd.
#[test]
fn it_says_odd_where_the_decoder_does() {
    for line in include_str!("../../../tests/vectors/bofan.jsonl").lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let Some(frame) = entry["hex"].as_str() else { continue };
        let frame = hex::decode(frame).unwrap();
        let told = whole(&frame);
        assert_tiles(&frame, &told);
        let Ok(Line::Report(report)) = sentence::read(&frame) else { continue };
        let odd = report.message.unknown.iter().any(|unknown| unknown.what.starts_with("odd"));
        let wrong = told.fields.iter().any(|field| field.certainty == Certainty::Wrong);
        assert_eq!(odd, wrong, "{entry}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_tiled(
        parts in prop::collection::vec(
            prop_oneof![
                Just(SENTENCE.to_vec()),
                Just(framed(SENTENCE)),
                Just(b"$PHD0,5,abcde\r\n".to_vec()),
                Just(b"$FUS1234,a,b\r\n".to_vec()),
                Just(b"$PWD1,2\r\n".to_vec()),
                Just(hex::decode("407a0203073832352e303030").unwrap()),
                prop::collection::vec(any::<u8>(), 0..40),
                "[$,/A-Z0-9.]{0,60}".prop_map(String::into_bytes),
            ],
            1..5,
        ),
        cut_off in 0_usize..30,
    ) {
        let mut frame = parts.concat();
        frame.truncate(frame.len().saturating_sub(cut_off));
        for frame in [frame.clone(), framed(&frame)] {
            let framing = match frame.first() {
                Some(0xBF) => Framing::BofanFrame,
                Some(b'@') => Framing::BofanDelta,
                _ => Framing::BofanText,
            };
            assert_tiles(&frame, &explain(&frame, framing));
        }
    }
}
