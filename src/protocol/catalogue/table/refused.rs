//! Words that are not sent, whoever asks, and what other words must not be used for.

use crate::domain::Protocol;
use crate::domain::order::CommandClass;

/// A word of a maker's manual that lockyard does not send.
#[derive(Debug, Clone, Copy)]
pub struct NeverSent {
    pub protocol: Protocol,
    pub word: &'static str,
    pub why: &'static str,
}

/// In the order of the manuals.
pub const NEVER: &[NeverSent] = &[
    master(
        "P13",
        "factory reset: forgets the server, the cards and the passwords, so that nobody here can reach it",
    ),
    master("P50", "can shut every server out (field notes)"),
    master("P10", "SMS settings hold private telephone numbers and are no business of the data line"),
    master("P11", "SMS settings hold private telephone numbers and are no business of the data line"),
    master("P12", "SMS settings hold private telephone numbers and are no business of the data line"),
    master("P23", "SMS settings hold private telephone numbers and are no business of the data line"),
    master("P65", "SMS settings hold private telephone numbers and are no business of the data line"),
    master("P70", "SMS settings hold private telephone numbers and are no business of the data line"),
    master("P24", "no paper at hand gives its parameters, and a wrong fence refuses right passwords"),
    master("P30", "no paper at hand gives its parameters, and a wrong fence refuses right passwords"),
    master("P31", "no paper at hand gives its parameters, and a wrong fence refuses right passwords"),
    master("P58", "no paper at hand gives its parameters, and a wrong fence refuses right passwords"),
    master("P62", "no paper at hand gives its parameters, and a wrong one rewrites the odometer"),
    master("OTA", "a broken upgrade ends a lock for good: done at a bench"),
    bofan("DFT", "factory reset: forgets the server, so that nobody here can reach it"),
    bofan(
        "AN",
        "makes the tracker run any command by itself, an engine cut among them, past every interlock",
    ),
];

const fn master(word: &'static str, why: &'static str) -> NeverSent {
    NeverSent { protocol: Protocol::JointechMaster, word, why }
}

const fn bofan(word: &'static str, why: &'static str) -> NeverSent {
    NeverSent { protocol: Protocol::Bofan, word, why }
}

/// Words that move, shut out, reveal or set: a profile cannot send them as anything less. Items after the word, class.
/// What only sets is here because a reading may be repeated by itself, and asked for by anybody who may attach.
const LEAST: &[(Protocol, &str, &[&str], CommandClass)] = &[
    (Protocol::JointechMaster, "P43", &[], CommandClass::Physical),
    (Protocol::JointechMaster, "P52", &["3"], CommandClass::Physical),
    (Protocol::JointechMaster, "WLNET", &["8"], CommandClass::Physical),
    (Protocol::JointechMaster, "P44", &[], CommandClass::Credential),
    (Protocol::JointechMaster, "P52", &["1", "1"], CommandClass::Credential),
    (Protocol::JointechMaster, "P59", &["1"], CommandClass::Credential),
    (Protocol::JointechMaster, "P06", &["1"], CommandClass::Credential),
    (Protocol::JointechMaster, "P06", &["3"], CommandClass::Credential),
    (Protocol::JointechMaster, "P41", &["1"], CommandClass::Credential),
    (Protocol::JointechMaster, "P03", &["1"], CommandClass::Credential),
    (Protocol::JointechMaster, "WLNET", &["1", "1"], CommandClass::Credential),
    (Protocol::JointechSeal, "ELOCK", &[], CommandClass::Physical),
    (Protocol::JointechSeal, "S02", &[], CommandClass::Credential),
    (Protocol::JointechSeal, "S24", &[], CommandClass::Credential),
    (Protocol::JointechLegacy, "S07", &[], CommandClass::Vehicle),
    (Protocol::Bofan, "OPC", &[], CommandClass::Vehicle),
    (Protocol::Bofan, "SVR", &[], CommandClass::Credential),
    (Protocol::Bofan, "APN", &[], CommandClass::Credential),
    (Protocol::Bofan, "PWD", &[], CommandClass::Credential),
    (Protocol::Bofan, "GID", &[], CommandClass::Credential),
    (Protocol::JointechMaster, "P04", &["1"], CommandClass::Configure),
    (Protocol::JointechMaster, "P15", &[], CommandClass::Configure),
    (Protocol::JointechMaster, "P29", &["1"], CommandClass::Configure),
    (Protocol::JointechMaster, "P32", &[], CommandClass::Configure),
    (Protocol::JointechMaster, "P37", &["1"], CommandClass::Configure),
    (Protocol::JointechMaster, "P38", &["1"], CommandClass::Configure),
    (Protocol::JointechMaster, "P39", &["1"], CommandClass::Configure),
    (Protocol::JointechMaster, "P40", &["1"], CommandClass::Configure),
    (Protocol::JointechMaster, "P54", &["1"], CommandClass::Configure),
    (Protocol::JointechMaster, "P61", &["1"], CommandClass::Configure),
    (Protocol::JointechMaster, "P63", &["1"], CommandClass::Configure),
    (Protocol::JointechMaster, "P83", &["1"], CommandClass::Configure),
    (Protocol::JointechMaster, "P94", &["1"], CommandClass::Configure),
    (Protocol::JointechMaster, "P97", &["1"], CommandClass::Configure),
    (Protocol::JointechMaster, "P99", &["1"], CommandClass::Configure),
    (Protocol::JointechMaster, "WLNET", &["2", "1"], CommandClass::Configure),
    (Protocol::JointechMaster, "WLNET", &["18", "1"], CommandClass::Configure),
    (Protocol::JointechLegacy, "S09", &["1"], CommandClass::Configure),
    (Protocol::JointechLegacy, "S17", &[], CommandClass::Configure),
    (Protocol::Bofan, "GTI", &[], CommandClass::Configure),
    (Protocol::Bofan, "PTI", &[], CommandClass::Configure),
    (Protocol::Bofan, "SPD", &[], CommandClass::Configure),
    (Protocol::Bofan, "TMZ", &[], CommandClass::Configure),
    (Protocol::Bofan, "CPA", &[], CommandClass::Configure),
    (Protocol::Bofan, "SAL", &[], CommandClass::Configure),
    (Protocol::Bofan, "SOS", &[], CommandClass::Configure),
];

/// Whether a device may take the two items for the same: `08` and ` 8` are `8` to whoever reads numbers.
fn alike(item: &str, want: &str) -> bool {
    let number = |text: &str| text.parse::<i64>().ok();
    let item = item.trim();
    item.eq_ignore_ascii_case(want) || number(item).is_some_and(|number_of| number(want) == Some(number_of))
}

/// Why these words must not be sent as a command of `class`; `None` if they may. `items` follow the word; one that
/// is filled in only when it is sent counts as anything.
pub(in crate::protocol::catalogue) fn never(
    protocol: Protocol,
    word: &str,
    items: &[Option<&str>],
    class: CommandClass,
) -> Option<String> {
    if let Some(never) =
        NEVER.iter().find(|never| never.protocol.maker() == protocol.maker() && never.word == word)
    {
        return Some(format!("{word} is never sent: {}", never.why));
    }
    let could_begin = |with: &[&str]| {
        with.iter()
            .enumerate()
            .all(|(n, want)| items.get(n).is_some_and(|item| item.is_none_or(|i| alike(i, want))))
    };
    // Reading the counts is harmless; any other form erases unsent records, which are evidence.
    if word == "P98" && items.get(1).copied().flatten() != Some("0") {
        return Some("P98 erases unsent records unless it reads them (P98,10,0)".into());
    }
    if word == "P59" && could_begin(&["1"]) && items.get(2).copied().flatten() != Some("1") {
        return Some(
            "P59 must keep its second value 1: with 0 a right password is refused over the data line".into(),
        );
    }
    LEAST
        .iter()
        .find(|(of, is, with, least)| {
            of.maker() == protocol.maker() && *is == word && could_begin(with) && class < *least
        })
        .map(|(_, _, _, least)| {
            format!("{word} is a {} command: it cannot be sent as a {} one", least.word(), class.word())
        })
}
