//! `config/keys.toml` read into the action table: complete, without clashes, or refused with the name of the key.

use super::action::{Action, TABLE};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::collections::BTreeMap;

/// The keys as shipped.
const DEFAULT: &str = include_str!("../../config/keys.toml");

/// A key map that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum KeyMapError {
    #[error("keys: {0}")]
    Unreadable(String),
    #[error("keys: there is no action '{0}'")]
    UnknownAction(String),
    #[error("keys: the action '{0}' has no key: give it at least one")]
    NoKey(&'static str),
    #[error("keys: '{0}' is not a key: write a character or a name such as <Enter>, <C-l>, <F1>")]
    BadKey(String),
    #[error("keys: '{key}' stands for both '{one}' and '{other}': take it from one of them")]
    Clash { key: String, one: &'static str, other: &'static str },
}

/// Which key does what.
#[derive(Debug, Clone)]
pub struct KeyMap {
    by_key: BTreeMap<String, Action>,
    by_action: BTreeMap<Action, Vec<String>>,
}

impl KeyMap {
    /// The map shipped with the program.
    #[must_use]
    pub fn shipped() -> Self {
        Self::parse(DEFAULT).expect("the shipped keys are checked by a test")
    }

    /// Reads `action = [keys]`.
    pub fn parse(text: &str) -> Result<Self, KeyMapError> {
        let file: BTreeMap<String, Vec<String>> =
            toml::from_str(text).map_err(|e| KeyMapError::Unreadable(e.message().to_owned()))?;
        let mut map = Self { by_key: BTreeMap::new(), by_action: BTreeMap::new() };
        for (name, keys) in file {
            let action = Action::named(&name).ok_or(KeyMapError::UnknownAction(name))?;
            for text in keys {
                map.bind(action, &text)?;
            }
        }
        match TABLE.iter().find(|entry| !map.by_action.contains_key(&entry.action)) {
            Some(entry) => Err(KeyMapError::NoKey(entry.name)),
            None => Ok(map),
        }
    }

    fn bind(&mut self, action: Action, text: &str) -> Result<(), KeyMapError> {
        let Ok([key]) = <[KeyEvent; 1]>::try_from(parse_keys(text)?) else {
            return Err(KeyMapError::BadKey(text.to_owned()));
        };
        let name = key_name(key);
        if let Some(other) = self.by_key.insert(name.clone(), action) {
            return Err(KeyMapError::Clash {
                key: name,
                one: other.entry().name,
                other: action.entry().name,
            });
        }
        self.by_action.entry(action).or_default().push(name);
        Ok(())
    }

    #[must_use]
    pub fn action(&self, key: KeyEvent) -> Option<Action> {
        self.by_key.get(&key_name(key)).copied()
    }

    /// The keys of an action as a person reads them: `j Down`.
    #[must_use]
    pub fn keys(&self, action: Action) -> String {
        let keys = self.by_action.get(&action).map(Vec::as_slice).unwrap_or_default();
        keys.iter().map(|key| shown(key)).collect::<Vec<_>>().join(" ")
    }

    /// The first key of an action.
    #[must_use]
    pub fn key(&self, action: Action) -> String {
        self.by_action.get(&action).and_then(|keys| keys.first()).map(|key| shown(key)).unwrap_or_default()
    }
}

/// `<C-l>` → `Ctrl-l`, `<Enter>` → `Enter`.
fn shown(name: &str) -> String {
    match name.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some("lt") => "<".into(),
        Some(inner) => inner.replace("C-", "Ctrl-").replace("A-", "Alt-").replace("S-", "Shift-"),
        None => name.to_owned(),
    }
}

const NAMED: [(&str, KeyCode); 15] = [
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("S-Tab", KeyCode::BackTab),
    ("BS", KeyCode::Backspace),
    ("Del", KeyCode::Delete),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("Space", KeyCode::Char(' ')),
];

/// The one spelling of a key. Shift is part of a character and of `<S-Tab>`, nothing else.
fn key_name(key: KeyEvent) -> String {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let base = match key.code {
        KeyCode::Char(' ') => "Space".into(),
        KeyCode::Char('<') => "lt".into(),
        KeyCode::Char(c) if control => c.to_ascii_lowercase().to_string(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::F(n) => format!("F{n}"),
        code => NAMED.iter().find(|(_, c)| *c == code).map_or_else(String::new, |(name, _)| (*name).into()),
    };
    let plain = matches!(key.code, KeyCode::Char(c) if c != ' ' && c != '<');
    match (control, alt) {
        (false, false) if plain => base,
        (false, false) => format!("<{base}>"),
        (true, false) => format!("<C-{base}>"),
        (false, true) => format!("<A-{base}>"),
        (true, true) => format!("<C-A-{base}>"),
    }
}

/// Reads a string of keys: `a2<Enter>`, `<C-c>`, `:quit<Enter>`. The notation of `config/keys.toml`, and of key
/// scripts that drive a console.
pub fn parse_keys(text: &str) -> Result<Vec<KeyEvent>, KeyMapError> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '<'
            && let Some((name, after)) = rest.split_at(1).1.split_once('>')
        {
            keys.push(named_key(name).ok_or_else(|| KeyMapError::BadKey(text.to_owned()))?);
            rest = after;
        } else {
            keys.push(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
            rest = rest.split_at(c.len_utf8()).1;
        }
    }
    Ok(keys)
}

fn named_key(name: &str) -> Option<KeyEvent> {
    let plain = |code| Some(KeyEvent::new(code, KeyModifiers::NONE));
    if name == "lt" {
        return plain(KeyCode::Char('<'));
    }
    if let Some((_, code)) = NAMED.iter().find(|(known, _)| *known == name) {
        return plain(*code);
    }
    if let Some(number) = name.strip_prefix('F').and_then(|n| n.parse::<u8>().ok()) {
        return (1..=12).contains(&number).then(|| KeyEvent::new(KeyCode::F(number), KeyModifiers::NONE));
    }
    let (modifier, rest) = match name.split_once('-')? {
        ("C", rest) => (KeyModifiers::CONTROL, rest),
        ("A", rest) => (KeyModifiers::ALT, rest),
        _ => return None,
    };
    let mut chars = rest.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Some(KeyEvent::new(KeyCode::Char(c), modifier)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_keys_name_every_action_once() {
        let map = KeyMap::parse(DEFAULT).unwrap();
        for entry in TABLE {
            assert!(!map.key(entry.action).is_empty(), "{}", entry.name);
        }
        let act = |keys: &str| map.action(parse_keys(keys).unwrap()[0]);
        assert_eq!(act("U"), Some(Action::Unlock));
        assert_eq!(act("u"), Some(Action::NextUnack));
        assert_eq!(act("<C-c>"), Some(Action::Quit));
        assert_eq!(act("<lt>"), Some(Action::SortLeft));
        assert_eq!(act("Z"), None);
    }

    #[test]
    fn capital_letters_come_with_or_without_the_shift_flag() {
        let map = KeyMap::shipped();
        let shifted = KeyEvent::new(KeyCode::Char('U'), KeyModifiers::SHIFT);
        assert_eq!(map.action(shifted), Some(Action::Unlock));
        let control = KeyEvent::new(KeyCode::Char('L'), KeyModifiers::CONTROL | KeyModifiers::SHIFT);
        assert_eq!(map.action(control), Some(Action::Redraw));
    }

    #[test]
    fn bad_maps_are_refused_by_name() {
        let with = |extra: &str| KeyMap::parse(&format!("{DEFAULT}\n{extra}\n"));
        assert_eq!(with("dance = [\"d\"]").unwrap_err(), KeyMapError::UnknownAction("dance".into()));
        let clash = KeyMap::parse(&DEFAULT.replace("ack = [\"a\"]", "ack = [\"j\"]")).unwrap_err();
        assert!(matches!(clash, KeyMapError::Clash { .. }), "{clash}");
        let missing = KeyMap::parse(&DEFAULT.replace("ack = [\"a\"]", "")).unwrap_err();
        assert!(matches!(missing, KeyMapError::NoKey("ack" | "next_unack" | "prev_unack")), "{missing}");
        let bad = KeyMap::parse(&DEFAULT.replace("[\"a\"]", "[\"<Wheel>\"]")).unwrap_err();
        assert!(matches!(bad, KeyMapError::BadKey(_)), "{bad}");
    }

    #[test]
    fn keys_meant_for_later_are_not_bound() {
        let map = KeyMap::shipped();
        for key in ["s", "S", "e", "o", "O", "H", "t", "p", "c", "f", "L", "Q", "A", "n", "4", "6", "8"] {
            assert_eq!(map.action(parse_keys(key).unwrap()[0]), None, "{key}");
        }
    }
}
