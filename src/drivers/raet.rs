//! The road as a transport: one UDP socket, one engine, one key store. Estates are `<id>_<duty>` on the road and plain
//! ids above it (Salt over RAET §1).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::base::{Name, Time, limits};
use crate::clock::Clock;
use crate::drive::train::{self, Train};
use crate::drive::udp::UdpPort;
use crate::keep::store::{Stamp, Store};
use crate::keep::{Change, OwnKeys};
use crate::message::Message;
use crate::road::{Config, Memory, Output, Road};
use crate::transport::{Command, Event, Transport};

/// How often the key directories are looked at: `estate-keys` moves files, and what it decides must hold at once.
const KEYS_EVERY: Duration = Duration::from_millis(250);
/// How often every key file is: somebody may have written one in its place.
const FILES_EVERY: Duration = Duration::from_secs(10);
/// Datagrams sent before others are taken in: a few for each that comes, as one publish becomes many messages.
const BATCH: usize = 4 * train::LENGTH;

/// The raet transport of a daemon.
pub struct Raet {
    road: Road,
    port: UdpPort,
    store: Store,
    clock: Clock,
    stamp: Stamp,
    glance: Stamp,
    look_at_keys: Time,
    look_at_files: Time,
    /// Behind the id of every estate we talk to: `_minion` for a master.
    suffix: &'static str,
    /// Written by the road, not yet taken by the kernel.
    unsent: Option<SocketAddr>,
    datagram: Vec<u8>,
    train: Train,
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
    ) -> Result<Self, crate::keep::store::KeepError> {
        let (glance, stamp) = (store.glance(), store.stamp());
        let (roll, mut errors) = store.roll()?;
        let mut memory = Memory { roll, ..Memory::default() };
        if config.main {
            memory.local = store.local()?.unwrap_or_default();
            let (remotes, more) = store.remotes()?;
            memory.remotes = remotes;
            errors.extend(more);
        }
        for error in errors {
            tracing::warn!(%error, "left out");
        }
        let suffix = if config.main { "_minion" } else { "_master" };
        let now = clock.now();
        let road = Road::new(config, keys, memory, seed, now);
        let events = VecDeque::new();
        Ok(Self {
            road,
            port,
            store,
            clock,
            stamp,
            glance,
            look_at_keys: now + KEYS_EVERY,
            look_at_files: now + FILES_EVERY,
            suffix,
            unsent: None,
            datagram: Vec::with_capacity(limits::DATAGRAM_MAX),
            train: Train::default(),
            events,
        })
    }

    /// The road, for its counters.
    pub fn road(&self) -> &Road {
        &self.road
    }

    /// Everything that can be done without waiting.
    fn turn(&mut self) {
        self.port.receive(&mut self.train);
        self.train.unload(&mut self.road, self.clock.now());
        let now = self.clock.now();
        if self.look_at_keys <= now {
            self.look_at_keys = now + KEYS_EVERY;
            self.read_keys(now);
        }
        self.road.handle_timeout(now);
        self.send(now);
        while let Some(output) = self.road.poll_output() {
            match output {
                Output::Event(event) => self.events.extend(self.translate(event)),
                Output::Keep(change) => self.write(&change),
            }
        }
    }

    fn send(&mut self, now: Time) {
        if let Some(to) = self.unsent {
            if !self.port.send(to, &self.datagram) {
                return;
            }
            self.unsent = None;
        }
        for _ in 0..BATCH {
            let Some(to) = self.road.poll_transmit(now, &mut self.datagram) else { break };
            if !self.port.send(to, &self.datagram) {
                self.unsent = Some(to);
                break;
            }
        }
    }

    fn write(&self, change: &Change) {
        if !self.road_is_main() && !matches!(change, Change::Role(..) | Change::DropRole(_)) {
            return;
        }
        if let Err(error) = self.store.apply(change) {
            tracing::error!(%error, "not written; it holds until this daemon ends");
        }
    }

    fn road_is_main(&self) -> bool {
        self.suffix == "_minion"
    }

    /// Takes over what somebody changed in the key directories.
    fn read_keys(&mut self, now: Time) {
        let glance = self.store.glance();
        if glance == self.glance && now < self.look_at_files {
            return;
        }
        self.look_at_files = now + FILES_EVERY;
        let stamp = self.store.stamp();
        self.glance = glance;
        if stamp == self.stamp {
            return;
        }
        let (disk, errors) = match self.store.roll() {
            Ok(read) => read,
            Err(error) => return tracing::error!(%error, "keys not read"),
        };
        self.stamp = stamp;
        for error in errors {
            tracing::warn!(%error, "left out");
        }
        let known: Vec<_> = self.road.roll().iter().map(|(key, acceptance)| (key.clone(), acceptance)).collect();
        for (key, acceptance) in known {
            if disk.find(&key.role).is_none() {
                tracing::debug!(role = %key.role, ?acceptance, "its key file is gone");
                self.road.handle_roll(now, key, None);
            }
        }
        let changed: Vec<_> = disk
            .iter()
            .filter(|(key, acceptance)| self.road.roll().find(&key.role) != Some((*key, *acceptance)))
            .map(|(key, acceptance)| (key.clone(), acceptance))
            .collect();
        for (key, acceptance) in changed {
            self.road.handle_roll(now, key, Some(acceptance));
        }
    }

    /// An estate's id, if it is one we talk to.
    fn id(&self, estate: &Name) -> Option<Name> {
        estate.as_str().strip_suffix(self.suffix).and_then(|id| Name::new(id).ok())
    }

    /// A road's event in ids; `None` for estates that are not ours to talk to.
    fn translate(&self, event: Event) -> Option<Event> {
        Some(match event {
            Event::Joined { peer } => Event::Joined { peer: self.id(&peer)? },
            Event::Left { peer, why } => Event::Left { peer: self.id(&peer)?, why },
            Event::Received { from, message } => {
                let from = self.id(&from)?;
                let Message { mut route, kind, body } = message;
                route.src.estate = Some(from.clone());
                route.dst.estate = None;
                Event::Received { from, message: Message { route, kind, body } }
            }
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
            return self.road.handle_command(now, command);
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

    async fn next(&mut self) -> Option<Event> {
        loop {
            self.turn();
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let now = self.clock.now();
            let wake = self.road.poll_timeout().map_or(self.look_at_keys, |time| time.min(self.look_at_keys));
            if wake <= now && self.unsent.is_none() {
                tokio::task::yield_now().await;
                continue;
            }
            let until = if self.unsent.is_some() { self.look_at_keys } else { wake };
            let ready = self.port.ready(self.unsent.is_some());
            // Either way there is something to do; which, the turn finds out.
            let _ = tokio::time::timeout_at(self.clock.instant(until).into(), ready).await;
        }
    }
}
