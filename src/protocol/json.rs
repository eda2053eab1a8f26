//! A message as the JSON object that `lockyard decode` prints and the live tail shows.

use crate::domain::MessageKind;
use crate::domain::{Message, Protocol};
use serde_json::{Map, Value, json};

/// Keys that are always there, `null` where the message says nothing.
const KEYS: [&str; 23] = [
    "protocol",
    "kind",
    "device",
    "time",
    "replayed",
    "position",
    "lock",
    "valve",
    "parts",
    "battery_pct",
    "charging",
    "voltage_v",
    "signal",
    "odometer_m",
    "serial",
    "inputs",
    "outputs",
    "sub_device",
    "command",
    "version",
    "reply",
    "error",
    "raw",
];

/// The object of one message, in the words of the vocabulary. `raw` must have its secrets masked; an empty one is
/// told as `null`.
#[must_use]
pub fn object(message: &Message, reply: Option<String>, raw: &[u8]) -> Value {
    let mut object: Map<String, Value> = KEYS.iter().map(|key| ((*key).to_owned(), Value::Null)).collect();
    // A message is plain data: it cannot fail to become JSON. If it ever did, the keys above would still be there.
    if let Ok(Value::Object(told)) = serde_json::to_value(message) {
        object.extend(told);
    }
    // The events say the same in words.
    object.remove("levels");
    object.entry("events").or_insert_with(|| json!([]));
    if let Some(time) = message.time {
        object.insert("time".to_owned(), json!(time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)));
    }
    object.insert("reply".to_owned(), json!(reply));
    object.insert("raw".to_owned(), if raw.is_empty() { Value::Null } else { json!(hex::encode(raw)) });
    Value::Object(object)
}

/// The object of bytes that were refused, or of input that is none.
#[must_use]
pub fn refused(protocol: Protocol, device: Option<String>, error: String, raw: &[u8]) -> Value {
    let mut message = Message::new(protocol, MessageKind::Invalid);
    message.device = device;
    message.error = Some(error);
    object(&message, None, raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_there_and_absent_is_null() {
        let message = Message::new(Protocol::Bofan, MessageKind::Other);
        let value = object(&message, None, b"$");
        for key in KEYS {
            assert!(value.get(key).is_some(), "{key}");
        }
        assert_eq!(value["events"], json!([]));
        assert_eq!(value["position"], Value::Null);
        assert_eq!(value["raw"], "24");
        assert_eq!(value["replayed"], false);
        assert!(value.get("levels").is_none());
    }
}
