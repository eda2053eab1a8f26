//! Live frames of one device: what came, what became of it, what was answered.

use super::details::grouped;
use crate::console::action::Action;
use crate::console::model::Model;
use crate::console::tail::{Tail, summary};
use crate::console::theme::Role;
use crate::console::widget::table::{cursor, put};
use crate::console::widget::text::{Pen, wrap};
use crate::console::words;
use crate::ipc::wire::TailLine;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let pen = Pen::of(model);
    let Some(tail) = &model.tail else { return };
    if tail.lines.is_empty() {
        let system = model.keymap.key(Action::ViewSystem);
        let lines = [
            Line::default(),
            pen.line(Role::Text, "  Waiting for a frame of this device."),
            pen.line(Role::Muted, "  Whatever it sends shows here, also what is refused, and why."),
            pen.line(
                Role::Muted,
                format!("  Nothing for longer than its interval: it does not reach us ({system})."),
            ),
        ];
        put(frame, area, lines);
        return;
    }
    let (lines, at) = lines(model, pen, tail, usize::from(area.width));
    let height = usize::from(area.height);
    // Unfolded frames show their beginning; otherwise the newest stand at the bottom.
    let skip = if tail.unfolded.is_some() {
        at.saturating_sub(2).min(lines.len().saturating_sub(1))
    } else {
        (at + 1).saturating_sub(height).max(if tail.selected.is_none() {
            lines.len().saturating_sub(height)
        } else {
            0
        })
    };
    put(frame, area, lines.into_iter().skip(skip));
    cursor(frame, area, at.saturating_sub(skip));
}

/// All lines, and which of them is the head of the selected frame.
fn lines(model: &Model, pen: Pen<'_>, tail: &Tail, width: usize) -> (Vec<Line<'static>>, usize) {
    let current = tail.current().map(|(number, _)| *number);
    let mut lines = Vec::new();
    let mut at = 0;
    for (number, line) in tail.shown() {
        let selected = Some(*number) == current;
        if selected {
            at = lines.len();
        }
        lines.push(head(model, pen, line, selected, width));
        if tail.unfolded == Some(*number) {
            lines.extend(unfolded(pen, line, width));
        } else {
            for message in line.decoded.iter().skip(1) {
                let text = pen.clip(&format!("{:12}{}", "", summary(message)), width);
                lines.push(pen.line(Role::Muted, text));
            }
        }
    }
    (lines, at)
}

fn head(model: &Model, pen: Pen<'_>, line: &TailLine, selected: bool, width: usize) -> Line<'static> {
    let role = |role| if selected { Role::Selected } else { role };
    let mark = if selected { pen.sy.cursor } else { " " };
    let time = words::clock(model.now, line.at, model.options.zone);
    let fate_role = if line.fate == "stored" || line.fate == "quarantined" { Role::Text } else { Role::Warn };
    // `refused: checksum`: the word stands in its column, the reason before what was read.
    let (word, reason) = line.fate.split_once(": ").unwrap_or((&line.fate, ""));
    let said = line.decoded.first().map_or_else(|| grouped(&line.raw), summary);
    let text = if reason.is_empty() { said } else { format!("{reason}: {said}") };
    let fate = pen.fill(word, 12, false);
    let room = width.saturating_sub(time.len() + 16);
    Line::from(vec![
        pen.span(role(Role::Muted), format!("{mark}{time} ")),
        pen.span(role(fate_role), format!("{fate} ")),
        pen.span(role(Role::Text), pen.fill(&text, room, false)),
    ])
}

/// Where from, the whole decoded objects, the raw bytes and the answer.
fn unfolded(pen: Pen<'_>, line: &TailLine, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut add = |role, label: &str, text: &str| {
        let indent = text.len() - text.trim_start().len();
        let room = width.saturating_sub(14 + indent);
        for (n, part) in wrap(&pen.tidy(text.trim_start()), room).into_iter().enumerate() {
            let label = if n == 0 { label } else { "" };
            lines.push(Line::from(vec![
                pen.span(Role::Muted, format!("   {label:<8} ")),
                pen.span(role, format!("{:indent$}{part}", "")),
            ]));
        }
    };
    add(Role::Text, "from", &line.peer);
    add(Role::Text, "fate", &line.fate);
    for message in &line.decoded {
        for (n, part) in facts(message).iter().enumerate() {
            add(Role::Text, if n == 0 { "decoded" } else { "" }, part);
        }
    }
    for (n, part) in hex_lines(&line.raw).into_iter().enumerate() {
        add(Role::Muted, if n == 0 { "raw" } else { "" }, &part);
    }
    add(Role::Info, "answer", line.reply.as_deref().unwrap_or("none"));
    lines
}

/// What a reader looks for first; the rest follows by name.
const FIRST: [&str; 12] = [
    "kind",
    "device",
    "time",
    "error",
    "lock",
    "valve",
    "parts",
    "events",
    "position",
    "sub_device",
    "command",
    "serial",
];

/// What a decoded object says, a line a fact; what it does not say is left out. Raw and answer have lines of their own.
fn facts(object: &serde_json::Value) -> Vec<String> {
    let Some(object) = object.as_object() else { return Vec::new() };
    let rest = object.keys().map(String::as_str).filter(|key| !FIRST.contains(key));
    let keys = FIRST.into_iter().chain(rest.filter(|key| !matches!(*key, "raw" | "reply")));
    let told = keys.filter_map(|key| Some((key, in_words(object.get(key)?))));
    told.filter(|(_, value)| !value.is_empty()).map(|(key, value)| format!("{key}: {value}")).collect()
}

fn in_words(value: &serde_json::Value) -> String {
    use serde_json::Value;
    let list = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.iter().any(Value::is_object) => {
            values.iter().map(in_words).collect::<Vec<_>>().join("; ")
        }
        Value::Array(values) => list(values.iter().map(in_words).collect()),
        Value::Object(fields) => {
            let told = fields.iter().map(|(key, value)| (key, in_words(value)));
            list(
                told.filter(|(_, value)| !value.is_empty())
                    .map(|(key, value)| format!("{key} {value}"))
                    .collect(),
            )
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Hex in lines of 24 bytes.
fn hex_lines(hex: &str) -> Vec<String> {
    let chars: Vec<char> = hex.chars().collect();
    chars.chunks(48).map(|chunk| grouped(&chunk.iter().collect::<String>())).collect()
}
