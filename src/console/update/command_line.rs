//! The `:` line. It knows the words below and nothing else; it is never a shell.

use super::{acts, prompt, tell};
use crate::console::action::Action;
use crate::console::effect::Effect;
use crate::console::input::Input;
use crate::console::model::{Modal, Model, View};
use crate::console::theme::{NAMES, Role, Theme};
use crate::domain::DeviceKey;
use crate::fleet::snapshot::DeviceRow;
use crate::ipc::wire::{Ask, IdentityDecision};
use crossterm::event::{KeyCode, KeyEvent};

/// Remembered lines; the oldest leaves first.
const HISTORY: usize = 50;

/// Most completions offered at once.
const OFFERED: usize = 40;

/// Every command word and what follows it.
const WORDS: [(&str, &str); 17] = [
    ("alarms", ""),
    ("fleet", ""),
    ("asset", "NAME"),
    ("commands", ""),
    ("quarantine", ""),
    ("system", ""),
    ("log", ""),
    ("help", ""),
    ("sort", "COLUMN"),
    ("theme", "NAME"),
    ("enrol", "ID [ASSET]"),
    ("identity", "ID newest|older|same NOTE"),
    ("tail", "ID"),
    ("send", "ID COMMAND NAME=VALUE"),
    ("bind", "MASTER +ID -ID"),
    ("q", ""),
    ("quit", ""),
];

pub(super) fn on_key(model: &mut Model, mut input: Input, back: usize, key: KeyEvent) -> Vec<Effect> {
    let reopen = |model: &mut Model, input, back| {
        model.modal = Some(Modal::CommandLine { input, back, message: None });
        Vec::new()
    };
    match key.code {
        KeyCode::Esc => Vec::new(),
        KeyCode::Backspace if input.is_empty() => Vec::new(),
        KeyCode::Enter => enter(model, input),
        KeyCode::Tab => {
            let completed = complete(model, &input.text());
            reopen(model, Input::new(&completed), back);
            tell::look_up(model, &completed)
        }
        KeyCode::Up | KeyCode::Down => {
            let back = if key.code == KeyCode::Up { back + 1 } else { back.saturating_sub(1) };
            let back = back.min(model.history.len());
            let text = model.history.iter().rev().nth(back.wrapping_sub(1)).cloned().unwrap_or_default();
            reopen(model, Input::new(&text), back)
        }
        _ => {
            input.key(key);
            let line = input.text();
            reopen(model, input, 0);
            tell::look_up(model, &line)
        }
    }
}

fn enter(model: &mut Model, input: Input) -> Vec<Effect> {
    let line = input.text().trim().to_owned();
    if line.is_empty() {
        return Vec::new();
    }
    match run(model, &line) {
        Ok(effects) => {
            if model.history.back() != Some(&line) {
                model.history.push_back(line);
                if model.history.len() > HISTORY {
                    model.history.pop_front();
                }
            }
            effects
        }
        Err(message) => {
            model.modal = Some(Modal::CommandLine { input, back: 0, message: Some(message) });
            Vec::new()
        }
    }
}

fn run(model: &mut Model, line: &str) -> Result<Vec<Effect>, String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    let view = |model: &mut Model, view| {
        model.turn_to(view);
        Ok(Vec::new())
    };
    match word {
        "alarms" => view(model, View::Alarms),
        "fleet" => view(model, View::Fleet),
        "commands" => view(model, View::Commands),
        "quarantine" => view(model, View::Quarantine),
        "system" => view(model, View::System),
        "log" => {
            model.push(View::Log);
            Ok(Vec::new())
        }
        "asset" => asset(model, rest),
        "help" => Ok(acts::attempt(model, Action::Help)),
        "q" | "quit" => Ok(acts::quit(model)),
        "sort" => sort(model, rest),
        "theme" => theme(model, rest),
        "enrol" => enrol(model, rest),
        "identity" => identity(model, rest),
        "send" => tell::send(model, rest),
        "bind" => tell::bind(model, rest),
        "tail" => {
            let device = device(model, rest)?;
            if !model.is_live() {
                return Err("the node is not connected".into());
            }
            Ok(acts::tail(model, device))
        }
        _ => Err(format!("there is no command '{word}'; Tab shows what there is")),
    }
}

fn asset(model: &mut Model, name: &str) -> Result<Vec<Effect>, String> {
    if name.is_empty() {
        return Ok(acts::attempt(model, Action::ViewAsset));
    }
    let wanted = name.to_lowercase();
    let fits = |text: &str| text.to_lowercase() == wanted;
    let found = model.rows.assets.values().find(|row| fits(&row.name) || fits(&row.code));
    model.asset = Some(found.ok_or_else(|| format!("no asset is named '{name}'"))?.id);
    model.push(View::Asset);
    Ok(Vec::new())
}

fn sort(model: &mut Model, name: &str) -> Result<Vec<Effect>, String> {
    let columns = model.view().columns();
    let at = columns.iter().position(|column| column.title == name && !name.is_empty());
    let at = at.ok_or_else(|| {
        let names: Vec<_> = columns.iter().map(|c| c.title).filter(|t| !t.is_empty()).collect();
        if names.is_empty() {
            "this view has no columns".to_owned()
        } else {
            format!("columns here: {}", names.join(", "))
        }
    })?;
    model.list_mut().sort.column = Some(at);
    model.stale = true;
    Ok(Vec::new())
}

fn theme(model: &mut Model, name: &str) -> Result<Vec<Effect>, String> {
    let found = Theme::named(name).ok_or_else(|| format!("themes: {}", NAMES.join(", ")))?;
    let colourless = model.options.color == crate::console::ColorChoice::Never;
    if colourless && found.name != "mono" {
        return Err("colour is off for this console".into());
    }
    model.say(Role::Text, format!("theme {name}"));
    model.theme = found;
    Ok(Vec::new())
}

fn enrol(model: &mut Model, rest: &str) -> Result<Vec<Effect>, String> {
    let (id, asset) = rest.split_once(' ').unwrap_or((rest, ""));
    let device = device(model, id)?;
    if !model.is_live() {
        return Err("the node is not connected".into());
    }
    let asset = (!asset.trim().is_empty()).then(|| asset.trim().to_owned());
    Ok(prompt::enrol(model, device, asset, None, None))
}

/// `ID newest|older|same NOTE`
fn identity(model: &mut Model, rest: &str) -> Result<Vec<Effect>, String> {
    let mut words = rest.splitn(3, ' ');
    let device = device(model, words.next().unwrap_or_default())?;
    let word = words.next().unwrap_or_default();
    let decision = IdentityDecision::ALL.into_iter().find(|decision| decision.word() == word);
    let Some(decision) = decision else {
        return Err("say which is the device: newest, older, or same if both are".into());
    };
    let note = words.next().unwrap_or_default().trim().to_owned();
    if note.is_empty() {
        return Err("a decision needs a note: how do you know?".into());
    }
    if !model.is_live() {
        return Err("the node is not connected".into());
    }
    Ok(acts::send(model, Ask::Identity { device, decision, note }, "identity"))
}

/// A device by `maker/id`, or by an ID that one waiting or known device has.
pub(super) fn device(model: &Model, text: &str) -> Result<DeviceKey, String> {
    if text.contains('/') {
        return text.parse().map_err(|e: crate::domain::ids::BadDeviceKey| e.to_string());
    }
    let waiting = model.rows.quarantine.iter().map(|row| &row.key);
    let mut fits: Vec<&DeviceKey> =
        waiting.chain(model.rows.devices.keys()).filter(|key| &*key.id == text).collect();
    fits.sort();
    fits.dedup();
    match fits.as_slice() {
        [only] => Ok((*only).clone()),
        [] if text.is_empty() => Err("which ID? for example jointech/8000620011".into()),
        [] => Err(format!("no device '{text}' has been heard; write jointech/{text} or bofan/{text}")),
        _ => Err(format!("two makers have an ID '{text}': write jointech/{text} or bofan/{text}")),
    }
}

/// Whether two sources speak for it and nobody has decided.
fn is_in_doubt(row: &DeviceRow) -> bool {
    row.conflict.as_ref().is_some_and(|conflict| conflict.decided.is_none())
}

/// What Tab could make of a line, sorted.
#[must_use]
pub fn completions(model: &Model, line: &str) -> Vec<String> {
    let Some((word, rest)) = line.split_once(' ') else {
        let words = WORDS.iter().map(|(word, _)| (*word).to_owned());
        return words.filter(|word| word.starts_with(line)).collect();
    };
    match word {
        "send" => return first_of(tell::send_completions(model, line)),
        "bind" => return first_of(tell::bind_completions(model, line)),
        _ => {}
    }
    let mut found: Vec<String> = match word {
        "sort" => {
            model.view().columns().iter().map(|c| c.title.to_owned()).filter(|t| !t.is_empty()).collect()
        }
        "theme" => NAMES.iter().map(|name| (*name).to_owned()).collect(),
        "asset" => model.rows.assets.values().map(|row| row.name.clone()).collect(),
        "enrol" => model.rows.quarantine.iter().map(|row| row.key.to_string()).collect(),
        "identity" if rest.contains(' ') => {
            let device = rest.split(' ').next().unwrap_or_default();
            IdentityDecision::ALL.iter().map(|decision| format!("{device} {}", decision.word())).collect()
        }
        "identity" => {
            let doubted = model.rows.devices.values().filter(|row| is_in_doubt(row));
            doubted.map(|row| row.key.to_string()).collect()
        }
        "tail" => {
            let waiting = model.rows.quarantine.iter().map(|row| row.key.to_string());
            waiting.chain(model.rows.devices.keys().map(ToString::to_string)).collect()
        }
        _ => Vec::new(),
    };
    let wanted = rest.to_lowercase();
    found.retain(|text| text.to_lowercase().contains(&wanted));
    found.sort();
    found.truncate(OFFERED);
    found.into_iter().map(|text| format!("{word} {text}")).collect()
}

fn first_of(mut lines: Vec<String>) -> Vec<String> {
    lines.truncate(OFFERED);
    lines
}

/// The longest beginning all completions share, or the line as it is.
fn complete(model: &Model, line: &str) -> String {
    let found = completions(model, line);
    match found.as_slice() {
        [] => line.to_owned(),
        [only] => {
            let tells = only.starts_with("send ") || only.starts_with("bind ");
            let more = WORDS.iter().any(|(word, after)| word == only && !after.is_empty())
                || (tells && !only.ends_with('='));
            if more { format!("{only} ") } else { only.clone() }
        }
        [first, rest @ ..] => {
            let shared = |text: &str| {
                let same = first.chars().zip(text.chars()).take_while(|(a, b)| a == b);
                same.map(|(a, _)| a.len_utf8()).sum::<usize>()
            };
            let length = rest.iter().map(|text| shared(text)).min().unwrap_or(first.len());
            if length > line.len() { first[..length].to_owned() } else { line.to_owned() }
        }
    }
}
