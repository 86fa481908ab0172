//! What the application does with streams that come in, and what it hears of them.

use super::Session;
use super::take::come;
use crate::base::Time;
use crate::road::core::Core;
use crate::road::v1::message::{Incoming, reason};
use crate::transport::{Failure, Stream};

impl Session {
    /// The application asks for the next bytes of a stream.
    pub(crate) fn want(&mut self, now: Time, message: u64) {
        self.inbox.want(now, message);
    }

    /// The application does not want a stream any more.
    pub(crate) fn unwant(&mut self, message: u64) {
        if self.inbox.has_stream(message) {
            self.inbox.refuse(message, reason::UNWANTED);
        }
    }

    /// Whether a stream is of this session.
    pub(crate) fn has(&self, stream: Stream) -> bool {
        self.serial == stream.0
    }

    /// Gives the application what it has asked for and what is there.
    pub(crate) fn hand_over(&mut self, core: &mut Core) {
        if self.inbox.has_wanted() {
            let (name, serial, rtt) = (&self.name, self.serial, self.rtt.smoothed());
            self.inbox.hand_over(core.now, rtt, &mut |incoming| say(core, (name, serial), incoming));
        }
    }

    /// The session is over: what came whole is the application's all the same.
    pub(super) fn hand_over_rest(&mut self, core: &mut Core) {
        let (name, serial) = (&self.name, self.serial);
        self.inbox.hand_over_rest(&mut |incoming| say(core, (name, serial), incoming));
    }
}

fn say(core: &mut Core, (name, serial): (&crate::base::Name, u64), incoming: Incoming) {
    // A piece has no heading that could be wrong.
    if let Ok(event) = come(name, &core.config.name, serial, incoming, Failure::Lost) {
        core.event(event);
    }
}
