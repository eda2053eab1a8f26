//! The console's screens and keys, without a terminal: messages in, cells and effects out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

#[path = "screens/fixture.rs"]
mod fixture;
#[path = "screens/identity.rs"]
mod identity;
#[path = "screens/keys.rs"]
mod keys;
#[path = "screens/lines.rs"]
mod lines;
#[path = "screens/orders.rs"]
mod orders;
#[path = "screens/photos.rs"]
mod photos;
#[path = "screens/pictures.rs"]
mod pictures;
#[path = "screens/seal.rs"]
mod seal;
#[path = "screens/unlock.rs"]
mod unlock;
