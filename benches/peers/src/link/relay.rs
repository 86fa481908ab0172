//! The emulator's ports when we are not root: UDP sockets on loopback between one client and the server. TCP cannot pass.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use super::carrier::Port;

/// One side of the relay.
pub(crate) enum Relay {
    /// Towards the client, wherever it was heard last.
    Client { socket: UdpSocket, heard: Option<SocketAddr> },
    /// Towards the server.
    Server { socket: UdpSocket, at: SocketAddr },
}

impl Relay {
    /// A relay to `server`, and the address a client shall send to.
    pub(crate) fn to(server: SocketAddr) -> io::Result<([Self; 2], SocketAddr)> {
        let socket = || {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_nonblocking(true)?;
            io::Result::Ok(socket)
        };
        let front = socket()?;
        let address = front.local_addr()?;
        Ok(([Self::Client { socket: front, heard: None }, Self::Server { socket: socket()?, at: server }], address))
    }

    fn socket(&self) -> &UdpSocket {
        let (Self::Client { socket, .. } | Self::Server { socket, .. }) = self;
        socket
    }
}

impl AsFd for Relay {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

impl Port for Relay {
    // IPv4's and UDP's heads.
    const EXTRA: usize = 28;

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        let (length, from) = self.socket().recv_from(into).ok()?;
        if let Self::Client { heard, .. } = self {
            *heard = Some(from);
        }
        Some(length)
    }

    fn send(&mut self, packet: &[u8]) {
        let to = match self {
            Self::Client { heard, .. } => *heard,
            Self::Server { at, .. } => Some(*at),
        };
        if let Some(to) = to {
            let _ = self.socket().send_to(packet, to);
        }
    }
}
