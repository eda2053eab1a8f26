//! The master lock: passwords and motor, records, sleep.

use super::*;
use crate::simulate::{
    encode::master::status,
    master::{Master, MasterSetup, SubKind},
};

const ID: &str = "8000620011";
const PASSWORD: &str = "471108";

fn master(pace: Pace) -> Master {
    let subs = vec![("E03B60000A".to_owned(), SubKind::SubLock)];
    let setup = MasterSetup { id: ID.to_owned(), password: PASSWORD.to_owned(), dynamic: false, pace, subs };
    Master::new(setup, vehicle(), rng(), beginning())
}

fn rig() -> Rig<Master> {
    let mut rig = Rig::connected(master(Pace::real()));
    rig.run(secs(1));
    rig
}

fn last_status(frames: &[Frame]) -> u16 {
    let found = frames.iter().rev().find_map(|frame| match frame {
        Frame::Position { status, .. } => Some(*status),
        _ => None,
    });
    found.expect("a position")
}

#[test]
fn a_right_password_opens_once_and_the_lock_closes_by_itself() {
    let mut rig = rig();
    assert_eq!(texts(&rig.say("(P43,471108)")), ["8000620011,P43,1,0"]);
    assert!(rig.motor_open(0));
    let shown = rig.run(secs(10));
    assert_eq!(last_status(&shown) & status::MOTOR_LOCKED, 0, "the new state comes shortly after");
    assert!(lock_reports(&shown).is_empty(), "the report comes minutes later");
    rig.run(secs(51));
    assert!(!rig.motor_open(0), "locked again after a minute");
    let told = lock_reports(&rig.run(secs(300)));
    let first: Vec<[u32; 3]> = told.iter().map(|report| [report[0], report[2], report[3]]).collect();
    assert_eq!(first[..2], [[4, 1, 0], [5, 0, 0]]);
    assert_eq!(rig.openings(0), (1, 1));
}

#[test]
fn a_second_right_password_while_open_moves_nothing() {
    let mut rig = rig();
    rig.say("(P43,471108)");
    rig.run(secs(30));
    assert_eq!(texts(&rig.say("(P43,471108)")), ["8000620011,P43,1,0"]);
    let state = rig.machine.state(rig.now(), 0);
    assert_eq!((state.openings, state.commands_taken), (1, 2));
    rig.run(secs(31));
    assert!(!rig.motor_open(0));
    rig.say("(P43,471108)");
    assert_eq!(rig.openings(0), (2, 2), "a new opening after it has locked");
}

#[test]
fn five_wrong_passwords_raise_the_alarm_and_open_nothing() {
    let mut rig = rig();
    for count in 1..=5 {
        let frames = rig.say("(P43,000000)");
        assert_eq!(texts(&frames), [format!("8000620011,P43,0,{count}")]);
        let alarms: Vec<&Frame> =
            frames.iter().filter(|frame| matches!(frame, Frame::Position { kind: 2, .. })).collect();
        assert_eq!(alarms.len(), usize::from(count == 5));
        if let [Frame::Position { status, .. }] = alarms[..] {
            assert_eq!(status & status::WRONG_PASSWORDS, status::WRONG_PASSWORDS);
        }
    }
    assert_eq!(rig.openings(0), (0, 0));
    assert_eq!(texts(&rig.say("(P43,471108)")), ["8000620011,P43,1,0"], "the count starts again");
}

#[test]
fn a_pulled_rope_keeps_it_open_until_the_rope_is_back() {
    let mut rig = rig();
    assert!(!rig.act(0, Act::PullRope), "not while it is locked");
    rig.say("(P43,471108)");
    assert!(rig.act(0, Act::PullRope));
    rig.run(secs(120));
    assert!(rig.motor_open(0));
    assert!(rig.act(0, Act::InsertRope));
    assert!(!rig.motor_open(0));
    let sources: Vec<u32> = lock_reports(&rig.run(secs(600))).iter().map(|report| report[0]).collect();
    assert_eq!(sources, [4, 8, 5]);
}

#[test]
fn closed_in_a_hurry_it_is_locked_with_its_rope_out_until_that_is_put_in() {
    let mut rig = rig();
    rig.say("(P43,471108)");
    assert!(!rig.act(0, Act::CloseBadly), "the rope is in: that is no bad closing");
    rig.act(0, Act::PullRope);
    assert!(rig.act(0, Act::CloseBadly));
    let state = |rig: &Rig<Master>| {
        let state = rig.machine.state(beginning(), 0);
        (state.motor_open, state.rope_in)
    };
    assert_eq!(state(&rig), (Some(false), Some(false)));
    assert!(rig.act(0, Act::InsertRope));
    assert_eq!(state(&rig), (Some(false), Some(true)));
    assert_eq!(rig.openings(0), (1, 1));
}

#[test]
fn a_dynamic_password_is_offered_until_answered_and_changes_after_use() {
    let setup = MasterSetup {
        id: ID.to_owned(),
        password: PASSWORD.to_owned(),
        dynamic: true,
        pace: Pace::real(),
        subs: Vec::new(),
    };
    let mut rig = Rig::connected(Master::new(setup, vehicle(), rng(), beginning()));
    let offered = |frames: &[Frame]| -> Vec<String> {
        texts(frames)
            .iter()
            .filter_map(|text| text.strip_prefix("8000620011,P52,2,"))
            .map(str::to_owned)
            .collect()
    };
    let first = offered(&rig.run(secs(1)))[0].clone();
    assert_eq!(first.len(), 6);
    assert_eq!(offered(&rig.run(secs(125))), [first.clone(), first.clone()], "once a minute");
    rig.say(format!("(P52,2,{first})"));
    assert!(offered(&rig.run(secs(125))).is_empty());
    assert_eq!(texts(&rig.say("(P52,0)")), [format!("8000620011,P52,0,000000,{first}")]);
    assert_eq!(texts(&rig.say(format!("(P52,3,{first})"))), ["8000620011,P52,3,1,0"]);
    let frames = rig.run(secs(200));
    let reports = lock_reports(&frames);
    assert_eq!(reports[0][..2], [6, 98]);
    let second = offered(&frames)[0].clone();
    assert_ne!(second, first, "new after it has locked");
    assert_eq!(texts(&rig.say(format!("(P52,3,{first})"))), ["8000620011,P52,3,0,1"]);
    assert_eq!(rig.openings(0), (1, 1));
}

#[test]
fn without_a_dynamic_password_it_says_so() {
    assert_eq!(texts(&rig().say("(P52,0)")), ["8000620011,P52,0,,"]);
}

#[test]
fn manners_towards_commands() {
    let cases: [(Fault, &[&str], u32); 5] = [
        (Fault::IgnoreCommands, &[], 0),
        (Fault::MuteAnswers, &[], 1),
        (Fault::RefuseCommands, &["8000620011,P43,0,0"], 0),
        (Fault::AcceptButStay, &["8000620011,P43,1,0"], 0),
        (Fault::MotorStuck, &["8000620011,P43,1,0"], 0),
    ];
    for (fault, answers, openings) in cases {
        let mut rig = rig();
        assert!(rig.fault(0, fault.clone()));
        rig.run(secs(1));
        assert_eq!(texts(&rig.say("(P43,471108)")), answers, "{fault:?}");
        assert_eq!(rig.openings(0), (openings, openings), "{fault:?}");
        rig.fault(0, Fault::Heal);
        rig.run(secs(120));
        assert_eq!(texts(&rig.say("(P43,471108)")), ["8000620011,P43,1,0"], "{fault:?} healed");
        assert_eq!(rig.openings(0).0, openings + 1, "{fault:?} healed");
    }
}

#[test]
fn a_late_answer_comes_late_though_the_lock_opens_at_once() {
    let mut rig = rig();
    rig.fault(0, Fault::LateAnswers(secs(40)));
    assert!(texts(&rig.say("(P43,471108)")).is_empty());
    assert!(rig.motor_open(0));
    assert!(texts(&rig.run(secs(39))).is_empty());
    assert_eq!(texts(&rig.run(secs(2))), ["8000620011,P43,1,0"]);
}

#[test]
fn a_stuck_motor_says_so() {
    let mut rig = rig();
    rig.fault(0, Fault::MotorStuck);
    assert_ne!(last_status(&rig.run(secs(1))) & status::MOTOR_STUCK, 0);
}

#[test]
fn records_of_a_lost_connection_are_replayed_and_cleared_by_their_numbers() {
    let mut rig = rig();
    rig.machine.link_down();
    rig.run(secs(100));
    rig.fault(0, Fault::RopeCut);
    rig.connect();
    let frames = rig.run(Duration::ZERO);
    let kinds: Vec<(u8, u8)> = frames
        .iter()
        .filter_map(|frame| match frame {
            Frame::Position { kind, serial, .. } => Some((*kind, *serial)),
            _ => None,
        })
        .collect();
    assert_eq!(kinds[0].0, 1, "the live one first: {kinds:?}");
    assert!(kinds.iter().filter(|(kind, _)| *kind == 3).count() >= 3, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|(kind, _)| *kind == 2).count(), 1, "{kinds:?}");
    let before = rig.machine.state(rig.now(), 0).unacknowledged;
    for (_, serial) in &kinds {
        rig.say(format!("(P69,0,{serial})"));
    }
    let after = rig.machine.state(rig.now(), 0).unacknowledged;
    assert_eq!(before - after, kinds.len());
}

#[test]
fn a_sleeper_hangs_up_wakes_by_its_timer_and_by_a_cut_rope() {
    let pace = Pace::real().sleeping(secs(60), secs(600));
    let mut rig = Rig::connected(master(Pace { sub_wake: secs(100_000), ..pace }));
    rig.run(secs(59));
    assert!(rig.machine.wants_link());
    rig.run(secs(2));
    assert!(!rig.machine.wants_link());
    rig.machine.link_down();
    rig.run(secs(600));
    assert!(rig.machine.wants_link());
    rig.connect();
    assert!(rig.run(secs(1)).iter().any(|frame| matches!(frame, Frame::Position { wake: 1, .. })));
    rig.run(secs(60));
    assert!(!rig.machine.wants_link());
    rig.machine.link_down();
    rig.fault(0, Fault::RopeCut);
    assert!(rig.machine.wants_link(), "an alarm does not wait for the timer");
    rig.connect();
    let frames = rig.run(secs(1));
    let cut =
        |frame: &Frame| matches!(frame, Frame::Position { kind: 2, wake: 4, status, .. } if status & 8 != 0);
    assert!(frames.iter().any(cut), "{frames:?}");
}

#[test]
fn a_lock_opened_just_before_sleep_still_locks() {
    let pace = Pace::real().sleeping(secs(30), secs(600));
    let mut rig = Rig::connected(master(Pace { sub_wake: secs(100_000), ..pace }));
    rig.run(secs(25));
    rig.say("(P43,471108)");
    rig.run(secs(10));
    rig.machine.link_down();
    assert!(!rig.machine.wants_link() && rig.motor_open(0));
    rig.run(secs(60));
    assert!(!rig.motor_open(0));
    assert_eq!(rig.openings(0), (1, 1));
}

#[test]
fn an_unset_clock_shows_2000_until_it_is_told_the_time() {
    let mut rig = rig();
    rig.fault(0, Fault::ClockUnset);
    let years = |frames: Vec<Frame>| -> Vec<u8> {
        frames
            .iter()
            .filter_map(|frame| match frame {
                Frame::Position { kind: 1, year, .. } => Some(*year),
                _ => None,
            })
            .collect()
    };
    assert!(years(rig.run(secs(61))).iter().all(|year| *year == 0));
    rig.say("(P22,010326121000)");
    assert!(years(rig.run(secs(61))).iter().all(|year| *year == 26));
}

#[test]
fn local_openings_are_told_from_remote_ones() {
    let mut rig = rig();
    assert!(rig.act(0, Act::Card));
    assert!(!rig.fault(0, Fault::OpenedElsewhere), "open already");
    rig.run(secs(61));
    assert!(rig.fault(0, Fault::OpenedElsewhere));
    rig.run(secs(61));
    assert!(rig.act(0, Act::Phone));
    let sources: Vec<u32> = lock_reports(&rig.run(secs(1000))).iter().map(|report| report[0]).collect();
    for source in [1, 4, 7] {
        assert!(sources.contains(&source), "{sources:?}");
    }
    assert_eq!(rig.openings(0), (3, 0));
}

#[test]
fn a_backlog_is_history_and_does_not_pretend_to_be_live() {
    let mut rig = rig();
    rig.fault(0, Fault::Backlog(5));
    let kinds: Vec<u8> = rig
        .run(Duration::ZERO)
        .iter()
        .filter_map(|frame| match frame {
            Frame::Position { kind, .. } => Some(*kind),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [3; 5]);
}

#[tokio::test]
async fn over_a_socket_resent_until_acknowledged() {
    let server = Server::new().await;
    let fleet = crate::simulate::MasterLock::new(ID).unwrap().pace(brisk()).connect(server.addr()).await;
    let mut line = server.accept().await;
    assert_eq!(line.next().await, Some(Frame::Text("8000620011,P22,2".to_owned())));
    let position = |frame: &Frame| match frame {
        Frame::Position { kind, serial, .. } => Some((*kind, *serial)),
        _ => None,
    };
    let (kind, serial) = line.until(position).await;
    assert_eq!(kind, 1);
    assert_eq!(line.until(position).await.1, serial, "again, with the same number");
    assert_eq!(fleet.devices()[0].state().await.unacknowledged, 1);
    line.say(format!("(P69,0,{serial})")).await;
    line.say("(P01)").await;
    line.text("P01,JT701D").await;
    assert_eq!(fleet.devices()[0].state().await.unacknowledged, 0);
    fleet.stop().await;
    while line.next().await.is_some() {}
}

#[tokio::test]
async fn over_a_socket_opened_exactly_once_byte_by_byte() {
    let server = Server::new().await;
    let plan = crate::simulate::MasterLock::new(ID).unwrap().password(PASSWORD).pace(brisk());
    let fleet = plan.connect(server.addr()).await;
    let lock = &fleet.devices()[0];
    assert!(lock.fault(Fault::SplitBytes));
    let mut line = server.accept().await;
    line.say("(P43,4711").await;
    line.say("08)").await;
    assert_eq!(line.text("P43").await, "8000620011,P43,1,0");
    for source in [4, 5] {
        let report = |frame: &Frame| {
            lock_reports(std::slice::from_ref(frame)).into_iter().find(|report| report[0] == source)
        };
        let serial = line.until(report).await[4];
        line.say(format!("(P69,0,{serial})")).await;
    }
    let state = lock.state().await;
    assert_eq!((state.openings, state.remote_openings, state.motor_open), (1, 1, Some(false)));
    fleet.stop().await;
}
