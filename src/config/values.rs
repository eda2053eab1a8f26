//! Kinds of values: addresses, durations, sizes, zones, numbers within limits. Each error says what is allowed.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// A value that cannot be used; the text says what can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadValue(pub(super) String);

/// Where to listen: one address, or with `ip: None` every address of IPv4 and IPv6. Port 0 lets the system choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Listen {
    pub ip: Option<IpAddr>,
    pub port: u16,
}

impl Listen {
    /// The addresses to bind. Two for "every address": a host without one of the families still serves the other.
    #[must_use]
    pub fn addresses(self) -> Vec<SocketAddr> {
        match self.ip {
            Some(ip) => vec![SocketAddr::new(ip, self.port)],
            None => [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)]
                .map(|ip| SocketAddr::new(ip, self.port))
                .to_vec(),
        }
    }
}

impl FromStr for Listen {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse() {
            return Ok(Self { ip: None, port });
        }
        let bad = |_| {
            let shown = crate::domain::text::clean(text);
            BadValue(format!("'{shown}' is no address to listen on: write 8888, 0.0.0.0:8888 or [::]:8888"))
        };
        let address: SocketAddr = text.parse().map_err(bad)?;
        Ok(Self { ip: Some(address.ip()), port: address.port() })
    }
}

impl TryFrom<String> for Listen {
    type Error = BadValue;

    fn try_from(text: String) -> Result<Self, BadValue> {
        text.parse()
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            Some(ip) => SocketAddr::new(ip, self.port).fmt(f),
            None => write!(f, ":{}", self.port),
        }
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> Self {
        listen.to_string()
    }
}

/// At least one address.
pub(super) fn listen_list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Listen>, D::Error> {
    let list = Vec::<Listen>::deserialize(from)?;
    if list.is_empty() {
        return Err(de::Error::custom("at least one address is needed, such as \":8888\""));
    }
    Ok(list)
}

/// Durations such as `45m`, from `MIN` to `MAX` seconds.
pub(super) fn duration<'de, D: Deserializer<'de>, const MIN: u64, const MAX: u64>(
    from: D,
) -> Result<Duration, D::Error> {
    let text = text(from, "a duration such as \"45m\"")?;
    let (min, max) = (Duration::from_secs(MIN), Duration::from_secs(MAX));
    match humantime::parse_duration(&text) {
        Ok(duration) if (min..=max).contains(&duration) => Ok(duration),
        Ok(_) => Err(de::Error::custom(format!(
            "'{text}' is out of range: from {} to {}",
            humantime::format_duration(min),
            humantime::format_duration(max)
        ))),
        Err(_) => Err(de::Error::custom(format!("'{text}' is no duration: write 30s, 45m or 12h"))),
    }
}

pub(super) fn write_duration<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_duration(*duration))
}

/// Whole numbers from `MIN` to `MAX`.
pub(super) fn number<'de, D: Deserializer<'de>, const MIN: u32, const MAX: u32>(
    from: D,
) -> Result<u32, D::Error> {
    let number = i64::deserialize(from)?;
    u32::try_from(number)
        .ok()
        .filter(|n| (MIN..=MAX).contains(n))
        .ok_or_else(|| de::Error::custom(format!("{number} is out of range: from {MIN} to {MAX}")))
}

/// The first that divides a size is the one it is written in.
const UNITS: [(&str, u64); 7] = [
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("B", 1),
];

/// Smallest database worth running: some hours of a small fleet.
const SMALLEST: u64 = 64_000_000;

/// Bytes such as `10 GB`.
pub(super) fn size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    // SQLite counts in signed 64 bits.
    sized(from, SMALLEST, 1 << 50, "64 MB to 1000 TB")
}

/// The same for photos, one of them: all that are fetched at once are held in memory.
pub(super) fn photo_size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    sized(from, 1000, 64_000_000, "1 KB to 64 MB")
}

/// And for all of them.
pub(super) fn photos_size<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    sized(from, 1000, 1 << 50, "1 KB to 1000 TB")
}

fn sized<'de, D: Deserializer<'de>>(from: D, least: u64, most: u64, range: &str) -> Result<u64, D::Error> {
    let text = text(from, "a size such as \"10 GB\"")?;
    let unit = |(name, bytes): &(&str, u64)| {
        let count = text.strip_suffix(name)?.trim().parse::<u64>().ok()?;
        count.checked_mul(*bytes)
    };
    let bytes = UNITS
        .iter()
        .find_map(unit)
        .ok_or_else(|| de::Error::custom(format!("'{text}' is no size: write 500 MB, 10 GB or 8 GiB")))?;
    if !(least..=most).contains(&bytes) {
        return Err(de::Error::custom(format!("'{text}' is out of range: from {range}")));
    }
    Ok(bytes)
}

pub(super) fn write_size<S: Serializer>(bytes: &u64, to: S) -> Result<S::Ok, S::Error> {
    let divides = |(_, unit): &(&str, u64)| bytes.is_multiple_of(*unit);
    let (name, unit) = UNITS.into_iter().find(divides).unwrap_or(("B", 1));
    to.collect_str(&format_args!("{} {name}", bytes / unit))
}

/// A zone of the IANA database.
pub(super) fn zone<'de, D: Deserializer<'de>>(from: D) -> Result<chrono_tz::Tz, D::Error> {
    parse_zone(&text(from, "a time zone such as \"Europe/Berlin\"")?).map_err(de::Error::custom)
}

pub(super) fn parse_zone(text: &str) -> Result<chrono_tz::Tz, BadValue> {
    let shown = crate::domain::text::clean(text);
    text.parse().map_err(|_| {
        BadValue(format!("'{shown}' is no time zone: write a name such as UTC or Europe/Berlin"))
    })
}

pub(super) fn write_zone<S: Serializer>(zone: &chrono_tz::Tz, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(zone.name())
}

/// A name that becomes part of a file's name: letters, digits, `-` and `_`.
pub(super) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = text(from, "a name")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if text.is_empty() || text.len() > 40 || !text.chars().all(fits) {
        return Err(de::Error::custom(format!("'{text}' is no name: letters, digits, - and _, at most 40")));
    }
    Ok(text)
}

fn text<'de, D: Deserializer<'de>>(from: D, what: &'static str) -> Result<String, D::Error> {
    struct Text(&'static str);
    impl de::Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
    }
    from.deserialize_str(Text(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_all_their_forms() {
        let all = |port| Listen { ip: None, port };
        let one = |ip: &str, port| Listen { ip: Some(ip.parse().unwrap()), port };
        let rows = [
            ("8888", all(8888), ":8888"),
            (":8888", all(8888), ":8888"),
            (":0", all(0), ":0"),
            ("0.0.0.0:0", one("0.0.0.0", 0), "0.0.0.0:0"),
            ("127.0.0.1:8888", one("127.0.0.1", 8888), "127.0.0.1:8888"),
            ("[::]:8888", one("::", 8888), "[::]:8888"),
        ];
        for (text, want, shown) in rows {
            let listen: Listen = text.parse().unwrap();
            assert_eq!((listen, listen.to_string().as_str()), (want, shown));
        }
        for bad in ["", ":", "65536", "localhost:8888", "1.2.3.4", "::1:8888x", "-1"] {
            let error = bad.parse::<Listen>().unwrap_err().to_string();
            assert!(error.contains("write 8888, 0.0.0.0:8888 or [::]:8888"), "{bad}: {error}");
        }
        assert_eq!(all(7).addresses().len(), 2);
        assert_eq!(one("::1", 7).addresses(), ["[::1]:7".parse().unwrap()]);
    }

    #[test]
    fn sizes_read_and_write_back() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Holder {
            #[serde(deserialize_with = "size", serialize_with = "write_size")]
            size: u64,
        }
        let rows = [
            ("10 GB", 10_000_000_000),
            ("500MB", 500_000_000),
            ("8 GiB", 8 << 30),
            ("1 TB", 1_000_000_000_000),
        ];
        for (text, want) in rows {
            let holder: Holder = toml::from_str(&format!("size = \"{text}\"")).unwrap();
            assert_eq!(holder.size, want, "{text}");
            let back: Holder = toml::from_str(&toml::to_string(&holder).unwrap()).unwrap();
            assert_eq!(back, holder, "{text}");
        }
        for bad in ["10", "GB", "1.5 GB", "-1 GB", "99999999999 TB", "1 MB", "10 GB x"] {
            assert!(toml::from_str::<Holder>(&format!("size = \"{bad}\"")).is_err(), "{bad}");
        }
    }
}
