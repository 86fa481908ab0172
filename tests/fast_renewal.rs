//! A session that lives long makes its keys afresh, over any link, while messages pass: none is lost or doubled, nobody
//! leaves, and both directions move on.

#![cfg(test)]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{MASTER, MILLI, SECOND, WEB1, answers, both_present, departures, forget, seeds, send, texts};
use roadstead::road::{Config, Trust};
use roadstead::sim::{Link, World, fast};
use roadstead::wire::v1::DataHead;

/// Renewing every `renew`, or up to a quarter sooner.
fn pair(seed: u64, renew: Duration) -> World {
    let mut world = World::new(seed);
    let config = |mut config: Config| {
        config.fast.renew = renew;
        Config { trust: Trust::Once, ..config }
    };
    world.add(config(Config { main: true, ..fast("master") }));
    world.add(config(Config { kind: 1, dial: vec![World::address(MASTER)], ..fast("web1") }));
    assert!(world.run_until(SECOND, both_present));
    forget(&mut world);
    world
}

fn renewals(world: &mut World, n: usize) -> u64 {
    world.host(n).road.sessions()[0].tally.renewals
}

#[test]
fn while_messages_pass() {
    seeds(0..12, |seed| {
        let mut world = pair(seed, SECOND * 60);
        world.link =
            Link { delay: MILLI * 20, jitter: MILLI * 9, loss: 150, duplicate: 50, mtu: 1472, ..Link::default() };
        for ticket in 0..100 {
            send(&mut world, MASTER, ticket, "web1", &format!("there {ticket}"));
            send(&mut world, WEB1, ticket, "master", &format!("back {ticket}"));
            world.run(SECOND * 3);
        }
        world.run(SECOND * 60);
        for (host, word) in [(MASTER, "back"), (WEB1, "there")] {
            let all: BTreeSet<String> = texts(&mut world, host).into_iter().collect();
            assert_eq!((texts(&mut world, host).len(), all.len()), (100, 100), "{word}, seed {seed}");
            assert!(answers(&mut world, host).values().all(Result::is_ok));
            assert!(
                departures(&mut world, host).is_empty(),
                "{:?} at {:?}, seed {seed}",
                departures(&mut world, host),
                world.now
            );
            let count = renewals(&mut world, host);
            assert!((5..=8).contains(&count), "{count} renewals in 6 min, seed {seed}");
        }
    });
}

#[test]
fn of_a_session_that_says_nothing() {
    let mut world = pair(1, SECOND * 3600);
    world.link = Link { delay: MILLI * 50, ..Link::default() };
    world.run(SECOND * 3600 * 12);
    assert!(departures(&mut world, WEB1).is_empty());
    let (there, back) = (renewals(&mut world, MASTER), renewals(&mut world, WEB1));
    assert!((11..=16).contains(&there) && there == back, "{there} and {back} in twelve hours");
}

#[test]
fn both_directions_move_on_at_once() {
    let mut world = pair(3, SECOND * 60);
    world.is_recording = true;
    world.run(SECOND * 61);
    let epochs = |world: &World, n: usize| -> BTreeSet<u8> {
        let sent = world.record.iter().filter(|(_, from, ..)| *from == World::address(n));
        sent.filter_map(|(.., bytes)| DataHead::read(bytes).ok()).map(|head| head.epoch).collect()
    };
    for host in [MASTER, WEB1] {
        assert_eq!(epochs(&world, host), BTreeSet::from([0, 1]), "host {host}: no other reason to turn in a minute");
        assert_eq!(renewals(&mut world, host), 1);
    }
}
