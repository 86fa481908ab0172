//! A path that suddenly takes ten seconds: the session stays, and asks twice a second at most.

#![cfg(test)]

mod common;

use common::{MASTER, MILLI, SECOND, WEB1, answers, bodies, bulk, departures, fast_pair, seeds};
use roadstead::sim::Link;

#[test]
fn a_spike_is_no_end() {
    seeds(0..20, |seed| {
        let mut world = fast_pair(seed, Link { delay: MILLI / 2, ..Link::default() });
        world.send(MASTER, 1, "web1", bulk(1, 100)).unwrap();
        world.run(MILLI * 100);
        for (delay, ticket) in [(SECOND * 10, 2), (MILLI * 400, 3), (MILLI, 4)] {
            world.link.delay = delay;
            let (before, start) = (world.record.len(), world.now);
            for (from, to) in [(MASTER, "web1"), (WEB1, "master")] {
                world.send(from, ticket, to, bulk(ticket, 100)).unwrap();
            }
            world.run(SECOND * 10);
            if delay == SECOND * 10 {
                // A second for the first timeouts, which double.
                let late = |(time, from, ..): &&(_, _, _, Vec<u8>)| {
                    *time >= start + SECOND && *from == roadstead::sim::World::address(MASTER)
                };
                let asked = world.record[before..].iter().filter(late).count();
                println!("{asked} in nine seconds");
                assert!(asked <= 18, "{asked} in nine seconds");
            }
            world.run(SECOND * 30);
            for host in [MASTER, WEB1] {
                assert_eq!(departures(&mut world, host), []);
                assert_eq!(answers(&mut world, host).get(&ticket), Some(&Ok(())), "{delay:?}");
                assert!(bodies(&mut world, host).values().all(|n| *n == 1));
            }
        }
    });
}
