//! `enrol`: through the node if one runs, else into the data directory.

use super::setup::Setup;
use super::{Common, Failure};
use crate::domain::journal::{Body, RegistryAct};
use crate::domain::{DeviceKey, DeviceKind, Maker, text};
use crate::ipc::server::Peer;
use crate::ipc::wire::{Answer, Ask};
use crate::node::{self, Enrolment};
use crate::store::{AuditRow, NewEntry};

pub(super) fn run(
    common: &Common,
    id: &str,
    asset: Option<String>,
    kind: Option<DeviceKind>,
    bind_to: Option<&str>,
) -> Result<(), Failure> {
    let setup = Setup::load(common)?;
    let bind_to = bind_to.map(|master| parse(master).map_err(Failure::Failed)).transpose()?;
    let bind_to = bind_to.map(|(maker, id)| DeviceKey::new(maker.unwrap_or(Maker::Jointech), &id));
    let device = named(&setup, id, kind)?;
    let ask = Ask::Enrol { device: device.clone(), asset: asset.clone(), kind, bind_to: bind_to.clone() };
    let said = match setup.ask_node(ask)? {
        Some(Answer::Done { text }) => text,
        Some(Answer::Refused { why }) => return Err(Failure::Refused(why)),
        Some(other) => return Err(Failure::Failed(format!("the node answered something else: {other:?}"))),
        None => offline(&setup, &device, asset, kind, bind_to)?,
    };
    super::say(&text::clean(&said))
}

/// The device somebody means by `maker/ID` or by an ID alone.
pub(super) fn known(setup: &Setup, id: &str) -> Result<DeviceKey, Failure> {
    named(setup, id, None)
}

fn named(setup: &Setup, id: &str, kind: Option<DeviceKind>) -> Result<DeviceKey, Failure> {
    let (maker, id) = parse(id).map_err(Failure::Failed)?;
    match maker {
        Some(maker) => Ok(DeviceKey::new(maker, &id)),
        None => find(setup, &id, kind),
    }
}

/// `maker/ID`, or an ID alone.
fn parse(text: &str) -> Result<(Option<Maker>, String), String> {
    if text.contains('/') {
        let key: DeviceKey = text.parse().map_err(|e: crate::domain::ids::BadDeviceKey| e.to_string())?;
        return Ok((Some(key.maker), key.id.to_string()));
    }
    // The same rule for the ID itself, whatever its maker.
    let key: DeviceKey = format!("jointech/{text}")
        .parse()
        .map_err(|_| format!("'{}' is not a device ID: letters and digits, at most 32", text::clean(text)))?;
    Ok((None, key.id.to_string()))
}

/// Whose ID it is: of one heard or enrolled; else by its shape.
fn find(setup: &Setup, id: &str, kind: Option<DeviceKind>) -> Result<DeviceKey, Failure> {
    let known: Vec<DeviceKey> = match super::list::fetch(setup, true) {
        Ok(rows) => {
            let keys =
                rows.devices.iter().map(|row| &row.key).chain(rows.quarantine.iter().map(|row| &row.key));
            let mut keys: Vec<DeviceKey> = keys.filter(|key| *key.id == *id).cloned().collect();
            keys.sort();
            keys.dedup();
            keys
        }
        Err(_) => Vec::new(), // nothing is stored yet: then nothing is known
    };
    match known.as_slice() {
        [one] => Ok(one.clone()),
        [] => Ok(DeviceKey::new(maker_of(id, kind), id)),
        _ => Err(Failure::Failed(format!("two devices are called {id}: write jointech/{id} or bofan/{id}"))),
    }
}

/// Trackers are Bofan's, and so are long IDs (the end of an IMEI); the others are Jointech's.
fn maker_of(id: &str, kind: Option<DeviceKind>) -> Maker {
    let tracker = match kind {
        Some(kind) => kind == DeviceKind::Tracker,
        None => id.len() >= 13 && id.bytes().all(|b| b.is_ascii_digit()),
    };
    if tracker { Maker::Bofan } else { Maker::Jointech }
}

fn offline(
    setup: &Setup,
    device: &DeviceKey,
    asset: Option<String>,
    kind: Option<DeviceKind>,
    bind_to: Option<DeviceKey>,
) -> Result<String, Failure> {
    let peer = Peer::own();
    let opened = setup.open_store()?;
    let (state, _) = node::read_state(&opened.reader, setup.times()).map_err(Failure::failed)?;
    let wanted = Enrolment { device, asset, kind, bind_to, by: &peer.name };
    let act = node::plan_enrolment(&state, None, &wanted).map_err(Failure::Refused)?;
    let RegistryAct::Enrol { asset, kind, .. } = &act;
    let said = format!("{} enrolled as {} on {asset}", device.id, kind.word());
    let now = chrono::Utc::now();
    let audit = AuditRow {
        at: now,
        who: peer.name.clone(),
        uid: Some(peer.uid),
        act: "enrol".into(),
        object: device.to_string(),
        result: "done".into(),
        note: said.clone(),
        seq: None,
    };
    let entry = NewEntry { at: now, body: Body::Registry(act), audit: Some(audit) };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async move {
        let crate::store::Opened { store, committed, .. } = opened;
        store.append(entry).await.map_err(Failure::failed)?;
        drop(committed);
        store.close().await;
        Ok::<(), Failure>(())
    })?;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_are_guessed_from_kind_then_from_the_id() {
        assert_eq!(maker_of("8000620011", None), Maker::Jointech);
        assert_eq!(maker_of("20007", Some(DeviceKind::Tracker)), Maker::Bofan);
        assert_eq!(maker_of("865328026243864", None), Maker::Bofan);
        assert_eq!(maker_of("E03B60000A", None), Maker::Jointech);
        assert_eq!(parse("bofan/20007").unwrap(), (Some(Maker::Bofan), "20007".to_owned()));
        assert!(parse("a b").is_err());
        assert!(parse("acme/1").is_err());
    }
}
