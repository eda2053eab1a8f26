//! Details and boxes: labelled lines, flowing items, a frame around a dialog.

use super::text::{Pen, width, wrap};
use crate::console::theme::Role;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear};

/// Cells a label takes.
pub const LABEL: usize = 11;

/// A label and text, wrapped below itself.
#[must_use]
pub fn field(pen: Pen<'_>, label: &str, role: Role, text: &str, room: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (n, part) in wrap(&pen.tidy(text), room.saturating_sub(LABEL + 2)).into_iter().enumerate() {
        let head = if n == 0 { label } else { "" };
        lines.push(Line::from(vec![
            pen.span(Role::Muted, format!(" {}", pen.fill(head, LABEL, false))),
            pen.span(role, part),
        ]));
    }
    lines
}

/// A label and spans on one line.
#[must_use]
pub fn spans(pen: Pen<'_>, label: &str, spans: Vec<Span<'static>>) -> Line<'static> {
    let mut line = Line::from(pen.span(Role::Muted, format!(" {}", pen.fill(label, LABEL, false))));
    line.spans.extend(spans);
    line
}

/// A label and items side by side, on as many lines as they need.
#[must_use]
pub fn flow(pen: Pen<'_>, label: &str, items: Vec<Span<'static>>, room: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut used = usize::MAX;
    for item in items {
        let cells = width(&item.content);
        if used.saturating_add(cells + 3) > room {
            let head = if lines.is_empty() { label } else { "" };
            lines.push(spans(pen, head, Vec::new()));
            used = LABEL + 1;
        } else if let Some(line) = lines.last_mut() {
            line.push_span(pen.span(Role::Muted, format!(" {} ", pen.sy.dot)));
            used += 3;
        }
        used += cells;
        if let Some(line) = lines.last_mut() {
            line.push_span(item);
        }
    }
    lines
}

/// Draws details: below a list under a rule, beside it after a bar. `more` is the key that shows what has no room.
pub fn draw(
    frame: &mut Frame<'_>,
    pen: Pen<'_>,
    area: Rect,
    beside: bool,
    title: Line<'static>,
    lines: Vec<Line<'static>>,
    more: &str,
) {
    if area.is_empty() {
        return;
    }
    let mut head = pen.line(Role::Frame, pen.sy.rule);
    head.push_span(pen.span(Role::Frame, " "));
    head.spans.extend(title.spans);
    head.push_span(pen.span(Role::Frame, " "));
    let inner = if beside { Rect { x: area.x + 1, width: area.width - 1, ..area } } else { area };
    let rest = usize::from(inner.width).saturating_sub(head.width());
    head.push_span(Span::styled(pen.sy.rule.repeat(rest), pen.style(Role::Frame)));
    if beside {
        let bar = (area.y..area.bottom()).map(|_| pen.line(Role::Frame, pen.sy.bar));
        super::table::put(frame, Rect { width: 1, ..area }, bar);
    }
    let room = usize::from(inner.height.saturating_sub(1));
    let hidden = lines.len().saturating_sub(room);
    let mut shown: Vec<Line<'static>> = std::iter::once(head).chain(lines).take(room + 1).collect();
    if hidden > 0
        && let Some(last) = shown.last_mut()
    {
        *last = pen.line(Role::Muted, format!(" {} {} more lines: {more}", pen.sy.down, hidden + 1));
    }
    super::table::put(frame, inner, shown);
}

/// Clears an area, frames it and returns the inside.
pub fn boxed(frame: &mut Frame<'_>, pen: Pen<'_>, area: Rect, title: &str, ascii: bool) -> Rect {
    let mut block = Block::new()
        .borders(Borders::ALL)
        .border_style(pen.style(Role::Frame))
        .title(pen.line(Role::Strong, format!(" {title} ")));
    if ascii {
        block = block.border_set(ratatui::symbols::border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: "-",
            horizontal_bottom: "-",
        });
    }
    let inner = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    inner
}

/// A box of that size in the middle of an area.
#[must_use]
pub fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}
