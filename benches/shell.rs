//! The shell alone over loopback UDP, no road: trains of 44 datagrams of 1,452 B through the buffers and calls that
//! daemons use, with and without GSO and GRO; one thread that does both ends in turn, and a thread for each end.
//!
//! Why: the ceiling above every figure of a road on this machine, and what a call with many datagrams is worth.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};
use roadstead::drive::offload::Offload;
use roadstead::drive::train::{Arrivals, Departure};
use roadstead::road::{Mark, Transmit};

const SEGMENT: usize = 1452;
const TRAIN: usize = 44 * SEGMENT;
/// Bytes on the way at most: the socket's buffer must hold them.
const WINDOW: usize = 16 * TRAIN;
const TIME: Duration = Duration::from_secs(2);
const RUNS: usize = 5;

struct Port {
    socket: UdpSocket,
    offload: Offload,
}

fn port() -> Port {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let offload = Offload::new(&socket).unwrap();
    Port { socket, offload }
}

fn main() {
    println!(
        "{:<12} {:>26} {:>22} {:>22}",
        "Gb, median", "one thread, a CPU second", "the same, a second", "a thread each"
    );
    for (name, gso, gro) in
        [("GSO and GRO", true, true), ("GSO only", true, false), ("GRO only", false, true), ("neither", false, false)]
    {
        let (paid, alone) = (0..RUNS).map(|_| in_turn(pair(gso, gro))).unzip();
        let apart = (0..RUNS).map(|_| apart(pair(gso, gro))).collect();
        println!("{name:<12} {:>26} {:>22} {:>22}", median(paid), median(alone), median(apart));
    }
}

fn median(mut rates: Vec<f64>) -> String {
    rates.sort_by(f64::total_cmp);
    let [least, middle, most] = [0, rates.len() / 2, rates.len() - 1].map(|n| rates[n] * 8e-9);
    format!("{middle:.1} ({least:.1}..{most:.1})")
}

/// Seconds this thread has had a CPU: what a figure from a machine that others use can be measured by.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() * 1e-9
}

fn pair(gso: bool, gro: bool) -> (Port, Port) {
    let (mut from, to) = (port(), port());
    if !gso {
        from.offload.limit_segments(1);
    }
    if !gro {
        setsockopt(&to.socket, sockopt::UdpGroSegment, &false).unwrap();
    }
    (from, to)
}

/// Sends one train; `false` when the kernel has no room.
fn send(port: &mut Port, to: SocketAddr, departure: &mut Departure) -> bool {
    departure.load(|out| {
        // What a road writes costs its own time, not the shell's.
        out.resize(TRAIN, 7);
        Some(Transmit { to, size: TRAIN, segment: Some(SEGMENT), mark: Mark::Ect0 })
    });
    departure.unload(|transmit, left| port.offload.send(&port.socket, transmit, left).ok())
}

/// One receive call; bytes.
fn receive(port: &Port, arrivals: &mut Arrivals) -> usize {
    let mut bytes = 0;
    if port.offload.receive(&port.socket, arrivals).is_ok() {
        arrivals.unload(|datagrams| bytes = datagrams.iter().map(|datagram| datagram.bytes.len()).sum());
    }
    bytes
}

/// Bytes a CPU second, and a second, when one thread sends some trains, then takes them, and so on.
fn in_turn((mut from, to): (Port, Port)) -> (f64, f64) {
    let (mut arrivals, mut departure) = (Arrivals::default(), Departure::default());
    let address = to.socket.local_addr().unwrap();
    let (start, before, mut received) = (Instant::now(), cpu(), 0);
    while start.elapsed() < TIME {
        for _ in 0..8 {
            send(&mut from, address, &mut departure);
        }
        loop {
            match receive(&to, &mut arrivals) {
                0 => break,
                bytes => received += bytes,
            }
        }
    }
    let received = received as f64;
    (received / (cpu() - before), received / start.elapsed().as_secs_f64())
}

/// Bytes a second from one thread to another; neither sleeps.
fn apart((mut from, to): (Port, Port)) -> f64 {
    let address = to.socket.local_addr().unwrap();
    let (received, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut arrivals = Arrivals::default();
            while !is_over.load(Ordering::Relaxed) {
                match receive(&to, &mut arrivals) {
                    0 => std::thread::yield_now(),
                    bytes => {
                        received.fetch_add(bytes, Ordering::Relaxed);
                    }
                }
            }
        });
        let (mut departure, mut sent) = (Departure::default(), 0usize);
        let start = Instant::now();
        while start.elapsed() < TIME {
            if sent - received.load(Ordering::Relaxed) > WINDOW {
                std::thread::yield_now();
            } else if send(&mut from, address, &mut departure) {
                sent += TRAIN;
            }
        }
        is_over.store(true, Ordering::Relaxed);
        received.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
    })
}
