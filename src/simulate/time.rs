//! Time as the fleet sees it: tokio's clock for waiting (so that tests may pause it), the wall clock taken once at
//! the start for dates, and a device's own clock, which may be wrong or never set.

use super::rng::Rng;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// One moment, read once and handed down, so that a device never sees two times in one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// Since the fleet started.
    pub(super) at: Duration,
    pub(super) utc: DateTime<Utc>,
}

/// The fleet's clock. Dates advance with tokio's time, not with the system's.
#[derive(Debug, Clone, Copy)]
pub(super) struct FleetClock {
    start: Instant,
    epoch: DateTime<Utc>,
}

impl FleetClock {
    pub(super) fn start() -> Self {
        Self { start: Instant::now(), epoch: Utc::now() }
    }

    pub(super) fn now(&self) -> Now {
        let at = self.start.elapsed();
        Now { at, utc: self.epoch + TimeDelta::from_std(at).unwrap_or(TimeDelta::MAX) }
    }

    pub(super) fn instant(&self, at: Duration) -> Instant {
        self.start + at
    }
}

/// What a device believes the time to be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DeviceClock {
    offset: TimeDelta,
    unset_since: Option<Duration>,
}

impl DeviceClock {
    pub(super) fn time(&self, now: Now) -> DateTime<Utc> {
        match self.unset_since {
            None => now.utc + self.offset,
            Some(since) => {
                let first = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN);
                let running = now.at.saturating_sub(since);
                first.and_utc() + TimeDelta::from_std(running).unwrap_or_default()
            }
        }
    }

    pub(super) fn is_set(&self) -> bool {
        self.unset_since.is_none()
    }

    /// Power was lost: the clock starts again on the first of January 2000.
    pub(super) fn unset(&mut self, now: Now) {
        self.unset_since = Some(now.at);
    }

    pub(super) fn shift(&mut self, offset: TimeDelta) {
        *self = Self { offset, unset_since: None };
    }

    /// Takes the time a server told.
    pub(super) fn set(&mut self, now: Now, told: DateTime<Utc>) {
        self.shift(told - now.utc);
    }
}

/// One-shot and repeating work of one device, by time.
///
/// At most [`Agenda::LIMIT`] entries wait; one more is not taken and `push` says so. Repeating work puts itself back
/// after it was taken out and so always finds room.
#[derive(Debug, Clone)]
pub(super) struct Agenda<J> {
    jobs: BTreeMap<(Duration, u64), J>,
    counter: u64,
}

impl<J> Agenda<J> {
    pub(super) const LIMIT: usize = 512;

    pub(super) fn new() -> Self {
        Self { jobs: BTreeMap::new(), counter: 0 }
    }

    pub(super) fn push(&mut self, at: Duration, job: J) -> bool {
        if self.jobs.len() >= Self::LIMIT {
            return false;
        }
        self.counter += 1;
        self.jobs.insert((at, self.counter), job).is_none()
    }

    pub(super) fn pop_due(&mut self, at: Duration) -> Option<J> {
        let entry = self.jobs.first_entry()?;
        (entry.key().0 <= at).then(|| entry.remove())
    }

    /// When the next work is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.jobs.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(super) fn clear(&mut self) {
        self.jobs.clear();
    }
}

/// Waiting before the next attempt to reach a server: doubling, with a little noise, up to a limit.
#[derive(Debug)]
pub(super) struct Backoff {
    rng: Rng,
    low: Duration,
    high: Duration,
    current: Duration,
}

impl Backoff {
    pub(super) fn new(rng: Rng, low: Duration, high: Duration) -> Self {
        Self { rng, low, high, current: low }
    }

    pub(super) fn next(&mut self) -> Duration {
        let wait = self.rng.about(self.current);
        self.current = (self.current * 2).min(self.high.max(self.low));
        wait
    }

    pub(super) fn reset(&mut self) {
        self.current = self.low;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(secs: u64) -> Now {
        let at = Duration::from_secs(secs);
        Now { at, utc: DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(secs as i64) }
    }

    #[test]
    fn a_clock_without_power_starts_in_2000_and_takes_the_time_it_is_told() {
        let mut clock = DeviceClock::default();
        assert_eq!(clock.time(now(5)), now(5).utc);
        clock.unset(now(5));
        assert_eq!(clock.time(now(65)).to_rfc3339(), "2000-01-01T00:01:00+00:00");
        assert!(!clock.is_set());
        clock.set(now(70), now(60).utc);
        assert_eq!(clock.time(now(80)), now(70).utc, "ten seconds slow, as it was told");
    }

    #[test]
    fn work_comes_in_the_order_of_its_time_and_is_bounded() {
        let mut agenda = Agenda::new();
        assert!(agenda.push(Duration::from_secs(2), "b"));
        assert!(agenda.push(Duration::from_secs(1), "a"));
        assert!(agenda.push(Duration::from_secs(2), "c"));
        assert_eq!(agenda.next(), Some(Duration::from_secs(1)));
        assert_eq!(agenda.pop_due(Duration::from_secs(1)), Some("a"));
        assert_eq!(agenda.pop_due(Duration::from_secs(1)), None);
        assert_eq!(agenda.pop_due(Duration::from_secs(3)), Some("b"));
        assert_eq!(agenda.pop_due(Duration::from_secs(3)), Some("c"));
        for _ in 0..Agenda::<&str>::LIMIT {
            assert!(agenda.push(Duration::ZERO, "x"));
        }
        assert!(!agenda.push(Duration::ZERO, "one too many"));
    }

    #[test]
    fn waiting_doubles_up_to_its_limit() {
        let secs = Duration::from_secs;
        let mut backoff = Backoff::new(Rng::named(1, "b"), secs(1), secs(5));
        let waits: Vec<f64> = (0..5).map(|_| backoff.next().as_secs_f64()).collect();
        for (wait, want) in waits.iter().zip([1.0, 2.0, 4.0, 5.0, 5.0]) {
            assert!((wait - want).abs() <= want * 0.11, "{waits:?}");
        }
        backoff.reset();
        assert!(backoff.next() < secs(2));
    }
}
