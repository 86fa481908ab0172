//! The one UDP socket of a road under tokio: bound with advice when that fails, never waiting, many datagrams a call.

use std::io;
use std::net::SocketAddr;

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

impl UdpPort {
    /// Binds `address`. Needs a running tokio.
    pub fn bind(address: SocketAddr) -> Result<Self, UdpError> {
        let open = || {
            let socket = std::net::UdpSocket::bind(address)?;
            let offload = Offload::new(&socket)?;
            Ok(Self { socket: UdpSocket::from_std(socket)?, offload })
        };
        open().map_err(|error: io::Error| match error.kind() {
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

    /// Waits until a datagram may be there, or until there may be room for one when `is_full`. Cancel safe.
    pub async fn ready(&self, is_full: bool) {
        let interest = if is_full { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        if let Err(error) = self.socket.ready(interest).await {
            tracing::debug!(%error, "socket");
        }
    }
}
