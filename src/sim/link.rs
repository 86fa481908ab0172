//! A link as a component: what it does to a datagram is decided by its settings and a seed.

use std::time::Duration;

use crate::base::{Random, Time};

/// How a link treats datagrams. Chances are in parts per thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// One-way delay.
    pub delay: Duration,
    /// Up to this much more, evenly spread; reorders when larger than the gap between datagrams.
    pub jitter: Duration,
    /// Chance that a datagram is lost.
    pub loss: u64,
    /// Chance that it comes twice.
    pub duplicate: u64,
    /// Chance that one bit of it flips.
    pub corrupt: u64,
    /// Nothing passes.
    pub is_cut: bool,
    /// Larger datagrams are lost, bytes.
    pub mtu: usize,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(1),
            jitter: Duration::ZERO,
            loss: 0,
            duplicate: 0,
            corrupt: 0,
            is_cut: false,
            mtu: 65_535,
        }
    }
}

impl Link {
    /// What arrives of a datagram sent at `now`, and when.
    pub fn carry(&self, now: Time, random: &mut Random, datagram: &[u8]) -> Vec<(Time, Vec<u8>)> {
        let mut out = Vec::new();
        if self.is_cut || datagram.len() > self.mtu || random.below(1000) < self.loss {
            return out;
        }
        let copies = if random.below(1000) < self.duplicate { 2 } else { 1 };
        for _ in 0..copies {
            let jitter = u64::try_from(self.jitter.as_micros()).unwrap_or(u64::MAX);
            let arrival = now + self.delay + Duration::from_micros(random.below(jitter.saturating_add(1)));
            let mut bytes = datagram.to_vec();
            if random.below(1000) < self.corrupt {
                let bit = random.below(bytes.len() as u64 * 8);
                if let Some(byte) = bytes.get_mut((bit / 8) as usize) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            out.push((arrival, bytes));
        }
        out
    }
}
