//! Unlock passwords appear in `secrets.toml` and in the bytes for a lock, and nowhere else.

use super::lab::{Console, Lab, Report, runtime, wait_for};
use lockyard::domain::DeviceKey;
use lockyard::domain::command::UnlockReason;
use lockyard::ipc::wire::{Answer, Ask};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

const LOCK: &str = "8000620801";
const STATIC: &str = "Kx7Qm2Zp";
const DYNAMIC: &str = "264197";
const ELOCK: &str = "530864";
const IN_REPORT: &str = "917350";
const ALL: [&str; 4] = [STATIC, DYNAMIC, ELOCK, IN_REPORT];

/// A seal's report with a password in its lock event.
fn seal_report(kind: u8) -> Vec<u8> {
    let body = "000000000004000201819568036ef38c005c00120000251118112611";
    let item = format!("0b08{kind:02x}{}07", hex::encode(IN_REPORT));
    let plain = hex::decode(format!("020000260007943080100001{body}{item}")).unwrap();
    let sum = plain.iter().fold(0, |sum, b| sum ^ b);
    hex::decode(format!("7e{}{sum:02x}7e", hex::encode(plain))).unwrap()
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    let hex = hex::encode(secret);
    let all = [secret.to_owned(), hex.to_uppercase(), hex];
    all.iter().any(|form| bytes.windows(form.len()).any(|window| window == form.as_bytes()))
}

fn assert_clean(what: &str, bytes: impl AsRef<[u8]>) {
    for secret in ALL {
        assert!(!holds(bytes.as_ref(), secret), "{secret} stands in {what}");
    }
}

fn assert_directory_clean(dir: &Path) -> usize {
    let mut looked_at = 0;
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            looked_at += assert_directory_clean(&entry.path());
        } else if kind.is_file() && entry.file_name() != "secrets.toml" {
            assert_clean(&entry.path().display().to_string(), std::fs::read(entry.path()).unwrap());
            looked_at += 1;
        }
    }
    looked_at
}

#[test]
fn the_search_itself_finds_what_it_looks_for() {
    assert!(holds(b"xx264197xx", DYNAMIC) && holds(hex::encode("264197").as_bytes(), DYNAMIC));
    assert!(!holds(b"26419", DYNAMIC));
    assert!(holds(&seal_report(1), IN_REPORT));
}

#[test]
fn passwords_are_written_shown_and_logged_nowhere() {
    let lab = Lab::new();
    lab.secrets(&format!("[device.\"{LOCK}\"]\npassword = \"{STATIC}\"\n"));
    let mut command = lab.command(&["serve", "--listen", "127.0.0.1:0", "--auto-enrol"]);
    command.env("LOCKYARD_LOG", "trace");
    let node = super::lab::Node::start(command);

    let mut device = node.connect();
    device.ask(Report::new(LOCK).bytes(), "(P69,0,1)");
    unlock_by(&lab, LOCK);
    device.expect(&format!("(P43,{STATIC})"));
    device.send(format!("({LOCK},P43,1,0)"));
    // Its echo, a query's answer, and torn frames of both.
    device.send(format!("({LOCK},P43,{STATIC})({LOCK},P44,{STATIC})({LOCK},P44,{DYNAMIC})"));
    device.ask(format!("({LOCK},P52,2,{DYNAMIC})"), &format!("(P52,2,{DYNAMIC})"));
    device.send(format!("({LOCK},P52,0,000000,{DYNAMIC})"));
    device.send(format!("(P52,2,{DYNAMIC})xx,P52,2,{DYNAMIC})"));
    device.send(format!("({LOCK},P52,2,{DYNAMIC}"));
    drop(device.finish());
    let mut seal = node.connect();
    seal.send(format!("(740190311185,1,001,ELOCK,3,{ELOCK})"));
    drop(seal.finish());
    let mut reports = node.connect();
    for kind in [1, 2, 3, 5, 6, 7, 8, 16, 17, 24, 25, 30, 31, 32, 40, 41, 99] {
        reports.send(seal_report(kind));
        let mut torn = seal_report(kind);
        let last = torn.len() - 2;
        torn[last] ^= 1;
        reports.send(torn);
    }
    drop(reports.finish());
    for frame in [seal_report(2), format!("({LOCK},P52,2,{DYNAMIC})").into_bytes()] {
        node.datagrams().send(&frame).unwrap();
    }
    // A stranger's connection that tells them before anything is known of it.
    let mut stranger = node.connect();
    stranger.send(format!("P52,2,{DYNAMIC})(x,P52,2,{DYNAMIC})$(P43,{STATIC}"));
    drop(stranger.finish());
    node.connect().ask(Report::new(LOCK).number(9).bytes(), "(P69,0,9)");

    for what in ["devices", "assets", "alarms", "commands"] {
        assert_clean(what, lab.ok(&["list", what, "--all", "--json"]));
        assert_clean(what, lab.ok(&["list", what, "--all"]));
    }
    for args in [["status", "--json"], ["check", "--listen=127.0.0.1:0"]] {
        assert_clean(args[0], lab.run(&args).stdout);
    }
    tail_is_clean(&lab);
    assert!(assert_directory_clean(&lab.data()) >= 3);
    assert_clean("the log", node.stop());
    assert!(assert_directory_clean(&lab.data()) >= 2);
    assert_clean("decode", decoded(&lab, &[seal_report(1), format!("({LOCK},P44,{STATIC})").into_bytes()]));
}

fn unlock_by(lab: &Lab, id: &str) {
    lab.until_locked(id);
    runtime().block_on(async {
        let mut console = Console::attach(&lab.socket()).await;
        let proposal = console.propose(id).await;
        let code = &proposal.asset_code;
        let typed = code[code.len() - 4..].to_owned();
        let (token, note) = (proposal.token.clone(), String::new());
        let ask = Ask::Confirm { token, typed, reason: UnlockReason::Test, note };
        let answer = console.ask(ask).await;
        assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
    });
    wait_for("the command", || lab.list(&["commands"]).pop());
}

/// What consoles are told: the snapshot, and the live tail of each ID.
fn tail_is_clean(lab: &Lab) {
    let devices =
        [DeviceKey::jointech(LOCK), DeviceKey::jointech("794308010"), DeviceKey::jointech("740190311185")];
    runtime().block_on(async {
        let mut console = Console::attach(&lab.socket()).await;
        console.ask(Ask::Subscribe).await;
        for device in devices {
            let answer = console.ask(Ask::Tail { device: device.clone() }).await;
            assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
            let mut seen = false;
            while !seen {
                let message = console.message().await;
                seen = matches!(&message, lockyard::ipc::wire::FromNode::Tail { device: of, .. } if *of == device);
                assert_clean("what a console is told", serde_json::to_vec(&message).unwrap());
            }
        }
    });
}

fn decoded(lab: &Lab, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut command = lab.command(&["decode"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for frame in frames {
        writeln!(input, "{}", hex::encode(frame)).unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(!output.stdout.is_empty());
    output.stdout
}

/// What is asked and answered by orders: passwords that stand in the answer to a reading, and those an operator gives
/// where none may be given.
#[test]
fn orders_and_their_answers_show_no_password() {
    let lab = Lab::new();
    let mut command = lab.command(&["serve", "--listen", "127.0.0.1:0", "--auto-enrol"]);
    command.env("LOCKYARD_LOG", "trace");
    let node = super::lab::Node::start(command);
    let mut device = node.connect();
    device.ask(Report::new(LOCK).bytes(), "(P69,0,1)");
    lab.until_locked(LOCK);
    for args in [
        ["change_password", &format!("new={STATIC}"), &format!("old={DYNAMIC}")],
        ["server", "host=example.org", &format!("password={STATIC}")],
        ["firmware", &format!("password={STATIC}"), &format!("x={DYNAMIC}")],
        ["wake_interval", "seconds=60", &format!("password={DYNAMIC}")],
    ] {
        let output = lab.run(&["send", LOCK, args[0], args[1], args[2]]);
        assert!(!output.status.success(), "{args:?}");
        assert_clean(args[0], [output.stdout, output.stderr].concat());
    }
    let mut tells = |order: &str, asked: &str, answers: &[String]| {
        let mut child = lab
            .command(&["send", LOCK, order])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        device.expect(asked);
        for answer in answers {
            device.send(answer);
        }
        let _ = child.wait().unwrap();
        assert_clean(order, child.wait_with_output().unwrap().stdout);
    };
    tells("read_server", "(P06,0)", &[format!("({LOCK},P06,0,example.org,8888,net,me,{STATIC},0)")]);
    tells("read_second_server", "(P06,2)", &[format!("({LOCK},P06,2,example.org,8888,{DYNAMIC})")]);
    tells("read_dynamic_password", "(P52,0)", &[format!("({LOCK},P52,0,000000,{DYNAMIC})")]);
    tells(
        "firmware",
        "(P01)",
        &[format!("({LOCK},P77,{DYNAMIC})"), format!("({LOCK},P43,{STATIC})"), format!("({LOCK},P01,V1)")],
    );
    device.send(format!("({LOCK},1,009,WLNET,9,{DYNAMIC})({LOCK},1,010,WLNET,7,{DYNAMIC})"));
    device.send(Report::new(LOCK).number(2).bytes());
    wait_for("the last report", || (lab.journal().last()?[0] == b'$').then_some(()));
    for what in ["devices", "alarms", "commands"] {
        assert_clean(what, lab.ok(&["list", what, "--all", "--json"]));
    }
    assert!(assert_directory_clean(&lab.data()) >= 3);
    assert_clean("the log", node.stop());
}
