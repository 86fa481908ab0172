//! Streams on their way in, between what arrived in order and who asks for it. Owns their bytes until they are asked for, and
//! what their senders were granted; knows neither gaps nor ids that are over.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::Inbox;
use super::grant::Grant;
use crate::base::{Time, limits};
use crate::road::v1::Carried;
use crate::road::v1::message::{Incoming, STREAM_CREDIT};
use crate::wire::v1::{Frame, Writer};

/// The streams of a session that have begun and are not over; holds no memory without any.
#[derive(Debug, Default)]
pub(super) struct Flows(Option<Box<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    map: BTreeMap<u64, Flow>,
    /// Those that are asked for and may have something.
    ready: Vec<u64>,
    /// Those whose MORE is due.
    due: Vec<u64>,
    /// Bytes held of all of them.
    held: usize,
}

/// What came of one stream in order and was not asked for.
#[derive(Debug)]
struct Flow {
    grant: Grant,
    pieces: VecDeque<Bytes>,
    tail: Vec<u8>,
    held: usize,
    /// Bytes handed over.
    taken: u64,
    /// Pieces asked for.
    wanted: u32,
}

/// Largest piece that is put together: what a reader takes at a time, and little beside a window.
const PIECE: usize = 64 << 10;
/// Shorter runs are copied to their neighbours, that no stream lies about in crumbs.
const CRUMB: usize = 4096;

impl Inbox {
    /// The application asks for the next piece of a stream; [`Inbox::hand_over`] gives it as soon as there is one.
    pub fn want(&mut self, now: Time, message: u64) {
        self.flows.want(now, message);
    }

    /// Whether [`Inbox::hand_over`] may have something.
    pub fn has_wanted(&self) -> bool {
        self.flows.is_ready()
    }

    /// Hands over what is there of streams that are asked for, and grants their senders more.
    pub fn hand_over(&mut self, now: Time, rtt: Duration, deliver: &mut impl FnMut(Incoming)) {
        while let Some(message) = self.flows.next_ready() {
            let fin = self.partial.get(&message).and_then(|partial| partial.fin);
            while let Some((data, is_last)) = self.flows.next(message, fin, now, rtt) {
                self.pass(message, data, is_last, deliver);
            }
        }
    }

    /// The session has ended: of streams that came whole everything is handed over, all others are cut.
    pub fn hand_over_rest(&mut self, deliver: &mut impl FnMut(Incoming)) {
        for message in self.flows.ids().collect::<Vec<_>>() {
            let whole = self.partial.get(&message).filter(|partial| partial.fin == Some(partial.assembly.end()));
            let Some(fin) = whole.and_then(|partial| partial.fin) else {
                deliver(Incoming::Cut { message });
                continue;
            };
            while let Some((data, is_last)) = self.flows.drain(message, Some(fin)) {
                self.pass(message, data, is_last, deliver);
            }
        }
    }

    /// Whether a stream that began is not over.
    pub fn has_stream(&self, message: u64) -> bool {
        self.flows.has(message)
    }

    /// Hands one piece of a stream over.
    fn pass(&mut self, message: u64, data: Bytes, is_last: bool, deliver: &mut impl FnMut(Incoming)) {
        self.settled += data.len() as u64;
        deliver(Incoming::Piece { message, data, is_last });
        if is_last {
            self.flows.close(message);
            self.partial.remove(&message);
            self.settle(message, 0);
        }
    }
}

impl Flows {
    /// A stream begins.
    pub(super) fn open(&mut self, message: u64) {
        let flow = Flow {
            grant: Grant::new(Time::ZERO, STREAM_CREDIT, limits::FAST_STREAM_BYTES as u64),
            pieces: VecDeque::new(),
            tail: Vec::new(),
            held: 0,
            taken: 0,
            wanted: 0,
        };
        self.0.get_or_insert_default().map.insert(message, flow);
    }

    /// A stream is over, or not wanted.
    pub(super) fn close(&mut self, message: u64) {
        let Some(inner) = &mut self.0 else { return };
        inner.held -= inner.map.remove(&message).map_or(0, |flow| flow.held);
    }

    pub(super) fn has(&self, message: u64) -> bool {
        self.find(message).is_some()
    }

    pub(super) fn count(&self) -> usize {
        self.0.as_ref().map_or(0, |inner| inner.map.len())
    }

    /// Bytes held of all streams.
    pub(super) fn held(&self) -> usize {
        self.0.as_ref().map_or(0, |inner| inner.held)
    }

    /// The streams, oldest first.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().flat_map(|inner| inner.map.keys().copied())
    }

    /// How far the sender of a stream may go.
    pub(super) fn granted(&self, message: u64) -> Option<u64> {
        Some(self.find(message)?.grant.total)
    }

    /// Bytes of a stream handed over.
    pub(super) fn taken(&self, message: u64) -> Option<u64> {
        Some(self.find(message)?.taken)
    }

    /// The next bytes of a stream, to be copied.
    pub(super) fn push(&mut self, message: u64, data: &[u8]) {
        self.change(message, |flow| flow.push(data));
    }

    /// The next bytes of a stream, that lie by themselves.
    pub(super) fn push_run(&mut self, message: u64, run: Bytes) {
        self.change(message, |flow| {
            if run.len() < CRUMB {
                return flow.push(&run);
            }
            flow.held += run.len();
            flow.seal();
            flow.pieces.push_back(run);
        });
    }

    /// Something of a stream came, or its end did.
    pub(super) fn touch(&mut self, message: u64) {
        let Some(inner) = &mut self.0 else { return };
        let is_wanted = inner.map.get(&message).is_some_and(|flow| flow.wanted > 0);
        if is_wanted && !inner.ready.contains(&message) {
            inner.ready.push(message);
        }
    }

    /// One more piece is asked for.
    fn want(&mut self, now: Time, message: u64) {
        let Some(flow) = self.0.as_mut().and_then(|inner| inner.map.get_mut(&message)) else { return };
        if flow.taken == 0 {
            flow.grant.begin(now);
        }
        flow.wanted = flow.wanted.saturating_add(1);
        self.touch(message);
    }

    /// Whether somebody asks for what may be there.
    pub(super) fn is_ready(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| !inner.ready.is_empty())
    }

    /// A stream that is asked for and may have something, once.
    pub(super) fn next_ready(&mut self) -> Option<u64> {
        self.0.as_mut()?.ready.pop()
    }

    /// The next piece of a stream that is asked for; at its end, `fin`, an empty one, and whether that is the last. Grants the
    /// sender more.
    pub(super) fn next(&mut self, message: u64, fin: Option<u64>, now: Time, rtt: Duration) -> Option<(Bytes, bool)> {
        let inner = self.0.as_mut()?;
        let flow = inner.map.get_mut(&message).filter(|flow| flow.wanted > 0)?;
        let (piece, is_last) = flow.next(fin)?;
        flow.wanted -= 1;
        inner.held -= piece.len();
        if !is_last && fin.is_none() {
            flow.grant.renew(now, rtt, flow.taken, u64::MAX);
            if flow.grant.is_due && !inner.due.contains(&message) {
                inner.due.push(message);
            }
        }
        Some((piece, is_last))
    }

    /// The next piece of a stream whether it is asked for or not.
    pub(super) fn drain(&mut self, message: u64, fin: Option<u64>) -> Option<(Bytes, bool)> {
        let inner = self.0.as_mut()?;
        let (piece, is_last) = inner.map.get_mut(&message)?.next(fin)?;
        inner.held -= piece.len();
        Some((piece, is_last))
    }

    /// Whether [`Flows::fill`] has something to write.
    pub(super) fn has_work(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| !inner.due.is_empty())
    }

    /// Writes MORE frames that are due, as they fit.
    pub(super) fn fill(&mut self, out: &mut Writer<'_>, carry: &mut impl FnMut(Carried)) {
        let Some(inner) = &mut self.0 else { return };
        while let Some(message) = inner.due.last().copied() {
            if let Some(flow) = inner.map.get_mut(&message) {
                if (Frame::More { message, below: flow.grant.total }).write(out).is_err() {
                    return;
                }
                flow.grant.is_due = false;
                carry(Carried::More(message));
            }
            inner.due.pop();
        }
    }

    /// A MORE is lost: the newest value is sent again.
    pub(super) fn on_lost(&mut self, message: u64) {
        let Some(inner) = &mut self.0 else { return };
        if inner.map.contains_key(&message) && !inner.due.contains(&message) {
            inner.due.push(message);
        }
    }

    /// Gives back memory that nothing needs.
    pub(super) fn rest(&mut self) {
        self.0.take_if(|inner| inner.map.is_empty());
    }

    fn find(&self, message: u64) -> Option<&Flow> {
        self.0.as_ref()?.map.get(&message)
    }

    fn change(&mut self, message: u64, change: impl FnOnce(&mut Flow)) {
        let Some(inner) = &mut self.0 else { return };
        let Some(flow) = inner.map.get_mut(&message) else { return };
        let before = flow.held;
        change(flow);
        inner.held = inner.held + flow.held - before;
    }
}

impl Flow {
    fn push(&mut self, mut data: &[u8]) {
        self.held += data.len();
        while !data.is_empty() {
            let (now, later) = data.split_at(data.len().min(PIECE - self.tail.len()));
            let need = self.tail.len() + now.len();
            if need > self.tail.capacity() {
                let room = (need * 4).min(PIECE);
                self.tail.reserve_exact(room - self.tail.len());
            }
            self.tail.extend_from_slice(now);
            if self.tail.len() == PIECE {
                self.seal();
            }
            data = later;
        }
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(Bytes::from(std::mem::take(&mut self.tail)));
        }
    }

    fn next(&mut self, fin: Option<u64>) -> Option<(Bytes, bool)> {
        self.seal_if_alone();
        let piece = match self.pieces.pop_front() {
            Some(piece) => piece,
            None if fin == Some(self.taken) => Bytes::new(),
            None => return None,
        };
        self.held -= piece.len();
        self.taken += piece.len() as u64;
        Some((piece, fin == Some(self.taken)))
    }

    fn seal_if_alone(&mut self) {
        if self.pieces.is_empty() {
            self.seal();
        }
    }
}
