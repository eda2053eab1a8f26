use super::*;
use crate::config::{Ascii, BenchModel, DEFAULT_TOML, Device, LinkPlan};
use crate::domain::message::WlnetAck;
use crate::domain::{DeviceKey, DeviceKind};
use std::fs;
use std::time::Duration;

fn nothing(_: &str) -> Option<OsString> {
    None
}

fn read_text(text: &str) -> Result<Loaded, ConfigError> {
    parse(Path::new("c.toml"), text)
}

fn refused(text: &str) -> String {
    read_text(text).expect_err(text).to_string()
}

#[test]
fn the_sample_holds_every_setting_with_its_default() {
    let sample = read_text(DEFAULT_TOML).unwrap();
    assert_eq!(sample.config, Config::default());
    let all = toml::Table::try_from(Config::default()).unwrap();
    let given: toml::Table = toml::from_str(DEFAULT_TOML).unwrap();
    let keys = |table| leaves(table).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    assert_eq!(keys(&given), keys(&all), "a setting is missing in config/default.toml");
}

#[test]
fn the_commented_devices_of_the_sample_work() {
    let (_, list) = DEFAULT_TOML.split_once("As many as you like:\n#\n").unwrap();
    let text: String = list.lines().map(|line| line.trim_start_matches('#').to_owned() + "\n").collect();
    let devices = read_text(&text).unwrap().config.devices;
    let master = DeviceKey::jointech("8000620011");
    let want = [
        Device {
            key: master.clone(),
            kind: Some(DeviceKind::MasterLock),
            asset: Some("Tank 7".into()),
            plate: Some("B-LY 2041".into()),
            bind_to: None,
        },
        Device {
            key: DeviceKey::jointech("E03B60000A"),
            kind: Some(DeviceKind::SubLock),
            asset: Some("Tank 7".into()),
            plate: None,
            bind_to: Some(master),
        },
    ];
    assert_eq!(devices, want);
}

#[test]
fn what_is_given_changes_and_the_rest_stays() {
    let text = r#"
        zone = "Asia/Beirut"
        [link.seal]
        wake = "2h"
        [jointech]
        wlnet_ack = "both"
        [commands]
        proven_on_bench = ["JT709Ex", "JT802"]
        [console]
        ascii = "always"
        [[device]]
        id = "0000001"
        maker = "bofan"
        [[device]]
        id = "jointech/e03b60000a"
    "#;
    let config = read_text(text).unwrap().config;
    let mut want = Config { zone: chrono_tz::Asia::Beirut, ..Config::default() };
    want.link.seal = LinkPlan { wake: Duration::from_secs(7200), ..want.link.seal };
    want.jointech.wlnet_ack = WlnetAck::Both;
    want.commands.proven_on_bench = vec![BenchModel::Jt709Ex, BenchModel::Jt802];
    want.console.ascii = Ascii::Always;
    let device = |key| Device { key, kind: None, asset: None, plate: None, bind_to: None };
    want.devices = vec![device(DeviceKey::bofan("0000001")), device(DeviceKey::jointech("E03B60000A"))];
    assert_eq!(config, want);
    assert_eq!(config.link.of(DeviceKind::Seal).wake, Duration::from_secs(7200));
}

#[test]
fn each_bad_value_gets_one_sentence_with_its_place() {
    let rows = [
        (
            "lisen = []",
            "c.toml, line 1, lisen: unknown setting 'lisen'; allowed are 'listen', 'data', 'zone', \
          'auto_enrol', 'socket', 'store', 'limits', 'jointech', 'link', 'commands', 'console', 'device'",
        ),
        (
            "\n[limits]\nidel = \"1m\"",
            "c.toml, line 3, limits.idel: unknown setting 'idel'; allowed are \
          'connections', 'per_address', 'first_frame', 'idle', 'rubbish_bytes', 'datagrams'",
        ),
        ("listen = []", "c.toml, line 1, listen: at least one address is needed, such as \":8888\""),
        (
            "listen = [\n  \":8888\",\n  \"here\",\n]",
            "c.toml, line 1, listen: 'here' is no address to listen on: \
          write 8888, 0.0.0.0:8888 or [::]:8888",
        ),
        (
            "zone = \"Berlin\"",
            "c.toml, line 1, zone: 'Berlin' is no time zone: write a name such as UTC or \
          Europe/Berlin",
        ),
        (
            "[limits]\nidle = \"soon\"",
            "c.toml, line 2, limits.idle: 'soon' is no duration: write 30s, 45m or 12h",
        ),
        ("[limits]\nidle = \"5s\"", "c.toml, line 2, limits.idle: '5s' is out of range: from 1m to 1day"),
        (
            "[limits]\nidle = 45",
            "c.toml, line 2, limits.idle: invalid type: integer '45'; allowed is a duration such \
          as \"45m\"",
        ),
        (
            "[limits]\nconnections = 0",
            "c.toml, line 2, limits.connections: 0 is out of range: from 1 to 1000000",
        ),
        (
            "[limits]\nconnections = -5",
            "c.toml, line 2, limits.connections: -5 is out of range: from 1 to 1000000",
        ),
        (
            "[commands]\nvalidity = \"5h\"",
            "c.toml, line 2, commands.validity: '5h' is out of range: from 1m to 4h",
        ),
        (
            "[commands]\nrelay_minutes = 6",
            "c.toml, line 2, commands.relay_minutes: 6 is out of range: from 1 to 5",
        ),
        (
            "[commands]\nproven_on_bench = [\"JT999\"]",
            "c.toml, line 2, commands.proven_on_bench: unknown value \
          'JT999'; allowed are 'JT709', 'JT709Ex', 'JT801', 'JT802'",
        ),
        (
            "[store]\nlimit = \"lots\"",
            "c.toml, line 2, store.limit: 'lots' is no size: write 500 MB, 10 GB or 8 GiB",
        ),
        (
            "[store]\nlimit = \"1 MB\"",
            "c.toml, line 2, store.limit: '1 MB' is out of range: from 64 MB to 1000 TB",
        ),
        (
            "[jointech]\nwlnet_ack = \"none\"",
            "c.toml, line 2, jointech.wlnet_ack: unknown value 'none'; allowed are \
          'sub-device', 'frame', 'both'",
        ),
        (
            "[link.seal]\nwake = \"0s\"",
            "c.toml, line 2, link.seal.wake: '0s' is out of range: from 1s to 30days",
        ),
        (
            "[console]\ntheme = \"../x\"",
            "c.toml, line 2, console.theme: '../x' is no name: letters, digits, - and _, \
          at most 40",
        ),
        ("[console]\nfps = 60", "c.toml, line 2, console.fps: 60 is out of range: from 1 to 10"),
    ];
    for (text, want) in rows {
        assert_eq!(refused(text), want);
    }
}

#[test]
fn each_bad_device_gets_one_sentence() {
    let rows = [
        ("id = \"1\"", "device '1' needs its maker: write jointech/ID or bofan/ID"),
        ("id = \"acme/1\"", "'acme/1' is not a device: write jointech/ID or bofan/ID"),
        ("id = \"bofan/1\"\nmaker = \"jointech\"", "device bofan/1 names two makers: leave maker out"),
        (
            "id = \"bofan/1\"\nasset = \" x\"",
            "' x' cannot name an asset or plate: 1 to 64 visible characters, no \
          space around them",
        ),
        ("id = \"bofan/1\"\nkind = \"seal\"\nbind_to = \"2\"", "a seal reports by itself: leave bind_to out"),
        ("id = \"bofan/1\"\nbind_to = \"1\"", "device bofan/1 cannot be bound to itself"),
        ("id = \"bofan/1\"\n[[device]]\nid = \"bofan/1\"", "device bofan/1 is listed twice"),
        (
            "id = \"bofan/1\"\ncolour = 1",
            "unknown setting 'colour'; allowed are 'id', 'maker', 'kind', 'asset', \
          'plate', 'bind_to'",
        ),
    ];
    for (text, want) in rows {
        let error = refused(&format!("[[device]]\n{text}"));
        assert!(error.starts_with("c.toml, line ") && error.ends_with(want), "{error}");
    }
}

#[test]
fn what_is_no_toml_is_told_by_line_without_steering_the_terminal() {
    let error = refused("zone = \"UTC\"\nlisten = \u{1b}[2J");
    assert!(
        error.starts_with("c.toml, line 2") && !error.contains('\u{1b}') && !error.contains('\n'),
        "{error}"
    );
}

#[test]
fn flags_win_over_the_environment_which_wins_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    fs::write(&path, "data = \"/file\"\nzone = \"Asia/Beirut\"\nlisten = [\":1\"]\n[limits]\nidle = \"1h\"")
        .unwrap();
    let variable = |name: &str| match name {
        "LOCKYARD_DATA" => Some("/environment".into()),
        "LOCKYARD_LISTEN" => Some("2, 127.0.0.1:3".into()),
        "LOCKYARD_AUTO_ENROL" => Some("true".into()),
        "LOCKYARD_ZONE" => Some(OsString::new()),
        _ => None,
    };
    let flags = Flags { config: Some(path.clone()), data: Some("/flag".into()), ..Flags::default() };
    let loaded = load(&flags, variable).unwrap();
    assert_eq!(loaded.file.as_deref(), Some(&*path));
    let line = |key: &str| {
        let line = loaded.explain().into_iter().find(|line| line.key == key).unwrap();
        (line.value, line.origin.to_string())
    };
    let of = |value: &str, origin: &str| (value.to_owned(), origin.to_owned());
    let file = path.display().to_string();
    assert_eq!(line("data"), of("\"/flag\"", "--data"));
    assert_eq!(line("listen"), of("[\":2\", \"127.0.0.1:3\"]", "LOCKYARD_LISTEN"));
    assert_eq!(line("auto_enrol"), of("true", "LOCKYARD_AUTO_ENROL"));
    assert_eq!(line("zone"), of("\"Asia/Beirut\"", &file));
    assert_eq!(line("limits.idle"), of("\"1h\"", &file));
    assert_eq!(line("limits.connections"), of("10000", "default"));
    let flags = Flags { listen: vec![":0".parse().unwrap()], auto_enrol: true, ..flags };
    let loaded = load(&flags, variable).unwrap();
    assert_eq!(loaded.config.listen, [Listen { ip: None, port: 0 }]);
    assert!(
        loaded.explain().iter().any(|l| l.key == "auto_enrol" && l.origin == Origin::Flag("--auto-enrol"))
    );
}

#[test]
fn a_bad_variable_is_named() {
    let with = |name: &'static str, value: &'static str| {
        let variable = move |asked: &str| match asked {
            "LOCKYARD_CONFIG" => Some("/dev/null".into()),
            asked => (asked == name).then(|| value.into()),
        };
        load(&Flags::default(), variable).unwrap_err().to_string()
    };
    assert_eq!(
        with("LOCKYARD_LISTEN", "8888,x"),
        "environment variable LOCKYARD_LISTEN: 'x' is no address to listen on: write 8888, 0.0.0.0:8888 or [::]:8888"
    );
    assert_eq!(
        with("LOCKYARD_AUTO_ENROL", "yes"),
        "environment variable LOCKYARD_AUTO_ENROL: write true or false"
    );
    assert_eq!(
        with("LOCKYARD_ZONE", "Mars"),
        "environment variable LOCKYARD_ZONE: 'Mars' is no time zone: write a name such as UTC or Europe/Berlin"
    );
}

#[test]
fn a_named_file_must_be_there_and_a_found_one_must_be_readable() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("absent.toml");
    let flags = Flags { config: Some(path.clone()), ..Flags::default() };
    let error = load(&flags, nothing).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot read the configuration {}: No such file", path.display())),
        "{error}"
    );
    let (own, system) = (dir.path().join("own.toml"), dir.path().join("system.toml"));
    let places = [own.clone(), system.clone()];
    assert_eq!(found(&places).unwrap(), None);
    fs::write(&system, "").unwrap();
    assert_eq!(found(&places).unwrap(), Some(system));
    fs::create_dir(&own).unwrap();
    assert_eq!(found(&places).unwrap(), Some(own.clone()));
    assert!(matches!(read(&own), Err(ConfigError::Unreadable { .. })), "not passed over");
}
