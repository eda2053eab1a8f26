//! The real program from outside: frames on its port, consoles on its socket, commands on its data directory, signals
//! and kills. Nothing here sleeps for luck: conditions are awaited, with a deadline.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "what the node said, when a test fails; figures")]

#[path = "node/alarms.rs"]
mod alarms;
#[path = "node/attack.rs"]
mod attack;
#[path = "node/captured.rs"]
mod captured;
#[path = "captures/mod.rs"]
mod captures;
#[path = "node/deltas.rs"]
mod deltas;
#[path = "node/door.rs"]
mod door;
#[path = "node/durable.rs"]
mod durable;
#[expect(dead_code, reason = "of this only the corpus is needed here")]
#[path = "frames/mod.rs"]
mod frames;
#[path = "node/identity.rs"]
mod identity;
#[path = "node/lab.rs"]
mod lab;
#[path = "node/lists.rs"]
mod lists;
#[path = "node/orders.rs"]
mod orders;
#[path = "node/photos.rs"]
mod photos;
#[path = "node/profiles.rs"]
mod profiles;
#[path = "node/quarantine.rs"]
mod quarantine;
#[path = "node/refusals.rs"]
mod refusals;
#[path = "node/secrets.rs"]
mod secrets;
#[path = "node/udp.rs"]
mod udp;
#[path = "node/unlock.rs"]
mod unlock;
