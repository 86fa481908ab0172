//! Allow, asking side (wire v0 §4.3): hello, cookie, initiate; short-term keys for one session.

use super::redo::{Fire, Redo};
use crate::nacl::{PublicKey, SecretKey, SharedBox};
use crate::road::core::Core;
use crate::road::estate::{PROBATION, Remote};
use crate::road::stats::Drop;
use crate::transport::Departure;
use crate::wire::v0::{BodyKind, Cookie, Head, Hello, Initiate, InitiateKeys, PacketKind, TransactKind};

/// A handshake we started.
pub(crate) struct Allower {
    ti: u32,
    si: u32,
    short: SecretKey,
    /// Their short-term key, once the cookie brought it.
    theirs: Option<PublicKey>,
    pub(crate) redo: Redo,
    /// What we sent last, for the redo.
    last: (PacketKind, Vec<u8>),
}

/// Starts a handshake, unless one or a join is on its way. Needs a finished join.
pub(crate) fn start(core: &mut Core, remote: &mut Remote) {
    let Some(peer) = &remote.peer else { return };
    let is_busy = remote.allower.is_some() || remote.allowent.is_some() || remote.joiner.is_some();
    if is_busy || !remote.joined || remote.fuid == 0 {
        return;
    }
    let short = SecretKey::from_bytes(core.random.bytes());
    let hello = Hello::write(&short, &peer.key.public, core.random.bytes());
    tracing::debug!(estate = %peer.name, "allow: hello");
    let ti = remote.next_tid();
    remote.allower = Some(Allower {
        ti,
        si: remote.sid,
        short,
        theirs: None,
        redo: Redo::new(core.now, core.config.timers.allower),
        last: (PacketKind::Hello, hello.to_vec()),
    });
    remote.rest = None;
    remote.willing = false;
    again(core, remote);
}

fn again(core: &mut Core, remote: &Remote) {
    if let Some(allower) = &remote.allower {
        let (packet, body) = &allower.last;
        tell(core, remote, *packet, allower.ti, allower.si, body);
    }
}

fn tell(core: &mut Core, remote: &Remote, packet: PacketKind, ti: u32, si: u32, body: &[u8]) {
    let head = Head { si, body: BodyKind::Raw, ..remote.head(core, TransactKind::Allow, packet, ti) };
    core.send(remote.ha, &head, body);
}

/// Time has passed for this handshake.
pub(crate) fn on_timeout(core: &mut Core, remote: &mut Remote) {
    let Some(allower) = &mut remote.allower else { return };
    match allower.redo.fire(core.now) {
        Fire::Wait => {}
        Fire::Again => {
            core.stats.redone += 1;
            again(core, remote);
        }
        Fire::GiveUp => {
            end(core, remote);
            // It may have lost us: joining again finds out. Whoever comes to us will.
            if remote.home.is_some() {
                remote.rest = None;
                super::joiner::start(core, remote);
            }
        }
    }
}

fn end(core: &mut Core, remote: &mut Remote) {
    let Some(allower) = remote.allower.take() else { return };
    if allower.theirs.is_some() {
        // It has our initiate, and with it perhaps a new session, in which nothing of the old one counts.
        remote.end_session(core, Departure::Renewed);
    }
    if remote.home.is_some() {
        let wait = core.config.timers.allower.max;
        remote.rest_for(core, wait);
    } else if remote.willing {
        // After a refusal Salt's minion waits for its master to begin.
        let wait = core.config.timers.presence;
        remote.rest_for(core, wait);
    } else if remote.proven {
        remote.rest = None;
    } else {
        remote.rest_for(core, PROBATION);
    }
}

/// Gives way to a handshake of the far side.
pub(super) fn yield_to(core: &mut Core, remote: &mut Remote) {
    if let Some(allower) = remote.allower.take() {
        tell(core, remote, PacketKind::Refuse, allower.ti, allower.si, &[]);
    }
}

/// An answer; its signature has been checked. Says whether it belonged to this handshake.
pub(crate) fn on_answer(core: &mut Core, remote: &mut Remote, head: &Head, coat: &[u8]) -> bool {
    let Some(allower) = remote.allower.as_ref().filter(|a| (a.ti, a.si) == (head.ti, head.si)) else { return false };
    remote.willing = true;
    match head.packet {
        PacketKind::Cookie => on_cookie(core, remote, coat),
        PacketKind::Ack => on_ack(core, remote),
        // Our session number is older than one it has seen: our disk is older than its memory. A first join sets it right.
        PacketKind::Nack if remote.home.is_some() && allower.theirs.is_none() => {
            remote.allower = None;
            super::joiner::start_over(core, remote);
        }
        PacketKind::Nack | PacketKind::Refuse | PacketKind::Reject => {
            tracing::debug!(nuid = remote.nuid, answer = ?head.packet, step = ?allower.last.0, "allow: refused");
            end(core, remote);
        }
        PacketKind::Unjoined => {
            remote.allower = None;
            remote.joined = false;
            remote.end_session(core, Departure::Renewed);
            super::joiner::start(core, remote);
        }
        _ => core.stats.drop(Drop::Unsupported),
    }
    true
}

fn on_cookie(core: &mut Core, remote: &mut Remote, coat: &[u8]) {
    let (Some(peer), Some(allower)) = (&remote.peer, &mut remote.allower) else { return };
    let cookie = match Cookie::open(coat, &allower.short, &peer.key.public) {
        Ok(cookie) if cookie.nuid_r == remote.fuid && cookie.fuid_r == remote.nuid => cookie,
        _ => {
            let (ti, si) = (allower.ti, allower.si);
            core.stats.drop(Drop::BadAllow);
            tell(core, remote, PacketKind::Reject, ti, si, &[]);
            return end(core, remote);
        }
    };
    let keys = InitiateKeys {
        long: &core.keys.secret,
        short: &allower.short,
        their_long: &peer.key.public,
        their_short: &cookie.short,
    };
    let nonces = [core.random.bytes(), core.random.bytes()];
    let body = Initiate::write(keys, cookie.oreo, &core.config.fqdn, nonces);
    allower.theirs = Some(cookie.short);
    allower.last = (PacketKind::Initiate, body.to_vec());
    allower.redo.on_progress(core.now, core.config.timers.allower);
    again(core, remote);
}

fn on_ack(core: &mut Core, remote: &mut Remote) {
    // An acknowledgement before the cookie proves nothing and changes nothing (quirks §2, last point).
    let Some(theirs) = remote.allower.as_ref().and_then(|a| a.theirs) else { return core.stats.drop(Drop::BadAllow) };
    if !remote.peer.as_ref().is_some_and(|peer| core.confirm(&peer.key)) {
        // Another estate has proved another key of this role meanwhile.
        return end(core, remote);
    }
    let Some(allower) = remote.allower.take() else { return };
    tell(core, remote, PacketKind::Ack, allower.ti, allower.si, &[]);
    if super::joinent::is_answered(remote, remote.fuid) {
        // It could not have taken part without our answer to its join: the acknowledgement was lost.
        super::joinent::complete(core, remote);
    }
    // How it counts from now on shows in the first message that opens.
    remote.rsid = 0;
    remote.establish(core, SharedBox::new(&theirs, &allower.short));
}
