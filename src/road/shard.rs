//! Which of several roads behind one address a datagram is for: ids and cookies that a road gives out say it, as their
//! remainder by the number of roads. And what a road is told of the others. Whoever owns the sockets carries datagrams from
//! one to another.

use super::{Road, cut};
use crate::base::{Name, Time};
use crate::transport::Departure;
use crate::wire::v1::handshake::HEAD;
use crate::wire::v1::{DataHead, Kind, is_fast};

/// One road of several behind one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: u32,
    count: u32,
}

impl Shard {
    /// The only road there is.
    pub const ALONE: Self = Self { number: 0, count: 1 };

    /// Road `number`, from 0, of `count`; `None` when there is no such one.
    pub fn new(number: u32, count: u32) -> Option<Self> {
        (number < count).then_some(Self { number, count })
    }

    /// Its number.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Whose a datagram is that this road got. What begins anything is for whoever got it; the classic wire's table is one,
    /// and if it is spoken at all (`has_classic`) the first road has it.
    pub fn owner(self, datagram: &[u8], has_classic: bool) -> u32 {
        if self.count == 1 {
            return 0;
        }
        let Some(first) = datagram.first() else { return self.number };
        let mark = if DataHead::is_data(*first) {
            datagram.get(2..10)
        } else if !is_fast(datagram) {
            return if has_classic { 0 } else { self.number };
        } else if Kind::from_code(*first) == Some(Kind::Initiate) {
            // The cookie in it opens only where it was made.
            datagram.get(HEAD..HEAD + 8)
        } else {
            None
        };
        let mark = mark.and_then(|mark| mark.first_chunk()).map(|mark| u64::from_be_bytes(*mark));
        mark.map_or(self.number, |mark| self.of(mark))
    }

    /// Whether a session id is one this road gives.
    pub(crate) fn is_own(self, cid: u64) -> bool {
        self.of(cid) == self.number
    }

    /// The session id of this road next to a random one; as unguessable, but for the road's number.
    pub(crate) fn mark(self, random: u64) -> u64 {
        let count = u64::from(self.count);
        let first = random - random % count;
        let number = u64::from(self.number);
        first.checked_add(number).unwrap_or_else(|| first - count + number)
    }

    /// The same of a cookie's nonce.
    pub(crate) fn mark_nonce<const N: usize>(self, mut random: [u8; N]) -> [u8; N] {
        if let Some(first) = random.first_chunk_mut::<8>() {
            *first = self.mark(u64::from_be_bytes(*first)).to_be_bytes();
        }
        random
    }

    fn of(self, mark: u64) -> u32 {
        (mark % u64::from(self.count)) as u32
    }
}

impl Road {
    /// The estate has come over another road of this address at `at`: whatever it had here before is over.
    pub fn give_up(&mut self, now: Time, name: &Name, at: Time) {
        self.advance(now);
        if let Some(hall) = &mut self.hall {
            hall.yield_up(&mut self.core, name, at);
        }
        let Some(nuid) = self.table.named(name) else { return };
        if let Some(remote) = self.table.find(nuid) {
            cut(&mut self.core, remote, Departure::Renewed);
            self.settle(nuid);
        }
    }

    /// A role was seen on the fast wire by another road of this address.
    pub fn remember_fast(&mut self, role: Name) {
        self.core.remember_fast([role]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_mark_is_its_roads(random in prop_oneof![any::<u64>(), u64::MAX - 99..=u64::MAX], count in 1u32..=64, number in 0u32..64) {
            let Some(shard) = Shard::new(number % count, count) else { panic!("{number} of {count}") };
            let mark = shard.mark(random);
            prop_assert!(shard.is_own(mark) && mark.abs_diff(random) < u64::from(count));
            let nonce = shard.mark_nonce([random as u8; 24]);
            prop_assert_eq!(&nonce[8..], [random as u8; 16]);
            for other in (0..count).filter_map(|number| Shard::new(number, count)) {
                let data = [&[0xc0, 0][..], &mark.to_be_bytes(), &[7; 30]].concat();
                let initiate = [&[Kind::Initiate.code()][..], &[0; HEAD - 1], &nonce, &[7; 300]].concat();
                prop_assert_eq!((other.owner(&data, false), other.owner(&initiate, true)), (shard.number, shard.number));
                // Whatever begins anything is taken where it came; the classic wire is the first road's.
                prop_assert_eq!(other.owner(&[Kind::Hello.code(); 320], true), other.number);
                prop_assert_eq!((other.owner(b"RAET", true), other.owner(b"RAET", false)), (0, other.number));
                prop_assert_eq!(other.owner(&data[..9], true), other.number);
            }
        }
    }

    #[test]
    fn there_is_no_road_beyond_the_last() {
        assert_eq!((Shard::new(2, 2), Shard::new(0, 0), Shard::new(0, 1)), (None, None, Some(Shard::ALONE)));
    }
}
