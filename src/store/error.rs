//! What can go wrong with the store, one sentence each: the thing, and the remedy.

use crate::domain::EventSeq;
use std::path::{Path, PathBuf};

/// Errors of opening, writing and reading. `Clone`, because every entry of a failed batch gets its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error(
        "the data directory {dir} is in use by another node{}; stop that one or choose another --data",
        .pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
    )]
    InUse { dir: PathBuf, pid: Option<u32> },
    #[error(
        "{dir} holds no {db} but holds '{found}': a database is created only in an empty directory; choose another \
         --data, or put {db} back from a backup", db = super::DATABASE
    )]
    Foreign { dir: PathBuf, found: String },
    #[error("{path} is not a usable database: {why}; put it back from a backup, nothing was changed")]
    Damaged { path: PathBuf, why: String },
    #[error(
        "{path} was written by a newer lockyard (schema {found}, this one knows up to {known}); install that version \
         again, nothing was changed"
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("{dir} holds no database; start a node on it first, or choose another --data")]
    Missing { dir: PathBuf },
    #[error("cannot {what} {path}: {why}")]
    Io { what: &'static str, path: PathBuf, why: String },
    /// While running: not stored, must not be acknowledged. The store keeps trying by itself.
    #[error("cannot write {path}: {why}; nothing is acknowledged until it works again, retrying")]
    CannotWrite { path: PathBuf, why: String },
    /// Frames only; acts, commands and checkpoints still pass.
    #[error(
        "{path} has reached its limit of {limit} bytes; no frame is stored or acknowledged until old ones are removed \
         or [store] limit is raised"
    )]
    LimitReached { path: PathBuf, limit: u64 },
    #[error("an entry cannot be read back as written and was not stored: {why}")]
    Unreadable { why: String },
    #[error("nothing can be removed: no checkpoint of the state is stored yet")]
    NoCheckpoint,
    #[error("a checkpoint up to entry {upto} was refused: {why}")]
    BadCheckpoint { upto: EventSeq, why: &'static str },
    #[error("cannot read {path}: {why}")]
    CannotRead { path: PathBuf, why: String },
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(super) fn io(what: &'static str, path: &Path, why: &std::io::Error) -> Self {
        Self::Io { what, path: path.into(), why: why.to_string() }
    }

    pub(super) fn damaged(path: &Path, why: impl Into<String>) -> Self {
        Self::Damaged { path: path.into(), why: why.into() }
    }

    pub(super) fn write(path: &Path, error: &rusqlite::Error) -> Self {
        Self::CannotWrite { path: path.into(), why: reason(error) }
    }

    pub(super) fn read(path: &Path, error: &rusqlite::Error) -> Self {
        Self::CannotRead { path: path.into(), why: reason(error) }
    }
}

/// The store no longer takes entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store is closed")]
pub struct Closed;

/// Why an entry was not taken at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the store's queue is full")]
    Full,
    #[error("the store is closed")]
    Closed,
}

/// SQLite's failure in an operator's words.
fn reason(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode;
    let words = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk, or the room allowed to the database, is full",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another process holds the database",
        Some(ErrorCode::ReadOnly) => "the file or its disk is read-only",
        Some(ErrorCode::PermissionDenied) => "permission denied",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "the file is damaged",
        Some(ErrorCode::CannotOpen) => "it cannot be opened",
        Some(ErrorCode::SystemIoFailure) => return format!("the disk reports an error ({error})"),
        _ => return error.to_string(),
    };
    words.to_owned()
}
