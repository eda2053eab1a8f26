//! Ends of every kind, small terminals, no colours, no terminal at all.

use super::pty::{CTRL_C, ENTER, Lab, Terminal, looks, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const SMALL: (u16, u16) = (80, 24);
const NODE: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// Node and console in one process, with no device.
fn one_process(lab: &Lab, size: (u16, u16)) -> Terminal {
    let terminal = lab.terminal(&NODE, size);
    terminal.until("No device is enrolled yet");
    terminal
}

#[test]
fn terminated_it_gives_the_terminal_back() {
    let lab = Lab::new();
    let mut demo = lab.terminal(&["demo"], SMALL);
    demo.until("8 of 8");
    demo.signal(Signal::SIGTERM);
    assert!(demo.ended().success());
    demo.is_given_back();
}

#[test]
fn a_demo_ends_with_its_terminal() {
    let lab = Lab::new();
    let mut demo = lab.terminal(&["demo"], SMALL);
    demo.until("8 of 8");
    demo.signal(Signal::SIGHUP);
    demo.ended();
    demo.is_given_back();
}

#[test]
fn a_hang_up_ends_the_screen_and_not_the_node() {
    let lab = Lab::new();
    let mut terminal = one_process(&lab, SMALL);
    terminal.signal(Signal::SIGHUP);
    terminal.is_given_back();
    let status = lab.run(&["status"]);
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    assert!(terminal.is_running());
    terminal.signal(Signal::SIGTERM);
    assert!(terminal.ended().success());
}

/// Set for the process that holds a terminal to be taken away: what it runs in it, and in which directory.
const HOLD: &str = "LOCKYARD_TEST_HOLD";

/// Not a test by itself: the process that [`Held`] starts and kills.
#[test]
#[ignore = "holds a terminal for the tests of a terminal that is gone"]
fn holder() {
    let Some(args) = std::env::var_os(HOLD) else { return };
    let lab = Lab::at(std::env::current_dir().unwrap());
    let args = args.into_string().unwrap();
    let terminal = lab.terminal(&args.split(' ').collect::<Vec<_>>(), SMALL);
    terminal.until("? keys");
    std::fs::write("pid", terminal.process().to_string()).unwrap();
    loop {
        std::thread::park();
    }
}

/// The program in the terminal of another process. Killing that one takes the terminal away, as when SSH ends.
struct Held {
    holder: std::process::Child,
    program: Pid,
}

impl Held {
    fn start(lab: &Lab, args: &str) -> Self {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "leaving::holder", "--ignored"]).env(HOLD, args).current_dir(lab.root());
        let holder = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        let program = wait_for("the program to draw", || {
            std::fs::read_to_string(lab.root().join("pid")).ok()?.parse().ok().map(Pid::from_raw)
        });
        Self { holder, program }
    }

    fn take_terminal_away(&mut self) {
        self.holder.kill().unwrap();
        self.holder.wait().unwrap();
    }

    fn is_running(&self) -> bool {
        // One that ended and that nobody waits for any more has no command line.
        let line = std::fs::read(format!("/proc/{}/cmdline", self.program)).unwrap_or_default();
        !line.is_empty()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        if self.is_running() {
            let _ = kill(self.program, Signal::SIGKILL);
        }
    }
}

#[test]
fn a_demo_whose_terminal_is_gone_ends() {
    let lab = Lab::new();
    let mut demo = Held::start(&lab, "demo");
    demo.take_terminal_away();
    wait_for("the demo to end", || (!demo.is_running()).then_some(()));
}

#[test]
fn a_node_whose_terminal_is_gone_goes_on() {
    let lab = Lab::new();
    let mut node = Held::start(&lab, &NODE.join(" "));
    node.take_terminal_away();
    // It has noticed when no console is attached but the one that asks.
    wait_for("the screen to end", || {
        let status = lab.run(&["status", "--json"]);
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
        let row: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
        (row["consoles"] == 1).then_some(())
    });
    assert!(node.is_running());
    kill(node.program, Signal::SIGTERM).unwrap();
    wait_for("the node to end", || (!node.is_running()).then_some(()));
}

#[test]
fn leaving_a_node_asks_for_the_word() {
    let lab = Lab::new();
    let mut terminal = one_process(&lab, SMALL);
    terminal.press(CTRL_C, "leaving stops it");
    terminal.press(&format!("yes{ENTER}"), "type stop, or Esc");
    terminal.escape("leaving stops it");
    assert!(lab.run(&["status"]).status.success());
    terminal.press(CTRL_C, "leaving stops it");
    terminal.keys(&format!("stop{ENTER}"));
    assert!(terminal.ended().success());
    terminal.is_given_back();
    let status = lab.run(&["status"]);
    assert_eq!(status.status.code(), Some(4), "{}", String::from_utf8_lossy(&status.stderr));
}

#[test]
fn a_storm_of_sizes() {
    let lab = Lab::new();
    let mut demo = lab.terminal(&["demo"], (200, 60));
    demo.until("8 of 8");
    for round in 0..40 {
        demo.resize([(20, 5), (80, 24), (40, 10), (132, 43), (39, 9), (1, 1), (300, 80)][round % 7]);
        demo.keys(["j", "3", "1", "u", "2", "7", "9"][round % 7]);
    }
    demo.resize((20, 5));
    demo.until("too small");
    demo.resize(SMALL);
    demo.until_gone("too small");
    demo.press("2", "FLEET");
    demo.until("? keys");
    demo.keys(CTRL_C);
    assert!(demo.ended().success());
    demo.is_given_back();
}

#[test]
fn without_colour_shapes_and_reverse_stay() {
    let lab = Lab::new();
    let demo = lab.terminal_with(&["demo"], SMALL, &[("NO_COLOR", "1")]);
    demo.line(&["Tanker 01", "■ SEALED"]);
    let colours = |raw: &str| -> Vec<String> {
        let is_colour = |part: &str| {
            part.parse::<u32>().is_ok_and(|n| matches!(n, 30..=38 | 40..=48 | 58 | 90..=97 | 100..=107))
        };
        looks(raw).into_iter().filter(|look| look.split(';').any(is_colour)).collect()
    };
    let raw = demo.raw();
    assert_eq!(colours(&raw), Vec::<String>::new());
    assert!(looks(&raw).iter().any(|look| look == "7"), "the selection is reversed");

    let coloured = Lab::new();
    let demo = coloured.terminal(&["demo"], SMALL);
    demo.line(&["Tanker 01", "■ SEALED"]);
    assert!(!colours(&demo.raw()).is_empty());
}

#[test]
fn a_locale_without_utf8_gets_ascii() {
    let lab = Lab::new();
    let demo = lab.terminal_with(&["demo"], SMALL, &[("LANG", "C")]);
    demo.line(&["Tanker 01", "# SEALED"]);
    assert!(demo.raw().is_ascii());
}

#[test]
fn a_terminal_that_cannot_be_drawn_on_is_refused() {
    let lab = Lab::new();
    let mut terminal = lab.terminal_with(&NODE, SMALL, &[("TERM", "dumb")]);
    assert_eq!(terminal.ended().exit_code(), 1);
    terminal.until("TERM=dumb");
    assert!(!terminal.raw().contains('\x1b'), "{:?}", terminal.raw());
    assert!(!lab.data().exists(), "nothing was started for it");
}

#[test]
fn no_terminal_at_all_is_said_in_one_sentence() {
    let lab = Lab::new();
    let output = lab.run(&NODE);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no terminal") && said.contains("lockyard serve"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(output.stdout.is_empty() && !lab.data().exists());
}
