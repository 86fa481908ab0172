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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn estimates_follow_rfc_9002() {
        let mut rtt = Rtt::new(None);
        assert_eq!(rtt.pto(Duration::ZERO), ms(333 * 3)); //= RFC 9002 §6.2.2: one second, nearly
        assert!(!rtt.is_sampled_before(Time(5)));
        rtt.on_sample(Time(5), ms(100), ms(20));
        assert_eq!((rtt.smoothed(), rtt.var(), rtt.min(), rtt.latest()), (ms(100), ms(50), ms(100), ms(100)));
        assert!(rtt.is_sampled_before(Time(5)) && !rtt.is_sampled_before(Time(4)));
        rtt.on_sample(Time(6), ms(140), ms(60)); // 25 ms of the delay are believed: 115 ms
        assert_eq!(rtt.var(), (ms(150) + ms(15)) / 4);
        assert_eq!(rtt.smoothed(), (ms(700) + ms(115)) / 8);
        rtt.on_sample(Time(7), ms(105), ms(10)); // would fall below the shortest: not believed
        assert_eq!(rtt.min(), ms(100));
        assert_eq!(rtt.pto_after(2, ms(25)), rtt.pto(ms(25)) * 4);
        assert_eq!(rtt.pto_after(40, ms(25)), PTO_MAX);
        assert_eq!(Rtt::new(Some(Duration::ZERO)).pto(Duration::ZERO), TICK + GRANULARITY);
    }

    proptest! {
        #[test]
        fn estimates_stay_among_samples(samples in proptest::collection::vec((1u64..10_000_000, 0u64..1 << 40), 1..50)) {
            let mut rtt = Rtt::new(None);
            for (latest, delay) in &samples {
                rtt.on_sample(Time(1), Duration::from_micros(*latest), Duration::from_micros(*delay));
            }
            let (least, most) = samples.iter().fold((u64::MAX, 0), |(a, b), (n, _)| (a.min(*n), b.max(*n)));
            prop_assert_eq!(rtt.min(), Duration::from_micros(least));
            prop_assert!(rtt.smoothed() + TICK >= rtt.min() && rtt.smoothed() <= Duration::from_micros(most));
            prop_assert!(rtt.var() <= Duration::from_micros(most));
        }
    }
}
