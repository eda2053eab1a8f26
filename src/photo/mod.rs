//! Photos of trackers: fetching them piece by piece, and the files they become.
//!
//! A tracker offers a picture (`$PHO<size>-<camera>`); it is asked for piece after piece (`#PHD<offset>,<length>`) and
//! sends each (`$PHD<offset>,<length>,` and raw bytes). Offer, request and answer are documented and one piece of 960
//! bytes is captured; how long a device keeps a picture, and how many, nobody says.
//!
//! [`Fetcher`] decides what is asked when, without sockets and without a clock; [`Album`] keeps the files.

mod album;
mod fetch;

pub use album::{Album, Picture, Saved};
pub use fetch::{Act, Ended, Fetcher, Offer, Rules, Why};
