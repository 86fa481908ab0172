//! What comes in: a datagram of the session is opened in place, and its frames are told to the parts.

use std::net::SocketAddr;
use std::ops::Range;

use super::super::Carried;
use super::super::keys::Refused;
use super::super::message::{Heading, Incoming};
use super::super::path::Moved;
use super::super::route;
use super::super::sent::{Fate, Verdict};
use super::super::tally::Tally;
use super::super::trace::{At, Metrics};
use super::super::window::{Sight, Window};
use super::{Code, Session, resend};
use crate::base::{Name, Time};
use crate::keep::Wire;
use crate::message::{Message, Route};
use crate::road::core::Core;
use crate::road::datagram::Mark;
use crate::road::outputs::Run;
use crate::road::stats::Drop;
use crate::transport::{Departure, Event, Failure, Stream};
use crate::wire::v1::{Ack, Frame, Frames};

/// Acknowledgements in a round trip.
const ACKS: u32 = 8;
/// The same while packets get lost: of bursts of ten packets on average, one in thirty is as long.
const ACKS_LOSSY: u32 = 32;
/// Round trips for which a path that lost a packet counts as one that loses.
const LOSSY_ROUNDS: u32 = 64;

/// The peer broke a rule, in words for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken(pub(super) &'static str);

impl Session {
    /// Takes a datagram that carries our session id. One that does not open changes nothing.
    pub(crate) fn handle_datagram(&mut self, core: &mut Core, from: SocketAddr, mark: Mark, datagram: &mut [u8]) {
        // Of one train a packet may follow the one that ended the session.
        if self.ended.is_some() {
            return;
        }
        let (now, size, pto) = (core.now, datagram.len(), self.pto());
        let cid = if self.ids.is_begun() { super::super::hall::data_cid(datagram) } else { None };
        let opened = match self.keys.open(now, pto, &mut self.seen, datagram) {
            Ok(opened) => opened,
            Err(why) => return self.refuse(core, why),
        };
        let number = opened.number;
        let is_newest = self.seen.largest() == Some(number);
        self.clocks.heard = now;
        At { session: self.ours, now }.received(number, size);
        self.tally.datagrams_in += 1;
        self.tally.bytes_in += size as u64;
        self.confirm(core);
        if let Some(cid) = cid {
            self.on_id(now, cid);
        }
        let moved = self.path.on_packet(now, from, size, is_newest, pto, &mut core.random);
        if moved != Moved::No {
            tracing::debug!(estate = %self.name, %from, "moved");
            At { session: self.ours, now }.moved();
            self.tally.moves += 1;
            self.use_fresh_id(now);
            if moved == Moved::Host {
                self.new_path(now);
            }
        }
        let (mut is_eliciting, mut is_refused, mut asks) = (false, false, false);
        for frame in Frames::new(opened.frames) {
            let taken = match frame {
                Ok(frame) => {
                    is_eliciting |= frame.is_eliciting();
                    let messages = carries(&frame);
                    asks |= frame == Frame::Ping;
                    let taken = self.on_frame(core, now, frame);
                    is_refused |= self.inbox.is_refusing(messages);
                    taken
                }
                Err(malformed) => Err(Broken(malformed.what)),
            };
            if let Err(Broken(what)) = taken {
                tracing::warn!(estate = %self.name, what, "broke a rule of the wire; the session ends");
                core.stats.drop(Drop::Malformed);
                return self.end(Departure::Renewed, Some(Code::Violation));
            }
            if self.ended.is_some() {
                return;
            }
        }
        if !is_refused {
            self.acks.on_packet(now, number, is_eliciting, mark);
            if asks {
                // A probe timeout's: the peer has heard nothing for long.
                self.acks.hasten(now);
            }
        }
        self.clocks.rest.get_or_insert(now + super::timers::QUIET);
        self.count_round(now);
    }

    /// Acknowledgements are worth their while eight times a round trip, and more often where packets get lost: a burst of
    /// losses on the way back would else take a window's worth of them and put the sender to sleep. A slow sender gets one
    /// for every other packet.
    //= draft-ietf-quic-ack-frequency §8: a few per round trip serve loss detection and congestion control.
    fn count_round(&mut self, now: Time) {
        self.round.packets += 1;
        if now.since(self.round.since) >= self.rtt.smoothed() {
            let lossy = if self.acks.take_gap() { LOSSY_ROUNDS } else { self.round.lossy.saturating_sub(1) };
            let share = if lossy > 0 { ACKS_LOSSY } else { ACKS };
            self.acks.set_every((self.round.packets / share).clamp(2, 64));
            self.round = super::Round { since: now, packets: 0, lossy };
        }
    }

    fn refuse(&mut self, core: &mut Core, why: Refused) {
        core.stats.drop(match why {
            Refused::Malformed(_) => Drop::Malformed,
            Refused::Replayed => Drop::Duplicate,
            Refused::Epoch => Drop::Stale,
            Refused::Forged => Drop::Unsealed,
            Refused::Spent => {
                self.end(Departure::Renewed, Some(Code::Spent));
                Drop::Full
            }
        });
    }

    /// The peer has shown that it is in the session.
    fn confirm(&mut self, core: &mut Core) {
        if self.greeting.take().is_some() {
            self.announce(core);
        }
    }

    /// Tells the application that the estate is there.
    pub(crate) fn announce(&mut self, core: &mut Core) {
        tracing::debug!(estate = %self.name, remote = %self.path.remote(), suite = ?self.keys.suite(), "joined, fast");
        self.at(core.now).started(&self.name, self.keys.suite().name(), self.is_initiator);
        core.superseded.push(self.name.clone());
        core.event(Event::Joined { peer: self.name.clone() });
        core.met(&self.role, Wire::Fast, self.path.remote());
    }

    fn on_frame(&mut self, core: &mut Core, now: Time, frame: Frame<'_>) -> Result<(), Broken> {
        match frame {
            Frame::Pad(_) | Frame::Ping | Frame::Welcome(_) => {}
            Frame::Ids(ids) => self.on_ids(now, &ids),
            Frame::Datagram(data) => self.on_cast(core, data),
            Frame::Ack(ack) => self.on_ack(core, now, &ack)?,
            Frame::Chunk(chunk) => {
                let (from, tally, mut told) = ((&self.name, self.serial), &mut self.tally, Ok(()));
                let deliver = &mut |incoming| told = told.and_then(|()| tell(core, tally, from, incoming));
                self.inbox.on_chunk(&chunk, deliver).map_err(|_| Broken("a message"))?;
                told?;
            }
            Frame::Messages(messages) => {
                let (from, tally, mut told) = ((&self.name, self.serial), &mut self.tally, Ok(()));
                let deliver = &mut |incoming| told = told.and_then(|()| tell(core, tally, from, incoming));
                self.inbox.on_messages(&messages, deliver).map_err(|_| Broken("a message"))?;
                told?;
            }
            Frame::Credit(total) => self.outbox.on_credit(total),
            Frame::Open(below) => self.outbox.on_open(below),
            Frame::Drop { message, end } => {
                let stream = Stream(self.serial, message);
                let mut deliver = |_| {
                    let why = Failure::Cancelled;
                    core.event(Event::Cut { from: self.name.clone(), stream, why });
                };
                self.inbox.on_drop(message, end, &mut deliver).map_err(|_| Broken("a dropped message"))?;
            }
            Frame::Renew { turn, body } => self.on_renew(core, turn, &body)?,
            Frame::Renewed { turn, body } => self.on_renewed(core, turn, &body)?,
            Frame::More { message, below } => self.outbox.on_more(message, below),
            Frame::Refuse { message, .. } => {
                if let Some(ticket) = self.outbox.on_refuse(message) {
                    core.event(Event::Failed { ticket, why: Failure::Refused });
                }
            }
            Frame::Close { code, reason } => {
                tracing::debug!(estate = %self.name, code, reason, "closed by the peer");
                let why = if code == Code::Refused.number() { Departure::Rejected } else { Departure::Renewed };
                self.end(why, None);
            }
            Frame::Probe(token) => {
                self.path.on_probe(token);
                self.on_question(now);
            }
            Frame::Probed(token) => {
                self.path.on_probed(token);
            }
        }
        Ok(())
    }

    fn on_ack(&mut self, core: &mut Core, now: Time, ack: &Ack<'_>) -> Result<(), Broken> {
        let (outbox, inbox) = (&mut self.outbox, &mut self.inbox);
        let (ids, renewals) = (&mut self.ids, &mut self.renewals);
        let mut fates = Fates { outbox, inbox, ids, renewals, core, tally: &mut self.tally };
        let mut heard = None;
        let verdict = self.sent.on_ack(now, ack, &mut self.rtt, &mut self.loss, &mut |fate, carried| {
            if let (Fate::Acked, Carried::Ack { largest }) = (fate, carried) {
                heard = heard.max(Some(largest));
            }
            fates.tell(fate, &carried);
        });
        let verdict = verdict.map_err(|violation| Broken(violation.0))?;
        if let Some(largest) = heard {
            self.acks.on_ack_of_ack(largest);
        }
        if verdict.acked_packets > 0 {
            //= RFC 9002 §6.2.1: the peer lives, the backoff starts anew.
            self.clocks.timeouts = 0;
            self.clocks.probes = 0;
            self.keys.on_acked(ack.largest);
        }
        let ce = self.marks.on_verdict(&verdict, ack.ecn);
        core.answered += u64::from(self.outbox.take_relief());
        self.judge(now, &verdict, ce);
        Ok(())
    }

    /// The loss timer came due (RFC 9002 §6.1.2).
    pub(super) fn on_loss_timeout(&mut self, core: &mut Core) {
        let now = core.now;
        let (outbox, inbox) = (&mut self.outbox, &mut self.inbox);
        let (ids, renewals) = (&mut self.ids, &mut self.renewals);
        let mut fates = Fates { outbox, inbox, ids, renewals, core, tally: &mut self.tally };
        let each = &mut |fate, carried| fates.tell(fate, &carried);
        let verdict = self.sent.on_loss_timeout(now, &self.rtt, &mut self.loss, each);
        self.judge(now, &verdict, 0);
    }

    /// Tells window, path size and pace what became of packets.
    fn judge(&mut self, now: Time, verdict: &Verdict, ce: u64) {
        self.tally.on_verdict(verdict);
        self.clocks.on_verdict(verdict);
        let before = self.mtu.size();
        if let Some(size) = verdict.acked_mtu_probe {
            self.mtu.on_probe_acked(now, size);
        }
        if let Some(size) = verdict.lost_mtu_probe {
            self.mtu.on_probe_lost(now, size);
        }
        self.mtu.on_verdict(verdict.acked_largest_size, verdict.lost_sizes_max);
        if self.mtu.size() != before {
            tracing::debug!(estate = %self.name, bytes = self.mtu.size(), "path takes");
            self.at(now).mtu(self.mtu.size());
        }
        let mtu = u32::from(self.mtu.size());
        if u32::from(before) != mtu {
            self.window.on_mtu(mtu);
            self.pacer.on_mtu(mtu);
        }
        if verdict.spurious > 0 {
            self.window.on_spurious(now);
        }
        self.window.on_ack(&Sight { now, verdict, rtt: &self.rtt, ce, mtu });
        self.acks.set_delay(self.rtt.smoothed() / 4);
        if At::is_heard() {
            self.trace(now, verdict);
        }
        // The pace may have been next to nothing when it was asked last.
        let soon = now + self.rtt.smoothed();
        self.clocks.paced = self.clocks.paced.map(|paced| paced.min(soon));
    }
}

impl Session {
    fn trace(&self, now: Time, verdict: &Verdict) {
        let at = self.at(now);
        if let Some(newest) = verdict.newest_acked {
            at.acked(newest, verdict.acked_packets, verdict.acked_bytes);
        }
        if let Some(newest) = verdict.newest_lost {
            at.lost(newest, verdict.lost_packets, verdict.lost_bytes);
        }
        if verdict.spurious > 0 {
            at.spurious(verdict.spurious);
        }
        at.metrics(Metrics {
            rtt: self.rtt.smoothed().as_micros() as u64,
            rtt_min: self.rtt.min().as_micros() as u64,
            window: self.window.window(),
            in_flight: self.sent.in_flight(),
            rate: self.window.rate(&self.rtt),
        });
    }
}

/// Whom to tell what became of what was carried.
struct Fates<'a> {
    outbox: &'a mut super::super::outbox::Outbox,
    inbox: &'a mut super::super::inbox::Inbox,
    ids: &'a mut super::ids::Ids,
    renewals: &'a mut super::renewal::Renewals,
    core: &'a mut Core,
    tally: &'a mut Tally,
}

impl Fates<'_> {
    fn tell(&mut self, fate: Fate, carried: &Carried) {
        match fate {
            Fate::Lost => resend(self.outbox, self.inbox, (self.ids, self.renewals), carried),
            Fate::Acked => match carried {
                Carried::Chunk { .. } | Carried::Wholes { .. } | Carried::Drop(_) => {
                    let (core, tally) = (&mut *self.core, &mut *self.tally);
                    self.outbox.on_acked(carried, &mut |ticket| {
                        tally.messages_out += 1;
                        core.stats.messages_out += 1;
                        core.event(Event::Delivered { ticket });
                    });
                }
                Carried::Ids(below) => self.ids.on_acked(*below),
                Carried::Renewal => self.renewals.on_acked(),
                _ => self.inbox.on_acked(carried),
            },
        }
    }
}

impl super::Clocks {
    /// The share of packets that are lost, over some hundred packets.
    fn on_verdict(&mut self, verdict: &Verdict) {
        let mut toward = |share: u32, packets: u32| {
            for _ in 0..packets.min(64) {
                self.loss_share = self.loss_share - self.loss_share / 128 + share / 128;
            }
        };
        toward(0, verdict.acked_packets);
        toward(65_535, verdict.lost_packets.saturating_sub(verdict.spurious));
    }
}

/// Hands over what arrived.
fn tell(core: &mut Core, tally: &mut Tally, (from, serial): (&Name, u64), incoming: Incoming) -> Result<(), Broken> {
    let count = match &incoming {
        Incoming::Whole { .. } => 1,
        Incoming::Run { bodies, .. } => bodies.len() as u64,
        _ => 0,
    };
    tally.messages_in += count;
    core.stats.messages_in += count;
    if let Incoming::Run { heading, bodies } = incoming {
        let (route, kind) = headed(from, &core.config.name, &heading)?;
        core.received(Run { from: from.clone(), route, kind, bodies });
    } else {
        let event = come(from, &core.config.name, serial, incoming, Failure::Cancelled)?;
        core.event(event);
    }
    Ok(())
}

/// Route and kind as the application gets them.
fn headed(from: &Name, own: &Name, heading: &Heading) -> Result<(Route, String), Broken> {
    let mut route = route::read(&heading.route).ok_or(Broken("route"))?;
    if !heading.kind.is_empty() || route != Route::default() {
        route.src.estate.get_or_insert_with(|| from.clone());
        route.dst.estate.get_or_insert_with(|| own.clone());
    }
    Ok((route, heading.kind.as_str().to_owned()))
}

/// The messages a frame has pieces of.
fn carries(frame: &Frame<'_>) -> Range<u64> {
    match frame {
        Frame::Chunk(chunk) => chunk.message..chunk.message.saturating_add(1),
        Frame::Messages(messages) => messages.first..messages.first.saturating_add(messages.count() as u64),
        _ => 0..0,
    }
}

/// What arrived as the application gets it: the sender's estate is who proved it, whatever the route says.
pub(super) fn come(from: &Name, own: &Name, serial: u64, incoming: Incoming, cut: Failure) -> Result<Event, Broken> {
    let from_whom = from.clone();
    Ok(match incoming {
        Incoming::Whole { heading, body } => {
            let (route, kind) = headed(from, own, &heading)?;
            Event::Received { from: from_whom, message: Message { route, kind, body } }
        }
        // Those are told as one.
        Incoming::Run { .. } => return Err(Broken("a run")),
        Incoming::Opened { message, heading } => {
            let (route, kind) = headed(from, own, &heading)?;
            Event::Opened { from: from_whom, stream: Stream(serial, message), route, kind }
        }
        Incoming::Piece { message, data, is_last } => {
            Event::Chunk { from: from_whom, stream: Stream(serial, message), data, fin: is_last }
        }
        Incoming::Cut { message } => Event::Cut { from: from_whom, stream: Stream(serial, message), why: cut },
    })
}
