//! Words, shapes and roles of states; ages and times as an operator reads them.

use super::symbols::Symbols;
use super::theme::Role;
use crate::domain::alarm::AlarmKind;
use crate::domain::{
    AlarmState, DeviceKind, Evidence, Exchange, LinkState, LockState, PartState, Priority, SealState, Utc,
    ValveState,
};
use crate::ipc::wire::Verdict;
use chrono_tz::Tz;

/// A state as drawn: shape, word, colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub shape: &'static str,
    pub word: String,
    pub role: Role,
}

impl Mark {
    pub(super) fn new(shape: &'static str, word: &str, role: Role) -> Self {
        Self { shape, word: word.into(), role }
    }

    /// Shape and word.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {}", self.shape, self.word)
    }

    /// The same told by a device that has gone silent: a reassuring word becomes `was …`, muted, with the shape of
    /// staleness. A worrying word stays as loud as it was; its age and the link word beside it say how old it is.
    #[must_use]
    fn aged(self, silent: bool, sy: &Symbols) -> Self {
        if silent && self.role == Role::Ok {
            Self { shape: sy.stale, word: format!("was {}", self.word), role: Role::Muted }
        } else {
            self
        }
    }
}

#[must_use]
pub fn seal(state: SealState, silent: bool, sy: &Symbols) -> Mark {
    let mark = match state {
        SealState::Sealed => Mark::new(sy.closed, "SEALED", Role::Ok),
        SealState::LockedNotSealed => Mark::new(sy.half, "NOT SEALED", Role::Warn),
        SealState::Open => Mark::new(sy.open, "OPEN", Role::Warn),
        SealState::Tampered => Mark::new(sy.tamper, "TAMPERED", Role::Critical),
        SealState::Conflict => Mark::new(sy.conflict, "CONFLICT", Role::Uncertain),
        SealState::Unknown => Mark::new(sy.unknown, "UNKNOWN", Role::Uncertain),
    };
    mark.aged(silent, sy)
}

/// What stands for the seal of an asset that has no lock.
#[must_use]
pub fn no_lock(sy: &Symbols) -> Mark {
    Mark::new(sy.none, "no lock", Role::Muted)
}

#[must_use]
pub fn lock(state: Option<LockState>, silent: bool, sy: &Symbols) -> Mark {
    let mark = match state {
        Some(LockState::Locked) => Mark::new(sy.closed, "LOCKED", Role::Ok),
        Some(LockState::Unlocked) => Mark::new(sy.open, "UNLOCKED", Role::Warn),
        Some(LockState::Unseated) => Mark::new(sy.half, "UNSEATED", Role::Warn),
        Some(LockState::Unknown) | None => Mark::new(sy.unknown, "UNKNOWN", Role::Uncertain),
    };
    mark.aged(silent, sy)
}

#[must_use]
pub fn valve(state: Option<ValveState>, silent: bool, sy: &Symbols) -> Mark {
    let mark = match state {
        Some(ValveState::Closed) => Mark::new(sy.closed, "CLOSED", Role::Ok),
        Some(ValveState::Open) => Mark::new(sy.open, "OPEN", Role::Warn),
        Some(ValveState::Unknown) | None => Mark::new(sy.unknown, "UNKNOWN", Role::Uncertain),
    };
    mark.aged(silent, sy)
}

/// Which part of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Motor,
    Rope,
    Cover,
}

#[must_use]
pub fn part(part: Part, state: Option<PartState>, silent: bool, sy: &Symbols) -> Mark {
    let word = match (part, state) {
        (_, None) => return Mark::new(sy.unknown, "unknown", Role::Uncertain),
        (Part::Motor, Some(PartState::Closed)) => "locked",
        (Part::Motor, Some(PartState::Open)) => "OPEN",
        (Part::Rope, Some(PartState::Closed)) => "in",
        (Part::Rope, Some(PartState::Open)) => "OUT",
        (Part::Cover, Some(PartState::Closed)) => "shut",
        (Part::Cover, Some(PartState::Open)) => "OPEN",
    };
    match state {
        Some(PartState::Open) if part == Part::Cover => Mark::new(sy.tamper, word, Role::Critical),
        Some(PartState::Open) => Mark::new(sy.open, word, Role::Warn),
        // The link word stands in the same row, so the shape alone tells the part's staleness.
        _ if silent => Mark::new(sy.stale, word, Role::Muted),
        _ => Mark::new(sy.closed, word, Role::Ok),
    }
}

#[must_use]
pub fn link(state: LinkState, sy: &Symbols) -> Mark {
    match state {
        LinkState::Online => Mark::new(sy.online, "online", Role::Text),
        LinkState::Asleep => Mark::new(sy.absent, "asleep", Role::Muted),
        LinkState::Silent => Mark::new(sy.stale, "SILENT", Role::Warn),
        LinkState::Never => Mark::new(sy.none, "never", Role::Muted),
    }
}

/// What passed between us and the device. Never green: it does not say that the lock moved.
#[must_use]
pub fn exchange(state: Exchange, sy: &Symbols) -> Mark {
    let (shape, role) = match state {
        Exchange::Queued | Exchange::Sent => (sy.pending, Role::Info),
        Exchange::AnsweredOk | Exchange::Relayed | Exchange::SentOnly => (sy.to, Role::Info),
        Exchange::Refused => (sy.fail, Role::Bad),
        Exchange::Uncertain => (sy.uncertain, Role::Uncertain),
        Exchange::Expired | Exchange::Cancelled => (sy.none, Role::Muted),
        Exchange::Withheld => (sy.fail, Role::Warn),
    };
    Mark::new(shape, state.words(), role)
}

/// What the lock itself showed. `OPENED` is the only green word of a command.
#[must_use]
pub fn evidence(state: Evidence, sy: &Symbols) -> Mark {
    let (shape, role) = match state {
        Evidence::None => (sy.none, Role::Muted),
        Evidence::Opened => (sy.open, Role::Ok),
        Evidence::Relocked => (sy.closed, Role::Text),
        Evidence::NotUsed => (sy.closed, Role::Muted),
        Evidence::Contradicted => (sy.uncertain, Role::Uncertain),
    };
    Mark::new(shape, state.words(), role)
}

#[must_use]
pub fn verdict(state: Verdict, sy: &Symbols) -> Mark {
    match state {
        Verdict::Pass => Mark::new(sy.pass, "pass", Role::Text),
        Verdict::Warn => Mark::new(sy.warn, "warning", Role::Warn),
        Verdict::Fail => Mark::new(sy.fail, "FAILS", Role::Bad),
        Verdict::NotConfigured => Mark::new(sy.none, "not configured", Role::Muted),
        Verdict::AtWake => Mark::new(sy.pending, "checked at wake", Role::Info),
    }
}

/// The two-character mark of the alarm list, and its words.
#[must_use]
pub fn alarm_state(state: AlarmState) -> (&'static str, &'static str) {
    match state {
        AlarmState::Normal => ("", "over"),
        AlarmState::UnackActive => ("!", "active, not acknowledged"),
        AlarmState::AckActive => (".", "active, acknowledged"),
        AlarmState::UnackReturned => ("~!", "over, not acknowledged"),
        AlarmState::LatchedUnack => ("L!", "over, held until acknowledged and reset"),
        AlarmState::LatchedAck => ("L", "over, acknowledged, waits for reset"),
    }
}

/// Colour of a priority; an acknowledged one is never reversed.
#[must_use]
pub fn priority(priority: Priority, unacknowledged: bool) -> Role {
    match (priority, unacknowledged) {
        (Priority::P1, true) => Role::Critical,
        (Priority::P1, false) => Role::Bad,
        (Priority::P2, _) => Role::Warn,
        (Priority::P3, _) => Role::Info,
        (Priority::P4, _) => Role::Muted,
    }
}

#[must_use]
pub fn kind(kind: AlarmKind) -> String {
    kind.word().replace('_', " ")
}

/// What an operator does about it first; from the operator response column of the event table.
#[must_use]
pub fn response(kind: AlarmKind) -> &'static str {
    use AlarmKind as K;
    match kind {
        K::RopeCut => "treat as theft: call the driver, escalate, keep the evidence",
        K::Tamper | K::BackCoverOpened => "have it inspected; do not trust this lock until then",
        K::IllegalCard => "call the driver; find out whose card it is",
        K::WrongPasswordLimit => "send it no commands; find out who tries",
        K::OpenRefused => "call the driver: why was it tried there?",
        K::UnlockedTooLong => "call the site and ask to close it",
        K::MotorFault => "do not repeat an opening; have somebody look at the lock",
        K::LowBattery => "charge or swap it at the next stop",
        K::LowBackupBattery => "have the backup battery charged or swapped",
        K::Sos => "call; follow the duress procedure",
        K::PowerCut => "call the driver; watch for other signs",
        K::SignalLost => "wait for its next report; on site its button wakes it",
        K::ValveOpened => "treat as theft of the load unless a discharge is known",
        K::OpenedStaticUnexplained => "call the driver; then change its password, stop opening by SMS",
        K::OpenedDynamicUnexplained => "call the driver; find out who has seen the code",
        K::OpenedBluetoothUnexplained => "call the driver: who held the handheld?",
        K::OpenedLoraUnexplained => "call the driver; check the relay and other masters nearby",
        K::OpenedUnknown => "call the driver",
        K::Vibration => "look at the vehicles beside it first",
        K::Tow | K::Movement => "call the driver; treat as theft until explained",
        K::Overspeed | K::HarshAcceleration | K::HarshBraking => "message the driver",
        K::Fatigue => "call the driver to a rest",
        K::Custom => "show its frame to whoever looks after this program",
        K::DuplicateIdentity => "call the site: which is the lock? then decide with :identity",
        K::CommandUncertain => "do not repeat it; find out what the lock did, then give a verdict",
        K::DiskLow => "make room, or lower the journal's limit",
    }
}

#[must_use]
pub fn device_kind(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Tracker => "tracker",
        DeviceKind::MasterLock => "master lock",
        DeviceKind::Seal => "seal",
        DeviceKind::SubLock => "sub lock",
        DeviceKind::ValveLock => "valve lock",
        DeviceKind::Sensor => "sensor",
    }
}

/// How long ago, in at most four characters: `42s`, `17m`, `5h`, `12d`, `3y`. The future reads `0s`.
#[must_use]
pub fn age(now: Utc, then: Utc) -> String {
    let seconds = (now - then).num_seconds().max(0);
    match seconds {
        0..=99 => format!("{seconds}s"),
        100..=5_999 => format!("{}m", seconds / 60),
        6_000..=172_799 => format!("{}h", seconds / 3_600),
        172_800..=86_399_999 => format!("{}d", seconds / 86_400),
        _ => format!("{}y", (seconds / 31_557_600).min(999)),
    }
}

/// An age that may not exist.
#[must_use]
pub fn age_of(now: Utc, then: Option<Utc>, sy: &Symbols) -> String {
    then.map_or_else(|| sy.none.to_owned(), |then| age(now, then))
}

/// Time of day in the zone; with the date when that is another day.
#[must_use]
pub fn clock(now: Utc, then: Utc, zone: Tz) -> String {
    let (today, local) = (now.with_timezone(&zone), then.with_timezone(&zone));
    let same = today.date_naive() == local.date_naive();
    local.format(if same { "%H:%M:%S" } else { "%d %b %H:%M" }).to_string()
}

/// `1.4 GB`, from bytes, by thousands.
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (size, unit) in UNITS {
        if count >= size {
            return format!("{}.{} {unit}", count / size, count % size * 10 / size);
        }
    }
    format!("{count} B")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::symbols::UTF8;
    use chrono::TimeDelta;

    #[test]
    fn ages_are_short_and_never_negative() {
        let now = Utc::UNIX_EPOCH + TimeDelta::days(2_000);
        let at = |seconds| age(now, now - TimeDelta::seconds(seconds));
        let want = [(-5, "0s"), (99, "99s"), (100, "1m"), (5_999, "99m"), (6_000, "1h"), (172_800, "2d")];
        for (seconds, text) in want {
            assert_eq!(at(seconds), text);
        }
        assert_eq!(at(999 * 86_400), "999d");
        assert_eq!(at(1_000 * 86_400), "2y");
        assert!(age(now, Utc::UNIX_EPOCH).len() <= 4);
    }

    #[test]
    fn silence_takes_the_comfort_out_of_a_word_and_not_the_alarm() {
        let was = lock(Some(LockState::Locked), true, &UTF8);
        assert_eq!((was.text().as_str(), was.role), ("· was LOCKED", Role::Muted));
        let open = lock(Some(LockState::Unlocked), true, &UTF8);
        assert_eq!((open.text().as_str(), open.role), ("□ UNLOCKED", Role::Warn));
        assert_eq!(lock(None, false, &UTF8).word, "UNKNOWN");
    }

    #[test]
    fn opened_is_the_only_green_word_of_a_command() {
        use Exchange::*;
        for state in [Queued, Sent, AnsweredOk, Relayed, Refused, Uncertain, Expired, Cancelled, Withheld] {
            assert_ne!(exchange(state, &UTF8).role, Role::Ok);
        }
        for state in [Evidence::None, Evidence::Relocked, Evidence::NotUsed] {
            assert_ne!(evidence(state, &UTF8).role, Role::Ok);
        }
        assert_eq!(evidence(Evidence::Opened, &UTF8).role, Role::Ok);
    }

    #[test]
    fn sizes_read_by_thousands() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_440_000_000), "1.4 GB");
    }

    #[test]
    fn another_day_shows_its_date() {
        let now = Utc::UNIX_EPOCH + TimeDelta::hours(30);
        assert_eq!(clock(now, now, chrono_tz::UTC), "06:00:00");
        assert_eq!(clock(now, Utc::UNIX_EPOCH, chrono_tz::UTC), "01 Jan 00:00");
        assert_eq!(clock(now, now, chrono_tz::Asia::Tokyo), "15:00:00");
    }
}
