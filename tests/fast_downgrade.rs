//! Nobody leads two estates back to the classic wire by taking away the packets of the fast one; who never met on it falls
//! back.

#![cfg(test)]

mod common;

use common::{MASTER, SECOND, WEB1, both_present, forget, is_present, name, received, seeds, send};
use roadstead::road::{Config, Fast, Trust, Wires};
use roadstead::sim::{World, fast};
use roadstead::wire::v1::is_fast;

fn world(seed: u64, of_master: Wires, of_minion: Wires) -> World {
    let mut world = World::new(seed);
    world.add(Config { main: true, trust: Trust::Once, wires: of_master, ..fast("master") });
    let dial = vec![World::address(MASTER)];
    world.add(Config { kind: 1, trust: Trust::Once, dial, wires: of_minion, ..fast("web1") });
    world
}

/// Both speak to each other, and over which wire.
fn talk(world: &mut World) -> Wires {
    let to = name("web1");
    let is_on_fast = world.host(MASTER).road.sessions().iter().any(|session| session.name == to);
    forget(world);
    world.is_recording = true;
    world.record.clear();
    send(world, MASTER, 1, "web1", "to web1");
    send(world, WEB1, 2, "master", "to master");
    world.run(SECOND * 2);
    assert_eq!(received(world, WEB1), [("master".to_owned(), "to web1".to_owned())]);
    assert_eq!(received(world, MASTER), [("web1".to_owned(), "to master".to_owned())]);
    let said = |wanted| world.record.iter().any(|(.., datagram)| is_fast(datagram) == wanted);
    let wires = Wires { fast: said(true), classic: said(false) };
    assert_eq!(wires.fast, is_on_fast);
    wires
}

#[test]
fn after_they_met_on_fast_there_is_no_other_way() {
    seeds(0..10, |seed| {
        for restarted in [None, Some(MASTER), Some(WEB1)] {
            let mut world = world(seed, Wires::BOTH, Wires::BOTH);
            assert!(world.run_until(SECOND * 3, both_present));
            assert_eq!(talk(&mut world), Wires::FAST);
            world.thief = Some(is_fast);
            if let Some(who) = restarted {
                world.restart(who, false);
            }
            forget(&mut world);
            for _ in 0..300 {
                world.run(SECOND);
                let is_joined = is_present(&mut world, MASTER, "web1") || is_present(&mut world, WEB1, "master");
                assert!(!is_joined, "a session on the classic wire, {restarted:?} restarted");
            }
            world.thief = None;
            // At the latest when an address that did not answer is called on the fast wire again.
            let wait = Fast::default().fast_again + SECOND * 60;
            assert!(world.run_until(wait, both_present), "back on fast, {restarted:?} restarted");
            assert_eq!(talk(&mut world), Wires::FAST);
        }
    });
}

#[test]
fn who_never_met_on_fast_falls_back() {
    seeds(0..10, |seed| {
        let mut world = world(seed, Wires::BOTH, Wires::BOTH);
        world.thief = Some(is_fast);
        assert!(world.run_until(SECOND * 10, both_present));
        assert!(world.host(MASTER).road.sessions().is_empty());
        assert!(world.host(MASTER).disk.fast.is_empty() && world.host(WEB1).disk.fast.is_empty());
        // The way is free again: some time later they meet on the better wire, and stay there.
        world.thief = None;
        let are_on_fast = |world: &mut World| !world.host(MASTER).road.sessions().is_empty() && both_present(world);
        assert!(world.run_until(SECOND * 700, are_on_fast));
        world.run(SECOND * 30);
        assert_eq!(talk(&mut world), Wires::FAST);
    });
}

#[test]
fn a_master_of_both_takes_in_whoever_speaks_one() {
    seeds(0..10, |seed| {
        for wires in [Wires::CLASSIC, Wires::FAST] {
            let mut world = world(seed, Wires::BOTH, wires);
            assert!(world.run_until(SECOND * 5, both_present));
            world.run(SECOND);
            assert_eq!(talk(&mut world), wires);
        }
    });
}

#[test]
fn a_minion_of_both_finds_a_master_of_one() {
    seeds(0..10, |seed| {
        for wires in [Wires::CLASSIC, Wires::FAST] {
            let mut world = world(seed, wires, Wires::BOTH);
            assert!(world.run_until(SECOND * 15, both_present));
            world.run(SECOND);
            assert_eq!(talk(&mut world), wires);
        }
    });
}

#[test]
fn a_role_that_was_forgotten_may_come_back_on_the_classic_wire() {
    let mut world = world(1, Wires::BOTH, Wires::BOTH);
    assert!(world.run_until(SECOND * 3, both_present));
    world.thief = Some(is_fast);
    world.admit(MASTER, "web1", None);
    world.admit(WEB1, "master", None);
    world.run(SECOND);
    forget(&mut world);
    assert!(world.run_until(SECOND * 200, both_present));
    assert!(world.host(MASTER).road.sessions().is_empty());
}

#[test]
fn who_has_only_the_classic_wire_has_decided_so() {
    let mut old = world(1, Wires::BOTH, Wires::BOTH);
    assert!(old.run_until(SECOND * 3, both_present));
    let mut world = world(1, Wires::CLASSIC, Wires::CLASSIC);
    for n in [MASTER, WEB1] {
        let fast = old.host(n).disk.fast.clone();
        assert!(!fast.is_empty());
        world.host(n).disk.fast = fast;
        world.restart(n, false);
    }
    assert!(world.run_until(SECOND * 10, both_present));
}
