use super::*;

fn at(seconds: i64) -> Utc {
    Utc::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
}

fn device() -> Device {
    Device::new(DeviceKey::jointech("1"), DeviceKind::MasterLock, DeviceStatus::Enrolled)
}

#[test]
fn facts_never_move_backwards() {
    let mut slot = None;
    assert!(hold(&mut slot, 1, at(10)));
    assert!(!hold(&mut slot, 2, at(5)));
    assert!(!hold(&mut slot, 1, at(20)));
    assert_eq!(slot, Some(Held { value: 1, since: at(10), as_of: at(20) }));
    assert!(!hold(&mut slot, 2, at(15)));
    assert!(hold(&mut slot, 2, at(21)));
}

#[test]
fn a_lock_word_is_as_old_as_its_older_part() {
    let mut device = device();
    let both = Parts { motor: Some(PartState::Closed), rope: Some(PartState::Closed), cover: None };
    device.hold_parts(both, known(0));
    device.hold_parts(Parts { motor: Some(PartState::Closed), ..Parts::default() }, known(60));
    let lock = device.lock.unwrap();
    assert_eq!((lock.value, lock.as_of, lock.since), (LockState::Locked, at(0), at(0)));
    device.hold_parts(Parts { motor: Some(PartState::Open), ..Parts::default() }, known(70));
    let lock = device.lock.unwrap();
    assert_eq!((lock.value, lock.as_of, lock.since), (LockState::Unlocked, at(70), at(70)));
}

fn known(seconds: i64) -> Moment {
    Moment { time: at(seconds), order: Order::Known }
}

#[test]
fn times_from_the_future_or_from_an_unset_clock_are_not_believed() {
    let device = device();
    let moment = |told: Option<i64>, replayed| device.moment(told.map(at), replayed, at(0));
    assert_eq!(moment(Some(121), false), known(0));
    assert_eq!(moment(Some(60), false), known(0));
    assert_eq!(moment(Some(-60), false), known(-60));
    assert_eq!(moment(None, false), known(0));
    assert_eq!(moment(Some(-60), true), known(-60));
    assert_eq!(moment(None, true).order, Order::Nowhen);
    assert_eq!(moment(Some(121), true).order, Order::Nowhen);
}

#[test]
fn a_clock_that_is_ahead_still_orders_its_own_frames_until_it_is_set_anew() {
    let mut device = device();
    device.note_clock(at(5), at(0));
    assert_eq!(device.moment(Some(at(2)), false, at(1)).order, Order::Behind);
    assert_eq!(device.moment(Some(at(5)), false, at(1)).order, Order::Known);
    assert_eq!(device.moment(Some(at(-3600)), false, at(1)).order, Order::Known, "set back by an hour");
    assert_eq!(device.moment(Some(at(2)), false, at(600)).order, Order::Known, "long ago");
}

#[test]
fn a_slow_clock_is_corrected_by_the_least_delay_seen_and_only_for_matching() {
    let mut device = device();
    device.note_clock(at(0), at(3700));
    assert_eq!(device.corrected(Some(at(10)), at(4000)), at(10), "one frame proves no offset");
    device.note_clock(at(0), at(3600));
    assert_eq!(device.corrected(Some(at(10)), at(4000)), at(3610));
    assert_eq!(device.moment(Some(at(10)), false, at(4000)).time, at(10));
}

#[test]
fn a_level_counts_when_it_comes_on_and_records_of_the_past_do_not_turn_it_on() {
    let mut device = device();
    let told = |holds| {
        let mut levels = Levels::default();
        levels.report(Level::RopeCut, holds);
        levels
    };
    let (on, off) = (told(true), told(false));
    assert!(device.hold_levels(off, known(0)).is_empty());
    assert_eq!(device.hold_levels(on, known(10)), [(Level::RopeCut, LevelChange::On)]);
    assert!(device.hold_levels(on, known(20)).is_empty());
    assert!(device.hold_levels(off, known(30)).is_empty());
    assert!(device.is_off_at(Level::RopeCut, at(30)) && !device.is_off_at(Level::RopeCut, at(29)));
    assert!(device.hold_levels(on, known(15)).is_empty(), "known");
    assert!(device.hold_levels(on, known(8)).is_empty(), "it only began earlier than was seen");
    assert!(device.hold_levels(off, known(7)).is_empty());
    assert_eq!(device.hold_levels(on, known(5)), [(Level::RopeCut, LevelChange::WasOn)]);
    assert!(device.hold_levels(on, known(6)).is_empty());
    assert!(device.hold_levels(off, known(40)).is_empty());
    assert!(!device.is_on(Level::RopeCut));
}

#[test]
fn of_two_reports_of_one_second_the_worse_is_believed() {
    let parts = |motor| Parts { motor: Some(motor), ..Parts::default() };
    let mut device = device();
    device.hold_parts(parts(PartState::Open), known(0));
    assert_eq!(device.hold_parts(parts(PartState::Closed), known(0)), MotorChange::Same);
    assert_eq!(device.motor.unwrap().value, PartState::Open);
    assert_eq!(device.hold_parts(parts(PartState::Closed), known(1)), MotorChange::Closed);
    assert_eq!(device.hold_parts(parts(PartState::Open), known(1)), MotorChange::Opened { after: at(1) });
}

#[test]
fn a_late_record_of_an_opening_nobody_saw_is_told_once() {
    let parts = |motor| Parts { motor: Some(motor), ..Parts::default() };
    let mut device = device();
    device.hold_parts(parts(PartState::Closed), known(0));
    device.hold_parts(parts(PartState::Closed), known(1000));
    assert_eq!(
        device.hold_parts(parts(PartState::Open), known(500)),
        MotorChange::OpenedLate { after: at(0) }
    );
    assert_eq!(device.hold_parts(parts(PartState::Open), known(500)), MotorChange::Same);
    assert_eq!(device.motor.unwrap().value, PartState::Closed);
    // What was seen as it happened is not told again by its records.
    device.hold_parts(parts(PartState::Open), known(2000));
    assert_eq!(device.hold_parts(parts(PartState::Closed), known(3000)), MotorChange::Closed);
    assert_eq!(device.hold_parts(parts(PartState::Open), known(2500)), MotorChange::Same);
}

#[test]
fn lost_contact_hides_what_was_held_until_there_is_newer_news() {
    let both = Parts { motor: Some(PartState::Closed), rope: Some(PartState::Closed), cover: None };
    let word = |device: &Device| device.lock.unwrap().value;
    let mut device = device();
    device.hold_parts(both, known(10));
    device.hold_valve(ValveState::Closed, known(10));
    device.lose_contact(known(5), true);
    assert_eq!(word(&device), LockState::Locked, "a stored report, older than the parts");
    device.lose_contact(known(10), false);
    assert_eq!(word(&device), LockState::Unknown);
    assert_eq!(device.valve_word().unwrap().value, ValveState::Unknown);
    device.hold_parts(both, known(10));
    assert_eq!(word(&device), LockState::Unknown, "the report of before, once more");
    device.hold_parts(Parts::default(), known(12));
    assert_eq!(word(&device), LockState::Unknown);
    device.hold_parts(both, known(11));
    assert_eq!(word(&device), LockState::Locked);
    assert_eq!(device.valve_word().unwrap().value, ValveState::Closed);
}

#[test]
fn an_event_without_a_time_is_a_repetition_only_for_a_short_while() {
    let mut device = device();
    assert!(device.first_time("opened", None, Some(1), at(0)));
    assert!(!device.first_time("opened", None, Some(1), at(60)));
    assert!(device.first_time("opened", None, Some(1), at(400)), "its serials began anew");
    assert!(device.first_time("opened", Some(at(0)), Some(1), at(0)));
    assert!(!device.first_time("opened", Some(at(0)), Some(1), at(9999)));
    assert!(device.first_time("opened", Some(at(0)), Some(2), at(9999)), "a new serial");
}
