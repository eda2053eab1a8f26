//! JT/T 808 messages in a profile: `0x8103 u8=1 u32=0x29 u8=4 u32={seconds}` — the message, then the fields of its body
//! in their order, each with its width. They carry a serial of ours, which the device's answer repeats.

/// Messages that may be sent, and what their body must begin with (JT/T 808-2011). Everything else of the standard
/// moves the server, upgrades, resets or is not for a seal.
const ALLOWED: &[(u16, &[u8])] = &[
    (0x8103, &[1, 0, 0, 0, 0x01, 4]), // one setting: heartbeat
    (0x8103, &[1, 0, 0, 0, 0x27, 4]), // one setting: report interval asleep
    (0x8103, &[1, 0, 0, 0, 0x29, 4]), // one setting: report interval
    (0x8105, &[4]),                   // restart; 1 to 3 and 5 are upgrade, another server, off, factory reset
    (0x8201, &[]),                    // where is it
];

/// Longest body of an allowed message.
const LONGEST: usize = 10;

/// Whether the text is of this kind.
pub(super) fn is_numbered(source: &str) -> bool {
    source.starts_with("0x")
}

/// Whether an allowed message does more than ask.
pub(super) fn changes(message: u16) -> bool {
    message != 0x8201
}

/// Message and body of a text whose places are filled.
pub(super) fn read(text: &str) -> Result<(u16, Vec<u8>), String> {
    let mut parts = text.split(' ');
    let head = parts.next().unwrap_or_default();
    let message = head
        .strip_prefix("0x")
        .filter(|digits| digits.len() == 4 && !digits.bytes().any(|b| b.is_ascii_lowercase()))
        .and_then(|digits| u16::from_str_radix(digits, 16).ok())
        .ok_or("a message is 0x and four capital hex digits")?;
    let mut body = Vec::new();
    for part in parts {
        let (width, value) = part.split_once('=').ok_or("a field is u8=…, u16=… or u32=…")?;
        let value = match value.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => value.parse::<u32>(),
        }
        .map_err(|_| format!("{width} holds a whole number of 0 or more"))?;
        let fits = match width {
            "u8" => u8::try_from(value).map(|v| body.push(v)).is_ok(),
            "u16" => u16::try_from(value).map(|v| body.extend(v.to_be_bytes())).is_ok(),
            "u32" => {
                body.extend(value.to_be_bytes());
                true
            }
            _ => return Err("a field is u8=…, u16=… or u32=…".into()),
        };
        if !fits {
            return Err(format!("{value} does not fit into {width}"));
        }
    }
    let allowed = ALLOWED.iter().any(|(of, begins)| *of == message && body.starts_with(begins));
    if !allowed || body.len() > LONGEST {
        return Err(format!(
            "this message 0x{message:04X} is not sent: of JT/T 808 only 0x8103 with setting 0x01, 0x27 or 0x29, \
             0x8105 with 4 and 0x8201 are"
        ));
    }
    Ok((message, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_bytes_in_their_order() {
        let body = vec![1, 0, 0, 0, 0x29, 4, 0, 0, 0x0E, 0x10];
        assert_eq!(read("0x8103 u8=1 u32=0x29 u8=4 u32=3600").unwrap(), (0x8103, body));
        assert_eq!(read("0x8201").unwrap(), (0x8201, vec![]));
    }

    #[test]
    fn what_is_not_a_reading_or_an_interval_is_not_sent() {
        for bad in [
            "0x8105 u8=5",
            "0x8105 u8=2",
            "0x8105",
            "0x8103 u8=1 u32=0x13 u8=4 u32=1",
            "0x8103 u8=2 u32=0x29 u8=4 u32=1",
            "0x8108",
            "0x8201 u32=1 u32=1 u32=1",
            "0x82",
            "0x8201 u64=1",
            "0x8103 u8=256",
            "0x8103 u8=-1",
            "0x8201  ",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
