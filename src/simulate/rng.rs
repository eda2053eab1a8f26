//! A small random source (splitmix64), so that the same seed always tells the same story.

use std::time::Duration;

#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    /// A source of its own for everything that has a name, so that adding one device changes no other.
    pub(super) fn named(seed: u64, name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed ^ hash)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 where the limit is 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { (self.next() % limit as u64) as usize }
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    /// A duration from `low` up to, not including, `high`.
    pub(super) fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let span = high.saturating_sub(low);
        low + span.mul_f64((self.next() >> 11) as f64 / (1u64 << 53) as f64)
    }

    /// `span`, a tenth more or less.
    pub(super) fn about(&mut self, span: Duration) -> Duration {
        self.between(span.mul_f64(0.9), span.mul_f64(1.1))
    }

    pub(super) fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + (self.next() % 10) as u8)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_and_seed_tell_the_same_story() {
        let story = |seed, name| {
            let mut rng = Rng::named(seed, name);
            (rng.next(), rng.digits(6), rng.below(10))
        };
        assert_eq!(story(7, "a"), story(7, "a"));
        assert_ne!(story(7, "a"), story(8, "a"));
        assert_ne!(story(7, "a"), story(7, "b"));
    }

    #[test]
    fn spans_stay_inside_their_limits() {
        let mut rng = Rng::named(1, "spans");
        for _ in 0..1000 {
            let span = rng.about(Duration::from_secs(10));
            assert!((Duration::from_secs(9)..Duration::from_secs(11)).contains(&span), "{span:?}");
        }
        assert_eq!(rng.below(0), 0);
    }
}
