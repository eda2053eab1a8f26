//! The corpus: every frame from a real device or a manual must mean what its line says, whole and split at every
//! byte.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod frames;

use frames::{Case, Told, corpus, hear};
use serde_json::Value;

/// Numbers agree to 1e-6, speeds to 0.1; `events` lists what must be there; a null must be null or absent.
fn matches(key: &str, want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Number(a), Value::Number(b)) => {
            let tolerance = if key == "speed_kmh" { 0.1 } else { 1e-6 };
            (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() <= tolerance + 1e-12
        }
        (Value::Object(a), Value::Object(b)) => {
            a.iter().all(|(key, want)| matches(key, want, b.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Array(a), Value::Array(b)) if key == "events" => {
            a.iter().all(|want| b.iter().any(|got| matches("", want, got)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| matches(key, a, b))
        }
        (a, b) => a == b,
    }
}

fn check(case: &Case, told: &Told, how: &str) {
    assert_eq!(told.refused, 0, "{} {how}: {:?}", case.id, told.refusals);
    let Some(expect) = &case.expect else {
        assert!(!told.objects.is_empty(), "{} {how}: nothing heard", case.id);
        return;
    };
    assert_eq!(expect.len(), told.objects.len(), "{} {how}: {:#?}", case.id, told.objects);
    for (want, got) in expect.iter().zip(&told.objects) {
        for (key, want) in want.as_object().unwrap() {
            let found = got.get(key).unwrap_or(&Value::Null);
            assert!(
                matches(key, want, found),
                "{} {how}: {key} should be {want}, is {found}\n{got:#}",
                case.id
            );
        }
    }
}

#[test]
fn every_line_means_what_it_says() {
    let corpus = corpus();
    assert!(corpus.len() > 55);
    for case in &corpus {
        check(case, &hear(case.reads.iter().map(Vec::as_slice)), "whole");
    }
}

#[test]
fn every_line_means_the_same_split_at_every_byte() {
    for case in corpus() {
        let whole = hear(case.reads.iter().map(Vec::as_slice));
        let bytes = case.bytes();
        for at in 1..bytes.len() {
            let told = hear([&bytes[..at], &bytes[at..]]);
            assert_eq!(told, whole, "{} split at {at}", case.id);
        }
        let told = hear(bytes.chunks(1));
        assert_eq!(told, whole, "{} byte by byte", case.id);
    }
}

#[test]
fn the_comparison_itself_can_fail() {
    use serde_json::json;
    let differs = |want: Value, got: Value| assert!(!matches("x", &want, &got), "{want} {got}");
    differs(json!({"lat": 1.0}), json!({"lat": 1.00001}));
    differs(json!({"speed_kmh": 1.0}), json!({"speed_kmh": 1.2}));
    differs(json!({"events": [{"name": "opened"}]}), json!({"events": [{"name": "locked"}]}));
    differs(json!({"charging": false}), json!({}));
    differs(json!(null), json!(1));
    assert!(matches("x", &json!({"events": []}), &json!({"events": [{"name": "wake"}]})));
}
