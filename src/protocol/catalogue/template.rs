//! The exact words of a command, with named places: `(P04,1,{seconds},{minutes})`.

use super::numbered;
use super::spec::{Command, Kind};
use super::table;
use super::value::Written;
use crate::domain::Protocol;
use crate::domain::order::CommandClass;
use std::collections::BTreeMap;

/// Longest text of a profile's command.
const LONGEST: usize = 200;

/// Places that are not arguments: the device on the wire, the second item of its WLNET frames, the serial, the
/// sub-device meant, and how many items the command's list has.
const OURS: [&str; 5] = ["id", "item", "serial", "sub", "count"];

/// Stands for a place while a text is checked; no text can have it.
const HOLE: &str = "{}";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `{name}`
    Place(String),
    /// `{,name}`: a list, a comma before each item.
    List(String),
}

/// A command's words, fit for its family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    source: String,
    pieces: Vec<Piece>,
    word: String,
}

impl Template {
    /// Reads and checks the words of `command`: every parameter has its place, nothing else has one, and the text is
    /// one frame of the command's family whose word may be sent as a command of this class.
    pub(super) fn read(command: &Command, source: &str) -> Result<Self, String> {
        if source.len() > LONGEST || !source.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(format!("a command is at most {LONGEST} printable ASCII characters"));
        }
        let pieces = pieces(source)?;
        check_places(command, &pieces)?;
        if numbered::is_numbered(source) {
            return Self::read_numbered(command, source, pieces);
        }
        let items = items(command.protocol, &pieces)?;
        let (at, word) = word(command.protocol, &items)?;
        let rest: Vec<Option<&str>> =
            items.iter().skip(at.saturating_add(1)).map(|item| literal(item)).collect();
        if let Some(why) = table::never(command.protocol, &word, &rest, command.class) {
            return Err(why);
        }
        Ok(Self { source: source.to_owned(), pieces, word })
    }

    /// A JT/T 808 message: each place is a number that fits its field at both ends of its range.
    fn read_numbered(command: &Command, source: &str, pieces: Vec<Piece>) -> Result<Self, String> {
        if command.protocol != Protocol::JointechSeal {
            return Err("only seals take 0x… messages".into());
        }
        let number = |name: &str, largest: bool| {
            let kind = command.params.iter().find(|param| param.name == name).map(|param| param.kind);
            match kind {
                Some(Kind::Whole { min, max, .. }) => Ok(if largest { max } else { min }),
                Some(Kind::OffOr { max, .. }) => Ok(if largest { max } else { 0 }),
                _ => Err(format!("{{{name}}} is no number: a 0x… message has only numbers in places")),
            }
        };
        let word = source.split(' ').next().unwrap_or_default().to_owned();
        let template = Self { source: source.to_owned(), pieces, word };
        for largest in [false, true] {
            let mut values = BTreeMap::new();
            for name in template.places() {
                values.insert(name, Written::One(number(name, largest)?.to_string()));
            }
            let filled = template.fill(&values).ok_or("a 0x… message has no lists")?;
            let (message, _) = numbered::read(&filled)?;
            if command.class < CommandClass::Configure && numbered::changes(message) {
                return Err(format!("0x{message:04X} changes the device: it cannot be sent as a reading"));
            }
        }
        Ok(template)
    }

    /// Whether the text is a JT/T 808 message, which always carries a serial.
    pub(super) fn is_numbered(&self) -> bool {
        numbered::is_numbered(&self.source)
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// The word of the command, which is also the word of its reply.
    pub(super) fn word(&self) -> &str {
        &self.word
    }

    /// Whether the text has this place. A JT/T 808 message has the ID and the serial in its head.
    pub(super) fn has(&self, place: &str) -> bool {
        (self.is_numbered() && matches!(place, "id" | "serial")) || self.places().any(|name| name == place)
    }

    /// Names of the places, in the order of the text.
    pub(super) fn places(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Place(name) | Piece::List(name) => Some(name.as_str()),
        })
    }

    /// The text with every place filled; `None` if one has no value (the caller gave them all).
    pub(super) fn fill(&self, values: &BTreeMap<&str, Written>) -> Option<String> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Place(name) => match values.get(name.as_str())? {
                    Written::One(text) => out.push_str(text),
                    Written::Many { .. } => return None,
                },
                Piece::List(name) => match values.get(name.as_str())? {
                    Written::One(_) => return None,
                    Written::Many { items, .. } => {
                        for item in items {
                            out.push(',');
                            out.push_str(item);
                        }
                    }
                },
            }
        }
        Some(out)
    }
}

fn pieces(source: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').ok_or("a '{' without its '}'")?;
        if before.contains('}') {
            return Err("a '}' without its '{'".into());
        }
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        let piece = match name.strip_prefix(',') {
            Some(list) => Piece::List(list.to_owned()),
            None => Piece::Place(name.to_owned()),
        };
        pieces.push(piece);
        rest = behind;
    }
    if rest.contains('}') {
        return Err("a '}' without its '{'".into());
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

fn check_places(command: &Command, pieces: &[Piece]) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    for piece in pieces {
        let (name, is_list) = match piece {
            Piece::Text(_) => continue,
            Piece::Place(name) => (name.as_str(), false),
            Piece::List(name) => (name.as_str(), true),
        };
        if seen.contains(&name) {
            return Err(format!("the place {{{name}}} stands twice"));
        }
        seen.push(name);
        let param = command.params.iter().find(|param| param.name == name);
        match param {
            Some(param) if param.kind.is_list() != is_list => {
                let (right, wrong) = if is_list { ("", ",") } else { (",", "") };
                return Err(format!("write {{{right}{name}}}, not {{{wrong}{name}}}"));
            }
            Some(_) => {}
            None if !is_list && OURS.contains(&name) => {}
            None => {
                return Err(format!("'{}' has no place {{{name}}}; {}", command.name, places_of(command)));
            }
        }
    }
    let missing = command.params.iter().find(|param| !seen.contains(&param.name));
    if let Some(param) = missing {
        return Err(format!("the place {{{}}} is missing", param.name));
    }
    if seen.contains(&"count") && !command.params.iter().any(|param| param.kind.is_list()) {
        return Err(format!("'{}' has no list for {{count}} to count", command.name));
    }
    Ok(())
}

fn places_of(command: &Command) -> String {
    let own = command.params.iter().map(|param| param.name);
    let all: Vec<String> = own.chain(OURS).map(|name| format!("{{{name}}}")).collect();
    format!("places are {}", all.join(" "))
}

/// The comma-separated items of the one frame that the text is, each place written as [`HOLE`].
fn items(protocol: Protocol, pieces: &[Piece]) -> Result<Vec<String>, String> {
    let skeleton: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Place(_) => HOLE.to_owned(),
            Piece::List(_) => format!(",{HOLE}"),
        })
        .collect();
    let inside = match protocol {
        Protocol::Bofan => skeleton.strip_prefix('#').ok_or("a Bofan command begins with #"),
        Protocol::JointechMaster | Protocol::JointechSeal | Protocol::JointechLegacy => skeleton
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
            .ok_or("a Jointech command stands in one pair of brackets"),
        Protocol::Unknown => Err("a profile needs a protocol"),
    }?;
    if inside.contains(['(', ')', '#', '$', '~', '@']) {
        return Err("the text is more than one frame: ( ) # $ ~ @ stand only at its ends".into());
    }
    Ok(inside.split(',').map(str::to_owned).collect())
}

/// The item, if no place is in it.
fn literal(item: &str) -> Option<&str> {
    (!item.contains(HOLE)).then_some(item)
}

/// The command's word and which item it is.
fn word(protocol: Protocol, items: &[String]) -> Result<(usize, String), String> {
    let item = |at: usize| items.get(at).and_then(|item| literal(item)).unwrap_or_default();
    let is_word = |text: &str, letter: char| {
        text.len() == 3 && text.starts_with(letter) && text.bytes().skip(1).all(|b| b.is_ascii_digit())
    };
    let found = match protocol {
        Protocol::JointechMaster if is_word(item(0), 'P') => Some(0),
        Protocol::JointechMaster if matches!(item(3), "WLNET" | "OTA") => Some(3),
        Protocol::JointechSeal => {
            [0, 3, 2].into_iter().find(|at| item(*at).starts_with(|c: char| c.is_ascii_uppercase()))
        }
        Protocol::JointechLegacy if is_word(item(0), 'S') => Some(0),
        Protocol::Bofan => return bofan_word(items.first().map_or("", String::as_str)),
        _ => None,
    };
    let shape = match protocol {
        Protocol::JointechMaster => "a master's command is (Pnn,…) or ({id},{item},{serial},WLNET,…)",
        Protocol::JointechSeal => "a seal's command is ({id},1,{serial},WORD,…) or (WORD,…)",
        _ => "a legacy command is (Snn,…)",
    };
    found.map(|at| (at, item(at).to_owned())).ok_or_else(|| shape.to_owned())
}

/// Three capitals, whatever follows; what begins with `AN` is a script.
fn bofan_word(first: &str) -> Result<(usize, String), String> {
    let letters: String = first.chars().take_while(char::is_ascii_uppercase).take(3).collect();
    match letters.len() {
        3 => Ok((0, letters)),
        2 if letters == "AN" => Ok((0, letters)),
        _ => Err("a Bofan command is # and a word of three capitals".into()),
    }
}
