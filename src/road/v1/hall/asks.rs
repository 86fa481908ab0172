//! What the application asks of sessions beside messages: streams in both directions, and to give something up; and what
//! another road of our address does.

use bytes::Bytes;

use super::Hall;
use crate::base::{Name, Time};
use crate::road::core::Core;
use crate::road::v1::session::{Code, Session};
use crate::transport::{Departure, Failure, Stream, Ticket};

impl Hall {
    /// The next bytes of a stream, `most` at most; what does not fit comes back.
    pub(crate) fn write(
        &mut self,
        core: &mut Core,
        place: u32,
        (ticket, data, fin): (Ticket, Bytes, bool),
        most: usize,
    ) -> Result<(), Bytes> {
        let write = |session: &mut Session| session.outbox().write(ticket, data, fin, most);
        self.ask(core, place, write).unwrap_or(Ok(()))
    }

    /// Gives a message or stream up; whether it was there.
    pub(crate) fn give_up(&mut self, core: &mut Core, place: u32, ticket: Ticket) -> bool {
        self.ask(core, place, |session| session.outbox().give_up(ticket)).unwrap_or(false)
    }

    /// Sends a cast; why it can never go, if so.
    pub(crate) fn cast(&mut self, core: &mut Core, place: u32, data: Bytes) -> Option<Failure> {
        self.ask(core, place, |session| session.cast(data)).unwrap_or(Some(Failure::Absent))
    }

    /// The next bytes of a stream that comes in are asked for.
    pub(crate) fn take(&mut self, core: &mut Core, stream: Stream) {
        let now = core.now;
        self.ask_of(core, stream, |session, message| session.want(now, message));
    }

    /// A stream that comes in is not wanted.
    pub(crate) fn refuse(&mut self, core: &mut Core, stream: Stream) {
        self.ask_of(core, stream, Session::unwant);
    }

    /// The estate has come over another road of our address at `at`: a session from before is over.
    pub(crate) fn yield_up(&mut self, core: &mut Core, name: &Name, at: Time) {
        let Some(place) = self.names.get(name).copied() else { return };
        self.ask(core, place, |session| {
            if session.tally.since <= at {
                session.end(Departure::Renewed, Some(Code::Replaced));
            }
        });
    }

    /// Our own address has changed.
    pub(crate) fn move_on(&mut self, core: &mut Core) {
        for place in 0..self.sessions.len() as u32 {
            let now = core.now;
            self.ask(core, place, |session| session.move_on(now));
        }
    }

    /// Asks the session of a stream, if it lives. The place is the lower half of its number.
    fn ask_of(&mut self, core: &mut Core, stream: Stream, ask: impl FnOnce(&mut Session, u64)) {
        self.ask(core, stream.0 as u32, |session| {
            if session.has(stream) {
                ask(session, stream.1);
            }
        });
    }

    fn ask<T>(&mut self, core: &mut Core, place: u32, ask: impl FnOnce(&mut Session) -> T) -> Option<T> {
        let asked = ask(self.sessions.get_mut(place as usize)?.as_mut()?);
        self.touch(place);
        self.settle(core);
        Some(asked)
    }
}
