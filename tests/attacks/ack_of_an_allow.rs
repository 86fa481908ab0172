//! In 0.6.8 an unsigned acknowledgement makes a waiting allower "allowed" without any keys, and its next message raises.

use roadstead::wire::v0::{FootKind, PacketKind, TransactKind};

use crate::client::Client;
use crate::common::SECOND;
use crate::town::Town;

#[test]
fn proves_nothing_before_the_cookie() {
    let mut town = Town::without_master();
    let at = town.client(Client::main("boss_master", "boss", 5));
    let address = town.clients[at].0;
    let host = town.minion("web1", address);
    // The master answers the join, and falls silent at the hello: the minion waits for a cookie.
    let is_hello = |datagram: &[u8]| {
        let head = roadstead::wire::v0::read(datagram).unwrap().head;
        head.transact == TransactKind::Allow && head.packet == PacketKind::Hello
    };
    town.deaf_to = Some(|datagram| {
        roadstead::wire::v0::read(datagram).is_ok_and(|packet| packet.head.transact == TransactKind::Allow)
    });
    assert!(town.until(SECOND * 5, |town| town.world.record.iter().any(|(.., d)| is_hello(d))));
    let to = town.world.host(host).address;
    let (own, forger) = (&town.clients[at].1, Client::new("x", "x", 77));
    let mut acks = Vec::new();
    for ti in 1..40 {
        for packet in [PacketKind::Ack, PacketKind::Done, PacketKind::Initiate] {
            let head = own.head(TransactKind::Allow, packet, ti);
            let head = roadstead::wire::v0::Head { correspondent: true, ..head };
            for si in [1, 2] {
                let head = roadstead::wire::v0::Head { si, ..head };
                acks.push(own.packet(&roadstead::wire::v0::Head { foot: FootKind::Nada, ..head }, &[]));
                acks.push(forger.packet(&head, &[]));
                // Signed by the master itself, as one it sent in an earlier life: no cookie came before it.
                acks.push(own.packet(&head, &[]));
            }
        }
    }
    town.inject_to(at, to, acks);
    town.run(SECOND);
    assert!(!crate::common::is_present(&mut town.world, host, "boss_master"), "not allowed");
    town.deaf_to = None;
    assert!(town.until(SECOND * 40, |town| town.clients[at].1.is_allowed()), "the real handshake goes through");
    town.run(SECOND * 2);
    assert!(crate::common::is_present(&mut town.world, host, "boss_master"));
    assert!(town.fatal.is_empty());
}
