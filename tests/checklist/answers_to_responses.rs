//! What a joiner does with the answer of an estate that it knows, or whose key it knows, and that differs in one thing: the
//! grid of `test_joining`'s joiner tests, first joins and others (peer-tests §2).

use std::net::SocketAddr;

use roadstead::base::{Acceptance, Random, Time};
use roadstead::keep::{OwnKeys, RemoteRecord, RoleKey};
use roadstead::road::{Config, Memory, Mutable, Road, Trust};
use roadstead::wire::v0::{self, BodyKind, Head, JoinBody, PacketKind, TransactKind};

use crate::answers_to_joins::{ALL, New};
use crate::common::{MILLI, minion, name};

const ALPHA: [u8; 4] = [10, 0, 0, 1];

fn alpha() -> SocketAddr {
    SocketAddr::from((ALPHA, 4506))
}

fn drain(road: &mut Road, now: Time) -> Vec<Head> {
    let (mut heads, mut out) = (Vec::new(), Vec::new());
    while road.poll_transmit(now, &mut out).is_some() {
        heads.push(v0::read(&out).unwrap().head);
    }
    while road.poll_output().is_some() {}
    heads
}

fn packet(head: Head, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    v0::write(&Head { transact: TransactKind::Join, body: BodyKind::Msgpack, ..head }, body, None, &mut out);
    out
}

/// What is answered to the response: nothing, or the packet that ends the join or holds it.
fn answered(mutable: Mutable, trust: Trust, standing: Acceptance, is_vacuous: bool, new: New) -> Vec<PacketKind> {
    let now = Time(1_000_000);
    let keys = OwnKeys::generate(&mut Random::from_number(2)).public(name("alpha"));
    let mut memory = Memory::default();
    memory.roll.set(keys.clone(), standing);
    if standing == Acceptance::Rejected {
        memory.roll.set(RoleKey { role: name("delta"), ..keys.clone() }, standing);
    }
    memory.remotes.push(RemoteRecord {
        name: name("alpha"),
        role: name("alpha"),
        nuid: 2,
        fuid: 5,
        ha: alpha(),
        sid: 1,
        main: true,
        kind: 0,
        joined: Some(false),
    });
    let config = Config { mutable, trust, dial: vec![alpha()], ..minion("beta") };
    let own = OwnKeys::generate(&mut Random::from_number(1));
    let mut road = Road::new(config, own, memory, [1; 32], now);
    let now = now + MILLI * 10;
    road.handle_timeout(now);
    let mut request = *drain(&mut road, now).last().unwrap();
    // Only who is accepted is still known from before.
    let is_known = standing == Acceptance::Accepted;
    assert_eq!((request.packet, request.de), (PacketKind::Request, if is_known { 5 } else { 0 }));
    if is_vacuous && is_known {
        let renew =
            Head { packet: PacketKind::Renew, se: 5, de: 2, ti: request.ti, correspondent: true, ..Head::default() };
        road.handle_datagram(now, alpha(), &mut packet(renew, &[]));
        request = *drain(&mut road, now).last().unwrap();
        assert_eq!((request.packet, request.de), (PacketKind::Request, 0));
    }
    let presented =
        if new == New::Keys { OwnKeys::generate(&mut Random::from_number(3)).public(name("alpha")) } else { keys };
    let body = JoinBody {
        name: name(if new == New::Name { "gamma" } else { "alpha" }),
        mode: u8::from(new != New::Main),
        kind: if new == New::Kind { 7 } else { 0 },
        uid: Some(if new == New::Fuid { 9 } else { 5 }),
        verify: presented.verify,
        public: presented.public,
        role: name(if new == New::Role { "delta" } else { "alpha" }),
    };
    let se = request.de;
    let head = Head { packet: PacketKind::Response, se, de: 2, ti: request.ti, correspondent: true, ..Head::default() };
    let from = if new == New::Address { SocketAddr::from(([10, 0, 0, 9], 4506)) } else { alpha() };
    road.handle_datagram(now, from, &mut packet(head, &body.write(BodyKind::Msgpack)));
    let answers = drain(&mut road, now);
    answers.into_iter().filter(|head| head.transact == TransactKind::Join).map(|head| head.packet).collect()
}

fn each(mutable: Mutable, trust: Trust, standing: Acceptance, expect: impl Fn(New) -> Option<PacketKind>) {
    for is_vacuous in [false, true] {
        for new in ALL {
            // An answer from elsewhere is nobody's: it is unsigned, and answers no question we asked there.
            let expect = if new == New::Address { None } else { expect(new) };
            let answered = answered(mutable, trust, standing, is_vacuous, new);
            assert_eq!(answered, expect.into_iter().collect::<Vec<_>>(), "{new:?}, vacuous: {is_vacuous}");
        }
    }
}

#[test]
fn immutable() {
    each(Mutable::Nothing, Trust::Once, Acceptance::Accepted, |new| match new {
        New::Name | New::Main | New::Kind => Some(PacketKind::Reject),
        // raet refuses; we say nothing, which anybody may have made us, and the true answer may still come.
        New::Keys | New::Role => None,
        // raet refuses a new number; a master that lost its table gives one, and it proves or harms nothing.
        _ => Some(PacketKind::Ack),
    });
}

#[test]
fn rejected() {
    each(Mutable::Anything, Trust::Once, Acceptance::Rejected, |_| Some(PacketKind::Reject));
}

#[test]
fn mutable() {
    each(Mutable::Anything, Trust::Always, Acceptance::Accepted, |_| Some(PacketKind::Ack));
}

#[test]
fn pending() {
    each(Mutable::Anything, Trust::Never, Acceptance::Pending, |new| match new {
        // Another key under a role that waits: no answer, a clash is said here.
        New::Keys => None,
        _ => Some(PacketKind::Pend),
    });
}
