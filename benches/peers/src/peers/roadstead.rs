//! Roadstead itself: the fast road with either cipher and either congestion control, and the classic one.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use roadstead::base::{Name, Random};
use roadstead::drive::entropy;
use roadstead::drivers::plain::Plain;
use roadstead::keep::OwnKeys;
use roadstead::message::{Message, Route};
use roadstead::nacl::Suite;
use roadstead::road::v1::Algorithm;
use roadstead::road::{Config, Fast, Memory, Output, Trust, Wires};
use roadstead::transport::{Command, Event, Ticket};

use super::stream::{MARGIN, PATIENCE};
use super::{End, Found, Peer};
use crate::clock;
use crate::meter::{Meter, due};
use crate::work::{Figures, Job, PACE, SMALL, Work};

mod crowd;

/// Our road, in one of its wires.
pub(crate) struct Roadstead {
    name: &'static str,
    wire: Wire,
    /// Bytes of one message of a bulk transfer.
    bulk: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Wire {
    /// The fast road.
    Fast {
        suite: Suite,
        control: Algorithm,
        /// Largest datagram it tries.
        datagram: u16,
    },
    /// RAET as it was.
    Classic,
}

/// What fits Ethernet, and what loopback takes.
const ETHERNET: u16 = 1452;
const LOOPBACK: u16 = 65_487;

const fn fast(name: &'static str, suite: Suite, control: Algorithm, datagram: u16) -> Roadstead {
    Roadstead { name, wire: Wire::Fast { suite, control, datagram }, bulk: BULK }
}

const fn in_messages_of(bulk: usize, name: &'static str) -> Roadstead {
    Roadstead { bulk, ..fast(name, Suite::Aes256Gcm, Algorithm::Bbr, ETHERNET) }
}

pub(crate) static AES: Roadstead = fast("Roadstead AES", Suite::Aes256Gcm, Algorithm::Bbr, ETHERNET);
pub(crate) static NACL: Roadstead = fast("Roadstead NaCl", Suite::Nacl, Algorithm::Bbr, ETHERNET);
pub(crate) static FREE: Roadstead = fast("Roadstead, any MTU", Suite::Aes256Gcm, Algorithm::Bbr, LOOPBACK);
pub(crate) static CUBIC: Roadstead = fast("Roadstead CUBIC", Suite::Aes256Gcm, Algorithm::Cubic, ETHERNET);
pub(crate) static LARGE: Roadstead = in_messages_of(256 << 10, "Roadstead 256 KiB");
pub(crate) static LARGEST: Roadstead = in_messages_of(1 << 20, "Roadstead 1 MiB");
pub(crate) static CLASSIC: Roadstead = Roadstead { name: "Roadstead classic", wire: Wire::Classic, bulk: CLASSIC_BULK };

/// Bytes of one message of a bulk transfer, and bytes under way. Sixteen messages come to their end together, and one counts when
/// it is whole: small ones keep that out of a slow link's figures.
const BULK: usize = 16 << 10;
const WINDOW: usize = 8 << 20;
/// Large messages under way: as many as take turns at once, and as many that follow.
const UNDER_WAY: usize = 32;
/// The classic road's.
const CLASSIC_BULK: usize = 128 << 10;
const CLASSIC_WINDOW: usize = 32;

impl Roadstead {
    fn is_classic(&self) -> bool {
        self.wire == Wire::Classic
    }

    /// A road of this wire that dials `dial`, or waits to be dialled.
    fn config(&self, name: &str, dial: Vec<SocketAddr>) -> Result<Config> {
        let name = Name::new(name)?;
        let wires = if self.is_classic() { Wires::CLASSIC } else { Wires::FAST };
        let mut fast = Fast::default();
        if let Wire::Fast { suite, control, datagram } = self.wire {
            fast = Fast { suites: vec![suite], control, datagram, ..fast };
        }
        Ok(Config { main: dial.is_empty(), trust: Trust::Once, dial, wires, fast, ..Config::new(name.clone(), name) })
    }

    fn bind(&self, at: SocketAddr, name: &str, dial: Vec<SocketAddr>) -> Result<Plain> {
        let keys = OwnKeys::generate(&mut Random::new(entropy::seed()?));
        Ok(Plain::bind(at, self.config(name, dial)?, keys, Memory::default())?)
    }

    /// A body of `size` bytes in all; the classic wire's is a value with its encoding.
    fn message(&self, size: usize) -> Result<Message> {
        if !self.is_classic() {
            return Ok(Message { body: vec![7; size].into(), ..Message::default() });
        }
        let probe = Message::new(Route::default(), "load", &"")?;
        Ok(Message::new(Route::default(), "load", &"x".repeat(size.saturating_sub(probe.body.len())))?)
    }
}

impl Peer for Roadstead {
    fn name(&self) -> &'static str {
        self.name
    }

    fn can(&self, work: Work) -> bool {
        match self.bulk {
            BULK => true,
            CLASSIC_BULK => matches!(work, Work::Bulk | Work::Request | Work::Flood),
            _ => work == Work::Bulk,
        }
    }

    fn serve(&self, end: &End, meter: Arc<Meter>, tell: &dyn Fn(Found)) -> Result<Infallible> {
        let mut road = self.bind((end.ip, 0).into(), "far", Vec::new())?;
        let own = road.road().own_key();
        let key = [&own.verify.as_bytes()[..], &own.public.as_bytes()[..]].concat();
        tell(Found { at: road.address()?, key: key.iter().map(|byte| format!("{byte:02x}")).collect() });
        loop {
            let Some(Output::Event(Event::Received { from, message })) = road.next(TURN)? else { continue };
            match meter.job().work {
                Work::Request => submit(&mut road, Command::Send { ticket: Ticket(0), to: from, message })?,
                Work::Paced => meter.paced(&message.body),
                _ => meter.take(message.body.len(), 1),
            }
        }
    }

    fn drive(&self, end: &End, to: &Found, job: Job, tell: &dyn Fn(Figures)) -> Result<Infallible> {
        let mut figures = Figures::default();
        if matches!(job.work, Work::Handshake | Work::Handshakes | Work::Idle) {
            return crowd::drive(self, end, to, job, tell);
        }
        let mut road = self.bind((end.ip, 0).into(), "near", vec![to.at])?;
        let peer = loop {
            if let Some(Output::Event(Event::Joined { peer })) = road.next(TURN)? {
                break peer;
            }
        };
        let before = clock::processor();
        match job.work {
            Work::Request => figures.spread(requests(&mut road, &peer, job, self.message(SMALL)?)?),
            Work::Paced => paced(&mut road, &peer, job)?,
            Work::Bulk if self.is_classic() => {
                flood(&mut road, &peer, job, self.message(self.bulk)?, CLASSIC_BULK * CLASSIC_WINDOW)?;
            }
            Work::Bulk => flood(&mut road, &peer, job, self.message(self.bulk)?, WINDOW.max(UNDER_WAY * self.bulk))?,
            _ if self.is_classic() => flood(&mut road, &peer, job, self.message(SMALL)?, SMALL * CLASSIC_WINDOW)?,
            _ => flood(&mut road, &peer, job, self.message(SMALL)?, SMALL << 13)?,
        }
        figures.set("near-processor", clock::processor() - before);
        tell(figures);
        loop {
            road.next(TURN)?;
        }
    }
}

const TURN: Duration = Duration::from_millis(100);

fn submit(road: &mut Plain, mut command: Command) -> Result<()> {
    while let Err(back) = road.submit(command) {
        command = back;
        road.next(Duration::from_millis(1))?;
    }
    Ok(())
}

/// As many messages as there is room for, `window` bytes under way at most.
fn flood(road: &mut Plain, peer: &Name, job: Job, message: Message, window: usize) -> Result<()> {
    let (size, end) = (message.body.len(), Instant::now() + job.time + MARGIN);
    let (mut under_way, mut ticket) = (0, 0);
    while Instant::now() < end {
        while under_way + size <= window {
            ticket += 1;
            let command = Command::Send { ticket: Ticket(ticket), to: peer.clone(), message: message.clone() };
            if road.submit(command).is_err() {
                break;
            }
            under_way += size;
        }
        let mut patience = TURN;
        while let Some(output) = road.next(patience)? {
            match output {
                Output::Event(Event::Delivered { .. }) => under_way -= size,
                Output::Event(Event::Failed { why, .. }) => bail!("{why}"),
                _ => {}
            }
            if under_way <= window / 2 {
                break;
            }
            patience = Duration::ZERO;
        }
    }
    Ok(())
}

/// Messages as they come due, whether or not those before have left.
fn paced(road: &mut Plain, peer: &Name, job: Job) -> Result<()> {
    let step = Duration::from_nanos(1_000_000_000 / PACE);
    let start = Instant::now();
    let end = start + job.time;
    let mut next = start;
    let mut body = Vec::new();
    while Instant::now() < end + PATIENCE {
        while next <= Instant::now() && next < end {
            due(&mut body);
            let message = Message { body: body.clone().into(), ..Message::default() };
            submit(road, Command::Send { ticket: Ticket(1), to: peer.clone(), message })?;
            next += step;
        }
        let wait = if next < end { next.saturating_duration_since(Instant::now()) } else { TURN };
        road.next(wait)?;
    }
    Ok(())
}

/// Round trips in microseconds.
fn requests(road: &mut Plain, peer: &Name, job: Job, message: Message) -> Result<Vec<f64>> {
    let mut samples = Vec::new();
    let end = Instant::now() + job.time;
    while Instant::now() < end {
        let start = clock::now();
        submit(road, Command::Send { ticket: Ticket(1), to: peer.clone(), message: message.clone() })?;
        loop {
            match road.next(TURN)? {
                Some(Output::Event(Event::Received { .. })) => break,
                Some(Output::Event(Event::Failed { why, .. })) => return Err(anyhow!("{why}")),
                _ => {}
            }
        }
        samples.push((clock::now() - start) as f64 / 1e3);
    }
    Ok(samples)
}
