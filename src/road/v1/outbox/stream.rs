//! A stream's bytes between the application that writes them and the peer that acknowledges them.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Entry, Outbox};
use crate::base::limits;
use crate::road::v1::message::Outgoing;
use crate::transport::Ticket;

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
    is_finished: bool,
}

impl Outbox {
    /// The next bytes of a stream; handed back when its buffer is full, or when there is no such stream. Pieces of some
    /// kilobytes travel best: a chunk holds bytes of one piece.
    pub fn write(&mut self, ticket: Ticket, data: Bytes) -> Result<(), Bytes> {
        let size = data.len();
        match self.streams.get_mut(&ticket) {
            Some(stream) if self.bytes + size <= limits::FAST_OUTBOX_BYTES => stream.write(data)?,
            _ => return Err(data),
        }
        self.bytes += size;
        self.wake(ticket);
        Ok(())
    }

    /// Bytes of a stream that [`Outbox::write`] takes now; `None` when there is no such stream.
    pub fn stream_room(&self, ticket: Ticket) -> Option<usize> {
        let room = limits::FAST_OUTBOX_BYTES.saturating_sub(self.bytes);
        self.streams.get(&ticket).map(|stream| stream.room().min(room))
    }

    /// The stream ends; whether there is one.
    pub fn finish(&mut self, ticket: Ticket) -> bool {
        let Some(stream) = self.streams.get_mut(&ticket) else { return false };
        stream.finish();
        self.wake(ticket);
        true
    }

    /// A stream has something to say: a quiet one queues, a begun one takes turns, and of one all sent its end is told.
    fn wake(&mut self, ticket: Ticket) {
        let Some(stream) = self.streams.get_mut(&ticket) else { return };
        let (end, total) = (stream.end(), stream.total());
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

impl Stream {
    pub(super) fn new(out: Outgoing) -> Self {
        Self { quiet: Some(out), id: None, pieces: VecDeque::new(), start: 0, end: 0, is_finished: false }
    }

    /// Bytes that may be written now; an empty buffer takes a piece of any legal size.
    pub(super) fn room(&self) -> usize {
        match self.held() {
            _ if self.is_finished => 0,
            0 => limits::FAST_MESSAGE_MAX,
            held => limits::FAST_STREAM_BYTES.saturating_sub(held),
        }
    }

    pub(super) fn write(&mut self, data: Bytes) -> Result<(), Bytes> {
        if data.len() > self.room() {
            return Err(data);
        }
        if !data.is_empty() {
            let start = self.end;
            self.end += data.len() as u64;
            self.pieces.push_back((start, data));
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) {
        self.is_finished = true;
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Where the written bytes end.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The whole length, once nothing more will be written.
    pub(super) fn total(&self) -> Option<u64> {
        self.is_finished.then_some(self.end)
    }

    /// Bytes from `offset` on, as far as they lie in one piece.
    pub(super) fn data(&self, offset: u64) -> &[u8] {
        let at = self.pieces.partition_point(|(start, _)| *start <= offset).checked_sub(1);
        let piece = at.and_then(|at| self.pieces.get(at));
        piece.and_then(|(start, data)| data.get((offset - start) as usize..)).unwrap_or_default()
    }

    /// Everything below `offset` was acknowledged; how many bytes could be let go.
    pub(super) fn release(&mut self, offset: u64) -> usize {
        let before = self.held();
        while self.pieces.front().is_some_and(|(start, data)| start + data.len() as u64 <= offset) {
            self.pieces.pop_front();
            self.start = self.pieces.front().map_or(self.end, |(start, _)| *start);
        }
        before - self.held()
    }
}
