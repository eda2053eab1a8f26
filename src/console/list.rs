//! The order of a list's rows: filtered and sorted once when something changed, never while drawing.

use super::columns::{alarms, commands, fleet, quarantine};
use super::model::View;
use super::rows::{RowId, Rows, is_silent, worst_link};
use super::told::Told;
use super::{seal, symbols, words};
use crate::domain::{AlarmState, SealState};
use crate::fleet::snapshot::{AlarmRow, AssetRow, CommandRow, QuarantineRow};
use std::collections::HashMap;

/// By which column a list is ordered. `None` is the list's own order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort {
    pub column: Option<usize>,
    pub invert: bool,
}

/// What an operator did to a list, and the order that follows from it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListState {
    /// Identity of the row the keys act on. When that row leaves, nothing is selected until the operator chooses.
    pub selected: Option<RowId>,
    /// A row to select as soon as it exists.
    pub wanted: Option<RowId>,
    /// The operator narrowed the list: when the selected row is hidden by that, the first one left is meant.
    pub narrowed: bool,
    /// Where the selection was last, to go on from there.
    pub anchor: usize,
    /// First row drawn.
    pub top: usize,
    pub sort: Sort,
    pub filter: String,
    pub order: Vec<RowId>,
    /// Rows before filtering.
    pub total: usize,
}

impl ListState {
    /// Takes a new order over; the selection stays with its row.
    pub fn take(&mut self, order: Vec<RowId>, total: usize) {
        let was_empty = self.order.is_empty();
        self.order = order;
        self.total = total;
        if let Some(wanted) = self.wanted.take() {
            if self.order.contains(&wanted) {
                self.selected = Some(wanted);
            } else {
                self.wanted = Some(wanted);
            }
        }
        let narrowed = std::mem::take(&mut self.narrowed);
        let found = self.selected.as_ref().and_then(|id| self.order.iter().position(|row| row == id));
        match found {
            Some(at) => self.anchor = at,
            None => {
                self.selected = None;
                self.anchor = self.anchor.min(self.order.len().saturating_sub(1));
                if was_empty || narrowed {
                    self.selected = self.order.first().cloned();
                    self.anchor = 0;
                }
            }
        }
    }

    /// Row number of the selection in the order.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        self.selected.is_some().then_some(self.anchor)
    }

    /// Moves the selection by rows; from nothing it starts at the place where the selection was.
    pub fn step(&mut self, by: isize) {
        let Some(last) = self.order.len().checked_sub(1) else { return };
        let from = self.anchor.min(last);
        let to = if self.selected.is_some() { from.saturating_add_signed(by).min(last) } else { from };
        self.go(to);
    }

    pub fn go(&mut self, to: usize) {
        let Some(last) = self.order.len().checked_sub(1) else { return };
        self.wanted = None;
        self.anchor = to.min(last);
        self.selected = self.order.get(self.anchor).cloned();
    }

    /// Chooses a row by identity, now or as soon as it exists.
    pub fn choose(&mut self, id: RowId) {
        match self.order.iter().position(|row| *row == id) {
            Some(at) => self.go(at),
            None => self.wanted = Some(id),
        }
    }

    /// Keeps the selection inside a window of `height` rows.
    pub fn scroll(&mut self, height: usize) {
        let highest = self.order.len().saturating_sub(height);
        if self.anchor < self.top {
            self.top = self.anchor;
        } else if height > 0 && self.anchor >= self.top + height {
            self.top = self.anchor + 1 - height;
        }
        self.top = self.top.min(highest);
    }
}

/// A sort key. Rows without the value come last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(String),
    Absent,
}

impl Key {
    fn text(text: &str) -> Self {
        Self::Text(text.to_lowercase())
    }

    fn maybe(number: Option<i64>) -> Self {
        number.map_or(Self::Absent, Self::Number)
    }
}

/// Filters and sorts: a row stays when its shown text holds every word.
fn arrange<T>(
    rows: Vec<T>,
    list: &ListState,
    id: impl Fn(&T) -> RowId,
    text: impl Fn(&T) -> String,
    key: impl Fn(&T) -> Vec<Key>,
) -> (Vec<RowId>, usize) {
    let total = rows.len();
    let filter = list.filter.to_lowercase();
    let filter_words: Vec<&str> = filter.split_whitespace().collect();
    let fits = |row: &T| {
        filter_words.is_empty() || {
            let shown = text(row).to_lowercase();
            filter_words.iter().all(|word| shown.contains(word))
        }
    };
    let mut keyed: Vec<(Vec<Key>, RowId)> =
        rows.iter().filter(|row| fits(row)).map(|row| (key(row), id(row))).collect();
    keyed.sort_unstable();
    if list.sort.invert {
        keyed.reverse();
    }
    (keyed.into_iter().map(|(_, id)| id).collect(), total)
}

/// The order of a view's list and the number of rows before filtering.
#[must_use]
pub fn order(view: View, rows: &Rows, list: &ListState) -> (Vec<RowId>, usize) {
    match view {
        View::Alarms => order_alarms(rows, list),
        View::Fleet => order_fleet(rows, list),
        View::Commands => order_commands(rows, list),
        View::Quarantine => order_quarantine(rows, list),
        View::Asset | View::System | View::Tail | View::Explain | View::Log => (Vec::new(), 0),
    }
}

fn order_alarms(rows: &Rows, list: &ListState) -> (Vec<RowId>, usize) {
    let text = |row: &&AlarmRow| {
        let late = if row.late { "late" } else { "" };
        let (_, state) = words::alarm_state(row.state);
        let fields = [
            row.asset.as_deref().unwrap_or(""),
            row.device.as_deref().unwrap_or(""),
            &row.reason,
            late,
            state,
            row.ack.as_ref().map_or("", |ack| ack.note.as_str()),
        ];
        format!("{} {} {}", row.priority, words::kind(row.kind), fields.join(" "))
    };
    let own = |row: &&AlarmRow| {
        let active = match row.state {
            AlarmState::UnackActive | AlarmState::AckActive => 0,
            _ => 1,
        };
        vec![
            Key::Number(i64::from(!row.state.is_unacknowledged())),
            Key::Number(row.priority as i64),
            Key::Number(active),
            Key::Number(row.first.timestamp()),
        ]
    };
    let key = |row: &&AlarmRow| match list.sort.column {
        Some(alarms::PRIORITY) => vec![Key::Number(row.priority as i64)],
        Some(alarms::AGE) => vec![Key::Number(-row.first.timestamp())],
        Some(alarms::ASSET) => vec![row.asset.as_deref().map_or(Key::Absent, Key::text)],
        Some(alarms::KIND) => vec![Key::text(row.kind.word())],
        Some(alarms::COUNT) => vec![Key::Number(-i64::from(row.count))],
        Some(alarms::LATE) => vec![Key::Number(i64::from(!row.late))],
        Some(alarms::DEVICE) => vec![row.device.as_deref().map_or(Key::Absent, Key::text)],
        Some(alarms::REASON) => vec![Key::text(&row.reason)],
        _ => own(row),
    };
    arrange(rows.alarms.values().collect(), list, |row| RowId::Alarm(row.id), text, key)
}

/// The words of a fleet row that a filter searches: what is drawn, ages aside.
fn fleet_text(rows: &Rows, row: &AssetRow, command: Option<&CommandRow>) -> String {
    let sy = &symbols::UTF8;
    let devices = rows.devices_of(row);
    let mut text = vec![
        row.name.clone(),
        row.code.clone(),
        row.plate.clone().unwrap_or_default(),
        seal::mark(rows, row, sy).word,
        row.worst_alarm.map(|p| p.to_string()).unwrap_or_default(),
        worst_link(devices.iter().copied()).map(|link| words::link(link, sy).word).unwrap_or_default(),
        command.map(|c| c.exchange.words().to_owned()).unwrap_or_default(),
    ];
    text.extend(devices.iter().map(|d| d.id.clone()));
    text.join(" ")
}

fn order_fleet(rows: &Rows, list: &ListState) -> (Vec<RowId>, usize) {
    let open: HashMap<&str, &CommandRow> = rows.open_commands();
    let rank = |row: &AssetRow| match row.seal {
        SealState::Tampered => 0,
        SealState::Conflict => 1,
        SealState::Open => 2,
        SealState::LockedNotSealed => 3,
        SealState::Unknown => 4,
        SealState::Sealed => 5,
    };
    let first = |row: &AssetRow| match list.sort.column {
        Some(fleet::PLATE) => row.plate.as_deref().map_or(Key::Absent, Key::text),
        Some(fleet::SEAL) => Key::Number(rank(row)),
        Some(fleet::AS_OF) => Key::maybe(row.as_of.map(|at| at.timestamp())),
        Some(fleet::ALARM) => Key::maybe(row.worst_alarm.map(|p| p as i64)),
        Some(fleet::LOCKS) => Key::Number(locked(rows, row).0 as i64 - locked(rows, row).1 as i64),
        Some(fleet::SPEED) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a speed in tenths of km/h, for ordering only"
            )]
            let tenths = |speed: f64| -(speed * 10.0) as i64;
            Key::maybe(row.position.as_ref().and_then(|p| p.speed_kmh).map(tenths))
        }
        Some(fleet::POSITION) => Key::maybe(row.position.as_ref().map(|p| p.at.timestamp())),
        Some(fleet::BATTERY) => Key::maybe(lowest_battery(rows, row).map(i64::from)),
        Some(fleet::LINK) => Key::maybe(worst_link(rows.devices_of(row)).map(|link| link as i64).map(|n| -n)),
        Some(fleet::COMMAND) => Key::maybe(open.get(row.name.as_str()).map(|c| -c.id.0)),
        _ => Key::text(&row.name),
    };
    let key = |row: &&AssetRow| vec![first(row), Key::text(&row.name)];
    let text = |row: &&AssetRow| fleet_text(rows, row, open.get(row.name.as_str()).copied());
    arrange(rows.assets.values().collect(), list, |row| RowId::Asset(row.id), text, key)
}

/// Locks of an asset that are locked and fresh, and all of its locks.
#[must_use]
pub fn locked(rows: &Rows, asset: &AssetRow) -> (usize, usize) {
    let devices = rows.devices_of(asset);
    let locks = devices.iter().filter(|d| d.kind.has_lock());
    let safe =
        locks.clone().filter(|d| d.lock == Some(crate::domain::LockState::Locked) && !is_silent(d.link));
    (safe.count(), locks.count())
}

#[must_use]
pub fn lowest_battery(rows: &Rows, asset: &AssetRow) -> Option<u8> {
    rows.devices_of(asset).iter().filter_map(|d| d.battery_pct).min()
}

fn order_commands(rows: &Rows, list: &ListState) -> (Vec<RowId>, usize) {
    let text = |row: &Told<'_>| {
        let fields = [
            row.asset().unwrap_or(""),
            row.target(),
            row.exchange().words(),
            row.evidence_words(),
            row.by(),
            &row.reason(),
            row.detail().unwrap_or(""),
        ];
        format!("#{} {}", row.id(), fields.join(" "))
    };
    let newest = |row: &Told<'_>| Key::Number(-row.id().0);
    let key = |row: &Told<'_>| {
        let first = match list.sort.column {
            Some(commands::ASSET) => row.asset().map_or(Key::Absent, Key::text),
            Some(commands::TARGET) => Key::text(row.target()),
            Some(commands::EXCHANGE) => Key::text(row.exchange().words()),
            Some(commands::EVIDENCE) => Key::text(row.evidence_words()),
            Some(commands::BY) => Key::text(row.by()),
            Some(commands::REASON) => Key::text(&row.reason()),
            Some(commands::EXCHANGED) => Key::maybe(row.answered().or(row.sent()).map(|at| -at.timestamp())),
            Some(commands::EVIDENCED) => Key::maybe(row.evidence_at().map(|at| -at.timestamp())),
            _ => newest(row),
        };
        vec![first, newest(row)]
    };
    arrange(rows.all_told().collect(), list, |row| RowId::Command(row.id()), text, key)
}

/// Waiting IDs, most recent first, then refused frames; the refused ones always follow.
fn order_quarantine(rows: &Rows, list: &ListState) -> (Vec<RowId>, usize) {
    let text = |row: &&QuarantineRow| {
        format!(
            "{} {} {} {} {}",
            row.key,
            row.protocol.word(),
            words::device_kind(row.kind),
            row.peer,
            row.why
        )
    };
    let key = |row: &&QuarantineRow| {
        vec![match list.sort.column {
            Some(quarantine::ID) => Key::Text(row.key.to_string()),
            Some(quarantine::PROTOCOL) => Key::text(row.protocol.word()),
            Some(quarantine::KIND) => Key::text(row.kind.word()),
            Some(quarantine::FIRST) => Key::Number(-row.first.timestamp()),
            Some(quarantine::FRAMES) => Key::Number(-i64::try_from(row.frames).unwrap_or(i64::MAX)),
            Some(quarantine::PEER) => Key::text(&row.peer),
            Some(quarantine::WHY) => Key::text(&row.why),
            _ => Key::Number(-row.last.timestamp()),
        }]
    };
    let waiting = rows.quarantine.iter().collect();
    let (mut order, total) = arrange(waiting, list, |row| RowId::Quarantined(row.key.clone()), text, key);
    let mine = ListState { filter: list.filter.clone(), ..ListState::default() };
    let (refused, more) = arrange(
        rows.refused.iter().collect(),
        &mine,
        |row| RowId::Refused(row.reason.clone()),
        |row| format!("{} {} {}", row.reason, row.peer, row.device.as_deref().unwrap_or("")),
        |row| vec![Key::Number(-row.last.timestamp())],
    );
    order.extend(refused);
    (order, total + more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AlarmId;

    fn ids(numbers: &[i64]) -> Vec<RowId> {
        numbers.iter().map(|n| RowId::Alarm(AlarmId(*n))).collect()
    }

    #[test]
    fn a_selection_follows_its_row_and_never_slides_to_another() {
        let mut list = ListState::default();
        list.take(ids(&[1, 2, 3]), 3);
        assert_eq!(list.position(), Some(0));
        list.step(1);
        list.take(ids(&[9, 1, 2, 3]), 4);
        assert_eq!((list.position(), list.selected.clone()), (Some(2), Some(RowId::Alarm(AlarmId(2)))));
        list.take(ids(&[9, 1, 3]), 3);
        assert_eq!(list.selected, None);
        list.step(1);
        assert_eq!(list.selected, Some(RowId::Alarm(AlarmId(3))));
    }

    #[test]
    fn a_wanted_row_is_chosen_when_it_comes() {
        let mut list = ListState::default();
        list.take(ids(&[1]), 1);
        list.choose(RowId::Alarm(AlarmId(7)));
        assert_eq!(list.selected, Some(RowId::Alarm(AlarmId(1))));
        list.take(ids(&[1, 7]), 2);
        assert_eq!(list.selected, Some(RowId::Alarm(AlarmId(7))));
    }

    #[test]
    fn scrolling_keeps_the_selection_in_sight() {
        let mut list = ListState::default();
        list.take(ids(&(0..100).collect::<Vec<_>>()), 100);
        list.go(50);
        list.scroll(10);
        assert_eq!(list.top, 41);
        list.go(45);
        list.scroll(10);
        assert_eq!(list.top, 41);
        list.go(3);
        list.scroll(10);
        assert_eq!(list.top, 3);
        list.take(ids(&[1, 2]), 2);
        list.scroll(10);
        assert_eq!(list.top, 0);
    }
}
