//! The one UDP socket of a road under tokio: bound with advice when that fails, never waiting, many datagrams a call.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrStorage, setsockopt, sockopt};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::offload::Offload;
use super::train::{Arrivals, Departure};

/// A bound socket.
#[derive(Debug)]
pub struct UdpPort {
    socket: UdpSocket,
    offload: Offload,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum UdpError {
    /// Somebody else has the port.
    #[error("UDP {0} is in use: another daemon runs here, or set another `raet_port`")]
    InUse(SocketAddr),
    /// Not one of this host's addresses.
    #[error("{0} is not an address of this host: set `interface` to one that is, or to 0.0.0.0")]
    NoSuchAddress(SocketAddr),
    /// A port below 1024 without the right.
    #[error("no permission for UDP {0}: run as root, or set a `raet_port` above 1023")]
    Denied(SocketAddr),
    /// Anything else.
    #[error("cannot open UDP {0}: {1}")]
    Other(SocketAddr, io::Error),
}

/// A bound socket that no loop reads yet.
#[derive(Debug)]
pub struct UdpSeat {
    socket: std::net::UdpSocket,
    offload: Offload,
}

impl UdpSeat {
    /// Binds `count` sockets to one address; the kernel spreads what comes by the sender's address and port, and keeps to
    /// it. Nobody else may have the address already: the first socket is bound as one that shares with nobody.
    pub fn bind_all(address: SocketAddr, count: usize) -> Result<Vec<Self>, UdpError> {
        let bind = || -> io::Result<Vec<Self>> {
            let first = std::net::UdpSocket::bind(address)?;
            let mut sockets = vec![first];
            if let [first] = &sockets[..]
                && count > 1
            {
                setsockopt(first, sockopt::ReusePort, &true)?;
                let address = first.local_addr()?;
                for _ in 1..count {
                    sockets.push(bind_beside(address)?);
                }
            }
            sockets.into_iter().map(|socket| Ok(Self { offload: Offload::new(&socket)?, socket })).collect()
        };
        bind().map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => UdpError::InUse(address),
            io::ErrorKind::AddrNotAvailable => UdpError::NoSuchAddress(address),
            io::ErrorKind::PermissionDenied => UdpError::Denied(address),
            _ => UdpError::Other(address, error),
        })
    }

    /// The address it is bound to.
    pub fn address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }
}

/// One more socket at an address that others share.
fn bind_beside(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = socket::socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::ReusePort, &true)?;
    socket::bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(socket.into())
}

impl UdpPort {
    /// Binds `address`. Needs a running tokio.
    pub fn bind(address: SocketAddr) -> Result<Self, UdpError> {
        let seat = UdpSeat::bind_all(address, 1)?.pop();
        let none = || io::ErrorKind::NotFound.into();
        seat.ok_or_else(none).and_then(Self::new).map_err(|error| UdpError::Other(address, error))
    }

    /// Of a bound socket. Needs a running tokio.
    pub fn new(seat: UdpSeat) -> io::Result<Self> {
        Ok(Self { socket: UdpSocket::from_std(seat.socket)?, offload: seat.offload })
    }

    /// The address it is bound to.
    pub fn address(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    /// Sends what waits in `departure`; `false` when the kernel has no room for all of it now.
    pub fn send(&mut self, departure: &mut Departure) -> bool {
        let Self { socket, offload } = self;
        departure
            .unload(|transmit, left| socket.try_io(Interest::WRITABLE, || offload.send(socket, transmit, left)).ok())
    }

    /// Takes in what one call brings, in place of what was in `arrivals`.
    pub fn receive(&self, arrivals: &mut Arrivals) {
        match self.socket.try_io(Interest::READABLE, || self.offload.receive(&self.socket, arrivals)) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => tracing::debug!(%error, "receive"),
            _ => {}
        }
    }

    /// Waits until there may be room for a datagram in the kernel. Cancel safe.
    pub async fn writable(&self) {
        if let Err(error) = self.socket.writable().await {
            tracing::debug!(%error, "socket");
        }
    }

    /// Waits until a datagram may be there, or until there may be room for one when `is_full`. Cancel safe.
    pub async fn ready(&self, is_full: bool) {
        let interest = if is_full { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        if let Err(error) = self.socket.ready(interest).await {
            tracing::debug!(%error, "socket");
        }
    }
}
