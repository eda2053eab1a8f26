//! Title line of the view, status line and the keys that make sense now.

use crate::console::action::Action;
use crate::console::layout::Areas;
use crate::console::model::{Modal, Model, View};
use crate::console::theme::Role;
use crate::console::update;
use crate::console::widget::table::{join, put};
use crate::console::widget::text::{Pen, width};
use crate::console::wizard::Wizard;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

/// Name of the view, "n of m", filter, order, PAUSED.
pub(super) fn title(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let pen = Pen::of(model);
    let list = model.list();
    let mut groups = vec![vec![pen.span(Role::Strong, format!(" {}", heading(model)))]];
    if let Some(frozen) = &model.frozen {
        let tail = model.tail.as_ref().filter(|_| model.view() == View::Tail);
        let waiting = tail.map_or(frozen.waiting, |tail| tail.waiting());
        groups.push(vec![pen.span(Role::Banner, format!(" PAUSED {waiting} waiting "))]);
    }
    if !model.view().columns().is_empty() {
        groups.push(vec![pen.span(Role::Text, format!("{} of {}", list.order.len(), list.total))]);
        if !list.filter.is_empty() {
            groups.push(vec![pen.span(Role::Warn, format!("filter /{}", list.filter))]);
        }
        if let Some(column) = list.sort.column.and_then(|at| model.view().columns().get(at)) {
            groups.push(vec![pen.span(Role::Muted, format!("by {}", column.title))]);
        }
        if list.sort.invert {
            groups.push(vec![pen.span(Role::Muted, "inverted")]);
        }
        if !list.order.is_empty() && list.selected.is_none() {
            groups.push(vec![pen.span(Role::Warn, "no row selected: that row has left")]);
        }
    }
    let gap = pen.span(Role::Muted, "   ");
    put(frame, area, [join(groups, &gap, usize::from(area.width))]);
}

fn heading(model: &Model) -> String {
    match model.view() {
        View::Tail => {
            let device = model.tail.as_ref().map(|tail| tail.device.to_string()).unwrap_or_default();
            format!("LIVE FRAMES {device}")
        }
        View::Explain => {
            let title = model.explained.as_ref().map(|explained| explained.title.as_str());
            format!("EXPLANATION {}", title.unwrap_or_default())
        }
        View::Asset => match model.current_asset() {
            Some(asset) => format!("ASSET {}", asset.name),
            None => "ASSET".into(),
        },
        view => view.name().to_uppercase(),
    }
}

/// Status line and key line.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, areas: &Areas) {
    let pen = Pen::of(model);
    match &model.modal {
        Some(Modal::Filter { input, .. }) => {
            let list = model.list();
            let hint = format!("{} of {}   Enter keeps it, Esc undoes it", list.order.len(), list.total);
            field(frame, pen, areas.status, "/", &input.text(), &input.before_cursor(), &hint);
        }
        Some(Modal::CommandLine { input, message, .. }) => {
            let room = usize::from(areas.status.width);
            let hint = match message {
                Some(message)
                    if width(&pen.tidy(message)) > hint_room(room, 1, width(&pen.tidy(&input.text()))) =>
                {
                    String::new() // stands below
                }
                Some(message) => message.clone(),
                None => update::value_hint(model, &input.text())
                    .unwrap_or_else(|| update::completions(model, &input.text()).join("  ")),
            };
            field(frame, pen, areas.status, ":", &input.text(), &input.before_cursor(), &hint);
        }
        _ => {
            if let Some(toast) = &model.toast {
                let text = pen.clip(&format!(" {}", toast.text), usize::from(areas.status.width));
                put(frame, areas.status, [pen.line(toast.role, text)]);
            }
        }
    }
    put(frame, areas.footer, [keys(model, pen, usize::from(areas.footer.width))]);
}

/// Cells that a hint beside a text of `text` cells has.
fn hint_room(room: usize, label: usize, text: usize) -> usize {
    room.saturating_sub(label + 2).saturating_sub(text + 3)
}

/// A text field on one line, the cursor in it, a hint after it.
pub(super) fn field(
    frame: &mut Frame<'_>,
    pen: Pen<'_>,
    area: Rect,
    label: &str,
    text: &str,
    before_cursor: &str,
    hint: &str,
) {
    let room = usize::from(area.width).saturating_sub(width(label) + 2);
    // A long line shows its end.
    let mut shown = pen.tidy(text);
    while width(&shown) > room {
        shown.remove(0);
    }
    let cut = width(&pen.tidy(text)) - width(&shown);
    let at = width(&pen.tidy(before_cursor)).saturating_sub(cut);
    let left = room.saturating_sub(width(&shown) + 3);
    let hint = if left > 8 { pen.clip(hint, left) } else { String::new() };
    let line = Line::from(vec![
        pen.span(Role::Key, format!(" {label}")),
        pen.span(Role::Text, &shown),
        pen.span(Role::Muted, format!("   {hint}")),
    ]);
    put(frame, area, [line]);
    let x = area.x + u16::try_from(width(label) + 1 + at).unwrap_or(0);
    frame.set_cursor_position(Position::new(x.min(area.right().saturating_sub(1)), area.y));
}

/// What the footer may offer in a view, most useful first.
fn candidates(view: View) -> &'static [Action] {
    use Action::{
        Ack, Cancel, Copy, Details, Down, Enrol, Explain, Filter, Freeze, GoAsset, Invert, Less, More,
        NextPane, NextUnack, Reset, SortRight, Tail, Tell, Unlock, Up, Verdict, ViewQuarantine,
    };
    match view {
        View::Alarms => &[Ack, Reset, NextUnack, GoAsset, Details, Unlock, Filter, Freeze],
        View::Fleet => &[Details, Unlock, NextUnack, Filter, SortRight, Tail, ViewQuarantine, Freeze],
        View::Asset => &[Ack, Reset, Cancel, Verdict, Enrol, Unlock, Tail, Tell, NextPane, Details],
        View::Commands => &[Cancel, Verdict, Details, GoAsset, Tell, NextUnack, Filter, Freeze],
        View::Quarantine => &[Enrol, Tail, Explain, More, NextPane, Filter, Invert],
        View::Tail => &[Explain, More, Less, Freeze],
        View::Explain => &[Down, Up, NextPane, Copy],
        View::System => &[NextUnack, ViewQuarantine],
        View::Log => &[More, Less, NextUnack],
    }
}

/// What the keys do in each step of an opening. "Nothing is sent" stands only where that is so.
fn unlock_keys(wizard: &Wizard) -> &'static str {
    match wizard {
        Wizard::Choose { .. } => "Up, Down move   Enter chooses   Esc leaves it; nothing is sent",
        Wizard::Facts(facts) if facts.proposal.allowed => "Tab next field   Esc leaves it; nothing is sent",
        Wizard::Asked { .. } | Wizard::Facts(_) => "Esc leaves it; nothing is sent",
        Wizard::Ordered { .. } => "the order is given: waiting for the node",
        Wizard::Void { .. } => "Esc or Enter closes this",
    }
}

/// Keys of a footer, at most.
const OFFERED: usize = 5;

fn keys(model: &Model, pen: Pen<'_>, room: usize) -> Line<'static> {
    let offer = |action: Action| {
        vec![
            pen.span(Role::Key, format!(" {}", model.keymap.key(action))),
            pen.span(Role::Text, format!(" {}", action.entry().short)),
        ]
    };
    if let Some(Modal::CommandLine { input, message: Some(message), .. }) = &model.modal
        && width(&pen.tidy(message)) > hint_room(room, 1, width(&pen.tidy(&input.text())))
    {
        // Beside the line it would be cut where it says what to do.
        return pen.line(Role::Warn, pen.clip(&format!(" {message}"), room));
    }
    let fixed = match &model.modal {
        Some(Modal::Help { .. }) => Some("type to search   Enter does it   Esc closes"),
        Some(Modal::Tell { .. }) => Some("type to search   Enter chooses   Esc closes; nothing is sent"),
        Some(Modal::Filter { .. }) => Some("rows must hold all the words"),
        Some(Modal::CommandLine { .. }) => Some("Tab completes   Enter does it   Up goes back   Esc closes"),
        Some(Modal::Prompt { .. }) => Some("Enter ends   Esc leaves it"),
        Some(Modal::Unlock(wizard)) => Some(unlock_keys(wizard)),
        None => None,
    };
    if let Some(text) = fixed {
        return pen.line(Role::Muted, format!(" {text}"));
    }
    let now = candidates(model.view()).iter().copied().filter(|action| model.enabled(*action).is_ok());
    let gap = pen.span(Role::Text, "  ");
    let always = join(vec![offer(Action::CommandLine), offer(Action::Help)], &gap, room);
    let mut groups: Vec<_> = now.take(OFFERED).map(offer).collect();
    if model.zoom || model.stack.len() > 1 || !model.list().filter.is_empty() {
        groups.push(offer(Action::Back));
    }
    let mut line = join(groups, &gap, room.saturating_sub(always.width() + gap.width()));
    line.push_span(gap);
    line.spans.extend(always.spans);
    line
}
