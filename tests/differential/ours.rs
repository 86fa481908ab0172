//! Our road as one end: set up as the daemons set theirs up, its disk in memory, and the duty's word about keys.

use std::net::SocketAddr;

use roadstead::base::{Acceptance, Name, Random, Time};
use roadstead::keep::{Change, LocalRecord, OwnKeys};
use roadstead::message::{Message, Route};
use roadstead::road::{Config, Datagram as Arrived, Mark, Memory as Disk, Mutable, Output, Road, Trust, Wires};
use roadstead::transport::{Command, Event, Failure, Ticket};

use crate::end::{Datagram, End, Payload, Said, Told, View};
use crate::python::text;
use crate::script::{Memory, Script, Side};

/// Names and roles as Salt has them.
pub(crate) const NAMES: [(&str, &str); 2] = [("hub_master", "hub"), ("web1_minion", "web1")];

/// Our end.
pub(crate) struct Ours {
    config: Config,
    keys: OwnKeys,
    disk: Disk,
    road: Option<Road>,
    random: Random,
    /// Whether unknown keys are accepted at their first knock.
    is_auto: bool,
    peer: (Name, Name),
    is_present: bool,
    said: Vec<Said>,
}

impl Ours {
    pub(crate) fn new(script: &Script, side: Side, dial: Option<SocketAddr>, seed: u64) -> Self {
        let mut random = Random::from_number(seed);
        let (name, role) = named(side);
        let config = Config {
            main: side == Side::Main,
            kind: u32::from(side == Side::Minion),
            mutable: if script.is_mutable { Mutable::Anything } else { Mutable::Address },
            trust: Trust::Never,
            salt_names: true,
            dial: dial.into_iter().collect(),
            wires: Wires::CLASSIC,
            ..Config::new(name, role)
        };
        let keys = OwnKeys::generate(&mut random);
        Self {
            config,
            keys,
            disk: Disk::default(),
            road: None,
            random,
            is_auto: side == Side::Minion || script.is_auto,
            peer: named(side.other()),
            is_present: false,
            said: Vec::new(),
        }
    }

    fn drain(&mut self, now: Time) -> Vec<Datagram> {
        let (mut sent, mut buffer) = (Vec::new(), Vec::new());
        let Some(road) = &mut self.road else { return sent };
        loop {
            while let Some(transmit) = road.poll_transmit(now, &mut buffer) {
                sent.extend(transmit.datagrams(&buffer).map(|datagram| (transmit.to, datagram.to_vec())));
            }
            let mut knocks = Vec::new();
            while let Some(output) = road.poll_output() {
                match output {
                    Output::Keep(change) => write(&mut self.disk, change),
                    Output::Event(Event::Knock { role, fingerprint }) => knocks.push((role, fingerprint)),
                    Output::Event(event) => hear(&mut self.said, &mut self.is_present, event),
                    Output::Note(_) => {}
                }
            }
            if knocks.is_empty() || !self.is_auto {
                return sent;
            }
            for (role, fingerprint) in knocks {
                let acceptance = Some(Acceptance::Accepted);
                road.handle_command(now, Command::Admit { role, fingerprint, acceptance }).unwrap();
            }
        }
    }
}

impl End for Ours {
    fn start(&mut self, now: Time, memory: Memory) {
        if memory == Memory::Fresh {
            self.keys = OwnKeys::generate(&mut self.random);
        }
        if memory == Memory::Lose {
            self.disk.remotes.clear();
            self.disk.local = LocalRecord::default();
        }
        let (config, keys, disk) = (self.config.clone(), self.keys.clone(), self.disk.clone());
        self.road = Some(Road::new(config, keys, disk, self.random.bytes(), now));
        self.is_present = false;
    }

    fn stop(&mut self) {
        self.road = None;
    }

    fn is_up(&self) -> bool {
        self.road.is_some()
    }

    fn send(&mut self, now: Time, n: u64, size: usize) {
        let payload = Payload { n, text: text(&n.to_string(), size) };
        let message = Message::new(Route::default(), "payload", &payload).unwrap();
        let command = Command::Send { ticket: Ticket(n), to: self.peer.0.clone(), message };
        self.road.as_mut().unwrap().handle_command(now, command).unwrap();
    }

    fn decide(&mut self, now: Time, acceptance: Option<Acceptance>) {
        let role = self.peer.1.clone();
        let Some(key) = self.disk.roll.find(&role).map(|(key, _)| key.clone()) else { return };
        match (&mut self.road, acceptance) {
            (Some(road), _) => {
                let fingerprint = key.fingerprint();
                road.handle_command(now, Command::Admit { role, fingerprint, acceptance }).unwrap();
            }
            (None, Some(acceptance)) => drop(self.disk.roll.set(key, acceptance)),
            (None, None) => drop(self.disk.roll.remove(&role)),
        }
    }

    fn nudge(&mut self, _: Time, _: &'static str) {}

    fn due(&self, now: Time, has_mail: bool) -> Option<Time> {
        let road = self.road.as_ref()?;
        if has_mail { Some(now) } else { road.poll_timeout() }
    }

    fn turn(&mut self, now: Time, mut mail: Vec<Datagram>) -> (Vec<Datagram>, Vec<Said>) {
        if let Some(road) = &mut self.road {
            let arrived = mail.iter_mut();
            let mut arrived: Vec<_> =
                arrived.map(|(from, bytes)| Arrived { from: *from, mark: Mark::NotEct, bytes }).collect();
            road.handle_datagrams(now, &mut arrived);
            if road.poll_timeout().is_some_and(|time| time <= now) {
                road.handle_timeout(now);
            }
        }
        let sent = self.drain(now);
        (sent, std::mem::take(&mut self.said))
    }

    fn look(&mut self) -> View {
        let key = self.disk.roll.find(&self.peer.1);
        let remotes = self.disk.remotes.iter().map(|r| format!("{} {:?} {}", r.name, r.joined, r.ha));
        View {
            is_up: self.is_up(),
            is_present: self.is_present && self.is_up(),
            key: key.map(|(key, acceptance)| (acceptance, hex::encode(key.verify.as_bytes()))),
            own: hex::encode(self.keys.sign.verify_key().as_bytes()),
            detail: remotes.collect::<Vec<_>>().join(", "),
        }
    }
}

/// Takes in what concerns the other estate.
fn hear(said: &mut Vec<Said>, is_present: &mut bool, event: Event) {
    match event {
        Event::Joined { .. } => *is_present = true,
        Event::Left { .. } => *is_present = false,
        Event::Received { message, .. } => {
            let payload: Payload = message.read().unwrap();
            let is_whole = payload.text == text(&payload.n.to_string(), payload.text.len());
            said.push(Said::Got { n: payload.n, is_whole });
        }
        Event::Delivered { ticket } => said.push(Said::Told { n: ticket.0, what: Told::Done }),
        Event::Failed { ticket, why } => {
            let what = match why {
                Failure::Refused => Told::Refused,
                Failure::Absent => Told::Absent,
                _ => Told::Lost,
            };
            said.push(Said::Told { n: ticket.0, what });
        }
        _ => {}
    }
}

fn named(side: Side) -> (Name, Name) {
    let (name, role) = NAMES[side as usize];
    (Name::new(name).unwrap(), Name::new(role).unwrap())
}

/// A disk in memory.
fn write(disk: &mut Disk, change: Change) {
    match change {
        Change::Role(key, acceptance) => drop(disk.roll.set(key, acceptance)),
        Change::DropRole(role) => drop(disk.roll.remove(&role)),
        Change::Local(record) => disk.local = record,
        Change::Remote(record) => {
            disk.remotes.retain(|known| known.name != record.name);
            disk.remotes.push(record);
        }
        Change::DropRemote(name) => disk.remotes.retain(|known| known.name != name),
        Change::Fast(_) => {}
    }
}
