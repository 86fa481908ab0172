//! The fast road over loopback, both ends on blocking sockets with a thread each: bulk, small messages, question and
//! answer; and handshakes. `cargo bench --bench road_v1 [-- seconds]`. The side-by-side run with peers is `--bench peers`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use roadstead::base::{Name, Random};
use roadstead::drivers::plain::Plain;
use roadstead::keep::OwnKeys;
use roadstead::message::Message;
use roadstead::nacl::Suite;
use roadstead::road::{Config, Fast, Memory, Output, Trust};
use roadstead::transport::{Command, Event, Ticket};

#[derive(Clone, Copy)]
struct Case {
    suite: Suite,
    datagram: u16,
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn config(text: &str, case: Case) -> Config {
    let fast = Fast { suites: vec![case.suite], datagram: case.datagram, ..Fast::default() };
    Config { trust: Trust::Once, fast, ..Config::new(name(text), name(text)) }
}

fn main() {
    let seconds: f64 = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(3.0);
    let time = Duration::from_secs_f64(seconds);
    let only: Option<String> = std::env::args().skip(1).find(|a| ["bulk", "small", "ask"].contains(&a.as_str()));
    let runs = |what: &str| only.as_deref().is_none_or(|only| only == what);
    println!("{:<34} {:>14} {:>12}", "", "", "CPU s per GB");
    for (label, suite) in [("aes-256-gcm", Suite::Aes256Gcm), ("nacl", Suite::Nacl)] {
        for datagram in [1452, 65_487].into_iter().filter(|_| runs("bulk")) {
            let case = Case { suite, datagram };
            let (bytes, took, cpu) = flood(case, 1 << 20, 64 << 20, time);
            let gigabits = bytes as f64 * 8.0 / took / 1e9;
            println!("bulk, {label:<12} {datagram:>6} B {gigabits:>11.2} Gb/s {:>12.2}", cpu / (bytes as f64 / 1e9));
        }
    }
    let case = Case { suite: Suite::Aes256Gcm, datagram: 65_487 };
    let small = Case { datagram: 1452, ..case };
    for (label, case) in [("1452 B", small), ("65487 B", case)].into_iter().filter(|_| runs("small")) {
        let (bytes, took, cpu) = flood(case, 64, 1 << 20, time);
        println!(
            "64 B messages, {label:<19} {:>11.3} M/s {:>12.2} us CPU each",
            bytes as f64 / 64.0 / took / 1e6,
            cpu / (bytes as f64 / 64.0) * 1e6
        );
    }
    if !runs("ask") {
        return;
    }
    let (p50, p99) = ask(small, time);
    println!("64 B question and answer             p50 {p50:.1} us, p99 {p99:.1} us");
}

/// Two roads in session, the far one on a thread of its own, which does `take` with every message until the near one is dropped.
struct Pair {
    near: Plain,
    far: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Pair {
    fn new(case: Case, mut take: impl FnMut(&mut Plain, Name, Message) + Send + 'static) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let (tell, told) = std::sync::mpsc::channel();
        let is_done = Arc::clone(&done);
        let thread = thread::spawn(move || {
            let mut far = bind(Config { main: true, ..config("sink", case) }, 1);
            tell.send(far.address().unwrap()).unwrap();
            while !is_done.load(Ordering::Relaxed) {
                if let Some(Output::Event(Event::Received { from, message })) =
                    far.next(Duration::from_millis(20)).unwrap()
                {
                    take(&mut far, from, message);
                }
            }
        });
        let mut near = bind(Config { dial: vec![told.recv().unwrap()], ..config("source", case) }, 2);
        while !matches!(near.next(Duration::from_secs(10)).unwrap(), Some(Output::Event(Event::Joined { .. }))) {}
        Self { near, far: Some((done, thread)) }
    }

    /// Whether there is room for one more message.
    fn send(&mut self, ticket: u64, body: &Bytes) -> bool {
        let message = Message { body: body.clone(), ..Message::default() };
        self.near.submit(Command::Send { ticket: Ticket(ticket), to: name("sink"), message }).is_ok()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.far.take() {
            done.store(true, Ordering::Relaxed);
            thread.join().unwrap();
        }
    }
}

fn bind(config: Config, seed: u64) -> Plain {
    let keys = OwnKeys::generate(&mut Random::from_number(seed));
    Plain::bind(SocketAddr::from(([127, 0, 0, 1], 0)), config, keys, Memory::default()).unwrap()
}

/// Sends messages of `size` bytes, `outstanding` bytes unconfirmed at most, for `time`; bytes that arrived, seconds, CPU.
fn flood(case: Case, size: usize, outstanding: usize, time: Duration) -> (u64, f64, f64) {
    let got = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&got);
    let mut pair = Pair::new(case, move |_, _, message| {
        count.fetch_add(message.body.len() as u64, Ordering::Relaxed);
    });
    let body = Bytes::from(vec![7u8; size]);
    let (mut going, mut ticket) = (0usize, 0u64);
    let mut start = Instant::now();
    let warm = start + time / 4;
    let (mut base, mut cpu) = (0, cpu_seconds());
    let mut is_warm = false;
    let mut end = start + time * 2;
    while Instant::now() < end {
        if !is_warm && Instant::now() > warm {
            (is_warm, start, base, cpu) = (true, Instant::now(), got.load(Ordering::Relaxed), cpu_seconds());
            end = start + time;
        }
        while going + size <= outstanding && pair.send(ticket, &body) {
            ticket += 1;
            going += size;
        }
        let mut patience = Duration::from_millis(20);
        while let Some(output) = pair.near.next(patience).unwrap() {
            match output {
                Output::Event(Event::Delivered { .. }) => going -= size,
                Output::Event(Event::Failed { why, .. }) => panic!("{why}"),
                _ => {}
            }
            if going + size <= outstanding / 2 {
                break;
            }
            patience = Duration::ZERO;
        }
    }
    let (took, bytes, cpu) = (start.elapsed().as_secs_f64(), got.load(Ordering::Relaxed) - base, cpu_seconds() - cpu);
    if std::env::var_os("SESSIONS").is_some() {
        println!("{:#?}", pair.near.road().sessions());
    }
    (bytes, took, cpu)
}

/// One question of 64 bytes after the other; microseconds until the answer, median and 99th percentile.
fn ask(case: Case, time: Duration) -> (f64, f64) {
    let mut pair = Pair::new(case, |far, from, message| {
        let message = Message { body: message.body, ..Message::default() };
        far.submit(Command::Send { ticket: Ticket(0), to: from, message }).unwrap();
    });
    let (mut times, end) = (Vec::new(), Instant::now() + time);
    let body = Bytes::from(vec![7u8; 64]);
    while Instant::now() < end {
        let asked = Instant::now();
        assert!(pair.send(1, &body), "there is room for one");
        while !matches!(pair.near.next(Duration::from_secs(1)).unwrap(), Some(Output::Event(Event::Received { .. }))) {}
        times.push(asked.elapsed());
    }
    times.sort();
    let at = |share: usize| times.get(times.len() * share / 100).map_or(0.0, |time| time.as_secs_f64() * 1e6);
    (at(50), at(99))
}

/// Processor time of this process so far.
fn cpu_seconds() -> f64 {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).unwrap();
    let seconds = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}
