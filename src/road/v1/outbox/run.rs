//! Whole messages written into one packet, one after the other: those with consecutive ids and one heading share a frame, and
//! those with consecutive ids are one word in the packet's record.

use std::sync::Arc;

use crate::road::v1::Carried;
use crate::road::v1::message::{Body, Heading, Outgoing};
use crate::wire::v1::Writer;
use crate::wire::v1::messages::{Joining, Messages};

/// The last run of a packet.
#[derive(Debug, Default)]
pub(super) struct Run {
    first: u64,
    count: u32,
    frame: Option<(Arc<Heading>, Joining)>,
}

impl Run {
    /// Writes a message if all of it fits.
    pub(super) fn write(
        &mut self,
        id: u64,
        message: &Outgoing,
        out: &mut Writer<'_>,
        carry: &mut impl FnMut(Carried),
    ) -> bool {
        let Body::Whole(body) = &message.body else { return false };
        let is_next = self.first + u64::from(self.count) == id;
        if !(is_next && self.join(&message.heading, body, out)) {
            let Heading { kind, route, priority } = &*message.heading;
            let Ok(joining) = Messages::begin(id, (kind.as_str(), route, *priority), body, out) else { return false };
            self.frame = Some((Arc::clone(&message.heading), joining));
        }
        if !is_next {
            self.flush(carry);
            self.first = id;
        }
        self.count += 1;
        true
    }

    /// Says what was written since the last time.
    pub(super) fn flush(&mut self, carry: &mut impl FnMut(Carried)) {
        if self.count > 0 {
            carry(Carried::Wholes { first: self.first, count: self.count });
        }
        self.count = 0;
    }

    fn join(&mut self, heading: &Arc<Heading>, body: &[u8], out: &mut Writer<'_>) -> bool {
        self.frame.as_mut().is_some_and(|(open, joining)| open == heading && joining.push(body, out))
    }
}
