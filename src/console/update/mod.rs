//! `(&mut Model, Msg) -> Vec<Effect>`: everything a console decides, without touching the world.

pub(crate) mod acts;
pub(crate) mod allowed;
mod command_line;
mod help;
mod link;
mod prompt;
mod tell;
mod unlock;

pub use acts::{choices, copy_text};
pub use command_line::completions;
pub use help::entries as help_entries;
pub use prompt::{ACK_CODES, ack_note};
pub use tell::{offers, value_hint};

use super::action::Action;
use super::effect::Effect;
use super::message::Msg;
use super::model::{Modal, Model, View};
use super::theme::Role;
use super::wizard::{Focus, Wizard};
use super::{layout, words};
use crate::ipc::wire::Ask;
use crossterm::event::KeyEvent;

/// Applies a message.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(key) => on_key(model, key),
        Msg::Paste(text) => {
            on_paste(model, &text);
            Vec::new()
        }
        Msg::Resize(width, height) => {
            model.size = (width, height);
            Vec::new()
        }
        Msg::Link(event) => link::on_event(model, event),
        Msg::Tick(now) => {
            on_time(model, now);
            Vec::new()
        }
        Msg::NotSent(id) => {
            link::on_not_sent(model, id);
            Vec::new()
        }
        Msg::Frame(now) => {
            on_time(model, now);
            model.refresh();
            Vec::new()
        }
    }
}

fn on_time(model: &mut Model, now: crate::domain::Utc) {
    model.now = now;
    if model.toast.as_ref().is_some_and(|toast| toast.until <= now) {
        model.toast = None;
    }
    if model.silent_until.is_some_and(|until| until <= now) {
        model.silent_until = None;
    }
    unlock::recheck(model);
}

fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let action = model.keymap.action(key);
    let mut effects = match action {
        Some(action @ (Action::Quit | Action::Redraw | Action::Suspend)) => acts::attempt(model, action),
        // What cannot be seen cannot be meant.
        _ if layout::too_small(model.size) => Vec::new(),
        _ => match (model.modal.take(), action) {
            (Some(modal), _) => on_modal_key(model, modal, key),
            (None, Some(action)) => acts::attempt(model, action),
            (None, None) => {
                let help = model.keymap.key(Action::Help);
                model.say(Role::Muted, format!("that key does nothing here; {help} lists the keys"));
                Vec::new()
            }
        },
    };
    effects.extend(leave_tail(model));
    if !model.stack.contains(&View::Explain) {
        model.explained = None;
    }
    if model.stale {
        model.refresh();
    }
    effects
}

fn on_modal_key(model: &mut Model, modal: Modal, key: KeyEvent) -> Vec<Effect> {
    match modal {
        Modal::Filter { input, before } => {
            prompt::on_filter_key(model, input, before, key);
            Vec::new()
        }
        Modal::Prompt { question, input, .. } => prompt::on_key(model, question, input, key),
        Modal::CommandLine { input, back, .. } => command_line::on_key(model, input, back, key),
        Modal::Help { input, at } => help::on_key(model, input, at, key),
        Modal::Unlock(wizard) => unlock::on_key(model, wizard, key),
        Modal::Tell { device, input, at } => tell::on_key(model, device, input, at, key),
    }
}

/// Pasted text goes into a text field or nowhere.
fn on_paste(model: &mut Model, text: &str) {
    match &mut model.modal {
        Some(Modal::Filter { input, .. }) => {
            input.insert(text);
            let filter = input.text();
            prompt::set_filter(model, filter);
            model.refresh();
        }
        Some(
            Modal::Prompt { input, .. }
            | Modal::CommandLine { input, .. }
            | Modal::Help { input, .. }
            | Modal::Tell { input, .. },
        ) => {
            input.insert(text);
        }
        Some(Modal::Unlock(Wizard::Facts(facts))) => match facts.focus {
            Focus::Note => facts.note.insert(text),
            Focus::Code => facts.message = Some("pasting is not taken here: type the four characters".into()),
            Focus::Reason | Focus::Cancel => {
                facts.message = Some("pasted text goes into the note only".into());
            }
        },
        Some(Modal::Unlock(_)) | None => {
            model.say(Role::Muted, "pasted text is never taken as keys; it goes into text fields only");
        }
    }
}

/// The node stops sending frames when nobody looks at them any more.
fn leave_tail(model: &mut Model) -> Option<Effect> {
    if model.tail.is_none() || model.stack.contains(&View::Tail) {
        return None;
    }
    model.tail = None;
    model.is_live().then(|| Effect::Send(model.request(Ask::Untail, super::model::Pending::Quiet)))
}

/// Time of day for sentences.
fn clock(model: &Model, at: crate::domain::Utc) -> String {
    words::clock(model.now, at, model.options.zone)
}
