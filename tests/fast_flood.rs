//! Junk from strangers: packets of every kind, cut, flipped or made up, leave no trace but in the counts.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use common::{MASTER, MILLI, SECOND, WEB1, answers, bulk, dropped, fast_pair, seeds};
use roadstead::base::Random;
use roadstead::road::stats;
use roadstead::sim::{Link, World};

/// Recorded packets of every kind of the wire: first contact, handshakes, data, the reset of a lost session.
fn recorded(seed: u64) -> (World, Vec<Vec<u8>>) {
    let mut world = fast_pair(seed, Link { delay: MILLI, mtu: 1472, ..Link::default() });
    world.restart(MASTER, false);
    world.run(SECOND * 60);
    for ticket in 0..3 {
        world.send(MASTER, ticket, "web1", bulk(ticket, 4000)).unwrap();
    }
    world.run(SECOND * 5);
    let packets: Vec<_> = world.record.iter().map(|(.., bytes)| bytes.clone()).collect();
    let kinds: std::collections::BTreeSet<u8> = packets.iter().map(|bytes| bytes[0] | 3).collect();
    assert!(kinds.len() >= 3, "{kinds:?}");
    common::forget(&mut world);
    (world, packets)
}

#[test]
fn junk_leaves_nothing_but_counts() {
    seeds(0..4, |seed| {
        let (mut world, packets) = recorded(seed);
        let mut random = Random::from_number(seed);
        let (before, start) = (dropped(&world), world.record.len());
        let peers: Vec<u16> = (0..2).map(|host| world.host(host).address.port()).collect();
        let mut heard = BTreeMap::<SocketAddr, usize>::new();
        let count = 10_000;
        for n in 0..count {
            let mut bytes = match random.below(4) {
                0 => (0..random.below(1400)).map(|_| random.below(256) as u8 | 0x80).collect(),
                _ => packets[random.below(packets.len() as u64) as usize].clone(),
            };
            match random.below(3) {
                0 => bytes.truncate(random.below(bytes.len() as u64 + 1) as usize),
                1 => bytes.extend_from_slice(&[0; 7]),
                _ if bytes.is_empty() => {}
                _ => {
                    let at = random.below(bytes.len() as u64) as usize;
                    bytes[at] ^= 1 << random.below(8);
                }
            }
            let host = random.below(2) as usize;
            let from = SocketAddr::from(([192, 0, 2, random.below(200) as u8], peers[host]));
            *heard.entry(from).or_default() += bytes.len();
            let to = world.host(host).address;
            world.inject(from, to, bytes);
            if n % 10 == 0 {
                world.run(MILLI);
            }
        }
        world.run(MILLI * 100);
        for host in [MASTER, WEB1] {
            assert_eq!(world.host(host).events, []);
            assert_eq!(world.host(host).road.sessions().len(), 1);
            assert_eq!(world.host(host).disk.roll.iter().count(), 1);
        }
        // All but introductions, which anybody may ask for, and pieces of packets that were not changed.
        let (said, dropped) = (world.record.len() - start, dropped(&world) - before);
        println!("{dropped} dropped of {count}, {said} said, {:?}", world.host(MASTER).road.stats().drops);
        assert!(dropped * 100 > count * 90, "{dropped}");
        let mut told = BTreeMap::<SocketAddr, usize>::new();
        for (_, _, to, bytes) in &world.record[start..] {
            *told.entry(*to).or_default() += bytes.len();
        }
        assert!(heard.iter().all(|(who, bytes)| told.get(who).is_none_or(|told| told <= bytes)), "answers are smaller");
        world.send(MASTER, 9, "web1", bulk(9, 4000)).unwrap();
        world.run(SECOND);
        assert_eq!(answers(&mut world, MASTER)[&9], Ok(()));
    });
}

#[test]
fn spoofed_hellos_leave_nothing_and_keep_nobody_out() {
    use roadstead::base::{Acceptance, Name};
    use roadstead::keep::OwnKeys;
    use roadstead::road::Memory;
    use roadstead::road::v1::handshake::{Dial, Identity, Initiator};
    seeds(0..3, |seed| {
        let mut random = Random::from_number(seed);
        let mut world = World::new(seed);
        world.link = Link { delay: MILLI * 20, ..Link::default() };
        let keys = OwnKeys::generate(&mut random);
        let role: Name = common::name("master");
        let public = keys.public(role);
        world.add_with(common::fast_master(), keys, Memory::default());
        let own = OwnKeys::generate(&mut random);
        let identity = std::sync::Arc::new(Identity::new(common::name("thief"), own, 0).unwrap());
        let dial = || Dial {
            pin: public.public,
            verify: None,
            role: None,
            suites: vec![roadstead::nacl::Suite::Nacl],
            parameters: Default::default(),
            site: None,
            enrolment: None,
            must_enrol: false,
            early: Vec::new(),
        };
        // Hellos of somebody who knows the master's key, and their copies with another mac.
        let hellos: Vec<Vec<u8>> = (0..50)
            .map(|_| {
                let mut thief = Initiator::new(identity.clone(), dial(), random.bytes(), world.now);
                thief.poll_transmit(world.now).unwrap().to_vec()
            })
            .collect();
        let master = World::address(MASTER);
        let mut slowest = std::time::Duration::ZERO;
        let mut joined = None;
        for n in 0..3000u32 {
            if n == 1000 {
                let mut disk = Memory::default();
                disk.roll.set(public.clone(), Acceptance::Accepted);
                let own = OwnKeys::generate(&mut random);
                world.add_with(common::fast_minion("web1"), own, disk);
                joined = Some(world.now);
            }
            for _ in 0..10 {
                let mut hello = hellos[random.below(50) as usize].clone();
                if random.below(2) == 0 {
                    *hello.last_mut().unwrap() ^= 1;
                }
                let from = SocketAddr::from((random.bytes::<4>(), 1000));
                world.inject(from, master, hello);
            }
            world.run(MILLI);
            if let Some(start) = joined.filter(|_| n > 1000 && common::is_present(&mut world, MASTER, "web1")) {
                slowest = slowest.max(world.now.since(start));
                joined = None;
            }
        }
        println!("{slowest:?} {:?}", world.host(MASTER).road.stats().drops);
        assert!(joined.is_none() && slowest < SECOND * 2, "{slowest:?}");
        assert_eq!(world.host(MASTER).road.sessions().len(), 1);
        assert_eq!(world.host(MASTER).road.roll().iter().count(), 1, "nobody else is known");
        let drops = &world.host(MASTER).road.stats().drops;
        assert!(drops[&stats::Drop::Unsigned] > 10_000, "{drops:?}");
    });
}
