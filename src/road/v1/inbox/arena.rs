//! Small bodies share allocations: each is copied once into a common buffer and split off it.

use bytes::{Bytes, BytesMut};

/// Where small bodies go. Holds no heap before the first and after [`Arena::rest`].
#[derive(Debug, Default)]
pub(super) struct Arena {
    buffer: BytesMut,
    size: usize,
}

/// The first buffer after rest: who keeps a lone message keeps little beside it.
const FIRST: usize = 512;
/// The largest: some 200 messages of 64 bytes an allocation.
const LAST: usize = 16 << 10;
/// Bodies larger than this part of a buffer have an allocation of their own.
const SHARE: usize = 4;

impl Arena {
    pub(super) fn copy(&mut self, data: &[u8]) -> Bytes {
        if data.is_empty() {
            return Bytes::new();
        }
        if self.buffer.capacity() < data.len() && !self.make_room(data.len()) {
            return Bytes::copy_from_slice(data);
        }
        self.buffer.extend_from_slice(data);
        self.buffer.split().freeze()
    }

    pub(super) fn rest(&mut self) {
        *self = Self::default();
    }

    /// Nothing is in the buffer between copies, so its capacity is its room.
    #[cold]
    fn make_room(&mut self, n: usize) -> bool {
        if self.buffer.try_reclaim(n) {
            return true;
        }
        let size = (self.size * 2).clamp(FIRST, LAST);
        self.size = size;
        if n > size / SHARE {
            return false;
        }
        self.buffer = BytesMut::with_capacity(size);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_what_was_copied() {
        let mut arena = Arena::default();
        let source: Vec<u8> = (0..=255).cycle().take(70_000).collect();
        let sizes = [0, 1, 64, 127, 128, 129, 300, 4096, 4097, 60_000];
        let mut copies = Vec::new();
        for i in 0..2000 {
            let n = sizes[i % sizes.len()];
            copies.push((i % 256, n, arena.copy(&source[i % 256..i % 256 + n])));
        }
        assert!(copies.iter().all(|(at, n, copy)| copy == &source[*at..at + n]));
        arena.rest();
        assert_eq!(arena.buffer.capacity(), 0);
    }

    #[test]
    fn a_lone_message_pins_little() {
        let mut arena = Arena::default();
        drop(arena.copy(&[7; 64]));
        assert!(arena.buffer.capacity() <= FIRST);
        let before = arena.size;
        (0..1000).for_each(|_| drop(arena.copy(&[7; 64])));
        assert_eq!(arena.size, before, "room that was given back is used again");
    }
}
