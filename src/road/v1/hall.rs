//! The fast road's side of a road: all its sessions, the doors in and out, and which of them have work.
//!
//! Datagrams come in by session id, messages by the estate's name. A session that ends leaves nothing but its last words.

mod door;

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::dialer::Dialer;
use super::handshake::{Established, Identity, Responder, Rules};
use super::message::Outgoing;
use super::session::{Code, End, Session};
use super::tally::Tally;
use crate::base::{Acceptance, Name, Time, Wall, limits};
use crate::keep::OwnKeys;
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
    responder: Option<Responder>,
    sessions: Vec<Option<Box<Session>>>,
    free: Vec<u32>,
    cids: HashMap<u64, u32, BuildHasherDefault<CidHasher>>,
    names: BTreeMap<Name, u32>,
    dialers: Vec<Dialer>,
    /// Where estates wait that were turned away, by role: they are called when somebody decides.
    waiting: BTreeMap<Name, (SocketAddr, u64)>,
    agenda: Agenda,
    /// Touched since the road looked last.
    touched: Vec<u32>,
    /// The wall clock at a time of ours.
    wall: (Time, Wall),
}

/// What the hall asks of the road.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nobody answers on this wire: the classic road is to try.
    Classic(SocketAddr),
}

/// One session as an operator sees it.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// The estate.
    pub name: Name,
    /// Where it is.
    pub remote: SocketAddr,
    /// Smoothed round trip.
    pub rtt: Duration,
    /// Shortest round trip.
    pub rtt_min: Duration,
    /// Congestion window, bytes.
    pub window: u64,
    /// Bytes in flight.
    pub in_flight: u64,
    /// Pace, bytes a second.
    pub rate: u64,
    /// Bytes of a datagram the path takes.
    pub mtu: u16,
    /// Bytes of messages waiting or in flight.
    pub going: usize,
    /// Bytes of messages under reassembly.
    pub coming: usize,
    /// How packets are sealed.
    pub suite: crate::nacl::Suite,
    /// Share of packets lost lately, 0 to 1.
    pub loss: f64,
    /// Counters.
    pub tally: Tally,
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
                ..Rules::default()
            };
            Identity::new(core.config.role.clone(), keys.clone(), 0)
                .ok()
                .map(|identity| Responder::new(identity, rules, core.random.bytes(), now))
        });
        let classic = core.config.wires.classic.then_some(settings.classic_after);
        let dialers = core.config.dial.iter().map(|address| Dialer::new(*address, now, classic)).collect();
        Some(Self {
            settings,
            identity,
            responder: responder.flatten(),
            sessions: Vec::new(),
            free: Vec::new(),
            cids: HashMap::default(),
            names: BTreeMap::new(),
            dialers,
            waiting: BTreeMap::new(),
            agenda: Agenda::default(),
            touched: Vec::new(),
            wall: (now, Wall::default()),
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
            let held = session.holds();
            let before = std::mem::replace(&mut session.held, held);
            core.held.going = (core.held.going + held.going).saturating_sub(before.going);
            core.held.coming = (core.held.coming + held.coming).saturating_sub(before.coming);
            session.hold(!core.has_room());
            let has_work = session.has_work(core.now);
            // What is due is said, not waited for; what is due and cannot be said yet is looked at again soon.
            let deadline = session.deadline().filter(|due| !has_work || *due > core.now);
            self.agenda.set_deadline(index, deadline.map(|due| due.max(core.now + LOOK_AGAIN)));
            if has_work {
                self.agenda.set_ready(index);
            }
        }
    }

    /// Hands a message to the estate's session; gives it back when there is no room, `None` when there is no session.
    pub(crate) fn send(&mut self, core: &mut Core, to: &Name, outgoing: Outgoing) -> Option<Result<(), Outgoing>> {
        let index = *self.names.get(to)?;
        let session = self.sessions.get_mut(index as usize)?.as_mut().filter(|session| session.is_confirmed())?;
        let pushed = session.outbox().push(outgoing);
        self.touch(index);
        self.settle(core);
        Some(pushed)
    }

    /// Whether there is a session with this estate.
    pub(crate) fn is_joined(&self, name: &Name) -> bool {
        let session = self.names.get(name).and_then(|index| self.sessions.get(*index as usize)?.as_ref());
        session.is_some_and(|session| session.is_confirmed())
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
            if dialer.poll_timeout().is_some_and(|due| due <= core.now) {
                dialer.handle_timeout(core, &self.identity, &self.settings);
            }
            if dialer.classic_at.is_some_and(|at| at <= core.now) {
                dialer.classic_at = None;
                let is_known_fast = dialer.pin().is_some_and(|pin| core.is_fast_only(&pin.role));
                if !is_known_fast {
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
                *out = datagram;
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
        let due = self.sessions.get(index as usize).and_then(|session| session.as_ref()?.deadline());
        self.agenda.set_deadline(index, due.map(|due| due.max(now + PUT_OFF)));
    }

    /// When to call [`Hall::handle_timeout`], or [`Hall::poll_transmit`] when that is now.
    pub(crate) fn poll_timeout(&self, now: Time) -> Option<Time> {
        if self.agenda.has_ready() {
            return Some(now);
        }
        let dialers = self.dialers.iter().filter_map(Dialer::poll_timeout);
        let responder = self.responder.as_ref().and_then(Responder::poll_timeout);
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
        let of_role = |session: &Session| session.key.role == *role;
        let found = self.names.values().find(|index| {
            self.sessions.get(**index as usize).and_then(Option::as_ref).is_some_and(|session| of_role(session))
        });
        if let Some(index) = found.copied()
            && let Some(Some(session)) = self.sessions.get_mut(index as usize)
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
        self.names.values().filter_map(|index| Some(self.sessions.get(*index as usize)?.as_ref()?.view()))
    }

    fn touch(&mut self, index: u32) {
        if self.touched.last() != Some(&index) {
            self.touched.push(index);
        }
    }

    /// Takes a session in, in place of any the estate had; gives its place.
    fn insert(&mut self, core: &mut Core, established: Established, remote: SocketAddr, is_initiator: bool) -> u32 {
        let role = &established.peer.key.role;
        // A role is shorter than a name by what stands behind it.
        let name = Name::new(&format!("{role}{}", self.settings.peers)).unwrap_or_else(|_| role.clone());
        if let Some(old) = self.names.get(&name).copied() {
            self.remove(core, old, End { why: Departure::Renewed, code: Some(Code::Replaced) });
        }
        let session = Session::new(core.now, &self.settings, name.clone(), established, remote, is_initiator, None);
        let cid = session.ours;
        let session = Some(Box::new(session));
        let index = match self.free.pop() {
            Some(index) => {
                if let Some(place) = self.sessions.get_mut(index as usize) {
                    *place = session;
                }
                index
            }
            None => {
                self.sessions.push(session);
                (self.sessions.len() - 1) as u32
            }
        };
        self.cids.insert(cid, index);
        self.names.insert(name, index);
        self.touch(index);
        index
    }

    fn remove(&mut self, core: &mut Core, index: u32, end: End) {
        let Some(mut session) = self.sessions.get_mut(index as usize).and_then(Option::take) else { return };
        self.free.push(index);
        self.agenda.remove(index);
        self.cids.remove(&session.ours);
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
        for dialer in self.dialers.iter_mut().filter(|dialer| dialer.session() == Some(index)) {
            dialer.on_left(core, classic);
        }
    }

    /// Whether there is room for one more estate.
    fn has_room(&self) -> bool {
        self.names.len() < limits::ESTATES
    }
}

/// Wait after a session had nothing to send after all: the granularity of timers, so that it costs nothing to be wrong.
const PUT_OFF: Duration = super::rtt::GRANULARITY;
/// The clock's step: no deadline lies in the present.
const LOOK_AGAIN: Duration = Duration::from_micros(1);
/// Bytes a train or a probe of the path may take.
const ROOM: usize = 65_536;

/// The session id of a data packet.
fn data_cid(datagram: &[u8]) -> Option<u64> {
    let (first, rest) = datagram.split_first()?;
    let (_, rest) = rest.split_first()?;
    let cid = rest.first_chunk::<8>()?;
    crate::wire::v1::DataHead::is_data(*first).then(|| u64::from_be_bytes(*cid))
}

/// Session ids are random already.
#[derive(Default)]
struct CidHasher(u64);

impl Hasher for CidHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}
