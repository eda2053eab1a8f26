//! What the three letters of a sentence mean.

use crate::domain::{DeviceEvent, MessageKind};

/// The code at the start of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code<'a> {
    /// Three characters: `POS` or an alarm.
    Plain(&'a str),
    /// `PHO<size>[-<camera>]`: a photo waits to be fetched. Size 0: the camera gave none (inferred).
    Photo { size: u32, camera: Option<u8> },
}

impl<'a> Code<'a> {
    /// From the text between `$` and the first comma. Exactly three characters, because look-alikes (`$GPRMC,<id>,…`)
    /// have more.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        if let Some(photo) = text.strip_prefix("PHO").filter(|rest| !rest.is_empty()) {
            let (size, camera) = match photo.split_once('-') {
                Some((size, camera)) => (size, Some(number(camera, 2)?)),
                None => (photo, None),
            };
            return Some(Self::Photo { size: number(size, 8)?, camera });
        }
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|byte| byte.is_ascii_uppercase());
        let rest = bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        (first && rest && text.len() == 3).then_some(Self::Plain(text))
    }

    pub(super) fn kind(self) -> MessageKind {
        match self {
            Self::Photo { .. } | Self::Plain("PHO") => MessageKind::PhotoOffer,
            Self::Plain(_) => MessageKind::Position,
        }
    }

    /// The event the code names. `inputs` is the input string of the same sentence, left to right line 1, 2, 3 …
    ///
    /// `IN<n>` and `IU<n>` are the two edges of input n; which is which is not documented, so the input string
    /// decides where there is one, and alone for the ignition (line 4), about which a wrong word would be worse than
    /// none. Line 1 is the SOS button. The meanings of `IN<n>`, `SPD`, `GOF`, `LPA`, `CPA`, `SKA`, `TOW`, `HDA`,
    /// `HDB`, `FDA` and `PMA` are documented, that of the others inferred. Users can define codes of their own.
    pub(super) fn event(self, inputs: Option<&str>) -> Option<DeviceEvent> {
        let code = match self {
            Self::Photo { size, camera } => return Some(DeviceEvent::Photo { size, camera }),
            Self::Plain(code) => code,
        };
        let input = |line, otherwise| {
            let on = line_is_on(inputs, line).unwrap_or(otherwise);
            Some(DeviceEvent::Input { line, on })
        };
        match code {
            "POS" | "PHO" => None,
            "IN1" => Some(DeviceEvent::Sos),
            "IU1" => input(1, false),
            "IN4" | "IU4" => line_is_on(inputs, 4)
                .map(|on| if on { DeviceEvent::IgnitionOn } else { DeviceEvent::IgnitionOff }),
            "SPD" => Some(DeviceEvent::Overspeed),
            "GOF" | "GEO" => Some(DeviceEvent::Geofence { fence: None }),
            "LPA" => Some(DeviceEvent::LowBackupBattery),
            "CPA" => Some(DeviceEvent::PowerCut),
            "SKA" => Some(DeviceEvent::Vibration),
            "TOW" => Some(DeviceEvent::Tow),
            "HDA" => Some(DeviceEvent::HarshAcceleration),
            "HDB" => Some(DeviceEvent::HarshBraking),
            "FDA" => Some(DeviceEvent::Fatigue),
            "PMA" => Some(DeviceEvent::Movement),
            other => match edge(other) {
                Some((line, on)) => input(line, on),
                None => Some(DeviceEvent::Custom { code: other.to_owned() }),
            },
        }
    }
}

/// Line and likely state of `IN<n>` or `IU<n>`. Papers go up to 5; a type with more inputs will count on (inferred).
fn edge(code: &str) -> Option<(u8, bool)> {
    let (number, on) = code.strip_prefix("IN").map(|number| (number, true)).or_else(|| {
        let number = code.strip_prefix("IU")?;
        Some((number, false))
    })?;
    number.parse().ok().filter(|line| (1..=9).contains(line)).map(|line| (line, on))
}

/// Whether a paper, or the count of lines, names what a code means. `DFR` stands beside `FDA` in a vendor's sample,
/// without a word; users can define codes of their own.
pub(super) fn is_documented(code: &str) -> bool {
    const NAMED: [&str; 14] =
        ["POS", "PHO", "SPD", "GOF", "GEO", "LPA", "CPA", "SKA", "MLA", "TOW", "HDA", "HDB", "FDA", "PMA"];
    NAMED.contains(&code) || edge(code).is_some()
}

/// Whether a line (1, 2, 3 …) of an input string is on; `None` if the string does not tell.
pub(super) fn line_is_on(inputs: Option<&str>, line: u8) -> Option<bool> {
    let at = usize::from(line).checked_sub(1)?;
    inputs?.as_bytes().get(at).map(|byte| *byte == b'1')
}

/// A decimal number of at most `most` digits and nothing else.
pub(super) fn number<T: std::str::FromStr>(text: &str, most: usize) -> Option<T> {
    let plain = !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Words of commands a reply may lead with. No reply was ever captured: a line `$<word>…` that is not a position
/// sentence is taken for one.
const COMMANDS: [&str; 18] = [
    "APN", "CPA", "DFT", "GID", "GTI", "IME", "OPC", "PHO", "PTI", "PWD", "RCP", "RPO", "SAL", "SOS", "SPD",
    "SVR", "TMZ", "VER",
];

/// The kind of a line that is not a position sentence.
pub(super) fn line_kind(word: &str) -> MessageKind {
    if COMMANDS.iter().any(|command| word.starts_with(command)) {
        MessageKind::CommandReply
    } else {
        MessageKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(code: &str, inputs: Option<&str>) -> Option<DeviceEvent> {
        Code::read(code).unwrap().event(inputs)
    }

    #[test]
    fn the_input_string_decides_over_the_code() {
        let input = |line, on| Some(DeviceEvent::Input { line, on });
        assert_eq!(event("IN2", None), input(2, true));
        assert_eq!(event("IU2", None), input(2, false));
        assert_eq!(event("IN2", Some("00000")), input(2, false));
        assert_eq!(event("IU3", Some("00100")), input(3, true));
        assert_eq!(event("IN5", Some("0000")), input(5, true), "a string of four has no fifth line");
        assert_eq!(event("IU1", Some("00000")), input(1, false));
        assert_eq!(event("IU1", Some("10000")), input(1, true));
        assert_eq!(event("IN1", Some("00000")), Some(DeviceEvent::Sos));
    }

    #[test]
    fn ignition_is_told_by_the_fourth_line_only() {
        for code in ["IN4", "IU4"] {
            assert_eq!(event(code, Some("00010")), Some(DeviceEvent::IgnitionOn));
            assert_eq!(event(code, Some("11101")), Some(DeviceEvent::IgnitionOff));
            assert_eq!(event(code, Some("000")), None);
            assert_eq!(event(code, None), None);
        }
    }

    #[test]
    fn codes_are_three_characters_or_a_photo() {
        assert_eq!(Code::read("PHO3821-1"), Some(Code::Photo { size: 3821, camera: Some(1) }));
        assert_eq!(Code::read("PHO0"), Some(Code::Photo { size: 0, camera: None }));
        assert_eq!(Code::read("MLA").unwrap().event(None), Some(DeviceEvent::Custom { code: "MLA".into() }));
        assert_eq!(Code::read("PHO").unwrap().event(None), None);
        assert_eq!(Code::read("PHO").unwrap().kind(), MessageKind::PhotoOffer);
        for bad in
            ["", "PO", "POSX", "GPRMC", "1AB", "pos", "P-S", "PHO-1", "PHO1-", "PHO123456789", "PHO1-999"]
        {
            assert_eq!(Code::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_known_code_has_its_event() {
        for (code, wanted) in [
            ("SPD", DeviceEvent::Overspeed),
            ("GOF", DeviceEvent::Geofence { fence: None }),
            ("GEO", DeviceEvent::Geofence { fence: None }),
            ("LPA", DeviceEvent::LowBackupBattery),
            ("CPA", DeviceEvent::PowerCut),
            ("SKA", DeviceEvent::Vibration),
            ("TOW", DeviceEvent::Tow),
            ("HDA", DeviceEvent::HarshAcceleration),
            ("HDB", DeviceEvent::HarshBraking),
            ("FDA", DeviceEvent::Fatigue),
            ("PMA", DeviceEvent::Movement),
        ] {
            assert_eq!(event(code, None), Some(wanted), "{code}");
        }
        assert_eq!(event("POS", Some("11111")), None);
    }
}
