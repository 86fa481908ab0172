//! Packet numbers: the end of the number goes over the wire, the receiver knows the rest (RFC 9000 §17.1 and appendix A).

/// The last 1 to 4 bytes of a packet number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncated {
    value: u32,
    size: u8,
}

/// Packet numbers end here, long before a varint does: one more under the session's keys is refused.
pub const LAST: u64 = 1 << 60;

impl Truncated {
    /// As much of `number` as a receiver needs that has at least the packets up to `acked` (RFC 9000 §A.2).
    pub fn new(number: u64, acked: Option<u64>) -> Self {
        let unacked = match acked {
            Some(acked) => number.saturating_sub(acked),
            None => number.saturating_add(1),
        };
        // Twice the range in flight has to fit.
        let size = match unacked {
            0..=0x7f => 1,
            0x80..=0x7fff => 2,
            0x8000..=0x7f_ffff => 3,
            _ => 4,
        };
        Self::of_size(number, size)
    }

    /// From the wire: 1 to 4 bytes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let size = u8::try_from(bytes.len()).ok().filter(|size| (1..=4).contains(size))?;
        let value = bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte));
        Some(Self { value, size })
    }

    /// Bytes on the wire, 1 to 4.
    pub fn size(self) -> usize {
        usize::from(self.size)
    }

    /// The bytes, in the last [`Truncated::size`] of four.
    pub fn bytes(self) -> [u8; 4] {
        self.value.to_be_bytes()
    }

    /// The whole number, nearest to the one after `largest` (RFC 9000 §A.3).
    pub fn expand(self, largest: Option<u64>) -> u64 {
        let expected = largest.map_or(0, |largest| largest.saturating_add(1));
        let window = 1u64 << (8 * u32::from(self.size));
        let half = window / 2;
        let candidate = (expected & !(window - 1)) | u64::from(self.value);
        if candidate.saturating_add(half) <= expected && candidate < LAST - window {
            candidate + window
        } else if candidate > expected.saturating_add(half) && candidate >= window {
            candidate - window
        } else {
            candidate
        }
    }

    fn of_size(number: u64, size: u8) -> Self {
        let [.., a, b, c, d] = number.to_be_bytes();
        let mask = u32::MAX >> (32 - 8 * u32::from(size));
        Self { value: u32::from_be_bytes([a, b, c, d]) & mask, size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc_9000_examples() {
        // RFC 9000 §A.2: largest acknowledged 0xabe8b3.
        assert_eq!(Truncated::new(0xac5c02, Some(0xabe8b3)), Truncated { value: 0x5c02, size: 2 });
        assert_eq!(Truncated::new(0xace8fe, Some(0xabe8b3)), Truncated { value: 0xace8fe, size: 3 });
        // §A.3: largest received 0xa82f30ea.
        assert_eq!(Truncated { value: 0x9b32, size: 2 }.expand(Some(0xa82f30ea)), 0xa82f9b32);
    }

    #[test]
    fn a_session_may_begin_anywhere_below_2_to_the_31() {
        for first in [0, 1, 300, (1 << 30) - 1, (1 << 31) - 1] {
            assert_eq!(Truncated::new(first, None).expand(None), first);
        }
    }

    proptest! {
        #[test]
        fn what_was_cut_is_found_again(
            acked in proptest::option::of(0..LAST / 2), flight in 1u64..(1 << 31), behind in 0u64..(1 << 31),
        ) {
            let number = acked.map_or(flight - 1, |acked| acked + flight);
            let cut = Truncated::new(number, acked);
            let bytes = cut.bytes();
            prop_assert_eq!(Truncated::read(&bytes[4 - cut.size()..]), Some(cut));
            // The receiver has `acked` at least, and may have anything up to the packet before this one.
            let largest = acked.into_iter().chain(number.checked_sub(1 + behind)).max();
            prop_assert_eq!(cut.expand(largest), number);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..6), largest: Option<u64>) {
            let cut = Truncated::read(&bytes);
            prop_assert_eq!(cut.is_some(), (1..=4).contains(&bytes.len()));
            if let Some(cut) = cut {
                cut.expand(largest);
            }
        }
    }
}
