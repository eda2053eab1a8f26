//! One console's session: greeting, requests, and the rows that changed, at most ten times a second.

use super::core::{Node, lock};
use super::hub::{Dirty, Subscriber};
use super::naming::name_lines;
use super::orders::explain_answers;
use crate::domain::DeviceKey;
use crate::fleet::snapshot::{Delta, Snapshot};
use crate::ipc::server::Peer;
use crate::ipc::wire::{Answer, Ask, CHUNK, FromNode, Hello, MAX_LINE, PROTOCOL, Request, TailLine};
use crate::ipc::{Lines, LinkError, lines, receive, send};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// Least time between two deltas to one console.
const GAP: Duration = Duration::from_millis(100);

/// A console that takes nothing for this long is dropped; it may come again for a fresh snapshot.
const STUCK: Duration = Duration::from_secs(30);

/// A console that has not greeted by then is none.
const GREETING: Duration = Duration::from_secs(10);

/// Bytes of tail lines in one message; a longer line has a message of its own.
const TAIL_BYTES: usize = MAX_LINE / 8;

/// Who asks, and from which console.
#[derive(Debug, Clone)]
pub struct Caller {
    pub name: String,
    pub uid: u32,
    /// Number of the console's session: proposals are bound to it.
    pub console: u64,
}

static CONSOLES: AtomicU64 = AtomicU64::new(1);

/// Speaks with one console until it leaves, breaks the protocol, is stuck, or the node stops.
///
/// # Errors
/// Why the session ended, if not by either side's leave.
pub async fn converse<S>(
    node: Arc<Node>,
    stream: S,
    peer: Peer,
    stop: CancellationToken,
) -> Result<(), LinkError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let console = CONSOLES.fetch_add(1, Ordering::Relaxed);
    let caller = Caller { name: peer.name, uid: peer.uid, console };
    let subscriber = node.hub.subscribe();
    let outcome = talk(&node, lines(stream), &caller, &subscriber, stop).await;
    node.hub.leave(&subscriber);
    lock(&node.proposals).void(console);
    node.hub.node_changed();
    match outcome {
        Err(LinkError::Closed) | Ok(()) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn talk<S>(
    node: &Node,
    mut lines: Lines<S>,
    caller: &Caller,
    subscriber: &Subscriber,
    stop: CancellationToken,
) -> Result<(), LinkError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match tokio::time::timeout(GREETING, greet(node, &mut lines, caller)).await {
        Ok(greeted) => greeted?,
        Err(_) => return Err(LinkError::Broken(std::io::ErrorKind::TimedOut.into())),
    }
    let mut subscribed = false;
    let mut log = crate::telemetry::lines();
    let mut next_delta = tokio::time::Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => {
                return put(&mut lines, &FromNode::Goodbye { why: "the node stops".into() }).await;
            }
            request = receive::<_, Request>(&mut lines) => {
                let Request { id, ask } = request?;
                let answer = match ask {
                    Ask::Subscribe => {
                        subscribed = true;
                        drop(subscriber.take()); // the snapshot holds it all
                        Answer::Done { text: "subscribed".into() }
                    }
                    Ask::List { all } => {
                        send_snapshot(node.snapshot(all), &mut lines).await?;
                        Answer::Done { text: "listed".into() }
                    }
                    Ask::Tail { device } => {
                        subscriber.set_tail(Some(device.clone()), node.tail_so_far(&device));
                        Answer::Done { text: format!("tailing {device}") }
                    }
                    Ask::Untail => {
                        subscriber.set_tail(None, Vec::new());
                        Answer::Done { text: "tail ended".into() }
                    }
                    ask => node.answer(caller, ask).await,
                };
                let wants_snapshot = subscribed && matches!(&answer, Answer::Done { text } if text == "subscribed");
                put(&mut lines, &FromNode::Reply { id, answer }).await?;
                if wants_snapshot {
                    send_snapshot(node.snapshot(false), &mut lines).await?;
                }
            }
            line = log.recv(), if subscribed => {
                let (at, level, text) = match line {
                    Ok(line) => (line.at, line.level, crate::domain::text::clean(&line.text)),
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        (node.now(), "WARN".to_owned(), format!("{missed} log lines missed"))
                    }
                    Err(broadcast::error::RecvError::Closed) => continue,
                };
                put(&mut lines, &FromNode::Log { at, level, text }).await?;
            }
            () = woken(subscriber, next_delta), if subscribed => {
                next_delta = tokio::time::Instant::now() + GAP;
                if let Some((device, tail)) = subscriber.take_tail() {
                    for lines_of_one in in_messages(tail) {
                        put(&mut lines, &FromNode::Tail { device: device.clone(), lines: lines_of_one }).await?;
                    }
                }
                let dirty = subscriber.take();
                if !dirty.is_empty() {
                    for delta in node.deltas(dirty) {
                        put(&mut lines, &FromNode::Delta { delta: Box::new(delta) }).await?;
                    }
                }
            }
        }
    }
}

/// Waits for something to tell, but not before `not_before`.
async fn woken(subscriber: &Subscriber, not_before: tokio::time::Instant) {
    tokio::time::sleep_until(not_before).await;
    subscriber.woken.notified().await;
}

async fn put<S>(lines: &mut Lines<S>, message: &FromNode) -> Result<(), LinkError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match tokio::time::timeout(STUCK, send(lines, message)).await {
        Ok(sent) => sent,
        Err(_) => Err(LinkError::Broken(std::io::ErrorKind::TimedOut.into())),
    }
}

async fn greet<S>(node: &Node, lines: &mut Lines<S>, caller: &Caller) -> Result<(), LinkError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ours = Hello {
        lockyard: PROTOCOL,
        build: env!("CARGO_PKG_VERSION").into(),
        time: node.now(),
        operator: Some(caller.name.clone()),
    };
    let theirs: Hello = receive(lines).await?;
    send(lines, &ours).await?;
    if theirs.lockyard != PROTOCOL {
        return Err(LinkError::Version { theirs: theirs.lockyard, ours: PROTOCOL });
    }
    Ok(())
}

/// Tail lines in messages small enough for one line each.
fn in_messages(tail: Vec<TailLine>) -> Vec<Vec<TailLine>> {
    let mut messages: Vec<Vec<TailLine>> = Vec::new();
    let mut room = 0;
    for line in tail {
        let decoded: usize = line.decoded.iter().map(|object| object.to_string().len()).sum();
        let bytes = decoded + line.raw.len() + line.reply.as_ref().map_or(0, String::len);
        match messages.last_mut() {
            Some(message) if bytes <= room => message.push(line),
            _ => {
                messages.push(vec![line]);
                room = TAIL_BYTES;
            }
        }
        room = room.saturating_sub(bytes);
    }
    messages
}

/// A snapshot in parts small enough for one line each.
async fn send_snapshot<S>(mut rest: Snapshot, lines: &mut Lines<S>) -> Result<(), LinkError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    fn some<T>(rows: &mut Vec<T>) -> Vec<T> {
        let at = rows.len().min(CHUNK);
        let tail = rows.split_off(at);
        std::mem::replace(rows, tail)
    }
    loop {
        let part = Snapshot {
            assets: some(&mut rest.assets),
            devices: some(&mut rest.devices),
            alarms: some(&mut rest.alarms),
            commands: some(&mut rest.commands),
            orders: some(&mut rest.orders),
            photos: some(&mut rest.photos),
            quarantine: some(&mut rest.quarantine),
            refused: some(&mut rest.refused),
            node: rest.node.clone(),
        };
        let last = rest.assets.is_empty()
            && rest.devices.is_empty()
            && rest.alarms.is_empty()
            && rest.commands.is_empty()
            && rest.orders.is_empty()
            && rest.photos.is_empty()
            && rest.quarantine.is_empty()
            && rest.refused.is_empty();
        put(lines, &FromNode::Snapshot { part: Box::new(part), last }).await?;
        if last {
            return Ok(());
        }
    }
}

impl Node {
    /// The frames a tail begins with.
    fn tail_so_far(&self, device: &DeviceKey) -> Vec<crate::ipc::wire::TailLine> {
        let mut so_far = lock(&self.quarantine).lines(device);
        so_far.extend(lock(&self.traces).of(device).map(|trace| self.tail_line(trace)));
        so_far
    }

    /// The rows behind a dirty set, in pieces small enough for one line each.
    fn deltas(&self, dirty: Dirty) -> Vec<Delta> {
        let now = self.now();
        let mut deltas = vec![Delta::default()];
        let state = self.state();
        let mut room = CHUNK;
        let mut place = |deltas: &mut Vec<Delta>, put: &mut dyn FnMut(&mut Delta)| {
            if room == 0 {
                deltas.push(Delta::default());
                room = CHUNK;
            }
            room -= 1;
            if let Some(delta) = deltas.last_mut() {
                put(delta);
            }
        };
        for id in dirty.assets {
            if let Some(row) = state.asset_row_of(id) {
                place(&mut deltas, &mut |delta| delta.assets.push(row.clone()));
            }
        }
        for key in dirty.devices {
            if let Some(mut row) = state.device_row_of(&key, &self.options.plan, now) {
                name_lines(&state, &self.profiles, [&mut row]);
                place(&mut deltas, &mut |delta| delta.devices.push(row.clone()));
            }
        }
        for id in dirty.alarms {
            if let Some(row) = state.alarm_row_of(id) {
                place(&mut deltas, &mut |delta| delta.alarms.push(row.clone()));
            }
        }
        for id in dirty.commands {
            if let Some(row) = state.command_row(id, now) {
                place(&mut deltas, &mut |delta| delta.commands.push(row.clone()));
            }
        }
        for id in dirty.orders {
            if let Some(mut row) = state.order_row(id) {
                explain_answers(&state, std::slice::from_mut(&mut row));
                place(&mut deltas, &mut |delta| delta.orders.push(row.clone()));
            }
        }
        for (device, id) in dirty.photos {
            if let Some(row) = state.photos.get(&device, id).map(|photo| state.photo_row(photo)) {
                place(&mut deltas, &mut |delta| delta.photos.push(row.clone()));
            }
        }
        drop(state);
        if let Some(first) = deltas.first_mut() {
            let mut quarantine = lock(&self.quarantine);
            first.quarantine = dirty.quarantine.then(|| quarantine.rows());
            first.refused = dirty.refused.then(|| quarantine.refused_rows());
            drop(quarantine);
            first.node = dirty.node.then(|| self.node_row());
        }
        deltas
    }
}
