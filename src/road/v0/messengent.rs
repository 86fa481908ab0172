//! Message, receiving side (wire v0 §4.5 "Messengent"): gathers segments, asks for missing ones, delivers once.

use std::net::SocketAddr;

use bytes::Bytes;

use super::asked::Asked;
use super::inbox::Key;
use super::redo::{Fire, Redo};
use super::stale;
use crate::base::Time;
use crate::message::Message;
use crate::road::core::Core;
use crate::road::estate::Remote;
use crate::road::stats::Drop;
use crate::transport::Event;
use crate::wire::v0::{BodyKind, CoatKind, Head, Inserted, Malformed, PacketKind, Tray, body, coat, resend};

/// A message under reassembly.
pub(crate) struct Messengent {
    tray: Tray,
    /// The first segment's head: answers copy from it.
    head: Head,
    asked: Asked,
    redo: Redo,
}

impl Messengent {
    pub(super) fn bytes(&self) -> usize {
        self.tray.bytes()
    }

    pub(super) fn deadline(&self) -> Time {
        self.redo.deadline()
    }
}

/// A packet of a message; its signature has been checked.
pub(crate) fn on_message(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head, slice: &[u8]) {
    if remote.session.is_none() {
        return stale::reply(core, remote, from, head, PacketKind::Nack);
    }
    if head.coat != CoatKind::Nacl {
        return core.stats.drop(Drop::Unsealed);
    }
    if !remote.inbox.is_of_session(head.si) {
        return stale::nack(core, remote, from, head);
    }
    if remote.inbox.is_done(head.ti) {
        // raet would nack here; its sender takes a second `done` as well, and knows the truth.
        core.stats.drop(Drop::Duplicate);
        return stale::reply(core, remote, remote.ha, head, PacketKind::Done);
    }
    if !core.has_room() {
        return core.stats.drop(Drop::Full);
    }
    if head.sc == 1 {
        if head.again {
            return stale::nack(core, remote, from, head);
        }
        if !deliver(core, remote, head, slice) {
            refuse(core, remote, head, Drop::Unsealed);
            agree_anew(core, remote);
        }
        return;
    }
    gather(core, remote, from, head, slice);
}

fn gather(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head, slice: &[u8]) {
    let times = core.config.timers.messengent;
    let key = Key::of(head);
    if !remote.inbox.contains(key) {
        if head.again && !remote.inbox.is_spoiled(key) {
            return stale::nack(core, remote, from, head);
        }
        if !remote.inbox.has_room() || core.held.coming >= core.config.bytes {
            return core.stats.drop(Drop::Full);
        }
        let Ok(tray) = Tray::new(head) else { return core.stats.drop(Drop::Malformed) };
        remote
            .inbox
            .insert(key, Messengent { tray, head: *head, asked: Asked::default(), redo: Redo::new(core.now, times) });
    }
    let gathered = remote.inbox.change(key, |messengent| {
        let inserted = messengent.tray.insert(head, slice)?;
        if inserted == Inserted::New {
            messengent.redo.on_progress(core.now, times);
        }
        Ok::<_, Malformed>((inserted, messengent.tray.is_complete()))
    });
    let Some(Ok((inserted, is_complete))) = gathered else { return core.stats.drop(Drop::Malformed) };
    if inserted == Inserted::Duplicate {
        core.stats.drop(Drop::Duplicate);
    } else if remote.present {
        remote.on_heard(core);
    }
    if is_complete {
        if let Some(done) = remote.inbox.remove(key) {
            let whole = done.tray.into_coat().ok();
            if !whole.is_some_and(|whole| deliver(core, remote, &done.head, &whole)) {
                give_another_chance(core, remote, key, &done.head);
                agree_anew(core, remote);
            }
        }
    } else if remote.inbox.is_overfull() {
        if let Some(most) = remote.inbox.remove(key) {
            refuse(core, remote, &most.head, Drop::Full);
        }
    } else if head.wait {
        answer(core, remote, key, Some(head.sn));
    }
}

/// Acknowledges the burst that ended with segment `sn`, or asks for what is missing below the highest segment; without
/// `sn`, because nothing came for a while.
fn answer(core: &mut Core, remote: &mut Remote, key: Key, sn: Option<u32>) {
    let asked = remote.inbox.change(key, |messengent| {
        let Messengent { tray, asked, head, .. } = messengent;
        let whole = tray.missing(0).next().is_none().then(|| tray.highest());
        let requests = match sn {
            Some(sn) => asked.on_wait(tray, sn),
            None => asked.on_timeout(tray),
        };
        (*head, whole, requests)
    });
    let Some((head, whole, requests)) = asked else { return };
    if let Some(sn) = whole {
        let ack = Head { sn, ..stale::answer_to(core, remote, &head, PacketKind::Ack) };
        return core.send(remote.ha, &ack, &[]);
    }
    for request in requests {
        // Signed and in clear: raet, which seals these, ends its process on one that does not open, and it has thrown its
        // keys away as soon as either side says hello again. Mere numbers need no secrecy.
        let ask = Head { coat: CoatKind::Nada, ..stale::answer_to(core, remote, &head, PacketKind::Resend) };
        core.send(remote.ha, &ask, &resend::write(&request, ask.body));
    }
}

/// All segments are there, and together they are nothing: one of them may be of an earlier life of the sender, recorded and
/// sent again. Nobody is told, so the sender begins anew; when that does not open either, it is told.
fn give_another_chance(core: &mut Core, remote: &mut Remote, key: Key, head: &Head) {
    if remote.inbox.on_spoiled(key) {
        core.stats.drop(Drop::Unsealed);
    } else {
        refuse(core, remote, head, Drop::Unsealed);
    }
}

/// Opens a whole coat, hands the message up and says so to its sender; once. Says whether it opened.
fn deliver(core: &mut Core, remote: &mut Remote, head: &Head, whole: &[u8]) -> bool {
    let (Some(session), Some(peer)) = (&remote.session, &remote.peer) else { return true };
    let Some(plain) = coat::open(whole, session) else { return false };
    let map = match head.body {
        BodyKind::Msgpack => body::check_msgpack(Bytes::from(plain)),
        BodyKind::Json => body::json_to_msgpack(&plain),
        BodyKind::Nada | BodyKind::Raw => {
            refuse(core, remote, head, Drop::Unsupported);
            return true;
        }
    };
    let Some(message) = map.ok().and_then(|map| Message::from_map(&map).ok()) else {
        refuse(core, remote, head, Drop::Malformed);
        return true;
    };
    core.stats.messages_in += 1;
    let from = peer.name.clone();
    if !whole.is_empty() {
        // A message under the new keys is as good as the handshake's last acknowledgement. (An empty one is under none.)
        super::allowent::on_used(remote);
        remote.rsid = head.si;
        remote.inbox.on_opened(head.si);
        remote.clear_suspicion(core);
        remote.on_heard(core);
    }
    core.event(Event::Received { from, message });
    remote.inbox.on_done(head.ti);
    stale::reply(core, remote, remote.ha, head, PacketKind::Done);
    true
}

/// What its estate signed does not open: it may be in another session than we are, as after a clone of ours with our
/// key was there. Who dials agrees on a new one, now and then at most: an old message sent again looks the same.
fn agree_anew(core: &mut Core, remote: &mut Remote) {
    if remote.home.is_some() && remote.agreed.is_none_or(|then| core.now.since(then) >= core.config.timers.presence) {
        remote.agreed = Some(core.now);
        tracing::debug!(nuid = remote.nuid, "a signed message does not open: allow anew");
        super::allower::start(core, remote);
    }
}

fn refuse(core: &mut Core, remote: &Remote, head: &Head, why: Drop) {
    core.stats.drop(why);
    stale::reply(core, remote, remote.ha, head, PacketKind::Nack);
}

/// The sender gave the message up.
pub(crate) fn on_nack(core: &mut Core, remote: &mut Remote, head: &Head) {
    if !remote.inbox.remove_all(head.ti, head.si..=head.si) {
        core.stats.drop(Drop::Stale);
    }
}

/// Time has passed for the messages under reassembly.
pub(crate) fn on_timeout(core: &mut Core, remote: &mut Remote) {
    while let Some(key) = remote.inbox.next_due(core.now) {
        match remote.inbox.change(key, |messengent| messengent.redo.fire(core.now)) {
            Some(Fire::Again) => answer(core, remote, key, None),
            Some(Fire::GiveUp) => {
                if let Some(messengent) = remote.inbox.remove(key) {
                    refuse(core, remote, &messengent.head, Drop::Stale);
                }
            }
            Some(Fire::Wait) | None => return,
        }
    }
}
