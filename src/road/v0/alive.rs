//! Alive (wire v0 §4.4): asks whether the far side is there and in the session, and answers the same question.

use std::net::SocketAddr;

use super::redo::{Fire, Redo};
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
            remote.suspect = false;
            remote.leave(core, Departure::Silent);
            if remote.dialed {
                // It may have lost us: joining again finds out, whatever it remembers.
                super::joiner::start(core, remote);
            } else {
                remote.rest = None;
            }
        }
    }
}

/// The answer; its signature has been checked. Says whether it belonged to our question.
pub(crate) fn on_answer(core: &mut Core, remote: &mut Remote, head: &Head) -> bool {
    if remote.aliver.as_ref().is_none_or(|a| (a.ti, a.si) != (head.ti, head.si)) {
        return false;
    }
    remote.aliver = None;
    remote.suspect = false;
    match head.packet {
        PacketKind::Ack => remote.on_heard(core),
        PacketKind::Unjoined => {
            remote.joined = false;
            remote.end_session(core, Departure::Renewed);
            if remote.dialed || remote.peer.as_ref().is_some_and(|p| p.main) {
                super::joiner::start(core, remote);
            }
        }
        PacketKind::Unallowed => {
            remote.end_session(core, Departure::Renewed);
            super::allower::start(core, remote);
        }
        PacketKind::Reject => remote.leave(core, Departure::Silent),
        _ => {
            let wait = core.config.timers.presence;
            remote.rest_for(core, wait);
        }
    }
    true
}

/// The far side asks; its signature has been checked.
pub(crate) fn on_request(core: &mut Core, remote: &mut Remote, head: &Head, coat: &[u8], to: SocketAddr) {
    // raet has no body here, and crashes on one.
    if head.packet != PacketKind::Request || !coat.is_empty() {
        return core.stats.drop(Drop::Unsupported);
    }
    let packet = if !remote.joined {
        PacketKind::Unjoined
    } else if remote.session.is_none() {
        PacketKind::Unallowed
    } else {
        remote.on_heard(core);
        PacketKind::Ack
    };
    let mut answer = remote.head(core, TransactKind::Alive, packet, head.ti);
    (answer.si, answer.de, answer.correspondent) = (head.si, head.se, true);
    core.send(to, &answer, &[]);
}
