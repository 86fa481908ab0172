//! Roads on simulated hosts: the world moves datagrams and time, and keeps what every road said.
//!
//! It also holds every road to the engines' contract: whatever waits is announced by `poll_timeout`, and time moves on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::link::Link;
use crate::base::{Acceptance, Name, Random, Time};
use crate::keep::{Change, LocalRecord, OwnKeys};
use crate::message::Message;
use crate::road::{Wires, Config, Datagram, Mark, Memory, Output, Road};
use crate::transport::{Command, Event, Ticket};

/// A host with one road.
pub struct Host {
    /// Its address; change it to move the host.
    pub address: SocketAddr,
    /// Its road.
    pub road: Road,
    /// Everything its road has told the application.
    pub events: Vec<Event>,
    /// What its disk holds.
    pub disk: Memory,
    /// Switched off: it neither sends nor receives, and its time stands still.
    pub is_down: bool,
    /// Its cable is out: it runs, and nothing reaches it or leaves it.
    pub is_cut: bool,
    /// Its settings and keys, for a restart.
    config: Config,
    keys: OwnKeys,
}

/// Hosts, one kind of link between all of them, and time.
pub struct World {
    /// The present.
    pub now: Time,
    /// The links.
    pub link: Link,
    /// The hosts.
    pub hosts: Vec<Host>,
    /// Every datagram ever sent: when, from, to, bytes. Only while `is_recording`.
    pub record: Vec<(Time, SocketAddr, SocketAddr, Vec<u8>)>,
    /// Whether `record` grows.
    pub is_recording: bool,
    random: Random,
    flights: BTreeMap<(Time, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    count: u64,
    /// Steps since time last moved.
    standstill: u32,
}

/// Steps without time moving after which a road is said to be stuck.
const STANDSTILL: u32 = 100_000;

/// Settings of an estate on the classic wire whose role is its name.
pub fn estate(name: &str) -> Config {
    Config { wires: Wires::CLASSIC, ..fast(name) }
}

/// Settings of an estate on the fast wire whose role is its name.
pub fn fast(name: &str) -> Config {
    // Names in tests and benches are written by hand.
    #[allow(clippy::expect_used)]
    let name = Name::new(name).expect("a legal name");
    Config::new(name.clone(), name)
}

impl World {
    /// An empty world.
    pub fn new(seed: u64) -> Self {
        Self {
            now: Time(1_000_000),
            link: Link::default(),
            hosts: Vec::new(),
            record: Vec::new(),
            is_recording: false,
            random: Random::from_number(seed),
            flights: BTreeMap::new(),
            count: 0,
            standstill: 0,
        }
    }

    /// Where the `n`th host lives.
    pub fn address(n: usize) -> SocketAddr {
        SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 4506))
    }

    /// Adds a host with fresh keys and an empty disk; returns its number.
    pub fn add(&mut self, config: Config) -> usize {
        let keys = OwnKeys::generate(&mut self.random);
        self.add_with(config, keys, Memory::default())
    }

    /// Adds a host with these keys and this disk.
    pub fn add_with(&mut self, config: Config, keys: OwnKeys, disk: Memory) -> usize {
        let address = Self::address(self.hosts.len());
        let road = Road::new(config.clone(), keys.clone(), disk.clone(), self.random.bytes(), self.now);
        self.hosts.push(Host { address, road, events: Vec::new(), disk, is_down: false, is_cut: false, config, keys });
        self.hosts.len() - 1
    }

    /// A host by number. Panics when there is none: a mistake in the test.
    #[allow(clippy::indexing_slicing)]
    pub fn host(&mut self, n: usize) -> &mut Host {
        &mut self.hosts[n]
    }

    /// Ends a host's process and starts it again with what its disk holds; `forget` empties the disk of estates first.
    pub fn restart(&mut self, n: usize, forget: bool) {
        let (seed, now) = (self.random.bytes(), self.now);
        let host = self.host(n);
        if forget {
            host.disk.remotes.clear();
            host.disk.local = LocalRecord::default();
        }
        host.road = Road::new(host.config.clone(), host.keys.clone(), host.disk.clone(), seed, now);
    }

    /// Gives a host's road a command; it must have room.
    pub fn command(&mut self, n: usize, command: Command) -> Result<(), Command> {
        let now = self.now;
        self.host(n).road.handle_command(now, command)
    }

    /// Sends a message from a host to an estate.
    pub fn send(&mut self, n: usize, ticket: u64, to: &str, message: Message) -> Result<(), Command> {
        let Ok(to) = Name::new(to) else { return Ok(()) };
        self.command(n, Command::Send { ticket: Ticket(ticket), to, message })
    }

    /// Decides about the key a host's road holds for a role.
    pub fn admit(&mut self, n: usize, role: &str, acceptance: Option<Acceptance>) {
        let Ok(role) = Name::new(role) else { return };
        let found = self.host(n).road.roll().find(&role).map(|(key, _)| key.fingerprint());
        if let Some(fingerprint) = found {
            // Admit always has room.
            let _ = self.command(n, Command::Admit { role, fingerprint, acceptance });
        }
    }

    /// Puts a datagram on the link by hand.
    pub fn inject(&mut self, from: SocketAddr, to: SocketAddr, datagram: Vec<u8>) {
        self.count += 1;
        self.flights.insert((self.now, self.count), (from, to, datagram));
    }

    /// Runs for `time`.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until `is_done`, at most for `time`; says whether it was.
    pub fn run_until(&mut self, time: Duration, mut is_done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now + time;
        loop {
            if is_done(self) {
                return true;
            }
            if !self.step(end) {
                self.now = end;
                return is_done(self);
            }
        }
    }

    /// To the next thing that happens, if that is not after `end`.
    fn step(&mut self, end: Time) -> bool {
        self.drain();
        let flight = self.flights.keys().next().map(|(time, _)| *time);
        let timeout = self.hosts.iter().filter(|h| !h.is_down).filter_map(|h| h.road.poll_timeout()).min();
        let Some(next) = flight.into_iter().chain(timeout).min().filter(|next| *next <= end) else { return false };
        self.standstill = if next > self.now { 0 } else { self.standstill + 1 };
        assert!(self.standstill < STANDSTILL, "a road asks to be called at {:?} and does nothing then", self.now);
        self.now = self.now.max(next);
        let mut arrived = Vec::new();
        while let Some(entry) = self.flights.first_entry().filter(|e| e.key().0 <= self.now) {
            arrived.push(entry.remove());
        }
        for host in self.hosts.iter_mut().filter(|h| !h.is_down && !h.is_cut) {
            // What comes at once is taken at once, as from a socket.
            let its = arrived.iter_mut().filter(|(_, to, _)| *to == host.address);
            let mut train: Vec<_> =
                its.map(|(from, _, bytes)| Datagram { from: *from, mark: Mark::NotEct, bytes }).collect();
            if !train.is_empty() {
                host.road.handle_datagrams(self.now, &mut train);
            }
        }
        for host in self.hosts.iter_mut().filter(|h| !h.is_down) {
            if host.road.poll_timeout().is_some_and(|time| time <= self.now) {
                host.road.handle_timeout(self.now);
            }
        }
        // What came of it is seen now, not when the next thing happens.
        self.drain();
        true
    }

    /// Takes out what the roads have to say.
    fn drain(&mut self) {
        let mut buffer = Vec::new();
        for host in self.hosts.iter_mut().filter(|h| !h.is_down) {
            let is_announced = host.road.poll_timeout().is_some_and(|time| time <= self.now);
            let mut said = 0;
            while let Some(transmit) = host.road.poll_transmit(self.now, &mut buffer) {
                said += 1;
                for datagram in transmit.datagrams(&buffer) {
                    if self.is_recording {
                        self.record.push((self.now, host.address, transmit.to, datagram.to_vec()));
                    }
                    if host.is_cut {
                        continue;
                    }
                    for (arrival, bytes) in self.link.carry(self.now, &mut self.random, datagram) {
                        self.count += 1;
                        self.flights.insert((arrival, self.count), (host.address, transmit.to, bytes));
                    }
                }
            }
            while let Some(output) = host.road.poll_output() {
                said += 1;
                match output {
                    Output::Event(event) => host.events.push(event),
                    Output::Keep(change) => write(&mut host.disk, change),
                }
            }
            assert!(said == 0 || is_announced, "something was queued that poll_timeout did not announce");
        }
    }
}

/// A disk in memory.
fn write(disk: &mut Memory, change: Change) {
    match change {
        Change::Role(key, acceptance) => {
            disk.roll.set(key, acceptance);
        }
        Change::DropRole(role) => {
            disk.fast.remove(&role);
            disk.roll.remove(&role);
        }
        Change::Local(record) => disk.local = record,
        Change::Remote(record) => {
            disk.remotes.retain(|r| r.name != record.name);
            disk.remotes.push(record);
        }
        Change::DropRemote(name) => disk.remotes.retain(|r| r.name != name),
        Change::Fast(role) => {
            disk.fast.insert(role);
        }
    }
}
