//! A partition: both sides notice in time, every ticket is answered, and healing is enough to be joined again.

#![cfg(test)]

mod common;

use common::*;
use roadstead::transport::{Departure, Failure};

#[test]
fn silence_is_noticed_and_healing_is_enough() {
    seeds(0..10, |seed| {
        let mut world = pair(seed);
        world.link.is_cut = true;
        send(&mut world, MASTER, 1, "web1", "lost");
        send(&mut world, WEB1, 2, "master", &text(10_000, 1));
        assert!(
            world.run_until(SECOND * 20, |world| [MASTER, WEB1].iter().all(|n| departures(world, *n).len() == 1)),
            "both notice within 20 s"
        );
        assert_eq!(departures(&mut world, MASTER), [("web1".into(), Departure::Silent)]);
        assert_eq!(departures(&mut world, WEB1), [("master".into(), Departure::Silent)]);
        assert_eq!(answers(&mut world, MASTER)[&1], Err(Failure::Lost));
        assert_eq!(answers(&mut world, WEB1)[&2], Err(Failure::Lost));
        // While it is gone nothing can be sent.
        send(&mut world, MASTER, 3, "web1", "nobody there");
        world.run(SECOND * 100);
        assert_eq!(answers(&mut world, MASTER)[&3], Err(Failure::Absent));
        assert_eq!(departures(&mut world, MASTER).len(), 1, "said once");

        world.link.is_cut = false;
        assert!(world.run_until(SECOND * 30, both_present), "joined again by itself");
        assert!(can_talk(&mut world, SECOND * 20));
    });
}

#[test]
fn a_short_silence_costs_nothing() {
    seeds(0..10, |seed| {
        let mut world = pair(seed);
        send(&mut world, MASTER, 1, "web1", &text(50_000, 1));
        send(&mut world, WEB1, 2, "master", "short");
        world.link.is_cut = true;
        world.run(SECOND * 4);
        world.link.is_cut = false;
        world.run(SECOND * 20);
        assert_eq!(answers(&mut world, MASTER)[&1], Ok(()));
        assert_eq!(answers(&mut world, WEB1)[&2], Ok(()));
        assert_eq!(departures(&mut world, MASTER), []);
        assert_eq!(departures(&mut world, WEB1), []);
    });
}

#[test]
fn one_cut_minion_is_no_business_of_the_others() {
    let mut world = fleet(1, 3);
    world.host(WEB1).is_cut = true;
    world.run(SECOND * 60);
    assert_eq!(departures(&mut world, MASTER), [("web1".into(), Departure::Silent)]);
    for n in [2, 3] {
        assert_eq!(departures(&mut world, n), []);
        send(&mut world, MASTER, n as u64, &format!("web{n}"), "still here");
    }
    world.run(SECOND);
    assert_eq!(delivered(&mut world, MASTER), [2, 3]);
}

#[test]
fn half_dead_links_do_not_flap() {
    // A fifth of all packets lost for ten minutes: nobody may be called dead.
    seeds(0..5, |seed| {
        let mut world = pair(seed);
        world.link = lossy(200);
        world.run(SECOND * 600);
        assert_eq!(departures(&mut world, MASTER), []);
        assert_eq!(departures(&mut world, WEB1), []);
    });
}
