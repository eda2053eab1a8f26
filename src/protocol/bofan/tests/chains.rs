//! Whatever happens between them, deltas mean what the full sentences they were made from would.

use super::*;

/// What the device knows of itself: all it tells of, which changes from sentence to sentence.
#[derive(Debug, Clone)]
struct Step {
    seconds: u32,
    minutes: u32,
    course: u16,
    alarm: bool,
    odometer: u32,
    /// Full, or a delta on the sentence before.
    full: bool,
    between: Between,
}

/// What happens after a sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Between {
    Nothing,
    Reconnect,
    /// The machine is killed and begins anew with what is on disk.
    Restart,
}

const DEVICE: &str = "1360000277";

fn sentence(step: &Step, clock: u32) -> Vec<u8> {
    let code = if step.alarm { "CPA" } else { "POS" };
    let (hours, minutes, seconds) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!(
        "${code},{DEVICE},{hours:02}{minutes:02}{seconds:02}.000,A,0846.{:04},N,07552.1738,W,13.58,{}.5,291017,,,A/00010,00000/142,0,0,0/{}//f65//\r\n",
        step.minutes, step.course, step.odometer
    )
    .into_bytes()
}

/// As the devices do it: every field that differs, from the first byte that does.
fn delta_between(base: &[u8], next: &[u8]) -> Vec<u8> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (base_text, next_text) = (text(base), text(next));
    let split = |text: &str| text.split([',', '/']).map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (split(&base_text), split(&next_text));
    assert_eq!(old.len(), new.len());
    let mut edits = Vec::new();
    for (number, (old, new)) in old.iter().zip(&new).enumerate() {
        if old != new {
            let same = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
            edits.push((u8::try_from(number).unwrap(), u8::try_from(same).unwrap(), new[same..].to_owned()));
        }
    }
    let edits: Vec<_> = edits.iter().map(|(number, at, text)| (*number, *at, text.as_str())).collect();
    delta(base, &edits)
}

fn step() -> impl Strategy<Value = Step> {
    let between = prop_oneof![
        6 => Just(Between::Nothing),
        1 => Just(Between::Reconnect),
        1 => Just(Between::Restart),
    ];
    (
        1_u32..120,
        0_u32..200,
        0_u16..359,
        prop::bool::weighted(0.1),
        0_u32..999,
        prop::bool::weighted(0.2),
        between,
    )
        .prop_map(|(seconds, minutes, course, alarm, odometer, full, between)| Step {
            seconds,
            minutes: 880 + minutes,
            course,
            alarm,
            odometer: 62_792_000 + odometer,
            full,
            between,
        })
}

proptest! {
    /// After a reconnect the device says who it is at once, or only after some deltas, but before the next one.
    #[test]
    fn deltas_mean_what_full_sentences_would(steps in prop::collection::vec(step(), 1..40), late in prop::bool::ANY) {
        let (mut line, mut bases) = (Line::default(), Memory::default());
        let mut plain = Line::default();
        let (mut wanted, mut told) = (Vec::new(), Vec::new());
        let mut base: Option<Vec<u8>> = None;
        let mut clock = 0;
        let mut unnamed = 0;
        let announce = format!("$FUS{DEVICE},600-V1,A1\r\n").into_bytes();
        for step in &steps {
            clock += step.seconds;
            let next = sentence(step, clock);
            wanted.extend(messages(&plain.push(&next, &Memory::default())));
            let sent = match &base {
                Some(base) if !step.full => delta_between(base, &next),
                _ => next.clone(),
            };
            told.extend(line.push(&sent, &bases));
            told.extend(line.flush(&bases));
            base = Some(next);
            unnamed += 1;
            // No more than eight wait.
            if late && (unnamed == 6 || step.between != Between::Nothing) {
                told.extend(line.push(&announce, &bases));
            }
            if step.between != Between::Nothing {
                unnamed = 0;
                told.extend(line.session.give_up());
                line = Line::default();
                if step.between == Between::Restart {
                    // What was kept of each device is what is on disk.
                    bases = Memory(RefCell::new(bases.0.take()));
                }
                if !late {
                    told.extend(line.push(&announce, &bases));
                }
            }
        }
        told.extend(line.push(&announce, &bases));
        prop_assert_eq!(reasons(&told), [""; 0]);
        let mut got: Vec<Message> = messages(&told);
        got.retain(|message| message.kind != MessageKind::Firmware);
        got.sort_by_key(|message| message.time);
        prop_assert_eq!(got, wanted);
    }
}

/// Of the sentences of one device that are not its base, many fit a delta by their XOR. A chain with a missing link is
/// not gone on with until a full sentence.
#[test]
fn after_a_lost_delta_nothing_is_believed_before_the_next_full_sentence() {
    let step = |n: u32| Step {
        seconds: 1,
        minutes: 900 + n % 3,
        course: 10,
        alarm: false,
        odometer: n,
        full: true,
        between: Between::Nothing,
    };
    let all: Vec<Vec<u8>> = (1..200).map(|n| sentence(&step(n), 15 * n)).collect();
    let (mut session, bases) = (Session::new(), Memory::default());
    session.hear(&all[0], &bases);
    let (mut fitting, mut said) = (0, Vec::new());
    for pair in all[1..].windows(2) {
        fitting += usize::from(xor(&pair[0]) == xor(&all[0]));
        said.extend(session.hear(&delta_between(&pair[0], &pair[1]), &bases));
    }
    assert!(fitting > 3, "of 197 sentences {fitting} would have passed");
    // The very first one cannot be told from one that follows; it does not fit here.
    assert_ne!(xor(&all[1]), xor(&all[0]));
    assert!(messages(&said).is_empty(), "{said:?}");
    let last = sentence(&step(200), 15 * 200);
    assert_eq!(messages(&session.hear(&last, &bases)).len(), 1);
    let next = sentence(&step(201), 15 * 201);
    assert_eq!(messages(&session.hear(&delta_between(&last, &next), &bases)).len(), 1);
}

/// The base of a delta that waits comes by another connection: it is found as soon as this one says anything.
#[test]
fn a_base_that_comes_by_another_connection_is_found() {
    let steps: Vec<Step> = (0..4)
        .map(|n| Step {
            seconds: 1,
            minutes: 900 + n,
            course: 10,
            alarm: false,
            odometer: 1,
            full: true,
            between: Between::Nothing,
        })
        .collect();
    let said: Vec<Vec<u8>> =
        (0..4).map(|n| sentence(&steps[n], 100 * (1 + u32::try_from(n).unwrap()))).collect();
    let (mut old, mut new, bases) = (Session::new(), Session::new(), Memory::default());
    new.hear(&said[0], &bases);
    assert!(new.hear(&delta_between(&said[1], &said[2]), &bases).is_empty(), "it waits");
    old.hear(&said[1], &bases);
    let told = new.hear(b"$VER,600-V1\r\n", &bases);
    let clocks: Vec<_> = messages(&told).iter().map(time).collect();
    assert_eq!(clocks, ["-", "000500"]);
    let next = messages(&new.hear(&delta_between(&said[2], &said[3]), &bases));
    assert_eq!(time(&next[0]), "000640");
}

/// Only what was admitted is kept: somebody without a name on the list cannot spoil a base, nor become known.
#[test]
fn what_nobody_admitted_is_no_base_for_others() {
    let (mut quarantined, bases) = (super::super::Session::new(), Memory::default());
    let step = Step {
        seconds: 1,
        minutes: 900,
        course: 10,
        alarm: false,
        odometer: 1,
        full: true,
        between: Between::Nothing,
    };
    let (first, second) = (sentence(&step, 100), sentence(&step, 200));
    let said = quarantined.hear(&first, &bases);
    assert!(matches!(&said[..], [Said::Messages { aside, .. }] if aside.base.as_ref() == Some(&first)));
    assert_eq!(bases.base(DEVICE), None);
    // On its own connection its deltas are read all the same, for whoever looks at the quarantine.
    let said = quarantined.hear(&delta_between(&first, &second), &bases);
    assert!(matches!(&said[..], [Said::Messages { aside, .. }] if aside.base.as_ref() == Some(&second)));
}
