//! Bofan trackers: sentences, `BF FB` frames and deltas, from the Bofan notes.

use super::expect::{any, one_of, rounded};
use super::wire::{When, degrees, heading, raw, when, xor};
use serde_json::{Value, json};

const PROTOCOL: &str = "bofan";

/// One connection: the base of the next delta, deltas that wait for theirs, and whose sentences it carries.
#[derive(Debug, Default)]
pub(crate) struct Bofan {
    base: Option<Vec<u8>>,
    waiting: Vec<(Vec<u8>, Vec<u8>)>,
    device: Option<String>,
}

impl Bofan {
    /// One read: a frame, one or more bare sentences, or a bare delta.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Vec<Value> {
        if !bytes.starts_with(&[0xbf, 0xfb]) {
            return self.body(bytes, bytes);
        }
        // BF FB, XOR of the body (FF: not computed; wrong: parsed and counted), whole length little-endian.
        let length = usize::from(bytes[3]) + 256 * usize::from(bytes[4]);
        assert_eq!(length, bytes.len(), "a whole frame");
        self.body(&bytes[5..], bytes)
    }

    /// The end of the connection: deltas that never met their base.
    pub(crate) fn end(&self) -> Vec<Value> {
        self.waiting.iter().map(|_| without_base()).collect()
    }

    fn body(&mut self, body: &[u8], frame: &[u8]) -> Vec<Value> {
        if body[0] == b'@' {
            return vec![self.delta(body, frame)];
        }
        if body.starts_with(b"$PHD") {
            return vec![self.photo_chunk(body, frame)];
        }
        let mut said = Vec::new();
        for (start, end) in sentences(body) {
            let sentence = &body[start..end];
            // Bare sentences are frames of their own; in a BF FB frame `raw` is the frame's.
            let raw_of = if frame.len() == body.len() { sentence } else { frame };
            said.push(self.sentence(sentence, raw_of));
            // Deltas that came before the sentence they edit.
            let check = xor(sentence);
            let (ready, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
                .into_iter()
                .partition(|(delta, _)| delta[1] == check && !sentence.starts_with(b"$FUS"));
            self.waiting = waiting;
            for (delta, frame) in ready {
                if let Some(result) = apply(sentence, &delta) {
                    said.push(position(&result, &frame));
                }
            }
        }
        said
    }

    fn sentence(&mut self, sentence: &[u8], frame: &[u8]) -> Value {
        if sentence.starts_with(b"$FUS") {
            let text = String::from_utf8_lossy(&sentence[4..]).trim().to_string();
            let items: Vec<&str> = text.split(',').collect();
            self.device = Some(items[0].into());
            return json!({
                "protocol": PROTOCOL, "kind": "firmware", "device": items[0], "raw": raw(frame, &[]),
                "command": any(), "version": any(),
            });
        }
        let said = position(sentence, frame);
        self.device = said["device"].as_str().map(String::from);
        self.base = Some(sentence.to_vec());
        said
    }

    /// `@`, XOR of the base, then field, offset, length, text.
    fn delta(&mut self, delta: &[u8], frame: &[u8]) -> Value {
        let base = self.base.clone().filter(|base| xor(base) == delta[1]);
        let Some(base) = base else {
            self.waiting.push((delta.to_vec(), frame.to_vec()));
            return without_base();
        };
        match apply(&base, delta) {
            Some(result) => {
                self.base = Some(result.clone());
                position(&result, frame)
            }
            // Unknown field, offset beyond the old field, text that is not ASCII: rejected.
            None => json!({
                "protocol": PROTOCOL, "kind": "invalid", "device": any(), "raw": any(),
            }),
        }
    }

    /// `$PHD<offset>,<len>,<bytes>`: no ID in it, so the connection's.
    fn photo_chunk(&self, body: &[u8], frame: &[u8]) -> Value {
        let head = body.split(|b| *b == b',').take(2).collect::<Vec<_>>();
        let offset = String::from_utf8_lossy(&head[0][4..]).into_owned();
        let length = String::from_utf8_lossy(head[1]).into_owned();
        json!({
            "protocol": PROTOCOL, "kind": "photo_chunk", "device": self.device, "raw": raw(frame, &[]),
            "command": one_of([Value::Null, json!({"word": "PHD", "params": [offset, length]})]),
            // The next piece may be asked for.
            "reply": any(),
        })
    }
}

/// A delta that is not guessed but waits: whether that is told at once, at the end or never is free.
fn without_base() -> Value {
    json!({
        "$optional": true, "protocol": one_of([json!(PROTOCOL), json!("unknown")]),
        // Of bytes without a meaning the first 64 are kept, and what could be a password in them is masked.
        "kind": one_of([json!("invalid"), json!("other")]), "device": any(), "raw": any(),
    })
}

/// Start and end of each sentence, its terminator (`#`, CR, LF in any mix) included.
fn sentences(body: &[u8]) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut start = 0;
    while start < body.len() {
        let mut end = start;
        while end < body.len() && !matches!(body[end], b'\r' | b'\n') {
            end += 1;
        }
        while end < body.len() && matches!(body[end], b'\r' | b'\n') {
            end += 1;
        }
        out.push((start, end));
        start = end;
    }
    out
}

/// The sentence after the edits; `None` if they do not fit.
fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    // Fields split on , and /; the separators are kept, the terminator is the last field.
    let mut fields = vec![Vec::new()];
    let mut separators = Vec::new();
    for byte in base {
        if matches!(byte, b',' | b'/') {
            separators.push(*byte);
            fields.push(Vec::new());
        } else {
            fields.last_mut()?.push(*byte);
        }
    }
    let mut rest = &delta[2..];
    while !rest.is_empty() {
        let (number, offset, length) =
            (usize::from(rest[0]), usize::from(*rest.get(1)?), usize::from(*rest.get(2)?));
        let text = rest.get(3..3 + length)?;
        let field = fields.get_mut(number)?;
        if offset > field.len() || !text.is_ascii() {
            return None;
        }
        field.truncate(offset);
        field.extend_from_slice(text);
        rest = &rest[3 + length..];
    }
    let mut out = fields[0].clone();
    for (separator, field) in separators.iter().zip(&fields[1..]) {
        out.push(*separator);
        out.extend_from_slice(field);
    }
    Some(out)
}

/// A sentence that holds a position: read by `/` groups, the first being the RMC fields.
fn position(sentence: &[u8], frame: &[u8]) -> Value {
    let text = String::from_utf8_lossy(sentence).into_owned();
    let line = text.trim_end_matches(['\r', '\n', '#']);
    let stored = text[line.len()..].contains('#');
    let groups: Vec<&str> = line.split('/').collect();
    let head: Vec<&str> = groups[0].split(',').collect();
    let item = |at: usize| head.get(at).copied().unwrap_or("");
    let code = &item(0)[1..];
    let fixed = item(3) == "A";

    let date = item(10);
    let clock = if date.len() == 6 && item(2).len() >= 6 {
        when(&date[0..2], &date[2..4], &date[4..6], &item(2)[0..6])
    } else {
        When::Senseless
    };
    let mut time = match &clock {
        // 2009-02-14 without a fix: the clock was never set.
        _ if date == "140209" && !fixed => Value::Null,
        clock => clock.value(),
    };
    if let (Some(seconds), Some(fraction)) =
        (time.as_str(), item(2).get(7..).filter(|f| f.bytes().any(|b| b != b'0')))
    {
        // Fractions of a second may be told or not.
        let whole = seconds.trim_end_matches('Z');
        time = one_of([json!(seconds), json!(format!("{whole}.{fraction:0<3}Z"))]);
    }

    let place = degrees(item(4)).zip(degrees(item(6))).filter(|(lat, lon)| *lat <= 90.0 && *lon <= 180.0);
    let decimal = |text: &str| text.parse::<f64>().ok();
    let position = place.map(|(lat, lon)| {
        json!({
            "lat": rounded(if item(5) == "S" { -lat } else { lat }, 6),
            "lon": rounded(if item(7) == "W" { -lon } else { lon }, 6),
            "fix": fixed,
            "speed_kmh": decimal(item(8)).map_or(Value::Null, |knots| rounded(knots * 1.852, 1)),
            "heading_deg": decimal(item(9)).map_or(Value::Null, heading),
        })
    });

    let io: Vec<&str> = groups.get(1).map(|group| group.split(',').collect()).unwrap_or_default();
    let inputs = io.first().copied().filter(|text| !text.is_empty());
    let outputs = io.get(1).copied().filter(|text| !text.is_empty());
    // Groups: head, IO, ADC, odometer, driver, state, spec.
    let odometer = groups.get(3).and_then(|text| text.parse::<u64>().ok());
    let state = groups.get(5).copied().unwrap_or("");

    let mut said = json!({
        "protocol": PROTOCOL, "kind": "position", "device": item(1), "time": time, "replayed": stored,
        "position": position, "inputs": inputs, "outputs": outputs, "odometer_m": odometer, "raw": raw(frame, &[]),
        // The second digit of the state is a signal of 0–15: told or not.
        "signal": any(),
    });
    if position.is_some() {
        // The third digit is most likely the satellites.
        said["position"]["satellites"] = match state.chars().nth(2).and_then(|c| c.to_digit(16)) {
            Some(count) if state.len() == 3 => one_of([json!(count), Value::Null]),
            _ => Value::Null,
        };
    }
    let mut events = Vec::new();
    if let Some(photo) = code.strip_prefix("PHO") {
        let (size, camera) = photo.split_once('-').unwrap_or((photo, ""));
        let size: u32 = size.parse().unwrap();
        said["kind"] = json!("photo_offer");
        events.push(json!({"name": "photo", "size": size, "camera": camera.parse::<u8>().ok()}));
        // The server's first question, told or not.
        said["reply"] = one_of([Value::Null, json!(format!("#PHD0,{}\r\n", size.min(960)))]);
    }
    if code.len() == 3 {
        events.extend(event(code, inputs));
    }
    if matches!(code, "IN4" | "IU4") && events.is_empty() {
        said["may"] = json!([{"name": "custom", "code": any()}, {"name": "input", "line": 4, "on": any()}]);
    }
    if let Some(id) = groups.get(4).filter(|id| !id.is_empty()) {
        events.push(json!({"name": "driver", "id": id}));
    }
    said["events"] = json!(events);
    said
}

/// §3
fn event(code: &str, inputs: Option<&str>) -> Option<Value> {
    let named = |name: &str| Some(json!({ "name": name }));
    match code {
        "POS" => None,
        "IN1" => named("sos"),
        "SPD" => named("overspeed"),
        "GOF" | "GEO" => named("geofence"),
        "LPA" => named("low_backup_battery"),
        "CPA" => named("power_cut"),
        "SKA" => named("vibration"),
        "TOW" => named("tow"),
        "HDA" => named("harsh_acceleration"),
        "HDB" => named("harsh_braking"),
        "FDA" => named("fatigue"),
        "PMA" => named("movement"),
        "IN4" | "IU4" => {
            // Ignition is told by the IO string of the same sentence, never by the code. Without one nothing is known.
            let on = inputs.and_then(|text| text.chars().nth(3))? == '1';
            let ignition = if on { "ignition_on" } else { "ignition_off" };
            Some(one_of([json!({"name": "input", "line": 4, "on": on}), json!({ "name": ignition })]))
        }
        "IN2" | "IN3" | "IN5" | "IU1" | "IU2" | "IU3" | "IU5" => {
            let line = code[2..].parse::<usize>().unwrap();
            let on = inputs.and_then(|text| text.chars().nth(line - 1)).map(|c| c == '1');
            let input = json!({"name": "input", "line": line, "on": on.map_or(any(), Value::from)});
            Some(if on.is_some() { input } else { one_of([input, json!({"name": "custom", "code": any()})]) })
        }
        // Lines that no table names: the fifth is the last one seen.
        "IN6" | "IN7" | "IN8" | "IN9" | "IU6" | "IU7" | "IU8" | "IU9" => Some(one_of([
            json!({"name": "input", "line": code[2..].parse::<u8>().unwrap(), "on": any()}),
            json!({"name": "custom", "code": any()}),
        ])),
        // MLA and DFR have no word, other codes no meaning.
        _ => Some(json!({"name": "custom", "code": any()})),
    }
}
