//! Flipped bits: every such packet is dropped and counted, nothing else happens.

#![cfg(test)]

mod common;

use common::{MASTER, MILLI, SECOND, WEB1, answers, bodies, bulk, departures, dropped, fast_pair, seeds};
use roadstead::sim::Link;
use roadstead::wire::v1::Kind;

#[test]
fn every_flipped_bit_is_dropped_and_counted() {
    seeds(0..20, |seed| {
        let link = Link { delay: MILLI * 5, mtu: 1472, ..Link::default() };
        let mut world = fast_pair(seed, link);
        assert_eq!(dropped(&world), 0);
        world.link.corrupt = 10;
        let count = 40;
        for ticket in 0..count {
            for (from, to) in [(MASTER, "web1"), (WEB1, "master")] {
                world.send(from, ticket, to, bulk(ticket, 50_000)).unwrap();
            }
        }
        world.run(SECOND * 60);
        world.link.corrupt = 0;
        world.run(SECOND * 30);
        for host in [MASTER, WEB1] {
            assert_eq!(departures(&mut world, host), []);
            assert_eq!(answers(&mut world, host).values().filter(|answer| answer.is_ok()).count() as u64, count);
            assert_eq!(bodies(&mut world, host).values().filter(|n| **n == 1).count() as u64, count);
        }
        // A session id with a flipped bit is nobody's: told so, whoever hears it passes that over too.
        let told = world.record.iter().filter(|(.., bytes)| Kind::from_code(bytes[0]) == Some(Kind::Reset)).count();
        let flipped = world.counts(MASTER, WEB1).corrupted + world.counts(WEB1, MASTER).corrupted;
        assert!(flipped > 20, "{flipped}");
        assert_eq!(dropped(&world), flipped + told as u64);
    });
}
