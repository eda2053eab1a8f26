//! The key help: a search field over the action table.

use super::acts;
use crate::console::action::{Entry, TABLE};
use crate::console::effect::Effect;
use crate::console::input::Input;
use crate::console::model::{Modal, Model};
use crossterm::event::{KeyCode, KeyEvent};

/// The entries that match, those of the shown view first.
#[must_use]
pub fn entries(model: &Model, search: &str) -> Vec<&'static Entry> {
    let search = search.to_lowercase();
    let fits = |entry: &&Entry| {
        let keys = model.keymap.keys(entry.action);
        let text = format!("{keys} {} {} {}", entry.name, entry.text, entry.section.text()).to_lowercase();
        search.split_whitespace().all(|word| text.contains(word))
    };
    let (mut own, rest): (Vec<_>, Vec<_>) =
        TABLE.iter().filter(fits).partition(|entry| entry.views.contains(&model.view()));
    own.extend(rest);
    own
}

pub(super) fn on_key(model: &mut Model, mut input: Input, at: usize, key: KeyEvent) -> Vec<Effect> {
    let found = entries(model, &input.text());
    let last = found.len().saturating_sub(1);
    let at = match key.code {
        KeyCode::Esc | KeyCode::F(1) => return Vec::new(),
        KeyCode::Enter => {
            return found.get(at).map_or_else(Vec::new, |entry| acts::attempt(model, entry.action));
        }
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
    model.modal = Some(Modal::Help { input, at });
    Vec::new()
}
