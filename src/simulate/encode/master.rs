//! Frames of the JT701D master lock.

use super::{Fix, bcd, day_first, degrees_and_minutes, pack};
use chrono::{DateTime, Utc};

/// Status bits of the binary frame, *Byte2* in the high half.
pub(crate) mod status {
    pub(crate) const ROPE_CUT: u16 = 1 << 3;
    pub(crate) const VIBRATION: u16 = 1 << 4;
    pub(crate) const ANSWER_WANTED: u16 = 1 << 5;
    pub(crate) const ROPE_IN: u16 = 1 << 6;
    pub(crate) const MOTOR_LOCKED: u16 = 1 << 7;
    pub(crate) const OPEN_TOO_LONG: u16 = 1 << 8;
    pub(crate) const WRONG_PASSWORDS: u16 = 1 << 9;
    pub(crate) const ILLEGAL_CARD: u16 = 1 << 10;
    pub(crate) const LOW_BATTERY: u16 = 1 << 11;
    pub(crate) const COVER_OPENED: u16 = 1 << 12;
    pub(crate) const COVER_CLOSED: u16 = 1 << 13;
    pub(crate) const MOTOR_STUCK: u16 = 1 << 14;
}

/// What kind of data a binary frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataType {
    Live = 1,
    Alarm = 2,
    Stored = 3,
    Recent = 4,
}

/// Cell and network as the master tells them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    pub(crate) mcc: u16,
    pub(crate) mnc: u16,
    pub(crate) lac: u16,
    pub(crate) id: u32,
}

/// A position or alarm frame, version 0x19 with the full extension.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Position {
    pub(crate) time: DateTime<Utc>,
    pub(crate) fix: Fix,
    pub(crate) mileage_km: u32,
    pub(crate) satellites: u8,
    pub(crate) status: u16,
    /// Percent, 255 = charging.
    pub(crate) battery: u8,
    pub(crate) cell: Cell,
    pub(crate) signal: u8,
    pub(crate) fence: u8,
    pub(crate) wake_source: u8,
}

/// The binary frame of `position`. `id` is ten decimal digits.
pub(crate) fn position(id: &str, kind: DataType, serial: u8, position: &Position) -> Vec<u8> {
    let mut body = day_first(position.time);
    body.extend(place(&position.fix));
    body.push(position.fix.knots());
    body.push(position.fix.half_heading());
    body.extend(position.mileage_km.to_be_bytes());
    body.push(position.satellites);
    body.extend(0u32.to_be_bytes()); // vehicle-ID card: none on a JT701D
    body.extend(position.status.to_be_bytes());
    body.push(position.battery);
    body.extend((position.cell.id as u16).to_be_bytes());
    body.extend(position.cell.lac.to_be_bytes());
    body.push(position.signal);
    body.extend(extension(position));
    body.push(serial);
    let mut frame = vec![0x24];
    frame.extend(bcd(id));
    frame.extend([0x19, 0x10 | kind as u8]);
    frame.extend((body.len() as u16).to_be_bytes());
    frame.extend(body);
    frame
}

fn extension(position: &Position) -> Vec<u8> {
    let [mnc_high, mnc_low] = position.cell.mnc.to_be_bytes();
    let mut bytes = vec![position.fence, position.wake_source, mnc_high, 0];
    bytes.extend([0x0f; 8]); // IMEI: absent
    bytes.extend(((position.cell.id >> 16) as u16).to_be_bytes());
    bytes.extend(position.cell.mcc.to_be_bytes());
    bytes.push(mnc_low);
    bytes
}

/// Latitude, longitude and indicator: eight, nine and one nibble.
fn place(fix: &Fix) -> Vec<u8> {
    let (lat_degrees, lat_minutes) = degrees_and_minutes(fix.lat);
    let (lon_degrees, lon_minutes) = degrees_and_minutes(fix.lon);
    let digits = format!("{lat_degrees:02}{lat_minutes:06}{lon_degrees:03}{lon_minutes:06}");
    let mut nibbles: Vec<u8> = digits.bytes().map(|digit| digit - b'0').collect();
    let north = u8::from(fix.lat.is_sign_positive()) << 1;
    let east = u8::from(fix.lon.is_sign_positive()) << 2;
    nibbles.push(0x08 | u8::from(fix.valid) | north | east);
    pack(&nibbles)
}

/// What a P45 tells, but for its serial.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LockReport {
    pub(crate) time: DateTime<Utc>,
    pub(crate) fix: Fix,
    /// 1 card, 2 illegal card, 4 static password, 5 locked, 6 dynamic password, 7 Bluetooth, 8 rope pulled.
    pub(crate) source: u8,
    /// For sources 1 and 6: 0 and 99 refused, 1–10 in that fence, 98 opened without a fence rule.
    pub(crate) verification: u8,
    /// 0 = none.
    pub(crate) card: u32,
    pub(crate) password_ok: bool,
    pub(crate) wrong_count: u8,
    pub(crate) mileage_km: u32,
}

pub(crate) fn lock_report(id: &str, serial: u8, report: &LockReport) -> Vec<u8> {
    let fix = &report.fix;
    let (ns, ew) = (hemisphere(fix.lat, 'N', 'S'), hemisphere(fix.lon, 'E', 'W'));
    let text = format!(
        "({id},P45,{},{:.5},{ns},{:.5},{ew},{},{:.0},{:.0},{},{},{:010},{},{},{serial},{})",
        report.time.format("%d%m%y,%H%M%S"),
        fix.lat.abs(),
        fix.lon.abs(),
        if fix.valid { 'A' } else { 'V' },
        fix.speed_kmh,
        fix.heading,
        report.source,
        report.verification,
        report.card,
        u8::from(report.password_ok),
        report.wrong_count,
        report.mileage_km,
    );
    text.into_bytes()
}

pub(super) fn hemisphere(degrees: f64, positive: char, negative: char) -> char {
    if degrees.is_sign_positive() { positive } else { negative }
}

/// What a sub-device told its master, but for its serial.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SubReport {
    pub(crate) master_time: DateTime<Utc>,
    /// The master's.
    pub(crate) fix: Fix,
    pub(crate) time: DateTime<Utc>,
    /// Ten hex digits.
    pub(crate) id: [u8; 5],
    /// 1/100 V.
    pub(crate) voltage: u16,
    pub(crate) battery: u8,
    /// Magnitude; the wire has no sign.
    pub(crate) rssi: u8,
    pub(crate) body: SubBody,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SubBody {
    /// JT126.
    Climate { temperature_tenths: i16, humidity: u8, stored: u16, gateway: u8 },
    /// JT709Ex (type 4) and JT802 (type 6).
    Lock { kind: u8, event: u16, status: u16, cycles: u16, gateway: u8, card: Option<u32> },
}

/// The text frame that carries `report`; `frame_serial` is the master's own (1–255).
pub(crate) fn sub_report(id: &str, frame_serial: u8, serial: u8, report: &SubReport) -> Vec<u8> {
    let mut payload = day_first(report.master_time);
    payload.extend(place(&report.fix));
    payload.extend([report.fix.knots(), report.fix.half_heading()]);
    payload.extend(day_first(report.time));
    payload.extend(report.id);
    payload.push(serial);
    payload.extend(report.voltage.to_be_bytes());
    payload.extend([report.battery, report.rssi]);
    match &report.body {
        SubBody::Climate { temperature_tenths, humidity, stored, gateway } => {
            let sign = if *temperature_tenths < 0 { 0x1000 } else { 0 };
            payload.push(1);
            payload.extend((sign | (temperature_tenths.unsigned_abs() & 0x0fff)).to_be_bytes());
            payload.push(*humidity);
            payload.extend(stored.to_be_bytes());
            payload.push(*gateway);
        }
        SubBody::Lock { kind, event, status, cycles, gateway, card } => {
            payload.push(*kind);
            for word in [event, status, cycles] {
                payload.extend(word.to_be_bytes());
            }
            payload.push(*gateway);
            payload.extend(card.map(u32::to_be_bytes).into_iter().flatten());
        }
    }
    let mut frame = format!("({id},1,{frame_serial:03},WLNET,5,2,").into_bytes();
    frame.extend(escape(&payload));
    frame.push(b')');
    frame
}

/// Hides what would end or split a text frame: 28 29 2C 3D become 3D and the byte XOR 3D.
pub(crate) fn escape(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 8);
    for &byte in payload {
        if matches!(byte, 0x28 | 0x29 | 0x2c | 0x3d) {
            out.extend([0x3d, byte ^ 0x3d]);
        } else {
            out.push(byte);
        }
    }
    out
}
