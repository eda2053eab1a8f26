//! The oldest trackers: `(S..)`. No reply is documented.

use crate::domain::Protocol;
use crate::domain::order::CommandClass::{Configure, Vehicle};
use crate::protocol::catalogue::spec::{Command, SILENT, one_of, whole};

const LEGACY: Protocol = Protocol::JointechLegacy;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "engine",
        protocol: LEGACY,
        class: Vehicle,
        purpose: "cut or restore the engine",
        params: &[one_of("state", &[("cut", "0"), ("restore", "1")], "the engine from now on")],
        reply: SILENT,
    },
    Command {
        name: "clock_zone",
        protocol: LEGACY,
        class: Configure,
        purpose: "the device's time zone",
        params: &[whole("minutes", -720, 840, "min", "east of UTC")],
        reply: SILENT,
    },
    Command {
        name: "restart",
        protocol: LEGACY,
        class: Configure,
        purpose: "restart the device",
        params: &[],
        reply: SILENT,
    },
];
