//! Whatever was recorded of real runs and is sent again, in any order, from anywhere: nothing is delivered twice, no
//! estate moves, leaves or comes back because of it.

#![cfg(test)]

mod common;

use std::time::Duration;

use std::net::SocketAddr;

use common::*;
use roadstead::base::{Random, Time};
use roadstead::keep::OwnKeys;
use roadstead::road::Memory;
use roadstead::sim::World;
use roadstead::transport::Event;
use roadstead::wire::v0::{self, Head, PacketKind};

type Datagram = (Time, SocketAddr, SocketAddr, Vec<u8>);

const EVIL: [u8; 4] = [203, 0, 113, 66];

/// A pair whose whole life was recorded: join, handshake, messages each way, presence checks.
fn recorded(seed: u64) -> (World, Vec<Datagram>) {
    let mut world = strangers(seed);
    world.is_recording = true;
    assert!(world.run_until(SECOND * 5, both_present));
    for ticket in 0..5 {
        send(&mut world, MASTER, ticket, "web1", &text(500 * ticket as usize, ticket));
        send(&mut world, WEB1, ticket, "master", &text(500 * ticket as usize, ticket));
    }
    world.run(SECOND * 40);
    let record = std::mem::take(&mut world.record);
    world.is_recording = false;
    assert!(record.iter().any(|(.., d)| v0::read(d).is_ok_and(|p| p.head.packet == PacketKind::Initiate)));
    assert_eq!(texts(&mut world, MASTER).len(), 5);
    forget(&mut world);
    (world, record)
}

fn assert_nothing_happened(world: &mut World, what: &str) {
    let ha: Vec<SocketAddr> = world.hosts.iter().map(|h| h.disk.remotes[0].ha).collect();
    assert_eq!(ha, [World::address(WEB1), World::address(MASTER)], "{what}: moved");
    for n in [MASTER, WEB1] {
        assert_eq!(texts(world, n).len(), 0, "{what}: host {n} has had something delivered again");
        assert_eq!(departures(world, n), [], "{what}: host {n}");
        assert_eq!(count(world, n, |e| matches!(e, Event::Joined { .. })), 0, "{what}: host {n}");
    }
    assert!(can_talk(world, SECOND * 3), "{what}");
    forget(world);
}

#[test]
fn each_packet_alone() {
    let (mut world, record) = recorded(1);
    for (i, (_, from, to, datagram)) in record.iter().enumerate() {
        let head = v0::read(datagram).unwrap().head;
        for source in [*from, SocketAddr::from((EVIL, 4506))] {
            world.inject(source, *to, datagram.clone());
            world.run(MILLI * 100);
        }
        assert_nothing_happened(&mut world, &format!("packet {i}, {:?} {:?}", head.transact, head.packet));
    }
}

#[test]
fn everything_in_order_and_out_of_order() {
    seeds(0..6, |seed| {
        let (mut world, mut record) = recorded(seed);
        let mut random = Random::from_number(seed);
        for round in 0..6 {
            let source = |from: SocketAddr| if round % 2 == 0 { SocketAddr::from((EVIL, 1)) } else { from };
            for (_, from, to, datagram) in &record {
                world.inject(source(*from), *to, datagram.clone());
                world.run(MILLI * random.below(200) as u32);
            }
            world.run(SECOND * 15);
            assert_nothing_happened(&mut world, &format!("round {round}"));
            for i in (1..record.len()).rev() {
                record.swap(i, random.below(i as u64 + 1) as usize);
            }
        }
    });
}

#[test]
fn while_long_messages_are_on_their_way() {
    seeds(0..4, |seed| {
        let (mut world, record) = recorded(seed);
        let (to, fro) = (text(1_000_000, 1), text(1_000_000, 2));
        send(&mut world, MASTER, 1, "web1", &to);
        send(&mut world, WEB1, 1, "master", &fro);
        for (_, _, to, datagram) in &record {
            world.inject(SocketAddr::from((EVIL, 1)), *to, datagram.clone());
            world.run(MILLI);
        }
        world.run(SECOND * 40);
        assert_eq!(answers(&mut world, MASTER)[&1], Ok(()), "seed {seed}");
        assert_eq!(answers(&mut world, WEB1)[&1], Ok(()), "seed {seed}");
        assert!(texts(&mut world, MASTER) == [fro] && texts(&mut world, WEB1) == [to]);
        forget(&mut world);
        assert_nothing_happened(&mut world, "after long messages");
    });
}

#[test]
fn what_an_earlier_process_said() {
    // Without its disk a minion counts from the start again: its old packets look newer than its new ones.
    seeds(0..6, |seed| {
        let (mut world, record) = recorded(seed);
        for (n, forgets) in [(WEB1, true), (MASTER, false), (WEB1, false)] {
            world.restart(n, forgets);
            assert!(can_talk(&mut world, SECOND * 40));
            forget(&mut world);
            for (_, _, to, datagram) in &record {
                world.inject(SocketAddr::from((EVIL, 1)), *to, datagram.clone());
                world.run(MILLI * 20);
            }
            world.run(SECOND * 20);
            assert_nothing_happened(&mut world, &format!("host {n} restarted, forgets: {forgets}"));
            // The numbers of the old packets come up again, and nothing was learned from those.
            for ticket in 0..60 {
                send(&mut world, MASTER, ticket, "web1", "again");
                send(&mut world, WEB1, ticket, "master", "again");
            }
            world.run(SECOND * 5);
            assert_eq!(texts(&mut world, MASTER).len(), 60);
            assert_eq!(texts(&mut world, WEB1).len(), 60);
            forget(&mut world);
        }
    });
}

#[test]
fn the_dead_do_not_come_back() {
    let (mut world, record) = recorded(2);
    world.host(WEB1).is_down = true;
    assert!(world.run_until(SECOND * 20, |w| departures(w, MASTER).len() == 1));
    for (_, from, to, datagram) in &record {
        for source in [*from, SocketAddr::from((EVIL, 1))] {
            world.inject(source, *to, datagram.clone());
            world.run(MILLI * 50);
        }
    }
    world.run(SECOND * 20);
    assert_eq!(count(&mut world, MASTER, |e| matches!(e, Event::Joined { .. })), 0);
    world.host(WEB1).is_down = false;
    assert!(can_talk(&mut world, SECOND * 60));
}

#[test]
fn the_rejected_do_not_come_back() {
    let (mut world, record) = recorded(3);
    decide(&mut world, MASTER, "web1", Some(roadstead::base::Acceptance::Rejected));
    world.host(WEB1).is_down = true;
    for (_, from, to, datagram) in &record {
        for source in [*from, SocketAddr::from((EVIL, 1))] {
            world.inject(source, *to, datagram.clone());
            world.run(MILLI * 50);
        }
    }
    world.run(SECOND * 20);
    assert_eq!(count(&mut world, MASTER, |e| matches!(e, Event::Joined { .. } | Event::Received { .. })), 0);
}

#[test]
fn a_hello_again_and_again_does_not_hide_a_death() {
    // Before the first message the hello is of the session the master knows.
    let mut world = strangers(4);
    world.is_recording = true;
    assert!(world.run_until(SECOND * 5, both_present));
    let is_hello = |d: &[u8]| v0::read(d).is_ok_and(|p| p.head.packet == PacketKind::Hello);
    let (_, from, to, hello) = world.record.iter().find(|(.., d)| is_hello(d)).cloned().unwrap();
    assert_eq!(to, World::address(MASTER));
    world.run(SECOND);
    world.host(WEB1).is_down = true;
    for _ in 0..25 {
        world.inject(from, to, hello.clone());
        world.run(SECOND * 2);
    }
    assert_eq!(departures(&mut world, MASTER).len(), 1);
}

#[test]
fn segments_of_an_earlier_life_spoil_no_message() {
    // What an earlier life of the sender signed, as somebody recorded it: which session, how many segments more, and whether
    // the message is given up.
    let earlier: [(u32, u32, PacketKind); 6] = [
        (u32::MAX, 0, PacketKind::Message), // of an older session
        (5, 0, PacketKind::Message),        // of one that looks newer
        (0, 0, PacketKind::Message),        // the same numbers came up again
        (0, 1, PacketKind::Message),
        (u32::MAX, 0, PacketKind::Nack),
        (5, 0, PacketKind::Nack),
    ];
    for (si, sc, packet) in earlier {
        let mut world = World::new(1);
        let keys = OwnKeys::generate(&mut Random::from_number(7));
        world.add(master());
        world.add_with(minion("web1"), keys.clone(), Memory::default());
        assert!(world.run_until(SECOND * 5, both_present));
        world.run(SECOND);
        for ticket in 0..3 {
            world.record.clear();
            world.is_recording = true;
            let long = text(150_000, ticket);
            send(&mut world, WEB1, ticket, "master", &long);
            let is_segment = |d: &[u8]| v0::read(d).is_ok_and(|p| p.head.packet == PacketKind::Message);
            // Messages come before the first segment of the genuine one, a nack after some.
            world.run(if packet == PacketKind::Nack { MILLI + MILLI / 2 } else { Duration::ZERO });
            let redone = world.host(WEB1).road.stats().redone;
            let genuine = world.record.iter().find(|(.., d)| is_segment(d)).map(|(.., d)| d.clone()).unwrap();
            let head = v0::read(&genuine).unwrap().head;
            let old = Head { packet, si: head.si.wrapping_add(si), sc: head.sc + sc, ..head };
            let mut datagram = Vec::new();
            v0::write(&old, &[7; 800], Some(&keys.sign), &mut datagram);
            world.inject(SocketAddr::from((EVIL, 1)), World::address(MASTER), datagram);
            world.run(SECOND * 3);
            let what = format!("{si} {sc} {packet:?} {ticket}");
            assert_eq!(answers(&mut world, WEB1).get(&ticket), Some(&Ok(())), "{what}");
            assert!(texts(&mut world, MASTER).last() == Some(&long), "{what}");
            if (si, sc) != (0, 0) {
                assert_eq!(world.host(WEB1).road.stats().redone, redone, "{what}: nothing was thrown away");
            }
        }
        assert_eq!(texts(&mut world, MASTER).len(), 3);
        assert_eq!(departures(&mut world, MASTER), []);
    }
}
