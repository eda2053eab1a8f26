//! `lockyard identity`: which of two sources of one ID is the device.

use super::Failure;
use super::setup::Setup;
use crate::domain::identity::IdentityDecision;
use crate::domain::text;
use crate::ipc::wire::{Answer, Ask};

pub(super) fn run(
    common: &super::Common,
    id: &str,
    decision: IdentityDecision,
    note: String,
) -> Result<(), Failure> {
    let setup = Setup::load(common)?;
    let device = super::enrol::device(&setup, id, None)?;
    match setup.ask_node(Ask::Identity { device, decision, note })? {
        Some(Answer::Done { text }) => super::say(&text::clean(&text)),
        Some(Answer::Refused { why }) => Err(Failure::Refused(why)),
        Some(other) => Err(Failure::Failed(format!("the node answered something else: {other:?}"))),
        None => Err(Failure::NoNode("no node runs here: only a running one knows who speaks".into())),
    }
}
