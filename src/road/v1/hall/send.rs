//! Messages to estates: by name to the session, and into its outbox. Owns nothing; many messages in a row go to one estate.

use super::Hall;
use crate::base::Name;
use crate::road::core::Core;
use crate::road::v1::message::Outgoing;

impl Hall {
    /// Hands a message to the estate's session; gives it back when there is no room.
    pub(crate) fn send(&mut self, core: &mut Core, place: u32, outgoing: Outgoing) -> Option<Result<(), Outgoing>> {
        let session = self.sessions.get_mut(place as usize)?.as_mut()?;
        self.recent = place;
        let pushed = session.outbox().push(outgoing);
        // Who is in the line already is looked at when its turn comes, not for each of a thousand messages.
        if pushed.is_err() || !self.agenda.is_in_line(place) {
            self.touch(place);
            self.settle(core);
        }
        Some(pushed)
    }

    /// The place of the session with this estate, if there is one.
    pub(crate) fn place(&self, name: &Name) -> Option<u32> {
        let at = |place: u32| self.sessions.get(place as usize)?.as_ref();
        // An estate has one session; looking its name up is a tenth of what a small message costs.
        let is_recent = at(self.recent).is_some_and(|session| session.name == *name);
        let place = if is_recent { self.recent } else { *self.names.get(name)? };
        at(place)?.is_confirmed().then_some(place)
    }
}
