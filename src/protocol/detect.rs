//! Telling protocols apart by the first bytes of a frame.
//!
//! A longer prefix never contradicts a shorter one: once the answer is [`Detected::Is`] or [`Detected::Unknown`] it
//! stays so whatever follows. That is why the tests below exclude each other byte by byte: in a binary `$` frame
//! byte 7 or 8 is below 0x09, in a Bofan sentence both are printable.

/// The shape of a frame, enough to know where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// `$`, five BCD bytes, long header: a master lock's position or alarm frame.
    MasterBinary,
    /// `$`, five BCD bytes, header one byte shorter: records of a legacy tracker.
    LegacyBinary,
    /// `(ID,…)`: master, seal and legacy families share it.
    JointechText,
    /// `~` … `~` with JT/T 808 framing.
    Seal,
    /// `$POS,…` up to CR or LF.
    BofanText,
    /// `BF FB`, check byte, length.
    BofanFrame,
    /// `@` and triples. Believed only where Bofan is already spoken, which the caller knows.
    BofanDelta,
}

/// What a prefix tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detected {
    Is(Framing),
    /// More bytes will tell; at most [`LONGEST_PREFIX`] are ever needed.
    NeedMore,
    /// No frame starts here.
    Unknown,
}

/// After this many bytes the answer is never [`Detected::NeedMore`]: the longest is a seal's 2019 header, all escaped.
pub const LONGEST_PREFIX: usize = 32;

/// Payload lengths a long `$` header may claim (date to serial).
const LONG: std::ops::RangeInclusive<u16> = 18..=1024;
/// Payload lengths a short `$` header may claim.
const SHORT: std::ops::RangeInclusive<u16> = 18..=2048;
/// Whole lengths a `BF FB` frame may claim.
const BOFAN: std::ops::RangeInclusive<u16> = 6..=4096;

use Detected::{Is, NeedMore, Unknown};

/// Which frame starts at the first byte of `prefix` (sources: `$` and `(` rules from the JT701D manual and Traccar's
/// captures, Bofan from captures).
#[must_use]
pub fn detect(prefix: &[u8]) -> Detected {
    match prefix.first() {
        None => NeedMore,
        Some(b'(') => match prefix.get(1) {
            None => NeedMore,
            Some(b) if b.is_ascii_alphanumeric() => Is(Framing::JointechText),
            Some(_) => Unknown,
        },
        Some(b'$') => match (binary(prefix), sentence(prefix)) {
            (Is(framing), _) | (_, Is(framing)) => Is(framing),
            (Unknown, Unknown) => Unknown,
            _ => NeedMore,
        },
        Some(b'~') => seal(prefix),
        Some(0xBF) => bofan_frame(prefix),
        Some(b'@') => bofan_delta(prefix),
        Some(_) => Unknown,
    }
}

/// Whether a frame could start with this byte: where to look for one in rubbish.
#[must_use]
pub fn may_start(byte: u8) -> bool {
    matches!(byte, b'$' | b'(' | b'~' | 0xBF)
}

fn is_bcd(byte: u8) -> bool {
    byte >> 4 <= 9 && byte & 0x0F <= 9
}

/// Jointech's `$` frames: five BCD bytes and a plausible length.
fn binary(prefix: &[u8]) -> Detected {
    if !prefix.iter().skip(1).take(5).copied().all(is_bcd) {
        return Unknown;
    }
    let (Some(&seventh), Some(&eighth)) = (prefix.get(7), prefix.get(8)) else { return NeedMore };
    if eighth == 0 {
        match prefix.get(9) {
            None => NeedMore,
            Some(&low) if LONG.contains(&u16::from(low)) => Is(Framing::MasterBinary),
            Some(_) => Unknown,
        }
    } else if SHORT.contains(&u16::from_be_bytes([seventh, eighth])) {
        Is(Framing::LegacyBinary)
    } else {
        Unknown
    }
}

/// Bofan's `$` sentences: three capitals or digits and a comma, or `PHO`, `PHD`, `FUS` and digits.
fn sentence(prefix: &[u8]) -> Detected {
    let Some(&first) = prefix.get(1) else { return NeedMore };
    let rest_fits = |n| prefix.get(n).is_none_or(|b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit());
    if !first.is_ascii_uppercase() || !rest_fits(2) || !rest_fits(3) {
        return Unknown;
    }
    let Some(&fourth) = prefix.get(4) else { return NeedMore };
    let carries_a_number = matches!(prefix.get(1..4), Some(b"PHO" | b"PHD" | b"FUS"));
    if fourth == b',' {
        return Is(Framing::BofanText);
    }
    if !carries_a_number || !fourth.is_ascii_digit() {
        return Unknown;
    }
    // `PHD` and `FUS` are BCD too, and so may be the digits after them: decided at the bytes that hold the length of
    // a binary frame, which are text in a sentence.
    let mut number_ended = false;
    for n in 5..=8 {
        match prefix.get(n) {
            None => return NeedMore,
            Some(b) if b.is_ascii_digit() => {}
            // No BCD byte: this cannot be a binary frame's ID.
            Some(b',' | b'-') if n == 5 => return Is(Framing::BofanText),
            Some(b',' | b'-') => number_ended = true,
            Some(0x20..=0x7E) if number_ended => {}
            Some(_) => return Unknown,
        }
    }
    Is(Framing::BofanText)
}

/// A seal's header: message ID, attributes, [version,] terminal ID in BCD; escapes undone on the way.
fn seal(prefix: &[u8]) -> Detected {
    let mut header = [0_u8; 15];
    let mut have = 0_usize;
    let mut bytes = prefix.iter().skip(1);
    while let Some(slot) = header.get_mut(have) {
        *slot = match bytes.next() {
            None => return NeedMore,
            // A stray delimiter before another frame; no message has such an ID.
            Some(b'(' | b'$' | 0xBF) if have == 0 => return Unknown,
            Some(0x7E) => return Unknown,
            Some(0x7D) => match bytes.next() {
                None => return NeedMore,
                Some(1) => 0x7D,
                Some(2) => 0x7E,
                Some(_) => return Unknown,
            },
            Some(&b) => b,
        };
        have = have.saturating_add(1);
        let year_2019 = have > 2 && header.get(2).is_some_and(|b| b & 0x40 != 0);
        let id = if year_2019 { 5..15 } else { 4..10 };
        if id.contains(&have.saturating_sub(1))
            && !header.get(have.saturating_sub(1)).copied().is_some_and(is_bcd)
        {
            return Unknown;
        }
        if have == id.end {
            break;
        }
    }
    Is(Framing::Seal)
}

fn bofan_frame(prefix: &[u8]) -> Detected {
    if prefix.get(1).is_some_and(|b| *b != 0xFB) {
        return Unknown;
    }
    let (Some(&low), Some(&high)) = (prefix.get(3), prefix.get(4)) else { return NeedMore };
    if !BOFAN.contains(&u16::from_le_bytes([low, high])) {
        return Unknown;
    }
    match prefix.get(5) {
        None => NeedMore,
        Some(b'$' | b'@') => Is(Framing::BofanFrame),
        Some(_) => Unknown,
    }
}

/// Check byte, then field number, offset, length and text of the first change.
fn bofan_delta(prefix: &[u8]) -> Detected {
    let wrong = |n: usize, fits: fn(u8) -> bool| prefix.get(n).is_some_and(|b| !fits(*b));
    if wrong(2, |b| b < 0x20)
        || wrong(3, |b| b < 0x20)
        || wrong(4, |b| (1..=0x20).contains(&b))
        || wrong(5, |b| (0x20..=0x7E).contains(&b) || b == b'\r' || b == b'\n')
    {
        return Unknown;
    }
    if prefix.len() > 5 { Is(Framing::BofanDelta) } else { NeedMore }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hex(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).unwrap()
    }

    #[test]
    fn each_family_is_told_by_its_head() {
        let rows: [(&[u8], Detected); 17] = [
            (b"(8000620011,@JT)", Is(Framing::JointechText)),
            (b"((", Unknown),
            (&hex("24 8000620011 19 11 0034 18"), Is(Framing::MasterBinary)),
            (&hex("24 4080620011 19 11 0011 18"), Unknown),
            (&hex("24 4081118888 21 001b 09"), Is(Framing::LegacyBinary)),
            (&hex("24 408111888a 21 001b 09"), Unknown),
            (b"$POS,1,", Is(Framing::BofanText)),
            (b"$POSX,1,", Unknown),
            (b"$PHO3821-1,1156802639,", Is(Framing::BofanText)),
            (b"$PHD960,17,", Is(Framing::BofanText)),
            (b"$FUS865328026243864,510", Is(Framing::BofanText)),
            (b"$GPRMC,123519,A", Unknown),
            (&hex("7e 0200 004d 794308010679 0138"), Is(Framing::Seal)),
            (&hex("7e 0200 004d 79430801067a 0138"), Unknown),
            (b"~(8000620011,@JT)", Unknown),
            (&hex("bffb ff 7300 24"), Is(Framing::BofanFrame)),
            (&hex("40 4d 02 04 06 34"), Is(Framing::BofanDelta)),
        ];
        for (bytes, want) in rows {
            assert_eq!(detect(bytes), want, "{}", hex::encode(bytes));
        }
    }

    #[test]
    fn an_id_may_look_like_capitals() {
        // ID 4142434445 is also "ABCDE".
        assert_eq!(detect(&hex("24 4142434445 19 11 0034 18")), Is(Framing::MasterBinary));
        assert_eq!(detect(&hex("24 5048443132 21 001b 09")), Is(Framing::LegacyBinary));
        // An ID that reads `PHD12` with the long header.
        assert_eq!(detect(&hex("24 5048443132 19 11 0034 18")), Is(Framing::MasterBinary));
    }

    #[test]
    fn an_escaped_header_is_read_through() {
        assert_eq!(detect(&hex("7e 0200 007d02 012345678901 0001")), Is(Framing::Seal));
        assert_eq!(detect(&hex("7e 0200 007d03 012345678901 0001")), Unknown);
        assert_eq!(detect(&hex("7e 0200 404d 01 00000000012345678901 0001")), Is(Framing::Seal));
        assert_eq!(detect(&hex("7e 0200 404d 01 000000000123456789")), NeedMore);
    }

    fn prefix() -> impl Strategy<Value = Vec<u8>> {
        let head = prop::sample::select(vec![
            hex("24"),
            hex("2480006200111911"),
            hex("24408111888821"),
            b"$PHD".to_vec(),
            b"$FUS12".to_vec(),
            b"$PO".to_vec(),
            hex("7e"),
            hex("7e02004000"),
            hex("7e02000000"),
            hex("bffb"),
            hex("404d02"),
            b"(".to_vec(),
            vec![],
        ]);
        let byte = prop_oneof![
            any::<u8>(),
            prop::sample::select(vec![0, 0x10, 0x27, 0x31, 0x7D, 1, 2, b',', b'$', b'(', 0x7E])
        ];
        (head, prop::collection::vec(byte, 0..40)).prop_map(|(mut head, tail)| {
            head.extend(tail);
            head
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_longer_prefix_never_contradicts_a_shorter_one(bytes in prefix()) {
            let mut said = NeedMore;
            for n in 0..=bytes.len() {
                let now = detect(&bytes[..n]);
                prop_assert!(said == NeedMore || said == now, "{n} bytes: {said:?}, then {now:?}");
                prop_assert!(now != NeedMore || n < LONGEST_PREFIX);
                said = now;
            }
        }
    }
}
