//! Roadstead itself: the classic road, and the places of the fast one with either cipher.

use std::collections::VecDeque;
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
use roadstead::road::{Config, Memory, Output, Trust};
use roadstead::transport::{Command, Event, Ticket};

use super::stream::MARGIN;
use super::{End, Found, Peer};
use crate::clock;
use crate::meter::Meter;
use crate::work::{Figures, Job, PACED, SMALL, Work};

/// Our road, in one of its wires.
pub(crate) struct Roadstead {
    name: &'static str,
    wire: Wire,
}

#[derive(PartialEq)]
enum Wire {
    /// The fast road with AES-256-GCM.
    FastAes,
    /// The fast road with XSalsa20-Poly1305.
    FastNacl,
    /// RAET as it was.
    Classic,
}

pub(crate) static FAST_AES: Roadstead = Roadstead { name: "Roadstead fast, AES", wire: Wire::FastAes };
pub(crate) static FAST_NACL: Roadstead = Roadstead { name: "Roadstead fast, NaCl", wire: Wire::FastNacl };
pub(crate) static CLASSIC: Roadstead = Roadstead { name: "Roadstead classic", wire: Wire::Classic };

/// Bytes of one message of a bulk transfer, and how many are under way.
const BULK: usize = 128 << 10;
const WINDOW: usize = 32;

impl Peer for Roadstead {
    fn name(&self) -> &'static str {
        self.name
    }

    fn can(&self, work: Work) -> bool {
        // The fast wires wait for their shell.
        self.wire == Wire::Classic && matches!(work, Work::Bulk | Work::Request | Work::Flood)
    }

    fn serve(&self, end: &End, meter: Arc<Meter>, tell: &dyn Fn(Found)) -> Result<Infallible> {
        let mut road = bind((end.ip, 0).into(), "far", Vec::new())?;
        tell(Found { at: road.address()?, key: String::new() });
        loop {
            let Some(Output::Event(Event::Received { from, message })) = road.next(TURN)? else { continue };
            if meter.job().work == Work::Request {
                submit(&mut road, Command::Send { ticket: Ticket(0), to: from, message })?;
            } else {
                meter.take(message.body.len(), 1);
            }
        }
    }

    fn drive(&self, end: &End, to: &Found, job: Job, tell: &dyn Fn(Figures)) -> Result<Infallible> {
        let mut road = bind((end.ip, 0).into(), "near", vec![to.at])?;
        let peer = loop {
            if let Some(Output::Event(Event::Joined { peer })) = road.next(TURN)? {
                break peer;
            }
        };
        let mut figures = Figures::default();
        let before = clock::processor();
        match job.work {
            Work::Request => figures.spread(requests(&mut road, &peer, job)?),
            Work::Bulk => flood(&mut road, &peer, job, BULK)?,
            Work::Paced => flood(&mut road, &peer, job, PACED)?,
            _ => flood(&mut road, &peer, job, SMALL)?,
        }
        figures.set("near-processor", clock::processor() - before);
        tell(figures);
        loop {
            road.next(TURN)?;
        }
    }
}

const TURN: Duration = Duration::from_millis(100);

fn bind(at: SocketAddr, name: &str, dial: Vec<SocketAddr>) -> Result<Plain> {
    let name = Name::new(name)?;
    let config = Config { main: dial.is_empty(), trust: Trust::Once, dial, ..Config::new(name.clone(), name) };
    let keys = OwnKeys::generate(&mut Random::new(entropy::seed()?));
    Ok(Plain::bind(at, config, keys, Memory::default())?)
}

/// A body of `size` bytes in all, its encoding included.
fn message(size: usize) -> Result<Message> {
    let probe = Message::new(Route::default(), "load", &"")?;
    Ok(Message::new(Route::default(), "load", &"x".repeat(size.saturating_sub(probe.body.len())))?)
}

fn submit(road: &mut Plain, mut command: Command) -> Result<()> {
    while let Err(back) = road.submit(command) {
        command = back;
        road.next(Duration::from_millis(1))?;
    }
    Ok(())
}

fn flood(road: &mut Plain, peer: &Name, job: Job, size: usize) -> Result<()> {
    let (message, end) = (message(size)?, Instant::now() + job.time + MARGIN);
    let mut under_way = VecDeque::new();
    let mut ticket = 0;
    while Instant::now() < end {
        while under_way.len() < WINDOW {
            ticket += 1;
            let command = Command::Send { ticket: Ticket(ticket), to: peer.clone(), message: message.clone() };
            if road.submit(command).is_err() {
                break;
            }
            under_way.push_back(ticket);
        }
        match road.next(TURN)? {
            Some(Output::Event(Event::Delivered { .. })) => drop(under_way.pop_front()),
            Some(Output::Event(Event::Failed { why, .. })) => bail!("{why}"),
            _ => {}
        }
    }
    Ok(())
}

/// Round trips in microseconds.
fn requests(road: &mut Plain, peer: &Name, job: Job) -> Result<Vec<f64>> {
    let (message, mut samples) = (message(SMALL)?, Vec::new());
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
