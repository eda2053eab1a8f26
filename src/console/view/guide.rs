//! What to do next when there is nothing to see.

use crate::console::action::Action;
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::widget::table::put;
use crate::console::widget::text::{Pen, wrap};
use crate::console::words;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// IDs and reasons listed at once; the views have the rest.
const LISTED: usize = 6;

/// The fleet without a device.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let pen = Pen::of(model);
    let node = &model.rows.node;
    let key = |action| model.keymap.key(action);
    let mut lines =
        vec![Line::default(), pen.line(Role::Strong, "  No device is enrolled yet. Three steps:")];
    lines.push(Line::default());
    step(
        pen,
        &mut lines,
        area,
        "1",
        "Point a lock or tracker at this machine: its public name or address, and",
    );
    lines.push(listening(model, pen));
    let says =
        "How a device is told its server stands in its manual; most take an SMS or their maker's tool.";
    step(pen, &mut lines, area, " ", says);
    lines.push(Line::default());
    let knocked = model.rows.quarantine.len();
    let heard = match knocked {
        0 => "Wait for it to knock. Nothing with an ID has been heard so far.".to_owned(),
        n => format!("{n} knocked and wait in quarantine ({}):", key(Action::ViewQuarantine)),
    };
    step(pen, &mut lines, area, "2", &heard);
    for row in model.rows.quarantine.iter().take(LISTED) {
        let text = format!(
            "     {}  {}  {} ago  {} frames  {}",
            row.key,
            words::device_kind(row.kind),
            words::age(model.now, row.last),
            row.frames,
            row.why
        );
        lines.push(pen.line(Role::Info, pen.clip(&text, usize::from(area.width))));
    }
    for row in model.rows.refused.iter().take(LISTED) {
        let text = format!("     {} frames refused: {}  from {}", row.count, row.reason, row.peer);
        lines.push(pen.line(Role::Warn, pen.clip(&text, usize::from(area.width))));
    }
    lines.push(Line::default());
    let enrol = format!(
        "Enrol it: {} then {} on its row, or `:enrol ID ASSET` here, or `lockyard enrol ID --asset NAME`.",
        key(Action::ViewQuarantine),
        key(Action::Enrol)
    );
    step(pen, &mut lines, area, "3", &enrol);
    if node.auto_enrol {
        lines
            .push(pen.line(Role::Muted, "     This node enrols by itself: the first valid frame is enough."));
    }
    put(frame, area, lines);
}

fn step(pen: Pen<'_>, lines: &mut Vec<Line<'static>>, area: Rect, number: &str, text: &str) {
    for (n, part) in wrap(text, usize::from(area.width).saturating_sub(6)).into_iter().enumerate() {
        let head = if n == 0 { number } else { " " };
        lines.push(Line::from(vec![pen.span(Role::Key, format!("  {head}  ")), pen.span(Role::Text, part)]));
    }
}

fn listening(model: &Model, pen: Pen<'_>) -> Line<'static> {
    let sockets = &model.rows.node.listening;
    match sockets.is_empty() {
        true => pen.line(Role::Bad, "     nothing: this node listens on no socket"),
        false => pen.line(Role::Strong, format!("     {}", sockets.join("   "))),
    }
}

/// The quarantine when it is empty.
pub(super) fn nothing_knocked(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let pen = Pen::of(model);
    let node = &model.rows.node;
    let lines = [
        Line::default(),
        pen.line(Role::Muted, "  Nothing waits, and every frame so far could be read."),
        Line::default(),
        pen.line(Role::Text, "  A lock that does not show has not reached these sockets:"),
        listening(model, pen),
        pen.line(
            Role::Text,
            format!("  {} connections open, {} frames so far.", node.connections, node.frames),
        ),
    ];
    put(frame, area, lines);
}
