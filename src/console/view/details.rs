//! Everything about one row, as lines that fit a width. Lists show them below or beside themselves.

use crate::console::action::Action;
use crate::console::layout::Areas;
use crate::console::model::{Model, View};
use crate::console::rows::{RowId, is_silent};
use crate::console::seal;
use crate::console::theme::Role;
use crate::console::told::Told;
use crate::console::update::allowed;
use crate::console::widget::panel::{self, field, flow, spans};
use crate::console::widget::text::Pen;
use crate::console::words::{self, Part};
use crate::domain::{DeviceKind, Evidence, Exchange, Utc};
use crate::fleet::snapshot::{
    AlarmRow, AssetRow, CommandRow, DeviceRow, DeviceStatus, LineRow, PartRow, Place, QuarantineRow,
    RefusedRow,
};
use ratatui::Frame;
use ratatui::text::{Line, Span};

/// Title and lines.
pub(super) type Details = (Line<'static>, Vec<Line<'static>>);

/// What the details are written with.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) model: &'a Model,
    pub(super) pen: Pen<'a>,
    pub(super) room: usize,
}

impl Desk<'_> {
    pub(super) fn clock(self, at: Utc) -> String {
        words::clock(self.model.now, at, self.model.options.zone)
    }

    fn age(self, at: Utc) -> String {
        words::age(self.model.now, at)
    }
}

/// Draws the details of the selected row.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, areas: &Areas) {
    if areas.detail.is_empty() {
        return;
    }
    let beside = areas.detail.x > 0;
    let pen = Pen::of(model);
    let desk = Desk { model, pen, room: usize::from(areas.detail.width) - usize::from(beside) };
    let rows = model.shown();
    let details = model.selected().and_then(|id| match id {
        RowId::Asset(id) => rows.assets.get(id).map(|row| asset(desk, row)),
        RowId::Device(key) => rows.devices.get(key).map(|row| device(desk, row)),
        RowId::Alarm(id) => rows.alarms.get(id).map(|row| alarm(desk, row)),
        RowId::Command(id) => rows.told(*id).map(|told| match told {
            Told::Opening(row) => command(desk, row),
            Told::Order(row) => super::orders::details(desk, row),
        }),
        RowId::Quarantined(key) => {
            rows.quarantine.iter().find(|row| row.key == *key).map(|row| quarantined(desk, row))
        }
        RowId::Refused(reason) => {
            rows.refused.iter().find(|row| row.reason == *reason).map(|row| refused(desk, row))
        }
    });
    let (title, lines) = details.unwrap_or_else(|| (pen.line(Role::Muted, "no row selected"), Vec::new()));
    let more = if model.view() == View::Quarantine { Action::More } else { Action::Details };
    panel::draw(frame, pen, areas.detail, beside, title, lines, &model.keymap.key(more));
}

fn alarm(desk: Desk<'_>, row: &AlarmRow) -> Details {
    let Desk { model, pen, room } = desk;
    let role = words::priority(row.priority, row.state.is_unacknowledged());
    let title = Line::from(vec![
        pen.span(role, row.priority.to_string()),
        pen.span(Role::Strong, format!(" {} ", words::kind(row.kind))),
        pen.span(Role::Text, row.asset.as_deref().unwrap_or("this node")),
    ]);
    let (mark, state) = words::alarm_state(row.state);
    let mut lines = field(pen, "why", Role::Text, &row.reason, room);
    lines.extend(field(pen, "do", Role::Strong, words::response(row.kind), room));
    lines.extend(field(pen, "state", role_of(row), &format!("{mark} {state}"), room));
    let late = if row.late { " · came late" } else { "" };
    let times = format!(
        "first {} ({})  last {} ({})  {}{}{late}",
        desk.clock(row.first),
        desk.age(row.first),
        desk.clock(row.last),
        desk.age(row.last),
        pen.sy.times,
        row.count
    );
    lines.extend(field(pen, "times", Role::Text, &times, room));
    if let Some(ack) = &row.ack {
        let text = format!("by {} {} ({}): {}", ack.by, desk.clock(ack.at), desk.age(ack.at), ack.note);
        lines.extend(field(pen, "ack", Role::Text, &text, room));
    }
    lines.extend(field(pen, "next", Role::Info, &allowed::next_step(model, row), room));
    if let Some(device) = model.rows.device_on(row.device.as_deref().unwrap_or(""), row.asset.as_deref()) {
        let mut items =
            vec![pen.span(Role::Text, format!("{} {}", device.id, words::device_kind(device.kind)))];
        items.extend(state_of(desk, device));
        items.extend(lines_of(desk, device, is_notable));
        lines.extend(flow(pen, "device", items, room));
    }
    if let Some(asset) = row.asset.as_deref().and_then(|name| model.shown().asset_named(name)) {
        lines.extend(asset_lines(desk, asset));
    }
    (title, lines)
}

fn role_of(row: &AlarmRow) -> Role {
    if row.state.is_unacknowledged() { Role::Warn } else { Role::Text }
}

fn asset_lines(desk: Desk<'_>, row: &AssetRow) -> Vec<Line<'static>> {
    let Desk { model, pen, room } = desk;
    let rows = model.shown();
    let mut seal = vec![pen.mark(&seal::mark(rows, row, pen.sy))];
    seal.push(pen.span(Role::Text, format!("as of {}", words::age_of(model.now, row.as_of, pen.sy))));
    if let Some(since) = row.since {
        seal.push(pen.span(Role::Muted, format!("since {} ({})", desk.clock(since), desk.age(since))));
    }
    if let Some(plate) = &row.plate {
        seal.push(pen.span(Role::Text, format!("plate {plate}")));
    }
    seal.push(pen.span(Role::Text, format!("code {}", row.code)));
    let mut lines = flow(pen, "seal", seal, room);
    lines.extend(because(desk, row));
    lines.extend(field(pen, "position", Role::Text, &place(desk, row.position.as_ref()), room));
    lines
}

/// Which part makes an asset what it is, when it is not sealed.
pub(super) fn because(desk: Desk<'_>, row: &AssetRow) -> Vec<Line<'static>> {
    let why = seal::why(desk.model.shown(), row);
    why.map_or_else(Vec::new, |why| field(desk.pen, "because", Role::Warn, &why, desk.room))
}

fn asset(desk: Desk<'_>, row: &AssetRow) -> Details {
    let Desk { model, pen, room } = desk;
    let mut lines = asset_lines(desk, row);
    for device in model.shown().devices_of(row) {
        let mut items = state_of(desk, device);
        items.extend(lines_of(desk, device, is_notable));
        items.push(pen.mark(&words::link(device.link, pen.sy)));
        if let Some(at) = device.last_received {
            items.push(pen.span(Role::Muted, format!("heard {}", desk.age(at))));
        }
        lines.extend(flow(pen, &pen.clip_front(&device.id, panel::LABEL - 1), items, room));
    }
    (pen.line(Role::Strong, &row.name), lines)
}

/// Lock, valve and parts of a device, each with its age.
fn state_of(desk: Desk<'_>, row: &DeviceRow) -> Vec<Span<'static>> {
    let Desk { model, pen, .. } = desk;
    let silent = is_silent(row.link);
    let mut items = Vec::new();
    let aged = |mark: words::Mark, at: Option<Utc>| {
        pen.span(mark.role, format!("{} {}", mark.text(), words::age_of(model.now, at, pen.sy)))
    };
    if row.kind.has_lock() {
        items.push(aged(words::lock(row.lock, silent, pen.sy), row.as_of));
    }
    if row.kind == DeviceKind::ValveLock {
        let mut mark = words::valve(row.valve, silent, pen.sy);
        mark.word = format!("valve {}", mark.word);
        items.push(aged(mark, row.valve_as_of));
    }
    items
}

/// Inputs and outputs in the words of the device's profile, with their age.
fn lines_of(desk: Desk<'_>, row: &DeviceRow, which: fn(&LineRow) -> bool) -> Vec<Span<'static>> {
    let Desk { model, pen, .. } = desk;
    let role = if is_silent(row.link) { Role::Uncertain } else { Role::Text };
    let shown = row.lines.iter().filter(|line| which(line));
    let mut items: Vec<_> = shown.map(|line| pen.span(role, &line.text)).collect();
    if !items.is_empty() {
        items.push(pen.span(Role::Muted, words::age_of(model.now, row.lines_as_of, pen.sy)));
    }
    items
}

/// Worth a place where there is little: doors always, the rest while it is on.
fn is_notable(line: &LineRow) -> bool {
    line.on || line.wired.starts_with("door")
}

/// Analogue inputs: those that a calibration names, and the raw counts of others that are not 0.
fn analog(desk: Desk<'_>, row: &DeviceRow) -> Vec<Span<'static>> {
    let Desk { model, pen, .. } = desk;
    let shown = row.analog.iter().filter(|analog| analog.name.is_some() || analog.count > 0);
    let mut items: Vec<_> = shown.map(|analog| pen.span(Role::Text, &analog.text)).collect();
    if !items.is_empty() {
        items.push(pen.span(Role::Muted, words::age_of(model.now, row.analog_as_of, pen.sy)));
    }
    items
}

/// One part with its age, or nothing if the device never reported it.
pub(super) fn part(
    desk: Desk<'_>,
    which: Part,
    row: Option<PartRow>,
    silent: bool,
) -> Option<(Role, String)> {
    let row = row?;
    let mark = words::part(which, Some(row.state), silent, desk.pen.sy);
    Some((mark.role, format!("{} {}", mark.text(), desk.age(row.as_of))))
}

/// Where, how fast, how old, from whom.
pub(super) fn place(desk: Desk<'_>, place: Option<&Place>) -> String {
    let Some(p) = place else { return "never told".into() };
    let speed = p.speed_kmh.map_or_else(String::new, |speed| format!(" · {speed:.0} km/h"));
    let heading = p.heading_deg.map_or_else(String::new, |deg| format!(" {} {deg:.0}°", desk.pen.sy.to));
    format!("{:.5}, {:.5}{speed}{heading} · {} old · from {}", p.lat, p.lon, desk.age(p.at), p.from)
}

fn device(desk: Desk<'_>, row: &DeviceRow) -> Details {
    let Desk { model, pen, room } = desk;
    let status = match row.status {
        DeviceStatus::Enrolled => String::new(),
        DeviceStatus::New => "  NEW: not enrolled yet".into(),
        DeviceStatus::Quarantined => "  QUARANTINED".into(),
    };
    let title = Line::from(vec![
        pen.span(Role::Strong, row.key.to_string()),
        pen.span(Role::Text, format!(" {}", words::device_kind(row.kind))),
        pen.span(Role::Warn, status),
    ]);
    let silent = is_silent(row.link);
    let mut states = state_of(desk, row);
    if let Some(since) = row.since {
        states.push(pen.span(Role::Muted, format!("since {} ({})", desk.clock(since), desk.age(since))));
    }
    let parts = [
        (Part::Motor, "motor", row.parts.motor),
        (Part::Rope, "rope", row.parts.rope),
        (Part::Cover, "cover", row.parts.cover),
    ];
    for (which, name, value) in parts {
        if let Some((role, text)) = part(desk, which, value, silent) {
            states.push(pen.span(role, format!("{name} {text}")));
        }
    }
    let mut lines = flow(pen, "state", states, room);
    let heard = row.last_received.map_or_else(
        || "never heard".to_owned(),
        |at| format!("heard {} ({}), {} frames", desk.clock(at), desk.age(at), row.frames),
    );
    let mut link = vec![pen.mark(&words::link(row.link, pen.sy)), pen.span(Role::Text, heard)];
    let transport = row.transport.map(|t| t.word()).unwrap_or_default();
    if let Some(peer) = &row.peer {
        link.push(pen.span(Role::Muted, format!("{transport} {peer}")));
    }
    if let Some(master) = &row.bound_to {
        link.push(pen.span(Role::Text, format!("bound to {master}")));
    }
    lines.extend(flow(pen, "link", link, room));
    lines.extend(identity(desk, row));
    lines.extend(flow(pen, "power", power(desk, row), room));
    lines.extend(field(pen, "position", Role::Text, &place(desk, row.position.as_ref()), room));
    for (name, items) in [("lines", lines_of(desk, row, |_| true)), ("analog", analog(desk, row))] {
        if !items.is_empty() {
            lines.extend(flow(pen, name, items, room));
        }
    }
    lines.extend(flow(pen, "more", facts(pen, row), room));
    if let Some(text) = not_understood(desk, row) {
        lines.extend(field(pen, "unknown", Role::Muted, &text, room));
    }
    if let Some(seconds) = row.clock_off_s {
        let text =
            format!("its clock is {} s {}", seconds.abs(), if seconds > 0 { "behind" } else { "ahead" });
        lines.extend(field(pen, "clock", Role::Warn, &text, room));
    }
    if row.status == DeviceStatus::New {
        let key = model.keymap.key(Action::Enrol);
        lines.extend(field(pen, "next", Role::Info, &format!("{key} enrols it to this asset"), room));
    }
    (title, lines)
}

/// Kinds of not understood values that the details name; `list unknown` names all.
const UNKNOWN_SHOWN: usize = 6;

/// What the device said that no paper names, the most frequent first.
fn not_understood(desk: Desk<'_>, row: &DeviceRow) -> Option<String> {
    let mut unknown: Vec<_> = row.unknown.iter().collect();
    unknown.sort_by_key(|unknown| std::cmp::Reverse(unknown.count));
    let shown: Vec<String> = unknown
        .iter()
        .take(UNKNOWN_SHOWN)
        .map(|unknown| format!("{} {}{}", unknown.what, desk.pen.sy.times, unknown.count))
        .collect();
    let newest = unknown.iter().max_by_key(|unknown| unknown.last)?;
    let more = unknown.len().saturating_sub(UNKNOWN_SHOWN);
    let more = if more > 0 { format!(", and {more} more kinds") } else { String::new() };
    let firmware = newest.firmware.as_ref().map_or_else(String::new, |f| format!(" (firmware {f})"));
    Some(format!("not understood: {}{more}{firmware}", shown.join(", ")))
}

/// Who speaks for it, where that is or was in doubt.
fn identity(desk: Desk<'_>, row: &DeviceRow) -> Vec<Line<'static>> {
    let Desk { pen, room, .. } = desk;
    let Some(conflict) = &row.conflict else { return Vec::new() };
    let since = format!("since {} ({})", desk.clock(conflict.since), desk.age(conflict.since));
    let last = format!("last {} {}{}", desk.age(conflict.last), pen.sy.times, conflict.count);
    let (role, text) = match &conflict.decided {
        None => {
            let (first, second) = (conflict.first, conflict.second);
            let what = conflict.kind.words();
            let text = format!(
                "{what}: {first} and then {second}, {since}, {last}; physical commands are blocked; decide with \
                 :identity {} newest|older|same NOTE",
                row.key
            );
            (Role::Uncertain, text)
        }
        Some(decided) => {
            let ignored = conflict.ignored;
            let text = format!(
                "{} is the device, decided by {} {} ({}): {}; {ignored} frames of others not believed",
                decided.accepted,
                decided.by,
                desk.clock(decided.at),
                desk.age(decided.at),
                decided.note
            );
            (Role::Warn, text)
        }
    };
    field(pen, "identity", role, &text, room)
}

fn power(desk: Desk<'_>, row: &DeviceRow) -> Vec<Span<'static>> {
    let Desk { model, pen, .. } = desk;
    let mut items = Vec::new();
    let age = words::age_of(model.now, row.battery_as_of, pen.sy);
    match row.battery_pct {
        Some(pct) => items.push(pen.span(battery_role(pct), format!("battery {pct}% {age}"))),
        None => items.push(pen.span(Role::Muted, "battery not told")),
    }
    if row.charging == Some(true) {
        items.push(pen.span(Role::Info, "charging"));
    }
    if let Some(volts) = row.voltage_v {
        items.push(pen.span(Role::Text, format!("{volts:.2} V")));
    }
    items
}

/// Colour of a charge.
pub(super) fn battery_role(pct: u8) -> Role {
    match pct {
        0..=14 => Role::Bad,
        15..=29 => Role::Warn,
        _ => Role::Text,
    }
}

fn facts(pen: Pen<'_>, row: &DeviceRow) -> Vec<Span<'static>> {
    let mut items: Vec<String> = Vec::new();
    items.extend(row.protocol.map(|p| p.word().to_owned()));
    items.extend(row.signal.map(|n| if n < 0 { format!("{n} dBm") } else { format!("signal {n} of 31") }));
    items.extend(row.temperature_c.map(|t| format!("{t:.1} °C")));
    items.extend(row.humidity_pct.map(|h| format!("humidity {h}%")));
    let is_named = row.lines.iter().any(|line| line.wired == "ignition");
    items.extend(
        row.ignition.filter(|_| !is_named).map(|on| format!("ignition {}", if on { "on" } else { "off" })),
    );
    items.extend(row.inputs.as_ref().map(|lines| format!("inputs {lines}")));
    items.extend(row.outputs.as_ref().map(|lines| format!("outputs {lines}")));
    items.extend(row.odometer_m.map(|m| format!("odometer {} km", m / 1_000)));
    items.extend(row.firmware.as_ref().map(|f| format!("firmware {f}")));
    items.into_iter().map(|text| pen.span(Role::Muted, text)).collect()
}

/// Three facts, never in one field: what was exchanged, what moved, who wanted it.
pub(super) fn command(desk: Desk<'_>, row: &CommandRow) -> Details {
    let Desk { model, pen, room } = desk;
    let asset = row.asset.as_deref().unwrap_or("no asset");
    let title = pen.line(Role::Strong, format!("#{} {} {} on {asset}", row.id, row.kind, row.target));
    let exchange = words::exchange(row.exchange, pen.sy);
    let mut steps = vec![pen.span(Role::Muted, format!("queued {}", desk.clock(row.created)))];
    if let Some(at) = row.sent {
        steps.push(pen.span(Role::Muted, format!("{} sent {}", pen.sy.to, desk.clock(at))));
    }
    let at = row.answered.map(|at| format!(" {}", desk.clock(at))).unwrap_or_default();
    if !matches!(row.exchange, Exchange::Queued | Exchange::Sent) {
        steps.push(pen.span(exchange.role, format!("{} {}{at}", pen.sy.to, row.exchange.words())));
    }
    let mut lines = flow(pen, "exchange", steps, room);
    let evidence = words::evidence(row.evidence, pen.sy);
    let seen = row.evidence_at.map(|at| format!("{} ({})", desk.clock(at), desk.age(at)));
    let mut moved = vec![pen.mark(&evidence)];
    moved.extend(seen.map(|text| pen.span(Role::Text, text)));
    lines.push(spans(pen, "movement", vec![]));
    if let Some(line) = lines.last_mut() {
        for (n, item) in moved.into_iter().enumerate() {
            if n > 0 {
                line.push_span(pen.span(Role::Text, " "));
            }
            line.push_span(item);
        }
    }
    lines.extend(field(pen, "so", Role::Strong, &meaning(desk, row), room));
    if let Some(detail) = &row.detail {
        lines.extend(field(pen, "detail", Role::Text, detail, room));
    }
    let note = if row.note.is_empty() { String::new() } else { format!(" · {}", row.note) };
    lines.extend(field(pen, "who", Role::Text, &format!("{} · {}{note}", row.by, row.reason.word()), room));
    let by = method(row);
    lines.extend(field(pen, "how", Role::Muted, &format!("{by} · sent to {}", row.via), room));
    let target = model.shown().device_on(&row.target, row.asset.as_deref());
    if let Some(device) = target {
        lines.extend(flow(pen, "lock now", state_of(desk, device), room));
    }
    (title, lines)
}

fn method(row: &CommandRow) -> &'static str {
    use crate::domain::command::UnlockMethod;
    match row.method {
        UnlockMethod::StaticPassword => "static password",
        UnlockMethod::DynamicPassword => "dynamic password",
        UnlockMethod::SubLockRelay => "relayed by the master",
    }
}

/// What the two columns together mean, in one sentence.
fn meaning(desk: Desk<'_>, row: &CommandRow) -> String {
    let left = (row.expires - desk.model.now).num_seconds().max(0);
    match (row.exchange, row.evidence) {
        (_, Evidence::Opened) => "the lock itself reports that it opened".into(),
        (_, Evidence::Relocked) => "it opened and is locked again".into(),
        (_, Evidence::NotUsed) => "it locked itself again; nobody is seen to have opened it".into(),
        (Exchange::Queued, _) => format!(
            "waits for the device; never sent after {} ({} min left)",
            desk.clock(row.expires),
            (left + 59) / 60
        ),
        (Exchange::Sent, _) => "sent, no answer yet; it is never sent again".into(),
        (Exchange::SentOnly, _) => "sent; no answer is promised".into(),
        (Exchange::AnsweredOk, _) => "the lock said yes; whether it opened is not known yet".into(),
        (Exchange::Relayed, _) => {
            "the master holds it until the lock wakes, its button wakes it; not known to have opened".into()
        }
        (Exchange::Uncertain, _) => {
            "nobody knows whether it acted: do not repeat, ask or look, then give a verdict".into()
        }
        (Exchange::Refused, _) => "the lock said no".into(),
        (Exchange::Expired | Exchange::Cancelled | Exchange::Withheld, _) => "it never left this node".into(),
    }
}

fn quarantined(desk: Desk<'_>, row: &QuarantineRow) -> Details {
    let Desk { model, pen, room } = desk;
    let title = pen.line(Role::Strong, row.key.to_string());
    let mut lines = field(pen, "why", Role::Text, &row.why, room);
    let says = format!("{}, looks like a {}", row.protocol.word(), words::device_kind(row.kind));
    lines.extend(field(pen, "says", Role::Text, &says, room));
    let heard = format!(
        "first {} ({})  last {} ({})  {} frames  {} {}",
        desk.clock(row.first),
        desk.age(row.first),
        desk.clock(row.last),
        desk.age(row.last),
        row.frames,
        row.transport.word(),
        row.peer
    );
    lines.extend(field(pen, "heard", Role::Text, &heard, room));
    lines.extend(field(pen, "position", Role::Text, &place(desk, row.position.as_ref()), room));
    let key = |action| model.keymap.key(action);
    let next = format!(
        "{} enrols it to an asset, {} shows its last frames and those that come, {} there explains one",
        key(Action::Enrol),
        key(Action::Details),
        key(Action::Explain)
    );
    lines.extend(field(pen, "next", Role::Info, &next, room));
    (title, lines)
}

fn refused(desk: Desk<'_>, row: &RefusedRow) -> Details {
    let Desk { model, pen, room } = desk;
    let title = pen.line(Role::Strong, format!("refused: {}", row.reason));
    let last = format!("last {} ({}) from {}", desk.clock(row.last), desk.age(row.last), row.peer);
    let mut lines = field(pen, "count", Role::Text, &format!("{}  {last}", row.count), room);
    let claims = row.device.as_deref().unwrap_or("no ID could be read");
    lines.extend(field(pen, "claims", Role::Text, claims, room));
    let nearest = row.nearest.as_deref().unwrap_or("nothing known");
    lines.extend(field(pen, "nearest", Role::Text, nearest, room));
    lines.extend(field(pen, "bytes", Role::Text, &grouped(&row.sample), room));
    let next = format!("{} explains the bytes field by field", model.keymap.key(Action::Details));
    lines.extend(field(pen, "next", Role::Info, &next, room));
    (title, lines)
}

/// Hex in groups of four bytes, so that it wraps and can be read.
pub(super) fn grouped(hex: &str) -> String {
    let chars: Vec<char> = hex.chars().collect();
    chars.chunks(8).map(|chunk| chunk.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
