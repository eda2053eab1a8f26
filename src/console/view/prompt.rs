//! Questions above the status line.

use crate::console::input::Input;
use crate::console::layout::Areas;
use crate::console::model::{Model, Question};
use crate::console::theme::Role;
use crate::console::told::{Told, order_words};
use crate::console::update::{ACK_CODES, ack_note};
use crate::console::widget::panel;
use crate::console::widget::table::put;
use crate::console::widget::text::{Pen, wrap};
use crate::console::words;
use crate::domain::{AlarmId, CommandId, DeviceKind};
use ratatui::Frame;
use ratatui::layout::Rect;

pub(super) fn draw(
    frame: &mut Frame<'_>,
    model: &Model,
    areas: &Areas,
    question: &Question,
    input: &Input,
    message: Option<&str>,
) {
    let pen = Pen::of(model);
    let width = areas.status.width;
    let inner_width = usize::from(width.saturating_sub(4));
    let asked = wrap(&pen.tidy(&text(model, question)), inner_width);
    let hint = wrap(&pen.tidy(&hint(question)), inner_width);
    let height =
        u16::try_from(asked.len() + hint.len() + 4).unwrap_or(u16::MAX).min(areas.status.y.saturating_sub(2));
    let area = Rect { x: 0, y: areas.status.bottom().saturating_sub(height), width, height };
    let inner = panel::boxed(frame, pen, area, title(question), model.options.ascii);
    let mut lines: Vec<_> = asked.iter().map(|part| pen.line(Role::Strong, format!(" {part}"))).collect();
    lines.extend(hint.iter().map(|part| pen.line(Role::Muted, format!(" {part}"))));
    let remark = match message {
        Some(message) => pen.line(Role::Warn, format!(" {}", pen.clip(message, inner_width))),
        None => pen.line(Role::Info, format!(" {}", pen.clip(&meant(question, input), inner_width))),
    };
    lines.push(remark);
    put(frame, Rect { height: inner.height.saturating_sub(1), ..inner }, lines);
    let field = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
    super::footer::field(frame, pen, field, "> ", &input.text(), &input.before_cursor(), "");
}

fn title(question: &Question) -> &'static str {
    match question {
        Question::Ack(_) => "acknowledge",
        Question::Reset(_) => "reset",
        Question::Cancel(_) => "cancel a command",
        Question::Verdict(_) => "verdict",
        Question::EnrolAsset { .. } | Question::EnrolKind { .. } => "enrol",
        Question::Order { .. } => "tell a device",
        Question::Stop => "leave",
    }
}

fn alarm(model: &Model, id: AlarmId) -> String {
    model.rows.alarms.get(&id).map_or_else(
        || format!("alarm {id}, which has left the list"),
        |row| {
            let asset = row.asset.as_deref().unwrap_or("this node");
            format!("{} {} on {asset}", row.priority, words::kind(row.kind))
        },
    )
}

fn command(model: &Model, id: CommandId) -> String {
    let target = model.rows.told(id).map(|told| {
        let what = match told {
            Told::Opening(_) => "unlock".to_owned(),
            Told::Order(row) => order_words(row),
        };
        format!("{what} {} on {}", told.target(), told.asset().unwrap_or("no asset"))
    });
    format!("#{id} {}", target.unwrap_or_default())
}

fn text(model: &Model, question: &Question) -> String {
    match question {
        Question::Ack(id) => format!("Acknowledge {}. What is being done?", alarm(model, *id)),
        Question::Reset(id) => format!("Reset {}. What was it?", alarm(model, *id)),
        Question::Cancel(id) => format!("Take back {}?", command(model, *id)),
        Question::Verdict(id) => format!("What became of {}?", command(model, *id)),
        Question::EnrolAsset { device, .. } => format!("Enrol {device}. On which asset is it?"),
        Question::EnrolKind { device, asset, .. } => {
            format!(
                "Enrol {device} on {}. What is it?",
                asset.as_deref().unwrap_or("an asset named by its ID")
            )
        }
        Question::Order { text, .. } => text.clone(),
        Question::Stop => {
            "This console holds the node: leaving stops it, and no device is heard until it is \
                           started again."
                .into()
        }
    }
}

/// What the text would be taken for, when that is not the text itself.
fn meant(question: &Question, input: &Input) -> String {
    match (question, ack_note(&input.text())) {
        (Question::Ack(_), Ok(note)) if note != input.text().trim() => format!("= {note}"),
        _ => String::new(),
    }
}

fn hint(question: &Question) -> String {
    match question {
        Question::Ack(_) => {
            let codes = ACK_CODES.iter().enumerate().map(|(n, code)| format!("{} {code}", n + 1));
            codes.collect::<Vec<_>>().join("   ")
        }
        Question::Reset(_) => "a note of what was found; it stays in the record".into(),
        Question::Cancel(_) => "type y, then Enter".into(),
        Question::Verdict(_) => {
            "o it opened, n it did not; then how you know, for example: o driver rang".into()
        }
        Question::EnrolAsset { device, .. } => format!("a name; empty names the asset {}", device.id),
        Question::EnrolKind { guess, .. } => {
            let kinds = DeviceKind::ALL.iter().enumerate();
            let kinds = kinds.map(|(n, kind)| format!("{} {}", n + 1, kind.word())).collect::<Vec<_>>();
            format!("{}   empty = {}", kinds.join("   "), guess.word())
        }
        Question::Order { .. } => "type yes, then Enter; Esc leaves it, nothing is sent".into(),
        Question::Stop => "type stop, then Enter".into(),
    }
}
