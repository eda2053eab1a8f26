//! The operator's screen, in the Elm manner: everything that happens is a [`message::Msg`], [`update::update`] is a
//! pure function from model and message to a changed model and a list of [`effect::Effect`]s, [`view::draw`] a pure
//! function from the model to cells. Only [`app`] and [`terminal`] touch the outside world.
//!
//! ```text
//! keys, paste, resize --+                                   +--> requests to the node
//! rows from the node  --+--> Msg --> update --> Effect -----+--> bell, clipboard, suspend, leave
//! tick (1 s)          --+               |
//!                                     Model --> view --> cells
//! ```
//!
//! Rules that hold for every screen: a state carries word, shape and colour, and its age beside it; text from outside
//! passes `domain::text::clean` (in [`widget::text::Pen`], the only way to make a span); the selection is an identity,
//! never a row number; what cannot be done now stays listed with its reason; nothing physical starts by one key.

pub mod action;
pub mod app;
pub mod columns;
pub mod effect;
pub mod explain;
pub mod hangup;
pub mod input;
pub mod keymap;
pub mod layout;
pub mod list;
pub mod message;
pub mod model;
pub mod rows;
pub mod seal;
pub mod symbols;
pub mod tail;
pub mod terminal;
pub mod theme;
pub mod told;
pub mod update;
pub mod view;
pub mod widget;
pub mod wizard;
pub mod words;

pub use app::run;
pub use model::Model;

/// How many colours may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// 16 colours, none when `NO_COLOR` is set and not empty.
    #[default]
    Auto,
    /// No colour at all; bold and reverse stay.
    Never,
    /// The 16 named colours, whatever `NO_COLOR` says.
    Sixteen,
}

/// What the person who starts a console may choose.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of a compiled-in theme (see [`theme::NAMES`]); another name gives the default and a warning on screen.
    pub theme: String,
    /// Draw with ASCII shapes only.
    pub ascii: bool,
    pub color: ColorChoice,
    /// Zone all times are drawn in.
    pub zone: chrono_tz::Tz,
    /// The node lives in this process: leaving stops it, so the word `stop` is asked for.
    pub one_process: bool,
    /// Ring the terminal's bell for new alarms and command outcomes.
    pub bell: bool,
    /// Start the tui-logger store here. `false` when the process has already done so.
    pub log: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            theme: "default".into(),
            ascii: false,
            color: ColorChoice::Auto,
            zone: chrono_tz::UTC,
            one_process: false,
            bell: true,
            log: true,
        }
    }
}

/// How a console ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The screen is gone; a node goes on.
    Quit,
    /// The operator typed `stop`: the node in this process is to end in order.
    StopNode,
}
