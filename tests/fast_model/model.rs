//! The reference model and its operations, drawn from a seed or from a fuzzer's bytes.

// The fuzzer uses it as well, and says what to run by other words.
#![allow(dead_code)]

#[path = "flows.rs"]
mod flows;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use roadstead::base::{Acceptance, Name, Random};
use roadstead::message::{Address, Message, Route};
use roadstead::road::Config;
use roadstead::sim::{Burst, Link, World, fast};
use roadstead::transport::{Command, Event, Failure};

const MASTER: usize = 0;
const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// What happens next.
pub(crate) enum Fate {
    /// From a seed.
    Seed(Box<Random>),
    /// From bytes, the rest of which is left.
    Script(std::vec::IntoIter<u8>),
}

impl Fate {
    fn below(&mut self, n: u64) -> u64 {
        match self {
            Self::Seed(random) => random.below(n),
            Self::Script(bytes) => {
                let (low, high) = (bytes.next(), if n > 256 { bytes.next() } else { None });
                (u64::from(low.unwrap_or(0)) | u64::from(high.unwrap_or(0)) << 8) % n.max(1)
            }
        }
    }

    fn is_over(&self) -> bool {
        matches!(self, Self::Script(bytes) if bytes.len() == 0)
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A message as the model knows it.
#[derive(Debug)]
struct Sent {
    from: usize,
    to: usize,
    message: Message,
    /// Its sender's process ended before it was told.
    is_orphan: bool,
    /// Its sender did not accept the receiver's key when it sent.
    is_forbidden: bool,
    /// Its sender gave it up; it may have arrived all the same.
    is_cancelled: bool,
    answer: Option<Result<(), Failure>>,
    received: u32,
}

pub(crate) struct Model {
    world: World,
    fate: Fate,
    minions: usize,
    sent: BTreeMap<u64, Sent>,
    /// Who accepts whose key at present.
    accepted: BTreeSet<(usize, usize)>,
    /// For whom who is there at present.
    here: BTreeSet<(usize, usize)>,
    /// Streams and casts, and whether there are any.
    flows: flows::Flows,
    is_flowing: bool,
    log: Vec<String>,
}

/// Steps of the world that a second of idleness may take, and a datagram.
const STEPS: u64 = 200;
const STEPS_EACH: u64 = 12;

impl Model {
    pub(crate) fn new(seed: u64, mut fate: Fate, is_flowing: bool) -> Self {
        let minions = 1 + fate.below(2) as usize;
        let mut world = World::new(seed);
        world.is_recording = true;
        let fast = |name: &str| {
            let mut config = fast(name);
            config.fast.streams = flows::STREAMS;
            config
        };
        world.add(Config { main: true, ..fast("master") });
        for n in 1..=minions {
            world.add(Config { kind: 1, dial: vec![World::address(MASTER)], ..fast(&Self::name(n)) });
        }
        let (sent, accepted, here) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let flows = flows::Flows::default();
        Self { world, fate, minions, sent, accepted, here, flows, is_flowing, log: Vec::new() }
    }

    fn name(n: usize) -> String {
        if n == MASTER { "master".into() } else { format!("web{n}") }
    }

    fn pair(&mut self) -> (usize, usize) {
        let n = 1 + self.fate.below(self.minions as u64) as usize;
        if self.fate.below(2) == 0 { (MASTER, n) } else { (n, MASTER) }
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.fate.below(of.len() as u64) as usize]
    }

    /// Lets time pass; nobody may be busy with nothing.
    fn run(&mut self, time: Duration) {
        let seen = |world: &World| {
            world.hosts.iter().map(|h| h.road.stats()).map(|s| s.datagrams_in + s.datagrams_out).sum::<u64>()
        };
        let (mut steps, before, start) = (0u64, seen(&self.world), self.world.now);
        self.world.run_until(time, |world| {
            steps += 1;
            if steps.is_multiple_of(4096) {
                let seconds = world.now.since(start).as_secs() + 10;
                let most = seconds * STEPS + (seen(world).saturating_sub(before)) * STEPS_EACH;
                assert!(steps < most, "busy with nothing: {steps} steps in {seconds} s, not {most}");
            }
            false
        });
    }

    fn step(&mut self) {
        if self.is_flowing && self.fate.below(2) == 0 {
            return self.flow_step();
        }
        match self.fate.below(32) {
            0..=8 => (0..1 + self.fate.below(4)).for_each(|_| self.send()),
            9..=14 => {
                let time = MILLI * self.pick(&[3, 20, 100, 400, 3000, 15_000, 100_000]);
                self.log.push(format!("run {time:?}"));
                self.run(time);
            }
            15..=18 => self.relink(),
            19..=20 => {
                let n = self.fate.below(self.minions as u64 + 1) as usize;
                let is_cut = !self.world.host(n).is_cut;
                self.world.host(n).is_cut = is_cut;
                self.log.push(format!("cut {n}: {is_cut}"));
            }
            21 => self.restart(),
            22..=25 => {
                let (at, of) = self.pair();
                self.decide(at, of, Some(Acceptance::Accepted));
            }
            26 => {
                let (at, of) = self.pair();
                let acceptance = self.pick(&[Some(Acceptance::Rejected), Some(Acceptance::Pending), None]);
                self.decide(at, of, acceptance);
            }
            27..=29 => self.replay(),
            _ => {
                let n = 1 + self.fate.below(self.minions as u64) as usize;
                self.log.push(format!("the NAT forgets {n}"));
                self.world.rebind(n);
            }
        }
        self.check();
    }

    fn relink(&mut self) {
        let mut chance = |of: &[u64]| of[self.fate.below(of.len() as u64) as usize];
        let mut link = Link {
            delay: MILLI * chance(&[0, 1, 10, 25, 50]) as u32,
            jitter: MILLI * chance(&[0, 0, 1, 20]) as u32,
            loss: chance(&[0, 0, 10, 50, 300]),
            duplicate: chance(&[0, 0, 100]),
            corrupt: chance(&[0, 0, 10, 100]),
            reorder: chance(&[0, 0, 50]),
            holdback: MILLI * 30,
            ..Link::default()
        };
        match chance(&[0, 1, 2, 3, 4, 5, 6, 7]) {
            0 => link.mtu = 1200,
            1 => link.mtu = 1300,
            2 => link.mtu = 1472,
            3 => link.burst = Some(Burst::of(50_000, 20)),
            4 => (link.rate, link.queue) = (4_000_000, 60_000),
            5 => link.delay = MILLI * 800,
            6 => link.delay = SECOND * 10,
            _ => {}
        }
        self.log.push(format!("{link:?}"));
        self.world.link = link;
    }

    fn restart(&mut self) {
        let n = self.fate.below(self.minions as u64 + 1) as usize;
        self.log.push(format!("restart {n}"));
        self.check();
        self.world.restart(n, false);
        for sent in self.sent.values_mut().filter(|s| s.from == n && s.answer.is_none()) {
            sent.is_orphan = true;
        }
        self.flows_restart(n);
        self.here.retain(|(at, _)| *at != n);
    }

    fn send(&mut self) {
        let (from, to) = self.pair();
        self.send_between(from, to);
    }

    fn send_between(&mut self, from: usize, to: usize) -> u64 {
        let ticket = self.sent.len() as u64 + 1;
        let len = self.pick(&[0, 0, 10, 10, 64, 900, 900, 1190, 1400, 9000, 60_000]);
        let len = if self.fate.below(30) == 0 { self.pick(&[300_000, 2_000_000]) } else { len };
        let mut route = Route::default();
        if self.fate.below(2) == 0 {
            route.dst = Address { share: Some(name("fun")), ..Address::default() };
        }
        let kind = self.pick(&["", "load", "return", "pub", "a kind that is longer than most kinds are"]);
        let mut body = ticket.to_le_bytes().to_vec();
        body.extend((0..len as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ ticket) >> 40) as u8));
        let message = Message { route, kind: kind.into(), body: body.into() };
        self.log.push(format!("send {ticket} from {from} to {to}, {len} bytes"));
        let is_forbidden = !self.accepted.contains(&(from, to));
        let (is_orphan, is_cancelled, answer, received) = (false, false, None, 0);
        let sent = Sent { from, to, message, is_orphan, is_forbidden, is_cancelled, answer, received };
        if self.world.send(from, ticket, &Self::name(to), sent.message.clone()).is_ok() {
            self.sent.insert(ticket, sent);
        }
        ticket
    }

    /// Somebody who has heard everything says some of it again, as it was or not, from elsewhere or under the old address.
    fn replay(&mut self) {
        let all = self.world.record.len() as u64;
        let count = 1 + self.fate.below(20);
        // Old ones, or the newest before they arrive themselves.
        let is_late = self.fate.below(2) == 0;
        self.log.push(format!("replay {count} of {all}, late: {is_late}"));
        for _ in 0..count.min(all) {
            let at = if is_late { self.fate.below(all) } else { all - 1 - self.fate.below(all.min(10)) };
            let (_, from, to, mut datagram) = self.world.record[at as usize].clone();
            let from = if self.fate.below(2) == 0 { from } else { World::address(66) };
            match self.fate.below(4) {
                0 => datagram.truncate(self.fate.below(datagram.len() as u64 + 1) as usize),
                1 => {
                    let bit = self.fate.below(datagram.len() as u64 * 8) as usize;
                    datagram[bit / 8] ^= 1 << (bit % 8);
                }
                _ => {}
            }
            // Whoever lives there now hears it.
            let to = self.world.hosts.iter().map(|h| h.address).find(|a| a.ip() == to.ip()).unwrap_or(to);
            self.world.inject(from, to, datagram);
            let pause = self.fate.below(3) as u32 * 10;
            self.run(MILLI * pause);
        }
    }

    /// An operator's word about a key that is known there.
    fn decide(&mut self, at: usize, of: usize, acceptance: Option<Acceptance>) {
        // What was said before it is another matter.
        self.check();
        let role = name(&Self::name(of));
        let Some((key, _)) = self.world.host(at).road.roll().find(&role) else { return };
        let fingerprint = key.fingerprint();
        self.log.push(format!("{at} on {of}: {acceptance:?}"));
        self.world.command(at, Command::Admit { role, fingerprint, acceptance }).unwrap();
        if acceptance == Some(Acceptance::Accepted) {
            self.accepted.insert((at, of));
        } else {
            self.accepted.remove(&(at, of));
        }
    }

    /// Safety: everything said since the last look must be right.
    fn check(&mut self) {
        // Takes out what waits, without letting time pass.
        self.world.run(Duration::ZERO);
        let mut news = Vec::new();
        for n in 0..=self.minions {
            let events = std::mem::take(&mut self.world.host(n).events);
            news.extend(events.into_iter().map(|event| (n, event)));
        }
        // What arrived comes before what is said of it elsewhere.
        for (n, event) in &news {
            if let Event::Received { message, .. } = event {
                self.receive(*n, message);
            }
        }
        for (n, event) in news {
            self.judge(n, event);
        }
    }

    fn receive(&mut self, n: usize, message: &Message) {
        let Some(ticket) = message.body.first_chunk::<8>().map(|b| u64::from_le_bytes(*b)) else { return };
        let Some(sent) = self.sent.get_mut(&ticket) else { return };
        let (mut expected, from, to) = (sent.message.clone(), Self::name(sent.from), Self::name(sent.to));
        if !expected.kind.is_empty() || expected.route != Route::default() {
            expected.route.src.estate = Some(name(&from));
            expected.route.dst.estate = Some(name(&to));
        }
        assert!(*message == expected, "ticket {ticket}: whole, with its kind and route");
        assert_eq!(sent.to, n, "ticket {ticket}: to whom");
        assert!(!sent.is_forbidden, "ticket {ticket} went to a refused key");
        sent.received += 1;
        assert_eq!(sent.received, 1, "ticket {ticket} delivered twice");
    }

    fn judge(&mut self, n: usize, event: Event) {
        let who = |peer: &Name| self.who(peer);
        match event {
            Event::Received { from, message } => {
                let from = who(&from);
                assert!(self.here.contains(&(n, from)), "{n} hears {from}, who is not there");
                assert!(self.accepted.contains(&(n, from)), "{n} hears {from}, whose key is refused");
                let ticket = message.body.first_chunk::<8>().map(|b| u64::from_le_bytes(*b)).unwrap_or_default();
                assert!(self.sent.get(&ticket).is_none_or(|sent| sent.from == from), "ticket {ticket}: from whom");
            }
            Event::Delivered { ticket } => {
                let to = self.sent.get(&ticket.0).map(|sent| sent.to);
                assert!(to.is_none_or(|to| self.here.contains(&(n, to))), "{ticket:?} delivered to nobody");
                self.answer(ticket.0, Ok(()));
            }
            Event::Failed { ticket, why } => self.answer(ticket.0, Err(why)),
            Event::Joined { peer } => {
                let peer = who(&peer);
                assert!(self.accepted.contains(&(n, peer)), "{peer} joined {n} and is not accepted");
                assert!(self.here.insert((n, peer)), "{peer} joined {n} twice");
                let open = |s: &&Sent| (s.from, s.to) == (n, peer) && s.answer.is_none() && !s.is_orphan;
                assert!(self.sent.values().find(open).is_none(), "of an earlier session");
            }
            Event::Left { peer, .. } => {
                assert!(self.here.remove(&(n, who(&peer))), "{peer} left {n} and was not there");
            }
            other => self.judge_flow(n, &other),
        }
    }

    fn who(&self, peer: &Name) -> usize {
        (0..=2).find(|m| Self::name(*m) == peer.as_str()).unwrap()
    }

    fn answer(&mut self, ticket: u64, answer: Result<(), Failure>) {
        if self.answer_flow(ticket, answer) {
            return;
        }
        let Some(sent) = self.sent.get_mut(&ticket) else { return };
        assert_eq!(sent.answer, None, "ticket {ticket} answered twice, now {answer:?}");
        assert!(!sent.is_orphan, "ticket {ticket} answered by another process");
        assert!(answer.is_err() || sent.received == 1, "ticket {ticket} is said to be delivered, and is not");
        assert!(answer != Err(Failure::Absent) || sent.received == 0, "ticket {ticket} never left, and arrived");
        let is_usual = matches!(answer, Ok(()) | Err(Failure::Absent | Failure::Lost));
        let is_cancelled = sent.is_cancelled && answer == Err(Failure::Cancelled);
        assert!(is_usual || is_cancelled, "ticket {ticket}: {answer:?}");
        sent.answer = Some(answer);
    }

    /// Progress: the links heal, the operators accept everybody, and within the longest wait of a handshake everybody talks.
    fn heal(&mut self) {
        self.log.push(format!("heal at {:?}", self.world.now));
        self.world.is_recording = false;
        self.world.link = Link::default();
        for n in 0..=self.minions {
            self.world.host(n).is_cut = false;
        }
        let deadline = self.world.now + SECOND * 460;
        let mut waiting: BTreeSet<(usize, usize)> =
            (1..=self.minions).flat_map(|n| [(MASTER, n), (n, MASTER)]).collect();
        while !waiting.is_empty() {
            assert!(self.world.now < deadline, "cannot talk: {waiting:?}");
            for n in 1..=self.minions {
                for (at, of) in [(MASTER, n), (n, MASTER)] {
                    if !self.accepted.contains(&(at, of)) {
                        self.decide(at, of, Some(Acceptance::Accepted));
                    }
                }
            }
            self.check();
            let mut asked = BTreeMap::new();
            for (from, to) in waiting.clone() {
                asked.insert((from, to), self.send_between(from, to));
            }
            self.run(SECOND * 5);
            self.check();
            waiting.retain(|pair| self.sent[&asked[pair]].answer != Some(Ok(())));
        }
        for _ in 0..2000 {
            if self.heal_flows() {
                break;
            }
            self.run(MILLI * 10);
            self.check();
        }
        self.run(SECOND * 120);
        self.check();
        self.check_flows();
        for (ticket, sent) in &self.sent {
            let story = (sent.from, sent.to, sent.message.body.len());
            assert!(sent.answer.is_some() || sent.is_orphan, "ticket {ticket} was never answered: {story:?}");
        }
        for n in 1..=self.minions {
            assert!(self.here.contains(&(n, MASTER)) && self.here.contains(&(MASTER, n)), "{n} is not there");
        }
        for host in &self.world.hosts {
            for session in host.road.sessions() {
                assert_eq!((session.going, session.coming, session.in_flight), (0, 0, 0), "{}", session.name);
            }
        }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}\nnow {:?}", self.log.join("\n"), self.world.now);
            for host in &self.world.hosts {
                eprintln!("{:#?}", host.road.sessions());
            }
        }
    }
}

/// Some steps of a story, and the end that every story must have.
pub(crate) fn run(seed: u64, fate: Fate, is_flowing: bool) {
    let mut model = Model::new(seed, fate, is_flowing);
    if !seed.is_multiple_of(4) {
        // Most runs begin where things are interesting.
        for _ in 0..4 {
            model.run(SECOND / 2);
            for n in 1..=model.minions {
                model.decide(n, MASTER, Some(Acceptance::Accepted));
                model.decide(MASTER, n, Some(Acceptance::Accepted));
            }
        }
        model.check();
        assert!((1..=model.minions).all(|n| model.here.contains(&(MASTER, n))), "joins over a perfect link");
    }
    for _ in 0..40 {
        if model.fate.is_over() {
            break;
        }
        model.step();
    }
    model.heal();
}
