//! What the parts of a node share, and the one task that folds what was committed.

use super::hub::Hub;
use super::photos::PhotoNews;
use super::quarantine::Quarantine;
use super::repeats::Repeats;
use super::traces::Traces;
use crate::command::policy;
use crate::config::Secrets;
use crate::domain::journal::{Body, Entry};
use crate::domain::{DeviceKey, EventSeq, Secret, Utc};
use crate::fleet::identity::Conflict;
use crate::fleet::{Changes, Outcome, State, Times, WakePlan};
use crate::ingest::Sessions;
use crate::protocol::Memory;
use crate::protocol::catalogue::Profiles;
use crate::store::{AuditRow, NewEntry, Store, StoreError};
use chrono::TimeDelta;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::{mpsc, watch};

/// Outcomes of acts kept until the one who acted has fetched them.
const OUTCOMES: usize = 4096;

/// Settings of a node.
#[derive(Debug, Clone)]
pub struct Options {
    pub name: String,
    pub demo: bool,
    pub auto_enrol: bool,
    pub times: Times,
    pub rules: policy::Rules,
    pub plan: WakePlan,
    /// How long a queued opening may wait for its device.
    pub validity: TimeDelta,
    /// Minutes a master offers a relayed opening (1–5).
    pub relay_minutes: u8,
    /// Type numbers (as on the wire) of sub-devices whose opening was proven on a bench here.
    pub proven_on_bench: Vec<u8>,
    pub data_dir: PathBuf,
    pub photos: super::photos::PhotoSettings,
}

/// Counters that are not facts of the journal.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub frames: AtomicU64,
    pub duplicates: AtomicU64,
    pub refused: AtomicU64,
    pub dropped_datagrams: AtomicU64,
    pub unasked_pieces: AtomicU64,
}

/// A running node, shared by its tasks.
#[derive(Debug)]
pub struct Node {
    pub(super) options: Options,
    pub(super) started: Utc,
    pub(super) store: Store,
    state: RwLock<State>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) memory: Arc<Memory>,
    pub(super) hub: Hub,
    pub(super) quarantine: Mutex<Quarantine>,
    pub(super) traces: Mutex<Traces>,
    pub(super) secrets: Secrets,
    pub(super) profiles: Profiles,
    /// Dynamic passwords the locks told, and when. In memory only.
    pub(super) dynamic: Mutex<HashMap<DeviceKey, (Secret, Utc)>>,
    pub(super) counters: Counters,
    pub(super) listening: Vec<String>,
    /// Set by the health task, shown in the header.
    pub(super) health: Mutex<super::health::Health>,
    applied: watch::Sender<EventSeq>,
    outcomes: Mutex<VecDeque<(EventSeq, Outcome)>>,
    pub(super) repeats: Mutex<Repeats>,
    /// Devices a queued command may go to, now that they were heard.
    pub(super) heard: mpsc::Sender<DeviceKey>,
    pub(super) photos: mpsc::Sender<PhotoNews>,
    pub(super) sending: Mutex<HashSet<DeviceKey>>,
    pub(super) proposals: Mutex<super::unlock::Proposals>,
    /// Orders that changed, for whoever has to carry on with them.
    pub(super) plans: super::plans::Plans,
}

/// Locks that protect plain values: a panic elsewhere leaves them whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a node is made of.
pub(super) struct Parts {
    pub options: Options,
    pub store: Store,
    pub state: State,
    pub sessions: Arc<Sessions>,
    pub memory: Arc<Memory>,
    pub secrets: Secrets,
    pub profiles: Profiles,
    pub listening: Vec<String>,
    pub heard: mpsc::Sender<DeviceKey>,
    pub photos: mpsc::Sender<PhotoNews>,
}

impl Node {
    pub(super) fn new(parts: Parts) -> Self {
        let seq = parts.state.seq.unwrap_or(EventSeq(0));
        Self {
            options: parts.options,
            started: chrono::Utc::now(),
            store: parts.store,
            state: RwLock::new(parts.state),
            sessions: parts.sessions,
            memory: parts.memory,
            hub: Hub::default(),
            quarantine: Mutex::default(),
            traces: Mutex::default(),
            secrets: parts.secrets,
            profiles: parts.profiles,
            dynamic: Mutex::default(),
            counters: Counters::default(),
            listening: parts.listening,
            health: Mutex::default(),
            applied: watch::Sender::new(seq),
            outcomes: Mutex::default(),
            repeats: Mutex::default(),
            heard: parts.heard,
            photos: parts.photos,
            sending: Mutex::default(),
            proposals: Mutex::default(),
            plans: super::plans::Plans::default(),
        }
    }

    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Utc {
        chrono::Utc::now()
    }

    /// Makes an act durable, waits until the fold has taken it in, and tells what it made of it.
    pub(super) async fn act(
        &self,
        body: Body,
        audit: AuditRow,
    ) -> Result<(EventSeq, Option<Outcome>), StoreError> {
        let seq = self.commit(NewEntry { at: self.now(), body, audit: Some(audit) }).await?;
        let outcome = lock(&self.outcomes).iter().find(|(of, _)| *of == seq).map(|(_, o)| o.clone());
        Ok((seq, outcome))
    }

    /// Makes an entry durable and waits until the fold has taken it in.
    pub(super) async fn commit(&self, entry: NewEntry) -> Result<EventSeq, StoreError> {
        let seq = self.store.append(entry).await?;
        let mut applied = self.applied.subscribe();
        // The sender lives in `self`: this cannot fail while we run.
        let _ = applied.wait_for(|done| *done >= seq).await;
        Ok(seq)
    }

    /// Folds committed entries until the store closes.
    pub(super) async fn fold(self: Arc<Self>, mut committed: mpsc::Receiver<Vec<Entry>>) {
        while let Some(entries) = committed.recv().await {
            self.apply(&entries);
        }
    }

    fn apply(&self, entries: &[Entry]) {
        let mut changes = Changes::default();
        let mut outcomes = Vec::new();
        {
            let mut state = self.state_mut();
            for entry in entries {
                let (changed, outcome) = state.apply(entry);
                changes.merge(changed);
                outcomes.extend(outcome.map(|outcome| (entry.seq, outcome)));
            }
        }
        if !outcomes.is_empty() {
            let mut kept = lock(&self.outcomes);
            kept.extend(outcomes);
            let over = kept.len().saturating_sub(OUTCOMES);
            kept.drain(..over);
        }
        // Before whoever waits for the entry goes on: the next frame may come at once.
        self.renew_dialects(changes.devices.iter());
        if let Some(last) = entries.last() {
            self.applied.send_replace(last.seq);
        }
        self.spread(&changes);
    }

    /// Tells the sessions which sources may be written to, and the log who is in doubt.
    pub(super) fn pin_sources<'a>(&self, devices: impl Iterator<Item = &'a DeviceKey>) {
        for key in devices {
            let identity = self.state().device(key).map(|device| {
                let undecided = device.identity.undecided().cloned();
                (device.identity.pin().cloned(), undecided)
            });
            let Some((pin, undecided)) = identity else { continue };
            if let Some(Conflict { kind, first, second, .. }) = undecided {
                tracing::warn!(device = %key, %first, %second, "{}: physical commands are blocked", kind.words());
            }
            if pin.is_some() {
                // Who of the two told it is not known: it is asked or told anew.
                lock(&self.dynamic).remove(key);
            }
            self.sessions.pin(key, pin);
        }
    }

    /// Tells consoles and the dispatcher what changed.
    pub(super) fn spread(&self, changes: &Changes) {
        if changes.is_empty() {
            return;
        }
        self.hub.dirty(changes);
        self.pin_sources(changes.identities.iter());
        self.plans.changed(&changes.orders);
        let wanted: BTreeSet<DeviceKey> = {
            let state = self.state();
            let by_command =
                changes.commands.iter().filter_map(|id| Some(&state.commands.get(*id)?.intent.via));
            let by_order = changes.orders.iter().filter_map(|id| Some(&state.orders.get(*id)?.intent.via));
            changes.heard.iter().chain(by_command).chain(by_order).cloned().collect()
        };
        let owe_photos: Vec<DeviceKey> = {
            let state = self.state();
            changes.heard.iter().filter(|key| state.photos.pending(key).next().is_some()).cloned().collect()
        };
        for device in owe_photos {
            self.photo_news(PhotoNews::Heard(device));
        }
        for device in wanted.into_iter().filter(|device| self.has_queued(device)) {
            // A full queue means that the dispatcher is behind; the next frame of the device asks again.
            let _ = self.heard.try_send(device);
        }
    }
}
