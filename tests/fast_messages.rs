//! Messages over the fast wire arrive whole and once, and every ticket is answered, whatever the link does.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;

use common::{MASTER, MILLI, SECOND, WEB1, both_present, forget, seeds};
use roadstead::message::Message;
use roadstead::road::{Config, Trust};
use roadstead::sim::{Link, World, fast};
use roadstead::transport::{Event, Ticket};

fn pair(seed: u64) -> World {
    let mut world = World::new(seed);
    world.add(Config { main: true, trust: Trust::Once, ..fast("master") });
    world.add(Config { dial: vec![World::address(MASTER)], trust: Trust::Once, ..fast("web1") });
    assert!(world.run_until(SECOND * 5, both_present));
    forget(&mut world);
    world
}

fn body(n: u64, len: usize) -> bytes::Bytes {
    (0..len).map(|i| (i as u64).wrapping_mul(n * 2 + 1).to_le_bytes()[1] ^ n as u8).collect::<Vec<u8>>().into()
}

fn delivered(world: &mut World, host: usize) -> BTreeMap<Ticket, u32> {
    let mut out = BTreeMap::new();
    for event in &world.host(host).events {
        match event {
            Event::Delivered { ticket } => *out.entry(*ticket).or_default() += 1,
            Event::Failed { ticket, why } => panic!("{ticket:?}: {why}"),
            _ => {}
        }
    }
    out
}

#[test]
fn every_size_arrives_through_loss_reordering_and_duplicates() {
    seeds(0..12, |seed| {
        let mut world = pair(seed);
        world.link = Link {
            delay: MILLI * 10,
            jitter: MILLI * (seed as u32 % 3 * 5),
            loss: [0, 10, 50, 200][seed as usize % 4],
            duplicate: 20,
            corrupt: 5,
            ..Link::default()
        };
        let sizes = [0, 1, 64, 1000, 1200, 1453, 10_000, 100_000, 1_000_000, 3];
        for (n, size) in sizes.into_iter().enumerate() {
            for (from, to) in [(MASTER, "web1"), (WEB1, "master")] {
                let message = Message { body: body(n as u64, size), kind: "load".into(), ..Message::default() };
                world.send(from, n as u64, to, message).unwrap();
            }
        }
        let all = |world: &mut World| [MASTER, WEB1].iter().all(|h| delivered(world, *h).len() == sizes.len());
        assert!(world.run_until(SECOND * 120, all));
        world.run(SECOND * 5);
        for host in [MASTER, WEB1] {
            assert!(delivered(&mut world, host).values().all(|n| *n == 1));
            let mut got: Vec<bytes::Bytes> = Vec::new();
            for event in &world.host(host).events {
                if let Event::Received { message, .. } = event {
                    got.push(message.body.clone());
                }
            }
            let mut expected: Vec<_> = sizes.into_iter().enumerate().map(|(n, size)| body(n as u64, size)).collect();
            got.sort();
            expected.sort();
            assert!(got == expected, "{} of {}", got.len(), expected.len());
        }
    });
}
