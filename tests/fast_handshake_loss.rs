//! How long a handshake takes over a path that loses packets: the hundredth worst is within the fault matrix.

#![cfg(test)]

mod common;

use common::{MILLI, SECOND, WEB1, fast_master, fast_minion, is_present, name, seeds};
use roadstead::base::{Acceptance, Random};
use roadstead::keep::OwnKeys;
use roadstead::road::{Memory, Trust};
use roadstead::sim::{Link, World};

#[test]
fn ninety_nine_of_a_hundred_join_in_time() {
    for (loss, most) in [(0, 100), (10, 400), (50, 900), (100, 1800), (200, 3900), (300, 7000)] {
        let mut times = Vec::new();
        seeds(0..if loss == 0 { 5 } else { 200 }, |seed| {
            let mut world = World::new(seed * 7 + loss);
            world.link = Link { delay: MILLI * 25, loss, ..Link::default() };
            let mut random = Random::from_number(seed);
            let keys = OwnKeys::generate(&mut random);
            let mut disk = Memory::default();
            disk.roll.set(keys.public(name("master")), Acceptance::Accepted);
            world.add_with(fast_master(), keys, Memory::default());
            let minion = roadstead::road::Config { trust: Trust::Never, ..fast_minion("web1") };
            let own = OwnKeys::generate(&mut random);
            world.add_with(minion, own, disk);
            let start = world.now;
            assert!(world.run_until(SECOND * 60, |world| is_present(world, WEB1, "master")), "loss {loss}");
            times.push(world.now.since(start));
        });
        times.sort();
        let p99 = times[times.len() * 99 / 100];
        println!("loss {loss}: p50 {:?} p99 {p99:?}", times[times.len() / 2]);
        assert!(p99 <= MILLI * most, "loss {loss}: {p99:?}");
    }
}
