//! Makes frames of seals.

use super::Case;
use super::make_master::{battery, gsm, no_place, packed_place};
use super::random::{Clock, Random};
use super::wire::{unhex, xor};

pub(crate) fn case(random: &mut Random) -> Case {
    match random.range(0, 99) {
        0 => {
            let first = frame(random, 0x0200, |r| report(r, 200), Damage::None);
            let second = frame(random, 0x5502, short_report, Damage::None);
            Case::joined("two frames in one read", vec![first, second])
        }
        1..=34 => Case::new("0200", vec![frame(random, 0x0200, |r| report(r, 200), Damage::None)]),
        35..=44 => Case::new("0704, 0210", vec![batch(random)]),
        45..=69 => {
            let message = random.pick(&[0x5501, 0x5502]);
            Case::new("5501, 5502", vec![frame(random, message, short_report, Damage::None)])
        }
        70..=72 => {
            Case::new("wrong checksum", vec![frame(random, 0x0200, |r| report(r, 100), Damage::Checksum)])
        }
        73..=75 => Case::new("wrong length", vec![frame(random, 0x0200, |r| report(r, 100), Damage::Length)]),
        76..=78 => Case::new("0200, damaged", vec![frame(random, 0x0200, damaged_report, Damage::None)]),
        79 | 80 => {
            let message = random.pick(&[0x5501, 0x5502]);
            Case::new("5501, damaged", vec![frame(random, message, damaged_short_report, Damage::None)])
        }
        81..=92 => {
            let message =
                random.pick(&[0x0002, 0x0100, 0x0102, 0x0109, 0x0003, 0x0107, 0x0001, 0x0f0f, 0x0801]);
            let body = |r: &mut Random| {
                let length = r.size(0, 40);
                r.bytes(length)
            };
            Case::new("session", vec![frame(random, message, body, Damage::None)])
        }
        93 | 94 => {
            // Texts that are another family's when they stand alone.
            let hello = frame(random, 0x0002, |_| Vec::new(), Damage::None);
            let id = random.digits(12);
            let text = random.pick(&["@JT", "2,S02,129,1,example.org,8888"]);
            Case::joined("text in its family", vec![hello, format!("({id},{text})").into_bytes()])
        }
        _ => Case::new("text", vec![text(random)]),
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Damage {
    None,
    Checksum,
    Length,
}

fn frame(
    random: &mut Random,
    message: u16,
    body: impl Fn(&mut Random) -> Vec<u8>,
    damage: Damage,
) -> Vec<u8> {
    let body = body(random);
    assert!(body.len() < 1024);
    let short = matches!(message, 0x5501 | 0x5502);
    let with_version = !short && random.one_in(5);
    let mut attributes = body.len() as u16;
    if random.one_in(4) {
        attributes |= (random.range(0, 7) as u16) << 10;
    }
    if with_version {
        attributes |= 1 << 14;
    }
    if short && random.one_in(2) {
        attributes |= 1 << 15;
    }
    if damage == Damage::Length {
        attributes = attributes & !0x3ff | (body.len() as u16 + random.pick(&[1, 2, 5])) & 0x3ff;
    }
    let length = random.size(10, 12);
    let id = random.digits(length);
    let mut bytes = message.to_be_bytes().to_vec();
    bytes.extend(attributes.to_be_bytes());
    if with_version {
        bytes.push(1);
        bytes.extend(unhex(&format!("{id:0>20}")));
    } else {
        bytes.extend(unhex(&format!("{id:0>12}")));
    }
    bytes.extend(random.bytes(if short { 1 } else { 2 }));
    bytes.extend(body);
    let check = xor(&bytes);
    bytes.push(if damage == Damage::Checksum { check ^ random.range(1, 255) as u8 } else { check });
    let mut out = vec![0x7e];
    for byte in bytes {
        match byte {
            0x7d => out.extend([0x7d, 1]),
            0x7e => out.extend([0x7d, 2]),
            _ => out.push(byte),
        }
    }
    out.push(0x7e);
    out
}

fn head(random: &mut Random, clock: &Clock, lat: u32) -> Vec<u8> {
    let alarm = if random.one_in(2) { 0 } else { random.edgy(32) as u32 };
    let status = random.edgy(32) as u32;
    let lon = match random.range(0, 9) {
        0 => 180_000_000,
        1 => 0,
        _ => random.range(0, 180_000_000) as u32,
    };
    let mut body = alarm.to_be_bytes().to_vec();
    body.extend(status.to_be_bytes());
    body.extend(lat.to_be_bytes());
    body.extend(lon.to_be_bytes());
    body.extend((random.edgy(16) as u16).to_be_bytes());
    body.extend((random.edgy(11) as u16).to_be_bytes());
    let most = if random.one_in(10) { 999 } else { 360 };
    body.extend((random.range(0, most) as u16).to_be_bytes());
    body.extend(unhex(&format!("{}{}", clock.yymmdd(), clock.hhmmss)));
    body
}

fn latitude(random: &mut Random) -> u32 {
    match random.range(0, 9) {
        0 => 90_000_000,
        1 => 0,
        _ => random.range(0, 90_000_000) as u32,
    }
}

fn report(random: &mut Random, longest: usize) -> Vec<u8> {
    let clock = Clock::any(random);
    let lat = latitude(random);
    let mut body = head(random, &clock, lat);
    body.extend(items(random, longest, false));
    body
}

fn damaged_report(random: &mut Random) -> Vec<u8> {
    let kind = random.range(0, 2);
    let clock = if kind == 0 { Clock::impossible(random) } else { Clock::real(random) };
    let lat = if kind == 1 { random.range(90_000_001, u64::from(u32::MAX)) as u32 } else { latitude(random) };
    let mut body = head(random, &clock, lat);
    body.extend(items(random, 60, false));
    if kind == 2 {
        truncated(random, &mut body);
    }
    body
}

/// An item that runs over the end.
fn truncated(random: &mut Random, body: &mut Vec<u8>) {
    body.push(random.pick(&[0x0b, 0xd4, 0x30, 0xe7]));
    if random.one_in(3) {
        return;
    }
    let claims = random.range(2, 9) as u8;
    body.push(claims);
    let given = random.size(0, usize::from(claims) - 1);
    body.extend(random.bytes(given));
}

fn item(id: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![id, value.len() as u8];
    out.extend(value);
    out
}

/// Items in random order, unknown ones among them.
fn items(random: &mut Random, longest: usize, of_5501: bool) -> Vec<u8> {
    let mut all = Vec::new();
    for _ in 0..random.pick(&[0, 0, 1, 1, 2]) {
        all.push(item(0x0b, &lock_event(random)));
    }
    let fence = random.edgy(8) as u8;
    // The network code of a cell has one byte or two.
    let wide = random.size(0, 1);
    let known: Vec<(u8, Vec<u8>)> = if of_5501 {
        vec![
            (0x02, random.bytes(2)),
            (0x10, vec![random.range(0, 13) as u8]),
            (0x0a, random.bytes(3 + wide)),
            (0x0c, random.bytes(6)),
            (0xfc, vec![fence]),
            (0xf4, vec![4]),
        ]
    } else {
        let locks = random.range(1, 3) as u8;
        let voltage = if random.one_in(4) {
            let mut list = vec![locks];
            list.extend(random.bytes(13 * usize::from(locks)));
            list
        } else {
            random.bytes(2)
        };
        vec![
            (0x0f, random.bytes(2)),
            (0xf8, random.bytes(2)),
            (0x30, vec![gsm(random)]),
            (0x31, vec![random.range(0, 40) as u8]),
            (0xd4, vec![battery(random, &[0xff, 0xff, 101, 0xaa, 0xab])]),
            (0xd5, voltage),
            (0xda, random.bytes(3)),
            (0xdb, random.bytes(2)),
            (0xf9, random.bytes(2)),
            (0xfc, vec![fence]),
            (0xfd, random.bytes(9 + wide)),
            (0xfe, (random.edgy(32) as u32).to_be_bytes().to_vec()),
        ]
    };
    for (id, value) in known {
        if random.one_in(2) {
            all.push(item(id, &value));
        }
    }
    for _ in 0..random.size(0, 2) {
        let id = random.pick(&[0x25, 0xe0, 0xe7, 0x5a, 0x7e, 0x7d, 0xff]);
        let length = random.size(0, 9);
        all.push(item(id, &random.bytes(length)));
    }
    random.shuffle(&mut all);
    let mut out = Vec::new();
    for one in all {
        if out.len() + one.len() <= longest {
            out.extend(one);
        }
    }
    out
}

fn lock_event(random: &mut Random) -> Vec<u8> {
    let kind = if random.one_in(8) {
        random.pick(&[0, 4, 9, 14, 26, 33, 36, 44, 99, 200, 255])
    } else {
        random.pick(&[
            1, 2, 3, 5, 6, 7, 8, 11, 12, 13, 16, 17, 18, 24, 25, 28, 30, 31, 32, 34, 35, 40, 41, 42, 43,
        ])
    };
    let mut value = vec![kind];
    let result = random.pick(&[0, 1, 5, 99, 100, 101, 0xfe, 0xff, 0xff]);
    match kind {
        1 | 2 | 3 | 5 | 30 | 31 => {
            value.extend(random.digits(6).bytes());
            value.push(result);
        }
        6 | 7 | 8 | 16 | 17 | 24 | 25 | 32 | 40 | 41 => value.extend(random.digits(6).bytes()),
        34 => {
            value.extend((random.edgy(32) as u32).to_be_bytes());
            if random.one_in(2) {
                value.push(result);
            }
        }
        35 | 42 | 43 => value.extend((random.edgy(32) as u32).to_be_bytes()),
        _ => {}
    }
    value
}

fn batch(random: &mut Random) -> Vec<u8> {
    if random.one_in(2) {
        frame(
            random,
            0x0704,
            |random| {
                let count = random.range(1, 6) as u16;
                let mut body = count.to_be_bytes().to_vec();
                body.push(random.range(0, 1) as u8);
                for _ in 0..count {
                    let one = report(random, 120);
                    body.extend((one.len() as u16).to_be_bytes());
                    body.extend(one);
                }
                body
            },
            Damage::None,
        )
    } else if random.one_in(4) {
        frame(
            random,
            0x0210,
            |random| {
                let clock = Clock::real(random);
                let mut body = vec![battery(random, &[0xff, 101])];
                body.extend(unhex(&format!("{}{}", clock.yymmdd(), clock.hhmmss)));
                body
            },
            Damage::None,
        )
    } else {
        frame(
            random,
            0x0210,
            |random| {
                let mut body = Vec::new();
                for _ in 0..random.range(1, 6) {
                    let one = report(random, 120);
                    body.push(one.len() as u8);
                    body.extend(one);
                }
                body
            },
            Damage::None,
        )
    }
}

fn short_head(random: &mut Random, clock: &Clock, place: Vec<u8>) -> Vec<u8> {
    let mut body = unhex(&format!("{}{}", clock.ddmmyy, clock.hhmmss));
    body.extend(place);
    body.push(random.byte());
    body.push(if random.one_in(12) { random.byte() } else { random.range(0, 180) as u8 });
    body.push(gsm(random));
    body.push(random.range(0, 40) as u8);
    body.extend((random.edgy(32) as u32).to_be_bytes());
    body.push(battery(random, &[0xaa, 0xab, 0xff, 101, 0xac]));
    body.extend(random.bytes(6));
    body.push(if random.one_in(4) { random.edgy(8) as u8 } else { 3 });
    body.extend((random.edgy(16) as u16).to_be_bytes());
    body.extend((random.edgy(16) as u16).to_be_bytes());
    body
}

fn short_report(random: &mut Random) -> Vec<u8> {
    let clock = Clock::any(random);
    let place = packed_place(random);
    let mut body = short_head(random, &clock, place);
    body.extend(items(random, 200, true));
    body
}

fn damaged_short_report(random: &mut Random) -> Vec<u8> {
    let kind = random.range(0, 3);
    let clock = if kind == 0 { Clock::impossible(random) } else { Clock::real(random) };
    let place = if kind == 1 { no_place(random) } else { packed_place(random) };
    let mut body = short_head(random, &clock, place);
    match kind {
        2 => truncated(random, &mut body),
        3 => {
            let keep = random.size(6, 34);
            body.truncate(keep);
        }
        _ => {}
    }
    body
}

fn text(random: &mut Random) -> Vec<u8> {
    let length = random.size(10, 12);
    let id = random.digits(length);
    let serial = random.range(0, 999);
    let rest = match random.range(0, 3) {
        0 => "BASE,2,TIME".into(),
        1 => format!("ELOCK,3,{}", random.digits(6)),
        2 => format!("BASE,1,V{}.{}", random.range(0, 9), random.range(0, 9)),
        _ => format!("LOCK,{},{}", random.range(1, 30), random.range(0, 1)),
    };
    format!("({id},1,{serial:03},{rest})").into_bytes()
}
