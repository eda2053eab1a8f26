//! One sentence for a bad setting: file, line, key, what is allowed.

use super::values::BadValue;
use crate::domain::text::clean;
use std::ops::Range;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the configuration {path}: {why}")]
    Unreadable { path: PathBuf, why: String },
    #[error("{path}, line {line}{}: {what}", .key.as_ref().map_or_else(String::new, |key| format!(", {key}")))]
    Setting { path: PathBuf, line: usize, key: Option<String>, what: String },
    #[error("environment variable {name}: {what}")]
    Environment { name: &'static str, what: BadValue },
}

impl ConfigError {
    pub(super) fn setting(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let Range { start, .. } = error.span().unwrap_or(0..0);
        Self::at(path, text, start, error.message())
    }

    /// What is wrong at one byte of a file that reads like the configuration.
    #[must_use]
    pub fn at(path: &Path, text: &str, at: usize, what: &str) -> Self {
        let (line, key) = place(text, at);
        Self::Setting { path: path.into(), line, key, what: reword(what) }
    }
}

/// Line (from 1) and key of a byte of the file.
pub(super) fn place(text: &str, at: usize) -> (usize, Option<String>) {
    let mut section = "";
    let mut key = None;
    let mut end = 0;
    let mut number = 0;
    for line in text.split_inclusive('\n') {
        number += 1;
        end += line.len();
        let content = line.trim();
        if let Some(header) = content.strip_prefix('[').filter(|_| key.is_none() || content.ends_with(']')) {
            section = header.trim_matches(['[', ']']).trim();
            key = None;
        } else if let Some((name, _)) = content.split_once('=').filter(|_| !content.starts_with('#')) {
            key = Some(name.trim());
        }
        if at < end {
            break;
        }
    }
    let full = match (section, key) {
        ("", None) => None,
        ("", Some(key)) => Some(key.to_owned()),
        (section, None) => Some(section.to_owned()),
        (section, Some(key)) => Some(format!("{section}.{key}")),
    };
    (number.max(1), full.map(|key| clean(&key)))
}

/// The parser's message in the words of settings, on one line.
fn reword(message: &str) -> String {
    let line = message.lines().collect::<Vec<_>>().join("; ");
    let line = line
        .replace("unknown field", "unknown setting")
        .replace("unknown variant", "unknown value")
        .replace(", expected one of", "; allowed are")
        .replace(", expected", "; allowed is")
        .replace('`', "'");
    clean(&line)
}
