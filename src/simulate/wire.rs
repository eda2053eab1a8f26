//! The way to the server: TCP or UDP, and what goes wrong on it.

use super::{Fault, rng::Rng};
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
};

/// Where a device reports to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Tcp(SocketAddr),
    Udp(SocketAddr),
}

pub(super) enum Wire {
    Tcp(TcpStream),
    Udp(UdpSocket),
}

/// One thing to do with the wire.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Write(Vec<u8>),
    /// One byte after another, each in a segment of its own.
    Trickle(Vec<u8>),
    /// Write this much, then the connection is gone.
    Break(Vec<u8>),
}

/// A server that takes nothing for so long is gone.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

impl Wire {
    pub(super) async fn open(door: &Door) -> io::Result<Self> {
        match door {
            Door::Tcp(addr) => {
                let stream = TcpStream::connect(addr).await?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            Door::Udp(addr) => {
                let any: SocketAddr = if addr.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
                let socket = UdpSocket::bind(any).await?;
                socket.connect(addr).await?;
                Ok(Self::Udp(socket))
            }
        }
    }

    /// Zero bytes = the server closed. Nothing is lost if the future is dropped.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer).await,
            Self::Udp(socket) => socket.recv(buffer).await,
        }
    }

    pub(super) async fn write(&mut self, step: Step) -> io::Result<()> {
        let late = || io::Error::from(io::ErrorKind::TimedOut);
        match step {
            Step::Write(bytes) => {
                tokio::time::timeout(WRITE_LIMIT, self.send(&bytes)).await.map_err(|_| late())?
            }
            Step::Trickle(bytes) => {
                for byte in bytes {
                    tokio::time::timeout(WRITE_LIMIT, self.send(&[byte])).await.map_err(|_| late())??;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Ok(())
            }
            Step::Break(bytes) => {
                tokio::time::timeout(WRITE_LIMIT, self.send(&bytes)).await.map_err(|_| late())??;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).await,
            Self::Udp(socket) => socket.send(bytes).await.map(|_| ()),
        }
    }
}

/// Faults of one wire.
#[derive(Debug)]
pub(super) struct WireFaults {
    rng: Rng,
    split: bool,
    glue: bool,
    rubbish: bool,
    corrupt: u32,
    duplicate: bool,
    cut: bool,
    silent_until: Option<Duration>,
    /// Frames waiting to be glued; fewer than [`GLUED`].
    waiting: Vec<Vec<u8>>,
}

/// So many frames go together.
const GLUED: usize = 3;

impl WireFaults {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng,
            split: false,
            glue: false,
            rubbish: false,
            corrupt: 0,
            duplicate: false,
            cut: false,
            silent_until: None,
            waiting: Vec::new(),
        }
    }

    /// Takes a fault that is one of the wire; `false` for all others, and for what datagrams cannot suffer.
    pub(super) fn take(&mut self, fault: &Fault, at: Duration, datagrams: bool) -> bool {
        match fault {
            Fault::SplitBytes | Fault::GlueFrames | Fault::DropMidFrame if datagrams => return false,
            Fault::SplitBytes => self.split = true,
            Fault::GlueFrames => self.glue = true,
            Fault::Rubbish => self.rubbish = true,
            Fault::BadChecksum(frames) => self.corrupt = *frames,
            Fault::Duplicates => self.duplicate = true,
            Fault::DropMidFrame => self.cut = true,
            Fault::Silence(span) => self.silent_until = Some(at + *span),
            _ => return false,
        }
        true
    }

    pub(super) fn heal(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        *self = Self { waiting, ..Self::new(self.rng.clone()) };
    }

    /// The end of a silence that lasts now.
    pub(super) fn silent_until(&mut self, at: Duration) -> Option<Duration> {
        self.silent_until = self.silent_until.filter(|until| *until > at);
        self.silent_until
    }

    /// What becomes of `frames` on the way. During a silence they are lost.
    pub(super) fn steps(&mut self, frames: Vec<Vec<u8>>, at: Duration, datagrams: bool) -> Vec<Step> {
        if self.silent_until(at).is_some() {
            return Vec::new();
        }
        let mut frames: Vec<Vec<u8>> = frames.into_iter().flat_map(|frame| self.spoil(frame)).collect();
        if datagrams {
            return frames.into_iter().map(Step::Write).collect();
        }
        if self.cut && !frames.is_empty() {
            self.cut = false;
            let mut first = frames.swap_remove(0);
            first.truncate(first.len() / 2);
            return vec![Step::Break(first)];
        }
        self.waiting.append(&mut frames);
        let group = if self.glue { GLUED } else { 1 };
        let ready = self.waiting.len() / group * group;
        let ready: Vec<Vec<u8>> = self.waiting.drain(..ready).collect();
        let wrap = |bytes| if self.split { Step::Trickle(bytes) } else { Step::Write(bytes) };
        ready.chunks(group).map(|frames| wrap(frames.concat())).collect()
    }

    fn spoil(&mut self, mut frame: Vec<u8>) -> Vec<Vec<u8>> {
        if self.corrupt > 0 {
            self.corrupt -= 1;
            corrupt(&mut frame);
        }
        if self.rubbish {
            let mut rubbish = rubbish(&mut self.rng);
            rubbish.append(&mut frame);
            frame = rubbish;
        }
        if self.duplicate { vec![frame.clone(), frame] } else { vec![frame] }
    }
}

/// One to sixteen bytes none of which begins or ends anything in any protocol.
pub(super) fn rubbish(rng: &mut Rng) -> Vec<u8> {
    (0..=rng.below(16)).map(|_| 0x80 | (rng.byte() & 0x1f)).collect()
}

/// Makes a frame wrong without moving its end: the sum where it has one, else one field.
fn corrupt(frame: &mut [u8]) {
    let place = match frame {
        [0xbf, 0xfb, ..] => 2,
        [b'@', _, ..] => 1,
        // Behind the header, and neither part of an escape nor made into one.
        [0x7e, ..] => {
            let plain = |&index: &usize| !matches!(frame[index], 0x7c..=0x7f) && frame[index - 1] != 0x7d;
            let Some(place) = (13..frame.len().saturating_sub(1)).find(plain) else { return };
            place
        }
        // The day of a binary frame becomes no decimal digits.
        [0x24, _, _, _, _, _, 0x19, ..] if frame.len() > 10 => {
            frame[10] = 0xff;
            return;
        }
        // The ID of a text, the time of a sentence.
        _ => 8.min(frame.len().saturating_sub(2)),
    };
    // In text this turns a digit into another sign. FF in an envelope would say "not computed".
    let flip = if frame[0] == 0x7e { 0x01 } else { 0x51 };
    frame[place] ^= if frame[place] ^ flip == 0xff { 0x52 } else { flip };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::encode::seal;

    fn faults(list: &[Fault]) -> WireFaults {
        let mut faults = WireFaults::new(Rng::named(1, "wire"));
        for fault in list {
            assert!(faults.take(fault, Duration::ZERO, false));
        }
        faults
    }

    fn frames() -> Vec<Vec<u8>> {
        vec![b"(1,@JT)".to_vec(), b"(2,@JT)".to_vec(), b"(3,@JT)".to_vec(), b"(4,@JT)".to_vec()]
    }

    #[test]
    fn glued_frames_wait_for_company_and_none_is_lost() {
        let mut faults = faults(&[Fault::GlueFrames]);
        let steps = faults.steps(frames(), Duration::ZERO, false);
        assert_eq!(steps, [Step::Write(b"(1,@JT)(2,@JT)(3,@JT)".to_vec())]);
        faults.heal();
        assert_eq!(faults.steps(vec![], Duration::ZERO, false), [Step::Write(b"(4,@JT)".to_vec())]);
    }

    #[test]
    fn a_frame_breaks_once() {
        let mut faults = faults(&[Fault::DropMidFrame]);
        assert_eq!(faults.steps(frames(), Duration::ZERO, false), [Step::Break(b"(1,".to_vec())]);
        assert_eq!(faults.steps(frames(), Duration::ZERO, false).len(), 4);
    }

    #[test]
    fn silence_swallows_and_passes() {
        let mut faults = faults(&[Fault::Silence(Duration::from_secs(5))]);
        assert!(faults.steps(frames(), Duration::from_secs(4), false).is_empty());
        assert_eq!(faults.steps(frames(), Duration::from_secs(5), false).len(), 4);
    }

    #[test]
    fn rubbish_holds_no_byte_that_starts_or_ends_a_frame() {
        let mut rng = Rng::named(1, "rubbish");
        for _ in 0..1000 {
            let bytes = rubbish(&mut rng);
            assert!(!bytes.is_empty() && bytes.len() <= 16);
            assert!(bytes.iter().all(|byte| (0x80..0xa0).contains(byte)), "{bytes:02x?}");
        }
    }

    #[test]
    fn a_spoilt_frame_keeps_its_shape_and_fails_its_check() {
        let body: Vec<u8> = (0..=255).collect();
        let mut frame = seal::frame(seal::REPORT, "794308010679", 7, &body);
        let sound = frame.clone();
        corrupt(&mut frame);
        assert_eq!(frame.len(), sound.len());
        assert_eq!(frame.iter().filter(|&&byte| byte == 0x7e).count(), 2);
        assert_eq!(seal::unwrap(&frame[1..frame.len() - 1]), None);
        for mut text in
            [b"(8000620011,@JT)".to_vec(), b"$POS,1151000,205326.000,A\r\n".to_vec(), vec![0x24], vec![]]
        {
            if text.is_empty() {
                continue;
            }
            let before = text.clone();
            corrupt(&mut text);
            assert_ne!(text, before);
        }
    }

    #[test]
    fn datagrams_cannot_be_split_or_glued() {
        let mut faults = WireFaults::new(Rng::named(1, "udp"));
        for fault in [Fault::SplitBytes, Fault::GlueFrames, Fault::DropMidFrame] {
            assert!(!faults.take(&fault, Duration::ZERO, true));
        }
        assert!(faults.take(&Fault::Duplicates, Duration::ZERO, true));
        assert_eq!(faults.steps(frames(), Duration::ZERO, true).len(), 8);
    }
}
