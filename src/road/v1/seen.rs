//! The replay window: which packet numbers have been taken, as a ring of bits under the largest (RFC 6479).
//!
//! While packets come in order there is one number and no ring.

/// Taken packet numbers. Numbers too far below the largest count as taken.
#[derive(Debug, Clone)]
pub struct Seen {
    largest: Option<u64>,
    /// `None`: everything up to the largest was taken.
    words: Option<Box<Words>>,
}

type Words = [u64; WORDS];

/// Words of the ring: a power of two. One word is always being cleared ahead, the others remember.
const WORDS: usize = 32;
/// How far below the largest a number may be and still be new; four times the reordering we promise to stand (500).
pub const WINDOW: u64 = (WORDS as u64 - 1) * 64;

impl Seen {
    /// Nothing taken.
    pub fn new() -> Self {
        Self { largest: None, words: None }
    }

    /// The largest number taken.
    pub fn largest(&self) -> Option<u64> {
        self.largest
    }

    /// Whether `number` was not taken yet; asked before a packet is opened, changes nothing.
    pub fn is_new(&self, number: u64) -> bool {
        match (self.largest, &self.words) {
            (Some(largest), Some(words)) if number <= largest => {
                largest - number < WINDOW && words.get(slot(number)).is_some_and(|word| word & bit(number) == 0)
            }
            (Some(largest), None) => number > largest,
            _ => true,
        }
    }

    /// Takes `number`; says whether it was new. Only for packets that have authenticated.
    pub fn admit(&mut self, number: u64) -> bool {
        if !self.is_new(number) {
            return false;
        }
        let next = self.largest.map_or(0, |largest| largest.wrapping_add(1));
        if self.words.is_none() && number == next {
            self.largest = Some(number);
            return true;
        }
        let before = self.largest;
        let words = self.words.get_or_insert_with(|| Box::new(before.map_or([0; WORDS], all_up_to)));
        if before.is_none_or(|largest| number > largest) {
            let fresh = number / 64 - before.map_or(0, |largest| largest / 64);
            for back in 0..fresh.min(WORDS as u64) {
                if let Some(word) = words.get_mut(slot(number - back * 64)) {
                    *word = 0;
                }
            }
            self.largest = Some(number);
        }
        if let Some(word) = words.get_mut(slot(number)) {
            *word |= bit(number);
        }
        true
    }

    /// Gives memory back: what is missing below the largest number counts as taken from now on. For a session that has been
    /// quiet for longer than packets overtake each other.
    pub fn rest(&mut self) {
        if self.largest.is_some() {
            self.words = None;
        }
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self::new()
    }
}

/// The ring when everything up to `largest` was taken.
fn all_up_to(largest: u64) -> Words {
    let mut words = [u64::MAX; WORDS];
    if let Some(word) = words.get_mut(slot(largest)) {
        *word = u64::MAX >> (63 - largest % 64);
    }
    words
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
            start in prop_oneof![Just(0), 0u64..1 << 40], steps in proptest::collection::vec((0u64..5000, any::<bool>()), 1..300),
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

    proptest! {
        #[test]
        fn takes_nothing_below_a_rest(numbers in proptest::collection::vec(0u64..300, 1..100), after in 0u64..300) {
            let mut seen = Seen::new();
            let mut model = BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(seen.admit(number), model.insert(number));
            }
            seen.rest();
            let largest = *model.last().unwrap();
            prop_assert_eq!(seen.admit(after), after > largest);
            prop_assert!(!seen.admit(after) && !seen.admit(largest));
            // What was skipped after the rest is new, what was before it is not.
            prop_assert!(seen.admit(largest + 400) && seen.admit(largest + 399));
            prop_assert_eq!(seen.admit(after), false);
            prop_assert!((0..=largest).all(|number| !seen.admit(number)));
        }
    }

    #[test]
    fn in_order_it_has_no_ring() {
        let mut seen = Seen::new();
        assert!((0..5000).all(|number| seen.admit(number)));
        assert!(seen.words.is_none());
        assert!(seen.admit(5001) && seen.words.is_some() && seen.admit(5000) && !seen.admit(4999));
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
