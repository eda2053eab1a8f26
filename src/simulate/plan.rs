//! What a fleet consists of, before anything runs.

use super::{Fleet, Pace, master::SubKind, tracker::Dialect};
use std::{fmt, net::SocketAddr, time::Duration};

/// An ID that no device of its kind can send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{id}' is no ID of a {kind}: it needs {needs}")]
pub struct BadId {
    id: String,
    kind: &'static str,
    needs: &'static str,
}

fn check(
    id: &str,
    kind: &'static str,
    sizes: std::ops::RangeInclusive<usize>,
    needs: &'static str,
) -> Result<String, BadId> {
    let hex = needs.contains("hex");
    let right = |byte: u8| if hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
    if sizes.contains(&id.len()) && id.bytes().all(right) {
        Ok(id.to_ascii_uppercase())
    } else {
        Err(BadId { id: id.chars().take(32).collect(), kind, needs })
    }
}

/// A password that its owner's `Debug` does not tell.
#[derive(Clone, Default)]
pub(super) struct Hidden(pub(super) Option<String>);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "••••••" } else { "none" })
    }
}

/// A JT701D with what is bound to it.
#[derive(Debug, Clone)]
pub struct MasterLock {
    pub(super) id: String,
    pub(super) pace: Pace,
    pub(super) password: Hidden,
    pub(super) dynamic: bool,
    pub(super) subs: Vec<(String, SubKind)>,
    pub(super) enrol: bool,
}

impl MasterLock {
    /// `id`: ten decimal digits.
    pub fn new(id: &str) -> Result<Self, BadId> {
        Ok(Self {
            id: check(id, "master lock", 10..=10, "ten decimal digits")?,
            pace: Pace::lively(),
            password: Hidden::default(),
            dynamic: false,
            subs: Vec::new(),
            enrol: true,
        })
    }

    #[must_use]
    pub fn pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// The static unlock password; without this six digits come from the seed.
    #[must_use]
    pub fn password(self, password: &str) -> Self {
        Self { password: Hidden(Some(password.to_owned())), ..self }
    }

    /// Offers a dynamic password as well, a new one after every locking.
    #[must_use]
    pub fn dynamic_password(self) -> Self {
        Self { dynamic: true, ..self }
    }

    /// Binds a JT709Ex. `id`: ten hex digits.
    pub fn sub_lock(self, id: &str) -> Result<Self, BadId> {
        self.bind(id, SubKind::SubLock)
    }

    /// Binds a JT802. `id`: ten hex digits.
    pub fn valve_lock(self, id: &str) -> Result<Self, BadId> {
        self.bind(id, SubKind::ValveLock)
    }

    /// Binds a JT126. `id`: ten hex digits.
    pub fn sensor(self, id: &str) -> Result<Self, BadId> {
        self.bind(id, SubKind::Sensor)
    }

    fn bind(mut self, id: &str, kind: SubKind) -> Result<Self, BadId> {
        self.subs.push((check(id, "sub-device", 10..=10, "ten hex digits")?, kind));
        Ok(self)
    }

    /// It knocks, but nobody enrols it.
    #[must_use]
    pub fn stranger(self) -> Self {
        Self { enrol: false, ..self }
    }

    /// Runs this master alone against `server`.
    pub async fn connect(self, server: SocketAddr) -> Fleet {
        Fleet::alone(DevicePlan::Master(self), server).await
    }
}

/// A JT709C.
#[derive(Debug, Clone)]
pub struct Seal {
    pub(super) id: String,
    pub(super) pace: Pace,
    pub(super) password: Hidden,
    pub(super) udp: bool,
}

impl Seal {
    /// `id`: ten to twelve decimal digits, no leading zero.
    pub fn new(id: &str) -> Result<Self, BadId> {
        let id = check(id, "seal", 10..=12, "ten to twelve decimal digits")?;
        Ok(Self { id, pace: Pace::lively(), password: Hidden::default(), udp: false })
    }

    #[must_use]
    pub fn pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    #[must_use]
    pub fn password(self, password: &str) -> Self {
        Self { password: Hidden(Some(password.to_owned())), ..self }
    }

    /// Reports over UDP.
    #[must_use]
    pub fn udp(self) -> Self {
        Self { udp: true, ..self }
    }

    /// Runs this seal alone against `server`.
    pub async fn connect(self, server: SocketAddr) -> Fleet {
        Fleet::alone(DevicePlan::Seal(self), server).await
    }
}

/// A PT621 or PT-600.
#[derive(Debug, Clone)]
pub struct Tracker {
    pub(super) id: String,
    pub(super) pace: Pace,
    pub(super) model: &'static str,
    pub(super) dialect: Dialect,
    pub(super) picture: u32,
    pub(super) udp: bool,
    pub(super) enrol: bool,
}

impl Tracker {
    /// `id`: 4 to 15 decimal digits; leading zeros count. Speaks whole sentences in frames.
    pub fn pt621(id: &str) -> Result<Self, BadId> {
        Self::new(id, "PT621", Dialect::Framed)
    }

    /// `id`: 4 to 15 decimal digits; leading zeros count. Speaks deltas.
    pub fn pt600(id: &str) -> Result<Self, BadId> {
        Self::new(id, "PT-600", Dialect::Deltas)
    }

    fn new(id: &str, model: &'static str, dialect: Dialect) -> Result<Self, BadId> {
        let id = check(id, "tracker", 4..=15, "4 to 15 decimal digits")?;
        Ok(Self { id, pace: Pace::lively(), model, dialect, picture: 2400, udp: false, enrol: true })
    }

    #[must_use]
    pub fn pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    #[must_use]
    pub fn dialect(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// Bytes of a picture, about; a little more than half a megabyte at most.
    #[must_use]
    pub fn pictures_of(self, bytes: u32) -> Self {
        Self { picture: bytes.min(500_000), ..self }
    }

    /// Reports over UDP. Deltas become whole sentences: a lost one would break the chain.
    #[must_use]
    pub fn udp(self) -> Self {
        Self { udp: true, ..self }
    }

    /// It knocks, but nobody enrols it.
    #[must_use]
    pub fn stranger(self) -> Self {
        Self { enrol: false, ..self }
    }

    /// Runs this tracker alone against `server`.
    pub async fn connect(self, server: SocketAddr) -> Fleet {
        Fleet::alone(DevicePlan::Tracker(self), server).await
    }
}

/// One device with a modem.
#[derive(Debug, Clone)]
pub enum DevicePlan {
    Master(MasterLock),
    Seal(Seal),
    Tracker(Tracker),
}

impl From<MasterLock> for DevicePlan {
    fn from(plan: MasterLock) -> Self {
        Self::Master(plan)
    }
}

impl From<Seal> for DevicePlan {
    fn from(plan: Seal) -> Self {
        Self::Seal(plan)
    }
}

impl From<Tracker> for DevicePlan {
    fn from(plan: Tracker) -> Self {
        Self::Tracker(plan)
    }
}

/// A vehicle and what is on it.
#[derive(Debug, Clone)]
pub struct AssetPlan {
    pub(super) name: String,
    pub(super) plate: Option<String>,
    /// Which of the roads it drives.
    pub(super) road: usize,
    /// How long it stands before it drives off; without this it is on its way.
    pub(super) parked: Option<Duration>,
    pub(super) devices: Vec<DevicePlan>,
}

impl AssetPlan {
    /// A vehicle; it drives one of a few roads, `road` modulo their number.
    #[must_use]
    pub fn new(name: &str, plate: Option<&str>, road: usize) -> Self {
        Self {
            name: name.to_owned(),
            plate: plate.map(str::to_owned),
            road,
            parked: None,
            devices: Vec::new(),
        }
    }

    /// It begins its day standing at the start of its road, and drives off after `wait` (before any speed-up).
    #[must_use]
    pub fn parked(self, wait: Duration) -> Self {
        Self { parked: Some(wait), ..self }
    }

    #[must_use]
    pub fn with(mut self, device: impl Into<DevicePlan>) -> Self {
        self.devices.push(device.into());
        self
    }
}

/// A whole fleet. `Default` is the demo's.
#[derive(Debug, Clone)]
pub struct FleetPlan {
    pub(super) seed: u64,
    pub(super) speed_up: f64,
    pub(super) assets: Vec<AssetPlan>,
    pub(super) scenario: bool,
    pub(super) noise: bool,
}

impl FleetPlan {
    /// Nothing yet: no scenario, no noise. Everything random comes from `seed`; the same seed and plan tell the same
    /// story, but for the wall clock.
    #[must_use]
    pub fn empty(seed: u64) -> Self {
        Self { seed, speed_up: 1.0, assets: Vec::new(), scenario: false, noise: false }
    }

    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// All waits `factor` times shorter (limits: [`Pace::sped_up`]). Vehicles still drive in real time, so that
    /// their speed fits their motion; only their stops shorten.
    #[must_use]
    pub fn speed_up(self, factor: f64) -> Self {
        Self { speed_up: factor, ..self }
    }

    #[must_use]
    pub fn with(mut self, asset: AssetPlan) -> Self {
        self.assets.push(asset);
        self
    }

    /// Things happen by themselves: locks are used at stops, and every 20 to 40 s something goes wrong somewhere.
    #[must_use]
    pub fn scenario(self, on: bool) -> Self {
        Self { scenario: on, ..self }
    }

    /// One connection more that sends rubbish.
    #[must_use]
    pub fn noise(self, on: bool) -> Self {
        Self { noise: on, ..self }
    }
}

impl Default for FleetPlan {
    fn default() -> Self {
        super::demo::plan().expect("the demo's IDs are constants, and a test builds them")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_no_device_can_send_is_refused_by_name() {
        let bad = MasterLock::new("12345").unwrap_err().to_string();
        assert_eq!(bad, "'12345' is no ID of a master lock: it needs ten decimal digits");
        assert!(MasterLock::new("80006200AB").is_err());
        assert!(MasterLock::new("8000620011").unwrap().sub_lock("E01726000").is_err());
        assert!(Seal::new("0123456789012").is_err());
        assert!(Tracker::pt621("123").is_err());
        assert_eq!(
            MasterLock::new("8000620011").unwrap().valve_lock("e0fa000001").unwrap().subs[0].0,
            "E0FA000001"
        );
    }

    #[test]
    fn a_password_is_not_told_by_debug() {
        let text = format!("{:?}", MasterLock::new("8000620011").unwrap().password("471108"));
        assert!(!text.contains("471108") && text.contains("••••••"), "{text}");
    }
}
