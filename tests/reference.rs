//! A second decoder, written from the protocol notes alone and for plainness alone, held against the program's on
//! generated frames: what the two read differently, one of them reads wrong.
//!
//! `cargo test --test reference` compares 3,000 frames per family; `LOCKYARD_REFERENCE=100000 cargo test --release
//! --test reference` as many as are asked for; `LOCKYARD_REFERENCE_SEED` sets another seed.
//!
//! Where the notes leave freedom the reference does too: events are a set, a `custom` code is any text, an `invalid`
//! has any wording, and what no paper decides may be either way (see the comments beside `any` and `one_of`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a long run tells its counts under --nocapture")]

#[path = "reference/bofan.rs"]
mod bofan;
#[path = "reference/expect.rs"]
mod expect;
#[path = "reference/legacy.rs"]
mod legacy;
#[path = "reference/lock_event.rs"]
mod lock_event;
#[path = "reference/make_bofan.rs"]
mod make_bofan;
#[path = "reference/make_legacy.rs"]
mod make_legacy;
#[path = "reference/make_master.rs"]
mod make_master;
#[path = "reference/make_seal.rs"]
mod make_seal;
#[path = "reference/master.rs"]
mod master;
#[path = "reference/random.rs"]
mod random;
#[path = "reference/seal.rs"]
mod seal;
#[path = "reference/sub_device.rs"]
mod sub_device;
#[path = "reference/wire.rs"]
mod wire;

use random::Random;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Disagreements that are known and not yet settled: family, kind of case (empty: any), what the difference must
/// mention, and what the notes say. Meant to be empty.
const KNOWN: &[(Family, &str, &str, &str)] = &[];

/// One connection's reads.
#[derive(Debug)]
pub(crate) struct Case {
    /// What it tries, for the report.
    kind: &'static str,
    reads: Vec<Vec<u8>>,
    /// Whether secrets are asked for.
    secrets: bool,
    /// Whether all come in one read: `decode` detects each line afresh, but knows within one what it speaks.
    joined: bool,
}

impl Case {
    pub(crate) fn new(kind: &'static str, reads: Vec<Vec<u8>>) -> Self {
        Self { kind, reads, secrets: false, joined: false }
    }

    pub(crate) fn joined(kind: &'static str, reads: Vec<Vec<u8>>) -> Self {
        Self { joined: true, ..Self::new(kind, reads) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Family {
    Master,
    Legacy,
    Seal,
    Bofan,
}

/// What the notes say these reads of one connection mean.
fn reference(family: Family, reads: &[Vec<u8>], secrets: bool) -> Vec<Value> {
    let mut versions = master::Versions::new();
    let mut bofan = bofan::Bofan::default();
    let mut said = Vec::new();
    for read in reads {
        said.extend(match family {
            Family::Master => vec![master::master(read, &mut versions, secrets)],
            Family::Legacy => legacy::legacy(read),
            Family::Seal => seal::seal(read),
            Family::Bofan => bofan.read(read),
        });
    }
    said.extend(bofan.end());
    said
}

/// What the program says they mean.
fn program(reads: &[Vec<u8>], secrets: bool) -> Vec<Value> {
    let mut input = String::new();
    for read in reads {
        writeln!(input, "{}", wire::hex(read)).unwrap();
    }
    let mut out = Vec::new();
    lockyard::cli::decode::run(input.as_bytes(), &mut out, secrets).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable}: a number")))
}

fn agree_on(family: Family, make: fn(&mut Random) -> Case) {
    let count = number_from("LOCKYARD_REFERENCE", 3000);
    let seed = number_from("LOCKYARD_REFERENCE_SEED", 20_261_120) + family as u64;
    let mut random = Random::new(seed);
    let mut tried: BTreeMap<&str, u64> = BTreeMap::new();
    let mut wrong: BTreeMap<&str, (u64, Vec<String>)> = BTreeMap::new();
    let mut known = 0;
    for _ in 0..count {
        let case = make(&mut random);
        *tried.entry(case.kind).or_default() += 1;
        let want = reference(family, &case.reads, case.secrets);
        let got = match case.joined {
            true => program(&[case.reads.concat()], case.secrets),
            false => program(&case.reads, case.secrets),
        };
        let Err(why) = expect::compare(&want, &got) else { continue };
        let is_known = |(of, kind, mentions, _): &(Family, &str, &str, &str)| {
            *of == family && (kind.is_empty() || *kind == case.kind) && why.contains(mentions)
        };
        if KNOWN.iter().any(is_known) {
            known += 1;
            continue;
        }
        let (times, shown) = wrong.entry(case.kind).or_default();
        *times += 1;
        if shown.len() < 4 {
            let hex: Vec<String> = case.reads.iter().map(|read| wire::hex(read)).collect();
            shown.push(format!("{}\n    {why}", hex.join("\n    ")));
        }
    }
    let mut report = String::new();
    for (kind, (times, shown)) in &wrong {
        writeln!(report, "{kind}: {times} of {} differ", tried[kind]).unwrap();
        for one in shown {
            writeln!(report, "  {one}").unwrap();
        }
    }
    let head = format!("{family:?}, seed {seed}: {count} cases {tried:?}, {known} known differences");
    assert!(wrong.is_empty(), "{head}, and:\n{report}");
    if count > 3000 {
        eprintln!("{head}");
    }
}

/// Whether the reference says what a line of the corpus claims: only the keys that are claimed count, of `events` those
/// that are listed.
fn keeps(want: &Value, claim: &Value) -> Result<(), String> {
    let events: Vec<&Value> =
        ["events", "may"].iter().filter_map(|key| want[key].as_array()).flatten().collect();
    for (key, claimed) in claim.as_object().unwrap() {
        match (key.as_str(), claimed) {
            ("events", Value::Array(claimed)) => {
                for one in claimed {
                    if !events.iter().any(|event| keeps(event, one).is_ok()) {
                        return Err(format!("event {one}"));
                    }
                }
            }
            (_, Value::Object(_)) => keeps(&want[key], claimed).map_err(|why| format!("{key}: {why}"))?,
            ("replayed", claimed) if want[key].is_null() && *claimed == Value::Bool(false) => {}
            (_, claimed) => expect::value(&want[key], claimed).map_err(|why| format!("{key}: {why}"))?,
        }
    }
    Ok(())
}

/// Frames of real devices come before any generated one.
#[test]
fn the_reference_keeps_to_the_corpus() {
    let files = [
        ("jointech-master", Family::Master),
        ("jointech-legacy", Family::Legacy),
        ("jointech-seal", Family::Seal),
        ("bofan", Family::Bofan),
        ("bofan-frames", Family::Bofan),
        ("bofan-delta", Family::Bofan),
    ];
    let folder = std::env::var("LOCKYARD_CORPUS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors").into());
    let mut lines = 0;
    for (name, family) in files {
        let path = format!("{folder}/{name}.jsonl");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let case: Value = serde_json::from_str(line).unwrap();
            let reads: Vec<Vec<u8>> = match &case["stream"] {
                Value::Array(stream) => stream.iter().map(|hex| wire::unhex(hex.as_str().unwrap())).collect(),
                _ => vec![wire::unhex(case["hex"].as_str().unwrap())],
            };
            let said = reference(family, &reads, false);
            let claims = case["expect"].as_array().cloned().unwrap_or_default();
            assert!(claims.is_empty() || claims.len() == said.len(), "{}: {said:?}", case["id"]);
            for (said, claim) in said.iter().zip(&claims) {
                keeps(said, claim).unwrap_or_else(|why| panic!("{}: {why}\n{said}", case["id"]));
            }
            expect::compare(&said, &program(&reads, false))
                .unwrap_or_else(|why| panic!("{}: {why}", case["id"]));
            lines += 1;
        }
    }
    assert!(lines >= 57, "only {lines} lines");
}

#[test]
fn master_locks() {
    agree_on(Family::Master, make_master::case);
}

#[test]
fn legacy_trackers() {
    agree_on(Family::Legacy, make_legacy::case);
}

#[test]
fn seals() {
    agree_on(Family::Seal, make_seal::case);
}

#[test]
fn bofan_trackers() {
    agree_on(Family::Bofan, make_bofan::case);
}

/// The comparison notices a change of any one thing that the program says, an event left out and one too many.
#[test]
fn a_changed_word_is_noticed() {
    // The worked example of the manual, with a cut rope.
    let frame = "2480006200111911003418042116225922348310113550543f12980000002d060000000020e8\
                 28109228661f000100000f0f0f0f0f0f0f0f000001cc0156";
    let reads = [wire::unhex(frame)];
    let want = reference(Family::Master, &reads, false);
    let got = program(&reads, false);
    assert_eq!(expect::compare(&want, &got), Ok(()));
    let told: Vec<String> = got[0].as_object().unwrap().keys().cloned().collect();
    let mut changed = 0;
    for key in
        told.iter().filter(|key| expect::KEYS.contains(&key.as_str()) && !got[0][key.as_str()].is_null())
    {
        let mut other = got.clone();
        other[0][key] = Value::from("something else");
        assert!(expect::compare(&want, &other).is_err(), "{key}");
        other[0][key] = Value::Null;
        assert!(expect::compare(&want, &other).is_err(), "{key} left out");
        changed += 1;
    }
    assert!(changed >= 14, "{changed} keys");
    let mut fewer = got.clone();
    fewer[0]["events"].as_array_mut().unwrap().pop();
    assert!(expect::compare(&want, &fewer).is_err());
    let mut more = got.clone();
    more[0]["events"].as_array_mut().unwrap().push(serde_json::json!({"name": "tamper"}));
    assert!(expect::compare(&want, &more).is_err());
    assert!(expect::compare(&want, &[]).is_err());
    assert!(expect::compare(&want, &[got[0].clone(), got[0].clone()]).is_err());
}
