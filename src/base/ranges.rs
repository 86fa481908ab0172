//! A set of numbers that are mostly consecutive, in bounded memory: which transactions of a session are over.

/// Sorted, disjoint, inclusive ranges. At most `cap` of them: beyond that the lowest gap is closed, which errs towards "contained".
#[derive(Debug, Clone)]
pub struct Ranges {
    ranges: Vec<(u64, u64)>,
    cap: usize,
}

impl Ranges {
    /// An empty set of at most `cap` ranges (at least 1).
    pub fn new(cap: usize) -> Self {
        Self { ranges: Vec::new(), cap: cap.max(1) }
    }

    /// Whether `n` is in the set.
    pub fn contains(&self, n: u64) -> bool {
        let at = self.ranges.partition_point(|(_, high)| *high < n);
        self.ranges.get(at).is_some_and(|(low, _)| *low <= n)
    }

    /// Adds `n`; says whether it was new.
    pub fn insert(&mut self, n: u64) -> bool {
        let at = self.ranges.partition_point(|(_, high)| *high < n);
        if self.ranges.get(at).is_some_and(|(low, _)| *low <= n) {
            return false;
        }
        let joins_left = at.checked_sub(1).filter(|l| self.ranges.get(*l).is_some_and(|(_, high)| high + 1 == n));
        let joins_right = self.ranges.get(at).is_some_and(|(low, _)| *low == n + 1);
        match (joins_left, joins_right) {
            (Some(left), true) => {
                let (_, high) = self.ranges.remove(at);
                self.stretch(left, None, Some(high));
            }
            (Some(left), false) => self.stretch(left, None, Some(n)),
            (None, true) => self.stretch(at, Some(n), None),
            (None, false) => self.ranges.insert(at, (n, n)),
        }
        if self.ranges.len() > self.cap {
            let (low, _) = self.ranges.remove(0);
            self.stretch(0, Some(low), None);
        }
        true
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.ranges = Vec::new();
    }

    fn stretch(&mut self, at: usize, low: Option<u64>, high: Option<u64>) {
        if let Some(range) = self.ranges.get_mut(at) {
            *range = (low.unwrap_or(range.0), high.unwrap_or(range.1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn is_a_set(numbers in proptest::collection::vec(0u64..200, 0..300)) {
            let (mut ranges, mut model) = (Ranges::new(1000), BTreeSet::new());
            for n in numbers {
                prop_assert_eq!(ranges.contains(n), model.contains(&n));
                prop_assert_eq!(ranges.insert(n), model.insert(n));
                prop_assert!(ranges.ranges.windows(2).all(|w| w[0].1 + 1 < w[1].0));
            }
        }

        #[test]
        fn bounded_and_never_forgets(numbers in proptest::collection::vec(0u64..10_000, 0..300)) {
            let mut ranges = Ranges::new(4);
            for (i, n) in numbers.iter().enumerate() {
                ranges.insert(*n);
                prop_assert!(ranges.ranges.len() <= 4);
                prop_assert!(numbers[..=i].iter().all(|n| ranges.contains(*n)));
            }
        }
    }
}
