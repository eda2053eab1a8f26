//! Passwords appear nowhere: not in a message, not in what is kept or shown of a frame, not in what is refused.

use super::frames::{fresh, hear};
use super::{config, lengths, split};
use lockyard::protocol::{Heard, explain::explain, json};
use proptest::prelude::*;
use serde_json::Value;

/// Frames that carry the password at the byte told, by what they are.
fn planted() -> impl Strategy<Value = (Vec<u8>, String)> {
    let password = prop_oneof![3 => "[1-9]{6}", 1 => "[G-Zg-z][A-Za-z0-9]{3,8}[G-Zg-z]"];
    (0_usize..15, password, any::<u8>())
        .prop_map(|(kind, password, result)| (frame(kind, &password, result), password))
}

fn frame(kind: usize, password: &str, result: u8) -> Vec<u8> {
    let id = "9000000000";
    match kind {
        0 => format!("({id},P52,2,{password})").into_bytes(),
        1 => format!("({id},P52,0,000000,{password})").into_bytes(),
        2 => format!("({id},P52,3,{password})").into_bytes(),
        3 => format!("({id},P43,{password})").into_bytes(),
        4 => format!("({id},P44,{password})").into_bytes(),
        5 => format!("({id},P06,host,8888,apn,user,{password},0)").into_bytes(),
        6 => format!("({id},P06,1,host,8888,apn,user,{password})").into_bytes(),
        7 => format!("({id},1,001,ELOCK,3,{password})").into_bytes(),
        8 => format!("({id},2,S24,129,1,user,{password})").into_bytes(),
        // Item 0x0B has room for six.
        9 => seal(&[1, 2, 3, 5, 30, 31], &six(password), Some(result), false),
        10 => seal(&[6, 7, 8, 32, 40, 41, 16, 17, 24, 25], &six(password), None, false),
        11 => seal(&[1, 2, 3, 5, 30, 31], &six(password), Some(result), true),
        12 => seal(&[99, 29, 33], &six(password), Some(result), false),
        // Longer and shorter than they should be.
        13 => seal(&[1], password.as_bytes(), None, false),
        _ => seal(&[6], password.as_bytes(), Some(result), true),
    }
}

fn six(password: &str) -> Vec<u8> {
    password.bytes().chain(*b"zzzzzz").take(6).collect()
}

/// A report, or a live report, with a lock event.
fn seal(codes: &[u8], password: &[u8], result: Option<u8>, live: bool) -> Vec<u8> {
    let code = codes[usize::from(result.unwrap_or(0)) % codes.len()];
    let mut item = vec![code];
    item.extend(password);
    item.extend(result);
    let mut body = if live {
        hex::decode(
            "2011260830002234831011355054 3f12981f090000002d50000000012866030000 0000".replace(' ', ""),
        )
        .unwrap()
    } else {
        hex::decode("00000000000400020158434b06cb743d000900000000261120083000").unwrap()
    };
    body.extend([0x0B, u8::try_from(item.len()).unwrap()]);
    body.extend(&item);
    let mut plain = if live { vec![0x55, 1, 0x80] } else { vec![2, 0, 0] };
    plain.push(u8::try_from(body.len()).unwrap());
    plain.extend(hex::decode("794308010679").unwrap());
    plain.extend(if live { vec![1] } else { vec![0, 1] });
    plain.extend(body);
    plain.push(plain.iter().fold(0, |sum, byte| sum ^ byte));
    let mut frame = vec![0x7E];
    for byte in plain {
        match byte {
            0x7D => frame.extend([0x7D, 1]),
            0x7E => frame.extend([0x7D, 2]),
            byte => frame.push(byte),
        }
    }
    frame.push(0x7E);
    frame
}

/// All that anybody could be shown of a stream, but for the answers, which go to the device alone. What is refused is
/// also shown in one piece, as somebody could put it together.
fn shown<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut connection = fresh();
    let mut shown = vec![];
    let mut refused = vec![];
    let mut drain = |connection: &mut lockyard::protocol::Connection| {
        while let Some(heard) = connection.next() {
            match heard {
                Heard::Frame(frame) => {
                    let answers: String = frame.answers.iter().map(|answer| answer.shown(false)).collect();
                    for message in &frame.messages {
                        let object = json::object(message, Some(answers.clone()), &frame.raw);
                        shown.push(object.to_string().into_bytes());
                        shown.push(serde_json::to_string(message).unwrap().into_bytes());
                    }
                    shown.push(format!("{frame:?}").into_bytes());
                    shown.push(frame.raw);
                }
                Heard::Refused { reason, device, bytes, .. } => {
                    shown.push(reason.into_bytes());
                    shown.push(device.unwrap_or_default().into_bytes());
                    shown.push(bytes.clone());
                    refused.extend(bytes);
                }
            }
        }
    };
    for read in reads {
        connection.push(read);
        drain(&mut connection);
    }
    connection.close();
    drain(&mut connection);
    shown.push(refused);
    shown
}

fn leaks(shown: &[Vec<u8>], password: &str) -> Option<String> {
    let hex = hex::encode(password);
    let holds = |text: &[u8], what: &str| text.windows(what.len()).any(|part| part == what.as_bytes());
    let found = shown.iter().find(|text| holds(text, password) || holds(text, &hex))?;
    Some(found.escape_ascii().to_string())
}

/// Whether it is a reply under a word that carries no secret.
fn is_of_another_word(object: &Value) -> bool {
    let word = object["command"]["word"].as_str();
    word.is_some_and(|word| !["P52", "P43", "P44", "P06", "ELOCK", "S24"].contains(&word))
}

fn at_most_six(password: &str) -> &str {
    &password[..password.len().min(6)]
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn a_whole_frame_tells_no_password((frame, password) in planted(), lengths in lengths()) {
        let password = at_most_six(&password);
        for told in [shown([frame.as_slice()]), shown(split(&frame, &lengths))] {
            prop_assert_eq!(leaks(&told, password), None, "{}", frame.escape_ascii());
        }
        let explained = explain(&frame);
        prop_assert_eq!(leaks(&[serde_json::to_string(&explained).unwrap().into_bytes()], password), None);
    }

    /// Cut anywhere, what stands before the password left whole.
    #[test]
    fn a_frame_cut_short_tells_no_password(
        (frame, password) in planted(), at in any::<prop::sample::Index>(), next in any::<bool>(),
    ) {
        let password = at_most_six(&password);
        let mut stream = frame[..1 + at.index(frame.len() - 1)].to_vec();
        if next {
            stream.extend(b"(8000777777,@JT)");
        }
        prop_assert_eq!(leaks(&shown([stream.as_slice()]), password), None, "{}", stream.escape_ascii());
        let explained = serde_json::to_string(&explain(&stream)).unwrap().into_bytes();
        prop_assert_eq!(leaks(&[explained], password), None, "{}", stream.escape_ascii());
    }

    /// One byte changed, lost or put in, but not in the password. A text has no sum: one that by damage is a sound
    /// frame of another word is left out; refused, it is not. Where the word itself, or the head of a report's item, is
    /// damaged, only digits are known for what they are.
    #[test]
    fn a_damaged_frame_tells_no_password(
        (frame, password) in planted(), at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0_u8..3,
        lengths in lengths(),
    ) {
        let password = at_most_six(&password);
        let start = frame.windows(password.len()).position(|part| part == password.as_bytes());
        let start = start.unwrap_or(frame.len());
        let at = at.index(frame.len());
        let digits = password.bytes().all(|byte| byte.is_ascii_digit());
        let head = match frame[0] {
            _ if digits => start,
            // The word, or what follows it.
            b'(' => frame.iter().position(u8::is_ascii_uppercase).unwrap_or(start),
            _ => start.saturating_sub(3),
        };
        prop_assume!(!(head..start).contains(&at));
        prop_assume!(!(start..start + password.len()).contains(&at));
        let mut bytes = frame.clone();
        match how {
            0 => bytes[at] = byte,
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, byte),
        }
        prop_assume!(!hear([bytes.as_slice()]).objects.iter().any(is_of_another_word));
        prop_assert_eq!(leaks(&shown([bytes.as_slice()]), password), None, "{}", bytes.escape_ascii());
        if digits {
            let told = shown(split(&bytes, &lengths));
            prop_assert_eq!(leaks(&told, password), None, "{} in {:?}", bytes.escape_ascii(), lengths);
        }
    }
}
