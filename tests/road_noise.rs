//! Broken datagrams, one at a time and in floods: no panic, no harm, no growth.

#![cfg(test)]

mod common;

use std::net::SocketAddr;

use common::*;
use roadstead::base::Random;
use roadstead::road::Output;
use roadstead::sim::World;
use roadstead::wire::v0::{self, CoatKind, FootKind, Head, PacketKind, TransactKind};

/// Changes a datagram in one of several ways, keeping it likely to be read.
fn mutate(random: &mut Random, datagram: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = datagram.to_vec();
    let len = bytes.len() as u64;
    match random.below(8) {
        0 => bytes.truncate(random.below(len) as usize),
        1 => bytes.extend(random.bytes::<7>()),
        2 => bytes[random.below(len) as usize] ^= 1 << random.below(8),
        3 => bytes[random.below(len) as usize] = random.number() as u8,
        4 => {
            let at = random.below(len) as usize;
            bytes.splice(at..at, other.iter().copied().take(random.below(40) as usize));
        }
        5 => {
            let at = random.below(len.min(other.len() as u64)) as usize;
            bytes.truncate(at);
            bytes.extend_from_slice(&other[at..]);
        }
        6 => {
            // A hex digit of the head becomes another one.
            let head = bytes.windows(2).position(|w| w == b"\n\n").unwrap_or(0);
            if head > 0 {
                let at = random.below(head as u64) as usize;
                if bytes[at].is_ascii_hexdigit() {
                    bytes[at] = b"0123456789abcdef"[random.below(16) as usize];
                }
            }
        }
        _ => {
            bytes.remove(random.below(len) as usize);
        }
    }
    bytes
}

#[test]
fn mutations_of_real_packets() {
    seeds(0..10, |seed| {
        let mut world = strangers(seed);
        world.is_recording = true;
        assert!(world.run_until(SECOND * 5, both_present));
        send(&mut world, MASTER, 1, "web1", &text(5000, 1));
        send(&mut world, WEB1, 1, "master", &text(5000, 1));
        world.run(SECOND * 20);
        let record = std::mem::take(&mut world.record);
        world.is_recording = false;
        forget(&mut world);
        let mut random = Random::from_number(seed);
        for _ in 0..2000 {
            let pick = |random: &mut Random| &record[random.below(record.len() as u64) as usize];
            let (_, from, to, datagram) = pick(&mut random);
            let (.., other) = pick(&mut random);
            let bytes = mutate(&mut random, datagram, other);
            let from = if random.below(2) == 0 { *from } else { World::address(77) };
            world.inject(from, *to, bytes);
            world.run(MILLI);
        }
        world.run(SECOND * 20);
        assert_eq!(texts(&mut world, MASTER).len() + texts(&mut world, WEB1).len(), 0);
        assert_eq!(departures(&mut world, MASTER), []);
        assert_eq!(departures(&mut world, WEB1), []);
        assert!(can_talk(&mut world, SECOND * 2));
    });
}

#[test]
fn junk() {
    let mut world = pair(1);
    let mut random = Random::from_number(1);
    for round in 0..20_000u32 {
        let mut bytes = random.bytes::<96>().to_vec();
        bytes.truncate(random.below(97) as usize);
        match round % 4 {
            0 => bytes.splice(0..0, *b"ri RAET\n").count(),
            1 => bytes.splice(0..0, *b"ri RAET\npl 0050\nhl 20\nfg 00\n\n").count(),
            2 => bytes.splice(0..0, *b"{\"ri\":\"RAET\",").count(),
            _ => 0,
        };
        let from = SocketAddr::from(([198, 51, 100, round as u8], round as u16));
        let now = world.now;
        world.host(MASTER).road.handle_datagram(now, from, &mut bytes);
    }
    let mut notes = 0;
    while let Some(output) = world.host(MASTER).road.poll_output() {
        assert!(matches!(output, Output::Note(_)), "{output:?}");
        notes += 1;
    }
    assert!(notes <= 12, "a few words to the operator of each kind: {notes}");
    assert!(world.host(MASTER).road.poll_timeout().is_none_or(|time| time > world.now), "and says nothing to it");
    assert!(can_talk(&mut world, SECOND));
    // Huge and empty ones too.
    for len in [0, 1, 2049, 65_535] {
        world.inject(World::address(77), World::address(MASTER), vec![b'r'; len]);
    }
    assert!(can_talk(&mut world, SECOND));
}

/// An accepted estate that misbehaves: it has the keys, so it can sign and seal what it likes.
struct Rogue {
    sign: roadstead::nacl::SigningKey,
    si: u32,
}

impl Rogue {
    fn send(&self, world: &mut World, head: Head, coat: &[u8]) {
        let head = Head { se: 2, de: 2, si: self.si, foot: FootKind::Nacl, ..head };
        let mut out = Vec::new();
        v0::write(&head, coat, Some(&self.sign), &mut out);
        let now = world.now;
        world.host(MASTER).road.handle_datagram(now, World::address(WEB1), &mut out);
    }
}

fn rogue(seed: u64) -> (World, Rogue) {
    let keys = roadstead::keep::OwnKeys::generate(&mut Random::from_number(seed));
    let mut world = World::new(seed);
    world.add(master());
    world.add_with(minion("web1"), keys.clone(), Default::default());
    assert!(world.run_until(SECOND * 5, both_present));
    world.run(SECOND);
    forget(&mut world);
    let si = world.host(WEB1).disk.remotes[0].sid;
    world.host(WEB1).is_cut = true;
    (world, Rogue { sign: keys.sign, si })
}

#[test]
fn an_estate_that_starts_messages_and_ends_none() {
    use roadstead::base::limits::INBOX_MESSAGES;
    let (mut world, rogue) = rogue(1);
    let message = Head { packet: PacketKind::Message, coat: CoatKind::Nacl, segment: true, ..Head::default() };
    for ti in 100..2000 {
        // Claims as much as a message may have.
        let head = Head { ti, sn: 1, sc: 60_000, ml: 50_000_000, ..message };
        rogue.send(&mut world, head, &[0; 800]);
    }
    let full = world.host(MASTER).road.stats().drops.get(&roadstead::road::stats::Drop::Full).copied();
    assert_eq!(full, Some(1900 - INBOX_MESSAGES as u64));
    // What nothing more arrives of is given up, and then there is room again.
    world.run(SECOND * 70);
    rogue.send(&mut world, Head { ti: 3000, sn: 0, sc: 2, ml: 1000, ..message }, &[0; 800]);
    let full_after = world.host(MASTER).road.stats().drops.get(&roadstead::road::stats::Drop::Full).copied();
    assert_eq!(full_after, full);
}

#[test]
fn an_estate_that_says_impossible_things() {
    let (mut world, rogue) = rogue(2);
    let mut random = Random::from_number(2);
    for round in 0..20_000 {
        let transact = [TransactKind::Message, TransactKind::Allow, TransactKind::Alive][random.below(3) as usize];
        let packet = PacketKind::from_number(random.below(16) as u32).unwrap();
        let small = |random: &mut Random| random.below(6) as u32;
        let any =
            |random: &mut Random| if random.below(4) == 0 { random.number() as u32 } else { random.below(9) as u32 };
        let head = Head {
            transact,
            packet,
            ti: any(&mut random),
            sn: any(&mut random),
            sc: small(&mut random) + 6,
            ml: any(&mut random),
            correspondent: random.below(2) == 0,
            wait: random.below(2) == 0,
            again: random.below(4) == 0,
            segment: random.below(2) == 0,
            coat: if random.below(3) == 0 { CoatKind::Nada } else { CoatKind::Nacl },
            ..Head::default()
        };
        let coat = random.bytes::<200>();
        let head = if packet == PacketKind::Message { Head { sn: head.sn % head.sc, ..head } } else { head };
        rogue.send(&mut world, head, &coat[..random.below(201) as usize]);
        if round % 100 == 0 {
            let _ = world.send(MASTER, round, "web1", message("x"));
            world.run(MILLI * 10);
        }
    }
    assert!(texts(&mut world, MASTER).is_empty(), "nothing of it opens");
    // When it behaves again, so does everything.
    world.host(WEB1).is_cut = false;
    assert!(can_talk(&mut world, SECOND * 120));
}
