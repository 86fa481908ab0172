//! The fast road's side of a road: all its sessions, the doors in and out, and which of them have work.
//!
//! Datagrams come in by session id, messages by the estate's name. A session that ends leaves nothing but its last words.

mod asks;
mod cids;
mod door;
mod enrol;
mod send;
mod view;

pub use view::SessionView;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use self::cids::Cids;
use super::dialer::Dialer;
use super::handshake::{Established, Identity, Responder, Rules};
use super::session::{Code, End, Session};
use crate::base::{Acceptance, Name, Time, Wall, limits};
use crate::keep::{OwnKeys, Token};
use crate::road::agenda::Agenda;
use crate::road::config::Fast;
use crate::road::core::Core;
use crate::road::datagram::{Datagram, Transmit};
use crate::transport::Departure;

/// All sessions of the fast road.
pub(crate) struct Hall {
    settings: Fast,
    identity: Arc<Identity>,
    /// `None` when strangers may not come in.
    responder: Option<Box<Responder>>,
    sessions: Vec<Option<Box<Session>>>,
    free: Vec<u32>,
    /// Sessions there have been.
    births: u32,
    cids: Cids,
    /// Places by name; only ever asked, never walked.
    names: HashMap<Name, u32>,
    /// Where the last message went.
    recent: u32,
    dialers: Vec<Dialer>,
    /// Where estates wait that were turned away, by role: they are called when somebody decides.
    waiting: BTreeMap<Name, Waiting>,
    agenda: Agenda,
    /// Sessions may be held back until the shell has read what they said.
    pub(crate) is_holding: bool,
    /// Touched since the road looked last.
    touched: Vec<u32>,
    /// The wall clock at a time of ours.
    wall: (Time, Wall),
    /// Enrolment tokens, by id.
    tokens: BTreeMap<[u8; 16], Token>,
}

/// An estate that was turned away and waits for a decision.
#[derive(Debug)]
struct Waiting {
    from: SocketAddr,
    /// Its session id.
    cid: u64,
    /// The enrolment token it named.
    token: Option<[u8; 16]>,
}

/// What the hall asks of the road.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nobody answers on this wire: the classic road is to try.
    Classic(SocketAddr),
}

impl Hall {
    /// With our own keys; `main`: strangers may knock. `None` when our role is no legal id.
    pub(crate) fn new(core: &mut Core, settings: Fast, keys: &OwnKeys, now: Time) -> Option<Self> {
        let identity = Arc::new(Identity::new(core.config.role.clone(), keys.clone(), 0).ok()?);
        let responder = core.config.main.then(|| {
            let rules = Rules {
                suites: settings.suites.clone(),
                parameters: settings.parameters,
                site: settings.site.clone(),
                introduces: settings.introduces,
                shard: core.config.shard,
                ..Rules::default()
            };
            Box::new(Responder::new(identity.clone(), rules, core.random.bytes(), now))
        });
        let classic = core.config.wires.classic.then_some(settings.classic_after);
        let dialers = core.config.dial.iter().map(|address| Dialer::new(*address, now, classic)).collect();
        Some(Self {
            settings,
            identity,
            responder,
            sessions: Vec::new(),
            free: Vec::new(),
            births: 0,
            cids: Cids::default(),
            names: HashMap::new(),
            recent: 0,
            dialers,
            waiting: BTreeMap::new(),
            agenda: Agenda::default(),
            is_holding: false,
            touched: Vec::new(),
            wall: (now, Wall::default()),
            tokens: BTreeMap::new(),
        })
    }

    /// Tells the wall clock: for what estates say of theirs, never for timers.
    pub(crate) fn set_wall(&mut self, now: Time, wall: Wall) {
        self.wall = (now, wall);
    }

    /// Takes a datagram of the fast wire. Call [`Hall::settle`] after the last of those that came together.
    pub(crate) fn handle_datagram(&mut self, core: &mut Core, datagram: &mut Datagram<'_>) {
        if let Some(index) = data_cid(datagram.bytes).and_then(|cid| self.cids.get(&cid).copied()) {
            if let Some(Some(session)) = self.sessions.get_mut(index as usize) {
                session.handle_datagram(core, datagram.from, datagram.mark, datagram.bytes);
                self.touch(index);
            }
            return;
        }
        self.knock(core, datagram);
    }

    /// Brings everything that was touched in step with the agenda.
    pub(crate) fn settle(&mut self, core: &mut Core) {
        while let Some(index) = self.touched.pop() {
            let Some(session) = self.sessions.get_mut(index as usize).and_then(Option::as_mut) else { continue };
            if let Some(end) = session.ended() {
                self.remove(core, index, end);
                continue;
            }
            session.hand_over(core);
            cids::tend(core, &mut self.cids, self.responder.as_deref(), self.settings.ids, (index, session));
            let held = session.holds();
            let before = std::mem::replace(&mut session.held, held);
            core.held.going = (core.held.going + held.going).saturating_sub(before.going);
            core.held.coming = (core.held.coming + held.coming).saturating_sub(before.coming);
            let is_held = !core.has_room();
            session.hold(is_held);
            self.is_holding |= is_held;
            let has_work = session.has_work(core.now);
            let deadline = session.deadline(core.now);
            self.agenda.set_deadline(index, deadline.map(|due| due.max(core.now + LOOK_AGAIN)));
            if has_work {
                self.agenda.set_ready(index);
            }
        }
    }

    /// The shell has caught up: whoever was held back may go on.
    pub(crate) fn release(&mut self, core: &mut Core) {
        self.is_holding = false;
        (0..self.sessions.len() as u32).for_each(|index| self.touch(index));
        self.settle(core);
    }

    /// Time has passed; says what the road has to do about it.
    pub(crate) fn handle_timeout(&mut self, core: &mut Core) -> Option<Wish> {
        if let Some(responder) = &mut self.responder
            && responder.poll_timeout().is_some_and(|due| due <= core.now)
        {
            responder.handle_timeout(core.now);
        }
        while let Some(index) = self.agenda.next_due(core.now) {
            if let Some(Some(session)) = self.sessions.get_mut(index as usize) {
                session.handle_timeout(core);
                self.touch(index);
            }
            self.settle(core);
        }
        let mut wish = None;
        for dialer in &mut self.dialers {
            // Two ways to one estate: it has one session, and the other way waits for its turn.
            let is_due = dialer.session().is_none() && dialer.poll_timeout().is_some_and(|due| due <= core.now);
            let name = dialer.role().filter(|_| is_due).map(|role| self.settings.name_of(role));
            if name.is_some_and(|name| self.names.contains_key(&name)) {
                dialer.rest(core.now, TWO_WAYS);
                continue;
            }
            if dialer.poll_timeout().is_some_and(|due| due <= core.now) {
                dialer.handle_timeout(core, &self.identity, &self.settings);
            }
            if dialer.classic_at.is_some_and(|at| at <= core.now) {
                dialer.classic_at = None;
                if !is_known_fast(core, dialer) {
                    wish = Some(Wish::Classic(dialer.address));
                }
            }
        }
        wish
    }

    /// Fills `out` with the next datagram or train.
    pub(crate) fn poll_transmit(&mut self, core: &mut Core, out: &mut Vec<u8>) -> Option<Transmit> {
        for dialer in &mut self.dialers {
            if let Some(datagram) = dialer.poll_transmit(core) {
                out.clear();
                out.extend_from_slice(&datagram);
                return Some(Transmit::one(dialer.address, out.len()));
            }
        }
        while let Some(index) = self.agenda.next_ready() {
            let Some(Some(session)) = self.sessions.get_mut(index as usize) else { continue };
            if out.len() < ROOM {
                out.resize(ROOM, 0);
            }
            let transmit = session.fill(core, out);
            self.touch(index);
            self.settle(core);
            match transmit {
                Some(transmit) => return Some(transmit),
                None => self.put_off(index, core.now),
            }
        }
        None
    }

    /// Nothing came of what a session seemed to have to send: it is not asked again before something changes or a moment
    /// has passed. Without that moment a session whose clocks are all due would never be looked at again.
    fn put_off(&mut self, index: u32, now: Time) {
        self.agenda.unready(index);
        let due = self.sessions.get(index as usize).and_then(|session| session.as_ref()?.deadline(now));
        self.agenda.set_deadline(index, due.map(|due| due.max(now + PUT_OFF)));
    }

    /// When to call [`Hall::handle_timeout`], or [`Hall::poll_transmit`] when that is now.
    pub(crate) fn poll_timeout(&self, now: Time) -> Option<Time> {
        if self.agenda.has_ready() {
            return Some(now);
        }
        let dialers = self.dialers.iter().filter_map(Dialer::poll_timeout);
        let responder = self.responder.as_ref().and_then(|responder| responder.poll_timeout());
        dialers.chain(self.agenda.deadline()).chain(responder).min()
    }

    /// A role's standing has changed.
    pub(crate) fn on_admit(&mut self, core: &mut Core, role: &Name, acceptance: Option<Acceptance>) {
        for dialer in &mut self.dialers {
            dialer.on_admit(core, role, acceptance);
        }
        if acceptance == Some(Acceptance::Accepted) {
            self.nudge(core, role);
            return;
        }
        if acceptance.is_none() {
            self.waiting.remove(role);
        }
        let why = if acceptance.is_none() { Departure::Forgotten } else { Departure::Rejected };
        let found = self.names.get(&self.settings.name_of(role)).copied();
        if let Some(index) = found
            && let Some(Some(session)) = self.sessions.get_mut(index as usize)
            && session.role == *role
        {
            session.end(why, Some(Code::Refused));
            self.touch(index);
            self.settle(core);
        }
    }

    /// The estate of this name is reached another way: its address is left alone for a while.
    pub(crate) fn rest(&mut self, address: SocketAddr, now: Time) {
        for dialer in self.dialers.iter_mut().filter(|dialer| dialer.address == address && dialer.session().is_none()) {
            dialer.rest(now, self.settings.fast_again);
        }
    }

    /// Ends all sessions, with a word to each peer.
    pub(crate) fn close(&mut self, core: &mut Core) {
        for index in 0..self.sessions.len() {
            if let Some(Some(session)) = self.sessions.get_mut(index) {
                session.end(Departure::Renewed, Some(Code::Done));
                self.touch(index as u32);
            }
        }
        self.dialers.clear();
        self.settle(core);
    }

    /// All sessions, by name.
    pub(crate) fn view(&self) -> impl Iterator<Item = SessionView> + '_ {
        let mut sessions: Vec<&Session> = self.sessions.iter().flatten().map(|session| &**session).collect();
        sessions.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        sessions.into_iter().map(Session::view)
    }

    fn touch(&mut self, index: u32) {
        if self.touched.last() != Some(&index) {
            self.touched.push(index);
        }
    }

    /// Takes a session in, in place of any the estate had; gives its place.
    fn insert(&mut self, core: &mut Core, established: Established, remote: SocketAddr, is_initiator: bool) -> u32 {
        // The roll's own name, where it is there: one for all who hold it.
        let role = &established.peer.key.role;
        let role = core.roll.find(role).map_or(role, |(key, _)| &key.role).clone();
        let name = if self.settings.peers.is_empty() { role.clone() } else { self.settings.name_of(&role) };
        if let Some(old) = self.names.get(&name).copied() {
            self.remove(core, old, End { why: Departure::Renewed, code: Some(Code::Replaced) });
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.sessions.push(None);
            (self.sessions.len() - 1) as u32
        });
        self.births = self.births.wrapping_add(1);
        let serial = u64::from(self.births) << 32 | u64::from(index);
        let mut session =
            Session::new(core.now, &self.settings, (name.clone(), role), established, remote, is_initiator, serial);
        session.share(core.config.bytes);
        let cid = session.ours;
        if let Some(place) = self.sessions.get_mut(index as usize) {
            *place = Some(Box::new(session));
        }
        self.cids.insert(cid, index);
        self.names.insert(name, index);
        self.touch(index);
        index
    }

    fn remove(&mut self, core: &mut Core, index: u32, end: End) {
        let Some(mut session) = self.sessions.get_mut(index as usize).and_then(Option::take) else { return };
        self.free.push(index);
        self.agenda.remove(index);
        for cid in session.ids() {
            self.cids.remove(&cid);
        }
        if self.names.get(&session.name) == Some(&index) {
            self.names.remove(&session.name);
        }
        if let Some(words) = session.last_words(core.now, end) {
            core.send_raw(session.remote(), words);
        }
        session.leave(core, end.why);
        let held = std::mem::take(&mut session.held);
        core.held.going = core.held.going.saturating_sub(held.going);
        core.held.coming = core.held.coming.saturating_sub(held.coming);
        let classic = core.config.wires.classic.then_some(self.settings.classic_after);
        for dialer in &mut self.dialers {
            if dialer.session() == Some(index) || dialer.rests_for(&session.role) {
                dialer.on_left(core, classic);
            }
        }
    }

    /// Whether there is room for one more estate.
    fn has_room(&self) -> bool {
        self.names.len() < limits::ESTATES
    }
}

/// Whether it was an estate of the fast wire that is to be reached: nobody leads us back by dropping packets. Without a
/// word from there it may be any of those we accept.
fn is_known_fast(core: &Core, dialer: &Dialer) -> bool {
    if let Some(role) = dialer.role() {
        return core.is_fast_only(role);
    }
    let mut accepted = core.roll.iter().filter(|(_, acceptance)| *acceptance == Acceptance::Accepted).peekable();
    accepted.peek().is_some() && accepted.all(|(key, _)| core.is_fast_only(&key.role))
}

/// How long a way to an estate rests that is in session by another.
const TWO_WAYS: Duration = Duration::from_secs(60);
/// Wait after a session had nothing to send after all: the granularity of timers, so that it costs nothing to be wrong.
const PUT_OFF: Duration = super::rtt::GRANULARITY;
/// The clock's step: no deadline lies in the present.
const LOOK_AGAIN: Duration = Duration::from_micros(1);
/// Bytes a train or a probe of the path may take.
const ROOM: usize = 65_536;

/// The session id of a data packet.
pub(super) fn data_cid(datagram: &[u8]) -> Option<u64> {
    let (first, rest) = datagram.split_first()?;
    let (_, rest) = rest.split_first()?;
    let cid = rest.first_chunk::<8>()?;
    crate::wire::v1::DataHead::is_data(*first).then(|| u64::from_be_bytes(*cid))
}

#[cfg(test)]
mod tests;
