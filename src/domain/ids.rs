//! Identifiers. Newtypes, so that an asset can never be passed where an alarm is meant.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// Who makes a device. The families of one maker share one ID space: a change between them is the same device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Maker {
    Jointech,
    Bofan,
}

impl Maker {
    /// The word used in keys, settings and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Jointech => "jointech",
            Self::Bofan => "bofan",
        }
    }
}

/// One device for ever: maker and the ID it sends. Written `jointech/8000620011`.
///
/// Bofan IDs keep leading zeros (they are significant); sub-device IDs are ten upper-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceKey {
    pub maker: Maker,
    pub id: Arc<str>,
}

impl DeviceKey {
    #[must_use]
    pub fn new(maker: Maker, id: &str) -> Self {
        Self { maker, id: Arc::from(id) }
    }

    #[must_use]
    pub fn jointech(id: &str) -> Self {
        Self::new(Maker::Jointech, id)
    }

    #[must_use]
    pub fn bofan(id: &str) -> Self {
        Self::new(Maker::Bofan, id)
    }
}

impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.maker.word(), self.id)
    }
}

/// A device key that is not `maker/id`.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a device: write jointech/ID or bofan/ID")]
pub struct BadDeviceKey(String);

impl FromStr for DeviceKey {
    type Err = BadDeviceKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadDeviceKey(super::text::clean(text));
        let (maker, id) = text.split_once('/').ok_or_else(bad)?;
        let maker = match maker {
            "jointech" => Maker::Jointech,
            "bofan" => Maker::Bofan,
            _ => return Err(bad()),
        };
        if id.is_empty() || id.len() > 32 || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(bad());
        }
        Ok(Self::new(maker, id))
    }
}

impl Serialize for DeviceKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// Place of an entry in the journal: 1, 2, 3 … without gaps as committed.
    EventSeq
);
number!(
    /// An asset: the journal place of the entry that created it.
    AssetId
);
number!(
    /// An alarm row: counted from 1 in the order raised.
    AlarmId
);
number!(
    /// An operator's command: the journal place of its intent.
    CommandId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text() {
        let key = DeviceKey::bofan("0000001");
        assert_eq!(key.to_string(), "bofan/0000001");
        assert_eq!("bofan/0000001".parse::<DeviceKey>().unwrap(), key);
        for bad in ["", "8000620011", "acme/1", "bofan/", "bofan/a b", "bofan/\u{1b}[2J"] {
            assert!(bad.parse::<DeviceKey>().is_err(), "{bad:?}");
        }
    }
}
