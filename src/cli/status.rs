//! `status`: whether a node runs on this data directory, and how it fares.

use super::setup::Setup;
use super::{Common, Failure};
use crate::domain::text;

pub(super) fn run(common: &Common, json: bool) -> Result<(), Failure> {
    let setup = Setup::load(common)?;
    let Some(snapshot) = setup.list_node(false)? else {
        return Err(Failure::NoNode(format!("no node runs on {}", setup.data.display())));
    };
    let node = &snapshot.node;
    if json {
        return super::say(&serde_json::to_string_pretty(node).map_err(Failure::failed)?);
    }
    let since = node.started.map_or_else(|| "-".into(), |at| at.with_timezone(&setup.zone).to_string());
    let unacknowledged = snapshot.alarms.iter().filter(|alarm| alarm.state.is_unacknowledged()).count();
    let mb = |bytes: u64| bytes / 1_000_000;
    let mut lines = Vec::new();
    lines.push(format!("lockyard {} runs on {} since {since}", node.version, text::clean(&node.data_dir)));
    lines.push(format!("listening    {}", node.listening.join(", ")));
    lines.push(format!(
        "devices      {} on {} assets, {} waiting in quarantine",
        snapshot.devices.len(),
        snapshot.assets.len(),
        node.quarantined
    ));
    lines.push(format!(
        "connections  {}, {} turned away, {} frames in the last minute, {} since the start",
        node.connections, node.turned_away, node.frames_per_minute, node.frames
    ));
    lines.push(format!(
        "unreadable   {}, repeated {}, datagrams dropped {}",
        node.refused, node.duplicates, node.dropped_datagrams
    ));
    lines.push(format!("alarms       {} open, {unacknowledged} not acknowledged", snapshot.alarms.len()));
    lines.push(format!(
        "journal      {} of {} MB, last commit {:.1} ms, {} MB free on the disk",
        mb(node.journal_bytes),
        mb(node.journal_limit_bytes),
        node.commit_ms,
        mb(node.disk_free_bytes)
    ));
    match &node.store_error {
        None => lines.push("store        writes".to_owned()),
        Some(error) => lines.push(format!("store        FAILS: {}", text::clean(error))),
    }
    super::say(&lines.join("\n"))
}
