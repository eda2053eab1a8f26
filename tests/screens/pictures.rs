//! Every view in every situation, text and style.

use super::fixture::{Console, ago, empty, heavy, normal, proposal};
use lockyard::console::{ColorChoice, Options};
use lockyard::domain::DeviceKey;
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
    console.press("kk<Enter>");
    keep!("tail-unfolded", console.text());
    console.press("<Enter>z");
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
