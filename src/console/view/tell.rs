//! What a device can be told: each command with its class and how far it is proven.

use crate::console::input::Input;
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::update;
use crate::console::widget::panel;
use crate::console::widget::table::put;
use crate::console::widget::text::Pen;
use crate::domain::DeviceKey;
use crate::domain::order::{CommandClass, Proof};
use crate::ipc::wire::CommandHelp;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

/// Cells of the name, the class and the proof.
const WIDTHS: [usize; 3] = [24, 11, 11];

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, device: &DeviceKey, input: &Input, at: usize) {
    let pen = Pen::of(model);
    let screen = frame.area();
    let free = Rect { y: 2, height: screen.height.saturating_sub(4), ..screen };
    let area = panel::centred(free, 100, free.height);
    let known = model.catalogue.as_ref().filter(|catalogue| catalogue.device == *device);
    let title = match known {
        Some(known) => format!("tell {} ({})", device.id, known.model),
        None => format!("tell {}", device.id),
    };
    let inner = panel::boxed(frame, pen, area, &title, model.options.ascii);
    let field = Rect { height: 1, ..inner };
    super::footer::field(frame, pen, field, "search ", &input.text(), &input.before_cursor(), "");
    let offers = update::offers(model, device, &input.text());
    let width = usize::from(inner.width);
    let lines: Vec<Line<'static>> = match (known, offers.as_slice()) {
        (None, _) => vec![pen.line(Role::Muted, "  asking the node what it can be told …")],
        (Some(_), []) => vec![pen.line(Role::Muted, "  nothing has that in its name")],
        (Some(_), offers) => {
            offers.iter().enumerate().map(|(n, help)| line(pen, help, n == at, width)).collect()
        }
    };
    let list = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let skip = (at + 2).saturating_sub(usize::from(list.height));
    put(frame, list, lines.into_iter().skip(skip));
}

fn line(pen: Pen<'_>, help: &CommandHelp, selected: bool, width: usize) -> Line<'static> {
    let role = |role| if selected { Role::Selected } else { role };
    let mark = if selected { pen.sy.cursor } else { " " };
    let class = match help.class {
        CommandClass::Read => Role::Text,
        CommandClass::Configure => Role::Info,
        CommandClass::Credential | CommandClass::Physical | CommandClass::Vehicle => Role::Warn,
    };
    let proof = if help.proof == Proof::Unverified { Role::Warn } else { Role::Muted };
    let body = if help.not_here.is_some() { Role::Muted } else { Role::Text };
    let text = help.not_here.as_deref().unwrap_or(&help.purpose);
    let [name, class_width, proof_width] = WIDTHS;
    let rest = width.saturating_sub(name + class_width + proof_width + 4);
    Line::from(vec![
        pen.span(role(Role::Key), format!("{mark}{} ", pen.fill(&help.name, name, false))),
        pen.span(role(class), format!("{} ", pen.fill(help.class.word(), class_width, false))),
        pen.span(role(proof), format!("{} ", pen.fill(help.proof.word(), proof_width, false))),
        pen.span(role(body), pen.fill(text, rest, false)),
    ])
}
