//! A small deterministic random source (xorshift64*), so that a seed names every frame of a run.

#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // Zero is the one state it cannot leave.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number of `low..=high`.
    pub(crate) fn range(&mut self, low: u64, high: u64) -> u64 {
        low + (self.next() >> 11) % (high - low + 1)
    }

    pub(crate) fn size(&mut self, low: usize, high: usize) -> usize {
        self.range(low as u64, high as u64) as usize
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.range(0, 255) as u8
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    /// True once in `n`.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.range(1, n) == 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.size(0, of.len() - 1)]
    }

    /// So many decimal digits, the first not zero.
    pub(crate) fn digits(&mut self, count: usize) -> String {
        (0..count).map(|at| char::from(b'0' + self.range(u64::from(at == 0), 9) as u8)).collect()
    }

    /// An unsigned number that is often at an edge of its width.
    pub(crate) fn edgy(&mut self, bits: u32) -> u64 {
        let top = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
        match self.range(0, 7) {
            0 => 0,
            1 => top,
            2 => 1,
            3 => 1 << self.range(0, u64::from(bits - 1)),
            4 => top & self.next() & self.next() & self.next(),
            _ => top & self.next(),
        }
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.size(0, at));
        }
    }
}

/// A moment on a device's clock, as twelve digits in the order day month year hour minute second.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    pub(crate) ddmmyy: String,
    pub(crate) hhmmss: String,
}

impl Clock {
    /// Real moments of 2005–2099, with leap days and the edges of years and days among them.
    pub(crate) fn real(random: &mut Random) -> Self {
        let year = random.range(5, 99);
        let (month, day) = match random.range(0, 9) {
            0 => (12, 31),
            1 => (1, 1),
            2 if year.is_multiple_of(4) => (2, 29),
            2 => (2, 28),
            _ => {
                let month = random.range(1, 12);
                let last = match month {
                    2 => 28,
                    4 | 6 | 9 | 11 => 30,
                    _ => 31,
                };
                (month, random.range(1, last))
            }
        };
        let (hour, minute, second) = match random.range(0, 9) {
            0 => (0, 0, 0),
            1 => (23, 59, 59),
            _ => (random.range(0, 23), random.range(0, 59), random.range(0, 59)),
        };
        Self {
            ddmmyy: format!("{day:02}{month:02}{year:02}"),
            hhmmss: format!("{hour:02}{minute:02}{second:02}"),
        }
    }

    /// A clock that was never set: all zeros, or counting from 2000-01-01.
    pub(crate) fn unset(random: &mut Random) -> Self {
        let (date, time) = match random.range(0, 3) {
            0 => ("000000", "000000".into()),
            1 => ("010100", "000000".into()),
            2 => ("311204", "235959".into()),
            _ => {
                let (hour, minute, second) = (random.range(0, 23), random.range(0, 59), random.range(0, 59));
                ("010100", format!("{hour:02}{minute:02}{second:02}"))
            }
        };
        Self { ddmmyy: date.into(), hhmmss: time }
    }

    /// A moment that does not exist, in a year the device could mean.
    pub(crate) fn impossible(random: &mut Random) -> Self {
        let year = random.range(6, 40);
        let date = match random.range(0, 5) {
            0 => format!("3102{year:02}"),
            1 => format!("1013{year:02}"),
            2 => format!("0005{year:02}"),
            3 => format!("2902{:02}", year / 4 * 4 + 1),
            4 => format!("1000{year:02}"),
            _ => format!("0101{year:02}"),
        };
        let time = if date.starts_with("0101") {
            random.pick(&["240000", "126000", "120060", "991234"])
        } else {
            "120000"
        };
        Self { ddmmyy: date, hhmmss: time.into() }
    }

    /// Mostly real, sometimes unset.
    pub(crate) fn any(random: &mut Random) -> Self {
        if random.one_in(8) { Self::unset(random) } else { Self::real(random) }
    }

    pub(crate) fn yymmdd(&self) -> String {
        format!("{}{}{}", &self.ddmmyy[4..6], &self.ddmmyy[2..4], &self.ddmmyy[0..2])
    }
}

/// A latitude as eight digits DDMMmmmm, edges included.
pub(crate) fn latitude_digits(random: &mut Random) -> String {
    match random.range(0, 11) {
        0 => "90000000".into(),
        1 => "00000000".into(),
        2 => "89599999".into(),
        3 => "00000001".into(),
        _ => format!("{:02}{:06}", random.range(0, 89), random.range(0, 599_999)),
    }
}

/// A longitude as nine digits DDDMMmmmm, edges included.
pub(crate) fn longitude_digits(random: &mut Random) -> String {
    match random.range(0, 11) {
        0 => "180000000".into(),
        1 => "000000000".into(),
        2 => "179599999".into(),
        3 => "000000001".into(),
        _ => format!("{:03}{:06}", random.range(0, 179), random.range(0, 599_999)),
    }
}
