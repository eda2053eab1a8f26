//! Bofan trackers: `#WORD…` lines. No reply was ever captured: any line that is no report counts as one, and an output
//! is proven by the report that shows it.

use crate::domain::Protocol;
use crate::domain::order::CommandClass::{self, Configure, Credential, Read, Vehicle};
use crate::protocol::catalogue::spec::{
    Chars, Command, Kind, OFFER, POSITION, Param, Reply, SILENT, Yes, one_of, secret, switch, text, whole,
};

const fn command(
    name: &'static str,
    class: CommandClass,
    params: &'static [Param],
    reply: Reply,
    purpose: &'static str,
) -> Command {
    Command { name, protocol: Protocol::Bofan, class, purpose, params, reply }
}

const APN: Param = text("apn", Chars::Net, 1, 50, "APN of the SIM");

/// Alarms whose code is known, by the event they become.
const ALARM: &[(&str, &str)] = &[
    ("input_1", "IN1"),
    ("input_2", "IN2"),
    ("input_3", "IN3"),
    ("input_4", "IN4"),
    ("input_5", "IN5"),
    ("overspeed", "SPD"),
    ("geofence", "GEO"),
    ("low_battery", "LPA"),
    ("power_cut", "CPA"),
    ("vibration", "SKA"),
    ("mileage", "MLA"),
];

const NUMBER: &str = "a telephone number, empty for none";

pub(super) const COMMANDS: &[Command] = &[
    command(
        "output",
        Vehicle,
        &[
            whole("line", 1, 8, "", "output, 1 the first"),
            one_of("state", &[("on", "1"), ("off", "0")], "on is active"),
        ],
        Reply { leading: &[], yes: Yes::Output, may_be_silent: true },
        "switch an output; the engine relay stops the vehicle while it is on",
    ),
    // Photos.
    command("photo", Read, &[], OFFER, "take a photo now"),
    command(
        "photo_chunk",
        Read,
        &[
            whole("offset", 0, 1_048_575, "bytes", "first byte"),
            whole("length", 1, 960, "bytes", "960 was answered by a real device; more is not known to be"),
        ],
        SILENT,
        "fetch a piece of a photo",
    ),
    // Reading.
    command("position", Read, &[], POSITION, "ask where it is"),
    command("firmware", Read, &[], SILENT, "firmware"),
    command("imei", Read, &[], SILENT, "IMEI of the modem"),
    command("supply_voltage", Read, &[], SILENT, "voltage of the vehicle"),
    // Settings.
    command(
        "interval",
        Configure,
        &[whole("seconds", 10, 1200, "s", "between two reports")],
        SILENT,
        "how often it reports while moving",
    ),
    command(
        "parked_interval",
        Configure,
        &[whole("seconds", 10, 86_400, "s", "between two reports")], // the upper end is ours
        SILENT,
        "how often it reports while parked",
    ),
    command(
        "speed_limit",
        Configure,
        &[whole("kmh", 10, 250, "km/h", "faster is an alarm")],
        SILENT,
        "limit of the overspeed alarm",
    ),
    command(
        "sms_zone",
        Configure,
        &[whole("hours", -12, 14, "h", "east of UTC")],
        SILENT,
        "time zone of its SMS texts; reports stay UTC",
    ),
    command(
        "power_cut_alarm",
        Configure,
        &[switch("on", "alarm when its power is cut")],
        SILENT,
        "alarm when the vehicle's power is cut",
    ),
    command(
        "alarm_route",
        Configure,
        &[
            one_of("alarm", ALARM, "which alarm"),
            switch("platform", "tell us"),
            switch("sms", "tell the SOS numbers"),
        ],
        SILENT,
        "where an alarm is told",
    ),
    command(
        "sos_numbers",
        Configure,
        &[
            text("first", Chars::Phone, 0, 20, NUMBER),
            text("second", Chars::Phone, 0, 20, NUMBER),
            text("third", Chars::Phone, 0, 20, NUMBER),
        ],
        SILENT,
        "telephone numbers that it calls and answers",
    ),
    // Identity, network, password.
    command(
        "device_id",
        Credential, // from then on it is another device to us
        &[text("new_id", Chars::Digits, 4, 15, "the ID it will send")],
        SILENT,
        "change the ID it sends: from then on it is another device",
    ),
    command(
        "server",
        Credential,
        &[
            Param { name: "host", kind: Kind::Host, what: "host name or IPv4 address" },
            Param { name: "port", kind: Kind::Port, what: "port" },
        ],
        SILENT,
        "send it to another server: we may not hear it again",
    ),
    command("apn", Credential, &[APN], SILENT, "APN of its SIM: a wrong one silences it"),
    command(
        "apn_login",
        Credential,
        &[
            APN,
            text("user", Chars::Net, 1, 50, "user of the APN"),
            secret("password", Chars::Password, 1, 50, "password of the APN"),
        ],
        SILENT,
        "APN with user and password",
    ),
    command(
        "change_password",
        Credential,
        &[secret("new", Chars::Digits, 6, 6, "the SMS password from now on")],
        SILENT,
        "change the password of its SMS commands",
    ),
];
