//! When a packet is lost: RFC 9002 §6.1 with thresholds that learn the path's reordering (after RFC 8985 §6.2). Owns the
//! thresholds; knows no packet.
//!
//! To begin with a packet is lost when one three numbers later arrived, or after 9/8 of a round trip. Once a packet arrived
//! late, counting proves nothing and only time does: the reordering window grows until late packets are no longer lost.
//! After sixteen rounds without reordering it forgets, a step at a time.

use std::time::Duration;

use super::rtt::{GRANULARITY, Rtt};

/// Thresholds of one path.
#[derive(Debug, Clone)]
pub struct Loss {
    /// Reordering was seen lately: time alone decides.
    is_reordering: bool,
    /// Packets that may overtake one before it is lost, while counting decides.
    packets: u64,
    /// The farthest a packet was overtaken, in numbers, since counting was given up.
    distance: u64,
    /// The reordering window, quarters of the shortest round trip.
    quarters: u32,
    /// The round ends when this number is acknowledged.
    round_end: u64,
    /// A packet came late in this round.
    is_round_dirty: bool,
    /// A packet was wrongly declared lost in this round.
    is_round_spurious: bool,
    /// Rounds in a row without a late packet.
    clean: u32,
}

/// Packets that may overtake one.
//= RFC 9002 §6.1.1: "RECOMMENDED initial value for the packet reordering threshold (kPacketThreshold) is 3".
const PACKETS: u64 = 3;
/// Rounds after which what was learned about reordering is doubted.
//= RFC 8985 §6.2 step 4: RACK.reo_wnd_persist is 16.
const ROUNDS: u32 = 16;
/// Longest reordering distance believed, packets; farther ones are seen to by time.
const DISTANCE_MAX: u64 = 1000;

impl Loss {
    /// A path nothing is known of.
    pub fn new() -> Self {
        Self {
            is_reordering: false,
            packets: PACKETS,
            distance: 0,
            quarters: 0,
            round_end: 0,
            is_round_dirty: false,
            is_round_spurious: false,
            clean: 0,
        }
    }

    /// How many numbers later an arrival proves a loss; `None` while the path reorders and only time does.
    pub fn packet_threshold(&self) -> Option<u64> {
        (!self.is_reordering).then_some(self.packets)
    }

    /// How long after it was sent a packet is lost, once a later one arrived.
    pub fn delay(&self, rtt: &Rtt) -> Duration {
        //= RFC 9002 §6.1.2: "max(kTimeThreshold * max(smoothed_rtt, latest_rtt), kGranularity)", kTimeThreshold 9/8.
        let base = rtt.smoothed().max(rtt.latest());
        //= RFC 8985 §6.2 step 4: "RACK.reo_wnd = min(RACK.reo_wnd_mult * RACK.min_RTT / 4, SRTT)".
        let window = (rtt.min() / 4 * self.quarters).min(rtt.smoothed());
        (base + window.max(base / 8)).max(GRANULARITY)
    }

    /// A packet arrived although one `distance` numbers later had arrived before.
    pub fn on_reordered(&mut self, distance: u64) {
        self.distance = self.distance.max(distance.min(DISTANCE_MAX));
        self.quarters = self.quarters.max(1);
        (self.is_reordering, self.is_round_dirty, self.clean) = (true, true, 0);
    }

    /// A packet declared lost was acknowledged `age` after it was sent: the window grows to what would have spared it, and by
    /// a quarter of the shortest round trip at least once in a round.
    //= RFC 8985 §6.2 step 4: the window grows with each round that shows a spurious retransmission.
    pub fn on_spurious(&mut self, distance: u64, age: Duration, rtt: &Rtt) {
        let is_first = !self.is_round_spurious;
        self.on_reordered(distance);
        self.is_round_spurious = true;
        let quarter = (rtt.min() / 4).as_micros().max(1);
        let quarters = |length: Duration| u32::try_from(length.as_micros().div_ceil(quarter)).unwrap_or(u32::MAX);
        let needed = quarters(age.saturating_sub(rtt.smoothed().max(rtt.latest())));
        let grown = self.quarters.saturating_add(u32::from(is_first));
        self.quarters = needed.max(grown).min(quarters(rtt.smoothed()));
    }

    /// `largest` is acknowledged and `next` is the next number to be sent: rounds are counted by it.
    pub fn on_acked(&mut self, largest: u64, next: u64) {
        if largest < self.round_end {
            return;
        }
        self.round_end = next;
        self.clean = if self.is_round_dirty { 0 } else { self.clean + 1 };
        (self.is_round_dirty, self.is_round_spurious) = (false, false);
        if self.clean < ROUNDS {
            return;
        }
        self.clean = 0;
        self.quarters /= 2;
        if self.is_reordering {
            (self.is_reordering, self.packets) = (false, (self.distance + 1).max(PACKETS));
        } else {
            self.packets = (self.packets / 2).max(PACKETS);
        }
        self.distance = 0;
    }
}

impl Default for Loss {
    fn default() -> Self {
        Self::new()
    }
}
