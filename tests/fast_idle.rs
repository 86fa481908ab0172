//! A session in which nothing is said costs a sign of life every 25 s, and no other work.

#![cfg(test)]

mod common;

use common::{MASTER, MILLI, SECOND, WEB1, departures, fast_pair, seeds};
use roadstead::sim::Link;

#[test]
fn an_idle_hour_is_signs_of_life_alone() {
    seeds(0..4, |seed| {
        // Every ten minutes a path that takes less than it might is looked at again.
        let (mtu, looks) = if seed.is_multiple_of(2) { (65_535, 0) } else { (1472, 6 * 60) };
        let mut world = fast_pair(seed, Link { delay: MILLI * 25, mtu, ..Link::default() });
        world.run(SECOND * 700);
        world.record.clear();
        let mut steps = 0;
        world.run_until(SECOND * 3600, |_| {
            steps += 1;
            false
        });
        // A quarter of jitter, downward.
        let signs = 3600 * 4 / (25 * 3) + 1;
        let sizes: usize = world.record.iter().map(|(.., bytes)| bytes.len()).sum();
        println!("{} datagrams, {sizes} bytes, {steps} steps", world.record.len());
        // A sign and its answer.
        assert!(world.record.len() <= 2 * signs + looks, "{} datagrams", world.record.len());
        // Sending, arriving, the delayed acknowledgement, coming to rest on both sides.
        assert!(steps < world.record.len() * 6, "{steps} steps");
        assert_eq!((departures(&mut world, MASTER), departures(&mut world, WEB1)), (vec![], vec![]));
    });
}
