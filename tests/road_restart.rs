//! Restarts of either side, with and without what the disk held: joined again by itself, and messages flow.

#![cfg(test)]

mod common;

use common::*;
use roadstead::transport::{Departure, Refusal};

#[test]
fn of_one_side_or_both() {
    for who in [vec![MASTER], vec![WEB1], vec![MASTER, WEB1]] {
        for forget_remotes in [false, true] {
            seeds(0..5, |seed| {
                let mut world = pair(seed);
                world.run(SECOND * seed as u32);
                forget(&mut world);
                for n in &who {
                    world.restart(*n, forget_remotes);
                }
                // A restarted road has told its new application nothing yet.
                let start = world.now;
                assert!(can_talk(&mut world, SECOND * 40), "{who:?} {forget_remotes}");
                eprintln!("{who:?} forgets: {forget_remotes}: {:?}", world.now - start);
                assert!(both_present(&mut world));
                world.run(SECOND * 60);
                assert!(both_present(&mut world), "and stays");
                for n in [MASTER, WEB1] {
                    let left = departures(&mut world, n);
                    assert!(left.len() <= 1, "{who:?} {forget_remotes}: {left:?}");
                    // A master that has forgotten everything cannot tell a stranger's packet from ours, and is silent.
                    let is_silent = forget_remotes && who.contains(&MASTER);
                    let why = if is_silent { Departure::Silent } else { Departure::Renewed };
                    assert!(left.iter().all(|(_, w)| *w == why), "{left:?}");
                }
            });
        }
    }
}

#[test]
fn under_loss() {
    seeds(0..30, |seed| {
        let mut world = pair(seed);
        world.link = lossy(250);
        for round in 0..4 {
            let n = if (seed >> round) & 1 == 0 { MASTER } else { WEB1 };
            world.restart(n, (seed >> (round + 1)) & 1 == 0);
            assert!(can_talk(&mut world, SECOND * 120), "round {round}");
        }
    });
}

#[test]
fn again_and_again() {
    let mut world = pair(1);
    for round in 0..30 {
        world.restart(WEB1, round % 3 == 0);
        world.run(MILLI * (round * 37 % 500));
        if round % 4 == 0 {
            world.restart(MASTER, false);
        }
        world.run(MILLI * (round * 101 % 900));
    }
    assert!(can_talk(&mut world, SECOND * 30));
    assert!(world.host(MASTER).disk.remotes.len() == 1 && world.host(WEB1).disk.remotes.len() == 1);
}

#[test]
fn a_dead_minion_is_left_alone() {
    let mut world = pair(1);
    world.host(WEB1).is_down = true;
    world.restart(MASTER, false);
    world.run(SECOND * 60);
    world.is_recording = true;
    world.run(SECOND * 3600);
    assert_eq!(world.record.len(), 0, "whoever comes to us will come");
    world.host(WEB1).is_down = false;
    assert!(can_talk(&mut world, SECOND * 60));
}

#[test]
fn a_dead_master_is_asked_for_ever() {
    let mut world = pair(1);
    world.host(MASTER).is_down = true;
    world.restart(WEB1, false);
    world.run(SECOND * 86_400);
    world.host(MASTER).is_down = false;
    assert!(can_talk(&mut world, SECOND * 30));
}

#[test]
fn a_minion_keeps_its_number_for_its_master() {
    // A road that changes nothing about known estates still knows it (wire v0 §3 "uid allocation").
    use roadstead::road::{Config, Mutable};
    let mut world = roadstead::sim::World::new(1);
    world.add(Config { mutable: Mutable::Nothing, ..master() });
    world.add(minion("web1"));
    assert!(world.run_until(SECOND * 5, both_present));
    for forget_remotes in [false, true] {
        forget(&mut world);
        world.restart(WEB1, forget_remotes);
        assert!(can_talk(&mut world, SECOND * 20), "{forget_remotes}");
        assert_eq!(refusals(&mut world, WEB1), []);
    }
}

#[test]
fn from_an_old_backup() {
    // The disk of either side is set back to what it was long ago: session numbers others have seen come again.
    for n in [MASTER, WEB1] {
        let mut world = pair(n as u64);
        let old = world.host(n).disk.clone();
        for _ in 0..20 {
            world.restart(n, false);
            assert!(can_talk(&mut world, SECOND * 30));
        }
        world.host(n).disk = old;
        world.restart(n, false);
        assert!(can_talk(&mut world, SECOND * 60), "host {n}");
    }
}

#[test]
fn numbers_given_out_anew() {
    // The master loses its table, and its minions come back in another order: each has the number another one had.
    let mut world = fleet(1, 3);
    for n in 1..=3 {
        world.host(n).is_cut = true;
    }
    world.restart(MASTER, true);
    world.run(SECOND * 30);
    for n in [3, 2, 1] {
        world.host(n).is_cut = false;
        let known_as = format!("web{n}");
        assert!(world.run_until(SECOND * 20, |w| is_present(w, MASTER, &known_as)), "{known_as}");
        assert!(!refusals(&mut world, n).contains(&Refusal::Rejected), "its number is old, it is not unwelcome");
    }
}

#[test]
fn no_two_lives_share_session_numbers() {
    for n in [MASTER, WEB1] {
        seeds(0..3, |seed| {
            let mut world = pair(seed);
            let first = world.host(n).disk.remotes[0].sid;
            world.restart(n, true);
            assert!(can_talk(&mut world, SECOND * 40), "the other side takes whatever comes first");
            let second = world.host(n).disk.remotes[0].sid;
            assert!(first.abs_diff(second) > 1000, "{first} {second}");
        });
    }
}
