//! Allow, answering side (wire v0 §4.3): cookie for a hello, a session for an initiate that proves the long-term key.
//!
//! Nothing of a live session changes before the initiate has proved everything.

use std::net::SocketAddr;

use super::redo::{Fire, Redo};
use crate::nacl::{PublicKey, SecretKey, SharedBox};
use crate::road::core::Core;
use crate::road::estate::Remote;
use crate::road::stats::Drop;
use crate::wire::v0::{BodyKind, Head, PacketKind, TransactKind};
use crate::wire::v0::{Cookie, CookieStuff, Hello, Initiate};

/// A handshake the far side started.
pub(crate) struct Allowent {
    ti: u32,
    si: u32,
    se: u32,
    ha: SocketAddr,
    short: SecretKey,
    theirs: PublicKey,
    oreo: [u8; 24],
    pub(crate) redo: Redo,
    last: (PacketKind, Vec<u8>),
}

/// A hello; its signature has been checked.
pub(crate) fn on_hello(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head, coat: &[u8]) {
    if super::joinent::is_answered(remote, head.se) {
        // Only who got our answer knows this number to sign for: its acknowledgement was lost.
        super::joinent::complete(core, remote);
    }
    if !remote.joined {
        return super::stale::reply(core, remote, from, head, PacketKind::Unjoined);
    }
    if remote.joiner.is_some() {
        return super::stale::reply(core, remote, from, head, PacketKind::Refuse);
    }
    match &remote.allowent {
        Some(known) if (known.ti, known.si) == (head.ti, head.si) => return core.stats.drop(Drop::Duplicate),
        _ => {}
    }
    let Ok(theirs) = Hello::open(coat, &core.keys.secret) else {
        core.stats.drop(Drop::BadAllow);
        return super::stale::reply(core, remote, from, head, PacketKind::Reject);
    };
    if let (Some(_), Some(peer)) = (&remote.allower, &remote.peer) {
        // Both started: the smaller name keeps its own.
        if core.config.name < peer.name {
            return super::stale::reply(core, remote, from, head, PacketKind::Refuse);
        }
        super::allower::yield_to(core, remote);
    }
    start(core, remote, from, head, theirs);
}

fn start(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head, theirs: PublicKey) {
    let short = SecretKey::from_bytes(core.random.bytes());
    let oreo = core.random.bytes();
    let stuff = CookieStuff { short: short.public(), nuid_r: remote.nuid, fuid_r: head.se, oreo };
    let cookie = Cookie::write(&core.keys.secret, &theirs, core.random.bytes(), &stuff);
    remote.allowent = Some(Allowent {
        ti: head.ti,
        si: head.si,
        se: head.se,
        ha: from,
        short,
        theirs,
        oreo,
        redo: Redo::new(core.now, core.config.timers.allowent),
        last: (PacketKind::Cookie, cookie.to_vec()),
    });
    again(core, remote);
}

fn again(core: &mut Core, remote: &Remote) {
    if let Some(allowent) = &remote.allowent {
        let (packet, body) = &allowent.last;
        tell(core, remote, allowent, *packet, body);
    }
}

fn tell(core: &mut Core, remote: &Remote, allowent: &Allowent, packet: PacketKind, body: &[u8]) {
    let head = Head {
        si: allowent.si,
        de: allowent.se,
        body: BodyKind::Raw,
        correspondent: true,
        ..remote.head(core, TransactKind::Allow, packet, allowent.ti)
    };
    core.send(allowent.ha, &head, body);
}

/// Time has passed for this handshake.
pub(crate) fn on_timeout(core: &mut Core, remote: &mut Remote) {
    let Some(allowent) = &mut remote.allowent else { return };
    match allowent.redo.fire(core.now) {
        Fire::Wait => {}
        Fire::Again => {
            core.stats.redone += 1;
            again(core, remote);
        }
        Fire::GiveUp => {
            // Allowed or not is what the initiate decided; a lost last acknowledgement changes nothing.
            if let Some(allowent) = remote.allowent.take()
                && allowent.last.0 == PacketKind::Cookie
            {
                tell(core, remote, &allowent, PacketKind::Refuse, &[]);
            }
        }
    }
}

/// A later step; its signature has been checked. Says whether it belonged to this handshake.
pub(crate) fn on_packet(core: &mut Core, remote: &mut Remote, head: &Head, coat: &[u8]) -> bool {
    let Some(allowent) = remote.allowent.as_ref().filter(|a| (a.ti, a.si, a.se) == (head.ti, head.si, head.se)) else {
        return false;
    };
    match head.packet {
        PacketKind::Initiate if allowent.last.0 == PacketKind::Cookie => on_initiate(core, remote, coat),
        // Our acknowledgement was lost.
        PacketKind::Initiate => again(core, remote),
        PacketKind::Ack if allowent.last.0 == PacketKind::Ack => {
            remote.allowent = None;
            remote.on_heard(core);
        }
        PacketKind::Nack | PacketKind::Refuse | PacketKind::Reject => {
            tracing::debug!(nuid = remote.nuid, answer = ?head.packet, "allow: the asker gave up");
            remote.allowent = None;
        }
        _ => core.stats.drop(Drop::Unsupported),
    }
    true
}

/// A message came under the session this handshake made.
pub(crate) fn on_used(remote: &mut Remote) {
    if remote.allowent.as_ref().is_some_and(|a| a.last.0 == PacketKind::Ack) {
        remote.allowent = None;
    }
}

fn on_initiate(core: &mut Core, remote: &mut Remote, coat: &[u8]) {
    let (Some(peer), Some(allowent)) = (&remote.peer, &mut remote.allowent) else { return };
    let opened = Initiate::open(coat, &allowent.short, &core.keys.secret);
    let is_proved =
        opened.is_ok_and(|i| i.short == allowent.theirs && i.oreo == allowent.oreo && i.long == peer.key.public);
    if !is_proved {
        core.stats.drop(Drop::BadAllow);
        if let Some(allowent) = remote.allowent.take() {
            tell(core, remote, &allowent, PacketKind::Reject, &[]);
        }
        return;
    }
    let session = SharedBox::new(&allowent.theirs, &allowent.short);
    allowent.last = (PacketKind::Ack, Vec::new());
    allowent.redo.on_progress(core.now, core.config.timers.allowent);
    // Where a signed, fresh handshake came from is where the estate is.
    if core.config.mutable >= crate::road::config::Mutable::Address || remote.candidate.is_some() {
        remote.candidate = Some((allowent.ha, allowent.se));
    }
    again(core, remote);
    remote.establish(core, session);
}
