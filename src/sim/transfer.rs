//! An experiment: bulk messages and, beside them, small ones at a steady pace between pairs of hosts that share a link;
//! and what came of it. Knows roads only by their commands and events, so that it measures any wire.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::link::{Link, Step};
use super::state::Counts;
use super::world::{World, estate};
use crate::base::Time;
use crate::message::{Message, Route};
use crate::road::{Config, Trust};
use crate::transport::Event;

/// What is to be tried. All pairs share both directions' links; each sends one way and has its own roads.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// Where all chance comes from.
    pub seed: u64,
    /// From senders to receivers.
    pub there: Link,
    /// From receivers to senders.
    pub back: Link,
    /// Changes of the link there, or of both when told so, counted from the start.
    pub steps: Vec<(Duration, Side, Step)>,
    /// One pair of hosts each: what is to be changed in both roads' settings.
    pub pairs: Vec<fn(&mut Config)>,
    /// Each pair begins so much later than the one before.
    pub later: Duration,
    /// Bytes of bulk messages that a sender keeps unconfirmed.
    pub outstanding: usize,
    /// Bytes of a bulk message's body.
    pub bulk: usize,
    /// Bytes of a small message's body; the first pair alone sends them.
    pub small: usize,
    /// Time between two small messages; zero: none.
    pub pace: Duration,
    /// How long, from the moment all have joined.
    pub time: Duration,
    /// Datagrams on both links after which it ends before its time: a bound on the work.
    pub datagrams: u64,
}

/// Which links a step changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// From senders to receivers.
    There,
    /// Both.
    Both,
}

/// What came of a transfer.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// How long it was.
    pub time: Duration,
    /// It ended by its number of datagrams.
    pub is_short: bool,
    /// Pair by pair.
    pub flows: Vec<Flow>,
    /// What the link from senders to receivers did.
    pub there: Counts,
    /// What the link back did.
    pub back: Counts,
}

/// What came of one pair.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    /// Bytes of bodies received whole: when, how many up to then.
    received: Vec<(Time, u64)>,
    /// From when it was due to when it arrived, of each small message, in microseconds, shortest first.
    delays: Vec<u64>,
    /// Small messages that were due.
    pub due: u64,
    /// Those of them that had not arrived in the end.
    pub missing: u64,
    /// Messages that failed.
    pub failed: u64,
    start: Time,
    end: Time,
}

/// Longest wait for the hosts to join before the experiment.
const JOIN: Duration = Duration::from_secs(60);
/// Wait after a message failed, for instance because the far side has left.
const REST: Duration = Duration::from_millis(100);
/// Kind of a small message.
const SMALL: &str = "small";

impl Default for Transfer {
    fn default() -> Self {
        Self {
            seed: 1,
            there: Link::default(),
            back: Link::default(),
            steps: Vec::new(),
            pairs: vec![|_| ()],
            later: Duration::ZERO,
            outstanding: 1 << 20,
            bulk: 64 << 10,
            small: 1000,
            pace: Duration::from_millis(10),
            time: Duration::from_secs(10),
            datagrams: u64::MAX,
        }
    }
}

impl Transfer {
    /// Runs it; `None` when the hosts do not even join over links without loss.
    pub fn run(&self) -> Option<Outcome> {
        let mut world = self.stage()?;
        let start = world.now;
        let end = start + self.time;
        let mut pairs: Vec<Pair> = (0..self.pairs.len()).map(|n| Pair::new(self, n, start)).collect();
        loop {
            for pair in &mut pairs {
                pair.listen(&mut world);
                pair.send(&mut world);
            }
            let until = pairs.iter().filter_map(|pair| pair.wake(world.now)).fold(end, Time::min);
            if !world.step(until) {
                world.now = until;
            }
            let (there, back) = (world.counts(0, 1), world.counts(1, 0));
            let is_short = there.datagrams + back.datagrams >= self.datagrams;
            if !is_short && world.now < end {
                continue;
            }
            let flows = pairs.into_iter().map(|pair| pair.end(&mut world)).collect();
            return Some(Outcome { time: world.now.since(start), is_short, flows, there, back });
        }
    }

    /// The hosts, joined, with nothing under way, and their links.
    fn stage(&self) -> Option<World> {
        let mut world = World::new(self.seed);
        world.link = Link { delay: self.there.delay, mtu: self.there.mtu, ..Link::default() };
        for (n, tune) in self.pairs.iter().enumerate() {
            let mut sender = Config { main: true, trust: Trust::Once, ..estate(&sender(n)) };
            let dial = vec![World::address(2 * n)];
            let mut receiver = Config { kind: 1, dial, trust: Trust::Once, ..estate(&receiver(n)) };
            tune(&mut sender);
            tune(&mut receiver);
            world.add(sender);
            world.add(receiver);
        }
        let has_joined = |host: &super::Host| host.events.iter().any(|e| matches!(e, Event::Joined { .. }));
        if !world.run_until(JOIN, |world| world.hosts.iter().all(has_joined)) {
            return None;
        }
        world.run(self.there.delay * 4);
        for host in &mut world.hosts {
            host.events.clear();
        }
        let pairs = 0..self.pairs.len();
        let there: Vec<_> = pairs.clone().map(|n| (2 * n, 2 * n + 1)).collect();
        let back: Vec<_> = pairs.map(|n| (2 * n + 1, 2 * n)).collect();
        world.share_link(&there, self.there);
        world.share_link(&back, self.back);
        for (after, side, step) in &self.steps {
            world.schedule(world.now + *after, Some((0, 1)), *step);
            if *side == Side::Both {
                world.schedule(world.now + *after, Some((1, 0)), *step);
            }
        }
        Some(world)
    }
}

/// A pair of hosts at work.
struct Pair {
    from: usize,
    to: String,
    bulk: Message,
    bulk_size: usize,
    room: usize,
    small: usize,
    pace: Duration,
    next: Option<Time>,
    /// Small messages that are due and that the road has not taken.
    late: VecDeque<u64>,
    /// When each was due; none for those that have arrived.
    dues: Vec<Option<Time>>,
    /// The next bulk message's number.
    number: u64,
    unconfirmed: usize,
    /// The road has handed a command back.
    is_full: bool,
    rest: Time,
    total: u64,
    flow: Flow,
}

impl Pair {
    fn new(transfer: &Transfer, n: usize, start: Time) -> Self {
        let is_small = n == 0 && !transfer.pace.is_zero();
        Self {
            from: 2 * n,
            to: receiver(n),
            bulk: message("bulk", 0, transfer.bulk),
            bulk_size: transfer.bulk,
            room: transfer.outstanding,
            small: transfer.small,
            pace: transfer.pace,
            next: is_small.then_some(start),
            late: VecDeque::new(),
            dues: Vec::new(),
            number: 0,
            unconfirmed: 0,
            is_full: false,
            rest: start + transfer.later * u32::try_from(n).unwrap_or(u32::MAX),
            total: 0,
            flow: Flow { start, ..Flow::default() },
        }
    }

    /// When it wants to do something by itself.
    fn wake(&self, now: Time) -> Option<Time> {
        self.next.into_iter().chain(Some(self.rest).filter(|rest| *rest > now)).min()
    }

    /// Takes in what both roads have said.
    fn listen(&mut self, world: &mut World) {
        let now = world.now;
        let mut events = std::mem::take(&mut world.host(self.from).events);
        for event in events.drain(..) {
            match event {
                Event::Delivered { ticket } => self.answered(ticket.0),
                Event::Failed { ticket, .. } => {
                    self.answered(ticket.0);
                    self.flow.failed += 1;
                    self.rest = now + REST;
                }
                Event::Room => self.is_full = false,
                _ => {}
            }
        }
        // The list keeps its room.
        world.host(self.from).events = events;
        let mut events = std::mem::take(&mut world.host(self.from + 1).events);
        for event in events.drain(..) {
            let Event::Received { message, .. } = event else { continue };
            self.total += message.body.len() as u64;
            self.flow.received.push((now, self.total));
            if message.kind == SMALL
                && let Some(due) = number(&message).and_then(|n| self.dues.get_mut(n)?.take())
            {
                self.flow.delays.push(now.0.saturating_sub(due.0));
            }
        }
        world.host(self.from + 1).events = events;
    }

    /// Tickets of bulk messages are even.
    fn answered(&mut self, ticket: u64) {
        self.is_full = false;
        if ticket.is_multiple_of(2) {
            self.unconfirmed = self.unconfirmed.saturating_sub(self.bulk_size);
        }
    }

    /// Hands the road what is due and what there is room for.
    fn send(&mut self, world: &mut World) {
        while let Some(due) = self.next.filter(|due| *due <= world.now) {
            self.late.push_back(self.dues.len() as u64);
            self.dues.push(Some(due));
            self.flow.due += 1;
            self.next = Some(due + self.pace);
        }
        if self.is_full || world.now < self.rest {
            return;
        }
        while let Some(number) = self.late.front().copied() {
            let small = message(SMALL, number, self.small);
            if world.send(self.from, number * 2 + 1, &self.to, small).is_err() {
                self.is_full = true;
                return;
            }
            self.late.pop_front();
        }
        while self.unconfirmed + self.bulk_size <= self.room {
            if world.send(self.from, self.number * 2, &self.to, self.bulk.clone()).is_err() {
                self.is_full = true;
                return;
            }
            self.number += 1;
            self.unconfirmed += self.bulk_size;
        }
    }

    fn end(mut self, world: &mut World) -> Flow {
        self.listen(world);
        let mut flow = self.flow;
        flow.end = world.now;
        flow.delays.sort_unstable();
        // Who still waits has waited until now; whether those who have not waited long would have is not known.
        let usual = flow.delay(990).unwrap_or_default();
        for due in self.dues.iter().flatten() {
            flow.missing += 1;
            if flow.end.since(*due) >= usual {
                flow.delays.push(flow.end.0.saturating_sub(due.0));
            }
        }
        flow.delays.sort_unstable();
        flow
    }
}

impl Flow {
    /// Bytes of bodies that arrived whole.
    pub fn payload(&self) -> u64 {
        self.received.last().map_or(0, |(_, total)| *total)
    }

    /// Bits of bodies a second, over all of the time.
    pub fn goodput(&self) -> f64 {
        self.goodput_between(Duration::ZERO, self.end.since(self.start))
    }

    /// The same over the second half: without the start.
    pub fn steady(&self) -> f64 {
        let time = self.end.since(self.start);
        self.goodput_between(time / 2, time)
    }

    /// Bits of bodies a second that arrived after `from` and until `to`, both since the start.
    pub fn goodput_between(&self, from: Duration, to: Duration) -> f64 {
        let at = |time: Time| {
            let before = self.received.partition_point(|(at, _)| *at <= time);
            before.checked_sub(1).and_then(|n| self.received.get(n)).map_or(0, |(_, total)| *total)
        };
        let bytes = at(self.start + to) - at(self.start + from);
        bytes as f64 * 8.0 / to.saturating_sub(from).as_secs_f64().max(1e-6)
    }

    /// The delay within which so many of a thousand small messages arrived.
    pub fn delay(&self, per_mille: usize) -> Option<Duration> {
        let rank = (self.delays.len() * per_mille).div_ceil(1000).max(1);
        self.delays.get(rank - 1).copied().map(Duration::from_micros)
    }
}

impl Outcome {
    /// Bytes that the link carried for a byte of payload.
    pub fn expense(&self) -> f64 {
        let payload: u64 = self.flows.iter().map(Flow::payload).sum();
        self.there.bytes as f64 / payload.max(1) as f64
    }

    /// The first pair's goodput over the second's.
    pub fn fairness(&self) -> Option<f64> {
        let [first, second, ..] = self.flows.as_slice() else { return None };
        Some(first.goodput() / second.goodput().max(1.0))
    }
}

fn sender(n: usize) -> String {
    format!("sender{n}")
}

fn receiver(n: usize) -> String {
    format!("receiver{n}")
}

/// A message of `size` bytes in which a number stands: MessagePack's `bin 32`.
fn message(kind: &str, number: u64, size: usize) -> Message {
    let rest = size.saturating_sub(HEAD).max(NUMBER);
    let mut body = vec![0xc6];
    body.extend_from_slice(&u32::try_from(rest).unwrap_or(u32::MAX).to_be_bytes());
    body.extend_from_slice(&number.to_be_bytes());
    body.resize(HEAD + rest, b'.');
    Message { route: Route::default(), kind: kind.to_owned(), body: Bytes::from(body) }
}

/// `bin 32` and its length.
const HEAD: usize = 5;
/// A message's number.
const NUMBER: usize = 8;

fn number(message: &Message) -> Option<usize> {
    let bytes = message.body.get(HEAD..HEAD + NUMBER)?;
    usize::try_from(u64::from_be_bytes(bytes.try_into().ok()?)).ok()
}

#[cfg(test)]
#[path = "transfer_tests.rs"]
mod tests;
