//! Both wires allowed: the fast one first, the classic one where nobody answers on it, and never back once it was seen.

#![cfg(test)]

mod common;

use common::{MASTER, MILLI, SECOND, WEB1, both_present, bulk, fast_master, fast_minion, forget, seeds};
use roadstead::message::{Message, Route};
use roadstead::road::{Config, Memory, Wires};
use roadstead::sim::{Link, World};

fn world(seed: u64, master: Wires, minion: Wires) -> World {
    let mut world = World::new(seed);
    world.link = Link { delay: MILLI * 10, ..Link::default() };
    world.add(Config { wires: master, ..fast_master() });
    world.add(Config { wires: minion, ..fast_minion("web1") });
    world
}

#[test]
fn classic_estates_are_reached_by_both() {
    seeds(0..10, |seed| {
        for (master, minion) in [(Wires::CLASSIC, Wires::BOTH), (Wires::BOTH, Wires::CLASSIC)] {
            let mut world = world(seed, master, minion);
            assert!(world.run_until(SECOND * 8, both_present), "{master:?} {minion:?}");
            assert!(world.host(MASTER).road.sessions().is_empty());
            let message = Message::new(Route::default(), "load", &"hello").unwrap();
            world.send(MASTER, 1, "web1", message).unwrap();
            world.run(SECOND);
            assert_eq!(common::answers(&mut world, MASTER)[&1], Ok(()));
        }
    });
}

#[test]
fn both_speak_fast_and_stay_there() {
    seeds(0..10, |seed| {
        let mut world = world(seed, Wires::BOTH, Wires::BOTH);
        assert!(world.run_until(SECOND * 2, both_present));
        assert_eq!(world.host(MASTER).road.sessions().len(), 1);
        world.send(MASTER, 1, "web1", bulk(1, 3000)).unwrap();
        world.run(SECOND * 60);
        assert_eq!(common::answers(&mut world, MASTER)[&1], Ok(()));
        // Somebody lets nothing through for long, and both begin anew.
        world.link.is_cut = true;
        world.run(SECOND * 200);
        world.restart(WEB1, false);
        world.run(SECOND * 100);
        forget(&mut world);
        world.link.is_cut = false;
        assert!(world.run_until(SECOND * 60, both_present));
        assert_eq!(world.host(MASTER).road.sessions().len(), 1, "on the fast wire");
    });
}

#[test]
fn who_was_seen_on_the_fast_wire_is_not_heard_on_the_classic() {
    seeds(0..10, |seed| {
        let mut world = world(seed, Wires::BOTH, Wires::BOTH);
        assert!(world.run_until(SECOND * 2, both_present));
        world.run(SECOND * 2);
        // As if the fast wire's packets were lost: a master that speaks classic alone, with the same keys, takes its place.
        let disk = world.host(MASTER).disk.clone();
        let mut minion = world.host(WEB1).disk.clone();
        assert!(minion.fast.contains(&common::name("master")) && disk.fast.contains(&common::name("web1")));
        minion.remotes.clear();
        let (master_keys, minion_keys) = (world.host(MASTER).keys.clone(), world.host(WEB1).keys.clone());
        for (first, second) in [(Wires::CLASSIC, Wires::BOTH), (Wires::BOTH, Wires::CLASSIC)] {
            let mut again = World::new(seed);
            again.add_with(Config { wires: first, ..fast_master() }, master_keys.clone(), disk.clone());
            again.add_with(
                Config { wires: second, ..fast_minion("web1") },
                minion_keys.clone(),
                Memory { remotes: Vec::new(), ..minion.clone() },
            );
            again.run(SECOND * 200);
            assert!(!both_present(&mut again), "{first:?} {second:?}");
        }
    });
}
