//! Asset codes: unique ASCII, whose last four characters an operator types to confirm an opening.

use crate::domain::AssetId;

/// Longest code.
const LONGEST: usize = 20;

/// A code made from the asset's name: ASCII letters and digits in capitals, other characters as `-`; names without
/// four such characters get the asset's number; a taken code gets one behind it.
pub(super) fn code_for(name: &str, id: AssetId, taken: impl Fn(&str) -> bool) -> String {
    let mut base = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            base.push(c.to_ascii_uppercase());
        } else if !base.ends_with('-') && !base.is_empty() {
            base.push('-');
        }
    }
    let base: String = base.trim_end_matches('-').chars().take(LONGEST).collect();
    let enough =
        base.chars().rev().take(4).filter(char::is_ascii_alphanumeric).count() >= 3 && base.len() >= 4;
    let base =
        if enough { base } else { format!("{base}{}{:04}", if base.is_empty() { "A" } else { "-" }, id) };
    if !taken(&base) {
        return base;
    }
    (2..).map(|n: u32| format!("{base}-{n:04}")).find(|code| !taken(code)).unwrap_or(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_ascii_unique_and_end_in_something_to_type() {
        let code = |name: &str| code_for(name, AssetId(17), |_| false);
        assert_eq!(code("TRK-2041"), "TRK-2041");
        assert_eq!(code("Tanker 7"), "TANKER-7");
        assert_eq!(code("8000620011"), "8000620011");
        assert_eq!(code("港"), "A0017");
        assert_eq!(code("A7"), "A7-0017");
        assert_eq!(code_for("TRK-2041", AssetId(1), |c| c == "TRK-2041"), "TRK-2041-0002");
        for name in ["", "x", "Häfen", "a b c d", "----", "T-1"] {
            let code = code(name);
            let last: Vec<char> = code.chars().rev().take(4).collect();
            assert!(code.is_ascii() && last.len() == 4, "{name} -> {code}");
        }
    }
}
