//! `check`: everything that can be wrong before a node starts, one line each.

use super::setup::Setup;
use super::{Common, Failure, NodeFlags};
use crate::domain::text;
use crate::ingest;
use crate::ipc::server;
use crate::store::{DATABASE, Reader};

/// Free disk below this deserves a word.
const LITTLE: u64 = 1_000_000_000;

struct Findings {
    bad: usize,
}

impl Findings {
    fn add(&mut self, what: &str, finding: Result<String, String>) -> Result<(), Failure> {
        self.bad += usize::from(finding.is_err());
        let (word, Ok(words) | Err(words)) = (if finding.is_ok() { "ok " } else { "BAD" }, finding);
        super::say(&format!("{word}   {what}: {}", text::clean(&words)))
    }
}

pub(super) fn run(common: &Common, node: &NodeFlags) -> Result<(), Failure> {
    let setup = Setup::load_for_node(common, node)?;
    let mut findings = Findings { bad: 0 };
    findings.add("configuration", Ok(configuration(&setup)))?;
    for setting in setup.loaded.explain() {
        if setting.origin != crate::config::Origin::Default {
            findings.add(&setting.key, Ok(format!("{} (from {})", setting.value, setting.origin)))?;
        }
    }
    findings.add("profiles", Ok(profiles(&setup)))?;
    for file in &setup.profiles.files {
        let changed = if file.added { "a profile of its own" } else { "over the built-in one" };
        let words = format!("{changed}; what it adds or changes counts as unverified: {}", file.unverified());
        findings.add(&file.path.display().to_string(), Ok(words))?;
    }
    findings.add("secrets", secrets(&setup))?;
    let runs = setup.node_answers();
    findings.add("node", Ok(if runs { "one runs here".into() } else { "none runs here".into() }))?;
    findings.add("database", database(&setup))?;
    if !runs {
        findings.add("socket", socket(&setup))?;
        findings.add("port", port(&setup))?;
    }
    findings.add("disk", disk(&setup))?;
    match findings.bad {
        0 => Ok(()),
        bad => Err(Failure::Failed(format!("{bad} of the above would stop or hinder a node"))),
    }
}

fn configuration(setup: &Setup) -> String {
    match &setup.loaded.file {
        Some(path) => format!("{}, data in {}", path.display(), setup.data.display()),
        None => format!("no file, built-in settings, data in {}", setup.data.display()),
    }
}

fn profiles(setup: &Setup) -> String {
    let count = setup.profiles.all.iter().count();
    let dir = setup.profiles.dir.display();
    match setup.profiles.files.len() {
        0 => format!("{count} built in, none in {dir}"),
        files => format!("{count}, {files} of them from {dir}"),
    }
}

fn secrets(setup: &Setup) -> Result<String, String> {
    match setup.secrets() {
        Ok(secrets) if secrets.count() == 0 => Ok("none: no lock can be opened by a static password".into()),
        Ok(secrets) => Ok(format!("{} passwords", secrets.count())),
        Err(error) => Err(error.to_string()),
    }
}

fn database(setup: &Setup) -> Result<String, String> {
    if !setup.data.join(DATABASE).exists() {
        return Ok(format!("none yet in {}; a node makes it", setup.data.display()));
    }
    let reader = Reader::open(&setup.data).map_err(|error| error.to_string())?;
    reader.check().map_err(|error| error.to_string())?;
    let last = reader.last_seq().map_err(|error| error.to_string())?;
    Ok(format!("sound, {last} journal entries"))
}

fn socket(setup: &Setup) -> Result<String, String> {
    server::look(&setup.socket, &setup.data, setup.group()).map_err(|error| error.to_string())?;
    Ok(format!("{} can be had", setup.socket.display()))
}

fn port(setup: &Setup) -> Result<String, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let _inside = runtime.enter();
    let listeners = ingest::bind(&setup.addresses()).map_err(|error| error.to_string())?;
    let list: Vec<String> = listeners.addresses().iter().map(|(kind, at)| format!("{kind} {at}")).collect();
    Ok(format!("{} can be had", list.join(", ")))
}

fn disk(setup: &Setup) -> Result<String, String> {
    let there = setup.data.ancestors().find(|path| path.exists()).unwrap_or(std::path::Path::new("/"));
    let stat = nix::sys::statvfs::statvfs(there).map_err(|error| error.to_string())?;
    let free = stat.blocks_available().saturating_mul(stat.fragment_size());
    let words = format!(
        "{} MB free, the journal may use {} MB",
        free / 1_000_000,
        setup.config().store.limit / 1_000_000
    );
    if free < LITTLE { Err(words) } else { Ok(words) }
}
