//! Somebody who can send any datagram under any address but has no key: nothing of a live session changes.

#![cfg(test)]

mod common;

use std::net::SocketAddr;

use common::*;
use roadstead::road::{Config, Output, Trust};
use roadstead::sim::World;
use roadstead::transport::Event;
use roadstead::wire::v0::{self, BodyKind, CoatKind, Head, JoinBody, PacketKind, TransactKind};

const EVIL: usize = 66;

const PACKETS: [PacketKind; 16] = [
    PacketKind::Message,
    PacketKind::Ack,
    PacketKind::Nack,
    PacketKind::Resend,
    PacketKind::Request,
    PacketKind::Response,
    PacketKind::Hello,
    PacketKind::Cookie,
    PacketKind::Initiate,
    PacketKind::Unjoined,
    PacketKind::Unallowed,
    PacketKind::Renew,
    PacketKind::Refuse,
    PacketKind::Reject,
    PacketKind::Pend,
    PacketKind::Done,
];

fn unsigned(head: Head, coat: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    v0::write(&head, coat, None, &mut datagram);
    datagram
}

/// A join body with host `n`'s name and public keys, which everybody may know.
fn body_of(world: &mut World, n: usize, name_: &str, uid: Option<u32>) -> Vec<u8> {
    let key = world.host(n).road.own_key();
    JoinBody {
        name: name(name_),
        mode: u8::from(n == MASTER),
        kind: if n == MASTER { 0 } else { 1 },
        uid,
        verify: key.verify,
        public: key.public,
        role: key.role,
    }
    .write(BodyKind::Msgpack)
}

fn join(packet: PacketKind, se: u32, de: u32, ti: u32, correspondent: bool) -> Head {
    Head { transact: TransactKind::Join, packet, se, de, ti, correspondent, body: BodyKind::Msgpack, ..Head::default() }
}

/// Nothing has happened that anybody would notice.
fn assert_untouched(world: &mut World, before: &[(SocketAddr, u32, u32)]) {
    for n in [MASTER, WEB1] {
        assert_eq!(departures(world, n), [], "host {n}");
        assert_eq!(count(world, n, |e| matches!(e, Event::Joined { .. })), 0, "host {n}");
    }
    assert_eq!(records(world), before, "address, number and session as they were");
    assert!(can_talk(world, SECOND * 2));
}

fn records(world: &mut World) -> Vec<(SocketAddr, u32, u32)> {
    let of = |host: &roadstead::sim::Host| host.disk.remotes.iter().map(|r| (r.ha, r.fuid, r.sid)).collect::<Vec<_>>();
    world.hosts.iter().flat_map(of).collect()
}

#[test]
fn joins_under_its_name_do_not_unjoin_an_estate() {
    for (evil, to, who, known) in [
        (World::address(EVIL), MASTER, WEB1, "web1"),
        (World::address(WEB1), MASTER, WEB1, "web1"),
        (World::address(EVIL), WEB1, MASTER, "master"),
        (World::address(MASTER), WEB1, MASTER, "master"),
    ] {
        let mut world = pair(1);
        let before = records(&mut world);
        let body = body_of(&mut world, who, known, None);
        for se in 1..5 {
            for de in [0, 2, 3] {
                for ti in [1, 7] {
                    let request = unsigned(join(PacketKind::Request, se, de, ti, false), &body);
                    world.inject(evil, World::address(to), request);
                    world.run(MILLI * 3);
                    let ack = unsigned(join(PacketKind::Ack, se, de, ti, false), &[]);
                    world.inject(evil, World::address(to), ack);
                    world.run(MILLI * 3);
                }
            }
        }
        world.run(SECOND * 60);
        assert_untouched(&mut world, &before);
    }
}

#[test]
fn a_flood_of_joins_is_a_short_pause_at_most() {
    let mut world = pair(2);
    let before = records(&mut world);
    let body = body_of(&mut world, WEB1, "web1", None);
    for round in 0..2000u32 {
        let evil = SocketAddr::from(([203, 0, 113, (round % 250) as u8], 4506));
        let request = unsigned(join(PacketKind::Request, 1 + round % 7, 0, round, false), &body);
        world.inject(evil, World::address(MASTER), request);
        if round % 100 == 0 {
            send(&mut world, MASTER, u64::from(round), "web1", "through the flood");
            send(&mut world, WEB1, u64::from(round), "master", "through the flood");
        }
        world.run(MILLI * 5);
        if round % 100 == 99 {
            let sent = (round / 100 + 1) as usize;
            assert_eq!(texts(&mut world, WEB1).len(), sent, "half a second is enough");
            assert_eq!(texts(&mut world, MASTER).len(), sent);
        }
    }
    world.run(SECOND * 20);
    assert_untouched(&mut world, &before);
}

#[test]
fn unsigned_words_are_not_heard() {
    for (to, spoofed) in [(MASTER, WEB1), (WEB1, MASTER)] {
        let mut world = pair(3);
        let before = records(&mut world);
        send(&mut world, spoofed, 1, if spoofed == MASTER { "master" } else { "web1" }, "nobody");
        send(&mut world, to, 2, if to == MASTER { "web1" } else { "master" }, &text(100_000, 1));
        world.run(MILLI * 2);
        let body = body_of(&mut world, spoofed, if spoofed == MASTER { "master" } else { "web1" }, Some(9));
        for from in [World::address(spoofed), World::address(EVIL)] {
            for transact in [TransactKind::Message, TransactKind::Join, TransactKind::Allow, TransactKind::Alive] {
                for packet in PACKETS {
                    for correspondent in [false, true] {
                        for ti in 1..8 {
                            for si in [0, 1, 2, 3] {
                                let coat =
                                    if transact == TransactKind::Alive { CoatKind::Nacl } else { CoatKind::Nada };
                                let head = Head {
                                    transact,
                                    packet,
                                    correspondent,
                                    se: 2,
                                    de: 2,
                                    si,
                                    ti,
                                    coat,
                                    body: BodyKind::Msgpack,
                                    ..Head::default()
                                };
                                let coat = if transact == TransactKind::Join { body.clone() } else { Vec::new() };
                                world.inject(from, World::address(to), unsigned(head, &coat));
                            }
                        }
                        world.run(MILLI);
                    }
                }
            }
        }
        world.run(SECOND * 30);
        assert_eq!(answers(&mut world, to)[&2], Ok(()));
        assert_untouched(&mut world, &before);
    }
}

#[test]
fn a_minion_that_waits_for_its_master_is_not_led_away() {
    // The master is away; somebody else answers for it, with its public keys, from elsewhere and by guessing numbers.
    let mut world = pair(4);
    let public = body_of(&mut world, MASTER, "master", None);
    world.host(MASTER).is_down = true;
    world.restart(WEB1, true);
    for round in 0..200u32 {
        let head = join(PacketKind::Request, 5, 2, round, false);
        world.inject(World::address(EVIL), World::address(WEB1), unsigned(head, &public));
        world.run(MILLI * 100);
        let head = join(PacketKind::Ack, 5, 2, round, false);
        world.inject(World::address(EVIL), World::address(WEB1), unsigned(head, &[]));
        world.run(MILLI * 100);
        if round == 190 {
            world.host(MASTER).is_down = false;
        }
    }
    assert!(world.run_until(SECOND * 30, both_present));
    assert_eq!(world.host(WEB1).disk.remotes[0].ha, World::address(MASTER));
    assert!(can_talk(&mut world, SECOND * 5));
}

#[test]
fn names_that_climb_out_of_a_directory_are_dropped() {
    let mut world = pair(5);
    let key = world.host(WEB1).road.own_key();
    let (verify, public) = (hex::encode(key.verify.as_bytes()), hex::encode(key.public.as_bytes()));
    let before = world.host(MASTER).road.roll().iter().count();
    for bad in ["../accepted/evil", "..", ".hidden", "a/b", "a\\b", "a b", "", "a..b", "\u{0}", "ä", &"x".repeat(200)]
    {
        for (its_name, role) in [(bad, "web9"), ("web9", bad)] {
            let body = serde_json::json!({
                "name": its_name, "mode": 0, "kind": 1, "verhex": verify, "pubhex": public, "role": role,
            });
            let head = Head { body: BodyKind::Json, ..join(PacketKind::Request, 9, 0, 1, false) };
            let datagram = unsigned(head, body.to_string().as_bytes());
            world.inject(World::address(EVIL), World::address(MASTER), datagram);
        }
    }
    world.is_recording = true;
    world.run(SECOND);
    assert!(world.record.iter().all(|(_, _, to, _)| *to != World::address(EVIL)), "and not answered");
    assert_eq!(world.host(MASTER).road.roll().iter().count(), before);
}

#[test]
fn strangers_fill_no_memory() {
    use roadstead::base::limits::PENDING_KEYS;
    let mut world = World::new(6);
    world.add(Config { trust: Trust::Never, ..master() });
    let mut random = roadstead::base::Random::from_number(1);
    // One signing key for all: making ten thousand is slow, and nobody proves anything here.
    let own = roadstead::keep::OwnKeys::generate(&mut random).public(name("x"));
    let knock = |world: &mut World, n: usize| {
        let body = JoinBody {
            name: name(&format!("n{n}")),
            mode: 0,
            kind: 1,
            uid: None,
            verify: own.verify,
            public: own.public,
            role: name(&format!("n{n}")),
        };
        let mut datagram = unsigned(join(PacketKind::Request, 1, 0, 1, false), &body.write(BodyKind::Msgpack));
        let from = SocketAddr::from(([198, 51, (n >> 8) as u8, n as u8], 1));
        let now = world.now;
        let road = &mut world.host(MASTER).road;
        road.handle_datagram(now, from, &mut datagram);
        let mut answers = 0;
        let mut out = Vec::new();
        while road.poll_transmit(now, &mut out).is_some() {
            answers += 1;
        }
        while road.poll_output().is_some() {}
        answers
    };
    for n in 0..PENDING_KEYS {
        assert_eq!(knock(&mut world, n), 1, "told to wait");
    }
    for n in PENDING_KEYS..PENDING_KEYS + 100 {
        assert_eq!(knock(&mut world, n), 0, "silence");
    }
    assert_eq!(world.host(MASTER).road.roll().pending(), PENDING_KEYS);
    // One of those who wait still gets its answer.
    assert_eq!(knock(&mut world, 17), 1);
    // They do not come back; nothing is left to do for them after a while.
    world.run(SECOND * 3600);
    assert_eq!(world.host(MASTER).road.poll_timeout(), None);
}

#[test]
fn names_under_an_accepted_key_fill_no_memory() {
    // Everybody may know an accepted public key. Joins with it prove nothing, even when they are acknowledged.
    let mut world = pair(7);
    let before = world.host(MASTER).disk.remotes.clone();
    for n in 0..500u32 {
        let body = body_of(&mut world, WEB1, &format!("alias{n}"), None);
        let evil = SocketAddr::from(([203, 0, 113, 1], n as u16 + 1));
        world.inject(evil, World::address(MASTER), unsigned(join(PacketKind::Request, 5, 0, n, false), &body));
        world.inject(evil, World::address(MASTER), unsigned(join(PacketKind::Ack, 5, 0, n, false), &[]));
        world.run(MILLI);
    }
    assert!(world.host(MASTER).disk.remotes == before, "not written down");
    world.run(SECOND * 300);
    world.is_recording = true;
    world.run(SECOND * 600);
    let elsewhere = world.record.iter().filter(|(_, _, to, _)| to.ip() != World::address(WEB1).ip());
    assert!(elsewhere.filter(|(_, _, to, _)| *to != World::address(MASTER)).count() == 0, "and forgotten");
    assert!(can_talk(&mut world, SECOND));
}

#[test]
fn clashes_are_not_said_with_every_packet() {
    let mut world = pair(8);
    let thief = roadstead::keep::OwnKeys::generate(&mut roadstead::base::Random::from_number(3)).public(name("web1"));
    let body = JoinBody {
        name: name("web1"),
        mode: 0,
        kind: 1,
        uid: None,
        verify: thief.verify,
        public: thief.public,
        role: name("web1"),
    }
    .write(BodyKind::Msgpack);
    for ti in 0..1000 {
        let request = unsigned(join(PacketKind::Request, 5, 0, ti, false), &body);
        world.inject(World::address(EVIL), World::address(MASTER), request);
        world.run(MILLI * 20);
    }
    let clashes = count(&mut world, MASTER, |e| matches!(e, Event::Clash { .. }));
    assert!((1..=3).contains(&clashes), "{clashes} in twenty seconds");
}

/// A join body of somebody who has no secret at all for it.
fn made_up(seed: u64, its_name: &str, is_main: bool, uid: Option<u32>) -> Vec<u8> {
    let key = roadstead::keep::OwnKeys::generate(&mut roadstead::base::Random::from_number(seed)).public(name("x"));
    JoinBody {
        name: name(its_name),
        mode: u8::from(is_main),
        kind: u32::from(!is_main),
        uid,
        verify: key.verify,
        public: key.public,
        role: name(its_name),
    }
    .write(BodyKind::Msgpack)
}

#[test]
fn a_claim_to_a_name_does_not_keep_it() {
    // On a road that trusts the first key, somebody joins blindly under a name before its owner comes.
    let mut world = World::new(9);
    world.add(master());
    let claim = made_up(1, "web1", false, None);
    world.inject(
        World::address(EVIL),
        World::address(MASTER),
        unsigned(join(PacketKind::Request, 9, 0, 1, false), &claim),
    );
    world.inject(World::address(EVIL), World::address(MASTER), unsigned(join(PacketKind::Ack, 9, 0, 1, false), &[]));
    world.run(SECOND);
    assert!(world.host(MASTER).road.roll().find(&name("web1")).is_none(), "nothing is proved, nothing is written");
    world.add(minion("web1"));
    assert!(world.run_until(SECOND * 5, both_present));
    let key = world.host(WEB1).road.own_key();
    assert_eq!(world.host(MASTER).road.roll().find(&name("web1")).unwrap().0, &key);
}

#[test]
fn a_blind_answer_is_not_the_master() {
    // Somebody answers a minion's first join with the master's address and a key of its own making.
    let mut world = strangers(10);
    let answer = made_up(2, "master", true, Some(2));
    world.link.delay = MILLI * 50;
    world.run(MILLI);
    for ti in 1..4 {
        let head = join(PacketKind::Response, 0, 2, ti, true);
        world.inject(World::address(MASTER), World::address(WEB1), unsigned(head, &answer));
    }
    assert!(world.run_until(SECOND * 30, both_present), "the real one is found");
    let key = world.host(MASTER).road.own_key();
    assert_eq!(world.host(WEB1).road.roll().find(&name("master")).unwrap().0, &key);
    assert_eq!(count(&mut world, WEB1, |e| matches!(e, Event::Clash { .. })), 0);
}

#[test]
fn a_broken_first_join_binds_nobody() {
    // The first request of a stranger arrives with another kind in it, which nobody has signed.
    let mut world = World::new(11);
    world.add(Config { trust: Trust::Never, ..master() });
    world.add(minion("web1"));
    let key = world.host(WEB1).road.own_key();
    let body = JoinBody {
        name: name("web1"),
        mode: 1,
        kind: 200,
        uid: None,
        verify: key.verify,
        public: key.public,
        role: name("web1"),
    };
    let head = join(PacketKind::Request, 2, 0, 1, false);
    world.inject(World::address(WEB1), World::address(MASTER), unsigned(head, &body.write(BodyKind::Msgpack)));
    world.run(SECOND * 5);
    decide(&mut world, MASTER, "web1", Some(roadstead::base::Acceptance::Accepted));
    assert!(world.run_until(SECOND * 10, both_present));
    assert_eq!(world.host(MASTER).disk.remotes[0].kind, 1);
}

#[test]
fn told_to_renew_and_then_not_now() {
    // Both words are unsigned and may be anybody's, or late ones of the master's own: the minion goes on asking.
    let mut world = pair(12);
    world.host(MASTER).is_down = true;
    world.restart(WEB1, false);
    world.is_recording = true;
    let asks = |de: u32| {
        move |world: &mut World| {
            let join = world.record.last().and_then(|(.., d)| v0::read(d).ok()).map(|p| p.head);
            join.is_some_and(|head| head.transact == TransactKind::Join && head.de == de)
        }
    };
    assert!(world.run_until(SECOND * 10, asks(2)));
    let ti = v0::read(&world.record.last().unwrap().3).unwrap().head.ti;
    let renew = unsigned(join(PacketKind::Renew, 2, 2, ti, true), &[]);
    world.inject(World::address(MASTER), World::address(WEB1), renew);
    assert!(world.run_until(SECOND * 10, asks(0)));
    let nack = unsigned(join(PacketKind::Nack, 0, 2, ti + 1, true), &[]);
    world.inject(World::address(MASTER), World::address(WEB1), nack);
    world.run(SECOND);
    world.host(MASTER).is_down = false;
    assert!(world.run_until(SECOND * 40, both_present));
    assert!(can_talk(&mut world, SECOND * 5));
}

#[test]
fn those_who_come_and_go_cost_no_writes() {
    let mut world = World::new(8);
    world.add(Config { trust: Trust::Never, ..master() });
    world.add(minion("web1"));
    assert!(world.run_until(SECOND * 3, |w| has_knocked(w, MASTER, "web1")));
    let body = body_of(&mut world, WEB1, "web1", None);
    let now = world.now;
    let road = &mut world.host(MASTER).road;
    let (mut writes, mut answers, mut out) = (0, 0, Vec::new());
    for ti in 1..=1000 {
        for (packet, body) in [(PacketKind::Request, body.as_slice()), (PacketKind::Nack, &[])] {
            road.handle_datagram(now, World::address(EVIL), &mut unsigned(join(packet, 9, 0, ti, false), body));
            while road.poll_transmit(now, &mut out).is_some() {
                answers += 1;
            }
            while let Some(output) = road.poll_output() {
                writes += usize::from(matches!(output, Output::Keep(_)));
            }
        }
    }
    assert!(answers >= 1000, "each is asked to wait");
    assert!(writes < 5, "{writes}");
}
