//! Deltas over connections: chains, reconnects, parking, and what is not believed.

use super::*;

const DEVICE: &str = "3760971";

fn record(clock: &str, end: &str) -> Vec<u8> {
    let head = format!(
        "$POS,{DEVICE},{clock}.000,A,2036.3883,N,10323.9836,W,0.0,119.5,281117,,,A/00000,00000/0/0//"
    );
    [head.as_bytes(), end.as_bytes()].concat()
}

/// A connection on which `base` was just heard.
fn after(base: &[u8]) -> (Session, Memory) {
    let (mut session, bases) = (Session::new(), Memory::default());
    assert_eq!(messages(&session.hear(base, &bases)).len(), 1);
    (session, bases)
}

/// Captured in 2017: a chain over a reconnect, beginning with a delta whose base comes five seconds later, out of the
/// device's memory.
#[test]
fn the_captured_chain() {
    let bases = Memory::default();
    let mut old = Line::default();
    old.push(&record("145637", "\r\n"), &bases);
    old.push(&record("145648", "\r\n"), &bases);
    assert!(old.session.give_up().is_empty());

    let mut line = Line::default();
    let first = hex::decode("406002040631382e3030301300020d0a").unwrap();
    assert!(line.push(&first, &bases).is_empty());
    assert!(line.flush(&bases).is_empty(), "it waits for its base");
    assert_eq!(line.session.device(), None);

    let said = line.push(&record("145703", "#\n"), &bases);
    let [Said::Messages { messages: stored, .. }, Said::Messages { raw, messages: late, .. }] = &said[..]
    else {
        panic!("{said:?}")
    };
    assert_eq!((time(&stored[0]), stored[0].replayed), ("145703".into(), true));
    assert_eq!((time(&late[0]), late[0].replayed, raw), ("145718".into(), false, &first));
    assert_eq!(bases.base(DEVICE).unwrap(), record("145718", "\r\n"));

    assert_eq!(messages(&line.push(&record("145733", "\r\n"), &bases)).len(), 1);
    for (delta, clock, heading, check) in [
        ("404d02040634382e3030300900083236383135363335", "145748", None, 0x6B),
        ("406b0203073830332e3030300900053131392e35", "145803", Some(119.5), 0x41),
        ("404102040631382e303030", "145818", Some(119.5), 0x4B),
        ("404b02040633332e303030", "145833", Some(119.5), 0x42),
        ("404202040634382e303030", "145848", Some(119.5), 0x4E),
        ("404e0203073930332e303030", "145903", Some(119.5), 0x40),
        ("404002040631382e303030", "145918", Some(119.5), 0x4A),
        ("404a02040633332e303030", "145933", Some(119.5), 0x43),
        ("404302040634382e303030", "145948", Some(119.5), 0x4F),
        ("404f02010935303030342e303030", "150004", Some(119.5), 0x4A),
    ] {
        assert!(line.push(&hex::decode(delta).unwrap(), &bases).is_empty(), "not before the line is quiet");
        let messages = messages(&line.flush(&bases));
        let [message] = &messages[..] else { panic!("{clock}: {messages:?}") };
        assert_eq!((time(message).as_str(), message.device.as_deref()), (clock, Some(DEVICE)));
        assert_eq!(message.position.unwrap().heading_deg, heading, "{clock}");
        assert_eq!(xor(&bases.base(DEVICE).unwrap()), check, "{clock}");
    }
    assert!(line.session.give_up().is_empty());
}

/// Captured from test data without the sentences they build on: nothing is made of them.
#[test]
fn deltas_without_their_base() {
    let deltas: Vec<_> = [
        "405b02040633342e3030301300020d0a",
        "4060000103504f53020505392e303030",
        "407200010343504102040633382e30303004060338383106080230390900053330312e30",
        "407f0108013702040633342e303030",
    ]
    .iter()
    .map(|delta| hex::decode(delta).unwrap())
    .collect();
    let (mut line, bases) = (Line::default(), Memory::default());
    assert!(line.push(&deltas.concat(), &bases).is_empty());
    assert!(line.flush(&bases).is_empty());
    let said = line.session.give_up();
    assert_eq!(reasons(&said), ["delta without its base"; 4]);
    for (said, delta) in said.iter().zip(&deltas) {
        assert!(matches!(said, Said::Refused { raw, device: None, .. } if raw == delta));
    }
    assert!(line.session.give_up().is_empty(), "said once");
}

#[test]
fn an_alarm_comes_and_goes_as_a_delta() {
    let base = record("145733", "\r\n");
    let (mut session, bases) = after(&base);
    let alarm = messages(&session.hear(&delta(&base, &[(0, 1, "CPA"), (2, 4, "38.000")]), &bases));
    assert_eq!(alarm[0].events, [DeviceEvent::PowerCut]);
    let base = bases.base(DEVICE).unwrap();
    let gone = messages(&session.hear(&framed(&delta(&base, &[(0, 1, "POS"), (2, 5, "9.000")])), &bases));
    assert_eq!((time(&gone[0]).as_str(), gone[0].events.len()), ("145739", 0));
}

#[test]
fn a_refused_delta_changes_nothing() {
    let base = record("145733", "\r\n");
    for (why, edits) in [
        ("a field its base has not", &[(20_u8, 0_u8, "1")][..]),
        ("beyond the end of a field", &[(2, 11, "1")]),
        ("not the text of a field", &[(2, 4, "4\u{e9}.000")]),
        ("not the text of a field", &[(2, 4, "4/8.00")]),
        ("faster than 300 km/h", &[(2, 4, "48.000"), (4, 1, "136.3883")]),
        ("does not lead to a position sentence", &[(3, 0, "X")]),
        ("does not lead to a position sentence", &[(0, 0, "POS")]),
        ("does not lead to a position sentence", &[(2, 4, "48\r\n00")]),
        ("nonsense of the time", &[(2, 0, "995748.000")]),
        ("nonsense of the coordinates", &[(4, 0, "9936.3883")]),
        ("without its end", &[(19, 0, "#")]),
        ("without its end", &[(19, 0, "")]),
        ("names a device not known", &[(1, 6, "2"), (2, 4, "48.000")]),
    ] {
        let (mut session, bases) = after(&base);
        let delta = delta(&base, edits);
        let said = session.hear(&delta, &bases);
        let [Said::Refused { reason, device, raw }] = &said[..] else { panic!("{why}: {said:?}") };
        assert!(reason.contains(why), "{why}: {reason}");
        assert_eq!((device.as_deref(), raw), (Some(DEVICE), &delta));
        assert_eq!((session.device(), bases.base(DEVICE).unwrap()), (Some(DEVICE), base.clone()));
        assert!(session.give_up().is_empty());
    }
    let (mut session, bases) = after(&base);
    let broken = framed(&delta(&base, &[(2, 4, "48.000")])[..8]);
    assert_eq!(reasons(&session.hear(&broken, &bases)), ["a delta that breaks off"]);
}

/// A jump needs two fixes at different times, and half a kilometre is the error of a fix.
#[test]
fn what_is_no_jump() {
    let base = record("145733", "\r\n");
    for edits in [
        &[(2_u8, 4_u8, "34.000"), (4, 2, "36.5883")][..], // 370 m in a second
        &[(2, 0, "155733.000"), (4, 1, "236.3883")],      // 2° of latitude, 222 km in an hour
        &[(4, 1, "136.3883")],                            // at the same time nobody can tell
        &[(2, 4, "34.000"), (3, 0, "V"), (4, 1, "136.3883")],
    ] {
        let (mut session, bases) = after(&base);
        let said = session.hear(&delta(&base, edits), &bases);
        assert_eq!(messages(&said).len(), 1, "{edits:?}: {said:?}");
    }
}

#[test]
fn a_delta_may_name_another_known_device() {
    let base = record("145733", "\r\n");
    let (mut session, bases) = after(&base);
    let other = String::from_utf8(record("145700", "\r\n")).unwrap().replace(DEVICE, "3760972");
    bases.keep("3760972", other.as_bytes());
    let said = session.hear(&delta(&base, &[(1, 6, "2"), (2, 4, "48.000")]), &bases);
    assert_eq!(messages(&said)[0].device.as_deref(), Some("3760972"));
    assert_eq!(session.device(), Some("3760972"));
    assert_eq!(bases.base(DEVICE).unwrap(), base, "the first one's base stays its own");
    assert!(bases.base("3760972").unwrap().starts_with(b"$POS,3760972,145748.000"));
    // But not if it would have had to fly there.
    let (mut session, bases) = after(&base);
    bases.keep("3760972", other.replace("2036.3883", "2136.3883").as_bytes());
    let said = session.hear(&delta(&base, &[(1, 6, "2"), (2, 4, "48.000")]), &bases);
    assert_eq!(reasons(&said), ["a delta that leads to a jump faster than 300 km/h"]);
}

/// The sentence a delta builds on was heard on the connection before.
#[test]
fn a_base_outlives_its_connection() {
    let base = record("145733", "\r\n");
    let (_, bases) = after(&base);
    let mut session = Session::new();
    assert!(session.hear(&delta(&base, &[(2, 4, "48.000")]), &bases).is_empty());
    let said = session.hear(&record("145803", "\r\n"), &bases);
    let clocks: Vec<_> = messages(&said).iter().map(time).collect();
    assert_eq!(clocks, ["145803", "145748"]);
    assert_eq!(bases.base(DEVICE).unwrap(), record("145803", "\r\n"), "the last sentence is the base");
}

/// A device that announces its firmware is known by it.
#[test]
fn an_announcement_names_the_device_too() {
    let base = record("145733", "\r\n");
    let (_, bases) = after(&base);
    let mut session = Session::new();
    assert!(session.hear(&delta(&base, &[(2, 4, "48.000")]), &bases).is_empty());
    let said = session.hear(format!("$FUS{DEVICE},510-V1.12,A11-V3.0\r\r").as_bytes(), &bases);
    let kinds: Vec<_> = messages(&said).iter().map(|message| message.kind).collect();
    assert_eq!(kinds, [MessageKind::Firmware, MessageKind::Position]);
    let said = session.hear(&delta(&record("145748", "\r\n"), &[(2, 3, "803.000")]), &bases);
    assert_eq!(time(&messages(&said)[0]), "145803", "the announcement is no base");
}

/// On UDP the second delta may overtake the first.
#[test]
fn overtaking_deltas_find_their_order() {
    let base = record("145733", "\r\n");
    let (mut session, bases) = after(&base);
    let first = delta(&base, &[(2, 4, "48.000")]);
    let second = delta(&record("145748", "\r\n"), &[(2, 3, "803.000")]);
    assert!(session.hear(&second, &bases).is_empty());
    let clocks: Vec<_> = messages(&session.hear(&first, &bases)).iter().map(time).collect();
    assert_eq!(clocks, ["145748", "145803"]);
}

/// A delta that waits does not fit a base merely because the XOR agrees: time does not run back.
#[test]
fn a_waiting_delta_does_not_lead_back() {
    let (mut session, bases) = (Session::new(), Memory::default());
    let base = record("145733", "\r\n");
    assert!(session.hear(&delta(&base, &[(2, 4, "18.000")]), &bases).is_empty());
    assert_eq!(messages(&session.hear(&base, &bases)).len(), 1);
    assert_eq!(reasons(&session.give_up()), ["delta without its base"]);
}

/// Deltas that fit no sentence used below.
fn orphan(n: u8) -> Vec<u8> {
    let never = xor(&record("145733", "\r\n")) ^ 0x80; // text has no bit 7
    vec![b'@', never, 2, 9, 1, b'0' + n]
}

#[test]
fn the_ninth_waiting_delta_pushes_out_the_first() {
    let (mut session, bases) = after(&record("145733", "\r\n"));
    for n in 0..8 {
        assert!(session.hear(&orphan(n), &bases).is_empty());
    }
    let said = session.hear(&orphan(8), &bases);
    assert!(matches!(&said[..], [Said::Refused { raw, device: Some(_), .. }] if *raw == orphan(0)));
    assert_eq!(session.give_up().len(), 8);
}

#[test]
fn nothing_waits_for_ever() {
    let (mut session, bases) = after(&record("145733", "\r\n"));
    session.hear(&orphan(0), &bases);
    let mut heard = 0;
    let said = loop {
        let said = session.hear(&record("145733", "\r\n"), &bases);
        heard += 1;
        if said.len() > 1 {
            break said;
        }
    };
    assert_eq!((heard, reasons(&said)), (8, vec!["delta without its base"]));
    assert!(session.give_up().is_empty());
}

/// A keeper that keeps nothing, as for a device that is not enrolled: the connection's own memory serves.
#[test]
fn without_a_keeper_a_connection_remembers_its_own() {
    struct Nobody;
    impl Bases for Nobody {
        fn base(&self, _: &str) -> Option<Vec<u8>> {
            None
        }
    }
    impl Keeper for Nobody {
        fn keep(&self, _: &str, _: &[u8]) {}
    }
    let base = record("145733", "\r\n");
    let mut session = Session::new();
    session.hear(&base, &Nobody);
    assert_eq!(messages(&session.hear(&delta(&base, &[(2, 4, "48.000")]), &Nobody)).len(), 1);
}

#[test]
fn a_delta_ends_where_the_next_frame_begins() {
    let base = record("145733", "\r\n");
    let first = delta(&base, &[(2, 4, "48.000"), (19, 0, "\r\n")]);
    for next in [&b"$"[..], b"@", b"\xBF"] {
        assert_eq!(cut(&[&first[..], next].concat()), Cut::Frame(first.len()));
    }
    for length in 0..first.len() {
        let early = cut(&first[..length]);
        let wanted = if length == 11 { Cut::Quiet(11) } else { Cut::NeedMore };
        assert_eq!(early, wanted, "{length}");
    }
    assert_eq!(cut(&first), Cut::Quiet(first.len()));
}

/// A delta cut short swallows the start of what follows; that is looked for again.
#[test]
fn a_broken_delta_costs_only_itself() {
    let base = record("145733", "\r\n");
    let whole = delta(&base, &[(2, 4, "48.000")]);
    for length in 2..whole.len() {
        let (mut line, bases) = (Line::default(), Memory::default());
        let next = framed(&base);
        let mut said = line.push(&[&whole[..length], &next, &base].concat(), &bases);
        said.extend(line.flush(&bases));
        assert_eq!(messages(&said).len(), 2, "{length}: {said:?}");
    }
}
