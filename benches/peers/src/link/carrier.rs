//! Carries packets between two ports through a pair of links. One thread, woken by packets and deadlines; it owns the
//! ports and the clock's reading, and decides nothing about packets.

use std::os::fd::AsFd;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Result, anyhow};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::prctl::set_timerslack;
use nix::sys::time::TimeSpec;
use tun_rs::SyncDevice;

use super::core::Fate;
use super::net::MTU;
use super::{Link, Spec};
use crate::clock;

/// Longest sleep: how late a new link or the end is noticed.
const TURN: u64 = 20_000_000;
/// Packets read from one side before the other gets its turn.
const BATCH: usize = 64;
/// Lateness is counted in steps of this many nanoseconds; the last step holds the rest.
const LATE_STEP: u64 = 20_000;
const LATE_STEPS: usize = 200;

/// What a pair of links did since it was set, near to far and far to near.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    pub(crate) sides: [Side; 2],
    /// Packets by how late they were handed over.
    late: [u64; LATE_STEPS],
    /// Processor seconds of the carrying thread, and the seconds it ran.
    pub(crate) processor: f64,
    pub(crate) seconds: f64,
}

/// One direction.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Side {
    pub(crate) carried: u64,
    pub(crate) full: u64,
    pub(crate) lost: u64,
    pub(crate) bytes: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self { sides: Default::default(), late: [0; LATE_STEPS], processor: 0.0, seconds: 0.0 }
    }
}

impl Counts {
    /// The lateness in ms that all but `share` of the packets kept under.
    pub(crate) fn lateness(&self, share: f64) -> f64 {
        let (all, mut seen) = (self.late.iter().sum::<u64>(), 0);
        let step = self.late.iter().position(|count| {
            seen += count;
            seen as f64 >= all as f64 * (1.0 - share)
        });
        (step.unwrap_or(0) + 1) as f64 * LATE_STEP as f64 / 1e6
    }
}

/// A way in and out of the emulator; neither call blocks.
pub(crate) trait Port: AsFd + Send + 'static {
    /// Bytes that lie around each packet on a real wire and not in what `receive` gives.
    const EXTRA: usize;

    /// Length of the next packet, if there is one.
    fn receive(&mut self, into: &mut [u8]) -> Option<usize>;

    /// Hands a packet over; one there is no room for is lost, as with any receiver.
    fn send(&mut self, packet: &[u8]);
}

impl Port for SyncDevice {
    const EXTRA: usize = 0;

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        self.recv(into).ok()
    }

    fn send(&mut self, packet: &[u8]) {
        let _ = SyncDevice::send(self, packet);
    }
}

/// The carrying thread, from outside. It ends with this value.
pub(crate) struct Emulator {
    orders: Sender<Order>,
    counts: Arc<Mutex<Counts>>,
}

impl Emulator {
    /// Starts to carry between `ports`, over links without limits until `set` is called.
    pub(crate) fn start<P: Port>(ports: [P; 2]) -> Self {
        let (orders, ordered) = channel();
        let counts = Arc::new(Mutex::new(Counts::default()));
        let shared = Arc::clone(&counts);
        std::thread::spawn(move || {
            // Without the others' patience: the link must keep its times while both ends want the processor.
            let thread = nix::unistd::gettid().to_string();
            let _ = Command::new("chrt").args(["--fifo", "--pid", "10", &thread]).output();
            carry(ports, &ordered, &shared);
        });
        Self { orders, counts }
    }

    /// New links, the same in both directions, with nothing in flight.
    pub(crate) fn set(&self, spec: &Spec, seed: u64) -> Result<()> {
        let order = Order { links: [spec.clone(), spec.clone()], seed };
        self.orders.send(order).map_err(|_| anyhow!("the emulator has ended"))?;
        // By then it has seen the order, however idle the link.
        std::thread::sleep(Duration::from_nanos(2 * TURN));
        Ok(())
    }

    /// What happened since the links were set, up to a moment ago.
    pub(crate) fn counts(&self) -> Counts {
        std::thread::sleep(Duration::from_nanos(3 * TURN));
        self.counts.lock().map(|counts| counts.clone()).unwrap_or_default()
    }
}

struct Order {
    links: [Spec; 2],
    seed: u64,
}

struct Carrier<P> {
    ports: [P; 2],
    links: [Link; 2],
    counts: Counts,
    since: (u64, f64),
    packet: Vec<u8>,
}

fn carry<P: Port>(ports: [P; 2], orders: &Receiver<Order>, counts: &Mutex<Counts>) {
    // The kernel's 50 µs of slack would be added to every sleep.
    let _ = set_timerslack(1_000);
    let link = |seed| Link::new(Spec::plain("", 0, 0, 0.0), seed);
    let since = (clock::now(), clock::processor_of_thread());
    let mut carrier =
        Carrier { ports, links: [link(0), link(1)], counts: Counts::default(), since, packet: Vec::new() };
    let mut told = 0;
    loop {
        match orders.try_recv() {
            Ok(order) => carrier.set(order),
            Err(TryRecvError::Disconnected) => return,
            Err(TryRecvError::Empty) => {}
        }
        let busy = carrier.turn();
        let now = clock::now();
        if now - told > TURN {
            told = now;
            carrier.counts.seconds = (now - carrier.since.0) as f64 / 1e9;
            carrier.counts.processor = clock::processor_of_thread() - carrier.since.1;
            if let Ok(mut counts) = counts.lock() {
                counts.clone_from(&carrier.counts);
            }
        }
        if !busy {
            carrier.sleep();
        }
    }
}

impl<P: Port> Carrier<P> {
    fn set(&mut self, order: Order) {
        let Order { links: [there, back], seed } = order;
        self.links = [Link::new(there, seed), Link::new(back, seed ^ 0x5555)];
        self.counts = Counts::default();
        self.since = (clock::now(), clock::processor_of_thread());
    }

    /// In with what has come, out with what is due; says whether there may be more to do at once.
    fn turn(&mut self) -> bool {
        let mut busy = false;
        for from in 0..2 {
            let (link, side) = (&mut self.links[from], &mut self.counts.sides[from]);
            self.packet.resize(usize::from(MTU), 0);
            for taken in 0..BATCH {
                let Some(length) = self.ports[from].receive(&mut self.packet) else { break };
                if length + P::EXTRA > usize::from(MTU) {
                    continue;
                }
                match link.push(clock::now(), &self.packet[..length], P::EXTRA) {
                    Fate::Carried => (side.carried, side.bytes) = (side.carried + 1, side.bytes + length as u64),
                    Fate::Full => side.full += 1,
                    Fate::Lost => side.lost += 1,
                }
                busy |= taken == BATCH - 1;
            }
            let now = clock::now();
            while let Some(due) = link.pop(now, &mut self.packet) {
                self.ports[1 - from].send(&self.packet);
                let step = ((clock::now() - due) / LATE_STEP) as usize;
                self.counts.late[step.min(LATE_STEPS - 1)] += 1;
            }
        }
        busy
    }

    fn sleep(&self) {
        let now = clock::now();
        let next = self.links.iter().filter_map(Link::deadline).min().unwrap_or(u64::MAX);
        let wait = Duration::from_nanos(next.saturating_sub(now).min(TURN));
        let mut readable = self.ports.each_ref().map(|port| PollFd::new(port.as_fd(), PollFlags::POLLIN));
        let _ = ppoll(&mut readable, Some(TimeSpec::from_duration(wait)), None);
    }
}
