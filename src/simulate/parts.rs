//! Parts all locks share: the bolt with its exact count of openings, manners towards commands, the way out.

use super::{Fault, time::Agenda};
use std::time::Duration;

/// Motor, rope and cover of one lock. The motor moves in exactly two places, [`Bolt::open`] and [`Bolt::close`].
#[derive(Debug, Clone)]
pub(super) struct Bolt {
    motor_open: bool,
    pub(super) rope_in: bool,
    pub(super) cover_open: bool,
    pub(super) stuck: bool,
    openings: u32,
    remote_openings: u32,
    commands_taken: u32,
    commands_refused: u32,
}

/// Who opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A command of the server.
    Command,
    /// Anybody else.
    Local,
}

impl Bolt {
    pub(super) fn locked() -> Self {
        Self {
            motor_open: false,
            rope_in: true,
            cover_open: false,
            stuck: false,
            openings: 0,
            remote_openings: 0,
            commands_taken: 0,
            commands_refused: 0,
        }
    }

    /// Opens the motor; `false` if it did not move, because it is open already or stuck.
    pub(super) fn open(&mut self, by: By) -> bool {
        if self.motor_open || self.stuck {
            return false;
        }
        self.motor_open = true;
        self.openings += 1;
        self.remote_openings += u32::from(by == By::Command);
        true
    }

    /// Locks the motor; `false` if it did not move.
    pub(super) fn close(&mut self) -> bool {
        let moves = self.motor_open && !self.stuck;
        self.motor_open &= !moves;
        moves
    }

    pub(super) fn is_open(&self) -> bool {
        self.motor_open
    }

    /// The number of this opening: lets work planned for one opening not touch the next.
    pub(super) fn openings(&self) -> u32 {
        self.openings
    }

    pub(super) fn count_command(&mut self, taken: bool) {
        if taken {
            self.commands_taken += 1;
        } else {
            self.commands_refused += 1;
        }
    }

    /// Undoes damage; moves no motor.
    pub(super) fn heal(&mut self) {
        (self.cover_open, self.stuck, self.rope_in) = (false, false, true);
    }

    pub(super) fn describe(&self, state: &mut DeviceState) {
        state.motor_open = Some(self.motor_open);
        state.rope_in = Some(self.rope_in);
        state.cover_open = Some(self.cover_open);
        state.openings = self.openings;
        state.remote_openings = self.remote_openings;
        state.commands_taken = self.commands_taken;
        state.commands_refused = self.commands_refused;
    }
}

/// How a device treats commands.
#[derive(Debug, Clone, Default)]
pub(super) struct Manners {
    pub(super) ignore: bool,
    pub(super) mute: bool,
    pub(super) late: Option<Duration>,
    pub(super) refuse: bool,
    pub(super) stay: bool,
}

impl Manners {
    /// Takes a fault that is one of manners; `false` for all others.
    pub(super) fn take(&mut self, fault: &Fault) -> bool {
        match fault {
            Fault::IgnoreCommands => self.ignore = true,
            Fault::MuteAnswers => self.mute = true,
            Fault::LateAnswers(by) => self.late = Some(*by),
            Fault::RefuseCommands => self.refuse = true,
            Fault::AcceptButStay => self.stay = true,
            _ => return false,
        }
        true
    }

    /// Sends an answer now, later or never.
    pub(super) fn answer<J>(
        &self,
        at: Duration,
        frame: Vec<u8>,
        out: &mut Outbox,
        agenda: &mut Agenda<J>,
        later: impl FnOnce(Vec<u8>) -> J,
    ) {
        match (self.mute, self.late) {
            (true, _) => {}
            (false, None) => out.push(frame),
            // Half the agenda is for the device's own work: a flood of commands never keeps a lock from closing. An
            // answer more is lost.
            (false, Some(_)) if agenda.len() >= Agenda::<J>::LIMIT / 2 => {}
            (false, Some(wait)) => _ = agenda.push(at + wait, later(frame)),
        }
    }
}

/// Frames on their way to the socket. At most [`Outbox::LIMIT`] wait; a frame more is lost, and what it carried stays
/// unacknowledged in the flash, so it comes again.
#[derive(Debug, Clone, Default)]
pub(super) struct Outbox(Vec<Vec<u8>>);

impl Outbox {
    const LIMIT: usize = 512;

    pub(super) fn push(&mut self, frame: Vec<u8>) {
        if self.0.len() < Self::LIMIT {
            self.0.push(frame);
        }
    }

    pub(super) fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.0)
    }
}

/// A device as it really is, whatever it told or did not tell. `None` = it has no such part.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeviceState {
    pub motor_open: Option<bool>,
    pub rope_in: Option<bool>,
    pub cover_open: Option<bool>,
    pub valve_open: Option<bool>,
    /// How often the motor has moved from locked to open, by anybody. Exact.
    pub openings: u32,
    /// How many of these followed a command of the server.
    pub remote_openings: u32,
    /// Unlock commands with the right password (relayed ones: held by the master), whether or not anything moved.
    pub commands_taken: u32,
    pub commands_refused: u32,
    /// A tracker's output 1 (the engine relay).
    pub output_on: Option<bool>,
    /// How often that output changed.
    pub output_changes: u32,
    /// The picture a tracker took last.
    pub picture: Vec<u8>,
    pub awake: bool,
    /// Whether it has a connection (UDP: a socket). A sub-device: its master.
    pub connected: bool,
    /// Records kept because no server has acknowledged them. A sub-device: its master's.
    pub unacknowledged: usize,
    /// Records lost because the flash was full.
    pub lost: u64,
    pub speed_kmh: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_is_counted_once_and_only_if_the_motor_moved() {
        let mut bolt = Bolt::locked();
        assert!(bolt.open(By::Command));
        assert!(!bolt.open(By::Command), "open already");
        assert!(bolt.close());
        assert!(!bolt.close());
        bolt.stuck = true;
        assert!(!bolt.open(By::Local));
        bolt.heal();
        assert!(bolt.open(By::Local));
        let mut state = DeviceState::default();
        bolt.describe(&mut state);
        assert_eq!((state.openings, state.remote_openings), (2, 1));
    }

    #[test]
    fn a_full_way_out_drops_the_newest() {
        let mut out = Outbox::default();
        for number in 0..600u16 {
            out.push(number.to_be_bytes().to_vec());
        }
        let frames = out.take();
        assert_eq!(frames.len(), Outbox::LIMIT);
        assert_eq!(frames[0], [0, 0]);
        assert!(out.take().is_empty());
    }
}
