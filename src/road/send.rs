//! Messages on their way out: to the estate's session on the wire it is joined on, or back to the caller.

use super::Road;
use super::v1;
use super::v1::message::{Body, Kind, Outgoing};
use crate::base::{Name, limits};
use crate::message::{Message, Route};
use crate::transport::{Command, Event, Failure, Ticket};
use crate::wire::v0::{BodyKind, body};

impl Road {
    pub(super) fn send(&mut self, ticket: Ticket, to: Name, message: Message) -> Result<(), Command> {
        if let Some(place) = self.hall.as_ref().and_then(|hall| hall.place(&to)) {
            return self.send_fast(ticket, to, place, message);
        }
        let Some(nuid) = self.table.named(&to) else { return self.fail(ticket, Failure::Absent) };
        let Some(remote) = self.table.find(nuid).filter(|r| r.session.is_some() && r.present) else {
            return self.fail(ticket, Failure::Absent);
        };
        if message.body.len() > limits::MESSAGE_MAX {
            return self.fail(ticket, Failure::TooLarge);
        }
        let packed = match pack(&message, &self.core.config.name, &to, self.core.config.body_kind) {
            Ok(packed) if packed.len() > limits::MESSAGE_MAX => return self.fail(ticket, Failure::TooLarge),
            Ok(packed) => packed,
            Err(why) => return self.fail(ticket, why),
        };
        let going = self.core.held.going;
        if going > 0 && going + packed.len() > self.core.config.bytes {
            self.is_awaited = true;
            return Err(Command::Send { ticket, to, message });
        }
        if !remote.outbox.push(ticket, packed) {
            return Err(Command::Send { ticket, to, message });
        }
        self.settle(nuid);
        Ok(())
    }

    /// The same on the fast wire: any bytes are a body there.
    fn send_fast(&mut self, ticket: Ticket, to: Name, place: u32, message: Message) -> Result<(), Command> {
        if message.body.len() > limits::FAST_MESSAGE_MAX {
            return self.fail(ticket, Failure::TooLarge);
        }
        let Some(kind) = Kind::new(&message.kind) else { return self.fail(ticket, Failure::Malformed) };
        let going = self.core.held.going;
        let is_full = going > 0 && going + message.body.len() > self.core.config.bytes;
        let outgoing = Outgoing {
            ticket,
            priority: v1::message::priority(&message),
            kind,
            route: v1::route::write(&message.route).into(),
            body: Body::Whole(message.body.clone()),
        };
        let hall = self.hall.as_mut().filter(|_| !is_full);
        match hall.map(|hall| hall.send(&mut self.core, place, outgoing)) {
            Some(Some(Ok(()))) => Ok(()),
            Some(None) => self.fail(ticket, Failure::Absent),
            None | Some(Some(Err(_))) => {
                (self.is_awaited, self.answered) = (true, self.core.answered);
                Err(Command::Send { ticket, to, message })
            }
        }
    }

    /// Somebody was sent away with a message: says so when another is over since.
    pub(super) fn note_room(&mut self) {
        self.ease();
        let has_room = self.core.held.going <= self.core.config.bytes / 2;
        if self.is_awaited && has_room && self.core.answered > self.answered {
            self.is_awaited = false;
            self.core.event(Event::Room);
        }
    }

    #[allow(clippy::unnecessary_wraps)] // the shape `send` returns
    pub(super) fn fail(&mut self, ticket: Ticket, why: Failure) -> Result<(), Command> {
        self.core.event(Event::Failed { ticket, why });
        Ok(())
    }
}

/// A message as the body of this wire. Estates left out of the route are us and the receiver.
fn pack(message: &Message, own: &Name, to: &Name, kind: BodyKind) -> Result<bytes::Bytes, Failure> {
    let mut whole = message.clone();
    let is_bare = whole.kind.is_empty() && whole.route == Route::default();
    if !is_bare {
        whole.route.src.estate.get_or_insert_with(|| own.clone());
        whole.route.dst.estate.get_or_insert_with(|| to.clone());
    }
    let map = whole.to_map().map_err(|_| Failure::Malformed)?;
    let map = body::check_msgpack(map).map_err(|_| Failure::Malformed)?;
    match kind {
        BodyKind::Json => body::msgpack_to_json(&map).map(Into::into).map_err(|_| Failure::Malformed),
        _ => Ok(map),
    }
}
