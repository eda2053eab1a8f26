//! Where the program's own log goes: standard error of a node without a screen, the log view of consoles.
//!
//! The log is for whoever repairs the program; what operators and auditors rely on is the journal.

use std::fmt::Write as _;
use std::sync::OnceLock;
use tokio::sync::broadcast;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// Lines waiting for a console; a slower one misses the oldest and is told how many.
const LINES: usize = 256;

/// One line of the log.
#[derive(Debug, Clone)]
pub struct Line {
    pub at: chrono::DateTime<chrono::Utc>,
    pub level: String,
    pub text: String,
}

static FEED: OnceLock<broadcast::Sender<Line>> = OnceLock::new();

fn feed() -> &'static broadcast::Sender<Line> {
    FEED.get_or_init(|| broadcast::channel(LINES).0)
}

/// The lines from now on.
#[must_use]
pub fn lines() -> broadcast::Receiver<Line> {
    feed().subscribe()
}

/// Who reads the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Standard error, and consoles that attach.
    Terminal,
    /// A console on this terminal: standard error is its screen, so nothing is written there.
    Console,
}

/// Sets up the log, once. `LOCKYARD_LOG` sets what is logged (`info`, `lockyard::ingest=debug`, …).
pub fn start(reader: Reader) {
    let filter = EnvFilter::try_from_env("LOCKYARD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = (reader == Reader::Terminal).then(|| {
        let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
        fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colours)
    });
    // A second call (tests in one process) changes nothing.
    let _ = tracing_subscriber::registry().with(filter).with(terminal).with(Forward).try_init();
}

/// Hands each event to the consoles.
struct Forward;

impl<S: tracing::Subscriber> Layer<S> for Forward {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let line = Line { at: chrono::Utc::now(), level: event.metadata().level().to_string(), text: text.0 };
        let _ = feed().send(line); // nobody listens: nothing to do
    }
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, "{name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}
