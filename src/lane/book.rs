//! A book: one message of several pages while its pages come in. Holds no more than it received; knows no sender.

use std::collections::BTreeMap;

use super::page::{Pack, Page};
use crate::base::Time;

/// What each page that waits for an earlier one is charged beside its bytes, so that empty pages are not free.
const PAGE_COST: usize = 96;

/// A message under reassembly.
#[derive(Debug)]
pub struct Book {
    /// How it is packed.
    pub pack: Pack,
    /// When a new page last came.
    pub last: Time,
    count: u16,
    /// Pages below this number are in `text`.
    next: u16,
    text: Vec<u8>,
    ahead: BTreeMap<u16, Vec<u8>>,
    ahead_bytes: usize,
}

impl Book {
    /// An empty book for the message `page` belongs to.
    pub fn new(page: &Page<'_>, now: Time) -> Self {
        let (pack, count) = (page.pack, page.count);
        Self { pack, last: now, count, next: 0, text: Vec::new(), ahead: BTreeMap::new(), ahead_bytes: 0 }
    }

    /// Whether `page` says the same of the message as the pages before it.
    pub fn fits(&self, page: &Page<'_>) -> bool {
        page.count == self.count && page.pack == self.pack
    }

    /// Takes a page in; one that is there already changes nothing.
    pub fn add(&mut self, page: &Page<'_>, now: Time) {
        if page.number < self.next || self.ahead.contains_key(&page.number) {
            return;
        }
        self.last = now;
        if page.number > self.next {
            self.ahead_bytes += page.body.len() + PAGE_COST;
            self.ahead.insert(page.number, page.body.to_vec());
            return;
        }
        self.text.extend_from_slice(page.body);
        self.next += 1;
        while let Some(body) = self.ahead.remove(&self.next) {
            self.ahead_bytes -= body.len() + PAGE_COST;
            self.text.extend_from_slice(&body);
            self.next += 1;
        }
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.text.len() + self.ahead_bytes + PAGE_COST
    }

    /// Whether every page is there.
    pub fn is_whole(&self) -> bool {
        self.next == self.count
    }

    /// The packed message of a whole book.
    pub fn into_text(self) -> Vec<u8> {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Name;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_order_and_any_duplicates(
            text in proptest::collection::vec(any::<u8>(), 1..60),
            order in proptest::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let slices: Vec<&[u8]> = text.chunks(3).collect();
            let count = slices.len() as u16;
            let page = |i: usize| Page {
                pack: Pack::Msgpack, from: Name::new("a").unwrap(), to: None, session: "0", book: 1,
                number: i as u16, count, body: slices[i],
            };
            let mut book = Book::new(&page(0), Time::ZERO);
            // At random with repeats, then each once more so that all have come.
            let all = order.iter().map(|i| i.index(slices.len())).chain((0..slices.len()).rev());
            let mut seen = std::collections::BTreeSet::new();
            for i in all {
                book.add(&page(i), Time(seen.len() as u64));
                seen.insert(i);
                let bytes: usize = seen.iter().map(|i| slices[*i].len()).sum();
                prop_assert!(book.held() <= bytes + (seen.len() + 1) * PAGE_COST);
                prop_assert_eq!(book.is_whole(), seen.len() == slices.len());
            }
            prop_assert_eq!(book.held(), text.len() + PAGE_COST);
            prop_assert_eq!(book.into_text(), text);
        }
    }
}
