//! `list`: from the node if one runs, else from the data directory.

use super::setup::Setup;
use super::{Common, Failure, What};
use crate::domain::text;
use crate::fleet::snapshot::{DeviceRow, DeviceStatus, Snapshot};
use crate::node;
use serde::Serialize;
use std::fmt::Display;

pub(super) fn run(common: &Common, what: What, json: bool, all: bool) -> Result<(), Failure> {
    let setup = Setup::load(common)?;
    let snapshot = fetch(&setup, all)?;
    if json { print_json(&setup, &snapshot, what, all) } else { print_table(&setup, &snapshot, what, all) }
}

/// The rows, from whoever has them.
pub(super) fn fetch(setup: &Setup, all: bool) -> Result<Snapshot, Failure> {
    match setup.list_node(all)? {
        Some(snapshot) => Ok(snapshot),
        None => {
            let state = node::read_only(&setup.data, setup.times()).map_err(Failure::failed)?;
            Ok(state.snapshot(&setup.plan(), chrono::Utc::now(), all))
        }
    }
}

fn print_json(setup: &Setup, snapshot: &Snapshot, what: What, all: bool) -> Result<(), Failure> {
    fn text<T: Serialize>(rows: &[T]) -> Result<String, Failure> {
        serde_json::to_string_pretty(rows).map_err(Failure::failed)
    }
    let text = match what {
        What::Devices => text(&devices(setup, snapshot, all))?,
        What::Assets => text(&snapshot.assets)?,
        What::Alarms => text(&snapshot.alarms)?,
        What::Commands => text(&snapshot.commands)?,
        What::Photos => text(&snapshot.photos)?,
    };
    super::say(&text)
}

/// Devices, and with `all` those in quarantine, in the same shape.
fn devices(setup: &Setup, snapshot: &Snapshot, all: bool) -> Vec<DeviceRow> {
    let mut rows = snapshot.devices.clone();
    if all {
        rows.extend(snapshot.quarantine.iter().map(|waiting| DeviceRow {
            protocol: Some(waiting.protocol),
            position: waiting.position.clone(),
            last_received: Some(waiting.last),
            link: setup.plan().link(waiting.kind, Some(waiting.last), chrono::Utc::now()),
            peer: Some(waiting.peer.clone()),
            transport: Some(waiting.transport),
            frames: waiting.frames,
            ..DeviceRow::unheard(waiting.key.clone(), waiting.kind, DeviceStatus::Quarantined)
        }));
    }
    rows
}

fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => "-".into(),
    }
}

fn or_dash<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".into(), |value| value.to_string())
}

fn print_table(setup: &Setup, snapshot: &Snapshot, what: What, all: bool) -> Result<(), Failure> {
    let time = |at: Option<crate::domain::Utc>| match at {
        Some(at) => at.with_timezone(&setup.zone).format("%Y-%m-%d %H:%M:%S %Z").to_string(),
        None => "-".into(),
    };
    let place = |place: &Option<crate::fleet::snapshot::Place>| match place {
        Some(place) => format!("{:.5} {:.5}", place.lat, place.lon),
        None => "-".into(),
    };
    let rows: Vec<Vec<String>> = match what {
        What::Devices => std::iter::once(
            ["ID", "KIND", "ASSET", "STATUS", "LOCK", "VALVE", "AS OF", "LINK", "BATTERY", "PLACE"]
                .map(String::from)
                .to_vec(),
        )
        .chain(devices(setup, snapshot, all).iter().map(|row| {
            vec![
                row.id.clone(),
                row.kind.word().into(),
                or_dash(row.asset.as_ref()),
                word(&row.status),
                or_dash(row.lock.as_ref().map(word)),
                or_dash(row.valve.as_ref().map(word)),
                time(row.as_of.or(row.valve_as_of)),
                word(&row.link),
                row.battery_pct.map_or_else(|| "-".into(), |pct| format!("{pct}%")),
                place(&row.position),
            ]
        }))
        .collect(),
        What::Assets => std::iter::once(
            ["CODE", "NAME", "PLATE", "SEAL", "AS OF", "ALARM", "PLACE", "DEVICES"]
                .map(String::from)
                .to_vec(),
        )
        .chain(snapshot.assets.iter().map(|row| {
            vec![
                row.code.clone(),
                row.name.clone(),
                or_dash(row.plate.as_ref()),
                word(&row.seal),
                time(row.as_of),
                or_dash(row.worst_alarm),
                place(&row.position),
                row.devices.join(" "),
            ]
        }))
        .collect(),
        What::Alarms => std::iter::once(
            ["ID", "PRI", "STATE", "KIND", "ASSET", "DEVICE", "FIRST", "COUNT", "ACK", "REASON"]
                .map(String::from)
                .to_vec(),
        )
        .chain(snapshot.alarms.iter().map(|row| {
            vec![
                row.id.to_string(),
                row.priority.to_string(),
                word(&row.state),
                row.kind.word().into(),
                or_dash(row.asset.as_ref()),
                or_dash(row.device.as_ref()),
                time(Some(row.first)),
                row.count.to_string(),
                row.ack.as_ref().map_or_else(|| "-".into(), |ack| ack.by.clone()),
                row.reason.clone(),
            ]
        }))
        .collect(),
        What::Commands => std::iter::once(
            ["ID", "TARGET", "ASSET", "EXCHANGE", "EVIDENCE", "BY", "REASON", "CREATED", "EXPIRES"]
                .map(String::from)
                .to_vec(),
        )
        .chain(snapshot.commands.iter().map(|row| {
            vec![
                row.id.to_string(),
                row.target.clone(),
                or_dash(row.asset.as_ref()),
                word(&row.exchange),
                word(&row.evidence),
                row.by.clone(),
                row.reason.word().into(),
                time(Some(row.created)),
                time(Some(row.expires)),
            ]
        }))
        .collect(),
        What::Photos => std::iter::once(
            ["DEVICE", "ASSET", "TAKEN", "CAMERA", "STATE", "BYTES", "PLACE", "FILE", "SHA-256", "WHY"]
                .map(String::from)
                .to_vec(),
        )
        .chain(snapshot.photos.iter().map(|row| {
            vec![
                row.device.clone(),
                or_dash(row.asset.as_ref()),
                time(row.taken.or(Some(row.offered))),
                or_dash(row.camera),
                word(&row.state),
                row.received.map_or_else(|| row.size.to_string(), |n| format!("{n} of {}", row.size)),
                place(&row.position),
                or_dash(row.file.as_ref()),
                or_dash(row.sha256.as_ref().map(|hash| hash.chars().take(12).collect::<String>())),
                or_dash(row.why.as_ref()),
            ]
        }))
        .collect(),
    };
    super::say(table(&rows).trim_end())
}

/// Columns as wide as their widest cell, two spaces between; foreign text is cleaned.
fn table(rows: &[Vec<String>]) -> String {
    use unicode_width::UnicodeWidthStr;
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|c| text::clean(c)).collect()).collect();
    let columns = cells.first().map_or(0, Vec::len);
    let width =
        |n: usize| cells.iter().filter_map(|row| row.get(n)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in &cells {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_line_up_and_are_clean() {
        let rows = vec![vec!["A".to_owned(), "B".to_owned()], vec!["\u{1b}[2Jx".to_owned(), "y".to_owned()]];
        assert_eq!(table(&rows), "A      B\n·[2Jx  y\n");
    }
}
