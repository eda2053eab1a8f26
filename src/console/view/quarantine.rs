//! IDs that wait, and what could not be read: why is my lock not showing?

use super::{details, guide, header};
use crate::console::columns::quarantine as column;
use crate::console::layout::Areas;
use crate::console::model::Model;
use crate::console::rows::RowId;
use crate::console::theme::Role;
use crate::console::widget::table::{self, Cell, draw_mixed, fitted, heading};
use crate::console::widget::text::Pen;
use crate::console::words;
use crate::fleet::snapshot::{QuarantineRow, RefusedRow};
use ratatui::Frame;
use ratatui::text::Line;

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, areas: &Areas) {
    let rows = model.shown();
    if rows.quarantine.is_empty() && rows.refused.is_empty() {
        guide::nothing_knocked(frame, model, areas.body());
        return;
    }
    if !areas.list.is_empty() {
        let lines = lines(model, areas);
        draw_mixed(frame, model, areas.list, lines);
    }
    details::draw(frame, model, areas);
}

fn lines(model: &Model, areas: &Areas) -> Vec<(Option<RowId>, Line<'static>)> {
    let pen = Pen::of(model);
    let rows = model.shown();
    let list = model.list();
    let fit = fitted(&column::ALL, areas.list);
    let mut lines = vec![(None, heading(pen, &column::ALL, &fit, list.sort))];
    let mut refused = false;
    for id in &list.order {
        let selected = list.selected.as_ref() == Some(id);
        let line =
            match id {
                RowId::Quarantined(key) => rows.quarantine.iter().find(|row| row.key == *key).map(|row| {
                    table::row(pen, &column::ALL, &fit, selected, |index| cell(model, row, index))
                }),
                RowId::Refused(reason) => {
                    if !refused {
                        refused = true;
                        lines.push((None, header::rule(pen, areas.list, "frames that could not be read")));
                    }
                    let row = rows.refused.iter().find(|row| row.reason == *reason);
                    row.map(|row| refused_line(model, pen, row, selected, usize::from(areas.list.width)))
                }
                _ => None,
            };
        lines.extend(line.map(|line| (Some(id.clone()), line)));
    }
    lines
}

fn cell(model: &Model, row: &QuarantineRow, index: usize) -> Cell {
    match index {
        column::ID => Cell::id(Role::Strong, row.key.to_string()),
        column::PROTOCOL => Cell::new(Role::Text, row.protocol.word()),
        column::KIND => Cell::new(Role::Text, words::device_kind(row.kind)),
        column::LAST => Cell::new(Role::Text, words::age(model.now, row.last)),
        column::FIRST => Cell::new(Role::Muted, words::age(model.now, row.first)),
        column::FRAMES => Cell::new(Role::Text, row.frames.to_string()),
        column::PEER => Cell::new(Role::Muted, &*row.peer),
        column::WHY => Cell::new(Role::Text, &*row.why),
        _ => Cell::empty(),
    }
}

/// Count, age, reason and the first bytes.
fn refused_line(
    model: &Model,
    pen: Pen<'_>,
    row: &RefusedRow,
    selected: bool,
    width: usize,
) -> Line<'static> {
    let role = |role| if selected { Role::Selected } else { role };
    let cursor = if selected { pen.sy.cursor } else { " " };
    let head = format!("{cursor}{:>6} {:>4}  ", row.count, words::age(model.now, row.last));
    let reason_width = (width / 2).saturating_sub(14).max(10);
    let reason = pen.fill(&row.reason, reason_width, false);
    let bytes_width = width.saturating_sub(head.chars().count() + reason_width + 3);
    let bytes = pen.fill(&details::grouped(&row.sample), bytes_width, false);
    Line::from(vec![
        pen.span(role(Role::Text), head),
        pen.span(role(Role::Strong), reason),
        pen.span(role(Role::Muted), format!("  {bytes} ")),
    ])
}
