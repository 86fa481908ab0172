//! Messages on their way in.

use std::time::Duration;

use super::carried::Carried;
use super::message::{Incoming, Misuse};
use crate::base::Time;
use crate::wire::v1::{Chunk, Writer};

/// Messages under reassembly, of one session, and what the peer was granted.
#[derive(Debug, Default)]
#[expect(dead_code, reason = "signatures first")]
pub struct Inbox {
    credit: u64,
    open: u64,
}

#[expect(unused_variables, reason = "signatures first")]
impl Inbox {
    /// Empty; `credit` and `open` are what our parameters granted.
    pub fn new(now: Time, credit: u64, open: u64) -> Self {
        Self { credit, open }
    }

    /// A CHUNK. Calls `deliver` for what is whole, or next of a stream.
    pub fn on_chunk(&mut self, chunk: &Chunk<'_>, deliver: &mut impl FnMut(Incoming)) -> Result<(), Misuse> {
        Ok(())
    }

    /// A DROP.
    pub fn on_drop(&mut self, message: u64, end: u64, deliver: &mut impl FnMut(Incoming)) -> Result<(), Misuse> {
        Ok(())
    }

    /// The application does not want a stream any more.
    pub fn refuse(&mut self, message: u64, reason: u64) {}

    /// Writes CREDIT, OPEN and REFUSE frames that are due, as they fit; whether it wrote any.
    pub fn fill(&mut self, now: Time, rtt: Duration, out: &mut Writer<'_>, carry: &mut impl FnMut(Carried)) -> bool {
        false
    }

    /// Whether [`Inbox::fill`] has something to write.
    pub fn has_work(&self) -> bool {
        false
    }

    /// What of ours a packet carried has arrived: `Refuse`.
    pub fn on_acked(&mut self, carried: &Carried) {}

    /// What of ours a packet carried is lost: `Credit`, `Open`, `Refuse`.
    pub fn on_lost(&mut self, carried: &Carried) {}

    /// Whether the consumer is slow: then nothing more is granted.
    pub fn hold(&mut self, is_held: bool) {}

    /// Gives back memory that nothing needs; asked when a session comes to rest.
    pub fn rest(&mut self) {}

    /// Bytes under reassembly.
    pub fn bytes(&self) -> usize {
        0
    }
}
