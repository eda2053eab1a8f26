//! The latest frames as they came, for the live tail. In memory only.

use crate::domain::{DeviceKey, Utc};
use crate::ingest::Source;
use crate::ipc::wire::TailLine;
use crate::protocol::{self, HeardFrame};
use std::collections::VecDeque;

/// Records (a frame of a batch has dozens) of all enrolled devices kept to begin a tail with; the oldest leave first.
const KEPT: usize = 2000;

/// A frame and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    pub device: DeviceKey,
    pub at: Utc,
    pub source: Source,
    pub fate: String,
    pub answered: bool,
    pub frame: HeardFrame,
}

impl Trace {
    /// What it counts for where room is bounded.
    pub(super) fn records(&self) -> usize {
        self.frame.messages.len().max(1)
    }

    /// The line a console gets.
    pub(super) fn line(&self) -> TailLine {
        let shown: Vec<String> = self.frame.answers.iter().map(|answer| answer.shown(false)).collect();
        let reply = (self.answered && !shown.is_empty()).then(|| shown.concat());
        let decoded =
            self.frame.messages.iter().map(|m| protocol::json::object(m, None, &self.frame.raw)).collect();
        TailLine {
            at: self.at,
            peer: format!("{} {}", self.source.transport.word(), self.source.peer),
            fate: self.fate.clone(),
            raw: hex::encode(&self.frame.raw),
            decoded,
            reply,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Traces {
    kept: VecDeque<Trace>,
    records: usize,
}

impl Traces {
    pub(super) fn keep(&mut self, trace: Trace) {
        self.records += trace.records();
        self.kept.push_back(trace);
        while self.records > KEPT {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.records -= oldest.records();
        }
    }

    /// What is kept of one device, oldest first.
    pub(super) fn of(&self, device: &DeviceKey) -> impl Iterator<Item = &Trace> {
        self.kept.iter().filter(move |trace| trace.device == *device)
    }
}
