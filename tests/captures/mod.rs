//! Writes captures byte by byte, with a writer of its own: what the program reads them with is not used here.

use std::net::{IpAddr, SocketAddr};

pub(crate) const SYN: u8 = 0x02;
pub(crate) const DATA: u8 = 0x18;

/// Every link type that is read, by its number.
pub(crate) const LINKS: [u32; 8] = [0, 1, 101, 108, 113, 228, 229, 276];

/// A kind of file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Format {
    Pcap { big: bool, nanos: bool },
    Ng { big: bool },
}

pub(crate) const FORMATS: [Format; 6] = [
    Format::Pcap { big: false, nanos: false },
    Format::Pcap { big: true, nanos: false },
    Format::Pcap { big: false, nanos: true },
    Format::Pcap { big: true, nanos: true },
    Format::Ng { big: false },
    Format::Ng { big: true },
];

fn internet(from: SocketAddr, to: SocketAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let length = u16::try_from(20 + payload.len()).unwrap();
            out.extend([0x45, 0]);
            out.extend(length.to_be_bytes());
            out.extend([0x12, 0x34, 0x40, 0, 64, protocol, 0, 0]);
            out.extend(from.octets());
            out.extend(to.octets());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            out.extend([0x60, 0, 0, 0]);
            out.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
            out.extend([protocol, 64]);
            out.extend(from.octets());
            out.extend(to.octets());
        }
        _ => panic!("addresses of two families"),
    }
    out.extend(payload);
    out
}

/// An IP packet with a TCP segment.
pub(crate) fn tcp(from: &str, to: &str, flags: u8, number: u32, bytes: &[u8]) -> Vec<u8> {
    let (from, to): (SocketAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
    let mut segment = Vec::new();
    segment.extend(from.port().to_be_bytes());
    segment.extend(to.port().to_be_bytes());
    segment.extend(number.to_be_bytes());
    segment.extend([0, 0, 0, 1, 0x60, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
    // An option, so that the header is longer than the least.
    segment.extend([2, 4, 5, 0xB4]);
    segment.extend(bytes);
    internet(from, to, 6, &segment)
}

/// An IP packet with a datagram.
pub(crate) fn udp(from: &str, to: &str, bytes: &[u8]) -> Vec<u8> {
    let (from, to): (SocketAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
    let mut datagram = Vec::new();
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend(u16::try_from(8 + bytes.len()).unwrap().to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(bytes);
    internet(from, to, 17, &datagram)
}

/// An IP packet as it stands on a link.
pub(crate) fn on_link(link: u32, packet: &[u8]) -> Vec<u8> {
    let is_v6 = packet[0] >> 4 == 6;
    let ether_type = if is_v6 { [0x86, 0xDD] } else { [0x08, 0x00] };
    let head = match link {
        0 => vec![if is_v6 { 30 } else { 2 }, 0, 0, 0],
        108 => vec![0, 0, 0, if is_v6 { 24 } else { 2 }],
        1 => [[0x02; 12].as_slice(), &ether_type].concat(),
        113 => [[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0].as_slice(), &ether_type].concat(),
        276 => [ether_type.as_slice(), &[0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 2, 2, 2, 2, 2, 0, 0]].concat(),
        _ => Vec::new(),
    };
    let mut out = [head.as_slice(), packet].concat();
    if link == 1 {
        // A short Ethernet frame is filled up; what fills it is nobody's bytes.
        out.resize(out.len().max(60), 0xEE);
    }
    out
}

/// A packet of a file: microseconds, bytes, and how many of them the capture kept.
pub(crate) type Kept = (u64, Vec<u8>, Option<usize>);

/// A whole file of packets of one link type.
pub(crate) fn file(format: Format, link: u32, packets: &[Kept]) -> Vec<u8> {
    match format {
        Format::Pcap { big, nanos } => pcap(big, nanos, link, packets),
        Format::Ng { big } => pcapng(big, link, packets),
    }
}

fn four(big: bool, value: u32) -> [u8; 4] {
    if big { value.to_be_bytes() } else { value.to_le_bytes() }
}

fn two(big: bool, value: u16) -> [u8; 2] {
    if big { value.to_be_bytes() } else { value.to_le_bytes() }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap()
}

fn pcap(big: bool, nanos: bool, link: u32, packets: &[Kept]) -> Vec<u8> {
    let magic = if nanos { 0xA1B2_3C4D } else { 0xA1B2_C3D4 };
    let mut out = four(big, magic).to_vec();
    out.extend(two(big, 2));
    out.extend(two(big, 4));
    for value in [0, 0, 65_535, link] {
        out.extend(four(big, value));
    }
    for (at, bytes, kept) in packets {
        let kept = &bytes[..kept.unwrap_or(bytes.len())];
        let part = at % 1_000_000 * if nanos { 1_000 } else { 1 };
        for value in [
            u32::try_from(at / 1_000_000).unwrap(),
            u32::try_from(part).unwrap(),
            length(kept),
            length(bytes),
        ] {
            out.extend(four(big, value));
        }
        out.extend(kept);
    }
    out
}

fn pcapng(big: bool, link: u32, packets: &[Kept]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let mut body = body.to_vec();
        body.resize(body.len().next_multiple_of(4), 0);
        let total = four(big, 12 + length(&body));
        [four(big, kind).as_slice(), &total, &body, &total].concat()
    };
    let mut head = four(big, 0x1A2B_3C4D).to_vec();
    head.extend(two(big, 1));
    head.extend(two(big, 0));
    head.extend([0xFF; 8]);
    let mut out = block(0x0A0D_0D0A, &head);
    let mut interface = two(big, u16::try_from(link).unwrap()).to_vec();
    interface.extend(two(big, 0));
    interface.extend(four(big, 0));
    // if_tsresol: nanoseconds; then the end of the options.
    interface.extend([two(big, 9), two(big, 1), [9, 0], [0, 0], [0, 0], [0, 0]].concat());
    out.extend(block(1, &interface));
    for (at, bytes, kept) in packets {
        let kept = &bytes[..kept.unwrap_or(bytes.len())];
        let ticks = at * 1_000;
        let mut body = Vec::new();
        for value in [
            0,
            u32::try_from(ticks >> 32).unwrap(),
            u32::try_from(ticks & 0xFFFF_FFFF).unwrap(),
            length(kept),
            length(bytes),
        ] {
            body.extend(four(big, value));
        }
        body.extend(kept);
        out.extend(block(6, &body));
        // A block that nobody here knows.
        out.extend(block(0x0BAD, b"?"));
    }
    out
}
