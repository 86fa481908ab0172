//! A clone with the same key and name takes an estate's place; when it is gone, the first one comes back by itself.

#![cfg(test)]

mod common;

use common::*;
use roadstead::keep::OwnKeys;
use roadstead::road::Memory;
use roadstead::sim::World;
use roadstead::wire::v0::{self, PacketKind, TransactKind};

#[test]
fn the_first_one_comes_back() {
    seeds(0..12, |seed| {
        let mut world = World::new(seed);
        world.add(master());
        let keys = OwnKeys::generate(&mut roadstead::base::Random::from_number(seed));
        world.add_with(minion("web1"), keys.clone(), Memory::default());
        assert!(world.run_until(SECOND * 5, both_present));
        world.run(SECOND * 15);
        let clone = world.add_with(minion("web1"), keys, Memory::default());
        assert!(world.run_until(SECOND * 10, |world| is_present(world, clone, "master")));
        world.run(SECOND);
        world.host(clone).is_down = true;
        world.is_recording = true;
        // The master talks to it as an operator would: again and again. And it has much to say itself.
        let mut ticket = 0;
        let heard = (0..30).any(|_| {
            ticket += 1;
            send(&mut world, MASTER, ticket, "web1", "are you there?");
            send(&mut world, WEB1, ticket, "master", &text(100_000, ticket));
            world.run(SECOND * 2);
            !texts(&mut world, WEB1).is_empty()
        });
        assert!(heard, "after a minute");
        assert_silent_in_handshakes(&world);
    });
}

/// Its own hello has ended the old session for raet, whose process ends on what comes under it when the new one is there.
fn assert_silent_in_handshakes(world: &World) {
    let mut is_open = false;
    for (_, from, _, datagram) in &world.record {
        let head = v0::read(datagram).unwrap().head;
        match (head.transact, head.packet) {
            _ if *from != World::address(WEB1) || head.correspondent => {}
            (TransactKind::Allow, PacketKind::Hello) => is_open = true,
            (TransactKind::Allow | TransactKind::Join, _) => is_open &= head.packet == PacketKind::Initiate,
            (TransactKind::Message, PacketKind::Message) => assert!(!is_open, "a message in the middle of a handshake"),
            _ => {}
        }
    }
}
