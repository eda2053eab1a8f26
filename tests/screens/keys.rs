//! Key scripts: strings of keys in, requests and screens out.

use super::fixture::{Console, ago, alarm, asset, device, heavy, normal};
use lockyard::console::effect::Effect;
use lockyard::console::message::Msg;
use lockyard::console::model::{Modal, View};
use lockyard::console::rows::RowId;
use lockyard::console::{Options, list};
use lockyard::domain::alarm::AlarmKind;
use lockyard::domain::explain::{Certainty, Explanation, Field};
use lockyard::domain::*;
use lockyard::fleet::snapshot::*;
use lockyard::ipc::wire::*;

const SIZE: (u16, u16) = (80, 24);

fn selected_alarm(console: &Console) -> i64 {
    match console.model.selected() {
        Some(RowId::Alarm(id)) => id.0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_page_at_night_is_acknowledged_in_three_keys() {
    let mut console = Console::with(normal(), SIZE);
    assert_eq!(console.model.view(), View::Alarms);
    let request = console.asked("a2<Enter>");
    assert_eq!(request.ask, Ask::Ack { alarm: AlarmId(31), note: "calling driver".into() });
    console.answer(request.id, Answer::Done { text: "acknowledged rope cut on Tanker 2041".into() });
    assert!(console.text().contains("acknowledged rope cut on Tanker 2041"));
}

#[test]
fn a_note_is_needed_and_text_is_text() {
    let mut console = Console::with(normal(), SIZE);
    assert!(console.press("a<Enter>").is_empty());
    assert!(console.text().contains("write a note, or one of the codes"));
    let request = console.asked("guard sent to gate 4<Enter>");
    assert_eq!(request.ask, Ask::Ack { alarm: AlarmId(31), note: "guard sent to gate 4".into() });
    // Pasted text is a note, never keys.
    console.press("a");
    assert!(console.send(Msg::Paste("line one\nU\u{1b}[2J".into())).is_empty());
    let request = console.asked("<Enter>");
    assert_eq!(request.ask, Ask::Ack { alarm: AlarmId(31), note: "line one U·[2J".into() });
}

#[test]
fn paste_without_a_field_does_nothing() {
    let mut console = Console::with(normal(), SIZE);
    let before = console.model.view();
    assert!(console.send(Msg::Paste(":quit\n5U".into())).is_empty());
    assert_eq!((console.model.view(), console.model.modal.is_some()), (before, false));
}

#[test]
fn acknowledging_what_is_acknowledged_says_who_did_it() {
    let mut console = Console::with(normal(), SIZE);
    console.press("G");
    assert_eq!(selected_alarm(&console), 28);
    assert!(console.press("a").is_empty());
    assert!(console.text().contains("ack: acknowledged by n.haddad at 11:25:24"), "{}", console.text());
}

#[test]
fn a_latched_alarm_is_reset_with_a_note() {
    let mut console = Console::with(normal(), SIZE);
    assert!(console.press("r").is_empty());
    assert!(console.text().contains("acknowledge it first"));
    console.press("jj");
    assert_eq!(selected_alarm(&console), 25);
    assert!(console.press("r<Enter>").is_empty());
    let request = console.asked("cover bolted, seal 8812 fitted<Enter>");
    let note = "cover bolted, seal 8812 fitted".into();
    assert_eq!(request.ask, Ask::Reset { alarm: AlarmId(25), note });
}

#[test]
fn u_walks_the_unacknowledged_worst_first_from_any_view() {
    let mut console = Console::with(heavy(), SIZE);
    console.press("2u");
    assert_eq!(console.model.view(), View::Alarms);
    let worst = console.model.rows.unacknowledged();
    assert_eq!(selected_alarm(&console), worst[0].0);
    console.press("uu");
    assert_eq!(selected_alarm(&console), worst[2].0);
    console.press("[");
    assert_eq!(selected_alarm(&console), worst[1].0);
    // A filter that hides the next one gives way.
    console.press("/late<Enter>u");
    let shown = console.text();
    assert!(console.model.selected().is_some(), "{shown}");
}

#[test]
fn a_new_alarm_rings_once_and_moves_nothing() {
    let mut console = Console::with(normal(), SIZE);
    console.press("2jj");
    let before = console.model.selected().cloned();
    let new = alarm(90, AlarmKind::Sos, Priority::P1, AlarmState::UnackActive, "Tanker 0310", 1);
    let effects = console.delta(Delta { alarms: vec![new.clone()], ..Delta::default() });
    assert_eq!(effects, vec![Effect::Bell]);
    let text = console.text();
    assert_eq!((console.model.view(), console.model.selected()), (View::Fleet, before.as_ref()));
    assert!(
        text.contains("▲P1 3") && text.contains("unack 3") && text.contains("new P1 Tanker 0310: sos"),
        "{text}"
    );
    assert!(console.delta(Delta { alarms: vec![new.clone()], ..Delta::default() }).is_empty());
    // Silenced for two minutes, but not for a new P1.
    console.press("m");
    let minor = alarm(91, AlarmKind::Vibration, Priority::P4, AlarmState::UnackActive, "Tanker 0310", 1);
    assert!(console.delta(Delta { alarms: vec![minor], ..Delta::default() }).is_empty());
    let mut again = new;
    again.count = 2;
    assert_eq!(console.delta(Delta { alarms: vec![again], ..Delta::default() }), vec![Effect::Bell]);
    console.after(121);
    let minor = alarm(92, AlarmKind::Vibration, Priority::P4, AlarmState::UnackActive, "Tanker 0310", 1);
    assert_eq!(console.delta(Delta { alarms: vec![minor], ..Delta::default() }), vec![Effect::Bell]);
}

#[test]
fn a_row_that_leaves_takes_the_selection_with_it() {
    let mut console = Console::with(normal(), SIZE);
    let mut gone = alarm(31, AlarmKind::RopeCut, Priority::P1, AlarmState::Normal, "Tanker 2041", 112);
    gone.state = AlarmState::Normal;
    console.delta(Delta { alarms: vec![gone], ..Delta::default() });
    // Typed before the next frame: the row is gone, its neighbour is not meant.
    assert!(console.press("a").is_empty());
    console.frame();
    assert_eq!(console.model.selected(), None);
    assert!(console.press("a").is_empty() && console.model.modal.is_none());
    assert!(console.text().contains("no row selected"));
    console.press("u");
    assert_eq!(selected_alarm(&console), 32);
}

#[test]
fn the_filter_narrows_while_typing_and_says_n_of_m() {
    let mut console = Console::with(normal(), SIZE);
    console.press("2/tanker");
    assert!(console.text().contains("3 of 6"));
    console.press(" open");
    assert!(console.text().contains("1 of 6"), "{}", console.text());
    console.press("<Enter>");
    assert_eq!(console.model.selected(), Some(&RowId::Asset(AssetId(1))));
    // One step: the filter goes before the view does.
    console.press("<Enter>");
    assert_eq!(console.model.view(), View::Asset);
    console.press("<Esc><Esc>");
    assert!(console.text().contains("6 of 6"));
    // Esc while typing undoes what was typed.
    console.press("/xyz<Esc>");
    assert!(console.text().contains("6 of 6"));
    console.press("/zzz<Enter>");
    assert!(console.text().contains("the filter hides all 6 assets"));
}

#[test]
fn sorting_keeps_the_selected_asset() {
    let mut console = Console::with(normal(), SIZE);
    console.press("2/1177<Enter><Esc>");
    assert_eq!(console.model.selected(), Some(&RowId::Asset(AssetId(2))));
    for keys in [">", ">", "I", "<lt>", ":sort seal<Enter>", ":sort bat<Enter>"] {
        console.press(keys);
        assert_eq!(console.model.selected(), Some(&RowId::Asset(AssetId(2))), "{keys}");
        let at = console.model.list().position().unwrap();
        assert_eq!(console.model.list().order[at], RowId::Asset(AssetId(2)), "{keys}");
    }
    console.press(":sort seal<Enter>I");
    let text = console.text();
    assert!(text.contains("by seal"), "{text}");
}

#[test]
fn a_frozen_list_stands_still_and_counts_while_the_header_lives() {
    let mut console = Console::with(normal(), SIZE);
    console.press("2z");
    let row = asset(7, "Aardvark 1", "AAR-0001", SealState::Sealed, 1, &[]);
    let new = alarm(90, AlarmKind::Sos, Priority::P1, AlarmState::UnackActive, "Tanker 0310", 1);
    console.delta(Delta { assets: vec![row], alarms: vec![new], ..Delta::default() });
    let text = console.text();
    assert!(
        text.contains("PAUSED 2 waiting") && !text.contains("Aardvark") && text.contains("▲P1 3"),
        "{text}"
    );
    console.press("z");
    assert!(console.text().contains("Aardvark 1"));
}

#[test]
fn back_never_leaves_the_console() {
    for keys in ["<Esc>", "q", "qqqqqqqq", "2<Enter><Enter>qqqq<Esc><Esc><Esc>"] {
        let mut console = Console::with(normal(), SIZE);
        assert!(console.press(keys).iter().all(|e| matches!(e, Effect::Send(_))), "{keys}");
    }
    let mut console = Console::with(normal(), SIZE);
    console.press("q");
    assert!(console.text().contains(":quit"));
    assert_eq!(console.press(":quit<Enter>"), vec![Effect::Quit]);
    assert_eq!(console.press(":q<Enter>"), vec![Effect::Quit]);
    assert_eq!(console.press("<C-c>"), vec![Effect::Quit]);
}

#[test]
fn leaving_a_node_in_this_process_asks_for_the_word() {
    let options = Options { one_process: true, ..Options::default() };
    let mut console = Console::with_options(options, normal(), SIZE);
    for keys in [":quit<Enter><Enter>", "<Enter>", "y<Enter>", "<C-c><C-c><Enter>", "quit<Enter>"] {
        assert!(console.press(keys).is_empty(), "{keys}");
        assert!(matches!(console.model.modal, Some(Modal::Prompt { .. })));
    }
    console.press("<Esc>");
    assert_eq!(console.model.modal, None);
    assert_eq!(console.press("<C-c>stop<Enter>"), vec![Effect::StopNode]);
    // Stopping the process with Ctrl-Z would stop the node as well.
    assert!(console.press("<C-z>").is_empty());
    assert!(console.text().contains("would stop hearing devices"));
    // Also without the node's answer: one must be able to leave.
    console.down();
    assert_eq!(console.press(":q<Enter>stop<Enter>"), vec![Effect::StopNode]);
}

#[test]
fn without_the_node_acts_are_refused_with_the_reason() {
    let mut console = Console::with(normal(), SIZE);
    console.down();
    for keys in
        ["1a", "1jjr", "2U", "5K", "7N", "7x", ":enrol jointech/1<Enter>", "<Esc>:tail jointech/1<Enter>"]
    {
        console.press("<Esc>");
        let effects = console.press(keys);
        assert!(effects.is_empty(), "{keys}: {effects:?}");
        assert!(console.text().contains("node is not connected"), "{keys}\n{}", console.text());
    }
}

#[test]
fn a_note_typed_while_the_link_breaks_is_not_sent() {
    let mut console = Console::with(normal(), SIZE);
    console.press("a2");
    console.down();
    assert!(console.press("<Enter>").is_empty());
    assert!(console.text().contains("not sent: the node is not connected"));
}

#[test]
fn an_unanswered_act_is_said_to_be_unanswered() {
    let mut console = Console::with(normal(), SIZE);
    let request = console.asked("a2<Enter>");
    console.down();
    assert!(console.text().contains("no answer to: acknowledge"));
    console.attach(normal());
    console.answer(request.id, Answer::Done { text: "stale".into() });
    assert!(!console.text().contains("stale"));
    // A full link says so as well.
    let request = console.asked("a2<Enter>");
    console.send(Msg::NotSent(request.id));
    assert!(console.text().contains("not sent: the link"));
}

#[test]
fn a_reconnect_keeps_view_and_selection() {
    let mut console = Console::with(normal(), SIZE);
    console.press("2/1177<Enter><Esc>");
    console.down();
    console.attach(normal());
    assert_eq!(console.model.view(), View::Fleet);
    assert_eq!(console.model.selected(), Some(&RowId::Asset(AssetId(2))));
}

#[test]
fn a_snapshot_in_parts_is_swapped_in_at_its_end() {
    let mut console = Console::with(normal(), SIZE);
    console.down();
    let hello = Hello { lockyard: PROTOCOL, build: "t".into(), time: ago(0), operator: None };
    console.send(Msg::Link(lockyard::ipc::client::LinkEvent::Up(hello)));
    let part = |snapshot, last| FromNode::Snapshot { part: Box::new(snapshot), last };
    let first = Snapshot {
        assets: vec![asset(9, "New 9", "NEW-0009", SealState::Sealed, 1, &[])],
        ..Snapshot::default()
    };
    console.node(part(first, false));
    assert_eq!(console.model.rows.assets.len(), 6);
    assert!(console.text().contains("LOADING"));
    // A change between the parts is newer than the part that follows it.
    let over = alarm(31, AlarmKind::RopeCut, Priority::P1, AlarmState::Normal, "Tanker 2041", 1);
    console.delta(Delta { alarms: vec![over], ..Delta::default() });
    let second = Snapshot { node: normal().node, alarms: normal().alarms, ..Snapshot::default() };
    console.node(part(second, true));
    assert_eq!(console.model.rows.assets.len(), 1);
    assert!(!console.model.rows.alarms.contains_key(&AlarmId(31)) && console.model.rows.alarms.len() == 3);
    assert!(console.model.is_live());
}

#[test]
fn a_waiting_id_is_enrolled_with_the_guess_or_another_kind() {
    let mut console = Console::with(normal(), SIZE);
    let request = console.asked("7NTanker 3000<Enter><Enter>");
    assert_eq!(
        request.ask,
        Ask::Enrol {
            device: DeviceKey::jointech("8000629999"),
            asset: Some("Tanker 3000".into()),
            kind: Some(DeviceKind::MasterLock),
            bind_to: None,
        }
    );
    let request = console.asked("jN<Enter>door<Enter><C-u>3<Enter>");
    assert_eq!(
        request.ask,
        Ask::Enrol {
            device: DeviceKey::jointech("8000628888"),
            asset: None,
            kind: Some(DeviceKind::Seal),
            bind_to: None,
        }
    );
    let request = console.asked(":enrol 8000629999 Tanker 4<Enter>");
    assert!(matches!(request.ask, Ask::Enrol { asset: Some(name), kind: None, .. } if name == "Tanker 4"));
}

#[test]
fn a_new_child_is_enrolled_below_its_master() {
    let mut snapshot = normal();
    snapshot.devices[1].status = DeviceStatus::New;
    let mut console = Console::with(snapshot, SIZE);
    let request = console.asked("2/2041<Enter><Enter>jNTanker 2041<Enter><Enter>");
    assert_eq!(
        request.ask,
        Ask::Enrol {
            device: DeviceKey::jointech("E03B60000A"),
            asset: Some("Tanker 2041".into()),
            kind: Some(DeviceKind::SubLock),
            bind_to: Some(DeviceKey::jointech("8000620011")),
        }
    );
}

#[test]
fn live_frames_start_and_end_with_their_view() {
    let mut console = Console::with(normal(), SIZE);
    let request = console.asked("7x");
    assert_eq!(request.ask, Ask::Tail { device: DeviceKey::jointech("8000629999") });
    assert_eq!(console.model.view(), View::Tail);
    let request = console.asked("<Esc>");
    assert_eq!(request.ask, Ask::Untail);
    assert_eq!(console.model.view(), View::Quarantine);
    console.press("x");
    assert_eq!(console.asked("1").ask, Ask::Untail);
    // The tail survives a reconnect.
    console.press("7x");
    console.down();
    let hello = Hello { lockyard: PROTOCOL, build: "t".into(), time: ago(0), operator: None };
    let effects = console.send(Msg::Link(lockyard::ipc::client::LinkEvent::Up(hello)));
    assert!(effects.iter().any(|e| matches!(e, Effect::Send(Request { ask: Ask::Tail { .. }, .. }))));
}

#[test]
fn a_frame_is_explained_and_one_comes_back_to_where_one_was() {
    let mut console = Console::with(normal(), SIZE);
    console.press("7j");
    let waiting = console.model.selected().cloned();
    let device = DeviceKey::jointech("8000628888");
    assert_eq!(console.asked("<Enter>").ask, Ask::Tail { device: device.clone() });
    assert!(console.press("w").is_empty());
    assert!(console.text().contains("explain: no frame has come yet"), "{}", console.text());
    let line = |raw: &str| TailLine {
        at: ago(5),
        peer: "203.0.113.9:51022".into(),
        fate: "quarantined".into(),
        raw: raw.into(),
        decoded: vec![],
        reply: None,
    };
    console.node(FromNode::Tail { device: device.clone(), lines: vec![line("24"), line("28")] });
    let first = console.asked("k<Enter>");
    assert_eq!(first.ask, Ask::Explain { raw: "24".into() });
    // Left before the answer came, which is not wanted for the next one.
    console.press("<Esc>");
    let second = console.asked("jw");
    assert_eq!(second.ask, Ask::Explain { raw: "28".into() });
    let explained = |frame: &str| Answer::Explained {
        explanation: Box::new(Explanation { frame: frame.into(), ..Explanation::default() }),
    };
    console.answer(first.id, explained("stale frame"));
    assert!(console.text().contains("Asked the node"), "{}", console.text());
    console.answer(second.id, explained("master text"));
    let text = console.text();
    assert!(text.contains("master text, 1 byte\n") && text.contains("nothing is wrong with it"), "{text}");
    assert_eq!(console.press("y"), vec![Effect::Copy("28".into())]);
    console.press("<Tab>");
    assert!(console.text().contains("no field of it is WRONG or unknown"));
    console.press("<Esc>");
    assert_eq!(console.model.view(), View::Tail);
    assert_eq!(console.model.explained, None);
    assert_eq!(console.asked("<Esc>").ask, Ask::Untail);
    assert_eq!((console.model.view(), console.model.selected()), (View::Quarantine, waiting.as_ref()));
    // The sample of a refusal, and no frame of an ID without choosing one.
    assert!(console.press("w").is_empty());
    assert!(console.text().contains("choose one of its frames first, x shows them"), "{}", console.text());
    let sample = normal().refused[0].sample.clone();
    assert_eq!(console.asked("<End>w").ask, Ask::Explain { raw: sample });
    console.press("1");
    assert_eq!((console.model.explained.as_ref(), console.model.view()), (None, View::Alarms));
}

#[test]
fn an_explanation_that_does_not_come_says_why_and_is_asked_for_again() {
    let mut console = Console::with(normal(), SIZE);
    let request = console.asked("7<End><Enter>");
    console.send(Msg::NotSent(request.id));
    assert!(console.text().contains("No explanation: not sent"), "{}", console.text());
    let request = console.asked("<Esc><Enter>");
    console.answer(request.id, Answer::Refused { why: "the frame is not hex".into() });
    assert!(console.text().contains("No explanation: the frame is not hex"), "{}", console.text());
    console.press("<Esc><Enter>");
    console.down();
    assert!(console.text().contains("No explanation: the node is not connected"), "{}", console.text());
    let hello = Hello { lockyard: PROTOCOL, build: "t".into(), time: ago(0), operator: None };
    let effects = console.send(Msg::Link(lockyard::ipc::client::LinkEvent::Up(hello)));
    assert!(effects.iter().any(|e| matches!(e, Effect::Send(Request { ask: Ask::Explain { .. }, .. }))));
}

#[test]
fn details_of_the_quarantine_unfold() {
    let mut console = Console::with(normal(), SIZE);
    console.press("7<Right>");
    assert!(console.model.zoom);
    console.press("<Left>");
    assert!(!console.model.zoom);
}

#[test]
fn commands_are_cancelled_only_before_they_leave() {
    let mut console = Console::with(normal(), SIZE);
    console.press("5/queued<Enter>");
    assert!(console.press("KK<Enter>").is_empty());
    assert!(console.press("<C-u><Enter>").is_empty());
    let request = console.asked("y<Enter>");
    assert_eq!(request.ask, Ask::Cancel { command: CommandId(47_120) });
    console.press("<Esc>/sent<Enter>K");
    assert!(console.text().contains("nothing can take it back"), "{}", console.text());
}

#[test]
fn an_uncertain_command_takes_a_verdict_with_its_source() {
    let mut console = Console::with(heavy(), SIZE);
    console.press("5/uncertain<Enter>");
    assert!(console.press("vo<Enter>").is_empty());
    let request = console.asked(" driver rang<Enter>");
    let note = "driver rang".into();
    assert_eq!(request.ask, Ask::Verdict { command: CommandId(48_305), opened: true, note });
}

#[test]
fn the_command_line_completes_remembers_and_knows_no_shell() {
    let mut console = Console::with(normal(), SIZE);
    console.press(":qua<Tab><Enter>");
    assert_eq!(console.model.view(), View::Quarantine);
    console.press(":asset tanker 2<Tab><Enter>");
    assert_eq!(console.model.view(), View::Asset);
    assert_eq!(console.model.asset, Some(AssetId(1)));
    console.press("1:<Up><Up><Enter>");
    assert_eq!(console.model.view(), View::Quarantine);
    for bad in
        [":!ls<Enter>", "<Esc>:sort nothing<Enter>", "<Esc>:theme neon<Enter>", "<Esc>:asset nobody<Enter>"]
    {
        assert!(console.press(bad).is_empty());
        assert!(matches!(&console.model.modal, Some(Modal::CommandLine { message: Some(_), .. })), "{bad}");
    }
    console.press("<Esc>:theme mono<Enter>");
    assert_eq!(console.model.theme.name, "mono");
}

#[test]
fn help_searches_runs_and_tells_reasons() {
    let mut console = Console::with(normal(), SIZE);
    console.press("2?take back");
    assert!(console.text().contains("not now: not in the fleet view"), "{}", console.text());
    console.press("<Esc>?quarantine<Enter>");
    assert!(!matches!(console.model.modal, Some(Modal::Help { .. })));
    console.press("1?acknowledge with<Enter>");
    assert!(matches!(console.model.modal, Some(Modal::Prompt { .. })));
}

#[test]
fn no_key_is_dead() {
    for view in ["1", "2", "2<Enter>", "5", "7", "9", "7x", "7<End>w", ":log<Enter>"] {
        let mut console = Console::with(heavy(), SIZE);
        console.press(view);
        for key in ["Z", "s", "H", "e", "<F5>", "<C-x>"] {
            console.press(key);
            assert!(console.model.toast.take().is_some(), "{view} {key}");
        }
    }
}

#[test]
fn trouble_of_the_node_stands_across_the_screen() {
    let mut snapshot = normal();
    snapshot.node.journal_bytes = 7_300_000_000;
    assert!(Console::with(snapshot.clone(), SIZE).text().contains("JOURNAL 7.3 GB of 8.0 GB"));
    snapshot.node.journal_bytes = 1;
    snapshot.node.disk_free_bytes = 400_000_000;
    assert!(Console::with(snapshot.clone(), SIZE).text().contains("DISK: 400.0 MB free"));
    snapshot.node.store_error = Some("disk is full".into());
    assert!(Console::with(snapshot, SIZE).text().contains("keep their data: disk is full"));
    assert!(!Console::with(normal(), SIZE).text().contains("DISK"));
}

#[test]
fn copy_goes_to_the_clipboard() {
    let mut console = Console::with(normal(), SIZE);
    let effects = console.press("2/2041<Enter>y");
    assert_eq!(effects, vec![Effect::Copy("TRK-2041 Tanker 2041 51.906123,4.483456".into())]);
    assert!(matches!(&console.press("5y")[..], [Effect::Copy(text)] if text.contains("movement none")));
}

fn not_understood(what: &str, count: u64) -> UnknownRow {
    let firmware = Some("R1.2.7".to_owned());
    UnknownRow { firmware, what: what.to_owned(), count, value: what.to_owned(), first: ago(9), last: ago(5) }
}

#[test]
fn what_was_not_understood_stands_among_the_details_of_its_device() {
    let mut snapshot = normal();
    for row in &mut snapshot.devices {
        row.unknown = vec![not_understood("item 0xE7", 4), not_understood("status bit 15", 31)];
    }
    let mut console = Console::with(snapshot, (200, 60));
    console.press("2/2041<Enter><Enter>");
    let text = console.text();
    assert!(text.contains("not understood: status bit 15 ×31, item 0xE7 ×4"), "{text}");
    assert!(text.contains("(firmware R1.2.7)"), "{text}");
}

#[test]
fn hostile_text_never_reaches_a_cell() {
    const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r\n\u{202e}gpj\u{200b}\u{fe0f}";
    let evil = || format!("x{EVIL}");
    let mut snapshot = heavy();
    for row in &mut snapshot.assets {
        row.name = format!("{}{}", row.name, EVIL);
        row.code = evil();
        row.plate = Some(evil());
    }
    for row in &mut snapshot.devices {
        row.asset = row.asset.take().map(|name| name + EVIL);
        row.firmware = Some(evil());
        row.unknown = vec![not_understood(&evil(), 3)];
        row.peer = Some(evil());
        row.inputs = Some(evil());
        row.outputs = Some(evil());
        row.lines = vec![LineRow { line: 2, output: false, wired: "door".into(), on: true, text: evil() }];
        row.analog = vec![AnalogRow { name: Some(evil()), text: evil(), ..AnalogRow::raw(1, 1) }];
        row.status = DeviceStatus::New;
        if let Some(place) = &mut row.position {
            place.from = evil();
        }
    }
    for row in &mut snapshot.alarms {
        row.asset = row.asset.take().map(|name| name + EVIL);
        row.device = Some(evil());
        row.reason = evil();
        row.ack = Some(AckRow { by: evil(), at: ago(5), note: evil() });
    }
    for row in &mut snapshot.commands {
        row.asset = row.asset.take().map(|name| name + EVIL);
        row.target = evil();
        row.via = evil();
        row.by = evil();
        row.note = evil();
        row.kind = evil();
        row.detail = Some(evil());
    }
    for row in &mut snapshot.quarantine {
        row.key = DeviceKey::jointech(&evil());
        row.peer = evil();
        row.why = evil();
    }
    for row in &mut snapshot.refused {
        row.reason = evil();
        row.peer = evil();
        row.sample = evil();
        row.nearest = Some(evil());
        row.device = Some(evil());
    }
    snapshot.node.name = evil();
    snapshot.node.version = evil();
    snapshot.node.data_dir = evil();
    snapshot.node.listening = vec![evil()];
    snapshot.node.store_error = Some(evil());
    let line = TailLine {
        at: ago(1),
        peer: evil(),
        fate: evil(),
        raw: evil(),
        decoded: vec![
            serde_json::json!({"kind": evil(), "error": evil(), "events": [{"name": evil(), "by": evil()}]}),
        ],
        reply: Some(evil()),
    };
    for size in [(80, 24), (200, 60)] {
        let mut console = Console::with(snapshot.clone(), size);
        let views = [
            "1", "<Enter>", "a", "<Esc>", "2", "<Enter>", "j", "j", "<Enter>", "5", "<Enter>", "7",
            "<Enter>", "<Tab>", "9", "7N", "<Enter>", "<Esc>", ":tail ", "<Esc>", "1y", "?", "<Esc>",
            "7<Home>x",
        ];
        for keys in views {
            console.press(keys);
            check(&mut console, keys);
        }
        let device = console.model.tail.as_ref().unwrap().device.clone();
        console.node(FromNode::Tail { device, lines: vec![line.clone()] });
        check(&mut console, "tail");
        console.press("<Right>");
        check(&mut console, "tail unfolded");
        let request = console.asked("<Enter>");
        let field = |certainty| Field {
            at: 1,
            bytes: evil(),
            length: 9,
            depth: 200,
            name: evil(),
            value: evil(),
            unit: evil(),
            certainty,
        };
        let fields = vec![field(Certainty::Documented), field(Certainty::Wrong)];
        let explanation = Explanation { frame: evil(), fields, verdict: Some(evil()) };
        check(&mut console, "explanation asked for");
        console.answer(request.id, Answer::Explained { explanation: Box::new(explanation) });
        check(&mut console, "explanation");
        console.press("<Tab>");
        check(&mut console, "doubtful field");
        console.node(FromNode::Goodbye { why: evil() });
        check(&mut console, "goodbye");
        console.send(Msg::Link(lockyard::ipc::client::LinkEvent::Down { why: evil(), retry_in: None }));
        check(&mut console, "down");
    }
    let mut empty = super::fixture::empty();
    empty.node.listening = vec![evil()];
    empty.quarantine = snapshot.quarantine;
    empty.refused = snapshot.refused;
    check(&mut Console::with(empty, SIZE), "guide");
}

fn check(console: &mut Console, what: &str) {
    let buffer = console.buffer();
    for cell in buffer.content() {
        let bad = cell.symbol().chars().find(|c| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{fe00}'..='\u{fe0f}')
        });
        assert_eq!(bad, None, "{what}: {:?}", cell.symbol());
    }
}

#[test]
fn ten_thousand_assets_are_arranged_once_a_change_not_once_a_frame() {
    let mut snapshot = normal();
    for n in 0..10_000 {
        let id = format!("{}", 9_000_000_000_i64 + n);
        let name = format!("Truck {n:05}");
        snapshot.devices.push(device(&id, DeviceKind::MasterLock, &name, n % 500));
        snapshot.assets.push(asset(
            1_000 + n,
            &name,
            &format!("T-{n:05}"),
            SealState::Sealed,
            n % 500,
            &[&id],
        ));
    }
    let mut console = Console::with(snapshot, (200, 60));
    console.press("2");
    console.frame();
    assert_eq!(console.model.list().total, 10_006);
    let order = console.model.list().order.as_ptr();
    for _ in 0..20 {
        console.press("j");
        console.buffer();
    }
    // The same allocation: nothing was arranged again.
    assert_eq!(console.model.list().order.as_ptr(), order);
    console.press("/09999<Enter>");
    assert!(console.text().contains("1 of 10006"));
    let (order, total) = list::order(View::Fleet, &console.model.rows, console.model.list());
    assert_eq!((order.len(), total), (1, 10_006));
}
