//! Fresh keys every hour, without the session's end: who began it asks, the other side answers, and both mix what they
//! got into their chains. Owns the question or answer that is under way.

use std::time::Duration;

use super::super::Carried;
use super::super::handshake::renewal::{self, Asked, Parties, SIZE};
use super::take::Broken;
use super::{Code, Session};
use crate::base::Time;
use crate::nacl::KeyPair;
use crate::road::core::Core;
use crate::transport::Departure;
use crate::wire::v1::{Frame, Writer};

/// The renewals of one session.
#[derive(Default)]
pub(super) struct Renewals {
    /// How many there were, the one under way counted.
    turn: u32,
    /// Seconds between two, of the side that asks; 0: it does not.
    every: u32,
    due: Option<Time>,
    open: Option<Box<Open>>,
}

/// A question that is not answered, or an answer that may not have arrived.
struct Open {
    body: [u8; SIZE],
    /// It is to be sent, for the first time or again.
    is_due: bool,
    asked: Option<Asked>,
}

impl Renewals {
    /// Of a session that began at `now`; `lot` is random: fleets that came together must not renew together.
    pub(super) fn new(now: Time, every: Duration, lot: Option<u64>) -> Self {
        let Some(lot) = lot else { return Self::default() };
        if every.is_zero() {
            return Self::default();
        }
        let seconds = every.as_secs().saturating_mul(1024 - lot % 256) / 1024;
        let every = u32::try_from(seconds.max(1)).unwrap_or(u32::MAX);
        Self { every, due: Some(now + Duration::from_secs(u64::from(every))), ..Self::default() }
    }

    /// Whether a frame is to be sent.
    pub(super) fn has_work(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_due)
    }

    /// When to ask.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.due
    }

    /// Writes what is due; says what the packet carries.
    pub(super) fn fill(&mut self, out: &mut Writer<'_>) -> Option<Carried> {
        let open = self.open.as_mut().filter(|open| open.is_due)?;
        let (turn, body) = (u64::from(self.turn), open.body);
        let frame = if open.asked.is_some() { Frame::Renew { turn, body } } else { Frame::Renewed { turn, body } };
        frame.write(out).ok()?;
        open.is_due = false;
        Some(Carried::Renewal)
    }

    /// What went out is lost.
    pub(super) fn on_lost(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_due = true;
        }
    }

    /// What went out has arrived: an answer is done with, a question waits for its answer.
    pub(super) fn on_acked(&mut self) {
        self.open.take_if(|open| open.asked.is_none());
    }
}

impl Session {
    /// Asks for fresh keys when it is time.
    pub(super) fn renew(&mut self, core: &mut Core) {
        if self.renewals.due.take_if(|due| *due <= core.now).is_none() {
            return;
        }
        self.renewals.due = Some(core.now + Duration::from_secs(u64::from(self.renewals.every)));
        // Nobody answers for so long but who keeps the question from the peer: a new handshake.
        if self.renewals.open.is_some() || self.keys.is_renewing() {
            return self.end(Departure::Renewed, Some(Code::Spent));
        }
        let turn = self.renewals.turn + 1;
        let Some((own, peer)) = self.parties(core) else { return };
        let parties = Parties { own: &own, peer: &peer, turn: u64::from(turn) };
        if let Some((asked, body)) = renewal::ask(&mut core.random, &parties) {
            self.renewals.turn = turn;
            self.renewals.open = Some(Box::new(Open { body, is_due: true, asked: Some(asked) }));
        }
    }

    /// RENEW: the peer asks.
    pub(super) fn on_renew(&mut self, core: &mut Core, turn: u64, question: &[u8; SIZE]) -> Result<(), Broken> {
        // Asked once more: our answer is on its way, or has arrived.
        if turn == u64::from(self.renewals.turn) {
            return Ok(());
        }
        // One at a time: each costs four agreements.
        if self.is_initiator || self.keys.is_renewing() || turn != u64::from(self.renewals.turn) + 1 {
            return Err(Broken("turn of a renewal"));
        }
        // Whose key we have forgotten is about to be told so.
        let Some((own, peer)) = self.parties(core) else { return Ok(()) };
        let parties = Parties { own: &own, peer: &peer, turn };
        let answer = renewal::answer(&mut core.random, &parties, question).ok_or(Broken("a renewal"))?;
        let (body, (receive, send)) = answer;
        self.renewals.turn += 1;
        self.renewals.open = Some(Box::new(Open { body, is_due: true, asked: None }));
        self.keys.renew(send, receive, false);
        self.renewed();
        Ok(())
    }

    /// RENEWED: the peer answers.
    pub(super) fn on_renewed(&mut self, core: &Core, turn: u64, answer: &[u8; SIZE]) -> Result<(), Broken> {
        let is_open = turn == u64::from(self.renewals.turn);
        let Some(asked) = self.renewals.open.take_if(|_| is_open).and_then(|open| open.asked) else {
            // Said once more, because our acknowledgement was lost.
            return if is_open { Ok(()) } else { Err(Broken("turn of a renewal")) };
        };
        let own = KeyPair::new(core.keys.secret.clone());
        let (send, receive) = asked.finish(&own, answer).ok_or(Broken("a renewal"))?;
        self.keys.renew(send, receive, true);
        // The peer hears of it by a packet under the new keys.
        self.clocks.is_ping_due = true;
        self.renewed();
        Ok(())
    }

    fn renewed(&mut self) {
        self.tally.renewals += 1;
        tracing::debug!(estate = %self.name, turn = self.renewals.turn, "keys renewed");
    }

    /// Our long-term key and the peer's.
    fn parties(&self, core: &Core) -> Option<(KeyPair, [u8; 32])> {
        let (key, _) = core.roll.find(&self.role)?;
        Some((KeyPair::new(core.keys.secret.clone()), *key.public.as_bytes()))
    }
}
