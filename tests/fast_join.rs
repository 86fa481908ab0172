//! Estates of the fast wire find each other: pending, accepted, rejected, restarted, over bad links.

#![cfg(test)]

mod common;

use std::time::Duration;

use common::{MASTER, MILLI, SECOND, WEB1, both_present, forget, is_present, name, seeds};
use roadstead::base::Acceptance;
use roadstead::road::{Config, Trust};
use roadstead::sim::{Link, World, fast};
use roadstead::transport::{Event, Refusal};

fn master() -> Config {
    Config { main: true, ..fast("master") }
}

fn minion(name: &str) -> Config {
    Config { kind: 1, dial: vec![World::address(MASTER)], ..fast(name) }
}

fn strangers(seed: u64, trust: Trust) -> World {
    let mut world = World::new(seed);
    world.add(Config { trust, ..master() });
    world.add(Config { trust, ..minion("web1") });
    world
}

#[test]
fn trust_once_joins_in_a_few_round_trips() {
    seeds(0..20, |seed| {
        let mut world = strangers(seed, Trust::Once);
        world.link = Link { delay: MILLI * 10, ..Link::default() };
        assert!(world.run_until(SECOND, both_present));
        assert_eq!(world.host(MASTER).road.sessions().len(), 1);
        assert!(world.host(WEB1).disk.fast.contains(&name("master")));
    });
}

#[test]
fn a_stranger_waits_for_both_operators_and_is_called_at_once() {
    seeds(0..10, |seed| {
        let mut world = strangers(seed, Trust::Never);
        world.run(SECOND * 2);
        assert!(
            world.host(WEB1).events.iter().any(|e| matches!(e, Event::Knock { role, .. } if *role == name("master")))
        );
        assert!(world.host(MASTER).events.is_empty(), "the minion has not shown itself yet");
        world.admit(WEB1, "master", Some(Acceptance::Accepted));
        world.run(SECOND * 2);
        assert!(
            world.host(MASTER).events.iter().any(|e| matches!(e, Event::Knock { role, .. } if *role == name("web1")))
        );
        let pending = |e: &Event| matches!(e, Event::Refused { why: Refusal::Pending, .. });
        assert!(world.host(WEB1).events.iter().any(pending));
        world.run(SECOND * 20);
        world.admit(MASTER, "web1", Some(Acceptance::Accepted));
        assert!(world.run_until(SECOND / 10, both_present), "called, not polled");
    });
}

#[test]
fn a_rejected_estate_leaves_at_once_and_comes_back_when_accepted() {
    let mut world = strangers(1, Trust::Once);
    assert!(world.run_until(SECOND, both_present));
    forget(&mut world);
    world.admit(MASTER, "web1", Some(Acceptance::Rejected));
    world.run(MILLI * 100);
    let left = |e: &Event| matches!(e, Event::Left { .. });
    assert!(world.host(MASTER).events.iter().any(left) && world.host(WEB1).events.iter().any(left));
    world.run(SECOND * 60);
    assert!(!is_present(&mut world, MASTER, "web1"));
    world.admit(MASTER, "web1", Some(Acceptance::Accepted));
    assert!(world.run_until(SECOND / 2, both_present));
}

#[test]
fn a_restart_of_either_side_is_noticed() {
    seeds(0..10, |seed| {
        for who in [MASTER, WEB1] {
            let mut world = strangers(seed, Trust::Once);
            assert!(world.run_until(SECOND, both_present));
            world.run(SECOND * 30);
            forget(&mut world);
            world.restart(who, false);
            // A minion is restarted and says so; a master's loss is found out by the next sign of life.
            assert!(world.run_until(SECOND * 40, both_present), "restart of {who}");
        }
    });
}

#[test]
fn joins_through_loss() {
    for (loss, most) in [(0, 1), (100, 4), (300, 20)] {
        let mut worst = Duration::ZERO;
        seeds(0..40, |seed| {
            let mut world = strangers(seed, Trust::Once);
            world.link = Link { delay: MILLI * 25, loss, ..Link::default() };
            let start = world.now;
            assert!(world.run_until(SECOND * 60, both_present), "loss {loss}");
            worst = worst.max(world.now.since(start));
        });
        assert!(worst <= SECOND * most, "{loss}: {worst:?}");
    }
}
