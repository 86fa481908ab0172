//! Many estates: those that are idle or gone cost memory, not time.

#![cfg(test)]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::*;
use roadstead::base::{Acceptance, Random, Time};
use roadstead::keep::{OwnKeys, RemoteRecord, RoleKey};
use roadstead::road::{Memory, Road};
use roadstead::sim::World;

/// A disk with `web1` at host 1 and `count` others that will not answer. They share keys: making them is slow.
fn crowded(count: u32, are_joined: bool) -> (Memory, OwnKeys) {
    let mut random = Random::from_number(1);
    let web1 = OwnKeys::generate(&mut random);
    let others = OwnKeys::generate(&mut random).public(name("x"));
    let mut memory = Memory::default();
    for n in 0..=count {
        let role = if n == 0 { name("web1") } else { name(&format!("gone{n}")) };
        let key = if n == 0 { web1.public(role.clone()) } else { RoleKey { role: role.clone(), ..others.clone() } };
        memory.roll.set(key, Acceptance::Accepted);
        let ha = if n == 0 { World::address(1) } else { SocketAddr::from(([10, 9, (n >> 8) as u8, n as u8], 1)) };
        memory.remotes.push(RemoteRecord {
            name: role.clone(),
            role,
            nuid: n + 2,
            fuid: 2,
            ha,
            sid: 5,
            main: false,
            kind: 1,
            joined: Some(are_joined || n == 0),
        });
    }
    memory.local.puid = count + 2;
    (memory, web1)
}

#[test]
fn a_restarted_master_asks_a_fleet_in_turn_and_leaves_the_dead_alone() {
    let (memory, _) = crowded(2_000, true);
    let mut road = Road::new(master(), OwnKeys::generate(&mut Random::from_number(9)), memory, [1; 32], Time(0));
    while road.poll_output().is_some() {}
    let (mut sent, mut calls, mut out) = (Vec::new(), 0, Vec::new());
    let mut now = Time(0);
    while let Some(due) = road.poll_timeout() {
        assert!(due > now || calls == 0, "time moves on");
        (now, calls) = (due, calls + 1);
        road.handle_timeout(now);
        while road.poll_transmit(now, &mut out).is_some() {
            sent.push(now);
        }
        while road.poll_output().is_some() {}
    }
    // A hello and five more in four seconds each, the first two milliseconds apart; then nothing is left to do.
    assert_eq!(sent.len(), 2_001 * 6);
    assert!(now < Time(0) + Duration::from_secs(10));
    let in_the_first = sent.iter().filter(|time| time.0 < 1_000_000).count();
    assert!(in_the_first <= 2000, "{in_the_first} in the first second");
}

#[test]
fn one_talks_among_ten_thousand_that_do_not() {
    let (memory, web1) = crowded(10_000, false);
    let mut world = World::new(1);
    world.add_with(master(), OwnKeys::generate(&mut Random::from_number(9)), memory);
    world.add_with(minion("web1"), web1, Memory::default());
    assert!(world.run_until(SECOND * 40, both_present));
    world.run(SECOND * 25);
    forget(&mut world);
    world.is_recording = true;
    for ticket in 0..500 {
        send(&mut world, MASTER, ticket, "web1", "hello");
        send(&mut world, WEB1, ticket, "master", "hello");
        world.run(MILLI * 5);
    }
    assert_eq!(delivered(&mut world, MASTER).len() + delivered(&mut world, WEB1).len(), 1000);
    assert_eq!(world.record.len(), 2000, "a message and its confirmation each, and nothing for the others");
}
