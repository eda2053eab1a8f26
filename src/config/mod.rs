//! Settings: read, merged (file < environment < flags), checked, explained; and where files live.
//!
//! A setting that is not given has the value of `config/default.toml`, which equals [`Config::default`] by test. A
//! setting nobody knows is an error: a misspelt limit must not pass as the default one.

mod device;
mod error;
mod load;
mod paths;
mod secrets;
mod settings;
mod values;

pub use device::Device;
pub use error::ConfigError;
pub(crate) use load::read;
pub use load::{Explained, Flags, Loaded, Origin, load};
pub use paths::{LONGEST_SOCKET, PathError, data_dir, profile_dir, socket_path};
pub use secrets::{Secrets, SecretsError};
pub use settings::{
    Ascii, BenchModel, Commands, Config, ConsoleSettings, JointechSettings, Limits, LinkPlan, Links,
    SocketSettings, StoreSettings,
};
pub use values::{BadValue, Listen};

/// `config/default.toml`: every setting with its comment.
pub const DEFAULT_TOML: &str = include_str!("../../config/default.toml");
