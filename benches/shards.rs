//! One master and eight minions on loopback sockets: messages up, by a master with one road on its own thread, and by one
//! with one and with two roads on threads of theirs. Minions share a thread.
//!
//! Why: what threads and channels cost where they bring nothing, as on two cores that both ends share, and that one road
//! pays none of it. What many cores bring cannot be seen here; `Gb/CPU s` of the master says what it would be made of.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use roadstead::base::{Name, Random};
use roadstead::clock::Clock;
use roadstead::drive::udp::{UdpPort, UdpSeat};
use roadstead::drivers::raet::Raet;
use roadstead::drivers::raet::shards::Shards;
use roadstead::keep::OwnKeys;
use roadstead::keep::store::Store;
use roadstead::message::{Message, Route};
use roadstead::road::{Config, Fast, Trust};
use roadstead::transport::{Command, Event, Ticket, Transport};

const MINIONS: u64 = 8;
const TIME: Duration = Duration::from_millis(1500);
const RUNS: usize = 3;
/// Messages of one minion that are not answered.
const GOING: u64 = 256;

fn main() {
    println!("{:<10} {:<22} {:>10} {:>12} {:>14}", "messages", "master", "Gb/s", "messages/s", "Gb per CPU s");
    for (size, name) in [(64usize << 10, "64 KiB"), (64, "64 B")] {
        let mut rows = [const { Vec::new() }; 3];
        for _ in 0..RUNS {
            for (row, roads) in rows.iter_mut().zip([0, 1, 2]) {
                row.push(run(size, roads));
            }
        }
        for (mut row, master) in rows.into_iter().zip(["one, its own thread", "one, a thread of its", "two"]) {
            row.sort_by(|one, other| one.0.total_cmp(&other.0));
            let (rate, per_cpu) = row[row.len() / 2];
            let (bits, count) = (rate * 8e-9, rate / size as f64);
            println!("{name:<10} {master:<22} {bits:>10.2} {count:>12.0} {:>14.2}", per_cpu * 8e-9);
        }
    }
}

/// Seconds that a thread, or with `None` the whole process, has had a processor.
fn cpu(thread: bool) -> f64 {
    let of = |path: &std::path::Path| {
        let text = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|time| time.parse::<f64>().ok()).unwrap_or(0.0) * 1e-9
    };
    if thread {
        return of(std::path::Path::new("/proc/thread-self"));
    }
    std::fs::read_dir("/proc/self/task").unwrap().map(|task| of(&task.unwrap().path())).sum()
}

fn config(of: &str, role: &str, peers: &str) -> Config {
    let fast = Fast { peers: peers.to_owned(), datagram: 1452, ..Fast::default() };
    Config { trust: Trust::Once, fast, ..Config::new(Name::new(of).unwrap(), Name::new(role).unwrap()) }
}

fn store(dir: &tempfile::TempDir, of: &str) -> Store {
    Store::open(&dir.path().join(of).join("pki"), Some(&dir.path().join(of))).unwrap()
}

/// Bytes a second, and a CPU second of the master's threads; `roads` of zero: on its own thread.
fn run(size: usize, roads: usize) -> (f64, f64) {
    let (is_over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (address, at) = mpsc::channel();
    let (over, received) = (is_over.clone(), count.clone());
    let master = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::TempDir::new().unwrap();
            let mut seats = UdpSeat::bind_all("127.0.0.1:0".parse().unwrap(), roads.max(1)).unwrap();
            address.send(seats[0].address().unwrap()).unwrap();
            let (keys, store) = (OwnKeys::generate(&mut Random::from_number(1)), store(&dir, "m_master"));
            let config = Config { main: true, ..config("m_master", "m", "_minion") };
            if roads == 0 {
                let port = UdpPort::new(seats.pop().unwrap()).unwrap();
                receive(Raet::new(config, keys, store, port, Clock::start(), [1; 32]).unwrap(), &over, &received).await;
            } else {
                let shards = Shards::new(config, keys, store, seats, Clock::start(), [1; 32]).unwrap();
                receive(shards, &over, &received).await;
            }
        });
    });
    let at = at.recv().unwrap();
    let (over, (spent_in, spent)) = (is_over.clone(), mpsc::channel());
    let minions = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let all: Vec<_> = (0..MINIONS).map(|n| Box::pin(send(n, at, size, &over))).collect();
            let mut all = all;
            std::future::poll_fn(|cx| {
                let mut is_done = true;
                for minion in &mut all {
                    is_done &= minion.as_mut().poll(cx).is_ready();
                }
                let _ = spent_in.send(cpu(true));
                if is_done || over.load(Ordering::Relaxed) {
                    std::task::Poll::Ready(())
                } else {
                    std::task::Poll::Pending
                }
            })
            .await;
        });
    });
    while count.load(Ordering::Relaxed) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(500));
    let minions_had = || spent.try_iter().last();
    let (mut theirs, start, before, all) =
        (minions_had().unwrap_or(0.0), Instant::now(), count.load(Ordering::Relaxed), cpu(false));
    std::thread::sleep(TIME);
    let (bytes, time) = ((count.load(Ordering::Relaxed) - before) * size as u64, start.elapsed().as_secs_f64());
    theirs = minions_had().unwrap_or(theirs) - theirs;
    let ours = cpu(false) - all - theirs;
    is_over.store(true, Ordering::Relaxed);
    minions.join().unwrap();
    master.join().unwrap();
    (bytes as f64 / time, bytes as f64 / ours)
}

async fn receive(mut transport: impl Transport, over: &AtomicBool, count: &AtomicU64) {
    while !over.load(Ordering::Relaxed) {
        let wait = tokio::time::timeout(Duration::from_millis(50), transport.next());
        if let Ok(Some(Event::Received { .. })) = wait.await {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn send(n: u64, at: SocketAddr, size: usize, over: &AtomicBool) {
    let dir = tempfile::TempDir::new().unwrap();
    let (of, role) = (format!("web{n}_minion"), format!("web{n}"));
    let config = Config { kind: 1, dial: vec![at], ..config(&of, &role, "_master") };
    let port = UdpPort::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let keys = OwnKeys::generate(&mut Random::from_number(100 + n));
    let mut raet = Raet::new(config, keys, store(&dir, &of), port, Clock::start(), [n as u8 + 5; 32]).unwrap();
    let message = Message::new(Route::default(), "load", &"x".repeat(size)).unwrap();
    let (mut is_there, mut going, mut ticket) = (false, 0, 0);
    while !over.load(Ordering::Relaxed) {
        while is_there && going < GOING {
            ticket += 1;
            let to = Name::new("m").unwrap();
            if raet.submit(Command::Send { ticket: Ticket(ticket), to, message: message.clone() }).is_err() {
                break;
            }
            going += 1;
        }
        match raet.next().await {
            Some(Event::Joined { .. }) => is_there = true,
            Some(Event::Delivered { .. }) => going -= 1,
            Some(Event::Left { why, .. }) => panic!("left: {why}"),
            _ => {}
        }
    }
}
