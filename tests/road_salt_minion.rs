//! What keeps a minion of Salt's from waiting for ever, which asks once and then waits: a master of ours beside one played
//! by hand. The faults were found beside the real thing (`tests/differential`).

#![cfg(test)]

mod common;

use std::net::SocketAddr;

use common::*;
use roadstead::base::{Acceptance, Random};
use roadstead::keep::OwnKeys;
use roadstead::nacl::SecretKey;
use roadstead::road::Config;
use roadstead::sim::{Link, World, estate};
use roadstead::transport::Command;
use roadstead::wire::v0::{
    self, BodyKind, CoatKind, Cookie, FootKind, Head, Hello, Initiate, InitiateKeys, JoinBody, PacketKind, TransactKind,
};

/// A minion of which only the next packet is known.
struct Minion {
    world: World,
    address: SocketAddr,
    keys: OwnKeys,
    short: SecretKey,
    random: Random,
    /// How far we have read what was sent to it.
    read: usize,
}

impl Minion {
    /// It and a master whose operator takes its key at once.
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        world.is_recording = true;
        let named = Config { role: name("hub"), salt_names: true, main: true, ..estate("hub_master") };
        world.add(named);
        let mut random = Random::from_number(seed);
        let (keys, short) = (OwnKeys::generate(&mut random), SecretKey::from_bytes(random.bytes()));
        Self { world, address: SocketAddr::from(([10, 9, 9, 9], 4510)), keys, short, random, read: 0 }
    }

    /// Sends a packet of a transaction it started, and lets the master answer.
    fn send(
        &mut self,
        from: SocketAddr,
        transact: TransactKind,
        packet: PacketKind,
        (si, ti): (u32, u32),
        body: &[u8],
    ) {
        let is_join = transact == TransactKind::Join;
        let (foot, sign) = if is_join { (FootKind::Nada, None) } else { (FootKind::Nacl, Some(&self.keys.sign)) };
        let kind = if transact == TransactKind::Allow { BodyKind::Raw } else { BodyKind::Msgpack };
        let de = if is_join { 0 } else { 2 };
        let head = Head { transact, packet, se: 2, de, si, ti, foot, body: kind, ..Head::default() };
        let mut datagram = Vec::new();
        v0::write(&head, body, sign, &mut datagram);
        self.world.inject(from, World::address(MASTER), datagram);
        self.world.run(MILLI * 20);
    }

    fn join(&mut self, packet: PacketKind) {
        let key = self.keys.public(name("web1"));
        let body = JoinBody {
            name: name("web1_minion"),
            mode: 0,
            kind: 1,
            uid: None,
            verify: key.verify,
            public: key.public,
            role: key.role,
        };
        let body = if packet == PacketKind::Request { body.write(BodyKind::Msgpack) } else { Vec::new() };
        self.send(self.address, TransactKind::Join, packet, (0, 1), &body);
        self.world.admit(MASTER, "web1", Some(Acceptance::Accepted));
        self.world.run(MILLI * 20);
    }

    fn hello(&mut self) {
        let master = self.world.host(MASTER).road.own_key().public;
        let hello = Hello::write(&self.short, &master, self.random.bytes());
        self.send(self.address, TransactKind::Allow, PacketKind::Hello, (1, 2), &hello);
    }

    /// What was sent to it since it was asked last: from the transactions it started, and others.
    fn heard(&mut self) -> Vec<(TransactKind, PacketKind, Vec<u8>)> {
        let new = self.world.record.iter().skip(self.read).filter(|(_, _, to, _)| *to == self.address);
        let heard = new
            .map(|(.., datagram)| {
                let packet = v0::read(datagram).unwrap();
                (packet.head.transact, packet.head.packet, packet.coat.to_vec())
            })
            .collect();
        self.read = self.world.record.len();
        heard
    }

    fn kinds(&mut self) -> Vec<PacketKind> {
        self.heard().into_iter().map(|(_, packet, _)| packet).collect()
    }
}

#[test]
fn a_nack_to_a_response_is_an_acknowledgement() {
    // It has had a response, and its acknowledgement was lost.
    let mut minion = Minion::new(1);
    minion.join(PacketKind::Request);
    minion.join(PacketKind::Nack);
    assert_eq!(minion.kinds(), [PacketKind::Pend, PacketKind::Response]);
    minion.world.run(SECOND * 600);
    minion.hello();
    assert_eq!(minion.kinds(), [PacketKind::Cookie], "and it is not forgotten for being slow");
}

#[test]
fn responses_end_without_a_last_word() {
    // A nack would end a join it never begins again.
    let mut minion = Minion::new(2);
    minion.join(PacketKind::Request);
    minion.world.run(SECOND * 600);
    let kinds = minion.kinds();
    assert!(kinds.len() > 3 && !kinds.contains(&PacketKind::Nack), "{kinds:?}");
    minion.hello();
    assert_eq!(minion.kinds(), [PacketKind::Cookie], "one of them may have arrived");
}

#[test]
fn cookies_end_without_a_last_word() {
    // Refused it would say hello no more.
    let mut minion = Minion::new(3);
    minion.join(PacketKind::Request);
    minion.join(PacketKind::Ack);
    minion.hello();
    minion.world.run(SECOND * 20);
    let kinds = minion.kinds();
    assert!(!kinds.contains(&PacketKind::Refuse), "{kinds:?}");
    minion.hello();
    assert_eq!(minion.kinds(), [PacketKind::Cookie]);
}

#[test]
fn a_late_initiate_is_answered_with_a_hello() {
    // It says no hello while it waits for an answer to its initiate, and we have forgotten what it answers.
    let mut minion = Minion::new(4);
    minion.join(PacketKind::Request);
    minion.join(PacketKind::Ack);
    minion.hello();
    let master = minion.world.host(MASTER).road.own_key().public;
    let heard = minion.heard();
    let cookie = Cookie::open(&heard.last().unwrap().2, &minion.short, &master).unwrap();
    minion.world.run(SECOND * 10);
    minion.heard();
    let keys = InitiateKeys {
        long: &minion.keys.secret,
        short: &minion.short,
        their_long: &master,
        their_short: &cookie.short,
    };
    let initiate = Initiate::write(keys, cookie.oreo, "hub", [[1; 24], [2; 24]]);
    minion.send(minion.address, TransactKind::Allow, PacketKind::Initiate, (1, 2), &initiate);
    assert_eq!(minion.kinds(), [PacketKind::Refuse, PacketKind::Hello]);
    // It may have refused that one before it heard our refusal.
    minion.world.run(SECOND * 25);
    let kinds = minion.kinds();
    assert!(kinds.len() > 6, "we begin once more: {kinds:?}");
}

#[test]
fn who_has_to_join_learns_it_where_it_asks() {
    let mut minion = Minion::new(5);
    minion.join(PacketKind::Request);
    minion.join(PacketKind::Ack);
    let key = minion.keys.public(name("web1"));
    let none = Command::Admit { role: key.role.clone(), fingerprint: key.fingerprint(), acceptance: None };
    minion.world.command(MASTER, none).unwrap();
    minion.heard();
    // Its NAT has seen to that.
    minion.address.set_port(50_000);
    minion.send(minion.address, TransactKind::Alive, PacketKind::Request, (1, 3), &[]);
    let heard: Vec<_> = minion.heard().into_iter().map(|(transact, packet, _)| (transact, packet)).collect();
    let is_told = heard
        .iter()
        .any(|(t, p)| *t == TransactKind::Alive && matches!(p, PacketKind::Unjoined | PacketKind::Unallowed));
    assert!(is_told, "{heard:?}");
}

#[test]
fn what_is_asked_for_again_is_asked_in_clear() {
    // raet ends on a request that is sealed under keys it has thrown away.
    let mut world = pair(6);
    world.is_recording = true;
    world.link = Link { loss: 100, ..Link::default() };
    send(&mut world, MASTER, 1, "web1", &text(200_000, 1));
    assert!(world.run_until(SECOND * 60, |world| !texts(world, WEB1).is_empty()));
    let packets = world.record.iter().map(|(.., datagram)| v0::read(datagram).unwrap());
    let asked: Vec<_> = packets.filter(|packet| packet.head.packet == PacketKind::Resend).collect();
    assert!(!asked.is_empty() && asked.iter().all(|packet| packet.is_signed() && packet.head.coat == CoatKind::Nada));
}
