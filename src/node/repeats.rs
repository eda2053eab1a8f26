//! Frames that came lately, so that one sent again is answered again and not stored again, also while the first one
//! still waits for its commit. In memory only: what is sent again after a restart is stored twice, and the fold knows
//! it by its time.

use crate::domain::DeviceKey;
use crate::domain::journal::FrameRecord;
use crate::ingest::{Durable, Ticket};
use futures_util::FutureExt;
use futures_util::future::Shared;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Frames remembered of each device; the oldest leaves for one more.
const KEPT: usize = 64;

/// What a frame is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print(u64);

impl Print {
    /// `None` for a frame without the device's own time: two of them may be alike and mean two things. The times
    /// count beside the bytes, because a delta means something else on another base.
    pub(super) fn of(record: &FrameRecord) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        record.raw.hash(&mut hasher);
        for message in &record.messages {
            message.time?.hash(&mut hasher);
        }
        Some(Self(hasher.finish()))
    }
}

#[derive(Debug)]
enum Seen {
    Durable(Print),
    Waiting(Print, Shared<Ticket>),
}

#[derive(Debug, Default)]
pub(super) struct Repeats(HashMap<DeviceKey, VecDeque<Seen>>);

impl Repeats {
    /// The ticket of a frame that came before: resolved if that one is durable, else resolving with it.
    pub(super) fn again(&self, device: &DeviceKey, print: Print) -> Option<Ticket> {
        self.0.get(device)?.iter().find_map(|seen| match seen {
            Seen::Durable(known) if *known == print => Some(std::future::ready(Ok(Durable::Before)).boxed()),
            // One that could not be stored is no repeat: it is tried anew.
            Seen::Waiting(known, ticket) if *known == print && !matches!(ticket.peek(), Some(Err(_))) => {
                Some(ticket.clone().map(|stored| stored.map(|_| Durable::Before)).boxed())
            }
            _ => None,
        })
    }

    /// Remembers a frame that waits for its commit. The ticket to wait with.
    pub(super) fn put(&mut self, device: DeviceKey, print: Print, ticket: Ticket) -> Ticket {
        let ticket = ticket.shared();
        let seen = self.0.entry(device).or_default();
        seen.retain_mut(|seen| {
            let Seen::Waiting(known, ticket) = seen else { return true };
            match ticket.peek() {
                Some(Ok(_)) => *seen = Seen::Durable(*known),
                Some(Err(_)) => return false,
                None => {}
            }
            true
        });
        if seen.len() == KEPT {
            seen.pop_front();
        }
        seen.push_back(Seen::Waiting(print, ticket.clone()));
        ticket.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;
    use tokio::sync::oneshot;

    fn key() -> DeviceKey {
        DeviceKey::jointech("1")
    }

    #[tokio::test]
    async fn a_frame_that_could_not_be_stored_is_no_repeat() {
        let mut repeats = Repeats::default();
        let ticket = repeats.put(key(), Print(1), ready(Err("full".to_owned())).boxed());
        assert!(ticket.await.is_err());
        assert!(repeats.again(&key(), Print(1)).is_none());
    }

    #[tokio::test]
    async fn what_waits_with_another_resolves_with_it_even_if_that_one_is_dropped() {
        let mut repeats = Repeats::default();
        let (done, stored) = oneshot::channel();
        let first: Ticket = stored.map(|stored: Result<_, _>| stored.unwrap()).boxed();
        drop(repeats.put(key(), Print(1), first));
        let again = repeats.again(&key(), Print(1)).unwrap();
        assert!(repeats.again(&DeviceKey::bofan("1"), Print(1)).is_none());
        done.send(Ok(Durable::New)).unwrap();
        assert_eq!(again.await, Ok(Durable::Before));
    }

    #[tokio::test]
    async fn only_the_latest_are_remembered() {
        let mut repeats = Repeats::default();
        for n in 0..=KEPT as u64 {
            repeats.put(key(), Print(n), ready(Ok(Durable::New)).boxed()).await.unwrap();
        }
        assert!(repeats.again(&key(), Print(0)).is_none());
        assert!(repeats.again(&key(), Print(1)).is_some());
        assert_eq!(repeats.0[&key()].len(), KEPT);
    }
}
