//! The store's promises, each broken on purpose.

use super::*;
use crate::domain::alarm::AlarmState;
use crate::domain::identity::Arrival;
use crate::domain::journal::{AlarmAct, Body, FrameRecord, NodeNote, RegistryAct, Transport};
use crate::domain::{
    AlarmId, DeviceEvent, DeviceKey, DeviceKind, LockState, Message, MessageKind, PartState, Parts, Position,
    Protocol, Utc,
};
use chrono::TimeZone;
use rusqlite::Connection;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const OPTIONS: Options = Options { limit_bytes: 10 << 30 };

fn at(seconds: i64) -> Utc {
    chrono::Utc.timestamp_opt(1_700_000_000 + seconds, 0).unwrap()
}

/// A master lock's timed report, as it is in nine of ten rows.
fn frame(n: u32) -> NewEntry {
    let mut message = Message::new(Protocol::JointechMaster, MessageKind::Position);
    message.device = Some("8000620011".into());
    message.time = Some(at(i64::from(n)));
    message.position = Some(Position {
        lat: 22.567_283,
        lon: 114.132_911 + f64::from(n % 1000) * 1e-6,
        fix: true,
        speed_kmh: Some(41.9),
        heading_deg: Some(304.0),
        altitude_m: None,
        satellites: Some(6),
    });
    message.lock = Some(LockState::Locked);
    let closed = Some(PartState::Closed);
    message.parts = Parts { motor: closed, rope: closed, cover: closed };
    message.battery_pct = Some(40);
    message.charging = Some(false);
    message.signal = Some(20);
    message.odometer_m = Some(45_000);
    message.serial = Some(n % 256);
    message.version = Some(0x19);
    let record = FrameRecord {
        device: DeviceKey::jointech("8000620011"),
        transport: Transport::Tcp,
        peer: "203.0.113.7:50123".parse().unwrap(),
        arrival: Arrival::default(),
        messages: vec![message],
        raw: n.to_be_bytes().repeat(14),
        base: None,
    };
    NewEntry::new(at(i64::from(n)), Body::Frame(record))
}

fn ack(id: i64) -> NewEntry {
    let act = AlarmAct::Ack { id: AlarmId(id), by: "operator".into(), note: "seen".into() };
    NewEntry::new(at(id), Body::Alarm(act))
}

fn audit_row(result: &str) -> AuditRow {
    AuditRow {
        at: at(7),
        who: "operator".into(),
        uid: Some(1000),
        act: "ack".into(),
        object: "alarm 1".into(),
        result: result.into(),
        note: String::new(),
        seq: None,
    }
}

fn open(dir: &TempDir) -> Opened {
    Store::open(dir.path(), OPTIONS).unwrap()
}

fn all(reader: &Reader) -> Vec<Entry> {
    let mut all = Vec::new();
    let keep = |mut entries: Vec<Entry>| {
        all.append(&mut entries);
        ControlFlow::Continue(())
    };
    reader.entries_after(EventSeq(0), 7, keep).unwrap();
    all
}

/// Names and contents of everything in a directory.
fn picture(dir: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|f| f.unwrap())
        .map(|f| (f.file_name().into_string().unwrap(), fs::read(f.path()).unwrap_or_default()))
        .collect();
    files.sort();
    files
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(5);
    while !holds() {
        assert!(Instant::now() < until, "within 5 s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_was_stored_reads_back_and_was_handed_over_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("a/b");
    let mut opened = Store::open(&data, OPTIONS).unwrap();
    assert!(opened.created);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&data), mode(&data.join(DATABASE))), (0o700, 0o600));

    let mut handed = Vec::new();
    for round in 0..15 {
        let mut tickets = Vec::new();
        for n in round * 100 + 1..=round * 100 + 100 {
            let entry = if n % 100 == 0 { ack(n.into()) } else { frame(n) };
            tickets.push((n, opened.store.submit(entry).await.unwrap()));
        }
        for (n, ticket) in tickets {
            assert_eq!(ticket.await, Ok(EventSeq(n.into())), "places are given in the order submitted");
            while let Ok(batch) = opened.committed.try_recv() {
                handed.extend(batch);
            }
            assert!(
                handed.len() >= n as usize,
                "a resolved ticket means that the fold has the entry before it"
            );
        }
    }
    let stats = opened.store.stats();
    assert_eq!((stats.last_seq, &stats.error), (EventSeq(1500), &None));
    assert!(stats.commit_ms > 0.0 && stats.bytes_used > 500_000, "{stats:?}");
    assert_eq!(all(&opened.reader), handed, "what a restart reads is what the fold was given");
    opened.store.close().await;
    drop(opened.reader);

    let again = Store::open(&data, OPTIONS).unwrap();
    assert!(!again.created);
    assert_eq!(all(&again.reader), handed);
    assert_eq!(again.store.append(frame(1)).await, Ok(EventSeq(1501)));
}

#[tokio::test]
async fn times_and_numbers_survive_to_the_last_bit() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(&dir);
    let mut entry = frame(1);
    entry.at += chrono::TimeDelta::nanoseconds(123_456_789);
    if let Body::Frame(record) = &mut entry.body {
        record.messages[0].events.push(DeviceEvent::RopeCut);
        record.messages[0].position.as_mut().unwrap().lat = 0.1 + 0.2;
        record.messages[0].voltage_v = Some(2.0_f64.sqrt() * 1e-7);
    }
    opened.store.append(entry).await.unwrap();
    let handed = opened.committed.try_recv().unwrap();
    assert_eq!(handed[0].at.timestamp_subsec_nanos(), 123_000_000);
    assert_eq!(all(&opened.reader), handed);
}

#[tokio::test]
async fn a_number_without_a_word_is_refused_and_hurts_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir);
    let mut bad = frame(1);
    if let Body::Frame(record) = &mut bad.body {
        record.messages[0].position.as_mut().unwrap().lat = f64::NAN;
    }
    let bad = opened.store.submit(bad).await.unwrap();
    let good = opened.store.append(frame(2)).await;
    assert!(matches!(bad.await, Err(StoreError::Unreadable { .. })));
    assert_eq!(good, Ok(EventSeq(1)));
    assert_eq!(all(&opened.reader).len(), 1);
}

/// `kill -9` at a random moment: what the files hold then must contain every entry whose ticket had resolved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_taken_at_any_moment_holds_everything_confirmed_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(&dir);
    let confirmed = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let (store, seen) = (opened.store.clone(), Arc::clone(&confirmed));
    let feeding = tokio::spawn(async move {
        for n in 1..=6000 {
            let tickets = [store.submit(frame(n)).await.unwrap(), store.submit(frame(n)).await.unwrap()];
            for ticket in tickets {
                seen.store(ticket.await.unwrap().0, std::sync::atomic::Ordering::SeqCst);
            }
        }
    });
    let draining = tokio::spawn(async move { while opened.committed.recv().await.is_some() {} });
    let copies = tempfile::tempdir().unwrap();
    let mut taken = 0;
    while !feeding.is_finished() || taken == 0 {
        let copy = copies.path().join(taken.to_string());
        fs::create_dir(&copy).unwrap();
        let before = confirmed.load(std::sync::atomic::Ordering::SeqCst);
        // A checkpoint between two copies would tear them, as a kill never does: copy again until none was.
        let database = || fs::metadata(dir.path().join(DATABASE)).unwrap().modified().unwrap();
        let stamp = database();
        for name in [DATABASE, "lockyard.db-wal"] {
            fs::copy(dir.path().join(name), copy.join(name)).unwrap();
        }
        if stamp == database() {
            let crashed = Store::open(&copy, OPTIONS).unwrap();
            let entries = all(&crashed.reader);
            assert!(entries.len() as i64 >= before, "{} stored, {before} confirmed", entries.len());
            assert!(entries.iter().zip(1..).all(|(entry, seq)| entry.seq == EventSeq(seq)), "no gap");
            taken += 1;
        }
        fs::remove_dir_all(&copy).unwrap();
    }
    feeding.await.unwrap();
    assert_eq!(opened.store.stats().last_seq, EventSeq(12_000));
    opened.store.close().await;
    draining.await.unwrap();
    assert!(taken > 3, "only {taken} copies");
}

#[tokio::test]
async fn a_full_queue_refuses_or_waits_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(&dir);
    let mut tickets = Vec::new();
    // Nobody takes what is committed: the channel fills, then the queue.
    let refused = loop {
        match opened.store.try_submit(frame(1)) {
            Ok(ticket) => tickets.push(ticket),
            Err(refused) if opened.committed.len() == BATCHES => break refused,
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    assert_eq!(refused, Refused::Full);
    let first = tickets.remove(0);
    assert_eq!(first.await, Ok(EventSeq(1)), "tickets of what is committed do not wait for the fold");
    let late = opened.store.submit(frame(2));
    tokio::pin!(late);
    assert!(
        tokio::time::timeout(Duration::from_millis(50), &mut late).await.is_err(),
        "submit waits for room"
    );
    let last = opened.store.stats().last_seq;
    opened.store.checkpoint(last, 1, vec![1]).await.expect("a fold that is behind can still checkpoint");

    let expected = tickets.len() as i64 + 2;
    let drained = tokio::spawn(async move {
        let mut next = 1;
        while next <= expected {
            for entry in opened.committed.recv().await.unwrap() {
                assert_eq!(entry.seq, EventSeq(next));
                next += 1;
            }
        }
    });
    assert_eq!(late.await.unwrap().await, Ok(EventSeq(expected)));
    for ticket in tickets {
        ticket.await.unwrap();
    }
    drained.await.unwrap();
}

#[tokio::test]
async fn closing_does_not_wait_for_ever_on_a_fold_that_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir);
    let mut taken = 0;
    while opened.committed.len() < BATCHES || opened.store.stats().queued == 0 {
        match opened.store.try_submit(frame(1)) {
            Ok(_) => taken += 1,
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
    let started = Instant::now();
    opened.store.close().await;
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(opened.reader);
    assert_eq!(all(&Reader::open(dir.path()).unwrap()).len(), taken, "everything queued was stored");
    open(&dir);
}

#[tokio::test]
async fn nothing_is_confirmed_while_full_and_it_recovers_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(&dir);
    let draining = tokio::spawn(async move { while opened.committed.recv().await.is_some() {} });
    opened.store.append(frame(1)).await.unwrap();
    let pages = |n| opened.store.0.queue.push_job(Job::MaxPages(n)).unwrap();
    pages(40);
    let mut stored = 1;
    let error = loop {
        match opened.store.append(frame(2)).await {
            Ok(seq) => stored = seq.0,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::CannotWrite { .. }), "{error}");
    let shown = opened.store.stats().error.expect("shown at once");
    assert!(
        shown.contains(DATABASE) && shown.contains("full") && shown.contains("nothing is acknowledged"),
        "{shown}"
    );

    let until = Instant::now() + Duration::from_millis(1500);
    while Instant::now() < until {
        let started = Instant::now();
        assert!(opened.store.append(frame(3)).await.is_err());
        assert!(opened.store.stats().error.is_some(), "a retry that fits in a corner is no recovery");
        assert!(started.elapsed() < Duration::from_secs(2));
    }
    pages(100_000);
    eventually("recovers", || opened.store.stats().error.is_none()).await;
    assert_eq!(
        opened.store.append(frame(4)).await,
        Ok(EventSeq(stored + 1)),
        "no place was used up meanwhile"
    );
    assert_eq!(all(&opened.reader).len() as i64, stored + 1);
    opened.store.close().await;
    draining.await.unwrap();
}

#[tokio::test]
async fn a_lock_held_by_another_process_fails_soon_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir);
    let other = Connection::open(dir.path().join(DATABASE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    let error = opened.store.append(frame(1)).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(error.to_string().contains("another process holds the database"), "{error}");
    assert!(opened.store.stats().error.is_some());
    other.execute_batch("ROLLBACK").unwrap();
    eventually("recovers", || opened.store.stats().error.is_none()).await;
    assert_eq!(opened.store.append(frame(1)).await, Ok(EventSeq(1)));
}

#[tokio::test]
async fn a_file_taken_away_swallows_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir);
    opened.store.append(frame(1)).await.unwrap();
    let (here, away) = (dir.path().join(DATABASE), dir.path().join("away"));
    fs::rename(&here, &away).unwrap();
    let error = opened.store.append(frame(2)).await.unwrap_err();
    assert!(error.to_string().contains("removed or replaced"), "{error}");
    fs::rename(&away, &here).unwrap();
    eventually("recovers", || opened.store.stats().error.is_none()).await;
    assert_eq!(opened.store.append(frame(2)).await, Ok(EventSeq(2)));
}

#[tokio::test]
async fn frames_stop_at_the_limit_acts_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let limit_bytes = 400_000;
    let Opened { store, mut committed, .. } = Store::open(dir.path(), Options { limit_bytes }).unwrap();
    let draining = tokio::spawn(async move { while committed.recv().await.is_some() {} });
    let error = loop {
        if let Err(error) = store.append(frame(1)).await {
            break error;
        }
    };
    assert!(matches!(error, StoreError::LimitReached { limit: 400_000, .. }), "{error}");
    assert_eq!(store.stats().error, Some(error.to_string()));
    let act = store.append(ack(1)).await.expect("an operator's act still passes");
    store.audit(audit_row("refused")).await.expect("an audit row still passes");
    store.checkpoint(act, 1, vec![0; 50_000]).await.expect("the way out still passes");
    let purged = store.purge_oldest_frames(300_000).await.unwrap();
    assert!(purged.bytes_used <= 300_000, "{purged:?}");
    assert_eq!(store.stats().error, None, "there is room again");
    store.append(frame(2)).await.unwrap();
    store.close().await;
    draining.await.unwrap();
}

#[tokio::test]
async fn a_second_node_is_refused_with_the_first_ones_process() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir);
    let error = Store::open(dir.path(), OPTIONS).unwrap_err();
    let pid = std::process::id();
    assert_eq!(error, StoreError::InUse { dir: dir.path().into(), pid: Some(pid) });
    assert!(error.to_string().contains(&format!("process {pid}")), "{error}");
    assert_eq!(all(&Reader::open(dir.path()).unwrap()), [], "reading beside it is fine");
    opened.store.close().await;
    open(&dir);
}

#[tokio::test]
async fn what_is_damaged_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = open(&dir);
    for n in 1..=300 {
        opened.store.append(frame(n)).await.unwrap();
        drop(opened.committed.try_recv());
    }
    drop(opened.reader);
    opened.store.close().await;
    let path = dir.path().join(DATABASE);
    let sound = fs::read(&path).unwrap();
    type Damage = fn(&mut Vec<u8>);
    let ways: [(&str, Damage); 6] = [
        ("header", |b| b[3] ^= 0xFF),
        ("other program", |b| b[70] ^= 0xFF),
        ("empty", Vec::clear),
        ("cut", |b| b.truncate(b.len() - 4096 * 3)),
        ("schema page", |b| b[100..1000].fill(0xEE)),
        ("inner page", |b| b[9 * 4096..10 * 4096].fill(0x5A)),
    ];
    for (way, damage) in ways {
        let mut bytes = sound.clone();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        let before = picture(dir.path());
        let error = Store::open(dir.path(), OPTIONS).expect_err(way);
        assert!(matches!(error, StoreError::Damaged { .. }), "{way}: {error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{way}: {error}");
        assert_eq!(picture(dir.path()), before, "{way}: nothing created, nothing changed");
    }
    fs::write(&path, &sound).unwrap();
    assert_eq!(all(&open(&dir).reader).len(), 300);
}

fn known_steps() -> u32 {
    u32::try_from(schema::STEPS.len()).unwrap()
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    open(&dir).store.close().await;
    let db = Connection::open(dir.path().join(DATABASE)).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    let before_close = Store::open(dir.path(), OPTIONS).unwrap_err();
    assert!(
        matches!(before_close, StoreError::Newer { found: 99, known, .. } if known == known_steps()),
        "read through the WAL too"
    );
    db.close().unwrap();
    let before = picture(dir.path());
    let error = Store::open(dir.path(), OPTIONS).unwrap_err();
    let want = format!("newer lockyard (schema 99, this one knows up to {})", known_steps());
    assert!(error.to_string().contains(&want), "{error}");
    assert!(Reader::open(dir.path()).is_err());
    assert_eq!(picture(dir.path()), before);
}

#[test]
fn a_directory_with_other_things_is_refused_and_gets_nothing() {
    for stranger in ["notes.txt", "lockyard.db-wal", "lockyard.db.before-v2"] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(stranger), "x").unwrap();
        let before = picture(dir.path());
        let error = Store::open(dir.path(), OPTIONS).unwrap_err();
        assert!(error.to_string().contains(&format!("holds '{stranger}'")), "{error}");
        assert_eq!(picture(dir.path()), before);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Store::open(file.path(), OPTIONS).unwrap_err();
    assert!(error.to_string().contains("not a directory"), "{error}");
}

#[test]
fn secrets_and_settings_may_be_there_first_and_a_torn_first_start_is_repeated() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["secrets.toml", "config.toml", LOCK, "lockyard.db.new", "lockyard.sock"] {
        fs::write(dir.path().join(name), "torn").unwrap();
    }
    assert!(open(&dir).created);
    assert!(!dir.path().join("lockyard.db.new").exists());
    assert_eq!(fs::read(dir.path().join("secrets.toml")).unwrap(), b"torn");
}

#[tokio::test]
async fn a_reader_creates_no_database_and_changes_none() {
    let dir = tempfile::tempdir().unwrap();
    let error = Reader::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }));
    assert_eq!(picture(dir.path()), []);
    let absent = dir.path().join("absent");
    assert!(Reader::open(&absent).is_err());
    assert!(!absent.exists());
    let opened = open(&dir);
    opened.store.append(frame(1)).await.unwrap();
    drop(opened.reader);
    opened.store.close().await;
    let before = picture(dir.path());
    assert_eq!(all(&Reader::open(dir.path()).unwrap()).len(), 1);
    let mut after = picture(dir.path());
    // SQLite's own marks for those who read and write at once; they hold nothing and the next node removes them.
    after.retain(|(name, _)| !["lockyard.db-shm", "lockyard.db-wal"].contains(&name.as_str()));
    assert_eq!(after, before);
    assert!(open(&dir).reader.check().is_ok());
}

#[tokio::test]
async fn audit_rows_are_committed_with_their_entry_or_alone() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir);
    let seq = opened.store.append(NewEntry { audit: Some(audit_row("done")), ..ack(1) }).await.unwrap();
    opened.store.audit(audit_row("refused: role")).await.unwrap();
    let done = AuditRow { seq: Some(seq), ..audit_row("done") };
    assert_eq!(opened.reader.audit_rows(10).unwrap(), [done, audit_row("refused: role")]);
    assert_eq!(opened.reader.audit_rows(1).unwrap(), [audit_row("refused: role")], "the newest");
}

#[tokio::test]
async fn frames_of_one_device_come_newest_last() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir);
    for n in 1..=10 {
        let mut entry = frame(n);
        if let (Body::Frame(record), true) = (&mut entry.body, n % 2 == 0) {
            record.device = DeviceKey::bofan("0000001");
        }
        opened.store.append(entry).await.unwrap();
    }
    let frames = opened.reader.frames_of(&DeviceKey::bofan("0000001"), 3).unwrap();
    assert_eq!(frames.iter().map(|e| e.seq.0).collect::<Vec<_>>(), [6, 8, 10]);
    let Body::Frame(last) = &frames[2].body else { panic!("a frame") };
    assert_eq!(last.raw, 10_u32.to_be_bytes().repeat(14));
}

#[tokio::test]
async fn a_purge_needs_a_checkpoint_and_takes_only_frames_below_it() {
    let dir = tempfile::tempdir().unwrap();
    let Opened { store, mut committed, reader, .. } = open(&dir);
    let draining = tokio::spawn(async move { while committed.recv().await.is_some() {} });
    let enrol = RegistryAct::Enrol {
        device: DeviceKey::jointech("8000620011"),
        kind: DeviceKind::MasterLock,
        asset: "Tank 7".into(),
        bound_to: None,
        plate: None,
        by: "config".into(),
    };
    store.append(NewEntry::new(at(0), Body::Registry(enrol))).await.unwrap();
    for n in 2..=2000 {
        let entry = if n % 50 == 0 { ack(n.into()) } else { frame(n) };
        drop(store.submit(entry).await.unwrap());
    }
    let note = NodeNote::Started { version: "0".into() };
    let last = store.append(NewEntry::new(at(0), Body::Node(note))).await.unwrap();
    assert_eq!(store.purge_oldest_frames(0).await, Err(StoreError::NoCheckpoint));
    let beyond = EventSeq(last.0 + 1);
    assert!(matches!(store.checkpoint(beyond, 1, vec![]).await, Err(StoreError::BadCheckpoint { .. })));

    store.checkpoint(EventSeq(1500), 3, b"state".to_vec()).await.unwrap();
    let before = store.stats().bytes_used;
    let some = store.purge_oldest_frames(before / 2).await.unwrap();
    assert!(some.frames > 0 && some.bytes_used <= before / 2, "{some:?} of {before}");
    let rest = store.purge_oldest_frames(0).await.unwrap();
    let left = all(&reader);
    let frames: Vec<i64> =
        left.iter().filter(|e| matches!(e.body, Body::Frame(_))).map(|e| e.seq.0).collect();
    assert_eq!(frames.first(), Some(&1501), "the frames after the checkpoint are needed");
    assert_eq!(some.frames + rest.frames, 1999 - 40 - frames.len() as u64);
    assert!(rest.before.0 <= 1501 && rest.before.0 > 1498, "{rest:?}");
    assert_eq!(left.len() - frames.len(), 1 + 40 + 1, "acts and notes are never removed");
    let checkpoint = reader.newest_checkpoint().unwrap().unwrap();
    assert_eq!(
        (checkpoint.upto, checkpoint.format, &checkpoint.body[..]),
        (EventSeq(1500), 3, &b"state"[..])
    );
    assert!(matches!(
        store.checkpoint(EventSeq(1499), 3, vec![]).await,
        Err(StoreError::BadCheckpoint { .. })
    ));
    assert_eq!(AlarmState::Normal.letter(), 'A');
    store.close().await;
    draining.await.unwrap();
}

#[tokio::test]
async fn a_place_is_never_given_twice_even_when_every_row_was_removed() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir);
    for n in 1..=5 {
        opened.store.append(frame(n)).await.unwrap();
    }
    opened.store.checkpoint(EventSeq(5), 1, vec![]).await.unwrap();
    assert_eq!(opened.store.purge_oldest_frames(0).await.unwrap().frames, 5);
    assert_eq!(all(&opened.reader), []);
    opened.store.close().await;
    drop(opened.reader);
    assert_eq!(open(&dir).store.append(frame(6)).await, Ok(EventSeq(6)));
}

#[tokio::test]
async fn entries_are_stored_while_a_purge_runs() {
    let dir = tempfile::tempdir().unwrap();
    let Opened { store, mut committed, reader, .. } = open(&dir);
    let draining = tokio::spawn(async move { while committed.recv().await.is_some() {} });
    for n in 1..=8000 {
        drop(store.submit(frame(n)).await.unwrap());
    }
    let last = store.append(frame(0)).await.unwrap();
    store.checkpoint(last, 1, vec![]).await.unwrap();
    let purging = tokio::spawn({
        let store = store.clone();
        async move { store.purge_oldest_frames(0).await.unwrap() }
    });
    let mut during = 0;
    while !purging.is_finished() {
        store.append(frame(1)).await.unwrap();
        during += 1;
    }
    assert_eq!(purging.await.unwrap().frames, 8001);
    assert!(during > 2, "only {during} entries were stored during the purge");
    assert_eq!(all(&reader).len(), during);
    store.close().await;
    draining.await.unwrap();
}

#[tokio::test]
async fn an_upgrade_keeps_a_copy_of_the_file_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir);
    opened.store.append(frame(1)).await.unwrap();
    opened.store.close().await;
    drop(opened.reader);
    let steps = [schema::STEPS, &["ALTER TABLE audit ADD COLUMN hash BLOB;"]].concat();
    // A step that fails leaves version and rows as they were.
    let broken =
        [schema::STEPS, &["CREATE TABLE more (id INTEGER); CREATE TABLE audit (id INTEGER);"]].concat();
    let error = Store::open_with(dir.path(), OPTIONS, &broken).unwrap_err();
    assert!(error.to_string().contains("a schema step failed"), "{error}");
    assert_eq!(all(&Reader::open(dir.path()).unwrap()).len(), 1);

    let upgraded = Store::open_with(dir.path(), OPTIONS, &steps).unwrap();
    assert_eq!(upgraded.store.append(frame(2)).await, Ok(EventSeq(2)));
    assert_eq!(all(&upgraded.reader).len(), 2);
    let old = Reader::open(dir.path()).unwrap_err();
    let (found, known) = (known_steps() + 1, known_steps());
    assert!(
        matches!(old, StoreError::Newer { found: f, known: k, .. } if (f, k) == (found, known)),
        "seen through the WAL too: {old}"
    );
    let copy = tempfile::tempdir().unwrap();
    fs::copy(dir.path().join(format!("lockyard.db.before-v{found}")), copy.path().join(DATABASE)).unwrap();
    let old = open(&copy);
    assert_eq!(all(&old.reader).len(), 1, "the copy is whole and of the old schema");
}

/// A database of before there were deltas to remember is brought up to date and loses nothing.
#[tokio::test]
async fn bases_are_committed_with_their_frames_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let old = Store::open_with(dir.path(), OPTIONS, &schema::STEPS[..1]).unwrap();
    old.store.close().await;
    let opened = open(&dir);
    assert!(opened.reader.delta_bases().unwrap().is_empty());
    let with_base = |n: u32, device: &str, base: &str| {
        let mut entry = frame(n);
        if let Body::Frame(record) = &mut entry.body {
            record.device = DeviceKey::bofan(device);
            record.base = Some(base.as_bytes().to_vec());
        }
        entry
    };
    let mut tickets = Vec::new();
    for (n, device, base) in [(1, "1", "$a"), (2, "2", "$b"), (3, "1", "$c")] {
        tickets.push(opened.store.submit(with_base(n, device, base)).await.unwrap());
    }
    opened.store.append(frame(4)).await.unwrap(); // one without a base changes none
    for ticket in tickets {
        ticket.await.unwrap();
    }
    // What cannot be stored changes nothing.
    let path = dir.path().join(DATABASE);
    fs::rename(&path, dir.path().join("away")).unwrap();
    opened.store.append(with_base(5, "1", "$d")).await.unwrap_err();
    fs::rename(dir.path().join("away"), &path).unwrap();
    let bases = opened.reader.delta_bases().unwrap();
    assert_eq!(bases, [(DeviceKey::bofan("1"), b"$c".to_vec()), (DeviceKey::bofan("2"), b"$b".to_vec())]);
}

/// Prints nothing; holds the row size that the sizing of disks rests on.
#[tokio::test]
async fn a_timed_report_takes_no_more_than_it_should() {
    let dir = tempfile::tempdir().unwrap();
    let Opened { store, mut committed, .. } = open(&dir);
    let draining = tokio::spawn(async move { while committed.recv().await.is_some() {} });
    for n in 1..=5000 {
        drop(store.submit(frame(n)).await.unwrap());
    }
    store.append(frame(1)).await.unwrap();
    store.close().await;
    draining.await.unwrap();
    let bytes = fs::metadata(dir.path().join(DATABASE)).unwrap().len() / 5001;
    assert!((100..800).contains(&bytes), "{bytes} bytes a row");
}
