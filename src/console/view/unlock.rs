//! The unlock dialog: all facts on one screen, or no confirmation.

use super::details::{self, Desk};
use crate::console::model::Model;
use crate::console::rows::is_silent;
use crate::console::theme::Role;
use crate::console::widget::panel::{self, field, flow, spans};
use crate::console::widget::table::{cursor, put};
use crate::console::widget::text::{Pen, width, wrap};
use crate::console::wizard::{Facts, Focus, Wizard, fits};
use crate::console::words::{self, Part};
use crate::domain::command::{UnlockMethod, UnlockReason};
use crate::domain::{DeviceKey, DeviceKind};
use crate::ipc::wire::{Interlock, Verdict};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

/// Widest useful dialog.
const WIDE: u16 = 96;

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, wizard: &Wizard) {
    let pen = Pen::of(model);
    let screen = frame.area();
    let free = Rect { y: 2, height: screen.height.saturating_sub(3), ..screen };
    let ascii = model.options.ascii;
    let mut small = |title: &str, lines: Vec<Line<'static>>| {
        let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
        let area = panel::centred(free, 72, height);
        let inner = panel::boxed(frame, pen, area, title, ascii);
        put(frame, inner, lines);
        inner
    };
    let room = usize::from(screen.width.min(72)).saturating_sub(2);
    match wizard {
        Wizard::Choose { locks, at, .. } => {
            let lines = locks.iter().enumerate().map(|(n, key)| choice(model, pen, key, n == *at, room));
            let inner = small("UNLOCK: which lock?  Enter chooses, Esc leaves", lines.collect());
            cursor(frame, inner, *at);
        }
        Wizard::Asked { target } => {
            let text = format!("asking the node what opening {target} would mean …");
            small("UNLOCK", field(pen, "", Role::Text, &text, room));
        }
        Wizard::Ordered { target } => {
            let text =
                format!("the order to open {target} is given; waiting until the node has it on disk …");
            small("UNLOCK", field(pen, "", Role::Info, &text, room));
        }
        Wizard::Void { why } => {
            let mut lines = field(pen, "", Role::Warn, why, room);
            lines.push(Line::default());
            lines.extend(field(pen, "", Role::Muted, "Esc or Enter closes this", room));
            small("UNLOCK: not done", lines);
        }
        Wizard::Facts(facts) if fits(model.size) => {
            let area = panel::centred(free, WIDE, free.height);
            let title = format!(
                "UNLOCK {} {}",
                facts.proposal.target,
                words::device_kind(facts.proposal.target_kind)
            );
            let inner = panel::boxed(frame, pen, area, &title, ascii);
            facts_inside(frame, model, pen, facts, inner);
        }
        Wizard::Facts(_) => {
            let text = "this terminal is too small to show all facts of an opening; make it larger, or Esc";
            small("UNLOCK", field(pen, "", Role::Warn, text, room));
        }
    }
}

fn choice(model: &Model, pen: Pen<'_>, key: &DeviceKey, selected: bool, room: usize) -> Line<'static> {
    let Some(row) = model.rows.devices.get(key) else { return pen.line(Role::Muted, key.to_string()) };
    let mark = words::lock(row.lock, is_silent(row.link), pen.sy);
    let age = words::age_of(model.now, row.as_of, pen.sy);
    let text = format!(
        "{} {} {}  {} {age}  {}",
        if selected { pen.sy.cursor } else { " " },
        pen.fill(&row.id, 12, false),
        pen.fill(words::device_kind(row.kind), 11, false),
        mark.text(),
        words::link(row.link, pen.sy).text()
    );
    pen.line(if selected { Role::Selected } else { mark.role }, pen.fill(&text, room, false))
}

fn facts_inside(frame: &mut Frame<'_>, model: &Model, pen: Pen<'_>, facts: &Facts, inner: Rect) {
    let desk = Desk { model, pen, room: usize::from(inner.width) };
    let mut top = subject(desk, facts);
    let form_height = if facts.proposal.allowed { 5 } else { 3 };
    let left = usize::from(inner.height).saturating_sub(top.len() + form_height + 1);
    top.push(super::header::rule(pen, inner, "interlocks"));
    top.extend(interlocks(desk, &facts.proposal.interlocks, left));
    put(frame, inner, top);
    let form =
        Rect { y: inner.bottom().saturating_sub(form_height as u16), height: form_height as u16, ..inner };
    if facts.proposal.allowed {
        confirm_form(frame, model, pen, facts, form);
    } else {
        forbidden(frame, pen, facts, form);
    }
}

/// Asset, lock, state and its age, position, speed, worst alarm, how it would be sent.
fn subject(desk: Desk<'_>, facts: &Facts) -> Vec<Line<'static>> {
    let Desk { model, pen, room } = desk;
    let proposal = &facts.proposal;
    let asset = model.rows.asset_named(&proposal.asset);
    let mut name = vec![pen.span(Role::Strong, &proposal.asset)];
    name.push(pen.span(Role::Text, format!("code {}", proposal.asset_code)));
    if let Some(plate) = asset.and_then(|row| row.plate.as_ref()) {
        name.push(pen.span(Role::Text, format!("plate {plate}")));
    }
    match proposal.worst_alarm {
        Some(p) => name.push(pen.span(words::priority(p, true), format!("{p} alarm open"))),
        None => name.push(pen.span(Role::Muted, "no alarm open")),
    }
    let mut lines = flow(pen, "asset", name, room);
    let mut state = Vec::new();
    if let Some(row) = model.rows.devices.get(&proposal.target) {
        let silent = is_silent(row.link);
        let mark = words::lock(row.lock, silent, pen.sy);
        let age = words::age_of(model.now, row.as_of, pen.sy);
        state.push(pen.span(mark.role, format!("{} as of {age}", mark.text())));
        let parts = [(Part::Motor, "motor", row.parts.motor), (Part::Rope, "rope", row.parts.rope)];
        for (which, name, value) in parts {
            if let Some((role, text)) = details::part(desk, which, value, silent) {
                state.push(pen.span(role, format!("{name} {text}")));
            }
        }
        if row.kind == DeviceKind::ValveLock {
            let valve = words::valve(row.valve, silent, pen.sy);
            let age = words::age_of(model.now, row.valve_as_of, pen.sy);
            state.push(pen.span(valve.role, format!("valve {} as of {age}", valve.text())));
        }
        state.push(pen.mark(&words::link(row.link, pen.sy)));
    } else {
        state.push(pen.span(Role::Uncertain, "not known to this console"));
    }
    lines.extend(flow(pen, "lock", state, room));
    let place = details::place(desk, asset.and_then(|row| row.position.as_ref()));
    lines.extend(field(pen, "position", Role::Text, &place, room));
    lines.extend(field(pen, "sending", Role::Text, &sending(model, facts), room));
    lines
}

fn sending(model: &Model, facts: &Facts) -> String {
    let proposal = &facts.proposal;
    let method = match proposal.method {
        Some(UnlockMethod::StaticPassword) => "by static password",
        Some(UnlockMethod::DynamicPassword) => "by dynamic password",
        Some(UnlockMethod::SubLockRelay) => "relayed by its master",
        None => "no way to open it",
    };
    let when = if proposal.in_contact {
        "at once".to_owned()
    } else {
        let until = words::clock(model.now, proposal.queue_until, model.options.zone);
        format!("waits for the device to wake, never after {until}")
    };
    let wakes = match proposal.method {
        Some(UnlockMethod::SubLockRelay) => "; the lock takes it when it wakes, its button wakes it",
        _ => "",
    };
    format!("{when}, {method}, to {}{wakes}", proposal.via)
}

/// Worst first. What is not configured shares a line; what passes gives way when room is short, and says so.
fn interlocks(desk: Desk<'_>, all: &[Interlock], room: usize) -> Vec<Line<'static>> {
    let Desk { pen, room: wide, .. } = desk;
    let rank = |verdict: Verdict| match verdict {
        Verdict::Fail => 0,
        Verdict::Warn => 1,
        Verdict::AtWake => 2,
        Verdict::Pass => 3,
        Verdict::NotConfigured => 4,
    };
    let mut shown: Vec<&Interlock> = all.iter().filter(|i| i.verdict != Verdict::NotConfigured).collect();
    shown.sort_by_key(|i| rank(i.verdict));
    let idle: Vec<&str> =
        all.iter().filter(|i| i.verdict == Verdict::NotConfigured).map(|i| i.name.as_str()).collect();
    let rows = room.saturating_sub(usize::from(!idle.is_empty()));
    let widest = |text: fn(&Interlock, Pen<'_>) -> usize| {
        shown.iter().map(|interlock| text(interlock, pen)).max().unwrap_or(0)
    };
    let columns = Columns {
        verdict: widest(|i, pen| width(&pen.tidy(&words::verdict(i.verdict, pen.sy).text()))),
        name: widest(|i, pen| width(&pen.tidy(&i.name))).min(wide / 2),
        room: wide,
    };
    // What fails is told whole, because it says what to do; but each that does not pass keeps a line of its own.
    let bad = shown.iter().filter(|i| i.verdict != Verdict::Pass).count();
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut cut = 0;
    for one in &shown {
        let after = bad.saturating_sub(cut + 1) + usize::from(bad.max(cut + 1) < shown.len());
        let most = rows.saturating_sub(lines.len() + after);
        if most == 0 {
            break;
        }
        lines.extend(interlock(pen, one, &columns, most));
        cut += 1;
    }
    if cut < shown.len() {
        let rest = &shown[cut..];
        let bad = rest.iter().filter(|i| i.verdict != Verdict::Pass).count();
        let text = if bad > 0 {
            format!("{} more, {bad} of them not a pass", rest.len())
        } else {
            format!("{} more pass", rest.len())
        };
        lines.push(
            pen.line(if bad > 0 { Role::Bad } else { Role::Muted }, format!(" {} {text}", pen.sy.down)),
        );
    }
    if !idle.is_empty() {
        let text = format!(" {} {} not configured: {}", pen.sy.none, idle.len(), idle.join(", "));
        lines.push(pen.line(Role::Muted, pen.clip(&text, wide)));
    }
    lines
}

/// Widths of a dialog's interlock columns, in cells.
struct Columns {
    verdict: usize,
    name: usize,
    room: usize,
}

/// In at most `most` lines.
fn interlock(pen: Pen<'_>, interlock: &Interlock, columns: &Columns, most: usize) -> Vec<Line<'static>> {
    let mark = words::verdict(interlock.verdict, pen.sy);
    let name = pen.fill(&interlock.name, columns.name, false);
    let fails = interlock.verdict == Verdict::Fail;
    let room = columns.room.saturating_sub(columns.verdict + columns.name + 4);
    let mut value =
        if fails { wrap(&pen.tidy(&interlock.value), room) } else { vec![pen.clip(&interlock.value, room)] };
    if value.len() > most {
        let last = value.split_off(most.saturating_sub(1)).join(" ");
        value.push(pen.clip(&last, room));
    }
    let role = if fails { Role::Bad } else { Role::Muted };
    let mut lines = Vec::new();
    for (n, part) in value.into_iter().enumerate() {
        let (mark_text, name) = if n == 0 { (mark.text(), name.as_str()) } else { (String::new(), "") };
        lines.push(Line::from(vec![
            pen.span(mark.role, format!(" {} ", pen.fill(&mark_text, columns.verdict, false))),
            pen.span(Role::Text, format!(" {} ", pen.fill(name, columns.name, false))),
            pen.span(role, part),
        ]));
    }
    lines
}

fn confirm_form(frame: &mut Frame<'_>, model: &Model, pen: Pen<'_>, facts: &Facts, area: Rect) {
    let left = facts.seconds_left(model.now);
    let head = match &facts.message {
        Some(message) => {
            let mut head =
                pen.line(Role::Frame, format!("{} void in {left} s {} ", pen.sy.rule, pen.sy.rule));
            let room = usize::from(area.width).saturating_sub(head.width());
            head.push_span(pen.span(Role::Warn, pen.clip(message, room)));
            head
        }
        None => super::header::rule(pen, area, &format!("void in {left} s")),
    };
    let label = |focus: Focus, text: &str| {
        let here = facts.focus == focus;
        let mark = if here { pen.sy.cursor } else { " " };
        let role = if here { Role::Key } else { Role::Muted };
        pen.span(role, format!("{mark}{}", pen.fill(text, panel::LABEL, false)))
    };
    let mut reasons = vec![label(Focus::Reason, "reason")];
    for (n, reason) in UnlockReason::ALL.into_iter().enumerate() {
        let chosen = facts.reason == Some(reason);
        let role = if chosen { Role::Selected } else { Role::Text };
        reasons.push(pen.span(role, format!("{} {}", n + 1, reason.word())));
        reasons.push(pen.span(Role::Text, "  "));
    }
    let note = facts.note.text();
    let code = facts.code.text();
    let ask = format!("   last four characters of {}, then Enter", facts.proposal.asset_code);
    let cancel = if facts.focus == Focus::Cancel { Role::Selected } else { Role::Text };
    let lines = [
        head,
        Line::from(reasons),
        Line::from(vec![label(Focus::Note, "note"), pen.span(Role::Text, &note)]),
        Line::from(vec![
            label(Focus::Code, "confirm"),
            pen.span(Role::Strong, pen.fill(&code, 4.max(width(&code)), false)),
            pen.span(Role::Muted, ask),
        ]),
        Line::from(vec![label(Focus::Cancel, ""), pen.span(cancel, "[ Cancel ]")]),
    ];
    put(frame, area, lines);
    let (row, text) = match facts.focus {
        Focus::Reason => (1, String::new()),
        Focus::Note => (2, facts.note.before_cursor()),
        Focus::Code => (3, facts.code.before_cursor()),
        Focus::Cancel => (4, String::new()),
    };
    let column = u16::try_from(panel::LABEL + 1 + width(&pen.tidy(&text))).unwrap_or(u16::MAX);
    let x = area.x.saturating_add(column).min(area.right().saturating_sub(1));
    frame.set_cursor_position(Position::new(x, area.y + row));
}

fn forbidden(frame: &mut Frame<'_>, pen: Pen<'_>, facts: &Facts, area: Rect) {
    let failing: Vec<&str> = facts
        .proposal
        .interlocks
        .iter()
        .filter(|i| i.verdict == Verdict::Fail)
        .map(|i| i.name.as_str())
        .collect();
    let why = if failing.is_empty() { "the node does not allow it".to_owned() } else { failing.join(", ") };
    let head = super::header::rule(pen, area, "refused");
    let lines = [
        head,
        spans(pen, "NOT NOW", vec![pen.span(Role::Bad, format!("this lock cannot be opened: {why}"))]),
        Line::from(vec![
            pen.span(Role::Key, format!("{}{}", pen.sy.cursor, " ".repeat(panel::LABEL))),
            pen.span(Role::Selected, "[ Cancel ]"),
        ]),
    ];
    put(frame, area, lines);
    frame.set_cursor_position(Position::new(area.x, area.y + 2));
}
