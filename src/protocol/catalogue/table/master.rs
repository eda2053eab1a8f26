//! Master locks: `P` words, and `WLNET` for what is bound to them. Ranges and replies: JT701D manual V1.4 and field
//! notes; readings of settings, P03, P29, P37, P63, P97 and P99: open integrations of two fleets.

use crate::domain::Protocol;
use crate::domain::order::CommandClass::{self, Configure, Credential, Physical, Read};
use crate::protocol::catalogue::spec::{
    Chars, Command, Kind, POSITION, Param, REPLY, Reply, SILENT, TAIL, Yes, leading, off_or, one_of, secret,
    switch, text, whole,
};

const fn command(
    name: &'static str,
    class: CommandClass,
    params: &'static [Param],
    reply: Reply,
    purpose: &'static str,
) -> Command {
    Command { name, protocol: Protocol::JointechMaster, class, purpose, params, reply }
}

const PASSWORD: Param = secret("password", Chars::Alnum, 1, 16, "the lock's password");
const PAGE: Param = whole("page", 1, 25, "", "page of the list");
const CARDS: Param = Param { name: "cards", kind: Kind::Cards { most: 20 }, what: "cards, ten digits each" };
const SUBS: Param =
    Param { name: "subs", kind: Kind::Subs { most: 66 }, what: "the whole list of sub-devices" };
const POINTS: Param =
    Param { name: "points", kind: Kind::Points { most: 10 }, what: "corners: lat lon; lat lon; …" };

const SERVER: &[Param] = &[
    Param { name: "host", kind: Kind::Host, what: "host name or IPv4 address" },
    Param { name: "port", kind: Kind::Port, what: "port" },
    text("apn", Chars::Net, 0, 50, "APN of the SIM"),
    text("user", Chars::Net, 0, 50, "user of the APN"),
    secret("password", Chars::Password, 0, 50, "password of the APN"),
];

/// Where an alarm goes.
const ROUTE: &[(&str, &str)] = &[("off", "0"), ("data", "1"), ("sms", "2"), ("both", "3")];

const ALARMS: &[Param] = &[
    one_of("rope_cut", ROUTE, "rope cut"),
    one_of("illegal_card", ROUTE, "card that is not enrolled"),
    one_of("open_too_long", ROUTE, "unlocked too long"),
    one_of("wrong_password", ROUTE, "five wrong passwords"),
    one_of("vibration", ROUTE, "vibration"),
    one_of("enter_fence", ROUTE, "enters a fence"),
    one_of("exit_fence", ROUTE, "leaves a fence"),
    one_of("low_battery", ROUTE, "low battery"),
    one_of("cover", ROUTE, "back cover opened"),
    one_of("motor_stuck", ROUTE, "motor stuck"),
];

pub(super) const COMMANDS: &[Command] = &[
    // Openings. Sent by the unlock dialog, never as a plain order.
    command("open_static", Physical, &[PASSWORD], flag(&[], 0), "open the lock with its static password"),
    command(
        "open_dynamic",
        Physical,
        &[PASSWORD],
        flag(&["3"], 1),
        "open the lock with its dynamic password",
    ),
    command(
        "open_relay",
        Physical,
        &[whole("minutes", 1, 5, "min", "how long the master offers it")],
        leading(&["8"]),
        "have the master open one sub-lock at its next wake",
    ),
    // What is bound.
    command("bound_list", Read, &[], leading(&["1"]), "list the sub-devices bound to the master"),
    command("bind", Credential, &[SUBS], leading(&["1"]), "replace the list of bound sub-devices"),
    command("unbind_all", Credential, &[], leading(&["1"]), "empty the list of bound sub-devices"),
    command(
        "sub_heartbeat",
        Configure,
        &[
            off_or("beat", 5, 86_400, "s", "heartbeat of sub-devices, 0 off"),
            off_or("alarm", 5, 86_400, "s", "alarm when one is not heard, 0 off"),
        ],
        leading(&["18"]),
        "heartbeat of sub-devices and the time after which one counts as lost",
    ),
    command("sub_firmware", Read, &[], leading(&["4"]), "firmware of the radio and of sub-devices"),
    command(
        "sensor_interval",
        Configure,
        // The manual's own range is not at hand; a day is ours.
        &[whole("minutes", 1, 1440, "min", "between two readings of a JT126")],
        leading(&["2"]),
        "how often sensors report",
    ),
    // Reading.
    command(
        "position",
        Read,
        &[],
        POSITION,
        "ask where it is (by SMS documented; here silence is no failure)",
    ),
    command("firmware", Read, &[], REPLY, "firmware and battery"),
    command("imei", Read, &[], REPLY, "IMEI of the modem"),
    command("imsi", Read, &[], leading(&["1"]), "IMSI of the SIM"),
    command("iccid", Read, &[], leading(&["2"]), "card number of the SIM"),
    command("unsent_records", Read, &[], REPLY, "how many records wait in the lock"),
    // Reporting and sleep.
    command(
        "wake_interval",
        Configure,
        &[
            whole("seconds", 5, 3600, "s", "between two reports while awake"),
            whole("minutes", 5, 1440, "min", "between two wakes"),
        ],
        TAIL,
        "how often it reports while awake, and how often it wakes",
    ),
    command("read_wake_interval", Read, &[], REPLY, "read the report and wake intervals"),
    command(
        "awake_time",
        Configure,
        &[whole("minutes", 3, 10, "min", "awake after a wake")],
        TAIL,
        "how long it stays awake",
    ),
    command("read_awake_time", Read, &[], REPLY, "read how long it stays awake"),
    command(
        "tracking",
        Configure,
        &[switch("on", "always on, or asleep between wakes")],
        TAIL,
        "tracking mode",
    ),
    command("read_tracking", Read, &[], REPLY, "read the tracking mode"),
    command("restart", Configure, &[], SILENT, "restart the device, 30 s later"),
    command("sleep", Configure, &[], SILENT, "go to sleep, 30 s later"),
    command(
        "deep_sleep",
        Credential, // a lock in deep sleep hears nobody
        &[switch("on", "deep sleep allowed"), whole("percent", 0, 90, "%", "below this battery")],
        TAIL,
        "silence until charged below a battery level: it shuts us out while it lasts",
    ),
    command("read_deep_sleep", Read, &[], REPLY, "read the deep sleep setting"),
    command(
        "motion",
        Configure,
        &[off_or("milli_g", 63, 8000, "mg", "shock that counts as motion, 0 off")],
        TAIL,
        "sensitivity of the motion sensor",
    ),
    command("read_motion", Read, &[], REPLY, "read the motion sensitivity"),
    command(
        "drift_filter",
        Configure,
        &[switch("on", "keep a parked position still")],
        TAIL,
        "freeze the position while parked",
    ),
    command("read_drift_filter", Read, &[], REPLY, "read the drift filter"),
    command(
        "gnss_saving",
        Configure,
        &[switch("on", "let the receiver sleep between fixes")],
        TAIL,
        "power saving of the satellite receiver",
    ),
    command("read_gnss_saving", Read, &[], REPLY, "read the receiver's power saving"),
    command(
        "turn_points",
        Configure,
        &[
            whole("seconds", 1, 600, "s", "between two looks at the heading"),
            whole("degrees", 5, 180, "°", "turn that makes a report"),
        ],
        TAIL,
        "extra positions in turns",
    ),
    command("turn_points_off", Configure, &[], REPLY, "no extra positions in turns"),
    command("read_turn_points", Read, &[], REPLY, "read the setting for turns"),
    // Alarms and limits.
    command("alarm_switches", Configure, ALARMS, REPLY, "which alarms it tells, and by which way"),
    command(
        "low_battery_limit",
        Configure,
        &[whole("percent", 0, 90, "%", "alarm below this battery")],
        TAIL,
        "when the low battery alarm comes",
    ),
    command("read_low_battery_limit", Read, &[], REPLY, "read the low battery limit"),
    command(
        "long_unlock_limit",
        Configure,
        &[whole("minutes", 3, 180, "min", "unlocked for longer is an alarm")],
        TAIL,
        "when unlocked too long becomes an alarm",
    ),
    command("read_long_unlock_limit", Read, &[], REPLY, "read the limit for unlocked too long"),
    command(
        "auto_lock",
        Configure,
        &[whole("minutes", 1, 10, "min", "until it locks by itself")],
        TAIL,
        "when it locks by itself after an opening",
    ),
    command("read_auto_lock", Read, &[], REPLY, "read when it locks by itself"),
    command(
        "report_fields",
        Configure,
        &[one_of("fields", &[("none", "0"), ("imei", "1"), ("fence", "2"), ("both", "3")], "what is added")],
        TAIL,
        "extra fields of lock reports",
    ),
    command(
        "fence_points",
        Configure,
        &[
            whole("fence", 1, 10, "", "number of the fence"),
            whole("part", 1, 5, "", "which ten corners: 1 the first"),
            POINTS,
        ],
        REPLY,
        "corners of a fence in the device",
    ),
    // Passwords, cards, servers.
    command(
        "change_password",
        Credential,
        &[
            secret("new", Chars::Alnum, 1, 16, "the password from now on"),
            secret("old", Chars::Alnum, 1, 16, "the password until now"),
        ],
        flag(&[], 0),
        "change the static password; never in answer to a failed opening",
    ),
    command(
        "dynamic_password",
        Credential,
        &[switch("on", "dynamic passwords"), switch("fence", "only inside its fences")],
        Reply { leading: &["1"], yes: Yes::Tail, may_be_silent: false },
        "dynamic passwords and their fence rule",
    ),
    command("dynamic_password_mode", Read, &[], leading(&["1"]), "read whether dynamic passwords are on"),
    command(
        "read_dynamic_password",
        Read,
        &[],
        leading(&["0"]),
        "have the lock tell its dynamic password again",
    ),
    command(
        "unlock_channels",
        Credential,
        &[
            switch("sms", "opening by SMS"),
            switch("rfid", "opening by card"),
            switch("serial_port", "opening by cable"),
            switch("bluetooth", "opening by Bluetooth"),
        ],
        REPLY,
        "which ways open the lock; the data line always does",
    ),
    command("card_list", Read, &[PAGE], leading(&["{page}"]), "cards that open the lock"),
    command("card_add", Credential, &[CARDS], leading(&["1"]), "let cards open the lock"),
    command("card_delete", Credential, &[CARDS], leading(&["2"]), "take cards away"),
    command("card_clear", Credential, &[], leading(&["3"]), "take all cards away"),
    command("server", Credential, SERVER, REPLY, "send it to another server: we may not hear it again"),
    command("second_server", Credential, SERVER, REPLY, "its second server"),
    command("read_server", Read, &[], REPLY, "read which server it speaks to"),
    command("read_second_server", Read, &[], REPLY, "read its second server"),
];

const fn flag(leading: &'static [&'static str], at: usize) -> Reply {
    Reply { leading, yes: Yes::Flag { at }, may_be_silent: false }
}
