//! The body of one message coming together. Memory follows what arrived, not what was announced: the front grows with the
//! bytes that came in order, a quarter of a megabyte ahead of them at most, pieces beyond a gap wait as runs of their own and are copied to the front once.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

/// What of a body is there.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    /// Bytes handed over already; a stream's.
    given: u64,
    /// What follows them without a gap.
    front: BytesMut,
    /// Runs beyond the first gap, by where they start; none of them overlap.
    runs: BTreeMap<u64, Vec<u8>>,
    /// Bytes in `runs`.
    beyond: usize,
}

/// A buffer of an announced length is made so long at once, untouched; beyond that it grows fourfold.
const AHEAD: usize = 256 << 10;

impl Assembly {
    /// Where the first gap is.
    pub(super) fn end(&self) -> u64 {
        self.given + self.front.len() as u64
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.front.len() + self.beyond
    }

    /// Runs beyond the first gap.
    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Bytes handed over.
    #[cfg(test)]
    fn given(&self) -> u64 {
        self.given
    }

    /// Whether a buffer for the body would be of use.
    pub(super) fn wants_buffer(&self) -> bool {
        self.front.capacity() == 0
    }

    /// An empty buffer that has room for the whole body.
    pub(super) fn adopt(&mut self, buffer: BytesMut) {
        self.front = buffer;
    }

    /// Adds a piece of a body of `total` bytes, if that is known; what was there stays as it was.
    pub(super) fn insert(&mut self, offset: u64, data: &[u8], total: Option<u64>) {
        let Some(new) = self.in_order(offset, data) else { return self.insert_run(offset, data) };
        self.extend(new, total);
        while let Some((run, seen)) = self.next_run() {
            self.extend(run.get(seen..).unwrap_or_default(), total);
        }
    }

    fn extend(&mut self, new: &[u8], total: Option<u64>) {
        if let Some(room) = grown(self.front.len(), self.front.capacity(), new.len(), total) {
            self.front.reserve(room - self.front.len());
        }
        self.front.extend_from_slice(new);
    }

    /// The part of a piece that moves the first gap; `None` when it lies beyond the gap.
    pub(super) fn in_order<'a>(&self, offset: u64, data: &'a [u8]) -> Option<&'a [u8]> {
        let known = usize::try_from(self.end().checked_sub(offset)?).ok()?;
        Some(data.get(known..).unwrap_or_default())
    }

    /// Counts bytes as handed over that never lay here.
    pub(super) fn pass(&mut self, bytes: usize) {
        self.given += bytes as u64;
    }

    /// The next bytes that are in order, to be handed over.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let piece = if self.front.is_empty() {
            let (run, seen) = self.next_run()?;
            Bytes::from(run).slice(seen..)
        } else {
            std::mem::take(&mut self.front).freeze()
        };
        self.pass(piece.len());
        Some(piece)
    }

    /// The whole body, once nothing is missing.
    pub(super) fn into_body(self) -> BytesMut {
        self.front
    }

    /// The first run if it reaches beyond the gap that was, and how much of it is known; forgets runs that do not.
    fn next_run(&mut self) -> Option<(Vec<u8>, usize)> {
        loop {
            let first = self.runs.first_entry()?;
            let seen = usize::try_from((self.given + self.front.len() as u64).checked_sub(*first.key())?).ok()?;
            let run = first.remove();
            self.beyond -= run.len();
            if seen < run.len() {
                return Some((run, seen));
            }
        }
    }

    fn insert_run(&mut self, offset: u64, data: &[u8]) {
        let (mut at, end) = (offset, offset + data.len() as u64);
        while at < end {
            let known = self.runs.range(..=at).next_back().map(|(start, run)| (*start, start + run.len() as u64));
            if let Some((_, to)) = known
                && to > at
            {
                at = to;
                continue;
            }
            let to = self.runs.range(at..).next().map_or(end, |(start, _)| end.min(*start));
            let new = data.get((at - offset) as usize..(to - offset) as usize).unwrap_or_default();
            let start = known.filter(|(_, to)| *to == at).map_or(at, |(start, _)| start);
            let run = self.runs.entry(start).or_default();
            if let Some(room) = grown(run.len(), run.capacity(), new.len(), None) {
                run.reserve_exact(room - run.len());
            }
            run.extend_from_slice(new);
            self.beyond += new.len();
            at = to;
        }
    }
}

/// The room a buffer needs for `more` bytes, ahead of need by what is there already; `None` when it has it.
fn grown(len: usize, capacity: usize, more: usize, total: Option<u64>) -> Option<usize> {
    let need = len + more;
    let room = match total.and_then(|total| usize::try_from(total).ok()) {
        Some(total) => total.min(AHEAD.max(need * 4)),
        None => need * 4,
    };
    (need > capacity).then_some(room.max(need))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body() -> Vec<u8> {
        (0..600u32).map(|n| (n * 7 % 251) as u8).collect()
    }

    proptest! {
        #[test]
        fn comes_together_in_any_order(pieces in proptest::collection::vec((0usize..600, 0usize..90), 0..80)) {
            let (body, mut assembly, mut there) = (body(), Assembly::default(), vec![false; 600]);
            for (at, len) in pieces.into_iter().chain([(0, 600)]) {
                let to = (at + len).min(600);
                assembly.insert(at as u64, &body[at..to], Some(600));
                there[at..to].fill(true);
                prop_assert_eq!(assembly.end(), there.iter().position(|t| !t).unwrap_or(600) as u64);
                prop_assert_eq!(assembly.held(), there.iter().filter(|t| **t).count());
                prop_assert!(assembly.front.capacity() <= AHEAD.max(assembly.front.len() * 4));
                prop_assert!(assembly.runs.values().map(Vec::capacity).sum::<usize>() <= assembly.beyond * 4);
            }
            prop_assert_eq!(assembly.runs(), 0);
            prop_assert_eq!(assembly.into_body(), body);
        }

        #[test]
        fn is_handed_over_in_order(pieces in proptest::collection::vec((0usize..600, 0usize..90), 0..80)) {
            let (body, mut assembly, mut given) = (body(), Assembly::default(), Vec::new());
            for (at, len) in pieces.into_iter().chain([(0, 600)]) {
                let data = &body[at..(at + len).min(600)];
                if let Some(new) = assembly.in_order(at as u64, data) {
                    given.extend_from_slice(new);
                    assembly.pass(new.len());
                    while let Some(next) = assembly.next() {
                        given.extend_from_slice(&next);
                    }
                } else {
                    assembly.insert(at as u64, data, None);
                }
                prop_assert_eq!(assembly.given(), given.len() as u64);
            }
            prop_assert_eq!(assembly.held(), 0);
            prop_assert_eq!(given, body);
        }
    }
}
