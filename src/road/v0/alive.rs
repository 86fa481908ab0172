//! Alive (wire v0 §4.4): asks whether the far side is there and in the session, and answers the same question.

use std::net::SocketAddr;
use std::time::Duration;

use super::redo::{Fire, Redo};
use crate::base::Time;
use crate::road::core::Core;
use crate::road::estate::Remote;
use crate::road::stats::Drop;
use crate::transport::Departure;
use crate::wire::v0::{Head, PacketKind, TransactKind};

/// A question we asked.
pub(crate) struct Aliver {
    ti: u32,
    si: u32,
    pub(crate) redo: Redo,
}

/// A question to an address from which an estate's packets came, and which is not the one we know.
pub(crate) struct Probe {
    ti: u32,
    si: u32,
    to: SocketAddr,
    sent: Time,
}

/// Shortest time between two probes of one estate: old packets sent again must not make us talkative.
const PROBE_REST: Duration = Duration::from_millis(200);

/// Asks at a new address. Only who has the key can answer a question it has not been asked before.
pub(crate) fn probe(core: &mut Core, remote: &mut Remote, to: SocketAddr) {
    if remote.probe.as_ref().is_some_and(|p| core.now.since(p.sent) < PROBE_REST) {
        return;
    }
    let (ti, si) = (remote.next_tid(), remote.sid);
    remote.probe = Some(Probe { ti, si, to, sent: core.now });
    let head = remote.head(core, TransactKind::Alive, PacketKind::Request, ti);
    core.send(to, &head, &[]);
}

/// The answer from the new address: the estate is there. From anywhere else it says only that somebody handed our question
/// on to where the estate really is.
fn on_probed(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head) -> bool {
    let Some(probe) = remote.probe.as_ref().filter(|p| (p.ti, p.si) == (head.ti, head.si)) else { return false };
    if from != probe.to {
        core.stats.drop(Drop::Stale);
        return true;
    }
    let Some(probe) = remote.probe.take() else { return true };
    let is_there = matches!(head.packet, PacketKind::Ack | PacketKind::Unjoined | PacketKind::Unallowed);
    if is_there && remote.session.is_some() {
        tracing::debug!(nuid = remote.nuid, to = %probe.to, "the estate moved");
        remote.ha = probe.to;
        remote.persist(core);
        on_standing(core, remote, head.packet);
    }
    true
}

/// It is there, and says whether it is in the session.
fn on_standing(core: &mut Core, remote: &mut Remote, packet: PacketKind) {
    match packet {
        PacketKind::Unjoined => {
            remote.joined = false;
            remote.end_session(core, Departure::Renewed);
            if remote.home.is_some() || remote.peer.as_ref().is_some_and(|p| p.main) {
                super::joiner::start(core, remote);
            }
        }
        PacketKind::Unallowed => {
            remote.end_session(core, Departure::Renewed);
            super::allower::start(core, remote);
        }
        _ => remote.on_heard(core),
    }
}

/// Asks, unless a question is on its way.
pub(crate) fn start(core: &mut Core, remote: &mut Remote) {
    if remote.aliver.is_some() {
        return;
    }
    let ti = remote.next_tid();
    remote.aliver = Some(Aliver { ti, si: remote.sid, redo: Redo::new(core.now, core.config.timers.aliver) });
    request(core, remote);
}

fn request(core: &mut Core, remote: &Remote) {
    if let Some(aliver) = &remote.aliver {
        let head = Head { si: aliver.si, ..remote.head(core, TransactKind::Alive, PacketKind::Request, aliver.ti) };
        core.send(remote.ha, &head, &[]);
    }
}

/// Time has passed for the question.
pub(crate) fn on_timeout(core: &mut Core, remote: &mut Remote) {
    let Some(aliver) = &mut remote.aliver else { return };
    match aliver.redo.fire(core.now) {
        Fire::Wait => {}
        Fire::Again => {
            core.stats.redone += 1;
            request(core, remote);
        }
        Fire::GiveUp => {
            remote.aliver = None;
            remote.clear_suspicion(core);
            remote.leave(core, Departure::Silent);
            if remote.home.is_some() {
                // It may have lost us: joining again finds out, whatever it remembers.
                super::joiner::start(core, remote);
            } else {
                remote.rest = None;
            }
        }
    }
}

/// The answer; its signature has been checked. Says whether it belonged to our question.
pub(crate) fn on_answer(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head) -> bool {
    if on_probed(core, remote, from, head) {
        return true;
    }
    let Some(aliver) = remote.aliver.take_if(|a| (a.ti, a.si) == (head.ti, head.si)) else { return false };
    remote.clear_suspicion(core);
    match head.packet {
        PacketKind::Ack | PacketKind::Unjoined | PacketKind::Unallowed => on_standing(core, remote, head.packet),
        // It has seen a newer session of ours than the present one: our disk is older than its memory.
        PacketKind::Nack if aliver.si == remote.sid && remote.home.is_some() => {
            super::joiner::start_over(core, remote);
        }
        PacketKind::Reject => remote.leave(core, Departure::Silent),
        _ => {
            let wait = core.config.timers.presence;
            remote.rest_for(core, wait);
        }
    }
    true
}

/// The far side asks; its signature has been checked. Only a question it has not asked before is a sign of life.
pub(crate) fn on_request(
    core: &mut Core,
    remote: &mut Remote,
    from: SocketAddr,
    head: &Head,
    coat: &[u8],
    is_newer: bool,
) {
    // raet has no body here, and crashes on one.
    if head.packet != PacketKind::Request || !coat.is_empty() {
        return core.stats.drop(Drop::Unsupported);
    }
    let packet = if !remote.joined {
        PacketKind::Unjoined
    } else if remote.session.is_none() {
        PacketKind::Unallowed
    } else {
        if is_newer && remote.present {
            remote.on_heard(core);
        } else if !remote.present {
            // It may be back, or somebody sends an old question again: our own question will tell.
            start(core, remote);
        }
        PacketKind::Ack
    };
    let mut answer = remote.head(core, TransactKind::Alive, packet, head.ti);
    (answer.si, answer.de, answer.correspondent) = (head.si, head.se, true);
    // Without a session nobody keeps its address up to date, and where it asks from it learns that it has to join.
    let to = if packet == PacketKind::Ack { remote.ha } else { from };
    core.send(to, &answer, &[]);
}
