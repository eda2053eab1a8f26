//! Sends captured frames to a node and prints what it answers.

use super::Failure;
use super::input::{self, Captured, Flow, Input, Piece, Source};
use super::setup::tell;
use crate::domain::text;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long the last answers are waited for.
const LAST: Duration = Duration::from_secs(2);

/// How long a datagram's answers are waited for; nothing says that there are no more.
const QUIET: Duration = Duration::from_millis(200);

/// Connections open at once. For one more, the one silent longest is closed; if it has more to say it connects again,
/// as a device would.
const MOST_OPEN: usize = 256;

/// What is wanted of `replay`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) to: SocketAddr,
    /// Lines and raw bytes go as datagrams.
    pub(super) udp: bool,
    /// Keep the times of a capture, so many times as fast.
    pub(super) pace: Option<f64>,
    /// Wait between pieces, where no time is kept.
    pub(super) pause: Duration,
}

/// Reads the factor of `--pace`.
pub(super) fn pace(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.001..=1_000_000.0).contains(&factor) {
        Ok(factor)
    } else {
        Err("a factor from 0.001 to 1000000".to_owned())
    }
}

#[derive(serde::Deserialize)]
struct CorpusLine {
    hex: Option<String>,
    stream: Option<Vec<String>>,
}

/// Hex lines (spaces allowed), corpus lines, blank lines and `#` comments. Each line is one connection.
fn parse(file: &str) -> Result<Vec<Flow>, String> {
    let mut flows = Vec::new();
    let mut order = 0;
    for (at, line) in file.lines().enumerate() {
        let line_number = at + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let texts = if line.starts_with('{') {
            let corpus: CorpusLine =
                serde_json::from_str(line).map_err(|error| format!("line {line_number}: {error}"))?;
            corpus.hex.into_iter().chain(corpus.stream.into_iter().flatten()).collect()
        } else {
            vec![line.to_owned()]
        };
        let frames = texts
            .iter()
            .map(|text| hex::decode(text.split_whitespace().collect::<String>()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| {
                format!("line {line_number}: not hex: {error}; bytes as a device sends them: --raw")
            })?;
        let piece = |bytes| {
            order += 1;
            Piece { order, at: Duration::ZERO, bytes }
        };
        let pieces = frames.into_iter().map(piece).collect();
        flows.push(Flow { source: Source::Line(line_number), pieces });
    }
    Ok(flows)
}

/// An answer as people read it.
fn shown(bytes: &[u8]) -> String {
    if bytes.iter().all(|b| (0x20..0x7f).contains(b)) {
        text::clean_bytes(bytes)
    } else {
        format!("hex:{}", hex::encode(bytes))
    }
}

fn print(number: usize, what: &str) {
    // The frames are sent all the same.
    let _ = super::say(&format!("{number:>4}  {what}"));
}

pub(super) fn run(file: &Path, input: Input, wish: Wish) -> Result<(), Failure> {
    let named = |why: String| Failure::Failed(format!("{}: {why}", file.display()));
    let has_times = matches!(input, Input::Captured(_));
    if wish.pace.is_some() && !has_times {
        return Err(named("only a capture tells times; leave --pace out".into()));
    }
    let Captured { flows, warnings } = flows(input).map_err(named)?;
    for warning in &warnings {
        tell(warning);
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime
        .block_on(Replay::new(flows, wish).run())
        .map_err(|error| Failure::Failed(format!("{}: {error}", wish.to)))
}

fn flows(input: Input) -> Result<Captured, String> {
    let flows = match input {
        Input::Captured(captured) => return Ok(captured),
        Input::Raw(input) => {
            let bytes = input::whole(input)?;
            vec![Flow { source: Source::File, pieces: vec![Piece { order: 0, at: Duration::ZERO, bytes }] }]
        }
        Input::Lines(input) => {
            let text =
                String::from_utf8(input::whole(input)?).map_err(|_| "not text throughout".to_owned())?;
            parse(&text)?
        }
    };
    Ok(Captured { flows, warnings: Vec::new() })
}

/// What a flow's bytes go through. The answers are printed by a task of their own.
enum Way {
    Tcp(OwnedWriteHalf, JoinHandle<()>),
    Udp(Arc<UdpSocket>, JoinHandle<()>),
}

struct Replay {
    flows: Vec<Flow>,
    wish: Wish,
    /// Open ways by flow, with the number of the step that used them last.
    open: HashMap<usize, (Way, usize)>,
    /// Flows whose connection the node closed before all was sent: the rest of them is left out.
    ended: HashSet<usize>,
    reconnected: usize,
}

impl Replay {
    fn new(flows: Vec<Flow>, wish: Wish) -> Self {
        Self { flows, wish, open: HashMap::new(), ended: HashSet::new(), reconnected: 0 }
    }

    /// Every piece in the order of the file, each flow on its own connection or socket.
    async fn run(mut self) -> Result<(), String> {
        let mut steps: Vec<(usize, usize, usize)> = Vec::new();
        for (flow, Flow { pieces, .. }) in self.flows.iter().enumerate() {
            steps.extend(pieces.iter().enumerate().map(|(piece, told)| (told.order, flow, piece)));
        }
        steps.sort_unstable();
        let begin = Instant::now();
        for (step, (_, flow, piece)) in steps.into_iter().enumerate() {
            self.send(step, flow, piece, begin).await.map_err(|error| error.to_string())?;
        }
        if self.reconnected > 0 {
            tell(&format!(
                "more than {MOST_OPEN} connections at once: {} were closed early and opened again",
                self.reconnected
            ));
        }
        match self.ended.len() {
            0 => Ok(()),
            n => Err(format!("{n} of the connections ended before all was sent")),
        }
    }

    async fn send(&mut self, step: usize, flow: usize, piece: usize, begin: Instant) -> std::io::Result<()> {
        let Some(told) = self.flows.get(flow).filter(|_| !self.ended.contains(&flow)) else { return Ok(()) };
        let number = number(told.source, flow);
        let (first, last) = (piece == 0, piece + 1 == told.pieces.len());
        let source = told.source;
        let Some(Piece { at, bytes, .. }) = told.pieces.get(piece) else { return Ok(()) };
        if let Some(factor) = self.wish.pace {
            tokio::time::sleep_until(begin + at.div_f64(factor)).await;
        }
        let bytes = bytes.clone();
        if first && matches!(source, Source::Tcp(_) | Source::Udp(_)) {
            print(number, &format!("== {source}"));
        }
        self.need(flow, number, first).await?;
        print(number, &format!("-> {} bytes", bytes.len()));
        if let Some((way, used)) = self.open.get_mut(&flow) {
            *used = step;
            let sent = match way {
                Way::Tcp(writer, _) => writer.write_all(&bytes).await,
                Way::Udp(socket, _) => socket.send(&bytes).await.map(drop),
            };
            if let Err(error) = sent {
                print(number, &format!("== ended: {error}"));
                self.open.remove(&flow);
                self.ended.insert(flow);
                return Ok(());
            }
        }
        if self.wish.pace.is_none() {
            tokio::time::sleep(self.wish.pause).await;
        }
        if last && let Some((way, _)) = self.open.remove(&flow) {
            close(way).await;
        }
        Ok(())
    }

    /// Opens the way of a flow if it is not open.
    async fn need(&mut self, flow: usize, number: usize, first: bool) -> std::io::Result<()> {
        if self.open.contains_key(&flow) {
            return Ok(());
        }
        self.reconnected += usize::from(!first);
        while self.open.len() >= MOST_OPEN {
            let silent = self.open.iter().min_by_key(|(_, (_, used))| *used).map(|(flow, _)| *flow);
            let Some((way, _)) = silent.and_then(|silent| self.open.remove(&silent)) else { break };
            close(way).await;
        }
        let is_udp = match self.flows.get(flow).map(|told| told.source) {
            Some(Source::Udp(_)) => true,
            Some(Source::Tcp(_)) => false,
            _ => self.wish.udp,
        };
        let way = if is_udp {
            datagrams(self.wish.to, number).await?
        } else {
            stream(self.wish.to, number).await?
        };
        self.open.insert(flow, (way, 0));
        Ok(())
    }
}

/// What a flow is called on the screen: its line, or its place in the capture.
fn number(source: Source, flow: usize) -> usize {
    match source {
        Source::Line(number) => number,
        _ => flow + 1,
    }
}

async fn stream(to: SocketAddr, number: usize) -> std::io::Result<Way> {
    let (mut reader, writer) = TcpStream::connect(to).await?.into_split();
    let answers = tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        loop {
            match reader.read(&mut buffer).await {
                Ok(n @ 1..) => print(number, &format!("<- {}", shown(buffer.get(..n).unwrap_or_default()))),
                _ => return,
            }
        }
    });
    Ok(Way::Tcp(writer, answers))
}

async fn datagrams(to: SocketAddr, number: usize) -> std::io::Result<Way> {
    let local: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = Arc::new(UdpSocket::bind(local).await?);
    socket.connect(to).await?;
    let reader = socket.clone();
    let answers = tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        while let Ok(n) = reader.recv(&mut buffer).await {
            print(number, &format!("<- {}", shown(buffer.get(..n).unwrap_or_default())));
        }
    });
    Ok(Way::Udp(socket, answers))
}

/// Ends a way and waits for what is still answered.
async fn close(way: Way) {
    match way {
        Way::Tcp(mut writer, answers) => {
            // It may be closed from the other side already.
            let _ = writer.shutdown().await;
            let _ = tokio::time::timeout(LAST, answers).await;
        }
        Way::Udp(_, answers) => {
            tokio::time::sleep(QUIET).await;
            answers.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_and_corpus_lines_are_read_and_bad_ones_named() {
        let file = "# c\n\n28 29\n{\"hex\":\"24\"}\n{\"stream\":[\"40\",\"41\"],\"origin\":\"x\"}\n";
        let flows = parse(file).unwrap();
        let bytes = |flow: &Flow| flow.pieces.iter().map(|piece| piece.bytes.clone()).collect::<Vec<_>>();
        let frames: Vec<_> = flows.iter().map(|flow| (flow.source, bytes(flow))).collect();
        assert_eq!(
            frames,
            [
                (Source::Line(3), vec![vec![0x28, 0x29]]),
                (Source::Line(4), vec![vec![0x24]]),
                (Source::Line(5), vec![vec![0x40], vec![0x41]])
            ]
        );
        assert!(parse("28\nzz").unwrap_err().contains("line 2"));
    }

    #[test]
    fn answers_never_steer_the_terminal() {
        assert_eq!(shown(b"(P46)"), "(P46)");
        assert_eq!(shown(b"\x1b[2J"), "hex:1b5b324a");
    }

    #[test]
    fn a_pace_is_a_sensible_factor() {
        assert_eq!(pace("1"), Ok(1.0));
        assert_eq!(pace("0.5"), Ok(0.5));
        for bad in ["0", "-1", "nan", "inf", "x", "1e9"] {
            assert!(pace(bad).is_err(), "{bad}");
        }
    }
}
