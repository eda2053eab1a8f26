//! Captures of network traffic, pcap and pcapng: what went to the port of the devices, by connection and sender.

use super::packet::{self, Body, Left, Packet};
use super::stream::{Segment, assemble, distance};
use super::{Captured, Flow, Piece, Source};
use pcap_parser::nom;
use pcap_parser::{Block, PcapBlockOwned, PcapNGSlice, parse_pcap_header};
use pcap_parser::{parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

/// Connections and senders told apart; packets of further ones are counted and left out.
const MOST_FLOWS: usize = 10_000;

/// Warnings of one kind that are written out; further ones are counted.
const MOST_WARNINGS: usize = 20;

/// Ports named when nothing went to the one asked for.
const NAMED_PORTS: usize = 5;

/// A packet as it lies in the file.
struct Raw<'a> {
    link: i32,
    /// Since the epoch the capturing machine used; pcapng packets may have none.
    at: Option<Duration>,
    data: &'a [u8],
    /// Less was kept than was sent.
    is_cut: bool,
}

/// Reads a capture.
///
/// # Errors
/// One sentence: it is no capture, or holds nothing for that port.
pub(super) fn read(file: &[u8], port: u16) -> Result<Captured, String> {
    let mut traffic = Traffic::new(port);
    let end = if file.starts_with(&[0x0A, 0x0D, 0x0D, 0x0A]) {
        packets_of_pcapng(file, |raw| traffic.take(&raw))
    } else {
        packets_of_pcap(file, |raw| traffic.take(&raw))
    }?;
    traffic.finish(end)
}

/// Why reading ended before the file did.
type End = Option<&'static str>;

fn broken<E>(error: &nom::Err<E>) -> &'static str {
    match error {
        nom::Err::Incomplete(_) => "the file ends within a packet",
        nom::Err::Error(_) | nom::Err::Failure(_) => "the file is damaged",
    }
}

fn packets_of_pcap<'a>(file: &'a [u8], mut take: impl FnMut(Raw<'a>)) -> Result<End, String> {
    let (mut rest, header) =
        parse_pcap_header(file).map_err(|_| "a capture whose header is cut or damaged".to_owned())?;
    let parse = match (header.is_modified_format(), header.is_bigendian()) {
        (true, _) => parse_pcap_frame_modified,
        (false, true) => parse_pcap_frame_be,
        (false, false) => parse_pcap_frame,
    };
    let unit = if header.is_nanosecond_precision() { 1 } else { 1_000 };
    // The upper bits may tell the length of a checksum behind the packet, which the IP header leaves out by itself.
    let link = header.network.0 & 0x03FF_FFFF;
    while !rest.is_empty() {
        let (after, frame) = match parse(rest) {
            Ok(parsed) => parsed,
            Err(error) => return Ok(Some(broken(&error))),
        };
        rest = after;
        let nanos = Duration::from_nanos(u64::from(frame.ts_usec) * unit);
        let at = Some(Duration::from_secs(u64::from(frame.ts_sec)) + nanos);
        take(Raw { link, at, data: frame.data, is_cut: frame.caplen < frame.origlen });
    }
    Ok(None)
}

/// Link type and units of time per second of an interface.
type Interface = (i32, u128);

fn packets_of_pcapng<'a>(file: &'a [u8], mut take: impl FnMut(Raw<'a>)) -> Result<End, String> {
    let blocks =
        PcapNGSlice::from_slice(file).map_err(|_| "a capture whose header is cut or damaged".to_owned())?;
    let mut interfaces: Vec<Interface> = Vec::new();
    for block in blocks {
        let block = match block {
            Ok(PcapBlockOwned::NG(block)) => block,
            Ok(_) => continue,
            Err(error) => return Ok(Some(broken(&error))),
        };
        match block {
            Block::SectionHeader(_) => interfaces.clear(),
            Block::InterfaceDescription(told) => {
                interfaces.push((told.linktype.0, resolution(told.if_tsresol)));
            }
            Block::EnhancedPacket(packet) => {
                let Some((link, units)) = interfaces.get(packet.if_id as usize).copied() else {
                    return Ok(Some("the file is damaged"));
                };
                let ticks = u128::from(packet.ts_high) << 32 | u128::from(packet.ts_low);
                let nanos = ticks.saturating_mul(1_000_000_000) / units;
                let at = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
                let data = packet.data.get(..packet.caplen as usize).unwrap_or(packet.data);
                take(Raw { link, at: Some(at), data, is_cut: packet.caplen < packet.origlen });
            }
            Block::SimplePacket(packet) => {
                // By definition of the first interface.
                let Some((link, _)) = interfaces.first().copied() else {
                    return Ok(Some("the file is damaged"));
                };
                let kept = (packet.origlen as usize).min(packet.data.len());
                let data = packet.data.get(..kept).unwrap_or(packet.data);
                take(Raw { link, at: None, data, is_cut: kept < packet.origlen as usize });
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Units of time per second by the option `if_tsresol`: a power of ten, or of two if the highest bit is set.
fn resolution(option: u8) -> u128 {
    let power = u32::from(option & 0x7F);
    let base: u128 = if option & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(power).unwrap_or(1_000_000)
}

/// The packets of one flow while they are gathered.
struct Gathered<'a> {
    source: Source,
    segments: Vec<Segment<'a>>,
    datagrams: Vec<Piece>,
}

struct Traffic<'a> {
    port: u16,
    /// Time of the first packet, and the latest so far: time never runs backwards here.
    begin: Option<Duration>,
    latest: Duration,
    packets: usize,
    flows: Vec<Gathered<'a>>,
    /// The newest flow of a sender, a receiver and a transport.
    open: HashMap<(SocketAddr, SocketAddr, bool), usize>,
    left: BTreeMap<Left, usize>,
    cut: usize,
    cut_datagrams: usize,
    too_many: usize,
    /// Packets with bytes that went elsewhere, by port.
    elsewhere: BTreeMap<u16, usize>,
}

impl<'a> Traffic<'a> {
    fn new(port: u16) -> Self {
        Self {
            port,
            begin: None,
            latest: Duration::ZERO,
            packets: 0,
            flows: Vec::new(),
            open: HashMap::new(),
            left: BTreeMap::new(),
            cut: 0,
            cut_datagrams: 0,
            too_many: 0,
            elsewhere: BTreeMap::new(),
        }
    }

    fn take(&mut self, raw: &Raw<'a>) {
        let order = self.packets;
        self.packets += 1;
        if let Some(at) = raw.at {
            let begin = *self.begin.get_or_insert(at);
            self.latest = self.latest.max(at.saturating_sub(begin));
        }
        match packet::open(raw.link, raw.data) {
            Ok(packet) => self.sort(order, packet, raw.is_cut),
            Err(Left::Other) => {}
            Err(Left::Broken) if raw.is_cut => self.cut += 1,
            Err(why) => *self.left.entry(why).or_default() += 1,
        }
    }

    fn sort(&mut self, order: usize, packet: Packet<'a>, is_cut: bool) {
        let Packet { from, to, body, is_cut: by_its_header } = packet;
        let is_cut = is_cut || by_its_header;
        let has_bytes = match &body {
            Body::Tcp { opens, bytes, .. } => *opens || !bytes.is_empty(),
            Body::Udp(_) => true,
        };
        if to.port() != self.port {
            if has_bytes {
                *self.elsewhere.entry(to.port()).or_default() += 1;
            }
            return;
        }
        if !has_bytes {
            return;
        }
        self.cut += usize::from(is_cut);
        match body {
            // Half a datagram is no frame.
            Body::Udp(_) if is_cut => self.cut_datagrams += 1,
            Body::Udp(bytes) => {
                let piece = Piece { order, at: self.latest, bytes: bytes.to_vec() };
                if let Some(flow) = self.flow((from, to, false), Source::Udp(from), None) {
                    flow.datagrams.push(piece);
                }
            }
            Body::Tcp { first, opens, bytes } => {
                let segment = Segment { order, at: self.latest, first, opens, bytes };
                let opening = opens.then_some(first);
                if let Some(flow) = self.flow((from, to, true), Source::Tcp(from), opening) {
                    flow.segments.push(segment);
                }
            }
        }
    }

    /// The flow a packet belongs to. `opening` is the first sequence number of a packet that opens a connection: another
    /// one than that of the flow so far opens the next.
    fn flow(
        &mut self,
        key: (SocketAddr, SocketAddr, bool),
        source: Source,
        opening: Option<u32>,
    ) -> Option<&mut Gathered<'a>> {
        let known = self.open.get(&key).copied().filter(|at| {
            opening.is_none_or(|first| self.flows.get(*at).is_some_and(|flow| belongs(flow, first)))
        });
        let at = match known {
            Some(at) => at,
            None if self.flows.len() >= MOST_FLOWS => {
                self.too_many += 1;
                return None;
            }
            None => {
                self.flows.push(Gathered { source, segments: Vec::new(), datagrams: Vec::new() });
                self.open.insert(key, self.flows.len() - 1);
                self.flows.len() - 1
            }
        };
        self.flows.get_mut(at)
    }

    fn finish(self, end: End) -> Result<Captured, String> {
        let mut warnings = self.warnings(end);
        let mut gaps = Vec::new();
        let mut flows = Vec::new();
        for Gathered { source, segments, datagrams } in self.flows {
            let (mut pieces, gap) = assemble(&segments);
            pieces.extend(datagrams);
            if let Some(gap) = gap {
                gaps.push(format!(
                    "{source}: {} bytes are missing in the capture, the {} behind them are left out",
                    gap.missing, gap.left_out
                ));
            }
            if !pieces.is_empty() {
                flows.push(Flow { source, pieces });
            }
        }
        let more = gaps.len().saturating_sub(MOST_WARNINGS);
        gaps.truncate(MOST_WARNINGS);
        warnings.extend(gaps);
        if more > 0 {
            warnings.push(format!("{more} more connections end at a gap"));
        }
        flows.sort_by_key(|flow| flow.pieces.first().map(|piece| piece.order));
        if flows.is_empty() {
            return Err(nothing(self.port, self.packets, &self.elsewhere, &warnings));
        }
        Ok(Captured { flows, warnings })
    }

    fn warnings(&self, end: End) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(why) = end {
            warnings.push(format!("{why}; the {} packets before that are read", self.packets));
        }
        for (left, count) in &self.left {
            let what = match left {
                Left::Other => continue,
                Left::Link(link) => format!("of link type {link}, which is not read here,"),
                Left::Fragment => "that are fragments of IP".to_owned(),
                Left::Broken => "with broken headers".to_owned(),
            };
            warnings.push(format!("{count} packets {what} are left out"));
        }
        if self.cut > 0 {
            warnings.push(format!(
                "{} packets were cut when they were captured (snap length); {} of them are datagrams and left out",
                self.cut, self.cut_datagrams
            ));
        }
        if self.too_many > 0 {
            warnings.push(format!(
                "more than {MOST_FLOWS} connections: {} packets of the others are left out",
                self.too_many
            ));
        }
        warnings
    }
}

/// Whether a connection that opens with this number is the flow's own: its SYN again, or one that comes late.
fn belongs(flow: &Gathered<'_>, first: u32) -> bool {
    match flow.segments.iter().find(|segment| segment.opens) {
        Some(opening) => opening.first == first,
        None => {
            flow.segments.iter().any(|segment| segment.first == first)
                && flow.segments.iter().all(|segment| distance(first, segment.first) >= 0)
        }
    }
}

fn nothing(port: u16, packets: usize, elsewhere: &BTreeMap<u16, usize>, warnings: &[String]) -> String {
    let mut ports: Vec<(u16, usize)> = elsewhere.iter().map(|(port, count)| (*port, *count)).collect();
    ports.sort_by_key(|(port, count)| (std::cmp::Reverse(*count), *port));
    let named: Vec<String> =
        ports.iter().take(NAMED_PORTS).map(|(port, count)| format!("{port} ({count})")).collect();
    let hint = if named.is_empty() {
        String::new()
    } else {
        format!("; packets go to the ports {}: name one with --port", named.join(", "))
    };
    let also: String = warnings.iter().map(|warning| format!("; {warning}")).collect();
    format!("a capture of {packets} packets, none with bytes for port {port}{hint}{also}")
}
