//! Join packets that are lost, late or come twice: a lost first one is sent again, all lost is tried for ever, the rest
//! changes nothing.

use roadstead::wire::v0::{PacketKind, TransactKind, read};

use crate::common::{MILLI, SECOND, WEB1, both_present, can_talk, strangers};
use crate::thief::{left, steal, stop};

const KINDS: [PacketKind; 3] = [PacketKind::Request, PacketKind::Response, PacketKind::Ack];

#[test]
fn the_first_is_dropped() {
    for kind in KINDS {
        let mut world = strangers(1);
        steal(&mut world, TransactKind::Join, kind, 1);
        assert!(world.run_until(SECOND * 8, both_present), "{kind:?}");
        assert_eq!(left(), 0);
        assert!(can_talk(&mut world, SECOND * 3), "{kind:?}");
    }
}

#[test]
fn all_are_dropped_and_then_none() {
    for kind in KINDS {
        let mut world = strangers(2);
        steal(&mut world, TransactKind::Join, kind, u32::MAX);
        world.run(SECOND * 60);
        // The acknowledgement alone is not needed: the handshake that follows says as much.
        assert_eq!(both_present(&mut world), kind == PacketKind::Ack, "{kind:?}");
        stop(&mut world);
        assert!(world.run_until(SECOND * 20, both_present), "{kind:?}: it is tried for ever");
        assert!(can_talk(&mut world, SECOND * 3), "{kind:?}");
    }
}

#[test]
fn they_are_delayed() {
    // Past the first redo, and past several: late ones find their transaction over or answered.
    for delay in [300, 1500, 2500] {
        let mut world = strangers(3);
        world.link.delay = MILLI * delay;
        world.run(SECOND * 20);
        world.link.delay = MILLI;
        assert!(world.run_until(SECOND * 40, both_present), "{delay} ms");
        assert!(can_talk(&mut world, SECOND * 20), "{delay} ms");
    }
}

#[test]
fn they_come_twice() {
    let mut world = strangers(4);
    world.link.duplicate = 1000;
    assert!(world.run_until(SECOND * 5, both_present));
    assert!(can_talk(&mut world, SECOND * 3));
    assert_eq!(world.hosts[0].disk.remotes.len(), 1, "one estate");
}

#[test]
fn a_second_join_while_one_is_on_its_way_is_the_same() {
    // The answer waits for its acknowledgement, and the request comes again, and another one.
    let mut world = strangers(5);
    world.is_recording = true;
    steal(&mut world, TransactKind::Join, PacketKind::Response, u32::MAX);
    world.run(SECOND * 3);
    let is_request = |d: &[u8]| read(d).is_ok_and(|p| p.head.packet == PacketKind::Request);
    let requests: Vec<_> = world.record.iter().filter(|(.., d)| is_request(d)).cloned().collect();
    for (_, from, to, datagram) in requests {
        world.inject(from, to, datagram);
    }
    stop(&mut world);
    assert!(world.run_until(SECOND * 8, both_present));
    assert_eq!(world.hosts[0].disk.remotes.len(), 1);
}

#[test]
fn a_process_that_ends_anywhere_in_it_joins_again() {
    // After each packet of join and handshake: the joiner's process, then the joinent's, with and without its disk.
    let mut whole = strangers(6);
    whole.is_recording = true;
    assert!(whole.run_until(SECOND * 5, both_present));
    for n in [0, WEB1] {
        for forgets in [false, true] {
            for after in 0..=whole.record.len() {
                let mut world = strangers(6);
                world.is_recording = true;
                world.run_until(SECOND * 5, |world| world.record.len() >= after);
                world.restart(n, forgets);
                crate::common::forget(&mut world);
                let is_there = |world: &mut roadstead::sim::World| can_talk(world, SECOND);
                let mut left = 120;
                while !is_there(&mut world) {
                    left -= 1;
                    assert!(left > 0, "host {n} ended after packet {after}, forgets: {forgets}");
                }
            }
        }
    }
}
