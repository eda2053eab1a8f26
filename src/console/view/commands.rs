//! Openings and orders asked for. What was exchanged and what was seen to move are two columns, never one.

use super::details;
use crate::console::columns::commands as column;
use crate::console::layout::Areas;
use crate::console::model::Model;
use crate::console::rows::RowId;
use crate::console::theme::Role;
use crate::console::told::Told;
use crate::console::widget::table::{self, Cell};
use crate::console::widget::text::Pen;
use crate::console::words;
use ratatui::Frame;

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, areas: &Areas) {
    if model.list().order.is_empty() {
        let text = match model.list().total {
            0 => "no commands yet: U on an asset or a lock asks for an opening".to_owned(),
            hidden => format!("the filter hides all {hidden} commands; Esc takes it away"),
        };
        let line = Pen::of(model).line(Role::Muted, format!("  {text}"));
        table::put(frame, areas.body(), ["".into(), line]);
        return;
    }
    if !areas.list.is_empty() {
        table::draw(frame, model, areas.list, &column::ALL, |id, index| {
            let RowId::Command(id) = id else { return Cell::empty() };
            model.shown().told(*id).map_or_else(Cell::empty, |row| cell(model, row, index))
        });
    }
    details::draw(frame, model, areas);
}

pub(super) fn cell(model: &Model, row: Told<'_>, index: usize) -> Cell {
    let clock = |at| words::clock(model.now, at, model.options.zone);
    match index {
        column::ID => Cell::new(Role::Muted, format!("#{}", row.id())),
        column::AGE => Cell::new(Role::Text, words::age(model.now, row.created())),
        column::ASSET => Cell::new(Role::Strong, row.asset().unwrap_or("")),
        column::TARGET => Cell::id(Role::Text, row.target()),
        column::EXCHANGE => Cell::from(&row.exchange_mark(model.symbols)),
        column::EXCHANGED => {
            Cell::new(Role::Text, clock(row.answered().or(row.sent()).unwrap_or(row.created())))
        }
        column::EVIDENCE => match row {
            Told::Opening(row) => Cell::from(&words::evidence(row.evidence, model.symbols)),
            Told::Order(_) => Cell::new(Role::Muted, row.evidence_words()),
        },
        column::EVIDENCED => Cell::new(Role::Text, row.evidence_at().map(clock).unwrap_or_default()),
        column::BY => Cell::new(Role::Text, row.by()),
        column::REASON => Cell::new(Role::Muted, row.reason()),
        _ => Cell::empty(),
    }
}
