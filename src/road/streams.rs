//! Streams and what else an application asks of a road beside messages. The fast wire alone carries streams and casts.

use bytes::Bytes;

use super::Road;
use super::v1;
use super::v1::message::{BULK, Body, Heading, Kind, Outgoing};
use crate::base::{Name, Time};
use crate::message::Route;
use crate::transport::{Command, Event, Failure, Stream, Ticket};

impl Road {
    /// A command of this file, or [`Command::Send`] and [`Command::Admit`], which come to nothing here.
    pub(super) fn ask(&mut self, command: Command) -> Result<(), Command> {
        match command {
            Command::Open { ticket, to, route, kind } => return self.open(ticket, to, route, kind),
            Command::Write { ticket, to, data, fin } => return self.write(ticket, to, data, fin),
            Command::Cancel { ticket, to } => self.cancel(ticket, &to),
            Command::Take { stream } => self.take_stream(stream),
            Command::Refuse { stream } => self.refuse_stream(stream),
            Command::Cast { to, data } => self.cast(to, data),
            Command::Send { .. } | Command::Admit { .. } => {}
        }
        Ok(())
    }

    /// The shell knows that our own address has changed, or that its socket is another one: every session goes on at once
    /// under an id nobody has seen on the old path, if its peer has given one.
    pub fn handle_move(&mut self, now: Time) {
        self.advance(now);
        if let Some(hall) = &mut self.hall {
            hall.move_on(&mut self.core);
        }
    }

    /// Whoever was sent away for what all streams hold may try again when a quarter of it has gone.
    pub(super) fn ease(&mut self) {
        if self.is_short && self.core.held.going <= self.core.config.bytes / 8 * 3 {
            self.is_short = false;
            self.core.answered += 1;
        }
    }

    fn open(&mut self, ticket: Ticket, to: Name, route: Route, kind: String) -> Result<(), Command> {
        let Some(place) = self.hall.as_ref().and_then(|hall| hall.place(&to)) else {
            let why = self.unreached(&to);
            return self.fail(ticket, why);
        };
        let Some(named) = Kind::new(&kind) else { return self.fail(ticket, Failure::Malformed) };
        let heading = Heading { kind: named, route: v1::route::write(&route).into(), priority: BULK }.into();
        let outgoing = Outgoing { ticket, heading, body: Body::Stream };
        let is_full = self.core.held.going >= self.core.config.bytes;
        let hall = self.hall.as_mut().filter(|_| !is_full);
        match hall.map(|hall| hall.send(&mut self.core, place, outgoing)) {
            Some(Some(Ok(()))) => Ok(()),
            Some(None) => self.fail(ticket, Failure::Absent),
            None | Some(Some(Err(_))) => {
                (self.is_awaited, self.answered) = (true, self.core.answered);
                Err(Command::Open { ticket, to, route, kind })
            }
        }
    }

    fn write(&mut self, ticket: Ticket, to: Name, data: Bytes, fin: bool) -> Result<(), Command> {
        let Some(hall) = &mut self.hall else { return Ok(()) };
        let Some(place) = hall.place(&to) else { return Ok(()) };
        // Streams may stand still for long: half of what a road holds is for messages.
        let most = (self.core.config.bytes / 2).saturating_sub(self.core.held.going);
        let is_short = most < data.len();
        let Err(data) = hall.write(&mut self.core, place, (ticket, data, fin), most) else { return Ok(()) };
        self.is_short |= is_short;
        (self.is_awaited, self.answered) = (true, self.core.answered);
        Err(Command::Write { ticket, to, data, fin })
    }

    fn cancel(&mut self, ticket: Ticket, to: &Name) {
        let place = self.hall.as_ref().and_then(|hall| hall.place(to));
        let is_gone = match (place, &mut self.hall) {
            (Some(place), Some(hall)) => hall.give_up(&mut self.core, place, ticket),
            _ => self.cancel_classic(ticket, to),
        };
        if is_gone {
            self.core.event(Event::Failed { ticket, why: Failure::Cancelled });
        }
        self.note_room();
    }

    fn take_stream(&mut self, stream: Stream) {
        if let Some(hall) = &mut self.hall {
            hall.take(&mut self.core, stream);
        }
    }

    fn refuse_stream(&mut self, stream: Stream) {
        if let Some(hall) = &mut self.hall {
            hall.refuse(&mut self.core, stream);
        }
    }

    fn cast(&mut self, to: Name, data: Bytes) {
        let place = self.hall.as_ref().and_then(|hall| hall.place(&to));
        let why = match (place, &mut self.hall) {
            (Some(place), Some(hall)) => hall.cast(&mut self.core, place, data),
            _ => Some(self.unreached(&to)),
        };
        if let Some(why) = why {
            self.core.event(Event::Uncast { to, why });
        }
    }

    /// What of the classic wire has not begun is taken back; all else goes its way.
    fn cancel_classic(&mut self, ticket: Ticket, to: &Name) -> bool {
        let Some(nuid) = self.table.named(to) else { return false };
        let Some(remote) = self.table.find(nuid) else { return false };
        let is_gone = remote.outbox.take_back(&mut self.core, ticket);
        self.settle(nuid);
        is_gone
    }

    /// Why an estate cannot be reached on the fast wire.
    fn unreached(&mut self, to: &Name) -> Failure {
        let remote = self.table.named(to).and_then(|nuid| self.table.find(nuid));
        let is_there = remote.is_some_and(|remote| remote.session.is_some() && remote.present);
        if is_there { Failure::Unsupported } else { Failure::Absent }
    }
}
