//! What arrived and when to say so: the receiving side's acknowledgements (RFC 9000 §13.2, draft-ietf-quic-ack-frequency).
//! Owns the ranges not yet known to be known, the counts of marks and one deadline; never sends.
//!
//! In order there is one range and no heap. The peer hears at once of gaps, late packets and congestion, else of every
//! second eliciting packet (more of them on fast paths) or after a short delay.

use std::time::Duration;

use crate::base::Time;
use crate::road::datagram::Mark;
use crate::wire::v1::{Ack, Ecn, Writer};

/// The acknowledgements one session owes.
#[derive(Debug, Clone)]
pub struct Acks {
    /// The highest range, inclusive.
    newest: Option<(u64, u64)>,
    /// The ranges below it, rising, with gaps between.
    older: Vec<(u64, u64)>,
    /// When the highest number held arrived.
    newest_at: Time,
    /// The highest number that ever arrived.
    highest: Option<u64>,
    counts: Ecn,
    /// Eliciting packets not acknowledged yet.
    eliciting: u32,
    /// A number was passed over since somebody asked.
    has_gap: bool,
    /// Packets not acknowledged yet.
    unsaid: u32,
    /// The lowest of them.
    unsaid_from: Option<u64>,
    due: Option<Time>,
    every: u32,
    delay: Duration,
    max_delay: Duration,
}

/// Ranges held; below them the peer has long declared its losses. An acknowledgement carries 256 at most.
pub const RANGES: usize = 64;
/// Eliciting packets acknowledged together to begin with.
//= RFC 9000 §13.2.2: "SHOULD send an ACK frame after receiving at least two ack-eliciting packets".
pub const EVERY: u32 = 2;
/// Most of them on a fast path: what one batched receive gives.
//= draft-ietf-quic-ack-frequency §8.2: the threshold may rise with the window; every eighth of a round is often enough.
pub const EVERY_MAX: u32 = 64;
/// Packets that need no answer are acknowledged when so many have gathered and something is sent anyway, so that the peer may
/// forget what its acknowledgements said.
//= RFC 9000 §13.2.4
const IDLE_EVERY: u32 = 16;
/// Room for ranges kept when none are left.
const KEPT: usize = 8;

impl Acks {
    /// Nothing arrived yet. `max_ack_delay` is what the peer was promised.
    pub fn new(max_ack_delay: Duration) -> Self {
        Self {
            newest: None,
            older: Vec::new(),
            newest_at: Time::ZERO,
            highest: None,
            counts: Ecn { ect0: 0, ect1: 0, ce: 0 },
            eliciting: 0,
            has_gap: false,
            unsaid: 0,
            unsaid_from: None,
            due: None,
            every: EVERY,
            delay: max_ack_delay,
            max_delay: max_ack_delay,
        }
    }

    /// A packet arrived, authenticated and for the first time.
    pub fn on_packet(&mut self, now: Time, number: u64, is_eliciting: bool, mark: Mark) {
        match mark {
            Mark::NotEct => {}
            Mark::Ect0 => self.counts.ect0 += 1,
            Mark::Ect1 => self.counts.ect1 += 1,
            Mark::Ce => self.counts.ce += 1,
        }
        if self.newest.is_none_or(|(_, high)| number > high) {
            self.newest_at = now;
        }
        if !self.insert(number) {
            return;
        }
        self.unsaid = self.unsaid.saturating_add(1);
        self.unsaid_from = Some(self.unsaid_from.map_or(number, |lowest| lowest.min(number)));
        let is_next = self.highest.is_none_or(|highest| number.checked_sub(1) == Some(highest));
        self.has_gap |= !is_next;
        self.highest = self.highest.max(Some(number));
        if !is_eliciting {
            return;
        }
        self.eliciting += 1;
        //= RFC 9000 §13.2.1: at once when it is late, when something is missing before it, or when it is marked CE.
        let is_urgent = !is_next || mark == Mark::Ce || self.eliciting >= self.every;
        let due = if is_urgent { now } else { now + self.delay };
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    /// The peer waits for an answer: it goes out now.
    pub fn hasten(&mut self, now: Time) {
        if self.eliciting > 0 {
            self.due = Some(now);
        }
    }

    /// Whether a number was passed over since this was asked last: the path loses packets, or reorders them.
    pub fn take_gap(&mut self) -> bool {
        std::mem::take(&mut self.has_gap)
    }

    /// Whether an acknowledgement must go out now, alone if need be.
    pub fn is_due(&self, now: Time) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// When one must go out; not later than now when it is due.
    pub fn deadline(&self) -> Option<Time> {
        self.due
    }

    /// Whether a packet that goes out anyway should carry one.
    pub fn is_wanted(&self) -> bool {
        self.eliciting > 0 || self.unsaid >= IDLE_EVERY
    }

    /// Writes the frame if one [is wanted](Self::is_wanted) and its newest range fits; gives its largest number.
    pub fn write(&mut self, now: Time, out: &mut Writer<'_>) -> Option<u64> {
        let newest = self.newest.filter(|_| self.is_wanted())?;
        let ranges = std::iter::once(newest).chain(self.older.iter().rev().copied());
        let delay = u64::try_from(now.since(self.newest_at).as_micros()).unwrap_or(u64::MAX);
        let is_marked = self.counts.ect0 | self.counts.ect1 | self.counts.ce != 0;
        if Ack::write_ranges(out, ranges, delay, is_marked.then_some(self.counts)) == 0 {
            return None;
        }
        (self.eliciting, self.unsaid, self.unsaid_from, self.due) = (0, 0, None, None);
        Some(newest.1)
    }

    /// An acknowledgement of ours whose largest number was `largest` has arrived: what lies at or below it need not be said
    /// again, unless it came late and was not said yet.
    pub fn on_ack_of_ack(&mut self, largest: u64) {
        let Some(keep) = largest.checked_add(1) else { return };
        let keep = self.unsaid_from.map_or(keep, |unsaid| unsaid.min(keep));
        let gone = self.older.partition_point(|(_, high)| *high < keep);
        self.older.drain(..gone);
        match self.older.first_mut() {
            Some(range) => range.0 = range.0.max(keep),
            None => {
                self.newest = self.newest.filter(|(_, high)| *high >= keep).map(|(low, high)| (low.max(keep), high))
            }
        }
        if self.older.is_empty() && self.older.capacity() > KEPT {
            self.older = Vec::new();
        }
    }

    /// Eliciting packets to acknowledge together: a small part of what arrives in a round trip is a good number, 64 the most.
    pub fn set_every(&mut self, packets: u32) {
        self.every = packets.clamp(EVERY, EVERY_MAX);
    }

    /// How long an acknowledgement may wait, the promised delay at most: a quarter of the round trip is a good length.
    pub fn set_delay(&mut self, delay: Duration) {
        self.delay = delay.min(self.max_delay);
    }

    /// Marks counted so far.
    pub fn counts(&self) -> Ecn {
        self.counts
    }

    /// Adds a number; says whether it was new.
    fn insert(&mut self, number: u64) -> bool {
        let Some((low, high)) = &mut self.newest else {
            self.newest = Some((number, number));
            return true;
        };
        if number.checked_sub(1) == Some(*high) {
            *high = number;
            return true;
        }
        if number > *high {
            self.older.push((*low, *high));
            (*low, *high) = (number, number);
            self.bound();
            return true;
        }
        if number >= *low {
            return false;
        }
        if number + 1 == *low {
            *low = number;
            if let Some((below, _)) = self.older.pop_if(|(_, high)| *high + 1 == number) {
                *low = below;
            }
            return true;
        }
        self.insert_older(number)
    }

    fn insert_older(&mut self, number: u64) -> bool {
        let at = self.older.partition_point(|(_, high)| *high < number);
        if self.older.get(at).is_some_and(|(low, _)| *low <= number) {
            return false;
        }
        let left = at.checked_sub(1).filter(|left| self.older.get(*left).is_some_and(|(_, high)| high + 1 == number));
        let joins_right = self.older.get(at).is_some_and(|(low, _)| *low == number + 1);
        match (left, joins_right) {
            (Some(left), true) => {
                let (_, high) = self.older.remove(at);
                self.stretch(left, |range| range.1 = high);
            }
            (Some(left), false) => self.stretch(left, |range| range.1 = number),
            (None, true) => self.stretch(at, |range| range.0 = number),
            (None, false) => self.older.insert(at, (number, number)),
        }
        self.bound();
        true
    }

    fn stretch(&mut self, at: usize, how: impl FnOnce(&mut (u64, u64))) {
        if let Some(range) = self.older.get_mut(at) {
            how(range);
        }
    }

    /// The lowest range goes when there are too many.
    fn bound(&mut self) {
        if self.older.len() >= RANGES {
            self.older.remove(0);
        }
    }
}

#[cfg(test)]
#[path = "acks_tests.rs"]
mod tests;
