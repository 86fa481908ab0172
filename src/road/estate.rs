//! A remote estate: who it is, the numbers both sides count with, its session and its transactions.

use std::net::SocketAddr;
use std::time::Duration;

use super::core::Core;
use super::v0::alive::Aliver;
use super::v0::allowent::Allowent;
use super::v0::allower::Allower;
use super::v0::inbox::Inbox;
use super::v0::joinent::Joinent;
use super::v0::joiner::Joiner;
use super::v0::outbox::Outbox;
use crate::base::{Name, Time, wrap};
use crate::keep::{Change, RemoteRecord, RoleKey};
use crate::nacl::SharedBox;
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
    /// Address and number from a join of a joined estate, until a handshake proves them.
    pub(crate) candidate: Option<(SocketAddr, u32)>,
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
    /// A join under its name came in; nothing new is sent until it shows which session it is in.
    pub(crate) suspect: bool,
    /// Whether we join it again whenever it is lost.
    pub(crate) dialed: bool,
    /// When to look after it next.
    pub(crate) rest: Option<Time>,
    pub(crate) joiner: Option<Joiner>,
    pub(crate) joinent: Option<Joinent>,
    pub(crate) allower: Option<Allower>,
    pub(crate) allowent: Option<Allowent>,
    pub(crate) aliver: Option<Aliver>,
    pub(crate) outbox: Outbox,
    pub(crate) inbox: Inbox,
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
            candidate: None,
            sid: 0,
            rsid: 0,
            tid: 0,
            peer_tid: 0,
            joined: false,
            session: None,
            present: false,
            suspect: false,
            dialed: false,
            rest: None,
            joiner: None,
            joinent: None,
            allower: None,
            allowent: None,
            aliver: None,
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            listing: super::index::Listing::default(),
        }
    }

    /// From the disk: joined as it was, never allowed; every start of a process is a new session number (wire v0 §3).
    pub(crate) fn restore(record: &RemoteRecord, key: RoleKey) -> Self {
        let mut remote = Self::new(record.nuid, record.ha);
        remote.fuid = record.fuid;
        remote.sid = wrap::next(record.sid);
        remote.joined = record.joined == Some(true);
        remote.peer = Some(Peer { name: record.name.clone(), key, main: record.main, kind: record.kind });
        remote
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

    /// Whether messages may go out: allowed, both sides know it, and no join casts doubt on it.
    pub(crate) fn can_send(&self) -> bool {
        self.session.is_some() && self.present && self.allowent.is_none() && !self.suspect
    }

    /// Takes a new session into use, ends the old one, and tells the application (wire v0 §3 "sid", §4.5 "session change").
    pub(crate) fn establish(&mut self, core: &mut Core, session: SharedBox) {
        self.end_session(core, Departure::Renewed);
        self.session = Some(session);
        self.sid = wrap::next(self.sid);
        self.peer_tid = 0;
        self.suspect = false;
        if let Some((ha, fuid)) = self.candidate.take() {
            tracing::debug!(nuid = self.nuid, %ha, "the estate moved");
            (self.ha, self.fuid) = (ha, fuid);
        }
        self.joined = true;
        self.aliver = None;
        self.on_heard(core);
        self.persist(core);
    }

    /// Ends the session, if there is one, and everything in it.
    pub(crate) fn end_session(&mut self, core: &mut Core, why: Departure) {
        self.session = None;
        self.inbox.clear();
        self.leave(core, why);
    }

    /// Tells the application that the estate is gone, and fails what was on its way; keys stay.
    pub(crate) fn leave(&mut self, core: &mut Core, why: Departure) {
        self.outbox.fail(core, Failure::Lost, Failure::Absent);
        if std::mem::take(&mut self.present)
            && let Some(peer) = &self.peer
        {
            tracing::debug!(estate = %peer.name, %why, "left");
            core.event(Event::Left { peer: peer.name.clone(), why });
        }
    }

    /// It proved that it lives and is in the session: tell the application, and let it rest.
    pub(crate) fn on_heard(&mut self, core: &mut Core) {
        self.rest_for(core, core.config.timers.presence);
        if self.session.is_some()
            && !self.present
            && let Some(peer) = &self.peer
        {
            self.present = true;
            tracing::debug!(estate = %peer.name, ha = %self.ha, "joined");
            core.event(Event::Joined { peer: peer.name.clone() });
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

    /// Whether it asked to join, did not finish, and has nothing going on: nothing about it is worth keeping.
    pub(crate) fn is_passer_by(&self) -> bool {
        self.sid == 0 && !self.joined && !self.dialed && self.joiner.is_none() && self.joinent.is_none()
    }

    /// The next moment anything about it is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        [
            self.rest,
            self.joiner.as_ref().map(|t| t.redo.deadline()),
            self.joinent.as_ref().and_then(Joinent::deadline),
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
