//! Between those who have something to store and the one thread that stores it: two lanes, the entries' one bounded.

use super::row::{AuditRow, Prepared};
use super::{Closed, Refused, StoreError};
use crate::domain::EventSeq;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

/// Room in the queue, in units of [`UNIT`] bytes; an entry takes at least one. When it is used up, `submit` waits
/// (sessions stop reading, TCP holds the devices back) and `try_submit` refuses (datagrams are dropped and counted).
const ROOM: u32 = 16 * 1024;
const UNIT: usize = 1024;

/// What a write came to.
pub(super) type Outcome<T> = Result<T, StoreError>;

/// Resolves when the entry is durable, to its place in the journal; to an error if it was not stored. Then it must
/// not be acknowledged. It does not wait for the fold.
#[derive(Debug)]
pub struct Ticket(oneshot::Receiver<Outcome<EventSeq>>);

impl Future for Ticket {
    type Output = Result<EventSeq, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|outcome| outcome.unwrap_or(Err(StoreError::Closed)))
    }
}

/// The writer's end of a ticket. Dropped unresolved, its ticket says that the store is closed.
pub(super) type Done<T> = oneshot::Sender<Outcome<T>>;

/// Something that is stored in the order given.
#[derive(Debug)]
pub(super) enum Item {
    Entry(Box<Prepared>, Done<EventSeq>),
    Audit(Box<AuditRow>, Done<()>),
}

impl Item {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Entry(entry, _) => entry.bytes(),
            Self::Audit(..) => 0,
        }
    }

    pub(super) fn fail(self, error: StoreError) {
        // Nobody may be waiting any more; then there is nobody to tell.
        match self {
            Self::Entry(_, done) => drop(done.send(Err(error))),
            Self::Audit(_, done) => drop(done.send(Err(error))),
        }
    }
}

/// An item and the room it takes until it is answered.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) item: Item,
    _room: OwnedSemaphorePermit,
}

/// Work of the node's own, at most a few at a time: it passes entries that wait for a slow fold.
#[derive(Debug)]
pub(super) enum Job {
    Checkpoint {
        upto: EventSeq,
        format: u32,
        body: Vec<u8>,
        done: Done<()>,
    },
    Purge {
        target: u64,
        done: Done<super::Purged>,
    },
    #[cfg(test)]
    MaxPages(u32),
}

#[derive(Debug, Default)]
pub(super) struct Lanes {
    pub(super) items: VecDeque<Waiting>,
    pub(super) jobs: VecDeque<Job>,
    pub(super) closed: bool,
}

#[derive(Debug)]
pub(super) struct Queue {
    lanes: Mutex<Lanes>,
    changed: Condvar,
    room: Arc<Semaphore>,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            lanes: Mutex::default(),
            changed: Condvar::new(),
            room: Arc::new(Semaphore::new(ROOM as usize)),
        }
    }

    /// Waits for room.
    pub(super) async fn push(&self, item: Item) -> Result<(), Closed> {
        let room = Arc::clone(&self.room).acquire_many_owned(units(&item)).await.map_err(|_| Closed)?;
        self.put(Waiting { item, _room: room })
    }

    /// Never waits.
    pub(super) fn try_push(&self, item: Item) -> Result<(), Refused> {
        let room = Arc::clone(&self.room).try_acquire_many_owned(units(&item)).map_err(|e| match e {
            TryAcquireError::NoPermits => Refused::Full,
            TryAcquireError::Closed => Refused::Closed,
        })?;
        self.put(Waiting { item, _room: room }).map_err(|Closed| Refused::Closed)
    }

    fn put(&self, waiting: Waiting) -> Result<(), Closed> {
        let mut lanes = self.lanes();
        if lanes.closed {
            return Err(Closed);
        }
        lanes.items.push_back(waiting);
        drop(lanes);
        self.changed.notify_one();
        Ok(())
    }

    pub(super) fn push_job(&self, job: Job) -> Result<(), Closed> {
        let mut lanes = self.lanes();
        if lanes.closed {
            return Err(Closed);
        }
        lanes.jobs.push_back(job);
        drop(lanes);
        self.changed.notify_one();
        Ok(())
    }

    /// Nothing is taken any more; what was taken is still stored.
    pub(super) fn close(&self) {
        self.room.close();
        self.lanes().closed = true;
        self.changed.notify_one();
    }

    /// Waits until `ready`, or for `at_most`, and returns the lanes locked.
    pub(super) fn wait(
        &self,
        at_most: Option<Duration>,
        ready: impl Fn(&Lanes) -> bool,
    ) -> MutexGuard<'_, Lanes> {
        let lanes = self.lanes();
        let asleep = |lanes: &mut Lanes| !ready(lanes);
        match at_most {
            None => self.changed.wait_while(lanes, asleep).unwrap_or_else(PoisonError::into_inner),
            Some(time) => {
                let woken = self.changed.wait_timeout_while(lanes, time, asleep);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    pub(super) fn lanes(&self) -> MutexGuard<'_, Lanes> {
        // Nothing in here can panic half-way; a poisoned lock is as good as a sound one.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn units(item: &Item) -> u32 {
    u32::try_from(item.bytes() / UNIT + 1).map_or(ROOM, |units| units.min(ROOM))
}

pub(super) fn ticket() -> (Done<EventSeq>, Ticket) {
    let (done, waits) = oneshot::channel();
    (done, Ticket(waits))
}
