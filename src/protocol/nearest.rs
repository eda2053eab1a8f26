//! Bytes that begin no frame: which protocol comes nearest, and which of its tests fails. Strangers that are known to
//! knock on open ports are called by their names.

use super::detect::{Detected, Framing, LONGEST_PREFIX, detect, may_start};
use super::jointech;
use crate::domain::explain::{Certainty, Explanation, Field, NO_FRAME};
use crate::domain::text::clean_bytes;

/// Bytes looked through for a frame behind those that begin none.
const LOOKED: usize = 4096;
/// Bytes shown of what is no frame.
const SHOWN: usize = 32;
/// Protocol versions seen in master locks' binary frames.
const MASTER_VERSIONS: [u8; 4] = [0x19, 0x17, 0x16, 0x01];

/// What other programs and other makers' devices begin with.
const STRANGERS: [(&[u8], &str); 27] = [
    (b"GET ", "an HTTP request: a browser or a scanner"),
    (b"POST ", "an HTTP request"),
    (b"HEAD ", "an HTTP request"),
    (b"PUT ", "an HTTP request"),
    (b"OPTIONS ", "an HTTP or RTSP request"),
    (b"CONNECT ", "an HTTP request for a proxy"),
    (b"HTTP/", "an HTTP answer"),
    (b"PRI * HTTP/2", "an HTTP/2 client"),
    (b"PROXY ", "a load balancer's PROXY line: switch it off, locks are heard directly"),
    (b"\x16\x03", "a TLS handshake: an HTTPS or TLS client"),
    (b"SSH-", "an SSH client"),
    (b"\x03\x00\x00", "a remote desktop client (TPKT)"),
    (b"\xFFSMB", "a Windows file sharing client"),
    (b"\xFESMB", "a Windows file sharing client"),
    (b"EHLO ", "a mail client"),
    (b"*1\r\n", "a Redis client"),
    (b"\x05\x01\x00", "a SOCKS client"),
    (b"*HQ", "H02: a tracker of another protocol"),
    (b"\x78\x78", "GT06: a tracker of another protocol"),
    (b"\x79\x79", "GT06: a tracker of another protocol"),
    (b"##,imei:", "GPS103: a tracker of another protocol"),
    (b"imei:", "GPS103: a tracker of another protocol"),
    (b"$$", "Meitrack: a tracker of another protocol"),
    (b"+RESP:", "Queclink: a tracker of another protocol"),
    (b"+ACK:", "Queclink: a tracker of another protocol"),
    (b"[3G*", "a watch tracker of another protocol"),
    (b"\x00\x0F", "Teltonika: a tracker of another protocol, telling its IMEI"),
];

/// Explains bytes that begin no frame.
pub(super) fn nearest(bytes: &[u8]) -> Explanation {
    let mut masked = bytes.to_vec();
    jointech::mask_refused(&mut masked);
    let mut verdict = judge(bytes);
    if let Some((at, framing)) = later(bytes) {
        verdict = format!("{verdict}; {} begins at byte {at}", called(framing));
    }
    let fields = if bytes.is_empty() { vec![] } else { vec![field(&masked)] };
    Explanation { frame: NO_FRAME.to_owned(), fields, verdict: Some(verdict) }
}

fn field(masked: &[u8]) -> Field {
    let shown = masked.get(..SHOWN.min(masked.len())).unwrap_or_default();
    Field {
        at: 0,
        bytes: hex::encode(shown),
        length: masked.len(),
        depth: 0,
        name: "no frame".to_owned(),
        value: clean_bytes(shown),
        unit: String::new(),
        certainty: Certainty::Wrong,
    }
}

/// The first frame that begins behind the first byte.
fn later(bytes: &[u8]) -> Option<(usize, Framing)> {
    let looked = LOOKED.min(bytes.len());
    (1..looked).filter(|at| bytes.get(*at).is_some_and(|b| may_start(*b))).find_map(|at| {
        let rest = bytes.get(at..)?;
        match detect(rest.get(..LONGEST_PREFIX.min(rest.len()))?) {
            // A lone bracket and a digit are common in binary.
            Detected::Is(Framing::JointechText)
                if !rest.get(1..7).is_some_and(|id| id.iter().all(u8::is_ascii_digit)) =>
            {
                None
            }
            Detected::Is(framing) => Some((at, framing)),
            Detected::NeedMore | Detected::Unknown => None,
        }
    })
}

fn called(framing: Framing) -> &'static str {
    match framing {
        Framing::MasterBinary => "a master lock's binary frame",
        Framing::LegacyBinary => "a legacy tracker's binary frame",
        Framing::JointechText => "a Jointech text frame",
        Framing::Seal => "a seal's frame",
        Framing::BofanText => "a Bofan sentence",
        Framing::BofanFrame => "a Bofan BF FB frame",
        Framing::BofanDelta => "a Bofan delta",
    }
}

fn judge(bytes: &[u8]) -> String {
    if let Some((_, name)) = STRANGERS.iter().find(|(start, _)| bytes.starts_with(start)) {
        return format!("this is {name}");
    }
    match bytes.first() {
        None => "no bytes".to_owned(),
        Some(b'$') => dollar(bytes),
        Some(b'(') => bracket(bytes),
        Some(0x7E) => seal(bytes),
        Some(0xBF) => bofan_frame(bytes),
        Some(b'@') if bytes.len() <= 5 => {
            format!("begins like a Bofan delta, but ends after {} bytes", bytes.len())
        }
        Some(b'@') => "begins like a Bofan delta, but its first change makes no sense".to_owned(),
        Some(_) if is_hex_text(bytes) => {
            "a frame written as hex text: the device must send the bytes themselves".to_owned()
        }
        Some(first) => format!("begins with {first:#04X}; frames begin with $, (, 7E or BF FB"),
    }
}

fn is_hex_text(bytes: &[u8]) -> bool {
    let digits: Vec<u8> =
        bytes.iter().copied().filter(|b| !b.is_ascii_whitespace()).take(2 * LONGEST_PREFIX).collect();
    let even = digits.get(..digits.len() & !1).unwrap_or_default();
    hex::decode(even).is_ok_and(|frame| frame.len() > 4 && matches!(detect(&frame), Detected::Is(_)))
}

/// `$`: a sentence of Bofan if capitals follow, else a binary frame.
fn dollar(bytes: &[u8]) -> String {
    let mut word: Vec<u8> =
        bytes.iter().skip(1).copied().take(16).take_while(u8::is_ascii_alphanumeric).collect();
    jointech::mask_refused(&mut word);
    let Some(first) = bytes.get(1) else { return "a lone $".to_owned() };
    let text = bytes.iter().skip(1).take(8).all(|b| (0x20..=0x7E).contains(b) || matches!(b, b'\r' | b'\n'));
    if !first.is_ascii_alphabetic() || !text {
        return dollar_binary(bytes);
    }
    let shown = clean_bytes(&word);
    if word.iter().any(u8::is_ascii_lowercase) {
        return format!("begins like a Bofan sentence, but `${shown}` is not all capitals");
    }
    match word.len() {
        1..=3 if bytes.len() == word.len().saturating_add(1) => {
            format!("begins like a Bofan sentence, but ends after `${shown}`")
        }
        3 => format!("begins like a Bofan sentence, but no comma follows `${shown}`"),
        n => format!("begins like a sentence, but `${shown}` has {} letters, Bofan has three", number(n)),
    }
}

fn number(n: usize) -> String {
    match n {
        1 => "one".to_owned(),
        2 => "two".to_owned(),
        4 => "four".to_owned(),
        5 => "five".to_owned(),
        6 => "six".to_owned(),
        n => n.to_string(),
    }
}

fn dollar_binary(bytes: &[u8]) -> String {
    let is_bcd = |byte: &u8| byte >> 4 <= 9 && byte & 0x0F <= 9;
    if let Some((at, byte)) = (1..).zip(bytes.iter().skip(1).take(5)).find(|(_, byte)| !is_bcd(byte)) {
        return format!("begins with $, but byte {at} is {byte:02X}: a Jointech ID is five BCD bytes");
    }
    let two = |at: usize| bytes.get(at..)?.first_chunk::<2>().map(|n| u16::from_be_bytes(*n));
    let (Some(short), Some(version)) = (two(7), bytes.get(6)) else {
        return format!("begins like a Jointech binary frame, but ends after {} bytes", bytes.len());
    };
    let is_long = bytes.get(8) == Some(&0) || MASTER_VERSIONS.contains(version);
    match two(8) {
        Some(long) if is_long => format!(
            "begins like a master lock's binary frame, but bytes 8-9 say {long} bytes, it has at least 18 and at most 1024"
        ),
        None if is_long => {
            format!("begins like a master lock's binary frame, but ends after {} bytes", bytes.len())
        }
        _ => format!(
            "begins like a legacy tracker's binary frame, but bytes 7-8 say {short} bytes, it has at least 18 and at \
             most 2048"
        ),
    }
}

fn bracket(bytes: &[u8]) -> String {
    match bytes.get(1) {
        None => "a lone bracket".to_owned(),
        Some(byte) => {
            format!("begins with a bracket, but byte 1 is {byte:02X}: a text frame's ID follows at once")
        }
    }
}

/// 7E: message, attributes, ID in BCD.
fn seal(bytes: &[u8]) -> String {
    let begins = "begins like a seal's frame (7E)";
    let mut header = Vec::with_capacity(15);
    let mut rest = (1..).zip(bytes.iter().skip(1).copied());
    while let Some((at, byte)) = rest.next() {
        let plain = match byte {
            0x7E => return format!("{begins}, but the next 7E stands at byte {at}, inside the head"),
            b'(' | b'$' | 0xBF if header.is_empty() => {
                return "a stray 7E before another frame".to_owned();
            }
            0x7D => match rest.next() {
                Some((_, 1)) => 0x7D,
                Some((_, 2)) => 0x7E,
                Some((at, code)) => {
                    return format!("{begins}, but byte {at}, after the escape 7D, is {code:02X}");
                }
                None => break,
            },
            byte => byte,
        };
        header.push(plain);
        let is_2019 = header.get(2).is_some_and(|b| b & 0x40 != 0);
        let id = if is_2019 { 5..15 } else { 4..10 };
        let n = header.len().saturating_sub(1);
        if id.contains(&n) && (plain >> 4 > 9 || plain & 0x0F > 9) {
            return format!("{begins}, but the ID is not BCD at byte {at}: {plain:02X}");
        }
        if n >= id.end {
            break;
        }
    }
    format!("{begins}, but ends after {} bytes, inside the head", bytes.len())
}

/// BF FB, check byte, length (little endian), then `$` or `@`.
fn bofan_frame(bytes: &[u8]) -> String {
    let begins = "begins like a Bofan frame";
    match (bytes.get(1), bytes.get(3..).and_then(|b| b.first_chunk::<2>()), bytes.get(5)) {
        (Some(second), ..) if *second != 0xFB => {
            format!("{begins} with BF, but byte 1 is {second:02X}, not FB")
        }
        (_, Some(length), _) if !(6..=4096).contains(&u16::from_le_bytes(*length)) => {
            let length = u16::from_le_bytes(*length);
            format!("{begins}, but bytes 3-4 say {length} bytes, it has at least 6 and at most 4096")
        }
        (_, _, Some(inner)) => {
            format!("{begins}, but byte 5 is {inner:02X}: a sentence ($) or a delta (@) stands there")
        }
        _ => format!("{begins}, but ends after {} bytes", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(bytes: &[u8]) -> String {
        let told = crate::protocol::explain::explain(bytes);
        assert_eq!(told.frame, "no known frame", "{bytes:02x?}");
        assert_eq!(told.fields.iter().map(|f| f.length).sum::<usize>(), bytes.len());
        told.verdict.unwrap()
    }

    fn hex(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).unwrap()
    }

    #[test]
    fn strangers_are_called_by_their_names() {
        for (bytes, name) in [
            (b"GET / HTTP/1.1\r\n".as_slice(), "HTTP"),
            (&hex("16 0301 0200"), "TLS"),
            (b"SSH-2.0-x", "SSH"),
            (b"*HQ,865205030330012,V1#", "H02"),
            (&hex("7878 0d01 0355"), "GT06"),
            (b"##,imei:359586015829802,A", "GPS103"),
        ] {
            let said = verdict(bytes);
            assert!(said.contains(name), "{said}");
        }
    }

    #[test]
    fn the_failing_test_of_the_nearest_protocol_is_told() {
        let rows: [(&[u8], &str); 15] = [
            (b"", "no bytes"),
            (&hex("24 8000620011 19 11 1000 18"), "bytes 8-9 say 4096 bytes"),
            (&hex("24 8000620011 19 11 0011 18"), "bytes 8-9 say 17 bytes"),
            (&hex("24 4081118888 21 ffff 09"), "bytes 7-8 say 65535 bytes"),
            (&hex("24 408111888a 21 001b 09"), "byte 5 is 8A"),
            (&hex("24 8000620011"), "ends after 6 bytes"),
            (b"$GPRMC,123519,A", "`$GPRMC` has five letters, Bofan has three"),
            (b"$PO", "but ends after `$PO`"),
            (b"$Pos,1,2", "not all capitals"),
            (&hex("7e 0200 004d 79430801067a 0138"), "not BCD at byte 10: 7A"),
            (&hex("7e 0200 007d03 012345678901"), "byte 5, after the escape 7D, is 03"),
            (&hex("7e 0200 7e"), "the next 7E stands at byte 3"),
            (&hex("bf fc 00"), "byte 1 is FC, not FB"),
            (&hex("bffb 00 0200 24"), "bytes 3-4 say 2 bytes"),
            (b"((", "a text frame's ID follows at once"),
        ];
        for (bytes, want) in rows {
            let said = verdict(bytes);
            assert!(said.contains(want), "{said}");
        }
    }

    #[test]
    fn a_frame_behind_rubbish_and_a_frame_as_hex_text_are_found() {
        assert_eq!(
            verdict(b"zz(8000620011,@JT)"),
            "begins with 0x7A; frames begin with $, (, 7E or BF FB; a Jointech text frame begins at byte 2"
        );
        assert!(verdict(b"24 8000620011 19 11 0034 18").contains("hex text"));
    }

    #[test]
    fn what_may_be_a_password_is_masked() {
        let told = nearest(b"x,P52,2,735912)");
        assert!(!told.fields[0].bytes.contains(&hex::encode("735912")));
        assert!(!told.fields[0].value.contains("735912"));
    }
}
