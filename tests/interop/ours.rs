//! Our estate on a real socket: the least loop around the engine. It owns no policy; the tests say what must happen.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use roadstead::base::{Acceptance, Name};
use roadstead::clock::Clock;
use roadstead::drive::entropy;
use roadstead::keep::{Change, OwnKeys};
use roadstead::message::{Message, Route};
use roadstead::road::{Config, Memory, Output, Road};
use roadstead::transport::{Command, Event, Ticket};

use crate::python::Peer;

/// Our end: the engine, its socket, and all it has said.
pub(crate) struct Ours {
    road: Road,
    socket: UdpSocket,
    clock: Clock,
    config: Config,
    keys: OwnKeys,
    disk: Memory,
    tickets: u64,
    /// Every event of the road.
    pub(crate) events: Vec<Event>,
}

impl Ours {
    pub(crate) fn start(config: Config) -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        // raet sends all segments of a message at once.
        if setsockopt(&socket, sockopt::RcvBufForce, &(32 << 20)).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &(32 << 20)).unwrap();
        }
        let clock = Clock::start();
        let mut random = roadstead::base::Random::new(entropy::seed().unwrap());
        let keys = OwnKeys::generate(&mut random);
        let disk = Memory::default();
        let road = Road::new(config.clone(), keys.clone(), disk.clone(), random.bytes(), clock.now());
        Self { road, socket, clock, config, keys, disk, tickets: 0, events: Vec::new() }
    }

    /// Our process ends without a word and starts again with what it had on disk.
    pub(crate) fn restart(&mut self) {
        self.events.clear();
        let (config, keys, disk) = (self.config.clone(), self.keys.clone(), self.disk.clone());
        self.road = Road::new(config, keys, disk, entropy::seed().unwrap(), self.clock.now());
    }

    pub(crate) fn port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    /// Runs both sides until `done`, at most for `limit`.
    pub(crate) fn run(&mut self, peer: &mut Peer, what: &str, limit: Duration, done: impl Fn(&Self, &Peer) -> bool) {
        let end = self.clock.now() + limit;
        while !done(self, peer) {
            self.step();
            peer.listen(Duration::ZERO);
            let events = self.events.iter().rev().take(8).collect::<Vec<_>>();
            let last = peer.said.len().saturating_sub(8);
            assert!(
                self.clock.now() < end,
                "no {what} within {limit:?}\nour last events, newest first: {events:#?}\nPython's last: {:#?}\n{:#?}",
                &peer.said[last..],
                self.road.stats()
            );
        }
    }

    fn step(&mut self) {
        let mut buffer = [0; 2048];
        // One wait, then whatever else is there.
        self.socket.set_nonblocking(false).unwrap();
        while let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
            self.road.handle_datagram(self.clock.now(), from, &mut buffer[..length]);
            self.drain();
            self.socket.set_nonblocking(true).unwrap();
        }
        if self.road.poll_timeout().is_some_and(|time| time <= self.clock.now()) {
            self.road.handle_timeout(self.clock.now());
        }
        self.drain();
    }

    fn drain(&mut self) {
        let mut buffer = Vec::new();
        while let Some(transmit) = self.road.poll_transmit(self.clock.now(), &mut buffer) {
            for datagram in transmit.datagrams(&buffer) {
                // A datagram the kernel has no room for is a lost one.
                let _ = self.socket.send_to(datagram, transmit.to);
            }
        }
        while let Some(output) = self.road.poll_output() {
            match output {
                Output::Event(event) => self.events.push(event),
                Output::Keep(change) => self.keep(change),
                Output::Note(_) => {}
            }
        }
    }

    fn keep(&mut self, change: Change) {
        match change {
            Change::Role(key, acceptance) => drop(self.disk.roll.set(key, acceptance)),
            Change::DropRole(role) => drop(self.disk.roll.remove(&role)),
            Change::Local(record) => self.disk.local = record,
            Change::Remote(record) => {
                self.disk.remotes.retain(|known| known.name != record.name);
                self.disk.remotes.push(record);
            }
            Change::Fast(_) => {}
            Change::DropRemote(name) => self.disk.remotes.retain(|known| known.name != name),
        }
    }

    /// Sends a text; the ticket comes back as delivered or failed.
    pub(crate) fn send(&mut self, to: &str, text: &str) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let message = Message::new(Route::default(), "payload", &text).unwrap();
        let command = Command::Send { ticket, to: name(to), message };
        self.road.handle_command(self.clock.now(), command).unwrap();
        ticket
    }

    /// An operator's word about the key we hold for a role.
    pub(crate) fn admit(&mut self, role: &str, acceptance: Option<Acceptance>) {
        let role = name(role);
        let fingerprint = self.road.roll().find(&role).map(|(key, _)| key.fingerprint()).unwrap();
        self.road.handle_command(self.clock.now(), Command::Admit { role, fingerprint, acceptance }).unwrap();
    }

    /// Whether `peer` joined and has not left since.
    pub(crate) fn is_joined(&self, peer: &str) -> bool {
        let about = |event: &&Event| matches!(event, Event::Joined { peer: p } | Event::Left { peer: p, .. } if p.as_str() == peer);
        matches!(self.events.iter().rev().find(about), Some(Event::Joined { .. }))
    }

    /// Whether the ticket is delivered; a failed one fails the test.
    pub(crate) fn is_delivered(&self, ticket: Ticket) -> bool {
        self.events.iter().any(|event| match event {
            Event::Failed { ticket: t, why } if *t == ticket => panic!("ticket {}: {why}", ticket.0),
            Event::Delivered { ticket: t } => *t == ticket,
            _ => false,
        })
    }

    /// Whether a message of this text has arrived from `peer`, once.
    pub(crate) fn received(&self, peer: &str, text: &str) -> bool {
        let same = |event: &&Event| match event {
            Event::Received { from, message } => {
                from.as_str() == peer && message.kind == "payload" && message.read::<String>().is_ok_and(|t| t == text)
            }
            _ => false,
        };
        let count = self.events.iter().filter(same).count();
        assert!(count < 2, "a message of {} bytes arrived {count} times", text.len());
        count == 1
    }
}

/// Settings of an estate on this host, told to join `dial`. Presence is asked more often than on a real road.
pub(crate) fn settings(own: &str, dial: Option<u16>) -> Config {
    let mut config = Config { wires: roadstead::road::Wires::CLASSIC, ..Config::new(name(own), name(own)) };
    config.main = true;
    config.dial = dial.map(|port| SocketAddr::from(([127, 0, 0, 1], port))).into_iter().collect();
    config.timers.presence = Duration::from_secs(1);
    config
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}
