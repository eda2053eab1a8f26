//! The unlock dialog: from choosing a lock to a typed confirmation. Nothing here sends anything by itself.

use super::input::Input;
use super::rows::Rows;
use crate::domain::command::UnlockReason;
use crate::domain::{
    AlarmId, AlarmState, AssetId, DeviceKey, LinkState, LockState, SealState, Utc, ValveState,
};
use crate::fleet::snapshot::PartsRow;
use crate::ipc::wire::Proposal;
use std::collections::BTreeMap;

/// Wrong codes after which the dialog closes.
pub const WRONG_CODES: u8 = 3;

#[derive(Debug, Clone, PartialEq)]
pub enum Wizard {
    /// The asset has several locks.
    Choose { asset: AssetId, locks: Vec<DeviceKey>, at: usize },
    /// The node was asked what opening would mean.
    Asked { target: DeviceKey },
    /// The node's answer lies on the table.
    Facts(Box<Facts>),
    /// The order was given; the node has not said yet that it is durable.
    Ordered { target: DeviceKey },
    /// Over without an opening, and why.
    Void { why: String },
}

/// Where typing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    Reason,
    Note,
    Code,
    Cancel,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub proposal: Proposal,
    /// What the operator saw when the dialog opened.
    pub seen: Seen,
    pub focus: Focus,
    pub reason: Option<UnlockReason>,
    pub note: Input,
    pub code: Input,
    pub wrong: u8,
    pub message: Option<String>,
}

impl Facts {
    #[must_use]
    pub fn new(proposal: Proposal, rows: &Rows) -> Self {
        let seen = Seen::of(rows, &proposal);
        let focus = if proposal.allowed { Focus::Reason } else { Focus::Cancel };
        Self {
            proposal,
            seen,
            focus,
            reason: None,
            note: Input::default(),
            code: Input::default(),
            wrong: 0,
            message: None,
        }
    }

    /// The four characters to type.
    #[must_use]
    pub fn expected(&self) -> String {
        let chars: Vec<char> = self.proposal.asset_code.chars().collect();
        chars[chars.len().saturating_sub(4)..].iter().collect()
    }

    /// Seconds left, 0 when over.
    #[must_use]
    pub fn seconds_left(&self, now: Utc) -> i64 {
        (self.proposal.expires - now).num_seconds().max(0)
    }

    /// Next or previous field. Without permission there is nothing but Cancel.
    pub fn turn(&mut self, forward: bool) {
        if !self.proposal.allowed {
            return;
        }
        let order = [Focus::Reason, Focus::Note, Focus::Code, Focus::Cancel];
        let at = order.iter().position(|f| *f == self.focus).unwrap_or(0);
        let step = if forward { 1 } else { order.len() - 1 };
        self.focus = order[(at + step) % order.len()];
    }
}

/// The facts an opening rests on, as the console holds them. When they change the dialog is void.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    lock: Option<LockState>,
    valve: Option<ValveState>,
    parts: [Option<crate::domain::PartState>; 3],
    link: Option<LinkState>,
    seal: Option<SealState>,
    moving: bool,
    alarms: BTreeMap<AlarmId, (AlarmState, u32)>,
}

/// Above this speed an asset counts as moving, km/h (interlock 4).
const MOVING: f64 = 5.0;

impl Seen {
    #[must_use]
    pub fn of(rows: &Rows, proposal: &Proposal) -> Self {
        let device = rows.devices.get(&proposal.target);
        let asset = rows.asset_named(&proposal.asset);
        let alarms = rows.alarms_of(&proposal.asset).into_iter();
        let parts =
            |parts: PartsRow| [parts.motor, parts.rope, parts.cover].map(|part| part.map(|p| p.state));
        Self {
            lock: device.and_then(|d| d.lock),
            valve: device.and_then(|d| d.valve),
            parts: device.map_or([None; 3], |d| parts(d.parts)),
            link: device.map(|d| d.link),
            seal: asset.map(|a| a.seal),
            moving: asset
                .and_then(|a| a.position.as_ref())
                .and_then(|p| p.speed_kmh)
                .is_some_and(|speed| speed > MOVING),
            alarms: alarms.map(|row| (row.id, (row.state, row.count))).collect(),
        }
    }

    /// The first difference, in words; `None` while nothing that matters changed.
    #[must_use]
    pub fn change(&self, now: &Self) -> Option<String> {
        if self.lock != now.lock || self.parts != now.parts {
            return Some("the lock's state changed".into());
        }
        if self.valve != now.valve {
            return Some("the valve's state changed".into());
        }
        if self.seal != now.seal {
            return Some("the asset's seal changed".into());
        }
        if self.link != now.link {
            return Some("the lock's contact changed".into());
        }
        if self.moving != now.moving {
            return Some(if now.moving { "the asset began to move" } else { "the asset stopped" }.into());
        }
        let worse = |id: &AlarmId, state: &(AlarmState, u32)| self.alarms.get(id) != Some(state);
        if now.alarms.iter().any(|(id, state)| worse(id, state)) || now.alarms.len() != self.alarms.len() {
            return Some("an alarm on the asset changed".into());
        }
        None
    }
}

/// Whether a terminal has room for all facts of an opening; on a smaller one there is nothing to confirm.
#[must_use]
pub fn fits(size: (u16, u16)) -> bool {
    size.0 >= 64 && size.1 >= 22
}
