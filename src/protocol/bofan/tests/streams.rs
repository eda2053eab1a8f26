//! Frames on the wire: where they end, however they arrive, and what lies about it.

use super::*;

const SENTENCE: &[u8] =
    b"$POS,012896008586486,154215.000,A,0118.0143,S,03646.9144,E,0.00,83.29,180714,,,A/0000,0/0/29200//644/\r\n";

/// A key the corpus does not name is not claimed; null is absent; numbers may differ by rounding; of a list all named
/// must be there.
fn holds(wanted: &Value, told: &Value) -> bool {
    match (wanted, told) {
        (Value::Object(wanted), _) => {
            wanted.iter().all(|(key, value)| holds(value, told.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Array(wanted), told) => {
            let none = Vec::new();
            let told = told.as_array().unwrap_or(&none);
            wanted.iter().all(|wanted| told.iter().any(|told| holds(wanted, told)))
        }
        (Value::Number(wanted), Value::Number(told)) => {
            (wanted.as_f64().unwrap() - told.as_f64().unwrap()).abs() < 1e-6
        }
        (wanted, told) => wanted == told,
    }
}

fn told(said: &[Said]) -> Vec<Value> {
    assert!(reasons(said).is_empty(), "{said:?}");
    messages(said).iter().map(|message| serde_json::to_value(message).unwrap()).collect()
}

#[test]
fn the_corpus_means_what_it_says() {
    for (id, reads, expect) in corpus() {
        let told = told(&hear(&reads.concat()));
        assert_eq!(told.len(), expect.len(), "{id}");
        for (wanted, told) in expect.iter().zip(&told) {
            assert!(holds(wanted, told), "{id}: wanted {wanted}, told {told}");
        }
    }
}

/// Wherever the network cuts a stream, and with or without quiet between the reads, the same is heard.
#[test]
fn the_corpus_in_two_reads() {
    for (id, reads, _) in corpus() {
        let stream = reads.concat();
        let whole = told(&hear(&stream));
        for at in 0..=stream.len() {
            let (mut line, bases) = (Line::default(), Memory::default());
            let mut said = line.push(&stream[..at], &bases);
            said.extend(line.push(&stream[at..], &bases));
            said.extend(line.flush(&bases));
            assert_eq!(told(&said), whole, "{id} cut at {at}");
        }
        let (mut line, bases) = (Line::default(), Memory::default());
        let mut said = Vec::new();
        for read in &reads {
            said.extend(line.push(read, &bases));
            said.extend(line.flush(&bases));
        }
        assert_eq!(told(&said), whole, "{id} with quiet between");
    }
}

#[test]
fn a_prefix_never_contradicts_the_whole() {
    for (id, reads, _) in corpus() {
        for read in &reads {
            let whole = match cut(read) {
                Cut::Frame(length) | Cut::Quiet(length) => length,
                other => panic!("{id}: {other:?}"),
            };
            assert_eq!(whole, read.len(), "{id}");
            for length in 0..read.len() {
                let early = cut(&read[..length]);
                assert!(matches!(early, Cut::NeedMore | Cut::Quiet(_)), "{id} at {length}: {early:?}");
            }
        }
    }
}

#[test]
fn every_end_of_a_sentence() {
    for (stream, wanted) in [
        (&b"$A\r"[..], Cut::Quiet(3)),
        (b"$A\r\n", Cut::Frame(4)),
        (b"$A\r\n$", Cut::Frame(4)),
        (b"$A\r\r", Cut::Frame(4)),
        (b"$A\r\r\n", Cut::Frame(4)),
        (b"$A\r$", Cut::Frame(3)),
        (b"$A\n", Cut::Frame(3)),
        (b"$A\n\r", Cut::Frame(3)),
        (b"$A#\n", Cut::Frame(4)),
        (b"$A##\r\n", Cut::Frame(6)),
        (b"$A#", Cut::NeedMore),
        (b"$", Cut::NeedMore),
        (b"", Cut::NeedMore),
    ] {
        assert_eq!(cut(stream), wanted, "{}", stream.escape_ascii());
    }
}

#[test]
fn sentences_that_never_end() {
    let skip = |stream: &[u8]| match cut(stream) {
        Cut::Bad { skip, .. } => skip,
        other => panic!("{}: {other:?}", stream.escape_ascii()),
    };
    assert_eq!(skip(b"$POS,1\0"), 6);
    assert_eq!(skip(b"$\xFF"), 1);
    assert_eq!(skip(b"$POS,12$POS,"), 7);
    assert_eq!(cut(&[b"$".as_slice(), &[b'a'; 511]].concat()), Cut::NeedMore);
    assert_eq!(cut(&[b"$".as_slice(), &[b'a'; 511], b"\n"].concat()), Cut::Frame(513));
    assert_eq!(skip(&[b"$".as_slice(), &[b'a'; 512]].concat()), 512);
    assert_eq!(skip(b"xyz$POS"), 3);
}

#[test]
fn a_sentence_that_lost_its_end_costs_only_itself() {
    let (mut line, bases) = (Line::default(), Memory::default());
    let said = line.push(&[b"$POS,0128", SENTENCE].concat(), &bases);
    assert_eq!(messages(&said).len(), 1);
    assert_eq!(line.skipped, 9);
}

#[test]
fn frames_and_their_check() {
    // Captured: the XOR is right, or ff.
    for head in ["bffb596c00", "bffbff6c00"] {
        let frame = [hex::decode(head).unwrap(), SENTENCE.to_vec()].concat();
        assert_eq!(cut(&frame), Cut::Frame(108));
        assert!(checksum_fits(&frame));
        assert_eq!(only(&frame).device.as_deref(), Some("012896008586486"));
    }
    // A wrong XOR around a sentence that makes sense: read, but the frame is not sound.
    let wrong = [&[0xBF, 0xFB, 0x58, 0x6C, 0x00], SENTENCE].concat();
    assert!(!checksum_fits(&wrong));
    assert_eq!(only(&wrong).device.as_deref(), Some("012896008586486"));
    // Around nonsense: refused, and both are said.
    let said = hear(&[0xBF, 0xFB, 0x00, 0x0A, 0x00, b'$', b'?', b'?', b'\r', b'\n']);
    assert_eq!(reasons(&said), ["checksum differs, and no code after $"]);
    assert!(checksum_fits(SENTENCE) && checksum_fits(b"@\x01\x02"));
}

#[test]
fn the_firmware_frame_and_another_captured_one() {
    let firmware =
        [&hex::decode("bffb192d00").unwrap()[..], b"$FUS865328026243864,510-V1.12,A11-V3.0\r\r"].concat();
    assert!(checksum_fits(&firmware));
    assert_eq!(only(&firmware).kind, MessageKind::Firmware);
    let position = [
        &hex::decode("bffb5e6200").unwrap()[..],
        b"$POS,0721976179,184917.000,A,0115.4966,S,03655.2459,E,0.00,0.00,260115,,,A/0000,0/0/0//853/\r\n",
    ]
    .concat();
    assert!(checksum_fits(&position));
    assert_eq!(only(&position).device.as_deref(), Some("0721976179"));
}

#[test]
fn lengths_that_lie() {
    let header = |length: u16, rest: &[u8]| {
        let [low, high] = length.to_le_bytes();
        [&[0xBF, 0xFB, 0xFF, low, high], rest].concat()
    };
    for length in [0, 1, 5, 4097, 0xFFFF] {
        assert!(matches!(cut(&header(length, SENTENCE)), Cut::Bad { skip: 5, .. }), "{length}");
    }
    assert_eq!(cut(&header(4096, SENTENCE)), Cut::NeedMore);
    assert_eq!(cut(&header(6, SENTENCE)), Cut::Frame(6));
    assert!(matches!(cut(&header(50, b"\0\0")), Cut::Bad { skip: 5, .. }));
    assert!(matches!(cut(&[0xBF, 0x00]), Cut::Bad { skip: 2, .. }));
    // Too short by one and too long by four: what is whole inside is read, the rest is refused or skipped.
    let short = header(u16::try_from(SENTENCE.len()).unwrap() + 4, SENTENCE);
    let (mut line, bases) = (Line::default(), Memory::default());
    assert_eq!(messages(&line.push(&short, &bases)).len(), 1);
    let long = header(u16::try_from(SENTENCE.len()).unwrap() + 9, &[SENTENCE, b"junk"].concat());
    let said = hear(&long);
    assert_eq!(messages(&said).len(), 1);
    let [_, Said::Refused { device: Some(_), raw, .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(raw, b"junk");
    // A frame around a frame: the outer header is skipped, the inner frame read, once.
    let (mut line, bases) = (Line::default(), Memory::default());
    assert_eq!(messages(&line.push(&framed(&framed(SENTENCE)), &bases)).len(), 1);
    assert_eq!((line.skipped, line.buffer.len()), (5, 0));
}

#[test]
fn a_frame_of_nonsense_is_refused_once() {
    let body: Vec<u8> = b"$".iter().chain([b'$', 0].iter().cycle().take(3000)).copied().collect();
    let frame = framed(&body);
    let said = hear(&frame);
    let [Said::Refused { raw, .. }] = &said[..] else { panic!("{} things said", said.len()) };
    assert_eq!(*raw, frame);
}

/// The head and the size are those of a captured chunk; its picture is made up, with every byte in it.
fn chunk() -> Vec<u8> {
    let mut chunk = b"$PHD0,960,".to_vec();
    chunk.extend((0..960_u32).map(|n| (n % 256) as u8));
    chunk.extend(b"\r\n");
    chunk
}

#[test]
fn photo_chunks_framed_and_bare() {
    let (mut line, bases) = (Line::default(), Memory::default());
    line.push(SENTENCE, &bases);
    let frame = framed(&chunk());
    assert_eq!(frame.len(), 977);
    for stream in [frame, chunk()] {
        let said = line.push(&stream, &bases);
        let [Said::Messages { raw, messages, .. }] = &said[..] else { panic!("{said:?}") };
        assert_eq!(*raw, stream);
        assert_eq!(messages[0].kind, MessageKind::PhotoChunk);
        assert_eq!(messages[0].device.as_deref(), Some("012896008586486"));
        assert_eq!(messages[0].command.clone().unwrap().params, ["0", "960"]);
        for length in 0..stream.len() - 1 {
            assert_eq!(cut(&stream[..length]), Cut::NeedMore, "{length}");
        }
    }
    assert_eq!(bases.base("012896008586486").unwrap(), SENTENCE, "a photo is no base");
}

#[test]
fn photo_chunks_that_lie() {
    // The head is skipped and nothing of what follows is lost.
    for head in [&b"$PHD0,50,abc"[..], b"$PHD0,9999,abc", b"$PHD0,4095,"] {
        let (mut line, bases) = (Line::default(), Memory::default());
        let said = line.push(&[head, SENTENCE, SENTENCE].concat(), &bases);
        assert!(line.skipped > 0);
        assert_eq!(messages(&said).len(), 2, "{}", head.escape_ascii());
    }
    let said = hear(&framed(b"$PHD0,50,abc\r\n"));
    assert_eq!(reasons(&said), ["a piece of a photo shorter than it says"]);
    // Not a head: a line like any other.
    assert_eq!(cut(b"$PHD0,x\r\n"), Cut::Frame(9));
}

#[test]
fn four_stored_records_are_one_frame() {
    let (_, reads, _) = corpus().into_iter().find(|(id, ..)| id == "bofan-frame-01").unwrap();
    assert!(checksum_fits(&reads[0]));
    let said = hear(&reads[0]);
    let [Said::Messages { raw, messages, .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!((raw, messages.len()), (&reads[0], 4));
    assert!(messages.iter().all(|message| message.replayed));
}

/// Bytes as a device might send them: starts, ends, digits, and anything.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(SENTENCE.to_vec()),
        Just(framed(SENTENCE)),
        Just(b"$PHD0,5,".to_vec()),
        Just(b"$POS,1,".to_vec()),
        Just(delta(SENTENCE, &[(2, 4, "16.000")])),
        Just(vec![0xBF, 0xFB, 0xFF]),
        Just(vec![b'@', 0, 1, 0, 3]),
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(prop::sample::select(b"$@#\r\n,/0A\x01\x02\xBF\xFB".to_vec()), 0..40),
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn noise_is_survived_and_used_up(stream in noise(), reads in prop::collection::vec(1_usize..60, 1..20)) {
        let (mut line, bases) = (Line::default(), Memory::default());
        let mut rest = &stream[..];
        for length in reads {
            let (read, after) = rest.split_at(length.min(rest.len()));
            line.push(read, &bases);
            rest = after;
        }
        line.push(rest, &bases);
        line.flush(&bases);
        prop_assert!(line.session.give_up().len() <= 8);
        // A whole sentence is heard however much noise came before, once all that was promised has come.
        line.push(&[b'\n'; 4200], &bases);
        let said = line.push(SENTENCE, &bases);
        prop_assert!(messages(&said).iter().any(|m| m.device.as_deref() == Some("012896008586486")));
    }

    /// However long a buffer grows, no more than one frame of it is looked at; and what was a frame stays one.
    #[test]
    fn cut_looks_at_one_frame(stream in noise(), more in noise()) {
        let longer = [&stream[..], &more, &[b'x'; 5000]].concat();
        prop_assert_eq!(cut(&longer), cut(&longer[..4096 + 2]));
        for length in 0..stream.len() {
            match cut(&stream[..length]) {
                Cut::Frame(frame) => prop_assert_eq!(cut(&longer), Cut::Frame(frame)),
                Cut::Bad { skip, .. } => prop_assert!(skip >= 1 && skip <= length),
                Cut::Quiet(frame) => prop_assert_eq!(frame, length),
                Cut::NeedMore => {}
            }
        }
    }

    /// The caller may hand over anything as a frame.
    #[test]
    fn any_bytes_may_be_called_a_frame(frame in noise()) {
        let bases = Memory::default();
        let mut session = Session::new();
        session.hear(SENTENCE, &bases);
        session.hear(&frame, &bases);
        session.hear(&framed(&frame), &bases);
    }
}
