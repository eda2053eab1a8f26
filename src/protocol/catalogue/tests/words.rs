//! The exact words, against the papers.

use super::*;
use std::collections::BTreeSet;

/// Profile, command, arguments (`!` before a secret), what must leave.
const WORDS: &[(&str, &str, &str, &str)] = &[
    // Jointech notes, table of commands.
    ("jt701d", "open_static", "!password=888888", "(P43,888888)"),
    ("jt701d", "open_dynamic", "!password=113271", "(P52,3,113271)"),
    ("jt701d", "bound_list", "", "(8055430364,1,007,WLNET,1,0)"),
    ("jt701d", "bind", "subs=E03B60000A,1021220618", "(8055430364,1,007,WLNET,1,1,2,E03B60000A,1021220618)"),
    ("jt701d", "unbind_all", "", "(8055430364,1,007,WLNET,1,1,0)"),
    ("jt701d", "sub_heartbeat", "beat=off alarm=600", "(8055430364,1,007,WLNET,18,1,0,600)"),
    ("jt701d", "sub_firmware", "", "(8055430364,1,007,WLNET,4)"),
    ("jt701d", "sensor_interval", "minutes=10", "(8055430364,1,007,WLNET,2,1,10)"),
    ("jt701d", "position", "", "(P02)"),
    ("jt701d", "firmware", "", "(P01)"),
    ("jt701d", "imei", "", "(P14)"),
    ("jt701d", "imsi", "", "(P68,1,0)"),
    ("jt701d", "iccid", "", "(P68,2,0)"),
    ("jt701d", "unsent_records", "", "(P98,10,0)"),
    ("jt701d", "wake_interval", "seconds=60 minutes=30", "(P04,1,60,30)"),
    ("jt701d", "read_wake_interval", "", "(P04,0)"),
    ("jt701d", "awake_time", "minutes=3", "(P39,1,3)"),
    ("jt701d", "read_awake_time", "", "(P39,0)"),
    ("jt701d", "tracking", "on=on", "(P54,1,1)"),
    ("jt701d", "read_tracking", "", "(P54,0)"),
    ("jt701d", "restart", "", "(P15)"),
    ("jt701d", "sleep", "", "(P32)"),
    ("jt701d", "deep_sleep", "on=off percent=20", "(P03,1,0,20)"),
    ("jt701d", "read_deep_sleep", "", "(P03,0)"),
    ("jt701d", "motion", "milli_g=126", "(P37,1,126)"),
    ("jt701d", "read_motion", "", "(P37,0)"),
    ("jt701d", "drift_filter", "on=off", "(P63,1,0)"),
    ("jt701d", "read_drift_filter", "", "(P63,0)"),
    ("jt701d", "gnss_saving", "on=on", "(P97,1,1)"),
    ("jt701d", "read_gnss_saving", "", "(P97,0)"),
    ("jt701d", "turn_points", "seconds=1 degrees=20", "(P99,1,1,1,20)"),
    ("jt701d", "turn_points_off", "", "(P99,1,0)"),
    ("jt701d", "read_turn_points", "", "(P99,0)"),
    (
        "jt701d",
        "alarm_switches",
        "rope_cut=both illegal_card=data open_too_long=data wrong_password=data vibration=off enter_fence=off \
         exit_fence=off low_battery=data cover=both motor_stuck=sms",
        "(P40,1,3,1,1,1,0,0,0,1,3,2)",
    ),
    ("jt701d", "low_battery_limit", "percent=30", "(P61,1,30)"),
    ("jt701d", "read_low_battery_limit", "", "(P61,0)"),
    ("jt701d", "long_unlock_limit", "minutes=120", "(P38,1,120)"),
    ("jt701d", "read_long_unlock_limit", "", "(P38,0)"),
    ("jt701d", "auto_lock", "minutes=1", "(P83,1,1)"),
    ("jt701d", "read_auto_lock", "", "(P83,0)"),
    ("jt701d", "report_fields", "fields=both", "(P94,1,3)"),
    (
        "jt701d",
        "fence_points",
        "fence=1 part=1 points=18.5/-69.9;18.6/-69.9;18.6/-69.8",
        "(P29,1,1,1,3,-6954.0000,1830.0000,-6954.0000,1836.0000,-6948.0000,1836.0000)",
    ),
    ("jt701d", "change_password", "!new=123456 !old=888888", "(P44,123456,888888)"),
    ("jt701d", "dynamic_password", "on=on fence=off", "(P52,1,1,1,0)"),
    ("jt701d", "dynamic_password_mode", "", "(P52,1,0)"),
    ("jt701d", "read_dynamic_password", "", "(P52,0)"),
    ("jt701d", "unlock_channels", "sms=off rfid=on serial_port=off bluetooth=on", "(P59,1,0,1,1,0,1)"),
    ("jt701d", "card_list", "page=2", "(P41,0,2)"),
    ("jt701d", "card_add", "cards=0000379706,0000382011", "(P41,1,1,2,0000379706,0000382011)"),
    ("jt701d", "card_delete", "cards=0000379706", "(P41,1,2,1,0000379706)"),
    ("jt701d", "card_clear", "", "(P41,1,3)"),
    ("jt701d", "server", "host=10.0.0.1 port=2000 apn=internet", "(P06,1,10.0.0.1,2000,internet,,)"),
    (
        "jt701d",
        "second_server",
        "host=example.org port=8888 apn=net user=me !password=pw",
        "(P06,3,example.org,8888,net,me,pw)",
    ),
    ("jt701d", "read_server", "", "(P06,0)"),
    ("jt701d", "read_second_server", "", "(P06,2)"),
    ("jt709ex", "open_relay", "minutes=5", "(8055430364,1,007,WLNET,8,1,1,5,E03B60000A)"),
    ("jt801", "open_relay", "minutes=1", "(8055430364,1,007,WLNET,8,1,1,1,E03B60000A)"),
    ("jt802", "open_relay", "minutes=5", "(8055430364,1,007,WLNET,8,1,1,5,E03B60000A)"),
    // JT/T 808-2011; the frame as hex.
    ("jt709a", "position", "", "7e820100000080554303640007757e"),
    ("jt709a", "interval", "seconds=3600", "7e8103000a008055430364000701000000290400000e104c7e"),
    ("jt709a", "wake_interval", "seconds=1800", "7e8103000a008055430364000701000000270400000708537e"),
    ("jt709a", "restart", "", "7e81050001008055430364000704777e"),
    // Provisioning.
    (
        "jt709c",
        "server",
        "host=example.org port=8888 apn=net",
        "(8055430364,2,S02,129,1,example.org,8888,net)",
    ),
    ("jt709c", "server_login", "user=me !password=pw", "(8055430364,2,S24,129,1,me,pw)"),
    ("jt705a", "server", "host=10.0.0.1 port=8888 apn=net", "(8055430364,2,S02,129,1,10.0.0.1,8888,net)"),
    ("jt705a", "server_login", "user=me !password=pw", "(8055430364,2,S24,129,1,me,pw)"),
    // Legacy.
    ("jt600", "engine", "state=cut", "(S07,0)"),
    ("jt600", "clock_zone", "minutes=-330", "(S09,1,-330)"),
    ("jt600", "restart", "", "(S17)"),
    // Bofan notes, section 6.
    ("pt600", "output", "line=1 state=on", "#OPC1,1\r\n"),
    ("pt600", "photo", "", "#PHO\r\n"),
    ("pt600", "photo_chunk", "offset=0 length=960", "#PHD0,960\r\n"),
    ("pt600", "position", "", "#RCP\r\n"),
    ("pt600", "firmware", "", "#VER\r\n"),
    ("pt600", "imei", "", "#IME\r\n"),
    ("pt600", "supply_voltage", "", "#RPO\r\n"),
    ("pt600", "interval", "seconds=60", "#GTI60\r\n"),
    ("pt600", "parked_interval", "seconds=300", "#PTI300\r\n"),
    ("pt600", "speed_limit", "kmh=90", "#SPD90\r\n"),
    ("pt600", "sms_zone", "hours=-5", "#TMZ-5\r\n"),
    ("pt600", "power_cut_alarm", "on=on", "#CPA1\r\n"),
    ("pt600", "alarm_route", "alarm=input_1 platform=on sms=on", "#SALIN111\r\n"),
    ("pt600", "sos_numbers", "first=+4912345 second=2", "#SOS,+4912345,2,\r\n"),
    ("pt600", "device_id", "new_id=65328026243864", "#GID65328026243864\r\n"),
    ("pt600", "server", "host=10.0.0.1 port=8888", "#SVR10.0.0.1,8888\r\n"),
    ("pt600", "apn", "apn=internet", "#APNinternet\r\n"),
    ("pt600", "apn_login", "apn=internet user=me !password=pw", "#APNinternet,me,pw\r\n"),
    ("pt600", "change_password", "!new=123456", "#PWD123456\r\n"),
];

/// `name=value name=value`; `!` before a secret, `/` for a space within a value.
fn read(given: &str) -> Args {
    given.split_whitespace().fold(Args::new(), |args, one| {
        let (name, value) = one.split_once('=').unwrap();
        match name.strip_prefix('!') {
            Some(name) => args.with_secret(name, Secret::new(value)),
            None => args.with(name, value.replace('/', " ")),
        }
    })
}

#[test]
fn words_are_those_of_the_papers() {
    let profiles = Profiles::shipped();
    for (profile, command, given, want) in WORDS {
        let composed = compose(profiles.get(profile).unwrap(), command, &read(given), &AROUND).unwrap();
        let sent = match composed.bytes.first() {
            Some(0x7E) => hex::encode(&composed.bytes),
            _ => text(&composed),
        };
        assert_eq!(sent, *want, "{profile} {command}");
    }
}

#[test]
fn no_command_goes_without_its_words_here() {
    let tested: BTreeSet<(&str, &str)> = WORDS.iter().map(|row| (row.0, row.1)).collect();
    let profiles = Profiles::shipped();
    for (profile, offered) in offers(&profiles) {
        let name = profile.name.as_str();
        // The same words as a profile that is tested.
        let same = match name {
            "jt701" => "jt701d",
            "pt621" | "pt502" => "pt600",
            "jt709c" if offered.words().starts_with("0x") => "jt709a",
            name => name,
        };
        assert!(tested.contains(&(same, offered.spec.name)), "{name} {}", offered.spec.name);
        let model = profiles.get(same).and_then(|profile| profile.command(offered.spec.name)).unwrap();
        assert_eq!(offered.words(), model.words(), "{name}");
    }
}

#[test]
fn every_command_of_the_catalogue_is_offered_by_some_profile_but_the_unknown_unlock_words() {
    let profiles = Profiles::shipped();
    let offered: BTreeSet<(&str, &str)> =
        offers(&profiles).iter().map(|(_, o)| (o.spec.protocol.word(), o.spec.name)).collect();
    let missing: Vec<&str> =
        all().filter(|c| !offered.contains(&(c.protocol.word(), c.name))).map(|c| c.name).collect();
    assert_eq!(missing, ["open_static", "open_dynamic"]);
    for name in ["jt709a", "jt709c", "jt705a"] {
        assert_eq!(profiles.get(name).unwrap().unlock(), None, "{name}");
    }
    let of = |name: &str| profiles.get(name).unwrap().unlocks();
    assert_eq!(of("jt701d").len(), 2);
    assert_eq!(of("jt802").len(), 1);
    assert_eq!(of("pt600").len(), 0);
}

#[test]
fn names_are_unique_and_what_people_read_is_there() {
    let mut seen = BTreeSet::new();
    for command in all() {
        assert!(seen.insert((command.protocol.word(), command.name)), "{} twice", command.name);
        assert!((4..100).contains(&command.purpose.len()), "{}", command.name);
        let mut params = BTreeSet::new();
        for param in command.params {
            assert!(params.insert(param.name), "{} {} twice", command.name, param.name);
            assert!(!param.what.is_empty(), "{} {}", command.name, param.name);
        }
    }
}

#[test]
fn what_shuts_out_or_destroys_is_credential_or_never_sent() {
    use crate::domain::order::CommandClass::Credential;
    let profiles = Profiles::shipped();
    for (profile, offered) in offers(&profiles) {
        let words = offered.words();
        for never in ["P13", "P50", "P98,10,1", "P98,11,1", "#DFT", "#AN1", "OTA", "P59,1,{sms},0"] {
            assert!(!words.contains(never), "{} {words}", profile.name);
        }
        for strong in ["P06,1", "P06,3", "P44", "P59,1", "P41,1", "WLNET,1,1", "#SVR", "#GID", "S02", "P03,1"]
        {
            assert!(!words.contains(strong) || offered.spec.class >= Credential, "{} {words}", profile.name);
        }
    }
}

#[test]
fn nothing_that_is_more_than_a_reading_goes_under_the_name_of_one() {
    let shipped = Profiles::shipped();
    let lay = |profile: &str, command: &str, send: &str| {
        let text = format!("[commands.{command}]\nsend = \"{send}\"\nproof = \"documented\"");
        shipped.clone().lay_over(profile, &text)
    };
    let mut tried = 0;
    for (profile, offered) in offers(&shipped) {
        use crate::domain::order::CommandClass::Read;
        let reading = profile.commands().find(|o| o.spec.class == Read && o.spec.params.is_empty());
        let (Some(reading), true) = (reading, offered.spec.class > Read) else { continue };
        // Its words with every place filled: as an installer would copy them.
        let send = compose(profile, offered.spec.name, &args(offered, None), &AROUND).unwrap().shown;
        let send = send.replace(crate::domain::secret::MASK, "888888");
        let send = if offered.words().starts_with("0x") { "0x8105 u8=4".to_owned() } else { send };
        let error = lay(&profile.name, reading.spec.name, send.trim_end()).expect_err(&send);
        assert!(error.what.contains("cannot be sent as a read"), "{send}: {error}");
        tried += 1;
    }
    assert!(tried > 60, "{tried}");
    // Words that nobody here knows are told once: they may be more than a reading.
    let mut own = Profiles::shipped();
    own.lay_over("jt701d", "[commands.firmware]\nsend = \"(P77,1)\"\nproof = \"documented\"").unwrap();
    own.lay_over("jt701d", "[commands.imei]\nsend = \"(P14)\"\nproof = \"documented\"").unwrap();
    let silent = |command: &str| {
        compose(own.get("jt701d").unwrap(), command, &Args::new(), &AROUND).unwrap().expect.may_be_silent
    };
    assert!(silent("firmware") && !silent("imei"));
    // A device reads numbers, not their writing.
    for send in [
        "({id},{item},{serial},WLNET,08,1,5,E03B60000A)",
        "({id},{item},{serial},WLNET, 8,1,5,E03B60000A)",
        "({id},{item},{serial},WLNET,+8,1,5,E03B60000A)",
        "({id},{item},{serial},WLNET,1,01,0)",
        "(P52,03,888888)",
        "(P06,01,example.org,8888,net,,)",
    ] {
        assert!(lay("jt701d", "firmware", send).is_err(), "{send}");
        assert!(lay("jt701d", "restart", send).is_err(), "{send}");
    }
}
