//! What records that came late say of a condition: whether an old "it was on" is news, or belongs to something that
//! is known. Backlogs come in any order, newest first or oldest first, and more than once.

use crate::domain::Utc;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Episodes remembered per device; the oldest is forgotten first. A record of a forgotten one would count once more.
const EPISODES: usize = 24;

/// Two late records in a row that both say "on" are one episode if they are no further apart than this: devices write
/// a record at least every half hour.
const APART: TimeDelta = TimeDelta::hours(1);

/// A time during which something is known to have been on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Episode {
    subject: u8,
    from: Utc,
    to: Utc,
}

impl Episode {
    fn holds(&self, subject: u8, time: Utc) -> bool {
        self.subject == subject && self.from <= time && time <= self.to
    }
}

/// What a late record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Late {
    Off,
    /// On, within an episode that was counted.
    Known,
    /// On, and nobody knew. `off` is the late record before it, if that said "off".
    News {
        off: Option<Utc>,
    },
}

/// The late records of one device. `subject` is a number of the caller's.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Past {
    /// The late record heard last, of each subject.
    last: Vec<(u8, Utc, bool)>,
    episodes: VecDeque<Episode>,
}

impl Past {
    /// An episode that was heard as it happened is over.
    pub(super) fn lived(&mut self, subject: u8, from: Utc, to: Utc) {
        if self.episodes.len() == EPISODES {
            self.episodes.pop_front();
        }
        self.episodes.push_back(Episode { subject, from, to });
    }

    /// Takes in a late record. `off_since`: newer evidence says "off" since then.
    pub(super) fn hear(&mut self, subject: u8, on: bool, time: Utc, off_since: Option<Utc>) -> Late {
        let before = self.swap_last(subject, time, on);
        if !on {
            return Late::Off;
        }
        if self.episodes.iter().any(|episode| episode.holds(subject, time)) {
            return Late::Known;
        }
        if let Some((at, true)) = before
            && (time - at).abs() <= APART
            && !off_since.is_some_and(|off| at.min(time) < off && off <= at.max(time))
            && let Some(episode) = self.episodes.iter_mut().rev().find(|episode| episode.holds(subject, at))
        {
            episode.from = episode.from.min(time);
            episode.to = episode.to.max(time);
            return Late::Known;
        }
        self.lived(subject, time, time);
        Late::News { off: before.and_then(|(at, on)| (!on && at < time).then_some(at)) }
    }

    fn swap_last(&mut self, subject: u8, time: Utc, on: bool) -> Option<(Utc, bool)> {
        if let Some(last) = self.last.iter_mut().find(|(of, ..)| *of == subject) {
            let before = (last.1, last.2);
            (last.1, last.2) = (time, on);
            return Some(before);
        }
        self.last.push((subject, time, on));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Utc {
        Utc::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
    }

    /// Which of these records are news.
    fn news(past: &mut Past, records: &[(i64, bool)]) -> Vec<i64> {
        let off_since = Some(at(1000));
        records
            .iter()
            .filter(|(minute, on)| matches!(past.hear(0, *on, at(*minute), off_since), Late::News { .. }))
            .map(|(minute, _)| *minute)
            .collect()
    }

    const STORY: [(i64, bool); 7] =
        [(10, false), (20, true), (30, true), (40, false), (50, true), (60, true), (70, false)];

    #[test]
    fn each_episode_is_news_once_in_any_order_and_however_often_it_is_sent() {
        let mut past = Past::default();
        assert_eq!(news(&mut past, &STORY), [20, 50]);
        assert_eq!(news(&mut past, &STORY), [0_i64; 0]);

        let newest_first: Vec<_> = STORY.into_iter().rev().collect();
        let mut past = Past::default();
        assert_eq!(news(&mut past, &newest_first), [60, 30]);
        assert_eq!(news(&mut past, &STORY), [0_i64; 0]);
        assert_eq!(news(&mut past, &newest_first), [0_i64; 0]);
    }

    #[test]
    fn what_was_heard_as_it_happened_is_no_news() {
        let mut past = Past::default();
        past.lived(0, at(15), at(45));
        assert_eq!(news(&mut past, &STORY), [50]);
        assert_eq!(past.hear(1, true, at(20), None), Late::News { off: None }, "another subject");
    }

    #[test]
    fn the_off_before_tells_when_it_can_have_begun() {
        let mut past = Past::default();
        past.hear(0, false, at(10), None);
        assert_eq!(past.hear(0, true, at(20), None), Late::News { off: Some(at(10)) });
    }

    #[test]
    fn an_off_between_or_a_long_time_makes_two_episodes() {
        let mut past = Past::default();
        past.hear(0, true, at(10), Some(at(30)));
        assert_eq!(past.hear(0, true, at(40), Some(at(30))), Late::News { off: None });
        assert_eq!(past.hear(0, true, at(140), Some(at(30))), Late::News { off: None });
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut past = Past::default();
        for minute in 0..1000 {
            past.hear(0, minute % 2 == 0, at(minute), None);
        }
        assert_eq!((past.episodes.len(), past.last.len()), (EPISODES, 1));
    }
}
