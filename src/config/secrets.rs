//! Unlock passwords from `<data>/secrets.toml`:
//!
//! ```toml
//! [device."8000620011"]           # or "jointech/8000620011"
//! password = "…"
//! ```
//!
//! No error says more of the file than a line number: what is mistyped may be the password.

use super::error::place;
use crate::domain::{DeviceKey, Secret};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Name of the file in the data directory.
const NAME: &str = "secrets.toml";

/// Longest file read.
const LONGEST: u64 = 1 << 20;

/// Longest password; the vendor's have six characters.
const LONGEST_PASSWORD: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    #[error("cannot read the secrets {path}: {why}")]
    Unreadable { path: PathBuf, why: String },
    #[error("the secrets {path} are a link: put the file itself there")]
    Link { path: PathBuf },
    #[error("the secrets {path} are not a plain file")]
    NotAFile { path: PathBuf },
    #[error("the secrets {path} belong to user {owner}: they must belong to the user of the node ({us})")]
    Owner { path: PathBuf, owner: u32, us: u32 },
    #[error(
        "the secrets {path} can be read or changed by others (mode {mode:04o}): run chmod 600 on the file"
    )]
    Mode { path: PathBuf, mode: u32 },
    #[error(
        "{path}, line {line}: not understood; a lock is written as [device.\"ID\"] with password = \"…\" below, \
         nothing else"
    )]
    Syntax { path: PathBuf, line: usize },
    #[error("{path}: the ID of lock {number} is neither an ID nor maker/ID")]
    Device { path: PathBuf, number: usize },
    #[error("{path}: the password of {device} cannot be sent: 1 to 16 ASCII letters and digits")]
    Password { path: PathBuf, device: String },
}

/// Unlock passwords by device. Its `Debug` shows who has one, never which.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// By `maker/ID` or bare ID, as written.
    passwords: HashMap<String, Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    device: BTreeMap<String, toml::Spanned<Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    password: String,
}

impl Secrets {
    /// Reads the secrets of a data directory. None there is fine.
    ///
    /// # Errors
    /// If the file is not ours alone (owner, mode 0600, no link) or is not understood.
    pub fn load(data: &Path) -> Result<Self, SecretsError> {
        let path = data.join(NAME);
        match open(&path)? {
            Some(file) => parse(&path, &read(&path, file)?),
            None => Ok(Self::default()),
        }
    }

    /// How many locks have one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.passwords.len()
    }

    /// The password of a lock: that of `maker/ID`, else that of the bare ID.
    #[must_use]
    pub fn password(&self, device: &DeviceKey) -> Option<&Secret> {
        self.passwords.get(&device.to_string()).or_else(|| self.passwords.get(&*device.id))
    }
}

/// Opens without following a link or waiting on a pipe; checks what was opened, not what lies there later.
fn open(path: &Path) -> Result<Option<File>, SecretsError> {
    let (owned, flags) = (|| path.to_path_buf(), nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK);
    let unreadable = |e: std::io::Error| SecretsError::Unreadable { path: owned(), why: e.to_string() };
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(_) if path.is_symlink() => return Err(SecretsError::Link { path: owned() }),
        Err(e) => return Err(unreadable(e)),
    };
    let meta = file.metadata().map_err(unreadable)?;
    if !meta.is_file() {
        return Err(SecretsError::NotAFile { path: owned() });
    }
    let (owner, us) = (meta.uid(), nix::unistd::geteuid().as_raw());
    if owner != us {
        return Err(SecretsError::Owner { path: owned(), owner, us });
    }
    match meta.mode() & 0o7777 {
        mode if mode & 0o077 != 0 => Err(SecretsError::Mode { path: owned(), mode }),
        _ => Ok(Some(file)),
    }
}

fn read(path: &Path, file: File) -> Result<String, SecretsError> {
    let unreadable = |why: String| SecretsError::Unreadable { path: path.into(), why };
    let mut text = String::new();
    let bytes = file.take(LONGEST + 1).read_to_string(&mut text).map_err(|e| unreadable(e.to_string()))?;
    if bytes as u64 > LONGEST {
        return Err(unreadable("it is longer than 1 MiB".into()));
    }
    Ok(text)
}

fn parse(path: &Path, text: &str) -> Result<Secrets, SecretsError> {
    // The parser's message quotes the file; only the line number leaves this function.
    let syntax = |start: usize| SecretsError::Syntax { path: path.into(), line: place(text, start).0 };
    let document: Document =
        toml::from_str(text).map_err(|e| syntax(e.span().map_or(0, |span| span.start)))?;
    let mut passwords = HashMap::new();
    for (number, (id, table)) in (1..).zip(document.device) {
        let bad_id = || SecretsError::Device { path: path.into(), number };
        let name = name(&id).ok_or_else(bad_id)?;
        let start = table.span().start;
        let table = table.into_inner();
        let sendable = table.password.bytes().all(|b| b.is_ascii_alphanumeric());
        if !sendable || !(1..=LONGEST_PASSWORD).contains(&table.password.len()) {
            return Err(SecretsError::Password { path: path.into(), device: name });
        }
        if passwords.insert(name, Secret::new(table.password)).is_some() {
            return Err(syntax(start));
        }
    }
    Ok(Secrets { passwords })
}

/// The name a lock is kept under, sub-device IDs in the upper case of the wire; `None` if it cannot be one.
fn name(id: &str) -> Option<String> {
    match id.split_once('/') {
        Some((maker, id)) => {
            let key: DeviceKey = format!("{maker}/{}", id.to_ascii_uppercase()).parse().ok()?;
            Some(key.to_string())
        }
        // Any maker does to check the ID's characters.
        None => {
            Some(format!("jointech/{}", id.to_ascii_uppercase()).parse::<DeviceKey>().ok()?.id.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const GOOD: &str = "[device.\"8000620011\"]\npassword = \"135790\"\n\n\
                        [device.\"bofan/0000001\"]\npassword = \"zz9plural\"\n";

    fn directory(text: &str, mode: u32) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        dir
    }

    fn refused(text: &str) -> String {
        let dir = directory(text, 0o600);
        let error = Secrets::load(dir.path()).unwrap_err();
        let (shown, debug) = (error.to_string(), format!("{error:?}"));
        for secret in ["135790", "passwort", "geheim"] {
            assert!(!shown.contains(secret) && !debug.contains(secret), "{shown} / {debug}");
        }
        shown.replace(dir.path().to_str().unwrap(), "D")
    }

    #[test]
    fn passwords_are_found_by_bare_and_by_full_id() {
        let dir = directory(GOOD, 0o600);
        let secrets = Secrets::load(dir.path()).unwrap();
        let password = |key: DeviceKey| secrets.password(&key).map(Secret::reveal);
        assert_eq!(password(DeviceKey::jointech("8000620011")), Some("135790"));
        assert_eq!(password(DeviceKey::bofan("0000001")), Some("zz9plural"));
        assert_eq!(password(DeviceKey::jointech("0000001")), None, "another maker's lock");
        let debug = format!("{secrets:?}");
        assert!(debug.contains("8000620011") && !debug.contains("135790"), "{debug}");
        let both = "[device.\"jointech/1\"]\npassword = \"full\"\n[device.1]\npassword = \"bare\"";
        let secrets = Secrets::load(directory(both, 0o400).path()).unwrap();
        assert_eq!(secrets.password(&DeviceKey::jointech("1")).unwrap().reveal(), "full");
        assert_eq!(secrets.password(&DeviceKey::bofan("1")).unwrap().reveal(), "bare");
    }

    #[test]
    fn none_is_fine_and_only_an_absent_file_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Secrets::load(dir.path()).unwrap().passwords.is_empty());
        fs::create_dir(dir.path().join(NAME)).unwrap();
        assert!(matches!(Secrets::load(dir.path()), Err(SecretsError::NotAFile { .. })));
    }

    #[test]
    fn a_file_that_others_can_touch_is_refused() {
        for mode in [0o640, 0o604, 0o620, 0o660, 0o644, 0o601] {
            let dir = directory(GOOD, mode);
            let error = Secrets::load(dir.path()).unwrap_err().to_string();
            assert!(error.contains(&format!("(mode {mode:04o}): run chmod 600")), "{error}");
        }
    }

    #[test]
    fn a_link_is_refused_even_to_a_good_file() {
        let target = directory(GOOD, 0o600);
        let dir = tempfile::tempdir().unwrap();
        symlink(target.path().join(NAME), dir.path().join(NAME)).unwrap();
        assert!(matches!(Secrets::load(dir.path()), Err(SecretsError::Link { .. })));
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        let dir = directory(GOOD, 0o600);
        let path = dir.path().join(NAME);
        // Only root can give a file away; elsewhere there is nothing to try.
        if std::os::unix::fs::chown(&path, Some(65_534), None).is_ok() {
            let error = Secrets::load(dir.path()).unwrap_err();
            assert!(
                matches!(error, SecretsError::Owner { owner: 65_534, .. } | SecretsError::Unreadable { .. }),
                "{error}"
            );
        }
    }

    #[test]
    fn errors_name_the_line_and_nothing_of_it() {
        let syntax = |line| {
            format!(
                "D/secrets.toml, line {line}: not understood; a lock is written as [device.\"ID\"] with password = \
                 \"…\" below, nothing else"
            )
        };
        assert_eq!(refused("[device.\"1\"]\npassword = 135790"), syntax(2));
        assert_eq!(refused("\n[device.\"1\"]\npassword = \"135790"), syntax(3));
        assert_eq!(refused("[device.\"1\"]\npasswort = \"135790\""), syntax(2));
        assert_eq!(refused("[device.\"1\"]\npassword = \"1\"\ngeheim = 1"), syntax(3));
        assert_eq!(refused("geheim = \"135790\""), syntax(1));
        assert_eq!(refused("# x\n135790"), syntax(2));
        assert_eq!(refused("[device.A]\npassword = \"1\"\n[device.a]\npassword = \"2\""), syntax(3));
        assert_eq!(
            refused("[device.\"geheim 1\"]\npassword = \"1\""),
            "D/secrets.toml: the ID of lock 1 is neither an ID nor maker/ID"
        );
        for bad in ["", "135790)", "135 790", "13579013579013579", "ä35790"] {
            assert_eq!(
                refused(&format!("[device.\"1\"]\npassword = \"{bad}\"")),
                "D/secrets.toml: the password of 1 cannot be sent: 1 to 16 ASCII letters and digits"
            );
        }
    }
}
