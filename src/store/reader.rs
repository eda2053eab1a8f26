//! Reading the database: at start, for `list` without a node, for reports. Works beside a running node.

use super::row::{self, AuditRow};
use super::schema::{self, beside};
use super::{DATABASE, StoreError};
use crate::domain::journal::Entry;
use crate::domain::{DeviceKey, EventSeq, Utc};
use rusqlite::{Connection, OptionalExtension, params};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Rows [`Reader::frames_of`] looks at, counted from the end: without an index a silent device costs a scan.
const LOOKED_AT: i64 = 200_000;

/// A fold's whole state as of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Every entry up to and with this one is in `body`.
    pub upto: EventSeq,
    pub at: Utc,
    /// Version of `body`; whoever writes it counts it.
    pub format: u32,
    pub body: Vec<u8>,
}

/// A connection that cannot write. It never creates a database; where no node runs, SQLite leaves an empty `-wal` and a
/// `-shm` file beside it.
#[derive(Debug)]
pub struct Reader {
    db: Connection,
    path: PathBuf,
}

impl Reader {
    /// # Errors
    /// If `dir` holds no database, or one that is not ours, is damaged or newer.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_knowing(dir, schema::STEPS.len())
    }

    pub(super) fn open_knowing(dir: &Path, known: usize) -> Result<Self, StoreError> {
        let path = dir.join(DATABASE);
        if !path.exists() {
            return Err(StoreError::Missing { dir: dir.into() });
        }
        schema::check_header(&path, known)?;
        let db = schema::connect_read_only(&path, false)?;
        schema::check_version(&db, &path, known)?;
        Ok(Self { db, path })
    }

    /// Place of the newest entry, 0 if there is none.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn last_seq(&self) -> Result<EventSeq, StoreError> {
        last_seq(&self.db).map_err(|e| self.cannot(&e))
    }

    /// # Errors
    /// If the database cannot be read.
    pub fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        let sql = "SELECT seq, at, format, body FROM checkpoint ORDER BY seq DESC LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| {
            let upto = EventSeq(row.get(0)?);
            Ok(Checkpoint { upto, at: row::read_time(row, 1)?, format: row.get(2)?, body: row.get(3)? })
        };
        self.db.query_row(sql, [], read).optional().map_err(|e| self.cannot(&e))
    }

    /// Hands entries after `after` to `each` in order, `batch` at a time, until there are none or it breaks. No read
    /// transaction stays open between batches, so a long rebuild never keeps the WAL from being reused. Returns the
    /// place of the last entry handed over, or `after`.
    ///
    /// # Errors
    /// If the database, or a row of it, cannot be read: a row is never skipped silently.
    pub fn entries_after(
        &self,
        after: EventSeq,
        batch: usize,
        mut each: impl FnMut(Vec<Entry>) -> ControlFlow<()>,
    ) -> Result<EventSeq, StoreError> {
        let sql = "SELECT seq, at, body, raw FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let mut last = after;
        loop {
            let entries: Vec<Entry> =
                self.rows(sql, params![last.0, batch.max(1) as i64], row::read_entry)?;
            let Some(newest) = entries.last() else { return Ok(last) };
            last = newest.seq;
            if each(entries).is_break() {
                return Ok(last);
            }
        }
    }

    /// The sentences the next deltas of trackers build on; at most one for each device that ever was enrolled.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn delta_bases(&self) -> Result<Vec<(DeviceKey, Vec<u8>)>, StoreError> {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?));
        let rows = self.rows("SELECT device, base FROM delta_base", [], read)?;
        // A key nobody could have written is no reason not to start: its device's next sentence is a base again.
        Ok(rows.into_iter().filter_map(|(device, base)| Some((device.parse().ok()?, base))).collect())
    }

    /// The newest `limit` audit rows, oldest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn audit_rows(&self, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        let sql = "SELECT at, who, uid, act, object, result, note, seq FROM audit ORDER BY id DESC LIMIT ?1";
        self.newest_last(sql, params![limit as i64], row::read_audit)
    }

    /// The newest `limit` frames that a device sent, oldest first, from the last 200,000 entries.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn frames_of(&self, device: &DeviceKey, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let sql = "SELECT seq, at, body, raw FROM journal WHERE seq > ?1 AND kind = ?2 AND device = ?3 \
                   ORDER BY seq DESC LIMIT ?4";
        let floor = self.last_seq()?.0.saturating_sub(LOOKED_AT);
        let params = params![floor, row::FRAME, device.to_string(), limit as i64];
        self.newest_last(sql, params, row::read_entry)
    }

    /// Checks the whole file's structure. Takes seconds for each GB.
    ///
    /// # Errors
    /// The first thing wrong.
    pub fn check(&self) -> Result<(), StoreError> {
        schema::quick_check(&self.db, &self.path)
    }

    fn newest_last<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = self.rows(sql, params, read)?;
        rows.reverse();
        Ok(rows)
    }

    fn rows<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let all = || -> rusqlite::Result<Vec<T>> {
            self.db.prepare_cached(sql)?.query_map(params, read)?.collect()
        };
        all().map_err(|e| self.cannot(&e))
    }

    fn cannot(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::read(&self.path, error)
    }
}

/// The newest place ever used: that of the newest checkpoint when the frames before it were removed.
pub(super) fn last_seq(db: &Connection) -> rusqlite::Result<EventSeq> {
    let sql =
        "SELECT max(ifnull((SELECT max(seq) FROM journal), 0), ifnull((SELECT max(seq) FROM checkpoint), 0))";
    db.query_row(sql, [], |row| row.get(0)).map(EventSeq)
}

/// Bytes of the WAL file, 0 if there is none.
pub(super) fn wal_bytes(database: &Path) -> u64 {
    std::fs::metadata(beside(database, "-wal")).map_or(0, |meta| meta.len())
}
