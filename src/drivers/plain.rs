//! A road on a UDP socket of its own, for programs without async: one thread, one loop, nothing kept on disk.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use crate::base::Time;
use crate::clock::Clock;
use crate::drive::entropy;
use crate::drive::offload::Offload;
use crate::drive::train::{Arrivals, Departure};
use crate::keep::OwnKeys;
use crate::road::{Config, Memory, Output, Road};
use crate::transport::Command;

/// A road and its socket.
pub struct Plain {
    road: Road,
    socket: UdpSocket,
    offload: Offload,
    clock: Clock,
    arrivals: Arrivals,
    departure: Departure,
    /// The last receive brought so much that there may well be more.
    is_busy: bool,
}

/// Trains sent before the other way gets its turn.
const TRAINS: usize = 32;

impl Plain {
    /// Binds `address` and starts the road with what the caller remembers.
    pub fn bind(address: SocketAddr, config: Config, keys: OwnKeys, memory: Memory) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        let offload = Offload::new(&socket)?;
        let clock = Clock::start();
        let seed = entropy::seed().map_err(io::Error::other)?;
        let road = Road::new(config, keys, memory, seed, clock.now());
        let (arrivals, departure) = (Arrivals::default(), Departure::default());
        Ok(Self { road, socket, offload, clock, arrivals, departure, is_busy: false })
    }

    /// The address it is bound to.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The socket, for its options; it does not block.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// The road, for its counters and keys.
    pub fn road(&self) -> &Road {
        &self.road
    }

    /// Hands a command over, or gets it back when there is no room. It is sent by the next [`Plain::next`] that finds
    /// nothing to return at once.
    pub fn submit(&mut self, command: Command) -> Result<(), Command> {
        self.road.handle_command(self.clock.now(), command)
    }

    /// The host has another address, or another network: sessions go on at once, under ids nobody has seen on the old path.
    pub fn handle_move(&mut self) {
        self.road.handle_move(self.clock.now());
    }

    /// The next event, or change that ought to be kept; `None` when `patience` is over.
    pub fn next(&mut self, patience: Duration) -> io::Result<Option<Output>> {
        if let Some(output) = self.road.poll_output() {
            return Ok(Some(output));
        }
        let mut now = self.clock.now();
        let end = now + patience;
        loop {
            self.road.handle_timeout(now);
            self.send(now);
            let is_over = now >= end;
            let wake = self.wake(now).min(end);
            if wake > now && !self.is_busy {
                self.wait(wake.since(now))?;
            }
            now = self.clock.now();
            if self.receive(now) {
                // Acknowledgements do not wait for the caller to look at what came.
                self.send(now);
            }
            if let Some(output) = self.road.poll_output() {
                return Ok(Some(output));
            }
            if is_over {
                return Ok(None);
            }
        }
    }

    /// Until when there is nothing to do unless something comes.
    fn wake(&self, now: Time) -> Time {
        match self.road.poll_timeout() {
            // The road has more to send, and says so; the kernel says when it can.
            Some(time) if time <= now && self.departure.is_waiting() => Time(u64::MAX),
            Some(time) => time,
            None => Time(u64::MAX),
        }
    }

    fn send(&mut self, now: Time) {
        let Self { road, socket, offload, departure, .. } = self;
        for _ in 0..TRAINS {
            let is_any = departure.load(|out| road.poll_transmit(now, out));
            if !is_any || !departure.unload(|transmit, left| offload.send(socket, transmit, left).ok()) {
                break;
            }
        }
    }

    /// Takes in what one call brings; says whether anything came.
    fn receive(&mut self, now: Time) -> bool {
        let filled = self.offload.receive(&self.socket, &mut self.arrivals).unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::WouldBlock {
                tracing::debug!(%error, "receive");
            }
            0
        });
        self.is_busy = filled > 1;
        self.arrivals.unload(|datagrams| self.road.handle_datagrams(now, datagrams)) > 0
    }

    /// Sleeps until something comes, there is room for what waits, or `most` is over.
    fn wait(&self, most: Duration) -> io::Result<()> {
        let events =
            if self.departure.is_waiting() { PollFlags::POLLIN | PollFlags::POLLOUT } else { PollFlags::POLLIN };
        // The longest that surely fits the system's type; the caller looks at the time again anyway.
        let most = TimeSpec::from_duration(most.min(Duration::from_secs(3600)));
        match ppoll(&mut [PollFd::new(self.socket.as_fd(), events)], Some(most), None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
#[path = "plain_tests.rs"]
mod tests;
