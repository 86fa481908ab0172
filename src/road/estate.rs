//! A remote estate: who it is, the numbers both sides count with, its session and its transactions.

use std::net::SocketAddr;
use std::time::Duration;

use super::core::{Core, Held};
use super::v0::alive::{Aliver, Probe};
use super::v0::allowent::Allowent;
use super::v0::allower::Allower;
use super::v0::inbox::Inbox;
use super::v0::joinent::Joinent;
use super::v0::joiner::Joiner;
use super::v0::outbox::Outbox;
use crate::base::{Name, Time, wrap};
use crate::keep::{Change, RemoteRecord, RoleKey, Wire};
use crate::nacl::{SharedBox, Verifier};
use crate::transport::{Departure, Event, Failure};
use crate::wire::v0::{CoatKind, FootKind, Head, PacketKind, TransactKind};

/// Who a remote estate says it is; proven by a handshake only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) name: Name,
    pub(crate) key: RoleKey,
    pub(crate) main: bool,
    pub(crate) kind: u32,
}

/// A joined estate as a new join describes it; with the key we know, and not proven by it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) ha: SocketAddr,
    /// Its number for us.
    pub(crate) fuid: u32,
    pub(crate) peer: Peer,
}

/// Shortest time between two suspicions: a flood of joins under its name must not keep an estate from being sent to.
const SUSPICION_REST: Duration = Duration::from_secs(2);
/// How long an estate that has proved nothing, or whose key is no longer good, is remembered so that it is told.
pub(crate) const PROBATION: Duration = Duration::from_secs(60);

/// One entry of the table.
pub(crate) struct Remote {
    /// Our number for it: goes out as `se`, comes in as `de`.
    pub(crate) nuid: u32,
    /// Its number for us; 0: not known.
    pub(crate) fuid: u32,
    /// Where our packets go.
    pub(crate) ha: SocketAddr,
    /// `None` until a first join has told.
    pub(crate) peer: Option<Peer>,
    /// The peer's key, ready for a signature with every packet; see [`Remote::verifier`].
    verifier: Option<Verifier>,
    /// What a join of a joined estate said, until a handshake proves it.
    pub(crate) candidate: Option<Candidate>,
    /// A first join of a joined estate was finished: its sessions may count from the start again.
    pub(crate) renewed: bool,
    /// A handshake has proved its key, in this process or an earlier one: it is worth a place on disk and in the table.
    pub(crate) proven: bool,
    pub(crate) sid: u32,
    pub(crate) rsid: u32,
    pub(crate) tid: u32,
    /// Highest transaction number it started in this session.
    pub(crate) peer_tid: u32,
    pub(crate) joined: bool,
    /// The short-term keys' box: there once allowed.
    pub(crate) session: Option<SharedBox>,
    /// Whether the application was told that it is there.
    pub(crate) present: bool,
    /// It has shown that it is there for a handshake since we last began one.
    pub(crate) willing: bool,
    /// A join under its name came in; nothing new is sent until it shows which session it is in.
    pub(crate) suspect: bool,
    /// When a suspicion was last cleared.
    pub(crate) cleared: Option<Time>,
    /// When its messages did not open and we asked for a new session.
    pub(crate) agreed: Option<Time>,
    /// Where we join it again whenever it is lost; `None`: it comes to us.
    pub(crate) home: Option<SocketAddr>,
    /// When to look after it next.
    pub(crate) rest: Option<Time>,
    pub(crate) joiner: Option<Joiner>,
    /// The last join of ours that ended well: its number, and whether it was a first one.
    pub(crate) last_join: Option<(u32, bool)>,
    pub(crate) joinent: Option<Joinent>,
    pub(crate) allower: Option<Allower>,
    pub(crate) allowent: Option<Allowent>,
    pub(crate) aliver: Option<Aliver>,
    pub(crate) probe: Option<Probe>,
    pub(crate) outbox: Outbox,
    pub(crate) inbox: Inbox,
    /// What its messages took when the road looked last; the road's own.
    pub(crate) held: Held,
    /// The names the table lists it under; the table's own.
    pub(crate) listing: super::index::Listing,
}

impl Remote {
    pub(crate) fn new(nuid: u32, ha: SocketAddr) -> Self {
        Self {
            nuid,
            fuid: 0,
            ha,
            peer: None,
            verifier: None,
            candidate: None,
            renewed: false,
            proven: false,
            sid: 0,
            rsid: 0,
            tid: 0,
            peer_tid: 0,
            joined: false,
            session: None,
            present: false,
            willing: false,
            suspect: false,
            cleared: None,
            agreed: None,
            home: None,
            rest: None,
            joiner: None,
            last_join: None,
            joinent: None,
            allower: None,
            allowent: None,
            aliver: None,
            probe: None,
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            held: Held::default(),
            listing: super::index::Listing::default(),
        }
    }

    /// The peer's key for its packets' signatures, made when the first of them comes.
    pub(crate) fn verifier(&mut self) -> Option<Verifier> {
        let key = self.peer.as_ref()?.key.verify;
        if self.verifier.is_none_or(|ready| ready.key() != key) {
            self.verifier = key.verifier();
        }
        self.verifier
    }

    /// From the disk: joined as it was, never allowed; every start of a process is a new session number (wire v0 §3).
    pub(crate) fn restore(record: &RemoteRecord, key: RoleKey) -> Self {
        let mut remote = Self::new(record.nuid, record.ha);
        remote.fuid = record.fuid;
        remote.sid = wrap::next(record.sid);
        remote.joined = record.joined == Some(true);
        remote.proven = true;
        remote.peer = Some(Peer { name: record.name.clone(), key, main: record.main, kind: record.kind });
        remote
    }

    /// A first join is over. Counted from 1, as raet does, sessions would have the same numbers in each life without a disk,
    /// and what was recorded of one would pass for packets of another. A first join tells the far side to take any number.
    pub(crate) fn number_first_session(&mut self, core: &mut Core) {
        if self.sid == 0 {
            self.sid = 1;
            if core.config.random_sessions {
                self.sid += core.random.below(1 << 30) as u32;
            }
        }
    }

    /// Its name, or its address while it has none: for people.
    pub(crate) fn label(&self) -> String {
        self.peer.as_ref().map_or_else(|| self.ha.to_string(), |peer| peer.name.to_string())
    }

    /// The number of a transaction we start.
    pub(crate) fn next_tid(&mut self) -> u32 {
        self.tid = wrap::next(self.tid);
        self.tid
    }

    /// A signed head towards this estate for a transaction we started, kinds as configured.
    pub(crate) fn head(&self, core: &Core, transact: TransactKind, packet: PacketKind, ti: u32) -> Head {
        Head {
            head_kind: core.config.head_kind,
            transact,
            packet,
            se: self.nuid,
            de: self.fuid,
            si: self.sid,
            ti,
            body: core.config.body_kind,
            coat: if transact == TransactKind::Alive { CoatKind::Nacl } else { CoatKind::Nada },
            foot: FootKind::Nacl,
            ..Head::default()
        }
    }

    /// Whether messages may go out: allowed, both sides know it, and no join casts doubt on it. A handshake that has
    /// proved nothing yet (an old hello sent again, say) stops nothing.
    pub(crate) fn can_send(&self) -> bool {
        let is_new = self.allowent.as_ref().is_some_and(Allowent::is_proved);
        // Our own hello has ended the session for raet; what still comes under it may end its process.
        self.session.is_some() && self.present && !is_new && !self.suspect && self.allower.is_none()
    }

    /// Somebody joins under its name: it shall show which session it is in before anything new is sent. Not too often.
    pub(crate) fn suspect(&mut self, core: &mut Core) {
        let is_trusted = self.cleared.is_some_and(|cleared| core.now.since(cleared) < SUSPICION_REST);
        if self.session.is_some() && !is_trusted {
            self.suspect = true;
            super::v0::alive::start(core, self);
        }
    }

    /// It has shown which session it is in.
    pub(crate) fn clear_suspicion(&mut self, core: &Core) {
        if std::mem::take(&mut self.suspect) {
            self.cleared = Some(core.now);
        }
    }

    /// Takes a new session into use, ends the old one, and tells the application (wire v0 §3 "sid", §4.5 "session change").
    pub(crate) fn establish(&mut self, core: &mut Core, session: SharedBox) {
        self.end_session(core, Departure::Renewed);
        self.session = Some(session);
        self.sid = wrap::next(self.sid);
        // After a restart without a disk all counters begin anew, and what was recorded of an earlier life would answer
        // this one's questions: no two sessions use the same transaction numbers.
        self.tid = self.tid.wrapping_add(core.random.below(1 << 20) as u32);
        self.peer_tid = 0;
        self.suspect = false;
        self.candidate = None;
        self.renewed = false;
        self.proven = true;
        self.joined = true;
        (self.aliver, self.probe) = (None, None);
        self.on_heard(core);
        self.persist(core);
    }

    /// Ends the session, if there is one, and everything in it.
    pub(crate) fn end_session(&mut self, core: &mut Core, why: Departure) {
        self.session = None;
        self.inbox.clear();
        self.leave(core, why);
    }

    /// Tells the application that the estate is gone, and fails what was on its way; keys stay. In this order: why it
    /// left decides what a lost message means.
    pub(crate) fn leave(&mut self, core: &mut Core, why: Departure) {
        if std::mem::take(&mut self.present)
            && let Some(peer) = &self.peer
        {
            tracing::debug!(estate = %peer.name, %why, "left");
            core.event(Event::Left { peer: peer.name.clone(), why });
        }
        self.outbox.fail(core, Failure::Lost, Failure::Absent);
    }

    /// It proved that it lives and is in the session: tell the application, and let it rest.
    pub(crate) fn on_heard(&mut self, core: &mut Core) {
        self.rest_for(core, core.config.timers.presence);
        if !self.suspect {
            self.aliver = None;
        }
        if self.session.is_some()
            && !self.present
            && let Some(peer) = &self.peer
        {
            self.present = true;
            tracing::debug!(estate = %peer.name, ha = %self.ha, "joined");
            core.event(Event::Joined { peer: peer.name.clone() });
            core.met(&peer.key.role, Wire::Classic, self.ha);
        }
    }

    /// Looks after it again in `time`, a quarter more or less: fleets must not march in step.
    pub(crate) fn rest_for(&mut self, core: &mut Core, time: Duration) {
        let part = u64::try_from(time.as_micros() / 2).unwrap_or(u64::MAX);
        // Never nothing: what is due in the same moment is due for ever.
        let least = Duration::from_millis(1);
        self.rest = Some(core.now + least + time * 3 / 4 + Duration::from_micros(core.random.below(part)));
    }

    /// Writes it to disk, if it is somebody.
    pub(crate) fn persist(&self, core: &mut Core) {
        if let Some(peer) = &self.peer {
            core.keep(Change::Remote(RemoteRecord {
                name: peer.name.clone(),
                role: peer.key.role.clone(),
                nuid: self.nuid,
                fuid: self.fuid,
                ha: self.ha,
                sid: self.sid,
                main: peer.main,
                kind: peer.kind,
                joined: Some(self.joined),
            }));
        }
    }

    /// Whether a transaction other than messages is on its way.
    pub(crate) fn is_busy(&self) -> bool {
        self.joiner.is_some()
            || self.joinent.is_some()
            || self.allower.is_some()
            || self.allowent.is_some()
            || self.aliver.is_some()
    }

    /// Whether a transaction is on its way that makes looking after it needless.
    pub(crate) fn is_busy_with_what_counts(&self) -> bool {
        let is_unproved = self.allowent.as_ref().is_some_and(|allowent| !allowent.is_proved());
        if self.session.is_some() && is_unproved {
            self.joiner.is_some() || self.joinent.is_some() || self.allower.is_some() || self.aliver.is_some()
        } else {
            self.is_busy()
        }
    }

    /// Whether a guest that joined with an accepted key is remembered although it has proved nothing since: raet's minion says
    /// hello to the number it was given until it is answered, be it for days. Only where a role has few names.
    pub(crate) fn may_stay(&self, core: &Core) -> bool {
        let is_accepted = self.peer.as_ref().is_some_and(|peer| core.is_accepted(&peer.key));
        self.joined && self.fuid != 0 && core.config.salt_names && is_accepted
    }

    /// Whether it has proved nothing and has nothing going on: nothing about it is worth keeping.
    pub(crate) fn is_passer_by(&self) -> bool {
        !self.proven && self.home.is_none() && self.rest.is_none() && self.session.is_none() && !self.is_busy()
    }

    /// Whoever we dial is never left without a next step, whatever it answered.
    pub(crate) fn ensure_next_step(&mut self, core: &mut Core) {
        if self.home.is_some() && self.rest.is_none() && !self.is_busy() {
            self.rest_for(core, core.config.timers.presence);
        }
    }

    /// The next moment anything about it is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        [
            self.rest,
            self.joiner.as_ref().map(|t| t.redo.deadline()),
            self.joinent.as_ref().map(Joinent::deadline),
            self.allower.as_ref().map(|t| t.redo.deadline()),
            self.allowent.as_ref().map(|t| t.redo.deadline()),
            self.aliver.as_ref().map(|t| t.redo.deadline()),
            self.outbox.deadline(),
            self.inbox.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
