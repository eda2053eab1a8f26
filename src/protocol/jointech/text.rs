//! Text frames `(ID,…)`: which family they belong to and what they mean.

use super::fields::whole;
use super::items::Items;
use super::trace::{Trace, documented, unknown};
use super::{legacy, lock_report, reply, secrets, sub_device, words};
use crate::domain::message::CommandReply;
use crate::domain::secret::MASK;
use crate::domain::text::{clean, clean_bytes};
use crate::domain::{DeviceKey, Message, MessageKind, Protocol, Secret, Unknown};
use crate::protocol::HeardFrame;
use crate::protocol::frame::Cut;
use crate::protocol::heard::{Answer, AnswerBody, When};
use crate::protocol::memory::Memory;

/// Longest text frame; the longest known, a P41 reply with twenty cards, has about 250 bytes.
const LONGEST: usize = 1024;

/// How far an unfinished frame has been looked through.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) looked: usize,
    /// A WLNET frame: its payload may hold any byte but the escaped ones.
    wlnet: bool,
}

/// Finds the end of a frame that begins with `(`. Of a broken one a single byte is skipped, so that what stands
/// inside is looked at again; no look goes past the next `(`, so the work stays linear.
pub(crate) fn cut(bytes: &[u8], progress: &mut Progress) -> Cut {
    let bad = |reason| Cut::Bad { skip: 1, reason };
    for &byte in bytes.iter().skip(progress.looked) {
        let at = progress.looked;
        if at >= LONGEST {
            return bad("text frame is longer than 1024 bytes");
        }
        progress.looked = at.saturating_add(1);
        match byte {
            b')' => return Cut::Frame(progress.looked),
            b'(' if at > 0 => return bad("text frame is cut short by the next one"),
            0x20..=0x7E => {}
            _ if progress.wlnet => {}
            _ if is_wlnet(bytes.get(..at).unwrap_or_default()) => progress.wlnet = true,
            _ => return bad("text frame holds a byte that is no text"),
        }
    }
    Cut::NeedMore
}

fn is_wlnet(head: &[u8]) -> bool {
    head.split(|b| *b == b',').nth(3) == Some(b"WLNET") && head.split(|b| *b == b',').count() > 4
}

/// A text that is no frame of any family, with the ID if it begins with one.
#[derive(Debug)]
pub(crate) struct NotOurs {
    pub(crate) device: Option<String>,
}

/// A letter of `letters` and digits: `P45`, `U01`.
fn is_word(item: &str, letters: &[u8], digits: Option<usize>) -> bool {
    let Some((first, rest)) = item.as_bytes().split_first() else { return false };
    letters.contains(first)
        && !rest.is_empty()
        && digits.is_none_or(|n| rest.len() == n)
        && rest.iter().all(u8::is_ascii_digit)
}

/// Decodes a whole frame. `family` is what its connection speaks already.
pub(crate) fn decode(frame: &[u8], family: Option<Protocol>, memory: &Memory) -> Result<HeardFrame, NotOurs> {
    read(frame, family, memory, None)
}

/// The same, telling each item.
pub(super) fn read(
    frame: &[u8],
    family: Option<Protocol>,
    memory: &Memory,
    trace: Option<&Trace>,
) -> Result<HeardFrame, NotOurs> {
    let Some(items) = Items::read(frame, trace) else { return Err(NotOurs { device: None }) };
    let (second, third, fourth) = (items.text(1), items.text(2), items.text(3));
    let ours = family.filter(|f| f.maker() == Some(crate::domain::Maker::Jointech));
    let is_legacy = |item| is_word(item, b"UWS", Some(2));
    if second == "@JT" {
        let family = ours.unwrap_or(Protocol::JointechMaster);
        let mut message = message(family, MessageKind::Heartbeat, &items);
        items.walk(2).tell(documented("word", ""), "@JT heartbeat");
        further(&items, 2, &mut message);
        Ok(heard(frame, message))
    } else if is_word(second, b"P", None) {
        Ok(master(frame, &items, memory))
    } else if fourth == "WLNET" {
        Ok(wlnet(frame, &items, memory))
    } else if fourth == "OTA" {
        Ok(command_reply(frame, Protocol::JointechMaster, &items, 3))
    } else if is_legacy(second) || is_legacy(third) {
        let word_at = if is_legacy(second) { 1 } else { 2 };
        if ours == Some(Protocol::JointechSeal) {
            return Ok(command_reply(frame, Protocol::JointechSeal, &items, word_at));
        }
        if word_at == 1
            && let Some((message, answers)) = legacy::text(&items)
        {
            return Ok(HeardFrame { answers, ..heard(frame, message) });
        }
        Ok(command_reply(frame, Protocol::JointechLegacy, &items, word_at))
    } else if fourth.starts_with(|c: char| c.is_ascii_alphabetic()) {
        Ok(seal(frame, &items))
    } else if let Some(family) = ours {
        let mut message = message(family, MessageKind::Other, &items);
        let value = secrets::shown_text(&items.from(1).join(&b','));
        message.unknown.push(Unknown { what: "text".to_owned(), value });
        further(&items, items.raw.len(), &mut message);
        Ok(heard(frame, message))
    } else {
        Err(NotOurs { device: Some(items.id.to_owned()) })
    }
}

/// Items from `n` on have no name.
fn further(items: &Items<'_>, n: usize, message: &mut Message) {
    for (number, item) in (1_usize..).zip(items.from(n)) {
        let mut walk = items.walk(n.saturating_add(number).saturating_sub(1));
        walk.take();
        walk.tell(unknown("further item"), clean_bytes(item));
        message.unknown.push(Unknown { what: "further item".to_owned(), value: secrets::shown_text(item) });
    }
}

fn message(protocol: Protocol, kind: MessageKind, items: &Items<'_>) -> Message {
    let mut message = Message::new(protocol, kind);
    message.device = Some(items.id.to_owned());
    message
}

fn heard(frame: &[u8], message: Message) -> HeardFrame {
    HeardFrame {
        protocol: message.protocol,
        raw: frame.to_vec(),
        messages: vec![message],
        answers: vec![],
        password: None,
        sound: true,
        aside: Default::default(),
    }
}

/// `P` words.
fn master(frame: &[u8], items: &Items<'_>, memory: &Memory) -> HeardFrame {
    match (items.text(1), items.text(2)) {
        ("P45", _) => {
            let message = lock_report::decode(items);
            let key = DeviceKey::jointech(items.id);
            let (version, profile) = (memory.version(&key), memory.dialect(&key).report_ack);
            let answers =
                message.serial.map_or(vec![], |serial| reply::lock_report(version, profile, serial));
            HeardFrame { answers, ..heard(frame, message) }
        }
        ("P22", "2") => {
            let mut message = message(Protocol::JointechMaster, MessageKind::TimeRequest, items);
            items.walk(2).tell(documented("word", ""), "P22 time");
            items.walk(3).tell(documented("function", ""), "2 asks for the time");
            further(items, 3, &mut message);
            HeardFrame { answers: vec![reply::p22()], ..heard(frame, message) }
        }
        ("P52", "2") if !items.text(3).is_empty() => {
            let mut heard = command_reply(frame, Protocol::JointechMaster, items, 1);
            let secret = Secret::new(items.text(3));
            let body = AnswerBody::SecretText {
                before: "(P52,2,".to_owned(),
                secret: secret.clone(),
                after: ")".to_owned(),
            };
            heard.answers = vec![Answer { when: When::AtOnce, body }];
            dynamic_password(heard, secret)
        }
        ("P52", "0") if !items.text(4).is_empty() => HeardFrame {
            password: Some(Secret::new(items.text(4))),
            ..command_reply(frame, Protocol::JointechMaster, items, 1)
        },
        _ => command_reply(frame, Protocol::JointechMaster, items, 1),
    }
}

fn dynamic_password(mut heard: HeardFrame, secret: Secret) -> HeardFrame {
    for message in &mut heard.messages {
        message.kind = MessageKind::DynamicPassword;
        message.command = None;
    }
    heard.password = Some(secret);
    heard
}

/// `(ID,n,serial,WLNET,index,…)`: 5 a report, 7 a second gateway's upload (kept raw), others replies.
fn wlnet(frame: &[u8], items: &Items<'_>, memory: &Memory) -> HeardFrame {
    if whole::<u16>(items.text(1)).is_some() && items.text(1).len() <= 3 {
        memory.learn_wlnet_item(&DeviceKey::jointech(items.id), items.text(1));
    }
    let frame_serial = whole::<u32>(items.text(2));
    match items.text(4) {
        "5" if items.raw.len() > 5 => {
            let (start, end) = (items.after(4), frame.len().saturating_sub(1));
            let (payload, mut places) = sub_device::unescape(frame.get(start..end).unwrap_or_default());
            if let Some(trace) = items.trace {
                tell_head(items, 3);
                items.walk(5).tell(documented("function", ""), "5 sub-device report");
                places.iter_mut().for_each(|place| *place = place.saturating_add(start));
                trace.enter(places, 0);
            }
            let message = sub_device::decode(items.id, &payload, items.trace);
            if let Some(trace) = items.trace {
                trace.leave(end);
            }
            let ack = memory.wlnet_ack(&DeviceKey::jointech(items.id));
            let answers = reply::sub_device(ack, message.serial, frame_serial);
            HeardFrame { answers, ..heard(frame, message) }
        }
        "7" => {
            let mut message = message(Protocol::JointechMaster, MessageKind::Other, items);
            message.serial = frame_serial;
            message.details.message = Some("gateway upload".to_owned());
            tell_head(items, 3);
            items.walk(5).tell(documented("function", ""), "7 second gateway upload");
            let (start, end) = (items.after(4), frame.len().saturating_sub(1));
            let (payload, _) = sub_device::unescape(frame.get(start..end).unwrap_or_default());
            let value = secrets::shown_hex(&payload);
            if let Some(trace) = items.trace {
                trace.field(end, unknown("content"), &value);
            }
            message.unknown.push(Unknown { what: "content of a gateway upload".to_owned(), value });
            // It is kept raw; but six digits may be a password, which must not stand in the journal.
            let mut raw = frame.to_vec();
            secrets::mask_six(raw.get_mut(start..end).unwrap_or_default());
            HeardFrame { raw, ..heard(frame, message) }
        }
        _ => {
            let mut heard = command_reply(frame, Protocol::JointechMaster, items, 3);
            for message in &mut heard.messages {
                message.serial = frame_serial;
            }
            heard
        }
    }
}

/// `(ID,1,serial,WORD,index,…)` of the seal family.
fn seal(frame: &[u8], items: &Items<'_>) -> HeardFrame {
    let mut heard = command_reply(frame, Protocol::JointechSeal, items, 3);
    for message in &mut heard.messages {
        message.serial = whole(items.text(2));
    }
    match (items.text(3), items.text(4), items.text(5)) {
        ("BASE", "2", "TIME") => {
            for message in &mut heard.messages {
                message.kind = MessageKind::TimeRequest;
                message.command = None;
            }
            let leading: Vec<&str> = (0..5).map(|n| items.text(n)).collect();
            heard.answers = vec![reply::base_time(&leading.join(","))];
            heard
        }
        ("ELOCK", "3", password) if !password.is_empty() => dynamic_password(heard, Secret::new(password)),
        _ => heard,
    }
}

/// A reply to a command, its word at item `word_at`; secrets are masked in the message and in raw.
fn command_reply(frame: &[u8], protocol: Protocol, items: &Items<'_>, word_at: usize) -> HeardFrame {
    let word = items.text(word_at);
    let params_at = word_at.saturating_add(1);
    let params = items.from(params_at);
    let index = items.text(params_at);
    let is_known = words::name(word, index).is_some();
    tell_head(items, word_at);
    let mut raw = frame.to_vec();
    let mut shown = Vec::with_capacity(params.len());
    let mut start = items.after(word_at);
    for (n, param) in params.iter().enumerate() {
        let mut walk = items.walk(params_at.saturating_add(n));
        walk.take();
        let name = words::parameter(word, index, n);
        let sure = if name.is_empty() { unknown("parameter") } else { documented(name, "") };
        // A word that no paper names may bring a password: six digits are taken for one. (Those of legacy trackers
        // are reports with dates.)
        let may_be_secret =
            !is_known && protocol != Protocol::JointechLegacy && secrets::may_be_password(param);
        if may_be_secret || secrets::is_secret(word, params, n) {
            if let Some(bytes) = raw.get_mut(start..start.saturating_add(param.len())) {
                bytes.fill(b'*');
            }
            walk.tell(documented(if name.is_empty() { "secret" } else { name }, ""), MASK);
            shown.push(MASK.to_owned());
        } else {
            let text = clean_bytes(&sub_device::unescape(param).0);
            walk.tell(sure, &text);
            shown.push(text);
        }
        start = start.saturating_add(param.len()).saturating_add(1);
    }
    let mut message = message(protocol, MessageKind::CommandReply, items);
    words::facts(word, params, &mut message);
    message.command = Some(CommandReply { word: clean(word), params: shown });
    HeardFrame { raw, ..heard(frame, message) }
}

/// Names what stands before the word, and the word.
fn tell_head(items: &Items<'_>, word_at: usize) {
    if items.trace.is_none() {
        return;
    }
    if word_at == 3 {
        items.walk(2).tell(documented("second item", ""), items.text(1));
        items.walk(3).tell(documented("serial", ""), items.text(2));
    } else if word_at == 2 {
        items.walk(2).tell(documented("second item", ""), items.text(1));
    }
    let word = items.text(word_at);
    let walk = items.walk(word_at.saturating_add(1));
    match words::name(word, items.text(word_at.saturating_add(1))) {
        Some(name) => walk.tell(documented("word", ""), format_args!("{word} {name}")),
        None => walk.tell(unknown("word"), word),
    }
}
