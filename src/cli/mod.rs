//! The front door: one file per verb, no logic of its own.

mod check;
mod console;
pub mod decode;
mod demo;
mod enrol;
mod exit;
mod identity;
mod list;
mod replay;
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
    /// Explain frames: hex lines in, one JSON object per message out
    Decode {
        /// Hex lines; standard input without it
        file: Option<PathBuf>,
        /// The default, and the only form so far
        #[arg(long)]
        json: bool,
        /// Show unlock passwords in the replies
        #[arg(long)]
        show_secrets: bool,
    },
    /// Send captured frames to a node, and print what it answers
    Replay {
        /// Hex lines, or corpus lines (JSON with "hex" or "stream")
        file: PathBuf,
        #[arg(long, value_name = "ADDR")]
        to: SocketAddr,
        /// One datagram a frame instead of one TCP connection
        #[arg(long)]
        udp: bool,
        /// Wait between frames, such as 200ms
        #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = humantime::parse_duration)]
        pause: std::time::Duration,
    },
    /// List devices, assets, alarms or commands, whether a node runs or not
    List {
        what: What,
        /// One JSON array, times in UTC
        #[arg(long)]
        json: bool,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    Devices,
    Assets,
    Alarms,
    Commands,
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
        Some(Command::Serve { node }) => serve::run(&common, &node),
        Some(Command::Attach { screen }) => console::attach(&common, &screen),
        Some(Command::Demo { screen }) => demo::run(&common, &screen),
        Some(Command::Decode { file, json: _, show_secrets }) => {
            decode::command(file.as_deref(), show_secrets)
        }
        Some(Command::Replay { file, to, udp, pause }) => replay::run(&file, to, udp, pause),
        Some(Command::List { what, json, all }) => list::run(&common, what, json, all),
        Some(Command::Enrol { id, asset, kind, bind_to }) => {
            enrol::run(&common, &id, asset, kind, bind_to.as_deref())
        }
        Some(Command::Identity { id, accept, note }) => identity::run(&common, &id, accept, note),
        Some(Command::Status { json }) => status::run(&common, json),
        Some(Command::Check { node }) => check::run(&common, &node),
    }
}
