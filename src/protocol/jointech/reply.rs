//! What a Jointech device is answered. Answers are made only for sound frames.

use super::seal_frame::{Header, build};
use crate::domain::message::WlnetAck;
use crate::protocol::catalogue::ReportAck;
use crate::protocol::heard::{Answer, AnswerBody, TimeShape, When};

/// From this protocol version on every report is acknowledged by `P69` (JT701D manual V1.4).
const P69_VERSION: u8 = 0x19;

fn p69(serial: u32) -> Answer {
    Answer::text(When::Durable, format!("(P69,0,{serial})"))
}

/// A binary frame: always from version 0x19 on; before, only if its status asks for it.
pub(super) fn binary(version: u8, serial: u32, asked: bool) -> Vec<Answer> {
    if version >= P69_VERSION {
        vec![p69(serial)]
    } else if asked {
        vec![Answer::text(When::Durable, "(P35)")]
    } else {
        vec![]
    }
}

/// A P45. While the version is unknown the profile's word is sent, and if it has none both: each kind of unit ignores
/// the other's.
pub(super) fn lock_report(version: Option<u8>, profile: Option<ReportAck>, serial: u32) -> Vec<Answer> {
    let by_version = |version| if version >= P69_VERSION { ReportAck::P69 } else { ReportAck::P35 };
    let ack = version.map(by_version).or(profile);
    let mut answers = vec![];
    if ack != Some(ReportAck::P69) {
        answers.push(Answer::text(When::Durable, "(P46)"));
    }
    if ack != Some(ReportAck::P35) {
        answers.push(p69(serial));
    }
    answers
}

/// A sub-device report; a serial that could not be read is not answered.
pub(super) fn sub_device(ack: WlnetAck, sub_device: Option<u32>, frame: Option<u32>) -> Vec<Answer> {
    let serials = match ack {
        WlnetAck::SubDevice => [sub_device, None],
        WlnetAck::Frame => [None, frame],
        WlnetAck::Both => [sub_device, frame],
    };
    serials.into_iter().flatten().map(p69).collect()
}

/// `P22,2`: the time in UTC.
pub(super) fn p22() -> Answer {
    time_text("(P22,".to_owned(), TimeShape::P22)
}

/// `BASE,2,TIME`: the same leading items and the time in UTC.
pub(super) fn base_time(leading: &str) -> Answer {
    time_text(format!("({leading},"), TimeShape::Text14)
}

fn time_text(before: String, shape: TimeShape) -> Answer {
    Answer { when: When::AtOnce, body: AnswerBody::TimeText { before, shape, after: ")".to_owned() } }
}

/// 0x8001: answered serial, answered message, 0 = ok.
pub(super) fn general(header: &Header, when: When) -> Answer {
    let mut body = header.serial.to_be_bytes().to_vec();
    body.extend(header.message.to_be_bytes());
    body.push(0);
    Answer { when, body: AnswerBody::Binary(build(0x8001, &header.id, true, &body)) }
}

/// 0x8100: answered serial, 0 = ok, authentication code: the digits of the ID.
pub(super) fn registered(header: &Header) -> Answer {
    let mut body = header.serial.to_be_bytes().to_vec();
    body.push(0);
    body.extend(header.device().bytes());
    Answer { when: When::AtOnce, body: AnswerBody::Binary(build(0x8100, &header.id, true, &body)) }
}

/// 0x8109: year 2, month, day, hour, minute, second, 0; UTC.
pub(super) fn seal_time(header: &Header) -> Answer {
    Answer { when: When::AtOnce, body: AnswerBody::TimeBinary { id: header.id.clone(), make: time_frame } }
}

fn time_frame(id: &[u8], time: [u16; 6]) -> Vec<u8> {
    let [year, rest @ ..] = time;
    let mut body = year.to_be_bytes().to_vec();
    body.extend(rest.map(|part| part.to_be_bytes()[1]));
    body.push(0);
    build(0x8109, id, true, &body)
}

/// 0x4401, the answer to 0x5501 and 0x5502: answered message, 0 = ok; its own serial is one byte.
pub(super) fn short(header: &Header) -> Answer {
    let mut body = header.message.to_be_bytes().to_vec();
    body.push(0);
    Answer { when: When::Durable, body: AnswerBody::Binary(build(0x4401, &header.id, false, &body)) }
}
