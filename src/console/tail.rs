//! The live frames of one device.

use crate::domain::DeviceKey;
use crate::ipc::wire::TailLine;
use serde_json::Value;
use std::collections::VecDeque;

/// Frames kept; the oldest leave first.
pub const LINES: usize = 300;

#[derive(Debug, Clone, PartialEq)]
pub struct Tail {
    pub device: DeviceKey,
    /// Frames with a running number, oldest first.
    pub lines: VecDeque<(u64, TailLine)>,
    next: u64,
    /// Number of the selected frame; `None` follows the newest.
    pub selected: Option<u64>,
    /// Number of the unfolded frame.
    pub unfolded: Option<u64>,
    /// While frozen: the newest frame shown.
    pub frozen_at: Option<u64>,
}

impl Tail {
    #[must_use]
    pub fn new(device: DeviceKey) -> Self {
        Self { device, lines: VecDeque::new(), next: 0, selected: None, unfolded: None, frozen_at: None }
    }

    pub fn push(&mut self, lines: Vec<TailLine>) {
        for line in lines {
            if self.lines.len() == LINES {
                self.lines.pop_front();
            }
            self.lines.push_back((self.next, line));
            self.next += 1;
        }
    }

    /// Frames that may be drawn now.
    pub fn shown(&self) -> impl DoubleEndedIterator<Item = &(u64, TailLine)> {
        let last = self.frozen_at.unwrap_or(u64::MAX);
        self.lines.iter().filter(move |(number, _)| *number <= last)
    }

    /// Frames that came since the freeze.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lines.len() - self.shown().count()
    }

    pub fn freeze(&mut self, on: bool) {
        self.frozen_at = (on && self.next > 0).then(|| self.next - 1);
    }

    /// The selected frame, or the newest.
    #[must_use]
    pub fn current(&self) -> Option<&(u64, TailLine)> {
        match self.selected {
            Some(number) => self.shown().find(|(n, _)| *n == number),
            None => self.shown().next_back(),
        }
    }

    /// Moves by frames; below the newest it follows again.
    pub fn step(&mut self, by: isize) {
        let numbers: Vec<u64> = self.shown().map(|(n, _)| *n).collect();
        let Some(last) = numbers.len().checked_sub(1) else { return };
        let at = match self.selected {
            Some(number) => numbers.iter().position(|n| *n == number).unwrap_or(0),
            None => last,
        };
        let to = at.saturating_add_signed(by);
        self.selected = if to > last || (by > 0 && to == last) { None } else { numbers.get(to).copied() };
    }

    pub fn unfold(&mut self, on: bool) {
        let current = self.current().map(|(n, _)| *n);
        if on {
            self.selected = current;
        }
        self.unfolded = if on { current } else { None };
    }
}

/// One decoded message in one line: kind, then what it says.
#[must_use]
pub fn summary(message: &Value) -> String {
    let text = |key: &str| message.get(key).and_then(Value::as_str);
    let mut parts = vec![text("kind").unwrap_or("?").to_owned()];
    if let Some(error) = text("error") {
        parts.push(error.to_owned());
    }
    if let Some(id) = message.pointer("/sub_device/id").and_then(Value::as_str) {
        parts.push(format!("of {id}"));
    }
    for key in ["lock", "valve"] {
        if let Some(state) = text(key) {
            parts.push(format!("{key} {state}"));
        }
    }
    if let Some(events) = message.get("events").and_then(Value::as_array) {
        parts.extend(events.iter().filter_map(event));
    }
    if let Some(position) = message.get("position").filter(|p| p.is_object()) {
        let number = |key: &str| position.get(key).and_then(Value::as_f64);
        if let (Some(lat), Some(lon)) = (number("lat"), number("lon")) {
            let fix = position.get("fix").and_then(Value::as_bool) == Some(true);
            parts.push(format!("{lat:.5},{lon:.5}{}", if fix { "" } else { " no fix" }));
        }
        if let Some(speed) = number("speed_kmh") {
            parts.push(format!("{speed:.0} km/h"));
        }
    }
    if let Some(battery) = message.get("battery_pct").and_then(Value::as_u64) {
        parts.push(format!("bat {battery}%"));
    }
    if let Some(word) = message.pointer("/command/word").and_then(Value::as_str) {
        let params = message.pointer("/command/params").and_then(Value::as_array);
        let params: Vec<&str> = params.into_iter().flatten().filter_map(Value::as_str).collect();
        parts.push(format!("{word} {}", params.join(",")));
    }
    if message.get("replayed").and_then(Value::as_bool) == Some(true) {
        parts.push("replayed".into());
    }
    parts.join(", ")
}

fn event(event: &Value) -> Option<String> {
    if let Some(text) = event.get("text").and_then(Value::as_str) {
        return Some(text.to_owned());
    }
    let name = event.get("name")?.as_str()?;
    if let (Some(line), Some(on)) = (event.get("line"), event.get("on").and_then(Value::as_bool)) {
        return Some(format!("{name} {line} {}", if on { "on" } else { "off" }));
    }
    let by = ["by", "why", "source", "code"].iter().find_map(|key| event.get(key).and_then(Value::as_str));
    Some(by.map_or_else(|| name.to_owned(), |by| format!("{name} ({by})")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Utc;
    use serde_json::json;

    fn line(fate: &str) -> TailLine {
        TailLine {
            at: Utc::UNIX_EPOCH,
            peer: "127.0.0.1:1".into(),
            fate: fate.into(),
            raw: "7e".into(),
            decoded: Vec::new(),
            reply: None,
        }
    }

    #[test]
    fn a_message_reads_in_one_line() {
        let message = json!({"kind": "lock_report", "lock": "unlocked", "replayed": true,
            "events": [{"name": "opened", "by": "rfid", "card": "1"}, {"name": "rope_cut"}],
            "position": {"lat": 1.5, "lon": 2.25, "fix": false, "speed_kmh": 3.0}, "battery_pct": 71});
        assert_eq!(
            summary(&message),
            "lock_report, lock unlocked, opened (rfid), rope_cut, 1.50000,2.25000 no fix, 3 km/h, bat 71%, replayed"
        );
        assert_eq!(
            summary(&json!({"kind": "invalid", "error": "checksum at byte 9"})),
            "invalid, checksum at byte 9"
        );
    }

    #[test]
    fn frames_are_bounded_and_a_freeze_holds_the_picture() {
        let mut tail = Tail::new(DeviceKey::jointech("1"));
        tail.push((0..LINES + 5).map(|n| line(&n.to_string())).collect());
        assert_eq!(tail.lines.len(), LINES);
        tail.freeze(true);
        tail.push(vec![line("late")]);
        assert_eq!(tail.waiting(), 1);
        assert_eq!(tail.current().unwrap().1.fate, (LINES + 4).to_string());
        tail.freeze(false);
        assert_eq!(tail.current().unwrap().1.fate, "late");
        tail.step(-1);
        assert_eq!(tail.current().unwrap().1.fate, (LINES + 4).to_string());
        tail.step(1);
        assert_eq!(tail.selected, None);
    }
}
