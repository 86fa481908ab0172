//! Holes of up to a minute end no session, and what was sent into them arrives once, soon after.

#![cfg(test)]

mod common;

use common::{MASTER, MILLI, SECOND, WEB1, answers, bodies, bulk, departures, fast_pair, seeds};
use roadstead::sim::Link;

#[test]
fn no_session_drops_for_a_hole() {
    seeds(0..24, |seed| {
        let link = Link { delay: MILLI * 25, ..Link::default() };
        let mut world = fast_pair(seed, link);
        world.run(SECOND * (seed as u32 % 3) * 11);
        let mut ticket = 0;
        for hole in [200, 1000, 5000, 30_000, 59_000] {
            let mut send = |world: &mut roadstead::sim::World| {
                for (from, to) in [(MASTER, "web1"), (WEB1, "master")] {
                    ticket += 1;
                    world.send(from, ticket, to, bulk(ticket, 10 + (ticket as usize % 5) * 3000)).unwrap();
                }
            };
            send(&mut world);
            world.run(MILLI * (seed as u32 % 60));
            world.link.is_cut = true;
            world.run(MILLI * hole / 2);
            if seed.is_multiple_of(2) {
                send(&mut world);
            }
            world.run(MILLI * hole / 2);
            world.link.is_cut = false;
            // Probes come every two seconds at most.
            world.run(MILLI * 2500);
            let answered = answers(&mut world, MASTER).len() + answers(&mut world, WEB1).len();
            assert_eq!(answered as u64, ticket, "{hole} ms");
        }
        for host in [MASTER, WEB1] {
            assert_eq!(departures(&mut world, host), []);
            assert!(answers(&mut world, host).values().all(|answer| answer.is_ok()));
            assert!(bodies(&mut world, host).values().all(|count| *count == 1));
        }
    });
}
