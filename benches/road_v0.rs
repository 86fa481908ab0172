//! The classic road over loopback UDP: messages a second and megabytes a second, two threads, real sockets, beside
//! Python raet 0.6.8 in the same run, where a Python that can have it is there.
//!
//! Why: the claim "tens of times faster than Python raet" needs both figures from one run.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use roadstead::base::{Name, Random, Time};
use roadstead::drive::entropy;
use roadstead::drivers::plain::Plain;
use roadstead::keep::OwnKeys;
use roadstead::message::{Message, Route};
use roadstead::road::{Config, Datagram, Mark, Memory, Output, Road, Trust, Wires};
use roadstead::transport::{Command, Event, Ticket};

#[path = "../tests/interop/python.rs"]
#[allow(dead_code, clippy::expect_used)]
mod python;
use python::python;

const TURN: Duration = Duration::from_millis(100);

fn main() {
    let cases = [
        ("100 B, 1 outstanding", 100, 1, 4_000),
        ("100 B, 32 outstanding", 100, 32, 20_000),
        ("1 MB, 1 outstanding", 1_000_000, 1, 12),
    ];
    for (name, size, window, count) in cases {
        let rate = engines(size, window, count);
        println!("{name:<24} {rate:>12.0} {:>10.2}   both engines on one core, no sockets", rate * size as f64 / 1e6);
    }
    println!(
        "{:<24} {:>12} {:>10} {:>14} {:>8}",
        "classic road, loopback", "messages/s", "MB/s", "Python msg/s", "ratio"
    );
    for (name, size, window, count) in cases {
        let mut runs: Vec<f64> = (0..3).map(|_| ours(size, window, count)).collect();
        runs.sort_by(f64::total_cmp);
        let rate = runs[1];
        let python = peer(size, window, if size > 10_000 { 3 } else { 1000 });
        let beside = python.map_or("-".to_owned(), |p| format!("{p:.1}"));
        let ratio = python.map_or("-".to_owned(), |p| format!("{:.0}×", rate / p));
        println!("{name:<24} {rate:>12.0} {:>10.2} {beside:>14} {ratio:>8}", rate * size as f64 / 1e6);
    }
}

/// Messages a second from one thread's road to another's, each confirmed.
fn ours(size: usize, window: usize, count: usize) -> f64 {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let keys = || OwnKeys::generate(&mut Random::new(entropy::seed().unwrap()));
    let (to, from) = (Name::new("to").unwrap(), Name::new("from").unwrap());
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = mpsc::channel::<()>();
    let receiver = {
        let config = Config { wires: Wires::CLASSIC, main: true, trust: Trust::Once, ..Config::new(to.clone(), to) };
        std::thread::spawn(move || {
            let mut road = Plain::bind(any, config, keys(), Memory::default()).unwrap();
            tell.send(road.address().unwrap()).unwrap();
            let mut received = 0usize;
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                if let Some(Output::Event(Event::Received { message, .. })) = road.next(TURN).unwrap() {
                    assert!(message.body.len() >= size);
                    received += 1;
                }
            }
            received
        })
    };
    let dial = vec![told.recv().unwrap()];
    let config = Config { wires: Wires::CLASSIC, dial, trust: Trust::Once, ..Config::new(from.clone(), from) };
    let mut road = Plain::bind(any, config, keys(), Memory::default()).unwrap();
    let peer = loop {
        if let Some(Output::Event(Event::Joined { peer })) = road.next(TURN).unwrap() {
            break peer;
        }
    };
    let message = Message::new(Route::default(), "load", &"x".repeat(size)).unwrap();
    let start = Instant::now();
    let (mut sent, mut done) = (0, 0);
    while done < count {
        while sent < count && sent - done < window {
            let command = Command::Send { ticket: Ticket(sent as u64), to: peer.clone(), message: message.clone() };
            if road.submit(command).is_err() {
                break;
            }
            sent += 1;
        }
        match road.next(TURN).unwrap() {
            Some(Output::Event(Event::Delivered { .. })) => done += 1,
            Some(Output::Event(Event::Failed { why, .. })) => panic!("{why}"),
            _ => {}
        }
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    stop.send(()).unwrap();
    assert_eq!(receiver.join().unwrap(), count, "every message once");
    rate
}

/// Messages a second through two engines in one thread, without sockets: what the protocol itself costs, both ends.
fn engines(size: usize, window: usize, count: usize) -> f64 {
    let address = |n: u8| SocketAddr::from(([10, 0, 0, n], 4506));
    let name = |text| Name::new(text).unwrap();
    let config = |text: &'static str| Config {
        wires: Wires::CLASSIC,
        trust: Trust::Once,
        ..Config::new(name(text), name(text))
    };
    let keys = |n| OwnKeys::generate(&mut Random::from_number(n));
    let main = Config { main: true, ..config("to") };
    let dial = Config { dial: vec![address(0)], ..config("from") };
    let memory = Memory::default;
    let mut now = Time::ZERO;
    let mut roads =
        [Road::new(main, keys(1), memory(), [1; 32], now), Road::new(dial, keys(2), memory(), [2; 32], now)];
    let message = Message::new(Route::default(), "load", &"x".repeat(size)).unwrap();
    let (mut sent, mut done, mut peer, mut start) = (0, 0, None, Instant::now());
    let mut datagram = Vec::new();
    while done < count {
        now += Duration::from_micros(100);
        for from in 0..2 {
            loop {
                let mut train = Vec::new();
                while train.len() < 16 && roads[from].poll_transmit(now, &mut datagram).is_some() {
                    train.push(datagram.clone());
                }
                let came = |bytes| Datagram { from: address(from as u8), mark: Mark::NotEct, bytes };
                let mut train: Vec<_> =
                    train.iter_mut().map(|bytes: &mut Vec<u8>| came(bytes.as_mut_slice())).collect();
                if train.is_empty() {
                    break;
                }
                roads[1 - from].handle_datagrams(now, &mut train);
            }
            roads[from].handle_timeout(now);
            while let Some(output) = roads[from].poll_output() {
                match output {
                    Output::Event(Event::Joined { peer: joined }) if from == 1 => {
                        (peer, start) = (Some(joined), Instant::now());
                    }
                    Output::Event(Event::Delivered { .. }) => done += 1,
                    _ => {}
                }
            }
        }
        while let Some(to) = peer.clone().filter(|_| sent < count && sent - done < window) {
            let command = Command::Send { ticket: Ticket(sent as u64), to, message: message.clone() };
            roads[1].handle_command(now, command).unwrap();
            sent += 1;
        }
    }
    count as f64 / start.elapsed().as_secs_f64()
}

/// The same between two Python stacks; `None` without a Python that has raet.
fn peer(size: usize, window: usize, count: usize) -> Option<f64> {
    let count = count.to_string();
    let (size, window) = (size.to_string(), window.to_string());
    let output =
        python()?.peer(&["bench", "--count", &count, "--size", &size, "--outstanding", &window]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let last: serde_json::Value = serde_json::from_str(text.lines().last()?).ok()?;
    last.get("messages_per_s")?.as_f64()
}
