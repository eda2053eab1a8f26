//! A frame field by field: what is wrong with it on top, then where each byte went.

use super::header;
use crate::console::action::Action;
use crate::console::explain::{BELOW, Explained, MOST_ABOVE, Progress};
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::widget::panel::field as labelled;
use crate::console::widget::table::{cursor, put};
use crate::console::widget::text::Pen;
use crate::domain::explain::{Certainty, Explanation, Field};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// From this height on the selected field is drawn below the table.
const ROOM_FOR_BELOW: u16 = 12;

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let pen = Pen::of(model);
    let Some(explained) = &model.explained else { return };
    let above = above(pen, explained, usize::from(area.width));
    let height = u16::try_from(above.len()).unwrap_or(u16::MAX).min(area.height);
    let (head, rest) = split(area, height);
    put(frame, head, above);
    match &explained.progress {
        Progress::Asked => put(frame, rest, [pen.line(Role::Muted, " Asked the node …")]),
        Progress::Failed(why) => put(frame, rest, [pen.line(Role::Bad, format!(" No explanation: {why}"))]),
        Progress::Told(explanation) if explanation.fields.is_empty() => {
            let copy = model.keymap.key(Action::Copy);
            let text = format!(" No fields can be told apart in it; {copy} copies its bytes.");
            put(frame, rest, [pen.line(Role::Muted, text)]);
        }
        Progress::Told(explanation) => {
            let below = if rest.height >= ROOM_FOR_BELOW { BELOW } else { 0 };
            let (list, selected) = split(rest, rest.height - below);
            table(frame, pen, list, explained, explanation);
            if let Some(field) = explanation.fields.get(explained.at) {
                put(frame, selected, whole(pen, selected, field));
            }
        }
    }
}

fn split(area: Rect, height: u16) -> (Rect, Rect) {
    let upper = Rect { height, ..area };
    (upper, Rect { y: upper.bottom(), height: area.height - height, ..area })
}

/// What kind of frame, what became of it, what is wrong with it.
fn above(pen: Pen<'_>, explained: &Explained, room: usize) -> Vec<Line<'static>> {
    let bytes = count(explained.raw.len() / 2);
    let mut lines = Vec::new();
    if let Some(explanation) = explained.explanation() {
        let text = format!("{}, {bytes}", explanation.frame);
        lines.extend(labelled(pen, "frame", Role::Strong, &text, room));
        match &explanation.verdict {
            Some(verdict) => lines.extend(labelled(pen, "verdict", Role::Bad, verdict, room)),
            // Why it was refused stands below, if it was.
            None if explained.is_refused => {}
            None => lines.extend(labelled(pen, "verdict", Role::Text, "nothing is wrong with it", room)),
        }
    } else {
        lines.extend(labelled(pen, "frame", Role::Strong, &bytes, room));
    }
    for (label, text) in &explained.about {
        lines.extend(labelled(pen, label, Role::Text, text, room));
    }
    lines.truncate(MOST_ABOVE);
    lines
}

/// Cells of each column; 0 where there is no room for it. Certainty never leaves: it is what marks a field without
/// colour. The bytes leave first, then the offset; the selected field shows both below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns {
    at: usize,
    bytes: usize,
    name: usize,
    value: usize,
}

/// Width of the longest certainty.
const SURE: usize = 10;

fn columns(width: usize) -> Columns {
    let at = if width >= 60 { 4 } else { 0 };
    let bytes = match width {
        ..100 => 0,
        100..150 => 8 * 3 - 1,
        _ => 16 * 3 - 1,
    };
    // A margin on both sides; a cell behind each column but the last.
    let gaps = 2 + usize::from(at > 0) + usize::from(bytes > 0) + 2;
    let rest = width.saturating_sub(at + bytes + SURE + gaps);
    let name = (rest * 2 / 5).clamp(8, 40);
    Columns { at, bytes, name, value: rest.saturating_sub(name) }
}

fn table(frame: &mut Frame<'_>, pen: Pen<'_>, area: Rect, explained: &Explained, explanation: &Explanation) {
    let columns = columns(usize::from(area.width));
    let height = usize::from(area.height.saturating_sub(1));
    let skip = (explained.at + 2).min(explanation.fields.len()).saturating_sub(height);
    let heads = ["at", "bytes", "name", "value", "certainty"].map(str::to_owned);
    let mut lines = vec![row(pen, columns, &heads, [Role::Frame; 5], None)];
    let mut before: Option<&Field> = None;
    for (n, field) in explanation.fields.iter().enumerate() {
        if n >= skip && n - skip < height {
            lines.push(field_row(pen, columns, field, before, n == explained.at));
        }
        before = Some(field);
    }
    put(frame, area, lines);
    cursor(frame, area, explained.at.saturating_sub(skip) + 1);
}

fn field_row(
    pen: Pen<'_>,
    columns: Columns,
    field: &Field,
    before: Option<&Field>,
    selected: bool,
) -> Line<'static> {
    // A part that repeats the place of its whole does not say it again.
    let again = field.depth > 0
        && before.is_some_and(|b| (b.at, b.length, &b.bytes) == (field.at, field.length, &field.bytes));
    let (at, bytes) = if again { Default::default() } else { (field.at.to_string(), pairs(field)) };
    let indent = usize::from(field.depth.min(8)) * 2;
    let role = role(field.certainty);
    let cells =
        [at, bytes, format!("{:indent$}{}", "", field.name), said(field), field.certainty.word().to_owned()];
    row(pen, columns, &cells, [Role::Muted, Role::Muted, role, role, role], Some(selected))
}

/// `selected` is `None` for the headings.
fn row(
    pen: Pen<'_>,
    columns: Columns,
    cells: &[String; 5],
    roles: [Role; 5],
    selected: Option<bool>,
) -> Line<'static> {
    let chosen = selected == Some(true);
    let widths = [columns.at, columns.bytes, columns.name, columns.value, SURE];
    let gap = if chosen { Role::Selected } else { Role::Text };
    let mut spans = vec![pen.span(gap, if chosen { pen.sy.cursor } else { " " })];
    for (n, ((cell, width), role)) in cells.iter().zip(widths).zip(roles).enumerate() {
        if width == 0 {
            continue;
        }
        let role = if chosen { Role::Selected } else { role };
        spans.push(pen.span(role, pen.fill(cell, width, n == 0)));
        spans.push(pen.span(gap, " "));
    }
    Line::from(spans)
}

fn role(certainty: Certainty) -> Role {
    match certainty {
        Certainty::Documented | Certainty::Captured => Role::Text,
        Certainty::Inferred => Role::Muted,
        Certainty::Unknown => Role::Uncertain,
        Certainty::Wrong => Role::Bad,
    }
}

fn count(bytes: usize) -> String {
    format!("{bytes} {}", if bytes == 1 { "byte" } else { "bytes" })
}

/// Value and unit.
fn said(field: &Field) -> String {
    let gap = if field.unit.is_empty() { "" } else { " " };
    format!("{}{gap}{}", field.value, field.unit)
}

/// Hex in pairs.
fn pairs(field: &Field) -> String {
    let hex: Vec<char> = field.bytes.chars().collect();
    let pairs: Vec<String> = hex.chunks(2).map(|pair| pair.iter().collect()).collect();
    pairs.join(" ")
}

/// The selected field without cuts, as far as there is room.
fn whole(pen: Pen<'_>, area: Rect, field: &Field) -> Vec<Line<'static>> {
    let room = usize::from(area.width);
    let more = if field.length > field.bytes.len() / 2 { " and more" } else { "" };
    let place = format!("at {}, {}: {}{more}", field.at, count(field.length), pairs(field));
    let mut lines = vec![header::rule(pen, area, &field.name)];
    lines.extend(labelled(pen, "says", role(field.certainty), &said(field), room).into_iter().take(1));
    lines.extend(labelled(pen, "bytes", Role::Text, &place, room));
    lines.truncate(usize::from(area.height));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_leave_first_and_certainty_never() {
        for width in 40..240 {
            let Columns { at, bytes, name, value } = columns(width);
            let shown = [at, bytes, name, value, SURE].iter().filter(|cells| **cells > 0).count();
            assert!(at + bytes + name + value + SURE + shown < width + 1, "{width}");
            assert!(name >= 8 && value >= 8, "{width}");
        }
        assert_eq!(columns(80).bytes, 0);
        assert!(columns(80).at > 0 && columns(120).bytes > 0);
        assert_eq!(columns(50).at, 0);
    }
}
