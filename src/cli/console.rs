//! The console: on a node in this process, or attached to one that runs.

use super::setup::Setup;
use super::{ColorFlag, Common, Failure, NodeFlags, ScreenFlags};
use crate::config::Ascii;
use crate::console::{self, ColorChoice, Options, Outcome};
use crate::ipc::client::{self, Link};
use crate::node::Running;
use crate::telemetry;
use std::io::IsTerminal;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Attaches to a node of this data directory, or runs one with its console.
pub(super) fn run(common: &Common, node: &NodeFlags, screen: &ScreenFlags) -> Result<(), Failure> {
    let setup = Setup::load_for_node(common, node)?;
    if setup.node_answers() {
        return attach_to(&setup, screen);
    }
    needs_terminal()?;
    telemetry::start(telemetry::Reader::Console);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        let running = setup.start().await?;
        let shown = match on_screen(&running, options(&setup, screen, true)).await {
            // The operator typed `stop`, or the process was told to end.
            Ok(End::Asked(Outcome::StopNode) | End::Terminated) => Ok(()),
            // The screen is gone and nobody asked for more: the node goes on.
            Ok(End::HungUp) => super::serve::Orders::new()?.stop_or_failed(&running).await,
            Ok(End::Asked(Outcome::Quit)) => {
                hung_up()?;
                super::serve::Orders::new()?.stop_or_failed(&running).await
            }
            Ok(End::Failed) => Err(super::serve::state_failed()),
            Err(failure) => Err(failure),
        };
        running.stop().await;
        shown
    })
}

pub(super) fn attach(common: &Common, screen: &ScreenFlags) -> Result<(), Failure> {
    let setup = Setup::load(common)?;
    if !setup.node_answers() {
        return Err(Failure::NoNode(format!(
            "no node runs on {}; start one with: lockyard serve",
            setup.data.display()
        )));
    }
    attach_to(&setup, screen)
}

fn attach_to(setup: &Setup, screen: &ScreenFlags) -> Result<(), Failure> {
    needs_terminal()?;
    telemetry::start(telemetry::Reader::Console);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        let link = client::attach(setup.socket.clone());
        draw(link, options(setup, screen, false), std::future::pending()).await.map(drop)
    })
}

pub(super) fn needs_terminal() -> Result<(), Failure> {
    let instead = "use lockyard serve to run a node, lockyard list and status to read it";
    if !(std::io::stdout().is_terminal() && std::io::stdin().is_terminal()) {
        return Err(Failure::Failed(format!("there is no terminal here to draw on: {instead}")));
    }
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(Failure::Failed(format!("a terminal with TERM=dumb cannot be drawn on: {instead}")));
    }
    Ok(())
}

/// Shows the console of a node in this process until its screen ends, or the node fails.
pub(super) async fn on_screen(running: &Running, options: Options) -> Result<End, Failure> {
    draw(client::over(running.console()), options, running.failed()).await
}

/// A write to a terminal that hung up may fail before the signal that says so arrives.
const NEWS: Duration = Duration::from_secs(1);

/// Why a screen ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By its operator; or, where that is not how one leaves (a node in this process), because its terminal is gone.
    Asked(Outcome),
    Terminated,
    HungUp,
    Failed,
}

async fn draw(link: Link, options: Options, failed: impl Future<Output = ()>) -> Result<End, Failure> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(Failure::failed)?;
    let shown = console::run(link, options, stop.clone());
    tokio::pin!(shown);
    let end = tokio::select! {
        outcome = &mut shown => return match outcome {
            Ok(outcome) => Ok(End::Asked(outcome)),
            // It could not be drawn because there is nothing left to draw on.
            Err(_) if !std::io::stdout().is_terminal() => hung_up(),
            Err(error) => match tokio::time::timeout(NEWS, hang_up.recv()).await {
                Ok(_) => hung_up(),
                Err(_) => Err(Failure::failed(error)),
            },
        },
        _ = terminate.recv() => End::Terminated,
        _ = hang_up.recv() => hung_up()?,
        () = failed => End::Failed,
    };
    stop.cancel();
    let left = shown.await;
    match end {
        // Its terminal is gone: that it could not be restored is no news.
        End::HungUp => Ok(end),
        _ => left.map(|_| end).map_err(Failure::failed),
    }
}

fn hung_up() -> Result<End, Failure> {
    console::hangup::replace_terminal().map_err(Failure::failed)?;
    Ok(End::HungUp)
}

pub(super) fn options(setup: &Setup, screen: &ScreenFlags, one_process: bool) -> Options {
    let settings = &setup.config().console;
    let ascii = match settings.ascii {
        _ if screen.ascii => true,
        Ascii::Always => true,
        Ascii::Never => false,
        Ascii::Auto => !utf8_locale(),
    };
    Options {
        theme: screen.theme.clone().unwrap_or_else(|| settings.theme.clone()),
        ascii,
        color: match screen.color {
            None | Some(ColorFlag::Auto) => ColorChoice::Auto,
            Some(ColorFlag::Never) => ColorChoice::Never,
            Some(ColorFlag::Sixteen) => ColorChoice::Sixteen,
        },
        zone: setup.zone,
        one_process,
        bell: settings.bell && !screen.no_bell,
        log: true,
    }
}

/// The first of `LC_ALL`, `LC_CTYPE`, `LANG` that is set decides.
pub(super) fn utf8_locale() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
