//! A set of numbers as half-open spans: ids that are over, bytes that arrived, bytes to send again. The highest span, where
//! nearly everything happens, lies in the value itself; the others in a tree, so that no pattern of holes makes it slow.

use std::collections::BTreeMap;

/// Disjoint spans that do not touch. Holds no heap while there is one span at most (after [`Spans::rest`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spans {
    /// Start to end of every span but the highest.
    below: BTreeMap<u64, u64>,
    /// The highest; empty only when the set is.
    top: (u64, u64),
}

impl Spans {
    pub(crate) fn is_empty(&self) -> bool {
        self.top.0 == self.top.1
    }

    pub(crate) fn contains(&self, n: u64) -> bool {
        self.around(n).is_some()
    }

    /// The lowest span.
    pub(crate) fn first(&self) -> Option<(u64, u64)> {
        match self.below.first_key_value() {
            Some((start, end)) => Some((*start, *end)),
            None => (!self.is_empty()).then_some(self.top),
        }
    }

    /// The first part of `start..end` that is not in the set.
    pub(crate) fn missing(&self, start: u64, end: u64) -> Option<(u64, u64)> {
        let start = self.around(start).map_or(start, |(_, end)| end);
        let next = if start < self.top.0 { self.after(start) } else { None };
        (start < end).then(|| (start, next.map_or(end, |next| next.min(end))))
    }

    /// Adds `start..end`; how many of them were new.
    pub(crate) fn insert(&mut self, start: u64, end: u64) -> u64 {
        let (low, high) = self.top;
        if start >= end {
            0
        } else if low == high {
            self.top = (start, end);
            end - start
        } else if start > high {
            self.below.insert(low, high);
            self.top = (start, end);
            end - start
        } else if start >= low {
            self.top.1 = high.max(end);
            end.saturating_sub(high)
        } else {
            self.insert_below(start, end)
        }
    }

    /// Takes `start..end` out.
    pub(crate) fn remove(&mut self, start: u64, end: u64) {
        if start >= end || self.is_empty() {
            return;
        }
        while let Some((low, high)) = self.below.range(..end).next_back().map(|(low, high)| (*low, *high)) {
            if high <= start {
                break;
            }
            self.below.remove(&low);
            if end < high {
                self.below.insert(end, high);
            }
            if low < start {
                self.below.insert(low, start);
                break;
            }
        }
        let (low, high) = self.top;
        if start >= high || end <= low {
            return;
        }
        self.top = match (low < start, end < high) {
            (true, true) => {
                self.below.insert(low, start);
                (end, high)
            }
            (true, false) => (low, start),
            (false, true) => (end, high),
            (false, false) => self.below.pop_last().unwrap_or_default(),
        };
    }

    /// Gives an emptied tree back.
    pub(crate) fn rest(&mut self) {
        if self.below.is_empty() {
            self.below = BTreeMap::new();
        }
    }

    /// The span `n` lies in.
    fn around(&self, n: u64) -> Option<(u64, u64)> {
        if n >= self.top.0 {
            return (n < self.top.1).then_some(self.top);
        }
        let (low, high) = self.below.range(..=n).next_back()?;
        (n < *high).then_some((*low, *high))
    }

    /// Where the next span above `n` starts.
    fn after(&self, n: u64) -> Option<u64> {
        let below = self.below.range(n..).next().map(|(low, _)| *low);
        below.or_else(|| (self.top.0 >= n && !self.is_empty()).then_some(self.top.0))
    }

    /// `start` is below the highest span.
    fn insert_below(&mut self, start: u64, end: u64) -> u64 {
        let (mut low, mut high, mut known) = (start, end, 0);
        if let Some((left, right)) = self.below.range(..=start).next_back().map(|(left, right)| (*left, *right))
            && right >= start
        {
            if right >= end {
                return 0;
            }
            known += right - start;
            low = left;
            self.below.remove(&left);
        }
        while let Some((left, right)) = self.below.range(start..=end).next().map(|(left, right)| (*left, *right)) {
            known += right.min(end) - left;
            high = high.max(right);
            self.below.remove(&left);
        }
        if high >= self.top.0 {
            known += end.min(self.top.1).saturating_sub(self.top.0);
            self.top = (low, high.max(self.top.1));
        } else {
            self.below.insert(low, high);
        }
        end - start - known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn is_a_set(steps in proptest::collection::vec((any::<bool>(), 0u64..120, 0u64..20), 0..120)) {
            let (mut spans, mut model) = (Spans::default(), BTreeSet::new());
            for (adds, start, len) in steps {
                let numbers = start..start + len;
                if adds {
                    let new = numbers.clone().filter(|n| model.insert(*n)).count() as u64;
                    prop_assert_eq!(spans.insert(start, start + len), new);
                } else {
                    numbers.clone().for_each(|n| { model.remove(&n); });
                    spans.remove(start, start + len);
                }
                prop_assert_eq!(spans.is_empty(), model.is_empty());
                prop_assert_eq!(spans.first().map(|(low, _)| low), model.first().copied());
                prop_assert!((0..150).all(|n| spans.contains(n) == model.contains(&n)));
                let all: Vec<_> = spans.below.iter().map(|(low, high)| (*low, *high)).chain([spans.top]).collect();
                prop_assert!(all.windows(2).all(|w| w[0].1 < w[1].0) && (all.len() == 1 || all.iter().all(|s| s.0 < s.1)));
                let mut holes = numbers.clone().filter(|n| !model.contains(n));
                let missing = holes.next().map(|low| (low, low + 1 + holes.zip(low + 1..).filter(|(a, b)| a == b).count() as u64));
                prop_assert_eq!(spans.missing(start, start + len), missing);
            }
        }
    }
}
