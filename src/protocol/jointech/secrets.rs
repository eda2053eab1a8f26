//! Which parts of a frame are secret, so that they are masked before anything else sees them.

use crate::domain::text::clean_bytes;

/// Stands for every secret byte in a raw frame.
const STAR: u8 = b'*';

/// Passwords seen in the field have six digits: such a run in bytes that could not be understood may be one, with a
/// digit by chance on either side.
const USUAL_PASSWORD: std::ops::RangeInclusive<usize> = 6..=8;

/// The item of a seal's report that carries passwords, and the longest it is taken for.
const LOCK_EVENT: u8 = 0x0B;
const LOCK_EVENT_LENGTH: std::ops::RangeInclusive<u8> = 2..=32;

/// Whether parameter `index` (0 = the first after the word) of a text frame is secret. Told values that are no
/// password (flags, counts) stay readable; where a shape is not known, more is hidden rather than less.
pub(super) fn is_secret(word: &str, params: &[&[u8]], index: usize) -> bool {
    let Some(value) = params.get(index).filter(|value| !value.is_empty()) else { return false };
    let first = params.first().copied().unwrap_or_default();
    let is_digit = |value: &[u8]| value.len() == 1 && value.iter().all(u8::is_ascii_digit);
    match (word, first) {
        // On/off and fence rule.
        ("P52", b"1") => false,
        ("P52", b"0" | b"2") => index > 0,
        // Success and wrong count; anything longer is an echo of the password.
        ("P52", _) => value.len() > 3,
        ("P43", _) => value.len() > 3,
        // Success, or the answer to a query: the password itself.
        ("P44", _) => !is_digit(value),
        // Host and port alone are sure where a comma was lost.
        ("P06", _) if params.len() < 6 => index > 1 && !is_digit(value),
        // Host, port, APN, user, APN password, which host; a leading function digit moves all by one.
        ("P06", _) => index >= if is_digit(first) { 5 } else { 4 } && !is_digit(value),
        ("ELOCK", _) => index > 0 || value.len() > 3,
        // APN user and password.
        ("S24", _) => index > 1 && !is_digit(value),
        _ => false,
    }
}

/// Whether a parameter of a word that nobody knows looks like a password.
pub(super) fn may_be_password(value: &[u8]) -> bool {
    USUAL_PASSWORD.contains(&value.len()) && value.iter().all(u8::is_ascii_digit)
}

/// Words behind which a password may stand.
const SECRET_WORDS: [&[u8]; 6] = [b"P52,", b"P43,", b"P44,", b"P06,", b"ELOCK,", b"S24,"];

/// Masks bytes that were refused as far as one can tell: what follows a word that carries secrets up to the end of
/// its frame, letters and digits of what looks like a seal's lock event, and any run of about six digits.
pub(crate) fn mask_refused(bytes: &mut [u8]) {
    // Where hiding begins, until the next bracket.
    let mut hide_from = None;
    for at in 0..bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        if matches!(rest.first(), Some(b'(' | b')')) {
            hide_from = None;
        }
        if hide_from.is_none() {
            let word = SECRET_WORDS.iter().find(|word| rest.starts_with(word));
            hide_from = word.map(|word| at.saturating_add(word.len()));
        }
        if hide_from.is_some_and(|from| at >= from)
            && let Some(byte) = bytes.get_mut(at).filter(|byte| **byte != b',')
        {
            *byte = STAR;
        }
    }
    for at in 0..bytes.len() {
        mask_lock_event(bytes.get_mut(at..).unwrap_or_default());
    }
    for run in runs(bytes) {
        if USUAL_PASSWORD.contains(&run.len()) && run.first().is_some_and(u8::is_ascii_digit) {
            run.fill(STAR);
        }
    }
}

/// Characters kept of an unknown value.
const KEPT: usize = 64;

/// Bytes that nobody can name, in hex: what may be a password is masked, more than 32 bytes are cut.
pub(super) fn shown_hex(bytes: &[u8]) -> String {
    let mut bytes = bytes.get(..bytes.len().min(KEPT)).unwrap_or_default().to_vec();
    mask_refused(&mut bytes);
    let mut text = hex::encode(bytes);
    text.truncate(KEPT);
    text
}

/// Text that nobody can name: what may be a password is masked, more than 64 characters are cut.
pub(super) fn shown_text(bytes: &[u8]) -> String {
    let mut bytes = bytes.get(..bytes.len().min(4 * KEPT)).unwrap_or_default().to_vec();
    mask_refused(&mut bytes);
    clean_bytes(&bytes).chars().take(KEPT).collect()
}

/// Masks one piece of what was refused, of which more may be shown before and after it: digits at its ends may be
/// parts of a password, too.
pub(crate) fn mask_refused_piece(bytes: &mut [u8]) {
    mask_refused(bytes);
    let hide = |run: &mut [u8]| {
        if run.len() <= *USUAL_PASSWORD.end() && run.first().is_some_and(u8::is_ascii_digit) {
            run.fill(STAR);
        }
    };
    if let Some(run) = runs(bytes).next() {
        hide(run);
    }
    if let Some(run) = runs(bytes).last() {
        hide(run);
    }
}

/// Masks runs of just six digits, as the passwords of these locks are, in bytes that are kept though nobody can read
/// them.
pub(super) fn mask_six(bytes: &mut [u8]) {
    for run in runs(bytes).filter(|run| run.len() == *USUAL_PASSWORD.start()) {
        if run.first().is_some_and(u8::is_ascii_digit) {
            run.fill(STAR);
        }
    }
}

/// Runs of digits, and of what is none.
fn runs(bytes: &mut [u8]) -> impl Iterator<Item = &mut [u8]> {
    bytes.chunk_by_mut(|a, b| a.is_ascii_digit() == b.is_ascii_digit())
}

/// If `bytes` begin like the lock event of a report (raw, with its escapes), masks what may be a password in it.
fn mask_lock_event(bytes: &mut [u8]) {
    let [LOCK_EVENT, length, code, value @ ..] = bytes else { return };
    if !LOCK_EVENT_LENGTH.contains(length) || super::lock_event::holds_no_password(*code) {
        return;
    }
    let mut left = length.saturating_sub(1);
    let mut escaped = false;
    for byte in value {
        if left == 0 {
            return;
        }
        if byte.is_ascii_alphanumeric() {
            *byte = STAR;
        }
        escaped = *byte == 0x7D && !escaped;
        left = left.saturating_sub(u8::from(!escaped));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        mask_refused(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn refused_bytes_hide_what_may_be_a_password() {
        assert_eq!(masked("(80,P52,2,113"), "(80,P52,*,***");
        assert_eq!(masked("80,P44,secret)(8000620011,@JT)"), "80,P44,******)(8000620011,@JT)");
        assert_eq!(masked("2,2,113271)"), "2,2,******)");
        assert_eq!(masked("80\0P43,secret)"), "80\0P43,******)", "its comma is damaged");
        assert_eq!(masked("(8000620011,P45,12"), "(8000620011,P45,12");
        assert_eq!(masked("80,P44,ab,P52,c)x,P43,9(8,1"), "80,P44,**,***,*)x,P43,*(8,1");
        assert_eq!(masked("x\x0b\x08\x01Ga7A0Gz9"), "x\x0b\x08\x01*******9");
        assert_eq!(masked("x\x0b\x05\x22Ga7A0Gz9"), "x\x0b\x05\x22Ga7A0Gz9", "a card");
        assert_eq!(masked("\x011132715"), "\x01*******", "a fence beside the password");
    }

    #[test]
    fn a_piece_hides_digits_that_may_go_on_in_the_next() {
        let piece = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            mask_refused_piece(&mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(piece("2,2,113"), "*,2,***");
        assert_eq!(piece("271)(8000620011"), "***)(8000620011");
        assert_eq!(piece("7"), "*");
        assert_eq!(piece(""), "");
        assert_eq!(piece("8000620011,@JT"), "8000620011,@JT");
    }

    #[test]
    fn flags_and_counts_stay_readable() {
        let secret = |word, params: &[&str], index| {
            let params: Vec<&[u8]> = params.iter().map(|p| p.as_bytes()).collect();
            is_secret(word, &params, index)
        };
        assert!(!secret("P43", &["1", "0"], 0));
        assert!(!secret("P44", &["1"], 0));
        assert!(secret("P44", &["888888"], 0));
        assert!(secret("P44", &["12"], 0));
        assert!(secret("P52", &["2", "113271"], 1));
        assert!(secret("P52", &["0", "000000", "113271"], 2));
        assert!(!secret("P52", &["0", "", ""], 2));
        assert!(!secret("P52", &["3", "1", "0"], 1));
        assert!(secret("P52", &["3", "113271"], 1));
        assert!(secret("P06", &["host", "8888", "apn", "user", "pass", "0"], 4));
        assert!(!secret("P06", &["host", "8888", "apn", "user", "pass", "0"], 5));
        assert!(!secret("P06", &["host", "8888", "apn", "user", "pass", "0"], 1));
        assert!(secret("P06", &["1", "host", "8888", "apn", "user", "pass"], 5));
        assert!(secret("ELOCK", &["3", "529439"], 1));
        // A comma lost on the way.
        assert!(secret("P52", &["3113271"], 0));
        assert!(secret("ELOCK", &["3529439"], 0));
        assert!(secret("P06", &["host", "8888apn", "user", "pass", "0"], 3));
        assert!(!secret("P06", &["1"], 0));
    }
}
