//! Field values in, wire bytes out. Written from the same papers as the decoder but sharing nothing with it, and held
//! to captured frames by its own tests: two mistakes would have to agree to go unseen.

pub(crate) mod bofan;
pub(crate) mod master;
pub(crate) mod seal;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

/// A position as a device tells it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fix {
    /// Degrees; a negative zero says south or west, as units without a fix do.
    pub(crate) lat: f64,
    pub(crate) lon: f64,
    pub(crate) valid: bool,
    pub(crate) speed_kmh: f64,
    pub(crate) heading: f64,
}

impl Fix {
    /// Nearest whole knot, one byte.
    fn knots(&self) -> u8 {
        (self.speed_kmh / 1.852).round().clamp(0.0, 255.0) as u8
    }

    /// Heading in steps of two degrees, one byte.
    fn half_heading(&self) -> u8 {
        ((self.heading.rem_euclid(360.0) / 2.0) as u8).min(179)
    }
}

/// Degrees and ten-thousandths of minutes, rounded together so that 59.99996 minutes carry over.
fn degrees_and_minutes(degrees: f64) -> (u32, u32) {
    let ten_thousandths = (degrees.abs() * 600_000.0).round() as u32;
    (ten_thousandths / 600_000, ten_thousandths % 600_000)
}

/// Two decimal digits to a byte.
fn bcd(digits: &str) -> Vec<u8> {
    let nibbles: Vec<u8> = digits.bytes().map(|digit| digit.wrapping_sub(b'0').min(9)).collect();
    pack(&nibbles)
}

/// Two nibbles to a byte; an odd count gets a zero in front.
fn pack(nibbles: &[u8]) -> Vec<u8> {
    let (first, rest) = nibbles.split_at(nibbles.len() % 2);
    let mut bytes = first.to_vec();
    bytes.extend(rest.chunks_exact(2).map(|pair| (pair[0] << 4) | (pair[1] & 0x0f)));
    bytes
}

/// DDMMYY hhmmss.
fn day_first(time: DateTime<Utc>) -> Vec<u8> {
    bcd(&time.format("%d%m%y%H%M%S").to_string())
}
