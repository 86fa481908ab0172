//! Where a session's packets go, and whether somebody there has proved that it hears us (RFC 9000 §8, §9).
//!
//! An estate that moves is followed at once, but until it has answered a probe no more than three times what came from
//! there is sent there, and if it does not answer we go back to where it was.

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::{Random, Time};

/// The path of one session.
#[derive(Debug)]
pub(super) struct Path {
    remote: SocketAddr,
    /// Where it was before it moved, while the new place is not proven.
    proven: Option<SocketAddr>,
    /// Only while a place is not proven, so not a part of every session.
    question: Option<Box<Question>>,
    /// The peer's question, to be answered.
    answer: Option<[u8; 8]>,
    /// Bytes from and to an unproven place.
    received: u64,
    sent: u64,
}

#[derive(Debug)]
struct Question {
    token: [u8; 8],
    is_due: bool,
    again: Time,
    wait: Duration,
    until: Time,
}

/// What a packet from somewhere means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// It is where it was.
    No,
    /// Another port: a NAT forgot, the path is most likely the same (RFC 9000 §9.4).
    Port,
    /// Another address.
    Host,
}

//= RFC 9000 §8.1: three times what was received, before an address is proven.
const AMPLIFICATION: u64 = 3;
//= RFC 9000 §8.2.4: a probe has failed after three times the larger of the present and the initial PTO.
const FAILED_AFTER: u32 = 3;
/// The initial PTO: RFC 9002 §6.2.2, 333 ms and twice its variance.
const INITIAL_PTO: Duration = Duration::from_millis(999);

impl Path {
    /// To an address that a handshake has proved.
    pub(super) fn new(remote: SocketAddr) -> Self {
        Self { remote, proven: None, question: None, answer: None, received: 0, sent: 0 }
    }

    /// Where packets go.
    pub(super) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// An authentic packet of `bytes` came; `is_newest`: none of a higher number has.
    pub(super) fn on_packet(
        &mut self,
        now: Time,
        from: SocketAddr,
        bytes: usize,
        is_newest: bool,
        pto: Duration,
        random: &mut Random,
    ) -> Moved {
        if from == self.remote {
            self.received = self.received.saturating_add(bytes as u64);
            return Moved::No;
        }
        //= RFC 9000 §9.3: only the newest packet moves the path; an old one was overtaken.
        if !is_newest {
            return Moved::No;
        }
        let before = self.remote;
        let moved = if before.ip() == from.ip() { Moved::Port } else { Moved::Host };
        self.remote = from;
        if self.proven == Some(from) {
            // Back where it was: nothing to prove.
            (self.proven, self.question) = (None, None);
            return moved;
        }
        self.proven.get_or_insert(before);
        (self.received, self.sent) = (bytes as u64, 0);
        let until = now + pto.max(INITIAL_PTO) * FAILED_AFTER;
        let question = Question { token: random.bytes(), is_due: true, again: now, wait: pto, until };
        self.question = Some(Box::new(question));
        moved
    }

    /// The peer asks whether we are here.
    pub(super) fn on_probe(&mut self, token: [u8; 8]) {
        self.answer = Some(token);
    }

    /// The peer answered; says whether the present place is proven by it.
    pub(super) fn on_probed(&mut self, token: [u8; 8]) -> bool {
        if self.question.as_ref().is_some_and(|question| question.token == token) {
            (self.question, self.proven) = (None, None);
            return true;
        }
        false
    }

    /// Bytes that may go there now.
    pub(super) fn allowance(&self) -> u64 {
        match self.proven {
            Some(_) => self.received.saturating_mul(AMPLIFICATION).saturating_sub(self.sent),
            None => u64::MAX,
        }
    }

    /// So many bytes went there.
    pub(super) fn on_sent(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes as u64);
    }

    /// The answer to the peer's question, once.
    pub(super) fn take_answer(&mut self) -> Option<[u8; 8]> {
        self.answer.take()
    }

    /// Our question, when it is due.
    pub(super) fn take_question(&mut self, now: Time) -> Option<[u8; 8]> {
        let question = self.question.as_mut().filter(|question| question.is_due)?;
        question.is_due = false;
        question.again = now + question.wait;
        question.wait *= 2;
        Some(question.token)
    }

    /// Whether there is a question or an answer to send.
    pub(super) fn has_work(&self) -> bool {
        self.answer.is_some() || self.question.as_ref().is_some_and(|question| question.is_due)
    }

    /// Time has passed: ask again, or go back. Says whether we went back.
    pub(super) fn on_timeout(&mut self, now: Time) -> bool {
        let Some(question) = &mut self.question else { return false };
        if question.until <= now {
            self.question = None;
            if let Some(before) = self.proven.take() {
                self.remote = before;
            }
            return true;
        }
        if question.again <= now {
            question.is_due = true;
        }
        false
    }

    /// When to look again.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.question
            .as_ref()
            .map(|question| if question.is_due { question.until } else { question.again.min(question.until) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PTO: Duration = Duration::from_millis(50);

    fn at(host: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, host], port))
    }

    fn moved(path: &mut Path, from: SocketAddr, is_newest: bool) -> Moved {
        path.on_packet(Time(1000), from, 100, is_newest, PTO, &mut Random::from_number(1))
    }

    #[test]
    fn follows_the_newest_packet_and_sends_little_until_it_is_proven() {
        let mut path = Path::new(at(1, 1));
        assert_eq!(path.allowance(), u64::MAX);
        assert_eq!(moved(&mut path, at(1, 2), false), Moved::No, "an old packet moves nothing");
        assert_eq!(moved(&mut path, at(1, 2), true), Moved::Port);
        assert_eq!((path.remote(), path.allowance()), (at(1, 2), 300));
        path.on_sent(250);
        assert_eq!(path.allowance(), 50);
        let token = path.take_question(Time(1000)).unwrap();
        assert_eq!(path.take_question(Time(1000)), None, "once at a time");
        assert!(!path.on_probed([0; 8]));
        assert_eq!(path.allowance(), 50);
        assert!(path.on_probed(token));
        assert_eq!(path.allowance(), u64::MAX);
    }

    #[test]
    fn goes_back_when_nobody_answers() {
        let mut path = Path::new(at(1, 1));
        assert_eq!(moved(&mut path, at(2, 1), true), Moved::Host);
        let mut asked = 0;
        let mut now = Time(1000);
        while path.remote() == at(2, 1) {
            asked += usize::from(path.take_question(now).is_some());
            now = path.deadline().unwrap();
            path.on_timeout(now);
        }
        assert!(asked >= 3, "{asked}");
        assert_eq!((path.remote(), path.allowance(), path.deadline()), (at(1, 1), u64::MAX, None));
    }

    #[test]
    fn home_needs_no_proof() {
        let mut path = Path::new(at(1, 1));
        moved(&mut path, at(2, 1), true);
        moved(&mut path, at(3, 1), true);
        assert_eq!(moved(&mut path, at(1, 1), true), Moved::Host);
        assert_eq!((path.allowance(), path.deadline()), (u64::MAX, None));
    }
}
