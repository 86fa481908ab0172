//! HyStart++ (RFC 9406): leaves slow start when the RTT rises, before anything is lost. Owns the RTTs of this round and
//! the last; never the window.

use std::time::Duration;

/// The least and the most rise of the RTT that counts, by RFC 9406 §4.3.
const MIN_RISE: Duration = Duration::from_millis(4);
const MAX_RISE: Duration = Duration::from_millis(16);
/// Between them, this part of the last round's RTT (`MIN_RTT_DIVISOR`).
const RISE_DIVISOR: u32 = 8;
/// Samples a round must have to be believed (`N_RTT_SAMPLE`).
const SAMPLES: u32 = 8;
/// How much slower conservative slow start grows (`CSS_GROWTH_DIVISOR`).
const SLOWER: u64 = 4;
/// Rounds it lasts (`CSS_ROUNDS`).
const ROUNDS: u32 = 5;

/// Watches the RTT during slow start.
#[derive(Debug, Default)]
pub(super) struct HyStart {
    /// Smallest RTT of the last round, of this one, and the samples in it.
    last: Option<Duration>,
    round: Option<Duration>,
    samples: u32,
    /// Newest packet sent when this round began; its ACK ends the round.
    round_end: u64,
    /// While conservative: the RTT at which that began, and the rounds left.
    conservative: Option<(Duration, u32)>,
}

impl HyStart {
    /// An RTT sample came with the ACK of packet `acked`; `sent` is the newest packet sent. True when slow start is over.
    pub(super) fn on_sample(&mut self, sample: Duration, acked: u64, sent: u64) -> bool {
        if acked > self.round_end && self.end_round(sent) {
            return true;
        }
        self.samples += 1;
        let round = self.round.map_or(sample, |round| round.min(sample));
        self.round = Some(round);
        if self.samples < SAMPLES {
            return false;
        }
        match (self.conservative, self.last) {
            //= RFC 9406 §4.2: the rise was none, slow start goes on
            (Some((baseline, _)), _) if round < baseline => self.conservative = None,
            (None, Some(last)) if round >= last + (last / RISE_DIVISOR).clamp(MIN_RISE, MAX_RISE) => {
                self.conservative = Some((round, ROUNDS));
            }
            _ => {}
        }
        false
    }

    /// Growth for `acked` bytes.
    pub(super) fn growth(&self, acked: u64) -> u64 {
        //= RFC 9406 §4.3: L is infinite for a paced sender
        if self.conservative.is_some() { acked / SLOWER } else { acked }
    }

    fn end_round(&mut self, sent: u64) -> bool {
        self.round_end = sent;
        self.last = self.round.take().or(self.last);
        self.samples = 0;
        let Some((_, rounds)) = &mut self.conservative else { return false };
        *rounds -= 1;
        *rounds == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(hystart: &mut HyStart, number: u64, micros: u64) -> bool {
        (0..10).any(|i| hystart.on_sample(Duration::from_micros(micros), number * 10 + i, number * 10 + 10))
    }

    #[test]
    fn a_risen_rtt_ends_slow_start_after_five_slower_rounds() {
        let mut hystart = HyStart::default();
        assert!(!round(&mut hystart, 0, 40_000) && !round(&mut hystart, 1, 40_500));
        assert_eq!(hystart.growth(4_000), 4_000);
        assert!(!round(&mut hystart, 2, 46_000));
        assert_eq!(hystart.growth(4_000), 1_000);
        assert_eq!((3..20).find(|&n| round(&mut hystart, n, 46_000)), Some(7));
    }

    #[test]
    fn a_rise_that_goes_away_is_forgiven() {
        let mut hystart = HyStart::default();
        for (number, micros) in [(0, 40_000), (1, 46_000), (2, 40_000)] {
            assert!(!round(&mut hystart, number, micros));
        }
        assert_eq!(hystart.growth(4_000), 4_000);
    }

    #[test]
    fn few_samples_prove_nothing() {
        let mut hystart = HyStart::default();
        for number in 0..100 {
            assert!(!hystart.on_sample(Duration::from_millis(10 + number), number, number));
        }
        assert_eq!(hystart.growth(1), 1);
    }
}
