//! Reading numbers, times and places out of Jointech frames. Every read is checked; nothing can run past the end.

use super::trace::{Bit, Moment, Name, Trace, bit, documented, unknown, unnamed};
use crate::domain::{Message, Position, Unknown, Utc};
use chrono::{FixedOffset, NaiveDate, Offset, TimeDelta, TimeZone};
use std::fmt::Display;

/// What is wrong with a frame's content, and at which byte of the frame (counted from 0, after unescaping).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {what}")]
pub(crate) struct Flaw {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// Clocks start at 2000-01-01 after a power loss: a date before this year was never set.
const FIRST_YEAR: i32 = 2005;

/// Knots to km/h (the vendor multiplies by 1.85).
const KNOT: f64 = 1.852;

/// Low nibble of the last byte of a longitude.
const INDICATOR: [Bit; 4] = [
    bit(0, "fix", "yes", "no: place and speed are stale"),
    bit(1, "north", "north", "south"),
    bit(2, "east", "east", "west"),
    bit(3, "", "ignored", ""),
];

/// Walks over bytes; offsets in errors are those of the whole frame. What is read is named by the `tell` methods right
/// after the reading, in the order of the bytes; without a trace they do nothing.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    trace: Option<&'a Trace>,
    /// Zone of the device's clock.
    zone: FixedOffset,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from offset `at` on.
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self::traced(bytes, at, None)
    }

    /// The same, telling what it reads.
    pub(super) fn traced(bytes: &'a [u8], at: usize, trace: Option<&'a Trace>) -> Self {
        Self { bytes, at, trace, zone: chrono::Utc.fix() }
    }

    /// The same, with times read in the zone of the device's clock.
    pub(super) fn in_zone(self, zone: FixedOffset) -> Self {
        Self { zone, ..self }
    }

    /// Names what was read since the last name.
    #[inline]
    pub(super) fn tell(&self, name: Name, value: impl Display) {
        if let Some(trace) = self.trace {
            trace.field(self.at, name, value);
        }
    }

    /// The same with a name made for it.
    #[inline]
    pub(super) fn tell_as(&self, name: Name, text: impl Display, value: impl Display) {
        if let Some(trace) = self.trace {
            trace.named(self.at, name, text, value);
        }
    }

    /// A part of what was named last.
    #[inline]
    pub(super) fn part_of(&self, name: Name, text: impl Display, value: impl Display) {
        if let Some(trace) = self.trace {
            trace.part(name, text, value);
        }
    }

    /// Names a status word that was just read, with its bits after `table`. Bits that are set and have no name there
    /// become unknown ones of the message: `{what} 15`.
    #[inline]
    pub(super) fn word(&self, name: Name, what: &str, word: u32, table: &[Bit], message: &mut Message) {
        if let Some(trace) = self.trace {
            trace.field(self.at, name, format_args!("{word:#04x}"));
            trace.bits(word, table);
        }
        unknown_bits(what, unnamed(word, table), message);
    }

    /// Names what is left, if anything is, as bytes that no paper names, and keeps them as an unknown value of the
    /// message.
    pub(super) fn rest(&mut self, what: &str, message: &mut Message) {
        let bytes = self.bytes.get(self.at..).unwrap_or_default();
        if bytes.is_empty() {
            return;
        }
        self.at = self.bytes.len();
        let value = super::secrets::shown_hex(bytes);
        self.tell_as(unknown(""), what, &value);
        message.unknown.push(Unknown { what: what.to_owned(), value });
    }

    /// Names what is left without showing it: it may be a password.
    pub(super) fn conceal(&mut self, name: Name) {
        self.at = self.bytes.len();
        self.tell(name, crate::domain::secret::MASK);
    }

    /// Tells that what is left cannot be read.
    pub(super) fn fail(&self, flaw: &Flaw) {
        if let Some(trace) = self.trace {
            trace.wrong(self.bytes.len(), &flaw.to_string());
        }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub(crate) fn flaw<T>(&self, what: &'static str) -> Result<T, Flaw> {
        Err(Flaw { at: self.at, what })
    }

    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], Flaw> {
        let end = self.at.saturating_add(n);
        let Some(slice) = self.bytes.get(self.at..end) else { return self.flaw("ends here, too short") };
        self.at = end;
        Ok(slice)
    }

    /// A reader over the next `n` bytes only.
    pub(crate) fn part(&mut self, n: usize) -> Result<Reader<'a>, Flaw> {
        let start = self.at;
        self.take(n)?;
        Ok(Reader { bytes: self.bytes.get(..self.at).unwrap_or_default(), at: start, ..self.clone() })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let slice = self.take(N)?;
        <[u8; N]>::try_from(slice).or_else(|_| self.flaw("ends here, too short"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Flaw> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Flaw> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn i16(&mut self) -> Result<i16, Flaw> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Flaw> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// `n` BCD bytes (at most nine) as a number.
    pub(crate) fn bcd(&mut self, n: usize) -> Result<u64, Flaw> {
        let start = self.at;
        let mut value = 0_u64;
        for (i, byte) in self.take(n)?.iter().enumerate() {
            for digit in [byte >> 4, byte & 0x0F] {
                if digit > 9 {
                    return Err(Flaw { at: start.saturating_add(i), what: "not a decimal digit" });
                }
                value = value.saturating_mul(10).saturating_add(u64::from(digit));
            }
        }
        Ok(value)
    }

    /// One BCD byte.
    fn pair(&mut self) -> Result<u8, Flaw> {
        let value = self.bcd(1)?;
        u8::try_from(value).or_else(|_| self.flaw("not two digits"))
    }

    /// DDMMYY hhmmss in BCD, told as `name`; `None` if the clock was never set.
    pub(super) fn time_dmy(&mut self, name: Name) -> Result<Option<Utc>, Flaw> {
        let at = self.at;
        let (day, month, year) = (self.pair()?, self.pair()?, self.pair()?);
        let time = self.time([year, month, day], at)?;
        self.tell_time(name, time);
        Ok(time)
    }

    /// YYMMDD hhmmss in BCD; `None` if the clock was never set.
    pub(super) fn time_ymd(&mut self) -> Result<Option<Utc>, Flaw> {
        let at = self.at;
        let date = [self.pair()?, self.pair()?, self.pair()?];
        let time = self.time(date, at)?;
        self.tell_time(documented("date and time", "UTC"), time);
        Ok(time)
    }

    fn time(&mut self, date: [u8; 3], at: usize) -> Result<Option<Utc>, Flaw> {
        let time = [self.pair()?, self.pair()?, self.pair()?];
        let ahead = TimeDelta::seconds(self.zone.local_minus_utc().into());
        let told = clock(date, time).ok_or(Flaw { at, what: "no such date or time" })?;
        Ok(told.and_then(|time| time.checked_sub_signed(ahead)))
    }

    fn tell_time(&self, name: Name, time: Option<Utc>) {
        if self.zone.local_minus_utc() == 0 {
            self.tell(name, Moment(time));
        } else {
            let text = format_args!("date and time (device clock {})", self.zone);
            self.tell_as(name, text, Moment(time));
        }
    }

    /// Latitude DDMM.MMMM (4 bytes), longitude DDDMM.MMMM and indicator (5 bytes), in BCD.
    pub(crate) fn place(&mut self) -> Result<Position, Flaw> {
        let at = self.at;
        let lat = self.bcd(4)?;
        let lon_at = self.at;
        let lat_end = self.clone();
        let (whole, last) = (self.bcd(4)?, self.u8()?);
        if last >> 4 > 9 {
            return Err(Flaw { at: lon_at.saturating_add(4), what: "not a decimal digit" });
        }
        let lon = whole.saturating_mul(10).saturating_add(u64::from(last >> 4));
        let (Some(lat), Some(lon)) = (packed_degrees(lat, 90), packed_degrees(lon, 180)) else {
            return Err(Flaw { at, what: "no such place" });
        };
        let position = Position {
            lat: signed(lat, last & 0b0010 == 0),
            lon: signed(lon, last & 0b0100 == 0),
            fix: last & 0b0001 != 0,
            ..Position::default()
        };
        lat_end.tell(documented("latitude", "°"), position.lat);
        self.tell(documented("longitude and indicator", "°"), position.lon);
        if let Some(trace) = self.trace {
            trace.bits(u32::from(last & 0x0F), &INDICATOR);
        }
        Ok(position)
    }

    /// Speed in knots and heading in half degrees, one byte each, into `position`.
    pub(crate) fn motion(&mut self, position: &mut Position) -> Result<(), Flaw> {
        let speed = knots(self.u8()?);
        self.tell(documented("speed", "km/h"), speed);
        position.speed_kmh = Some(speed);
        let heading = u16::from(self.u8()?).saturating_mul(2);
        position.heading_deg = (heading <= 360).then(|| f64::from(heading));
        let name = documented("heading", "°").wrong_unless(position.heading_deg.is_some());
        self.tell(name, heading);
        Ok(())
    }
}

/// `[DD]DMM.MMMM` as a number of 1e-4 minutes below whole degrees; `None` if out of range.
fn packed_degrees(value: u64, most: u64) -> Option<f64> {
    let (degrees, minutes) = (value / 1_000_000, value % 1_000_000);
    let sound = degrees <= most && minutes < 600_000;
    let degrees = to_f64(degrees) + to_f64(minutes) / 600_000.0;
    (sound && degrees <= to_f64(most)).then_some(degrees)
}

fn to_f64(value: u64) -> f64 {
    u32::try_from(value).map_or(f64::NAN, f64::from)
}

/// Six places; never a negative zero.
pub(crate) fn signed(degrees: f64, negative: bool) -> f64 {
    let degrees = (degrees * 1e6).round() / 1e6;
    if negative && degrees != 0.0 { -degrees } else { degrees }
}

pub(crate) fn round1(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

pub(crate) fn knots(value: u8) -> f64 {
    round1(f64::from(value) * KNOT)
}

/// Outer `None`: no such date or time. Inner `None`: the clock was never set.
pub(crate) fn clock(date: [u8; 3], time: [u8; 3]) -> Option<Option<Utc>> {
    let ([year, month, day], [hour, minute, second]) = (date, time);
    if date == [0; 3] {
        return Some(None);
    }
    let year = i32::from(year).saturating_add(2000);
    let moment = NaiveDate::from_ymd_opt(year, month.into(), day.into())?.and_hms_opt(
        hour.into(),
        minute.into(),
        second.into(),
    )?;
    Some((year >= FIRST_YEAR).then(|| chrono::Utc.from_utc_datetime(&moment)))
}

/// DDMMYY and hhmmss as text. Outer `None`: the text is no time. Inner `None`: the clock was never set.
pub(crate) fn text_clock(date: &str, time: &str) -> Option<Option<Utc>> {
    if date.is_empty() && time.is_empty() {
        return Some(None);
    }
    let [day, month, year] = pairs(date)?;
    clock([year, month, day], pairs(time)?)
}

fn pairs(text: &str) -> Option<[u8; 3]> {
    if text.len() != 6 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let two = |n: usize| text.get(n..n.saturating_add(2))?.parse().ok();
    Some([two(0)?, two(2)?, two(4)?])
}

/// A plain decimal number. Unlike `f64::from_str` it takes no `inf`, `nan` or exponent.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    let plain = !text.is_empty()
        && text.len() <= 16
        && text.bytes().enumerate().all(|(i, b)| b.is_ascii_digit() || b == b'.' || (i == 0 && b == b'-'));
    plain.then(|| text.parse().ok()).flatten()
}

/// Faster is no speed but another item in its place, or a damaged one.
const TOP_SPEED_KMH: f64 = 1000.0;

/// A speed in km/h as text.
pub(crate) fn text_speed(text: &str) -> Option<f64> {
    decimal(text).filter(|speed| (0.0..TOP_SPEED_KMH).contains(speed)).map(round1)
}

/// A number of decimal digits only.
pub(crate) fn whole<T: std::str::FromStr>(text: &str) -> Option<T> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Latitude and longitude from text. Packed (`DDMM.MMMM`) if an integer part has four digits (latitude) or five
/// (longitude), leading zeros counted, or a value is out of range; then both are. Else decimal degrees. Without its
/// side a place could be half a world away: then there is none.
pub(crate) fn text_place(lat: (&str, &str), lon: (&str, &str)) -> Option<(f64, f64)> {
    let (a, b) = (decimal(lat.0)?, decimal(lon.0)?);
    let (south, west) = (is_negative(a, lat.1, ["N", "S"])?, is_negative(b, lon.1, ["E", "W"])?);
    let digits = |text: &str| text.split('.').next().unwrap_or_default().trim_start_matches('-').len();
    let packed = digits(lat.0) >= 4 || digits(lon.0) >= 5 || a.abs() > 90.0 || b.abs() > 180.0;
    let (a, b) = if packed { (unpack(a)?, unpack(b)?) } else { (a, b) };
    if a.abs() > 90.0 || b.abs() > 180.0 {
        return None;
    }
    let sign = |value: f64, flip: bool| signed(value.abs(), (value < 0.0) != flip);
    Some((sign(a, south), sign(b, west)))
}

/// Whether a side is the second of two; `None` if it is neither. (Nothing lies on no side.)
fn is_negative(value: f64, side: &str, sides: [&str; 2]) -> Option<bool> {
    let [positive, negative] = sides.map(|known| side.eq_ignore_ascii_case(known));
    (positive || negative || (value == 0.0 && side.is_empty())).then_some(negative)
}

/// `None` if the minutes are no minutes: like a binary frame's, such a place is nowhere.
fn unpack(value: f64) -> Option<f64> {
    let degrees = (value.abs() / 100.0).floor();
    let minutes = value.abs() - degrees * 100.0;
    (minutes < 60.0).then(|| (degrees + minutes / 60.0).copysign(value))
}

/// GSM signal 0–31; 99 and anything else is none.
pub(crate) fn gsm(value: u8) -> Option<u8> {
    (value <= 31).then_some(value)
}

/// A battery in percent, if it is one.
pub(crate) fn percent(value: u8) -> Option<u8> {
    (value <= 100).then_some(value)
}

/// Kilometres to metres.
pub(crate) fn metres(km: u32) -> u64 {
    u64::from(km).saturating_mul(1000)
}

/// The bits of `word` that are set, lowest first.
pub(crate) fn bits(word: u32) -> impl Iterator<Item = u32> {
    (0..32).filter(move |n| word >> n & 1 == 1)
}

/// Whether bit `n` of `word` is set.
pub(super) fn is_set(word: u32, n: u32) -> bool {
    word.checked_shr(n).is_some_and(|word| word & 1 == 1)
}

/// Each set bit of `word` as an unknown of the message, named `{what} N`.
pub(super) fn unknown_bits(what: &str, word: u32, message: &mut Message) {
    message.unknown.extend(bits(word).map(|n| Unknown { what: format!("{what} {n}"), value: String::new() }));
}

/// A code that has no name.
pub(super) fn unknown_code(what: impl Display, message: &mut Message) {
    message.unknown.push(Unknown { what: what.to_string(), value: String::new() });
}

/// Percent, or FF while charging.
pub(super) fn battery(reader: &mut Reader<'_>, message: &mut Message) -> Result<(), Flaw> {
    let value = reader.u8()?;
    message.battery_pct = percent(value);
    message.charging = Some(value == 0xFF);
    match (message.battery_pct, value) {
        (Some(battery), _) => reader.tell(documented("battery", "%"), battery),
        (None, 0xFF) => reader.tell(documented("battery", ""), "charging"),
        (None, _) => {
            reader.tell(unknown("battery"), value);
            unknown_code(format_args!("battery {value:#04x}"), message);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_the_end_names_the_byte() {
        let mut reader = Reader::new(&[1, 2, 3], 1);
        assert_eq!(reader.u8().unwrap(), 2);
        assert_eq!(reader.u16().unwrap_err().to_string(), "byte 2: ends here, too short");
        assert_eq!(
            Reader::new(&[0x12, 0x3A], 0).bcd(2).unwrap_err().to_string(),
            "byte 1: not a decimal digit"
        );
        assert_eq!(Reader::new(&[], usize::MAX).left(), 0);
        assert!(Reader::new(&[0], usize::MAX).take(usize::MAX).is_err());
    }

    #[test]
    fn a_clock_that_was_never_set_is_no_time() {
        assert_eq!(clock([0, 0, 0], [0, 0, 5]), Some(None));
        assert_eq!(clock([0, 1, 1], [0, 3, 1]), Some(None));
        assert_eq!(clock([4, 12, 31], [23, 59, 59]), Some(None));
        assert_eq!(clock([21, 2, 29], [0, 0, 0]), None);
        assert_eq!(clock([21, 2, 28], [24, 0, 0]), None);
        let time = clock([21, 4, 18], [16, 22, 59]).flatten().unwrap();
        assert_eq!(time.to_rfc3339(), "2021-04-18T16:22:59+00:00");
    }

    #[test]
    fn places_are_packed_or_decimal_never_half() {
        let at = |lat, lon| text_place((lat, "N"), (lon, "W")).unwrap();
        assert_eq!(at("9.861502", "83.950336"), (9.861502, -83.950336));
        assert_eq!(at("2233.3218", "11325.3659"), (22.555363, -113.422765));
        // A latitude below ten degrees: only its leading zeros tell.
        assert_eq!(at("0030.0000", "0030.0000"), (0.5, -0.5));
        assert_eq!(at("30.0", "18000.0"), (0.5, -180.0));
        assert_eq!(text_place(("9960.0", "N"), ("1.0", "E")), None);
        assert_eq!(text_place(("2260.0", "N"), ("11325.3659", "E")), None, "60 minutes");
        assert!(text_place(("2259.9999", "N"), ("11325.3659", "E")).is_some());
        assert_eq!(text_place(("", "N"), ("1.0", "E")), None);
        assert_eq!(text_place(("1e5", "N"), ("1.0", "E")), None);
        assert_eq!(text_place(("-1.5", "S"), ("0.0", "W")), Some((1.5, 0.0)));
    }

    #[test]
    fn a_place_without_its_side_is_none() {
        assert_eq!(text_place(("22.5", ""), ("113.9", "E")), None);
        assert_eq!(text_place(("22.5", "N"), ("113.9", "A")), None);
        assert_eq!(text_place(("22.5", "s"), ("113.9", "w")), Some((-22.5, -113.9)));
        assert_eq!(text_place(("0.0", ""), ("0", "")), Some((0.0, 0.0)), "never had a fix");
    }

    #[test]
    fn a_card_in_the_place_of_a_speed_is_none() {
        assert_eq!(text_speed("33.34"), Some(33.3));
        assert_eq!(text_speed("0"), Some(0.0));
        for bad in ["8627839", "1000", "-1", "", "x", "1e3"] {
            assert_eq!(text_speed(bad), None, "{bad}");
        }
    }

    #[test]
    fn out_of_range_degrees_are_refused() {
        let place = |text: &str| Reader::new(&hex::decode(text).unwrap(), 0).place();
        assert!(place("900000001800000007").is_ok());
        assert_eq!(place("900000011800000007").unwrap_err().what, "no such place");
        assert_eq!(place("126000001130000007").unwrap_err().what, "no such place");
        assert_eq!(place("1230000011300000a7").unwrap_err().to_string(), "byte 8: not a decimal digit");
        assert_eq!(place("000000000000000000").unwrap().lat.to_string(), "0");
    }
}
