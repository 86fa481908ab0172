//! A NAT that forgets: the session goes on under the new port, idle or busy, and never sends more than three times what it
//! heard from there before the place has answered.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use common::{MASTER, MILLI, SECOND, WEB1, answers, bodies, bulk, departures, fast_pair, seeds, session};
use roadstead::sim::{Link, World};

#[test]
fn nothing_is_lost_when_the_nat_forgets_every_ten_seconds() {
    seeds(0..10, |seed| {
        let mut world = fast_pair(seed, Link { delay: MILLI * 25, loss: seed % 3 * 10, ..Link::default() });
        let mut ticket = 0;
        for round in 0..120 {
            if round % 10 == 0 {
                world.rebind(WEB1);
            }
            ticket += 1;
            world.send(MASTER, ticket, "web1", bulk(ticket, 2000)).unwrap();
            world.send(WEB1, ticket, "master", bulk(ticket, 2000)).unwrap();
            world.run(SECOND);
        }
        world.run(SECOND * 10);
        for host in [MASTER, WEB1] {
            assert_eq!(departures(&mut world, host), []);
            assert!(answers(&mut world, host).values().all(|answer| answer.is_ok()));
            let bodies = bodies(&mut world, host);
            assert_eq!((bodies.len() as u64, bodies.values().all(|n| *n == 1)), (ticket, true));
        }
    });
}

#[test]
fn an_idle_session_is_found_by_its_next_sign_of_life() {
    seeds(0..10, |seed| {
        let mut world = fast_pair(seed, Link { delay: MILLI * 25, ..Link::default() });
        for ticket in 0..20 {
            world.run(SECOND * 40);
            world.rebind(WEB1);
            world.run(SECOND * 40);
            let now = world.now;
            world.send(MASTER, ticket, "web1", bulk(ticket, 20)).unwrap();
            world.run_until(SECOND * 20, |world| answers(world, MASTER).len() as u64 > ticket);
            assert!(world.now.since(now) < MILLI * 200, "{:?}", world.now.since(now));
        }
        assert_eq!((departures(&mut world, MASTER), departures(&mut world, WEB1)), (vec![], vec![]));
        // It moved every time, and never back for want of an answer.
        assert_eq!(session(&mut world, MASTER).tally.moves, 20);
    });
}

/// What was sent from and to a place before it answered a question: nobody else can tell, so until anything else than what
/// a thief would send has come from there.
#[test]
fn a_place_that_does_not_answer_gets_little() {
    seeds(0..20, |seed| {
        let mut world = fast_pair(seed, Link { delay: MILLI * 25, mtu: 1472, ..Link::default() });
        world.run(SECOND * 5);
        for ticket in 0..20 {
            world.send(MASTER, ticket, "web1", bulk(ticket, 100_000)).unwrap();
        }
        // A thief is faster than the path, and shows every packet from his own place.
        let thief: SocketAddr = "192.0.2.66:666".parse().unwrap();
        let (master, mut heard) = (World::address(MASTER), BTreeMap::<SocketAddr, (usize, usize)>::new());
        let mut read = world.record.len();
        for _ in 0..3000 {
            world.run(MILLI);
            for (_, from, to, bytes) in world.record.split_off(read) {
                if from == world.host(WEB1).address && to == master {
                    heard.entry(thief).or_default().0 += bytes.len();
                    world.inject(thief, master, bytes);
                } else if to == thief {
                    let (got, sent) = heard.entry(thief).or_default();
                    *sent += bytes.len();
                    assert!(*sent <= *got * 3, "{sent} for {got}");
                }
            }
            read = world.record.len();
        }
        let (got, sent) = heard[&thief];
        println!("{sent} for {got}");
        assert!(sent > 0);
        assert!(world.run_until(SECOND * 30, |world| answers(world, MASTER).len() == 20), "the session goes on");
        assert_eq!((departures(&mut world, MASTER), departures(&mut world, WEB1)), (vec![], vec![]));
    });
}
