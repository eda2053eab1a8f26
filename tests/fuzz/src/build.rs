//! Frames around given content: heads, lengths, sums and escapes are right, so that the content reaches its decoder.
//! Written from the papers, sharing nothing with the decoders or with the simulator.

/// An ID of the master and seal families.
pub const ID: &str = "8000620011";

/// `(ID,content)`
#[must_use]
pub fn text(content: &[u8]) -> Vec<u8> {
    [b"(", ID.as_bytes(), b",", content, b")"].concat()
}

/// A sub-device's report: `payload` begins after `2,`.
#[must_use]
pub fn wlnet(payload: &[u8]) -> Vec<u8> {
    let mut content = b"1,110,WLNET,5,2,".to_vec();
    for &byte in payload {
        match byte {
            b'(' | b')' | b',' | b'=' => content.extend([b'=', byte ^ b'=']),
            byte => content.push(byte),
        }
    }
    text(&content)
}

/// A master's binary frame: `kind` is the version and the type byte.
#[must_use]
pub fn master(kind: [u8; 2], content: &[u8]) -> Vec<u8> {
    let mut frame = vec![b'$', 0x80, 0x00, 0x62, 0x00, 0x11, kind[0], kind[1]];
    frame.extend(short(content.len()).to_be_bytes());
    frame.extend(content);
    frame
}

/// A legacy tracker's binary frame: `records` end with the index, which the length leaves out.
#[must_use]
pub fn legacy(kind: u8, records: &[u8]) -> Vec<u8> {
    let mut frame = vec![b'$', 0x80, 0x00, 0x62, 0x00, 0x11, kind];
    frame.extend(short(records.len().saturating_sub(1)).to_be_bytes());
    frame.extend(records);
    frame
}

/// The bits of a seal's attributes that are not its length.
pub const WANTS_SHORT: u16 = 1 << 15;
pub const YEAR_2019: u16 = 1 << 14;
pub const SPLIT: u16 = 1 << 13;

/// A seal's frame. `flags` are bits of the attributes; `body` holds the packet numbers, too, if bit 13 is among them.
#[must_use]
pub fn seal(message: u16, flags: u16, serial: u16, body: &[u8]) -> Vec<u8> {
    let flags = flags & 0xFC00;
    let numbers = if flags & SPLIT == 0 { 0 } else { 4 };
    let length = short(body.len().saturating_sub(numbers)) & 0x03FF;
    let mut plain = message.to_be_bytes().to_vec();
    plain.extend((flags | length).to_be_bytes());
    if flags & YEAR_2019 == 0 {
        plain.extend([0x79, 0x43, 0x08, 0x01, 0x06, 0x79]);
    } else {
        plain.extend([1, 0, 0, 0, 0, 0x79, 0x43, 0x08, 0x01, 0x06, 0x79]);
    }
    if matches!(message, 0x5501 | 0x5502) {
        plain.push(serial.to_be_bytes()[1]);
    } else {
        plain.extend(serial.to_be_bytes());
    }
    plain.extend(body.get(..usize::from(length) + numbers).unwrap_or(body));
    sealed(&plain)
}

/// Sum, escapes and delimiters around the plain bytes of a seal's frame.
#[must_use]
pub fn sealed(plain: &[u8]) -> Vec<u8> {
    let sum = plain.iter().fold(0, |sum, byte| sum ^ byte);
    let mut frame = vec![0x7E];
    for &byte in plain.iter().chain([&sum]) {
        match byte {
            0x7D => frame.extend([0x7D, 1]),
            0x7E => frame.extend([0x7D, 2]),
            byte => frame.push(byte),
        }
    }
    frame.push(0x7E);
    frame
}

/// The fixed 28 bytes of a 0x0200 body, then `items`.
#[must_use]
pub fn report(items: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 0, 0, 0x04, 0, 0x02];
    body.extend(22_562_315_u32.to_be_bytes());
    body.extend(113_998_045_u32.to_be_bytes());
    body.extend([0, 9, 0, 0, 0, 0, 0x26, 0x11, 0x20, 0x08, 0x30, 0x00]);
    body.extend(items);
    body
}

/// The fixed 37 bytes of a 0x5501 body, then `items`.
#[must_use]
pub fn live_report(product: u8, status: u16, alarm: u16, items: &[u8]) -> Vec<u8> {
    let mut body = vec![0x20, 0x11, 0x26, 0x08, 0x30, 0x00];
    body.extend([0x22, 0x34, 0x83, 0x10, 0x11, 0x35, 0x50, 0x54, 0x3F, 0x12, 0x98]);
    body.extend([0x1F, 9, 0, 0, 0, 0x2D, 0x50, 0, 0, 0, 1, 0x28, 0x66, product]);
    body.extend(status.to_be_bytes());
    body.extend(alarm.to_be_bytes());
    body.extend(items);
    body
}

/// An item: type, length, value.
#[must_use]
pub fn item(kind: u8, value: &[u8]) -> Vec<u8> {
    let value = value.get(..255).unwrap_or(value);
    let mut item = vec![kind, short(value.len()).to_be_bytes()[1]];
    item.extend(value);
    item
}

/// A `BF FB` frame with the right sum.
#[must_use]
pub fn framed(body: &[u8]) -> Vec<u8> {
    let body = body.get(..4091).unwrap_or(body);
    let mut frame = vec![0xBF, 0xFB, xor(body)];
    frame.extend(short(body.len() + 5).to_le_bytes());
    frame.extend(body);
    frame
}

/// A delta on `base`: its check byte is right.
#[must_use]
pub fn delta(base: &[u8], edits: &[u8]) -> Vec<u8> {
    [&[b'@', xor(base)], edits].concat()
}

/// A Bofan sentence that deltas may build on.
pub const SENTENCE: &[u8] =
    b"$POS,3760971,145733.000,A,2036.3883,N,10323.9836,W,0.0,119.5,281117,,,A/00000,00000/0/0//\r\n";

#[must_use]
pub fn xor(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// Lengths and sums made right again after a frame was changed, so that what is inside is decoded.
pub fn repair(frame: &mut Vec<u8>) {
    match frame.as_mut_slice() {
        [0x7E, .., 0x7E] => repair_seal(frame),
        [0xBF, 0xFB, check, low, high, body @ ..] => {
            *check = xor(body);
            [*low, *high] = short(body.len() + 5).to_le_bytes();
        }
        [b'$', _, _, _, _, _, _, _, 0, low, content @ ..] if content.len() < 256 => {
            *low = short(content.len()).to_be_bytes()[1];
        }
        [b'$', first, _, _, _, _, _, high, low, records @ ..] if *first >= 0x80 => {
            [*high, *low] = short(records.len().saturating_sub(1)).to_be_bytes();
        }
        _ => {}
    }
}

fn repair_seal(frame: &mut Vec<u8>) {
    let mut plain = Vec::with_capacity(frame.len());
    let mut bytes = frame[1..frame.len() - 1].iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek()) {
            (0x7D, Some(1)) => plain.push(0x7D),
            (0x7D, Some(2)) => plain.push(0x7E),
            _ => {
                plain.push(byte);
                continue;
            }
        }
        bytes.next();
    }
    plain.pop();
    if plain.len() < 12 {
        return;
    }
    let attributes = u16::from_be_bytes([plain[2], plain[3]]);
    let mut head = if attributes & YEAR_2019 == 0 { 11 } else { 16 };
    head += usize::from(!matches!((plain[0], plain[1]), (0x55, 1 | 2)));
    head += if attributes & SPLIT == 0 { 0 } else { 4 };
    let length = short(plain.len().saturating_sub(head)) & 0x03FF;
    [plain[2], plain[3]] = (attributes & 0xFC00 | length).to_be_bytes();
    *frame = sealed(&plain);
}

fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}
