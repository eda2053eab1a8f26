//! The dispatcher: whatever is queued for a device leaves when the device is heard, one attempt at a time, openings
//! before orders.

use super::core::{Node, lock};
use super::orders::Telling;
use super::unlock::Openings;
use crate::command::dispatch::{self, Attempt, DeviceLink};
use crate::command::policy;
use crate::domain::{CommandId, DeviceKey};
use crate::ingest::Sent;
use crate::store::AuditRow;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Something to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Errand {
    Opening(CommandId),
    Order(CommandId),
}

impl Node {
    /// Sends what is queued to devices that were heard, one attempt at a time for each device.
    pub(super) async fn dispatch(self: Arc<Self>, mut heard: mpsc::Receiver<DeviceKey>) {
        while let Some(via) = heard.recv().await {
            if !lock(&self.sending).insert(via.clone()) {
                continue;
            }
            let node = self.clone();
            tokio::spawn(async move {
                let mut tried = HashSet::new();
                while let Some(errand) = node.next_to_send(&via, &tried) {
                    tried.insert(errand);
                    let outcome = match errand {
                        Errand::Opening(id) => dispatch::attempt(id, &via, &Openings(&node), &*node).await,
                        Errand::Order(id) => dispatch::attempt(id, &via, &Telling(&node), &*node).await,
                    };
                    if outcome == Attempt::Sent {
                        tracing::info!(?errand, %via, "sent");
                    } else {
                        tracing::debug!(?errand, %via, "not sent now");
                    }
                }
                lock(&node.sending).remove(&via);
                // One that was queued between the last look and now must not wait for the device's next frame.
                if node.next_to_send(&via, &tried).is_some() {
                    let _ = node.heard.try_send(via);
                }
            });
        }
    }

    /// The oldest queued opening for this device that was not tried in this contact, else the oldest order.
    fn next_to_send(&self, via: &DeviceKey, tried: &HashSet<Errand>) -> Option<Errand> {
        let now = self.now();
        let state = self.state();
        let openings = state.commands.queued_via(via).map(|command| Errand::Opening(command.id));
        let orders = state.orders.due_via(via, now).map(|order| Errand::Order(order.id));
        openings.chain(orders).find(|errand| !tried.contains(errand))
    }

    /// Whether anything could be sent to this device.
    pub(super) fn has_queued(&self, via: &DeviceKey) -> bool {
        self.next_to_send(via, &HashSet::new()).is_some()
    }

    /// A device that is in contact may be sent what had to wait for time alone to pass.
    pub(super) fn ask_to_send_waiting(&self) {
        let now = self.now();
        let waiting: Vec<DeviceKey> = self.state().orders.carriers_due(now).cloned().collect();
        for via in waiting {
            if self.in_contact(&via) {
                let _ = self.heard.try_send(via); // full: asked again in a moment
            }
        }
    }

    /// The audit row of a step the dispatcher makes.
    pub(super) fn audit_of_sending(&self, act: &str, id: CommandId, note: String) -> AuditRow {
        AuditRow {
            at: self.now(),
            who: "system".into(),
            uid: None,
            act: act.into(),
            object: format!("command {id}"),
            result: "done".into(),
            note,
            seq: None,
        }
    }
}

impl DeviceLink for Node {
    fn in_contact(&self, via: &DeviceKey) -> bool {
        self.sessions.link(via, self.now()).is_some()
    }

    async fn write(&self, via: &DeviceKey, bytes: Vec<u8>) -> bool {
        // Since everything was read again an entry was written: somebody else may have spoken meanwhile.
        if policy::in_doubt(&self.state(), via).is_some() {
            return false;
        }
        self.sessions.send(via, bytes, self.now()).await == Sent::Written
    }
}
