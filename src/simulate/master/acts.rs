//! What happens to a master lock at the vehicle, and what goes wrong with it.

use super::{Job, Master, source, wake};
use crate::simulate::{
    encode::master::status,
    fault::Fault,
    parts::{By, Manners},
    time::{DeviceClock, Now},
    unit::Act,
};

impl Master {
    fn card_number(&mut self) -> u32 {
        6_400_000 + self.rng.below(90_000) as u32
    }

    fn fault(&mut self, now: Now, fault: &Fault) -> bool {
        match fault {
            Fault::RopeCut => self.raise(now, status::ROPE_CUT, wake::ROPE),
            Fault::BackCover => {
                self.bolt.cover_open = true;
                self.raise(now, status::COVER_OPENED, wake::COVER);
            }
            Fault::IllegalCard => {
                let card = self.card_number();
                self.raise(now, status::ILLEGAL_CARD, wake::CARD);
                self.report(now, source::ILLEGAL_CARD, 0, card, false);
            }
            Fault::WrongPasswords => {
                self.wrong_count = 5;
                self.raise(now, status::WRONG_PASSWORDS, wake::BLUETOOTH);
                self.report(now, source::BLUETOOTH, 0, 0, false);
            }
            Fault::LowBattery => {
                self.battery = 12;
                self.raise(now, status::LOW_BATTERY, wake::TIMER);
            }
            Fault::Vibration => self.raise(now, status::VIBRATION, wake::VIBRATION),
            Fault::MotorStuck => {
                self.bolt.stuck = true;
                self.raise(now, status::MOTOR_STUCK, wake::TIMER);
            }
            Fault::OpenedElsewhere => {
                self.wake_up(now, wake::SMS);
                return self.open(now, By::Local, source::STATIC_PASSWORD, 0);
            }
            Fault::NoFix => self.no_fix = true,
            Fault::ClockUnset => self.clock.unset(now),
            Fault::ClockWrong(offset) => self.clock.shift(*offset),
            Fault::Backlog(count) => self.backlog(now, (*count).min(500)),
            Fault::Heal => self.heal(now),
            other => return self.manners.take(other),
        }
        true
    }

    fn heal(&mut self, now: Now) {
        self.manners = Manners::default();
        self.clock = DeviceClock::default();
        self.no_fix = false;
        self.alarms = 0;
        self.battery = self.battery.max(80);
        self.bolt.heal();
        if self.bolt.is_open() {
            let opening = self.bolt.openings();
            self.agenda.push(now.at + self.pace.relock, Job::Relock(opening));
        }
        self.store_position(now, false);
    }

    /// Positions of the past half hour, where the vehicle is now: it stood there and could not be heard.
    fn backlog(&mut self, now: Now, count: u16) {
        let step = chrono::TimeDelta::minutes(30) / i32::from(count.max(1));
        for number in (1..=i32::from(count)).rev() {
            let mut past = now;
            past.utc = now.utc - step * number;
            let connected = std::mem::replace(&mut self.connected, false);
            self.store_position(past, false);
            self.connected = connected;
        }
        self.pump(now);
    }

    pub(super) fn act_here(&mut self, now: Now, act: &Act) -> bool {
        match act {
            Act::Fault(fault) => return self.fault(now, fault),
            Act::WakeButton => self.wake_up(now, wake::VIBRATION),
            Act::Card => {
                self.wake_up(now, wake::CARD);
                let card = self.card_number();
                return self.open(now, By::Local, source::CARD, card);
            }
            Act::Phone => {
                self.wake_up(now, wake::BLUETOOTH);
                return self.open(now, By::Local, source::BLUETOOTH, 0);
            }
            Act::PullRope if self.bolt.is_open() && self.bolt.rope_in => {
                self.bolt.rope_in = false;
                self.wake_up(now, wake::ROPE);
                self.report(now, source::ROPE_PULLED, 0, 0, false);
                self.agenda.push(now.at + self.pace.show_state, Job::ShowState);
            }
            Act::InsertRope if !self.bolt.rope_in || self.alarms & status::ROPE_CUT != 0 => {
                self.bolt.rope_in = true;
                self.alarms &= !status::ROPE_CUT;
                self.wake_up(now, wake::ROPE);
                self.agenda.push(now.at + self.pace.show_state, Job::ShowState);
                self.lock(now);
            }
            Act::CloseBadly if self.bolt.is_open() && !self.bolt.rope_in => self.lock(now),
            _ => return false,
        }
        true
    }

    pub(super) fn act_sub(&mut self, now: Now, index: usize, act: &Act) -> bool {
        let (time, fix) = (self.clock.time(now), self.fix(now));
        let Some(sub) = self.subs.get_mut(index) else { return false };
        if let Act::Fault(Fault::Backlog(count)) = act {
            let rows = sub.backlog(now, (*count).min(500), time, fix);
            for told in rows {
                self.store_sub(now, told, true);
            }
            self.pump(now);
            return true;
        }
        sub.act(now, &self.pace, act)
    }
}
