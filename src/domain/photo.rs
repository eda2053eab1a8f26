//! Photos that trackers take: what was offered and what came of it.

use super::{DeviceKey, EventSeq, Position, Utc};
use serde::{Deserialize, Serialize};

/// A photo's name in the journal: the place of the frame that offered it, and which offer of that frame it is (a frame
/// of stored records may hold several).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PhotoId(pub EventSeq, pub u8);

/// How fetching a photo ended. Complete or not, what there is of it lies in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhotoEnd {
    pub device: DeviceKey,
    pub id: PhotoId,
    /// When the offer was received.
    pub offered: Utc,
    /// The device's own time of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<u8>,
    /// Bytes, as offered.
    pub size: u32,
    /// Bytes that came.
    pub received: u32,
    pub complete: bool,
    /// Of the bytes that came, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Below the data directory; `None` if nothing came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Why it is not complete, or what is doubtful about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A fact about photos. An offer is a frame of its device; these follow it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum PhotoNote {
    /// The file, if there is one, is on disk.
    Ended(Box<PhotoEnd>),
    /// Its file gave way to newer ones.
    Removed { device: DeviceKey, id: PhotoId },
}
