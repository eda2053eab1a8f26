//! Finding the file, merging the layers, and saying where each value came from.

use super::error::ConfigError;
use super::settings::Config;
use super::values::{BadValue, Listen, parse_zone};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest configuration read: some 10,000 devices.
const LONGEST: u64 = 4 << 20;

/// What was given on the command line; it wins over everything.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub data: Option<PathBuf>,
    /// Empty: not given.
    pub listen: Vec<Listen>,
    pub auto_enrol: bool,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File(PathBuf),
    Environment(&'static str),
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// The settings in force.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    /// The file read, if there was one.
    pub file: Option<PathBuf>,
    origins: BTreeMap<String, Origin>,
}

/// One line of [`Loaded::explain`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// `limits.idle`
    pub key: String,
    /// As it would be written in the file.
    pub value: String,
    pub origin: Origin,
}

/// Reads the settings: `--config`, else `LOCKYARD_CONFIG`, else the user's file, else `/etc/lockyard/config.toml`, else
/// none; then the environment; then flags. `variable` reads the environment; an empty variable counts as unset.
///
/// # Errors
/// One sentence for the first bad value. A file that is there and cannot be read is never passed over.
pub fn load(flags: &Flags, variable: impl Fn(&str) -> Option<OsString>) -> Result<Loaded, ConfigError> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let named = flags.config.clone().or_else(|| variable("LOCKYARD_CONFIG").map(PathBuf::from));
    let file = match named {
        Some(path) => Some(path),
        None => found(&super::paths::config_files())?,
    };
    let mut loaded = match file {
        Some(path) => {
            let text = read(&path)?;
            parse(&path, &text)?
        }
        None => Loaded { config: Config::default(), file: None, origins: BTreeMap::new() },
    };
    loaded.add_environment(variable)?;
    loaded.add_flags(flags);
    Ok(loaded)
}

/// The first that exists. One that cannot be looked at counts as existing, so that its error is told.
fn found(places: &[PathBuf]) -> Result<Option<PathBuf>, ConfigError> {
    for path in places {
        match path.try_exists() {
            Ok(true) => return Ok(Some(path.clone())),
            Ok(false) => {}
            Err(e) => return Err(ConfigError::Unreadable { path: path.clone(), why: e.to_string() }),
        }
    }
    Ok(None)
}

/// The text of a file that reads like the configuration, at most 4 MiB of it.
pub(crate) fn read(path: &Path) -> Result<String, ConfigError> {
    let cannot = |why: String| ConfigError::Unreadable { path: path.into(), why };
    let mut text = String::new();
    let file = File::open(path).map_err(|e| cannot(e.to_string()))?;
    let bytes = file.take(LONGEST + 1).read_to_string(&mut text).map_err(|e| cannot(e.to_string()))?;
    if bytes as u64 > LONGEST {
        return Err(cannot(format!("it is longer than {} MiB", LONGEST >> 20)));
    }
    Ok(text)
}

fn parse(path: &Path, text: &str) -> Result<Loaded, ConfigError> {
    let bad = |e: toml::de::Error| ConfigError::setting(path, text, &e);
    let config: Config = toml::from_str(text).map_err(bad)?;
    let given: toml::Table = toml::from_str(text).map_err(bad)?;
    let origin = Origin::File(path.into());
    let origins = leaves(&given).into_iter().map(|(key, _)| (key, origin.clone())).collect();
    Ok(Loaded { config, file: Some(path.into()), origins })
}

impl Loaded {
    fn add_environment(&mut self, variable: impl Fn(&str) -> Option<OsString>) -> Result<(), ConfigError> {
        let text = |name: &'static str| -> Result<Option<String>, ConfigError> {
            let what = || BadValue("its value is not UTF-8".into());
            variable(name)
                .map(|value| value.into_string().map_err(|_| ConfigError::Environment { name, what: what() }))
                .transpose()
        };
        if let Some(data) = variable("LOCKYARD_DATA") {
            self.config.data = data.into();
            self.came("data", Origin::Environment("LOCKYARD_DATA"));
        }
        if let Some(list) = text("LOCKYARD_LISTEN")? {
            let name = "LOCKYARD_LISTEN";
            let bad = |what| ConfigError::Environment { name, what };
            self.config.listen =
                list.split(',').map(|one| one.trim().parse()).collect::<Result<_, _>>().map_err(bad)?;
            self.came("listen", Origin::Environment(name));
        }
        if let Some(zone) = text("LOCKYARD_ZONE")? {
            let name = "LOCKYARD_ZONE";
            self.config.zone = parse_zone(&zone).map_err(|what| ConfigError::Environment { name, what })?;
            self.came("zone", Origin::Environment(name));
        }
        if let Some(word) = text("LOCKYARD_AUTO_ENROL")? {
            let name = "LOCKYARD_AUTO_ENROL";
            let bad = |_| ConfigError::Environment { name, what: BadValue("write true or false".into()) };
            self.config.auto_enrol = word.parse().map_err(bad)?;
            self.came("auto_enrol", Origin::Environment(name));
        }
        Ok(())
    }

    fn add_flags(&mut self, flags: &Flags) {
        if let Some(data) = &flags.data {
            self.config.data.clone_from(data);
            self.came("data", Origin::Flag("--data"));
        }
        if !flags.listen.is_empty() {
            self.config.listen.clone_from(&flags.listen);
            self.came("listen", Origin::Flag("--listen"));
        }
        if flags.auto_enrol {
            self.config.auto_enrol = true;
            self.came("auto_enrol", Origin::Flag("--auto-enrol"));
        }
    }

    fn came(&mut self, key: &str, origin: Origin) {
        self.origins.insert(key.into(), origin);
    }

    /// Every setting with its value and where that came from, in the order of the keys.
    #[must_use]
    pub fn explain(&self) -> Vec<Explained> {
        let table = toml::Table::try_from(&self.config).unwrap_or_default();
        let origin = |key: &str| self.origins.get(key).cloned().unwrap_or(Origin::Default);
        leaves(&table)
            .into_iter()
            .map(|(key, value)| Explained { origin: origin(&key), value: value.to_string(), key })
            .collect()
    }
}

/// Settings by their full key. Lists are one setting each.
fn leaves(table: &toml::Table) -> Vec<(String, &toml::Value)> {
    let mut all = Vec::new();
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => {
                all.extend(leaves(inner).into_iter().map(|(rest, value)| (format!("{key}.{rest}"), value)));
            }
            value => all.push((key.clone(), value)),
        }
    }
    all
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
