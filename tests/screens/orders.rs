//! Telling a device what moves no lock: typed or chosen, asked about, sent, and shown with its answer.

use super::fixture::{Console, ago, normal};
use super::pictures::keep;
use lockyard::console::effect::Effect;
use lockyard::console::model::{Modal, View};
use lockyard::console::rows::RowId;
use lockyard::domain::order::{CommandClass, Proof};
use lockyard::domain::{CommandId, DeviceKey, Exchange};
use lockyard::fleet::snapshot::{Delta, NotApplicable, OrderRow, Verified};
use lockyard::ipc::wire::{Answer, Ask, Catalogue, CommandHelp, KnownSetting, ParamHelp};

const SIZE: (u16, u16) = (120, 40);
const LOCK: &str = "8000620011";

fn key() -> DeviceKey {
    DeviceKey::jointech(LOCK)
}

fn help(name: &str, class: CommandClass, params: Vec<ParamHelp>) -> CommandHelp {
    CommandHelp {
        name: name.into(),
        purpose: format!("what {name} is for"),
        class,
        proof: Proof::Documented,
        params,
        not_here: None,
        known: None,
    }
}

fn param(name: &str, range: &str, choices: &[&str]) -> ParamHelp {
    ParamHelp {
        name: name.into(),
        what: format!("the {name}"),
        range: range.into(),
        optional: false,
        choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
    }
}

fn catalogue() -> Answer {
    let interval = vec![param("seconds", "5 to 600 s", &[]), param("minutes", "5 to 1440 min", &[])];
    let known = Some(KnownSetting { value: "report interval 600 s".into(), at: ago(720) });
    let commands = vec![
        CommandHelp {
            not_here: Some("'open_static' moves a lock: it is sent by the unlock dialog only".into()),
            ..help("open_static", CommandClass::Physical, vec![])
        },
        help("firmware", CommandClass::Read, vec![]),
        CommandHelp { proof: Proof::Unverified, ..help("restart", CommandClass::Configure, vec![]) },
        help("tracking", CommandClass::Configure, vec![param("on", "on or off", &["on", "off"])]),
        CommandHelp { known, ..help("wake_interval", CommandClass::Configure, interval) },
    ];
    Answer::Catalogue { catalogue: Box::new(Catalogue { device: key(), model: "JT701D/E".into(), commands }) }
}

fn order(command: &str, args: &[(&str, &str)]) -> Ask {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ask::Order { target: key(), command: command.into(), args, note: String::new() }
}

/// A console that knows what the lock can be told.
fn told() -> Console {
    let mut console = Console::with(normal(), SIZE);
    let request = console.asked(":send 8000620011 ");
    assert_eq!(request.ask, Ask::Catalogue { device: key() });
    console.answer(request.id, catalogue());
    console.press("<Esc>");
    console
}

fn row(id: i64, kind: &str) -> OrderRow {
    OrderRow {
        id: CommandId(id),
        kind: kind.into(),
        class: CommandClass::Read,
        target: LOCK.into(),
        via: LOCK.into(),
        asset: Some("Tanker 2041".into()),
        args: vec![],
        exchange: Exchange::Sent,
        evidence: NotApplicable::Word,
        by: "m.saleh".into(),
        reason: None,
        created: ago(40),
        expires: ago(-2700),
        sent: Some(ago(39)),
        answered: None,
        evidence_at: None,
        attempts: 1,
        shown: Some("(P01)".into()),
        answer: None,
        told: None,
        detail: None,
        verified: None,
        part_of: None,
        open: true,
    }
}

#[test]
fn the_line_completes_device_command_and_argument() {
    let mut console = told();
    console.press(":send 80006200<Tab>");
    console.press("<Esc>:send 8000620011 fi<Tab>");
    let line = |console: &Console| match &console.model.modal {
        Some(Modal::CommandLine { input, .. }) => input.text(),
        other => panic!("{other:?}"),
    };
    assert_eq!(line(&console), "send 8000620011 firmware ");
    console.press("<Esc>:send 8000620011 wake_interval s<Tab>");
    assert_eq!(line(&console), "send 8000620011 wake_interval seconds=");
    assert!(console.text().contains("the seconds: 5 to 600 s"));
    console.press("30 <Tab>");
    assert_eq!(line(&console), "send 8000620011 wake_interval seconds=30 minutes=");
    console.press("<Esc>:send 8000620011 tracking <Tab>");
    assert_eq!(line(&console), "send 8000620011 tracking on=o");
    console.press("<Esc>:send 8000620011 open<Tab>");
    assert_eq!(line(&console), "send 8000620011 open", "what is not sent from here is not offered");
}

#[test]
fn a_reading_goes_at_once_and_its_row_is_shown() {
    let mut console = told();
    let request = console.asked(":send 8000620011 firmware<Enter>");
    assert_eq!(request.ask, order("firmware", &[]));
    console.answer(request.id, Answer::Ordered { command: CommandId(77), read_back: false });
    console.delta(Delta { orders: vec![row(77, "firmware")], ..Delta::default() });
    console.frame();
    assert_eq!(console.model.view(), View::Commands);
    assert_eq!(console.model.selected(), Some(&RowId::Command(CommandId(77))));
    let done = OrderRow {
        exchange: Exchange::AnsweredOk,
        answered: Some(ago(1)),
        answer: Some("P01 JT701D,87%".into()),
        told: Some("firmware JT701D, battery 87 %".into()),
        detail: Some("the device answered".into()),
        open: false,
        ..row(77, "firmware")
    };
    console.delta(Delta { orders: vec![done], ..Delta::default() });
    let text = console.text();
    assert!(text.contains("#77 firmware: firmware JT701D, battery 87 %"), "{text}");
    assert!(text.contains("answered") && text.contains("n/a"), "{text}");
}

#[test]
fn a_setting_needs_a_typed_yes_and_shows_what_was() {
    let mut console = told();
    assert!(console.press(":send 8000620011 wake_interval seconds=30 minutes=60<Enter>").is_empty());
    let text = console.text();
    assert!(text.contains("600 s (12m ago)"), "{text}");
    assert!(text.contains("seconds=30 minutes=60") && text.contains("configure, documented"), "{text}");
    for not_yes in ["<Enter>", "y<Enter>", "<BS>YES<Enter>"] {
        assert!(console.press(not_yes).is_empty(), "{not_yes}");
    }
    let request = console.asked("<BS><BS><BS>yes<Enter>");
    assert_eq!(request.ask, order("wake_interval", &[("seconds", "30"), ("minutes", "60")]));
    // What the node does not take comes back to be mended.
    console.answer(request.id, Answer::Wrong { why: "seconds must be 5 to 600 s, not 4".into() });
    assert!(console.text().contains("seconds must be 5 to 600 s"));
    let Some(Modal::CommandLine { input, .. }) = &console.model.modal else { panic!() };
    assert_eq!(input.text(), "send 8000620011 wake_interval seconds=30 minutes=60");
}

#[test]
fn a_list_is_changed_after_a_typed_yes() {
    let mut console = Console::with(normal(), SIZE);
    for bad in
        [":bind 8000620011<Enter>", "<Esc>:bind 8000620011 E03B60000B<Enter>", "<Esc>:bind nobody +1<Enter>"]
    {
        assert!(console.press(bad).is_empty());
        assert!(matches!(&console.model.modal, Some(Modal::CommandLine { message: Some(_), .. })), "{bad}");
    }
    assert!(console.press("<Esc>:bind 8000620011 +E03B60000C -E03B60000A<Enter><Enter>").is_empty());
    assert!(console.text().contains("The list is read first"), "{}", console.text());
    let request = console.asked("yes<Enter>");
    let ids = |id: &str| vec![id.to_owned()];
    let wanted =
        Ask::Bind { master: key(), add: ids("E03B60000C"), remove: ids("E03B60000A"), note: String::new() };
    assert_eq!(request.ask, wanted);
}

#[test]
fn the_list_of_commands_is_searched_and_chosen_from() {
    let mut console = Console::with(normal(), SIZE);
    console.press(":asset tanker 2041<Enter>");
    let request = console.asked("T");
    assert_eq!(request.ask, Ask::Catalogue { device: key() });
    assert!(console.text().contains("asking the node"));
    console.answer(request.id, catalogue());
    keep!("tell", console.picture());
    // Nothing that moves a lock is sent from here.
    assert!(console.press("open<Enter>").is_empty());
    assert!(console.text().contains("unlock dialog only"));
    let effects = console.press("Twake<Enter>");
    assert!(effects.iter().all(
        |effect| matches!(effect, Effect::Send(request) if matches!(request.ask, Ask::Catalogue { .. }))
    ));
    let Some(Modal::CommandLine { input, .. }) = &console.model.modal else { panic!() };
    assert_eq!(input.text(), "send jointech/8000620011 wake_interval seconds=");
    console.press("<Esc>Trestart<Enter>");
    assert!(console.text().contains("configure, unverified"), "a setting without arguments asks, too");
    console.press("<Esc>");
    let sent: Vec<_> = console.press("Tfirmware<Enter>").into_iter().collect();
    let order = sent.iter().find_map(|effect| match effect {
        Effect::Send(request) if matches!(request.ask, Ask::Order { .. }) => Some(request),
        _ => None,
    });
    assert!(order.is_some(), "{sent:?}");
}

#[test]
fn openings_and_orders_stand_in_one_list() {
    let mut snapshot = normal();
    let answered = |id, kind: &str| OrderRow {
        exchange: Exchange::AnsweredOk,
        answered: Some(ago(30)),
        class: CommandClass::Configure,
        open: false,
        ..row(id, kind)
    };
    snapshot.orders = vec![
        OrderRow {
            args: vec![("seconds".into(), "30".into())],
            verified: Some(Verified::No),
            detail: Some("CONTRADICTED: device says 600 s; asked 30 s".into()),
            ..answered(80, "wake_interval")
        },
        OrderRow {
            verified: Some(Verified::Yes),
            detail: Some("verified: 5 min".into()),
            ..answered(81, "awake_time")
        },
        OrderRow { sent: None, shown: None, attempts: 0, exchange: Exchange::Queued, ..row(82, "imei") },
        OrderRow {
            exchange: Exchange::Uncertain,
            open: false,
            detail: Some("no answer to 3 attempts".into()),
            attempts: 3,
            ..row(83, "firmware")
        },
    ];
    let mut console = Console::with(snapshot, SIZE);
    console.press("5/imei<Enter>");
    keep!("orders-filtered", console.picture());
    console.press("<Esc>");
    keep!("orders", console.picture());
    let request = console.asked("/imei<Enter>Ky<Enter>");
    assert_eq!(request.ask, Ask::Cancel { command: CommandId(82) });
    console.press("<Esc>/attempts<Enter>v");
    assert!(console.text().contains("an order moves nothing"), "{}", console.text());
}
