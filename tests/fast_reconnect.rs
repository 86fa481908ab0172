//! Hundreds of estates lose their master at once, and are back soon after it is.

#![cfg(test)]

mod common;

use common::{MASTER, MILLI, SECOND, fast_fleet};

const COUNT: usize = 250;

#[test]
fn a_fleet_comes_back_at_once() {
    let mut world = fast_fleet(1, COUNT);
    world.link.delay = MILLI * 10;
    world.restart(MASTER, false);
    let start = world.now;
    // A lost master is found out by the next sign of life, 25 s apart at most.
    let all = |world: &mut roadstead::sim::World| world.host(MASTER).road.sessions().len() == COUNT;
    assert!(world.run_until(SECOND * 60, all), "{}", world.host(MASTER).road.sessions().len());
    println!("{:?}", world.now.since(start));
    assert!(world.now.since(start) < SECOND * 40);
}
