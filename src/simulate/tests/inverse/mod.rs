//! Encode and decode are inverse: what the simulator's encoders say, with any value in its range, is what the
//! decoders tell; and what the server answers or commands is what a simulated device reads. The two sides were
//! written from the same papers and share nothing.

mod bofan;
mod downlink;
mod master;
mod seal;

use super::super::encode::Fix;
use crate::domain::{Message, Position};
use crate::protocol::{Connection, Heard, HeardFrame, Memory};
use chrono::{DateTime, TimeZone, Utc};
use proptest::prelude::*;
use std::sync::Arc;

fn config() -> ProptestConfig {
    ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() }
}

/// The frames a fresh connection hears in `bytes`, none of which may be refused.
fn frames(bytes: &[u8]) -> Vec<HeardFrame> {
    let mut connection = Connection::new(Arc::new(Memory::default()));
    connection.push(bytes);
    connection.finish();
    std::iter::from_fn(|| connection.next())
        .map(|heard| match heard {
            Heard::Frame(frame) => *frame,
            Heard::Refused { reason, .. } => panic!("refused: {reason} in {}", hex::encode(bytes)),
        })
        .collect()
}

/// The one frame in `bytes`.
#[track_caller]
fn frame(bytes: &[u8]) -> HeardFrame {
    let mut frames = frames(bytes);
    assert_eq!(frames.len(), 1, "{}", hex::encode(bytes));
    frames.remove(0)
}

/// The one message in `bytes`.
#[track_caller]
fn message(bytes: &[u8]) -> Message {
    let mut frame = frame(bytes);
    assert_eq!(frame.messages.len(), 1, "{}", hex::encode(bytes));
    frame.messages.remove(0)
}

/// Ten digits.
fn id() -> impl Strategy<Value = String> {
    "[0-9]{10}"
}

/// Any second from 2005 to 2099: what two digits of a year hold and no unset clock does.
fn time() -> impl Strategy<Value = DateTime<Utc>> {
    (1_104_537_600_i64..4_102_444_800).prop_map(|seconds| Utc.timestamp_opt(seconds, 0).unwrap())
}

fn fix() -> impl Strategy<Value = Fix> {
    // Half a minute's ten-thousandth below the poles, so that rounding stays on earth.
    (-89.999_9..89.999_9, -179.999_9..179.999_9, any::<bool>(), 0.0..470.0, 0.0..360.0)
        .prop_map(|(lat, lon, valid, speed_kmh, heading)| Fix { lat, lon, valid, speed_kmh, heading })
}

fn round(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

/// Degrees as they come back from minutes of four decimals.
fn by_minutes(degrees: f64) -> f64 {
    round((degrees.abs() * 600_000.0).round() / 600_000.0, 1e6).copysign(degrees)
}

#[track_caller]
fn assert_near(got: Option<f64>, want: f64, most: f64) {
    let got = got.expect("it is told");
    assert!((got - want).abs() <= most + 1e-9, "{got} should be {want}");
}

/// A place told in binary: minutes of four decimals, whole knots, steps of two degrees.
#[track_caller]
fn assert_binary_place(got: Option<Position>, fix: &Fix) {
    let got = got.expect("a place");
    assert_near(Some(got.lat), by_minutes(fix.lat), 1e-6);
    assert_near(Some(got.lon), by_minutes(fix.lon), 1e-6);
    assert_near(got.speed_kmh, round((fix.speed_kmh / 1.852).round().min(255.0) * 1.852, 10.0), 1e-6);
    assert_near(got.heading_deg, (fix.heading / 2.0).floor() * 2.0, 1e-6);
}
