//! Messages of the seal family (JT709A/C, JT705, JT707, JT704): the vendor's SDK, Traccar's captures.

use super::fields::{Flaw, Reader, bits, gsm, metres, percent, round1, signed};
use super::master::wake_source;
use super::packets::{Packets, Taken};
use super::seal_frame::{BLIND_REPORT, Header, LIVE_REPORT, sum_is_right, unescape};
use super::{lock_event, packets, reply, seal_report};
use crate::domain::message::{Level, SubDevice, WakeSource};
use crate::domain::{DeviceEvent, Message, MessageKind, PartState, Parts, Position, Protocol};
use crate::protocol::HeardFrame;
use crate::protocol::heard::{Answer, When};

const REPORT: u16 = 0x0200;
const BATCH: u16 = 0x0704;
const SHORT_BATCH: u16 = 0x0210;
const HEARTBEAT: u16 = 0x0002;
const REGISTER: u16 = 0x0100;
const AUTHENTICATE: u16 = 0x0102;
const TIME_REQUEST: u16 = 0x0109;

/// Alarm bits of 0x0200.
const ALARMS: [(u32, Level); 5] = [
    (1, Level::Overspeed),
    (7, Level::LowBattery),
    (16, Level::BackCoverOpened),
    (17, Level::GeofenceEnter),
    (18, Level::GeofenceExit),
];

/// Decodes a raw frame of the right length.
///
/// # Errors
/// The device's ID, if the sum is wrong: such a frame is dropped and never answered.
pub(super) fn decode(raw: &[u8], split: &mut Packets) -> Result<HeardFrame, Option<String>> {
    let (plain, places) = unescape(raw);
    let Ok(header) = Header::read(&plain) else { return Err(None) };
    if !sum_is_right(&plain) {
        return Err(Some(header.device()));
    }
    let content = plain.get(..plain.len().saturating_sub(1)).unwrap_or_default();
    let mut secrets = Vec::new();
    let messages = match header.split {
        Some((_, count)) if count > 1 => packet(content, &header, split, &mut secrets),
        _ => messages(content, &header, &mut secrets),
    };
    let mut masked = raw.to_vec();
    for at in secrets {
        // An escaped byte is two raw bytes: from its place to that of the next.
        let next = places.get(at.saturating_add(1)).copied().unwrap_or(masked.len());
        if let Some(place) = places.get(at).copied()
            && let Some(bytes) = masked.get_mut(place..next)
        {
            bytes.fill(b'*');
        }
    }
    Ok(HeardFrame {
        protocol: Protocol::JointechSeal,
        raw: masked,
        messages,
        answers: answers(&header),
        password: None,
        sound: true,
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
        _ => vec![reply::general(header, When::Durable)],
    }
}

/// One packet of a message in several: by itself kept raw; the one that completes the message tells what all say.
fn packet(plain: &[u8], header: &Header, split: &mut Packets, secrets: &mut Secrets) -> Vec<Message> {
    let body = plain.get(header.body_at..).unwrap_or_default();
    secrets.extend(packets::may_be_secret(body).into_iter().map(|at| at.saturating_add(header.body_at)));
    match split.take(header, body) {
        Taken::Part => messages(plain, header, secrets),
        Taken::Odd(unknown) => {
            let mut kept = messages(plain, header, secrets);
            kept.iter_mut().for_each(|message| message.unknown.push(unknown.clone()));
            kept
        }
        Taken::Whole { body: whole, first, own } => {
            let head = plain.get(..header.body_at).unwrap_or_default();
            let mut header = header.clone();
            (header.serial, header.split) = (first, None);
            let mut inside = Secrets::new();
            let told = messages(&[head, &whole].concat(), &header, &mut inside);
            // Those before this packet's own part are in packets that were masked as they came.
            let in_body =
                inside.into_iter().filter_map(|at| at.checked_sub(header.body_at)?.checked_sub(own));
            secrets.extend(in_body.filter(|at| *at < body.len()).map(|at| at.saturating_add(header.body_at)));
            told
        }
    }
}

/// Where the passwords stand that a message held: offsets after unescaping.
type Secrets = Vec<usize>;

fn messages(plain: &[u8], header: &Header, secrets: &mut Secrets) -> Vec<Message> {
    let mut blank = Message::new(Protocol::JointechSeal, kind(header));
    blank.device = Some(header.device());
    blank.serial = Some(header.serial.into());
    if header.split.is_some_and(|(_, count)| count > 1) {
        // One packet of several: kept raw, its body is only a part.
        blank.kind = MessageKind::Other;
        return vec![blank];
    }
    let reader = Reader::new(plain, header.body_at);
    match header.message {
        REPORT => report(reader, &blank, secrets).unwrap_or_else(|flaw| vec![invalid(&blank, &flaw)]),
        LIVE_REPORT | BLIND_REPORT => {
            let replayed = header.message == BLIND_REPORT;
            let message = seal_report::decode(reader, blank.clone(), replayed, secrets);
            vec![message.unwrap_or_else(|flaw| invalid(&blank, &flaw))]
        }
        BATCH => batch(reader, &blank, secrets),
        SHORT_BATCH => short_batch(reader, &blank, secrets),
        _ => vec![blank],
    }
}

fn kind(header: &Header) -> MessageKind {
    match header.message {
        REPORT | BATCH | SHORT_BATCH | LIVE_REPORT | BLIND_REPORT => MessageKind::Position,
        HEARTBEAT => MessageKind::Heartbeat,
        REGISTER | AUTHENTICATE => MessageKind::Registration,
        TIME_REQUEST => MessageKind::TimeRequest,
        _ => MessageKind::Other,
    }
}

fn invalid(blank: &Message, flaw: &Flaw) -> Message {
    Message { kind: MessageKind::Invalid, error: Some(flaw.to_string()), ..blank.clone() }
}

/// 0x0704: count, type (1 = replay), then length and body each. The count is not needed: the lengths tell.
fn batch(mut reader: Reader<'_>, blank: &Message, secrets: &mut Secrets) -> Vec<Message> {
    let mut head = || {
        reader.u16()?;
        reader.u8()
    };
    match head() {
        Ok(kind) => {
            let blank = Message { replayed: kind == 1, ..blank.clone() };
            records(reader, &blank, secrets, |reader| reader.u16().map(usize::from))
        }
        Err(flaw) => vec![invalid(blank, &flaw)],
    }
}

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
        match length(&mut reader).and_then(|length| reader.part(length)) {
            Ok(body) => messages.extend(record(body, blank, secrets)),
            Err(flaw) => {
                messages.push(invalid(blank, &flaw));
                break;
            }
        }
    }
    if messages.is_empty() {
        messages.push(invalid(blank, &Flaw { at: reader.at(), what: "no record" }));
    }
    messages
}

fn record(mut reader: Reader<'_>, blank: &Message, secrets: &mut Secrets) -> Vec<Message> {
    if reader.left() != BATTERY_AND_TIME {
        return report(reader, blank, secrets).unwrap_or_else(|flaw| vec![invalid(blank, &flaw)]);
    }
    let mut message = Message { kind: MessageKind::Other, ..blank.clone() };
    let battery = reader.u8().map(|value| battery(value, &mut message));
    match battery.and_then(|()| reader.time_ymd()) {
        Ok(time) => vec![Message { time, ..message }],
        Err(flaw) => vec![invalid(blank, &flaw)],
    }
}

/// Percent, or FF while charging.
fn battery(value: u8, message: &mut Message) {
    message.battery_pct = percent(value);
    message.charging = Some(value == 0xFF);
}

/// The body of 0x0200: 28 bytes, then type-length-value items. First the seal's own message, then one for each lock
/// attached to it.
fn report(mut reader: Reader<'_>, blank: &Message, secrets: &mut Secrets) -> Result<Vec<Message>, Flaw> {
    let mut message = blank.clone();
    let alarm = reader.u32()?;
    let status = reader.u32()?;
    let at = reader.at();
    let (lat, lon) = (reader.u32()?, reader.u32()?);
    if lat > 90_000_000 || lon > 180_000_000 {
        return Err(Flaw { at, what: "no such place" });
    }
    let is_set = |bit| bits(status).any(|b| b == bit);
    let altitude = reader.i16()?;
    let speed = reader.u16()?;
    let heading = reader.u16()?;
    message.position = Some(Position {
        lat: signed(f64::from(lat) / 1e6, is_set(2)),
        lon: signed(f64::from(lon) / 1e6, is_set(3)),
        fix: is_set(1) || is_set(18),
        speed_kmh: Some(round1(f64::from(speed) / 10.0)),
        heading_deg: (heading <= 360).then(|| f64::from(heading)),
        altitude_m: Some(altitude.into()),
        satellites: None,
    });
    message.time = reader.time_ymd()?;
    message.parts = Parts {
        motor: Some(PartState::open_if(is_set(21))),
        rope: Some(PartState::open_if(is_set(20))),
        // 1 = open: inferred from the other parts and a captured frame.
        cover: Some(PartState::open_if(is_set(7))),
    };
    message.lock = Some(message.parts.lock());
    alarms(alarm, &mut message);
    let wake = u8::try_from(status >> 24 & 0x0F).unwrap_or(0);
    message.events.push(DeviceEvent::Wake { source: report_wake(wake) });
    let mut attached = vec![];
    items(reader, &mut message, &mut attached, secrets)?;
    let mut messages = vec![message];
    messages.append(&mut attached);
    Ok(messages)
}

/// The codes of 0x0200 are published for other models only; those on which they disagree are not named.
fn report_wake(code: u8) -> WakeSource {
    match code {
        6..=8 | 10..=11 => WakeSource::Unknown,
        code => wake_source(code),
    }
}

fn alarms(word: u32, message: &mut Message) {
    for (bit, level) in ALARMS {
        message.levels.report(level, bits(word).any(|b| b == bit));
    }
    for bit in bits(word) {
        let known = ALARMS.iter().find(|(b, _)| *b == bit);
        let event = known.and_then(|(_, level)| super::level_event(*level, None));
        message
            .events
            .push(event.unwrap_or_else(|| DeviceEvent::Custom { code: format!("alarm bit {bit}") }));
    }
}

/// Items after the fixed part. Unknown ones are skipped by length; raw keeps them.
fn items(
    mut reader: Reader<'_>,
    message: &mut Message,
    attached: &mut Vec<Message>,
    secrets: &mut Secrets,
) -> Result<(), Flaw> {
    let mut fence = None;
    while reader.left() > 0 {
        let (id, length) = (reader.u8()?, reader.u8()?);
        let mut value = reader.part(length.into())?;
        match (id, length) {
            (0x0B, _) => message.events.extend(lock_event::decode(value, secrets)?),
            (0x30, 1) => message.signal = gsm(value.u8()?),
            (0x31, 1) => {
                let satellites = Some(value.u8()?);
                message.position = message.position.map(|place| Position { satellites, ..place });
            }
            (0xD4, 1) => battery(value.u8()?, message),
            (0xD5, 2) => message.voltage_v = Some(f64::from(value.u16()?) / 100.0),
            (0xD5, 3..) => *attached = locks(value, message)?,
            (0xFC, 1) => fence = Some(value.u8()?).filter(|fence| *fence != 0),
            (0xFE, 4) => message.odometer_m = Some(metres(value.u32()?)),
            _ => {}
        }
    }
    name_fence(&mut message.events, fence);
    Ok(())
}

/// Writes the fence into the fence events of the same message.
pub(super) fn name_fence(events: &mut [DeviceEvent], told: Option<u8>) {
    for event in events {
        if let DeviceEvent::GeofenceEnter { fence } | DeviceEvent::GeofenceExit { fence } = event {
            *fence = told;
        }
    }
}

/// 0xD5 of more than two bytes: count, then ID 5, card 5, battery 1, status 2 (bit 5 = unlocked) each (Traccar only).
/// The rope is not told, so a locked motor alone never reads as `locked`.
fn locks(mut value: Reader<'_>, seal: &Message) -> Result<Vec<Message>, Flaw> {
    let mut messages = vec![];
    for _ in 0..value.u8()? {
        let id = hex::encode_upper(value.take(5)?);
        value.take(5)?;
        let battery = value.u8()?;
        let status = value.u16()?;
        let mut message = Message::new(Protocol::JointechSeal, MessageKind::SubDevice);
        message.device.clone_from(&seal.device);
        message.time = seal.time;
        message.replayed = seal.replayed;
        message.position = seal.position;
        message.serial = seal.serial;
        message.battery_pct = percent(battery);
        message.parts.motor = Some(PartState::open_if(status & 1 << 5 != 0));
        message.lock = Some(message.parts.lock());
        message.sub_device = Some(SubDevice { id, ..SubDevice::default() });
        messages.push(message);
    }
    Ok(messages)
}
