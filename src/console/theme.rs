//! Roles of text and the styles themes give them. Themes are compiled in from `themes/`.
//!
//! Without colour every role keeps `Color::Reset`, so that no colour sequence is sent and bold and reverse survive.

use super::ColorChoice;
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use std::collections::BTreeMap;

macro_rules! roles {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a piece of text means; the theme says how that looks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Role {
            $($(#[$doc])* $name,)*
        }

        impl Role {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

roles! {
    Text,
    /// Old, absent or secondary.
    Muted,
    /// Names and headings.
    Strong,
    /// Column heads and rules.
    Frame,
    /// Safe: locked, sealed, closed; in commands only OPENED.
    Ok,
    /// Open or unlocked; attention.
    Warn,
    /// Moving, pending, on its way.
    Info,
    /// Nobody knows.
    Uncertain,
    /// Act now.
    Critical,
    /// Serious, not flashing in the face: a broken rule, a failed interlock.
    Bad,
    /// The row the keys act on.
    Selected,
    /// A key in the footer or help.
    Key,
    /// The view we are in.
    Tab,
    /// A word across the screen: disconnected, demo, paused.
    Banner,
}

/// The sixteen names every terminal knows.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ansi {
    Black,
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
    White,
    BrightBlack,
    BrightRed,
    BrightGreen,
    BrightYellow,
    BrightBlue,
    BrightMagenta,
    BrightCyan,
    BrightWhite,
}

impl From<Ansi> for Color {
    fn from(name: Ansi) -> Self {
        match name {
            Ansi::Black => Self::Black,
            Ansi::Red => Self::Red,
            Ansi::Green => Self::Green,
            Ansi::Yellow => Self::Yellow,
            Ansi::Blue => Self::Blue,
            Ansi::Magenta => Self::Magenta,
            Ansi::Cyan => Self::Cyan,
            Ansi::White => Self::Gray,
            Ansi::BrightBlack => Self::DarkGray,
            Ansi::BrightRed => Self::LightRed,
            Ansi::BrightGreen => Self::LightGreen,
            Ansi::BrightYellow => Self::LightYellow,
            Ansi::BrightBlue => Self::LightBlue,
            Ansi::BrightMagenta => Self::LightMagenta,
            Ansi::BrightCyan => Self::LightCyan,
            Ansi::BrightWhite => Self::White,
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Paint {
    fg: Option<Ansi>,
    bg: Option<Ansi>,
    #[serde(default)]
    bold: bool,
    #[serde(default)]
    reverse: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    roles: BTreeMap<Role, Paint>,
}

/// A theme file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ThemeError {
    #[error("theme '{name}': {why}")]
    Unreadable { name: String, why: String },
    #[error("theme '{name}' has no entry for the role '{role}': add it under [roles]")]
    Missing { name: String, role: String },
}

/// A style for every role.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    pub name: String,
    styles: BTreeMap<Role, Style>,
}

/// Names of the compiled-in themes.
pub const NAMES: [&str; 2] = ["default", "mono"];
const DEFAULT: &str = include_str!("../../themes/default.toml");
const MONO: &str = include_str!("../../themes/mono.toml");

impl Theme {
    /// Reads a theme file. Unknown keys, unknown colours and missing roles are errors.
    pub fn parse(name: &str, text: &str) -> Result<Self, ThemeError> {
        let file: File = toml::from_str(text)
            .map_err(|e| ThemeError::Unreadable { name: name.into(), why: e.message().to_owned() })?;
        let styles: BTreeMap<Role, Style> =
            file.roles.into_iter().map(|(role, paint)| (role, style(paint))).collect();
        match Role::ALL.iter().find(|role| !styles.contains_key(role)) {
            Some(role) => Err(ThemeError::Missing { name: name.into(), role: format!("{role:?}") }),
            None => Ok(Self { name: name.into(), styles }),
        }
    }

    /// The compiled-in theme of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let text = match name {
            "default" => DEFAULT,
            "mono" => MONO,
            _ => return None,
        };
        Some(Self::parse(name, text).expect("compiled-in themes are checked by a test"))
    }

    /// The theme to start with, and a warning when it is not the one asked for. `no_color` is the value of
    /// `NO_COLOR`.
    #[must_use]
    pub fn choose(name: &str, color: ColorChoice, no_color: Option<&str>) -> (Self, Option<String>) {
        let plain = match color {
            ColorChoice::Never => true,
            ColorChoice::Sixteen => false,
            ColorChoice::Auto => no_color.is_some_and(|value| !value.is_empty()),
        };
        let wanted = if plain { "mono" } else { name };
        match Self::named(wanted) {
            Some(theme) => (theme, None),
            None => (
                Self::named("default").expect("the default theme is compiled in"),
                Some(format!("no theme '{name}': using 'default' (there are {})", NAMES.join(", "))),
            ),
        }
    }

    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(&role).copied().unwrap_or_default()
    }
}

fn style(paint: Paint) -> Style {
    let mut style = Style::new();
    if let Some(fg) = paint.fg {
        style = style.fg(fg.into());
    }
    if let Some(bg) = paint.bg {
        style = style.bg(bg.into());
    }
    if paint.bold {
        style = style.add_modifier(Modifier::BOLD);
    }
    if paint.reverse {
        style = style.add_modifier(Modifier::REVERSED);
    }
    style
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_in_themes_are_whole_and_mono_has_no_colour() {
        for name in NAMES {
            assert!(Theme::named(name).is_some());
        }
        let mono = Theme::named("mono").unwrap();
        assert!(mono.styles.values().all(|s| s.fg.is_none() && s.bg.is_none()));
        let modifiers = Modifier::BOLD | Modifier::REVERSED;
        assert!(mono.styles.values().all(|s| modifiers.contains(s.add_modifier)));
    }

    #[test]
    fn a_theme_file_is_refused_by_name_and_reason() {
        let unknown = Theme::parse("x", "[roles]\ntext = { fg = \"pink\" }\n").unwrap_err().to_string();
        assert!(unknown.contains("theme 'x'") && unknown.contains("pink"), "{unknown}");
        let missing = Theme::parse("x", "[roles]\ntext = {}\n").unwrap_err().to_string();
        assert!(missing.contains("no entry for the role"), "{missing}");
    }

    #[test]
    fn colour_is_chosen_by_flag_then_environment() {
        let name = |color, env| Theme::choose("default", color, env).0.name;
        assert_eq!(name(ColorChoice::Auto, None), "default");
        assert_eq!(name(ColorChoice::Auto, Some("")), "default");
        assert_eq!(name(ColorChoice::Auto, Some("1")), "mono");
        assert_eq!(name(ColorChoice::Sixteen, Some("1")), "default");
        assert_eq!(name(ColorChoice::Never, None), "mono");
        let (theme, warning) = Theme::choose("neon", ColorChoice::Auto, None);
        assert_eq!(theme.name, "default");
        assert!(warning.unwrap().contains("neon"));
    }
}
