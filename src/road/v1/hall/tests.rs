//! Two roads hand to hand: what a session must have forgotten once its messages are over.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::base::{Name, Random, Time};
use crate::keep::OwnKeys;
use crate::message::{Message, Route};
use crate::road::{Config, Datagram, Mark, Memory, Output, Road, Trust, Wires};
use crate::transport::{Command, Event, Ticket};

struct Pair {
    roads: [Road; 2],
    now: Time,
    events: Vec<Event>,
}

fn address(n: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n as u8 + 1], 4506))
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

impl Pair {
    fn new() -> Self {
        let (mut random, now) = (Random::from_number(1), Time(1_000_000));
        let roads = [("near", true), ("far", false)].map(|(role, main)| {
            let dial = if main { Vec::new() } else { vec![address(0)] };
            let config = Config::new(name(role), name(role));
            let config = Config { main, dial, trust: Trust::Once, wires: Wires::FAST, ..config };
            Road::new(config, OwnKeys::generate(&mut random), Memory::default(), random.bytes(), now)
        });
        let mut pair = Self { roads, now, events: Vec::new() };
        (0..200).for_each(|_| pair.step(true));
        pair
    }

    /// A millisecond; without `hears` nothing reaches the far side.
    fn step(&mut self, hears: bool) {
        let (mut buffer, mut flights) = (Vec::new(), Vec::new());
        for (n, road) in self.roads.iter_mut().enumerate() {
            road.handle_timeout(self.now);
            while let Some(sent) = road.poll_transmit(self.now, &mut buffer) {
                flights.extend(sent.datagrams(&buffer).map(|datagram| (1 - n, datagram.to_vec())));
            }
            while let Some(output) = road.poll_output() {
                if let (0, Output::Event(event)) = (n, output) {
                    self.events.push(event);
                }
            }
        }
        self.now.0 += 1000;
        for (to, mut bytes) in flights.into_iter().filter(|(to, _)| hears || *to == 0) {
            let datagram = Datagram { from: address(1 - to), mark: Mark::NotEct, bytes: &mut bytes };
            self.roads[to].handle_datagrams(self.now, &mut [datagram]);
        }
    }

    fn send(&mut self, ticket: u64, len: usize) {
        let message = Message { route: Route::default(), kind: "load".into(), body: Bytes::from(vec![7; len]) };
        let command = Command::Send { ticket: Ticket(ticket), to: name("far"), message };
        self.roads[0].handle_command(self.now, command).unwrap();
    }

    fn remembered(&mut self) -> usize {
        let hall = self.roads[0].hall.as_mut().unwrap();
        let session = hall.sessions.iter_mut().flatten().next().unwrap();
        session.outbox().remembered()
    }
}

#[test]
fn a_message_that_was_given_up_leaves_nothing_behind() {
    let mut pair = Pair::new();
    pair.send(1, 200_000);
    pair.step(false);
    let to = name("far");
    pair.roads[0].handle_command(pair.now, Command::Cancel { ticket: Ticket(1), to }).unwrap();
    assert!(pair.remembered() > 0, "it was on its way");
    (0..5000).for_each(|_| pair.step(true));
    for ticket in 2..200 {
        pair.send(ticket, 100);
        pair.step(true);
    }
    (0..5000).for_each(|_| pair.step(true));
    let delivered = pair.events.iter().filter(|event| matches!(event, Event::Delivered { .. })).count();
    assert_eq!((delivered, pair.remembered()), (198, 0));
}
