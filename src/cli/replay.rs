//! Sends captured frames to a node and prints what it answers.

use super::Failure;
use crate::domain::text;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// How long the last answers are waited for.
const LAST: Duration = Duration::from_secs(2);

/// One line of the file: the frames of one connection.
#[derive(Debug, PartialEq)]
struct Capture {
    line: usize,
    frames: Vec<Vec<u8>>,
}

#[derive(serde::Deserialize)]
struct CorpusLine {
    hex: Option<String>,
    stream: Option<Vec<String>>,
}

/// Hex lines (spaces allowed), corpus lines, blank lines and `#` comments.
fn parse(file: &str) -> Result<Vec<Capture>, String> {
    let mut captures = Vec::new();
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
            .map_err(|error| format!("line {line_number}: not hex: {error}"))?;
        captures.push(Capture { line: line_number, frames });
    }
    Ok(captures)
}

/// An answer as people read it.
fn shown(bytes: &[u8]) -> String {
    if bytes.iter().all(|b| (0x20..0x7f).contains(b)) {
        text::clean_bytes(bytes)
    } else {
        format!("hex:{}", hex::encode(bytes))
    }
}

fn print(line: usize, what: &str) {
    // The frames are sent all the same.
    let _ = super::say(&format!("{line:>4}  {what}"));
}

pub(super) fn run(file: &Path, to: SocketAddr, udp: bool, pause: Duration) -> Result<(), Failure> {
    let text =
        std::fs::read_to_string(file).map_err(|e| Failure::Failed(format!("{}: {e}", file.display())))?;
    let captures = parse(&text).map_err(|e| Failure::Failed(format!("{}: {e}", file.display())))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        for capture in &captures {
            let sent =
                if udp { datagrams(capture, to, pause).await } else { connection(capture, to, pause).await };
            sent.map_err(|error| Failure::Failed(format!("{to}: {error}")))?;
        }
        Ok(())
    })
}

/// The frames of one line by one TCP connection.
async fn connection(capture: &Capture, to: SocketAddr, pause: Duration) -> std::io::Result<()> {
    let stream = TcpStream::connect(to).await?;
    let (mut reader, mut writer) = stream.into_split();
    let line = capture.line;
    let answers = tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        loop {
            match reader.read(&mut buffer).await {
                Ok(n @ 1..) => print(line, &format!("<- {}", shown(buffer.get(..n).unwrap_or_default()))),
                _ => return,
            }
        }
    });
    for frame in &capture.frames {
        print(line, &format!("-> {} bytes", frame.len()));
        writer.write_all(frame).await?;
        tokio::time::sleep(pause).await;
    }
    writer.shutdown().await?;
    let _ = tokio::time::timeout(LAST, answers).await;
    Ok(())
}

/// The frames of one line as datagrams from one socket.
async fn datagrams(capture: &Capture, to: SocketAddr, pause: Duration) -> std::io::Result<()> {
    let local: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(to).await?;
    let mut buffer = vec![0; 4096];
    for frame in &capture.frames {
        print(capture.line, &format!("-> {} bytes", frame.len()));
        socket.send(frame).await?;
        let wait = pause.max(Duration::from_millis(200));
        while let Ok(Ok(n)) = tokio::time::timeout(wait, socket.recv(&mut buffer)).await {
            print(capture.line, &format!("<- {}", shown(buffer.get(..n).unwrap_or_default())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_and_corpus_lines_are_read_and_bad_ones_named() {
        let file = "# c\n\n28 29\n{\"hex\":\"24\"}\n{\"stream\":[\"40\",\"41\"],\"origin\":\"x\"}\n";
        let captures = parse(file).unwrap();
        let frames: Vec<_> = captures.iter().map(|c| (c.line, c.frames.clone())).collect();
        assert_eq!(
            frames,
            [(3, vec![vec![0x28, 0x29]]), (4, vec![vec![0x24]]), (5, vec![vec![0x40], vec![0x41]])]
        );
        assert!(parse("28\nzz").unwrap_err().contains("line 2"));
    }

    #[test]
    fn answers_never_steer_the_terminal() {
        assert_eq!(shown(b"(P46)"), "(P46)");
        assert_eq!(shown(b"\x1b[2J"), "hex:1b5b324a");
    }
}
