//! What ends an alarm: evidence of the condition's opposite, newer by event time, and still the newest that is known.

use super::alarms::default_priority;
use super::device::Device;
use super::evidence::{BATTERY_FINE, BATTERY_SEVERE, Heard};
use super::state::State;
use crate::domain::alarm::AlarmKind;
use crate::domain::message::{Level, OpenedBy};
use crate::domain::{DeviceEvent, Message, PartState, Priority, Utc, ValveState};

impl State {
    /// Ends the conditions that this message is evidence against. A late record ends nothing: it says what was, and
    /// the next report says what is.
    pub(super) fn end_conditions(&mut self, heard: &Heard<'_>) {
        let Some(device) = self.devices.get(heard.target) else { return };
        let kinds: Vec<AlarmKind> = self
            .alarms
            .open_of(heard.target)
            .filter(|alarm| alarm.state.is_active() && heard.moment.time > alarm.last)
            .filter(|alarm| ends(alarm.key.kind, device, heard.message, heard.moment.time, alarm.last))
            .map(|alarm| alarm.key.kind)
            .collect();
        for kind in kinds {
            self.over(Some(heard.target), kind, heard.moment.time);
        }
    }

    /// Low battery by percentage. Only from a message that is the newest to tell of it.
    pub(super) fn hear_battery(&mut self, heard: &Heard<'_>) {
        const KIND: AlarmKind = AlarmKind::LowBattery;
        let Some(pct) = heard.message.battery_pct else { return };
        let time = heard.moment.time;
        let severe = pct < BATTERY_SEVERE && heard.message.charging != Some(true);
        let open = self.alarms.open_of(heard.target).find(|alarm| alarm.key.kind == KIND);
        // Falling below the severe mark is news of its own; the device's own flag in this very report is not twice.
        let is_news = open.is_none_or(|alarm| alarm.priority > Priority::P2 && alarm.last < time);
        if severe && is_news {
            let reason = format!("battery {pct} %");
            let priority = default_priority(KIND).min(Priority::P2);
            self.raise(Some(heard.target), KIND, priority, time, heard.received, reason);
        } else if pct >= BATTERY_FINE {
            self.over(Some(heard.target), KIND, time);
        }
    }
}

/// Whether this message, whose facts the device holds by now, is the evidence that ends such an alarm. What it
/// reports counts only where the device holds it as of this very time: something newer may say otherwise.
fn ends(kind: AlarmKind, device: &Device, message: &Message, time: Utc, raised: Utc) -> bool {
    use AlarmKind as K;
    let closed = |part: Option<super::device::Held<PartState>>| {
        part.is_some_and(|held| held.value == PartState::Closed && held.as_of == time)
    };
    let off = |level| device.is_off_at(level, time);
    let on = |level| device.is_on(level);
    let event = |wanted: fn(&DeviceEvent) -> bool| message.events.iter().any(wanted);
    match kind {
        K::RopeCut => {
            closed(device.rope)
                && closed(device.motor)
                && !on(Level::RopeCut)
                && !event(|e| matches!(e, DeviceEvent::RopeCut))
        }
        K::Tamper | K::BackCoverOpened => {
            closed(device.cover)
                && !on(Level::BackCoverOpened)
                && !on(Level::Tamper)
                && !event(|e| matches!(e, DeviceEvent::Tamper | DeviceEvent::BackCoverOpened))
        }
        K::OpenedUnknown => {
            // Row 8 of the event table: motor locked and rope in.
            let rope_is_in = device.rope.is_none_or(|held| held.value == PartState::Closed);
            closed(device.motor) && rope_is_in
        }
        K::UnlockedTooLong | K::OpenedBluetoothUnexplained | K::OpenedLoraUnexplained => {
            closed(device.motor) && !on(Level::UnlockedTooLong)
        }
        K::MotorFault => off(Level::MotorFault) && message.parts.motor.is_some(),
        K::LowBattery => off(Level::LowBattery) && message.battery_pct.is_none_or(|p| p >= BATTERY_FINE),
        K::Sos => off(Level::Sos) || event(|e| matches!(e, DeviceEvent::Input { line: 1, on: false })),
        K::SignalLost => off(Level::SignalLost),
        K::ValveOpened => {
            // The valve tells when it is turned, the motor with every report: the two need not come together.
            let valve = device.valve.filter(|held| held.value == ValveState::Closed);
            valve.is_some_and(|held| held.as_of > raised) && closed(device.motor)
        }
        K::WrongPasswordLimit => event(
            |e| matches!(e, DeviceEvent::Opened { by, .. } if !matches!(by, OpenedBy::Rfid | OpenedBy::Unknown)),
        ),
        K::Vibration => off(Level::Vibration),
        K::Overspeed => off(Level::Overspeed),
        _ => false,
    }
}
