//! Every view in every situation, text and style.

use super::fixture::{Console, ago, empty, heavy, normal, proposal};
use lockyard::console::{ColorChoice, Options};
use lockyard::domain::DeviceKey;
use lockyard::domain::explain::{Certainty, Explanation, Field};
use lockyard::fleet::snapshot::Snapshot;
use lockyard::ipc::wire::{Answer, FromNode, TailLine, Verdict};
use ratatui::buffer::Cell;
use ratatui::style::Color;
use serde_json::json;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];
const SMALL: (u16, u16) = (80, 24);

/// Compares with `tests/snapshots/NAME.snap`.
macro_rules! keep {
    ($name:expr, $picture:expr) => {
        insta::with_settings!({
            snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true
        }, {
            insta::assert_snapshot!($name, $picture);
        })
    };
}

pub(crate) use keep;

/// Key strings that lead to each view.
const VIEWS: [(&str, &str); 6] = [
    ("alarms", "1"),
    ("fleet", "2"),
    ("asset", "2/2041<Enter><Enter>"),
    ("commands", "5"),
    ("quarantine", "7"),
    ("system", "9"),
];

fn shown(options: Options, snapshot: Snapshot, size: (u16, u16), keys: &str) -> Console {
    let mut console = Console::with_options(options, snapshot, size);
    console.press(keys);
    console
}

#[test]
fn every_view_at_every_size() {
    for (name, keys) in VIEWS {
        for size in SIZES {
            let picture = shown(Options::default(), normal(), size, keys).picture();
            keep!(format!("normal-{name}-{}x{}", size.0, size.1), picture);
        }
    }
}

#[test]
fn views_with_nothing_in_them() {
    for (name, keys) in VIEWS {
        let picture = shown(Options::default(), empty(), SMALL, keys).picture();
        keep!(format!("empty-{name}"), picture);
    }
    let mut knocked = empty();
    knocked.quarantine = normal().quarantine;
    knocked.refused = normal().refused;
    keep!("empty-fleet-knocked", shown(Options::default(), knocked, SMALL, "2").text());
}

#[test]
fn views_in_a_bad_hour() {
    for (name, keys) in VIEWS {
        let picture = shown(Options::default(), heavy(), SMALL, keys).picture();
        keep!(format!("heavy-{name}"), picture);
    }
    keep!("heavy-alarms-200x60", shown(Options::default(), heavy(), (200, 60), "1").text());
}

#[test]
fn views_without_the_node() {
    for (name, keys) in VIEWS {
        let mut console = shown(Options::default(), normal(), SMALL, keys);
        console.down();
        console.after(1);
        keep!(format!("down-{name}"), console.picture());
    }
}

#[test]
fn without_colour_and_without_utf8() {
    for (name, keys) in VIEWS {
        let mono = Options { color: ColorChoice::Never, ..Options::default() };
        let mut console = shown(mono, heavy(), SMALL, keys);
        let plain = |cell: &Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
        assert!(console.buffer().content().iter().all(plain), "{name} has colour");
        let picture = console.picture();
        keep!(format!("mono-{name}"), picture);
        let ascii = Options { ascii: true, ..Options::default() };
        let text = shown(ascii, normal(), SMALL, keys).text();
        assert!(text.is_ascii(), "{name}: {text}");
        keep!(format!("ascii-{name}"), text);
    }
}

#[test]
fn sizes_nobody_designed_for_neither_panic_nor_overlap() {
    let mut console = Console::with(heavy(), SMALL);
    for (width, height) in (1..90).step_by(7).flat_map(|w| (1..40).step_by(3).map(move |h| (w, h))) {
        console.model.size = (width, height);
        for keys in ["1", "2", "<Enter>", "<Enter>", "<Esc>", "5", "7", "9", "?", "<Esc>", "1", "a", "<Esc>"]
        {
            console.press(keys);
            console.buffer();
        }
    }
    let mut frame = explained(Options::default(), SMALL);
    for (width, height) in (1..200).step_by(7).flat_map(|w| (1..40).step_by(3).map(move |h| (w, h))) {
        frame.model.size = (width, height);
        for keys in ["<Home>", "<PgDn>", "<Tab>", "<End>"] {
            frame.press(keys);
            frame.buffer();
        }
    }
    console.model.size = (39, 24);
    keep!("too-small", console.text());
    assert!(console.press("a").is_empty() && console.model.modal.is_none());
}

#[test]
fn dialogs() {
    let mut console = Console::with(normal(), SMALL);
    console.press("1a2");
    keep!("ack", console.picture());
    console.press("<Esc>?");
    keep!("help", console.picture());
    console.press("unlock");
    keep!("help-search", console.text());
    console.press("<Esc>:the");
    keep!("command-line", console.text());
    console.press("<Esc>7N<Enter>");
    keep!("enrol", console.text());
    console.press("<Esc>2/seal<Esc>/tanker");
    keep!("filter", console.text());
}

#[test]
fn the_unlock_dialog() {
    for (name, options) in [
        ("utf8", Options::default()),
        ("ascii", Options { ascii: true, ..Options::default() }),
        ("mono", Options { color: ColorChoice::Never, ..Options::default() }),
    ] {
        let mut console = Console::with_options(options, normal(), SMALL);
        let request = console.asked("2/0310<Enter>U");
        console.answer(request.id, Answer::Proposed { proposal: Box::new(proposal("8000620066")) });
        console.press("2gate 4<Tab>03");
        keep!(format!("unlock-{name}"), console.picture());
    }
    for size in [(120, 40), (200, 60), (60, 20)] {
        let mut console = Console::with(normal(), size);
        let request = console.asked("2/0310<Enter>U");
        console.answer(request.id, Answer::Proposed { proposal: Box::new(proposal("8000620066")) });
        keep!(format!("unlock-{}x{}", size.0, size.1), console.text());
    }
    let mut console = Console::with(normal(), SMALL);
    console.press("2/2041<Enter>U");
    keep!("unlock-choose", console.picture());
    console.press("<Esc><Esc>");
    let request = console.asked("/0310<Enter>U");
    let mut forbidden = proposal("8000620066");
    forbidden.allowed = false;
    forbidden.interlocks[3].verdict = Verdict::Fail;
    forbidden.interlocks[3].value = "43 km/h, at most 5".into();
    console.answer(request.id, Answer::Proposed { proposal: Box::new(forbidden) });
    keep!("unlock-forbidden", console.picture());
}

fn tail_lines() -> Vec<TailLine> {
    let line = |seconds, fate: &str, decoded, reply: Option<&str>| TailLine {
        at: ago(seconds),
        peer: "203.0.113.9:51022".into(),
        fate: fate.into(),
        raw: "2480006299991901001402".into(),
        decoded,
        reply: reply.map(Into::into),
    };
    vec![
        line(
            62,
            "quarantined",
            vec![json!({"kind": "position", "lock": "locked", "battery_pct": 71,
            "position": {"lat": 51.906123, "lon": 4.483456, "fix": true, "speed_kmh": 0.0}})],
            None,
        ),
        line(40, "quarantined", vec![json!({"kind": "heartbeat"})], Some("(P35)")),
        line(3, "refused: checksum", vec![], None),
    ]
}

#[test]
fn live_frames() {
    let mut console = Console::with(normal(), SMALL);
    console.press("7x");
    keep!("tail-waiting", console.text());
    console.node(FromNode::Tail { device: DeviceKey::jointech("8000629999"), lines: tail_lines() });
    keep!("tail", console.picture());
    console.press("kk<Right>");
    keep!("tail-unfolded", console.text());
    console.press("<Left>z");
    console.node(FromNode::Tail { device: DeviceKey::jointech("8000629999"), lines: tail_lines() });
    let text = console.text();
    assert!(text.contains("PAUSED 3 waiting"), "{text}");
}

#[test]
fn the_log_shows_the_nodes_own_time() {
    use lockyard::console::widget::log_pane::forward;
    forward(ago(7_200), "warn", "peer 203.0.113.9 sent \u{1b}[2J rubbish");
    forward(ago(60), "info", "listening tcp [::]:8888");
    tui_logger::move_events();
    let mut console = Console::with(normal(), SMALL);
    console.press(":log<Enter>");
    let text = console.text();
    assert!(text.contains("10:03:44 WARN  node: peer 203.0.113.9 sent ·[2J rubbish"), "{text}");
    assert!(text.contains("12:02:44 info  node: listening tcp [::]:8888"), "{text}");
    console.press("<Left><Down><Up><PgUp><PgDn><End>");
    console.buffer();
}

#[test]
fn the_real_cursor_stands_on_the_selected_row_and_in_the_focused_field() {
    use ratatui::Terminal;
    use ratatui::backend::{Backend, TestBackend};
    let mut console = Console::with(normal(), SMALL);
    let mut at = |keys: &str| {
        console.press(keys);
        console.frame();
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| lockyard::console::view::draw(&console.model, frame)).unwrap();
        let position = terminal.backend_mut().get_cursor_position().unwrap();
        (position.x, position.y)
    };
    assert_eq!(at("1"), (0, 4));
    assert_eq!(at("j"), (0, 5));
    assert_eq!(at("/cut"), (5, 22));
    assert_eq!(at("<Esc>ax"), (5, 21));
}

/// A frame with everything an explanation may hold.
fn explanation() -> Explanation {
    let field = |at, bytes: &str, depth, name: &str, value: &str, unit: &str, certainty| Field {
        at,
        bytes: bytes.into(),
        length: bytes.len() / 2,
        depth,
        name: name.into(),
        value: value.into(),
        unit: unit.into(),
        certainty,
    };
    use Certainty::{Captured, Documented, Inferred, Unknown, Wrong};
    let mut fields = vec![
        field(0, "24", 0, "start", "$", "", Documented),
        field(1, "8000629999", 0, "device", "8000629999", "", Documented),
        field(6, "19", 0, "kind of record", "live", "", Documented),
        field(9, "140326", 0, "date", "2026-03-14", "", Documented),
        field(12, "631203", 0, "time", "63 is no hour", "", Wrong),
        field(15, "51543670", 0, "latitude", "51.906123", "° N", Documented),
        field(24, "17", 0, "speed", "42.6", "km/h", Captured),
        field(30, "e060", 0, "status", "e060", "", Documented),
    ];
    for (n, name) in
        ["rope", "motor", "cover", "vibration", "motor fault", "unlocked too long"].iter().enumerate()
    {
        let value = if n < 3 { "closed" } else { "no" };
        fields.push(field(30, "e060", 1, name, value, "", Documented));
    }
    fields.push(field(30, "e060", 1, "bit 15", "1", "", Unknown));
    fields.push(field(32, "47", 0, "battery", "71", "%", Documented));
    fields.push(field(33, &"0a1b2c3d".repeat(8), 0, "what follows", "32 bytes", "", Unknown));
    fields.push(field(65, "05", 0, "serial", "5, if the byte before the last is one", "", Inferred));
    let verdict =
        Some("byte 12: 63 is no hour; the record is stored, its time is that of its receipt".into());
    Explanation { frame: "master binary".into(), fields, verdict }
}

/// A console that looks at the newest frame of a device in quarantine.
fn explained(options: Options, size: (u16, u16)) -> Console {
    let mut console = Console::with_options(options, normal(), size);
    console.press("7<Enter>");
    console.node(FromNode::Tail { device: DeviceKey::jointech("8000629999"), lines: tail_lines() });
    let request = console.asked("<Enter>");
    console.answer(request.id, Answer::Explained { explanation: Box::new(explanation()) });
    console
}

#[test]
fn a_frame_field_by_field() {
    for size in SIZES {
        keep!(format!("explain-{}x{}", size.0, size.1), explained(Options::default(), size).picture());
    }
    // However far a page goes: no field is jumped over unseen.
    let mut console = explained(Options::default(), SMALL);
    let mut seen = console.text();
    for _ in 0..5 {
        console.press("<PgDn>");
        seen += &console.text();
    }
    assert!(explanation().fields.iter().all(|field| seen.contains(&field.name)), "{seen}");
    let mut console = explained(Options::default(), SMALL);
    console.press("<Tab><Tab>");
    keep!("explain-doubtful", console.text());
    let mono = Options { color: ColorChoice::Never, ..Options::default() };
    let mut console = explained(mono, SMALL);
    let plain = |cell: &Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
    assert!(console.buffer().content().iter().all(plain));
    keep!("explain-mono", console.picture());
    let text = explained(Options { ascii: true, ..Options::default() }, SMALL).text();
    assert!(text.is_ascii(), "{text}");
    keep!("explain-ascii", text);
}

#[test]
fn what_keeps_refused_bytes_from_being_a_frame() {
    let mut console = Console::with(normal(), SMALL);
    console.press("7<End>");
    keep!("quarantine-refused", console.picture());
    let request = console.asked("<Enter>");
    keep!("explain-asked", console.text());
    let verdict = Some("nearest: seal 0x0200; ends after 13 of 61 bytes, its closing 7E is missing".into());
    let explanation = Explanation { frame: "no known frame".into(), fields: vec![], verdict };
    console.answer(request.id, Answer::Explained { explanation: Box::new(explanation) });
    keep!("explain-refused", console.picture());
}
