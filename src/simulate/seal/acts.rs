//! What happens to a seal at the vehicle, and what goes wrong with it.

use super::{Job, Seal, WAKE_TIMER, WAKE_VIBRATION, code};
use crate::simulate::{
    encode::seal::{self, LockEvent},
    fault::Fault,
    time::{DeviceClock, Now},
    unit::Act,
};

/// The result byte of an opening that no fence had a say in, as captured. (1 to 99 name a fence.)
const OPENED: u8 = 101;

impl Seal {
    pub(super) fn act_here(&mut self, now: Now, act: &Act) -> bool {
        match act {
            Act::Fault(fault) => return self.fault(now, fault),
            Act::WakeButton => self.wake_up(now, WAKE_VIBRATION),
            Act::Card => {
                let card = 6_400_000 + self.rng.below(90_000) as u32;
                let event = LockEvent::Card { code: code::CARD_OPENED, card, result: Some(OPENED) };
                return self.open(now, event);
            }
            Act::Phone => {
                let event = self.password_event(code::PHONE_OPENED, true);
                return self.open(now, event);
            }
            Act::PullRope if self.bolt.is_open() && self.bolt.rope_in => {
                self.bolt.rope_in = false;
                self.tell(now, LockEvent::Plain(code::ROPE_PULLED));
            }
            Act::InsertRope if !self.bolt.rope_in => {
                self.bolt.rope_in = true;
                self.wake_up(now, WAKE_VIBRATION);
                if self.bolt.is_open() {
                    self.lock(now);
                } else {
                    self.store(now, None);
                }
            }
            Act::CloseBadly if self.bolt.is_open() && !self.bolt.rope_in => self.lock(now),
            _ => return false,
        }
        true
    }

    fn password_event(&mut self, code: u8, right: bool) -> LockEvent {
        let password = if right { self.setup.password.clone() } else { self.rng.digits(6) };
        LockEvent::Password { code, password, result: right.then_some(OPENED) }
    }

    fn fault(&mut self, now: Now, fault: &Fault) -> bool {
        match fault {
            Fault::RopeCut => {
                self.rope_cuts = self.rope_cuts.wrapping_add(1);
                self.tell(now, LockEvent::Plain(code::ROPE_CUT));
            }
            Fault::BackCover => {
                self.bolt.cover_open = true;
                self.wake_up(now, WAKE_VIBRATION);
                self.store(now, None);
            }
            Fault::IllegalCard => {
                let card = 6_400_000 + self.rng.below(90_000) as u32;
                self.tell(now, LockEvent::Card { code: code::CARD_REFUSED, card, result: None });
            }
            Fault::WrongPasswords => {
                for _ in 0..5 {
                    let event = self.password_event(code::PHONE_REFUSED, false);
                    self.tell(now, event);
                }
            }
            Fault::LowBattery => {
                self.battery = 9;
                self.wake_up(now, WAKE_TIMER);
                self.store(now, None);
            }
            Fault::MotorStuck => {
                self.bolt.stuck = true;
                self.tell(now, LockEvent::Plain(code::MOTOR_FAULT));
            }
            Fault::OpenedElsewhere => {
                let event = self.password_event(code::SMS_OPENED, true);
                return self.open(now, event);
            }
            Fault::NoFix => self.no_fix = true,
            Fault::ClockUnset => self.clock.unset(now),
            Fault::ClockWrong(offset) => self.clock.shift(*offset),
            Fault::Backlog(count) => self.backlog(now, (*count).min(500)),
            Fault::Heal => self.heal(now),
            _ => return false,
        }
        true
    }

    fn heal(&mut self, now: Now) {
        self.clock = DeviceClock::default();
        self.no_fix = false;
        self.battery = self.battery.max(80);
        self.bolt.heal();
        if self.bolt.is_open() {
            let opening = self.bolt.openings();
            self.agenda.push(now.at + self.setup.pace.relock, Job::Relock(opening));
        }
        self.store(now, None);
    }

    fn backlog(&mut self, now: Now, count: u16) {
        let step = chrono::TimeDelta::minutes(30) / i32::from(count.max(1));
        for number in (1..=i32::from(count)).rev() {
            let past = Now { utc: now.utc - step * number, ..now };
            let body = seal::report(&self.report(past, None));
            self.keep(now, body, true);
        }
        self.pump(now);
    }
}
