//! What a reply tells, value by value, in words. A shape that is not known tells nothing here: the reply itself is
//! always kept and shown.

use super::binding;
use crate::domain::message::CommandReply;
use crate::domain::text::clean;

/// Most facts of one reply: a page of cards has twenty.
const MOST: usize = 64;

/// Name and value, with its unit: `battery` `41 %`.
pub type Fact = (String, String);

/// What the reply to `command` tells. Empty if its shape is not known. Shapes: JT701D manual V1.4 and field notes.
#[must_use]
pub fn facts(command: &str, reply: &CommandReply) -> Vec<Fact> {
    let params: Vec<&str> = reply.params.iter().map(String::as_str).collect();
    let mut facts = match (reply.word.as_str(), command) {
        ("P01", _) => firmware(&params),
        ("P14", _) => imei(&params),
        ("P68", "imsi") => last_digits(&params, "imsi", 14, 16),
        ("P68", "iccid") => last_digits(&params, "iccid", 18, 22),
        ("P04", _) => tail(&params, &[("report interval", "s"), ("wake interval", "min")]),
        ("P39", _) => tail(&params, &[("awake after a wake", "min")]),
        ("P61", _) => tail(&params, &[("low battery alarm below", "%")]),
        ("P38", _) => tail(&params, &[("unlocked too long after", "min")]),
        ("P83", _) => tail(&params, &[("locks by itself after", "min")]),
        ("P37", _) => tail(&params, &[("motion threshold", "mg")]),
        ("P54", _) => switch(&params, "tracking"),
        ("P63", _) => switch(&params, "drift filter"),
        ("P97", _) => switch(&params, "receiver power saving"),
        ("P03", _) => deep_sleep(&params),
        ("P52", "dynamic_password" | "dynamic_password_mode") => dynamic(&params),
        ("P59", _) => channels(&params),
        ("P41", "card_list" | "card_add") => cards(&params),
        ("P41", "card_delete" | "card_clear") => params
            .get(1)
            .and_then(|left| number(left))
            .map(|left| fact("cards left", left))
            .into_iter()
            .collect(),
        ("P06", _) => server(&params),
        ("P29", _) => fence(&params),
        ("WLNET", "bound_list" | "bind" | "unbind_all") => bound(reply),
        ("WLNET", "sub_heartbeat") => {
            tail(&params, &[("heartbeat of sub-devices", "s"), ("lost after", "s")])
        }
        ("WLNET", "sensor_interval") => tail(&params, &[("sensor interval", "min")]),
        _ => Vec::new(),
    };
    facts.truncate(MOST);
    facts
}

fn fact(name: &str, value: impl Into<String>) -> Fact {
    (name.to_owned(), value.into())
}

/// A whole number of at most ten digits, without leading zeros.
fn number(text: &str) -> Option<String> {
    let fits = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse::<u64>().ok().filter(|_| fits).map(|n| n.to_string())
}

fn is_digits(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// The last parameters by name, all numbers. Function digits before them differ between firmwares.
fn tail(params: &[&str], names: &[(&str, &str)]) -> Vec<Fact> {
    let Some(from) = params.len().checked_sub(names.len()) else { return Vec::new() };
    let values: Option<Vec<String>> = params.iter().skip(from).map(|text| number(text)).collect();
    let Some(values) = values else { return Vec::new() };
    names.iter().zip(values).map(|((name, unit), value)| fact(name, format!("{value} {unit}"))).collect()
}

/// On or off is the last item.
fn switch(params: &[&str], name: &str) -> Vec<Fact> {
    let state = params.last().and_then(|last| on_off(last));
    state.map(|state| fact(name, state)).into_iter().collect()
}

fn on_off(text: &str) -> Option<&'static str> {
    match text {
        "0" => Some("off"),
        "1" => Some("on"),
        _ => None,
    }
}

/// `<string>,<nn>%`
fn firmware(params: &[&str]) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(text) = params.first().filter(|text| !text.is_empty()) {
        facts.push(fact("firmware", clean(text)));
    }
    let battery = params.get(1).and_then(|text| text.strip_suffix('%')).and_then(number);
    facts.extend(battery.map(|percent| fact("battery", format!("{percent} %"))));
    facts
}

fn imei(params: &[&str]) -> Vec<Fact> {
    last_digits(params, "imei", 15, 15)
}

fn last_digits(params: &[&str], name: &str, min: usize, max: usize) -> Vec<Fact> {
    let found = params.last().filter(|text| is_digits(text, min, max));
    found.map(|text| fact(name, *text)).into_iter().collect()
}

/// `…,<on>,<percent>`
fn deep_sleep(params: &[&str]) -> Vec<Fact> {
    let [.., on, percent] = params else { return Vec::new() };
    match (on_off(on), number(percent)) {
        (Some(on), Some(percent)) => vec![fact("deep sleep", on), fact("below", format!("{percent} %"))],
        _ => Vec::new(),
    }
}

/// `1,…,<on>,<fence rule>`
fn dynamic(params: &[&str]) -> Vec<Fact> {
    match params {
        ["1", .., on, fence] => match (on_off(on), on_off(fence)) {
            (Some(on), Some(fence)) => {
                vec![fact("dynamic passwords", on), fact("only inside its fences", fence)]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The last five: SMS, data line, card, cable, Bluetooth.
fn channels(params: &[&str]) -> Vec<Fact> {
    let names = ["opening by SMS", "by data line", "by card", "by cable", "by Bluetooth"];
    let Some(from) = params.len().checked_sub(names.len()) else { return Vec::new() };
    let states: Option<Vec<&str>> = params.iter().skip(from).map(|text| on_off(text)).collect();
    states
        .map(|states| names.iter().zip(states).map(|(name, state)| fact(name, state)).collect())
        .unwrap_or_default()
}

/// `<1 or page>,<n>,cards…`
fn cards(params: &[&str]) -> Vec<Fact> {
    let [_, count, cards @ ..] = params else { return Vec::new() };
    let Some(count) = number(count) else { return Vec::new() };
    let cards = cards.iter().filter(|card| is_digits(card, 10, 10)).map(|card| fact("card", *card));
    std::iter::once(fact("cards", count)).chain(cards).collect()
}

/// `<host>,<port>,<apn>,<user>,<apn password>,<0 main / 1 second>`, perhaps after a function digit. The password is
/// masked by the decoder and left out here.
fn server(params: &[&str]) -> Vec<Fact> {
    let params = match params {
        [digit, rest @ ..] if digit.len() == 1 && rest.len() >= 5 => rest,
        all => all,
    };
    let [host, port, apn, ..] = params else { return Vec::new() };
    let Some(port) = number(port) else { return Vec::new() };
    let mut facts = vec![fact("server", format!("{}:{port}", clean(host)))];
    if !apn.is_empty() {
        facts.push(fact("apn", clean(apn)));
    }
    facts
}

/// `…,<fence>,<part>,<count>,lon,lat,…`: as many corners as it counts.
fn fence(params: &[&str]) -> Vec<Fact> {
    let head = params.iter().take_while(|text| !text.contains('.')).count();
    let corners = params.len().saturating_sub(head);
    if corners == 0 || corners % 2 != 0 {
        return Vec::new();
    }
    vec![fact("corners", corners.checked_div(2).unwrap_or_default().to_string())]
}

fn bound(reply: &CommandReply) -> Vec<Fact> {
    let Some(list) = binding::bound(reply) else { return Vec::new() };
    let count = fact("bound sub-devices", list.len().to_string());
    std::iter::once(count).chain(list.into_iter().map(|id| fact("bound", id))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(command: &str, word: &str, params: &str) -> String {
        let params = params.split(',').map(str::to_owned).collect();
        let facts = facts(command, &CommandReply { word: word.into(), params });
        facts.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn replies_are_told_in_words() {
        let rows = [
            (
                "firmware",
                "P01",
                "JT701D_20210311_R1.2.7,41%",
                "firmware=JT701D_20210311_R1.2.7; battery=41 %",
            ),
            ("imei", "P14", "865328026243864", "imei=865328026243864"),
            ("read_wake_interval", "P04", "30,30", "report interval=30 s; wake interval=30 min"),
            ("wake_interval", "P04", "1,060,30", "report interval=60 s; wake interval=30 min"),
            ("read_tracking", "P54", "1,0", "tracking=off"),
            ("dynamic_password_mode", "P52", "1,1,0", "dynamic passwords=on; only inside its fences=off"),
            ("card_list", "P41", "1,2,0012260888,0012260889", "cards=2; card=0012260888; card=0012260889"),
            ("card_delete", "P41", "2,7", "cards left=7"),
            ("card_clear", "P41", "3,0", "cards left=0"),
            ("read_server", "P06", "example.org,8888,net,,••••••,0", "server=example.org:8888; apn=net"),
            ("bound_list", "WLNET", "1,0,1,E03B60000A", "bound sub-devices=1; bound=E03B60000A"),
            ("sub_heartbeat", "WLNET", "18,1,0,600", "heartbeat of sub-devices=0 s; lost after=600 s"),
            (
                "unlock_channels",
                "P59",
                "1,0,1,1,0,1",
                "opening by SMS=off; by data line=on; by card=on; by cable=off; by Bluetooth=on",
            ),
        ];
        for (command, word, params, want) in rows {
            assert_eq!(told(command, word, params), want, "{command}");
        }
    }

    #[test]
    fn a_shape_that_is_not_known_tells_nothing() {
        for (command, word, params) in [
            ("imei", "P14", "unknown"),
            ("read_wake_interval", "P04", "x,y"),
            ("read_wake_interval", "P04", ""),
            ("bound_list", "WLNET", "1,5,E03B60000A"),
            ("card_list", "P41", "1"),
            ("firmware", "P99", "1"),
            ("imei", "P14", "86532802624386\u{1b}"),
        ] {
            assert_eq!(told(command, word, params), "", "{command} {params}");
        }
    }
}
