//! Pictures as files: `<data>/photos/<device>/<time>-<camera>.jpg`, written whole or not at all.

use crate::domain::{DeviceKey, Utc};
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The directory's name below the data directory.
const PHOTOS: &str = "photos";

/// Ends the names of files being written. What is found at a start was left by a crash.
const UNFINISHED: &str = ".new";

/// Pictures of one device, camera and millisecond that differ; one more is an error.
const SAME_NAME: u32 = 100;

/// A picture to be kept.
#[derive(Debug, Clone)]
pub struct Picture {
    pub device: DeviceKey,
    pub taken: Utc,
    pub camera: Option<u8>,
    pub bytes: Vec<u8>,
    /// An incomplete one is marked in its name.
    pub complete: bool,
}

/// A picture on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// Below the data directory.
    pub file: String,
    /// Hex.
    pub sha256: String,
}

/// The files of all pictures, within an allowance.
#[derive(Debug, Clone)]
pub struct Album {
    data: PathBuf,
    /// Bytes; beyond it the oldest pictures give way to a new one.
    keep: u64,
}

impl Album {
    #[must_use]
    pub fn new(data: &Path, keep: u64) -> Self {
        Self { data: data.to_owned(), keep }
    }

    /// Writes a picture, synced, readable by its owner alone. It never replaces another.
    ///
    /// # Errors
    /// If it cannot be written; then nothing of it is left.
    pub fn save(&self, picture: &Picture) -> io::Result<Saved> {
        let directory = Path::new(PHOTOS).join(directory_name(&picture.device));
        let place = self.data.join(&directory);
        DirBuilder::new().recursive(true).mode(0o700).create(&place)?;
        let name = (0..SAME_NAME)
            .map(|number| file_name(picture, number))
            .find(|name| !place.join(name).exists())
            .ok_or_else(|| io::Error::new(ErrorKind::AlreadyExists, "a hundred pictures of one moment"))?;
        let unfinished = place.join(format!("{name}{UNFINISHED}"));
        let written = write_synced(&unfinished, &picture.bytes)
            .and_then(|()| fs::rename(&unfinished, place.join(&name)))
            .and_then(|()| sync_up(&place, &self.data));
        if let Err(error) = written {
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        let file = directory.join(&name).to_string_lossy().into_owned();
        Ok(Saved { file, sha256: hex::encode(Sha256::digest(&picture.bytes)) })
    }

    /// Removes the oldest pictures until all take no more than the allowance, but never `newest`. The removed ones,
    /// below the data directory.
    ///
    /// # Errors
    /// If the directory cannot be read. A file that cannot be removed is left and not told.
    pub fn make_room(&self, newest: &str) -> io::Result<Vec<String>> {
        let mut files = self.files()?;
        let mut total: u64 = files.iter().map(|file| file.bytes).sum();
        files.sort_by(|a, b| a.order.cmp(&b.order));
        let mut removed = Vec::new();
        for file in files {
            if total <= self.keep {
                break;
            }
            if file.name != newest && fs::remove_file(self.data.join(&file.name)).is_ok() {
                total = total.saturating_sub(file.bytes);
                removed.push(file.name);
            }
        }
        Ok(removed)
    }

    /// Takes away what a crash left half written.
    ///
    /// # Errors
    /// If the directory is there and cannot be read.
    pub fn sweep(&self) -> io::Result<()> {
        for path in self.paths()? {
            if path.to_string_lossy().ends_with(UNFINISHED) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<Kept>> {
        let mut files = Vec::new();
        for path in self.paths()? {
            let name = path.strip_prefix(&self.data).unwrap_or(&path).to_string_lossy().into_owned();
            if name.ends_with(".jpg") {
                let meta = fs::metadata(&path)?;
                files.push(Kept { order: (meta.modified()?, name.clone()), bytes: meta.len(), name });
            }
        }
        Ok(files)
    }

    /// Every file of every device's directory. Links are not followed.
    fn paths(&self) -> io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        let entries = match fs::read_dir(self.data.join(PHOTOS)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(paths),
            entries => entries?,
        };
        for directory in entries {
            let directory = directory?;
            if directory.file_type()?.is_dir() {
                for file in fs::read_dir(directory.path())? {
                    let file = file?;
                    if file.file_type()?.is_file() {
                        paths.push(file.path());
                    }
                }
            }
        }
        Ok(paths)
    }
}

struct Kept {
    /// When it was written, then its name.
    order: (std::time::SystemTime, String),
    name: String,
    bytes: u64,
}

/// An ID of digits and letters as it is; anything else in hex: it never leads elsewhere.
fn directory_name(device: &DeviceKey) -> String {
    let plain = !device.id.is_empty()
        && device.id.len() <= 32
        && device.id.bytes().all(|b| b.is_ascii_alphanumeric());
    if plain { device.id.to_string() } else { format!("x{}", hex::encode(device.id.as_bytes())) }
}

fn file_name(picture: &Picture, number: u32) -> String {
    let time = picture.taken.format("%Y%m%dT%H%M%S%.3fZ");
    let camera = picture.camera.unwrap_or(0);
    let more = if number == 0 { String::new() } else { format!("-{number}") };
    let mark = if picture.complete { "" } else { ".incomplete" };
    format!("{time}-{camera}{more}{mark}.jpg")
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Syncs the directories from `place` up to `data`: the file's entry, and those of directories just made.
fn sync_up(place: &Path, data: &Path) -> io::Result<()> {
    for directory in place.ancestors().take_while(|directory| directory.starts_with(data)) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use std::os::unix::fs::PermissionsExt;

    fn picture(second: u32, bytes: &[u8]) -> Picture {
        Picture {
            device: DeviceKey::bofan("00001360000277"),
            taken: chrono::Utc.with_ymd_and_hms(2026, 11, 20, 10, 0, second).unwrap(),
            camera: Some(1),
            bytes: bytes.to_vec(),
            complete: true,
        }
    }

    #[test]
    fn a_picture_is_whole_private_and_replaces_none() {
        let dir = tempfile::tempdir().unwrap();
        let album = Album::new(dir.path(), 1000);
        let saved = album.save(&picture(1, b"abc")).unwrap();
        assert_eq!(saved.file, "photos/00001360000277/20261120T100001.000Z-1.jpg");
        assert_eq!(saved.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let meta = fs::metadata(dir.path().join(&saved.file)).unwrap();
        assert_eq!((meta.permissions().mode() & 0o777, meta.len()), (0o600, 3));
        let again = album.save(&picture(1, b"xyz")).unwrap();
        assert!(again.file.ends_with("-1-1.jpg"), "{}", again.file);
        assert_eq!(fs::read(dir.path().join(&saved.file)).unwrap(), b"abc");
        let part = album.save(&Picture { complete: false, camera: None, ..picture(2, b"a") }).unwrap();
        assert!(part.file.ends_with("20261120T100002.000Z-0.incomplete.jpg"), "{}", part.file);
    }

    #[test]
    fn the_oldest_give_way_but_never_the_newest() {
        let dir = tempfile::tempdir().unwrap();
        let album = Album::new(dir.path(), 250);
        let mut saved = Vec::new();
        for second in 0..4 {
            let file = album.save(&picture(second, &[0; 100])).unwrap().file;
            let written = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second.into());
            File::options().write(true).open(dir.path().join(&file)).unwrap().set_modified(written).unwrap();
            saved.push(file);
        }
        assert_eq!(album.make_room(&saved[0]).unwrap(), saved[1..3]);
        assert!(dir.path().join(&saved[0]).exists() && dir.path().join(&saved[3]).exists());
        assert!(album.make_room(&saved[3]).unwrap().is_empty());
        assert_eq!(Album::new(dir.path(), 0).make_room(&saved[3]).unwrap(), saved[..1]);
    }

    #[test]
    fn what_a_crash_left_is_swept_and_no_name_leads_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let album = Album::new(dir.path(), 250);
        album.sweep().unwrap();
        let file = album.save(&picture(1, b"abc")).unwrap().file;
        let half = dir.path().join(format!("{file}{UNFINISHED}"));
        fs::write(&half, b"a").unwrap();
        album.sweep().unwrap();
        assert!(!half.exists() && dir.path().join(&file).exists());
        for bad in ["../../etc", "", "a/b", "é"] {
            let name = directory_name(&DeviceKey::bofan(bad));
            assert!(name.bytes().all(|b| b.is_ascii_alphanumeric()), "{name}");
        }
    }
}
