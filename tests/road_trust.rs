//! What becomes of a presented key: the whole table of wire v0 §6.

#![cfg(test)]

mod common;

use Acceptance::{Accepted, Pending, Rejected};
use common::*;
use roadstead::base::{Acceptance, Random, limits};
use roadstead::keep::OwnKeys;
use roadstead::road::{Config, Memory, Trust};
use roadstead::sim::World;
use roadstead::transport::{Event, Refusal};

/// Stored standing, whether the keys are equal, and the verdict under never, once and always.
const TABLE: [(Option<Acceptance>, bool, [Acceptance; 3]); 7] = [
    (None, true, [Pending, Accepted, Accepted]),
    (Some(Pending), true, [Pending, Accepted, Accepted]),
    (Some(Pending), false, [Rejected, Rejected, Accepted]),
    (Some(Accepted), true, [Accepted, Accepted, Accepted]),
    (Some(Accepted), false, [Rejected, Rejected, Accepted]),
    (Some(Rejected), true, [Rejected, Rejected, Accepted]),
    (Some(Rejected), false, [Rejected, Rejected, Accepted]),
];

fn each_row(mut test: impl FnMut(Trust, Option<Acceptance>, bool, Acceptance)) {
    for (stored, is_equal, verdicts) in TABLE {
        for (trust, verdict) in [Trust::Never, Trust::Once, Trust::Always].into_iter().zip(verdicts) {
            eprintln!("{stored:?}, keys equal: {is_equal}, {trust:?}: {verdict:?}");
            test(trust, stored, is_equal, verdict);
        }
    }
}

/// A disk that holds this standing for the key itself or for another one of its role.
fn disk(presented: &OwnKeys, role: &str, stored: Option<Acceptance>, is_equal: bool) -> Memory {
    let other = OwnKeys::generate(&mut Random::from_number(77));
    let mut disk = Memory::default();
    if let Some(stored) = stored {
        disk.roll.set(if is_equal { presented } else { &other }.public(name(role)), stored);
    }
    disk
}

#[test]
fn on_the_answering_side() {
    each_row(|trust, stored, is_equal, verdict| {
        let keys = [1, 2].map(|n| OwnKeys::generate(&mut Random::from_number(n)));
        let disk = disk(&keys[1], "web1", stored, is_equal);
        let before = disk.roll.find(&name("web1")).map(|(key, standing)| (key.clone(), standing));
        let mut world = World::new(1);
        world.add_with(Config { trust, ..master() }, keys[0].clone(), disk);
        world.add_with(minion("web1"), keys[1].clone(), Memory::default());
        world.run(SECOND * 5);
        assert_eq!(is_present(&mut world, MASTER, "web1"), verdict == Accepted);
        let refusal = match verdict {
            Accepted => None,
            Pending => Some(Refusal::Pending),
            Rejected => Some(Refusal::Rejected),
        };
        assert_eq!(refusals(&mut world, WEB1).first().copied(), refusal);
        // A computed "rejected" is not written over what is stored; anything else is.
        let after = world.host(MASTER).road.roll().find(&name("web1")).map(|(key, standing)| (key.clone(), standing));
        match verdict {
            Rejected => assert_eq!(after, before),
            _ => assert_eq!(after, Some((keys[1].public(name("web1")), verdict))),
        }
        let on_disk = world.host(MASTER).disk.roll.find(&name("web1")).map(|(key, standing)| (key.clone(), standing));
        assert_eq!(on_disk, after);
        let clashes = count(&mut world, MASTER, |e| matches!(e, Event::Clash { .. }));
        let is_clash = !is_equal && verdict == Rejected && stored != Some(Rejected);
        assert_eq!(clashes, usize::from(is_clash));
    });
}

#[test]
fn on_the_asking_side() {
    each_row(|trust, stored, is_equal, verdict| {
        let keys = [1, 2].map(|n| OwnKeys::generate(&mut Random::from_number(n)));
        let disk = disk(&keys[0], "master", stored, is_equal);
        let before = disk.roll.find(&name("master")).map(|(key, standing)| (key.clone(), standing));
        let mut world = World::new(1);
        world.add_with(master(), keys[0].clone(), Memory::default());
        world.add_with(Config { trust, ..minion("web1") }, keys[1].clone(), disk);
        world.run(SECOND * 5);
        assert_eq!(is_present(&mut world, WEB1, "master"), verdict == Accepted);
        let after = world.host(WEB1).road.roll().find(&name("master")).map(|(key, standing)| (key.clone(), standing));
        match verdict {
            Rejected => assert_eq!(after, before),
            _ => assert_eq!(after, Some((keys[0].public(name("master")), verdict))),
        }
        let clashes = count(&mut world, WEB1, |e| matches!(e, Event::Clash { .. }));
        let is_clash = !is_equal && verdict == Rejected && stored != Some(Rejected);
        assert_eq!(clashes, usize::from(is_clash));
    });
}

#[test]
fn the_roll_has_an_end_whoever_decides() {
    let keys = OwnKeys::generate(&mut Random::from_number(1));
    for trust in [Trust::Never, Trust::Once, Trust::Always] {
        let mut disk = Memory::default();
        for n in 0..limits::ESTATES {
            // All decided: not one of them is pending.
            disk.roll.set(keys.public(name(&format!("old{n}"))), Accepted);
        }
        let mut world = World::new(1);
        world.add_with(Config { trust, ..master() }, keys.clone(), disk);
        world.add(minion("web1"));
        world.run(SECOND * 5);
        assert!(!has_knocked(&mut world, MASTER, "web1"), "{trust:?}");
        assert_eq!(world.host(MASTER).road.roll().iter().count(), limits::ESTATES, "{trust:?}");
        assert!(!is_present(&mut world, MASTER, "web1"), "{trust:?}");
    }
}
