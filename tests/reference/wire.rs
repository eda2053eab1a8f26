//! Reading bytes the slow and plain way: hex, packed digits, clocks, places.

use super::expect::rounded;
use chrono::NaiveDate;
use serde_json::{Value, json};

/// What stands in place of a password.
pub(crate) const MASK: &str = "••••••";

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// `raw` as it is printed: hex, the bytes of `secret` ranges replaced by 2A.
pub(crate) fn raw(frame: &[u8], secret: &[std::ops::Range<usize>]) -> Value {
    let mut shown = frame.to_vec();
    for range in secret {
        shown[range.clone()].fill(0x2a);
    }
    json!(hex(&shown))
}

pub(crate) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b))
}

pub(crate) fn signed16(bytes: &[u8]) -> i16 {
    i16::from_be_bytes([bytes[0], bytes[1]])
}

pub(crate) fn xor(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |x, b| x ^ b)
}

/// The nibbles as a text of hex digits; `None` if one is not a decimal digit.
pub(crate) fn digits(bytes: &[u8]) -> Option<String> {
    let text = hex(bytes);
    text.bytes().all(|b| b.is_ascii_digit()).then_some(text)
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum When {
    At(String),
    /// Before 2005 or all zeros: the clock was never set.
    Unset,
    /// No such moment.
    Senseless,
}

impl When {
    /// The `time` of a message.
    pub(crate) fn value(&self) -> Value {
        match self {
            Self::At(text) => json!(text),
            Self::Unset | Self::Senseless => Value::Null,
        }
    }
}

/// From two digits each: day, month, year, then `hhmmss`.
pub(crate) fn when(day: &str, month: &str, year: &str, hhmmss: &str) -> When {
    let all = format!("{day}{month}{year}{hhmmss}");
    if all.len() != 12 || !all.bytes().all(|b| b.is_ascii_digit()) {
        return When::Senseless;
    }
    if all.bytes().all(|b| b == b'0') {
        return When::Unset;
    }
    let two = |text: &str| text.parse::<u32>().unwrap();
    let year = 2000 + two(year);
    let moment = NaiveDate::from_ymd_opt(year as i32, two(month), two(day))
        .and_then(|date| date.and_hms_opt(two(&hhmmss[0..2]), two(&hhmmss[2..4]), two(&hhmmss[4..6])));
    match moment {
        None => When::Senseless,
        Some(_) if year < 2005 => When::Unset,
        Some(moment) => When::At(moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()),
    }
}

/// Six packed bytes DDMMYYhhmmss.
pub(crate) fn when_ddmmyy(bytes: &[u8]) -> When {
    let text = hex(bytes);
    when(&text[0..2], &text[2..4], &text[4..6], &text[6..12])
}

/// Six packed bytes YYMMDDhhmmss.
pub(crate) fn when_yymmdd(bytes: &[u8]) -> When {
    let text = hex(bytes);
    when(&text[4..6], &text[2..4], &text[0..2], &text[6..12])
}

/// Degrees from `DDMM.MMMM` or `DDDMM.MMMM`: all but the last two integer digits are degrees.
pub(crate) fn degrees(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !format!("{whole}{fraction}").bytes().all(|b| b.is_ascii_digit()) || whole.len() < 2 {
        return None;
    }
    let (degrees, minutes) = whole.split_at(whole.len() - 2);
    let degrees: f64 = if degrees.is_empty() { 0.0 } else { degrees.parse().ok()? };
    let minutes: f64 = format!("{minutes}.{fraction}").parse().ok()?;
    (minutes < 60.0).then_some(degrees + minutes / 60.0)
}

/// Latitude and longitude from nine packed bytes; the last nibble says fix, north and east. `None`: no such place.
pub(crate) fn packed_place(bytes: &[u8]) -> Option<(f64, f64, bool)> {
    let text = hex(bytes);
    let flags = bytes[8] & 0x0f;
    let lat = degrees(&format!("{}.{}", &text[0..4], &text[4..8]))?;
    let lon = degrees(&format!("{}.{}", &text[8..13], &text[13..17]))?;
    if lat > 90.0 || lon > 180.0 {
        return None;
    }
    let lat = if flags & 2 != 0 { lat } else { -lat };
    let lon = if flags & 4 != 0 { lon } else { -lon };
    Some((lat, lon, flags & 1 != 0))
}

/// A direction: more than a full turn is none.
pub(crate) fn heading(degrees: f64) -> Value {
    if (0.0..=360.0).contains(&degrees) { json!(degrees) } else { Value::Null }
}

/// Place, knots and half degrees as every binary record of this maker carries them.
pub(crate) fn packed_position(place: &[u8], knots: u8, half_degrees: u8) -> Option<Value> {
    let (lat, lon, fix) = packed_place(place)?;
    Some(json!({
        "lat": rounded(lat, 6), "lon": rounded(lon, 6), "fix": fix,
        "speed_kmh": rounded(f64::from(knots) * 1.852, 1), "heading_deg": heading(f64::from(half_degrees) * 2.0),
    }))
}

/// The lock's one word (motor open?, rope out?); `None` is not reported.
pub(crate) fn lock(motor_open: Option<bool>, rope_out: Option<bool>) -> &'static str {
    match (motor_open, rope_out) {
        (Some(true), _) => "unlocked",
        (Some(false), Some(true)) => "unseated",
        (Some(false), Some(false)) => "locked",
        _ => "unknown",
    }
}

/// The lock's parts.
pub(crate) fn parts(motor_open: Option<bool>, rope_out: Option<bool>, cover_open: Option<bool>) -> Value {
    let part =
        |open: Option<bool>| open.map_or(Value::Null, |open| json!(if open { "open" } else { "closed" }));
    json!({"motor": part(motor_open), "rope": part(rope_out), "cover": part(cover_open)})
}

/// GSM signal: 0–31; 99 is none. What 32–98 would mean no paper says.
pub(crate) fn signal(value: u8) -> Value {
    match value {
        0..=31 => json!(value),
        99 => Value::Null,
        _ => super::expect::any(),
    }
}

/// A card number as ten decimal digits; zero is none.
pub(crate) fn card(bytes: &[u8]) -> Value {
    match number(bytes) {
        0 => Value::Null,
        n => json!(format!("{n:010}")),
    }
}
