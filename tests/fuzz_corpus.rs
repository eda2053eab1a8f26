//! The fuzz targets without a fuzzer: run over every frame of the corpus, and over the inputs that fuzzing found worth
//! keeping (`tests/fuzz/corpus/<target>/`).

#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the fuzz targets, which are a package of their own"
)]
#[path = "fuzz/src/lib.rs"]
mod attack;
#[expect(dead_code, clippy::unwrap_used, reason = "shared with other tests, which fail by panicking")]
mod frames;

use attack::targets::{TARGETS, Target};
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
}

/// What a target makes of `input`, its name told if it panics.
fn run(name: &str, target: Target, input: &[u8]) {
    let outcome = std::panic::catch_unwind(|| target(input));
    assert!(outcome.is_ok(), "{name} fails on {}", hex::encode(input));
}

/// The frames of the corpus, and the content of each as far as a target puts a frame around it itself.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![vec![]];
    for case in frames::corpus() {
        let bytes = case.bytes();
        seeds.push([&[0, 0], bytes.as_slice()].concat());
        seeds.push([&[0, 3, 1, 0, 40], bytes.as_slice()].concat());
        for start in [0, 5, 6, 8, 10, 12, 13, 28, 41] {
            seeds.push(bytes.get(start..).unwrap_or_default().to_vec());
        }
        let comma = bytes.iter().position(|byte| *byte == b',').map_or(0, |at| at + 1);
        seeds.push(bytes[comma..].strip_suffix(b")").unwrap_or(&bytes[comma..]).to_vec());
    }
    seeds.push(
        br#"{"id":7,"ask":{"ask":"enrol","device":"jointech:8000620011","asset":"Tanker 7"}}"#.to_vec(),
    );
    seeds.push(br#"{"lockyard":2,"build":"0.1.0","time":"2026-11-20T08:30:00Z"}"#.to_vec());
    seeds.push(br#"{"from":"reply","id":7,"answer":{"is":"done","text":"enrolled"}}"#.to_vec());
    seeds.push(br#"{"from":"goodbye","why":"told to stop"}"#.to_vec());
    seeds.push(b"\x00\x08\x02\x04\x0648.000\x00\x0b\x02\x04\x0633.000\x06\x00".to_vec());
    seeds
}

#[test]
fn every_target_withstands_the_corpus() {
    let seeds = seeds();
    assert!(seeds.len() > 500);
    for (name, target) in TARGETS {
        for seed in &seeds {
            run(name, target, seed);
        }
    }
}

#[test]
fn what_fuzzing_found_stays_found() {
    let mut known = 0;
    for entry in fs::read_dir(folder().join("corpus")).expect("the folder is part of the sources") {
        let folder = entry.expect("it can be read").path();
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let (name, target) = TARGETS
            .into_iter()
            .find(|(target, _)| *target == name)
            .unwrap_or_else(|| panic!("no target is called {name}"));
        for file in fs::read_dir(&folder).expect("it can be read") {
            let input = fs::read(file.expect("it can be read").path()).expect("it can be read");
            run(name, target, &input);
            known += 1;
        }
    }
    assert!(known > 0, "nothing was replayed");
}

/// Writes the corpus as seeds for the fuzzer: `cargo test --test fuzz_corpus -- --ignored`.
#[test]
#[ignore = "a tool: writes thousands of small files"]
fn write_seeds() {
    for (name, _) in TARGETS {
        let folder = folder().join("seeds").join(name);
        fs::create_dir_all(&folder).expect("the folder can be made");
        for (n, seed) in seeds().iter().enumerate() {
            fs::write(folder.join(format!("{n:04}")), seed).expect("the file can be written");
        }
    }
}
