//! Message, sending side (wire v0 §4.5 "Messenger"): one message, sealed once, signed per packet, sent through a
//! sliding window whose middle and end ask for an answer.

use std::collections::VecDeque;

use super::redo::{Fire, Redo};
use crate::road::config::FLIGHT;
use crate::road::core::Core;
use crate::road::estate::Remote;
use crate::road::stats::Drop;
use crate::transport::{Event, Failure, Ticket};
use crate::wire::v0::tray::SEGMENTS_MAX;
use crate::wire::v0::{CoatKind, Head, PacketKind, Segments, TransactKind, coat, outgoing, resend};

/// A message in flight.
pub(crate) struct Messenger {
    pub(super) ticket: Ticket,
    si: u32,
    size: usize,
    segments: Segments,
    /// First segment the far side has not acknowledged, and the one after the last that may be sent.
    window: (u32, u32),
    /// Next segment of the window to send.
    next: u32,
    /// Segments the far side asked for again.
    resend: VecDeque<u32>,
    /// Whether the far side ever acknowledged a part.
    is_acked: bool,
    /// The highest segment sent is to be sent again.
    is_redone: bool,
    /// Some packet was sent again.
    was_redone: bool,
    /// Unconfirmed packets we account for.
    out: u32,
    redo: Redo,
}

impl Messenger {
    /// The next packet: segment number, wait flag, again flag.
    fn next_packet(&mut self) -> Option<(u32, bool, bool)> {
        if let Some(sn) = self.resend.pop_front() {
            return Some((sn, self.resend.is_empty(), true));
        }
        if self.next < self.window.1 {
            let sn = self.next;
            self.next += 1;
            // Half-way too, so that the answer comes while there is still something to send.
            return Some((sn, self.next == self.window.1 || self.next.is_multiple_of(FLIGHT / 2), false));
        }
        if std::mem::take(&mut self.is_redone) {
            // The highest, not the last: its answer tells about everything below.
            return Some((self.next.saturating_sub(1), true, self.is_acked));
        }
        None
    }

    fn has_packet(&self) -> bool {
        !self.resend.is_empty() || self.next < self.window.1 || self.is_redone
    }
}

impl Remote {
    /// Whether there is a packet of a message to send now.
    pub(crate) fn has_packets(&self) -> bool {
        self.can_send()
            && (!self.outbox.ready.is_empty()
                || (self.outbox.flight < self.outbox.burst.limit() && self.outbox.has_waiting()))
    }

    /// Writes the next packet of a message, taking messages in turn. `false`: nothing to send.
    pub(crate) fn fill(&mut self, core: &mut Core, out: &mut Vec<u8>) -> bool {
        if !self.can_send() {
            return false;
        }
        if self.outbox.flight < self.outbox.burst.limit() && self.outbox.has_waiting() {
            launch(core, self);
        }
        while let Some(ti) = self.outbox.ready.pop_front() {
            let Some(messenger) = self.outbox.flying.get_mut(&ti) else { continue };
            let Some((sn, wait, again)) = messenger.next_packet() else { continue };
            messenger.segments.write(sn, (wait, again), Some(&core.keys.sign), out);
            self.outbox.deadlines.remove(&(messenger.redo.deadline(), ti));
            messenger.redo.on_transmit(core.now);
            self.outbox.deadlines.insert((messenger.redo.deadline(), ti));
            if messenger.has_packet() {
                // The rest of a window goes out before anybody else's turn: its end asks for the answer.
                self.outbox.ready.push_front(ti);
            }
            return true;
        }
        false
    }
}

/// Seals the next waiting message and puts it in flight.
fn launch(core: &mut Core, remote: &mut Remote) {
    if remote.session.is_none() {
        return;
    }
    let Some((ticket, body)) = remote.outbox.next_waiting() else { return };
    let ti = remote.next_tid();
    let head = Head { coat: CoatKind::Nacl, ..remote.head(core, TransactKind::Message, PacketKind::Message, ti) };
    // Its bytes may be few enough, and still this head leave too little room for them in each packet; a coat is at most
    // one segment more than its body.
    let fits = Segments::new(&head, body.clone()).count() < SEGMENTS_MAX;
    let sealed = match &remote.session {
        Some(session) if fits => coat::seal(&body, session, core.random.bytes()),
        _ => None,
    };
    let Some(sealed) = sealed else {
        core.event(Event::Failed { ticket, why: Failure::TooLarge });
        return remote.outbox.on_ended(core, body.len());
    };
    let segments = Segments::new(&head, sealed);
    if segments.head_and_slice(0).is_none_or(|(head, slice)| outgoing::check(&head, slice).is_err()) {
        core.event(Event::Failed { ticket, why: Failure::Malformed });
        core.stats.drop(Drop::Unfit);
        return remote.outbox.on_ended(core, body.len());
    }
    let messenger = Messenger {
        ticket,
        si: remote.sid,
        size: body.len(),
        window: (0, 0),
        next: 0,
        resend: VecDeque::new(),
        is_acked: false,
        is_redone: false,
        was_redone: false,
        out: 0,
        redo: Redo::new(core.now, core.config.timers.messenger),
        segments,
    };
    remote.outbox.deadlines.insert((messenger.redo.deadline(), ti));
    remote.outbox.flying.insert(ti, messenger);
    slide(remote, ti, 0);
}

/// Moves a message's window to begin at segment `from`: as much as the flight allows, one at least.
fn slide(remote: &mut Remote, ti: u32, from: u32) {
    let (has_waiting, limit) = (remote.outbox.has_waiting(), remote.outbox.burst.limit());
    let Some(messenger) = remote.outbox.flying.get_mut(&ti) else { return };
    let others = remote.outbox.flight.saturating_sub(messenger.out);
    // While others wait, a long message leaves them half of the room: it must not hold up a ping.
    let share = if has_waiting { 2 } else { 1 };
    let room = (limit.saturating_sub(others) / share).max(1);
    let to = messenger.segments.count().min(from.saturating_add(room)).max(messenger.window.1);
    messenger.window = (from, to);
    messenger.next = messenger.next.max(from);
    messenger.out = to.saturating_sub(from);
    remote.outbox.flight = others + messenger.out;
    if !remote.outbox.ready.contains(&ti) {
        remote.outbox.ready.push_back(ti);
    }
}

/// An answer to one of our messages; its signature has been checked. Says whether the message is still in flight.
pub(crate) fn on_answer(core: &mut Core, remote: &mut Remote, head: &Head, coat: &[u8]) -> bool {
    let Some(messenger) = remote.outbox.flying.get_mut(&head.ti).filter(|m| m.si == head.si) else { return false };
    match head.packet {
        PacketKind::Done => {
            end(core, remote, head.ti, Ok(()));
            remote.on_heard(core);
        }
        PacketKind::Ack => {
            on_ack(remote, head);
            remote.on_heard(core);
        }
        PacketKind::Resend => {
            // The asked-for numbers travel in clear or boxed like any body of this session.
            let opened = match (head.coat, &remote.session) {
                (CoatKind::Nacl, Some(session)) => coat::open(coat, session),
                (CoatKind::Nada, _) => Some(coat.to_vec()),
                _ => None,
            };
            let count = messenger.segments.count();
            match opened.and_then(|body| resend::read(&body, head.body).ok()) {
                Some(misseds) => {
                    on_resend(core, remote, head.ti, misseds.into_iter().filter(|sn| *sn < count));
                    remote.on_heard(core);
                }
                None => core.stats.drop(Drop::Unsealed),
            }
        }
        PacketKind::Nack => {
            // A nack to a packet that was sent again may mean that it arrived the first time (quirks §3).
            let why =
                if messenger.was_redone || messenger.is_acked || remote.joinent.is_some() || remote.candidate.is_some()
                {
                    Failure::Lost
                } else {
                    Failure::Refused
                };
            end(core, remote, head.ti, Err(why));
            super::alive::start(core, remote);
        }
        _ => core.stats.drop(Drop::Unsupported),
    }
    true
}

fn on_ack(remote: &mut Remote, head: &Head) {
    let Some(messenger) = remote.outbox.flying.get_mut(&head.ti) else { return };
    let next = head.sn.saturating_add(1);
    // Below the window: an echo of an earlier one. While segments are sent again, the answer to those decides.
    if !messenger.resend.is_empty() || next <= messenger.window.0 || next > messenger.next {
        return;
    }
    messenger.is_acked = true;
    let was_full = messenger.next == messenger.window.1;
    remote.outbox.burst.on_confirmed(next - messenger.window.0, was_full);
    if next < messenger.segments.count() {
        slide(remote, head.ti, next);
    }
}

fn on_resend(core: &mut Core, remote: &mut Remote, ti: u32, misseds: impl Iterator<Item = u32>) {
    let Some(messenger) = remote.outbox.flying.get_mut(&ti) else { return };
    let mut count = 0;
    for sn in misseds {
        count += 1;
        if messenger.resend.len() < remote.outbox.burst.limit() as usize * 2 && !messenger.resend.contains(&sn) {
            messenger.resend.push_back(sn);
            core.stats.redone += 1;
        }
    }
    remote.outbox.burst.on_missed(count);
    if !remote.outbox.ready.contains(&ti) {
        remote.outbox.ready.push_back(ti);
    }
}

fn end(core: &mut Core, remote: &mut Remote, ti: u32, result: Result<(), Failure>) {
    let Some(messenger) = remote.outbox.flying.remove(&ti) else { return };
    remote.outbox.deadlines.remove(&(messenger.redo.deadline(), ti));
    remote.outbox.flight = remote.outbox.flight.saturating_sub(messenger.out);
    let ticket = messenger.ticket;
    core.stats.messages_out += u64::from(result.is_ok());
    core.event(match result {
        Ok(()) => Event::Delivered { ticket },
        Err(why) => Event::Failed { ticket, why },
    });
    remote.outbox.on_ended(core, messenger.size);
}

/// Time has passed for the messages in flight.
pub(crate) fn on_timeout(core: &mut Core, remote: &mut Remote) {
    while let Some((time, ti)) = remote.outbox.deadlines.first().copied().filter(|(time, _)| *time <= core.now) {
        remote.outbox.deadlines.remove(&(time, ti));
        let Some(messenger) = remote.outbox.flying.get_mut(&ti) else { continue };
        match messenger.redo.fire(core.now) {
            Fire::Again if !messenger.has_packet() => {
                core.stats.redone += 1;
                messenger.is_redone = true;
                messenger.was_redone = true;
                if !remote.outbox.ready.contains(&ti) {
                    remote.outbox.ready.push_back(ti);
                }
            }
            Fire::Again | Fire::Wait => {}
            Fire::GiveUp => {
                end(core, remote, ti, Err(Failure::Lost));
                continue;
            }
        }
        let deadline = messenger.redo.deadline();
        remote.outbox.deadlines.insert((deadline, ti));
    }
}
