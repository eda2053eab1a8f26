//! One packet of a capture: who sent what to whom.

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use std::net::{IpAddr, SocketAddr};

/// What a TCP or UDP packet carries.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body<'a> {
    /// `first` is the sequence number of the first byte of `bytes`; `opens` is the SYN flag.
    Tcp {
        first: u32,
        opens: bool,
        bytes: &'a [u8],
    },
    Udp(&'a [u8]),
}

/// A TCP or UDP packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) body: Body<'a>,
    /// The capture holds less of it than was sent.
    pub(super) is_cut: bool,
}

/// Why a packet tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Left {
    /// Not TCP or UDP over IP: nobody's.
    Other,
    /// A link type that is not read here.
    Link(i32),
    /// A part of a packet that was sent in fragments.
    Fragment,
    /// Headers that are cut or contradict themselves.
    Broken,
}

/// Opens a packet as it was captured on a link of that type (numbers of tcpdump.org/linktypes.html).
pub(super) fn open(link: i32, data: &[u8]) -> Result<Packet<'_>, Left> {
    let after = |n: usize| data.get(n..).ok_or(Left::Broken);
    let ether_type = |at: usize| {
        let two = data.get(at..).and_then(|rest| rest.first_chunk::<2>()).ok_or(Left::Broken)?;
        Ok(EtherType(u16::from_be_bytes(*two)))
    };
    let sliced = match link {
        // BSD loopback: four bytes of address family, which differ from system to system; the IP header tells itself.
        0 | 108 => internet(after(4)?)?,
        1 => LaxSlicedPacket::from_ethernet(data).map_err(|_| Left::Broken)?,
        // Raw IP, by its own number and by those some systems write instead.
        12 | 14 | 101 | 228 | 229 => internet(data)?,
        // Linux cooked capture: a header of 16 bytes, the Ethernet type in its last two.
        113 => LaxSlicedPacket::from_ether_type(ether_type(14)?, after(16)?),
        // Its second version: 20 bytes, the Ethernet type in its first two.
        276 => LaxSlicedPacket::from_ether_type(ether_type(0)?, after(20)?),
        other => return Err(Left::Link(other)),
    };
    read(&sliced)
}

fn internet(data: &[u8]) -> Result<LaxSlicedPacket<'_>, Left> {
    match data.first().map(|b| b >> 4) {
        Some(4 | 6) => LaxSlicedPacket::from_ip(data).map_err(|_| Left::Broken),
        Some(_) => Err(Left::Other),
        None => Err(Left::Broken),
    }
}

fn read<'a>(sliced: &LaxSlicedPacket<'a>) -> Result<Packet<'a>, Left> {
    let (from, to): (IpAddr, IpAddr) = match &sliced.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        _ => return Err(if sliced.stop_err.is_some() { Left::Broken } else { Left::Other }),
    };
    let payload = sliced.net.as_ref().and_then(LaxNetSlice::ip_payload_ref);
    if payload.is_some_and(|payload| payload.fragmented) {
        return Err(Left::Fragment);
    }
    let is_cut = payload.is_some_and(|payload| payload.incomplete);
    let (ports, body) = match &sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            // A SYN takes one number of its own before the bytes.
            let first = tcp.sequence_number().wrapping_add(u32::from(tcp.syn()));
            let body = Body::Tcp { first, opens: tcp.syn(), bytes: tcp.payload() };
            ((tcp.source_port(), tcp.destination_port()), body)
        }
        Some(TransportSlice::Udp(udp)) => {
            ((udp.source_port(), udp.destination_port()), Body::Udp(udp.payload()))
        }
        _ => return Err(if sliced.stop_err.is_some() { Left::Broken } else { Left::Other }),
    };
    Ok(Packet { from: (from, ports.0).into(), to: (to, ports.1).into(), body, is_cut })
}
