//! What a listener on the path sees: no packet number twice under a key, no plaintext, new keys as time goes on.

#![cfg(test)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{MASTER, MILLI, SECOND, WEB1, answers, fast_pair, seeds};
use roadstead::message::{Address, Message, Route};
use roadstead::sim::{Link, World};
use roadstead::wire::v1::DataHead;

const SECRET: &[u8] = b"attack at dawn";

fn send(world: &mut World, ticket: u64, len: usize) {
    for (from, to) in [(MASTER, "web1"), (WEB1, "master")] {
        let dst = Address { share: Some(common::name("attack_at_dawn")), ..Address::default() };
        let message = Message {
            route: Route { dst, ..Route::default() },
            kind: "attack at dawn".into(),
            body: SECRET.repeat(len).into(),
        };
        world.send(from, ticket, to, message).unwrap();
    }
}

/// By sender and session id: the epochs, and whether each number was used once.
fn epochs(world: &World) -> BTreeMap<(std::net::IpAddr, u64), BTreeSet<u8>> {
    let mut largest = BTreeMap::<_, Option<u64>>::new();
    let (mut used, mut epochs) = (BTreeSet::new(), BTreeMap::<_, BTreeSet<u8>>::new());
    for (_, from, _, bytes) in &world.record {
        let Ok(head) = DataHead::read(bytes) else { continue };
        let whose = (from.ip(), head.cid);
        let last = largest.entry(whose).or_default();
        let number = head.number.expand(*last);
        *last = (*last).max(Some(number));
        assert!(used.insert((whose, number)), "{whose:?} used {number} twice");
        epochs.entry(whose).or_default().insert(head.epoch);
    }
    epochs
}

#[test]
fn numbers_are_used_once_and_nothing_is_in_clear() {
    seeds(0..12, |seed| {
        let link = Link { delay: MILLI * 20, jitter: MILLI * 9, loss: 50, corrupt: 20, mtu: 1472, ..Link::default() };
        let mut world = fast_pair(seed, link);
        for ticket in 0..20 {
            send(&mut world, ticket, [1, 40, 2000][ticket as usize % 3]);
            world.run(SECOND);
            if ticket % 4 == 0 {
                world.rebind(WEB1);
            }
        }
        world.restart(MASTER, false);
        world.run(SECOND * 60);
        send(&mut world, 100, 3);
        world.run(SECOND * 20);
        assert!(epochs(&world).len() >= 4, "two sessions, two ways");
        for (.., bytes) in &world.record {
            for clear in [SECRET, b"attack_at_dawn", b"master", b"web1"] {
                // First contact is in clear: a master says its role.
                let is_intro = bytes[0] == 0x82;
                assert!(is_intro || !bytes.windows(clear.len()).any(|window| window == clear));
            }
        }
    });
}

#[test]
fn keys_are_renewed_every_ten_minutes() {
    seeds(0..4, |seed| {
        let mut world = fast_pair(seed, Link { delay: MILLI * 20, loss: 100, ..Link::default() });
        for ticket in 0..80 {
            send(&mut world, ticket, 1);
            world.run(SECOND * 30);
        }
        for host in [MASTER, WEB1] {
            assert_eq!(answers(&mut world, host).values().filter(|answer| answer.is_ok()).count(), 80);
        }
        let epochs = epochs(&world);
        assert_eq!(epochs.len(), 2, "one session");
        assert!(epochs.values().all(|epochs| epochs.len() == 4), "{epochs:?}");
    });
}
