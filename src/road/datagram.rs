//! What crosses the line between a road and its shell: datagrams that arrived, and buffers to be sent. Owns no bytes and
//! knows no socket.

use std::net::SocketAddr;
use std::slice::Chunks;

/// ECN codepoint (RFC 3168 §5): what the IP head says of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum Mark {
    /// The sender cannot be told of congestion by marks, or the shell cannot see them.
    #[default]
    NotEct = 0b00,
    /// ECN-capable, codepoint 1.
    Ect1 = 0b01,
    /// ECN-capable, codepoint 0: the one in common use.
    Ect0 = 0b10,
    /// Congestion experienced: a router marked instead of dropping.
    Ce = 0b11,
}

impl Mark {
    /// The mark in the two low bits of an IP head's traffic class; the other bits are not looked at.
    pub fn from_bits(bits: u8) -> Self {
        //= RFC 3168 §5
        match bits & 0b11 {
            0b00 => Self::NotEct,
            0b01 => Self::Ect1,
            0b10 => Self::Ect0,
            _ => Self::Ce,
        }
    }

    /// The two bits as they stand in the IP head.
    pub fn bits(self) -> u8 {
        self as u8
    }
}

/// A datagram that arrived. It is opened in place: the bytes are spent afterwards.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// The address it came from.
    pub from: SocketAddr,
    /// How it was marked on its way.
    pub mark: Mark,
    /// The UDP payload.
    pub bytes: &'a mut [u8],
}

/// What is to be sent from the buffer: one datagram, or a train of equal ones to one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// Where it goes.
    pub to: SocketAddr,
    /// Bytes in the buffer, all datagrams together.
    pub size: usize,
    /// `Some(s)`: datagrams of `s` bytes, the last may be shorter. `None`: one datagram.
    pub segment: Option<usize>,
    /// The mark each datagram sets out with.
    pub mark: Mark,
}

impl Transmit {
    /// One datagram of `size` bytes, not marked.
    pub fn one(to: SocketAddr, size: usize) -> Self {
        Self { to, size, segment: None, mark: Mark::NotEct }
    }

    /// Datagrams in the buffer.
    pub fn count(&self) -> usize {
        self.segment.map_or(1, |segment| self.size.div_ceil(segment.max(1)).max(1))
    }

    /// The datagrams one by one, from the buffer that [`Road::poll_transmit`](super::Road::poll_transmit) filled.
    pub fn datagrams<'b>(&self, buffer: &'b [u8]) -> Chunks<'b, u8> {
        let bytes = buffer.get(..self.size).unwrap_or(buffer);
        bytes.chunks(self.segment.unwrap_or(self.size).max(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_are_the_bits_of_the_head() {
        for bits in 0..=255 {
            assert_eq!(Mark::from_bits(bits).bits(), bits & 0b11);
        }
        assert_eq!(Mark::from_bits(0b10), Mark::Ect0);
    }

    proptest! {
        #[test]
        fn a_train_is_cut_without_loss(bytes in prop::collection::vec(any::<u8>(), 1..500), segment in prop::option::of(1usize..600)) {
            let to = SocketAddr::from(([10, 0, 0, 1], 1));
            let transmit = Transmit { segment, ..Transmit::one(to, bytes.len()) };
            // A buffer that is longer than what is said to be in it.
            let buffer = [bytes.as_slice(), b"stale"].concat();
            let cut: Vec<&[u8]> = transmit.datagrams(&buffer).collect();
            prop_assert_eq!(cut.len(), transmit.count());
            prop_assert_eq!(cut.concat(), bytes);
            let (last, others) = cut.split_last().unwrap();
            prop_assert!(others.iter().all(|datagram| Some(datagram.len()) == segment));
            prop_assert!(segment.is_none_or(|segment| last.len() <= segment));
        }
    }
}
