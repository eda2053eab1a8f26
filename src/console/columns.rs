//! Columns of the lists: their widths, and in which order they leave when the screen is narrow.

/// One column of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Heading, also the name for `:sort`.
    pub title: &'static str,
    /// Narrowest useful width, in cells.
    pub min: u16,
    /// Widest useful width.
    pub max: u16,
    /// 0 never leaves; otherwise the highest leaves first.
    pub leaves: u8,
    pub right: bool,
}

const fn column(title: &'static str, min: u16, max: u16, leaves: u8) -> Column {
    Column { title, min, max, leaves, right: false }
}

const fn number(title: &'static str, width: u16, leaves: u8) -> Column {
    Column { title, min: width, max: width, leaves, right: true }
}

pub mod alarms {
    use super::{Column, column, number};

    pub const MARK: usize = 0;
    pub const PRIORITY: usize = 1;
    pub const AGE: usize = 2;
    pub const ASSET: usize = 3;
    pub const KIND: usize = 4;
    pub const COUNT: usize = 5;
    pub const LATE: usize = 6;
    pub const DEVICE: usize = 7;
    pub const REASON: usize = 8;
    pub const ALL: [Column; 9] = [
        column("", 2, 2, 0),
        column("pr", 2, 2, 0),
        number("age", 4, 0),
        column("asset", 12, 18, 0),
        column("alarm", 28, 28, 0),
        number("n", 4, 3),
        column("late", 4, 4, 2),
        column("device", 10, 12, 4),
        column("reason", 24, 200, 5),
    ];
}

pub mod fleet {
    use super::{Column, column, number};

    pub const NAME: usize = 0;
    pub const PLATE: usize = 1;
    pub const SEAL: usize = 2;
    pub const AS_OF: usize = 3;
    pub const ALARM: usize = 4;
    pub const LOCKS: usize = 5;
    pub const SPEED: usize = 6;
    pub const POSITION: usize = 7;
    pub const BATTERY: usize = 8;
    pub const LINK: usize = 9;
    pub const COMMAND: usize = 10;
    pub const ALL: [Column; 11] = [
        column("asset", 12, 26, 0),
        column("plate", 9, 12, 6),
        column("seal", 14, 14, 0),
        number("age", 4, 0),
        column("al", 2, 2, 0),
        column("locks", 5, 5, 4),
        number("km/h", 4, 3),
        number("fix", 4, 5),
        number("bat", 4, 2),
        column("link", 8, 8, 1),
        // UNCERTAIN is never cut.
        column("command", 11, 22, 0),
    ];
}

pub mod commands {
    use super::{Column, column, number};

    pub const ID: usize = 0;
    pub const AGE: usize = 1;
    pub const ASSET: usize = 2;
    pub const TARGET: usize = 3;
    pub const EXCHANGE: usize = 4;
    pub const EXCHANGED: usize = 5;
    pub const EVIDENCE: usize = 6;
    pub const EVIDENCED: usize = 7;
    pub const BY: usize = 8;
    pub const REASON: usize = 9;
    pub const ALL: [Column; 10] = [
        number("#", 7, 5),
        number("age", 4, 0),
        column("asset", 12, 24, 0),
        column("lock", 10, 12, 3),
        column("exchange", 16, 16, 0),
        column("at", 8, 12, 1),
        column("movement", 10, 10, 0),
        column("seen", 8, 12, 2),
        column("by", 8, 16, 4),
        column("reason", 10, 40, 6),
    ];
}

pub mod quarantine {
    use super::{Column, column, number};

    pub const ID: usize = 0;
    pub const PROTOCOL: usize = 1;
    pub const KIND: usize = 2;
    pub const LAST: usize = 3;
    pub const FIRST: usize = 4;
    pub const FRAMES: usize = 5;
    pub const PEER: usize = 6;
    pub const WHY: usize = 7;
    pub const ALL: [Column; 8] = [
        column("id", 19, 24, 0),
        column("protocol", 15, 15, 2),
        column("looks like", 11, 11, 0),
        number("last", 4, 0),
        number("first", 5, 1),
        number("frames", 6, 0),
        column("from", 14, 26, 3),
        column("why", 14, 200, 4),
    ];
}

/// Which columns a width has room for, and how wide each becomes: `(index, width)`, one cell between them.
///
/// All start at their narrowest; while that is too much the one that `leaves` first goes; what is left over widens the
/// remaining ones from left to right up to their widest.
#[must_use]
pub fn fit(columns: &[Column], width: u16) -> Vec<(usize, u16)> {
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let needed = |kept: &[usize]| {
        let cells: u16 = kept.iter().map(|&i| columns[i].min).sum();
        cells.saturating_add(u16::try_from(kept.len()).unwrap_or(u16::MAX).saturating_sub(1))
    };
    while needed(&kept) > width {
        let goes = kept.iter().copied().filter(|&i| columns[i].leaves > 0).max_by_key(|&i| columns[i].leaves);
        let Some(goes) = goes else { break };
        kept.retain(|&i| i != goes);
    }
    let mut spare = width.saturating_sub(needed(&kept));
    kept.iter()
        .map(|&i| {
            let more = spare.min(columns[i].max - columns[i].min);
            spare -= more;
            (i, columns[i].min + more)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(columns: &[Column], width: u16) -> Vec<&'static str> {
        fit(columns, width).into_iter().map(|(i, _)| columns[i].title).collect()
    }

    #[test]
    fn columns_leave_in_their_written_order() {
        let wide = titles(&fleet::ALL, 200);
        assert_eq!(wide.len(), fleet::ALL.len());
        let mut last = wide;
        for width in (40..200).rev() {
            let now = titles(&fleet::ALL, width);
            let left: Vec<_> = last.iter().filter(|t| !now.contains(t)).collect();
            let mut expected: Vec<_> = fleet::ALL.iter().filter(|c| last.contains(&c.title)).collect();
            expected.sort_by_key(|c| std::cmp::Reverse(c.leaves));
            for (gone, first) in left.iter().zip(&expected) {
                assert_eq!(**gone, first.title, "at {width}");
            }
            last = now;
        }
    }

    #[test]
    fn what_matters_stays_at_eighty() {
        for title in ["asset", "seal", "age", "al", "locks", "km/h", "bat", "link", "command"] {
            assert!(titles(&fleet::ALL, 78).contains(&title), "{title}");
        }
        for title in ["pr", "age", "asset", "alarm", "n", "late", "device"] {
            assert!(titles(&alarms::ALL, 78).contains(&title), "{title}");
        }
        for title in ["exchange", "at", "movement", "seen"] {
            assert!(titles(&commands::ALL, 78).contains(&title), "{title}");
        }
    }

    #[test]
    fn widths_never_exceed_the_room() {
        for columns in [&alarms::ALL[..], &fleet::ALL, &commands::ALL, &quarantine::ALL] {
            for width in 60..240 {
                let fitted = fit(columns, width);
                let sum: u16 = fitted.iter().map(|(_, w)| w).sum();
                assert!(usize::from(sum) + fitted.len() - 1 <= usize::from(width));
            }
        }
    }
}
