//! One direction of an emulated link, sans-IO: packets and the time in, packets and deadlines out, chance from a seed.
//!
//! A packet waits for the wire behind those before it (or is dropped when the queue is full), takes its time on the wire,
//! may be lost there, and arrives after the delay. It owns no socket and reads no clock; times are nanoseconds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use roadstead::base::Random;

use super::{Loss, Spec};

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It will arrive.
    Carried,
    /// The queue was full.
    Full,
    /// Lost on the wire.
    Lost,
}

/// One direction of a link.
pub(crate) struct Link {
    spec: Spec,
    random: Random,
    /// When the wire has carried everything accepted so far.
    free_at: u64,
    /// Latest arrival so far, held-back packets aside: jitter keeps the order.
    latest: u64,
    in_burst: bool,
    /// Arrival, order, slot.
    flying: BinaryHeap<Reverse<(u64, u64, usize)>>,
    order: u64,
    slots: Vec<Vec<u8>>,
    vacant: Vec<usize>,
}

impl Link {
    /// A link whose chances come from `seed`.
    pub(crate) fn new(spec: Spec, seed: u64) -> Self {
        Self {
            spec,
            random: Random::from_number(seed),
            free_at: 0,
            latest: 0,
            in_burst: false,
            flying: BinaryHeap::new(),
            order: 0,
            slots: Vec::new(),
            vacant: Vec::new(),
        }
    }

    /// Takes a packet that counts as `packet.len() + extra` bytes on the wire.
    pub(crate) fn push(&mut self, now: u64, packet: &[u8], extra: usize) -> Fate {
        let wire = |bytes: u64| bytes.saturating_mul(8_000_000_000).checked_div(self.spec.rate).unwrap_or(0);
        let size = (packet.len() + extra) as u64;
        // What waits is what the wire still needs time for.
        if self.spec.rate > 0 && self.free_at.saturating_sub(now) + wire(size) > wire(self.spec.queue.max(size)) {
            return Fate::Full;
        }
        self.free_at = self.free_at.max(now) + wire(size);
        if self.lost() {
            return Fate::Lost;
        }
        let jitter = self.random.below(self.spec.jitter * 1_000 + 1);
        let mut at = (self.free_at + self.spec.delay * 1_000 + jitter).max(self.latest);
        if self.chance(self.spec.reorder) {
            let most = self.spec.reorder_by * 1_000;
            at += most / 5 + self.random.below(most - most / 5 + 1);
        } else {
            self.latest = at;
        }
        self.fly(at, packet);
        if self.chance(self.spec.duplicate) {
            self.fly(at, packet);
        }
        Fate::Carried
    }

    /// The next packet due by `now`, swapped into `into`; returns when it was due.
    pub(crate) fn pop(&mut self, now: u64, into: &mut Vec<u8>) -> Option<u64> {
        if self.deadline()? > now {
            return None;
        }
        let Reverse((at, _, slot)) = self.flying.pop()?;
        std::mem::swap(into, self.slots.get_mut(slot)?);
        self.vacant.push(slot);
        Some(at)
    }

    /// When the next packet arrives.
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.flying.peek().map(|Reverse((at, ..))| *at)
    }

    fn fly(&mut self, at: u64, packet: &[u8]) {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.slots.push(Vec::new());
            self.slots.len() - 1
        });
        if let Some(bytes) = self.slots.get_mut(slot) {
            bytes.clear();
            bytes.extend_from_slice(packet);
        }
        self.order += 1;
        self.flying.push(Reverse((at, self.order, slot)));
    }

    fn lost(&mut self) -> bool {
        match self.spec.loss {
            Loss::Random(share) => self.chance(share),
            Loss::Bursts { average, length } => {
                // The bad state is left with 1/length and entered so often that its share of packets is the average.
                let leave = 1.0 / length;
                let turn = if self.in_burst { leave } else { leave * average / (1.0 - average) };
                self.in_burst ^= self.chance(turn);
                self.in_burst
            }
        }
    }

    fn chance(&mut self, share: f64) -> bool {
        // No draw for what cannot happen: one fault's chances do not shift another's.
        share > 0.0 && (self.random.number() >> 11) as f64 / (1u64 << 53) as f64 <= share
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
