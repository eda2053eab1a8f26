//! The console: on a node in this process, or attached to one that runs.

use super::setup::Setup;
use super::{ColorFlag, Common, Failure, NodeFlags, ScreenFlags};
use crate::config::Ascii;
use crate::console::{self, ColorChoice, Options, Outcome};
use crate::ipc::client::{self, Link};
use crate::node::Running;
use crate::telemetry;
use std::io::IsTerminal;
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
        let shown = on_screen(&running, options(&setup, screen, true)).await;
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
    if std::io::stdout().is_terminal() && std::io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::Failed("there is no terminal here to draw on: use lockyard serve".into()))
}

/// Shows the console of a node in this process until its operator ends it. A hang-up ends only the screen.
pub(super) async fn on_screen(running: &Running, options: Options) -> Result<(), Failure> {
    let link = client::over(running.console());
    match draw(link, options, running.failed()).await? {
        End::Asked(Outcome::StopNode | Outcome::Quit) | End::Terminated => Ok(()),
        End::HungUp => super::serve::Orders::new()?.stop_or_failed(running).await,
        End::Failed => Err(super::serve::state_failed()),
    }
}

/// Why a screen ended.
enum End {
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
        outcome = &mut shown => return outcome.map(End::Asked).map_err(Failure::failed),
        _ = terminate.recv() => End::Terminated,
        _ = hang_up.recv() => End::HungUp,
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
fn utf8_locale() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
