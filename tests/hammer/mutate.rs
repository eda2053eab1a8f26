//! Random frames of every family, and what a bad line or a bad mind makes of them.

use super::attack::build;
use super::frames::corpus;

/// SplitMix64: small, and the same everywhere, so that a number brings a failure back.
#[derive(Debug, Clone)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `most`; 0 if that is 0.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        (0..length).map(|_| self.byte()).collect()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// Bytes that mean something to one framer or another.
const TELLING: &[u8] = b"$(~@),*#=\r\n\x00\x01\x02\x7d\x7e\x3d\xbf\xfb0159AVNSEWP/.-";

/// Words and heads, whole or broken.
const PIECES: [&[u8]; 26] = [
    b"(8000620011,",
    b"(8000620011,P45,",
    b",P52,2,",
    b",P43,",
    b",P44,",
    b",P06,",
    b",WLNET,5,2,",
    b",WLNET,8,",
    b",ELOCK,3,",
    b",BASE,2,TIME",
    b",U01,",
    b",W01,",
    b"@JT)",
    b"$POS,3760971,",
    b"$PHO3821-1,",
    b"$PHD0,960,",
    b"$FUS865328026243864,",
    b"\xbf\xfb\xff\x10\x00$",
    b"@\x4d\x02\x04\x0648.000",
    b"\x7e\x02\x00\x00\x4d\x79\x43\x08\x01\x06\x79",
    b"\x7e\x55\x01\x80\x25\x79\x43\x08\x01\x06\x79\x01",
    b"\x7e\x02\x00\x60\x4d\x01",
    b"\x0b\x08\x01123456\x00",
    b"\xd5\x0d\x01\xe0\x17\x26\x00\x04",
    b"$\x80\x00\x62\x00\x11\x19\x11\x00\x34",
    b"$\x40\x81\x11\x88\x88\x21\x00\x1b",
];

/// Makes frames.
#[derive(Debug)]
pub(crate) struct Mill {
    known: Vec<Vec<u8>>,
}

impl Mill {
    pub(crate) fn new() -> Self {
        Self { known: corpus().into_iter().flat_map(|case| case.reads).collect() }
    }

    /// A frame: captured, made, or changed; now and then none at all.
    pub(crate) fn frame(&self, rng: &mut Rng) -> Vec<u8> {
        let mut frame = match rng.below(8) {
            0..=3 => self.known[rng.below(self.known.len())].clone(),
            _ => self.made(rng),
        };
        for _ in 0..rng.pick(&[0, 1, 1, 1, 2, 3, 8]) {
            self.change(rng, &mut frame);
        }
        // Half of what was changed is made to look right, so that its content is reached.
        if rng.one_in(2) {
            build::repair(&mut frame);
        }
        if frame.is_empty() {
            frame.push(rng.byte());
        }
        frame
    }

    /// A frame whose outside is right and whose inside is anything.
    fn made(&self, rng: &mut Rng) -> Vec<u8> {
        let content = rng.bytes(120);
        let kinds = [0x0200, 0x0704, 0x0210, 0x5501, 0x5502, 0x0100, 0x0102, 0x0109, 0x0002, 0x0801];
        match rng.below(12) {
            0 => build::text(&words(rng)),
            1 => build::wlnet(&sub_device(rng)),
            2 => {
                build::master([rng.pick(&[0x19, 0x17, 0x16, 0x01]), 0x10 | (rng.byte() & 7)], &position(rng))
            }
            3 => build::legacy((1 + rng.byte() % 3) * 16 + rng.byte() % 5, &records(rng)),
            4 => build::seal(rng.pick(&kinds), u16::from(rng.byte()) << 8, rng.byte().into(), &content),
            5 => build::seal(0x0200, 0, rng.byte().into(), &build::report(&items(rng))),
            6 => {
                let (status, alarm) = (rng.next() as u16, rng.next() as u16);
                let body = build::live_report(rng.pick(&[3, 3, 1, 9]), status, alarm, &items(rng));
                build::seal(rng.pick(&[0x5501, 0x5502]), build::WANTS_SHORT, rng.byte().into(), &body)
            }
            7 => build::framed(&content),
            8 => build::framed(&[build::SENTENCE, &sentence(rng), &delta(rng)].concat()),
            9 => delta(rng),
            10 => sentence(rng),
            _ => content,
        }
    }

    fn change(&self, rng: &mut Rng, frame: &mut Vec<u8>) {
        let at = rng.below(frame.len() + 1);
        let len = frame.len();
        match rng.below(10) {
            0 if at < len => frame[at] ^= 1 << rng.below(8),
            1 if at < len => frame[at] = rng.byte(),
            2 if at < len => frame[at] = rng.pick(TELLING),
            3 => frame.truncate(at),
            4 => drop(frame.drain(..at)),
            5 => frame.insert(at, rng.pick(TELLING)),
            6 => drop(frame.splice(at..at, rng.pick(&PIECES).iter().copied())),
            7 => {
                // The head of one and the tail of another.
                let other = &self.known[rng.below(self.known.len())];
                frame.truncate(at);
                frame.extend(&other[rng.below(other.len())..]);
            }
            8 => {
                // A lie about the length, where one stands.
                let place = rng.pick(&[2, 3, 4, 7, 8, 9, 29]);
                if let Some(byte) = frame.get_mut(place) {
                    *byte = rng.pick(&[0, 1, 5, 6, 0x10, 0x7F, 0x80, 0xFF, byte.wrapping_add(1)]);
                }
            }
            9 if at < len => {
                // Escapes where none belong, and the escaped byte of one left alone.
                let tricks: [&[u8]; 5] = [b"\x7d\x01", b"\x7d\x02", b"\x7d\x03", b"\x3d\x15", b"\x3d"];
                let escape = rng.pick(&tricks);
                frame.splice(at..at, escape.iter().copied());
            }
            _ => {}
        }
    }
}

/// Two BCD digits, mostly.
fn digits(rng: &mut Rng, most: u8) -> u8 {
    let value = rng.byte() % (most + 1);
    if rng.one_in(50) { rng.byte() } else { ((value / 10) << 4) | (value % 10) }
}

fn time(rng: &mut Rng, body: &mut Vec<u8>) {
    for most in [31, 12, 99, 23, 59, 59] {
        body.push(digits(rng, most));
    }
}

fn place(rng: &mut Rng, body: &mut Vec<u8>) {
    for most in [90, 59, 99, 99, 17, 95, 99, 99] {
        body.push(digits(rng, most));
    }
    body.push(rng.byte() & 0x9F);
    body.extend([rng.byte(), rng.byte() % 181]);
}

/// Date to serial of a master's frame, of any of its lengths.
fn position(rng: &mut Rng) -> Vec<u8> {
    let mut body = vec![];
    time(rng, &mut body);
    place(rng, &mut body);
    let more = 17 + rng.pick(&[0, 4, 17, 17, 17, 3, 40]) + 1;
    body.extend((0..more).map(|_| rng.byte()));
    body
}

fn records(rng: &mut Rng) -> Vec<u8> {
    let mut body = vec![];
    for _ in 0..rng.below(4) {
        time(rng, &mut body);
        place(rng, &mut body);
        body.extend((0..10).map(|_| rng.byte()));
    }
    body.push(rng.byte());
    body
}

fn sub_device(rng: &mut Rng) -> Vec<u8> {
    let mut body = vec![];
    time(rng, &mut body);
    place(rng, &mut body);
    time(rng, &mut body);
    body.extend((0..10).map(|_| rng.byte()));
    body.push(rng.pick(&[1, 4, 5, 6, 9, 7, 0xFF]));
    body.extend(rng.bytes(16));
    body
}

fn items(rng: &mut Rng) -> Vec<u8> {
    let kinds = [
        0x0B, 0x0B, 0x0A, 0x0C, 0x02, 0x10, 0x30, 0x31, 0xD4, 0xD5, 0xDA, 0xDB, 0xF8, 0xF9, 0xFC, 0xFD, 0xFE,
    ];
    let mut body = vec![];
    for _ in 0..rng.below(6) {
        let kind = if rng.one_in(8) { rng.byte() } else { rng.pick(&kinds) };
        let mut value = rng.bytes(14);
        if kind == 0x0B && !value.is_empty() {
            value[0] %= 50;
        }
        body.extend(build::item(kind, &value));
    }
    if rng.one_in(10) {
        body.extend([rng.byte(), rng.byte()]);
    }
    body
}

/// A text's words: one that is known, and items of any kind.
fn words(rng: &mut Rng) -> Vec<u8> {
    let heads = [
        "P45",
        "P22",
        "P52",
        "P43",
        "P44",
        "P06",
        "P41",
        "P01",
        "P04",
        "P69",
        "@JT",
        "U01",
        "U06",
        "W01",
        "S24",
        "1,001,BASE",
        "1,002,ELOCK",
        "1,003,WLNET",
        "1,004,OTA",
        "23,005,WLNET,5",
        "1,X",
        "",
    ];
    let known = [
        "0",
        "1",
        "2",
        "3",
        "5",
        "98",
        "99",
        "070121",
        "074116",
        "22.58071",
        "N",
        "113.91734",
        "E",
        "A",
        "2233.3218",
        "0008627839",
        "888888",
        "TIME",
        "T",
        "40%",
        "-1",
        "1e9",
        "99999999999999999999",
        "",
    ];
    let mut text = rng.pick(&heads).as_bytes().to_vec();
    for _ in 0..rng.below(24) {
        text.extend_from_slice(b",");
        match rng.below(12) {
            0 => text.extend(rng.bytes(9)),
            1 => text.extend(rng.next().to_string().bytes()),
            _ => text.extend(rng.pick(&known).bytes()),
        }
    }
    text
}

fn sentence(rng: &mut Rng) -> Vec<u8> {
    let codes =
        ["POS", "IN1", "IU4", "SPD", "PHO0", "PHO3821-1", "MLA", "FUS123456", "PHD0,3,abc", "GPRMC", "P"];
    let fields = [
        "3760971",
        "145733.000",
        "A",
        "V",
        "2036.3883",
        "N",
        "10323.9836",
        "W",
        "0.0",
        "26815635",
        "281117",
        "140209",
        "",
        "00010/00000",
        "0/0//",
        "9999.9999",
        "-1",
    ];
    let mut text = format!("${}", rng.pick(&codes));
    for _ in 0..rng.below(18) {
        text.push(if rng.one_in(6) { '/' } else { ',' });
        text.push_str(rng.pick(&fields));
    }
    text.push_str(rng.pick(&["\r\n", "#\n", "\r", "\n", "\r\r", ""]));
    if rng.one_in(3) {
        return [build::SENTENCE, text.as_bytes()].concat();
    }
    text.into_bytes()
}

/// A delta on the sentence that is made most often.
fn delta(rng: &mut Rng) -> Vec<u8> {
    let texts: [&[u8]; 9] = [b"48.000", b"33.000", b"7", b"CPA", b"119.5", b"\r\n", b"#\n", b"", b"A"];
    let mut edits = vec![];
    for _ in 0..1 + rng.below(4) {
        let text = rng.pick(&texts);
        edits.extend([rng.byte() % 0x22, rng.byte() % 8, text.len() as u8]);
        edits.extend(text);
    }
    if rng.one_in(2) { build::delta(build::SENTENCE, &edits) } else { build::delta(&[rng.byte()], &edits) }
}
