//! Which parts of a frame are secret, so that they are masked before anything else sees them.

use crate::domain::text::clean_bytes;

/// Stands for every secret byte in a raw frame.
const STAR: u8 = b'*';

/// Passwords seen in the field have six digits: such a run in bytes that could not be understood may be one.
const USUAL_PASSWORD: usize = 6;

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
        ("P52", _) => index > 0 && value.len() > 3,
        ("P43", _) => value.len() > 3,
        // Success, or the answer to a query: the password itself.
        ("P44", _) => !is_digit(value),
        // Host, port, APN, user, APN password, which host; a leading function digit moves all by one.
        ("P06", _) => index >= if is_digit(first) { 5 } else { 4 } && !is_digit(value),
        ("ELOCK", _) => index > 0,
        // APN user and password.
        ("S24", _) => index > 1 && !is_digit(value),
        _ => false,
    }
}

/// Whether a parameter of a word that nobody knows looks like a password.
pub(super) fn may_be_password(value: &[u8]) -> bool {
    value.len() == USUAL_PASSWORD && value.iter().all(u8::is_ascii_digit)
}

/// Words behind which a password may stand.
const SECRET_WORDS: [&[u8]; 6] = [b",P52,", b",P43,", b",P44,", b",P06,", b",ELOCK,", b",S24,"];

/// Masks bytes that were refused as far as one can tell: what follows a word that carries secrets up to the end of
/// its frame, and any run of six digits.
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
    for run in bytes.chunk_by_mut(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        if run.len() == USUAL_PASSWORD && run.first().is_some_and(u8::is_ascii_digit) {
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
        assert_eq!(masked("(8000620011,P45,12"), "(8000620011,P45,12");
        assert_eq!(masked("80,P44,ab,P52,c)x,P43,9(8,1"), "80,P44,**,***,*)x,P43,*(8,1");
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
    }
}
