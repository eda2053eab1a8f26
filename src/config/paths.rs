//! Where files live, by the XDG rules, and the socket's own rule.

use super::settings::Config;
use etcetera::base_strategy::{BaseStrategy, Xdg};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Longest path of a socket: systems allow 104 to 108 bytes with the closing zero.
pub const LONGEST_SOCKET: usize = 100;

const PROGRAM: &str = "lockyard";
const SYSTEM_CONFIG: &str = "/etc/lockyard/config.toml";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("there is no home directory to keep data in: give --data DIR")]
    NoHome,
    #[error(
        "the socket's path {path} has {length} bytes, at most {LONGEST_SOCKET} work everywhere: give a shorter \
         --socket PATH"
    )]
    LongSocket { path: PathBuf, length: usize },
}

/// Places of the configuration, the first that exists counts.
pub(super) fn config_files() -> Vec<PathBuf> {
    let own = Xdg::new().ok().map(|xdg| xdg.config_dir().join(PROGRAM).join("config.toml"));
    own.into_iter().chain([PathBuf::from(SYSTEM_CONFIG)]).collect()
}

/// Where an installer's profiles lie: `profiles` beside the configuration file that was read; without one, beside the
/// first place where one could be that has them. Neither has to exist.
#[must_use]
pub fn profile_dir(file: Option<&Path>) -> PathBuf {
    let beside = |file: &Path| file.parent().unwrap_or(Path::new("")).join("profiles");
    if let Some(file) = file {
        return beside(file);
    }
    let places: Vec<PathBuf> = config_files().iter().map(|file| beside(file)).collect();
    let found = places.iter().find(|place| place.exists()).or(places.first());
    found.cloned().unwrap_or_default()
}

/// The data directory: the one set, else `lockyard` in the XDG data directory. Nothing is created.
///
/// # Errors
/// If none is set and there is no home directory.
pub fn data_dir(config: &Config) -> Result<PathBuf, PathError> {
    if config.data.as_os_str().is_empty() {
        let xdg = Xdg::new().map_err(|_| PathError::NoHome)?;
        return Ok(xdg.data_dir().join(PROGRAM));
    }
    Ok(config.data.clone())
}

/// The socket between node and consoles: `--socket`, else `LOCKYARD_SOCKET`, else `lockyard.sock` in the data directory.
/// `variable` reads the environment.
///
/// # Errors
/// If the path is longer than a socket's may be.
pub fn socket_path(
    flag: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
    data: &Path,
) -> Result<PathBuf, PathError> {
    let named = || variable("LOCKYARD_SOCKET").filter(|value| !value.is_empty()).map(PathBuf::from);
    let path = flag.map(PathBuf::from).or_else(named).unwrap_or_else(|| data.join("lockyard.sock"));
    match path.as_os_str().len() {
        length if length > LONGEST_SOCKET => Err(PathError::LongSocket { path, length }),
        _ => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_where_the_first_of_three_says() {
        let data = Path::new("/data");
        let set = |name: &str| (name == "LOCKYARD_SOCKET").then(|| OsString::from("/run/l.sock"));
        let unset = |_: &str| None;
        let empty = |_: &str| Some(OsString::new());
        assert_eq!(socket_path(Some(Path::new("/x")), set, data).unwrap(), Path::new("/x"));
        assert_eq!(socket_path(None, set, data).unwrap(), Path::new("/run/l.sock"));
        assert_eq!(socket_path(None, unset, data).unwrap(), Path::new("/data/lockyard.sock"));
        assert_eq!(socket_path(None, empty, data).unwrap(), Path::new("/data/lockyard.sock"));
    }

    #[test]
    fn a_long_socket_path_is_refused_by_its_bytes() {
        let fits = format!("/{}", "x".repeat(LONGEST_SOCKET - 1));
        assert!(socket_path(Some(Path::new(&fits)), |_| None, Path::new("/")).is_ok());
        let error =
            socket_path(Some(Path::new(&(fits.clone() + "x"))), |_| None, Path::new("/")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the socket's path {fits}x has 101 bytes, at most 100 work everywhere: give a shorter --socket PATH"
            )
        );
    }

    #[test]
    fn profiles_lie_beside_the_configuration() {
        assert_eq!(profile_dir(Some(Path::new("/srv/l/config.toml"))), Path::new("/srv/l/profiles"));
        assert_eq!(profile_dir(Some(Path::new("config.toml"))), Path::new("profiles"));
        assert!(profile_dir(None).ends_with("lockyard/profiles"));
    }

    #[test]
    fn data_that_is_set_stays_as_set() {
        let config = Config { data: "/srv/locks".into(), ..Config::default() };
        assert_eq!(data_dir(&config).unwrap(), Path::new("/srv/locks"));
        let usual = data_dir(&Config::default()).unwrap();
        assert!(usual.is_absolute() && usual.ends_with("lockyard"), "{usual:?}");
    }
}
