//! What must be said, with the freedom that the papers leave, and whether it was.
//!
//! A wanted message is a JSON object. A key that is absent must be absent or null in what the program says. In place of
//! a value may stand `$any`, `$in` (one of), `$round` (this number, rounded to so many places) or `$seal` (a whole seal
//! frame with this beginning). `events` are a set; `may` lists events that may be there besides. A wanted message with
//! `$optional` may be missing; `$or` holds whole alternatives.

use super::wire::{unhex, xor};
use serde_json::{Value, json};

/// Everything of a message that is compared. (`details` and `unknown` are the program's own words, `error` is wording.)
pub(crate) const KEYS: &[&str] = &[
    "protocol",
    "kind",
    "device",
    "time",
    "replayed",
    "position",
    "lock",
    "parts",
    "valve",
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
    "raw",
];

pub(crate) fn any() -> Value {
    json!({"$any": true})
}

pub(crate) fn one_of(values: impl IntoIterator<Item = Value>) -> Value {
    json!({"$in": values.into_iter().collect::<Vec<_>>()})
}

pub(crate) fn rounded(exact: f64, places: i32) -> Value {
    json!({"$round": [exact, places]})
}

/// A seal frame: this message number, this head after the attributes, a body that begins like this and is so long.
pub(crate) fn seal_frame(message: u16, id: &str, body: &str, length: Option<usize>) -> Value {
    json!({"$seal": {"message": message, "id": id, "body": body, "length": length}})
}

/// A frame that says nonsense: nothing may be taken from it but who sent it and its number.
pub(crate) fn invalid(protocol: &str, device: Value, reply: Value) -> Value {
    json!({
        "protocol": protocol, "kind": "invalid", "device": device, "reply": reply,
        "serial": any(), "version": any(), "raw": any(), "replayed": any(),
    })
}

/// Whether the program said what was wanted; if not, what differs.
pub(crate) fn compare(want: &[Value], got: &[Value]) -> Result<(), String> {
    let mut next = 0;
    for (at, want) in want.iter().enumerate() {
        let verdict = match got.get(next) {
            Some(got) => message(want, got),
            None => Err("missing".into()),
        };
        match verdict {
            Ok(()) => next += 1,
            Err(_) if want.get("$optional").is_some() => {}
            Err(why) => return Err(format!("message {}: {why}", at + 1)),
        }
    }
    match got.get(next) {
        None => Ok(()),
        Some(more) => Err(format!("a message too many: {more}")),
    }
}

fn message(want: &Value, got: &Value) -> Result<(), String> {
    if let Some(Value::Array(choices)) = want.get("$or") {
        let verdicts: Vec<_> = choices.iter().map(|want| message(want, got)).collect();
        return match verdicts.iter().any(Result::is_ok) {
            true => Ok(()),
            false => Err(format!("none of the readings: {verdicts:?}")),
        };
    }
    for key in KEYS {
        let wanted = want.get(key).cloned().unwrap_or(match *key {
            "replayed" => json!(false),
            _ => Value::Null,
        });
        value(&wanted, got.get(key).unwrap_or(&Value::Null)).map_err(|why| format!("{key}: {why}"))?;
    }
    let told = got.get("error").is_some_and(|e| e.as_str().is_some_and(|e| !e.is_empty()));
    if told != (got["kind"] == "invalid") {
        return Err(format!("error: {}", got["error"]));
    }
    events(want, got)
}

fn events(want: &Value, got: &Value) -> Result<(), String> {
    let list = |of: &Value, key: &str| of.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut left = list(got, "events");
    for wanted in list(want, "events") {
        match left.iter().position(|got| value(&wanted, got).is_ok()) {
            Some(at) => drop(left.remove(at)),
            None => return Err(format!("event {wanted} is missing among {}", got["events"])),
        }
    }
    let may = list(want, "may");
    match left.iter().find(|got| !may.iter().any(|may| value(may, got).is_ok())) {
        None => Ok(()),
        Some(more) => Err(format!("an event too many: {more}")),
    }
}

/// Whether one value is as wanted.
pub(crate) fn value(want: &Value, got: &Value) -> Result<(), String> {
    let differ = || Err(format!("want {want}, got {got}"));
    match (want, got) {
        (Value::Object(object), _) if object.contains_key("$any") => Ok(()),
        (Value::Object(object), _) if object.contains_key("$in") => {
            let choices = object["$in"].as_array().unwrap();
            if choices.iter().any(|want| value(want, got).is_ok()) { Ok(()) } else { differ() }
        }
        (Value::Object(object), _) if object.contains_key("$round") => {
            let exact = object["$round"][0].as_f64().unwrap();
            let scale = 10f64.powi(object["$round"][1].as_i64().unwrap() as i32);
            match got.as_f64() {
                // Half a step either way: a tie may go to either side. And no more places than asked.
                Some(got) if (got - exact).abs() * scale <= 0.5 + 1e-5 && is_whole(got * scale) => Ok(()),
                _ => differ(),
            }
        }
        (Value::Object(object), Value::String(text)) if object.contains_key("$seal") => {
            if is_seal(&object["$seal"], text) { Ok(()) } else { differ() }
        }
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys()) {
                let side = |of: &serde_json::Map<String, Value>| of.get(key).cloned().unwrap_or(Value::Null);
                value(&side(a), &side(b)).map_err(|why| format!("{key}: {why}"))?;
            }
            Ok(())
        }
        // An object of which nothing is told, against nothing.
        (Value::Object(a), Value::Null) if a.values().all(Value::is_null) => Ok(()),
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => Ok(()),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).try_for_each(|(a, b)| value(a, b))
        }
        (a, b) if a == b => Ok(()),
        _ => differ(),
    }
}

fn is_whole(n: f64) -> bool {
    (n - n.round()).abs() < 1e-4
}

/// Whether `text` is `hex:` of a sound seal frame with the wanted head and body.
fn is_seal(want: &Value, text: &str) -> bool {
    let Some(text) = text.strip_prefix("hex:") else { return false };
    let frame = unhex(text);
    let [0x7e, escaped @ .., 0x7e] = frame.as_slice() else { return false };
    if escaped.contains(&0x7e) {
        return false;
    }
    let Some(bytes) = super::seal::unescape(escaped) else { return false };
    let id = unhex(want["id"].as_str().unwrap());
    let body_at = 4 + id.len();
    if bytes.len() <= body_at || xor(&bytes) != 0 || bytes[4..body_at] != id {
        return false;
    }
    let body = &bytes[body_at..bytes.len() - 1];
    let length = (usize::from(bytes[2]) << 8 | usize::from(bytes[3])) & 0x3ff;
    u64::from(bytes[0]) << 8 | u64::from(bytes[1]) == want["message"].as_u64().unwrap()
        && length == body.len()
        && want["length"].as_u64().is_none_or(|n| n as usize == body.len())
        && body.starts_with(&unhex(want["body"].as_str().unwrap()))
}
