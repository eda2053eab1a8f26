//! Random lives of commands, held against what must always be true. The same lives are told again for `replay`.

use crate::scene::{Scene, at, key};
use crate::wire::*;
use lockyard::domain::alarm::AlarmKind;
use lockyard::domain::command::CommandStep::{Cancelled, FailedUnsent, Sent, Verdict, Withheld};
use lockyard::domain::command::UnlockMethod::{DynamicPassword, StaticPassword, SubLockRelay};
use lockyard::domain::{CommandId, Evidence, Exchange};
use lockyard::fleet::commands::{Command, StepOutcome};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One thing that happens: what, to which, how late or which number.
pub(crate) type Deed = (u8, u8, u16);

/// Runs of deeds; time passes between them.
pub(crate) fn deeds(most: usize) -> impl Strategy<Value = Vec<Deed>> {
    prop::collection::vec((0_u8..24, any::<u8>(), any::<u16>()), 1..most)
}

/// A scene to which deeds are done, checked after each if asked.
pub(crate) struct Life {
    pub(crate) scene: Scene,
    pub(crate) now: i64,
    frames: Vec<Vec<u8>>,
    serial: u32,
    /// Accepted sendings since a command was queued last.
    sendings: BTreeMap<CommandId, u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Step,
    FailedUnsent,
    Reply,
    Frame,
    Nothing,
}

impl Life {
    pub(crate) fn new() -> Self {
        let mut scene = Scene::with_children();
        scene.hear(0, master(0, FINE).bytes());
        scene.hear(0, sub(0, sub_event::TIMED, 0).bytes());
        Self { scene, now: 1, frames: Vec::new(), serial: 0, sendings: BTreeMap::new() }
    }

    fn pick(&self, n: u8) -> CommandId {
        let ids: Vec<CommandId> = self.scene.state.commands.all().map(|command| command.id).collect();
        // Mostly the newest: old ones are over.
        let back = usize::from(n % 4);
        ids.iter().rev().nth(back.min(ids.len().saturating_sub(1))).copied().unwrap_or(CommandId(1))
    }

    fn hear(&mut self, frame: Vec<u8>) -> What {
        self.scene.hear(self.now, &frame);
        self.frames.push(frame);
        What::Frame
    }

    fn reply(&mut self, frame: &str) -> What {
        self.scene.hear(self.now, text(frame));
        What::Reply
    }

    fn sent(&mut self, id: CommandId) -> What {
        let before = self.scene.state.commands.get(id).map(|c| (c.exchange, c.intent.expires));
        // The same serial twice running is refused.
        let serial = if self.scene.state.commands.is_new_serial(&key(MASTER), 7) { 7 } else { 8 };
        let outcome = self.scene.step(self.now, Sent { id, serial: Some(serial) });
        if outcome == StepOutcome::Done {
            let (exchange, expires) = before.unwrap();
            assert_eq!(exchange, Exchange::Queued, "sent from {exchange:?}");
            assert!(at(self.now) < expires, "sent after its time");
            let count = self.sendings.entry(id).or_default();
            *count += 1;
            assert_eq!(*count, 1, "sent twice");
        }
        What::Step
    }

    fn failed(&mut self, id: CommandId) -> What {
        let before = self.scene.state.commands.get(id).cloned();
        if self.scene.step(self.now, FailedUnsent { id }) == StepOutcome::Done {
            let before = before.unwrap();
            assert_eq!(before.exchange, Exchange::Sent);
            assert_eq!((before.answered, before.evidence), (None, Evidence::None), "something was heard");
            self.sendings.insert(id, 0);
        }
        What::FailedUnsent
    }

    fn act(&mut self, (what, which, how): Deed) -> What {
        let late = i64::from(how % 400);
        let told = self.now - late;
        let id = self.pick(which);
        let scene = &mut self.scene;
        match what {
            0 | 1 => {
                let (target, method) = match which % 3 {
                    0 => (SUB, SubLockRelay),
                    1 => (MASTER, DynamicPassword),
                    _ => (MASTER, StaticPassword),
                };
                scene.propose(self.now, target, method);
                What::Step
            }
            2 | 3 => self.sent(id),
            4 => self.failed(id),
            5 => {
                let step = match how % 2 {
                    0 => Cancelled { id, by: "op".into() },
                    _ => Withheld { id, why: "moving".into() },
                };
                scene.step(self.now, step);
                What::Step
            }
            6 => {
                let step = Verdict { id, by: "chief".into(), opened: how % 2 == 0, note: "seen".into() };
                scene.step(self.now, step);
                What::Step
            }
            7 => self.reply("P43,1,0"),
            8 => self.reply("P43,0,1"),
            9 => self.reply("P52,3,1,0"),
            10 => self.reply("1,007,WLNET,8,0,E03B60000A"),
            11 => self.reply("1,008,WLNET,8,0,E03B60000A"),
            12 => self.event(told, by_static),
            13 => self.event(told, by_card),
            14 => self.event(told, auto_locked),
            15 => self.event(told, |told, serial| p45(told, 6, 98, 1, serial)),
            16 => self.hear(master(told, OPEN).bytes()),
            17 => self.hear(master(self.now, if which % 2 == 0 { OPEN } else { FINE }).bytes()),
            18 => self.hear(sub(told, sub_event::LORA, SUB_MOTOR_OPEN).bytes()),
            19 => self.hear(sub(told, sub_event::LOCKED, 0).bytes()),
            20 => {
                let Some(again) = self.frames.get(usize::from(how) % self.frames.len().max(1)).cloned()
                else {
                    return What::Nothing;
                };
                self.scene.hear(self.now, again);
                What::Frame
            }
            21 => {
                scene.restart(self.now);
                What::Step
            }
            _ => {
                self.now += i64::from(how % 900);
                What::Nothing
            }
        }
    }

    fn event(&mut self, told: i64, frame: impl Fn(i64, u32) -> Vec<u8>) -> What {
        self.serial = (self.serial + 1) % 256;
        let frame = frame(told, self.serial);
        self.hear(frame)
    }

    fn commands(&self) -> BTreeMap<CommandId, Command> {
        self.scene.state.commands.all().map(|command| (command.id, command.clone())).collect()
    }

    /// Lets a deed be done, without looking.
    pub(crate) fn live(&mut self, deed: Deed) {
        self.now += 1;
        self.act(deed);
    }

    fn live_and_look(&mut self, deed: Deed) {
        self.now += 1;
        let start = self.now;
        self.scene.advance(start);
        let before = self.commands();
        let what = self.act(deed);
        let after = self.commands();
        for (id, new) in &after {
            if let Some(old) = before.get(id) {
                compare(old, new, what, at(start), &self.scene);
            }
        }
        let moved = after.values().filter(|new| {
            before.get(&new.id).is_some_and(|old| old.evidence != new.evidence || old.told_at != new.told_at)
        });
        assert!(moved.count() <= 1, "one report is evidence of one command at most");
        self.scene.advance(self.now);
        self.look(deed);
    }

    fn look(&self, (what, ..): Deed) {
        let (state, now) = (&self.scene.state, at(self.now));
        for target in [MASTER, SUB] {
            let of = |command: &&Command| command.intent.target == key(target);
            let open: Vec<_> =
                state.commands.all().filter(of).filter(|c| c.blocks(now, state.times)).collect();
            // One that seemed resolved, and whose opening then turned out to be another's, is open again beside it.
            let plain = open.iter().filter(|c| c.evidence != Evidence::Contradicted);
            assert!(plain.count() <= 1, "two open commands for {target}");
            for command in &open {
                let other = state.commands.blocker(&key(target), Some(command.id), now, state.times);
                assert_eq!(other.is_some(), open.len() > 1, "each of them keeps the others from being sent");
            }
            let uncertain = state.commands.is_uncertain(&key(target), now, state.times);
            let alarm = self.scene.alarm(target, AlarmKind::CommandUncertain);
            assert_eq!(alarm.is_some_and(|alarm| alarm.state.is_active()), uncertain, "{target}");
        }
        let sent = state.commands.all().filter(|c| c.exchange == Exchange::Sent).count();
        assert!(what != 21 || sent == 0, "nobody knows of what was sent before a restart");
        let queued: Vec<CommandId> =
            state.commands.all().filter(|c| c.exchange == Exchange::Queued).map(|c| c.id).collect();
        let listed: Vec<CommandId> = state.commands.queued_via(&key(MASTER)).map(|c| c.id).collect();
        assert_eq!(listed, queued);
    }
}

fn is_final(exchange: Exchange) -> bool {
    !matches!(exchange, Exchange::Queued | Exchange::Sent)
}

fn compare(old: &Command, new: &Command, what: What, now: chrono::DateTime<chrono::Utc>, scene: &Scene) {
    let changed = old.exchange != new.exchange;
    assert!(!(changed && is_final(old.exchange)), "{:?} became {:?}", old.exchange, new.exchange);
    assert!(!changed || what != What::Frame, "a report of the lock is no answer");
    assert!(old.evidence == new.evidence || what == What::Frame, "only reports of the lock are evidence");
    if old.exchange == Exchange::Sent && new.exchange == Exchange::Queued {
        assert_eq!(what, What::FailedUnsent);
    }
    assert!(old.answered.is_none() || old.answered == new.answered, "answered twice");
    if new.evidence != Evidence::None {
        let sent = new.sent.expect("evidence of what was never sent");
        assert!(!matches!(new.exchange, Exchange::Queued | Exchange::Expired | Exchange::Cancelled));
        if old.evidence == Evidence::None {
            assert!(now >= sent, "received before the sending");
        }
        if let Some(opened) = new.opened_at.filter(|opened| Some(*opened) != old.opened_at) {
            assert!(opened >= sent - chrono::TimeDelta::seconds(30), "opened before the sending");
            let watch = scene.state.times.relay + scene.state.times.evidence_watch;
            assert!(opened <= new.answered.unwrap_or(sent) + watch, "opened after the window");
            assert_ne!(new.exchange, Exchange::Refused, "it was refused");
        }
    }
    let gone = [Exchange::Expired, Exchange::Cancelled, Exchange::Withheld];
    assert!(!gone.contains(&new.exchange) || new.sent.is_none(), "{:?} and yet sent", new.exchange);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_command_is_sent_once_and_nothing_is_claimed_that_was_not_seen(deeds in deeds(80)) {
        let mut life = Life::new();
        for deed in deeds {
            life.live_and_look(deed);
        }
    }
}

#[test]
fn the_random_lives_reach_what_they_are_meant_to_reach() {
    // A fixed generator: what is never reached is not tested.
    let mut reached = std::collections::BTreeSet::new();
    let mut x: u64 = 1;
    for _ in 0..300 {
        let mut life = Life::new();
        for _ in 0..80 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bytes = x.to_be_bytes();
            life.live((bytes[0] % 24, bytes[1], u16::from_be_bytes([bytes[2], bytes[3]])));
            for command in life.scene.state.commands.all() {
                reached.insert(format!("{:?}", command.exchange));
                reached.insert(format!("{:?}", command.evidence));
            }
        }
    }
    for word in [
        "Queued",
        "Sent",
        "AnsweredOk",
        "Relayed",
        "Refused",
        "Uncertain",
        "Expired",
        "Cancelled",
        "Withheld",
        "None",
        "Opened",
        "Relocked",
        "NotUsed",
        "Contradicted",
    ] {
        assert!(reached.contains(word), "{word} was never reached: {reached:?}");
    }
}
