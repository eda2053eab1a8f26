//! Captures written by hand, read again.

#[path = "../../../tests/captures/mod.rs"]
mod captures;

use super::*;
use captures::{DATA, FORMATS, Format, Kept, LINKS, SYN, file, on_link, tcp, udp};
use proptest::prelude::*;

const DEVICE: &str = "198.51.100.7:40112";
const NODE: &str = "192.0.2.1:8888";
const PLAIN: Format = Format::Pcap { big: false, nanos: false };

fn kept(packets: &[Vec<u8>]) -> Vec<Kept> {
    packets.iter().zip(0..).map(|(packet, n)| (1_000_000 + n * 500_000, on_link(1, packet), None)).collect()
}

fn captured(packets: &[Vec<u8>]) -> Captured {
    capture::read(&file(PLAIN, 1, &kept(packets)), PORT).unwrap()
}

fn bytes(flow: &Flow) -> Vec<u8> {
    flow.pieces.iter().flat_map(|piece| piece.bytes.clone()).collect()
}

fn streams(captured: &Captured) -> Vec<Vec<u8>> {
    captured.flows.iter().map(bytes).collect()
}

fn data(number: u32, bytes: &[u8]) -> Vec<u8> {
    tcp(DEVICE, NODE, DATA, number, bytes)
}

#[test]
fn every_format_and_every_link_type_tells_the_same() {
    for format in FORMATS {
        for link in LINKS {
            let addresses =
                if link == 229 { ("[2001:db8::7]:40112", "[2001:db8::1]:8888") } else { (DEVICE, NODE) };
            let packets = [
                tcp(addresses.0, addresses.1, SYN, 99, b""),
                tcp(addresses.1, addresses.0, DATA, 7, b"(P22,answer)"),
                tcp(addresses.0, addresses.1, DATA, 100, b"one"),
                udp(addresses.0, addresses.1, b"alone"),
                tcp(addresses.0, addresses.1, DATA, 103, b"two"),
            ];
            let packets: Vec<Kept> = packets
                .iter()
                .zip(0..)
                .map(|(packet, n)| (5_000_000 + n * 250_000, on_link(link, packet), None))
                .collect();
            let captured = capture::read(&file(format, link, &packets), PORT).unwrap();
            let what = format!("{format:?} link {link}: {captured:?}");
            assert!(captured.warnings.is_empty(), "{what}");
            let from: SocketAddr = addresses.0.parse().unwrap();
            assert_eq!(captured.flows.len(), 2, "{what}");
            assert_eq!(captured.flows[0].source, Source::Tcp(from));
            assert_eq!(captured.flows[1].source, Source::Udp(from));
            assert_eq!(streams(&captured), [b"onetwo".to_vec(), b"alone".to_vec()], "{what}");
            let times: Vec<_> = captured.flows[0].pieces.iter().map(|piece| piece.at.as_millis()).collect();
            assert_eq!(times, [500, 1_000], "{what}");
        }
    }
}

#[test]
fn repeated_packets_count_once_and_order_is_restored() {
    let packets = [
        tcp(DEVICE, NODE, SYN, 999, b""),
        tcp(DEVICE, NODE, SYN, 999, b""),
        data(1_000, b"abc"),
        data(1_000, b"abc"),
        data(1_006, b"ghi"),
        data(1_003, b"def"),
        // Sent again in one piece with what is new.
        data(1_003, b"defghijkl"),
        data(999, b"?"),
    ];
    let captured = captured(&packets);
    assert!(captured.warnings.is_empty(), "{captured:?}");
    let pieces: Vec<_> = captured.flows[0].pieces.iter().map(|p| (p.order, p.bytes.clone())).collect();
    assert_eq!(pieces, [(2, b"abc".to_vec()), (5, b"defghi".to_vec()), (6, b"jkl".to_vec())]);
}

#[test]
fn numbers_wrap_and_a_stream_may_begin_anywhere() {
    let captured = captured(&[data(u32::MAX - 1, b"cdef"), data(u32::MAX - 3, b"ab"), data(2, b"gh")]);
    assert_eq!(streams(&captured), [b"abcdefgh"]);
    assert!(captured.warnings.is_empty());
}

#[test]
fn a_gap_ends_its_stream_with_one_warning() {
    let other = "203.0.113.9:50000";
    let packets = [
        tcp(DEVICE, NODE, SYN, 0, b""),
        data(1, b"abc"),
        tcp(other, NODE, DATA, 1, b"other"),
        data(10, b"lost"),
        data(20, b"too"),
        data(10, b"lost"),
    ];
    let captured = captured(&packets);
    assert_eq!(streams(&captured), [b"abc".to_vec(), b"other".to_vec()]);
    let want = "tcp 198.51.100.7:40112: 6 bytes are missing in the capture, the 7 behind them are left out";
    assert_eq!(captured.warnings, [want]);
}

#[test]
fn a_port_used_again_is_another_connection() {
    let packets = [
        tcp(DEVICE, NODE, SYN, 10, b""),
        data(11, b"first"),
        tcp(DEVICE, NODE, SYN, 70_000, b""),
        data(70_001, b"second"),
    ];
    assert_eq!(streams(&captured(&packets)), [b"first".to_vec(), b"second".to_vec()]);
    // The SYN of a connection may come after its bytes.
    let packets = [data(11, b"first"), tcp(DEVICE, NODE, SYN, 10, b""), data(16, b"more")];
    assert_eq!(streams(&captured(&packets)), [b"firstmore"]);
}

#[test]
fn only_what_goes_to_the_port_counts_and_another_may_be_named() {
    let packets = [tcp(DEVICE, "192.0.2.1:9000", DATA, 1, b"x"), udp(DEVICE, "192.0.2.1:53", b"?")];
    let file = file(PLAIN, 1, &kept(&packets));
    let error = capture::read(&file, PORT).unwrap_err();
    assert!(error.contains("none with bytes for port 8888") && error.contains("53 (1), 9000 (1)"), "{error}");
    assert!(error.contains("--port"), "{error}");
    assert_eq!(streams(&capture::read(&file, 9000).unwrap()), [b"x"]);
}

#[test]
fn what_cannot_be_read_is_counted_and_disturbs_nothing() {
    let mut fragment = udp(DEVICE, NODE, b"half");
    fragment[6] = 0x20;
    let mut packets = kept(&[data(1, b"abc"), fragment, data(4, b"def"), udp(DEVICE, NODE, b"datagram")]);
    packets[3].2 = Some(45);
    packets.push((9_000_000, vec![2; 17], None));
    let mut arp = vec![2; 60];
    arp[12..14].copy_from_slice(&[0x08, 0x06]);
    packets.push((9_000_001, arp, None));
    let captured = capture::read(&file(PLAIN, 1, &packets), PORT).unwrap();
    assert_eq!(streams(&captured), [b"abcdef"]);
    assert_eq!(
        captured.warnings,
        [
            "1 packets that are fragments of IP are left out",
            "1 packets were cut when they were captured (snap length); 1 of them are datagrams and left out",
        ]
    );
    let wireless = capture::read(&file(PLAIN, 105, &kept(&[data(1, b"abc")])), PORT).unwrap_err();
    assert!(
        wireless.contains("1 packets of link type 105, which is not read here, are left out"),
        "{wireless}"
    );
}

#[test]
fn a_file_cut_short_gives_what_is_whole() {
    for format in FORMATS {
        let whole = file(format, 1, &kept(&[data(1, b"abc"), data(4, b"def")]));
        let captured = capture::read(&whole[..whole.len() - 30], PORT).unwrap();
        assert_eq!(streams(&captured), [b"abc"], "{format:?}");
        assert_eq!(captured.warnings, ["the file ends within a packet; the 1 packets before that are read"]);
        let error = capture::read(&whole[..18], PORT).unwrap_err();
        assert!(error.contains("header is cut or damaged"), "{format:?}: {error}");
    }
}

#[test]
fn content_tells_what_a_file_is() {
    let cases: [(&[u8], Kind); 14] = [
        (b"", Kind::Lines),
        (b"# note\n\n2480", Kind::Lines),
        (b"zz", Kind::Lines),
        (b"{\"hex\":\"24\"}", Kind::Lines),
        ("# Häfen\n24".as_bytes(), Kind::Lines),
        (b"(8000620011,@JT)", Kind::Raw),
        (b"\r\n$PFA1,1,2\r\n", Kind::Raw),
        (b"\x24\x80\x00\x62\x00\x11", Kind::Raw),
        (b"~\x02\x00", Kind::Raw),
        (b"\xBF\xFB\x01", Kind::Raw),
        (b"\x1F\x8B\x08\x00", Kind::Packed("gzip")),
        (b"\x28\xB5\x2F\xFD", Kind::Packed("zstd")),
        (b"\xFD7zXZ\x00", Kind::Packed("xz")),
        (b"\x0A\x0D\x0D\x0A", Kind::Capture),
    ];
    for (head, want) in cases {
        assert_eq!(kind(head), want, "{head:x?}");
    }
    for format in FORMATS {
        assert_eq!(kind(&file(format, 1, &[])), Kind::Capture, "{format:?}");
    }
    let packed: Box<dyn BufRead> = Box::new(&b"\x1F\x8B\x08\x00"[..]);
    assert_eq!(read(packed, false, PORT).err().unwrap(), "packed with gzip; unpack it first");
}

#[test]
fn a_typed_line_is_not_waited_beyond() {
    /// Gives one byte at a time, and fails when asked beyond the first line.
    struct Slow(&'static [u8]);
    impl Read for Slow {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let (first, rest) = self.0.split_first().expect("asked beyond the line");
            into[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }
    let head = beginning(&mut BufReader::new(Slow(b"2\n"))).unwrap();
    assert_eq!(head, b"2\n");
}

proptest! {
    /// However a capture is damaged: it is read as far as one can, without a panic.
    #[test]
    fn a_damaged_capture_never_panics(
        format in 0..FORMATS.len(), link in 0..LINKS.len(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let packets = [data(1, b"abc"), udp(DEVICE, NODE, b"alone"), data(8, b"behind a gap")];
        let packets: Vec<Kept> = packets.iter().map(|p| (1, on_link(LINKS[link], p), None)).collect();
        let mut bytes = file(FORMATS[format], LINKS[link], &packets);
        for (at, value) in hits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(bytes.len() / 2 + cut.index(bytes.len() / 2 + 1));
        let _ = capture::read(&bytes, PORT);
    }

    /// Packets in any order, with repetitions: the stream is the stream.
    #[test]
    fn any_order_gives_the_same_stream(
        sizes in prop::collection::vec(1..20_usize, 1..12), start in any::<u32>(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let whole: Vec<u8> = (0..sizes.iter().sum::<usize>()).map(|n| n as u8).collect();
        let mut at = 0;
        let segments: Vec<Vec<u8>> = sizes.iter().map(|size| {
            at += size;
            data(start.wrapping_add((at - size) as u32), &whole[at - size..at])
        }).collect();
        let mut packets: Vec<Vec<u8>> = order.iter().map(|index| index.get(&segments).clone()).collect();
        packets.extend(segments);
        let captured = captured(&packets);
        prop_assert_eq!(streams(&captured), [whole]);
        prop_assert!(captured.warnings.is_empty());
    }
}
