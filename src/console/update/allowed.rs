//! Whether an action makes sense for the selected row, and if not why not.

use crate::console::action::Action;
use crate::console::model::{Model, View};
use crate::console::rows::RowId;
use crate::console::words;
use crate::domain::{AlarmState, DeviceKey, Exchange};
use crate::fleet::snapshot::DeviceStatus;

/// The reason an action cannot be done to the selected row.
pub(crate) fn now(model: &Model, action: Action) -> Result<(), String> {
    match action {
        Action::Ack => ack(model),
        Action::Reset => reset(model),
        Action::Unlock if super::choices(model).is_empty() => {
            Err("the selected row has no lock that could be opened".into())
        }
        Action::Cancel => cancel(model),
        Action::Verdict => verdict(model),
        Action::Enrol => enrol(model),
        Action::Tell => {
            tell_device(model).map(|_| ()).ok_or_else(|| "the selected row is not about one device".into())
        }
        Action::Tail => {
            tail_device(model).map(|_| ()).ok_or_else(|| "the selected row is not about one device".into())
        }
        Action::Explain => explain(model),
        Action::More | Action::Less if model.view() == View::Quarantine && model.selected().is_none() => {
            Err("no row is selected".into())
        }
        Action::GoAsset => match model.selected_asset() {
            Some(_) => Ok(()),
            None => Err("the selected row is on no asset".into()),
        },
        Action::ViewAsset if model.asset.is_none() && model.selected_asset().is_none() => {
            Err("choose an asset first, in the fleet".into())
        }
        Action::NextUnack | Action::PrevUnack if model.rows.unacknowledged().is_empty() => {
            Err("every alarm is acknowledged".into())
        }
        Action::Suspend if model.options.one_process => {
            Err("the node lives in this process and would stop hearing devices".into())
        }
        Action::Silence if !model.options.bell => Err("the bell is switched off".into()),
        Action::Freeze if matches!(model.view(), View::System | View::Explain | View::Log) => {
            Err(format!("the {} view is not a list", model.view().name()))
        }
        _ => Ok(()),
    }
}

fn ack(model: &Model) -> Result<(), String> {
    let Some(row) = model.selected_alarm() else {
        return Err("the selected row is not an open alarm".into());
    };
    if row.state.is_unacknowledged() {
        return Ok(());
    }
    Err(match &row.ack {
        Some(ack) => format!("acknowledged by {} at {}", ack.by, super::clock(model, ack.at)),
        None => "acknowledged already".into(),
    })
}

fn reset(model: &Model) -> Result<(), String> {
    let Some(row) = model.selected_alarm() else {
        return Err("the selected row is not an open alarm".into());
    };
    if row.state.is_unacknowledged() {
        Err("acknowledge it first".into())
    } else if !row.can_reset {
        Err("its condition still holds, or evidence will end it".into())
    } else {
        Ok(())
    }
}

fn cancel(model: &Model) -> Result<(), String> {
    match model.selected_told().map(|row| row.exchange()) {
        Some(Exchange::Queued) => Ok(()),
        Some(Exchange::Sent | Exchange::Uncertain) => Err("it was sent: nothing can take it back".into()),
        Some(state) => Err(format!("it is over: {}", state.words())),
        None => Err("the selected row is not a command".into()),
    }
}

fn verdict(model: &Model) -> Result<(), String> {
    match model.selected_command().map(|row| row.exchange) {
        Some(Exchange::Uncertain) => Ok(()),
        Some(_) => Err("its outcome is not UNCERTAIN".into()),
        None if model.selected_told().is_some() => {
            Err("an order moves nothing: read the device again".into())
        }
        None => Err("the selected row is not a command".into()),
    }
}

fn enrol(model: &Model) -> Result<(), String> {
    match model.selected() {
        Some(RowId::Quarantined(_)) => Ok(()),
        Some(RowId::Device(key)) => match model.rows.devices.get(key).map(|row| row.status) {
            Some(DeviceStatus::Enrolled) => Err("it is enrolled; `:enrol ID ASSET` moves it".into()),
            Some(DeviceStatus::New | DeviceStatus::Quarantined) => Ok(()),
            None => Err("that device is gone".into()),
        },
        _ => Err("the selected row is not a device".into()),
    }
}

fn explain(model: &Model) -> Result<(), String> {
    if model.view() == View::Tail {
        let frame = model.tail.as_ref().and_then(|tail| tail.current());
        return frame.map(|_| ()).ok_or_else(|| "no frame has come yet".into());
    }
    match model.selected() {
        Some(RowId::Refused(_)) => Ok(()),
        _ => Err(format!("choose one of its frames first, {} shows them", model.keymap.key(Action::Tail))),
    }
}

/// The device whose frames `tail` would show. On an asset that is its first device.
pub(crate) fn tail_device(model: &Model) -> Option<DeviceKey> {
    match model.selected()? {
        RowId::Quarantined(key) => Some(key.clone()),
        RowId::Asset(id) => {
            let asset = model.rows.assets.get(id)?;
            model.rows.devices_of(asset).first().map(|row| row.key.clone())
        }
        RowId::Refused(reason) => {
            let row = model.rows.refused.iter().find(|row| row.reason == *reason)?;
            model.rows.device_on(row.device.as_deref()?, None).map(|row| row.key.clone())
        }
        _ => model.selected_device().map(|row| row.key.clone()),
    }
}

/// The device that would be told something: the one the row is about, or the first one of an asset.
pub(crate) fn tell_device(model: &Model) -> Option<DeviceKey> {
    match model.selected()? {
        RowId::Command(id) => {
            let told = model.rows.told(*id)?;
            model.rows.device_on(told.target(), told.asset()).map(|row| row.key.clone())
        }
        RowId::Quarantined(_) | RowId::Refused(_) => None,
        RowId::Asset(_) | RowId::Device(_) | RowId::Alarm(_) => tail_device(model),
    }
}

/// One line about the next step of an alarm, for its details.
pub(crate) fn next_step(model: &Model, row: &crate::fleet::snapshot::AlarmRow) -> String {
    let key = |action| model.keymap.key(action);
    let ack = key(Action::Ack);
    let reset = key(Action::Reset);
    match row.state {
        AlarmState::UnackActive => {
            format!("{ack} acknowledge; it stays until its end is seen or it is reset")
        }
        AlarmState::LatchedUnack => {
            format!("{ack} acknowledge, then {reset} reset when you know what it was")
        }
        AlarmState::UnackReturned => format!("{ack} acknowledge, and it leaves the list"),
        AlarmState::AckActive | AlarmState::LatchedAck if row.can_reset => {
            format!("{reset} reset with a note ends it")
        }
        AlarmState::AckActive | AlarmState::LatchedAck => {
            format!("nothing: the device has to show that {} is over", words::kind(row.kind))
        }
        AlarmState::Normal => "nothing: it is over".into(),
    }
}
