//! `serve`: the node without a screen.

use super::setup::{Setup, tell};
use super::{Common, Failure, NodeFlags};
use crate::telemetry;
use tokio::signal::unix::{SignalKind, signal};

pub(super) fn run(common: &Common, node: &NodeFlags) -> Result<(), Failure> {
    let setup = Setup::load_for_node(common, node)?;
    telemetry::start(telemetry::Reader::Terminal);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        let running = setup.start().await?;
        told_to_stop().await?;
        tell("stopping");
        running.stop().await;
        Ok(())
    })
}

/// Waits for SIGTERM or SIGINT. SIGHUP is the end of a terminal nobody needs.
pub(super) async fn told_to_stop() -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(Failure::failed)?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hang_up.recv() => {}
        }
    }
}
