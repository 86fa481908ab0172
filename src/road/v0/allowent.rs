//! Allow, answering side (wire v0 §4.3): cookie for a hello, a session for an initiate that proves the long-term key.
//!
//! Nothing of a live session changes before the initiate has proved everything.

use std::net::SocketAddr;
use std::time::Duration;

use super::redo::{Fire, Redo};
use crate::base::Time;
use crate::nacl::{PublicKey, SecretKey, SharedBox};
use crate::road::config::Mutable;
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
    oreo: [u8; 24],
    /// When short-term key and oreo were made.
    since: Time,
    pub(crate) redo: Redo,
    last: (PacketKind, Vec<u8>),
}

/// How long a short-term key waits for its initiate.
const REUSE: Duration = Duration::from_secs(10);

impl Allowent {
    /// Whether the initiate has come and proved the key; what is left is to know that our acknowledgement arrived.
    pub(crate) fn is_proved(&self) -> bool {
        self.last.0 == PacketKind::Ack
    }
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
            remote.willing = true;
            return super::stale::reply(core, remote, from, head, PacketKind::Refuse);
        }
        super::allower::yield_to(core, remote);
    }
    start(core, remote, from, head, theirs);
}

fn start(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head, theirs: PublicKey) {
    // One short-term key and one oreo for all hellos of the moment: an old hello sent again by somebody else cannot
    // take the place of the one whose initiate will prove the key.
    let open = remote.allowent.take().filter(|a| !a.is_proved() && core.now.since(a.since) < REUSE);
    let (short, oreo, since) = match open {
        Some(open) => (open.short, open.oreo, open.since),
        None => (SecretKey::from_bytes(core.random.bytes()), core.random.bytes(), core.now),
    };
    let stuff = CookieStuff { short: short.public(), nuid_r: remote.nuid, fuid_r: head.se, oreo };
    let cookie = Cookie::write(&core.keys.secret, &theirs, core.random.bytes(), &stuff);
    remote.allowent = Some(Allowent {
        ti: head.ti,
        si: head.si,
        se: head.se,
        ha: from,
        short,
        oreo,
        since,
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
        // Allowed or not is what the initiate decided; a lost last acknowledgement changes nothing. And no word of it: Salt's
        // minion says hello until it is answered, but once refused waits for a master to say it.
        Fire::GiveUp => remote.allowent = None,
    }
}

/// A later step; its signature has been checked. Says whether it belonged to this handshake.
pub(crate) fn on_packet(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head, coat: &[u8]) -> bool {
    let Some(allowent) = &mut remote.allowent else { return false };
    let is_last = (allowent.ti, allowent.si, allowent.se) == (head.ti, head.si, head.se);
    match head.packet {
        // It may answer an earlier cookie of ours; the boxes will tell.
        PacketKind::Initiate if !allowent.is_proved() => on_initiate(core, remote, from, head, coat),
        _ if !is_last => return false,
        // Our acknowledgement was lost.
        PacketKind::Initiate => again(core, remote),
        PacketKind::Ack if allowent.is_proved() => {
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

/// An initiate of a handshake we have given up. raet repeats it until it is answered and says no hello any more: it is told,
/// and as Salt's minion then waits for its master to begin, we do. Not for an estate that is there: it may be an old one.
pub(crate) fn on_late_initiate(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head) {
    core.stats.drop(Drop::Stale);
    if remote.home.is_none() && remote.joined && !remote.present {
        super::stale::reply(core, remote, from, head, PacketKind::Refuse);
        super::allower::start(core, remote);
        remote.willing = true;
    }
}

/// A message came under the session this handshake made.
pub(crate) fn on_used(remote: &mut Remote) {
    if remote.allowent.as_ref().is_some_and(Allowent::is_proved) {
        remote.allowent = None;
    }
}

fn on_initiate(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head, coat: &[u8]) {
    let (Some(peer), Some(allowent)) = (&remote.peer, &mut remote.allowent) else { return };
    let opened = Initiate::open(coat, &allowent.short, &core.keys.secret);
    let Some(initiate) = opened.ok().filter(|i| i.oreo == allowent.oreo && i.long == peer.key.public) else {
        // Perhaps an old one sent again by somebody else: it ends nothing.
        core.stats.drop(Drop::BadAllow);
        return super::stale::reply(core, remote, from, head, PacketKind::Reject);
    };
    if !core.confirm(&peer.key) {
        remote.allowent = None;
        return super::stale::reply(core, remote, from, head, PacketKind::Reject);
    }
    (allowent.ti, allowent.si, allowent.se, allowent.ha) = (head.ti, head.si, head.se, from);
    let session = SharedBox::new(&initiate.short, &allowent.short);
    allowent.last = (PacketKind::Ack, Vec::new());
    allowent.redo.on_progress(core.now, core.config.timers.allowent);
    again(core, remote);
    move_in(core, remote, from, head);
    remote.establish(core, session);
}

/// Takes over what a fresh handshake proves: where the estate is, how it counts, and what its last join said.
fn move_in(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head) {
    remote.rsid = head.si;
    let candidate = remote.candidate.take().filter(|c| c.fuid == head.se);
    if core.config.mutable >= Mutable::Address || candidate.is_some() {
        if (from, head.se) != (remote.ha, remote.fuid) {
            tracing::debug!(nuid = remote.nuid, %from, "the estate moved");
        }
        (remote.ha, remote.fuid) = (from, head.se);
    }
    if let Some(candidate) = candidate {
        remote.peer = Some(candidate.peer);
    }
}
