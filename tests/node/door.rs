//! What comes in by the port is answered as documented, whole, split, glued and with rubbish between.

use super::frames::{Case, corpus};
use super::lab::{Device, Lab, Node, PATIENCE, Report, SILENCE, shown};
use chrono::{Datelike, TimeDelta, Utc};
use std::io::{ErrorKind, Write};
use std::net::UdpSocket;
use std::process::Stdio;

/// What `lockyard decode` says is to be answered to the reads of a case.
fn documented(lab: &Lab, case: &Case) -> String {
    let mut decode = lab.command(&["decode", "--show-secrets"]);
    let mut child = decode.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines: String = case.reads.iter().map(|read| format!("{}\n", hex::encode(read))).collect();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let objects = String::from_utf8(output.stdout).unwrap();
    let replies = objects.lines().filter_map(|line| {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        object["reply"].as_str().map(str::to_owned)
    });
    // Binary answers follow each other without a mark.
    replies.fold(String::new(), |all, reply| match reply.strip_prefix("hex:") {
        Some(more) if all.starts_with("hex:") => all + more,
        _ => all + &reply,
    })
}

/// Binary frames teach the node a version, which changes how texts of the same lock are answered: texts first.
fn cases() -> Vec<Case> {
    let mut cases = corpus();
    cases.sort_by_key(|case| case.reads.iter().any(|read| !read.starts_with(b"(")));
    cases
}

/// `(…,DDMMYYhhmmss)`, `…YYYYMMDDhhmmss)` and the binary time answer are compared by shape.
fn assert_answers(case: &Case, how: &str, want: &str, got: &[u8]) {
    let told = if want.starts_with("hex:") { format!("hex:{}", hex::encode(got)) } else { shown(got) };
    let now = Utc::now();
    for (shape, format) in [("DDMMYYhhmmss", "%d%m%y"), ("YYYYMMDDhhmmss", "%Y%m%d")] {
        if let Some(at) = want.find(shape) {
            let days = [now, now - TimeDelta::minutes(1)].map(|day| day.format(format).to_string());
            let time = told.get(at..at + shape.len()).unwrap_or_default();
            assert!(time.bytes().all(|b| b.is_ascii_digit()), "{} {how}: {told}", case.id);
            assert!(days.iter().any(|day| time.starts_with(day)), "{} {how}: {told}", case.id);
            let (before, after) = (&told[..at], &told[at + shape.len()..]);
            assert_eq!(format!("{before}{shape}{after}"), want, "{} {how}", case.id);
            return;
        }
    }
    if let Some(rest) = want.strip_prefix("hex:7e8109") {
        let plain = hex::encode(got).replace("7d01", "7d").replace("7d02", "7e");
        assert!(plain.starts_with(&format!("7e8109{}", &rest[..20])), "{} {how}: {plain}", case.id);
        let year = u16::from_str_radix(&plain[26..30], 16).unwrap();
        assert!(i32::from(year).abs_diff(now.year()) <= 1, "{} {how}: {plain}", case.id);
        assert_eq!(plain.len() + 4, want.len(), "{} {how}: {plain}", case.id);
        return;
    }
    assert_eq!(in_any_order(&told), in_any_order(want), "{} {how}", case.id);
}

/// The answers to a seal one by one: what is answered at once overtakes what waits for its commit.
fn in_any_order(answers: &str) -> Vec<&str> {
    let frames = answers.strip_prefix("hex:").unwrap_or(answers);
    let mut answers: Vec<&str> = frames.split("7e7e").map(|answer| answer.trim_matches(['7', 'e'])).collect();
    answers.sort_unstable();
    answers
}

/// A node that asks for no photo: a request is no answer.
fn serve(lab: &Lab) -> Node {
    let config = lab.file("config.toml", "[photos]\nlimit = \"1 KB\"\n");
    lab.serve_with(&["--auto-enrol", "--config", config.to_str().unwrap()])
}

#[test]
fn every_frame_of_the_corpus_is_answered_as_documented_over_tcp() {
    let lab = Lab::new();
    let node = serve(&lab);
    for case in cases() {
        let want = documented(&lab, &case);
        let mut device = node.connect();
        case.reads.iter().for_each(|read| device.send(read));
        assert_answers(&case, "by TCP", &want, &device.finish());
    }
    node.stop();
}

#[test]
fn every_frame_of_the_corpus_is_answered_as_documented_over_udp() {
    let lab = Lab::new();
    let node = serve(&lab);
    let mark = Report::new("8099999999");
    let mut answered = 0;
    for (n, case) in (1..).zip(cases()) {
        let want = documented(&lab, &case);
        let socket = node.datagrams();
        let mut got = Vec::new();
        for read in &case.reads {
            socket.send(read).unwrap();
            // The next read may build on this one.
            got.extend(until_marked(&node, &socket, &mark.clone().number(n)));
        }
        wait_for_rest(&socket, &want, &mut got);
        answered += usize::from(!want.is_empty());
        assert_answers(&case, "by UDP", &want, &got);
    }
    assert!(answered > 30, "{answered} answers");
    node.stop();
}

/// What was answered to `socket` by the time that a mark sent after it from elsewhere is answered.
fn until_marked(node: &Node, socket: &UdpSocket, mark: &Report) -> Vec<u8> {
    let other = node.datagrams();
    other.send(&mark.bytes()).unwrap();
    let mut buffer = [0; 2048];
    let n = other.recv(&mut buffer).unwrap();
    assert_eq!(shown(&buffer[..n]), mark.answer());
    // Two tasks write the two answers: a moment for the other one.
    socket.set_read_timeout(Some(std::time::Duration::from_millis(40))).unwrap();
    let mut got = Vec::new();
    while let Ok(n) = socket.recv(&mut buffer) {
        got.extend_from_slice(&buffer[..n]);
    }
    got
}

/// On a busy machine the moment may have been too short: what is documented is waited for.
fn wait_for_rest(socket: &UdpSocket, want: &str, got: &mut Vec<u8>) {
    let whole = want.strip_prefix("hex:").map_or(want.len(), |hex| hex.len() / 2);
    let mut buffer = [0; 2048];
    socket.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    while got.len() < whole {
        let Ok(n) = socket.recv(&mut buffer) else { return };
        got.extend_from_slice(&buffer[..n]);
    }
}

#[test]
fn glued_split_and_surrounded_by_rubbish() {
    let lab = Lab::new();
    let node = lab.serve();
    let id = "8000620101";
    let reports: Vec<Report> = (1..=5).map(|n| Report::new(id).number(n)).collect();
    let all_answers: String = reports.iter().map(Report::answer).collect();

    let mut glued = node.connect();
    glued.ask(reports.iter().flat_map(Report::bytes).collect::<Vec<u8>>(), &all_answers);

    let later: Vec<Report> = (6..=10).map(|n| Report::new(id).number(n)).collect();
    for report in &later {
        glued.send(b"\x00\xffrubbish\r\n");
        glued.send(report.bytes());
        glued.send(b"<html>");
    }
    glued.expect(&later.iter().map(Report::answer).collect::<String>());

    // A write a byte, 62 of them, and a text frame of the same lock after it.
    let single = Report::new(id).number(11);
    let bytes = single.bytes();
    assert_eq!(bytes.len(), 62);
    for byte in bytes {
        glued.send([byte]);
    }
    glued.expect(&single.answer());
    glued.ask(format!("({id},@JT)({id},P22,2)"), "(P22,");
    glued.send(b"(80006");
    glued.send(b"20101,P4");
    drop(glued.finish());

    let rows = lab.list(&["devices"]);
    assert_eq!(rows.len(), 1, "{rows:#?}");
    let frames = lab.journal();
    assert_eq!(frames.iter().filter(|frame| frame.len() == 62).count(), 11);
    let status: serde_json::Value = serde_json::from_str(&lab.ok(&["status", "--json"])).unwrap();
    assert!(status["refused"].as_u64().unwrap() >= 5, "{status:#}");
    node.stop();
}

#[test]
fn several_frames_in_one_datagram_are_all_answered() {
    let lab = Lab::new();
    let node = lab.serve();
    let socket = node.datagrams();
    let reports: Vec<Report> = (1..=4).map(|n| Report::new("8000620102").number(n)).collect();
    socket.send(&reports.iter().flat_map(Report::bytes).collect::<Vec<u8>>()).unwrap();
    let mut got = String::new();
    let mut buffer = [0; 512];
    while got.len() < 4 * "(P69,0,1)".len() {
        let n = socket.recv(&mut buffer).unwrap();
        got.push_str(&shown(&buffer[..n]));
    }
    assert_eq!(got, reports.iter().map(Report::answer).collect::<String>());
}

#[test]
fn ipv6_is_served_like_ipv4() {
    if UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    let lab = Lab::new();
    let node = Node::start(lab.command(&["serve", "--listen", "[::1]:0", "--auto-enrol"]));
    assert!(node.tcp.is_ipv6() && node.udp.is_ipv6(), "{} {}", node.tcp, node.udp);
    let report = Report::new("8000620103").number(7);
    node.connect().ask(report.bytes(), "(P69,0,7)");
    let socket = node.datagrams();
    socket.send(&Report::new("8000620104").number(8).bytes()).unwrap();
    let mut buffer = [0; 64];
    let n = socket.recv(&mut buffer).unwrap();
    assert_eq!(shown(&buffer[..n]), "(P69,0,8)");
    let peer = lab.device("8000620103").unwrap()["peer"].as_str().unwrap().to_owned();
    assert!(peer.contains("[::1]"), "{peer}");
    node.stop();
}

#[test]
fn a_frame_sent_again_is_answered_again_and_stored_once() {
    let lab = Lab::new();
    let node = lab.serve();
    let report = Report::new("8000620105").number(9);
    let mut device = node.connect();
    // In one piece, so that all wait for the same commit; then one after the other; then from elsewhere.
    device.ask(report.bytes().repeat(3), &report.answer().repeat(3));
    device.ask(report.bytes(), &report.answer());
    node.connect().ask(report.bytes(), &report.answer());
    let socket = node.datagrams();
    let mut buffer = [0; 64];
    for _ in 0..3 {
        socket.send(&report.bytes()).unwrap();
    }
    for _ in 0..3 {
        let n = socket.recv(&mut buffer).unwrap();
        assert_eq!(shown(&buffer[..n]), report.answer());
    }
    assert_eq!(lab.journal().len(), 1);
    let row = lab.device("8000620105").unwrap();
    assert_eq!(row["lock"], "locked", "{row:#}");
    node.stop();
}

#[test]
fn a_newer_connection_of_a_device_supersedes_the_older_one_which_is_still_heard() {
    let lab = Lab::new();
    let node = lab.serve();
    let report = Report::new("8000620106");
    let mut old = node.connect();
    old.ask(report.clone().number(1).bytes(), "(P69,0,1)");
    let mut new = node.connect();
    new.ask(report.clone().number(2).bytes(), "(P69,0,2)");
    old.ask(report.clone().number(2).bytes(), "(P69,0,2)");
    old.hears_nothing();
    new.ask(report.clone().number(3).bytes(), "(P69,0,3)");
    // A stranger on the other maker's protocol with the same digits is another device.
    let mut other: Device = node.connect();
    other.send(
        "$POS,8000620106,112742.000,A,0900.0000,N,07900.0000,W,0.0,0.0,010124,,,A/00000,0/0,0,0,0/0//f8/\r\n",
    );
    drop(other.finish());
    new.ask(report.number(4).bytes(), "(P69,0,4)");
    node.stop();
}

#[test]
fn silence_is_no_answer_for_what_cannot_be_read() {
    let lab = Lab::new();
    let node = lab.serve();
    let socket = node.datagrams();
    socket.send(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    let error = socket.recv(&mut [0; 64]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    let mut device = node.connect();
    device.send(b"GET / HTTP/1.1\r\n\r\n");
    device.hears_nothing();
    // A seal's frame with a wrong checksum, and a sound one after it.
    device.0.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bad = hex::decode("7e000200000007943080100001307e").unwrap();
    let good = bad.clone();
    bad[13] ^= 1;
    device.send([bad, good].concat());
    let mut answer = [0; 20];
    std::io::Read::read_exact(&mut device.0, &mut answer).unwrap();
    assert_eq!(hex::encode(answer), "7e8001000500079430801000000001000200b47e");
    assert_eq!(device.finish(), b"");
    node.stop();
}
