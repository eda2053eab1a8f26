//! A small fleet at a fixed moment, and a console driven by key strings.

use chrono::{DateTime, TimeDelta, Utc};
use lockyard::console::effect::Effect;
use lockyard::console::keymap::parse_keys;
use lockyard::console::message::Msg;
use lockyard::console::update::update;
use lockyard::console::{Model, Options, view};
use lockyard::domain::alarm::AlarmKind;
use lockyard::domain::command::{UnlockMethod, UnlockReason};
use lockyard::domain::journal::Transport;
use lockyard::domain::*;
use lockyard::fleet::snapshot::*;
use lockyard::ipc::client::LinkEvent;
use lockyard::ipc::wire::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use std::fmt::Write as _;

pub(crate) fn now() -> DateTime<Utc> {
    "2026-03-14T12:03:44Z".parse().unwrap()
}

pub(crate) fn ago(seconds: i64) -> DateTime<Utc> {
    now() - TimeDelta::seconds(seconds)
}

fn part(state: PartState, seconds: i64) -> Option<PartRow> {
    Some(PartRow { state, since: ago(seconds + 5_000), as_of: ago(seconds) })
}

pub(crate) fn place(from: &str, speed: f64, seconds: i64) -> Place {
    Place {
        lat: 51.906123,
        lon: 4.483456,
        fix: true,
        speed_kmh: Some(speed),
        heading_deg: Some(210.0),
        altitude_m: Some(3),
        satellites: Some(9),
        at: ago(seconds),
        from: from.into(),
    }
}

pub(crate) fn device(id: &str, kind: DeviceKind, asset: &str, seconds: i64) -> DeviceRow {
    let lock = kind.has_lock().then_some(LockState::Locked);
    let closed = |on: bool| if on { part(PartState::Closed, seconds) } else { None };
    DeviceRow {
        id: id.into(),
        key: DeviceKey::jointech(id),
        kind,
        protocol: Some(Protocol::JointechMaster),
        asset: Some(asset.into()),
        bound_to: None,
        status: DeviceStatus::Enrolled,
        lock,
        valve: (kind == DeviceKind::ValveLock).then_some(ValveState::Closed),
        parts: PartsRow {
            motor: closed(kind.has_lock()),
            rope: closed(kind.has_lock() && kind != DeviceKind::ValveLock),
            cover: closed(matches!(kind, DeviceKind::MasterLock | DeviceKind::SubLock)),
        },
        since: lock.map(|_| ago(seconds + 5_000)),
        as_of: lock.map(|_| ago(seconds)),
        valve_since: None,
        valve_as_of: (kind == DeviceKind::ValveLock).then(|| ago(seconds)),
        link: LinkState::Online,
        battery_pct: Some(82),
        battery_as_of: Some(ago(seconds)),
        charging: Some(false),
        voltage_v: Some(3.91),
        signal: Some(21),
        temperature_c: None,
        humidity_pct: None,
        ignition: None,
        inputs: None,
        outputs: None,
        lines: Vec::new(),
        lines_as_of: None,
        analog: Vec::new(),
        analog_as_of: None,
        odometer_m: Some(1_234_000),
        position: Some(place(id, 0.0, seconds)),
        last_received: Some(ago(seconds)),
        clock_off_s: None,
        peer: Some("198.51.100.7:40112".into()),
        transport: Some(Transport::Tcp),
        firmware: Some("JT701D_20230105".into()),
        conflict: None,
        identity: Vec::new(),
        unknown: Vec::new(),
        unknown_others: 0,
        frames: 812,
    }
}

pub(crate) fn asset(
    id: i64,
    name: &str,
    code: &str,
    seal: SealState,
    seconds: i64,
    devices: &[&str],
) -> AssetRow {
    AssetRow {
        id: AssetId(id),
        code: code.into(),
        name: name.into(),
        plate: Some(format!("K {id:03} AB")),
        seal,
        since: Some(ago(seconds + 5_000)),
        as_of: Some(ago(seconds)),
        worst_alarm: None,
        position: devices.first().map(|id| place(id, 0.0, seconds)),
        devices: devices.iter().map(|d| (*d).into()).collect(),
    }
}

pub(crate) fn alarm(
    id: i64,
    kind: AlarmKind,
    priority: Priority,
    state: AlarmState,
    asset: &str,
    seconds: i64,
) -> AlarmRow {
    AlarmRow {
        id: AlarmId(id),
        key: format!("{asset}/8000620011/{}", kind.word()),
        kind,
        asset: Some(asset.into()),
        device: Some("8000620011".into()),
        priority,
        reason: "status bit set in a live report while moving 43 km/h, 4 km from any site".into(),
        state,
        first: ago(seconds),
        last: ago(seconds / 2),
        count: 1,
        late: false,
        ack: None,
        can_reset: state == AlarmState::LatchedAck,
    }
}

pub(crate) fn command(
    id: i64,
    exchange: Exchange,
    evidence: Evidence,
    asset: &str,
    target: &str,
) -> CommandRow {
    let sent =
        !matches!(exchange, Exchange::Queued | Exchange::Expired | Exchange::Cancelled | Exchange::Withheld);
    CommandRow {
        id: CommandId(id),
        kind: "unlock".into(),
        method: UnlockMethod::StaticPassword,
        target: target.into(),
        via: "8000620011".into(),
        asset: Some(asset.into()),
        exchange,
        evidence,
        by: "m.saleh".into(),
        reason: UnlockReason::Delivery,
        note: "job 88-1207".into(),
        created: ago(400),
        expires: ago(-2_300),
        sent: sent.then(|| ago(90)),
        answered: (exchange == Exchange::AnsweredOk).then(|| ago(86)),
        evidence_at: (evidence != Evidence::None).then(|| ago(50)),
        detail: (exchange == Exchange::AnsweredOk).then(|| "P43 accepted, 0 wrong passwords so far".into()),
        blocks: matches!(exchange, Exchange::Queued | Exchange::Sent | Exchange::Uncertain),
    }
}

pub(crate) fn quarantined(id: &str, seconds: i64) -> QuarantineRow {
    QuarantineRow {
        key: DeviceKey::jointech(id),
        protocol: Protocol::JointechMaster,
        kind: DeviceKind::MasterLock,
        peer: "203.0.113.9:51022".into(),
        transport: Transport::Tcp,
        first: ago(seconds + 600),
        last: ago(seconds),
        frames: 14,
        position: Some(place(id, 0.0, seconds)),
        why: "not enrolled".into(),
    }
}

pub(crate) fn node() -> NodeRow {
    NodeRow {
        name: "depot-1".into(),
        version: "0.1.0".into(),
        started: Some(ago(90_000)),
        demo: false,
        auto_enrol: false,
        listening: vec!["tcp [::]:8888".into(), "udp [::]:8888".into()],
        data_dir: "/var/lib/lockyard".into(),
        connections: 3,
        turned_away: 0,
        frames: 48_112,
        frames_per_minute: 31,
        duplicates: 12,
        refused: 9,
        quarantined: 14,
        dropped_datagrams: 0,
        unasked_pieces: 0,
        journal_seq: 48_310,
        journal_bytes: 1_440_000_000,
        journal_limit_bytes: 8_000_000_000,
        disk_free_bytes: 120_500_000_000,
        commit_ms: 4.2,
        store_error: None,
        consoles: 2,
    }
}

/// Six assets, a few alarms and commands: a working afternoon.
pub(crate) fn normal() -> Snapshot {
    let mut rope_out = device("8000620022", DeviceKind::MasterLock, "Tanker 1177", 40);
    rope_out.lock = Some(LockState::Unseated);
    rope_out.parts.rope = part(PartState::Open, 40);
    let mut sub = device("E03B60000A", DeviceKind::SubLock, "Tanker 2041", 125);
    sub.bound_to = Some("8000620011".into());
    sub.lock = Some(LockState::Unlocked);
    sub.parts.motor = part(PartState::Open, 125);
    sub.signal = Some(-71);
    let mut valve = device("E03B60000B", DeviceKind::ValveLock, "Tanker 2041", 340);
    valve.bound_to = Some("8000620011".into());
    valve.link = LinkState::Asleep;
    valve.battery_pct = Some(24);
    let mut silent = device("8000620044", DeviceKind::Seal, "Trailer 0044", 11_000);
    silent.link = LinkState::Silent;
    let mut never = device("8000620055", DeviceKind::MasterLock, "Container MSKU 771002", 0);
    never.link = LinkState::Never;
    never.lock = Some(LockState::Unknown);
    never.parts = PartsRow::default();
    never.as_of = None;
    never.since = None;
    never.battery_pct = None;
    never.position = None;
    never.last_received = None;
    let mut tracker = device("0000001", DeviceKind::Tracker, "Tanker 2041", 9);
    tracker.key = DeviceKey::bofan("0000001");
    tracker.protocol = Some(Protocol::Bofan);
    tracker.ignition = Some(true);
    tracker.inputs = Some("1000".into());
    tracker.position = Some(place("0000001", 43.4, 9));

    let mut tanker = asset(
        1,
        "Tanker 2041",
        "TRK-2041",
        SealState::Open,
        340,
        &["8000620011", "E03B60000A", "E03B60000B", "0000001"],
    );
    tanker.worst_alarm = Some(Priority::P1);
    tanker.position = Some(place("0000001", 43.4, 9));
    let mut container = asset(4, "Container MSKU 771002", "CNT-1002", SealState::Unknown, 0, &["8000620055"]);
    container.as_of = None;
    container.position = None;
    container.plate = None;
    let mut second = asset(2, "Tanker 1177", "TRK-1177", SealState::LockedNotSealed, 40, &["8000620022"]);
    second.worst_alarm = Some(Priority::P2);
    let mut cut = alarm(31, AlarmKind::RopeCut, Priority::P1, AlarmState::UnackActive, "Tanker 2041", 112);
    cut.count = 3;
    let mut opened = alarm(
        32,
        AlarmKind::OpenedStaticUnexplained,
        Priority::P2,
        AlarmState::UnackReturned,
        "Tanker 1177",
        370,
    );
    opened.device = Some("8000620022".into());
    opened.late = true;
    let mut battery =
        alarm(28, AlarmKind::LowBattery, Priority::P3, AlarmState::AckActive, "Tanker 2041", 4_000);
    battery.device = Some("E03B60000B".into());
    battery.reason = "24 %, warns below 30 %".into();
    battery.ack = Some(AckRow { by: "n.haddad".into(), at: ago(2_300), note: "planned work".into() });
    let mut latched =
        alarm(25, AlarmKind::Tamper, Priority::P1, AlarmState::LatchedAck, "Trailer 0044", 7_800);
    latched.device = Some("8000620044".into());
    latched.reason = "back cover opened at the workshop".into();
    latched.ack = Some(AckRow { by: "n.haddad".into(), at: ago(7_000), note: "on site".into() });
    let mut done = command(45_001, Exchange::AnsweredOk, Evidence::Opened, "Tanker 2041", "8000620011");
    done.blocks = false;
    let mut relay = command(48_300, Exchange::Sent, Evidence::None, "Tanker 2041", "E03B60000A");
    relay.method = UnlockMethod::SubLockRelay;
    Snapshot {
        photos: Vec::new(),
        assets: vec![
            tanker,
            second,
            asset(3, "Trailer 0044", "TRL-0044", SealState::Sealed, 11_000, &["8000620044"]),
            container,
            asset(5, "Tanker 0310", "TRK-0310", SealState::Sealed, 15, &["8000620066"]),
            asset(6, "Häfen Tank 7", "TNK-0007", SealState::Sealed, 61, &["8000620077"]),
        ],
        devices: vec![
            device("8000620011", DeviceKind::MasterLock, "Tanker 2041", 12),
            sub,
            valve,
            tracker,
            rope_out,
            silent,
            never,
            device("8000620066", DeviceKind::MasterLock, "Tanker 0310", 15),
            device("8000620077", DeviceKind::Seal, "Häfen Tank 7", 61),
        ],
        alarms: vec![cut, opened, battery, latched],
        commands: vec![
            done,
            relay,
            command(47_120, Exchange::Queued, Evidence::None, "Tanker 0310", "8000620066"),
        ],
        orders: Vec::new(),
        quarantine: vec![quarantined("8000629999", 31), quarantined("8000628888", 400)],
        refused: vec![RefusedRow {
            reason: "jointech-seal: checksum".into(),
            count: 9,
            last: ago(75),
            peer: "203.0.113.80:9921".into(),
            sample: "7e0200002e0118820001550000".into(),
            length: 13,
            nearest: Some("seal 0x0200: ends after 13 of 61 bytes, its closing 7E is missing".into()),
            device: None,
        }],
        node: node(),
    }
}

/// Sixty alarms of every kind and state, two store troubles and doubtful commands.
pub(crate) fn heavy() -> Snapshot {
    let mut snapshot = normal();
    let kinds = [AlarmKind::RopeCut, AlarmKind::Vibration, AlarmKind::IllegalCard, AlarmKind::SignalLost];
    let states = [
        AlarmState::UnackActive,
        AlarmState::AckActive,
        AlarmState::UnackReturned,
        AlarmState::LatchedUnack,
        AlarmState::LatchedAck,
    ];
    let priorities = [Priority::P1, Priority::P2, Priority::P3, Priority::P4];
    for n in 0..60_usize {
        let mut row = alarm(
            100 + n as i64,
            kinds[n % kinds.len()],
            priorities[n % 3 + n % 2],
            states[n % states.len()],
            if n % 2 == 0 { "Tanker 2041" } else { "Tanker 1177" },
            30 + 70 * n as i64,
        );
        row.count = n as u32 % 13 + 1;
        row.late = n % 7 == 0;
        if !row.state.is_unacknowledged() {
            row.ack = Some(AckRow { by: "n.haddad".into(), at: ago(20), note: "seen".into() });
        }
        snapshot.alarms.push(row);
    }
    snapshot.commands.push(command(48_305, Exchange::Uncertain, Evidence::None, "Tanker 1177", "8000620022"));
    snapshot.node.store_error = Some("database or disk is full".into());
    snapshot.node.demo = true;
    snapshot
}

pub(crate) fn empty() -> Snapshot {
    Snapshot { node: node(), ..Snapshot::default() }
}

pub(crate) fn proposal(target: &str) -> Proposal {
    let lock =
        |name: &str, verdict, value: &str| Interlock { name: name.into(), verdict, value: value.into() };
    Proposal {
        token: "t-1".into(),
        expires: ago(-30),
        target: DeviceKey::jointech(target),
        target_kind: DeviceKind::MasterLock,
        asset: "Tanker 0310".into(),
        asset_code: "TRK-0310".into(),
        method: Some(UnlockMethod::StaticPassword),
        via: DeviceKey::jointech(target),
        in_contact: true,
        queue_until: ago(-2_700),
        interlocks: vec![
            lock("enrolled", Verdict::Pass, "as master lock since 2 March"),
            lock("one source", Verdict::Pass, "one session, 198.51.100.7:40112"),
            lock("fix", Verdict::Pass, "15 s old, 9 satellites"),
            lock("speed", Verdict::Pass, "0 km/h, at most 5"),
            lock("approved site", Verdict::NotConfigured, ""),
            lock("trip", Verdict::NotConfigured, ""),
            lock("rejections", Verdict::Pass, "0 of 2"),
            lock("no open command", Verdict::Pass, "none for this lock"),
            lock("device clock", Verdict::Warn, "offset not known"),
            lock("node clock", Verdict::Pass, "synchronised"),
        ],
        worst_alarm: None,
        allowed: true,
    }
}

/// A console without a terminal.
pub(crate) struct Console {
    pub(crate) model: Model,
}

impl Console {
    pub(crate) fn new(options: Options, size: (u16, u16)) -> Self {
        Self { model: Model::new(options, now(), size, None) }
    }

    /// Connected to a node that told `snapshot`.
    pub(crate) fn with(snapshot: Snapshot, size: (u16, u16)) -> Self {
        Self::with_options(Options::default(), snapshot, size)
    }

    pub(crate) fn with_options(options: Options, snapshot: Snapshot, size: (u16, u16)) -> Self {
        let mut console = Self::new(options, size);
        console.attach(snapshot);
        console
    }

    pub(crate) fn attach(&mut self, snapshot: Snapshot) {
        let hello =
            Hello { lockyard: PROTOCOL, build: "test".into(), time: now(), operator: Some("m.saleh".into()) };
        let effects = self.send(Msg::Link(LinkEvent::Up(hello)));
        assert!(matches!(&effects[0], Effect::Send(Request { ask: Ask::Subscribe, .. })));
        self.node(FromNode::Snapshot { part: Box::new(snapshot), last: true });
        self.frame();
    }

    pub(crate) fn send(&mut self, msg: Msg) -> Vec<Effect> {
        update(&mut self.model, msg)
    }

    pub(crate) fn node(&mut self, message: FromNode) -> Vec<Effect> {
        self.send(Msg::Link(LinkEvent::Message(message)))
    }

    pub(crate) fn delta(&mut self, delta: Delta) -> Vec<Effect> {
        self.node(FromNode::Delta { delta: Box::new(delta) })
    }

    /// Types a key string; the effects of all keys.
    pub(crate) fn press(&mut self, keys: &str) -> Vec<Effect> {
        let keys = parse_keys(keys).unwrap();
        keys.into_iter().flat_map(|key| self.send(Msg::Key(key))).collect()
    }

    /// The one request among effects.
    pub(crate) fn asked(&mut self, keys: &str) -> Request {
        let requests: Vec<Request> = self
            .press(keys)
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Send(request) => Some(request),
                _ => None,
            })
            .collect();
        match <[Request; 1]>::try_from(requests) {
            Ok([request]) => request,
            Err(other) => panic!("{keys}: {other:?}"),
        }
    }

    pub(crate) fn answer(&mut self, id: u64, answer: Answer) -> Vec<Effect> {
        self.node(FromNode::Reply { id, answer })
    }

    pub(crate) fn down(&mut self) {
        let why = "connection refused".to_owned();
        let retry_in = Some(std::time::Duration::from_secs(4));
        self.send(Msg::Link(LinkEvent::Down { why, retry_in }));
    }

    pub(crate) fn frame(&mut self) {
        let now = self.model.now;
        self.send(Msg::Frame(now));
    }

    pub(crate) fn after(&mut self, seconds: i64) {
        let later = self.model.now + TimeDelta::seconds(seconds);
        self.send(Msg::Tick(later));
    }

    pub(crate) fn buffer(&mut self) -> Buffer {
        self.frame();
        let (width, height) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view::draw(&self.model, frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    /// The screen as text.
    pub(crate) fn text(&mut self) -> String {
        text(&self.buffer())
    }

    /// The screen as text, then its styles as runs.
    pub(crate) fn picture(&mut self) -> String {
        let buffer = self.buffer();
        format!("{}\n{}", text(&buffer), styles(&buffer))
    }
}

fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        for x in 0..buffer.area.width {
            line.push_str(buffer[(x, y)].symbol());
        }
        writeln!(out, "{}", line.trim_end()).unwrap();
    }
    out
}

/// Each run of cells in one style: `y x-x style "text"`; plain cells are left out.
fn styles(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let style = |x: u16| {
                let cell = &buffer[(x, y)];
                let mut words = Vec::new();
                if cell.fg != ratatui::style::Color::Reset {
                    words.push(format!("{}", cell.fg));
                }
                if cell.bg != ratatui::style::Color::Reset {
                    words.push(format!("on {}", cell.bg));
                }
                if !cell.modifier.is_empty() {
                    words.push(format!("{:?}", cell.modifier));
                }
                words.join(" ")
            };
            let start = x;
            let here = style(start);
            while x < buffer.area.width && style(x) == here {
                x += 1;
            }
            if !here.is_empty() {
                writeln!(out, "{y:>2} {start}-{} {here}", x - 1).unwrap();
            }
        }
    }
    out
}
