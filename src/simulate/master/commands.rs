//! What a master does when the server speaks.

use super::{DynamicPassword, Job, Master, Sub, source};
use crate::simulate::{encode::master::status, parts::By, time::Now};
use chrono::NaiveDateTime;

impl Master {
    pub(super) fn command(&mut self, now: Now, items: &[String]) {
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        match items[..] {
            // Bookkeeping of the protocol is done however bad the manners are.
            ["P69", "0", serial] => self.acknowledged(now, serial),
            ["P69", "1", serial] => self.damaged(now, serial),
            ["P22", time] => self.told_the_time(now, time),
            ["P52", "2", password] => self.password_arrived(password),
            _ if self.manners.ignore => {}
            ["P43", password] => self.unlock(now, password, false),
            ["P52", "3", password] => self.unlock(now, password, true),
            ["P52", "0"] => self.tell_password(now),
            ["P01"] => self.tell_firmware(now),
            [id, _, serial, "WLNET", "8", "1", "1", minutes, sub] if id == self.id => {
                self.relay(now, items[1], serial, minutes, sub);
            }
            [id, function, serial, "WLNET", ref told @ ..] if id == self.id => {
                self.wlnet(now, function, serial, told);
            }
            ref told => {
                if let Some(answer) = self.settings.told(told, self.manners.stay) {
                    self.answer(now, &answer);
                }
            }
        }
    }

    /// Settings of sub-devices and their list.
    fn wlnet(&mut self, now: Now, function: &str, serial: &str, told: &[&str]) {
        if self.is_duplicate(serial) {
            return;
        }
        if let Some(answer) = self.settings.wlnet(told, self.manners.stay) {
            self.answer(now, &format!("{function},{serial},WLNET,{answer}"));
        }
    }

    /// The same serial twice running is a duplicate and dropped.
    fn is_duplicate(&mut self, serial: &str) -> bool {
        let is_duplicate = self.last_wlnet.as_deref() == Some(serial);
        self.last_wlnet = Some(serial.to_owned());
        is_duplicate
    }

    fn answer(&mut self, now: Now, text: &str) {
        let frame = format!("({},{text})", self.id).into_bytes();
        self.manners.answer(now.at, frame, &mut self.out, &mut self.agenda, Job::Answer);
    }

    fn acknowledged(&mut self, now: Now, serial: &str) {
        if serial.parse().is_ok_and(|serial| self.flash.acknowledge(serial)) {
            self.pump(now);
        }
    }

    fn damaged(&mut self, now: Now, serial: &str) {
        if let Ok(serial) = serial.parse() {
            self.flash.damaged(serial);
            self.pump(now);
        }
    }

    /// Takes the time only where it has none of its own: otherwise satellites know better.
    fn told_the_time(&mut self, now: Now, text: &str) {
        match NaiveDateTime::parse_from_str(text, "%d%m%y%H%M%S") {
            Ok(time) if !self.clock.is_set() => self.clock.set(now, time.and_utc()),
            _ => {}
        }
    }

    // Passwords and the motor.

    /// P43 and P52,3.
    fn unlock(&mut self, now: Now, password: &str, dynamic: bool) {
        let word = if dynamic { "P52,3" } else { "P43" };
        let right = if dynamic {
            self.dynamic.as_ref().is_some_and(|dynamic| dynamic.current == password)
        } else {
            self.password == password
        };
        if !right {
            self.bolt.count_command(false);
            self.wrong_password(now, word);
            return;
        }
        if self.manners.refuse {
            self.bolt.count_command(false);
            self.answer(now, &format!("{word},0,{}", self.wrong_count));
            return;
        }
        self.bolt.count_command(true);
        self.wrong_count = 0;
        self.alarms &= !status::WRONG_PASSWORDS;
        self.answer(now, &format!("{word},1,0"));
        if self.manners.stay {
            return;
        }
        let source = if dynamic { source::DYNAMIC_PASSWORD } else { source::STATIC_PASSWORD };
        let moved = self.open(now, By::Command, source, 0);
        if !moved && self.bolt.stuck {
            self.raise(now, status::MOTOR_STUCK, super::wake::TIMER);
        }
    }

    fn wrong_password(&mut self, now: Now, word: &str) {
        self.wrong_count = self.wrong_count.saturating_add(1);
        self.answer(now, &format!("{word},0,{}", self.wrong_count));
        if self.wrong_count == 5 {
            self.raise(now, status::WRONG_PASSWORDS, super::wake::TIMER);
        }
    }

    // The dynamic password: offered until it is answered, new after every locking.

    pub(super) fn offer_password(&mut self) {
        if let (true, Some(dynamic)) =
            (self.connected, self.dynamic.as_ref().filter(|dynamic| !dynamic.answered))
        {
            self.out.push(format!("({},P52,2,{})", self.id, dynamic.current).into_bytes());
        }
    }

    fn password_arrived(&mut self, password: &str) {
        if let Some(dynamic) = self.dynamic.as_mut().filter(|dynamic| dynamic.current == password) {
            dynamic.answered = true;
        }
    }

    pub(super) fn renew_password(&mut self) {
        if self.dynamic.is_some() {
            self.dynamic = Some(DynamicPassword { current: self.rng.digits(6), answered: false });
            self.offer_password();
        }
    }

    fn tell_password(&mut self, now: Now) {
        let text = match &self.dynamic {
            Some(dynamic) => format!("P52,0,000000,{}", dynamic.current),
            None => "P52,0,,".to_owned(),
        };
        self.answer(now, &text);
    }

    fn tell_firmware(&mut self, now: Now) {
        let text = format!("P01,JT701D_20210311_SIMULATED_LoRa_PCBV2.3_R1.2.7,{}%", self.battery);
        self.answer(now, &text);
    }

    // Sub-devices.

    /// WLNET,8: echoed, and held for the sub-device if it is bound.
    fn relay(&mut self, now: Now, function: &str, serial: &str, minutes: &str, sub: &str) {
        if self.is_duplicate(serial) {
            return;
        }
        let Some(minutes @ 1..=5) = minutes.parse::<u32>().ok() else { return };
        let echo = format!("({},{function},{serial},WLNET,8,0,{sub})", self.id).into_bytes();
        self.manners.answer(now.at, echo, &mut self.out, &mut self.agenda, Job::Answer);
        let is_bound = self.settings.is_bound(sub);
        let known = |known: &&mut Sub| is_bound && known.id().eq_ignore_ascii_case(sub);
        if let Some(sub) =
            self.subs.iter_mut().find(known).filter(|_| !self.manners.stay && !self.manners.refuse)
        {
            sub.hold(now.at, self.pace.minute * minutes);
        }
    }
}
