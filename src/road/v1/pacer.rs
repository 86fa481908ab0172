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

    /// Packets are this large now, bytes.
    pub fn on_mtu(&mut self, mtu: u32) {
        self.mtu = u64::from(mtu).max(1);
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
