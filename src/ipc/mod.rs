//! Between a node and its consoles: the words (`wire`), both ends of the link, and the socket's rules.

pub mod client;
pub mod server;
pub mod wire;

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Framed, LinesCodec, LinesCodecError};

/// A stream of JSON lines.
pub type Lines<S> = Framed<S, LinesCodec>;

/// What can go wrong between a node and a console.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("the other side closed the link")]
    Closed,
    #[error("the node does not answer; it may be busy or stopped in a debugger")]
    Silent,
    #[error("the link broke: {0}")]
    Broken(#[from] std::io::Error),
    #[error("a line longer than {} bytes; the other side is not a lockyard", wire::MAX_LINE)]
    TooLong,
    #[error("a line that is not of this protocol: {0}")]
    Garbled(#[from] serde_json::Error),
    #[error(
        "the node speaks version {theirs}, this program version {ours}: use the same lockyard on both sides"
    )]
    Version { theirs: u32, ours: u32 },
}

impl From<LinesCodecError> for LinkError {
    fn from(error: LinesCodecError) -> Self {
        match error {
            LinesCodecError::MaxLineLengthExceeded => Self::TooLong,
            LinesCodecError::Io(error) => Self::Broken(error),
        }
    }
}

/// Puts the line protocol on a byte stream.
pub fn lines<S: AsyncRead + AsyncWrite>(stream: S) -> Lines<S> {
    Framed::new(stream, LinesCodec::new_with_max_length(wire::MAX_LINE))
}

/// Reads the next object. Cancel safe: a partly read line stays in the buffer.
///
/// # Errors
/// If the link ended or the line is not one of `T`.
pub async fn receive<K, T>(lines: &mut K) -> Result<T, LinkError>
where
    K: futures_util::Stream<Item = Result<String, LinesCodecError>> + Unpin,
    T: DeserializeOwned,
{
    use futures_util::StreamExt;
    let line = lines.next().await.ok_or(LinkError::Closed)??;
    Ok(serde_json::from_str(&line)?)
}

/// Writes one object as a line.
///
/// # Errors
/// If the link ended.
pub async fn send<K>(sink: &mut K, object: &impl Serialize) -> Result<(), LinkError>
where
    K: futures_util::Sink<String, Error = LinesCodecError> + Unpin,
{
    use futures_util::SinkExt;
    let line = serde_json::to_string(object)?;
    sink.send(line).await.map_err(Into::into)
}
