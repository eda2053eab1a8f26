//! Captures of network traffic: sent to a real node with `replay`, read with `decode`, explained by both.

use super::captures::{DATA, FORMATS, Format, Kept, LINKS, SYN, file, on_link, tcp, udp};
use super::lab::{Console, Lab, Node, Report, runtime, wait_for};
use lockyard::ipc::wire::{Answer, Ask};
use serde_json::{Value, json};
use std::path::PathBuf;

const NODE: &str = "192.0.2.1:8888";
const FIRST: &str = "198.51.100.7:40112";
const SECOND: &str = "198.51.100.8:40113";
const MASTER: &str = "8000620601";
const OTHER: &str = "8000620602";

fn written(lab: &Lab, name: &str, bytes: &[u8]) -> PathBuf {
    let path = lab.file(name, "");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Two devices at once: the first one's packets come out of order, twice and in halves.
fn two_connections() -> Vec<Kept> {
    let reports: Vec<Vec<u8>> = (1..=3).map(|n| Report::new(MASTER).number(n).bytes()).collect();
    let all = reports.concat();
    // The sequence numbers wrap within the second report.
    let begin = u32::MAX - 100;
    let data = |from: usize, to: usize| {
        tcp(FIRST, NODE, DATA, begin.wrapping_add(u32::try_from(from).unwrap()), &all[from..to])
    };
    let packets = [
        tcp(FIRST, NODE, SYN, begin - 1, b""),
        data(0, 20),
        tcp(SECOND, NODE, DATA, 500, &Report::new(OTHER).number(7).bytes()),
        data(30, 35),
        data(0, 20),
        data(20, 33),
        tcp(NODE, FIRST, DATA, 1, b"(P69,0,1)"),
        data(35, all.len()),
    ];
    packets.iter().zip(1..).map(|(packet, n)| (n * 1_000, on_link(113, packet), None)).collect()
}

fn answers(said: &str, number: usize) -> String {
    let head = format!("{number:>4}  <- ");
    said.lines().filter_map(|line| line.strip_prefix(&head)).collect()
}

#[test]
fn a_capture_is_replayed_as_its_devices_spoke() {
    for format in [FORMATS[0], FORMATS[4]] {
        let lab = Lab::new();
        let node = lab.serve();
        let packets = two_connections();
        let path = written(&lab, "capture.bin", &file(format, 113, &packets));
        let (path, to) = (path.to_str().unwrap(), node.tcp.to_string());
        let said = lab.ok(&["replay", path, "--to", &to, "--pace", "100"]);
        assert_eq!(answers(&said, 1), "(P69,0,1)(P69,0,2)(P69,0,3)", "{said}");
        assert_eq!(answers(&said, 2), "(P69,0,7)", "{said}");
        assert!(
            said.contains(&format!("   1  == tcp {FIRST}")) && said.contains(&format!("== tcp {SECOND}"))
        );
        assert_eq!(lab.journal().len(), 4, "{said}");
        assert_eq!(lab.device(MASTER).unwrap()["lock"], "locked");
        node.stop();
    }
}

#[test]
fn datagrams_of_a_capture_stay_datagrams() {
    let lab = Lab::new();
    let node = lab.serve();
    let packets: Vec<Kept> = [(FIRST, MASTER, 1), (SECOND, OTHER, 2), (FIRST, MASTER, 3)]
        .iter()
        .map(|(from, id, n)| (1_000, on_link(1, &udp(from, NODE, &Report::new(id).number(*n).bytes())), None))
        .collect();
    let path = written(&lab, "capture.bin", &file(Format::Ng { big: true }, 1, &packets));
    let said = lab.ok(&["replay", path.to_str().unwrap(), "--to", &node.udp.to_string()]);
    assert_eq!(answers(&said, 1), "(P69,0,1)(P69,0,3)", "{said}");
    assert_eq!(answers(&said, 2), "(P69,0,2)", "{said}");
    assert_eq!(lab.journal().len(), 3);
    node.stop();
}

/// More devices at once than connections are held: those silent longest connect again, and every frame arrives.
#[test]
fn a_capture_of_many_devices_is_replayed_with_reconnects() {
    const DEVICES: u32 = 300;
    let lab = Lab::new();
    let node = lab.serve();
    let report = |n: u32, round: u32| Report::new(&format!("8000{:06}", 621_000 + n)).number(round).bytes();
    let packets: Vec<Kept> = (1..=2)
        .flat_map(|round| (0..DEVICES).map(move |n| (round, n)))
        .map(|(round, n)| {
            let from = format!("198.51.100.7:{}", 10_000 + n);
            let bytes = report(n, round);
            let packet =
                tcp(&from, NODE, DATA, 1 + (round - 1) * u32::try_from(bytes.len()).unwrap(), &bytes);
            (1_000, on_link(101, &packet), None)
        })
        .collect();
    let path = written(&lab, "capture.bin", &file(FORMATS[1], 101, &packets));
    let to = node.tcp.to_string();
    let output = lab.run(&["replay", path.to_str().unwrap(), "--to", &to, "--pause", "0ms"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    assert!(told.contains("more than 256 connections at once") && told.contains("opened again"), "{told}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!((1..=DEVICES as usize).all(|n| answers(&said, n) == "(P69,0,1)(P69,0,2)"), "{said}");
    node.stop();
}

#[test]
fn raw_bytes_and_hex_lines_are_replayed_by_their_content() {
    let lab = Lab::new();
    let node = lab.serve();
    let report = Report::new(MASTER).number(4);
    let to = node.tcp.to_string();
    let raw = written(&lab, "raw.hex", &report.bytes());
    let said = lab.ok(&["replay", raw.to_str().unwrap(), "--to", &to]);
    assert_eq!(answers(&said, 1), "(P69,0,4)", "{said}");
    let text = format!("# one\n{}\n", hex::encode(report.number(5).bytes()));
    let lines = written(&lab, "lines.pcap", text.as_bytes());
    let lines = lines.to_str().unwrap();
    let said = lab.ok(&["replay", lines, "--to", &to]);
    assert_eq!(answers(&said, 2), "(P69,0,5)", "{said}");
    let said = lab.fails(1, &["replay", lines, "--to", &to, "--pace"]);
    assert!(said.contains("only a capture tells times"), "{said}");
    let empty = written(&lab, "empty.pcap", &file(FORMATS[0], 1, &[]));
    let said = lab.fails(1, &["replay", empty.to_str().unwrap(), "--to", &to]);
    assert!(said.contains("empty.pcap: a capture of 0 packets, none with bytes for port 8888"), "{said}");
    node.stop();
}

#[test]
fn decode_reads_what_replay_reads() {
    let lab = Lab::new();
    let frame = Report::new(MASTER).number(9).bytes();
    let decode = |name: &str, bytes: &[u8], flags: &[&str]| -> Vec<Value> {
        let path = written(&lab, name, bytes);
        let text = lab.ok(&[&["decode", path.to_str().unwrap()], flags].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let want = decode("hex", hex::encode(&frame).as_bytes(), &[]);
    assert_eq!((want.len(), &want[0]["device"]), (1, &json!(MASTER)));
    assert_eq!(decode("raw", &frame, &[]), want);
    let looks_like_hex = written(&lab, "raw", b"abcd");
    let output = lab.run(&["decode", looks_like_hex.to_str().unwrap(), "--raw"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["raw"], "61626364");
    for format in FORMATS {
        for link in LINKS.into_iter().filter(|link| *link != 229) {
            let halves = [tcp(FIRST, NODE, DATA, 20, &frame[20..]), tcp(FIRST, NODE, DATA, 0, &frame[..20])];
            let packets: Vec<Kept> = halves.iter().map(|p| (5, on_link(link, p), None)).collect();
            assert_eq!(decode("capture", &file(format, link, &packets), &[]), want, "{format:?} {link}");
        }
    }
    let datagram = [(5, on_link(229, &udp("[2001:db8::7]:9", "[2001:db8::1]:9000", &frame)), None)];
    let capture = file(FORMATS[5], 229, &datagram);
    let explained = decode("capture", &capture, &["--port", "9000", "--explain", "--json"]);
    assert_eq!(explained.len(), 1);
    assert_eq!(explained[0]["messages"], json!(want));
    assert_eq!(explained[0]["from"], "udp [2001:db8::7]:9");
    assert!(explained[0]["frame"].is_string() && explained[0]["fields"].is_array(), "{explained:?}");
    assert!(explained[0].get("verdict").is_some());
}

#[test]
fn tables_are_plain_text_in_eighty_columns() {
    let lab = Lab::new();
    let text =
        format!("{}\n474554202f20485454502f312e310d0a\nzz\n", hex::encode(Report::new(MASTER).bytes()));
    let path = lab.file("frames", &text);
    let output = lab.run(&["decode", "--explain", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    // Neither a terminal nor a locale: no colour, ASCII.
    assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text:?}");
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    assert!(text.contains("62 bytes") && text.contains("message  position, lock locked"), "{text}");
    assert!(text.contains("answer   (P69,0,1)"), "{text}");
    assert!(text.contains("refused  bytes that begin no frame"), "{text}");
    assert!(text.contains("refused  line 3: not hex"), "{text}");
}

fn refused_row(lab: &Lab, node: &Node) -> Value {
    let mut device = node.connect();
    device.send(b"GET / HTTP/1.1\r\n\r\n");
    drop(device.finish());
    wait_for("the refused bytes", || lab.list(&["refused"]).pop())
}

#[test]
fn what_knocks_and_what_is_refused_is_listed_and_explained() {
    let lab = Lab::new();
    for what in ["quarantine", "refused"] {
        assert!(lab.fails(4, &["list", what]).contains("only in a node's memory"));
    }
    let node = lab.serve_with(&[]);
    node.connect().send(Report::new(MASTER).bytes());
    let waiting = wait_for("the ID that knocks", || lab.list(&["quarantine"]).pop());
    assert_eq!((&waiting["frames"], &waiting["protocol"]), (&json!(1), &json!("jointech-master")));
    assert!(waiting["why"].as_str().unwrap().starts_with("not enrolled"), "{waiting:#}");
    assert!(lab.ok(&["list", "quarantine"]).contains(&format!("jointech/{MASTER}")));
    let row = refused_row(&lab, &node);
    assert!(row["sample"].as_str().unwrap().starts_with("474554"), "{row:#}");
    let csv = lab.ok(&["list", "refused", "--csv"]);
    assert!(csv.starts_with("REASON,COUNT,LAST,FROM,CLAIMS,NEAREST,SAMPLE\n"), "{csv}");
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let raw = row["sample"].as_str().unwrap().to_owned();
    runtime().block_on(async {
        let mut console = Console::attach(&lab.socket()).await;
        let Answer::Explained { explanation } = console.ask(Ask::Explain { raw: raw.clone() }).await else {
            panic!("not explained")
        };
        assert_eq!(*explanation, lockyard::protocol::explain::explain(&hex::decode(raw).unwrap()));
        let nearest = row["nearest"].as_str().unwrap_or_default();
        assert!(nearest.contains(&explanation.verdict.unwrap_or_default()), "{row:#}");
        assert!(console.refused(Ask::Explain { raw: "zz".into() }).await.contains("not hex"));
    });
    node.stop();
}
