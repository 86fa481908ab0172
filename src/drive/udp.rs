//! The one UDP socket of a road: non-blocking sends and receives, a large receive buffer, errors with advice.

use std::io;
use std::net::SocketAddr;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::UdpSocket;

use super::train::Train;

/// Receive buffer asked for, bytes. The kernel's default of 212,992 holds 92 classic packets; a burst of two peers overruns it.
const RECEIVE_BUFFER: usize = 8 << 20;

/// A bound socket.
#[derive(Debug)]
pub struct UdpPort {
    socket: UdpSocket,
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
            socket.set_nonblocking(true)?;
            // Root may go past the kernel's limit. Less than asked for is fine: the road only loses packets sooner.
            let forced = setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER);
            if let Err(error) = forced.or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)) {
                tracing::debug!(%error, "receive buffer stays as it is");
            }
            UdpSocket::from_std(socket)
        };
        open().map(|socket| Self { socket }).map_err(|error| match error.kind() {
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

    /// Sends one datagram; `false` when the kernel has no room now. One it will not send is lost, as on any network.
    pub fn send(&self, to: SocketAddr, datagram: &[u8]) -> bool {
        match self.socket.try_send_to(datagram, to) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => {
                tracing::debug!(%to, %error, "datagram not sent");
                true
            }
        }
    }

    /// Takes in what is there, as far as the train has room.
    pub fn receive(&self, train: &mut Train) {
        loop {
            match train.load(|room| self.socket.try_recv_from(room)) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return tracing::debug!(%error, "receive"),
            }
        }
    }

    /// Waits until a datagram may be there, or until there may be room for one when `is_full`. Cancel safe.
    pub async fn ready(&self, is_full: bool) {
        let interest = if is_full {
            tokio::io::Interest::READABLE | tokio::io::Interest::WRITABLE
        } else {
            tokio::io::Interest::READABLE
        };
        if let Err(error) = self.socket.ready(interest).await {
            tracing::debug!(%error, "socket");
        }
    }
}
