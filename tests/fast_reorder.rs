//! Packets that five hundred others overtake, and copies of every tenth: once each, and hardly anything is sent twice.

#![cfg(test)]

mod common;

use common::{MASTER, MILLI, SECOND, WEB1, answers, bodies, bulk, fast_pair, seeds, session};
use roadstead::sim::Link;

#[test]
fn reordering_is_no_loss() {
    seeds(0..4, |seed| {
        let link =
            Link { delay: MILLI * 10, rate: 100_000_000, queue: 1 << 20, mtu: 1472, overhead: 28, ..Link::default() };
        let mut world = fast_pair(seed, link);
        // 500 packets of 1,500 bytes at 100 Mb/s are 60 ms.
        world.link = Link { reorder: 20, holdback: MILLI * 60, duplicate: 100, ..link };
        let count = 24;
        for ticket in 0..count {
            world.send(MASTER, ticket, "web1", bulk(ticket, 500_000)).unwrap();
        }
        let all = |world: &mut roadstead::sim::World| answers(world, MASTER).len() as u64 == count;
        assert!(world.run_until(SECOND * 120, all));
        let bodies = bodies(&mut world, WEB1);
        assert_eq!((bodies.len() as u64, bodies.values().all(|n| *n == 1)), (count, true));
        let tally = session(&mut world, MASTER).tally;
        println!("{} of {} spurious, {} lost", tally.spurious, tally.datagrams_out, tally.lost);
        assert!(tally.spurious * 20 < tally.datagrams_out, "{} of {}", tally.spurious, tally.datagrams_out);
    });
}
