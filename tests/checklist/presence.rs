//! Alive: its packets lost, late and twice; what is answered to who is not joined or not allowed; and how both ends find back
//! from there by themselves.

use roadstead::sim::World;
use roadstead::transport::Departure;
use roadstead::wire::v0::{PacketKind, TransactKind, read};

use crate::common::{MASTER, MILLI, SECOND, WEB1, can_talk, departures, fleet, pair};
use crate::thief::{left, steal, stop};

fn alives(world: &World, packet: PacketKind) -> usize {
    let is_it = |d: &[u8]| read(d).is_ok_and(|p| (p.head.transact, p.head.packet) == (TransactKind::Alive, packet));
    world.record.iter().filter(|(.., d)| is_it(d)).count()
}

#[test]
fn who_is_there_is_asked_now_and_then() {
    let mut world = pair(1);
    world.is_recording = true;
    world.run(SECOND * 100);
    let (asked, answered) = (alives(&world, PacketKind::Request), alives(&world, PacketKind::Ack));
    assert!((8..=30).contains(&asked), "{asked} questions of two sides in a hundred seconds");
    assert_eq!(asked, answered);
    assert_eq!((departures(&mut world, MASTER), departures(&mut world, WEB1)), (vec![], vec![]));
}

#[test]
fn a_lost_question_or_answer_is_asked_again() {
    for packet in [PacketKind::Request, PacketKind::Ack] {
        for count in [1, 3] {
            let mut world = pair(2);
            steal(&mut world, TransactKind::Alive, packet, count);
            world.run(SECOND * 40);
            assert_eq!(left(), 0);
            assert_eq!((departures(&mut world, MASTER), departures(&mut world, WEB1)), (vec![], vec![]), "{packet:?}");
        }
    }
}

#[test]
fn all_lost_is_a_death_and_it_comes_back() {
    for packet in [PacketKind::Request, PacketKind::Ack] {
        let mut world = pair(3);
        steal(&mut world, TransactKind::Alive, packet, u32::MAX);
        world.run(SECOND * 40);
        let gone = [departures(&mut world, MASTER), departures(&mut world, WEB1)].concat();
        assert!(gone.iter().any(|(_, why)| *why == Departure::Silent), "{gone:?}");
        stop(&mut world);
        assert!(can_talk(&mut world, SECOND * 60));
    }
}

#[test]
fn late_and_double_ones_change_nothing() {
    let mut world = pair(4);
    world.link.duplicate = 1000;
    world.run(SECOND * 60);
    world.link.delay = MILLI * 1500;
    world.run(SECOND * 60);
    world.link.delay = MILLI;
    assert_eq!((departures(&mut world, MASTER), departures(&mut world, WEB1)), (vec![], vec![]));
    assert!(can_talk(&mut world, SECOND * 3));
}

#[test]
fn several_die_and_the_others_stay() {
    let mut world = fleet(5, 3);
    world.host(1).is_down = true;
    world.host(3).is_down = true;
    world.run(SECOND * 40);
    let mut gone: Vec<String> = departures(&mut world, MASTER).into_iter().map(|(name, _)| name).collect();
    gone.sort();
    assert_eq!(gone, ["web1", "web3"]);
    assert!(crate::common::is_present(&mut world, 2, "master") || departures(&mut world, 2).is_empty());
}

#[test]
fn from_unallowed_and_unjoined_the_chain_leads_back() {
    // The master's process ends: with its disk it is joined and not allowed, without it not even joined; the same of the
    // minion, and of both at once.
    for (who, forgets) in [
        (vec![MASTER], false),
        (vec![MASTER], true),
        (vec![WEB1], false),
        (vec![WEB1], true),
        (vec![MASTER, WEB1], false),
        (vec![MASTER, WEB1], true),
    ] {
        let mut world = pair(6);
        world.is_recording = true;
        for n in &who {
            world.restart(*n, forgets);
        }
        assert!(can_talk(&mut world, SECOND * 60), "{who:?}, forgets: {forgets}");
    }
}

#[test]
fn a_question_to_who_forgot_us_is_answered_so() {
    for (forgets, told) in [(false, PacketKind::Unallowed), (true, PacketKind::Nack)] {
        let mut world = pair(7);
        world.is_recording = true;
        // The minion's own restart does not speak before the old question arrives.
        world.run(SECOND * 20);
        let is_question = |(_, from, _, d): &&(_, _, _, Vec<u8>)| {
            *from == World::address(WEB1)
                && read(d).is_ok_and(|p| (p.head.transact, p.head.packet) == (TransactKind::Alive, PacketKind::Request))
        };
        let (_, from, to, question) = world.record.iter().rev().find(is_question).cloned().unwrap();
        world.restart(MASTER, forgets);
        world.record.clear();
        world.inject(from, to, question);
        world.run(MILLI);
        let answers: Vec<PacketKind> = world
            .record
            .iter()
            .filter(|(_, from, ..)| *from == World::address(MASTER))
            .filter_map(|(.., d)| read(d).ok())
            .filter(|p| p.head.correspondent && p.head.transact == TransactKind::Alive)
            .map(|p| p.head.packet)
            .collect();
        // Who is not in the table cannot be told apart from a stranger: silence.
        assert_eq!(answers, if forgets { vec![] } else { vec![told] });
        assert!(can_talk(&mut world, SECOND * 60));
    }
}
