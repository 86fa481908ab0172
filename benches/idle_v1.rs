//! What an idle session of the fast road costs a master, in bytes of resident memory.
//!
//! Estates join one after the other and are dropped, so that what they took is taken again and the growth is the master's
//! alone; then all come to rest. `ESTATES` says how many (10,000). The goal is 4 KiB (road v1).

// A bench says what is wrong by stopping.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::net::SocketAddr;
use std::time::Duration;

use roadstead::base::{Acceptance, Name, Random, Time};
use roadstead::keep::{OwnKeys, RoleKey};
use roadstead::road::{Config, Datagram, Mark, Memory, Road, Trust};

const MILLI: Duration = Duration::from_millis(1);

/// An estate; one that knows a master calls it.
fn road(name: &str, random: &mut Random, now: Time, known: Option<RoleKey>) -> Road {
    let name = Name::new(name).unwrap();
    let mut config = Config::new(name.clone(), name);
    (config.trust, config.main) = (Trust::Once, known.is_none());
    let mut disk = Memory::default();
    if let Some(master) = known {
        config.dial = vec![HERE];
        disk.roll.set(master, Acceptance::Accepted);
    }
    Road::new(config, OwnKeys::generate(random), disk, random.bytes(), now)
}

/// Lets the master and some estates talk for a while; all read what was said.
fn talk(master: &mut Road, minions: &mut [(SocketAddr, Road)], now: &mut Time) {
    let mut buffer = Vec::new();
    let take = |road: &mut Road, now: Time, from: SocketAddr, bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        road.handle_datagrams(now, &mut [Datagram { from, mark: Mark::NotEct, bytes: &mut bytes }]);
    };
    for _ in 0..300 {
        master.handle_timeout(*now);
        while let Some(sent) = master.poll_transmit(*now, &mut buffer) {
            let Some((_, minion)) = minions.iter_mut().find(|(address, _)| *address == sent.to) else { continue };
            sent.datagrams(&buffer).for_each(|datagram| take(minion, *now, HERE, datagram));
        }
        for (address, minion) in minions.iter_mut() {
            minion.handle_timeout(*now);
            while let Some(sent) = minion.poll_transmit(*now, &mut buffer) {
                sent.datagrams(&buffer).for_each(|datagram| take(master, *now, *address, datagram));
            }
            while minion.poll_output().is_some() {}
        }
        while master.poll_output().is_some() {}
        *now += MILLI;
    }
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

fn main() {
    let count = std::env::var("ESTATES").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000usize);
    let (mut random, mut now) = (Random::from_number(1), Time(1_000_000));
    let mut master = road("master", &mut random, now, None);
    let key = master.own_key();
    let (mut before, mut joined) = (0, 0);
    while joined < count + BATCH {
        let estate = |n: usize, random: &mut Random| {
            let there = SocketAddr::from(([10, (n >> 16) as u8, (n >> 8) as u8, n as u8], 4510));
            (there, road(&format!("web{n}"), random, now, Some(key.clone())))
        };
        let mut minions: Vec<_> = (joined..joined + BATCH).map(|n| estate(n, &mut random)).collect();
        talk(&mut master, &mut minions, &mut now);
        joined += BATCH;
        assert_eq!(master.sessions().len(), joined);
        drop(minions);
        if joined == BATCH {
            rest(&mut master, &mut now);
            before = resident();
        }
    }
    rest(&mut master, &mut now);
    assert_eq!(master.sessions().len(), joined);
    let grown = resident() - before;
    println!("{} bytes a session, {} sessions, {} KiB before", grown / (joined - BATCH), joined - BATCH, before >> 10);
}

/// Longer than a session waits before it gives memory back.
fn rest(master: &mut Road, now: &mut Time) {
    for _ in 0..50 {
        *now += MILLI * 100;
        master.handle_timeout(*now);
    }
}

/// Where the master is.
const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 255, 0, 1)), 4510);
/// Estates that join together.
const BATCH: usize = 100;
