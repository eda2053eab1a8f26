//! `list`: from the node if one runs, else from the data directory.

use super::setup::Setup;
use super::{Common, Failure, What};
use crate::domain::{CommandId, DeviceKind, text};
use crate::fleet::snapshot::{CommandRow, DeviceRow, DeviceStatus, OrderRow, Snapshot, UnknownRow};
use crate::node;
use serde::Serialize;
use std::fmt::Display;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Table,
    Csv,
    Json,
}

impl Form {
    pub(super) fn of(json: bool, csv: bool) -> Self {
        match (json, csv) {
            (true, _) => Self::Json,
            (false, true) => Self::Csv,
            (false, false) => Self::Table,
        }
    }
}

pub(super) fn run(common: &Common, what: What, form: Form, all: bool) -> Result<(), Failure> {
    let setup = Setup::load(common)?;
    let snapshot = match what {
        What::Quarantine | What::Refused => of_node(&setup)?,
        _ => fetch(&setup, all)?,
    };
    match form {
        Form::Json => print_json(&setup, &snapshot, what, all),
        Form::Csv => super::say(csv(&rows(&setup, &snapshot, what, all)).trim_end()),
        Form::Table => super::say(table(&rows(&setup, &snapshot, what, all)).trim_end()),
    }
}

/// What only a node that runs can tell: it is in its memory.
fn of_node(setup: &Setup) -> Result<Snapshot, Failure> {
    setup.list_node(false)?.ok_or_else(|| {
        Failure::NoNode(format!(
            "no node runs on {}, and what knocked or was refused is only in a node's memory",
            setup.data.display()
        ))
    })
}

/// The rows, from whoever has them.
pub(super) fn fetch(setup: &Setup, all: bool) -> Result<Snapshot, Failure> {
    match setup.list_node(all)? {
        Some(snapshot) => Ok(snapshot),
        None => {
            let state = node::read_only(&setup.data, setup.times()).map_err(Failure::failed)?;
            let mut snapshot = state.snapshot(&setup.plan(), chrono::Utc::now(), all);
            node::explain_answers(&state, &mut snapshot.orders);
            node::name_lines(&state, &setup.profiles.all, &mut snapshot.devices);
            Ok(snapshot)
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
        What::Commands => text(&commands(snapshot))?,
        What::Photos => text(&snapshot.photos)?,
        What::Quarantine => text(&snapshot.quarantine)?,
        What::Refused => text(&snapshot.refused)?,
        What::Unknown => text(&unknown(&devices(setup, snapshot, all)))?,
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

/// A line of `list commands`.
#[derive(Serialize)]
#[serde(untagged)]
enum Told<'a> {
    Opening(&'a CommandRow),
    Order(&'a OrderRow),
}

impl Told<'_> {
    fn id(&self) -> CommandId {
        match self {
            Self::Opening(row) => row.id,
            Self::Order(row) => row.id,
        }
    }
}

/// Openings and orders in one list, in the order they were made.
fn commands(snapshot: &Snapshot) -> Vec<Told<'_>> {
    let openings = snapshot.commands.iter().map(Told::Opening);
    let mut rows: Vec<Told<'_>> = openings.chain(snapshot.orders.iter().map(Told::Order)).collect();
    rows.sort_by_key(Told::id);
    rows
}

/// Something a device said that no paper names.
#[derive(Debug, Serialize)]
struct NotUnderstood {
    device: String,
    kind: DeviceKind,
    #[serde(flatten)]
    row: UnknownRow,
}

/// All devices' values that were not understood. Those beyond a device's 64 kinds stand together as `others`.
fn unknown(devices: &[DeviceRow]) -> Vec<NotUnderstood> {
    let of = |device: &DeviceRow, row| NotUnderstood { device: device.id.clone(), kind: device.kind, row };
    let mut rows = Vec::new();
    for device in devices {
        rows.extend(device.unknown.iter().map(|row| of(device, row.clone())));
        let ages = device.unknown.iter().map(|row| row.first).min().zip(device.last_received);
        if let Some((first, last)) = ages.filter(|_| device.unknown_others > 0) {
            let (firmware, what) = (device.firmware.clone(), "others".to_owned());
            let count = device.unknown_others;
            rows.push(of(device, UnknownRow { firmware, what, count, value: String::new(), first, last }));
        }
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

/// A row of headings, then one a row; `-` stands for what is not known.
fn rows(setup: &Setup, snapshot: &Snapshot, what: What, all: bool) -> Vec<Vec<String>> {
    let time = |at: Option<crate::domain::Utc>| match at {
        Some(at) => at.with_timezone(&setup.zone).format("%Y-%m-%d %H:%M:%S %Z").to_string(),
        None => "-".into(),
    };
    let place = |place: &Option<crate::fleet::snapshot::Place>| match place {
        Some(place) => format!("{:.5} {:.5}", place.lat, place.lon),
        None => "-".into(),
    };
    match what {
        What::Devices => headed(
            &["ID", "KIND", "ASSET", "STATUS", "LOCK", "VALVE", "AS OF", "LINK", "BATTERY", "PLACE"],
            devices(setup, snapshot, all).iter().map(|row| {
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
            }),
        ),
        What::Assets => headed(
            &["CODE", "NAME", "PLATE", "SEAL", "AS OF", "ALARM", "PLACE", "DEVICES"],
            snapshot.assets.iter().map(|row| {
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
            }),
        ),
        What::Alarms => headed(
            &["ID", "PRI", "STATE", "KIND", "ASSET", "DEVICE", "FIRST", "COUNT", "ACK", "REASON"],
            snapshot.alarms.iter().map(|row| {
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
            }),
        ),
        What::Commands => headed(
            &["ID", "KIND", "TARGET", "ASSET", "EXCHANGE", "EVIDENCE", "BY", "REASON", "CREATED", "EXPIRES"],
            commands(snapshot).iter().map(|told| match told {
                Told::Opening(row) => vec![
                    row.id.to_string(),
                    row.kind.clone(),
                    row.target.clone(),
                    or_dash(row.asset.as_ref()),
                    word(&row.exchange),
                    word(&row.evidence),
                    row.by.clone(),
                    row.reason.word().into(),
                    time(Some(row.created)),
                    time(Some(row.expires)),
                ],
                Told::Order(row) => vec![
                    row.id.to_string(),
                    row.kind.clone(),
                    row.target.clone(),
                    or_dash(row.asset.as_ref()),
                    word(&row.exchange),
                    word(&row.evidence),
                    row.by.clone(),
                    or_dash(row.detail.as_ref().or(row.reason.as_ref())),
                    time(Some(row.created)),
                    time(Some(row.expires)),
                ],
            }),
        ),
        What::Quarantine => headed(
            &["ID", "PROTOCOL", "LOOKS LIKE", "FIRST", "LAST", "FRAMES", "FROM", "PLACE", "WHY"],
            snapshot.quarantine.iter().map(|row| {
                vec![
                    row.key.to_string(),
                    row.protocol.word().into(),
                    row.kind.word().into(),
                    time(Some(row.first)),
                    time(Some(row.last)),
                    row.frames.to_string(),
                    format!("{} {}", row.transport.word(), row.peer),
                    place(&row.position),
                    row.why.clone(),
                ]
            }),
        ),
        What::Photos => headed(
            &["DEVICE", "ASSET", "TAKEN", "CAMERA", "STATE", "BYTES", "PLACE", "FILE", "SHA-256", "WHY"],
            snapshot.photos.iter().map(|row| {
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
            }),
        ),
        What::Refused => headed(
            &["REASON", "COUNT", "LAST", "FROM", "CLAIMS", "NEAREST", "SAMPLE"],
            snapshot.refused.iter().map(|row| {
                vec![
                    row.reason.clone(),
                    row.count.to_string(),
                    time(Some(row.last)),
                    row.peer.clone(),
                    or_dash(row.device.as_ref()),
                    or_dash(row.nearest.as_ref()),
                    row.sample.clone(),
                ]
            }),
        ),
        What::Unknown => headed(
            &["DEVICE", "KIND", "FIRMWARE", "WHAT", "COUNT", "VALUE", "FIRST", "LAST"],
            unknown(&devices(setup, snapshot, all)).into_iter().map(|said| {
                vec![
                    said.device,
                    said.kind.word().into(),
                    or_dash(said.row.firmware),
                    said.row.what,
                    said.row.count.to_string(),
                    said.row.value,
                    time(Some(said.row.first)),
                    time(Some(said.row.last)),
                ]
            }),
        ),
    }
}

/// The headings, then the rows.
fn headed(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    let heads = heads.iter().map(|head| (*head).to_owned()).collect();
    std::iter::once(heads).chain(rows).collect()
}

/// RFC 4180 with line feeds; what is not known is empty. A cell that a spreadsheet would take for a formula gets a
/// quote before it: names come from outside.
fn csv(rows: &[Vec<String>]) -> String {
    let cell = |text: &String| {
        let text = if text == "-" { String::new() } else { text::clean(text) };
        let is_number = text.parse::<f64>().is_ok();
        let mark = if text.starts_with(['=', '+', '-', '@']) && !is_number { "'" } else { "" };
        if text.contains([',', '"']) {
            format!("\"{mark}{}\"", text.replace('"', "\"\""))
        } else {
            format!("{mark}{text}")
        }
    };
    let line = |row: &Vec<String>| row.iter().map(cell).collect::<Vec<_>>().join(",") + "\n";
    rows.iter().map(line).collect()
}

/// Columns as wide as their widest cell, two spaces between; foreign text is cleaned.
pub(super) fn table(rows: &[Vec<String>]) -> String {
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
    fn values_are_separated_and_no_formulas() {
        let cells = ["a,b", "say \"hi\"", "-", "-3.5", "=1+1", "@x", "\u{1b}[2J", "Häfen"];
        let rows = vec![cells.map(String::from).to_vec()];
        assert_eq!(csv(&rows), "\"a,b\",\"say \"\"hi\"\"\",,-3.5,'=1+1,'@x,·[2J,Häfen\n");
    }

    #[test]
    fn tables_line_up_and_are_clean() {
        let rows = vec![vec!["A".to_owned(), "B".to_owned()], vec!["\u{1b}[2Jx".to_owned(), "y".to_owned()]];
        assert_eq!(table(&rows), "A      B\n·[2Jx  y\n");
    }
}
