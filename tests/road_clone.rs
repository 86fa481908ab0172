//! A clone with the same key and name takes an estate's place; when it is gone, the first one comes back by itself.

#![cfg(test)]

mod common;

use common::*;
use roadstead::keep::OwnKeys;
use roadstead::road::Memory;
use roadstead::sim::World;

#[test]
fn the_first_one_comes_back() {
    seeds(0..12, |seed| {
        let mut world = World::new(seed);
        world.add(master());
        let keys = OwnKeys::generate(&mut roadstead::base::Random::from_number(seed));
        world.add_with(minion("web1"), keys.clone(), Memory::default());
        assert!(world.run_until(SECOND * 5, both_present));
        world.run(SECOND * 15);
        let clone = world.add_with(minion("web1"), keys, Memory::default());
        assert!(world.run_until(SECOND * 10, |world| is_present(world, clone, "master")));
        world.run(SECOND);
        world.host(clone).is_down = true;
        // The master talks to it as an operator would: again and again.
        let mut ticket = 0;
        let heard = (0..30).any(|_| {
            ticket += 1;
            send(&mut world, MASTER, ticket, "web1", "are you there?");
            world.run(SECOND * 2);
            !texts(&mut world, WEB1).is_empty()
        });
        assert!(heard, "after a minute");
    });
}
