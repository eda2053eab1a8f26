//! Streams as networks deliver them: split anywhere, glued, with rubbish between, cut short, and hostile.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "streams/datagrams.rs"]
mod datagrams;
#[path = "streams/floods.rs"]
mod floods;
mod frames;
#[path = "streams/rubbish.rs"]
mod rubbish;
#[path = "streams/secrets.rs"]
mod secrets;

use frames::{Case, Told, corpus, fresh, hear};
use proptest::prelude::*;
use serde_json::Value;
use std::sync::LazyLock;

static CORPUS: LazyLock<Vec<Case>> = LazyLock::new(corpus);

/// Bare deltas end where the next frame or quiet is; rubbish after one is part of it. They have tests of their own.
fn is_delta(case: &Case) -> bool {
    case.reads.iter().any(|read| read.first() == Some(&b'@'))
}

fn is_wlnet(case: &Case) -> bool {
    case.bytes().windows(6).any(|part| part == b"WLNET,")
}

fn cases(fits: fn(&Case) -> bool) -> impl Strategy<Value = Case> {
    let chosen: Vec<Case> = CORPUS.iter().filter(|case| fits(case)).cloned().collect();
    assert!(chosen.len() > 20);
    prop::sample::select(chosen)
}

/// Bytes of which none begins a frame.
fn rubbish() -> impl Strategy<Value = Vec<u8>> {
    let dull = |b: &u8| !matches!(*b, b'$' | b'(' | b'~' | b'@' | 0xBF);
    prop::collection::vec(any::<u8>().prop_filter("begins a frame", dull), 0..40)
}

/// Cuts `bytes` into pieces of these lengths, over and over.
fn split<'a>(bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let mut pieces = vec![];
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*length).clamp(1, rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![1_usize..4, 1_usize..200], 1..8)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn any_order_any_split_rubbish_between(
        order in prop::collection::vec((cases(|c| !is_delta(c)), rubbish()), 1..8),
        lengths in lengths(),
    ) {
        let clean: Vec<Vec<u8>> = order.iter().map(|(case, _)| case.bytes()).collect();
        let want = hear(clean.iter().map(Vec::as_slice));
        prop_assert_eq!(want.refused, 0);
        let claimed: usize = order.iter().filter_map(|(case, _)| case.expect.as_ref()).map(Vec::len).sum();
        prop_assert!(want.objects.len() >= claimed, "frames of other families on the connection cost messages");
        let dirty: Vec<u8> = order.iter().flat_map(|(case, rubbish)| [case.bytes(), rubbish.clone()].concat()).collect();
        let told = hear(split(&dirty, &lengths));
        prop_assert_eq!(&told.objects, &want.objects);
        let most: usize = order.iter().map(|(_, rubbish)| rubbish.len()).sum();
        let blanks = |b: &&u8| matches!(**b, b'\r' | b'\n' | 0 | b' ');
        let skipped: usize = order.iter().map(|(_, r)| r.iter().take_while(blanks).count()).sum();
        prop_assert_eq!(told.refused, most - skipped);
    }

    #[test]
    fn deltas_survive_any_split(
        order in prop::collection::vec(cases(|_| true), 1..6),
        lengths in lengths(),
    ) {
        let bytes: Vec<Vec<u8>> = order.iter().map(Case::bytes).collect();
        let want = hear([bytes.concat().as_slice()]);
        prop_assert_eq!(hear(split(&bytes.concat(), &lengths)).objects, want.objects);
    }

    #[test]
    fn what_follows_a_frame_cut_short_is_heard(
        broken in cases(|c| !is_delta(c) && !is_wlnet(c) && matches!(c.bytes()[0], b'(' | b'~')),
        at in any::<prop::sample::Index>(),
        good in prop::collection::vec(cases(|c| !is_delta(c)), 1..4),
        lengths in lengths(),
    ) {
        let whole = &broken.reads[0];
        // A seal frame that lacks only its closing delimiter is whole: the next one's opens and closes.
        let cut = &whole[..1 + at.index(whole.len() - 2)];
        let good: Vec<u8> = good.iter().flat_map(Case::bytes).collect();
        let want = hear([good.as_slice()]);
        let stream = [cut, &good].concat();
        let told = hear(split(&stream, &lengths));
        // By chance the next delimiter stands just where the frame would have ended; then only the sum is wrong, and
        // what is refused reaches up to there.
        prop_assume!(!told.refusals.iter().any(|reason| reason.contains("checksum")));
        prop_assert_eq!(&told.objects, &want.objects);
        prop_assert_eq!(told.refused, cut.len());
    }

    #[test]
    fn splits_never_change_what_hostile_bytes_mean(bytes in hostile(), lengths in lengths()) {
        let whole = hear([bytes.as_slice()]);
        let told = hear(split(&bytes, &lengths));
        prop_assert_eq!(&told.objects, &whole.objects, "{} in {:?}", hex::encode(&bytes), lengths);
        prop_assert_eq!(told.refused, whole.refused, "{} in {:?}", hex::encode(&bytes), lengths);
        prop_assert!(told.refused <= bytes.len());
    }

    #[test]
    fn changed_frames_never_panic_and_never_lose_what_follows_for_ever(
        case in cases(|_| true),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        lengths in lengths(),
    ) {
        let mut bytes = case.bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        repair(&mut bytes);
        let told = hear(split(&bytes, &lengths));
        prop_assert_eq!(&told, &hear(split(&bytes, &lengths)));
        // Whatever it claims to be: 4 KiB on, a good frame is heard again.
        let mut connection = fresh();
        let mut told = Told::default();
        connection.push(&bytes);
        connection.push(&[0xFF; 4200]);
        connection.push(b"(8000620011,P22,2)");
        told.drain(&mut connection);
        prop_assert!(told.objects.iter().any(|o| o["kind"] == "time_request"), "{:?}", told.refusals);
    }
}

/// Makes the sum of a seal frame right again, so that what is inside is decoded.
fn repair(bytes: &mut [u8]) {
    if let [0x7E, content @ .., sum, 0x7E] = bytes {
        *sum = content.iter().fold(0, |sum, b| sum ^ b);
    }
}

/// Random bytes, pieces of frames, and bytes that begin frames.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..40),
        prop::sample::select(b"$(~@),*\r\n\x7d\x02\xbf\xfb0159P".to_vec()).prop_map(|b| vec![b]),
        (cases(|_| true), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(
            |(case, a, b)| {
                let bytes = case.bytes();
                let (a, b) = (a.index(bytes.len()), b.index(bytes.len()));
                bytes[a.min(b)..=a.max(b)].to_vec()
            }
        ),
        Just(hex::decode("bffbff001024").unwrap()),
        Just(hex::decode("2480006200111911003400").unwrap()),
        Just(hex::decode("7e0200004d794308010679").unwrap()),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

#[test]
fn a_bad_sum_is_refused_once_and_its_delimiter_may_open_the_next() {
    let good = &CORPUS.iter().find(|c| c.id == "jointech-seal-01").unwrap().reads[0];
    let mut bad = good.clone();
    bad[40] ^= 1;
    let told = hear([bad.as_slice()]);
    assert_eq!((told.refusals.len(), told.refused), (1, bad.len()));
    assert!(told.refusals[0].contains("checksum"), "{:?}", told.refusals);
    for next in [good.as_slice(), &good[1..], b"(794308010679,@JT)"] {
        let told = hear([bad.as_slice(), next]);
        assert_eq!((told.objects.len(), told.refused), (1, bad.len()));
    }
}

#[test]
fn one_delimiter_may_close_a_frame_and_open_the_next() {
    let good = &CORPUS.iter().find(|c| c.id == "jointech-seal-01").unwrap().reads[0];
    let mut stream = good.repeat(2);
    stream.remove(good.len());
    for told in [hear([stream.as_slice()]), hear(stream.chunks(1)), hear([good.as_slice(), &good[1..]])] {
        assert_eq!((told.objects.len(), told.refused), (2, 0), "{:?}", told.refusals);
    }
    let mut connection = fresh();
    connection.push(good);
    Told::default().drain(&mut connection);
    assert_eq!(connection.buffered(), 0, "the delimiter that may open another is nothing that waits");
}

#[test]
fn senseless_binary_gives_way_only_to_a_frame_inside_it() {
    let good = &CORPUS.iter().find(|c| c.id == "jointech-master-22").unwrap().reads[0];
    // Cut inside its coordinates, the next frame follows.
    let stream = [&good[..17], good.as_slice()].concat();
    let told = hear([stream.as_slice()]);
    assert_eq!(told.objects.len(), 1, "{:?}", told.refusals);
    assert_eq!((told.objects[0]["serial"].clone(), told.refused), (Value::from(86), 17));
}

#[test]
fn an_unfinished_frame_says_how_much_is_missing() {
    let good = &CORPUS.iter().find(|c| c.id == "jointech-master-22").unwrap().reads[0];
    let told = hear([&good[..30]]);
    assert_eq!(told.refusals, ["ends after 30 of 62 bytes"]);
    assert_eq!(told.refused, 30);
}

#[test]
fn a_delta_is_only_believed_where_bofan_is_spoken() {
    let delta = hex::decode("404d02040634382e303030").unwrap();
    let told = hear([delta.as_slice()]);
    assert_eq!((told.objects.len(), told.refused), (0, delta.len()));
}

#[test]
fn a_broken_delta_costs_only_itself() {
    let case = CORPUS.iter().find(|c| c.id == "bofan-delta-02").unwrap();
    // The first delta loses the end of its last text; the sentence is told again, then the delta whole.
    let (sentence, delta) = (&case.reads[0], &case.reads[1]);
    let stream = [sentence.as_slice(), b"@\x4d\x02\x04\x06@\x4d\x02\x04\x21x", delta, b"$"].concat();
    for told in [hear([stream.as_slice()]), hear(stream.chunks(1))] {
        let times: Vec<_> = told.objects.iter().map(|o| o["time"].as_str().unwrap()).collect();
        assert_eq!(times, ["2017-11-28T14:57:33Z", "2017-11-28T14:57:48Z"], "{:?}", told.refusals);
    }
}

#[test]
fn two_bad_frames_may_share_a_delimiter() {
    let id = hex::decode("7e020000000007943080100001bb").unwrap();
    let stream = [id.as_slice(), &id, b"~"].concat();
    let told = hear([stream.as_slice()]);
    assert_eq!((told.refusals.len(), told.refused), (2, stream.len()), "{:?}", told.refusals);
}

#[test]
fn quiet_ends_a_delta() {
    let case = CORPUS.iter().find(|c| c.id == "bofan-delta-02").unwrap();
    let mut connection = fresh();
    let mut told = Told::default();
    for (n, read) in case.reads.iter().enumerate() {
        connection.push(read);
        told.drain(&mut connection);
        if n > 0 {
            assert!(connection.waits_for_quiet());
            assert_eq!(told.objects.len(), n);
            assert!(connection.flush());
            told.drain(&mut connection);
        }
        assert_eq!(told.objects.len(), n + 1);
        assert_eq!(connection.buffered(), 0);
        assert!(!connection.waits_for_quiet());
    }
}

#[test]
fn a_peer_may_use_one_connection_for_all_its_datagrams() {
    let mut connection = fresh();
    let mut told = Told::default();
    for datagram in
        [b"(8000620011,@JT)(8000620011,P22,2)".as_slice(), b"(80006", b"20011,@JT)", b"(8000620011,@JT)"]
    {
        connection.push(datagram);
        connection.finish();
        told.drain(&mut connection);
        assert_eq!(connection.buffered(), 0, "nothing is kept between datagrams");
    }
    assert_eq!((told.objects.len(), told.refused), (3, 16));
}
