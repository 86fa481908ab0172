//! The round trip as RFC 9002 §5 estimates it, and the probe timeout made of it (§6.2). Owns four durations; knows no packet.

use std::time::Duration;

use crate::base::Time;

/// Estimates of one path's round trip.
#[derive(Debug, Clone)]
pub struct Rtt {
    latest: Duration,
    smoothed: Duration,
    var: Duration,
    min: Duration,
    /// When the first sample came; losses of packets sent earlier prove no persistent congestion.
    first_sample: Option<Time>,
    max_ack_delay: Duration,
}

/// Round trip assumed before anything was measured.
//= RFC 9002 §6.2.2: "SHOULD set the initial RTT to 333 milliseconds".
pub const INITIAL: Duration = Duration::from_millis(333);
/// Timers are no finer than this.
//= RFC 9002 §6.1.2: "RECOMMENDED value of the timer granularity (kGranularity) is 1 millisecond".
pub const GRANULARITY: Duration = Duration::from_millis(1);
/// How long a peer delays its acknowledgements unless it says otherwise.
//= RFC 9000 §18.2 max_ack_delay: "a default of 25 milliseconds is assumed".
pub const MAX_ACK_DELAY: Duration = Duration::from_millis(25);
/// A lost period this many probe timeouts long is persistent congestion.
//= RFC 9002 §7.6.1: "RECOMMENDED value for kPersistentCongestionThreshold is 3".
const PERSISTENT: u32 = 3;
/// Longest probe timeout after all doubling.
//= RFC 6298 §2.5: "A maximum value MAY be placed on RTO provided it is at least 60 seconds".
const PTO_MAX: Duration = Duration::from_secs(60);

impl Rtt {
    /// With what the handshake measured, when it measured.
    pub fn new(first: Option<Duration>) -> Self {
        let start = first.unwrap_or(INITIAL).max(TICK);
        Self {
            latest: start,
            smoothed: start,
            var: start / 2,
            min: start,
            first_sample: first.map(|_| Time::ZERO),
            max_ack_delay: MAX_ACK_DELAY,
        }
    }

    /// The newest sample.
    pub fn latest(&self) -> Duration {
        self.latest
    }

    /// Moving average.
    pub fn smoothed(&self) -> Duration {
        self.smoothed
    }

    /// Mean deviation.
    pub fn var(&self) -> Duration {
        self.var
    }

    /// The shortest sample of this path.
    pub fn min(&self) -> Duration {
        self.min
    }

    /// What the peer promised: it acknowledges within this.
    pub fn max_ack_delay(&self) -> Duration {
        self.max_ack_delay
    }

    /// The peer's promise, from its parameters.
    pub fn set_max_ack_delay(&mut self, delay: Duration) {
        self.max_ack_delay = delay;
    }

    /// Whether something was measured before a packet of that time was sent.
    pub fn is_sampled_before(&self, sent: Time) -> bool {
        self.first_sample.is_some_and(|first| first <= sent)
    }

    /// A measurement of `latest`, of which the peer says it waited for `ack_delay`.
    pub fn on_sample(&mut self, now: Time, latest: Duration, ack_delay: Duration) {
        let latest = latest.max(TICK);
        self.latest = latest;
        if self.first_sample.is_none() {
            //= RFC 9002 §5.3: the first sample sets both.
            (self.first_sample, self.min, self.smoothed, self.var) = (Some(now), latest, latest, latest / 2);
            return;
        }
        //= RFC 9002 §5.2: min_rtt is not adjusted for delays.
        self.min = self.min.min(latest);
        //= RFC 9002 §5.3: the lesser of the reported and the promised delay, and never below min_rtt.
        let delay = ack_delay.min(self.max_ack_delay);
        let adjusted = latest.checked_sub(delay).filter(|left| *left >= self.min).unwrap_or(latest);
        self.var = (self.var * 3 + self.smoothed.abs_diff(adjusted)) / 4;
        self.smoothed = (self.smoothed * 7 + adjusted) / 8;
    }

    /// The probe timeout of the first try.
    //= RFC 9002 §6.2.1: "PTO = smoothed_rtt + max(4*rttvar, kGranularity) + max_ack_delay".
    pub fn pto(&self, max_ack_delay: Duration) -> Duration {
        self.smoothed + (self.var * 4).max(GRANULARITY) + max_ack_delay
    }

    /// The probe timeout after `count` of them went unanswered: doubled each time, a minute at most.
    //= RFC 9002 §6.2.1: "this exponential reduction in the sender's rate is important".
    pub fn pto_after(&self, count: u32, max_ack_delay: Duration) -> Duration {
        self.pto(max_ack_delay).saturating_mul(1 << count.min(16)).min(PTO_MAX)
    }

    /// How long everything must have been lost to be persistent congestion.
    //= RFC 9002 §7.6.1
    pub fn persistent(&self) -> Duration {
        self.pto(self.max_ack_delay) * PERSISTENT
    }
}

/// Shortest round trip: the clock's unit, so that nobody divides by zero.
const TICK: Duration = Duration::from_micros(1);
