//! What becomes of the frames that the door lets in.

use super::core::{Node, lock};
use super::photos::PhotoNews;
use super::repeats::Print;
use super::traces::Trace;
use crate::domain::journal::{Body, FrameRecord, RegistryAct};
use crate::domain::{DeviceKey, DeviceKind, Maker, MessageKind, Utc, text};
use crate::fleet::snapshot::DeviceStatus;
use crate::ingest::{Admission, Durable, EventSink, Source, Ticket, Unread};
use crate::protocol::{self, Aside, HeardFrame};
use crate::store::{AuditRow, NewEntry};
use std::sync::atomic::Ordering;

impl EventSink for Node {
    async fn admit(&self, device: &DeviceKey, frame: &HeardFrame, _source: Source) -> Admission {
        let (known, has_no_modem) = match self.state().device(device) {
            Some(known) => (known.status == DeviceStatus::Enrolled, known.kind.is_bound()),
            None => (false, false),
        };
        // A sub-lock reports through its master. On a line of its own its ID is a mistake or a forgery.
        if has_no_modem || (!known && !self.options.auto_enrol) {
            return Admission::Quarantined;
        }
        if self.options.auto_enrol && frame.messages.iter().any(|m| m.kind != MessageKind::Invalid) {
            return self.enrol_by_itself(device, frame).await;
        }
        if known { Admission::Enrolled } else { Admission::Quarantined }
    }

    async fn store(&self, record: FrameRecord) -> Result<Ticket, String> {
        self.count_frame();
        let known = match self.look_up(&record) {
            Ok(again) => return Ok(again),
            Err(known) => known,
        };
        let base = Base::of(&record);
        let entry = NewEntry::new(self.now(), Body::Frame(record));
        let ticket = self.store.submit(entry).await.map_err(|error| error.to_string())?;
        self.keep(base);
        Ok(self.ticket(known, ticket))
    }

    fn try_store(&self, record: FrameRecord) -> Result<Ticket, String> {
        self.count_frame();
        let known = match self.look_up(&record) {
            Ok(again) => return Ok(again),
            Err(known) => known,
        };
        let base = Base::of(&record);
        let entry = NewEntry::new(self.now(), Body::Frame(record));
        let ticket = self.store.try_submit(entry).map_err(|error| {
            self.counters.dropped_datagrams.fetch_add(1, Ordering::Relaxed);
            error.to_string()
        })?;
        self.keep(base);
        Ok(self.ticket(known, ticket))
    }

    fn quarantine(&self, device: &DeviceKey, frame: &HeardFrame, source: Source) {
        self.count_frame();
        let trace = self.trace(device, frame, source, "quarantined", false);
        let namesake = self.namesake(device);
        let mut quarantine = lock(&self.quarantine);
        quarantine.knock(trace);
        quarantine.note_namesake(device, namesake);
        drop(quarantine);
        self.hub.quarantine_changed();
    }

    fn unread(&self, unread: &Unread, device: Option<&DeviceKey>, source: Source) {
        self.counters.refused.fetch_add(1, Ordering::Relaxed);
        lock(&self.quarantine).refuse(unread, device, source, self.now());
        self.hub.refused_changed();
        tracing::debug!(peer = %source.peer, reason = text::clean(&unread.reason), bytes = unread.length, "not readable");
    }

    fn pieces(&self, device: &DeviceKey, frame: &HeardFrame, source: Source) -> bool {
        let asked = self.sessions.link(device, self.now());
        let is_asked =
            asked.is_some_and(|link| (link.transport, link.peer) == (source.transport, source.peer));
        let pieces = &frame.aside.chunks;
        if !is_asked {
            let count = u64::try_from(pieces.len()).unwrap_or(u64::MAX);
            self.counters.unasked_pieces.fetch_add(count, Ordering::Relaxed);
        } else if !pieces.is_empty() {
            self.photo_news(PhotoNews::Pieces(device.clone(), pieces.clone()));
        }
        let only = frame.messages.iter().all(|message| message.kind == MessageKind::PhotoChunk);
        if only {
            self.count_frame();
        }
        only
    }

    fn password(&self, device: &DeviceKey, frame: &HeardFrame) {
        if let Some(password) = &frame.password {
            lock(&self.dynamic).insert(device.clone(), (password.clone(), self.now()));
        }
    }

    fn is_repeat(&self, record: &FrameRecord) -> bool {
        Print::of(record).is_some_and(|print| lock(&self.repeats).again(&record.device, print).is_some())
    }

    fn dropped(&self, _source: Source) {
        self.counters.dropped_datagrams.fetch_add(1, Ordering::Relaxed);
    }

    fn fate(&self, device: &DeviceKey, frame: &HeardFrame, source: Source, fate: &str, answered: bool) {
        let trace = self.trace(device, frame, source, fate, answered);
        for message in &frame.messages {
            if let Some(child) = message.sub_device_key().filter(|child| self.hub.is_tailed(child)) {
                self.hub.tail(&child, &self.tail_line(&trace));
            }
        }
        if self.hub.is_tailed(device) {
            self.hub.tail(device, &self.tail_line(&trace));
        }
        if fate != "quarantined" {
            lock(&self.traces).keep(trace);
        }
    }

    fn now(&self) -> Utc {
        Node::now(self)
    }
}

/// The sentence the next delta of an admitted tracker builds on.
struct Base(DeviceKey, Vec<u8>);

impl Base {
    fn of(record: &FrameRecord) -> Option<Self> {
        record.base.as_ref().map(|base| Self(record.device.clone(), base.clone()))
    }
}

impl Node {
    /// For the device's other connections, from the moment its frame is on its way to the store: a delta may follow
    /// before the commit. What outlives the node is written with the frame itself.
    fn keep(&self, base: Option<Base>) {
        if let Some(Base(device, base)) = base {
            self.memory.keep_base(&device, &base);
        }
    }

    /// The enrolled device of another maker that has the same digits.
    fn namesake(&self, device: &DeviceKey) -> Option<DeviceKey> {
        let other = match device.maker {
            Maker::Jointech => Maker::Bofan,
            Maker::Bofan => Maker::Jointech,
        };
        let key = DeviceKey::new(other, &device.id);
        self.state().device(&key).is_some().then_some(key)
    }

    /// A device that only repeats itself is awake too: what is queued for it may go.
    fn ask_to_send(&self, device: &DeviceKey) {
        if self.has_queued(device) {
            let _ = self.heard.try_send(device.clone());
        }
    }

    fn count_frame(&self) {
        self.counters.frames.fetch_add(1, Ordering::Relaxed);
    }

    /// The ticket of this frame if it came before, else what to remember it by.
    fn look_up(&self, record: &FrameRecord) -> Result<Ticket, Option<(DeviceKey, Print)>> {
        let Some(print) = Print::of(record) else { return Err(None) };
        let again = lock(&self.repeats).again(&record.device, print);
        match again {
            Some(ticket) => {
                self.counters.duplicates.fetch_add(1, Ordering::Relaxed);
                self.ask_to_send(&record.device);
                Ok(ticket)
            }
            None => Err(Some((record.device.clone(), print))),
        }
    }

    fn ticket(&self, known: Option<(DeviceKey, Print)>, stored: crate::store::Ticket) -> Ticket {
        let ticket: Ticket =
            Box::pin(async move { stored.await.map(|_| Durable::New).map_err(|error| error.to_string()) });
        match known {
            Some((device, print)) => lock(&self.repeats).put(device, print, ticket),
            None => ticket,
        }
    }

    fn trace(
        &self,
        device: &DeviceKey,
        frame: &HeardFrame,
        source: Source,
        fate: &str,
        answered: bool,
    ) -> Trace {
        Trace {
            device: device.clone(),
            at: self.now(),
            source,
            fate: fate.to_owned(),
            answered,
            frame: HeardFrame { password: None, aside: Aside::default(), ..frame.clone() },
        }
    }

    /// `--auto-enrol`: one valid frame enrols its device, and a sub-device joins its master's asset.
    async fn enrol_by_itself(&self, device: &DeviceKey, frame: &HeardFrame) -> Admission {
        let kind = frame.messages.iter().find(|m| m.sub_device.is_none()).and_then(protocol::guess_kind);
        let kind = kind.unwrap_or(match frame.messages.first() {
            Some(message) if message.sub_device.is_some() => DeviceKind::MasterLock,
            _ => DeviceKind::Tracker,
        });
        if self.state().device(device).is_none()
            && !self.enrol_as_system(device, kind, &device.id, None).await
        {
            return Admission::Quarantined;
        }
        for message in &frame.messages {
            let Some(child) = message.sub_device_key() else { continue };
            let confirmed = self.state().device(&child).is_some_and(|d| d.status == DeviceStatus::Enrolled);
            if !confirmed {
                let asset = self.state().asset_of(device).map(|asset| asset.name.clone());
                let asset = asset.unwrap_or_else(|| device.id.to_string());
                let kind = protocol::guess_kind(message).unwrap_or(DeviceKind::SubLock);
                self.enrol_as_system(&child, kind, &asset, Some(device.clone())).await;
            }
        }
        Admission::Enrolled
    }

    async fn enrol_as_system(
        &self,
        device: &DeviceKey,
        kind: DeviceKind,
        asset: &str,
        bound_to: Option<DeviceKey>,
    ) -> bool {
        let act = RegistryAct::Enrol {
            device: device.clone(),
            kind,
            asset: asset.to_owned(),
            bound_to,
            plate: None,
            by: "system".into(),
        };
        let audit = AuditRow {
            at: self.now(),
            who: "system".into(),
            uid: None,
            act: "enrol".into(),
            object: device.to_string(),
            result: "done".into(),
            note: "auto-enrol".into(),
            seq: None,
        };
        match self.act(Body::Registry(act), audit).await {
            Ok(_) => {
                lock(&self.quarantine).release(device);
                true
            }
            Err(error) => {
                tracing::warn!(%device, %error, "could not enrol");
                false
            }
        }
    }
}
