//! What the console asks of the outside world. Made by `update`, done by `app`.

use crate::domain::Utc;
use crate::ipc::wire::Request;

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Hand a request to the link.
    Send(Request),
    /// Put text on the operator's clipboard (OSC 52).
    Copy(String),
    Bell,
    /// A line of the node's log for the log view.
    Log {
        at: Utc,
        level: String,
        text: String,
    },
    Redraw,
    Suspend,
    Quit,
    StopNode,
}

/// The OSC 52 sequence that copies `text`. Base64 keeps the text from being anything but data.
#[must_use]
pub fn osc52(text: &str) -> String {
    format!("\u{1b}]52;c;{}\u{7}", base64(text.as_bytes()))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            if n <= chunk.len() {
                out.push(char::from(DIGITS[(bits >> (18 - 6 * n) & 63) as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copied_text_is_base64_and_cannot_end_its_sequence() {
        let rows = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (text, want) in rows {
            assert_eq!(base64(text.as_bytes()), want);
        }
        assert_eq!(osc52("\u{7}\u{1b}"), "\u{1b}]52;c;Bxs=\u{7}");
    }
}
