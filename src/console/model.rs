//! What the operator sees and has chosen: view state only. The rows are the node's words, unchanged.

use super::action::Action;
use super::explain::Explained;
use super::input::Input;
use super::keymap::KeyMap;
use super::list::{self, ListState};
use super::rows::{Counts, RowId, Rows};
use super::symbols::{self, Symbols};
use super::tail::Tail;
use super::theme::{Role, Theme};
use super::told::Told;
use super::widget::log_pane::LogPane;
use super::wizard::Wizard;
use super::{Options, layout, words};
use crate::domain::{AlarmId, AssetId, CommandId, DeviceKey, DeviceKind, Utc};
use crate::fleet::snapshot::{AlarmRow, AssetRow, CommandRow, Delta, DeviceRow};
use crate::ipc::wire::{Ask, Catalogue, Request};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Free disk below which the screen says so, bytes.
const LEAST_DISK: u64 = 1_000_000_000;

/// The views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    Alarms,
    Fleet,
    Asset,
    Commands,
    Quarantine,
    System,
    Tail,
    Explain,
    Log,
}

impl View {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Alarms => "alarms",
            Self::Fleet => "fleet",
            Self::Asset => "asset",
            Self::Commands => "commands",
            Self::Quarantine => "quarantine",
            Self::System => "system",
            Self::Tail => "live frames",
            Self::Explain => "explanation",
            Self::Log => "log",
        }
    }

    #[must_use]
    pub fn has_details(self) -> bool {
        matches!(self, Self::Alarms | Self::Fleet | Self::Asset | Self::Commands | Self::Quarantine)
    }

    /// The columns it can be sorted by.
    #[must_use]
    pub fn columns(self) -> &'static [super::columns::Column] {
        match self {
            Self::Alarms => &super::columns::alarms::ALL,
            Self::Fleet => &super::columns::fleet::ALL,
            Self::Commands => &super::columns::commands::ALL,
            Self::Quarantine => &super::columns::quarantine::ALL,
            Self::Asset | Self::System | Self::Tail | Self::Explain | Self::Log => &[],
        }
    }
}

/// How the node is connected.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkView {
    Connecting,
    /// Greeted; the snapshot is on its way.
    Loading,
    Live,
    Down {
        why: String,
        /// When the next try comes; `None` = never.
        retry_at: Option<Utc>,
        /// From when on nothing was heard.
        since: Utc,
    },
}

/// A snapshot on its way.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    pub rows: Rows,
    /// Changes that came between its parts: newer than any of them, applied when it is whole.
    pub later: Delta,
}

/// A list held still.
#[derive(Debug, Clone)]
pub struct Frozen {
    pub rows: Box<Rows>,
    pub since: Utc,
    /// Changed rows since then.
    pub waiting: usize,
}

/// A sentence on the status line.
#[derive(Debug, Clone, PartialEq)]
pub struct Toast {
    pub text: String,
    pub role: Role,
    pub until: Utc,
}

/// What a prompt asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    Ack(AlarmId),
    Reset(AlarmId),
    Cancel(CommandId),
    Verdict(CommandId),
    EnrolAsset {
        device: DeviceKey,
        guess: DeviceKind,
        bind_to: Option<DeviceKey>,
    },
    EnrolKind {
        device: DeviceKey,
        guess: DeviceKind,
        bind_to: Option<DeviceKey>,
        asset: Option<String>,
    },
    /// An order that changes something: type `yes`. `line` is what was typed, `text` what is asked.
    Order {
        ask: Box<Ask>,
        line: String,
        text: String,
    },
    /// Leaving stops the node in this process: type `stop`.
    Stop,
}

/// Something that has the keys for itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Modal {
    Filter {
        input: Input,
        before: String,
    },
    Prompt {
        question: Question,
        input: Input,
        message: Option<String>,
    },
    CommandLine {
        input: Input,
        back: usize,
        message: Option<String>,
    },
    Help {
        input: Input,
        at: usize,
    },
    Unlock(Wizard),
    /// What a device can be told.
    Tell {
        device: DeviceKey,
        input: Input,
        at: usize,
    },
}

/// A request the node has not answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Pending {
    /// Its answer is only a sentence.
    Act(&'static str),
    Propose(DeviceKey),
    Confirm(DeviceKey),
    Tail(DeviceKey),
    /// The explanation of these bytes.
    Explain(String),
    /// An order, by the line it was typed as.
    Order(String),
    Catalogue(DeviceKey),
    Quiet,
}

/// The model of a console.
#[derive(Debug)]
pub struct Model {
    pub options: Options,
    pub now: Utc,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    pub theme: Theme,
    pub symbols: &'static Symbols,
    pub keymap: KeyMap,
    pub link: LinkView,
    pub rows: Rows,
    /// Snapshot parts that have come so far.
    pub incoming: Option<Incoming>,
    /// The operator's name as the node knows it.
    pub operator: Option<String>,
    pub frozen: Option<Frozen>,
    pub counts: Counts,
    /// Views gone through; the last one is shown.
    pub stack: Vec<View>,
    lists: BTreeMap<View, ListState>,
    pub asset: Option<AssetId>,
    pub tail: Option<Tail>,
    /// The frame that is explained.
    pub explained: Option<Explained>,
    pub log: LogPane,
    pub modal: Option<Modal>,
    /// Details take the whole body.
    pub zoom: bool,
    pub toast: Option<Toast>,
    pub silent_until: Option<Utc>,
    pub pending: HashMap<u64, Pending>,
    /// What a device can be told, as the node said last.
    pub catalogue: Option<Catalogue>,
    next_request: u64,
    /// Typed `:` commands, newest last.
    pub history: VecDeque<String>,
    /// The operator has chosen a view; the landing rule is over.
    pub chosen: bool,
    /// Lists must be arranged again.
    pub stale: bool,
}

impl Model {
    /// A console that has heard nothing yet. `no_color` is the value of `NO_COLOR`.
    #[must_use]
    pub fn new(options: Options, now: Utc, size: (u16, u16), no_color: Option<&str>) -> Self {
        let (theme, warning) = Theme::choose(&options.theme, options.color, no_color);
        let symbols = symbols::set(options.ascii);
        let log = LogPane::new(options.zone);
        let mut model = Self {
            options,
            now,
            size,
            theme,
            symbols,
            keymap: KeyMap::shipped(),
            link: LinkView::Connecting,
            rows: Rows::default(),
            incoming: None,
            operator: None,
            frozen: None,
            counts: Counts::default(),
            stack: vec![View::Fleet],
            lists: BTreeMap::new(),
            asset: None,
            tail: None,
            explained: None,
            log,
            modal: None,
            zoom: false,
            toast: None,
            silent_until: None,
            pending: HashMap::new(),
            catalogue: None,
            next_request: 1,
            history: VecDeque::new(),
            chosen: false,
            stale: true,
        };
        if let Some(warning) = warning {
            model.say(Role::Warn, warning);
        }
        model
    }

    #[must_use]
    pub fn view(&self) -> View {
        self.stack.last().copied().unwrap_or(View::Fleet)
    }

    #[must_use]
    pub fn list(&self) -> &ListState {
        static EMPTY: std::sync::LazyLock<ListState> = std::sync::LazyLock::new(ListState::default);
        self.lists.get(&self.view()).unwrap_or(&EMPTY)
    }

    pub fn list_mut(&mut self) -> &mut ListState {
        self.list_of(self.view())
    }

    pub fn list_of(&mut self, view: View) -> &mut ListState {
        self.lists.entry(view).or_default()
    }

    /// The rows drawn in lists: held still while frozen.
    #[must_use]
    pub fn shown(&self) -> &Rows {
        self.frozen.as_ref().map_or(&self.rows, |frozen| &frozen.rows)
    }

    #[must_use]
    pub fn is_live(&self) -> bool {
        self.link == LinkView::Live
    }

    /// Identity of the selected row of the shown view.
    #[must_use]
    pub fn selected(&self) -> Option<&RowId> {
        self.list().selected.as_ref()
    }

    #[must_use]
    pub fn selected_alarm(&self) -> Option<&AlarmRow> {
        match self.selected()? {
            RowId::Alarm(id) => self.rows.alarms.get(id),
            _ => None,
        }
    }

    #[must_use]
    pub fn selected_command(&self) -> Option<&CommandRow> {
        match self.selected()? {
            RowId::Command(id) => self.rows.commands.get(id),
            _ => None,
        }
    }

    /// The line of the commands list that is selected.
    #[must_use]
    pub fn selected_told(&self) -> Option<Told<'_>> {
        match self.selected()? {
            RowId::Command(id) => self.rows.told(*id),
            _ => None,
        }
    }

    /// The device a row is about, if it is about one.
    #[must_use]
    pub fn selected_device(&self) -> Option<&DeviceRow> {
        match self.selected()? {
            RowId::Device(key) => self.rows.devices.get(key),
            RowId::Alarm(id) => {
                let row = self.rows.alarms.get(id)?;
                self.rows.device_on(row.device.as_deref()?, row.asset.as_deref())
            }
            _ => None,
        }
    }

    /// The asset a row is about, if it is about one.
    #[must_use]
    pub fn selected_asset(&self) -> Option<&AssetRow> {
        match self.selected()? {
            RowId::Asset(id) => self.rows.assets.get(id),
            RowId::Device(key) => self.rows.asset_named(self.rows.devices.get(key)?.asset.as_deref()?),
            RowId::Alarm(id) => self.rows.asset_named(self.rows.alarms.get(id)?.asset.as_deref()?),
            RowId::Command(id) => self.rows.asset_named(self.rows.told(*id)?.asset()?),
            RowId::Quarantined(_) | RowId::Refused(_) => None,
        }
    }

    /// The asset the view "asset" shows.
    #[must_use]
    pub fn current_asset(&self) -> Option<&AssetRow> {
        self.shown().assets.get(&self.asset?)
    }

    /// Puts a sentence on the status line for ten seconds.
    pub fn say(&mut self, role: Role, text: impl Into<String>) {
        self.toast =
            Some(Toast { text: text.into(), role, until: self.now + chrono::TimeDelta::seconds(10) });
    }

    /// A numbered request; its answer will be known as `pending`.
    pub fn request(&mut self, ask: Ask, pending: Pending) -> Request {
        let id = self.next_request;
        self.next_request += 1;
        self.pending.insert(id, pending);
        Request { id, ask }
    }

    /// Shows a view as a step that Back undoes. The stack never holds a view twice.
    pub fn push(&mut self, view: View) {
        self.stack.retain(|v| *v != view);
        self.stack.push(view);
        self.turned();
    }

    /// Shows a view from the top.
    pub fn turn_to(&mut self, view: View) {
        self.stack = vec![view];
        self.turned();
    }

    fn turned(&mut self) {
        self.zoom = false;
        self.chosen = true;
        self.stale = true;
    }

    /// Sentences that must be read across the screen, most important first.
    #[must_use]
    pub fn banners(&self) -> Vec<String> {
        let mut banners = Vec::new();
        let stamp = |since| words::clock(self.now, since, self.options.zone);
        match &self.link {
            LinkView::Live => {}
            LinkView::Connecting => banners.push("CONNECTING to the node".into()),
            LinkView::Loading => banners.push("LOADING the node's state".into()),
            LinkView::Down { why, retry_at, since } => {
                let next = match retry_at {
                    Some(at) => format!("RECONNECTING in {} s", (*at - self.now).num_seconds().max(0)),
                    None => "DISCONNECTED for good".into(),
                };
                // The cause may be long and be cut; what it means for the operator may not.
                banners.push(format!("{next}. State of {}; commands refused. {why}", stamp(*since)));
            }
        }
        let node = &self.rows.node;
        if let Some(error) = &node.store_error {
            banners.push(format!("STORE FAILS, devices get no answer and keep their data: {error}"));
        } else if node.journal_limit_bytes > 0 && node.journal_bytes >= node.journal_limit_bytes / 10 * 9 {
            banners.push(format!(
                "JOURNAL {} of {}: the oldest frames go first when it is full.",
                words::bytes(node.journal_bytes),
                words::bytes(node.journal_limit_bytes)
            ));
        } else if node.started.is_some() && node.disk_free_bytes < LEAST_DISK {
            banners.push(format!("DISK: {} free at {}", words::bytes(node.disk_free_bytes), node.data_dir));
        }
        banners
    }

    /// Brings figures, order and scroll positions up to date. Called before drawing and after keys that change them.
    pub fn refresh(&mut self) {
        if self.stale {
            self.stale = false;
            self.counts = self.rows.counts();
            let view = self.view();
            let (order, total) = match view {
                View::Asset => {
                    let order = self.asset_order();
                    let total = order.len();
                    (order, total)
                }
                _ => list::order(view, self.shown(), self.list()),
            };
            self.list_mut().take(order, total);
        }
        let height = layout::areas(self).rows();
        self.list_mut().scroll(height);
    }

    /// The rows of the asset view: its devices, what is bound below its master, then alarms, then commands.
    fn asset_order(&self) -> Vec<RowId> {
        let Some(asset) = self.current_asset() else { return Vec::new() };
        let rows = self.shown();
        let devices = rows.devices_of(asset).into_iter().map(|d| RowId::Device(d.key.clone()));
        let alarms = rows.alarms_of(&asset.name).into_iter().map(|a| RowId::Alarm(a.id));
        let commands = rows.told_of(&asset.name).into_iter().map(|told| RowId::Command(told.id()));
        devices.chain(alarms).chain(commands).collect()
    }

    /// Whether an action can be done now; if not, why not, in words for the footer and the help.
    pub fn enabled(&self, action: Action) -> Result<(), String> {
        let entry = action.entry();
        if !entry.views.is_empty() && !entry.views.contains(&self.view()) {
            return Err(format!("not in the {} view", self.view().name()));
        }
        if entry.needs_selection
            && !matches!(self.view(), View::Tail | View::Explain)
            && self.selected().is_none()
        {
            return Err("no row is selected".into());
        }
        let asks_node = [
            Action::Ack,
            Action::Reset,
            Action::Unlock,
            Action::Cancel,
            Action::Verdict,
            Action::Enrol,
            Action::Tail,
            Action::Explain,
            Action::Tell,
        ];
        if asks_node.contains(&action) && !self.is_live() {
            return Err("the node is not connected".into());
        }
        super::update::allowed::now(self, action)
    }
}
