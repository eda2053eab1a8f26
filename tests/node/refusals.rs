//! What cannot be done is said in one sentence with a code of its own, and nothing is made in its place.

use super::lab::{Lab, Report};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Every file below `dir` with its contents.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return all };
    for entry in entries.map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let is_file = entry.file_type().unwrap().is_file();
        let contents = if is_file { std::fs::read(entry.path()).unwrap() } else { Vec::new() };
        all.insert(name, contents);
    }
    all
}

const SERVE: [&str; 4] = ["serve", "--listen", "127.0.0.1:0", "--auto-enrol"];

#[test]
fn a_second_node_is_refused_and_told_of_the_first() {
    let lab = Lab::new();
    let mut node = lab.serve();
    let said = lab.fails(1, &SERVE);
    assert!(said.contains(&format!("process {}", node.pid())), "{said}");
    node.connect().ask(Report::new("8000620501").bytes(), "(P69,0,1)");
    assert!(node.is_running());
    lab.ok(&["status"]);
    node.kill();
    // A dead one does not stand in the way.
    lab.serve().stop();
}

#[test]
fn a_taken_port_leaves_nothing_behind() {
    let lab = Lab::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = lab.fails(1, &["serve", "--listen", &address]);
    assert!(said.contains(&address) && said.contains("taken"), "{said}");
    assert!(!lab.data().exists());
    // The same number may happen to be some connection's TCP port at this moment; then another is tried.
    let udp_named = (0..20).any(|_| {
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let said = lab.fails(1, &["serve", "--listen", &address]);
        assert!(said.contains(&format!("{address} is taken")), "{said}");
        assert!(!lab.data().exists());
        said.contains(&format!("udp {address}"))
    });
    assert!(udp_named, "a taken UDP port was never named");
}

#[test]
fn a_damaged_or_foreign_database_is_left_as_it_is() {
    let lab = Lab::new();
    std::fs::create_dir(lab.data()).unwrap();
    std::fs::write(lab.data().join("lockyard.db"), "these are no pages of a database".repeat(300)).unwrap();
    let before = files(&lab.data());
    for args in [&SERVE[..], &["list", "devices"], &["enrol", "8000620502"]] {
        let said = lab.fails(1, args);
        assert!(said.contains("lockyard.db"), "{said}");
        assert_eq!(files(&lab.data()), before, "{args:?}");
    }
    std::fs::remove_file(lab.data().join("lockyard.db")).unwrap();
    std::fs::write(lab.data().join("thesis.txt"), "mine").unwrap();
    let said = lab.fails(1, &SERVE);
    assert!(said.contains("thesis.txt"), "{said}");
    assert_eq!(files(&lab.data()).keys().collect::<Vec<_>>(), ["thesis.txt"]);
}

#[test]
fn a_database_cut_short_is_refused() {
    let lab = Lab::new();
    let node = lab.serve();
    for n in 1..=200 {
        node.connect().ask(Report::new("8000620503").number(n).bytes(), &format!("(P69,0,{})", n & 0xFF));
    }
    node.stop();
    let path = lab.data().join("lockyard.db");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2 / 4096 * 4096]).unwrap();
    let before = std::fs::read(&path).unwrap();
    let said = lab.fails(1, &SERVE);
    assert!(said.contains("lockyard.db"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn bad_settings_are_named() {
    let lab = Lab::new();
    for (text, named) in [
        ("listen = [\"nowhere\"]", "nowhere"),
        ("zone = \"Mars/Olympus\"", "Mars/Olympus"),
        ("[limits]\nconnections = 0", "connections"),
        ("[commands]\nvalidity = \"1s\"", "validity"),
        ("colour = \"red\"", "colour"),
        ("[store", "config.toml"),
    ] {
        let config = lab.file("config.toml", text);
        let config = config.to_str().unwrap();
        let said = lab.fails(3, &["serve", "--listen", "127.0.0.1:0", "--config", config]);
        assert!(said.contains(named), "{text}: {said}");
        assert!(!lab.data().exists(), "{text}");
    }
    let said = lab.fails(3, &["serve", "--config", "/nonexistent/lockyard.toml"]);
    assert!(said.contains("/nonexistent/lockyard.toml"), "{said}");
    let said = lab.fails(3, &["serve", "--listen", "127.0.0.1:70000"]);
    assert!(said.contains("70000"), "{said}");
    assert!(!lab.data().exists());
}

#[test]
fn secrets_that_are_not_ours_alone_are_refused() {
    let lab = Lab::new();
    let text = "[device.\"8000620504\"]\npassword = \"Kx7Qm2Zp\"\n";
    let path = lab.secrets(text);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = |named: &str| {
        let said = lab.fails(3, &SERVE);
        assert!(said.contains("secrets.toml") && said.contains(named), "{said}");
        assert!(!said.contains("Kx7Qm2Zp"), "{said}");
        assert_eq!(files(&lab.data()).keys().collect::<Vec<_>>(), ["secrets.toml"]);
    };
    refused("0644");
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(lab.file("real.toml", text), &path).unwrap();
    refused("link");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    refused("not a plain file");
    std::fs::remove_dir(&path).unwrap();
    lab.secrets("[device.\"8000620504\"]\npassword = Kx7Qm2Zp\n");
    refused("line 2");
}

#[test]
fn verbs_that_need_a_node_or_a_database_say_so() {
    let lab = Lab::new();
    for what in ["devices", "assets", "alarms", "commands"] {
        let said = lab.fails(1, &["list", what, "--json"]);
        assert!(said.contains("no database"), "{said}");
    }
    assert!(lab.fails(4, &["status"]).contains("no node runs"));
    assert!(lab.fails(4, &["attach"]).contains("no node runs"));
    assert!(!lab.data().exists(), "nothing is made by looking");
    for args in [&["serve", "--nonsense"][..], &["list", "weather"], &["fly"], &["enrol"]] {
        let output = lab.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
    let output = lab.run(&["decode", "/nonexistent.hex"]);
    assert_eq!(output.status.code(), Some(1));
    // Something else lies where the operator socket belongs.
    std::fs::create_dir(lab.data()).unwrap();
    std::fs::write(lab.data().join("lockyard.sock"), "precious").unwrap();
    let said = lab.fails(1, &SERVE);
    assert!(said.contains("lockyard.sock"), "{said}");
    let left: Vec<String> = files(&lab.data()).into_keys().collect();
    assert_eq!(left, ["lockyard.sock"], "nothing is created");
}
