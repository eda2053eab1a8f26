//! The node's end of the socket: where it may be bound, who may speak, and nothing of what is said.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// Why the operator socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("{0}: there is something that is not a socket; remove it or choose another --socket")]
    NotASocket(PathBuf),
    #[error("{0}: another program answers there; stop it or choose another --socket")]
    InUse(PathBuf),
    #[error("{path}: cannot be used as the operator socket: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("[socket] group: there is no group '{0}' on this system")]
    NoGroup(String),
}

/// A bound socket; its file is removed when this is dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    shared: bool,
}

/// Looks whether the socket could be bound, changing nothing: so that a node is refused before it has made its database.
/// A socket that answers is not looked at; whose it is, the data directory's lock tells. `data` may be yet to be made.
///
/// # Errors
/// If something else lies there, its directory does not exist, or there is no such group.
pub fn look(path: &Path, data: &Path, group: Option<&str>) -> Result<(), SocketError> {
    group.map(group_id).transpose()?;
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.file_type().is_socket() => Err(SocketError::NotASocket(path.to_owned())),
        Ok(_) => Ok(()),
        Err(_) if path.parent() == Some(data) => Ok(()),
        Err(source) if path.parent().is_some_and(|dir| !dir.as_os_str().is_empty() && !dir.is_dir()) => {
            Err(SocketError::Io { path: path.to_owned(), source })
        }
        Err(_) => Ok(()),
    }
}

/// Binds the socket: 0600, or 0660 for `group` with its directory opened to that group. Only *connection refused*
/// proves an old file stale; anything unclear is an error. The caller holds the node's lock, so no second node races here.
///
/// # Errors
/// If the path is taken or cannot be bound, or there is no such group.
pub fn bind(path: &Path, group: Option<&str>) -> Result<Socket, SocketError> {
    let group = group.map(group_id).transpose()?;
    let failed = |source| SocketError::Io { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.file_type().is_socket() => return Err(SocketError::NotASocket(path.to_owned())),
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path).map_err(failed)?;
            }
            Ok(_) => return Err(SocketError::InUse(path.to_owned())),
            Err(error) => return Err(failed(error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    let socket = Socket { listener, path: path.to_owned(), shared: group.is_some() };
    let rights = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    rights(path, 0o600).map_err(failed)?;
    if let Some(gid) = group {
        std::os::unix::fs::chown(path, None, Some(gid)).map_err(failed)?;
        rights(path, 0o660).map_err(failed)?;
        // Only a directory that is ours alone, such as the data directory: never one that others use too.
        if let Some(dir) = path.parent().filter(|dir| is_private(dir)) {
            std::os::unix::fs::chown(dir, None, Some(gid)).map_err(failed)?;
            rights(dir, 0o750).map_err(failed)?;
        }
    }
    Ok(socket)
}

fn is_private(dir: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let own = nix::unistd::getuid().as_raw();
    fs::metadata(dir).is_ok_and(|meta| meta.uid() == own && meta.mode() & 0o777 == 0o700)
}

fn group_id(name: &str) -> Result<u32, SocketError> {
    match nix::unistd::Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        _ => Err(SocketError::NoGroup(name.to_owned())),
    }
}

impl Socket {
    /// Waits for the next console.
    ///
    /// # Errors
    /// If the system cannot give a connection (out of descriptors): back off and try again.
    pub async fn accept(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, _) = self.listener.accept().await?;
        let credentials = stream.peer_cred()?;
        Ok((stream, Peer::of(credentials.uid())))
    }
}

impl Socket {
    /// Whether this peer may operate the node: the account the node runs as, root, or, where the socket is shared
    /// with a group, whoever the file's rights let in. (Roles are to come.)
    #[must_use]
    pub fn admits(&self, peer: &Peer) -> bool {
        self.shared || peer.uid == nix::unistd::getuid().as_raw() || peer.uid == 0
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Who is at the other end, as the kernel says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub uid: u32,
    pub name: String,
}

impl Peer {
    /// The account of this number; a number without a name is called `uid 1234`.
    #[must_use]
    pub fn of(uid: u32) -> Self {
        let name = nix::unistd::User::from_uid(uid.into())
            .ok()
            .flatten()
            .map_or_else(|| format!("uid {uid}"), |user| user.name);
        Self { uid, name }
    }

    /// The account this program runs as.
    #[must_use]
    pub fn own() -> Self {
        Self::of(nix::unistd::getuid().as_raw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        assert!(look(&path, dir.path(), None).is_ok());
        assert!(matches!(look(&dir.path().join("no/s"), dir.path(), None), Err(SocketError::Io { .. })));
        assert!(
            look(&dir.path().join("no/s"), &dir.path().join("no"), None).is_ok(),
            "it is made with the data"
        );
        fs::write(&path, "precious").unwrap();
        assert!(matches!(look(&path, dir.path(), None), Err(SocketError::NotASocket(_))));
        assert!(matches!(bind(&path, None), Err(SocketError::NotASocket(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        fs::remove_file(&path).unwrap();

        let first = bind(&path, None).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(bind(&path, None), Err(SocketError::InUse(_))));
        drop(first);
        assert!(!path.exists());

        drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // leaves its file: a crash
        assert!(path.exists());
        let second = bind(&path, None).unwrap();
        let (client, served) = tokio::join!(UnixStream::connect(&path), second.accept());
        client.unwrap();
        assert_eq!(served.unwrap().1, Peer::own());
    }

    #[tokio::test]
    async fn a_shared_socket_belongs_to_its_group_and_an_unknown_group_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let path = dir.path().join("s");
        assert!(matches!(look(&path, dir.path(), Some("no such group")), Err(SocketError::NoGroup(_))));
        let error = bind(&path, Some("no such group")).unwrap_err().to_string();
        assert!(error.contains("no such group"), "{error}");
        assert!(!path.exists());
        let own = nix::unistd::Group::from_gid(nix::unistd::getgid()).unwrap().unwrap();
        let socket = bind(&path, Some(&own.name)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert_eq!(fs::metadata(dir.path()).unwrap().permissions().mode() & 0o777, 0o750);
        assert!(socket.admits(&Peer { uid: 4_000_000, name: "colleague".into() }));
    }
}
