//! How a finished coat is cut into packets (wire v0 §2). Knows bytes only: when to send which is the messenger's.

use bytes::Bytes;

use super::kinds::{FootKind, HeadKind};
use super::tray::SEGMENTS_MAX;
use super::{Head, fields, head_text, packet};
use crate::nacl::SigningKey;

/// Largest packet we send (wire v0 §1).
pub const PACKET_MAX: usize = 1024;
/// Bytes raet reserves for `sn`, `sc` and `ml` in a raet head, and in a json head (wire v0 §2).
const RESERVE_RAET: usize = 27;
const RESERVE_JSON: usize = 36;

/// A coat and where it is cut.
#[derive(Debug, Clone)]
pub struct Segments {
    head: Head,
    coat: Bytes,
    room: usize,
    count: u32,
}

impl Segments {
    /// Cuts `coat`: one packet when that fits 1024 bytes, else equal pieces and a rest.
    pub fn new(head: &Head, coat: Bytes) -> Self {
        let head = Head { sn: 0, sc: 1, ml: 0, segment: false, ..*head };
        if packet::len(&head, coat.len()) <= PACKET_MAX {
            let room = coat.len();
            return Self { head, coat, room, count: 1 };
        }
        let reserve = match head.head_kind {
            HeadKind::Raet => RESERVE_RAET,
            HeadKind::Json => RESERVE_JSON,
        };
        let foot = if head.foot == FootKind::Nacl { fields::FOOT } else { 0 };
        // The longest head has about 220 bytes, so there is always room.
        let room = PACKET_MAX.saturating_sub(head_text::len(&head) + reserve + foot).max(1);
        let count = coat.len().div_ceil(room) as u32;
        let head = Head { sc: count, ml: coat.len() as u32, segment: true, ..head };
        Self { head, coat, room, count }
    }

    /// How many packets it takes, at least 1.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether a peer will take it: not more than [`SEGMENTS_MAX`] pieces, which long heads can bring about below
    /// [`MESSAGE_MAX`](crate::base::limits::MESSAGE_MAX).
    pub fn fits(&self) -> bool {
        self.count <= SEGMENTS_MAX
    }

    /// Bytes of the whole coat.
    pub fn coat_len(&self) -> usize {
        self.coat.len()
    }

    /// Head (without the flags [`write`](Self::write) sets) and slice of segment `i`; `None` past the last.
    pub fn head_and_slice(&self, i: u32) -> Option<(Head, &[u8])> {
        if i >= self.count {
            return None;
        }
        let start = i as usize * self.room;
        let end = self.coat.len().min(start + self.room);
        Some((Head { sn: i, ..self.head }, self.coat.get(start..end)?))
    }

    /// Appends segment `i` with the flags `(wait, again)`, signed anew; nothing, and false, past the last.
    pub fn write(&self, i: u32, (wait, again): (bool, bool), sign: Option<&SigningKey>, out: &mut Vec<u8>) -> bool {
        let Some((head, slice)) = self.head_and_slice(i) else { return false };
        packet::write(&Head { wait, again, ..head }, slice, sign, out);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::any_head;
    use super::super::{Inserted, PacketKind, TransactKind, Tray, packet};
    use super::*;

    fn message(head: Head) -> Head {
        Head { transact: TransactKind::Message, packet: PacketKind::Message, foot: FootKind::Nacl, ..head }
    }

    proptest! {
        #[test]
        fn any_order_and_duplicates_reassemble(
            head in any_head(),
            coat in proptest::collection::vec(any::<u8>(), 0..20_000),
            picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let segments = Segments::new(&message(head), coat.clone().into());
            let count = segments.count() as usize;
            let order = picks.iter().map(|pick| pick.index(count) as u32).chain(0..segments.count());
            let mut tray: Option<Tray> = None;
            let mut there = std::collections::BTreeSet::new();
            for i in order {
                let mut out = Vec::new();
                segments.write(i, (false, false), None, &mut out);
                prop_assert!(out.len() <= PACKET_MAX);
                let packet = packet::read(&out).unwrap();
                let tray = tray.get_or_insert_with(|| Tray::new(&packet.head).unwrap());
                let expect = if there.insert(i) { Inserted::New } else { Inserted::Duplicate };
                prop_assert_eq!(tray.insert(&packet.head, packet.coat), Ok(expect));
                let highest = *there.last().unwrap();
                prop_assert_eq!(tray.highest(), highest);
                let missing: Vec<u32> = (0..highest).filter(|sn| !there.contains(sn)).collect();
                prop_assert_eq!(tray.missing(0).collect::<Vec<_>>(), missing);
                prop_assert_eq!(tray.is_complete(), there.len() == count);
            }
            prop_assert_eq!(tray.unwrap().into_coat(), Ok(coat));
        }

        #[test]
        fn pieces_are_as_even_as_raets(head in any_head(), len in 0usize..200_000) {
            let segments = Segments::new(&message(head), vec![0; len].into());
            let sizes: Vec<usize> =
                (0..segments.count()).map(|i| segments.head_and_slice(i).unwrap().1.len()).collect();
            prop_assert_eq!(sizes.iter().sum::<usize>(), len);
            let (last, rest) = sizes.split_last().unwrap();
            prop_assert!(rest.iter().all(|size| size == &rest[0]) && rest.first().is_none_or(|size| last <= size));
            prop_assert_eq!(segments.head_and_slice(segments.count()), None);
        }
    }
}
