//! Telling a device what moves no lock: the `:send` and `:bind` lines, and the list of what a device can be told.

use super::allowed;
use super::command_line::device;
use crate::console::action::Action;
use crate::console::effect::Effect;
use crate::console::input::Input;
use crate::console::model::{Modal, Model, Pending, Question, View};
use crate::console::rows::RowId;
use crate::console::theme::Role;
use crate::console::words;
use crate::domain::order::CommandClass;
use crate::domain::{CommandId, DeviceKey};
use crate::ipc::wire::{Answer, Ask, Catalogue, CommandHelp};
use crossterm::event::{KeyCode, KeyEvent};

/// The catalogue of this device, if the node told it.
fn catalogue<'a>(model: &'a Model, device: &DeviceKey) -> Option<&'a Catalogue> {
    model.catalogue.as_ref().filter(|catalogue| catalogue.device == *device)
}

fn ask_catalogue(model: &mut Model, device: DeviceKey) -> Vec<Effect> {
    let pending = Pending::Catalogue(device.clone());
    if model.pending.values().any(|other| *other == pending) {
        return Vec::new();
    }
    vec![Effect::Send(model.request(Ask::Catalogue { device }, pending))]
}

/// A `send` line that names a device needs to know what that can be told.
pub(super) fn look_up(model: &mut Model, line: &str) -> Vec<Effect> {
    let Some((name, _)) = line.strip_prefix("send ").and_then(|rest| rest.split_once(' ')) else {
        return Vec::new();
    };
    match device(model, name) {
        Ok(key) if model.is_live() && catalogue(model, &key).is_none() => ask_catalogue(model, key),
        _ => Vec::new(),
    }
}

/// The node told what a device can be told.
pub(super) fn catalogue_came(model: &mut Model, asked: &DeviceKey, answer: Answer) {
    match answer {
        Answer::Catalogue { catalogue } if catalogue.device == *asked => model.catalogue = Some(*catalogue),
        Answer::Refused { why } | Answer::Wrong { why } => {
            if matches!(&model.modal, Some(Modal::Tell { device, .. }) if device == asked) {
                model.modal = None;
            }
            model.say(Role::Bad, why);
        }
        _ => {}
    }
}

/// Words of a line; a word without `=` belongs to the value before it.
fn arguments(words: &[&str]) -> Result<Vec<(String, String)>, String> {
    let mut args: Vec<(String, String)> = Vec::new();
    for word in words {
        match (word.split_once('='), args.last_mut()) {
            (Some((name, value)), _) => args.push((name.to_owned(), value.to_owned())),
            (None, Some((_, value))) => {
                value.push(' ');
                value.push_str(word);
            }
            (None, None) => return Err(format!("'{word}' is no argument: write name=value")),
        }
    }
    Ok(args)
}

/// `send DEVICE COMMAND [name=value …]`
pub(super) fn send(model: &mut Model, rest: &str) -> Result<Vec<Effect>, String> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (name, command, args) = match words.as_slice() {
        [name, command, args @ ..] => (*name, *command, arguments(args)?),
        _ => return Err("write send DEVICE COMMAND name=value …; Tab shows what there is".into()),
    };
    let target = device(model, name)?;
    if !model.is_live() {
        return Err("the node is not connected".into());
    }
    let Some(known) = catalogue(model, &target) else {
        return Err("the node has not said yet what it can be told; Enter again in a moment".into());
    };
    let Some(help) = known.commands.iter().find(|help| help.name == command) else {
        return Err(format!("a {} has no command '{command}'; Tab shows what there is", known.model));
    };
    if let Some(why) = &help.not_here {
        return Err(why.clone());
    }
    let question = order_question(model, &target, help, &args);
    let class = help.class;
    let ask = Ask::Order { target, command: command.to_owned(), args, note: String::new() };
    let line = format!("send {rest}");
    if class == CommandClass::Read {
        return Ok(order(model, ask, line));
    }
    Ok(confirm(model, Question::Order { ask: Box::new(ask), line, text: question }))
}

/// What is asked before a setting leaves: what it was, what it will be, how far that is proven.
fn order_question(
    model: &Model,
    target: &DeviceKey,
    help: &CommandHelp,
    args: &[(String, String)],
) -> String {
    let known = match &help.known {
        Some(known) => format!("the device said {} ({} ago)", known.value, words::age(model.now, known.at)),
        None => "what it holds now is not known".to_owned(),
    };
    let args = args.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
    let new = if args.is_empty() { String::new() } else { format!(" {} {args}", model.symbols.to) };
    format!(
        "Tell {} {} ({}, {}): {}; {known}{new}",
        target.id,
        help.name,
        help.class.word(),
        help.proof.word(),
        help.purpose
    )
}

/// `bind MASTER +ID -ID`
pub(super) fn bind(model: &mut Model, rest: &str) -> Result<Vec<Effect>, String> {
    let (name, changes) = rest.split_once(' ').unwrap_or((rest, ""));
    let master = device(model, name)?;
    if !model.is_live() {
        return Err("the node is not connected".into());
    }
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    for change in changes.split_whitespace() {
        match change.split_at_checked(1) {
            Some(("+", id)) => add.push(id.to_owned()),
            Some(("-", id)) => remove.push(id.to_owned()),
            _ => return Err(format!("'{change}': write +ID to bind, -ID to unbind")),
        }
    }
    if add.is_empty() && remove.is_empty() {
        return Err("write +ID to bind, -ID to unbind".into());
    }
    let text = format!(
        "Change the list of sub-devices of {}:{}. The list is read first, written whole and read back",
        master.id,
        changes.split_whitespace().map(|change| format!(" {change}")).collect::<String>()
    );
    let ask = Ask::Bind { master, add, remove, note: String::new() };
    Ok(confirm(model, Question::Order { ask: Box::new(ask), line: format!("bind {rest}"), text }))
}

fn confirm(model: &mut Model, question: Question) -> Vec<Effect> {
    model.modal = Some(Modal::Prompt { question, input: Input::default(), message: None });
    Vec::new()
}

/// Gives an order to the node.
pub(super) fn order(model: &mut Model, ask: Ask, line: String) -> Vec<Effect> {
    model.say(Role::Muted, format!("asked the node to {line} …"));
    vec![Effect::Send(model.request(ask, Pending::Order(line)))]
}

/// The node's word on an order.
pub(super) fn answered(model: &mut Model, line: String, answer: Answer) {
    match answer {
        Answer::Ordered { command, .. } => ordered(model, command),
        Answer::Refused { why } | Answer::Wrong { why } if model.modal.is_none() => {
            // The line comes back, so that it can be mended.
            model.modal = Some(Modal::CommandLine { input: Input::new(&line), back: 0, message: Some(why) });
        }
        Answer::Refused { why } | Answer::Wrong { why } => model.say(Role::Bad, format!("{line}: {why}")),
        _ => model.say(Role::Bad, format!("{line}: the node's answer did not fit the question")),
    }
}

/// The order is durable: its row is shown and followed.
fn ordered(model: &mut Model, command: CommandId) {
    if model.modal.is_none() {
        model.push(View::Commands);
        model.list_mut().filter.clear();
        model.frozen = None;
        model.list_mut().choose(RowId::Command(command));
    }
    model.say(Role::Info, format!("order #{command} is recorded; this is its row"));
}

/// Opens the list of what the selected row's device can be told.
pub(super) fn begin(model: &mut Model) -> Vec<Effect> {
    let Some(device) = allowed::tell_device(model) else { return Vec::new() };
    model.modal = Some(Modal::Tell { device: device.clone(), input: Input::default(), at: 0 });
    ask_catalogue(model, device)
}

/// The commands of the list that hold all the words typed: those that can be sent first, and among them those whose
/// name begins with what was typed.
#[must_use]
pub fn offers<'a>(model: &'a Model, device: &DeviceKey, search: &str) -> Vec<&'a CommandHelp> {
    let search = search.to_lowercase();
    let fits = |help: &&CommandHelp| {
        let text = format!("{} {} {}", help.name, help.purpose, help.class.word()).to_lowercase();
        search.split_whitespace().all(|word| text.contains(word))
    };
    let commands = catalogue(model, device).map(|known| known.commands.as_slice()).unwrap_or_default();
    let (mut can, cannot): (Vec<_>, Vec<_>) =
        commands.iter().filter(fits).partition(|help| help.not_here.is_none());
    can.sort_by_key(|help| !help.name.starts_with(search.trim()));
    can.extend(cannot);
    can
}

pub(super) fn on_key(
    model: &mut Model,
    device: DeviceKey,
    mut input: Input,
    at: usize,
    key: KeyEvent,
) -> Vec<Effect> {
    let found = offers(model, &device, &input.text());
    let last = found.len().saturating_sub(1);
    let at = match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => match found.get(at).copied().cloned() {
            Some(help) => return choose(model, device, &help),
            None => at,
        },
        KeyCode::Up => at.saturating_sub(1),
        KeyCode::Down => (at + 1).min(last),
        KeyCode::PageUp => at.saturating_sub(10),
        KeyCode::PageDown => (at + 10).min(last),
        _ => {
            let before = input.text();
            input.key(key);
            if input.text() == before { at } else { 0 }
        }
    };
    model.modal = Some(Modal::Tell { device, input, at });
    Vec::new()
}

/// A command of the list: without arguments it is sent, or asked about; else its line is begun.
fn choose(model: &mut Model, device: DeviceKey, help: &CommandHelp) -> Vec<Effect> {
    let line = format!("{device} {}", help.name);
    let needed = help.params.iter().find(|param| !param.optional);
    let outcome = match (&help.not_here, needed) {
        (Some(why), _) => Err(why.clone()),
        (None, None) if help.params.is_empty() => send(model, &line),
        (None, first) => {
            let first = first.map_or_else(String::new, |param| format!("{}=", param.name));
            let input = Input::new(&format!("send {line} {first}"));
            model.modal = Some(Modal::CommandLine { input, back: 0, message: None });
            Ok(Vec::new())
        }
    };
    outcome.unwrap_or_else(|why| {
        model.say(Role::Warn, format!("{}: {why}", Action::Tell.entry().short));
        Vec::new()
    })
}

/// What Tab could make of a `send` line, whole lines.
pub(super) fn send_completions(model: &Model, line: &str) -> Vec<String> {
    let (head, last) = line.rsplit_once(' ').unwrap_or(("", line));
    let words: Vec<&str> = head.split_whitespace().collect();
    let candidates: Vec<String> = match words.as_slice() {
        ["send"] => model.rows.devices.keys().map(ToString::to_string).collect(),
        ["send", name] => {
            let offers = device(model, name).map(|key| offers(model, &key, "")).unwrap_or_default();
            offers.into_iter().filter(|help| help.not_here.is_none()).map(|help| help.name.clone()).collect()
        }
        ["send", name, command, given @ ..] => {
            let offers = device(model, name).map(|key| offers(model, &key, "")).unwrap_or_default();
            let help = offers.into_iter().find(|help| help.name == *command);
            help.map(|help| argument_candidates(help, given)).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    narrowed(head, last, candidates, words.len() == 1)
}

/// Arguments not given yet; those with few values with each of them.
fn argument_candidates(help: &CommandHelp, given: &[&str]) -> Vec<String> {
    let is_given =
        |name: &str| given.iter().any(|word| word.split_once('=').is_some_and(|(before, _)| before == name));
    help.params
        .iter()
        .filter(|param| !is_given(&param.name))
        .flat_map(|param| match param.choices.as_slice() {
            [] => vec![format!("{}=", param.name)],
            choices => choices.iter().map(|choice| format!("{}={choice}", param.name)).collect(),
        })
        .collect()
}

/// What Tab could make of a `bind` line, whole lines.
pub(super) fn bind_completions(model: &Model, line: &str) -> Vec<String> {
    let (head, last) = line.rsplit_once(' ').unwrap_or(("", line));
    let words: Vec<&str> = head.split_whitespace().collect();
    let devices = || model.rows.devices.values();
    let candidates: Vec<String> = match words.as_slice() {
        ["bind"] => {
            let masters = devices().filter(|row| row.kind == crate::domain::DeviceKind::MasterLock);
            masters.map(|row| row.key.to_string()).collect()
        }
        ["bind", name, ..] => {
            let master = device(model, name).map(|key| key.id.to_string()).unwrap_or_default();
            let bound = devices().filter(|row| row.kind.is_bound());
            bound
                .map(|row| {
                    let sign = if row.bound_to.as_deref() == Some(&master) { '-' } else { '+' };
                    format!("{sign}{}", row.id)
                })
                .collect()
        }
        _ => Vec::new(),
    };
    narrowed(head, last, candidates, words.len() == 1)
}

/// Candidates that begin with what is typed (a device: that hold it), as whole lines, sorted.
fn narrowed(head: &str, last: &str, candidates: Vec<String>, anywhere: bool) -> Vec<String> {
    let fits = |text: &String| {
        let (text, last) = (text.to_lowercase(), last.to_lowercase());
        if anywhere { text.contains(&last) } else { text.starts_with(&last) }
    };
    let mut found: Vec<String> = candidates.into_iter().filter(fits).collect();
    found.sort();
    found.dedup();
    found.into_iter().map(|text| format!("{head} {text}")).collect()
}

/// What stands behind the cursor of a `send` line that asks for a value: what it means and its range.
#[must_use]
pub fn value_hint(model: &Model, line: &str) -> Option<String> {
    let mut words = line.strip_prefix("send ")?.split_whitespace();
    let (name, command) = (words.next()?, words.next()?);
    let (param, _) = line.rsplit_once(' ')?.1.split_once('=')?;
    let key = device(model, name).ok()?;
    let help = catalogue(model, &key)?.commands.iter().find(|help| help.name == command)?;
    let param = help.params.iter().find(|known| known.name == param)?;
    Some(format!("{}: {}", param.what, param.range))
}
