//! Profiles in force: those compiled in, and an installer's files laid over them.
//!
//! What a profile is and what makes one wrong stands in [`crate::protocol::catalogue`]; here they are found, read and
//! complained about as settings are: file, line, key. A bad file stops the start, whatever it is for: a profile that
//! was meant and is not in force would be worse than none.

use crate::config::{self, ConfigError};
use crate::domain::order::Proof;
use crate::domain::text::clean;
use crate::protocol::catalogue::Profiles;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Most files read; one more is refused.
const MOST: usize = 256;

/// Profiles, and where they came from.
#[derive(Debug, Clone)]
pub struct Read {
    pub all: Profiles,
    /// Where files were looked for.
    pub dir: PathBuf,
    pub files: Vec<ProfileFile>,
}

/// One file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileFile {
    pub path: PathBuf,
    /// The profile's name.
    pub name: String,
    /// A new profile, not one laid over a built-in one.
    pub added: bool,
    /// Commands it added or changed.
    pub changed: Vec<String>,
}

impl ProfileFile {
    /// The commands it added or changed, in words.
    #[must_use]
    pub fn unverified(&self) -> String {
        if self.changed.is_empty() { "no command".to_owned() } else { self.changed.join(", ") }
    }
}

/// Reads every `*.toml` of `dir`, in the order of their names, over the built-in profiles. A directory that is not
/// there holds nothing.
///
/// # Errors
/// The first thing that is wrong with a file: its path, line and key.
pub fn load(dir: &Path) -> Result<Read, ConfigError> {
    let mut all = Profiles::shipped();
    let mut files = Vec::new();
    for path in toml_files(dir)? {
        let text = config::read(&path)?;
        let name = name(&path)?;
        let before = all.get(&name).cloned();
        all.lay_over(&name, &text).map_err(|wrong| ConfigError::at(&path, &text, wrong.at, &wrong.what))?;
        let now = all.get(&name).into_iter().flat_map(|profile| profile.commands());
        let is_new = |command: &str| {
            let same = before.as_ref().and_then(|before| before.command(command));
            same != all.get(&name).and_then(|profile| profile.command(command))
        };
        let changed = now
            .filter(|offered| offered.proof == Proof::Unverified && is_new(offered.spec.name))
            .map(|offered| offered.spec.name.to_owned())
            .collect();
        files.push(ProfileFile { path, name, added: before.is_none(), changed });
    }
    Ok(Read { all, dir: dir.to_owned(), files })
}

fn toml_files(dir: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let cannot = |e: std::io::Error| ConfigError::Unreadable { path: dir.into(), why: e.to_string() };
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(cannot(e)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(cannot)?.path();
        if path.extension().is_some_and(|ext| ext == "toml") {
            if paths.len() == MOST {
                let why = format!("there are more than {MOST} profiles");
                return Err(ConfigError::Unreadable { path: dir.into(), why });
            }
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// A profile's name: small letters, digits, `-` and `_`. Two files that differ only in capitals would be two profiles
/// on one system and one on another.
fn name(path: &Path) -> Result<String, ConfigError> {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if (1..=40).contains(&stem.len()) && stem.chars().all(fits) {
        return Ok(stem);
    }
    let why =
        format!("'{}' is no name of a profile: small letters, digits, - and _, at most 40", clean(&stem));
    Err(ConfigError::Unreadable { path: path.into(), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn with(files: &[(&str, &str)]) -> Result<Read, String> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let shown = format!("{}/", dir.path().display());
        load(dir.path()).map_err(|error| error.to_string().replace(&shown, ""))
    }

    #[test]
    fn no_directory_means_the_built_in_profiles() {
        let read = load(Path::new("/nowhere/profiles")).unwrap();
        assert_eq!(read.all, Profiles::shipped());
        assert!(read.files.is_empty());
    }

    #[test]
    fn an_unlock_word_that_an_installer_adds_is_unverified_whatever_it_claims() {
        let text =
            "[commands.open_static]\nsend = \"({id},1,{serial},ELOCK,1,{password})\"\nproof = \"captured\"\n";
        let read = with(&[("jt709a.toml", text), ("notes.txt", "not read")]).unwrap();
        let profile = read.all.get("jt709a").unwrap();
        let (_, proof) = profile.unlock().unwrap();
        assert_eq!(proof, Proof::Unverified);
        assert_eq!(profile.model, "JT709A");
        let [file] = read.files.as_slice() else { panic!("{:?}", read.files) };
        assert_eq!(
            (file.name.as_str(), file.added, file.unverified().as_str()),
            ("jt709a", false, "open_static")
        );
    }

    #[test]
    fn what_an_override_repeats_keeps_its_proof_and_what_it_changes_loses_it() {
        let text = "[commands]\nfirmware = { send = \"(P01)\", proof = \"captured\" }\n\
                    imei = { send = \"(P14,0)\", proof = \"documented\" }\n";
        let read = with(&[("jt701d.toml", text)]).unwrap();
        let profile = read.all.get("jt701d").unwrap();
        assert_eq!(profile.command("firmware").unwrap().proof, Proof::Documented);
        assert_eq!(profile.command("imei").unwrap().proof, Proof::Unverified);
        assert_eq!(profile.command("iccid").unwrap().proof, Proof::Documented);
        assert_eq!(read.files[0].changed, ["imei"]);
    }

    #[test]
    fn a_wrong_profile_is_refused_with_file_line_and_key() {
        let rows: &[(&str, &str, &str)] = &[
            ("jt709a.toml", "colour = 1", "jt709a.toml, line 1, colour: unknown setting 'colour'"),
            (
                "jt709a.toml",
                "\n[commands.fly]\nsend = \"(P01)\"\nproof = \"documented\"",
                "jt709a.toml, line 2, commands.fly: there is no command 'fly' for jointech-seal",
            ),
            (
                "jt701d.toml",
                "[commands.wake_interval]\nsend = \"(P04,1,{seconds},{hours})\"\nproof = \"documented\"",
                "jt701d.toml, line 2, commands.wake_interval.send: 'wake_interval' has no place {hours}; places are \
                 {seconds} {minutes}",
            ),
            (
                "jt701d.toml",
                "[commands.wake_interval]\nsend = \"(P04,1,{seconds})\"\nproof = \"documented\"",
                "jt701d.toml, line 2, commands.wake_interval.send: the place {minutes} is missing",
            ),
            (
                "jt701d.toml",
                "[commands.awake_time]\nsend = \"(P39,1,{minutes})\"\nproof = \"documented\"\nlimits = { minutes = [3, 60] }",
                "jt701d.toml, line 4, commands.awake_time.limits: minutes must stay within 3 to 10 min, the smaller \
                 first, not [3, 60]",
            ),
            (
                "pt621.toml",
                "[match]\nfirmware = [\"**\"]",
                "pt621.toml, line 2, match.firmware: '**' is no pattern",
            ),
            (
                "own.toml",
                "kind = \"seal\"",
                "own.toml, line 1, kind: 'model' is missing: a new profile needs it",
            ),
            ("jt701d.toml", "wake = \"30m\"\nwake = \"40m\"", "jt701d.toml, line 2, wake: duplicate key"),
            (
                "jt701d.toml",
                "[commands.firmware]\nsend = \"(P43,888888)\"\nproof = \"documented\"",
                "jt701d.toml, line 2, commands.firmware.send: P43 is a physical command: it cannot be sent as a read \
                 one",
            ),
            (
                "jt701d.toml",
                "[commands.restart]\nsend = \"(P13)\"\nproof = \"documented\"",
                "jt701d.toml, line 2, commands.restart.send: P13 is never sent: factory reset",
            ),
            (
                "jt701d.toml",
                "events = [\"locked\", \"locked\"]",
                "line 1, events: the event 'locked' is listed twice",
            ),
            (
                "jt701d.toml",
                "kind = \"seal\"",
                "jt701d.toml, line 1, kind: the built-in profile is a master_lock",
            ),
            (
                "jt709a.toml",
                "wake = \"30m\"\nclock = \"+15:00\"",
                "jt709a.toml, line 2, clock: a device's clock is UTC or an offset such as +08:00, quarters of an hour",
            ),
            ("jt709a.toml", "clock = \"-12:15\"", "line 1, clock: a device's clock is UTC"),
            ("jt709a.toml", "clock = \"+08:10\"", "line 1, clock: a device's clock is UTC"),
            ("jt709a.toml", "clock = \"8\"", "line 1, clock: a device's clock is UTC"),
            (
                "jt701d.toml",
                "clock = \"+08:00\"",
                "line 1, clock: only jointech-seal has clocks of different zones; this profile speaks jointech-master",
            ),
            ("pt621.toml", "wlnet_ack = \"frame\"", "line 1, wlnet_ack: only jointech-master has WLNET"),
            ("jt801.toml", "inputs = { 1 = \"door\" }", "line 1, inputs: only bofan has an input string"),
            (
                "jt709a.toml",
                "[[calibration]]\ninput = 1\nname = \"fuel\"\nunit = \"l\"\npoints = [[1, 0.0], [2, 1.0]]",
                "only bofan has raw counts",
            ),
            (
                "pt621.toml",
                "inputs = { 1 = \"door\" }",
                "line 1, inputs: input 1 cannot be 'door': input 1 is sos",
            ),
            ("pt621.toml", "inputs = { 2 = \"sos\" }", "line 1, inputs: input 2 cannot be 'sos'"),
            (
                "pt621.toml",
                "outputs = { 1 = \"door\" }",
                "line 1, outputs: no output is 'door': engine_relay",
            ),
            ("pt621.toml", "[inputs]\n9 = \"door\"", "pt621.toml, line 2, inputs.9: a line is 1 to 8"),
            (
                "pt621.toml",
                "[[calibration]]\ninput = 1\nname = \"fuel\"\nunit = \"l\"\npoints = [[10, 0.0]]",
                "a calibration has 2 to 64 points",
            ),
            ("JT.toml", "", "cannot read the configuration JT.toml: 'JT' is no name of a profile"),
        ];
        for (file, text, want) in rows {
            let error = with(&[(file, text)]).unwrap_err();
            assert!(error.contains(want), "{text}\n  {error}\n  {want}");
        }
    }
}
