//! Join, asking side (wire v0 §4.1 "Joiner"): asks for names, keys and numbers until the far side answers.

use std::net::SocketAddr;
use std::time::Duration;

use super::redo::{Fire, Redo};
use crate::base::Acceptance;
use crate::keep::RoleKey;
use crate::road::config::{Mutable, Trust};
use crate::road::core::{Core, Judgement};
use crate::road::estate::{Peer, Remote};
use crate::road::stats::Drop;
use crate::transport::{Departure, Event, Refusal};
use crate::wire::v0::{CoatKind, FootKind, Head, JoinBody, PacketKind, TransactKind};

/// A join we started.
pub(crate) struct Joiner {
    pub(crate) ti: u32,
    /// We do not know the far side's number for us.
    pub(crate) vacuous: bool,
    pub(crate) redo: Redo,
    /// Our key waits there.
    pended: bool,
    /// Its key waits here: who it says it is, and its number for us.
    held: Option<(Peer, u32)>,
    /// Requests without any answer.
    tries: u32,
}

/// Requests without an answer after which that is said: some seven seconds after the first.
const SILENT: u32 = 3;

/// How long we try to join an estate that has to come to us.
const GUEST: Duration = Duration::from_secs(30);

/// Starts a join unless one is on its way.
pub(crate) fn start(core: &mut Core, remote: &mut Remote) {
    if remote.joiner.is_some() || remote.joinent.is_some() {
        return;
    }
    let mut times = core.config.timers.joiner;
    match remote.home {
        // Wherever it went, or somebody said it went: this is where it is looked for.
        Some(home) => remote.ha = home,
        None if times.timeout.is_zero() => times.timeout = GUEST,
        None => {}
    }
    let ti = remote.next_tid();
    let redo = Redo::new(core.now, times);
    let joiner = Joiner { ti, vacuous: remote.fuid == 0, redo, pended: false, held: None, tries: 0 };
    tracing::debug!(nuid = remote.nuid, ha = %remote.ha, vacuous = joiner.vacuous, "join: asking");
    remote.joiner = Some(joiner);
    remote.rest = None;
    request(core, remote);
}

/// Starts a join as if we had never met: nothing we counted is right any more.
pub(crate) fn start_over(core: &mut Core, remote: &mut Remote) {
    remote.end_session(core, Departure::Renewed);
    forget_number(remote);
    start(core, remote);
}

/// Its number for us is not ours any more, and whatever was asked under it is asked of nobody.
fn forget_number(remote: &mut Remote) {
    remote.fuid = 0;
    remote.joined = false;
    (remote.aliver, remote.probe, remote.allower) = (None, None, None);
}

/// The body that says who we are; `uid` only in answers.
pub(super) fn own_body(core: &Core, uid: Option<u32>) -> Vec<u8> {
    let RoleKey { role, verify, public } = core.own_key();
    let config = &core.config;
    let mode = u8::from(config.main);
    JoinBody { name: config.name.clone(), mode, kind: config.kind, verify, public, role, uid }.write(config.body_kind)
}

/// A join's head: unsigned, in clear, session 0.
pub(super) fn head(core: &Core, packet: PacketKind, se: u32, de: u32, ti: u32) -> Head {
    Head {
        head_kind: core.config.head_kind,
        transact: TransactKind::Join,
        packet,
        se,
        de,
        ti,
        body: core.config.body_kind,
        coat: CoatKind::Nada,
        foot: FootKind::Nada,
        ..Head::default()
    }
}

fn tell(core: &mut Core, remote: &Remote, packet: PacketKind, ti: u32, vacuous: bool, body: &[u8]) {
    let head = head(core, packet, remote.nuid, if vacuous { 0 } else { remote.fuid }, ti);
    core.send(remote.ha, &head, body);
}

fn request(core: &mut Core, remote: &mut Remote) {
    let Some(joiner) = &mut remote.joiner else { return };
    joiner.redo.on_transmit(core.now);
    let (ti, vacuous) = (joiner.ti, joiner.vacuous);
    let body = own_body(core, None);
    tell(core, remote, PacketKind::Request, ti, vacuous, &body);
}

/// Time has passed for this join.
pub(crate) fn on_timeout(core: &mut Core, remote: &mut Remote) {
    let Some(joiner) = &mut remote.joiner else { return };
    match joiner.redo.fire(core.now) {
        Fire::Wait => {}
        // While its key waits here, it is told so instead of being asked again.
        Fire::Again if joiner.held.is_some() => {
            let (ti, vacuous) = (joiner.ti, joiner.vacuous);
            tell(core, remote, PacketKind::Pend, ti, vacuous, &[]);
        }
        Fire::Again => {
            core.stats.redone += 1;
            joiner.tries = joiner.tries.saturating_add(1);
            if joiner.tries == SILENT && !joiner.pended {
                // It goes on; but somebody should look at the address, the port and what is between.
                let by = remote.label();
                core.event(Event::Refused { by, why: Refusal::Silent });
            }
            request(core, remote);
        }
        Fire::GiveUp => give_up(core, remote, Refusal::Silent),
    }
}

fn give_up(core: &mut Core, remote: &mut Remote, why: Refusal) {
    remote.joiner = None;
    let by = remote.label();
    tracing::debug!(%by, %why, "join: refused");
    core.event(Event::Refused { by, why });
    let wait = core.config.timers.refused;
    remote.rest_for(core, wait);
}

/// Whether a packet answers our join: unsigned, so it must come from where we asked and name our transaction.
pub(crate) fn is_answered(remote: &Remote, from: SocketAddr, head: &Head) -> bool {
    remote
        .joiner
        .as_ref()
        .is_some_and(|j| j.ti == head.ti && from == remote.ha && (j.vacuous || head.se == remote.fuid))
}

/// An answer to our join. `is_taken` tells whether another remote has the name it brings.
pub(crate) fn on_answer(
    core: &mut Core,
    remote: &mut Remote,
    from: SocketAddr,
    head: &Head,
    coat: &[u8],
    is_taken: bool,
) {
    let is_ours = is_answered(remote, from, head);
    let Some(joiner) = remote.joiner.as_mut().filter(|_| is_ours) else { return core.stats.drop(Drop::Stale) };
    match head.packet {
        PacketKind::Pend => {
            if !std::mem::replace(&mut joiner.pended, true) {
                joiner.redo.slow_down(core.now, core.config.timers.pended);
                let by = remote.label();
                core.event(Event::Refused { by, why: Refusal::Pending });
            }
        }
        PacketKind::Response => on_response(core, remote, head, coat, is_taken),
        PacketKind::Nack | PacketKind::Refuse => give_up(core, remote, Refusal::Busy),
        // Meanwhile it talks to us under its key: that counts, and an unsigned word against it does not.
        PacketKind::Reject | PacketKind::Renew if remote.present => {
            remote.joiner = None;
            core.stats.drop(Drop::Stale);
        }
        PacketKind::Reject => {
            forget_number(remote);
            remote.end_session(core, Departure::Rejected);
            give_up(core, remote, Refusal::Rejected);
        }
        PacketKind::Renew if !joiner.vacuous => {
            remote.joiner = None;
            start_over(core, remote);
        }
        _ => core.stats.drop(Drop::Unsupported),
    }
}

fn on_response(core: &mut Core, remote: &mut Remote, head: &Head, coat: &[u8], is_taken: bool) {
    let Ok(body) = JoinBody::read(coat, head.body) else { return core.stats.drop(Drop::BadJoin) };
    let Some(uid) = body.uid.filter(|uid| *uid != 0) else { return core.stats.drop(Drop::BadJoin) };
    let peer = Peer {
        name: body.name,
        main: body.mode & 1 == 1,
        kind: body.kind,
        key: RoleKey { role: body.role, verify: body.verify, public: body.public },
    };
    if !super::dispatch::is_named_well(core, &peer) {
        return core.stats.drop(Drop::BadJoin);
    }
    if core.config.wires.fast && core.is_fast_only(&peer.key.role) {
        tracing::warn!(estate = %peer.name, "not joined: it was seen on the fast wire and answers on the classic one");
        core.stats.drop(Drop::Unsupported);
        return ignore(core, remote);
    }
    if let Some(known) = &remote.peer {
        let is_free = core.config.trust == Trust::Always || !core.is_on_roll(&known.key);
        if known.key != peer.key && !is_free {
            core.clash(&peer.key);
            return ignore(core, remote);
        }
        // Its number for us may be new after it lost its table; nothing else may change silently.
        if *known != peer && core.config.mutable < Mutable::Anything && !is_free && remote.proven {
            return refuse(core, remote);
        }
    }
    let renamed = remote.peer.as_ref().is_none_or(|known| known.name != peer.name);
    if peer.name == core.config.name || (renamed && is_taken) {
        return refuse(core, remote);
    }
    match core.judge(&peer.key) {
        Judgement::Accepted => complete(core, remote, peer, uid),
        Judgement::Pending => {
            let Some(joiner) = &mut remote.joiner else { return };
            if joiner.held.replace((peer, uid)).is_none() {
                let (ti, vacuous) = (joiner.ti, joiner.vacuous);
                tell(core, remote, PacketKind::Pend, ti, vacuous, &[]);
            }
        }
        Judgement::Rejected => refuse(core, remote),
        Judgement::Clash => ignore(core, remote),
        Judgement::Full => {}
    }
}

/// Not the key we know, and nothing about the answer is proved: the right answer may still come, so the join goes on,
/// at the pace of one that waits for people.
fn ignore(core: &mut Core, remote: &mut Remote) {
    let wait = core.config.timers.pended;
    if let Some(joiner) = &mut remote.joiner {
        joiner.redo.slow_down(core.now, wait);
    }
}

/// We do not want it: says so and ends.
fn refuse(core: &mut Core, remote: &mut Remote) {
    let Some(joiner) = remote.joiner.take() else { return };
    tell(core, remote, PacketKind::Reject, joiner.ti, joiner.vacuous, &[]);
    let wait = core.config.timers.refused;
    remote.rest_for(core, wait);
}

fn complete(core: &mut Core, remote: &mut Remote, peer: Peer, uid: u32) {
    let Some(joiner) = remote.joiner.take() else { return };
    remote.peer = Some(peer);
    remote.number_first_session(core);
    // What it counts from now on shows in the handshake that follows.
    remote.renewed = true;
    // A vacuous join is acknowledged as it was asked: without the number it has just brought.
    remote.joined = true;
    tell(core, remote, PacketKind::Ack, joiner.ti, joiner.vacuous, &[]);
    remote.last_join = Some((joiner.ti, joiner.vacuous));
    remote.fuid = uid;
    remote.persist(core);
    super::allower::start(core, remote);
}

/// A response to a join that is over: our acknowledgement was lost, or its sender waits for one that will never come. As long
/// as it waits, a Salt master refuses every other join of ours (wire v0 §4.1 "Joinent" 2, "Lost ack"), so it gets an answer.
pub(crate) fn on_late_response(core: &mut Core, remote: &Remote, head: &Head, coat: &[u8]) {
    let Ok(body) = JoinBody::read(coat, head.body) else { return core.stats.drop(Drop::BadJoin) };
    core.stats.drop(Drop::Stale);
    let is_known = body.uid == Some(remote.fuid)
        && remote.peer.as_ref().is_some_and(|known| {
            known.name == body.name
                && known.key == RoleKey { role: body.role, verify: body.verify, public: body.public }
        });
    match remote.last_join.filter(|(ti, _)| *ti == head.ti) {
        Some((ti, vacuous)) if remote.joined && is_known => tell(core, remote, PacketKind::Ack, ti, vacuous, &[]),
        _ => {
            let nack = self::head(core, PacketKind::Nack, remote.nuid, head.se, head.ti);
            core.send(remote.ha, &nack, &[]);
        }
    }
}

/// The roll says something new of the key we hold.
pub(crate) fn on_admit(core: &mut Core, remote: &mut Remote, acceptance: Option<Acceptance>) {
    let Some((peer, uid)) = remote.joiner.as_mut().and_then(|j| j.held.take()) else { return };
    match acceptance {
        Some(Acceptance::Accepted) => complete(core, remote, peer, uid),
        Some(Acceptance::Pending) => {
            if let Some(joiner) = &mut remote.joiner {
                joiner.held = Some((peer, uid));
            }
        }
        Some(Acceptance::Rejected) | None => refuse(core, remote),
    }
}

/// The role of the key that waits here, if one does.
pub(crate) fn held_role(remote: &Remote) -> Option<&crate::base::Name> {
    remote.joiner.as_ref().and_then(|j| j.held.as_ref()).map(|(peer, _)| &peer.key.role)
}

/// Tells the far side that our join gives way to its own (race rule, wire v0 §4.1 "Joinent" 2).
pub(crate) fn yield_to(core: &mut Core, remote: &mut Remote) {
    if let Some(joiner) = remote.joiner.take() {
        tell(core, remote, PacketKind::Refuse, joiner.ti, joiner.vacuous, &[]);
    }
}
