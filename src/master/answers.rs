//! Answers to minions' requests. Owns nothing: brings the counter, the host's answers and the sending together, so that
//! every request that was taken in gets one.

use bytes::Bytes;
use serde::Serialize;
use tracing::{debug, warn};

use super::counter::Kind;
use super::{Errand, Master};
use crate::base::{Name, limits};
use crate::message::{Address, Message, Route};
use crate::transport::Failure;

/// MessagePack's empty map.
const NO_RETURN: &[u8] = &[0x80];

/// An answer on its way.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) to: Name,
    /// Bytes.
    size: usize,
    kind: Kind,
    /// Where it goes.
    route: Route,
}

impl Master {
    /// A request for the host. The pillar's is one that blocks when a Salt minion's main process asks: it takes whatever
    /// comes next for the answer (Salt over RAET §3).
    pub(super) fn ask(&mut self, from: &Name, request: &Message, is_pillar: bool) {
        let yard = request.route.src.yard.as_ref();
        let kind = match is_pillar {
            true if yard.is_none_or(|yard| yard.as_str() == "manor") => Kind::Blocking,
            true => Kind::Pillar,
            false => Kind::Plain,
        };
        if !self.counter.take(from, request.clone(), kind) {
            warn!(%from, "a request is refused: too many of its others wait");
            return self.answer(from, request, None, Kind::Plain);
        }
        if kind == Kind::Blocking {
            self.presence.block(from);
        }
    }

    /// The host is done with a request.
    pub(super) fn on_served(&mut self, number: u64, answer: Option<Bytes>) {
        match self.counter.done(number) {
            Some(open) => {
                self.on_pillar(&open.from, &open.request, answer.as_ref());
                self.answer(&open.from, &open.request, answer, open.kind);
            }
            None => debug!(number, "an answer that nobody waits for"),
        }
    }

    /// Answers with a value.
    pub(super) fn answer_value(&mut self, to: &Name, request: &Message, value: &impl Serialize) {
        let body = rmp_serde::to_vec_named(value).ok().map(Bytes::from);
        self.answer(to, request, body, Kind::Plain);
    }

    /// Answers with one MessagePack value; without, the reply has no `return`, as Salt's master has it for what it does not
    /// know.
    pub(super) fn answer(&mut self, to: &Name, request: &Message, body: Option<Bytes>, kind: Kind) {
        let Address { yard, share, .. } = request.route.src.clone();
        let route = Route { src: Address::default(), dst: Address { estate: Some(to.clone()), yard, share } };
        let (label, body) = match body {
            Some(body) => ("return", body),
            None => ("", Bytes::from_static(NO_RETURN)),
        };
        let message = Message { route, kind: label.to_owned(), body };
        let message = if kind == Kind::Blocking { Some(message) } else { self.counter.hold(to, message) };
        if let Some(message) = message {
            self.send_answer(to, message, kind);
        }
    }

    fn send_answer(&mut self, to: &Name, message: Message, kind: Kind) {
        let answer = Answer { to: to.clone(), size: message.body.len(), kind, route: message.route.clone() };
        if self.outbox.len() >= limits::OUTPUTS {
            warn!(%to, "a request stays unanswered: too many messages wait to be sent");
            return self.on_unblocked(&answer);
        }
        self.counter.on_sent(to, answer.size);
        let ticket = self.outbox.send(to.clone(), message);
        self.errands.insert(ticket, Errand::Answer(answer));
    }

    /// An answer did not arrive. One that no wire carries is made up for: the minion would wait for it.
    pub(super) fn on_unanswered(&mut self, answer: &Answer, why: Failure) {
        if matches!(why, Failure::Malformed | Failure::NotText | Failure::TooLarge) {
            warn!(to = %answer.to, bytes = answer.size, "an answer cannot be sent: {why}");
            self.counter.on_gone(&answer.to, answer.size);
            let body = Bytes::from_static(NO_RETURN);
            let message = Message { route: answer.route.clone(), kind: String::new(), body };
            return self.send_answer(&answer.to, message, answer.kind);
        }
        debug!(to = %answer.to, "an answer did not arrive: {why}");
        self.on_answered(answer);
    }

    /// An answer has arrived, or never will.
    pub(super) fn on_answered(&mut self, answer: &Answer) {
        self.counter.on_gone(&answer.to, answer.size);
        self.on_unblocked(answer);
        if self.presence.answered(&answer.to, answer.kind != Kind::Plain) {
            self.on_ready(&answer.to);
        }
    }

    fn on_unblocked(&mut self, answer: &Answer) {
        if answer.kind != Kind::Blocking {
            return;
        }
        for message in self.counter.on_unblocked(&answer.to) {
            self.send_answer(&answer.to, message, Kind::Plain);
        }
        if !self.counter.is_blocked(&answer.to) && self.presence.unblock(&answer.to) {
            self.on_ready(&answer.to);
        }
    }
}
