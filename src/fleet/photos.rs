//! Photos: what was offered, and what came of it.

use super::snapshot::{PhotoRow, PhotoState, Place};
use super::state::State;
use crate::domain::journal::FrameRecord;
use crate::domain::photo::{PhotoEnd, PhotoId, PhotoNote};
use crate::domain::{DeviceEvent, DeviceKey, EventSeq, MessageKind, Position, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Photos remembered of each device; the oldest is forgotten for one more (its file stays).
const KEPT: usize = 20;

/// A photo a device offered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Photo {
    pub id: PhotoId,
    pub device: DeviceKey,
    /// When the offer was received.
    pub offered: Utc,
    /// The device's own time of it.
    pub taken: Option<Utc>,
    pub camera: Option<u8>,
    pub size: u32,
    pub position: Option<Position>,
    /// How fetching it ended.
    pub end: Option<PhotoEnd>,
    pub removed: bool,
}

impl Photo {
    /// Still to be fetched. Without a byte there is nothing to fetch: the camera gave none (inferred).
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.end.is_none() && self.size > 0
    }

    fn state(&self) -> PhotoState {
        match &self.end {
            _ if self.removed => PhotoState::Removed,
            _ if self.size == 0 => PhotoState::None,
            None => PhotoState::Offered,
            Some(end) if end.complete => PhotoState::Complete,
            Some(_) => PhotoState::Incomplete,
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Photos(BTreeMap<DeviceKey, VecDeque<Photo>>);

impl Photos {
    /// Those of one device that are still to be fetched, oldest first.
    pub fn pending(&self, device: &DeviceKey) -> impl Iterator<Item = &Photo> {
        self.of(device).filter(|photo| photo.is_pending())
    }

    /// Devices with photos that are still to be fetched.
    pub fn waiting(&self) -> impl Iterator<Item = &DeviceKey> {
        self.0.iter().filter(|(_, photos)| photos.iter().any(Photo::is_pending)).map(|(device, _)| device)
    }

    pub fn of(&self, device: &DeviceKey) -> impl Iterator<Item = &Photo> {
        self.0.get(device).into_iter().flatten()
    }

    pub fn all(&self) -> impl Iterator<Item = &Photo> {
        self.0.values().flatten()
    }

    #[must_use]
    pub fn get(&self, device: &DeviceKey, id: PhotoId) -> Option<&Photo> {
        self.of(device).find(|photo| photo.id == id)
    }

    /// The photo whose file this is.
    #[must_use]
    pub fn in_file(&self, file: &str) -> Option<&Photo> {
        let is_it = |photo: &&Photo| photo.end.as_ref().is_some_and(|end| end.file.as_deref() == Some(file));
        self.all().find(is_it)
    }

    fn offer(&mut self, photo: Photo) -> bool {
        let photos = self.0.entry(photo.device.clone()).or_default();
        // A device that repeats its offer has one picture, not two.
        let same = |known: &Photo| {
            photo.taken.is_some()
                && (known.taken, known.camera, known.size) == (photo.taken, photo.camera, photo.size)
        };
        if photos.iter().any(same) {
            return false;
        }
        if photos.len() >= KEPT {
            photos.pop_front();
        }
        photos.push_back(photo);
        true
    }
}

impl State {
    pub(super) fn hear_offers(&mut self, record: &FrameRecord, seq: EventSeq, received: Utc) {
        let offers = record.messages.iter().filter(|message| message.kind == MessageKind::PhotoOffer);
        for (nth, message) in (0..=u8::MAX).zip(offers) {
            let offer = message.events.iter().find_map(|event| match event {
                DeviceEvent::Photo { size, camera } => Some((*size, *camera)),
                _ => None,
            });
            let Some((size, camera)) = offer else { continue };
            let photo = Photo {
                id: PhotoId(seq, nth),
                device: record.device.clone(),
                offered: received,
                taken: message.time,
                camera,
                size,
                position: message.position,
                end: None,
                removed: false,
            };
            let id = photo.id;
            if self.photos.offer(photo) {
                self.changes.photos.insert((record.device.clone(), id));
            }
        }
    }

    pub(super) fn photo_note(&mut self, note: &PhotoNote) {
        let (device, id) = match note {
            PhotoNote::Ended(end) => (&end.device, end.id),
            PhotoNote::Removed { device, id } => (device, *id),
        };
        let photos = self.photos.0.get_mut(device);
        let Some(photo) = photos.and_then(|photos| photos.iter_mut().find(|photo| photo.id == id)) else {
            return;
        };
        match note {
            PhotoNote::Ended(end) => photo.end = Some((**end).clone()),
            PhotoNote::Removed { .. } => photo.removed = true,
        }
        self.changes.photos.insert((device.clone(), id));
    }

    #[must_use]
    pub fn photo_row(&self, photo: &Photo) -> PhotoRow {
        let end = photo.end.as_ref();
        let at = photo.taken.unwrap_or(photo.offered);
        PhotoRow {
            id: photo.id,
            device: photo.device.id.to_string(),
            key: photo.device.clone(),
            asset: self.asset_of(&photo.device).map(|asset| asset.name.clone()),
            state: photo.state(),
            camera: photo.camera,
            taken: photo.taken,
            offered: photo.offered,
            size: photo.size,
            received: end.map(|end| end.received),
            sha256: end.and_then(|end| end.sha256.clone()),
            file: end.and_then(|end| end.file.clone()),
            position: photo.position.as_ref().and_then(|position| Place::of(position, at, &photo.device.id)),
            why: end.and_then(|end| end.why.clone()),
        }
    }
}
