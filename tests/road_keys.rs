//! Key decisions: they wait, come later, cut live sessions, and are never changed by who claims a name.

#![cfg(test)]

mod common;

use common::*;
use roadstead::base::{Acceptance, Random};
use roadstead::keep::OwnKeys;
use roadstead::road::{Config, Memory, Trust};
use roadstead::sim::World;
use roadstead::transport::{Departure, Event, Failure, Refusal};

/// A master that decides by hand and a minion that does not mind whom it serves.
fn by_hand(seed: u64) -> World {
    let mut world = World::new(seed);
    world.add(Config { trust: Trust::Never, ..master() });
    world.add(minion("web1"));
    world
}

fn standings(world: &mut World, n: usize, role: &str) -> Vec<Option<Acceptance>> {
    let of = |event: &Event| match event {
        Event::Standing { role: r, acceptance, .. } if r.as_str() == role => Some(*acceptance),
        _ => None,
    };
    world.host(n).events.iter().filter_map(of).collect()
}

#[test]
fn accepted_after_a_day() {
    let mut world = by_hand(1);
    world.run(SECOND * 86_400);
    assert_eq!(count(&mut world, MASTER, |e| matches!(e, Event::Knock { .. })), 1, "knocks once");
    assert_eq!(refusals(&mut world, WEB1), [Refusal::Pending], "told once");
    assert!(!is_present(&mut world, MASTER, "web1"));
    decide(&mut world, MASTER, "web1", Some(Acceptance::Accepted));
    assert!(world.run_until(SECOND * 3, both_present), "told at once, not when it asks next");
    assert!(can_talk(&mut world, SECOND * 2));
    assert_eq!(standings(&mut world, MASTER, "web1"), [Some(Acceptance::Pending), Some(Acceptance::Accepted)]);
}

#[test]
fn rejected_while_pending_and_accepted_after_all() {
    let mut world = by_hand(2);
    world.run(SECOND * 10);
    decide(&mut world, MASTER, "web1", Some(Acceptance::Rejected));
    assert!(world.run_until(SECOND * 3, |w| refusals(w, WEB1) == [Refusal::Pending, Refusal::Rejected]));
    world.run(SECOND * 300);
    assert!(!is_present(&mut world, MASTER, "web1") && !is_present(&mut world, WEB1, "master"));
    assert_eq!(count(&mut world, MASTER, |e| matches!(e, Event::Knock { .. })), 1, "the rejected do not knock");
    decide(&mut world, MASTER, "web1", Some(Acceptance::Accepted));
    assert!(world.run_until(SECOND * 90, both_present), "the next attempt succeeds");
}

#[test]
fn deleted_while_pending_knocks_again() {
    let mut world = by_hand(3);
    world.run(SECOND * 10);
    decide(&mut world, MASTER, "web1", None);
    world.run(SECOND * 90);
    assert_eq!(count(&mut world, MASTER, |e| matches!(e, Event::Knock { .. })), 2);
    decide(&mut world, MASTER, "web1", Some(Acceptance::Accepted));
    assert!(world.run_until(SECOND * 3, both_present));
}

#[test]
fn a_rejection_cuts_a_live_session() {
    seeds(0..5, |seed| {
        let mut world = pair(seed);
        send(&mut world, MASTER, 1, "web1", &text(200_000, 1));
        send(&mut world, WEB1, 1, "master", &text(200_000, 1));
        world.run(MILLI * 5);
        decide(&mut world, MASTER, "web1", Some(Acceptance::Rejected));
        world.run(MILLI);
        assert_eq!(departures(&mut world, MASTER), [("web1".into(), Departure::Rejected)], "at once");
        assert_eq!(answers(&mut world, MASTER)[&1], Err(Failure::Lost));
        let events = &world.host(MASTER).events;
        let at = |is: fn(&Event) -> bool| events.iter().position(is).unwrap();
        let failed = at(|event| matches!(event, Event::Failed { .. }));
        assert!(at(|event| matches!(event, Event::Left { .. })) < failed, "why it left comes first");
        send(&mut world, MASTER, 2, "web1", "after");
        let before = texts(&mut world, MASTER).len();
        let told = |w: &mut World| departures(w, WEB1).len() == 1 && refusals(w, WEB1).contains(&Refusal::Rejected);
        assert!(world.run_until(SECOND * 20, told), "the peer learns, and why");
        world.run(SECOND * 300);
        assert_eq!(answers(&mut world, MASTER)[&2], Err(Failure::Absent));
        assert!(matches!(answers(&mut world, WEB1)[&1], Err(Failure::Lost | Failure::Refused)));
        assert_eq!(texts(&mut world, MASTER).len(), before, "nothing is taken from it any more");
        assert_eq!(texts(&mut world, WEB1).len(), 0);
        assert!(!is_present(&mut world, WEB1, "master"));
        decide(&mut world, MASTER, "web1", Some(Acceptance::Accepted));
        assert!(world.run_until(SECOND * 90, both_present));
        assert!(can_talk(&mut world, SECOND * 5));
    });
}

#[test]
fn a_deletion_cuts_a_live_session_and_makes_it_knock() {
    let mut world = by_hand(4);
    world.run(SECOND * 2);
    decide(&mut world, MASTER, "web1", Some(Acceptance::Accepted));
    assert!(world.run_until(SECOND * 3, both_present));
    forget(&mut world);
    decide(&mut world, MASTER, "web1", None);
    world.run(MILLI);
    assert_eq!(departures(&mut world, MASTER), [("web1".into(), Departure::Forgotten)]);
    assert!(world.host(MASTER).disk.remotes.is_empty(), "and is off the disk");
    assert!(world.run_until(SECOND * 20, |w| has_knocked(w, MASTER, "web1")));
    assert!(!is_present(&mut world, MASTER, "web1"));
    decide(&mut world, MASTER, "web1", Some(Acceptance::Accepted));
    assert!(world.run_until(SECOND * 5, both_present));
}

#[test]
fn a_minion_that_rejects_its_master() {
    let mut world = pair(5);
    decide(&mut world, WEB1, "master", Some(Acceptance::Rejected));
    world.run(MILLI);
    assert_eq!(departures(&mut world, WEB1), [("master".into(), Departure::Rejected)]);
    world.run(SECOND * 100);
    assert!(!is_present(&mut world, MASTER, "web1"));
    assert!(texts(&mut world, WEB1).is_empty());
    decide(&mut world, WEB1, "master", Some(Acceptance::Accepted));
    assert!(world.run_until(SECOND * 90, both_present));
    assert!(can_talk(&mut world, SECOND * 5));
}

#[test]
fn a_master_whose_key_waits_at_the_minion() {
    let mut world = World::new(6);
    world.add(master());
    world.add(Config { trust: Trust::Never, ..minion("web1") });
    world.run(SECOND * 600);
    assert_eq!(count(&mut world, WEB1, |e| matches!(e, Event::Knock { .. })), 1);
    assert!(!is_present(&mut world, MASTER, "web1"));
    assert_eq!(refusals(&mut world, WEB1), [], "nobody refused us");
    decide(&mut world, WEB1, "master", Some(Acceptance::Accepted));
    assert!(world.run_until(SECOND * 90, both_present));
}

#[test]
fn decisions_about_another_key_change_nothing() {
    let mut world = pair(7);
    let other = OwnKeys::generate(&mut Random::from_number(99)).public(name("web1")).fingerprint();
    for acceptance in [Some(Acceptance::Rejected), None] {
        let admit = roadstead::transport::Command::Admit { role: name("web1"), fingerprint: other, acceptance };
        world.command(MASTER, admit).unwrap();
    }
    world.run(SECOND);
    assert_eq!(departures(&mut world, MASTER), []);
    assert!(can_talk(&mut world, SECOND));
}

#[test]
fn another_key_under_a_known_name_is_refused_and_said() {
    let mut world = pair(8);
    let known = world.host(MASTER).road.roll().find(&name("web1")).unwrap().0.clone();
    let thief = world.add(minion("web1"));
    world.run(SECOND * 10);
    let presented = world.host(thief).road.own_key().fingerprint();
    let clash = Event::Clash { role: name("web1"), known: known.fingerprint(), presented };
    assert!(world.host(MASTER).events.contains(&clash));
    assert_eq!(refusals(&mut world, thief), [Refusal::Rejected]);
    assert_eq!(departures(&mut world, MASTER), [], "the real one stays");
    assert_eq!(world.host(MASTER).road.roll().find(&name("web1")).unwrap().0, &known);
    send(&mut world, MASTER, 1, "web1", "for the real one");
    world.run(SECOND);
    assert_eq!(texts(&mut world, WEB1), ["for the real one"]);
    assert!(texts(&mut world, thief).is_empty());
}

#[test]
fn another_key_under_a_pending_name_is_refused_and_said() {
    let mut world = by_hand(9);
    world.run(SECOND * 5);
    let first = world.host(WEB1).road.own_key();
    let second = world.add(minion("web1"));
    world.run(SECOND * 5);
    assert_eq!(count(&mut world, MASTER, |e| matches!(e, Event::Clash { .. })), 1);
    assert_eq!(refusals(&mut world, second), [Refusal::Rejected]);
    decide(&mut world, MASTER, "web1", Some(Acceptance::Accepted));
    world.run(SECOND * 5);
    assert!(both_present(&mut world));
    assert_eq!(world.host(MASTER).road.roll().find(&name("web1")).unwrap().0, &first);
}

#[test]
fn a_minion_that_knows_its_master_refuses_another_and_says_so() {
    let mut world = World::new(10);
    world.add(master());
    let pinned = OwnKeys::generate(&mut Random::from_number(5)).public(name("master"));
    let mut disk = Memory::default();
    disk.roll.set(pinned.clone(), Acceptance::Accepted);
    let keys = OwnKeys::generate(&mut Random::from_number(6));
    world.add_with(minion("web1"), keys, disk);
    world.run(SECOND * 200);
    assert!(!is_present(&mut world, WEB1, "master") && !is_present(&mut world, MASTER, "web1"));
    let presented = world.host(MASTER).road.own_key().fingerprint();
    let clash = Event::Clash { role: name("master"), known: pinned.fingerprint(), presented };
    assert!(world.host(WEB1).events.contains(&clash));
    let found = world.host(WEB1).road.roll().find(&name("master")).map(|(key, a)| (key.clone(), a));
    assert_eq!(found, Some((pinned, Acceptance::Accepted)), "nothing is replaced");
}

#[test]
fn a_pending_minion_may_restart() {
    let mut world = by_hand(11);
    world.run(SECOND * 5);
    // It used a few transaction numbers before, and another one now.
    world.restart(WEB1, true);
    world.run(SECOND * 5);
    world.host(WEB1).address.set_port(9999);
    world.restart(WEB1, true);
    world.run(SECOND * 5);
    assert_eq!(count(&mut world, MASTER, |e| matches!(e, Event::Knock { .. })), 1);
    decide(&mut world, MASTER, "web1", Some(Acceptance::Accepted));
    assert!(world.run_until(SECOND * 3, both_present));
    assert!(can_talk(&mut world, SECOND * 3));
}

#[test]
fn a_pending_minion_may_be_forgotten_by_a_restarted_master() {
    let mut world = by_hand(12);
    world.run(SECOND * 5);
    world.restart(MASTER, false);
    world.run(SECOND * 5);
    decide(&mut world, MASTER, "web1", Some(Acceptance::Accepted));
    assert!(world.run_until(SECOND * 70, both_present), "it asks again every minute");
}

#[test]
fn a_pending_minion_that_went_away_is_no_burden() {
    let mut world = by_hand(13);
    world.run(SECOND * 5);
    world.host(WEB1).is_down = true;
    world.run(SECOND * 86_400);
    assert_eq!(world.host(MASTER).road.poll_timeout(), None, "nothing to do for it");
    decide(&mut world, MASTER, "web1", Some(Acceptance::Accepted));
    world.host(WEB1).is_down = false;
    assert!(world.run_until(SECOND * 70, both_present));
}

#[test]
fn a_master_that_does_not_answer_is_said_once() {
    let mut world = strangers(11);
    world.host(MASTER).is_down = true;
    world.run(SECOND * 5);
    assert_eq!(refusals(&mut world, WEB1), [], "it may be slow");
    world.run(SECOND * 60);
    assert_eq!(refusals(&mut world, WEB1), [Refusal::Silent]);
    world.host(MASTER).is_down = false;
    assert!(world.run_until(SECOND * 10, both_present));
}
