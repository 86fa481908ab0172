//! The replay window: which packet numbers have been taken, as a ring of bits under the largest (RFC 6479).

/// Taken packet numbers. Numbers too far below the largest count as taken.
#[derive(Debug, Clone)]
pub struct Seen {
    largest: Option<u64>,
    words: [u64; WORDS],
}

/// Words of the ring: a power of two. One word is always being cleared ahead, the others remember.
const WORDS: usize = 32;
/// How far below the largest a number may be and still be new; four times the reordering we promise to stand (500).
pub const WINDOW: u64 = (WORDS as u64 - 1) * 64;

impl Seen {
    /// Nothing taken.
    pub fn new() -> Self {
        Self { largest: None, words: [0; WORDS] }
    }

    /// The largest number taken.
    pub fn largest(&self) -> Option<u64> {
        self.largest
    }

    /// Whether `number` was not taken yet; asked before a packet is opened, changes nothing.
    pub fn is_new(&self, number: u64) -> bool {
        match self.largest {
            Some(largest) if number <= largest => {
                largest - number < WINDOW && self.words.get(slot(number)).is_some_and(|word| word & bit(number) == 0)
            }
            _ => true,
        }
    }

    /// Takes `number`; says whether it was new. Only for packets that have authenticated.
    pub fn admit(&mut self, number: u64) -> bool {
        if !self.is_new(number) {
            return false;
        }
        if self.largest.is_none_or(|largest| number > largest) {
            let fresh = number / 64 - self.largest.map_or(0, |largest| largest / 64);
            for back in 0..fresh.min(WORDS as u64) {
                if let Some(word) = self.words.get_mut(slot(number - back * 64)) {
                    *word = 0;
                }
            }
            self.largest = Some(number);
        }
        if let Some(word) = self.words.get_mut(slot(number)) {
            *word |= bit(number);
        }
        true
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self::new()
    }
}

fn slot(number: u64) -> usize {
    (number / 64 % WORDS as u64) as usize
}

fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn takes_each_number_once(
            start in 0u64..1 << 40, steps in proptest::collection::vec((0u64..5000, any::<bool>()), 1..300),
        ) {
            let (mut seen, mut model) = (Seen::new(), BTreeSet::new());
            let mut at = start;
            for (step, up) in steps {
                at = if up { at + step / 8 } else { at.saturating_sub(step) };
                let is_new = seen.is_new(at);
                let largest = model.last().copied();
                let in_window = largest.is_none_or(|largest: u64| at + WINDOW > largest);
                prop_assert_eq!(is_new, in_window && !model.contains(&at));
                prop_assert_eq!(seen.admit(at), is_new);
                prop_assert!(!seen.is_new(at) && !seen.admit(at));
                if is_new {
                    model.insert(at);
                }
                prop_assert_eq!(seen.largest(), model.last().copied());
            }
        }
    }

    #[test]
    fn reorder_by_500_is_no_replay() {
        let mut seen = Seen::new();
        for block in 0..10u64 {
            for number in (block * 500..(block + 1) * 500).rev() {
                assert!(seen.admit(number));
            }
        }
        assert!((0..5000).all(|number| !seen.admit(number)));
        assert!(seen.admit(u64::MAX) && !seen.admit(4999) && !seen.admit(u64::MAX));
    }
}
