//! The seal.

use super::super::super::encode::seal::{
    ASK_TIME, AUTHENTICATE, BATCH, HEARTBEAT, LockEvent, REGISTER, REPORT, Report, Tlv, batch, frame as wrap,
    registration, report, status,
};
use super::*;
use crate::domain::message::{Level, LockedBy, OpenedBy, RefusedWhy};
use crate::domain::{DeviceEvent, LockState, MessageKind, PartState, Protocol};

/// Items of every kind the simulator sends, each at most once: of two, the later would be told.
fn extras() -> impl Strategy<Value = Vec<Tlv>> {
    let all = (
        any::<u8>(),
        any::<u16>(),
        any::<u8>(),
        any::<u8>(),
        any::<u32>(),
        any::<u16>(),
        any::<u16>(),
        (0_u16..1000, 0_u16..1000, any::<u32>(), any::<u16>()),
        prop::option::of(event()),
        prop::collection::vec(any::<bool>(), 9),
    );
    all.prop_map(|(battery, voltage, signal, satellites, km, version, cuts, cell, event, chosen)| {
        let (mcc, mnc, cell, lac) = cell;
        let mut tlvs = vec![
            Tlv::Battery(battery),
            Tlv::Voltage(voltage),
            Tlv::Signal(signal),
            Tlv::Satellites(satellites),
            Tlv::MileageKm(km),
            Tlv::Version(version),
            Tlv::RopeCuts(cuts),
            Tlv::Cell { mcc, mnc, cell, lac },
            // What nobody documents is stepped over.
            Tlv::Other(0xE7, vec![1, 2, 3]),
        ];
        let mut chosen = chosen.into_iter();
        tlvs.retain(|_| chosen.next().unwrap_or(true));
        tlvs.extend(event.map(Tlv::Event));
        tlvs
    })
}

fn event() -> impl Strategy<Value = LockEvent> {
    let code = |codes: &[u8]| prop::sample::select(codes.to_vec());
    prop_oneof![
        code(&[11, 12, 13, 18, 28]).prop_map(LockEvent::Plain),
        (code(&[34]), any::<u32>(), any::<Option<u8>>()).prop_map(|(code, card, result)| LockEvent::Card {
            code,
            card,
            result
        }),
        (code(&[35, 42, 43]), any::<u32>()).prop_map(|(code, card)| LockEvent::Card {
            code,
            card,
            result: None
        }),
        (code(&[1, 2, 3, 5, 30, 31]), "[A-Za-z0-9]{6}", any::<u8>()).prop_map(|(code, password, result)| {
            LockEvent::Password { code, password, result: Some(result) }
        }),
        (code(&[6, 7, 8, 32, 40, 41]), "[A-Za-z0-9]{6}").prop_map(|(code, password)| LockEvent::Password {
            code,
            password,
            result: None
        }),
    ]
}

fn meaning(event: &LockEvent) -> DeviceEvent {
    use OpenedBy::*;
    let by = |code| match code {
        1 | 6 => RemoteStatic,
        2 | 7 => RemoteDynamic,
        3 | 8 => AppDynamic,
        5 | 40 => AppStatic,
        30 | 41 => SmsStatic,
        31 | 32 => SmsDynamic,
        _ => Rfid,
    };
    let opened = |by, card, result| match result {
        Some(0xFF) => DeviceEvent::OpenRefused { by, why: RefusedWhy::NotVerified, card },
        Some(fence @ 1..=99) => DeviceEvent::Opened { by, card, fence: Some(fence) },
        _ => DeviceEvent::Opened { by, card, fence: None },
    };
    match event {
        LockEvent::Plain(11) => DeviceEvent::UnlockedTooLong,
        LockEvent::Plain(12) => DeviceEvent::RopeCut,
        LockEvent::Plain(13) => DeviceEvent::Locked { by: LockedBy::Auto },
        LockEvent::Plain(18) => DeviceEvent::MotorFault,
        LockEvent::Plain(_) => DeviceEvent::RopePulled,
        LockEvent::Card { code, card, result } => {
            let card = (*card != 0).then(|| format!("{card:010}"));
            let refused = |why, card| DeviceEvent::OpenRefused { by: Rfid, why, card };
            match code {
                34 => opened(Rfid, card, *result),
                35 => refused(RefusedWhy::IllegalCard, card),
                42 => refused(RefusedWhy::NoFix, card),
                _ => refused(RefusedWhy::OutsideFence, card),
            }
        }
        LockEvent::Password { code, result: Some(result), .. } => opened(by(*code), None, Some(*result)),
        LockEvent::Password { code, .. } => {
            DeviceEvent::OpenRefused { by: by(*code), why: RefusedWhy::WrongPassword, card: None }
        }
    }
}

fn any_report() -> impl Strategy<Value = Report> {
    let place = (-90.0..=90.0, -180.0..=180.0, any::<i16>(), 0.0..6553.0, 0_u16..=360);
    (any::<u32>(), any::<u32>(), place, time(), extras()).prop_map(|(alarm, word, place, time, extras)| {
        let (lat, lon, altitude_m, speed_kmh, heading) = place;
        let mut word = word & !(status::SOUTH | status::WEST);
        for (negative, bit) in [(lat < 0.0, status::SOUTH), (lon < 0.0, status::WEST)] {
            word |= if negative { bit } else { 0 };
        }
        Report { alarm, status: word, lat, lon, altitude_m, speed_kmh, heading, time, extras }
    })
}

/// The last told of one kind.
fn told<'a, T>(want: &'a Report, pick: impl Fn(&'a Tlv) -> Option<T>) -> Option<T> {
    want.extras.iter().find_map(pick)
}

#[track_caller]
fn assert_report(got: &Message, want: &Report) {
    assert_eq!((got.protocol, got.kind), (Protocol::JointechSeal, MessageKind::Position), "{:?}", got.error);
    assert_eq!(got.time, Some(want.time));
    let set = |bit: u32| want.status & bit != 0;
    let place = got.position.unwrap();
    assert_near(Some(place.lat), round(want.lat, 1e6), 1e-9);
    assert_near(Some(place.lon), round(want.lon, 1e6), 1e-9);
    assert_near(place.speed_kmh, round(want.speed_kmh, 10.0), 1e-6);
    assert_near(place.heading_deg, want.heading.into(), 1e-9);
    assert_eq!(place.altitude_m, Some(want.altitude_m.into()));
    assert_eq!(place.fix, set(status::FIX) || set(status::GNSS));
    let open = |bit| Some(if set(bit) { PartState::Open } else { PartState::Closed });
    assert_eq!((got.parts.motor, got.parts.rope), (open(status::MOTOR_UNLOCKED), open(status::ROPE_OUT)));
    assert_eq!(got.parts.cover, open(status::COVER_OPEN));
    let lock = match (set(status::MOTOR_UNLOCKED), set(status::ROPE_OUT)) {
        (true, _) => LockState::Unlocked,
        (_, true) => LockState::Unseated,
        _ => LockState::Locked,
    };
    assert_eq!(got.lock, Some(lock));
    for (bit, level) in [
        (1, Level::Overspeed),
        (7, Level::LowBattery),
        (16, Level::BackCoverOpened),
        (17, Level::GeofenceEnter),
        (18, Level::GeofenceExit),
    ] {
        assert_eq!(got.levels.get(level), Some(want.alarm & 1 << bit != 0), "{level:?}");
    }
    let battery = told(want, |tlv| if let Tlv::Battery(v) = tlv { Some(*v) } else { None });
    assert_eq!(got.battery_pct, battery.filter(|v| *v <= 100));
    assert_eq!(got.charging, battery.map(|v| v == 255));
    let voltage =
        told(want, |tlv| if let Tlv::Voltage(v) = tlv { Some(f64::from(*v) / 100.0) } else { None });
    assert_eq!(got.voltage_v, voltage);
    let signal = told(want, |tlv| if let Tlv::Signal(v) = tlv { Some(*v) } else { None });
    assert_eq!(got.signal, signal.filter(|v| *v <= 31));
    let satellites = told(want, |tlv| if let Tlv::Satellites(v) = tlv { Some(*v) } else { None });
    assert_eq!(place.satellites, satellites);
    let km = told(want, |tlv| if let Tlv::MileageKm(v) = tlv { Some(u64::from(*v)) } else { None });
    assert_eq!(got.odometer_m, km.map(|km| km * 1000));
    if let Some(event) = told(want, |tlv| if let Tlv::Event(event) = tlv { Some(event) } else { None }) {
        assert!(got.events.contains(&meaning(event)), "{event:?}: {:?}", got.events);
    }
}

fn passwords(reports: &[Report]) -> impl Iterator<Item = &str> {
    reports.iter().flat_map(|report| &report.extras).filter_map(|tlv| match tlv {
        Tlv::Event(LockEvent::Password { password, .. }) => Some(password.as_str()),
        _ => None,
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_report(id in "[1-9][0-9]{9,11}", serial in any::<u16>(), want in any_report()) {
        let bytes = wrap(REPORT, &id, serial, &report(&want));
        let heard = frame(&bytes);
        prop_assert_eq!(heard.messages.len(), 1);
        let got = &heard.messages[0];
        prop_assert_eq!((got.device.as_deref(), got.serial), (Some(id.as_str()), Some(serial.into())));
        assert_report(got, &want);
        prop_assert!(!got.replayed);
        for password in passwords(std::slice::from_ref(&want)) {
            let raw = String::from_utf8_lossy(&heard.raw).into_owned();
            prop_assert!(!raw.contains(password), "a password is kept");
            prop_assert_eq!(heard.raw.len(), bytes.len());
        }
    }

    #[test]
    fn a_batch(
        id in "[1-9][0-9]{11}", serial in any::<u16>(),
        wants in prop::collection::vec(any_report(), 1..8),
    ) {
        let bodies: Vec<Vec<u8>> = wants.iter().map(report).collect();
        let heard = frame(&wrap(BATCH, &id, serial, &batch(&bodies)));
        prop_assert_eq!(heard.messages.len(), wants.len());
        for (got, want) in heard.messages.iter().zip(&wants) {
            assert_report(got, want);
            prop_assert!(got.replayed);
        }
    }

    #[test]
    fn other_messages(id in "[1-9][0-9]{9,11}", serial in any::<u16>()) {
        for (message_id, body, kind) in [
            (REGISTER, registration(&id), MessageKind::Registration),
            (AUTHENTICATE, id.clone().into_bytes(), MessageKind::Registration),
            (HEARTBEAT, vec![], MessageKind::Heartbeat),
            (ASK_TIME, vec![], MessageKind::TimeRequest),
        ] {
            let got = message(&wrap(message_id, &id, serial, &body));
            prop_assert_eq!((got.kind, got.serial), (kind, Some(serial.into())));
            prop_assert_eq!(got.device.as_deref(), Some(id.as_str()));
        }
    }
}
