//! Sub-locks, valve locks and sensors behind a master.

use super::*;
use crate::simulate::master::{Master, MasterSetup, SubKind};

const SUB: usize = 1;
const VALVE: usize = 2;
const SENSOR: usize = 3;
const SUB_ID: &str = "E03B60000A";
const VALVE_ID: &str = "E0FA282C3D"; // every byte of it has to be hidden on the wire
const SENSOR_ID: &str = "1021220618";

fn rig() -> Rig<Master> {
    let subs = vec![
        (SUB_ID.to_owned(), SubKind::SubLock),
        (VALVE_ID.to_owned(), SubKind::ValveLock),
        (SENSOR_ID.to_owned(), SubKind::Sensor),
    ];
    let setup = MasterSetup {
        id: "8000620011".to_owned(),
        password: "471108".to_owned(),
        dynamic: false,
        pace: Pace::real(),
        subs,
    };
    let mut rig = Rig::connected(Master::new(setup, vehicle(), rng(), beginning()));
    rig.run(secs(601));
    rig
}

/// Events of one sub-device: event word, device status.
fn events(frames: &[Frame], wanted: &str) -> Vec<(u16, u16)> {
    frames
        .iter()
        .filter_map(|frame| match frame {
            Frame::Sub { id, event, status, .. } if id == wanted => Some((*event, *status)),
            _ => None,
        })
        .collect()
}

fn unlock(rig: &mut Rig<Master>, serial: &str, minutes: u32, sub: &str) -> Vec<Frame> {
    rig.say(format!("(8000620011,1,{serial},WLNET,8,1,1,{minutes},{sub})"))
}

#[test]
fn a_relayed_unlock_is_echoed_and_taken_by_the_next_wake() {
    for (part, id, opened, locked) in
        [(SUB, SUB_ID, 1 << 3, 1), (VALVE, VALVE_ID, 1 << 6 | 1 << 1, 1 << 7 | 1)]
    {
        let mut rig = rig();
        let echo = unlock(&mut rig, "007", 5, id);
        assert_eq!(texts(&echo), [format!("8000620011,1,007,WLNET,8,0,{id}")]);
        assert!(!rig.motor_open(part), "the echo opens nothing");
        assert!(rig.act(part, Act::WakeButton), "the press that wakes it comes after the order");
        rig.at += millis(1);
        let told = events(&rig.run(Duration::ZERO), id);
        // The order was held at this very instant: this wake did not start after it.
        assert!(!rig.motor_open(part), "{told:?}");
        assert!(rig.act(part, Act::WakeButton));
        assert!(rig.motor_open(part));
        assert_eq!(events(&rig.run(Duration::ZERO), id), [(opened, 0b10)]);
        let relocked = events(&rig.run(secs(61)), id);
        assert!(relocked.contains(&(locked, 0)), "{relocked:?}");
        assert_eq!(rig.openings(part), (1, 1));
        rig.run(secs(3600));
        assert_eq!(rig.openings(part), (1, 1), "an order is used up");
    }
}

#[test]
fn an_unlock_is_taken_by_a_timed_wake_within_its_window_only() {
    // Wakes come about every ten minutes; a window of one minute nearly always misses them.
    let mut rig = rig();
    rig.act(SUB, Act::WakeButton);
    let mut opened = 0;
    for number in 1..=20u32 {
        unlock(&mut rig, &format!("{number:03}"), 1, SUB_ID);
        rig.run(secs(90));
        opened = rig.openings(SUB).0;
        if opened > 0 {
            break;
        }
    }
    assert_eq!(opened, 1, "in half an hour one wake falls into one of twenty windows");
    let mut expired = self::rig();
    unlock(&mut expired, "001", 1, SUB_ID);
    expired.at += secs(61);
    assert!(expired.act(SUB, Act::WakeButton));
    assert_eq!(expired.openings(SUB), (0, 0), "too late");
    expired.run(secs(3600));
    assert_eq!(expired.openings(SUB), (0, 0));
}

#[test]
fn the_same_serial_twice_running_is_dropped() {
    let mut rig = rig();
    assert_eq!(texts(&unlock(&mut rig, "005", 5, SUB_ID)).len(), 1);
    rig.at += millis(1);
    rig.act(SUB, Act::WakeButton);
    rig.run(secs(70));
    assert!(texts(&unlock(&mut rig, "005", 5, SUB_ID)).is_empty());
    rig.act(SUB, Act::WakeButton);
    rig.run(secs(700));
    assert_eq!(rig.openings(SUB), (1, 1));
    assert_eq!(texts(&unlock(&mut rig, "006", 5, SUB_ID)).len(), 1);
    rig.at += millis(1);
    rig.act(SUB, Act::WakeButton);
    assert_eq!(rig.openings(SUB), (2, 2));
}

#[test]
fn what_is_not_for_this_master_or_no_window_is_not_obeyed() {
    let mut rig = rig();
    assert!(rig.say("(8000620012,1,001,WLNET,8,1,1,5,E03B60000A)").is_empty());
    assert!(unlock(&mut rig, "002", 6, SUB_ID).is_empty());
    assert_eq!(texts(&unlock(&mut rig, "003", 5, "E0FFFFFFFF")).len(), 1, "an echo proves nothing");
    rig.at += millis(1);
    rig.act(SUB, Act::WakeButton);
    rig.act(VALVE, Act::WakeButton);
    assert_eq!((rig.openings(SUB), rig.openings(VALVE)), ((0, 0), (0, 0)));
}

#[test]
fn a_sub_lock_that_is_told_to_misbehave() {
    for fault in [Fault::IgnoreCommands, Fault::RefuseCommands, Fault::AcceptButStay, Fault::MotorStuck] {
        let mut rig = rig();
        assert!(rig.fault(SUB, fault.clone()));
        unlock(&mut rig, "001", 5, SUB_ID);
        rig.at += millis(1);
        rig.act(SUB, Act::WakeButton);
        let told = events(&rig.run(secs(1)), SUB_ID);
        assert_eq!(rig.openings(SUB), (0, 0), "{fault:?}");
        assert!(told.iter().all(|(event, _)| event & (1 << 3) == 0), "{fault:?}: {told:?}");
    }
}

#[test]
fn a_rope_out_keeps_a_sub_lock_open() {
    let mut rig = rig();
    unlock(&mut rig, "001", 5, VALVE_ID);
    rig.at += millis(1);
    rig.act(VALVE, Act::WakeButton);
    assert!(rig.act(VALVE, Act::PullRope));
    rig.run(secs(300));
    assert!(rig.motor_open(VALVE));
    assert!(rig.act(VALVE, Act::InsertRope));
    assert!(!rig.motor_open(VALVE));
    let told: Vec<u16> = events(&rig.run(secs(1)), VALVE_ID).iter().map(|(event, _)| *event).collect();
    assert_eq!(told, [1 << 10, 1 << 7 | 1]);
}

#[test]
fn alarms_of_each_kind_use_the_bits_of_that_kind() {
    let cases = [
        (SUB, SUB_ID, Fault::RopeCut, 1 << 4),
        (SUB, SUB_ID, Fault::BackCover, 1 << 2),
        (SUB, SUB_ID, Fault::OpenedElsewhere, 1 << 1),
        (SUB, SUB_ID, Fault::SignalLost, 1 << 14),
        (VALVE, VALVE_ID, Fault::BackCover, 1 << 5),
        (VALVE, VALVE_ID, Fault::Tamper, 1 << 4),
        (VALVE, VALVE_ID, Fault::LowBattery, 1 << 2),
        (VALVE, VALVE_ID, Fault::ValveOpened, 1 << 1),
        (VALVE, VALVE_ID, Fault::OpenedElsewhere, 1 << 8 | 1 << 1),
        (VALVE, VALVE_ID, Fault::SignalLost, 1 << 14),
    ];
    for (part, id, fault, event) in cases {
        let mut rig = rig();
        assert!(rig.fault(part, fault.clone()), "{fault:?}");
        let told: Vec<u16> = events(&rig.run(Duration::ZERO), id).iter().map(|(event, _)| *event).collect();
        assert_eq!(told, [event], "{fault:?}");
    }
    let mut rig = rig();
    assert!(!rig.fault(VALVE, Fault::RopeCut), "no rope cut on a valve lock");
    assert!(!rig.fault(SUB, Fault::Tamper));
    assert!(!rig.fault(SENSOR, Fault::RopeCut));
}

#[test]
fn a_lost_sub_lock_is_silent_and_takes_nothing() {
    let mut rig = rig();
    rig.fault(SUB, Fault::SignalLost);
    let frames = rig.run(Duration::ZERO);
    let gateway = frames.iter().find_map(|frame| match frame {
        Frame::Sub { id, gateway, .. } if id == SUB_ID => Some(*gateway),
        _ => None,
    });
    assert_eq!(gateway, Some(0b10));
    unlock(&mut rig, "001", 5, SUB_ID);
    let timed = |told: &[(u16, u16)]| told.iter().filter(|(event, _)| event & (1 << 6) != 0).count();
    for frame in rig.run(secs(60)) {
        // Clears what was told before, so that nothing of it comes again.
        if let Frame::Sub { serial, .. } = frame {
            rig.say(format!("(P69,0,{serial})"));
        }
    }
    assert_eq!(timed(&events(&rig.run(secs(3600)), SUB_ID)), 0);
    rig.fault(SUB, Fault::Heal);
    assert_ne!(timed(&events(&rig.run(secs(700)), SUB_ID)), 0);
    assert_eq!(rig.openings(SUB), (0, 0));
}

#[test]
fn each_sub_device_counts_its_own_records_and_the_master_its_frames() {
    let mut rig = rig();
    let mut serials = Vec::new();
    let mut frame_serials = Vec::new();
    for _ in 0..3 {
        rig.act(VALVE, Act::WakeButton);
        for frame in rig.run(Duration::ZERO) {
            if let Frame::Sub { id, serial, frame, .. } = frame {
                if id == VALVE_ID {
                    serials.push(serial);
                }
                frame_serials.push(frame);
            }
        }
    }
    assert_eq!(serials.len(), 3);
    assert!(serials.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{serials:?}");
    assert!(frame_serials.windows(2).all(|pair| pair[1] == pair[0] % 255 + 1), "{frame_serials:?}");
}

#[test]
fn what_came_while_the_master_was_away_is_marked_as_replayed() {
    let mut rig = rig();
    rig.machine.link_down();
    rig.fault(VALVE, Fault::Tamper);
    rig.run(secs(400));
    rig.connect();
    let told = events(&rig.run(Duration::ZERO), VALVE_ID);
    assert!(told.iter().any(|(event, _)| *event == 0x8000 | 1 << 4), "{told:?}");
}

#[test]
fn a_valve_lock_that_is_shut_can_tell_so() {
    let mut rig = rig();
    assert!(rig.act(VALVE, Act::TellSealed));
    assert_eq!(events(&rig.run(Duration::ZERO), VALVE_ID), [(1 << 7 | 1, 0)]);
    assert!(!rig.act(SUB, Act::TellSealed), "a sub-lock has no valve");
    rig.act(VALVE, Act::Phone);
    assert!(!rig.act(VALVE, Act::TellSealed), "it is open");
}

#[test]
fn a_lock_closed_in_a_hurry_is_locked_with_its_rope_out() {
    let mut rig = rig();
    assert!(!rig.act(SUB, Act::CloseBadly), "it is locked");
    rig.act(SUB, Act::Card);
    assert!(!rig.act(SUB, Act::CloseBadly), "the rope is in: that is no bad closing");
    rig.act(SUB, Act::PullRope);
    rig.run(Duration::ZERO);
    assert!(rig.act(SUB, Act::CloseBadly));
    assert_eq!(events(&rig.run(Duration::ZERO), SUB_ID), [(1, 0b01)], "motor locked, rope out");
    assert!(rig.act(SUB, Act::InsertRope));
    rig.act(SUB, Act::WakeButton);
    assert_eq!(events(&rig.run(Duration::ZERO), SUB_ID), [(1 << 5, 0)]);
}

#[test]
fn an_event_wakes_a_sleeping_master() {
    let subs = vec![(SUB_ID.to_owned(), SubKind::SubLock)];
    let pace = Pace { sub_wake: secs(100_000), ..Pace::real().sleeping(secs(30), secs(3000)) };
    let (id, password) = ("8000620011".to_owned(), "471108".to_owned());
    let setup = MasterSetup { id, password, dynamic: false, pace, subs };
    let mut rig = Rig::connected(Master::new(setup, vehicle(), rng(), beginning()));
    rig.run(secs(31));
    rig.machine.link_down();
    assert!(!rig.machine.wants_link());
    rig.fault(SUB, Fault::RopeCut);
    rig.run(Duration::ZERO);
    assert!(rig.machine.wants_link());
    rig.connect();
    let frames = rig.run(Duration::ZERO);
    assert_eq!(events(&frames, SUB_ID), [(1 << 4, 0)], "fresh enough not to be history");
    assert!(frames.iter().any(|frame| matches!(frame, Frame::Position { wake: 7, .. })));
}

#[tokio::test]
async fn over_a_socket_from_order_to_the_locks_own_report() {
    let server = Server::new().await;
    let plan = crate::simulate::MasterLock::new("8000620011").unwrap().valve_lock(VALVE_ID).unwrap();
    let fleet = plan.pace(brisk()).connect(server.addr()).await;
    let valve = fleet.device(VALVE_ID).unwrap();
    assert_eq!(valve.info().bound_to.as_deref(), Some("8000620011"));
    let mut line = server.accept().await;
    line.say(format!("(8000620011,1,041,WLNET,8,1,1,5,{VALVE_ID})")).await;
    line.text("041,WLNET,8,0,").await;
    let report = |wanted: u16| {
        move |frame: &Frame| match frame {
            Frame::Sub { event, serial, .. } if event & wanted != 0 => Some(*serial),
            _ => None,
        }
    };
    let opened = line.until(report(1 << 6)).await;
    line.say(format!("(P69,0,{opened})")).await;
    let locked = line.until(report(1 << 7)).await;
    line.say(format!("(P69,0,{locked})")).await;
    let state = valve.state().await;
    assert_eq!((state.openings, state.remote_openings), (1, 1));
    assert_eq!((state.motor_open, state.valve_open), (Some(false), Some(false)));
    fleet.stop().await;
}
