//! Buffers of large bodies, used again once the application has let go of what was in them: fresh memory costs a page fault
//! for every four kilobytes, as much as all else that is done with them. Owns a handle on each; never waits for one.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::base::limits;

/// Buffers that were handed out as bodies, oldest first but for those that were found in use. Holds no heap before the first and after [`Spares::rest`].
#[derive(Debug, Default)]
pub(super) struct Spares {
    /// Each with its size.
    list: VecDeque<(usize, BytesMut)>,
    bytes: usize,
}

/// Smaller bodies are as cheap from the allocator.
const LEAST: usize = 8 << 10;
/// Buffers looked at for one body, the newest first: what an application let go of at once is still in the cache.
const LOOKS: usize = 4;
/// A body takes a buffer of at most so many times its size, for who keeps it keeps all of that.
const EXCESS: usize = 2;

impl Spares {
    /// An empty buffer for a body of `total` bytes, if there is one.
    pub(super) fn take(&mut self, total: usize) -> Option<BytesMut> {
        for _ in 0..LOOKS.min(self.list.len()) {
            let (size, mut buffer) = self.list.pop_back()?;
            if size >= total && size <= total.saturating_mul(EXCESS) && buffer.try_reclaim(total) {
                self.bytes -= size;
                return Some(buffer);
            }
            self.list.push_front((size, buffer));
        }
        None
    }

    /// What was written to a buffer, for the application; the buffer itself is to be used again.
    pub(super) fn lend(&mut self, mut buffer: BytesMut) -> Bytes {
        let size = buffer.capacity();
        if !(LEAST..=limits::FAST_SPARE_BYTES).contains(&size) {
            return buffer.freeze();
        }
        let body = buffer.split().freeze();
        self.bytes += size;
        self.list.push_back((size, buffer));
        while self.bytes > limits::FAST_SPARE_BYTES
            && let Some((size, _)) = self.list.pop_front()
        {
            self.bytes -= size;
        }
        body
    }

    pub(super) fn rest(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lend(spares: &mut Spares, size: usize) -> Bytes {
        let mut buffer = spares.take(size).unwrap_or_else(|| BytesMut::with_capacity(size));
        buffer.extend_from_slice(&vec![7; size]);
        spares.lend(buffer)
    }

    #[test]
    fn a_buffer_is_used_again_once_it_is_free() {
        let mut spares = Spares::default();
        let first = lend(&mut spares, 100_000);
        assert!(spares.take(100_000).is_none(), "the application has it");
        let at = first.as_ptr();
        let slice = first.slice(5..6);
        drop(first);
        assert!(spares.take(100_000).is_none(), "part of it");
        drop(slice);
        assert!(spares.take(40_000).is_none() && spares.take(100_001).is_none(), "too large, too small");
        let again = lend(&mut spares, 90_000);
        assert_eq!((again.as_ptr(), again.len(), spares.list.len()), (at, 90_000, 1));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut spares = Spares::default();
        let kept: Vec<_> = (0..100).map(|_| lend(&mut spares, 1 << 20)).collect();
        assert!(spares.bytes <= limits::FAST_SPARE_BYTES && kept.len() == 100);
        drop(lend(&mut spares, limits::FAST_SPARE_BYTES + 1));
        drop(lend(&mut spares, 100));
        assert_eq!(spares.list.iter().map(|(size, _)| size).sum::<usize>(), spares.bytes);
        assert!(spares.list.iter().all(|(size, _)| *size >= LEAST));
        spares.rest();
        assert_eq!((spares.list.capacity(), spares.bytes), (0, 0));
    }
}
