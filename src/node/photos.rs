//! Fetches the photos that enrolled trackers offer, one task for all of them.

use super::core::Node;
use crate::domain::DeviceKey;
use crate::domain::journal::Body;
use crate::domain::photo::{PhotoEnd, PhotoNote};
use crate::fleet::photos::Photo;
use crate::ingest::Sent;
use crate::photo::{Act, Album, Ended, Fetcher, Offer, Picture, Rules};
use crate::protocol::{PhotoChunk, bofan};
use crate::store::NewEntry;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Things to be told to the task. More are dropped: a piece is asked for again, a look is repeated by the device's next
/// frame.
pub(super) const WAITING: usize = 1024;

/// How often it is looked whether an answer is overdue.
const TICK: Duration = Duration::from_millis(500);

/// Settings of photos.
#[derive(Debug, Clone, Copy)]
pub struct PhotoSettings {
    pub rules: Rules,
    /// Bytes of all photos; beyond it the oldest are removed.
    pub keep: u64,
}

/// What the task is told.
#[derive(Debug)]
pub(super) enum PhotoNews {
    /// A device with photos to be fetched was heard.
    Heard(DeviceKey),
    Pieces(DeviceKey, Vec<PhotoChunk>),
    /// A request did not leave.
    Unsent(DeviceKey),
}

impl Node {
    /// Runs until stopped. What is not complete then is fetched anew after the next start, while its offer is young.
    pub(super) async fn fetch_photos(
        self: Arc<Self>,
        mut news: mpsc::Receiver<PhotoNews>,
        stop: CancellationToken,
    ) {
        let settings = self.options.photos;
        let album = Album::new(&self.options.data_dir, settings.keep);
        if let Err(error) = album.sweep() {
            tracing::warn!(%error, "cannot look through the photos");
        }
        let mut fetcher = Fetcher::new(settings.rules);
        let waiting: Vec<DeviceKey> = self.state().photos.waiting().cloned().collect();
        for device in waiting {
            let acts = self.offers(&mut fetcher, &device);
            self.carry_out(acts, &album).await;
        }
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let acts = tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => fetcher.tick(self.now()),
                Some(news) = news.recv() => self.take_news(&mut fetcher, news),
            };
            self.carry_out(acts, &album).await;
        }
    }

    fn take_news(&self, fetcher: &mut Fetcher, news: PhotoNews) -> Vec<Act> {
        let now = self.now();
        match news {
            PhotoNews::Heard(device) => {
                // First: the frame that brought the offer is no word beside it.
                let way = self.sessions.link(&device, now).map(|link| link.peer);
                let mut acts = fetcher.heard(&device, way, now);
                acts.extend(self.offers(fetcher, &device));
                acts
            }
            PhotoNews::Pieces(device, pieces) => {
                let before = fetcher.ignored();
                let take = |piece: &PhotoChunk| fetcher.piece(&device, piece.offset, &piece.bytes, now);
                let acts = pieces.iter().flat_map(take).collect();
                let ignored = fetcher.ignored().saturating_sub(before);
                if ignored > 0 {
                    self.counters.unasked_pieces.fetch_add(ignored, std::sync::atomic::Ordering::Relaxed);
                    tracing::debug!(%device, ignored, "pieces of a photo that nobody asked for");
                }
                acts
            }
            PhotoNews::Unsent(device) => {
                fetcher.unsent(&device);
                Vec::new()
            }
        }
    }

    /// What the device has offered and not yet sent.
    fn offers(&self, fetcher: &mut Fetcher, device: &DeviceKey) -> Vec<Act> {
        let now = self.now();
        let way = self.sessions.link(device, now).map(|link| link.peer);
        let offer = |photo: &Photo| Offer {
            id: photo.id,
            device: photo.device.clone(),
            offered: photo.offered,
            size: photo.size,
            way,
        };
        let offers: Vec<Offer> = self.state().photos.pending(device).map(offer).collect();
        offers.into_iter().flat_map(|offer| fetcher.offer(offer, now)).collect()
    }

    async fn carry_out(self: &Arc<Self>, acts: Vec<Act>, album: &Album) {
        for act in acts {
            match act {
                Act::Ask { device, offset, length } => self.ask_for_piece(device, offset, length),
                Act::End(ended) => self.keep_photo(ended, album).await,
            }
        }
    }

    fn ask_for_piece(self: &Arc<Self>, device: DeviceKey, offset: u32, length: u32) {
        let node = self.clone();
        // A slow device must not hold up the others. There is one such task a device.
        tokio::spawn(async move {
            let bytes = bofan::ask_for_piece(offset, length);
            if node.sessions.send(&device, bytes, node.now()).await == Sent::Unsent {
                let _ = node.photos.try_send(PhotoNews::Unsent(device));
            }
        });
    }

    /// Writes what came, then the fact that it is there. The next start repeats what was not done by a stop.
    async fn keep_photo(&self, ended: Ended, album: &Album) {
        let Ended { offer, bytes, why, mixed } = ended;
        let Some(photo) = self.state().photos.get(&offer.device, offer.id).cloned() else { return };
        let received = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let complete = why.is_none();
        let mut reason = why.map(|why| why.words().to_owned());
        let mut saved = None;
        if !bytes.is_empty() {
            let Photo { device, camera, taken, .. } = photo.clone();
            let picture = Picture { device, camera, taken: taken.unwrap_or(photo.offered), bytes, complete };
            let album = album.clone();
            match tokio::task::spawn_blocking(move || album.save(&picture)).await {
                Ok(Ok(file)) => saved = Some(file),
                Ok(Err(error)) => reason = Some(format!("it came and could not be written: {error}")),
                Err(error) => reason = Some(format!("it came and could not be written: {error}")),
            }
        }
        if reason.is_none() && mixed {
            reason = Some("another photo was offered meanwhile: parts may be of that one".into());
        }
        let (file, sha256) = saved.map(|saved| (saved.file, saved.sha256)).unzip();
        let end = PhotoEnd {
            device: photo.device,
            id: photo.id,
            offered: photo.offered,
            taken: photo.taken,
            camera: photo.camera,
            size: photo.size,
            received,
            complete: complete && file.is_some(),
            sha256,
            file: file.clone(),
            position: photo.position,
            why: reason,
        };
        self.photo_fact(PhotoNote::Ended(Box::new(end))).await;
        if let Some(file) = file {
            self.make_room(album, file).await;
        }
    }

    async fn make_room(&self, album: &Album, newest: String) {
        let room = album.clone();
        let removed = match tokio::task::spawn_blocking(move || room.make_room(&newest)).await {
            Ok(Ok(removed)) => removed,
            Ok(Err(error)) => return tracing::warn!(%error, "cannot look through the photos"),
            Err(error) => return tracing::warn!(%error, "cannot look through the photos"),
        };
        for file in removed {
            let known = self.state().photos.in_file(&file).map(|photo| (photo.device.clone(), photo.id));
            if let Some((device, id)) = known {
                self.photo_fact(PhotoNote::Removed { device, id }).await;
            }
        }
    }

    async fn photo_fact(&self, note: PhotoNote) {
        if let Err(error) = self.commit(NewEntry::new(self.now(), Body::Photo(note))).await {
            tracing::warn!(%error, "cannot note what became of a photo");
        }
    }

    pub(super) fn photo_news(&self, news: PhotoNews) {
        let _ = self.photos.try_send(news);
    }
}
