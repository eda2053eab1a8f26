//! The lock event item 0x0B of the seal family (shapes: the vendor's SDK; names: a fleet's public integration; codes
//! 3, 13 and 34 captured).

use super::fields::{Flaw, Reader, unknown_code};
use super::trace::{Or, Word, documented, inferred, unknown};
use crate::domain::message::{LockedBy, OpenedBy, RefusedWhy};
use crate::domain::secret::MASK;
use crate::domain::{DeviceEvent, Message, Unknown};

/// Password items carry six ASCII characters.
const PASSWORD: usize = 6;

/// Decodes the item's value into events of the message; where a password stands is added to `secrets`. An item that is
/// shorter than its code asks for is told as it stands: the rest of its report is sound, and the device deletes that
/// report once it is answered.
pub(super) fn decode(value: Reader<'_>, secrets: &mut Vec<usize>, message: &mut Message) {
    hide(value.clone(), secrets);
    if read(value.clone(), message).is_err() {
        cut_short(value, message);
    }
}

/// What happened cannot be told: perhaps an opening, perhaps a refusal.
fn cut_short(mut value: Reader<'_>, message: &mut Message) {
    let length = value.left();
    let Ok(code) = value.u8() else { return unknown_code("item 0x0B", message) };
    let what = format!("lock event {code} of {length} bytes");
    value.tell(unknown("lock event"), format_args!("{code} cut short"));
    value.conceal(documented("content", ""));
    unknown_code(&what, message);
    message.events.push(DeviceEvent::Custom { code: what });
}

fn read(mut value: Reader<'_>, message: &mut Message) -> Result<(), Flaw> {
    let code = value.u8()?;
    let told = value.clone();
    let event = match code {
        11 => DeviceEvent::UnlockedTooLong,
        12 => DeviceEvent::RopeCut,
        13 => DeviceEvent::Locked { by: LockedBy::Auto },
        18 => DeviceEvent::MotorFault,
        28 => DeviceEvent::Opened { by: OpenedBy::Unknown, card: None, fence: None },
        34 => {
            let card = take_card(&mut value)?;
            opened(OpenedBy::Rfid, card, value.u8().ok())
        }
        35 => refused(OpenedBy::Rfid, RefusedWhy::IllegalCard, take_card(&mut value)?),
        42 => refused(OpenedBy::Rfid, RefusedWhy::NoFix, take_card(&mut value)?),
        43 => refused(OpenedBy::Rfid, RefusedWhy::OutsideFence, take_card(&mut value)?),
        16 => refused(OpenedBy::Unknown, RefusedWhy::NoFix, None),
        17 => refused(OpenedBy::Unknown, RefusedWhy::OutsideFence, None),
        24 => refused(OpenedBy::Bluetooth, RefusedWhy::NoFix, None),
        25 => refused(OpenedBy::Bluetooth, RefusedWhy::OutsideFence, None),
        code => match (opening(code), wrong_password(code)) {
            (Some(by), _) => {
                value.take(PASSWORD)?;
                // Without its result it may have been a refusal.
                opened(by, None, Some(value.u8()?))
            }
            (_, Some(by)) => refused(by, RefusedWhy::WrongPassword, None),
            _ => {
                unknown_code(format_args!("lock event {code}"), message);
                DeviceEvent::Custom { code: format!("lock event {code}") }
            }
        },
    };
    tell(told, code, &event, message);
    message.events.push(event);
    if code == 28 {
        message.events.push(DeviceEvent::RopePulled);
    }
    Ok(())
}

fn take_card(value: &mut Reader<'_>) -> Result<Option<String>, Flaw> {
    value.u32().map(card)
}

/// Names the parts of an item that was read: code, password or card, result. What stands behind them is unknown.
fn tell(mut value: Reader<'_>, code: u8, event: &DeviceEvent, message: &mut Message) {
    let name = match code {
        3 | 13 | 34 => super::trace::captured("lock event", ""),
        _ if matches!(event, DeviceEvent::Custom { .. }) => unknown("lock event"),
        _ => inferred("lock event", ""),
    };
    let also = if code == 28 { ", rope_pulled" } else { "" };
    value.tell(name, format_args!("{code} {}{also}", Word(event)));
    let has_result = code == 34 || opening(code).is_some();
    match code {
        34 | 35 | 42 | 43 => {
            let card = take_card(&mut value).ok().flatten();
            value.tell(documented("card", ""), Or(card, "none"));
        }
        _ if has_password(code) => {
            let there = PASSWORD.min(value.left());
            if value.take(there).is_ok() {
                value.tell(documented("password", ""), MASK);
            }
        }
        _ => {}
    }
    if has_result && let Ok(result) = value.u8() {
        let name = documented("result", "");
        match result {
            0xFF => value.tell(name, "255 refused"),
            1..=99 => value.tell(name, format_args!("{result} opened in that fence")),
            _ => value.tell(name, format_args!("{result} opened")),
        }
    }
    let what = format!("bytes after lock event {code}");
    if matches!(event, DeviceEvent::Custom { .. }) {
        // Any of it may be a password.
        value.conceal(documented("content", ""));
    } else if has_password(code) && value.left() > 0 {
        // The rest of a longer one, perhaps.
        value.conceal(unknown("further bytes"));
        message.unknown.push(Unknown { what, value: MASK.to_owned() });
    } else {
        value.rest(&what, message);
    }
}

/// Openings by password.
fn opening(code: u8) -> Option<OpenedBy> {
    Some(match code {
        1 => OpenedBy::RemoteStatic,
        2 => OpenedBy::RemoteDynamic,
        3 => OpenedBy::AppDynamic,
        5 => OpenedBy::AppStatic,
        30 => OpenedBy::SmsStatic,
        31 => OpenedBy::SmsDynamic,
        _ => return None,
    })
}

fn wrong_password(code: u8) -> Option<OpenedBy> {
    Some(match code {
        6 => OpenedBy::RemoteStatic,
        7 => OpenedBy::RemoteDynamic,
        8 => OpenedBy::AppDynamic,
        32 => OpenedBy::SmsDynamic,
        40 => OpenedBy::AppStatic,
        41 => OpenedBy::SmsStatic,
        _ => return None,
    })
}

/// Whether an item of this code carries a password.
fn has_password(code: u8) -> bool {
    opening(code).is_some() || wrong_password(code).is_some() || matches!(code, 16 | 17 | 24 | 25)
}

/// Result FF is a refusal, 1–99 names the fence it was opened in, anything else is an opening.
fn opened(by: OpenedBy, card: Option<String>, result: Option<u8>) -> DeviceEvent {
    match result {
        Some(0xFF) => refused(by, RefusedWhy::NotVerified, card),
        result => DeviceEvent::Opened { by, card, fence: result.filter(|n| (1..=99).contains(n)) },
    }
}

fn refused(by: OpenedBy, why: RefusedWhy, card: Option<String>) -> DeviceEvent {
    DeviceEvent::OpenRefused { by, why, card }
}

/// A card as ten decimal digits; 0 is none.
pub(super) fn card(number: u32) -> Option<String> {
    (number != 0).then(|| format!("{number:010}"))
}

/// Codes known to come without a password.
pub(super) fn holds_no_password(code: u8) -> bool {
    matches!(code, 11 | 12 | 13 | 18 | 28 | 34 | 35 | 42 | 43)
}

/// Marks passwords: in items known to hold none nothing, in all others every byte that could be part of one.
fn hide(mut value: Reader<'_>, secrets: &mut Vec<usize>) {
    let Ok(code) = value.u8() else { return };
    if holds_no_password(code) {
        return;
    }
    let known = has_password(code);
    let start = value.at();
    let Ok(bytes) = value.take(value.left()) else { return };
    let mut places = (start..).zip(bytes);
    if known {
        secrets.extend(places.by_ref().take(PASSWORD).map(|(at, _)| at));
    }
    // After the password comes its result. A longer item is of a firmware whose passwords may be longer, too.
    if !known || bytes.len() > PASSWORD.saturating_add(1) {
        secrets.extend(places.filter(|(_, byte)| byte.is_ascii_alphanumeric()).map(|(at, _)| at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MessageKind, Protocol};

    fn read(hex: &str, secrets: &mut Vec<usize>) -> Message {
        let mut message = Message::new(Protocol::JointechSeal, MessageKind::Position);
        decode(Reader::new(&hex::decode(hex).unwrap(), 0), secrets, &mut message);
        message
    }

    fn event(hex: &str) -> DeviceEvent {
        read(hex, &mut vec![]).events.remove(0)
    }

    #[test]
    fn every_code_has_its_name() {
        use OpenedBy::*;
        use RefusedWhy::*;
        let by_password = [
            (1, RemoteStatic),
            (2, RemoteDynamic),
            (3, AppDynamic),
            (5, AppStatic),
            (30, SmsStatic),
            (31, SmsDynamic),
        ];
        for (code, by) in by_password {
            let told = |result: u8| event(&format!("{code:02x}313233343536{result:02x}"));
            assert_eq!(told(0), DeviceEvent::Opened { by, card: None, fence: None });
            assert_eq!(told(7), DeviceEvent::Opened { by, card: None, fence: Some(7) });
            assert_eq!(told(0xFF), DeviceEvent::OpenRefused { by, why: NotVerified, card: None });
        }
        let refusals = [
            (6, RemoteStatic, WrongPassword),
            (7, RemoteDynamic, WrongPassword),
            (8, AppDynamic, WrongPassword),
            (32, SmsDynamic, WrongPassword),
            (40, AppStatic, WrongPassword),
            (41, SmsStatic, WrongPassword),
            (16, Unknown, NoFix),
            (17, Unknown, OutsideFence),
            (24, Bluetooth, NoFix),
            (25, Bluetooth, OutsideFence),
        ];
        for (code, by, why) in refusals {
            let want = DeviceEvent::OpenRefused { by, why, card: None };
            assert_eq!(event(&format!("{code:02x}313233343536")), want, "{code}");
        }
        for (code, why) in [(35, IllegalCard), (42, NoFix), (43, OutsideFence)] {
            let card = Some("0006437449".to_owned());
            assert_eq!(
                event(&format!("{code:02x}00623a49")),
                DeviceEvent::OpenRefused { by: Rfid, why, card }
            );
        }
        assert_eq!(event("0b"), DeviceEvent::UnlockedTooLong);
        assert_eq!(event("0c"), DeviceEvent::RopeCut);
        assert_eq!(event("0d"), DeviceEvent::Locked { by: LockedBy::Auto });
        assert_eq!(event("12"), DeviceEvent::MotorFault);
        assert_eq!(event("1c"), DeviceEvent::Opened { by: Unknown, card: None, fence: None });
        assert_eq!(event("63"), DeviceEvent::Custom { code: "lock event 99".to_owned() });
        assert_eq!(event("2200623a4965"), event("2200623a49"), "the result may be missing");
        let refused = DeviceEvent::OpenRefused { by: Rfid, why: NotVerified, card: None };
        assert_eq!(event("2200000000ff"), refused);
    }

    #[test]
    fn an_item_cut_short_is_never_an_opening_and_never_lost() {
        for (hex, code) in [
            ("0131323334", "lock event 1 of 5 bytes"),
            ("01313233343536", "lock event 1 of 7 bytes"), // the result is missing: perhaps a refusal
            ("220102", "lock event 34 of 3 bytes"),
            ("2b", "lock event 43 of 1 bytes"),
        ] {
            let message = read(hex, &mut vec![]);
            assert_eq!(message.events, [DeviceEvent::Custom { code: code.to_owned() }]);
            assert_eq!(message.unknown[0].what, code);
        }
        let empty = read("", &mut vec![]);
        assert!(empty.events.is_empty());
        assert_eq!(empty.unknown[0].what, "item 0x0B");
    }

    #[test]
    fn an_item_longer_than_known_hides_its_tail_too() {
        let hidden = |hex: &str| {
            let mut secrets = vec![];
            read(hex, &mut secrets);
            secrets
        };
        assert_eq!(hidden("0131323334353637"), (1..=6).collect::<Vec<_>>(), "a fence is no part of it");
        assert_eq!(hidden("013132333435363738"), (1..=8).collect::<Vec<_>>());
        assert_eq!(hidden("06313233343536414200"), (1..=8).collect::<Vec<_>>());
        let told = read("06313233343536414200", &mut vec![]);
        let what = "bytes after lock event 6".to_owned();
        assert_eq!(told.unknown, [Unknown { what, value: MASK.to_owned() }]);
    }

    #[test]
    fn passwords_are_found_even_in_broken_or_unknown_items() {
        let hidden = |hex: &str| {
            let mut secrets = vec![];
            read(hex, &mut secrets);
            secrets
        };
        assert_eq!(hidden("0131323334353600"), [1, 2, 3, 4, 5, 6]);
        assert_eq!(hidden("01313233"), [1, 2, 3], "cut short");
        assert_eq!(hidden("18313233343536"), [1, 2, 3, 4, 5, 6]);
        assert_eq!(hidden("6300313233"), [2, 3, 4], "unknown code");
        assert!(hidden("2231323334ff").is_empty(), "a card is no secret");
    }
}
