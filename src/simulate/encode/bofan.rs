//! Sentences, frames and deltas of Bofan trackers.

use super::{Fix, degrees_and_minutes, master::hemisphere};
use chrono::{DateTime, Utc};

/// One position or alarm sentence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sentence {
    /// `POS`, an alarm code, or `PHO<size>-<camera>`.
    pub(crate) code: String,
    pub(crate) id: String,
    /// `None` = a clock that was never set: no fix, no coordinates, the firmware's first day.
    pub(crate) time: Option<DateTime<Utc>>,
    pub(crate) fix: Fix,
    /// Line 1 first.
    pub(crate) inputs: [bool; 5],
    pub(crate) outputs: [bool; 5],
    pub(crate) adc: Vec<u16>,
    pub(crate) odometer_m: u64,
    /// Three hex digits: battery, signal, satellites.
    pub(crate) state: u16,
    /// Whether the firmware knows the last group (always empty); the PT600X of 2014 does not.
    pub(crate) spec_group: bool,
    /// Told later, from the flash.
    pub(crate) stored: bool,
}

impl Sentence {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let end = if self.stored { "#\n" } else { "\r\n" };
        let adc: Vec<String> = self.adc.iter().map(|value| format!("{value:x}")).collect();
        let text = format!(
            "${},{},{}/{},{}/{}/{}//{:03x}/{}{end}",
            self.code,
            self.id,
            self.head(),
            line(&self.inputs),
            line(&self.outputs),
            adc.join(","),
            self.odometer_m,
            self.state,
            if self.spec_group { "/" } else { "" },
        );
        text.into_bytes()
    }

    fn head(&self) -> String {
        let Some(time) = self.time else {
            return "000000.000,V,,,,,,,140209,,,N".to_owned();
        };
        let fix = &self.fix;
        let (lat, lat_minutes) = degrees_and_minutes(fix.lat);
        let (lon, lon_minutes) = degrees_and_minutes(fix.lon);
        format!(
            "{},{},{lat:02}{:02}.{:04},{},{lon:03}{:02}.{:04},{},{:.2},{:.2},{},,,{}",
            time.format("%H%M%S.000"),
            if fix.valid { 'A' } else { 'V' },
            lat_minutes / 10_000,
            lat_minutes % 10_000,
            hemisphere(fix.lat, 'N', 'S'),
            lon_minutes / 10_000,
            lon_minutes % 10_000,
            hemisphere(fix.lon, 'E', 'W'),
            fix.speed_kmh / 1.852,
            fix.heading,
            time.format("%d%m%y"),
            if fix.valid { 'A' } else { 'N' },
        )
    }
}

fn line(bits: &[bool]) -> String {
    bits.iter().map(|&bit| if bit { '1' } else { '0' }).collect()
}

/// The `BF FB` envelope. Firmware of 2014 sends FF for "not computed".
pub(crate) fn envelope(body: &[u8], computed: bool) -> Vec<u8> {
    let sum = if computed { xor(body) } else { 0xff };
    let mut frame = vec![0xbf, 0xfb, sum];
    frame.extend(((body.len() + 5) as u16).to_le_bytes());
    frame.extend(body);
    frame
}

pub(crate) fn xor(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// What changed from `base` to `next`, both whole sentences; `None` where a delta cannot say it (a field that became
/// empty, another number of fields, a change too long): then the whole sentence is sent.
pub(crate) fn delta(base: &[u8], next: &[u8]) -> Option<Vec<u8>> {
    let split = |bytes: &[u8]| -> Vec<Vec<u8>> {
        bytes.split(|&byte| byte == b',' || byte == b'/').map(<[u8]>::to_vec).collect()
    };
    let (old, new) = (split(base), split(next));
    if old.len() != new.len() {
        return None;
    }
    let mut out = vec![b'@', xor(base)];
    for (number, (old, new)) in old.iter().zip(&new).enumerate() {
        if old == new {
            continue;
        }
        let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        let offset = same.min(new.len().checked_sub(1)?);
        let text = &new[offset..];
        if number >= 0x20 || offset >= 0x20 || text.len() > 0x20 {
            return None;
        }
        out.extend([number as u8, offset as u8, text.len() as u8]);
        out.extend(text);
    }
    Some(out)
}

/// The answer to `#PHD<offset>,<length>`: cut to what the picture has.
pub(crate) fn photo_chunk(picture: &[u8], offset: usize, length: usize) -> Option<Vec<u8>> {
    let part = picture.get(offset..)?;
    let part = &part[..part.len().min(length)];
    if part.is_empty() {
        return None;
    }
    let mut body = format!("$PHD{offset},{},", part.len()).into_bytes();
    body.extend(part);
    body.extend(*b"\r\n");
    Some(envelope(&body, true))
}

/// The firmware's announcement at power-on.
pub(crate) fn announcement(id: &str) -> Vec<u8> {
    envelope(format!("$FUS{id},621-V1.12,A11-V3.0\r\r").as_bytes(), true)
}
