//! What a master can be told that moves no lock: its intervals, limits, switches and the list of what is bound to it.

/// Values as delivered (JT701D manual V1.4).
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Seconds between reports while awake, minutes between wakes.
    interval: [u32; 2],
    /// Minutes awake after a wake.
    awake: u32,
    /// Percent below which the battery alarms.
    low_battery: u32,
    /// Where each of its ten alarms goes.
    routes: [u32; 10],
    /// Heartbeat of sub-devices and the time after which one is lost, seconds; 0 is off.
    beats: [u32; 2],
    /// IDs of the sub-devices it listens to.
    bound: Vec<String>,
}

/// Sub-devices of one list: the manual's 10 sensors and 10 locks.
const MOST_BOUND: usize = 20;

impl Settings {
    pub(super) fn new(bound: Vec<String>) -> Self {
        Self { interval: [30, 30], awake: 5, low_battery: 30, routes: [1; 10], beats: [0, 0], bound }
    }

    pub(super) fn is_bound(&self, id: &str) -> bool {
        self.bound.iter().any(|bound| bound.eq_ignore_ascii_case(id))
    }

    /// The answer to a `P` command, behind the ID: what is in force afterwards. `None`: no such command, or a value
    /// out of range. `keeps`: it says yes and changes nothing.
    pub(super) fn told(&mut self, items: &[&str], keeps: bool) -> Option<String> {
        let (word, rest) = items.split_first()?;
        match (*word, rest) {
            ("P04" | "P39" | "P61", ["0"]) => {
                let values = match *word {
                    "P04" => self.interval.to_vec(),
                    "P39" => vec![self.awake],
                    _ => vec![self.low_battery],
                };
                Some(format!("{word},0,{}", joined(&values)))
            }
            ("P04", ["1", values @ ..]) => {
                let [seconds, minutes] = numbers::<2>(values)?;
                let fits = (5..=600).contains(&seconds) && (5..=1440).contains(&minutes);
                self.set(fits, keeps, |settings| settings.interval = [seconds, minutes])?;
                Some(format!("P04,1,{seconds},{minutes}"))
            }
            ("P39", ["1", values @ ..]) => {
                let [minutes] = numbers::<1>(values)?;
                self.set((3..=10).contains(&minutes), keeps, |settings| settings.awake = minutes)?;
                Some(format!("P39,1,{minutes}"))
            }
            ("P61", ["1", values @ ..]) => {
                let [percent] = numbers::<1>(values)?;
                self.set(percent <= 90, keeps, |settings| settings.low_battery = percent)?;
                Some(format!("P61,1,{percent}"))
            }
            // The answer has fourteen values: four more than can be set.
            ("P40", ["1", values @ ..]) => {
                let routes = numbers::<10>(values)?;
                let fits = routes.iter().all(|route| *route <= 3);
                self.set(fits, keeps, |settings| settings.routes = routes)?;
                Some(format!("P40,1,{},0,0,0,0", joined(&routes)))
            }
            _ => None,
        }
    }

    /// The answer to a `WLNET` command, from its index on.
    pub(super) fn wlnet(&mut self, items: &[&str], keeps: bool) -> Option<String> {
        match items {
            ["1", "0"] => Some(format!("1,0,{}{}", self.bound.len(), listed(&self.bound))),
            ["1", "1", count, ids @ ..] => {
                let fits = count.parse() == Ok(ids.len())
                    && ids.len() <= MOST_BOUND
                    && ids.iter().all(|id| id.len() == 10 && id.bytes().all(|b| b.is_ascii_hexdigit()));
                let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
                let answer = format!("1,1,{count}{}", listed(&ids));
                self.set(fits, keeps, |settings| settings.bound = ids)?;
                Some(answer)
            }
            ["18", "1", values @ ..] => {
                let beats = numbers::<2>(values)?;
                let fits = beats.iter().all(|beat| *beat == 0 || (5..=86_400).contains(beat));
                self.set(fits, keeps, |settings| settings.beats = beats)?;
                Some(format!("18,1,{}", joined(&beats)))
            }
            _ => None,
        }
    }

    fn set(&mut self, fits: bool, keeps: bool, change: impl FnOnce(&mut Self)) -> Option<()> {
        if fits && !keeps {
            change(self);
        }
        fits.then_some(())
    }
}

fn numbers<const N: usize>(items: &[&str]) -> Option<[u32; N]> {
    let numbers: Vec<u32> = items.iter().map(|item| item.parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

fn joined(values: &[u32]) -> String {
    values.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

fn listed(ids: &[String]) -> String {
    ids.iter().map(|id| format!(",{id}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new(vec!["E03B60000A".to_owned()])
    }

    #[test]
    fn what_is_set_is_read_back() {
        let mut settings = settings();
        assert_eq!(settings.told(&["P04", "0"], false).as_deref(), Some("P04,0,30,30"));
        assert_eq!(settings.told(&["P04", "1", "60", "10"], false).as_deref(), Some("P04,1,60,10"));
        assert_eq!(settings.told(&["P04", "0"], false).as_deref(), Some("P04,0,60,10"));
        assert_eq!(settings.told(&["P39", "1", "4"], false).as_deref(), Some("P39,1,4"));
        assert_eq!(settings.told(&["P39", "0"], false).as_deref(), Some("P39,0,4"));
        assert_eq!(settings.told(&["P61", "1", "20"], false).as_deref(), Some("P61,1,20"));
        let mut routes = vec!["P40", "1"];
        routes.extend(["3"; 10]);
        let told = settings.told(&routes, false).unwrap();
        assert_eq!(told, "P40,1,3,3,3,3,3,3,3,3,3,3,0,0,0,0");
        assert_eq!(settings.routes, [3; 10]);
    }

    #[test]
    fn what_is_out_of_range_is_not_answered_and_a_liar_changes_nothing() {
        let mut settings = settings();
        for bad in [
            &["P04", "1", "4", "30"][..],
            &["P04", "1", "30"],
            &["P04", "1", "30", "x"],
            &["P39", "1", "11"],
            &["P61", "1", "91"],
            &["P40", "1", "4"],
            &["P99", "1"],
        ] {
            assert_eq!(settings.told(bad, false), None, "{bad:?}");
        }
        assert_eq!(settings.told(&["P04", "1", "60", "10"], true).as_deref(), Some("P04,1,60,10"));
        assert_eq!(settings.interval, [30, 30]);
    }

    #[test]
    fn the_list_is_replaced_whole() {
        let mut settings = settings();
        assert_eq!(settings.wlnet(&["1", "0"], false).as_deref(), Some("1,0,1,E03B60000A"));
        let told = settings.wlnet(&["1", "1", "2", "E03B60000A", "E03B60000B"], false);
        assert_eq!(told.as_deref(), Some("1,1,2,E03B60000A,E03B60000B"));
        assert!(settings.is_bound("e03b60000b"));
        assert_eq!(settings.wlnet(&["1", "1", "2", "E03B60000A"], false), None, "the count is wrong");
        assert_eq!(settings.wlnet(&["1", "1", "0"], true).as_deref(), Some("1,1,0"));
        assert!(settings.is_bound("E03B60000A"), "it only said so");
        assert_eq!(settings.wlnet(&["1", "1", "0"], false).as_deref(), Some("1,1,0"));
        assert_eq!(settings.wlnet(&["1", "0"], false).as_deref(), Some("1,0,0"));
        assert_eq!(settings.wlnet(&["18", "1", "0", "600"], false).as_deref(), Some("18,1,0,600"));
        assert_eq!(settings.beats, [0, 600]);
        assert_eq!(settings.wlnet(&["18", "1", "4", "0"], false), None);
    }
}
