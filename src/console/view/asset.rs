//! One asset: its devices with their parts, its alarms, its commands.

use super::details::{self, Desk};
use super::{alarms, commands, header};
use crate::console::columns::{Column, alarms as alarm_columns, commands as command_columns};
use crate::console::layout::{Areas, PHOTOS};
use crate::console::list::Sort;
use crate::console::model::Model;
use crate::console::rows::{RowId, is_silent};
use crate::console::seal;
use crate::console::theme::Role;
use crate::console::widget::panel::{field, flow};
use crate::console::widget::table::{self, Cell, draw_mixed, fitted, heading};
use crate::console::widget::text::Pen;
use crate::console::words::{self, Part};
use crate::domain::{DeviceKind, ValveState};
use crate::fleet::snapshot::{AssetRow, DeviceRow, DeviceStatus, PhotoState};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

type Lines = Vec<(Option<RowId>, Line<'static>)>;

const ID: usize = 0;
const STATE: usize = 1;
const MOTOR: usize = 2;
const ROPE: usize = 3;
const COVER: usize = 4;
const LINK: usize = 5;
const BATTERY: usize = 6;
const KIND: usize = 7;
const COLUMNS: [Column; 8] = [
    Column { title: "device", min: 11, max: 16, leaves: 0, right: false },
    Column { title: "state", min: 12, max: 16, leaves: 0, right: false },
    Column { title: "motor", min: 12, max: 16, leaves: 2, right: false },
    Column { title: "rope/valve", min: 16, max: 20, leaves: 1, right: false },
    Column { title: "cover", min: 10, max: 14, leaves: 3, right: false },
    Column { title: "link", min: 12, max: 14, leaves: 0, right: false },
    Column { title: "bat", min: 4, max: 4, leaves: 4, right: true },
    Column { title: "kind", min: 11, max: 14, leaves: 5, right: false },
];

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, areas: &Areas) {
    let pen = Pen::of(model);
    let Some(row) = model.current_asset() else {
        let text = "no asset chosen: Enter on a row of the fleet, or :asset NAME";
        table::put(frame, areas.body(), ["".into(), pen.line(Role::Muted, format!("  {text}"))]);
        return;
    };
    if !areas.list.is_empty() {
        let lines = lines(model, pen, row, areas.list);
        draw_mixed(frame, model, areas.list, lines);
    }
    details::draw(frame, model, areas);
}

fn lines(model: &Model, pen: Pen<'_>, row: &AssetRow, area: Rect) -> Lines {
    let desk = Desk { model, pen, room: usize::from(area.width) };
    let devices = model.shown().devices_of(row);
    let mut lines: Lines = top(desk, row).into_iter().map(|line| (None, line)).collect();
    let fit = fitted(&COLUMNS, area);
    lines.push((None, heading(pen, &COLUMNS, &fit, Sort::default())));
    for device in devices {
        let id = RowId::Device(device.key.clone());
        let selected = model.selected() == Some(&id);
        lines.push((
            Some(id),
            table::row(pen, &COLUMNS, &fit, selected, |index| device_cell(desk, device, index)),
        ));
    }
    let alarms = model.shown().alarms_of(&row.name);
    let count = if alarms.is_empty() { "none".to_owned() } else { alarms.len().to_string() };
    lines.push((None, header::rule(pen, area, &format!("alarms {count}"))));
    let fit = fitted(&alarm_columns::ALL, area);
    for alarm in alarms {
        let id = RowId::Alarm(alarm.id);
        let selected = model.selected() == Some(&id);
        let cell = |index| alarms::cell(model, alarm, index);
        lines.push((Some(id), table::row(pen, &alarm_columns::ALL, &fit, selected, cell)));
    }
    let commands = model.shown().told_of(&row.name);
    let count = if commands.is_empty() { "none".to_owned() } else { commands.len().to_string() };
    lines.push((None, header::rule(pen, area, &format!("commands {count}"))));
    let fit = fitted(&command_columns::ALL, area);
    for command in commands {
        let id = RowId::Command(command.id());
        let selected = model.selected() == Some(&id);
        let cell = |index| commands::cell(model, command, index);
        lines.push((Some(id), table::row(pen, &command_columns::ALL, &fit, selected, cell)));
    }
    lines.extend(photos(desk, row, area));
    lines
}

/// The newest photos of its trackers; nothing where no camera ever offered one.
fn photos(desk: Desk<'_>, row: &AssetRow, area: Rect) -> Lines {
    let Desk { model, pen, .. } = desk;
    let photos = model.shown().photos_of(row, PHOTOS);
    let mut lines: Lines = Vec::new();
    if !photos.is_empty() {
        lines.push((None, header::rule(pen, area, "photos")));
    }
    for photo in photos {
        let role = match photo.state {
            PhotoState::Complete => Role::Text,
            PhotoState::Incomplete => Role::Warn,
            PhotoState::Offered | PhotoState::None | PhotoState::Removed => Role::Muted,
        };
        let camera = photo.camera.map(|camera| format!("camera {camera}  ")).unwrap_or_default();
        let size = match photo.received {
            Some(received) if received < photo.size => format!("{received} of {} B", photo.size),
            _ => format!("{} B", photo.size),
        };
        let file = photo.file.as_deref().filter(|_| photo.state != PhotoState::Removed).unwrap_or_default();
        let why = photo.why.as_deref().unwrap_or_default();
        let at = desk.clock(photo.taken.unwrap_or(photo.offered));
        let text = format!("  {at}  {camera}{}  {size}  {file}  {why}", photo.state.word());
        lines.push((None, pen.line(role, crate::domain::text::clean(text.trim_end()))));
    }
    lines
}

/// Seal and position.
fn top(desk: Desk<'_>, row: &AssetRow) -> Vec<Line<'static>> {
    let Desk { model, pen, room } = desk;
    let mut items = vec![
        pen.mark(&seal::mark(model.shown(), row, pen.sy)),
        pen.span(Role::Text, format!("as of {}", words::age_of(model.now, row.as_of, pen.sy))),
    ];
    if let Some(since) = row.since {
        items.push(pen.span(Role::Muted, format!("since {}", words::age(model.now, since))));
    }
    if let Some(plate) = &row.plate {
        items.push(pen.span(Role::Text, format!("plate {plate}")));
    }
    items.push(pen.span(Role::Text, format!("code {}", row.code)));
    let mut lines = flow(pen, "seal", items, room);
    lines.extend(details::because(desk, row));
    lines.extend(field(pen, "position", Role::Text, &details::place(desk, row.position.as_ref()), room));
    lines
}

fn device_cell(desk: Desk<'_>, row: &DeviceRow, index: usize) -> Cell {
    let Desk { model, pen, .. } = desk;
    let sy = pen.sy;
    let silent = is_silent(row.link);
    let part = |which, value| {
        details::part(desk, which, value, silent)
            .map_or_else(Cell::empty, |(role, text)| Cell::new(role, text))
    };
    match index {
        ID => {
            let branch = if row.bound_to.is_some() { sy.branch } else { "" };
            Cell::id(Role::Strong, format!("{branch}{}", row.id))
        }
        STATE if row.status == DeviceStatus::New => Cell::new(Role::Warn, format!("{} NEW", sy.warn)),
        STATE if row.kind.has_lock() => Cell::from(&words::lock(row.lock, silent, sy)),
        STATE => Cell::new(Role::Muted, words::device_kind(row.kind)),
        MOTOR => part(Part::Motor, row.parts.motor),
        ROPE if row.kind == DeviceKind::ValveLock => {
            let mark = words::valve(row.valve, silent, sy);
            let word = match row.valve {
                Some(ValveState::Closed) => "closed",
                Some(ValveState::Open) => "OPEN",
                Some(ValveState::Unknown) | None => "unknown",
            };
            let age = row.valve_as_of.map(|at| words::age(model.now, at)).unwrap_or_default();
            Cell::new(mark.role, format!("{} {word} {age}", mark.shape))
        }
        ROPE => part(Part::Rope, row.parts.rope),
        COVER => part(Part::Cover, row.parts.cover),
        LINK => {
            let mark = words::link(row.link, sy);
            Cell::new(
                mark.role,
                format!("{} {}", mark.text(), words::age_of(model.now, row.last_received, sy)),
            )
        }
        BATTERY => row
            .battery_pct
            .map_or_else(Cell::empty, |pct| Cell::new(details::battery_role(pct), format!("{pct}%"))),
        KIND => Cell::new(Role::Muted, words::device_kind(row.kind)),
        _ => Cell::empty(),
    }
}
