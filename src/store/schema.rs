//! Opening, creating and upgrading the database file.

use super::StoreError;
use super::dir::{DataDir, UNFINISHED};
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Upgrade steps, oldest first. The count is the schema version. Released steps never change.
pub(super) const STEPS: &[&str] =
    &[include_str!("schema/0001_first.sql"), include_str!("schema/0002_delta_bases.sql")];

/// `application_id` of our databases, see the first step.
const APPLICATION: u32 = 0x4C4B_5944;

/// How long a statement waits for another process's lock before the batch fails. An entry waits at most for one batch
/// and one retry, so it is answered, one way or the other, well within 5 s.
pub(super) const BUSY: Duration = Duration::from_millis(500);

/// A file up to this size is checked as a whole at start; a larger one would keep devices waiting, its check is
/// [`super::Reader::check`].
const CHECKED_AT_START: u64 = 64 << 20;

/// Pages in the WAL before they are moved to the database: 8 MiB. Larger makes a commit that does it slower.
const AUTOCHECKPOINT: u32 = 2000;

/// Bytes the WAL file is cut back to once its pages are moved.
const WAL_KEPT: u32 = 8 << 20;

/// Opens the database for writing, creating or upgrading it. The second value says whether it was created.
pub(super) fn open(dir: &DataDir, steps: &[&str]) -> Result<(Connection, bool), StoreError> {
    let path = dir.database();
    let created = !path.exists();
    if created {
        create(dir, steps)?;
    } else {
        examine(&path, steps)?;
    }
    let mut db = connect(&path)?;
    upgrade(&mut db, &path, steps)?;
    Ok((db, created))
}

/// Refuses what cannot be ours from the first bytes, without creating or changing anything.
pub(super) fn check_header(path: &Path, known: usize) -> Result<(), StoreError> {
    let mut header = Vec::with_capacity(100);
    let read = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NONBLOCK) // a pipe of that name must not hold us
        .open(path)
        .and_then(|file| file.take(100).read_to_end(&mut header));
    read.map_err(|e| StoreError::io("open the database", path, &e))?;
    let number =
        |at: usize| header.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes);
    if header.len() < 100 {
        return Err(StoreError::damaged(path, format!("it has only {} bytes", header.len())));
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(StoreError::damaged(path, "its header is damaged"));
    }
    if number(68) != APPLICATION {
        return Err(StoreError::damaged(path, "it belongs to another program"));
    }
    refuse_newer(path, number(60), known)
}

fn refuse_newer(path: &Path, found: u32, known: usize) -> Result<(), StoreError> {
    let known = u32::try_from(known).unwrap_or(u32::MAX);
    if found > known { Err(StoreError::Newer { path: path.into(), found, known }) } else { Ok(()) }
}

/// Reads version and health through a connection that cannot write.
fn examine(path: &Path, steps: &[&str]) -> Result<(), StoreError> {
    let wal = beside(path, "-wal");
    let at_rest = fs::metadata(&wal).map_or(true, |meta| meta.len() == 0);
    let db = connect_read_only(path, at_rest)?;
    let damaged = |e: rusqlite::Error| StoreError::damaged(path, e.to_string());
    check_version(&db, path, steps.len())?;
    let size = fs::metadata(path).map_or(0, |meta| meta.len());
    if size <= CHECKED_AT_START {
        quick_check(&db, path)?;
    }
    db.query_row("SELECT max(seq) FROM journal", [], |row| row.get::<_, Option<i64>>(0)).map_err(damaged)?;
    Ok(())
}

/// The header's version may be older than the database's: an upgrade can still be in the WAL.
pub(super) fn check_version(db: &Connection, path: &Path, known: usize) -> Result<(), StoreError> {
    let version = db.pragma_query_value(None, "user_version", |row| row.get(0));
    match version.map_err(|e| StoreError::damaged(path, e.to_string()))? {
        0 => Err(StoreError::damaged(path, "it has no schema")),
        version => refuse_newer(path, version, known),
    }
}

/// The first thing wrong with the structure of the file, as an error.
pub(super) fn quick_check(db: &Connection, path: &Path) -> Result<(), StoreError> {
    match db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)) {
        Ok(word) if word == "ok" => Ok(()),
        Ok(what) => Err(StoreError::damaged(path, what.replace('\n', " "))),
        Err(error) => Err(StoreError::damaged(path, error.to_string())),
    }
}

/// Makes the database under another name and renames it when it is whole and synced.
fn create(dir: &DataDir, steps: &[&str]) -> Result<(), StoreError> {
    let unfinished = dir.path.join(UNFINISHED);
    for leftover in [unfinished.clone(), beside(&unfinished, "-journal"), beside(&unfinished, "-wal")] {
        match fs::remove_file(&leftover) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(StoreError::io("remove", &leftover, &e)),
            _ => {}
        }
    }
    let cannot = |e: std::io::Error| StoreError::io("create the database in", &dir.path, &e);
    let made = File::options().write(true).create_new(true).mode(0o600).open(&unfinished).map_err(cannot)?;
    let mut db = Connection::open(&unfinished).map_err(|e| StoreError::write(&unfinished, &e))?;
    migrations(steps).to_latest(&mut db).map_err(|e| failed_step(&unfinished, &e))?;
    db.close().map_err(|(_, e)| StoreError::write(&unfinished, &e))?;
    made.sync_all().map_err(cannot)?;
    fs::rename(&unfinished, dir.database()).map_err(cannot)?;
    sync_dir(&dir.path)
}

/// The one connection that writes.
fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(BUSY)?;
        db.pragma_update(None, "journal_mode", "wal")?;
        db.pragma_update(None, "synchronous", "full")?;
        db.pragma_update(None, "wal_autocheckpoint", AUTOCHECKPOINT)?;
        db.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
        db.pragma_update(None, "cache_size", -16 * 1024)?; // KiB; the log is written at its end only
        db.pragma_update(None, "foreign_keys", true)?;
        Ok(db)
    };
    open().map_err(|e| StoreError::write(path, &e))
}

/// A connection that cannot write. `at_rest`: nobody writes meanwhile and no WAL is left, so the file alone is the
/// database and nothing needs to be created beside it.
pub(super) fn connect_read_only(path: &Path, at_rest: bool) -> Result<Connection, StoreError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let open = || -> rusqlite::Result<Connection> {
        let db = Connection::open_with_flags(uri(path, at_rest), flags)?;
        db.busy_timeout(BUSY)?;
        Ok(db)
    };
    open().map_err(|e| StoreError::read(path, &e))
}

fn uri(path: &Path, immutable: bool) -> String {
    use std::fmt::Write;
    use std::os::unix::ffi::OsStrExt;
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            write!(uri, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    uri + if immutable { "?immutable=1" } else { "" }
}

fn upgrade(db: &mut Connection, path: &Path, steps: &[&str]) -> Result<(), StoreError> {
    let version: u32 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|e| StoreError::write(path, &e))?;
    if version as usize >= steps.len() {
        return Ok(());
    }
    copy_before(db, path, steps.len())?;
    migrations(steps).to_latest(db).map_err(|e| failed_step(path, &e))
}

/// Keeps the file as it was: `lockyard.db.before-vN`, synced before the first step runs.
fn copy_before(db: &Connection, path: &Path, to: usize) -> Result<(), StoreError> {
    let busy: i64 = db
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map_err(|e| StoreError::write(path, &e))?;
    if busy != 0 {
        let why = "another process reads it; the upgrade needs it alone".to_owned();
        return Err(StoreError::CannotWrite { path: path.into(), why });
    }
    let kept = beside(path, &format!(".before-v{to}"));
    let unfinished = beside(&kept, ".new");
    let cannot = |e: std::io::Error| StoreError::io("copy the database before its upgrade to", &kept, &e);
    fs::copy(path, &unfinished).map_err(cannot)?;
    File::open(&unfinished).and_then(|file| file.sync_all()).map_err(cannot)?;
    fs::rename(&unfinished, &kept).map_err(cannot)?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))
}

fn migrations<'a>(steps: &[&'a str]) -> Migrations<'a> {
    Migrations::new(steps.iter().map(|sql| M::up(sql)).collect())
}

fn failed_step(path: &Path, error: &rusqlite_migration::Error) -> StoreError {
    StoreError::CannotWrite { path: path.into(), why: format!("a schema step failed ({error})") }
}

fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|file| file.sync_all()).map_err(|e| StoreError::io("sync", dir, &e))
}

/// The path with `suffix` after its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
