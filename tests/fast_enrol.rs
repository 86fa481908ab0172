//! Enrolment at first contact: a token lets a stranger in and proves the one it dials, and nothing else is changed by it.

#![cfg(test)]

mod common;

use common::{MASTER, SECOND, WEB1, both_present, name, seeds};
use roadstead::base::{Acceptance, Random, Wall};
use roadstead::keep::Token;
use roadstead::road::{Config, Enrolment, Trust};
use roadstead::sim::{Link, World, fast};
use roadstead::transport::{Event, Refusal};

fn token(seed: u64) -> Token {
    Token::generate(&mut Random::from_number(seed), None, None)
}

/// A master that nobody has told anything, and a minion with this token.
fn strangers(seed: u64, token: &Token) -> World {
    let mut world = World::new(seed);
    world.add(Config { main: true, ..fast("master") });
    let mut config = Config { kind: 1, dial: vec![World::address(MASTER)], ..fast("web1") };
    config.fast.enrolment = Some(Enrolment { token: token.clone(), proves: true });
    world.add(config);
    world
}

fn tell(world: &mut World, tokens: Vec<Token>) {
    let now = world.now;
    world.host(MASTER).road.set_tokens(now, tokens);
}

fn standing(world: &mut World, host: usize, role: &str) -> Option<Acceptance> {
    world.host(host).road.roll().find(&name(role)).map(|(_, acceptance)| acceptance)
}

#[test]
fn both_are_accepted_over_any_link() {
    seeds(0..20, |seed| {
        let mut world = strangers(seed, &token(1));
        world.link = Link { loss_ppm: 200_000, delay: SECOND / 50, ..Link::default() };
        tell(&mut world, vec![token(2), token(1)]);
        assert!(world.run_until(SECOND * 20, both_present), "seed {seed}");
        assert_eq!(standing(&mut world, MASTER, "web1"), Some(Acceptance::Accepted));
        assert_eq!(standing(&mut world, WEB1, "master"), Some(Acceptance::Accepted));
    });
}

#[test]
fn whoever_waits_is_called_when_its_token_is_made() {
    let mut world = strangers(1, &token(1));
    world.run(SECOND * 5);
    assert_eq!(standing(&mut world, MASTER, "web1"), Some(Acceptance::Pending));
    assert_eq!(standing(&mut world, WEB1, "master"), None, "nothing was proved yet");
    tell(&mut world, vec![token(1)]);
    assert!(world.run_until(SECOND / 10, both_present), "called, not polled");
}

#[test]
fn a_token_for_another_or_expired_or_false_is_none() {
    let other = Token { role: Some(name("web2")), ..token(1) };
    let expired = Token { until: Some(0), ..token(1) };
    let forged = Token { secret: token(2).secret.clone(), ..token(1) };
    for wrong in [other, expired, forged] {
        let mut world = strangers(1, &token(1));
        let now = world.now;
        world.host(MASTER).road.set_wall(now, Wall(10_000_000));
        tell(&mut world, vec![wrong]);
        world.run(SECOND * 5);
        assert_eq!(standing(&mut world, MASTER, "web1"), Some(Acceptance::Pending));
        assert!(world.host(MASTER).road.sessions().is_empty());
        let pending = |event: &Event| matches!(event, Event::Refused { why: Refusal::Pending, .. });
        assert!(world.host(WEB1).events.iter().any(pending), "the minion is told");
    }
}

#[test]
fn a_master_that_accepts_without_the_token_is_not_taken() {
    let mut world = strangers(1, &token(1));
    world.run(SECOND * 2);
    world.admit(MASTER, "web1", Some(Acceptance::Accepted));
    world.run(SECOND * 30);
    assert_eq!(standing(&mut world, WEB1, "master"), None);
    assert!(world.host(WEB1).road.sessions().is_empty());
    // Told of it late, it is.
    tell(&mut world, vec![token(1)]);
    assert!(world.run_until(SECOND * 3700, both_present));
}

#[test]
fn what_an_operator_decided_stands() {
    let mut world = strangers(1, &token(1));
    world.run(SECOND * 2);
    world.admit(MASTER, "web1", Some(Acceptance::Rejected));
    tell(&mut world, vec![token(1)]);
    world.run(SECOND * 60);
    assert_eq!(standing(&mut world, MASTER, "web1"), Some(Acceptance::Rejected));
    assert!(world.host(MASTER).road.sessions().is_empty());
}

#[test]
fn a_squatter_under_the_name_does_not_keep_the_holder_out() {
    let mut world = strangers(1, &token(1));
    let config = Config { kind: 1, dial: vec![World::address(MASTER)], trust: Trust::Once, ..fast("web1") };
    let squatter = world.add(config);
    world.host(WEB1).is_cut = true;
    assert!(world.run_until(SECOND * 5, |world| standing(world, MASTER, "web1") == Some(Acceptance::Pending)));
    let theirs = world.host(MASTER).road.roll().find(&name("web1")).unwrap().0.clone();
    tell(&mut world, vec![token(1)]);
    world.host(WEB1).is_cut = false;
    world.host(squatter).is_cut = true;
    assert!(world.run_until(SECOND * 30, both_present));
    let now_there = world.host(MASTER).road.roll().find(&name("web1")).unwrap().0.clone();
    assert!(!now_there.same_keys(&theirs), "the one that proved the token");
}

#[test]
fn who_has_a_master_takes_no_other_by_a_token() {
    let mut world = strangers(1, &token(1));
    tell(&mut world, vec![token(1)]);
    assert!(world.run_until(SECOND * 5, both_present));
    // Somebody else who holds the token, in the master's place.
    let thief = world.add(Config { main: true, trust: Trust::Once, ..fast("thief") });
    let now = world.now;
    world.host(thief).road.set_tokens(now, vec![token(1)]);
    let place = world.host(MASTER).address;
    world.host(MASTER).is_cut = true;
    world.host(MASTER).address = World::address(9);
    world.host(thief).address = place;
    world.run(SECOND * 300);
    assert_ne!(standing(&mut world, WEB1, "thief"), Some(Acceptance::Accepted));
}
