//! Message, receiving side (wire v0 §4.5 "Messengent"): gathers segments, asks for missing ones, delivers once.

use std::net::SocketAddr;

use bytes::Bytes;

use super::redo::{Fire, Redo};
use super::stale;
use crate::base::{Time, wrap};
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
    if remote.inbox.is_done(head.ti) {
        // raet would nack here; its sender takes a second `done` as well, and knows the truth.
        core.stats.drop(Drop::Duplicate);
        return stale::reply(core, remote, remote.ha, head, PacketKind::Done);
    }
    if !core.has_room() {
        return core.stats.drop(Drop::Full);
    }
    if head.sc == 1 && !remote.inbox.contains(head.ti) {
        if head.again {
            return stale::nack(core, remote, from, head);
        }
        return deliver(core, remote, head, slice);
    }
    gather(core, remote, from, head, slice);
}

fn gather(core: &mut Core, remote: &mut Remote, from: SocketAddr, head: &Head, slice: &[u8]) {
    let times = core.config.timers.messengent;
    match remote.inbox.find(head.ti).map(|known| known.head.si) {
        Some(si) if si != head.si && wrap::is_current(si, head.si) => return stale::nack(core, remote, from, head),
        Some(si) if si != head.si => drop(remote.inbox.remove(head.ti)),
        _ => {}
    }
    if !remote.inbox.contains(head.ti) {
        if head.again {
            return stale::nack(core, remote, from, head);
        }
        if !remote.inbox.has_room() {
            return core.stats.drop(Drop::Full);
        }
        let Ok(tray) = Tray::new(head) else { return core.stats.drop(Drop::Malformed) };
        remote.inbox.insert(head.ti, Messengent { tray, head: *head, redo: Redo::new(core.now, times) });
    }
    let gathered = remote.inbox.change(head.ti, |messengent| {
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
        if let Some(done) = remote.inbox.remove(head.ti) {
            match done.tray.into_coat() {
                Ok(whole) => deliver(core, remote, &done.head, &whole),
                Err(_) => refuse(core, remote, &done.head, Drop::Malformed),
            }
        }
    } else if remote.inbox.is_overfull() {
        if let Some(most) = remote.inbox.remove(head.ti) {
            refuse(core, remote, &most.head, Drop::Full);
        }
    } else if head.wait {
        answer(core, remote, head.ti);
    }
}

/// Acknowledges the burst, or asks for what is missing below the highest segment.
fn answer(core: &mut Core, remote: &Remote, ti: u32) {
    let (Some(messengent), Some(session)) = (remote.inbox.find(ti), &remote.session) else { return };
    let head = &messengent.head;
    // A few packets' worth at a time: the rest is asked for when these have arrived.
    let missing: Vec<u32> = messengent.tray.missing(0).take(4 * resend::MISSED_MAX).collect();
    let base = Head {
        se: remote.nuid,
        de: remote.fuid,
        sc: 1,
        ml: 0,
        segment: false,
        again: false,
        head_kind: core.config.head_kind,
        body: core.config.body_kind,
        correspondent: true,
        ..*head
    };
    if missing.is_empty() {
        let ack = Head { packet: PacketKind::Ack, sn: messengent.tray.highest(), ..base };
        return core.send(remote.ha, &ack, &[]);
    }
    for chunk in missing.chunks(resend::MISSED_MAX) {
        let ask = Head { packet: PacketKind::Resend, sn: 0, ..base };
        if let Some(sealed) = coat::seal(&resend::write(chunk, base.body), session, core.random.bytes()) {
            core.send(remote.ha, &ask, &sealed);
        }
    }
}

/// Opens a whole coat, hands the message up and says so to its sender; once.
fn deliver(core: &mut Core, remote: &mut Remote, head: &Head, whole: &[u8]) {
    let (Some(session), Some(peer)) = (&remote.session, &remote.peer) else { return };
    let Some(plain) = coat::open(whole, session) else { return refuse(core, remote, head, Drop::Unsealed) };
    let map = match head.body {
        BodyKind::Msgpack => body::check_msgpack(Bytes::from(plain)),
        BodyKind::Json => body::json_to_msgpack(&plain),
        BodyKind::Nada | BodyKind::Raw => return refuse(core, remote, head, Drop::Unsupported),
    };
    let Some(message) = map.ok().and_then(|map| Message::from_map(&map).ok()) else {
        return refuse(core, remote, head, Drop::Malformed);
    };
    core.stats.messages_in += 1;
    let from = peer.name.clone();
    if !whole.is_empty() {
        // A message under the new keys is as good as the handshake's last acknowledgement. (An empty one is under none.)
        super::allowent::on_used(remote);
        remote.rsid = head.si;
        remote.clear_suspicion(core);
        remote.on_heard(core);
    }
    core.event(Event::Received { from, message });
    remote.inbox.on_done(head.ti);
    stale::reply(core, remote, remote.ha, head, PacketKind::Done);
}

fn refuse(core: &mut Core, remote: &Remote, head: &Head, why: Drop) {
    core.stats.drop(why);
    stale::reply(core, remote, remote.ha, head, PacketKind::Nack);
}

/// The sender gave the message up.
pub(crate) fn on_nack(core: &mut Core, remote: &mut Remote, head: &Head) {
    if remote.inbox.remove(head.ti).is_none() {
        core.stats.drop(Drop::Stale);
    }
}

/// Time has passed for the messages under reassembly.
pub(crate) fn on_timeout(core: &mut Core, remote: &mut Remote) {
    while let Some(ti) = remote.inbox.next_due(core.now) {
        match remote.inbox.change(ti, |messengent| messengent.redo.fire(core.now)) {
            Some(Fire::Again) => answer(core, remote, ti),
            Some(Fire::GiveUp) => {
                if let Some(messengent) = remote.inbox.remove(ti) {
                    refuse(core, remote, &messengent.head, Drop::Stale);
                }
            }
            Some(Fire::Wait) | None => return,
        }
    }
}
