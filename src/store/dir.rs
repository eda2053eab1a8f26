//! The data directory: who may use it, and whether a database may be created in it.

use super::StoreError;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The database's name in the data directory.
pub const DATABASE: &str = "lockyard.db";
/// Holds the `flock` and, for people, the process id of its holder.
pub const LOCK: &str = "lockyard.lock";
/// A database in the making. It gets its name only when it is whole, so a torn one is never taken for one.
pub(super) const UNFINISHED: &str = "lockyard.db.new";

/// What may lie in a directory in which a database is created. Anything else means: this is somebody's directory, or
/// one whose database is gone, and creating an empty one there would hide the loss.
const ALLOWED_BEFORE: [&str; 8] = [
    LOCK,
    UNFINISHED,
    "secrets.toml",
    "config.toml",
    "keys.toml",
    "themes",
    "lockyard.sock",
    "lost+found", // an own disk, freshly made
];

/// A data directory that is ours alone until dropped.
#[derive(Debug)]
pub(super) struct DataDir {
    pub(super) path: PathBuf,
    _lock: File,
}

impl DataDir {
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

/// Makes the directory if absent (0700), refuses a foreign one before anything is created in it, and takes the lock.
/// `known` is the newest schema version understood.
pub(super) fn claim(path: &Path, known: usize) -> Result<DataDir, StoreError> {
    match fs::symlink_metadata(path).and_then(|_| fs::metadata(path)) {
        Ok(meta) if !meta.is_dir() => {
            let why = std::io::Error::from(ErrorKind::NotADirectory);
            return Err(StoreError::io("use as data directory", path, &why));
        }
        Ok(_) => refuse_foreign(path, known)?,
        Err(error) if error.kind() == ErrorKind::NotFound => DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|e| StoreError::io("create the data directory", path, &e))?,
        Err(error) => return Err(StoreError::io("use the data directory", path, &error)),
    }
    let lock = lock(path)?;
    narrow(path)?;
    // Somebody may have been faster between the look and the lock.
    refuse_foreign(path, known)?;
    Ok(DataDir { path: path.into(), _lock: lock })
}

fn refuse_foreign(dir: &Path, known: usize) -> Result<(), StoreError> {
    let database = dir.join(DATABASE);
    if fs::symlink_metadata(&database).is_ok() {
        return super::schema::check_header(&database, known);
    }
    let cannot = |e: std::io::Error| StoreError::io("read the data directory", dir, &e);
    for name in fs::read_dir(dir).map_err(cannot)? {
        let name = name.map_err(cannot)?.file_name();
        if !ALLOWED_BEFORE.iter().any(|allowed| name == *allowed) {
            let found = crate::domain::text::clean(&name.to_string_lossy());
            return Err(StoreError::Foreign { dir: dir.into(), found });
        }
    }
    Ok(())
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK);
    let cannot = |e: &std::io::Error| StoreError::io("lock", &path, e);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|e| cannot(&e))?;
    match file.try_lock() {
        Ok(()) => {
            let written = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| writeln!(file, "{}", std::process::id()));
            // The number is for people; on a full disk the lock holds without it.
            drop(written);
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            drop((&file).take(32).read_to_string(&mut text));
            Err(StoreError::InUse { dir: dir.into(), pid: text.trim().parse().ok() })
        }
        Err(TryLockError::Error(error)) => Err(cannot(&error)),
    }
}

/// Takes the rights of other users away; those of the group stay with whoever set them (`[socket] group`). A
/// directory that gets its first database is ours alone.
fn narrow(dir: &Path) -> Result<(), StoreError> {
    let cannot = |e: std::io::Error| StoreError::io("set the rights of", dir, &e);
    let mode = fs::metadata(dir).map_err(cannot)?.permissions().mode() & 0o777;
    let keep = if dir.join(DATABASE).exists() { 0o770 } else { 0o700 };
    if mode & !keep == 0 {
        return Ok(());
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(mode & keep)).map_err(cannot)
}
