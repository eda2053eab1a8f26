//! Living through it, reading the journal afterwards, and going on from a checkpoint come to the same.

use crate::life::{Life, deeds};
use crate::scene::at;
use crate::wire::*;
use lockyard::domain::CommandId;
use lockyard::domain::identity::{IdentityDecision, Source};

use lockyard::domain::journal::{Entry, Transport};
use lockyard::domain::order::OrderStep;
use lockyard::fleet::snapshot::Snapshot;
use lockyard::fleet::{State, Times};
use proptest::prelude::*;

/// Orders: made, sent, answered, cancelled, sent in vain.
fn orders(life: &mut Life, (what, which, how): (u8, u8, u16)) {
    let now = life.now;
    let scene = &mut life.scene;
    let serial = scene.state.commands.next_serial(&crate::scene::key(MASTER));
    let words = match which % 3 {
        0 => crate::orders::read(),
        1 => crate::orders::configure(how % 3),
        _ => crate::orders::list(serial.into()),
    };
    let ids: Vec<CommandId> = scene.state.orders.all().map(|order| order.id).collect();
    let newest = ids.iter().rev().nth(usize::from(how % 3)).copied();
    match (what % 12, newest) {
        (0 | 1, _) => {
            scene.order(now, MASTER, &words);
        }
        (2, Some(id)) => {
            scene.order_as(now, MASTER, &words, Some(id), false);
        }
        (3, _) => {
            scene.order_as(now, MASTER, &words, None, true);
        }
        (4..=6, Some(id)) => {
            scene.tell(now, id, &words);
        }
        (7, Some(id)) => {
            let step = match how % 4 {
                0 => OrderStep::FailedUnsent { id },
                1 => OrderStep::Cancelled { id, by: "op".into() },
                2 => OrderStep::Withheld { id, why: "gone".into() },
                _ => OrderStep::Checked { id, agrees: Some(true), words: "as asked".into() },
            };
            scene.order_step(now, step);
        }
        (8, _) => scene.hear(now, text("P04,0,30,60")),
        (9, _) => scene.hear(now, text(&format!("P04,1,{},60", how % 3))),
        (10, _) => scene.hear(now, text(&format!("1,{:03},WLNET,1,E03B60000A", how % 20))),
        _ => {}
    }
}

/// More than commands: alarms, backlogs, children, acknowledgements.
fn more(life: &mut Life, (what, which, how): (u8, u8, u16)) {
    let now = life.now;
    let told = now - i64::from(how % 2000);
    let scene = &mut life.scene;
    match what % 12 {
        0 => scene.hear(now, master(told, FINE | u16::from(which) << 8).bytes()),
        1 => scene.hear(now, master(told, FINE | ROPE_CUT).stored().bytes()),
        2 => scene
            .hear(now, Sub { lost: which.is_multiple_of(2), ..sub(told, how, u16::from(which) & 7) }.bytes()),
        3 => scene.hear(now, Sub { id: "E03B60000F", ..valve(told, how & 0x3FFF, 0) }.bytes()),
        4 => scene
            .hear(now, tracker(["POS", "IN1", "CPA", "TOW", "XYZ"][usize::from(which) % 5], told, "10010")),
        5 => scene.hear(now, seal(told, u32::from(how), u32::from(which) << 16, &[])),
        6 | 7 => {
            let ids: Vec<_> = scene.state.alarms.open().map(|alarm| alarm.id).collect();
            if let Some(id) = ids.get(usize::from(which) % ids.len().max(1)) {
                if what % 12 == 6 {
                    scene.ack(now, *id, "anna");
                } else {
                    scene.reset(now, *id);
                }
            }
        }
        9 | 10 => {
            let by = Source {
                transport: Transport::Tcp,
                peer: format!("10.0.0.{}:7", which % 3).parse().unwrap(),
            };
            scene.hear_from(now, by, master(told, FINE).bytes());
        }
        11 => {
            scene.decide(now, MASTER, IdentityDecision::ALL[usize::from(which) % 3]);
        }
        _ => {
            let kind = lockyard::domain::DeviceKind::SubLock;
            scene.enrol(now, "E03B60000F", kind, ["TRK-2041", "NEW"][usize::from(which) % 2], Some(MASTER));
        }
    }
}

fn look(state: &State, second: i64) -> Snapshot {
    let mut snapshot = state.snapshot(&crate::scene::plan(), at(second), true);
    snapshot.devices.sort_by(|a, b| a.key.cmp(&b.key));
    snapshot
}

/// Applies entries; between them time passes in steps of its own, never beyond the next entry.
fn tell(state: &mut State, entries: &[Entry], ticks: u16) {
    for entry in entries {
        if ticks > 0 {
            let until = entry.at;
            let mut now = state.now.max(at(0));
            while now < until {
                state.advance(now);
                now += chrono::TimeDelta::seconds(i64::from(ticks));
            }
        }
        state.apply(entry);
    }
}

fn again(state: &State) -> State {
    State::from_checkpoint(&state.checkpoint().unwrap(), Times::default()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_replay_comes_to_what_living_came_to(
        deeds in deeds(60), others in deeds(60), cut in any::<prop::sample::Index>(), ticks in 1_u16..500,
    ) {
        let mut life = Life::new();
        for (deed, other) in deeds.iter().zip(&others) {
            life.live(*deed);
            more(&mut life, *other);
            orders(&mut life, *deed);
            orders(&mut life, *other);
        }
        let (entries, end) = (life.scene.entries, life.now + 10);
        life.scene.state.advance(at(end));
        let lived = look(&life.scene.state, end);

        let mut replayed = State::new(Times::default());
        tell(&mut replayed, &entries, 0);
        replayed.advance(at(end));
        prop_assert_eq!(&look(&replayed, end), &lived);

        let mut ticked = State::new(Times::default());
        tell(&mut ticked, &entries, ticks);
        ticked.advance(at(end));
        prop_assert_eq!(&look(&ticked, end), &lived);

        let (first, rest) = entries.split_at(cut.index(entries.len()));
        let mut resumed = State::new(Times::default());
        tell(&mut resumed, first, ticks);
        let mut resumed = again(&resumed);
        tell(&mut resumed, rest, 0);
        let mut resumed = again(&resumed);
        resumed.advance(at(end));
        prop_assert_eq!(&look(&resumed, end), &lived);
        // Not only what is shown: what is remembered, too.
        let whole = |state: &State| serde_json::from_slice::<serde_json::Value>(&state.checkpoint().unwrap()).unwrap();
        prop_assert_eq!(whole(&resumed), whole(&replayed));
    }
}
