//! Cutting what a server sends into whole items. Each reader holds a bounded rest; past the bound the rest is thrown
//! away, as a device with little memory would.

use super::encode::seal;

/// `( … )` texts for master locks.
#[derive(Debug, Clone, Default)]
pub(super) struct Brackets(Vec<u8>);

/// 0x7E frames for seals.
#[derive(Debug, Clone, Default)]
pub(super) struct Delimited(Vec<u8>);

/// `#…` lines for trackers.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(Vec<u8>);

const LIMIT: usize = 2048;

fn keep(rest: &mut Vec<u8>, bytes: &[u8]) {
    if rest.len() + bytes.len() > LIMIT {
        rest.clear();
    }
    rest.extend(&bytes[bytes.len().saturating_sub(LIMIT)..]);
}

impl Brackets {
    /// The comma-separated items of every whole text.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<Vec<String>> {
        keep(&mut self.0, bytes);
        let mut texts = Vec::new();
        while let Some(end) = self.0.iter().position(|&byte| byte == b')') {
            let text: Vec<u8> = self.0.drain(..=end).collect();
            let Some(start) = text.iter().position(|&byte| byte == b'(') else { continue };
            let inner = String::from_utf8_lossy(&text[start + 1..text.len() - 1]);
            texts.push(inner.split(',').map(str::to_owned).collect());
        }
        texts
    }
}

impl Delimited {
    /// Every sound frame; others are skipped.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<seal::Heard> {
        keep(&mut self.0, bytes);
        let mut heard = Vec::new();
        while let Some(end) = self.0.iter().skip(1).position(|&byte| byte == 0x7e).map(|at| at + 1) {
            // The delimiter stays: it may open the next frame.
            let frame: Vec<u8> = self.0.drain(..end).collect();
            heard.extend(frame.split_first().and_then(|(_, inner)| seal::unwrap(inner)));
        }
        heard
    }
}

impl Lines {
    /// Every whole line without its `#`.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<String> {
        keep(&mut self.0, bytes);
        let mut lines = Vec::new();
        while let Some(end) = self.0.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.0.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            lines.extend(line.trim().strip_prefix('#').map(str::to_owned));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_whole_however_they_are_split() {
        let stream = b"junk(P69,0,7)(P43,123456)(P2";
        let mut whole = Brackets::default();
        let want = vec![vec!["P69".to_owned(), "0".into(), "7".into()], vec!["P43".into(), "123456".into()]];
        assert_eq!(whole.read(stream), want);
        let mut split = Brackets::default();
        let got: Vec<_> = stream.iter().flat_map(|&byte| split.read(&[byte])).collect();
        assert_eq!(got, want);
        assert_eq!(split.read(b"2,1)"), [["P22", "1"]]);
    }

    #[test]
    fn frames_come_whole_however_they_are_split() {
        let mut stream = seal::frame(0x8001, "794308010679", 1, &[0, 1, 2, 0, 0]);
        stream.extend(seal::frame(0x8100, "794308010679", 2, &[0x7e, 0x7d]));
        let mut reader = Delimited::default();
        let got: Vec<u16> =
            stream.iter().flat_map(|&byte| reader.read(&[byte])).map(|heard| heard.message).collect();
        assert_eq!(got, [0x8001, 0x8100]);
        assert_eq!(Delimited::default().read(&stream).len(), 2);
    }

    #[test]
    fn lines_lose_their_mark_and_endless_ones_are_thrown_away() {
        let mut reader = Lines::default();
        assert_eq!(reader.read(b"#OPC1,1\r\nnoise\r\n#PHO\r\n#PH"), ["OPC1,1", "PHO"]);
        reader.read(&[b'x'; 3000]);
        assert!(reader.0.len() <= LIMIT);
    }
}
