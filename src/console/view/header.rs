//! The two lines that are always there, and the banners below them.

use crate::console::layout::Areas;
use crate::console::model::{LinkView, Model, View};
use crate::console::theme::Role;
use crate::console::widget::table::{join, put};
use crate::console::widget::text::Pen;
use crate::console::words;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, areas: &Areas) {
    let pen = Pen::of(model);
    let width = usize::from(areas.header.width);
    put(frame, areas.header, [first(model, pen, width), second(model, pen, width)]);
    let banners = model.banners();
    let lines =
        banners.iter().map(|text| pen.line(Role::Banner, pen.fill(&format!(" {text}"), width, false)));
    put(frame, areas.banner, lines);
}

/// Who, when, how bad.
fn first(model: &Model, pen: Pen<'_>, width: usize) -> Line<'static> {
    let node = &model.rows.node;
    let name = if node.name.is_empty() || width >= 100 { "lockyard" } else { "" };
    let local = model.now.with_timezone(&model.options.zone);
    let time = local.format(if width >= 100 { "%a %d %b %H:%M %Z" } else { "%H:%M %Z" }).to_string();
    let bar = pen.span(Role::Frame, format!(" {} ", pen.sy.bar));
    let start = |longest: usize| {
        let who = [name, &pen.clip(&node.name, longest)].join(" ");
        let mut start = vec![pen.span(Role::Strong, format!(" {}", who.trim()))];
        if node.demo {
            start.push(pen.span(Role::Text, " "));
            start.push(pen.span(Role::Banner, " DEMO "));
        }
        start.push(pen.span(Role::Text, format!("  {time}")));
        start
    };
    let figures = [priorities(model, pen), waiting(model, pen)];
    let cells = |spans: &[Span<'static>]| spans.iter().map(Span::width).sum::<usize>();
    let taken: usize = figures.iter().map(|spans| bar.width() + cells(spans)).sum();
    // What is wrong matters more than where: a long name gives way, never a figure.
    let longest = [16, 8, 4].into_iter().find(|&longest| cells(&start(longest)) + taken <= width);
    let [by_priority, unacknowledged] = figures;
    join(vec![start(longest.unwrap_or(0)), by_priority, unacknowledged], &bar, width)
}

fn priorities(model: &Model, pen: Pen<'_>) -> Vec<Span<'static>> {
    let counts = &model.counts;
    let mut spans = Vec::new();
    let roles = [Role::Critical, Role::Warn, Role::Info, Role::Text];
    for (at, role) in roles.into_iter().enumerate() {
        let (all, unack) = (counts.by_priority[at], counts.unack_by_priority[at]);
        let role = match (all, unack) {
            (0, _) => Role::Muted,
            (_, 0) if role == Role::Critical => Role::Bad,
            _ => role,
        };
        let shape = if at == 0 && unack > 0 { pen.sy.tamper } else { "" };
        if at > 0 {
            spans.push(pen.span(Role::Text, "  "));
        }
        spans.push(pen.span(role, format!("{shape}P{} {all}", at + 1)));
    }
    spans
}

fn waiting(model: &Model, pen: Pen<'_>) -> Vec<Span<'static>> {
    let counts = &model.counts;
    match counts.oldest {
        Some(oldest) => {
            let age = words::age(model.now, oldest);
            vec![pen.span(Role::Warn, format!("unack {} oldest {age}", counts.unack))]
        }
        None => vec![pen.span(Role::Muted, "unack 0")],
    }
}

/// The views and the link.
fn second(model: &Model, pen: Pen<'_>, width: usize) -> Line<'static> {
    let right = status(model, pen, width);
    let room = width.saturating_sub(right.width() + 1);
    let tabs = [
        ("1", View::Alarms),
        ("2", View::Fleet),
        ("3", View::Asset),
        ("5", View::Commands),
        ("7", View::Quarantine),
        ("9", View::System),
    ];
    let waiting = model.rows.quarantine.len();
    let tab = |(key, view): (&str, View), name: &str| {
        let count =
            if view == View::Quarantine && waiting > 0 { format!(" {waiting}") } else { String::new() };
        let here = model.view() == view;
        let role = if here { Role::Tab } else { Role::Text };
        let key_role = if here { Role::Tab } else { Role::Key };
        vec![pen.span(key_role, format!(" {key} ")), pen.span(role, format!("{name}{count} "))]
    };
    let all: usize = tabs.iter().flat_map(|t| tab(*t, t.1.name())).map(|s| s.width()).sum();
    let short = |view: View| match view {
        View::Commands if all > room => "cmds",
        View::Quarantine if all > room => "quar",
        _ => view.name(),
    };
    let groups = tabs.iter().map(|t| tab(*t, short(t.1))).collect();
    let mut line = join(groups, &pen.span(Role::Text, ""), room);
    let gap = width.saturating_sub(line.width() + right.width());
    line.push_span(pen.span(Role::Text, " ".repeat(gap)));
    line.spans.extend(right.spans);
    line
}

fn status(model: &Model, pen: Pen<'_>, width: usize) -> Line<'static> {
    let counts = &model.counts;
    let mut groups = Vec::new();
    let link = match &model.link {
        LinkView::Live => pen.span(Role::Text, format!("{} live ", pen.sy.online)),
        LinkView::Loading | LinkView::Connecting => pen.span(Role::Info, format!("{} wait ", pen.sy.pending)),
        LinkView::Down { .. } => pen.span(Role::Critical, format!("{} DOWN ", pen.sy.absent)),
    };
    if let Some(until) = model.silent_until {
        let left = (until - model.now).num_seconds().max(0);
        groups.push(vec![pen.span(Role::Muted, format!("bell off {left}s"))]);
    }
    if counts.open_commands > 0 {
        let doubt = if counts.uncertain_commands > 0 {
            format!(" {}{}", counts.uncertain_commands, pen.sy.uncertain)
        } else {
            String::new()
        };
        let role = if counts.uncertain_commands > 0 { Role::Uncertain } else { Role::Info };
        groups.push(vec![pen.span(role, format!("cmd {}{doubt}", counts.open_commands))]);
    }
    groups.push(vec![link]);
    join(groups, &pen.span(Role::Text, "  "), width / 2)
}

/// A rule across an area, with words in it.
pub(super) fn rule(pen: Pen<'_>, area: Rect, words: &str) -> Line<'static> {
    let head = format!("{} {words} ", pen.sy.rule);
    let rest = usize::from(area.width).saturating_sub(crate::console::widget::text::width(&pen.tidy(&head)));
    Line::from(vec![
        pen.span(Role::Frame, head),
        Span::styled(pen.sy.rule.repeat(rest), pen.style(Role::Frame)),
    ])
}
