//! Messages on their way out: queued by class, cut into chunks within what the peer granted, sent again where lost, and
//! answered for once.
//!
//! Owns every body until its last byte is acknowledged, and the ids: a message gets the next one when its first chunk is
//! written, so that they are dense in sending order. Knows no packets: it is told what of [`Carried`] arrived or was lost.

use std::collections::VecDeque;

use self::begun::Begun;
use self::queues::{Class, QUANTUM, Queues};
use self::stream::{Stream, Streams};
use super::Carried;
use super::message::{Body, CHARGE, CLASSES, Outgoing};
use crate::base::limits;
use crate::transport::Ticket;

mod begun;
mod fill;
mod queues;
mod run;
mod stream;

/// Messages waiting, being sent and unacknowledged, of one session.
#[derive(Debug)]
pub struct Outbox {
    /// Credit granted, and used.
    credit: u64,
    used: u64,
    /// Ids below this may be given.
    open: u64,
    /// What became of the messages that were given ids, from `first` on.
    first: u64,
    sent: VecDeque<Entry>,
    queues: Option<Box<Queues>>,
    streams: Streams,
    /// Messages whose DROP is due.
    drops: VecDeque<u64>,
    messages: usize,
    bytes: usize,
    /// Bytes of whole messages that were begun and not sent to their end.
    begun: u64,
}

/// A message that was given an id.
#[derive(Debug)]
enum Entry {
    /// Acknowledged.
    Over,
    /// Sent in one chunk.
    Whole(Outgoing, /* whether it is lost */ bool),
    /// In more.
    Begun(Box<Begun>),
    /// Given up or refused after so many bytes.
    Dropped(u64),
}

impl Outbox {
    /// Empty; `credit` and `open` are what the peer granted at first.
    pub fn new(credit: u64, open: u64) -> Self {
        Self {
            credit,
            used: 0,
            open,
            first: 0,
            sent: VecDeque::new(),
            queues: None,
            streams: Streams::default(),
            drops: VecDeque::new(),
            messages: 0,
            bytes: 0,
            begun: 0,
        }
    }

    /// Takes a message; handed back when there is no room, when [`Outgoing::check`] refuses it, or when it is a stream
    /// under a ticket that another stream has.
    pub fn push(&mut self, out: Outgoing) -> Result<(), Outgoing> {
        let cost = cost(&out);
        let is_full = self.messages >= limits::FAST_OUTBOX_MESSAGES || self.bytes + cost > limits::FAST_OUTBOX_BYTES;
        if is_full || out.check().is_err() {
            return Err(out);
        }
        match &out.body {
            Body::Stream if self.streams.has(out.ticket) => return Err(out),
            Body::Stream => self.streams.insert(out),
            Body::Whole(_) => self.queue(out),
        }
        self.messages += 1;
        self.bytes += cost;
        Ok(())
    }

    /// What of ours a packet carried has arrived: `Chunk`, `Wholes`, `Drop`. Calls `done` for messages that are delivered.
    pub fn on_acked(&mut self, carried: &Carried, done: &mut impl FnMut(Ticket)) {
        match *carried {
            Carried::Wholes { first, count } => {
                (first..first + u64::from(count)).for_each(|id| self.on_whole_acked(id, done));
            }
            Carried::Chunk { message, offset, len, fin } => {
                self.on_piece_acked(message, offset, positions(offset, len, fin), done);
            }
            Carried::Drop(message) => {
                if let Some(entry @ Entry::Dropped(_)) = self.entry(message) {
                    *entry = Entry::Over;
                    self.drops.retain(|other| *other != message);
                }
            }
            _ => return,
        }
        self.forget();
    }

    /// What of ours a packet carried is to be sent again; lost, or probed for.
    pub fn on_lost(&mut self, carried: &Carried) {
        match *carried {
            Carried::Wholes { first, count } => {
                (first..first + u64::from(count)).for_each(|id| self.on_span_lost(id, 0, u64::MAX));
            }
            Carried::Chunk { message, offset, len, fin } => {
                self.on_span_lost(message, offset, positions(offset, len, fin));
            }
            Carried::Drop(message) if matches!(self.entry(message), Some(Entry::Dropped(_))) => {
                self.drops.retain(|other| *other != message);
                self.drops.push_back(message);
            }
            _ => {}
        }
    }

    /// CREDIT: bytes in all.
    pub fn on_credit(&mut self, total: u64) {
        self.credit = self.credit.max(total);
    }

    /// OPEN: ids below this.
    pub fn on_open(&mut self, below: u64) {
        self.open = self.open.max(below);
    }

    /// REFUSE; the ticket that failed, if the message was on its way.
    pub fn on_refuse(&mut self, message: u64) -> Option<Ticket> {
        let entry = self.entry(message)?;
        let (out, sent, is_lost) = match std::mem::replace(entry, Entry::Over) {
            Entry::Whole(out, is_lost) => (out, u64::MAX, is_lost),
            Entry::Begun(begun) => (begun.out, begun.sent, begun.is_lost),
            over => {
                *entry = over;
                return None;
            }
        };
        let end = self
            .streams
            .get(out.ticket)
            .filter(|_| matches!(out.body, Body::Stream))
            .map_or(size(&out.body), Stream::end);
        if sent <= size(&out.body) && matches!(out.body, Body::Whole(_)) {
            self.begun -= size(&out.body);
        }
        let class = self.class(out.heading.priority);
        class.leave(message);
        if is_lost {
            class.mend();
        }
        if let Some(entry) = self.entry(message) {
            *entry = Entry::Dropped(sent.min(end));
        }
        self.drops.push_back(message);
        self.release(&out);
        Some(out.ticket)
    }

    /// Gives a message up; whether it was there, then the caller answers its ticket. It may arrive all the same.
    pub fn give_up(&mut self, ticket: Ticket) -> bool {
        let classes = self.queues.iter_mut().flat_map(|queues| &mut queues.classes);
        let queued = classes.flat_map(|class| [&mut class.short, &mut class.long]).find_map(|queue| {
            let at = queue.iter().position(|out| out.ticket == ticket)?;
            queue.remove(at)
        });
        if let Some(out) = queued {
            self.release(&out);
            return true;
        }
        if let Some(out) = self.streams.get_mut(ticket).and_then(|stream| stream.quiet.take()) {
            self.release(&out);
            return true;
        }
        let held = |entry: &Entry| entry.message().is_some_and(|out| out.ticket == ticket);
        let at = self.sent.iter().position(held);
        at.is_some_and(|at| self.on_refuse(self.first + at as u64).is_some())
    }

    /// The session ended: every ticket still held, those on their way first.
    pub fn fail_all(&mut self, each: &mut impl FnMut(Ticket)) {
        self.sent.iter().filter_map(Entry::message).for_each(|out| each(out.ticket));
        for class in self.queues.iter().flat_map(|queues| &queues.classes) {
            class.short.iter().chain(&class.long).for_each(|out| each(out.ticket));
        }
        self.streams.quiet().for_each(|out| each(out.ticket));
        *self = Self { first: self.next(), used: self.used, ..Self::new(self.credit, self.open) };
    }

    /// Gives back memory that nothing needs; asked when a session comes to rest.
    pub fn rest(&mut self) {
        if self.messages == 0 {
            self.queues = None;
            self.streams.rest();
        }
        self.queues.iter_mut().flat_map(|queues| &mut queues.classes).for_each(|class| class.rest());
        self.sent.shrink_to_fit();
        self.drops.shrink_to_fit();
    }

    /// Messages sent whose end is not known everywhere, for the test that there is one.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.sent.len()
    }

    /// Messages held.
    pub fn messages(&self) -> usize {
        self.messages
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The id the next message gets.
    fn next(&self) -> u64 {
        self.first + self.sent.len() as u64
    }

    fn index(&self, id: u64) -> Option<usize> {
        usize::try_from(id.checked_sub(self.first)?).ok()
    }

    fn entry(&mut self, id: u64) -> Option<&mut Entry> {
        let index = self.index(id)?;
        self.sent.get_mut(index)
    }

    fn class(&mut self, priority: u8) -> &mut Class {
        let [control, ordinary, bulk] = &mut self.queues.get_or_insert_default().classes;
        match priority {
            0 => control,
            1 => ordinary,
            _ => bulk,
        }
    }

    fn queue(&mut self, out: Outgoing) {
        let is_short = matches!(out.body, Body::Whole(_)) && size(&out.body) <= QUANTUM;
        let class = self.class(out.heading.priority);
        if is_short { class.short.push_back(out) } else { class.long.push_back(out) }
    }

    fn on_whole_acked(&mut self, id: u64, done: &mut impl FnMut(Ticket)) {
        match self.entry(id) {
            Some(entry @ Entry::Whole(..)) => {
                let Entry::Whole(out, is_lost) = &*entry else { return };
                let (ticket, priority, cost, is_lost) = (out.ticket, out.heading.priority, cost(out), *is_lost);
                *entry = Entry::Over;
                self.messages -= 1;
                self.bytes -= cost;
                if is_lost {
                    self.class(priority).mend();
                }
                done(ticket);
            }
            Some(Entry::Begun(_)) => self.on_piece_acked(id, 0, u64::MAX, done),
            _ => {}
        }
    }

    fn on_piece_acked(&mut self, id: u64, start: u64, end: u64, done: &mut impl FnMut(Ticket)) {
        let Some(Entry::Begun(begun)) = self.entry(id) else { return };
        let to = begun.ack(start, end.min(begun.sent));
        let is_mended = begun.is_lost && !begun.has_lost();
        begun.is_lost &= !is_mended;
        let (ticket, priority) = (begun.out.ticket, begun.out.heading.priority);
        let mut total = Some(size(&begun.out.body));
        if matches!(begun.out.body, Body::Stream) {
            let Some(stream) = self.streams.get(ticket) else { return };
            total = stream.total();
            self.bytes -= self.streams.release(ticket, to);
        }
        if is_mended {
            self.class(priority).mend();
        }
        if total.is_some_and(|total| to > total)
            && let Some(entry) = self.entry(id)
            && let Entry::Begun(begun) = std::mem::replace(entry, Entry::Over)
        {
            self.release(&begun.out);
            done(ticket);
        }
    }

    fn on_span_lost(&mut self, id: u64, start: u64, end: u64) {
        let (was_lost, priority) = match self.entry(id) {
            Some(Entry::Whole(out, is_lost)) => (std::mem::replace(is_lost, true), out.heading.priority),
            Some(Entry::Begun(begun)) => {
                let is_lost = begun.lose(start, end.min(begun.sent));
                (std::mem::replace(&mut begun.is_lost, is_lost) || !is_lost, begun.out.heading.priority)
            }
            _ => return,
        };
        if !was_lost {
            self.class(priority).lose(id);
        }
    }

    /// A message is no longer held.
    fn release(&mut self, out: &Outgoing) {
        self.messages -= 1;
        self.bytes -= cost(out);
        if matches!(out.body, Body::Stream) {
            self.bytes -= self.streams.remove(out.ticket);
        }
    }

    /// Drops what is over from the front.
    fn forget(&mut self) {
        while matches!(self.sent.front(), Some(Entry::Over)) {
            self.sent.pop_front();
            self.first += 1;
        }
    }
}

impl Entry {
    /// The message, while its ticket is not answered.
    fn message(&self) -> Option<&Outgoing> {
        match self {
            Self::Whole(out, _) => Some(out),
            Self::Begun(begun) => Some(&begun.out),
            Self::Over | Self::Dropped(_) => None,
        }
    }
}

/// Bytes of a whole body.
fn size(body: &Body) -> u64 {
    match body {
        Body::Whole(body) => body.len() as u64,
        Body::Stream => 0,
    }
}

/// Bytes a message holds here.
fn cost(out: &Outgoing) -> usize {
    size(&out.body) as usize + out.heading.route.len() + out.heading.kind.len() + CHARGE as usize
}

/// Where the positions of a piece end; the body's end is one more.
fn positions(offset: u64, len: u32, fin: bool) -> u64 {
    offset.saturating_add(u64::from(len)).saturating_add(u64::from(fin))
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
