//! The log view's state and tui-logger's widgets around it.

use super::text::Pen;
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::{symbols, words};
use crate::domain::Utc;
use crate::domain::text::clean;
use chrono_tz::Tz;
use log::{Level, LevelFilter, Record};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use tui_logger::{
    Drain, ExtLogRecord, LogFormatter, TuiLoggerTargetWidget, TuiLoggerWidget, TuiWidgetEvent, TuiWidgetState,
};

/// Target of lines that came from the node over the wire. They begin with the node's time.
pub const NODE: &str = "node";

/// Which targets and levels are shown, and how far the log is scrolled.
pub struct LogPane {
    state: TuiWidgetState,
    zone: Tz,
}

impl std::fmt::Debug for LogPane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogPane").field("zone", &self.zone).finish_non_exhaustive()
    }
}

impl LogPane {
    #[must_use]
    pub fn new(zone: Tz) -> Self {
        Self { state: TuiWidgetState::new().set_default_display_level(LevelFilter::Debug), zone }
    }

    pub fn send(&self, event: TuiWidgetEvent) {
        self.state.transition(event);
    }
}

/// The first line: an empty view would not say whether nothing happened or nothing is shown.
pub fn begin() {
    let text = format_args!("the log begins here; a node started with LOCKYARD_LOG=debug tells more");
    Drain::new().log(&Record::builder().level(Level::Info).target("console").args(text).build());
}

/// Puts a line of the node's log among tui-logger's, with the node's own time in front: tui-logger would stamp it
/// with the time it arrived.
pub fn forward(at: Utc, level: &str, text: &str) {
    let level = match level.to_ascii_lowercase().as_str() {
        "error" => Level::Error,
        "warn" => Level::Warn,
        "debug" => Level::Debug,
        "trace" => Level::Trace,
        _ => Level::Info,
    };
    let line = format!("{} {}", at.timestamp_millis(), clean(text));
    Drain::new().log(&Record::builder().level(level).target(NODE).args(format_args!("{line}")).build());
}

/// One line a record: time in the operator's zone, level, target, cleaned text.
struct Formatter {
    zone: Tz,
    ascii: bool,
    styles: [Style; 4],
    muted: Style,
}

impl LogFormatter for Formatter {
    fn min_width(&self) -> u16 {
        20
    }

    fn format(&self, width: usize, record: &ExtLogRecord) -> Vec<Line<'_>> {
        let arrived = record.timestamp.timestamp().as_millisecond();
        let told = record.msg().split_once(' ').and_then(|(millis, text)| Some((millis.parse().ok()?, text)));
        let (millis, text) = match told {
            Some(told) if record.target() == NODE => told,
            _ => (arrived, record.msg()),
        };
        let at: Utc = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
        let (word, style) = match record.level {
            Level::Error => ("ERROR", self.styles[0]),
            Level::Warn => ("WARN ", self.styles[1]),
            Level::Info => ("info ", self.styles[2]),
            Level::Debug => ("debug", self.styles[3]),
            Level::Trace => ("trace", self.styles[3]),
        };
        let head = format!("{} {word} ", words::clock(at, at, self.zone));
        let text = clean(&format!("{}: {}", record.target(), text.trim_start()));
        let text =
            if self.ascii { text.replace(|c: char| !c.is_ascii(), symbols::ASCII.unknown) } else { text };
        let room = width.saturating_sub(head.len());
        let mut lines = Vec::new();
        for (n, part) in super::text::wrap(&text, room).into_iter().enumerate() {
            let head = if n == 0 { head.clone() } else { " ".repeat(head.len()) };
            lines.push(Line::from(vec![Span::styled(head, self.muted), Span::styled(part, style)]));
        }
        lines
    }
}

/// Draws targets with their levels on the left, the log on the right; a narrow screen has the log alone.
pub fn draw(frame: &mut Frame<'_>, model: &Model, area: Rect) {
    let pen = Pen::of(model);
    let style = |role| pen.style(role);
    let formatter = Formatter {
        zone: model.log.zone,
        ascii: model.options.ascii,
        styles: [style(Role::Bad), style(Role::Warn), style(Role::Text), style(Role::Muted)],
        muted: style(Role::Muted),
    };
    let log = TuiLoggerWidget::default().formatter(Box::new(formatter)).state(&model.log.state);
    if area.width < 70 {
        frame.render_widget(log, area);
        return;
    }
    let [left, right] = Layout::horizontal([Constraint::Length(24), Constraint::Min(40)]).areas(area);
    let targets = TuiLoggerTargetWidget::default()
        .style(style(Role::Muted))
        .style_show(style(Role::Text))
        .style_hide(style(Role::Muted))
        .style_off(style(Role::Muted))
        .highlight_style(style(Role::Selected))
        .state(&model.log.state);
    frame.render_widget(targets, left);
    frame.render_widget(log, right);
}
