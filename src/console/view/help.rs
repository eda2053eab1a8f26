//! Every key, those of this view first, what cannot be done now with its reason.

use crate::console::input::Input;
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::update;
use crate::console::widget::panel;
use crate::console::widget::table::put;
use crate::console::widget::text::Pen;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, input: &Input, at: usize) {
    let pen = Pen::of(model);
    let screen = frame.area();
    let free = Rect { y: 2, height: screen.height.saturating_sub(4), ..screen };
    let area = panel::centred(free, 100, free.height);
    let title = format!("keys in the {} view", model.view().name());
    let inner = panel::boxed(frame, pen, area, &title, model.options.ascii);
    let field = Rect { height: 1, ..inner };
    let text = input.text();
    super::footer::field(frame, pen, field, "search ", &text, &input.before_cursor(), "");
    let entries = update::help_entries(model, &text);
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut selected_line = 0;
    let mut section = "";
    let width = usize::from(inner.width);
    for (n, entry) in entries.iter().enumerate() {
        let own = entry.views.contains(&model.view());
        let heading = if own { "here" } else { entry.section.text() };
        if heading != section {
            section = heading;
            lines.push(pen.line(Role::Frame, format!(" {heading}")));
        }
        if n == at {
            selected_line = lines.len();
        }
        lines.push(line(model, pen, entry, n == at, width));
    }
    if entries.is_empty() {
        lines.push(pen.line(Role::Muted, "  nothing has that in its name"));
    }
    let list = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let skip = (selected_line + 2).saturating_sub(usize::from(list.height));
    put(frame, list, lines.into_iter().skip(skip));
}

fn line(
    model: &Model,
    pen: Pen<'_>,
    entry: &crate::console::action::Entry,
    selected: bool,
    width: usize,
) -> Line<'static> {
    let reason = model.enabled(entry.action).err();
    let role = |role| if selected { Role::Selected } else { role };
    let mark = if selected { pen.sy.cursor } else { " " };
    let keys = pen.fill(&model.keymap.keys(entry.action), 13, false);
    let text = match &reason {
        Some(reason) => format!("{}  (not now: {reason})", entry.short),
        None => entry.text.to_owned(),
    };
    let body = if reason.is_some() { Role::Muted } else { Role::Text };
    let key = if entry.danger { Role::Warn } else { Role::Key };
    Line::from(vec![
        pen.span(role(key), format!("{mark}{keys} ")),
        pen.span(role(body), pen.fill(&text, width.saturating_sub(15), false)),
    ])
}
