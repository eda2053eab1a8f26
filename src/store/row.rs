//! Entries and audit rows as the database holds them.

use super::StoreError;
use crate::domain::journal::{Body, Entry};
use crate::domain::{EventSeq, Utc};
use chrono::DateTime;

/// An entry to be stored.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// Our clock; kept to the millisecond.
    pub at: Utc,
    pub body: Body,
    /// Committed together with the entry, or not at all.
    pub audit: Option<AuditRow>,
}

impl NewEntry {
    #[must_use]
    pub fn new(at: Utc, body: Body) -> Self {
        Self { at, body, audit: None }
    }
}

/// Who did or tried what. Secrets never enter one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    pub at: Utc,
    /// Operator, `config` or `system`.
    pub who: String,
    /// Operating-system user as the socket told it.
    pub uid: Option<u32>,
    pub act: String,
    /// What it was done to.
    pub object: String,
    pub result: String,
    pub note: String,
    /// The journal entry it belongs to; filled in when stored.
    pub seq: Option<EventSeq>,
}

/// An entry made ready by its sender, so that the one writer does no more than insert.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) at: Utc,
    pub(super) json: String,
    pub(super) device: Option<String>,
    pub(super) body: Body,
    pub(super) audit: Option<AuditRow>,
}

impl Prepared {
    /// Fails for an entry that would not read back: one NaN in a frame must not stop the next start.
    pub(super) fn new(entry: NewEntry) -> Result<Self, StoreError> {
        let NewEntry { at, body, audit } = entry;
        let unreadable = |e: serde_json::Error| StoreError::Unreadable { why: e.to_string() };
        let json = serde_json::to_string(&body).map_err(unreadable)?;
        // The only way to write what cannot be read is a number that JSON has no word for: it becomes `null`.
        if json.contains("null") {
            serde_json::from_str::<Body>(&json).map_err(unreadable)?;
        }
        let device = match &body {
            Body::Frame(frame) => Some(frame.device.to_string()),
            _ => None,
        };
        Ok(Self { at: to_the_millisecond(at), json, device, body, audit })
    }

    pub(super) fn kind(&self) -> &'static str {
        match self.body {
            Body::Frame(_) => FRAME,
            Body::Registry(_) => "registry",
            Body::Alarm(_) => "alarm",
            Body::Identity(_) => "identity",
            Body::Command(_) => "command",
            Body::Order(_) => "order",
            Body::Photo(_) => "photo",
            Body::Node(_) => "node",
        }
    }

    pub(super) fn raw(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Frame(frame) => Some(&frame.raw),
            _ => None,
        }
    }

    /// Device and sentence of a frame that deltas build on.
    pub(super) fn base(&self) -> Option<(&str, &[u8])> {
        match &self.body {
            Body::Frame(frame) => self.device.as_deref().zip(frame.base.as_deref()),
            _ => None,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.json.len() + self.raw().map_or(0, <[u8]>::len)
    }
}

/// `kind` of frames: the only rows that are ever removed.
pub(super) const FRAME: &str = "frame";

pub(super) fn millis(at: Utc) -> i64 {
    at.timestamp_millis()
}

/// What is handed to the fold now must be what a restart will read.
fn to_the_millisecond(at: Utc) -> Utc {
    DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at)
}

/// Reads columns `seq, at, body, raw`.
pub(super) fn read_entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    let mut body: Body = serde_json::from_str(row.get_ref(2)?.as_str()?).map_err(|e| conversion(2, e))?;
    if let Body::Frame(frame) = &mut body {
        frame.raw = row.get::<_, Option<Vec<u8>>>(3)?.unwrap_or_default();
    }
    Ok(Entry { seq: EventSeq(row.get(0)?), at: read_time(row, 1)?, body })
}

/// Reads columns `at, who, uid, act, object, result, note, seq`.
pub(super) fn read_audit(row: &rusqlite::Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        at: read_time(row, 0)?,
        who: row.get(1)?,
        uid: row.get(2)?,
        act: row.get(3)?,
        object: row.get(4)?,
        result: row.get(5)?,
        note: row.get(6)?,
        seq: row.get::<_, Option<i64>>(7)?.map(EventSeq),
    })
}

pub(super) fn read_time(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Utc> {
    let at: i64 = row.get(column)?;
    DateTime::from_timestamp_millis(at).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, at))
}

fn conversion(column: usize, error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}
