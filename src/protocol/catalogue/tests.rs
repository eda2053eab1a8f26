//! Every shipped profile, every command, every edge of every range.

use super::*;
use crate::domain::Secret;

#[test]
fn every_shipped_profile_loads() {
    let profiles = Profiles::shipped();
    assert_eq!(profiles.iter().count(), 13);
    for profile in profiles.iter() {
        assert!(!profile.model.is_empty(), "{}", profile.name);
    }
}

#[test]
fn words_are_those_of_the_papers() {
    let profiles = Profiles::shipped();
    let around =
        Around { device: "8055430364", item: "1", serial: 7, sub: Some("E03B60000A"), firmware: None };
    let text = |profile: &str, command: &str, args: Args| {
        let composed = compose(profiles.get(profile).unwrap(), command, &args, &around).unwrap();
        String::from_utf8(composed.bytes).unwrap()
    };
    let args = Args::new().with("seconds", "60").with("minutes", "30");
    assert_eq!(text("jt701d", "wake_interval", args), "(P04,1,60,30)");
    let args = Args::new().with_secret("password", Secret::new("888888"));
    assert_eq!(text("jt701d", "open_static", args), "(P43,888888)");
    let args = Args::new().with("minutes", "5");
    assert_eq!(text("jt802", "open_relay", args), "(8055430364,1,007,WLNET,8,1,1,5,E03B60000A)");
    let args = Args::new().with("line", "1").with("state", "on");
    assert_eq!(text("pt600", "output", args), "#OPC1,1\r\n");
}
