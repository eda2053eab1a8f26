//! Fetching as the device sees it.

use super::*;
use crate::domain::EventSeq;
use chrono::TimeZone;
use proptest::prelude::*;

const RULES: Rules = Rules { limit: 1_000_000, retry: TimeDelta::seconds(12) };

fn at(seconds: i64) -> Utc {
    chrono::Utc.timestamp_opt(1_790_000_000 + seconds, 0).unwrap()
}

fn device(n: u32) -> DeviceKey {
    DeviceKey::bofan(&format!("{n:014}"))
}

fn offer(n: i64, size: u32) -> Offer {
    Offer { id: PhotoId(EventSeq(n), 0), device: device(1), offered: at(0), size, way: None }
}

fn ask(offset: u32, length: u32) -> Act {
    Act::Ask { device: device(1), offset, length }
}

fn ended(acts: &[Act]) -> Vec<(i64, usize, Option<Why>)> {
    let of = |act: &Act| match act {
        Act::End(end) => Some((end.offer.id.0.0, end.bytes.len(), end.why)),
        Act::Ask { .. } => None,
    };
    acts.iter().filter_map(of).collect()
}

#[test]
fn a_picture_comes_piece_by_piece() {
    let mut fetcher = Fetcher::new(RULES);
    assert_eq!(fetcher.offer(offer(1, 2000), at(0)), [ask(0, 960)]);
    assert!(fetcher.offer(offer(1, 2000), at(0)).is_empty(), "offered twice");
    assert_eq!(fetcher.piece(&device(1), 0, &[1; 960], at(1)), [ask(960, 960)]);
    // A shorter one is taken, the rest is asked for.
    assert_eq!(fetcher.piece(&device(1), 960, &[2; 900], at(2)), [ask(1860, 140)]);
    let end = fetcher.piece(&device(1), 1860, &[3; 140], at(3));
    let [Act::End(end)] = &end[..] else { panic!("{end:?}") };
    assert_eq!(end.bytes, [vec![1; 960], vec![2; 900], vec![3; 140]].concat());
    assert_eq!((end.why, end.mixed), (None, false));
    assert!(fetcher.tick(at(3600)).is_empty());
    assert_eq!(fetcher.ignored(), 0);
}

#[test]
fn what_was_not_asked_for_changes_nothing_and_is_counted() {
    let mut fetcher = Fetcher::new(RULES);
    assert!(fetcher.piece(&device(1), 0, &[0; 960], at(0)).is_empty(), "no picture at all");
    fetcher.offer(offer(1, 2000), at(0));
    fetcher.piece(&device(1), 0, &[1; 960], at(1));
    for (offset, length) in [(0, 960), (500, 960), (961, 960), (960, 961), (960, 0), (u32::MAX, 1)] {
        assert!(fetcher.piece(&device(1), offset, &vec![9; length], at(2)).is_empty(), "{offset} {length}");
    }
    assert!(fetcher.piece(&device(2), 960, &[9; 960], at(2)).is_empty(), "another device");
    assert_eq!(fetcher.ignored(), 8);
    fetcher.piece(&device(1), 960, &[1; 960], at(3));
    let end = fetcher.piece(&device(1), 1920, &[1; 80], at(3));
    assert!(matches!(&end[..], [Act::End(Ended { bytes, why: None, .. })] if *bytes == [1; 2000]));
}

#[test]
fn a_lost_piece_is_asked_for_four_times() {
    let mut fetcher = Fetcher::new(RULES);
    fetcher.offer(offer(1, 2000), at(0));
    assert!(fetcher.tick(at(11)).is_empty());
    assert_eq!(fetcher.tick(at(12)), [ask(0, 960)]);
    assert_eq!(fetcher.piece(&device(1), 0, &[1; 960], at(13)), [ask(960, 960)]);
    for second in [25, 37, 49] {
        assert!(fetcher.heard(&device(1), None, at(second - 5)).is_empty(), "it speaks of other things");
        assert_eq!(fetcher.tick(at(second)), [ask(960, 960)]);
    }
    assert_eq!(ended(&fetcher.tick(at(61))), [(1, 960, Some(Why::NoAnswer))]);
    assert!(fetcher.tick(at(10_000)).is_empty());
}

#[test]
fn a_silent_device_is_out_of_contact_and_goes_on_where_it_was() {
    let mut fetcher = Fetcher::new(RULES);
    fetcher.offer(offer(1, 2000), at(0));
    fetcher.piece(&device(1), 0, &[1; 960], at(1));
    for second in [13, 25, 37] {
        assert_eq!(fetcher.tick(at(second)), [ask(960, 960)]);
    }
    assert!(fetcher.tick(at(49)).is_empty(), "not a word: it waits");
    assert!(fetcher.tick(at(900)).is_empty());
    assert_eq!(fetcher.heard(&device(1), None, at(901)), [ask(960, 960)]);
    // The line breaks before the request leaves: that was no try.
    fetcher.unsent(&device(1));
    assert_eq!(fetcher.heard(&device(1), None, at(902)), [ask(960, 960)]);
    // A late answer to a request of before is as good.
    assert_eq!(fetcher.piece(&device(1), 960, &[1; 960], at(903)), [ask(1920, 80)]);
    fetcher.unsent(&device(1));
    assert!(fetcher.tick(at(903 + 1800)).is_empty());
    assert_eq!(ended(&fetcher.tick(at(903 + 1801))), [(1, 1920, Some(Why::TooOld))]);
}

#[test]
fn a_new_line_is_asked_at_once() {
    let mut fetcher = Fetcher::new(RULES);
    let way = |port| Some(SocketAddr::from(([192, 0, 2, 1], port)));
    fetcher.offer(Offer { way: way(1), ..offer(1, 2000) }, at(0));
    assert!(fetcher.heard(&device(1), way(1), at(1)).is_empty());
    assert_eq!(fetcher.heard(&device(1), way(2), at(2)), [ask(0, 960)]);
    assert!(fetcher.heard(&device(1), way(2), at(3)).is_empty());
    assert!(fetcher.heard(&device(1), None, at(4)).is_empty(), "nothing new");
    // For ever new lines without a piece do not help.
    let mut port = 2;
    let end = (1..).find_map(|n| {
        port = 5 - port;
        fetcher.heard(&device(1), way(port), at(10 * n));
        let acts = fetcher.tick(at(10 * n));
        (!acts.is_empty()).then_some(acts)
    });
    assert_eq!(ended(&end.unwrap()), [(1, 0, Some(Why::TooOld))]);
}

#[test]
fn offers_wait_their_turn_and_too_many_push_out_the_oldest() {
    let mut fetcher = Fetcher::new(RULES);
    fetcher.offer(offer(1, 100), at(0));
    for n in 2..=9 {
        assert!(fetcher.offer(offer(n, 100), at(0)).is_empty());
    }
    assert_eq!(ended(&fetcher.offer(offer(10, 100), at(0))), [(2, 0, Some(Why::Crowded))]);
    let acts = fetcher.piece(&device(1), 0, &[1; 100], at(1));
    assert!(matches!(&acts[..], [Act::End(Ended { mixed: true, .. }), Act::Ask { offset: 0, .. }]));
    let acts = fetcher.piece(&device(1), 0, &[3; 100], at(2));
    assert!(
        matches!(&acts[..], [Act::End(Ended { mixed: false, offer, .. }), _] if offer.id.0 == EventSeq(3))
    );
}

#[test]
fn after_a_repeated_request_the_next_picture_waits_for_the_second_answer() {
    let mut fetcher = Fetcher::new(RULES);
    fetcher.offer(offer(1, 100), at(0));
    fetcher.tick(at(12));
    fetcher.offer(offer(2, 100), at(13));
    assert_eq!(ended(&fetcher.piece(&device(1), 0, &[1; 100], at(13))), [(1, 100, None)]);
    assert!(fetcher.piece(&device(1), 0, &[1; 100], at(14)).is_empty(), "the second answer");
    assert_eq!(fetcher.tick(at(25)), [ask(0, 100)]);
}

#[test]
fn too_large_or_too_old_is_not_asked_for() {
    let mut fetcher = Fetcher::new(RULES);
    assert_eq!(ended(&fetcher.offer(offer(1, 1_000_001), at(0))), [(1, 0, Some(Why::TooLarge))]);
    assert_eq!(ended(&fetcher.offer(offer(2, 100), at(1801))), [(2, 0, Some(Why::TooOld))]);
    assert_eq!(fetcher.offer(offer(3, 1_000_000), at(1800)), [ask(0, 960)]);
    fetcher.offer(offer(4, 100), at(1800));
    assert_eq!(ended(&fetcher.tick(at(1801))), [(4, 0, Some(Why::TooOld))], "also while it waits");
}

#[test]
fn what_is_held_at_once_is_bounded() {
    let mut fetcher = Fetcher::new(RULES);
    let offers = (0..100).map(|n| Offer { device: device(n), ..offer(i64::from(n), 1_000_000) });
    let asked = offers.filter(|offer| !fetcher.offer(offer.clone(), at(0)).is_empty()).count();
    assert_eq!(asked, 67, "64 MiB");
    for n in 0..67 {
        fetcher.unsent(&device(n));
    }
    let acts = fetcher.tick(at(1801));
    assert_eq!(ended(&acts).len(), 100, "all of them were too old by then");
}

proptest! {
    /// Whatever comes, comes twice, or does not come: what is called complete is the picture.
    #[test]
    fn complete_means_whole(
        size in 1_u32..5000,
        happenings in prop::collection::vec((0_u8..6, 0_u32..5000, 0_usize..1000), 0..200),
    ) {
        let picture: Vec<u8> = (0..size).map(|n| (n * 7 % 251) as u8).collect();
        let part = |offset: u32, length: usize| {
            let rest = picture.get(offset as usize..).unwrap_or_default();
            rest[..rest.len().min(length)].to_vec()
        };
        let mut fetcher = Fetcher::new(RULES);
        let mut asked = fetcher.offer(offer(1, size), at(0));
        let (mut second, mut over) = (0, Vec::new());
        for (what, offset, length) in happenings {
            second += 1;
            let acts = match (what, asked.last()) {
                (0 | 1, Some(Act::Ask { offset, length, .. })) => {
                    fetcher.piece(&device(1), *offset, &part(*offset, *length as usize), at(second))
                }
                (2, Some(Act::Ask { offset, .. })) => fetcher.piece(&device(1), *offset, &part(*offset, length), at(second)),
                (3, _) => fetcher.piece(&device(1), offset, &part(offset, length), at(second)),
                (4, _) => {
                    second += 12;
                    fetcher.tick(at(second))
                }
                _ => {
                    fetcher.unsent(&device(1));
                    fetcher.heard(&device(1), None, at(second))
                }
            };
            asked.extend(acts.iter().filter(|act| matches!(act, Act::Ask { .. })).cloned());
            over.extend(acts.into_iter().filter(|act| matches!(act, Act::End(_))));
        }
        prop_assert!(over.len() <= 1);
        for act in &over {
            let Act::End(end) = act else { continue };
            prop_assert_eq!(&end.bytes[..], &picture[..end.bytes.len()]);
            prop_assert_eq!(end.why.is_none(), end.bytes.len() == picture.len());
        }
        for act in &asked {
            let Act::Ask { offset, length, .. } = act else { continue };
            prop_assert!(*length >= 1 && *length <= 960 && offset + length <= size);
        }
    }
}
