//! Item 0x0B of a seal's report: what happened at the lock (section 2.2 of the Jointech notes).

use super::expect::{any, one_of};
use super::wire::card;
use serde_json::{Value, json};

/// The events of one item: type, then a password or a card and a result.
pub(crate) fn lock_event(value: &[u8]) -> Vec<Value> {
    let Some((kind, rest)) = value.split_first() else {
        return vec![json!({"name": "custom", "code": any()})];
    };
    let by = match kind {
        1 | 6 => json!("remote_static"),
        2 | 7 => json!("remote_dynamic"),
        3 | 8 => json!("app_dynamic"),
        5 | 40 => json!("app_static"),
        30 | 41 => json!("sms_static"),
        31 | 32 => json!("sms_dynamic"),
        24 | 25 => json!("bluetooth"),
        34 | 35 | 42 | 43 => json!("rfid"),
        // "Remote": by which password is not told.
        16 | 17 => one_of([json!("unknown"), json!("remote_static"), json!("remote_dynamic")]),
        _ => json!("unknown"),
    };
    let refused =
        |why: &str, card: Value| json!({"name": "open_refused", "by": by, "why": why, "card": card});
    let by_result = |result: Option<&u8>, card: Value| match result {
        // Why an opening password or card was refused is not told.
        Some(0xff) => json!({"name": "open_refused", "by": by, "why": any(), "card": card}),
        Some(fence @ 1..=99) => json!({"name": "opened", "by": by, "fence": fence, "card": card}),
        _ => json!({"name": "opened", "by": by, "card": card}),
    };
    let short = || vec![json!({"name": "custom", "code": any()})];
    match kind {
        1 | 2 | 3 | 5 | 30 | 31 if rest.len() < 7 => short(),
        34 | 35 | 42 | 43 if rest.len() < 4 => short(),
        1 | 2 | 3 | 5 | 30 | 31 => vec![by_result(rest.get(6), Value::Null)],
        6 | 7 | 8 | 32 | 40 | 41 => vec![refused("wrong_password", Value::Null)],
        16 | 24 => vec![refused("no_fix", Value::Null)],
        17 | 25 => vec![refused("outside_fence", Value::Null)],
        34 => vec![by_result(rest.get(4), card(&rest[..4]))],
        35 => vec![refused("illegal_card", card(&rest[..4]))],
        42 => vec![refused("no_fix", card(&rest[..4]))],
        43 => vec![refused("outside_fence", card(&rest[..4]))],
        11 => vec![json!({"name": "unlocked_too_long"})],
        12 => vec![json!({"name": "rope_cut"})],
        13 => vec![json!({"name": "locked", "by": "auto"})],
        18 => vec![json!({"name": "motor_fault"})],
        28 => vec![json!({"name": "opened", "by": "unknown"}), json!({"name": "rope_pulled"})],
        _ => vec![json!({"name": "custom", "code": any()})],
    }
}

/// Where in the raw frame passwords stand: six bytes behind a type that carries one.
pub(crate) fn passwords(
    frame: &[u8],
    message: u16,
    body: &[u8],
    body_at: usize,
) -> Vec<std::ops::Range<usize>> {
    let mut starts = Vec::new();
    let mut look = |at: usize, bytes: &[u8]| {
        let mut offset = 0;
        for (id, value) in super::seal::items(bytes).unwrap_or_default() {
            let carries = value.first().is_some_and(|kind| {
                matches!(kind, 1 | 2 | 3 | 5 | 6 | 7 | 8 | 16 | 17 | 24 | 25 | 30 | 31 | 32 | 40 | 41)
            });
            if id == 0x0b && carries && value.len() >= 7 {
                starts.push(body_at + at + offset + 3);
            }
            offset += 2 + value.len();
        }
    };
    match message {
        0x0200 if body.len() > 28 => look(28, &body[28..]),
        0x5501 | 0x5502 if body.len() > 35 => look(35, &body[35..]),
        0x0704 | 0x0210 if body.len() > 7 => {
            let width = if message == 0x0704 { 2 } else { 1 };
            let mut at = if message == 0x0704 { 3 } else { 0 };
            while at + width < body.len() {
                let length = body[at..at + width].iter().fold(0, |n, b| n << 8 | usize::from(*b));
                let end = (at + width + length).min(body.len());
                if length > 28 && at + width + 28 <= end {
                    look(at + width + 28, &body[at + width + 28..end]);
                }
                at += width + length;
            }
        }
        _ => {}
    }
    // From places in the unescaped bytes to places in the frame: each escape before it takes one more.
    let mut places = Vec::new();
    let mut at = 1;
    while at < frame.len() - 1 {
        places.push(at);
        at += if frame[at] == 0x7d { 2 } else { 1 };
    }
    starts.into_iter().map(|start| places[start]..places[start + 5] + 1).collect()
}
