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
pub mod front;
mod grumble;
mod index;
mod outputs;
#[cfg(feature = "sim")]
pub mod place;
mod send;
pub mod shard;
mod sight;
pub mod stats;
mod streams;
mod v0;
pub mod v1;

use std::collections::BTreeSet;
use std::net::SocketAddr;

pub use self::outputs::Output;
pub use config::{Config, Enrolment, Fast, Mutable, Timers, Trust, Wires};
pub use datagram::{Datagram, Mark, Transmit};
pub use shard::Shard;
pub use stats::Stats;
pub use v1::Algorithm;
pub use v1::hall::SessionView;

use self::agenda::Agenda;
use self::core::{Core, Held};
use self::estate::{PROBATION, Remote};
use self::index::Table;
use self::v1::hall::{Hall, Wish};
use crate::base::{Acceptance, Fingerprint, Name, Random, Time, Wall};
use crate::keep::{Change, LocalRecord, OwnKeys, RemoteRecord, RoleKey, Roll, Token};
use crate::nacl::VerifyKey;
use crate::transport::{Command, Departure, Event};
use crate::wire::v1::is_fast;

/// One estate's end of all its roads.
pub struct Road {
    core: Core,
    table: Table,
    agenda: Agenda,
    /// The fast wire's side; `None` where it is not spoken.
    hall: Option<Hall>,
    /// A command was handed back because all estates together hold too much.
    is_awaited: bool,
    /// Bytes of a stream were handed back because all estates together hold too much.
    is_short: bool,
    /// Tickets answered when something of the fast wire was handed back.
    answered: u64,
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
    /// Roles that were seen on the fast wire.
    pub fast: BTreeSet<Name>,
}

impl Road {
    /// A road at `now`. `seed` must come from the operating system outside of tests: keys and nonces are made from it.
    pub fn new(config: Config, keys: OwnKeys, memory: Memory, seed: [u8; 32], now: Time) -> Self {
        let dial = config.dial.clone();
        let mut table = Table::new(memory.local.puid);
        let wires = config.wires;
        let settings = config.fast.clone();
        let mut core = Core::new(config, keys.clone(), memory.roll, Random::new(seed), now);
        core.remember_fast(memory.fast);
        let hall = wires.fast.then(|| Hall::new(&mut core, settings, &keys, now)).flatten();
        let mut agenda = Agenda::default();
        let mut restored = 0u32;
        for record in &memory.remotes {
            if !wires.classic || (wires.fast && core.is_fast_only(&record.role)) {
                continue;
            }
            let key = core.roll.find(&record.role).filter(|(_, acceptance)| *acceptance == Acceptance::Accepted);
            let Some(key) = key.map(|(key, _)| key.clone()) else { continue };
            let mut remote = Remote::restore(record, key);
            // Ask them for a new session, a few hundred a second: a fleet must not answer in one moment.
            restored += 1;
            remote.rest = Some(now + std::time::Duration::from_millis(2) * restored);
            agenda.set_deadline(remote.nuid, remote.rest);
            table.adopt(remote);
        }
        for ha in dial.into_iter().filter(|_| hall.is_none()) {
            if table.is_dialed(ha) {
                continue;
            }
            let Some(remote) = table.dial(ha) else { continue };
            v0::joiner::start(&mut core, remote);
            let nuid = remote.nuid;
            agenda.set_deadline(nuid, remote.deadline());
        }
        let mut road = Self {
            core,
            table,
            agenda,
            hall,
            is_awaited: false,
            is_short: false,
            answered: 0,
            reserved: memory.local.puid,
        };
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
        let is_classic = self.core.config.wires.classic && datagrams.iter().any(|datagram| !is_fast(datagram.bytes));
        let proven = if is_classic { v0::batch::prove(&mut self.table, datagrams) } else { Vec::new() };
        let mut proven = proven.into_iter();
        for datagram in datagrams {
            self.take(datagram, proven.next().flatten());
        }
        if let Some(hall) = &mut self.hall {
            hall.settle(&mut self.core);
            self.supersede();
            self.note_room();
        }
    }

    /// Takes a command, or gives it back when there is no room; [`Event::Room`] follows when there is again.
    #[inline]
    pub fn handle_command(&mut self, now: Time, command: Command) -> Result<(), Command> {
        self.advance(now);
        match command {
            Command::Admit { role, fingerprint, acceptance } => {
                self.admit(&role, fingerprint, acceptance);
                self.note_room();
                Ok(())
            }
            Command::Send { ticket, to, message } => self.send(ticket, to, message),
            other => self.ask(other),
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
        self.note_room();
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
        let wish = self.hall.as_mut().and_then(|hall| hall.handle_timeout(&mut self.core));
        if let Some(Wish::Classic(address)) = wish {
            self.dial_classic(address);
        }
        self.note_room();
    }

    /// Writes the next datagram, or train of equal ones, into `out` and says how much of it goes where, and how. What
    /// lies behind that is of no meaning; a shell that hands the same buffer in again and again spares itself the zeroing.
    pub fn poll_transmit(&mut self, now: Time, out: &mut Vec<u8>) -> Option<Transmit> {
        self.advance(now);
        if let Some((to, datagram)) = self.core.next_control() {
            // Not swapped in: the shell's buffer keeps its room.
            out.clear();
            out.extend_from_slice(&datagram);
            return Some(self.count_out(Transmit::one(to, out.len())));
        }
        while let Some(nuid) = self.agenda.next_ready() {
            let Some(remote) = self.table.find(nuid) else { continue };
            out.clear();
            let is_filled = remote.fill(&mut self.core, out);
            let to = remote.ha;
            self.settle(nuid);
            if is_filled {
                return Some(self.count_out(Transmit::one(to, out.len())));
            }
        }
        let transmit = self.hall.as_mut()?.poll_transmit(&mut self.core, out)?;
        Some(self.count_out(transmit))
    }

    /// The next event for the application or change for the disk.
    #[inline]
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(hall) = self.hall.as_mut().filter(|hall| hall.is_holding && self.core.has_much_room()) {
            hall.release(&mut self.core);
        }
        self.core.next_output()
    }

    /// Whether [`Road::poll_output`] has one.
    pub fn has_output(&self) -> bool {
        self.core.has_outputs()
    }

    /// When to call [`Road::handle_timeout`] next.
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.core.has_controls() || self.core.has_outputs() || self.agenda.has_ready() {
            return Some(self.core.now);
        }
        let fast = self.hall.as_ref().and_then(|hall| hall.poll_timeout(self.core.now));
        self.agenda.deadline().into_iter().chain(fast).min()
    }

    /// Ends all sessions of the fast wire, with a word to each peer; what [`Road::poll_transmit`] gives then is the last.
    pub fn close(&mut self, now: Time) {
        self.advance(now);
        if let Some(hall) = &mut self.hall {
            hall.close(&mut self.core);
        }
    }

    /// The enrolment tokens strangers are let in by, in place of those before.
    pub fn set_tokens(&mut self, now: Time, tokens: Vec<Token>) {
        self.advance(now);
        if let Some(hall) = &mut self.hall {
            hall.set_tokens(&mut self.core, tokens);
        }
    }

    /// Tells what the wall clock says at `now`: told to peers, never used for timers.
    pub fn set_wall(&mut self, now: Time, wall: Wall) {
        if let Some(hall) = &mut self.hall {
            hall.set_wall(now, wall);
        }
    }

    fn take(&mut self, datagram: &mut Datagram<'_>, proven: Option<VerifyKey>) {
        self.core.stats.datagrams_in += 1;
        self.core.stats.bytes_in += datagram.bytes.len() as u64;
        if is_fast(datagram.bytes) {
            return match &mut self.hall {
                Some(hall) => hall.handle_datagram(&mut self.core, datagram),
                None => self.core.stats.drop(stats::Drop::Unsupported),
            };
        }
        if !self.core.config.wires.classic {
            v0::turn_away(&mut self.core, datagram.from, datagram.bytes);
            return self.core.stats.drop(stats::Drop::Unsupported);
        }
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
        // Of several roads at one address one speaks the classic wire, and gives numbers out.
        if self.core.config.main && self.core.config.wires.classic && self.reserved.wrapping_sub(puid) > RESERVE {
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
        if self.is_awaited && total.going <= self.core.config.bytes / 8 * 5 {
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

    /// Estates that have come over the fast wire need nothing of the classic one any more. They are still there, so nobody
    /// is told that they left.
    fn supersede(&mut self) {
        while let Some(name) = self.core.superseded.pop() {
            let Some(nuid) = self.table.named(&name) else { continue };
            let Some(remote) = self.table.find(nuid) else { continue };
            (remote.present, remote.home) = (false, None);
            cut(&mut self.core, remote, Departure::Renewed);
            self.settle(nuid);
        }
    }

    /// Nobody at `address` answers on the fast wire.
    fn dial_classic(&mut self, address: SocketAddr) {
        if self.table.is_dialed(address) {
            return;
        }
        if let Some(hall) = &mut self.hall {
            hall.rest(address, self.core.now);
        }
        let Some(remote) = self.table.dial(address) else { return };
        v0::joiner::start(&mut self.core, remote);
        let nuid = remote.nuid;
        self.settle(nuid);
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
        if let Some(hall) = &mut self.hall {
            hall.on_admit(&mut self.core, role, acceptance);
        }
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
