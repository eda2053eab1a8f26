//! How fast a device lives.

use std::time::Duration;

/// Every waiting time of a virtual device. Nothing else in a device waits.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Between two position reports.
    pub report: Duration,
    /// Between two heartbeats.
    pub heartbeat: Duration,
    /// An unacknowledged record is sent again after this.
    pub resend: Duration,
    /// A record unacknowledged for longer than this is history (data type 3), not recent backlog (type 4).
    pub recent: Duration,
    /// How long it stays awake after a wake, where it sleeps at all.
    pub awake: Duration,
    /// How long it sleeps with its connection closed; `None` = never.
    pub asleep: Option<Duration>,
    /// An opened lock whose rope stays in locks again after this.
    pub relock: Duration,
    /// A frame with the new state follows an opening or locking after this.
    pub show_state: Duration,
    /// The lock report (P45) follows its event after this.
    pub lock_report: Duration,
    /// Open for longer than this raises the device's own alarm.
    pub open_too_long: Duration,
    /// A passing alarm bit (card, passwords, vibration) is cleared after this.
    pub alarm_hold: Duration,
    /// Between two wakes of a sub-device.
    pub sub_wake: Duration,
    /// What the device takes for one minute in the window of a relayed unlock and in resending its password.
    pub minute: Duration,
    /// First and longest wait before connecting again.
    pub reconnect: (Duration, Duration),
}

impl Pace {
    /// What the manuals say.
    #[must_use]
    pub fn real() -> Self {
        let (secs, minutes) = (Duration::from_secs, |n: u64| Duration::from_secs(n * 60));
        Self {
            report: secs(30),
            heartbeat: minutes(5),
            resend: minutes(1),
            recent: minutes(5),
            awake: minutes(5),
            asleep: None,
            relock: minutes(1),
            show_state: secs(5),
            lock_report: minutes(3),
            open_too_long: minutes(120),
            alarm_hold: minutes(2),
            sub_wake: minutes(10),
            minute: minutes(1),
            reconnect: (secs(2), minutes(5)),
        }
    }

    /// A demo somebody watches: something every few seconds, but a lock stays open its real minute.
    #[must_use]
    pub fn lively() -> Self {
        let secs = Duration::from_secs;
        Self {
            report: secs(4),
            heartbeat: secs(60),
            resend: secs(60),
            recent: secs(90),
            awake: secs(45),
            show_state: secs(2),
            lock_report: secs(6),
            open_too_long: secs(180),
            alarm_hold: secs(30),
            sub_wake: secs(15),
            reconnect: (Duration::from_millis(500), secs(15)),
            ..Self::real()
        }
    }

    /// A few milliseconds for everything: tests over real sockets.
    #[must_use]
    pub fn quick() -> Self {
        Self::real().sped_up(1000.0)
    }

    /// Everything `factor` times faster (limited to 0.01 to 10,000; no wait falls below a millisecond).
    #[must_use]
    pub fn sped_up(&self, factor: f64) -> Self {
        let faster = |span: Duration| faster(span, factor);
        Self {
            report: faster(self.report),
            heartbeat: faster(self.heartbeat),
            resend: faster(self.resend),
            recent: faster(self.recent),
            awake: faster(self.awake),
            asleep: self.asleep.map(faster),
            relock: faster(self.relock),
            show_state: faster(self.show_state),
            lock_report: faster(self.lock_report),
            open_too_long: faster(self.open_too_long),
            alarm_hold: faster(self.alarm_hold),
            sub_wake: faster(self.sub_wake),
            minute: faster(self.minute),
            reconnect: (faster(self.reconnect.0), faster(self.reconnect.1)),
        }
    }

    /// The same, asleep for `asleep` after every `awake`.
    #[must_use]
    pub fn sleeping(self, awake: Duration, asleep: Duration) -> Self {
        Self { awake, asleep: Some(asleep), ..self }
    }
}

/// `span`, `factor` times shorter, with the limits of [`Pace::sped_up`].
pub(super) fn faster(span: Duration, factor: f64) -> Duration {
    let factor = if factor.is_finite() { factor.clamp(0.01, 10_000.0) } else { 1.0 };
    span.div_f64(factor).max(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_shortens_and_never_stops_time() {
        let pace = Pace::real().sleeping(Duration::from_secs(60), Duration::from_secs(1800));
        assert_eq!(pace.sped_up(60.0).asleep, Some(Duration::from_secs(30)));
        assert_eq!(pace.sped_up(60.0).relock, Duration::from_secs(1));
        assert_eq!(pace.sped_up(f64::INFINITY).relock, pace.relock, "nonsense changes nothing");
        assert_eq!(pace.sped_up(1e9).show_state, Duration::from_millis(1));
    }
}
