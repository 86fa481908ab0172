//! Messages arrive whole and once, and every ticket is answered once, whatever the link does to datagrams.

#![cfg(test)]

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use common::*;
use roadstead::sim::{Link, World};
use roadstead::wire::v0::{self, Head, JoinBody, PacketKind, TransactKind};

/// Sends `sizes` both ways at once and waits until all are confirmed; returns how long it took.
fn exchange(world: &mut World, sizes: &[usize], time: Duration) -> Duration {
    let start = world.now;
    let sent: BTreeMap<u64, String> =
        sizes.iter().enumerate().map(|(i, size)| (i as u64, text(*size, i as u64))).collect();
    for (ticket, text) in &sent {
        send(world, MASTER, *ticket, "web1", text);
        send(world, WEB1, *ticket, "master", text);
    }
    let is_done = |world: &mut World| [MASTER, WEB1].iter().all(|n| answers(world, *n).len() == sizes.len());
    assert!(world.run_until(time, is_done), "not answered: {:?} {:?}", answers(world, MASTER), answers(world, WEB1));
    let took = world.now - start;
    // Late duplicates must not be delivered again.
    world.run(SECOND * 5);
    for n in [MASTER, WEB1] {
        assert!(answers(world, n).values().all(Result::is_ok), "{:?}", answers(world, n));
        let mut got = texts(world, n);
        let mut want: Vec<String> = sent.values().cloned().collect();
        got.sort();
        want.sort();
        assert!(
            got == want,
            "host {n} has {} texts of {} bytes",
            got.len(),
            got.iter().map(String::len).sum::<usize>()
        );
        assert_eq!(departures(world, n), [], "nobody leaves");
    }
    took
}

#[test]
fn a_perfect_link() {
    let mut world = pair(1);
    exchange(&mut world, &[1, 1000, 100_000, 1_000_000], SECOND * 10);
    let stats = world.host(MASTER).road.stats().clone();
    assert_eq!(stats.redone, 0, "nothing is sent twice where nothing is lost");
}

#[test]
fn five_megabytes() {
    let mut world = pair(2);
    world.link = lossy(10);
    let long = text(5_000_000, 2);
    send(&mut world, WEB1, 1, "master", &long);
    assert!(world.run_until(SECOND * 120, |world| delivered(world, WEB1) == [1]));
    assert!(texts(&mut world, MASTER) == [long]);
}

#[test]
fn loss() {
    for (loss, time) in [(50, 60), (200, 120), (400, 400)] {
        seeds(0..3, |seed| {
            let mut world = pair(seed);
            world.link = lossy(loss);
            exchange(&mut world, &[1, 1000, 100_000, 1, 1000], SECOND * time);
        });
    }
}

#[test]
fn a_megabyte_under_loss() {
    for (loss, time) in [(50, 120), (200, 400)] {
        let mut world = pair(loss);
        world.link = lossy(loss);
        exchange(&mut world, &[1_000_000], SECOND * time);
    }
}

#[test]
fn reorder() {
    seeds(0..5, |seed| {
        let mut world = pair(seed);
        world.link = Link { jitter: MILLI * 80, ..Link::default() };
        exchange(&mut world, &[1, 1000, 100_000, 300_000, 1], SECOND * 60);
    });
}

#[test]
fn duplication() {
    seeds(0..5, |seed| {
        let mut world = pair(seed);
        world.link = Link { duplicate: 500, jitter: MILLI * 20, ..Link::default() };
        exchange(&mut world, &[1, 1000, 100_000, 1, 2, 3], SECOND * 60);
    });
}

#[test]
fn corruption() {
    seeds(0..5, |seed| {
        let mut world = pair(seed);
        world.link = Link { corrupt: 200, ..Link::default() };
        exchange(&mut world, &[1, 1000, 100_000, 1], SECOND * 60);
    });
}

#[test]
fn delay() {
    for delay in [50, 200, 600] {
        let mut world = pair(delay);
        world.link = Link { delay: MILLI * delay as u32, ..Link::default() };
        exchange(&mut world, &[1, 1000, 100_000], SECOND * 120);
    }
}

#[test]
fn everything_at_once() {
    seeds(0..8, |seed| {
        let mut world = pair(seed);
        world.link =
            Link { delay: MILLI * 20, jitter: MILLI * 40, loss: 100, duplicate: 100, corrupt: 50, ..Link::default() };
        exchange(&mut world, &[1, 1000, 100_000, 20_000, 862, 863, 1024, 5], SECOND * 120);
    });
}

#[test]
fn many_at_once() {
    seeds(0..3, |seed| {
        let mut world = pair(seed);
        world.link = lossy(50);
        let sizes: Vec<usize> = (0..500).map(|i| if i % 50 == 0 { 20_000 } else { 10 + i }).collect();
        exchange(&mut world, &sizes, SECOND * 120);
    });
}

#[test]
fn joining_under_loss() {
    seeds(0..20, |seed| {
        let mut world = strangers(seed);
        world.link = lossy(400);
        assert!(world.run_until(SECOND * 90, both_present), "joined at 40 % loss");
        world.link = lossy(50);
        assert!(can_talk(&mut world, SECOND * 60));
    });
}

#[test]
fn a_repeated_join_response_is_answered() {
    let mut world = strangers(1);
    world.is_recording = true;
    assert!(world.run_until(SECOND * 5, both_present));
    let joins = |w: &World, packet| {
        let of = |(_, from, to, d): &(_, SocketAddr, SocketAddr, Vec<u8>)| {
            let head = v0::read(d).unwrap().head;
            let is_it = (head.transact, head.packet) == (TransactKind::Join, packet);
            (is_it && (*from == World::address(WEB1) || head.correspondent)).then(|| (*to, d.clone()))
        };
        w.record.iter().filter_map(of).collect::<Vec<_>>()
    };
    let (_, response) = joins(&world, PacketKind::Response).remove(0);
    let ack = joins(&world, PacketKind::Ack);
    assert_eq!(ack.len(), 1);
    world.record.clear();
    // The acknowledgement was lost: a master that waits for it would refuse every other join.
    world.inject(World::address(MASTER), World::address(WEB1), response.clone());
    world.run(MILLI * 100);
    assert_eq!(joins(&world, PacketKind::Ack), ack, "the same again");
    assert_eq!(joins(&world, PacketKind::Nack), []);
    world.record.clear();

    // Not to anybody else; and whoever waits for a join we do not know is told so.
    world.inject(World::address(66), World::address(WEB1), response.clone());
    let (head, body) = v0::read(&response).map(|p| (p.head, JoinBody::read(p.coat, p.head.body).unwrap())).unwrap();
    let write = |head: Head, body: &JoinBody| {
        let mut datagram = Vec::new();
        v0::write(&head, &body.write(head.body), None, &mut datagram);
        datagram
    };
    let other_number = write(head, &JoinBody { uid: Some(77), ..body.clone() });
    let other_join = write(Head { ti: head.ti + 1000, ..head }, &body);
    for datagram in [other_number, other_join] {
        world.inject(World::address(MASTER), World::address(WEB1), datagram);
    }
    world.run(MILLI * 100);
    assert_eq!(joins(&world, PacketKind::Ack), []);
    let nacks = joins(&world, PacketKind::Nack);
    let said = nacks.iter().map(|(to, d)| (*to, v0::read(d).unwrap().head)).map(|(to, h)| (to, h.ti, h.se, h.de));
    let to = World::address(MASTER);
    assert!(said.eq([(to, head.ti, head.de, 0), (to, head.ti + 1000, head.de, 0)]));
    assert!(can_talk(&mut world, SECOND));
    assert_eq!(departures(&mut world, WEB1), []);
}
