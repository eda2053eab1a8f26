//! One function a fuzz target: bytes in, a panic if something does not hold.

use super::build;
use super::session::{Depth, Session, Told};
use lockyard::domain::{DeviceKey, Protocol};
use lockyard::ipc::wire;
use lockyard::protocol::detect::{Detected, Framing, LONGEST_PREFIX, detect, may_start};
use lockyard::protocol::explain::explain;
use lockyard::protocol::{Cut, Memory, bofan};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;

/// Bytes in; a panic if something does not hold.
pub type Target = fn(&[u8]);

/// Every target, by its name.
pub const TARGETS: [(&str, Target); 12] = [
    ("detection", detection),
    ("stream", stream),
    ("splits", splits),
    ("text", text),
    ("binary", binary),
    ("wlnet", wlnet),
    ("seal", seal),
    ("lock_event", lock_event),
    ("bofan_cut", bofan_cut),
    ("bofan_session", bofan_session),
    ("explanation", explanation),
    ("console_lines", console_lines),
];

/// A longer prefix never contradicts a shorter one, and 32 bytes always suffice.
pub fn detection(data: &[u8]) {
    let mut said = Detected::NeedMore;
    for n in 0..=data.len().min(LONGEST_PREFIX + 8) {
        let now = detect(&data[..n]);
        assert!(said == Detected::NeedMore || said == now, "{n} bytes: {said:?}, then {now:?}");
        assert!(now != Detected::NeedMore || n < LONGEST_PREFIX, "undecided after {n} bytes");
        if let Detected::Is(framing) = now {
            // A delta is believed only where Bofan is spoken, and is not looked for in rubbish.
            assert!(may_start(data[0]) || framing == Framing::BofanDelta);
        }
        said = now;
    }
}

/// Any bytes in any reads, with quiet now and then. The first bytes choose: how many lengths, the lengths (0 = quiet).
pub fn stream(data: &[u8]) {
    let (family, data) = first(data);
    let (lengths, data) = reads(data);
    let family = match family % 8 {
        1 => Some(Protocol::JointechMaster),
        2 => Some(Protocol::JointechSeal),
        3 => Some(Protocol::JointechLegacy),
        4 => Some(Protocol::Bofan),
        _ => None,
    };
    let mut session = Session::new(memory(), family, Depth::Whole);
    deliver(&mut session, data, lengths);
    let _ = session.finish();
}

/// However it is split, a stream says the same, as long as nothing is quiet in between.
pub fn splits(data: &[u8]) {
    let (lengths, data) = reads(data);
    let lengths: Vec<u8> = lengths.iter().copied().filter(|n| *n > 0).collect();
    let whole = hear(data);
    let mut session = Session::new(memory(), None, Depth::Whole);
    deliver(&mut session, data, &lengths);
    let told = session.finish();
    assert_eq!(told.frames, whole.frames);
    assert_eq!(told.refused, whole.refused);
}

/// `(ID,…)` of every family, on a connection that speaks each.
pub fn text(data: &[u8]) {
    let frame = build::text(data);
    for family in [None, Some(Protocol::JointechSeal), Some(Protocol::JointechLegacy), Some(Protocol::Bofan)]
    {
        let mut session = Session::new(memory(), family, Depth::Whole);
        session.push(&frame);
        let _ = session.finish();
    }
    explained(&frame);
}

/// `$` frames whose length is right: long headers and short ones.
pub fn binary(data: &[u8]) {
    let (kind, rest) = first(data);
    let (version, content) = first(rest);
    let frame =
        if kind & 1 == 0 { build::master([version, kind], content) } else { build::legacy(kind, rest) };
    whole(&frame);
}

/// A sub-device's payload.
pub fn wlnet(data: &[u8]) {
    whole(&build::wlnet(data));
}

/// A seal's message with any body, any attributes, any type.
pub fn seal(data: &[u8]) {
    let (kind, rest) = first(data);
    let (flags, rest) = first(rest);
    let (serial, body) = first(rest);
    const KINDS: [u16; 12] =
        [0x0200, 0x0704, 0x0210, 0x5501, 0x5502, 0x0002, 0x0100, 0x0102, 0x0109, 0x0003, 0x0801, 0x0900];
    let message = KINDS[usize::from(kind) % KINDS.len()];
    let flags = u16::from(flags) << 8;
    whole(&build::seal(message, flags, serial.into(), body));
    if message == 0x5501 {
        whole(&build::seal(message, flags, serial.into(), &build::live_report(3, 0x30, 0, body)));
    }
    if message == 0x0200 {
        whole(&build::seal(message, 0, serial.into(), &build::report(body)));
    }
}

/// Item 0x0B in both reports that may carry it; what stands where a password does is told nowhere.
pub fn lock_event(data: &[u8]) {
    let item = build::item(0x0B, data);
    for frame in [
        build::seal(0x0200, 0, 1, &build::report(&item)),
        build::seal(0x5501, 0, 1, &build::live_report(3, 0, 0, &item)),
    ] {
        let told = whole(&frame);
        // Codes that carry a password, with one that is no other part of the frame.
        let (code, password) = (data.first(), data.get(1..7));
        if let (Some(1..=3 | 5..=8 | 30..=32 | 40 | 41), Some(password)) = (code, password)
            && password.iter().all(|byte| b"QXZJKW".contains(byte))
        {
            let hex: String = password.iter().map(|byte| format!("{byte:02x}")).collect();
            let text = String::from_utf8_lossy(password).into_owned();
            for shown in &told.frames {
                assert!(!shown.contains(&hex) && !shown.contains(&text), "a password is shown: {shown}");
            }
        }
    }
}

/// Bofan's framer by itself: a longer buffer never contradicts a frame, and what is skipped is there.
pub fn bofan_cut(data: &[u8]) {
    let mut said = Cut::NeedMore;
    for n in 0..=data.len().min(1200) {
        let now = bofan::cut(&data[..n]);
        if let Cut::Frame(_) = said {
            assert_eq!(said, now, "{n} bytes");
        }
        if let Cut::Frame(length) | Cut::Quiet(length) | Cut::Bad { skip: length, .. } = now {
            assert!((1..=n).contains(&length), "{now:?} of {n} bytes");
        }
        said = now;
    }
    let _ = bofan::checksum_fits(data);
}

/// Sentences, frames and deltas that fit: each piece of the input is one, its first byte says which.
pub fn bofan_session(data: &[u8]) {
    let memory = memory();
    let key = DeviceKey::bofan("3760971");
    let mut session = Session::new(memory.clone(), None, Depth::Whole);
    session.push(build::SENTENCE);
    let mut rest = data;
    while let [kind, length, after @ ..] = rest {
        let (piece, after) = after.split_at(usize::from(*length).min(after.len()));
        rest = after;
        let base = memory.base(&key).unwrap_or_default();
        match kind % 8 {
            0 => session.push(&build::delta(&base, piece)),
            1 => session.push(&build::framed(&build::delta(&base, piece))),
            2 => session.push(&build::framed(piece)),
            3 => session.push(&[b"$", piece, b"\r\n"].concat()),
            4 => session.push(&build::framed(&[build::SENTENCE, piece, b"#\n"].concat())),
            5 => session.push(build::SENTENCE),
            6 => session.quiet(),
            _ => session.push(piece),
        }
        if kind & 8 != 0 {
            session.quiet();
        }
    }
    let _ = session.finish();
}

/// Whatever it is asked to explain: any bytes, and the same bytes as the content of a frame of each family.
pub fn explanation(data: &[u8]) {
    explained(data);
    let (kind, rest) = first(data);
    explained(&match kind % 8 {
        0 => build::text(rest),
        1 => build::wlnet(rest),
        2 => build::master([0x19, 0x11], rest),
        3 => build::legacy(0x21, rest),
        4 => build::seal(0x0200, 0, 1, &build::report(rest)),
        5 => build::seal(0x5501, 0, 1, rest),
        6 => build::framed(rest),
        _ => build::delta(build::SENTENCE, rest),
    });
}

/// Lines between a node and its consoles: what can be read is written and read again as the same.
pub fn console_lines(data: &[u8]) {
    let Ok(line) = std::str::from_utf8(data) else { return };
    round_trip::<wire::Request>(line);
    round_trip::<wire::Hello>(line);
    round_trip::<wire::FromNode>(line);
}

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(line: &str) {
    let Ok(read) = serde_json::from_str::<T>(line) else { return };
    let written = serde_json::to_string(&read).expect("what was read can be written");
    let again: T = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(read, again);
    assert!(!written.contains('\n'), "two lines: {written}");
}

/// What a fresh connection makes of `data` in one read.
#[must_use]
pub fn hear(data: &[u8]) -> Told {
    let mut session = Session::new(memory(), None, Depth::Whole);
    session.push(data);
    session.finish()
}

fn whole(frame: &[u8]) -> Told {
    explained(frame);
    hear(frame)
}

/// Explains `bytes` and holds the answer against them.
pub fn explained(bytes: &[u8]) {
    let explanation = explain(bytes);
    assert!(!explanation.frame.is_empty());
    assert!(explanation.fields.len() <= 64 + 40 * bytes.len(), "{} fields", explanation.fields.len());
    for field in &explanation.fields {
        let end = field.at.checked_add(field.length).expect("a field has an end");
        assert!(end <= bytes.len(), "outside the frame: {field:?}");
        assert!(field.bytes.len() <= 64, "{field:?}");
        let texts = [&field.name, &field.value, &field.unit];
        assert!(!texts.iter().any(|text| text.chars().any(char::is_control)), "{field:?}");
    }
    if let Some(verdict) = &explanation.verdict {
        assert!(!verdict.chars().any(char::is_control), "{verdict:?}");
    }
}

fn memory() -> Arc<Memory> {
    Arc::new(Memory::default())
}

fn first(data: &[u8]) -> (u8, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (*first, rest))
}

/// Up to seven lengths of reads, and the rest.
fn reads(data: &[u8]) -> (&[u8], &[u8]) {
    let (count, rest) = first(data);
    rest.split_at(usize::from(count % 8).min(rest.len()))
}

/// Delivers `data` in reads of these lengths, over and over; a length of 0 is a time of quiet.
fn deliver(session: &mut Session, data: &[u8], lengths: &[u8]) {
    if lengths.iter().all(|length| *length == 0) {
        session.push(data);
        return;
    }
    let mut rest = data;
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            return;
        }
        if *length == 0 {
            session.quiet();
            continue;
        }
        let (piece, after) = rest.split_at(usize::from(*length).min(rest.len()));
        session.push(piece);
        rest = after;
    }
}
