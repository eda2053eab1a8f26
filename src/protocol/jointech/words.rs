//! The words of text frames: which are known, what their parameters are called, which facts their replies carry
//! (JT701D manual V1.4 and its commands; field notes for the others).

use super::fields::{percent, whole};
use super::secrets::{is_secret, shown_text};
use crate::domain::text::clean;
use crate::domain::{DeviceEvent, Message, Unknown};

/// Cards told of one enrolment at most: a reply holds no more than twenty.
const CARDS: usize = 20;
/// Characters of an unknown word that are told.
const WORD: usize = 16;

/// What a word is about; `None` if no paper names it. `index` is the first parameter, which tells some apart.
pub(super) fn name(word: &str, index: &str) -> Option<&'static str> {
    Some(match word {
        "P01" => "firmware and battery",
        "P02" => "position",
        "P03" => "deep sleep",
        "P04" => "upload and wake interval",
        "P06" => "server address",
        "P10" | "P11" | "P12" | "P23" | "P65" | "P70" => "SMS settings",
        "P13" => "factory reset",
        "P14" => "IMEI",
        "P15" => "restart",
        "P22" => "time",
        "P24" | "P29" | "P30" | "P31" | "P58" => "device fences",
        "P32" => "sleep",
        "P37" => "motion",
        "P38" => "long-unlock threshold",
        "P39" => "awake minutes",
        "P40" => "alarm switches",
        "P41" => "RFID cards",
        "P42" => "cards enrolled at the lock",
        "P43" => "unlock by static password",
        "P44" => "static password",
        "P45" => "lock report",
        "P50" => "dangerous setting",
        "P52" => match index {
            "0" => "dynamic password, read",
            "1" => "dynamic password, setting",
            "2" => "dynamic password, new",
            "3" => "unlock by dynamic password",
            _ => return None,
        },
        "P54" => "tracking mode",
        "P59" => "unlock channels",
        "P61" => "low-battery threshold",
        "P62" => "odometer",
        "P63" => "drift filter",
        "P68" => "SIM card",
        "P83" => "auto-lock delay",
        "P94" => "extra fields of a lock report",
        "P97" => "GNSS saving",
        "P98" => "unsent records",
        "P99" => "points in turns",
        "WLNET" => match index {
            "1" => "bound sub-devices",
            "2" => "sensor interval",
            "4" => "firmware of radio and sub-device",
            "5" => "sub-device report",
            "7" => "second gateway upload",
            "8" => "unlock of a sub-device relayed",
            "18" => "sub-lock heartbeat and lost alarm",
            _ => return None,
        },
        "OTA" => match index {
            "9" => "upgrade",
            _ => return None,
        },
        "BASE" => match index {
            "2" => "time",
            _ => return None,
        },
        "ELOCK" => match index {
            "3" => "dynamic password",
            _ => return None,
        },
        "S02" => "server address",
        "S07" | "S09" | "S17" => "setting",
        "S20" | "S39" => "acknowledgement",
        "S24" => "network user",
        _ => return None,
    })
}

/// What parameter `n` of a reply is called; empty where no paper says.
pub(super) fn parameter(word: &str, index: &str, n: usize) -> &'static str {
    match (word, index, n) {
        ("P01", _, 0) => "firmware",
        ("P01", _, 1) => "battery",
        ("P14", _, 0) => "IMEI",
        ("P22", "0", 0) => "has a fix and prefers it",
        ("P42", _, 0) => "number of cards",
        ("P42", _, _) => "card",
        ("P41", "1" | "2" | "3", 0) => "function",
        ("P41", "2", 1) => "cards left",
        ("P41", "3", 1) => "result",
        ("P41", _, 0) => "page",
        ("P41", _, 1) => "number of cards",
        ("P41", _, _) => "card",
        ("P43", _, 0) => "accepted",
        ("P43", _, 1) => "wrong passwords",
        ("P44", "0" | "1", 0) => "changed",
        ("P52", "3", 1) => "accepted",
        ("P52", "3", 2) => "wrong passwords",
        ("P52", "1", 1) => "switched on",
        ("P52", "1", 2) => "fence rule",
        ("P06", "0" | "1" | "2" | "3", 0) | ("P52" | "P98" | "WLNET" | "OTA" | "BASE" | "ELOCK", _, 0) => {
            "function"
        }
        ("P06", "0" | "1" | "2" | "3", n) => address(n.saturating_sub(1)),
        ("P06", _, n) => address(n),
        ("WLNET", "8", 2) => "sub-device ID",
        ("WLNET", "18", 2) => "heartbeat, s",
        ("WLNET", "18", 3) => "lost alarm, s",
        ("BASE", "2", 1) => "asks for",
        _ => "",
    }
}

fn address(n: usize) -> &'static str {
    match n {
        0 => "host",
        1 => "port",
        2 => "APN",
        3 => "APN user",
        4 => "APN password",
        5 => "which server",
        _ => "",
    }
}

/// Writes the facts of a reply into the message; a word that no paper names becomes an unknown one.
pub(super) fn facts(word: &str, params: &[&[u8]], message: &mut Message) {
    let texts: Vec<&str> =
        params.iter().map(|param| std::str::from_utf8(param).unwrap_or_default()).collect();
    let index = texts.first().copied().unwrap_or_default();
    match word {
        "P01" => {
            let (percents, strings): (Vec<&str>, Vec<&str>) =
                texts.iter().filter(|text| !text.is_empty()).partition(|text| text.ends_with('%'));
            message.battery_pct =
                percents.first().and_then(|text| text.strip_suffix('%')).and_then(whole).and_then(percent);
            message.details.firmware = Some(clean(&strings.join(","))).filter(|text| !text.is_empty());
        }
        "P14" => {
            message.details.imei = texts.iter().find(|text| is_digits(text, 15..=15)).map(|t| (*t).to_owned())
        }
        "P22" if index == "0" => message.details.prefers_fix = Some(true),
        "P42" => {
            let cards = texts.iter().skip(1).filter(|card| !card.is_empty()).take(CARDS);
            message
                .events
                .push(DeviceEvent::CardsEnrolled { cards: cards.map(|card| clean(card)).collect() });
        }
        "P68" => {
            for text in &texts {
                if is_digits(text, 15..=15) {
                    message.details.imsi = Some((*text).to_owned());
                } else if text.len() >= 18 && text.len() <= 20 && text.starts_with("89") {
                    message.details.iccid = Some(clean(text));
                }
            }
        }
        _ => {}
    }
    if name(word, index).is_none() {
        message.unknown.push(unknown(word, index, params));
    }
}

fn is_digits(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// A word no paper names, with its parameters as far as they hold no secret.
fn unknown(word: &str, index: &str, params: &[&[u8]]) -> Unknown {
    let shown: String = shown_text(word.as_bytes()).chars().take(WORD).collect();
    // Where the word is known and its first parameter is not, both tell.
    let has_index = matches!(word, "P52" | "WLNET" | "OTA" | "BASE" | "ELOCK")
        && index.len() <= 3
        && index.bytes().all(|b| b.is_ascii_digit());
    let what = if has_index { format!("word {shown},{index}") } else { format!("word {shown}") };
    let told: Vec<&[u8]> = params
        .iter()
        .enumerate()
        .map(|(n, param)| if is_secret(word, params, n) { b"******".as_slice() } else { *param })
        .collect();
    Unknown { what, value: shown_text(&told.join(&b',')) }
}
