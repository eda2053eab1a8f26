//! Devices listed in the configuration: enrolled once if absent; the store wins afterwards.

use crate::domain::text::clean;
use crate::domain::{DeviceKey, DeviceKind, Maker};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::collections::HashSet;

/// Longest name of an asset or plate, in characters.
const LONGEST_NAME: usize = 64;

/// One `[[device]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub struct Device {
    pub key: DeviceKey,
    /// Guessed from what the device says if absent.
    pub kind: Option<DeviceKind>,
    /// The asset is named by the ID if absent.
    pub asset: Option<String>,
    pub plate: Option<String>,
    /// The master lock that carries its reports.
    pub bind_to: Option<DeviceKey>,
}

/// As written in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maker: Option<Maker>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<DeviceKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asset: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plate: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bind_to: Option<String>,
}

impl TryFrom<Table> for Device {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let key = key(&table.id, table.maker)?;
        let bind_to = table.bind_to.map(|id| self::key(&id, Some(key.maker))).transpose()?;
        for name in [&table.asset, &table.plate].into_iter().flatten() {
            let length = name.chars().count();
            if clean(name) != *name || name.trim() != name || !(1..=LONGEST_NAME).contains(&length) {
                return Err(format!(
                    "'{}' cannot name an asset or plate: 1 to {LONGEST_NAME} visible characters, no space around them",
                    clean(name)
                ));
            }
        }
        match (&bind_to, table.kind) {
            (Some(master), _) if *master == key => Err(format!("device {key} cannot be bound to itself")),
            (Some(_), Some(kind)) if !kind.is_bound() => {
                Err(format!("a {} reports by itself: leave bind_to out", kind.word()))
            }
            _ => Ok(Self { key, kind: table.kind, asset: table.asset, plate: table.plate, bind_to }),
        }
    }
}

impl From<Device> for Table {
    fn from(device: Device) -> Self {
        Self {
            id: device.key.to_string(),
            maker: None,
            kind: device.kind,
            asset: device.asset,
            plate: device.plate,
            bind_to: device.bind_to.map(|key| key.to_string()),
        }
    }
}

/// `maker/ID`, or a bare ID of the maker given. Sub-device IDs are upper-case on the wire.
fn key(id: &str, maker: Option<Maker>) -> Result<DeviceKey, String> {
    let full = match (id.split_once('/'), maker) {
        (Some(_), _) => id.to_owned(),
        (None, Some(maker)) => format!("{}/{id}", maker.word()),
        (None, None) => {
            return Err(format!("device '{}' needs its maker: write jointech/ID or bofan/ID", clean(id)));
        }
    };
    let key: DeviceKey = full.parse().map_err(|e: crate::domain::ids::BadDeviceKey| e.to_string())?;
    if maker.is_some_and(|maker| maker != key.maker) {
        return Err(format!("device {key} names two makers: leave maker out"));
    }
    Ok(DeviceKey::new(key.maker, &key.id.to_ascii_uppercase()))
}

/// No device twice.
pub(super) fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Device>, D::Error> {
    let devices = Vec::<Device>::deserialize(from)?;
    let mut seen = HashSet::new();
    match devices.iter().find(|device| !seen.insert(&device.key)) {
        Some(twice) => Err(de::Error::custom(format!("device {} is listed twice", twice.key))),
        None => Ok(devices),
    }
}
