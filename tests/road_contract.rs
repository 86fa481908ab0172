//! The engines' contract (house): timeouts announce what waits, time never runs back, idle roads are idle.

#![cfg(test)]

mod common;

use common::*;
use roadstead::base::{Random, Time};
use roadstead::keep::OwnKeys;
use roadstead::road::{Memory, Road, Transmit};
use roadstead::sim::{World, estate};

#[test]
fn poll_timeout_announces_whatever_waits() {
    // `World` itself asserts this for every step of every test; here for a road on its own.
    let mut config = estate("web1");
    config.dial = vec![World::address(0)];
    let now = Time(5_000_000);
    let mut road = Road::new(config, OwnKeys::generate(&mut Random::from_number(1)), Memory::default(), [1; 32], now);
    assert_eq!(road.poll_timeout(), Some(now), "a join waits to be sent");
    let mut out = vec![1, 2, 3];
    let transmit = road.poll_transmit(now, &mut out);
    assert_eq!(transmit, Some(Transmit::one(World::address(0), out.len())), "a classic datagram, alone and not marked");
    assert!(out.starts_with(b"ri RAET\n"), "the buffer is cleared first");
    assert_eq!(road.poll_transmit(now, &mut out), None);
    while road.poll_output().is_some() {}
    assert!(road.poll_timeout().is_some_and(|time| time > now), "then the redo");
}

#[test]
fn an_earlier_now_is_clamped() {
    let mut world = pair(1);
    world.run(SECOND * 100);
    let now = world.now;
    let road = &mut world.host(MASTER).road;
    let before = road.poll_timeout();
    road.handle_timeout(Time::ZERO);
    road.handle_datagram(Time(1), World::address(1), &mut b"ri RAET\n".to_vec());
    assert_eq!(road.poll_transmit(Time(2), &mut Vec::new()), None);
    assert_eq!(road.poll_timeout(), before);
    // Something queued while the shell's clock runs behind is due at the latest time the road knows.
    let _ = world.host(MASTER).road.handle_command(
        Time::ZERO,
        roadstead::transport::Command::Send {
            ticket: roadstead::transport::Ticket(1),
            to: name("web1"),
            message: message("x"),
        },
    );
    assert!(world.host(MASTER).road.poll_timeout().is_some_and(|time| time <= now));
    world.run(SECOND);
    assert_eq!(delivered(&mut world, MASTER), [1]);
}

#[test]
fn idle_roads_are_idle() {
    let mut world = pair(1);
    world.is_recording = true;
    world.run(SECOND * 6);
    assert_eq!(world.record.len(), 0, "nothing between presence checks, which are at least 7.5 s apart");
    world.run(SECOND * 600);
    // One side asks, the other answers; that is news for both.
    let sent = world.record.len();
    assert!((90..=180).contains(&sent), "{sent} datagrams in ten minutes");
    assert_eq!(count(&mut world, MASTER, |_| true) + count(&mut world, WEB1, |_| true), 0, "and nothing to say");
}

#[test]
fn a_jump_in_time_is_survived() {
    let mut world = pair(1);
    send(&mut world, MASTER, 1, "web1", &text(100_000, 1));
    world.run(MILLI * 2);
    // The machine slept for a day.
    world.now += SECOND * 86_400;
    assert!(world.run_until(SECOND * 120, |world| answers(world, MASTER).len() == 1));
    assert!(world.run_until(SECOND * 120, both_present) || departures(&mut world, MASTER).is_empty());
    assert!(can_talk(&mut world, SECOND * 60));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let mut world = pair(7);
        world.is_recording = true;
        world.link = lossy(200);
        send(&mut world, MASTER, 1, "web1", &text(30_000, 1));
        world.run(SECOND * 30);
        world.record
    };
    assert!(run() == run());
}

#[test]
fn timers_of_nothing_do_not_hang() {
    use roadstead::road::{Config, Timers, config::RedoTimes};
    use std::time::Duration;
    // Settings are an operator's to get wrong. The world would say when a road stands still.
    let none = RedoTimes { min: Duration::ZERO, max: Duration::ZERO, timeout: Duration::ZERO };
    let brief = RedoTimes { min: MILLI, max: MILLI * 10, timeout: MILLI * 300 };
    for times in [none, brief] {
        let timers = Timers {
            joiner: times,
            joinent: times,
            allower: times,
            allowent: times,
            aliver: times,
            messenger: times,
            messengent: times,
            pended: times.min,
            presence: times.min * 1000,
            refused: times.min,
        };
        let mut world = World::new(1);
        world.link.delay = MILLI * 2;
        world.add(Config { timers, ..master() });
        world.add(Config { timers, ..minion("web1") });
        assert!(world.run_until(SECOND * 5, both_present));
        world.link.is_cut = true;
        let _ = world.send(MASTER, 1, "web1", message("x"));
        world.run(MILLI * 400);
        if times == brief {
            assert_eq!(answers(&mut world, MASTER)[&1], Err(roadstead::transport::Failure::Lost));
        }
    }
}
