//! Seals: text commands `(ID,1,serial,WORD,index,…)` and JT/T 808 messages. The words that open them are in no public
//! source: the openings are here so that a profile can name them. That a seal obeys what the standard says is not known.

use crate::domain::Protocol;
use crate::domain::order::CommandClass::{self, Configure, Credential, Physical, Read};
use crate::protocol::catalogue::spec::{
    Chars, Command, Kind, POSITION, Param, Reply, SILENT, Yes, secret, text, whole,
};

const fn command(
    name: &'static str,
    class: CommandClass,
    params: &'static [Param],
    reply: Reply,
    purpose: &'static str,
) -> Command {
    Command { name, protocol: Protocol::JointechSeal, class, purpose, params, reply }
}

const PASSWORD: Param = secret("password", Chars::Alnum, 1, 16, "the seal's password");

/// Answered by 0x0001 with the serial and a result.
const RESULT: Reply = Reply { leading: &[], yes: Yes::Result, may_be_silent: false };

pub(super) const COMMANDS: &[Command] = &[
    command("position", Read, &[], POSITION, "ask where it is"),
    command(
        "interval",
        Configure,
        &[whole("seconds", 5, 86_400, "s", "between two reports")], // the range is ours
        RESULT,
        "how often it reports while awake",
    ),
    command(
        "wake_interval",
        Configure,
        &[whole("seconds", 60, 86_400, "s", "between two reports")], // the range is ours
        RESULT,
        "how often it reports while asleep",
    ),
    command("restart", Configure, &[], RESULT, "restart the device"),
    command("open_static", Physical, &[PASSWORD], SILENT, "open the seal with its static password"),
    command("open_dynamic", Physical, &[PASSWORD], SILENT, "open the seal with its dynamic password"),
    command(
        "server",
        Credential,
        &[
            Param { name: "host", kind: Kind::Host, what: "host name or IPv4 address" },
            Param { name: "port", kind: Kind::Port, what: "port" },
            text("apn", Chars::Net, 1, 50, "APN of the SIM"),
        ],
        SILENT,
        "send it to another server: we may not hear it again (documented by SMS)",
    ),
    command(
        "server_login",
        Credential,
        &[
            text("user", Chars::Net, 1, 50, "user of the APN"),
            secret("password", Chars::Password, 1, 50, "password of the APN"),
        ],
        SILENT,
        "user and password of its APN (documented by SMS)",
    ),
];
