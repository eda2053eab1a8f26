//! Rows under headings, for every list: which columns fit, which row is selected, where the cursor stands.

use super::text::Pen;
use crate::console::columns::{Column, fit};
use crate::console::list::{ListState, Sort};
use crate::console::model::Model;
use crate::console::rows::RowId;
use crate::console::theme::Role;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

/// What stands in one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    pub role: Role,
    /// Cut at its beginning when it is too long: IDs differ in their last digits.
    keeps_end: bool,
}

impl Cell {
    #[must_use]
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self { text: text.into(), role, keeps_end: false }
    }

    /// An ID.
    #[must_use]
    pub fn id(role: Role, text: impl Into<String>) -> Self {
        Self { keeps_end: true, ..Self::new(role, text) }
    }

    #[must_use]
    pub fn empty() -> Self {
        Self::new(Role::Text, "")
    }
}

impl From<&crate::console::words::Mark> for Cell {
    fn from(mark: &crate::console::words::Mark) -> Self {
        Self::new(mark.role, mark.text())
    }
}

/// Cells beside the columns: the cursor mark before them and a margin after them.
const MARGIN: u16 = 2;

/// The columns that fit into an area.
#[must_use]
pub fn fitted(columns: &[Column], area: Rect) -> Vec<(usize, u16)> {
    fit(columns, area.width.saturating_sub(MARGIN))
}

/// Headings; the ordering column carries an arrow.
#[must_use]
pub fn heading(pen: Pen<'_>, columns: &[Column], fitted: &[(usize, u16)], sort: Sort) -> Line<'static> {
    let mut spans = vec![pen.span(Role::Frame, " ")];
    for (index, width) in fitted {
        let column = columns[*index];
        let sorted = sort.column == Some(*index);
        let arrow = if sort.invert { pen.sy.down } else { pen.sy.up };
        let title = if sorted { format!("{}{arrow}", column.title) } else { column.title.to_owned() };
        let role = if sorted { Role::Strong } else { Role::Frame };
        spans.push(pen.span(role, pen.fill(&title, usize::from(*width), column.right)));
        spans.push(pen.span(Role::Frame, " "));
    }
    Line::from(spans)
}

/// One row. On the selected row every cell takes the selection's style, but what must be acted on keeps its own.
#[must_use]
pub fn row(
    pen: Pen<'_>,
    columns: &[Column],
    fitted: &[(usize, u16)],
    selected: bool,
    cell: impl Fn(usize) -> Cell,
) -> Line<'static> {
    let gap = if selected { Role::Selected } else { Role::Text };
    let mut spans = vec![pen.span(gap, if selected { pen.sy.cursor } else { " " })];
    for (index, width) in fitted {
        let Cell { text, role, keeps_end } = cell(*index);
        let width = usize::from(*width);
        let text = if keeps_end { pen.clip_front(&text, width) } else { text };
        let role = if selected && role != Role::Critical { Role::Selected } else { role };
        let filled = pen.fill(&text, width, columns[*index].right);
        if role == Role::Critical {
            // Only the words are reversed, not the width of the column.
            let words = filled.trim_end().to_owned();
            let rest = " ".repeat(filled.chars().count() - words.chars().count());
            spans.push(pen.span(role, words));
            spans.push(pen.span(gap, rest));
        } else {
            spans.push(pen.span(role, filled));
        }
        spans.push(pen.span(gap, " "));
    }
    Line::from(spans)
}

/// Draws a whole list and puts the cursor on its selected row.
pub fn draw(
    frame: &mut Frame<'_>,
    model: &Model,
    area: Rect,
    columns: &[Column],
    cell: impl Fn(&RowId, usize) -> Cell,
) {
    let pen = Pen::of(model);
    let list: &ListState = model.list();
    let fitted = fitted(columns, area);
    let mut lines = vec![heading(pen, columns, &fitted, list.sort)];
    let height = usize::from(area.height.saturating_sub(1));
    let selected = list.position();
    for (at, id) in list.order.iter().enumerate().skip(list.top).take(height) {
        lines.push(row(pen, columns, &fitted, selected == Some(at), |index| cell(id, index)));
    }
    put(frame, area, lines);
    if let Some(at) = selected.filter(|at| (list.top..list.top + height).contains(at)) {
        cursor(frame, area, at - list.top + 1);
    }
}

/// Draws lines from the top of an area.
pub fn put(frame: &mut Frame<'_>, area: Rect, lines: impl IntoIterator<Item = Line<'static>>) {
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

/// Puts the terminal's own cursor on a row, so that braille displays and screen readers find it.
pub fn cursor(frame: &mut Frame<'_>, area: Rect, row: usize) {
    if let Ok(row) = u16::try_from(row) {
        frame.set_cursor_position(Position::new(area.x, area.y.saturating_add(row)));
    }
}

/// Lines of a list with headings between its rows, moved so that the selected row is in sight.
pub fn draw_mixed(
    frame: &mut Frame<'_>,
    model: &Model,
    area: Rect,
    lines: Vec<(Option<RowId>, Line<'static>)>,
) {
    let selected = model.selected();
    let at = lines.iter().position(|(id, _)| id.is_some() && id.as_ref() == selected);
    let height = usize::from(area.height);
    // One line more below, so that the next heading shows before one gets there.
    let skip = at.map_or(0, |at| (at + 2).min(lines.len()).saturating_sub(height));
    put(frame, area, lines.into_iter().skip(skip).map(|(_, line)| line));
    if let Some(at) = at {
        cursor(frame, area, at - skip);
    }
}

/// Spans joined by gaps, as long as they fit into `width`; the rest is left out whole.
#[must_use]
pub fn join(groups: Vec<Vec<Span<'static>>>, gap: &Span<'static>, width: usize) -> Line<'static> {
    let mut line = Line::default();
    for group in groups {
        let cells: usize = group.iter().map(Span::width).sum();
        let sep = if line.spans.is_empty() { 0 } else { gap.width() };
        if line.width() + sep + cells > width {
            continue;
        }
        if sep > 0 {
            line.push_span(gap.clone());
        }
        line.spans.extend(group);
    }
    line
}
