//! The road as a transport: one UDP socket, one engine, one key store. Estates are `<id>_<duty>` on the road and plain
//! ids above it (Salt over RAET §1).

mod keys;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use keys::KeyFiles;

use crate::base::{Name, Time};
use crate::clock::Clock;
use crate::drive::train::{Arrivals, Departure};
use crate::drive::udp::UdpPort;
use crate::drive::writer::{self, Writer};
use crate::keep::store::{KeepError, Store};
use crate::keep::{Change, OwnKeys};
use crate::message::{self, Message};
use crate::road::{Config, Memory, Output, Road, SessionView};
use crate::transport::{Command, Event, Link, Transport};

/// Trains sent before others are taken in: a few for each that comes, as one publish becomes many messages.
const TRAINS: usize = 64;
/// Events that wait for the daemon before no more datagrams are taken in: what it does not keep up with waits in the
/// kernel, or is sent again.
const EVENTS: usize = 64;

/// How long the end of a daemon may wait for room in the kernel.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The raet transport of a daemon.
pub struct Raet {
    road: Road,
    port: UdpPort,
    clock: Clock,
    store: Arc<Store>,
    keys: KeyFiles,
    /// `None` when estates are not remembered.
    writer: Option<Writer>,
    /// Behind the id of every estate we talk to: `_minion` for a master.
    suffix: &'static str,
    arrivals: Arrivals,
    departure: Departure,
    events: VecDeque<Event>,
    /// Messages that are not what a duty reads.
    malformed: u64,
}

impl Raet {
    /// A transport on `port`. `is_master` decides whom it talks to and what it remembers: a minion joins afresh at every
    /// start, as Salt's does, so that its number for its master stays the same.
    pub fn new(
        config: Config,
        keys: OwnKeys,
        store: Store,
        port: UdpPort,
        clock: Clock,
        seed: [u8; 32],
    ) -> Result<Self, KeepError> {
        let (store, now) = (Arc::new(store), clock.now());
        let (mut key_files, roll) = KeyFiles::open(store.clone(), now)?;
        let mut memory = Memory { fast: key_files.fast(&roll)?, roll, ..Memory::default() };
        if config.main {
            memory.local = store.local()?.unwrap_or_default();
            let (remotes, errors) = store.remotes()?;
            memory.remotes = remotes;
            for error in errors {
                tracing::warn!(%error, "left out");
            }
        }
        let suffix = if config.main { "_minion" } else { "_master" };
        let writer = config.main.then(|| Writer::start(store.clone()));
        let mut road = Road::new(config, keys, memory, seed, now);
        road.set_wall(now, clock.wall());
        key_files.tokens(now, &mut road);
        Ok(Self {
            road,
            port,
            clock,
            store,
            keys: key_files,
            writer,
            suffix,
            arrivals: Arrivals::default(),
            departure: Departure::default(),
            events: VecDeque::new(),
            malformed: 0,
        })
    }

    /// The road, for its counters.
    pub fn road(&self) -> &Road {
        &self.road
    }

    /// Everything that can be done without waiting.
    fn turn(&mut self) {
        if self.events.len() <= EVENTS {
            self.port.receive(&mut self.arrivals);
            let now = self.clock.now();
            self.arrivals.unload(|datagrams| self.road.handle_datagrams(now, datagrams));
        }
        // A key that came just now has to be on the disk before the disk is asked which keys there are.
        self.drain();
        let now = self.clock.now();
        if self.keys.due() <= now {
            // Somebody may have set it right.
            self.road.set_wall(now, self.clock.wall());
        }
        self.keys.poll(now, &mut self.road);
        self.road.handle_timeout(now);
        self.send(now);
        self.drain();
    }

    /// Carries what the road says to the daemon and to the disk.
    fn drain(&mut self) {
        while let Some(output) = self.road.poll_output() {
            match output {
                Output::Event(event) => {
                    let event = self.translate(event);
                    self.events.extend(event);
                }
                Output::Keep(change @ (Change::Role(..) | Change::DropRole(_))) => self.keys.write(change),
                Output::Keep(change) => match &self.writer {
                    Some(writer) => writer.push(change),
                    // Of the only estate there is: once in its life.
                    None if matches!(change, Change::Fast(_)) => writer::write(&self.store, &change),
                    None => {}
                },
            }
        }
    }

    fn send(&mut self, now: Time) {
        for _ in 0..TRAINS {
            let is_any = self.departure.load(|out| self.road.poll_transmit(now, out));
            if !is_any || !self.port.send(&mut self.departure) {
                break;
            }
        }
    }

    /// An estate's id, if it is one we talk to.
    fn id(&self, estate: &Name) -> Option<Name> {
        estate.as_str().strip_suffix(self.suffix).and_then(|id| Name::new(id).ok())
    }

    /// A command other than a message. An id too long to be accepted anywhere is nobody's name on the road either.
    fn ask(&mut self, now: Time, mut command: Command) -> Result<(), Command> {
        let Some(to) = addressee(&mut command) else { return self.road.handle_command(now, command) };
        let id = to.clone();
        if let Ok(estate) = Name::new(&format!("{id}{}", self.suffix)) {
            *to = estate;
        }
        self.road.handle_command(now, command).map_err(|mut back| {
            addressee(&mut back).into_iter().for_each(|to| *to = id.clone());
            back
        })
    }

    /// A road's event in ids; `None` for estates that are not ours to talk to.
    fn translate(&mut self, event: Event) -> Option<Event> {
        Some(match event {
            Event::Joined { peer } => Event::Joined { peer: self.id(&peer)? },
            Event::Left { peer, why } => Event::Left { peer: self.id(&peer)?, why },
            Event::Received { from, message } => {
                let from = self.id(&from)?;
                // The fast wire carries any bytes; duties read one value, and no deeper one than they can.
                if message::check(&message.body).is_err() {
                    self.malformed += 1;
                    tracing::debug!(%from, kind = message.kind, so_far = self.malformed, "a message that is no value: dropped");
                    return None;
                }
                let Message { mut route, kind, body } = message;
                route.src.estate = Some(from.clone());
                route.dst.estate = None;
                Event::Received { from, message: Message { route, kind, body } }
            }
            Event::Opened { from, stream, mut route, kind } => {
                let from = self.id(&from)?;
                (route.src.estate, route.dst.estate) = (Some(from.clone()), None);
                Event::Opened { from, stream, route, kind }
            }
            Event::Chunk { from, stream, data, fin } => Event::Chunk { from: self.id(&from)?, stream, data, fin },
            Event::Cut { from, stream, why } => Event::Cut { from: self.id(&from)?, stream, why },
            Event::Cast { from, data } => Event::Cast { from: self.id(&from)?, data },
            Event::Uncast { to, why } => Event::Uncast { to: self.id(&to)?, why },
            Event::Refused { by, why } => {
                let by = by.strip_suffix(self.suffix).map_or(by.clone(), str::to_owned);
                Event::Refused { by, why }
            }
            other => other,
        })
    }
}

impl Transport for Raet {
    fn submit(&mut self, command: Command) -> Result<(), Command> {
        let now = self.clock.now();
        let Command::Send { ticket, to, message } = command else {
            if let Command::Admit { role, .. } = &command
                && self.keys.is_blocked(role)
            {
                tracing::warn!(%role, "not decided: what is kept of its key cannot be read");
                return Ok(());
            }
            return self.ask(now, command);
        };
        // An id with the duty behind it is a legal name unless the id was too long to be accepted anywhere.
        let Ok(estate) = Name::new(&format!("{to}{}", self.suffix)) else {
            self.events.push_back(Event::Failed { ticket, why: crate::transport::Failure::Absent });
            return Ok(());
        };
        let mut on_road = message.clone();
        on_road.route.src.estate = None;
        on_road.route.dst.estate = None;
        let command = Command::Send { ticket, to: estate, message: on_road };
        self.road.handle_command(now, command).map_err(|_| Command::Send { ticket, to, message })
    }

    fn links(&self) -> Vec<Link> {
        let now = self.clock.now();
        self.road.sessions().into_iter().filter_map(|view| Some(link(self.id(&view.name)?, &view, now))).collect()
    }

    async fn close(&mut self) {
        self.road.close(self.clock.now());
        let words = async {
            loop {
                let is_any = self.departure.load(|out| self.road.poll_transmit(self.clock.now(), out));
                if !is_any {
                    break;
                }
                if !self.port.send(&mut self.departure) {
                    self.port.ready(true).await;
                    // Nobody reads it any more; unread it would keep us from waiting.
                    self.port.receive(&mut self.arrivals);
                }
            }
        };
        // Whoever does not hear of it finds out by itself.
        let _ = tokio::time::timeout(LAST_WORDS, words).await;
        self.drain();
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            self.turn();
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let now = self.clock.now();
            let wake = self.road.poll_timeout().map_or(self.keys.due(), |time| time.min(self.keys.due()));
            let is_full = self.departure.is_waiting();
            if wake <= now && !is_full {
                tokio::task::yield_now().await;
                continue;
            }
            // What the road has to send while the kernel is full is no reason to hurry.
            let until = if wake <= now { self.keys.due() } else { wake };
            let ready = self.port.ready(is_full);
            // Either way there is something to do; which, the turn finds out.
            let _ = tokio::time::timeout_at(self.clock.instant(until).into(), ready).await;
        }
    }
}

/// The estate that a stream or cast is for.
fn addressee(command: &mut Command) -> Option<&mut Name> {
    match command {
        Command::Open { to, .. }
        | Command::Write { to, .. }
        | Command::Cancel { to, .. }
        | Command::Cast { to, .. } => Some(to),
        _ => None,
    }
}

/// A session of the fast wire, in an operator's units.
fn link(id: Name, view: &SessionView, now: Time) -> Link {
    let tally = &view.tally;
    Link {
        id,
        address: view.remote.to_string(),
        wire: "fast".to_owned(),
        cipher: view.suite.name().to_owned(),
        age: now.since(tally.since).as_secs_f64(),
        rtt: view.rtt.as_secs_f64(),
        rtt_min: view.rtt_min.as_secs_f64(),
        loss: view.loss,
        window: view.window,
        rate: view.rate,
        mtu: view.mtu,
        in_flight: view.in_flight,
        going: view.going as u64,
        coming: view.coming as u64,
        messages_in: tally.messages_in,
        messages_out: tally.messages_out,
        bytes_in: tally.bytes_in,
        bytes_out: tally.bytes_out,
        lost: tally.lost,
        timeouts: tally.timeouts,
        moves: tally.moves,
    }
}

#[cfg(test)]
mod tests;
