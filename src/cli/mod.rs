//! The front door: one file per verb, no logic of its own.

mod check;
mod console;
pub mod decode;
mod demo;
mod enrol;
mod exit;
mod explain;
mod identity;
mod input;
mod list;
mod replay;
mod send;
mod serve;
mod setup;
mod status;

pub use exit::Failure;

use crate::domain::DeviceKind;
use crate::domain::identity::IdentityDecision;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;

/// One port for cargo locks, valve locks and vehicle trackers, and a console for the people who watch them.
///
/// Without a command: attaches to the node that runs on this data directory, or runs node and console together.
#[derive(Debug, Parser)]
#[command(name = "lockyard", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub common: Common,

    #[command(flatten)]
    pub node: NodeFlags,

    #[command(flatten)]
    pub screen: ScreenFlags,
}

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Common {
    /// Data directory: database, socket and secrets [default: lockyard in the XDG data directory]
    #[arg(long, global = true, value_name = "DIR", env = "LOCKYARD_DATA")]
    pub data: Option<PathBuf>,

    /// Configuration file [default: lockyard/config.toml in the XDG configuration directory, then /etc]
    #[arg(long, global = true, value_name = "FILE", env = "LOCKYARD_CONFIG")]
    pub config: Option<PathBuf>,

    /// Operator socket [default: lockyard.sock in the data directory]
    #[arg(long, global = true, value_name = "PATH", env = "LOCKYARD_SOCKET")]
    pub socket: Option<PathBuf>,
}

/// Flags of commands that run a node.
#[derive(Debug, Clone, Default, Args)]
pub struct NodeFlags {
    /// Address for devices, TCP and UDP; may be repeated [default: port 8888 on all addresses]
    #[arg(long, value_name = "ADDR")]
    pub listen: Vec<String>,

    /// Enrol every device with its first valid frame (demonstrations and laboratories only)
    #[arg(long)]
    pub auto_enrol: bool,
}

impl NodeFlags {
    /// With those given before the command: `lockyard --listen ADDR serve` listens there and nowhere else.
    fn after(self, before: Self) -> Self {
        let listen = if self.listen.is_empty() { before.listen } else { self.listen };
        Self { listen, auto_enrol: self.auto_enrol || before.auto_enrol }
    }
}

/// Flags of commands that draw a screen.
#[derive(Debug, Clone, Default, Args)]
pub struct ScreenFlags {
    /// Theme by name
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,

    /// Only ASCII characters
    #[arg(long)]
    pub ascii: bool,

    /// Colours: auto, never or 16
    #[arg(long, value_name = "WHEN")]
    pub color: Option<ColorFlag>,

    /// No bell
    #[arg(long)]
    pub no_bell: bool,
}

impl ScreenFlags {
    /// With those given before the command.
    fn after(self, before: Self) -> Self {
        Self {
            theme: self.theme.or(before.theme),
            ascii: self.ascii || before.ascii,
            color: self.color.or(before.color),
            no_bell: self.no_bell || before.no_bell,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorFlag {
    Auto,
    Never,
    #[value(name = "16")]
    Sixteen,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the node without a screen
    Serve {
        #[command(flatten)]
        node: NodeFlags,
    },
    /// Open the console on a node that runs
    Attach {
        #[command(flatten)]
        screen: ScreenFlags,
    },
    /// A living fleet of simulated locks and trackers, in a data directory of its own
    Demo {
        #[command(flatten)]
        screen: ScreenFlags,
    },
    /// Say what frames mean: one JSON object per message, or with --explain each frame field by field
    Decode {
        /// Hex lines, raw bytes, or a capture (pcap, pcapng), told by its content; standard input without it
        file: Option<PathBuf>,
        /// A table of the fields of each frame: offset, bytes, name, value, certainty
        #[arg(long)]
        explain: bool,
        /// The default; with --explain one object per frame instead of a table
        #[arg(long)]
        json: bool,
        /// The input is raw bytes, even if it looks like hex
        #[arg(long)]
        raw: bool,
        /// Port of the devices in a capture
        #[arg(long, value_name = "PORT", default_value_t = input::PORT)]
        port: u16,
        /// Show unlock passwords in the replies
        #[arg(long)]
        show_secrets: bool,
    },
    /// Send captured frames to a node, and print what it answers
    Replay {
        /// Hex lines, corpus lines (JSON with "hex" or "stream"), raw bytes, or a capture (pcap, pcapng)
        file: PathBuf,
        #[arg(long, value_name = "ADDR")]
        to: SocketAddr,
        /// One datagram a frame instead of one TCP connection; a capture tells by itself
        #[arg(long)]
        udp: bool,
        /// The file is raw bytes, even if it looks like hex
        #[arg(long)]
        raw: bool,
        /// Port of the devices in a capture
        #[arg(long, value_name = "PORT", default_value_t = input::PORT)]
        port: u16,
        /// Keep the time between the packets of a capture, FACTOR times as fast [default factor: 1]
        #[arg(long, value_name = "FACTOR", num_args = 0..=1, default_missing_value = "1", value_parser = replay::pace)]
        pace: Option<f64>,
        /// Wait between frames, such as 200ms
        #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = humantime::parse_duration)]
        pause: std::time::Duration,
    },
    /// List devices, assets, alarms, commands or what was not understood, whether a node runs or not; quarantine and
    /// refused of one that runs
    List {
        what: What,
        /// One JSON array, times in UTC
        #[arg(long)]
        json: bool,
        /// Comma-separated values with a line of headings
        #[arg(long, conflicts_with = "json")]
        csv: bool,
        /// Closed alarms, finished commands and quarantined devices too
        #[arg(long)]
        all: bool,
    },
    /// Enrol a device to an asset
    Enrol {
        /// ID as the device sends it, or jointech/ID, bofan/ID
        id: String,
        /// Name of the asset; it is created if there is none [default: the ID]
        #[arg(long, value_name = "NAME")]
        asset: Option<String>,
        /// What the device is [default: guessed from what it says, then from its ID]
        #[arg(long, value_name = "KIND", value_parser = kinds())]
        kind: Option<DeviceKind>,
        /// The master lock that carries its reports
        #[arg(long, value_name = "MASTER")]
        bind_to: Option<String>,
    },
    /// Tell a device something that moves no lock; the node must run
    Send {
        /// ID of an enrolled device, or jointech/ID, bofan/ID
        device: String,
        /// Name of the command; --list shows them
        #[arg(required_unless_present = "list")]
        command: Option<String>,
        /// Arguments
        #[arg(value_name = "NAME=VALUE")]
        args: Vec<String>,
        /// What the device can be told, with ranges, class and proof
        #[arg(long, conflicts_with_all = ["command", "args", "wait", "note"])]
        list: bool,
        /// Why; kept with the order
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        #[command(flatten)]
        follow: Follow,
    },
    /// Change the list of sub-devices bound to a master: read, changed, written whole, read back; the node must run
    Bind {
        /// ID of an enrolled master lock
        master: String,
        /// Sub-device to bind; may be repeated
        #[arg(long, value_name = "ID")]
        add: Vec<String>,
        /// Sub-device to unbind; may be repeated
        #[arg(long, value_name = "ID")]
        remove: Vec<String>,
        /// Why; kept with the order
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        #[command(flatten)]
        follow: Follow,
    },
    /// Decide which of two sources of one ID is the device; needs a running node
    Identity {
        /// ID as the device sends it, or jointech/ID, bofan/ID
        id: String,
        /// The source that came later, the one that was there before, or both are one device
        #[arg(long, value_name = "SOURCE", value_parser = decisions())]
        accept: IdentityDecision,
        /// How you know
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
    /// Whether a node runs here, and how it fares
    Status {
        #[arg(long)]
        json: bool,
    },
    /// Check configuration, secrets, database, socket, port and disk
    Check {
        #[command(flatten)]
        node: NodeFlags,
    },
}

/// How an order is followed.
#[derive(Debug, Clone, Default, Args)]
pub struct Follow {
    /// Wait for the answer, and for the reading back, such as 60s
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub wait: Option<std::time::Duration>,
    /// One JSON object, times in UTC
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    Devices,
    Assets,
    Alarms,
    Commands,
    Photos,
    /// IDs that wait to be enrolled
    Quarantine,
    /// Bytes that could not be read, by reason
    Refused,
    /// Bits, items and words of devices that no paper names, counted
    Unknown,
}

/// Kinds of device by the vocabulary's words.
fn kinds() -> impl clap::builder::TypedValueParser<Value = DeviceKind> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(DeviceKind::ALL.map(DeviceKind::word))
        .try_map(|word| DeviceKind::ALL.into_iter().find(|kind| kind.word() == word).ok_or("no such kind"))
}

fn decisions() -> impl clap::builder::TypedValueParser<Value = IdentityDecision> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    let all = IdentityDecision::ALL;
    PossibleValuesParser::new(all.map(IdentityDecision::word))
        .try_map(move |word| all.into_iter().find(|one| one.word() == word).ok_or("no such decision"))
}

/// Data, as opposed to talk: a line on standard output. Whoever closed it wants no more; that is no failure.
fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}

/// Runs the command.
///
/// # Errors
/// One sentence and an exit code.
pub fn run(cli: Cli) -> Result<(), Failure> {
    let common = cli.common;
    match cli.command {
        None => console::run(&common, &cli.node, &cli.screen),
        Some(Command::Serve { node }) => serve::run(&common, &node.after(cli.node)),
        Some(Command::Attach { screen }) => console::attach(&common, &screen.after(cli.screen)),
        Some(Command::Demo { screen }) => demo::run(&common, &screen.after(cli.screen)),
        Some(Command::Decode { file, explain, json, raw, port, show_secrets }) => {
            decode::command(file.as_deref(), decode::Wish { show_secrets, explain, json, raw, port })
        }
        Some(Command::Replay { file, to, udp, raw, port, pace, pause }) => {
            let input = input::open(Some(&file), raw, port)?;
            replay::run(&file, input, replay::Wish { to, udp, pace, pause })
        }
        Some(Command::List { what, json, csv, all }) => {
            list::run(&common, what, list::Form::of(json, csv), all)
        }
        Some(Command::Enrol { id, asset, kind, bind_to }) => {
            enrol::run(&common, &id, asset, kind, bind_to.as_deref())
        }
        Some(Command::Send { device, command: Some(command), args, list: false, note, follow }) => {
            send::run(&common, &device, command, &args, note, &follow)
        }
        Some(Command::Send { device, follow, .. }) => send::list(&common, &device, follow.json),
        Some(Command::Bind { master, add, remove, note, follow }) => {
            send::bind(&common, &master, add, remove, note, &follow)
        }
        Some(Command::Identity { id, accept, note }) => identity::run(&common, &id, accept, note),
        Some(Command::Status { json }) => status::run(&common, json),
        Some(Command::Check { node }) => check::run(&common, &node),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Cli {
        Cli::try_parse_from(words).unwrap()
    }

    #[test]
    fn flags_before_the_command_count() {
        let cli = parsed(&["lockyard", "--listen", "127.0.0.1:0", "serve", "--auto-enrol"]);
        let Some(Command::Serve { node }) = cli.command else { panic!() };
        let node = node.after(cli.node);
        assert_eq!((node.listen, node.auto_enrol), (vec!["127.0.0.1:0".to_owned()], true));
        let cli = parsed(&["lockyard", "--ascii", "--no-bell", "attach", "--color", "never"]);
        let Some(Command::Attach { screen }) = cli.command else { panic!() };
        let screen = screen.after(cli.screen);
        assert!(screen.ascii && screen.no_bell && screen.color == Some(ColorFlag::Never));
    }
}
