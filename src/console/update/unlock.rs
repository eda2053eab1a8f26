//! Keys and facts of the unlock dialog.

use super::acts;
use crate::console::effect::Effect;
use crate::console::model::{Modal, Model, Pending, View};
use crate::console::rows::RowId;
use crate::console::theme::Role;
use crate::console::wizard::{Facts, Focus, Seen, WRONG_CODES, Wizard, fits};
use crate::domain::command::UnlockReason;
use crate::domain::{CommandId, DeviceKey};
use crate::ipc::wire::{Ask, Proposal};
use crossterm::event::{KeyCode, KeyEvent};

/// Starts the dialog for the selected row.
pub(super) fn begin(model: &mut Model) -> Vec<Effect> {
    let locks = acts::choices(model);
    match (locks.as_slice(), model.selected_asset().map(|row| row.id)) {
        ([only], _) => propose(model, only.clone()),
        (_, Some(asset)) => {
            model.modal = Some(Modal::Unlock(Wizard::Choose { asset, locks, at: 0 }));
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn propose(model: &mut Model, target: DeviceKey) -> Vec<Effect> {
    if !model.is_live() {
        return void(model, "the node is not connected");
    }
    model.modal = Some(Modal::Unlock(Wizard::Asked { target: target.clone() }));
    let request = model.request(Ask::Propose { target: target.clone() }, Pending::Propose(target));
    vec![Effect::Send(request)]
}

fn void(model: &mut Model, why: impl Into<String>) -> Vec<Effect> {
    model.modal = Some(Modal::Unlock(Wizard::Void { why: why.into() }));
    Vec::new()
}

/// The node's proposal has come.
pub(super) fn proposed(model: &mut Model, asked: &DeviceKey, proposal: Proposal) {
    let waits = matches!(&model.modal, Some(Modal::Unlock(Wizard::Asked { target })) if target == asked);
    if !waits {
        return;
    }
    if proposal.target != *asked {
        void(model, format!("the node answered for {} instead", proposal.target));
        return;
    }
    let facts = Facts::new(proposal, &model.rows);
    model.modal = Some(Modal::Unlock(Wizard::Facts(Box::new(facts))));
    recheck(model);
}

/// The node refused to propose or to execute.
pub(super) fn refused(model: &mut Model, why: String) {
    if matches!(model.modal, Some(Modal::Unlock(_))) {
        void(model, why);
    } else {
        model.say(Role::Bad, format!("not opened: {why}"));
    }
}

/// The intent is durable: its row is shown and followed.
pub(super) fn accepted(model: &mut Model, command: CommandId) {
    if matches!(model.modal, Some(Modal::Unlock(Wizard::Ordered { .. }))) {
        model.modal = None;
        model.push(View::Commands);
        model.list_mut().filter.clear();
        model.frozen = None;
        model.list_mut().choose(RowId::Command(command));
        model.zoom = true;
    }
    model.say(Role::Info, format!("command #{command} is recorded; this is its row"));
}

/// Ends a dialog whose time is over, whose facts changed or whose node is gone.
pub(super) fn recheck(model: &mut Model) {
    let why = match &model.modal {
        Some(Modal::Unlock(Wizard::Facts(facts))) => {
            let now = Seen::of(&model.rows, &facts.proposal);
            if !model.is_live() {
                Some("the node is out of reach".to_owned())
            } else if model.now >= facts.proposal.expires {
                Some("its time is over".into())
            } else {
                facts.seen.change(&now).map(|change| format!("{change} while this was open"))
            }
        }
        Some(Modal::Unlock(Wizard::Asked { .. })) if !model.is_live() => {
            Some("the node is out of reach".into())
        }
        Some(Modal::Unlock(Wizard::Ordered { .. })) if !model.is_live() => {
            let why = "the link was lost after the order was given. Whether the node has it shows in the commands \
                       view when it is back: do not repeat it before you have looked";
            void(model, why);
            return;
        }
        _ => None,
    };
    if let Some(why) = why {
        void(model, format!("{why}. Nothing was sent to the lock"));
    }
}

pub(super) fn on_key(model: &mut Model, wizard: Wizard, key: KeyEvent) -> Vec<Effect> {
    match wizard {
        Wizard::Choose { asset, locks, at } => {
            let last = locks.len().saturating_sub(1);
            let at = match key.code {
                KeyCode::Esc | KeyCode::Char('q') => return Vec::new(),
                KeyCode::Enter => match locks.get(at) {
                    Some(lock) => return propose(model, lock.clone()),
                    None => return Vec::new(),
                },
                KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
                KeyCode::Down | KeyCode::Char('j') => (at + 1).min(last),
                _ => at,
            };
            model.modal = Some(Modal::Unlock(Wizard::Choose { asset, locks, at }));
            Vec::new()
        }
        Wizard::Asked { .. } if matches!(key.code, KeyCode::Esc | KeyCode::Char('q')) => Vec::new(),
        Wizard::Facts(_) if !fits(model.size) && key.code == KeyCode::Esc => Vec::new(),
        Wizard::Facts(facts) if !fits(model.size) => {
            model.modal = Some(Modal::Unlock(Wizard::Facts(facts)));
            Vec::new()
        }
        Wizard::Facts(facts) => on_facts_key(model, facts, key),
        Wizard::Void { .. } if matches!(key.code, KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q')) => {
            Vec::new()
        }
        // An order that is given cannot be closed away: its answer comes or the link breaks.
        other @ (Wizard::Asked { .. } | Wizard::Ordered { .. } | Wizard::Void { .. }) => {
            model.modal = Some(Modal::Unlock(other));
            Vec::new()
        }
    }
}

fn on_facts_key(model: &mut Model, mut facts: Box<Facts>, key: KeyEvent) -> Vec<Effect> {
    facts.message = None;
    match (key.code, facts.focus) {
        (KeyCode::Esc, _) | (KeyCode::Enter, Focus::Cancel) => return Vec::new(),
        (KeyCode::Tab | KeyCode::Down, _) => facts.turn(true),
        (KeyCode::BackTab | KeyCode::Up, _) => facts.turn(false),
        (KeyCode::Enter, Focus::Code) => return confirm(model, facts),
        (KeyCode::Enter, Focus::Reason) if facts.reason.is_none() => {
            facts.message = Some("choose a reason by its number or first letter".into());
        }
        (KeyCode::Enter, _) => facts.turn(true),
        (KeyCode::Char(c), Focus::Reason) => match reason(c) {
            Some(reason) => {
                facts.reason = Some(reason);
                facts.turn(true);
            }
            None => facts.message = Some("choose a reason by its number or first letter".into()),
        },
        (_, Focus::Note) => {
            facts.note.key(key);
        }
        (_, Focus::Code) => {
            facts.code.key(key);
        }
        _ => {}
    }
    model.modal = Some(Modal::Unlock(Wizard::Facts(facts)));
    Vec::new()
}

fn reason(c: char) -> Option<UnlockReason> {
    let by_number = c.to_digit(10).and_then(|n| usize::try_from(n).ok()).and_then(|n| n.checked_sub(1));
    match by_number {
        Some(at) => UnlockReason::ALL.get(at).copied(),
        None => UnlockReason::ALL.into_iter().find(|reason| reason.word().starts_with(c)),
    }
}

/// Enter in the code field. Only the four typed characters, a reason and unchanged facts give the order.
fn confirm(model: &mut Model, mut facts: Box<Facts>) -> Vec<Effect> {
    let back = |model: &mut Model, facts, message: String| {
        let mut facts: Box<Facts> = facts;
        facts.message = Some(message);
        model.modal = Some(Modal::Unlock(Wizard::Facts(facts)));
        Vec::new()
    };
    let Some(reason) = facts.reason else {
        facts.focus = Focus::Reason;
        return back(model, facts, "choose a reason first".into());
    };
    let typed = facts.code.text();
    if typed.is_empty() {
        let ask = format!("type the last four characters of {}, then Enter", facts.proposal.asset_code);
        return back(model, facts, ask);
    }
    if typed != facts.expected() {
        facts.wrong += 1;
        facts.code = crate::console::input::Input::default();
        if facts.wrong >= WRONG_CODES {
            return void(model, format!("{WRONG_CODES} wrong codes. Nothing was sent to the lock"));
        }
        let ask = format!("that is not the end of {}; nothing was sent", facts.proposal.asset_code);
        return back(model, facts, ask);
    }
    let (token, note) = (facts.proposal.token.clone(), facts.note.text());
    let target = facts.proposal.target.clone();
    model.modal = Some(Modal::Unlock(Wizard::Facts(facts)));
    recheck(model);
    if !matches!(model.modal, Some(Modal::Unlock(Wizard::Facts(_)))) {
        return Vec::new();
    }
    model.modal = Some(Modal::Unlock(Wizard::Ordered { target: target.clone() }));
    let ask = Ask::Confirm { token, typed, reason, note };
    vec![Effect::Send(model.request(ask, Pending::Confirm(target)))]
}
