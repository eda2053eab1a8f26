//! Makes sentences, frames and deltas of Bofan trackers.

use super::Case;
use super::random::{Clock, Random, latitude_digits, longitude_digits};
use super::wire::xor;

pub(crate) fn case(random: &mut Random) -> Case {
    match random.range(0, 99) {
        0..=44 => Case::new("sentence", vec![sentence(random)]),
        45..=54 => {
            let one = sentence(random);
            Case::new("one sentence in BF FB", vec![framed(random, &one)])
        }
        55..=64 => {
            let count = random.range(2, 6);
            let body = (0..count).flat_map(|_| sentence(random)).collect::<Vec<_>>();
            Case::new("several sentences in BF FB", vec![framed(random, &body)])
        }
        65..=84 => Case::new("delta chain", chain(random)),
        85..=88 => Case::new("delta without its base", without_base(random)),
        89 | 90 => Case::new("delta before its base", before_base(random)),
        91 => {
            // As captured: the connection is new.
            let mut reads = before_base(random);
            reads.remove(0);
            Case::new("delta opens the connection", reads)
        }
        92..=94 => Case::new("senseless delta", senseless_delta(random)),
        95..=97 => Case::new("photo chunk", photo_chunk(random)),
        _ => Case::new("firmware", vec![firmware(random)]),
    }
}

/// BF FB, check byte (right, FF, sometimes wrong), whole length, body.
fn framed(random: &mut Random, body: &[u8]) -> Vec<u8> {
    let check = match random.range(0, 9) {
        0..=5 => xor(body),
        6..=8 => 0xff,
        _ => random.byte(),
    };
    let mut frame = vec![0xbf, 0xfb, check];
    frame.extend((body.len() as u16 + 5).to_le_bytes());
    frame.extend(body);
    frame
}

fn maybe_framed(random: &mut Random, body: Vec<u8>) -> Vec<u8> {
    if random.one_in(2) { framed(random, &body) } else { body }
}

fn code(random: &mut Random) -> String {
    match random.range(0, 9) {
        0..=3 => "POS".into(),
        4 => {
            let size = random.pick(&[0, 1, 959, 960, 6608, 100_000]);
            if random.one_in(2) { format!("PHO{size}") } else { format!("PHO{size}-{}", random.range(1, 4)) }
        }
        5 => {
            let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
            let text = [random.pick(letters), random.pick(letters), random.pick(b"ABCXYZ0123456789")];
            let text = String::from_utf8(text.to_vec()).unwrap();
            // These begin other sentences, or are heads of other makers.
            if ["PHO", "PHD", "FUS"].contains(&text.as_str()) { "QQ7".into() } else { text }
        }
        _ => random
            .pick(&[
                "IN1", "IN2", "IN3", "IN4", "IN5", "IU1", "IU2", "IU3", "IU4", "IU5", "SPD", "GOF", "GEO",
                "LPA", "CPA", "SKA", "MLA", "TOW", "HDA", "HDB", "FDA", "DFR", "PMA",
            ])
            .into(),
    }
}

fn bits(random: &mut Random, count: usize) -> String {
    (0..count).map(|_| random.pick(&['0', '0', '1'])).collect()
}

fn terminator(random: &mut Random) -> &'static str {
    random.pick(&["\r\n", "\r\n", "\r\n", "#\n", "#\n", "#\r\n", "\r\r", "\n"])
}

/// A sentence of every form the paper shows.
fn sentence(random: &mut Random) -> Vec<u8> {
    let form = random.range(0, 19);
    let fix = random.pick(&["A", "A", "V"]);
    let clock = match random.range(0, 11) {
        0 => Clock::unset(random),
        1 => Clock::impossible(random),
        2 => Clock { ddmmyy: "140209".into(), hhmmss: "101500".into() },
        _ => Clock::real(random),
    };
    let length = random.size(4, 15);
    let mut id = random.digits(length);
    if random.one_in(6) {
        id = format!("00{}", &id[2..]);
    }
    let (lat, mut lon) = (latitude_digits(random), longitude_digits(random));
    if random.one_in(12) {
        // Without leading zeros, as one model does.
        let short = lon.trim_start_matches('0').len().max(6);
        lon = lon[lon.len() - short..].into();
    }
    let empty = fix == "V" && random.one_in(2);
    let whole = lon.len() - 4;
    let place = if empty {
        ",,,".to_string()
    } else {
        format!(
            "{}.{},{},{}.{},{}",
            &lat[..4],
            &lat[4..],
            random.pick(&["N", "S"]),
            &lon[..whole],
            &lon[whole..],
            random.pick(&["E", "W"])
        )
    };
    let speed = if empty || random.one_in(12) {
        String::new()
    } else {
        format!("{}.{:02}", random.range(0, 120), random.range(0, 99))
    };
    let course = match random.range(0, 11) {
        0 => String::new(),
        1 => "26815635".into(),
        _ if empty => String::new(),
        _ => format!("{}.{}", random.range(0, 359), random.range(0, 99)),
    };
    let fraction = if random.one_in(5) { random.range(0, 999) } else { 0 };
    let mut text = format!(
        "${},{id},{}.{fraction:03},{fix},{place},{speed},{course},{}",
        code(random),
        clock.hhmmss,
        clock.ddmmyy
    );
    if form == 0 {
        // The oldest form ends here.
        text.push_str(terminator(random));
        return text.into_bytes();
    }
    // One model leaves out a comma and the mode.
    text.push_str(if form == 1 { ",," } else { ",,," });
    if form != 1 {
        text.push_str(random.pick(&["A", "A", "N", "D", "E", ""]));
    }
    let (inputs, outputs) = (random.pick(&[4, 5, 5, 5, 6]), random.pick(&[1, 2, 5, 5]));
    text.push_str(&format!("/{},{}/", bits(random, inputs), bits(random, outputs)));
    let adc: Vec<String> =
        (0..random.pick(&[0, 1, 1, 2, 4, 4, 5])).map(|_| format!("{:x}", random.edgy(10))).collect();
    text.push_str(&format!("{}/{}", adc.join(","), random.edgy(29)));
    let driver = if random.one_in(10) { random.digits(8) } else { String::new() };
    let state = match random.range(0, 1) {
        0 => format!("{:03x}", random.edgy(12)),
        _ => format!("{:03X}", random.edgy(12)),
    };
    text.push_str(&match random.range(0, 5) {
        0 => String::new(),
        1 => "/".into(),
        2 => format!("/{driver}/"),
        3 | 4 => format!("/{driver}/{state}/"),
        _ => format!("/{driver}/{state}//"),
    });
    text.push_str(terminator(random));
    text.into_bytes()
}

/// A sentence whose fields are known one by one, so that it can be edited.
#[derive(Debug, Clone)]
struct Record {
    fields: Vec<String>,
    /// What stands behind each field but the last.
    separators: Vec<char>,
    seconds: u64,
    minutes: (u64, u64),
}

impl Record {
    fn new(random: &mut Random) -> Self {
        let seconds = 36_000 + random.range(0, 3000);
        let minutes = (random.range(100_000, 400_000), random.range(100_000, 400_000));
        let fields: Vec<String> = format!(
            "$POS,{},,A,,{},,{},{}.{:02},{}.{},150824,,,A,{},{},{:x},0,0,0,{},,{:03x},\r\n",
            random.digits(7),
            random.pick(&["N", "S"]),
            random.pick(&["E", "W"]),
            random.range(0, 99),
            random.range(0, 99),
            random.range(0, 359),
            random.range(0, 99),
            bits(random, 5),
            bits(random, 5),
            random.edgy(10),
            random.range(1000, 99_999_999),
            random.edgy(12),
        )
        .split(',')
        .map(String::from)
        .collect();
        let mut separators = vec![','; 23];
        for slash in [13, 15, 19, 20, 21, 22] {
            separators[slash] = '/';
        }
        let mut record = Self { fields, separators, seconds, minutes };
        record.place();
        record
    }

    /// Writes clock and place into their fields.
    fn place(&mut self) {
        let (h, m, s) = (self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60);
        self.fields[2] = format!("{h:02}{m:02}{s:02}.000");
        self.fields[4] = format!("20{:02}.{:04}", self.minutes.0 / 10_000, self.minutes.0 % 10_000);
        self.fields[6] = format!("103{:02}.{:04}", self.minutes.1 / 10_000, self.minutes.1 % 10_000);
    }

    /// A little later, a little further.
    fn step(&self, random: &mut Random) -> Self {
        let mut next = self.clone();
        next.seconds += random.range(10, 60);
        next.minutes.0 += random.range(0, 500);
        next.minutes.1 += random.range(0, 500);
        next.place();
        if random.one_in(2) {
            next.fields[8] = format!("{}.{:02}", random.range(0, 99), random.range(0, 99));
        }
        if random.one_in(2) {
            next.fields[9] = match random.range(0, 5) {
                0 => "26815635".into(),
                _ => format!("{}.{}", random.range(0, 359), random.range(0, 99)),
            };
        }
        if random.one_in(3) {
            next.fields[0] =
                format!("${}", random.pick(&["POS", "CPA", "SPD", "IN1", "IN2", "ZZ9", "HDB", "IU4"]));
        }
        if random.one_in(3) {
            next.fields[14] = bits(random, 5);
        }
        if random.one_in(2) {
            next.fields[20] = random.range(1000, 99_999_999).to_string();
        }
        if random.one_in(3) {
            next.fields[22] = format!("{:03x}", random.edgy(12));
        }
        if random.one_in(6) {
            next.fields[3] = random.pick(&["A", "V"]).into();
        }
        if random.one_in(8) {
            next.fields[23] = random.pick(&["\r\n", "#\n"]).into();
        }
        next
    }

    fn bytes(&self) -> Vec<u8> {
        let mut text = self.fields[0].clone();
        for (separator, field) in self.separators.iter().zip(&self.fields[1..]) {
            text.push(*separator);
            text.push_str(field);
        }
        text.into_bytes()
    }

    /// The edits that make `next` of this.
    fn delta(&self, next: &Self) -> Vec<u8> {
        let mut out = vec![b'@', xor(&self.bytes())];
        for (number, (old, new)) in self.fields.iter().zip(&next.fields).enumerate() {
            if old == new {
                continue;
            }
            let same = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
            // An edit has at least one byte of text.
            let offset = same.min(new.len() - 1);
            out.extend([number as u8, offset as u8, (new.len() - offset) as u8]);
            out.extend(new[offset..].bytes());
        }
        out
    }
}

fn chain(random: &mut Random) -> Vec<Vec<u8>> {
    let mut record = Record::new(random);
    let first = record.bytes();
    let mut reads = vec![maybe_framed(random, first)];
    for _ in 0..random.range(1, 8) {
        let next = record.step(random);
        let bytes = if random.one_in(8) { next.bytes() } else { record.delta(&next) };
        reads.push(maybe_framed(random, bytes));
        record = next;
    }
    reads
}

/// A delta whose base never came, then a sentence that starts anew.
fn without_base(random: &mut Random) -> Vec<Vec<u8>> {
    let record = Record::new(random);
    let next = record.step(random);
    let mut delta = record.delta(&next);
    delta[1] ^= random.range(1, 255) as u8;
    let later = next.step(random);
    let last = later.step(random);
    // Eight bits: a wrong base passes once in 256, and then nobody can tell.
    if [&later, &last].iter().any(|record| xor(&record.bytes()) == delta[1]) {
        return without_base(random);
    }
    vec![record.bytes(), maybe_framed(random, delta), later.bytes(), later.delta(&last)]
}

/// As captured: a delta comes first, its base seconds later as a stored record, then a live one.
fn before_base(random: &mut Random) -> Vec<Vec<u8>> {
    let old = Record::new(random);
    let mut base = old.step(random);
    base.fields[23] = "#\n".into();
    let mut next = base.step(random);
    next.fields[23] = "\r\n".into();
    if xor(&old.bytes()) == xor(&base.bytes()) {
        return before_base(random);
    }
    let delta = base.delta(&next);
    vec![old.bytes(), maybe_framed(random, delta), base.bytes(), next.step(random).bytes()]
}

/// The right base, edits that do not fit it.
fn senseless_delta(random: &mut Random) -> Vec<Vec<u8>> {
    let record = Record::new(random);
    let mut delta = vec![b'@', xor(&record.bytes())];
    delta.extend(match random.range(0, 2) {
        0 => vec![random.range(24, 31) as u8, 0, 1, b'1'],
        1 => vec![2, 11, 1, b'1'],
        _ => vec![9, 0, 2, b'1', 0xe9],
    });
    vec![record.bytes(), framed(random, &delta)]
}

fn photo_chunk(random: &mut Random) -> Vec<Vec<u8>> {
    let length = random.size(1, 960);
    let mut body = format!("$PHD{},{length},", random.range(0, 9) * 960).into_bytes();
    body.extend(random.bytes(length));
    body.extend(b"\r\n");
    let mut reads = vec![maybe_framed(random, body)];
    if random.one_in(2) {
        reads.insert(0, sentence(random));
    }
    reads
}

fn firmware(random: &mut Random) -> Vec<u8> {
    let model = random.range(500, 600);
    let body = format!(
        "$FUS{},{model}-V1.{},A11-V3.{}{}",
        random.digits(15),
        random.range(0, 99),
        random.range(0, 9),
        random.pick(&["\r\n", "\r\r"])
    );
    maybe_framed(random, body.into_bytes())
}
