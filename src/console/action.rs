//! Everything a key, a help entry or the footer can name. One table: what is not here cannot be bound or shown.

use super::model::View;

/// Which heading of the help an action stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Views,
    Moving,
    Lists,
    Alarms,
    Opening,
    Devices,
    General,
}

impl Section {
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Views => "views",
            Self::Moving => "moving",
            Self::Lists => "lists",
            Self::Alarms => "alarms",
            Self::Opening => "opening a lock",
            Self::Devices => "devices",
            Self::General => "general",
        }
    }
}

/// One line of the action table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub action: Action,
    /// Name in `config/keys.toml`.
    pub name: &'static str,
    /// One or two words for the footer.
    pub short: &'static str,
    /// A sentence for the help.
    pub text: &'static str,
    pub section: Section,
    /// Starts something physical or something that cannot be taken back; always asks before acting.
    pub danger: bool,
    /// Acts on the selected row and needs one.
    pub needs_selection: bool,
    /// The views it belongs to; empty = all.
    pub views: &'static [View],
}

macro_rules! actions {
    ($($action:ident $name:literal $short:literal $section:ident [$($view:ident)*] $($flag:ident)* : $text:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($action,)*
        }

        /// The action table, in the order of the help.
        pub const TABLE: &[Entry] = &[
            $(Entry {
                action: Action::$action,
                name: $name,
                short: $short,
                text: $text,
                section: Section::$section,
                danger: actions!(@has danger $($flag)*),
                needs_selection: actions!(@has row $($flag)*),
                views: &[$(View::$view,)*],
            },)*
        ];
    };
    (@has danger danger $($rest:ident)*) => { true };
    (@has row row $($rest:ident)*) => { true };
    (@has $want:ident $other:ident $($rest:ident)*) => { actions!(@has $want $($rest)*) };
    (@has $want:ident) => { false };
}

actions! {
    ViewAlarms "view_alarms" "alarms" Views []: "alarms, worst first",
    ViewFleet "view_fleet" "fleet" Views []: "all assets",
    ViewAsset "view_asset" "asset" Views []: "one asset with its devices, alarms and commands",
    ViewCommands "view_commands" "commands" Views []: "openings asked for, what was exchanged and what was seen",
    ViewQuarantine "view_quarantine" "quarantine" Views []: "IDs that wait to be enrolled, frames nobody could read",
    ViewSystem "view_system" "system" Views []: "the node: sockets, rates, journal, disk",

    Up "up" "up" Moving []: "up one row",
    Down "down" "down" Moving []: "down one row",
    PageUp "page_up" "page up" Moving []: "up one page",
    PageDown "page_down" "page down" Moving []: "down one page",
    First "first" "first" Moving []: "first row",
    Last "last" "last" Moving []: "last row",
    NextPane "next_pane" "next part" Moving [Asset Quarantine Explain]: "next part of the view; in an explanation the next field WRONG or unknown",
    PrevPane "prev_pane" "previous part" Moving [Asset Quarantine Explain]: "previous part of the view; in an explanation the one before",
    More "more" "more" Moving [Tail Log Quarantine]: "unfold the frame or the details; in the log: more levels of the chosen target",
    Less "less" "less" Moving [Tail Log Quarantine]: "fold the frame or the details; in the log: fewer levels of the chosen target",

    Details "details" "details" Lists [Alarms Fleet Asset Commands Quarantine Tail] row: "more about the selected row; its frames; the frame explained",
    GoAsset "go_asset" "asset" Lists [Alarms Fleet Commands] row: "go to the asset of the selected row",
    Filter "filter" "filter" Lists [Alarms Fleet Commands Quarantine]: "show only rows that hold all the words typed",
    SortLeft "sort_left" "sort" Lists [Alarms Fleet Commands Quarantine]: "sort by the column to the left",
    SortRight "sort_right" "sort" Lists [Alarms Fleet Commands Quarantine]: "sort by the column to the right",
    Invert "invert" "invert order" Lists [Alarms Fleet Commands Quarantine]: "turn the order round",
    Freeze "freeze" "freeze" Lists []: "hold the list still while changes are counted; the header stays live",
    Copy "copy" "copy" Lists [Alarms Fleet Asset Commands Quarantine Tail Explain] row: "copy the selected row to the clipboard (OSC 52)",

    NextUnack "next_unack" "next" Alarms []: "next unacknowledged alarm, worst first",
    PrevUnack "prev_unack" "previous" Alarms []: "previous unacknowledged alarm",
    Ack "ack" "ack" Alarms [Alarms Asset] row: "acknowledge with a note; a digit alone is a code",
    Reset "reset" "reset" Alarms [Alarms Asset] row: "end an acknowledged alarm that waits for a person, with a note",
    Silence "silence" "silence" Alarms []: "no bell for two minutes; a new P1 still rings",

    Unlock "unlock" "UNLOCK" Opening [Fleet Asset Alarms] row danger: "open a lock; facts, a reason and a typed code come first",
    Cancel "cancel" "cancel" Opening [Commands Asset] row danger: "take back a command that has not been sent; asks first",
    Verdict "verdict" "verdict" Opening [Commands Asset] row: "say what became of an UNCERTAIN command, by name",

    Enrol "enrol" "enrol" Devices [Quarantine Asset] row danger: "enrol the selected device; asks for asset and kind",
    Tell "tell" "tell" Devices [Asset Fleet Alarms Commands] row: "tell the device what moves no lock; settings ask first",
    Tail "tail" "live frames" Devices [Quarantine Asset Fleet Alarms] row: "the device's frames as they come, decoded",
    Explain "explain" "explain" Devices [Tail Quarantine] row: "why: the selected frame field by field, also one that was refused",

    Help "help" "keys" General []: "this list; type to search, Enter does the entry",
    CommandLine "command_line" "command" General []: "type a command: views, :sort, :theme, :enrol, :log, :quit",
    Back "back" "back" General []: "one step back; never leaves the console",
    Quit "quit" "quit" General []: "leave the console, as :quit",
    Redraw "redraw" "redraw" General []: "draw the whole screen again",
    Suspend "suspend" "suspend" General []: "back to the shell until `fg`",
}

impl Action {
    /// Its line in the table.
    #[must_use]
    pub fn entry(self) -> &'static Entry {
        TABLE.iter().find(|entry| entry.action == self).expect("the macro writes a line for every action")
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|entry| entry.name == name).map(|entry| entry.action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_one_line_and_a_name_of_its_own() {
        for entry in TABLE {
            assert_eq!(Action::named(entry.name), Some(entry.action));
            assert_eq!(entry.action.entry(), entry);
        }
    }

    #[test]
    fn what_moves_hardware_is_marked() {
        let danger: Vec<_> = TABLE.iter().filter(|e| e.danger).map(|e| e.name).collect();
        assert_eq!(danger, ["unlock", "cancel", "enrol"]);
    }
}
