//! What the server says: a simulated device reads it as it was meant.

use super::super::super::downlink::{Brackets, Delimited};
use super::super::super::encode::{master, seal};
use super::*;
use crate::domain::Secret;
use crate::protocol::HeardFrame;
use crate::protocol::catalogue::{Args, Around, Profiles, compose};

fn sent(frame: &HeardFrame, now: DateTime<Utc>) -> Vec<u8> {
    frame.answers.iter().flat_map(|answer| answer.bytes(now)).collect()
}

/// The items of every text in `bytes`.
fn texts(bytes: &[u8]) -> Vec<Vec<String>> {
    Brackets::default().read(bytes)
}

/// The frames in `bytes`: what is asked back, and what answers it.
fn seals(bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    Delimited::default().read(bytes).into_iter().map(|heard| (heard.message, heard.body)).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn acknowledgements_of_a_master(id in id(), serial in any::<u8>(), now in time(), password in "[0-9]{6}") {
        let fix = Fix { lat: 1.0, lon: 1.0, valid: true, speed_kmh: 0.0, heading: 0.0 };
        let report = master::LockReport {
            time: now, fix, source: 5, verification: 0, card: 0, password_ok: false, wrong_count: 0, mileage_km: 1,
        };
        let bytes = master::lock_report(&id, serial, &report);
        // No version is known: in both ways.
        let want = [vec!["P46".to_owned()], vec!["P69".into(), "0".into(), serial.to_string()]];
        prop_assert_eq!(texts(&sent(&frame(&bytes), now)), want);

        let time = frame(format!("({id},P22,2)").as_bytes());
        let want = [["P22".to_owned(), now.format("%d%m%y%H%M%S").to_string()]];
        prop_assert_eq!(texts(&sent(&time, now)), want);

        let told = frame(format!("({id},P52,2,{password})").as_bytes());
        prop_assert_eq!(texts(&sent(&told, now)), [["P52".to_owned(), "2".into(), password]]);
    }

    #[test]
    fn answers_to_a_seal(id in "[1-9][0-9]{9,11}", serial in any::<u16>(), now in time()) {
        let asked = |message: u16, body: &[u8]| sent(&frame(&seal::frame(message, &id, serial, body)), now);
        let [high, low] = serial.to_be_bytes();
        prop_assert_eq!(seals(&asked(seal::HEARTBEAT, &[])), [(0x8001, vec![high, low, 0, 2, 0])]);
        let mut registered = vec![high, low, 0];
        registered.extend(id.bytes());
        prop_assert_eq!(seals(&asked(seal::REGISTER, &seal::registration(&id))), [(0x8100, registered)]);
        let time = now.format("%Y %m %d %H %M %S").to_string();
        let parts: Vec<u16> = time.split(' ').map(|part| part.parse().unwrap()).collect();
        let mut body = parts[0].to_be_bytes().to_vec();
        body.extend(parts[1..].iter().map(|part| part.to_be_bytes()[1]));
        body.push(0);
        prop_assert_eq!(seals(&asked(seal::ASK_TIME, &[])), [(0x8109, body)]);
    }

    #[test]
    fn commands(
        id in "[0-9]{1,20}", item in "[0-9]{1,3}", serial in 1_u8.., minutes in 1_u8..=5, sub in "[0-9A-F]{10}",
        password in "[0-9A-Za-z]{1,16}",
    ) {
        let secret = Secret::new(&*password);
        let shipped = Profiles::shipped();
        let around =
            Around { device: &id, item: &item, serial: serial.into(), sub: Some(&sub), firmware: None };
        let told = |model: &str, command: &str, args: &Args| {
            compose(shipped.get(model).unwrap(), command, args, &around).unwrap().bytes
        };
        let by_password = Args::new().with_secret("password", secret);
        let opened = told("jt701d", "open_static", &by_password);
        prop_assert_eq!(texts(&opened), [["P43".to_owned(), password.clone()]]);
        let opened = told("jt701d", "open_dynamic", &by_password);
        prop_assert_eq!(texts(&opened), [["P52".to_owned(), "3".into(), password]]);
        let relayed = told("jt802", "open_relay", &Args::new().with("minutes", minutes.to_string()));
        let want = [id, item, format!("{serial:03}"), "WLNET".into(), "8".into(), "1".into(), "1".into()];
        let want: Vec<String> = want.into_iter().chain([minutes.to_string(), sub]).collect();
        prop_assert_eq!(texts(&relayed), [want]);
    }
}
