//! The seal family's frame: JT/T 808 between two 7E, escaped, with a one-byte sum.

use super::fields::{Flaw, Reader};
use crate::protocol::frame::Cut;

const DELIMITER: u8 = 0x7E;
const ESCAPE: u8 = 0x7D;

/// Attribute bits.
const SPLIT: u16 = 1 << 13;
const YEAR_2019: u16 = 1 << 14;
const WANTS_SHORT: u16 = 1 << 15;
const BODY_LENGTH: u16 = 0x03FF;

/// Messages whose serial is one byte.
pub(super) const LIVE_REPORT: u16 = 0x5501;
pub(super) const BLIND_REPORT: u16 = 0x5502;

/// The head of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) message: u16,
    attributes: u16,
    /// As on the wire: 6 BCD bytes, or (2019 header) a version byte and 10.
    pub(crate) id: Vec<u8>,
    pub(crate) serial: u16,
    /// Offset of the body after unescaping, the first delimiter being byte 0.
    pub(crate) body_at: usize,
    /// This packet's number and how many there are, for a message in several packets.
    pub(crate) split: Option<(u16, u16)>,
}

impl Header {
    /// Reads the head of an unescaped frame that begins with its delimiter.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        let mut reader = Reader::new(bytes, 1);
        let (message, attributes) = (reader.u16()?, reader.u16()?);
        let id = reader.take(if attributes & YEAR_2019 == 0 { 6 } else { 11 })?.to_vec();
        let one_byte = matches!(message, LIVE_REPORT | BLIND_REPORT);
        let serial = if one_byte { reader.u8()?.into() } else { reader.u16()? };
        let split = if attributes & SPLIT == 0 {
            None
        } else {
            let count = reader.u16()?;
            Some((reader.u16()?, count))
        };
        Ok(Self { message, attributes, id, serial, body_at: reader.at(), split })
    }

    pub(crate) fn body_length(&self) -> usize {
        usize::from(self.attributes & BODY_LENGTH)
    }

    /// Length of the unescaped frame without its closing delimiter: head, body, sum.
    fn length(&self) -> usize {
        self.body_at.saturating_add(self.body_length()).saturating_add(1)
    }

    /// Whether an answer 0x4401 is asked for.
    pub(crate) fn wants_short_answer(&self) -> bool {
        self.attributes & WANTS_SHORT != 0
    }

    /// The ID without leading zeros.
    pub(crate) fn device(&self) -> String {
        let digits = match self.id.as_slice() {
            [_, id @ ..] if id.len() == 10 => id,
            id => id,
        };
        let text = hex::encode(digits);
        match text.trim_start_matches('0') {
            "" => "0".to_owned(),
            id => id.to_owned(),
        }
    }
}

/// How far an unfinished frame has been looked through.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    /// Raw bytes looked at, the opening delimiter included.
    pub(crate) looked: usize,
    /// Bytes after unescaping, the opening delimiter included.
    bytes: usize,
    escaped: bool,
    /// [`Header::length`], once known.
    want: Option<usize>,
}

/// Finds the end of a frame that begins with 7E and whose head was detected. A frame of a wrong length is cut short
/// or ran into the next one: one byte is skipped, so that what stands inside is looked at again.
pub(crate) fn cut(bytes: &[u8], progress: &mut Progress) -> Cut {
    let want = *progress.want.get_or_insert_with(|| {
        let (plain, _) = unescape(bytes.get(..64.min(bytes.len())).unwrap_or_default());
        Header::read(&plain).map_or(usize::MAX, |header| header.length())
    });
    if want == usize::MAX {
        // The head is not all there yet: cheap to try again, it is short.
        progress.want = None;
        let closed = bytes.iter().skip(1).position(|b| *b == DELIMITER);
        return match closed {
            None => Cut::NeedMore,
            Some(_) => Cut::Bad { skip: 1, reason: "seal frame ends inside its head" },
        };
    }
    for &byte in bytes.iter().skip(progress.looked) {
        progress.looked = progress.looked.saturating_add(1);
        if byte == DELIMITER && progress.looked > 1 {
            return if progress.bytes == want && !progress.escaped {
                Cut::Frame(progress.looked)
            } else {
                Cut::Bad { skip: 1, reason: "seal frame is shorter than its head says" }
            };
        }
        let follows_escape = std::mem::take(&mut progress.escaped);
        if follows_escape && !matches!(byte, 1 | 2) {
            return Cut::Bad { skip: 1, reason: "seal frame holds an unknown escape" };
        }
        if byte == ESCAPE {
            progress.escaped = true;
        } else {
            progress.bytes = progress.bytes.saturating_add(1);
        }
        if progress.bytes > want {
            return Cut::Bad { skip: 1, reason: "seal frame is longer than its head says" };
        }
    }
    Cut::NeedMore
}

/// Undoes the escapes of a raw frame; the second list tells where each byte stood. A closing delimiter is left out,
/// an unknown escape is kept as it is.
pub(crate) fn unescape(raw: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let mut plain = Vec::with_capacity(raw.len());
    let mut places = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied().enumerate().peekable();
    while let Some((place, byte)) = bytes.next() {
        if byte == DELIMITER && place > 0 {
            break;
        }
        let byte = match (byte, bytes.peek()) {
            (ESCAPE, Some((_, code @ (1 | 2)))) => {
                let real = if *code == 1 { ESCAPE } else { DELIMITER };
                bytes.next();
                real
            }
            _ => byte,
        };
        plain.push(byte);
        places.push(place);
    }
    (plain, places)
}

/// Whether the last byte of an unescaped frame is the XOR of all after the delimiter.
pub(crate) fn sum_is_right(plain: &[u8]) -> bool {
    plain.len() > 1 && plain.iter().skip(1).fold(0, |sum, b| sum ^ b) == 0
}

/// A frame to a device: our serial is always 0, two bytes wide or one. `id` is as in [`Header::id`].
pub(super) fn build(message: u16, id: &[u8], wide_serial: bool, body: &[u8]) -> Vec<u8> {
    build_numbered(message, id, if wide_serial { &[0, 0] } else { &[0] }, body)
}

/// The same with a serial of ours, for commands.
pub(super) fn build_numbered(message: u16, id: &[u8], serial: &[u8], body: &[u8]) -> Vec<u8> {
    let year_2019 = if id.len() == 11 { YEAR_2019 } else { 0 };
    // Bodies are a few bytes; the mask keeps the header true to its shape.
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX) & BODY_LENGTH;
    let mut plain = message.to_be_bytes().to_vec();
    plain.extend((length | year_2019).to_be_bytes());
    plain.extend(id);
    plain.extend(serial);
    plain.extend(body);
    plain.push(plain.iter().fold(0, |sum, b| sum ^ b));
    let mut frame = vec![DELIMITER];
    for byte in plain {
        match byte {
            ESCAPE => frame.extend([ESCAPE, 1]),
            DELIMITER => frame.extend([ESCAPE, 2]),
            _ => frame.push(byte),
        }
    }
    frame.push(DELIMITER);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_read_again() {
        let id = hex::decode("01234567897e").unwrap();
        let frame = build(0x8001, &id, true, &[0x7D, 0x7E, 0]);
        assert!(!frame[1..frame.len() - 1].contains(&0x7E));
        assert_eq!(cut(&frame, &mut Progress::default()), Cut::Frame(frame.len()));
        let (plain, places) = unescape(&frame);
        assert!(sum_is_right(&plain));
        assert_eq!(plain.len(), places.len());
        let header = Header::read(&plain).unwrap();
        assert_eq!((header.message, header.body_length(), header.serial), (0x8001, 3, 0));
        assert_eq!(&plain[header.body_at..header.body_at + 3], &[0x7D, 0x7E, 0]);
    }

    #[test]
    fn the_2019_header_is_answered_in_kind() {
        let mut id = vec![1];
        id.extend(hex::decode("00000000012345678901").unwrap());
        let frame = build(0x8001, &id, true, &[0]);
        let header = Header::read(&unescape(&frame).0).unwrap();
        assert_eq!(header.id, id);
        assert_eq!(header.device(), "12345678901");
    }

    #[test]
    fn a_frame_is_cut_the_same_however_it_comes() {
        let frame = build(0x0200, &[0x79, 0x43, 8, 1, 6, 0x79], true, &[0x7E; 40]);
        let mut progress = Progress::default();
        for n in 12..frame.len() {
            assert_eq!(cut(&frame[..n], &mut progress), Cut::NeedMore, "{n}");
            assert!(progress.looked <= n);
        }
        assert_eq!(cut(&frame, &mut progress), Cut::Frame(frame.len()));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let frame = build(0x0200, &[0x79, 0x43, 8, 1, 6, 0x79], true, &[1; 40]);
        let mut long = frame.clone();
        long.splice(20..20, [1; 2]);
        assert!(matches!(cut(&long, &mut Progress::default()), Cut::Bad { skip: 1, .. }));
        let mut short = frame;
        short.drain(20..22);
        assert!(matches!(cut(&short, &mut Progress::default()), Cut::Bad { skip: 1, .. }));
    }
}
