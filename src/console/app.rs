//! The loop: keys, the node's words and time in; frames and requests out.
//!
//! Every message goes through `update`. A frame is drawn only when something changed, at once after a key, otherwise
//! not more often than the terminal's line bears. Nothing here awaits an answer of the node.

use super::effect::{Effect, osc52};
use super::message::Msg;
use super::model::Model;
use super::terminal::{self, Screen};
use super::update::update;
use super::widget::log_pane;
use super::{Options, Outcome, view};
use crate::domain::Utc;
use crate::ipc::client::{Link, LinkEvent};
use anyhow::Context;
use crossterm::event::{Event, EventStream, KeyEventKind};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

/// Least time between frames that no key asked for.
const GAP: Duration = Duration::from_millis(100);
/// The same over SSH.
const GAP_SSH: Duration = Duration::from_millis(200);
/// Link events taken between two looks at the keyboard.
const BATCH: usize = 128;

/// Runs a console until the operator leaves, the terminal goes away or `stop` is cancelled. The terminal is restored
/// in every case.
///
/// # Errors
/// When there is no terminal, or it can no longer be written.
pub async fn run(link: Link, options: Options, stop: CancellationToken) -> anyhow::Result<Outcome> {
    if options.log {
        // A second console in one process finds the store running; that is as good.
        let _ = tui_logger::init_logger(log::LevelFilter::Debug);
        log_pane::begin();
    }
    let no_color = std::env::var("NO_COLOR").ok();
    let gap = if std::env::var_os("SSH_CONNECTION").is_some() { GAP_SSH } else { GAP };
    let screen =
        Screen::enter().context("the console needs a terminal; `lockyard serve` runs without one")?;
    let model = Model::new(options, now(), screen.size()?, no_color.as_deref());
    let console = Console { model, screen, link: Some(link), dirty: true, outcome: None };
    console.run(gap, stop).await
}

fn now() -> Utc {
    chrono::Utc::now()
}

struct Console {
    model: Model,
    screen: Screen,
    /// `None` once the link has ended for good.
    link: Option<Link>,
    dirty: bool,
    outcome: Option<Outcome>,
}

impl Console {
    async fn run(mut self, gap: Duration, stop: CancellationToken) -> anyhow::Result<Outcome> {
        let mut keys = EventStream::new();
        let mut hangup = signal(SignalKind::hangup())?;
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut next_frame = Instant::now();
        self.frame()?;
        loop {
            let urgent = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Outcome::Quit),
                // The line is gone: the screen ends, the node goes on.
                _ = hangup.recv() => return Ok(Outcome::Quit),
                event = keys.next() => match event {
                    Some(Ok(event)) => self.on_event(event)?,
                    Some(Err(_)) | None => return Ok(Outcome::Quit),
                },
                () = sleep_until(next_frame), if self.dirty => true,
                event = next_of(&mut self.link) => {
                    self.on_link(event)?;
                    false
                }
                _ = tick.tick() => {
                    self.apply(Msg::Tick(now()))?;
                    false
                }
            };
            if let Some(outcome) = self.outcome {
                return Ok(outcome);
            }
            if !terminal::is_taken() {
                anyhow::ensure!(
                    !terminal::has_panicked(),
                    "a part of the program failed; its message is above"
                );
                return Ok(Outcome::Quit);
            }
            if self.dirty && (urgent || Instant::now() >= next_frame) {
                self.frame()?;
                next_frame = Instant::now() + gap;
            }
        }
    }

    /// A key, paste or resize; `true` asks for a frame at once.
    fn on_event(&mut self, event: Event) -> anyhow::Result<bool> {
        let msg = match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => Msg::Key(key),
            Event::Paste(text) => Msg::Paste(text),
            Event::Resize(width, height) => Msg::Resize(width, height),
            _ => return Ok(false),
        };
        // Deadlines are judged by the time of the key, not of the last tick.
        self.apply(Msg::Tick(now()))?;
        self.apply(msg)?;
        Ok(true)
    }

    /// One link event and those that already wait behind it.
    fn on_link(&mut self, first: Option<LinkEvent>) -> anyhow::Result<()> {
        let Some(first) = first else {
            self.link = None;
            let why = "the link has ended".to_owned();
            return self.apply(Msg::Link(LinkEvent::Down { why, retry_in: None }));
        };
        self.apply(Msg::Link(first))?;
        for _ in 1..BATCH {
            let Some(link) = &mut self.link else { break };
            let Ok(event) = link.from_node.try_recv() else { break };
            self.apply(Msg::Link(event))?;
        }
        Ok(())
    }

    fn apply(&mut self, msg: Msg) -> anyhow::Result<()> {
        self.dirty = true;
        for effect in update(&mut self.model, msg) {
            self.perform(effect)?;
        }
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> anyhow::Result<()> {
        match effect {
            Effect::Send(request) => {
                let id = request.id;
                let sent = self.link.as_ref().is_some_and(|link| link.to_node.try_send(request).is_ok());
                if !sent {
                    self.apply(Msg::NotSent(id))?;
                }
            }
            Effect::Copy(text) => self.screen.send(&osc52(&text))?,
            Effect::Bell => self.screen.send("\u{7}")?,
            Effect::Log { at, level, text } => log_pane::forward(at, &level, &text),
            Effect::Redraw => self.screen.redraw()?,
            Effect::Suspend => self.screen.suspend()?,
            Effect::Quit => self.outcome = Some(Outcome::Quit),
            Effect::StopNode => self.outcome = Some(Outcome::StopNode),
        }
        Ok(())
    }

    fn frame(&mut self) -> anyhow::Result<()> {
        let size = self.screen.size()?;
        update(&mut self.model, Msg::Resize(size.0, size.1));
        update(&mut self.model, Msg::Frame(now()));
        let model = &self.model;
        self.screen.draw(|frame| view::draw(model, frame))?;
        self.dirty = false;
        Ok(())
    }
}

/// The next event of a link; never, when there is no link. Cancel safe: `recv` is.
async fn next_of(link: &mut Option<Link>) -> Option<LinkEvent> {
    match link {
        Some(link) => link.from_node.recv().await,
        None => std::future::pending().await,
    }
}
