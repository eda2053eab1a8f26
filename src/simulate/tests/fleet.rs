//! Whole fleets on real sockets.

use super::*;
use crate::simulate::{DeviceHandle, Fleet, FleetPlan, MasterLock, Tracker};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Mutex,
};
use tokio::net::UdpSocket;

const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

async fn demo(seed: u64) -> Fleet {
    Fleet::start(FleetPlan::default().seed(seed).scenario(false), NOBODY, NOBODY).await
}

#[tokio::test]
async fn the_demo_has_eight_vehicles_and_twenty_four_devices_and_a_stranger() {
    let fleet = demo(42).await;
    let known: Vec<&DeviceHandle> = fleet.devices().iter().filter(|device| device.info().enrol).collect();
    assert_eq!((known.len(), fleet.devices().len() - known.len()), (24, 1));
    let assets: BTreeSet<&str> = known.iter().map(|device| device.info().asset.as_str()).collect();
    assert_eq!(assets.len(), 8);
    let ids: BTreeSet<&str> = fleet.devices().iter().map(|device| device.info().id.as_str()).collect();
    assert_eq!(ids.len(), 25);
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for device in &known {
        *kinds.entry(device.info().kind).or_default() += 1;
        let bound = matches!(device.info().kind, "sub_lock" | "valve_lock" | "sensor");
        assert_eq!(device.info().bound_to.is_some(), bound);
        let password = device.info().unlock_password.as_deref();
        let six = |text: &str| text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        assert_eq!(password.is_some_and(six), matches!(device.info().kind, "master_lock" | "seal"));
        assert!(password.is_none_or(|password| !format!("{:?}", device.info()).contains(password)));
    }
    assert_eq!(kinds.len(), 6, "{kinds:?}");
    fleet.stop().await;
}

#[tokio::test]
async fn passwords_come_from_the_seed() {
    let passwords = async |seed| -> Vec<Option<String>> {
        let fleet = demo(seed).await;
        let all = fleet.devices().iter().map(|device| device.info().unlock_password.clone()).collect();
        fleet.stop().await;
        all
    };
    let first = passwords(42).await;
    assert_eq!(first, passwords(42).await);
    assert_ne!(first, passwords(43).await);
    let different: BTreeSet<&String> = first.iter().flatten().collect();
    assert_eq!(different.len(), first.iter().flatten().count(), "no two locks alike");
}

type Heard = Arc<Mutex<Vec<u8>>>;

/// Everything a fleet sends within `span`, by connection or sender.
async fn overhear(plan: FleetPlan, span: Duration) -> (Vec<Vec<u8>>, Vec<Vec<u8>>, Fleet) {
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let streams: Arc<Mutex<Vec<Heard>>> = Arc::default();
    let fleet = Fleet::start(plan, tcp.local_addr().unwrap(), udp.local_addr().unwrap()).await;
    let all = Arc::clone(&streams);
    let listener = tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let heard = Heard::default();
            all.lock().unwrap().push(Arc::clone(&heard));
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    heard.lock().unwrap().extend(&buffer[..count]);
                }
            });
        }
    });
    let mut datagrams = Vec::new();
    let mut buffer = [0; 4096];
    let end = tokio::time::Instant::now() + span;
    while let Ok(Ok(count)) = tokio::time::timeout_at(end, udp.recv(&mut buffer)).await {
        datagrams.push(buffer[..count].to_vec());
    }
    listener.abort();
    let streams = streams.lock().unwrap().iter().map(|heard| heard.lock().unwrap().clone()).collect();
    (streams, datagrams, fleet)
}

fn has(streams: &[Vec<u8>], part: &[u8]) -> bool {
    streams.iter().any(|bytes| bytes.windows(part.len()).any(|window| window == part))
}

#[tokio::test]
async fn the_demo_speaks_every_protocol_on_both_transports_and_stops() {
    let (streams, datagrams, fleet) = overhear(FleetPlan::default().speed_up(40.0), millis(2500)).await;
    assert!(has(&streams, &[0x24, 0x80, 0x51, 0, 0, 1, 0x19, 0x11]), "binary positions");
    for part in [
        &b",WLNET,5,2,"[..],
        b",@JT)",
        b",P22,2)",
        b",P52,2,",
        b"$FUS868",
        b"$POS,86800000000021,",
        b"$POS,86899999999999,",
    ] {
        assert!(has(&streams, part), "{}", String::from_utf8_lossy(part));
    }
    assert!(has(&streams, &[0x7e, 0x02, 0x00]), "seal reports");
    assert!(
        streams.iter().any(|bytes| bytes.first() == Some(&b'$') && has(std::slice::from_ref(bytes), b"\n@")),
        "deltas"
    );
    assert!(datagrams.iter().any(|bytes| bytes.starts_with(&[0x7e])));
    assert!(datagrams.iter().any(|bytes| bytes.starts_with(b"$")));
    tokio::time::timeout(secs(5), fleet.stop()).await.expect("every task ends");
}

#[tokio::test]
async fn nobody_listens_at_first() {
    let server = Server::new().await;
    let addr = server.addr();
    drop(server);
    let fleet = MasterLock::new("8000620011").unwrap().pace(brisk()).connect(addr).await;
    tokio::time::sleep(millis(120)).await;
    assert!(!fleet.devices()[0].state().await.connected);
    let server = Server(TcpListener::bind(addr).await.unwrap());
    let mut line = server.accept().await;
    line.text("P22,2").await;
    assert!(fleet.devices()[0].state().await.connected);
    drop(line);
    let mut again = server.accept().await;
    again.text("P22,2").await;
    fleet.stop().await;
}

#[tokio::test]
async fn a_frame_that_breaks_off_takes_its_connection_along_and_comes_again() {
    let server = Server::new().await;
    let fleet = Tracker::pt621("86800000000011").unwrap().pace(brisk()).connect(server.addr()).await;
    let mut line = server.accept().await;
    line.until(|frame| matches!(frame, Frame::Other(_)).then_some(())).await;
    assert!(fleet.devices()[0].fault(Fault::DropMidFrame));
    fleet.devices()[0].fault(Fault::Sos);
    while line.next().await.is_some() {}
    let mut line = server.accept().await;
    line.until(|frame| matches!(frame, Frame::Other(_)).then_some(())).await;
    fleet.stop().await;
}

#[tokio::test]
async fn a_twin_reports_under_the_same_id_from_elsewhere_and_obeys_nobody() {
    let server = Server::new().await;
    let plan = MasterLock::new("8000620011").unwrap().password("471108");
    let fleet = plan.pace(Pace { report: millis(50), ..brisk() }).connect(server.addr()).await;
    let lock = &fleet.devices()[0];
    let _first = server.accept().await;
    assert!(lock.fault(Fault::Twin));
    assert!(!lock.fault(Fault::Twin), "one is enough");
    let mut twin = server.accept().await;
    assert_eq!(twin.next().await, Some(Frame::Text("8000620011,P22,2".to_owned())));
    twin.say("(P43,471108)(P69,0,1)").await;
    for _ in 0..5 {
        twin.until(|frame| matches!(frame, Frame::Position { .. }).then_some(())).await;
    }
    assert_eq!(lock.state().await.openings, 0);
    fleet.stop().await;
}

#[tokio::test]
async fn silence_keeps_the_connection_and_passes() {
    let server = Server::new().await;
    let plan = MasterLock::new("8000620011").unwrap().pace(Pace { heartbeat: millis(20), ..brisk() });
    let fleet = plan.connect(server.addr()).await;
    let mut line = server.accept().await;
    line.text("@JT").await;
    let begin = tokio::time::Instant::now();
    assert!(fleet.devices()[0].fault(Fault::Silence(millis(300))));
    // Frames from before the fault may still be under way; then there is a gap.
    let mut last = begin;
    let mut widest = Duration::ZERO;
    while begin.elapsed() < millis(600) {
        line.text("@JT").await;
        widest = widest.max(last.elapsed());
        last = tokio::time::Instant::now();
    }
    assert!(widest >= millis(200), "{widest:?}");
    fleet.stop().await;
}
