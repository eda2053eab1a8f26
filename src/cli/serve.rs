//! `serve`: the node without a screen.

use super::setup::{Setup, tell};
use super::{Common, Failure, NodeFlags};
use crate::node::Running;
use crate::telemetry;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) fn run(common: &Common, node: &NodeFlags) -> Result<(), Failure> {
    let setup = Setup::load_for_node(common, node)?;
    telemetry::start(telemetry::Reader::Terminal);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        let mut orders = Orders::new()?;
        let running = setup.start().await?;
        orders.stop_or_failed(&running).await?;
        tell("stopping");
        running.stop().await;
        Ok(())
    })
}

/// What the system tells a node. Made before it starts: from its first word on it ends in order.
pub(super) struct Orders {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Orders {
    /// Must be called inside the runtime.
    pub(super) fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::failed);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGTERM or SIGINT. SIGHUP is the end of a terminal nobody needs.
    async fn stop(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => {}
            }
        }
    }

    /// Waits until the node is to end, or must.
    pub(super) async fn stop_or_failed(&mut self, running: &Running) -> Result<(), Failure> {
        tokio::select! {
            () = self.stop() => Ok(()),
            () = running.failed() => Err(state_failed()),
        }
    }
}

/// The sentence for a node whose state stands still.
pub(super) fn state_failed() -> Failure {
    Failure::Failed(
        "the state no longer follows the journal, which is whole; start again and report this".into(),
    )
}
