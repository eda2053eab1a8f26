//! Openings of one lock: those whose source was told, and those that wait to be explained by one.

use crate::domain::Utc;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Told openings remembered; the oldest is forgotten first.
const TOLD: usize = 32;

/// Openings that may wait for their report; one more, and the oldest is not waited for any longer.
const WAITING: usize = 8;

/// A told opening may be this much older than the newest sign that the lock was still closed (the motor takes time).
const BEFORE: TimeDelta = TimeDelta::seconds(30);

/// … and this much newer than the first sign that it was open.
const AFTER: TimeDelta = TimeDelta::seconds(30);

/// A motor that was seen open, and nobody said how, yet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Unexplained {
    /// It was known to be closed until then, by the device's own clock.
    pub after: Utc,
    /// Seen open, by the device's own clock: it orders the device's reports even where it is wrong.
    pub told: Utc,
    /// Seen open, never later than receipt.
    pub opened: Utc,
    pub received: Utc,
    pub due: Utc,
}

impl Unexplained {
    fn is_explained_by(&self, told: Utc) -> bool {
        self.after - BEFORE <= told && told <= self.told + AFTER
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Openings {
    /// By the device's own clock; ours or not.
    told: VecDeque<Utc>,
    waiting: VecDeque<Unexplained>,
}

impl Openings {
    /// A source told of an opening. It explains those that waited for just this one.
    pub(super) fn tell(&mut self, time: Utc) {
        if self.told.len() == TOLD {
            self.told.pop_front();
        }
        self.told.push_back(time);
        self.waiting.retain(|opening| !opening.is_explained_by(time));
    }

    /// Whether the source of this opening was told before the motor showed it.
    #[must_use]
    pub(super) fn explain(&self, opening: &Unexplained) -> bool {
        self.told.iter().any(|told| opening.is_explained_by(*told))
    }

    /// Lets an opening wait for its report. Returns one that is not waited for any longer, because too many wait.
    pub(super) fn wait(&mut self, opening: Unexplained) -> Option<Unexplained> {
        let pushed_out = if self.waiting.len() == WAITING { self.waiting.pop_front() } else { None };
        self.waiting.push_back(opening);
        pushed_out
    }

    /// Takes out an opening whose report has not come in time.
    pub(super) fn overdue(&mut self, now: Utc) -> Option<Unexplained> {
        let at = self.waiting.iter().position(|opening| opening.due <= now)?;
        self.waiting.remove(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Utc {
        Utc::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
    }

    fn seen(after: i64, opened: i64) -> Unexplained {
        let received = at(opened);
        Unexplained {
            after: at(after),
            told: received,
            opened: received,
            received,
            due: received + TimeDelta::minutes(5),
        }
    }

    #[test]
    fn only_an_opening_of_its_own_time_explains_it() {
        let mut openings = Openings::default();
        openings.wait(seen(1000, 2000));
        openings.tell(at(900));
        openings.tell(at(2200));
        assert_eq!(openings.overdue(at(2299)), None);
        assert_eq!(openings.overdue(at(2300)), Some(seen(1000, 2000)));
        assert_eq!(openings.overdue(at(9999)), None);

        openings.wait(seen(1000, 2000));
        openings.tell(at(1500));
        assert_eq!(openings.overdue(at(9999)), None);
        assert!(openings.explain(&seen(1000, 2000)), "told before it was seen");
    }

    #[test]
    fn the_explanation_of_one_opening_is_none_for_the_next() {
        let mut openings = Openings::default();
        openings.tell(at(0));
        assert!(openings.explain(&seen(-5, 3)));
        assert!(!openings.explain(&seen(60, 90)));
    }

    #[test]
    fn too_many_are_not_forgotten_but_come_out_at_once() {
        let mut openings = Openings::default();
        for n in 0..8 {
            assert_eq!(openings.wait(seen(n * 100, n * 100 + 50)), None);
        }
        assert_eq!(openings.wait(seen(900, 950)), Some(seen(0, 50)));
        for n in 0..100 {
            openings.tell(at(100_000 + n));
        }
        assert_eq!(openings.told.len(), TOLD);
    }
}
