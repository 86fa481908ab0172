//! A link as settings: what it does to datagrams, one way. Values only; what happens on it just now is
//! [`LinkState`](super::LinkState)'s.

use std::time::Duration;

/// How a link treats datagrams. Chances are in parts per thousand unless said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// One-way delay.
    pub delay: Duration,
    /// Up to this much more, evenly spread; reorders when larger than the gap between datagrams, unless `is_ordered`.
    pub jitter: Duration,
    /// Nothing overtakes: who would wait for less waits for the one before.
    pub is_ordered: bool,
    /// Chance that a datagram is lost.
    pub loss: u64,
    /// The same in parts per million; adds to `loss`.
    pub loss_ppm: u64,
    /// Losses that come in bursts, beside those by `loss`.
    pub burst: Option<Burst>,
    /// Chance that it comes twice.
    pub duplicate: u64,
    /// Chance that one bit of it flips.
    pub corrupt: u64,
    /// Chance that it is held back, so that those behind it overtake.
    pub reorder: u64,
    /// How long those are held back.
    pub holdback: Duration,
    /// Nothing passes.
    pub is_cut: bool,
    /// Larger datagrams are lost without a word, bytes.
    pub mtu: usize,
    /// Bits a second, heads below the datagram included; 0: without limit.
    pub rate: u64,
    /// Bytes that wait at most for a limited rate; what comes on top is dropped (drop-tail).
    pub queue: usize,
    /// Bytes that wait above which ECN-capable datagrams are marked as having met congestion.
    pub mark: usize,
    /// Bytes of heads below a datagram that count against `rate` and `queue`.
    pub overhead: usize,
}

/// Gilbert's and Elliott's two states: a good one, and a bad one in which datagrams are lost. Chances are per datagram,
/// in parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    /// Chance that the good state ends.
    pub begin: u64,
    /// Chance that the bad state ends.
    pub end: u64,
    /// Chance of loss in the bad state.
    pub loss: u64,
}

/// The direction from one host to another whose link is meant; `None`: the world's link, of all without their own.
pub type Between = Option<(usize, usize)>;

/// A change of a link at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// All of it.
    Link(Link),
    /// Bits a second; what waits in the queue leaves at this rate from now on.
    Rate(u64),
    /// One-way delay, for what leaves the queue's entrance from now on.
    Delay(Duration),
    /// Largest datagram: a black hole for those in use until now.
    Mtu(usize),
    /// Cut or healed.
    Cut(bool),
}

/// IPv4 and UDP heads.
const HEADS: usize = 20 + 8;

/// Parts per million in one part per thousand.
const PPM: u64 = 1000;

impl Default for Link {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(1),
            jitter: Duration::ZERO,
            is_ordered: false,
            loss: 0,
            loss_ppm: 0,
            burst: None,
            duplicate: 0,
            corrupt: 0,
            reorder: 0,
            holdback: Duration::ZERO,
            is_cut: false,
            mtu: 65_535,
            rate: 0,
            queue: 256 * 1024,
            mark: usize::MAX,
            overhead: HEADS,
        }
    }
}

impl Link {
    /// The chance of single losses in parts per million.
    pub fn chance_of_loss(&self) -> u64 {
        self.loss.saturating_mul(PPM).saturating_add(self.loss_ppm)
    }

    /// What is left of a million datagrams, on average, of those that leave the queue.
    pub fn share_that_passes(&self) -> u64 {
        let single = 1_000_000u64.saturating_sub(self.chance_of_loss());
        let burst = 1_000_000u64.saturating_sub(self.burst.map_or(0, |burst| burst.share()));
        single * burst / 1_000_000
    }

    /// Bytes on the way at full rate for a round trip of twice the delay; 0 without a limit.
    pub fn bandwidth_delay(&self) -> usize {
        let bits = u128::from(self.rate) * self.delay.as_micros() * 2 / 1_000_000;
        usize::try_from(bits / 8).unwrap_or(usize::MAX)
    }
}

impl Burst {
    /// Bursts of `length` datagrams on average, all lost, so that in the long run `share` of a million are.
    pub fn of(share: u64, length: u64) -> Self {
        let share = share.min(999_999);
        let end = 1_000_000 / length.max(1);
        Self { begin: (end * share / (1_000_000 - share)).min(1_000_000), end, loss: 1_000_000 }
    }

    /// Parts per million lost in the long run.
    pub fn share(&self) -> u64 {
        self.begin.saturating_mul(self.loss).checked_div(self.begin + self.end).unwrap_or(0)
    }
}

impl Step {
    /// Changes a link.
    pub(super) fn apply(self, link: &mut Link) {
        match self {
            Self::Link(whole) => *link = whole,
            Self::Rate(rate) => link.rate = rate,
            Self::Delay(delay) => link.delay = delay,
            Self::Mtu(mtu) => link.mtu = mtu,
            Self::Cut(is_cut) => link.is_cut = is_cut,
        }
    }
}
