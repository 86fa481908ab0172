//! Paths that swallow large datagrams: a session begins over one, and falls back when one opens later.

#![cfg(test)]

mod common;

use common::{MASTER, MILLI, SECOND, WEB1, answers, bulk, departures, fast_pair, seeds, session};
use roadstead::sim::Link;

#[test]
fn a_narrow_path_is_enough() {
    seeds(0..10, |seed| {
        let mut world = fast_pair(seed, Link { delay: MILLI * 25, mtu: 1200, ..Link::default() });
        world.send(MASTER, 1, "web1", bulk(1, 300_000)).unwrap();
        assert!(world.run_until(SECOND * 10, |world| !answers(world, MASTER).is_empty()));
        assert_eq!(session(&mut world, MASTER).mtu, 1200);
    });
}

#[test]
fn falls_back_when_the_path_narrows() {
    seeds(0..20, |seed| {
        let mut world = fast_pair(seed, Link { delay: MILLI * 25, ..Link::default() });
        world.run(SECOND * 30);
        assert!(session(&mut world, MASTER).mtu > 60_000);
        world.link.mtu = if seed.is_multiple_of(2) { 1200 } else { 1300 };
        let before = world.now;
        for ticket in 0..5 {
            world.send(MASTER, ticket, "web1", bulk(ticket, 50_000)).unwrap();
        }
        assert!(world.run_until(SECOND * 20, |world| answers(world, MASTER).len() == 5), "stuck");
        println!("{:?}", world.now.since(before));
        assert!(world.now.since(before) < SECOND * 3, "{:?}", world.now.since(before));
        assert_eq!((departures(&mut world, MASTER), departures(&mut world, WEB1)), (vec![], vec![]));
        assert!(session(&mut world, MASTER).mtu <= 1300);
    });
}
