//! Many datagrams in one system call: trains cut up by the kernel or the card (GSO), put together again (GRO), several
//! receives at once, ECN marks and no fragmentation. Works on any non-blocking UDP socket, owns none, and decides what a
//! failed send means. Nothing here ends a daemon: what cannot be sent is lost, as on any network.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use quinn_udp::{EcnCodepoint, UdpSockRef, UdpSocketState};

use super::train::Arrivals;
use crate::base::limits;
use crate::road::Transmit;

/// Receive buffer asked for, bytes. The kernel's default of 212,992 holds 92 classic packets; a burst of two peers overruns it.
const RECEIVE_BUFFER: usize = 8 << 20;
/// Send buffer asked for, bytes: sixty of the longest trains.
const SEND_BUFFER: usize = 4 << 20;

/// What is known of a socket's abilities.
#[derive(Debug)]
pub struct Offload {
    state: UdpSocketState,
    segments: Segments,
}

impl Offload {
    /// Prepares `socket`: non-blocking, large buffers, nothing fragmented, marks seen, trains received whole.
    pub fn new(socket: &impl AsFd) -> io::Result<Self> {
        let state = prepare(socket)?;
        // Root may go past the kernel's limit. Less than asked for is fine: the road only loses packets sooner.
        let received = setsockopt(socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)
            .or_else(|_| setsockopt(socket, sockopt::RcvBuf, &RECEIVE_BUFFER));
        let sent = setsockopt(socket, sockopt::SndBufForce, &SEND_BUFFER)
            .or_else(|_| setsockopt(socket, sockopt::SndBuf, &SEND_BUFFER));
        if let Err(error) = received.and(sent) {
            tracing::debug!(%error, "socket buffers stay as they are");
        }
        let segments = Segments::new(state.max_gso_segments());
        tracing::debug!(
            receive_buffer = getsockopt(socket, sockopt::RcvBuf).unwrap_or_default(),
            send_buffer = getsockopt(socket, sockopt::SndBuf).unwrap_or_default(),
            segments_out = segments.limit,
            segments_in = state.gro_segments(),
            may_fragment = state.may_fragment(),
            "socket"
        );
        Ok(Self { state, segments })
    }

    /// Sends trains of at most `segments` datagrams in one call; 1 where a card is known to cut them wrongly.
    pub fn limit_segments(&mut self, segments: usize) {
        self.segments = Segments::new(self.segments.limit.min(segments));
    }

    /// One receive call; returns how many rooms of `arrivals` it filled, zero when nothing is there.
    pub fn receive(&self, socket: &impl AsFd, arrivals: &mut Arrivals) -> io::Result<usize> {
        arrivals.load(|rooms, metas| self.state.recv(UdpSockRef::from(socket), rooms, metas))
    }

    /// One send call with as much of `left`, the rest of `transmit`, as fits; returns how many bytes that were, or which
    /// are lost. The only error is `WouldBlock`.
    pub fn send(&mut self, socket: &impl AsFd, transmit: &Transmit, left: &[u8]) -> io::Result<usize> {
        let segment = transmit.segment.filter(|segment| *segment > 0).unwrap_or(left.len());
        let size = self.segments.portion(segment, left.len());
        let contents = left.get(..size).unwrap_or(left);
        let is_train = size > segment;
        let part = quinn_udp::Transmit {
            destination: transmit.to,
            ecn: EcnCodepoint::from_bits(transmit.mark.bits()),
            contents,
            segment_size: is_train.then_some(segment),
            src_ip: None,
        };
        let error = match self.state.try_send(UdpSockRef::from(socket), &part) {
            Ok(()) => {
                self.segments.on_sent(is_train);
                return Ok(size);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            Err(error) => error,
        };
        tracing::debug!(to = %transmit.to, size, segment = part.segment_size, %error, "not sent");
        let errno = Errno::from_raw(error.raw_os_error().unwrap_or_default());
        if matches!(errno, Errno::EIO | Errno::EINVAL)
            && let Ok(state) = prepare(socket)
        {
            // The old one gives up trains and marks for good, whatever it was that the kernel did not like.
            self.state = state;
        }
        Ok(match errno {
            _ if self.segments.on_failure(is_train, errno) => 0,
            // Neither would the others fit.
            Errno::EMSGSIZE => left.len(),
            _ => size,
        })
    }
}

fn prepare(socket: &impl AsFd) -> io::Result<UdpSocketState> {
    let state = UdpSocketState::new(UdpSockRef::from(socket))?;
    // quinn-udp 0.6.3 asks for timestamps but keeps room for 96 bytes of control messages: beside the timestamp (32), a
    // train's segment size (24) and the address it came to (32, or 40 for IPv6) the mark (24) of a train would be cut off.
    setsockopt(socket, sockopt::ReceiveTimestampns, &false)?;
    Ok(state)
}

/// How many datagrams one call may send, and whether that is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segments {
    limit: usize,
    /// A train has failed: the limit that comes back if it was not because it was one.
    doubted: Option<usize>,
}

impl Segments {
    fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), doubted: None }
    }

    /// Bytes of the next call when `left` are left of a train of `segment` each.
    fn portion(self, segment: usize, left: usize) -> usize {
        if segment == 0 || left <= segment {
            return left;
        }
        let count = (limits::UDP_MAX / segment).clamp(1, self.limit);
        left.min(count * segment)
    }

    fn on_sent(&mut self, is_train: bool) {
        if !is_train && self.doubted.take().is_some() {
            tracing::info!("no segmentation offload on this way: datagrams are sent one by one");
        }
    }

    /// Says whether to try again, with one datagram at a time.
    fn on_failure(&mut self, is_train: bool, errno: Errno) -> bool {
        // No checksum offload, or a tunnel in between: EIO. EINVAL is also what older kernels say of datagrams
        // longer than the interface takes; of one that comes alone they say EMSGSIZE.
        if is_train && matches!(errno, Errno::EIO | Errno::EINVAL) {
            *self = Self { limit: 1, doubted: Some(self.limit) };
            return true;
        }
        if let Some(limit) = self.doubted.take() {
            self.limit = limit;
        }
        false
    }
}

#[cfg(test)]
#[path = "offload_tests.rs"]
mod tests;
