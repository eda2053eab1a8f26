//! Reading one line: a position or alarm sentence, a firmware announcement, or some other line.
//!
//! `$CODE,id,hhmmss.sss,A|V,lat,N|S,lon,E|W,knots,course,ddmmyy,,,mode/inputs,outputs/adc/odometer/driver/state/spec/`.
//! The head is read by commas, the tail by its `/` groups, because old firmware leaves out fields of the head and
//! ends anywhere after the date.

use super::{
    codes::{Code, line_is_on, line_kind, number},
    frame::{MAX_SENTENCE, is_printable},
};
use crate::domain::{
    DeviceEvent, Message, MessageKind, Position, Protocol, Utc,
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
    let text = text.strip_prefix('$').ok_or_else(|| senseless("it does not begin with $"))?;
    if let Some(firmware) = read_firmware(text) {
        return Ok(firmware);
    }
    let mut groups = text.split('/');
    let head: Vec<&str> = groups.next().unwrap_or_default().split(',').collect();
    let field = |n: usize| head.get(n).copied().unwrap_or_default();
    let (word, id) = (field(0), field(1));
    let code = Code::read(word);
    match code {
        Some(code) if is_id(id) && matches!(field(3), "A" | "V") && head.len() >= SHORTEST_HEAD => {
            let mut reader = Reader { odd: None };
            let message = reader.report(code, id, &head, groups, replayed);
            Ok(Line::Report(Report { device: id.to_owned(), message, odd: reader.odd }))
        }
        // A position sentence that was damaged must not pass for a reply.
        Some(_) if is_id(id) && (field(2).contains('.') || matches!(field(3), "A" | "V")) => Err(Senseless {
            reason: "a position sentence without its fields or its A or V",
            device: Some(id.to_owned()),
        }),
        _ if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
            let mut message = Message::new(Protocol::Bofan, line_kind(word));
            message.command = Some(CommandReply { word: clean(word), params: params(text) });
            Ok(Line::Other(message))
        }
        _ => Err(senseless("no code after $")),
    }
}

/// Splits off the end (any mix of `#`, CR and LF). A `#` in it marks a record from the device's memory (inferred
/// from captures). `None`: too long, or not text.
fn split_end(line: &[u8]) -> Option<(&str, bool)> {
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

/// `FUS<id>,<model and firmware>,<hardware>`, without a comma after the word. Seen once; what it wants is unknown.
fn read_firmware(text: &str) -> Option<Line> {
    let rest = text.strip_prefix("FUS")?;
    let id = rest.split(',').next().filter(|id| is_id(id))?;
    let mut message = Message::new(Protocol::Bofan, MessageKind::Firmware);
    message.device = Some(id.to_owned());
    message.command = Some(CommandReply { word: "FUS".to_owned(), params: params(rest) });
    Some(Line::Firmware { device: id.to_owned(), message })
}

/// Reads fields and remembers the first odd one.
struct Reader {
    odd: Option<&'static str>,
}

impl Reader {
    /// `None` and a note if a field that is filled cannot be read.
    fn need<T>(&mut self, text: &str, value: Option<T>, what: &'static str) -> Option<T> {
        if value.is_none() && !text.is_empty() {
            self.odd = self.odd.or(Some(what));
        }
        value
    }

    fn report<'a>(
        &mut self,
        code: Code<'_>,
        id: &str,
        head: &[&str],
        mut groups: impl Iterator<Item = &'a str>,
        replayed: bool,
    ) -> Message {
        let field = |n: usize| head.get(n).copied().unwrap_or_default();
        let fix = field(3) == "A";
        let mut message = Message::new(Protocol::Bofan, code.kind());
        message.device = Some(id.to_owned());
        message.replayed = replayed;
        message.time = self.time(field(2), field(10), fix);
        message.position = self.position(&field, fix);

        let (inputs, outputs) = groups.next().and_then(|io| io.split_once(',')).unwrap_or_default();
        message.inputs = self.need(inputs, lines(inputs), "the inputs");
        message.outputs = self.need(outputs, lines(outputs), "the outputs");
        // Raw counts of the analogue inputs; volts per count are unknown, so they stay in the raw frame.
        let _adc = groups.next();
        let odometer = groups.next().unwrap_or_default();
        message.odometer_m = self.need(odometer, number(odometer, 12), "the odometer");
        let driver = groups.next().unwrap_or_default();
        let state = groups.next().unwrap_or_default();
        if let (Some(position), Some(satellites)) = (&mut message.position, satellites(state)) {
            position.satellites = Some(satellites);
        }

        let inputs = message.inputs.as_deref();
        message.events.extend(code.event(inputs));
        if !driver.is_empty() {
            message.events.push(DeviceEvent::Driver { id: clean(driver) });
        }
        // Input 1 is wired to the SOS button (manual of the PT502).
        if let Some(pressed) = line_is_on(inputs, 1) {
            message.levels.report(Level::Sos, pressed);
        }
        message
    }

    /// UTC. `None` if the clock was never set: before 2005, or 14 February 2009 without a fix (inferred).
    fn time(&mut self, time: &str, date: &str, fix: bool) -> Option<Utc> {
        let time = self.need(time, clock(time), "the time")?;
        let date = self.need(date, calendar(date), "the date")?;
        let unset = !fix && NaiveDate::from_ymd_opt(2009, 2, 14) == Some(date);
        (date.year() >= 2005 && !unset).then(|| date.and_time(time).and_utc())
    }

    /// `None` without coordinates. Without a fix they are the last ones known.
    fn position<'a>(&mut self, field: &impl Fn(usize) -> &'a str, fix: bool) -> Option<Position> {
        let (lat, lon) = (field(4), field(6));
        if lat.is_empty() && lon.is_empty() {
            return None;
        }
        let lat = signed(coordinate(lat, 90.0), field(5), "N", "S");
        let lon = signed(coordinate(lon, 180.0), field(7), "E", "W");
        let (lat, lon) = self.need("filled", lat.zip(lon), "the coordinates")?;
        let knots = field(8);
        let speed = decimal(knots).map(|knots| rounded(knots * 1.852, 10.0)).filter(|speed| *speed < 1000.0);
        let course = field(9);
        let heading = self.need(course, decimal(course), "the course");
        Some(Position {
            lat,
            lon,
            fix,
            speed_kmh: self.need(knots, speed, "the speed"),
            // A firmware bug puts numbers such as 26815635 here.
            heading_deg: heading.filter(|heading| *heading <= 360.0),
            altitude_m: None,
            satellites: None,
        })
    }
}

/// `hhmmss` and perhaps a fraction.
fn clock(text: &str) -> Option<NaiveTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let [hour, minute, second] = three_pairs(whole)?;
    let milli: u32 = number(&format!("{fraction:0<3}"), 3)?;
    NaiveTime::from_hms_milli_opt(hour, minute, second, milli)
}

/// `ddmmyy`
fn calendar(text: &str) -> Option<NaiveDate> {
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
fn decimal(text: &str) -> Option<f64> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = !whole.is_empty() && text.len() <= 16 && digits(whole) && digits(fraction);
    if plain { text.parse().ok() } else { None }
}

fn rounded(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

/// A string of `0` and `1`, one a line; at most five were seen.
fn lines(text: &str) -> Option<String> {
    let plain = (1..=16).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0' | b'1'));
    plain.then(|| text.to_owned())
}

/// Three hex digits: battery, GSM signal, satellites. Only the third is trusted, and not much: it moves like a
/// satellite count, but some firmware may have swapped it with the second (inferred).
fn satellites(state: &str) -> Option<u8> {
    let plain = state.len() == 3 && state.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain { u8::from_str_radix(state.get(2..)?, 16).ok() } else { None }
}
