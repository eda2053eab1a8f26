//! Questions answered by a line of text, and the filter.

use super::{acts, tell};
use crate::console::effect::Effect;
use crate::console::input::Input;
use crate::console::model::{Modal, Model, Question};
use crate::console::theme::Role;
use crate::domain::{DeviceKey, DeviceKind};
use crate::ipc::wire::Ask;
use crossterm::event::{KeyCode, KeyEvent};

/// Codes that stand for a note.
pub const ACK_CODES: [&str; 5] = ["seen", "calling driver", "on site", "planned work", "test"];

/// The note an acknowledgement gets: a digit alone, or followed by a space, is a code; what follows is added.
///
/// # Errors
/// A sentence for the operator when nothing was written or the digit is no code.
pub fn ack_note(text: &str) -> Result<String, String> {
    let text = text.trim();
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    if first.is_empty() {
        return Err("write a note, or one of the codes".into());
    }
    let Ok(code) = first.parse::<usize>() else { return Ok(text.to_owned()) };
    if first.len() > 1 {
        return Ok(text.to_owned());
    }
    let Some(words) = code.checked_sub(1).and_then(|at| ACK_CODES.get(at)) else {
        return Err(format!("there is no code {code}; codes are 1 to {}", ACK_CODES.len()));
    };
    Ok(if rest.is_empty() { (*words).to_owned() } else { format!("{words}: {}", rest.trim()) })
}

pub(super) fn on_key(model: &mut Model, question: Question, mut input: Input, key: KeyEvent) -> Vec<Effect> {
    match key.code {
        KeyCode::Esc => Vec::new(),
        KeyCode::Enter => submit(model, question, input),
        _ => {
            input.key(key);
            model.modal = Some(Modal::Prompt { question, input, message: None });
            Vec::new()
        }
    }
}

fn submit(model: &mut Model, question: Question, input: Input) -> Vec<Effect> {
    if !model.is_live() && question != Question::Stop {
        model.say(Role::Bad, "not sent: the node is not connected");
        return Vec::new();
    }
    let text = input.text().trim().to_owned();
    match answer(model, &question, &text) {
        Ok(effects) => effects,
        Err(message) => {
            // A wrong answer to a yes-or-no question starts afresh, a note stays to be mended.
            model.modal = Some(Modal::Prompt { question, input, message: Some(message) });
            Vec::new()
        }
    }
}

fn answer(model: &mut Model, question: &Question, text: &str) -> Result<Vec<Effect>, String> {
    match question {
        Question::Ack(alarm) => {
            let note = ack_note(text)?;
            Ok(acts::send(model, Ask::Ack { alarm: *alarm, note }, "acknowledge"))
        }
        Question::Reset(_) if text.is_empty() => Err("write what was found; it stays in the record".into()),
        Question::Reset(alarm) => {
            Ok(acts::send(model, Ask::Reset { alarm: *alarm, note: text.into() }, "reset the alarm"))
        }
        Question::Cancel(command) => match text {
            "y" | "yes" => Ok(acts::send(model, Ask::Cancel { command: *command }, "cancel the command")),
            _ => Err("type y to take it back, or Esc to leave it".into()),
        },
        Question::Verdict(command) => {
            let (opened, note) = verdict(text)?;
            Ok(acts::send(model, Ask::Verdict { command: *command, opened, note }, "record the verdict"))
        }
        Question::EnrolAsset { device, guess, bind_to } => {
            let asset = (!text.is_empty()).then(|| text.to_owned());
            let question = Question::EnrolKind {
                device: device.clone(),
                guess: *guess,
                bind_to: bind_to.clone(),
                asset,
            };
            model.modal = Some(Modal::Prompt { question, input: Input::default(), message: None });
            Ok(Vec::new())
        }
        Question::EnrolKind { device, guess, bind_to, asset } => {
            let kind = if text.is_empty() { *guess } else { kind(text)? };
            Ok(enrol(model, device.clone(), asset.clone(), Some(kind), bind_to.clone()))
        }
        Question::Order { ask, line, .. } => match text {
            "yes" => Ok(tell::order(model, (**ask).clone(), line.clone())),
            _ => Err("type yes to send it, or Esc to leave it".into()),
        },
        Question::Stop => match text {
            "stop" => Ok(vec![Effect::StopNode]),
            _ => Err("the node stops with this console: type stop, or Esc to stay".into()),
        },
    }
}

/// `o …` it opened, `n …` it did not; the note says how that is known.
fn verdict(text: &str) -> Result<(bool, String), String> {
    let (word, note) = text.split_once(' ').unwrap_or((text, ""));
    let opened = match word {
        "o" | "opened" => true,
        "n" | "not" => false,
        _ => return Err("begin with o (it opened) or n (it did not), then how you know".into()),
    };
    match note.trim() {
        "" => Err("add how you know: who said so, who looked".into()),
        note => Ok((opened, note.to_owned())),
    }
}

/// A kind by number (as listed) or by word.
fn kind(text: &str) -> Result<DeviceKind, String> {
    let by_number = text.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    let found = match by_number {
        Some(at) => DeviceKind::ALL.get(at).copied(),
        None => DeviceKind::ALL.into_iter().find(|kind| kind.word() == text),
    };
    found.ok_or_else(|| format!("'{text}' is no kind: write its number or its word"))
}

pub(super) fn enrol(
    model: &mut Model,
    device: DeviceKey,
    asset: Option<String>,
    kind: Option<DeviceKind>,
    bind_to: Option<DeviceKey>,
) -> Vec<Effect> {
    acts::send(model, Ask::Enrol { device, asset, kind, bind_to }, "enrol the device")
}

pub(super) fn on_filter_key(model: &mut Model, mut input: Input, before: String, key: KeyEvent) {
    match key.code {
        KeyCode::Enter => {}
        KeyCode::Esc => set_filter(model, before),
        _ => {
            input.key(key);
            set_filter(model, input.text());
            model.modal = Some(Modal::Filter { input, before });
        }
    }
}

pub(super) fn set_filter(model: &mut Model, filter: String) {
    let list = model.list_mut();
    if list.filter != filter {
        list.filter = filter;
        list.narrowed = true;
        model.stale = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_alone_is_a_code_and_text_is_text() {
        let note = |text: &str| ack_note(text).unwrap();
        assert_eq!(note("2"), "calling driver");
        assert_eq!(note("2 he calls back"), "calling driver: he calls back");
        assert_eq!(note("24 pallets on the road"), "24 pallets on the road");
        assert_eq!(note(" gate seen shut "), "gate seen shut");
        for bad in ["", "  ", "0", "6", "9 x"] {
            assert!(ack_note(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_verdict_needs_its_source() {
        assert_eq!(verdict("o driver says so"), Ok((true, "driver says so".into())));
        assert_eq!(verdict("n seal intact, guard looked"), Ok((false, "seal intact, guard looked".into())));
        for bad in ["", "o", "n ", "yes"] {
            assert!(verdict(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_kind_is_a_number_or_a_word() {
        assert_eq!(kind("2"), Ok(DeviceKind::MasterLock));
        assert_eq!(kind("valve_lock"), Ok(DeviceKind::ValveLock));
        assert!(kind("0").is_err() && kind("7").is_err() && kind("door").is_err());
    }
}
