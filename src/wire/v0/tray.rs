//! Reassembly of one segmented coat (wire v0 §2). Its memory follows what was received, never what was claimed.

use std::collections::BTreeMap;

use super::{Head, Malformed, malformed};
use crate::base::limits::COAT_MAX;

/// Most segments of one message (wire v0 §2 "maxima").
pub const SEGMENTS_MAX: u32 = 65_535;
/// Least bytes per segment on the average, so that a small message cannot claim many. raet has room for 669 in its
/// worst head (wire v0 §2).
const PIECE_MIN: u64 = 256;
/// What one waiting piece costs beyond its bytes.
const PIECE_COST: usize = 64;

/// What [`Tray::insert`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// The segment was missing.
    New,
    /// It was there already; nothing changed.
    Duplicate,
}

/// A coat that is coming in.
#[derive(Debug, Clone)]
pub struct Tray {
    sc: u32,
    ml: u32,
    /// Segments 0 up to `next`, end to end.
    front: Vec<u8>,
    next: u32,
    /// Segments past a gap.
    ahead: BTreeMap<u32, Box<[u8]>>,
    ahead_len: usize,
}

impl Tray {
    /// For the message that `first` is any segment of. Nothing is stored yet.
    pub fn new(first: &Head) -> Result<Self, Malformed> {
        let (sc, ml) = (first.sc, first.ml);
        if sc == 0 || sc > SEGMENTS_MAX {
            return malformed("impossible segment count", 0);
        }
        if ml as usize > COAT_MAX {
            return malformed("message too long", 0);
        }
        if sc > 1 && u64::from(ml) < u64::from(sc - 1) * PIECE_MIN {
            return malformed("more segments than the message has room for", 0);
        }
        Ok(Self { sc, ml, front: Vec::new(), next: 0, ahead: BTreeMap::new(), ahead_len: 0 })
    }

    /// Stores one segment. `sc` and `ml` must be those of the first one.
    pub fn insert(&mut self, head: &Head, coat: &[u8]) -> Result<Inserted, Malformed> {
        if head.sc != self.sc || head.ml != self.ml {
            return malformed("segment of another message", 0);
        }
        if head.sn >= self.sc {
            return malformed("segment number outside its count", 0);
        }
        if head.sn < self.next || self.ahead.contains_key(&head.sn) {
            return Ok(Inserted::Duplicate);
        }
        if self.is_segmented() && coat.is_empty() {
            return malformed("empty segment", 0);
        }
        if self.is_segmented() && self.front.len() + self.ahead_len + coat.len() > self.ml as usize {
            return malformed("segments longer than the message", 0);
        }
        if head.sn != self.next {
            self.ahead_len += coat.len();
            self.ahead.insert(head.sn, coat.into());
            return Ok(Inserted::New);
        }
        self.front.extend_from_slice(coat);
        self.next += 1;
        while let Some(piece) = self.ahead.remove(&self.next) {
            self.ahead_len -= piece.len();
            self.front.extend_from_slice(&piece);
            self.next += 1;
        }
        Ok(Inserted::New)
    }

    /// Whether every segment is there.
    pub fn is_complete(&self) -> bool {
        self.next == self.sc
    }

    /// Numbers from `from` on, below [`highest`](Self::highest), that are not there.
    pub fn missing(&self, from: u32) -> impl Iterator<Item = u32> + '_ {
        (from.max(self.next)..self.highest()).filter(|sn| !self.ahead.contains_key(sn))
    }

    /// The highest number received, 0 before the first.
    pub fn highest(&self) -> u32 {
        match self.ahead.last_key_value() {
            Some((&sn, _)) => sn,
            None => self.next.saturating_sub(1),
        }
    }

    /// How many segments the message has.
    pub fn count(&self) -> u32 {
        self.sc
    }

    /// About how much memory the segments take.
    pub fn bytes(&self) -> usize {
        self.front.len() + self.ahead_len + self.ahead.len() * PIECE_COST
    }

    /// The whole coat, when it is there and as long as was said.
    pub fn into_coat(self) -> Result<Vec<u8>, Malformed> {
        if !self.is_complete() {
            return malformed("segments are missing", 0);
        }
        if self.is_segmented() && self.front.len() != self.ml as usize {
            return malformed("ml is not the coat's length", 0);
        }
        Ok(self.front)
    }

    /// A packet that holds its message whole says no `ml`.
    fn is_segmented(&self) -> bool {
        self.sc > 1 || self.ml > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(sn: u32, sc: u32, ml: u32) -> Head {
        Head { sn, sc, ml, segment: true, ..Head::default() }
    }

    #[test]
    fn implausible_claims_are_refused() {
        let most = COAT_MAX as u32;
        for (sc, ml) in [(0, 0), (65_536, most), (1, most + 1), (2, 255), (65_535, 65_535 * 255)] {
            assert!(Tray::new(&head(0, sc, ml)).is_err(), "{sc} {ml}");
        }
        for (sc, ml) in [(1, 0), (1, most), (2, 890), (65_535, most)] {
            assert!(Tray::new(&head(0, sc, ml)).is_ok(), "{sc} {ml}");
        }
    }

    #[test]
    fn a_claim_costs_nothing() {
        let claim = head(65_000, 65_535, COAT_MAX as u32);
        let mut tray = Tray::new(&claim).unwrap();
        assert_eq!(tray.bytes(), 0);
        tray.insert(&claim, &[1; 850]).unwrap();
        assert!(tray.bytes() < 1000);
        assert_eq!(tray.missing(0).count(), 65_000);
        assert_eq!(tray.missing(64_990).collect::<Vec<_>>(), (64_990..65_000).collect::<Vec<_>>());
        assert!(tray.into_coat().is_err());
    }

    #[test]
    fn segments_must_agree() {
        let mut tray = Tray::new(&head(0, 3, 1000)).unwrap();
        assert_eq!(tray.insert(&head(1, 3, 1000), &[1; 400]), Ok(Inserted::New));
        assert_eq!(tray.insert(&head(1, 3, 1000), &[2; 400]), Ok(Inserted::Duplicate));
        for (sn, sc, ml, len) in
            [(0, 4, 1000, 400), (0, 3, 1001, 400), (3, 3, 1000, 400), (0, 3, 1000, 0), (0, 3, 1000, 601)]
        {
            assert!(tray.insert(&head(sn, sc, ml), &vec![0; len]).is_err(), "{sn} {sc} {ml} {len}");
        }
        tray.insert(&head(0, 3, 1000), &[0; 400]).unwrap();
        let mut short = tray.clone();
        short.insert(&head(2, 3, 1000), &[2; 199]).unwrap();
        assert!(short.is_complete());
        assert_eq!(short.into_coat().unwrap_err().what, "ml is not the coat's length");
        tray.insert(&head(2, 3, 1000), &[2; 200]).unwrap();
        assert_eq!(tray.into_coat(), Ok([vec![0; 400], vec![1; 400], vec![2; 200]].concat()));
    }

    #[test]
    fn a_whole_message_needs_no_length() {
        let whole = Head::default();
        let mut tray = Tray::new(&whole).unwrap();
        assert!(!tray.is_complete());
        tray.insert(&whole, b"coat").unwrap();
        assert!(tray.is_complete());
        assert_eq!(tray.into_coat(), Ok(b"coat".to_vec()));
    }
}
