//! A console on a node of its own, and what devices say on it.

use super::pty::{CTRL_C, Lab, Terminal};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

const SMALL: (u16, u16) = (80, 24);

/// A node without a screen, killed when dropped.
struct Node {
    child: Child,
    address: String,
}

impl Node {
    fn start(lab: &Lab) -> Self {
        let mut command = lab.command(&["serve", "--listen", "127.0.0.1:0", "--auto-enrol"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("listening tcp ").map(str::to_owned));
        let node = Self { child, address: address.unwrap() };
        // It answers its socket a moment after the port.
        while !lab.run(&["status"]).status.success() {}
        node
    }

    /// Says something as a device, and waits until it was answered.
    fn hear(&self, frame: &[u8], answer: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(frame).unwrap();
        let (mut heard, mut buffer) = (Vec::new(), [0; 256]);
        while !String::from_utf8_lossy(&heard).contains(answer) {
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0, "the node hung up");
            heard.extend_from_slice(&buffer[..count]);
        }
        stream
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a master lock says when it has locked itself.
fn report() -> Vec<u8> {
    b"(8000632862,P45,290322,132412,25.28217,S,57.54683,W,A,0,0,5,0,0000000000,0,0,9,0)".to_vec()
}

fn attach(lab: &Lab) -> Terminal {
    let terminal = lab.terminal(&["attach"], SMALL);
    terminal.until("● live");
    terminal
}

#[test]
fn a_killed_node_is_waited_for() {
    let lab = Lab::new();
    let node = Node::start(&lab);
    node.hear(&report(), "(P69,0,9)");
    let mut terminal = attach(&lab);
    terminal.until("8000632862");
    terminal.press("2", "1 of 1");
    drop(node);
    terminal.until("RECONNECTING");
    terminal.until("DOWN");
    // What was known stays, stamped; acts are refused with the reason.
    terminal.until("8000632862");
    terminal.until("commands refused");
    terminal.press("U", "the node is not connected");
    let _again = Node::start(&lab);
    terminal.until("● live");
    terminal.until_gone("RECONNECTING");
    terminal.until("FLEET");
    terminal.keys(CTRL_C);
    assert!(terminal.ended().success());
    terminal.is_given_back();
}

#[test]
fn text_from_outside_never_steers_the_terminal() {
    let lab = Lab::new();
    let node = Node::start(&lab);
    let mut line = node.hear(&report(), "(P69,0,9)");
    let mut terminal = attach(&lab);
    // A device: its frame is refused and shown as bytes.
    line.write_all(b"(8000632862,P01,JT701D\x1b]0;pwned\x07\x1b[31;5mred\xc2\x9b2Jmore,88%)").unwrap();
    terminal.press("7", "byte that is no text");
    // A person with a command line: the name is shown without what steers.
    let name = "Yd\x1b]0;P\x07\u{9b}2J";
    let enrolled = lab.run(&["enrol", "8000632863", "--kind", "master_lock", "--asset", name]);
    assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
    terminal.press("2", "2 of 2");
    terminal.line(&["Yd·]0;P··2J", "UNKNOWN"]);
    // A clipboard: pasted into the filter it is text, pasted elsewhere it is nothing.
    terminal.press("\x1b[200~U\r\x1b]0;pwned\x07\x1b[201~", "never taken as keys");
    terminal.press("/\x1b[200~yd \x1b]9;\x1b[201~", "0 of 2");
    let raw = terminal.raw();
    for sequence in ["\x1b]", "\x1b[31;5m", "\x07", "\u{9b}"] {
        assert!(!raw.contains(sequence), "{sequence:?} reached the terminal");
    }
    let listed = lab.run(&["list", "assets"]);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(text.contains("Yd") && !text.contains('\x1b') && !text.contains('\u{9b}'), "{text:?}");
}
