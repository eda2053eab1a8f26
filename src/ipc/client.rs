//! The console's end of a node: the same words over an in-memory duplex or over the socket.

use super::wire::{Answer, Ask, FromNode, Hello, PROTOCOL, Request};
use super::{Lines, LinkError, lines, receive, send};
use crate::domain::CommandId;
use crate::fleet::snapshot::{OrderRow, Snapshot};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// What happens on the link to the node.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkEvent {
    /// Connected; the node greeted. Everything known before is stale until the next snapshot.
    Up(Hello),
    Message(FromNode),
    /// The node is out of reach; the next try comes in `retry_in`, or never when `None`.
    Down {
        why: String,
        retry_in: Option<Duration>,
    },
}

/// Requests in flight that have not been written yet; a console that outruns this waits.
pub const REQUESTS: usize = 32;

/// Events not yet taken by the console; when it is full the link stops reading and the node coalesces.
const EVENTS: usize = 64;

/// How long a command that ends waits for each word of the node.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two ends of a running link. Dropping `to_node` ends it.
#[derive(Debug)]
pub struct Link {
    pub to_node: mpsc::Sender<Request>,
    pub from_node: mpsc::Receiver<LinkEvent>,
}

/// Waits between tries to reach the node again.
pub fn back_off(tries: u32) -> Duration {
    Duration::from_secs(1 << tries.min(4)).min(Duration::from_secs(10))
}

/// A link over a stream that is connected once (the node in the same process).
pub fn over<S>(stream: S) -> Link
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (to_node, mut requests) = mpsc::channel(REQUESTS);
    let (events, from_node) = mpsc::channel(EVENTS);
    tokio::spawn(async move {
        let why = match run(stream, &mut requests, &events).await {
            Ok(()) => return,
            Err(error) => error.to_string(),
        };
        let _ = events.send(LinkEvent::Down { why, retry_in: None }).await;
    });
    Link { to_node, from_node }
}

/// A link to the socket of a running node that is made anew, with growing waits, whenever it breaks.
pub fn attach(path: PathBuf) -> Link {
    let (to_node, mut requests) = mpsc::channel(REQUESTS);
    let (events, from_node) = mpsc::channel(EVENTS);
    tokio::spawn(async move {
        let mut tries = 0;
        loop {
            let outcome = match UnixStream::connect(&path).await {
                Ok(stream) => {
                    tries = 0;
                    run(stream, &mut requests, &events).await
                }
                Err(error) => Err(error.into()),
            };
            let Err(error) = outcome else { return };
            let wait = back_off(tries);
            tries = tries.saturating_add(1);
            let down = LinkEvent::Down { why: error.to_string(), retry_in: Some(wait) };
            if events.send(down).await.is_err() {
                return;
            }
            tokio::time::sleep(wait).await;
            // What was asked while the node was away is not asked later on its own.
            while requests.try_recv().is_ok() {}
        }
    });
    Link { to_node, from_node }
}

/// Greets, then carries both ways. `Ok` when the console is gone.
async fn run<S>(
    stream: S,
    requests: &mut mpsc::Receiver<Request>,
    events: &mpsc::Sender<LinkEvent>,
) -> Result<(), LinkError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut lines = lines(stream);
    let hello = greet(&mut lines).await?;
    if events.send(LinkEvent::Up(hello)).await.is_err() {
        return Ok(());
    }
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(request) => send(&mut lines, &request).await?,
                None => return Ok(()),
            },
            message = receive::<_, FromNode>(&mut lines) => {
                if events.send(LinkEvent::Message(message?)).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

async fn greet<S: AsyncRead + AsyncWrite + Unpin>(lines: &mut Lines<S>) -> Result<Hello, LinkError> {
    let ours = Hello {
        lockyard: PROTOCOL,
        build: env!("CARGO_PKG_VERSION").into(),
        time: chrono::Utc::now(),
        operator: None,
    };
    send(lines, &ours).await?;
    let theirs: Hello = receive(lines).await?;
    if theirs.lockyard != PROTOCOL {
        return Err(LinkError::Version { theirs: theirs.lockyard, ours: PROTOCOL });
    }
    Ok(theirs)
}

/// Everything the node knows, put together from its parts. `all` adds closed alarms and finished commands.
///
/// # Errors
/// If no node answers at `path`, it says nothing for half a minute, or the link breaks.
pub async fn list(path: &Path, all: bool) -> Result<Snapshot, LinkError> {
    let mut lines = begin(path, Ask::List { all }).await?;
    let mut whole = Snapshot::default();
    loop {
        match in_time(receive(&mut lines)).await? {
            FromNode::Snapshot { part, last: _ } => {
                whole.assets.extend(part.assets);
                whole.devices.extend(part.devices);
                whole.alarms.extend(part.alarms);
                whole.commands.extend(part.commands);
                whole.orders.extend(part.orders);
                whole.photos.extend(part.photos);
                whole.quarantine.extend(part.quarantine);
                whole.refused.extend(part.refused);
                whole.node = part.node;
            }
            FromNode::Reply { id: 1, .. } => return Ok(whole),
            _ => {}
        }
    }
}

/// One question and its answer, for commands that end.
///
/// # Errors
/// If no node answers at `path`, it says nothing for half a minute, or the link breaks.
pub async fn ask(path: &Path, ask: Ask) -> Result<Answer, LinkError> {
    let mut lines = begin(path, ask).await?;
    loop {
        if let FromNode::Reply { id: 1, answer } = in_time(receive(&mut lines)).await? {
            return Ok(answer);
        }
    }
}

/// What became of an order that was asked for.
#[derive(Debug)]
pub enum Ordered {
    /// It was not written: the node's answer says why.
    Not(Answer),
    /// It is written, and this is its row: final, or as it stood when the time was over. `None` if nobody waited for
    /// it.
    Row { command: CommandId, row: Option<Box<OrderRow>> },
}

/// Gives an order and, with `wait`, follows it until it is over or that time is.
///
/// # Errors
/// If no node answers at `path`, it says nothing for half a minute, or the link breaks.
pub async fn order(path: &Path, ask: Ask, wait: Option<Duration>) -> Result<Ordered, LinkError> {
    let mut lines = begin(path, ask).await?;
    let (command, read_back) = loop {
        match in_time(receive(&mut lines)).await? {
            FromNode::Reply { id: 1, answer: Answer::Ordered { command, read_back } } => {
                break (command, read_back);
            }
            FromNode::Reply { id: 1, answer } => return Ok(Ordered::Not(answer)),
            _ => {}
        }
    };
    let Some(wait) = wait else { return Ok(Ordered::Row { command, row: None }) };
    send(&mut lines, &Request { id: 2, ask: Ask::Subscribe }).await?;
    let mut row: Option<Box<OrderRow>> = None;
    let until = tokio::time::Instant::now() + wait;
    while row.as_ref().is_none_or(|row| !row.is_over(read_back)) {
        let Ok(message) = tokio::time::timeout_at(until, receive(&mut lines)).await else { break };
        let rows = match message? {
            FromNode::Snapshot { part, .. } => part.orders,
            FromNode::Delta { delta } => delta.orders,
            _ => continue,
        };
        if let Some(newer) = rows.into_iter().find(|row| row.id == command) {
            row = Some(Box::new(newer));
        }
    }
    Ok(Ordered::Row { command, row })
}

/// Connects, greets and asks.
async fn begin(path: &Path, ask: Ask) -> Result<Lines<UnixStream>, LinkError> {
    in_time(async {
        let mut lines = lines(UnixStream::connect(path).await?);
        greet(&mut lines).await?;
        send(&mut lines, &Request { id: 1, ask }).await?;
        Ok(lines)
    })
    .await
}

async fn in_time<T>(step: impl Future<Output = Result<T, LinkError>>) -> Result<T, LinkError> {
    tokio::time::timeout(PATIENCE, step).await.unwrap_or(Err(LinkError::Silent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_bounded() {
        let waits: Vec<u64> = (0..7).map(|n| back_off(n).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10, 10]);
    }

    #[tokio::test]
    async fn another_version_is_told_apart_from_garbage() {
        let (ours, theirs) = tokio::io::duplex(1024);
        let mut link = over(ours);
        let mut node = lines(theirs);
        let _: Hello = receive(&mut node).await.unwrap();
        let hello = Hello { lockyard: 99, build: "x".into(), time: chrono::Utc::now(), operator: None };
        send(&mut node, &hello).await.unwrap();
        let Some(LinkEvent::Down { why, retry_in: None }) = link.from_node.recv().await else { panic!() };
        assert!(why.contains("version 99"), "{why}");
    }
}
