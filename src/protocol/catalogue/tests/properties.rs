//! Edges of every range, and rubbish.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn range(offered: &Offered, param: &Param) -> Option<(i64, i64, &'static str)> {
    let (Kind::Whole { min, max, unit } | Kind::OffOr { min, max, unit }) = param.kind else { return None };
    let (min, max) = offered.range(param.name, None).unwrap_or((min, max));
    Some((min, max, unit))
}

#[test]
fn both_edges_pass_and_both_outsides_are_refused_with_range_and_unit() {
    let profiles = &*SHIPPED;
    let mut tried = 0;
    for (profile, offered) in offers(profiles) {
        for param in offered.spec.params {
            let Some((min, max, unit)) = range(offered, param) else { continue };
            let try_with = |value: i64| {
                let args = args(offered, Some((param.name, &value.to_string())));
                assert_eq!(
                    check(profile, offered.spec.name, &args, None).is_ok(),
                    compose(profile, offered.spec.name, &args, &AROUND).is_ok()
                );
                compose(profile, offered.spec.name, &args, &AROUND).map(|composed| composed.shown)
            };
            for edge in [min, max] {
                let sent = try_with(edge).unwrap();
                assert!(sent.contains(&edge.to_string()), "{sent}");
            }
            for outside in [min - 1, max + 1] {
                let off = matches!(param.kind, Kind::OffOr { .. }) && outside == 0;
                let error = try_with(outside).unwrap_err().to_string();
                assert!(!off, "0 would be off");
                let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
                let want = format!("{min} to {max}{unit}, not {outside}");
                assert!(error.starts_with(param.name) && error.ends_with(&want), "{error}");
            }
            tried += 1;
        }
    }
    assert!(tried >= 40, "{tried}");
}

#[test]
fn a_range_of_a_firmware_is_that_firmwares() {
    let profiles = &*SHIPPED;
    let jt701d = profiles.get("jt701d").unwrap();
    let args = Args::new().with("seconds", "3600").with("minutes", "30");
    let with = |firmware| compose(jt701d, "wake_interval", &args, &Around { firmware, ..AROUND });
    assert_eq!(with(None).unwrap_err().to_string(), "seconds must be 5 to 600 s, not 3600");
    assert_eq!(with(Some("JT701D_V1.4")).unwrap_err().to_string(), "seconds must be 5 to 600 s, not 3600");
    assert_eq!(text(&with(Some("JT701D_V1.9.5_x")).unwrap()), "(P04,1,3600,30)");
}

#[test]
fn what_is_missing_or_too_much_is_named() {
    let profiles = &*SHIPPED;
    let jt701d = profiles.get("jt701d").unwrap();
    let try_with =
        |command: &str, args: Args| compose(jt701d, command, &args, &AROUND).unwrap_err().to_string();
    let wake = Args::new().with("seconds", "60");
    assert_eq!(try_with("wake_interval", wake.clone()), "'wake_interval' needs minutes: between two wakes");
    assert_eq!(
        try_with("wake_interval", wake.clone().with("hours", "1")),
        "'wake_interval' takes no 'hours'; it takes seconds, minutes"
    );
    assert_eq!(
        try_with("wake_interval", wake.with("seconds", "61").with("minutes", "5")),
        "'seconds' is given twice"
    );
    assert!(
        try_with("fly", Args::new()).starts_with("JT701D/E has no command 'fly'; it has alarm_switches, ")
    );
    let plain = Args::new().with("password", "888888");
    let error = try_with("open_static", plain);
    assert_eq!(error, "password must be given as a secret, not as a plain argument");
}

#[test]
fn what_surrounds_a_command_is_checked() {
    let profiles = &*SHIPPED;
    let jt802 = profiles.get("jt802").unwrap();
    let args = Args::new().with("minutes", "5");
    let with = |around: Around<'_>| compose(jt802, "open_relay", &args, &around).unwrap_err();
    assert_eq!(with(Around { serial: 0, ..AROUND }), ComposeError::Serial(0));
    let seal = |serial| {
        compose(SHIPPED.get("jt709a").unwrap(), "restart", &Args::new(), &Around { serial, ..AROUND })
    };
    assert_eq!(seal(0).unwrap_err(), ComposeError::Serial(0));
    assert_eq!(seal(u16::MAX).unwrap().expect.serial, Some(65_535));
    assert_eq!(with(Around { serial: 256, ..AROUND }), ComposeError::Serial(256));
    assert_eq!(with(Around { device: "80554)", ..AROUND }), ComposeError::Device);
    assert_eq!(with(Around { item: "1,0", ..AROUND }), ComposeError::Item);
    assert_eq!(with(Around { sub: None, ..AROUND }), ComposeError::Sub);
    assert_eq!(with(Around { sub: Some("e03b60000a"), ..AROUND }), ComposeError::Sub);
    let last = compose(jt802, "open_relay", &args, &Around { serial: 255, item: "23", ..AROUND }).unwrap();
    assert_eq!(
        (last.serial, last.shown.as_str()),
        (Some(255), "(8055430364,23,255,WLNET,8,1,1,5,E03B60000A)")
    );
}

#[test]
fn secrets_are_shown_nowhere() {
    let profiles = &*SHIPPED;
    let jt701d = profiles.get("jt701d").unwrap();
    let good = "Zq7Xw9";
    let secret =
        |text: &str| Args::new().with_secret("new", Secret::new(text)).with_secret("old", Secret::new(text));
    let composed = compose(jt701d, "change_password", &secret(good), &AROUND).unwrap();
    assert_eq!(composed.shown, "(P44,••••••,••••••)");
    let told =
        format!("{composed:?} {:?} {}", composed.expect, serde_json::to_string(&composed.expect).unwrap());
    assert!(!told.contains(good), "{told}");
    let bad = "Zq7Xw9,tooLongForAPassword";
    let error = compose(jt701d, "change_password", &secret(bad), &AROUND).unwrap_err();
    assert!(!format!("{error} {error:?} {:?}", secret(bad)).contains("Zq7"), "{error}");
    let checked = check(jt701d, "change_password", &secret(good), None).unwrap();
    assert!(checked.args.is_empty());
    let server = Args::new().with("host", "h").with("port", "1").with_secret("password", Secret::new(good));
    let composed = compose(jt701d, "server", &server, &AROUND).unwrap();
    assert_eq!(composed.shown, "(P06,1,h,1,,,••••••)");
    assert!(!format!("{:?}", composed.expect).contains(good));
}

/// Exactly one frame, of the profile's family.
fn is_one_frame(profile: &Profile, bytes: &[u8]) -> bool {
    let text = |inside: &[u8]| inside.iter().all(|b| (0x20..0x7f).contains(b) && !b"#$~()".contains(b));
    let within = |begin: &[u8], end: &[u8]| bytes.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end));
    match profile.protocol {
        crate::domain::Protocol::Bofan => within(b"#", b"\r\n").is_some_and(text),
        _ if bytes.first() == Some(&0x7E) => within(b"~", b"~").is_some_and(|inside| !inside.contains(&0x7E)),
        _ => within(b"(", b")").is_some_and(text),
    }
}

/// Reads values back from a text by the words of its profile: what stands between one literal and the next.
fn read_back(words: &str, text: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let mut rest = text;
    let mut words = words;
    while let Some((before, after)) = words.split_once('{') {
        rest = rest.strip_prefix(before).unwrap();
        let (name, behind) = after.split_once('}').unwrap();
        let next = behind.split('{').next().unwrap();
        let end = match next {
            "" if behind.is_empty() => rest.len(),
            "" => 1, // two places side by side: flags of one character
            next => rest.find(next).unwrap(),
        };
        values.insert(name.to_owned(), rest[..end].to_owned());
        rest = &rest[end..];
        words = behind;
    }
    assert_eq!(rest, words);
    values
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,20}",
        "[0-9,;. -]{0,40}",
        any::<String>(),
        "[a-z]{1,4}\\(P43,888888\\)",
        "[0-9]{1,3}\r\n#OPC1,1",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rubbish_makes_one_frame_or_none(values in prop::collection::vec(any_text(), 10), pick in any::<prop::sample::Index>()) {
        let profiles = &*SHIPPED;
        let all = offers(profiles);
        let (profile, offered) = pick.get(&all);
        let mut args = Args::new();
        for (param, value) in offered.spec.params.iter().zip(&values) {
            args = if param.kind.is_secret() {
                args.with_secret(param.name, Secret::new(value.clone()))
            } else {
                args.with(param.name, value.clone())
            };
        }
        if let Ok(composed) = compose(profile, offered.spec.name, &args, &AROUND) {
            prop_assert!(is_one_frame(profile, &composed.bytes), "{:?}", composed);
            prop_assert!(check(profile, offered.spec.name, &args, None).is_ok());
        }
    }

    #[test]
    fn rubbish_around_a_command_makes_one_frame_or_none(device in any_text(), item in any_text(), sub in any_text(), serial in any::<u16>()) {
        let profiles = &*SHIPPED;
        let around = Around { device: &device, item: &item, serial, sub: Some(&sub), firmware: Some(&item) };
        for (profile, offered) in offers(profiles) {
            if let Ok(composed) = compose(profile, offered.spec.name, &args(offered, None), &around) {
                prop_assert!(is_one_frame(profile, &composed.bytes), "{:?}", composed);
            }
        }
    }

    /// What was asked stands in what is sent, read back by the words alone.
    #[test]
    fn numbers_come_back(share in 0.0_f64..1.0) {
        let profiles = &*SHIPPED;
        for (profile, offered) in offers(profiles) {
            for param in offered.spec.params {
                let Some((min, max, _)) = range(offered, param) else { continue };
                #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any value within will do")]
                let value = min + ((max - min) as f64 * share) as i64;
                let args = args(offered, Some((param.name, &value.to_string())));
                let composed = compose(profile, offered.spec.name, &args, &AROUND).unwrap();
                prop_assert!(is_one_frame(profile, &composed.bytes));
                let back = read_back(offered.words(), &composed.shown);
                prop_assert_eq!(&back[param.name], &value.to_string());
            }
        }
    }

    /// A profile of rubbish is refused, and never a panic.
    #[test]
    fn rubbish_is_no_profile(text in any_text(), send in any_text()) {
        let mut profiles = SHIPPED.clone();
        let before = profiles.clone();
        if profiles.lay_over("jt701d", &text).is_err() {
            prop_assert_eq!(&profiles, &before);
        }
        let send = send.replace(['"', '\\'], "").replace(char::is_control, "");
        let text = format!("[commands.firmware]\nsend = \"{send}\"\nproof = \"captured\"");
        if profiles.lay_over("jt701d", &text).is_ok() {
            let profile = profiles.get("jt701d").unwrap();
            let composed = compose(profile, "firmware", &Args::new(), &AROUND).unwrap();
            prop_assert!(is_one_frame(profile, &composed.bytes));
        }
    }
}
