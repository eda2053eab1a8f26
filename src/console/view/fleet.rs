//! All assets, one line each.

use super::details;
use crate::console::columns::fleet as column;
use crate::console::layout::Areas;
use crate::console::list;
use crate::console::model::Model;
use crate::console::rows::{RowId, worst_link};
use crate::console::seal;
use crate::console::theme::Role;
use crate::console::widget::table::{self, Cell};
use crate::console::widget::text::Pen;
use crate::console::words;
use crate::domain::{Evidence, Exchange};
use crate::fleet::snapshot::{AssetRow, CommandRow};
use ratatui::Frame;
use std::collections::HashMap;

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, areas: &Areas) {
    if model.list().order.is_empty() {
        let text = match model.list().total {
            0 => "nothing known yet".to_owned(),
            hidden => format!("the filter hides all {hidden} assets; Esc takes it away"),
        };
        let line = Pen::of(model).line(Role::Muted, format!("  {text}"));
        table::put(frame, areas.body(), ["".into(), line]);
        return;
    }
    let open = model.shown().open_commands();
    if !areas.list.is_empty() {
        table::draw(frame, model, areas.list, &column::ALL, |id, index| {
            let RowId::Asset(id) = id else { return Cell::empty() };
            model.shown().assets.get(id).map_or_else(Cell::empty, |row| cell(model, row, &open, index))
        });
    }
    details::draw(frame, model, areas);
}

fn cell(model: &Model, row: &AssetRow, open: &HashMap<&str, &CommandRow>, index: usize) -> Cell {
    let rows = model.shown();
    let sy = model.symbols;
    let devices = rows.devices_of(row);
    match index {
        column::NAME => Cell::new(Role::Strong, &*row.name),
        column::PLATE => Cell::new(Role::Text, row.plate.as_deref().unwrap_or("")),
        column::SEAL => Cell::from(&seal::mark(rows, row, sy)),
        column::AS_OF => Cell::new(Role::Text, words::age_of(model.now, row.as_of, sy)),
        column::ALARM => row.worst_alarm.map_or_else(Cell::empty, |p| {
            let unack =
                rows.alarms_of(&row.name).iter().any(|a| a.priority == p && a.state.is_unacknowledged());
            Cell::new(words::priority(p, unack), p.to_string())
        }),
        column::LOCKS => match list::locked(rows, row) {
            (_, 0) => Cell::new(Role::Muted, "none"),
            (safe, all) if safe == all => Cell::new(Role::Text, format!("{safe}/{all}")),
            (safe, all) => Cell::new(Role::Warn, format!("{safe}/{all}{}", sy.warn)),
        },
        column::SPEED => {
            let speed = row.position.as_ref().and_then(|p| p.speed_kmh);
            speed.map_or_else(Cell::empty, |speed| {
                let role = if speed >= 0.5 { Role::Text } else { Role::Muted };
                Cell::new(role, format!("{speed:.0}"))
            })
        }
        column::POSITION => {
            Cell::new(Role::Muted, words::age_of(model.now, row.position.as_ref().map(|p| p.at), sy))
        }
        column::BATTERY => list::lowest_battery(rows, row)
            .map_or_else(Cell::empty, |pct| Cell::new(details::battery_role(pct), format!("{pct}%"))),
        column::LINK => {
            worst_link(devices).map_or_else(Cell::empty, |link| Cell::from(&words::link(link, sy)))
        }
        column::COMMAND => open.get(row.name.as_str()).map_or_else(Cell::empty, |c| command(model, c)),
        _ => Cell::empty(),
    }
}

/// The open command of an asset in one word: what was seen goes before what was said.
fn command(model: &Model, row: &CommandRow) -> Cell {
    match (row.evidence, row.exchange) {
        (Evidence::None, Exchange::Queued | Exchange::Sent | Exchange::Uncertain) => {
            Cell::from(&words::exchange(row.exchange, model.symbols))
        }
        (Evidence::None, _) => {
            Cell::new(Role::Info, format!("{} {}", model.symbols.to, row.exchange.words()))
        }
        _ => Cell::from(&words::evidence(row.evidence, model.symbols)),
    }
}
