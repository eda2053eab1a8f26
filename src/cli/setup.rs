//! From flags to settings, places and a store: what every verb begins with.

use super::{Common, Failure, NodeFlags};
use crate::command::policy;
use crate::config::{self, BenchModel, Config, Flags, Listen, Loaded, Secrets};
use crate::domain::journal::RegistryAct;
use crate::domain::{DeviceKind, Maker};
use crate::fleet::snapshot::Snapshot;
use crate::fleet::{Times, WakePlan};
use crate::ingest::{self, Limits, Listeners};
use crate::ipc::client::Ordered;
use crate::ipc::wire::{Answer, Ask};
use crate::ipc::{LinkError, client, server};
use crate::node::{self, Belongings, PhotoSettings, Running};
use crate::photo::Rules;
use crate::profile::{self, Read};
use crate::protocol::{Memory, Settings};
use crate::store::{self, Opened, Store};
use chrono::TimeDelta;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Settings and places of this invocation.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub loaded: Loaded,
    pub data: PathBuf,
    pub socket: PathBuf,
    pub zone: chrono_tz::Tz,
    /// What each model can be told, the installer's files included.
    pub profiles: Read,
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

impl Setup {
    pub(super) fn load(common: &Common) -> Result<Self, Failure> {
        Self::load_for_node(common, &NodeFlags::default())
    }

    pub(super) fn load_for_node(common: &Common, node: &NodeFlags) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var_os(name);
        let listen = node
            .listen
            .iter()
            .map(|text| {
                text.parse::<Listen>().map_err(|error| Failure::Config(format!("--listen {text}: {error}")))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let flags = Flags {
            config: common.config.clone(),
            data: common.data.clone(),
            listen,
            auto_enrol: node.auto_enrol,
        };
        let loaded = config::load(&flags, variable).map_err(Failure::config)?;
        let data = config::data_dir(&loaded.config).map_err(Failure::config)?;
        let socket =
            config::socket_path(common.socket.as_deref(), variable, &data).map_err(Failure::config)?;
        let zone = loaded.config.zone;
        let dir = config::profile_dir(loaded.file.as_deref());
        let profiles = profile::load(&dir).map_err(Failure::config)?;
        Ok(Self { loaded, data, socket, zone, profiles })
    }

    pub(super) fn config(&self) -> &Config {
        &self.loaded.config
    }

    pub(super) fn times(&self) -> Times {
        let commands = &self.config().commands;
        Times {
            answer_wait: delta(commands.answer_wait),
            evidence_watch: delta(commands.evidence_watch),
            relay: TimeDelta::minutes(commands.relay_minutes.into()),
        }
    }

    pub(super) fn plan(&self) -> WakePlan {
        WakePlan::new(|kind| {
            let plan = self.config().link.of(kind);
            (delta(plan.expected), delta(plan.wake))
        })
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        let all = |listen: &Listen| match listen.ip {
            Some(ip) => vec![SocketAddr::new(ip, listen.port)],
            None => vec![
                SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), listen.port),
                SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), listen.port),
            ],
        };
        self.config().listen.iter().flat_map(all).collect()
    }

    pub(super) fn secrets(&self) -> Result<Secrets, Failure> {
        Secrets::load(&self.data).map_err(Failure::config)
    }

    pub(super) fn open_store(&self) -> Result<Opened, Failure> {
        let options = store::Options { limit_bytes: self.config().store.limit };
        Store::open(&self.data, options).map_err(Failure::failed)
    }

    /// Asks the node of this data directory; `None` if none runs.
    pub(super) fn ask_node(&self, ask: Ask) -> Result<Option<Answer>, Failure> {
        self.with_node(client::ask(&self.socket, ask))
    }

    /// Everything the node of this data directory knows; `None` if none runs.
    pub(super) fn list_node(&self, all: bool) -> Result<Option<Snapshot>, Failure> {
        self.with_node(client::list(&self.socket, all))
    }

    /// Gives an order through the node of this data directory; `None` if none runs.
    pub(super) fn order_node(&self, ask: Ask, wait: Option<Duration>) -> Result<Option<Ordered>, Failure> {
        self.with_node(client::order(&self.socket, ask, wait))
    }

    fn with_node<T>(&self, talk: impl Future<Output = Result<T, LinkError>>) -> Result<Option<T>, Failure> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
        match runtime.block_on(talk) {
            Ok(answer) => Ok(Some(answer)),
            Err(LinkError::Broken(error))
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                Ok(None)
            }
            Err(error) => Err(Failure::Failed(format!("{}: {error}", self.socket.display()))),
        }
    }

    /// Whether a node answers at the socket.
    pub(super) fn node_answers(&self) -> bool {
        std::os::unix::net::UnixStream::connect(&self.socket).is_ok()
    }

    fn options(&self, demo: bool) -> node::Options {
        let commands = &self.config().commands;
        // The simulator's own locks count as proven.
        let proven = if demo { SUB_LOCK_TYPES.concat() } else { proven_types(&commands.proven_on_bench) };
        node::Options {
            name: hostname(),
            demo,
            auto_enrol: self.config().auto_enrol,
            times: self.times(),
            rules: policy::Rules { max_speed_kmh: commands.max_speed_kmh.into() },
            plan: self.plan(),
            validity: delta(commands.validity),
            relay_minutes: u8::try_from(commands.relay_minutes).unwrap_or(5),
            proven_on_bench: proven,
            data_dir: self.data.clone(),
            photos: self.photos(),
        }
    }

    fn photos(&self) -> PhotoSettings {
        let photos = &self.config().photos;
        PhotoSettings { rules: Rules { limit: photos.limit, retry: delta(photos.retry) }, keep: photos.keep }
    }

    fn limits(&self) -> Limits {
        let limits = &self.config().limits;
        Limits {
            connections: limits.connections as usize,
            per_address: limits.per_address as usize,
            first_frame: limits.first_frame,
            idle: limits.idle,
            rubbish_bytes: limits.rubbish_bytes as usize,
            datagrams: limits.datagrams,
            witness: ingest::WITNESS,
        }
    }

    fn registry(&self) -> Vec<RegistryAct> {
        let act = |device: &config::Device| RegistryAct::Enrol {
            device: device.key.clone(),
            kind: device.kind.unwrap_or(match device.key.maker {
                _ if device.bind_to.is_some() => DeviceKind::SubLock,
                Maker::Bofan => DeviceKind::Tracker,
                Maker::Jointech => DeviceKind::MasterLock,
            }),
            asset: device.asset.clone().unwrap_or_else(|| device.key.id.to_string()),
            bound_to: device.bind_to.clone(),
            plate: device.plate.clone(),
            by: "config".into(),
        };
        self.config().devices.iter().map(act).collect()
    }

    /// Opens everything and starts the node: secrets first, because they refuse without having touched anything;
    /// then the port, so that a taken one leaves no new database behind.
    pub(super) async fn start(&self) -> Result<Running, Failure> {
        let secrets = self.secrets()?;
        let listeners = self.bind()?;
        self.start_with(listeners, secrets, None).await
    }

    /// The group the operator socket is shared with.
    pub(super) fn group(&self) -> Option<&str> {
        Some(self.config().socket.group.as_str()).filter(|group| !group.is_empty())
    }

    /// Binds the port. Must be called inside the runtime.
    pub(super) fn bind(&self) -> Result<Listeners, Failure> {
        ingest::bind(&self.addresses()).map_err(Failure::failed)
    }

    /// Starts a node on sockets that are bound; with `demo` on the fleet listed there.
    pub(super) async fn start_with(
        &self,
        listeners: Listeners,
        secrets: Secrets,
        demo: Option<Vec<RegistryAct>>,
    ) -> Result<Running, Failure> {
        let group = self.group();
        server::look(&self.socket, &self.data, group).map_err(Failure::failed)?;
        let store = self.open_store()?;
        if store.created && demo.is_none() {
            tell(&format!("created a new database in {}", self.data.display()));
        }
        let socket = server::bind(&self.socket, group).map_err(Failure::failed)?;
        announce(&listeners);
        let wlnet_ack = self.config().jointech.wlnet_ack;
        let is_demo = demo.is_some();
        let belongings = Belongings {
            store,
            listeners,
            socket,
            memory: Memory::new(Settings { wlnet_ack }),
            limits: self.limits(),
            secrets,
            profiles: self.profiles.all.clone(),
            devices: demo.unwrap_or_else(|| self.registry()),
        };
        node::start(self.options(is_demo), belongings).await.map_err(Failure::failed)
    }
}

/// Type numbers on the wire: JT709 and JT709Ex, JT801, JT802 (two manuals).
const SUB_LOCK_TYPES: [&[u8]; 3] = [&[4], &[5], &[6, 9]];

fn proven_types(models: &[BenchModel]) -> Vec<u8> {
    let [jt709, jt801, jt802] = SUB_LOCK_TYPES;
    let types = models.iter().map(|model| match model {
        BenchModel::Jt709 | BenchModel::Jt709Ex => jt709,
        BenchModel::Jt801 => jt801,
        BenchModel::Jt802 => jt802,
    });
    types.flatten().copied().collect()
}

/// The lines scripts wait for: `listening tcp ADDR`, `listening udp ADDR`.
fn announce(listeners: &Listeners) {
    let mut out = io::stdout().lock();
    for (kind, address) in listeners.addresses() {
        // Nobody may read our output; that is no reason not to serve.
        let _ = writeln!(out, "listening {kind} {address}");
    }
    let _ = out.flush();
}

/// Talk, as opposed to data: standard error.
pub(super) fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = crate::domain::text::clean(name.trim());
    if name.is_empty() { "node".into() } else { name }
}
