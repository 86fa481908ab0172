//! Messages towards one estate: those that wait, those in flight, and how many packets may be unconfirmed at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use super::burst::Burst;
use super::messenger::Messenger;
use crate::base::{Time, limits};
use crate::road::core::Core;
use crate::transport::{Event, Failure, Ticket};

/// The way out to one estate.
#[derive(Default)]
pub(crate) struct Outbox {
    /// Packed bodies that have not been sealed yet.
    waiting: VecDeque<(Ticket, Bytes)>,
    /// By transaction number.
    pub(super) flying: BTreeMap<u32, Messenger>,
    /// Transactions with a packet to send, in turn.
    pub(super) ready: VecDeque<u32>,
    /// Deadlines of those in flight.
    pub(super) deadlines: BTreeSet<(Time, u32)>,
    /// Unconfirmed packets.
    pub(super) flight: u32,
    /// How many there may be.
    pub(super) burst: Burst,
    bytes: usize,
    /// A command was handed back for lack of room.
    is_awaited: bool,
}

impl Outbox {
    /// Takes a packed body, unless there is no room; then the caller is owed a `Room`.
    pub(crate) fn push(&mut self, ticket: Ticket, body: Bytes) -> bool {
        let count = self.waiting.len() + self.flying.len();
        let is_full = count >= limits::OUTBOX_MESSAGES || self.bytes + body.len() > limits::OUTBOX_BYTES;
        if is_full && count > 0 {
            self.is_awaited = true;
            return false;
        }
        self.bytes += body.len();
        self.waiting.push_back((ticket, body));
        true
    }

    /// Takes a body back that has not been sealed; whether there was one.
    pub(crate) fn take_back(&mut self, core: &mut Core, ticket: Ticket) -> bool {
        let at = self.waiting.iter().position(|(waiting, _)| *waiting == ticket);
        let Some((_, body)) = at.and_then(|at| self.waiting.remove(at)) else { return false };
        self.on_ended(core, body.len());
        true
    }

    /// Bytes that wait or are in flight.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The next body to seal.
    pub(super) fn next_waiting(&mut self) -> Option<(Ticket, Bytes)> {
        self.waiting.pop_front()
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// A message of `size` bytes is done with.
    pub(super) fn on_ended(&mut self, core: &mut Core, size: usize) {
        self.bytes = self.bytes.saturating_sub(size);
        let is_roomy = self.waiting.len() + self.flying.len() <= limits::OUTBOX_MESSAGES / 2
            && self.bytes <= limits::OUTBOX_BYTES / 2;
        if self.is_awaited && is_roomy {
            self.is_awaited = false;
            core.event(Event::Room);
        }
    }

    /// Ends everything: `flown` for what may have arrived, `waited` for what never left.
    pub(crate) fn fail(&mut self, core: &mut Core, flown: Failure, waited: Failure) {
        for (_, messenger) in std::mem::take(&mut self.flying) {
            core.event(Event::Failed { ticket: messenger.ticket, why: flown });
        }
        for (ticket, _) in std::mem::take(&mut self.waiting) {
            core.event(Event::Failed { ticket, why: waited });
        }
        if self.is_awaited {
            core.event(Event::Room);
        }
        *self = Self::default();
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|(time, _)| *time)
    }
}
