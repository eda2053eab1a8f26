//! The shapes of the screen, each with an ASCII twin. Every one is a single cell wide.

macro_rules! symbols {
    ($($(#[$doc:meta])* $name:ident: $utf8:literal $ascii:literal,)*) => {
        /// One set of shapes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Symbols {
            $($(#[$doc])* pub $name: &'static str,)*
        }

        /// For terminals with UTF-8.
        pub const UTF8: Symbols = Symbols { $($name: $utf8,)* };
        /// For everything else, and where ambiguous widths are drawn double.
        pub const ASCII: Symbols = Symbols { $($name: $ascii,)* };

        impl Symbols {
            /// Every shape with its name.
            #[must_use]
            pub fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

symbols! {
    closed: "■" "#",
    open: "□" "_",
    pending: "◌" "~",
    uncertain: "?" "?",
    tamper: "▲" "!",
    stale: "·" ".",
    absent: "○" "o",
    online: "●" "*",
    half: "◧" "%",
    conflict: "≠" "x",
    unknown: "?" "?",
    pass: "✓" "+",
    fail: "✗" "x",
    warn: "!" "!",
    none: "–" "-",
    cursor: "▶" ">",
    up: "↑" "^",
    down: "↓" "v",
    branch: "└" "`",
    bar: "│" "|",
    rule: "─" "-",
    dot: "·" ".",
    times: "×" "x",
    to: "→" ">",
    ellipsis: "…" "~",
    full: "█" "#",
    empty: "░" ".",
}

/// The set for a console.
#[must_use]
pub fn set(ascii: bool) -> &'static Symbols {
    if ascii { &ASCII } else { &UTF8 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn every_shape_is_one_cell_and_the_twin_is_ascii() {
        for (name, shape) in UTF8.all().into_iter().chain(ASCII.all()) {
            assert_eq!(shape.width(), 1, "{name}");
        }
        assert!(ASCII.all().iter().all(|(_, shape)| shape.is_ascii()));
    }

    #[test]
    fn unknown_never_has_the_shape_of_locked() {
        for set in [UTF8, ASCII] {
            for other in [set.open, set.unknown, set.stale, set.half, set.pending, set.absent, set.tamper] {
                assert_ne!(set.closed, other);
            }
        }
    }
}
