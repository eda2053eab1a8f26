//! How much one address may say by datagrams.
//!
//! Nobody has to prove where a datagram comes from. So each IP address has a purse of datagrams, filled with
//! `per_second` each second up to [`SECONDS`] seconds' worth; a datagram that finds it empty is dropped unread and
//! counted. A device that gets no answer sends again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

/// Seconds' worth of datagrams that may come at once: a device empties its memory after an outage, and a mobile
/// carrier puts many devices behind one address.
const SECONDS: u32 = 4;

/// Addresses whose purse is remembered; for one more the half not heard for longest is forgotten (their purses are
/// full again by then, but for a flood of forged addresses, and against that a purse for each is no help).
const ADDRESSES: usize = 8192;

#[derive(Debug, Clone, Copy)]
struct Purse {
    left: f64,
    filled: Instant,
}

#[derive(Debug)]
pub(super) struct Senders {
    per_second: u32,
    purses: HashMap<IpAddr, Purse>,
}

impl Senders {
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second, purses: HashMap::new() }
    }

    /// Whether one more datagram of this address may be read.
    pub(super) fn admit(&mut self, address: IpAddr, now: Instant) -> bool {
        if self.purses.len() >= ADDRESSES && !self.purses.contains_key(&address) {
            self.forget_oldest();
        }
        let most = f64::from(self.per_second.saturating_mul(SECONDS));
        let purse = self.purses.entry(address).or_insert(Purse { left: most, filled: now });
        let since = now.saturating_duration_since(purse.filled).min(Duration::from_secs(SECONDS.into()));
        purse.left = (purse.left + since.as_secs_f64() * f64::from(self.per_second)).min(most);
        purse.filled = now;
        let admitted = purse.left >= 1.0;
        if admitted {
            purse.left -= 1.0;
        }
        admitted
    }

    fn forget_oldest(&mut self) {
        let mut filled: Vec<Instant> = self.purses.values().map(|purse| purse.filled).collect();
        let (_, middle, _) = filled.select_nth_unstable(ADDRESSES / 2);
        let middle = *middle;
        self.purses.retain(|_, purse| purse.filled > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(0x0A00_0000 + n).into()
    }

    #[test]
    fn one_address_has_its_share_and_takes_nothing_from_another() {
        let mut senders = Senders::new(10);
        let start = Instant::now();
        let admitted =
            |senders: &mut Senders, n, now| (0..100).filter(|_| senders.admit(address(n), now)).count();
        assert_eq!(admitted(&mut senders, 1, start), 40);
        assert_eq!(admitted(&mut senders, 2, start), 40);
        assert_eq!(admitted(&mut senders, 1, start + Duration::from_millis(500)), 5);
        assert_eq!(admitted(&mut senders, 1, start + Duration::from_secs(900)), 40);
    }

    #[test]
    fn a_flood_of_addresses_is_bounded() {
        let mut senders = Senders::new(1);
        let start = Instant::now();
        for n in 0..50_000 {
            senders.admit(address(n), start + Duration::from_millis(n.into()));
        }
        assert!(senders.purses.len() <= ADDRESSES);
    }
}
