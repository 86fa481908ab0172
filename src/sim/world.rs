//! Roads on simulated hosts: the world moves datagrams and time, and keeps what every road said.
//!
//! It also holds every road to the engines' contract: whatever waits is announced by `poll_timeout`, and time moves on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::link::{Between, Link, Step};
use super::network::{Flight, Network, Trip};
use super::shards::Shards;
use super::state::Counts;
use crate::base::{Acceptance, Name, Random, Time};
use crate::keep::{Change, LocalRecord, Note, OwnKeys};
use crate::message::Message;
use crate::road::{Config, Datagram, Memory, Output, Road, Wires};
use crate::transport::{Command, Event, Ticket};

/// A host with one road.
pub struct Host {
    /// Its address; change it to move the host.
    pub address: SocketAddr,
    /// Its road.
    pub road: Road,
    /// Everything its road has told the application.
    pub events: Vec<Event>,
    /// What it said for its journal.
    pub notes: Vec<Note>,
    /// What its disk holds.
    pub disk: Memory,
    /// Switched off: it neither sends nor receives, and its time stands still.
    pub is_down: bool,
    /// Its cable is out: it runs, and nothing reaches it or leaves it.
    pub is_cut: bool,
    /// Its settings, for a restart.
    config: Config,
    /// Its keys.
    pub keys: OwnKeys,
}

/// Hosts, the links between them, and time.
pub struct World {
    /// The present.
    pub now: Time,
    /// The link of every direction that was given none of its own; each direction has its own queue.
    pub link: Link,
    /// The hosts.
    pub hosts: Vec<Host>,
    /// Every datagram ever sent: when, from, to, bytes. Only while `is_recording`.
    pub record: Vec<(Time, SocketAddr, SocketAddr, Vec<u8>)>,
    /// Whether `record` grows.
    pub is_recording: bool,
    /// Somebody on every path who takes away the datagrams this is true of.
    pub thief: Option<fn(&[u8]) -> bool>,
    pub(super) random: Random,
    /// Roads that share an address.
    pub(super) shards: Option<Shards>,
    network: Network,
    /// Changes of links to come, in order.
    plan: BTreeMap<(Time, u64), (Between, Step)>,
    planned: u64,
    /// Who was seen last at an address. Only a hint: hosts move.
    places: BTreeMap<SocketAddr, usize>,
    /// Emptied at every step; they keep their room.
    arrived: Vec<Flight>,
    buffer: Vec<u8>,
    /// Steps since time last moved.
    standstill: u32,
}

/// Steps without time moving after which a road is said to be stuck.
const STANDSTILL: u32 = 100_000;

/// Tells the links' randomness from everybody else's.
const LINKS: u64 = 0x6c69_6e6b_735f_5f5f;

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
            thief: None,
            random: Random::from_number(seed),
            shards: None,
            // What links do depends on nothing that roads and tests draw.
            network: Network::new(Random::from_number(seed ^ LINKS)),
            plan: BTreeMap::new(),
            planned: 0,
            places: BTreeMap::new(),
            arrived: Vec::new(),
            buffer: Vec::new(),
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
        self.hosts.push(Host {
            address,
            road,
            events: Vec::new(),
            notes: Vec::new(),
            disk,
            is_down: false,
            is_cut: false,
            config,
            keys,
        });
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

    /// Lets a datagram arrive now, past all links.
    pub fn inject(&mut self, from: SocketAddr, to: SocketAddr, datagram: Vec<u8>) {
        self.network.inject(self.now, from, to, datagram);
    }

    /// Gives the direction from one host to another a link of its own, or another one; what waits in its queue stays.
    pub fn set_link(&mut self, from: usize, to: usize, link: Link) {
        self.network.alter(self.now, &mut self.link, Some((from, to)), Step::Link(link));
    }

    /// One new link, with one queue, for all of these directions together: a bottleneck.
    pub fn share_link(&mut self, between: &[(usize, usize)], link: Link) {
        self.network.share(between, link);
    }

    /// Changes the link from one host to another at `at`, or with `None` the world's [`link`](Self::link).
    pub fn schedule(&mut self, at: Time, between: Between, step: Step) {
        self.planned += 1;
        self.plan.insert((at, self.planned), (between, step));
    }

    /// The link from one host to another.
    pub fn link_between(&self, from: usize, to: usize) -> Link {
        self.network.seen(from, to).0.unwrap_or(self.link)
    }

    /// What the link from one host to another has done; directions that share a link share the counts.
    pub fn counts(&self, from: usize, to: usize) -> Counts {
        self.network.seen(from, to).1
    }

    /// The NAT before a host forgets it: it is seen under a new port from now on, and nothing reaches it at the old one.
    pub fn rebind(&mut self, n: usize) {
        let taken: Vec<SocketAddr> = self.hosts.iter().map(|host| host.address).collect();
        let address = &mut self.host(n).address;
        loop {
            address.set_port(address.port().wrapping_add(1).max(1024));
            if !taken.contains(address) {
                return;
            }
        }
    }

    /// Runs for `time`.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.drain();
        while self.advance(end) {}
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
    pub(super) fn step(&mut self, end: Time) -> bool {
        self.drain();
        self.advance(end)
    }

    /// The same, when nobody has touched a road since the last step.
    fn advance(&mut self, end: Time) -> bool {
        let flight = self.network.next_arrival();
        let change = self.plan.keys().next().map(|(time, _)| *time);
        let timeout = self.hosts.iter().filter(|h| !h.is_down).filter_map(|h| h.road.poll_timeout()).min();
        let word = self.shards.as_ref().and_then(Shards::due);
        let next = flight.into_iter().chain(change).chain(timeout).chain(word).min();
        let Some(next) = next.filter(|next| *next <= end) else { return false };
        self.standstill = if next > self.now { 0 } else { self.standstill + 1 };
        assert!(self.standstill < STANDSTILL, "a road asks to be called at {:?} and does nothing then", self.now);
        self.now = self.now.max(next);
        while let Some(entry) = self.plan.first_entry().filter(|e| e.key().0 <= self.now) {
            let (between, step) = entry.remove();
            self.network.alter(self.now, &mut self.link, between, step);
        }
        self.carry_words();
        self.deliver();
        for host in self.hosts.iter_mut().filter(|h| !h.is_down) {
            if host.road.poll_timeout().is_some_and(|time| time <= self.now) {
                host.road.handle_timeout(self.now);
            }
        }
        // What came of it is seen now, not when the next thing happens.
        self.drain();
        true
    }

    /// Hands over what has arrived. What comes at once is taken at once, as from a socket.
    fn deliver(&mut self) {
        let mut arrived = std::mem::take(&mut self.arrived);
        while let Some(mut flight) = self.network.next_arrived(self.now) {
            let hint = flight.host.filter(|n| self.hosts.get(*n).is_some_and(|h| h.hears(flight.to)));
            flight.host = hint.or_else(|| self.hosts.iter().position(|h| h.hears(flight.to)));
            if let (Some(shards), Some(host)) = (&mut self.shards, flight.host) {
                flight.host = Some(shards.sort(host, flight.from, &flight.bytes));
            }
            arrived.push(flight);
        }
        arrived.sort_by_key(|flight| flight.host);
        for train in arrived.chunk_by_mut(|one, next| one.host == next.host) {
            let host = train.first().and_then(|flight| flight.host);
            let Some(host) = host.and_then(|n| self.hosts.get_mut(n)) else { continue };
            let datagrams = train.iter_mut();
            let mut datagrams: Vec<_> =
                datagrams.map(|f| Datagram { from: f.from, mark: f.mark, bytes: &mut f.bytes }).collect();
            host.road.handle_datagrams(self.now, &mut datagrams);
        }
        for flight in arrived.drain(..) {
            self.network.recycle(flight.bytes);
        }
        self.arrived = arrived;
    }

    /// Takes out what the roads have to say.
    fn drain(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        for n in 0..self.hosts.len() {
            let mut said = 0;
            let now = self.now;
            let Some(host) = self.hosts.get_mut(n).filter(|host| !host.is_down) else { continue };
            let is_announced = host.road.poll_timeout().is_some_and(|time| time <= now);
            let (address, is_cut) = (host.address, host.is_cut);
            while let Some(sent) = self.hosts.get_mut(n).and_then(|host| host.road.poll_transmit(now, &mut buffer)) {
                said += 1;
                let trip = Trip { from: (n, address), to: (self.find(sent.to), sent.to), mark: sent.mark };
                for datagram in sent.datagrams(&buffer) {
                    if self.is_recording {
                        self.record.push((now, address, sent.to, datagram.to_vec()));
                    }
                    if !is_cut && !self.thief.is_some_and(|takes| takes(datagram)) {
                        self.network.send(now, &self.link, trip, datagram);
                    }
                }
            }
            let Some(host) = self.hosts.get_mut(n) else { continue };
            while let Some(output) = host.road.poll_output() {
                said += 1;
                let output = match &mut self.shards {
                    Some(shards) => shards.hear(now, n, output),
                    None => Some(output),
                };
                let Some(output) = output else { continue };
                match output {
                    Output::Event(event) => host.events.push(event),
                    Output::Keep(change) => write(&mut host.disk, change),
                    Output::Note(note) => host.notes.push(note),
                }
            }
            assert!(said == 0 || is_announced, "something was queued that poll_timeout did not announce");
        }
        self.buffer = buffer;
    }

    /// The host that lives at an address, hearing or not: it says over which link a datagram goes.
    fn find(&mut self, address: SocketAddr) -> Option<usize> {
        let hint = self.places.get(&address).copied();
        if let Some(n) = hint.filter(|n| self.hosts.get(*n).is_some_and(|h| h.address == address)) {
            return Some(n);
        }
        let hearing = self.hosts.iter().position(|h| h.hears(address));
        let n = hearing.or_else(|| self.hosts.iter().position(|h| h.address == address))?;
        self.places.insert(address, n);
        Some(n)
    }
}

impl Host {
    /// Whether it hears what is sent there.
    fn hears(&self, address: SocketAddr) -> bool {
        self.address == address && !self.is_down && !self.is_cut
    }
}

/// A disk in memory.
pub(super) fn write(disk: &mut Memory, change: Change) {
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

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;
