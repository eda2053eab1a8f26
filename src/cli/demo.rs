//! `demo`: node, console and a simulated fleet that talks to the real port, in a data directory of its own.

use super::setup::{Setup, tell};
use super::{Common, Failure, NodeFlags, ScreenFlags, console};
use crate::domain::journal::RegistryAct;
use crate::domain::{DeviceKey, DeviceKind};
use crate::ingest::Listeners;
use crate::simulate::{DeviceHandle, DeviceInfo, Fleet, FleetPlan};
use crate::telemetry;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub(super) fn run(common: &Common, screen: &ScreenFlags) -> Result<(), Failure> {
    let own = tempfile::Builder::new().prefix("lockyard-demo-").tempdir().map_err(Failure::failed)?;
    let data = match &common.data {
        Some(data) if data.exists() => {
            let why = "the demo uses only a directory that it makes itself: name one that does not exist";
            return Err(Failure::Refused(format!("{}: {why}", data.display())));
        }
        Some(data) => data.clone(),
        None => own.path().join("data"),
    };
    let common = Common { data: Some(data.clone()), ..common.clone() };
    let node = NodeFlags { listen: vec!["127.0.0.1:0".into()], auto_enrol: false };
    let setup = Setup::load_for_node(&common, &node)?;
    let on_screen = console::needs_terminal().is_ok();
    telemetry::start(if on_screen { telemetry::Reader::Console } else { telemetry::Reader::Terminal });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        // A screen listens for itself.
        let orders = if on_screen { None } else { Some(super::serve::Orders::new()?) };
        let listeners = setup.bind()?;
        let (tcp, udp) = addresses(&listeners)?;
        let fleet = Fleet::start(FleetPlan::default(), tcp, udp).await;
        let devices: Vec<&DeviceInfo> = fleet.devices().iter().map(DeviceHandle::info).collect();
        write_secrets(&data, &devices)
            .map_err(|error| Failure::Failed(format!("{}: {error}", data.display())))?;
        let enrolments = enrolments(&devices)?;
        let running = setup.start_with(listeners, setup.secrets()?, Some(enrolments)).await?;
        let shown = if let Some(mut orders) = orders {
            tell(&format!(
                "no terminal that could be drawn on: the demo runs without a screen; its data is in {}",
                data.display()
            ));
            orders.stop_or_failed(&running).await
        } else {
            // Whoever watched it is gone: so is the demo, also after a hang-up.
            match console::on_screen(&running, console::options(&setup, screen, false)).await {
                Ok(console::End::Failed) => Err(super::serve::state_failed()),
                shown => shown.map(drop),
            }
        };
        fleet.stop().await;
        running.stop().await;
        shown
    })
}

fn addresses(listeners: &Listeners) -> Result<(SocketAddr, SocketAddr), Failure> {
    let addresses = listeners.addresses();
    let find = |kind: &str| addresses.iter().find(|(k, _)| *k == kind).map(|(_, address)| *address);
    match (find("tcp"), find("udp")) {
        (Some(tcp), Some(udp)) => Ok((tcp, udp)),
        _ => Err(Failure::Failed("the demo's node has no port".into())),
    }
}

/// The simulated locks' passwords, where a node expects them.
fn write_secrets(data: &Path, devices: &[&DeviceInfo]) -> std::io::Result<()> {
    fs::create_dir_all(data)?;
    let mut text = String::new();
    for device in devices {
        if let Some(password) = &device.unlock_password {
            let _ = writeln!(text, "[device.\"{}/{}\"]\npassword = \"{password}\"", device.maker, device.id);
        }
    }
    let path = data.join("secrets.toml");
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

fn enrolments(devices: &[&DeviceInfo]) -> Result<Vec<RegistryAct>, Failure> {
    let key = |maker: &str, id: &str| format!("{maker}/{id}").parse::<DeviceKey>().map_err(Failure::failed);
    let mut acts = Vec::new();
    // Masters before what is bound to them.
    for device in devices.iter().filter(|device| device.enrol) {
        let kind = DeviceKind::ALL.into_iter().find(|kind| kind.word() == device.kind);
        acts.push(RegistryAct::Enrol {
            device: key(device.maker, &device.id)?,
            kind: kind
                .ok_or_else(|| Failure::Failed(format!("no kind of device is called {}", device.kind)))?,
            asset: device.asset.clone(),
            bound_to: device.bound_to.as_deref().map(|master| key(device.maker, master)).transpose()?,
            plate: device.plate.clone(),
            by: "demo".into(),
        });
    }
    acts.sort_by_key(|act| {
        let RegistryAct::Enrol { bound_to, .. } = act;
        bound_to.is_some()
    });
    Ok(acts)
}
