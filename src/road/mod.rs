//! Floor 3: the road, the UDP side without UDP. Three ways in (`handle_datagrams`, `handle_command`, `handle_timeout`),
//! three ways out (`poll_transmit`, `poll_output`, `poll_timeout`); no socket, no clock, no file.
//!
//! After any `handle_*` the shell drains transmits and outputs until `None`, then reads the timeout. While anything is
//! queued, [`Road::poll_timeout`] is not later than the last `now`.

mod agenda;
pub mod config;
mod core;
pub mod datagram;
mod estate;
mod index;
#[cfg(feature = "sim")]
pub mod place;
pub mod stats;
mod v0;
pub mod v1;

use std::net::SocketAddr;

pub use self::core::Output;
pub use config::{Config, Mutable, Timers, Trust};
pub use datagram::{Datagram, Mark, Transmit};
pub use stats::Stats;

use self::agenda::Agenda;
use self::core::{Core, Held};
use self::estate::{PROBATION, Remote};
use self::index::Table;
use crate::base::{Acceptance, Fingerprint, Name, Random, Time, limits};
use crate::keep::{Change, LocalRecord, OwnKeys, RemoteRecord, RoleKey, Roll};
use crate::message::{Message, Route};
use crate::nacl::VerifyKey;
use crate::transport::{Command, Departure, Event, Failure, Ticket};
use crate::wire::v0::{BodyKind, body};

/// One estate's end of all its roads.
pub struct Road {
    core: Core,
    table: Table,
    agenda: Agenda,
    /// A command was handed back because all estates together hold too much.
    is_awaited: bool,
    /// Up to here the disk has numbers down as given out.
    reserved: u32,
}

/// Numbers put down as given out at once: strangers that come and go must not cost a write each.
const RESERVE: u32 = 1000;

/// What a road remembers from an earlier process.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// All known keys.
    pub roll: Roll,
    /// Our own counters.
    pub local: LocalRecord,
    /// The estates that were joined.
    pub remotes: Vec<RemoteRecord>,
}

impl Road {
    /// A road at `now`. `seed` must come from the operating system outside of tests: keys and nonces are made from it.
    pub fn new(config: Config, keys: OwnKeys, memory: Memory, seed: [u8; 32], now: Time) -> Self {
        let dial = config.dial.clone();
        let mut table = Table::new(memory.local.puid);
        let mut core = Core::new(config, keys, memory.roll, Random::new(seed), now);
        let mut agenda = Agenda::default();
        let mut restored = 0u32;
        for record in &memory.remotes {
            let key = core.roll.find(&record.role).filter(|(_, acceptance)| *acceptance == Acceptance::Accepted);
            let Some(key) = key.map(|(key, _)| key.clone()) else { continue };
            let mut remote = Remote::restore(record, key);
            // Ask them for a new session, a few hundred a second: a fleet must not answer in one moment.
            restored += 1;
            remote.rest = Some(now + std::time::Duration::from_millis(2) * restored);
            agenda.set_deadline(remote.nuid, remote.rest);
            table.adopt(remote);
        }
        for ha in dial {
            if table.is_dialed(ha) {
                continue;
            }
            let Some(remote) = table.dial(ha) else { continue };
            v0::joiner::start(&mut core, remote);
            let nuid = remote.nuid;
            agenda.set_deadline(nuid, remote.deadline());
        }
        let mut road = Self { core, table, agenda, is_awaited: false, reserved: memory.local.puid };
        road.note_puid();
        road
    }

    /// Takes one unmarked datagram. It is opened in place: its bytes are spent afterwards.
    pub fn handle_datagram(&mut self, now: Time, from: SocketAddr, bytes: &mut [u8]) {
        self.handle_datagrams(now, &mut [Datagram { from, mark: Mark::NotEct, bytes }]);
    }

    /// Takes datagrams that came together, in order; they are opened in place. The same as one by one, at half the price
    /// for signatures.
    pub fn handle_datagrams(&mut self, now: Time, datagrams: &mut [Datagram<'_>]) {
        self.advance(now);
        let mut proven = v0::batch::prove(&mut self.table, datagrams).into_iter();
        for datagram in datagrams {
            self.take(datagram, proven.next().flatten());
        }
    }

    /// Takes a command, or gives it back when there is no room; [`Event::Room`] follows when there is again.
    pub fn handle_command(&mut self, now: Time, command: Command) -> Result<(), Command> {
        self.advance(now);
        match command {
            Command::Admit { role, fingerprint, acceptance } => {
                self.admit(&role, fingerprint, acceptance);
                Ok(())
            }
            Command::Send { ticket, to, message } => self.send(ticket, to, message),
        }
    }

    /// What the disk says of a key now: as [`Command::Admit`], with the key itself.
    pub fn handle_roll(&mut self, now: Time, key: RoleKey, acceptance: Option<Acceptance>) {
        self.advance(now);
        let is_other = self.core.roll.find(&key.role).is_some_and(|(known, _)| !known.same_keys(&key));
        if is_other {
            // Somebody replaced the key: whoever joined with the old one has to leave.
            self.apply(&key.role, None);
        }
        let role = key.role.clone();
        self.core.learn(key, acceptance);
        self.apply(&role, acceptance);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        self.advance(now);
        while let Some(nuid) = self.agenda.next_due(self.core.now) {
            if let Some(remote) = self.table.find(nuid) {
                v0::on_timeout(&mut self.core, remote);
            }
            self.settle(nuid);
        }
    }

    /// Writes the next datagram, or train of equal ones, into `out` (cleared first) and says how and where it goes.
    pub fn poll_transmit(&mut self, now: Time, out: &mut Vec<u8>) -> Option<Transmit> {
        self.advance(now);
        out.clear();
        if let Some((to, datagram)) = self.core.next_control() {
            // Not swapped in: the shell's buffer keeps its room.
            out.extend_from_slice(&datagram);
            return Some(self.count_out(Transmit::one(to, out.len())));
        }
        while let Some(nuid) = self.agenda.next_ready() {
            let Some(remote) = self.table.find(nuid) else { continue };
            let is_filled = remote.fill(&mut self.core, out);
            let to = remote.ha;
            self.settle(nuid);
            if is_filled {
                return Some(self.count_out(Transmit::one(to, out.len())));
            }
        }
        None
    }

    /// The next event for the application or change for the disk.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.core.next_output()
    }

    /// When to call [`Road::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.core.has_controls() || self.core.has_outputs() || self.agenda.has_ready() {
            return Some(self.core.now);
        }
        self.agenda.deadline()
    }

    /// Counters since the start.
    pub fn stats(&self) -> &Stats {
        &self.core.stats
    }

    /// The keys this road knows.
    pub fn roll(&self) -> &Roll {
        &self.core.roll
    }

    /// Our own public keys.
    pub fn own_key(&self) -> RoleKey {
        self.core.own_key()
    }

    fn take(&mut self, datagram: &Datagram<'_>, proven: Option<VerifyKey>) {
        self.core.stats.datagrams_in += 1;
        self.core.stats.bytes_in += datagram.bytes.len() as u64;
        if let Some(nuid) = v0::handle(&mut self.core, &mut self.table, datagram.from, datagram.bytes, proven) {
            self.settle(nuid);
        }
        self.note_puid();
    }

    fn advance(&mut self, now: Time) {
        self.core.now = self.core.now.max(now);
    }

    fn count_out(&mut self, transmit: Transmit) -> Transmit {
        self.core.stats.datagrams_out += transmit.count() as u64;
        self.core.stats.bytes_out += transmit.size as u64;
        transmit
    }

    /// Numbers given out must not be given out again after a restart.
    fn note_puid(&mut self) {
        let puid = self.table.puid();
        if self.core.config.main && self.reserved.wrapping_sub(puid) > RESERVE {
            self.reserved = puid.wrapping_add(RESERVE);
            self.core.keep(Change::Local(LocalRecord { puid: self.reserved }));
        }
    }

    /// Brings agenda and lists in step with an estate that was touched.
    fn settle(&mut self, nuid: u32) {
        self.table.relist(nuid);
        let Some(remote) = self.table.find(nuid) else { return self.agenda.remove(nuid) };
        let held = Held { going: remote.outbox.bytes(), coming: remote.inbox.bytes() };
        let before = std::mem::replace(&mut remote.held, held);
        let total = &mut self.core.held;
        total.going = (total.going + held.going).saturating_sub(before.going);
        total.coming = (total.coming + held.coming).saturating_sub(before.coming);
        if self.is_awaited && total.going <= self.core.config.bytes / 2 {
            self.is_awaited = false;
            self.core.event(Event::Room);
        }
        if remote.is_passer_by() {
            self.table.remove(nuid);
            return self.agenda.remove(nuid);
        }
        remote.ensure_next_step(&mut self.core);
        self.agenda.set_deadline(nuid, remote.deadline());
        if remote.has_packets() {
            self.agenda.set_ready(nuid);
        }
    }

    fn send(&mut self, ticket: Ticket, to: Name, message: Message) -> Result<(), Command> {
        let Some(nuid) = self.table.named(&to) else { return self.fail(ticket, Failure::Absent) };
        let Some(remote) = self.table.find(nuid).filter(|r| r.session.is_some() && r.present) else {
            return self.fail(ticket, Failure::Absent);
        };
        if message.body.len() > limits::MESSAGE_MAX {
            return self.fail(ticket, Failure::TooLarge);
        }
        let packed = match pack(&message, &self.core.config.name, &to, self.core.config.body_kind) {
            Ok(packed) if packed.len() > limits::MESSAGE_MAX => return self.fail(ticket, Failure::TooLarge),
            Ok(packed) => packed,
            Err(why) => return self.fail(ticket, why),
        };
        let going = self.core.held.going;
        if going > 0 && going + packed.len() > self.core.config.bytes {
            self.is_awaited = true;
            return Err(Command::Send { ticket, to, message });
        }
        if !remote.outbox.push(ticket, packed) {
            return Err(Command::Send { ticket, to, message });
        }
        self.settle(nuid);
        Ok(())
    }

    #[allow(clippy::unnecessary_wraps)] // the shape `send` returns
    fn fail(&mut self, ticket: Ticket, why: Failure) -> Result<(), Command> {
        self.core.event(Event::Failed { ticket, why });
        Ok(())
    }

    fn admit(&mut self, role: &Name, fingerprint: Fingerprint, acceptance: Option<Acceptance>) {
        let Some((key, standing)) = self.core.roll.find(role) else { return };
        if key.fingerprint() != fingerprint || Some(standing) == acceptance {
            return;
        }
        let key = key.clone();
        self.core.decide(key, acceptance);
        self.apply(role, acceptance);
    }

    /// A role's standing has changed: those who wait get their answer, live sessions of the refused end at once.
    fn apply(&mut self, role: &Name, acceptance: Option<Acceptance>) {
        let mut concerned = self.table.of_role(role);
        concerned.extend(self.table.numbers_held_for(role));
        for nuid in concerned {
            let Some(remote) = self.table.find(nuid) else { continue };
            v0::joiner::on_admit(&mut self.core, remote, acceptance);
            v0::joinent::on_admit(&mut self.core, remote, acceptance);
            if acceptance != Some(Acceptance::Accepted) && acceptance != Some(Acceptance::Pending) {
                let why = if acceptance.is_none() { Departure::Forgotten } else { Departure::Rejected };
                cut(&mut self.core, remote, why);
            }
            self.settle(nuid);
        }
    }
}

/// Ends everything with an estate whose key is no longer good. It stays in the table a while, to be told when it asks.
fn cut(core: &mut Core, remote: &mut Remote, why: Departure) {
    remote.end_session(core, why);
    remote.joined = false;
    remote.candidate = None;
    remote.suspect = false;
    remote.renewed = false;
    remote.proven = false;
    (remote.allower, remote.allowent, remote.aliver, remote.probe) = (None, None, None, None);
    if let Some(peer) = &remote.peer {
        core.keep(Change::DropRemote(peer.name.clone()));
    }
    let wait = if remote.home.is_some() { core.config.timers.refused } else { PROBATION };
    remote.rest_for(core, wait);
}

/// A message as the body of this wire. Estates left out of the route are us and the receiver.
fn pack(message: &Message, own: &Name, to: &Name, kind: BodyKind) -> Result<bytes::Bytes, Failure> {
    let mut whole = message.clone();
    let is_bare = whole.kind.is_empty() && whole.route == Route::default();
    if !is_bare {
        whole.route.src.estate.get_or_insert_with(|| own.clone());
        whole.route.dst.estate.get_or_insert_with(|| to.clone());
    }
    let map = whole.to_map().map_err(|_| Failure::Malformed)?;
    let map = body::check_msgpack(map).map_err(|_| Failure::Malformed)?;
    match kind {
        BodyKind::Json => body::msgpack_to_json(&map).map(Into::into).map_err(|_| Failure::Malformed),
        _ => Ok(map),
    }
}
