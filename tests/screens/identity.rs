//! Two sources for one ID on the screen: who they are, what is blocked, and the line that decides.

use super::fixture::{Console, ago, asset, device, empty, node};
use lockyard::console::model::Modal;
use lockyard::domain::identity::{ConflictKind, Source};
use lockyard::domain::journal::Transport;
use lockyard::domain::*;
use lockyard::fleet::snapshot::*;
use lockyard::ipc::wire::*;

const LOCK: &str = "8000620011";

fn in_conflict() -> Console {
    let source = |peer: &str| Source { transport: Transport::Tcp, peer: peer.parse().unwrap() };
    let name = "Tanker 7";
    let conflict = ConflictRow {
        kind: ConflictKind::TwoSources,
        first: source("10.0.0.1:40001"),
        second: source("10.9.9.9:40002"),
        since: ago(3600),
        last: ago(30),
        count: 12,
        ignored: 0,
        decided: None,
    };
    let lock = device(LOCK, DeviceKind::MasterLock, name, 5);
    let devices = vec![DeviceRow { conflict: Some(conflict), ..lock }];
    let row = asset(1, name, "TRK-0007", SealState::Conflict, 7, &[LOCK]);
    Console::with(Snapshot { assets: vec![row], devices, node: node(), ..empty() }, (120, 40))
}

/// The screen's words in one line, however they were wrapped.
fn words(console: &mut Console) -> String {
    console.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn both_sources_are_shown_on_the_asset_and_on_the_device() {
    let mut console = in_conflict();
    console.press("2");
    let fleet = words(&mut console);
    assert!(fleet.contains("CONFLICT"), "{fleet}");
    assert!(fleet.contains("8000620011: tcp 10.0.0.1:40001 and tcp 10.9.9.9:40002"), "{fleet}");
    console.press("<Enter>j");
    let device = words(&mut console);
    for part in
        ["tcp 10.0.0.1:40001 and then tcp 10.9.9.9:40002", "commands are blocked", "newest|older|same"]
    {
        assert!(device.contains(part), "{part}: {device}");
    }
}

#[test]
fn the_command_line_decides_and_wants_a_note() {
    let mut console = in_conflict();
    console.press(":ident<Tab><Tab>");
    for (keys, wanted) in
        [(" maybe<Enter>", "newest, older, or same"), ("<Esc>:identity 8000620011 older<Enter>", "note")]
    {
        assert!(console.press(keys).is_empty());
        let Some(Modal::CommandLine { message: Some(message), .. }) = &console.model.modal else { panic!() };
        assert!(message.contains(wanted), "{message}");
    }
    let request = console.asked("<Esc>:identity 8000620011 older called the driver<Enter>");
    let device = DeviceKey::jointech(LOCK);
    let (decision, note) = (IdentityDecision::Older, "called the driver".to_owned());
    assert_eq!(request.ask, Ask::Identity { device, decision, note });
}
