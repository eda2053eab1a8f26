//! `send` and `bind`: orders through the node, and what became of them as an exit code.

use super::list::table;
use super::setup::Setup;
use super::{Common, Failure, Follow, enrol};
use crate::domain::{Exchange, text};
use crate::fleet::snapshot::{OrderRow, Verified};
use crate::ipc::client::Ordered;
use crate::ipc::wire::{Answer, Ask, CommandHelp};
use std::time::Duration;

pub(super) fn run(
    common: &Common,
    device: &str,
    command: String,
    args: &[String],
    note: Option<String>,
    follow: &Follow,
) -> Result<(), Failure> {
    let args = args.iter().map(|arg| argument(arg)).collect::<Result<Vec<_>, _>>()?;
    let setup = Setup::load(common)?;
    let target = enrol::device(&setup, device, None)?;
    let ask = Ask::Order { target, command, args, note: note.unwrap_or_default() };
    give(&setup, ask, follow)
}

pub(super) fn bind(
    common: &Common,
    master: &str,
    add: Vec<String>,
    remove: Vec<String>,
    note: Option<String>,
    follow: &Follow,
) -> Result<(), Failure> {
    let setup = Setup::load(common)?;
    let master = enrol::device(&setup, master, None)?;
    give(&setup, Ask::Bind { master, add, remove, note: note.unwrap_or_default() }, follow)
}

/// `name=value`.
fn argument(text: &str) -> Result<(String, String), Failure> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| Failure::Usage(format!("'{}' is no argument: write name=value", text::clean(text))))?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

fn no_node(setup: &Setup) -> Failure {
    Failure::NoNode(format!("no node runs on {}; `lockyard serve` starts one", setup.data.display()))
}

/// What the node says instead of doing it.
fn not(answer: Answer) -> Failure {
    match answer {
        Answer::Wrong { why } => Failure::Usage(text::clean(&why)),
        Answer::Refused { why } => Failure::Refused(text::clean(&why)),
        other => Failure::Failed(format!("the node answered something else: {other:?}")),
    }
}

fn give(setup: &Setup, ask: Ask, follow: &Follow) -> Result<(), Failure> {
    let (command, row) = match setup.order_node(ask, follow.wait)?.ok_or_else(|| no_node(setup))? {
        Ordered::Not(answer) => return Err(not(answer)),
        Ordered::Row { command, row } => (command, row),
    };
    let Some(wait) = follow.wait else {
        if follow.json {
            return super::say(&serde_json::json!({ "id": command }).to_string());
        }
        return super::say(&format!(
            "order {command} is queued; `lockyard list commands` shows what becomes of it"
        ));
    };
    let row =
        row.ok_or_else(|| Failure::Uncertain(format!("order {command}: nothing was heard of it in time")))?;
    if follow.json {
        super::say(&serde_json::to_string_pretty(&row).map_err(Failure::failed)?)?;
    }
    let words = ending(&row, wait)?;
    if follow.json { Ok(()) } else { super::say(&text::clean(&words)) }
}

/// What became of an order: words for people when it is well.
///
/// # Errors
/// Its failure, with the exit code of its kind.
fn ending(row: &OrderRow, wait: Duration) -> Result<String, Failure> {
    let detail = row.detail.as_deref().unwrap_or(row.exchange.words());
    let said =
        row.told.as_deref().or(row.answer.as_deref()).map(|said| format!(": {said}")).unwrap_or_default();
    let words = text::clean(&format!("order {}: {detail}{said}", row.id));
    if row.verified == Some(Verified::No) {
        return Err(Failure::Failed(words));
    }
    match row.exchange {
        Exchange::AnsweredOk | Exchange::SentOnly => Ok(words),
        Exchange::Queued => Err(Failure::Uncertain(format!(
            "order {}: not sent within {} s, it waits for the device until {}",
            row.id,
            wait.as_secs(),
            row.expires.format("%Y-%m-%dT%H:%M:%SZ")
        ))),
        Exchange::Sent => {
            Err(Failure::Uncertain(format!("order {}: sent, no answer within {} s", row.id, wait.as_secs())))
        }
        Exchange::Uncertain | Exchange::Relayed => Err(Failure::Uncertain(words)),
        Exchange::Refused | Exchange::Expired | Exchange::Cancelled | Exchange::Withheld => {
            Err(Failure::Failed(words))
        }
    }
}

/// What a device can be told.
pub(super) fn list(common: &Common, device: &str, json: bool) -> Result<(), Failure> {
    let setup = Setup::load(common)?;
    let device = enrol::device(&setup, device, None)?;
    let catalogue = match setup.ask_node(Ask::Catalogue { device })?.ok_or_else(|| no_node(&setup))? {
        Answer::Catalogue { catalogue } => catalogue,
        other => return Err(not(other)),
    };
    if json {
        return super::say(&serde_json::to_string_pretty(&catalogue).map_err(Failure::failed)?);
    }
    let heading = ["COMMAND", "CLASS", "PROOF", "ARGUMENTS", "PURPOSE"].map(String::from).to_vec();
    let rows: Vec<Vec<String>> =
        std::iter::once(heading).chain(catalogue.commands.iter().map(line)).collect();
    super::say(table(&rows).trim_end())
}

fn line(help: &CommandHelp) -> Vec<String> {
    let params = help.params.iter().map(|param| {
        let name = if param.optional { format!("[{}]", param.name) } else { param.name.clone() };
        format!("{name}={}", param.range)
    });
    let purpose = match &help.not_here {
        Some(why) => format!("{}; not sent from here: {why}", help.purpose),
        None => help.purpose.clone(),
    };
    let arguments = params.collect::<Vec<_>>().join("  ");
    let arguments = if arguments.is_empty() { "-".to_owned() } else { arguments };
    vec![help.name.clone(), help.class.word().into(), help.proof.word().into(), arguments, purpose]
}
