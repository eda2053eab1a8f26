//! Random and mutated frames of all families, through the whole connection and through the explanation.
//!
//! Ten million of them: `cargo test --release --test hammer -- --ignored --nocapture`. The number, the seed and the
//! threads are taken from `HAMMER_FRAMES`, `HAMMER_SEED` and `HAMMER_THREADS`.

#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the fuzz targets, which are a package of their own"
)]
#[path = "fuzz/src/lib.rs"]
mod attack;
#[expect(dead_code, clippy::unwrap_used, reason = "shared with other tests, which fail by panicking")]
mod frames;
#[path = "hammer/mutate.rs"]
mod mutate;

use attack::session::{Depth, Session, Told};
use attack::targets::explained;
use lockyard::domain::Protocol;
use lockyard::protocol::Memory;
use mutate::{Mill, Rng};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// Frames on one connection.
const FRAMES: u64 = 50;

/// Sessions that share what is remembered of devices.
const SHARED: u64 = 200;

#[derive(Debug, Default)]
struct Sum {
    frames: u64,
    bytes: u64,
    heard: u64,
    refusals: u64,
    refused: u64,
    steps: u64,
    /// Most steps a byte of any one connection.
    worst: u64,
}

impl Sum {
    fn add(&mut self, told: &Told) {
        self.frames += FRAMES;
        self.bytes += told.bytes as u64;
        self.heard += told.count as u64;
        self.refusals += told.refusals as u64;
        self.refused += told.refused as u64;
        self.steps += told.steps;
        self.worst = self.worst.max(told.steps / told.bytes.max(1) as u64);
    }

    fn join(mut self, other: &Self) -> Self {
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.heard += other.heard;
        self.refusals += other.refusals;
        self.refused += other.refused;
        self.steps += other.steps;
        self.worst = self.worst.max(other.worst);
        self
    }
}

/// One connection, from its number alone.
fn session(number: u64, mill: &Mill, memory: &Arc<Memory>) -> Told {
    let mut rng = Rng(number);
    let family =
        *[None, Some(Protocol::JointechSeal), Some(Protocol::Bofan), None].get(rng.below(4)).unwrap_or(&None);
    let depth = if rng.one_in(10) { Depth::Whole } else { Depth::Quick };
    let mut session = Session::new(memory.clone(), family, depth);
    for _ in 0..FRAMES {
        let frame = mill.frame(&mut rng);
        explained(&frame);
        if rng.one_in(4) {
            let at = rng.below(frame.len());
            session.push(&frame[..at]);
            session.push(&frame[at..]);
        } else {
            session.push(&frame);
        }
        if rng.one_in(6) {
            session.quiet();
        }
    }
    session.finish()
}

/// `frames` of them from `seed` on; a failure names the number that brings it back.
fn hammer(seed: u64, frames: u64) -> Sum {
    let mill = Mill::new();
    let mut sum = Sum::default();
    let mut memory = Arc::new(Memory::default());
    for n in 0..frames.div_ceil(FRAMES) {
        if n % SHARED == 0 {
            memory = Arc::new(Memory::default());
        }
        let number = Rng(seed.wrapping_add(n)).next();
        match catch_unwind(AssertUnwindSafe(|| session(number, &mill, &memory))) {
            Ok(told) => sum.add(&told),
            Err(_) => panic!("connection {number} (seed {seed}, session {n}) fails"),
        }
    }
    sum
}

fn variable(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn two_hundred_thousand_frames_do_no_harm() {
    let frames = 200_000;
    let sum = hammer(1, frames);
    assert_eq!(sum.frames, frames);
    // The mill makes sense and nonsense, and both come through.
    assert!(sum.heard > frames / 4 && sum.refusals > frames / 20, "{sum:?}");
}

#[test]
#[ignore = "takes a minute in release: ten million frames"]
fn ten_million_frames_do_no_harm() {
    let (frames, seed) = (variable("HAMMER_FRAMES", 10_000_000), variable("HAMMER_SEED", 2026));
    let threads = variable("HAMMER_THREADS", 1).max(1);
    let before = Instant::now();
    let sum = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|n| scope.spawn(move || hammer(seed.wrapping_add(n << 40), frames / threads)))
            .collect();
        let sums = workers.into_iter().map(|worker| worker.join().expect("it said why"));
        sums.fold(Sum::default(), |sum, next| sum.join(&next))
    });
    let seconds = before.elapsed().as_secs_f64();
    let mega = sum.bytes as f64 / 1e6;
    eprintln!("{} frames, {mega:.0} MB, seed {seed}, in {seconds:.1} s", sum.frames);
    eprintln!(
        "{:.0} frames/s, {:.1} MB/s on {threads} thread(s)",
        sum.frames as f64 / seconds,
        mega / seconds
    );
    eprintln!("{} heard, {} runs refused ({} bytes)", sum.heard, sum.refusals, sum.refused);
    eprintln!("steps a byte: {:.2}, worst connection {}", sum.steps as f64 / sum.bytes as f64, sum.worst);
    eprintln!("peak memory: {}", peak_memory());
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "not told by this system".to_owned(), |text| text.trim().to_owned())
}
