//! The tracker: sentences bare and framed, deltas, pictures.

use super::super::super::encode::bofan::{Sentence, announcement, delta, envelope, photo_chunk};
use super::*;
use crate::domain::message::Level;
use crate::domain::{DeviceEvent, MessageKind, Protocol};

fn sentence() -> impl Strategy<Value = Sentence> {
    let code = prop_oneof![Just("POS".to_owned()), "[A-Z][A-Z0-9]{2}", Just("PHO3821-1".to_owned())];
    // Words that are not positions.
    let code = code.prop_filter("not a position", |code| !matches!(code.as_str(), "PHD" | "FUS"));
    let lines = (any::<[bool; 5]>(), any::<[bool; 5]>());
    let rest = (
        prop::collection::vec(0_u16..0x400, 0..5),
        0_u64..1_000_000_000_000,
        0_u16..0x1000,
        any::<bool>(),
        any::<bool>(),
    );
    (code, "[0-9]{4,15}", prop::option::weighted(0.9, time()), fix(), lines, rest).prop_map(
        |(code, id, time, fix, (inputs, outputs), (adc, odometer_m, state, spec_group, stored))| {
            // A device without a clock was never anywhere.
            // On the day its clock starts with it is one, too, unless it has a fix.
            let fix = Fix { valid: fix.valid || time.is_some_and(is_first_day), ..fix };
            Sentence { code, id, time, fix, inputs, outputs, adc, odometer_m, state, spec_group, stored }
        },
    )
}

fn is_first_day(time: DateTime<Utc>) -> bool {
    time.format("%d%m%y").to_string() == "140209"
}

fn told(lines: &[bool]) -> Option<String> {
    Some(lines.iter().map(|on| if *on { '1' } else { '0' }).collect())
}

#[track_caller]
fn assert_sentence(got: &Message, want: &Sentence) {
    assert_eq!(got.protocol, Protocol::Bofan);
    let offer = want.code.starts_with("PHO");
    assert_eq!(got.kind, if offer { MessageKind::PhotoOffer } else { MessageKind::Position });
    assert_eq!(got.device.as_deref(), Some(want.id.as_str()));
    assert_eq!((got.time, got.replayed), (want.time, want.stored));
    assert_eq!(got.inputs, told(&want.inputs));
    assert_eq!(got.outputs, told(&want.outputs));
    assert_eq!(got.odometer_m, Some(want.odometer_m));
    assert_eq!(got.levels.get(Level::Sos), Some(want.inputs[0]));
    match want.time {
        None => assert_eq!(got.position, None),
        Some(_) => {
            let place = got.position.unwrap();
            assert_near(Some(place.lat), by_minutes(want.fix.lat), 1e-6);
            assert_near(Some(place.lon), by_minutes(want.fix.lon), 1e-6);
            assert_near(place.speed_kmh, want.fix.speed_kmh, 0.06);
            assert_near(place.heading_deg, want.fix.heading, 0.005);
            assert_eq!(place.fix, want.fix.valid);
            assert_eq!(place.satellites, Some(want.state.to_be_bytes()[1] & 0x0F));
        }
    }
    if want.code == "PHO3821-1" {
        assert!(got.events.contains(&DeviceEvent::Photo { size: 3821, camera: Some(1) }));
    }
    if want.code == "SPD" {
        assert!(got.events.contains(&DeviceEvent::Overspeed));
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_sentence(want in sentence(), computed in any::<bool>()) {
        let bytes = want.bytes();
        assert_sentence(&message(&bytes), &want);
        assert_sentence(&message(&envelope(&bytes, computed)), &want);
    }

    #[test]
    fn several_in_one_frame(wants in prop::collection::vec(sentence(), 1..6)) {
        let body: Vec<u8> = wants.iter().flat_map(Sentence::bytes).collect();
        let heard = frame(&envelope(&body, true));
        prop_assert_eq!(heard.messages.len(), wants.len());
        for (got, want) in heard.messages.iter().zip(&wants) {
            assert_sentence(got, want);
        }
    }

    /// A chain of deltas, bare or framed, says what the whole sentences would have said.
    #[test]
    fn a_chain_of_deltas(
        first in sentence(),
        steps in prop::collection::vec((1_i64..600, 0.0..0.002, any::<[bool; 5]>(), any::<bool>(), 0_u64..999), 1..8),
    ) {
        let start = Utc.with_ymd_and_hms(2026, 11, 20, 8, 0, 0).unwrap();
        let first = Sentence { code: "POS".to_owned(), time: Some(start), stored: false, ..first };
        let first = Sentence { fix: Fix { lat: 9.5, lon: -83.5, ..first.fix }, ..first };
        let mut connection = Connection::new(Arc::new(Memory::default()));
        connection.push(&first.bytes());
        let mut next = first.clone();
        let mut wants = vec![first];
        for (seconds, moved, inputs, framed, metres) in steps {
            let last = next.bytes();
            next.time = next.time.map(|time| time + chrono::Duration::seconds(seconds));
            next.fix.lat += moved;
            next.inputs = inputs;
            next.odometer_m = (next.odometer_m + metres) % 1_000_000_000_000;
            let bytes = delta(&last, &next.bytes()).unwrap_or_else(|| next.bytes());
            connection.push(&if framed { envelope(&bytes, true) } else { bytes });
            wants.push(next.clone());
        }
        connection.finish();
        let mut heard = vec![];
        while let Some(item) = connection.next() {
            match item {
                Heard::Frame(frame) => heard.extend(frame.messages),
                Heard::Refused { reason, bytes, .. } => panic!("{reason}: {}", hex::encode(bytes)),
            }
        }
        prop_assert_eq!(heard.len(), wants.len());
        for (got, want) in heard.iter().zip(&wants) {
            assert_sentence(got, want);
        }
    }

    #[test]
    fn a_piece_of_a_picture(
        picture in prop::collection::vec(any::<u8>(), 1..3000), offset in any::<prop::sample::Index>(),
    ) {
        let offset = offset.index(picture.len());
        let got = message(&photo_chunk(&picture, offset, 960).unwrap());
        prop_assert_eq!(got.kind, MessageKind::PhotoChunk);
        let length = 960.min(picture.len() - offset);
        prop_assert_eq!(got.command.unwrap().params, [offset.to_string(), length.to_string()]);
    }

    #[test]
    fn an_announcement(id in "[0-9]{4,15}") {
        let got = message(&announcement(&id));
        prop_assert_eq!((got.kind, got.device), (MessageKind::Firmware, Some(id)));
    }
}
