//! What BBR believes of the path: its rate, its empty round trip, and how ACKs bunch. Owns the filters; decides nothing.

use std::time::Duration;

use super::super::{Rate, bytes_in};
use crate::base::Time;

/// Largest value of this cycle and the last (`MaxBwFilterLen` is two cycles).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Highest([u64; 2]);

impl Highest {
    pub(super) fn update(&mut self, value: u64) {
        self.0[0] = self.0[0].max(value);
    }

    pub(super) fn advance(&mut self) {
        self.0 = [0, self.0[0]];
    }

    pub(super) fn value(self) -> u64 {
        self.0[0].max(self.0[1])
    }

    pub(super) fn set(&mut self, value: u64) {
        self.0 = [value, 0];
    }
}

/// The smallest RTT, and when it was last seen again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Empty {
    pub(super) rtt: Option<Duration>,
    pub(super) seen: Time,
}

impl Empty {
    /// A sample within 1/16 of the smallest shows that it still stands: the queue was empty but for what other packets,
    /// timers and trains add.
    pub(super) fn on_sample(&mut self, now: Time, sample: Duration) {
        let rtt = self.rtt.unwrap_or(sample).min(sample);
        self.rtt = Some(rtt);
        if sample <= rtt + rtt / 16 {
            self.seen = now;
        }
    }

    pub(super) fn set(&mut self, now: Time, rtt: Duration) {
        *self = Self { rtt: Some(rtt), seen: now };
    }
}

/// How much more an ACK brings at once than the rate explains (draft-ietf-ccwg-bbr §5.5.9).
#[derive(Debug, Clone, Copy)]
pub(super) struct Bunch {
    start: Time,
    acked: u64,
    most: Highest,
    rounds: u32,
}

impl Bunch {
    pub(super) fn new(now: Time) -> Self {
        Self { start: now, acked: 0, most: Highest::default(), rounds: 0 }
    }

    pub(super) fn on_acked(&mut self, now: Time, bytes: u64, rate: u64, window: u64) {
        let mut expected = bytes_in(rate, now.since(self.start));
        if self.acked <= expected {
            (self.acked, self.start, expected) = (0, now, 0);
        }
        self.acked += bytes;
        self.most.update((self.acked - expected).min(window));
    }

    /// `ExtraAckedFilterLen`: ten rounds, here two slots of five; one while starting up.
    pub(super) fn on_round(&mut self, is_startup: bool) {
        self.rounds += 1;
        if is_startup || self.rounds >= 5 {
            self.rounds = 0;
            self.most.advance();
        }
    }

    pub(super) fn extra(&self) -> u64 {
        self.most.value()
    }

    pub(super) fn restart(&mut self, now: Time) {
        (self.start, self.acked) = (now, 0);
    }
}

/// What happened in one packet-timed round trip (draft-ietf-ccwg-bbr §5.5.1).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Round {
    end: u64,
    pub(super) acked: u64,
    pub(super) lost: u64,
    pub(super) marked: u64,
    pub(super) rtt: Option<Duration>,
    /// Highest rate and volume delivered in it.
    pub(super) rate: u64,
    pub(super) volume: u64,
    pub(super) is_app_limited: bool,
}

impl Round {
    /// The finished round when `rate` belongs to a packet sent after this one began.
    pub(super) fn turn(&mut self, rate: &Rate) -> Option<Self> {
        if rate.prior_delivered < self.end {
            return None;
        }
        Some(std::mem::replace(self, Self { end: rate.delivered, ..Self::default() }))
    }

    /// A round begins now.
    pub(super) fn restart(&mut self, delivered: u64) {
        self.end = delivered;
    }
}

/// What comes through while a queue stands, in stretches of two empty round trips: sooner than packet-timed rounds, which
/// become as long as the queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Epoch {
    start: Time,
    bytes: u64,
    acks: u32,
    /// A queue stood in all of it.
    stands: bool,
    /// The rate of the stretch before, when a queue stood in it.
    last: Option<u64>,
}

impl Epoch {
    pub(super) fn new(now: Time) -> Self {
        Self { start: now, bytes: 0, acks: 0, stands: true, last: None }
    }

    /// The greater rate of two stretches in a row with a standing queue, when the second is over.
    pub(super) fn on_settled(
        &mut self,
        now: Time,
        bytes: u64,
        stands: Option<bool>,
        is_limited: bool,
        length: Duration,
    ) -> Option<u64> {
        self.bytes += bytes;
        self.acks += 1;
        self.stands &= stands.unwrap_or(true) && !is_limited;
        let elapsed = now.since(self.start);
        if elapsed < length || self.acks < 8 {
            return None;
        }
        let rate = self.stands.then(|| super::super::per_second(self.bytes, elapsed));
        let both = self.last.zip(rate).map(|(last, rate)| last.max(rate));
        *self = Self { last: rate, ..Self::new(now) };
        both
    }
}
