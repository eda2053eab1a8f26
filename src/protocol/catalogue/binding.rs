//! Binding lists of a master: read back, changed, verified; never written blind. A write replaces the whole list.

use super::compose::Args;
use super::value::is_sub;
use crate::domain::message::CommandReply;
use crate::domain::text::clean;
use std::collections::BTreeSet;

/// The command that reads the list, see [`bound`].
pub const READ_COMMAND: &str = "bound_list";

/// How many a master can hold. Sensors and locks are counted apart (JT701D manual V1.4; newer manuals hold more).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindLimits {
    pub sensors: usize,
    pub locks: usize,
}

impl BindLimits {
    /// JT701D manual V1.4.
    pub const V1_4: Self = Self { sensors: 10, locks: 10 };
    /// Newer manuals.
    pub const NEWER: Self = Self { sensors: 50, locks: 16 };
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindChange {
    Add(Vec<String>),
    Remove(Vec<String>),
    Replace(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    #[error("'{0}' is no sub-device ID: ten upper-case hex digits")]
    Id(String),
    #[error("{0} is named twice")]
    Twice(String),
    #[error("{0} is bound already")]
    Bound(String),
    #[error("{0} is not bound")]
    NotBound(String),
    #[error("the list would not change")]
    Same,
    #[error("{count} {what}: this master holds at most {most}")]
    TooMany { what: &'static str, count: usize, most: usize },
}

/// The whole list to write, from the list just read. The order of what stays is kept; new ones follow.
///
/// `is_sensor` tells JT126 sensors from locks, which have limits of their own.
///
/// # Errors
/// What cannot be, and why. A list that would not change is not written.
pub fn bind_plan(
    current: &[String],
    change: &BindChange,
    limits: BindLimits,
    is_sensor: impl Fn(&str) -> bool,
) -> Result<Vec<String>, BindError> {
    let (BindChange::Add(named) | BindChange::Remove(named) | BindChange::Replace(named)) = change;
    let mut seen = BTreeSet::new();
    for id in named {
        if !is_sub(id) {
            return Err(BindError::Id(clean(id)));
        }
        if !seen.insert(id) {
            return Err(BindError::Twice(id.clone()));
        }
    }
    let list: Vec<String> = match change {
        BindChange::Add(new) => {
            if let Some(id) = new.iter().find(|id| current.contains(id)) {
                return Err(BindError::Bound(id.clone()));
            }
            current.iter().chain(new).cloned().collect()
        }
        BindChange::Remove(gone) => {
            if let Some(id) = gone.iter().find(|id| !current.contains(id)) {
                return Err(BindError::NotBound(id.clone()));
            }
            current.iter().filter(|id| !gone.contains(id)).cloned().collect()
        }
        BindChange::Replace(list) => list.clone(),
    };
    if is_bound_as(&list, current) {
        return Err(BindError::Same);
    }
    let sensors = list.iter().filter(|id| is_sensor(id)).count();
    let locks = list.len().saturating_sub(sensors);
    for (what, count, most) in [("sensors", sensors, limits.sensors), ("locks", locks, limits.locks)] {
        if count > most {
            return Err(BindError::TooMany { what, count, most });
        }
    }
    Ok(list)
}

/// The command that writes a list, with its arguments: an empty list has a command of its own, so that it is never
/// written by mistake.
#[must_use]
pub fn bind_command(list: &[String]) -> (&'static str, Args) {
    if list.is_empty() {
        return ("unbind_all", Args::new());
    }
    ("bind", Args::new().with("subs", list.join(" ")))
}

/// Whether the reply tells how many it holds, and these are as many: a part of a list does not pass for the whole.
#[must_use]
pub fn is_counted(reply: &CommandReply, list: &[String]) -> bool {
    let numbers = reply.params.iter().skip(1).take_while(|item| item.len() <= 2);
    let numbers: Vec<usize> = numbers.filter_map(|item| item.parse().ok()).collect();
    // A lone 0 or 1 may be a function digit.
    match numbers.as_slice() {
        [] | [0 | 1] => false,
        [.., count] => *count == list.len(),
    }
}

/// Whether a list read back holds exactly what was written; the master may order it as it likes.
#[must_use]
pub fn is_bound_as(read_back: &[String], written: &[String]) -> bool {
    let set = |list: &[String]| list.iter().map(|id| id.to_ascii_uppercase()).collect::<BTreeSet<_>>();
    set(read_back) == set(written)
}

/// The sub-devices of a `WLNET,1` reply. It may or may not begin with function digits and a count: what has ten hex
/// digits is an ID. Anything behind the index that is neither is a list that was not understood: `None`, so that it
/// is never changed on half a reading.
#[must_use]
pub fn bound(reply: &CommandReply) -> Option<Vec<String>> {
    if reply.word != "WLNET" || reply.params.first().map(String::as_str) != Some("1") {
        return None;
    }
    let mut list: Vec<String> = Vec::new();
    let mut counts: Vec<usize> = Vec::new();
    for item in reply.params.iter().skip(1).filter(|item| !item.is_empty()) {
        let id = item.to_ascii_uppercase();
        if is_sub(&id) {
            if !list.contains(&id) {
                list.push(id);
            }
        } else if list.is_empty() && item.len() <= 2 {
            counts.push(item.parse().ok()?);
        } else {
            return None;
        }
    }
    // The digits before the IDs are function digits and, last, a count. A count that differs is a broken list. A lone 0
    // may be no more than the question echoed: only a function digit and a count of 0 mean an empty list.
    match (counts.last(), counts.len()) {
        (_, 0 | 1) if list.is_empty() => None,
        (Some(count), _) if *count == list.len() => Some(list),
        (Some(0 | 1), 1) | (None, _) => Some(list),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "E03B60000A";
    const B: &str = "1021220618";
    const C: &str = "1021220619";

    fn ids(list: &[&str]) -> Vec<String> {
        list.iter().map(|id| (*id).to_owned()).collect()
    }

    fn plan(current: &[&str], change: BindChange) -> Result<Vec<String>, BindError> {
        bind_plan(&ids(current), &change, BindLimits::V1_4, |id| id.starts_with("10"))
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        assert_eq!(plan(&[A, B], BindChange::Add(ids(&[C]))).unwrap(), [A, B, C]);
        assert_eq!(plan(&[A, B, C], BindChange::Remove(ids(&[B]))).unwrap(), [A, C]);
        assert_eq!(plan(&[A], BindChange::Remove(ids(&[A]))).unwrap(), [""; 0]);
        assert_eq!(plan(&[A], BindChange::Replace(ids(&[C, B]))).unwrap(), [C, B]);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        assert_eq!(plan(&[A], BindChange::Add(ids(&[A]))), Err(BindError::Bound(A.into())));
        assert_eq!(plan(&[A], BindChange::Remove(ids(&[B]))), Err(BindError::NotBound(B.into())));
        assert_eq!(plan(&[A], BindChange::Add(ids(&[B, B]))), Err(BindError::Twice(B.into())));
        assert_eq!(plan(&[A], BindChange::Add(ids(&["x),("]))), Err(BindError::Id("x),(".into())));
        assert_eq!(plan(&[A, B], BindChange::Replace(ids(&[B, A]))), Err(BindError::Same));
        let many: Vec<String> = (0..11).map(|n| format!("E03B6000{n:02}")).collect();
        let error = plan(&[], BindChange::Replace(many.clone())).unwrap_err();
        assert_eq!(error.to_string(), "11 locks: this master holds at most 10");
        let newer = bind_plan(&[], &BindChange::Replace(many), BindLimits::NEWER, |_| false).unwrap();
        assert_eq!(newer.len(), 11);
        let sensors: Vec<String> = (0..11).map(|n| format!("10212206{n:02}")).collect();
        let error = plan(&[], BindChange::Replace(sensors)).unwrap_err();
        assert_eq!(error.to_string(), "11 sensors: this master holds at most 10");
    }

    #[test]
    fn an_empty_list_has_its_own_command() {
        assert_eq!(bind_command(&[]).0, "unbind_all");
        assert_eq!(bind_command(&ids(&[A])).0, "bind");
        assert!(is_bound_as(&ids(&[B, A]), &ids(&[A, B])));
        assert!(!is_bound_as(&ids(&[A]), &ids(&[A, B])));
    }

    #[test]
    fn a_list_without_a_count_may_be_a_part() {
        let counted = |params: &[&str]| {
            let reply = CommandReply { word: "WLNET".into(), params: ids(params) };
            bound(&reply).is_some_and(|list| is_counted(&reply, &list))
        };
        assert!(counted(&["1", "0", "2", A, B]) && counted(&["1", "2", A, B]) && counted(&["1", "0", "0"]));
        assert!(!counted(&["1", A, B]) && !counted(&["1", "0", A]) && !counted(&["1", "1", A]));
    }

    #[test]
    fn a_list_is_read_in_each_of_its_shapes_or_not_at_all() {
        let read = |params: &[&str]| bound(&CommandReply { word: "WLNET".into(), params: ids(params) });
        for params in [
            ["1", "0", "2", A, B].as_slice(),
            &["1", "2", A, B],
            &["1", "1", A, B],
            &["1", A, "1021220618"],
            &["1", "0", "2", "e03b60000a", B],
        ] {
            assert_eq!(read(params), Some(ids(&[A, B])), "{params:?}");
        }
        assert_eq!(read(&["1", "0", "0"]), Some(vec![]));
        let bad: [&[&str]; 8] = [
            &["1", "0"], // may be an echo: an "empty" list must not be taken from it and written back
            &["1"],
            &["1", ""],
            &["1", "3", A, B],
            &["1", "0", "3", A, B],
            &["1", A, "garbage"],
            &["8", A],
            &["1", "x", A],
        ];
        for params in bad {
            assert_eq!(read(params), None, "{params:?}");
        }
    }
}
