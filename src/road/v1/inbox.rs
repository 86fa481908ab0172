//! Messages on their way in: chunks become messages, whole and once each, or streams, which wait in `flow` until somebody asks;
//! and the peer is granted what we can hold.
//!
//! Owns what is under reassembly, which ids are over, and both grants (CREDIT, OPEN). The law comes first: nothing is
//! allocated for a chunk before it is known to be within what was granted. Knows no packets and keeps no timer.
//!
//! Credit counts, per message, [`CHARGE`] and the highest offset that was sent of it; both sides count the same.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use self::arena::Arena;
use self::assembly::Assembly;
use self::flow::Flows;
use self::grant::Grant;
use self::partial::{Partial, heading};
use self::spares::Spares;
use super::message::{CHARGE, Incoming, reason};
use super::spans::Spans;
use super::{Carried, Violation};
use crate::base::{Time, limits};
use crate::wire::v1::{Chunk, Frame, Writer};

mod arena;
mod assembly;
mod flow;
mod grant;
mod partial;
mod spares;
mod whole;

/// Messages under reassembly, of one session, and what the peer was granted.
#[derive(Debug)]
pub struct Inbox {
    credit: Grant,
    open: Grant,
    /// Credit the peer has used, as far as we have seen.
    arrived: u64,
    /// Of it, what was handed over or will never be.
    settled: u64,
    /// Ids that are over, and how many.
    over: Spans,
    ended: u64,
    partial: BTreeMap<u64, Box<Partial>>,
    /// Bytes held in `partial`, and runs beyond gaps.
    held: usize,
    runs: usize,
    /// By message: the reason.
    refusals: BTreeMap<u64, u64>,
    /// Those of them to be said, for the first time or again.
    unsaid: BTreeSet<u64>,
    arena: Arena,
    spares: Spares,
    flows: Flows,
    /// Most streams at once.
    streams: u16,
    is_held: bool,
}

/// A smaller window than some charges can have half of it left and no room for a message.
const LEAST: u64 = 8 * CHARGE;
const CREDIT: Violation = Violation("sent more bytes than it was granted");
const OPEN: Violation = Violation("opened more messages than it was granted");
const CONTRADICTION: Violation = Violation("sent a message that contradicts itself");
const STREAM: Violation = Violation("sent more of a stream than it was granted");
const CRUMBS: Violation = Violation("sent a message in crumbs");
/// Runs beyond gaps a session may always have; a reordered flight makes some hundred.
const RUNS: usize = 4096;
/// And one more for so many bytes held: a run costs about as much beside its bytes, and honest pieces are longer.
const RUN_BYTES: usize = 64;

impl Inbox {
    /// Empty; `credit` and `open` are what our parameters granted.
    pub fn new(now: Time, credit: u64, open: u64) -> Self {
        Self {
            credit: Grant::new(now, credit, limits::FAST_INBOX_BYTES as u64).at_least(LEAST),
            open: Grant::new(now, open, limits::FAST_OPEN_MAX),
            arrived: 0,
            settled: 0,
            over: Spans::default(),
            ended: 0,
            partial: BTreeMap::new(),
            held: 0,
            runs: 0,
            refusals: BTreeMap::new(),
            unsaid: BTreeSet::new(),
            arena: Arena::default(),
            spares: Spares::default(),
            flows: Flows::default(),
            streams: 0,
            is_held: false,
        }
    }

    /// Takes so many streams at once; without this none.
    pub fn with_streams(self, streams: u16) -> Self {
        Self { streams, ..self }
    }

    /// Part of a road that holds so many bytes for all: one that is not read must not hold much more for what was granted.
    pub fn share(&mut self, bytes: usize) {
        self.credit.at_most(bytes as u64 / 4);
    }

    /// A CHUNK. Calls `deliver` for what is whole, and for a stream that begins.
    pub fn on_chunk(&mut self, chunk: &Chunk<'_>, deliver: &mut impl FnMut(Incoming)) -> Result<(), Violation> {
        if chunk.message >= self.open.total {
            return Err(OPEN);
        }
        if self.over.contains(chunk.message) {
            return Ok(());
        }
        match &chunk.opening {
            Some(opening) if chunk.fin && opening.total.is_some() && !self.is_partial(chunk.message) => {
                self.on_whole(chunk, opening, deliver)
            }
            _ => self.on_piece(chunk, deliver),
        }
    }

    /// A DROP. Calls `deliver` when a stream that was being handed over is cut.
    pub fn on_drop(&mut self, message: u64, end: u64, deliver: &mut impl FnMut(Incoming)) -> Result<(), Violation> {
        if message >= self.open.total {
            return Err(OPEN);
        }
        if self.over.contains(message) {
            return Ok(());
        }
        let (highest, limit, charge) = match self.partial.get(&message) {
            Some(partial) => (partial.highest, partial.limit(), 0),
            None => (0, None, CHARGE),
        };
        if end < highest || limit.is_some_and(|limit| end > limit) {
            return Err(CONTRADICTION);
        }
        self.arrive(end - highest, charge)?;
        let partial = self.partial.remove(&message).map(|partial| *partial).unwrap_or_default();
        self.forget(&partial.assembly);
        self.settle(message, end - self.settled_of(message, &partial));
        if self.flows.has(message) {
            self.flows.close(message);
            deliver(Incoming::Cut { message });
        }
        Ok(())
    }

    /// The application does not want a stream any more: its sender is told, what comes of it is dropped.
    pub fn refuse(&mut self, message: u64, reason: u64) {
        let Some(partial) = self.partial.get_mut(&message).filter(|partial| !partial.is_refused) else { return };
        let unsettled = partial.highest - self.flows.taken(message).unwrap_or(0);
        partial.is_refused = true;
        let assembly = std::mem::take(&mut partial.assembly);
        self.flows.close(message);
        self.settled += unsettled;
        self.forget(&assembly);
        self.refusals.insert(message, reason);
        self.unsaid.insert(message);
        // Of what has come to its end nothing more is heard.
        self.finish(message, &mut |_| {});
    }

    /// Whether one of the messages is refused and its sender may not know it: packets with pieces of it must not be
    /// acknowledged, or it would be taken for delivered.
    pub fn is_refusing(&self, messages: Range<u64>) -> bool {
        !self.refusals.is_empty() && !messages.is_empty() && self.refusals.range(messages).next().is_some()
    }

    /// Whether [`Inbox::fill`] has something to write.
    pub fn has_work(&self) -> bool {
        let renews = !self.is_held
            && (self.credit.is_used(self.arrived, self.most_credit()) || self.open.is_used(self.answered(), u64::MAX));
        renews || self.credit.is_due || self.open.is_due || self.flows.has_work() || !self.unsaid.is_empty()
    }

    /// Writes CREDIT, OPEN and REFUSE frames that are due, as they fit; whether it wrote any.
    pub fn fill(&mut self, now: Time, rtt: Duration, out: &mut Writer<'_>, carry: &mut impl FnMut(Carried)) -> bool {
        let before = out.at();
        if let Some(total) = self.poll_credit(now, rtt) {
            match Frame::Credit(total).write(out) {
                Ok(()) => carry(Carried::Credit),
                Err(_) => self.credit.is_due = true,
            }
        }
        if let Some(below) = self.poll_open(now, rtt) {
            match Frame::Open(below).write(out) {
                Ok(()) => carry(Carried::Open),
                Err(_) => self.open.is_due = true,
            }
        }
        self.flows.fill(out, carry);
        while let Some(message) = self.unsaid.first().copied() {
            let reason = self.refusals.get(&message).copied().unwrap_or_default();
            if (Frame::Refuse { message, reason }).write(out).is_err() {
                break;
            }
            self.unsaid.remove(&message);
            carry(Carried::Refuse(message));
        }
        out.at() > before
    }

    /// The credit to tell the peer, if it is time to.
    pub fn poll_credit(&mut self, now: Time, rtt: Duration) -> Option<u64> {
        if !self.is_held {
            self.credit.renew(now, rtt, self.arrived, self.most_credit());
        }
        self.credit.poll()
    }

    /// The ids to let the peer open, if it is time to.
    pub fn poll_open(&mut self, now: Time, rtt: Duration) -> Option<u64> {
        if !self.is_held {
            self.open.renew(now, rtt, self.answered(), u64::MAX);
        }
        self.open.poll()
    }

    /// What of ours a packet carried has arrived: `Refuse`.
    pub fn on_acked(&mut self, carried: &Carried) {
        if let Carried::Refuse(message) = carried {
            self.refusals.remove(message);
            self.unsaid.remove(message);
        }
    }

    /// What of ours a packet carried is lost: `Credit`, `Open`, `Refuse`. The newest value is sent again.
    pub fn on_lost(&mut self, carried: &Carried) {
        match carried {
            Carried::Credit => self.credit.is_due = true,
            Carried::Open => self.open.is_due = true,
            Carried::More(message) => self.flows.on_lost(*message),
            Carried::Refuse(message) if self.refusals.contains_key(message) => {
                self.unsaid.insert(*message);
            }
            _ => {}
        }
    }

    /// Whether the consumer is slow: then nothing more is granted.
    pub fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// Gives back memory that nothing needs; asked when a session comes to rest.
    pub fn rest(&mut self) {
        self.arena.rest();
        self.spares.rest();
        self.flows.rest();
        self.over.rest();
        if self.partial.is_empty() {
            self.partial = BTreeMap::new();
        }
    }

    /// Bytes under reassembly, and of streams those that nobody has asked for.
    pub fn bytes(&self) -> usize {
        self.held + self.flows.held()
    }

    /// Messages under reassembly.
    pub fn messages(&self) -> usize {
        self.partial.len()
    }

    /// Messages that are over. Those whose refusal the peer has not confirmed keep their place: it could refuse to hear of
    /// any number of them.
    fn answered(&self) -> u64 {
        self.ended.saturating_sub(self.refusals.len() as u64)
    }

    /// Bytes of messages under reassembly.
    pub fn held(&self) -> usize {
        self.held
    }

    fn is_partial(&self, message: u64) -> bool {
        !self.partial.is_empty() && self.partial.contains_key(&message)
    }

    fn most_credit(&self) -> u64 {
        // What waits of streams is bounded by their own grants, and holds up nobody.
        self.settled.saturating_add(self.flows.held() as u64).saturating_add(limits::FAST_INBOX_BYTES as u64)
    }

    fn on_piece(&mut self, chunk: &Chunk<'_>, deliver: &mut impl FnMut(Incoming)) -> Result<(), Violation> {
        let end = chunk.offset.saturating_add(chunk.data.len() as u64);
        let (new, charge) = match self.partial.get(&chunk.message) {
            Some(partial) => (partial.check(chunk, end, &self.flows)?, 0),
            None => (Partial::default().check(chunk, end, &self.flows)?, CHARGE),
        };
        if self.runs > RUNS + self.held / RUN_BYTES {
            return Err(CRUMBS);
        }
        self.arrive(new, charge)?;
        let partial = self.partial.entry(chunk.message).or_default();
        partial.highest = partial.highest.max(end);
        partial.fin = partial.fin.or(chunk.fin.then_some(end));
        if let (Some(opening), None) = (&chunk.opening, &partial.heading) {
            partial.heading = Some((heading(opening, &mut self.arena)?, opening.total));
        }
        if partial.is_refused {
            self.settled += new;
        } else if partial.heading.as_ref().is_some_and(|(_, total)| total.is_some_and(|total| total > MAX)) {
            self.refuse(chunk.message, reason::TOO_LARGE);
        } else if partial.is_stream() && !self.flows.has(chunk.message) && self.flows.count() >= self.streams.into() {
            self.refuse(chunk.message, reason::UNWANTED);
        } else {
            if let Some((heading, None)) = partial.heading.as_ref().filter(|_| !self.flows.has(chunk.message)) {
                deliver(Incoming::Opened { message: chunk.message, heading: heading.clone() });
                self.flows.open(chunk.message);
            }
            self.keep(chunk);
        }
        self.finish(chunk.message, deliver);
        Ok(())
    }

    /// Puts a chunk's bytes where they belong: a stream's next bytes with what waits of it, all others to their message.
    fn keep(&mut self, chunk: &Chunk<'_>) {
        let Some(partial) = self.partial.get_mut(&chunk.message) else { return };
        let before = (partial.assembly.held(), partial.assembly.runs());
        let total = partial.heading.as_ref().map(|(_, total)| *total);
        match (total, partial.assembly.in_order(chunk.offset, chunk.data)) {
            (Some(None), Some(new)) => {
                partial.assembly.pass(new.len());
                self.flows.push(chunk.message, new);
                while let Some(run) = partial.assembly.next() {
                    self.flows.push_run(chunk.message, run);
                }
                self.flows.touch(chunk.message);
            }
            _ => {
                let total = total.flatten();
                let wanted = total.filter(|_| partial.assembly.wants_buffer()).and_then(|n| usize::try_from(n).ok());
                let spare = wanted.and_then(|total| self.spares.take(total));
                spare.into_iter().for_each(|buffer| partial.assembly.adopt(buffer));
                partial.assembly.insert(chunk.offset, chunk.data, total);
            }
        }
        self.held = self.held + partial.assembly.held() - before.0;
        self.runs = self.runs + partial.assembly.runs() - before.1;
    }

    /// Ends a message of which nothing is missing.
    fn finish(&mut self, message: u64, deliver: &mut impl FnMut(Incoming)) {
        let whole = |partial: &mut Box<Partial>| match partial.is_refused {
            true => partial.fin.is_some(),
            false => partial.heading.is_some() && partial.limit() == Some(partial.assembly.end()),
        };
        let is_whole = !self.flows.has(message) && self.partial.get_mut(&message).is_some_and(whole);
        let Some(partial) = is_whole.then(|| self.partial.remove(&message)).flatten() else { return };
        self.forget(&partial.assembly);
        self.settle(message, partial.highest - self.settled_of(message, &partial));
        if let (Some((heading, Some(_))), false) = (partial.heading, partial.is_refused) {
            deliver(Incoming::Whole { heading, body: self.spares.lend(partial.assembly.into_body()) });
        }
    }

    /// Bytes of a message that count as settled.
    fn settled_of(&self, message: u64, partial: &Partial) -> u64 {
        if partial.is_refused { partial.highest } else { self.flows.taken(message).unwrap_or(0) }
    }

    /// Counts credit the peer used; refuses more than it was granted.
    fn arrive(&mut self, bytes: u64, charge: u64) -> Result<(), Violation> {
        let arrived = self.arrived.saturating_add(bytes).saturating_add(charge);
        if arrived > self.credit.total {
            return Err(CREDIT);
        }
        self.arrived = arrived;
        Ok(())
    }

    /// A message is over; `bytes` of it were not settled before.
    fn settle(&mut self, message: u64, bytes: u64) {
        self.ended += self.over.insert(message, message + 1);
        self.settled += bytes + CHARGE;
    }

    fn forget(&mut self, assembly: &Assembly) {
        self.held -= assembly.held();
        self.runs -= assembly.runs();
    }
}

/// The largest message taken as one value.
const MAX: u64 = limits::FAST_MESSAGE_MAX as u64;

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
