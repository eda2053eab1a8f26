//! The journal on disk: SQLite, one writer thread, group commit.
//!
//! ```text
//! submit / append --> queue --> writer: one transaction, synced --> fold (Opened::committed), in order
//!                (bounded)                                     \--> ticket resolves: now a device may be answered
//! ```
//!
//! - What a ticket has confirmed is on disk. What could not be written resolves to an error and must not be answered.
//! - Entries reach [`Opened::committed`] in journal order, before their tickets resolve. When the fold is too slow
//!   and that channel is full, tickets still resolve, but nothing more is committed until it has room; then the queue
//!   fills, [`Store::submit`] waits and [`Store::try_submit`] refuses. Checkpoints and purges pass meanwhile.
//! - While writing fails, everything waiting is told so within a second or two, [`Stats::error`] says why, and the
//!   writer tries again at least once a second.
//! - At [`Options::limit_bytes`] frames are refused; acts, commands, audit rows and checkpoints have a reserve.

mod dir;
mod error;
mod purge;
mod queue;
mod reader;
mod row;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

pub use dir::{DATABASE, LOCK};
pub use error::{Closed, Refused, StoreError};
pub use purge::Purged;
pub use queue::Ticket;
pub use reader::{Checkpoint, Reader};
pub use row::{AuditRow, NewEntry};

use crate::domain::EventSeq;
use crate::domain::journal::Entry;
use queue::{Item, Job, Queue};
use row::Prepared;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};
use writer::Writer;

/// Batches on their way to the fold.
const BATCHES: usize = 64;

/// Settings of a store.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// `[store] limit`: bytes of database and WAL at which no more frames are stored.
    pub limit_bytes: u64,
}

/// How the store fares.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    pub last_seq: EventSeq,
    /// How long the last commit took, milliseconds.
    pub commit_ms: f64,
    /// Pages in use and the WAL file.
    pub bytes_used: u64,
    pub limit_bytes: u64,
    pub wal_bytes: u64,
    /// Set while frames cannot be stored, one sentence. It goes by itself.
    pub error: Option<String>,
    /// Entries waiting for the writer.
    pub queued: usize,
}

impl Stats {
    /// Before the first look at the file.
    fn unknown(limit_bytes: u64) -> Self {
        let last_seq = EventSeq(0);
        Self { last_seq, commit_ms: 0.0, bytes_used: 0, limit_bytes, wal_bytes: 0, error: None, queued: 0 }
    }
}

/// A store that was opened, and what belongs to it.
#[derive(Debug)]
pub struct Opened {
    pub store: Store,
    /// Everything committed from now on, in order. What was there before is read with `reader`.
    pub committed: mpsc::Receiver<Vec<Entry>>,
    pub reader: Reader,
    /// Whether there was no database and one was made.
    pub created: bool,
}

/// A handle; clones share the one writer. When the last is dropped, or [`Store::close`] is called on one, what is
/// queued is still stored and the data directory is given free.
#[derive(Debug, Clone)]
pub struct Store(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    queue: Arc<Queue>,
    stats: Arc<Mutex<Stats>>,
    /// Its sender lives in the writer's thread.
    ended: watch::Receiver<()>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// However the writer ends, nobody waits for it for ever.
struct Ending {
    queue: Arc<Queue>,
    stats: Arc<Mutex<Stats>>,
    _ended: watch::Sender<()>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.queue.close();
        let mut lanes = self.queue.lanes();
        lanes.items.clear();
        lanes.jobs.clear();
        drop(lanes);
        if std::thread::panicking() {
            let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
            stats.error = Some("the store's writer has stopped; restart the node".into());
        }
    }
}

impl Store {
    /// Takes the data directory `dir`, creating directory and database only where there is nothing, and upgrading an
    /// older database after keeping a copy of it.
    ///
    /// # Errors
    /// If another node has the directory, if it is somebody else's, or if the database cannot be opened, is damaged
    /// or newer than this program. Nothing is created or changed then.
    pub fn open(dir: &Path, options: Options) -> Result<Opened, StoreError> {
        Self::open_with(dir, options, schema::STEPS)
    }

    fn open_with(dir: &Path, options: Options, steps: &[&str]) -> Result<Opened, StoreError> {
        let dir = dir::claim(dir, steps.len())?;
        let (db, created) = schema::open(&dir, steps)?;
        let reader = Reader::open_knowing(&dir.path, steps.len())?;
        let queue = Arc::new(Queue::new());
        let stats = Arc::new(Mutex::new(Stats::unknown(options.limit_bytes)));
        let (fold, committed) = mpsc::channel(BATCHES);
        let path = dir.path.clone();
        let writer = Writer::new(db, dir, options.limit_bytes, Arc::clone(&queue), Arc::clone(&stats), fold)?;
        let (alive, ended) = watch::channel(());
        let ending = Ending { queue: Arc::clone(&queue), stats: Arc::clone(&stats), _ended: alive };
        let run = move || {
            let _ending = ending;
            writer.run();
        };
        std::thread::Builder::new()
            .name("store".into())
            .spawn(run)
            .map_err(|e| StoreError::io("start the writer of", &path, &e))?;
        let store = Self(Arc::new(Handle { queue, stats, ended }));
        Ok(Opened { store, committed, reader, created })
    }

    /// Queues an entry, waiting for room: whoever awaits this stops reading its socket meanwhile.
    ///
    /// # Errors
    /// If the store is closed.
    pub async fn submit(&self, entry: NewEntry) -> Result<Ticket, Closed> {
        let (item, ticket) = prepare(entry);
        if let Some(item) = item {
            self.0.queue.push(item).await?;
        }
        Ok(ticket)
    }

    /// Queues an entry if there is room now.
    ///
    /// # Errors
    /// If there is no room, or the store is closed. The entry is gone; count it.
    pub fn try_submit(&self, entry: NewEntry) -> Result<Ticket, Refused> {
        let (item, ticket) = prepare(entry);
        if let Some(item) = item {
            self.0.queue.try_push(item)?;
        }
        Ok(ticket)
    }

    /// Stores an entry and waits until it is durable.
    ///
    /// # Errors
    /// If it was not stored.
    pub async fn append(&self, entry: NewEntry) -> Result<EventSeq, StoreError> {
        self.submit(entry).await.map_err(|Closed| StoreError::Closed)?.await
    }

    /// Stores an audit row that has no entry, such as a refusal.
    ///
    /// # Errors
    /// If it was not stored.
    pub async fn audit(&self, row: AuditRow) -> Result<(), StoreError> {
        let (done, stored) = oneshot::channel();
        self.0.queue.push(Item::Audit(Box::new(row), done)).await.map_err(|Closed| StoreError::Closed)?;
        stored.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Stores the fold's whole state up to and with entry `upto`. The newest two are kept.
    ///
    /// # Errors
    /// If it was not stored, is older than the newest or beyond the last entry.
    pub async fn checkpoint(&self, upto: EventSeq, format: u32, body: Vec<u8>) -> Result<(), StoreError> {
        self.job(|done| Job::Checkpoint { upto, format, body, done }).await
    }

    /// Removes the oldest frames, and nothing but frames, until at most `target_bytes` are in use or no frame is left
    /// at or below the newest checkpoint. Entries are stored meanwhile as ever.
    ///
    /// # Errors
    /// [`StoreError::NoCheckpoint`] if no state is kept yet from which the fold could start without them; otherwise
    /// if writing fails.
    pub async fn purge_oldest_frames(&self, target_bytes: u64) -> Result<Purged, StoreError> {
        self.job(|done| Job::Purge { target: target_bytes, done }).await
    }

    async fn job<T>(&self, job: impl FnOnce(queue::Done<T>) -> Job) -> Result<T, StoreError> {
        let (done, answer) = oneshot::channel();
        self.0.queue.push_job(job(done)).map_err(|Closed| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        let stats = self.0.stats.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Stats { queued: self.0.queue.lanes().items.len(), ..stats }
    }

    /// Takes no more, stores what is queued, empties the WAL and gives the directory free. Holds for every clone.
    pub async fn close(self) {
        self.0.queue.close();
        let mut ended = self.0.ended.clone();
        // Nothing is ever sent: it errs when the writer's end is dropped, which is what is waited for.
        while ended.changed().await.is_ok() {}
    }
}

/// The item and its ticket; no item if it cannot be stored, then the ticket says why.
fn prepare(entry: NewEntry) -> (Option<Item>, Ticket) {
    let (done, ticket) = queue::ticket();
    match Prepared::new(entry) {
        Ok(entry) => (Some(Item::Entry(Box::new(entry), done)), ticket),
        Err(error) => {
            drop(done.send(Err(error)));
            (None, ticket)
        }
    }
}
