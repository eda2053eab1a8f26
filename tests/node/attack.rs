//! Bad manners at the port and at the operator socket: bounded, counted, and nobody else notices.

use super::lab::{Device, Lab, Node, Report, runtime, wait_for};
use lockyard::ipc::wire::{Answer, Ask};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

fn answers(node: &Node, id: &str) {
    node.connect().ask(Report::new(id).bytes(), "(P69,0,1)");
}

fn strict(lab: &Lab, text: &str) -> Node {
    let config = lab.file("config.toml", text);
    lab.serve_with(&["--auto-enrol", "--config", config.to_str().unwrap()])
}

#[test]
fn a_connection_that_only_drips_is_closed() {
    let lab = Lab::new();
    let node = strict(&lab, "[limits]\nfirst_frame = \"1s\"\n");
    let started = Instant::now();
    let mut drip = node.connect();
    let mut quiet = node.connect();
    let mut closed = false;
    for byte in b"(8000620901,P45,".iter().cycle() {
        std::thread::sleep(Duration::from_millis(50));
        if drip.0.write_all(&[*byte]).is_err() {
            closed = true;
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "still open");
    }
    assert!(closed);
    assert_eq!(quiet.rest(), b"");
    answers(&node, "8000620902");
    node.stop();
}

#[test]
fn rubbish_ends_its_connection_and_nothing_else() {
    let lab = Lab::new();
    let node = lab.serve();
    let mut good = node.connect();
    good.ask(Report::new("8000620903").bytes(), "(P69,0,1)");
    for rubbish in
        [vec![0xAA; 8192], b"(".repeat(8192), b"$$$$".repeat(2048), b"~".repeat(8192), b"@".repeat(8192)]
    {
        let mut bad = node.connect();
        let _ = bad.0.write_all(&rubbish); // it may be closed before all is written
        assert_eq!(bad.rest(), b"", "{:?}", &rubbish[..4]);
    }
    // A length of a megabyte in the header is refused from the header.
    let mut huge = node.connect();
    huge.send(hex::decode("248000620011191103e8").unwrap());
    huge.send([0x41; 5000]);
    assert_eq!(huge.rest(), b"");
    good.ask(Report::new("8000620903").number(2).bytes(), "(P69,0,2)");
    let status: serde_json::Value = serde_json::from_str(&lab.ok(&["status", "--json"])).unwrap();
    assert!(status["refused"].as_u64().unwrap() > 5, "{status:#}");
    node.stop();
}

#[test]
fn hundreds_of_connections_and_one_too_many() {
    let lab = Lab::new();
    let node = strict(&lab, "[limits]\nper_address = 300\n");
    let mut all: Vec<Device> = (0..300).map(|_| node.connect()).collect();
    for (n, device) in (0..).zip(&mut all) {
        device.send(Report::new(&format!("83{n:08}")).bytes());
    }
    all.iter_mut().for_each(|device| device.expect("(P69,0,1)"));
    assert_eq!(node.connect().rest(), b"", "one more is closed");
    // Half a frame and gone, all of them.
    for device in &mut all {
        device.send(&Report::new("8000620904").bytes()[..31]);
    }
    drop(all);
    let end = wait_for("all to be gone", || {
        let status: serde_json::Value = serde_json::from_str(&lab.ok(&["status", "--json"])).unwrap();
        (status["connections"] == 0).then_some(status)
    });
    assert_eq!(end["frames"], 300, "{end:#}");
    answers(&node, "8000620905");
    assert_eq!(lab.list(&["devices"]).len(), 301);
    node.stop();
}

#[test]
fn a_device_that_takes_no_answers_holds_nobody_up() {
    let lab = Lab::new();
    let node = lab.serve();
    let mut deaf = node.connect();
    deaf.0.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    // Asks for the time again and again and never reads: both ways fill up.
    let ask = b"(8000620906,P22,2)".repeat(2000);
    while deaf.0.write_all(&ask).is_ok() {}
    answers(&node, "8000620907");
    drop(deaf);
    node.stop();
}

fn greeting(socket: &std::path::Path) -> UnixStream {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(super::lab::PATIENCE)).unwrap();
    let hello = r#"{"lockyard":2,"build":"test","time":"2025-01-01T00:00:00Z"}"#;
    stream.write_all(format!("{hello}\n").as_bytes()).unwrap();
    stream
}

#[test]
fn garbage_on_the_operator_socket_ends_that_console_alone() {
    let lab = Lab::new();
    let node = lab.serve();
    answers(&node, "8000620908");
    for garbage in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xFF; 100_000],
        b"{\"lockyard\":1}\n".to_vec(),
        b"{\"lockyard\":99,\"build\":\"x\",\"time\":\"2025-01-01T00:00:00Z\"}\n".to_vec(),
    ] {
        let mut stream = UnixStream::connect(lab.socket()).unwrap();
        stream.set_read_timeout(Some(super::lab::PATIENCE)).unwrap();
        let _ = stream.write_all(&garbage);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    for garbage in
        [b"{\"id\":1,\"ask\":{\"ask\":\"fly\"}}\n".to_vec(), b"[".repeat(200_000), vec![b'x'; 5 << 20]]
    {
        let mut stream = greeting(&lab.socket());
        let _ = stream.write_all(&garbage);
        let _ = stream.write_all(b"\n");
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said); // the node closes
    }
    lab.ok(&["status"]);
    answers(&node, "8000620909");
    node.stop();
}

#[test]
fn a_console_that_stops_reading_holds_nobody_up() {
    let lab = Lab::new();
    let node = lab.serve();
    let mut device = node.connect();
    device.ask(Report::new("8000620910").bytes(), "(P69,0,1)");
    let mut stuck = greeting(&lab.socket());
    let tail = r#"{"id":2,"ask":{"ask":"tail","device":"jointech/8000620910"}}"#;
    let list = r#"{"id":3,"ask":{"ask":"list","all":true}}"#;
    stuck.write_all(format!("{{\"id\":1,\"ask\":{{\"ask\":\"subscribe\"}}}}\n{tail}\n").as_bytes()).unwrap();
    stuck.write_all(format!("{list}\n").repeat(500).as_bytes()).unwrap();
    for n in 2..400 {
        device.ask(Report::new("8000620910").number(n).bytes(), &format!("(P69,0,{})", n & 0xFF));
    }
    assert_eq!(lab.list(&["devices"]).len(), 1);
    let stopping = Instant::now();
    node.stop();
    assert!(stopping.elapsed() < Duration::from_secs(8), "{:?}", stopping.elapsed());
}

/// A tail begins with what came before, however long that is.
#[test]
fn a_tail_of_long_frames_fits_the_protocol() {
    let lab = Lab::new();
    let node = lab.serve();
    let mut device = node.connect();
    let text = "x,".repeat(450);
    for n in 0..1200 {
        device.send(format!("(8000620911,P41,{n},{text})"));
    }
    device.ask(Report::new("8000620911").bytes(), "(P69,0,1)");
    runtime().block_on(async {
        let mut console = super::lab::Console::attach(&lab.socket()).await;
        console.ask(Ask::Subscribe).await;
        let device = lockyard::domain::DeviceKey::jointech("8000620911");
        let answer = console.ask(Ask::Tail { device }).await;
        assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
        let mut lines = 0;
        while lines < 400 {
            if let lockyard::ipc::wire::FromNode::Tail { lines: more, .. } = console.message().await {
                lines += more.len();
            }
        }
    });
    node.stop();
}

/// Whoever reads the log is gone: no reason to stop serving.
#[test]
fn a_log_that_nobody_takes_stops_nothing() {
    let lab = Lab::new();
    let mut command = lab.command(&["serve", "--listen", "127.0.0.1:0", "--auto-enrol"]);
    command.env("LOCKYARD_LOG", "trace");
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    let (reader, writer) = std::io::pipe().unwrap();
    let mut child = command.stderr(writer).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let address = loop {
        let line = lines.next().expect("a listening line").unwrap();
        if let Some(address) = line.strip_prefix("listening tcp ") {
            break address.parse().unwrap();
        }
    };
    drop(reader);
    for n in 1..20 {
        Device::connect(address).ask(Report::new("8000620912").number(n).bytes(), &format!("(P69,0,{n})"));
    }
    lab.ok(&["status"]);
    child.kill().unwrap();
    child.wait().unwrap();
}
