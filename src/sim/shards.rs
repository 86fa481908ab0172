//! Several roads behind one simulated address, with the front before them, as a daemon on several cores has them: datagrams
//! go to a road by their sender's address, from there to whose they are, and words between roads and front take their time.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::world::World;
use crate::base::{Acceptance, Name, Time};
use crate::keep::OwnKeys;
use crate::message::Message;
use crate::road::front::{Front, Order, Taken, Way};
use crate::road::{Config, Memory, Output, Road, Shard};
use crate::transport::{Command, Event, Failure, Ticket};

/// Hosts of a world that are roads of one address; what they say as one is the first's to remember.
pub struct Shards {
    /// What stands before them.
    pub front: Front,
    /// Their numbers, in order from the first.
    hosts: std::ops::Range<usize>,
    /// Whether each datagram goes to another road than the one before, whoever sent it.
    pub is_scattering: bool,
    /// How long a word between a road and the front takes.
    pub lag: Duration,
    /// Datagrams that came to another road than their own.
    pub passed_on: u64,
    count: u64,
    up: VecDeque<(Time, u32, Said)>,
    down: VecDeque<(Time, u32, Order)>,
    taken: Vec<Taken>,
}

enum Said {
    Output(Time, Output),
    GivenUp(Name),
}

impl World {
    /// Adds so many roads at one address, with fresh keys and empty disks; returns the first one's number.
    pub fn add_shards(&mut self, config: &Config, count: u32) -> usize {
        let first = self.hosts.len();
        let keys = OwnKeys::generate(&mut self.random);
        for number in 0..count {
            let shard = Shard::new(number, count).unwrap_or(Shard::ALONE);
            self.add_with(Config { shard, ..config.clone() }, keys.clone(), Memory::default());
            self.host(first + number as usize).address = Self::address(first);
        }
        let front = Front::new(count, config.trust, Memory::default().roll, Memory::default().fast, config.bytes);
        self.shards = Some(Shards {
            front,
            hosts: first..first + count as usize,
            is_scattering: false,
            lag: Duration::from_micros(50),
            passed_on: 0,
            count: 0,
            up: VecDeque::new(),
            down: VecDeque::new(),
            taken: vec![Taken::default(); count as usize],
        });
        first
    }

    /// The roads of one address. Panics when there are none: a mistake in the test.
    #[allow(clippy::expect_used)]
    pub fn shards(&mut self) -> &mut Shards {
        self.shards.as_mut().expect("roads of one address")
    }

    /// Sends a message from those roads to an estate; `false` when it is handed back.
    pub fn send_sharded(&mut self, ticket: u64, to: &str, message: Message) -> bool {
        let (Ok(to), now) = (Name::new(to), self.now) else { return false };
        let shards = self.shards();
        let (first, ticket) = (shards.hosts.start, Ticket(ticket));
        let road = match shards.front.send(&to, message.body.len()) {
            Way::Road(road) => road as usize,
            Way::Wait => return false,
            Way::Absent => {
                self.host(first).events.push(Event::Failed { ticket, why: Failure::Absent });
                return true;
            }
        };
        if let Some(taken) = shards.taken.get_mut(road) {
            (taken.count, taken.bytes) = (taken.count + 1, taken.bytes + message.body.len() as u64);
            shards.front.handle_taken(road as u32, *taken);
        }
        self.host(first + road).road.handle_command(now, Command::Send { ticket, to, message }).is_ok()
    }

    /// Decides about the key those roads hold for a role.
    pub fn admit_sharded(&mut self, role: &str, acceptance: Option<Acceptance>) {
        let Ok(role) = Name::new(role) else { return };
        let front = &mut self.shards().front;
        if let Some(fingerprint) = front.roll().find(&role).map(|(key, _)| key.fingerprint()) {
            front.admit(&role, fingerprint, acceptance);
            self.carry_words();
        }
    }

    /// What the roads and the front have told each other so long ago that it is heard now.
    pub(super) fn carry_words(&mut self) {
        let (now, Some(mut shards)) = (self.now, self.shards.take()) else { return };
        let first = shards.hosts.start;
        while shards.up.front().is_some_and(|(at, ..)| *at <= now) {
            let Some((_, road, said)) = shards.up.pop_front() else { break };
            match said {
                Said::Output(at, output) => shards.front.handle_output(road, at, output),
                Said::GivenUp(name) => shards.front.handle_given_up(&name),
            }
        }
        while let Some((road, order)) = shards.front.poll_order() {
            shards.down.push_back((now + shards.lag, road, order));
        }
        while let Some(output) = shards.front.poll_output() {
            match output {
                Output::Event(event) => self.host(first).events.push(event),
                Output::Keep(change) => super::world::write(&mut self.host(first).disk, change),
                Output::Note(note) => self.host(first).notes.push(note),
            }
        }
        while shards.down.front().is_some_and(|(at, ..)| *at <= now) {
            let Some((_, number, order)) = shards.down.pop_front() else { break };
            let given_up = follow(&mut self.host(first + number as usize).road, now, order);
            if let Some(name) = given_up {
                // Behind all that came of it.
                while let Some(output) = self.host(first + number as usize).road.poll_output() {
                    shards.up.push_back((now + shards.lag, number, Said::Output(now, output)));
                }
                shards.up.push_back((now + shards.lag, number, Said::GivenUp(name)));
            }
        }
        self.shards = Some(shards);
    }
}

impl Shards {
    /// When the next word is heard.
    pub(super) fn due(&self) -> Option<Time> {
        self.up.front().map(|(at, ..)| *at).into_iter().chain(self.down.front().map(|(at, ..)| *at)).min()
    }

    /// Takes what a host said, if it is one of these roads.
    pub(super) fn hear(&mut self, now: Time, host: usize, output: Output) -> Option<Output> {
        if !self.hosts.contains(&host) {
            return Some(output);
        }
        let road = (host - self.hosts.start) as u32;
        self.up.push_back((now + self.lag, road, Said::Output(now, output)));
        None
    }

    /// The host a datagram for `host` is for.
    pub(super) fn sort(&mut self, host: usize, from: SocketAddr, bytes: &[u8]) -> usize {
        if !self.hosts.contains(&host) {
            return host;
        }
        self.count += 1;
        let roads = self.hosts.len() as u64;
        let sender = match from.ip() {
            IpAddr::V4(ip) => u64::from(ip.to_bits()) << 16 | u64::from(from.port()),
            IpAddr::V6(_) => u64::from(from.port()),
        };
        let lot = if self.is_scattering { self.count } else { sender.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40 };
        let got = (lot % roads) as u32;
        let owner = Shard::new(got, roads as u32).map_or(0, |shard| shard.owner(bytes, false));
        self.passed_on += u64::from(owner != got);
        self.hosts.start + owner as usize
    }
}

/// Has a road follow an order; the estate it was to give up.
fn follow(road: &mut Road, now: Time, order: Order) -> Option<Name> {
    match order {
        Order::Learn(key, acceptance) => {
            if road.roll().find(&key.role) != acceptance.map(|acceptance| (&*key, acceptance)) {
                road.handle_roll(now, *key, acceptance);
            }
            None
        }
        Order::Tokens(tokens) => {
            road.set_tokens(now, tokens);
            None
        }
        Order::Fast(role) => {
            road.remember_fast(role);
            None
        }
        Order::GiveUp(name, at) => {
            road.give_up(now, &name, at);
            Some(name)
        }
    }
}
