//! P45: a master lock's report of an opening, a refusal or a locking (JT701D manual V1.4, captures).

use super::fields::{decimal, metres, text_place, text_speed, unknown_code, whole};
use super::items::{Items, Walk};
use super::secrets::shown_text;
use super::trace::{Or, Word, captured, documented, unknown};
use crate::domain::details::Cell;
use crate::domain::message::{LockedBy, OpenedBy, RefusedWhy};
use crate::domain::{Details, DeviceEvent, Message, MessageKind, Position, Protocol, Unknown, text};

/// Items up to the serial, ID and word counted; trailing ones keep growing with the firmware.
const ITEMS: usize = 17;

/// Decodes the items of a whole frame, ID first. The report says nothing of the lock's parts, only what happened.
pub(super) fn decode(items: &Items<'_>) -> Message {
    let mut message = Message::new(Protocol::JointechMaster, MessageKind::LockReport);
    message.device = Some(items.id.to_owned());
    let mut walk = items.walk(1);
    walk.named(documented("word", ""));
    head(&mut walk, &mut message);
    happened(&mut walk, &mut message);
    let serial = walk.take();
    message.serial = whole(serial).filter(|serial: &u32| *serial <= 0xFFFF);
    walk.tell(documented("event serial", "").wrong_unless(message.serial.is_some()), serial);
    if message.serial.is_none() {
        let bytes =
            items.raw.iter().take(ITEMS.saturating_sub(1)).map(|i| i.len().saturating_add(1)).sum::<usize>();
        let error = format!("byte {}: no serial where the 17th item should be", bytes.saturating_add(1));
        walk.verdict(&error);
        let device = message.device;
        let blank = Message::new(Protocol::JointechMaster, MessageKind::Invalid);
        return Message { device, error: Some(error), ..blank };
    }
    tail(&mut walk, &mut message);
    message
}

/// Date, time, latitude, N/S, longitude, E/W, A/V, speed, heading.
fn head(walk: &mut Walk<'_>, message: &mut Message) {
    message.time = walk.date_and_time();
    let (lat, after_lat) = ((walk.take(), walk.take()), walk.clone());
    let lon = (walk.take(), walk.take());
    let place = text_place(lat, lon);
    after_lat
        .tell(documented("latitude", "°").wrong_unless(place.is_some()), Or(place.map(|p| p.0), "no place"));
    walk.tell(documented("longitude", "°").wrong_unless(place.is_some()), Or(place.map(|p| p.1), "no place"));
    let fix = walk.fix("A");
    let speed_kmh = text_speed(walk.named(documented("speed", "km/h")));
    let heading = decimal(walk.named(documented("heading", "°")));
    message.position = place.map(|(lat, lon)| Position {
        lat,
        lon,
        fix,
        speed_kmh,
        heading_deg: heading.filter(|degrees| (0.0..=360.0).contains(degrees)),
        ..Position::default()
    });
}

/// Source, verification, card, password ok, wrong-password count.
fn happened(walk: &mut Walk<'_>, message: &mut Message) {
    let source = walk.take();
    let name = source_name(source);
    let sure = if name.is_empty() { unknown("source") } else { documented("source", "") };
    walk.tell(sure, format_args!("{} {name}", source));
    let (verification, after_verification) = (walk.take(), walk.clone());
    let (card_item, after_card) = (walk.take(), walk.clone());
    let (password, after_password) = (walk.take(), walk.clone());
    let event = event(source, verification, card(card_item), password);
    after_verification.tell(
        documented("verification", ""),
        format_args!("{verification} {}", verification_name(source, verification)),
    );
    after_card.tell(documented("RFID card", ""), Or(card(card_item), "none"));
    after_password.tell(documented("password right", ""), password);
    let wrong = walk.take();
    walk.tell(documented("wrong passwords", ""), wrong);
    message.details.wrong_passwords = whole(wrong).filter(|wrong| *wrong != 0);
    walk.part_of(documented("", ""), "what happened", Word(&event));
    if matches!(event, DeviceEvent::Custom { .. }) {
        not_understood(source, verification, password, message);
    }
    message.events = vec![event];
}

/// Which of the three codes has no name.
fn not_understood(source: &str, verification: &str, password: &str, message: &mut Message) {
    let is_short = |code: &str| code.len() <= 3 && code.bytes().all(|b| b.is_ascii_digit());
    let (what, code) = match source {
        "1" | "6" => ("verification", verification),
        "4" | "7" => ("password flag", password),
        _ => ("source", source),
    };
    if is_short(code) {
        unknown_code(format_args!("P45 {what} {code}"), message);
    } else {
        let value = shown_text(code.as_bytes());
        message.unknown.push(Unknown { what: format!("P45 {what}"), value });
    }
}

fn source_name(source: &str) -> &'static str {
    match source {
        "1" => "authorised RFID card",
        "2" => "illegal RFID card",
        "3" => "vehicle card bound",
        "4" => "remote static password",
        "5" => "locked by itself",
        "6" => "remote dynamic password",
        "7" => "Bluetooth",
        "8" => "rope pulled out",
        _ => "",
    }
}

fn verification_name(source: &str, code: &str) -> &'static str {
    match (source, whole::<u8>(code)) {
        ("1" | "6", Some(0)) => "not verified",
        ("1" | "6", Some(1..=10)) => "inside that fence",
        ("1" | "6", Some(98)) => "no fence rule",
        ("1" | "6", Some(99)) => "outside its fence",
        ("1" | "6", _) => "",
        _ => "says nothing for this source",
    }
}

/// What stands behind the serial, by its shape: mileage first, then an IMEI (15 digits), a fence (a short number) and
/// a cell (`MCC:MNC:LAC:CELL`), each once. Customised firmware adds a time, a telephone number and a name: of those
/// only the number of items is told.
fn tail(walk: &mut Walk<'_>, message: &mut Message) {
    // Some firmware leaves the mileage out; then an IMEI or a time of many digits stands here.
    let first = walk.clone().take();
    if let Some(km) = whole(first).filter(|_| first.len() <= 7) {
        walk.take();
        walk.tell(documented("mileage", "km"), km);
        message.odometer_m = Some(metres(km));
    }
    while walk.left() > 0 {
        let item = walk.take();
        let details = &mut message.details;
        match shape(item, details) {
            Shape::Empty => walk.tell(documented("no value", ""), ""),
            Shape::Imei => {
                details.imei = Some(item.to_owned());
                walk.tell(captured("IMEI", ""), item);
            }
            Shape::Fence(fence) => {
                details.fence = Some(fence).filter(|fence| *fence != 0);
                walk.tell(captured("fence", ""), fence);
            }
            Shape::Cell(cell) => {
                details.cell = Some(cell);
                walk.tell(captured("cell", ""), Word(cell));
            }
            Shape::Other => {
                details.tail_items = details.tail_items.saturating_add(1);
                walk.tell(unknown("further item"), "not shown: may be personal");
            }
        }
    }
}

enum Shape {
    Empty,
    Imei,
    Fence(u8),
    Cell(Cell),
    Other,
}

fn shape(item: &str, told: &Details) -> Shape {
    let is_number = !item.is_empty() && item.bytes().all(|b| b.is_ascii_digit());
    if item.is_empty() {
        return Shape::Empty;
    }
    if is_number && item.len() == 15 && told.imei.is_none() {
        return Shape::Imei;
    }
    if is_number
        && item.len() <= 3
        && told.fence.is_none()
        && let Some(fence) = whole(item)
    {
        return Shape::Fence(fence);
    }
    match cell(item) {
        Some(cell) if told.cell.is_none() => Shape::Cell(cell),
        _ => Shape::Other,
    }
}

/// `MCC:MNC:LAC:CELL`, decimal.
fn cell(item: &str) -> Option<Cell> {
    let mut parts = item.split(':');
    let cell = Cell {
        mcc: Some(whole(parts.next()?)?),
        mnc: Some(whole(parts.next()?)?),
        lac: Some(whole(parts.next()?)?),
        id: Some(whole(parts.next()?)?),
    };
    parts.next().is_none().then_some(cell)
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

    fn read(items: &str) -> Message {
        decode(&Items::read(format!("({items})").as_bytes(), None).unwrap())
    }

    fn heard(source: &str, verification: &str, card: &str, password: &str) -> DeviceEvent {
        let frame = format!(
            "8000400055,P45,070121,074116,22.58071,N,113.91734,E,A,0,0,{source},{verification},{card},{password},0,13,0"
        );
        let mut message = read(&frame);
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
        let message = read(frame);
        assert_eq!(message.kind, MessageKind::Invalid);
        assert!(message.events.is_empty());
        assert!(message.error.unwrap().starts_with("byte 79:"));
    }

    #[test]
    fn an_event_outlives_a_date_and_place_that_make_no_sense() {
        let frame = "8000400055,P45,991399,074116,xx,N,yy,E,V,,,1,98,0008627839,0,0,7";
        let message = read(frame);
        assert_eq!((message.time, message.position, message.serial), (None, None, Some(7)));
        assert!(matches!(message.events[0], DeviceEvent::Opened { .. }));
    }
}
