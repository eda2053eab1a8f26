//! A line of typed text with a cursor. Pasted text is cleaned and never more than text.

use crate::domain::text::clean;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Longest line; what is typed or pasted beyond it is not taken.
pub const LONGEST: usize = 120;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Input {
    chars: Vec<char>,
    at: usize,
}

impl Input {
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut input = Self::default();
        input.insert(text);
        input
    }

    #[must_use]
    pub fn text(&self) -> String {
        self.chars.iter().collect()
    }

    /// The part left of the cursor.
    #[must_use]
    pub fn before_cursor(&self) -> String {
        self.chars.iter().take(self.at).collect()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chars.is_empty()
    }

    /// Inserts text at the cursor: line breaks and tabs become spaces, what steers terminals a dot.
    pub fn insert(&mut self, text: &str) {
        let spaced = text.trim_end_matches(['\r', '\n']).replace(['\r', '\n', '\t'], " ");
        for c in clean(&spaced).chars() {
            if self.chars.len() == LONGEST {
                return;
            }
            self.chars.insert(self.at, c);
            self.at += 1;
        }
    }

    /// Handles an editing key; `false` if the key is not one.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('u') if control => {
                self.chars.drain(..self.at);
                self.at = 0;
            }
            KeyCode::Char('w') if control => self.erase_word(),
            KeyCode::Char(c) if !control && !key.modifiers.contains(KeyModifiers::ALT) => {
                self.insert(c.encode_utf8(&mut [0; 4]));
            }
            KeyCode::Backspace if self.at > 0 => {
                self.at -= 1;
                self.chars.remove(self.at);
            }
            KeyCode::Delete if self.at < self.chars.len() => {
                self.chars.remove(self.at);
            }
            KeyCode::Left => self.at = self.at.saturating_sub(1),
            KeyCode::Right => self.at = (self.at + 1).min(self.chars.len()),
            KeyCode::Home => self.at = 0,
            KeyCode::End => self.at = self.chars.len(),
            _ => return false,
        }
        true
    }

    fn erase_word(&mut self) {
        let end = self.at;
        while self.at > 0 && self.chars[self.at - 1] == ' ' {
            self.at -= 1;
        }
        while self.at > 0 && self.chars[self.at - 1] != ' ' {
            self.at -= 1;
        }
        self.chars.drain(self.at..end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::keymap::parse_keys;

    fn typed(keys: &str) -> Input {
        let mut input = Input::default();
        for key in parse_keys(keys).unwrap() {
            input.key(key);
        }
        input
    }

    #[test]
    fn a_line_is_edited_in_the_usual_ways() {
        assert_eq!(typed("abc<BS>d").text(), "abd");
        assert_eq!(typed("abc<Home>x<Right><Del>").text(), "xac");
        assert_eq!(typed("one two<C-w>three").text(), "one three");
        assert_eq!(typed("one two<C-u>x").text(), "x");
        assert_eq!(typed("ab<Left>x").before_cursor(), "ax");
    }

    #[test]
    fn pasted_text_is_clean_one_line_and_bounded() {
        let mut input = Input::default();
        input.insert("a\nb\u{1b}[2Jc\r\n");
        assert_eq!(input.text(), "a b·[2Jc");
        input.insert(&"x".repeat(500));
        assert_eq!(input.text().chars().count(), LONGEST);
    }
}
