//! Datagrams that come together are handled as if they came one by one, forged ones among them.

#![cfg(test)]

use std::time::Duration;

use proptest::prelude::*;
use roadstead::base::{Acceptance, Name, Random, Time};
use roadstead::keep::OwnKeys;
use roadstead::message::{Message, Route};
use roadstead::road::{Config, Datagram, Mark, Memory, Output, Road, Trust, Wires};
use roadstead::sim::World;
use roadstead::transport::{Command, Event, Ticket};

/// A road that has joined another, and the datagrams of `messages` messages on their way to that other.
fn burst(messages: u64) -> (Road, Vec<Vec<u8>>, Time) {
    let name = |text| Name::new(text).unwrap();
    let config = |text: &'static str| Config {
        wires: Wires::CLASSIC,
        trust: Trust::Once,
        ..Config::new(name(text), name(text))
    };
    let main = Config { main: true, ..config("to") };
    let dial = Config { dial: vec![World::address(0)], ..config("from") };
    let keys = |n| OwnKeys::generate(&mut Random::from_number(n));
    let mut now = Time(1);
    let mut to = Road::new(main, keys(1), Memory::default(), [1; 32], now);
    let mut from = Road::new(dial, keys(2), Memory::default(), [2; 32], now);
    let mut datagram = Vec::new();
    for _ in 0..50 {
        now += Duration::from_millis(1);
        while from.poll_transmit(now, &mut datagram).is_some() {
            to.handle_datagram(now, World::address(1), &mut datagram);
        }
        while to.poll_transmit(now, &mut datagram).is_some() {
            from.handle_datagram(now, World::address(0), &mut datagram);
        }
    }
    assert_eq!(to.roll().find(&name("from")).map(|(_, acceptance)| acceptance), Some(Acceptance::Accepted));
    for n in 0..messages {
        let message = Message::new(Route::default(), "load", &n).unwrap();
        from.handle_command(now, Command::Send { ticket: Ticket(n), to: name("to"), message }).unwrap();
    }
    let mut datagrams = Vec::new();
    while from.poll_transmit(now, &mut datagram).is_some() {
        datagrams.push(datagram.clone());
    }
    assert_eq!(datagrams.len() as u64, messages);
    while to.poll_output().is_some() {}
    (to, datagrams, now)
}

fn received(road: &mut Road) -> Vec<u64> {
    let mut out = Vec::new();
    while let Some(output) = road.poll_output() {
        if let Output::Event(Event::Received { message, .. }) = output {
            out.push(message.read().unwrap());
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_forged_one_spoils_no_other(forged in proptest::collection::btree_set(0usize..12, 0..4), bit in 0usize..512) {
        let (mut together, mut datagrams, now) = burst(12);
        let (mut alone, _, _) = burst(12);
        for n in &forged {
            // Somewhere in the signature.
            let at = datagrams[*n].len() - 1 - bit / 8;
            datagrams[*n][at] ^= 1 << (bit % 8);
        }
        let from = World::address(1);
        for bytes in &datagrams {
            alone.handle_datagram(now, from, &mut bytes.clone());
        }
        let mut train: Vec<_> =
            datagrams.iter_mut().map(|bytes| Datagram { from, mark: Mark::NotEct, bytes }).collect();
        together.handle_datagrams(now, &mut train);
        let expected: Vec<u64> = (0..12).filter(|n| !forged.contains(&(*n as usize))).collect();
        prop_assert_eq!(&received(&mut together), &expected);
        prop_assert_eq!(received(&mut alone), expected);
        prop_assert_eq!(together.stats(), alone.stats());
    }
}
