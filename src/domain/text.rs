//! Cleaning of text that came from a device, a file or another person before it is shown or logged.

use unicode_segmentation::UnicodeSegmentation;

/// Longest cleaned text, in characters; a device field is never longer in earnest.
const LONGEST: usize = 200;

/// Whether a character could move the cursor, reorder or hide text: C0, DEL, C1, bidirectional controls, zero-width
/// characters, line separators, tags and variation selectors beyond the plain ones.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Text safe to draw: harmful characters become `·`, a pile of combining marks is cut to its base and two marks, and
/// more than 200 characters end in `…`.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST * 4));
    let mut count = 0;
    for cluster in text.graphemes(true) {
        for c in cluster.chars().take(3) {
            if count == LONGEST {
                out.push('…');
                return out;
            }
            out.push(if is_harmful(c) { '·' } else { c });
            count += 1;
        }
    }
    out
}

/// The same for raw bytes: what is not UTF-8 becomes `·`.
#[must_use]
pub fn clean_bytes(bytes: &[u8]) -> String {
    clean(&String::from_utf8_lossy(bytes).replace('\u{fffd}', "·"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_passes() {
        for bad in
            ["\u{1b}]0;x\u{7}", "\u{9b}2J", "a\rb", "a\u{7f}", "\u{202e}gpj", "a\u{200b}b", "\u{feff}x"]
        {
            let cleaned = clean(bad);
            assert!(!cleaned.chars().any(is_harmful), "{bad:?} -> {cleaned:?}");
        }
        assert_eq!(clean("Tank 7 – Häfen 港"), "Tank 7 – Häfen 港");
        assert_eq!(clean_bytes(b"ok\xff\x1b[31m"), "ok··[31m");
    }

    #[test]
    fn marks_and_length_are_bounded() {
        let pile = format!("e{}", "\u{301}".repeat(40));
        assert!(clean(&pile).chars().count() <= 3);
        assert_eq!(clean(&"x".repeat(5000)).chars().count(), LONGEST + 1);
    }
}
