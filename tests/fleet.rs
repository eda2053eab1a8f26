//! The fold: what devices say in, what operators see out. Frames are built byte by byte and decoded as they would be
//! from a socket; the clock is a number.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

#[path = "fleet/alarms.rs"]
mod alarms;
#[path = "fleet/alarms_late.rs"]
mod alarms_late;
#[path = "fleet/commands.rs"]
mod commands;
#[path = "fleet/identity.rs"]
mod identity;
#[path = "fleet/life.rs"]
mod life;
#[path = "fleet/openings.rs"]
mod openings;
#[path = "fleet/orders.rs"]
mod orders;
#[path = "fleet/photos.rs"]
mod photos;
#[path = "fleet/policy.rs"]
mod policy;
#[path = "fleet/registry.rs"]
mod registry;
#[path = "fleet/replay.rs"]
mod replay;
#[path = "fleet/scale.rs"]
mod scale;
#[path = "fleet/scene.rs"]
mod scene;
#[path = "fleet/state.rs"]
mod state;
#[path = "fleet/unknown.rs"]
mod unknown;
#[path = "fleet/wire.rs"]
mod wire;
