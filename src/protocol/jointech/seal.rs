//! Messages of the seal family (JT709A/C, JT705, JT707, JT704): the vendor's SDK, Traccar's captures.

use super::fields::{Flaw, Reader, battery};
use super::packets::{Packets, Taken};
use super::seal_frame::{BLIND_REPORT, Header, LIVE_REPORT, mask, sum_is_right, unescape};
use super::seal_position::report;
use super::trace::{documented, unknown};
use super::{packets, reply, seal_report};
use crate::domain::message::CommandReply;
use crate::domain::text::clean_bytes;
use crate::domain::{DeviceKey, Message, MessageKind, Protocol};
use crate::protocol::HeardFrame;
use crate::protocol::heard::{Answer, When};
use crate::protocol::memory::Memory;
use chrono::FixedOffset;

const GENERAL_ANSWER: u16 = 0x0001;
const LOGOUT: u16 = 0x0003;
const PROPERTIES: u16 = 0x0107;
const MULTIMEDIA_EVENT: u16 = 0x0800;
const MULTIMEDIA_DATA: u16 = 0x0801;
const REPORT: u16 = 0x0200;
const BATCH: u16 = 0x0704;
const SHORT_BATCH: u16 = 0x0210;
const HEARTBEAT: u16 = 0x0002;
const REGISTER: u16 = 0x0100;
const AUTHENTICATE: u16 = 0x0102;
const TIME_REQUEST: u16 = 0x0109;

/// What a message is called; empty if no paper names it.
pub(super) fn message_name(message: u16) -> &'static str {
    match message {
        GENERAL_ANSWER => "general answer",
        HEARTBEAT => "heartbeat",
        LOGOUT => "logout",
        REGISTER => "register",
        AUTHENTICATE => "authenticate",
        PROPERTIES => "properties",
        TIME_REQUEST => "time request",
        REPORT => "position report",
        SHORT_BATCH => "batch of reports, short form",
        BATCH => "batch of reports",
        MULTIMEDIA_EVENT => "multimedia event",
        MULTIMEDIA_DATA => "multimedia data",
        LIVE_REPORT => "position report, JT705A form",
        BLIND_REPORT => "stored position report, JT705A form",
        _ => "",
    }
}

/// Decodes a raw frame of the right length.
///
/// # Errors
/// The device's ID, if the sum is wrong: such a frame is dropped and never answered.
pub(super) fn decode(raw: &[u8], split: &mut Packets, memory: &Memory) -> Result<HeardFrame, Option<String>> {
    let (plain, places) = unescape(raw);
    let Ok(header) = Header::read(&plain) else { return Err(None) };
    if !sum_is_right(&plain) {
        return Err(Some(header.device()));
    }
    let content = plain.get(..plain.len().saturating_sub(1)).unwrap_or_default();
    let zone = memory.dialect(&DeviceKey::jointech(&header.device())).clock;
    let mut secrets = Vec::new();
    let messages = match header.split {
        Some((_, count)) if count > 1 => packet(content, &header, zone, split, &mut secrets),
        _ => messages(content, &header, zone, &mut secrets),
    };
    let mut masked = raw.to_vec();
    mask(&mut masked, &places, &secrets);
    Ok(HeardFrame {
        protocol: Protocol::JointechSeal,
        raw: masked,
        messages,
        answers: answers(&header),
        password: None,
        sound: true,
        aside: Default::default(),
    })
}

fn answers(header: &Header) -> Vec<Answer> {
    match header.message {
        LIVE_REPORT | BLIND_REPORT if header.wants_short_answer() => vec![reply::short(header)],
        LIVE_REPORT | BLIND_REPORT => vec![],
        // Each packet by its own serial, whatever the message.
        _ if header.split.is_some_and(|(_, count)| count > 1) => vec![reply::general(header, When::Durable)],
        REGISTER => vec![reply::registered(header)],
        TIME_REQUEST => vec![reply::seal_time(header)],
        HEARTBEAT | AUTHENTICATE => vec![reply::general(header, When::AtOnce)],
        // An answer to a message of ours: answering it again could go on for ever.
        GENERAL_ANSWER => vec![],
        _ => vec![reply::general(header, When::Durable)],
    }
}

/// One packet of a message in several: by itself kept raw; the one that completes the message tells what all say.
fn packet(
    plain: &[u8],
    header: &Header,
    zone: FixedOffset,
    split: &mut Packets,
    secrets: &mut Secrets,
) -> Vec<Message> {
    let body = plain.get(header.body_at..).unwrap_or_default();
    secrets.extend(packets::may_be_secret(body).into_iter().map(|at| at.saturating_add(header.body_at)));
    match split.take(header, body) {
        Taken::Part => messages(plain, header, zone, secrets),
        Taken::Odd(unknown) => {
            let mut kept = messages(plain, header, zone, secrets);
            kept.iter_mut().for_each(|message| message.unknown.push(unknown.clone()));
            kept
        }
        Taken::Whole { body: whole, first, own } => {
            let head = plain.get(..header.body_at).unwrap_or_default();
            let mut header = header.clone();
            (header.serial, header.split) = (first, None);
            let mut inside = Secrets::new();
            let told = messages(&[head, &whole].concat(), &header, zone, &mut inside);
            // Those before this packet's own part are in packets that were masked as they came.
            let in_body =
                inside.into_iter().filter_map(|at| at.checked_sub(header.body_at)?.checked_sub(own));
            secrets.extend(in_body.filter(|at| *at < body.len()).map(|at| at.saturating_add(header.body_at)));
            told
        }
    }
}

/// Where the passwords stand that a message held: offsets after unescaping.
pub(super) type Secrets = Vec<usize>;

fn messages(plain: &[u8], header: &Header, zone: FixedOffset, secrets: &mut Secrets) -> Vec<Message> {
    let mut blank = Message::new(Protocol::JointechSeal, kind(header));
    blank.device = Some(header.device());
    blank.serial = Some(header.serial.into());
    if header.split.is_some_and(|(_, count)| count > 1) {
        // One packet of several: kept raw, its body is only a part.
        blank.kind = MessageKind::Other;
        return vec![blank];
    }
    body(Reader::new(plain, header.body_at).in_zone(zone), header, &blank, secrets)
}

/// The messages of a body that is whole.
pub(super) fn body(
    reader: Reader<'_>,
    header: &Header,
    blank: &Message,
    secrets: &mut Secrets,
) -> Vec<Message> {
    match header.message {
        REPORT => {
            report(reader.clone(), blank, secrets).unwrap_or_else(|flaw| invalid(&reader, blank, &flaw))
        }
        LIVE_REPORT | BLIND_REPORT => {
            let replayed = header.message == BLIND_REPORT;
            let message = seal_report::decode(reader.clone(), blank.clone(), replayed, secrets);
            message.map_or_else(|flaw| invalid(&reader, blank, &flaw), |message| vec![message])
        }
        BATCH => batch(reader, blank, secrets),
        SHORT_BATCH => short_batch(reader, blank, secrets),
        _ => {
            let message = other(reader.clone(), header.message, blank);
            message.map_or_else(|flaw| invalid(&reader, blank, &flaw), |message| vec![message])
        }
    }
}

/// Messages that report no position.
fn other(mut reader: Reader<'_>, id: u16, blank: &Message) -> Result<Message, Flaw> {
    let mut message = blank.clone();
    match id {
        GENERAL_ANSWER => {
            let serial = reader.u16()?;
            reader.tell(documented("answered serial", ""), serial);
            let answered = reader.u16()?;
            reader.tell(documented("answered message", ""), format_args!("{answered:#06x}"));
            let result = reader.u8()?;
            reader.tell(documented("result", ""), format_args!("{result} {}", result_name(result)));
            message.serial = Some(serial.into());
            message.command =
                Some(CommandReply { word: format!("0x{answered:04X}"), params: vec![result.to_string()] });
            reader.rest("bytes after a general answer", &mut message);
        }
        AUTHENTICATE => {
            let code = reader.take(reader.left())?;
            reader.tell(documented("authentication code", ""), clean_bytes(code));
        }
        HEARTBEAT | TIME_REQUEST => reader.rest("bytes after the header", &mut message),
        REGISTER => reader.rest("content of register", &mut message),
        LOGOUT | PROPERTIES | MULTIMEDIA_EVENT | MULTIMEDIA_DATA => {
            let name = message_name(id);
            message.details.message = Some(name.to_owned());
            reader.rest(&format!("content of {name}"), &mut message);
        }
        _ => {
            let what = format!("message 0x{id:04X}");
            if reader.left() == 0 {
                super::fields::unknown_code(&what, &mut message);
            }
            reader.rest(&what, &mut message);
        }
    }
    Ok(message)
}

fn result_name(result: u8) -> &'static str {
    match result {
        0 => "done",
        1 => "failed",
        2 => "message wrong",
        3 => "not supported",
        _ => "",
    }
}

fn kind(header: &Header) -> MessageKind {
    match header.message {
        REPORT | BATCH | SHORT_BATCH | LIVE_REPORT | BLIND_REPORT => MessageKind::Position,
        HEARTBEAT => MessageKind::Heartbeat,
        REGISTER | AUTHENTICATE => MessageKind::Registration,
        TIME_REQUEST => MessageKind::TimeRequest,
        GENERAL_ANSWER => MessageKind::CommandReply,
        _ => MessageKind::Other,
    }
}

fn invalid(reader: &Reader<'_>, blank: &Message, flaw: &Flaw) -> Vec<Message> {
    reader.fail(flaw);
    vec![Message { kind: MessageKind::Invalid, error: Some(flaw.to_string()), ..blank.clone() }]
}

/// 0x0704: count, type (1 = replay), then length and body each. The count is not needed: the lengths tell.
fn batch(mut reader: Reader<'_>, blank: &Message, secrets: &mut Secrets) -> Vec<Message> {
    let whole = reader.clone();
    let mut head = || {
        let count = reader.u16()?;
        reader.tell(documented("number of reports", ""), count);
        let kind = reader.u8()?;
        match kind {
            0 => reader.tell(documented("type", ""), "0 live"),
            REPLAY => reader.tell(documented("type", ""), "1 replay"),
            _ => reader.tell(unknown("type"), kind),
        }
        Ok(kind)
    };
    match head() {
        Ok(kind) => {
            let mut blank = Message { replayed: kind == REPLAY, ..blank.clone() };
            if kind > REPLAY {
                super::fields::unknown_code(format_args!("batch type {kind}"), &mut blank);
            }
            records(reader, &blank, secrets, |reader| reader.u16().map(usize::from))
        }
        Err(flaw) => invalid(&whole, blank, &flaw),
    }
}

const REPLAY: u8 = 1;

/// 0x0210: length and body each, or battery and time alone.
fn short_batch(reader: Reader<'_>, blank: &Message, secrets: &mut Secrets) -> Vec<Message> {
    if reader.left() == BATTERY_AND_TIME {
        return record(reader, blank, secrets);
    }
    records(reader, blank, secrets, |reader| reader.u8().map(usize::from))
}

const BATTERY_AND_TIME: usize = 7;

fn records(
    mut reader: Reader<'_>,
    blank: &Message,
    secrets: &mut Secrets,
    length: fn(&mut Reader<'_>) -> Result<usize, Flaw>,
) -> Vec<Message> {
    let mut messages = vec![];
    while reader.left() > 0 {
        let body = length(&mut reader).and_then(|length| {
            reader.tell(documented("length of the report", "bytes"), length);
            reader.part(length)
        });
        match body {
            Ok(body) => messages.extend(record(body, blank, secrets)),
            Err(flaw) => {
                messages.extend(invalid(&reader, blank, &flaw));
                break;
            }
        }
    }
    if messages.is_empty() {
        messages.extend(invalid(&reader, blank, &Flaw { at: reader.at(), what: "no record" }));
    }
    messages
}

fn record(mut reader: Reader<'_>, blank: &Message, secrets: &mut Secrets) -> Vec<Message> {
    if reader.left() != BATTERY_AND_TIME {
        return report(reader.clone(), blank, secrets).unwrap_or_else(|flaw| invalid(&reader, blank, &flaw));
    }
    let whole = reader.clone();
    let mut message = Message { kind: MessageKind::Other, ..blank.clone() };
    match battery(&mut reader, &mut message).and_then(|()| reader.time_ymd()) {
        Ok(time) => vec![Message { time, ..message }],
        Err(flaw) => invalid(&whole, blank, &flaw),
    }
}
