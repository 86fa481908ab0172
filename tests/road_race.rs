//! Both sides start the same thing at once, and two estates want the same name: one wins, nobody is stuck.

#![cfg(test)]

mod common;

use common::*;
use roadstead::road::Config;
use roadstead::sim::{Link, World};
use roadstead::transport::Refusal;

/// Two masters that dial each other.
fn rivals(seed: u64, names: [&str; 2]) -> World {
    let mut world = World::new(seed);
    for (n, name) in names.into_iter().enumerate() {
        world.add(Config { main: true, dial: vec![World::address(1 - n)], ..minion(name) });
    }
    world
}

#[test]
fn both_join_at_once() {
    for names in [["alpha", "beta"], ["beta", "alpha"]] {
        for delay in [0, 1, 100, 400] {
            seeds(0..10, |seed| {
                let mut world = rivals(seed, names);
                world.link = Link { delay: MILLI * delay, loss: seed * 30, ..Link::default() };
                let are_there = |w: &mut World| is_present(w, 0, names[1]) && is_present(w, 1, names[0]);
                assert!(world.run_until(SECOND * 120, are_there), "{names:?} {delay} ms");
                world.run(SECOND * 20);
                let _ = world.send(0, 1, names[1], message("a"));
                let _ = world.send(1, 2, names[0], message("b"));
                world.run(SECOND * 20);
                assert_eq!(texts(&mut world, 0), ["b"], "{names:?} {delay} ms");
                assert_eq!(texts(&mut world, 1), ["a"], "{names:?} {delay} ms");
                assert_eq!(world.host(0).disk.remotes.len(), 1, "one estate, once");
            });
        }
    }
}

#[test]
fn both_allow_at_once() {
    // Both have a disk, and ask each other for a new session in the same moment.
    for names in [["alpha", "beta"], ["beta", "alpha"]] {
        seeds(0..10, |seed| {
            let mut world = rivals(seed, names);
            world.run(SECOND * 30);
            world.link = Link { delay: MILLI * 50, loss: seed * 30, ..Link::default() };
            for round in 0..3 {
                forget(&mut world);
                world.restart(0, false);
                world.restart(1, false);
                let are_there = |w: &mut World| is_present(w, 0, names[1]) && is_present(w, 1, names[0]);
                assert!(world.run_until(SECOND * 60, are_there), "{names:?} round {round}");
                world.run(SECOND * 10);
                let _ = world.send(0, 1, names[1], message("a"));
                let _ = world.send(1, 2, names[0], message("b"));
                world.run(SECOND * 20);
                assert_eq!((texts(&mut world, 0).len(), texts(&mut world, 1).len()), (1, 1), "{names:?} {round}");
            }
        });
    }
}

#[test]
fn the_first_of_two_names_wins() {
    let mut world = World::new(1);
    world.add(master());
    world.add(minion("web1"));
    world.add(minion("web1"));
    world.run(SECOND * 5);
    let there: Vec<bool> = [1, 2].iter().map(|n| is_present(&mut world, *n, "master")).collect();
    assert_eq!(there.iter().filter(|there| **there).count(), 1, "one of them: {there:?}");
    let other = if there[0] { 2 } else { 1 };
    assert_eq!(refusals(&mut world, other), [Refusal::Rejected]);
}

#[test]
fn nobody_is_called_like_us() {
    let mut world = World::new(1);
    world.add(master());
    world.add(minion("master"));
    world.run(SECOND * 100);
    assert!(!is_present(&mut world, MASTER, "master") && !is_present(&mut world, WEB1, "master"));
    assert!(refusals(&mut world, WEB1).contains(&Refusal::Rejected));
}

#[test]
fn one_key_may_have_several_names() {
    use roadstead::base::Random;
    use roadstead::keep::OwnKeys;
    let keys = OwnKeys::generate(&mut Random::from_number(1));
    let mut world = World::new(1);
    world.add(Config { salt_names: true, ..master() });
    for kind in ["web1_minion", "web1_caller"] {
        let config = Config { role: name("web1"), ..minion(kind) };
        world.add_with(config, keys.clone(), Default::default());
    }
    world.run(SECOND * 5);
    assert!(is_present(&mut world, MASTER, "web1_minion") && is_present(&mut world, MASTER, "web1_caller"));
    decide(&mut world, MASTER, "web1", Some(roadstead::base::Acceptance::Rejected));
    world.run(MILLI);
    assert_eq!(departures(&mut world, MASTER).len(), 2, "the key is rejected, and so are all who use it");
}
