//! Reading one line: a position or alarm sentence, a firmware announcement, or some other line.
//!
//! `$CODE,id,hhmmss.sss,A|V,lat,N|S,lon,E|W,knots,course,ddmmyy,,,mode/inputs,outputs/adc/odometer/driver/state/spec/`.
//! The head is read by commas, the tail by its `/` groups, because old firmware leaves out fields of the head and
//! ends anywhere after the date.

use super::{
    codes::{Code, is_documented, line_is_on, line_kind, number},
    fields::{Slots, What},
    frame::{MAX_SENTENCE, is_printable},
    secrets,
};
use crate::domain::{
    DeviceEvent, Message, MessageKind, Position, Protocol, Unknown, Utc,
    message::{CommandReply, Level},
    text::clean,
};
use chrono::{Datelike, NaiveDate, NaiveTime};

/// Fields of the oldest form, which ends after the date.
const SHORTEST_HEAD: usize = 11;

/// What one line says.
#[derive(Debug)]
pub(super) enum Line {
    /// A position or alarm sentence: what deltas build on.
    Report(Report),
    Firmware {
        device: String,
        message: Message,
    },
    /// Anything else with a word of its own, perhaps a reply to a command. It names no device.
    Other(Message),
}

/// A position or alarm sentence.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) device: String,
    pub(super) message: Message,
    /// The first field that does not hold what it should; its value is left out of the message. An alarm in a full
    /// sentence is not lost for it; a delta that leads to it was built on another base.
    pub(super) odd: Option<&'static str>,
}

/// A line that makes no sense.
#[derive(Debug)]
pub(super) struct Senseless {
    pub(super) reason: &'static str,
    pub(super) device: Option<String>,
}

/// Reads a line, its end included (the last line of a frame may lack it).
pub(super) fn read(line: &[u8]) -> Result<Line, Senseless> {
    let senseless = |reason| Senseless { reason, device: None };
    let (text, replayed) =
        split_end(line).ok_or_else(|| senseless("not a line of text of up to 512 bytes"))?;
    let rest = text.strip_prefix('$').ok_or_else(|| senseless("it does not begin with $"))?;
    if let Some(firmware) = read_firmware(rest) {
        return Ok(firmware);
    }
    let slots = Slots::of(text);
    let (word, id, fix) = (slots.text(What::Code), slots.text(What::Id), slots.text(What::Fix));
    let told_fix = matches!(fix, "A" | "V");
    match Code::read(word) {
        Some(code) if is_id(id) && told_fix && slots.head() >= SHORTEST_HEAD => {
            let mut reader = Reader::default();
            let message = reader.report(code, &slots, replayed);
            Ok(Line::Report(Report { device: id.to_owned(), message, odd: reader.odd }))
        }
        // A position sentence that was damaged must not pass for a reply.
        Some(_) if is_id(id) && (slots.text(What::Time).contains('.') || told_fix) => Err(Senseless {
            reason: "a position sentence without its fields or its A or V",
            device: Some(id.to_owned()),
        }),
        _ if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
            let mut message = Message::new(Protocol::Bofan, line_kind(word));
            let (word, params) = secrets::shown(&clean(word), params(rest));
            message.command = Some(CommandReply { word: word.clone(), params });
            if message.kind == MessageKind::Other {
                message.unknown.push(unknown_word(&word));
            }
            Ok(Line::Other(message))
        }
        _ => Err(senseless("no code after $")),
    }
}

/// Longest word that is counted by itself.
const COUNTED_WORD: usize = 8;

fn unknown_word(word: &str) -> Unknown {
    match word.get(COUNTED_WORD..) {
        None | Some("") => unknown(format!("word {word}"), ""),
        Some(_) => unknown("a word longer than 8", word),
    }
}

/// Longest value of an unknown field, in characters.
const VALUE: usize = 64;

fn unknown(what: impl Into<String>, value: &str) -> Unknown {
    Unknown { what: what.into(), value: clean(value).chars().take(VALUE).collect() }
}

/// Splits off the end (any mix of `#`, CR and LF). A `#` in it marks a record from the device's memory (inferred
/// from captures). `None`: too long, or not text.
pub(super) fn split_end(line: &[u8]) -> Option<(&str, bool)> {
    let is_end = |byte: &u8| matches!(byte, b'#' | b'\r' | b'\n');
    let length = line.iter().rposition(|byte| !is_end(byte))?.checked_add(1)?;
    let (text, end) = line.split_at_checked(length)?;
    if text.len() > MAX_SENTENCE || !text.iter().all(|byte| is_printable(*byte)) {
        return None;
    }
    Some((str::from_utf8(text).ok()?, end.contains(&b'#')))
}

/// 4 to 15 digits were seen; leading zeros count.
fn is_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn params(line: &str) -> Vec<String> {
    line.split(',').skip(1).map(clean).collect()
}

/// `FUS<id>,<model>-<firmware>,<hardware>`, without a comma after the word. Seen once; what it wants is unknown, and
/// that the dash parts model and firmware is inferred.
fn read_firmware(text: &str) -> Option<Line> {
    let rest = text.strip_prefix("FUS")?;
    let id = rest.split(',').next().filter(|id| is_id(id))?;
    let mut message = Message::new(Protocol::Bofan, MessageKind::Firmware);
    message.device = Some(id.to_owned());
    let params = params(rest);
    if let Some(told) = params.first().filter(|told| !told.is_empty()) {
        let (model, firmware) = told.split_once('-').unwrap_or(("", told));
        message.details.model = some(model);
        message.details.firmware = some(firmware);
    }
    message.details.hardware = params.get(1).and_then(|hardware| some(hardware));
    if let Some(more) = params.get(2..).filter(|more| !more.is_empty()) {
        message.unknown.push(unknown("extra field of FUS", &more.join(",")));
    }
    message.command = Some(CommandReply { word: "FUS".to_owned(), params });
    Some(Line::Firmware { device: id.to_owned(), message })
}

/// Cleaned, or nothing.
fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| clean(text))
}

/// Reads fields and remembers what is odd or has no name.
#[derive(Default)]
struct Reader {
    odd: Option<&'static str>,
    unknown: Vec<Unknown>,
}

impl Reader {
    /// `None` and a note if a field that is filled cannot be read. A delta that leads to it was built on another base.
    fn need<T>(&mut self, text: &str, value: Option<T>, what: &'static str) -> Option<T> {
        if value.is_none() && !text.is_empty() {
            self.odd = self.odd.or(Some(what));
        }
        self.want(text, value, what)
    }

    /// The same for a field of which newer firmware may say more than is known here.
    fn want<T>(&mut self, text: &str, value: Option<T>, what: &'static str) -> Option<T> {
        if value.is_none() && !text.is_empty() {
            self.unknown.push(unknown(format!("odd {what}"), text));
        }
        value
    }

    fn nameless(&mut self, what: &'static str, text: &str) {
        // `/` ends the last group.
        let text = text.trim_end_matches('/');
        if text.bytes().any(|byte| !matches!(byte, b',' | b'/')) {
            self.unknown.push(unknown(what, text));
        }
    }

    fn report(&mut self, code: Code<'_>, slots: &Slots<'_>, replayed: bool) -> Message {
        let fix = slots.text(What::Fix) == "A";
        let mut message = Message::new(Protocol::Bofan, code.kind());
        message.device = Some(slots.text(What::Id).to_owned());
        message.replayed = replayed;
        if let Code::Plain(word) = code
            && !is_documented(word)
        {
            self.unknown.push(unknown(format!("code {word}"), ""));
        }
        message.time = self.time(slots.text(What::Time), slots.text(What::Date), fix);
        message.position = self.position(slots, fix);

        let (inputs, outputs) = (slots.text(What::Inputs), slots.text(What::Outputs));
        message.inputs = self.need(inputs, lines(inputs), "inputs");
        message.outputs = self.need(outputs, lines(outputs), "outputs");
        let odometer = slots.text(What::Odometer);
        message.odometer_m = self.need(odometer, number(odometer, 12), "odometer");
        self.details(&mut message, slots);

        let inputs = message.inputs.as_deref();
        message.events.extend(code.event(inputs));
        if let Some(driver) = &message.details.driver {
            message.events.push(DeviceEvent::Driver { id: driver.clone() });
        }
        // Input 1 is wired to the SOS button (manual of the PT502).
        if let Some(pressed) = line_is_on(inputs, 1) {
            message.levels.report(Level::Sos, pressed);
        }
        message.unknown = std::mem::take(&mut self.unknown);
        message
    }

    /// What is no state: raw counts and digits, opaque texts, and what no paper names.
    fn details(&mut self, message: &mut Message, slots: &Slots<'_>) {
        let details = &mut message.details;
        let mode = slots.text(What::Mode);
        details.mode = self.want(mode, letter(mode), "mode");
        let adc = slots.text(What::Adc);
        details.adc = self.want(adc, counts(adc), "adc").unwrap_or_default();
        details.driver = some(slots.text(What::Driver));
        let state = slots.text(What::State);
        details.state_digits = self.want(state, digits(state), "state");
        details.spec = some(slots.text(What::Spec));
        // The third moves like a satellite count, but some firmware may have swapped it with the second (inferred).
        if let (Some(position), Some([_, _, satellites])) = (&mut message.position, details.state_digits) {
            position.satellites = Some(satellites);
        }
        self.nameless("magnetic variation", slots.text(What::Variation));
        self.nameless("side of the variation", slots.text(What::VariationSide));
        self.nameless("extra field of the head", slots.text(What::ExtraHead));
        self.nameless("extra lines", slots.text(What::ExtraLines));
        self.nameless("extra group", slots.text(What::ExtraGroup));
    }

    /// UTC. `None` if the clock was never set: before 2005, or 14 February 2009 without a fix (inferred).
    fn time(&mut self, time: &str, date: &str, fix: bool) -> Option<Utc> {
        let time = self.need(time, clock(time), "time")?;
        let date = self.need(date, calendar(date), "date")?;
        let unset = !fix && NaiveDate::from_ymd_opt(2009, 2, 14) == Some(date);
        (date.year() >= 2005 && !unset).then(|| date.and_time(time).and_utc())
    }

    /// `None` without coordinates. Without a fix they are the last ones known.
    fn position(&mut self, slots: &Slots<'_>, fix: bool) -> Option<Position> {
        let (lat, north) = (slots.text(What::Latitude), slots.text(What::NorthSouth));
        let (lon, east) = (slots.text(What::Longitude), slots.text(What::EastWest));
        let knots = slots.text(What::Speed);
        let speed = self.need(knots, kmh(knots), "speed");
        let course = slots.text(What::Course);
        // A firmware bug puts numbers such as 26815635 here; the next delta builds on them all the same.
        let number = self.need(course, decimal(course), "course");
        let heading = number.filter(|heading| *heading <= 360.0);
        if number.is_some() {
            self.want(course, heading, "course");
        }
        if lat.is_empty() && lon.is_empty() {
            return None;
        }
        let told = format!("{lat},{north},{lon},{east}");
        let (lat, lon) = self.need(&told, latitude(lat, north).zip(longitude(lon, east)), "coordinates")?;
        Some(Position {
            lat,
            lon,
            fix,
            speed_kmh: speed,
            heading_deg: heading,
            altitude_m: None,
            satellites: None,
        })
    }
}

/// Degrees, north positive.
pub(super) fn latitude(text: &str, side: &str) -> Option<f64> {
    signed(coordinate(text, 90.0), side, "N", "S")
}

/// Degrees, east positive.
pub(super) fn longitude(text: &str, side: &str) -> Option<f64> {
    signed(coordinate(text, 180.0), side, "E", "W")
}

/// From knots.
pub(super) fn kmh(knots: &str) -> Option<f64> {
    decimal(knots).map(|knots| rounded(knots * 1.852, 10.0)).filter(|speed| *speed < 1000.0)
}

/// `hhmmss` and perhaps a fraction.
pub(super) fn clock(text: &str) -> Option<NaiveTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let [hour, minute, second] = three_pairs(whole)?;
    let milli: u32 = number(&format!("{fraction:0<3}"), 3)?;
    NaiveTime::from_hms_milli_opt(hour, minute, second, milli)
}

/// `ddmmyy`
pub(super) fn calendar(text: &str) -> Option<NaiveDate> {
    let [day, month, year] = three_pairs(text)?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?.checked_add(2000)?, month, day)
}

fn three_pairs(text: &str) -> Option<[u32; 3]> {
    if text.len() != 6 {
        return None;
    }
    Some([number(text.get(..2)?, 2)?, number(text.get(2..4)?, 2)?, number(text.get(4..)?, 2)?])
}

/// Degrees from `dddmm.mmmm`. All but the last two digits before the point are degrees: the PT510 leaves out leading
/// zeros and sends `204.6787` for 2° 04.6787'.
fn coordinate(text: &str, most: f64) -> Option<f64> {
    let whole = text.split('.').next()?.len();
    let (degrees, minutes) = text.split_at_checked(whole.saturating_sub(2))?;
    let degrees: u16 = if degrees.is_empty() { 0 } else { number(degrees, 3)? };
    let minutes = decimal(minutes).filter(|minutes| *minutes < 60.0)?;
    let value = f64::from(degrees) + minutes / 60.0;
    (value <= most).then_some(rounded(value, 1e6))
}

fn signed(value: Option<f64>, side: &str, plus: &str, minus: &str) -> Option<f64> {
    match value {
        Some(value) if side == plus => Some(value),
        // 0 minus, so that the equator does not become -0.
        Some(value) if side == minus => Some(0.0 - value),
        _ => None,
    }
}

/// Digits with at most one point; no sign, no exponent.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = !whole.is_empty() && text.len() <= 16 && digits(whole) && digits(fraction);
    if plain { text.parse().ok() } else { None }
}

fn rounded(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

/// A string of `0` and `1`, one a line; at most five were seen.
pub(super) fn lines(text: &str) -> Option<String> {
    let plain = (1..=16).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0' | b'1'));
    plain.then(|| text.to_owned())
}

/// One letter, as RMC has it: A autonomous, D differential, E estimated, N none.
pub(super) fn letter(text: &str) -> Option<char> {
    let mut letters = text.chars();
    letters.next().filter(|letter| letter.is_ascii_uppercase() && letters.next().is_none())
}

/// Most analogue inputs; four were seen.
const MOST_ADC: usize = 16;

/// Raw counts of the analogue inputs, hex. Volts per count are unknown.
pub(super) fn counts(text: &str) -> Option<Vec<u16>> {
    let count = |item: &str| {
        let plain = (1..=4).contains(&item.len()) && item.bytes().all(|byte| byte.is_ascii_hexdigit());
        if plain { u16::from_str_radix(item, 16).ok() } else { None }
    };
    let counts: Option<Vec<u16>> = text.split(',').map(count).collect();
    counts.filter(|counts| counts.len() <= MOST_ADC)
}

/// Three hex digits: battery, GSM signal, satellites (inferred).
pub(super) fn digits(state: &str) -> Option<[u8; 3]> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let [first, second, third] = state.as_bytes() else { return None };
    Some([digit(first)?, digit(second)?, digit(third)?])
}
