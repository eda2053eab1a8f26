//! The demo, sat in front of.

use super::pty::{CTRL_C, ENTER, Lab, TAB, Terminal, line_with, passwords};

/// A demo whose fleet has told itself.
fn started(lab: &Lab, size: (u16, u16)) -> Terminal {
    let terminal = lab.terminal(&["demo"], size);
    terminal.until("DEMO");
    terminal.until("8 of 8");
    terminal.line(&["Tanker 01", "SEALED"]);
    terminal
}

fn me() -> String {
    nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name
}

/// What follows a label in the details.
fn value(screen: &str, label: &str) -> Option<String> {
    let line = screen.lines().find(|line| line.contains(&format!(" {label} ")))?;
    Some(line.split(&format!(" {label} ")).nth(1)?.trim().to_owned())
}

#[test]
fn a_day_at_eighty_columns() {
    let lab = Lab::new();
    let mut terminal = started(&lab, (80, 24));
    moves(&mut terminal);
    unlock(&mut terminal, "", "8051000001", "master lock");
    filter_and_help(&mut terminal);
    quarantine_tail_and_enrol(&mut terminal);
    acknowledge(&mut terminal, &lab);
    // A container was opened where it is loaded, and closed again with the rope beside it.
    terminal.press("2", "FLEET");
    terminal.line(&["Container 12", "◧ NOT SEALED"]);
    terminal.until("▲ TAMPERED");
    let secrets = passwords(&lab.data());
    assert_eq!(secrets.len(), 6);
    let raw = terminal.raw();
    assert!(secrets.iter().all(|password| !raw.contains(password.as_str())));
    terminal.keys(CTRL_C);
    assert!(terminal.ended().success());
    terminal.is_given_back();
}

#[test]
fn a_day_at_two_hundred_columns() {
    let lab = Lab::new();
    let mut terminal = started(&lab, (200, 60));
    for word in ["TK-1001", "VN-1022", "no lock", "SEALED"] {
        terminal.until(word);
    }
    moves(&mut terminal);
    unlock(&mut terminal, "j", "E0FA010001", "valve lock");
    acknowledge(&mut terminal, &lab);
    terminal.press(":quit", ":quit");
    terminal.keys(ENTER);
    assert!(terminal.ended().success());
    terminal.is_given_back();
}

/// A vehicle that drives has another place after a while, and an age beside it.
fn moves(terminal: &mut Terminal) {
    terminal.press("2/tk-1002", "1 of 8");
    terminal.press(ENTER, "filter /tk-1002");
    let place = terminal.wait("a place", |screen| value(screen, "position"));
    assert!(place.contains("old"), "{place}");
    terminal.wait("another place", |screen| {
        let now = value(screen, "position")?;
        (now.split(" km/h").next() != place.split(" km/h").next()).then_some(())
    });
    terminal.escape("filter /");
}

/// From the dialog to `OPENED`, by the lock's own report.
fn unlock(terminal: &mut Terminal, moves: &str, lock: &str, kind: &str) {
    terminal.press("/tk-1001", "1 of 8");
    terminal.press(ENTER, "filter /tk-1001");
    terminal.press("U", "which lock?");
    terminal.press(moves, &format!("▶ {lock}"));
    terminal.press(ENTER, &format!("UNLOCK jointech/{lock} {kind}"));
    terminal.until("void in");
    // All facts and the whole form stand on one screen.
    for label in [
        "asset ",
        "lock ",
        "position ",
        "sending ",
        "interlocks",
        "reason ",
        "note ",
        "confirm ",
        "[ Cancel ]",
    ] {
        terminal.until(label);
    }
    let screen = terminal.text();
    assert!(screen.contains("■ LOCKED as of") && screen.contains("0 km/h"), "{screen}");
    assert!(screen.contains("standing still") && !screen.contains("FAILS"), "{screen}");
    let code = screen.split("last four characters of ").nth(1).unwrap();
    let code = code.split(',').next().unwrap();
    let last_four = code[code.len() - 4..].to_owned();
    // A reason, no note, a wrong code, Enter alone, the right code.
    terminal.keys("1");
    terminal.keys(TAB);
    terminal.press(&format!("zzzz{ENTER}"), "nothing was sent");
    terminal.press(ENTER, "type the last four characters");
    terminal.press(&last_four, &format!("confirm    {last_four}"));
    terminal.keys(ENTER);
    terminal.until("COMMANDS");
    // What was exchanged and what was seen to move are told apart.
    terminal.wait("an answer and a movement", |screen| {
        let exchange = value(screen, "exchange")?;
        let movement = value(screen, "movement")?;
        (exchange.contains("sent") && movement.contains("OPENED")).then_some(())
    });
    let screen = terminal.text();
    assert!(screen.contains("the lock itself reports that it opened"), "{screen}");
    assert!(screen.contains(&me()) && screen.contains("delivery"), "{screen}");
    terminal.press("2", "FLEET");
    terminal.line(&["Tanker 01", "OPEN"]);
    terminal.escape("filter /");
}

fn filter_and_help(terminal: &mut Terminal) {
    terminal.press("2/van", "2 of 8");
    terminal.press(" zzz", "0 of 8");
    terminal.escape(" zzz");
    terminal.until("8 of 8");
    terminal.press("?", "keys in the fleet view");
    terminal.press("clipboard", "OSC 52");
    terminal.until_gone("all assets");
    terminal.escape("keys in the");
    terminal.press(&format!(":log{ENTER}"), "the log begins here");
    terminal.escape("the log begins here");
}

fn quarantine_tail_and_enrol(terminal: &mut Terminal) {
    terminal.press("7", "QUARANTINE");
    terminal.line(&["bofan/86899999999999", "tracker"]);
    terminal.until("not enrolled");
    terminal.press("x", "LIVE FRAMES bofan/86899999999999");
    // Frames as they come, decoded, and what became of them.
    terminal.line(&["position", "quarantined"]);
    terminal.press("\x1b[C", "decoded");
    terminal.until("kind: position");
    terminal.escape("LIVE FRAMES");
    terminal.press("N", "On which asset");
    terminal.press("Stray 9", "Stray 9");
    terminal.press(ENTER, "What is it?");
    terminal.keys(ENTER);
    terminal.press("2", "9 of 9");
    terminal.line(&["Stray 9", "no lock", "online"]);
    terminal.press("7", "QUARANTINE");
    terminal.until_gone("bofan/86899999999999");
}

/// Acknowledges the worst alarm with a code: on the screen and in the record it bears a name.
fn acknowledge(terminal: &mut Terminal, lab: &Lab) {
    terminal.wait("an alarm", |screen| {
        let header = screen.lines().next()?;
        (header.contains("unack ") && !header.contains("unack 0")).then_some(())
    });
    terminal.press("u", "ALARMS");
    let before = terminal.line(&["▶", "!"]);
    terminal.press("a", "What is being done?");
    terminal.press("2", "= calling driver");
    terminal.keys(ENTER);
    terminal.until_gone("What is being done?");
    // It leaves the list if its cause was over; else it stays, calmed, with the name.
    terminal.wait("the acknowledgement", |screen| {
        let by = value(screen, "ack").is_some_and(|ack| ack.contains(&format!("by {}", me())));
        let gone = before.contains("~!") && line_with(screen, &["no row selected"]).is_some();
        (by || gone).then_some(())
    });
    let data = lab.data();
    let listed = lab.run(&["list", "alarms", "--all", "--json", "--data", data.to_str().unwrap()]);
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&listed.stdout).unwrap();
    let acked = rows.iter().find(|row| row["ack"]["by"] == me().as_str()).unwrap();
    assert_eq!(acked["ack"]["note"], "calling driver", "{acked}");
}
