//! Messages on their way out: to the estate's session on the wire it is joined on, or back to the caller.

use std::sync::Arc;

use super::Road;
use super::v1;
use super::v1::message::{Body, Heading, Kind, Outgoing};
use crate::base::{Name, limits};
use crate::message::{self, Message, Route};
use crate::transport::{Command, Event, Failure, Ticket};
use crate::wire::v0::outgoing::{self, Audience, Unfit};
use crate::wire::v0::{BodyKind, body, salt};

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
    fn send_fast(&mut self, ticket: Ticket, to: Name, place: u32, mut message: Message) -> Result<(), Command> {
        if message.body.len() > limits::FAST_MESSAGE_MAX {
            return self.fail(ticket, Failure::TooLarge);
        }
        let Some(heading) = self.core.headings.of(&message) else { return self.fail(ticket, Failure::Malformed) };
        let going = self.core.held.going;
        let is_full = going > 0 && going + message.body.len() > self.core.config.bytes;
        let outgoing = Outgoing { ticket, heading, body: Body::Whole(std::mem::take(&mut message.body)) };
        let pushed = match self.hall.as_mut().filter(|_| !is_full) {
            Some(hall) => hall.send(&mut self.core, place, outgoing),
            None => Some(Err(outgoing)),
        };
        match pushed {
            Some(Ok(())) => Ok(()),
            None => self.fail(ticket, Failure::Absent),
            Some(Err(back)) => {
                if let Body::Whole(body) = back.body {
                    message.body = body;
                }
                (self.is_awaited, self.answered) = (true, self.core.answered);
                Err(Command::Send { ticket, to, message })
            }
        }
    }

    /// Somebody was sent away with a message: says so when another is over since.
    pub(super) fn note_room(&mut self) {
        self.ease();
        // More than streams may fill: those may stand still for long.
        let has_room = self.core.held.going <= self.core.config.bytes / 8 * 5;
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

/// What the last message was: most that follow are the same, and those to ten thousand estates share it.
#[derive(Default)]
pub(crate) struct Headings(Option<(Route, Arc<Heading>)>);

impl Headings {
    /// What a message is; `None` when its kind is too long.
    fn of(&mut self, message: &Message) -> Option<Arc<Heading>> {
        let priority = v1::message::priority(message);
        let is_same = |(route, heading): &&(Route, Arc<Heading>)| {
            heading.priority == priority && heading.kind.is(&message.kind) && *route == message.route
        };
        if let Some((_, heading)) = self.0.as_ref().filter(is_same) {
            return Some(Arc::clone(heading));
        }
        let (kind, route) = (Kind::new(&message.kind)?, v1::route::write(&message.route).into());
        let heading = Arc::new(Heading { kind, route, priority });
        self.0 = Some((message.route.clone(), Arc::clone(&heading)));
        Some(heading)
    }
}

/// A message as the body of this wire. Estates left out of the route are us and the receiver. What the receiver could choke
/// on, were it Python, does not pass.
fn pack(message: &Message, own: &Name, to: &Name, kind: BodyKind) -> Result<bytes::Bytes, Failure> {
    let mut whole = message.clone();
    let daemon = salt::Daemon::of(to.as_str());
    let is_bare = daemon.is_none() && whole.kind.is_empty() && whole.route == Route::default();
    if !is_bare {
        whole.route.src.estate.get_or_insert_with(|| own.clone());
        whole.route.dst.estate.get_or_insert_with(|| to.clone());
    }
    if message::check(&whole.body).is_err() {
        // What is no single value would run on into the route behind it.
        return Err(Failure::Malformed);
    }
    let map = whole.to_map().map_err(|_| Failure::Malformed)?;
    let dst = &whole.route.dst;
    let is_for_salt = daemon.is_some()
        && salt::is_handed_on(dst.yard.as_ref().map(Name::as_str), dst.share.as_ref().map(Name::as_str));
    let audience = if is_for_salt { Audience::Salt } else { Audience::Raet };
    let map = outgoing::fit(&map, audience).map_err(|unfit| {
        tracing::debug!(%to, kind = message.kind, "not sent: {unfit}");
        if let Unfit::NotText(_) = unfit { Failure::NotText } else { Failure::Malformed }
    })?;
    if let Some(Err(why)) = daemon.map(|daemon| salt::check(&map, daemon)) {
        tracing::debug!(%to, kind = message.kind, "not sent: {why}");
        return Err(Failure::Malformed);
    }
    match kind {
        BodyKind::Json => body::msgpack_to_json(&map).map(Into::into).map_err(|_| Failure::Malformed),
        _ => Ok(map.into()),
    }
}
