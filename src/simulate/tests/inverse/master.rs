//! The master lock and what reports through it.

use super::super::super::encode::master::{
    Cell, DataType, LockReport, Position, SubBody, SubReport, lock_report, position, status, sub_report,
};
use super::*;
use crate::domain::message::{Level, LockedBy, OpenedBy, RefusedWhy};
use crate::domain::{DeviceEvent, LockState, MessageKind, PartState, Protocol, ValveState};

/// Locked only if both are in; open if the motor is.
fn lock_of(motor_open: bool, rope_out: bool) -> LockState {
    match (motor_open, rope_out) {
        (true, _) => LockState::Unlocked,
        (false, true) => LockState::Unseated,
        (false, false) => LockState::Locked,
    }
}

fn part(open: bool) -> Option<PartState> {
    Some(if open { PartState::Open } else { PartState::Closed })
}

fn any_position() -> impl Strategy<Value = Position> {
    let cell = (0_u16..1000, 0_u16..1000, any::<u16>(), any::<u32>()).prop_map(|(mcc, mnc, lac, id)| Cell {
        mcc,
        mnc,
        lac,
        id,
    });
    let rest = (any::<u8>(), any::<u16>(), any::<u8>(), cell, any::<u8>(), any::<u8>(), 0_u8..11);
    (time(), fix(), any::<u32>(), rest).prop_map(|(time, fix, mileage_km, rest)| {
        let (satellites, status, battery, cell, signal, fence, wake_source) = rest;
        Position { time, fix, mileage_km, satellites, status, battery, cell, signal, fence, wake_source }
    })
}

fn kind() -> impl Strategy<Value = DataType> {
    prop::sample::select(vec![DataType::Live, DataType::Alarm, DataType::Stored, DataType::Recent])
}

fn any_lock_report() -> impl Strategy<Value = LockReport> {
    let card = prop_oneof![Just(0), any::<u32>()];
    let verification = prop_oneof![Just(0), 1_u8..=10, Just(98), Just(99), any::<u8>()];
    let rest = (1_u8..=9, verification, card, any::<bool>(), any::<u8>(), 0_u32..10_000_000);
    (time(), fix(), rest).prop_map(|(time, fix, rest)| {
        let (source, verification, card, password_ok, wrong_count, mileage_km) = rest;
        LockReport { time, fix, source, verification, card, password_ok, wrong_count, mileage_km }
    })
}

/// What the manual says a report means; `None` where it says nothing.
fn meaning(report: &LockReport) -> Option<DeviceEvent> {
    let card = (report.card != 0).then(|| format!("{:010}", report.card));
    let opened = |by, card, fence| Some(DeviceEvent::Opened { by, card, fence });
    let refused = |by, why, card| Some(DeviceEvent::OpenRefused { by, why, card });
    let verified = |by, card: Option<String>, why| match report.verification {
        0 => refused(by, why, card),
        fence @ 1..=10 => opened(by, card, Some(fence)),
        98 => opened(by, card, None),
        99 => refused(by, RefusedWhy::OutsideFence, card),
        _ => None,
    };
    let by_password = |by| {
        if report.password_ok { opened(by, None, None) } else { refused(by, RefusedWhy::WrongPassword, None) }
    };
    match report.source {
        1 => verified(OpenedBy::Rfid, card, RefusedWhy::NotVerified),
        2 => refused(OpenedBy::Rfid, RefusedWhy::IllegalCard, card),
        3 => card.map(|card| DeviceEvent::VehicleCard { card }),
        4 => by_password(OpenedBy::RemoteStatic),
        5 => Some(DeviceEvent::Locked { by: LockedBy::Auto }),
        6 if report.password_ok => verified(OpenedBy::RemoteDynamic, card, RefusedWhy::NotVerified),
        6 => verified(OpenedBy::RemoteDynamic, card, RefusedWhy::WrongPassword),
        7 => by_password(OpenedBy::Bluetooth),
        8 => Some(DeviceEvent::RopePulled),
        _ => None,
    }
}

fn any_sub_report(body: impl Strategy<Value = SubBody>) -> impl Strategy<Value = SubReport> {
    let rest = (any::<[u8; 5]>(), any::<u16>(), any::<u8>(), any::<u8>());
    (time(), fix(), time(), rest, body).prop_map(|(master_time, fix, time, rest, body)| {
        let (id, voltage, battery, rssi) = rest;
        SubReport { master_time, fix, time, id, voltage, battery, rssi, body }
    })
}

fn lock_body() -> impl Strategy<Value = SubBody> {
    let kind = prop::sample::select(vec![4_u8, 5, 6, 9]);
    (kind, any::<u16>(), any::<u16>(), any::<u16>(), 0_u8..8, any::<Option<u32>>()).prop_map(
        |(kind, event, status, cycles, gateway, card)| SubBody::Lock {
            kind,
            event,
            status,
            cycles,
            gateway,
            card,
        },
    )
}

fn climate_body() -> impl Strategy<Value = SubBody> {
    (-4095_i16..=4095, any::<u8>(), any::<u16>(), 0_u8..8).prop_map(
        |(temperature_tenths, humidity, stored, gateway)| SubBody::Climate {
            temperature_tenths,
            humidity,
            stored,
            gateway,
        },
    )
}

/// Whether the message says that one documented bit of a lock's event word is set.
fn tells(message: &Message, kind: u8, bit: u32) -> bool {
    let opened = |by: OpenedBy| {
        message.events.iter().any(|e| matches!(e, DeviceEvent::Opened { by: told, .. } if *told == by))
    };
    let locked = message.events.contains(&DeviceEvent::Locked { by: LockedBy::Unknown });
    let has = |event| message.events.contains(&event);
    match (kind, bit) {
        (4, 0) | (5.., 7) => locked,
        (4, 1) | (5.., 8) => opened(OpenedBy::Bluetooth),
        (4, 2) | (5.., 5) => has(DeviceEvent::BackCoverOpened),
        (4, 3) | (5.., 6) => opened(OpenedBy::Lora),
        (4, 4) => has(DeviceEvent::RopeCut),
        (4, 8) | (5.., 9) => has(DeviceEvent::RopePulled),
        (4, 9) => opened(OpenedBy::Rfid),
        (5.., 0) => has(DeviceEvent::ValveClosed),
        (5.., 1) => has(DeviceEvent::ValveOpened),
        (5.., 2) => has(DeviceEvent::LowBattery),
        (5.., 4) => has(DeviceEvent::Tamper),
        (5.., 10) => has(DeviceEvent::RopeInserted),
        _ => panic!("no such bit"),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_position(id in id(), kind in kind(), serial in any::<u8>(), want in any_position()) {
        let got = message(&position(&id, kind, serial, &want));
        prop_assert_eq!((got.protocol, got.kind), (Protocol::JointechMaster, MessageKind::Position));
        prop_assert_eq!(got.device.as_deref(), Some(id.as_str()));
        prop_assert_eq!((got.serial, got.version), (Some(serial.into()), Some(0x19)));
        prop_assert_eq!((got.time, got.replayed), (Some(want.time), kind == DataType::Stored));
        assert_binary_place(got.position, &want.fix);
        let place = got.position.unwrap();
        prop_assert_eq!(place.satellites, Some(want.satellites));
        prop_assert_eq!(place.fix, want.fix.valid && want.status & 1 == 0);
        prop_assert_eq!(got.odometer_m, Some(u64::from(want.mileage_km) * 1000));
        prop_assert_eq!(got.battery_pct, (want.battery <= 100).then_some(want.battery));
        prop_assert_eq!(got.charging, Some(want.battery == 255));
        prop_assert_eq!(got.signal, (want.signal <= 31).then_some(want.signal));
        let set = |bit: u16| want.status & bit != 0;
        let (motor, rope) = (!set(status::MOTOR_LOCKED), !set(status::ROPE_IN));
        prop_assert_eq!((got.parts.motor, got.parts.rope), (part(motor), part(rope)));
        prop_assert_eq!(got.parts.cover, part(!set(status::COVER_CLOSED)));
        prop_assert_eq!(got.lock, Some(lock_of(motor, rope)));
        for (bit, level) in [
            (1 << 1, Level::GeofenceEnter),
            (1 << 2, Level::GeofenceExit),
            (status::ROPE_CUT, Level::RopeCut),
            (status::VIBRATION, Level::Vibration),
            (status::OPEN_TOO_LONG, Level::UnlockedTooLong),
            (status::WRONG_PASSWORDS, Level::WrongPasswordLimit),
            (status::ILLEGAL_CARD, Level::IllegalCard),
            (status::LOW_BATTERY, Level::LowBattery),
            (status::COVER_OPENED, Level::BackCoverOpened),
            (status::MOTOR_STUCK, Level::MotorFault),
        ] {
            prop_assert_eq!(got.levels.get(level), Some(set(bit)), "{:?}", level);
        }
    }

    #[test]
    fn a_lock_report(id in id(), serial in any::<u8>(), want in any_lock_report()) {
        let got = message(&lock_report(&id, serial, &want));
        prop_assert_eq!((got.protocol, got.kind), (Protocol::JointechMaster, MessageKind::LockReport));
        prop_assert_eq!(got.device.as_deref(), Some(id.as_str()));
        prop_assert_eq!((got.serial, got.time), (Some(serial.into()), Some(want.time)));
        let place = got.position.unwrap();
        assert_near(Some(place.lat), round(want.fix.lat, 1e5), 1e-6);
        assert_near(Some(place.lon), round(want.fix.lon, 1e5), 1e-6);
        prop_assert_eq!(place.fix, want.fix.valid);
        assert_near(place.speed_kmh, want.fix.speed_kmh, 0.5);
        assert_near(place.heading_deg, want.fix.heading, 0.5);
        prop_assert_eq!(got.odometer_m, Some(u64::from(want.mileage_km) * 1000));
        prop_assert_eq!((got.lock, got.parts), (None, crate::domain::Parts::default()));
        let opened = |e: &DeviceEvent| matches!(e, DeviceEvent::Opened { .. });
        match meaning(&want) {
            Some(event) => prop_assert!(got.events.contains(&event), "{:?} not in {:?}", event, got.events),
            None => prop_assert!(!got.events.iter().any(opened), "{:?}", got.events),
        }
    }

    #[test]
    fn a_sub_locks_report(
        id in id(), serials in any::<(u8, u8)>(), want in any_sub_report(lock_body()),
    ) {
        let (frame_serial, serial) = serials;
        let got = message(&sub_report(&id, frame_serial, serial, &want));
        let SubBody::Lock { kind, event, status, cycles, gateway, card } = want.body else { unreachable!() };
        prop_assert_eq!((got.protocol, got.kind), (Protocol::JointechMaster, MessageKind::SubDevice));
        prop_assert_eq!((got.device.as_deref(), got.serial), (Some(id.as_str()), Some(serial.into())));
        prop_assert_eq!(got.time, Some(want.time));
        assert_binary_place(got.position, &want.fix);
        assert_near(got.voltage_v, f64::from(want.voltage) / 100.0, 1e-9);
        prop_assert_eq!(got.battery_pct, (want.battery <= 100).then_some(want.battery));
        let sub = got.sub_device.clone().unwrap();
        prop_assert_eq!(sub.id, hex::encode_upper(want.id));
        prop_assert_eq!((sub.type_code, sub.cycles), (kind, Some(cycles)));
        prop_assert_eq!((sub.master_time, sub.rssi_dbm), (Some(want.master_time), Some(-i16::from(want.rssi))));
        let lost = gateway & 2 != 0 || event & 1 << 14 != 0;
        prop_assert_eq!(sub.contact_lost, Some(lost));
        prop_assert_eq!(sub.low_voltage, Some(gateway & 4 != 0));
        prop_assert_eq!(got.replayed, gateway & 1 != 0 || event & 1 << 15 != 0);
        prop_assert_eq!(got.levels.get(Level::SignalLost), Some(lost));
        let (motor, rope) = (status & 2 != 0, status & 1 != 0);
        if lost {
            prop_assert_eq!(got.lock, Some(LockState::Unknown));
            prop_assert_eq!((got.parts, got.charging), (crate::domain::Parts::default(), None));
        } else {
            prop_assert_eq!(got.lock, Some(lock_of(motor, rope)));
            prop_assert_eq!((got.parts.motor, got.parts.rope), (part(motor), part(rope)));
            prop_assert_eq!(got.parts.cover, card.and_then(|_| part(status & 4 != 0)));
            prop_assert_eq!(got.charging, card.map(|_| status & 8 != 0));
        }
        let bits: &[u32] = if kind == 4 { &[0, 1, 2, 3, 4, 8, 9] } else { &[0, 1, 2, 4, 5, 6, 7, 8, 9, 10] };
        for bit in bits {
            prop_assert_eq!(tells(&got, kind, *bit), event & 1 << bit != 0, "bit {}: {:?}", bit, got.events);
        }
        let valve = match event & 3 {
            _ if kind == 4 => None,
            0 => None,
            1 if !lost => Some(ValveState::Closed),
            2 => Some(ValveState::Open),
            _ => Some(ValveState::Unknown),
        };
        prop_assert_eq!(got.valve, valve);
    }

    #[test]
    fn a_sensors_report(id in id(), serials in any::<(u8, u8)>(), want in any_sub_report(climate_body())) {
        let got = message(&sub_report(&id, serials.0, serials.1, &want));
        let SubBody::Climate { temperature_tenths, humidity, stored: _, gateway } = want.body else {
            unreachable!()
        };
        let sub = got.sub_device.clone().unwrap();
        prop_assert_eq!((sub.type_code, got.lock), (1, None));
        assert_near(sub.temperature_c, f64::from(temperature_tenths) / 10.0, 1e-9);
        prop_assert_eq!(sub.humidity_pct, (humidity <= 100).then_some(humidity));
        prop_assert_eq!(sub.contact_lost, Some(gateway & 2 != 0));
        prop_assert_eq!(got.replayed, gateway & 1 != 0);
    }
}
