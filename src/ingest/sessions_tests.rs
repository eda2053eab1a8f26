use super::*;

fn at(second: i64) -> Utc {
    Utc::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn key() -> DeviceKey {
    DeviceKey::jointech("8000620011")
}

fn source(transport: Transport, peer: &str) -> Source {
    Source { transport, peer: peer.parse().unwrap() }
}

fn line(number: u64, peer: &str) -> (Line, mpsc::Receiver<Outgoing>) {
    let (outbox, takes) = mpsc::channel(OUTBOX);
    let source = source(Transport::Tcp, peer);
    let (superseded, end) = (Arc::default(), CancellationToken::new());
    (Line { number, source, outbox, superseded, end }, takes)
}

async fn socket() -> Arc<UdpSocket> {
    Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap())
}

/// The address that is written to.
fn way(sessions: &Sessions, second: i64) -> Option<String> {
    sessions.link(&key(), at(second)).map(|link| link.peer.to_string())
}

fn some(peer: &str) -> Option<String> {
    Some(peer.to_owned())
}

#[test]
fn the_newest_connection_is_the_way_and_the_older_ones_are_witnesses() {
    let sessions = Sessions::default();
    let ((a, _a), (b, _b)) = (line(1, "10.0.0.1:1"), line(2, "10.0.0.2:2"));
    let first = sessions.heard_tcp(&key(), &a, false, at(0));
    assert_eq!(first, Heard { opens: true, ..Heard::default() });
    assert_eq!(sessions.heard_tcp(&key(), &a, false, at(1)), Heard::default());
    let second = sessions.heard_tcp(&key(), &b, false, at(2));
    assert_eq!(second, Heard { opens: true, overtaken: false, superseded: Some(a.source) });
    assert_eq!(sessions.heard_tcp(&key(), &a, false, at(3)), Heard::default());
    assert_eq!(way(&sessions, 3), some("10.0.0.2:2"), "who speaks last is not who is newest");
    assert!(sessions.is_witness(&key(), 1, at(3)) && !sessions.is_witness(&key(), 2, at(3)));
    assert_eq!(sessions.ended(2), [key()]);
    assert_eq!(way(&sessions, 4), some("10.0.0.1:1"));
    assert!(!sessions.is_witness(&key(), 1, at(4)));
    sessions.ended(1);
    assert!(sessions.lock().is_empty());
}

#[test]
fn a_connection_opened_before_the_newest_is_no_newer_by_speaking_first_now() {
    let sessions = Sessions::default();
    let ((a, _a), (b, _b)) = (line(1, "10.0.0.1:1"), line(2, "10.0.0.2:2"));
    sessions.heard_tcp(&key(), &b, false, at(0));
    let late = sessions.heard_tcp(&key(), &a, false, at(1));
    assert_eq!(late, Heard { opens: true, overtaken: true, superseded: None });
    assert_eq!(way(&sessions, 1), some("10.0.0.2:2"));
}

#[test]
fn who_only_repeats_what_was_heard_gets_no_command() {
    let sessions = Sessions::default();
    let ((a, _a), (b, _b)) = (line(1, "10.0.0.1:1"), line(2, "10.0.0.2:2"));
    sessions.heard_tcp(&key(), &a, false, at(0));
    assert!(!sessions.heard_tcp(&key(), &b, true, at(10)).opens);
    assert_eq!(way(&sessions, 10), None, "the older one may be dead");
    sessions.heard_tcp(&key(), &a, false, at(20));
    assert_eq!(way(&sessions, 20), some("10.0.0.1:1"), "it is not");
    assert!(sessions.heard_tcp(&key(), &b, false, at(30)).opens, "now it has something to say");
    assert_eq!(way(&sessions, 30), some("10.0.0.2:2"));
}

#[test]
fn more_ways_than_are_kept_end_the_oldest_however_late_they_speak() {
    let sessions = Sessions::default();
    let lines: Vec<_> = (0..6).map(|n| line(n, &format!("10.0.0.1:{}", 100 + n))).collect();
    for (line, _) in lines.iter().rev() {
        sessions.heard_tcp(&key(), line, false, at(0));
    }
    assert_eq!(sessions.lock()[&key()].live.len(), WAYS);
    assert_eq!(way(&sessions, 0), some("10.0.0.1:105"));
    let ended: Vec<bool> = lines.iter().map(|(line, _)| line.end.is_cancelled()).collect();
    assert_eq!(ended, [true, true, false, false, false, false]);
}

#[test]
fn more_ways_than_are_kept_end_the_oldest() {
    let sessions = Sessions::default();
    let lines: Vec<_> = (0..6).map(|n| line(n, &format!("10.0.0.1:{}", 100 + n))).collect();
    for (line, _) in &lines {
        sessions.heard_tcp(&key(), line, false, at(0));
    }
    let ended: Vec<bool> = lines.iter().map(|(line, _)| line.end.is_cancelled()).collect();
    assert_eq!(ended, [true, true, false, false, false, false]);
}

#[tokio::test]
async fn a_datagram_moves_the_way_only_when_the_way_is_stale_or_within_one_ip() {
    let (sessions, socket) = (Sessions::default(), socket().await);
    let hear = |peer, again, second| {
        sessions.heard_udp(&key(), source(Transport::Udp, peer), &socket, again, at(second));
    };
    hear("10.0.0.1:1", true, 0);
    assert_eq!(way(&sessions, 0), None, "a repetition proves nothing");
    hear("10.0.0.1:1", false, 1);
    assert_eq!(way(&sessions, 121), some("10.0.0.1:1"));
    assert_eq!(way(&sessions, 122), None, "address translation forgets");
    hear("10.0.0.1:2", false, 60);
    assert_eq!(way(&sessions, 60), some("10.0.0.1:2"));
    hear("10.0.0.1:3", true, 70);
    assert_eq!(way(&sessions, 70), some("10.0.0.1:2"), "a repetition does not move it");
    hear("10.9.9.9:2", false, 100);
    assert_eq!(way(&sessions, 100), some("10.0.0.1:2"), "a spoof gets nothing");
    hear("10.9.9.9:2", false, 191);
    assert_eq!(way(&sessions, 191), some("10.9.9.9:2"), "the present one is gone");
    hear("10.0.0.1:2", false, 200);
    assert_eq!(way(&sessions, 200), some("10.9.9.9:2"));
}

#[tokio::test]
async fn datagrams_get_through_when_a_connection_lingers_in_silence() {
    let (sessions, socket) = (Sessions::default(), socket().await);
    let (a, _a) = line(1, "10.0.0.1:1");
    let udp = source(Transport::Udp, "10.0.0.1:8");
    sessions.heard_tcp(&key(), &a, false, at(0));
    sessions.heard_udp(&key(), udp, &socket, false, at(60));
    assert_eq!(way(&sessions, 60), some("10.0.0.1:1"), "a living connection proves more");
    assert_eq!(way(&sessions, 10_000), some("10.0.0.1:1"), "alone it may be as quiet as it likes");
    sessions.heard_udp(&key(), udp, &socket, false, at(121));
    assert_eq!(sessions.link(&key(), at(121)).unwrap().transport, Transport::Udp);
    sessions.heard_tcp(&key(), &a, false, at(130));
    assert_eq!(sessions.link(&key(), at(130)).unwrap().transport, Transport::Udp);
    sessions.heard_tcp(&key(), &a, false, at(300));
    assert_eq!(sessions.link(&key(), at(300)).unwrap().transport, Transport::Tcp);
}

#[tokio::test]
async fn a_pin_leaves_one_way_or_none() {
    let sessions = Sessions::default();
    let ((a, mut taken), (b, _b)) = (line(1, "10.0.0.1:1"), line(2, "10.0.0.2:2"));
    sessions.heard_tcp(&key(), &a, false, at(0));
    sessions.heard_tcp(&key(), &b, false, at(10));
    let pin = Pin { accepted: a.source, rejected: vec![b.source] };
    sessions.pin(&key(), Some(pin.clone()));
    assert_eq!(way(&sessions, 20), some("10.0.0.1:1"));
    assert!(sessions.is_rejected(&key(), &b.source) && !sessions.is_rejected(&key(), &a.source));
    assert!(!sessions.is_witness(&key(), 1, at(20)) && sessions.is_witness(&key(), 2, at(20)));
    let device = key();
    let sending = sessions.send(&device, b"(P22)".to_vec(), at(20));
    let (sent, ()) = tokio::join!(sending, async {
        let outgoing = taken.recv().await.unwrap();
        outgoing.done.send(Sent::Written).unwrap();
    });
    assert_eq!(sent, Sent::Written);
    sessions.ended(1);
    assert_eq!(way(&sessions, 30), None);
    assert_eq!(sessions.send(&key(), b"(P22)".to_vec(), at(30)).await, Sent::Unsent);
    sessions.pin(&key(), None);
    assert_eq!(way(&sessions, 30), some("10.0.0.2:2"));
    sessions.ended(2);
    sessions.pin(&key(), Some(pin));
    sessions.pin(&key(), None);
    assert!(sessions.lock().is_empty(), "nothing is left of it");
}
