//! Who moves goes on under session ids that nobody has seen: what is sent on one path has no id that was sent on another, in
//! either direction, once each side has said what it knows.

#![cfg(test)]

mod common;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use common::{
    MASTER, MILLI, SECOND, WEB1, answers, both_present, bulk, departures, fast_master, fast_minion, fast_pair,
};
use common::{forget, seeds, session};
use roadstead::road::Config;
use roadstead::sim::{Link, World};
use roadstead::transport::Departure;

/// The session ids of data packets sent from and to a place since the record began.
fn ids(world: &World, place: SocketAddr) -> (BTreeSet<u64>, BTreeSet<u64>) {
    let (mut from, mut to) = (BTreeSet::new(), BTreeSet::new());
    for (_, source, target, datagram) in &world.record {
        let cid = u64::from_be_bytes(*datagram[2..].first_chunk().unwrap());
        if datagram[0] & 0b1100_0000 != 0b1100_0000 {
            continue;
        }
        if *source == place {
            from.insert(cid);
        }
        if *target == place {
            to.insert(cid);
        }
    }
    (from, to)
}

fn address(world: &World) -> SocketAddr {
    world.hosts[WEB1].address
}

/// A pair that has talked, and has had time to give each other ids.
fn acquainted(seed: u64, link: Link) -> World {
    let mut world = fast_pair(seed, link);
    world.run(SECOND * 3);
    talks(&mut world, 9999);
    world.run(SECOND * 20);
    forget(&mut world);
    world.record.clear();
    world
}

/// `web1` is somewhere else, and knows it.
fn relocate(world: &mut World, n: u8) {
    let now = world.now;
    let host = world.host(WEB1);
    host.address = SocketAddr::from(([10, 0, 9, n], 4506));
    host.road.handle_move(now);
}

fn talks(world: &mut World, ticket: u64) {
    for host in [MASTER, WEB1] {
        let to = if host == MASTER { "web1" } else { "master" };
        world.send(host, ticket, to, bulk(ticket, 5000)).unwrap();
    }
    let both = |world: &mut World| [MASTER, WEB1].iter().all(|n| answers(world, *n).get(&ticket) == Some(&Ok(())));
    assert!(world.run_until(SECOND * 30, both), "talks, {ticket}");
}

#[test]
fn who_moves_and_knows_it_leaves_no_trace() {
    seeds(0..10, |seed| {
        let link = Link { delay: MILLI * 25, loss: seed % 3 * 20, ..Link::default() };
        let mut world = acquainted(seed, link);
        let (mut seen_from, mut seen_to) = (BTreeSet::new(), BTreeSet::new());
        for n in 1..=20u8 {
            world.record.clear();
            talks(&mut world, n.into());
            world.run(SECOND * 5);
            let (from, to) = ids(&world, address(&world));
            assert!(!from.is_empty() && !to.is_empty());
            assert!(seen_from.is_disjoint(&from) && seen_to.is_disjoint(&to), "move {n} can be followed");
            assert_eq!((from.len(), to.len()), (1, 1), "one place, one id each way");
            seen_from.extend(from);
            seen_to.extend(to);
            relocate(&mut world, n);
        }
        assert_eq!((departures(&mut world, MASTER), departures(&mut world, WEB1)), (vec![], vec![]));
        assert_eq!(session(&mut world, MASTER).tally.moves, 19);
    });
}

#[test]
fn a_nat_that_forgets_shows_one_old_id_and_no_more() {
    seeds(0..10, |seed| {
        let mut world = acquainted(seed, Link { delay: MILLI * 25, loss: seed % 3 * 20, ..Link::default() });
        for ticket in 1..10 {
            world.record.clear();
            talks(&mut world, ticket * 2);
            let (old_from, old_to) = ids(&world, address(&world));
            world.rebind(WEB1);
            // The first packet cannot know it.
            world.run(SECOND * 30);
            let (from, to) = ids(&world, address(&world));
            assert!(to.is_disjoint(&old_to), "to another place under another id");
            world.record.clear();
            talks(&mut world, ticket * 2 + 1);
            let (late, _) = ids(&world, address(&world));
            assert!(late.is_disjoint(&old_from), "asked about its path it takes another one too");
            assert!(from.len() <= 2, "{from:?}");
        }
        assert_eq!((departures(&mut world, MASTER), departures(&mut world, WEB1)), (vec![], vec![]));
    });
}

#[test]
fn what_is_left_behind_means_nothing_any_more() {
    let mut world = acquainted(1, Link { delay: MILLI * 25, ..Link::default() });
    talks(&mut world, 1);
    let web1 = address(&world);
    let old = world.record.iter().rev().find(|(_, from, ..)| *from == web1).unwrap().3.clone();
    relocate(&mut world, 1);
    world.run(SECOND * 60);
    talks(&mut world, 2);
    let drops = |world: &mut World| world.host(MASTER).road.stats().drops.clone();
    let before = drops(&mut world);
    world.inject(web1, World::address(MASTER), old);
    world.run(SECOND);
    let after = drops(&mut world);
    let unknown = roadstead::road::stats::Drop::Unknown;
    assert_eq!(after.get(&unknown).copied(), Some(before.get(&unknown).copied().unwrap_or(0) + 1));
    assert_eq!(after.len(), before.len() + usize::from(!before.contains_key(&unknown)), "not so much as opened");
}

#[test]
fn a_fresh_id_is_reset_as_the_first_is() {
    let mut world = acquainted(1, Link { delay: MILLI * 25, ..Link::default() });
    relocate(&mut world, 1);
    talks(&mut world, 1);
    // It forgets the session, and says so to who uses the id.
    world.restart(MASTER, true);
    world.send(WEB1, 2, "master", bulk(2, 100)).unwrap();
    let is_anew = |world: &mut World| departures(world, WEB1) == [("master".into(), Departure::Renewed)];
    assert!(world.run_until(SECOND * 3, is_anew), "{:?}", departures(&mut world, WEB1));
    assert!(world.run_until(SECOND * 5, both_present), "and begins another");
}

#[test]
fn without_any_the_session_moves_all_the_same() {
    let none = |mut config: Config| {
        config.fast.ids = 0;
        config
    };
    for (master, minion) in [(true, true), (true, false), (false, true)] {
        let mut world = World::new(1);
        world.is_recording = true;
        world.link = Link { delay: MILLI * 25, ..Link::default() };
        world.add(if master { none(fast_master()) } else { fast_master() });
        world.add(if minion { none(fast_minion("web1")) } else { fast_minion("web1") });
        assert!(world.run_until(SECOND * 60, both_present));
        forget(&mut world);
        world.run(SECOND * 30);
        for n in 1..=10 {
            talks(&mut world, n.into());
            relocate(&mut world, n);
        }
        assert_eq!((departures(&mut world, MASTER), departures(&mut world, WEB1)), (vec![], vec![]));
    }
}

#[test]
fn a_thief_who_shows_packets_from_elsewhere_uses_up_nothing_for_good() {
    let mut world = acquainted(1, Link { delay: MILLI * 25, ..Link::default() });
    let (thief, master): (SocketAddr, _) = ("192.0.2.66:666".parse().unwrap(), World::address(MASTER));
    let mut shown = BTreeSet::new();
    world.record.clear();
    for ticket in 1..=20 {
        // He is faster than the path, and shows the packets of a while as his.
        for _ in 0..20 {
            world.send(WEB1, 1000 + ticket, "master", bulk(1, 100)).unwrap();
            world.run(MILLI * 10);
            shown.extend(ids(&world, thief).1);
            let web1 = address(&world);
            for (_, from, to, bytes) in std::mem::take(&mut world.record) {
                if from == web1 && to == master {
                    world.inject(thief, master, bytes);
                }
            }
        }
        world.run(SECOND * 30);
        forget(&mut world);
        talks(&mut world, ticket);
        shown.extend(ids(&world, thief).1);
        world.record.clear();
    }
    assert_eq!((departures(&mut world, MASTER), departures(&mut world, WEB1)), (vec![], vec![]));
    assert!(shown.len() >= 20, "{}", shown.len());
    relocate(&mut world, 1);
    talks(&mut world, 2000);
    let (_, to) = ids(&world, address(&world));
    assert!(to.len() == 1 && to.is_disjoint(&shown), "what he was shown says nothing of where it goes on");
}
