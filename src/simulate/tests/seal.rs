//! The seal with its own modem.

use super::*;
use crate::simulate::{
    encode::seal::{self, status},
    seal::{Seal, SealSetup},
};
use tokio::net::UdpSocket;

const ID: &str = "794308000011";

fn rig() -> Rig<Seal> {
    let setup = SealSetup { id: ID.to_owned(), password: "471108".to_owned(), pace: Pace::real() };
    Rig::connected(Seal::new(setup, vehicle(), rng(), beginning()))
}

fn acknowledge(serial: u16, message: u16) -> Vec<u8> {
    let body = [serial.to_be_bytes(), message.to_be_bytes()].concat();
    seal::frame(0x8001, ID, 1, &[&body[..], &[0]].concat())
}

/// The rig past its registration, with its first report acknowledged.
fn at_work() -> Rig<Seal> {
    let mut rig = rig();
    let [Frame::Seal(seal::REGISTER, serial, _)] = rig.run(Duration::ZERO)[..] else {
        panic!("registers first")
    };
    let answer = [&serial.to_be_bytes()[..], b"\0code"].concat();
    let next = rig.say(seal::frame(0x8100, ID, 1, &answer));
    let [Frame::Seal(seal::AUTHENTICATE, serial, code)] = &next[..] else { panic!("{next:?}") };
    assert_eq!(code, b"code");
    let next = rig.say(acknowledge(*serial, seal::AUTHENTICATE));
    let messages: Vec<u16> = next.iter().map(message).collect();
    assert_eq!(messages, [seal::ASK_TIME, seal::REPORT]);
    let Frame::Seal(_, serial, _) = next[1] else { panic!() };
    assert!(rig.say(acknowledge(serial, seal::REPORT)).is_empty());
    rig
}

fn message(frame: &Frame) -> u16 {
    match frame {
        Frame::Seal(message, ..) => *message,
        other => panic!("{other:?}"),
    }
}

/// Status word and lock event of every report among `frames`.
fn reports(frames: &[Frame]) -> Vec<(u32, Vec<u8>)> {
    frames
        .iter()
        .filter_map(|frame| match frame {
            Frame::Seal(seal::REPORT, _, body) => Some(body),
            _ => None,
        })
        .map(|body| {
            let mut extras = &body[28..];
            let mut event = Vec::new();
            while let [id, length, rest @ ..] = extras {
                let (value, rest) = rest.split_at(usize::from(*length));
                if *id == 0x0b {
                    event = value.to_vec();
                }
                extras = rest;
            }
            (u32::from_be_bytes([body[4], body[5], body[6], body[7]]), event)
        })
        .collect()
}

#[test]
fn registers_authenticates_asks_the_time_and_reports() {
    let mut rig = at_work();
    let messages: Vec<u16> = rig.run(secs(301)).iter().map(message).collect();
    assert!(messages.contains(&seal::HEARTBEAT), "{messages:04x?}");
}

#[test]
fn reports_all_the_same_when_nobody_answers_its_registration() {
    let mut rig = rig();
    let messages: Vec<u16> = rig.run(secs(120)).iter().map(message).collect();
    assert_eq!(messages.iter().filter(|message| **message == seal::REGISTER).count(), 3);
    assert!(messages.contains(&seal::REPORT));
}

#[test]
fn a_report_goes_again_until_it_is_acknowledged() {
    let mut rig = at_work();
    rig.fault(0, Fault::RopeCut);
    let events = |frames: &[Frame]| reports(frames).iter().filter(|(_, event)| *event == [12]).count();
    assert_eq!(events(&rig.run(Duration::ZERO)), 1);
    let again = rig.run(secs(80));
    assert!(events(&again) >= 1, "resent after a minute");
    for frame in &again {
        if let Frame::Seal(seal::REPORT, serial, _) = frame {
            rig.say(acknowledge(*serial, seal::REPORT));
        }
    }
    assert_eq!(events(&rig.run(secs(300))), 0);
}

#[test]
fn card_rope_and_self_locking() {
    let mut rig = at_work();
    assert!(rig.act(0, Act::Card));
    let told = reports(&rig.run(Duration::ZERO));
    assert_eq!(told[0].1[0], 34);
    assert_ne!(told[0].0 & status::MOTOR_UNLOCKED, 0);
    assert!(rig.act(0, Act::PullRope));
    let told = reports(&rig.run(secs(10)));
    assert_eq!(told[0].1, [28]);
    assert_ne!(told[0].0 & status::ROPE_OUT, 0);
    assert!(rig.act(0, Act::InsertRope));
    let told = reports(&rig.run(Duration::ZERO));
    assert_eq!(told[0], (told[0].0 & !status::MOTOR_UNLOCKED & !status::ROPE_OUT, vec![13]));
    assert!(rig.fault(0, Fault::OpenedElsewhere));
    let told = reports(&rig.run(Duration::ZERO));
    assert_eq!(told[0].1, [&[30][..], b"471108", &[101]].concat());
    let told = reports(&rig.run(secs(61)));
    assert!(told.iter().any(|(_, event)| *event == [13]), "{told:?}");
    assert_eq!(rig.openings(0), (2, 0));
}

#[test]
fn closed_in_a_hurry_it_is_locked_with_its_rope_out_until_that_is_put_in() {
    let mut rig = at_work();
    rig.act(0, Act::Card);
    assert!(!rig.act(0, Act::CloseBadly), "the rope is in: that is no bad closing");
    rig.act(0, Act::PullRope);
    rig.run(secs(10));
    assert!(rig.act(0, Act::CloseBadly));
    let told = reports(&rig.run(Duration::ZERO));
    assert_eq!(told[0].0 & (status::MOTOR_UNLOCKED | status::ROPE_OUT), status::ROPE_OUT);
    assert!(rig.act(0, Act::InsertRope));
    let told = reports(&rig.run(Duration::ZERO));
    assert_eq!(told[0].0 & (status::MOTOR_UNLOCKED | status::ROPE_OUT), 0);
}

#[test]
fn what_was_stored_comes_in_batches() {
    let mut rig = at_work();
    rig.machine.link_down();
    rig.run(secs(210));
    rig.connect();
    let [Frame::Seal(seal::AUTHENTICATE, serial, _)] = rig.run(Duration::ZERO)[..] else {
        panic!("knows its code")
    };
    let frames = rig.say(acknowledge(serial, seal::AUTHENTICATE));
    let batches = |frames: &[Frame]| -> Vec<(u16, u16)> {
        frames
            .iter()
            .filter_map(|frame| match frame {
                Frame::Seal(seal::BATCH, serial, body) => {
                    assert_eq!(body[2], 1, "replayed");
                    Some((*serial, u16::from_be_bytes([body[0], body[1]])))
                }
                _ => None,
            })
            .collect()
    };
    let first = batches(&frames);
    assert_eq!(first.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [5], "one batch at a time");
    let second = batches(&rig.say(acknowledge(first[0].0, seal::BATCH)));
    assert_eq!(second.len(), 1);
    assert!(batches(&rig.say(acknowledge(second[0].0, seal::BATCH))).is_empty());
}

#[tokio::test]
async fn over_udp() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let plan = crate::simulate::Seal::new(ID).unwrap().udp().pace(brisk());
    let fleet = plan.connect(server.local_addr().unwrap()).await;
    let mut buffer = [0; 2048];
    let mut reported = 0;
    while reported < 2 {
        let (count, peer) = tokio::time::timeout(PATIENCE, server.recv_from(&mut buffer))
            .await
            .expect("nothing comes")
            .unwrap();
        let Frame::Seal(message, serial, _) = parse(&buffer[..count]) else {
            panic!("one datagram, one frame")
        };
        match message {
            seal::REGISTER => {
                let body = [&serial.to_be_bytes()[..], b"\0code"].concat();
                server.send_to(&seal::frame(0x8100, ID, 1, &body), peer).await.unwrap();
            }
            seal::REPORT => {
                reported += 1;
                if reported == 2 {
                    server.send_to(&acknowledge(serial, message), peer).await.unwrap();
                }
            }
            _ => _ = server.send_to(&acknowledge(serial, message), peer).await.unwrap(),
        }
    }
    let seal = &fleet.devices()[0];
    for _ in 0..500 {
        if seal.state().await.unacknowledged == 0 {
            break;
        }
        tokio::time::sleep(millis(10)).await;
    }
    assert_eq!(seal.state().await.unacknowledged, 0);
    fleet.stop().await;
}
