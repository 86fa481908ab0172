//! The engine alone, driven by a plain `std::net::UdpSocket`: no async, no driver of ours, no feature of the crate.
//!
//! Two estates, a thread each. The ship reports three times, the harbour answers each report, the ship says goodbye.
//! The loop of [`Estate::next`] is all that a road asks of whoever drives it.

// The clock is a program's own business; inside the crate one file alone reads it.
#![allow(clippy::disallowed_methods)]

use std::collections::VecDeque;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use roadstead::base::{Acceptance, Name, Random, Time};
use roadstead::keep::OwnKeys;
use roadstead::message::{Message, Route};
use roadstead::road::{Config, Memory, Output, Road};
use roadstead::transport::{Command, Event, Ticket};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Largest datagram we send, bytes: what Ethernet takes. The standard library has no say over the "don't fragment" bit,
/// and without it a search for the path's size finds nothing true.
const DATAGRAM: u16 = 1452;
/// Longest sleep.
const NAP: Duration = Duration::from_millis(100);
/// Nobody waits longer than this for the other.
const PATIENCE: Duration = Duration::from_secs(30);

/// One end: the engine, its socket, and the clock.
struct Estate {
    road: Road,
    socket: UdpSocket,
    start: Instant,
    /// Where datagrams come in, and where the road writes those that go out.
    come: Vec<u8>,
    go: Vec<u8>,
}

impl Estate {
    /// An estate with fresh keys, which are gone with the program. One that dials nobody waits to be joined.
    fn new(name: &str, dial: Option<SocketAddr>) -> Outcome<Self> {
        let name: Name = name.parse()?;
        let mut config = Config::new(name.clone(), name);
        config.main = dial.is_none();
        config.dial.extend(dial);
        config.fast.datagram = DATAGRAM;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let mut random = Random::new(seed);
        let keys = OwnKeys::generate(&mut random);
        let road = Road::new(config, keys, Memory::default(), random.bytes(), Time(0));
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok(Self { road, socket, start: Instant::now(), come: vec![0; 65_536], go: Vec::new() })
    }

    /// Microseconds on a clock that never goes back; where it begins does not matter.
    fn now(&self) -> Time {
        Time(self.start.elapsed().as_micros() as u64)
    }

    /// The next thing to know: sends, sleeps and receives until there is one.
    fn next(&mut self) -> Outcome<Event> {
        loop {
            let now = self.now();
            self.road.handle_timeout(now);
            self.send();
            match self.road.poll_output() {
                Some(Output::Event(event)) => return Ok(event),
                // Keys and who is accepted: a daemon writes them down, we forget them at the end.
                Some(Output::Keep(_) | Output::Note(_)) => continue,
                None if now.since(Time(0)) > PATIENCE => return Err("the other estate does not answer".into()),
                None => {}
            }
            let wait = self.road.poll_timeout().map_or(NAP, |due| due.since(now).min(NAP));
            // To a socket, zero is for ever.
            self.socket.set_read_timeout(Some(wait.max(Duration::from_micros(1))))?;
            // An error is silence, or that somebody is gone: the road finds out by itself.
            if let Ok((length, from)) = self.socket.recv_from(&mut self.come) {
                let now = self.now();
                self.road.handle_datagram(now, from, self.come.get_mut(..length).unwrap_or_default());
            }
        }
    }

    /// Sends what there is to send. What the kernel does not take is lost, as it may be on any network.
    fn send(&mut self) {
        while let Some(transmit) = self.road.poll_transmit(self.now(), &mut self.go) {
            for datagram in transmit.datagrams(&self.go) {
                let _ = self.socket.send_to(datagram, transmit.to);
            }
        }
    }

    fn command(&mut self, command: Command) -> Outcome<()> {
        // Handed back: no room. A program that sends much keeps the command and waits for `Event::Room`.
        self.road.handle_command(self.now(), command).map_err(|_| "the road is full".into())
    }

    /// Here a person would compare the fingerprint with what the other side says of itself.
    fn let_in(&mut self, event: &Event) -> Outcome<()> {
        let Event::Knock { role, fingerprint } = event else { return Ok(()) };
        let (role, fingerprint) = (role.clone(), *fingerprint);
        self.command(Command::Admit { role, fingerprint, acceptance: Some(Acceptance::Accepted) })
    }

    /// Says goodbye to everybody.
    fn close(&mut self) {
        self.road.close(self.now());
        self.send();
    }
}

/// Answers every report until the ship leaves; gives the answers' count.
fn harbour(mut estate: Estate) -> Outcome<u64> {
    let mut answers = 0;
    loop {
        let event = estate.next()?;
        estate.let_in(&event)?;
        match event {
            Event::Received { from, message } => {
                println!("harbour: {from} says '{}'", message.read::<String>()?);
                answers += 1;
                let message = message.reply("answer", &format!("heard, number {answers}"))?;
                estate.command(Command::Send { ticket: Ticket(answers), to: from, message })?;
            }
            Event::Left { .. } => return Ok(answers),
            Event::Failed { why, .. } => return Err(why.into()),
            _ => {}
        }
    }
}

/// Reports, and leaves once every report is delivered and answered.
fn ship(mut estate: Estate) -> Outcome<()> {
    let mut reports = VecDeque::from(["five days out", "six days out", "land in sight"]);
    let (mut delivered, mut answered, count) = (0, 0, reports.len());
    while delivered < count || answered < count {
        let event = estate.next()?;
        estate.let_in(&event)?;
        match event {
            Event::Joined { peer } => {
                while let Some(report) = reports.pop_front() {
                    let (ticket, to) = (Ticket(reports.len() as u64), peer.clone());
                    let message = Message::new(Route::default(), "report", &report)?;
                    estate.command(Command::Send { ticket, to, message })?;
                }
            }
            Event::Received { from, message } => {
                println!("ship: {from} says '{}'", message.read::<String>()?);
                answered += 1;
            }
            Event::Delivered { .. } => delivered += 1,
            Event::Failed { why, .. } => return Err(why.into()),
            _ => {}
        }
    }
    estate.close();
    Ok(())
}

fn main() -> Outcome<()> {
    let first = Estate::new("harbour", None)?;
    let second = Estate::new("ship", Some(first.socket.local_addr()?))?;
    let harbour = thread::spawn(|| harbour(first));
    ship(second)?;
    let answers = harbour.join().map_err(|_| "the harbour panicked")??;
    println!("{answers} reports answered");
    Ok(())
}
