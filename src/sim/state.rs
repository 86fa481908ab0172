//! What happens on a link just now: its queue, the mood of its bursts, and what it has done so far. Knows sizes and
//! times, never the bytes.

use std::time::Duration;

use super::link::Link;
use crate::base::{Random, Time};

/// One direction of a link at work.
#[derive(Debug, Clone, Default)]
pub struct LinkState {
    /// When the last byte of the queue leaves, nanoseconds; `Time` is too coarse for ten gigabits.
    busy: u64,
    /// What integer division has left of the last serialisation, in bits times 10^9.
    rest: u64,
    /// Gilbert's bad state.
    is_bad: bool,
    /// The latest arrival given out, for ordered links.
    latest: Time,
    counts: Counts,
}

/// What a link has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams given to the link, duplicates not counted.
    pub datagrams: u64,
    /// Their bytes with the heads below them.
    pub bytes: u64,
    /// Datagrams that went onto the wire, duplicates included.
    pub passed: u64,
    /// Their bytes with the heads below them.
    pub passed_bytes: u64,
    /// Too large, or while cut.
    pub vanished: u64,
    /// No room in the queue.
    pub dropped: u64,
    /// Lost on the wire.
    pub lost: u64,
    /// Made twice.
    pub doubled: u64,
    /// Given a flipped bit.
    pub corrupted: u64,
    /// Held back.
    pub held: u64,
    /// Marked as having met congestion.
    pub marked: u64,
    /// Time that those on the wire have waited for it, nanoseconds in all.
    pub waited: u64,
}

/// What becomes of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When it is there.
    pub at: Time,
    /// When its last byte leaves the queue, nanoseconds.
    pub(super) departs: u64,
    /// It has met congestion and carries the mark.
    pub is_marked: bool,
    /// The bit that has flipped.
    pub flipped: Option<u64>,
}

const MILLION: u64 = 1_000_000;
const NANOS: u64 = 1_000_000_000;

impl LinkState {
    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Bytes that wait at `now`, the part of the one under way that is still to leave included.
    pub fn backlog(&self, link: &Link, now: Time) -> usize {
        let bits = u128::from(self.busy.saturating_sub(nanos(now))) * u128::from(link.rate) / u128::from(NANOS);
        usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX)
    }

    /// A datagram of `size` bytes comes to the link: how many of it there are to [`pass`](Self::pass), none when it
    /// vanishes.
    pub fn take(&mut self, link: &Link, random: &mut Random, size: usize) -> u32 {
        self.counts.datagrams += 1;
        self.counts.bytes += (size + link.overhead) as u64;
        if link.is_cut || size > link.mtu {
            self.counts.vanished += 1;
            return 0;
        }
        if is_hit(random, link.duplicate, 1000) {
            self.counts.doubled += 1;
            return 2;
        }
        1
    }

    /// One datagram through queue, wire and delay; `None` when it is lost. What is lost on the wire has had its time
    /// there, as on a radio link, so that a link passes `rate` × (1 − loss) at most.
    pub fn pass(
        &mut self,
        link: &Link,
        now: Time,
        random: &mut Random,
        size: usize,
        is_capable: bool,
    ) -> Option<Arrival> {
        let (departs, is_congested) = self.serialise(link, now, size + link.overhead)?;
        self.counts.passed += 1;
        self.counts.passed_bytes += (size + link.overhead) as u64;
        if self.is_lost(link, random) {
            self.counts.lost += 1;
            return None;
        }
        let is_marked = is_capable && is_congested;
        self.counts.marked += u64::from(is_marked);
        let flipped = is_hit(random, link.corrupt, 1000).then(|| random.below(size as u64 * 8));
        self.counts.corrupted += u64::from(flipped.is_some());
        let mut at = Time(departs.div_ceil(1000)) + link.delay;
        if !link.jitter.is_zero() {
            let jitter = u64::try_from(link.jitter.as_micros()).unwrap_or(u64::MAX);
            at += Duration::from_micros(random.below(jitter.saturating_add(1)));
        }
        if is_hit(random, link.reorder, 1000) {
            self.counts.held += 1;
            at += link.holdback;
        }
        if link.is_ordered {
            at = at.max(self.latest);
        }
        self.latest = self.latest.max(at);
        Some(Arrival { at, departs, is_marked, flipped })
    }

    /// The rate changes: what waits leaves at the new one.
    pub(super) fn on_rate(&mut self, now: Time, old: u64, new: u64) {
        self.busy = rescale(self.busy, nanos(now), old, new);
        self.rest = 0;
    }

    /// When the last byte leaves, and whether the datagram found the queue above the mark; `None`: no room.
    fn serialise(&mut self, link: &Link, now: Time, size: usize) -> Option<(u64, bool)> {
        let now_nanos = nanos(now);
        if link.rate == 0 {
            return Some((now_nanos, false));
        }
        let backlog = self.backlog(link, now);
        // Whatever the queue's size, an idle wire takes the next one.
        if backlog > 0 && backlog.saturating_add(size) > link.queue {
            self.counts.dropped += 1;
            return None;
        }
        if self.busy <= now_nanos {
            (self.busy, self.rest) = (now_nanos, 0);
        }
        self.counts.waited += self.busy - now_nanos;
        let work = (size as u64).saturating_mul(8 * NANOS).saturating_add(self.rest);
        self.busy = self.busy.saturating_add(work / link.rate);
        self.rest = work % link.rate;
        Some((self.busy, backlog > link.mark))
    }

    fn is_lost(&mut self, link: &Link, random: &mut Random) -> bool {
        let mut is_lost = false;
        if let Some(burst) = link.burst {
            // The state is left or kept before the datagram meets it.
            let chance = if self.is_bad { burst.end } else { burst.begin };
            self.is_bad ^= is_hit(random, chance, MILLION);
            is_lost = self.is_bad && is_hit(random, burst.loss, MILLION);
        }
        is_lost || is_hit(random, link.chance_of_loss(), MILLION)
    }
}

impl Counts {
    /// How long those on the wire waited for it, on average.
    pub fn mean_wait(&self) -> Duration {
        Duration::from_nanos(self.waited / self.passed.max(1))
    }
}

/// A departure at the old rate, moved to the new one. Without a limit there is nothing to wait for.
pub(super) fn rescale(departs: u64, now: u64, old: u64, new: u64) -> u64 {
    let left = departs.saturating_sub(now);
    if left == 0 || old == 0 || new == 0 {
        return departs.min(now);
    }
    let left = u128::from(left) * u128::from(old) / u128::from(new);
    now.saturating_add(u64::try_from(left).unwrap_or(u64::MAX))
}

/// A time in nanoseconds.
pub(super) fn nanos(time: Time) -> u64 {
    time.0.saturating_mul(1000)
}

fn is_hit(random: &mut Random, chance: u64, of: u64) -> bool {
    chance > 0 && random.below(of) < chance
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
