//! Once a second: the fold's clock, link words, figures, checkpoints, the disk allowance.

use super::core::{Node, lock};
use crate::domain::journal::{Body, NodeNote};
use crate::domain::{DeviceKey, EventSeq, LinkState, Utc};
use crate::fleet::FORMAT;
use crate::fleet::snapshot::NodeRow;
use crate::store::NewEntry;
use chrono::TimeDelta;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The fold's clock is kept this much behind ours, so that what was received before a timer fired is folded before.
const LAG: TimeDelta = TimeDelta::seconds(1);

/// Entries after which the fold is written down, so that a start has little to read.
const CHECKPOINT_EVERY: i64 = 50_000;

/// Percent of the journal's allowance at which the oldest frames go, and down to which.
const PURGE_AT: u64 = 97;
const PURGE_TO: u64 = 85;

/// Percent at which an alarm is raised, and below which it ends.
const ALARM_AT: u64 = 90;
const ALARM_END: u64 = 87;

/// Seconds between two looks at the disk: so long no frame may be stored when the allowance is used up.
const DISK_EVERY: u64 = 5;

/// What the health task has found.
#[derive(Debug, Default)]
pub(super) struct Health {
    links: HashMap<DeviceKey, LinkState>,
    /// Frame counts of the last minute, one a second.
    frames: VecDeque<u64>,
    disk_free: u64,
    disk_alarm: bool,
    checkpoint: Option<EventSeq>,
    pub(super) connections: u64,
    turned_away: u64,
}

impl Node {
    /// Runs until stopped.
    pub(super) async fn watch(
        self: Arc<Self>,
        connections: impl Fn() -> (usize, u64),
        stop: CancellationToken,
    ) {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut seconds: u64 = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            seconds = seconds.wrapping_add(1);
            {
                let (open, turned_away) = connections();
                let mut health = lock(&self.health);
                health.connections = open as u64;
                health.turned_away = turned_away;
            }
            let now = self.now();
            let changes = self.state_mut().advance(now - LAG);
            self.spread(&changes);
            self.ask_to_send_waiting();
            self.stir_plans();
            self.figures();
            if seconds.is_multiple_of(2) {
                self.link_words(now);
            }
            if seconds % DISK_EVERY == 1 {
                self.disk().await;
                self.checkpoint_if_due(CHECKPOINT_EVERY).await;
            }
            self.hub.node_changed();
        }
    }

    fn figures(&self) {
        let frames = self.counters.frames.load(Ordering::Relaxed);
        let mut health = lock(&self.health);
        health.frames.push_back(frames);
        if health.frames.len() > 61 {
            health.frames.pop_front();
        }
    }

    fn link_words(&self, now: Utc) {
        let mut changed = Vec::new();
        let mut health = lock(&self.health);
        for device in self.state().devices() {
            let word = self.options.plan.link(device.kind, device.last_received, now);
            if health.links.insert(device.key.clone(), word) != Some(word) {
                changed.push(device.key.clone());
            }
        }
        drop(health);
        if !changed.is_empty() {
            self.hub.links_changed(&changed);
        }
    }

    async fn disk(&self) {
        let free = nix::sys::statvfs::statvfs(&self.options.data_dir)
            .map(|stat| stat.blocks_available().saturating_mul(stat.fragment_size()))
            .unwrap_or(0);
        lock(&self.health).disk_free = free;
        let stats = self.store.stats();
        let percent = stats.bytes_used.saturating_mul(100) / stats.limit_bytes.max(1);
        let was = lock(&self.health).disk_alarm;
        let alarm = if was { percent >= ALARM_END } else { percent >= ALARM_AT };
        if alarm != was {
            let note = NodeNote::DiskUse { percent: u8::try_from(percent).unwrap_or(u8::MAX) };
            if self.note(note).await {
                lock(&self.health).disk_alarm = alarm;
            }
        }
        if percent >= PURGE_AT {
            self.purge(stats.limit_bytes / 100 * PURGE_TO).await;
        }
    }

    async fn purge(&self, target: u64) {
        self.checkpoint_if_due(0).await;
        match self.store.purge_oldest_frames(target).await {
            Ok(purged) if purged.frames == 0 => {} // acts and commands fill it: the alarm stands
            Ok(purged) => {
                tracing::warn!(
                    frames = purged.frames,
                    "the oldest frames were removed to stay below [store] limit"
                );
                self.note(NodeNote::Purged { frames: purged.frames, before: purged.before }).await;
            }
            Err(error) => tracing::error!(%error, "the oldest frames cannot be removed"),
        }
    }

    async fn note(&self, note: NodeNote) -> bool {
        self.store.append(NewEntry::new(self.now(), Body::Node(note))).await.is_ok()
    }

    /// Writes the fold down if at least `every` entries came since the last time.
    pub(super) async fn checkpoint_if_due(&self, every: i64) {
        // Never the other way round: the health lock is held while the state is read.
        let last = lock(&self.health).checkpoint.map_or(0, |seq| seq.0);
        let (seq, body) = {
            let state = self.state();
            let Some(seq) = state.seq else { return };
            if seq.0 - last < every.max(1) {
                return;
            }
            (seq, state.checkpoint())
        };
        let Ok(body) = body else { return };
        match self.store.checkpoint(seq, FORMAT, body).await {
            Ok(()) => lock(&self.health).checkpoint = Some(seq),
            Err(error) => tracing::warn!(%error, "the state could not be written down"),
        }
    }

    pub(super) fn began_at(&self, checkpoint: Option<EventSeq>) {
        lock(&self.health).checkpoint = checkpoint;
    }

    pub(super) fn node_row(&self) -> NodeRow {
        let stats = self.store.stats();
        let health = lock(&self.health);
        let per_minute = match (health.frames.front(), health.frames.back()) {
            (Some(first), Some(last)) => last.saturating_sub(*first),
            _ => 0,
        };
        NodeRow {
            name: self.options.name.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            started: Some(self.started),
            demo: self.options.demo,
            auto_enrol: self.options.auto_enrol,
            listening: self.listening.clone(),
            data_dir: self.options.data_dir.display().to_string(),
            connections: health.connections,
            turned_away: health.turned_away,
            frames: self.counters.frames.load(Ordering::Relaxed),
            frames_per_minute: per_minute,
            duplicates: self.counters.duplicates.load(Ordering::Relaxed),
            refused: self.counters.refused.load(Ordering::Relaxed),
            quarantined: lock(&self.quarantine).len() as u64,
            dropped_datagrams: self.counters.dropped_datagrams.load(Ordering::Relaxed),
            unasked_pieces: self.counters.unasked_pieces.load(Ordering::Relaxed),
            journal_seq: stats.last_seq.0,
            journal_bytes: stats.bytes_used,
            journal_limit_bytes: stats.limit_bytes,
            disk_free_bytes: health.disk_free,
            commit_ms: stats.commit_ms,
            store_error: stats.error,
            consoles: self.hub.consoles() as u64,
        }
    }
}
