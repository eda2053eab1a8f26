//! Makes frames of master locks.

use super::Case;
use super::random::{Clock, Random, latitude_digits, longitude_digits};
use super::wire::unhex;

pub(crate) fn case(random: &mut Random) -> Case {
    let id = new_id(random);
    match random.range(0, 99) {
        0..=34 => Case::new("binary", vec![binary(random, &id, false)]),
        35..=39 => {
            let make = |random: &mut Random| {
                let id = new_id(random);
                binary(random, &id, true)
            };
            Case::new("binary, damaged", vec![one_head(random, make)])
        }
        40..=59 => Case::new("P45", vec![lock_report(random, &id, false)]),
        60..=62 => Case::new("P45, damaged", vec![lock_report(random, &id, true)]),
        // The version of the binary frame decides how the report after it is answered.
        63..=67 => {
            Case::new("P45 after binary", vec![binary(random, &id, false), lock_report(random, &id, false)])
        }
        68 => {
            let reads =
                vec![sub_device(random, false), binary(random, &id, false), sub_device(random, false)];
            Case::joined("three frames in one read", reads)
        }
        69..=86 => Case::new("WLNET,5", vec![sub_device(random, false)]),
        87..=89 => Case::new("WLNET,5, damaged", vec![sub_device(random, true)]),
        _ => {
            let mut case = Case::new("text", vec![text(random)]);
            case.secrets = random.one_in(2);
            case
        }
    }
}

/// A frame without the first byte of another in it. Binary frames have no checksum: when one is senseless and something like the head
/// of another stands inside it, the paper does not say whether it is one bad frame or a cut one and the next.
pub(crate) fn one_head(random: &mut Random, make: impl Fn(&mut Random) -> Vec<u8>) -> Vec<u8> {
    loop {
        let frame = make(random);
        if !frame[1..].iter().any(|byte| matches!(byte, b'$' | b'(' | b'~' | 0xbf)) {
            return frame;
        }
    }
}

fn new_id(random: &mut Random) -> String {
    let digits = random.digits(10);
    if random.one_in(10) { format!("00{}", &digits[2..]) } else { digits }
}

/// Place and indicator, nine bytes.
pub(crate) fn packed_place(random: &mut Random) -> Vec<u8> {
    let (lat, lon) = (latitude_digits(random), longitude_digits(random));
    unhex(&format!("{lat}{lon}{:x}", random.range(0, 15)))
}

/// A place that does not exist.
pub(crate) fn no_place(random: &mut Random) -> Vec<u8> {
    let digits = random.pick(&[
        "900000010000000000",
        "226000001130000000",
        "223000001136000000",
        "910000001130000000",
        "223000001800000010",
        "2230000018100000000",
        "2a3000001130000000",
        "22300000113b000000",
    ]);
    unhex(&format!("{}{:x}", &digits[..17], random.range(0, 15)))
}

fn binary(random: &mut Random, id: &str, damaged: bool) -> Vec<u8> {
    let version = match random.range(0, 9) {
        0..=4 => 0x19,
        5 | 6 => 0x17,
        7 => 0x16,
        8 => 0x01,
        _ => random.byte(),
    };
    let data_type = if random.one_in(6) { random.range(0, 15) } else { random.range(1, 4) } as u8;
    let damage = if damaged { random.range(1, 3) } else { 0 };
    let clock = if damage == 1 { Clock::impossible(random) } else { Clock::any(random) };
    let mut body = unhex(&format!("{}{}", clock.ddmmyy, clock.hhmmss));
    body.extend(if damage == 2 { no_place(random) } else { packed_place(random) });
    body.push(random.byte());
    body.push(if random.one_in(12) { random.byte() } else { random.range(0, 180) as u8 });
    body.extend((random.edgy(32) as u32).to_be_bytes());
    body.push(random.range(0, 40) as u8);
    body.extend((random.edgy(32) as u32).to_be_bytes());
    body.extend((random.edgy(16) as u16).to_be_bytes());
    body.push(battery(random, &[0xff, 0xff, 101, 0xaa, 0xfe]));
    body.extend(random.bytes(4));
    body.push(gsm(random));
    match random.range(0, 9) {
        0 | 1 => {}
        2 | 3 => body.extend([random.edgy(8) as u8, 0, 0, 0]),
        4..=8 => {
            body.push(random.edgy(8) as u8);
            body.push(random.byte());
            body.push(random.pick(&[0x0f, 0, 2]));
            body.push(if random.one_in(2) { 0x0f } else { random.edgy(8) as u8 });
            body.extend(if random.one_in(2) {
                vec![0x0f; 8]
            } else {
                unhex(&format!("{}f", random.digits(15)))
            });
            body.extend(random.bytes(5));
        }
        _ => {
            let length = random.size(1, 60);
            body.extend(random.bytes(length));
        }
    }
    if damage == 3 {
        let keep = random.size(17, 33);
        body.truncate(keep);
    }
    let mut frame = vec![b'$'];
    frame.extend(unhex(id));
    frame.extend([version, (random.range(0, 15) as u8) << 4 | data_type]);
    frame.extend((body.len() as u16 + 1).to_be_bytes());
    frame.extend(body);
    frame.push(random.byte());
    frame
}

/// A percentage, now and then one of the odd marks.
pub(crate) fn battery(random: &mut Random, odd: &[u8]) -> u8 {
    match random.range(0, 9) {
        0 => 0,
        1 => 100,
        2 | 3 => random.pick(odd),
        _ => random.range(0, 100) as u8,
    }
}

pub(crate) fn gsm(random: &mut Random) -> u8 {
    if random.one_in(6) { random.pick(&[99, 0, 31, 50]) } else { random.range(0, 31) as u8 }
}

/// A number of so many places, sometimes whole.
pub(crate) fn decimal(random: &mut Random, below: u64, places: usize) -> String {
    let whole = random.range(0, below - 1);
    if random.one_in(5) { whole.to_string() } else { format!("{whole}.{}", fraction(random, places)) }
}

fn fraction(random: &mut Random, places: usize) -> String {
    (0..places).map(|_| char::from(b'0' + random.range(0, 9) as u8)).collect()
}

/// Latitude and longitude of a P45: decimal or packed, in every spelling the paper knows.
fn text_place(random: &mut Random) -> (String, String) {
    let places = random.size(1, 6);
    match random.range(0, 9) {
        0..=4 => (decimal(random, 90, places), decimal(random, 180, places)),
        5 => random
            .pick(&[("90.000000", "180.000000"), ("0.000000", "0.000000"), ("90", "180"), ("0.0", "0.0")])
            .own(),
        packed => {
            let (lat, lon) = (latitude_digits(random), longitude_digits(random));
            let (lat, lon) = (format!("{}.{}", &lat[..4], &lat[4..]), format!("{}.{}", &lon[..5], &lon[5..]));
            if packed == 9 && &lat[..2] != "00" {
                // Without leading zeros: out of range as degrees, or the longitude tells by its five digits.
                let short = |text: &str| {
                    let whole = text.split('.').next().unwrap().len();
                    text.trim_start_matches('0').len().max(text.len() - whole + 2)
                };
                (lat[lat.len() - short(&lat)..].into(), lon[lon.len() - short(&lon)..].into())
            } else {
                (lat, lon)
            }
        }
    }
}

trait Own {
    fn own(self) -> (String, String);
}

impl Own for (&str, &str) {
    fn own(self) -> (String, String) {
        (self.0.into(), self.1.into())
    }
}

fn lock_report(random: &mut Random, id: &str, damaged: bool) -> Vec<u8> {
    let wrong_place = damaged && random.one_in(2);
    let clock = if damaged && !wrong_place { Clock::impossible(random) } else { Clock::any(random) };
    let (lat, lon) = if wrong_place {
        random
            .pick(&[("9130.0000", "11300.0000"), ("2260.0000", "11300.0000"), ("2200.0000", "18100.0000")])
            .own()
    } else {
        text_place(random)
    };
    let source = random.range(0, 12);
    let card = match source {
        2 | 3 => random.range(1, u64::from(u32::MAX)),
        1 if !random.one_in(5) => random.edgy(32),
        _ => 0,
    };
    let verification = match random.range(0, 5) {
        0 => random.range(11, 97),
        1 => 0,
        2 => 98,
        3 => 99,
        4 => 100,
        _ => random.range(1, 10),
    };
    let speed = if random.one_in(4) { decimal(random, 180, 1) } else { random.range(0, 180).to_string() };
    let course = if random.one_in(20) { random.range(361, 999) } else { random.range(0, 360) };
    let mut items = vec![
        id.to_string(),
        "P45".into(),
        clock.ddmmyy,
        clock.hhmmss,
        lat,
        random.pick(&["N", "S"]).into(),
        lon,
        random.pick(&["E", "W"]).into(),
        random.pick(&["A", "A", "V"]).into(),
        speed,
        course.to_string(),
        source.to_string(),
        if matches!(source, 2 | 3 | 5) { 0 } else { verification }.to_string(),
        format!("{card:010}"),
        random.range(0, 1).to_string(),
        random.range(0, 9).to_string(),
        random.range(0, 255).to_string(),
    ];
    let mileage = random.edgy(24).to_string();
    let imei = random.digits(15);
    let fence = random.range(0, 10).to_string();
    let cell = format!("460:0:{}:{:X}", random.range(0, 65535), random.range(0, 0xff_ffff));
    items.extend(match random.range(0, 7) {
        0 => vec![],
        1 | 2 => vec![mileage],
        3 => vec![mileage, imei, fence, cell],
        4 => vec![mileage, imei],
        5 => vec![mileage, cell],
        6 => vec![imei],
        _ => vec![
            mileage,
            imei,
            fence,
            cell,
            random.digits(10),
            format!("+{}", random.digits(11)),
            "Some Name".into(),
        ],
    });
    format!("({})", items.join(",")).into_bytes()
}

/// 28 29 2C 3D become 3D and the byte XOR 3D.
fn escape(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in payload {
        if matches!(byte, 0x28 | 0x29 | 0x2c | 0x3d) {
            out.extend([0x3d, byte ^ 0x3d]);
        } else {
            out.push(*byte);
        }
    }
    out
}

fn sub_device(random: &mut Random, damaged: bool) -> Vec<u8> {
    let damage = if damaged { random.range(1, 4) } else { 0 };
    let master = if damage == 1 { Clock::impossible(random) } else { Clock::any(random) };
    let own = if damage == 2 { Clock::impossible(random) } else { Clock::any(random) };
    let mut payload = b"2,".to_vec();
    payload.extend(unhex(&format!("{}{}", master.ddmmyy, master.hhmmss)));
    payload.extend(if damage == 3 { no_place(random) } else { packed_place(random) });
    payload.push(random.byte());
    payload.push(random.range(0, 181) as u8);
    payload.extend(unhex(&format!("{}{}", own.ddmmyy, own.hhmmss)));
    // Bytes that have to be escaped come often.
    payload.extend(
        (0..5)
            .map(|_| if random.one_in(4) { random.pick(b"(),=") } else { random.byte() })
            .collect::<Vec<_>>(),
    );
    payload.push(if random.one_in(8) { random.pick(b"(),=") } else { random.byte() });
    payload.extend((random.edgy(16) as u16).to_be_bytes());
    payload.push(battery(random, &[0xff, 101, 0x28]));
    payload.push(random.byte());
    let kind = random.pick(&[1, 1, 4, 4, 4, 4, 5, 5, 6, 6, 9, 9, 0, 2, 3, 7, 8, 10, 0x3d, 0xff]);
    payload.push(kind);
    match kind {
        1 => {
            let temperature = match random.range(0, 5) {
                0 => 0xffff,
                1 => 0x8000 | random.range(0, 999) as u16,
                2 => random.edgy(16) as u16,
                _ => random.range(0, 999) as u16,
            };
            payload.extend(temperature.to_be_bytes());
            payload.push(battery(random, &[0xff, 101]));
            payload.extend(random.bytes(2));
            payload.push(random.edgy(3) as u8);
        }
        4 | 5 | 6 | 9 => {
            payload.extend((random.edgy(16) as u16).to_be_bytes());
            let width = random.pick(&[4, 4, 4, 16]);
            payload.extend((random.edgy(width) as u16).to_be_bytes());
            payload.extend((random.edgy(16) as u16).to_be_bytes());
            payload.push(if random.one_in(3) { random.edgy(3) as u8 } else { 0 });
            if random.one_in(2) {
                payload.extend((random.edgy(32) as u32).to_be_bytes());
            }
        }
        _ => {
            let length = random.size(0, 12);
            payload.extend(random.bytes(length));
        }
    }
    if damage == 4 {
        let keep = random.size(3, if matches!(kind, 1 | 4 | 5 | 6 | 9) { 41 } else { 35 });
        payload.truncate(keep);
    }
    let n = random.pick(&["1", "23"]);
    let mut frame = format!("({},{n},{:03},WLNET,5,", new_id(random), random.range(0, 255)).into_bytes();
    frame.extend(escape(&payload));
    frame.push(b')');
    frame
}

fn text(random: &mut Random) -> Vec<u8> {
    let id = new_id(random);
    let serial = random.range(1, 255);
    let secret = random.digits(6);
    let sub = format!("{:010X}", random.edgy(40));
    let card = format!("{:010}", random.edgy(32));
    let body = match random.range(0, 24) {
        0 => "@JT".into(),
        1 => "P22,2".into(),
        2 => "P22,0".into(),
        3..=5 => format!("P52,2,{secret}"),
        6 => format!("P43,{},{}", random.range(0, 1), random.range(0, 5)),
        7 => format!("P52,3,{},{}", random.range(0, 1), random.range(0, 5)),
        8 => format!("P44,{secret}"),
        9 => format!("P44,{}", random.range(0, 1)),
        10 => format!("P52,0,000000,{secret}"),
        11 => "P52,0,,".into(),
        12 => format!("P52,1,{},{}", random.range(0, 1), random.range(0, 1)),
        13 => format!("P06,example.org,8888,apn,user,{secret},{}", random.range(0, 1)),
        14 => format!(
            "P01,JT701D_20210311_China_R{}.{},{}%",
            random.range(1, 9),
            random.range(0, 9),
            random.range(0, 100)
        ),
        15 => format!("P42,1,{card}"),
        16 => format!("P41,1,2,{card},{card}"),
        17 => format!("P14,{}", random.digits(15)),
        18 => format!("P04,1,{},{}", random.range(5, 600), random.range(5, 1440)),
        19 => format!("P{:02}", random.pick(&[15, 32, 71, 99])),
        20 => return format!("({id},1,{serial:03},WLNET,8,0,{sub})").into_bytes(),
        21 => {
            return format!("({id},{},{serial:03},WLNET,1,2,{sub},{sub})", random.pick(&[1, 23]))
                .into_bytes();
        }
        22 => return format!("({id},1,{serial:03},WLNET,18,1,{},0)", random.range(0, 86400)).into_bytes(),
        23 => return format!("({id},1,{serial:03},WLNET,7,{})", random.digits(8)).into_bytes(),
        _ => return format!("({id},1,{serial:03},OTA,9,{})", random.range(0, 1)).into_bytes(),
    };
    format!("({id},{body})").into_bytes()
}
