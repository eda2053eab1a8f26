//! What each action does.

use super::allowed;
use crate::console::action::Action;
use crate::console::effect::Effect;
use crate::console::explain::{self, Explained};
use crate::console::input::Input;
use crate::console::layout;
use crate::console::model::{Frozen, Modal, Model, Pending, Question, View};
use crate::console::rows::RowId;
use crate::console::tail::Tail;
use crate::console::theme::Role;
use crate::console::told::{Told, order_words, outcome};
use crate::console::{model, words};
use crate::domain::{AlarmId, DeviceKey};
use crate::ipc::wire::Ask;
use tui_logger::TuiWidgetEvent;

/// Does an action, or says why not. No key is dead.
pub(crate) fn attempt(model: &mut Model, action: Action) -> Vec<Effect> {
    match model.enabled(action) {
        Ok(()) => act(model, action),
        Err(why) => {
            model.say(Role::Warn, format!("{}: {why}", action.entry().short));
            Vec::new()
        }
    }
}

pub(crate) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::ViewAlarms => model.turn_to(View::Alarms),
        Action::ViewFleet => model.turn_to(View::Fleet),
        Action::ViewAsset => view_asset(model),
        Action::ViewCommands => model.turn_to(View::Commands),
        Action::ViewQuarantine => model.turn_to(View::Quarantine),
        Action::ViewSystem => model.turn_to(View::System),
        Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::First | Action::Last => {
            go(model, action);
        }
        Action::NextPane | Action::PrevPane => pane(model, action == Action::NextPane),
        Action::More | Action::Less => fold(model, action == Action::More),
        Action::Details => return details(model),
        Action::GoAsset => {
            model.asset = model.selected_asset().map(|row| row.id);
            model.push(View::Asset);
        }
        Action::Filter => {
            let before = model.list().filter.clone();
            model.modal = Some(Modal::Filter { input: Input::new(&before), before });
        }
        Action::SortLeft => sort(model, false),
        Action::SortRight => sort(model, true),
        Action::Invert => {
            let list = model.list_mut();
            list.sort.invert = !list.sort.invert;
            model.stale = true;
        }
        Action::Freeze => freeze(model),
        Action::Copy => return copy(model),
        Action::NextUnack => unack(model, true),
        Action::PrevUnack => unack(model, false),
        Action::Silence => {
            model.silent_until = Some(model.now + chrono::TimeDelta::minutes(2));
            model.say(Role::Text, "bell silent for two minutes; a new P1 still rings");
        }
        Action::Ack | Action::Reset | Action::Cancel | Action::Verdict | Action::Enrol => ask(model, action),
        Action::Unlock => return super::unlock::begin(model),
        Action::Tell => return super::tell::begin(model),
        Action::Tail => return allowed::tail_device(model).map_or_else(Vec::new, |key| tail(model, key)),
        Action::Explain => return explain(model),
        Action::Help => model.modal = Some(Modal::Help { input: Input::default(), at: 0 }),
        Action::CommandLine => {
            model.modal = Some(Modal::CommandLine { input: Input::default(), back: 0, message: None });
        }
        Action::Back => back(model),
        Action::Quit => return quit(model),
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
    }
    Vec::new()
}

fn view_asset(model: &mut Model) {
    if let Some(id) = model.selected_asset().map(|row| row.id) {
        model.asset = Some(id);
    }
    model.push(View::Asset);
}

fn go(model: &mut Model, action: Action) {
    // An explanation has lines above and below its fields; a page may be too short, but skips none of them.
    let around = if model.view() == View::Explain { explain::MOST_AROUND } else { 1 };
    let rows = layout::areas(model).rows();
    let page = isize::try_from(rows.saturating_sub(around).max(1)).unwrap_or(isize::MAX);
    let by = match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::First => isize::MIN,
        _ => isize::MAX,
    };
    match model.view() {
        View::Tail => {
            if let Some(tail) = &mut model.tail {
                tail.step(by);
            }
        }
        View::Explain => {
            if let Some(explained) = &mut model.explained {
                explained.step(by);
            }
        }
        View::Log => model.log.send(match action {
            Action::Up => TuiWidgetEvent::UpKey,
            Action::Down => TuiWidgetEvent::DownKey,
            Action::PageUp => TuiWidgetEvent::PrevPageKey,
            Action::PageDown => TuiWidgetEvent::NextPageKey,
            Action::First => TuiWidgetEvent::PrevPageKey,
            _ => TuiWidgetEvent::EscapeKey,
        }),
        _ if action == Action::First => model.list_mut().go(0),
        _ if action == Action::Last => model.list_mut().go(usize::MAX),
        _ => model.list_mut().step(by),
    }
    model.refresh();
}

/// Jumps to the first row of the next or previous part: devices, alarms, commands; waiting, refused; in an explanation
/// to the next field that needs a look.
fn pane(model: &mut Model, forward: bool) {
    if model.view() == View::Explain {
        if !model.explained.as_mut().is_some_and(|explained| explained.doubtful(forward)) {
            model.say(Role::Muted, "no field of it is WRONG or unknown");
        }
        return;
    }
    let list = model.list_mut();
    let kind = |id: &RowId| std::mem::discriminant(id);
    let mut starts: Vec<usize> = Vec::new();
    for (at, id) in list.order.iter().enumerate() {
        if at == 0 || kind(&list.order[at - 1]) != kind(id) {
            starts.push(at);
        }
    }
    let here = starts.iter().rposition(|start| *start <= list.anchor).unwrap_or(0);
    let Some(count) = std::num::NonZeroUsize::new(starts.len()) else { return };
    let next = if forward { here + 1 } else { here + count.get() - 1 } % count;
    list.go(starts[next]);
    model.refresh();
}

fn fold(model: &mut Model, more: bool) {
    if model.view() == View::Log {
        model.log.send(if more { TuiWidgetEvent::RightKey } else { TuiWidgetEvent::LeftKey });
    } else if model.view() == View::Quarantine {
        model.zoom = more;
    } else if let Some(tail) = &mut model.tail {
        tail.unfold(more);
    }
}

/// One step closer to what the row stands for.
fn details(model: &mut Model) -> Vec<Effect> {
    match (model.view(), model.selected()) {
        (View::Fleet, _) => view_asset(model),
        (View::Tail, _) | (View::Quarantine, Some(RowId::Refused(_))) => {
            return attempt(model, Action::Explain);
        }
        (View::Quarantine, _) => return attempt(model, Action::Tail),
        _ => model.zoom = !model.zoom,
    }
    Vec::new()
}

/// Asks the node what the selected frame says, field by field.
fn explain(model: &mut Model) -> Vec<Effect> {
    let Some(explained) = chosen_frame(model) else { return Vec::new() };
    let raw = explained.raw.clone();
    model.explained = Some(explained);
    model.push(View::Explain);
    vec![Effect::Send(model.request(Ask::Explain { raw: raw.clone() }, Pending::Explain(raw)))]
}

/// The selected frame of the live tail, or the sample of a refusal.
fn chosen_frame(model: &Model) -> Option<Explained> {
    if model.view() == View::Tail {
        let tail = model.tail.as_ref()?;
        let (_, line) = tail.current()?;
        let time = words::clock(model.now, line.at, model.options.zone);
        let answer = line.reply.as_ref().map_or("not answered".into(), |reply| format!("answered {reply}"));
        let about = vec![("fate", format!("{}, {answer}, from {}", line.fate, line.peer))];
        let is_refused = line.fate.starts_with("refused");
        return Some(Explained::new(format!("{} {time}", tail.device), about, line.raw.clone(), is_refused));
    }
    let Some(RowId::Refused(reason)) = model.selected() else { return None };
    let row = model.shown().refused.iter().find(|row| row.reason == *reason)?;
    let claims = row.device.as_ref().map(|id| format!(", claims to be {id}")).unwrap_or_default();
    let mut about = vec![("refused", format!("{}, from {}{claims}", row.reason, row.peer))];
    let kept = row.sample.len() / 2;
    if row.length > kept {
        about.push(("sample", format!("only the first {kept} of {} bytes were kept", row.length)));
    }
    let mut explained =
        Explained::new("of the last bytes refused so".into(), about, row.sample.clone(), true);
    explained.length = row.length.max(kept);
    Some(explained)
}

fn sort(model: &mut Model, right: bool) {
    let columns = model.view().columns();
    let named: Vec<usize> = (0..columns.len()).filter(|&i| !columns[i].title.is_empty()).collect();
    let list = model.list_mut();
    let at = list.sort.column.and_then(|column| named.iter().position(|&i| i == column));
    let next = match (at, right) {
        (None, true) => Some(0),
        (None, false) => named.len().checked_sub(1),
        (Some(at), true) => Some(at + 1),
        (Some(at), false) => at.checked_sub(1),
    };
    // One step beyond either end is the list's own order.
    list.sort.column = next.and_then(|next| named.get(next)).copied();
    model.stale = true;
}

fn freeze(model: &mut Model) {
    let on = model.frozen.is_none();
    model.frozen = on.then(|| Frozen { rows: Box::new(model.rows.clone()), since: model.now, waiting: 0 });
    if let Some(tail) = &mut model.tail {
        tail.freeze(on);
    }
    model.stale = true;
}

/// Goes to the next unacknowledged alarm in the order of `Rows::unacknowledged`, round at the end.
fn unack(model: &mut Model, forward: bool) {
    let ids = model.rows.unacknowledged();
    let from_alarms = model.view() == View::Alarms;
    let here = match model.selected() {
        Some(RowId::Alarm(id)) if from_alarms => ids.iter().position(|x| x == id),
        _ => None,
    };
    let last = ids.len().saturating_sub(1);
    let next = match (here, forward) {
        (None, true) => 0,
        (None, false) => last,
        (Some(at), true) => {
            if at == last {
                0
            } else {
                at + 1
            }
        }
        (Some(at), false) => at.checked_sub(1).unwrap_or(last),
    };
    let Some(id) = ids.get(next).copied() else { return };
    if !from_alarms {
        model.turn_to(View::Alarms);
    }
    show_alarm(model, id);
}

/// Selects an alarm in the alarm view; a filter that hides it is taken away.
fn show_alarm(model: &mut Model, id: AlarmId) {
    model.frozen = None;
    model.stale = true;
    model.refresh();
    if !model.list().order.contains(&RowId::Alarm(id)) && !model.list().filter.is_empty() {
        model.list_mut().filter.clear();
        model.stale = true;
        model.refresh();
    }
    model.list_mut().choose(RowId::Alarm(id));
    model.refresh();
}

fn ask(model: &mut Model, action: Action) {
    let question = match (action, model.selected().cloned()) {
        (Action::Ack, Some(RowId::Alarm(id))) => Question::Ack(id),
        (Action::Reset, Some(RowId::Alarm(id))) => Question::Reset(id),
        (Action::Cancel, Some(RowId::Command(id))) => Question::Cancel(id),
        (Action::Verdict, Some(RowId::Command(id))) => Question::Verdict(id),
        (Action::Enrol, Some(RowId::Quarantined(key))) => {
            let Some(row) = model.rows.quarantine.iter().find(|row| row.key == key) else { return };
            Question::EnrolAsset { device: key, guess: row.kind, bind_to: None }
        }
        (Action::Enrol, Some(RowId::Device(key))) => {
            let Some(row) = model.rows.devices.get(&key) else { return };
            let bind_to = row.bound_to.as_deref().map(|id| DeviceKey::new(key.maker, id));
            Question::EnrolAsset { guess: row.kind, bind_to, device: key }
        }
        _ => return,
    };
    model.modal = Some(Modal::Prompt { question, input: Input::default(), message: None });
}

/// The locks an opening could be meant for, from the selected row.
#[must_use]
pub fn choices(model: &Model) -> Vec<DeviceKey> {
    if let Some(device) = model.selected_device()
        && device.kind.has_lock()
    {
        return vec![device.key.clone()];
    }
    match model.selected() {
        Some(RowId::Asset(_) | RowId::Alarm(_)) => {}
        _ => return Vec::new(),
    }
    let devices = model.selected_asset().map(|asset| model.rows.devices_of(asset)).unwrap_or_default();
    devices.into_iter().filter(|row| row.kind.has_lock()).map(|row| row.key.clone()).collect()
}

/// Starts the live frames of a device.
pub(super) fn tail(model: &mut Model, device: DeviceKey) -> Vec<Effect> {
    model.tail = Some(Tail::new(device.clone()));
    model.push(View::Tail);
    let pending = model::Pending::Tail(device.clone());
    vec![Effect::Send(model.request(Ask::Tail { device }, pending))]
}

/// One step back: details, then filter, then the view before. Never out of the console.
fn back(model: &mut Model) {
    if model.zoom {
        model.zoom = false;
    } else if !model.list().filter.is_empty() {
        model.list_mut().filter.clear();
        model.stale = true;
    } else if model.stack.len() > 1 {
        model.stack.pop();
        model.stale = true;
    } else {
        let quit = model.keymap.key(Action::Quit);
        model.say(Role::Muted, format!("nothing to go back to; :quit or {quit} leaves the console"));
    }
}

pub(super) fn quit(model: &mut Model) -> Vec<Effect> {
    if !model.options.one_process {
        return vec![Effect::Quit];
    }
    model.modal = Some(Modal::Prompt { question: Question::Stop, input: Input::default(), message: None });
    Vec::new()
}

fn copy(model: &mut Model) -> Vec<Effect> {
    let Some(text) = copy_text(model) else { return Vec::new() };
    model.say(Role::Text, format!("copied: {text}"));
    vec![Effect::Copy(text)]
}

/// What copying the selected row puts on the clipboard.
#[must_use]
pub fn copy_text(model: &Model) -> Option<String> {
    if model.view() == View::Explain {
        return model.explained.as_ref().map(|explained| explained.raw.clone());
    }
    if model.view() == View::Tail {
        return model.tail.as_ref()?.current().map(|(_, line)| line.raw.clone());
    }
    match model.selected()? {
        RowId::Asset(id) => {
            let row = model.rows.assets.get(id)?;
            let place =
                row.position.as_ref().map(|p| format!(" {:.6},{:.6}", p.lat, p.lon)).unwrap_or_default();
            Some(format!("{} {}{place}", row.code, row.name))
        }
        RowId::Device(key) | RowId::Quarantined(key) => Some(key.to_string()),
        RowId::Alarm(id) => {
            let row = model.rows.alarms.get(id)?;
            let asset = row.asset.as_deref().unwrap_or("node");
            let first = row.first.format("%Y-%m-%dT%H:%M:%SZ");
            Some(format!("{} {asset} {} {first} {}", row.priority, words::kind(row.kind), row.reason))
        }
        RowId::Command(id) => Some(match model.rows.told(*id)? {
            Told::Opening(row) => {
                let (exchange, evidence) = (row.exchange.words(), row.evidence.words());
                format!("#{} unlock {} by {}: {exchange}, movement {evidence}", row.id, row.target, row.by)
            }
            Told::Order(row) => {
                let (words, said) = (order_words(row), outcome(row));
                format!("#{} {words} {} by {}: {said}", row.id, row.target, row.by)
            }
        }),
        RowId::Refused(reason) => {
            let row = model.rows.refused.iter().find(|row| row.reason == *reason)?;
            Some(format!("{} {}", row.reason, row.sample))
        }
    }
}

/// An act for the node whose answer is one sentence.
pub(super) fn send(model: &mut Model, ask: Ask, what: &'static str) -> Vec<Effect> {
    model.say(Role::Muted, format!("asked the node to {what} …"));
    vec![Effect::Send(model.request(ask, Pending::Act(what)))]
}
