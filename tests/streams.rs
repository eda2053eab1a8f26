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
fn after_a_broken_delta_the_chain_goes_on_with_the_next_sentence() {
    let case = CORPUS.iter().find(|c| c.id == "bofan-delta-02").unwrap();
    // The first delta loses the end of its last text: what it told is missing, so the next is not believed on the
    // sentence before, until a sentence is told again.
    let (sentence, delta) = (&case.reads[0], &case.reads[1]);
    let broken = [sentence.as_slice(), b"@\x4d\x02\x04\x06@\x4d\x02\x04\x21x", delta].concat();
    let again = [broken.as_slice(), sentence, delta, b"$"].concat();
    let (first, then) = ("2017-11-28T14:57:33Z", "2017-11-28T14:57:48Z");
    for (stream, want) in
        [([broken.as_slice(), b"$"].concat(), vec![first]), (again, vec![first, first, then])]
    {
        for told in [hear([stream.as_slice()]), hear(stream.chunks(1))] {
            let times: Vec<_> = told.objects.iter().map(|o| o["time"].as_str().unwrap()).collect();
            assert_eq!(times, want, "{:?}", told.refusals);
        }
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

/// A seal's frame; `split` is the packet's number and how many there are.
fn seal_frame(message: u16, serial: u16, split: Option<(u16, u16)>, body: &[u8]) -> Vec<u8> {
    let attributes = u16::try_from(body.len()).unwrap() | if split.is_some() { 1 << 13 } else { 0 };
    let mut plain = [message.to_be_bytes(), attributes.to_be_bytes()].concat();
    plain.extend([0x07, 0x94, 0x30, 0x80, 0x10, 0x67]);
    plain.extend(serial.to_be_bytes());
    if let Some((number, count)) = split {
        plain.extend([count.to_be_bytes(), number.to_be_bytes()].concat());
    }
    plain.extend(body);
    plain.push(plain.iter().fold(0, |sum, b| sum ^ b));
    let escaped = plain.iter().flat_map(|b| match b {
        0x7D => vec![0x7D, 1],
        0x7E => vec![0x7D, 2],
        b => vec![*b],
    });
    [vec![0x7E], escaped.collect(), vec![0x7E]].concat()
}

/// A batch of so many reports, and how it is cut into packets.
fn batch(reports: u8, cuts: u16, first: u16) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut body = vec![0, reports, 0];
    for n in 0..reports {
        let mut report = vec![0, 0, 0, 0, 0, 0x04, 0, 0x02];
        report.extend((22_580_000 + u32::from(n)).to_be_bytes());
        report.extend(113_910_000_u32.to_be_bytes());
        report.extend([0, 5, 0, 0x7D, 0, 0x7E, 0x26, 0x11, 0x20, 0x10, 0x15]);
        report.push(((n % 60 / 10) << 4) | (n % 10));
        body.extend(28_u16.to_be_bytes());
        body.extend(report);
    }
    let size = body.len().div_ceil(usize::from(cuts));
    let packets: Vec<&[u8]> = body.chunks(size).collect();
    let count = u16::try_from(packets.len()).unwrap();
    let frames = (1..).zip(packets).map(|(number, packet)| {
        seal_frame(0x0704, first.wrapping_add(number - 1), Some((number, count)), packet)
    });
    let frames = frames.collect();
    (body, frames)
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn packets_of_a_message_come_together_in_any_order_and_any_split(
        reports in 1_u8..34, // as many as one frame holds, to compare with
        cuts in 2_u16..=16,
        first in prop_oneof![Just(0xFFFE_u16), any::<u16>()],
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        between in prop::collection::vec(cases(|c| !is_delta(c)), 0..4),
        lengths in lengths(),
    ) {
        let (body, packets) = batch(reports, cuts, first);
        prop_assume!(packets.len() > 1);
        // Some of them twice and early, then all, others between.
        let mut stream: Vec<Vec<u8>> = order.iter().map(|n| n.get(&packets[1..]).clone()).collect();
        stream.extend(between.iter().map(Case::bytes));
        stream.extend(packets.iter().rev().cloned());
        let whole = hear([seal_frame(0x0704, first, None, &body).as_slice()]);
        let strip = |object: &Value| {
            let mut object = object.clone();
            for key in ["raw", "reply"] {
                object.as_object_mut().unwrap().remove(key);
            }
            object
        };
        let told = hear(split(&stream.concat(), &lengths));
        prop_assert_eq!(told.refused, 0, "{:?}", told.refusals);
        let batch: Vec<Value> =
            told.objects.iter().filter(|o| o["serial"] == first && o["kind"] == "position").map(strip).collect();
        let want: Vec<Value> = whole.objects.iter().map(strip).collect();
        prop_assert_eq!(want.len(), usize::from(reports));
        prop_assert_eq!(batch, want);
        prop_assert_eq!(&hear([stream.concat().as_slice()]).objects, &told.objects);
    }
}

#[test]
fn a_message_of_which_packets_are_missing_is_told_when_its_time_is_over() {
    let (_, packets) = batch(9, 3, 5);
    let mut connection = fresh();
    let mut told = Told::default();
    connection.at(1_000);
    for packet in &packets[..2] {
        connection.push(packet);
        told.drain(&mut connection);
    }
    assert_eq!((told.objects.len(), connection.due()), (2, Some(31_000)));
    connection.at(30_999);
    told.drain(&mut connection);
    assert_eq!(told.refusals, [""; 0]);
    connection.at(31_000);
    told.drain(&mut connection);
    assert_eq!(told.refusals, ["split message incomplete: 2 of 3 packets"]);
    assert_eq!(connection.due(), None);
    // The last one alone is the first of another that never ends.
    connection.push(&packets[2]);
    connection.close();
    told.drain(&mut connection);
    assert_eq!(told.refusals[1], "split message incomplete: 1 of 3 packets");
    assert!(told.objects.iter().all(|object| object["kind"] == "other"));
}

#[test]
fn datagrams_may_carry_the_packets_of_one_message() {
    let (_, packets) = batch(9, 3, 5);
    let mut connection = fresh();
    let mut told = Told::default();
    for packet in &packets {
        connection.push(packet);
        connection.finish();
        told.drain(&mut connection);
    }
    assert_eq!(told.objects.iter().filter(|object| object["kind"] == "position").count(), 9);
}
