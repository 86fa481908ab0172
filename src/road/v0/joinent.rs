//! Join, answering side (wire v0 §4.1 "Joinent"): checks who asks against the table and the roll, and answers.
//!
//! A join is unsigned, so it never changes a joined estate: new address and number stay a candidate until a handshake
//! proves the key, and a live session goes on until a new one replaces it.

use std::net::SocketAddr;

use super::joiner::{head as join_head, own_body};
use super::redo::{Fire, Redo};
use crate::base::{Acceptance, Time};
use crate::keep::RoleKey;
use crate::keep::journal::Kind;
use crate::road::config::{Mutable, Trust};
use crate::road::core::Core;
use crate::road::estate::{Candidate, PROBATION, Peer, Remote};
use crate::road::stats::Drop;
use crate::wire::v0::{Head, JoinBody, PacketKind};

/// A join the far side started.
pub(crate) struct Joinent {
    ti: u32,
    vacuous: bool,
    ha: SocketAddr,
    /// Its number for us.
    se: u32,
    /// Who it says it is.
    peer: Peer,
    /// Runs while our answer waits for its acknowledgement; `None` while its key is pending.
    redo: Option<Redo>,
    /// When a pending one is forgotten; whoever still waits asks again before that.
    until: Time,
}

/// Requests a pending asker may lose before it is forgotten; its key is not.
const ASKED: u32 = 5;

impl Joinent {
    pub(crate) fn deadline(&self) -> Time {
        self.redo.as_ref().map_or(self.until, Redo::deadline)
    }

    /// Address and number by which packets of a vacuous join find us.
    pub(crate) fn first_join(&self) -> Option<(SocketAddr, u32)> {
        self.vacuous.then_some((self.ha, self.se))
    }

    /// Whether a packet belongs to this join.
    fn owns(&self, from: SocketAddr, head: &Head) -> bool {
        self.ti == head.ti && self.ha == from && self.se == head.se
    }
}

/// Answers a join packet where there is no remote to speak for us.
pub(crate) fn answer(core: &mut Core, to: SocketAddr, asked: &Head, packet: PacketKind) {
    let mut head = join_head(core, packet, asked.de, asked.se, asked.ti);
    head.correspondent = true;
    core.send(to, &head, &[]);
}

/// Who a join body says its sender is.
pub(crate) fn read(asked: &Head, coat: &[u8]) -> Option<Peer> {
    JoinBody::read(coat, asked.body).ok().map(Peer::from)
}

impl From<JoinBody> for Peer {
    fn from(body: JoinBody) -> Self {
        let main = body.is_main();
        let key = RoleKey { role: body.role, verify: body.verify, public: body.public };
        Self { name: body.name, main, kind: body.kind, key }
    }
}

/// What to do with a join whose sender the table knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Go,
    /// Go on as if it were new: its key is another one, and the one we know counts for nothing.
    Replace,
    /// Refused for good, as it is.
    Reject,
}

/// Whether `peer` may be the remote we know, from `from` with number `se` (wire v0 §4.2).
pub(crate) fn compare(core: &mut Core, remote: &Remote, peer: &Peer, from: SocketAddr, se: u32) -> Verdict {
    let Some(known) = &remote.peer else { return Verdict::Go };
    if !known.key.same_keys(&peer.key) || known.key.role != peer.key.role {
        // A key that is not on the roll was let in on trust and has not proved itself yet.
        let any_will_do = core.config.mutable == Mutable::Anything && core.config.trust == Trust::Always;
        if any_will_do || !core.is_on_roll(&known.key) {
            return Verdict::Replace;
        }
        core.clash(&peer.key);
        return Verdict::Reject;
    }
    if !remote.proven {
        // What it said before proves no more than what it says now.
        return Verdict::Go;
    }
    let moved = remote.fuid != 0 && (remote.ha != from || remote.fuid != se);
    let changed = known.name != peer.name || known.main != peer.main || known.kind != peer.kind;
    let least = if changed {
        Mutable::Anything
    } else if moved {
        Mutable::Address
    } else {
        Mutable::Nothing
    };
    if core.config.mutable >= least {
        return Verdict::Go;
    }
    let parts = [
        (known.name != peer.name, "name"),
        (known.kind != peer.kind, "kind"),
        (known.main != peer.main, "main flag"),
        (remote.fuid != 0 && remote.fuid != se, "number for us"),
        (remote.fuid != 0 && remote.ha != from, "address"),
    ];
    let what: Vec<_> = parts.into_iter().filter_map(|(is_other, part)| is_other.then_some(part)).collect();
    core.trouble(Kind::Changed { what: what.join(" and ") }, Some(&peer.key.role), from);
    Verdict::Reject
}

/// Starts, renews or repeats the answer to a join request that passed [`compare`] and has this standing.
pub(crate) fn start(core: &mut Core, remote: &mut Remote, from: SocketAddr, asked: &Head, peer: Peer, accepted: bool) {
    if !remote.joined {
        (remote.ha, remote.fuid) = (from, asked.se);
        remote.peer = Some(peer.clone());
    }
    tracing::debug!(estate = %peer.name, %from, accepted, "join: asked");
    let vacuous = asked.de == 0;
    let until = core.now + core.config.timers.pended * ASKED;
    remote.joinent = Some(Joinent { ti: asked.ti, vacuous, ha: from, se: asked.se, peer, redo: None, until });
    if accepted {
        respond(core, remote);
    } else {
        tell(core, remote, PacketKind::Pend);
    }
    remote.suspect(core);
}

fn respond(core: &mut Core, remote: &mut Remote) {
    if let Some(joinent) = &mut remote.joinent {
        joinent.redo = Some(Redo::new(core.now, core.config.timers.joinent));
        tell(core, remote, PacketKind::Response);
    }
}

fn tell(core: &mut Core, remote: &Remote, packet: PacketKind) {
    let Some(joinent) = &remote.joinent else { return };
    let se = if joinent.vacuous { 0 } else { remote.nuid };
    let mut head = join_head(core, packet, se, joinent.se, joinent.ti);
    head.correspondent = true;
    let body = if packet == PacketKind::Response { own_body(core, Some(remote.nuid)) } else { Vec::new() };
    core.send(joinent.ha, &head, &body);
}

/// Time has passed for this join.
pub(crate) fn on_timeout(core: &mut Core, remote: &mut Remote) {
    let Some(joinent) = &mut remote.joinent else { return };
    let Some(redo) = &mut joinent.redo else {
        if joinent.until <= core.now {
            remote.joinent = None;
        }
        return;
    };
    match redo.fire(core.now) {
        Fire::Wait => {}
        Fire::Again => {
            core.stats.redone += 1;
            tell(core, remote, PacketKind::Response);
        }
        // Whether our answer arrived shows in the hello that follows. No word of it: a nack ends a join that Salt's minion
        // never begins again, if our answers were lost, and if they were not it says hello to an estate we must not forget.
        Fire::GiveUp => complete(core, remote),
    }
}

/// A packet of this join that is no request.
pub(crate) fn on_packet(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head) {
    let Some(joinent) = remote.joinent.as_mut().filter(|j| j.owns(from, head)) else {
        return core.stats.drop(Drop::Stale);
    };
    match head.packet {
        // raet's nack to a response says that its join is over already: our first response arrived, its acknowledgement did
        // not. Taken for a refusal it would leave Salt's minion saying hello for ever to a master that has forgotten it.
        PacketKind::Ack | PacketKind::Nack if joinent.redo.is_some() => complete(core, remote),
        PacketKind::Pend => {
            let wait = core.config.timers.pended;
            if let Some(redo) = &mut joinent.redo {
                redo.slow_down(core.now, wait);
            }
        }
        PacketKind::Nack | PacketKind::Refuse | PacketKind::Reject => {
            tracing::debug!(nuid = remote.nuid, answer = ?head.packet, "join: the asker gave up");
            remote.joinent = None;
        }
        _ => core.stats.drop(Drop::Unsupported),
    }
}

/// The asker has our answer: its acknowledgement says so, or a signed packet of a later transaction. Or it does not say.
pub(crate) fn complete(core: &mut Core, remote: &mut Remote) {
    let Some(joinent) = remote.joinent.take() else { return };
    let Joinent { vacuous, ha, se, peer, .. } = joinent;
    remote.number_first_session(core);
    if remote.joined {
        // All of this is unsigned: it counts once a handshake proves the key.
        remote.renewed |= vacuous;
        let is_same = (ha, se) == (remote.ha, remote.fuid) && remote.peer.as_ref() == Some(&peer);
        remote.candidate = (!is_same).then_some(Candidate { ha, fuid: se, peer });
        return;
    }
    if vacuous {
        remote.rsid = 0;
    }
    remote.joined = true;
    (remote.ha, remote.fuid) = (ha, se);
    if !remote.proven {
        remote.rest_for(core, PROBATION);
    }
}

/// Whether the answer to the asker is on its way, from an asker with this number.
pub(crate) fn is_answered(remote: &Remote, se: u32) -> bool {
    remote.joinent.as_ref().is_some_and(|j| j.redo.is_some() && j.se == se)
}

/// The roll says something new of the key that waits.
pub(crate) fn on_admit(core: &mut Core, remote: &mut Remote, acceptance: Option<Acceptance>) {
    if remote.joinent.is_none() {
        return;
    }
    match acceptance {
        Some(Acceptance::Accepted) => respond(core, remote),
        Some(Acceptance::Pending) => {}
        Some(Acceptance::Rejected) | None => {
            tell(core, remote, PacketKind::Reject);
            remote.joinent = None;
        }
    }
}
