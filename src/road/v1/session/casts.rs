//! Casts: bytes that go in one packet or not at all. Owns those that wait; what was sent is forgotten.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Session;
use crate::nacl::seal::TAG;
use crate::road::core::Core;
use crate::transport::{Event, Failure};
use crate::wire::v1::head::HEAD_MAX;
use crate::wire::v1::{Frame, Writer};

/// Casts that wait; absent without any.
#[derive(Debug, Default)]
pub(super) struct Casts(Option<Box<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Bytes>,
    bytes: usize,
    /// The last packet carried some: the next one is for messages, if there are any.
    had_turn: bool,
}

/// Most that wait: of presence the newest is worth most, so the oldest goes.
const MOST: usize = 64;
const MOST_BYTES: usize = 64 << 10;
/// The frame's type, a length of up to four bytes, and a PING.
const FRAME: usize = 6;

impl Casts {
    /// Whether there is something to send.
    pub(super) fn has_work(&self) -> bool {
        self.0.is_some()
    }

    /// Takes one more; how many older ones had to go.
    fn push(&mut self, data: Bytes) -> u64 {
        let waiting = self.0.get_or_insert_default();
        waiting.bytes += data.len();
        waiting.queue.push_back(data);
        let mut gone = 0;
        while waiting.queue.len() > MOST || waiting.bytes > MOST_BYTES && waiting.queue.len() > 1 {
            waiting.bytes -= waiting.queue.pop_front().map_or(0, |old| old.len());
            gone += 1;
        }
        gone
    }

    /// Writes what fits of those that wait, if it is their turn; how many went, and how many are larger than the path takes
    /// by now.
    fn fill(&mut self, out: &mut Writer<'_>, limit: usize, has_messages: bool) -> (u64, u64) {
        let (mut gone, mut lost) = (0, 0);
        let Some(waiting) = &mut self.0 else { return (0, 0) };
        if std::mem::take(&mut waiting.had_turn) && has_messages {
            return (0, 0);
        }
        while let Some(data) = waiting.queue.front() {
            if data.len() > limit {
                lost += 1;
            } else if out.room() >= data.len() + FRAME && Frame::Datagram(data).write(out).is_ok() {
                gone += 1;
            } else {
                break;
            }
            waiting.bytes -= data.len();
            waiting.queue.pop_front();
        }
        waiting.had_turn = gone > 0;
        if waiting.queue.is_empty() {
            self.0 = None;
        }
        (gone, lost)
    }
}

impl Session {
    /// Sends a cast when there is room for it on the way; why it can never go, if so.
    pub(crate) fn cast(&mut self, data: Bytes) -> Option<Failure> {
        let limit = self.cast_limit();
        if data.len() > usize::from(limit) {
            return Some(Failure::OverPacket { limit });
        }
        let gone = self.casts.push(data);
        self.tally.casts_dropped += gone;
        None
    }

    /// Writes casts that wait into an empty packet; whether it wrote any. What a path needs to be known goes before them.
    pub(super) fn write_casts(&mut self, out: &mut Writer<'_>) -> bool {
        if !self.casts.has_work() || self.greeting.is_some() || self.path.has_work() {
            return false;
        }
        let (gone, lost) = self.casts.fill(out, self.cast_limit().into(), self.outbox.has_work());
        self.tally.casts_out += gone;
        self.tally.casts_dropped += lost;
        gone > 0
    }

    /// Bytes of the largest cast that fits a packet.
    fn cast_limit(&self) -> u16 {
        self.mtu.size().saturating_sub((HEAD_MAX + TAG + FRAME) as u16)
    }

    /// A cast of the peer's. An application that does not keep up loses them first.
    pub(super) fn on_cast(&mut self, core: &mut Core, data: &[u8]) {
        if !core.has_room_for_casts() {
            self.tally.casts_dropped += 1;
            return;
        }
        self.tally.casts_in += 1;
        core.event(Event::Cast { from: self.name.clone(), data: Bytes::copy_from_slice(data) });
    }
}
