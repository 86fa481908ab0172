//! What a fleet costs on the fast road, without sockets: bytes of resident memory for an idle session, at the master and at
//! the estates, and the time of one core for ten thousand handshakes and for one message to each of them.
//!
//! Every row is a process of its own, so that none takes what another gave back. `ESTATES` says how many (10,000). The
//! goals: 4 KiB a session on either side, 60 ms for a publish (road v1).

// A bench says what is wrong by stopping.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::net::SocketAddr;
use std::process::Command as Process;
use std::time::Duration;

use bytes::Bytes;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use roadstead::base::{Acceptance, Name, Random, Time};
use roadstead::keep::{OwnKeys, RoleKey, Roll};
use roadstead::message::Message;
use roadstead::nacl::Suite;
use roadstead::road::{Config, Datagram, Mark, Memory, Output, Road, Transmit, Trust};
use roadstead::transport::{Command, Event, Ticket};

const MILLI: Duration = Duration::from_millis(1);
/// Where the master is.
const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 255, 0, 1)), 4510);
/// Estates that join together.
const BATCH: usize = 100;

/// A master and the estates that are kept, in their own time.
struct Fleet {
    suite: Suite,
    random: Random,
    now: Time,
    /// The master's.
    keys: OwnKeys,
    master: Road,
    joined: usize,
    /// The estates that are there, numbered from `first`.
    estates: Vec<Road>,
    first: usize,
    buffer: Vec<u8>,
    /// What the master has taken of a core, and the estates.
    spent: (Duration, Duration),
    /// Of it, what estates took until they were in session.
    handshakes: (Duration, Duration),
    delivered: usize,
    post: Post,
}

/// Datagrams on their way: the estate that sent or gets them, their size and that of each.
#[derive(Default)]
struct Post {
    letters: Vec<(usize, usize, usize)>,
    bytes: Vec<u8>,
}

fn address(n: usize) -> SocketAddr {
    SocketAddr::from(([10, (n >> 16) as u8, (n >> 8) as u8, n as u8], 4510))
}

fn place(address: SocketAddr) -> usize {
    let SocketAddr::V4(address) = address else { panic!("{address}") };
    address.ip().to_bits() as usize & 0xff_ffff
}

fn config(name: &str, suite: Suite) -> Config {
    let name = Name::new(name).unwrap();
    let mut config = Config { trust: Trust::Once, ..Config::new(name.clone(), name) };
    config.fast.suites = vec![suite];
    // As the daemons have it.
    config.fast.parameters.keep_alive = 10_000;
    config
}

/// A master with these keys that knows these estates.
fn master_of(keys: &OwnKeys, roll: Roll, suite: Suite, random: &mut Random, now: Time) -> Road {
    let config = Config { main: true, ..config("master", suite) };
    Road::new(config, keys.clone(), Memory { roll, ..Memory::default() }, random.bytes(), now)
}

/// An estate that calls a master it knows.
fn estate_of(name: &str, suite: Suite, random: &mut Random, now: Time, known: RoleKey) -> Road {
    let mut disk = Memory::default();
    disk.roll.set(known, Acceptance::Accepted);
    let config = Config { dial: vec![HERE], ..config(name, suite) };
    Road::new(config, OwnKeys::generate(random), disk, random.bytes(), now)
}

fn take(road: &mut Road, now: Time, from: SocketAddr, bytes: &mut [u8]) {
    road.handle_datagrams(now, &mut [Datagram { from, mark: Mark::NotEct, bytes }]);
}

impl Fleet {
    fn new(suite: Suite) -> Self {
        let (mut random, now) = (Random::from_number(1), Time(1_000_000));
        let keys = OwnKeys::generate(&mut random);
        let master = master_of(&keys, Roll::default(), suite, &mut random, now);
        let spent = (Duration::ZERO, Duration::ZERO);
        let (estates, buffer) = (Vec::new(), Vec::new());
        Self {
            suite,
            random,
            now,
            keys,
            master,
            joined: 0,
            estates,
            first: 0,
            buffer,
            spent,
            handshakes: spent,
            delivered: 0,
            post: Post::default(),
        }
    }

    /// More estates join, some at a time; those before are kept or forgotten.
    fn join(&mut self, count: usize, keeps: bool) {
        let key = self.master.own_key();
        let goal = self.joined + count;
        while self.joined < goal {
            if !keeps {
                (self.first, self.estates) = (self.joined, Vec::new());
            }
            let fresh = (self.joined..self.joined + BATCH)
                .map(|n| estate_of(&format!("web{n}"), self.suite, &mut self.random, self.now, key.clone()));
            self.estates.extend(fresh.collect::<Vec<_>>());
            let before = self.spent;
            self.talk(5, self.joined);
            self.handshakes.0 += self.spent.0 - before.0;
            self.handshakes.1 += self.spent.1 - before.1;
            self.talk(300, self.joined);
            self.joined += BATCH;
            assert_eq!(self.master.sessions().len(), self.joined);
        }
        if !keeps {
            self.estates = Vec::new();
        }
    }

    /// The master and the estates talk for so many milliseconds; all read what was said. Those numbered from `eager` on are
    /// looked at every millisecond, the others now and then.
    fn talk(&mut self, millis: usize, eager: usize) {
        for milli in 0..millis {
            let start = core();
            self.master.handle_timeout(self.now);
            self.gather();
            let between = core();
            self.deliver();
            let from = if milli % 50 == 0 { 0 } else { eager.saturating_sub(self.first) };
            for n in from..self.estates.len() {
                self.turn(n);
            }
            let last = core();
            self.answer();
            self.spent.0 += (between - start) + (core() - last);
            self.spent.1 += last - between;
            self.now += MILLI;
        }
    }

    /// What the master has to send goes into the post.
    fn gather(&mut self) {
        while let Some(sent) = self.master.poll_transmit(self.now, &mut self.buffer) {
            self.post.push(place(sent.to), &sent, &self.buffer);
        }
    }

    /// The post is handed to the estates that are there.
    fn deliver(&mut self) {
        let (estates, first, now) = (&mut self.estates, self.first, self.now);
        self.post.empty(|n, bytes| {
            if let Some(estate) = n.checked_sub(first).and_then(|n| estates.get_mut(n)) {
                take(estate, now, HERE, bytes);
            }
        });
    }

    /// What an estate has to do; what it sends goes into the post.
    fn turn(&mut self, n: usize) {
        let estate = &mut self.estates[n];
        estate.handle_timeout(self.now);
        while let Some(sent) = estate.poll_transmit(self.now, &mut self.buffer) {
            self.post.push(self.first + n, &sent, &self.buffer);
        }
        while estate.poll_output().is_some() {}
    }

    /// The post is handed to the master, which reads what is said to it.
    fn answer(&mut self) {
        let (master, now) = (&mut self.master, self.now);
        self.post.empty(|n, bytes| take(master, now, address(n), bytes));
        while let Some(output) = self.master.poll_output() {
            self.delivered += usize::from(matches!(output, Output::Event(Event::Delivered { .. })));
        }
    }

    /// Longer than a session waits before it gives memory back, and until the last path is known.
    fn rest(&mut self) {
        self.talk(500, usize::MAX);
        for _ in 0..50 {
            self.now += MILLI * 100;
            self.master.handle_timeout(self.now);
            self.estates.iter_mut().for_each(|estate| estate.handle_timeout(self.now));
        }
    }

    /// The master is killed and started again; seconds until all estates are back, and of its core meanwhile.
    fn restart(&mut self) -> (f64, f64) {
        let roll = self.master.roll().clone();
        self.master = master_of(&self.keys, roll, self.suite, &mut self.random, self.now);
        self.spent = (Duration::ZERO, Duration::ZERO);
        let start = self.now;
        while self.master.sessions().len() < self.joined {
            self.talk(50, usize::MAX);
            assert!(self.now < start + Duration::from_secs(60));
        }
        ((self.now - start).as_secs_f64(), self.spent.0.as_secs_f64())
    }

    /// One message to every estate; milliseconds of a core until all are in datagrams, and until all have arrived.
    fn publish(&mut self) -> (f64, f64) {
        let body = Bytes::from(vec![7; 200]);
        let command = |n: usize| {
            let to = Name::new(&format!("web{n}")).unwrap();
            let message = Message { kind: "job".into(), body: body.clone(), ..Message::default() };
            Command::Send { ticket: Ticket(n as u64), to, message }
        };
        let commands: Vec<Command> = (0..self.joined).map(command).collect();
        self.delivered = 0;
        let start = core();
        for command in commands {
            self.master.handle_command(self.now, command).unwrap();
        }
        self.gather();
        let handed = core() - start;
        assert!(self.post.letters.len() >= self.joined);
        self.spent = (handed, Duration::ZERO);
        self.deliver();
        self.talk(500, usize::MAX);
        assert_eq!(self.delivered, self.joined);
        (handed.as_secs_f64() * 1e3, self.spent.0.as_secs_f64() * 1e3)
    }
}

impl Post {
    fn push(&mut self, n: usize, sent: &Transmit, bytes: &[u8]) {
        self.letters.push((n, sent.size, sent.segment.unwrap_or(sent.size)));
        self.bytes.extend_from_slice(&bytes[..sent.size]);
    }

    fn empty(&mut self, mut each: impl FnMut(usize, &mut [u8])) {
        let mut rest = self.bytes.as_mut_slice();
        for (n, size, segment) in self.letters.drain(..) {
            let (letter, after) = rest.split_at_mut(size);
            rest = after;
            letter.chunks_mut(segment).for_each(|bytes| each(n, bytes));
        }
        self.bytes.clear();
    }
}

/// What this thread has taken of a core.
fn core() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(micros as u64)
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// Bytes of a session at the master, whose estates are forgotten as soon as they are in, so that what they took is taken again.
fn master(suite: Suite, count: usize) -> usize {
    let mut fleet = Fleet::new(suite);
    fleet.join(BATCH, false);
    fleet.rest();
    let before = resident();
    fleet.join(count, false);
    fleet.rest();
    (resident() - before) / count
}

/// Bytes of a whole estate and of its session at the master, together.
fn both(suite: Suite, count: usize) -> usize {
    let mut fleet = Fleet::new(suite);
    fleet.join(BATCH, true);
    fleet.rest();
    let before = resident();
    fleet.join(count, true);
    fleet.rest();
    (resident() - before) / count
}

/// Microseconds of a core for a handshake at either side, then milliseconds of a publish.
fn crowd(suite: Suite, count: usize) -> String {
    let mut fleet = Fleet::new(suite);
    fleet.join(count, true);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    let (ours, theirs) = (each(fleet.handshakes.0), each(fleet.handshakes.1));
    fleet.rest();
    let first = fleet.publish();
    let second = fleet.publish();
    let (back, core) = fleet.restart();
    format!(
        "handshake {ours:.0} us at the master, {theirs:.0} us at the estate; publish {:.1} ms, {:.1} ms until delivered; again {:.1} and {:.1} ms; {} MiB; \
         after a restart all are back in {back:.1} s, for {core:.1} s of a core",
        first.0,
        first.1,
        second.0,
        second.1,
        resident() >> 20
    )
}

fn main() {
    let count = std::env::var("ESTATES").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000usize);
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [row, suite] = arguments.as_slice() {
        let suite = if suite == "nacl" { Suite::Nacl } else { Suite::Aes256Gcm };
        match row.as_str() {
            "master" => println!("{}", master(suite, count)),
            "both" => println!("{}", both(suite, count)),
            _ => println!("{}", crowd(suite, count)),
        }
        return;
    }
    for suite in [Suite::Aes256Gcm, Suite::Nacl] {
        let row = |what: &str| {
            let process = Process::new(std::env::current_exe().unwrap()).args([what, suite.name()]).output().unwrap();
            assert!(process.status.success(), "{}", String::from_utf8_lossy(&process.stderr));
            String::from_utf8_lossy(&process.stdout).trim().to_owned()
        };
        let (master, both) = (row("master"), row("both"));
        let estate = both.parse::<usize>().unwrap().saturating_sub(master.parse::<usize>().unwrap());
        println!("{:<12} {master} bytes a session at the master, {estate} bytes an estate", suite.name());
        println!("{:<12} {}", "", row("crowd"));
    }
}
