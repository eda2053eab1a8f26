//! Frames as devices send them, with what a test wants to vary.

use crate::scene::at;
use chrono::{DateTime, Utc};

pub(crate) const MASTER: &str = "8000620011";
pub(crate) const SUB: &str = "E03B60000A";
pub(crate) const VALVE: &str = "E03B60000B";
pub(crate) const SEAL: &str = "79430801";
pub(crate) const TRACKER: &str = "86123456789012";

/// Status bits of a master, Byte2 then Byte1, as one word.
pub(crate) const ROPE_CUT: u16 = 1 << 3;
pub(crate) const VIBRATION: u16 = 1 << 4;
pub(crate) const ROPE_IN: u16 = 1 << 6;
pub(crate) const MOTOR_LOCKED: u16 = 1 << 7;
pub(crate) const TOO_LONG: u16 = 1 << 8;
pub(crate) const WRONG_PASSWORDS: u16 = 1 << 9;
pub(crate) const ILLEGAL_CARD: u16 = 1 << 10;
pub(crate) const LOW_BATTERY: u16 = 1 << 11;
pub(crate) const COVER_ALARM: u16 = 1 << 12;
pub(crate) const COVER_CLOSED: u16 = 1 << 13;
pub(crate) const MOTOR_STUCK: u16 = 1 << 14;
/// Locked, rope in, cover closed, no alarm.
pub(crate) const FINE: u16 = ROPE_IN | MOTOR_LOCKED | COVER_CLOSED;
/// Open, rope out.
pub(crate) const OPEN: u16 = COVER_CLOSED;

fn bcd_dmy(time: DateTime<Utc>) -> Vec<u8> {
    hex::decode(time.format("%d%m%y%H%M%S").to_string()).unwrap()
}

/// A master's binary frame.
#[derive(Debug, Clone)]
pub(crate) struct Master {
    pub(crate) id: &'static str,
    /// Seconds of the device's clock; `None` is a clock that was never set.
    pub(crate) told: Option<i64>,
    /// 1 live, 2 alarm, 3 stored, 4 seconds late.
    pub(crate) kind: u8,
    pub(crate) status: u16,
    pub(crate) battery: u8,
    pub(crate) serial: u8,
    pub(crate) fix: bool,
    pub(crate) knots: u8,
    /// Degrees north, whole.
    pub(crate) lat: u8,
    pub(crate) wake: u8,
}

/// A live frame at this time of the device's clock.
pub(crate) fn master(told: i64, status: u16) -> Master {
    Master {
        id: MASTER,
        told: Some(told),
        kind: 1,
        status,
        battery: 80,
        serial: told.rem_euclid(256) as u8,
        fix: true,
        knots: 0,
        lat: 22,
        wake: 1,
    }
}

impl Master {
    pub(crate) fn stored(self) -> Self {
        Self { kind: 3, ..self }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut frame = vec![0x24];
        frame.extend(hex::decode(self.id).unwrap());
        frame.extend([0x19, 0x10 | self.kind, 0, 52]);
        frame.extend(self.told.map_or(vec![1, 1, 0, 0, 0, 0], |told| bcd_dmy(at(told))));
        let fix = u8::from(self.fix) | 0b0110;
        frame.extend([u8::from_str_radix(&self.lat.to_string(), 16).unwrap(), 0x34, 0x83, 0x10]);
        frame.extend([0x11, 0x35, 0x50, 0x54, 0x30 | fix, self.knots, 0]);
        frame.extend([0, 0, 0, 45, 6, 0, 0, 0, 0]);
        frame.extend(self.status.to_be_bytes());
        frame.extend([self.battery, 0x10, 0x92, 0x28, 0x66, 0x1F]);
        frame.extend([0, self.wake, 0x0F, 0x0F]);
        frame.extend([0x0F; 8]);
        frame.extend([0, 0, 0x01, 0xCC, 0x01, self.serial]);
        frame
    }
}

/// P45: source, verification, password ok.
pub(crate) fn p45(told: i64, source: u8, verification: u8, password: u8, serial: u32) -> Vec<u8> {
    let time = at(told).format("%d%m%y,%H%M%S");
    format!(
        "({MASTER},P45,{time},22.58071,N,113.91734,E,A,0,0,{source},{verification},0012260888,{password},0,{serial},0)"
    )
    .into_bytes()
}

pub(crate) fn by_card(told: i64, serial: u32) -> Vec<u8> {
    p45(told, 1, 98, 0, serial)
}

pub(crate) fn by_static(told: i64, serial: u32) -> Vec<u8> {
    p45(told, 4, 0, 1, serial)
}

pub(crate) fn auto_locked(told: i64, serial: u32) -> Vec<u8> {
    p45(told, 5, 0, 0, serial)
}

pub(crate) fn text(frame: &str) -> Vec<u8> {
    format!("({MASTER},{frame})").into_bytes()
}

/// Event bits of a sub-lock (type 4).
pub(crate) mod sub_event {
    pub(crate) const LOCKED: u16 = 1;
    pub(crate) const BLUETOOTH: u16 = 1 << 1;
    pub(crate) const COVER: u16 = 1 << 2;
    pub(crate) const LORA: u16 = 1 << 3;
    pub(crate) const ROPE_CUT: u16 = 1 << 4;
    pub(crate) const TIMED: u16 = 1 << 6;
    pub(crate) const STORED: u16 = 1 << 15;
}

/// Event bits of a valve lock (types 5, 6, 9).
pub(crate) mod valve_event {
    pub(crate) const CLOSED: u16 = 1;
    pub(crate) const OPENED: u16 = 1 << 1;
    pub(crate) const TIMED: u16 = 1 << 3;
    pub(crate) const TAMPER: u16 = 1 << 4;
    pub(crate) const LORA: u16 = 1 << 6;
    pub(crate) const LOCKED: u16 = 1 << 7;
}

/// Device status bits.
pub(crate) const SUB_ROPE_OUT: u16 = 1;
pub(crate) const SUB_MOTOR_OPEN: u16 = 1 << 1;

/// `WLNET,5` of a sub-device.
#[derive(Debug, Clone)]
pub(crate) struct Sub {
    pub(crate) master: &'static str,
    pub(crate) id: &'static str,
    pub(crate) type_code: u8,
    /// The master's clock.
    pub(crate) stamped: i64,
    /// The sub-device's own.
    pub(crate) told: i64,
    pub(crate) events: u16,
    pub(crate) status: u16,
    pub(crate) lost: bool,
    pub(crate) battery: u8,
    /// Firmware that tells of its cover.
    pub(crate) newer: bool,
}

pub(crate) fn sub(told: i64, events: u16, status: u16) -> Sub {
    Sub {
        master: MASTER,
        id: SUB,
        type_code: 4,
        stamped: told,
        told,
        events,
        status,
        lost: false,
        battery: 90,
        newer: true,
    }
}

pub(crate) fn valve(told: i64, events: u16, status: u16) -> Sub {
    Sub { id: VALVE, type_code: 6, ..sub(told, events, status) }
}

impl Sub {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut plain = b"2,".to_vec();
        plain.extend(bcd_dmy(at(self.stamped)));
        plain.extend([0x22, 0x34, 0x83, 0x10, 0x11, 0x35, 0x50, 0x54, 0x37, 0, 0]);
        plain.extend(bcd_dmy(at(self.told)));
        plain.extend(hex::decode(self.id).unwrap());
        plain.push(self.told.rem_euclid(256) as u8);
        plain.extend([0x01, 0x7E, self.battery, 63, self.type_code]);
        plain.extend(self.events.to_be_bytes());
        plain.extend(self.status.to_be_bytes());
        plain.extend([0, 19, u8::from(self.lost) << 1]);
        if self.newer {
            plain.extend([0, 0, 0, 0]);
        }
        let mut frame = format!("({},1,007,WLNET,5,", self.master).into_bytes();
        for byte in plain {
            match byte {
                0x28 | 0x29 | 0x2C | 0x3D if frame.len() > 27 => frame.extend([0x3D, byte ^ 0x3D]),
                byte => frame.push(byte),
            }
        }
        frame.push(b')');
        frame
    }
}

pub(crate) const SEAL_OPEN: u32 = 1 << 21;
pub(crate) const SEAL_ROPE_OUT: u32 = 1 << 20;

/// A seal's 0x0200 with items after it.
pub(crate) fn seal(told: i64, alarm: u32, status: u32, items: &[u8]) -> Vec<u8> {
    let mut body = alarm.to_be_bytes().to_vec();
    body.extend((status | 1 << 18).to_be_bytes());
    body.extend(25_265_512_u32.to_be_bytes());
    body.extend(57_585_804_u32.to_be_bytes());
    body.extend([0, 92, 0, 0, 0, 0]);
    body.extend(hex::decode(at(told).format("%y%m%d%H%M%S").to_string()).unwrap());
    body.extend(items);
    let mut plain = vec![0x02, 0x00, 0, u8::try_from(body.len()).unwrap()];
    plain.extend(hex::decode(format!("{SEAL:0>12}")).unwrap());
    plain.extend((told.rem_euclid(65_536) as u16).to_be_bytes());
    plain.extend(body);
    plain.push(plain.iter().fold(0, |sum, byte| sum ^ byte));
    let mut frame = vec![0x7E];
    for byte in plain {
        match byte {
            0x7D => frame.extend([0x7D, 1]),
            0x7E => frame.extend([0x7D, 2]),
            byte => frame.push(byte),
        }
    }
    frame.push(0x7E);
    frame
}

/// A tracker's sentence; `inputs` line 1 is the SOS button.
pub(crate) fn tracker(code: &str, told: i64, inputs: &str) -> Vec<u8> {
    let (time, date) = (at(told).format("%H%M%S"), at(told).format("%d%m%y"));
    format!(
        "${code},{TRACKER},{time}.000,A,0902.3263,N,07924.7491,W,0.0,79.14,{date},,,A/{inputs},10000/0/15989800//fb7/\r\n"
    )
    .into_bytes()
}
