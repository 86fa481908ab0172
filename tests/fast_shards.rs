//! Roads that share an address are one to everybody: estates that come over any of them, move to another, or have every
//! packet brought to another road; and keys that are decided about by several at once.

#![cfg(test)]

mod common;

use common::{
    MASTER, MILLI, SECOND, answers, bodies, bulk, count, departures, fast_minion, forget, has_knocked, is_present,
    name, seeds,
};
use roadstead::base::Acceptance;
use roadstead::road::{Config, Trust};
use roadstead::sim::{Link, World};
use roadstead::transport::{Departure, Event};

const ROADS: usize = 2;
/// The first host behind the roads.
const WEB1: usize = ROADS;

fn world(seed: u64, trust: Trust, minions: usize) -> World {
    let mut world = World::new(seed);
    world.link = Link { delay: MILLI * 5, loss: seed % 3 * 20, ..Link::default() };
    let master = Config { main: true, trust, ..roadstead::sim::fast("master") };
    world.add_shards(&master, ROADS as u32);
    for n in 1..=minions {
        world.add(fast_minion(&format!("web{n}")));
    }
    world
}

/// How many sessions each road holds.
fn held(world: &World) -> Vec<usize> {
    world.hosts.iter().take(ROADS).map(|host| host.road.sessions().len()).collect()
}

fn all_joined(world: &mut World, minions: usize) -> bool {
    (1..=minions).all(|n| is_present(world, MASTER, &format!("web{n}")) && is_present(world, ROADS + n - 1, "master"))
}

/// Sends a message each way between the roads and every minion until all are answered; nothing may be lost.
fn talk(world: &mut World, minions: usize, first: u64) {
    let tickets = first..first + minions as u64;
    for (ticket, n) in tickets.clone().zip(1..) {
        assert!(world.send_sharded(ticket, &format!("web{n}"), bulk(ticket, 3000)), "room for web{n}");
        world.send(ROADS + n - 1, ticket, "master", bulk(ticket, 3000)).unwrap();
    }
    let is_done = |world: &mut World| {
        let back = (0..minions).all(|n| answers(world, ROADS + n).contains_key(&(first + n as u64)));
        back && tickets.clone().all(|ticket| answers(world, MASTER).contains_key(&ticket))
    };
    assert!(world.run_until(SECOND * 30, is_done), "{:?}", answers(world, MASTER));
    assert!(answers(world, MASTER).values().all(Result::is_ok));
}

#[test]
fn a_fleet_is_spread_and_reached() {
    seeds(0..6, |seed| {
        let mut world = world(seed, Trust::Once, 24);
        assert!(world.run_until(SECOND * 30, |world| all_joined(world, 24)), "all join");
        let held = held(&world);
        assert!(held.iter().sum::<usize>() == 24 && held.iter().all(|count| *count > 0), "{held:?}");
        talk(&mut world, 24, 0);
        assert_eq!(bodies(&mut world, MASTER).into_values().sum::<u32>(), 24);
        assert_eq!((departures(&mut world, MASTER), world.shards().passed_on), (vec![], 0));
        // Everything one road has decided, the others and the disk know.
        for road in 0..ROADS {
            let roll: Vec<_> = world.host(road).road.roll().iter().map(|(key, a)| (key.clone(), a)).collect();
            assert!(world.shards().front.roll().iter().map(|(key, a)| (key.clone(), a)).eq(roll.clone()));
            assert!(world.host(MASTER).disk.roll.iter().map(|(key, a)| (key.clone(), a)).eq(roll));
        }
        assert_eq!(world.host(MASTER).disk.fast.len(), 24);
    });
}

/// No kernel is as bad: the Initiate comes to another road than the Hello, and every packet to another than the last.
#[test]
fn packets_find_their_road_wherever_they_come() {
    seeds(0..10, |seed| {
        let mut world = world(seed, Trust::Once, 5);
        world.shards().is_scattering = true;
        assert!(world.run_until(SECOND * 60, |world| all_joined(world, 5)), "all join");
        world.run(SECOND);
        forget(&mut world);
        for round in 0..20 {
            talk(&mut world, 5, round * 5);
        }
        // Nobody is told that a session is unknown by a road whose it is not.
        assert_eq!(departures(&mut world, MASTER), []);
        assert!((0..5).all(|n| departures(&mut world, ROADS + n).is_empty()));
        let passed_on = world.shards().passed_on;
        assert!(passed_on > 50 && held(&world).iter().sum::<usize>() == 5, "{passed_on} {:?}", held(&world));
    });
}

#[test]
fn who_moves_to_another_road_stays_in_session() {
    seeds(0..10, |seed| {
        let mut world = world(seed, Trust::Once, 1);
        assert!(world.run_until(SECOND * 30, |world| all_joined(world, 1)));
        forget(&mut world);
        for round in 0..40 {
            world.rebind(WEB1);
            talk(&mut world, 1, round);
            world.run(SECOND);
        }
        assert_eq!((departures(&mut world, MASTER), departures(&mut world, WEB1)), (vec![], vec![]));
        assert!(world.shards().passed_on > 0);
        assert_eq!(bodies(&mut world, MASTER).len(), 40);
    });
}

/// An estate that starts anew elsewhere: by the time it is there again, it has left, and what it did not hear has failed.
#[test]
fn who_comes_back_over_another_road_has_left_before() {
    seeds(0..30, |seed| {
        let mut world = world(seed, Trust::Once, 1);
        // Longer than a round trip too.
        world.shards().lag = MILLI * [0, 1, 30][seed as usize % 3];
        assert!(world.run_until(SECOND * 30, |world| all_joined(world, 1)));
        let mut holders = Vec::new();
        for round in 0..12 {
            holders.push(held(&world).iter().position(|count| *count > 0));
            world.send_sharded(round, "web1", bulk(round, 100_000));
            world.run(MILLI * 3);
            world.rebind(WEB1);
            world.restart(WEB1, true);
            world.host(WEB1).events.clear();
            let is_back = |world: &mut World| is_present(world, WEB1, "master") && is_present(world, MASTER, "web1");
            assert!(world.run_until(SECOND * 60, is_back), "back in round {round}");
            world.run(SECOND);
        }
        assert!(holders.contains(&Some(0)) && holders.contains(&Some(1)), "{holders:?}");
        let (mut is_here, mut open) = (false, 0);
        for event in &world.host(MASTER).events {
            match event {
                Event::Joined { .. } => assert!(!std::mem::replace(&mut is_here, true), "joined twice"),
                Event::Left { why, .. } => {
                    assert!(std::mem::replace(&mut is_here, false), "left twice");
                    assert_eq!(*why, Departure::Renewed);
                }
                Event::Failed { .. } => {
                    assert!(!is_here, "failed after it was back");
                    open += 1;
                }
                Event::Delivered { .. } => open += 1,
                _ => {}
            }
        }
        assert_eq!((is_here, open, answers(&mut world, MASTER).len()), (true, 12, 12));
        assert_eq!(held(&world).iter().sum::<usize>(), 1, "no road holds what is over");
    });
}

#[test]
fn of_two_keys_under_one_name_the_first_counts_at_every_road() {
    seeds(0..20, |seed| {
        let trust = [Trust::Never, Trust::Once][seed as usize % 2];
        let mut world = world(seed, trust, 1);
        world.shards().lag = MILLI * 20;
        // The other one of this name, at the other road at the same time.
        world.add(fast_minion("web1"));
        world.rebind(WEB1 + 1);
        world.run(SECOND * 3);
        let (key, standing) = world.shards().front.roll().find(&name("web1")).map(|(k, a)| (k.clone(), a)).unwrap();
        for road in 0..ROADS {
            assert_eq!(world.host(road).road.roll().find(&name("web1")), Some((&key, standing)), "road {road}");
        }
        if trust == Trust::Never {
            assert!(has_knocked(&mut world, MASTER, "web1"));
            assert_eq!(count(&mut world, MASTER, |event| matches!(event, Event::Knock { .. })), 1, "one knock");
            // Decided: the one whose key it is comes in at once, wherever it waits.
            world.admit_sharded("web1", Some(Acceptance::Accepted));
            assert!(world.run_until(SECOND * 20, |world| is_present(world, MASTER, "web1")), "called");
        } else {
            assert!(world.run_until(SECOND * 60, |world| is_present(world, MASTER, "web1")));
        }
        world.run(SECOND * 5);
        assert_eq!(held(&world).iter().sum::<usize>(), 1, "only one of them");
        // Taken back: it is out everywhere.
        world.admit_sharded("web1", Some(Acceptance::Rejected));
        assert!(world.run_until(SECOND * 5, |world| !is_present(world, MASTER, "web1")));
        assert_eq!(held(&world), [0, 0]);
    });
}
