//! What a device says that no paper names, counted by firmware: the list an installer sends to whoever writes the
//! protocol notes.

use super::snapshot::UnknownRow;
use crate::domain::{Unknown, Utc};
use serde::{Deserialize, Serialize};

/// Different values counted for one device. More are counted together: a firmware that is so unlike the notes is no
/// longer counted value by value.
pub const KINDS: usize = 64;

/// The counts of one device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unknowns {
    /// In the order they were first heard.
    rows: Vec<UnknownRow>,
    /// Values beyond the 64 kinds that are counted.
    others: u64,
}

impl Unknowns {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Counts what one message could not name. `firmware` is the device's, as far as it is known.
    pub fn hear(&mut self, unknown: &[Unknown], firmware: Option<&str>, received: Utc) {
        for Unknown { what, value } in unknown {
            let is_it = |row: &UnknownRow| row.what == *what && row.firmware.as_deref() == firmware;
            if let Some(row) = self.rows.iter_mut().find(|row| is_it(row)) {
                row.count = row.count.saturating_add(1);
                row.value.clone_from(value);
                row.last = received;
            } else if self.rows.len() < KINDS {
                self.rows.push(UnknownRow {
                    firmware: firmware.map(str::to_owned),
                    what: what.clone(),
                    count: 1,
                    value: value.clone(),
                    first: received,
                    last: received,
                });
            } else {
                self.others = self.others.saturating_add(1);
            }
        }
    }

    #[must_use]
    pub fn rows(&self) -> &[UnknownRow] {
        &self.rows
    }

    #[must_use]
    pub fn others(&self) -> u64 {
        self.others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn at(second: u32) -> Utc {
        chrono::Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, second).unwrap()
    }

    fn unknown(what: &str, value: &str) -> Unknown {
        Unknown { what: what.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn the_same_is_counted_and_another_firmware_apart() {
        let mut unknowns = Unknowns::default();
        unknowns.hear(&[unknown("status bit 15", ""), unknown("item 0xE7", "01")], None, at(0));
        unknowns.hear(&[unknown("item 0xE7", "02")], None, at(1));
        unknowns.hear(&[unknown("item 0xE7", "03")], Some("R1.2.7"), at(2));
        let told: Vec<_> = unknowns
            .rows()
            .iter()
            .map(|row| {
                (
                    row.what.as_str(),
                    row.firmware.as_deref(),
                    row.count,
                    row.value.as_str(),
                    row.first,
                    row.last,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("status bit 15", None, 1, "", at(0), at(0)),
                ("item 0xE7", None, 2, "02", at(0), at(1)),
                ("item 0xE7", Some("R1.2.7"), 1, "03", at(2), at(2)),
            ]
        );
        let text = serde_json::to_string(&unknowns).unwrap();
        assert_eq!(serde_json::from_str::<Unknowns>(&text).unwrap(), unknowns);
    }

    #[test]
    fn beyond_the_bound_only_the_sum_is_kept() {
        let mut unknowns = Unknowns::default();
        for n in 0..100 {
            unknowns.hear(&[unknown(&format!("item {n}"), "")], None, at(0));
        }
        unknowns.hear(&[unknown("item 0", "")], None, at(1));
        assert_eq!((unknowns.rows().len(), unknowns.others()), (KINDS, 36));
        assert_eq!(unknowns.rows()[0].count, 2, "what is counted goes on being counted");
    }
}
