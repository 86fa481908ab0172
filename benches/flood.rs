//! A running transfer over loopback, real sockets and a thread for each end, while a third thread sends 100,000 junk
//! datagrams a second to the receiver's port: goodput beside that under the same flood to a port that nobody reads, which
//! costs this machine as much to send.
//!
//! All three share this machine's cores, with whoever else is there: the goodput is what was left for the transfer, and
//! `us each`, processor time of the receiver beyond what the transfer takes, is what a busy neighbour changes least.
//!
//! Why: what strangers send must cost no cliff. Every kind that a stranger can make is a row; replays are of packets of the
//! running session, as somebody on the path would have them. `cargo bench --bench flood -- 65487` for loopback's own MTU.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use roadstead::base::{Name, Random, Time};
use roadstead::clock::Clock;
use roadstead::drive::offload::Offload;
use roadstead::drive::train::{Arrivals, Departure};
use roadstead::drivers::plain::Plain;
use roadstead::keep::{OwnKeys, RoleKey};
use roadstead::message::Message;
use roadstead::nacl::Suite;
use roadstead::road::v1::handshake::{Dial, Identity, Initiator, Progress};
use roadstead::road::{Config, Fast, Memory, Output, Road, Trust};
use roadstead::transport::{Command, Event, Ticket};
use roadstead::wire::v1::Parameters;

/// Junk datagrams a second.
const RATE: u32 = 100_000;
const TIME: Duration = Duration::from_millis(1500);
const RUNS: usize = 5;
/// Different datagrams of one kind.
const KINDS: usize = 4096;
const BULK: usize = 64 << 10;
const WINDOW: usize = 128;

/// What is sent to the receiver's port.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Junk {
    None,
    /// To another port, random.
    Elsewhere,
    Random,
    UnknownIds,
    Replays,
    /// The latest packets, at once and again.
    Echoes,
    /// What seals a live session's packets does not open these.
    Forged,
    BadHellos,
    GoodHellos,
    /// One that shows where it is, again and again.
    ProvenHellos,
    Initiates,
    Intros,
    Mixed,
}

const ROWS: [(Junk, &str); 13] = [
    (Junk::None, "none"),
    (Junk::Elsewhere, "to another port"),
    (Junk::Random, "random bytes, 20 to 1,452"),
    (Junk::UnknownIds, "data of unknown sessions, 1,452 B"),
    (Junk::Replays, "the session's packets, older"),
    (Junk::Echoes, "the session's packets, the latest"),
    (Junk::Forged, "data of the session, forged, 1,452 B"),
    (Junk::BadHellos, "hellos without a proof, 320 B"),
    (Junk::GoodHellos, "hellos of who knows our key, 320 B"),
    (Junk::ProvenHellos, "hellos with a token of ours, 320 B"),
    (Junk::Initiates, "initiates with made-up cookies, 1,148 B"),
    (Junk::Intros, "questions who we are, 512 B"),
    (Junk::Mixed, "all of these"),
];

/// What both ends and the flood tell each other.
#[derive(Default)]
struct Stage {
    received: AtomicU64,
    flooded: AtomicU64,
    is_over: AtomicBool,
    is_joined: AtomicBool,
    captured: Mutex<VecDeque<Vec<u8>>>,
}

fn config(name: &str, dial: Vec<SocketAddr>, datagram: u16) -> Config {
    let name = Name::new(name).unwrap();
    let fast = Fast { datagram, ..Fast::default() };
    Config { main: dial.is_empty(), trust: Trust::Once, dial, fast, ..Config::new(name.clone(), name) }
}

/// Seconds this thread has had a processor.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() * 1e-9
}

fn main() {
    let datagram = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(1452);
    // One row alone, for a profile of it.
    if let Some((junk, name)) = ROWS.iter().find(|(_, name)| std::env::args().any(|word| word == *name)) {
        return println!("{name}: {:.2} Gb/s", run(*junk, datagram).rate * 8e-9);
    }
    println!("datagrams of up to {datagram} B; medians of {RUNS} runs of {TIME:?}");
    println!(
        "{:<42} {:>6} {:>9} {:>8} {:>9} {:>8} {:>8} {:>8} {:>8}  dropped, by reason",
        "junk", "Gb/s", "to other", "us each", "Gb/CPU s", "receiver", "sender", "flood", "junk/s"
    );
    let mut rows = vec![Vec::new(); ROWS.len()];
    // In turn, so that a neighbour's busy minute is everybody's.
    for _ in 0..RUNS {
        for (n, (junk, _)) in ROWS.iter().enumerate() {
            rows[n].push(run(*junk, datagram));
        }
    }
    let base = median(&rows[1], &|run| run.rate);
    // Processor seconds of the receiver for a byte of the transfer, when nothing else comes to its port.
    let byte = median(&rows[1], &|run| run.receiver / run.rate);
    for ((_, name), runs) in ROWS.iter().zip(&rows) {
        let rate = median(runs, &|run| run.rate);
        let share = |of: fn(&Run) -> f64| format!("{:.0} %", median(runs, &of) * 100.0);
        let each = median(runs, &|run| (run.receiver - run.rate * byte) / run.junk.max(1.0));
        let is_there = matches!(name, &"none" | &"to another port");
        let each = if is_there { String::new() } else { format!("{:.2}", each * 1e6) };
        println!(
            "{name:<42} {:>6.2} {:>9.2} {each:>8} {:>9.2} {:>8} {:>8} {:>8} {:>8.0}  {}",
            rate * 8e-9,
            rate / base,
            median(runs, &|run| run.rate / run.receiver) * 8e-9,
            share(|run| run.receiver),
            share(|run| run.sender),
            share(|run| run.flooder),
            median(runs, &|run| run.junk),
            runs[0].drops
        );
    }
}

fn median(runs: &[Run], of: &dyn Fn(&Run) -> f64) -> f64 {
    let mut all: Vec<f64> = runs.iter().map(of).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[derive(Clone)]
struct Run {
    /// Bytes a second.
    rate: f64,
    /// Shares of a processor.
    receiver: f64,
    sender: f64,
    flooder: f64,
    junk: f64,
    drops: String,
}

fn run(junk: Junk, datagram: u16) -> Run {
    let keys = OwnKeys::generate(&mut Random::from_number(1));
    let at = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut harbour = Plain::bind(at, config("harbour", Vec::new(), datagram), keys, Memory::default()).unwrap();
    let (address, key) = (harbour.address().unwrap(), harbour.road().own_key());
    let elsewhere = UdpSocket::bind(at).unwrap();
    let target = if junk == Junk::Elsewhere { elsewhere.local_addr().unwrap() } else { address };
    let (stage, batch) = (Stage::default(), batch(junk, &key));
    let joined = || {
        while !stage.is_joined.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1))
        }
    };
    std::thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            joined_receive(&mut harbour, &stage);
            let before = cpu();
            while !stage.is_over.load(Ordering::Relaxed) {
                receive(&mut harbour, &stage);
            }
            cpu() - before
        });
        let sender = scope.spawn(|| ship(address, &stage, datagram));
        let flooder = scope.spawn(|| {
            joined();
            flood(junk, batch, target, &key, &stage)
        });
        joined();
        // Past the start of the transfer and of the flood.
        std::thread::sleep(Duration::from_millis(400));
        let (start, count, flooded) =
            (Instant::now(), stage.received.load(Ordering::Relaxed), stage.flooded.load(Ordering::Relaxed));
        std::thread::sleep(TIME);
        let time = start.elapsed().as_secs_f64();
        let count = stage.received.load(Ordering::Relaxed) - count;
        let flooded = stage.flooded.load(Ordering::Relaxed) - flooded;
        stage.is_over.store(true, Ordering::Relaxed);
        let whole = time + 0.4;
        let (receiver, sender, flooder) = (receiver.join().unwrap(), sender.join().unwrap(), flooder.join().unwrap());
        Run {
            rate: count as f64 / time,
            receiver: receiver / whole,
            sender: sender / whole,
            flooder: flooder / whole,
            junk: flooded as f64 / time,
            drops: String::new(),
        }
    })
    .with(&harbour)
}

impl Run {
    fn with(mut self, harbour: &Plain) -> Self {
        self.drops = format!("{:?}", harbour.road().stats().drops);
        self
    }
}

fn receive(harbour: &mut Plain, stage: &Stage) {
    if let Some(Output::Event(event)) = harbour.next(Duration::from_millis(5)).unwrap() {
        match event {
            Event::Received { message, .. } => {
                _ = stage.received.fetch_add(message.body.len() as u64, Ordering::Relaxed)
            }
            Event::Joined { .. } => stage.is_joined.store(true, Ordering::Relaxed),
            Event::Left { why, .. } => panic!("the transfer ended: {why}"),
            _ => {}
        }
    }
}

fn joined_receive(harbour: &mut Plain, stage: &Stage) {
    while !stage.is_joined.load(Ordering::Relaxed) {
        receive(harbour, stage);
    }
}

/// The sending end; what it sends is shown to the flood. Returns how long it had a processor.
fn ship(to: SocketAddr, stage: &Stage, datagram: u16) -> f64 {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let (mut offload, clock) = (Offload::new(&socket).unwrap(), Clock::start());
    let keys = OwnKeys::generate(&mut Random::from_number(2));
    let mut road = Road::new(config("ship", vec![to], datagram), keys, Memory::default(), [2; 32], clock.now());
    let (mut arrivals, mut departure) = (Arrivals::default(), Departure::default());
    let message = Message { body: vec![7; BULK].into(), ..Message::default() };
    let (mut peer, mut going, mut ticket, mut trains, mut before) = (None, 0, 0, 0u32, 0.0);
    while !stage.is_over.load(Ordering::Relaxed) {
        let now = clock.now();
        road.handle_timeout(now);
        for _ in 0..32 {
            if !departure.load(|out| {
                let transmit = road.poll_transmit(now, out)?;
                trains = trains.wrapping_add(1);
                if peer.is_some() && trains.is_multiple_of(16) {
                    let mut captured = stage.captured.lock().unwrap();
                    captured.extend(transmit.datagrams(out).take(8).map(<[u8]>::to_vec));
                    while captured.len() > KINDS {
                        captured.pop_front();
                    }
                }
                Some(transmit)
            }) || !departure.unload(|transmit, left| offload.send(&socket, transmit, left).ok())
            {
                break;
            }
        }
        while let Some(output) = road.poll_output() {
            match output {
                Output::Event(Event::Joined { peer: joined }) => {
                    peer = Some(joined);
                    before = cpu();
                }
                Output::Event(Event::Delivered { .. }) => going -= 1,
                Output::Event(Event::Left { why, .. }) => panic!("the transfer ended: {why}"),
                _ => {}
            }
        }
        while let Some(to) = peer.clone().filter(|_| going < WINDOW) {
            ticket += 1;
            let send = Command::Send { ticket: Ticket(ticket), to, message: message.clone() };
            if road.handle_command(now, send).is_err() {
                break;
            }
            going += 1;
        }
        let wait = road.poll_timeout().map_or(Duration::from_millis(5), |due| due.since(clock.now()));
        let wait = if departure.is_waiting() { Duration::from_millis(1) } else { wait.min(Duration::from_millis(5)) };
        if !wait.is_zero() {
            let time = TimeSpec::from_duration(wait);
            let _ = ppoll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], Some(time), None);
        }
        if offload.receive(&socket, &mut arrivals).is_ok() {
            arrivals.unload(|datagrams| road.handle_datagrams(clock.now(), datagrams));
        }
    }
    cpu() - before
}

/// Sends `RATE` a second, each with a call of its own as the net would bring them; returns its processor time.
fn flood(junk: Junk, mut batch: Vec<Vec<u8>>, to: SocketAddr, key: &RoleKey, stage: &Stage) -> f64 {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    if junk == Junk::ProvenHellos {
        batch = vec![proven(&socket, to, key, &batch)];
    }
    let (before, start, mut sent, mut round) = (cpu(), Instant::now(), 0u64, 0u64);
    while !stage.is_over.load(Ordering::Relaxed) {
        let due = (start.elapsed().as_secs_f64() * f64::from(RATE)) as u64;
        if matches!(junk, Junk::Replays | Junk::Echoes | Junk::Forged | Junk::Mixed) && round.is_multiple_of(8) {
            renew(junk, &mut batch, stage);
        }
        round += 1;
        // What the machine did not let us send is not made up for at once.
        sent = sent.max(due.saturating_sub(1000));
        let until = due.min(sent + 50);
        while sent < until && junk != Junk::None {
            let _ = socket.send_to(&batch[sent as usize % batch.len()], to);
            sent += 1;
            stage.flooded.fetch_add(1, Ordering::Relaxed);
        }
        if sent >= due || junk == Junk::None {
            std::thread::sleep(Duration::from_micros(300));
        }
    }
    cpu() - before
}

/// Takes over what was captured meanwhile.
fn renew(junk: Junk, batch: &mut Vec<Vec<u8>>, stage: &Stage) {
    let captured = stage.captured.lock().unwrap();
    let some: Vec<_> = match junk {
        Junk::Replays if batch.len() > 1 => return,
        Junk::Replays => captured.iter().take(KINDS / 2).cloned().collect(),
        _ => captured.iter().rev().take(50).cloned().collect(),
    };
    drop(captured);
    if some.is_empty() {
        return;
    }
    let forged = some.iter().zip(0u8..).map(|(packet, n)| {
        let mut forged = packet.clone();
        forged.resize(1452.min(packet.len().max(40)), 7);
        let last = forged.len() - 1;
        forged[last] ^= 1;
        // Under another number, most of which are not seen yet: nothing but the cipher tells.
        forged[10] ^= 0x20 ^ n;
        forged
    });
    match junk {
        Junk::Forged => *batch = forged.collect(),
        Junk::Mixed => {
            let forged: Vec<_> = forged.collect();
            for (n, packet) in some.into_iter().chain(forged).enumerate() {
                let at = n * 7 % batch.len();
                batch[at] = packet;
            }
        }
        _ => *batch = some,
    }
}

fn batch(junk: Junk, key: &RoleKey) -> Vec<Vec<u8>> {
    let mut random = Random::from_number(7);
    let mut bytes =
        |len: usize| (0..len.div_ceil(8)).flat_map(|_| random.number().to_be_bytes()).take(len).collect::<Vec<u8>>();
    match junk {
        Junk::None | Junk::Replays | Junk::Echoes | Junk::Forged => vec![bytes(40)],
        Junk::Elsewhere | Junk::Random => (0..KINDS).map(|n| bytes(20 + n * 37 % 1433)).collect(),
        Junk::UnknownIds => (0..KINDS).map(|_| with(bytes(1452), &[0xc1, 0])).collect(),
        Junk::BadHellos => (0..KINDS).map(|_| with(bytes(320), &[0x83, 1, 0, 2])).collect(),
        Junk::GoodHellos | Junk::ProvenHellos => (0..1024).map(|n| hello(&mut stranger(n, key))).collect(),
        Junk::Initiates => (0..KINDS).map(|_| with(bytes(1148), &[0x86, 1, 0, 2])).collect(),
        Junk::Intros => (0..KINDS)
            .map(|_| {
                let mut intro = vec![0; 512];
                intro[..28].copy_from_slice(&with(bytes(28), &[0x81, 1, 0, 0]));
                intro
            })
            .collect(),
        Junk::Mixed => {
            let kinds =
                [Junk::Random, Junk::UnknownIds, Junk::BadHellos, Junk::GoodHellos, Junk::Initiates, Junk::Intros];
            let mut all: Vec<_> = kinds.iter().map(|kind| batch(*kind, key).into_iter()).collect();
            (0..KINDS).map(|n| all[n % kinds.len()].next().unwrap()).collect()
        }
    }
}

fn with(mut datagram: Vec<u8>, head: &[u8]) -> Vec<u8> {
    datagram[..head.len()].copy_from_slice(head);
    datagram
}

/// Somebody who knows our public key, which is no secret.
fn stranger(n: u64, key: &RoleKey) -> Initiator {
    let who = OwnKeys::generate(&mut Random::from_number(3));
    let identity = Arc::new(Identity::new(Name::new("stranger").unwrap(), who, 0).unwrap());
    let dial = Dial {
        pin: key.public,
        verify: None,
        role: None,
        suites: Suite::preferred().to_vec(),
        parameters: Parameters::default(),
        site: None,
        enrolment: None,
        must_enrol: false,
        early: Vec::new(),
    };
    Initiator::new(identity, dial, Random::from_number(n).bytes(), Time::ZERO)
}

fn hello(initiator: &mut Initiator) -> Vec<u8> {
    initiator.poll_transmit(Time::ZERO).unwrap().to_vec()
}

/// A hello with the token that is asked for under load, from this socket.
fn proven(socket: &UdpSocket, to: SocketAddr, key: &RoleKey, others: &[Vec<u8>]) -> Vec<u8> {
    let (mut initiator, mut answer) = (stranger(1 << 40, key), [0; 2048]);
    let first = hello(&mut initiator);
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    loop {
        others.iter().take(400).for_each(|other| _ = socket.send_to(other, to));
        socket.send_to(&first, to).unwrap();
        while let Ok(len) = socket.recv(&mut answer) {
            let wall = roadstead::base::Wall::default();
            if len == 44 && matches!(initiator.handle_datagram(Time::ZERO, wall, &mut answer[..len]), Progress::Stepped)
            {
                return hello(&mut initiator);
            }
        }
    }
}
