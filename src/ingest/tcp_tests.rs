use super::super::{Admission, FrameRecord};
use super::*;
use crate::domain::Utc;
use tokio::sync::oneshot;

/// For a session that hears nothing.
struct Nobody;

impl EventSink for Nobody {
    async fn admit(&self, _: &DeviceKey, _: &HeardFrame, _: Source) -> Admission {
        unreachable!("nothing is heard")
    }
    async fn store(&self, _: FrameRecord) -> Result<Ticket, String> {
        unreachable!("nothing is heard")
    }
    fn try_store(&self, _: FrameRecord) -> Result<Ticket, String> {
        unreachable!("nothing is heard")
    }
    fn quarantine(&self, _: &DeviceKey, _: &HeardFrame, _: Source) {}
    fn unread(&self, _: &Unread, _: Option<&DeviceKey>, _: Source) {}
    fn pieces(&self, _: &DeviceKey, _: &HeardFrame, _: Source) -> bool {
        false
    }
    fn password(&self, _: &DeviceKey, _: &HeardFrame) {}
    fn is_repeat(&self, _: &FrameRecord) -> bool {
        false
    }
    fn dropped(&self, _: Source) {}
    fn fate(&self, _: &DeviceKey, _: &HeardFrame, _: Source, _: &str, _: bool) {}
    fn now(&self) -> Utc {
        Utc::UNIX_EPOCH
    }
}

/// Takes a frame for as long as it is told, and keeps how it came.
#[derive(Default)]
struct Slow {
    busy: std::sync::Mutex<Duration>,
    taking: tokio::sync::Notify,
    taken: std::sync::Mutex<Vec<Arrival>>,
}

impl EventSink for Slow {
    async fn admit(&self, _: &DeviceKey, _: &HeardFrame, _: Source) -> Admission {
        Admission::Enrolled
    }
    async fn store(&self, record: FrameRecord) -> Result<Ticket, String> {
        self.taking.notify_one();
        let busy = *self.busy.lock().unwrap();
        tokio::time::sleep(busy).await;
        self.taken.lock().unwrap().push(record.arrival);
        Ok(Box::pin(std::future::ready(Ok(super::super::Durable::New))))
    }
    fn try_store(&self, _: FrameRecord) -> Result<Ticket, String> {
        unreachable!("no datagrams here")
    }
    fn quarantine(&self, _: &DeviceKey, _: &HeardFrame, _: Source) {}
    fn unread(&self, _: &Unread, _: Option<&DeviceKey>, _: Source) {}
    fn pieces(&self, _: &DeviceKey, _: &HeardFrame, _: Source) -> bool {
        false
    }
    fn password(&self, _: &DeviceKey, _: &HeardFrame) {}
    fn is_repeat(&self, _: &FrameRecord) -> bool {
        false
    }
    fn dropped(&self, _: Source) {}
    fn fate(&self, _: &DeviceKey, _: &HeardFrame, _: Source, _: &str, _: bool) {}
    fn now(&self) -> Utc {
        Utc::UNIX_EPOCH
    }
}

/// What waited while our disk was slow may have been sent before a newer connection began: it proves nothing.
#[tokio::test(start_paused = true)]
async fn what_is_found_waiting_after_a_long_hold_up_is_marked_and_the_rest_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (device, accepted) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (mut device, (stream, peer)) = (device.unwrap(), accepted.unwrap());
    let day = Duration::from_secs(86_400);
    let limits = Limits {
        connections: 1,
        per_address: 1,
        first_frame: day,
        idle: day,
        rubbish_bytes: 99,
        datagrams: 9,
        witness: day,
    };
    let (sink, stop) = (Arc::new(Slow::default()), CancellationToken::new());
    let door = Door::new(sink.clone(), Arc::default(), Arc::default(), limits, stop.clone());
    let running = tokio::spawn(Session::new(stream, peer, Arc::new(door)).run(peer.ip()));
    let frame = b"(8000620011,@JT)";
    for busy in [3, 0, 0] {
        *sink.busy.lock().unwrap() = Duration::from_secs(busy);
        device.write_all(frame).await.unwrap();
        sink.taking.notified().await;
        if busy > 0 {
            device.write_all(frame).await.unwrap(); // waits while the first is taken
            *sink.busy.lock().unwrap() = Duration::ZERO;
            sink.taking.notified().await;
        }
    }
    stop.cancel();
    running.await.unwrap();
    let taken: Vec<Arrival> = sink.taken.lock().unwrap().clone();
    let (opens, held) =
        (Arrival { opens: true, ..Arrival::default() }, Arrival { held: true, ..Arrival::default() });
    assert_eq!(taken, [opens, held, Arrival::default(), Arrival::default()]);
}

/// The dead connections that mobile devices leave behind do not stay for ever; one that speaks does.
#[tokio::test]
async fn a_witness_that_says_nothing_more_is_closed_and_one_that_stands_alone_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let limits = Limits {
        connections: 9,
        per_address: 9,
        first_frame: Duration::from_secs(60),
        idle: Duration::from_secs(60),
        rubbish_bytes: 99,
        datagrams: 9,
        witness: Duration::from_millis(100),
    };
    let stop = CancellationToken::new();
    let sink = Arc::new(Nobody);
    let door = Arc::new(Door::new(sink, Arc::default(), Arc::default(), limits, stop.clone()));
    let key = DeviceKey::jointech("8000620011");
    let mut ends = Vec::new();
    for _ in 0..3 {
        let (device, accepted) =
            tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (stream, peer) = accepted.unwrap();
        let mut session = Session::new(stream, peer, door.clone());
        (session.valid, session.device) = (true, Some(key.clone()));
        let line = session.line.clone();
        let running = tokio::spawn(session.run(peer.ip()));
        ends.push((device.unwrap(), line, running));
    }
    let (first, second) = (&ends[0].1, &ends[1].1);
    door.sessions.heard_tcp(&key, first, false, Utc::UNIX_EPOCH);
    door.sessions.heard_tcp(&key, second, false, Utc::UNIX_EPOCH);
    let mut buffer = [0; 9];
    assert_eq!(ends[0].0.read(&mut buffer).await.unwrap(), 0, "superseded and quiet");
    assert_eq!(door.sessions.link(&key, Utc::UNIX_EPOCH).unwrap().peer, ends[1].1.source.peer);
    // The third speaks for the device and ends: the second is the way again, witness no more.
    let third = ends.remove(2);
    door.sessions.heard_tcp(&key, &third.1, false, Utc::UNIX_EPOCH);
    drop(third.0);
    third.2.await.unwrap();
    let still = tokio::time::timeout(Duration::from_millis(300), ends[1].0.read(&mut buffer)).await;
    assert!(still.is_err(), "{still:?}");
    stop.cancel();
}

/// A session held up (by a store that is slow, by a device that does not read) must not let an opening leave that
/// somebody has long taken for lost.
#[tokio::test]
async fn a_command_that_waited_too_long_in_its_session_never_leaves() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (device, accepted) =
        tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (mut device, (stream, peer)) = (device.unwrap(), accepted.unwrap());
    let limits = Limits {
        connections: 1,
        per_address: 1,
        first_frame: Duration::from_secs(9),
        idle: Duration::from_secs(9),
        rubbish_bytes: 99,
        datagrams: 9,
        witness: Duration::from_secs(9),
    };
    let stop = CancellationToken::new();
    let door = Door::new(Arc::new(Nobody), Arc::default(), Arc::default(), limits, stop.clone());
    let session = Session::new(stream, peer, Arc::new(door));
    let way_in = session.line.outbox.clone();
    let running = tokio::spawn(session.run(peer.ip()));
    let send = |bytes: &[u8], leave_by| {
        let (done, outcome) = oneshot::channel();
        way_in.try_send(Outgoing { bytes: bytes.to_vec(), leave_by, done }).unwrap();
        outcome
    };
    let late = send(b"(late)", Instant::now() - Duration::from_millis(1));
    let soon = send(b"(soon)", Instant::now() + Duration::from_secs(5));
    assert_eq!((late.await, soon.await), (Ok(Sent::Unsent), Ok(Sent::Written)));
    stop.cancel();
    running.await.unwrap();
    let mut all = String::new();
    device.read_to_string(&mut all).await.unwrap();
    assert_eq!(all, "(soon)");
}
