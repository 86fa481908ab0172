//! The road as a transport: one UDP socket, one engine, one key store. Estates are `<id>_<duty>` on the road and plain
//! ids above it (Salt over RAET §1).

mod keys;
mod logbook;
mod names;
pub mod shards;
mod worker;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use keys::KeyFiles;
use logbook::Logbook;
use names::Names;

use crate::base::{Name, Time};
use crate::clock::Clock;
use crate::drive::ear::Ear;
use crate::drive::train::{Arrivals, Departure};
use crate::drive::udp::UdpPort;
use crate::drive::writer::{self, Writer};
use crate::keep::store::{KeepError, Store};
use crate::keep::{Change, Journal, OwnKeys};
use crate::road::{Config, Memory, Output, Road};
use crate::transport::{Command, Event, Failure, Link, Transport};

/// Trains sent before others are taken in: a few for each that comes, as one publish becomes many messages.
const TRAINS: usize = 64;
/// Events that wait for the daemon before no more datagrams are taken in: what it does not keep up with waits in the
/// kernel, or is sent again.
const EVENTS: usize = 64;

/// The same in bytes of messages.
const WAITING: usize = 64 << 20;

/// How long the end of a daemon may wait for room in the kernel.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The raet transport of a daemon.
pub struct Raet {
    road: Road,
    port: UdpPort,
    clock: Clock,
    store: Arc<Store>,
    keys: KeyFiles,
    logbook: Logbook,
    /// `None` when estates are not remembered.
    writer: Option<Writer>,
    names: Names,
    arrivals: Arrivals,
    departure: Departure,
    events: VecDeque<Event>,
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
        let (mut key_files, memory) = recall(&config, &store, now)?;
        let names = Names::of(&config);
        let writer = config.main.then(|| Writer::start(store.clone()));
        let logbook = Logbook::open(&store, clock);
        let mut road = Road::new(config, keys, memory, seed, now);
        road.set_wall(now, clock.wall());
        key_files.tokens(now, &mut road);
        Ok(Self {
            road,
            port,
            clock,
            store,
            keys: key_files,
            logbook,
            writer,
            names,
            arrivals: Arrivals::default(),
            departure: Departure::default(),
            events: VecDeque::new(),
        })
    }

    /// Tells of those who come over TCP, too.
    pub fn listen(&mut self, ear: Ear) {
        self.logbook.listen(ear);
    }

    /// The road, for its counters.
    pub fn road(&self) -> &Road {
        &self.road
    }

    /// Bytes of messages that wait for the daemon.
    fn waiting(&self) -> usize {
        let size = |event: &Event| if let Event::Received { message, .. } = event { message.body.len() } else { 0 };
        self.events.iter().map(size).sum()
    }

    /// Everything that can be done without waiting.
    fn turn(&mut self) {
        if self.events.len() <= EVENTS && self.waiting() <= WAITING {
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
        if let Some(journal) = self.logbook.poll() {
            self.write_journal(journal);
        }
        self.road.handle_timeout(now);
        self.send(now);
        self.drain();
    }

    /// Carries what the road says to the daemon and to the disk.
    fn drain(&mut self) {
        while let Some(output) = self.road.poll_output() {
            match output {
                Output::Note(note) => self.logbook.note(note),
                Output::Event(event) => {
                    let event = self.names.translate(event);
                    event.iter().for_each(|event| self.logbook.look(event));
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

    fn write_journal(&self, journal: Journal) {
        match &self.writer {
            Some(writer) => writer.push_journal(journal),
            None => writer::write_journal(&self.store, &journal),
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
}

impl Transport for Raet {
    fn submit(&mut self, command: Command) -> Result<(), Command> {
        let now = self.clock.now();
        let Command::Send { ticket, to, message } = command else {
            if self.keys.is_undecidable(&command) {
                return Ok(());
            }
            return ask(&mut self.road, &self.names, now, command);
        };
        let Some(estate) = self.names.estate(&to) else {
            self.events.push_back(Event::Failed { ticket, why: Failure::Absent });
            return Ok(());
        };
        let command = Command::Send { ticket, to: estate, message: names::on_road(&message) };
        self.road.handle_command(now, command).map_err(|_| Command::Send { ticket, to, message })
    }

    fn links(&self) -> Vec<Link> {
        let now = self.clock.now();
        self.names.links(&self.road, now)
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
        let journal = self.logbook.close();
        self.write_journal(journal);
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

/// A command other than a message. An id too long to be accepted anywhere is nobody's name on the road either.
fn ask(road: &mut Road, names: &Names, now: Time, mut command: Command) -> Result<(), Command> {
    let Some(to) = addressee(&mut command) else { return road.handle_command(now, command) };
    let id = to.clone();
    if let Some(estate) = names.estate(&id) {
        *to = estate;
    }
    road.handle_command(now, command).map_err(|mut back| {
        addressee(&mut back).into_iter().for_each(|to| *to = id.clone());
        back
    })
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

/// What an earlier process has left.
fn recall(config: &Config, store: &Arc<Store>, now: Time) -> Result<(KeyFiles, Memory), KeepError> {
    let (key_files, roll) = KeyFiles::open(store.clone(), now)?;
    let mut memory = Memory { fast: key_files.fast(&roll)?, roll, ..Memory::default() };
    if config.main {
        memory.local = store.local()?.unwrap_or_default();
        let (remotes, errors) = store.remotes()?;
        memory.remotes = remotes;
        for error in errors {
            tracing::warn!(%error, "left out");
        }
    }
    Ok((key_files, memory))
}

#[cfg(test)]
mod tests;
