//! How many packets of messages may be unconfirmed towards one estate. Owns that number and what it was learnt from.
//!
//! raet 0.6.8 empties its socket once in a round of its loop, a tenth of a second in a Salt minion, so that what fits the
//! socket's buffer is what a round carries: 92 packets with Linux's default, more where an operator made room. Nobody says
//! how much it is; it is found by sending a little more until something is lost, and remembered.

use crate::road::config::FLIGHT;

/// Four times what the default buffer holds is two to three megabytes a second, as much as Python takes.
const MOST: u32 = 384;
/// Confirmed packets for each one more, well below what was too much: a second from the start to the default buffer.
const QUICK: u32 = 16;
/// And near it: half a minute of full rounds until it is too much again, for what is lost costs a round.
const SLOW: u32 = 4000;

/// The number, at least [`FLIGHT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Burst {
    limit: u32,
    /// The least that was too much.
    ceiling: u32,
    /// Packets confirmed towards the next one more.
    confirmed: u32,
    /// Packets of the round in which something was lost that are not confirmed yet: they tell nothing new.
    echo: u32,
}

impl Default for Burst {
    fn default() -> Self {
        Self { limit: FLIGHT, ceiling: u32::MAX, confirmed: 0, echo: 0 }
    }
}

impl Burst {
    /// Packets that may be unconfirmed.
    pub(super) fn limit(self) -> u32 {
        self.limit
    }

    /// So many more packets are confirmed; `was_full`: there were as many on their way as might be.
    pub(super) fn on_confirmed(&mut self, count: u32, was_full: bool) {
        if self.echo > 0 {
            self.echo = self.echo.saturating_sub(count);
            return;
        }
        if !was_full {
            return;
        }
        self.confirmed += count.min(MOST);
        let step = if self.limit.saturating_mul(20) < self.ceiling.saturating_mul(19) { QUICK } else { SLOW };
        if self.confirmed >= step {
            self.limit = self.limit.saturating_add(self.confirmed / step).min(MOST);
            self.confirmed %= step;
        }
    }

    /// So many packets are missing on the far side.
    pub(super) fn on_missed(&mut self, count: u32) {
        if self.echo > 0 || count == 0 {
            return;
        }
        self.ceiling = self.limit.saturating_sub(count).max(FLIGHT);
        self.echo = self.limit;
        self.confirmed = 0;
        self.limit = (self.ceiling / 20 * 19).max(FLIGHT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rounds against a buffer of `room` packets: how many packets arrived, and how many were lost.
    fn rounds(burst: &mut Burst, room: u32, rounds: u32) -> (u32, u32) {
        let (mut arrived, mut lost) = (0, 0);
        for _ in 0..rounds {
            let sent = burst.limit();
            let missed = sent.saturating_sub(room);
            (arrived, lost) = (arrived + sent - missed, lost + missed);
            burst.on_missed(missed);
            burst.on_confirmed(sent, true);
        }
        (arrived, lost)
    }

    #[test]
    fn a_default_buffer_is_filled_and_hardly_ever_overrun() {
        let mut burst = Burst::default();
        rounds(&mut burst, 92, 20);
        let (arrived, lost) = rounds(&mut burst, 92, 1000);
        assert!(arrived > 84 * 1000 && lost < 100, "{arrived} {lost}");
    }

    #[test]
    fn more_room_is_found_and_less_is_no_worse_than_ever() {
        let mut burst = Burst::default();
        rounds(&mut burst, 300, 100);
        assert!(burst.limit() > 270, "{burst:?}");
        rounds(&mut burst, 50, 100);
        assert_eq!(burst.limit(), FLIGHT);
        let mut idle = Burst::default();
        (0..1000).for_each(|_| idle.on_confirmed(10, false));
        assert_eq!(idle, Burst::default(), "who sends little learns nothing");
    }

    proptest! {
        #[test]
        fn stays_within_its_bounds(steps in proptest::collection::vec((any::<u32>(), any::<Option<bool>>()), 0..200)) {
            let mut burst = Burst::default();
            for (count, what) in steps {
                match what {
                    Some(was_full) => burst.on_confirmed(count, was_full),
                    None => burst.on_missed(count),
                }
                prop_assert!((FLIGHT..=MOST).contains(&burst.limit()), "{burst:?}");
            }
        }
    }
}
