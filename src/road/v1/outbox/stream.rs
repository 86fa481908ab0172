//! A stream's bytes between the application that writes them and the peer that acknowledges them.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::{Entry, Outbox};
use crate::base::limits;
use crate::road::v1::message::{Outgoing, STREAM_CREDIT};
use crate::transport::Ticket;

/// The streams that live, by ticket; holds no memory without any.
#[derive(Debug, Default)]
pub(super) struct Streams(Option<Box<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    map: BTreeMap<Ticket, Stream>,
    /// Bytes let go since a write was handed back; `None`: none was.
    freed: Option<usize>,
    /// There is room again for who was sent away.
    is_relieved: bool,
}

/// What was written and is not acknowledged.
#[derive(Debug)]
pub(super) struct Stream {
    /// The message until it has something to say; then it waits with the others.
    pub(super) quiet: Option<Outgoing>,
    /// Its id, once begun.
    pub(super) id: Option<u64>,
    /// Pieces as written, each with where it starts.
    pieces: VecDeque<(u64, Bytes)>,
    /// Where the first piece starts.
    start: u64,
    /// Where the last ends.
    end: u64,
    /// What the peer takes of it, in all.
    credit: u64,
    is_finished: bool,
}

/// Bytes let go that are worth another try.
const RELIEF: usize = 1 << 20;
/// Pieces of one stream: those of a kilobyte that fill it.
const PIECES: usize = limits::FAST_STREAM_BYTES >> 10;

impl Outbox {
    /// The next bytes of a stream, and whether it ends with them. What does not fit comes back; for a stream that is over
    /// everything is taken, and comes to nothing. Pieces of some kilobytes travel best: a chunk holds bytes of one piece.
    pub fn write(&mut self, ticket: Ticket, mut data: Bytes, fin: bool, most: usize) -> Result<(), Bytes> {
        // Half of an outbox is left to messages, however little of their streams the peer takes.
        let most = most.min((limits::FAST_OUTBOX_BYTES / 2).saturating_sub(self.bytes));
        let Some(stream) = self.streams.get_mut(ticket).filter(|stream| !stream.is_finished) else { return Ok(()) };
        let size = data.len().min(stream.room()).min(most);
        let rest = data.split_off(size);
        stream.write(data);
        stream.is_finished = fin && rest.is_empty();
        self.bytes += size;
        self.wake(ticket);
        if rest.is_empty() {
            return Ok(());
        }
        self.streams.turn_away();
        Err(rest)
    }

    /// MORE: the peer takes a stream's bytes below this.
    pub fn on_more(&mut self, message: u64, below: u64) {
        let Some(Entry::Begun(begun)) = self.entry(message) else { return };
        let ticket = begun.out.ticket;
        let Some(stream) = self.streams.get_mut(ticket).filter(|stream| stream.id == Some(message)) else { return };
        if stream.credit < below {
            stream.credit = below;
            self.wake(ticket);
        }
    }

    /// Whether there is room again for streams whose bytes were handed back; said once.
    pub fn take_relief(&mut self) -> bool {
        self.streams.0.as_mut().is_some_and(|inner| std::mem::take(&mut inner.is_relieved))
    }

    /// A stream has something to say: a quiet one queues, a begun one takes turns, and of one all sent its end is told.
    fn wake(&mut self, ticket: Ticket) {
        let Some(stream) = self.streams.get_mut(ticket) else { return };
        let (end, total) = (stream.limit(), stream.total());
        if end == 0 && total.is_none() {
            return;
        }
        if let Some(out) = stream.quiet.take() {
            return self.queue(out);
        }
        let Some(id) = stream.id else { return };
        let Some(Entry::Begun(begun)) = self.entry(id) else { return };
        if begun.sent == end && total.is_some() {
            begun.sent = end + 1;
            self.on_span_lost(id, end, end + 1);
        } else if begun.sent < end && !begun.is_in_turn {
            begun.is_in_turn = true;
            let priority = begun.out.heading.priority;
            self.class(priority).ring.push_back(id);
        }
    }
}

impl Streams {
    pub(super) fn get(&self, ticket: Ticket) -> Option<&Stream> {
        self.0.as_ref()?.map.get(&ticket)
    }

    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Stream> {
        self.0.as_mut()?.map.get_mut(&ticket)
    }

    pub(super) fn has(&self, ticket: Ticket) -> bool {
        self.get(ticket).is_some()
    }

    pub(super) fn insert(&mut self, out: Outgoing) {
        self.0.get_or_insert_default().map.insert(out.ticket, Stream::new(out));
    }

    /// A stream is over; the bytes it held.
    pub(super) fn remove(&mut self, ticket: Ticket) -> usize {
        let Some(inner) = &mut self.0 else { return 0 };
        let held = inner.map.remove(&ticket).map_or(0, |stream| stream.held());
        inner.on_freed(held, true);
        held
    }

    /// Of a stream everything below `offset` was acknowledged; how many bytes could be let go.
    pub(super) fn release(&mut self, ticket: Ticket, offset: u64) -> usize {
        let Some(inner) = &mut self.0 else { return 0 };
        let Some(stream) = inner.map.get_mut(&ticket) else { return 0 };
        let freed = stream.release(offset);
        let is_empty = freed > 0 && stream.held() == 0;
        inner.on_freed(freed, is_empty);
        freed
    }

    /// Streams that have said nothing yet.
    pub(super) fn quiet(&self) -> impl Iterator<Item = &Outgoing> {
        self.0.iter().flat_map(|inner| inner.map.values()).filter_map(|stream| stream.quiet.as_ref())
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|inner| inner.map.is_empty())
    }

    /// Gives back memory that nothing needs.
    pub(super) fn rest(&mut self) {
        self.0.take_if(|inner| inner.map.is_empty() && !inner.is_relieved);
    }

    fn turn_away(&mut self) {
        if let Some(inner) = &mut self.0 {
            inner.freed.get_or_insert(0);
        }
    }
}

impl Inner {
    fn on_freed(&mut self, bytes: usize, is_empty: bool) {
        let Some(freed) = &mut self.freed else { return };
        *freed += bytes;
        if *freed >= RELIEF || is_empty {
            (self.freed, self.is_relieved) = (None, true);
        }
    }
}

impl Stream {
    fn new(out: Outgoing) -> Self {
        Self {
            quiet: Some(out),
            id: None,
            pieces: VecDeque::new(),
            start: 0,
            end: 0,
            credit: STREAM_CREDIT,
            is_finished: false,
        }
    }

    /// Bytes that may be written now.
    fn room(&self) -> usize {
        match self.is_finished || self.pieces.len() >= PIECES {
            true => 0,
            false => limits::FAST_STREAM_BYTES.saturating_sub(self.held()),
        }
    }

    fn write(&mut self, data: Bytes) {
        if !data.is_empty() {
            let start = self.end;
            self.end += data.len() as u64;
            self.pieces.push_back((start, data));
        }
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Where the written bytes end.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Where the bytes end that may be sent.
    pub(super) fn limit(&self) -> u64 {
        self.end.min(self.credit)
    }

    /// The whole length, once nothing more will be written and all of it may be sent.
    pub(super) fn total(&self) -> Option<u64> {
        (self.is_finished && self.end <= self.credit).then_some(self.end)
    }

    /// Bytes from `offset` on, as far as they lie in one piece.
    pub(super) fn data(&self, offset: u64) -> &[u8] {
        let at = self.pieces.partition_point(|(start, _)| *start <= offset).checked_sub(1);
        let piece = at.and_then(|at| self.pieces.get(at));
        piece.and_then(|(start, data)| data.get((offset - start) as usize..)).unwrap_or_default()
    }

    /// Everything below `offset` was acknowledged; how many bytes could be let go.
    fn release(&mut self, offset: u64) -> usize {
        let before = self.held();
        while self.pieces.front().is_some_and(|(start, data)| start + data.len() as u64 <= offset) {
            self.pieces.pop_front();
            self.start = self.pieces.front().map_or(self.end, |(start, _)| *start);
        }
        before - self.held()
    }
}
