//! One estate, one session: a newer one takes the place of the older, in order, and two ways to one estate do not fight.

#![cfg(test)]

mod common;

use common::{MASTER, MILLI, SECOND, WEB1, bulk, fast_master, fast_minion, fast_pair, seeds};
use roadstead::road::Config;
use roadstead::sim::{Link, World};
use roadstead::transport::{Departure, Event, Failure, Ticket};

#[test]
fn a_restarted_estate_leaves_and_then_joins() {
    seeds(0..10, |seed| {
        let mut world = fast_pair(seed, Link { delay: MILLI * 10, ..Link::default() });
        world.link.is_cut = true;
        for ticket in 0..3 {
            world.send(MASTER, ticket, "web1", bulk(ticket, 3000)).unwrap();
        }
        world.restart(WEB1, false);
        world.run(SECOND);
        world.link.is_cut = false;
        world.run(SECOND * 20);
        let peer = common::name("web1");
        let mut expected = vec![Event::Left { peer: peer.clone(), why: Departure::Renewed }];
        expected.extend((0..3).map(|n| Event::Failed { ticket: Ticket(n), why: Failure::Lost }));
        expected.push(Event::Joined { peer });
        assert_eq!(world.host(MASTER).events, expected);
    });
}

#[test]
fn two_ways_to_one_estate_make_one_session() {
    seeds(0..10, |seed| {
        let mut world = World::new(seed);
        world.add(fast_master());
        // The same master twice: once under each of its addresses.
        let dial = vec![World::address(MASTER), World::address(MASTER)];
        world.add(Config { dial, ..fast_minion("web1") });
        world.run(SECOND * 10);
        common::forget(&mut world);
        world.run(SECOND * 600);
        assert_eq!(world.host(MASTER).events, []);
        assert_eq!(world.host(WEB1).events, []);
        assert_eq!(world.host(WEB1).road.sessions().len(), 1);
        // Lost and found again.
        world.restart(MASTER, false);
        assert!(world.run_until(SECOND * 60, |world| common::is_present(world, MASTER, "web1")));
    });
}

#[test]
fn estates_that_call_each_other_agree_on_one_session() {
    seeds(0..30, |seed| {
        let mut world = World::new(seed);
        world.link = Link { delay: MILLI * (seed as u32 % 30), jitter: MILLI * 3, ..Link::default() };
        world.add(Config { dial: vec![World::address(WEB1)], ..fast_master() });
        world.add(Config { main: true, ..fast_minion("web1") });
        world.run(SECOND * 30);
        common::forget(&mut world);
        world.send(MASTER, 1, "web1", bulk(1, 3000)).unwrap();
        world.send(WEB1, 1, "master", bulk(1, 3000)).unwrap();
        world.run(SECOND * 300);
        for host in [MASTER, WEB1] {
            assert_eq!(world.host(host).road.sessions().len(), 1);
            assert_eq!(common::departures(&mut world, host), []);
            assert_eq!(common::answers(&mut world, host)[&1], Ok(()));
        }
    });
}
