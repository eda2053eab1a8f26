//! The one thread that writes: group commit, failure and recovery, order towards the fold.

use super::dir::DataDir;
use super::purge::Purging;
use super::queue::{Item, Job, Lanes, Queue, Waiting};
use super::reader::{last_seq, wal_bytes};
use super::row::{AuditRow, Prepared, millis};
use super::{Stats, StoreError};
use crate::domain::EventSeq;
use crate::domain::journal::{Body, Entry};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{self, error::TrySendError};

/// Most entries in one commit, and most bytes: beyond this a commit only gets slower, not cheaper an entry.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 1 << 20;

/// Retries after a failure: first and longest pause.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Bytes a retry writes: as many as a batch may need, so that success means room and not luck.
const PROBE: i64 = 256 * 1024;

/// How often a full channel to the fold is tried again.
const FOLD_PAUSE: Duration = Duration::from_millis(2);

/// How long a closing store waits for a fold that does not take what is committed. It loses nothing: the next start
/// reads it from the journal.
const FOLD_PATIENCE: Duration = Duration::from_secs(2);

/// Checkpoints kept: the newest, and one before it.
const CHECKPOINTS: i64 = 2;

/// Failed writes: what is wrong, and when to try again.
#[derive(Debug)]
struct Failing {
    error: StoreError,
    next: Instant,
    pause: Duration,
}

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) db: Connection,
    pub(super) path: PathBuf,
    queue: Arc<Queue>,
    stats: Arc<Mutex<Stats>>,
    /// `None` once the fold is gone.
    fold: Option<mpsc::Sender<Vec<Entry>>>,
    /// Committed, its tickets resolved, not yet taken by the fold. Nothing is committed meanwhile.
    behind: Option<Vec<Entry>>,
    last: EventSeq,
    pub(super) checkpoint: Option<EventSeq>,
    failing: Option<Failing>,
    pub(super) purging: Option<Purging>,
    limit: u64,
    /// Device and inode of the file when opened.
    identity: (u64, u64),
    /// Last: the directory is given free when everything else is over.
    _dir: DataDir,
}

impl Writer {
    pub(super) fn new(
        db: Connection,
        dir: DataDir,
        limit: u64,
        queue: Arc<Queue>,
        stats: Arc<Mutex<Stats>>,
        fold: mpsc::Sender<Vec<Entry>>,
    ) -> Result<Self, StoreError> {
        let path = dir.database();
        let cannot = |e: rusqlite::Error| StoreError::read(&path, &e);
        let last = last_seq(&db).map_err(cannot)?;
        let checkpoint = db
            .query_row("SELECT max(seq) FROM checkpoint", [], |row| row.get::<_, Option<i64>>(0))
            .optional()
            .map_err(cannot)?
            .flatten()
            .map(EventSeq);
        set_ceiling(&db, limit).map_err(cannot)?;
        let identity = identity(&path).map_err(|e| StoreError::io("read", &path, &e))?;
        stats.lock().unwrap_or_else(PoisonError::into_inner).last_seq = last;
        let mut writer = Self {
            db,
            path,
            queue,
            stats,
            fold: Some(fold),
            behind: None,
            last,
            checkpoint,
            failing: None,
            purging: None,
            limit,
            identity,
            _dir: dir,
        };
        writer.refresh();
        Ok(writer)
    }

    /// Until the queue is closed and everything in it is stored or failed.
    pub(super) fn run(mut self) {
        let mut closing = None;
        loop {
            self.hand_over_late();
            let (batch, job, over) = self.take();
            if let Some(job) = job {
                self.work(job);
            }
            if !batch.is_empty() {
                self.store(batch);
            }
            self.retry();
            self.purge_some();
            if over && self.behind.is_none() {
                break;
            }
            if self.queue.lanes().closed {
                let since = *closing.get_or_insert_with(Instant::now);
                if since.elapsed() > FOLD_PATIENCE {
                    self.behind = None;
                    self.fold = None;
                }
            }
        }
        // Both only shorten the next start; the WAL holds everything as it is.
        drop(self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
        drop(self.db.close());
    }

    /// What to do next; waits when there is nothing. The last value: closed, and nothing is left.
    fn take(&self) -> (Vec<Waiting>, Option<Job>, bool) {
        let wants_items = self.behind.is_none();
        let at_most = if !wants_items {
            Some(FOLD_PAUSE)
        } else if let Some(failing) = &self.failing {
            Some(failing.next.saturating_duration_since(Instant::now()))
        } else {
            self.purging.is_some().then_some(Duration::ZERO)
        };
        let ready = |lanes: &Lanes| {
            !lanes.jobs.is_empty() || (wants_items && (lanes.closed || !lanes.items.is_empty()))
        };
        let mut lanes = self.queue.wait(at_most, ready);
        let job = lanes.jobs.pop_front();
        let batch = if wants_items { take_batch(&mut lanes) } else { Vec::new() };
        let over = lanes.closed && lanes.items.is_empty() && lanes.jobs.is_empty();
        (batch, job, over)
    }

    fn store(&mut self, batch: Vec<Waiting>) {
        if let Some(failing) = &self.failing {
            let error = failing.error.clone();
            return batch.into_iter().for_each(|waiting| waiting.item.fail(error.clone()));
        }
        let batch = self.refuse_over_limit(batch);
        if batch.is_empty() {
            return self.refresh();
        }
        let started = Instant::now();
        let stored = self.in_place().and_then(|()| {
            insert(&mut self.db, &batch, self.last).map_err(|e| StoreError::write(&self.path, &e))
        });
        match stored {
            Ok(()) => {
                self.settle(batch, started.elapsed());
                self.refresh();
            }
            Err(error) => {
                self.fail(error.clone());
                batch.into_iter().for_each(|waiting| waiting.item.fail(error.clone()));
            }
        }
    }

    /// Above the limit no frame is taken; acts, commands and the checkpoint that lets old frames go still are.
    fn refuse_over_limit(&mut self, batch: Vec<Waiting>) -> Vec<Waiting> {
        if self.stats().bytes_used < self.limit {
            return batch;
        }
        let is_frame = |w: &Waiting| matches!(&w.item, Item::Entry(e, _) if matches!(e.body, Body::Frame(_)));
        let (frames, rest): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_frame);
        let error = self.limit_reached();
        frames.into_iter().for_each(|waiting| waiting.item.fail(error.clone()));
        rest
    }

    fn limit_reached(&self) -> StoreError {
        StoreError::LimitReached { path: self.path.clone(), limit: self.limit }
    }

    /// After the commit: to the fold first, so that whoever sees a ticket resolved knows the entry is on its way.
    fn settle(&mut self, batch: Vec<Waiting>, took: Duration) {
        let mut entries = Vec::with_capacity(batch.len());
        let mut told = Vec::with_capacity(batch.len());
        let mut audits = Vec::new();
        for waiting in batch {
            match waiting.item {
                Item::Entry(entry, done) => {
                    self.last.0 += 1;
                    let Prepared { at, body, .. } = *entry;
                    entries.push(Entry { seq: self.last, at, body });
                    told.push((done, self.last));
                }
                Item::Audit(_, done) => audits.push(done),
            }
        }
        self.hand_over(entries);
        let last = self.last;
        self.note(|stats| {
            stats.last_seq = last;
            stats.commit_ms = took.as_secs_f64() * 1000.0;
        });
        // A ticket nobody waits for any more is no error.
        told.into_iter().for_each(|(done, seq)| drop(done.send(Ok(seq))));
        audits.into_iter().for_each(|done| drop(done.send(Ok(()))));
    }

    fn hand_over(&mut self, entries: Vec<Entry>) {
        let Some(fold) = self.fold.as_ref().filter(|_| !entries.is_empty()) else { return };
        match fold.try_send(entries) {
            Ok(()) => {}
            Err(TrySendError::Full(entries)) => self.behind = Some(entries),
            Err(TrySendError::Closed(_)) => self.fold = None,
        }
    }

    fn hand_over_late(&mut self) {
        if let Some(entries) = self.behind.take() {
            self.hand_over(entries);
        }
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Checkpoint { upto, format, body, done } => {
                let outcome = self.store_checkpoint(upto, format, &body);
                self.refresh();
                drop(done.send(outcome));
            }
            Job::Purge { target, done } => self.begin_purge(target, done),
            #[cfg(test)]
            Job::MaxPages(pages) => {
                self.db.pragma_update(None, "max_page_count", pages).expect("a pragma of a test");
            }
        }
    }

    fn store_checkpoint(&mut self, upto: EventSeq, format: u32, body: &[u8]) -> Result<(), StoreError> {
        if upto > self.last {
            return Err(StoreError::BadCheckpoint { upto, why: "it is beyond the last entry" });
        }
        if self.checkpoint.is_some_and(|newest| upto < newest) {
            return Err(StoreError::BadCheckpoint { upto, why: "a newer one is stored" });
        }
        let now = millis(chrono::Utc::now());
        self.write(|db| {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            tx.execute(
                "INSERT OR REPLACE INTO checkpoint (seq, at, format, body) VALUES (?1, ?2, ?3, ?4)",
                params![upto.0, now, format, body],
            )?;
            tx.execute(
                "DELETE FROM checkpoint WHERE seq NOT IN (SELECT seq FROM checkpoint ORDER BY seq DESC LIMIT ?1)",
                [CHECKPOINTS],
            )?;
            tx.commit()
        })?;
        self.checkpoint = Some(upto);
        Ok(())
    }

    /// A write of the store's own; its failure is the store's failure.
    pub(super) fn write<T>(
        &mut self,
        act: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        if let Some(failing) = &self.failing {
            return Err(failing.error.clone());
        }
        let done =
            self.in_place().and_then(|()| act(&mut self.db).map_err(|e| StoreError::write(&self.path, &e)));
        if let Err(error) = &done {
            self.fail(error.clone());
        }
        done
    }

    fn fail(&mut self, error: StoreError) {
        let pause = self.failing.take().map_or(FIRST_PAUSE, |before| (before.pause * 2).min(LONGEST_PAUSE));
        self.note(|stats| stats.error = Some(error.to_string()));
        self.failing = Some(Failing { error, next: Instant::now() + pause, pause });
    }

    fn retry(&mut self) {
        if self.failing.as_ref().is_none_or(|failing| failing.next > Instant::now()) {
            return;
        }
        let tried =
            self.in_place().and_then(|()| probe(&mut self.db).map_err(|e| StoreError::write(&self.path, &e)));
        match tried {
            Ok(()) => {
                self.failing = None;
                self.refresh();
            }
            Err(error) => self.fail(error),
        }
    }

    /// A file removed or replaced under us would swallow what is written to it.
    fn in_place(&self) -> Result<(), StoreError> {
        match identity(&self.path) {
            Ok(now) if now == self.identity => Ok(()),
            _ => {
                let why = "the file was removed or replaced while in use; put it back or restart".to_owned();
                Err(StoreError::CannotWrite { path: self.path.clone(), why })
            }
        }
    }

    /// Measures and tells how full the database is, and whether it works.
    pub(super) fn refresh(&mut self) {
        let wal = wal_bytes(&self.path);
        let used = pages_used(&self.db).map(|bytes| bytes + wal);
        let error = self.failing.as_ref().map(|failing| failing.error.to_string());
        let full = used.as_ref().is_ok_and(|used| *used >= self.limit);
        let error = error.or_else(|| full.then(|| self.limit_reached().to_string()));
        self.note(|stats| {
            stats.wal_bytes = wal;
            // Unreadable for a moment: the figure of before stands.
            stats.bytes_used = used.unwrap_or(stats.bytes_used);
            stats.error = error;
        });
    }

    pub(super) fn stats(&self) -> Stats {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, change: impl FnOnce(&mut Stats)) {
        change(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn take_batch(lanes: &mut Lanes) -> Vec<Waiting> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while batch.len() < BATCH && bytes < BATCH_BYTES {
        let Some(waiting) = lanes.items.pop_front() else { break };
        bytes += waiting.item.bytes();
        batch.push(waiting);
    }
    batch
}

/// One transaction; `after` is the last place taken.
fn insert(db: &mut Connection, batch: &[Waiting], after: EventSeq) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut seq = after.0;
    let mut bases = HashMap::new();
    for waiting in batch {
        match &waiting.item {
            Item::Entry(entry, _) => {
                seq += 1;
                tx.prepare_cached(
                    "INSERT INTO journal (seq, at, kind, device, body, raw) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    seq,
                    millis(entry.at),
                    entry.kind(),
                    entry.device,
                    entry.json,
                    entry.raw()
                ])?;
                if let Some(row) = &entry.audit {
                    insert_audit(&tx, row, Some(seq))?;
                }
                bases.extend(entry.base());
            }
            Item::Audit(row, _) => insert_audit(&tx, row, row.seq.map(|seq| seq.0))?,
        }
    }
    // Once for each device of the batch: the last sentence is what its next delta builds on.
    for (device, base) in bases {
        tx.prepare_cached("INSERT OR REPLACE INTO delta_base (device, base) VALUES (?1, ?2)")?
            .execute(params![device, base])?;
    }
    tx.commit()
}

fn insert_audit(db: &Connection, row: &AuditRow, seq: Option<i64>) -> rusqlite::Result<()> {
    let sql = "INSERT INTO audit (at, who, uid, act, object, result, note, seq) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values = params![millis(row.at), row.who, row.uid, row.act, row.object, row.result, row.note, seq];
    db.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Writes as much as a batch may need, synced, and takes it away again.
fn probe(db: &mut Connection) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', zeroblob(?1))", [PROBE])?;
    tx.commit()?;
    db.execute("DELETE FROM meta WHERE key = 'probe'", []).map(|_| ())
}

/// The file itself stops at the limit and a reserve, so that acts and checkpoints have room when frames have none.
fn set_ceiling(db: &Connection, limit: u64) -> rusqlite::Result<()> {
    let page: u32 = db.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let ceiling = limit.saturating_add((limit / 16).max(32 << 20)) / u64::from(page.max(1));
    // The pragma answers with the value set; SQLite's own ceiling is the last one.
    db.query_row(&format!("PRAGMA max_page_count = {}", ceiling.min(0xFFFF_FFFE)), [], |_| Ok(()))
}

/// Bytes of the database in use; free pages are used again first.
fn pages_used(db: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT (page_count - freelist_count) * page_size \
               FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let bytes: i64 = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(u64::try_from(bytes).unwrap_or_default())
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    std::fs::metadata(path).map(|meta| (meta.dev(), meta.ino()))
}
