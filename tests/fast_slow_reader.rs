//! An application that takes no events: what its road holds is bounded, and nothing is lost when it reads again.

#![cfg(test)]

mod common;

use std::collections::VecDeque;

use common::{MASTER, MILLI, bulk};
use roadstead::base::{Random, Time};
use roadstead::keep::OwnKeys;
use roadstead::road::{Config, Datagram, Mark, Memory, Output, Road};
use roadstead::sim::World;
use roadstead::transport::{Command, Event, Ticket};

/// Two roads and a perfect path of a millisecond; the second's application is slow.
struct Pair {
    roads: [Road; 2],
    flights: VecDeque<(usize, Vec<u8>)>,
    now: Time,
    events: [Vec<Event>; 2],
}

impl Pair {
    fn new(bytes: usize) -> Self {
        let (mut random, now) = (Random::from_number(1), Time(1_000_000));
        let mut road = |config: Config| {
            let keys = OwnKeys::generate(&mut random);
            Road::new(Config { bytes, ..config }, keys, Memory::default(), random.bytes(), now)
        };
        let roads = [road(common::fast_master()), road(common::fast_minion("web1"))];
        Self { roads, flights: VecDeque::new(), now, events: Default::default() }
    }

    fn step(&mut self, reads: bool) {
        let mut buffer = Vec::new();
        for (n, road) in self.roads.iter_mut().enumerate() {
            road.handle_timeout(self.now);
            while let Some(sent) = road.poll_transmit(self.now, &mut buffer) {
                self.flights.extend(sent.datagrams(&buffer).map(|datagram| (1 - n, datagram.to_vec())));
            }
            while let Some(output) = if n == MASTER || reads { road.poll_output() } else { None } {
                if let Output::Event(event) = output {
                    self.events[n].push(event);
                }
            }
        }
        self.now += MILLI;
        for (to, mut bytes) in std::mem::take(&mut self.flights) {
            let datagram = Datagram { from: World::address(1 - to), mark: Mark::NotEct, bytes: &mut bytes };
            self.roads[to].handle_datagrams(self.now, &mut [datagram]);
        }
    }

    fn count(&self, n: usize, is_it: impl Fn(&Event) -> bool) -> usize {
        self.events[n].iter().filter(|event| is_it(event)).count()
    }
}

#[test]
fn a_slow_application_holds_its_sender_back_and_loses_nothing() {
    let cap = 16 << 20;
    let mut pair = Pair::new(cap);
    for _ in 0..500 {
        pair.step(true);
    }
    assert_eq!(pair.count(MASTER, |event| matches!(event, Event::Joined { .. })), 1);
    // Each a megabyte, six times what the slow side may hold.
    let (count, len) = (96u64, 1 << 20);
    let (mut next, to) = (0, common::name("web1"));
    let mut submit = |pair: &mut Pair| {
        while next < count {
            let command = Command::Send { ticket: Ticket(next), to: to.clone(), message: bulk(next, len) };
            if pair.roads[MASTER].handle_command(pair.now, command).is_err() {
                return;
            }
            next += 1;
        }
    };
    let delivered = |event: &Event| matches!(event, Event::Delivered { .. });
    submit(&mut pair);
    for _ in 0..30_000 {
        pair.step(false);
        if pair.events[MASTER].contains(&Event::Room) {
            pair.events[MASTER].retain(|event| *event != Event::Room);
            submit(&mut pair);
        }
    }
    let held = pair.count(MASTER, delivered) * len + pair.roads[1].sessions()[0].coming;
    println!("{} MB held of {}", held >> 20, cap >> 20);
    assert!(held >= cap / 2 && held <= cap * 3 / 2, "{held}");
    // It reads again: all is there at once, not with the next sign of life.
    let start = pair.now;
    while pair.count(MASTER, delivered) < count as usize && pair.now.since(start) < MILLI * 2000 {
        pair.step(true);
        if pair.events[MASTER].contains(&Event::Room) {
            pair.events[MASTER].retain(|event| *event != Event::Room);
            submit(&mut pair);
        }
    }
    pair.step(true);
    println!("{:?}", pair.now.since(start));
    let bodies = pair.events[1].iter().filter_map(|event| match event {
        Event::Received { message, .. } => Some(message.body.clone()),
        _ => None,
    });
    let mut bodies: Vec<_> = bodies.collect();
    let mut expected: Vec<_> = (0..count).map(|n| bulk(n, len).body).collect();
    bodies.sort();
    expected.sort();
    assert!(bodies == expected, "{} of {count}", bodies.len());
}
