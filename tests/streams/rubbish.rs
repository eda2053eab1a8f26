//! Rubbish before and between frames. What may be claimed:
//!
//! - bytes that begin no frame, whatever they look like, never change the next frame, and are refused to the last one;
//! - bytes that begin a frame may hold what follows for as long as that frame claims to be: 4096 bytes at most. After
//!   that the next frame is heard;
//! - at the end of a datagram, or of a stream, nothing is carried over.

use super::frames::{Case, Told, fresh, hear};
use super::{cases, config, hostile, is_delta, lengths, split};
use lockyard::protocol::detect::{Detected, Framing, LONGEST_PREFIX, detect};
use proptest::prelude::*;

/// Bytes full of starts, of heads that are cut short, and of heads that lie.
fn starts() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(b"$(~@\xbf\xfb".to_vec()).prop_map(|byte| vec![byte]),
        2 => prop::collection::vec(any::<u8>(), 0..6),
        1 => Just(b"$PO".to_vec()),
        1 => Just(b"$GPRMC,123519,A".to_vec()),
        1 => Just(b"$POSX".to_vec()),
        1 => Just(b"((".to_vec()),
        1 => Just(b"(,".to_vec()),
        1 => Just(b"~~".to_vec()),
        1 => Just(b"~\x02\x00\x00\x4d\x79\x43\x08\x0a".to_vec()),
        1 => Just(b"~\x7d\x03".to_vec()),
        1 => Just(b"\xbf\xfb\xff\x05\x00$".to_vec()),
        1 => Just(b"\xbf\xfb\xff\x01\x10$".to_vec()),
        1 => Just(b"\xbf\xfb\xff\x20\x00x".to_vec()),
        1 => Just(b"$\x80\x00\x62\x00\x11\x19\x11\x00\x11".to_vec()),
        1 => Just(b"$\x80\x00\x62\x00\x1a".to_vec()),
        1 => Just(b"@\x00\x40".to_vec()),
        1 => Just(b"@M\x02\x04\x0648.000".to_vec()),
    ];
    prop::collection::vec(piece, 1..10).prop_map(|pieces| pieces.concat())
}

/// Whether no frame begins inside the first `length` bytes.
fn begins_none(bytes: &[u8], length: usize) -> bool {
    (0..length).all(|at| {
        let rest = &bytes[at..];
        let found = detect(&rest[..rest.len().min(LONGEST_PREFIX)]);
        // A delta is looked for in no rubbish, but a connection may begin with one.
        found == Detected::Unknown || (at > 0 && found == Detected::Is(Framing::BofanDelta))
    })
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0 | b' ')
}

/// What must be the same of a frame, whatever was heard on the connection before it.
fn meaning(told: &Told) -> Vec<String> {
    let keys = ["kind", "device", "time", "position", "lock", "parts", "valve", "events", "serial", "raw"];
    let pick = |object: &serde_json::Value| keys.map(|key| object[key].to_string()).join(" ");
    told.objects.iter().map(pick).collect()
}

/// A frame that says by itself what it is.
fn speaks_for_itself(case: &Case) -> bool {
    !is_delta(case) && case.reads.len() == 1 && case.bytes()[0] != b'('
}

fn look_alikes() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 15] = [
        b"$NRM,SAMPLE,1.0.0,NR,01,L,864495030000001,DL01,1,28052018,101000,28.000000,N,77.000000,E*3F\r\n",
        b"$NMP,SAMPLE,,1,28052018*00\r\n",
        b"$EPB,EMR,864495030000001,NM,28052018101000,A,28.0,N,77.0,E\r\n",
        b"$LGN,,864495030000001,1.0\r\n",
        b"$RLP,,864495030000001\r\n",
        b"$TEL123,1234,020*\r\n",
        b"$MGV002,860719020193193,DeviceName,R,240214,104742,A,2238.20471,N,11401.97967,E\r\n",
        b"$SLU031B2B,06,622,170329035057,01,170329035057*B0\r\n",
        b"$EIT,ABCD,1,2,3\r\n",
        b"$EXT,1,2,3\r\n",
        b"$loc,TMG,866425031361423,10032018,104018,1,12.9,N,77.6,E\r\n",
        b"$GPRMC,3760971,145733.000,A,2036.3883,N,10323.9836,W,0.0,119.5,281117,,,A*7C\r\n",
        b"*HQ,353505221264507,V1,100220,A,2234.0,N,11402.0,E,0.00,295,060909,FFFFFBFF#",
        b"\x78\x78\x0d\x01\x01\x23\x45\x67\x89\x01\x23\x45\x00\x01\x8c\xdd\x0d\x0a",
        b"$\x41\x09\x06\x09\x08\x04\x53\x22\x56\x40\x25\x11\x32\x42\x32\x9f\x05\x98\x00\x00\x01\x00\x3f\x00\x00\x00\x2d\x00\xab\x00\x00\x00",
    ];
    texts.map(<[u8]>::to_vec).to_vec()
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn what_begins_no_frame_never_changes_the_next(
        rubbish in starts(), good in cases(|c| !is_delta(c)), lengths in lengths(),
    ) {
        let stream = [rubbish.as_slice(), &good.bytes()].concat();
        prop_assume!(begins_none(&stream, rubbish.len()));
        // A delimiter that closes the rubbish could open the frame: what then begins is no frame of its own.
        let want = hear([good.bytes().as_slice()]);
        for told in [hear([stream.as_slice()]), hear(split(&stream, &lengths))] {
            prop_assert_eq!(&told.objects, &want.objects, "{} {:?}", hex::encode(&rubbish), told.refusals);
            let blanks = rubbish.iter().take_while(|byte| is_blank(byte)).count();
            prop_assert_eq!(told.refused, rubbish.len() - blanks);
        }
    }

    #[test]
    fn four_kilobytes_on_the_next_frame_is_heard(
        rubbish in prop_oneof![starts(), hostile()], good in cases(speaks_for_itself), lengths in lengths(),
    ) {
        let before = [rubbish.as_slice(), &[0xFF; 4200]].concat();
        let stream = [before.as_slice(), &good.bytes()].concat();
        let want = meaning(&hear([good.bytes().as_slice()]));
        let told = meaning(&hear(split(&stream, &lengths)));
        prop_assert!(told.ends_with(&want), "{} then {}", hex::encode(&rubbish), good.id);
        prop_assert_eq!(told.len(), hear([before.as_slice()]).objects.len() + want.len());
    }

    #[test]
    fn nothing_is_carried_from_one_datagram_to_the_next(
        rubbish in prop_oneof![starts(), hostile()], good in cases(speaks_for_itself),
    ) {
        let mut connection = fresh();
        let mut told = Told::default();
        connection.push(&rubbish);
        connection.close();
        told.drain(&mut connection);
        let before = told.objects.len();
        connection.push(&good.bytes());
        connection.close();
        told.drain(&mut connection);
        prop_assert!(meaning(&told)[before..].ends_with(&meaning(&hear([good.bytes().as_slice()]))));
    }

    /// A longer prefix never contradicts a shorter one: heads of every family, frames of the corpus, other makers'.
    #[test]
    fn detection_never_changes_its_mind(
        head in prop_oneof![
            cases(|_| true).prop_map(|case| case.bytes()),
            prop::sample::select(look_alikes()),
            starts(),
        ],
        keep in 0_usize..24,
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let bytes = [&head[..keep.min(head.len())], &tail].concat();
        let mut said = Detected::NeedMore;
        for n in 0..=bytes.len() {
            let now = detect(&bytes[..n]);
            prop_assert!(said == Detected::NeedMore || said == now, "{}: {:?}, then {:?}", hex::encode(&bytes), said, now);
            prop_assert!(now != Detected::NeedMore || n < LONGEST_PREFIX);
            said = now;
        }
    }
}

/// Other makers' frames are heard as nobody's position and under nobody's name.
#[test]
fn other_makers_are_not_taken_for_ours() {
    for bytes in look_alikes() {
        let told = hear([bytes.as_slice()]);
        for object in &told.objects {
            assert!(object["position"].is_null(), "{object:#}");
            assert!(object["kind"] != "position", "{object:#}");
            if bytes[1].is_ascii() {
                assert!(object["device"].is_null(), "{object:#}");
            }
        }
        // And whoever speaks after them is heard.
        let told = hear([bytes.as_slice(), &[0xFF; 4200], b"(8000620011,P22,2)"]);
        assert_eq!(told.objects.last().unwrap()["kind"], "time_request", "{:?}", told.refusals);
    }
}
