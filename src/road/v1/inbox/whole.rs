//! Messages that come whole, one in a chunk or many in a frame: nothing is put together, and nothing waits here.

use super::partial::heading;
use super::{CONTRADICTION, Inbox, OPEN};
use crate::road::v1::Violation;
use crate::road::v1::message::{Bodies, CHARGE, Incoming};
use crate::wire::v1::messages::Messages;
use crate::wire::v1::{Chunk, Opening};

impl Inbox {
    /// MESSAGES: nothing is to be put together, and a frame that is all new costs little more than a message.
    pub fn on_messages(
        &mut self,
        messages: &Messages<'_>,
        deliver: &mut impl FnMut(Incoming),
    ) -> Result<(), Violation> {
        let (first, count, size) = (messages.first, messages.count() as u64, messages.size() as u64);
        let end = first.saturating_add(count);
        if end > self.open.total {
            return Err(OPEN);
        }
        let Messages { kind, route, priority, .. } = *messages;
        let opening = Opening { kind, route, priority, total: None };
        let is_new = self.over.missing(first, end) == Some((first, end));
        if !is_new || self.partial.range(first..end).next().is_some() {
            return (first..end).zip(messages.bodies()).try_for_each(|(message, data)| {
                let opening = Some(Opening { total: Some(data.len() as u64), ..opening });
                self.on_chunk(&Chunk { message, offset: 0, fin: true, opening, data }, deliver)
            });
        }
        let heading = heading(&opening, &mut self.arena)?;
        self.arrive(size, CHARGE * count)?;
        self.ended += self.over.insert(first, end);
        self.settled += size + CHARGE * count;
        let bodies = Bodies::new(self.arena.copy(messages.block()), messages.count());
        deliver(Incoming::Run { heading, bodies });
        Ok(())
    }

    /// The usual case: one chunk is the message.
    pub(super) fn on_whole(
        &mut self,
        chunk: &Chunk<'_>,
        opening: &Opening<'_>,
        deliver: &mut impl FnMut(Incoming),
    ) -> Result<(), Violation> {
        let (message, size) = (chunk.message, chunk.data.len() as u64);
        if opening.total.is_some_and(|total| total != size) {
            return Err(CONTRADICTION);
        }
        self.arrive(size, CHARGE)?;
        self.settle(message, size);
        let heading = heading(opening, &mut self.arena)?;
        let data = self.arena.copy(chunk.data);
        deliver(Incoming::Whole { heading, body: data });
        Ok(())
    }
}
