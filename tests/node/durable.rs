//! Nothing that was answered is ever missing: killed at any moment, told to stop under load, while the store fails.

use super::lab::{Lab, Node, PATIENCE, Report, wait_for};
use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

const CONNECTIONS: u32 = 12;
/// Frames of one connection on their way.
const WINDOW: usize = 8;

/// Small and good enough to choose moments.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// What was answered: every frame's bytes, and the last number of each device.
#[derive(Default)]
struct Answered {
    frames: HashSet<Vec<u8>>,
    last: HashMap<String, u32>,
}

/// Many devices that send numbered frames until their connection ends or they are told to stop.
struct Load {
    next: AtomicU32,
    over: AtomicBool,
    answered: Mutex<Answered>,
}

impl Load {
    fn new() -> Self {
        Self { next: AtomicU32::new(1), over: AtomicBool::new(false), answered: Mutex::default() }
    }

    fn count(&self) -> usize {
        self.answered.lock().unwrap().frames.len()
    }

    /// Keeps all devices sending to `node` until the node is gone; `meanwhile` runs beside and takes it away.
    fn run(&self, node: Node, meanwhile: impl FnOnce(&Self, Node)) {
        let to = node.tcp;
        self.over.store(false, Ordering::Relaxed);
        std::thread::scope(|scope| {
            for n in 0..CONNECTIONS {
                scope.spawn(move || self.device(&format!("82{n:08}"), to));
            }
            meanwhile(self, node);
            self.over.store(true, Ordering::Relaxed);
        });
    }

    fn device(&self, id: &str, to: std::net::SocketAddr) {
        let Ok(mut stream) = TcpStream::connect(to) else { return };
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut waiting: std::collections::VecDeque<Report> = std::collections::VecDeque::new();
        let mut heard = Vec::new();
        let mut buffer = [0; 4096];
        while !self.over.load(Ordering::Relaxed) {
            while waiting.len() < WINDOW {
                let report = Report::new(id).number(self.next.fetch_add(1, Ordering::Relaxed));
                if stream.write_all(&report.bytes()).is_err() {
                    break;
                }
                waiting.push_back(report);
            }
            match stream.read(&mut buffer) {
                Ok(n @ 1..) => heard.extend_from_slice(&buffer[..n]),
                _ => return,
            }
            while let Some(end) = heard.iter().position(|b| *b == b')') {
                let answer: Vec<u8> = heard.drain(..=end).collect();
                let report = waiting.pop_front().expect("an answer nobody asked for");
                assert_eq!(answer, report.answer().into_bytes(), "answers come in order");
                let mut answered = self.answered.lock().unwrap();
                answered.frames.insert(report.bytes());
                answered.last.insert(id.to_owned(), report.mileage);
            }
        }
    }

    /// Everything answered is in the journal, and the fold knows of it.
    fn check(&self, lab: &Lab) {
        let journal: HashSet<Vec<u8>> = lab.journal().into_iter().collect();
        let answered = self.answered.lock().unwrap();
        let missing = answered.frames.difference(&journal).count();
        assert_eq!(missing, 0, "of {} answered frames", answered.frames.len());
        let rows = lab.list(&["devices"]);
        for (id, last) in &answered.last {
            let row = rows.iter().find(|row| row["id"] == id.as_str());
            let told = row.unwrap_or_else(|| panic!("{id} is gone"))["odometer_m"].as_u64().unwrap();
            assert!(told >= u64::from(*last) * 1000, "{id}: answered up to {last} km, shown {told} m");
        }
    }
}

#[test]
fn killed_at_any_moment_nothing_answered_is_missing() {
    const KILLS: u32 = 20;
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let seed = u64::try_from(seed % (1 << 60)).unwrap() | 1;
    eprintln!("seed {seed}");
    let mut dice = Dice(seed);
    let lab = Lab::new();
    let load = Load::new();
    for round in 0..KILLS {
        let before = load.count();
        load.run(lab.serve(), |load, node| {
            wait_for("the first answer", || (load.count() > before).then_some(()));
            std::thread::sleep(Duration::from_micros(dice.below(120_000)));
            node.kill();
        });
        // Alternately: what is on disk as the kill left it, and what the next start makes of it.
        if round % 2 == 0 {
            load.check(&lab);
        }
    }
    let node = lab.serve();
    load.check(&lab);
    node.stop();
    load.check(&lab);
    assert!(load.count() > 500, "only {} answers: no load", load.count());
}

#[test]
fn told_to_stop_under_load_nothing_answered_is_missing() {
    let lab = Lab::new();
    let load = Load::new();
    for _ in 0..3 {
        let before = load.count();
        load.run(lab.serve(), |load, node| {
            let from = Instant::now();
            wait_for("some hundred answers", || (load.count() > before + 300).then_some(()));
            let rate = 300.0 / from.elapsed().as_secs_f64();
            eprintln!("{CONNECTIONS} connections, {rate:.0} frames/s durable and answered (with the start)");
            let told = Instant::now();
            node.stop();
            assert!(told.elapsed() < Duration::from_secs(10), "stopping took {:?}", told.elapsed());
        });
        load.check(&lab);
    }
}

#[test]
fn while_it_cannot_store_it_does_not_answer_and_then_it_does_again() {
    let lab = Lab::new();
    let node = lab.serve();
    let report = Report::new("8000620301");
    let mut device = node.connect();
    device.ask(report.clone().number(1).bytes(), "(P69,0,1)");

    // The database is taken away: what is written to it now would be lost.
    let (here, away) = (lab.data().join("lockyard.db"), lab.data().join("elsewhere"));
    std::fs::rename(&here, &away).unwrap();
    device.send(report.clone().number(2).bytes());
    device.hears_nothing();
    // Heartbeats and the time still come: they promise nothing.
    device.ask("(8000620301,P22,2)", "(P22,");
    let time = device.0.try_clone().unwrap().read(&mut [0; 64]).unwrap();
    assert!(time > 0);
    let socket = node.datagrams();
    socket.send(&report.clone().number(3).bytes()).unwrap();
    socket.set_read_timeout(Some(super::lab::SILENCE)).unwrap();
    socket.recv(&mut [0; 64]).unwrap_err();
    // A device never heard before is not enrolled by a store that cannot say so.
    let mut stranger = node.connect();
    stranger.send(Report::new("8000620302").bytes());
    stranger.hears_nothing();
    let status: serde_json::Value = serde_json::from_str(&lab.ok(&["status", "--json"])).unwrap();
    assert!(status["store_error"].as_str().unwrap().contains("lockyard.db"), "{status:#}");

    std::fs::rename(&away, &here).unwrap();
    let answered = wait_for("answers to resume", || {
        let mut device = node.connect();
        device.0.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        device.send(report.clone().number(2).bytes());
        let mut buffer = [0; 64];
        let n = device.0.read(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..n]).into_owned())
    });
    assert_eq!(answered, "(P69,0,2)");
    stranger.ask(Report::new("8000620302").number(4).bytes(), "(P69,0,4)");
    let journal = lab.journal();
    assert!(journal.contains(&report.clone().number(2).bytes()));
    node.stop();
}
