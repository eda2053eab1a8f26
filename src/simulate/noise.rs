//! Something on the network that speaks no protocol at all.

use super::{
    parts::{DeviceState, Outbox},
    rng::Rng,
    time::{Agenda, Now},
    unit::{Act, Machine},
};
use std::time::Duration;

#[derive(Clone)]
pub(super) struct Noise {
    rng: Rng,
    every: Duration,
    out: Outbox,
    agenda: Agenda<()>,
}

impl Noise {
    pub(super) fn new(rng: Rng, every: Duration, now: Now) -> Self {
        let mut agenda = Agenda::new();
        agenda.push(now.at, ());
        Self { rng, every, out: Outbox::default(), agenda }
    }
}

impl Machine for Noise {
    fn tick(&mut self, now: Now) {
        while self.agenda.pop_due(now.at).is_some() {
            let length = 8 + self.rng.below(56);
            let bytes = (0..length).map(|_| self.rng.byte()).collect();
            self.out.push(bytes);
            let next = self.rng.about(self.every).max(Duration::from_millis(1));
            self.agenda.push(now.at + next, ());
        }
    }

    fn due(&self) -> Option<Duration> {
        self.agenda.next()
    }

    fn wants_link(&self) -> bool {
        true
    }

    fn link_up(&mut self, _now: Now) {}

    fn link_down(&mut self) {
        self.out.take();
    }

    fn receive(&mut self, _now: Now, _bytes: &[u8]) {}

    fn take_frames(&mut self) -> Vec<Vec<u8>> {
        self.out.take()
    }

    fn act(&mut self, _now: Now, _part: usize, _act: &Act) -> bool {
        false
    }

    fn state(&self, _now: Now, _part: usize) -> DeviceState {
        DeviceState::default()
    }

    fn twin(&self, _now: Now) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}
