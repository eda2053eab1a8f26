//! Every frame explained field by field: the fields cover each byte once, in order, whatever is wrong with the frame,
//! and no password shows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod frames;

use frames::{corpus, hear};
use lockyard::domain::explain::{Certainty, Explanation};
use lockyard::protocol::detect::{Detected, Framing, detect};
use lockyard::protocol::explain::explain;
use proptest::prelude::*;

fn is_jointech(bytes: &[u8]) -> bool {
    let framing = detect(&bytes[..bytes.len().min(32)]);
    !matches!(framing, Detected::Is(Framing::BofanText | Framing::BofanFrame | Framing::BofanDelta))
}

/// The frames of the corpus, Bofan's left out.
fn jointech() -> Vec<(String, Vec<u8>)> {
    let reads = corpus().into_iter().flat_map(|case| {
        let id = case.id.clone();
        case.reads.into_iter().map(move |bytes| (id.clone(), bytes))
    });
    reads.filter(|(_, bytes)| is_jointech(bytes)).collect()
}

/// The fields of depth 0 tile the bytes, their hex is that of the bytes but for secrets, parts lie in their whole.
fn assert_tiles(bytes: &[u8], told: &Explanation) -> Result<(), TestCaseError> {
    let mut at = 0;
    let mut whole = (0, 0);
    for field in &told.fields {
        if field.depth == 0 {
            prop_assert_eq!(field.at, at, "gap or overlap before {:?}", field);
            prop_assert!(field.length > 0, "empty: {:?}", field);
            at += field.length;
            whole = (field.at, at);
        } else {
            prop_assert!(field.at >= whole.0 && field.at + field.length <= whole.1, "outside: {:?}", field);
        }
        let hex = hex::decode(&field.bytes).unwrap();
        prop_assert_eq!(hex.len(), field.length.min(32));
        for (n, byte) in hex.iter().enumerate() {
            prop_assert!(*byte == bytes[field.at + n] || *byte == b'*', "{:?}", field);
        }
    }
    prop_assert_eq!(at, bytes.len(), "{:?}", told);
    Ok(())
}

#[test]
fn sound_frames_are_explained_to_the_last_byte() {
    for (id, bytes) in jointech() {
        let told = explain(&bytes);
        assert_tiles(&bytes, &told).unwrap();
        let is_whole = !id.contains("senseless") && !id.contains("split") && !id.contains("rubbish");
        let unread = told.fields.iter().find(|field| field.name == "not read");
        assert!(!is_whole || unread.is_none(), "{id}: {unread:?}");
    }
}

#[test]
fn the_explanation_and_the_decoder_agree_on_who_speaks_and_what_is_wrong() {
    for case in corpus().into_iter().filter(|case| case.reads.len() == 1 && is_jointech(&case.bytes())) {
        let bytes = case.bytes();
        let (told, objects) = (explain(&bytes), hear([bytes.as_slice()]).objects);
        let is_invalid = objects.iter().any(|object| object["kind"] == "invalid");
        assert_eq!(told.verdict.is_some(), is_invalid, "{}: {:?} {objects:?}", case.id, told.verdict);
        let device = objects[0]["device"].as_str().unwrap();
        if let Some(id) = told.fields.iter().find(|field| field.name == "terminal ID") {
            assert_eq!(id.value.trim_start_matches('0'), device, "{}", case.id);
        }
        assert!(case.expect.is_none_or(|expect| expect.len() == objects.len()), "{}", case.id);
    }
}

#[test]
fn certainty_and_values_are_those_of_the_decoder() {
    let find = |told: &Explanation, name: &str| {
        let field =
            told.fields.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("no {name}: {told:#?}"));
        (field.value.clone(), field.unit.clone(), field.certainty, field.at)
    };
    let case = |id: &str| jointech().into_iter().find(|(name, _)| name == id).unwrap().1;

    let told = explain(&case("jointech-master-22"));
    assert_eq!((told.frame.as_str(), &told.verdict), ("master binary", &None));
    assert_eq!(find(&told, "speed"), ("33.3".into(), "km/h".into(), Certainty::Documented, 25));
    assert_eq!(find(&told, "bit 7 motor").0, "locked");
    assert_eq!(find(&told, "extended status 1: wake source").0, "1 timer");
    assert_eq!(find(&told, "data serial number"), ("86".into(), String::new(), Certainty::Documented, 61));

    let told = explain(&case("jointech-seal-01"));
    assert_eq!(told.frame, "seal 0x0200 position report");
    assert_eq!(find(&told, "item 0xEF"), ("4a".into(), String::new(), Certainty::Unknown, 81));
    assert_eq!(find(&told, "bit 21 motor").0, "UNLOCKED");
    assert_eq!(find(&told, "checksum").0, "0x97 right");

    // Its escapes make the raw places differ from those of the payload.
    let told = explain(&case("jointech-master-01"));
    assert_eq!(find(&told, "sub-device ID"), ("1021220618".into(), String::new(), Certainty::Documented, 53));

    let told = explain(&case("ours-senseless"));
    assert_eq!(told.verdict.as_deref(), Some("byte 10: no such date or time"));
    assert!(told.fields.iter().any(|f| f.certainty == Certainty::Wrong && f.at == 10));
}

/// Only a sub-lock's bits are documented throughout.
#[test]
fn bits_of_valve_locks_are_as_sure_as_the_notes_are() {
    let head = "28383030303632303031312c312c3131302c574c4e45542c352c322c20112610000022348310113550543f0a14201126095900e03b60000a120172505a";
    let tail = "000100030005000000000029";
    for (code, event, motor) in [
        ("04", ("bit 0 locked", Certainty::Documented), Certainty::Documented),
        ("06", ("bit 0 valve closed", Certainty::Documented), Certainty::Inferred),
        ("09", ("bit 0 valve closed", Certainty::Inferred), Certainty::Inferred),
    ] {
        let told = explain(&hex::decode([head, code, tail].concat()).unwrap());
        assert_eq!(told.verdict, None, "type {code}");
        let sure = |name: &str| told.fields.iter().find(|field| field.name == name).unwrap().certainty;
        assert_eq!(sure(event.0), event.1, "type {code}");
        assert_eq!(sure("bit 1 motor"), motor, "type {code}");
        assert_eq!(sure("bit 0 rope"), Certainty::Documented, "type {code}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    let verdict = |bytes: &[u8]| explain(bytes).verdict.unwrap_or_default();
    let seal = hex::decode("7e000200000007943080100001307e").unwrap();
    assert_eq!(verdict(&seal), "");
    let mut bad = seal.clone();
    bad[13] ^= 1;
    assert_eq!(verdict(&bad), "the checksum is 0x31, should be 0x30");
    let mut long = seal.clone();
    long.insert(13, 0);
    assert!(verdict(&long).starts_with("the body has 1 bytes, its head says 0"), "{}", verdict(&long));
    assert!(verdict(&seal[..12]).contains("without its closing 7E"));
    assert_eq!(verdict(b"(8000620011,P22"), "ends before its closing bracket");
    assert!(verdict(b"(8000620011,x)").contains("no word of any family"));
    let master = hex::decode("2480006200111911003418042116225922348310113550543f").unwrap();
    assert!(verdict(&master).contains("ends after 25 bytes, its header says 62"), "{}", verdict(&master));
}

#[test]
fn a_checksum_over_masked_secrets_cannot_be_checked() {
    let case = corpus().into_iter().find(|case| case.id == "ours-seal-password").unwrap();
    let bytes = case.bytes();
    let secret = bytes.windows(6).position(|six| six == b"735912").unwrap();
    let whole = explain(&bytes);
    assert_eq!(whole.verdict, None);
    assert!(
        !format!("{whole:?}").contains(&hex::encode("735912")) && !format!("{whole:?}").contains("735912")
    );
    let mut masked = bytes.clone();
    masked[secret..secret + 6].fill(b'*');
    let told = explain(&masked);
    assert_eq!(told.verdict, None);
    let sum = told.fields.iter().find(|field| field.name == "checksum").unwrap();
    assert!(sum.value.contains("cannot be checked: secrets are masked"), "{}", sum.value);
    // The checksum is itself no way to the password.
    masked[secret] = b'1';
    assert!(explain(&masked).verdict.unwrap().contains("checksum"));
}

#[test]
fn no_password_shows() {
    for text in [
        "(8000620011,P52,2,735912)",
        "(8000620011,P52,0,000000,735912)",
        "(8000620011,P44,735912)",
        "(8000620011,P43,735912)",
        "(8000620011,P06,host,8888,apn,user,735912,0)",
        "(740190311185,1,001,ELOCK,3,735912)",
        "(740190311185,1,001,NEWS,3,735912)",
        "(8000620011,P52,2,735912",
        "(8000620011,xx,735912)",
        "(P52,2,735912)",
        "x,P44,735912)",
    ] {
        let told = explain(text.as_bytes());
        assert_tiles(text.as_bytes(), &told).unwrap();
        let values: String =
            told.fields.iter().map(|field| format!("{} {}\n", field.value, field.bytes)).collect();
        let shows = values.contains("735912") || values.contains(&hex::encode("735912"));
        assert!(!shows, "{text}: {values}");
    }
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    (prop::sample::select(jointech()), prop::collection::vec(change, 0..6)).prop_map(
        |((_, mut bytes), changes)| {
            for (at, byte, how) in changes {
                if bytes.is_empty() {
                    break;
                }
                let at = at.index(bytes.len());
                match how {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    2 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at),
                }
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_byte_of_a_broken_frame_has_its_field(bytes in mutated()) {
        prop_assume!(is_jointech(&bytes));
        assert_tiles(&bytes, &explain(&bytes))?;
    }

    #[test]
    fn every_byte_of_rubbish_has_its_field(bytes in prop::collection::vec(any::<u8>(), 0..200), head in 0..8_usize) {
        let heads: [&[u8]; 8] = [b"", b"$", b"(", b"~", b"(8000620011,", b"(8000620011,1,001,WLNET,5,2,", b"\x7e\x02\x00\x00", b"\x24\x80\x00\x62\x00\x11\x19\x11\x00"];
        let bytes = [heads[head], bytes.as_slice()].concat();
        prop_assume!(is_jointech(&bytes));
        assert_tiles(&bytes, &explain(&bytes))?;
    }
}
