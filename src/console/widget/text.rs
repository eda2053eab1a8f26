//! Text on its way to the screen. [`Pen`] is the only maker of spans: whatever it writes has been cleaned.

use crate::console::model::Model;
use crate::console::symbols::Symbols;
use crate::console::theme::{Role, Theme};
use crate::console::words::Mark;
use crate::domain::text::clean;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Writes cleaned text in the style of a role.
#[derive(Debug, Clone, Copy)]
pub struct Pen<'a> {
    theme: &'a Theme,
    pub sy: &'static Symbols,
    ascii: bool,
}

impl<'a> Pen<'a> {
    #[must_use]
    pub fn of(model: &'a Model) -> Self {
        Self { theme: &model.theme, sy: model.symbols, ascii: model.options.ascii }
    }

    #[must_use]
    pub fn style(self, role: Role) -> Style {
        self.theme.style(role)
    }

    #[must_use]
    pub fn span(self, role: Role, text: impl AsRef<str>) -> Span<'static> {
        Span::styled(self.tidy(text.as_ref()), self.style(role))
    }

    #[must_use]
    pub fn line(self, role: Role, text: impl AsRef<str>) -> Line<'static> {
        Line::from(self.span(role, text))
    }

    /// Shape and word of a state.
    #[must_use]
    pub fn mark(self, mark: &Mark) -> Span<'static> {
        self.span(mark.role, mark.text())
    }

    /// Cleaned text, in ASCII when the console is.
    #[must_use]
    pub fn tidy(self, text: &str) -> String {
        tidy(text, self.ascii)
    }

    /// Text cut to a width, with a mark where it was cut.
    #[must_use]
    pub fn clip(self, text: &str, width: usize) -> String {
        let text = self.tidy(text);
        if text.width() <= width {
            return text;
        }
        let mut out = String::new();
        let room = width.saturating_sub(1);
        let mut used = 0;
        for cluster in text.graphemes(true) {
            let cells = cluster.width();
            if used + cells > room {
                break;
            }
            used += cells;
            out.push_str(cluster);
        }
        if width > 0 {
            out.push_str(self.sy.ellipsis);
        }
        out
    }

    /// Text cut to a width at its beginning, with a mark where it was cut: its end tells it apart.
    #[must_use]
    pub fn clip_front(self, text: &str, width: usize) -> String {
        let text = self.tidy(text);
        if text.width() <= width || width == 0 {
            return if width == 0 { String::new() } else { text };
        }
        let (mut from, mut used) = (text.len(), 0);
        for (at, cluster) in text.grapheme_indices(true).rev() {
            if used + cluster.width() > width - 1 {
                break;
            }
            (from, used) = (at, used + cluster.width());
        }
        format!("{}{}", self.sy.ellipsis, &text[from..])
    }

    /// Text in exactly `width` cells.
    #[must_use]
    pub fn fill(self, text: &str, width: usize, right: bool) -> String {
        let text = self.clip(text, width);
        let pad = " ".repeat(width.saturating_sub(text.width()));
        if right { pad + &text } else { text + &pad }
    }
}

/// Cleaned text, in ASCII if it is to be.
#[must_use]
pub fn tidy(text: &str, is_ascii: bool) -> String {
    let cleaned = clean(text);
    if !is_ascii || cleaned.is_ascii() {
        return cleaned;
    }
    cleaned.chars().map(ascii).collect()
}

/// The nearest ASCII character, `?` where there is none.
fn ascii(c: char) -> char {
    match c {
        c if c.is_ascii() => c,
        '·' => '.',
        '…' => '~',
        '–' | '—' | '─' => '-',
        '×' => 'x',
        '→' => '>',
        '°' => 'o',
        _ => '?',
    }
}

/// Width of text in cells.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Words broken into lines of at most `width` cells; a longer word is cut.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word = word.to_owned();
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        while line.is_empty() && word.width() > width {
            let head: String = head(&word, width);
            word = word[head.len()..].to_owned();
            lines.push(head);
        }
        line.push_str(&word);
    }
    lines.push(line);
    lines
}

/// The longest beginning that fits, at least one character.
fn head(word: &str, width: usize) -> String {
    let mut out = String::new();
    for cluster in word.graphemes(true) {
        if !out.is_empty() && out.width() + cluster.width() > width {
            break;
        }
        out.push_str(cluster);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_wrap_and_long_ones_are_cut() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap("", 5), [""]);
        assert!(wrap("港港港港", 3).iter().all(|line| line.width() <= 3));
    }

    #[test]
    fn every_character_has_an_ascii_stand_in() {
        for c in "a·…–×→°港é".chars() {
            assert!(ascii(c).is_ascii());
        }
    }
}
