//! Removing the oldest frames to stay below the allowance, a little between commits.

use super::StoreError;
use super::queue::Done;
use super::row::FRAME;
use super::writer::Writer;
use crate::domain::EventSeq;
use rusqlite::{Connection, TransactionBehavior, params};
use std::time::Duration;

/// Frames removed in one transaction: entries that wait meanwhile wait a few milliseconds.
const CHUNK: i64 = 500;

/// What a purge removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    pub frames: u64,
    /// No frame below this place is left. Acts, commands and notes are.
    pub before: EventSeq,
    /// Bytes in use afterwards; above the target when no more frames lie below the newest checkpoint.
    pub bytes_used: u64,
}

/// A purge under way.
#[derive(Debug)]
pub(super) struct Purging {
    target: u64,
    frames: u64,
    /// The last place looked at.
    upto: EventSeq,
    done: Done<Purged>,
}

impl Writer {
    pub(super) fn begin_purge(&mut self, target: u64, done: Done<Purged>) {
        if self.checkpoint.is_none() {
            return drop(done.send(Err(StoreError::NoCheckpoint)));
        }
        if let Some(other) = self.purging.take() {
            // One at a time: the newer target counts, the older caller learns what was removed for it.
            self.finish(other);
        }
        self.empty_wal();
        self.purging = Some(Purging { target, frames: 0, upto: EventSeq(0), done });
    }

    /// One chunk, if a purge is under way.
    pub(super) fn purge_some(&mut self) {
        let Some(mut purge) = self.purging.take() else { return };
        let Some(checkpoint) = self.checkpoint.filter(|_| self.stats().bytes_used > purge.target) else {
            return self.finish(purge);
        };
        match self.write(|db| remove(db, purge.upto, checkpoint)) {
            Ok(None) => self.finish(purge),
            Ok(Some((upto, frames))) => {
                purge.upto = upto;
                purge.frames += frames;
                self.purging = Some(purge);
                self.refresh();
            }
            Err(error) => drop(purge.done.send(Err(error))),
        }
    }

    fn finish(&mut self, purge: Purging) {
        self.empty_wal();
        self.refresh();
        let before = EventSeq(purge.upto.0 + 1);
        let purged = Purged { frames: purge.frames, before, bytes_used: self.stats().bytes_used };
        drop(purge.done.send(Ok(purged)));
    }

    /// The WAL counts as used; without a reader it can be cut to nothing. Never waits for one.
    fn empty_wal(&self) {
        drop(self.db.busy_timeout(Duration::ZERO));
        drop(self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
        drop(self.db.busy_timeout(super::schema::BUSY));
    }
}

/// Removes up to [`CHUNK`] frames after `after`, none beyond `upto`. Returns the last place and how many.
fn remove(db: &mut Connection, after: EventSeq, upto: EventSeq) -> rusqlite::Result<Option<(EventSeq, u64)>> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "SELECT max(seq) FROM (SELECT seq FROM journal WHERE seq > ?1 AND seq <= ?2 AND kind = ?3 \
               ORDER BY seq LIMIT ?4)";
    let last: Option<i64> =
        tx.prepare_cached(sql)?.query_row(params![after.0, upto.0, FRAME, CHUNK], |row| row.get(0))?;
    let Some(last) = last else { return Ok(None) };
    let frames = tx
        .prepare_cached("DELETE FROM journal WHERE seq > ?1 AND seq <= ?2 AND kind = ?3")?
        .execute(params![after.0, last, FRAME])?;
    tx.commit()?;
    Ok(Some((EventSeq(last), frames as u64)))
}
