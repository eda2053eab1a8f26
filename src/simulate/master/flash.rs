//! What a master keeps until the server has it.

use crate::simulate::encode::master::{DataType, LockReport, Position, SubBody, SubReport};
use std::{collections::VecDeque, time::Duration};

/// Records kept at most (a real unit keeps 20,000); the oldest gives way and is counted as lost.
const CAPACITY: usize = 2000;
/// Stored records in flight at once: far fewer than 256, so that their one-byte serials stay distinct.
const WINDOW: usize = 32;

#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) serial: u8,
    made: Duration,
    /// Made while there was no connection.
    offline: bool,
    sent: Option<Duration>,
    what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Position { position: Position, alarm: bool },
    Lock(LockReport),
    Sub(SubReport),
}

/// One record made ready for sending.
#[derive(Debug)]
pub(super) enum Ready {
    Position(u8, DataType, Position),
    Lock(u8, LockReport),
    Sub(u8, SubReport),
}

/// Unacknowledged records, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Flash {
    records: VecDeque<Record>,
    lost: u64,
}

impl Flash {
    pub(super) fn store(&mut self, at: Duration, serial: u8, offline: bool, what: What) {
        if self.records.len() >= CAPACITY {
            self.records.pop_front();
            self.lost += 1;
        }
        self.records.push_back(Record { serial, made: at, offline, sent: None, what });
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// A number from the server clears the record with that serial that went out first.
    pub(super) fn acknowledge(&mut self, serial: u8) -> bool {
        let sent = |record: &Record| record.sent.filter(|_| record.serial == serial);
        let first = (0..self.records.len())
            .filter_map(|index| Some((sent(&self.records[index])?, index)))
            .min()
            .map(|(_, index)| index);
        first.and_then(|index| self.records.remove(index)).is_some()
    }

    /// The server got it damaged: it goes again.
    pub(super) fn damaged(&mut self, serial: u8) {
        for record in self.records.iter_mut().filter(|record| record.serial == serial) {
            record.sent = None;
        }
    }

    /// A new connection: whatever was in flight on the old one may be lost.
    pub(super) fn forget_flight(&mut self) {
        for record in &mut self.records {
            record.sent = None;
        }
    }

    /// Takes what is to be sent now, in the order of the manual: live and recent data newest first, then alarms, lock
    /// reports and stored data as they were stored. New records always go; others only while fewer than [`WINDOW`]
    /// are in flight.
    pub(super) fn send(&mut self, at: Duration, resend: Duration, recent: Duration) -> Vec<Ready> {
        let in_flight = |record: &Record| record.sent.is_some_and(|sent| at < sent + resend);
        let mut room = WINDOW.saturating_sub(self.records.iter().filter(|record| in_flight(record)).count());
        let open: Vec<usize> =
            (0..self.records.len()).filter(|&index| !in_flight(&self.records[index])).collect();
        let (mut live, stored): (Vec<usize>, Vec<usize>) =
            open.into_iter().partition(|&index| self.records[index].is_live(at, recent));
        live.reverse();
        let mut ready = Vec::new();
        for index in live.into_iter().chain(stored) {
            let record = &mut self.records[index];
            if record.offline || at > record.made {
                if room == 0 {
                    continue;
                }
                room -= 1;
            }
            ready.push(record.ready(at, recent));
            record.sent = Some(at);
        }
        ready
    }
}

impl Record {
    fn is_live(&self, at: Duration, recent: Duration) -> bool {
        let plain = matches!(self.what, What::Position { alarm: false, .. });
        plain && !self.offline && at <= self.made + recent
    }

    fn ready(&self, at: Duration, recent: Duration) -> Ready {
        let history = self.offline && at > self.made + recent;
        match &self.what {
            What::Position { position, alarm } => {
                let kind = match (alarm, self.is_live(at, recent)) {
                    (true, _) => DataType::Alarm,
                    (false, false) => DataType::Stored,
                    (false, true) if at > self.made => DataType::Recent,
                    (false, true) => DataType::Live,
                };
                Ready::Position(self.serial, kind, position.clone())
            }
            What::Lock(report) => Ready::Lock(self.serial, report.clone()),
            What::Sub(report) => {
                let mut report = report.clone();
                if history {
                    report.body.mark_replayed();
                }
                Ready::Sub(self.serial, report)
            }
        }
    }
}

impl SubBody {
    /// Gateway status bit 0, and bit 15 of the event word.
    pub(super) fn mark_replayed(&mut self) {
        match self {
            Self::Climate { gateway, .. } => *gateway |= 1,
            Self::Lock { gateway, event, .. } => {
                *gateway |= 1;
                *event |= 0x8000;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::encode::{Fix, master::Cell};

    const SECOND: Duration = Duration::from_secs(1);

    fn position(alarm: bool) -> What {
        let position = Position {
            time: chrono::DateTime::UNIX_EPOCH,
            fix: Fix { lat: 0.0, lon: 0.0, valid: true, speed_kmh: 0.0, heading: 0.0 },
            mileage_km: 0,
            satellites: 0,
            status: 0,
            battery: 50,
            cell: Cell { mcc: 0, mnc: 0, lac: 0, id: 0 },
            signal: 0,
            fence: 0,
            wake_source: 0,
        };
        What::Position { position, alarm }
    }

    fn kinds(ready: &[Ready]) -> Vec<(u8, DataType)> {
        ready
            .iter()
            .map(|one| match one {
                Ready::Position(serial, kind, _) => (*serial, *kind),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn send(flash: &mut Flash, secs: u32) -> Vec<(u8, DataType)> {
        kinds(&flash.send(SECOND * secs, SECOND * 60, SECOND * 90))
    }

    #[test]
    fn a_record_goes_again_until_its_number_comes() {
        let mut flash = Flash::default();
        flash.store(SECOND, 7, false, position(false));
        assert_eq!(send(&mut flash, 1), [(7, DataType::Live)]);
        assert_eq!(send(&mut flash, 60), []);
        assert_eq!(send(&mut flash, 61), [(7, DataType::Recent)]);
        assert_eq!(send(&mut flash, 121), [(7, DataType::Stored)]);
        assert!(!flash.acknowledge(8));
        assert_eq!(flash.len(), 1);
        assert!(flash.acknowledge(7));
        assert_eq!(flash.len(), 0);
        assert_eq!(send(&mut flash, 500), []);
    }

    #[test]
    fn live_newest_first_then_the_stored_in_their_order() {
        let mut flash = Flash::default();
        flash.store(SECOND, 1, true, position(false));
        flash.store(SECOND * 2, 2, true, position(true));
        flash.store(SECOND * 3, 3, true, position(false));
        flash.store(SECOND * 9, 4, false, position(false));
        flash.store(SECOND * 10, 5, false, position(false));
        let sent = send(&mut flash, 10);
        let want = [
            (5, DataType::Live),
            (4, DataType::Recent),
            (1, DataType::Stored),
            (2, DataType::Alarm),
            (3, DataType::Stored),
        ];
        assert_eq!(sent, want);
    }

    #[test]
    fn one_number_clears_one_record_the_first_that_went_out() {
        let mut flash = Flash::default();
        flash.store(SECOND, 9, false, position(false));
        send(&mut flash, 1);
        flash.store(SECOND * 2, 9, false, position(true));
        send(&mut flash, 2);
        assert!(flash.acknowledge(9));
        flash.damaged(9);
        assert_eq!(send(&mut flash, 3), [(9, DataType::Alarm)], "the older one is gone");
    }

    #[test]
    fn a_backlog_goes_in_windows_and_never_holds_up_live_data() {
        let mut flash = Flash::default();
        for serial in 0..100 {
            flash.store(SECOND, serial, true, position(false));
        }
        assert_eq!(send(&mut flash, 5).len(), WINDOW);
        flash.store(SECOND * 6, 200, false, position(false));
        assert_eq!(send(&mut flash, 6), [(200, DataType::Live)]);
        assert!(flash.acknowledge(0) && flash.acknowledge(1) && flash.acknowledge(200));
        assert_eq!(send(&mut flash, 7), [(32, DataType::Stored), (33, DataType::Stored)]);
    }

    #[test]
    fn a_full_flash_loses_the_oldest_and_says_so() {
        let mut flash = Flash::default();
        for number in 0..CAPACITY + 3 {
            flash.store(SECOND, number as u8, true, position(false));
        }
        assert_eq!((flash.len(), flash.lost()), (CAPACITY, 3));
    }
}
