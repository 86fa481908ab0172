//! An estate that moves (a roaming host, a NAT that forgets) keeps its session, and messages keep flowing both ways.

#![cfg(test)]

mod common;

use common::*;
use roadstead::road::{Config, Mutable};
use roadstead::sim::World;

fn move_web1(world: &mut World, n: u8) {
    world.host(WEB1).address = ([192, 0, 2, n], 40_000 + u16::from(n)).into();
}

#[test]
fn while_idle() {
    seeds(0..10, |seed| {
        let mut world = pair(seed);
        for n in 1..5 {
            move_web1(&mut world, n);
            // The next presence check of its own shows where it is, at the latest.
            world.run(SECOND * 30);
            send(&mut world, MASTER, n.into(), "web1", "found");
            world.run(SECOND * 2);
            assert_eq!(texts(&mut world, WEB1).len(), usize::from(n), "seed {seed} move {n}");
        }
        assert_eq!(departures(&mut world, WEB1), []);
    });
}

#[test]
fn while_it_sends() {
    seeds(0..5, |seed| {
        let mut world = pair(seed);
        for n in 1..20 {
            send(&mut world, WEB1, n.into(), "master", &format!("from {n}"));
            send(&mut world, MASTER, n.into(), "web1", &format!("to {n}"));
            world.run(MILLI * 300);
            move_web1(&mut world, n);
            world.run(MILLI * u32::from(n) * 10);
        }
        world.run(SECOND * 20);
        assert_eq!(texts(&mut world, MASTER).len(), 19);
        assert_eq!(texts(&mut world, WEB1).len(), 19);
        assert_eq!(departures(&mut world, MASTER), [], "the session goes on");
        assert_eq!(departures(&mut world, WEB1), []);
    });
}

#[test]
fn in_the_middle_of_a_long_message() {
    for from in [MASTER, WEB1] {
        seeds(0..5, |seed| {
            let mut world = pair(seed);
            world.link = lossy(20);
            let to = if from == MASTER { "web1" } else { "master" };
            let long = text(1_000_000, seed);
            send(&mut world, from, 1, to, &long);
            for n in 1..4 {
                world.run(MILLI * 150);
                move_web1(&mut world, n);
            }
            assert!(world.run_until(SECOND * 60, |w| answers(w, from).get(&1) == Some(&Ok(()))), "seed {seed}");
            assert!(texts(&mut world, 1 - from) == [long]);
            assert_eq!(departures(&mut world, MASTER), []);
        });
    }
}

#[test]
fn the_disk_remembers_where_it_went() {
    let mut world = pair(1);
    move_web1(&mut world, 1);
    send(&mut world, WEB1, 1, "master", "here");
    world.run(SECOND);
    let address = world.host(WEB1).address;
    assert_eq!(world.host(MASTER).disk.remotes[0].ha, address);
}

#[test]
fn a_master_that_moves_is_found_where_it_was_dialed() {
    let mut world = pair(1);
    let home = world.host(MASTER).address;
    world.host(MASTER).address = ([192, 0, 2, 9], 4506).into();
    send(&mut world, MASTER, 1, "web1", "from elsewhere");
    world.run(SECOND * 5);
    assert_eq!(texts(&mut world, WEB1), ["from elsewhere"]);
    world.host(MASTER).address = home;
    world.restart(MASTER, true);
    assert!(can_talk(&mut world, SECOND * 60));
}

#[test]
fn not_on_a_road_where_nothing_may_change() {
    let mut world = World::new(1);
    world.add(Config { mutable: Mutable::Nothing, ..master() });
    world.add(minion("web1"));
    assert!(world.run_until(SECOND * 5, both_present));
    let home = world.host(WEB1).address;
    move_web1(&mut world, 1);
    world.run(SECOND * 60);
    assert_eq!(world.host(MASTER).disk.remotes[0].ha, home);
    assert!(!both_present(&mut world));
    world.host(WEB1).address = home;
    assert!(can_talk(&mut world, SECOND * 120));
}

#[test]
fn not_because_its_answer_was_handed_on() {
    let evil = std::net::SocketAddr::from(([203, 0, 113, 66], 4506));
    seeds(0..3, |seed| {
        let mut world = pair(seed);
        let home = world.host(WEB1).address;
        world.is_recording = true;
        send(&mut world, WEB1, 1, "master", "handed on");
        assert!(world.run_until(SECOND, |w| !w.record.is_empty()));
        // Somebody sends its packet on from elsewhere, and the question that comes there back to it.
        let (.., datagram) = world.record.remove(0);
        world.inject(evil, World::address(MASTER), datagram);
        let asked = |w: &mut World| w.record.iter().any(|(_, _, to, _)| *to == evil);
        assert!(world.run_until(SECOND, asked), "the master asks at the new address");
        let probe = world.record.iter().find(|(_, _, to, _)| *to == evil).map(|(.., d)| d.clone()).unwrap();
        world.inject(World::address(MASTER), home, probe);
        world.run(SECOND * 2);
        assert_eq!(world.host(MASTER).disk.remotes[0].ha, home);
        send(&mut world, MASTER, 2, "web1", "still there");
        world.run(SECOND);
        assert_eq!(texts(&mut world, WEB1), ["still there"]);
    });
}
