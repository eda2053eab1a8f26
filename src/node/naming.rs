//! Lines and counts of trackers in the words of their profiles.

use super::core::Node;
use super::traces::Trace;
use crate::domain::DeviceEvent;
use crate::fleet::State;
use crate::fleet::device::Device;
use crate::fleet::snapshot::{AnalogRow, DeviceRow, LineRow};
use crate::ipc::wire::TailLine;
use crate::protocol::catalogue::{About, Calibration, LineUse, Profile, Profiles, Reading};
use serde_json::Value;
use std::collections::BTreeMap;

/// The profile of a device.
pub(super) fn profile_of<'a>(profiles: &'a Profiles, device: &Device) -> Option<&'a Profile> {
    profiles.of(&About {
        key: &device.key,
        kind: device.kind,
        protocol: device.protocol,
        version: device.version,
        wire_type: device.wire_type,
        firmware: device.firmware.as_deref(),
    })
}

/// Says in words what the profiles know of the lines and counts in rows.
pub fn name_lines<'a>(state: &State, profiles: &Profiles, rows: impl IntoIterator<Item = &'a mut DeviceRow>) {
    for row in rows {
        if row.inputs.is_none() && row.outputs.is_none() && row.analog.is_empty() {
            continue;
        }
        let device = state.device(&row.key);
        let Some(profile) = device.and_then(|device| profile_of(profiles, device)) else { continue };
        row.lines = lines(&profile.inputs, row.inputs.as_deref(), false);
        row.lines.extend(lines(&profile.outputs, row.outputs.as_deref(), true));
        for analog in &mut row.analog {
            if let Some(calibration) = profile.calibrations.iter().find(|c| c.input == analog.input) {
                calibrate(analog, calibration);
            }
        }
    }
}

/// The lines that the map names and the tracker told.
fn lines(map: &BTreeMap<u8, LineUse>, told: Option<&str>, output: bool) -> Vec<LineRow> {
    let row = |(line, wired): (&u8, &LineUse)| {
        let at = usize::from(*line).checked_sub(1)?;
        let on = match told?.as_bytes().get(at)? {
            b'0' => false,
            b'1' => true,
            _ => return None,
        };
        let (line, text) = (*line, wired.text(*line, output, on));
        Some(LineRow { line, output, wired: wired.word().to_owned(), on, text })
    };
    map.iter().filter_map(row).collect()
}

fn calibrate(row: &mut AnalogRow, calibration: &Calibration) {
    let (name, unit) = (&calibration.name, &calibration.unit);
    let raw = AnalogRow::raw(row.input, row.count).text;
    let reading = calibration.reading(row.count);
    row.text = match reading {
        Reading::Below => format!("{name} below range ({raw})"),
        Reading::Above => format!("{name} above range ({raw})"),
        Reading::Value(value) => format!("{name} {} {unit} ({raw})", short(value)),
    };
    row.value = match reading {
        Reading::Value(value) => Some(value),
        Reading::Below | Reading::Above => None,
    };
    (row.name, row.unit) = (Some(name.clone()), Some(unit.clone()));
}

/// One decimal, if it is not 0.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

impl Node {
    /// What a console gets of a frame: an input's event also in words, where the map names the line.
    pub(super) fn tail_line(&self, trace: &Trace) -> TailLine {
        let mut line = trace.line();
        let is_input = |event: &DeviceEvent| matches!(event, DeviceEvent::Input { .. });
        if !trace.frame.messages.iter().any(|message| message.events.iter().any(is_input)) {
            return line;
        }
        let state = self.state();
        let Some(profile) = state.device(&trace.device).and_then(|device| self.profile_of(device)) else {
            return line;
        };
        let events = line.decoded.iter_mut().filter_map(|message| message.get_mut("events")?.as_array_mut());
        for event in events.flatten() {
            name_event(event, &profile.inputs);
        }
        line
    }
}

fn name_event(event: &mut Value, inputs: &BTreeMap<u8, LineUse>) {
    let line = event.get("line").and_then(Value::as_u64).and_then(|line| u8::try_from(line).ok());
    let (Some(line), Some(on)) = (line, event.get("on").and_then(Value::as_bool)) else { return };
    if let (Some(wired), Some(event)) = (inputs.get(&line), event.as_object_mut()) {
        event.insert("text".to_owned(), wired.text(line, false, on).into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_are_named_and_told_are_said_in_words() {
        let map = BTreeMap::from([(2, LineUse::Door), (3, LineUse::Other), (6, LineUse::DoorLock)]);
        let texts =
            |told: &str| lines(&map, Some(told), false).into_iter().map(|l| l.text).collect::<Vec<_>>();
        assert_eq!(texts("01000"), ["door open", "input 3 off"]);
        assert_eq!(texts("001001"), ["door closed", "input 3 on", "door lock on"]);
        assert_eq!(texts("1"), [""; 0]);
        assert!(lines(&map, None, false).is_empty());
        let relay = BTreeMap::from([(1, LineUse::EngineRelay), (2, LineUse::Other)]);
        let rows = lines(&relay, Some("10000"), true);
        assert_eq!(rows[0].text, "engine relay on");
        assert_eq!((rows[1].text.as_str(), rows[1].output, rows[1].line), ("output 2 off", true, 2));
    }

    #[test]
    fn counts_between_two_points_are_values_and_beyond_the_last_are_none() {
        let points = vec![(0x100, 0.0), (0x200, 64.0)];
        let fuel = Calibration { input: 1, name: "fuel".into(), unit: "%".into(), points };
        for (count, value, text) in [
            (0x100, Some(0.0), "fuel 0 % (AD1 0x100)"),
            (0x1f8, Some(62.0), "fuel 62 % (AD1 0x1f8)"),
            (0x1fa, Some(62.5), "fuel 62.5 % (AD1 0x1fa)"),
            (0x200, Some(64.0), "fuel 64 % (AD1 0x200)"),
            (0xff, None, "fuel below range (AD1 0xff)"),
            (0x201, None, "fuel above range (AD1 0x201)"),
        ] {
            let mut row = AnalogRow::raw(1, count);
            calibrate(&mut row, &fuel);
            assert_eq!((row.value, row.text.as_str(), row.count), (value, text, count));
        }
        assert_eq!(AnalogRow::raw(2, 0x1f8).text, "AD2 0x1f8");
    }
}
