//! Every shipped profile, every command, every edge of every range; and what nobody would ask for.

mod matching;
mod properties;
mod replies;
mod words;

use super::*;
use crate::domain::Secret;
use std::sync::LazyLock;

/// Read once: a property asks for them hundreds of times.
static SHIPPED: LazyLock<Profiles> = LazyLock::new(Profiles::shipped);

const AROUND: Around<'static> =
    Around { device: "8055430364", item: "1", serial: 7, sub: Some("E03B60000A"), firmware: None };

/// A right value of a parameter, in the middle of its range.
fn sample(param: &Param, range: Option<(i64, i64)>) -> String {
    match param.kind {
        Kind::Whole { min, max, .. } | Kind::OffOr { min, max, .. } => {
            let (min, max) = range.unwrap_or((min, max));
            ((min + max) / 2).to_string()
        }
        Kind::OneOf(words) => words[words.len() / 2].0.to_owned(),
        Kind::Switch => "on".into(),
        Kind::Text { min, .. } | Kind::Secret { min, .. } => "123456789012345"[..min.max(6)].to_owned(),
        Kind::Host => "example.org".into(),
        Kind::Port => "8888".into(),
        Kind::Cards { .. } => "0012260888 0012260889".into(),
        Kind::Subs { .. } => "E03B60000A 1021220618".into(),
        Kind::Points { .. } => "18.5 -69.9; 18.6 -69.9; 18.6 -69.8".into(),
    }
}

/// Right arguments, but for `changed`.
fn args(offered: &Offered, changed: Option<(&str, &str)>) -> Args {
    let mut args = Args::new();
    for param in offered.spec.params {
        let value = match changed {
            Some((name, value)) if name == param.name => value.to_owned(),
            _ => sample(param, offered.range(param.name, None)),
        };
        args = if param.kind.is_secret() {
            args.with_secret(param.name, Secret::new(value))
        } else {
            args.with(param.name, value)
        };
    }
    args
}

/// Every command of every shipped profile.
fn offers(profiles: &Profiles) -> Vec<(&Profile, &Offered)> {
    profiles.iter().flat_map(|profile| profile.commands().map(move |offered| (profile, offered))).collect()
}

fn text(composed: &Composed) -> String {
    String::from_utf8(composed.bytes.clone()).unwrap()
}
