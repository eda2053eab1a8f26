//! Alarms, worst first.

use super::details;
use crate::console::columns::alarms as column;
use crate::console::layout::Areas;
use crate::console::model::Model;
use crate::console::rows::RowId;
use crate::console::theme::Role;
use crate::console::widget::table::{self, Cell};
use crate::console::widget::text::Pen;
use crate::console::words;
use crate::fleet::snapshot::AlarmRow;
use ratatui::Frame;

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, areas: &Areas) {
    let pen = Pen::of(model);
    if model.list().order.is_empty() {
        let text = match (model.is_live(), model.list().total) {
            (true, 0) => "no alarms: nothing asks for you".to_owned(),
            (true, hidden) => format!("the filter hides all {hidden} alarms; Esc takes it away"),
            (false, _) => "nothing known yet".to_owned(),
        };
        table::put(frame, areas.body(), ["".into(), pen.line(Role::Muted, format!("  {text}"))]);
        return;
    }
    if !areas.list.is_empty() {
        table::draw(frame, model, areas.list, &column::ALL, |id, index| {
            let RowId::Alarm(id) = id else { return Cell::empty() };
            model.shown().alarms.get(id).map_or_else(Cell::empty, |row| cell(model, row, index))
        });
    }
    details::draw(frame, model, areas);
}

pub(super) fn cell(model: &Model, row: &AlarmRow, index: usize) -> Cell {
    let unack = row.state.is_unacknowledged();
    let text = if unack { Role::Strong } else { Role::Text };
    match index {
        column::MARK => Cell::new(text, words::alarm_state(row.state).0),
        column::PRIORITY => Cell::new(words::priority(row.priority, unack), row.priority.to_string()),
        column::AGE => Cell::new(Role::Text, words::age(model.now, row.first)),
        column::ASSET => Cell::new(text, row.asset.as_deref().unwrap_or("this node")),
        column::KIND => Cell::new(text, words::kind(row.kind)),
        column::COUNT if row.count > 1 => {
            Cell::new(Role::Text, format!("{}{}", model.symbols.times, row.count))
        }
        column::LATE if row.late => Cell::new(Role::Info, "late"),
        column::DEVICE => Cell::id(Role::Muted, row.device.as_deref().unwrap_or("")),
        column::REASON => Cell::new(Role::Muted, &*row.reason),
        _ => Cell::empty(),
    }
}
