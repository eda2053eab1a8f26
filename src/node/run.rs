//! Start and stop, in order. Start: data directory, fold, port, socket. Stop: door, answers owed, consoles, store.

use super::core::{Node, Options, Parts};
use super::operator::converse;
use super::photos;
use crate::config::Secrets;
use crate::domain::EventSeq;
use crate::domain::journal::{Body, NodeNote, RegistryAct};
use crate::fleet::{FORMAT, State, Times};
use crate::ingest::{self, Ingest, Limits, ListenError, Listeners, Sessions};
use crate::ipc::server::{Peer, Socket, SocketError};
use crate::protocol::Memory;
use crate::protocol::catalogue::Profiles;
use crate::store::{AuditRow, NewEntry, Opened, Reader, StoreError};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Entries read from the journal at once when the fold is rebuilt.
const BATCH: usize = 2000;

/// Devices heard whose queued commands wait for the dispatcher; a further one is asked again by its next frame.
const HEARD: usize = 1024;

/// Consoles at once; one more is turned away.
const CONSOLES: usize = 100;

/// Bytes between node and console in one process.
const DUPLEX: usize = 256 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Socket(#[from] SocketError),
}

/// What a node is given besides its settings.
#[derive(Debug)]
pub struct Belongings {
    pub store: Opened,
    pub listeners: Listeners,
    pub socket: Socket,
    pub memory: Memory,
    pub limits: Limits,
    /// Static unlock passwords.
    pub secrets: Secrets,
    /// What the models say and can be told.
    pub profiles: Profiles,
    /// Devices of the settings, enrolled if they are absent.
    pub devices: Vec<RegistryAct>,
}

/// A node that runs.
#[derive(Debug)]
pub struct Running {
    pub node: Arc<Node>,
    ingest: Ingest<Node>,
    tasks: TaskTracker,
    stop: CancellationToken,
    consoles: CancellationToken,
    fold_ended: CancellationToken,
}

/// The fold as the journal has it, and the checkpoint it began from.
///
/// # Errors
/// If the journal cannot be read.
pub fn read_state(reader: &Reader, times: Times) -> Result<(State, Option<EventSeq>), StoreError> {
    let checkpoint = reader.newest_checkpoint()?.filter(|checkpoint| checkpoint.format == FORMAT);
    let from = checkpoint.and_then(|checkpoint| {
        State::from_checkpoint(&checkpoint.body, times).ok().map(|state| (state, checkpoint.upto))
    });
    let (mut state, upto) = match from {
        Some((state, upto)) => (state, Some(upto)),
        None => (State::new(times), None),
    };
    reader.entries_after(upto.unwrap_or(EventSeq(0)), BATCH, |entries| {
        for entry in &entries {
            state.apply(entry);
        }
        ControlFlow::Continue(())
    })?;
    Ok((state, upto))
}

/// The fold of a data directory that no node holds, for `list`.
///
/// # Errors
/// If there is no database or it cannot be read.
pub fn read_only(dir: &Path, times: Times) -> Result<State, StoreError> {
    Ok(read_state(&Reader::open(dir)?, times)?.0)
}

/// Starts a node. When this returns, the port answers.
///
/// # Errors
/// If the journal cannot be read or written.
pub async fn start(options: Options, belongings: Belongings) -> Result<Running, StartError> {
    let Belongings { store, listeners, socket, memory, limits, secrets, profiles, devices } = belongings;
    let Opened { store, committed, reader, .. } = store;
    let (state, checkpoint) = read_state(&reader, options.times)?;
    for (device, base) in reader.delta_bases()? {
        memory.keep_base(&device, &base);
    }
    drop(reader);
    for device in state.devices() {
        if let Some(version) = device.version {
            memory.learn_version(&device.key, version);
        }
    }
    let memory = Arc::new(memory);
    let sessions = Arc::new(Sessions::default());
    let (heard, to_send) = mpsc::channel(HEARD);
    let (photos, photo_news) = mpsc::channel(photos::WAITING);
    let listening = listeners.addresses().iter().map(|(kind, address)| format!("{kind} {address}")).collect();
    let node = Arc::new(Node::new(Parts {
        options,
        store,
        state,
        sessions: sessions.clone(),
        memory: memory.clone(),
        secrets,
        profiles,
        listening,
        heard,
        photos,
    }));
    node.set_dialects();
    node.began_at(checkpoint);
    let chosen: Vec<_> =
        node.state().devices().filter(|d| d.identity.pin().is_some()).map(|d| d.key.clone()).collect();
    node.pin_sources(chosen.iter());
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let consoles = CancellationToken::new();
    let fold_ended = CancellationToken::new();
    let (folding, over) = (node.clone().fold(committed), fold_ended.clone().drop_guard());
    tasks.spawn(async move {
        let _over = over; // also when it panics
        folding.await;
    });
    tokio::spawn(node.clone().dispatch(to_send));
    tokio::spawn(node.clone().carry_on());
    let started = NodeNote::Started { version: env!("CARGO_PKG_VERSION").into() };
    node.store.append(NewEntry::new(node.now(), Body::Node(started))).await?;
    enrol_configured(&node, devices).await?;
    let ingest = ingest::start(listeners, node.clone(), sessions, memory, limits);
    let open = ingest.counter();
    tasks.spawn(node.clone().fetch_photos(photo_news, stop.clone()));
    tasks.spawn(node.clone().watch(open, stop.clone()));
    tasks.spawn(serve_consoles(node.clone(), socket, stop.clone(), consoles.clone(), tasks.clone()));
    Ok(Running { node, ingest, tasks, stop, consoles, fold_ended })
}

/// Devices of the settings are enrolled once; afterwards the store wins.
async fn enrol_configured(node: &Node, devices: Vec<RegistryAct>) -> Result<(), StoreError> {
    for act in devices {
        let RegistryAct::Enrol { device, .. } = &act;
        if node.state().device(device).is_some() {
            continue;
        }
        let audit = AuditRow {
            at: node.now(),
            who: "config".into(),
            uid: None,
            act: "enrol".into(),
            object: device.to_string(),
            result: "done".into(),
            note: "listed in the configuration".into(),
            seq: None,
        };
        node.act(Body::Registry(act), audit).await?;
    }
    Ok(())
}

async fn serve_consoles(
    node: Arc<Node>,
    socket: Socket,
    stop: CancellationToken,
    consoles: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((_, peer)) if node.hub.consoles() >= CONSOLES => {
                tracing::warn!(operator = peer.name, "turned away: {CONSOLES} consoles are attached");
            }
            Ok((stream, peer)) if socket.admits(&peer) => {
                let (node, consoles) = (node.clone(), consoles.clone());
                tasks.spawn(async move {
                    let name = peer.name.clone();
                    if let Err(error) = converse(node, stream, peer, consoles).await {
                        tracing::info!(operator = name, %error, "console gone");
                    }
                });
            }
            Ok((_, peer)) => {
                tracing::warn!(operator = peer.name, "turned away: not the account the node runs as")
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a console; waiting");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

impl Running {
    /// A console's stream in the same process, for the account this program runs as.
    #[must_use]
    pub fn console(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(DUPLEX);
        let (node, consoles) = (self.node.clone(), self.consoles.clone());
        self.tasks.spawn(async move {
            if let Err(error) = converse(node, ours, Peer::own(), consoles).await {
                tracing::info!(%error, "console gone");
            }
        });
        theirs
    }

    /// Returns if the state can no longer follow the journal: what consoles would show from then on is not so. While
    /// the node runs that is a fault of the program; nothing is left but to end it without ceremony.
    pub async fn failed(&self) {
        self.fold_ended.cancelled().await;
    }

    /// Stops in order; what was answered to a device is on disk.
    pub async fn stop(self) {
        if self.fold_ended.is_cancelled() {
            // Whoever waits for the fold waits for ever: only what is queued is still stored.
            return self.node.store.clone().close().await;
        }
        self.ingest.stop().await;
        self.stop.cancel();
        self.consoles.cancel();
        self.node.checkpoint_if_due(1).await;
        self.node.store.clone().close().await;
        self.tasks.close();
        // A console that does not take its goodbye is not waited for.
        let _ = tokio::time::timeout(Duration::from_secs(2), self.tasks.wait()).await;
    }
}
