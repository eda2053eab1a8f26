//! From model to cells. Nothing here changes anything.

mod alarms;
mod asset;
mod commands;
mod details;
mod explain;
mod fleet;
mod footer;
mod guide;
mod header;
mod help;
mod orders;
mod prompt;
mod quarantine;
mod system;
mod tail;
mod tell;
mod unlock;

use super::layout::{self, LEAST};
use super::model::{Modal, Model, View};
use super::theme::Role;
use super::widget::log_pane;
use super::widget::text::Pen;
use ratatui::Frame;

/// Draws the whole screen.
pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let pen = Pen::of(model);
    if layout::too_small(model.size) {
        let (width, height) = model.size;
        let text = format!("terminal too small: have {width}x{height}, need {}x{}", LEAST.0, LEAST.1);
        frame.render_widget(pen.line(Role::Text, pen.clip(&text, usize::from(width))), frame.area());
        return;
    }
    let areas = layout::areas(model);
    header::draw(frame, model, &areas);
    footer::title(frame, model, areas.title);
    body(frame, model, &areas);
    if !model.is_live() {
        // Old news look old: colours go, words and shapes stay.
        let muted = pen.style(Role::Muted);
        frame.buffer_mut().set_style(areas.title.union(areas.body()), muted);
    }
    footer::draw(frame, model, &areas);
    match &model.modal {
        Some(Modal::Help { input, at }) => help::draw(frame, model, input, *at),
        Some(Modal::Unlock(wizard)) => unlock::draw(frame, model, wizard),
        Some(Modal::Tell { device, input, at }) => tell::draw(frame, model, device, input, *at),
        Some(Modal::Prompt { question, input, message }) => {
            prompt::draw(frame, model, &areas, question, input, message.as_deref());
        }
        Some(Modal::Filter { .. } | Modal::CommandLine { .. }) | None => {}
    }
}

fn body(frame: &mut Frame<'_>, model: &Model, areas: &layout::Areas) {
    let live = model.is_live();
    match model.view() {
        View::Alarms => alarms::draw(frame, model, areas),
        View::Fleet if live && model.rows.is_empty() => guide::draw(frame, model, areas.body()),
        View::Fleet => fleet::draw(frame, model, areas),
        View::Asset => asset::draw(frame, model, areas),
        View::Commands => commands::draw(frame, model, areas),
        View::Quarantine => quarantine::draw(frame, model, areas),
        View::System => system::draw(frame, model, areas.body()),
        View::Tail => tail::draw(frame, model, areas.body()),
        View::Explain => explain::draw(frame, model, areas.body()),
        View::Log => log_pane::draw(frame, model, areas.body()),
    }
}
