//! One message that takes more than a chunk: what of it was sent, acknowledged and lost, and how a chunk of it is written.

use super::stream::Stream;
use crate::road::v1::message::{Body, Heading, Outgoing};
use crate::road::v1::spans::Spans;
use crate::wire::v1::{Chunk, Frame, Opening, Writer};

/// A message begun. Positions count the body's bytes, and one more for its end.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) out: Outgoing,
    /// Positions below this were sent.
    pub(super) sent: u64,
    acked: Spans,
    lost: Spans,
    /// Whether it waits among the lost ones of its class.
    pub(super) is_lost: bool,
    /// Whether it takes its turns, or is at one.
    pub(super) is_in_turn: bool,
}

/// The bytes a message has to send.
enum Source<'a> {
    Whole(&'a [u8]),
    Stream(&'a Stream),
}

/// A chunk that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) offset: u64,
    pub(super) len: usize,
    pub(super) fin: bool,
}

/// Fewest bytes worth a chunk that neither ends its message nor fills a packet of its own.
pub(super) const CRUMB: usize = 64;

impl Begun {
    /// Nothing of it sent yet.
    pub(super) fn new(out: Outgoing) -> Self {
        Self { out, sent: 0, acked: Spans::default(), lost: Spans::default(), is_lost: false, is_in_turn: false }
    }

    /// Positions from `start` to `end` are to be sent again, but for those that have arrived. Whether there are any.
    pub(super) fn lose(&mut self, start: u64, end: u64) -> bool {
        let mut at = start;
        while let Some((low, high)) = self.acked.missing(at, end) {
            self.lost.insert(low, high);
            at = high;
        }
        !self.lost.is_empty()
    }

    /// Positions from `start` to `end` have arrived; up to where all have.
    pub(super) fn ack(&mut self, start: u64, end: u64) -> u64 {
        self.acked.insert(start, end);
        self.lost.remove(start, end);
        self.acked.first().map_or(0, |(low, high)| if low == 0 { high } else { 0 })
    }

    pub(super) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// Writes the first lost piece, as much of it as fits.
    pub(super) fn write_lost(&mut self, id: u64, stream: Option<&Stream>, out: &mut Writer<'_>) -> Option<Written> {
        let (start, end) = self.lost.first()?;
        let written = self.write(id, stream, (start, end), out)?;
        self.lost.remove(start, start + written.positions());
        Some(written)
    }

    /// Writes the next new piece, of at most `most` bytes.
    pub(super) fn write_new(
        &mut self,
        id: u64,
        stream: Option<&Stream>,
        most: u64,
        out: &mut Writer<'_>,
    ) -> Option<Written> {
        let source = self.source(stream);
        let end = source.end().min(self.sent.saturating_add(most));
        let end = if Some(end) == source.total() { end + 1 } else { end };
        let written = self.write(id, stream, (self.sent, end), out)?;
        self.sent += written.positions();
        Some(written)
    }

    /// Whether everything there is was sent; a stream may have more later.
    pub(super) fn is_sent(&self, stream: Option<&Stream>) -> bool {
        let source = self.source(stream);
        self.sent >= source.total().map_or(source.end(), |total| total + 1)
    }

    fn write(&self, id: u64, stream: Option<&Stream>, span: (u64, u64), out: &mut Writer<'_>) -> Option<Written> {
        let (source, (start, end)) = (self.source(stream), span);
        let data = source.data(start);
        let bytes = source.end().min(end).saturating_sub(start);
        let data = data.get(..usize::try_from(bytes).ok()?).unwrap_or(data);
        let fin = source.total().is_some_and(|total| end > total && start + data.len() as u64 == total);
        if data.is_empty() && !fin {
            return None;
        }
        write_chunk(&self.out, id, (start, data, fin), CRUMB, out)
    }

    fn source<'a>(&'a self, stream: Option<&'a Stream>) -> Source<'a> {
        match (&self.out.body, stream) {
            (Body::Stream, Some(stream)) => Source::Stream(stream),
            (Body::Whole(body), _) => Source::Whole(body),
            (Body::Stream, None) => Source::Whole(&[]),
        }
    }
}

impl<'a> Source<'a> {
    fn end(&self) -> u64 {
        match self {
            Self::Whole(body) => body.len() as u64,
            Self::Stream(stream) => stream.limit(),
        }
    }

    fn total(&self) -> Option<u64> {
        match self {
            Self::Whole(body) => Some(body.len() as u64),
            Self::Stream(stream) => stream.total(),
        }
    }

    fn data(&self, offset: u64) -> &'a [u8] {
        match self {
            Self::Whole(body) => usize::try_from(offset).ok().and_then(|at| body.get(at..)).unwrap_or_default(),
            Self::Stream(stream) => stream.data(offset),
        }
    }
}

impl Written {
    /// Positions it covers.
    pub(super) fn positions(&self) -> u64 {
        self.len as u64 + u64::from(self.fin)
    }
}

/// Writes a chunk (its offset, its data, whether the body ends with it) with as much of the data as fits; the packet's last
/// frame when it fills it. `None` when there is no room for all, nor for `least` bytes of it.
pub(super) fn write_chunk(
    message: &Outgoing,
    id: u64,
    (offset, data, fin): (u64, &[u8], bool),
    least: usize,
    out: &mut Writer<'_>,
) -> Option<Written> {
    let total = match &message.body {
        Body::Whole(body) => Some(body.len() as u64),
        Body::Stream => None,
    };
    let Heading { kind, route, priority } = &*message.heading;
    let opening = Opening { kind: kind.as_str(), route, priority: *priority, total };
    let opening = (offset == 0).then_some(opening);
    let chunk = Chunk { message: id, offset, fin, opening, data };
    if Frame::Chunk(chunk).write(out).is_ok() {
        return Some(Written { offset, len: data.len(), fin });
    }
    // The length is left out of a last chunk, and that of nothing is one byte.
    let room = out.room().checked_sub(chunk.overhead(0) - 1)?;
    if data.len() <= room {
        // Neither with its length nor as it is would it end where the packet does: padding before it makes it so.
        if data.len() < room {
            Frame::Pad(room - data.len()).write(out).ok()?;
        }
        chunk.write_last(out).ok()?;
        return Some(Written { offset, len: data.len(), fin });
    }
    if room < least {
        return None;
    }
    Chunk { data: data.get(..room)?, fin: false, ..chunk }.write_last(out).ok()?;
    Some(Written { offset, len: room, fin: false })
}
