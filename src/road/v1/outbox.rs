//! Messages on their way out.

use bytes::Bytes;

use super::carried::Carried;
use super::message::Outgoing;
use crate::transport::Ticket;
use crate::wire::v1::Writer;

/// Messages waiting, being sent and unacknowledged, of one session.
#[derive(Debug, Default)]
#[expect(dead_code, reason = "signatures first")]
pub struct Outbox {
    credit: u64,
    open: u64,
}

#[expect(unused_variables, reason = "signatures first")]
impl Outbox {
    /// Empty; `credit` and `open` are what the peer granted at first.
    pub fn new(credit: u64, open: u64) -> Self {
        Self { credit, open }
    }

    /// Takes a message; handed back when there is no room or [`Outgoing::check`] refuses it.
    pub fn push(&mut self, out: Outgoing) -> Result<(), Outgoing> {
        Err(out)
    }

    /// The next bytes of a stream; handed back when its buffer is full, or when there is no such stream.
    pub fn write(&mut self, ticket: Ticket, data: Bytes) -> Result<(), Bytes> {
        Err(data)
    }

    /// Bytes of a stream that [`Outbox::write`] takes now; `None` when there is no such stream.
    pub fn stream_room(&self, ticket: Ticket) -> Option<usize> {
        None
    }

    /// The stream ends; whether there is one.
    pub fn finish(&mut self, ticket: Ticket) -> bool {
        false
    }

    /// Whether [`Outbox::fill`] would write something into an empty packet.
    pub fn has_work(&self) -> bool {
        false
    }

    /// Writes DROP and CHUNK frames while they fit; whether it wrote any. Nothing may follow them in the packet.
    pub fn fill(&mut self, out: &mut Writer<'_>, carry: &mut impl FnMut(Carried)) -> bool {
        false
    }

    /// Writes small urgent messages that were sent and not acknowledged a second time; how many.
    pub fn repeat_recent(&mut self, out: &mut Writer<'_>, carry: &mut impl FnMut(Carried)) -> usize {
        0
    }

    /// Whether [`Outbox::repeat_recent`] has something to write.
    pub fn has_recent(&self) -> bool {
        false
    }

    /// What of ours a packet carried has arrived: `Chunk`, `Wholes`, `Drop`. Calls `done` for messages that are delivered.
    pub fn on_acked(&mut self, carried: &Carried, done: &mut impl FnMut(Ticket)) {}

    /// What of ours a packet carried is to be sent again; lost, or probed for.
    pub fn on_lost(&mut self, carried: &Carried) {}

    /// CREDIT: bytes in all.
    pub fn on_credit(&mut self, total: u64) {}

    /// OPEN: ids below this.
    pub fn on_open(&mut self, below: u64) {}

    /// REFUSE; the ticket that failed.
    pub fn on_refuse(&mut self, message: u64) -> Option<Ticket> {
        None
    }

    /// Gives a message up; whether it was there, then the caller answers its ticket.
    pub fn give_up(&mut self, ticket: Ticket) -> bool {
        false
    }

    /// The session ended: every ticket still held.
    pub fn fail_all(&mut self, each: &mut impl FnMut(Ticket)) {}

    /// Gives back memory that nothing needs; asked when a session comes to rest.
    pub fn rest(&mut self) {}

    /// Messages held.
    pub fn messages(&self) -> usize {
        0
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        0
    }
}
