//! The profiles compiled in, and files laid over them.

use super::file::{self, WrongProfile};
use super::profile::Profiles;
use std::collections::BTreeMap;

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// Name and text of every built-in profile.
        const SHIPPED: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../config/profiles/", $name, ".toml")))),*];
    };
}

shipped!(
    "jt126", "jt600", "jt701", "jt701d", "jt705a", "jt709a", "jt709c", "jt709ex", "jt801", "jt802", "pt502",
    "pt600", "pt621",
);

impl Profiles {
    /// The profiles compiled in.
    #[must_use]
    pub fn shipped() -> Self {
        let read = |(name, text): &(&str, &str)| {
            let profile =
                file::read(name, text, None, true).expect("the shipped profiles are checked by a test");
            ((*name).to_owned(), profile)
        };
        Self { all: SHIPPED.iter().map(read).collect::<BTreeMap<_, _>>() }
    }

    /// Lays a file over the profile of its name, or adds a new one. What it adds or changes counts as `unverified`.
    ///
    /// # Errors
    /// What is wrong with it and at which byte; nothing is changed then.
    pub fn lay_over(&mut self, name: &str, text: &str) -> Result<(), WrongProfile> {
        let profile = file::read(name, text, self.all.get(name), false)?;
        self.all.insert(name.to_owned(), profile);
        Ok(())
    }
}
