//! The links between hosts and what is on its way over them. Hosts are numbers here; roads and their words are unknown.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;

use super::link::{Between, Link, Step};
use super::state::{Arrival, Counts, LinkState, nanos, rescale};
use crate::base::{Random, Time};
use crate::road::Mark;

/// A datagram on its way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// The host that had the address when the datagram left.
    pub(super) host: Option<usize>,
    pub(super) bytes: Vec<u8>,
    pub(super) mark: Mark,
    way: usize,
    /// When it leaves the queue, nanoseconds.
    departs: u64,
}

/// Where a datagram goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trip {
    /// The sending host, its address and the address it sends to.
    pub(super) from: (usize, SocketAddr),
    pub(super) to: (Option<usize>, SocketAddr),
    /// The mark it sets out with.
    pub(super) mark: Mark,
}

/// One direction between hosts.
#[derive(Debug, Default)]
struct Way {
    /// Its own settings; `None`: the world's.
    link: Option<Link>,
    state: LinkState,
}

/// All links and flights.
pub(super) struct Network {
    random: Random,
    /// The first one leads to addresses that nobody has.
    ways: Vec<Way>,
    /// By sending host, by receiving host: a number in `ways`, 0 for none yet.
    routes: Vec<Vec<usize>>,
    /// When, in which order, which slot. What leaves together arrives in the order it was sent.
    agenda: BinaryHeap<Reverse<(Time, u64, usize)>>,
    slots: Vec<Option<Flight>>,
    free: Vec<usize>,
    /// Buffers of datagrams that have arrived.
    spare: Vec<Vec<u8>>,
    count: u64,
}

impl Network {
    pub(super) fn new(random: Random) -> Self {
        Self {
            random,
            ways: vec![Way::default()],
            routes: Vec::new(),
            agenda: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            spare: Vec::new(),
            count: 0,
        }
    }

    /// Sends a datagram over its link, `default` where it has none of its own.
    pub(super) fn send(&mut self, now: Time, default: &Link, trip: Trip, datagram: &[u8]) {
        let way = trip.to.0.map_or(0, |to| self.way(trip.from.0, to));
        let Some(Way { link, state }) = self.ways.get_mut(way) else { return };
        let link = link.as_ref().unwrap_or(default);
        let copies = state.take(link, &mut self.random, datagram.len());
        let is_capable = matches!(trip.mark, Mark::Ect0 | Mark::Ect1);
        let mut arrivals = [None; 2];
        for arrival in arrivals.iter_mut().take(copies as usize) {
            *arrival = state.pass(link, now, &mut self.random, datagram.len(), is_capable);
        }
        for Arrival { at, departs, is_marked, flipped } in arrivals.into_iter().flatten() {
            let mut bytes = self.spare.pop().unwrap_or_default();
            bytes.clear();
            bytes.extend_from_slice(datagram);
            if let Some(bit) = flipped
                && let Some(byte) = bytes.get_mut((bit / 8) as usize)
            {
                *byte ^= 1 << (bit % 8);
            }
            let ((_, from), (host, to)) = (trip.from, trip.to);
            let mark = if is_marked { Mark::Ce } else { trip.mark };
            self.depart(at, Flight { from, to, host, bytes, mark, way, departs });
        }
    }

    /// Lets a datagram arrive at `at`, past all links.
    pub(super) fn inject(&mut self, at: Time, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.depart(at, Flight { from, to, host: None, bytes, mark: Mark::NotEct, way: 0, departs: nanos(at) });
    }

    /// When the next one arrives.
    pub(super) fn next_arrival(&self) -> Option<Time> {
        self.agenda.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next one that has arrived by `now`.
    pub(super) fn next_arrived(&mut self, now: Time) -> Option<Flight> {
        let Reverse((_, _, slot)) = self.agenda.peek().copied().filter(|Reverse((at, ..))| *at <= now)?;
        self.agenda.pop();
        self.free.push(slot);
        self.slots.get_mut(slot)?.take()
    }

    /// Takes a buffer back.
    pub(super) fn recycle(&mut self, buffer: Vec<u8>) {
        self.spare.push(buffer);
    }

    /// Changes the link of one direction, or with `None` tells that the world's own, `default`, changes so.
    pub(super) fn alter(&mut self, now: Time, default: &mut Link, between: Between, step: Step) {
        let old = *default;
        match between {
            None => {
                step.apply(default);
                let heirs = (0..self.ways.len()).filter(|way| self.ways.get(*way).is_some_and(|w| w.link.is_none()));
                self.change_rate(now, &heirs.collect::<Vec<_>>(), old.rate, default.rate);
            }
            Some((from, to)) => {
                let way = self.way(from, to);
                let Some(link) = self.ways.get_mut(way).map(|way| way.link.get_or_insert(old)) else { return };
                let before = link.rate;
                step.apply(link);
                let after = link.rate;
                self.change_rate(now, &[way], before, after);
            }
        }
    }

    /// One link with one queue for all of these directions.
    pub(super) fn share(&mut self, between: &[(usize, usize)], link: Link) {
        let way = self.ways.len();
        self.ways.push(Way { link: Some(link), state: LinkState::default() });
        for (from, to) in between {
            *self.route(*from, *to) = way;
        }
    }

    /// The link of one direction, if it has one of its own, and what was done on it.
    pub(super) fn seen(&self, from: usize, to: usize) -> (Option<Link>, Counts) {
        let way = self.routes.get(from).and_then(|row| row.get(to)).filter(|way| **way > 0);
        way.and_then(|way| self.ways.get(*way)).map_or_else(Default::default, |way| (way.link, way.state.counts()))
    }

    fn depart(&mut self, at: Time, flight: Flight) {
        self.count += 1;
        let slot = self.free.pop().unwrap_or(self.slots.len());
        match self.slots.get_mut(slot) {
            Some(place) => *place = Some(flight),
            None => self.slots.push(Some(flight)),
        }
        self.agenda.push(Reverse((at, self.count, slot)));
    }

    fn way(&mut self, from: usize, to: usize) -> usize {
        let next = self.ways.len();
        let place = self.route(from, to);
        if *place == 0 {
            *place = next;
            self.ways.push(Way::default());
            return next;
        }
        *place
    }

    #[allow(clippy::indexing_slicing)] // grown one line above
    fn route(&mut self, from: usize, to: usize) -> &mut usize {
        if self.routes.len() <= from {
            self.routes.resize(from + 1, Vec::new());
        }
        let row = &mut self.routes[from];
        if row.len() <= to {
            row.resize(to + 1, 0);
        }
        &mut row[to]
    }

    /// Moves what still waits in these queues to the times of another rate.
    fn change_rate(&mut self, now: Time, ways: &[usize], old: u64, new: u64) {
        if old == new {
            return;
        }
        for way in ways {
            if let Some(way) = self.ways.get_mut(*way) {
                way.state.on_rate(now, old, new);
            }
        }
        let mut agenda = std::mem::take(&mut self.agenda).into_vec();
        for Reverse((at, _, slot)) in &mut agenda {
            let Some(flight) = self.slots.get_mut(*slot).and_then(Option::as_mut) else { continue };
            if !ways.contains(&flight.way) || flight.departs <= nanos(now) {
                continue;
            }
            let departs = rescale(flight.departs, nanos(now), old, new);
            at.0 = (at.0 + departs.div_ceil(1000)).saturating_sub(flight.departs.div_ceil(1000));
            flight.departs = departs;
        }
        self.agenda = agenda.into();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const A: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 1);

    fn arrivals(network: &mut Network) -> Vec<(Mark, Vec<u8>)> {
        std::iter::from_fn(|| network.next_arrived(Time(u64::MAX))).map(|f| (f.mark, f.bytes)).collect()
    }

    #[test]
    fn the_capable_are_marked_and_the_others_are_not() {
        let link = Link { rate: 8000, mark: 10, ..Link::default() };
        for (mark, then) in [(Mark::Ect0, Mark::Ce), (Mark::Ect1, Mark::Ce), (Mark::NotEct, Mark::NotEct)] {
            let mut network = Network::new(Random::from_number(1));
            let trip = Trip { from: (0, A), to: (Some(1), A), mark };
            network.send(Time(1), &link, trip, b"one");
            network.send(Time(1), &link, trip, b"two");
            assert_eq!(arrivals(&mut network), [(mark, b"one".to_vec()), (then, b"two".to_vec())]);
        }
    }

    #[test]
    fn a_flipped_bit_is_one_bit_of_one_copy() {
        let link = Link { corrupt: 1000, duplicate: 1000, ..Link::default() };
        let mut network = Network::new(Random::from_number(1));
        let trip = Trip { from: (0, A), to: (None, A), mark: Mark::NotEct };
        network.send(Time(1), &link, trip, &[0; 9]);
        let ones: Vec<u32> =
            arrivals(&mut network).iter().map(|(_, b)| b.iter().map(|b| b.count_ones()).sum()).collect();
        assert_eq!(ones, [1, 1]);
    }

    #[test]
    fn a_shared_link_has_one_queue() {
        let link = Link { rate: 8000, overhead: 0, delay: Duration::ZERO, ..Link::default() };
        let mut network = Network::new(Random::from_number(1));
        network.share(&[(0, 1), (2, 3)], link);
        for (from, to) in [(0, 1), (2, 3)] {
            let trip = Trip { from: (from, A), to: (Some(to), A), mark: Mark::NotEct };
            network.send(Time(0), &Link::default(), trip, &[0; 10]);
        }
        assert_eq!(network.next_arrival(), Some(Time(10_000)));
        assert!(network.next_arrived(Time(10_000)).is_some());
        assert_eq!(network.next_arrival(), Some(Time(20_000)));
        assert_eq!((network.seen(0, 1).1.datagrams, network.seen(2, 3).1.datagrams), (2, 2));
    }
}
