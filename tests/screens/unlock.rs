//! The unlock dialog by keys: what gives the order, and all that does not.

use super::fixture::{Console, alarm, asset, command, device, normal, now, proposal};
use lockyard::console::effect::Effect;
use lockyard::console::message::Msg;
use lockyard::console::model::{Modal, View};
use lockyard::console::rows::RowId;
use lockyard::console::wizard::Wizard;
use lockyard::domain::alarm::AlarmKind;
use lockyard::domain::command::UnlockReason;
use lockyard::domain::*;
use lockyard::fleet::snapshot::Delta;
use lockyard::ipc::wire::*;

const SIZE: (u16, u16) = (80, 24);
const LOCK: &str = "8000620066";

/// A console with the facts of one lock on the table.
fn on_the_table() -> Console {
    let mut console = Console::with(normal(), SIZE);
    let request = console.asked("2/0310<Enter>U");
    assert_eq!(request.ask, Ask::Propose { target: DeviceKey::jointech(LOCK) });
    console.answer(request.id, Answer::Proposed { proposal: Box::new(proposal(LOCK)) });
    assert!(matches!(console.model.modal, Some(Modal::Unlock(Wizard::Facts(_)))));
    console
}

fn voided(console: &Console) -> &str {
    match &console.model.modal {
        Some(Modal::Unlock(Wizard::Void { why })) => why,
        other => panic!("not void: {other:?}"),
    }
}

#[test]
fn reason_and_code_and_enter_give_the_order_and_its_row_is_followed() {
    let mut console = on_the_table();
    let request = console.asked("djob 88-1207<Tab>0310<Enter>");
    assert_eq!(
        request.ask,
        Ask::Confirm {
            token: "t-1".into(),
            typed: "0310".into(),
            reason: UnlockReason::Delivery,
            note: "job 88-1207".into(),
        }
    );
    // Given once: no key gives it again or closes it away.
    assert!(console.press("<Enter><Enter>0310<Enter><Esc>").is_empty());
    console.answer(request.id, Answer::Accepted { command: CommandId(50_000) });
    assert_eq!(console.model.view(), View::Commands);
    let mut row = command(50_000, Exchange::Sent, Evidence::None, "Tanker 0310", LOCK);
    console.delta(Delta { commands: vec![row.clone()], ..Delta::default() });
    console.frame();
    assert_eq!(console.model.selected(), Some(&RowId::Command(CommandId(50_000))));
    let text = console.text();
    assert!(text.contains("exchange") && text.contains("movement   – none"), "{text}");
    row.exchange = Exchange::AnsweredOk;
    row.answered = Some(now());
    assert!(console.delta(Delta { commands: vec![row.clone()], ..Delta::default() }).is_empty());
    assert!(console.text().contains("whether it opened is not known yet"));
    row.evidence = Evidence::Opened;
    row.evidence_at = Some(now());
    assert_eq!(console.delta(Delta { commands: vec![row], ..Delta::default() }), vec![Effect::Bell]);
    assert!(console.text().contains("movement   □ OPENED"), "{}", console.text());
}

#[test]
fn every_interlock_that_fails_has_its_line_however_long_another_is() {
    let mut console = Console::with(normal(), SIZE);
    let request = console.asked("2/0310<Enter>U");
    let mut facts = proposal(LOCK);
    let long =
        "two live sources: tcp 203.0.113.9:51022 and then tcp 203.0.113.10:51023; decide with :identity NOTE";
    for (n, name) in ["way to open it", "one source for this ID", "speed"].into_iter().enumerate() {
        facts.interlocks[n] =
            Interlock { name: name.into(), verdict: Verdict::Fail, value: format!("{long} {long} {name}") };
    }
    facts.allowed = false;
    console.answer(request.id, Answer::Proposed { proposal: Box::new(facts) });
    let text = console.text();
    let failing = text.lines().filter(|line| line.contains("FAILS")).count();
    assert_eq!(failing, 3, "{text}");
    assert!(!text.contains("of them not a pass"), "{text}");
}

#[test]
fn a_wrong_code_sends_nothing_and_three_end_it() {
    let mut console = on_the_table();
    assert!(console.press("d<Tab>9999<Enter>").is_empty());
    assert!(console.text().contains("that is not the end of TRK-0310"));
    assert!(console.press("031<Enter>").is_empty());
    assert!(console.press("trk-0310<Enter>").is_empty());
    assert!(voided(&console).contains("3 wrong codes"));
    assert!(console.press("0310<Enter>").is_empty());
}

#[test]
fn neither_enter_nor_the_starting_key_confirms() {
    for keys in [
        "<Enter>",
        "<Enter><Enter><Enter><Enter>",
        "UUUU<Enter>",
        "d<Enter><Enter><Enter>",
        "U<Enter>U<Enter>",
    ] {
        let mut console = on_the_table();
        let effects = console.press(keys);
        assert!(effects.is_empty(), "{keys}: {effects:?}");
    }
    // A code without a reason is not enough either.
    let mut console = on_the_table();
    assert!(console.press("<Tab><Tab>0310<Enter>").is_empty());
    assert!(console.text().contains("choose a reason first"));
    let mut console = on_the_table();
    assert!(console.press("d<Tab><Tab><Enter>").is_empty());
    assert_eq!(console.model.modal, None);
}

#[test]
fn pasting_is_refused_where_it_would_confirm() {
    let mut console = on_the_table();
    console.send(Msg::Paste("0310\n".into()));
    console.press("d");
    console.send(Msg::Paste("gate 4\nU".into()));
    console.press("<Tab>");
    assert!(console.send(Msg::Paste("0310\n".into())).is_empty());
    assert!(console.text().contains("pasting is not taken here"));
    assert!(console.press("<Enter>").is_empty());
    let request = console.asked("0310<Enter>");
    assert!(matches!(request.ask, Ask::Confirm { note, .. } if note == "gate 4 U"));
}

#[test]
fn after_thirty_seconds_it_is_void() {
    let mut console = on_the_table();
    console.press("d<Tab>0310");
    console.after(29);
    assert!(console.text().contains("void in 1 s"));
    console.after(1);
    assert!(voided(&console).contains("its time is over"));
    assert!(console.press("<Enter>").is_empty());
    assert_eq!(console.model.modal, None);
}

#[test]
fn changed_facts_void_it_and_unchanged_ones_do_not() {
    let mut console = on_the_table();
    // The same state told again, younger: nothing changed.
    let fresh = device(LOCK, DeviceKind::MasterLock, "Tanker 0310", 1);
    console.delta(Delta { devices: vec![fresh.clone()], ..Delta::default() });
    let other = alarm(95, AlarmKind::Sos, Priority::P1, AlarmState::UnackActive, "Tanker 2041", 1);
    console.delta(Delta { alarms: vec![other], ..Delta::default() });
    assert!(matches!(console.model.modal, Some(Modal::Unlock(Wizard::Facts(_)))));

    let mut opened = fresh;
    opened.lock = Some(LockState::Unlocked);
    let mut moving = asset(5, "Tanker 0310", "TRK-0310", SealState::Sealed, 1, &[LOCK]);
    moving.position.as_mut().unwrap().speed_kmh = Some(43.0);
    let sos = alarm(96, AlarmKind::Sos, Priority::P1, AlarmState::UnackActive, "Tanker 0310", 1);
    let changes = [
        (Delta { devices: vec![opened], ..Delta::default() }, "the lock's state changed"),
        (Delta { assets: vec![moving], ..Delta::default() }, "the asset began to move"),
        (Delta { alarms: vec![sos], ..Delta::default() }, "an alarm on the asset changed"),
    ];
    for (delta, why) in changes {
        let mut console = on_the_table();
        console.press("d<Tab>0310");
        console.delta(delta);
        assert!(voided(&console).contains(why), "{}", voided(&console));
        assert!(console.press("<Enter>").is_empty());
    }
}

#[test]
fn a_frozen_list_does_not_hide_a_change_from_the_dialog() {
    let mut console = Console::with(normal(), SIZE);
    let request = console.asked("2z/0310<Enter>U");
    console.answer(request.id, Answer::Proposed { proposal: Box::new(proposal(LOCK)) });
    let mut opened = device(LOCK, DeviceKind::MasterLock, "Tanker 0310", 1);
    opened.lock = Some(LockState::Unlocked);
    console.delta(Delta { devices: vec![opened], ..Delta::default() });
    assert!(voided(&console).contains("the lock's state changed"));
}

#[test]
fn a_broken_link_voids_it_and_an_order_underway_is_called_unknown() {
    let mut console = on_the_table();
    console.down();
    assert!(voided(&console).contains("out of reach"));
    let mut console = on_the_table();
    console.asked("d<Tab>0310<Enter>");
    console.down();
    assert!(voided(&console).contains("do not repeat it before you have looked"));
}

#[test]
fn a_forbidden_opening_has_nothing_to_confirm() {
    let mut console = Console::with(normal(), SIZE);
    let request = console.asked("2/0310<Enter>U");
    let mut no = proposal(LOCK);
    no.allowed = false;
    no.interlocks[3].verdict = Verdict::Fail;
    console.answer(request.id, Answer::Proposed { proposal: Box::new(no) });
    let text = console.text();
    assert!(text.contains("this lock cannot be opened: speed") && !text.contains("confirm"), "{text}");
    assert!(console.press("<Tab><Tab>d0310").is_empty());
    assert!(console.press("<Enter>").is_empty());
    assert_eq!(console.model.modal, None);
}

#[test]
fn a_terminal_too_small_for_the_facts_confirms_nothing() {
    let mut console = on_the_table();
    console.send(Msg::Resize(60, 18));
    assert!(console.press("d<Tab>0310<Enter>").is_empty());
    assert!(console.text().contains("too small to show all facts"));
    console.press("<Esc>");
    assert_eq!(console.model.modal, None);
}

#[test]
fn several_locks_are_chosen_from_and_a_refusal_is_read() {
    let mut console = Console::with(normal(), SIZE);
    assert!(console.press("2/2041<Enter>U").is_empty());
    let request = console.asked("jj<Enter>");
    assert_eq!(request.ask, Ask::Propose { target: DeviceKey::jointech("E03B60000B") });
    console.answer(request.id, Answer::Refused { why: "no unlock password: add one to secrets.toml".into() });
    assert!(voided(&console).contains("secrets.toml"));
    // The asset view names one lock.
    let request = console.asked("<Esc><Enter>jU");
    assert_eq!(request.ask, Ask::Propose { target: DeviceKey::jointech("E03B60000A") });
}

#[test]
fn answers_to_a_closed_dialog_open_nothing() {
    let mut console = Console::with(normal(), SIZE);
    let request = console.asked("2/0310<Enter>U");
    console.press("<Esc>");
    console.answer(request.id, Answer::Proposed { proposal: Box::new(proposal(LOCK)) });
    assert_eq!(console.model.modal, None);
    let request = console.asked("U");
    console.answer(request.id, Answer::Proposed { proposal: Box::new(proposal("8000620077")) });
    assert!(voided(&console).contains("answered for jointech/8000620077 instead"));
}

#[test]
fn a_valve_lock_shows_its_valve_before_it_is_opened() {
    use lockyard::domain::DeviceKind;
    use lockyard::domain::command::UnlockMethod;
    let mut console = Console::with(normal(), SIZE);
    console.press("2/2041<Enter>U");
    let request = console.asked("jj<Enter>");
    let mut valve = proposal("E03B60000B");
    valve.asset = "Tanker 2041".into();
    valve.target_kind = DeviceKind::ValveLock;
    valve.method = Some(UnlockMethod::SubLockRelay);
    console.answer(request.id, Answer::Proposed { proposal: Box::new(valve) });
    let text = console.text();
    assert!(text.contains("valve ■ CLOSED as of 5m"), "{text}");
    assert!(text.contains("its button wakes it"), "{text}");
    assert!(text.contains("confirm") && text.contains("[ Cancel ]"), "{text}");
}
