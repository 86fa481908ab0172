//! The head of a data packet: 11 to 14 bytes, all of them authenticated by what seals the frames.
//!
//! `0b11000_0ll | epoch u8 | cid u64 | packet number, ll + 1 bytes`. The head is not masked: session ids are random and
//! change on migration, and a mask would cost a block cipher call per packet.

use super::{Full, Malformed, Reader, Truncated, Writer, malformed};

/// What a data packet says in clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataHead {
    /// The key epoch modulo 256.
    pub epoch: u8,
    /// The receiver's session id.
    pub cid: u64,
    /// The end of the packet number.
    pub number: Truncated,
}

/// Bytes of the longest head.
pub const HEAD_MAX: usize = 14;
/// The first byte without the length bits; the four between must be zero.
const FIRST: u8 = 0b1100_0000;
const LENGTH: u8 = 0b0000_0011;

impl DataHead {
    /// Whether a datagram that begins with `first` is a data packet.
    pub fn is_data(first: u8) -> bool {
        first & FIRST == FIRST
    }

    /// The first byte.
    pub fn first(&self) -> u8 {
        match self.number.size() {
            1 => FIRST,
            2 => FIRST | 1,
            3 => FIRST | 2,
            _ => FIRST | 3,
        }
    }

    /// Bytes it takes.
    pub fn size(&self) -> usize {
        10 + self.number.size()
    }

    /// The head at the start of `datagram`.
    pub fn read(datagram: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(datagram);
        let first = reader.u8("head")?;
        if first & !LENGTH != FIRST {
            return malformed("reserved bits of the head", 0);
        }
        let epoch = reader.u8("epoch")?;
        let cid = reader.u64("session id")?;
        let number = reader.take(usize::from(first & LENGTH) + 1, "packet number")?;
        match Truncated::read(number) {
            Some(number) => Ok(Self { epoch, cid, number }),
            None => malformed("packet number", 10),
        }
    }

    /// Writes it.
    pub fn write(&self, out: &mut Writer<'_>) -> Result<(), Full> {
        let bytes = self.number.bytes();
        let number = bytes.get(4 - self.number.size()..).unwrap_or(&bytes);
        out.whole(|out| {
            out.u8(self.first())?;
            out.u8(self.epoch)?;
            out.u64(self.cid)?;
            out.put(number)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(epoch: u8, cid: u64, number in 0u64..1 << 31, acked: u32) {
            let head = DataHead { epoch, cid, number: Truncated::new(number, Some(u64::from(acked))) };
            let mut buffer = [0; HEAD_MAX];
            let mut writer = Writer::new(&mut buffer);
            head.write(&mut writer).unwrap();
            let size = writer.at();
            prop_assert_eq!(size, head.size());
            prop_assert_eq!(DataHead::read(&buffer[..size]), Ok(head));
            prop_assert!(DataHead::is_data(buffer[0]));
            prop_assert!(DataHead::read(&buffer[..size - 1]).is_err());
            for bit in 2..6 {
                let mut bad = buffer;
                bad[0] |= 1 << bit;
                prop_assert!(DataHead::read(&bad[..size]).is_err(), "reserved bit {}", bit);
            }
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            let _ = DataHead::read(&bytes);
        }
    }
}
