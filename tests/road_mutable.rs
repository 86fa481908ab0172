//! What a known estate may change about itself without an operator's word (wire v0 §4.2).

#![cfg(test)]

mod common;

use common::*;
use roadstead::base::Random;
use roadstead::keep::{LocalRecord, OwnKeys};
use roadstead::road::{Config, Memory, Mutable, Trust};
use roadstead::sim::World;
use roadstead::transport::{Departure, Refusal};

/// A master with this setting and `web1`, joined; then `web1` stops and comes back as `changed` with the same keys,
/// from host 2. Returns the world some time later.
fn comes_back_as(mutable: Mutable, mut changed: Config, is_moved: bool) -> World {
    let keys = OwnKeys::generate(&mut Random::from_number(3));
    let mut world = World::new(1);
    world.add(Config { mutable, ..master() });
    world.add_with(minion("web1"), keys.clone(), Memory::default());
    assert!(world.run_until(SECOND * 5, both_present));
    world.run(SECOND);
    forget(&mut world);
    world.host(WEB1).is_down = true;
    let old = world.host(WEB1).address;
    changed.role = name("web1");
    let new = world.add_with(changed, keys, Memory::default());
    if !is_moved {
        world.host(WEB1).address.set_port(1);
        world.host(new).address = old;
    }
    world.run(SECOND * 40);
    world
}

fn is_let_in(world: &mut World, as_name: &str) -> bool {
    let is_there = is_present(world, MASTER, as_name);
    if !is_there {
        assert!(refusals(world, 2).contains(&Refusal::Rejected), "and is told so");
    }
    is_there
}

const ALL: [Mutable; 3] = [Mutable::Nothing, Mutable::Address, Mutable::Anything];

#[test]
fn unchanged() {
    for mutable in ALL {
        assert!(is_let_in(&mut comes_back_as(mutable, minion("web1"), false), "web1"), "{mutable:?}");
    }
}

#[test]
fn address() {
    for mutable in ALL {
        let is_in = is_let_in(&mut comes_back_as(mutable, minion("web1"), true), "web1");
        assert_eq!(is_in, mutable >= Mutable::Address, "{mutable:?}");
    }
}

#[test]
fn number() {
    for mutable in ALL {
        // Its number for us is another: it dialed somebody else first.
        let mut config = minion("web1");
        config.dial.insert(0, World::address(99));
        let is_in = is_let_in(&mut comes_back_as(mutable, config, false), "web1");
        assert_eq!(is_in, mutable >= Mutable::Address, "{mutable:?}");
    }
}

#[test]
fn kind_and_main() {
    for mutable in ALL {
        let is_in = is_let_in(&mut comes_back_as(mutable, Config { kind: 3, ..minion("web1") }, false), "web1");
        assert_eq!(is_in, mutable == Mutable::Anything, "{mutable:?}");
        let is_in = is_let_in(&mut comes_back_as(mutable, Config { main: true, ..minion("web1") }, false), "web1");
        assert_eq!(is_in, mutable == Mutable::Anything, "{mutable:?}");
    }
}

#[test]
fn a_new_name_of_known_keys_is_another_estate() {
    for mutable in ALL {
        assert!(is_let_in(&mut comes_back_as(mutable, minion("web1b"), true), "web1b"), "{mutable:?}");
    }
}

#[test]
fn the_key_never() {
    for (trust, mutable) in [(Trust::Once, Mutable::Anything), (Trust::Always, Mutable::Address)] {
        let mut world = World::new(1);
        world.add(Config { mutable, trust, ..master() });
        world.add(minion("web1"));
        assert!(world.run_until(SECOND * 5, both_present));
        let thief = world.add(minion("web1"));
        world.run(SECOND * 10);
        assert_eq!(refusals(&mut world, thief), [Refusal::Rejected]);
        assert_eq!(departures(&mut world, MASTER), []);
        assert!(can_talk(&mut world, SECOND));
    }
}

#[test]
fn the_key_where_any_will_do() {
    let mut world = World::new(1);
    world.add(Config { mutable: Mutable::Anything, trust: Trust::Always, ..master() });
    world.add(minion("web1"));
    assert!(world.run_until(SECOND * 5, both_present));
    world.host(WEB1).is_down = true;
    let heir = world.add(minion("web1"));
    assert!(world.run_until(SECOND * 20, |w| is_present(w, heir, "master")));
    assert!(departures(&mut world, MASTER).contains(&("web1".into(), Departure::Renewed)));
    send(&mut world, MASTER, 1, "web1", "to the heir");
    world.run(SECOND);
    assert_eq!(texts(&mut world, heir), ["to the heir"]);
}

#[test]
fn a_joined_estate_changes_its_name_and_kind_only_by_a_handshake() {
    // Somebody says for `web1` that it has another name and kind; its keys are known to everybody.
    let mut world = World::new(1);
    world.add(Config { mutable: Mutable::Anything, ..master() });
    world.add(minion("web1"));
    assert!(world.run_until(SECOND * 5, both_present));
    world.run(SECOND);
    let kind = world.host(MASTER).disk.remotes[0].kind;
    let public = world.host(WEB1).road.own_key();
    let body = roadstead::wire::v0::JoinBody {
        name: name("renamed"),
        mode: 1,
        kind: kind + 1,
        uid: None,
        verify: public.verify,
        public: public.public,
        role: name("web1"),
    };
    let head = roadstead::wire::v0::Head {
        transact: roadstead::wire::v0::TransactKind::Join,
        packet: roadstead::wire::v0::PacketKind::Request,
        se: 7,
        de: 2,
        ti: 9,
        body: roadstead::wire::v0::BodyKind::Msgpack,
        ..Default::default()
    };
    let mut datagram = Vec::new();
    roadstead::wire::v0::write(&head, &body.write(head.body), None, &mut datagram);
    forget(&mut world);
    world.inject(World::address(66), World::address(MASTER), datagram);
    world.run(SECOND * 30);
    send(&mut world, WEB1, 1, "master", "from whom?");
    world.run(SECOND);
    assert_eq!(received(&mut world, MASTER), [("web1".into(), "from whom?".into())]);
    assert_eq!(departures(&mut world, MASTER), []);
    assert_eq!(world.host(MASTER).disk.remotes[0].kind, kind);
    assert!(can_talk(&mut world, SECOND));
}

#[test]
fn numbers_are_not_given_out_twice() {
    let mut world = pair(1);
    let LocalRecord { puid } = world.host(MASTER).disk.local;
    assert!(world.host(MASTER).disk.remotes[0].nuid <= puid);
    world.restart(MASTER, false);
    world.add(minion("web2"));
    assert!(world.run_until(SECOND * 20, |w| is_present(w, 2, "master")));
    let LocalRecord { puid: after } = world.host(MASTER).disk.local;
    let web2 = world.host(MASTER).disk.remotes.iter().find(|r| r.name.as_str() == "web2").map(|r| r.nuid).unwrap();
    assert!(puid < web2 && web2 <= after, "above all that may have been given out before");
}
