//! P45: a master lock's report of an opening, a refusal or a locking (JT701D manual V1.4, captures).

use super::fields::{decimal, metres, text_place, text_speed, text_time, whole};
use crate::domain::message::{LockedBy, OpenedBy, RefusedWhy};
use crate::domain::{DeviceEvent, Message, MessageKind, Position, Protocol, text};

/// Items up to the serial, ID and word counted; trailing ones keep growing with the firmware.
const ITEMS: usize = 17;

/// Decodes the items of a whole frame, ID first. The report says nothing of the lock's parts, only what happened.
pub(super) fn decode(device: &str, items: &[&str]) -> Message {
    let mut message = Message::new(Protocol::JointechMaster, MessageKind::LockReport);
    message.device = Some(device.to_owned());
    let item = |n: usize| items.get(n).copied().unwrap_or_default();
    message.serial = whole(item(16)).filter(|serial: &u32| *serial <= 0xFFFF);
    if message.serial.is_none() {
        message.kind = MessageKind::Invalid;
        let bytes: usize =
            items.iter().take(ITEMS.saturating_sub(1)).map(|i| i.len().saturating_add(1)).sum();
        message.error =
            Some(format!("byte {}: no serial where the 17th item should be", bytes.saturating_add(1)));
        return message;
    }
    message.time = text_time(item(2), item(3));
    message.position = text_place((item(4), item(5)), (item(6), item(7))).map(|(lat, lon)| Position {
        lat,
        lon,
        fix: item(8) == "A",
        speed_kmh: text_speed(item(9)),
        heading_deg: decimal(item(10)).filter(|degrees| (0.0..=360.0).contains(degrees)),
        ..Position::default()
    });
    // Some firmware leaves the mileage out; then an IMEI or a time of many digits stands here.
    message.odometer_m = whole(item(17)).filter(|_| item(17).len() <= 7).map(metres);
    message.events = vec![event(item(11), item(12), card(item(13)), item(14))];
    message
}

/// A card as it is written; all zeros are none.
fn card(item: &str) -> Option<String> {
    (item.bytes().any(|b| b != b'0')).then(|| text::clean(item))
}

fn event(source: &str, verification: &str, card: Option<String>, password: &str) -> DeviceEvent {
    let refused = |by, why, card| DeviceEvent::OpenRefused { by, why, card };
    match source {
        "1" => verified(OpenedBy::Rfid, verification, card, RefusedWhy::NotVerified, source),
        "2" => refused(OpenedBy::Rfid, RefusedWhy::IllegalCard, card),
        "3" => card.map_or_else(
            || DeviceEvent::Custom { code: "P45 source 3 without a card".to_owned() },
            |card| DeviceEvent::VehicleCard { card },
        ),
        "4" => by_password(OpenedBy::RemoteStatic, password, source),
        "5" => DeviceEvent::Locked { by: LockedBy::Auto },
        "6" => {
            let why = if password == "0" { RefusedWhy::WrongPassword } else { RefusedWhy::NotVerified };
            verified(OpenedBy::RemoteDynamic, verification, card, why, source)
        }
        "7" => by_password(OpenedBy::Bluetooth, password, source),
        "8" => DeviceEvent::RopePulled,
        _ => custom(source, "", ""),
    }
}

/// 0 refused, 1–10 opened inside that fence, 98 opened, 99 outside its fence; nothing else is ever an opening.
fn verified(
    by: OpenedBy,
    verification: &str,
    card: Option<String>,
    refusal: RefusedWhy,
    source: &str,
) -> DeviceEvent {
    match whole::<u8>(verification) {
        Some(0) => DeviceEvent::OpenRefused { by, why: refusal, card },
        Some(fence @ 1..=10) => DeviceEvent::Opened { by, card, fence: Some(fence) },
        Some(98) => DeviceEvent::Opened { by, card, fence: None },
        Some(99) => DeviceEvent::OpenRefused { by, why: RefusedWhy::OutsideFence, card },
        _ => custom(source, "verification", verification),
    }
}

fn by_password(by: OpenedBy, password: &str, source: &str) -> DeviceEvent {
    match password {
        "1" => DeviceEvent::Opened { by, card: None, fence: None },
        "0" => DeviceEvent::OpenRefused { by, why: RefusedWhy::WrongPassword, card: None },
        _ => custom(source, "password", password),
    }
}

fn custom(source: &str, what: &str, value: &str) -> DeviceEvent {
    let code = format!("P45 source {source} {what} {value}");
    DeviceEvent::Custom { code: text::clean(code.trim_end()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(source: &str, verification: &str, card: &str, password: &str) -> DeviceEvent {
        let frame = format!(
            "8000400055,P45,070121,074116,22.58071,N,113.91734,E,A,0,0,{source},{verification},{card},{password},0,13,0"
        );
        let items: Vec<&str> = frame.split(',').collect();
        let mut message = decode("8000400055", &items);
        assert_eq!(message.kind, MessageKind::LockReport);
        assert_eq!((message.lock, message.serial), (None, Some(13)));
        assert_eq!(message.events.len(), 1);
        message.events.remove(0)
    }

    const NONE: &str = "0000000000";

    #[test]
    fn only_verification_or_password_makes_an_opening() {
        use OpenedBy::*;
        use RefusedWhy::*;
        let opened = |by, fence| DeviceEvent::Opened { by, card: None, fence };
        let refused = |by, why| DeviceEvent::OpenRefused { by, why, card: None };
        let rows = [
            (("1", "0", "0"), refused(Rfid, NotVerified)),
            (("1", "1", "0"), opened(Rfid, Some(1))),
            (("1", "10", "0"), opened(Rfid, Some(10))),
            (("1", "98", "0"), opened(Rfid, None)),
            (("1", "99", "0"), refused(Rfid, OutsideFence)),
            (("2", "0", "0"), refused(Rfid, IllegalCard)),
            (("4", "0", "1"), opened(RemoteStatic, None)),
            (("4", "1", "0"), refused(RemoteStatic, WrongPassword)),
            (("5", "0", "0"), DeviceEvent::Locked { by: LockedBy::Auto }),
            (("6", "98", "1"), opened(RemoteDynamic, None)),
            (("6", "3", "1"), opened(RemoteDynamic, Some(3))),
            (("6", "99", "1"), refused(RemoteDynamic, OutsideFence)),
            (("6", "0", "1"), refused(RemoteDynamic, NotVerified)),
            (("6", "0", "0"), refused(RemoteDynamic, WrongPassword)),
            (("7", "0", "1"), opened(Bluetooth, None)),
            (("7", "0", "0"), refused(Bluetooth, WrongPassword)),
            (("8", "0", "0"), DeviceEvent::RopePulled),
        ];
        for ((source, verification, password), want) in rows {
            assert_eq!(
                heard(source, verification, NONE, password),
                want,
                "{source} {verification} {password}"
            );
        }
    }

    #[test]
    fn what_is_not_known_is_custom_and_never_an_opening() {
        for (source, verification, password) in [
            ("1", "11", "1"),
            ("1", "97", "1"),
            ("1", "", "1"),
            ("6", "255", "1"),
            ("4", "1", "2"),
            ("9", "1", "1"),
        ] {
            let event = heard(source, verification, NONE, password);
            assert!(matches!(event, DeviceEvent::Custom { .. }), "{source} {verification}: {event:?}");
        }
    }

    #[test]
    fn cards_are_kept_as_written() {
        let card = Some("0008627839".to_owned());
        assert_eq!(
            heard("1", "98", "0008627839", "0"),
            DeviceEvent::Opened { by: OpenedBy::Rfid, card: card.clone(), fence: None }
        );
        assert_eq!(
            heard("3", "0", "0008627839", "0"),
            DeviceEvent::VehicleCard { card: card.clone().unwrap() }
        );
    }

    #[test]
    fn a_report_without_its_serial_is_invalid() {
        let frame = "8000400055,P45,070121,074116,22.58071,N,113.91734,E,A,0,0,1,98,0008627839,0,0";
        let message = decode("8000400055", &frame.split(',').collect::<Vec<_>>());
        assert_eq!(message.kind, MessageKind::Invalid);
        assert!(message.events.is_empty());
        assert!(message.error.unwrap().starts_with("byte 79:"));
    }

    #[test]
    fn an_event_outlives_a_date_and_place_that_make_no_sense() {
        let frame = "8000400055,P45,991399,074116,xx,N,yy,E,V,,,1,98,0008627839,0,0,7";
        let message = decode("8000400055", &frame.split(',').collect::<Vec<_>>());
        assert_eq!((message.time, message.position, message.serial), (None, None, Some(7)));
        assert!(matches!(message.events[0], DeviceEvent::Opened { .. }));
    }
}
