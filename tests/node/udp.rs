//! Datagrams: lost, doubled, overtaken by others, forged.

use super::lab::{Console, Lab, Node, PATIENCE, Report, SILENCE, runtime, shown, wait_for};
use lockyard::ipc::wire::{Ask, Proposal};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const LOCK: &str = "8000620901";
const SECRETS: &str = "[device.\"8000620901\"]\npassword = \"471108\"\n";
const P43: &str = "(P43,471108)";

/// A socket on `127.0.0.HOST` that talks to the node.
fn from(node: &Node, host: u8) -> UdpSocket {
    let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, host], 0))).unwrap();
    socket.connect(node.udp).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn hear(socket: &UdpSocket) -> String {
    let mut buffer = [0; 512];
    let n = socket.recv(&mut buffer).unwrap();
    shown(&buffer[..n])
}

fn hears_nothing(socket: &UdpSocket) {
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    let mut buffer = [0; 512];
    match socket.recv(&mut buffer) {
        Ok(n) => panic!("heard {:?}", shown(&buffer[..n])),
        Err(error) => assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}"),
    }
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
}

fn report(socket: &UdpSocket, number: u32) {
    let report = Report::new(LOCK).number(number);
    socket.send(&report.bytes()).unwrap();
    assert_eq!(hear(socket), report.answer());
}

/// What a bad network does with the `n`th datagram of one direction.
fn fate(n: usize) -> (usize, bool) {
    match n % 7 {
        0 | 3 => (0, false), // lost
        1 => (2, false),     // doubled
        2 | 5 => (1, true),  // overtaken by the next
        _ => (1, false),
    }
}

/// Carries datagrams between one device and the node, badly, until told to stop.
fn bad_network(node: SocketAddr) -> (SocketAddr, Arc<AtomicBool>, std::thread::JoinHandle<()>) {
    let inside = UdpSocket::bind("127.0.0.1:0").unwrap();
    let outside = UdpSocket::bind("127.0.0.1:0").unwrap();
    outside.connect(node).unwrap();
    for socket in [&inside, &outside] {
        socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
    }
    let (address, stop) = (inside.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
    let stopped = stop.clone();
    let carrier = std::thread::spawn(move || {
        let (mut device, mut buffer) = (None, [0; 2048]);
        let mut counts = [0, 0];
        let mut late: [Option<Vec<u8>>; 2] = [None, None];
        while !stopped.load(Ordering::Relaxed) {
            for way in [0, 1] {
                let read = if way == 0 {
                    inside.recv_from(&mut buffer).map(|(n, from)| {
                        device = Some(from);
                        n
                    })
                } else {
                    outside.recv(&mut buffer)
                };
                let Ok(n) = read else { continue };
                let send = |bytes: &[u8]| match (way, device) {
                    (0, _) => drop(outside.send(bytes)),
                    (_, Some(device)) => drop(inside.send_to(bytes, device)),
                    _ => {}
                };
                let (times, is_late) = fate(counts[way]);
                counts[way] += 1;
                if is_late {
                    late[way] = Some(buffer[..n].to_vec());
                    continue;
                }
                for _ in 0..times {
                    send(&buffer[..n]);
                }
                if let Some(bytes) = late[way].take() {
                    send(&bytes);
                }
            }
        }
    });
    (address, stop, carrier)
}

#[test]
fn a_device_that_sends_until_it_is_answered_is_stored_once_over_a_bad_network() {
    const REPORTS: u32 = 25;
    let lab = Lab::new();
    let node = lab.serve();
    let (network, stop, carrier) = bad_network(node.udp);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(network).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
    let reports: Vec<Report> = (1..=REPORTS).map(|n| Report::new(LOCK).number(n)).collect();
    let mut sent = 0;
    for window in reports.chunks(4) {
        // Several under way at once, so that they overtake each other.
        let mut waiting: Vec<&Report> = window.iter().collect();
        wait_for("every report of the window to be answered", || {
            for report in &waiting {
                socket.send(&report.bytes()).unwrap();
                sent += 1;
            }
            let mut buffer = [0; 512];
            while let Ok(n) = socket.recv(&mut buffer) {
                let answer = shown(&buffer[..n]);
                waiting.retain(|report| report.answer() != answer);
            }
            waiting.is_empty().then_some(())
        });
    }
    stop.store(true, Ordering::Relaxed);
    carrier.join().unwrap();
    assert!(sent > REPORTS, "the network was good");
    let mut stored = lab.journal();
    assert_eq!(stored.len(), reports.len());
    stored.sort();
    stored.dedup();
    assert_eq!(stored.len(), reports.len(), "each once");
    assert!(lab.device(LOCK).unwrap()["conflict"].is_null());
    node.stop();
}

fn confirm(proposal: &Proposal) -> Ask {
    let code = &proposal.asset_code;
    Ask::Confirm {
        token: proposal.token.clone(),
        typed: code[code.len() - 4..].to_owned(),
        reason: lockyard::domain::command::UnlockReason::Delivery,
        note: "at the depot".into(),
    }
}

#[test]
fn a_forged_sender_gets_no_command_and_the_next_frame_of_the_real_one_shows_it() {
    let lab = Lab::new();
    lab.secrets(SECRETS);
    let node = lab.serve();
    let real = from(&node, 1);
    report(&real, 1);
    lab.until_locked(LOCK);
    let forged = from(&node, 9);
    report(&forged, 100);
    // Its frame is taken and answered, but the way stays where it was.
    let runtime = runtime();
    let mut console = runtime.block_on(Console::attach(&lab.socket()));
    let peer_of = || lab.device(LOCK).unwrap()["peer"].as_str().unwrap().to_owned();
    wait_for("the forged frame to show", || peer_of().starts_with("127.0.0.9").then_some(()));
    let proposal = runtime.block_on(console.propose(LOCK));
    assert!(proposal.in_contact && proposal.allowed, "{proposal:#?}");
    runtime.block_on(console.ask(confirm(&proposal)));
    assert_eq!(hear(&real), P43);
    hears_nothing(&forged);
    // Another port of the same address is the device behind its translation.
    let moved = from(&node, 1);
    let mut number = 200;
    let row = wait_for("the conflict", || {
        number += 1;
        report(&moved, number);
        std::thread::sleep(Duration::from_millis(200));
        Some(lab.device(LOCK)?["conflict"].clone()).filter(|conflict| !conflict.is_null())
    });
    assert!(row["first"]["peer"].as_str().unwrap().starts_with("127.0.0.1:"), "{row:#}");
    assert!(row["second"]["peer"].as_str().unwrap().starts_with("127.0.0.9:"), "{row:#}");
    assert!(!runtime.block_on(console.propose(LOCK)).allowed);
    node.stop();
}

#[test]
fn an_address_that_sends_too_much_is_dropped_and_counted_and_no_other_one() {
    let lab = Lab::new();
    let config = lab.file("config.toml", "[limits]\ndatagrams = 5\n");
    let node = lab.serve_with(&["--auto-enrol", "--config", config.to_str().unwrap()]);
    let (loud, quiet) = (from(&node, 7), from(&node, 8));
    for number in 1..=200 {
        loud.send(&Report::new("8000620902").number(number).bytes()).unwrap();
    }
    report(&quiet, 1);
    let status = || serde_json::from_str::<serde_json::Value>(&lab.ok(&["status", "--json"])).unwrap();
    wait_for("the drops to be counted", || (status()["dropped_datagrams"].as_u64()? >= 150).then_some(()));
    assert!(lab.journal().len() < 50);
    node.stop();
}

#[test]
fn an_answer_is_hardly_longer_than_what_it_answers() {
    let lab = Lab::new();
    let node = lab.serve();
    let socket = from(&node, 1);
    let mut asked: Vec<Vec<u8>> =
        super::frames::corpus().iter().flat_map(|case| case.reads.clone()).collect();
    // The shortest a seal can say, each with a body of nothing.
    for message in ["0002", "0100", "0102", "0109", "0200", "0704"] {
        let mut frame = hex::decode(format!("7e{message}00000794308010000130")).unwrap();
        *frame.last_mut().unwrap() = 0;
        frame.push(frame[1..].iter().fold(0, |sum, b| sum ^ b));
        frame.push(0x7E);
        asked.push(frame);
    }
    let mut longest = 0;
    for datagram in asked {
        socket.send(&datagram).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
        let (mut got, mut buffer) = (0, [0; 2048]);
        while let Ok(n) = socket.recv(&mut buffer) {
            got += n;
        }
        assert!(got <= datagram.len() + 32, "{got} bytes for {}", hex::encode(&datagram));
        longest = longest.max(got.saturating_sub(datagram.len()));
    }
    assert!(longest > 0, "the exception in the documentation is none");
    node.stop();
}
