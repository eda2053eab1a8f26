//! Virtual locks, seals and trackers that speak the real protocols over real sockets: for the demo, for tests, for
//! load.
//!
//! ```text
//! FleetPlan -> Fleet::start -> one task per device with a modem
//!                                 unit  : the task; gives a machine time, bytes and a wire
//!                                 master, seal, tracker : the machines; no sockets, no waiting
//!                                 wire  : TCP or UDP, and what goes wrong on it
//!              DeviceHandle  -> acts on a machine, and looks at what it really is
//! ```
//!
//! Built on std and tokio alone. It shares no code with the decoders: `encode` is written from the same papers and is
//! held to captured frames, so a mistake would have to be made twice to go unseen.
//!
//! A lock counts its openings exactly ([`DeviceState::openings`]): a test can tell one opening from two.
//!
//! ```no_run
//! # async fn example(server: std::net::SocketAddr) -> Result<(), lockyard::simulate::BadId> {
//! use lockyard::simulate::{Fault, MasterLock, Pace};
//!
//! let fleet = MasterLock::new("8000620011")?
//!     .password("471108")
//!     .valve_lock("E0FA000001")?
//!     .pace(Pace::quick())
//!     .connect(server)
//!     .await;
//! let valve = &fleet.devices()[1];
//! valve.fault(Fault::MotorStuck);
//! assert_eq!(valve.state().await.openings, 0);
//! fleet.stop().await;
//! # Ok(())
//! # }
//! ```

mod demo;
mod downlink;
mod encode;
mod fault;
mod fleet;
mod master;
mod noise;
mod pace;
mod parts;
mod plan;
mod rng;
mod roads;
mod scenario;
mod seal;
mod time;
mod tracker;
mod unit;
mod wire;
mod world;

#[cfg(test)]
mod tests;

pub use fault::Fault;
pub use fleet::{DeviceHandle, DeviceInfo, Fleet};
pub use pace::Pace;
pub use parts::DeviceState;
pub use plan::{AssetPlan, BadId, DevicePlan, FleetPlan, MasterLock, Seal, Tracker};
pub use tracker::Dialect;
