//! What a frame says beyond what the fleet's state is made of, each value with its name.
//!
//! Nothing here decides anything. It is told by `decode`, by the live tail and by an explanation. The journal keeps it
//! only where the raw frame alone does not tell it (a Bofan delta); everywhere else raw is read again.

use super::PartState;
use serde::{Deserialize, Serialize};

/// A mobile network cell. A part that the device does not tell is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cell {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcc: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mnc: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lac: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
}

/// Why a master lock sent a position (low nibble of byte 7; JT701D manual V1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    Live,
    Alarm,
    /// Stored while out of coverage: history.
    BlindArea,
    /// Seconds late, but live.
    Backlog,
}

/// Named values that are no state. Absent ones are `None` or empty, never invented.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_type: Option<DataType>,
    /// The device asks for an answer (JT701 status Byte1 bit 5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_wanted: Option<bool>,
    /// The place was found by cell towers or Wi-Fi.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell_position: Option<bool>,
    /// Number of the device's own fence; 0 is none and left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fence: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<Cell>,
    /// Fifteen digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imei: Option<String>,
    /// SIM card: subscriber number of fifteen digits, card number of nineteen or twenty (replies to P68).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imsi: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iccid: Option<String>,
    /// Vehicle card bound to the lock, ten digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle_card: Option<String>,
    /// Card a sub-lock or an attached lock tells beside its events, as digits (sub-device firmware from 2023-07-03).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Wrong passwords in a row as a P45 counts them; 0 is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong_passwords: Option<u8>,
    /// JT701E compartment covers (a fleet's public integration).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upper_cover: Option<PartState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower_cover: Option<PartState>,
    /// What a tracker calls its own model (`FUS`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What a tracker calls its own hardware (`FUS`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware: Option<String>,
    /// What the device calls its own software: a version string, or a seal's protocol version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// Name of a message that carries nothing else: `logout`, `properties`, `multimedia event`, `multimedia data`,
    /// `trip`, `gateway upload`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The device has a satellite fix and takes its time from there: `P22,0`, no fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefers_fix: Option<bool>,
    /// Product number: of a 0x5501 report (3 = lock), of a master's binary frame (1 = rechargeable JT701).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature_c: Option<f64>,
    /// Temperature item 0x0F, whose scale is not published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature_raw: Option<u16>,
    /// Three axes of a 0x5501 report, raw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tilt: Option<[i16; 3]>,
    /// Times the rope was cut, as the seal counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rope_cuts: Option<u16>,
    /// Status byte of the rope item 0xDA, raw: the vendor's SDK and Traccar read its bits differently.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rope_status: Option<u8>,
    /// Records the seal has sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records_sent: Option<u32>,
    /// Records a sensor or lock still holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records_stored: Option<u32>,
    /// Generation of the mobile network (2, 3, 4, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bluetooth_connected: Option<bool>,
    /// Fuel values of a legacy tracker, raw.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fuel: Vec<u16>,
    /// Power byte and flags byte of a legacy record, raw (Traccar; unit not published).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<u8>,
    /// Status word of a legacy tracker as sent: hex of a record, `0` and `1` of a text. Its bits are not published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_bits: Option<String>,
    /// Analogue inputs of a tracker, raw counts, AD1 first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub adc: Vec<u16>,
    /// RFID or driver field of a tracker, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Raw digits of a Bofan state group, 0–15: battery, signal, satellites (which is which: inferred).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_digits: Option<[u8; 3]>,
    /// Positioning mode letter (RMC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<char>,
    /// A tracker's `spec` group, as sent; its meaning is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
    /// A customised firmware's phone number, user name or other text in the tail of a P45 is personal: only that it is
    /// there is told.
    #[serde(skip_serializing_if = "is_zero")]
    pub tail_items: u8,
}

fn is_zero(n: &u8) -> bool {
    *n == 0
}

impl Details {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A bit, item, word or code that no paper names: kept with its value, counted by device and firmware.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Unknown {
    /// Where it stands, without its value, so that it can be counted: `status bit 15`, `item 0xE7`, `word P71`,
    /// `lock event 99`.
    pub what: String,
    /// Its value in hex or as cleaned text, cut to 64 characters; empty for a bit. A value that could hold a password
    /// is masked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
}
