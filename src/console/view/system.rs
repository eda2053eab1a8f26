//! The node itself.

use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::widget::panel::{field, spans};
use crate::console::widget::table::put;
use crate::console::widget::text::Pen;
use crate::console::words;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// A commit slower than this is worth a look, ms.
const SLOW_COMMIT: f64 = 200.0;

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let pen = Pen::of(model);
    let room = usize::from(area.width);
    let node = &model.rows.node;
    let line = |label: &str, role: Role, text: String| field(pen, label, role, &text, room);
    let mut lines: Vec<Line<'static>> = Vec::new();
    let up = node.started.map_or_else(String::new, |at| format!(" · up {}", words::age(model.now, at)));
    lines.extend(line("node", Role::Strong, format!("{} · lockyard {}{up}", node.name, node.version)));
    let sockets =
        if node.listening.is_empty() { "on nothing".to_owned() } else { node.listening.join("   ") };
    let role = if node.listening.is_empty() { Role::Bad } else { Role::Text };
    lines.extend(line("listening", role, sockets));
    let enrol = if node.auto_enrol { "by itself, at the first valid frame" } else { "by a person" };
    let you = model.operator.as_deref().unwrap_or("not told by the node");
    lines.extend(line("you", Role::Text, you.into()));
    lines.extend(line("enrols", Role::Text, enrol.into()));
    lines.push(Line::default());
    let connections = format!(
        "{} {} · {} {}",
        node.connections,
        if node.connections == 1 { "device" } else { "devices" },
        node.consoles,
        if node.consoles == 1 { "console" } else { "consoles" }
    );
    let full = node.turned_away > 0;
    let turned_away =
        if full { format!(" · {} turned away, see [limits]", node.turned_away) } else { String::new() };
    let role = if full { Role::Warn } else { Role::Text };
    lines.extend(line("connected", role, connections + &turned_away));
    lines.extend(line(
        "frames",
        Role::Text,
        format!("{} a minute · {} so far", node.frames_per_minute, node.frames),
    ));
    let odd = format!(
        "{} refused · {} quarantined · {} duplicates · {} datagrams dropped",
        node.refused, node.quarantined, node.duplicates, node.dropped_datagrams
    );
    lines.extend(line("of these", if node.dropped_datagrams > 0 { Role::Warn } else { Role::Text }, odd));
    lines.push(Line::default());
    lines.extend(journal(model, pen, area));
    let role = if node.commit_ms > SLOW_COMMIT { Role::Warn } else { Role::Text };
    lines.extend(line("commit", role, format!("the last one took {:.1} ms", node.commit_ms)));
    let (role, text) = match &node.store_error {
        Some(error) => (Role::Critical, format!("{error}; devices are not answered and keep their data")),
        None => (Role::Text, "writes well".into()),
    };
    lines.extend(line("store", role, text));
    lines.extend(line(
        "disk",
        Role::Text,
        format!("{} free at {}", words::bytes(node.disk_free_bytes), node.data_dir),
    ));
    put(frame, area, lines);
}

/// Entries, size, limit and a bar of the share.
fn journal(model: &Model, pen: Pen<'_>, area: Rect) -> Vec<Line<'static>> {
    let node = &model.rows.node;
    let limit = node.journal_limit_bytes;
    let size = words::bytes(node.journal_bytes);
    let entries = format!("{} entries", node.journal_seq);
    if limit == 0 {
        return vec![spans(
            pen,
            "journal",
            vec![pen.span(Role::Text, format!("{entries} · {size}, no limit"))],
        )];
    }
    let pct = (node.journal_bytes.saturating_mul(100) / limit).min(100);
    let width = usize::from(area.width / 4).clamp(8, 40);
    let full = width * usize::try_from(pct).unwrap_or(100) / 100;
    let role = match pct {
        0..=79 => Role::Ok,
        80..=89 => Role::Warn,
        _ => Role::Bad,
    };
    let bar = pen.sy.full.repeat(full);
    let rest = pen.sy.empty.repeat(width - full);
    vec![spans(
        pen,
        "journal",
        vec![
            pen.span(role, bar),
            pen.span(Role::Muted, rest),
            pen.span(Role::Text, format!(" {pct}% · {size} of {} · {entries}", words::bytes(limit))),
        ],
    )]
}
