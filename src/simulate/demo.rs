//! The demo's fleet: eight vehicles with 24 devices, one stranger, one source of rubbish.

use super::{AssetPlan, BadId, FleetPlan, MasterLock, Pace, Seal, Tracker};
use std::time::Duration;

pub(super) fn plan() -> Result<FleetPlan, BadId> {
    let sleeper = Pace::lively().sleeping(Duration::from_secs(40), Duration::from_secs(60));
    Ok(FleetPlan::empty(42)
        .scenario(true)
        .noise(true)
        .with(
            // Stands at its terminal at first, so that whoever has just started the demo can open a lock.
            AssetPlan::new("Tanker 01", Some("TK-1001"), 0).parked(Duration::from_secs(300)).with(
                MasterLock::new("8051000001")?
                    .valve_lock("E0FA010001")?
                    .valve_lock("E0FA010002")?
                    .valve_lock("E0FA010003")?
                    .sub_lock("E03B010004")?,
            ),
        )
        .with(
            AssetPlan::new("Tanker 02", Some("TK-1002"), 1).with(
                MasterLock::new("8051000002")?
                    .dynamic_password()
                    .valve_lock("E0FA020001")?
                    .valve_lock("E0FA020002")?
                    .valve_lock("E0FA020003")?
                    .sensor("1021020004")?,
            ),
        )
        .with(
            AssetPlan::new("Tanker 03", Some("TK-1003"), 2).with(
                MasterLock::new("8051000003")?
                    .valve_lock("E0FA030001")?
                    .valve_lock("E0FA030002")?
                    .sub_lock("E03B030003")?
                    .sub_lock("E03B030004")?,
            ),
        )
        .with(
            // Asleep most of the time: unlocks for it wait for its next wake.
            AssetPlan::new("Trailer 04", Some("TR-1004"), 1).with(
                MasterLock::new("8051000004")?
                    .pace(sleeper)
                    .sub_lock("E03B040001")?
                    .sub_lock("E03B040002")?,
            ),
        )
        .with(
            AssetPlan::new("Container 11", Some("CT-1011"), 0)
                .with(Seal::new("794308000011")?)
                .with(Tracker::pt621("86800000000011")?),
        )
        .with(
            AssetPlan::new("Container 12", Some("CT-1012"), 2)
                .parked(Duration::from_secs(150))
                .with(Seal::new("794308000012")?.udp())
                .with(Tracker::pt621("86800000000012")?),
        )
        .with(AssetPlan::new("Van 21", Some("VN-1021"), 3).with(Tracker::pt600("86800000000021")?))
        .with(AssetPlan::new("Van 22", Some("VN-1022"), 3).with(Tracker::pt600("86800000000022")?.udp()))
        .with(AssetPlan::new("Stranger", None, 1).with(Tracker::pt621("86899999999999")?.stranger())))
}
