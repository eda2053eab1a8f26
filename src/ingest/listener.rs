//! Binding the port: TCP and UDP, IPv4 and IPv6.

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::{TcpListener, UdpSocket};

/// Connections the system queues while we are busy.
const BACKLOG: i32 = 1024;

/// Datagrams the system holds while we are busy: 4 MiB, the most it usually grants.
const DATAGRAM_BUFFER: usize = 4 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error(
        "{kind} {address} is taken: another lockyard or program listens there; stop it, or choose another port with --listen"
    )]
    Taken { kind: &'static str, address: SocketAddr },
    #[error("cannot listen on {kind} {address}: {source}")]
    Io { kind: &'static str, address: SocketAddr, source: io::Error },
}

/// Bound sockets, one TCP and one UDP for each address.
#[derive(Debug)]
pub struct Listeners {
    pub tcp: Vec<TcpListener>,
    pub udp: Vec<UdpSocket>,
}

impl Listeners {
    /// `tcp 0.0.0.0:8888`, `udp 0.0.0.0:8888`, … as they were really bound.
    #[must_use]
    pub fn addresses(&self) -> Vec<(&'static str, SocketAddr)> {
        let tcp = self.tcp.iter().filter_map(|l| l.local_addr().ok()).map(|a| ("tcp", a));
        let udp = self.udp.iter().filter_map(|s| s.local_addr().ok()).map(|a| ("udp", a));
        tcp.chain(udp).collect()
    }
}

fn failed(kind: &'static str, address: SocketAddr, source: io::Error) -> ListenError {
    if source.kind() == io::ErrorKind::AddrInUse {
        ListenError::Taken { kind, address }
    } else {
        ListenError::Io { kind, address, source }
    }
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, Type::STREAM, Protocol::TCP)?;
    socket.set_reuse_address(true)?; // connections of an earlier run may linger
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
    socket.bind(&SockAddr::from(address))?;
    let _ = socket.set_recv_buffer_size(DATAGRAM_BUFFER);
    UdpSocket::from_std(socket.into())
}

/// Binds TCP and UDP on each address. With port 0 the system chooses; UDP takes TCP's number if it is free.
/// On the wildcard addresses a system without IPv6 is served on IPv4 alone.
///
/// # Errors
/// If an address cannot be bound; nothing stays bound then.
pub fn bind(addresses: &[SocketAddr]) -> Result<Listeners, ListenError> {
    let mut listeners = Listeners { tcp: Vec::new(), udp: Vec::new() };
    let wildcard_v4 = addresses.iter().any(|a| a.ip() == Ipv4Addr::UNSPECIFIED);
    for &address in addresses {
        let bound = match tcp(address) {
            Err(error)
                if wildcard_v4
                    && address.ip() == Ipv6Addr::UNSPECIFIED
                    && matches!(
                        error.kind(),
                        io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported
                    ) =>
            {
                continue;
            }
            Err(error) if wildcard_v4 && address.is_ipv6() && error.raw_os_error() == Some(97) => continue,
            other => other.map_err(|error| failed("tcp", address, error))?,
        };
        let same = bound.local_addr().map_err(|error| failed("tcp", address, error))?;
        let datagrams = match udp(same) {
            Err(error) if address.port() == 0 && error.kind() == io::ErrorKind::AddrInUse => udp(address),
            other => other,
        };
        listeners.udp.push(datagrams.map_err(|error| failed("udp", same, error))?);
        listeners.tcp.push(bound);
    }
    Ok(listeners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let (_, taken) = first.addresses()[0];
        let error = bind(&[taken]).unwrap_err().to_string();
        assert!(error.contains(&taken.to_string()) && error.contains("taken"), "{error}");
    }
}
