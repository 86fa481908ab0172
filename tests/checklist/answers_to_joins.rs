//! What a join request of a known estate is answered that differs in one thing from what is known of it: the grid of
//! `test_joining`'s joinent tests, vacuous and not (peer-tests §2, rows A to N).

use std::net::SocketAddr;

use roadstead::base::{Acceptance, Random, Time};
use roadstead::keep::{OwnKeys, RemoteRecord};
use roadstead::road::place::Placed;
use roadstead::road::{Config, Memory, Mutable, Road, Trust};
use roadstead::wire::v0::{self, BodyKind, Head, JoinBody, PacketKind, TransactKind};

use crate::common::{master, name};

/// The one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum New {
    Name,
    Main,
    Kind,
    Address,
    Fuid,
    Keys,
    Role,
    Nothing,
}

pub(crate) const ALL: [New; 8] =
    [New::Name, New::Main, New::Kind, New::Address, New::Fuid, New::Keys, New::Role, New::Nothing];

/// What a good peer is asked to do.
fn asked(mutable: Mutable, trust: Trust, standing: Acceptance, is_vacuous: bool, new: New) -> Vec<PacketKind> {
    let now = Time(1_000_000);
    let config = Config { mutable, trust, ..master() };
    let own = OwnKeys::generate(&mut Random::from_number(1));
    let mut road = Road::new(config, own, Memory::default(), [1; 32], now);
    let keys = OwnKeys::generate(&mut Random::from_number(2)).public(name("beta"));
    let ha = SocketAddr::from(([10, 0, 0, 2], 4510));
    let record = RemoteRecord {
        name: name("beta"),
        role: name("beta"),
        nuid: 2,
        fuid: 3,
        ha,
        sid: 1,
        main: false,
        kind: 1,
        joined: Some(true),
    };
    road.place(Placed { record, key: keys.clone(), standing, rsid: 0, short: None });
    let mut out = Vec::new();
    while road.poll_transmit(now, &mut out).is_some() {}

    let presented =
        if new == New::Keys { OwnKeys::generate(&mut Random::from_number(3)).public(name("beta")) } else { keys };
    let body = JoinBody {
        name: name(if new == New::Name { "gamma" } else { "beta" }),
        mode: u8::from(new == New::Main),
        kind: if new == New::Kind { 7 } else { 1 },
        uid: None,
        verify: presented.verify,
        public: presented.public,
        role: name(if new == New::Role { "delta" } else { "beta" }),
    };
    let head = Head {
        transact: TransactKind::Join,
        packet: PacketKind::Request,
        se: if new == New::Fuid { 9 } else { 3 },
        de: if is_vacuous { 0 } else { 2 },
        ti: 1,
        body: BodyKind::Msgpack,
        ..Head::default()
    };
    let mut datagram = Vec::new();
    v0::write(&head, &body.write(BodyKind::Msgpack), None, &mut datagram);
    let from = if new == New::Address { SocketAddr::from(([10, 0, 0, 9], 4510)) } else { ha };
    road.handle_datagram(now, from, &mut datagram);
    let mut answers = Vec::new();
    while let Some(sent) = road.poll_transmit(now, &mut out) {
        assert_eq!(sent.to, from, "to who asked");
        answers.push(v0::read(&out).unwrap().head.packet);
    }
    answers
}

fn each(mutable: Mutable, trust: Trust, standing: Acceptance, is_vacuous: bool, expect: impl Fn(New) -> PacketKind) {
    for new in ALL {
        // A vacuous join under another name is another estate's.
        if new == New::Name && is_vacuous {
            continue;
        }
        assert_eq!(asked(mutable, trust, standing, is_vacuous, new), [expect(new)], "{new:?}");
    }
}

fn unless_same(new: New) -> PacketKind {
    if new == New::Nothing { PacketKind::Response } else { PacketKind::Reject }
}

#[test]
fn immutable_vacuous() {
    each(Mutable::Nothing, Trust::Once, Acceptance::Accepted, true, unless_same);
}

#[test]
fn immutable_not_vacuous() {
    each(Mutable::Nothing, Trust::Once, Acceptance::Accepted, false, unless_same);
}

#[test]
fn rejected_vacuous() {
    each(Mutable::Anything, Trust::Once, Acceptance::Rejected, true, |_| PacketKind::Reject);
}

#[test]
fn rejected_not_vacuous() {
    each(Mutable::Anything, Trust::Once, Acceptance::Rejected, false, |_| PacketKind::Reject);
}

#[test]
fn mutable_vacuous() {
    each(Mutable::Anything, Trust::Always, Acceptance::Accepted, true, |_| PacketKind::Response);
}

#[test]
fn mutable_not_vacuous() {
    each(Mutable::Anything, Trust::Always, Acceptance::Accepted, false, |_| PacketKind::Response);
}

/// Here we are stricter: under a name that is known, raet lets another role wait, and we refuse it like another key.
fn pend_unless_another_key(new: New) -> PacketKind {
    if matches!(new, New::Keys | New::Role) { PacketKind::Reject } else { PacketKind::Pend }
}

#[test]
fn pending_vacuous() {
    each(Mutable::Anything, Trust::Never, Acceptance::Pending, true, pend_unless_another_key);
}

#[test]
fn pending_not_vacuous() {
    each(Mutable::Anything, Trust::Never, Acceptance::Pending, false, pend_unless_another_key);
}

#[test]
fn numbers_nobody_has_are_renewed() {
    let now = Time(1_000_000);
    let mut road = Road::new(master(), OwnKeys::generate(&mut Random::from_number(1)), Memory::default(), [1; 32], now);
    let keys = OwnKeys::generate(&mut Random::from_number(2)).public(name("beta"));
    let body = JoinBody {
        name: name("beta"),
        mode: 0,
        kind: 1,
        uid: None,
        verify: keys.verify,
        public: keys.public,
        role: name("beta"),
    };
    for (de, expect) in [(77, PacketKind::Renew), (0, PacketKind::Response)] {
        let (transact, packet) = (TransactKind::Join, PacketKind::Request);
        let head = Head { transact, packet, se: 2, de, ti: de + 1, body: BodyKind::Json, ..Head::default() };
        let mut datagram = Vec::new();
        v0::write(&head, &body.write(BodyKind::Json), None, &mut datagram);
        road.handle_datagram(now, SocketAddr::from(([10, 0, 0, 2], 4510)), &mut datagram);
        let mut out = Vec::new();
        road.poll_transmit(now, &mut out).unwrap();
        assert_eq!(v0::read(&out).unwrap().head.packet, expect);
    }
}
