//! A question is on its way when the master makes the minion join as if they had never met: asked again under a number that
//! is none any more, it would stop a Python master.

use std::net::SocketAddr;

use roadstead::road::stats::Drop;
use roadstead::road::{Config, Trust};
use roadstead::sim::{World, estate};
use roadstead::wire::v0::{Head, PacketKind, TransactKind, coat, read};

use crate::client::Client;
use crate::common::{MILLI, SECOND, name};
use crate::model;

struct Pair {
    world: World,
    client: Client,
    heard: usize,
    /// Whether it answers as a good master does.
    is_good: bool,
}

fn there() -> SocketAddr {
    SocketAddr::from(([10, 1, 0, 0], 4510))
}

impl Pair {
    /// Lets a moment pass; what the client heard.
    fn step(&mut self) -> Vec<Head> {
        self.world.run(MILLI);
        let heard: Vec<Vec<u8>> = self.world.record[self.heard..].iter().map(|(.., d)| d.clone()).collect();
        self.heard = self.world.record.len();
        for datagram in &heard {
            let answers = if self.is_good { self.client.handle(datagram) } else { Vec::new() };
            answers.into_iter().for_each(|answer| self.world.inject(there(), World::address(0), answer));
        }
        heard.iter().map(|datagram| read(datagram).unwrap().head).collect()
    }

    fn until(&mut self, what: &str, is_it: impl Fn(&Head) -> bool) -> Head {
        for _ in 0..30_000 {
            if let Some(head) = self.step().into_iter().find(|head| is_it(head)) {
                return head;
            }
        }
        panic!("no {what}");
    }
}

#[test]
fn is_not_asked() {
    let mut world = World::new(1);
    world.is_recording = true;
    let (own, role, trust) = (name("web1_minion"), name("web1"), Trust::Once);
    world.add(Config { name: own, role, trust, dial: vec![there()], ..estate("any") });
    let client = Client::main("m_master", "m", 9);
    let mut pair = Pair { world, client, heard: 0, is_good: true };
    while !pair.client.is_allowed() {
        pair.step();
    }
    for _ in 0..1000 {
        pair.step();
    }
    pair.is_good = false;
    pair.until("question", |head| (head.transact, head.packet) == (TransactKind::Alive, PacketKind::Request));
    // A message that does not open: the minion agrees on new keys, and is told that its numbers are old.
    let head = pair.client.head(TransactKind::Message, PacketKind::Message, 77);
    let stranger = Client::new("x", "x", 1);
    let shared = roadstead::nacl::SharedBox::new(&stranger.short.public(), &pair.client.short);
    let sealed = coat::seal(b"\x80", &shared, [1; 24]).unwrap();
    let words = pair.client.packet(&head, &sealed);
    pair.world.inject(there(), World::address(0), words);
    let hello = pair.until("hello", |head| head.packet == PacketKind::Hello);
    let nack =
        Head { si: hello.si, correspondent: true, ..pair.client.head(TransactKind::Allow, PacketKind::Nack, hello.ti) };
    let nack = pair.client.packet(&nack, &[]);
    pair.world.inject(there(), World::address(0), nack);
    pair.until("first join", |head| (head.packet, head.de) == (PacketKind::Request, 0));
    pair.world.run(SECOND * 8);
    for (.., datagram) in &pair.world.record {
        assert_eq!(model::packet(datagram), Ok(()));
    }
    assert_eq!(pair.world.host(0).road.stats().drops.get(&Drop::Unfit), None, "nor tried");
}
