//! One argument: checked against its type and range, and written as the wire wants it.

use super::spec::{Chars, Kind, Param};
use crate::domain::Secret;
use crate::domain::text::clean;

/// Longest text of one argument that is looked at: a list of 66 sub-devices has 725 characters.
const LONGEST: usize = 1024;

/// An argument as it is written on the wire: one item, or the items of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    One(String),
    /// `count` counts cards, IDs or corners; a corner is two items.
    Many {
        items: Vec<String>,
        count: usize,
    },
}

/// A plain argument, checked. `range` is the narrower one of a profile. The error says what is allowed, without the
/// parameter's name.
pub(super) fn plain(kind: Kind, range: Option<(i64, i64)>, given: &str) -> Result<Written, String> {
    if given.len() > LONGEST {
        return Err(format!("have at most {LONGEST} characters"));
    }
    let given = given.trim_matches(' ');
    let one = |text: String| Ok(Written::One(text));
    match kind {
        Kind::Whole { min, max, unit } => {
            let (min, max) = range.unwrap_or((min, max));
            one(number(given, min, max).ok_or_else(|| between(min, max, unit, "", given))?)
        }
        Kind::OffOr { min, max, unit } => {
            let (min, max) = range.unwrap_or((min, max));
            if given == "0" || given == "off" {
                return one("0".into());
            }
            one(number(given, min, max).ok_or_else(|| between(min, max, unit, "0 (off) or ", given))?)
        }
        Kind::Port => one(number(given, 1, 65_535).ok_or_else(|| between(1, 65_535, "", "", given))?),
        Kind::OneOf(words) => match words.iter().find(|(word, _)| *word == given) {
            Some((_, wire)) => one((*wire).to_owned()),
            None => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(format!("be one of {}, not {}", words.join(", "), shown(given)))
            }
        },
        Kind::Switch => match given {
            "on" => one("1".into()),
            "off" => one("0".into()),
            _ => Err(format!("be on or off, not {}", shown(given))),
        },
        Kind::Text { chars, min, max } => {
            if fits(chars, min, max, given) {
                return one(given.to_owned());
            }
            Err(format!("have {min} to {max} characters, {}", chars.words()))
        }
        Kind::Host => {
            if is_host(given) {
                return one(given.to_owned());
            }
            Err("be a host name or an IPv4 address of at most 100 characters".into())
        }
        Kind::Cards { most } => {
            let is_card = |card: &str| card.len() == 10 && card.bytes().all(|b| b.is_ascii_digit());
            list(given, most, is_card, "cards of ten digits each")
        }
        Kind::Subs { most } => list(given, most, is_sub, "sub-device IDs of ten upper-case hex digits each"),
        Kind::Points { most } => points(given, most),
        Kind::Secret { .. } => Err("be given as a secret, not as a plain argument".into()),
    }
}

/// A secret, checked. The error never shows it.
pub(super) fn secret(param: &Param, given: &Secret) -> Result<(), String> {
    match param.kind {
        Kind::Secret { chars, min, max } if fits(chars, min, max, given.reveal()) => Ok(()),
        Kind::Secret { chars, min, max } => Err(format!("have {min} to {max} characters, {}", chars.words())),
        _ => Err("be given as a plain argument: it is no secret".into()),
    }
}

pub(super) fn is_sub(id: &str) -> bool {
    id.len() == 10 && id.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
}

fn fits(chars: Chars, min: usize, max: usize, text: &str) -> bool {
    (min..=max).contains(&text.chars().count()) && text.chars().all(|c| chars.has(c))
}

/// A whole number in range, written plainly: no sign but a minus, no leading zeros.
fn number(given: &str, min: i64, max: i64) -> Option<String> {
    let digits = given.strip_prefix('-').unwrap_or(given);
    if digits.is_empty() || digits.len() > 10 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: i64 = given.parse().ok()?;
    (min..=max).contains(&value).then(|| value.to_string())
}

fn between(min: i64, max: i64, unit: &str, before: &str, given: &str) -> String {
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    format!("be {before}{min} to {max}{unit}, not {}", shown(given))
}

/// What was given, fit to be printed.
fn shown(given: &str) -> String {
    let text: String = clean(given).chars().take(40).collect();
    if text.is_empty() { "empty".into() } else { text }
}

/// Labels of letters, digits and `-`, joined by dots.
fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let dotted = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.len() <= 100 && text.split('.').all(label) && (!dotted || text.parse::<std::net::Ipv4Addr>().is_ok())
}

/// Items separated by commas or spaces, none twice.
fn list(given: &str, most: usize, is_item: impl Fn(&str) -> bool, what: &str) -> Result<Written, String> {
    let items: Vec<&str> =
        given.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty()).collect();
    if !(1..=most).contains(&items.len()) {
        return Err(format!("be 1 to {most} {what}, not {}", items.len()));
    }
    for (at, item) in items.iter().enumerate() {
        if !is_item(item) {
            return Err(format!("be 1 to {most} {what}; {} is none", shown(item)));
        }
        if items.iter().skip(at.saturating_add(1)).any(|other| other == item) {
            return Err(format!("name {item} once only"));
        }
    }
    let count = items.len();
    Ok(Written::Many { items: items.into_iter().map(str::to_owned).collect(), count })
}

/// `lat lon; lat lon; …` in degrees, at least three corners.
fn points(given: &str, most: usize) -> Result<Written, String> {
    let bad = || {
        format!("be 3 to {most} corners 'lat lon; lat lon; …' in degrees, within 90 and 180: no such corner")
    };
    let mut items = Vec::new();
    let mut count: usize = 0;
    for corner in given.split(';').map(str::trim).filter(|corner| !corner.is_empty()) {
        let mut parts = corner.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty());
        let (Some(lat), Some(lon), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad());
        };
        let (Some(lat), Some(lon)) = (packed(lat, 90), packed(lon, 180)) else { return Err(bad()) };
        items.extend([lon, lat]);
        count = count.saturating_add(1);
    }
    if !(3..=most).contains(&count) {
        return Err(format!("be 3 to {most} corners 'lat lon; lat lon; …', not {count}"));
    }
    Ok(Written::Many { items, count })
}

/// Degrees as `[-]DDMM.MMMM`. Computed in whole numbers: a corner must not depend on rounding of fractions.
fn packed(text: &str, most: i64) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || fraction.len() > 8 || !is_number(whole) || !is_number(fraction)
    {
        return None;
    }
    let degrees: i64 = whole.parse().ok()?;
    let hundred_millionths: i64 = format!("{fraction:0<8}").parse().ok()?;
    // 10^-8 degree is 60 * 10^-4 of a ten-thousandth of a minute; rounded half up.
    let parts = hundred_millionths.checked_mul(60)?.checked_add(5_000)?.checked_div(10_000)?;
    let (degrees, parts) = if parts == 600_000 { (degrees.checked_add(1)?, 0) } else { (degrees, parts) };
    if degrees > most || (degrees == most && parts > 0) {
        return None;
    }
    let (minutes, rest) = (parts.checked_div(10_000)?, parts.checked_rem(10_000)?);
    Some(format!("{sign}{degrees:02}{minutes:02}.{rest:04}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(kind: Kind, given: &str) -> Result<String, String> {
        match plain(kind, None, given)? {
            Written::One(text) => Ok(text),
            Written::Many { items, .. } => Ok(items.join(",")),
        }
    }

    #[test]
    fn a_number_keeps_its_range_and_says_so() {
        let kind = Kind::Whole { min: 5, max: 600, unit: "s" };
        for (given, want) in [("5", "5"), ("600", "600"), (" 007 ", "7")] {
            assert_eq!(one(kind, given).unwrap(), want);
        }
        for bad in ["4", "601", "", "-5", "+5", "5.0", "5s", "99999999999", "5\r\n", "(5)"] {
            let error = one(kind, bad).unwrap_err();
            assert!(error.starts_with("be 5 to 600 s, not "), "{bad:?}: {error}");
        }
        assert_eq!(plain(kind, Some((10, 20)), "9").unwrap_err(), "be 10 to 20 s, not 9");
        let off = Kind::OffOr { min: 5, max: 86_400, unit: "s" };
        assert_eq!(one(off, "off").unwrap(), "0");
        assert_eq!(one(off, "0").unwrap(), "0");
        assert_eq!(one(off, "1").unwrap_err(), "be 0 (off) or 5 to 86400 s, not 1");
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        for good in ["example.org", "10.0.0.1", "a-b.c", "localhost"] {
            assert_eq!(one(Kind::Host, good).unwrap(), good);
        }
        for bad in ["", "a b", "a,b", "a)b", "256.1.1.1", "1.2.3", "-a.b", "a..b", "::1", "http://x"] {
            assert!(one(Kind::Host, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_are_whole_and_without_repeats() {
        let cards = Kind::Cards { most: 2 };
        assert_eq!(one(cards, "0012260888, 0012260889").unwrap(), "0012260888,0012260889");
        assert_eq!(one(cards, "").unwrap_err(), "be 1 to 2 cards of ten digits each, not 0");
        assert!(one(cards, "0012260888 0012260888").unwrap_err().contains("once"));
        assert!(one(cards, "1 2 3").unwrap_err().contains("not 3"));
        assert!(one(cards, "123456789").unwrap_err().contains("123456789 is none"));
        assert!(one(Kind::Subs { most: 2 }, "e03b60000a").is_err());
    }

    #[test]
    fn corners_are_packed_degrees_and_minutes_longitude_first() {
        let kind = Kind::Points { most: 4 };
        let text = "18.495177 -69.925602; 18.5 -69.9149; 18.4823 -70";
        assert_eq!(
            one(kind, text).unwrap(),
            "-6955.5361,1829.7106,-6954.8940,1830.0000,-7000.0000,1828.9380"
        );
        assert_eq!(packed("179.99999999", 180).unwrap(), "18000.0000");
        for bad in ["90.1 0; 1 1; 2 2", "1 1; 2 2", "1; 2; 3", "x 1; 1 1; 2 2", "1 180.00001; 1 1; 2 2"] {
            assert!(one(kind, bad).is_err(), "{bad}");
        }
    }
}
