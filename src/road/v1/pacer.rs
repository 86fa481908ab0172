//! When the next packet may leave: a token bucket filled at the window's rate (RFC 9002 §7.7). Owns tokens; knows neither
//! packets nor the window.
//!
//! The bucket holds what a late timer would have cost, so that a coarse clock does not cap the rate; a train (what is sent at
//! once) is smaller, so that short queues on the path see no more than a millisecond of it.

use crate::base::Time;

/// Tokens of one path.
#[derive(Debug, Clone)]
pub struct Pacer {
    /// Millionths of a byte: exact at any rate with a clock of microseconds. Below zero after a train larger than the rest.
    tokens: i64,
    filled_at: Time,
    /// Bytes per second last told.
    rate: u64,
    mtu: u64,
}

/// Packets the bucket holds at least.
//= RFC 9002 §7.7: bursts are limited "to the initial congestion window", ten packets (§7.2).
const BURST: u64 = 10;
/// The bucket holds this long of the rate, microseconds: twice the granularity of the shell's timers.
const DEPTH_US: u64 = 2000;
/// A train is this long of the rate, microseconds.
//= draft-ietf-ccwg-bbr §5.6.3: BBR.send_quantum is 1 ms of the pacing rate, two packets at least, 64 KB at most.
const TRAIN_US: u64 = 1000;
/// Bytes of the longest train: one GSO send.
pub const TRAIN_MAX: u64 = 65_536;
/// Longest time credited at once, microseconds; the bucket is full long before.
const REFILL_MAX_US: u64 = 1_000_000;
const MICRO: u64 = 1_000_000;

impl Pacer {
    /// A full bucket.
    pub fn new(now: Time) -> Self {
        let mut pacer = Self { tokens: 0, filled_at: now, rate: 0, mtu: 1200 };
        pacer.tokens = pacer.depth();
        pacer
    }

    /// Packets are this large now, bytes. A bucket that was full stays so: on a path of large packets a first small
    /// message would wait for the room of a whole one.
    pub fn on_mtu(&mut self, mtu: u32) {
        let missing = self.depth().saturating_sub(self.tokens);
        self.mtu = u64::from(mtu).max(1);
        self.tokens = self.depth().saturating_sub(missing);
    }

    /// Bytes to send at once: a train for one system call.
    pub fn quantum(&self) -> u64 {
        let millisecond = self.rate / MICRO.div_ceil(TRAIN_US);
        millisecond.clamp((2 * self.mtu).min(TRAIN_MAX), TRAIN_MAX).max(self.mtu)
    }

    /// Whether `bytes` may leave now at `rate` (bytes per second), else when a train may.
    pub fn ready(&mut self, now: Time, rate: u64, bytes: u64) -> Result<(), Time> {
        // Time before now was paced at the old rate.
        self.fill(now);
        self.rate = rate.max(1);
        self.tokens = self.tokens.min(self.depth());
        let need = micro(bytes).min(self.depth());
        if self.tokens >= need {
            return Ok(());
        }
        let train = need.max(micro(self.quantum()).min(self.depth()));
        let missing = train.saturating_sub(self.tokens).unsigned_abs();
        Err(Time(now.0.saturating_add(missing.div_ceil(self.rate).max(1))))
    }

    /// `bytes` left.
    pub fn on_sent(&mut self, bytes: u64) {
        self.tokens = self.tokens.saturating_sub(micro(bytes));
    }

    fn fill(&mut self, now: Time) {
        let elapsed = now.0.saturating_sub(self.filled_at.0).min(REFILL_MAX_US);
        self.filled_at = self.filled_at.max(now);
        let gained = i64::try_from(self.rate.saturating_mul(elapsed)).unwrap_or(i64::MAX);
        self.tokens = self.tokens.saturating_add(gained).min(self.depth());
    }

    fn depth(&self) -> i64 {
        let late = i64::try_from(self.rate.saturating_mul(DEPTH_US)).unwrap_or(i64::MAX);
        late.max(micro(BURST * self.mtu))
    }
}

fn micro(bytes: u64) -> i64 {
    i64::try_from(bytes.saturating_mul(MICRO)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the rate and however late the timers: never more than the rate and a burst, and all of it when asked for.
        #[test]
        fn keeps_the_rate(rate in 20_000u64..2_000_000_000, mtu in 1200u32..9000, late in 0u64..1000, seed in any::<u64>()) {
            let mut random = crate::base::Random::from_number(seed);
            let mut pacer = Pacer::new(Time::ZERO);
            pacer.on_mtu(mtu);
            let (mut now, mut sent) = (Time::ZERO, 0u64);
            while now < Time(1_000_000) && sent < 40_000 * u64::from(mtu) {
                match pacer.ready(now, rate, mtu.into()) {
                    Ok(()) => {
                        pacer.on_sent(mtu.into());
                        sent += u64::from(mtu);
                    }
                    Err(at) => {
                        prop_assert!(at > now);
                        prop_assert_eq!(pacer.ready(at, rate, mtu.into()), Ok(()));
                        now = Time(at.0 + random.below(late + 1));
                    }
                }
                let most = rate as u128 * u128::from(now.0) / 1_000_000 + u128::from(rate * DEPTH_US / MICRO) + 10 * 9000 + 9000;
                prop_assert!(u128::from(sent) <= most, "{} of {} at {:?}", sent, most, now);
            }
            // The last wait may have filled the bucket.
            let whole = rate as u128 * u128::from(now.0) / 1_000_000;
            let full = u128::from(rate * DEPTH_US / MICRO) + 10 * u128::from(mtu);
            prop_assert!(u128::from(sent) + full >= whole);
        }
    }

    #[test]
    fn a_full_bucket_stays_full_when_packets_grow() {
        let mut pacer = Pacer::new(Time::ZERO);
        pacer.on_sent(1000);
        pacer.on_mtu(60_000);
        pacer.on_sent(9 * 60_000);
        assert_eq!(pacer.ready(Time::ZERO, 1_000_000, 59_000), Ok(()));
        assert!(pacer.ready(Time::ZERO, 1_000_000, 60_000).is_err());
    }

    #[test]
    fn trains_are_a_millisecond_long() {
        let mut pacer = Pacer::new(Time::ZERO);
        for (rate, quantum) in [(100_000, 2400), (10_000_000, 10_000), (u64::MAX, TRAIN_MAX)] {
            assert_eq!(pacer.ready(Time::ZERO, rate, 1200), Ok(()));
            assert_eq!(pacer.quantum(), quantum);
        }
        pacer.on_mtu(65_487);
        assert_eq!(pacer.quantum(), TRAIN_MAX);
        // More than the bucket holds leaves when it is full, and is paid for afterwards.
        let mut pacer = Pacer::new(Time::ZERO);
        assert_eq!(pacer.ready(Time::ZERO, 1_000_000, 40_000), Ok(()));
        pacer.on_sent(40_000);
        assert_eq!(pacer.ready(Time::ZERO, 1_000_000, 1000), Err(Time(28_000 + 2400)));
    }
}
