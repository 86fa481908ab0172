//! A road on a plain blocking socket, for programs without async: one thread, one loop, nothing kept on disk.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use crate::base::{Time, limits};
use crate::clock::Clock;
use crate::drive::entropy;
use crate::drive::train::{self, Train};
use crate::keep::OwnKeys;
use crate::road::{Config, Memory, Output, Road};
use crate::transport::Command;

/// A road and its socket.
pub struct Plain {
    road: Road,
    socket: UdpSocket,
    clock: Clock,
    datagram: Vec<u8>,
    train: Train,
}

/// Longest sleep in one receive; the road's own deadlines are usually sooner.
const LONGEST: Duration = Duration::from_secs(1);
/// Shortest: a zero timeout means "for ever" to the system.
const SHORTEST: Duration = Duration::from_micros(50);
/// Datagrams sent before the other way gets its turn.
const BATCH: usize = 2 * train::LENGTH;

impl Plain {
    /// Binds `address` and starts the road with what the caller remembers.
    pub fn bind(address: SocketAddr, config: Config, keys: OwnKeys, memory: Memory) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        let clock = Clock::start();
        let seed = entropy::seed().map_err(io::Error::other)?;
        let road = Road::new(config, keys, memory, seed, clock.now());
        Ok(Self { road, socket, clock, datagram: Vec::with_capacity(limits::DATAGRAM_MAX), train: Train::default() })
    }

    /// The address it is bound to.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The socket, for its options.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// The road, for its counters and keys.
    pub fn road(&self) -> &Road {
        &self.road
    }

    /// Hands a command over, or gets it back when there is no room.
    pub fn submit(&mut self, command: Command) -> Result<(), Command> {
        self.road.handle_command(self.clock.now(), command)
    }

    /// The next event, or change that ought to be kept; `None` when `patience` is over.
    pub fn next(&mut self, patience: Duration) -> io::Result<Option<Output>> {
        let end = self.clock.now() + patience;
        loop {
            if let Some(output) = self.road.poll_output() {
                return Ok(Some(output));
            }
            self.send()?;
            let now = self.clock.now();
            self.road.handle_timeout(now);
            let wake = self.road.poll_timeout().unwrap_or(end).min(end);
            if wake > now || self.road.poll_timeout().is_none() {
                self.receive(wake.since(now))?;
            } else if now >= end {
                return Ok(self.road.poll_output());
            } else {
                self.receive(Duration::ZERO)?;
            }
        }
    }

    fn send(&mut self) -> io::Result<()> {
        for _ in 0..BATCH {
            let now: Time = self.clock.now();
            let Some(transmit) = self.road.poll_transmit(now, &mut self.datagram) else { break };
            for datagram in transmit.datagrams(&self.datagram) {
                // One the system will not send now is lost, as on any network.
                let _ = self.socket.send_to(datagram, transmit.to);
            }
        }
        Ok(())
    }

    /// Waits for a datagram, then takes what else is there.
    fn receive(&mut self, wait: Duration) -> io::Result<()> {
        self.socket.set_nonblocking(wait.is_zero())?;
        if !wait.is_zero() {
            self.socket.set_read_timeout(Some(wait.clamp(SHORTEST, LONGEST)))?;
        }
        let socket = &self.socket;
        if self.train.load(|room| socket.recv_from(room))? {
            self.socket.set_nonblocking(true)?;
            while self.train.load(|room| socket.recv_from(room))? {}
        }
        self.train.unload(&mut self.road, self.clock.now());
        Ok(())
    }
}
